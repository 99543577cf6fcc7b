//! Notifications: what is told, where to, and how far a message is.

use serde_json::Value;

use crate::words::words;

words! {
    /// Something that is told to people and programs elsewhere.
    pub enum NoticeKind {
        /// A check saw differences that were not there before.
        DriftDetected = "DRIFT_DETECTED",
        /// A check saw no difference any more.
        DriftGone = "DRIFT_GONE",
        /// An incident was opened, by a person or by the organization's policy.
        IncidentOpened = "INCIDENT_OPENED",
        /// An incident moved to another state, forward or back.
        IncidentChanged = "INCIDENT_CHANGED",
        /// A part of an incident's time is over.
        IncidentExpiring = "INCIDENT_EXPIRING",
        /// All of an incident's time is over.
        IncidentExpired = "INCIDENT_EXPIRED",
        /// A decision could not be carried out, or not as decided.
        ArtifactFailed = "ARTIFACT_FAILED",
        /// Somebody's approval is waited for.
        ApprovalWanted = "APPROVAL_WANTED",
        /// What is known of an environment is not verified any more: its newest check failed, or is too old.
        EnvironmentUnverified = "ENVIRONMENT_UNVERIFIED",
        /// It is verified again.
        EnvironmentVerified = "ENVIRONMENT_VERIFIED",
    }
}

impl NoticeKind {
    /// What an event of the record is told as; `None` for one that is told to nobody. This is the one list of what is told:
    /// whoever writes such an event has it told, in the same transaction.
    #[must_use]
    pub fn of_event(event: &str) -> Option<Self> {
        Some(match event {
            "environment.drift_detected" => Self::DriftDetected,
            "environment.drift_gone" => Self::DriftGone,
            "incident.created" => Self::IncidentOpened,
            "incident.acknowledged"
            | "incident.stabilized"
            | "incident.reconciled"
            | "incident.regressed"
            | "incident.closed" => Self::IncidentChanged,
            "incident.expiring" => Self::IncidentExpiring,
            "incident.expired" => Self::IncidentExpired,
            "incident.not_carried_out" | "incident.not_as_decided" => Self::ArtifactFailed,
            "approval.wanted" => Self::ApprovalWanted,
            "environment.unverified" => Self::EnvironmentUnverified,
            "environment.verified" => Self::EnvironmentVerified,
            _ => return None,
        })
    }

    /// What a person reads.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::DriftDetected => "Drift detected",
            Self::DriftGone => "Drift gone",
            Self::IncidentOpened => "Incident opened",
            Self::IncidentChanged => "Incident changed its state",
            Self::IncidentExpiring => "Incident about to expire",
            Self::IncidentExpired => "Incident expired",
            Self::ArtifactFailed => "Decision not carried out",
            Self::ApprovalWanted => "Approval wanted",
            Self::EnvironmentUnverified => "Environment unverified",
            Self::EnvironmentVerified => "Environment verified again",
        }
    }

    /// The name in a webhook's `type`.
    #[must_use]
    pub const fn event_type(self) -> &'static str {
        match self {
            Self::DriftDetected => "drift.detected",
            Self::DriftGone => "drift.gone",
            Self::IncidentOpened => "incident.opened",
            Self::IncidentChanged => "incident.changed",
            Self::IncidentExpiring => "incident.expiring",
            Self::IncidentExpired => "incident.expired",
            Self::ArtifactFailed => "artifact.failed",
            Self::ApprovalWanted => "approval.wanted",
            Self::EnvironmentUnverified => "environment.unverified",
            Self::EnvironmentVerified => "environment.verified",
        }
    }
}

words! {
    /// What a channel speaks.
    pub enum ChannelKind {
        /// Mail to one address.
        Email = "EMAIL",
        /// An incoming webhook of Slack.
        Slack = "SLACK",
        /// A workflow of Microsoft Teams that posts what a webhook brings.
        Teams = "TEAMS",
        /// A webhook signed after the Standard Webhooks specification.
        Webhook = "WEBHOOK",
        /// PagerDuty's Events API v2.
        PagerDuty = "PAGERDUTY",
    }
}

impl ChannelKind {
    /// What a person reads.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Email => "E-mail",
            Self::Slack => "Slack",
            Self::Teams => "Microsoft Teams",
            Self::Webhook => "Webhook",
            Self::PagerDuty => "PagerDuty",
        }
    }
}

words! {
    /// Whether a channel is used.
    pub enum ChannelState {
        /// It is.
        On = "ON",
        /// A person switched it off.
        Off = "OFF",
        /// The other end said that it is gone for good (410), so it was switched off.
        Gone = "GONE",
    }
}

words! {
    /// How far a message to one receiver is.
    pub enum DeliveryState {
        /// Not tried yet.
        Pending = "PENDING",
        /// Tried, not taken, and tried again later.
        Retrying = "RETRYING",
        /// Taken.
        Delivered = "DELIVERED",
        /// Not taken, and not tried again by itself.
        GivenUp = "GIVEN_UP",
    }
}

impl DeliveryState {
    /// Whether nothing more happens by itself.
    #[must_use]
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Delivered | Self::GivenUp)
    }
}

/// What one of the events behind a message says: what a receiver and a screen show of it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Told {
    /// What it is.
    pub kind: NoticeKind,
    /// What happened, in one sentence.
    pub text: String,
    /// When.
    pub at: chrono::DateTime<chrono::Utc>,
    /// Where to read on.
    pub link: String,
    /// The environment: identifier and name.
    pub environment: Option<Named>,
    /// The incident: identifier and number, `INC-7`.
    pub incident: Option<Named>,
    /// How severe: of the incident, or of what drifted.
    pub severity: Option<crate::severity::Severity>,
    /// Where the incident stands by this, if that is what happened.
    pub status: Option<crate::incident::IncidentStatus>,
    /// Particulars, as they are on the record. No secret.
    pub details: Value,
}

/// An identifier with what people call it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Named {
    /// The identifier.
    pub id: uuid::Uuid,
    /// The name.
    pub name: String,
}

/// A message to one receiver: one event, or several that came in a burst and are counted. Stored with its delivery before
/// it is sent, so that each try says the same. Holds no secret.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Message {
    /// Whose.
    pub organization: Named,
    /// How many events it tells of.
    pub count: usize,
    /// The events, oldest first: of many, the newest.
    pub told: Vec<Told>,
    /// Whether somebody only tries the channel.
    pub is_test: bool,
    /// What of the receiver's is meant, for a receiver that opens and closes alerts.
    pub topic: String,
    /// Where to read on about all of it.
    pub link: String,
}

impl Message {
    /// One line that says it: the event's own sentence, or the count with the kinds.
    #[must_use]
    pub fn headline(&self) -> String {
        if self.is_test {
            return format!("A test of this channel, from {} on WorkflowOps.", self.organization.name);
        }
        match self.told.as_slice() {
            [one] if self.count <= 1 => one.text.clone(),
            many => {
                let mut kinds: Vec<(NoticeKind, usize)> = Vec::new();
                for told in many {
                    match kinds.iter_mut().find(|(kind, _)| *kind == told.kind) {
                        Some((_, count)) => *count += 1,
                        None => kinds.push((told.kind, 1)),
                    }
                }
                let listed: Vec<String> = kinds.iter().map(|(kind, n)| format!("{} ({n})", kind.label())).collect();
                let more = self.count.saturating_sub(many.len());
                let more = if more > 0 { format!(", {more} more") } else { String::new() };
                format!("{} events in {}: {}{more}.", self.count, self.place(), listed.join(", "))
            }
        }
    }

    /// The environment that all of it is about, or the organization.
    fn place(&self) -> &str {
        let mut environments = self.told.iter().map(|told| told.environment.as_ref());
        let first = environments.next().flatten();
        match first {
            Some(named) if environments.all(|other| other.is_some_and(|other| other.id == named.id)) => &named.name,
            _ => &self.organization.name,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(kind: NoticeKind, environment: u128) -> Told {
        Told {
            kind,
            text: "Something happened.".to_owned(),
            at: chrono::DateTime::UNIX_EPOCH,
            link: "https://drift.example.com/".to_owned(),
            environment: Some(Named { id: uuid::Uuid::from_u128(environment), name: format!("env {environment}") }),
            incident: None,
            severity: None,
            status: None,
            details: Value::Null,
        }
    }

    fn message(told: Vec<Told>, count: usize) -> Message {
        Message {
            organization: Named { id: uuid::Uuid::nil(), name: "Acme".to_owned() },
            count,
            told,
            is_test: false,
            topic: String::new(),
            link: String::new(),
        }
    }

    #[test]
    fn one_event_speaks_for_itself_and_several_are_counted() {
        let one = message(vec![told(NoticeKind::DriftDetected, 1)], 1);
        assert_eq!(one.headline(), "Something happened.");
        let kinds = [NoticeKind::DriftDetected, NoticeKind::IncidentOpened, NoticeKind::DriftDetected];
        let here = message(kinds.map(|kind| told(kind, 1)).to_vec(), 3);
        assert_eq!(here.headline(), "3 events in env 1: Drift detected (2), Incident opened (1).");
        let wide = message(vec![told(NoticeKind::DriftGone, 1), told(NoticeKind::DriftGone, 2)], 9);
        assert_eq!(wide.headline(), "9 events in Acme: Drift gone (2), 7 more.");
    }

    #[test]
    fn every_kind_has_an_event_and_a_type_of_its_own() {
        let events = [
            "environment.drift_detected",
            "environment.drift_gone",
            "incident.created",
            "incident.closed",
            "incident.expiring",
            "incident.expired",
            "incident.not_carried_out",
            "approval.wanted",
            "environment.unverified",
            "environment.verified",
        ];
        let kinds: Vec<_> = events.iter().filter_map(|event| NoticeKind::of_event(event)).collect();
        assert_eq!(kinds, NoticeKind::ALL);
        assert_eq!(NoticeKind::of_event("incident.commented"), None);
        let types: std::collections::BTreeSet<_> = NoticeKind::ALL.iter().map(|kind| kind.event_type()).collect();
        assert_eq!(types.len(), NoticeKind::ALL.len());
    }
}
