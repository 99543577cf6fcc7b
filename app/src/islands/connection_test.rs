//! Around the connection form: says that a test is running, and lets its report take the room that it needs.
//!
//! The test itself needs no script: its button sends the form into the frame below it, so what was typed (secrets too)
//! stays in the form and nowhere else.

use leptos::prelude::*;
use wasm_bindgen::JsCast;

use super::dom;

/// Wraps the form and the frame of the report.
#[island]
pub fn ConnectionTest(
    /// The form, and the frame named `connection-report`.
    children: Children,
) -> impl IntoView {
    let wrapper = NodeRef::<leptos::html::Div>::new();
    let testing = RwSignal::new(false);
    Effect::new(move |_| {
        let Some(wrapper) = wrapper.get() else { return };
        for frame in dom::all(&wrapper, "iframe[name=connection-report]") {
            fit(&frame);
            dom::listen(&frame.clone(), "load", move |_| {
                testing.set(false);
                fit(&frame);
            });
        }
    });
    let submitted = move |event: leptos::ev::SubmitEvent| {
        let into_frame = event.submitter().and_then(|button| button.get_attribute("formtarget")).is_some();
        testing.set(into_frame);
    };
    view! {
        <div node_ref=wrapper on:submit=submitted>
            {children()}
            <p role="status" class="hint">{move || testing.get().then_some("Asking n8n and GitHub…")}</p>
        </div>
    }
}

/// Gives the frame the height of what is in it.
fn fit(frame: &web_sys::Element) {
    let Some(frame) = frame.dyn_ref::<web_sys::HtmlIFrameElement>() else { return };
    let inside = frame.content_document().and_then(|document| document.body());
    if let Some(height) = inside.map(|body| body.scroll_height()).filter(|height| *height > 0) {
        // A style that cannot be set leaves the height of the style sheet.
        let _ = web_sys::HtmlElement::style(frame).set_property("height", &format!("{}px", height + 2));
    }
}
