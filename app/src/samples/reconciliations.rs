//! Reconciliations for tests: planned, stopped, waiting, failed, done.

use std::collections::BTreeMap;

use drift_domain::change::{ChangeType, DecisionKind};
use drift_domain::ids::{ChangeId, EnvironmentId, IncidentId, ReconciliationId};
use drift_domain::reconciliation::{Purpose, ReconciliationState, StepKind, StepState, Target};
use drift_domain::views::*;

use super::incidents::person;
use super::{before, id};

/// A reconciliation in a list.
pub(crate) fn row(n: u128, state: ReconciliationState) -> ReconciliationRow {
    let begun = state != ReconciliationState::Planned;
    let ended = begun && state != ReconciliationState::Pending;
    ReconciliationRow {
        id: ReconciliationId(id(800 + n)),
        purpose: Purpose::Decisions,
        state,
        workflows: 3,
        planned_by: person(1, "Ada Obi"),
        planned_at: before(400),
        begun_at: begun.then(|| before(300)),
        ended_at: ended.then(|| before(60)),
        waits_for: (state == ReconciliationState::Pending).then(|| "1 of 2 reviews; the check “build”.".to_owned()),
        error: (state == ReconciliationState::Failed)
            .then(|| "n8n answered 400: the node type n8n-nodes-base.stripe is not installed.".to_owned()),
    }
}

fn line(kind: LineKind, desired: Option<u32>, live: Option<u32>, text: &str) -> DiffLine {
    DiffLine { kind, desired, live, text: text.to_owned() }
}

/// What becomes of a file.
fn file() -> WriteView {
    WriteView {
        target: Target::Git,
        what: "Change workflows/production/payment-webhook.json.".to_owned(),
        lines: vec![
            line(LineKind::Same, Some(40), Some(40), "      \"name\": \"Keep the paid ones\","),
            line(
                LineKind::Removed,
                Some(41),
                None,
                "      \"jsCode\": \"return items.filter(i => i.json.total > 0);\"",
            ),
            line(
                LineKind::Added,
                None,
                Some(41),
                "      \"jsCode\": \"return items.filter(i => i.json.total !== 0);\"",
            ),
            line(LineKind::Same, Some(42), Some(42), "    },"),
        ],
        diff: None,
    }
}

fn item(n: u128, workflow: &str, decision: DecisionKind, writes: Vec<WriteView>) -> ItemView {
    ItemView {
        change: ChangeId(id(n)),
        workflow: workflow.to_owned(),
        change_type: ChangeType::Modified,
        decision: Some(decision),
        writes,
        notes: Vec::new(),
        problems: Vec::new(),
        conflicts: Vec::new(),
        parts: Vec::new(),
        picks: BTreeMap::new(),
        result: None,
    }
}

/// A workflow whose content in n8n is written over.
fn reverted() -> ItemView {
    let write = |what: &str, diff| WriteView { target: Target::N8n, what: what.to_owned(), lines: Vec::new(), diff };
    ItemView {
        notes: vec!["The credential Stripe test is not in Git's content; Stripe live is taken by its name.".to_owned()],
        ..item(
            21,
            "Nightly report with a name that goes on and on, as names do that somebody wrote at night",
            DecisionKind::Revert,
            vec![
                write(
                    "Write Git's content over the workflow in n8n. It is in service, and n8n publishes it anew.",
                    Some(super::diff()),
                ),
                write("Set the tags: production, nightly.", None),
            ],
        )
    }
}

/// A collision: what a person has to pick, and what is merged already.
pub(crate) fn collision() -> ItemView {
    let part = |key: &str, title: &str, source| MergePart {
        key: key.to_owned(),
        title: title.to_owned(),
        source,
        chosen: false,
    };
    let lines = |text: &str| Some(text.lines().map(str::to_owned).collect());
    ItemView {
        conflicts: vec![
            MergeConflict {
                key: "node:Reddit/parameters/limit".to_owned(),
                title: "Reddit: parameters › limit".to_owned(),
                why: "n8n and Git both changed it, and not to the same.".to_owned(),
                sides: vec![MergeSide::Live, MergeSide::Desired, MergeSide::Base],
                live: lines("50"),
                desired: lines("25"),
                base: lines("10"),
                redacted: false,
            },
            MergeConflict {
                key: "node:Summary".to_owned(),
                title: "Summary".to_owned(),
                why: "n8n removed the node, and Git changed it.".to_owned(),
                sides: vec![MergeSide::Live, MergeSide::Desired],
                live: None,
                desired: lines(
                    "{\n  \"parameters\": {\n    \"text\": \"in three bullet points, in English, and nothing else\"\n  }\n}",
                ),
                base: None,
                redacted: true,
            },
        ],
        parts: vec![
            part("node:Reddit/parameters/limit", "Reddit: parameters › limit", MergeSource::Open),
            part("node:Mail", "Mail: added", MergeSource::Live),
            part("settings", "Settings: timezone", MergeSource::Desired),
        ],
        ..item(22, "Researcher", DecisionKind::Promote, Vec::new())
    }
}

fn git() -> GitPlanView {
    GitPlanView {
        repository: "northwind/borealis".to_owned(),
        branch: "main".to_owned(),
        base: "3f9c2d71a0b84e5566778899aabbccddeeff0011".to_owned(),
        message:
            "Promote “Payment webhook” from Borealis clinic (INC-12)\n\nThe hotfix was right.\n\nDecided-by: Ada Obi"
                .to_owned(),
    }
}

fn steps(state: ReconciliationState) -> Vec<ReconciliationStepView> {
    use ReconciliationState::{Done, Failed, Planned};
    let step =
        |kind, workflow: Option<&str>, state, said: Option<&str>, address: Option<&str>| ReconciliationStepView {
            kind,
            workflow: workflow.map(str::to_owned),
            state,
            begun_at: (state != StepState::Waiting).then(|| before(280)),
            ended_at: matches!(state, StepState::Done | StepState::Failed).then(|| before(240)),
            said: said.map(str::to_owned),
            address: address.map(str::to_owned),
        };
    if state == Planned {
        return Vec::new();
    }
    let name = reverted().workflow;
    let merged = if state == ReconciliationState::Pending { StepState::Begun } else { StepState::Done };
    let (written, verified) = match state {
        Done => (StepState::Done, StepState::Done),
        Failed => (StepState::Failed, StepState::Waiting),
        _ => (StepState::Waiting, StepState::Waiting),
    };
    let why = (written == StepState::Failed)
        .then_some("n8n answered 400: the node type n8n-nodes-base.stripe is not installed.");
    vec![
        step(StepKind::GitBlob, Some("Payment webhook"), StepState::Done, None, None),
        step(StepKind::GitCommit, None, StepState::Done, Some("Commit 8c1f0a2 on a branch of its own."), None),
        step(
            StepKind::GitPull,
            None,
            StepState::Done,
            Some("It is proposed."),
            Some("https://github.example/northwind/borealis/pull/7"),
        ),
        step(StepKind::GitMerge, None, merged, None, None),
        step(StepKind::N8nWrite, Some(&name), written, why, None),
        step(StepKind::N8nVerify, Some(&name), verified, None, None),
    ]
}

/// What came of one workflow, where the whole ended and this part of it `so`.
fn result(state: ReconciliationState, so: ReconciliationState) -> Option<ItemResult> {
    let state = match state {
        ReconciliationState::Planned => return None,
        ReconciliationState::Failed => so,
        other => other,
    };
    let error = (state == ReconciliationState::Failed).then(|| "n8n answered 400.".to_owned());
    Some(ItemResult { state, error })
}

/// A reconciliation of an incident, as somebody sees it who may do everything that can be done now.
pub(crate) fn page(state: ReconciliationState) -> ReconciliationPage {
    let over = |needs: ReconciliationState, why: &str| (state != needs).then(|| why.to_owned());
    ReconciliationPage {
        row: row(1, state),
        incident_id: Some(IncidentId(id(612))),
        incident_number: Some(12),
        incident_version: Some(7),
        environment_id: EnvironmentId(id(12)),
        environment: "Borealis clinic".to_owned(),
        git: Some(git()),
        items: vec![
            ItemView {
                result: result(state, ReconciliationState::Done),
                ..item(20, "Payment webhook", DecisionKind::Promote, vec![file()])
            },
            ItemView { result: result(state, state), ..reverted() },
        ],
        steps: steps(state),
        problems: Vec::new(),
        deployment: None,
        plan_refused: matches!(state, ReconciliationState::Pending | ReconciliationState::Done)
            .then(|| "It is being carried out.".to_owned()),
        carry_out_refused: over(ReconciliationState::Planned, "This plan is under way already."),
        cancel_refused: over(ReconciliationState::Pending, "It has ended."),
        retry_refused: over(ReconciliationState::Failed, "Only what failed is tried again."),
    }
}

/// A plan that cannot be carried out as it is: something stands in the way, and two places are to be picked.
pub(crate) fn stopped() -> ReconciliationPage {
    let mut page = page(ReconciliationState::Planned);
    page.items[0].problems.push(
        "It holds what looks like a secret, which must not go to Git: Stripe › headers. Move it into a credential of n8n."
            .to_owned(),
    );
    page.items[0].writes.clear();
    page.items.push(collision());
    page.problems.push("The environment follows a tag or a commit, which cannot be written to.".to_owned());
    page.carry_out_refused = Some("This plan cannot be carried out: it says why.".to_owned());
    page
}
