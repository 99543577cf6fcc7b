//! Environments with drift, and incidents that are some way on.

use drift_domain::change::DecisionKind;
use drift_domain::ids::{ChangeId, IncidentId};
use drift_domain::incident::IncidentStatus;
use drift_domain::plan::PlanTier;
use drift_domain::views::IncidentPage;
use drift_services::ServiceError;
use drift_services::incidents::Choice;
use drift_testkit::app::workflow;
use drift_testkit::{TestApp, TestEnvironment};
use serde_json::json;

/// An environment whose workflows agree, with their ids in n8n.
pub async fn agreeing<'a>(app: &'a TestApp, plan: PlanTier, names: &[&str]) -> (TestEnvironment<'a>, Vec<String>) {
    let owner = app.organization(plan).await;
    let env = app.environment(&owner, "Production").await;
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

/// An environment with one hotfix that a check has seen.
pub async fn drifted<'a>(app: &'a TestApp, plan: PlanTier) -> (TestEnvironment<'a>, String) {
    let (env, ids) = agreeing(app, plan, &["Orders"]).await;
    hotfix(&env, &ids[0], "return [];");
    env.check().await;
    (env, ids.into_iter().next().unwrap())
}

/// Acts on an incident as its environment's owner, with the version that is there now.
pub struct Hand<'a> {
    pub app: &'a TestApp,
    pub env: &'a TestEnvironment<'a>,
    pub id: IncidentId,
}

impl Hand<'_> {
    pub async fn page(&self) -> IncidentPage {
        self.env.incident_page(self.id).await
    }

    pub async fn status(&self) -> IncidentStatus {
        self.page().await.row.status
    }

    pub async fn version(&self) -> i64 {
        self.page().await.version
    }

    pub async fn acknowledge(&self) -> Result<i64, ServiceError> {
        let version = self.version().await;
        let permit = self.env.incident_permit(self.id).await;
        self.app.services.acknowledge(&permit, self.id, version, "On it".to_owned(), None).await
    }

    pub async fn stabilize(&self) -> Result<i64, ServiceError> {
        let version = self.version().await;
        let permit = self.app.services.incident_permit(&self.env.caller, self.id).await?;
        self.app.services.stabilize(&permit, self.id, version, String::new()).await
    }

    pub async fn reconcile(&self) -> Result<i64, ServiceError> {
        let version = self.version().await;
        let permit = self.env.incident_permit(self.id).await;
        self.app.services.reconcile(&permit, self.id, version).await
    }

    pub async fn close(&self) -> Result<(), ServiceError> {
        let version = self.version().await;
        let permit = self.env.incident_permit(self.id).await;
        self.app.services.request_close(&permit, self.id, version).await.map(|_| ())
    }

    pub async fn decide(&self, changes: Option<Vec<ChangeId>>, kind: DecisionKind) -> Result<i64, ServiceError> {
        let version = self.version().await;
        let replacement = (kind == DecisionKind::Replace).then(|| "Commit abc123".to_owned());
        let choice = Choice { changes, kind, reason: "It is right".to_owned(), replacement };
        let permit = self.env.incident_permit(self.id).await;
        self.app.services.decide(&permit, self.id, version, choice).await
    }

    /// Decides that the hotfix is right, and commits it.
    pub async fn promote_by_hand(&self, live_id: &str) {
        self.decide(None, DecisionKind::Promote).await.unwrap();
        self.env.deploy_to_git(live_id, "Take the hotfix over").await;
        self.env.check().await;
    }

    /// From where nobody has taken it on to RECONCILED.
    pub async fn to_reconciled(&self, live_id: &str) {
        self.acknowledge().await.unwrap();
        if self.page().await.lifecycle == drift_domain::plan::Lifecycle::Full {
            self.stabilize().await.unwrap();
        }
        self.promote_by_hand(live_id).await;
        self.reconcile().await.unwrap();
    }

    /// The kinds of the timeline's entries, oldest first.
    pub async fn kinds(&self) -> Vec<String> {
        self.page().await.timeline.into_iter().map(|entry| entry.kind).collect()
    }
}

/// The words of a refusal that is a conflict.
pub fn conflict<T: std::fmt::Debug>(answer: Result<T, ServiceError>) -> String {
    match answer {
        Err(ServiceError::Conflict(words)) => words,
        other => panic!("a conflict, not {other:?}"),
    }
}

/// Runs a statement that must be refused, and tells by which constraint.
pub async fn refused_by_database(app: &TestApp, statement: &'static str) -> String {
    match sqlx::query(statement).execute(app.database.pool()).await {
        Err(sqlx::Error::Database(error)) => error.constraint().unwrap_or(error.message()).to_owned(),
        other => panic!("{statement}: {other:?}"),
    }
}
