//! Copies what a button with `data-copy` holds: one listener for all of them, since a diff has hundreds. Without scripts the
//! buttons are not there (`.needs-js`).

use leptos::prelude::*;

use super::dom;

/// Listens for the buttons, and says that it was done.
#[island]
pub fn CopyPath() -> impl IntoView {
    let copied = RwSignal::new(String::new());
    // An effect runs in the browser alone.
    Effect::new(move |_| {
        dom::listen(&document(), "click", move |event| {
            let Some(button) = dom::closest(&event, "[data-copy]") else { return };
            let Some(text) = button.get_attribute("data-copy") else { return };
            leptos::task::spawn_local(async move {
                let writing = window().navigator().clipboard().write_text(&text);
                if wasm_bindgen_futures::JsFuture::from(writing).await.is_ok() {
                    button.set_text_content(Some("Copied"));
                    copied.set(format!("Copied {text}"));
                    let back = move || button.set_text_content(Some("Copy path"));
                    set_timeout(back, std::time::Duration::from_secs(2));
                }
            });
        });
    });
    view! { <span class="sr-only" aria-live="polite">{move || copied.get()}</span> }
}
