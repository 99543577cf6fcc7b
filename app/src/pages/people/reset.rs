//! `/reset` and `/reset/{token}`: a new password, by a link that is mailed.

use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use drift_services::ServiceError;
use leptos::prelude::*;

use crate::components::form::Field;
use crate::components::icon::{Icon, icon};
use crate::components::note::note;
use crate::pages::problem::{Problem, view as problem};
use crate::ssr::visit::{Page, Visit};

/// `GET /reset`
pub(crate) async fn get(visit: Visit) -> Response {
    let mails = visit.screens.services.sends_mail();
    visit.page(Page::new("A new password", move || ask(mails, String::new(), None))).await
}

/// The form that asks for the link.
pub(crate) fn ask(mails: bool, email: String, error: Option<String>) -> AnyView {
    if !mails {
        let page = Problem {
            status: 200,
            title: "No link can be mailed",
            text: "This installation sends no mail. Ask whoever runs it for help with your password.".to_owned(),
            go: ("/sign-in", "Back to the sign-in"),
            icon: Icon::Info,
        };
        return problem(&page);
    }
    let email = Field {
        name: "email",
        label: "E-mail",
        kind: "email",
        value: email,
        error,
        autocomplete: "username",
        required: true,
        autofocus: true,
        ..Field::default()
    };
    view! {
        <div class="alone">
            <h1 class="text-center mb-1">"A new password"</h1>
            <p class="text-center text-ink-2 mb-5">"A link is mailed to you. It works once, for an hour."</p>
            <form class="card card-body form" method="post" action="/reset">
                {email.view()}
                <button class="btn btn-primary justify-center" type="submit">"Mail me a link" {icon(Icon::Arrow)}</button>
            </form>
            <p class="text-center mt-3"><a class="link" href="/sign-in">"Back to the sign-in"</a></p>
        </div>
    }
    .into_any()
}

/// What is said whoever asked, and whether or not anybody has the address.
pub(crate) fn asked(email: &str) -> AnyView {
    let text = format!("If {email} has an account here, a link is on its way. It works once, for an hour.");
    view! {
        <div class="alone">
            <h1 class="text-center mb-4">"Look into your mail"</h1>
            <div role="status">{note("tone-info", Icon::Info, view! { <span class="wrap-anywhere">{text}</span> })}</div>
            <p class="text-center mt-3"><a class="link" href="/sign-in">"Back to the sign-in"</a></p>
        </div>
    }
    .into_any()
}

/// `GET /reset/{token}`
pub(crate) async fn get_link(visit: Visit, Path(token): Path<String>) -> Response {
    match visit.screens.services.reset_works(&token).await {
        Ok(()) => visit.page(Page::new("A new password", move || set(&token, None))).await,
        Err(error) => refused(&visit, error).await,
    }
}

/// The page for a link that does not work.
pub(crate) async fn refused(visit: &Visit, error: ServiceError) -> Response {
    if !matches!(error, ServiceError::NotFound(_)) {
        return visit.problem(error).await;
    }
    let page = Problem {
        status: 404,
        title: "This link does not work",
        text: "It was used, a newer one was mailed, or it is older than an hour. Have another one mailed.".to_owned(),
        go: ("/reset", "Mail me another link"),
        icon: Icon::Clock,
    };
    visit.page(Page::new("No link", move || problem(&page)).status(StatusCode::NOT_FOUND)).await
}

/// The form that sets the new password.
pub(crate) fn set(token: &str, error: Option<String>) -> AnyView {
    let password = Field {
        name: "new_password",
        label: "A new password",
        kind: "password",
        hint: Some("At least 12 characters. Every browser that you are signed in with is signed out.".to_owned()),
        error,
        autocomplete: "new-password",
        required: true,
        autofocus: true,
        minlength: Some(12),
        ..Field::default()
    };
    view! {
        <div class="alone">
            <h1 class="text-center mb-5">"A new password"</h1>
            <form class="card card-body form" method="post" action=format!("/reset/{token}")>
                {password.view()}
                <button class="btn btn-primary justify-center" type="submit">"Set it" {icon(Icon::Arrow)}</button>
            </form>
        </div>
    }
    .into_any()
}
