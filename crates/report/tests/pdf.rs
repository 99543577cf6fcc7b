//! A PDF, read back by another library: its pages, its contents, its bookmarks, its texts.

use chrono::{DateTime, Utc};
use drift_domain::report::ReportFormat;
use drift_report::{About, Cell, MOST_PAGES, Row, SECTIONS, Section, WriteError, Writer, writer};
use lopdf::Document;

const HASH: &str = "5feceb66ffc86f38d952786c6d696c79c2dbc239dd4e91b46729d73a27fb57e9";

fn about() -> About {
    let at: DateTime<Utc> = "2026-03-02T10:00:00Z".parse().unwrap();
    About {
        id: "0190a000-0000-7000-8000-000000000001".parse().unwrap(),
        organization_id: "0190a000-0000-7000-8000-000000000002".parse().unwrap(),
        organization: "Northlight GmbH".to_owned(),
        from: Some("2026-02-01".parse().unwrap()),
        to: Some("2026-02-28".parse().unwrap()),
        environment: None,
        incident: None,
        as_of: at,
        requested_by: Some("Ada".to_owned()),
        requested_at: at,
    }
}

/// A row that says something in every column.
fn row(section: &Section, text: &str) -> Row {
    let cells = section.columns.iter().map(|column| match column.key {
        "head_hash" => Cell::Text(HASH.to_owned()),
        "at" => Cell::Time(about().as_of),
        _ => Cell::Text(text.to_owned()),
    });
    cells.collect()
}

/// Writes incidents with so many events each.
fn written(incidents: usize, events: usize) -> Result<Vec<u8>, WriteError> {
    let (mut writer, bytes) = writer(ReportFormat::Pdf, &about())?;
    for number in 1..=incidents {
        writer.incident(&format!("INC-{number} · Production “EU”"))?;
        for section in SECTIONS.iter().filter(|section| section.per_incident) {
            writer.begin(section)?;
            match section.key {
                "timeline" => events_of(&mut *writer, section, number, events)?,
                "receipts" => {}
                _ => writer.rows(&[row(section, "short")])?,
            }
        }
    }
    for section in SECTIONS.iter().filter(|section| !section.per_incident) {
        writer.begin(section)?;
        writer.rows(&[row(section, "proof")])?;
    }
    writer.finish()?;
    Ok(bytes.rest())
}

fn events_of(
    writer: &mut dyn Writer,
    section: &'static Section,
    number: usize,
    events: usize,
) -> Result<(), WriteError> {
    for event in 1..=events {
        writer.rows(&[row(section, &format!("Event{number}x{event} of a reason that takes more than a line"))])?;
    }
    Ok(())
}

/// The words of a page, with one space between them.
fn text(document: &Document, page: u32) -> String {
    document.extract_text(&[page]).unwrap().split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn a_document_is_read_back_as_it_was_written() {
    let document = Document::load_mem(&written(3, 60).unwrap()).unwrap();
    let pages = u32::try_from(document.get_pages().len()).unwrap();
    assert!(pages > 8, "{pages}");
    let title = text(&document, 1);
    for said in ["Compliance report", "Northlight GmbH", "All environments, 2026-02-01 to 2026-02-28", HASH] {
        assert!(title.contains(said), "{said}: {title}");
    }
    let contents = text(&document, 2);
    assert!(contents.contains("Contents"), "{contents}");
    let toc = document.get_toc().unwrap();
    let chapters: Vec<_> = toc.toc.iter().filter(|entry| entry.level == 1).collect();
    let names: Vec<_> = chapters.iter().map(|entry| entry.title.as_str()).collect();
    let incidents: Vec<String> = (1..=3).map(|number| format!("INC-{number} · Production “EU”")).collect();
    assert_eq!(names[..3], incidents);
    assert_eq!(names[3..], ["Policies, by version", "Proof of the audit log"]);
    for chapter in chapters {
        let page = u32::try_from(chapter.page).unwrap();
        assert!(text(&document, page).contains(&chapter.title), "{} is on page {page}", chapter.title);
        assert!(!text(&document, page - 1).contains(&format!("{} ", chapter.title)) || page == 3);
        assert!(contents.contains(&format!("{} {page}", chapter.title)), "{contents}");
    }
    let headings: Vec<_> = toc.toc.iter().filter(|entry| entry.level == 2).collect();
    assert_eq!(headings.len(), 3 * SECTIONS.iter().filter(|section| section.per_incident).count());
    for heading in headings {
        let page = u32::try_from(heading.page).unwrap();
        assert!(text(&document, page).contains(&heading.title), "{} is on page {page}", heading.title);
    }
    // Nothing is lost between pages, and each says which it is.
    let whole: String = (1..=pages).map(|page| text(&document, page)).collect();
    for number in 1..=3 {
        for event in 1..=60 {
            assert!(whole.contains(&format!("Event{number}x{event}")), "event {event} of incident {number}");
        }
    }
    assert!(whole.contains("None."), "a section without rows says so");
    for page in 2..=pages {
        assert!(text(&document, page).contains(&format!("Page {page} of {pages}")));
    }
}

#[test]
fn contents_go_on_to_another_page_and_lead_where_they_say() {
    let document = Document::load_mem(&written(120, 0).unwrap()).unwrap();
    let pages = document.get_pages();
    let mut links = Vec::new();
    for page in 2..=4 {
        for link in document.get_page_annotations(pages[&page]).unwrap() {
            let to = link.get(b"Dest").unwrap();
            let to = match to.as_reference() {
                Ok(id) => document.get_object(id).unwrap().as_array().unwrap(),
                Err(_) => to.as_array().unwrap(),
            };
            let to = to[0].as_reference().unwrap();
            links.push(*pages.iter().find(|(_, id)| **id == to).unwrap().0);
        }
    }
    let toc = document.get_toc().unwrap();
    let chapters: Vec<u32> =
        toc.toc.iter().filter(|entry| entry.level == 1).map(|entry| u32::try_from(entry.page).unwrap()).collect();
    assert_eq!(chapters.len(), 122);
    assert_eq!(links, chapters);
}

#[test]
fn a_document_that_would_be_too_long_is_refused_with_what_to_do() {
    let refused = written(MOST_PAGES, 0).unwrap_err();
    assert!(matches!(refused, WriteError::TooLong { .. }));
    assert!(refused.to_string().contains("ask for CSV or JSON, or for fewer days"), "{refused}");
}

#[test]
fn a_report_of_nothing_is_a_document_all_the_same() {
    let document = Document::load_mem(&written(0, 0).unwrap()).unwrap();
    assert_eq!(document.get_pages().len(), 4, "title, contents, policies, proof");
}
