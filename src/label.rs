//! Names of groups of coordinates.

use std::borrow::{Borrow, Cow};
use std::fmt;

/// Name of a group of coordinates.
///
/// Groups of a [`Law`](crate::Law) with the same label are reported together.
///
/// # Examples
///
/// ```
/// use diagonet::{FeatureClass, GroupLabel};
///
/// assert_eq!(GroupLabel::from(FeatureClass::Shared).as_str(), "shared");
/// assert_eq!(GroupLabel::from("background"), GroupLabel::from(String::from("background")));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(from = "String", into = "String"))]
pub struct GroupLabel(Cow<'static, str>);

impl GroupLabel {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&'static str> for GroupLabel {
    fn from(name: &'static str) -> Self {
        Self(Cow::Borrowed(name))
    }
}

impl From<String> for GroupLabel {
    fn from(name: String) -> Self {
        Self(Cow::Owned(name))
    }
}

impl From<GroupLabel> for String {
    fn from(label: GroupLabel) -> Self {
        label.0.into_owned()
    }
}

impl AsRef<str> for GroupLabel {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for GroupLabel {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for GroupLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
