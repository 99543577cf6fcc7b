//! Environments with drift, and decisions that are carried out.

use std::collections::HashMap;

use chrono::TimeDelta;
use drift_domain::change::DecisionKind;
use drift_domain::ids::{ChangeId, IncidentId, ReconciliationId};
use drift_domain::incident::IncidentStatus;
use drift_domain::plan::PlanTier;
use drift_domain::reconciliation::ReconciliationState;
use drift_domain::views::{IncidentChange, IncidentPage, ReconciliationPage};
use drift_services::ServiceError;
use drift_services::incidents::Choice;
use drift_services::reconcile::{Next, Picks};
use drift_testkit::app::workflow;
use drift_testkit::{TestApp, TestEnvironment};
use serde_json::{Value, json};

/// Turns after which something that should have ended never will.
const TURNS: usize = 40;

/// An environment whose workflows agree, with their ids in n8n.
pub async fn agreeing<'a>(app: &'a TestApp, names: &[&str]) -> (TestEnvironment<'a>, Vec<String>) {
    let owner = app.organization(PlanTier::Agency).await;
    let env = app.environment(&owner, "Production").await;
    env.n8n.add_credential("CRM", "httpHeaderAuth");
    let mut ids = Vec::new();
    for name in names {
        ids.push(env.agreed(&workflow(name)).await);
    }
    env.check().await;
    (env, ids)
}

/// A hotfix in n8n.
pub fn hotfix(env: &TestEnvironment<'_>, id: &str, code: &str) {
    env.edit(id, "Total", |node| node["parameters"]["jsCode"] = json!(code));
}

/// The file of a workflow, as Git has it.
pub async fn file(env: &TestEnvironment<'_>, path: &str) -> Option<Value> {
    let bytes = env.repo.read("main", path).await.unwrap()?;
    Some(serde_json::from_slice(&bytes).unwrap())
}

/// The code of the node that [`hotfix`] edits.
pub fn code(workflow: &Value) -> &str {
    let node = workflow["nodes"].as_array().unwrap().iter().find(|node| node["name"] == "Total").unwrap();
    node["parameters"]["jsCode"].as_str().unwrap()
}

/// Acts on an incident as its environment's owner.
pub struct Hand<'a> {
    pub app: &'a TestApp,
    pub env: &'a TestEnvironment<'a>,
    pub id: IncidentId,
}

impl<'a> Hand<'a> {
    /// Opens an incident over what differs, and takes it on.
    pub async fn open(app: &'a TestApp, env: &'a TestEnvironment<'a>) -> Self {
        let hand = Self { app, env, id: env.incident().await };
        let permit = env.incident_permit(hand.id).await;
        let version = hand.page().await.version;
        app.services.acknowledge(&permit, hand.id, version, "On it".to_owned(), None).await.unwrap();
        let permit = env.incident_permit(hand.id).await;
        let version = hand.page().await.version;
        app.services.stabilize(&permit, hand.id, version, String::new()).await.unwrap();
        hand
    }

    pub async fn page(&self) -> IncidentPage {
        self.env.incident_page(self.id).await
    }

    pub async fn change(&self, workflow: &str) -> IncidentChange {
        let page = self.page().await;
        page.changes.into_iter().find(|change| change.row.workflow == workflow).expect("the workflow has a change")
    }

    pub async fn decide(&self, change: ChangeId, kind: DecisionKind) {
        self.choose(change, kind, None).await.unwrap();
    }

    pub async fn choose(
        &self,
        change: ChangeId,
        kind: DecisionKind,
        replacement: Option<String>,
    ) -> Result<i64, ServiceError> {
        let version = self.page().await.version;
        let choice = Choice { changes: Some(vec![change]), kind, reason: "It is right".to_owned(), replacement };
        let permit = self.env.incident_permit(self.id).await;
        self.app.services.decide(&permit, self.id, version, choice).await
    }

    /// Looks at what carrying everything out that is decided would write.
    pub async fn plan(&self) -> ReconciliationId {
        self.plan_with(HashMap::new()).await
    }

    pub async fn plan_with(&self, picks: HashMap<ChangeId, Picks>) -> ReconciliationId {
        let version = self.page().await.version;
        let permit = self.env.incident_permit(self.id).await;
        self.app.services.plan_reconciliation(&permit, self.id, version, None, picks).await.unwrap()
    }

    /// Says to carry a plan out.
    pub async fn begin(&self, id: ReconciliationId) -> Result<(), ServiceError> {
        let permit = self.app.services.reconciliation_permit(&self.env.caller, id).await?;
        self.app.services.carry_out(&permit, id, Some(self.page().await.version)).await
    }

    pub async fn cancel(&self, id: ReconciliationId) -> Result<(), ServiceError> {
        let permit = self.app.services.reconciliation_permit(&self.env.caller, id).await?;
        self.app.services.cancel_reconciliation(&permit, id, None).await
    }

    pub async fn try_again(&self, id: ReconciliationId) -> Result<(), ServiceError> {
        let permit = self.app.services.reconciliation_permit(&self.env.caller, id).await?;
        self.app.services.try_again(&permit, id, None).await
    }

    pub async fn reconciliation(&self, id: ReconciliationId) -> ReconciliationPage {
        let permit = self.app.services.reconciliation_permit(&self.env.caller, id).await.unwrap();
        self.app.services.reconciliation(&permit, id).await.unwrap()
    }

    /// One turn of a worker.
    pub async fn turn(&self, id: ReconciliationId) -> Next {
        self.app.services.run_reconciliation(id).await.unwrap()
    }

    /// Turns until it has ended, the pauses between them being passed over.
    pub async fn to_its_end(&self, id: ReconciliationId) -> ReconciliationPage {
        for _ in 0..TURNS {
            match self.turn(id).await {
                Next::Ended => return self.reconciliation(id).await,
                Next::Again { seconds } => {
                    self.app.clock.advance(TimeDelta::seconds(i64::try_from(seconds).unwrap().max(1)));
                }
            }
        }
        panic!("it goes on without end: {:#?}", self.reconciliation(id).await.row);
    }

    /// Plans, carries out, and waits for the end.
    pub async fn carry_out(&self) -> ReconciliationPage {
        let id = self.plan().await;
        let planned = self.reconciliation(id).await;
        assert_eq!(planned.carry_out_refused, None, "{:#?} {:#?}", planned.problems, planned.items);
        self.begin(id).await.unwrap();
        self.to_its_end(id).await
    }

    /// From where everything is carried out to CLOSED, by proof.
    pub async fn close(&self) {
        self.env.check().await;
        let permit = self.env.incident_permit(self.id).await;
        let version = self.page().await.version;
        self.app.services.reconcile(&permit, self.id, version).await.unwrap();
        let permit = self.env.incident_permit(self.id).await;
        let version = self.page().await.version;
        self.app.services.request_close(&permit, self.id, version).await.unwrap();
        self.env.closing_check().await;
        let page = self.page().await;
        assert_eq!(page.row.status, IncidentStatus::Closed, "{:?}", page.closing);
        assert!(page.receipt.is_some());
    }
}

pub fn done(page: &ReconciliationPage) {
    assert_eq!(page.row.state, ReconciliationState::Done, "{:?} {:#?}", page.row.error, page.steps);
}

/// The words in which it failed.
pub fn failed(page: &ReconciliationPage) -> String {
    assert_eq!(page.row.state, ReconciliationState::Failed, "{:#?}", page.steps);
    page.row.error.clone().unwrap()
}
