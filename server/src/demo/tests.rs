//! The demo shows what it promises: every scene, acted out on a database of its own.

use std::sync::Arc;

use drift_domain::change::{ChangeState, ChangeType, Origin};
use drift_domain::environment::Badge;
use drift_domain::failure::FailureKind;
use drift_domain::plan::PlanTier;
use drift_domain::severity::Severity;
use drift_domain::views::{ChangeRow, DiffOrRefusal, EnvironmentRow, Workspace};
use drift_testkit::TestApp;

use super::*;

/// The world, made in a folder of its own.
struct Shown {
    app: TestApp,
    folder: tempfile::TempDir,
    state: State,
    world: World,
}

impl Shown {
    async fn new() -> Self {
        let (app, folder) = (TestApp::new().await, tempfile::tempdir().unwrap());
        let mut state = State::open(folder.path(), false).unwrap();
        let world = World::open(&mut state, folder.path(), &app.services, Arc::new(SystemClock)).await.unwrap();
        state.save(folder.path()).unwrap();
        Self { app, folder, state, world }
    }

    async fn row(&self, key: &str) -> EnvironmentRow {
        let plan = ENVIRONMENTS.iter().find(|plan| plan.key == key).unwrap();
        let permit = self.world.owner(plan).unwrap().permit().unwrap();
        let list = self.app.services.environments(&permit, None, None).await.unwrap();
        list.environments.into_iter().find(|row| row.name == plan.name).unwrap()
    }

    async fn workspace(&self, key: &str) -> Workspace {
        let plan = ENVIRONMENTS.iter().find(|plan| plan.key == key).unwrap();
        let permit = self.world.owner(plan).unwrap().permit().unwrap();
        self.app.services.workspace(&permit, self.row(key).await.id, Default::default()).await.unwrap()
    }

    async fn changes(&self, key: &str) -> Vec<ChangeRow> {
        self.workspace(key).await.changes
    }
}

fn change<'c>(changes: &'c [ChangeRow], name: &str) -> &'c ChangeRow {
    changes
        .iter()
        .find(|change| change.workflow.contains(name))
        .unwrap_or_else(|| panic!("no change of {name}: {changes:#?}"))
}

#[tokio::test]
async fn every_environment_shows_its_state() {
    let shown = Shown::new().await;

    for key in ["northlight-staging", "meridian-production", "kettle-staging"] {
        assert_eq!(shown.row(key).await.badge, Badge::InSync, "{key}");
    }

    let changes = shown.changes("northlight-production").await;
    assert_eq!(shown.row("northlight-production").await.badge, Badge::IncidentActive, "the policy opened one");
    assert_eq!(changes.len(), 5);
    assert!(change(&changes, "Lead Enrichment").unpublished_draft);
    assert_eq!(change(&changes, "Lead Enrichment").origin, Origin::Hotfix);
    assert_eq!(change(&changes, "Invoice").severity, Severity::Critical, "a credential was exchanged");
    assert_eq!(change(&changes, "Scrape Start").severity, Severity::Critical, "it was taken out of service");
    assert_eq!(change(&changes, "Post Message to Slack").change_type, ChangeType::Added);

    let changes = shown.changes("harbor-production").await;
    assert_eq!(change(&changes, "v2/CRUD").origin, Origin::Undeployed);
    assert_eq!(change(&changes, "v2/Normalize").origin, Origin::Undeployed);
    let vanished = change(&changes, "Global Error Handler");
    assert_eq!(vanished.state, ChangeState::Vanished);
    let told = vanished.vanished.as_ref().unwrap();
    assert_eq!(told.cause, drift_domain::change::VanishedCause::GitCaughtUp);
    assert!(told.evidence.as_ref().is_some_and(|evidence| evidence.contains("Ben Okafor")), "{told:?}");

    let down = shown.workspace("harbor-staging").await;
    assert_eq!(down.environment.row.badge, Badge::Unverified);
    assert_eq!(down.environment.failure.unwrap().kind, FailureKind::Unreachable);
    assert_eq!(down.open_changes, 1, "what was seen before stays");

    let wrong_key = shown.workspace("meridian-staging").await;
    assert_eq!(wrong_key.environment.row.badge, Badge::Unverified);
    assert_eq!(wrong_key.environment.failure.unwrap().kind, FailureKind::Unauthorized);

    let changes = shown.changes("bright-production").await;
    assert_eq!(change(&changes, "Reddit").origin, Origin::Collision);
    assert_eq!(change(&changes, "Summarize Slack").origin, Origin::Hotfix);
    assert_eq!(change(&changes, "Asana AI Agent").origin, Origin::Undeployed);

    let adoption = shown.workspace("bright-development").await;
    assert_eq!(adoption.environment.row.badge, Badge::DriftDetected);
    assert_eq!(adoption.ambiguities.len(), 1);
    assert_eq!((adoption.ambiguities[0].live_ids.len(), adoption.ambiguities[0].paths.len()), (2, 2));
    assert!(adoption.adoption.is_some(), "the review is open");

    let many = shown.workspace("kettle-production").await;
    assert_eq!(many.changes.len(), 7);
    assert_eq!(many.changes.iter().filter(|change| change.openable).count(), 5, "Pro shows five");

    let solo = shown.changes("solo-production").await;
    assert_eq!(change(&solo, "Asana AI Agent").state, ChangeState::Open);
    assert_eq!(change(&solo, "Post Message").state, ChangeState::Vanished);
}

#[tokio::test]
async fn incidents_stand_in_every_status_on_every_plan_that_has_them() {
    use drift_domain::incident::IncidentStatus;
    use drift_domain::views::IncidentFilter;

    let shown = Shown::new().await;
    for (key, plan, status) in [
        ("northlight-production", PlanTier::Agency, IncidentStatus::Detected),
        ("cedar-production", PlanTier::Agency, IncidentStatus::Detected),
        ("lumen-production", PlanTier::Agency, IncidentStatus::Detected),
        ("bright-production", PlanTier::Agency, IncidentStatus::Acknowledged),
        ("kettle-production", PlanTier::Pro, IncidentStatus::Acknowledged),
        ("harbor-production", PlanTier::Agency, IncidentStatus::Stabilized),
        ("meridian-payments", PlanTier::Enterprise, IncidentStatus::Reconciled),
        ("meridian-cards", PlanTier::Enterprise, IncidentStatus::Acknowledged),
    ] {
        assert_eq!(shown.row(key).await.badge, Badge::IncidentActive, "{key}");
        let environment = ENVIRONMENTS.iter().find(|environment| environment.key == key).unwrap();
        let owner = shown.world.owner(environment).unwrap();
        let filter = IncidentFilter { environment: Some(shown.row(key).await.id), ..IncidentFilter::default() };
        let permit = shown.app.services.incidents_permit(owner).await.unwrap();
        let list = shown.app.services.incidents(&permit, filter, None).await.unwrap();
        assert_eq!(list.incidents.iter().map(|row| row.status).collect::<Vec<_>>(), [status], "{key}");
        let page = shown.app.services.incident(&permit, list.incidents[0].id).await.unwrap();
        assert_eq!(page.plan, plan, "{key}");
    }
    assert_eq!(shown.row("rivermill-production").await.badge, Badge::DriftDetected, "Pro opens none by itself");
    let staging = ENVIRONMENTS.iter().find(|environment| environment.key == "northlight-staging").unwrap();
    let permit = shown.app.services.incidents_permit(shown.world.owner(staging).unwrap()).await.unwrap();
    let closed = IncidentFilter { status: Some(IncidentStatus::Closed), ..IncidentFilter::default() };
    let closed = shown.app.services.incidents(&permit, closed, None).await.unwrap().incidents;
    assert_eq!(closed.len(), 1);
    assert!(shown.app.services.incident(&permit, closed[0].id).await.unwrap().receipt.is_some());
}

#[tokio::test]
async fn an_incident_that_expired_blocks_deployments_and_one_went_through_before() {
    let shown = Shown::new().await;
    let cards = ENVIRONMENTS.iter().find(|environment| environment.key == "meridian-cards").unwrap();
    let (owner, id) = (shown.world.owner(cards).unwrap(), shown.row("meridian-cards").await.id);
    let list = shown.app.services.deployments(&owner.permit().unwrap(), id).await.unwrap();
    assert!(!list.gate.allowed && list.gate.reasons[0].contains("has been expired since"), "{:?}", list.gate);
    assert_eq!((list.deployments.len(), list.deployments[0].workflows, list.deployments[0].failed), (1, 1, 0));
    assert_eq!(list.workflows.len(), 1, "the other one still differs");
    assert_eq!(shown.app.services.tell_deadlines().await.unwrap(), 1, "the clock tells at its first tick");
}

#[tokio::test]
async fn plans_see_what_they_have() {
    let shown = Shown::new().await;
    for (key, plan, has_diff) in
        [("solo-production", PlanTier::Free, false), ("northlight-production", PlanTier::Agency, true)]
    {
        let environment = ENVIRONMENTS.iter().find(|environment| environment.key == key).unwrap();
        let owner = shown.world.owner(environment).unwrap();
        assert_eq!(owner.plan.tier(), plan);
        let change = &shown.changes(key).await[0];
        let id = shown.row(key).await.id;
        let page = shown.app.services.change(&owner.permit().unwrap(), id, change.id).await.unwrap();
        assert_eq!(matches!(page.diff, DiffOrRefusal::Diff(_)), has_diff, "{key}");
    }
}

/// What is shown of some environments after looking again: badge, open changes.
const AFTERWARDS: [(&str, Badge, u32); 6] = [
    ("northlight-staging", Badge::InSync, 0),
    ("lumen-production", Badge::IncidentActive, 4),
    ("northlight-production", Badge::IncidentActive, 5),
    ("harbor-staging", Badge::Unverified, 1),
    ("meridian-staging", Badge::Unverified, 0),
    ("solo-production", Badge::DriftDetected, 2),
];

impl Shown {
    /// Starts again on the same folder.
    async fn again(self) -> Self {
        let Self { app, folder, .. } = self;
        let mut state = State::open(folder.path(), false).unwrap();
        assert!(state.complete);
        let world = World::open(&mut state, folder.path(), &app.services, Arc::new(SystemClock)).await.unwrap();
        Self { app, folder, state, world }
    }

    fn ports(&self) -> Vec<u16> {
        let n8n = self.world.instances.values().map(|n8n| port(&n8n.url()));
        n8n.chain([port(&self.world.github.url())]).collect()
    }

    /// Looking again sees nothing new: what was in sync is, and what had drifted has, as before.
    async fn holds(&self) {
        for (key, badge, open) in AFTERWARDS {
            let id = self.row(key).await.id;
            let trigger = drift_domain::check::CheckTrigger::Schedule;
            self.app.services.run_check(id, trigger, None).await.unwrap();
            let workspace = self.workspace(key).await;
            assert_eq!((workspace.environment.row.badge, workspace.open_changes), (badge, open), "{key}");
        }
    }
}

#[tokio::test]
async fn a_second_start_finds_everything_as_it_was() {
    let shown = Shown::new().await;
    let ports = shown.ports();
    shown.world.github.stop().await;
    for n8n in shown.world.instances.values() {
        n8n.stop().await;
    }
    let again = shown.again().await;
    assert_eq!(again.ports(), ports);
    assert_eq!(again.state.starts, 2);
    again.holds().await;
}

#[tokio::test]
async fn where_ports_were_taken_meanwhile_the_environments_are_told() {
    let shown = Shown::new().await;
    let ports = shown.ports();
    // Somebody else listens on them: the stand-ins of the first start, which were not stopped.
    let taken = (shown.world.github, shown.world.instances.clone());
    let app = (shown.app, shown.folder);
    let mut state = State::open(app.1.path(), false).unwrap();
    let world = World::open(&mut state, app.1.path(), &app.0.services, Arc::new(SystemClock)).await.unwrap();
    let again = Shown { app: app.0, folder: app.1, state, world };
    assert!(again.ports().iter().zip(&ports).filter(|(now, before)| now != before).count() >= 10);
    drop(taken);
    again.holds().await;
}
