//! Views for tests: what the services would return, made up whole.

use chrono::{DateTime, TimeDelta, Utc};
use drift_domain::change::{ChangeState, ChangeType, DecisionKind, Origin, VanishedCause};
use drift_domain::check::{CheckOutcome, CheckTrigger};
use drift_domain::environment::{Badge, DriftStatus, EnvironmentClass, Freshness};
use drift_domain::failure::{Failure, FailureKind, Side};
use drift_domain::ids::{ChangeId, CheckId, EnvironmentId, OrganizationId};
use drift_domain::plan::{Capability, PlanTier};
use drift_domain::role::Role;
use drift_domain::severity::Severity;
use drift_domain::views::*;
use uuid::Uuid;

pub(crate) mod graph;
pub(crate) mod incidents;
pub(crate) mod reconciliations;

pub(crate) fn now() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(20_000)
}

pub(crate) fn before(seconds: i64) -> DateTime<Utc> {
    now() - TimeDelta::seconds(seconds)
}

fn id(n: u128) -> Uuid {
    Uuid::from_u128(0x0193_0000_0000_7000_8000_0000_0000_0000 + n)
}

pub(crate) fn me() -> Me {
    let organization =
        |n, name: &str, plan, role| OrganizationView { id: OrganizationId(id(n)), name: name.to_owned(), plan, role };
    Me {
        name: "Ada Obi".to_owned(),
        email: "ada@northwind.example".to_owned(),
        organization: organization(1, "Northwind Automation", PlanTier::Agency, Role::Admin),
        organizations: vec![
            organization(1, "Northwind Automation", PlanTier::Agency, Role::Admin),
            organization(2, "Side project", PlanTier::Free, Role::Owner),
        ],
    }
}

pub(crate) fn row(n: u128, name: &str, badge: Badge, affected: u32) -> EnvironmentRow {
    let failure = (badge == Badge::Unverified).then(|| "n8n did not answer".to_owned());
    EnvironmentRow {
        id: EnvironmentId(id(n)),
        name: name.to_owned(),
        class: if n.is_multiple_of(3) { EnvironmentClass::Staging } else { EnvironmentClass::Production },
        badge,
        status: DriftStatus::of(affected.into(), badge == Badge::IncidentActive),
        freshness: Freshness { last_checked_at: Some(before(12 + 400 * n as i64)), failure, stale: false },
        affected_workflows: affected,
        overrides: OverrideCount::default(),
        last_drift_detected_at: (affected > 0).then(|| before(30)),
        adopted: true,
    }
}

pub(crate) fn list() -> EnvironmentList {
    EnvironmentList {
        environments: vec![
            row(10, "Acme production", Badge::DriftDetected, 4),
            row(11, "Acme staging", Badge::InSync, 0),
            row(12, "Borealis clinic", Badge::IncidentActive, 2),
            row(13, "Client with a name so long that it has to be broken somewhere", Badge::Unverified, 1),
            row(14, "Delta logistics", Badge::InSync, 0),
        ],
        by_badge: vec![
            (Badge::InSync, 2),
            (Badge::DriftDetected, 1),
            (Badge::IncidentActive, 1),
            (Badge::Unverified, 1),
        ],
        next: Some("Delta logistics".to_owned()),
        can_configure: true,
        now: now(),
    }
}

pub(crate) fn environment(badge: Badge, affected: u32) -> EnvironmentPage {
    let failing = badge == Badge::Unverified;
    EnvironmentPage {
        row: row(10, "Acme production", badge, affected),
        n8n_base_url: "https://n8n.acme.example".to_owned(),
        repository: "northwind/acme-workflows".to_owned(),
        git_ref: "main".to_owned(),
        git_folder: "workflows/production".to_owned(),
        git_commit: Some("3f9c2d71a0b84e5566778899aabbccddeeff0011".to_owned()),
        interval_seconds: 60,
        live_workflows: Some(42),
        desired_workflows: Some(41),
        failure: failing.then(|| {
            Failure::new(Side::Live, FailureKind::Unreachable, "https://n8n.acme.example refused the connection.")
        }),
        failing_since: failing.then(|| before(1_900)),
        checking: badge == Badge::DriftDetected,
        can_configure: true,
        can_recheck: true,
        now: now(),
    }
}

pub(crate) fn change(
    n: u128,
    workflow: &str,
    change_type: ChangeType,
    origin: Origin,
    severity: Severity,
    summary: &str,
) -> ChangeRow {
    ChangeRow {
        id: ChangeId(id(n)),
        workflow: workflow.to_owned(),
        live_id: Some("wf7Ks0aQp2".to_owned()),
        path: Some(format!("workflows/production/{}.json", workflow.to_lowercase().replace(' ', "-"))),
        change_type,
        origin,
        state: ChangeState::Open,
        severity,
        summary: summary.to_owned(),
        first_seen_at: before(7_300),
        last_seen_at: before(12),
        unpublished_draft: false,
        vanished: None,
        decision: None,
        overridden: None,
        openable: true,
    }
}

pub(crate) fn vanished() -> ChangeRow {
    ChangeRow {
        state: ChangeState::Vanished,
        vanished: Some(VanishedView {
            at: before(500),
            cause: VanishedCause::GitCaughtUp,
            fitting: DecisionKind::Promote,
            choices: vec![DecisionKind::Promote, DecisionKind::Replace, DecisionKind::Override],
            evidence: Some("Commit 3f9c2d7 by Bo Lind: retry the invoice sync three times.".to_owned()),
        }),
        ..change(
            30,
            "Invoice sync",
            ChangeType::Modified,
            Origin::Hotfix,
            Severity::High,
            "1 node changed: HTTP Request",
        )
    }
}

fn check(n: u128, outcome: CheckOutcome, trigger: CheckTrigger, differing: u32) -> CheckRow {
    let failed = outcome == CheckOutcome::Failed;
    CheckRow {
        id: CheckId(id(n)),
        trigger,
        outcome,
        started_at: before(60 * (n as i64 - 39)),
        finished_at: (outcome != CheckOutcome::Running).then(|| before(60 * (n as i64 - 39) - 1)),
        git_commit: (!failed).then(|| "3f9c2d71a0b84e5566778899aabbccddeeff0011".to_owned()),
        live_workflows: (!failed).then_some(42),
        desired_workflows: (!failed).then_some(41),
        parsed_workflows: (!failed).then_some(1),
        differing: (!failed).then_some(differing),
        failure: failed
            .then(|| Failure::new(Side::Desired, FailureKind::RateLimited, "GitHub's limit is used up until 14:05.")),
    }
}

pub(crate) fn checks() -> Vec<CheckRow> {
    vec![
        check(40, CheckOutcome::Running, CheckTrigger::Recheck, 0),
        check(41, CheckOutcome::Drift, CheckTrigger::Schedule, 4),
        check(42, CheckOutcome::Failed, CheckTrigger::Schedule, 0),
        check(43, CheckOutcome::Drift, CheckTrigger::GitPush, 3),
        check(44, CheckOutcome::InSync, CheckTrigger::Connected, 0),
    ]
}

pub(crate) fn workspace() -> Workspace {
    let mut draft = change(
        22,
        "Nightly report",
        ChangeType::Modified,
        Origin::Collision,
        Severity::Medium,
        "settings: timezone; 2 nodes changed",
    );
    draft.unpublished_draft = true;
    Workspace {
        environment: environment(Badge::DriftDetected, 4),
        changes: vec![
            change(
                20,
                "Payment webhook",
                ChangeType::Modified,
                Origin::Hotfix,
                Severity::Critical,
                "credential of Stripe changed; Code: jsCode, 3 lines",
            ),
            vanished(),
            change(
                21,
                "Refund helper",
                ChangeType::Added,
                Origin::Hotfix,
                Severity::High,
                "only in n8n, active, 7 nodes",
            ),
            draft,
            change(23, "Old import", ChangeType::Removed, Origin::Undeployed, Severity::Low, "only in Git"),
        ],
        matching_changes: 5,
        earlier_changes: 0,
        next: None,
        open_changes: 5,
        vanished_changes: 1,
        filter: ChangeFilter::default(),
        diff_access: DiffAccess::All,
        ambiguities: vec![AmbiguityView {
            name: "Error handler".to_owned(),
            live_ids: vec!["aB3xTq91".to_owned(), "kk20Lm7P".to_owned()],
            paths: vec![
                "workflows/production/error-handler.json".to_owned(),
                "workflows/production/error-handler-2.json".to_owned(),
            ],
        }],
        ignored: vec![
            IgnoredView { rule: "server".to_owned(), count: 210 },
            IgnoredView { rule: "default".to_owned(), count: 16 },
            IgnoredView { rule: "unknown-field".to_owned(), count: 2 },
        ],
        checks: checks(),
        adoption: Some(AdoptionView {
            agreeing: 37,
            by_type: vec![(ChangeType::Added, 1), (ChangeType::Removed, 1), (ChangeType::Modified, 2)],
            can_finish: true,
        }),
        can_confirm: true,
        by_hand: true,
        overriding: overriding(),
        upgrade: Some(upgrade()),
    }
}

fn entry(kind: DiffKind, node: Option<&str>, path: &[&str], desired: Option<&str>, live: Option<&str>) -> DiffEntry {
    DiffEntry {
        kind,
        node: node.map(str::to_owned),
        node_type: node.map(|_| "n8n-nodes-base.code".to_owned()),
        path: path.iter().map(|step| (*step).to_owned()).collect(),
        desired: desired.map(str::to_owned),
        live: live.map(str::to_owned),
        lines: Vec::new(),
        redacted: false,
    }
}

fn code() -> DiffEntry {
    let line = |kind, desired, live, text: &str| DiffLine { kind, desired, live, text: text.to_owned() };
    DiffEntry {
        lines: vec![
            line(LineKind::Gap, None, None, ""),
            line(LineKind::Same, Some(12), Some(12), "const items = $input.all();"),
            line(LineKind::Removed, Some(13), None, "return items.filter(i => i.json.total > 0);"),
            line(LineKind::Added, None, Some(13), "// refunds have a negative total"),
            line(LineKind::Added, None, Some(14), "return items.filter(i => i.json.total !== 0);"),
            line(LineKind::Same, Some(14), Some(15), ""),
        ],
        ..entry(DiffKind::NodeModified, Some("Keep the paid ones"), &["parameters", "jsCode"], Some("…"), Some("…"))
    }
}

pub(crate) fn diff() -> DiffView {
    DiffView {
        entries: vec![
            code(),
            DiffEntry {
                redacted: true,
                ..entry(
                    DiffKind::NodeModified,
                    Some("Stripe"),
                    &["parameters", "headers", "Authorization"],
                    Some("[redacted]"),
                    Some("[redacted]"),
                )
            },
            entry(
                DiffKind::NodeModified,
                Some("Stripe"),
                &["credentials", "stripeApi"],
                Some("Stripe live"),
                Some("Stripe test"),
            ),
            entry(
                DiffKind::NodeAdded,
                Some("Notify on failure"),
                &[],
                None,
                Some("{\n  \"type\": \"n8n-nodes-base.slack\",\n  \"parameters\": {\"channel\": \"#ops\"}\n}"),
            ),
            entry(
                DiffKind::ConnectionAdded,
                Some("Stripe"),
                &[],
                None,
                Some(r#"{"type": "main", "output": 1, "node": "Notify on failure", "input_type": "main", "input": 0}"#),
            ),
            entry(DiffKind::WorkflowModified, None, &["settings", "errorWorkflow"], None, Some("Error handler")),
        ],
        cosmetic: vec![entry(
            DiffKind::NodeModified,
            Some("Stripe"),
            &["position"],
            Some("[200, 120]"),
            Some("[260, 120]"),
        )],
        ignored: vec![IgnoredView { rule: "server".to_owned(), count: 5 }],
    }
}

pub(crate) fn change_page(diff: DiffOrRefusal) -> ChangePage {
    let mut older =
        change(19, "Payment webhook", ChangeType::Modified, Origin::Hotfix, Severity::High, "Code: jsCode, 1 line");
    older.state = ChangeState::Superseded;
    ChangePage {
        row: workspace().changes.remove(0),
        diff,
        graph: None,
        history: vec![older],
        git_commit: "3f9c2d71a0b84e5566778899aabbccddeeff0011".to_owned(),
        live_url: Some("https://n8n.acme.example/workflow/wf7Ks0aQp2".to_owned()),
        can_confirm: true,
        overriding: overriding(),
    }
}

pub(crate) fn overriding() -> OverrideOffer {
    OverrideOffer { longest_days: 30, refusal: None, may_end: true }
}

pub(crate) fn upgrade() -> UpgradeOffer {
    UpgradeOffer {
        plan: PlanTier::Pro,
        adds: vec![Capability::Incidents, Capability::Diff, Capability::Decide],
        requested: None,
        can_manage: false,
    }
}
