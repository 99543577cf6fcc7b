//! Exchanges the regions of the page that differ, and leaves a person's hands where they were: focus, open folds, and
//! whatever has been typed and not sent.

use leptos::prelude::document;
use wasm_bindgen::JsCast;
use web_sys::{Document, DomParser, Element, HtmlElement, SupportedType};

use crate::islands::dom;

/// Puts the regions of a freshly drawn page in the place of those that differ. Whether all could be exchanged: a region is
/// left alone while something typed in it would have nowhere to go. `None` if the answer is not a page.
pub(super) fn exchange(html: &str) -> Option<bool> {
    let drawn = DomParser::new().ok()?.parse_from_string(html, SupportedType::TextHtml).ok()?;
    let root = dom::root()?;
    let mut whole = true;
    for region in dom::all(&root, "[data-live]") {
        let name = region.get_attribute("data-live").unwrap_or_default();
        match drawn.query_selector(&format!("[data-live=\"{name}\"]")).ok()? {
            Some(new) if signature(&region) != signature(&new) => whole &= exchange_region(&region, &new),
            Some(_) => {}
            None => whole = false,
        }
    }
    take_title(&drawn);
    Some(whole)
}

fn take_title(drawn: &Document) {
    let title = drawn.title();
    if !title.is_empty() && title != document().title() {
        document().set_title(&title);
    }
}

/// The markup without what the browser changes by itself: ticking ages and opened folds.
fn signature(region: &Element) -> Option<String> {
    let copy: Element = region.clone_node_with_deep(true).ok()?.dyn_into().ok()?;
    for time in dom::all(&copy, "time[data-age]") {
        time.set_text_content(None);
    }
    for fold in dom::all(&copy, "details") {
        fold.remove_attribute("open").ok()?;
    }
    Some(copy.inner_html())
}

/// What finds an element again in a region that was drawn anew.
fn handle(element: &Element) -> Option<String> {
    if let Some(id) = element.get_attribute("id") {
        return Some(format!("[id=\"{id}\"]"));
    }
    let own = match (element.get_attribute("name"), element.get_attribute("href")) {
        (Some(name), _) => format!("[name=\"{name}\"]"),
        (None, Some(href)) => return Some(format!("[href=\"{href}\"]")),
        (None, None) => element.tag_name().to_ascii_lowercase(),
    };
    let within = element.closest("form[action], details[data-key]").ok()??;
    let within = match (within.get_attribute("action"), within.get_attribute("data-key")) {
        (Some(action), _) => format!("form[action=\"{action}\"]"),
        (None, Some(key)) => format!("details[data-key=\"{key}\"]"),
        (None, None) => return None,
    };
    Some(format!("{within} {own}"))
}

/// Something typed and not sent: where, and what.
struct Typed {
    handle: String,
    text: String,
}

fn typed(region: &Element) -> Vec<Typed> {
    dom::all(region, "input:not([type=hidden]):not([type=checkbox]):not([type=radio]), textarea")
        .iter()
        .filter_map(|control| {
            let text = dom::property(control, "value")?;
            (Some(&text) != dom::property(control, "defaultValue").as_ref())
                .then(|| handle(control).map(|handle| Typed { handle, text }))
                .flatten()
        })
        .collect()
}

fn exchange_region(region: &Element, new: &Element) -> bool {
    let typed = typed(region);
    let finds = |handle: &str| new.query_selector(handle).ok().flatten().is_some();
    if !typed.iter().all(|typed| finds(&typed.handle)) {
        return false;
    }
    let open: Vec<String> =
        dom::all(region, "details[open][data-key]").iter().filter_map(|fold| fold.get_attribute("data-key")).collect();
    let focused = document().active_element().filter(|active| region.contains(Some(active)));
    let focused = focused.as_ref().and_then(handle);

    region.set_inner_html(&new.inner_html());

    for fold in dom::all(region, "details[data-key]") {
        if fold.get_attribute("data-key").is_some_and(|key| open.contains(&key)) {
            // Setting an attribute with a valid name does not fail.
            let _ = fold.set_attribute("open", "");
        }
    }
    for typed in typed {
        if let Ok(Some(control)) = region.query_selector(&typed.handle) {
            dom::set_property(&control, "value", &typed.text);
        }
    }
    let focus = focused.and_then(|handle| region.query_selector(&handle).ok().flatten());
    if let Some(element) = focus.and_then(|element| element.dyn_into::<HtmlElement>().ok()) {
        // An element that cannot be focused keeps the focus where the browser put it.
        let _ = element.focus();
    }
    true
}
