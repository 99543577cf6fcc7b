//! Keys for those who stay on the keyboard. None of them writes anything but *Recheck*, which only looks. They can be turned off
//! (WCAG 2.1.4), keep out of fields, and leave keys with a modifier to the browser.

use std::cell::Cell;

use leptos::prelude::*;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Element, Event, HtmlElement};

use super::dom;

/// Where it is kept that somebody turned them off.
const KEPT: &str = "workflowops-shortcuts";
/// How long after `g` its second key is waited for, in milliseconds.
const SECOND: f64 = 1_500.0;
/// The id of the list of keys.
const LIST: &str = "shortcuts";
/// What `j` and `k` go through.
const ROWS: &str = "main .row-link, main a.inc-workflow";
/// What `n` and `p` go through.
const PLACES: &str = "main .diff-entry, main .diff-node";
/// What `/` goes to, the first that is there.
const FIELDS: &[&str] = &["main input[type=search]", "main form[role=search] input, main form[role=search] select"];

/// Listens for keys, and turns itself off and on.
#[island]
pub fn Shortcuts() -> impl IntoView {
    let off = RwSignal::new(false);
    // An effect runs in the browser alone.
    Effect::new(move |_| {
        off.set(is_off());
        let since_g = Cell::new(f64::MIN);
        dom::listen(&document(), "keydown", move |event| {
            if !off.get_untracked() && !is_elsewhere(&event) && does(&event, &since_g) {
                event.prevent_default();
            }
        });
        // For tests: a key that comes before this is nobody's.
        if let Some(list) = document().get_element_by_id(LIST) {
            let _ = list.set_attribute("data-ready", "");
        }
    });
    let turn = move |_| {
        off.update(|off| *off = !*off);
        keep(off.get_untracked());
    };
    view! {
        <button type="button" class="btn btn-small needs-js" on:click=turn aria-pressed=move || off.get().to_string()>
            {move || if off.get() { "They are off: turn them on" } else { "Turn them off" }}
        </button>
    }
}

/// Does what a key is for; tells whether it is for anything.
fn does(event: &Event, since_g: &Cell<f64>) -> bool {
    let key = dom::text(event, "key");
    let after_g = number(event, "timeStamp") - since_g.replace(f64::MIN) < SECOND;
    match (after_g, key.as_str()) {
        (true, "e" | "i" | "m") => press(&format!(".nav [data-go={key}]")),
        (_, "g") => {
            since_g.set(number(event, "timeStamp"));
            true
        }
        (_, "?") => open(),
        (_, "/") => FIELDS.iter().any(|field| focus(first(field))),
        (_, "j") => step(ROWS, 1),
        (_, "k") => step(ROWS, -1),
        (_, "n") => step(PLACES, 1),
        (_, "p") => step(PLACES, -1),
        (_, "a") => focus(first("#acknowledge [name=reason]")),
        (_, "r") => press("main [data-recheck]"),
        _ => false,
    }
}

fn first(selector: &str) -> Option<Element> {
    document().query_selector(selector).ok().flatten()
}

/// Whether a key is for something else: a field, a menu, the browser, or an island that took it.
fn is_elsewhere(event: &Event) -> bool {
    let flag = |name: &str| dom::is(event, name);
    let taken = ["defaultPrevented", "ctrlKey", "metaKey", "altKey", "isComposing", "repeat"];
    let fields = "input, textarea, select, [contenteditable], dialog[open]";
    let is_repeated_step = flag("repeat") && matches!(dom::text(event, "key").as_str(), "j" | "k" | "n" | "p");
    let stops = |name: &&str| flag(name) && !(**name == *"repeat" && is_repeated_step);
    taken.iter().any(stops) || dom::closest(event, fields).is_some()
}

fn number(event: &Event, name: &str) -> f64 {
    js_sys::Reflect::get(event, &name.into()).ok().and_then(|value| value.as_f64()).unwrap_or_default()
}

/// Opens the list of keys, or closes it.
fn open() -> bool {
    document().get_element_by_id(LIST).is_some_and(|list| dom::call(&list, "togglePopover"))
}

fn focus(element: Option<Element>) -> bool {
    let Some(element) = element.and_then(|element| element.dyn_into::<HtmlElement>().ok()) else { return false };
    // What cannot be focused by itself can be by this page.
    if element.tab_index() < 0 && element.get_attribute("tabindex").is_none() {
        let _ = element.set_attribute("tabindex", "-1");
    }
    element.scroll_into_view_with_bool(false);
    element.focus().is_ok()
}

fn press(selector: &str) -> bool {
    first(selector).and_then(|button| button.dyn_into::<HtmlElement>().ok()).is_some_and(|button| {
        button.click();
        true
    })
}

/// Moves the focus among what matches: from where it is, or from the first one.
fn step(selector: &str, by: i32) -> bool {
    let Some(root) = dom::root() else { return false };
    let all: Vec<Element> = dom::all(&root, selector).into_iter().filter(is_visible).collect();
    let here = document().active_element().and_then(|active| all.iter().position(|one| *one == active));
    let next = match (here, by) {
        (Some(at), 1) => at + 1,
        (Some(at), _) => at.wrapping_sub(1),
        (None, 1) => 0,
        (None, _) => all.len().wrapping_sub(1),
    };
    // At either end nothing moves, and the key is taken all the same.
    all.get(next).is_none_or(|one| focus(Some(one.clone()))) && !all.is_empty()
}

/// What is folded away has no size.
fn is_visible(element: &Element) -> bool {
    let rect = element.get_bounding_client_rect();
    rect.width() > 0.0 && rect.height() > 0.0
}

fn storage() -> Option<JsValue> {
    js_sys::Reflect::get(&window(), &"localStorage".into()).ok().filter(JsValue::is_truthy)
}

fn is_off() -> bool {
    storage().and_then(|kept| js_sys::Reflect::get(&kept, &KEPT.into()).ok()).is_some_and(|kept| kept.is_truthy())
}

fn keep(off: bool) {
    let Some(storage) = storage() else { return };
    let kept = if off { "off" } else { "" };
    // A full or forbidden storage forgets it with the page.
    let _ = js_sys::Reflect::set(&storage, &KEPT.into(), &kept.into());
}
