//! The penalty that gradient flow minimizes implicitly, and its proximal map.

use nalgebra::{DVector, RealField};

use crate::domain::Domain;
use crate::error::{Error, Result};
use crate::network::mirror_map::{Hyperbolic, Slopes};
use crate::numerics::sum::CompensatedSum;

/// The implicit penalty of one coordinate with scale `c`.
///
/// # Formula
///
/// Gradient flow from `$\beta(0) = 0$` to zero training loss ends at the interpolator that minimizes
/// the sum over coordinates of
///
/// `$$ q_c(b) = \frac c2 \left[ 1 - \sqrt{1 + (b/c)^2} + \frac bc \operatorname{asinh} \frac bc
/// \right] $$`
///
/// where
/// - `$c$`: absolute scale of the coordinate, 0 or in [1e-307, 1e307];
/// - `$b$`: coefficient, in [-1e300, 1e300].
///
/// At large `$c$` the penalty is the l2 norm, `$b^2/(4c)$`. At small `$c$` it is the l1 norm up to a
/// logarithm, `$(|b|/2)(\log(2|b|/c) - 1)$`. At `$c = 0$` the coordinate is frozen at zero.
///
/// The arithmetic is generic over [`RealField`]: it takes `f32` and forward-mode dual numbers, too. A
/// result that a smaller type cannot hold is [`Error::NotRepresentable`]. Accuracy for `f64`:
/// [`Penalty::ULPS`] units in the last place, over the whole domain.
///
/// Derivation: [theory](crate::theory#implicit-bias). Source: Woodworth et al. 2020 (arXiv:2002.09277);
/// Anguita et al. 2026 (arXiv:2602.20062), Theorem 4.1, whose `k` is `4 c²`.
///
/// # Examples
///
/// ```
/// use diagonet::Penalty;
///
/// let rich = Penalty::new(1e-300_f64)?;
/// assert!((rich.l_order(1.0)? - 1.0).abs() < 2e-3);
/// let lazy = Penalty::new(1e300)?;
/// assert_eq!(lazy.l_order(1.0)?, 2.0);
/// assert_eq!(lazy.value(1e300)?, 0.23358001232322397e300);
/// # Ok::<(), diagonet::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Penalty<T> {
    scale: T,
}

impl Penalty<f64> {
    /// Accuracy budget of the pointwise functions in units in the last place.
    pub const ULPS: u32 = 8;
}

impl<T: RealField + Copy> Penalty<T> {
    /// The penalty at a scale that comes from the scale map, which can leave the domain of
    /// [`Penalty::new`] but is finite and not negative.
    pub(crate) fn at_mapped_scale(scale: T) -> Self {
        Self { scale }
    }

    /// The penalty of a coordinate with absolute scale `scale`.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfDomain`] for a scale outside 0 or [1e-307, 1e307].
    pub fn new(scale: T) -> Result<Self> {
        Domain::SCALE.check("scale", to_f64(scale))?;
        Ok(Self { scale })
    }

    /// The scale `c`.
    #[must_use]
    pub fn scale(&self) -> T {
        self.scale
    }

    /// Value `q_c(b)`, see [`Penalty`].
    ///
    /// # Errors
    ///
    /// [`Error::OutOfDomain`] for `beta` outside [-1e300, 1e300]; [`Error::Frozen`] at `c = 0` for
    /// `beta` other than 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::{Error, Penalty};
    ///
    /// assert_eq!(Penalty::new(1e9)?.value(2.0)?, 1e-9); // b²/(4c)
    /// assert!(matches!(Penalty::new(0.0)?.value(2.0), Err(Error::Frozen { .. })));
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn value(&self, beta: T) -> Result<T> {
        if self.at_rest("penalty", beta)? {
            return Ok(T::zero());
        }
        let Slopes { arc, chord } = self.map().slopes(beta);
        finite("penalty", half(beta) * (arc - chord))
    }

    /// Derivative `q_c'(b) = asinh(b/c) / 2`.
    ///
    /// # Errors
    ///
    /// As [`Penalty::value`].
    ///
    /// # Examples
    ///
    /// ```
    /// let derivative = diagonet::Penalty::new(1.0)?.derivative(1.0_f64.sinh())?;
    /// assert!((derivative - 0.5).abs() < 1e-15);
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn derivative(&self, beta: T) -> Result<T> {
        if self.at_rest("derivative of the penalty", beta)? {
            return Ok(T::zero());
        }
        Ok(half(self.map().slopes(beta).arc))
    }

    /// Curvature `q_c''(b) = 1 / (2 sqrt(c² + b²))`; at `c = 0` its limit `1 / (2|b|)`.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfDomain`] for `beta` outside [-1e300, 1e300]; [`Error::NotRepresentable`] where
    /// both `beta` and `c` are too close to 0 for the curvature to be a finite float.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(diagonet::Penalty::new(3.0)?.curvature(4.0)?, 0.1);
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn curvature(&self, beta: T) -> Result<T> {
        check_beta(beta)?;
        finite("curvature of the penalty", half(T::one()) / self.map().speed_of(beta))
    }

    /// Order of the penalty: the exponent of its local power law.
    ///
    /// # Formula
    ///
    /// ```text
    /// l = d log q_c / d log|b| = x asinh(x) / (1 - sqrt(1 + x²) + x asinh(x)),      x = b/c
    /// ```
    ///
    /// in [1, 2]. The order is 2 for the l2 norm (`x -> 0`), and 1 for the l1 norm (`x -> inf`). At
    /// `c = 0` it is 1, its limit.
    ///
    /// Source: Lippl and Lindsey 2024 (arXiv:2310.02396); Anguita et al. 2026 (arXiv:2602.20062),
    /// section 4.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfDomain`] for `beta` outside [-1e300, 1e300]; [`Error::NoLimit`] where `beta`
    /// and `c` are both 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::Penalty;
    ///
    /// assert_eq!(Penalty::new(1.0)?.l_order(0.0)?, 2.0);
    /// assert_eq!(Penalty::new(0.0)?.l_order(1.0)?, 1.0);
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn l_order(&self, beta: T) -> Result<T> {
        Ok(self.l_order_and_arc(beta)?.0)
    }

    /// The l-order, and `asinh(|b|/c)`, which is 0 on a frozen coordinate, where it has no limit.
    #[inline]
    pub(crate) fn l_order_and_arc(&self, beta: T) -> Result<(T, T)> {
        check_beta(beta)?;
        let two = T::one() + T::one();
        if self.scale.is_zero() {
            return if beta.is_zero() {
                Err(Error::NoLimit { quantity: "l_order" })
            } else {
                Ok((T::one(), T::zero()))
            };
        }
        let Slopes { arc, chord } = self.map().slopes(beta.abs());
        // Below this ratio the correction (b/c)²/6 is lost to rounding, and 0/0 threatens.
        if arc < T::default_epsilon() {
            return Ok((two, arc));
        }
        // The minimum takes back a rounding beyond the exact bound.
        Ok(((arc / (arc - chord)).min(two), arc))
    }

    /// Proximal map of `theta q_c`: the `b` that minimizes `(b - z)²/2 + theta q_c(b)`.
    ///
    /// # Formula
    ///
    /// The unique root `b` of
    ///
    /// ```text
    /// b + (theta/2) asinh(b/c) = z
    /// ```
    ///
    /// where
    /// - `z`: the point to map, in [-1e300, 1e300];
    /// - `theta`: strength of the penalty, in [0, 1e300].
    ///
    /// The map is odd, increasing and 1-Lipschitz in `z`. A frozen coordinate (`c = 0`) stays at 0.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfDomain`] for `z` or `theta` outside their domains.
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::Penalty;
    ///
    /// let penalty = Penalty::new(1e-3_f64)?;
    /// let point = penalty.proximal(1.0, 0.3)?;
    /// assert!((point.value + 0.15 * (point.value / 1e-3).asinh() - 1.0).abs() < 1e-15);
    /// // With no penalty the map is the identity, up to the last float of the domain.
    /// assert_eq!(penalty.proximal(1e300, 0.0)?.value, 1e300);
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn proximal(&self, z: T, theta: T) -> Result<ProximalPoint<T>> {
        Domain::ARGUMENT.check("z", to_f64(z))?;
        Domain::NON_NEGATIVE.check("theta", to_f64(theta))?;
        if self.scale.is_zero() {
            let zero = T::zero();
            return Ok(ProximalPoint { value: zero, slope_in_z: zero, slope_in_theta: zero });
        }
        let point = proximal(z, theta, self.map());
        for part in [point.value, point.slope_in_z, point.slope_in_theta] {
            finite("proximal map", part)?;
        }
        Ok(point)
    }

    fn map(&self) -> Hyperbolic<T> {
        Hyperbolic { scale: self.scale }
    }

    /// Whether the coordinate is at zero, where the penalty and its slope vanish for any scale.
    fn at_rest(&self, quantity: &'static str, beta: T) -> Result<bool> {
        check_beta(beta)?;
        if self.scale.is_zero() && !beta.is_zero() {
            return Err(Error::Frozen { quantity, coefficient: to_f64(beta) });
        }
        Ok(self.scale.is_zero())
    }
}

/// A value of the proximal map with its derivatives, see [`Penalty::proximal`].
///
/// # Examples
///
/// ```
/// use diagonet::Penalty;
///
/// let penalty = Penalty::new(0.1_f64)?;
/// let point = penalty.proximal(1.0, 0.5)?;
/// let shifted = penalty.proximal(1.0 + 1e-6, 0.5)?;
/// assert!(((shifted.value - point.value) / 1e-6 - point.slope_in_z).abs() < 1e-6);
/// # Ok::<(), diagonet::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ProximalPoint<T> {
    /// The mapped point `b`.
    pub value: T,
    /// `db/dz = 1 / (1 + (theta/2) / sqrt(c² + b²))`, in [0, 1].
    pub slope_in_z: T,
    /// `db/dtheta = -(1/2) asinh(b/c) db/dz`.
    pub slope_in_theta: T,
}

/// The sum of the implicit penalties of all coordinates.
///
/// # Formula
///
/// ```text
/// Q(beta) = sum_d q_{c_d}(beta_d)
/// ```
///
/// where
/// - `c_d`: scale of coordinate `d`, 0 or in [1e-307, 1e307];
/// - `beta`: vector with one coefficient in [-1e300, 1e300] per scale.
///
/// Source: Anguita et al. 2026 (arXiv:2602.20062), Theorem 4.1.
///
/// # Examples
///
/// ```
/// use diagonet::SeparablePenalty;
/// use nalgebra::dvector;
///
/// let penalty = SeparablePenalty::new(&dvector![1e-3, 1.0])?;
/// let new_feature = penalty.value(&dvector![1.0, 0.0])?;
/// let reused_feature = penalty.value(&dvector![0.0, 1.0])?;
/// assert!(new_feature > 10.0 * reused_feature);
/// # Ok::<(), diagonet::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct SeparablePenalty<T> {
    coordinates: Vec<Penalty<T>>,
}

impl<T: RealField + Copy> SeparablePenalty<T> {
    /// The penalty with one scale per coordinate.
    ///
    /// # Errors
    ///
    /// As [`Penalty::new`], for the first offending coordinate.
    pub fn new(scales: impl AsRef<[T]>) -> Result<Self> {
        let coordinates =
            scales.as_ref().iter().map(|&scale| Penalty::new(scale)).collect::<Result<_>>()?;
        Ok(Self { coordinates })
    }

    /// Number of coordinates.
    #[must_use]
    pub fn dimension(&self) -> usize {
        self.coordinates.len()
    }

    /// Value `Q(beta)`.
    ///
    /// # Errors
    ///
    /// [`Error::DimensionMismatch`] for a vector of another length, and the errors of
    /// [`Penalty::value`] for the first offending coordinate.
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::SeparablePenalty;
    /// use nalgebra::dvector;
    ///
    /// let penalty = SeparablePenalty::new([1e9, 1e9])?;
    /// assert_eq!(penalty.value([2.0, 2.0])?, 2e-9);
    /// assert_eq!(penalty.value(dvector![2.0, 2.0])?, 2e-9);
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn value(&self, beta: impl AsRef<[T]>) -> Result<T> {
        let terms = self.zip(beta.as_ref())?.map(|(penalty, &b)| penalty.value(b));
        Ok(terms.collect::<Result<CompensatedSum<T>>>()?.value())
    }

    /// Gradient, the vector of `q_{c_d}'(beta_d)`.
    ///
    /// # Errors
    ///
    /// As [`SeparablePenalty::value`].
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::SeparablePenalty;
    /// use nalgebra::dvector;
    ///
    /// let gradient = SeparablePenalty::new(&dvector![1e9, 1.0])?.gradient(&dvector![2.0, 0.0])?;
    /// assert_eq!(gradient, dvector![1e-9, 0.0]);
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn gradient(&self, beta: impl AsRef<[T]>) -> Result<DVector<T>> {
        let slopes = self
            .zip(beta.as_ref())?
            .map(|(penalty, &b)| penalty.derivative(b))
            .collect::<Result<Vec<_>>>()?;
        Ok(DVector::from_vec(slopes))
    }

    fn zip<'a>(&'a self, beta: &'a [T]) -> Result<impl Iterator<Item = (&'a Penalty<T>, &'a T)>> {
        if beta.len() == self.dimension() {
            Ok(self.coordinates.iter().zip(beta.iter()))
        } else {
            Err(Error::DimensionMismatch {
                parameter: "beta",
                expected: self.dimension(),
                found: beta.len(),
            })
        }
    }
}

/// What the arithmetic of `T` can hold; `f64` holds everything but a curvature at nearly zero.
fn finite<T: RealField + Copy>(quantity: &'static str, x: T) -> Result<T> {
    if x.is_finite() {
        Ok(x)
    } else {
        Err(Error::NotRepresentable { quantity, reason: "it overflows the type of its arguments" })
    }
}

fn check_beta<T: RealField + Copy>(beta: T) -> Result<()> {
    Domain::ARGUMENT.check("beta", to_f64(beta)).map(|_| ())
}

fn to_f64<T: RealField + Copy>(x: T) -> f64 {
    x.to_subset_unchecked()
}

fn half<T: RealField>(x: T) -> T {
    x * nalgebra::convert(0.5)
}

/// `c sinh(t)`, see [`Hyperbolic::coefficient`].
pub(crate) fn scaled_sinh<T: RealField + Copy>(scale: T, t: T) -> T {
    Hyperbolic { scale }.coefficient(t)
}

/// Ratio `asinh(b/c) / asinh(b/c')` of the slopes of the penalties with scales `c` and `c' >= c`,
/// for `b >= 0`, with the second of them given: at least 1, infinite where only `c` is zero.
pub(crate) fn ratio_of_slopes(b: f64, c: f64, larger: f64, arc_of_larger: f64) -> f64 {
    // Below this, asinh(x) = x to the last bit.
    const LINEAR: f64 = 1e-8;
    if larger == c {
        return 1.0;
    }
    if c == 0.0 {
        return f64::INFINITY;
    }
    let ratio = if b < LINEAR * c {
        larger / c
    } else if b < LINEAR * larger {
        // The quotient b/c' may underflow.
        Hyperbolic { scale: c }.slopes(b).arc * larger / b
    } else {
        Hyperbolic { scale: c }.slopes(b).arc / arc_of_larger
    };
    // The maximum takes back a rounding beyond the exact bound.
    ratio.max(1.0)
}

fn proximal<T: RealField + Copy>(z: T, theta: T, map: Hyperbolic<T>) -> ProximalPoint<T> {
    let magnitude = z.abs();
    let half_theta = half(theta);
    let value = if half_theta.is_zero() {
        magnitude
    } else {
        let (t, b) = map.proximal_root(magnitude, half_theta);
        // b reacts to t up to t times as strongly as t to rounding: a last step in b, with the
        // residual at full precision, restores the digits.
        let linear = half_theta * t;
        let rounding = half_theta.mul_add(t, -linear);
        let residual = ((magnitude - linear) - b) - rounding;
        let norm = map.speed_of(b);
        let speed = norm + half_theta;
        let slope = norm / speed;
        // Where the slope underflows, the parameter does not, nor its correction.
        let is_held = (slope * speed - norm).abs() <= T::default_epsilon().sqrt() * norm;
        b + if is_held { residual * slope } else { residual / speed * norm }
    };
    let norm = map.speed_of(value);
    let slope_in_z = norm / (norm + half_theta);
    let slope_in_theta = -half(map.slopes(value).arc) * slope_in_z;
    if z < T::zero() {
        ProximalPoint { value: -value, slope_in_z, slope_in_theta: -slope_in_theta }
    } else {
        ProximalPoint { value, slope_in_z, slope_in_theta }
    }
}

#[cfg(all(test, feature = "quadrature"))]
mod tests {
    use super::*;
    use crate::network::mirror_map::MirrorMap;

    #[test]
    fn divergences_from_zero_are_the_penalty_at_all_scales() {
        for exponent in -300..=300 {
            let c = 10.0_f64.powi(exponent);
            let divergence = Hyperbolic::at_scale(c).divergence(1.0, 0.0);
            let penalty = Penalty::new(c).unwrap().value(1.0).unwrap();
            assert!((divergence / penalty - 1.0).abs() < 1e-14, "1e{exponent}");
        }
    }
}
