//! Copies the text of an element. Without scripts the button is not there (`.needs-js`).

use std::time::Duration;

use leptos::prelude::*;

/// A button that copies.
#[island]
pub fn CopyButton(
    /// The id of the element whose text is copied. (Its text is not a prop: a prop would write it into the page again.)
    from: String,
    /// What is copied, for the button's name: `Copy the address`.
    what: String,
) -> impl IntoView {
    let copied = RwSignal::new(false);
    let copy = move |_| {
        let Some(text) = document().get_element_by_id(&from).and_then(|element| element.text_content()) else { return };
        leptos::task::spawn_local(async move {
            let writing = window().navigator().clipboard().write_text(&text);
            if wasm_bindgen_futures::JsFuture::from(writing).await.is_ok() {
                copied.set(true);
                set_timeout(move || copied.set(false), Duration::from_secs(2));
            }
        });
    };
    view! {
        <button type="button" class="btn btn-small needs-js" on:click=copy aria-label=format!("Copy {what}")>
            <span aria-live="polite">{move || if copied.get() { "Copied" } else { "Copy" }}</span>
        </button>
    }
}
