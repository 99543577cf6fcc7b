//! Reports that are made every month: those that there are, and the form that adds one.

use drift_domain::views::ReportScheduleView;
use leptos::prelude::*;

use super::ask::{Typed, environments, formats};
use super::{ADDRESS, Reports};
use crate::components::form::{field_error, options};
use crate::components::icon::{Icon, icon};

/// The section.
pub(super) fn section(of: &Reports) -> impl IntoView + use<> {
    let rows = of.page.schedules.iter().map(row).collect_view();
    let none =
        of.page.schedules.is_empty().then(|| view! { <p class="text-ink-2">"No report is made every month."</p> });
    view! {
        <section class="card section" aria-labelledby="monthly-heading" id="monthly">
            <div class="card-head"><h2 id="monthly-heading">"Every month"</h2></div>
            <div class="card-body grid gap-4">
                {none}
                <ul class="grid gap-3">{rows}</ul>
                {form(of)}
            </div>
        </section>
    }
}

fn row(schedule: &ReportScheduleView) -> impl IntoView + use<> {
    let of = schedule.environment.clone().unwrap_or_else(|| "All environments".to_owned());
    let names: Vec<_> = schedule.recipients.iter().map(|person| person.name.as_str()).collect();
    let mailed = match names.as_slice() {
        [] => "Nobody is mailed.".to_owned(),
        names => format!("A link is mailed to {}.", names.join(", ")),
    };
    let next = format!("Next on {}, set up by {}. ", schedule.next_month.format("%B %Y"), schedule.made_by.name);
    let ends = format!("End the monthly report on {of}");
    view! {
        <li data-schedule=schedule.id.to_string()>
            <p><strong class="wrap-anywhere">{of}</strong> ", " {schedule.format.label()}</p>
            <p class="text-ink-2 wrap-anywhere">{next} {mailed}</p>
            <form method="post" action=format!("{ADDRESS}/schedules/{}/remove", schedule.id)>
                <button class="btn btn-small mt-1" type="submit" aria-label=ends>"End"</button>
            </form>
        </li>
    }
}

fn form(of: &Reports) -> impl IntoView + use<> {
    let typed = Typed::new(of, "monthly");
    let formats = formats(of, typed.kept("format").as_deref());
    let environments = environments(of, typed.kept("environment").as_deref());
    let recipients = if of.page.mails {
        let boxes = of
            .page
            .readers
            .iter()
            .map(|person| {
                let id = format!("recipient-{}", person.id);
                let labels = id.clone();
                view! {
                    <label class="flex items-center gap-2" for=labels>
                        <input type="checkbox" id=id name="recipients" value=person.id.to_string() />
                        <span class="wrap-anywhere">{person.name.clone()}</span>
                    </label>
                }
            })
            .collect_view();
        view! {
            <fieldset class="wide">
                <legend class="font-semibold mb-2">"Mail a link to"</legend>
                <div class="grid gap-x-4 gap-y-1.5 sm:grid-cols-2">{boxes}</div>
                {field_error("recipients", typed.error("recipients"))}
            </fieldset>
        }
        .into_any()
    } else {
        view! { <p class="wide text-ink-2">"This installation sends no mail: the reports are found here."</p> }
            .into_any()
    };
    view! {
        <form method="post" action=format!("{ADDRESS}/schedules") class="fields" aria-label="Add a monthly report">
            <p class="wide text-ink-2">"On the first of a month the month before is reported on. The file is not mailed."</p>
            <div class="field">
                <label for="monthly-format">"Format"</label>
                <select class="input" id="monthly-format" name="format">{options(formats)}</select>
            </div>
            <div class="field">
                <label for="monthly-environment">"Environment"</label>
                <select class="input" id="monthly-environment" name="environment">{options(environments)}</select>
            </div>
            {recipients}
            <div class="wide"><button class="btn" type="submit">{icon(Icon::Clock)} "Make it every month"</button></div>
        </form>
    }
}
