//! Lists of changes, page by page: for whoever reads more of them than a screen shows.

use std::cmp::Reverse;

use chrono::{DateTime, Utc};
use drift_domain::change::ChangeState;
use drift_domain::ids::{ChangeId, EnvironmentId};
use drift_domain::severity::Severity;
use drift_domain::views::{ChangeFilter, ChangeList};
use drift_store::changes::{self, ChangeRecord, Which};
use drift_store::overrides;

use crate::Services;
use crate::drift::{Rows, by_severity, environment, passes};
use crate::error::{ServiceError, ServiceResult};
use crate::gate::{Permit, cap};

/// Changes on a page, unless the caller says how many.
const PAGE: usize = 50;
/// Changes on a page at most.
const LONGEST_PAGE: usize = 200;

/// Where a change stands in the list: the most severe first, then the one that was seen last.
type Place = (Reverse<Severity>, Reverse<DateTime<Utc>>, Reverse<ChangeId>);

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
        after: Option<&str>,
        limit: Option<u32>,
    ) -> ServiceResult<ChangeList> {
        let (organization, caller) = (permit.organization(), permit.caller());
        let after = after.filter(|text| !text.is_empty()).map(read_place).transpose()?;
        let limit = limit.map_or(PAGE, |limit| (limit as usize).clamp(1, LONGEST_PAGE));
        let now = self.clock.now();
        let mut db = self.tenant(organization).await?;
        environment(&mut db, permit, id).await?;
        let open = by_severity(changes::list(&mut db, organization, id, Which::Open, i64::MAX).await?);
        let rows = Rows::new(&caller.plan, &open, overrides::newest(&mut db, organization, id, now).await?);
        let listed = match filter.state {
            Some(state) if !ChangeState::is_open(state) => {
                by_severity(changes::list(&mut db, organization, id, Which::In(state), i64::MAX).await?)
            }
            _ => open.clone(),
        };
        let mut behind = listed.iter().filter(|change| passes(change, &filter));
        let mut page: Vec<&ChangeRecord> =
            behind.by_ref().filter(|change| after.is_none_or(|after| place(change) > after)).take(limit + 1).collect();
        let more = page.len() > limit;
        page.truncate(limit);
        Ok(ChangeList {
            next: page.last().filter(|_| more).map(|change| cursor(change)),
            items: page.into_iter().map(|change| rows.row(change)).collect(),
        })
    }
}

fn place(change: &ChangeRecord) -> Place {
    (Reverse(change.severity), Reverse(change.first_seen_at), Reverse(change.id))
}

fn cursor(change: &ChangeRecord) -> String {
    format!("{}.{}.{}", change.severity, change.first_seen_at.timestamp_micros(), change.id)
}

fn read_place(text: &str) -> ServiceResult<Place> {
    let read = || {
        let mut parts = text.splitn(3, '.');
        let severity: Severity = parts.next()?.parse().ok()?;
        let seen = DateTime::from_timestamp_micros(parts.next()?.parse().ok()?)?;
        let id: ChangeId = parts.next()?.parse().ok()?;
        Some((Reverse(severity), Reverse(seen), Reverse(id)))
    };
    read().ok_or_else(|| {
        ServiceError::invalid("after", "This is not where a page ended. Take `next` of the page before.")
    })
}
