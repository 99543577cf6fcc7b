//! Lists of changes, page by page: in the workspace, and for whoever reads more of them than a screen shows.

use chrono::DateTime;
use drift_domain::ids::{ChangeId, EnvironmentId, OrganizationId};
use drift_domain::severity::Severity;
use drift_domain::views::{ChangeFilter, ChangeList, ChangeRow};
use drift_store::PgConnection;
use drift_store::changes::{self, ChangeRecord, Listed, Place};

use crate::Services;
use crate::drift::{Rows, environment};
use crate::error::{ServiceError, ServiceResult};
use crate::gate::{Permit, cap};

impl Services {
    /// A page of an environment's changes, most severe first: the open ones, unless the filter names a state. A page begins
    /// behind the change that `after` tells of, also when that one is not in the list any more.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] when the caller's organization has no such environment, [`ServiceError::Invalid`] when
    /// `after` is not what an earlier page answered as `next`.
    pub async fn changes(
        &self,
        permit: &Permit<cap::Summary>,
        id: EnvironmentId,
        filter: ChangeFilter,
    ) -> ServiceResult<ChangeList> {
        let organization = permit.organization();
        let mut db = self.tenant(organization).await?;
        environment(&mut db, permit, id).await?;
        let rows = Rows::of(&mut db, &permit.caller().plan, organization, id, self.clock.now()).await?;
        let Listing { rows: items, matching, next, .. } = listing(&mut db, organization, id, &filter, &rows).await?;
        Ok(ChangeList { items, matching, next })
    }
}

/// A page of a filter's changes, and where it stands among them.
pub(crate) struct Listing {
    pub rows: Vec<ChangeRow>,
    /// Changes on all pages.
    pub matching: u32,
    /// Changes on the pages before.
    pub earlier: u32,
    /// Where the next page begins; none on the last.
    pub next: Option<String>,
}

pub(crate) async fn listing(
    db: &mut PgConnection,
    organization: OrganizationId,
    environment: EnvironmentId,
    filter: &ChangeFilter,
    rows: &Rows<'_>,
) -> ServiceResult<Listing> {
    let after = filter.after.as_deref().filter(|text| !text.is_empty()).map(read_place).transpose()?;
    let listed = Listed {
        state: filter.state,
        change_type: filter.change_type,
        origin: filter.origin,
        severity: filter.severity,
        named: filter.q.as_ref().map(|q| q.trim().to_owned()).filter(|q| !q.is_empty()),
    };
    let size = filter.page_size();
    let mut page = changes::page(db, organization, environment, &listed, after.as_ref(), size + 1).await?;
    let more = page.len() > size as usize;
    page.truncate(size as usize);
    let (matching, behind) = changes::matching(db, organization, environment, &listed, after.as_ref()).await?;
    Ok(Listing {
        next: page.last().filter(|_| more).map(place),
        rows: page.iter().map(|change| rows.row(change)).collect(),
        matching,
        earlier: matching.saturating_sub(behind),
    })
}

/// A place as `after` has it: all that the order goes by, so that it holds when the change itself is decided meanwhile.
fn place(change: &ChangeRecord) -> String {
    format!("{}.{}.{}", change.severity, change.first_seen_at.timestamp_micros(), change.id)
}

pub(crate) fn read_place(text: &str) -> ServiceResult<Place> {
    let read = || {
        let mut parts = text.splitn(3, '.');
        let severity: Severity = parts.next()?.parse().ok()?;
        let first_seen_at = DateTime::from_timestamp_micros(parts.next()?.parse().ok()?)?;
        let id: ChangeId = parts.next()?.parse().ok()?;
        Some(Place { severity, first_seen_at, id })
    };
    read().ok_or_else(no_place)
}

/// What is said of a page that begins where none ended.
pub(crate) fn no_place() -> ServiceError {
    ServiceError::invalid("after", "This is not where a page ended. Take `next` of the page before.")
}
