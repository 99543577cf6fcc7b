//! Notifications: channels, what each person wants by mail, and the log of deliveries.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::ids::{ChannelId, DeliveryId};
use crate::notification::{ChannelKind, ChannelState, DeliveryState, NoticeKind};

/// A channel, without what it is reached and signed with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ChannelView {
    /// Its identifier.
    pub id: ChannelId,
    /// What it speaks.
    pub kind: ChannelKind,
    /// What people call it.
    pub name: String,
    /// Where it leads, as far as that is no secret: the host, or the mail address.
    pub target: String,
    /// Whether it is used.
    pub state: ChannelState,
    /// What is told through it.
    pub events: Vec<NoticeKind>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When a message was last taken.
    pub last_delivered_at: Option<DateTime<Utc>>,
    /// Why the newest message was not taken, if it was not.
    pub trouble: Option<String>,
}

/// A try to deliver a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AttemptView {
    /// When it began.
    pub at: DateTime<Utc>,
    /// What came of it, in words.
    pub outcome: String,
    /// The status of the answer, where there was one.
    pub status: Option<u16>,
}

/// A message to one receiver.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DeliveryView {
    /// Its identifier; `msg_` and this is the `webhook-id`.
    pub id: DeliveryId,
    /// The channel; none for a person's own mail.
    pub channel: Option<ChannelId>,
    /// The channel's name, or the person's.
    pub receiver: String,
    /// What it says, on one line. Empty until it is first tried, since it may still grow.
    pub text: String,
    /// How many events it tells of.
    pub events: u32,
    /// Whether somebody only tried the channel.
    pub is_test: bool,
    /// How far it is.
    pub state: DeliveryState,
    /// Why it was not taken, of the newest try.
    pub reason: Option<String>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it is tried next, while it is not over.
    pub due_at: Option<DateTime<Utc>>,
    /// When it was taken or given up.
    pub ended_at: Option<DateTime<Utc>>,
    /// The tries, oldest first.
    pub attempts: Vec<AttemptView>,
}
