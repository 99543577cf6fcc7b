//! Environments: class, drift status, freshness, and the one badge made of them.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::words::words;

words! {
    /// What an environment is for. Severity and policy follow from it.
    pub enum EnvironmentClass {
        /// People try things here.
        Development = "DEVELOPMENT",
        /// What comes next is rehearsed here.
        Staging = "STAGING",
        /// Customers depend on it.
        Production = "PRODUCTION",
    }
}

words! {
    /// A function of the set of open changes, and of nothing else (product, Detection 3).
    pub enum DriftStatus {
        /// No open change.
        InSync = "IN_SYNC",
        /// Open changes, no open incident.
        DriftDetected = "DRIFT_DETECTED",
        /// An open incident.
        DriftIncidentActive = "DRIFT_INCIDENT_ACTIVE",
    }
}

impl DriftStatus {
    /// The status that these facts make.
    #[must_use]
    pub const fn of(open_changes: u64, open_incident: bool) -> Self {
        match (open_incident, open_changes) {
            (true, _) => Self::DriftIncidentActive,
            (false, 0) => Self::InSync,
            (false, _) => Self::DriftDetected,
        }
    }
}

words! {
    /// What the badge of an environment reads.
    pub enum Badge {
        /// Verified lately, no difference.
        InSync = "IN_SYNC",
        /// Open changes.
        DriftDetected = "DRIFT_DETECTED",
        /// An open incident.
        IncidentActive = "INCIDENT_ACTIVE",
        /// The newest look failed or is too old, so nobody knows. Never "fine" (standing rule 8).
        Unverified = "UNVERIFIED",
    }
}

impl Badge {
    /// What a person reads.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::InSync => "In Sync",
            Self::DriftDetected => "Drift Detected",
            Self::IncidentActive => "Incident Active",
            Self::Unverified => "Unverified",
        }
    }
}

/// How far the newest facts can be trusted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Freshness {
    /// When the newest good check ended; `None` before the first.
    pub last_checked_at: Option<DateTime<Utc>>,
    /// Why the newest check failed, if it did: a sentence for a person.
    pub failure: Option<String>,
    /// Whether the newest good check is older than three intervals.
    pub stale: bool,
}

impl Freshness {
    /// Facts older than this many intervals are not trusted (product, Detection 4).
    pub const INTERVALS: i32 = 3;

    /// Judges the newest good check against the clock.
    #[must_use]
    pub fn judge(
        last_checked_at: Option<DateTime<Utc>>,
        failure: Option<String>,
        interval: TimeDelta,
        now: DateTime<Utc>,
    ) -> Self {
        // A check from the future was timed by a clock that was wrong: it proves nothing about now.
        let future = TimeDelta::minutes(1);
        let stale = last_checked_at.is_none_or(|at| now - at > interval * Self::INTERVALS || at - now > future);
        Self { last_checked_at, failure, stale }
    }

    /// Whether the status may be shown as a fact.
    #[must_use]
    pub const fn is_verified(&self) -> bool {
        !self.stale && self.failure.is_none()
    }

    /// The one badge of an environment with this status and freshness.
    ///
    /// Whatever the status, facts that are not verified read *Unverified* (product, Detection 4). The open changes that
    /// were seen stay, and their count stays beside the badge.
    #[must_use]
    pub const fn badge(&self, status: DriftStatus) -> Badge {
        match (self.is_verified(), status) {
            (false, _) => Badge::Unverified,
            (true, DriftStatus::InSync) => Badge::InSync,
            (true, DriftStatus::DriftDetected) => Badge::DriftDetected,
            (true, DriftStatus::DriftIncidentActive) => Badge::IncidentActive,
        }
    }
}

/// Bounds of the interval between checks, in seconds. The ceiling is what makes "always on" true: there is no value that
/// switches detection off (product, Detection 5).
pub const INTERVAL_SECONDS: std::ops::RangeInclusive<i32> = 15..=3600;
/// The interval where nobody chose one, in seconds.
pub const DEFAULT_INTERVAL_SECONDS: i32 = 60;

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: u32) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::minutes(i64::from(minute))
    }

    #[test]
    fn only_a_fresh_good_check_without_changes_reads_in_sync() {
        let minute = TimeDelta::minutes(1);
        for status in DriftStatus::ALL {
            let down = Some("n8n is down".to_owned());
            for (last, failure) in [(None, None), (Some(at(9)), down), (Some(at(1)), None), (Some(at(99)), None)] {
                assert_eq!(Freshness::judge(last, failure, minute, at(10)).badge(*status), Badge::Unverified);
            }
        }
        let fresh = Freshness::judge(Some(at(7)), None, minute, at(10));
        assert_eq!(fresh.badge(DriftStatus::of(0, false)), Badge::InSync);
        assert_eq!(fresh.badge(DriftStatus::of(1, false)), Badge::DriftDetected);
        assert_eq!(fresh.badge(DriftStatus::of(0, true)), Badge::IncidentActive);
    }
}
