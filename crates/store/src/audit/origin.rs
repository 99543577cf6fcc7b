//! Where the request at work came from. It is the task's, not a parameter: an entry is written below what no caller passes
//! addresses through, and whatever is not within a request is background work.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use drift_domain::audit::{AuditVia, Origin};
use drift_domain::ids::{OrganizationId, TokenId, UserId};

/// Characters of what a client calls itself that are kept.
const USER_AGENT_KEPT: usize = 300;

/// Who was found to ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asker {
    /// The organization that they act in.
    pub organization: OrganizationId,
    /// The person.
    pub user: UserId,
    /// The token that they came by, if by one.
    pub token: Option<TokenId>,
}

/// What was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Plan, role or policy, as a word.
    pub kind: &'static str,
    /// The capability or policy.
    pub what: String,
    /// What the person was told.
    pub message: String,
}

/// A request from outside, and what became known of it.
#[derive(Debug)]
pub struct Request {
    origin: Origin,
    asked: Option<String>,
    asker: OnceLock<Asker>,
    refusal: Mutex<Option<Refusal>>,
}

impl Request {
    /// A request of which nothing is known but where it came from and what it asks for: a method and a route, without what an
    /// address may hold.
    #[must_use]
    pub fn new(via: AuditVia, address: Option<String>, user_agent: Option<&str>, asked: Option<String>) -> Arc<Self> {
        let user_agent =
            user_agent.map(|name| name.chars().filter(|c| !c.is_control()).take(USER_AGENT_KEPT).collect());
        let origin = Origin { via, address, user_agent };
        Self::of(origin, asked)
    }

    /// The same, of what is known.
    #[must_use]
    pub fn of(origin: Origin, asked: Option<String>) -> Arc<Self> {
        Arc::new(Self { origin, asked, asker: OnceLock::new(), refusal: Mutex::new(None) })
    }

    /// What it asks for.
    #[must_use]
    pub fn asked(&self) -> Option<&str> {
        self.asked.as_deref()
    }

    /// Who asked and what was refused, if something was.
    #[must_use]
    pub fn refused(&self) -> Option<(Asker, Refusal)> {
        let refusal = self.refusal.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.asker.get().cloned().zip(refusal)
    }
}

tokio::task_local! {
    static REQUEST: Arc<Request>;
}

/// Does something within a request.
pub async fn within<F: Future>(request: Arc<Request>, work: F) -> F::Output {
    REQUEST.scope(request, work).await
}

/// Notes who asks. Nothing outside of a request.
pub fn asked_by(asker: Asker) {
    // A request is one person's: who was found first is who it is.
    let _ = REQUEST.try_with(|request| request.asker.set(asker));
}

/// Notes that something is refused. Nothing outside of a request.
pub fn refuse(refusal: Refusal) {
    let note = |request: &Arc<Request>| *request.refusal.lock().unwrap_or_else(PoisonError::into_inner) = Some(refusal);
    let _ = REQUEST.try_with(note);
}

/// Where what happens now came from, and the token that `user` came by.
pub(crate) fn current(user: Option<UserId>) -> (Origin, Option<TokenId>) {
    let known = REQUEST.try_with(|request| {
        let asker = request.asker.get().filter(|asker| Some(asker.user) == user);
        (request.origin.clone(), asker.and_then(|asker| asker.token))
    });
    known.unwrap_or((Origin { via: AuditVia::Job, address: None, user_agent: None }, None))
}
