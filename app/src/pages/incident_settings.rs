//! `/settings/incident-settings`: which environments open an incident by themselves, and how the organization's tickets look.

use axum::response::Response;
use drift_domain::environment::EnvironmentClass;
use drift_domain::incident::TimePercent;
use drift_domain::plan::{Capability, Grant, PlanTier};
use drift_services::accounts::Notice;
use drift_services::incidents::IncidentSettings;
use leptos::prelude::*;

use crate::components::crumbs::crumbs;
use crate::components::form::{Field, field_error};
use crate::components::icon::Icon;
use crate::components::note::note;
use crate::ssr::visit::{Member, Page};
use crate::words;

/// Where this page is.
pub(crate) const ADDRESS: &str = "/settings/incident-settings";

/// `GET /settings/incident-settings`
pub(crate) async fn get(member: Member) -> Response {
    let page = async {
        let mut settings = member.services().incident_settings(&member.permit()?).await?;
        let notice = member.take_notice().await?;
        let draft = notice.as_ref().and_then(|notice| notice.draft.clone());
        if let Some(typed) = draft.and_then(|draft| serde_json::from_value::<IncidentSettings>(draft).ok()) {
            settings = typed;
        }
        let errors = Errors::of(notice.as_ref());
        let plan = member.caller.plan.tier();
        let by_itself = member.caller.plan.grant(Capability::ManageIncidents) == Grant::Full;
        let shown = notice.filter(|notice| notice.field.is_none());
        Ok(Page::new("Incident settings", move || view(&settings, plan, by_itself, errors)).notice(shown.as_ref()))
    }
    .await;
    member.answer(page).await
}

/// What is wrong with what somebody typed, if something was.
#[derive(Default)]
pub(crate) struct Errors {
    tickets: Option<String>,
    time: Option<String>,
}

impl Errors {
    fn of(notice: Option<&Notice>) -> Self {
        let Some(notice) = notice.filter(|notice| notice.field.is_some()) else { return Self::default() };
        let text = Some(notice.text.clone());
        match notice.field.as_deref() {
            Some("time_percent") => Self { time: text, tickets: None },
            _ => Self { tickets: text, time: None },
        }
    }
}

/// Draws the form. `by_itself` is whether the plan opens an incident on production where nobody chose.
pub(crate) fn view(set: &IncidentSettings, plan: PlanTier, by_itself: bool, errors: Errors) -> AnyView {
    let version = set.version.map(|seen| view! { <input type="hidden" name="version" value=seen.to_string() /> });
    view! {
        {crumbs(vec![("/".to_owned(), "Environments".to_owned())], "Incident settings".to_owned())}
        <div class="page-head"><h1>"Incident settings"</h1></div>
        <form class="form max-w-3xl" method="post" action=ADDRESS>
            {version} {automatic(set, plan, by_itself)} {times(set, errors.time)}
            {(plan == PlanTier::Enterprise).then(|| blocking(set))} {tickets(set, errors.tickets)}
            <div><button class="btn btn-primary" type="submit">"Save"</button></div>
        </form>
    }
    .into_any()
}

fn automatic(set: &IncidentSettings, plan: PlanTier, by_itself: bool) -> impl IntoView + use<> {
    let standard = if by_itself {
        format!("As the {} plan does: production environments.", plan.label())
    } else {
        format!("As the {} plan does: none, people open them.", plan.label())
    };
    let chosen = set.automatic.clone();
    let classes = EnvironmentClass::ALL
        .iter()
        .map(|class| {
            let on = chosen.as_ref().is_some_and(|chosen| chosen.contains(class));
            view! {
                <label class="choice">
                    <input type="checkbox" name=class.as_str() value="on" checked=on /> {words::class(*class)}
                </label>
            }
        })
        .collect_view();
    let (by_plan, by_choice) = (set.automatic.is_none(), set.automatic.is_some());
    view! {
        <section class="card" aria-labelledby="automatic">
            <div class="card-head"><h2 id="automatic">"Opened by itself"</h2></div>
            <fieldset class="card-body form">
                <legend class="sr-only">"Which environments open an incident by themselves when something new differs"</legend>
                <p class="text-ink-2">
                    "When something new differs, an environment can open its incident by itself. Its badge says that something differs either way."
                </p>
                <label class="choice"><input type="radio" name="automatic" value="plan" checked=by_plan /> {standard}</label>
                <label class="choice"><input type="radio" name="automatic" value="chosen" checked=by_choice /> "Environments of these classes, as far as the plan has incidents:"</label>
                <div class="flex flex-wrap gap-2">{classes}</div>
                {note("tone-info", Icon::Info, "Without a class chosen, no environment opens one by itself.")}
            </fieldset>
        </section>
    }
}

/// How much of a severity's time incidents have, by class.
fn times(set: &IncidentSettings, error: Option<String>) -> impl IntoView + use<> {
    let fields = EnvironmentClass::ALL
        .iter()
        .map(|class| {
            let name = match class {
                EnvironmentClass::Development => "time_percent_development",
                EnvironmentClass::Staging => "time_percent_staging",
                EnvironmentClass::Production => "time_percent_production",
            };
            Field {
                name,
                label: words::class(*class),
                kind: "number",
                value: set.time_percent.of(*class).to_string(),
                ..Field::default()
            }
            .view()
        })
        .collect_view();
    let hint = format!(
        "Percent of the time that the severity gives, from {} to {}. It counts for incidents that are acknowledged from then on, on \
         plans with deadlines.",
        TimePercent::LEAST,
        TimePercent::MOST
    );
    view! {
        <section class="card" aria-labelledby="times">
            <div class="card-head"><h2 id="times">"Time until an incident expires"</h2></div>
            <div class="card-body form">
                <p class="text-ink-2">{hint}</p>
                <div class="grid sm:grid-cols-3 gap-3">{fields}</div>
                {field_error("time_percent", error)}
            </div>
        </section>
    }
}

/// Whether an expired incident blocks standard deployments, where the plan leaves that to the organization.
fn blocking(set: &IncidentSettings) -> impl IntoView + use<> {
    let off = set.deployments_unblocked;
    view! {
        <section class="card" aria-labelledby="blocking">
            <div class="card-head"><h2 id="blocking">"Deployments"</h2></div>
            <div class="card-body form">
                <p class="text-ink-2">"An expired incident blocks standard deployments into its environment. Recoveries and emergencies are never blocked."</p>
                <label class="choice">
                    <input type="checkbox" name="deployments_unblocked" value="on" checked=off /> "Expired incidents block no deployments"
                </label>
            </div>
        </section>
    }
}

fn tickets(set: &IncidentSettings, error: Option<String>) -> impl IntoView + use<> {
    let pattern = Field {
        name: "ticket_pattern",
        label: "How a ticket's key looks",
        kind: "text",
        value: set.ticket_pattern.clone(),
        placeholder: "OPS-{n}",
        hint: Some("With {n} for its number. Empty for none: then tickets are web addresses.".to_owned()),
        error,
        mono: true,
        ..Field::default()
    };
    let address = Field {
        name: "ticket_address",
        label: "Where such a key leads",
        // Not `url`: a browser would refuse the place for the number.
        kind: "text",
        value: set.ticket_address.clone(),
        placeholder: "https://tracker.example.com/browse/OPS-{n}",
        mono: true,
        ..Field::default()
    };
    view! {
        <section class="card" aria-labelledby="tickets">
            <div class="card-head"><h2 id="tickets">"Tickets"</h2></div>
            <div class="card-body form">{pattern.view()} {address.view()}</div>
        </section>
    }
}
