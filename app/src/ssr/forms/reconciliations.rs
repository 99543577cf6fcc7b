//! The forms of reconciliations: what would be written, carrying it out, cancelling it, trying it again, putting something back.

use std::collections::HashMap;

use axum::extract::Path;
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Form, Router};
use drift_domain::failure::Side;
use drift_domain::ids::{ChangeId, ReconciliationId};
use drift_domain::reconciliation::Target;
use drift_domain::views::{MergeSide, ReconciliationPage};
use drift_services::gate::cap;
use drift_services::reconcile::{NewDeployment, Picks};
use drift_services::{ServiceError, ServiceResult};
use serde::Deserialize;

use super::{change_id, environment_id, incident_id, incidents};
use crate::pages::drift::{deployments, github_gate};
use crate::pages::incidents::Kept;
use crate::pages::incidents::reconciliation::{self, PICKS, address, found, read_pick};
use crate::ssr::visit::{Member, Screens};

/// What a plan is answered with.
const LOOK: &str = "This is what would be written. Nothing is written yet.";

/// Where reconciliations stand: below their incident, or below their environment.
const PLACES: [&str; 2] =
    ["/incidents/{id}/reconciliations/{reconciliation}", "/environments/{id}/drift/reconciliations/{reconciliation}"];

/// The addresses of reconciliations: their page and their forms.
pub(in crate::ssr) fn routes() -> Router<Screens> {
    let plans = Router::new()
        .route("/incidents/{id}/reconciliations", post(plan))
        .route("/incidents/{id}/changes/{change}/restore", post(restore_in_incident))
        .route("/environments/{id}/drift/deployments", get(deployments::get).post(deploy))
        .route("/environments/{id}/drift/github-gate", post(set_github_gate))
        .route("/environments/{id}/drift/changes/{change}/restore", post(restore_in_environment));
    PLACES.into_iter().fold(plans, |router, place| {
        router
            .route(place, get(reconciliation::get))
            .route(&format!("{place}/carry-out"), post(|member, at, seen| act(member, at, seen, Act::CarryOut)))
            .route(&format!("{place}/cancel"), post(|member, at, seen| act(member, at, seen, Act::Cancel)))
            .route(&format!("{place}/retry"), post(|member, at, seen| act(member, at, seen, Act::Retry)))
    })
}

/// The fields of a plan's form, which has one field for each pick, and names of changes as often as there are any.
type Fields = Vec<(String, String)>;

/// Works out what carrying chosen paths out would write, and leads to it.
async fn plan(member: Member, Path(id): Path<String>, Form(fields): Form<Fields>) -> Response {
    let planned = async {
        let id = incident_id(&id)?;
        let permit = member.services().incident_permit(&member.caller, id).await?;
        let version = fields.iter().find(|(name, _)| name == "version").map_or("", |(_, value)| value);
        let (wanted, picks) = (wanted(&fields)?, picks(&fields)?);
        member.services().plan_reconciliation(&permit, id, incidents::seen(version)?, wanted, picks).await
    }
    .await;
    let picked = fields.iter().filter(|(name, _)| read_pick(name).is_some());
    let kept = Kept::new(PICKS, picked.map(|(name, side)| (name.as_str(), side.as_str())));
    let back = match incident_id(&id) {
        Ok(id) => incidents::workspace(&member, id),
        Err(error) => return member.problem(error).await,
    };
    lead_to(&member, planned, &back, kept.draft()).await
}

/// The changes that a form names; `None` where it names none, for all.
fn wanted(fields: &Fields) -> ServiceResult<Option<Vec<ChangeId>>> {
    let named = fields.iter().filter(|(name, _)| name == "change");
    let named = named.map(|(_, id)| change_id(id)).collect::<ServiceResult<Vec<_>>>()?;
    Ok((!named.is_empty()).then_some(named))
}

/// What was picked, by change and place.
fn picks(fields: &Fields) -> ServiceResult<HashMap<ChangeId, Picks>> {
    let mut picks: HashMap<ChangeId, Picks> = HashMap::new();
    for (name, side) in fields {
        let Some((change, key)) = read_pick(name) else { continue };
        let side = side.parse::<MergeSide>();
        let side = side.map_err(|_| ServiceError::invalid("picks", "Pick one of the sides that are offered."))?;
        picks.entry(change).or_default().insert(key.to_owned(), side);
    }
    Ok(picks)
}

/// Works out what a deployment would write, and leads to it.
async fn deploy(member: Member, Path(id): Path<String>, Form(fields): Form<Fields>) -> Response {
    let field = |name: &str| fields.iter().find(|(named, _)| named == name).map_or("", |(_, value)| value.as_str());
    let planned = async {
        let id = environment_id(&id)?;
        let permit = member.services().environment_permit(&member.caller, id).await?;
        let kind = field("kind").parse();
        let kind = kind.map_err(|_| ServiceError::invalid("kind", "Choose one of the kinds."))?;
        let changes = wanted(&fields)?;
        let new = NewDeployment { kind, reason: field("reason").to_owned(), changes, commit: None };
        member.services().plan_deployment(&permit, id, new).await
    }
    .await;
    let kept = Kept::new(deployments::FORM, [("kind", field("kind")), ("reason", field("reason"))]);
    lead_to(&member, planned, &format!("/environments/{id}/drift/deployments"), kept.draft()).await
}

#[derive(Deserialize)]
struct GateFields {
    #[serde(default)]
    github_environment: String,
    #[serde(default)]
    version: String,
}

/// Says which GitHub environment's deployments go to this one.
async fn set_github_gate(member: Member, Path(id): Path<String>, Form(fields): Form<GateFields>) -> Response {
    let set = async {
        let id = environment_id(&id)?;
        let permit = member.services().environment_permit::<cap::Configure>(&member.caller, id).await?;
        let seen = incidents::seen(&fields.version)?;
        member.services().set_github_gate(&permit, id, &fields.github_environment, seen).await
    }
    .await;
    let said = match fields.github_environment.trim() {
        "" => "Nobody is answered at GitHub any more.",
        _ => "From now on GitHub is answered.",
    };
    let kept = Kept::new(github_gate::FORM, [("github_environment", fields.github_environment.as_str())]);
    member.after(set.map(drop), said, &format!("/environments/{id}/drift/deployments"), kept.draft()).await
}

#[derive(Deserialize)]
struct RestoreFields {
    #[serde(default)]
    side: String,
    #[serde(default)]
    target: String,
}

impl RestoreFields {
    fn read(&self) -> ServiceResult<(Side, Target)> {
        let side = self.side.parse().map_err(|_| ServiceError::invalid("side", "Say which side is put back."))?;
        let target = self.target.parse().map_err(|_| ServiceError::invalid("target", "Say where it is put."))?;
        Ok((side, target))
    }
}

/// Works out what putting one side of a change of an incident back would write, and leads to it.
async fn restore_in_incident(
    member: Member,
    Path((id, change)): Path<(String, String)>,
    Form(fields): Form<RestoreFields>,
) -> Response {
    let planned = async {
        let (incident, change) = (incident_id(&id)?, change_id(&change)?);
        let looks = member.services().incident_permit(&member.caller, incident).await?;
        member.services().incident_change(&looks, incident, change).await?;
        restore(&member, change, &fields).await
    }
    .await;
    lead_to(&member, planned, &format!("/incidents/{id}/changes/{change}"), None).await
}

/// The same for a change in the workspace of an environment.
async fn restore_in_environment(
    member: Member,
    Path((id, change)): Path<(String, String)>,
    Form(fields): Form<RestoreFields>,
) -> Response {
    let planned = async {
        let (environment, change) = (environment_id(&id)?, change_id(&change)?);
        let looks = member.services().environment_permit::<cap::Summary>(&member.caller, environment).await?;
        member.services().change(&looks, environment, change).await?;
        restore(&member, change, &fields).await
    }
    .await;
    lead_to(&member, planned, &format!("/environments/{id}/drift/changes/{change}"), None).await
}

async fn restore(member: &Member, change: ChangeId, fields: &RestoreFields) -> ServiceResult<ReconciliationId> {
    let permit = member.services().change_permit(&member.caller, change).await?;
    let (side, target) = fields.read()?;
    member.services().plan_restore(&permit, change, side, target).await
}

/// On to the plan's page; or back, with why there is none.
async fn lead_to(
    member: &Member,
    planned: ServiceResult<ReconciliationId>,
    back: &str,
    draft: Option<serde_json::Value>,
) -> Response {
    let page = async {
        let id = planned?;
        let permit = member.services().reconciliation_permit(&member.caller, id).await?;
        member.services().reconciliation(&permit, id).await
    }
    .await;
    match page {
        Ok(page) => member.after(Ok(()), LOOK, &address(&page), None).await,
        Err(error) => member.after(Err(error), "", back, draft).await,
    }
}

#[derive(Deserialize)]
struct SeenFields {
    #[serde(default)]
    version: String,
}

impl SeenFields {
    /// The version that was seen. Only what is part of an incident has one.
    fn of(&self, page: &ReconciliationPage) -> ServiceResult<Option<i64>> {
        page.incident_id.map(|_| incidents::seen(&self.version)).transpose()
    }
}

/// What is done about a reconciliation.
#[derive(Clone, Copy, Debug)]
enum Act {
    CarryOut,
    Cancel,
    Retry,
}

impl Act {
    /// What is answered when it went well.
    const fn said(self) -> &'static str {
        match self {
            Self::CarryOut => "It is being carried out. This page shows how far it is.",
            Self::Cancel => "Taken back. What was decided stays decided.",
            Self::Retry => "It goes on where it was.",
        }
    }
}

async fn act(
    member: Member,
    Path((parent, id)): Path<(String, String)>,
    Form(fields): Form<SeenFields>,
    act: Act,
) -> Response {
    let page = match found(&member, &parent, &id).await {
        Ok(page) => page,
        Err(error) => return member.problem(error).await,
    };
    let done = async {
        let (services, id, seen) = (member.services(), page.row.id, fields.of(&page)?);
        let permit = services.reconciliation_permit(&member.caller, id).await?;
        match act {
            Act::CarryOut => services.carry_out(&permit, id, seen).await,
            Act::Cancel => services.cancel_reconciliation(&permit, id, seen).await,
            Act::Retry => services.try_again(&permit, id, seen).await,
        }
    }
    .await;
    member.after(done, act.said(), &address(&page), None).await
}
