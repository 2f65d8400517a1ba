//! What Python is told of an error.

use diagonet::Error;
use pyo3::prelude::*;

/// A point without an answer.
#[derive(Debug, IntoPyObject)]
pub(crate) struct Failure {
    /// Its position among all points.
    point: usize,
    /// The name of the error.
    kind: String,
    message: String,
    /// The parameter at fault, if it is a single one, with its value and its domain.
    parameter: Option<&'static str>,
    value: Option<Value>,
    domain: Option<String>,
}

#[derive(Debug, IntoPyObject)]
enum Value {
    Number(f64),
    Text(String),
}

impl Failure {
    pub(crate) fn new(point: usize, error: &Error) -> Self {
        let number = |name, value| (Some(name), Some(Value::Number(value)), None);
        let cause = error.cause();
        let (parameter, value, domain) = match cause {
            Error::OutOfDomain { parameter, value, domain } => {
                (Some(*parameter), Some(Value::Number(*value)), Some(domain.to_string()))
            }
            Error::UnknownName { parameter, value, choices } => {
                let value = Value::Text(value.clone());
                (Some(*parameter), Some(value), Some((*choices).to_owned()))
            }
            Error::InfeasibleSupports { overlap, constraint, .. } => {
                (Some("overlap"), Some(Value::Number(*overlap)), Some((*constraint).to_owned()))
            }
            Error::Diverges { sample_ratio, .. } => number("sample_ratio", *sample_ratio),
            Error::UnattainableError { target_error, .. } => number("target_error", *target_error),
            Error::Unattainable { pretraining_dependence, .. } => {
                number("pretraining_dependence", *pretraining_dependence)
            }
            Error::EmptyRange { parameter, lowest, .. } => number(parameter, *lowest),
            Error::UndefinedRelativeScale => (Some("relative_scale"), None, None),
            _ => (None, None, None),
        };
        // A variant is printed with its name first.
        let kind = format!("{cause:?}");
        let end = kind.find(|c: char| !c.is_alphanumeric()).unwrap_or(kind.len());
        let message = error.to_string();
        Self { point, kind: kind[..end].to_owned(), message, parameter, value, domain }
    }
}
