//! A third layer: all that it changes is the mirror map. The quadrature, the equations and the search are
//! those of two layers.

use crate::asymptotics::equations::Equations;
use crate::asymptotics::newton;
use crate::estimator::quadrature::Proximal;
use crate::estimator::{Form, Line, Partials, Resolution, ScalarEstimator, Slopes, Terms};
use crate::network::mirror_map::{MirrorMap, Pace, Places, Walk};
use crate::numerics::lanes::{LANES, Lanes, Machine};
use crate::problem::law::{CoordinateGroup, Law};
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
struct Steps<M> {
    machine: M,
    map: ThreeLayers,
    from: f64,
    step: f64,
    stretch: f64,
    index: f64,
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
    type Walk<M: Machine> = Steps<M>;

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

    fn bend_of<M: Machine>(self, coefficient: Lanes<M>, _: Lanes<M>) -> Lanes<M> {
        coefficient.map(|coefficient| {
            let t = self.parameter_of(coefficient);
            let (sinh, cosh) = (t.sinh(), t.cosh());
            let (triple_sinh, triple_cosh) = ((3.0 * t).sinh(), (3.0 * t).cosh());
            let slope = (9.0 * triple_sinh + sinh) * cosh + (3.0 * triple_cosh + cosh) * sinh;
            0.125 * self.scale * slope * cosh
        })
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

    fn walk<M: Machine>(
        self,
        machine: M,
        from: f64,
        direction: f64,
        pace: &Pace,
        first: f64,
    ) -> Steps<M> {
        let &Pace { step, stretch, .. } = pace;
        Steps { machine, map: self, from, step: direction * step / stretch, stretch, index: first }
    }
}

impl<M: Machine> Walk<M> for Steps<M> {
    fn next(&mut self) -> Places<Lanes<M>> {
        let (map, from) = (self.map, self.from);
        let index: [f64; LANES] = std::array::from_fn(|lane| self.index + lane as f64);
        self.index += LANES as f64;
        let t = Lanes::new(self.machine, index.map(|index| from + index * self.step));
        let marginal = ThreeLayers::marginal;
        Places {
            moved: t.map(|t| (map.coefficient(t) - map.coefficient(from)).abs()),
            norm: t.map(|t| map.norm(t)),
            turned: t.map(|t| (marginal(t) - marginal(from)) * self.stretch),
            rate: t.map(|t| 2.0 / t.cosh()),
        }
    }
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
    newton::solve(&equations, None, crate::numerics::Precision::Full, &mut errors).unwrap();
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
