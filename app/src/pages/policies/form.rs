//! The form of a policy: a line for each thing that it speaks of, or a text.

use drift_domain::policy::{ApprovalRules, PolicyRules};
use drift_domain::role::Role;
use leptos::prelude::*;

use super::ADDRESS;
use super::editor::Drawn;
use crate::components::form::{Field, field_error, options};
use crate::components::icon::{Icon, icon};
use crate::words;

/// The whole form.
pub(super) fn form(drawn: &Drawn) -> impl IntoView + use<> {
    let fields = &drawn.fields;
    let (action, save) = if fields.id.is_empty() {
        (ADDRESS.to_owned(), "Save the policy")
    } else {
        (format!("{ADDRESS}/{}", fields.id), "Save as a new version")
    };
    let name = Field {
        name: "name",
        label: "Name",
        kind: "text",
        value: fields.name.clone(),
        error: drawn.error("name"),
        required: true,
        ..Field::default()
    };
    let body = if fields.is_text() { text(drawn).into_any() } else { rules(drawn).into_any() };
    let days = Field {
        name: "days",
        label: "Days to look back",
        kind: "number",
        value: if fields.days.is_empty() { "30".to_owned() } else { fields.days.clone() },
        error: drawn.error("days"),
        ..Field::default()
    };
    view! {
        <form class="form max-w-3xl" method="post" action=action id="policy-form">
            <input type="hidden" name="id" value=fields.id.clone() />
            <input type="hidden" name="version" value=fields.version.clone() />
            <input type="hidden" name="kind" value=fields.kind.clone() />
            {name.view()}
            {field_error("rules", drawn.error("rules"))}
            {body}
            <div class="flex flex-wrap items-end gap-3">
                <button class="btn btn-primary" type="submit">{save}</button>
                <div class="w-40">{days.view()}</div>
                <button class="btn" type="submit" formaction=format!("{ADDRESS}/trial") formnovalidate=true>
                    {icon(Icon::Eye)} "Try it on the past"
                </button>
            </div>
            <p class="hint">"Trying it keeps and changes nothing: it asks the draft about what was done, as things were then."</p>
        </form>
    }
}

fn text(drawn: &Drawn) -> impl IntoView + use<> {
    let area = Field {
        name: "text",
        label: "Rules",
        value: drawn.fields.text.clone(),
        hint: Some("Each rule forbids, and says in @title what it forbids and in @instead what to do. With @approvals(\"1\") it stands back once so many others have approved.".to_owned()),
        error: drawn.error("text"),
        required: true,
        mono: true,
        area: true,
        ..Field::default()
    };
    view! {
        <div class="policy-text">{area.view()}</div>
        <details class="inc-edit">
            <summary>{icon(Icon::Code)} "What a rule can speak of"</summary>
            <pre class="policy-schema" tabindex="0" aria-label="The schema of policies">{drift_services::policies::SCHEMA}</pre>
        </details>
    }
}

fn rules(drawn: &Drawn) -> impl IntoView + use<> {
    let f = &drawn.fields;
    let who = |name, label, value: &str| role(name, label, value, drawn.error(name), Role::Operator);
    let many = |name, label, value: &str, most| number(name, label, value, drawn.error(name), most);
    view! {
        <fieldset class="card card-body form">
            <legend class="policy-legend">"Acknowledging"</legend>
            <div class="grid sm:grid-cols-2 gap-3">
                {who("acknowledge", "LOW and MEDIUM, at least", &f.acknowledge)}
                {who("acknowledge_severe", "HIGH and CRITICAL, at least", &f.acknowledge_severe)}
            </div>
        </fieldset>
        <fieldset class="card card-body form">
            <legend class="policy-legend">"Giving more time"</legend>
            <div class="grid sm:grid-cols-2 gap-3">
                {who("extend", "In time, at least", &f.extend)}
                {who("extend_expired", "After the deadline, at least", &f.extend_expired)}
                {many("extension_hours", "Hours at most", &f.extension_hours, PolicyRules::MOST_HOURS)}
                {many("extensions", "Times at most", &f.extensions, PolicyRules::MOST_EXTENSIONS)}
            </div>
        </fieldset>
        <fieldset class="card card-body form">
            <legend class="policy-legend">"Overriding"</legend>
            <div class="grid sm:grid-cols-2 gap-3">
                {who("override", "At least", &f.r#override)}
                {many("override_days", "Days at most; 0 for none", &f.override_days, PolicyRules::MOST_DAYS)}
            </div>
        </fieldset>
        <fieldset class="card card-body form">
            <legend class="policy-legend">"Deciding, deploying, closing"</legend>
            <div class="grid sm:grid-cols-2 gap-3">
                {who("decide", "Choosing a path, LOW and MEDIUM, at least", &f.decide)}
                {who("decide_severe", "Choosing a path, HIGH and CRITICAL, at least", &f.decide_severe)}
                {who("deploy_emergency", "Emergency deployments, at least", &f.deploy_emergency)}
                {who("close", "Closing, at least", &f.close)}
            </div>
        </fieldset>
        {approvals(drawn)}
    }
}

fn approvals(drawn: &Drawn) -> impl IntoView + use<> {
    let f = &drawn.fields;
    let many = |name, label, value: &str| number(name, label, value, None, ApprovalRules::MOST);
    let approvers = role("approvers", "Who approves, at least", &f.approvers, drawn.error("approvers"), Role::Operator);
    let severe = f.severe_only == "on";
    view! {
        <fieldset class="card card-body form">
            <legend class="policy-legend">"Approvals by others"</legend>
            <p class="text-ink-2">"How many other members have to approve; 0 for none. Emergency deployments wait for nobody."</p>
            <div class="grid sm:grid-cols-3 gap-3">
                {many("approve_acknowledge", "Acknowledging", &f.approve_acknowledge)}
                {many("approve_extend", "Giving more time", &f.approve_extend)}
                {many("approve_override", "Overriding", &f.approve_override)}
                {many("approve_decide", "Choosing a path", &f.approve_decide)}
                {many("approve_close", "Closing", &f.approve_close)}
                {approvers}
            </div>
            {field_error("approvals", drawn.error("approvals"))}
            <label class="choice">
                <input type="checkbox" name="severe_only" value="on" checked=severe /> "Only for incidents of HIGH and CRITICAL; overrides take them always"
            </label>
        </fieldset>
    }
}

fn role(
    name: &'static str,
    label: &'static str,
    value: &str,
    error: Option<String>,
    least: Role,
) -> impl IntoView + use<> {
    let choices: Vec<_> = Role::ALL
        .iter()
        .filter(|role| **role >= least)
        .map(|role| (role.to_string(), words::role(*role).to_owned(), role.as_str() == value))
        .collect();
    view! {
        <div class="field">
            <label for=name>{label}</label>
            <select class="input" id=name name=name aria-invalid=error.is_some().then_some("true")>{options(choices)}</select>
            {field_error(name, error)}
        </div>
    }
}

fn number(name: &'static str, label: &'static str, value: &str, error: Option<String>, most: u32) -> AnyView {
    let hint = Some(format!("Up to {most}."));
    Field { name, label, kind: "number", value: value.to_owned(), hint, error, required: true, ..Field::default() }
        .view()
}
