//! Search for the root of the two equations.

use crate::asymptotics::equations::{EFFECTIVE_PENALTY, Equations, Evaluation};
use crate::error::{Error, Result};
use crate::estimator::{Resolution, ScalarEstimator, Slopes};
use crate::numerics::Precision;
use crate::numerics::root::falling_root;

/// Bounds of `[log w, log theta]`, inside of which nothing over- or underflows. The noise of the
/// smallest sample ratio is inside.
const LOWEST: [f64; 2] = [-650.0, -690.0];
const HIGHEST: [f64; 2] = [693.0, 705.0];

/// Newton steps at which the state counts as found: next to this the error of the fine quadrature
/// decides, and a further step would only repeat its rounding.
const CONVERGED: f64 = 1e-11;

/// Newton steps below which the error of the rough quadrature takes over.
const ROUGH: f64 = 0.2;

/// Distance to the root at which the error of the coarse quadrature takes over, and one step of the
/// fine one is enough.
const COARSE: f64 = 3e-7;

/// The least share of the square of a step that the next one is taken for.
const LEAST_CURVATURE: f64 = 0.2;

/// Shortest step of which the next one is a share of the square.
const TELLING: f64 = 1e-4;

/// Evaluations by the rough quadrature after which the coarse one goes on.
const MOST_ROUGH: usize = 8;

/// Relative distance to the root below which the last step of Newton's method is made without an
/// evaluation after it.
const PREDICTED: f64 = 2e-13;

/// Relative change of an error whose square, the second order, is as little.
const LINEAR: f64 = 4e-7;

/// The same for drafts.
const DRAFTED: f64 = 1e-4;
const DRAFTED_LINEAR: f64 = 1e-2;

/// What a rounding of the residuals may be enlarged by for that: next to singular problems, only an
/// evaluation tells a step from rounding.
const WELL_CONDITIONED: f64 = 300.0;

/// What the accuracy budget allows at most.
const ACCEPTABLE: f64 = 3e-11;

/// Residual above which a short Newton step is the sign of a singular problem, not of a solution.
const SOLVED: f64 = 1e-9;

/// Residual of a state that is exact for a sample ratio and samples next to the given ones. Where
/// the problem is so ill-conditioned that no step below `ACCEPTABLE` can be told from rounding (next
/// to a sharp transition), it is the answer.
const ROUNDING: f64 = 1e-12;

/// Evaluations after which brackets give up. Nested searches bounded each could take a hundred times
/// as many; what converges takes less than a thousand.
const MOST_EVALUATIONS: usize = 3000;

/// Longest Newton step at first.
const SHORT: f64 = 2.0;

/// The root, with the cost of finding it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Root {
    pub(crate) point: [f64; 2],
    pub(crate) iterations: usize,
    pub(crate) nodes: usize,
    pub(crate) residual: f64,
    /// Derivative of the point in the logarithm of the sample ratio.
    pub(crate) tangent: [f64; 2],
}

impl Root {
    /// Whether the state is as good as asked for, given the next Newton step from it.
    fn is_acceptable(&self, step: f64) -> bool {
        (step < ACCEPTABLE && self.residual < SOLVED) || self.residual < ROUNDING
    }

    fn accept(self, step: f64) -> Result<Self> {
        if self.is_acceptable(step) {
            Ok(self)
        } else {
            Err(Error::NotConverged { iterations: self.iterations, residual: self.residual })
        }
    }
}

/// Whether nothing over- or underflows at a point.
fn is_inside(point: &[f64; 2]) -> bool {
    (0..2).all(|i| (LOWEST[i]..=HIGHEST[i]).contains(&point[i]))
}

/// A search in progress: the equations, and the effort spent on them.
#[derive(Debug)]
struct Search<'a, C> {
    equations: &'a Equations<C>,
    errors: &'a mut [Slopes],
    precision: Precision,
    iterations: usize,
    nodes: usize,
}

/// Solves the equations, by Newton's method from `start` and where that fails by brackets. Leaves
/// the errors of the parts at the root in `errors`.
pub(crate) fn solve<C: ScalarEstimator>(
    equations: &Equations<C>,
    start: Option<[f64; 2]>,
    precision: Precision,
    errors: &mut [Slopes],
) -> Result<Root> {
    let mut search = Search { equations, errors, precision, iterations: 0, nodes: 0 };
    let (start, first) = match start.filter(is_inside) {
        Some(start) => (start, Resolution::Coarse),
        None => {
            let guess = equations.guess()?;
            ([0, 1].map(|i| guess[i].clamp(LOWEST[i], HIGHEST[i])), Resolution::Rough)
        }
    };
    match search.newton(start, first) {
        Ok(root) => Ok(root),
        Err(left) => search.bracketed(left),
    }
}

impl<C: ScalarEstimator> Search<'_, C> {
    fn evaluate(&mut self, point: [f64; 2], resolution: Resolution) -> Evaluation {
        let evaluation = self.equations.evaluate(point, resolution, self.errors);
        self.iterations += 1;
        self.nodes += evaluation.nodes;
        evaluation
    }

    fn root(&self, point: [f64; 2], evaluation: &Evaluation) -> Root {
        let [first, second] = evaluation.residuals;
        Root {
            point,
            iterations: self.iterations,
            nodes: self.nodes,
            residual: first.abs().max(second.abs()),
            tangent: newton_step(evaluation.jacobian, evaluation.by_sample_ratio),
        }
    }

    /// Newton's method. The residuals are logarithms, as the unknowns are: where everything follows
    /// power laws the equations are linear, and full steps converge from afar. Where it fails, the
    /// point that it came to: from a bound, brackets find at once that the root is beyond.
    fn newton(
        &mut self,
        start: [f64; 2],
        first: Resolution,
    ) -> std::result::Result<Root, [f64; 2]> {
        const LIMIT: usize = 40;
        /// Steps beyond the bounds after which it is for brackets to say on which side the root is.
        const PRESSED: usize = 3;
        let mut resolution = first;
        let mut point = start;
        // The last step, and the last one under the fine quadrature.
        let (mut last, mut previous) = (f64::INFINITY, f64::INFINITY);
        // Of which share of its square the next step is.
        let mut curvature = 0.0_f64;
        let mut longest = SHORT;
        let mut direction = 0.0;
        let mut pressed = 0;
        for count in 0..LIMIT {
            let evaluation = self.evaluate(point, resolution);
            let Some((step, length)) = damped_step(&evaluation, longest) else {
                return Err(point);
            };
            // Too long a step says nothing of those that are short, and what follows on too short a one is
            // the error of the quadrature.
            let bend = length / (last * last);
            let tells_curvature = (TELLING..ROUGH).contains(&last);
            if resolution == Resolution::Fine {
                let stagnant = length > 0.5 * previous;
                let root = self.root(point, &evaluation);
                let converged = length < CONVERGED && root.residual < SOLVED;
                if converged || (stagnant && root.is_acceptable(length)) {
                    return Ok(root);
                }
                let curvature = if tells_curvature { curvature.max(bend) } else { curvature };
                let curvature = curvature.max(1.0);
                if let Some(root) = self.predicted(&root, &evaluation, step, curvature) {
                    return Ok(root);
                }
                previous = length;
            }
            if tells_curvature {
                curvature = bend;
            }
            if self.precision == Precision::Draft && resolution == Resolution::Coarse {
                let root = self.root(point, &evaluation);
                if let Some(root) = self.predicted(&root, &evaluation, step, curvature.max(1.0)) {
                    return Ok(root);
                }
            }
            last = length;
            if curvature.max(LEAST_CURVATURE) * length * length < COARSE {
                resolution = Resolution::Fine;
            } else if resolution == Resolution::Rough && (length < ROUGH || count + 1 == MOST_ROUGH)
            {
                resolution = Resolution::Coarse;
            }
            // Far from the root, steps that keep hitting the limit in one direction may grow.
            let reversed = step[0] * direction < 0.0;
            if length >= longest {
                longest = if reversed { (0.25 * longest).max(SHORT) } else { 2.0 * longest };
            } else if step[0] != 0.0 {
                longest = SHORT;
            }
            direction = if step[0] == 0.0 { direction } else { step[0] };
            let next = [0, 1].map(|i| point[i] + step[i]);
            point = [0, 1].map(|i| next[i].clamp(LOWEST[i], HIGHEST[i]));
            pressed += usize::from(point != next);
            if pressed == PRESSED {
                break;
            }
        }
        Err(point)
    }

    /// The root one step on, and in `errors` the errors there to first order, if what is left after that
    /// is too little to matter. The next step of Newton's method would be `curvature` times the square
    /// of this one.
    fn predicted(
        &mut self,
        root: &Root,
        evaluation: &Evaluation,
        step: [f64; 2],
        curvature: f64,
    ) -> Option<Root> {
        let length = step[0].abs().max(step[1].abs());
        let rest = curvature * length * length;
        let [[a, b], [c, d]] = evaluation.jacobian.map(|row| row.map(f64::abs));
        let largest = (a + b).max(c + d);
        let determinant = evaluation.jacobian[0][0] * evaluation.jacobian[1][1]
            - evaluation.jacobian[0][1] * evaluation.jacobian[1][0];
        // Asked so that what is undefined is not accepted.
        let (nearest, shortest) = match self.precision {
            Precision::Draft => (DRAFTED, DRAFTED_LINEAR),
            Precision::Full => (PREDICTED, LINEAR),
        };
        let is_close = rest < nearest && largest < WELL_CONDITIONED * determinant.abs();
        let change = |error: &Slopes| error.by_noise * step[0] + error.by_penalty * step[1];
        let is_linear = |error: &Slopes| change(error).abs() <= shortest * error.value;
        let point = [0, 1].map(|i| root.point[i] + step[i]);
        if !is_close || !self.errors.iter().all(is_linear) || !is_inside(&point) {
            return None;
        }
        for error in self.errors.iter_mut() {
            error.value += change(error);
        }
        Some(Root { point, residual: largest * rest, ..*root })
    }

    /// Nested root searches. The fixed point is the saddle point of a function that is concave in the
    /// one and convex in the other unknown: at any `w`, the residual of the penalty has one root
    /// `theta(w)`, and along it the first equation changes its sign once.
    fn bracketed(&mut self, start: [f64; 2]) -> Result<Root> {
        let mut log_penalty = start[1];
        // The last point on the curve theta(w), and the slope there.
        let mut on_curve: Option<([f64; 2], f64)> = None;
        let log_least_noise = self.equations.log_least_noise();
        let log_noise = falling_root(
            start[0],
            [LOWEST[0], HIGHEST[0]],
            "the effective noise variance",
            |log_noise| {
                if self.iterations > MOST_EVALUATIONS {
                    let iterations = self.iterations;
                    return Err(Error::NotConverged { iterations, residual: f64::INFINITY });
                }
                if log_noise <= log_least_noise {
                    // No penalty takes the noise away that is too much.
                    return Ok((log_least_noise - log_noise + 1.0, -1.0));
                }
                let guess = match on_curve {
                    Some((point, slope)) => point[1] + slope * (log_noise - point[0]),
                    None => log_penalty,
                };
                log_penalty = falling_root(
                    guess,
                    [LOWEST[1], HIGHEST[1]],
                    EFFECTIVE_PENALTY,
                    |log_penalty| {
                        let evaluation = self.evaluate([log_noise, log_penalty], Resolution::Fine);
                        Ok((evaluation.penalty_residual, evaluation.penalty_slopes[1]))
                    },
                )?;
                let Evaluation { residuals, jacobian, penalty_slopes, .. } =
                    self.evaluate([log_noise, log_penalty], Resolution::Fine);
                let [[by_noise, by_penalty], _] = jacobian;
                let along = -penalty_slopes[0] / penalty_slopes[1];
                on_curve = along.is_finite().then_some(([log_noise, log_penalty], along));
                let slope = by_noise + by_penalty * along;
                Ok((residuals[0], slope))
            },
        )?;
        let point = [log_noise, log_penalty];
        // Both equations together take the last digits.
        if let Ok(root) = self.newton(point, Resolution::Fine) {
            return Ok(root);
        }
        let evaluation = self.evaluate(point, Resolution::Fine);
        let step = damped_step(&evaluation, SHORT).map_or(f64::INFINITY, |(_, length)| length);
        self.root(point, &evaluation).accept(step)
    }
}

/// Solution of `jacobian step + residuals = 0`.
fn newton_step([[a, b], [c, d]]: [[f64; 2]; 2], [first, second]: [f64; 2]) -> [f64; 2] {
    let determinant = a * d - b * c;
    [(b * second - d * first) / determinant, (c * first - a * second) / determinant]
}

/// The step of Newton's method in `[log w, log theta]` and its length, with neither component above
/// `longest`, and towards the root also where the linearization points away from it.
fn damped_step(evaluation: &Evaluation, longest: f64) -> Option<([f64; 2], f64)> {
    let [[a, b], [c, d]] = evaluation.jacobian;
    let [first, second] = evaluation.residuals;
    // Off the curve theta(w) the second equation says nothing: return to the curve first.
    let noise = if first.abs() > 1.0 {
        0.0
    } else {
        // Along the curve, the second residual changes its sign once, from plus to minus.
        let (value, slope) = (second - first * d / b, c - a * d / b);
        let newton = -value / slope;
        if slope < 0.0 && newton.abs() < longest { newton } else { longest.copysign(value) }
    };
    let penalty = -(first + a * noise) / b;
    let length = noise.abs().max(penalty.abs());
    let penalty = penalty.clamp(-longest, longest);
    (noise.is_finite() && penalty.is_finite()).then_some(([noise, penalty], length))
}

#[cfg(all(test, feature = "quadrature"))]
mod tests {
    use super::*;
    use crate::estimator::quadrature::Proximal;
    use crate::problem::law::{CoordinateGroup, Law};
    use crate::problem::prior::Prior;
    use crate::problem::samples::Samples;

    fn equations(
        scale: f64,
        sample_ratio: f64,
        noise_variance: f64,
        kappa: f64,
    ) -> Equations<Proximal> {
        let law = Law::new(vec![
            CoordinateGroup::new("slab", 0.1, Prior::gaussian(0.0, 5.0).unwrap(), scale).unwrap(),
            CoordinateGroup::new("atom", 0.1, Prior::atom(1.0).unwrap(), 10.0 * scale).unwrap(),
            CoordinateGroup::new("none", 0.8, Prior::ZERO, scale).unwrap(),
        ])
        .unwrap();
        let samples =
            Samples::new(sample_ratio).unwrap().with_noise_variance(noise_variance).unwrap();
        Equations::new(&law, &samples, kappa, |_, group, unit| Proximal::new(group, unit)).unwrap()
    }

    /// The budget of the error, judged by the Newton step that a much finer quadrature would take.
    #[test]
    fn roots_are_within_budget_under_a_finer_quadrature() {
        const BUDGET: f64 = 1e-10;
        let mut worst = 0.0_f64;
        for scale in (0..=120).map(|i| 10.0_f64.powf(6.0 - 0.15 * f64::from(i))) {
            for sample_ratio in [1e-3, 0.05, 0.2, 0.3, 0.4, 0.45, 0.5, 0.6, 0.8, 0.99, 0.9999] {
                for (noise, kappa) in [(0.0, 0.0), (1e-6, 0.0), (0.1, 0.0), (0.1, 1e-3)] {
                    let equations = equations(scale, sample_ratio, noise, kappa);
                    let mut errors = [Slopes::default(); 3];
                    let root = solve(&equations, None, Precision::Full, &mut errors).unwrap();
                    let exact = equations.evaluate(root.point, Resolution::Reference, &mut errors);
                    let [step, _] = newton_step(exact.jacobian, exact.residuals);
                    if root.point[0] > 1e-14_f64.ln() {
                        worst = worst.max(step.abs());
                        assert!(step.abs() < BUDGET, "{step:e} {scale:e} {sample_ratio} {noise}");
                    }
                }
            }
        }
        println!("worst relative deviation of the noise: {worst:e}");
    }

    /// Brackets from anywhere find what Newton's method finds.
    fn brackets_find_it<C: ScalarEstimator>(equations: &Equations<C>) {
        let mut errors = vec![Slopes::default(); equations.parts.len()];
        let expected = solve(equations, None, Precision::Full, &mut errors).unwrap();
        for start in [[-30.0, -30.0], [0.0, 20.0], [40.0, -3.0]] {
            let mut search = Search {
                equations,
                errors: &mut errors,
                precision: Precision::Full,
                iterations: 0,
                nodes: 0,
            };
            let root = search.bracketed(start).unwrap();
            for (x, y) in root.point.iter().zip(&expected.point) {
                assert!((x - y).abs() < 1e-10, "{root:?} {expected:?} {equations:?}");
            }
        }
    }

    #[test]
    fn brackets_find_what_newton_finds_from_anywhere() {
        for scale in [1e-12, 1e-3, 1.0, 1e6] {
            for (sample_ratio, noise, kappa) in [
                (0.01, 0.1, 0.0),
                (0.4, 0.0, 0.0),
                (0.7, 0.1, 0.3),
                (0.99, 1e-3, 0.0),
                (2.0, 0.1, 0.5),
            ] {
                let equations = equations(scale, sample_ratio, noise, kappa);
                brackets_find_it(&equations);
            }
        }
    }

    #[test]
    fn brackets_survive_responses_that_rise_with_the_penalty() {
        // A penalty that takes estimates through zero to starts beyond it first quells and then
        // restores the response.
        let group = |label, weight, value, scale, start| {
            let prior = Prior::atom(value).unwrap();
            CoordinateGroup::new(label, weight, prior, scale).unwrap().with_start(start).unwrap()
        };
        let law = Law::new(vec![
            group("near", 0.617, 1.119, 2.57e-11, 6.233),
            group("far", 0.383, 0.0, 1.955e-8, 7.225),
        ])
        .unwrap();
        for sample_ratio in [0.5, 0.65, 0.73, 0.9] {
            let samples = Samples::new(sample_ratio).unwrap();
            let channel = |_: usize, group: &CoordinateGroup, unit| Proximal::new(group, unit);
            let equations = Equations::new(&law, &samples, 0.0, channel).unwrap();
            brackets_find_it(&equations);
        }
    }

    #[test]
    fn jacobian_is_the_derivative_of_the_residuals() {
        // Central differences at a step that balances rounding (1e-13) and truncation.
        const STEP: f64 = 3e-4;
        const BUDGET: f64 = 2e-7;
        for (sample_ratio, kappa) in [(0.2, 0.0), (0.2, 0.3), (0.7, 0.0), (0.7, 0.3), (1.5, 0.3)] {
            let equations = equations(0.05, sample_ratio, 0.01, kappa);
            let mut errors = [Slopes::default(); 3];
            let point = solve(&equations, None, Precision::Full, &mut errors).unwrap().point;
            let analytic = equations.evaluate(point, Resolution::Fine, &mut errors);
            for unknown in 0..2 {
                let mut shifted = |step: f64| {
                    let mut other = point;
                    other[unknown] += step;
                    equations.evaluate(other, Resolution::Fine, &mut errors).residuals
                };
                let (right, left) = (shifted(STEP), shifted(-STEP));
                for equation in 0..2 {
                    let numeric = (right[equation] - left[equation]) / (2.0 * STEP);
                    let error = (numeric - analytic.jacobian[equation][unknown]).abs();
                    assert!(
                        error < BUDGET,
                        "{equation} {unknown} {sample_ratio} {kappa}: {error:e}"
                    );
                }
            }
        }
    }

    #[test]
    fn tangent_is_the_derivative_in_the_sample_ratio() {
        const STEP: f64 = 1e-4;
        for (sample_ratio, kappa) in [(0.1, 0.0), (0.4, 0.3), (0.9, 0.0), (0.9, 0.3), (1.5, 0.3)] {
            let root = |shift: f64| {
                let equations = equations(0.05, sample_ratio * f64::exp(shift), 0.01, kappa);
                solve(&equations, None, Precision::Full, &mut [Slopes::default(); 3]).unwrap()
            };
            let (left, middle, right) = (root(-STEP), root(0.0), root(STEP));
            for unknown in 0..2 {
                let numeric = (right.point[unknown] - left.point[unknown]) / (2.0 * STEP);
                let error = (numeric - middle.tangent[unknown]).abs();
                assert!(error < 1e-5 * numeric.abs().max(1.0), "{sample_ratio} {kappa}: {error:e}");
            }
        }
    }

    #[test]
    fn a_root_that_is_not_one_is_refused_with_its_residual() {
        let root =
            Root { point: [0.0; 2], iterations: 7, nodes: 0, residual: 1e-3, tangent: [0.0; 2] };
        assert_eq!(
            root.accept(1e-4).unwrap_err(),
            Error::NotConverged { iterations: 7, residual: 1e-3 }
        );
    }
}
