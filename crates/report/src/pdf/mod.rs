//! A document for reading and printing: a title page, a table of contents, a chapter for each incident, and the proof of the audit
//! log. Pages are laid out as rows come and held until the last one: where a chapter is, is known when all before it are there.

mod draw;
mod face;
mod layout;

use std::io::Write;

use crate::{About, Bytes, Cell, Order, Row, Section, WriteError, Writer, fits};
use layout::{Layout, Style};

/// Pages that a document has at most, without title and contents: what is held in memory until the last one.
pub const MOST_PAGES: usize = 1500;

/// Lays a document out as its rows come.
pub struct PdfDocument {
    about: About,
    bytes: Bytes,
    layout: Layout,
    section: Option<Begun>,
    /// The newest seal of the log, for the title page.
    head: Option<String>,
}

struct Begun {
    section: &'static Section,
    rows: usize,
}

impl PdfDocument {
    /// A document whose bytes come out there.
    ///
    /// # Errors
    /// None in practice: the fonts are part of this build.
    pub fn new(about: &About, bytes: Bytes) -> Result<Self, WriteError> {
        Ok(Self { about: about.clone(), bytes, layout: Layout::new()?, section: None, head: None })
    }

    fn end_section(&mut self) -> Result<(), WriteError> {
        match self.section.take() {
            Some(begun) if begun.rows == 0 => self.layout.paragraph("None.", Style::Text),
            _ => Ok(()),
        }
    }

    /// Values by their names, one under the other.
    fn list(&mut self, section: &'static Section, row: &Row) -> Result<(), WriteError> {
        for (column, cell) in section.columns.iter().zip(row) {
            if column.key == "head_hash" {
                self.head = Some(cell.text()).filter(|text| !text.is_empty());
            }
            if column.width > 0 && *cell != Cell::None {
                self.layout.entry(column.title, &printed(cell))?;
            }
        }
        self.layout.gap();
        Ok(())
    }
}

/// A cell as it is printed.
fn printed(cell: &Cell) -> String {
    match cell {
        Cell::Time(at) => at.format("%Y-%m-%d %H:%M:%S").to_string(),
        Cell::Flag(true) => "yes".to_owned(),
        Cell::Flag(false) => "no".to_owned(),
        other => other.text(),
    }
}

impl Writer for PdfDocument {
    fn order(&self) -> Order {
        Order::ByIncident
    }

    fn incident(&mut self, heading: &str) -> Result<(), WriteError> {
        self.end_section()?;
        self.layout.chapter(heading)
    }

    fn begin(&mut self, section: &'static Section) -> Result<(), WriteError> {
        self.end_section()?;
        if section.per_incident {
            self.layout.heading(section.title)?;
        } else {
            self.layout.chapter(section.title)?;
        }
        self.section = Some(Begun { section, rows: 0 });
        if !section.as_list {
            self.layout.table(section.columns);
        }
        Ok(())
    }

    fn rows(&mut self, rows: &[Row]) -> Result<(), WriteError> {
        let begun = self.section.as_mut().ok_or_else(|| WriteError::failed("no section was begun"))?;
        let section = begun.section;
        fits(section, rows)?;
        begun.rows += rows.len();
        for row in rows {
            if section.as_list {
                self.list(section, row)?;
                continue;
            }
            let shown = section.columns.iter().zip(row).filter(|(column, _)| column.width > 0);
            let texts: Vec<String> = shown.map(|(_, cell)| printed(cell)).collect();
            self.layout.row(&texts)?;
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<(), WriteError> {
        self.end_section()?;
        let file = draw::document(&self.about, self.head.as_deref(), self.layout)?;
        self.bytes.write_all(&file).map_err(WriteError::failed)
    }
}
