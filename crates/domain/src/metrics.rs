//! What the figures of the metrics mean; `docs/metrics.md` says it in words.

use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::severity::Severity;
use crate::words::words;

words! {
    /// A figure, by the name that its table is asked for with.
    pub enum Figure {
        /// Open incidents now, by environment, owner and age.
        Active = "active",
        /// Times to detect, acknowledge and resolve.
        Times = "times",
        /// Deadlines that were kept and missed.
        Deadlines = "deadlines",
        /// Changes by the side that moved, and how many nobody had taken on.
        Drift = "drift",
        /// Incidents that were opened, and those of them that repeat an earlier one.
        Repeats = "repeats",
        /// What was accepted for a time and is still there.
        OverrideDebt = "override-debt",
        /// Requests for a higher plan and what became of them.
        Upgrades = "upgrades",
    }
}

words! {
    /// A time that is measured.
    pub enum TimeKind {
        /// From the edit in n8n, by its own clock, to the check that first saw it. Of changes first seen in the range.
        Detect = "DETECT",
        /// From detection to acknowledgement. Of incidents acknowledged in the range.
        Acknowledge = "ACKNOWLEDGE",
        /// From detection to closing. Of incidents closed in the range.
        Resolve = "RESOLVE",
    }
}

words! {
    /// How old an open incident is, counted from its detection.
    pub enum Age {
        /// Less than a day.
        Day = "UNDER_1_DAY",
        /// From one day to less than three.
        ThreeDays = "1_TO_3_DAYS",
        /// From three days to less than seven.
        Week = "3_TO_7_DAYS",
        /// Seven days and more.
        Older = "OVER_7_DAYS",
    }
}

impl Age {
    /// The age of what began at `since`.
    #[must_use]
    pub fn of(since: DateTime<Utc>, now: DateTime<Utc>) -> Self {
        match (now - since).num_seconds() / 86_400 {
            ..1 => Self::Day,
            1..3 => Self::ThreeDays,
            3..7 => Self::Week,
            _ => Self::Older,
        }
    }
}

/// The weight of a severity in the override debt: each is worth two of the one below.
#[must_use]
pub const fn weight(severity: Severity) -> i64 {
    match severity {
        Severity::Low => 1,
        Severity::Medium => 2,
        Severity::High => 4,
        Severity::Critical => 8,
    }
}

/// A whole workflow that only one side has counts as this many fields in the breadth of the override debt.
pub const WHOLE_WORKFLOW: i64 = 5;

/// The longest range, in days: what the longest history keeps.
pub const LONGEST: i64 = 10 * 365;

/// Up to this many days, a range is told day by day; a longer one, in steps of seven days.
const DAILY: i64 = 92;

/// Days in UTC, from the first one's midnight up to, and without, the midnight after the last one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DayRange {
    from: NaiveDate,
    to: NaiveDate,
}

/// Why two days are no range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RangeError {
    /// The first comes after the last.
    #[error("The range ends before it begins. Give a last day that is not before the first.")]
    Reversed,
    /// Nothing of it has happened.
    #[error("The range begins in the future. Give a first day that is not after today.")]
    Future,
    /// Longer than anything is kept.
    #[error("The range is longer than {LONGEST} days, and nothing is kept that long. Give a shorter one.")]
    TooLong,
}

impl DayRange {
    /// The range between two days, both of them included. A last day in the future is today.
    ///
    /// # Errors
    /// The days are no range.
    pub fn new(from: NaiveDate, to: NaiveDate, now: DateTime<Utc>) -> Result<Self, RangeError> {
        let today = now.date_naive();
        if from > today {
            return Err(RangeError::Future);
        }
        let range = Self { from, to: to.min(today) };
        if to < from {
            return Err(RangeError::Reversed);
        }
        if range.days() > LONGEST {
            return Err(RangeError::TooLong);
        }
        Ok(range)
    }

    /// The last `days` days, today included; at least today.
    #[must_use]
    pub fn last(days: u64, now: DateTime<Utc>) -> Self {
        let to = now.date_naive();
        Self { from: to.checked_sub_days(Days::new(days.saturating_sub(1))).unwrap_or(to), to }
    }

    /// The first day.
    #[must_use]
    pub fn first(self) -> NaiveDate {
        self.from
    }

    /// The last day.
    #[must_use]
    pub fn last_day(self) -> NaiveDate {
        self.to
    }

    /// How many days it has.
    #[must_use]
    pub fn days(self) -> i64 {
        (self.to - self.from).num_days() + 1
    }

    /// When it begins.
    #[must_use]
    pub fn begins(self) -> DateTime<Utc> {
        midnight(self.from)
    }

    /// When it ends: nothing at that time or later is in it.
    #[must_use]
    pub fn ends(self) -> DateTime<Utc> {
        midnight(self.to) + TimeDelta::days(1)
    }

    /// The days of one step of its series.
    #[must_use]
    pub fn step(self) -> i64 {
        if self.days() <= DAILY { 1 } else { 7 }
    }

    /// The first days of its steps. The last step may be cut short by the end.
    pub fn steps(self) -> impl Iterator<Item = NaiveDate> {
        let step = self.step();
        (0..).map(move |i| self.from + TimeDelta::days(i * step)).take_while(move |day| *day <= self.to)
    }
}

fn midnight(day: NaiveDate) -> DateTime<Utc> {
    day.and_time(chrono::NaiveTime::MIN).and_utc()
}

/// A part in percent, to a tenth; `None` of nothing.
#[must_use]
pub fn percent(part: i64, whole: i64) -> Option<f64> {
    (whole > 0).then(|| (part as f64 * 1000.0 / whole as f64).round() / 10.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().expect("a day")
    }

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().expect("a time")
    }

    #[test]
    fn a_range_has_both_its_days_and_nothing_of_the_next() {
        let range = DayRange::new(day("2026-11-01"), day("2026-11-28"), at("2026-11-28T12:00:00Z")).expect("a range");
        assert_eq!((range.days(), range.step(), range.steps().count()), (28, 1, 28));
        assert_eq!(range.begins(), at("2026-11-01T00:00:00Z"));
        assert_eq!(range.ends(), at("2026-11-29T00:00:00Z"));
    }

    #[test]
    fn a_long_range_is_told_by_weeks_and_its_last_step_is_cut() {
        let now = at("2026-11-28T12:00:00Z");
        assert_eq!(DayRange::last(92, now).step(), 1);
        let range = DayRange::last(93, now);
        assert_eq!((range.step(), range.steps().count()), (7, 14));
        assert!(range.steps().all(|first| first <= range.last_day()));
    }

    #[test]
    fn what_is_no_range_is_refused_with_what_to_give() {
        let now = at("2026-11-28T23:59:59Z");
        assert_eq!(DayRange::new(day("2026-11-29"), day("2026-11-30"), now), Err(RangeError::Future));
        assert_eq!(DayRange::new(day("2026-11-02"), day("2026-11-01"), now), Err(RangeError::Reversed));
        assert_eq!(DayRange::new(day("1999-01-01"), day("2026-11-01"), now), Err(RangeError::TooLong));
        let clipped = DayRange::new(day("2026-11-28"), day("2027-01-01"), now).expect("a range");
        assert_eq!((clipped.first(), clipped.last_day()), (day("2026-11-28"), day("2026-11-28")));
        assert_eq!(DayRange::last(0, now).days(), 1);
    }

    #[test]
    fn an_age_begins_with_its_day() {
        let now = at("2026-11-28T12:00:00Z");
        let second = TimeDelta::seconds(1);
        for (days, before, after) in
            [(1, Age::Day, Age::ThreeDays), (3, Age::ThreeDays, Age::Week), (7, Age::Week, Age::Older)]
        {
            let edge = now - TimeDelta::days(days);
            assert_eq!((Age::of(edge + second, now), Age::of(edge, now)), (before, after), "{days} days");
        }
    }

    #[test]
    fn of_nothing_there_is_no_share() {
        assert_eq!(percent(0, 0), None);
        assert_eq!((percent(2, 3), percent(0, 4), percent(4, 4)), (Some(66.7), Some(0.0), Some(100.0)));
    }
}
