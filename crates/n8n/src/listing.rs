//! Pages put together into a listing that is proven whole.
//!
//! n8n's cursor is an offset. A workflow that is deleted while the pages are read makes the later ones move up, and one
//! that moved over the edge between two pages is never seen, without a sign; a new one makes them move down, and one is
//! seen twice. So the pages are held to these rules, and taken again when they break one:
//!
//! 1. no id comes twice;
//! 2. every page but the last has the same number of workflows, so the last begins at the offset that has been read;
//! 3. every page but the last is read once more after the last, and lists the same ids. A last page that is full is read
//!    once more too, and must still be the last.
//!
//! Then the listing is what n8n held at the moment the last page was read: by 3 everything listed earlier was still there
//! (n8n makes a new id for each workflow, none comes back), by 1 none of it was on the last page, so it filled exactly
//! the places before the last page (2), and no other workflow had a place. A listing of one page that is not full needs
//! no second look. The second look asks with `If-None-Match`, and costs n8n no bandwidth.

use std::borrow::Cow;
use std::collections::HashSet;

use bytes::Bytes;
use drift_domain::failure::{Failure, FailureKind};
use reqwest::StatusCode;
use reqwest::header::HeaderValue;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::client::{Ask, Client};
use crate::{Listing, RawWorkflow, answer};

/// The largest listing that is read, in bytes, so that no server can fill the memory page by page.
const MAX_LISTING: usize = 512 * 1024 * 1024;

/// What is read of a workflow before it is known to have changed.
#[derive(Deserialize)]
pub(crate) struct Head<'a> {
    #[serde(borrow)]
    pub(crate) id: Cow<'a, str>,
    #[serde(default, rename = "isArchived")]
    archived: bool,
}

#[derive(Deserialize)]
struct PageBody<'a> {
    #[serde(borrow)]
    data: Vec<&'a RawValue>,
    #[serde(default, rename = "nextCursor")]
    next: Option<String>,
}

struct Page {
    workflows: Vec<RawWorkflow>,
    next: Option<String>,
    etag: Option<HeaderValue>,
    bytes: usize,
}

/// Where a page was read, to read it once more.
struct Place {
    cursor: Option<String>,
    etag: Option<HeaderValue>,
    ids: std::ops::Range<usize>,
    last: bool,
}

enum Taken {
    Whole(Vec<RawWorkflow>, u32),
    /// Workflows came or went; the words say how it showed.
    Skewed(&'static str),
}

impl Client {
    pub(crate) async fn take_listing(&self) -> Result<Listing, Failure> {
        let mut how = "";
        for attempts in 1..=self.settings.max_listings {
            match self.take_once().await? {
                Taken::Whole(workflows, pages) => return Ok(Listing { workflows, pages, attempts }),
                Taken::Skewed(words) => how = words,
            }
            tracing::debug!(n8n.host = %self.host, attempts, how, "the listing moved while it was read");
            if attempts < self.settings.max_listings {
                tokio::time::sleep(self.backoff(attempts)).await;
            }
        }
        Err(answer::failure(
            FailureKind::PartialListing,
            format!(
                "The workflows of n8n at {} could not be listed whole in {} attempts: {how}. Workflows are being created \
                 or deleted at the moment; this is tried again by itself.",
                self.host, self.settings.max_listings
            ),
        ))
    }

    async fn take_once(&self) -> Result<Taken, Failure> {
        let mut workflows: Vec<RawWorkflow> = Vec::new();
        let mut places: Vec<Place> = Vec::new();
        let mut seen = HashSet::new();
        let mut cursors = HashSet::new();
        let (mut cursor, mut bytes, mut step) = (None::<String>, 0, None::<usize>);
        loop {
            let Some(page) = self.page(cursor.as_deref(), None).await? else {
                return Ok(Taken::Skewed("a page was answered as unchanged before it was read"));
            };
            bytes += page.bytes;
            if bytes > MAX_LISTING {
                return Err(self.too_much());
            }
            let (length, last) = (page.workflows.len(), page.next.is_none());
            if !last && (length == 0 || *step.get_or_insert(length) != length) {
                return Ok(Taken::Skewed("a page in the middle was not full"));
            }
            if !page.workflows.iter().all(|w| seen.insert(w.id.clone())) {
                return Ok(Taken::Skewed("a workflow was listed twice"));
            }
            let ids = workflows.len()..workflows.len() + length;
            places.push(Place { cursor: cursor.take(), etag: page.etag, ids, last });
            workflows.extend(page.workflows);
            match page.next {
                None => break,
                Some(next) if !cursors.insert(next.clone()) => return Ok(Taken::Skewed("the pages went in a circle")),
                next => cursor = next,
            }
        }
        let full = step.unwrap_or_else(|| usize::from(self.settings.page_size));
        for place in &places {
            if place.last && place.ids.len() < full {
                continue;
            }
            if !self.unchanged(place, &workflows[place.ids.clone()]).await? {
                return Ok(Taken::Skewed("a page listed other workflows when it was read once more"));
            }
        }
        Ok(Taken::Whole(workflows, u32::try_from(places.len()).unwrap_or(u32::MAX)))
    }

    async fn unchanged(&self, place: &Place, before: &[RawWorkflow]) -> Result<bool, Failure> {
        let Some(now) = self.page(place.cursor.as_deref(), place.etag.clone()).await? else { return Ok(true) };
        let same = now.workflows.iter().map(|w| &w.id).eq(before.iter().map(|w| &w.id));
        Ok(same && !(place.last && now.next.is_some()))
    }

    /// One page, or `None` when it still has the tag `unless`.
    async fn page(&self, cursor: Option<&str>, unless: Option<HeaderValue>) -> Result<Option<Page>, Failure> {
        let limit = self.settings.page_size.to_string();
        let mut query = vec![("limit", limit.as_str())];
        query.extend(cursor.map(|cursor| ("cursor", cursor)));
        let reply = self.ask(Ask { path: &["workflows"], query: &query, unless, ..Ask::default() }).await?;
        if reply.status == StatusCode::NOT_MODIFIED {
            return Ok(None);
        }
        let broken = |why| answer::not_json(&self.host, &reply.body, &why);
        let page: PageBody<'_> = serde_json::from_slice(&reply.body).map_err(broken)?;
        let workflows =
            page.data.iter().map(|raw| workflow(&reply.body, raw)).collect::<Result<_, _>>().map_err(broken)?;
        Ok(Some(Page { workflows, next: page.next, etag: reply.etag(), bytes: reply.body.len() }))
    }

    fn too_much(&self) -> Failure {
        answer::failure(
            FailureKind::BrokenAnswer,
            format!("n8n at {} lists more than {} MB of workflows, which is not read.", self.host, MAX_LISTING >> 20),
        )
    }
}

fn workflow(page: &Bytes, raw: &RawValue) -> Result<RawWorkflow, serde_json::Error> {
    let head: Head<'_> = serde_json::from_str(raw.get())?;
    Ok(RawWorkflow { id: head.id.into_owned(), archived: head.archived, body: page.slice_ref(raw.get().as_bytes()) })
}
