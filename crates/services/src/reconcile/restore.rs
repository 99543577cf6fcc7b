//! Putting a stored content back, to n8n or to Git: what a change once was is kept as long as the change is (product, Changes
//! are never lost).

use std::sync::Arc;

use drift_domain::failure::Side;
use drift_domain::ids::{ChangeId, ReconciliationId};
use drift_domain::incident::IncidentStatus;
use drift_domain::reconciliation::{Purpose, Target};
use drift_store::{changes, incidents};

use super::paths::item;
use super::planning::Draft;
use super::steps::{self, Expected};
use super::text::Words;
use crate::Services;
use crate::error::{ServiceError, ServiceResult};
use crate::gate::{Caller, Permit, cap};

impl Services {
    /// Asks the gate about something that is done to a change, wherever it is: whose it is comes first, then the plan that its
    /// incident keeps, or the organization's.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`], then as [`crate::gate::Caller::permit`].
    pub async fn change_permit<C: cap::Cap>(&self, caller: &Caller, id: ChangeId) -> ServiceResult<Permit<C>> {
        let mut db = self.tenant(caller.organization_id).await?;
        let (_, found) =
            changes::find(&mut db, caller.organization_id, id).await?.ok_or(ServiceError::NotFound("change"))?;
        let incident = match found.incident {
            Some(id) => incidents::get(&mut db, caller.organization_id, id).await?,
            None => None,
        };
        match incident.filter(|incident| incident.status() != IncidentStatus::Closed) {
            Some(incident) => caller.permit_under(&Arc::new(incident.plan)),
            None => caller.permit(),
        }
    }

    /// Works out what putting one side of a change back would write, and keeps that as a plan for a person to look at. The
    /// change may be open, vanished or over. A restore decides nothing: a check sees what it makes of the two sides.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`]; [`ServiceError::Conflict`] for a side that had no content, or when a side cannot be read now.
    pub async fn plan_restore(
        &self,
        permit: &Permit<cap::Execute>,
        change: ChangeId,
        side: Side,
        target: Target,
    ) -> ServiceResult<ReconciliationId> {
        let organization = permit.organization();
        let mut db = self.tenant(organization).await?;
        let (environment, found) =
            changes::find(&mut db, organization, change).await?.ok_or(ServiceError::NotFound("change"))?;
        let environment = crate::drift::environment_in(&mut db, organization, environment).await?;
        let incident = match found.incident {
            Some(id) => incidents::get(&mut db, organization, id).await?,
            None => None,
        };
        // A closed incident takes nothing more into its record.
        let incident = incident.filter(|i| i.status() != IncidentStatus::Closed).map(|i| i.id());
        drop(db);
        let hash = match side {
            Side::Live => found.live_snapshot,
            Side::Desired => found.desired_snapshot,
        };
        let Some(hash) = hash else {
            let message = "This side did not have the workflow then, so there is nothing to put back.";
            return Err(ServiceError::Conflict(message.to_owned()));
        };
        let content = self.kept(organization, hash).await?;
        let sides = self.sides(environment).await?;
        let pair = self.pair(&sides, &found).await?;
        let mut draft = Draft::new(&sides);
        let mut shown = item(&found, None);
        // A content speaks of other workflows by the ids of the side that it is from.
        let (to_live, to_git) = match side {
            Side::Live => (Default::default(), sides.git_ids.clone()),
            Side::Desired => (sides.live_ids.clone(), Default::default()),
        };
        match target {
            Target::N8n => draft.apply(&found, &pair, &content, &to_live, &mut shown),
            Target::Git => {
                if let Some(id) = found.live_id.clone() {
                    let standing = pair.live.as_deref().and_then(steps::standing);
                    draft.live.push(Expected { id, standing });
                }
                self.put_file(&mut draft, &found, &content, &to_git, &mut shown).await?;
            }
        }
        if shown.writes.is_empty() && shown.problems.is_empty() {
            shown.problems.push("This content is there already: nothing is to be put back.".to_owned());
        }
        draft.items.push((found.id, None));
        draft.plan.items.push(shown);
        let link = self.public_link(&format!("/environments/{}/drift/changes/{change}", sides.environment.id));
        let by = permit.caller();
        let name = &sides.environment.connection.name;
        let words = Words::restoring(&found.workflow, name, (&by.name, &by.email), &link);
        self.keep_plan(permit, draft, incident, Purpose::Restore, words).await
    }
}
