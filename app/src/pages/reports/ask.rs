//! The form that asks for a report: of days, or of the incident that the address names.

use chrono::Days;
use drift_domain::report::ReportFormat;
use leptos::prelude::*;

use super::{ADDRESS, Reports};
use crate::components::form::{field_error, options};
use crate::components::icon::{Icon, icon};
use crate::words;

/// Days of a report, unless somebody chooses others.
const USUAL_DAYS: u64 = 30;

/// What was typed into the form of this name before, and what is wrong with it.
pub(super) struct Typed<'a> {
    of: &'a Reports,
    form: &'static str,
}

impl<'a> Typed<'a> {
    pub(super) fn new(of: &'a Reports, form: &'static str) -> Self {
        Self { of, form }
    }

    fn notice(&self) -> Option<&drift_services::accounts::Notice> {
        let notice = self.of.notice.as_ref()?;
        (notice.draft.as_ref()?["form"] == self.form).then_some(notice)
    }

    pub(super) fn kept(&self, name: &str) -> Option<String> {
        Some(self.notice()?.draft.as_ref()?.get(name)?.as_str()?.to_owned())
    }

    pub(super) fn error(&self, field: &str) -> Option<String> {
        self.notice().filter(|notice| notice.field.as_deref() == Some(field)).map(|notice| notice.text.clone())
    }
}

/// The formats that the plan has, as options.
pub(super) fn formats(of: &Reports, chosen: Option<&str>) -> Vec<(String, String, bool)> {
    let format =
        |format: &ReportFormat| (format.to_string(), format.label().to_owned(), chosen == Some(format.as_str()));
    of.page.formats.iter().map(format).collect()
}

/// The environments, as options.
pub(super) fn environments(of: &Reports, chosen: Option<&str>) -> Vec<(String, String, bool)> {
    let all = std::iter::once((String::new(), "All".to_owned(), false));
    let each = of.page.environments.iter().map(|(id, name)| {
        let id = id.to_string();
        let is_chosen = chosen == Some(&id);
        (id, name.clone(), is_chosen)
    });
    all.chain(each).collect()
}

/// The form.
pub(super) fn form(of: &Reports) -> impl IntoView + use<> {
    let typed = Typed::new(of, "ask");
    let formats = formats(of, typed.kept("format").as_deref());
    let heading = match &of.on {
        Some(on) => format!("Report on {}", words::incident(on.number)),
        None => "Ask for a report".to_owned(),
    };
    let what = match &of.on {
        Some(on) => view! {
            <input type="hidden" name="incident" value=on.id.to_string() />
            <p class="wide text-ink-2">
                "The incident as a whole, from its beginning. " <a href=ADDRESS>"Report on days instead"</a>
            </p>
            {field_error("incident", typed.error("incident"))}
        }
        .into_any(),
        None => days(of, &typed).into_any(),
    };
    view! {
        <section class="card section" aria-labelledby="ask-heading" id="ask">
            <div class="card-head"><h2 id="ask-heading">{heading}</h2></div>
            <form method="post" action=ADDRESS class="card-body fields">
                {what}
                <div class="field">
                    <label for="format">"Format"</label>
                    <select class="input" id="format" name="format">{options(formats)}</select>
                    {field_error("format", typed.error("format"))}
                </div>
                <div class="wide"><button class="btn btn-primary" type="submit">{icon(Icon::Plus)} "Make the report"</button></div>
            </form>
        </section>
    }
}

fn days(of: &Reports, typed: &Typed<'_>) -> impl IntoView + use<> {
    let today = of.page.now.date_naive();
    let usual = today.checked_sub_days(Days::new(USUAL_DAYS - 1)).unwrap_or(today);
    let usual = of.page.first_day.map_or(usual, |first| usual.max(first));
    let (from, to) = (typed.kept("from"), typed.kept("to"));
    let first = of.page.first_day.map(|day| day.to_string());
    let environments = environments(of, typed.kept("environment").as_deref());
    let field = |name: &'static str, label: &'static str, value: String| {
        let error = typed.error(name);
        let described = error.is_some().then(|| format!("{name}-error"));
        view! {
            <div class="field">
                <label for=name>{label}</label>
                <input
                    class="input" type="date" id=name name=name value=value min=first.clone() max=today.to_string() required=true
                    aria-describedby=described
                />
                {field_error(name, error)}
            </div>
        }
    };
    view! {
        {field("from", "First day (UTC)", from.unwrap_or_else(|| usual.to_string()))}
        {field("to", "Last day (UTC)", to.unwrap_or_else(|| today.to_string()))}
        <div class="field">
            <label for="environment">"Environment"</label>
            <select class="input" id="environment" name="environment">{options(environments)}</select>
        </div>
    }
}
