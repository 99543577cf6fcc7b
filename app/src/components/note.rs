//! Notes: a sentence or two in a tone, and the notice that follows a form.

use leptos::prelude::*;

use crate::components::icon::{Icon, icon};

/// A note in a tone.
pub(crate) fn note(tone: &'static str, mark: Icon, body: impl IntoView) -> impl IntoView {
    view! {
        <div class=format!("note {tone}")>
            {icon(mark)}
            <div class="note-body">{body}</div>
        </div>
    }
}

/// What came of the form that was sent before this page: said once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Said {
    /// Whether it went well.
    pub good: bool,
    /// A sentence for a person.
    pub text: String,
}

/// The notice on top of a page.
pub(crate) fn said(said: Option<&Said>) -> Option<impl IntoView + use<>> {
    let said = said?.clone();
    let (tone, mark, role) =
        if said.good { ("tone-ok", Icon::Check, "status") } else { ("tone-incident", Icon::Warning, "alert") };
    Some(view! {
        <div class="mb-4" role=role data-said=if said.good { "good" } else { "bad" }>
            {note(tone, mark, said.text)}
        </div>
    })
}
