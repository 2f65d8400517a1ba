//! Distributions of coefficients with more than one component.

use std::sync::Arc;

use crate::domain::Domain;
use crate::error::{Error, Result};
use crate::numerics::sum::CompensatedSum;
use crate::problem::prior::Prior;

/// A mixture of Gaussians and atoms: the distribution of the active coefficients of a task.
///
/// # Formula
///
/// ```text
/// beta ~ sum_k p_k N(m_k, v_k)
/// ```
///
/// where
/// - `p_k`: weight of the component, in [0, 1], with sum 1;
/// - `N(m_k, v_k)`: a [`Prior`], an atom where `v_k = 0`.
///
/// A [`Prior`] is a mixture of one component. Heavy-tailed distributions are mixtures of Gaussians with
/// many variances: [`Mixture::laplace`], [`Mixture::student_t`].
///
/// # Examples
///
/// ```
/// use diagonet::{Mixture, Prior};
///
/// // A few large coefficients among many small ones.
/// let mixture = Mixture::new([(0.1, Prior::gaussian(0.0, 10.0)?), (0.9, Prior::gaussian(0.0, 0.1)?)])?;
/// assert!((mixture.mean_square() - 1.09).abs() < 1e-15);
/// let signs = Mixture::new([(0.5, Prior::atom(-1.0)?), (0.5, Prior::atom(1.0)?)])?;
/// assert_eq!((signs.mean(), signs.variance()), (0.0, 1.0));
/// # Ok::<(), diagonet::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(try_from = "crate::representation::Mixture", into = "crate::representation::Mixture")
)]
pub struct Mixture {
    components: Arc<[(f64, Prior)]>,
}

impl Mixture {
    /// The mixture of weighted `components`.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfDomain`] for a weight outside [0, 1]; [`Error::WeightsDoNotSumToOne`] where the
    /// sum of the weights differs from 1 by more than 1e-12.
    pub fn new(components: impl IntoIterator<Item = (f64, Prior)>) -> Result<Self> {
        let components: Arc<[_]> = components.into_iter().collect();
        for (weight, _) in components.iter() {
            Domain::PROBABILITY.check("weight", *weight)?;
        }
        let weights = components.iter().map(|(weight, _)| *weight);
        let sum = weights.collect::<CompensatedSum>().value();
        if (sum - 1.0).abs() > 1e-12 {
            return Err(Error::WeightsDoNotSumToOne { groups: components.len(), sum });
        }
        Ok(Self { components })
    }

    /// The Laplace distribution of mean zero, as 129 Gaussians.
    ///
    /// # Formula
    ///
    /// ```text
    /// beta = sqrt(V) xi,      V/variance ~ Exponential(1),      xi ~ N(0, 1)
    /// ```
    ///
    /// The exponential law of `V` is replaced by the nodes of a trapezoidal rule in `log V`. Total weight
    /// and variance stay exact. Generalization errors differ from those of twice as many nodes by at most
    /// 1e-11 relative (scales from 1e-9 to 10, sample ratios from 0.1 to 0.9).
    ///
    /// # Errors
    ///
    /// [`Error::OutOfDomain`] for a variance outside [0, 1e298].
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::Mixture;
    ///
    /// let laplace = Mixture::laplace(2.0)?;
    /// assert!((laplace.variance() - 2.0).abs() < 1e-14);
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn laplace(variance: f64) -> Result<Self> {
        Domain::closed(0.0, 1e298).check("variance", variance)?;
        Self::laplace_with_step(variance, LAPLACE_STEP)
    }

    pub(crate) fn laplace_with_step(variance: f64, step: f64) -> Result<Self> {
        // Below 1e-15 of the mass, and above 1e-15 of the variance.
        Self::of_variances(variance, step, [-34.5, 3.7], |u| (u - u.exp()).exp())
    }

    /// Student's t distribution of mean zero and finite variance, as many Gaussians: 26 for many
    /// degrees of freedom, 250 for 3, 484 for 2.5.
    ///
    /// # Formula
    ///
    /// ```text
    /// beta = sqrt(V) xi,      V/variance ~ (nu/2 - 1)/Gamma(nu/2),      xi ~ N(0, 1)
    /// ```
    ///
    /// where `nu` is the number of degrees of freedom, in [2.5, 1e6]. Total weight and variance are
    /// exact. Generalization errors differ from those of twice as many nodes by at most 1e-10 relative
    /// (degrees of freedom from 2.5 to 1e6, scales from 1e-9 to 10, sample ratios from 0.1 to 0.9).
    ///
    /// # Errors
    ///
    /// [`Error::OutOfDomain`] for degrees of freedom outside [2.5, 1e6] or a variance outside [0, 1e200].
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::Mixture;
    ///
    /// let heavy = Mixture::student_t(3.0, 1.0)?;
    /// assert!((heavy.variance() - 1.0).abs() < 1e-14);
    /// // The variance of a Cauchy distribution is not finite.
    /// assert!(Mixture::student_t(1.0, 1.0).is_err());
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn student_t(degrees_of_freedom: f64, variance: f64) -> Result<Self> {
        Domain::closed(2.5, 1e6).check("degrees_of_freedom", degrees_of_freedom)?;
        Domain::closed(0.0, 1e200).check("variance", variance)?;
        Self::student_t_with_step(degrees_of_freedom, variance, STUDENT_STEP)
    }

    pub(crate) fn student_t_with_step(
        degrees_of_freedom: f64,
        variance: f64,
        step: f64,
    ) -> Result<Self> {
        /// Logarithm of the share of mass or variance that is left out at either end.
        const NEGLIGIBLE: f64 = 34.5;

        let shape = 0.5 * degrees_of_freedom;
        let rate = shape - 1.0;
        // A narrow density has the width 1/sqrt(shape).
        let width = 1.0 / shape.sqrt();
        let step = step.min(0.7 * width);
        // The density relative to that at u = 0, where log V is near its maximum.
        let log_density = |u: f64| -shape * u - rate * (-u).exp_m1();
        let reach = |side: f64, share: fn(f64) -> f64| {
            let mut u = 0.0;
            while log_density(u) + share(u) > -NEGLIGIBLE {
                u += side * width.min(0.5);
            }
            u
        };
        let ends = [reach(-1.0, |_| 0.0), reach(1.0, |u| u)];
        Self::of_variances(variance, step, ends, |u| log_density(u).exp())
    }

    /// The scale mixture of Gaussians whose log variance `u`, in units of `variance`, has a `density`
    /// (which need not be normalized), by the trapezoidal rule in `u`.
    ///
    /// The density decays at least exponentially to both sides and is analytic in a strip, and so are
    /// errors as functions of `u`, with singularities next to `u = log s² +- i pi`.
    fn of_variances(
        variance: f64,
        step: f64,
        [from, to]: [f64; 2],
        density: impl Fn(f64) -> f64,
    ) -> Result<Self> {
        let nodes = ((from / step).floor() as i64..=(to / step).ceil() as i64).map(|k| {
            let u = k as f64 * step;
            (density(u), u.exp())
        });
        let nodes: Vec<(f64, f64)> = nodes.filter(|(weight, _)| *weight > 0.0).collect();
        let sum = |term: fn(&(f64, f64)) -> f64| {
            nodes.iter().map(term).collect::<CompensatedSum>().value()
        };
        let (mass, square) = (sum(|node| node.0), sum(|node| node.0 * node.1));
        let unit = variance * (mass / square);
        let component =
            |(weight, v): &(f64, f64)| Ok((weight / mass, Prior::gaussian(0.0, unit * v)?));
        Self::new(nodes.iter().map(component).collect::<Result<Vec<_>>>()?)
    }

    /// The mixture of components in proportion to nonnegative weights; the atom at zero where there are
    /// none.
    pub(crate) fn of_proportions(components: Vec<(f64, Prior)>) -> Self {
        let total =
            components.iter().map(|(weight, _)| *weight).collect::<CompensatedSum>().value();
        if components.is_empty() || total == 0.0 {
            return Prior::ZERO.into();
        }
        let weighted = components.into_iter().map(|(weight, prior)| (weight / total, prior));
        Self { components: weighted.collect() }
    }

    /// The components with their weights, in the order in which they were given.
    #[must_use]
    pub fn components(&self) -> &[(f64, Prior)] {
        &self.components
    }

    /// Mean of the mixture.
    #[must_use]
    pub fn mean(&self) -> f64 {
        self.mean_of(|prior| prior.mean())
    }

    /// Variance of the mixture.
    #[must_use]
    pub fn variance(&self) -> f64 {
        let mean = self.mean();
        self.mean_of(|prior| {
            let distance = prior.mean() - mean;
            distance.mul_add(distance, prior.variance())
        })
    }

    /// Mean square of the mixture.
    #[must_use]
    pub fn mean_square(&self) -> f64 {
        self.mean_of(|prior| prior.mean_square())
    }

    /// Root of the mean square, also where the square underflows.
    pub(crate) fn root_mean_square(&self) -> f64 {
        let largest = self.components.iter().map(|(_, prior)| prior.root_mean_square());
        let unit = largest.fold(0.0, f64::max);
        if unit == 0.0 {
            return 0.0;
        }
        unit * self.mean_of(|prior| (prior.root_mean_square() / unit).powi(2)).sqrt()
    }

    /// Whether all components are the atom at zero.
    pub(crate) fn is_zero(&self) -> bool {
        self.components.iter().all(|(_, prior)| *prior == Prior::ZERO)
    }

    fn mean_of(&self, quantity: impl Fn(&Prior) -> f64) -> f64 {
        if let [(_, only)] = self.components() {
            return quantity(only);
        }
        let terms = self.components.iter().map(|(weight, prior)| weight * quantity(prior));
        terms.collect::<CompensatedSum>().value()
    }
}

/// Steps of the rules over log variances.
pub(crate) const LAPLACE_STEP: f64 = 0.3;
pub(crate) const STUDENT_STEP: f64 = 0.3;

impl From<Prior> for Mixture {
    fn from(prior: Prior) -> Self {
        Self { components: [(1.0, prior)].into() }
    }
}
