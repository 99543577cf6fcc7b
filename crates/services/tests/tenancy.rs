//! Nothing crosses from one organization to another, the gate answers in its order, and secrets stay sealed.

use drift_domain::change::DecisionKind;
use drift_domain::ids::{ChangeId, EnvironmentId};
use drift_domain::plan::{Capability, PlanTier};
use drift_domain::role::Role;
use drift_domain::views::{ChangeFilter, DiffAccess, DiffOrRefusal, EnvironmentDraft};
use drift_services::gate::{Caller, cap};
use drift_services::{DeliveryOutcome, GithubDelivery, ServiceError, ServiceResult};
use drift_testkit::app::workflow;
use drift_testkit::{TestApp, TestEnvironment};
use serde_json::json;
use sqlx::Row;

fn not_found<T>(result: ServiceResult<T>, what: &str) {
    match result {
        Err(ServiceError::NotFound(_)) => {}
        Err(error) => panic!("{what}: {error:?}"),
        Ok(_) => panic!("{what} was answered"),
    }
}

#[tokio::test]
async fn a_stranger_gets_not_found_from_everything_and_changes_nothing() {
    let app = TestApp::new().await;
    let owner = app.organization(PlanTier::Enterprise).await;
    let env = app.environment(&owner, "Production").await;
    let id = env.agreed(&workflow("Orders")).await;
    env.check().await;
    env.edit(&id, "Total", |node| node["parameters"]["jsCode"] = json!("return [];"));
    env.check().await;
    let change = env.change().await.id;

    let stranger = app.organization(PlanTier::Enterprise).await;
    let s = &app.services;
    let draft = || env.draft.clone();
    let reason = || "because".to_owned();
    not_found(s.environment(&stranger.permit().unwrap(), env.id).await, "the page");
    not_found(s.environment_draft(&stranger.permit().unwrap(), env.id).await, "the settings");
    not_found(s.test_connection(&stranger.permit().unwrap(), Some(env.id), draft()).await, "a test with its secrets");
    not_found(s.update_environment(&stranger.permit().unwrap(), env.id, draft()).await, "an update");
    not_found(s.recheck(&stranger.permit().unwrap(), env.id).await, "a recheck");
    not_found(s.workspace(&stranger.permit().unwrap(), env.id, ChangeFilter::default()).await, "the workspace");
    not_found(s.change(&stranger.permit().unwrap(), env.id, change).await, "the change");
    not_found(s.checks(&stranger.permit().unwrap(), env.id, None).await, "the checks");
    not_found(s.link(&stranger.permit().unwrap(), env.id, &id, "a.json").await, "a link");
    not_found(s.finish_adoption(&stranger.permit().unwrap(), env.id, reason()).await, "the adoption");
    let kind = DecisionKind::Revert;
    not_found(s.confirm_vanished(&stranger.permit().unwrap(), env.id, change, kind, reason()).await, "a decision");
    assert!(s.environments(&stranger.permit().unwrap(), None, None).await.unwrap().environments.is_empty());

    // An environment of one's own opens no change of another's.
    let theirs = app.environment(&stranger, "Production").await;
    theirs.check().await;
    not_found(s.change(&stranger.permit().unwrap(), theirs.id, change).await, "a change by another environment");
    assert_eq!(env.change().await.id, change, "nothing happened to it");
}

#[tokio::test]
async fn what_does_not_exist_and_what_is_not_yours_answer_alike() {
    let app = TestApp::new().await;
    let owner = app.organization(PlanTier::Agency).await;
    let nothing = EnvironmentId(uuid::Uuid::now_v7());
    not_found(app.services.environment(&owner.permit().unwrap(), nothing).await, "nothing");
    let env = app.environment(&owner, "Production").await;
    let none = ChangeId(uuid::Uuid::now_v7());
    not_found(app.services.change(&owner.permit().unwrap(), env.id, none).await, "no change");
}

#[tokio::test]
async fn roles_are_held_to_on_the_server() {
    let app = TestApp::new().await;
    let owner = app.organization(PlanTier::Agency).await;
    let viewer = app.member(&owner, Role::Viewer).await;
    let operator = app.member(&owner, Role::Operator).await;
    let needs = |result: ServiceResult<()>| match result {
        Err(ServiceError::RoleRequired { needs, .. }) => needs,
        other => panic!("{other:?}"),
    };
    assert_eq!(needs(viewer.permit::<cap::Recheck>().map(drop)), Role::Operator);
    assert_eq!(needs(viewer.permit::<cap::ConfirmVanished>().map(drop)), Role::Operator);
    assert_eq!(needs(operator.permit::<cap::Configure>().map(drop)), Role::Admin);
    assert!(operator.permit::<cap::Recheck>().is_ok());
    assert!(viewer.permit::<cap::Summary>().is_ok());
}

#[tokio::test]
async fn the_plan_answers_before_the_role_and_names_the_plan_that_has_it() {
    let app = TestApp::new().await;
    let owner = app.organization(PlanTier::Free).await;
    let viewer = app.member(&owner, Role::Viewer).await;
    match viewer.permit::<cap::Incidents>() {
        Err(ServiceError::PlanRequired { capability, needs }) => {
            assert_eq!((capability, needs), (Capability::Incidents, PlanTier::Pro));
        }
        other => panic!("{other:?}"),
    }
}

async fn with_changes(env: &TestEnvironment<'_>, count: usize) {
    for n in 0..count {
        env.n8n.create(&workflow(&format!("Workflow {n}")));
    }
    env.check().await;
}

#[tokio::test]
async fn everybody_sees_drift_and_the_plan_says_how_deep() {
    let app = TestApp::new().await;
    for (plan, opened) in [(PlanTier::Free, 0), (PlanTier::Pro, 5), (PlanTier::Agency, 7)] {
        let owner = app.organization(plan).await;
        let env = app.environment(&owner, "Production").await;
        with_changes(&env, 7).await;
        let workspace = env.workspace().await;
        assert_eq!(workspace.changes.len(), 7, "{plan}: nobody is blind to drift");
        assert_eq!(workspace.changes.iter().filter(|c| c.openable).count(), opened, "{plan}");
        assert_eq!(workspace.by_hand, plan == PlanTier::Free);
        assert_eq!(matches!(workspace.diff_access, DiffAccess::All), plan == PlanTier::Agency);
        for change in workspace.changes {
            let page = app.services.change(&env.permit(), env.id, change.id).await.unwrap();
            assert_eq!(matches!(page.diff, DiffOrRefusal::Diff(_)), change.openable, "{plan}: the server decides");
        }
    }
}

#[tokio::test]
async fn secrets_are_sealed_in_the_database_and_never_come_back() {
    let app = TestApp::new().await;
    let owner = app.organization(PlanTier::Agency).await;
    let env = app.environment(&owner, "Production").await;
    let row = sqlx::query("SELECT to_jsonb(e)::text AS row FROM environments e").fetch_one(app.database.pool()).await;
    let row: String = row.unwrap().get("row");
    for secret in [&env.draft.n8n_api_key, &env.draft.git_token] {
        assert!(!row.contains(secret.as_str()));
        let hex: String = secret.bytes().map(|b| format!("{b:02x}")).collect();
        assert!(!row.contains(&hex));
    }
    let draft = app.services.environment_draft(&env.permit(), env.id).await.unwrap();
    assert_eq!((draft.n8n_api_key.as_str(), draft.git_token.as_str()), ("", ""));
    assert!(!format!("{:?}", env.draft).contains(&env.draft.git_token));
}

#[tokio::test]
async fn a_stored_secret_does_not_follow_to_another_server() {
    let app = TestApp::new().await;
    let owner = app.organization(PlanTier::Agency).await;
    let env = app.environment(&owner, "Production").await;
    let keep = EnvironmentDraft { name: "Renamed".into(), ..env.draft.clone().without_secrets() };
    app.services.update_environment(&env.permit(), env.id, keep.clone()).await.unwrap();
    assert_eq!(env.page().await.row.name, "Renamed");
    let elsewhere = EnvironmentDraft { n8n_base_url: "https://collector.example.net".into(), ..keep };
    match app.services.update_environment(&env.permit(), env.id, elsewhere).await {
        Err(ServiceError::Invalid { field, .. }) => assert_eq!(field, "n8n_api_key"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_name_is_taken_once_whatever_its_case() {
    let app = TestApp::new().await;
    let owner = app.organization(PlanTier::Agency).await;
    let env = app.environment(&owner, "Production").await;
    let draft = EnvironmentDraft { name: "PRODUCTION".into(), ..env.draft.clone() };
    match app.services.connect_environment(&env.permit(), draft).await {
        Err(ServiceError::Invalid { field, .. }) => assert_eq!(field, "name"),
        other => panic!("{other:?}"),
    }
    let another = app.organization(PlanTier::Agency).await;
    app.environment(&another, "Production").await;
}

async fn deliver(app: &TestApp, caller: &Caller, id: &str, body: &str, secret: &str) -> ServiceResult<DeliveryOutcome> {
    let delivery = GithubDelivery {
        id: id.to_owned(),
        event: "push".to_owned(),
        signature: drift_sim::github::sign(secret, body.as_bytes()),
        body: body.to_owned().into(),
    };
    app.services.github_delivery(caller.organization_id, delivery).await
}

#[tokio::test]
async fn a_signed_push_brings_the_check_forward_once() {
    let app = TestApp::new().await;
    let owner = app.organization(PlanTier::Agency).await;
    app.environment(&owner, "Production").await;
    let push = |branch: &str| {
        json!({ "ref": format!("refs/heads/{branch}"), "after": "0".repeat(40), "repository": { "full_name": "Acme/Workflows" } })
            .to_string()
    };
    let secret = "webhook secret";
    assert_eq!(deliver(&app, &owner, "1", &push("main"), secret).await.unwrap(), DeliveryOutcome::Checking(1));
    assert_eq!(deliver(&app, &owner, "1", &push("main"), secret).await.unwrap(), DeliveryOutcome::Duplicate);
    assert_eq!(deliver(&app, &owner, "2", &push("topic"), secret).await.unwrap(), DeliveryOutcome::Ignored);
    let forged = deliver(&app, &owner, "3", &push("main"), "guess").await;
    assert!(matches!(forged, Err(ServiceError::Unauthenticated)));
    let another = app.organization(PlanTier::Agency).await;
    let theirs = deliver(&app, &another, "1", &push("main"), secret).await.unwrap();
    assert_eq!(theirs, DeliveryOutcome::Ignored, "their organization watches no such repository");
    let waiting: i64 = sqlx::query("SELECT count(*) AS n FROM graphile_worker.jobs WHERE task_identifier = 'check'")
        .fetch_one(app.database.pool())
        .await
        .unwrap()
        .get("n");
    assert_eq!(waiting, 1, "connecting and the push asked for one and the same check");
}
