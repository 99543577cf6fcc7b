//! Lists of incidents.

use drift_domain::ids::EnvironmentId;
use drift_domain::views::{IncidentFilter, IncidentList, IncidentRow, PersonView};
use drift_store::environments;
use drift_store::incidents::{self, IncidentRecord, Which};

use crate::Services;
use crate::error::{ServiceError, ServiceResult};
use crate::gate::{Permit, cap};

/// Incidents on a page of the list.
const PAGE: usize = 50;

impl Services {
    /// A page of the organization's incidents, newest first. Without a status and without `all`, the open ones.
    ///
    /// # Errors
    /// [`ServiceError::Invalid`] when `after` is not what an earlier page answered as `next`.
    pub async fn incidents(
        &self,
        permit: &Permit<cap::Incidents>,
        filter: IncidentFilter,
        after: Option<&str>,
    ) -> ServiceResult<IncidentList> {
        let organization = permit.organization();
        let after = after.map(str::trim).filter(|text| !text.is_empty());
        let before = after.map(str::parse::<i64>).transpose();
        let before = before.map_err(|_| {
            ServiceError::invalid("after", "This is not where a page ended. Take `next` of the page before.")
        })?;
        let which = Which {
            status: filter.status,
            open: filter.status.is_none() && !filter.all,
            severity: filter.severity,
            environment: filter.environment,
            owner: filter.mine.then_some(permit.caller().user_id),
            unowned: filter.unowned,
            before,
            ids: None,
        };
        let mut db = self.tenant(organization).await?;
        let mut records = incidents::list(&mut db, organization, which, PAGE as i64 + 1).await?;
        let more = records.len() > PAGE;
        records.truncate(PAGE);
        let environments = environments::list(&mut db, organization, None, i64::MAX).await?;
        Ok(IncidentList {
            next: records.last().filter(|_| more).map(|record| record.number.to_string()),
            incidents: records.iter().map(row).collect(),
            filter,
            environments: environments.into_iter().map(|e| (e.id, e.connection.name)).collect(),
        })
    }

    /// The open incident of an environment, for the way into its drift.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] for an environment that is not the caller's.
    pub async fn open_incident(
        &self,
        permit: &Permit<cap::Summary>,
        environment: EnvironmentId,
    ) -> ServiceResult<Option<IncidentRow>> {
        let mut db = self.tenant(permit.organization()).await?;
        crate::drift::environment(&mut db, permit, environment).await?;
        let open = incidents::open_of(&mut db, permit.organization(), environment).await?;
        Ok(open.as_ref().map(row))
    }
}

/// An incident for a list.
pub(crate) fn row(record: &IncidentRecord) -> IncidentRow {
    IncidentRow {
        id: record.id(),
        number: record.number,
        environment_id: record.environment_id(),
        environment: record.environment.clone(),
        status: record.status(),
        severity: record.severity,
        owner: record.owner.clone().map(|(id, name)| PersonView { id, name }),
        detected_at: record.times().detected_at,
        expires_at: record.ttl.map(|ttl| ttl.expires_at),
        expired_at: record.ttl.and_then(|ttl| ttl.expired_at),
        closed_at: record.times().closed_at,
        open_changes: record.open_changes,
        changes: record.changes,
    }
}
