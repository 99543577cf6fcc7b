//! What a check means for incidents: new drift joins the open one, decisions are seen carried out or not, a policy opens
//! one, a closing is decided. All in the check's own transaction.

use chrono::{DateTime, Utc};
use drift_domain::change::{ChangeState, DecisionKind, VanishedCause};
use drift_domain::ids::{ChangeId, CheckId, IncidentId};
use drift_domain::incident::{AnyIncident, ArtifactState, IncidentStatus, NewDrift};
use drift_domain::severity::Severity;
use drift_store::artifacts::{Chosen, Outcome};
use drift_store::environments::EnvironmentRecord;
use drift_store::events::NewEvent;
use drift_store::incidents::{IncidentRecord, Particulars};
use drift_store::standings::Joined;
use drift_store::{
    PgConnection, StoreError, artifacts, checks, closings, decisions, events, incident_settings, incidents, overrides,
    plans, standings,
};
use serde_json::{Value, json};

use super::create::{Opening, is_automatic, names, open_incident};
use crate::Services;

/// What a good check hands over.
pub(crate) struct Seen<'a> {
    /// The environment as the check knew it.
    pub environment: &'a EnvironmentRecord,
    /// The check.
    pub check: CheckId,
    /// What it found.
    pub found: &'a checks::Findings,
    /// When it ends.
    pub now: DateTime<Utc>,
}

impl Services {
    /// Brings the environment's incident up to what a good check saw. Called where the check is recorded, which holds the
    /// environment's row and counts its changes anew afterwards.
    pub(crate) async fn join_incident(&self, db: &mut PgConnection, seen: &Seen<'_>) -> Result<(), StoreError> {
        let organization = seen.environment.organization_id;
        settle_overridden(db, seen).await?;
        self.settle_deployed(db, seen).await?;
        match incidents::open_of(db, organization, seen.environment.id).await? {
            Some(incident) => {
                let mut joining = Joining { seen, id: incident.id(), version: None };
                joining.new_drift(db, incident).await?;
                joining.settle(db).await?;
                joining.tell_vanished(db).await?;
                if joining.version.is_some() {
                    self.announce(db, organization, seen.environment.id, "incident.updated").await?;
                }
            }
            None if open_by_policy(db, seen).await? => {
                self.announce(db, organization, seen.environment.id, "incident.created").await?;
            }
            None => {}
        }
        self.decide_closing(db, seen).await
    }
}

/// Changes that this check no longer saw and that a running override accepts are over by it, where no incident is open: an
/// incident takes a resolution (seed, guardrail 4).
async fn settle_overridden(db: &mut PgConnection, seen: &Seen<'_>) -> Result<(), StoreError> {
    let (organization, environment) = (seen.environment.organization_id, seen.environment.id);
    let settled = decisions::end_by_overrides(db, organization, environment, seen.now).await?;
    for (change, by) in settled {
        let data = json!({ "decision": DecisionKind::Override, "by_override_of": by });
        let event = NewEvent {
            organization_id: organization,
            environment_id: Some(environment),
            change_id: Some(change),
            kind: "change.decided",
            actor: None,
            data,
        };
        events::append(db, &event, seen.now).await?;
    }
    Ok(())
}

/// Opens an incident where the organization's policy says so and drift appeared that nobody accepted for a time. What the
/// environment's first check saw is its adoption review, and opens none (product, Detection 7).
async fn open_by_policy(db: &mut PgConnection, seen: &Seen<'_>) -> Result<bool, StoreError> {
    let (organization, environment) = (seen.environment.organization_id, seen.environment.id);
    let changes = standings::unattached(db, organization, environment).await?;
    if changes.iter().all(|change| change.adoption) {
        return Ok(false);
    }
    let Some(plan) = plans::effective(db, organization).await? else { return Ok(false) };
    let settings = incident_settings::get(db, organization).await?;
    if !is_automatic(&plan, &settings, seen.environment.connection.class) {
        return Ok(false);
    }
    let accepted = overrides::newest(db, organization, environment, seen.now).await?;
    let is_accepted = |id: &ChangeId| accepted.get(id).is_some_and(|o| o.is_running());
    if !changes.iter().any(|change| !change.adoption && !is_accepted(&change.id)) {
        return Ok(false);
    }
    let limit = plan.limit(drift_domain::plan::Limit::OpenIncidents);
    let (open, number) = incidents::next(db, organization).await?;
    if limit.is_some_and(|limit| open >= limit) {
        // The number is left out: nobody saw it.
        tracing::info!("the policy would open an incident, and as many are open as the limit allows");
        return Ok(false);
    }
    let opening = Opening { organization, environment, plan: &plan, number, by: None, note: None, now: seen.now };
    open_incident(db, &opening, &changes).await?;
    Ok(true)
}

/// One check's effect on one open incident.
struct Joining<'a> {
    seen: &'a Seen<'a>,
    id: IncidentId,
    /// The version that this check makes, once something happened.
    version: Option<i64>,
}

impl Joining<'_> {
    async fn tell(
        &mut self,
        db: &mut PgConnection,
        kind: &str,
        change: Option<ChangeId>,
        data: Value,
    ) -> Result<(), StoreError> {
        let organization = self.seen.environment.organization_id;
        let version = match self.version {
            Some(version) => version,
            None => incidents::touch(db, organization, self.id, self.seen.now).await?,
        };
        self.version = Some(version);
        let event = NewEvent {
            organization_id: organization,
            environment_id: Some(self.seen.environment.id),
            change_id: change,
            kind,
            actor: None,
            data,
        };
        events::append_to_incident(db, self.id, version, &event, self.seen.now).await
    }

    /// New drift joins; an incident that was reconciled goes back.
    async fn new_drift(&mut self, db: &mut PgConnection, incident: IncidentRecord) -> Result<(), StoreError> {
        let organization = self.seen.environment.organization_id;
        let joined = standings::unattached(db, organization, self.seen.environment.id).await?;
        let Some(drift) = NewDrift::of(joined.iter().map(|change| change.id).collect()) else { return Ok(()) };
        standings::attach(db, organization, self.id, &joined).await?;
        let data = json!({
            "changes": joined.len(), "workflows": names(&joined),
            "since_stabilized": incident.times().stabilized_at.is_some(),
        });
        self.tell(db, "incident.drift_joined", None, data).await?;
        self.raise(db, &incident, &joined).await?;
        if let AnyIncident::Reconciled(reconciled) = incident.standing.clone() {
            let back = reconciled.regress(drift);
            incidents::step(db, organization, IncidentStatus::Reconciled, &back, self.seen.now).await?;
            self.tell(db, "incident.regressed", None, json!({ "to": back.status() })).await?;
        }
        Ok(())
    }

    /// What joined may be worse than what was there. A severity that a person set stays.
    async fn raise(
        &mut self,
        db: &mut PgConnection,
        incident: &IncidentRecord,
        joined: &[Joined],
    ) -> Result<(), StoreError> {
        let worst = Severity::of_changes(joined.iter().map(|change| change.severity));
        if worst <= incident.computed_severity {
            return Ok(());
        }
        let by_person = incident.severity_reason.is_some() && !incident.severity_by_clock;
        let severity = if by_person { incident.severity } else { worst.max(incident.severity) };
        let ttl = incident.ttl.map(|ttl| ttl.reweighed(incident.severity, severity, self.seen.now));
        let kept = if by_person || severity > worst { incident.severity_reason.as_deref() } else { None };
        let set = Particulars {
            severity,
            computed_severity: worst,
            severity_reason: kept,
            severity_by_clock: incident.severity_by_clock && kept.is_some(),
            ttl,
            ..Particulars::from(incident)
        };
        incidents::describe(db, self.seen.environment.organization_id, self.id, &set).await?;
        if severity == incident.severity {
            return Ok(());
        }
        let expires_at = ttl.map(|ttl| ttl.expires_at);
        let data = json!({ "severity": severity, "before": incident.severity, "expires_at": expires_at });
        self.tell(db, "incident.severity_raised", None, data).await
    }

    /// Chosen paths whose changes are no longer there as they were: carried out, or not as decided.
    async fn settle(&mut self, db: &mut PgConnection) -> Result<(), StoreError> {
        let organization = self.seen.environment.organization_id;
        let begun = closings::check(db, organization, self.seen.check).await?.map_or(self.seen.now, |(_, begun)| begun);
        for chosen in artifacts::moved_on(db, organization, self.id, begun).await? {
            match (chosen.artifact, chosen.state) {
                (ArtifactState::Success, ChangeState::Vanished) => self.seen_done(db, &chosen).await?,
                (ArtifactState::Success, _) => self.came_back(db, &chosen).await?,
                _ => match verdict(&chosen) {
                    Ok(()) => self.carried_out(db, &chosen).await?,
                    Err(why) => self.not_as_decided(db, &chosen, &why).await?,
                },
            }
        }
        Ok(())
    }

    /// The product carried a decision out and read it back, and this check no longer sees the change: it is over.
    async fn seen_done(&mut self, db: &mut PgConnection, chosen: &Chosen) -> Result<(), StoreError> {
        let (organization, environment) = (self.seen.environment.organization_id, self.seen.environment.id);
        artifacts::seen_by(db, organization, chosen.change, chosen.decision, self.seen.check).await?;
        decisions::end_by(db, organization, environment, chosen.change, chosen.decision).await?;
        let data = json!({ "decision": chosen.kind, "workflow": chosen.workflow, "commit": self.seen.found.commit });
        self.tell(db, "incident.carried_out", Some(chosen.change), data).await
    }

    /// The product carried a decision out, and a check that began afterwards sees the same difference: somebody did it again.
    async fn came_back(&mut self, db: &mut PgConnection, chosen: &Chosen) -> Result<(), StoreError> {
        let (organization, environment) = (self.seen.environment.organization_id, self.seen.environment.id);
        decisions::choose(db, organization, environment, chosen.change, None).await?;
        let data = json!({ "decision": chosen.kind, "workflow": chosen.workflow });
        self.tell(db, "incident.came_back", Some(chosen.change), data).await
    }

    async fn carried_out(&mut self, db: &mut PgConnection, chosen: &Chosen) -> Result<(), StoreError> {
        let (organization, environment) = (self.seen.environment.organization_id, self.seen.environment.id);
        let outcome = Outcome::Verified(self.seen.check);
        artifacts::end(db, organization, chosen.change, outcome, self.seen.now).await?;
        decisions::end_by(db, organization, environment, chosen.change, chosen.decision).await?;
        let data = json!({ "decision": chosen.kind, "workflow": chosen.workflow, "commit": self.seen.found.commit });
        self.tell(db, "incident.carried_out", Some(chosen.change), data).await
    }

    async fn not_as_decided(&mut self, db: &mut PgConnection, chosen: &Chosen, why: &str) -> Result<(), StoreError> {
        let (organization, environment) = (self.seen.environment.organization_id, self.seen.environment.id);
        artifacts::end(db, organization, chosen.change, Outcome::Failed(why), self.seen.now).await?;
        if chosen.state.is_open() {
            decisions::choose(db, organization, environment, chosen.change, None).await?;
        }
        let data = json!({ "decision": chosen.kind, "workflow": chosen.workflow, "why": why });
        self.tell(db, "incident.not_as_decided", Some(chosen.change), data).await
    }

    /// Changes that this check no longer saw and that nobody had decided wait for a person.
    async fn tell_vanished(&mut self, db: &mut PgConnection) -> Result<(), StoreError> {
        let organization = self.seen.environment.organization_id;
        for (change, workflow, cause) in standings::vanished_at(db, organization, self.id, self.seen.now).await? {
            let data = json!({ "workflow": workflow, "cause": cause });
            self.tell(db, "incident.change_vanished", Some(change), data).await?;
        }
        Ok(())
    }
}

/// Whether what became of a change is what was decided.
fn verdict(chosen: &Chosen) -> Result<(), String> {
    match (chosen.state, chosen.cause) {
        (ChangeState::Superseded, _) => Err("Changed since it was decided: the workflow drifted further.".to_owned()),
        (_, Some(VanishedCause::Repointed)) => {
            Err("Not as decided: the environment was made to point elsewhere, so nothing is known of it.".to_owned())
        }
        (ChangeState::Vanished, Some(cause)) if cause.accepts(chosen.kind) => Ok(()),
        (_, Some(cause)) => Err(format!("Not as decided: {}", words(cause))),
        (state, None) => Err(format!("Not as decided: the change is {}.", state.as_str().to_lowercase())),
    }
}

/// What became of a change, as the end of a sentence.
pub(super) const fn words(cause: VanishedCause) -> &'static str {
    match cause {
        VanishedCause::GitCaughtUp => "Git now holds what was live.",
        VanishedCause::LiveWentBack => "live went back to what Git declares.",
        VanishedCause::Overwritten => "both sides now agree on something else.",
        VanishedCause::Gone => "the workflow is gone from both sides.",
        VanishedCause::Repointed => "the environment was made to point elsewhere.",
    }
}
