//! One JSON document: what the report says of itself, a list of objects for each section, and how many each has.

use std::io::Write;

use serde_json::{Map, Value};

use crate::{About, Bytes, FORMAT, Order, Row, Section, WriteError, Writer, fits};

/// Writes the document as its rows come.
pub struct JsonDocument {
    bytes: Bytes,
    section: Option<&'static Section>,
    rows: Map<String, Value>,
}

impl JsonDocument {
    /// A document whose bytes come out there.
    ///
    /// # Errors
    /// None in practice: what a report says of itself is JSON.
    pub fn new(about: &About, mut bytes: Bytes) -> Result<Self, WriteError> {
        let about = serde_json::to_string(about).map_err(WriteError::failed)?;
        write!(bytes, "{{\"format\":\"{FORMAT}\",\n\"report\":{about},\n\"sections\":{{")
            .map_err(WriteError::failed)?;
        Ok(Self { bytes, section: None, rows: Map::new() })
    }

    fn say(&mut self, text: &str) -> Result<(), WriteError> {
        self.bytes.write_all(text.as_bytes()).map_err(WriteError::failed)
    }

    fn written(&self, section: &Section) -> u64 {
        self.rows.get(section.key).and_then(Value::as_u64).unwrap_or_default()
    }
}

impl Writer for JsonDocument {
    fn order(&self) -> Order {
        Order::BySection
    }

    fn incident(&mut self, _heading: &str) -> Result<(), WriteError> {
        Ok(())
    }

    fn begin(&mut self, section: &'static Section) -> Result<(), WriteError> {
        let before = if self.section.is_some() { "],\n" } else { "\n" };
        self.say(&format!("{before}\"{}\":[", section.key))?;
        self.section = Some(section);
        self.rows.insert(section.key.to_owned(), 0.into());
        Ok(())
    }

    fn rows(&mut self, rows: &[Row]) -> Result<(), WriteError> {
        let section = self.section.ok_or_else(|| WriteError::failed("no section was begun"))?;
        fits(section, rows)?;
        let mut count = self.written(section);
        for row in rows {
            let named = section.columns.iter().zip(row).map(|(column, cell)| (column.key.to_owned(), cell.json()));
            let object = Value::Object(named.collect());
            self.say(&format!("{}\n{object}", if count == 0 { "" } else { "," }))?;
            count += 1;
        }
        self.rows.insert(section.key.to_owned(), count.into());
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<(), WriteError> {
        let rows = Value::Object(std::mem::take(&mut self.rows));
        let end = if self.section.is_some() { "]" } else { "" };
        self.say(&format!("{end}\n}},\n\"rows\":{rows}}}\n"))
    }
}
