//! The way from drift to its incident: the one that is open, or the form that opens one.

use chrono::{DateTime, Utc};
use drift_domain::ids::EnvironmentId;
use drift_domain::views::{IncidentRow, Workspace};
use drift_services::gate::cap;
use drift_services::{ServiceError, ServiceResult};
use leptos::prelude::*;

use crate::components::form::field_error;
use crate::components::icon::{Icon, icon};
use crate::components::{marks, time};
use crate::pages::incidents::Kept;
use crate::ssr::visit::Member;
use crate::words;

/// What the workspace of an environment knows about its incident.
#[derive(Clone, Debug)]
pub(crate) enum Way {
    /// The plan has no incidents.
    None,
    /// One is open.
    Open(Box<IncidentRow>),
    /// None is open; the caller may open one, or why not.
    Closed(Result<(), String>),
}

/// Finds out whether an incident is open, and whether this person may open one.
pub(super) async fn way(member: &Member, environment: EnvironmentId) -> ServiceResult<Way> {
    if let Some(incident) = member.services().open_incident(&member.permit()?, environment).await? {
        return Ok(Way::Open(Box::new(incident)));
    }
    match member.permit::<cap::ManageIncidents>() {
        Err(ServiceError::PlanRequired { .. }) => Ok(Way::None),
        may => Ok(Way::Closed(may.map(drop).map_err(|why| why.to_string()))),
    }
}

/// The card on top of the workspace.
pub(super) fn card(way: &Way, workspace: &Workspace, kept: &Kept, now: DateTime<Utc>) -> Option<AnyView> {
    match way {
        Way::None => None,
        Way::Open(incident) => Some(open(incident, now).into_any()),
        Way::Closed(_) if workspace.open_changes == 0 => None,
        Way::Closed(may) => Some(create(workspace.environment.row.id, may, kept).into_any()),
    }
}

fn open(incident: &IncidentRow, now: DateTime<Utc>) -> impl IntoView + use<> {
    let href = format!("/incidents/{}", incident.id);
    let owner = incident.owner.as_ref().map_or_else(|| "nobody yet".to_owned(), |owner| owner.name.clone());
    let number = words::incident(incident.number);
    view! {
        <section class="card section inc-way" aria-labelledby="incident-heading" id="incident" data-incident=number.clone()>
            <div class="card-body flex flex-wrap items-center justify-between gap-3">
                <div class="min-w-0">
                    <h2 id="incident-heading" class="flex flex-wrap items-center gap-2">
                        {format!("{number} is open")}
                        {marks::chip(words::incident_status(incident.status), Some(words::incident_status_explained(incident.status)))}
                    </h2>
                    <p class="text-ink-2 mt-0.5">"Detected " {time::ago(incident.detected_at, now)} {format!(", owner: {owner}. It is dealt with there.")}</p>
                </div>
                <a class="btn btn-primary" href=href>{format!("Open {number}")} {icon(Icon::Arrow)}</a>
            </div>
        </section>
    }
}

fn create(environment: EnvironmentId, may: &Result<(), String>, kept: &Kept) -> impl IntoView + use<> {
    const FORM: &str = "create";
    let form = match may {
        Err(why) => view! { <p class="mt-2 text-ink-2">{why.clone()}</p> }.into_any(),
        Ok(()) => {
            let error = kept.error(FORM, "reason");
            view! {
                <form method="post" action=format!("/environments/{environment}/drift/incident") class="mt-3 flex flex-wrap items-end gap-2">
                    <div class="field grow min-w-56">
                        <label for="create-reason">"Reason (optional)"</label>
                        <input class="input" id="create-reason" name="reason" autocomplete="off" value=kept.text(FORM, "reason") placeholder="What is known so far" />
                        {field_error("create", error)}
                    </div>
                    <button class="btn btn-primary" type="submit">{icon(Icon::Flame)} "Create drift incident"</button>
                </form>
            }
            .into_any()
        }
    };
    view! {
        <section class="card section" aria-labelledby="incident-heading" id="incident">
            <div class="card-body">
                <h2 id="incident-heading">"No incident is open for this drift"</h2>
                <p class="text-ink-2 mt-0.5 max-w-prose">
                    "An incident gives it an owner, a path for every change, and a receipt when it is over. New drift of this environment joins it."
                </p>
                {form}
            </div>
        </section>
    }
}
