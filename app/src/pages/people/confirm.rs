//! A page that asks once more before something ends that cannot be had back.

use leptos::prelude::*;

use crate::components::icon::{Icon, icon};
use crate::ssr::visit::Page;

/// What is asked.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    pub title: String,
    /// What it means: sentences.
    pub text: String,
    /// What the button says.
    pub button: &'static str,
    /// Where the form is sent.
    pub action: String,
    /// Where one goes who thinks better of it.
    pub back: &'static str,
}

/// The page.
pub(crate) fn page(question: Question) -> Page {
    Page::new(question.title.clone(), move || view(&question))
}

fn view(question: &Question) -> AnyView {
    view! {
        <div class="alone">
            <div class="card card-body">
                <h1 class="flex items-center gap-2">{icon(Icon::Warning)} {question.title.clone()}</h1>
                <p class="mt-2 mb-4 wrap-anywhere">{question.text.clone()}</p>
                <form method="post" action=question.action.clone() class="flex flex-wrap gap-2">
                    <button class="btn btn-danger" type="submit">{question.button}</button>
                    <a class="btn" href=question.back>"Back"</a>
                </form>
            </div>
        </div>
    }
    .into_any()
}
