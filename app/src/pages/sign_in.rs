//! `/sign-in`.

use crate::ssr::visit::{Page, Visit, local};
use axum::extract::Query;
use axum::response::{IntoResponse, Redirect, Response};
use leptos::prelude::*;

use crate::components::form::Field;
use crate::components::icon::{Icon, icon};
use crate::components::note::note;

/// What the form holds when it is drawn again. Never the password.
#[derive(Clone, Debug, Default)]
pub(crate) struct SignInForm {
    pub email: String,
    /// Where to go afterwards: a path of this site.
    pub next: String,
    /// Why the last attempt failed.
    pub error: Option<String>,
    /// What went well before.
    pub good: Option<String>,
    /// The identity providers that one may sign in through: key and label.
    pub providers: Vec<(String, String)>,
}

impl SignInForm {
    /// An empty form, with the ways in that this installation has.
    pub(crate) fn for_visit(visit: &Visit) -> Self {
        let providers = visit.screens.services.providers().iter();
        let providers = providers.map(|one| (one.key().to_owned(), one.label().to_owned())).collect();
        Self { providers, ..Self::default() }
    }
}

/// A button for each identity provider. They are links, so they are there without scripts.
pub(crate) fn provider_buttons(providers: &[(String, String)], query: &str) -> impl IntoView + use<> {
    let buttons = providers.iter().map(|(key, label)| {
        let href = format!("/sign-in/{key}{query}");
        view! { <a class="btn justify-center" href=href>{icon(Icon::Lock)} {format!("Sign in with {label}")}</a> }
    });
    let buttons = buttons.collect_view();
    (!providers.is_empty()).then(|| {
        view! {
            <p class="or" aria-hidden="true">"or"</p>
            <div class="form">{buttons}</div>
        }
    })
}

/// Draws the form.
pub(crate) fn view(form: &SignInForm) -> AnyView {
    let email = Field {
        name: "email",
        label: "E-mail",
        kind: "email",
        value: form.email.clone(),
        autocomplete: "username",
        required: true,
        autofocus: form.email.is_empty(),
        ..Field::default()
    };
    let password = Field {
        name: "password",
        label: "Password",
        kind: "password",
        autocomplete: "current-password",
        required: true,
        autofocus: !form.email.is_empty(),
        ..Field::default()
    };
    let next = percent_encoding::utf8_percent_encode(&form.next, percent_encoding::NON_ALPHANUMERIC);
    let query = format!("?next={next}");
    view! {
        <div class="alone">
            <h1 class="text-center mb-1">"Sign in to WorkflowOps"</h1>
            <p class="text-center text-ink-2 mb-5">"What runs in n8n, held against what Git declares."</p>
            {form.error.clone().map(|error| view! {
                <div class="mb-3" role="alert">{note("tone-incident", Icon::Warning, error)}</div>
            })}
            {form.good.clone().map(|good| view! {
                <div class="mb-3" role="status">{note("tone-ok", Icon::Check, good)}</div>
            })}
            <form class="card card-body form" method="post" action="/sign-in">
                <input type="hidden" name="next" value=form.next.clone() />
                {email.view()} {password.view()}
                <button class="btn btn-primary justify-center" type="submit">"Sign in" {icon(Icon::Arrow)}</button>
                <p class="text-center"><a class="link" href="/reset">"Forgot your password?"</a></p>
            </form>
            {provider_buttons(&form.providers, &query)}
        </div>
    }
    .into_any()
}

#[derive(serde::Deserialize)]
pub(crate) struct SignInQuery {
    next: Option<String>,
}

/// `GET /sign-in`
pub(crate) async fn get(visit: Visit, Query(query): Query<SignInQuery>) -> Response {
    let next = local(query.next.as_deref().unwrap_or("/")).to_owned();
    if visit.caller.is_some() {
        return Redirect::to(&next).into_response();
    }
    match visit.screens.services.needs_setup().await {
        Ok(true) => Redirect::to("/setup").into_response(),
        Ok(false) => {
            let form = SignInForm { next, ..SignInForm::for_visit(&visit) };
            visit.page(Page::new("Sign in", move || view(&form))).await
        }
        Err(error) => visit.problem(error).await,
    }
}
