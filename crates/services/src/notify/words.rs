//! What a notice says: one sentence, where it leads, and what a program reads of it.

use drift_domain::ids::EventId;
use drift_domain::incident::IncidentStatus;
use drift_domain::notification::{Named, NoticeKind, Told};
use drift_store::events::TimelineRecord;
use drift_store::notifications::outbox::NoticeRecord;
use serde_json::Value;

use crate::Services;
use crate::incidents::sentence;

impl Services {
    /// A notice as it is told.
    pub(super) fn told(&self, notice: &NoticeRecord) -> Told {
        Told {
            kind: notice.kind,
            text: text(notice),
            at: notice.at,
            link: self.public_link(&path(notice)),
            environment: notice.environment.as_ref().map(|(id, name)| Named { id: id.0, name: name.clone() }),
            incident: notice.incident.map(|(id, number)| Named { id: id.0, name: format!("INC-{number}") }),
            severity: notice.data["severity"].as_str().and_then(|word| word.parse().ok()),
            status: status(notice),
            details: notice.data.clone(),
        }
    }
}

/// The workspace that it is about: of the incident, else of the environment's drift.
fn path(notice: &NoticeRecord) -> String {
    if notice.kind == NoticeKind::ApprovalWanted {
        // The inbox, where it can be answered; the incident is a link away.
        return format!("/approvals#approval-{}", notice.data["approval"].as_str().unwrap_or_default());
    }
    match (&notice.incident, &notice.environment) {
        (Some((incident, _)), _) => format!("/incidents/{incident}"),
        (None, Some((environment, _))) => match notice.kind {
            NoticeKind::EnvironmentUnverified | NoticeKind::EnvironmentVerified => {
                format!("/environments/{environment}")
            }
            _ => format!("/environments/{environment}/drift"),
        },
        (None, None) => "/".to_owned(),
    }
}

fn text(notice: &NoticeRecord) -> String {
    let place = notice.environment.as_ref().map_or("An environment", |(_, name)| name.as_str());
    match notice.kind {
        NoticeKind::DriftDetected => format!("“{place}” drifted: {}", differ(&notice.data)),
        NoticeKind::DriftGone => {
            format!("“{place}” agrees with Git again. Changes that nobody decided wait for what became of them.")
        }
        NoticeKind::EnvironmentUnverified => {
            format!("“{place}” is not verified any more. {}", notice.data["why"].as_str().unwrap_or_default())
        }
        NoticeKind::EnvironmentVerified => format!("“{place}” is verified again: a check read both sides."),
        _ => {
            let record = TimelineRecord {
                id: EventId(0),
                kind: notice.event.clone(),
                by: notice.actor.clone(),
                at: notice.at,
                data: notice.data.clone(),
            };
            match &notice.incident {
                Some((_, number)) => format!("INC-{number} of “{place}”: {}", sentence(&record)),
                None => format!("“{place}”: {}", sentence(&record)),
            }
        }
    }
}

fn differ(data: &Value) -> String {
    let count = data["changes"].as_u64().unwrap_or_default();
    let names = data["workflows"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut listed: Vec<String> = names.iter().filter_map(Value::as_str).map(|name| format!("“{name}”")).collect();
    let more = count.saturating_sub(listed.len() as u64);
    if more > 0 {
        listed.push(format!("{more} more"));
    }
    format!("{} {} from Git.", listed.join(", "), if count == 1 { "differs" } else { "differ" })
}

/// Where an incident stands by what happened.
fn status(notice: &NoticeRecord) -> Option<IncidentStatus> {
    match notice.event.as_str() {
        "incident.created" => Some(IncidentStatus::Detected),
        "incident.acknowledged" => Some(IncidentStatus::Acknowledged),
        "incident.stabilized" => Some(IncidentStatus::Stabilized),
        "incident.reconciled" => Some(IncidentStatus::Reconciled),
        "incident.closed" => Some(IncidentStatus::Closed),
        "incident.regressed" => notice.data["to"].as_str().and_then(|word| word.parse().ok()),
        _ => None,
    }
}
