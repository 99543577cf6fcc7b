//! Pages as they are filled: what stands where. A page is A4, and measured from its upper left corner in points.

use super::MOST_PAGES;
use super::face::Face;
use crate::{Column, WriteError};

/// A page's width and height.
pub(super) const PAGE: (f32, f32) = (595.0, 842.0);
/// What is left blank around a page.
pub(super) const MARGIN: f32 = 50.0;
/// Where the text of a page ends: the footer is below.
pub(super) const BOTTOM: f32 = PAGE.1 - MARGIN - 14.0;
/// The width of the text.
pub(super) const WIDTH: f32 = PAGE.0 - 2.0 * MARGIN;

/// Between the cells of a row.
const GUTTER: f32 = 6.0;
/// How much of the width the names in a list take.
const NAMES: f32 = 150.0;

/// How a text looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    Chapter,
    Heading,
    Text,
    Strong,
}

impl Style {
    pub(super) const fn size(self) -> f32 {
        match self {
            Self::Chapter => 16.0,
            Self::Heading => 11.0,
            Self::Text | Self::Strong => 8.0,
        }
    }

    pub(super) const fn is_bold(self) -> bool {
        !matches!(self, Self::Text)
    }

    /// From one line to the next.
    const fn leading(self) -> f32 {
        self.size() * 1.3
    }
}

/// A text on a page: where its baseline begins.
pub(super) struct Run {
    pub x: f32,
    pub y: f32,
    pub style: Style,
    pub text: String,
}

/// Something that can be gone to.
pub(super) struct Mark {
    pub text: String,
    /// The page, counted from the first that is laid out here.
    pub page: usize,
    pub y: f32,
    /// Whether it stands in the table of contents.
    pub is_chapter: bool,
}

/// The pages of a document, without title and contents.
pub(super) struct Layout {
    pub regular: Face,
    pub bold: Face,
    pub pages: Vec<Vec<Run>>,
    pub marks: Vec<Mark>,
    /// The lower edge of what stands on the last page.
    y: f32,
    /// The columns of the table that was begun: titles, and where each begins and how wide it is.
    columns: Vec<(&'static str, f32, f32)>,
    /// Whether the titles of the columns stand on the last page already.
    titled: bool,
}

impl Layout {
    pub(super) fn new() -> Result<Self, WriteError> {
        Ok(Self {
            regular: Face::regular()?,
            bold: Face::bold()?,
            pages: Vec::new(),
            marks: Vec::new(),
            y: BOTTOM,
            columns: Vec::new(),
            titled: false,
        })
    }

    pub(super) fn face(&self, style: Style) -> &Face {
        if style.is_bold() { &self.bold } else { &self.regular }
    }

    fn page(&mut self) -> Result<(), WriteError> {
        if self.pages.len() >= MOST_PAGES {
            return Err(WriteError::TooLong { pages: MOST_PAGES });
        }
        self.pages.push(Vec::new());
        self.y = MARGIN;
        self.titled = false;
        Ok(())
    }

    /// Makes room for so much, on another page where this one is full.
    fn room(&mut self, height: f32) -> Result<(), WriteError> {
        if self.pages.is_empty() || self.y + height > BOTTOM { self.page() } else { Ok(()) }
    }

    fn put(&mut self, x: f32, y: f32, style: Style, text: &str) {
        if let Some(page) = self.pages.last_mut().filter(|_| !text.is_empty()) {
            page.push(Run { x, y, style, text: text.to_owned() });
        }
    }

    fn mark(&mut self, text: &str, is_chapter: bool) {
        let page = self.pages.len().saturating_sub(1);
        self.marks.push(Mark { text: text.to_owned(), page, y: self.y, is_chapter });
    }

    /// Begins a chapter, on a page of its own.
    pub(super) fn chapter(&mut self, text: &str) -> Result<(), WriteError> {
        self.page()?;
        self.mark(text, true);
        self.paragraph(text, Style::Chapter)?;
        self.gap();
        Ok(())
    }

    /// A heading within a chapter, with room for something below it.
    pub(super) fn heading(&mut self, text: &str) -> Result<(), WriteError> {
        self.gap();
        self.room(Style::Heading.leading() + 4.0 * Style::Text.leading())?;
        self.mark(text, false);
        self.paragraph(text, Style::Heading)?;
        self.y += 2.0;
        Ok(())
    }

    /// Some room.
    pub(super) fn gap(&mut self) {
        self.y += Style::Text.leading();
    }

    /// A text over the whole width.
    pub(super) fn paragraph(&mut self, text: &str, style: Style) -> Result<(), WriteError> {
        for line in self.face(style).lines(text, style.size(), WIDTH) {
            self.room(style.leading())?;
            self.y += style.leading();
            self.put(MARGIN, self.y, style, &line);
        }
        Ok(())
    }

    /// A name and its value.
    pub(super) fn entry(&mut self, name: &str, value: &str) -> Result<(), WriteError> {
        let names = self.bold.lines(name, Style::Strong.size(), NAMES - GUTTER);
        let values = self.regular.lines(value, Style::Text.size(), WIDTH - NAMES);
        self.side_by_side(&[(MARGIN, Style::Strong, names), (MARGIN + NAMES, Style::Text, values)])
    }

    /// Lines beside each other, which go on together on the next page.
    fn side_by_side(&mut self, cells: &[(f32, Style, Vec<String>)]) -> Result<(), WriteError> {
        let most = cells.iter().map(|(_, _, lines)| lines.len()).max().unwrap_or_default();
        for at in 0..most {
            self.room(Style::Text.leading())?;
            if !self.columns.is_empty() && !self.titled {
                self.titles();
            }
            self.y += Style::Text.leading();
            for (x, style, lines) in cells {
                self.put(*x, self.y, *style, lines.get(at).map(String::as_str).unwrap_or_default());
            }
        }
        Ok(())
    }

    /// Begins a table. Its titles stand on every page that it goes on to.
    pub(super) fn table(&mut self, columns: &'static [Column]) {
        let shown = columns.iter().filter(|column| column.width > 0);
        let shares: f32 = shown.clone().map(|column| f32::from(column.width)).sum();
        let mut x = MARGIN;
        self.columns = shown
            .map(|column| {
                let wide = WIDTH * f32::from(column.width) / shares;
                let begins = x;
                x += wide;
                (column.title, begins, wide - GUTTER)
            })
            .collect();
        self.titled = false;
    }

    fn titles(&mut self) {
        self.titled = true;
        self.y += Style::Strong.leading();
        for (title, x, _) in self.columns.clone() {
            self.put(x, self.y, Style::Strong, title);
        }
        self.y += 2.0;
    }

    /// A row of the table that was begun last.
    pub(super) fn row(&mut self, texts: &[String]) -> Result<(), WriteError> {
        let cells: Vec<_> = self
            .columns
            .iter()
            .zip(texts)
            .map(|((_, x, wide), text)| (*x, Style::Text, self.regular.lines(text, Style::Text.size(), *wide)))
            .collect();
        self.side_by_side(&cells)?;
        self.y += 2.5;
        Ok(())
    }
}
