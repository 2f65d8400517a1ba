//! The channel of the implicit penalty, by quadrature.

use crate::error::{Error, Result};
use crate::estimator::quadrature::{Node, Proximal, Rule, Visitor, integrate, integrate_over};
use crate::estimator::{
    Form, Line, Partials, Resolution, ScalarEstimator, Slopes, Terms, prior_in_units,
};
use crate::network::mirror_map::{Hyperbolic, MirrorMap};
use crate::numerics::lanes::Lanes;
use crate::problem::law::CoordinateGroup;

impl Proximal {
    /// The channel of a group in units of the root of `unit_squared`.
    pub(crate) fn new(group: &CoordinateGroup, unit_squared: f64) -> Result<Self> {
        let unit = unit_squared.sqrt();
        let scale = group.scale() / unit;
        if !(1e-303..=1e303).contains(&scale) {
            return Err(Error::NotRepresentable {
                quantity: "a scale in units of signal and noise",
                reason: "it is not within 1e-303 and 1e303",
            });
        }
        let (mean, variance) = prior_in_units(group, unit_squared)?;
        let start = group.start() / unit;
        if start.abs() > 1e150 {
            return Err(Error::NotRepresentable {
                quantity: "the start of a group of weight zero",
                reason: "it is too large in units of signal and noise",
            });
        }
        // The mean has become positive, and the start with it.
        let start = if group.prior().mean() < 0.0 { -start } else { start };
        Ok(Self { mean, variance, scale, start })
    }

    /// The mirror map of the group.
    pub(crate) fn map(&self) -> Hyperbolic<f64> {
        Hyperbolic::at_scale(self.scale)
    }

    /// `sqrt(c² + b²)` at the start: the scale that the first steps see.
    fn scale_at_start(&self) -> f64 {
        if self.start == 0.0 { self.scale } else { self.map().norm_of(self.start) }
    }

    /// Square of the distance at which the map bends, in units of the mean square of `z`, counted
    /// from the start.
    fn threshold_squared(&self, w: f64, half_penalty: f64) -> f64 {
        let threshold = Hyperbolic::at_scale(self.scale_at_start()).threshold(half_penalty);
        threshold * threshold / (self.signal() + w)
    }

    /// `E[(b - B)²]`.
    pub(crate) fn error(&self, w: f64, half_penalty: f64) -> f64 {
        let total = self.variance + w;
        if total == 0.0 {
            // A known coefficient, observed exactly: what is missing is what the penalty takes.
            return self.shrinkage(self.mean, half_penalty).powi(2);
        }
        let mut bias_squared = 0.0;
        integrate(self, w, half_penalty, &Rule::FINE, |node| {
            bias_squared += node.mass * node.bias * node.bias;
        });
        self.variance * (w / total) + bias_squared
    }
}

impl ScalarEstimator for Proximal {
    fn signal(&self) -> f64 {
        let distance = self.mean - self.start;
        distance * distance + self.variance
    }

    fn terms(&self, w: f64, half_penalty: f64, form: Form, resolution: Resolution) -> Terms {
        self.terms_over::<Hyperbolic<f64>>(w, half_penalty, form, resolution)
    }

    fn penalties(&self, w: f64) -> [f64; 2] {
        let scale = self.scale_at_start();
        [scale, scale.hypot((self.signal() + w).sqrt())]
    }

    /// A linear response below the threshold, and a full one above.
    fn rough_response(&self, w: f64, half_penalty: f64) -> f64 {
        let beyond = (-0.5 * self.threshold_squared(w, half_penalty)).exp();
        let scale = self.scale_at_start();
        beyond.max(scale / (scale + half_penalty))
    }

    fn responds(&self, w: f64, half_penalty: f64) -> bool {
        self.scale_at_start() > half_penalty
            || self.threshold_squared(w, half_penalty) < 2.0 * std::f64::consts::LN_2
    }

    fn is_same(&self, other: &Self) -> bool {
        self == other
    }

    fn partials(&self, w: f64, half_penalty: f64) -> Partials {
        self.partials_by(w, half_penalty, &Rule::FINE)
    }

    fn mean(&self, w: f64, half_penalty: f64) -> f64 {
        if self.variance + w == 0.0 {
            return self.mean - self.shrinkage(self.mean, half_penalty);
        }
        self.average(w, half_penalty, |_, estimate| estimate)
    }

    fn square_distance(&self, w: f64, half_penalty: f64, line: Line) -> f64 {
        let Line { level, slope } = line;
        if self.variance + w == 0.0 {
            return (self.mean(w, half_penalty) - level).powi(2);
        }
        self.average(w, half_penalty, |x, estimate| (estimate - level - slope * x).powi(2))
    }

    fn observation(&self, half_penalty: f64, estimate: f64) -> f64 {
        self.observation_of(estimate, half_penalty)
    }
}

impl Proximal {
    /// The [terms](ScalarEstimator::terms) under any mirror map.
    #[inline]
    fn terms_over<M: MirrorMap>(
        &self,
        w: f64,
        half_penalty: f64,
        form: Form,
        resolution: Resolution,
    ) -> Terms {
        let rule = match resolution {
            Resolution::Rough => Rule::ROUGH,
            Resolution::Coarse => Rule::COARSE,
            Resolution::Fine => Rule::FINE,
            #[cfg(test)]
            Resolution::Reference => Rule::REFERENCE,
        };
        match form {
            Form::Direct => {
                let mut moments = DirectMoments::default();
                let nodes = integrate_over::<M>(self, w, half_penalty, &rule, &mut moments);
                moments.terms(self.variance, w, nodes)
            }
            Form::Complementary => {
                let mut moments = ComplementaryMoments::default();
                let nodes = integrate_over::<M>(self, w, half_penalty, &rule, &mut moments);
                moments.terms(self.variance, w, nodes)
            }
        }
    }

    /// Average of a function of the standardized observation and the estimate.
    fn average(&self, w: f64, half_penalty: f64, function: impl Fn(f64, f64) -> f64) -> f64 {
        let spread = (self.variance + w).sqrt();
        let symmetric = self.mean == 0.0 && self.start == 0.0;
        let (mut mass, mut sum) = (0.0, 0.0);
        integrate(self, w, half_penalty, &Rule::FINE, |node| {
            let x = node.deviation / spread;
            let value = function(x, node.estimate);
            // One side stands for both where they are alike.
            let value =
                if symmetric { 0.5 * (value + function(-x, -node.estimate)) } else { value };
            mass += node.mass;
            sum += node.mass * value;
        });
        sum / mass
    }
}

// Derivatives in w move the Gaussian density, by ((z - m)²/S² - 1)/(2S²), and in the error also
// the posterior mean. Derivatives in theta move b, by -((t - t0)/2) db/dz.

/// Sums over nodes for the direct form.
#[derive(Debug, Default)]
struct DirectMoments {
    response: Lanes,
    response_deviation_squared: Lanes,
    response_by_penalty: Lanes,
    bias_squared: Lanes,
    bias_squared_deviation_squared: Lanes,
    bias_deviation: Lanes,
    response_bias_shrinkage: Lanes,
}

impl Visitor for DirectMoments {
    #[inline(always)]
    fn visit(&mut self, node: &Node<Lanes>, _: usize) {
        let bias_squared = node.mass * node.bias * node.bias;
        self.response += node.response;
        self.response_deviation_squared += node.response * node.deviation_squared;
        self.response_by_penalty += node.response_by_penalty;
        self.bias_squared += bias_squared;
        self.bias_squared_deviation_squared += bias_squared * node.deviation_squared;
        self.bias_deviation += node.mass * node.bias * node.deviation;
        self.response_bias_shrinkage += node.response * node.bias * node.shrinkage;
    }
}

impl DirectMoments {
    fn terms(&self, variance: f64, w: f64, nodes: usize) -> Terms {
        let total = variance + w;
        let (signal_share, noise_share) = (variance / total, w / total);
        let error = signal_share * w + self.bias_squared.sum();
        let response = Slopes {
            value: self.response.sum(),
            by_noise: 0.5
                * noise_share
                * (self.response_deviation_squared.sum() - self.response.sum()),
            by_penalty: self.response_by_penalty.sum(),
        };
        let noise = Slopes {
            value: error,
            by_noise: w * signal_share * signal_share
                + 0.5
                    * noise_share
                    * (self.bias_squared_deviation_squared.sum() - self.bias_squared.sum())
                - 2.0 * signal_share * noise_share * self.bias_deviation.sum(),
            by_penalty: 2.0 * self.response_bias_shrinkage.sum(),
        };
        Terms { response, noise, error, nodes }
    }
}

/// Sums over nodes for the complementary form.
#[derive(Debug, Default)]
struct ComplementaryMoments {
    resistance: Lanes,
    resistance_deviation_squared: Lanes,
    response_by_penalty: Lanes,
    shrinkage_squared: Lanes,
    shrinkage_squared_deviation_squared: Lanes,
    response_shrinkage_squared: Lanes,
    bias_squared: Lanes,
}

impl Visitor for ComplementaryMoments {
    #[inline(always)]
    fn visit(&mut self, node: &Node<Lanes>, _: usize) {
        let shrinkage_squared = node.shrinkage * node.shrinkage;
        self.resistance += node.resistance;
        self.resistance_deviation_squared += node.resistance * node.deviation_squared;
        self.response_by_penalty += node.response_by_penalty;
        self.shrinkage_squared += node.mass * shrinkage_squared;
        self.shrinkage_squared_deviation_squared +=
            node.mass * shrinkage_squared * node.deviation_squared;
        self.response_shrinkage_squared += node.response * shrinkage_squared;
        self.bias_squared += node.mass * node.bias * node.bias;
    }
}

impl ComplementaryMoments {
    fn terms(&self, variance: f64, w: f64, nodes: usize) -> Terms {
        let total = variance + w;
        let noise_share = w / total;
        let response = Slopes {
            value: self.resistance.sum(),
            by_noise: 0.5
                * noise_share
                * (self.resistance_deviation_squared.sum() - self.resistance.sum()),
            by_penalty: -self.response_by_penalty.sum(),
        };
        let noise = Slopes {
            value: self.shrinkage_squared.sum(),
            by_noise: 0.5
                * noise_share
                * (self.shrinkage_squared_deviation_squared.sum() - self.shrinkage_squared.sum()),
            by_penalty: 2.0 * self.response_shrinkage_squared.sum(),
        };
        let error = variance * noise_share + self.bias_squared.sum();
        Terms { response, noise, error, nodes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asymptotics::equations::Equations;
    use crate::asymptotics::newton;
    use crate::network::mirror_map::{Place, Walk};
    use crate::numerics::Precision;
    use crate::problem::law::Law;
    use crate::problem::prior::Prior;
    use crate::problem::samples::Samples;

    /// Three layers with the readout reset to 0 and the others at the weight `sqrt(Delta)`, in units of
    /// `c = Delta^(3/2)` and up to a penalty weight: `b = 2 c cosh²(t) sinh(t)`, `P` twice the integral of
    /// `sech`. Its points are `t`.
    #[derive(Debug, Clone, Copy)]
    struct ThreeLayers {
        scale: f64,
    }

    #[derive(Debug)]
    struct Steps {
        map: ThreeLayers,
        from: f64,
        step: f64,
        stretch: f64,
    }

    impl ThreeLayers {
        fn coefficient(self, t: f64) -> f64 {
            2.0 * self.scale * t.cosh().powi(2) * t.sinh()
        }

        /// `sinh t` is the root of `x + x³ = b/(2 c)`.
        fn parameter_of(self, coefficient: f64) -> f64 {
            let third = (1.5 * 3.0_f64.sqrt() * (0.5 * coefficient / self.scale)).asinh() / 3.0;
            (third.sinh() / 0.75_f64.sqrt()).asinh()
        }

        fn marginal(t: f64) -> f64 {
            4.0 * (0.5 * t).tanh().atan()
        }
    }

    impl MirrorMap for ThreeLayers {
        const GROWTH: f64 = 3.0;
        type Point = f64;
        type Walk = Steps;

        fn at_scale(scale: f64) -> Self {
            Self { scale }
        }

        fn point(self, t: f64) -> f64 {
            t
        }

        fn point_of(self, coefficient: f64) -> f64 {
            self.parameter_of(coefficient)
        }

        fn coefficient_at(self, t: f64, _: f64) -> f64 {
            self.coefficient(t)
        }

        fn norm(self, t: f64) -> f64 {
            0.25 * self.scale * (3.0 * (3.0 * t).cosh() + t.cosh()) * t.cosh()
        }

        fn moved(self, from: f64, distance: f64) -> [f64; 2] {
            let t = self.parameter(Self::marginal(from) + distance);
            [self.coefficient(t) - self.coefficient(from), self.norm(t)]
        }

        fn parameter(self, marginal: f64) -> f64 {
            (0.5 * marginal).tan().asinh()
        }

        fn marginal_of(self, coefficient: f64) -> f64 {
            Self::marginal(self.parameter_of(coefficient))
        }

        fn norm_of(self, coefficient: f64) -> f64 {
            self.norm(self.parameter_of(coefficient))
        }

        fn bend_of(self, coefficient: f64, _: f64) -> f64 {
            let t = self.parameter_of(coefficient);
            let (sinh, cosh) = (t.sinh(), t.cosh());
            let (triple_sinh, triple_cosh) = ((3.0 * t).sinh(), (3.0 * t).cosh());
            let slope = (9.0 * triple_sinh + sinh) * cosh + (3.0 * triple_cosh + cosh) * sinh;
            0.125 * self.scale * slope * cosh
        }

        fn proximal_marginal(self, z: f64, half_penalty: f64) -> f64 {
            let (mut low, mut high) = (0.0, self.parameter_of(z.abs()));
            for _ in 0..200 {
                let t = 0.5 * (low + high);
                let excess = self.coefficient(t) + half_penalty * Self::marginal(t) - z.abs();
                *(if excess < 0.0 { &mut low } else { &mut high }) = t;
            }
            Self::marginal(low).copysign(z)
        }

        fn threshold(self, half_penalty: f64) -> f64 {
            std::f64::consts::PI * half_penalty
        }

        fn walk(self, from: f64, direction: f64, step: f64, stretch: f64, _: usize) -> Steps {
            Steps { map: self, from, step: direction * step / stretch, stretch }
        }
    }

    impl Walk for Steps {
        fn place(&self, index: usize) -> Place {
            let (map, t) = (self.map, self.from + index as f64 * self.step);
            let turned = ThreeLayers::marginal(t) - ThreeLayers::marginal(self.from);
            Place {
                moved: (map.coefficient(t) - map.coefficient(self.from)).abs(),
                norm: map.norm(t),
                turned: turned.abs() * self.stretch,
                rate: 2.0 / t.cosh(),
            }
        }

        fn advance(&mut self) {}
    }

    /// What the equations ask of the estimator of a map.
    #[derive(Debug, Clone, Copy)]
    struct Deep(Proximal);

    impl ScalarEstimator for Deep {
        fn signal(&self) -> f64 {
            self.0.signal()
        }

        fn terms(&self, w: f64, half_penalty: f64, form: Form, resolution: Resolution) -> Terms {
            self.0.terms_over::<ThreeLayers>(w, half_penalty, form, resolution)
        }

        fn penalties(&self, w: f64) -> [f64; 2] {
            self.0.penalties(w)
        }

        fn rough_response(&self, w: f64, half_penalty: f64) -> f64 {
            self.0.rough_response(w, half_penalty)
        }

        fn responds(&self, w: f64, half_penalty: f64) -> bool {
            self.0.responds(w, half_penalty)
        }

        fn partials(&self, _: f64, _: f64) -> Partials {
            unreachable!("the equations do not ask for it")
        }

        fn mean(&self, _: f64, _: f64) -> f64 {
            unreachable!("the equations do not ask for it")
        }

        fn square_distance(&self, _: f64, _: f64, _: Line) -> f64 {
            unreachable!("the equations do not ask for it")
        }

        fn observation(&self, _: f64, _: f64) -> f64 {
            unreachable!("the equations do not ask for it")
        }
    }

    fn error<E: ScalarEstimator>(scale: f64, estimator: impl Fn(Proximal) -> E) -> f64 {
        let law = Law::new(vec![
            CoordinateGroup::new("slab", 0.1, Prior::gaussian(0.0, 10.0).unwrap(), scale).unwrap(),
            CoordinateGroup::new("none", 0.9, Prior::ZERO, scale).unwrap(),
        ])
        .unwrap();
        let samples = Samples::new(0.3).unwrap();
        let make = |_: usize, group: &CoordinateGroup, unit_squared| {
            Proximal::new(group, unit_squared).map(&estimator)
        };
        let equations = Equations::new(&law, &samples, 0.0, make).unwrap();
        let mut errors = [Slopes::default(); 2];
        newton::solve(&equations, None, Precision::Full, &mut errors).unwrap();
        (0.1 * errors[0].value + 0.9 * errors[1].value) * equations.unit_squared
    }

    /// Another map takes the place of the one of two layers in quadrature, equations and search.
    #[test]
    fn a_third_layer_needs_no_more_than_its_mirror_map() {
        let delta = 0.01_f64;
        let [two, three] = [error(delta, |proximal| proximal), error(delta.powf(1.5), Deep)];
        println!("{two} {three}");
        assert!((two - 0.216_635_204).abs() < 5e-10, "{two}");
        assert!((three - 0.066_859_455).abs() < 5e-10, "{three}");
    }

    #[test]
    fn slopes_under_another_map_are_derivatives() {
        const STEP: f64 = 1e-4;
        for (mean, start) in [(0.0, 0.0), (0.7, 0.0), (0.7, -0.2)] {
            let deep = Deep(Proximal { mean, variance: 0.4, scale: 0.02, start });
            for form in [Form::Direct, Form::Complementary] {
                let at = |x: f64, y: f64| {
                    let terms = deep.terms(0.1 * x.exp(), 0.2 * y.exp(), form, Resolution::Fine);
                    [terms.response, terms.noise]
                };
                let shifted = [at(STEP, 0.0), at(-STEP, 0.0), at(0.0, STEP), at(0.0, -STEP)];
                for (i, exact) in at(0.0, 0.0).iter().enumerate() {
                    let [right, left, up, down] = shifted.map(|slopes| slopes[i].value);
                    assert!(((right - left) / (2.0 * STEP) - exact.by_noise).abs() < 1e-8);
                    assert!(((up - down) / (2.0 * STEP) - exact.by_penalty).abs() < 1e-8);
                }
            }
        }
    }
}
