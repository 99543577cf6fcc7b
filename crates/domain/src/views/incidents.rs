//! Drift incidents as the screens and the API show them.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::drift::{AmbiguityView, ChangeRow};
use super::{DiffAccess, EnvironmentRow, ReconciliationRow};
use crate::change::DecisionKind;
use crate::ids::{ArtifactId, ChangeId, CheckId, EnvironmentId, EventId, IncidentId, ReconciliationId, UserId};
use crate::incident::{ArtifactState, ClosingState, IncidentAction, IncidentStatus};
use crate::plan::{Lifecycle, PlanTier};
use crate::severity::Severity;

/// Which incidents a person wants to see. Every field is in the address of the page.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema, utoipa::IntoParams), into_params(parameter_in = Query))]
#[serde(default)]
pub struct IncidentFilter {
    /// Only those in this status. Without it, the open ones; with `all`, every one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<IncidentStatus>,
    /// Closed ones, too.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub all: bool,
    /// Only of this severity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
    /// Only of this environment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment: Option<EnvironmentId>,
    /// Only those that the caller owns.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub mine: bool,
    /// Only those without an owner.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub unowned: bool,
}

/// A page of incidents, newest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct IncidentList {
    /// The incidents.
    pub incidents: Vec<IncidentRow>,
    /// What to ask with for the next page; `None` on the last.
    pub next: Option<String>,
    /// What the caller asked for.
    pub filter: IncidentFilter,
    /// Environments to filter by.
    pub environments: Vec<(EnvironmentId, String)>,
}

/// A page of an incident's timeline, newest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TimelinePage {
    /// The entries.
    pub items: Vec<TimelineEntry>,
    /// What to ask with for the next page, which is older; `None` on the last.
    pub next: Option<EventId>,
}

/// One incident in a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct IncidentRow {
    /// Its identifier.
    pub id: IncidentId,
    /// Its number in the organization, for people to say: 12 reads "INC-12".
    pub number: i64,
    /// Its environment.
    pub environment_id: EnvironmentId,
    /// The environment's name.
    pub environment: String,
    /// Where it stands.
    pub status: IncidentStatus,
    /// How much it matters.
    pub severity: Severity,
    /// Who owns it.
    pub owner: Option<PersonView>,
    /// When it was opened.
    pub detected_at: DateTime<Utc>,
    /// When its time is over, where its plan has deadlines and somebody acknowledged it.
    pub expires_at: Option<DateTime<Utc>>,
    /// When the clock told that its time is over; an extension takes that back.
    pub expired_at: Option<DateTime<Utc>>,
    /// When it closed.
    pub closed_at: Option<DateTime<Utc>>,
    /// Its changes that still wait for a decision or for its proof.
    pub open_changes: u32,
    /// All its changes but superseded ones, which newer ones carry.
    pub changes: u32,
}

/// A person, as beside what they did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PersonView {
    /// The person.
    pub id: UserId,
    /// The person's name.
    pub name: String,
}

/// The workspace of one incident.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct IncidentPage {
    /// What the list shows of it.
    pub row: IncidentRow,
    /// Moves with everything that happens to the incident. An action names the one that its person saw, and is refused when
    /// it is another by now.
    pub version: i64,
    /// The environment as its own page shows it: one badge for one thing.
    pub environment: EnvironmentRow,
    /// The steps that this incident goes through, with when it reached each.
    pub steps: Vec<StepView>,
    /// How much of the lifecycle its plan has.
    pub lifecycle: Lifecycle,
    /// The plan that it was created under and keeps.
    pub plan: PlanTier,
    /// Why it was acknowledged, in the words of whoever did.
    pub reason: Option<String>,
    /// The ticket.
    pub ticket: Option<TicketView>,
    /// The severity that follows from the changes; the row has the one that holds.
    pub computed_severity: Severity,
    /// Why a person adjusted it, if somebody did.
    pub severity_reason: Option<String>,
    /// Its time, where its plan has deadlines and somebody acknowledged it.
    pub time: Option<TimeView>,
    /// A page of its changes, most severe first: those that wait, then those that are decided, then superseded ones.
    pub changes: Vec<IncidentChange>,
    /// Which of its changes these are, and what holds of all of them.
    pub listed: ListedChanges,
    /// What may be opened as a diff.
    pub diff_access: DiffAccess,
    /// Workflows that a person must link before they can be compared.
    pub ambiguities: Vec<AmbiguityView>,
    /// The newest hundred entries, oldest first.
    pub timeline: Vec<TimelineEntry>,
    /// Every action of an incident: whether this caller may do it now, and if not, why.
    pub actions: Vec<ActionView>,
    /// The closing that was asked for last, if any.
    pub closing: Option<ClosingView>,
    /// The proof, once it is closed.
    pub receipt: Option<ReceiptView>,
    /// Earlier incidents of this environment about the same fields of the same workflows, newest first.
    pub ancestors: Vec<IncidentRow>,
    /// Members who can own it.
    pub assignable: Vec<PersonView>,
    /// What somebody said to carry out, newest first.
    pub reconciliations: Vec<ReconciliationRow>,
    /// Changes whose chosen path the product can carry out now.
    pub to_carry_out: Vec<ChangeId>,
    /// Why this caller does not get decisions carried out; `None` when they are.
    pub carry_out_refused: Option<String>,
}

/// Which part of an incident's changes a page has, and what holds of all of them, on whatever page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ListedChanges {
    /// Changes on all pages, superseded ones included.
    pub all: u32,
    /// Changes on the pages before.
    pub earlier: u32,
    /// Where the next page begins; none on the last one.
    pub next: Option<String>,
    /// Changes whose path nobody has chosen, on all pages: those that a decision without a list of changes is for.
    pub waiting: u32,
    /// The decisions that fit every one of these.
    pub fit_all: Vec<DecisionKind>,
    /// Changes that the caller has ticked as viewed, as they are now; superseded ones do not count.
    pub viewed: u32,
}

/// How much of an incident somebody has viewed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Ticks {
    /// Changes that are ticked, as they are now.
    pub viewed: u32,
    /// All changes but superseded ones, which newer ones carry.
    pub of: u32,
}

/// A change of an incident as its own page shows it, with what stands around it.
#[derive(Clone, Debug, PartialEq)]
pub struct ChangeInIncident {
    /// The change.
    pub change: IncidentChange,
    /// The one before it that can be opened.
    pub previous: Option<ChangeId>,
    /// The one after it that can be opened.
    pub next: Option<ChangeId>,
    /// Its number among those that can be opened, from 1, and how many these are. `None` where it cannot be opened.
    pub place: Option<(u32, u32)>,
}

/// Which part of a list a person wants to see.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Where it begins: what the page before answered as `next`.
    pub after: Option<String>,
    /// How many at most: [`ChangeFilter::PAGE`](super::ChangeFilter::PAGE) unless told, at most
    /// [`ChangeFilter::LARGEST_PAGE`](super::ChangeFilter::LARGEST_PAGE).
    pub limit: Option<u32>,
}

/// One step of the lifecycle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StepView {
    /// The step.
    pub status: IncidentStatus,
    /// When it was reached, if it was.
    pub at: Option<DateTime<Utc>>,
    /// Whether the incident stands here.
    pub current: bool,
}

/// The time that an incident has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TimeView {
    /// When the span began that the warnings divide: the acknowledgement, or the newest extension.
    pub from: DateTime<Utc>,
    /// When it warns: at half and at three quarters of it.
    pub warns_at: [DateTime<Utc>; 2],
    /// When it is over.
    pub expires_at: DateTime<Utc>,
    /// When the clock told that it is over.
    pub expired_at: Option<DateTime<Utc>>,
    /// How often it was extended.
    pub extensions: u32,
    /// How often it may still be extended.
    pub extensions_left: u32,
    /// The most hours that one extension gives.
    pub longest_extension_hours: u32,
}

/// A ticket in another system.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TicketView {
    /// What was typed: a web address, or a key such as `OPS-12`.
    pub text: String,
    /// Where it leads, if it leads anywhere: always http or https.
    pub url: Option<String>,
}

/// One change of an incident.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct IncidentChange {
    /// What lists show of a change.
    pub row: ChangeRow,
    /// The path that somebody chose for it, and what came of that; the newest first.
    pub artifacts: Vec<ArtifactView>,
    /// It drifted after somebody said that production is stable.
    pub new_since_stabilized: bool,
    /// The decisions that fit it now, for a form to offer. Empty when it is over.
    pub choices: Vec<DecisionKind>,
    /// A hash of what it holds: both sides, and what became of it. A tick names the one that was seen.
    pub content: String,
    /// Whether the caller has ticked it as viewed, as it is now.
    pub viewed: bool,
}

/// The execution of a decision, and its outcome (seed: reconciliation artifact).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ArtifactView {
    /// Its identifier.
    pub id: ArtifactId,
    /// The change that it is for.
    pub change: ChangeId,
    /// What was decided.
    pub kind: DecisionKind,
    /// How far it is.
    pub state: ArtifactState,
    /// Whether people carry it out by hand, and a check verifies it.
    pub by_hand: bool,
    /// The reconciliation that carries it out, where the product does.
    pub reconciliation: Option<ReconciliationId>,
    /// Why it was decided.
    pub reason: String,
    /// Who decided.
    pub by: PersonView,
    /// When it was decided.
    pub started_at: DateTime<Utc>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
    /// Why it failed.
    pub error: Option<String>,
    /// What it left elsewhere: a commit, an address. Folded away on the screen.
    pub external: Option<serde_json::Value>,
}

/// One entry of an incident's timeline.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TimelineEntry {
    /// Its identifier.
    pub id: EventId,
    /// What happened, as a dotted name: `incident.acknowledged`.
    pub kind: String,
    /// A sentence for a person.
    pub text: String,
    /// What somebody wrote: a comment, a reason.
    pub note: Option<String>,
    /// Members who are mentioned in the note.
    pub mentions: Vec<PersonView>,
    /// Who did it; `None` for the product itself.
    pub by: Option<PersonView>,
    /// When.
    pub at: DateTime<Utc>,
}

/// Whether a caller may do something to an incident now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ActionView {
    /// What.
    pub action: IncidentAction,
    /// Why not; `None` when it may be done.
    pub refused: Option<String>,
    /// The plan that would allow it, where that is why not.
    pub needs_plan: Option<PlanTier>,
    /// The approval that a policy takes for it, in words: asking for it is asking for that.
    #[serde(default)]
    pub takes: Option<String>,
}

/// A closing that somebody asked for: it begins a check of its own, and that check decides.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ClosingView {
    /// How far it is.
    pub state: ClosingState,
    /// Who asked.
    pub by: PersonView,
    /// When.
    pub at: DateTime<Utc>,
    /// Why it was refused: what is still different, what is not decided, which side could not be read.
    pub refused: Option<String>,
}

/// The proof that an incident closed rightly.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ReceiptView {
    /// The check that the closing began.
    pub check: CheckId,
    /// When that check began and ended.
    pub checked: (DateTime<Utc>, DateTime<Utc>),
    /// The ref that live was compared with.
    pub git_ref: String,
    /// The commit that it pointed to.
    pub git_commit: String,
    /// The fingerprint of the live side, in hex.
    pub live_fingerprint: String,
    /// The fingerprint of the desired side, in hex. It is the live one's where both sides carry every field; a format that
    /// leaves fields out agrees with a side that states them, and has a fingerprint of its own.
    pub desired_fingerprint: String,
    /// Workflows compared.
    pub workflows: u32,
    /// BLAKE3 of the document as canonical JSON (RFC 8785), in hex.
    pub digest: String,
    /// Ed25519 over the 32 bytes of the digest by the installation's key, in hex.
    pub signature: String,
    /// The public half of that key, in hex.
    pub public_key: String,
    /// The whole receipt as it is stored: decisions and artifacts, too.
    pub document: serde_json::Value,
}
