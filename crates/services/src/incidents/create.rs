//! Opening an incident: by a person, or by the organization's policy when new drift is seen.

use chrono::{DateTime, Utc};
use drift_domain::ids::{EnvironmentId, IncidentId, OrganizationId, UserId};
use drift_domain::plan::{Capability, Grant, Limit, Plan, PlanTier};
use drift_domain::severity::Severity;
use drift_store::events::NewEvent;
use drift_store::incidents::{NewIncident, Which};
use drift_store::standings::Joined;
use drift_store::{PgConnection, StoreError, environments, events, incident_settings, incidents, standings};
use serde_json::{Value, json};

use crate::Services;
use crate::drift::read_reason;
use crate::error::{ServiceError, ServiceResult};
use crate::gate::{Caller, Permit, cap};

/// What came of asking for an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Created {
    /// The incident.
    pub id: IncidentId,
    /// Whether the environment had it already: at most one is open (standing rule 3), and whoever comes later gets that.
    pub existed: bool,
}

/// Workflows that a sentence names at most.
pub(super) const NAMED: usize = 5;
/// Earlier incidents that are named.
pub(super) const ANCESTORS: i64 = 20;

impl Services {
    /// Opens an incident over the open changes of an environment, or answers the one that is open already.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] for an environment that is not the caller's; [`ServiceError::Conflict`] without drift;
    /// [`ServiceError::PlanLimit`] when as many environments have an open incident as the plan allows.
    pub async fn create_incident(
        &self,
        permit: &Permit<cap::ManageIncidents>,
        environment: EnvironmentId,
        reason: Option<String>,
    ) -> ServiceResult<Created> {
        let (organization, caller) = (permit.organization(), permit.caller());
        let reason = reason.as_deref().map(str::trim).filter(|text| !text.is_empty()).map(read_reason).transpose()?;
        let mut tx = self.tenant(organization).await?;
        environments::lock(&mut tx, organization, environment).await?.ok_or(ServiceError::NotFound("environment"))?;
        if let Some(open) = incidents::open_of(&mut tx, organization, environment).await? {
            return Ok(Created { id: open.id(), existed: true });
        }
        // A new incident is opened under the plan of today, not under one that another incident keeps.
        caller.permit::<cap::ManageIncidents>()?;
        let changes = standings::unattached(&mut tx, organization, environment).await?;
        if changes.is_empty() {
            let message = "Nothing differs in this environment, so there is nothing to open an incident about.";
            return Err(ServiceError::Conflict(message.to_owned()));
        }
        let (open, number) = incidents::next(&mut tx, organization).await?;
        within_limit(&mut tx, organization, &caller.plan, open).await?;
        let opening = Opening {
            organization,
            environment,
            plan: &caller.plan,
            number,
            by: Some(caller.user_id),
            note: reason,
            now: self.clock.now(),
        };
        let id = open_incident(&mut tx, &opening, &changes).await?;
        environments::recount(&mut tx, organization, environment).await?;
        self.announce(&mut tx, organization, environment, "incident.created").await?;
        tx.commit().await.map_err(StoreError::from)?;
        Ok(Created { id, existed: false })
    }
}

impl Services {
    /// Opens an incident for an emergency deployment over what differs in an environment whose row the caller holds; `None`
    /// where nothing does.
    ///
    /// # Errors
    /// [`ServiceError::PlanLimit`] when as many environments have an open incident as the plan allows.
    pub(crate) async fn open_for_emergency(
        &self,
        tx: &mut PgConnection,
        caller: &Caller,
        environment: EnvironmentId,
        reason: &str,
    ) -> ServiceResult<Option<IncidentId>> {
        let organization = caller.organization_id;
        caller.permit::<cap::ManageIncidents>()?;
        let changes = standings::unattached(tx, organization, environment).await?;
        if changes.is_empty() {
            return Ok(None);
        }
        let (open, number) = incidents::next(tx, organization).await?;
        within_limit(tx, organization, &caller.plan, open).await?;
        let (by, note, now) = (Some(caller.user_id), Some(reason), self.clock.now());
        let opening = Opening { organization, environment, plan: &caller.plan, number, by, note, now };
        let id = open_incident(tx, &opening, &changes).await?;
        self.announce(tx, organization, environment, "incident.created").await?;
        Ok(Some(id))
    }
}

/// Refuses one incident more than the plan has.
async fn within_limit(
    db: &mut PgConnection,
    organization: OrganizationId,
    plan: &Plan,
    open: u32,
) -> ServiceResult<()> {
    let Some(limit) = plan.limit(Limit::OpenIncidents).filter(|limit| open >= *limit) else { return Ok(()) };
    let which = Which { open: true, ..Which::default() };
    let named = incidents::list(db, organization, which, 3).await?;
    let named: Vec<String> = named.iter().map(|i| format!("INC-{} of “{}”", i.number, i.environment)).collect();
    let tier = plan.tier().label();
    let message = format!(
        "The {tier} plan has {limit} environment{} with an open incident at once, and {} open. Close it first",
        if limit == 1 { "" } else { "s" },
        if named.is_empty() { "none may be".to_owned() } else { format!("{} is", named.join(", ")) },
    );
    // Where the tier itself allows no more, a higher one does; else an administrator set the limit.
    let bounds = Limit::OpenIncidents.bounds(plan.tier());
    let higher = PlanTier::ALL.iter().copied().find(|tier| {
        *tier > plan.tier() && Limit::OpenIncidents.bounds(*tier).standard.is_none_or(|more| more > limit)
    });
    Err(match higher.filter(|_| bounds.most == Some(limit)) {
        Some(needs) => ServiceError::PlanLimit {
            capability: Capability::ManageIncidents,
            needs,
            message: format!("{message}, or move to the {} plan.", needs.label()),
        },
        None => ServiceError::policy(
            Limit::OpenIncidents.as_str(),
            format!("{message}, or ask an administrator to raise the limit in the plan settings."),
        ),
    })
}

/// What opening an incident takes besides its changes.
pub(super) struct Opening<'a> {
    pub organization: OrganizationId,
    pub environment: EnvironmentId,
    pub plan: &'a Plan,
    pub number: i64,
    /// `None` for the policy.
    pub by: Option<UserId>,
    pub note: Option<&'a str>,
    pub now: DateTime<Utc>,
}

/// Opens an incident over these changes: the row, its changes, and what the timeline says.
pub(super) async fn open_incident(
    db: &mut PgConnection,
    opening: &Opening<'_>,
    changes: &[Joined],
) -> Result<IncidentId, StoreError> {
    let Opening { organization, environment, plan, number, by, note, now } = *opening;
    let id = IncidentId(uuid::Uuid::now_v7());
    let severity = Severity::of_changes(changes.iter().map(|change| change.severity));
    let new = NewIncident { id, number, environment, plan, severity, created_by: by };
    incidents::insert(db, organization, &new, now).await?;
    standings::attach(db, organization, id, changes).await?;
    let event = |kind, data| NewEvent {
        organization_id: organization,
        environment_id: Some(environment),
        change_id: None,
        kind,
        actor: by,
        data,
    };
    let data = json!({
        "number": number, "severity": severity, "plan": plan.tier(), "note": note,
        "changes": changes.len(), "workflows": names(changes),
    });
    events::append_to_incident(db, id, 1, &event("incident.created", data), now).await?;
    if let Some(record) = incidents::get(db, organization, id).await? {
        let ancestors = incidents::ancestors(db, organization, &record, ANCESTORS).await?;
        if !ancestors.is_empty() {
            let numbers: Vec<i64> = ancestors.iter().map(|ancestor| ancestor.number).collect();
            let event = NewEvent { actor: None, ..event("incident.recurs", json!({ "numbers": numbers })) };
            events::append_to_incident(db, id, 1, &event, now).await?;
        }
    }
    Ok(id)
}

/// Whether the policy opens incidents by itself for such an environment.
pub(super) fn is_automatic(
    plan: &Plan,
    settings: &incident_settings::Settings,
    class: drift_domain::environment::EnvironmentClass,
) -> bool {
    if plan.grant(Capability::ManageIncidents) == Grant::None {
        return false;
    }
    match &settings.automatic {
        Some(classes) => classes.contains(&class),
        // Product, Incidents: automatic for production where the plan has the whole of incident management.
        None => {
            class == drift_domain::environment::EnvironmentClass::Production
                && plan.grant(Capability::ManageIncidents) == Grant::Full
        }
    }
}

/// The names of the first workflows, for a sentence.
pub(super) fn names(changes: &[Joined]) -> Value {
    changes.iter().take(NAMED).map(|change| change.workflow.clone()).collect::<Vec<_>>().into()
}
