//! An environment on a real n8n, its repository on the stand-in for GitHub, and who acts on its incident.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::TimeDelta;
use drift_domain::change::DecisionKind;
use drift_domain::check::{CheckOutcome, CheckTrigger};
use drift_domain::environment::Badge;
use drift_domain::ids::{ChangeId, EnvironmentId, IncidentId, ReconciliationId};
use drift_domain::plan::PlanTier;
use drift_domain::reconciliation::ReconciliationState;
use drift_domain::views::{
    ChangeFilter, ChangeRow, DiffOrRefusal, DiffView, EnvironmentDraft, IncidentChange, IncidentPage,
    ReconciliationPage,
};
use drift_services::gate::{Caller, Permit, cap};
use drift_services::incidents::Choice;
use drift_services::reconcile::Next;
use drift_sim::github::{GithubSim, Repo};
use drift_testkit::TestApp;
use serde_json::Value;

use crate::person::Person;

/// Turns after which something that should have ended never will.
const TURNS: usize = 40;

pub struct Bench {
    pub app: TestApp,
    pub owner: Caller,
    pub environment: EnvironmentId,
    pub repo: Repo,
    _github: GithubSim,
}

impl Bench {
    pub async fn new(n8n: &Person) -> Self {
        let app = TestApp::patient().await;
        let owner = app.organization(PlanTier::Agency).await;
        let github = GithubSim::start(Arc::new(app.clock.clone())).await.expect("a port for GitHub");
        let repo = github.create("acme/workflows").await.expect("a repository");
        repo.commit("main", "Ada", "Begin", &[("workflows/.gitkeep", Some(b""))]).await.expect("a commit");
        let draft = EnvironmentDraft {
            name: "Real".to_owned(),
            n8n_base_url: n8n.url.clone(),
            n8n_api_key: n8n.key.clone(),
            git_api_base: github.url(),
            repository: "acme/workflows".to_owned(),
            git_folder: "workflows".to_owned(),
            git_token: github.token(),
            ..EnvironmentDraft::default()
        };
        let environment = app.services.connect_environment(&owner.permit().unwrap(), draft).await.expect("connects");
        Self { app, owner, environment, repo, _github: github }
    }

    /// Commits a workflow file, and answers the commit.
    pub async fn commit(&self, id: &str, file: &Value) -> String {
        self.app.clock.advance(TimeDelta::seconds(1));
        let (path, bytes) = (format!("workflows/{id}.json"), serde_json::to_vec_pretty(file).unwrap());
        self.repo.commit("main", "Ada", "Take over", &[(&path, Some(&bytes))]).await.expect("a commit")
    }

    /// A workflow file, as Git has it.
    pub async fn file(&self, id: &str) -> Value {
        let bytes = self.repo.read("main", &format!("workflows/{id}.json")).await.expect("the repository answers");
        serde_json::from_slice(&bytes.expect("the file is there")).expect("JSON")
    }

    pub async fn check(&self) -> CheckOutcome {
        self.look(CheckTrigger::Schedule).await
    }

    async fn look(&self, trigger: CheckTrigger) -> CheckOutcome {
        self.app.clock.advance(TimeDelta::minutes(1));
        let by = (trigger == CheckTrigger::Closing).then_some(self.owner.user_id);
        self.app.services.run_check(self.environment, trigger, by).await.expect("a check")
    }

    pub async fn badge(&self) -> Badge {
        let page = self.app.services.environment(&self.owner.permit().unwrap(), self.environment).await;
        page.expect("the page").row.badge
    }

    /// The open changes.
    pub async fn changes(&self) -> Vec<ChangeRow> {
        let permit = self.owner.permit().unwrap();
        let workspace = self.app.services.workspace(&permit, self.environment, ChangeFilter::default()).await;
        workspace.expect("the workspace").changes
    }

    /// The open change of one workflow, if it has one.
    pub async fn change(&self, live_id: &str) -> Option<ChangeRow> {
        self.changes().await.into_iter().find(|c| c.live_id.as_deref() == Some(live_id))
    }

    pub async fn diff(&self, change: &ChangeRow) -> DiffView {
        let permit = self.owner.permit().unwrap();
        match self.app.services.change(&permit, self.environment, change.id).await.unwrap().diff {
            DiffOrRefusal::Diff(diff) => diff,
            DiffOrRefusal::Refused { message, .. } => panic!("{message}"),
        }
    }
}

/// Leads an incident, as the one who connected the environment.
pub struct Hand<'a> {
    bench: &'a Bench,
    id: IncidentId,
}

impl<'a> Hand<'a> {
    /// Opens an incident over what differs, and takes it on.
    pub async fn open(bench: &'a Bench) -> Self {
        let services = &bench.app.services;
        let opened = services.create_incident(&bench.owner.permit().unwrap(), bench.environment, None).await;
        let hand = Self { bench, id: opened.expect("an incident is opened").id };
        let version = hand.page().await.version;
        services.acknowledge(&hand.permit().await, hand.id, version, "On it".to_owned(), None).await.unwrap();
        let version = hand.page().await.version;
        services.stabilize(&hand.permit().await, hand.id, version, String::new()).await.unwrap();
        hand
    }

    async fn permit<C: cap::Cap>(&self) -> Permit<C> {
        self.bench.app.services.incident_permit(&self.bench.owner, self.id).await.expect("the owner may")
    }

    pub async fn page(&self) -> IncidentPage {
        self.bench.app.services.incident(&self.permit().await, self.id).await.expect("the incident is there")
    }

    pub async fn change(&self, workflow: &str) -> IncidentChange {
        let page = self.page().await;
        page.changes.into_iter().find(|change| change.row.workflow == workflow).expect("the workflow has a change")
    }

    pub async fn decide(&self, workflow: &str, kind: DecisionKind, replacement: Option<String>) {
        let (change, version) = (self.change(workflow).await.row.id, self.page().await.version);
        let choice = Choice { changes: Some(vec![change]), kind, reason: "It is right".to_owned(), replacement };
        self.bench.app.services.decide(&self.permit().await, self.id, version, choice).await.unwrap();
    }

    /// Looks at what carrying everything out that is decided would write, and has it done.
    pub async fn carry_out(&self) -> ReconciliationPage {
        let version = self.page().await.version;
        let (permit, services) = (self.permit().await, &self.bench.app.services);
        let planned = services.plan_reconciliation(&permit, self.id, version, None, HashMap::new()).await;
        let id = planned.expect("a plan");
        self.have_done(id).await
    }

    /// Puts the live side of a change back into n8n.
    pub async fn put_back(&self, change: ChangeId) -> ReconciliationPage {
        use drift_domain::{failure::Side, reconciliation::Target};
        let services = &self.bench.app.services;
        let permit = services.change_permit(&self.bench.owner, change).await.unwrap();
        let id = services.plan_restore(&permit, change, Side::Live, Target::N8n).await.unwrap();
        self.have_done(id).await
    }

    async fn reconciliation(&self, id: ReconciliationId) -> ReconciliationPage {
        let services = &self.bench.app.services;
        let permit = services.reconciliation_permit(&self.bench.owner, id).await.unwrap();
        services.reconciliation(&permit, id).await.unwrap()
    }

    async fn have_done(&self, id: ReconciliationId) -> ReconciliationPage {
        let services = &self.bench.app.services;
        let plan = self.reconciliation(id).await;
        assert_eq!(plan.carry_out_refused, None, "{:#?} {:#?}", plan.problems, plan.items);
        let permit = services.reconciliation_permit(&self.bench.owner, id).await.unwrap();
        services.carry_out(&permit, id, Some(self.page().await.version)).await.unwrap();
        for _ in 0..TURNS {
            match services.run_reconciliation(id).await.unwrap() {
                Next::Ended => {
                    let page = self.reconciliation(id).await;
                    assert_eq!(page.row.state, ReconciliationState::Done, "{:?} {:#?}", page.row.error, page.steps);
                    return page;
                }
                Next::Again { seconds } => {
                    self.bench.app.clock.advance(TimeDelta::seconds(i64::try_from(seconds).unwrap().max(1)));
                }
            }
        }
        panic!("it goes on without end: {:#?}", self.reconciliation(id).await.row);
    }

    /// From where everything is carried out to the check that closes, by proof.
    pub async fn close(&self) -> IncidentPage {
        let services = &self.bench.app.services;
        self.bench.check().await;
        let version = self.page().await.version;
        services.reconcile(&self.permit().await, self.id, version).await.unwrap();
        let version = self.page().await.version;
        services.request_close(&self.permit().await, self.id, version).await.unwrap();
        self.bench.look(CheckTrigger::Closing).await;
        self.page().await
    }
}
