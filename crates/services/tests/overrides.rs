//! An override accepts a difference for a time, on the record and in sight: it hides nothing, ends nothing, and ends itself.

use chrono::TimeDelta;
use drift_domain::change::{ChangeState, DecisionKind, OverrideState};
use drift_domain::environment::Badge;
use drift_domain::plan::{Limit, PlanTier};
use drift_domain::role::Role;
use drift_domain::views::OverrideView;
use drift_services::gate::Caller;
use drift_services::{ServiceError, ServiceResult};
use drift_testkit::app::workflow;
use drift_testkit::{TestApp, TestEnvironment};
use serde_json::json;
use std::sync::Arc;

fn set_code(env: &TestEnvironment<'_>, id: &str, code: &str) {
    env.edit(id, "Total", |node| node["parameters"]["jsCode"] = json!(code));
}

/// An environment with one workflow that was changed in n8n, and that workflow's id.
async fn drifted<'a>(app: &'a TestApp, owner: &Caller) -> (TestEnvironment<'a>, String) {
    let env = app.environment(owner, "Production").await;
    let id = env.agreed(&workflow("Orders")).await;
    env.check().await;
    set_code(&env, &id, "return [];");
    env.check().await;
    (env, id)
}

async fn accept(app: &TestApp, env: &TestEnvironment<'_>, days: u32) -> ServiceResult<OverrideView> {
    let change = env.change().await.id;
    app.services.override_change(&env.permit(), env.id, change, "Known; fixed on Monday".to_owned(), days).await
}

#[tokio::test]
async fn an_overridden_change_stays_in_sight_with_its_end_and_its_reason() {
    let app = TestApp::new().await;
    let owner = app.organization(PlanTier::Free).await;
    let (env, _) = drifted(&app, &owner).await;
    let made = accept(&app, &env, 30).await.unwrap();
    let row = env.change().await;
    assert_eq!(row.state, ChangeState::Open, "an override is no resolution");
    assert_eq!(row.overridden.as_ref(), Some(&made));
    assert_eq!((made.by.as_str(), made.reason.as_str()), (owner.name.as_str(), "Known; fixed on Monday"));
    assert_eq!(made.until - made.at, TimeDelta::days(30));

    env.check().await;
    let page = env.page().await;
    assert_eq!((page.row.badge, page.row.affected_workflows), (Badge::DriftDetected, 1), "no diff without a badge");
    assert_eq!((page.row.overrides.running, page.row.overrides.next_end), (1, Some(made.until)));
    let list = app.services.environments(&env.permit(), None, None).await.unwrap();
    assert_eq!(list.environments[0].overrides.running, 1, "the list says it, too");
}

#[tokio::test]
async fn it_lapses_by_time_or_by_hand_and_asks_again() {
    let app = TestApp::new().await;
    let owner = app.organization(PlanTier::Pro).await;
    let (env, _) = drifted(&app, &owner).await;
    accept(&app, &env, 1).await.unwrap();
    app.clock.advance(TimeDelta::days(1));
    let state = async || env.change().await.overridden.map(|o| o.state);
    assert_eq!(state().await, Some(OverrideState::Lapsed));
    assert_eq!(env.page().await.row.overrides.running, 0);
    let change = env.change().await.id;
    let ended = app.services.end_override(&env.permit(), env.id, change).await;
    assert!(matches!(ended, Err(ServiceError::Conflict(_))), "what lapsed is not ended: {ended:?}");

    accept(&app, &env, 7).await.unwrap();
    accept(&app, &env, 2).await.unwrap();
    let until = env.change().await.overridden.unwrap().until;
    assert_eq!(env.page().await.row.overrides.next_end, Some(until), "the newest holds");
    app.services.end_override(&env.permit(), env.id, change).await.unwrap();
    let ended = env.change().await.overridden.unwrap();
    assert_eq!((ended.state, ended.ended.map(|e| e.1)), (OverrideState::Ended, Some(owner.name.clone())));
    let told = sqlx::query_scalar::<_, i64>("SELECT count(*) FROM events WHERE kind LIKE 'override.%'");
    assert_eq!(told.fetch_one(app.database.pool()).await.unwrap(), 4);
    let kept = sqlx::query_scalar::<_, i64>("SELECT count(*) FROM decisions WHERE kind = 'OVERRIDE'");
    assert_eq!(kept.fetch_one(app.database.pool()).await.unwrap(), 3, "every one stays on record");
}

#[tokio::test]
async fn the_plan_says_how_long_and_whether_at_all() {
    let app = TestApp::new().await;
    for (plan, longest) in [(PlanTier::Free, 30), (PlanTier::Pro, 30), (PlanTier::Agency, 7)] {
        let owner = app.organization(plan).await;
        let (env, _) = drifted(&app, &owner).await;
        for days in [0, longest + 1] {
            let refused = accept(&app, &env, days).await;
            assert!(matches!(refused, Err(ServiceError::Invalid { field: "days", .. })), "{plan} {days}: {refused:?}");
        }
        accept(&app, &env, longest).await.unwrap();
        assert_eq!(env.workspace().await.overriding.longest_days, longest);
    }
}

#[tokio::test]
async fn enterprise_takes_none_until_an_administrator_says_so() {
    let app = TestApp::new().await;
    let owner = app.organization(PlanTier::Enterprise).await;
    let (mut env, id) = drifted(&app, &owner).await;
    let words = match accept(&app, &env, 1).await {
        Err(ServiceError::PolicyRefused { policy, message }) => {
            assert_eq!(policy, "OVERRIDE_DAYS");
            message
        }
        other => panic!("{other:?}"),
    };
    assert!(words.starts_with("Overrides are not allowed on the Enterprise plan unless an administrator sets a limit"));
    assert_eq!(env.workspace().await.overriding.refusal, Some(words), "the screen says the same");

    let seen = app.services.plan(&env.permit()).await.unwrap().version;
    let (plan, limit) = (PlanTier::Enterprise, Limit::OverrideDays);
    app.services.set_limit(&env.permit(), seen, plan, limit, Some(2), "For the migration".to_owned()).await.unwrap();
    let mut db = app.database.pool().acquire().await.unwrap();
    let plan = drift_store::plans::effective(&mut db, owner.organization_id).await.unwrap().unwrap();
    drop(db);
    env.caller = Caller { plan: Arc::new(plan), ..owner.clone() };
    accept(&app, &env, 2).await.unwrap();
    app.clock.advance(chrono::TimeDelta::hours(25));
    accept(&app, &env, 2).await.unwrap();
    let debt = app.services.overview(&env.permit()).await.unwrap().rows[0].debt;
    assert_eq!((debt.running, debt.times, debt.days), (1, 2, 1), "renewed a day later, it counts from the first on");

    // One that began while it was allowed can be ended when it is not any more.
    env.caller = owner;
    let change = env.change().await.id;
    app.services.end_override(&env.permit(), env.id, change).await.unwrap();
    set_code(&env, &id, &original());
    env.check().await;
    assert!(!env.change().await.vanished.unwrap().choices.contains(&DecisionKind::Override));
    let refused = confirm(&app, &env, DecisionKind::Override).await;
    assert!(matches!(refused, Err(ServiceError::PolicyRefused { .. })), "{refused:?}");
}

fn original() -> String {
    workflow("Orders")["nodes"][2]["parameters"]["jsCode"].as_str().unwrap().to_owned()
}

async fn confirm(app: &TestApp, env: &TestEnvironment<'_>, kind: DecisionKind) -> ServiceResult<()> {
    let change = env.change().await.id;
    app.services.confirm_vanished(&env.permit(), env.id, change, kind, "We knew".to_owned()).await
}

#[tokio::test]
async fn what_drifts_further_asks_anew() {
    let app = TestApp::new().await;
    let owner = app.organization(PlanTier::Free).await;
    let (env, id) = drifted(&app, &owner).await;
    accept(&app, &env, 30).await.unwrap();
    let before = env.change().await;
    set_code(&env, &id, "return ['further'];");
    env.check().await;
    let now = env.change().await;
    assert_ne!(now.id, before.id);
    assert_eq!(now.overridden, None, "nobody accepted this one");
    assert_eq!(env.page().await.row.overrides.running, 0);
    let refused = app.services.end_override(&env.permit(), env.id, before.id).await;
    assert!(matches!(refused, Err(ServiceError::Conflict(_))), "{refused:?}");
}

#[tokio::test]
async fn a_vanished_change_takes_an_override_as_its_recorded_decision() {
    let app = TestApp::new().await;
    let owner = app.organization(PlanTier::Free).await;
    let (env, id) = drifted(&app, &owner).await;
    set_code(&env, &id, &original());
    env.check().await;
    let change = env.change().await;
    assert!(change.vanished.as_ref().unwrap().choices.contains(&DecisionKind::Override));
    let refused = accept(&app, &env, 3).await;
    assert!(
        matches!(refused, Err(ServiceError::Conflict(_))),
        "there is nothing left to accept for a time: {refused:?}"
    );
    confirm(&app, &env, DecisionKind::Override).await.unwrap();
    assert!(env.changes().await.is_empty());
    assert_eq!(env.page().await.row.badge, Badge::InSync);
}

#[tokio::test]
async fn who_may_not_is_told_so_after_what_is_not_theirs() {
    let app = TestApp::new().await;
    let owner = app.organization(PlanTier::Free).await;
    let (env, _) = drifted(&app, &owner).await;
    let change = env.change().await.id;
    let viewer = app.member(&owner, Role::Viewer).await;
    let own = app.services.environment_permit::<drift_services::gate::cap::Override>(&viewer, env.id).await;
    assert!(matches!(own, Err(ServiceError::RoleRequired { needs: Role::Operator, .. })), "{own:?}");
    let stranger = app.organization(PlanTier::Free).await;
    let strange = app.services.environment_permit::<drift_services::gate::cap::Incidents>(&stranger, env.id).await;
    assert!(matches!(strange, Err(ServiceError::NotFound(_))), "not yours comes before not in the plan: {strange:?}");
    let theirs = app.services.override_change(&stranger.permit().unwrap(), env.id, change, "x".to_owned(), 1).await;
    assert!(matches!(theirs, Err(ServiceError::NotFound(_))), "{theirs:?}");
}
