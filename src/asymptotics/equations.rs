//! The two equations of the fixed point, with their derivatives.
//!
//! Everything here is in units of the root mean square of signal and noise, and the unknowns are
//! the logarithms of `w = s²` and `theta`. With `A = E[db/dz]` and `E = E[(b - B)²]` the equations are
//!
//! ```text
//! A + kappa/theta = alpha,      sigma² + E = alpha w
//! ```
//!
//! All sums run over groups that can move (c > 0), and `sigma²` includes the mean square of the
//! coefficients on the others. Where some groups respond fully (`b = z`), both sides are nearly equal for
//! any state, and their difference is lost to rounding. Let these groups be `L`, of total weight `P`. In
//! terms of what they lack to a full response, and with Stein's identity
//! `E_g = E_g[(z - b)²] + w (2 A_g - 1)`, the equations are
//!
//! ```text
//! X + kappa/theta = (alpha - P) + Y,       X = sum_{g not in L} p_g A_g,   Y = sum_{g in L} p_g (1 - A_g)
//! sigma² + sum_{g not in L} p_g E_g + sum_{g in L} p_g E_g[(z - b)²] = w (alpha - P + 2 Y)
//! ```
//!
//! All terms are positive once `alpha - P` is on the side on which it is positive; the first equation
//! moves it there in the second. Any choice of `L` is exact. The choice made here, the groups whose
//! response exceeds about one half, is well conditioned for all sample ratios, also next to the weight of
//! any set of groups.

use crate::error::{Error, Result};
use crate::estimator::weighted::Weighted;
use crate::estimator::{Form, Resolution, ScalarEstimator, Slopes, Terms, exact_unit_squared};
use crate::numerics::sum::Gap;
use crate::problem::law::{CoordinateGroup, Law};
use crate::problem::samples::Samples;

/// Name of theta in errors.
pub(crate) const EFFECTIVE_PENALTY: &str = "the effective penalty";

/// A group of coordinates that can move and has weight.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Part<C> {
    /// Position in the law.
    pub(crate) index: usize,
    pub(crate) weight: f64,
    pub(crate) channel: Weighted<C>,
    /// Whether the channel is that of the part before, see [`Equations::joined`].
    repeats: bool,
}

/// The equations of one problem.
#[derive(Debug, Clone)]
pub(crate) struct Equations<C> {
    pub(crate) parts: Vec<Part<C>>,
    /// Mean square of coefficients, starts and noise, in the caller's units.
    pub(crate) unit_squared: f64,
    /// Penalty weight with which penalties are counted: the effective penalty in the caller's units is
    /// theta times the root of `unit_squared` over this.
    pub(crate) penalty_unit: f64,
    pub(crate) sample_ratio: f64,
    noise_variance: f64,
    explicit_penalty: f64,
    frozen_signal: f64,
    reachable: f64,
}

/// The equations at one point `[log w, log theta]`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Evaluation {
    /// Logarithms of the ratio of the sides: the first falls with theta, the second with `w` where
    /// the first is zero.
    pub(crate) residuals: [f64; 2],
    /// Their derivatives: `jacobian[i][j]` of residual i in unknown j.
    pub(crate) jacobian: [[f64; 2]; 2],
    /// Their derivatives in the logarithm of the sample ratio.
    pub(crate) by_sample_ratio: [f64; 2],
    /// Their derivatives in the sums over groups: the responses of those in the direct form, what is
    /// missing from those in the complementary form, and the noise of all.
    pub(crate) by_sums: [[f64; 2]; 3],
    /// Logarithm of the ratio of the sides of `w (P - alpha + 2 (X + kappa/theta)) = sigma² + sum_{g not
    /// in L} p_g E_g + sum_{g in L} p_g E_g[(z - b)²]`, which is the second equation by the first, and
    /// its derivatives: by the concavity of the saddle-point problem it falls with theta at any `w`.
    pub(crate) penalty_residual: f64,
    pub(crate) penalty_slopes: [f64; 2],
    pub(crate) nodes: usize,
}

/// The sums over groups that the two equations balance.
#[derive(Debug)]
pub(crate) struct Sides {
    sample_ratio: f64,
    explicit_penalty: f64,
    responding: Slopes,
    missing: Slopes,
    noise: Slopes,
    gap: Gap,
    nodes: usize,
}

impl Sides {
    /// Adds a group that can move.
    pub(crate) fn add(&mut self, weight: f64, form: Form, terms: &Terms) {
        let full = form == Form::Complementary;
        let sum = if full { &mut self.missing } else { &mut self.responding };
        sum.add(weight, terms.response);
        self.noise.add(weight, terms.noise);
        self.gap.add(weight, full);
        self.nodes += terms.nodes;
    }

    /// The equations at the point `[log w, log theta]` at which the sums were taken.
    pub(crate) fn balance(self, [log_noise, log_penalty]: [f64; 2]) -> Evaluation {
        let Self { sample_ratio: alpha, mut responding, missing, noise, nodes, .. } = self;
        // kappa / theta
        let pull = self.explicit_penalty / log_penalty.exp();
        responding.add(1.0, Slopes { value: pull, by_noise: 0.0, by_penalty: -pull });
        let gap = self.gap.value();
        let (mut left, mut right) = (responding, missing);
        *(if gap > 0.0 { &mut right.value } else { &mut left.value }) += gap.abs();
        // alpha - P + 2 Y, or by the first equation P - alpha + 2 (X + kappa/theta).
        let mut share = if gap > 0.0 { missing } else { responding };
        share.add(1.0, share);
        share.value += gap.abs();
        let ratio = |top: Slopes, bottom: Slopes| {
            [
                (top.value / bottom.value).ln(),
                top.by_noise / top.value - bottom.by_noise / bottom.value,
                top.by_penalty / top.value - bottom.by_penalty / bottom.value,
            ]
        };
        let [first, first_by_noise, first_by_penalty] = ratio(left, right);
        let [second, second_by_noise, second_by_penalty] = ratio(noise, share);
        let mut pulled = responding;
        pulled.add(1.0, responding);
        pulled.value -= gap;
        let (penalty_residual, penalty_slopes) = if pulled.value > 0.0 {
            let [value, by_noise, by_penalty] = ratio(pulled, noise);
            (value + log_noise, [by_noise + 1.0, by_penalty])
        } else {
            // Far above the root.
            (f64::NEG_INFINITY, [0.0, -1.0])
        };
        let by_share = -2.0 / share.value;
        let (by_responding, by_missing) = if gap > 0.0 { (0.0, by_share) } else { (by_share, 0.0) };
        Evaluation {
            residuals: [first, second - log_noise],
            jacobian: [
                [first_by_noise, first_by_penalty],
                [second_by_noise - 1.0, second_by_penalty],
            ],
            by_sample_ratio: if gap > 0.0 {
                [-alpha / right.value, -alpha / share.value]
            } else {
                [-alpha / left.value, alpha / share.value]
            },
            by_sums: [
                [left.value.recip(), by_responding],
                [-right.value.recip(), by_missing],
                [0.0, noise.value.recip()],
            ],
            penalty_residual,
            penalty_slopes,
            nodes,
        }
    }
}

impl<C> Equations<C> {
    /// The equations of a problem whose coordinates can move in part and whose signal or noise is
    /// not zero; `channel` makes the channel of a group in units of the root of a mean square.
    pub(crate) fn new(
        law: &Law,
        samples: &Samples,
        explicit_penalty: f64,
        channel: impl Fn(usize, &CoordinateGroup, f64) -> Result<C>,
    ) -> Result<Self> {
        let mean_square = law.magnitude_squared() + samples.noise_variance();
        if !(1e-280..=1e301).contains(&mean_square) {
            return Err(Error::NotRepresentable {
                quantity: "the mean square of signal and noise",
                reason: "it is not within 1e-280 and 1e301",
            });
        }
        let unit_squared = exact_unit_squared(mean_square);
        let penalty_unit = law.penalty_unit();
        let mut parts = Vec::with_capacity(law.groups().len());
        for (index, group) in law.movable() {
            let channel = Weighted::new(group, penalty_unit, channel(index, group, unit_squared)?);
            parts.push(Part { index, weight: group.weight(), channel, repeats: false });
        }
        let reachable = law.reachable_fraction();
        Ok(Self {
            parts,
            unit_squared,
            penalty_unit,
            sample_ratio: samples.sample_ratio(),
            noise_variance: samples.noise_variance() / unit_squared,
            explicit_penalty: explicit_penalty / unit_squared.sqrt() * penalty_unit,
            frozen_signal: law.frozen_signal() / unit_squared,
            reachable,
        })
    }

    /// Logarithm of the effective noise that is there without any penalty: the least there can be.
    pub(crate) fn log_least_noise(&self) -> f64 {
        let missing = self.reachable - self.sample_ratio;
        if missing > 0.0 && self.explicit_penalty == 0.0 {
            ((self.noise_variance + self.frozen_signal) / missing).ln()
        } else {
            f64::NEG_INFINITY
        }
    }

    /// The sums over groups, before any that can move is added.
    pub(crate) fn sides(&self) -> Sides {
        let noise = self.noise_variance + self.frozen_signal;
        Sides {
            sample_ratio: self.sample_ratio,
            explicit_penalty: self.explicit_penalty,
            responding: Slopes::default(),
            missing: Slopes::default(),
            noise: Slopes { value: noise, ..Slopes::default() },
            gap: Gap::new(self.sample_ratio, self.reachable),
            nodes: 0,
        }
    }
}

impl<C: ScalarEstimator> Equations<C> {
    /// The same equations, with parts that are the same in all but their weight next to each other, so
    /// that they are evaluated once. Weights stay apart, because their sums would be rounded.
    pub(crate) fn joined(self) -> Self {
        /// Parts back to which the same is looked for: long lists mostly have none.
        const WINDOW: usize = 8;
        let mut parts: Vec<Part<C>> = Vec::with_capacity(self.parts.len());
        for mut part in self.parts {
            let window = parts.len().saturating_sub(WINDOW);
            let same =
                parts[window..].iter().rposition(|other| other.channel.is_same(&part.channel));
            part.repeats = same.is_some();
            parts.insert(same.map_or(parts.len(), |place| window + place + 1), part);
        }
        Self { parts, ..self }
    }

    /// Evaluates residuals and derivatives, and the error of each part into `errors`.
    pub(crate) fn evaluate(
        &self,
        [log_noise, log_penalty]: [f64; 2],
        resolution: Resolution,
        errors: &mut [Slopes],
    ) -> Evaluation {
        let w = log_noise.exp();
        let half_penalty = 0.5 * log_penalty.exp();
        let mut sides = self.sides();
        let mut last: Option<(Form, Terms)> = None;
        for (part, error) in self.parts.iter().zip(errors) {
            let (form, terms) = match last.filter(|_| part.repeats) {
                Some((form, terms)) => (form, Terms { nodes: 0, ..terms }),
                None => {
                    let full = part.channel.responds(w, half_penalty);
                    let form = if full { Form::Complementary } else { Form::Direct };
                    (form, part.channel.terms(w, half_penalty, form, resolution))
                }
            };
            sides.add(part.weight, form, &terms);
            *error = terms.error(form, w);
            last = Some((form, terms));
        }
        sides.balance([log_noise, log_penalty])
    }

    /// A start for the search, from rough responses.
    pub(crate) fn guess(&self) -> Result<[f64; 2]> {
        let signal: f64 = self.parts.iter().map(|part| part.weight * part.channel.signal()).sum();
        let disturbance = self.noise_variance + self.frozen_signal;
        if disturbance + signal == 0.0 {
            return Err(Error::NotRepresentable {
                quantity: "the mean square of signal and noise, in units of the starts",
                reason: "it is below 1e-308",
            });
        }
        let unresolved = (1.0 - self.sample_ratio / self.reachable).max(0.05);
        let w = (disturbance + unresolved * signal) / self.sample_ratio;
        // Between a penalty that no coordinate feels and one under which none responds enough.
        let (mut weakest, mut strongest) = (f64::INFINITY, 0.0_f64);
        for part in &self.parts {
            let [weak, strong] = part.channel.penalties(w);
            (weakest, strongest) = (weakest.min(weak), strongest.max(strong));
        }
        let log_excess = (self.reachable / self.sample_ratio - 1.0).max(1e-3).ln();
        let strongest = strongest.max(self.explicit_penalty / self.reachable);
        let (mut low, mut high) = (
            (weakest.ln() + log_excess).clamp(-690.0, 690.0),
            (strongest * self.reachable).ln() - self.sample_ratio.min(1.0).ln(),
        );
        high = high.clamp(low, 700.0);
        while high - low > 0.5 {
            let middle = 0.5 * (low + high);
            let h = middle.exp();
            let mut response = 0.5 * self.explicit_penalty / h;
            let mut last = 0.0;
            for part in &self.parts {
                if !part.repeats {
                    last = part.channel.rough_response(w, h);
                }
                response += part.weight * last;
            }
            *(if response > self.sample_ratio { &mut low } else { &mut high }) = middle;
        }
        Ok([w.ln(), 0.5 * (low + high) + std::f64::consts::LN_2])
    }
}
