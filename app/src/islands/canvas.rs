//! A large picture in a box that scrolls: zoom, dragging, a small map, keys, and jumping from change to change. The box
//! scrolls by itself and the picture's nodes are links, so without this everything can be reached, too.

use std::cell::Cell;
use std::rc::Rc;

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{Element, Event, HtmlElement, KeyboardEvent, MouseEvent, SvgElement, WheelEvent};

use super::dom;

/// How small and how large the picture gets.
const ZOOM: (f64, f64) = (0.08, 2.5);
/// One press of a button, one turn of a wheel.
const STEP: f64 = 1.25;
/// What is smaller than this cannot be read: a picture that fits only so is not made to fit before somebody asks.
const READABLE: f64 = 0.45;
/// Pixels that the pointer may move in a click.
const CLICK: i32 = 4;

/// Wraps the picture with its buttons, its map and the panel of the node that was chosen.
#[island]
pub fn Canvas(
    /// The picture, drawn whole.
    children: Children,
) -> impl IntoView {
    let wrapper = NodeRef::<leptos::html::Div>::new();
    Effect::new(move |_| {
        if let Some(picture) = wrapper.get().and_then(|wrapper| Picture::of(&wrapper)) {
            Rc::new(picture).begin();
        }
    });
    view! { <div node_ref=wrapper class="graph">{children()}</div> }
}

/// The parts of the page that belong together, and where somebody is.
struct Picture {
    wrapper: Element,
    window: Element,
    svg: Element,
    /// Its sides at a zoom of 1.
    size: (f64, f64),
    zoom: Cell<f64>,
    /// What differs, in turn.
    changes: Vec<Element>,
    turn: Cell<Option<usize>>,
    /// Where a drag was last, and how far it has gone.
    drag: Cell<Option<(i32, i32)>>,
    dragged: Cell<i32>,
}

impl Picture {
    fn of(wrapper: &Element) -> Option<Self> {
        let find = |selector| wrapper.query_selector(selector).ok()?;
        let (window, svg) = (find(".graph-box")?, find(".graph-picture")?);
        let number = |name| svg.get_attribute(name)?.parse().ok().map(|n: i32| f64::from(n));
        let size = (number("data-width")?, number("data-height")?);
        let zoom = number("width")? / size.0;
        let turn = |element: &Element| element.get_attribute("data-turn").and_then(|turn| turn.parse::<usize>().ok());
        let mut changes = dom::all(&svg, "[data-turn]");
        changes.sort_by_key(turn);
        Some(Self {
            wrapper: wrapper.clone(),
            window,
            svg,
            size,
            zoom: Cell::new(zoom),
            changes,
            turn: Cell::new(None),
            drag: Cell::new(None),
            dragged: Cell::new(0),
        })
    }

    fn begin(self: Rc<Self>) {
        if self.fitting() >= READABLE {
            self.fit();
        }
        if let Some(first) = self.changes.first() {
            self.centre(first);
        }
        self.centre_chosen();
        self.show_on_map();
        self.on("click", Self::clicked);
        self.on("keydown", Self::typed);
        self.on("mousedown", Self::pressed);
        self.on("mousemove", Self::moved);
        for end in ["mouseup", "mouseleave"] {
            self.on(end, |this, _| this.drag.set(None));
        }
        let this = Rc::clone(&self);
        dom::listen(&self.window, "wheel", move |event| this.turned(&event));
        let this = Rc::clone(&self);
        dom::listen(&self.window, "scroll", move |_| this.show_on_map());
        let this = Rc::clone(&self);
        dom::listen(&window(), "resize", move |_| this.show_on_map());
    }

    fn on(self: &Rc<Self>, event: &str, then: fn(&Self, &Event)) {
        let this = Rc::clone(self);
        dom::listen(&self.wrapper, event, move |event| then(&this, &event));
    }

    /// The sides of the box.
    fn room(&self) -> (f64, f64) {
        (f64::from(self.window.client_width()), f64::from(self.window.client_height()))
    }

    /// The zoom at which everything is to be seen.
    fn fitting(&self) -> f64 {
        let room = self.room();
        (room.0 / self.size.0).min(room.1 / self.size.1).clamp(ZOOM.0, 1.0)
    }

    fn fit(&self) {
        self.zoom_to(self.fitting());
    }

    /// Zooms, and leaves what is in the middle of the box there.
    fn zoom_to(&self, zoom: f64) {
        let zoom = zoom.clamp(ZOOM.0, ZOOM.1);
        let ratio = zoom / self.zoom.replace(zoom);
        let room = self.room();
        let (x, y) = (f64::from(self.window.scroll_left()), f64::from(self.window.scroll_top()));
        set(&self.svg, "width", self.size.0 * zoom);
        set(&self.svg, "height", self.size.1 * zoom);
        self.scroll_to((x + room.0 / 2.0) * ratio - room.0 / 2.0, (y + room.1 / 2.0) * ratio - room.1 / 2.0);
    }

    fn scroll_to(&self, x: f64, y: f64) {
        self.window.set_scroll_left(whole(x));
        self.window.set_scroll_top(whole(y));
        self.show_on_map();
    }

    /// Brings a part of the picture into the middle of the box.
    fn centre(&self, part: &Element) {
        let (part, seen) = (part.get_bounding_client_rect(), self.window.get_bounding_client_rect());
        let x = part.left() + part.width() / 2.0 - seen.left() - seen.width() / 2.0;
        let y = part.top() + part.height() / 2.0 - seen.top() - seen.height() / 2.0;
        self.scroll_to(f64::from(self.window.scroll_left()) + x, f64::from(self.window.scroll_top()) + y);
    }

    /// Frames on the map what the box shows.
    fn show_on_map(&self) {
        let Ok(Some(frame)) = self.wrapper.query_selector(".graph-window") else { return };
        let (zoom, room) = (self.zoom.get(), self.room());
        let (x, y) = (f64::from(self.window.scroll_left()), f64::from(self.window.scroll_top()));
        let width = (room.0 / zoom).min(self.size.0);
        let height = (room.1 / zoom).min(self.size.1);
        if let Some(map) = frame.parent_element() {
            // What shows everything needs no map, which would only lie over it.
            let all = width >= self.size.0 && height >= self.size.1;
            // As in `set`.
            let _ = map.set_attribute("data-all", if all { "true" } else { "false" });
        }
        for (name, value) in [("x", x / zoom), ("y", y / zoom), ("width", width), ("height", height)] {
            set(&frame, name, value);
        }
    }

    /// Goes to the next change, or to the one before, round and round.
    fn jump(&self, back: bool) {
        let all = self.changes.len();
        if all == 0 {
            return;
        }
        let turn = match (self.turn.get(), back) {
            (None, false) => 0,
            (None, true) => all - 1,
            (Some(turn), false) => (turn + 1) % all,
            (Some(turn), true) => (turn + all - 1) % all,
        };
        self.turn.set(Some(turn));
        let part = &self.changes[turn];
        if self.zoom.get() < READABLE {
            self.zoom_to(READABLE * STEP);
        }
        self.centre(part);
        if let Some(part) = part.dyn_ref::<SvgElement>() {
            // The box was scrolled as it should be; what cannot be focused is in the middle all the same.
            let _ = part.focus();
        }
        self.centre(part);
        if let Ok(Some(said)) = self.wrapper.query_selector("[data-turns]") {
            said.set_text_content(Some(&format!("{} of {all}", turn + 1)));
        }
    }

    fn clicked(&self, event: &Event) {
        if let Some(button) = dom::closest(event, "[data-do]") {
            self.act(button.get_attribute("data-do").as_deref().unwrap_or_default());
        } else if dom::closest(event, ".graph-map").is_some() {
            self.go_to(event);
        } else if let Some(link) = dom::closest(event, "a[data-choose]") {
            self.choose(event, &link);
            if dom::closest(event, ".graph-box").is_none() {
                self.centre_chosen();
            }
        }
    }

    fn act(&self, what: &str) {
        match what {
            "next" => self.jump(false),
            "previous" => self.jump(true),
            "in" => self.zoom_to(self.zoom.get() * STEP),
            "out" => self.zoom_to(self.zoom.get() / STEP),
            _ => self.fit(),
        }
    }

    /// Shows the place that was pointed at on the map.
    fn go_to(&self, event: &Event) {
        let (Some(mouse), Some(map)) = (event.dyn_ref::<MouseEvent>(), dom::closest(event, ".graph-map")) else {
            return;
        };
        let (map, room, zoom) = (map.get_bounding_client_rect(), self.room(), self.zoom.get());
        let x = (f64::from(mouse.client_x()) - map.left()) / map.width() * self.size.0 * zoom;
        let y = (f64::from(mouse.client_y()) - map.top()) / map.height() * self.size.1 * zoom;
        self.scroll_to(x - room.0 / 2.0, y - room.1 / 2.0);
    }

    /// Opens a node in the panel, without loading the page again.
    fn choose(&self, event: &Event, link: &Element) {
        let Some(mouse) = event.dyn_ref::<MouseEvent>() else { return };
        if self.dragged.get() > CLICK {
            event.prevent_default();
            return;
        }
        // Another tab, another window: the browser's own.
        if mouse.ctrl_key() || mouse.meta_key() || mouse.shift_key() || self.open(link).is_none() {
            return;
        }
        event.prevent_default();
    }

    fn centre_chosen(&self) {
        if let Ok(Some(chosen)) = self.svg.query_selector("[aria-current]") {
            self.centre(&chosen);
        }
    }

    fn open(&self, link: &Element) -> Option<()> {
        // A link of the table means the node of the picture.
        let link =
            self.svg.query_selector(&format!("[data-choose=\"{}\"]", link.get_attribute("data-choose")?)).ok()??;
        let panel = self.wrapper.query_selector(".graph-chosen").ok()??;
        let (sentence, rows) =
            (panel.query_selector("[data-sentence]").ok()??, panel.query_selector("[data-rows]").ok()??);
        let name = link.get_attribute("data-name");
        sentence.set_text_content(link.query_selector("title").ok()??.text_content().as_deref());
        rows.set_text_content(None);
        let root = dom::root()?;
        for below in dom::all(&root, "#diff article[data-node]") {
            if below.get_attribute("data-node") != name || name.is_none() {
                continue;
            }
            let copy: Element = below.clone_node_with_deep(true).ok()?.dyn_into().ok()?;
            for region in dom::all(&copy, "[role=region]") {
                let said = region.get_attribute("aria-label").unwrap_or_default();
                region.set_attribute("aria-label", &format!("{said}, chosen")).ok()?;
            }
            rows.append_child(&copy).ok()?;
        }
        for before in dom::all(&self.svg, "[aria-current]") {
            before.remove_attribute("aria-current").ok()?;
        }
        link.set_attribute("aria-current", "true").ok()?;
        if let Some(turn) = link.get_attribute("data-turn").and_then(|turn| turn.parse().ok()) {
            self.turn.set(Some(turn));
        }
        let address = link.get_attribute("href")?;
        let address = address.split('#').next()?;
        // An address that cannot be shown is no reason not to open the node.
        let _ = window().history().ok()?.replace_state_with_url(&wasm_bindgen::JsValue::NULL, "", Some(address));
        Some(())
    }

    fn typed(&self, event: &Event) {
        let Some(key) = event.dyn_ref::<KeyboardEvent>() else { return };
        let within = dom::closest(event, ".graph-box").is_some();
        if !within || key.ctrl_key() || key.meta_key() || key.alt_key() {
            return;
        }
        match key.key().as_str() {
            "+" | "=" => self.act("in"),
            "-" => self.act("out"),
            "0" => self.act("fit"),
            "n" => self.jump(false),
            "p" => self.jump(true),
            // Arrows are the box's own.
            _ => return,
        }
        event.prevent_default();
    }

    fn pressed(&self, event: &Event) {
        let Some(mouse) = event.dyn_ref::<MouseEvent>() else { return };
        self.dragged.set(0);
        if mouse.button() == 0 && dom::closest(event, ".graph-picture").is_some() {
            // Else the browser would drag a link away.
            event.prevent_default();
            if let Some(window) = self.window.dyn_ref::<HtmlElement>() {
                // So that keys work after a click on the picture.
                let _ = window.focus();
            }
            self.drag.set(Some((mouse.client_x(), mouse.client_y())));
        }
    }

    fn moved(&self, event: &Event) {
        let (Some((x, y)), Some(mouse)) = (self.drag.get(), event.dyn_ref::<MouseEvent>()) else { return };
        let (dx, dy) = (mouse.client_x() - x, mouse.client_y() - y);
        self.drag.set(Some((mouse.client_x(), mouse.client_y())));
        self.dragged.set(self.dragged.get() + dx.abs() + dy.abs());
        self.scroll_to(f64::from(self.window.scroll_left() - dx), f64::from(self.window.scroll_top() - dy));
    }

    /// A wheel scrolls the box, and zooms with the key that zooms elsewhere.
    fn turned(&self, event: &Event) {
        let Some(wheel) = event.dyn_ref::<WheelEvent>().filter(|wheel| wheel.ctrl_key() || wheel.meta_key()) else {
            return;
        };
        event.prevent_default();
        self.act(if wheel.delta_y() < 0.0 { "in" } else { "out" });
    }
}

/// Whole pixels. (Writing and reading fractions would be a large part of what a browser has to load.)
#[expect(clippy::cast_possible_truncation, reason = "pixels of a page, and a cast that is out of range saturates")]
fn whole(pixels: f64) -> i32 {
    pixels.round() as i32
}

fn set(element: &Element, name: &str, pixels: f64) {
    // Setting an attribute with a valid name does not fail.
    let _ = element.set_attribute(name, &whole(pixels).to_string());
}
