//! The two faces that a document is set in: how wide a text is, and where it breaks.

use krilla::text::{Font, GlyphId, KrillaGlyph};
use skrifa::instance::{LocationRef, Size};
use skrifa::metrics::GlyphMetrics;
use skrifa::{FontRef, MetadataProvider};

use crate::WriteError;

static REGULAR: &[u8] = include_bytes!("../../fonts/DejaVuSans.ttf");
static BOLD: &[u8] = include_bytes!("../../fonts/DejaVuSans-Bold.ttf");

/// What is drawn for a letter that the face does not have. Copied out of the document, it is the letter all the same.
const ABSENT: char = '\u{25a1}';

/// A face.
pub(super) struct Face {
    bytes: &'static [u8],
    font: FontRef<'static>,
    metrics: GlyphMetrics<'static>,
    units: f32,
}

impl Face {
    pub(super) fn regular() -> Result<Self, WriteError> {
        Self::read(REGULAR)
    }

    pub(super) fn bold() -> Result<Self, WriteError> {
        Self::read(BOLD)
    }

    fn read(bytes: &'static [u8]) -> Result<Self, WriteError> {
        let font = FontRef::new(bytes).map_err(WriteError::failed)?;
        let metrics = font.glyph_metrics(Size::unscaled(), LocationRef::default());
        let units = f32::from(font.metrics(Size::unscaled(), LocationRef::default()).units_per_em);
        Ok(Self { bytes, font, metrics, units })
    }

    /// The same for drawing.
    pub(super) fn font(&self) -> Result<Font, WriteError> {
        Font::new(self.bytes.into(), 0).ok_or_else(|| WriteError::failed("the font cannot be read"))
    }

    fn glyph(&self, letter: char) -> (u32, f32) {
        let map = self.font.charmap();
        let id = map.map(letter).or_else(|| map.map(ABSENT)).unwrap_or_default();
        (id.to_u32(), self.metrics.advance_width(id).unwrap_or_default() / self.units)
    }

    /// How wide a text is, in points.
    pub(super) fn width(&self, text: &str, size: f32) -> f32 {
        text.chars().map(|letter| self.glyph(letter).1).sum::<f32>() * size
    }

    /// A text as glyphs, each with the letter that it stands for.
    pub(super) fn glyphs(&self, text: &str) -> Vec<KrillaGlyph> {
        text.char_indices()
            .map(|(at, letter)| {
                let (id, advance) = self.glyph(letter);
                KrillaGlyph::new(GlyphId::new(id), advance, 0.0, 0.0, 0.0, at..at + letter.len_utf8(), None)
            })
            .collect()
    }

    /// A text as lines that fit a width: broken between words, or within one that is too long. One line at least.
    pub(super) fn lines(&self, text: &str, size: f32, width: f32) -> Vec<String> {
        let mut lines = vec![String::new()];
        let mut used = 0.0;
        let space = self.width(" ", size);
        for word in text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()) {
            let wide = self.width(word, size);
            let is_begun = lines.last().is_some_and(|line| !line.is_empty());
            if is_begun && used + space + wide <= width {
                push(&mut lines, " ");
                push(&mut lines, word);
                used += space + wide;
                continue;
            }
            if is_begun {
                lines.push(String::new());
                used = 0.0;
            }
            for letter in word.chars() {
                let wide = self.width(letter.encode_utf8(&mut [0; 4]), size);
                if used + wide > width && used > 0.0 {
                    lines.push(String::new());
                    used = 0.0;
                }
                push(&mut lines, letter.encode_utf8(&mut [0; 4]));
                used += wide;
            }
        }
        lines
    }
}

fn push(lines: &mut [String], text: &str) {
    if let Some(last) = lines.last_mut() {
        last.push_str(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_fit_and_lose_nothing() {
        let face = Face::regular().unwrap();
        let text = "A reason that is long enough for more than one line, and 0123456789abcdef0123456789abcdef";
        let lines = face.lines(text, 8.0, 90.0);
        assert!(lines.len() > 4, "{lines:?}");
        for line in &lines {
            assert!(face.width(line, 8.0) <= 90.0, "{line}");
        }
        let kept = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
        assert_eq!(kept(&lines.concat()), kept(text));
        assert_eq!(face.lines(" \n ", 8.0, 90.0), [""]);
    }
}
