//! The palette: Ctrl or Cmd and K, or the button in the bar, opens a dialog that finds pages, environments, incidents and what can
//! be done on this page. What it finds comes from `/search`, the page that the button leads to without scripts. It goes places and
//! puts the focus on forms; it submits none.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{DomParser, Element, Event, HtmlElement, SupportedType};

use super::dom;

/// Letters come in bursts; what is found after the last is shown.
const SETTLE: Duration = Duration::from_millis(120);
/// What can be done on this page: forms, and ways on that look like buttons.
const ACTIONS: &str = "main form[method=post] button[type=submit], main a.btn";
/// What repeats on a page belongs to its row, and is found there.
const ROWS: &str = "tr, .inc-change, dialog, [popover]";
/// What the focus goes to in a form.
const FIELDS: &str = "input:not([type=hidden]), textarea, select";

/// Wraps the dialog.
#[island]
pub fn Palette(
    /// The dialog.
    children: Children,
) -> impl IntoView {
    let wrapper = NodeRef::<leptos::html::Div>::new();
    Effect::new(move |_| {
        if let Some(palette) = wrapper.get().and_then(|wrapper| Open::within(&wrapper)) {
            Rc::new(palette).listen();
        }
    });
    view! { <div node_ref=wrapper>{children()}</div> }
}

/// Something that was found.
struct Choice {
    label: String,
    kind: String,
    to: To,
}

/// Where a choice leads.
enum To {
    Address(String),
    /// A form of this page: the focus goes there.
    Form(HtmlElement),
}

/// The dialog and what it shows.
struct Open {
    dialog: Element,
    input: HtmlElement,
    list: Element,
    status: Element,
    /// What can be done here, as it was when the dialog opened.
    here: RefCell<Vec<(String, Element)>>,
    choices: RefCell<Vec<Choice>>,
    chosen: Cell<usize>,
    /// The number of the question that was asked last, and of the one whose answer is shown.
    asked: Cell<u32>,
    shown: Cell<u32>,
}

impl Open {
    fn within(wrapper: &Element) -> Option<Self> {
        let one = |selector: &str| wrapper.query_selector(selector).ok().flatten();
        Some(Self {
            dialog: one("dialog")?,
            input: one("input")?.dyn_into().ok()?,
            list: one("[role=listbox]")?,
            status: one("[role=status]")?,
            here: RefCell::default(),
            choices: RefCell::default(),
            chosen: Cell::new(0),
            asked: Cell::new(0),
            shown: Cell::new(0),
        })
    }

    fn listen(self: Rc<Self>) {
        let palette = Rc::clone(&self);
        dom::listen(&document(), "keydown", move |event| {
            let is_k = dom::text(&event, "key").eq_ignore_ascii_case("k");
            let alone = !dom::is(&event, "altKey") && !dom::is(&event, "shiftKey");
            if is_k && alone && (dom::is(&event, "ctrlKey") || dom::is(&event, "metaKey")) {
                event.prevent_default();
                palette.toggle();
            }
        });
        let palette = Rc::clone(&self);
        dom::listen(&document(), "click", move |event| {
            // With a modifier, a link opens beside this page as any other.
            let beside = dom::is(&event, "ctrlKey") || dom::is(&event, "metaKey") || dom::is(&event, "shiftKey");
            if !beside && dom::closest(&event, "[data-palette]").is_some() {
                event.prevent_default();
                palette.toggle();
            }
        });
        let palette = Rc::clone(&self);
        dom::listen(&self.input, "input", move |_| palette.ask(SETTLE));
        let palette = Rc::clone(&self);
        dom::listen(&self.dialog, "keydown", move |event| {
            if palette.takes(&event) {
                event.prevent_default();
            }
        });
        let palette = Rc::clone(&self);
        dom::listen(&self.dialog, "click", move |event| {
            let at = dom::closest(&event, "[role=option]").and_then(|option| option.get_attribute("data-at"));
            if let Some(at) = at.and_then(|at| at.parse().ok()) {
                palette.go(at);
            } else if dom::closest(&event, "[data-close], .palette-in").is_none_or(|e| e.has_attribute("data-close")) {
                palette.close();
            }
        });
        // For tests: a key that comes before this is nobody's.
        let _ = self.dialog.set_attribute("data-ready", "");
    }

    fn toggle(self: &Rc<Self>) {
        if self.dialog.has_attribute("open") {
            return self.close();
        }
        dom::set_property(&self.input, "value", "");
        self.here.replace(actions());
        dom::call(&self.dialog, "showModal");
        let _ = self.input.focus();
        self.ask(Duration::ZERO);
    }

    fn close(&self) {
        dom::call(&self.dialog, "close");
    }

    /// Does what a key is for; tells whether it is for anything.
    fn takes(self: &Rc<Self>, event: &Event) -> bool {
        let (chosen, last) = (self.chosen.get(), self.choices.borrow().len().saturating_sub(1));
        match dom::text(event, "key").as_str() {
            "ArrowDown" => self.choose(if chosen == last { 0 } else { chosen + 1 }),
            "ArrowUp" => self.choose(if chosen == 0 { last } else { chosen - 1 }),
            // The field and the button that closes: nothing else takes the focus.
            "Tab" => {
                let active = document().active_element();
                let on_field = active.is_some_and(|active| *self.input == active);
                let close = self.dialog.query_selector("[data-close]").ok().flatten();
                let next = close.filter(|_| on_field).and_then(|close| close.dyn_into::<HtmlElement>().ok());
                let _ = next.unwrap_or_else(|| self.input.clone()).focus();
            }
            // What was typed last is not answered yet: the form takes it to the page.
            "Enter" if self.asked.get() != self.shown.get() => return false,
            "Enter" if dom::closest(event, "[data-close]").is_some() => return false,
            "Enter" => self.go(chosen),
            _ => return false,
        }
        true
    }

    /// Asks for what is typed, when nothing more is.
    fn ask(self: &Rc<Self>, after: Duration) {
        let number = self.asked.get() + 1;
        self.asked.set(number);
        let palette = Rc::clone(self);
        set_timeout(
            move || {
                leptos::task::spawn_local(async move {
                    if palette.asked.get() == number {
                        let typed = dom::property(&palette.input, "value").unwrap_or_default();
                        let found = found(&typed).await;
                        if palette.asked.get() == number {
                            palette.show(number, &typed, found);
                        }
                    }
                });
            },
            after,
        );
    }

    fn show(&self, number: u32, typed: &str, found: Option<Vec<Choice>>) {
        let words: Vec<String> = typed.to_lowercase().split_whitespace().map(str::to_owned).collect();
        let named = |label: &str| words.iter().all(|word| label.to_lowercase().contains(word.as_str()));
        let here = self.here.borrow();
        let here = here.iter().filter(|(label, _)| named(label)).filter_map(|(label, element)| {
            let to = match element.get_attribute("href") {
                Some(address) => To::Address(address),
                None => To::Form(field_of(element)?),
            };
            Some(Choice { label: label.clone(), kind: "On this page".to_owned(), to })
        });
        let reached = found.is_some();
        let all: Vec<Choice> = here.chain(found.unwrap_or_default()).collect();
        let said = match (reached, all.len()) {
            (false, _) => "The server did not answer. Enter asks it again.".to_owned(),
            (true, 0) => "Nothing is called that.".to_owned(),
            (true, 1) => "1 result".to_owned(),
            (true, n) => format!("{n} results"),
        };
        self.draw(&all);
        self.status.set_text_content(Some(&said));
        self.choices.replace(all);
        self.shown.set(if reached { number } else { 0 });
        self.choose(0);
    }

    fn draw(&self, choices: &[Choice]) {
        self.list.set_text_content(None);
        for (at, choice) in choices.iter().enumerate() {
            let Ok(option) = document().create_element("li") else { return };
            let at = at.to_string();
            for (name, value) in [("role", "option"), ("id", &format!("palette-{at}")), ("data-at", &at)] {
                let _ = option.set_attribute(name, value);
            }
            for said in [&choice.label, &choice.kind] {
                let Ok(part) = document().create_element("span") else { return };
                part.set_text_content(Some(said));
                let _ = option.append_child(&part);
            }
            let _ = self.list.append_child(&option);
        }
        let none = choices.is_empty();
        let _ = self.list.toggle_attribute_with_force("hidden", none);
        let _ = self.input.set_attribute("aria-expanded", if none { "false" } else { "true" });
    }

    fn choose(&self, at: usize) {
        self.chosen.set(at);
        let _ = self.input.remove_attribute("aria-activedescendant");
        for (option, this) in dom::all(&self.list, "[role=option]").into_iter().zip(0..) {
            let _ = option.set_attribute("aria-selected", if this == at { "true" } else { "false" });
            if this == at {
                let _ = self.input.set_attribute("aria-activedescendant", &option.id());
                option.scroll_into_view_with_bool(false);
            }
        }
    }

    fn go(&self, at: usize) {
        let choices = self.choices.borrow();
        let Some(choice) = choices.get(at) else { return };
        self.close();
        match &choice.to {
            To::Address(address) => {
                let _ = window().location().set_href(address);
            }
            To::Form(field) => {
                field.scroll_into_view_with_bool(false);
                let _ = field.focus();
            }
        }
    }
}

/// What can be done on this page now, each once, by what its button says.
fn actions() -> Vec<(String, Element)> {
    let Some(root) = dom::root() else { return Vec::new() };
    let mut found: Vec<(String, Element)> = Vec::new();
    for element in dom::all(&root, ACTIONS) {
        let label = element.text_content().unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ");
        let in_a_row = element.closest(ROWS).ok().flatten().is_some();
        // What is folded away has no size.
        let hidden = element.get_bounding_client_rect().height() == 0.0;
        if !label.is_empty() && !in_a_row && !hidden && found.iter().all(|(known, _)| *known != label) {
            found.push((label, element));
        }
    }
    found
}

/// The first field of a button's form, or the button.
fn field_of(button: &Element) -> Option<HtmlElement> {
    let form = button.closest("form").ok().flatten();
    let field = form.and_then(|form| form.query_selector(FIELDS).ok().flatten());
    field.unwrap_or_else(|| button.clone()).dyn_into().ok()
}

/// What `/search` has for this. `None` where there was no usable answer.
async fn found(typed: &str) -> Option<Vec<Choice>> {
    let address = format!("/search?q={}", String::from(js_sys::encode_uri_component(typed)));
    let answer = dom::ask(&address).await?;
    if answer.redirected || answer.status >= 400 {
        return None;
    }
    let page = DomParser::new().ok()?.parse_from_string(&answer.html, SupportedType::TextHtml).ok()?;
    let choice = |link: Element| {
        let part = |name: &str| link.get_attribute(name);
        Some(Choice { label: part("data-found")?, kind: part("data-kind")?, to: To::Address(part("href")?) })
    };
    let found = page.get_element_by_id("found")?;
    Some(dom::all(&found, "a[data-found]").into_iter().filter_map(choice).collect())
}
