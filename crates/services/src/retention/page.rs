//! What the next tidying would remove, and what tidyings removed.

use drift_domain::ids::{IncidentId, OrganizationId};
use drift_domain::plan::Plan;
use drift_domain::retention::RetentionKind;
use drift_domain::views::{KeptPreview, KindPreview, RemovedIncident, RetentionPreview, RetentionRecord};
use drift_store::retention::{self, Tally};
use drift_store::{PgConnection, StoreError, plans};

use super::{Keeper, ROUNDS, at_once, cut_offs};
use crate::Services;
use crate::error::{ServiceError, ServiceResult};
use crate::gate::{Permit, cap};

/// Tidyings, and removed incidents, that are listed.
const LISTED: i64 = 100;

impl Services {
    /// What the next tidying would remove of the organization, and what it would keep although it is older. Removes nothing.
    ///
    /// # Errors
    /// [`ServiceError::Unavailable`] when the database does not answer.
    pub async fn retention_preview(&self, permit: &Permit<cap::Retention>) -> ServiceResult<RetentionPreview> {
        let mut db = self.tenant(permit.organization()).await?;
        preview(&mut db, permit.organization(), permit.plan(), self.clock.now()).await
    }

    /// What tidyings removed of the organization, as far back as its plan keeps history, and what is left of its removed incidents.
    ///
    /// # Errors
    /// [`ServiceError::Unavailable`] when the database does not answer.
    pub async fn retention_record(&self, permit: &Permit<cap::Retention>) -> ServiceResult<RetentionRecord> {
        let organization = permit.organization();
        let mut db = self.tenant(organization).await?;
        Ok(RetentionRecord {
            runs: retention::runs(&mut db, organization, LISTED).await?,
            incidents: retention::removed_incidents(&mut db, organization, None, LISTED).await?,
        })
    }

    /// What is left of one incident that was removed.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] for one that was not, or is not the organization's.
    pub async fn removed_incident(
        &self,
        permit: &Permit<cap::Visibility>,
        id: IncidentId,
    ) -> ServiceResult<RemovedIncident> {
        let mut db = self.tenant(permit.organization()).await?;
        let found = retention::removed_incidents(&mut db, permit.organization(), Some(id), 1).await?;
        found.into_iter().next().ok_or(ServiceError::NotFound("incident"))
    }
}

impl Keeper {
    /// What the next tidying would remove of an organization. Removes nothing.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] without such an organization; [`ServiceError::Unavailable`] when the database does not answer.
    pub async fn preview(&self, organization: OrganizationId) -> ServiceResult<RetentionPreview> {
        let mut db = self.pool.acquire().await.map_err(StoreError::from)?;
        let plan = plans::effective(&mut db, organization).await?.ok_or(ServiceError::NotFound("organization"))?;
        preview(&mut db, organization, &plan, self.clock.now()).await
    }
}

async fn preview(
    db: &mut PgConnection,
    organization: OrganizationId,
    plan: &Plan,
    now: chrono::DateTime<chrono::Utc>,
) -> ServiceResult<RetentionPreview> {
    let cut = cut_offs(now, plan.history_days());
    let mut kinds = Vec::new();
    for kind in RetentionKind::ALL {
        let tallies = retention::tally(db, organization, *kind, &cut).await?;
        let going = tallies.iter().find(|tally| tally.kept.is_none());
        kinds.push(KindPreview {
            kind: *kind,
            cut_off: cut.of(*kind),
            goes: going.map_or(0, |tally| tally.count),
            at_most: (at_once(*kind) * ROUNDS).unsigned_abs(),
            oldest: going.map(|tally| tally.oldest),
            kept: tallies.iter().filter_map(kept).collect(),
        });
    }
    Ok(RetentionPreview { history_days: super::days(plan).unsigned_abs(), kinds, now })
}

fn kept(tally: &Tally) -> Option<KeptPreview> {
    Some(KeptPreview { why: tally.kept?, count: tally.count, oldest: tally.oldest })
}
