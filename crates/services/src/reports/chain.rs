//! The proof that stands in a report: the audit log of its days is walked, on to the newest seal, and the ends are written down.

use chrono::{DateTime, Utc};
use drift_domain::audit::{Chain, Digest, Fault};
use drift_domain::ids::OrganizationId;
use drift_report::{Cell, Row};
use drift_store::{PgConnection, StoreError, audit, reports};

/// Seals that are walked together.
const PAGE: i64 = 500;

/// A walk along the log.
pub(super) struct Proof {
    organization: OrganizationId,
    /// The first and the last seal of the days, where there are any.
    ends: Option<(i64, i64)>,
    chain: Chain,
    first: Option<Digest>,
    last: Option<Digest>,
    head: Option<(i64, Digest)>,
    fault: Option<Fault>,
}

/// Begins a walk along the entries from a moment on, and before another.
pub(super) async fn begin(
    db: &mut PgConnection,
    organization: OrganizationId,
    (from, until): (DateTime<Utc>, DateTime<Utc>),
) -> Result<Proof, StoreError> {
    let first = audit::first_since(db, organization, from).await?;
    let last = reports::last_before(db, organization, until).await?;
    let ends = first.zip(last).filter(|(first, last)| first <= last);
    let before = ends.map_or(0, |(first, _)| first - 1);
    let hash = if before == 0 { Some(Digest::NONE) } else { audit::seal_at(db, organization, before).await? };
    Ok(Proof {
        organization,
        ends,
        chain: Chain::after(organization, before, hash.unwrap_or(Digest::NONE), None),
        first: None,
        last: None,
        head: audit::head(db, organization).await?,
        fault: hash.is_none().then_some(Fault::Gap { expected: before, found: before + 1 }),
    })
}

impl Proof {
    /// Walks on. False at the end, or at the first fault.
    pub(super) async fn walk(&mut self, db: &mut PgConnection) -> Result<bool, StoreError> {
        let Some((first, last)) = self.ends.filter(|_| self.fault.is_none()) else { return Ok(false) };
        let seals = audit::seals_after(db, self.organization, self.chain.sequence(), PAGE).await?;
        let entries = audit::entries_of(db, self.organization, &seals).await?;
        for seal in &seals {
            if let Err(fault) = self.chain.take(seal, entries.get(&seal.entry_id)) {
                self.fault = Some(fault);
                return Ok(false);
            }
            if seal.sequence == first {
                self.first = Some(seal.hash);
            }
            if seal.sequence == last {
                self.last = Some(seal.hash);
            }
        }
        Ok(!seals.is_empty())
    }

    /// The row of the section.
    pub(super) fn row(&self) -> Row {
        let hash = |hash: Option<Digest>| hash.map_or(Cell::None, |hash| Cell::Text(hash.to_string()));
        let place = |place: Option<i64>| place.map_or(Cell::None, Cell::Number);
        vec![
            place(self.ends.map(|ends| ends.0)),
            hash(self.first),
            place(self.ends.map(|ends| ends.1)),
            hash(self.last),
            Cell::Number(self.ends.map_or(0, |(first, last)| last - first + 1)),
            place(self.head.map(|head| head.0)),
            hash(self.head.map(|head| head.1)),
            self.ends.map_or(Cell::None, |_| Cell::Flag(self.fault.is_none())),
            self.fault.as_ref().map_or(Cell::None, |fault| Cell::Text(fault.to_string())),
        ]
    }
}
