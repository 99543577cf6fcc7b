//! The few handles on the document that several islands need.

use leptos::prelude::{document, window};
use wasm_bindgen::prelude::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Element, Event, EventTarget};

/// The elements that match, in document order.
pub(crate) fn all(within: &Element, selector: &str) -> Vec<Element> {
    let Ok(list) = within.query_selector_all(selector) else { return Vec::new() };
    (0..list.length()).filter_map(|i| list.item(i)?.dyn_into().ok()).collect()
}

/// The root element.
pub(crate) fn root() -> Option<Element> {
    document().document_element()
}

/// Whether nobody looks at this tab.
pub(crate) fn hidden() -> bool {
    document().hidden()
}

/// The closest ancestor of an event's target (or the target itself) that matches.
pub(crate) fn closest(event: &Event, selector: &str) -> Option<Element> {
    event.target()?.dyn_into::<Element>().ok()?.closest(selector).ok()?
}

/// Listens for as long as the page lives.
pub(crate) fn listen(target: &EventTarget, event: &str, then: impl FnMut(Event) + 'static) {
    let closure = Closure::<dyn FnMut(Event)>::new(then);
    // Adding a listener fails only for a detached window, which has nobody left to serve.
    let _ = target.add_event_listener_with_callback(event, closure.as_ref().unchecked_ref());
    closure.forget();
}

/// A string property of an element, for example `value` or `defaultValue`.
pub(crate) fn property(element: &Element, name: &str) -> Option<String> {
    js_sys::Reflect::get(element, &JsValue::from_str(name)).ok()?.as_string()
}

/// Sets a string property of an element.
pub(crate) fn set_property(element: &Element, name: &str, value: &str) {
    // Setting fails on frozen objects only; elements are not.
    let _ = js_sys::Reflect::set(element, &JsValue::from_str(name), &JsValue::from_str(value));
}

/// A yes or no of an element, for example `checked` or `defaultChecked`.
pub(crate) fn flag(element: &Element, name: &str) -> Option<bool> {
    js_sys::Reflect::get(element, &JsValue::from_str(name)).ok()?.as_bool()
}

/// Sets a yes or no of an element.
pub(crate) fn set_flag(element: &Element, name: &str, value: bool) {
    // Setting fails on frozen objects only; elements are not.
    let _ = js_sys::Reflect::set(element, &JsValue::from_str(name), &JsValue::from_bool(value));
}

/// The address of this page with its query.
pub(crate) fn address() -> String {
    let location = window().location();
    format!("{}{}", location.pathname().unwrap_or_default(), location.search().unwrap_or_default())
}

/// A string of an event, for example its `key`.
pub(crate) fn text(event: &Event, name: &str) -> String {
    js_sys::Reflect::get(event, &name.into()).ok().and_then(|value| value.as_string()).unwrap_or_default()
}

/// A yes or no of an event, for example its `ctrlKey`.
pub(crate) fn is(event: &Event, name: &str) -> bool {
    js_sys::Reflect::get(event, &name.into()).is_ok_and(|value| value.is_truthy())
}

/// Calls a method without arguments, for example `showModal`; tells whether it was done.
pub(crate) fn call(element: &Element, method: &str) -> bool {
    let method = js_sys::Reflect::get(element, &method.into()).ok();
    let method = method.and_then(|method| method.dyn_into::<js_sys::Function>().ok());
    method.is_some_and(|method| method.call0(element).is_ok())
}

/// What a page answered.
pub(crate) struct Answer {
    /// It led elsewhere, as to the sign-in.
    pub redirected: bool,
    /// The HTTP status.
    pub status: u16,
    /// The document.
    pub html: String,
}

/// Asks for a page, not as a person's visit: it takes no notice (`ssr::visit`). `None` where nobody answered.
pub(crate) async fn ask(address: &str) -> Option<Answer> {
    let init = web_sys::RequestInit::new();
    let headers = web_sys::Headers::new().ok()?;
    headers.set("workflowops-live", "1").ok()?;
    init.set_headers(&JsValue::from(&headers));
    let answer = JsFuture::from(window().fetch_with_str_and_init(address, &init)).await.ok()?;
    let answer: web_sys::Response = answer.dyn_into().ok()?;
    let html = JsFuture::from(answer.text().ok()?).await.ok()?.as_string()?;
    Some(Answer { redirected: answer.redirected(), status: answer.status(), html })
}
