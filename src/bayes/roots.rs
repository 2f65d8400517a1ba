//! All fixed points of the posterior mean, and the thresholds of exact recovery.
//!
//! With the mean squared error `M` at the noise variance `s²`, `kappa = 1/M - 1/s²` falls as `s²`
//! grows: `dM/d(s²) = E[Var²]/s⁴ >= M²/s⁴`. On an interval of `s²`, `kappa` is thus between its
//! values at the ends, and so is what the equation asks it to be at a root. That excludes most of
//! the axis with few evaluations, and without missing a root.

use crate::bayes::mixture::{Accuracy, Mixture, Moments};
use crate::error::{Error, Result};

/// Length of an interval of `ln s²` below which a change of sign with falling ends is one root.
const NARROW: f64 = 0.5;

/// Length of an interval below which ends are seen with full accuracy.
const CLOSE: f64 = 0.05;

/// Length below which no pair of roots is looked for.
const NARROWEST: f64 = 1e-7;

/// Evaluations that no search takes.
const MOST_EVALUATIONS: usize = 20_000;

/// Distance in `ln s²` of the levels of noise at which thresholds are looked for.
const THRESHOLD_SPACING: f64 = 0.25;

/// The classes at one level of noise.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Level {
    /// `ln s²`.
    pub(crate) log_noise: f64,
    moments: Moments,
    accuracy: Accuracy,
}

/// The mean squared error of all classes, at one level of noise.
pub(crate) fn moments(classes: &[Mixture], noise: f64, accuracy: Accuracy) -> Moments {
    let mut moments = Moments::default();
    for class in classes {
        class.add_moments(noise, accuracy, &mut moments);
    }
    moments
}

fn level(classes: &[Mixture], log_noise: f64, accuracy: Accuracy) -> Level {
    Level { log_noise, moments: moments(classes, log_noise.exp(), accuracy), accuracy }
}

/// The fixed-point equation `alpha s² = sigma² + M(s²)`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Equation<'a> {
    pub(crate) classes: &'a [Mixture],
    pub(crate) sample_ratio: f64,
    pub(crate) noise_variance: f64,
}

impl Level {
    fn noise(&self) -> f64 {
        self.log_noise.exp()
    }

    /// Bounds on `s² kappa = s²/M - 1`.
    fn precision(&self) -> [f64; 2] {
        let inverse = self.noise() / self.moments.error;
        [-1.0, 1.0].map(|sign| (inverse * (1.0 + sign * self.accuracy.bound()) - 1.0).max(0.0))
    }
}

impl Equation<'_> {
    /// `ln((sigma² + M)/alpha) - ln s²` and its derivative in `ln s²`.
    fn residual(&self, level: &Level) -> (f64, f64) {
        let total = self.noise_variance + level.moments.error;
        let value = total.ln() - self.sample_ratio.ln() - level.log_noise;
        (value, level.moments.by_log_noise / total - 1.0)
    }

    /// The noise `s²` that solves the equation for Gaussian coefficients of precision `kappa`,
    /// where `kappa = precision/at`.
    fn gaussian_root(&self, precision: f64, at: f64) -> f64 {
        let alpha = self.sample_ratio;
        // In units of `at`: alpha k x² + (alpha - 1 - sigma² k) x - sigma² = 0.
        let sigma = self.noise_variance / at;
        let linear = (alpha - 1.0) - sigma * precision;
        let quadratic = alpha * precision;
        // Then the error is that of estimating nothing.
        if precision > 1e200 {
            return (self.noise_variance + at / precision) / alpha;
        }
        let root = linear.hypot(2.0 * quadratic.sqrt() * sigma.sqrt());
        let x = if linear > 0.0 {
            2.0 * sigma / (linear + root)
        } else {
            (root - linear) / (2.0 * quadratic)
        };
        x * at
    }

    /// All noise variances `s² > 0` at which the equation holds, ascending.
    pub(crate) fn roots(&self) -> Result<Vec<f64>> {
        let variance: f64 = self.classes.iter().map(Mixture::variance).sum();
        let lowest = self.noise_variance / self.sample_ratio;
        if variance == 0.0 {
            return Ok(if lowest > 0.0 { vec![lowest] } else { Vec::new() });
        }
        let highest = self.gaussian_root(1.0 - 1e-9, variance);
        let representable = (1e-290..=1e290).contains(&highest) || highest == 0.0;
        if !representable || (lowest > 0.0 && lowest < 1e-290) {
            return Err(Error::NotRepresentable {
                quantity: "effective_noise_variance",
                reason: "it is not within 1e-290 and 1e290 of the mean square of the coefficients",
            });
        }
        let mut search = Search::new(*self);
        let foot = search.foot(lowest)?;
        let mut bottom = lowest;
        if let Some(foot) = foot {
            bottom = foot.noise;
            if let Some([low, high]) = foot.root {
                search.between([low.max(lowest), high.min(highest.max(low))])?;
            }
        }
        if bottom > 0.0 && bottom < highest {
            search.between([bottom, highest])?;
        }
        let mut roots = search.roots;
        roots.sort_by(f64::total_cmp);
        roots.dedup_by(|a, b| (*a - *b).abs() < 1e-9);
        Ok(roots.into_iter().map(f64::exp).collect())
    }

    /// The root next to one of a similar equation.
    pub(crate) fn polish(&self, root: f64) -> Result<f64> {
        let mut search = Search::new(*self);
        let mut log_noise = root.ln();
        for _ in 0..30 {
            let here = search.level(log_noise, Accuracy::Full)?;
            let (value, slope) = self.residual(&here);
            let step = -value / slope;
            if step.is_nan() || step.abs() > 0.5 {
                break;
            }
            log_noise += step;
            if step.abs() < 1e-8 * slope.abs().min(1.0) {
                return Ok(log_noise.exp());
            }
        }
        Err(Error::NotConverged { iterations: 30, residual: f64::INFINITY })
    }
}

/// Where the noise is so small that every coefficient is either known or observed.
#[derive(Debug, Clone, Copy)]
struct Foot {
    /// From this noise down.
    noise: f64,
    /// Where the root below it is, if there is one.
    root: Option<[f64; 2]>,
}

#[derive(Debug)]
struct Search<'a> {
    equation: Equation<'a>,
    /// Probability of what is no atom.
    dimension: f64,
    /// Accuracy of what roots are not polished by.
    accuracy: Accuracy,
    evaluations: usize,
    roots: Vec<f64>,
}

impl<'a> Search<'a> {
    fn new(equation: Equation<'a>) -> Self {
        let dimension: f64 = equation.classes.iter().map(Mixture::dimension).sum();
        // Close to the threshold, small noise changes little.
        let close = (equation.sample_ratio - dimension).abs() < 0.01 * dimension;
        let accuracy = if close { Accuracy::Full } else { Accuracy::Search };
        Self { equation, dimension, accuracy, evaluations: 0, roots: Vec::new() }
    }

    fn level(&mut self, log_noise: f64, accuracy: Accuracy) -> Result<Level> {
        self.evaluations += 1;
        if self.evaluations > MOST_EVALUATIONS {
            let iterations = self.evaluations;
            return Err(Error::NotConverged { iterations, residual: f64::INFINITY });
        }
        let level = level(self.equation.classes, log_noise, accuracy);
        if !level.moments.error.is_finite() {
            let iterations = self.evaluations;
            return Err(Error::NotConverged { iterations, residual: f64::INFINITY });
        }
        Ok(level)
    }

    /// Where `M/s²` has come so close to its limit, the probability of what is no atom, that it
    /// decides on roots below; it goes there without turning back.
    fn foot(&mut self, lowest: f64) -> Result<Option<Foot>> {
        let (classes, dimension) = (self.equation.classes, self.dimension);
        let finest = classes.iter().map(Mixture::finest).fold(f64::INFINITY, f64::min);
        let gap = self.equation.sample_ratio - dimension;
        let mut foot = None;
        for exponent in 1..=18 {
            let noise = finest * 1e-2_f64.powi(exponent);
            if noise <= 10.0 * lowest || noise < 1e-290 {
                break;
            }
            let here = self.level(noise.ln(), self.accuracy)?;
            let ratio = here.moments.error / noise;
            let distance = (ratio - dimension).abs();
            foot = Some(Foot { noise, root: None });
            let unresolved = 100.0 * self.accuracy.bound() * ratio;
            if distance <= (0.1 * gap.abs()).max(unresolved) && exponent > 1 {
                let margin = distance + self.accuracy.bound() * ratio;
                if gap > margin && lowest > 0.0 {
                    let sigma = self.equation.noise_variance;
                    let root = [sigma / (gap + margin), sigma / (gap - margin)];
                    foot = Some(Foot { noise, root: (root[0] < noise).then_some(root) });
                }
                // At the threshold itself, all small noise nearly solves the equation.
                if lowest == 0.0 && gap.abs() <= 4.0 * f64::EPSILON * dimension {
                    return Ok(Some(Foot { noise: self.knee(noise)?, root: None }));
                }
                return Ok(foot);
            }
        }
        // Not close enough before noise or floats end: what is below is searched, or for no noise
        // has no room.
        Ok(foot.filter(|_| lowest == 0.0))
    }

    /// The noise, from `noise` on, where `M/s²` leaves its limit by more than it is rounded.
    fn knee(&mut self, mut noise: f64) -> Result<f64> {
        loop {
            let error = self.level(noise.ln(), Accuracy::Full)?.moments.error;
            let distance = (error / noise - self.dimension).abs();
            if distance > 1e3 * Accuracy::Full.bound() * self.dimension {
                return Ok(noise);
            }
            noise *= 10.0;
        }
    }

    /// Finds all roots within an interval of `s²`.
    fn between(&mut self, [low, high]: [f64; 2]) -> Result<()> {
        let accuracy = self.accuracy;
        // Roots at the very ends belong to the interval.
        let ends = [low.ln() - 0.01, high.ln() + 0.01];
        let mut open = vec![[self.level(ends[0], accuracy)?, self.level(ends[1], accuracy)?]];
        while let Some([mut low, mut high]) = open.pop() {
            loop {
                let length = high.log_noise - low.log_noise;
                let inner = [
                    self.equation.gaussian_root(low.precision()[1], low.noise()).ln(),
                    self.equation.gaussian_root(high.precision()[0], high.noise()).ln(),
                ];
                // Wider by more than they are rounded.
                let inner =
                    [(inner[0] - 1e-11).max(low.log_noise), (inner[1] + 1e-11).min(high.log_noise)];
                let left = inner[1] - inner[0];
                if left < 0.0 {
                    break;
                }
                if length < NARROW && self.settle(&low, &high)? {
                    break;
                }
                // What is still open here is too close to call.
                let accuracy = if length < CLOSE { Accuracy::Full } else { accuracy };
                for end in [&mut low, &mut high] {
                    if length < CLOSE && end.accuracy != accuracy {
                        *end = self.level(end.log_noise, accuracy)?;
                    }
                }
                if left > 0.6 * length || length < 1e-3 {
                    let middle = self.level(0.5 * (low.log_noise + high.log_noise), accuracy)?;
                    open.push([low, middle]);
                    low = middle;
                    continue;
                }
                if inner[0] > low.log_noise + 0.1 * length {
                    low = self.level(inner[0], accuracy)?;
                }
                if inner[1] < high.log_noise - 0.1 * length {
                    high = self.level(inner[1], accuracy)?;
                }
            }
        }
        Ok(())
    }

    /// Whether what ends and slopes say of an interval is all: then its root, if any, is found.
    fn settle(&mut self, low: &Level, high: &Level) -> Result<bool> {
        let length = high.log_noise - low.log_noise;
        let (at_low, slope_low) = self.equation.residual(low);
        let (at_high, slope_high) = self.equation.residual(high);
        let rounding = 10.0 * low.accuracy.bound().max(high.accuracy.bound());
        if length < NARROWEST {
            if at_low.signum() != at_high.signum() || at_low.abs().min(at_high.abs()) < 1e-12 {
                self.root(low, high)?;
            }
            return Ok(true);
        }
        if at_low.signum() == at_high.signum() {
            // A pair of roots needs a turn towards zero in between.
            let (sign, nearest) = (at_low.signum(), at_low.abs().min(at_high.abs()));
            let towards = sign * slope_low < 0.0 && sign * slope_high > 0.0;
            let in_reach = nearest < length * slope_low.abs().max(slope_high.abs());
            return Ok(nearest > rounding && !(towards && in_reach));
        }
        let direction = (at_high - at_low).signum();
        if slope_low.signum() == direction && slope_high.signum() == direction {
            self.root(low, high)?;
            return Ok(true);
        }
        Ok(false)
    }

    /// The root between two levels: Newton's method, kept in the bracket.
    fn root(&mut self, low: &Level, high: &Level) -> Result<()> {
        let (at_low, _) = self.equation.residual(low);
        let (at_high, _) = self.equation.residual(high);
        // Ends were seen with less accuracy than is needed here.
        let mut bracket = [low.log_noise - 1e-4, high.log_noise + 1e-4];
        let falling = at_low > at_high;
        let part = if at_low == at_high { 0.5 } else { at_low / (at_low - at_high) };
        let mut x = low.log_noise + (high.log_noise - low.log_noise) * part.clamp(0.0, 1.0);
        for _ in 0..100 {
            let here = self.level(x, Accuracy::Full)?;
            let (value, slope) = self.equation.residual(&here);
            if value == 0.0 || bracket[1] - bracket[0] < 1e-14 * (1.0 + x.abs()) {
                break;
            }
            bracket[usize::from((value > 0.0) != falling)] = x;
            let step = -value / slope;
            let next = x + step;
            if next > bracket[0] && next < bracket[1] {
                x = next;
                if step.abs() < 1e-8 * slope.abs().min(1.0) {
                    break;
                }
            } else if step.abs() < 1e-12 {
                break;
            } else {
                x = 0.5 * (bracket[0] + bracket[1]);
            }
        }
        self.roots.push(x);
        Ok(())
    }
}

/// The largest `M/s²` over all levels of noise, and at least its limit without noise: the sample
/// ratio from which state evolution without noise goes down to zero.
pub(crate) fn largest_ratio(classes: &[Mixture]) -> Result<f64> {
    let dimension: f64 = classes.iter().map(Mixture::dimension).sum();
    let variance: f64 = classes.iter().map(Mixture::variance).sum();
    let finest = classes.iter().map(Mixture::finest).fold(f64::INFINITY, f64::min);
    if variance == 0.0 {
        return Ok(dimension);
    }
    let ratio = |level: &Level| level.moments.error / level.noise();
    let search = |x: f64| level(classes, x, Accuracy::Search);
    let mut best = dimension;
    let mut candidates: Vec<[Level; 2]> = Vec::new();
    // Above, M/s² is below variance/s²; below, it has come to its limit.
    let bottom = (finest.ln() - 60.0).max(1e-290_f64.ln());
    let mut upper = search((variance / dimension.max(1e-3)).ln().max(finest.ln()) + 2.0);
    while upper.log_noise > bottom {
        let lower = search(upper.log_noise - THRESHOLD_SPACING);
        best = best.max(ratio(&lower));
        candidates.push([lower, upper]);
        // Once M/s² is at its limit, it stays there.
        let settled =
            lower.log_noise < finest.ln() - 10.0 && (ratio(&lower) - dimension).abs() < 1e-4 * best;
        if settled {
            break;
        }
        upper = lower;
    }
    let slope = |level: &Level| level.moments.by_log_noise / level.moments.error - 1.0;
    for [lower, upper] in candidates {
        let steepest = slope(&lower).abs().max(slope(&upper).abs()) * THRESHOLD_SPACING;
        let bound = ratio(&lower).max(ratio(&upper)) * steepest.exp();
        if bound < best || slope(&lower) <= 0.0 || slope(&upper) >= 0.0 {
            continue;
        }
        // The slope of ln(M/s²) falls through zero.
        let (mut low, mut high) = (lower.log_noise, upper.log_noise);
        let mut previous = (low, slope(&lower));
        let mut x = 0.5 * (low + high);
        for _ in 0..60 {
            let here = level(classes, x, Accuracy::Full);
            best = best.max(ratio(&here));
            let at = slope(&here);
            *(if at > 0.0 { &mut low } else { &mut high }) = x;
            let next = x - at * (x - previous.0) / (at - previous.1);
            previous = (x, at);
            if high - low < 1e-9 || at.abs() < 1e-9 {
                break;
            }
            x = if next > low && next < high { next } else { 0.5 * (low + high) };
        }
    }
    Ok(best)
}
