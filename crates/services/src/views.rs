//! Records made into views: what a screen or an API answer shows.

use chrono::{DateTime, TimeDelta, Utc};
use drift_domain::change::{DecisionKind, Origin, VanishedCause};
use drift_domain::environment::Freshness;
use drift_domain::plan::{Capability, Plan};
use drift_domain::views::{
    ChangeRow, DecisionView, DiffEntry, DiffKind, DiffLine, DiffView, EnvironmentPage, EnvironmentRow, GraphEdge,
    GraphNode, GraphState, GraphView, IgnoredView, LineKind, OverrideCount, OverrideView, StickyView, VanishedView,
};
use drift_engine::{Change, ChangeKind, Diff, Graph, Hunk, LineOp, Presence, Step};
use drift_store::changes::ChangeRecord;
use drift_store::checks::NewestGood;
use drift_store::environments::EnvironmentRecord;
use serde_json::Value;

use crate::detection::rule_name;
use crate::gate::Caller;

/// An environment for a list.
pub(crate) fn environment_row(
    record: &EnvironmentRecord,
    overrides: OverrideCount,
    now: DateTime<Utc>,
) -> EnvironmentRow {
    let interval = TimeDelta::seconds(i64::from(record.connection.interval_seconds));
    let failure = record.failure.as_ref().map(|failure| failure.message.clone());
    let freshness = Freshness::judge(record.last_checked_at, failure, interval, now);
    EnvironmentRow {
        id: record.id,
        name: record.connection.name.clone(),
        class: record.connection.class,
        badge: freshness.badge(record.drift_status),
        status: record.drift_status,
        freshness,
        affected_workflows: record.open_changes,
        overrides,
        last_drift_detected_at: record.last_drift_detected_at,
        adopted: record.adopted_at.is_some(),
    }
}

/// An environment's page.
pub(crate) fn environment_page(
    record: &EnvironmentRecord,
    overrides: OverrideCount,
    newest: Option<&NewestGood>,
    checking: bool,
    caller: &Caller,
    now: DateTime<Utc>,
) -> EnvironmentPage {
    let c = &record.connection;
    EnvironmentPage {
        row: environment_row(record, overrides, now),
        n8n_base_url: c.n8n_base_url.clone(),
        repository: format!("{}/{}", c.git_owner, c.git_repository),
        git_ref: c.git_ref.clone(),
        git_folder: c.git_folder.clone(),
        git_commit: record.git_commit.clone(),
        interval_seconds: c.interval_seconds.unsigned_abs(),
        live_workflows: newest.map(|n| n.live_workflows),
        desired_workflows: newest.map(|n| n.desired_workflows),
        failure: record.failure.clone(),
        failing_since: record.failing_since,
        checking,
        can_configure: caller.may(Capability::Configure),
        can_recheck: caller.may(Capability::Recheck),
        now,
    }
}

/// The decisions that can be recorded for a vanished change, under a plan.
pub(crate) fn vanished_choices(cause: VanishedCause, plan: &Plan) -> Vec<DecisionKind> {
    let taken = |kind: &DecisionKind| *kind != DecisionKind::Override || plan.override_days() > 0;
    DecisionKind::ALL.iter().copied().filter(|kind| cause.accepts(*kind)).filter(taken).collect()
}

/// A change for a list, under a plan: whether its diff may be opened, and its newest override.
pub(crate) fn change_row(
    record: &ChangeRecord,
    plan: &Plan,
    openable: bool,
    overridden: Option<OverrideView>,
) -> ChangeRow {
    ChangeRow {
        id: record.id,
        workflow: record.workflow.clone(),
        live_id: record.live_id.clone().filter(|_| record.live_snapshot.is_some()),
        path: record.path.clone().filter(|_| record.desired_snapshot.is_some()),
        change_type: record.change_type,
        origin: record.origin,
        state: record.state,
        severity: record.severity,
        summary: record.summary.clone(),
        first_seen_at: record.first_seen_at,
        last_seen_at: record.last_seen_at,
        unpublished_draft: record.unpublished_draft,
        vanished: record.vanished_at.zip(record.vanished_cause).map(|(at, cause)| VanishedView {
            at,
            cause,
            fitting: cause.fitting_decision(),
            choices: vanished_choices(cause, plan),
            evidence: record.vanished_evidence.clone(),
        }),
        decision: record.decision.as_ref().map(|d| DecisionView {
            kind: d.kind,
            reason: d.reason.clone(),
            by: d.by.clone(),
            at: d.at,
        }),
        overridden,
        openable,
    }
}

/// A diff for a screen. The engine has redacted both sides already.
pub(crate) fn diff_view(diff: Diff) -> DiffView {
    let ignored = diff.ignored.iter().map(|i| IgnoredView { rule: rule_name(i), count: i.count as u64 }).collect();
    let (cosmetic, entries): (Vec<Change>, Vec<Change>) = diff.changes.into_iter().partition(|c| c.cosmetic);
    DiffView {
        entries: entries.into_iter().map(entry).collect(),
        cosmetic: cosmetic.into_iter().map(entry).collect(),
        ignored,
    }
}

/// A graph for a screen, whose diff says of each change which side moved; `whole` of those that it does not say it of.
pub(crate) fn graph_view(graph: Graph, diff: &Diff, whole: Origin) -> GraphView {
    let origin = |change: &Change| change.origin.filter(|origin| *origin != Origin::Unknown).unwrap_or(whole);
    let nodes = graph.nodes.into_iter().map(|node| {
        let changes = diff.changes.get(node.changes.clone()).unwrap_or_default();
        GraphNode {
            state: node_state(node.presence, changes),
            origin: changes.iter().map(origin).reduce(both).unwrap_or(Origin::Unknown),
            differences: count(changes.len()),
            moved: changes.iter().any(|change| change.cosmetic && change.path == [Step::from("position")]),
            name: node.name,
            live_name: node.live_name,
            node_type: node.node_type,
            kind: node.kind,
            disabled: node.disabled,
            place: node.live.or(node.desired),
            note: node.sticky.map(|note| StickyView { text: note.text, width: note.width, height: note.height }),
        }
    });
    let edges = graph.edges.into_iter().map(|edge| GraphEdge {
        state: match edge.presence {
            Presence::Both => GraphState::Same,
            Presence::Live => GraphState::Added,
            Presence::Desired => GraphState::Removed,
        },
        origin: edge.change.and_then(|at| diff.changes.get(at)).map_or(Origin::Unknown, origin),
        from: edge.from,
        from_node: edge.from_node.map(count),
        output_type: edge.output_type,
        output: count(edge.output),
        to: edge.to,
        to_node: edge.to_node.map(count),
        input_type: edge.input_type,
        input: u32::try_from(edge.input).unwrap_or(u32::MAX),
    });
    GraphView { edges: edges.collect(), nodes: nodes.collect() }
}

/// Of two things that moved on their own sides, both did.
fn both(one: Origin, other: Origin) -> Origin {
    match (one, other) {
        (Origin::Unknown, origin) | (origin, Origin::Unknown) => origin,
        (one, other) if one == other => one,
        _ => Origin::Collision,
    }
}

fn node_state(presence: Presence, changes: &[Change]) -> GraphState {
    let drift = |kind| changes.iter().any(|change| !change.cosmetic && change.kind == kind);
    match presence {
        Presence::Live => GraphState::Added,
        Presence::Desired => GraphState::Removed,
        Presence::Both if drift(ChangeKind::NodeModified) => GraphState::Modified,
        Presence::Both if drift(ChangeKind::NodeRenamed) => GraphState::Renamed,
        Presence::Both if changes.is_empty() => GraphState::Same,
        Presence::Both => GraphState::Cosmetic,
    }
}

/// A number for a view. A workflow has at most [`drift_engine::Limits::max_nodes`] nodes.
fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

fn entry(change: Change) -> DiffEntry {
    DiffEntry {
        kind: match change.kind {
            ChangeKind::WorkflowModified => DiffKind::WorkflowModified,
            ChangeKind::NodeAdded => DiffKind::NodeAdded,
            ChangeKind::NodeRemoved => DiffKind::NodeRemoved,
            ChangeKind::NodeRenamed => DiffKind::NodeRenamed,
            ChangeKind::NodeModified => DiffKind::NodeModified,
            ChangeKind::ConnectionAdded => DiffKind::ConnectionAdded,
            ChangeKind::ConnectionRemoved => DiffKind::ConnectionRemoved,
        },
        node: change.node,
        node_type: change.node_type,
        path: change.path.iter().map(ToString::to_string).collect(),
        desired: text(&change.desired),
        live: text(&change.live),
        lines: lines(&change.line_diff),
        redacted: change.redacted,
    }
}

/// A value as a person reads it: texts as they are, the rest as indented JSON, nothing for null.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(serde_json::to_string_pretty(other).unwrap_or_default()),
    }
}

fn lines(hunks: &[Hunk]) -> Vec<DiffLine> {
    let mut out = Vec::new();
    for (at, hunk) in hunks.iter().enumerate() {
        if at > 0 || hunk.desired_start > 1 {
            out.push(DiffLine { kind: LineKind::Gap, desired: None, live: None, text: String::new() });
        }
        let number = |n: usize| u32::try_from(n).ok();
        let (mut desired, mut live) = (hunk.desired_start, hunk.live_start);
        for line in &hunk.lines {
            let (kind, on_desired, on_live) = match line.op {
                LineOp::Both => (LineKind::Same, true, true),
                LineOp::Desired => (LineKind::Removed, true, false),
                LineOp::Live => (LineKind::Added, false, true),
            };
            out.push(DiffLine {
                kind,
                desired: number(desired).filter(|_| on_desired),
                live: number(live).filter(|_| on_live),
                text: line.text.clone(),
            });
            desired += usize::from(on_desired);
            live += usize::from(on_live);
        }
    }
    out
}
