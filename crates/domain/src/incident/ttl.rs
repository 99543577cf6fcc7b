//! An incident's time: how long it may stay open once somebody has acknowledged it, when the clock warns, and what an
//! extension gives. Nothing here looks at a clock; whoever does asks what is due at that moment.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::environment::EnvironmentClass;
use crate::severity::Severity;
use crate::words::words;

words! {
    /// Where in an incident's time the clock says something. Each is said once for a deadline.
    pub enum TimePoint {
        /// Half of it is over.
        Half = "HALF",
        /// Three quarters of it are over.
        ThreeQuarters = "THREE_QUARTERS",
        /// All of it is over.
        Expiry = "EXPIRY",
    }
}

impl TimePoint {
    /// How much of the time is over then, in quarters.
    const fn quarters(self) -> i32 {
        match self {
            Self::Half => 2,
            Self::ThreeQuarters => 3,
            Self::Expiry => 4,
        }
    }
}

/// Percent of a severity's time that incidents have, by the class of their environment. 100 is the product's default.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct TimePercent {
    /// In development.
    pub development: u16,
    /// In staging.
    pub staging: u16,
    /// In production.
    pub production: u16,
}

impl Default for TimePercent {
    fn default() -> Self {
        Self { development: 100, staging: 100, production: 100 }
    }
}

impl TimePercent {
    /// The least that an organization may set.
    pub const LEAST: u16 = 25;
    /// The most: no setting lets an incident stay open for ever.
    pub const MOST: u16 = 400;

    /// That of one class.
    #[must_use]
    pub const fn of(self, class: EnvironmentClass) -> u16 {
        match class {
            EnvironmentClass::Development => self.development,
            EnvironmentClass::Staging => self.staging,
            EnvironmentClass::Production => self.production,
        }
    }

    /// Whether every class has what may be set.
    #[must_use]
    pub fn is_within_bounds(self) -> bool {
        [self.development, self.staging, self.production].iter().all(|of| (Self::LEAST..=Self::MOST).contains(of))
    }
}

/// What a plan lets people extend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExtensionBounds {
    /// The most hours that one extension gives.
    pub hours: u32,
    /// How often one incident is extended at most.
    pub times: u32,
}

/// Why an incident's time is not extended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExtensionRefused {
    /// It was extended as often as may be.
    #[error(
        "This incident was extended {0} times already, as often as the plan's limit allows. Bring it to an end, or ask an \
         administrator to raise the limit for incidents that are opened from then on."
    )]
    UsedUp(u32),
    /// More, or less, than one extension gives.
    #[error("An extension is from 1 to {0} hours.")]
    OutOfBounds(u32),
}

/// The time of an incident that somebody has acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ttl {
    /// Percent of the severity's time: what the organization had set when the incident was acknowledged.
    pub percent: u16,
    /// When the span began that the warnings divide: the acknowledgement, or the newest extension.
    pub from: DateTime<Utc>,
    /// When it is over.
    pub expires_at: DateTime<Utc>,
    /// When the clock looks at it next; `None` once it has told that the time is over.
    pub alarm_at: Option<DateTime<Utc>>,
    /// When the clock told that the time is over; an extension takes that back.
    pub expired_at: Option<DateTime<Utc>>,
    /// How often it was extended.
    pub extensions: u32,
}

impl Ttl {
    /// The time of an incident of this severity, from its acknowledgement on.
    #[must_use]
    pub fn begin(severity: Severity, percent: u16, now: DateTime<Utc>) -> Self {
        let expires_at = now + span(severity, percent);
        Self { percent, from: now, expires_at, alarm_at: None, expired_at: None, extensions: 0 }.wound(now)
    }

    /// Whether it is over, whether or not the clock has told yet.
    #[must_use]
    pub fn is_over(&self, now: DateTime<Utc>) -> bool {
        self.expires_at <= now
    }

    /// When something is said.
    #[must_use]
    pub fn at(&self, point: TimePoint) -> DateTime<Utc> {
        self.from + (self.expires_at - self.from) * point.quarters() / 4
    }

    /// With the alarm at the next thing to say; where the time is over already, that is said at once.
    fn wound(self, now: DateTime<Utc>) -> Self {
        let next = TimePoint::ALL.iter().map(|point| self.at(*point)).find(|at| *at > now);
        Self { alarm_at: Some(next.unwrap_or(self.expires_at)), ..self }
    }

    /// What is to be said now, and the time after that was said; `None` when nothing is due. A warning that a later one has
    /// overtaken, while no clock ran, is not said any more.
    #[must_use]
    pub fn alarm(self, now: DateTime<Utc>) -> Option<(TimePoint, Self)> {
        self.alarm_at.filter(|at| *at <= now)?;
        if self.is_over(now) {
            return Some((TimePoint::Expiry, Self { alarm_at: None, expired_at: Some(now), ..self }));
        }
        let point = *TimePoint::ALL.iter().rev().find(|point| self.at(**point) <= now)?;
        Some((point, self.wound(now)))
    }

    /// The deadline follows the severity, by as much as the severities' times differ. What is over stays so: only an
    /// extension gives time to an incident that has none left.
    #[must_use]
    pub fn reweighed(self, from: Severity, to: Severity, now: DateTime<Utc>) -> Self {
        if self.expired_at.is_some() || self.is_over(now) {
            return self;
        }
        let expires_at = self.expires_at + span(to, self.percent) - span(from, self.percent);
        Self { expires_at, ..self }.wound(now)
    }

    /// With so many hours more: from its end on, or from now where it is over.
    ///
    /// # Errors
    /// [`ExtensionRefused`] outside of the bounds.
    pub fn extended(self, hours: u32, bounds: ExtensionBounds, now: DateTime<Utc>) -> Result<Self, ExtensionRefused> {
        if self.extensions >= bounds.times {
            return Err(ExtensionRefused::UsedUp(self.extensions));
        }
        if hours == 0 || hours > bounds.hours {
            return Err(ExtensionRefused::OutOfBounds(bounds.hours));
        }
        let expires_at = self.expires_at.max(now) + TimeDelta::hours(i64::from(hours));
        let extensions = self.extensions + 1;
        Ok(Self { from: now, expires_at, expired_at: None, extensions, ..self }.wound(now))
    }
}

/// The time of a severity. The percentage is one of whole seconds.
fn span(severity: Severity, percent: u16) -> TimeDelta {
    severity.time_to_live() * i32::from(percent) / 100
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: ExtensionBounds = ExtensionBounds { hours: 24, times: 2 };

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
    }

    #[test]
    fn each_point_is_said_at_its_second_and_once() {
        const HOUR: i64 = 3600;
        let mut ttl = Ttl::begin(Severity::Critical, 100, at(0));
        for (point, second) in
            [(TimePoint::Half, 2 * HOUR), (TimePoint::ThreeQuarters, 3 * HOUR), (TimePoint::Expiry, 4 * HOUR)]
        {
            assert_eq!(ttl.alarm(at(second - 1)), None, "{point}");
            assert!(!ttl.is_over(at(second - 1)));
            let (said, after) = ttl.alarm(at(second)).unwrap();
            assert_eq!((said, after.alarm(at(second))), (point, None));
            ttl = after;
        }
        assert!(ttl.is_over(at(4 * HOUR)));
        assert_eq!((ttl.alarm(at(400 * HOUR)), ttl.expired_at), (None, Some(at(4 * HOUR))));
    }

    #[test]
    fn what_was_overtaken_while_no_clock_ran_is_not_said_any_more() {
        let ttl = Ttl::begin(Severity::High, 100, at(0));
        assert_eq!(ttl.alarm(at(20 * 3600)).unwrap().0, TimePoint::ThreeQuarters);
        let (point, after) = ttl.alarm(at(30 * 3600)).unwrap();
        assert_eq!(
            (point, after.expired_at, after.expires_at),
            (TimePoint::Expiry, Some(at(30 * 3600)), at(24 * 3600))
        );
    }

    #[test]
    fn a_class_has_the_percentage_that_the_organization_set() {
        let percent = TimePercent { development: 400, staging: 150, production: 50 };
        let hours = |class| (Ttl::begin(Severity::High, percent.of(class), at(0)).expires_at - at(0)).num_hours();
        assert_eq!(EnvironmentClass::ALL.iter().map(|class| hours(*class)).collect::<Vec<_>>(), [96, 36, 12]);
        assert!(percent.is_within_bounds() && !TimePercent { staging: 401, ..percent }.is_within_bounds());
        assert!(!TimePercent { production: 24, ..percent }.is_within_bounds());
    }

    #[test]
    fn an_extension_gives_hours_within_its_bounds_and_warns_anew() {
        let ttl = Ttl::begin(Severity::Critical, 100, at(0));
        assert_eq!(ttl.extended(25, BOUNDS, at(1)), Err(ExtensionRefused::OutOfBounds(24)));
        assert_eq!(ttl.extended(0, BOUNDS, at(1)), Err(ExtensionRefused::OutOfBounds(24)));
        let longer = ttl.extended(4, BOUNDS, at(3600)).unwrap();
        assert_eq!((longer.from, longer.expires_at), (at(3600), at(8 * 3600)), "from its end on");
        assert_eq!(longer.alarm_at, Some(at(3600 + 7 * 1800)));
        let (_, over) = ttl.alarm(at(5 * 3600)).unwrap();
        let again = over.extended(24, BOUNDS, at(6 * 3600)).unwrap();
        assert_eq!((again.expires_at, again.expired_at), (at(30 * 3600), None), "from now on, and no longer expired");
        let twice = again.extended(1, BOUNDS, at(6 * 3600)).unwrap();
        assert_eq!(twice.extended(1, BOUNDS, at(6 * 3600)), Err(ExtensionRefused::UsedUp(2)));
    }

    #[test]
    fn the_deadline_follows_the_severity_until_it_is_over() {
        let ttl = Ttl::begin(Severity::High, 100, at(0));
        let worse = ttl.reweighed(Severity::High, Severity::Critical, at(3600));
        assert_eq!((worse.expires_at, worse.alarm_at), (at(4 * 3600), Some(at(2 * 3600))));
        assert_eq!(worse.reweighed(Severity::Critical, Severity::High, at(3600)), ttl, "and back");
        let late = ttl.reweighed(Severity::High, Severity::Critical, at(10 * 3600));
        assert_eq!(late.alarm(at(10 * 3600)).unwrap().0, TimePoint::Expiry, "it is over at once");
        let (_, over) = ttl.alarm(at(24 * 3600)).unwrap();
        assert_eq!(over.reweighed(Severity::High, Severity::Low, at(25 * 3600)), over, "and stays so");
    }
}
