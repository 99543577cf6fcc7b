//! `/invitations/{token}`: what an invitation says, and how one comes in by it.

use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use drift_domain::views::GreetingView;
use leptos::prelude::*;

use crate::components::form::Field;
use crate::components::icon::{Icon, icon};
use crate::components::note::note;
use crate::pages::problem::{Problem, view as problem};
use crate::pages::sign_in::provider_buttons;
use crate::ssr::visit::{Page, Visit};
use crate::words;

/// What the form holds when it is drawn again. Never the password.
#[derive(Clone, Debug, Default)]
pub(crate) struct JoinForm {
    pub name: String,
    /// The field that the error is about; `None` for an error about the whole.
    pub field: Option<String>,
    /// Why it was not accepted.
    pub error: Option<String>,
}

/// `GET /invitations/{token}`
pub(crate) async fn get(visit: Visit, Path(token): Path<String>) -> Response {
    draw(&visit, &token, JoinForm::default(), StatusCode::OK).await
}

/// Draws the page of a link, as it is for whoever looks.
pub(crate) async fn draw(visit: &Visit, token: &str, form: JoinForm, status: StatusCode) -> Response {
    let greeting = match visit.screens.services.greeting(token).await {
        Ok(Some(greeting)) => greeting,
        Ok(None) => return visit.page(gone()).await,
        Err(error) => return visit.problem(error).await,
    };
    let signed_in = visit.caller.as_ref().map(|caller| caller.email.clone());
    let services = &visit.screens.services;
    let providers = services.providers().iter().map(|one| (one.key().to_owned(), one.label().to_owned())).collect();
    let token = token.to_owned();
    let title = format!("Join {}", greeting.organization);
    let page = Page::new(title, move || view(&greeting, &token, signed_in.as_deref(), providers, &form));
    visit.page(page.status(status)).await
}

/// A link that does not work, or not any more.
fn gone() -> Page {
    let page = Problem {
        status: 404,
        title: "This invitation does not work",
        text: "It was used, taken back or sent again, or it is older than seven days. Ask whoever invited you to send it again."
            .to_owned(),
        go: ("/", "Go to WorkflowOps"),
        icon: Icon::Clock,
    };
    Page::new("No invitation", move || problem(&page)).status(StatusCode::NOT_FOUND)
}

fn view(
    greeting: &GreetingView,
    token: &str,
    signed_in: Option<&str>,
    providers: Vec<(String, String)>,
    form: &JoinForm,
) -> AnyView {
    let by =
        greeting.invited_by.clone().map(|name| format!("{name} invites you")).unwrap_or("You are invited".to_owned());
    let general = form.error.clone().filter(|_| form.field.is_none());
    let body = match signed_in {
        Some(email) if email == greeting.email => join(token, &greeting.organization).into_any(),
        Some(email) => other_person(email, &greeting.email).into_any(),
        None if greeting.has_account => sign_in_first(token, &greeting.email).into_any(),
        None => newcomer(token, &greeting.email, form).into_any(),
    };
    let query = format!("?invitation={token}");
    let providers = signed_in.is_none().then(|| provider_buttons(&providers, &query));
    view! {
        <div class="alone">
            <h1 class="text-center mb-1 wrap-anywhere">{format!("Join {}", greeting.organization)}</h1>
            <p class="text-center text-ink-2 mb-5 wrap-anywhere">
                {format!("{by}, as {}: {}", words::role(greeting.role), greeting.email)}
            </p>
            {general.map(|error| view! {
                <div class="mb-3" role="alert">{note("tone-incident", Icon::Warning, error)}</div>
            })}
            {body} {providers}
        </div>
    }
    .into_any()
}

fn join(token: &str, organization: &str) -> impl IntoView + use<> {
    view! {
        <form class="card card-body form" method="post" action=format!("/invitations/{token}/join")>
            <p>"You are signed in. Your other organizations stay as they are, and you switch between them at the top."</p>
            <button class="btn btn-primary justify-center" type="submit">{format!("Join {organization}")} {icon(Icon::Arrow)}</button>
        </form>
    }
}

fn other_person(email: &str, invited: &str) -> impl IntoView + use<> {
    view! {
        <form class="card card-body form" method="post" action="/sign-out">
            <p class="wrap-anywhere">{format!("You are signed in as {email}, and this invitation is for {invited}. Sign out, then open the link again.")}</p>
            <button class="btn justify-center" type="submit">{icon(Icon::SignOut)} "Sign out"</button>
        </form>
    }
}

fn sign_in_first(token: &str, email: &str) -> impl IntoView + use<> {
    let href = format!("/sign-in?next=%2Finvitations%2F{token}");
    view! {
        <div class="card card-body form">
            <p class="wrap-anywhere">{format!("There is an account for {email}. Sign in with it to join.")}</p>
            <a class="btn btn-primary justify-center" href=href>"Sign in" {icon(Icon::Arrow)}</a>
        </div>
    }
}

fn newcomer(token: &str, email: &str, form: &JoinForm) -> impl IntoView + use<> {
    let error = |name: &str| form.error.clone().filter(|_| form.field.as_deref() == Some(name));
    let name = Field {
        name: "name",
        label: "Your name",
        kind: "text",
        value: form.name.clone(),
        error: error("name"),
        autocomplete: "name",
        required: true,
        autofocus: true,
        ..Field::default()
    };
    let password = Field {
        name: "password",
        label: "A password",
        kind: "password",
        hint: Some("At least 12 characters.".to_owned()),
        error: error("password"),
        autocomplete: "new-password",
        required: true,
        minlength: Some(12),
        ..Field::default()
    };
    view! {
        <form class="card card-body form" method="post" action=format!("/invitations/{token}")>
            <input type="hidden" name="username" autocomplete="username" value=email.to_owned() />
            {name.view()} {password.view()}
            <button class="btn btn-primary justify-center" type="submit">"Join and sign in" {icon(Icon::Arrow)}</button>
        </form>
    }
}
