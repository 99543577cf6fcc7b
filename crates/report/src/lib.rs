//! How a compliance report is written down: CSV files in a zip, JSON, PDF.
//!
//! A writer takes rows as they are read and gives away bytes as they are made, so that nobody holds a whole report; a PDF alone is
//! held until its last page, and has a limit. What stands in one is the list [`SECTIONS`]: a new section is an entry of it, and its rows come from whoever fills it.

mod csv_zip;
mod json;
mod pdf;
mod sections;

use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use drift_domain::ids::{OrganizationId, ReportId};
use drift_domain::report::ReportFormat;
use serde::Serialize;
use serde_json::Value;

pub use csv_zip::CsvZip;
pub use json::JsonDocument;
pub use pdf::{MOST_PAGES, PdfDocument};
pub use sections::{Column, SECTIONS, Section};

/// What a file of a report says it is: its name and version.
pub const FORMAT: &str = "workflowops.report/1";

/// What a report says of itself.
#[derive(Clone, Debug, Serialize)]
pub struct About {
    /// The report.
    pub id: ReportId,
    /// Whose.
    pub organization_id: OrganizationId,
    /// The organization's name.
    pub organization: String,
    /// The first day, in UTC; of an incident's report, none.
    pub from: Option<NaiveDate>,
    /// The last day, which is part of it.
    pub to: Option<NaiveDate>,
    /// The environment that it is of, where it is of one.
    pub environment: Option<String>,
    /// The incident that it is of, where it is of one: its number.
    pub incident: Option<i64>,
    /// The moment that it shows everything as of.
    pub as_of: DateTime<Utc>,
    /// Who asked for it; `None` for a schedule.
    pub requested_by: Option<String>,
    /// When.
    pub requested_at: DateTime<Utc>,
}

impl About {
    /// What it is of, in words.
    #[must_use]
    pub fn scope(&self) -> String {
        match (self.incident, self.from.zip(self.to), &self.environment) {
            (Some(number), _, _) => format!("INC-{number}"),
            (None, Some((from, to)), Some(environment)) => format!("{environment}, {from} to {to}"),
            (None, Some((from, to)), None) => format!("All environments, {from} to {to}"),
            (None, None, _) => "Everything".to_owned(),
        }
    }
}

/// One thing that a row says.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// Nothing.
    None,
    /// A text.
    Text(String),
    /// A whole number.
    Number(i64),
    /// Yes or no.
    Flag(bool),
    /// A moment.
    Time(DateTime<Utc>),
    /// A JSON document.
    Json(Value),
}

impl Cell {
    /// A text, if there is one.
    #[must_use]
    pub fn of(text: Option<String>) -> Self {
        text.map_or(Self::None, Self::Text)
    }

    /// A moment, if there is one.
    #[must_use]
    pub fn at(time: Option<DateTime<Utc>>) -> Self {
        time.map_or(Self::None, Self::Time)
    }

    /// As it stands in a file of texts.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::None => String::new(),
            Self::Text(text) => text.clone(),
            Self::Number(number) => number.to_string(),
            Self::Flag(flag) => flag.to_string(),
            Self::Time(at) => instant(*at),
            Self::Json(value) => value.to_string(),
        }
    }

    /// As it stands in a JSON document.
    #[must_use]
    pub fn json(&self) -> Value {
        match self {
            Self::None => Value::Null,
            Self::Text(text) => text.clone().into(),
            Self::Number(number) => (*number).into(),
            Self::Flag(flag) => (*flag).into(),
            Self::Time(at) => instant(*at).into(),
            Self::Json(value) => value.clone(),
        }
    }
}

fn instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// What a section says of one thing: a cell for each of its columns.
pub type Row = Vec<Cell>;

/// Why a file could not be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// A row does not fit its section: a fault of this build.
    #[error("a row of {section} has {has} cells, and its section {needs} columns")]
    Misfit {
        /// The section.
        section: &'static str,
        /// Cells of the row.
        has: usize,
        /// Columns of the section.
        needs: usize,
    },
    /// It has more pages than a document may.
    #[error(
        "the report has more than {pages} pages, which is more than a PDF holds: ask for CSV or JSON, or for fewer days"
    )]
    TooLong {
        /// The pages that a document may have.
        pages: usize,
    },
    /// What packs and writes failed.
    #[error("the file could not be written: {0}")]
    Failed(String),
}

impl WriteError {
    fn failed(error: impl std::fmt::Display) -> Self {
        Self::Failed(error.to_string())
    }
}

/// The order in which a writer takes what it writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// One section after the other, each of all incidents.
    BySection,
    /// One incident after the other, each with all of its sections; then what is of no incident.
    ByIncident,
}

/// Writes a report.
pub trait Writer: Send {
    /// The order in which it takes what it writes.
    fn order(&self) -> Order;

    /// Begins an incident, by its heading. Of a writer that goes by incident.
    ///
    /// # Errors
    /// The file could not be written.
    fn incident(&mut self, heading: &str) -> Result<(), WriteError>;

    /// Begins a section.
    ///
    /// # Errors
    /// The file could not be written.
    fn begin(&mut self, section: &'static Section) -> Result<(), WriteError>;

    /// Adds rows to the section that was begun last.
    ///
    /// # Errors
    /// The file could not be written.
    fn rows(&mut self, rows: &[Row]) -> Result<(), WriteError>;

    /// Ends the file.
    ///
    /// # Errors
    /// The file could not be written.
    fn finish(self: Box<Self>) -> Result<(), WriteError>;
}

/// A writer of a kind of file, and where its bytes come out.
///
/// # Errors
/// It could not be begun.
pub fn writer(format: ReportFormat, about: &About) -> Result<(Box<dyn Writer>, Bytes), WriteError> {
    let bytes = Bytes::default();
    let writer: Box<dyn Writer> = match format {
        ReportFormat::Csv => Box::new(CsvZip::new(about, bytes.clone())),
        ReportFormat::Json => Box::new(JsonDocument::new(about, bytes.clone())?),
        ReportFormat::Pdf => Box::new(PdfDocument::new(about, bytes.clone())?),
    };
    Ok((writer, bytes))
}

/// Bytes that a writer made and nobody took yet.
#[derive(Clone, Debug, Default)]
pub struct Bytes(Arc<Mutex<Vec<u8>>>);

impl Bytes {
    /// Takes a whole part of this size, if there is one.
    #[must_use]
    pub fn part(&self, size: usize) -> Option<Vec<u8>> {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if held.len() < size {
            return None;
        }
        let rest = held.split_off(size);
        Some(std::mem::replace(&mut held, rest))
    }

    /// Takes what is left.
    #[must_use]
    pub fn rest(&self) -> Vec<u8> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Write for Bytes {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Refuses rows that do not fit their section.
fn fits(section: &'static Section, rows: &[Row]) -> Result<(), WriteError> {
    match rows.iter().find(|row| row.len() != section.columns.len()) {
        Some(row) => Err(WriteError::Misfit { section: section.key, has: row.len(), needs: section.columns.len() }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Read};

    use sha2::{Digest, Sha256};

    use super::*;

    pub(crate) fn about() -> About {
        let at: DateTime<Utc> = "2026-03-02T10:00:00Z".parse().unwrap();
        About {
            id: "0190a000-0000-7000-8000-000000000001".parse().unwrap(),
            organization_id: "0190a000-0000-7000-8000-000000000002".parse().unwrap(),
            organization: "Northlight".to_owned(),
            from: Some("2026-02-01".parse().unwrap()),
            to: Some("2026-02-28".parse().unwrap()),
            environment: None,
            incident: None,
            as_of: at,
            requested_by: Some("Ada".to_owned()),
            requested_at: at,
        }
    }

    fn timeline() -> &'static Section {
        SECTIONS.iter().find(|section| section.key == "timeline").unwrap()
    }

    fn row(text: &str) -> Row {
        let mut row = vec![Cell::None; timeline().columns.len()];
        row[0] = Cell::Number(7);
        row[1] = Cell::Time(about().as_of);
        row[4] = Cell::Text(text.to_owned());
        row
    }

    fn written(format: ReportFormat) -> Vec<u8> {
        let (mut writer, bytes) = writer(format, &about()).unwrap();
        for section in SECTIONS {
            writer.begin(section).unwrap();
            if section.key == "timeline" {
                writer.rows(&[row("=HYPERLINK(\"x\")")]).unwrap();
                writer.rows(&[row("quiet,\n\"again\"")]).unwrap();
            }
        }
        writer.finish().unwrap();
        bytes.rest()
    }

    #[test]
    fn a_zip_holds_a_file_for_each_section_and_says_what_each_must_be() {
        let mut zip = zip::ZipArchive::new(Cursor::new(written(ReportFormat::Csv))).unwrap();
        let mut read = |name: &str| {
            let mut text = String::new();
            zip.by_name(name).unwrap().read_to_string(&mut text).unwrap();
            text
        };
        let timeline = read("timeline.csv");
        let mut lines = csv::Reader::from_reader(timeline.as_bytes());
        assert_eq!(lines.headers().unwrap().get(0), Some("incident"));
        let records: Vec<_> = lines.records().map(Result::unwrap).collect();
        assert_eq!(records.len(), 2);
        assert_eq!(records[0].get(4), Some("'=HYPERLINK(\"x\")"), "no spreadsheet runs it");
        assert_eq!(records[1].get(4), Some("quiet,\n\"again\""));
        let manifest: Value = serde_json::from_str(&read("manifest.json")).unwrap();
        assert_eq!(manifest["format"], FORMAT);
        let listed = manifest["files"].as_array().unwrap().clone();
        assert_eq!(listed.len(), SECTIONS.len());
        for file in listed {
            let text = read(file["name"].as_str().unwrap());
            assert_eq!(file["sha256"], hex::encode(Sha256::digest(text.as_bytes())), "{file}");
        }
        let rows = |key: &str| {
            let file =
                manifest["files"].as_array().unwrap().iter().find(|f| f["name"] == format!("{key}.csv")).unwrap();
            file["rows"].as_u64()
        };
        assert_eq!((rows("timeline"), rows("receipts")), (Some(2), Some(0)));
    }

    #[test]
    fn a_document_has_every_section_by_its_name() {
        let document: Value = serde_json::from_slice(&written(ReportFormat::Json)).unwrap();
        assert_eq!(document["format"], FORMAT);
        assert_eq!(document["report"]["organization"], "Northlight");
        let sections = document["sections"].as_object().unwrap();
        assert_eq!(sections.len(), SECTIONS.len());
        assert_eq!(sections["timeline"][0]["text"], "=HYPERLINK(\"x\")");
        assert_eq!(sections["timeline"][1]["incident"], 7);
        assert_eq!(sections["receipts"], Value::Array(Vec::new()));
        assert_eq!(document["rows"]["timeline"], 2);
    }

    #[test]
    fn a_row_that_does_not_fit_is_refused_and_parts_come_out_whole() {
        let (mut writer, bytes) = writer(ReportFormat::Json, &about()).unwrap();
        writer.begin(timeline()).unwrap();
        assert!(matches!(writer.rows(&[vec![Cell::None]]), Err(WriteError::Misfit { has: 1, .. })));
        assert_eq!(bytes.part(10).map(|part| part.len()), Some(10));
        assert_eq!(bytes.part(1 << 20), None);
    }
}
