//! Changes the theme without loading the page again. The form that it wraps does the same through the server.

use leptos::prelude::*;
use wasm_bindgen::JsCast;

use super::dom;

/// Wraps the form of `components::layout` with one button per theme.
#[island]
pub fn ThemeChoice(
    /// The form.
    children: Children,
) -> impl IntoView {
    let choose = move |event: leptos::ev::MouseEvent| {
        let Some(button) = dom::closest(&event, "button[name=theme]") else { return };
        let Some(theme) = button.get_attribute("value") else { return };
        if remember(&theme).is_some() {
            event.prevent_default();
        }
    };
    view! { <div on:click=choose>{children()}</div> }
}

/// Applies the theme and keeps it in the cookie that the server renders by. `None` where the document refuses.
fn remember(theme: &str) -> Option<()> {
    let root = dom::root()?;
    let html: web_sys::HtmlDocument = document().dyn_into().ok()?;
    html.set_cookie(&format!("workflowops_theme={theme}; Path=/; Max-Age=31536000; SameSite=Lax")).ok()?;
    root.set_attribute("data-theme", theme).ok()?;
    for button in dom::all(&root, "button[name=theme]") {
        let pressed = button.get_attribute("value").as_deref() == Some(theme);
        button.set_attribute("aria-pressed", if pressed { "true" } else { "false" }).ok()?;
    }
    Some(())
}
