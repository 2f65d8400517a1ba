//! The choice of the estimator whose generalization error is computed.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};
use crate::estimator::ScalarEstimator;
#[cfg(feature = "quadrature")]
use crate::estimator::centred::Centred;
use crate::estimator::elastic_net::{ElasticNet, ShrunkThreshold};
use crate::estimator::linear::Linear;
use crate::estimator::soft_threshold::SoftThreshold;
use crate::problem::law::CoordinateGroup;

/// How a [`Solver`](crate::Solver) computes a generalization error: the estimator that was asked for,
/// or the one that a [`Solution`](crate::Solution) was computed with.
///
/// With as many samples as coordinates that can move, or more, every estimator without an explicit
/// penalty is [ordinary least squares](crate::ordinary_least_squares).
///
/// # Examples
///
/// ```
/// use diagonet::{CoordinateGroup, Estimator, Law, Prior, Samples, Solver};
///
/// let law = Law::new(vec![CoordinateGroup::new("all", 1.0, Prior::gaussian(0.0, 1.0)?, 1e9)?])?;
/// let report = Solver::new().solve(&law, &Samples::new(0.5)?)?;
/// assert_eq!(report.estimator, Estimator::Lazy); // within tolerance, and explicit
/// # #[cfg(feature = "quadrature")]
/// # {
/// let solver = Solver::new().with_estimator(Estimator::Quadrature);
/// let numerical = solver.solve(&law, &Samples::new(0.5)?)?;
/// assert_eq!(numerical.estimator, Estimator::Quadrature);
/// assert!((numerical.generalization_error() - report.generalization_error()).abs() < 1e-11);
/// # }
/// # Ok::<(), diagonet::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(try_from = "String", into = "String"))]
pub enum Estimator {
    /// A closed form where it is exact or provably within the [tolerance](crate::Solver::with_tolerance),
    /// quadrature elsewhere. A solution never has this estimator, but the one that was chosen.
    #[default]
    Auto,
    /// The penalty itself, by quadrature. Needs the feature `quadrature`.
    Quadrature,
    /// The lazy limit at the law's ratios of scales, [`weighted_l2`](crate::weighted_l2).
    Lazy,
    /// The rich limit with the law's [`rich_weights`](crate::rich_weights),
    /// [`weighted_l1`](crate::weighted_l1).
    Rich,
    /// [Ordinary least squares](crate::ordinary_least_squares), for as many samples as coordinates that
    /// can move, or more.
    LeastSquares,
    /// An elastic net with the law's [`rich_weights`](crate::rich_weights) and an
    /// [explicit penalty](crate::Solver::with_explicit_penalty).
    ElasticNet(ElasticNet),
}

impl Estimator {
    /// Whether it has weights of an l1 norm, and with them no form for a start other than 0.
    pub(crate) fn has_l1_weights(self) -> bool {
        matches!(self, Self::Rich | Self::ElasticNet(_))
    }

    /// The estimator of a group in units of the root of `unit_squared`, given its weight in an l1 norm
    /// and the derivative of the logarithm of that in the logarithm of the scale.
    pub(crate) fn estimator(
        self,
        group: &CoordinateGroup,
        l1_weight: f64,
        weight_by_log_scale: f64,
        unit_squared: f64,
    ) -> Result<Box<dyn ScalarEstimator>> {
        let soft = || {
            let soft = SoftThreshold::new(group, l1_weight, unit_squared)?;
            Ok(soft.with_weight_by_log_scale(weight_by_log_scale))
        };
        Ok(match self {
            Self::Auto | Self::Quadrature => proximal(group, unit_squared)?,
            Self::Lazy | Self::LeastSquares => Box::new(Linear::new(group, unit_squared)),
            Self::Rich => Box::new(soft()?),
            Self::ElasticNet(net) => {
                let unit = unit_squared.sqrt() / group.unit();
                Box::new(ShrunkThreshold::new(net, soft()?, unit))
            }
        })
    }
}

#[cfg(feature = "quadrature")]
fn proximal(group: &CoordinateGroup, unit_squared: f64) -> Result<Box<dyn ScalarEstimator>> {
    let proximal = crate::estimator::quadrature::Proximal::new(group, unit_squared)?;
    Ok(if group.centre() == 0.0 {
        Box::new(proximal)
    } else {
        Box::new(Centred::new(group, unit_squared, proximal))
    })
}

#[cfg(not(feature = "quadrature"))]
fn proximal(_: &CoordinateGroup, _: f64) -> Result<Box<dyn ScalarEstimator>> {
    Err(Error::QuadratureDisabled { quantity: "what depends on the estimates" })
}

/// The name of an elastic net, before its curvature.
const ELASTIC_NET: &str = "elastic net ";

impl From<Estimator> for String {
    fn from(value: Estimator) -> Self {
        value.to_string()
    }
}

impl TryFrom<String> for Estimator {
    type Error = crate::error::Error;

    fn try_from(name: String) -> crate::error::Result<Self> {
        name.parse()
    }
}

/// The name that [`FromStr`](std::str::FromStr) reads.
impl fmt::Display for Estimator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::ElasticNet(net) => return f.pad(&format!("{ELASTIC_NET}{}", net.curvature())),
            Self::Auto => "auto",
            Self::Quadrature => "quadrature",
            Self::Lazy => "lazy",
            Self::Rich => "rich",
            Self::LeastSquares => "least squares",
        })
    }
}

/// [`Error::UnknownName`](crate::Error::UnknownName) for any other text than auto, quadrature, lazy,
/// rich, least squares, or elastic net with its curvature.
impl FromStr for Estimator {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        match name {
            "auto" => Ok(Self::Auto),
            "quadrature" => Ok(Self::Quadrature),
            "lazy" => Ok(Self::Lazy),
            "rich" => Ok(Self::Rich),
            "least squares" => Ok(Self::LeastSquares),
            _ => match name.strip_prefix(ELASTIC_NET).map(str::parse) {
                Some(Ok(curvature)) => ElasticNet::new(curvature).map(Self::ElasticNet),
                _ => Err(Error::UnknownName {
                    parameter: "estimator",
                    value: name.to_owned(),
                    choices: "auto, quadrature, lazy, rich, least squares, elastic net 0.5 (or another \
                              curvature)",
                }),
            },
        }
    }
}
