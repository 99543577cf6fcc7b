//! What people read for the closed sets of words: labels for chips, sentences for explanations.

use drift_domain::approval::ApprovalState;
use drift_domain::change::{ChangeState, ChangeType, DecisionKind, Origin, VanishedCause};
use drift_domain::check::{CheckOutcome, CheckTrigger};
use drift_domain::environment::{Badge, EnvironmentClass};
use drift_domain::failure::{FailureKind, Side};
use drift_domain::incident::{ArtifactState, IncidentAction, IncidentStatus};
use drift_domain::reconciliation::{ReconciliationState, StepState, Target};
use drift_domain::report::ReportState;
use drift_domain::role::Role;
use drift_domain::severity::Severity;
use drift_domain::views::{DiffKind, GraphState, MergeSide, MergeSource, NodeKind};

use crate::components::icon::Icon;

/// A word that a person reads, the icon beside it, and the tone that both are drawn in. Nothing is told by colour alone.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark {
    pub label: &'static str,
    pub icon: Icon,
    pub tone: &'static str,
}

pub(crate) const fn mark(label: &'static str, icon: Icon, tone: &'static str) -> Mark {
    Mark { label, icon, tone }
}

pub(crate) const fn badge(badge: Badge) -> Mark {
    let label = badge.label();
    match badge {
        Badge::InSync => mark(label, Icon::Check, "tone-ok"),
        Badge::DriftDetected => mark(label, Icon::Drift, "tone-drift"),
        Badge::IncidentActive => mark(label, Icon::Flame, "tone-incident"),
        Badge::Unverified => mark(label, Icon::Question, "tone-unverified"),
    }
}

pub(crate) const fn class(class: EnvironmentClass) -> &'static str {
    match class {
        EnvironmentClass::Development => "Development",
        EnvironmentClass::Staging => "Staging",
        EnvironmentClass::Production => "Production",
    }
}

pub(crate) const fn change_type(kind: ChangeType) -> Mark {
    match kind {
        ChangeType::Added => mark("Added", Icon::Plus, "tone-ok"),
        ChangeType::Removed => mark("Removed", Icon::Minus, "tone-incident"),
        ChangeType::Modified => mark("Modified", Icon::Pencil, "tone-info"),
    }
}

pub(crate) const fn report_state(state: ReportState) -> Mark {
    let label = state.label();
    match state {
        ReportState::Queued => mark(label, Icon::Clock, "tone-plain"),
        ReportState::Running => mark(label, Icon::Refresh, "tone-info"),
        ReportState::Ready => mark(label, Icon::Check, "tone-ok"),
        ReportState::Failed => mark(label, Icon::Warning, "tone-incident"),
        ReportState::Expired => mark(label, Icon::Ghost, "tone-plain"),
    }
}

/// A size as people read it: `12 kB`.
pub(crate) fn bytes(size: i64) -> String {
    match size {
        ..1_000 => format!("{size} B"),
        1_000..1_000_000 => format!("{} kB", size / 1_000),
        _ => format!("{}.{} MB", size / 1_000_000, size % 1_000_000 / 100_000),
    }
}

pub(crate) const fn change_type_explained(kind: ChangeType) -> &'static str {
    match kind {
        ChangeType::Added => "n8n has this workflow and Git does not.",
        ChangeType::Removed => "Git has this workflow and n8n does not.",
        ChangeType::Modified => "Both sides have this workflow, and they differ.",
    }
}

pub(crate) const fn origin(origin: Origin) -> Mark {
    match origin {
        Origin::Hotfix => mark("Hotfix", Icon::Bolt, "tone-plain"),
        Origin::Undeployed => mark("Undeployed", Icon::Branch, "tone-plain"),
        Origin::Collision => mark("Collision", Icon::Collision, "tone-plain"),
        Origin::Unknown => mark("Unknown", Icon::Question, "tone-plain"),
    }
}

pub(crate) const fn origin_explained(origin: Origin) -> &'static str {
    match origin {
        Origin::Hotfix => "n8n was changed since both sides last agreed; Git was not.",
        Origin::Undeployed => "Git was changed since both sides last agreed; n8n still runs what was agreed then.",
        Origin::Collision => "n8n and Git were both changed since they last agreed, and not to the same content.",
        Origin::Unknown => "The two sides have not been seen to agree yet, so nobody can tell which one moved.",
    }
}

pub(crate) const fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Low => "Low",
        Severity::Medium => "Medium",
        Severity::High => "High",
        Severity::Critical => "Critical",
    }
}

pub(crate) const fn state(state: ChangeState) -> Mark {
    match state {
        ChangeState::Open => mark("Open", Icon::Dot, "tone-drift"),
        ChangeState::Vanished => mark("Vanished", Icon::Ghost, "tone-unverified"),
        ChangeState::Superseded => mark("Superseded", Icon::Layers, "tone-plain"),
        ChangeState::Decided => mark("Decided", Icon::Check, "tone-ok"),
    }
}

pub(crate) const fn state_explained(state: ChangeState) -> &'static str {
    match state {
        ChangeState::Open => "The newest good check saw this difference.",
        ChangeState::Vanished => {
            "A later check no longer sees this difference and nobody has recorded why. It stays open until somebody does."
        }
        ChangeState::Superseded => {
            "The same workflow drifted further. The newer change carries this one as its history."
        }
        ChangeState::Decided => "Somebody decided what becomes of this change, on the record.",
    }
}

pub(crate) const fn vanished(cause: VanishedCause) -> &'static str {
    match cause {
        VanishedCause::GitCaughtUp => "Git now holds what was in n8n.",
        VanishedCause::LiveWentBack => "n8n went back to what Git declared.",
        VanishedCause::Overwritten => "Both sides now agree on something else: a third content replaced the two.",
        VanishedCause::Gone => "The workflow is gone from both sides.",
        VanishedCause::Repointed => {
            "This environment was made to point elsewhere. What became of the difference where it pointed is not known."
        }
    }
}

pub(crate) const fn decision(kind: DecisionKind) -> &'static str {
    match kind {
        DecisionKind::Promote => "Promoted to Git",
        DecisionKind::Revert => "Reverted to Git",
        DecisionKind::Replace => "Replaced",
        DecisionKind::Override => "Override",
    }
}

pub(crate) const fn decision_explained(kind: DecisionKind) -> &'static str {
    match kind {
        DecisionKind::Promote => "what was live belongs in Git, and is there",
        DecisionKind::Revert => "what was live was wrong, and Git's content is back",
        DecisionKind::Replace => "something else took the place of both",
        DecisionKind::Override => "known and accepted; it stays visible",
    }
}

/// What a person is about to decide, as an instruction: the label of the choice.
pub(crate) const fn path(kind: DecisionKind) -> Mark {
    match kind {
        DecisionKind::Promote => mark("Promote to Git", Icon::Upload, "tone-info"),
        DecisionKind::Revert => mark("Revert to Git", Icon::Undo, "tone-info"),
        DecisionKind::Replace => mark("Replace", Icon::Swap, "tone-info"),
        DecisionKind::Override => mark("Override", Icon::Clock, "tone-drift"),
    }
}

pub(crate) const fn path_explained(kind: DecisionKind) -> &'static str {
    match kind {
        DecisionKind::Promote => "What is live is right: it goes to Git.",
        DecisionKind::Revert => "Git is right: its content goes over what is live.",
        DecisionKind::Replace => "Neither stays: a different fix in Git supersedes both.",
        DecisionKind::Override => "Known and accepted for a time; it stays visible.",
    }
}

pub(crate) const fn incident_status(status: IncidentStatus) -> Mark {
    match status {
        IncidentStatus::Detected => mark("Detected", Icon::Eye, "tone-incident"),
        IncidentStatus::Acknowledged => mark("Acknowledged", Icon::User, "tone-drift"),
        IncidentStatus::Stabilized => mark("Stabilized", Icon::Shield, "tone-info"),
        IncidentStatus::Reconciled => mark("Reconciled", Icon::Equal, "tone-ok"),
        IncidentStatus::Closed => mark("Closed", Icon::Lock, "tone-plain"),
    }
}

pub(crate) const fn incident_status_explained(status: IncidentStatus) -> &'static str {
    match status {
        IncidentStatus::Detected => "Opened; nobody has taken it on yet.",
        IncidentStatus::Acknowledged => "Somebody has taken it on.",
        IncidentStatus::Stabilized => "Production is stable; the drift is still to be reconciled.",
        IncidentStatus::Reconciled => "Every change is decided and carried out, and a check found no difference.",
        IncidentStatus::Closed => "Proven equal by a check of the closing's own. Final.",
    }
}

pub(crate) const fn incident_action(action: IncidentAction) -> &'static str {
    match action {
        IncidentAction::Acknowledge => "Acknowledge",
        IncidentAction::Stabilize => "Mark as stabilized",
        IncidentAction::Reconcile => "Mark as reconciled",
        IncidentAction::Close => "Close incident",
        IncidentAction::Decide => "Choose a path",
        IncidentAction::Assign => "Change owner",
        IncidentAction::SetTicket => "Set ticket",
        IncidentAction::SetSeverity => "Adjust severity",
        IncidentAction::Extend => "Give it more time",
        IncidentAction::Comment => "Comment",
        IncidentAction::Recheck => "Recheck",
    }
}

pub(crate) const fn artifact(state: ArtifactState) -> Mark {
    match state {
        ArtifactState::Pending => mark("Pending", Icon::Clock, "tone-drift"),
        ArtifactState::Success => mark("Success", Icon::Check, "tone-ok"),
        ArtifactState::Failed => mark("Failed", Icon::Cross, "tone-incident"),
    }
}

pub(crate) const fn reconciliation(state: ReconciliationState) -> Mark {
    let label = state.label();
    match state {
        ReconciliationState::Planned => mark(label, Icon::Eye, "tone-info"),
        ReconciliationState::Pending => mark(label, Icon::Clock, "tone-drift"),
        ReconciliationState::Done => mark(label, Icon::Check, "tone-ok"),
        ReconciliationState::Failed => mark(label, Icon::Cross, "tone-incident"),
        ReconciliationState::Cancelled => mark(label, Icon::Undo, "tone-plain"),
    }
}

pub(crate) const fn approval(state: ApprovalState) -> Mark {
    let label = state.label();
    match state {
        ApprovalState::Pending => mark(label, Icon::Clock, "tone-drift"),
        ApprovalState::Approved => mark(label, Icon::Check, "tone-info"),
        ApprovalState::Done => mark(label, Icon::Check, "tone-ok"),
        ApprovalState::Failed | ApprovalState::Rejected => mark(label, Icon::Cross, "tone-incident"),
        ApprovalState::Withdrawn => mark(label, Icon::Undo, "tone-plain"),
        ApprovalState::Expired => mark(label, Icon::Clock, "tone-plain"),
    }
}

pub(crate) const fn reconciliation_explained(state: ReconciliationState) -> &'static str {
    match state {
        ReconciliationState::Planned => "This is what would be written. Nothing is written yet.",
        ReconciliationState::Pending => "Somebody said to carry it out, and it has not ended.",
        ReconciliationState::Done => "Every step is taken, and seen to be.",
        ReconciliationState::Failed => "A step could not be taken; it says which, and why.",
        ReconciliationState::Cancelled => "Taken back before anything was written.",
    }
}

pub(crate) const fn step(state: StepState) -> Mark {
    match state {
        StepState::Waiting => mark("Waiting", Icon::Dot, "tone-plain"),
        StepState::Begun => mark("Under way", Icon::Clock, "tone-drift"),
        StepState::Done => mark("Done", Icon::Check, "tone-ok"),
        StepState::Failed => mark("Failed", Icon::Cross, "tone-incident"),
    }
}

pub(crate) const fn target(target: Target) -> Mark {
    match target {
        Target::N8n => mark("n8n", Icon::Plug, "tone-plain"),
        Target::Git => mark("Git", Icon::Branch, "tone-plain"),
    }
}

pub(crate) const fn merge_side(side: MergeSide) -> Mark {
    match side {
        MergeSide::Base => mark("As both last agreed", Icon::Layers, "tone-plain"),
        MergeSide::Live => mark("n8n", Icon::Plug, "tone-plain"),
        MergeSide::Desired => mark("Git", Icon::Branch, "tone-plain"),
    }
}

pub(crate) const fn merge_source(source: MergeSource) -> Mark {
    match source {
        MergeSource::Live => mark("From n8n", Icon::Plug, "tone-plain"),
        MergeSource::Desired => mark("From Git", Icon::Branch, "tone-plain"),
        MergeSource::Both => mark("The same on both", Icon::Equal, "tone-plain"),
        MergeSource::Base => mark("As both last agreed", Icon::Layers, "tone-plain"),
        MergeSource::Open => mark("To be picked", Icon::Question, "tone-drift"),
        MergeSource::Lost => mark("Left out", Icon::Minus, "tone-unverified"),
    }
}

pub(crate) const fn trigger(trigger: CheckTrigger) -> &'static str {
    match trigger {
        CheckTrigger::Schedule => "Schedule",
        CheckTrigger::Recheck => "Recheck",
        CheckTrigger::GitPush => "Push to Git",
        CheckTrigger::Connected => "Connection changed",
        CheckTrigger::Closing => "Closing",
        CheckTrigger::Reconciled => "Carried out",
    }
}

pub(crate) const fn outcome(outcome: CheckOutcome) -> Mark {
    match outcome {
        CheckOutcome::Running => mark("Running", Icon::Refresh, "tone-info"),
        CheckOutcome::InSync => mark("In sync", Icon::Check, "tone-ok"),
        CheckOutcome::Drift => mark("Drift", Icon::Drift, "tone-drift"),
        CheckOutcome::Failed => mark("Failed", Icon::Cross, "tone-incident"),
    }
}

pub(crate) const fn role(role: Role) -> &'static str {
    match role {
        Role::Viewer => "Viewer",
        Role::Operator => "Operator",
        Role::Approver => "Approver",
        Role::Admin => "Admin",
        Role::Owner => "Owner",
    }
}

pub(crate) const fn side(side: Side) -> &'static str {
    match side {
        Side::Live => "n8n",
        Side::Desired => "GitHub",
    }
}

/// Whether a failed look is put right in the environment's settings. The rest passes, or is put right on the other side,
/// and checks recover by themselves.
pub(crate) const fn is_of_settings(kind: FailureKind) -> bool {
    matches!(
        kind,
        FailureKind::Unauthorized
            | FailureKind::Forbidden
            | FailureKind::NotFound
            | FailureKind::NotN8n
            | FailureKind::RefusedAddress
            | FailureKind::SecretUnreadable
    )
}

pub(crate) const fn diff_kind(kind: DiffKind) -> Mark {
    match kind {
        DiffKind::NodeAdded => mark("Node only in n8n", Icon::Plus, "tone-ok"),
        DiffKind::NodeRemoved => mark("Node only in Git", Icon::Minus, "tone-incident"),
        DiffKind::NodeModified => mark("Changed", Icon::Pencil, "tone-info"),
        DiffKind::NodeRenamed => mark("Renamed", Icon::Pencil, "tone-info"),
        DiffKind::ConnectionAdded => mark("Connection only in n8n", Icon::Plus, "tone-ok"),
        DiffKind::ConnectionRemoved => mark("Connection only in Git", Icon::Minus, "tone-incident"),
        DiffKind::WorkflowModified => mark("Changed", Icon::Pencil, "tone-info"),
    }
}

/// What became of a part of a graph. The letters that n8n's own diff has stand in [`graph_letter`].
pub(crate) const fn graph_state(state: GraphState) -> Mark {
    match state {
        GraphState::Same => mark("Same", Icon::Equal, "tone-plain"),
        GraphState::Added => mark("Only in n8n", Icon::Plus, "tone-ok"),
        GraphState::Removed => mark("Only in Git", Icon::Minus, "tone-incident"),
        GraphState::Modified => mark("Changed", Icon::Pencil, "tone-drift"),
        GraphState::Renamed => mark("Renamed", Icon::Swap, "tone-info"),
        GraphState::Cosmetic => mark("Cosmetic", Icon::Eye, "tone-plain"),
    }
}

/// The letter of a state in n8n's own diff: new, deleted, modified. Nothing where n8n shows none.
pub(crate) const fn graph_letter(state: GraphState) -> &'static str {
    match state {
        GraphState::Added => "N",
        GraphState::Removed => "D",
        GraphState::Modified => "M",
        GraphState::Renamed => "R",
        GraphState::Same | GraphState::Cosmetic => "",
    }
}

pub(crate) const fn node_kind(kind: NodeKind) -> Mark {
    match kind {
        NodeKind::Trigger => mark("Trigger", Icon::Bolt, "tone-plain"),
        NodeKind::Branch => mark("Branching", Icon::Branch, "tone-plain"),
        NodeKind::Code => mark("Code", Icon::Code, "tone-plain"),
        NodeKind::SubWorkflow => mark("Sub-workflow", Icon::Layers, "tone-plain"),
        NodeKind::AiPart => mark("AI part", Icon::Spark, "tone-plain"),
        NodeKind::Sticky => mark("Note", Icon::Comment, "tone-plain"),
        NodeKind::Action => mark("Action", Icon::Box, "tone-plain"),
    }
}

/// `INC-12`: what people call an incident.
pub(crate) fn incident(number: i64) -> String {
    format!("INC-{number}")
}

/// `1 workflow`, `2 workflows`.
pub(crate) fn count(n: impl Into<u64>, one: &str, many: &str) -> String {
    let n = n.into();
    format!("{n} {}", if n == 1 { one } else { many })
}

/// A number of seconds as people say it: `90 s`, `5 min`, `1 h`.
pub(crate) fn interval(seconds: u32) -> String {
    match seconds {
        s if s >= 3_600 && s.is_multiple_of(3_600) => format!("{} h", s / 3_600),
        s if s >= 120 && s.is_multiple_of(60) => format!("{} min", s / 60),
        s => format!("{s} s"),
    }
}

/// The first seven digits of a commit, as Git itself abbreviates.
pub(crate) fn short_commit(commit: &str) -> String {
    commit.chars().take(7).collect()
}
