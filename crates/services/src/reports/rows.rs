//! What is stored, as the rows of a report's sections. Texts that people and systems wrote are hidden where they look like secrets.

use drift_domain::audit::{mask, mask_text};
use drift_domain::views::PolicyVersion;
use drift_report::{Cell, Row};
use drift_store::approvals::{ApprovalRecord, VoiceRecord};
use drift_store::artifacts::ArtifactRecord;
use drift_store::changes::ChangeRecord;
use drift_store::closings::Receipt;
use drift_store::events::TimelineRecord;
use drift_store::incidents::IncidentRecord;
use drift_store::policies::PolicyRecord;
use drift_store::reports::Decided;

use crate::approvals::spoken;
use crate::incidents::sentence;

/// A text that somebody wrote.
fn said(text: impl AsRef<str>) -> Cell {
    Cell::Text(mask_text(text.as_ref()))
}

fn maybe_said(text: Option<impl AsRef<str>>) -> Cell {
    text.map_or(Cell::None, said)
}

/// A word or an identifier of the product's own.
fn word(text: impl ToString) -> Cell {
    Cell::Text(text.to_string())
}

fn maybe(text: Option<impl ToString>) -> Cell {
    text.map_or(Cell::None, word)
}

pub(super) fn incident(record: &IncidentRecord) -> Row {
    let times = record.times();
    vec![
        Cell::Number(record.number),
        word(record.id()),
        said(&record.environment),
        word(record.environment_id()),
        word(record.status()),
        word(record.severity),
        maybe_said(record.severity_reason.as_ref()),
        word(record.plan.tier()),
        word(record.plan.lifecycle()),
        maybe_said(record.owner.as_ref().map(|owner| &owner.1)),
        maybe_said(record.reason.as_ref()),
        maybe_said(record.ticket.as_ref()),
        Cell::Time(times.detected_at),
        Cell::at(times.acknowledged_at),
        Cell::at(times.stabilized_at),
        Cell::at(times.reconciled_at),
        Cell::at(times.closed_at),
        Cell::at(record.ttl.as_ref().map(|ttl| ttl.expires_at)),
        Cell::at(record.ttl.as_ref().and_then(|ttl| ttl.expired_at)),
        record.ttl.as_ref().map_or(Cell::None, |ttl| Cell::Number(ttl.extensions.into())),
        Cell::Number(record.changes.into()),
        Cell::Number(record.open_changes.into()),
    ]
}

pub(super) fn event(number: i64, record: &TimelineRecord) -> Row {
    let note = ["note", "reason"].iter().find_map(|key| record.data[*key].as_str());
    vec![
        Cell::Number(number),
        Cell::Time(record.at),
        word(&record.kind),
        maybe_said(record.by.as_ref().map(|by| &by.1)),
        said(sentence(record)),
        maybe_said(note),
        Cell::Number(record.id.0),
    ]
}

pub(super) fn change(number: i64, record: &ChangeRecord) -> Row {
    vec![
        Cell::Number(number),
        word(record.id),
        said(&record.workflow),
        maybe_said(record.live_id.as_ref()),
        maybe_said(record.path.as_ref()),
        word(record.change_type),
        word(record.origin),
        word(record.severity),
        word(record.state),
        said(&record.summary),
        Cell::Time(record.first_seen_at),
        Cell::Time(record.last_seen_at),
        maybe(record.live_snapshot),
        maybe(record.desired_snapshot),
        word(&record.git_commit),
    ]
}

pub(super) fn decision(number: i64, record: &Decided) -> Row {
    vec![
        Cell::Number(number),
        word(record.id),
        word(record.change),
        said(&record.workflow),
        word(record.kind),
        said(&record.by.1),
        Cell::Time(record.at),
        said(&record.reason),
        maybe_said(record.replacement.as_ref()),
        Cell::Flag(record.ended),
    ]
}

pub(super) fn approval(number: i64, record: &ApprovalRecord, voices: &[VoiceRecord]) -> Row {
    let approved: Vec<_> = voices.iter().map(spoken).collect();
    vec![
        Cell::Number(number),
        word(record.id),
        word(record.act.action()),
        said(record.act.words()),
        said(&record.by.name),
        Cell::Time(record.at),
        said(record.rules.join("; ")),
        Cell::Number(record.needed.into()),
        word(record.approvers),
        said(approved.join(", ")),
        word(record.state),
        Cell::at(record.ended_at),
        maybe_said(record.reason.as_ref()),
    ]
}

pub(super) fn policy(record: &PolicyRecord, version: &PolicyVersion) -> Row {
    vec![
        word(record.id),
        said(&record.name),
        Cell::Number(version.version.into()),
        said(&version.by.name),
        Cell::Time(version.at),
        Cell::at(record.retired_at),
        // Whole: it is what was asked, and no place for a secret.
        word(&version.text),
    ]
}

pub(super) fn artifact(number: i64, record: &ArtifactRecord) -> Row {
    vec![
        Cell::Number(number),
        word(record.id),
        word(record.change),
        word(record.decision),
        word(record.kind),
        word(record.state),
        Cell::Flag(record.by_hand),
        said(&record.by.1),
        Cell::Time(record.started_at),
        Cell::at(record.finished_at),
        maybe_said(record.error.as_ref()),
        record.external_ref.as_ref().map_or(Cell::None, |left| Cell::Json(mask(left))),
        maybe(record.verified_by),
    ]
}

/// A receipt verifies by its document as it was signed: where something in it is hidden, the row says so.
pub(super) fn receipt(number: i64, receipt: &Receipt) -> Row {
    let document = mask(&receipt.document);
    vec![
        Cell::Number(number),
        word(receipt.check),
        word(hex::encode(receipt.digest)),
        word(hex::encode(receipt.signature)),
        word(hex::encode(receipt.public_key)),
        Cell::Flag(document != receipt.document),
        Cell::Json(document),
    ]
}
