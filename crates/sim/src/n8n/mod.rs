//! A stand-in for n8n: its public API v1, and a handle to act as the person in the editor.
//!
//! What it answers follows what 2.41.1 and 1.123.81 were seen to answer; the contract tests of `drift-n8n` run on it and
//! on real servers alike. Ids are made from a seed, and times come from a clock (each at least a millisecond after the
//! one before, since a real server never changes something without its time moving).

mod api;
mod credentials;
mod door;
mod editor;
mod publishing;
mod reply;
mod rules;
mod shape;
mod state;
mod tags;
mod writes;

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use drift_domain::clock::Clock;
use serde_json::Value;

use crate::faults::Faults;
use crate::server::Server;
use state::State;

pub use state::Refusal;

/// Which n8n the stand-in is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum N8nVersion {
    /// 1.123.81: what is saved on an active workflow runs at once; no archive, no description through the API.
    V1,
    /// 2.41.1: drafts and published versions.
    V2,
}

/// What a key may do; anything else is answered 403.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// `workflow:list`
    List,
    /// `workflow:read`
    Read,
    /// Everything that writes: workflows and tags.
    Write,
}

/// What the server does about every request, beside answering it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// It answers.
    Ready,
    /// It has begun to start: 200 and a line of text on every path (observed).
    StartingText,
    /// It has nearly started: its routes do not exist yet, 404 and a web page (observed, some seconds before it is ready).
    StartingNoRoutes,
    /// It starts from the beginning: so many requests get the text, then so many the web page, and then it answers.
    /// Counted in requests, since a test has no patience for seconds.
    Starting {
        /// Requests that are answered 200 with a line of text.
        text: u32,
        /// Requests after them that are answered 404 with a web page.
        no_routes: u32,
    },
    /// It was told to stop and goes on answering for a moment: 1.x answers 401 to a good key (observed), 2.x resets.
    ShuttingDown,
}

/// What a stand-in does wrong on purpose, to see that the contract suite notices. No real n8n does any of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Flaw {
    /// The list leaves out its second page.
    ListSkipsAPage,
    /// A PUT is answered as if it were carried out, and is not.
    PutIsForgotten,
    /// No change moves `updatedAt`.
    TimeStandsStill,
    /// Publishing is answered as if it were carried out, and never takes effect.
    PublishHasNoEffect,
    /// Settings that a PUT leaves out are removed, as one would wish: a stand-in that flatters.
    SettingsAreReplaced,
    /// A credential without an id is kept as it was sent: a stand-in that flatters.
    CredentialsAreKept,
    /// A refused PUT of a published workflow changes nothing: a stand-in that flatters.
    RefusalsChangeNothing,
}

/// How to start a stand-in.
#[derive(Clone)]
pub struct Options {
    /// Where times come from.
    pub clock: Arc<dyn Clock>,
    /// Which n8n to be.
    pub version: N8nVersion,
    /// What ids, and the key when none is given, are made from. Two stand-ins with one seed make the same ids.
    pub seed: String,
    /// The API key to accept; made from the seed when absent.
    pub api_key: Option<String>,
    /// The port to listen on; 0 for one that the system chooses.
    pub port: u16,
}

impl Options {
    /// n8n 2.x on a port that the system chooses.
    pub fn new(clock: impl Clock) -> Self {
        Self { clock: Arc::new(clock), version: N8nVersion::V2, seed: "n8n".into(), api_key: None, port: 0 }
    }
}

/// A running stand-in. It stops when it is dropped; a clone of [`N8nSim::editor`] may outlive it.
pub struct N8nSim {
    server: Server,
    editor: Editor,
    faults: Faults,
}

/// The handle of the person in the editor: changes what the stand-in holds, without going through the API. Cheap to
/// clone.
#[derive(Clone)]
pub struct Editor {
    state: Arc<Mutex<State>>,
}

impl N8nSim {
    /// Starts n8n 2.x with times from this clock.
    ///
    /// # Errors
    /// What binding a port on 127.0.0.1 failed with.
    pub async fn start(clock: impl Clock) -> io::Result<Self> {
        Self::start_with(Options::new(clock)).await
    }

    /// Starts a stand-in.
    ///
    /// # Errors
    /// What binding the port failed with.
    pub async fn start_with(options: Options) -> io::Result<Self> {
        let port = options.port;
        let editor = Editor { state: Arc::new(Mutex::new(State::new(options))) };
        let faults = Faults::default();
        let server = Server::start_on(faults.around(api::routes(editor.clone())), port).await?;
        Ok(Self { server, editor, faults })
    }

    /// The base URL, the same after a restart.
    #[must_use]
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// The API key that it accepts.
    #[must_use]
    pub fn api_key(&self) -> String {
        self.editor.lock().api_key.clone()
    }

    /// What goes wrong on request, and the journal of what was asked.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// The person in the editor.
    #[must_use]
    pub fn editor(&self) -> &Editor {
        &self.editor
    }

    /// Stops listening; open connections are reset. What it holds is kept, as on disk.
    pub async fn stop(&self) {
        self.server.stop().await;
    }

    /// Listens again on the same port.
    ///
    /// # Errors
    /// What binding the port failed with.
    pub async fn restart(&self) -> io::Result<()> {
        self.server.restart().await
    }

    /// Whether it listens.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.server.is_running()
    }

    /// Puts it into a mode of starting, or out of it.
    pub fn set_mode(&self, mode: Mode) {
        self.editor.lock().mode = mode;
    }

    /// Breaks it on purpose, or mends it.
    pub fn set_flaw(&self, flaw: Option<Flaw>) {
        self.editor.lock().flaw = flaw;
    }

    /// How many requests pass between an answer that a workflow was published or taken out of service, and its being so:
    /// until then its triggers are not counted, its webhooks free, and 2.x does not delete it. 1 unless set.
    pub fn set_publish_lag(&self, requests: u32) {
        self.editor.lock().lag = requests;
    }

    /// Makes a type of nodes unknown: a workflow with such a node is saved and cannot be published.
    pub fn uninstall(&self, node_type: &str) {
        self.editor.lock().uninstalled.insert(node_type.to_owned());
    }

    /// Leaves the key only these scopes.
    pub fn set_scopes(&self, scopes: &[Scope]) {
        self.editor.lock().scopes = scopes.to_vec();
    }

    /// Takes a new key in place of the old one, which is answered 401 from now on.
    pub fn set_api_key(&self, key: &str) {
        self.editor.lock().api_key = key.to_owned();
    }

    /// Becomes the other version: what an upgrade does, with its workflows kept.
    pub fn set_version(&self, version: N8nVersion) {
        self.editor.lock().version = version;
    }
}

impl std::ops::Deref for N8nSim {
    type Target = Editor;

    fn deref(&self) -> &Editor {
        &self.editor
    }
}

impl Editor {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The ids of all workflows, in the order of the list.
    #[must_use]
    pub fn ids(&self) -> Vec<String> {
        self.lock().workflows.keys().cloned().collect()
    }

    /// A workflow as GET answers it.
    ///
    /// # Errors
    /// [`Refusal`] with 404.
    pub fn workflow(&self, id: &str) -> Result<Value, Refusal> {
        let state = self.lock();
        Ok(shape::workflow(&state, state.get(id)?, shape::Answering::Get))
    }
}
