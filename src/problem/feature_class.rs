//! The four classes of features of two tasks.

use std::fmt;

use crate::label::GroupLabel;

/// Class of a feature, by the tasks that use it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum FeatureClass {
    /// Active in both tasks.
    Shared,
    /// Active in fine-tuning only.
    New,
    /// Active in pretraining only.
    PretrainingOnly,
    /// Active in neither task.
    Unused,
}

impl FeatureClass {
    /// All four, in the order in which laws and reports list them.
    pub const ALL: [Self; 4] = [Self::Shared, Self::New, Self::PretrainingOnly, Self::Unused];

    /// The class of a feature that pretraining and fine-tuning use or do not use.
    #[must_use]
    pub const fn of_activity(in_pretraining: bool, in_fine_tuning: bool) -> Self {
        match (in_pretraining, in_fine_tuning) {
            (true, true) => Self::Shared,
            (false, true) => Self::New,
            (true, false) => Self::PretrainingOnly,
            (false, false) => Self::Unused,
        }
    }

    /// Whether pretraining uses the feature.
    #[must_use]
    pub const fn in_pretraining(self) -> bool {
        matches!(self, Self::Shared | Self::PretrainingOnly)
    }

    /// Whether fine-tuning uses the feature.
    #[must_use]
    pub const fn in_fine_tuning(self) -> bool {
        matches!(self, Self::Shared | Self::New)
    }

    /// Text of the [label](crate::GroupLabel) of the class.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Shared => "shared",
            Self::New => "new",
            Self::PretrainingOnly => "pretraining-only",
            Self::Unused => "none",
        }
    }
}

impl AsRef<str> for FeatureClass {
    fn as_ref(&self) -> &str {
        self.label()
    }
}

impl fmt::Display for FeatureClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

impl From<FeatureClass> for GroupLabel {
    fn from(class: FeatureClass) -> Self {
        class.label().into()
    }
}
