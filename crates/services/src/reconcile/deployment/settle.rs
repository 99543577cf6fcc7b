//! How the changes end that a deployment outside of incidents wrote over: a check sees it, as it does inside of one.

use drift_domain::change::ChangeState;
use drift_store::deployments::{self, Deployed};
use drift_store::events::{self, NewEvent};
use drift_store::{PgConnection, StoreError, artifacts, closings, decisions};
use serde_json::json;

use crate::Services;
use crate::incidents::joining::Seen;

impl Services {
    /// Ends the changes that deployments outside of incidents wrote over and that a good check no longer saw. One that it saw
    /// again was done again: it waits for somebody anew.
    pub(crate) async fn settle_deployed(&self, db: &mut PgConnection, seen: &Seen<'_>) -> Result<(), StoreError> {
        let (organization, environment) = (seen.environment.organization_id, seen.environment.id);
        let begun = closings::check(db, organization, seen.check).await?.map_or(seen.now, |(_, begun)| begun);
        for Deployed { change, workflow, state, decision, kind } in
            deployments::to_settle(db, organization, environment, begun).await?
        {
            let what = if state == ChangeState::Vanished {
                artifacts::seen_by(db, organization, change, decision, seen.check).await?;
                decisions::end_by(db, organization, environment, change, decision).await?;
                "change.decided"
            } else {
                decisions::choose(db, organization, environment, change, None).await?;
                "change.came_back"
            };
            let event = NewEvent {
                organization_id: organization,
                environment_id: Some(environment),
                change_id: Some(change),
                kind: what,
                actor: None,
                data: json!({ "decision": kind, "workflow": workflow, "commit": seen.found.commit }),
            };
            events::append(db, &event, seen.now).await?;
        }
        Ok(())
    }
}
