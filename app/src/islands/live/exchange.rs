//! Exchanges the regions of the page that differ, and leaves a person's hands where they were: focus, open folds, whatever
//! has been typed or chosen and not sent, and what the pointer is on.

use leptos::prelude::{document, window};
use wasm_bindgen::JsCast;
use web_sys::{Document, DomParser, Element, HtmlElement, SupportedType};

use crate::islands::dom;

/// Puts the regions of a freshly drawn page in the place of those that differ. Whether all could be exchanged: a region is
/// left alone while something typed in it would have nowhere to go. `None` if the answer is not a page.
pub(super) fn exchange(html: &str) -> Option<bool> {
    let drawn = DomParser::new().ok()?.parse_from_string(html, SupportedType::TextHtml).ok()?;
    let root = dom::root()?;
    let mut whole = true;
    let held = Held::under_the_pointer(&root);
    for region in dom::all(&root, "[data-live]") {
        let name = region.get_attribute("data-live").unwrap_or_default();
        match drawn.query_selector(&format!("[data-live=\"{name}\"]")).ok()? {
            Some(new) if signature(&region) != signature(&new) => whole &= exchange_region(&region, &new),
            Some(_) => {}
            None => whole = false,
        }
    }
    if let Some(held) = held {
        held.put_back(&root);
    }
    take_title(&drawn);
    Some(whole)
}

/// What the pointer is on, and where: it stays there when something above it grows or shrinks.
struct Held {
    handle: String,
    top: f64,
}

impl Held {
    fn under_the_pointer(root: &Element) -> Option<Self> {
        let hovered = dom::all(root, ":hover");
        let element = hovered.into_iter().rev().find(|element| handle(element).is_some())?;
        // What sticks to the window does not move with the page.
        if element.closest(".topbar, .inc-head").ok()?.is_some() {
            return None;
        }
        Some(Self { handle: handle(&element)?, top: element.get_bounding_client_rect().top() })
    }

    fn put_back(&self, root: &Element) {
        let Ok(Some(element)) = root.query_selector(&self.handle) else { return };
        let moved = element.get_bounding_client_rect().top() - self.top;
        if moved.abs() >= 1.0 {
            window().scroll_by_with_x_and_y(0.0, moved);
        }
    }
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
        // Radio buttons share a name, and differ by value.
        (Some(name), _) if element.get_attribute("type").as_deref() == Some("radio") => {
            format!("[name=\"{name}\"][value=\"{}\"]", element.get_attribute("value").unwrap_or_default())
        }
        (Some(name), _) => format!("[name=\"{name}\"]"),
        (None, Some(href)) => return Some(format!("[href=\"{href}\"]")),
        (None, None) => element.tag_name().to_ascii_lowercase(),
    };
    let within = element.closest("form[action], details[data-key]").ok()??;
    let attribute = |name| within.get_attribute(name);
    let within = match (attribute("data-form"), attribute("action"), attribute("data-key")) {
        // Forms of many things share an address; this tells them apart.
        (Some(form), ..) => format!("form[data-form=\"{form}\"]"),
        (None, Some(action), _) => format!("form[action=\"{action}\"]"),
        (None, None, Some(key)) => format!("details[data-key=\"{key}\"]"),
        (None, None, None) => return None,
    };
    Some(format!("{within} {own}"))
}

/// Something typed or chosen and not sent: where, and what.
struct Typed {
    handle: String,
    /// The property that holds it, with what it is.
    text: Option<String>,
    is_checked: Option<bool>,
}

/// What a select held when the page was drawn: the option that is marked, or the first.
fn drawn_choice(select: &Element) -> Option<String> {
    let option = select.query_selector("option[selected]").ok()?.or(select.query_selector("option").ok()?)?;
    dom::property(&option, "value")
}

fn typed(region: &Element) -> Vec<Typed> {
    let texts = dom::all(region, "input:not([type=hidden]):not([type=checkbox]):not([type=radio]), textarea, select");
    let texts = texts.iter().filter_map(|control| {
        let text = dom::property(control, "value")?;
        let drawn = match control.tag_name().as_str() {
            "SELECT" => drawn_choice(control),
            _ => dom::property(control, "defaultValue"),
        };
        (Some(&text) != drawn.as_ref())
            .then(|| handle(control).map(|handle| Typed { handle, text: Some(text), is_checked: None }))
            .flatten()
    });
    let marks = dom::all(region, "input[type=checkbox], input[type=radio]");
    let marks = marks.iter().filter_map(|control| {
        let is_checked = dom::flag(control, "checked")?;
        (Some(is_checked) != dom::flag(control, "defaultChecked"))
            .then(|| handle(control).map(|handle| Typed { handle, text: None, is_checked: Some(is_checked) }))
            .flatten()
    });
    texts.chain(marks).collect()
}

impl Typed {
    fn put_back(&self, region: &Element) {
        let Ok(Some(control)) = region.query_selector(&self.handle) else { return };
        if let Some(text) = &self.text {
            dom::set_property(&control, "value", text);
        }
        if let Some(is_checked) = self.is_checked {
            dom::set_flag(&control, "checked", is_checked);
        }
    }
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
        typed.put_back(region);
    }
    let focus = focused.and_then(|handle| region.query_selector(&handle).ok().flatten());
    if let Some(element) = focus.and_then(|element| element.dyn_into::<HtmlElement>().ok()) {
        // An element that cannot be focused keeps the focus where the browser put it.
        let _ = element.focus();
    }
    true
}
