//! What the screens and the API show: plain data, made by the services, drawn by the app, sent by REST.
//!
//! A view holds no secret and needs no second question: what a person may do is in it, decided by the server.

mod approvals;
mod audit;
mod deployments;
mod diff;
mod drift;
mod environments;
mod graph;
mod incidents;
mod live;
mod merge;
mod metrics;
mod notifications;
mod overrides;
mod overview;
mod people;
mod plans;
mod policies;
mod reconciliation;
mod reports;
mod retention;
mod search;

pub use approvals::{ApprovalInbox, ApprovalView, ApprovalVoice, DelegationView, Proposed};
pub use audit::{AuditPage, AuditSeals};
pub use deployments::{
    DeploymentList, DeploymentRow, DeploymentView, ForecastView, GateRequestView, GateStatusView, GateView,
    GithubGateView,
};
pub use diff::{DiffEntry, DiffKind, DiffLine, DiffView, LineKind};
pub use drift::{
    AdoptionView, AmbiguityView, ChangeFilter, ChangeList, ChangePage, ChangeRow, CheckRow, DecisionView, DiffAccess,
    DiffOrRefusal, IgnoredView, VanishedView, Workspace,
};
pub use environments::{
    ConnectionReport, EnvironmentDraft, EnvironmentList, EnvironmentPage, EnvironmentRow, GitCredentials, SideReport,
};
pub use graph::{GraphEdge, GraphNode, GraphState, GraphView, NodeKind, Place, StickyView};
pub use incidents::{
    ActionView, ArtifactView, ChangeInIncident, ClosingView, IncidentChange, IncidentFilter, IncidentList,
    IncidentPage, IncidentRow, ListedChanges, Part, PersonView, ReceiptView, StepView, TicketView, Ticks, TimeView,
    TimelineEntry, TimelinePage,
};
pub use live::LiveEvent;
pub use merge::{MergeConflict, MergePart, MergeSide, MergeSource};
pub use metrics::{
    Cell, Deadlines, IncidentMetrics, Load, MetricsNow, MetricsPage, MetricsStep, RepeatCause, Table, TimeMetric,
    UpgradeMetric,
};
pub use notifications::{AttemptView, ChannelView, DeliveryView};
pub use overrides::{OverrideCount, OverrideOffer, OverrideView};
pub use overview::{Exceptions, OverrideDebt, Overview, OverviewRow};
pub use people::{
    AccountView, GreetingView, InvitationView, Me, MemberView, MembersView, OrganizationView, SessionView, TokenView,
};
pub use plans::{
    CapabilityChange, CapabilityRow, LimitCell, LimitChange, LimitRow, PlanChange, PlanEdit, PlanEffect, PlanPage,
    UpgradeAnswer, UpgradeAsk, UpgradeOffer, UpgradeRequestView,
};
pub use policies::{
    PolicyCoverage, PolicyDifference, PolicyList, PolicyPage, PolicyRow, PolicySimulation, PolicyTarget, PolicyVersion,
};
pub use reconciliation::{
    GitPlanView, ItemResult, ItemView, ReconciliationPage, ReconciliationRow, ReconciliationStepView, WriteView,
};
pub use reports::{ReportAsk, ReportScheduleAsk, ReportScheduleView, ReportView, ReportsPage};
pub use retention::{
    HeldIncident, HoldRelease, HoldView, KeptPreview, KindPreview, Removed, RemovedIncident, RetentionPreview,
    RetentionRecord, RetentionRun,
};
pub use search::Found;
