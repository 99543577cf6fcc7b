//! Submits the filter when a choice is made, and leaves what was not chosen out of the address.

use leptos::prelude::*;
use wasm_bindgen::JsCast;

use super::dom;

/// Wraps a GET form. Its button stays for those who prefer it, and for the keyboard.
#[island]
pub fn FilterForm(
    /// The form.
    children: Children,
) -> impl IntoView {
    let wrapper = NodeRef::<leptos::html::Div>::new();
    Effect::new(move |_| {
        let Some(wrapper) = wrapper.get() else { return };
        dom::listen(&wrapper, "formdata", |event| {
            let data = js_sys::Reflect::get(&event, &"formData".into()).ok();
            let Some(data) = data.and_then(|data| data.dyn_into::<web_sys::FormData>().ok()) else { return };
            let empty: Vec<String> = js_sys::Array::from(&data)
                .iter()
                .map(|pair| js_sys::Array::from(&pair))
                .filter(|pair| pair.get(1).as_string().is_some_and(|value| value.trim().is_empty()))
                .filter_map(|pair| pair.get(0).as_string())
                .collect();
            empty.iter().for_each(|name| data.delete(name));
        });
    });
    let changed = move |event: leptos::ev::Event| {
        if dom::closest(&event, "select").is_none() {
            return;
        }
        if let Some(form) =
            dom::closest(&event, "form").and_then(|form| form.dyn_into::<web_sys::HtmlFormElement>().ok())
        {
            // A form that does not validate says so itself.
            let _ = form.request_submit();
        }
    };
    view! { <div node_ref=wrapper on:change=changed>{children()}</div> }
}
