//! Pages for what could not be shown: what happened, and what to do.

use leptos::prelude::*;

use crate::components::icon::{Icon, icon};

/// What a problem page says.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    pub status: u16,
    pub title: &'static str,
    pub text: String,
    /// Where to go: address and label.
    pub go: (&'static str, &'static str),
    pub icon: Icon,
}

/// Draws the problem.
pub(crate) fn view(problem: &Problem) -> AnyView {
    let (href, label) = problem.go;
    view! {
        <div class="card empty alone" data-status=problem.status.to_string()>
            {icon(problem.icon)}
            <h1>{problem.title}</h1>
            <p class="wrap-anywhere">{problem.text.clone()}</p>
            <a class="btn mt-4" href=href>{label}</a>
        </div>
    }
    .into_any()
}
