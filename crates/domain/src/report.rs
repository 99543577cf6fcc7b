//! Compliance reports: what may be asked for, and which days a plan shows.

use chrono::{DateTime, Datelike, Days, Months, NaiveDate, NaiveTime, Utc};
use serde::{Deserialize, Serialize};

use crate::plan::Grant;
use crate::words::words;

words! {
    /// What kind of file a report is.
    pub enum ReportFormat {
        /// A zip of CSV files, one for each section, with a manifest.
        Csv = "CSV",
        /// One JSON document.
        Json = "JSON",
        /// A document for reading and printing.
        Pdf = "PDF",
    }
}

impl ReportFormat {
    /// What a person reads.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Csv => "CSV (zip)",
            Self::Json => "JSON",
            Self::Pdf => "PDF",
        }
    }

    /// How the name of such a file ends.
    #[must_use]
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Csv => "zip",
            Self::Json => "json",
            Self::Pdf => "pdf",
        }
    }

    /// What such a file is called in `Content-Type`.
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Csv => "application/zip",
            Self::Json => "application/json",
            Self::Pdf => "application/pdf",
        }
    }

    /// Whether a plan that grants reports this far has the format (product, table of limits: compliance export).
    #[must_use]
    pub const fn is_granted(self, grant: Grant) -> bool {
        match grant {
            Grant::None => false,
            Grant::Limited => matches!(self, Self::Csv),
            Grant::Full => true,
        }
    }
}

words! {
    /// How far a report is.
    pub enum ReportState {
        /// It waits to be made.
        Queued = "QUEUED",
        /// It is being made.
        Running = "RUNNING",
        /// Its file is there.
        Ready = "READY",
        /// It could not be made, or was not allowed any more.
        Failed = "FAILED",
        /// Its file was there and is removed.
        Expired = "EXPIRED",
    }
}

impl ReportState {
    /// What a person reads.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Queued => "Waiting",
            Self::Running => "Being made",
            Self::Ready => "Ready",
            Self::Failed => "Failed",
            Self::Expired => "Expired",
        }
    }

    /// Whether something still happens to it.
    #[must_use]
    pub const fn is_under_way(self) -> bool {
        matches!(self, Self::Queued | Self::Running)
    }
}

/// Days that a plan reports on which has reports within limits (product, table of limits).
pub const LIMITED_DAYS: u64 = 90;

/// Days in UTC, the last one included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportRange {
    first: NaiveDate,
    last: NaiveDate,
}

impl ReportRange {
    /// The days from the first to the last; `None` where they end before they begin, or never end.
    #[must_use]
    pub fn new(first: NaiveDate, last: NaiveDate) -> Option<Self> {
        (first <= last && last < NaiveDate::MAX).then_some(Self { first, last })
    }

    /// The calendar month of a day.
    #[must_use]
    pub fn month_of(day: NaiveDate) -> Option<Self> {
        let first = day.with_day(1)?;
        Self::new(first, first.checked_add_months(Months::new(1))?.pred_opt()?)
    }

    /// The first day.
    #[must_use]
    pub const fn first(self) -> NaiveDate {
        self.first
    }

    /// The last day, which is part of it.
    #[must_use]
    pub const fn last(self) -> NaiveDate {
        self.last
    }

    /// The first moment that is part of it.
    #[must_use]
    pub fn begins(self) -> DateTime<Utc> {
        self.first.and_time(NaiveTime::MIN).and_utc()
    }

    /// The first moment that is not part of it any more.
    #[must_use]
    pub fn ends(self) -> DateTime<Utc> {
        self.last.succ_opt().unwrap_or(NaiveDate::MAX).and_time(NaiveTime::MIN).and_utc()
    }
}

/// The first day that a plan reports on, seen from a day; `None` where it reports on all. Today is one of the days.
#[must_use]
pub fn first_day(grant: Grant, today: NaiveDate) -> Option<NaiveDate> {
    (grant != Grant::Full).then(|| today.checked_sub_days(Days::new(LIMITED_DAYS - 1)).unwrap_or(today))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn a_range_has_its_last_day_and_no_moment_more() {
        let range = ReportRange::new(day("2026-02-01"), day("2026-02-28")).unwrap();
        assert_eq!(range.begins().to_rfc3339(), "2026-02-01T00:00:00+00:00");
        assert_eq!(range.ends().to_rfc3339(), "2026-03-01T00:00:00+00:00");
        assert_eq!(ReportRange::new(day("2026-02-02"), day("2026-02-01")), None);
        assert_eq!(ReportRange::new(day("2026-02-02"), NaiveDate::MAX), None, "it would never end");
        assert_eq!(ReportRange::month_of(day("2026-02-17")), Some(range));
    }

    #[test]
    fn ninety_days_are_ninety_with_today() {
        let first = first_day(Grant::Limited, day("2026-03-31")).unwrap();
        assert_eq!(first, day("2026-01-01"));
        assert_eq!((day("2026-03-31") - first).num_days() + 1, 90);
        assert_eq!(first_day(Grant::Full, day("2026-03-31")), None);
    }

    #[test]
    fn a_limited_plan_has_csv_alone() {
        let of = |grant| ReportFormat::ALL.iter().copied().filter(move |f| f.is_granted(grant)).collect::<Vec<_>>();
        assert_eq!(of(Grant::Limited), [ReportFormat::Csv]);
        assert_eq!(of(Grant::Full), ReportFormat::ALL);
        assert_eq!(of(Grant::None), []);
    }
}
