//! The posterior mean of one coordinate: its error, and what it leaves unknown.

use std::f64::consts::PI;

use crate::bayes::rule::{Extent, Seen, visit};

/// How exactly an integral is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Accuracy {
    /// To 1e-6 or so, for searches.
    Search,
    /// To rounding.
    Full,
}

impl Accuracy {
    fn digits(self) -> f64 {
        match self {
            Self::Search => 15.0,
            Self::Full => 30.0,
        }
    }

    /// Bound on the relative error of a mean squared error.
    pub(crate) fn bound(self) -> f64 {
        match self {
            Self::Search => 1e-5,
            Self::Full => 1e-11,
        }
    }
}

/// A Gaussian part of the prior, or an atom, with its probability.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Component {
    /// Position in the list of labels.
    pub(crate) label: usize,
    /// Probability that a coordinate is one of these.
    pub(crate) weight: f64,
    /// Fraction of the coordinates under the label, also where that has no weight.
    pub(crate) share: f64,
    pub(crate) mean: f64,
    pub(crate) variance: f64,
}

/// A distinct component, without its labels.
#[derive(Debug, Clone, Copy)]
struct Part {
    weight: f64,
    mean: f64,
    variance: f64,
}

impl Part {
    fn of(component: &Component) -> Self {
        Self { weight: component.weight, mean: component.mean, variance: component.variance }
    }

    fn is(&self, component: &Component) -> bool {
        self.mean == component.mean && self.variance == component.variance
    }

    /// Variance of the coefficient given the observation and the component.
    fn posterior_variance(&self, noise: f64) -> f64 {
        if self.variance == 0.0 { 0.0 } else { noise * (self.variance / (self.variance + noise)) }
    }

    fn seen(&self, noise: f64) -> Seen {
        Seen::new(self.weight, self.mean, (self.variance + noise).sqrt())
    }
}

/// Coordinates that the learner cannot tell apart before it sees the data: a mixture.
#[derive(Debug, Clone)]
pub(crate) struct Mixture {
    components: Vec<Component>,
    /// Distinct components with weight.
    parts: Vec<Part>,
    /// Variance of the inputs of its coordinates, by which all variances here are multiplied.
    input_variance: f64,
}

/// What a mixture, or all of them, leave unknown at one level of noise.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Moments {
    /// Mean squared error of the posterior mean.
    pub(crate) error: f64,
    /// Its derivative in the logarithm of the noise variance: the mean square of the posterior
    /// variance over the noise variance.
    pub(crate) by_log_noise: f64,
}

/// One component at one node.
#[derive(Debug, Clone, Copy, Default)]
struct Term {
    posterior_variance: f64,
    /// `v/(v + s²)` and `s²/(v + s²)`.
    response: f64,
    shrinkage: f64,
    mean: f64,
    /// `exp` of the log density less the largest.
    density: f64,
    /// Distance of the mean of the component's posterior from a reference, then from the whole mean.
    deviation: f64,
}

/// The components at one level of noise.
#[derive(Debug)]
struct Channel {
    seen: Vec<Seen>,
    terms: Vec<Term>,
}

impl Channel {
    fn new(parts: &[Part], noise: f64) -> Self {
        let term = |part: &Part| {
            let total = part.variance + noise;
            Term {
                posterior_variance: part.posterior_variance(noise),
                response: part.variance / total,
                shrinkage: noise / total,
                mean: part.mean,
                density: 0.0,
                deviation: 0.0,
            }
        };
        Self {
            seen: parts.iter().map(|part| part.seen(noise)).collect(),
            terms: parts.iter().map(term).collect(),
        }
    }

    /// Sets all terms for the observation `z`; gives the sum of their densities and its scale, a
    /// logarithm.
    fn observe(&mut self, z: f64) -> (f64, f64) {
        let (mut reference, mut highest) = (0, f64::NEG_INFINITY);
        for (index, (seen, term)) in self.seen.iter().zip(&mut self.terms).enumerate() {
            term.density = seen.log_density(z);
            if term.density > highest {
                (reference, highest) = (index, term.density);
            }
        }
        let base = self.terms[reference];
        let (mut sum, mut shift) = (0.0, 0.0);
        for (index, term) in self.terms.iter_mut().enumerate() {
            if index == reference {
                term.density = 1.0;
                term.deviation = 0.0;
                sum += 1.0;
                continue;
            }
            term.density = (term.density - highest).exp();
            term.deviation = mean_difference(term, &base, z);
            sum += term.density;
            shift += term.density * term.deviation;
        }
        shift /= sum;
        for term in &mut self.terms {
            term.deviation -= shift;
        }
        (sum, highest)
    }
}

/// Difference of the posterior means of two components, without cancellation where both follow the
/// observation.
fn mean_difference(term: &Term, base: &Term, z: f64) -> f64 {
    if term.response > 0.5 && base.response > 0.5 {
        base.shrinkage * (z - base.mean) - term.shrinkage * (z - term.mean)
    } else {
        let mean = |term: &Term| term.response * z + term.shrinkage * term.mean;
        mean(term) - mean(base)
    }
}

impl Mixture {
    pub(crate) fn new(components: Vec<Component>) -> Self {
        let mut parts: Vec<Part> = Vec::with_capacity(components.len());
        for component in components.iter().filter(|component| component.weight > 0.0) {
            match parts.iter_mut().find(|part| part.is(component)) {
                Some(part) => part.weight += component.weight,
                None => parts.push(Part::of(component)),
            }
        }
        Self { components, parts, input_variance: 1.0 }
    }

    /// The same coordinates, whose coefficients are multiplied by the root of an input variance.
    pub(crate) fn on_inputs(self, input_variance: f64) -> Self {
        Self { input_variance, ..self }
    }

    pub(crate) fn input_variance(&self) -> f64 {
        self.input_variance
    }

    /// Probability of the class.
    pub(crate) fn weight(&self) -> f64 {
        self.parts.iter().map(|part| part.weight).sum()
    }

    pub(crate) fn components(&self) -> &[Component] {
        &self.components
    }

    /// Probability of components that are no atoms.
    pub(crate) fn dimension(&self) -> f64 {
        self.parts.iter().filter(|part| part.variance > 0.0).map(|part| part.weight).sum()
    }

    /// Probability times variance.
    pub(crate) fn variance(&self) -> f64 {
        let Some(first) = self.parts.first() else {
            return 0.0;
        };
        // From a mean that is one of them, so that one alone has none of its own.
        let center = first.mean;
        let weight = self.weight();
        let mean =
            self.parts.iter().map(|part| part.weight * (part.mean - center)).sum::<f64>() / weight;
        let square = |part: &Part| {
            let distance = (part.mean - center) - mean;
            part.weight * distance.mul_add(distance, part.variance)
        };
        self.parts.iter().map(square).sum()
    }

    /// The least of the variances and of the squared distances of atoms.
    pub(crate) fn finest(&self) -> f64 {
        let mut finest = f64::INFINITY;
        let mut atoms: Vec<f64> = Vec::new();
        for part in &self.parts {
            if part.variance > 0.0 {
                finest = finest.min(part.variance);
            } else {
                atoms.push(part.mean);
            }
        }
        atoms.sort_by(f64::total_cmp);
        for pair in atoms.windows(2) {
            finest = finest.min((pair[1] - pair[0]) * (pair[1] - pair[0]));
        }
        finest
    }

    /// Adds the moments of the class, times its probability.
    pub(crate) fn add_moments(&self, noise: f64, accuracy: Accuracy, moments: &mut Moments) {
        for part in &self.parts {
            let variance = part.posterior_variance(noise);
            moments.error += part.weight * variance;
            moments.by_log_noise += part.weight * (variance * (variance / noise));
        }
        if self.parts.len() < 2 {
            return;
        }
        let norm = 1.0 / (2.0 * PI).sqrt();
        let mut added = Moments::default();
        if let [first, second] = self.parts.as_slice() {
            let channel = Channel::new(&self.parts, noise);
            let (terms, seen) = (&channel.terms, &channel.seen);
            let variances = [first, second].map(|part| part.posterior_variance(noise));
            visit(seen, Extent::Overlaps, accuracy.digits(), 1.0, true, |z, step| {
                let logs = [seen[0].log_density(z), seen[1].log_density(z)];
                let smaller = (-(logs[0] - logs[1]).abs()).exp();
                let density = step * logs[0].max(logs[1]).exp() * (1.0 + smaller);
                let rare = smaller / (1.0 + smaller);
                let product = rare / (1.0 + smaller);
                let distance = mean_difference(&terms[0], &terms[1], z);
                let between = product * distance * distance;
                added.error += density * between;
                // Var² - E[tau²], with the rarer of the two counted from the other.
                let (common, other) = if logs[0] >= logs[1] { (0, 1) } else { (1, 0) };
                let gap = variances[other] - variances[common];
                let within = variances[common] + rare * gap;
                let excess = between * (between + 2.0 * within) - product * gap * gap;
                added.by_log_noise += density * (excess / noise);
            });
        } else {
            let mut channel = Channel::new(&self.parts, noise);
            let seen = channel.seen.clone();
            visit(&seen, Extent::Overlaps, accuracy.digits(), 1.0, true, |z, step| {
                let (sum, highest) = channel.observe(z);
                let (mut between, mut within) = (0.0, 0.0);
                for term in &channel.terms {
                    between += term.density * term.deviation * term.deviation;
                    within += term.density * term.posterior_variance;
                }
                (between, within) = (between / sum, within / sum);
                let mut spread = 0.0;
                for term in &channel.terms {
                    let gap = term.posterior_variance - within;
                    spread += term.density * gap * gap;
                }
                let density = step * highest.exp() * sum;
                added.error += density * between;
                let excess = between * (between + 2.0 * within) - spread / sum;
                added.by_log_noise += density * (excess / noise);
            });
        }
        moments.error += norm * added.error;
        moments.by_log_noise += norm * added.by_log_noise;
    }

    /// Mean squared errors of the components, each of one of its coordinates.
    pub(crate) fn errors(&self, noise: f64) -> Vec<f64> {
        let norm = 1.0 / (2.0 * PI).sqrt();
        let mut channel = Channel::new(&self.parts, noise);
        let mut of_parts = vec![0.0; self.parts.len()];
        if self.parts.len() > 1 {
            let seen = channel.seen.clone();
            visit(&seen, Extent::Overlaps, Accuracy::Full.digits(), 1.0, true, |z, step| {
                let (_, highest) = channel.observe(z);
                let scale = step * highest.exp();
                for (error, term) in of_parts.iter_mut().zip(&channel.terms) {
                    *error += scale * term.density * term.deviation * term.deviation;
                }
            });
        }
        for (error, part) in of_parts.iter_mut().zip(&self.parts) {
            *error = norm * *error / part.weight + part.posterior_variance(noise);
        }
        let error =
            |component: &Component| match self.parts.iter().position(|part| part.is(component)) {
                Some(index) => of_parts[index],
                None if component.share == 0.0 => 0.0,
                None => self.error_of_absent(component, noise),
            };
        self.components.iter().map(error).collect()
    }

    /// Mean squared error of a component without weight, which the posterior mean disregards.
    fn error_of_absent(&self, component: &Component, noise: f64) -> f64 {
        let part = Part { weight: 1.0, ..Part::of(component) };
        let alone = Channel::new(&[part], noise);
        let (term, width) = (alone.terms[0], alone.seen[0].width);
        let distance = |z: f64, to: &Term| mean_difference(&term, to, z);
        let mut channel = Channel::new(&self.parts, noise);
        let mut error = part.posterior_variance(noise);
        if let [other] = channel.terms.as_slice() {
            // Linear in the observation.
            let at_mean = distance(part.mean, other);
            let slope = if term.response > 0.5 && other.response > 0.5 {
                other.shrinkage - term.shrinkage
            } else {
                term.response - other.response
            };
            error += at_mean * at_mean + (slope * width) * (slope * width);
            return error;
        }
        let mut seen = channel.seen.clone();
        seen.push(alone.seen[0]);
        let norm = 1.0 / (2.0 * PI).sqrt();
        visit(&seen, Extent::Everywhere, Accuracy::Full.digits(), 1.0, true, |z, step| {
            let density = norm * alone.seen[0].log_density(z).exp();
            channel.observe(z);
            // The whole mean is at minus its deviation from each.
            let nearest = channel.terms.iter().max_by(|a, b| a.density.total_cmp(&b.density));
            if let Some(nearest) = nearest {
                let deviation = distance(z, nearest) + nearest.deviation;
                error += step * density * deviation * deviation;
            }
        });
        error
    }

    /// Mutual information of coefficient and observation, times the probability of the class.
    pub(crate) fn information(&self, noise: f64) -> f64 {
        let weight = self.weight();
        let mut information = 0.0;
        for part in &self.parts {
            // Of the component, and of the coefficient given the component.
            information +=
                part.weight * (0.5 * (part.variance / noise).ln_1p() - (part.weight / weight).ln());
        }
        if self.parts.len() < 2 {
            return information;
        }
        let norm = 1.0 / (2.0 * PI).sqrt();
        let mut channel = Channel::new(&self.parts, noise);
        let seen = channel.seen.clone();
        let mut unknown = 0.0;
        visit(&seen, Extent::Overlaps, Accuracy::Full.digits(), 1.0, true, |z, step| {
            let (sum, highest) = channel.observe(z);
            let mut entropy = 0.0;
            for (term, seen) in channel.terms.iter().zip(&seen) {
                // - density ln(density/sum), from the logarithm of the density.
                entropy += term.density * (highest - seen.log_density(z));
            }
            let rest: f64 = sum - 1.0;
            entropy += sum * rest.ln_1p();
            unknown += step * highest.exp() * entropy;
        });
        information - norm * unknown
    }
}
