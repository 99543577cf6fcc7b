//! The organization as a whole: which policy holds where, what is accepted for a time, and what was let pass.

use std::collections::HashMap;

use chrono::TimeDelta;
use drift_domain::ids::EnvironmentId;
use drift_domain::views::{IncidentRow, Overview, OverviewRow};
use drift_store::incidents::{self, Which};
use drift_store::{environments, overrides, overview, policies};

use super::coverage;
use crate::Services;
use crate::error::ServiceResult;
use crate::gate::{Permit, cap};
use crate::incidents::row;

/// Days that exceptions are counted over.
const DAYS: u32 = 90;

impl Services {
    /// Every environment with what holds there, its open incident, what is accepted for a time and what was let pass in the last
    /// 90 days.
    ///
    /// # Errors
    /// [`crate::ServiceError::Unavailable`] when the database does not answer.
    pub async fn overview(&self, permit: &Permit<cap::Policies>) -> ServiceResult<Overview> {
        let (organization, now) = (permit.organization(), self.clock.now());
        let mut db = self.tenant(organization).await?;
        let all = environments::list(&mut db, organization, None, i64::MAX).await?;
        let overridden = overrides::counts(&mut db, organization, None, now).await?;
        let open = Which { open: true, ..Which::default() };
        let open = incidents::list(&mut db, organization, open, i64::MAX).await?;
        let mut open: HashMap<EnvironmentId, IncidentRow> =
            open.iter().map(|incident| (incident.environment_id(), row(incident))).collect();
        let debts = overview::debts(&mut db, organization, now).await?;
        let exceptions = overview::exceptions(&mut db, organization, now - TimeDelta::days(i64::from(DAYS))).await?;
        let assigned = policies::assignments(&mut db, organization).await?;
        let names: HashMap<_, _> =
            policies::list(&mut db, organization).await?.into_iter().map(|policy| (policy.id, policy.name)).collect();
        let rows = all.iter().map(|environment| {
            let holds = coverage(environment, &assigned);
            let id = environment.id;
            OverviewRow {
                environment: crate::views::environment_row(
                    environment,
                    overridden.get(&id).copied().unwrap_or_default(),
                    now,
                ),
                policy: holds.policy.and_then(|policy| Some((policy, names.get(&policy)?.clone()))),
                own: holds.own,
                incident: open.remove(&id),
                debt: debts.get(&id).copied().unwrap_or_default(),
                exceptions: exceptions.get(&id).copied().unwrap_or_default(),
            }
        });
        Ok(Overview { rows: rows.collect(), days: DAYS, now })
    }
}
