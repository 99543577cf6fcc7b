//! Deployments over a real Postgres and the stand-ins: what is shown before, what they write, how changes end by them, and what
//! an expired incident blocks, to the second.

use chrono::{DateTime, TimeDelta, Utc};
use drift_domain::change::{ChangeState, DecisionKind, Origin};
use drift_domain::clock::Clock;
use drift_domain::deployment::DeploymentKind::{self, Emergency, Recovery, Standard};
use drift_domain::environment::Badge;
use drift_domain::ids::{IncidentId, ReconciliationId};
use drift_domain::plan::PlanTier;
use drift_domain::reconciliation::ReconciliationState;
use drift_domain::role::Role;
use drift_domain::views::{DeploymentList, GateView, ReconciliationPage};
use drift_services::ServiceError;
use drift_services::incidents::IncidentSettings;
use drift_services::reconcile::{NewDeployment, Next};
use drift_testkit::app::{path, workflow};
use drift_testkit::{TestApp, TestEnvironment};
use serde_json::{Value, json};

/// An environment whose workflows agree, with their ids in n8n.
async fn agreeing<'a>(app: &'a TestApp, plan: PlanTier, names: &[&str]) -> (TestEnvironment<'a>, Vec<String>) {
    let owner = app.organization(plan).await;
    let env = app.environment(&owner, "Production").await;
    env.n8n.add_credential("CRM", "httpHeaderAuth");
    let mut ids = Vec::new();
    for name in names {
        ids.push(env.agreed(&workflow(name)).await);
    }
    env.check().await;
    (env, ids)
}

/// Deploys as an environment's owner.
struct Crew<'a> {
    app: &'a TestApp,
    env: &'a TestEnvironment<'a>,
}

impl Crew<'_> {
    async fn plan(&self, kind: DeploymentKind, reason: &str) -> Result<ReconciliationId, ServiceError> {
        let new = NewDeployment { kind, reason: reason.to_owned(), changes: None, commit: None };
        self.app.services.plan_deployment(&self.env.permit(), self.env.id, new).await
    }

    async fn begin(&self, id: ReconciliationId) -> Result<(), ServiceError> {
        let permit = self.app.services.reconciliation_permit(&self.env.caller, id).await?;
        self.app.services.carry_out(&permit, id, None).await
    }

    async fn page(&self, id: ReconciliationId) -> ReconciliationPage {
        let permit = self.app.services.reconciliation_permit(&self.env.caller, id).await.unwrap();
        self.app.services.reconciliation(&permit, id).await.unwrap()
    }

    async fn to_its_end(&self, id: ReconciliationId) -> ReconciliationPage {
        for _ in 0..40 {
            match self.app.services.run_reconciliation(id).await.unwrap() {
                Next::Ended => return self.page(id).await,
                Next::Again { seconds } => {
                    self.app.clock.advance(TimeDelta::seconds(i64::try_from(seconds).unwrap().max(1)));
                }
            }
        }
        panic!("it goes on without end: {:#?}", self.page(id).await.row);
    }

    /// Plans, begins and waits for the end.
    async fn deploy(&self, kind: DeploymentKind, reason: &str) -> ReconciliationPage {
        let id = self.plan(kind, reason).await.unwrap();
        self.begin(id).await.unwrap();
        let page = self.to_its_end(id).await;
        assert_eq!(page.row.state, ReconciliationState::Done, "{:?} {:#?}", page.row.error, page.steps);
        page
    }

    async fn list(&self) -> DeploymentList {
        self.app.services.deployments(&self.env.permit(), self.env.id).await.unwrap()
    }

    async fn gate(&self) -> GateView {
        self.app.services.deployment_gate(&self.env.permit(), self.env.id, None).await.unwrap()
    }

    fn hotfix(&self, id: &str, code: &str) {
        self.env.edit(id, "Total", |node| node["parameters"]["jsCode"] = json!(code));
    }

    /// An incident over a hotfix, acknowledged; answers it and when its time is over.
    async fn incident(&self, id: &str) -> (IncidentId, DateTime<Utc>) {
        self.hotfix(id, "return [];");
        self.env.check().await;
        let incident = self.env.incident().await;
        let permit = self.env.incident_permit(incident).await;
        self.app.services.acknowledge(&permit, incident, 1, "On it".to_owned(), None).await.unwrap();
        (incident, self.env.incident_page(incident).await.row.expires_at.unwrap())
    }

    fn at(&self, moment: DateTime<Utc>) {
        self.app.clock.advance(moment - self.app.clock.now());
    }
}

fn code(workflow: &Value) -> &str {
    let node = workflow["nodes"].as_array().unwrap().iter().find(|node| node["name"] == "Total").unwrap();
    node["parameters"]["jsCode"].as_str().unwrap()
}

fn policy(answer: Result<(), ServiceError>) -> String {
    match answer {
        Err(ServiceError::PolicyRefused { policy: "expired-incident", message }) => message,
        other => panic!("refused by policy, not {other:?}"),
    }
}

#[tokio::test]
async fn what_git_declares_goes_live_and_what_that_writes_over_is_said_before() {
    let app = TestApp::new().await;
    let (env, ids) = agreeing(&app, PlanTier::Agency, &["Orders", "Refunds"]).await;
    let crew = Crew { app: &app, env: &env };
    crew.hotfix(&ids[0], "return [];");
    let mut newer = env.n8n.workflow(&ids[1]).unwrap();
    newer["nodes"][2]["parameters"]["jsCode"] = json!("return items;");
    env.commit(&path(&ids[1]), &newer, "Release").await;
    env.check().await;
    app.clock.advance(TimeDelta::hours(3));

    let id = crew.plan(Standard, "").await.unwrap();
    let planned = crew.page(id).await;
    let deployment = planned.deployment.clone().unwrap();
    assert_eq!((deployment.kind, deployment.git_ref.as_str()), (Standard, "main"));
    let forecast: Vec<_> = deployment.forecast.iter().map(|one| (one.workflow.as_str(), one.origin)).collect();
    assert_eq!(forecast, [("Orders", Origin::Hotfix)], "what only Git changed is nobody's work in n8n");
    assert_eq!(deployment.overwrites.as_deref(), Some("This overwrites one hotfix: “Orders”, node Total, 3 h ago."),);
    assert_eq!((planned.items.len(), planned.carry_out_refused), (2, None));
    assert_eq!(code(&env.n8n.workflow(&ids[0]).unwrap()), "return [];", "a plan writes nothing");

    crew.begin(id).await.unwrap();
    let page = crew.to_its_end(id).await;
    assert_eq!(page.row.state, ReconciliationState::Done, "{:#?}", page.steps);
    assert!(code(&env.n8n.workflow(&ids[0]).unwrap()).starts_with("let total"));
    assert_eq!(code(&env.n8n.workflow(&ids[1]).unwrap()), "return items;");
    env.check().await;
    assert_eq!(env.page().await.row.badge, Badge::InSync, "every change is over, without an incident");
    let overs: Vec<(String, String)> =
        sqlx::query_as("SELECT d.kind, d.replacement FROM changes c JOIN decisions d ON d.id = c.decision_id")
            .fetch_all(app.database.pool())
            .await
            .unwrap();
    assert_eq!(overs.len(), 2);
    assert!(overs.iter().all(|(kind, by)| kind == "REPLACE" && by.contains(&id.to_string())), "{overs:?}");
    let list = crew.list().await;
    let past: Vec<_> = list.deployments.iter().map(|row| (row.id, row.workflows, row.failed, row.state)).collect();
    assert_eq!(past, [(id, 2, 0, ReconciliationState::Done)]);
    assert!(list.workflows.is_empty() && list.refused.is_none());
    let nothing = crew.plan(Standard, "").await.unwrap_err();
    assert!(nothing.to_string().contains("nothing to deploy"), "{nothing}");
}

#[tokio::test]
async fn an_expired_incident_blocks_a_standard_deployment_from_its_second_on_and_an_extension_lifts_that() {
    let app = TestApp::new().await;
    let (env, ids) = agreeing(&app, PlanTier::Agency, &["Orders", "Refunds"]).await;
    let crew = Crew { app: &app, env: &env };
    let (incident, ends) = crew.incident(&ids[0]).await;
    let id = crew.plan(Standard, "").await.unwrap();
    crew.at(ends - TimeDelta::seconds(1));
    assert!(crew.gate().await.allowed, "a second before");
    assert_eq!(crew.page(id).await.carry_out_refused, None);
    crew.at(ends);
    let gate = crew.gate().await;
    assert!(!gate.allowed, "at the second, whether or not the clock has told");
    assert_eq!(gate.incidents[0].incident, incident);
    assert!(
        gate.reasons[0].starts_with(&format!("INC-1 (high, {} owns it) has been expired since ", env.caller.name)),
        "{:?}",
        gate.reasons
    );
    assert!(
        gate.unblocks[0].contains("extends INC-1 with a reason: by 24 h at most, 2 more times"),
        "{:?}",
        gate.unblocks
    );
    let refused = policy(crew.begin(id).await);
    assert!(refused.contains("INC-1") && refused.contains("An operator, or a higher role, extends"), "{refused}");
    let page = crew.page(id).await;
    assert_eq!(page.row.state, ReconciliationState::Planned, "nothing was begun, and nothing decided");
    assert_eq!(page.deployment.unwrap().blocked.as_ref(), gate.reasons.first());
    let chosen: i64 =
        sqlx::query_scalar("SELECT count(*) FROM decisions").fetch_one(app.database.pool()).await.unwrap();
    assert_eq!(chosen, 0);

    assert_eq!(app.services.tell_deadlines().await.unwrap(), 1);
    let permit = env.incident_permit(incident).await;
    let version = env.incident_page(incident).await.version;
    app.services.extend(&permit, incident, version, 2, "the vendor answers".to_owned()).await.unwrap();
    assert!(crew.gate().await.allowed);
    crew.begin(id).await.unwrap();
    assert_eq!(crew.to_its_end(id).await.row.state, ReconciliationState::Done);
    env.check().await;
    let after = env.incident_page(incident).await;
    assert_eq!(after.changes[0].row.state, ChangeState::Decided);
    assert_eq!(after.changes[0].row.decision.as_ref().unwrap().kind, DecisionKind::Replace);
    assert!(after.timeline.iter().any(|entry| entry.text.contains("began a standard deployment of main at ")));
}

#[tokio::test]
async fn a_recovery_and_an_emergency_go_past_it_with_a_reason_and_on_record() {
    let app = TestApp::new().await;
    let (env, ids) = agreeing(&app, PlanTier::Agency, &["Orders"]).await;
    let crew = Crew { app: &app, env: &env };
    let (incident, ends) = crew.incident(&ids[0]).await;
    crew.at(ends);
    app.services.tell_deadlines().await.unwrap();
    for kind in [Recovery, Emergency] {
        let refused = crew.plan(kind, " ").await.unwrap_err();
        assert!(matches!(refused, ServiceError::Invalid { field: "reason", .. }), "{refused:?}");
        let page = crew.deploy(kind, "refunds fail").await;
        assert_eq!(page.incident_id, Some(incident));
        env.check().await;
        let told = env.incident_page(incident).await.timeline;
        let entry = told.iter().rev().find(|entry| entry.kind == "incident.deploying").unwrap();
        let article = if kind == Emergency { "an emergency" } else { "a recovery" };
        assert!(entry.text.contains(&format!("began {article} deployment")), "{}", entry.text);
        assert!(entry.text.ends_with("The expired incident would have blocked a standard one."), "{}", entry.text);
        assert_eq!(entry.note.as_deref(), Some("refunds fail"));
        // Another hotfix, for the next one.
        crew.hotfix(&ids[0], &format!("return ['{kind}'];"));
        env.check().await;
    }
    let row = env.incident_page(incident).await.row;
    assert!(row.expired_at.is_some(), "neither takes the expiry back");
    let unsaid = sqlx::query("UPDATE deployments SET reason = ''").execute(app.database.pool()).await.unwrap_err();
    assert!(unsaid.to_string().contains("as it was planned"), "{unsaid}");
}

#[tokio::test]
async fn reverts_and_restores_are_not_asked_about() {
    let app = TestApp::new().await;
    let (env, ids) = agreeing(&app, PlanTier::Agency, &["Orders"]).await;
    let crew = Crew { app: &app, env: &env };
    let (incident, ends) = crew.incident(&ids[0]).await;
    crew.at(ends);
    let change = env.change().await.id;
    let permit = app.services.change_permit(&env.caller, change).await.unwrap();
    let (side, target) = (drift_domain::failure::Side::Desired, drift_domain::reconciliation::Target::N8n);
    let restore = app.services.plan_restore(&permit, change, side, target).await.unwrap();
    crew.begin(restore).await.unwrap();
    assert_eq!(crew.to_its_end(restore).await.row.state, ReconciliationState::Done);
    assert!(!crew.gate().await.allowed);
    assert!(env.incident_page(incident).await.row.closed_at.is_none());
}

#[tokio::test]
async fn an_emergency_that_finds_no_incident_opens_one() {
    let app = TestApp::new().await;
    let (env, ids) = agreeing(&app, PlanTier::Agency, &["Orders"]).await;
    let crew = Crew { app: &app, env: &env };
    crew.hotfix(&ids[0], "return [];");
    env.check().await;
    let page = crew.deploy(Emergency, "the release cannot wait").await;
    let incident = page.incident_id.expect("it is part of an incident");
    env.check().await;
    let page = env.incident_page(incident).await;
    assert_eq!((page.row.closed_at, page.changes.len()), (None, 1), "somebody leads it to its end");
    assert_eq!(page.changes[0].row.state, ChangeState::Decided);
    assert_eq!(page.timeline[0].note.as_deref(), Some("the release cannot wait"));
}

#[tokio::test]
async fn on_enterprise_it_is_a_policy_that_is_as_on_agency_until_somebody_decides() {
    let unblocked =
        IncidentSettings { deployments_unblocked: true, automatic: Some(vec![]), ..IncidentSettings::default() };
    let app = TestApp::new().await;
    for tier in [PlanTier::Agency, PlanTier::Enterprise] {
        let (env, ids) = agreeing(&app, tier, &["Orders"]).await;
        let crew = Crew { app: &app, env: &env };
        let (_, ends) = crew.incident(&ids[0]).await;
        crew.at(ends);
        assert!(!crew.gate().await.allowed, "{tier}");
        let set = app.services.set_incident_settings(&env.permit(), unblocked.clone()).await;
        if tier == PlanTier::Agency {
            assert!(matches!(set, Err(ServiceError::PolicyRefused { policy: "deployment-blocking", .. })), "{set:?}");
        }
        assert_eq!(crew.gate().await.allowed, tier == PlanTier::Enterprise);
    }
}

#[tokio::test]
async fn only_the_commit_that_was_named_is_deployed_and_only_the_workflows() {
    let app = TestApp::new().await;
    let (env, ids) = agreeing(&app, PlanTier::Agency, &["Orders", "Refunds"]).await;
    let crew = Crew { app: &app, env: &env };
    for id in &ids {
        crew.hotfix(id, "return [];");
    }
    env.check().await;
    let head = env.page().await.git_commit.unwrap();
    let wants = async |commit: &str, changes| {
        let commit = Some(commit.to_owned());
        let new = NewDeployment { kind: Standard, reason: String::new(), changes, commit };
        app.services.plan_deployment(&env.permit(), env.id, new).await
    };
    assert!(matches!(wants("main", None).await, Err(ServiceError::Invalid { field: "sha", .. })));
    let elsewhere = wants("0123456789", None).await.unwrap_err();
    assert!(elsewhere.to_string().contains("main is at "), "{elsewhere}");
    let orders = env.changes().await.into_iter().find(|change| change.workflow == "Orders").unwrap().id;
    let id = wants(&head[..10], Some(vec![orders])).await.unwrap();
    crew.begin(id).await.unwrap();
    crew.to_its_end(id).await;
    env.check().await;
    assert_eq!(env.change().await.workflow, "Refunds", "the other one goes on differing");
    let warned = app.services.deployment_gate(&env.permit(), env.id, Some("0123456789")).await.unwrap();
    assert!(warned.allowed && warned.warnings.iter().any(|text| text.contains("main was at ")), "{warned:?}");
    let viewer = app.member(&env.caller, Role::Viewer).await;
    let gate = app.services.deployment_gate(&viewer.permit().unwrap(), env.id, None).await.unwrap();
    assert!(gate.allowed, "a viewer's token is enough for a pipeline");
}

#[tokio::test]
async fn what_is_done_again_after_a_deployment_waits_for_somebody_anew() {
    let app = TestApp::new().await;
    let (env, ids) = agreeing(&app, PlanTier::Agency, &["Orders"]).await;
    let crew = Crew { app: &app, env: &env };
    crew.hotfix(&ids[0], "return [];");
    env.check().await;
    crew.deploy(Standard, "").await;
    crew.hotfix(&ids[0], "return [];");
    env.check().await;
    let change = env.change().await;
    assert_eq!((change.state, change.decision), (ChangeState::Open, None));
    crew.deploy(Standard, "once more").await;
    env.check().await;
    assert_eq!(env.page().await.row.badge, Badge::InSync);
    assert_eq!(crew.list().await.deployments.len(), 2);
}
