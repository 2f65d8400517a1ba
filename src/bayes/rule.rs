//! Quadrature over one observation `z` of a mixture of Gaussians.
//!
//! What is integrated is rational in the densities of the components, so that it has poles where
//! their sum vanishes: where two of them have opposite phases, which is a quadratic equation for
//! `z`. The trapezoidal rule errs by `exp(-2 pi d/step)`, with `d` the distance of the nearest pole
//! from the real line. Where components of very different widths ask for too many equal steps,
//! panels of Gauss-Legendre nodes follow the width of what is there.

use std::f64::consts::{FRAC_PI_2, PI};

use crate::numerics::gauss_legendre::GAUSS_LEGENDRE;

/// Nodes of the trapezoidal rule up to which it is used.
const MOST_EQUAL_STEPS: f64 = 1000.0;

/// Components whose share of the density is below `exp(-IRRELEVANT)` are passed over.
const IRRELEVANT: f64 = 42.0;

/// Length of a panel in units of the distance to a pole, and of the decay of a density.
const PANEL: f64 = 1.1;

/// A component of the mixture as seen through the noise.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen {
    pub(crate) mean: f64,
    /// Width `S = sqrt(v + s²)`.
    pub(crate) width: f64,
    /// `ln(weight/S)`.
    pub(crate) log_height: f64,
}

impl Seen {
    pub(crate) fn new(weight: f64, mean: f64, width: f64) -> Self {
        Self { mean, width, log_height: weight.ln() - width.ln() }
    }

    /// Logarithm of weight times density, but for `sqrt(2 pi)`.
    pub(crate) fn log_density(&self, z: f64) -> f64 {
        let x = (z - self.mean) / self.width;
        self.log_height - 0.5 * x * x
    }

    /// Slope of the logarithm of the density.
    fn slope(&self, z: f64) -> f64 {
        (self.mean - z) / self.width / self.width
    }
}

/// Where the integrand does not vanish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// Where at least two components compete.
    Overlaps,
    /// Wherever there is a component.
    Everywhere,
}

/// Visits the nodes `z` of a rule with their weights. Errors of the rule are about `exp(-digits)`.
/// `step_factor` multiplies its steps. `mirrored` says that the integrand is even where all means
/// are zero: nodes then stand for their mirror images, too.
pub(crate) fn visit(
    seen: &[Seen],
    extent: Extent,
    digits: f64,
    step_factor: f64,
    mirrored: bool,
    mut node: impl FnMut(f64, f64),
) {
    let Some(narrowest) = seen.iter().map(|part| part.width).reduce(f64::min) else {
        return;
    };
    let mut hull = [f64::INFINITY, f64::NEG_INFINITY];
    for index in 0..seen.len() {
        if let Some(reach) = reach(seen, index, extent, digits) {
            let part = seen[index];
            hull[0] = hull[0].min(part.mean - reach * part.width);
            hull[1] = hull[1].max(part.mean + reach * part.width);
        }
    }
    let [low, high] = hull;
    if low >= high {
        return;
    }
    let distance = pole_distance(seen).min(narrowest * (2.0 * digits).sqrt());
    let growth = 0.5 * (distance / narrowest) * (distance / narrowest);
    let step = step_factor * 2.0 * PI * distance / (digits + growth);
    if (high - low) / step > MOST_EQUAL_STEPS / step_factor {
        panels(seen, extent, digits, step_factor, &mut node);
        return;
    }
    if mirrored && seen.iter().all(|part| part.mean == 0.0) {
        node(0.0, step);
        let steps = (high / step).ceil() as usize;
        for i in 1..=steps {
            node(step * i as f64, 2.0 * step);
        }
    } else {
        let steps = ((high - low) / step).ceil() as usize;
        for i in 0..=steps {
            node(low + step * i as f64, step);
        }
    }
}

/// How far a component reaches, in units of its width: until it falls to `exp(-digits)` of what
/// it competes with. None if it is only the background of all others.
fn reach(seen: &[Seen], index: usize, extent: Extent, digits: f64) -> Option<f64> {
    // What is integrated grows as a square, and outliers of it matter.
    let floor = digits + 4.0;
    let part = seen[index];
    let mut excess: Option<f64> = (extent == Extent::Everywhere).then_some(0.0);
    for (other, broader) in seen.iter().enumerate() {
        if other == index || broader.width < part.width {
            continue;
        }
        let height = part.log_height - broader.log_density(part.mean);
        excess = Some(excess.unwrap_or(0.0).max(height));
    }
    excess.map(|excess| (2.0 * (floor + excess)).sqrt())
}

/// Distance from the real line at which two components can cancel.
fn pole_distance(seen: &[Seen]) -> f64 {
    // Three components cancel at phases below pi, but none of up to a right angle does.
    let phase = if seen.len() == 2 { PI } else { FRAC_PI_2 };
    let mut least = f64::INFINITY;
    for (index, first) in seen.iter().enumerate() {
        for second in &seen[index + 1..] {
            let (narrow, broad) =
                if first.width <= second.width { (first, second) } else { (second, first) };
            // a u² + b u + c = i phase, in units of the narrower width.
            let ratio = narrow.width / broad.width;
            let distance = (broad.mean - narrow.mean) / broad.width;
            let a = 0.5 * (ratio - 1.0) * (ratio + 1.0);
            let b = -distance * ratio;
            let c = 0.5 * distance * distance + (narrow.log_height - broad.log_height);
            let imaginary = if a == 0.0 {
                phase / b.abs()
            } else {
                let (real, twist) = (b * b - 4.0 * a * c, 4.0 * a.abs() * phase);
                let size = real.hypot(twist);
                let root = if real > 0.0 {
                    0.5 * twist / (0.5 * (size + real)).sqrt()
                } else {
                    (0.5 * (size - real)).sqrt()
                };
                0.5 * root / a.abs()
            };
            least = least.min(narrow.width * imaginary);
        }
    }
    least
}

/// Panels of Gauss-Legendre nodes.
fn panels(
    seen: &[Seen],
    extent: Extent,
    digits: f64,
    step_factor: f64,
    node: &mut impl FnMut(f64, f64),
) {
    /// Distance of the ends of panels, in units of the width of a component.
    const SPACING: f64 = 1.5;
    let mut ends: Vec<(f64, f64)> = Vec::new();
    let mut radii = vec![f64::INFINITY; seen.len()];
    for (index, part) in seen.iter().enumerate() {
        if let Some(reach) = reach(seen, index, extent, digits) {
            let count = (reach / SPACING).ceil() as i32;
            radii[index] = SPACING * part.width * f64::from(count);
            for i in -count..=count {
                ends.push((part.mean + SPACING * part.width * f64::from(i), part.width));
            }
        }
    }
    ends.sort_by(|a, b| a.0.total_cmp(&b.0));
    // Ends that are close to others serve for both.
    let mut kept: Vec<(f64, f64)> = Vec::with_capacity(ends.len());
    let last = ends.last().map(|end| end.0);
    for end in ends {
        match kept.last_mut() {
            Some(before) if end.0 - before.0 < 0.3 * end.1.min(before.1) && Some(end.0) != last => {
                before.1 = before.1.min(end.1);
            }
            _ => kept.push(end),
        }
    }
    let needed = if extent == Extent::Overlaps { 2 } else { 1 };
    let phase = if seen.len() == 2 { PI } else { FRAC_PI_2 };
    for pair in kept.windows(2) {
        let [low, high] = [pair[0].0, pair[1].0];
        let highest =
            [low, high].map(|z| seen.iter().map(|part| part.log_density(z)).reduce(f64::max));
        let mut relevant = 0;
        let mut slopes = [f64::INFINITY, f64::NEG_INFINITY];
        let middle = 0.5 * (low + high);
        for (part, radius) in seen.iter().zip(&radii) {
            if (middle - part.mean).abs() > *radius {
                continue;
            }
            let shares = [(low, highest[0]), (high, highest[1])]
                .map(|(z, highest)| part.log_density(z) - highest.unwrap_or(0.0));
            if shares[0].max(shares[1]) < -IRRELEVANT {
                continue;
            }
            relevant += 1;
            for slope in [part.slope(low), part.slope(high)] {
                slopes = [slopes[0].min(slope), slopes[1].max(slope)];
            }
        }
        if relevant < needed {
            continue;
        }
        let steepest = slopes[0].abs().max(slopes[1].abs());
        let rate = (if relevant > 1 { (slopes[1] - slopes[0]) / phase } else { 0.0 })
            .max(0.4 * steepest)
            / (PANEL * step_factor);
        let count = ((high - low) * rate).ceil().max(1.0);
        let length = (high - low) / count;
        for panel in 0..count as usize {
            let middle = low + length * (panel as f64 + 0.5);
            for (x, weight) in GAUSS_LEGENDRE {
                let (shift, weight) = (0.5 * length * x, 0.5 * length * weight);
                node(middle - shift, weight);
                node(middle + shift, weight);
            }
        }
    }
}
