//! The mirror map of a coordinate, `t -> (b(t), q'(t))`: the one place that fixes the shape of the implicit
//! penalty.
//!
//! Gradient flow moves `q'(b)`, the derivative of the implicit penalty, along the inputs. Both `b` and
//! `q'` are explicit in a parameter `t`, so that no integral over the proximal map needs a solver inside.
//! With the marginal `P(t) = 2 q'(t)`, `h = theta/2` and the start `t0`, the proximal equation is
//! `b(t) + h [P(t) - P(t0)] = z`, and its slope `db/dz = n/(n + h)` with the norm `n = db/dP`.
//!
//! All maps here are homogeneous: `b(t)` is the scale `c` times a function of `t`, and `P(t)` does not
//! depend on the scale. A map whose `q'` carries a power of the scale has it as a penalty weight.

use nalgebra::RealField;

#[cfg(feature = "quadrature")]
use crate::numerics::lanes::{LANES, Lanes, Machine};

/// A mirror map at a scale, with what the quadrature of expectations needs.
///
/// Both `b` and `P` are odd and rise with `t`.
#[cfg(feature = "quadrature")]
pub(crate) trait MirrorMap: Copy + std::fmt::Debug {
    /// Rate at which the logarithm of `b(t)` rises at large `t`; steps are shorter by it.
    const GROWTH: f64;

    /// What a walk from some `t` starts with.
    type Point: Copy + std::fmt::Debug;

    /// A pass over nodes of equal distance.
    type Walk<M: Machine>: Walk<M>;

    /// The map at a scale above 0.
    fn at_scale(scale: f64) -> Self;

    /// The point at `t`.
    fn point(self, t: f64) -> Self::Point;

    /// The point at a coefficient.
    fn point_of(self, coefficient: f64) -> Self::Point;

    /// `b(t)`, given its point.
    fn coefficient_at(self, t: f64, point: Self::Point) -> f64;

    /// `db/dP` at a point.
    fn norm(self, point: Self::Point) -> f64;

    /// `b` less that of a point, and `db/dP`, where `P` is larger by `distance`; without cancellation.
    fn moved(self, from: Self::Point, distance: f64) -> [f64; 2];

    /// `t` at a marginal `P`.
    fn parameter(self, marginal: f64) -> f64;

    /// `P` at a coefficient.
    fn marginal_of(self, coefficient: f64) -> f64;

    /// `db/dP` at a coefficient, which is `1/(2 q''(b))`.
    fn norm_of(self, coefficient: f64) -> f64;

    /// `dn/dP` at coefficients whose norms `n` are given.
    fn bend_of<M: Machine>(self, coefficient: Lanes<M>, norm: Lanes<M>) -> Lanes<M>;

    /// `P` where `b + h P = z`.
    fn proximal_marginal(self, z: f64, half_penalty: f64) -> f64;

    /// Roughly the `z` at which the proximal map turns from a small response to a large one, to a hundredth.
    fn threshold(self, half_penalty: f64) -> f64;

    /// A pass over `t` at the distances `index * step / stretch` from a point, from `index = first` on,
    /// up (`direction` 1) or down (-1).
    fn walk<M: Machine>(
        self,
        machine: M,
        from: Self::Point,
        direction: f64,
        pace: &Pace,
        first: f64,
    ) -> Self::Walk<M>;
}

/// The distance between nodes, with what a walk asks of it.
#[cfg(feature = "quadrature")]
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    pub(crate) step: f64,
    /// In which units `t` is counted.
    pub(crate) stretch: f64,
    /// `exp(step) - 1`.
    growth: f64,
}

#[cfg(feature = "quadrature")]
impl Pace {
    pub(crate) fn new(step: f64, stretch: f64) -> Self {
        Self { step, stretch, growth: step.exp_m1() }
    }
}

/// A pass over nodes, see [`MirrorMap::walk`].
#[cfg(feature = "quadrature")]
pub(crate) trait Walk<M: Machine> {
    /// The map at the next nodes.
    fn next(&mut self) -> Places<Lanes<M>>;
}

/// The map at nodes of a walk.
#[cfg(feature = "quadrature")]
#[derive(Debug, Clone, Copy)]
pub(crate) struct Places<T> {
    /// Magnitude of `b - b(origin)`.
    pub(crate) moved: T,
    /// `db/dP`.
    pub(crate) norm: T,
    /// `P - P(origin)`, times the stretch.
    pub(crate) turned: T,
    /// `dP/dt`.
    pub(crate) rate: T,
}

/// The map of two layers, `b = c sinh(t)` and `P = t`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Hyperbolic<T> {
    pub(crate) scale: T,
}

/// With `x = b/c`: `asinh(x)`, and the slope `x / (1 + sqrt(1 + x²)) = tanh(asinh(x)/2)`, whose
/// difference is the bracket of the penalty over x, free of the cancellation at small x.
pub(crate) struct Slopes<T> {
    pub(crate) arc: T,
    pub(crate) chord: T,
}

impl<T: RealField + Copy> Hyperbolic<T> {
    /// `t` at a coefficient, also where the quotient `b/c` overflows, with the slope of the chord.
    pub(crate) fn slopes(self, b: T) -> Slopes<T> {
        let c = self.scale;
        let x = (b / c).abs();
        let eps = T::default_epsilon();
        let (arc, chord) = if x < T::one() / (eps * eps) {
            let chord = x / (T::one() + (T::one() + x * x).sqrt());
            ((x + x * chord).ln_1p(), chord)
        } else if (x + x).is_finite() {
            ((x + x).ln(), T::one())
        } else {
            // b/c overflows only for b above and c below one, so nothing cancels here.
            (b.abs().ln() - c.ln() + T::ln_2(), T::one())
        };
        if b < T::zero() { Slopes { arc: -arc, chord: -chord } } else { Slopes { arc, chord } }
    }

    /// `b(t)` for `t >= 0`, also where `sinh(t)` alone overflows.
    pub(crate) fn coefficient(self, t: T) -> T {
        if t < nalgebra::convert(20.0) {
            self.scale * t.sinh()
        } else {
            let root = half(t).exp();
            half(self.scale) * root * root
        }
    }

    /// `db/dt = sqrt(c² + b²)` at a coefficient.
    pub(crate) fn speed_of(self, b: T) -> T {
        self.scale.hypot(b)
    }

    /// Root `t >= 0` of `c sinh(t) + (theta/2) t = z` for `z >= 0`, to a few units in the last place
    /// of `t`, together with `c sinh(t)` there. Scale and half of theta are positive.
    pub(crate) fn proximal_root(self, z: T, half_theta: T) -> (T, T) {
        // Each term alone bounds the root from above. The left side is convex, so Newton's steps go
        // down to the root and never past it; from this start the first already is of order one.
        let mut t = self.slopes(z).arc;
        let bound = z / half_theta;
        if bound < t {
            t = bound;
        }
        let close = T::default_epsilon().sqrt();
        // Newton halves an excess of order one in a few steps; the count is a backstop.
        for _ in 0..100 {
            let b = self.coefficient(t);
            let step = (b + half_theta * t - z) / (self.speed_of(b) + half_theta);
            t -= step;
            if step.abs() <= close * t {
                break;
            }
        }
        (t, self.coefficient(t))
    }
}

fn half<T: RealField>(x: T) -> T {
    x * nalgebra::convert(0.5)
}

#[cfg(feature = "quadrature")]
impl Hyperbolic<f64> {
    /// Bregman divergence `q(b) - q(b0) - q'(b0) (b - b0)` of the penalty, without cancellation.
    pub(crate) fn divergence(self, b: f64, b0: f64) -> f64 {
        if b0 == 0.0 {
            let Slopes { arc, chord } = self.slopes(b);
            return 0.5 * b * (arc - chord);
        }
        // Even under a common change of sign.
        let (b, b0) = if b0 < 0.0 { (-b, -b0) } else { (b, b0) };
        let [norm, norm_at_start] = [self.speed_of(b), self.speed_of(b0)];
        // (b + b0) / (norms), at most 1 in magnitude.
        let slope = (b + b0) / (norm + norm_at_start);
        let turned = self.slopes(b).arc - self.slopes(b0).arc;
        if turned.abs() >= 1.0 {
            return 0.5 * (turned * b - (b - b0) * slope);
        }
        let turned = ((b - b0) * ((1.0 + slope) / (b0 + norm_at_start))).ln_1p();
        let half_sinh = (0.5 * turned).sinh();
        0.5 * (2.0 * norm * half_sinh * half_sinh - b * sinh_excess(turned))
    }
}

/// `sinh(x) - x` for `x` in [-1.1, 1.1].
#[cfg(feature = "quadrature")]
fn sinh_excess(x: f64) -> f64 {
    let square = x * x;
    // Terms fall by x²/((2k)(2k+1)), so that these nine reach the last bit.
    let series = (2..=10).rev().fold(0.0, |sum, k: i32| {
        let k = f64::from(k);
        (1.0 + sum) * square / (2.0 * k * (2.0 * k + 1.0))
    });
    // The first term is x³/6.
    x * square / 6.0 * (1.0 + series)
}

/// `ln(1 + x)` for `x >= 0`, to a hundredth or a twelfth of itself.
#[cfg(feature = "quadrature")]
fn rough_ln_1p(x: f64) -> f64 {
    if x < 0.5 {
        return x * (1.0 - 0.5 * x);
    }
    let bits = (1.0 + x).to_bits();
    // Of the power of two, and of the factor in [1, 2) before it.
    let exponent = (bits >> 52) as f64 - 1023.0;
    let factor = f64::from_bits((bits & ((1 << 52) - 1)) | 1.0_f64.to_bits());
    std::f64::consts::LN_2 * (exponent + ((2.0 - factor / 3.0) * factor - 5.0 / 3.0))
}

/// Its points are `(c/2) e^t` and `(c/2) e^-t`.
#[cfg(feature = "quadrature")]
impl MirrorMap for Hyperbolic<f64> {
    const GROWTH: f64 = 1.0;
    type Point = [f64; 2];
    type Walk<M: Machine> = HyperbolicWalk<M>;

    fn at_scale(scale: f64) -> Self {
        Self { scale }
    }

    fn point(self, t: f64) -> [f64; 2] {
        if t == 0.0 {
            return [0.5 * self.scale; 2];
        }
        // In two factors, because e^t alone may overflow.
        let root = (0.5 * t).exp();
        [0.5 * self.scale * root * root, 0.5 * self.scale / root / root]
    }

    fn point_of(self, coefficient: f64) -> [f64; 2] {
        let larger = 0.5 * (self.scale.hypot(coefficient) + coefficient.abs());
        let smaller = 0.25 * self.scale * (self.scale / larger);
        if coefficient < 0.0 { [smaller, larger] } else { [larger, smaller] }
    }

    fn coefficient_at(self, t: f64, [growing, decaying]: [f64; 2]) -> f64 {
        if t.abs() < 1.0 { self.scale * t.sinh() } else { growing - decaying }
    }

    fn norm(self, [growing, decaying]: [f64; 2]) -> f64 {
        growing + decaying
    }

    fn moved(self, [growing, decaying]: [f64; 2], distance: f64) -> [f64; 2] {
        let (up, down) = (distance.exp_m1(), (-distance).exp_m1());
        [growing * up - decaying * down, growing * (1.0 + up) + decaying * (1.0 + down)]
    }

    fn parameter(self, marginal: f64) -> f64 {
        marginal
    }

    fn marginal_of(self, coefficient: f64) -> f64 {
        self.slopes(coefficient).arc
    }

    fn norm_of(self, coefficient: f64) -> f64 {
        self.speed_of(coefficient)
    }

    #[inline(always)]
    fn bend_of<M: Machine>(self, coefficient: Lanes<M>, _: Lanes<M>) -> Lanes<M> {
        coefficient
    }

    fn proximal_marginal(self, z: f64, half_penalty: f64) -> f64 {
        self.proximal_root(z.abs(), half_penalty).0.copysign(z)
    }

    fn threshold(self, half_penalty: f64) -> f64 {
        half_penalty * rough_ln_1p(2.0 * half_penalty / self.scale)
    }

    #[inline(always)]
    fn walk<M: Machine>(
        self,
        machine: M,
        [growing, decaying]: [f64; 2],
        direction: f64,
        pace: &Pace,
        first: f64,
    ) -> HyperbolicWalk<M> {
        let (near, far) = if direction > 0.0 { (growing, decaying) } else { (decaying, growing) };
        let &Pace { step, stretch, growth } = pace;
        let ratio = 1.0 + growth;
        let decay = ratio.recip();
        let (near_step, far_step) = (near * growth / stretch, far * (growth * decay) / stretch);
        let grown = |from: f64| from * ratio + near_step;
        let lost = |from: f64| from * decay + far_step;
        let [grown_0, lost_0, left_0] =
            if first == 0.0 { [0.0, 0.0, far] } else { [near_step, far_step, far * decay] };
        let (grown_1, lost_1, left_1) = (grown(grown_0), lost(lost_0), left_0 * decay);
        let (grown_2, lost_2, left_2) = (grown(grown_1), lost(lost_1), left_1 * decay);
        let (grown_3, lost_3, left_3) = (grown(grown_2), lost(lost_2), left_2 * decay);
        // Four steps at once.
        let growth = growth * (2.0 + growth);
        let growth = growth * (2.0 + growth);
        let ratio = 1.0 + growth;
        let decay = ratio.recip();
        let lanes = |array| Lanes::new(machine, array);
        HyperbolicWalk {
            near: Lanes::splat(machine, near),
            grown: lanes([grown_0, grown_1, grown_2, grown_3]),
            lost: lanes([lost_0, lost_1, lost_2, lost_3]),
            left: lanes([left_0, left_1, left_2, left_3]),
            near_step: near * growth / stretch,
            far_step: far * (growth * decay) / stretch,
            ratio,
            decay,
            index: lanes([first, first + 1.0, first + 2.0, first + 3.0]),
            step: direction * step,
        }
    }
}

/// `near (e^tau - 1)`, `far (1 - e^-tau)` and `far e^-tau` at `tau = index * step`, by recurrences of
/// positive terms. Where a scale is tiny, `e^tau` alone overflows.
#[cfg(feature = "quadrature")]
#[derive(Debug)]
pub(crate) struct HyperbolicWalk<M: Machine> {
    near: Lanes<M>,
    grown: Lanes<M>,
    lost: Lanes<M>,
    left: Lanes<M>,
    near_step: f64,
    far_step: f64,
    ratio: f64,
    decay: f64,
    index: Lanes<M>,
    step: f64,
}

#[cfg(feature = "quadrature")]
impl<M: Machine> Walk<M> for HyperbolicWalk<M> {
    #[inline(always)]
    fn next(&mut self) -> Places<Lanes<M>> {
        let Self { near, grown, lost, left, index, .. } = *self;
        self.grown = self.near_step + self.ratio * grown;
        self.lost = self.far_step + self.decay * lost;
        self.left = self.decay * left;
        self.index = LANES as f64 + index;
        Places {
            moved: grown + lost,
            norm: near + grown + left,
            turned: self.step * index,
            rate: near.like(1.0),
        }
    }
}

#[cfg(all(test, feature = "quadrature"))]
mod tests {
    use super::*;

    /// `D(b, b0)` is the integral of `(b - x) q''(x)` from `b0` to `b`.
    fn by_integration(c: f64, b: f64, b0: f64) -> f64 {
        // With x = c sinh t, q'' dx = dt/2, and the integrand is smooth: Simpson's rule.
        let [from, to] = [(b0 / c).asinh(), (b / c).asinh()];
        let count = 20_000;
        let step = (to - from) / f64::from(count);
        let sum: f64 = (0..=count)
            .map(|index| {
                let weight = match index {
                    0 => 1.0,
                    index if index == count => 1.0,
                    index if index % 2 == 1 => 4.0,
                    _ => 2.0,
                };
                weight * (b - c * (from + step * f64::from(index)).sinh())
            })
            .sum();
        0.5 * sum * step / 3.0
    }

    #[test]
    fn rough_logarithms_are_good_to_a_hundredth() {
        for i in -1000..=1000 {
            let x = 10.0_f64.powf(0.3 * f64::from(i));
            let (rough, exact) = (rough_ln_1p(x), x.ln_1p());
            assert!((rough - exact).abs() < 0.01 || x < 0.5 && rough > 0.92 * exact);
        }
        assert!(rough_ln_1p(f64::INFINITY) > 709.0);
    }

    #[test]
    fn divergences_are_integrals_of_the_curvature() {
        for c in [1e-3, 0.3, 1.0, 40.0] {
            for b0 in [-2.0, -0.3, 0.0, 1e-4, 0.7, 3.0] {
                for b in [-1.7, -0.01, 0.2, 0.71, 2.0] {
                    let divergence = Hyperbolic::at_scale(c).divergence(b, b0);
                    let expected = by_integration(c, b, b0);
                    assert!(
                        (divergence / expected - 1.0).abs() < 1e-9,
                        "{c} {b} {b0}: {divergence:e} {expected:e}"
                    );
                }
            }
        }
    }

    #[test]
    fn divergences_of_close_coefficients_keep_their_digits() {
        for (c, b0) in [(1e-300, 1.0), (1e-3, 2.0), (1.0, -0.5), (1e6, 3.0)] {
            let map = Hyperbolic::at_scale(c);
            assert_eq!(map.divergence(b0, b0), 0.0);
            let b: f64 = b0 * (1.0 + 1e-8);
            let expected = (b - b0) * (b - b0) / (4.0 * map.speed_of(b0));
            assert!((map.divergence(b, b0) / expected - 1.0).abs() < 3e-8);
        }
    }
}
