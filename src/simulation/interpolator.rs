//! The exact end point of gradient flow, without following the flow.

use std::borrow::Cow;

use faer::linalg::matmul::triangular::{BlockStructure, matmul};
use faer::linalg::solvers::{Llt, Solve, SolveLstsq};
use faer::{Accum, Mat, MatRef, Par, Side};
use nalgebra::{DMatrix, DVector};

use crate::domain::Domain;
use crate::error::{Error, Result};
use crate::network::initialization::{NetworkPath, Weights};
use crate::network::protocol::TrainedLayers;
use crate::simulation::dataset::Dataset;
use crate::simulation::network::Network;
use crate::simulation::newton_equations::{NewtonEquations, Step};
use crate::simulation::sweep::sweep;

/// Computes the exact end point of gradient flow on a dataset, without following the flow.
///
/// # Formula
///
/// Gradient flow from the coefficients `b0` with absolute scales `c` ends at
///
/// ```text
/// beta = argmin sum_d Q_d(beta_d)  s.t.  X beta = y,      Q_d' = asinh(beta_d/c_d) - asinh(b0_d/c_d)
/// ```
///
/// with `Q = 2 q_c` of [`Penalty`](crate::Penalty) at `b0 = 0`. It is `beta_d = c_d sinh(a_d)`, with
/// `a = X^T nu + asinh(b0/c)` at the maximum of the concave dual
///
/// ```text
/// y.nu - kappa |nu|²/4 - sum_d c_d (cosh(a_d) - sqrt(1 + (b0_d/c_d)²))
/// ```
///
/// where
/// - `c`: scale of every coordinate, 0 (which freezes it, at zero) or in [1e-307, 1e307];
/// - `b0`: coefficients at the start, in [-1e300, 1e300];
/// - `kappa`: strength of an [explicit penalty](Self::with_explicit_penalty), 0 unless set: then the
///   minimum is that of `|y - X beta|²/2 + (kappa/2) sum_d Q_d(beta_d)`.
///
/// Newton's method with an exact search along every step finds the maximum in 5 to 30 steps. From 200
/// samples, conjugate gradients solve the equations of a step, with a factorization in `f32` as the
/// preconditioner. Below, and where these do not converge, a factorization in `f64` does. The
/// certificate is computed in `f64` in all cases. With `kappa = 0` and as many samples as coordinates
/// that can move, or more, flow ends at ordinary least squares on these coordinates, which a QR
/// decomposition solves.
///
/// Source: Anguita et al. 2026 (arXiv:2602.20062), Theorem 4.1; the dual is Fenchel's.
///
/// # Examples
///
/// ```
/// use diagonet::simulation::{Dataset, Interpolator};
/// use nalgebra::{dmatrix, dvector};
///
/// // One sample of two coordinates: the one with the larger scale moves further.
/// let data = Dataset::new(dmatrix![1.0, 1.0], dvector![1.0])?;
/// let result = Interpolator::new().solve(&data, &dvector![1e-3, 1e-12])?;
/// let coefficients = result.coefficients;
/// assert!((coefficients.sum() - 1.0).abs() < 1e-14);
/// assert!((coefficients[0] / 1e-3 - coefficients[1] / 1e-12).abs() < 1e-9 * coefficients[0] / 1e-3);
/// # Ok::<(), diagonet::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interpolator {
    explicit_penalty: f64,
    tolerance: f64,
}

impl Default for Interpolator {
    fn default() -> Self {
        Self { explicit_penalty: 0.0, tolerance: Self::TOLERANCE }
    }
}

/// Newton steps after which the search gives up.
const LIMIT: usize = 300;

/// Largest change of an argument of sinh in one step: where steps are longer, single coordinates run
/// up an exponential that takes many steps to come down from.
const LONGEST: f64 = 10.0;

/// Smallest residual whose square is a float at full precision.
const SMALLEST_RESIDUAL: f64 = 1e-153;

/// Largest component of a step in the dual variables, whose squares are floats, too.
const LARGEST_STEP: f64 = 1e150;

/// Relative residual below which steps are taken for as long as they halve it.
const CLOSE: f64 = 1e-6;

/// Relative residual that the step of the certificate brings down to rounding.
const CONVERGED: f64 = 1e-12;

/// Residual and gap at which iterative steps end. Above, a factorization may do better.
const SETTLED: f64 = 1e-14;

/// Samples from which steps of conjugate gradients are faster than factorizations in `f64`.
const MANY_SAMPLES: usize = 200;

/// Relative residuals of iterative steps far from the end and close to it.
const FAR_ACCURACY: f64 = 1e-2;
const CLOSE_ACCURACY: f64 = 1e-4;

impl Interpolator {
    /// Largest relative residual and relative duality gap of a result, unless set.
    pub const TOLERANCE: f64 = 1e-10;

    /// The end point of gradient flow to zero training loss.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The minimum with an explicit penalty, `|y - X beta|²/2 + (kappa/2) sum_d Q_d(beta_d)`.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfDomain`] for `kappa` outside [0, 1e300].
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::simulation::{Dataset, Interpolator};
    /// use nalgebra::{dmatrix, dvector};
    ///
    /// let data = Dataset::new(dmatrix![1.0], dvector![1.0])?;
    /// let ridge = Interpolator::new().with_explicit_penalty(2.0)?;
    /// let coefficient = ridge.solve(&data, &dvector![1.0])?.coefficients[0];
    /// // The proximal map: b + (kappa/2) asinh(b/c) = y.
    /// assert!((coefficient + coefficient.asinh() - 1.0).abs() < 1e-14);
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn with_explicit_penalty(self, kappa: f64) -> Result<Self> {
        let explicit_penalty = Domain::NON_NEGATIVE.check("explicit_penalty", kappa)?;
        Ok(Self { explicit_penalty, ..self })
    }

    /// The same, accepting results up to this relative residual and relative duality gap.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfDomain`] for a tolerance outside (0, 1].
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::simulation::Interpolator;
    /// assert!(Interpolator::new().with_tolerance(1e-6).is_ok());
    /// assert!(Interpolator::new().with_tolerance(0.0).is_err());
    /// ```
    pub fn with_tolerance(self, tolerance: f64) -> Result<Self> {
        Domain::TOLERANCE.check("tolerance", tolerance)?;
        Ok(Self { tolerance, ..self })
    }

    /// The end point of training on `data` from zero, with the absolute scale of every coordinate.
    ///
    /// # Errors
    ///
    /// - [`Error::DimensionMismatch`] unless there is one scale for every coordinate;
    /// - [`Error::OutOfDomain`] for a scale outside 0 or [1e-307, 1e307];
    /// - [`Error::NotRepresentable`] for labels that are not all zero, but all below 1e-153;
    /// - [`Error::Uncertified`] where rounding, or labels that no coefficients reproduce, keep
    ///   residual or duality gap above the tolerance, and for least squares without a unique answer.
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::simulation::{Dataset, Interpolator};
    /// use nalgebra::{dmatrix, dvector};
    ///
    /// let data = Dataset::new(dmatrix![1.0, 2.0], dvector![5.0])?;
    /// // Large equal scales: the shortest solution.
    /// let result = Interpolator::new().solve(&data, &dvector![1e9, 1e9])?;
    /// assert!((result.coefficients - dvector![1.0, 2.0]).norm() < 1e-14);
    /// assert!(result.primal_residual < 1e-14 && result.duality_gap < 1e-14);
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn solve(&self, data: &Dataset, scales: &DVector<f64>) -> Result<Interpolation> {
        self.solve_from(data, scales, &DVector::zeros(data.dimension()))
    }

    /// The end point of training on `data` from the coefficients `start`.
    ///
    /// # Errors
    ///
    /// As [`Interpolator::solve`]; also for `start`, whose coefficients lie in [-1e300, 1e300];
    /// [`Error::NotRepresentable`] where its residual, or what it makes of the inputs, has a square that
    /// overflows or underflows.
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::simulation::{Dataset, Interpolator};
    /// use nalgebra::{dmatrix, dvector};
    ///
    /// // What already fits the data stays.
    /// let data = Dataset::new(dmatrix![1.0, 1.0], dvector![3.0])?;
    /// let start = dvector![1.0, 2.0];
    /// let result = Interpolator::new().solve_from(&data, &dvector![1.0, 1e-6], &start)?;
    /// assert_eq!(result.coefficients, start);
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn solve_from(
        &self,
        data: &Dataset,
        scales: &DVector<f64>,
        start: &DVector<f64>,
    ) -> Result<Interpolation> {
        self.solve_by(|problem| problem.newton(), data, scales, start)
    }

    /// The network at the end of gradient flow of a network on `data`, in the layers that it trains: the
    /// interpolator in its coefficients, and the weights that belong to it.
    ///
    /// # Errors
    ///
    /// As [`Interpolator::solve_from`] and [`Network::trained_to`].
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::simulation::{Dataset, GradientFlow, Interpolator, Network};
    /// use diagonet::{Initialization, Scales};
    /// use nalgebra::{dmatrix, dvector};
    ///
    /// let start = Network::uniform(&Initialization::new(Scales { absolute: 0.1, relative: 0.3 })?, 2);
    /// let data = Dataset::new(dmatrix![1.0, 0.5], dvector![2.0])?;
    /// let end = Interpolator::new().train(&start, &data)?;
    /// let flow = GradientFlow::new().train(start, &data)?.network;
    /// assert!((end.weights(0).unwrap().plus.readout() - flow.weights(0).unwrap().plus.readout()).abs() < 1e-8);
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn train(&self, network: &Network, data: &Dataset) -> Result<Network> {
        let dimension = network.dimension();
        let vector = |part: &dyn Fn(Weights) -> f64| {
            DVector::from_iterator(dimension, network.coordinates().map(part))
        };
        let squares = |layer: fn(NetworkPath) -> f64| {
            vector(&|Weights { plus, minus }| layer(plus).powi(2) + layer(minus).powi(2))
        };
        let start = vector(&|weights| weights.coefficient());
        let end = match network.trained_layers() {
            TrainedLayers::Both => {
                let scales = vector(&|weights| weights.scale_and_start().scale);
                self.solve_from(data, &scales, &start)?
            }
            TrainedLayers::Readout => {
                self.solve_frozen(data, &squares(|path| path.first_layer()), &start)?
            }
            TrainedLayers::FirstLayer => {
                self.solve_frozen(data, &squares(|path| path.readout()), &start)?
            }
        };
        network.trained_to(&end.coefficients)
    }

    /// The end point of training on `data` from `start` where one layer is frozen: the minimum of
    /// `sum_d (beta_d - b0_d)²/c_d` in place of `sum_d Q_d(beta_d)`.
    ///
    /// The scales are the sums of squares of the frozen weights, see [`Protocol`](crate::Protocol). An
    /// [explicit penalty](Self::with_explicit_penalty) is `(kappa/4) sum_d (beta_d - b0_d)²/c_d`.
    ///
    /// # Errors
    ///
    /// As [`Interpolator::solve_from`].
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::simulation::{Dataset, Interpolator};
    /// use nalgebra::{DVector, dmatrix, dvector};
    ///
    /// // Equal inputs: shares are those of the scales.
    /// let data = Dataset::new(dmatrix![1.0, 1.0], dvector![4.0])?;
    /// let start = DVector::zeros(2);
    /// let result = Interpolator::new().solve_frozen(&data, &dvector![3.0, 1.0], &start)?;
    /// assert!((result.coefficients - dvector![3.0, 1.0]).norm() < 1e-14);
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn solve_frozen(
        &self,
        data: &Dataset,
        scales: &DVector<f64>,
        start: &DVector<f64>,
    ) -> Result<Interpolation> {
        self.solve_by(|problem| problem.quadratic(), data, scales, start)
    }

    /// The end point, by `minimum` where there are fewer samples than coordinates that can move, or a
    /// penalty.
    fn solve_by(
        &self,
        minimum: impl Fn(&Problem<'_>) -> Solution,
        data: &Dataset,
        scales: &DVector<f64>,
        start: &DVector<f64>,
    ) -> Result<Interpolation> {
        for (parameter, vector) in [("scales", scales), ("start", start)] {
            if vector.len() != data.dimension() {
                let (expected, found) = (data.dimension(), vector.len());
                return Err(Error::DimensionMismatch { parameter, expected, found });
            }
        }
        scales.iter().try_for_each(|&scale| Domain::SCALE.check("scale", scale).map(|_| ()))?;
        for (&beta, &scale) in start.iter().zip(scales) {
            Domain::ARGUMENT.check("start", beta)?;
            // Weights that make a coefficient are not frozen, whatever the scale.
            if scale == 0.0 {
                Domain::ZERO.when("where the scale is 0").check("start", beta)?;
            }
        }

        let moves = |d: &usize| scales[*d] > 0.0 && data.inputs().column(*d).amax() > 0.0;
        let movable: Vec<usize> = (0..scales.len()).filter(moves).collect();
        // What training has to explain, and the size against which it is measured.
        let distance = data.residual(start)?;
        let reference = data.labels().norm().max((data.labels() - &distance).norm());
        let size = distance.amax();
        if !reference.is_finite() || (size > 0.0 && size < SMALLEST_RESIDUAL) {
            return Err(Error::NotRepresentable {
                quantity: "the residual of the start",
                reason: "its square overflows or underflows",
            });
        }
        if size == 0.0 || movable.is_empty() {
            return Ok(Interpolation {
                coefficients: start.clone(),
                primal_residual: 0.0,
                duality_gap: 0.0,
                label_residual: if size == 0.0 { 0.0 } else { distance.norm() / reference },
                iterations: 0,
            });
        }
        let problem = Problem {
            inputs: if movable.len() == scales.len() {
                Cow::Borrowed(data.inputs())
            } else {
                Cow::Owned(data.inputs().select_columns(&movable))
            },
            distance,
            reference,
            coordinates: movable.iter().map(|&d| Coordinate::new(scales[d], start[d])).collect(),
            kappa: self.explicit_penalty,
        };
        let overdetermined = data.samples() >= movable.len() && self.explicit_penalty == 0.0;
        let solution = if overdetermined { problem.least_squares() } else { minimum(&problem) };
        let Solution { moves, primal_residual, duality_gap, iterations } = solution;
        // Asked so that an undefined certificate is refused, too.
        let certified = primal_residual <= self.tolerance && duality_gap <= self.tolerance;
        if !certified {
            return Err(Error::Uncertified { iterations, primal_residual, duality_gap });
        }
        let mut coefficients = start.clone();
        movable.iter().zip(&moves).for_each(|(&d, change)| coefficients[d] += change);
        let label_residual = data.residual(&coefficients)?.norm() / reference;
        Ok(Interpolation { coefficients, primal_residual, duality_gap, label_residual, iterations })
    }

    /// The end point of training on `data` from `start`, with a
    /// [penalty weight](crate::CoordinateGroup::penalty_weight) of every coordinate: the minimum of
    /// `sum_d k_d Q_d(beta_d)` in place of `sum_d Q_d(beta_d)`.
    ///
    /// # Formula
    ///
    /// ```text
    /// k q_c(b) = q_kc(k b)
    /// ```
    ///
    /// so that it is training of `k beta`, from `k b0` with the scales `k c`, on inputs `x/k`, where
    /// - `penalty_weights`: `k`, in [1e-150, 1e150].
    ///
    /// # Errors
    ///
    /// As [`Interpolator::solve_from`]; also for `penalty_weights`, and for scales, starts and inputs
    /// that leave their domains once multiplied or divided by them.
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::simulation::{Dataset, Interpolator};
    /// use nalgebra::{DVector, dmatrix, dvector};
    ///
    /// // Equal inputs and large scales: shares are inverse to weights.
    /// let data = Dataset::new(dmatrix![1.0, 1.0], dvector![3.0])?;
    /// let (scales, start) = (dvector![1e9, 1e9], DVector::zeros(2));
    /// let result = Interpolator::new().solve_weighted(&data, &scales, &start, &dvector![1.0, 2.0])?;
    /// assert!((result.coefficients - dvector![2.0, 1.0]).norm() < 1e-14);
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn solve_weighted(
        &self,
        data: &Dataset,
        scales: &DVector<f64>,
        start: &DVector<f64>,
        penalty_weights: &DVector<f64>,
    ) -> Result<Interpolation> {
        let lengths = [("scales", scales), ("start", start), ("penalty_weights", penalty_weights)];
        for (parameter, vector) in lengths {
            if vector.len() != data.dimension() {
                let (expected, found) = (data.dimension(), vector.len());
                return Err(Error::DimensionMismatch { parameter, expected, found });
            }
        }
        for &weight in penalty_weights {
            Domain::PENALTY_WEIGHT.check("penalty_weight", weight)?;
        }
        let mut inputs = data.inputs().clone();
        for (mut column, k) in inputs.column_iter_mut().zip(penalty_weights) {
            column /= *k;
        }
        let divided = Dataset::new(inputs, data.labels().clone())?;
        let [scales, start] = [scales, start].map(|vector| vector.component_mul(penalty_weights));
        let result = self.solve_from(&divided, &scales, &start)?;
        let coefficients = result.coefficients.component_div(penalty_weights);
        Ok(Interpolation { coefficients, ..result })
    }
}

/// The end point of training, with its certificate.
///
/// # Formula
///
/// ```text
/// primal_residual = |y - X beta - (kappa/2) nu| / |y|
/// duality_gap     = (P(beta) - D(nu)) / P(beta)
/// label_residual  = |y - X beta| / |y|
/// ```
///
/// with `P` and `D` the values of the two problems of [`Interpolator`]. No interpolator is below any
/// value of the dual, so that `beta` is within the gap of the optimum, whatever method found it. `P` is
/// that of labels that differ by the residual; the gap includes the change of `D` with them.
///
/// For least squares, the first is `|X^T (y - X beta)| / (|X| |y|)` on the coordinates that can move,
/// and the second 0. Where no coordinate can move, as with inputs of zero, every start is the end,
/// and both are 0. The third is the part of the labels that the end does not fit, in all cases. Where the
/// start is not zero, `|y|` is the larger one of `|y|` and `|X b0|` in all three.
///
/// # Examples
///
/// ```
/// use diagonet::simulation::{Dataset, Interpolator};
/// use nalgebra::{dmatrix, dvector};
///
/// let data = Dataset::new(dmatrix![1.0, 0.5, 0.2], dvector![1.0])?;
/// let result = Interpolator::new().solve(&data, &dvector![1e-12, 1e-12, 0.0])?;
/// // Close to the l1 norm: the coordinate with the largest input does it; a frozen one does nothing.
/// assert!(result.coefficients[0] > 0.999_99);
/// assert_eq!(result.coefficients[2], 0.0);
/// # Ok::<(), diagonet::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Interpolation {
    /// Coefficients at the end of training, D of them.
    pub coefficients: DVector<f64>,
    /// Relative residual of the conditions on the end point: of the labels less what an explicit
    /// penalty holds back, or of the normal equations of least squares.
    pub primal_residual: f64,
    /// Relative duality gap, an upper bound.
    pub duality_gap: f64,
    /// Relative residual of the labels. It is at rounding where the end interpolates; elsewhere it is
    /// what least squares, frozen coordinates, inputs of zero or an explicit penalty leave unexplained.
    pub label_residual: f64,
    /// Newton steps; 1 for least squares.
    pub iterations: usize,
}

/// Changes of the coefficients that can move, with the certificate.
struct Solution {
    moves: DVector<f64>,
    primal_residual: f64,
    duality_gap: f64,
    iterations: usize,
}

/// Training of the coordinates that can move.
struct Problem<'a> {
    inputs: Cow<'a, DMatrix<f64>>,
    /// `y - X b0`.
    distance: DVector<f64>,
    reference: f64,
    coordinates: Vec<Coordinate>,
    kappa: f64,
}

impl Solution {
    /// Whether more exact steps could hardly better the certificate.
    fn is_at_rounding(&self) -> bool {
        self.primal_residual <= SETTLED && self.duality_gap <= SETTLED
    }
}

/// The linear equations of a Newton step, with the way they are solved at present.
struct Equations<'a> {
    problem: &'a Problem<'a>,
    /// Conjugate gradients, for as long as they converge.
    iterative: Option<NewtonEquations<'a>>,
    weighted: DMatrix<f64>,
    hessian: Option<Hessian>,
}

impl<'a> Equations<'a> {
    fn new(problem: &'a Problem<'a>) -> Self {
        let (samples, ridge) = (problem.inputs.nrows(), 0.5 * problem.kappa);
        let iterative =
            (samples >= MANY_SAMPLES).then(|| NewtonEquations::new(&problem.inputs, ridge));
        Self { problem, iterative, weighted: DMatrix::zeros(0, 0), hessian: None }
    }

    /// The step from `primal`, with equations that are brought there.
    fn prepared(&mut self, primal: &Primal, accuracy: f64) -> Option<DVector<f64>> {
        while let Some(equations) = &mut self.iterative {
            let updated = equations.update(&primal.norms);
            match updated.and_then(|()| self.solve(primal, accuracy)) {
                Some(step) if step.accuracy <= accuracy => return Some(step.step),
                _ => self.refine(),
            }
        }
        if self.weighted.is_empty() {
            let (samples, dimension) = self.problem.inputs.shape();
            self.weighted = DMatrix::zeros(samples, dimension);
        }
        self.hessian = self.problem.hessian(&primal.norms, &mut self.weighted);
        self.solve(primal, accuracy).map(|step| step.step)
    }

    /// The step from `primal`, close to where the equations were prepared, and how accurate it is.
    fn solve(&self, primal: &Primal, accuracy: f64) -> Option<Step> {
        match (&self.iterative, &self.hessian) {
            (Some(equations), _) => equations.solve(&primal.norms, &primal.residual, accuracy),
            (None, Some(hessian)) => {
                Some(Step { step: hessian.solve(&primal.residual), accuracy: 0.0 })
            }
            (None, None) => None,
        }
    }

    fn are_exact(&self) -> bool {
        self.iterative.is_none()
    }

    /// Goes on with the next more exact way to a solution.
    fn refine(&mut self) {
        if !self.iterative.as_mut().is_some_and(NewtonEquations::refine) {
            self.iterative = None;
        }
    }
}

/// The primal quantities of a dual point.
struct Primal {
    /// `a - asinh(b0/c)`.
    growth: DVector<f64>,
    /// `b - b0`.
    moves: DVector<f64>,
    /// `sqrt(c² + b²)`.
    norms: Vec<f64>,
    /// `y - X b - (kappa/2) nu`.
    residual: DVector<f64>,
    /// Norm of the residual, relative to the labels.
    error: f64,
}

/// Coefficients of a coordinate as a function of its dual variable.
struct Coordinate {
    scale: f64,
    start: f64,
    /// `(c/2) e^t` and `(c/2) e^-t` at the start, `c sinh(t) = b0`.
    exponentials: [f64; 2],
}

impl Coordinate {
    fn new(scale: f64, start: f64) -> Self {
        let larger = 0.5 * (scale.hypot(start) + start.abs());
        let smaller = 0.5 * scale * (0.5 * scale / larger);
        let exponentials = if start < 0.0 { [smaller, larger] } else { [larger, smaller] };
        Self { scale, start, exponentials }
    }

    /// `c sinh(t + growth) - c sinh(t)`, as `2 sinh(growth/2) c cosh(t + growth/2)`: all terms are
    /// positive.
    fn change(&self, growth: f64) -> f64 {
        let [growing, decaying] = self.exponentials;
        let root = (0.5 * growth).exp();
        2.0 * (0.5 * growth).sinh() * (growing * root + decaying / root)
    }

    fn norm(&self, change: f64) -> f64 {
        self.scale.hypot(self.start + change)
    }

    /// `Q(b) - Q(b0) - Q'(b0) (b - b0)`, to a part of its size.
    fn divergence(&self, growth: f64, change: f64) -> f64 {
        let (first, last) = (self.norm(0.0), self.norm(change));
        let beta = self.start + change;
        let direct = beta * growth - change * ((self.start + beta) / (first + last));
        // Where that cancels, this lower bound is close.
        direct.max(0.5 * change * change / first.max(last))
    }
}

impl Problem<'_> {
    /// Least squares on the difference to the start.
    fn least_squares(&self) -> Solution {
        let qr = view(&self.inputs).qr();
        let mut moves = DVector::zeros(self.coordinates.len());
        let mut residual = self.distance.clone();
        // The second pass takes the rounding of the first.
        for _ in 0..2 {
            let step = qr.solve_lstsq(column(&residual));
            moves.iter_mut().enumerate().for_each(|(row, change)| *change += step[(row, 0)]);
            residual = &self.distance - &*self.inputs * &moves;
        }
        let gradient = self.inputs.tr_mul(&residual).norm();
        // The sine of the angle between a column and those before it.
        let rounding = f64::EPSILON * self.inputs.nrows() as f64;
        let dependent = self
            .inputs
            .column_iter()
            .enumerate()
            .any(|(d, column)| qr.thin_R()[(d, d)].abs() <= rounding * column.norm());
        Solution {
            moves,
            primal_residual: gradient / (self.inputs.norm() * self.reference),
            // Nothing is known of coefficients that the data do not determine.
            duality_gap: if dependent { f64::INFINITY } else { 0.0 },
            iterations: 1,
        }
    }

    /// The minimum of `sum_d (b_d - b0_d)²/(2 c_d)`: the dual is quadratic, and its Hessian the same
    /// everywhere.
    fn quadratic(&self) -> Solution {
        let scales: Vec<f64> = self.coordinates.iter().map(|coordinate| coordinate.scale).collect();
        let mut weighted = DMatrix::zeros(self.inputs.nrows(), scales.len());
        let mut nu = DVector::zeros(self.inputs.nrows());
        let moves = |nu: &DVector<f64>| {
            let mut moves = self.inputs.tr_mul(nu);
            moves.iter_mut().zip(&scales).for_each(|(change, scale)| *change *= scale);
            moves
        };
        let mut residual = self.distance.clone();
        let mut iterations = 0;
        if let Some(hessian) = self.hessian(&scales, &mut weighted) {
            // Further passes take the rounding of the first.
            for _ in 0..3 {
                nu += hessian.solve(&residual);
                residual = &self.distance - &*self.inputs * moves(&nu) - 0.5 * self.kappa * &nu;
                iterations += 1;
            }
        }
        let moves = moves(&nu);
        let squares = moves.iter().zip(&scales).map(|(change, scale)| change * (change / scale));
        let value = 0.5 * squares.sum::<f64>() + 0.25 * self.kappa * nu.norm_squared();
        Solution {
            moves,
            primal_residual: residual.norm() / self.reference,
            duality_gap: if value > 0.0 { nu.dot(&residual).abs() / value } else { f64::INFINITY },
            iterations,
        }
    }

    /// Newton's method on the dual.
    fn newton(&self) -> Solution {
        self.maximum(Equations::new(self))
    }

    fn maximum(&self, mut equations: Equations<'_>) -> Solution {
        let mut nu = DVector::zeros(self.inputs.nrows());
        let mut primal = self.primal(&nu);
        let (mut iterations, mut last) = (0, LIMIT);
        loop {
            iterations += 1;
            let accuracy = if primal.error > CLOSE { FAR_ACCURACY } else { CLOSE_ACCURACY };
            let Some(step) = equations.prepared(&primal, accuracy) else {
                return Solution {
                    moves: primal.moves,
                    primal_residual: primal.error,
                    duality_gap: f64::INFINITY,
                    iterations,
                };
            };
            let next_nu = &nu + &step * self.step_length(&primal, &step);
            let next = self.primal(&next_nu);
            // Far from the maximum the residual may well grow; the dual does not fall.
            let progress = primal.error > CLOSE || next.error < 0.5 * primal.error;
            if progress {
                (nu, primal) = (next_nu, next);
            }
            if !progress || primal.error < CONVERGED || iterations >= last {
                if iterations >= last && !equations.are_exact() {
                    // Exact steps get as many as if no others had gone before.
                    equations.iterative = None;
                    last += LIMIT;
                    continue;
                }
                let solution = equations
                    .solve(&primal, CLOSE_ACCURACY)
                    .map(|Step { step, .. }| self.certified(&primal, &nu, &step, iterations));
                match solution {
                    Some(solution) if solution.is_at_rounding() || equations.are_exact() => {
                        return solution;
                    }
                    // The preconditioner may have kept conjugate gradients from doing better.
                    _ => equations.refine(),
                }
            }
        }
    }

    fn primal(&self, nu: &DVector<f64>) -> Primal {
        let mut growth = DVector::zeros(self.coordinates.len());
        let mut moves = growth.clone();
        let mut norms = vec![0.0; moves.len()];
        let mut residual = self.distance.clone();
        let explain = |d: usize, pull: f64| {
            let coordinate = &self.coordinates[d];
            growth[d] = pull;
            moves[d] = coordinate.change(pull);
            norms[d] = coordinate.norm(moves[d]);
            -moves[d]
        };
        sweep(&self.inputs, nu.as_slice(), explain, residual.as_mut_slice());
        residual.axpy(-0.5 * self.kappa, nu, 1.0);
        let error = residual.norm() / self.reference;
        Primal { growth, moves, norms, residual, error }
    }

    /// Factorizes `X diag(h) X^T + kappa/2` with `h = sqrt(c² + b²)`; `None` where it is zero or
    /// leaves the range of floats.
    fn hessian(&self, norms: &[f64], weighted: &mut DMatrix<f64>) -> Option<Hessian> {
        let unit = norms.iter().copied().fold(0.5 * self.kappa, f64::max);
        for (norm, (to, from)) in
            norms.iter().zip(weighted.column_iter_mut().zip(self.inputs.column_iter()))
        {
            let root = (norm / unit).sqrt();
            to.into_iter().zip(&from).for_each(|(to, from)| *to = root * from);
        }
        let samples = weighted.nrows();
        let mut gram = Mat::zeros(samples, samples);
        matmul(
            gram.as_mut(),
            BlockStructure::TriangularLower,
            Accum::Replace,
            view(weighted),
            BlockStructure::Rectangular,
            view(weighted).transpose(),
            BlockStructure::Rectangular,
            1.0,
            Par::Seq,
        );
        let raise = |gram: &mut Mat<f64>, shift: f64| {
            (0..samples).for_each(|row| gram[(row, row)] += shift);
        };
        raise(&mut gram, 0.5 * self.kappa / unit);
        let largest = (0..samples).map(|row| gram[(row, row)]).fold(0.0, f64::max);
        // A matrix that is singular to rounding still gives a direction of ascent once shifted.
        let mut shift = f64::EPSILON * largest;
        while shift > 0.0 && shift <= largest {
            if let Ok(factor) = Llt::new(gram.as_ref(), Side::Lower) {
                return Some(Hessian { factor, unit });
            }
            raise(&mut gram, shift);
            shift *= 100.0;
        }
        None
    }

    /// Length at which the slope of the dual along the step has fallen to a small part of that at
    /// its start, or at which an argument of sinh has moved far. It costs no product with the inputs.
    fn step_length(&self, primal: &Primal, step: &DVector<f64>) -> f64 {
        const ENOUGH: f64 = 0.1;
        let directions = self.inputs.tr_mul(step);
        let start = step.dot(&primal.residual);
        // In this order, because the squares alone may underflow.
        let pull: f64 = step.iter().map(|step| 0.5 * self.kappa * step * step).sum();
        // The dual is concave: all terms that are subtracted grow with the length.
        let slope = |length: f64| {
            let (mut slope, mut curvature) = (start - length * pull, pull);
            for (index, coordinate) in self.coordinates.iter().enumerate() {
                let direction = directions[index];
                if direction != 0.0 {
                    let change = coordinate.change(primal.growth[index] + length * direction);
                    slope -= direction * (change - primal.moves[index]);
                    curvature += direction * direction * coordinate.norm(change);
                }
            }
            (slope, curvature)
        };
        let cap = LONGEST / directions.amax();
        let (mut low, mut high, mut length) = (0.0, f64::INFINITY, cap.min(1.0));
        for _ in 0..60 {
            let (value, curvature) = slope(length);
            if value.abs() <= ENOUGH * start {
                break;
            }
            if value > 0.0 && length >= cap {
                break;
            }
            *(if value > 0.0 { &mut low } else { &mut high }) = length;
            let newton = length + value / curvature;
            length = if newton > low && newton < high {
                newton
            } else if high.is_finite() {
                0.5 * (low + high)
            } else {
                2.0 * length
            };
            length = length.min(cap);
        }
        length
    }

    /// `sum_d Q_d(b_d)`.
    fn divergence(&self, primal: &Primal) -> f64 {
        let terms = self.coordinates.iter().zip(&primal.growth).zip(&primal.moves);
        terms.map(|((coordinate, growth), moves)| coordinate.divergence(*growth, *moves)).sum()
    }

    /// Takes the last step `s` to first order, which leaves a residual of second order, and bounds the
    /// duality gap of where it leads. At `b + e` with `y - X (b + e) - (kappa/2) (nu + s) = r` that is
    ///
    /// ```text
    /// sum_d Q(b + e) - Q(b) - Q'(b) e  +  kappa |s|²/4  -  nu.r
    /// ```
    ///
    /// in which the part of the residual is that of its labels: the gap itself has `|r|²/kappa`, which
    /// for a small `kappa` is rounding without bound. A term of the sum is at most `e²/2` over the
    /// smallest `sqrt(c² + b²)` on the way, which changes by no more than `e`.
    fn certified(
        &self,
        primal: &Primal,
        nu: &DVector<f64>,
        step: &DVector<f64>,
        iterations: usize,
    ) -> Solution {
        let directions = self.inputs.tr_mul(step);
        let mut moves = primal.moves.clone();
        let (mut gap, mut value) = (0.0, self.divergence(primal));
        for (index, norm) in primal.norms.iter().enumerate() {
            let last = norm * directions[index];
            let smallest = (norm - last.abs()).max(0.0);
            if last != 0.0 {
                gap += 0.5 * last * last / smallest;
            }
            moves[index] += last;
        }
        let mut residual = &self.distance - &*self.inputs * &moves;
        // In this order, because squares of dual variables underflow.
        let penalized = |dual: f64| 0.25 * self.kappa * dual * dual;
        for ((rest, &from), &change) in residual.iter_mut().zip(nu).zip(step) {
            *rest -= 0.5 * self.kappa * (from + change);
            value += penalized(from + change);
            gap += penalized(change);
        }
        gap += nu.dot(&residual).abs();
        Solution {
            moves,
            primal_residual: residual.norm() / self.reference,
            duality_gap: if gap == 0.0 { 0.0 } else { gap / value },
            iterations,
        }
    }
}

/// A factorized Hessian, in units of the largest weight.
struct Hessian {
    factor: Llt<f64>,
    unit: f64,
}

impl Hessian {
    fn solve(&self, right: &DVector<f64>) -> DVector<f64> {
        let solution = self.factor.solve(column(right));
        let solution = DVector::from_fn(right.len(), |row, _| solution[(row, 0)]);
        // Steps that leave the range of floats are cut short anyway.
        let unit = self.unit.max(solution.amax() / LARGEST_STEP);
        solution / unit
    }
}

fn view(matrix: &DMatrix<f64>) -> MatRef<'_, f64> {
    MatRef::from_column_major_slice(matrix.as_slice(), matrix.nrows(), matrix.ncols())
}

fn column(vector: &DVector<f64>) -> MatRef<'_, f64> {
    MatRef::from_column_major_slice(vector.as_slice(), vector.len(), 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulation::dataset::draws;

    /// Budget of residual and gap, in norms and roots of sums of some hundred terms.
    const ROUNDING: f64 = 1e-13;

    #[test]
    fn certificates_are_at_rounding_over_all_scales() {
        let mut state = 1_u64;
        let mut uniform = || {
            state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
            (state >> 11) as f64 / (1_u64 << 53) as f64
        };
        let mut most = 0;
        for (samples, dimension) in [(1, 2), (20, 60), (59, 60)] {
            for exponent in [-12.0, -6.0, -3.0, 0.0, 3.0, 12.0, 100.0] {
                for spread in [0.0, 3.0] {
                    let data = draws::noise(samples, dimension, 1);
                    let scales = DVector::from_fn(dimension, |_, _| {
                        10.0_f64.powf(exponent + spread * (uniform() - 0.5))
                    });
                    let start =
                        DVector::from_fn(
                            dimension,
                            |d, _| {
                                if d % 2 == 0 { 0.0 } else { uniform() - 0.5 }
                            },
                        );
                    for start in [DVector::zeros(dimension), start] {
                        let result = Interpolator::new().solve_from(&data, &scales, &start);
                        let result =
                            result.unwrap_or_else(|e| panic!("{samples} {exponent} {spread} {e}"));
                        let certificate = result.primal_residual.max(result.duality_gap);
                        assert!(certificate < ROUNDING, "{samples} {exponent} {spread} {result:?}");
                        most = most.max(result.iterations);
                    }
                }
            }
        }
        println!("most iterations: {most}");
    }

    #[test]
    fn the_gap_bounds_the_excess_of_the_penalty() {
        // A point off the optimum by a known amount: the certificate of a single Newton step.
        let data = draws::noise(10, 30, 2);
        let scales = DVector::from_element(30, 0.1);
        let exact = Interpolator::new().solve(&data, &scales).unwrap().coefficients;
        let penalty = crate::network::penalty::SeparablePenalty::new(&scales).unwrap();
        let optimum = 2.0 * penalty.value(&exact).unwrap();
        let problem = Problem {
            inputs: Cow::Borrowed(data.inputs()),
            distance: data.labels().clone(),
            reference: data.labels().norm(),
            coordinates: scales.iter().map(|&scale| Coordinate::new(scale, 0.0)).collect(),
            kappa: 0.0,
        };
        let mut nu = DVector::zeros(10);
        let mut weighted = DMatrix::zeros(10, 30);
        let mut compared = 0;
        for _ in 0..12 {
            let primal = problem.primal(&nu);
            let hessian = problem.hessian(&primal.norms, &mut weighted).unwrap();
            let step = hessian.solve(&primal.residual);
            let solution = problem.certified(&primal, &nu, &step, 0);
            // Feasible to rounding after the step to first order, and so not below the optimum.
            let value = 2.0 * penalty.value(&solution.moves).unwrap();
            assert!(value >= optimum * (1.0 - 1e-14));
            if solution.duality_gap.is_finite() {
                let gap = solution.duality_gap * problem.divergence(&primal);
                assert!(value - optimum <= gap + 1e-14 * optimum, "{value} {optimum} {gap}");
                compared += usize::from(gap > 1e-10 * optimum);
            }
            nu += &step * problem.step_length(&primal, &step);
        }
        assert!(compared > 2);
    }

    #[test]
    fn conjugate_gradients_end_where_factorizations_do() {
        // Of the gaps, which are second order.
        const DISTANCE: f64 = 1e-12;
        let (samples, dimension) = (MANY_SAMPLES + 10, 500);
        let noise = draws::noise(samples, dimension, 5);
        // Inputs that f32 cannot hold, and rows or columns of mixed sizes.
        let mixed = |rows: f64, columns: f64| {
            let mut inputs = noise.inputs().clone();
            for (d, mut column) in inputs.column_iter_mut().enumerate() {
                column *= columns.powf(d as f64 / dimension as f64);
                for (row, input) in column.iter_mut().enumerate() {
                    *input *= rows.powf(row as f64 / samples as f64);
                }
            }
            inputs
        };
        let mut compared = 0;
        for (size, rows, columns) in
            [(1.0, 1.0, 1.0), (1.0, 1.0, 1e3), (1.0, 1e3, 1.0), (1e60, 1.0, 1.0), (1e-60, 1.0, 1.0)]
        {
            let data = Dataset::new(size * mixed(rows, columns), noise.labels().clone()).unwrap();
            for (c, spread) in [(1e-12, 3.0), (1e-3, 0.0), (1.0, 6.0), (1e100, 0.0)] {
                let scale =
                    |d: usize| c * 10.0_f64.powf(spread * ((d * 7 % 13) as f64 / 12.0 - 0.5));
                for kappa in [0.0, 1e-3] {
                    let problem = Problem {
                        inputs: Cow::Borrowed(data.inputs()),
                        distance: data.labels().clone(),
                        reference: data.labels().norm(),
                        coordinates: (0..dimension)
                            .map(|d| Coordinate::new(scale(d), 0.0))
                            .collect(),
                        kappa,
                    };
                    let mut direct = Equations::new(&problem);
                    direct.iterative = None;
                    let (found, expected) = (problem.newton(), problem.maximum(direct));
                    let case = format!("{size:e} {rows:e} {columns:e} {c:e} {spread} {kappa:e}");
                    let certificate = |s: &Solution| s.primal_residual.max(s.duality_gap);
                    // What factorizations cannot certify in their steps is refused either way.
                    if certificate(&expected) < ROUNDING {
                        assert!(certificate(&found) < ROUNDING, "{case} {:e}", certificate(&found));
                        let difference = (&found.moves - &expected.moves).amax();
                        assert!(difference <= DISTANCE * expected.moves.amax(), "{case}");
                        compared += 1;
                    }
                }
            }
        }
        assert!(compared >= 36, "{compared}");
    }

    #[test]
    fn labels_out_of_reach_are_refused() {
        // The same input with two labels, and coordinates to spare.
        let mut inputs = draws::noise(3, 8, 3).inputs().clone();
        let row = inputs.row(0).clone_owned();
        inputs.set_row(1, &row);
        let data = Dataset::new(inputs, DVector::from_vec(vec![1.0, 2.0, 0.0])).unwrap();
        let result = Interpolator::new().solve(&data, &DVector::from_element(8, 1.0));
        assert!(matches!(result, Err(Error::Uncertified { .. })), "{result:?}");
    }

    #[test]
    fn more_samples_than_coordinates_are_least_squares() {
        let data = draws::noise(30, 6, 4);
        let scales = DVector::from_vec(vec![1e-6, 0.0, 1.0, 1e3, 0.0, 1.0]);
        let result = Interpolator::new().solve(&data, &scales).unwrap();
        let gradient = data.inputs().tr_mul(&data.residual(&result.coefficients).unwrap());
        for (d, scale) in scales.iter().enumerate() {
            if *scale > 0.0 {
                assert!(gradient[d].abs() < 1e-14);
            } else {
                assert_eq!(result.coefficients[d], 0.0);
            }
        }
    }

    /// Three samples of four coordinates.
    fn few(size: f64) -> Dataset {
        let inputs = nalgebra::dmatrix![
            1.0, 0.5, 2.0, 0.3; 0.1, 1.0, -0.3, 0.7; 0.3, 0.1, 0.9, 0.0
        ];
        Dataset::new(inputs, size * nalgebra::dvector![1.0, -3.0, 1.7]).unwrap()
    }

    #[test]
    fn weak_penalties_end_where_flow_does() {
        for c in [1e-300, 1e-12, 1.0, 1e300] {
            let scales = DVector::from_element(4, c);
            let flow = Interpolator::new().solve(&few(1.0), &scales).unwrap().coefficients;
            for kappa in [1e-300, 1e-100, 1e-30, 1e-20] {
                let penalized = Interpolator::new().with_explicit_penalty(kappa).unwrap();
                let result = penalized.solve(&few(1.0), &scales).unwrap();
                let certificate = result.primal_residual.max(result.duality_gap);
                assert!(certificate < ROUNDING, "{c:e} {kappa:e} {result:?}");
                assert!((result.coefficients - &flow).amax() < ROUNDING * flow.amax());
            }
        }
    }

    #[test]
    fn strong_penalties_leave_the_first_order() {
        // b = c X^T nu with nu = 2 y/kappa.
        let expected = few(1.0).inputs().tr_mul(few(1.0).labels());
        for c in [1e-12, 1.0] {
            for kappa in [1e15, 1e100, 1e285] {
                let penalized = Interpolator::new().with_explicit_penalty(kappa).unwrap();
                let scales = DVector::from_element(4, c);
                let moved = penalized.solve(&few(1.0), &scales).unwrap().coefficients;
                let relative = moved * (kappa / (2.0 * c)) - &expected;
                assert!(relative.amax() < ROUNDING * expected.amax(), "{c} {kappa} {relative}");
            }
        }
        let penalized = Interpolator::new().with_explicit_penalty(1e300).unwrap();
        for c in [1e-300, 1e-12, 1.0] {
            let result = penalized.solve(&few(1.0), &DVector::from_element(4, c)).unwrap();
            assert!(result.coefficients.amax() < 1e-298);
        }
    }

    #[test]
    fn labels_of_any_size_are_explained_or_refused() {
        for size in [1e-152, 1e-100, 1e100, 1e149] {
            // Dual variables are of the size of labels over scales.
            for c in [1e-300, 1.0, 1e150] {
                let result = Interpolator::new().solve(&few(size), &DVector::from_element(4, c));
                let Interpolation { coefficients, primal_residual, duality_gap, .. } =
                    result.unwrap_or_else(|error| panic!("{size:e} {c:e}: {error}"));
                assert!(primal_residual.max(duality_gap) < ROUNDING);
                let rest = few(size).residual(&coefficients).unwrap().amax();
                assert!(rest < ROUNDING * size);
            }
        }
        // Their norm is zero; they are not.
        let error = Interpolator::new().solve(&few(1e-200), &DVector::from_element(4, 1.0));
        assert!(matches!(error, Err(Error::NotRepresentable { .. })), "{error:?}");
        let start = DVector::from_element(4, 1e200);
        let error =
            Interpolator::new().solve_from(&few(1.0), &DVector::from_element(4, 1.0), &start);
        assert!(matches!(error, Err(Error::NotRepresentable { .. })), "{error:?}");
    }

    #[test]
    fn inputs_of_any_size_come_to_an_end() {
        use nalgebra::{dmatrix, dvector};
        let solve = |inputs| {
            let data = Dataset::new(inputs, dvector![1.0]).unwrap();
            Interpolator::new().solve(&data, &dvector![1.0, 1.0])
        };
        assert_eq!(solve(dmatrix![0.0, 0.0]).unwrap().coefficients, dvector![0.0, 0.0]);
        assert_eq!(solve(dmatrix![0.0, 2.0]).unwrap().coefficients, dvector![0.0, 0.5]);
        // The Hessian underflows.
        let error = solve(dmatrix![1e-200, 1e-200]);
        assert!(matches!(error, Err(Error::Uncertified { .. })), "{error:?}");
        let huge = solve(dmatrix![1e150, 0.5e150]).unwrap().coefficients;
        assert!((huge * 1e150 - dvector![0.8, 0.4]).amax() < ROUNDING);
    }

    #[test]
    fn the_residual_of_the_labels_is_what_the_end_leaves_of_them() {
        use nalgebra::{dmatrix, dvector};
        // Inputs of zeros, frozen coordinates, and labels that contradict each other.
        let leaves = |inputs: DMatrix<f64>, labels, scales, kappa| {
            let data = Dataset::new(inputs, labels).unwrap();
            let interpolator = Interpolator::new().with_explicit_penalty(kappa).unwrap();
            interpolator.solve(&data, &scales).unwrap().label_residual
        };
        assert_eq!(leaves(dmatrix![0.0, 0.0], dvector![1.0], dvector![1.0, 1.0], 0.0), 1.0);
        assert_eq!(leaves(dmatrix![0.0, 0.0], dvector![1.0], dvector![1.0, 1.0], 1.0), 1.0);
        assert_eq!(leaves(dmatrix![0.0, 0.0], dvector![0.0], dvector![1.0, 1.0], 0.0), 0.0);
        assert_eq!(leaves(dmatrix![1.0, 0.5], dvector![-2.0], dvector![0.0, 0.0], 0.0), 1.0);
        assert_eq!(leaves(dmatrix![1.0; 1.0], dvector![1.0, -1.0], dvector![1.0], 0.0), 1.0);
        // And what it is in general, by the coefficients.
        for (samples, dimension) in [(4, 12), (12, 12), (20, 12)] {
            let data = draws::noise(samples, dimension, 7);
            for frozen in [0, 3, 9, 12] {
                let scales = DVector::from_fn(dimension, |d, _| if d < frozen { 0.0 } else { 0.1 });
                for kappa in [0.0, 1e-3, 1.0, 1e6] {
                    let start = DVector::from_fn(dimension, |d, _| {
                        if d < frozen || d % 2 == 0 { 0.0 } else { 2.0 }
                    });
                    for start in [DVector::zeros(dimension), start] {
                        let interpolator =
                            Interpolator::new().with_explicit_penalty(kappa).unwrap();
                        let result = interpolator.solve_from(&data, &scales, &start).unwrap();
                        let fitted = data.inputs() * &start;
                        let size = data.labels().norm().max(fitted.norm());
                        let rest = data.labels() - data.inputs() * &result.coefficients;
                        let difference = (result.label_residual - rest.norm() / size).abs();
                        assert!(difference < ROUNDING, "{samples} {frozen} {kappa} {difference:e}");
                        let interpolates = kappa == 0.0 && samples <= dimension - frozen;
                        assert_eq!(interpolates, result.label_residual < ROUNDING);
                    }
                }
            }
        }
    }

    #[test]
    fn least_squares_without_a_unique_answer_are_refused() {
        use nalgebra::{dmatrix, dvector};
        // Where flow ends depends on the scales, which least squares know nothing of.
        for inputs in [dmatrix![0.1, 0.3; 0.7, 2.1], dmatrix![1.0, 1.0; 1.0, 1.0; 1.0, 1.0]] {
            let labels = inputs.column_sum();
            let data = Dataset::new(inputs, labels).unwrap();
            let result = Interpolator::new().solve(&data, &dvector![1.0, 1e-3]);
            assert!(matches!(result, Err(Error::Uncertified { .. })), "{result:?}");
        }
        // Columns of any size are fine.
        let data = Dataset::new(dmatrix![1.0, 1e-100; 0.0, 1e-100], dvector![3.0, 1.0]).unwrap();
        let result = Interpolator::new().solve(&data, &dvector![1.0, 1e-3]).unwrap().coefficients;
        assert!(
            (result - dvector![2.0, 1e100]).component_div(&dvector![2.0, 1e100]).amax() < 1e-14
        );
    }

    #[test]
    fn vectors_of_other_lengths_are_refused() {
        let data = draws::noise(2, 3, 5);
        let result = Interpolator::new().solve(&data, &DVector::from_element(4, 1.0));
        let mismatch = Error::DimensionMismatch { parameter: "scales", expected: 3, found: 4 };
        assert_eq!(result, Err(mismatch));
    }
}
