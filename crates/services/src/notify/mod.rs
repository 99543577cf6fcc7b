//! Notifications: people and programs elsewhere are told what happened, once each.
//!
//! | step | where | in which transaction |
//! |---|---|---|
//! | an event goes on the record, and into the outbox | [`drift_store::events`] | of what happened |
//! | it is handed to every channel and person that wants it; a burst shares a message | `spread` | of its own |
//! | a message is claimed, sent, and what came of it recorded | `deliver` | one before the call, one after it |
//!
//! Each step can be taken again after a crash: an event reaches a receiver by one message (a constraint), and a message
//! keeps its identifier and its words over every try, so a receiver can tell a second arrival from a second message.

use drift_domain::notification::{ChannelKind, NoticeKind};
use drift_domain::views::ChannelView;
use secrecy::SecretString;

use crate::error::{ServiceError, ServiceResult};

mod channels;
mod deliver;
mod log;
mod own;
mod spread;
mod turns;
mod words;

pub use deliver::{Next, Posted};

/// A channel to be made, or what is to change of one.
#[derive(Clone, Debug)]
pub struct ChannelDraft {
    /// What it speaks. A channel keeps its kind.
    pub kind: ChannelKind,
    /// What people call it.
    pub name: String,
    /// Where it leads: a mail address, or the address of a webhook. `None` keeps what is stored; for PagerDuty, a new channel
    /// takes PagerDuty's own address.
    pub address: Option<SecretString>,
    /// What a webhook is signed with (`None`: one is made), or PagerDuty's routing key. `None` keeps what is stored.
    pub secret: Option<SecretString>,
    /// What is told through it.
    pub events: Vec<NoticeKind>,
}

/// A channel that was just made or changed.
#[derive(Debug)]
pub struct MadeChannel {
    /// What is shown of it.
    pub channel: ChannelView,
    /// The signing secret, where one was made: shown now or never.
    pub secret: Option<SecretString>,
}

/// Who carries messages over HTTP.
#[derive(Debug)]
pub(crate) struct Courier(Result<drift_notify::Client, NoCourier>);

/// The TLS set-up of this machine cannot be used.
#[derive(Clone, Debug, thiserror::Error)]
#[error("no HTTP client could be made: {0}")]
struct NoCourier(String);

impl Courier {
    /// `allow_private`: whether receivers may be on private networks and this machine.
    pub(crate) fn new(allow_private: bool) -> Self {
        Self(drift_notify::Client::new(allow_private).map_err(|error| NoCourier(error.to_string())))
    }

    fn client(&self) -> ServiceResult<&drift_notify::Client> {
        self.0.as_ref().map_err(|error| ServiceError::unavailable(error.clone()))
    }
}
