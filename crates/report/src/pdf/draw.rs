//! The document itself: title page, contents, pages with their footers, and bookmarks.

use krilla::Document;
use krilla::annotation::{Annotation, LinkAnnotation, Target};
use krilla::destination::XyzDestination;
use krilla::geom::{Point, Rect};
use krilla::metadata::Metadata;
use krilla::outline::{Outline, OutlineNode};
use krilla::page::{Page, PageSettings};
use krilla::surface::Surface;
use krilla::text::Font;

use super::face::Face;
use super::layout::{BOTTOM, Layout, MARGIN, Mark, PAGE, Style, WIDTH};
use crate::{About, WriteError, instant};

/// From one line of the contents to the next.
const LINE: f32 = 14.0;
/// Lines of the contents on a page: below its heading.
const LINES: usize = ((BOTTOM - MARGIN - 40.0) / LINE) as usize;
/// The size of the texts on the title page, and in the contents.
const SIZE: f32 = 10.0;

/// What a document is drawn with.
struct Pens<'a> {
    regular: (&'a Face, Font),
    bold: (&'a Face, Font),
}

impl Pens<'_> {
    fn text(&self, surface: &mut Surface<'_>, (x, y): (f32, f32), (bold, size): (bool, f32), text: &str) {
        let (face, font) = if bold { &self.bold } else { &self.regular };
        surface.draw_glyphs(Point::from_xy(x, y), &face.glyphs(text), font.clone(), text, size, false);
    }

    fn to_the_right(&self, surface: &mut Surface<'_>, y: f32, size: f32, text: &str) {
        let x = PAGE.0 - MARGIN - self.regular.0.width(text, size);
        self.text(surface, (x, y), (false, size), text);
    }

    fn footer(&self, surface: &mut Surface<'_>, left: &str, number: usize, of: usize) {
        let y = PAGE.1 - MARGIN;
        let left = self.regular.0.lines(left, 7.0, WIDTH - 80.0).swap_remove(0);
        self.text(surface, (MARGIN, y), (false, 7.0), &left);
        self.to_the_right(surface, y, 7.0, &format!("Page {number} of {of}"));
    }
}

/// Draws a document.
pub(super) fn document(about: &About, head: Option<&str>, layout: Layout) -> Result<Vec<u8>, WriteError> {
    let pens = Pens { regular: (&layout.regular, layout.regular.font()?), bold: (&layout.bold, layout.bold.font()?) };
    let chapters: Vec<&Mark> = layout.marks.iter().filter(|mark| mark.is_chapter).collect();
    let contents = chapters.len().div_ceil(LINES).max(1);
    // The title page, and the pages of contents.
    let before = 1 + contents;
    let all = before + layout.pages.len();
    let footer = format!("{}, {}, as of {}", about.organization, about.scope(), instant(about.as_of));

    let mut document = Document::new();
    let mut page = begin(&mut document)?;
    title(&pens, &mut page, about, head);
    page.finish();
    for (at, part) in parts(&chapters, contents).into_iter().enumerate() {
        let mut page = begin(&mut document)?;
        // A page has one surface: another would take the place of the first.
        let mut surface = page.surface();
        list(&pens, &mut surface, part, before);
        pens.footer(&mut surface, &footer, 2 + at, all);
        surface.finish();
        link(&mut page, part, before)?;
        page.finish();
    }
    for (at, runs) in layout.pages.iter().enumerate() {
        let mut page = begin(&mut document)?;
        let mut surface = page.surface();
        for run in runs {
            pens.text(&mut surface, (run.x, run.y), (run.style.is_bold(), run.style.size()), &run.text);
        }
        pens.footer(&mut surface, &footer, before + at + 1, all);
        surface.finish();
        page.finish();
    }
    document.set_outline(outline(&layout.marks, before));
    let title = format!("Compliance report: {}, {}", about.organization, about.scope());
    document.set_metadata(Metadata::new().title(title).creator("WorkflowOps".to_owned()).language("en".to_owned()));
    document.finish().map_err(WriteError::failed)
}

fn begin(document: &mut Document) -> Result<Page<'_>, WriteError> {
    let size = PageSettings::from_wh(PAGE.0, PAGE.1).ok_or_else(|| WriteError::failed("a page has no such size"))?;
    Ok(document.start_page_with(size))
}

fn parts<'a>(chapters: &'a [&'a Mark], contents: usize) -> Vec<&'a [&'a Mark]> {
    if chapters.is_empty() { vec![&[]; contents] } else { chapters.chunks(LINES).collect() }
}

/// The title page: whose report it is, of what, and what it can be held against.
fn title(pens: &Pens<'_>, page: &mut Page<'_>, about: &About, head: Option<&str>) {
    let mut surface = page.surface();
    pens.text(&mut surface, (MARGIN, 220.0), (true, 26.0), "Compliance report");
    let by = about.requested_by.as_deref().unwrap_or("a schedule, or who runs the installation");
    let asked = format!("{} by {by}", instant(about.requested_at));
    let lines = [
        ("Organization", about.organization.clone()),
        ("Of", about.scope()),
        ("As of", instant(about.as_of)),
        ("Asked for", asked),
        ("Report", about.id.to_string()),
        ("Newest seal of the audit log", head.unwrap_or("none").to_owned()),
    ];
    let mut y = 270.0;
    for (name, value) in lines {
        pens.text(&mut surface, (MARGIN, y), (true, SIZE), name);
        for line in pens.regular.0.lines(&value, SIZE, WIDTH) {
            y += LINE;
            pens.text(&mut surface, (MARGIN, y), (false, SIZE), &line);
        }
        y += 1.6 * LINE;
    }
    let words = "Times are in UTC. Texts that look like secrets are hidden. Identifiers and documents that are left out here stand in the \
                 same report as CSV or JSON.";
    for line in pens.regular.0.lines(words, SIZE, WIDTH) {
        y += LINE;
        pens.text(&mut surface, (MARGIN, y), (false, SIZE), &line);
    }
    surface.finish();
}

/// The baseline of a line of the contents.
fn line(at: usize) -> f32 {
    MARGIN + 40.0 + at as f32 * LINE
}

/// A page of contents: chapters, and the page of each.
fn list(pens: &Pens<'_>, surface: &mut Surface<'_>, chapters: &[&Mark], before: usize) {
    pens.text(surface, (MARGIN, MARGIN + 16.0), (true, Style::Chapter.size()), "Contents");
    for (at, chapter) in chapters.iter().enumerate() {
        let text = pens.regular.0.lines(&chapter.text, SIZE, WIDTH - 60.0).swap_remove(0);
        pens.text(surface, (MARGIN, line(at)), (false, SIZE), &text);
        pens.to_the_right(surface, line(at), SIZE, &(before + chapter.page + 1).to_string());
    }
}

/// Lets each line of a page of contents lead where it says.
fn link(page: &mut Page<'_>, chapters: &[&Mark], before: usize) -> Result<(), WriteError> {
    for (at, chapter) in chapters.iter().enumerate() {
        let top = line(at) - SIZE;
        let rect =
            Rect::from_xywh(MARGIN, top, WIDTH, LINE).ok_or_else(|| WriteError::failed("a link has no place"))?;
        let there = Target::Destination(destination(chapter, before).into());
        page.add_annotation(Annotation::new_link(LinkAnnotation::new(rect, there), Some(chapter.text.clone())));
    }
    Ok(())
}

fn destination(mark: &Mark, before: usize) -> XyzDestination {
    XyzDestination::new(before + mark.page, Point::from_xy(MARGIN, mark.y))
}

/// The bookmarks: chapters with their headings.
fn outline(marks: &[Mark], before: usize) -> Outline {
    let mut outline = Outline::new();
    let mut chapter: Option<OutlineNode> = None;
    for mark in marks {
        let node = OutlineNode::new(mark.text.clone(), destination(mark, before));
        match (&mut chapter, mark.is_chapter) {
            (Some(chapter), false) => chapter.push_child(node),
            _ => {
                if let Some(done) = chapter.replace(node) {
                    outline.push_child(done);
                }
            }
        }
    }
    if let Some(done) = chapter {
        outline.push_child(done);
    }
    outline
}
