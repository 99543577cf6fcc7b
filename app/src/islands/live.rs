//! Keeps the page true while somebody looks at it.
//!
//! Listens to `/events`. On an event that concerns the page it asks the server for the page again and exchanges the
//! regions marked `data-live` that differ: the server draws, the browser only places (`exchange`). A stream that is down is
//! shown, and what was missed meanwhile is made up for when it is back. A tab that nobody looks at keeps no connection
//! (browsers allow six per host).

mod exchange;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::Closure;
use web_sys::{Event, EventSource, MessageEvent};

use super::dom;

/// Events come in bursts (a check starts and ends); one look at the page answers them all.
const SETTLE: Duration = Duration::from_millis(250);
/// A page about many environments hears of one or another all the time; it looks no more often than this (milliseconds).
const PAUSE: f64 = 2_000.0;
/// The first wait before a closed stream is opened again; doubled up to [`LONGEST_WAIT`].
const FIRST_WAIT: Duration = Duration::from_secs(2);
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// How the page stands to what the server knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Not connected yet, or nobody looks.
    Waiting,
    /// What happens is shown.
    Live,
    /// The stream is down.
    Lost,
    /// Something changed under a form that somebody is filling in.
    Held,
}

impl State {
    const fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Live => "live",
            Self::Lost => "lost",
            Self::Held => "held",
        }
    }

    const fn label(self) -> &'static str {
        match self {
            Self::Waiting => "",
            Self::Live => "Live",
            Self::Lost => "Reconnecting…",
            Self::Held => "Changed meanwhile: reload when you are done",
        }
    }
}

/// One per page, in its top bar.
#[island]
pub fn LiveUpdates(
    /// The environment that the page is about; `None` for a page about all of them.
    environment: Option<String>,
) -> impl IntoView {
    let state = RwSignal::new(State::Waiting);
    Effect::new(move |_| {
        let live = Rc::new(Live::new(environment.clone(), state));
        live.follow_visibility();
        if !dom::hidden() {
            live.open();
        }
    });
    view! {
        <span class="live-dot needs-js" data-state=move || state.get().word() role="status">
            <span class="live-word">{move || state.get().label()}</span>
        </span>
    }
}

/// An open stream and the closures that it calls.
struct Stream {
    source: EventSource,
    _opened: Closure<dyn FnMut(Event)>,
    _failed: Closure<dyn FnMut(Event)>,
    _message: Closure<dyn FnMut(MessageEvent)>,
    _resync: Closure<dyn FnMut(Event)>,
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.source.set_onopen(None);
        self.source.set_onerror(None);
        self.source.close();
    }
}

struct Live {
    environment: Option<String>,
    state: RwSignal<State>,
    stream: RefCell<Option<Stream>>,
    /// Something may have been missed since the page was last asked for.
    behind: Cell<bool>,
    /// A look at the page is due or under way.
    looking: Cell<bool>,
    /// When the page was last asked for, in milliseconds since 1970.
    looked: Cell<f64>,
    wait: Cell<Duration>,
}

impl Live {
    fn new(environment: Option<String>, state: RwSignal<State>) -> Self {
        Self {
            environment,
            state,
            stream: RefCell::new(None),
            // Between the drawing of the page and the opening of the stream nobody listened.
            behind: Cell::new(true),
            looking: Cell::new(false),
            looked: Cell::new(0.0),
            wait: Cell::new(FIRST_WAIT),
        }
    }

    fn follow_visibility(self: &Rc<Self>) {
        let live = Rc::clone(self);
        dom::listen(&document(), "visibilitychange", move |_| {
            if dom::hidden() {
                live.stream.take();
                live.state.set(State::Waiting);
                live.behind.set(true);
            } else if live.stream.borrow().is_none() {
                live.open();
            }
        });
    }

    fn open(self: &Rc<Self>) {
        let Ok(source) = EventSource::new("/events") else { return };
        let live = Rc::clone(self);
        let opened = Closure::<dyn FnMut(Event)>::new(move |_| live.opened());
        let live = Rc::clone(self);
        let failed = Closure::<dyn FnMut(Event)>::new(move |_| live.failed());
        let live = Rc::clone(self);
        let message = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| live.heard(&event));
        source.set_onopen(Some(opened.as_ref().unchecked_ref()));
        source.set_onerror(Some(failed.as_ref().unchecked_ref()));
        let live = Rc::clone(self);
        let resync = Closure::<dyn FnMut(Event)>::new(move |_| live.look());
        // Adding a listener fails for a detached window only.
        let _ = source.add_event_listener_with_callback("environment", message.as_ref().unchecked_ref());
        let _ = source.add_event_listener_with_callback("resync", resync.as_ref().unchecked_ref());
        self.stream.replace(Some(Stream {
            source,
            _opened: opened,
            _failed: failed,
            _message: message,
            _resync: resync,
        }));
    }

    fn opened(self: &Rc<Self>) {
        self.wait.set(FIRST_WAIT);
        self.state.set(State::Live);
        if self.behind.replace(false) {
            self.look();
        }
    }

    /// The browser tries again by itself unless it was told off (an error status); then this does.
    fn failed(self: &Rc<Self>) {
        self.state.set(State::Lost);
        self.behind.set(true);
        let closed = self.stream.borrow().as_ref().is_some_and(|s| s.source.ready_state() == EventSource::CLOSED);
        if !closed {
            return;
        }
        let wait = self.wait.get();
        self.wait.set((wait * 2).min(LONGEST_WAIT));
        let live = Rc::clone(self);
        set_timeout(
            move || {
                if !dom::hidden() {
                    live.open();
                }
            },
            wait,
        );
    }

    /// The identifier is enough to tell whether an event concerns the page; the server says the rest.
    fn heard(self: &Rc<Self>, event: &MessageEvent) {
        let data = event.data().as_string().unwrap_or_default();
        if self.environment.as_ref().is_none_or(|id| data.contains(id.as_str())) {
            self.look();
        }
    }

    fn look(self: &Rc<Self>) {
        if self.looking.replace(true) {
            self.behind.set(true);
            return;
        }
        let pause = (self.looked.get() + PAUSE - js_sys::Date::now()).clamp(0.0, PAUSE);
        let live = Rc::clone(self);
        set_timeout(
            move || {
                leptos::task::spawn_local(async move {
                    live.behind.set(false);
                    live.looked.set(js_sys::Date::now());
                    let seen = live.ask().await;
                    live.looking.set(false);
                    if seen.is_none() {
                        live.behind.set(true);
                    } else if live.behind.replace(false) {
                        live.look();
                    }
                });
            },
            SETTLE.max(Duration::from_secs_f64(pause / 1_000.0)),
        );
    }

    /// Asks for this page again and shows what differs. `None` where there was no usable answer.
    async fn ask(&self) -> Option<()> {
        let answer = dom::ask(&dom::address()).await?;
        if answer.redirected {
            // The session is over, or the page has moved: the browser finds out where to.
            window().location().reload().ok()?;
            return None;
        }
        if answer.status >= 500 {
            return None;
        }
        let whole = exchange::exchange(&answer.html)?;
        match (whole, self.state.get_untracked()) {
            (false, _) => self.state.set(State::Held),
            (true, State::Held) => self.state.set(State::Live),
            (true, _) => {}
        }
        Some(())
    }
}
