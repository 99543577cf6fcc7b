//! `/setup`: the first owner and the first organization. There only while there is nobody.

use crate::ssr::visit::{Page, Visit};
use axum::response::{IntoResponse, Redirect, Response};
use leptos::prelude::*;

use crate::components::form::Field;
use crate::components::icon::{Icon, icon};
use crate::components::note::note;

/// What the form holds when it is drawn again. Never the password.
#[derive(Clone, Debug, Default)]
pub(crate) struct SetupForm {
    pub organization: String,
    pub name: String,
    pub email: String,
    /// The field that the error is about; `None` for an error about the whole.
    pub field: Option<String>,
    /// Why it was not accepted.
    pub error: Option<String>,
}

impl SetupForm {
    fn error(&self, field: &str) -> Option<String> {
        self.error.clone().filter(|_| self.field.as_deref() == Some(field))
    }

    fn fields(&self) -> [Field; 4] {
        let text = |name, label, value: &str, autocomplete| Field {
            name,
            label,
            kind: "text",
            value: value.to_owned(),
            error: self.error(name),
            autocomplete,
            required: true,
            ..Field::default()
        };
        [
            Field {
                hint: Some("Whose environments these are. It is shown to everybody in it.".to_owned()),
                ..text("organization", "Organization", &self.organization, "organization")
            },
            text("name", "Your name", &self.name, "name"),
            Field { kind: "email", ..text("email", "Your e-mail address", &self.email, "username") },
            Field {
                kind: "password",
                hint: Some("At least 12 characters.".to_owned()),
                minlength: Some(12),
                ..text("password", "A password", "", "new-password")
            },
        ]
    }
}

/// Draws the form.
pub(crate) fn view(form: &SetupForm) -> AnyView {
    let known = ["organization", "name", "email", "password"];
    let general = form.error.clone().filter(|_| !form.field.as_deref().is_some_and(|field| known.contains(&field)));
    view! {
        <div class="alone">
            <h1 class="text-center mb-1">"Set up WorkflowOps"</h1>
            <p class="text-center text-ink-2 mb-5">"Nobody is here yet. You become the owner of the first organization."</p>
            {general.map(|error| view! {
                <div class="mb-3" role="alert">{note("tone-incident", Icon::Warning, error)}</div>
            })}
            <form class="card card-body form" method="post" action="/setup">
                {form.fields().map(Field::view).into_iter().collect_view()}
                <button class="btn btn-primary justify-center" type="submit">"Create and sign in" {icon(Icon::Arrow)}</button>
            </form>
        </div>
    }
    .into_any()
}

/// `GET /setup`
pub(crate) async fn get(visit: Visit) -> Response {
    match visit.screens.services.needs_setup().await {
        Ok(true) => visit.page(Page::new("Set up", || view(&SetupForm::default()))).await,
        Ok(false) => Redirect::to("/").into_response(),
        Err(error) => visit.problem(error).await,
    }
}
