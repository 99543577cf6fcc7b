//! Drift incidents for tests.

use drift_domain::change::{ChangeState, ChangeType, DecisionKind, Origin};
use drift_domain::environment::Badge;
use drift_domain::ids::{ArtifactId, CheckId, EnvironmentId, EventId, IncidentId, UserId};
use drift_domain::incident::{ArtifactState, ClosingState, IncidentAction, IncidentStatus};
use drift_domain::plan::{Lifecycle, PlanTier};
use drift_domain::severity::Severity;
use drift_domain::views::*;
use serde_json::json;

use super::{before, change, id, row, vanished};

const HOUR: i64 = 3_600;

pub(crate) fn person(n: u128, name: &str) -> PersonView {
    PersonView { id: UserId(id(500 + n)), name: name.to_owned() }
}

pub(crate) fn incident_row(n: i64, environment: &str, status: IncidentStatus, severity: Severity) -> IncidentRow {
    let taken = status != IncidentStatus::Detected;
    let closed = status == IncidentStatus::Closed;
    IncidentRow {
        id: IncidentId(id(600 + n.unsigned_abs() as u128)),
        number: n,
        environment_id: EnvironmentId(id(12)),
        environment: environment.to_owned(),
        status,
        severity,
        owner: taken.then(|| person(1, "Ada Obi")),
        detected_at: before(n * HOUR),
        expires_at: (taken && !closed).then(|| before(-2 * HOUR)),
        expired_at: None,
        closed_at: closed.then(|| before(HOUR / 2)),
        open_changes: if closed { 0 } else { 3 },
        changes: 5,
    }
}

pub(crate) fn list() -> IncidentList {
    let mut late = incident_row(14, "Acme production", IncidentStatus::Acknowledged, Severity::Critical);
    late.expires_at = Some(before(60));
    late.expired_at = Some(before(60));
    IncidentList {
        incidents: vec![
            incident_row(17, "Borealis clinic", IncidentStatus::Detected, Severity::High),
            late,
            incident_row(12, "Delta logistics", IncidentStatus::Stabilized, Severity::Medium),
            incident_row(
                11,
                "Client with a name so long that it has to be broken somewhere",
                IncidentStatus::Reconciled,
                Severity::Low,
            ),
            incident_row(9, "Acme staging", IncidentStatus::Closed, Severity::Low),
        ],
        next: Some("9".to_owned()),
        filter: IncidentFilter::default(),
        environments: vec![(EnvironmentId(id(12)), "Borealis clinic".to_owned())],
    }
}

pub(crate) fn artifact(n: u128, kind: DecisionKind, state: ArtifactState) -> ArtifactView {
    let failed = state == ArtifactState::Failed;
    ArtifactView {
        id: ArtifactId(id(700 + n)),
        change: super::change(20, "Payment webhook", ChangeType::Modified, Origin::Hotfix, Severity::High, "").id,
        kind,
        state,
        by_hand: true,
        reconciliation: None,
        reason: "the hotfix was right; the client confirmed it".to_owned(),
        by: person(1, "Ada Obi"),
        started_at: before(1_900),
        finished_at: (state != ArtifactState::Pending).then(|| before(600)),
        error: failed.then(|| "not as decided: n8n went back to what Git declared.".to_owned()),
        external: (state == ArtifactState::Success)
            .then(|| json!({ "commit": "3f9c2d71a0b84e5566778899aabbccddeeff0011" })),
    }
}

pub(crate) fn changes() -> Vec<IncidentChange> {
    let one = |row: ChangeRow| IncidentChange {
        choices: if row.state.is_open() {
            vec![DecisionKind::Promote, DecisionKind::Revert, DecisionKind::Replace]
        } else {
            vec![]
        },
        content: "5c".repeat(32),
        viewed: row.severity == Severity::Critical,
        row,
        artifacts: vec![],
        new_since_stabilized: false,
    };
    let mut payment = one(change(
        20,
        "Payment webhook",
        ChangeType::Modified,
        Origin::Hotfix,
        Severity::Critical,
        "credential of Stripe changed; Code: jsCode, 3 lines",
    ));
    payment.artifacts = vec![
        artifact(1, DecisionKind::Promote, ArtifactState::Pending),
        ArtifactView {
            error: Some("replaced by a later decision".to_owned()),
            ..artifact(2, DecisionKind::Revert, ArtifactState::Failed)
        },
    ];
    let mut refund = one(change(
        21,
        "Refund helper",
        ChangeType::Added,
        Origin::Hotfix,
        Severity::High,
        "only in n8n, active, 7 nodes",
    ));
    refund.new_since_stabilized = true;
    let mut gone = one(vanished());
    gone.choices = vec![DecisionKind::Promote, DecisionKind::Replace];
    let mut done = change(
        23,
        "Old import with a name that goes on and on, as names do that somebody wrote at night",
        ChangeType::Removed,
        Origin::Undeployed,
        Severity::Low,
        "only in Git",
    );
    done.state = ChangeState::Decided;
    let mut done = one(done);
    done.artifacts = vec![artifact(3, DecisionKind::Replace, ArtifactState::Success)];
    vec![payment, refund, gone, done]
}

fn entry(n: i64, kind: &str, text: &str, note: Option<&str>, by: Option<PersonView>, ago: i64) -> TimelineEntry {
    TimelineEntry {
        id: EventId(n),
        kind: kind.to_owned(),
        text: text.to_owned(),
        note: note.map(str::to_owned),
        mentions: note.filter(|note| note.contains("@Bo Lind")).map(|_| person(2, "Bo Lind")).into_iter().collect(),
        by,
        at: before(ago),
    }
}

fn timeline() -> Vec<TimelineEntry> {
    let ada = || Some(person(1, "Ada Obi"));
    vec![
        entry(1, "incident.created", "Incident opened by policy.", None, None, 12 * HOUR),
        entry(2, "incident.acknowledged", "Acknowledged.", Some("pager at 3:10"), ada(), 11 * HOUR),
        entry(
            3,
            "incident.commented",
            "Commented.",
            Some("@Bo Lind can you ask the client?\nI am on the train."),
            ada(),
            9_000,
        ),
        entry(
            4,
            "incident.decided",
            "Chose Promote to Git for Payment webhook.",
            Some("the client confirmed it"),
            ada(),
            1_900,
        ),
        entry(5, "incident.drift_joined", "Refund helper drifted, too.", None, None, 700),
    ]
}

fn action(action: IncidentAction, refused: Option<&str>) -> ActionView {
    ActionView { action, refused: refused.map(str::to_owned), needs_plan: None, takes: None }
}

/// An incident in this status, as somebody sees it who may do everything that can be done now.
/// The second of three changes, as its own page has it.
pub(crate) fn in_incident() -> ChangeInIncident {
    let mut all = changes();
    let (previous, next) = (all[0].row.id, all[2].row.id);
    ChangeInIncident { change: all.swap_remove(1), previous: Some(previous), next: Some(next), place: Some((2, 3)) }
}

pub(crate) fn incident(status: IncidentStatus) -> IncidentPage {
    use IncidentAction::*;
    let closed = status == IncidentStatus::Closed;
    let row = incident_row(12, "Borealis clinic", status, Severity::Critical);
    let reached = IncidentStatus::ALL.iter().map(|step| StepView {
        status: *step,
        at: (*step <= status).then(|| before((6 - *step as i64) * 2 * HOUR)),
        current: *step == status,
    });
    let not_yet = |needs: IncidentStatus, why: &'static str| (status != needs).then_some(why);
    let undecided = Some("2 of 4 changes have no path yet: Refund helper, Invoice sync.");
    let final_ = closed.then_some("Closed is final.");
    let changes: Vec<_> =
        changes().into_iter().filter(|change| !closed || change.row.state == ChangeState::Decided).collect();
    IncidentPage {
        version: 7,
        environment: super::EnvironmentRow {
            name: "Borealis clinic".to_owned(),
            ..row_of(if closed { Badge::InSync } else { Badge::IncidentActive })
        },
        steps: reached.collect(),
        lifecycle: Lifecycle::Full,
        plan: PlanTier::Agency,
        reason: row.owner.as_ref().map(|_| "pager at 3:10: refunds fail since the release".to_owned()),
        ticket: row.owner.as_ref().map(|_| TicketView {
            text: "OPS-12".to_owned(),
            url: Some("https://tracker.example/browse/OPS-12".to_owned()),
        }),
        computed_severity: Severity::High,
        severity_reason: Some("refunds are money".to_owned()),
        time: row.expires_at.map(time),
        listed: ListedChanges {
            all: changes.len() as u32,
            earlier: 0,
            next: None,
            waiting: if closed { 0 } else { 2 },
            fit_all: vec![DecisionKind::Promote, DecisionKind::Replace],
            viewed: 1,
        },
        changes,
        diff_access: DiffAccess::All,
        ambiguities: vec![],
        timeline: timeline(),
        actions: vec![
            action(Acknowledge, not_yet(IncidentStatus::Detected, "It is acknowledged already.")),
            action(Stabilize, not_yet(IncidentStatus::Acknowledged, "Somebody has to acknowledge the incident first.")),
            action(Reconcile, undecided.filter(|_| status != IncidentStatus::Stabilized || undecided.is_some())),
            action(Close, not_yet(IncidentStatus::Reconciled, "An incident closes after it is reconciled.")),
            action(Decide, final_),
            action(Assign, final_),
            action(SetTicket, final_),
            action(SetSeverity, final_),
            action(Extend, final_),
            action(Comment, None),
            action(Recheck, None),
        ],
        closing: None,
        receipt: closed.then(receipt),
        ancestors: vec![incident_row(9, "Borealis clinic", IncidentStatus::Closed, Severity::Low)],
        assignable: vec![person(1, "Ada Obi"), person(2, "Bo Lind")],
        reconciliations: vec![],
        to_carry_out: vec![],
        carry_out_refused: closed.then(|| "Closed is final.".to_owned()),
        row,
    }
}

fn time(expires_at: chrono::DateTime<chrono::Utc>) -> TimeView {
    TimeView {
        from: before(6 * HOUR),
        warns_at: [before(2 * HOUR), before(0)],
        expires_at,
        expired_at: None,
        extensions: 1,
        extensions_left: 1,
        longest_extension_hours: 24,
    }
}

fn row_of(badge: Badge) -> EnvironmentRow {
    row(12, "Borealis clinic", badge, u32::from(badge != Badge::InSync) * 3)
}

pub(crate) fn refused_closing() -> ClosingView {
    ClosingView {
        state: ClosingState::Refused,
        by: person(1, "Ada Obi"),
        at: before(40),
        refused: Some("n8n could not be read: https://n8n.borealis.example refused the connection.".to_owned()),
    }
}

fn receipt() -> ReceiptView {
    ReceiptView {
        check: CheckId(id(900)),
        checked: (before(HOUR / 2 + 3), before(HOUR / 2)),
        git_ref: "main".to_owned(),
        git_commit: "3f9c2d71a0b84e5566778899aabbccddeeff0011".to_owned(),
        live_fingerprint: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08".to_owned(),
        desired_fingerprint: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08".to_owned(),
        workflows: 42,
        digest: "60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752".to_owned(),
        signature: "5a1c".repeat(32),
        public_key: "0b7e".repeat(16),
        document: json!({ "incident": "INC-12", "decisions": [{ "kind": "PROMOTE" }] }),
    }
}
