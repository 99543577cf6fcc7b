//! The timeline: what is stored is what happened, and the words for it are found when it is read.

use std::collections::HashMap;

use drift_domain::change::VanishedCause;
use drift_domain::ids::{EventId, IncidentId, UserId};
use drift_domain::incident::{IncidentStatus, TimePoint};
use drift_domain::severity::Severity;
use drift_domain::views::{PersonView, TimelineEntry, TimelinePage};
use drift_store::events::{self, TimelineRecord};
use drift_store::people::{self, Member};
use serde_json::Value;

use super::page::TIMELINE_PAGE;
use super::{found, joining};
use crate::Services;
use crate::error::ServiceResult;
use crate::gate::{Permit, cap};

impl Services {
    /// A page of an incident's timeline: the newest entries, of those before `before`, newest first.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`](crate::ServiceError::NotFound) when the caller's organization has no such incident.
    pub async fn incident_timeline(
        &self,
        permit: &Permit<cap::Incidents>,
        id: IncidentId,
        before: Option<EventId>,
    ) -> ServiceResult<TimelinePage> {
        let organization = permit.organization();
        let mut db = self.tenant(organization).await?;
        found(&mut db, organization, id).await?;
        let members = people::members(&mut db, organization).await?;
        let mut records = events::timeline(&mut db, organization, id, 0, before, TIMELINE_PAGE as i64 + 1).await?;
        // Oldest first: what is more than a page is in front.
        let more = records.len() > TIMELINE_PAGE;
        records.drain(..records.len().saturating_sub(TIMELINE_PAGE));
        let mut items = entries(records, &members);
        items.reverse();
        Ok(TimelinePage { next: items.last().filter(|_| more).map(|entry| entry.id), items })
    }
}

/// The entries for a screen.
pub(super) fn entries(records: Vec<TimelineRecord>, members: &[Member]) -> Vec<TimelineEntry> {
    let names: HashMap<UserId, &str> = members.iter().map(|member| (member.user_id, member.name.as_str())).collect();
    records
        .into_iter()
        .map(|record| {
            let text = sentence(&record);
            let mentions: Vec<UserId> = record
                .data
                .get("mentions")
                .and_then(|ids| serde_json::from_value(ids.clone()).ok())
                .unwrap_or_default();
            let note = ["note", "reason"].iter().find_map(|key| record.data[*key].as_str()).map(str::to_owned);
            let person = |id: UserId| names.get(&id).map(|name| PersonView { id, name: (*name).to_owned() });
            TimelineEntry {
                id: record.id,
                kind: record.kind,
                text,
                note,
                mentions: mentions.into_iter().filter_map(person).collect(),
                by: record.by.map(|(id, name)| PersonView { id, name }),
                at: record.at,
            }
        })
        .collect()
}

/// What happened, in one sentence that names who did it.
pub(crate) fn sentence(record: &TimelineRecord) -> String {
    let data = &record.data;
    let who = record.by.as_ref().map_or("WorkflowOps", |by| by.1.as_str());
    let text = |key: &str| data[key].as_str().unwrap_or_default();
    let path = || text("decision").to_owned();
    let workflow = || format!("“{}”", text("workflow"));
    match record.kind.as_str() {
        "incident.created" if record.by.is_some() => format!("{who} opened the incident: {}.", differ(data)),
        "incident.created" => format!("The organization's policy opened the incident: {}.", differ(data)),
        "incident.recurs" => format!("The same fields of the same workflows drifted before: {}.", numbers(data)),
        "incident.acknowledged" => match data["owner"]["name"].as_str() {
            Some(owner) if owner != who => format!("{who} acknowledged the incident for {owner}, who owns it now."),
            _ => format!("{who} acknowledged the incident and owns it now."),
        },
        "incident.stabilized" => format!("{who} said that production is stable."),
        "incident.reconciled" => format!("{who} stated that every change is carried out; the newest check agrees."),
        "incident.regressed" => format!("New drift took the incident back to {}.", status(text("to"))),
        "incident.drift_joined" if data["since_stabilized"] == true => {
            format!("New drift since production was stable: {}.", differ(data))
        }
        "incident.drift_joined" => format!("New drift joined: {}.", differ(data)),
        "incident.decided" if !data["instead"].is_null() => {
            format!("{who} chose {} for {}, instead of {}.", path(), workflow(), text("instead"))
        }
        "incident.decided" => format!("{who} chose {} for {}.", path(), workflow()),
        "incident.confirmed" | "change.decided" => format!("{who} confirmed {} for {}.", path(), workflow()),
        "incident.carried_out" => format!("A check saw {} carried out for {}.", path(), workflow()),
        "incident.came_back" => {
            format!(
                "{} was carried out for {}, and the same difference is back. It waits for a decision anew.",
                path(),
                workflow()
            )
        }
        "incident.deploying" => deploying(who, data),
        "incident.carrying_out" => format!("{who} had {} carried out.", count(data)),
        "incident.trying_again" => format!("{who} had {} tried again.", count(data)),
        "incident.cancelled" => text("why").to_owned(),
        "incident.executed" if data["decision"].is_null() => {
            format!("{} was put back as it had been kept.", workflow())
        }
        "incident.executed" => {
            format!("{} for {} is carried out and read back. A check looks at it next.", path(), workflow())
        }
        "incident.not_carried_out" => {
            format!("{} for {} could not be carried out. {}", path(), workflow(), text("why"))
        }
        "incident.not_as_decided" => format!("{} for {} failed. {}", path(), workflow(), text("why")),
        "incident.change_vanished" => {
            format!("{} no longer differs, and nobody had decided: {}", workflow(), cause(text("cause")))
        }
        "incident.assigned" => format!("{who} made {} the owner.", data["owner"]["name"].as_str().unwrap_or_default()),
        "incident.ticket_set" if data["ticket"].is_null() => format!("{who} took the ticket away."),
        "incident.ticket_set" => format!("{who} set the ticket to {}.", text("ticket")),
        "incident.severity_set" => format!("{who} set the severity to {}.", severity(text("severity"))),
        "incident.severity_raised" => format!("The new drift raised the severity to {}.", severity(text("severity"))),
        "incident.expiring" => format!("{} of the incident's time {}", part(text("point")), until(data)),
        "incident.expired" if data["severity"] == data["before"] => {
            format!("The incident's time is over. It stays {}.", severity(text("severity")))
        }
        "incident.expired" => {
            format!("The incident's time is over, and its severity rose to {}.", severity(text("severity")))
        }
        "incident.extended" => {
            let hours = data["hours"].as_u64().unwrap_or_default();
            let (plural, at) = (if hours == 1 { "" } else { "s" }, moment(&data["expires_at"]));
            format!("{who} gave the incident {hours} hour{plural} more: until {at}.")
        }
        "approval.wanted" => format!("{who} asks to {}: {}.", text("asked"), wanted(data)),
        "approval.given" => match data["on_behalf_of"].as_str() {
            Some(of) => format!("{who} approved for {of}: {}.", asked(data)),
            None => format!("{who} approved: {}.", asked(data)),
        },
        "approval.rejected" => format!("{who} rejected: {}.", asked(data)),
        "approval.withdrawn" => format!("{who} took a request back: {}.", asked(data)),
        "approval.expired" => format!("Nobody approved in time: {}.", asked(data)),
        "approval.done" => format!("What was approved is carried out: {}.", asked(data)),
        "approval.failed" => format!("What was approved could not be carried out: {}.", asked(data)),
        "incident.commented" => format!("{who} commented."),
        "incident.closing_asked" => format!("{who} asked to close the incident; a check of its own decides."),
        "incident.closing_refused" => format!("The closing was refused. {}", text("why")),
        "incident.closed" => {
            format!("The check that {who} asked for found live equal to Git, and the incident closed.")
        }
        // Of a later version of the product.
        other => format!("{who}: {}.", other.replace(['.', '_'], " ")),
    }
}

fn deploying(who: &str, data: &Value) -> String {
    let text = |key: &str| data[key].as_str().unwrap_or_default();
    let (kind, commit) = (text("kind").to_lowercase(), text("commit"));
    let article = if kind.starts_with('e') { "an" } else { "a" };
    let past = match (data["past"].as_i64(), kind.as_str()) {
        (Some(_), "standard") | (None, _) => "",
        (Some(_), _) => " The expired incident would have blocked a standard one.",
    };
    let workflows = data["workflows"].as_i64().unwrap_or_default();
    let plural = if workflows == 1 { "" } else { "s" };
    format!(
        "{who} began {article} {kind} deployment of {} at {commit:.7}: {workflows} workflow{plural}.{past}",
        text("ref")
    )
}

fn part(point: &str) -> &'static str {
    match point.parse() {
        Ok(TimePoint::Half) => "Half",
        Ok(TimePoint::ThreeQuarters) => "Three quarters",
        _ => "All",
    }
}

fn until(data: &Value) -> String {
    format!("{} over. It ends at {}.", if data["point"] == "HALF" { "is" } else { "are" }, moment(&data["expires_at"]))
}

/// A time as people read it, of an event's particulars.
fn moment(at: &Value) -> String {
    let at = at.as_str().and_then(|text| text.parse::<chrono::DateTime<chrono::Utc>>().ok());
    at.map(|at| at.format("%Y-%m-%d %H:%M UTC").to_string()).unwrap_or_default()
}

fn count(data: &Value) -> String {
    match data["workflows"].as_u64().unwrap_or_default() {
        1 => "the decision about one workflow".to_owned(),
        many => format!("the decisions about {many} workflows"),
    }
}

/// Who asks for what.
fn asked(data: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    format!("{} asked to {}", text(&data["requested_by"]["name"]), text(&data["asked"]))
}

/// Whose approval is waited for.
fn wanted(data: &Value) -> String {
    let (needed, role) = (data["needed"].as_u64().unwrap_or(1), data["approvers"].as_str().unwrap_or_default());
    let plural = if needed == 1 { "approval is" } else { "approvals are" };
    format!("{needed} {plural} wanted, of the role {role} or above")
}

fn differ(data: &Value) -> String {
    let count = data["changes"].as_u64().unwrap_or_default();
    let names = data["workflows"].as_array().cloned().unwrap_or_default();
    let mut listed: Vec<String> = names.iter().filter_map(Value::as_str).map(|name| format!("“{name}”")).collect();
    let more = count.saturating_sub(listed.len() as u64);
    if more > 0 {
        listed.push(format!("{more} more"));
    }
    let verb = if count == 1 { "differs" } else { "differ" };
    format!("{} {verb}", listed.join(", "))
}

fn numbers(data: &Value) -> String {
    let numbers = data["numbers"].as_array().cloned().unwrap_or_default();
    numbers.iter().filter_map(Value::as_i64).map(|n| format!("INC-{n}")).collect::<Vec<_>>().join(", ")
}

fn status(word: &str) -> String {
    word.parse().map_or_else(|_| word.to_lowercase(), |status: IncidentStatus| status.label().to_lowercase())
}

fn severity(word: &str) -> String {
    word.parse().map_or_else(|_| word.to_lowercase(), |severity: Severity| severity.label().to_lowercase())
}

fn cause(word: &str) -> String {
    word.parse().map_or_else(|_| String::new(), |cause: VanishedCause| joining::words(cause).to_owned())
}
