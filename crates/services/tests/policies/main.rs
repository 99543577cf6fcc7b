//! Policies at work: what they refuse, whom they leave alone, and what no policy reaches.

use drift_domain::audit::AuditAction;
use drift_domain::change::DecisionKind;
use drift_domain::environment::EnvironmentClass;
use drift_domain::ids::{IncidentId, PolicyId};
use drift_domain::incident::{IncidentAction, IncidentStatus};
use drift_domain::plan::PlanTier;
use drift_domain::policy::{PolicyAction, PolicyRules, PolicyTemplate};
use drift_domain::role::Role;
use drift_domain::severity::Severity;
use drift_domain::views::PolicyTarget;
use drift_services::ServiceError;
use drift_services::gate::{Caller, cap};
use drift_services::incidents::Choice;
use drift_services::policies::PolicyContent;
use drift_testkit::app::workflow;
use drift_testkit::{TestApp, TestEnvironment};
use serde_json::json;

/// An environment of an application.
struct At<'a> {
    app: &'a TestApp,
    env: TestEnvironment<'a>,
    /// The workflow, in n8n.
    live: String,
}

impl<'a> std::ops::Deref for At<'a> {
    type Target = TestEnvironment<'a>;

    fn deref(&self) -> &Self::Target {
        &self.env
    }
}

/// An environment with a hotfix and its incident.
async fn drifted(app: &TestApp, plan: PlanTier) -> (At<'_>, IncidentId) {
    let owner = app.organization(plan).await;
    let env = app.environment(&owner, "Production").await;
    let id = env.agreed(&workflow("Orders")).await;
    env.check().await;
    env.edit(&id, "Total", |node| node["parameters"]["jsCode"] = json!("return [];"));
    env.check().await;
    let incident = env.incident().await;
    (At { app, env, live: id }, incident)
}

async fn policy(env: &At<'_>, rules: PolicyRules) -> PolicyId {
    let permit = env.caller.permit().unwrap();
    env.app.services.create_policy(&permit, "Production", PolicyContent::Form(rules)).await.unwrap()
}

async fn assign(env: &At<'_>, target: PolicyTarget, policy: Option<PolicyId>) {
    env.app.services.assign_policy(&env.caller.permit().unwrap(), target, policy).await.unwrap();
}

async fn holds(env: &At<'_>, rules: PolicyRules) -> PolicyId {
    let id = policy(env, rules).await;
    assign(env, PolicyTarget::Class(EnvironmentClass::Production), Some(id)).await;
    id
}

async fn version(env: &At<'_>, id: IncidentId) -> i64 {
    env.incident_page(id).await.version
}

async fn acknowledge(env: &At<'_>, who: &Caller, id: IncidentId) -> Result<i64, ServiceError> {
    let permit = env.app.services.incident_permit(who, id).await?;
    env.app.services.acknowledge(&permit, id, version(env, id).await, "On it".to_owned(), None).await
}

async fn extend(env: &At<'_>, who: &Caller, id: IncidentId, hours: u32) -> Result<i64, ServiceError> {
    let permit = env.app.services.incident_permit(who, id).await?;
    env.app.services.extend(&permit, id, version(env, id).await, hours, "Longer".to_owned()).await
}

async fn decide(env: &At<'_>, who: &Caller, id: IncidentId) -> Result<i64, ServiceError> {
    let permit = env.app.services.incident_permit(who, id).await?;
    let (kind, reason) = (DecisionKind::Revert, "Not ours".to_owned());
    let choice = Choice { changes: None, kind, reason, replacement: None };
    env.app.services.decide(&permit, id, version(env, id).await, choice).await
}

/// The words of a refusal by policy.
fn refused<T: std::fmt::Debug>(answer: Result<T, ServiceError>) -> String {
    match answer {
        Err(ServiceError::PolicyRefused { policy, message }) => {
            assert_eq!(policy, "organization-policy");
            message
        }
        other => panic!("a refusal by policy, not {other:?}"),
    }
}

const LENIENT: PolicyRules = PolicyTemplate::RelaxedDevelopment.rules();

#[tokio::test]
async fn a_policy_refuses_and_names_itself_and_who_may() {
    let app = TestApp::new().await;
    let (env, id) = drifted(&app, PlanTier::Enterprise).await;
    let operator = app.member(&env.caller, Role::Operator).await;
    let approver = app.member(&env.caller, Role::Approver).await;
    let rules = PolicyRules { acknowledge: Role::Approver, acknowledge_severe: Role::Approver, ..LENIENT };
    holds(&env, rules).await;
    let before = env.incident_page(id).await;
    let words = refused(acknowledge(&env, &operator, id).await);
    assert!(words.contains("The policy “Production” refuses this"), "{words}");
    assert!(words.contains("acknowledged by approvers. Ask an approver to do it."), "{words}");
    let after = env.incident_page(id).await;
    assert_eq!((after.version, after.row.status), (before.version, IncidentStatus::Detected), "nothing was changed");
    // The page says so before anybody clicks.
    let permit = operator.permit().unwrap();
    let page = app.services.incident(&permit, id).await.unwrap();
    let action = page.actions.iter().find(|a| a.action == IncidentAction::Acknowledge).unwrap();
    assert_eq!(action.refused.as_deref(), Some(words.as_str()));
    acknowledge(&env, &approver, id).await.unwrap();
}

#[tokio::test]
async fn every_act_that_a_policy_speaks_of_asks_it() {
    let app = TestApp::new().await;
    let (env, id) = drifted(&app, PlanTier::Enterprise).await;
    let operator = app.member(&env.caller, Role::Operator).await;
    acknowledge(&env, &operator, id).await.unwrap();
    let strict = PolicyRules {
        extend: Role::Admin,
        decide: Role::Admin,
        decide_severe: Role::Admin,
        close: Role::Admin,
        deploy_emergency: Role::Admin,
        ..LENIENT
    };
    holds(&env, strict).await;
    assert!(refused(extend(&env, &operator, id, 1).await).contains("extended by administrators"));
    assert!(refused(decide(&env, &operator, id).await).contains("decided by administrators"));
    let emergency = drift_services::reconcile::NewDeployment {
        kind: drift_domain::deployment::DeploymentKind::Emergency,
        reason: "The shop is down".to_owned(),
        changes: None,
        commit: None,
    };
    let planned = app.services.plan_deployment(&operator.permit().unwrap(), env.id, emergency).await.unwrap();
    let permit = app.services.reconciliation_permit(&operator, planned).await.unwrap();
    let begun = app.services.carry_out(&permit, planned, None).await;
    assert!(refused(begun).contains("Emergency deployments are made by administrators"));
    // Who may, may.
    extend(&env, &env.caller, id, 1).await.unwrap();
    decide(&env, &env.caller, id).await.unwrap();
}

#[tokio::test]
async fn closing_asks_and_the_proof_stays_whatever_a_policy_says() {
    let app = TestApp::new().await;
    let (env, id) = drifted(&app, PlanTier::Enterprise).await;
    holds(&env, PolicyRules { close: Role::Owner, ..LENIENT }).await;
    let operator = app.member(&env.caller, Role::Operator).await;
    let close = async |who: &Caller| {
        let permit = app.services.incident_permit(who, id).await?;
        app.services.request_close(&permit, id, version(&env, id).await).await
    };
    for who in [&operator, &env.caller] {
        let unproven = close(who).await;
        assert!(matches!(unproven, Err(ServiceError::Conflict(_))), "{unproven:?}");
    }
    acknowledge(&env, &operator, id).await.unwrap();
    let permit = app.services.incident_permit(&operator, id).await.unwrap();
    app.services.stabilize(&permit, id, version(&env, id).await, String::new()).await.unwrap();
    let permit = app.services.incident_permit(&operator, id).await.unwrap();
    let choice =
        Choice { changes: None, kind: DecisionKind::Promote, reason: "It is right".to_owned(), replacement: None };
    app.services.decide(&permit, id, version(&env, id).await, choice).await.unwrap();
    env.deploy_to_git(&env.live, "Take it over").await;
    env.check().await;
    let permit = app.services.incident_permit(&operator, id).await.unwrap();
    app.services.reconcile(&permit, id, version(&env, id).await).await.unwrap();
    assert!(refused(close(&operator).await).contains("closed by owners of the organization"));
    close(&env.caller).await.unwrap();
    env.closing_check().await;
    assert_eq!(env.incident_page(id).await.row.status, IncidentStatus::Closed);
}

#[tokio::test]
async fn hours_times_and_expiry_count_to_the_second() {
    let app = TestApp::new().await;
    let (env, id) = drifted(&app, PlanTier::Enterprise).await;
    let operator = app.member(&env.caller, Role::Operator).await;
    acknowledge(&env, &operator, id).await.unwrap();
    holds(&env, PolicyRules { extension_hours: 5, extensions: 2, extend_expired: Role::Approver, ..LENIENT }).await;
    assert!(refused(extend(&env, &operator, id, 6).await).contains("gives 5 hours at most. Ask for 5 hours or fewer."));
    extend(&env, &operator, id, 5).await.unwrap();
    let end = env.incident_page(id).await.time.unwrap().expires_at;
    app.clock.advance(end - drift_domain::clock::Clock::now(&app.clock) - chrono::TimeDelta::seconds(1));
    let page = app.services.incident(&operator.permit().unwrap(), id).await.unwrap();
    let refusal = |page: &drift_domain::views::IncidentPage| {
        page.actions.iter().find(|a| a.action == IncidentAction::Extend).unwrap().refused.clone()
    };
    assert_eq!(refusal(&page), None);
    app.clock.advance(chrono::TimeDelta::seconds(1));
    assert!(refused(extend(&env, &operator, id, 1).await).contains("Expired incidents are extended by approvers"));
    extend(&env, &env.caller, id, 1).await.unwrap();
    assert!(refused(extend(&env, &env.caller, id, 1).await).contains("extended 2 times at most"));
}

#[tokio::test]
async fn an_environments_own_policy_comes_before_its_classs_and_others_are_left_alone() {
    let app = TestApp::new().await;
    let (env, id) = drifted(&app, PlanTier::Enterprise).await;
    let operator = app.member(&env.caller, Role::Operator).await;
    let strict = PolicyRules { acknowledge: Role::Admin, acknowledge_severe: Role::Admin, ..LENIENT };
    let class = holds(&env, strict).await;
    let permit = env.caller.permit().unwrap();
    let own = app.services.create_policy(&permit, "Its own", PolicyContent::Form(LENIENT)).await.unwrap();
    assign(&env, PolicyTarget::Environment(env.id), Some(own)).await;
    let list = app.services.policies(&permit).await.unwrap();
    assert_eq!((list.coverage[0].policy, list.coverage[0].own), (Some(own), true));
    assert_eq!(list.policies.iter().find(|row| row.id == class).unwrap().assigned.len(), 1);
    assign(&env, PolicyTarget::Environment(env.id), None).await;
    refused(acknowledge(&env, &operator, id).await);
    assign(&env, PolicyTarget::Class(EnvironmentClass::Production), None).await;
    assign(&env, PolicyTarget::Class(EnvironmentClass::Staging), Some(class)).await;
    acknowledge(&env, &operator, id).await.unwrap();
}

#[tokio::test]
async fn a_plan_without_policies_is_ruled_by_none() {
    let app = TestApp::new().await;
    let (env, id) = drifted(&app, PlanTier::Enterprise).await;
    let operator = app.member(&env.caller, Role::Operator).await;
    let strict = PolicyRules { acknowledge: Role::Admin, acknowledge_severe: Role::Admin, ..LENIENT };
    holds(&env, strict).await;
    let agency = app.organization(PlanTier::Agency).await;
    let none = agency.permit::<cap::Policies>();
    assert!(matches!(none, Err(ServiceError::PlanRequired { needs: PlanTier::Enterprise, .. })), "{none:?}");
    // An incident keeps the plan that it was opened under, and so its policies.
    let operator = Caller { plan: app.moved_to(&env.caller, PlanTier::Agency).await.plan, ..operator };
    refused(acknowledge(&env, &operator, id).await);
}

#[tokio::test]
async fn what_is_not_kept_changes_nothing() {
    let app = TestApp::new().await;
    let owner = app.organization(PlanTier::Enterprise).await;
    let permit = owner.permit().unwrap();
    let text = |text: &str| PolicyContent::Text(text.to_owned());
    let hides = "@title(\"Quiet\")@instead(\"-\") forbid (principal, action == Action::\"detect\", resource);";
    let strands = "@title(\"Never\")@instead(\"-\") forbid (principal, action == Action::\"close\", resource);";
    for (name, content, field) in [
        ("Hides", text(hides), "text"),
        ("Strands", text(strands), "text"),
        ("", text(""), "name"),
        ("Form", PolicyContent::Form(PolicyRules { extension_hours: 0, ..LENIENT }), "extension_hours"),
    ] {
        let refused = app.services.create_policy(&permit, name, content).await;
        assert!(matches!(&refused, Err(ServiceError::Invalid { field: at, .. }) if *at == field), "{refused:?}");
    }
    assert_eq!(app.services.policies(&permit).await.unwrap().policies, vec![]);
}

#[tokio::test]
async fn versions_are_kept_and_an_edit_of_an_older_one_is_refused() {
    let app = TestApp::new().await;
    let owner = app.organization(PlanTier::Enterprise).await;
    let permit = owner.permit().unwrap();
    let services = &app.services;
    let form = |rules| PolicyContent::Form(rules);
    let id = services.create_policy(&permit, "Rules", form(LENIENT)).await.unwrap();
    let taken = services.create_policy(&permit, "rules ", form(LENIENT)).await;
    assert!(matches!(taken, Err(ServiceError::Invalid { field: "name", .. })), "{taken:?}");
    let strict = PolicyTemplate::StrictProduction.rules();
    assert_eq!(services.edit_policy(&permit, id, 1, "Rules", form(strict)).await.unwrap(), 2);
    let stale = services.edit_policy(&permit, id, 1, "Rules", form(LENIENT)).await;
    assert!(matches!(stale, Err(ServiceError::Stale { .. })), "{stale:?}");
    let page = services.policy(&permit, id).await.unwrap();
    assert_eq!(
        page.versions.iter().map(|v| (v.version, v.rules)).collect::<Vec<_>>(),
        [(2, Some(strict)), (1, Some(LENIENT))]
    );
    for statement in ["UPDATE policy_versions SET text = ''", "DELETE FROM policy_versions"] {
        let refused = sqlx::query(statement).execute(app.database.pool()).await.unwrap_err();
        assert!(refused.to_string().contains("only ever added"), "{refused}");
    }
    let staging = PolicyTarget::Class(EnvironmentClass::Staging);
    services.assign_policy(&permit, staging, Some(id)).await.unwrap();
    let holds = services.retire_policy(&permit, id).await;
    assert!(matches!(holds, Err(ServiceError::Conflict(_))), "{holds:?}");
    services.assign_policy(&permit, staging, None).await.unwrap();
    services.retire_policy(&permit, id).await.unwrap();
    assert_eq!(services.policies(&permit).await.unwrap().policies, vec![]);
    let again = services.assign_policy(&permit, staging, Some(id)).await;
    assert!(matches!(again, Err(ServiceError::Conflict(_))), "{again:?}");
    // Its name is free, and all of it is in the audit log.
    services.create_policy(&permit, "Rules", form(LENIENT)).await.unwrap();
    let log = services.audit_log(&permit_of(&owner), Default::default(), None).await.unwrap();
    let said: Vec<_> = log.entries.iter().rev().map(|entry| entry.action).filter(|a| of_policies(*a)).collect();
    use AuditAction::{PolicyAssigned, PolicyCreated, PolicyEdited, PolicyRetired};
    assert_eq!(said, [PolicyCreated, PolicyEdited, PolicyAssigned, PolicyAssigned, PolicyRetired, PolicyCreated]);
}

fn permit_of(owner: &Caller) -> drift_services::gate::Permit<drift_services::gate::cap::Audit> {
    owner.permit().unwrap()
}

fn of_policies(action: AuditAction) -> bool {
    action.as_str().starts_with("POLICY_")
}

#[tokio::test]
async fn a_draft_is_tried_on_what_was_done_as_things_were_then() {
    let app = TestApp::new().await;
    let (env, id) = drifted(&app, PlanTier::Enterprise).await;
    let operator = app.member(&env.caller, Role::Operator).await;
    acknowledge(&env, &operator, id).await.unwrap();
    extend(&env, &operator, id, 6).await.unwrap();
    let page = env.incident_page(id).await;
    let was = page.row.severity;
    // What it is set to afterwards does not count for what was done before.
    let permit = app.services.incident_permit(&env.caller, id).await.unwrap();
    let other = if was >= Severity::High { Severity::Low } else { Severity::Critical };
    app.services.set_severity(&permit, id, page.version, other, "Weighed".to_owned()).await.unwrap();
    let try_out = async |rules: PolicyRules| {
        let permit = env.caller.permit().unwrap();
        app.services.simulate_policy(&permit, PolicyContent::Form(rules), 30).await.unwrap()
    };
    let nothing = try_out(LENIENT).await;
    assert_eq!((nothing.looked_at, nothing.refused.len()), (2, 0));
    let (low, severe) =
        if was >= Severity::High { (Role::Operator, Role::Admin) } else { (Role::Admin, Role::Operator) };
    let strict = PolicyRules { acknowledge: low, acknowledge_severe: severe, extension_hours: 5, ..LENIENT };
    let found = try_out(strict).await;
    let actions: Vec<_> = found.refused.iter().map(|refused| refused.action).collect();
    assert_eq!(actions, [PolicyAction::Extend, PolicyAction::Acknowledge], "{found:?}");
    assert_eq!(found.refused[0].refused_by, ["An extension gives 5 hours at most"]);
    assert_eq!(found.refused[0].incident.unwrap().0, id);
    let turned = PolicyRules { acknowledge: severe, acknowledge_severe: low, ..LENIENT };
    assert_eq!(try_out(turned).await.refused, vec![], "of the other severities there is none");
    assert_eq!(app.services.policies(&env.caller.permit().unwrap()).await.unwrap().policies, vec![], "nothing is kept");
}

#[tokio::test]
async fn the_overview_counts_what_is_accepted_and_what_was_let_pass() {
    let app = TestApp::new().await;
    let (env, id) = drifted(&app, PlanTier::Enterprise).await;
    let owner = &env.caller;
    let policy = holds(&env, LENIENT).await;
    let other = app.environment(owner, "Another").await;
    acknowledge(&env, owner, id).await.unwrap();
    extend(&env, owner, id, 1).await.unwrap();
    let seen = app.services.overview(&owner.permit().unwrap()).await.unwrap();
    let names: Vec<_> = seen.rows.iter().map(|row| row.environment.name.as_str()).collect();
    assert_eq!(names, ["Another", "Production"]);
    assert_eq!(seen.rows[0].environment.id, other.id);
    assert_eq!((seen.rows[0].incident.as_ref(), seen.rows[0].exceptions.all()), (None, 0));
    let row = &seen.rows[1];
    assert_eq!(row.policy, Some((policy, "Production".to_owned())));
    assert_eq!(row.incident.as_ref().map(|incident| incident.id), Some(id));
    assert_eq!((row.exceptions.extensions, row.exceptions.all(), row.debt.running), (1, 1, 0));
    app.clock.advance(chrono::TimeDelta::days(91));
    let later = app.services.overview(&owner.permit().unwrap()).await.unwrap();
    assert_eq!(later.rows[1].exceptions.all(), 0, "it is longer ago than is counted");
}
