//! The ways to a generalization error.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};

/// How a [`Solver`](crate::Solver) computes a generalization error: what it is asked for, and what a
/// [`Solution`](crate::Solution) was computed by.
///
/// Where there are as many samples as coordinates that can move, or more, every method without an
/// explicit penalty is [ordinary least squares](crate::ordinary_least_squares).
///
/// # Examples
///
/// ```
/// use diagonet::{Group, Law, Method, Prior, Samples, Solver};
///
/// let law = Law::new(vec![Group::new("all", 1.0, Prior::gaussian(0.0, 1.0)?, 1e9)?])?;
/// let report = Solver::new().solve(&law, &Samples::new(0.5)?)?;
/// assert_eq!(report.method, Method::Lazy); // within tolerance, and explicit
/// # #[cfg(feature = "quadrature")]
/// # {
/// let solver = Solver::new().with_method(Method::Quadrature);
/// let numerical = solver.solve(&law, &Samples::new(0.5)?)?;
/// assert_eq!(numerical.method, Method::Quadrature);
/// assert!((numerical.generalization_error() - report.generalization_error()).abs() < 1e-11);
/// # }
/// # Ok::<(), diagonet::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Method {
    /// A closed form where it is exact or provably within the
    /// [tolerance](crate::Solver::with_tolerance), quadrature elsewhere. No solution is computed by it.
    #[default]
    Auto,
    /// The penalty itself, by quadrature. Needs the feature `quadrature`.
    Quadrature,
    /// The lazy limit at the law's ratios of scales, [`weighted_l2`](crate::weighted_l2).
    Lazy,
    /// The rich limit with the law's [`rich_weights`](crate::rich_weights),
    /// [`weighted_l1`](crate::weighted_l1).
    Rich,
    /// [Ordinary least squares](crate::ordinary_least_squares): for as many samples as coordinates that
    /// can move, or more.
    LeastSquares,
}

/// The name that [`FromStr`](std::str::FromStr) reads.
impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Auto => "auto",
            Self::Quadrature => "quadrature",
            Self::Lazy => "lazy",
            Self::Rich => "rich",
            Self::LeastSquares => "least squares",
        })
    }
}

/// [`Error::UnknownName`](crate::Error::UnknownName) for any other text than auto, quadrature, lazy, rich, least squares.
impl FromStr for Method {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        match name {
            "auto" => Ok(Self::Auto),
            "quadrature" => Ok(Self::Quadrature),
            "lazy" => Ok(Self::Lazy),
            "rich" => Ok(Self::Rich),
            "least squares" => Ok(Self::LeastSquares),
            _ => Err(Error::UnknownName {
                parameter: "method",
                value: name.to_owned(),
                choices: "auto, quadrature, lazy, rich, least squares",
            }),
        }
    }
}
