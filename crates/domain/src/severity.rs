//! Severity of a change: what changed, and where.

use chrono::TimeDelta;

use crate::change::ChangeType;
use crate::environment::EnvironmentClass;
use crate::words::words;

words! {
    /// How much a change matters. Default deadlines follow from it (product, Governance).
    pub enum Severity {
        /// Cosmetic or descriptive: it does not alter what runs.
        Low = "LOW",
        /// It alters what runs where no customer depends on it.
        Medium = "MEDIUM",
        /// It alters what runs in production.
        High = "HIGH",
        /// It alters what production may reach, or whether it runs at all.
        Critical = "CRITICAL",
    }
}

/// The facts about a change that its severity follows from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeverityFacts {
    /// How the sides differ.
    pub change_type: ChangeType,
    /// Whether the workflow runs on the live side.
    pub live_active: bool,
    /// Whether one side runs it and the other does not.
    pub active_flipped: bool,
    /// Whether a credential was exchanged, added or removed.
    pub credentials: bool,
    /// Whether anything that executes changed: nodes, their parameters, connections, settings.
    pub executable: bool,
}

/// The severity that follows from what changed and the class of the environment.
///
/// A person may adjust it with a reason; the rule only proposes.
#[must_use]
pub const fn severity(facts: SeverityFacts, class: EnvironmentClass) -> Severity {
    let weight = if facts.credentials || facts.active_flipped {
        3
    } else if !facts.executable && matches!(facts.change_type, ChangeType::Modified) {
        0
    } else if facts.live_active || matches!(facts.change_type, ChangeType::Removed) {
        2
    } else {
        1
    };
    let place: i8 = match class {
        EnvironmentClass::Production => 0,
        EnvironmentClass::Staging => 1,
        EnvironmentClass::Development => 2,
    };
    match weight - place {
        3 => Severity::Critical,
        2 => Severity::High,
        1 => Severity::Medium,
        _ => Severity::Low,
    }
}

impl Severity {
    /// How long an incident of this severity may stay open once it is acknowledged (product, Governance).
    #[must_use]
    pub const fn time_to_live(self) -> TimeDelta {
        match self {
            Self::Critical => TimeDelta::hours(4),
            Self::High => TimeDelta::hours(24),
            Self::Medium => TimeDelta::hours(72),
            Self::Low => TimeDelta::days(7),
        }
    }

    /// One more: what an incident rises to when its time is over. There is nothing above critical.
    #[must_use]
    pub const fn raised(self) -> Self {
        match self {
            Self::Low => Self::Medium,
            Self::Medium => Self::High,
            Self::High | Self::Critical => Self::Critical,
        }
    }

    /// What a person reads.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Low => "Low",
            Self::Medium => "Medium",
            Self::High => "High",
            Self::Critical => "Critical",
        }
    }

    /// The severity of an incident with these changes: that of the most severe.
    #[must_use]
    pub fn of_changes(changes: impl IntoIterator<Item = Self>) -> Self {
        changes.into_iter().max().unwrap_or(Self::Low)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn production_matters_more_and_credentials_most() {
        let facts = SeverityFacts {
            change_type: ChangeType::Modified,
            live_active: true,
            active_flipped: false,
            credentials: false,
            executable: true,
        };
        assert_eq!(severity(facts, EnvironmentClass::Production), Severity::High);
        assert_eq!(severity(facts, EnvironmentClass::Staging), Severity::Medium);
        assert_eq!(severity(facts, EnvironmentClass::Development), Severity::Low);
        let credentials = SeverityFacts { credentials: true, ..facts };
        assert_eq!(severity(credentials, EnvironmentClass::Production), Severity::Critical);
        let words_only = SeverityFacts { executable: false, ..facts };
        assert_eq!(severity(words_only, EnvironmentClass::Production), Severity::Low);
    }
}
