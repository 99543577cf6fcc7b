//! `/environments/new` and `/environments/{id}/settings`: the connection of an environment, with *Test connection*.

use crate::ssr::forms::environment_id;
use crate::ssr::render;
use crate::ssr::visit::{Member, Page};
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use drift_domain::environment::{EnvironmentClass, INTERVAL_SECONDS};
use drift_domain::ids::EnvironmentId;
use drift_domain::views::{ConnectionReport, EnvironmentDraft, GitCredentials, SideReport};
use drift_services::accounts::Notice;
use drift_services::gate::cap;
use drift_services::path_template;
use leptos::prelude::*;
use secrecy::ExposeSecret;

use crate::components::crumbs::crumbs;
use crate::components::failure::sentence;
use crate::components::form::{Field, field_error, options};
use crate::components::icon::{Icon, icon};
use crate::components::note::note;
use crate::islands::connection_test::ConnectionTest;
use crate::islands::copy::CopyButton;
use crate::words;

/// What the form holds and what was wrong with it. The draft has no secrets.
#[derive(Clone, Debug, Default)]
pub(crate) struct ConnectionForm {
    /// The environment, if it is connected already.
    pub environment: Option<(EnvironmentId, String)>,
    pub draft: EnvironmentDraft,
    /// The field that was not accepted, and why.
    pub error: Option<(String, String)>,
    /// Where GitHub sends its pushes, and the secret that it signs them with; shown to administrators.
    pub webhook: Option<Webhook>,
}

/// GitHub's webhook: address and secret.
#[derive(Clone)]
pub(crate) struct Webhook {
    pub address: String,
    pub secret: String,
}

impl std::fmt::Debug for Webhook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Webhook").field("address", &self.address).finish_non_exhaustive()
    }
}

impl ConnectionForm {
    fn error(&self, field: &str) -> Option<String> {
        self.error.as_ref().filter(|(name, _)| name == field).map(|(_, text)| text.clone())
    }

    fn text(&self, name: &'static str, label: &'static str, value: &str) -> Field {
        Field { name, label, kind: "text", value: value.to_owned(), error: self.error(name), ..Field::default() }
    }

    /// A secret: never filled in, and optional once one is stored.
    fn secret(&self, name: &'static str, label: &'static str, hint: &str) -> Field {
        let keep = self.environment.as_ref().map(|_| " Leave it empty to keep the stored one.").unwrap_or_default();
        Field {
            kind: "password",
            hint: Some(format!("{hint}{keep}")),
            autocomplete: "new-password",
            mono: true,
            ..self.text(name, label, "")
        }
    }
}

/// Draws the form.
pub(crate) fn view(form: &ConnectionForm) -> AnyView {
    let (title, action, test, submit) = match &form.environment {
        None => ("Connect an environment", "/environments".to_owned(), "/environments/test".to_owned(), "Connect"),
        Some((id, _)) => {
            ("Settings", format!("/environments/{id}/settings"), format!("/environments/{id}/test"), "Save")
        }
    };
    let mut ancestors = vec![("/".to_owned(), "Environments".to_owned())];
    ancestors.extend(form.environment.clone().map(|(id, name)| (format!("/environments/{id}"), name)));
    // What was seen: an edit of what somebody else has changed meanwhile is refused.
    let version =
        form.draft.version.map(|seen| view! { <input type="hidden" name="version" value=seen.to_string() /> });
    let parts = view! { {version} {about(form)} {live_side(form)} {desired_side(form)} };
    view! {
        {crumbs(ancestors, title.to_owned())}
        <div class="page-head"><h1>{title}</h1></div>
        <div class="max-w-3xl">
            <ConnectionTest>
                <form class="form git-form" method="post" action=action>
                    {parts}
                    <div class="flex flex-wrap gap-2">
                        <button class="btn btn-primary" type="submit">{submit}</button>
                        <button class="btn" type="submit" formaction=test.clone() formtarget="connection-report" formnovalidate="">
                            {icon(Icon::Plug)} "Test connection"
                        </button>
                    </div>
                </form>
                <iframe class="test-report section" name="connection-report" title="What the test of the connection found" src=test></iframe>
            </ConnectionTest>
            {form.webhook.as_ref().map(webhook)}
        </div>
    }
    .into_any()
}

fn about(form: &ConnectionForm) -> impl IntoView + use<> {
    let draft = &form.draft;
    let name = Field {
        required: true,
        placeholder: "Acme production",
        autofocus: form.environment.is_none(),
        ..form.text("name", "Name", &draft.name)
    };
    let bounds = format!("Seconds, from {} to {}.", INTERVAL_SECONDS.start(), INTERVAL_SECONDS.end());
    let interval = Field {
        kind: "number",
        required: true,
        hint: Some(bounds),
        ..form.text("interval_seconds", "Check every", &draft.interval_seconds)
    };
    let chosen = draft.class;
    let classes = EnvironmentClass::ALL
        .iter()
        .map(move |class| (class.to_string(), words::class(*class).to_owned(), *class == chosen));
    view! {
        <section class="card" aria-labelledby="about">
            <div class="card-head"><h2 id="about">"The environment"</h2></div>
            <div class="card-body fields">
                <div class="wide">{name.view()}</div>
                <div class="field">
                    <label for="class">"Class"</label>
                    <select class="input" id="class" name="class" aria-describedby="class-hint">{options(classes)}</select>
                    <p class="hint" id="class-hint">"How much a change matters follows from it."</p>
                    {field_error("class", form.error("class"))}
                </div>
                {interval.view()}
            </div>
        </section>
    }
}

fn live_side(form: &ConnectionForm) -> impl IntoView + use<> {
    let address = Field {
        kind: "url",
        required: true,
        mono: true,
        placeholder: "https://n8n.example.com",
        ..form.text("n8n_base_url", "Address of n8n", &form.draft.n8n_base_url)
    };
    let key = form.secret("n8n_api_key", "API key", "In n8n: Settings, n8n API. Reading workflows is enough to compare; to carry decisions out, it writes them, too.");
    view! {
        <section class="card" aria-labelledby="live-side">
            <div class="card-head"><h2 id="live-side">"What runs: n8n"</h2></div>
            <div class="card-body form">{address.view()} {key.view()}</div>
        </section>
    }
}

fn desired_side(form: &ConnectionForm) -> impl IntoView + use<> {
    let draft = &form.draft;
    let repository = Field {
        required: true,
        mono: true,
        placeholder: "owner/name",
        ..form.text("repository", "Repository", &draft.repository)
    };
    let git_ref = Field {
        required: true,
        mono: true,
        hint: Some("A branch, a tag or a commit.".to_owned()),
        ..form.text("git_ref", "Ref", &draft.git_ref)
    };
    let folder = Field {
        mono: true,
        placeholder: "workflows",
        hint: Some("Empty for the root.".to_owned()),
        ..form.text("git_folder", "Folder", &draft.git_folder)
    };
    let template = Field {
        mono: true,
        placeholder: "{slug}.json",
        hint: Some(template_hint(draft)),
        ..form.text("path_template", "New files", &draft.path_template)
    };
    let base = Field {
        kind: "url",
        required: true,
        mono: true,
        hint: Some("https://HOST/api/v3 for an Enterprise Server.".to_owned()),
        ..form.text("git_api_base", "GitHub's API", &draft.git_api_base)
    };
    view! {
        <section class="card" aria-labelledby="desired-side">
            <div class="card-head"><h2 id="desired-side">"What is declared: GitHub"</h2></div>
            <div class="card-body fields">
                {repository.view()} {git_ref.view()} {folder.view()} {template.view()} {base.view()}
                <div class="wide">{credentials(form)}</div>
            </div>
        </section>
    }
}

/// What stands for what, and what the settings mean for a new workflow.
fn template_hint(draft: &EnvironmentDraft) -> String {
    let example = path_template::example(&draft.git_folder, &draft.path_template).unwrap_or_default();
    format!(
        "Where a new workflow's file goes below the folder: {{slug}}, {{name}} or {{id}}, ending with .json. {example} Test \
         connection shows it for what is typed."
    )
}

fn credentials(form: &ConnectionForm) -> impl IntoView + use<> {
    let draft = &form.draft;
    let choices = [(GitCredentials::Token, "Personal access token"), (GitCredentials::App, "GitHub App")]
        .into_iter()
        .map(|(kind, label)| {
            view! {
                <label class="choice">
                    <input type="radio" name="git_credentials" value=kind.as_str() checked=kind == draft.git_credentials />
                    {label}
                </label>
            }
        })
        .collect_view();
    let token = form.secret("git_token", "Token", "Fine-grained, for this repository. Reading its contents is enough to compare; to carry decisions out, it writes contents and pull requests, too.");
    let app = Field { mono: true, ..form.text("git_app_id", "App id", &draft.git_app_id) };
    let installation =
        Field { mono: true, ..form.text("git_installation_id", "Installation id", &draft.git_installation_id) };
    let key = Field {
        area: true,
        placeholder: "-----BEGIN RSA PRIVATE KEY-----",
        ..form.secret("git_private_key", "Private key", "The PEM file that GitHub made for the App.")
    };
    view! {
        <fieldset class="form">
            <legend class="font-semibold mb-1.5">"How to sign in at GitHub"</legend>
            <div class="flex flex-wrap gap-2">{choices}</div>
            {field_error("git_credentials", form.error("git_credentials"))}
            <div class="for-token">{token.view()}</div>
            <div class="for-app fields">{app.view()} {installation.view()} <div class="wide">{key.view()}</div></div>
        </fieldset>
    }
}

fn webhook(webhook: &Webhook) -> impl IntoView + use<> {
    view! {
        <section class="card section" aria-labelledby="webhook">
            <div class="card-head"><h2 id="webhook">"Hear of pushes at once"</h2></div>
            <div class="card-body">
                <p class="text-ink-2 mb-3">
                    "Checks run on their interval without it. With a webhook in GitHub (Settings, Webhooks; content type "
                    <code>"application/json"</code> "; just the push event) a push to the ref is compared within seconds."
                </p>
                <dl class="facts items-center">
                    <dt>"Payload URL"</dt>
                    <dd class="flex items-center gap-2">
                        <code id="webhook-address" class="wrap-anywhere">{webhook.address.clone()}</code>
                        <CopyButton from="webhook-address".to_owned() what="the payload URL".to_owned() />
                    </dd>
                    <dt>"Secret"</dt>
                    <dd>
                        <details>
                            <summary class="link">"Show the secret"</summary>
                            <span class="flex items-center gap-2 mt-1">
                                <code id="webhook-secret" class="wrap-anywhere">{webhook.secret.clone()}</code>
                                <CopyButton from="webhook-secret".to_owned() what="the secret".to_owned() />
                            </span>
                        </details>
                    </dd>
                </dl>
            </div>
        </section>
    }
}

/// What is in the frame before anything was tested.
pub(crate) fn nothing_tested() -> AnyView {
    view! {
        <div class="p-4 text-ink-2">
            <p>"Press " <strong class="text-ink">"Test connection"</strong> " to see what n8n and GitHub answer. Nothing is stored by a test."</p>
        </div>
    }
    .into_any()
}

/// The report of a test, one part per side.
pub(crate) fn report(report: &ConnectionReport) -> AnyView {
    view! {
        <div class="p-3 grid gap-2.5" role="status">
            {side("n8n", "live", &report.live)} {side("GitHub", "desired", &report.desired)}
        </div>
    }
    .into_any()
}

/// A test that could not be made.
pub(crate) fn report_refused(why: String) -> AnyView {
    view! { <div class="p-3" role="alert">{note("tone-incident", Icon::Warning, why)}</div> }.into_any()
}

fn side(name: &'static str, key: &'static str, report: &SideReport) -> impl IntoView + use<> {
    let (tone, mark, verdict, body) = match report {
        SideReport::Works(found) => {
            let found = found.iter().map(|found| view! { <li>{found.clone()}</li> }).collect_view();
            ("tone-ok", Icon::Check, "works", view! { <ul>{found}</ul> }.into_any())
        }
        SideReport::Fails(why) => (
            "tone-incident",
            Icon::Cross,
            "does not work",
            view! { <p class="wrap-anywhere">{sentence(why)}</p> }.into_any(),
        ),
    };
    view! {
        <section data-report=key>
            {note(tone, mark, view! { <h2>{format!("{name} {verdict}")}</h2> {body} })}
        </section>
    }
}

/// What a field is called on the form.
pub(crate) fn label(field: &str) -> &str {
    match field {
        "name" => "Name",
        "class" => "Class",
        "interval_seconds" => "Check every",
        "n8n_base_url" => "Address of n8n",
        "n8n_api_key" => "API key",
        "repository" => "Repository",
        "git_ref" => "Ref",
        "git_folder" => "Folder",
        "path_template" => "New files",
        "git_api_base" => "GitHub's API",
        "git_token" => "Token",
        "git_app_id" => "App id",
        "git_installation_id" => "Installation id",
        "git_private_key" => "Private key",
        other => other,
    }
}

impl ConnectionForm {
    /// The form after an attempt that was not accepted: what was typed, and what is wrong with it.
    fn again(mut self, notice: Option<&Notice>) -> Self {
        let Some(notice) = notice else { return self };
        if let Some(draft) = notice.draft.clone().and_then(|draft| serde_json::from_value(draft).ok()) {
            self.draft = draft;
        }
        self.error = notice.field.clone().map(|field| (field, notice.text.clone()));
        self
    }
}

/// What the notice on top says: the field says the rest.
fn on_top(notice: Option<Notice>) -> Option<Notice> {
    let mut notice = notice?;
    if let Some(field) = &notice.field {
        notice.text = format!("{}: {} Secrets are not kept: type them once more.", label(field), notice.text);
    }
    Some(notice)
}

/// `GET /environments/new`
pub(crate) async fn get_new(member: Member) -> Response {
    let page = async {
        member.permit::<cap::Configure>()?;
        let notice = member.take_notice().await?;
        let form = ConnectionForm::default().again(notice.as_ref());
        Ok(Page::new("Connect an environment", move || view(&form)).notice(on_top(notice).as_ref()))
    }
    .await;
    member.answer(page).await
}

/// `GET /environments/{id}/settings`
pub(crate) async fn get(member: Member, Path(id): Path<String>) -> Response {
    let page = async {
        let id = environment_id(&id)?;
        let permit = member.services().environment_permit(&member.caller, id).await?;
        let draft = member.services().environment_draft(&permit, id).await?;
        let webhook = member.services().webhook_settings(&permit).await?;
        let notice = member.take_notice().await?;
        let form = ConnectionForm {
            environment: Some((id, draft.name.clone())),
            draft,
            error: None,
            webhook: Some(Webhook {
                address: member.services().public_link(&webhook.path),
                secret: webhook.secret.expose_secret().to_owned(),
            }),
        };
        let form = form.again(notice.as_ref());
        Ok(Page::new("Settings", move || view(&form)).notice(on_top(notice).as_ref()))
    }
    .await;
    member.answer(page).await
}

/// `GET /environments/test` and `GET /environments/{id}/test`: the frame before its first report.
pub(crate) async fn get_untested(member: Member) -> Response {
    let (options, theme) = (member.visit.screens.options.clone(), member.visit.theme);
    render::fragment(options, theme, "Connection report", StatusCode::OK, Box::new(nothing_tested)).await
}
