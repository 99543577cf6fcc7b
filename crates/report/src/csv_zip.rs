//! A zip of CSV files (RFC 4180), one for each section, with a manifest that says what each must be.

use std::io::Write;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use zip::write::{SimpleFileOptions, StreamWriter};
use zip::{CompressionMethod, ZipWriter};

use crate::{About, Bytes, FORMAT, Order, Row, Section, WriteError, Writer, fits};

/// Writes the zip as its rows come.
pub struct CsvZip {
    zip: ZipWriter<StreamWriter<Bytes>>,
    about: Value,
    section: Option<Begun>,
    files: Vec<Value>,
}

struct Begun {
    section: &'static Section,
    rows: u64,
    hash: Sha256,
}

fn options() -> SimpleFileOptions {
    // Without a time: the same rows give the same file.
    SimpleFileOptions::default().compression_method(CompressionMethod::Deflated).large_file(true)
}

impl CsvZip {
    /// A zip whose bytes come out there.
    #[must_use]
    pub fn new(about: &About, bytes: Bytes) -> Self {
        let about = serde_json::to_value(about).unwrap_or_default();
        Self { zip: ZipWriter::new_stream(bytes), about, section: None, files: Vec::new() }
    }

    fn lines<L, C>(&mut self, lines: impl IntoIterator<Item = L>) -> Result<(), WriteError>
    where
        L: IntoIterator<Item = C>,
        C: AsRef<[u8]>,
    {
        let mut csv = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
        for line in lines {
            csv.write_record(line).map_err(WriteError::failed)?;
        }
        let text = csv.into_inner().map_err(WriteError::failed)?;
        if let Some(begun) = &mut self.section {
            begun.hash.update(&text);
        }
        self.zip.write_all(&text).map_err(WriteError::failed)
    }

    fn end_section(&mut self) {
        if let Some(Begun { section, rows, hash }) = self.section.take() {
            let (name, sha256) = (format!("{}.csv", section.key), hex::encode(hash.finalize()));
            self.files.push(json!({ "name": name, "title": section.title, "rows": rows, "sha256": sha256 }));
        }
    }
}

/// A text that a spreadsheet does not take for a formula: names are anybody's to choose.
fn safe(text: String) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text }
}

impl Writer for CsvZip {
    fn order(&self) -> Order {
        Order::BySection
    }

    fn incident(&mut self, _heading: &str) -> Result<(), WriteError> {
        Ok(())
    }

    fn begin(&mut self, section: &'static Section) -> Result<(), WriteError> {
        self.end_section();
        self.zip.start_file(format!("{}.csv", section.key), options()).map_err(WriteError::failed)?;
        self.section = Some(Begun { section, rows: 0, hash: Sha256::new() });
        self.lines([section.columns.iter().map(|column| column.key)])
    }

    fn rows(&mut self, rows: &[Row]) -> Result<(), WriteError> {
        let begun = self.section.as_mut().ok_or_else(|| WriteError::failed("no section was begun"))?;
        fits(begun.section, rows)?;
        begun.rows += rows.len() as u64;
        self.lines(rows.iter().map(|row| row.iter().map(|cell| safe(cell.text()))))
    }

    fn finish(mut self: Box<Self>) -> Result<(), WriteError> {
        self.end_section();
        let manifest = json!({ "format": FORMAT, "report": self.about, "files": self.files });
        self.zip.start_file("manifest.json", options()).map_err(WriteError::failed)?;
        let text = serde_json::to_vec_pretty(&manifest).map_err(WriteError::failed)?;
        self.zip.write_all(&text).map_err(WriteError::failed)?;
        self.zip.finish().map_err(WriteError::failed)?;
        Ok(())
    }
}
