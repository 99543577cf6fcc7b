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
    view! {
        <div class="alone">
            <h1 class="text-center mb-1">"Sign in to WorkflowOps"</h1>
            <p class="text-center text-ink-2 mb-5">"What runs in n8n, held against what Git declares."</p>
            {form.error.clone().map(|error| view! {
                <div class="mb-3" role="alert">{note("tone-incident", Icon::Warning, error)}</div>
            })}
            <form class="card card-body form" method="post" action="/sign-in">
                <input type="hidden" name="next" value=form.next.clone() />
                {email.view()} {password.view()}
                <button class="btn btn-primary justify-center" type="submit">"Sign in" {icon(Icon::Arrow)}</button>
            </form>
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
            let form = SignInForm { next, ..SignInForm::default() };
            visit.page(Page::new("Sign in", move || view(&form))).await
        }
        Err(error) => visit.problem(error).await,
    }
}
