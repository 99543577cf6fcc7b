//! The plan is edited on the record, within bounds, by who may, on what they saw; nobody is blinded by it, and what was
//! begun under a plan is finished under it.

use drift_domain::environment::Badge;
use drift_domain::plan::{Capability, Grant, Limit, Plan, PlanTier};
use drift_domain::role::Role;
use drift_domain::views::{PlanEdit, PlanPage, UpgradeAsk};
use drift_services::ServiceError;
use drift_services::gate::Caller;
use drift_testkit::TestApp;
use drift_testkit::app::workflow;
use serde_json::json;
use std::sync::Arc;

async fn page(app: &TestApp, caller: &Caller) -> PlanPage {
    app.services.plan(&caller.permit().unwrap()).await.unwrap()
}

fn why() -> String {
    "We run ten clients now".to_owned()
}

/// The caller as the next request finds them: under the plan that holds by then.
async fn again(app: &TestApp, caller: &Caller) -> Caller {
    let mut db = app.database.pool().acquire().await.unwrap();
    let plan = drift_store::plans::effective(&mut db, caller.organization_id).await.unwrap().unwrap();
    Caller { plan: Arc::new(plan), ..caller.clone() }
}

#[tokio::test]
async fn a_tier_is_set_with_a_reason_and_everybody_reads_who_why_and_when() {
    let app = TestApp::new().await;
    let owner = app.organization(PlanTier::Free).await;
    let viewer = app.member(&owner, Role::Viewer).await;
    let seen = page(&app, &owner).await;
    assert_eq!((seen.tier, seen.history.len()), (PlanTier::Free, 0));

    let permit = owner.permit().unwrap();
    let without = app.services.set_tier(&permit, seen.version, PlanTier::Agency, "  ".to_owned()).await;
    assert!(matches!(without, Err(ServiceError::Invalid { field: "reason", .. })), "{without:?}");
    let effect = app.services.plan_effect(&permit, PlanEdit::Tier { plan: PlanTier::Agency }).await.unwrap();
    let gained: Vec<_> = effect.gained.iter().map(|c| c.capability).collect();
    assert!(gained.contains(&Capability::Diff) && gained.contains(&Capability::Stabilize), "{gained:?}");
    assert_eq!(page(&app, &owner).await.tier, PlanTier::Free, "looking at the effect does nothing");

    let done = app.services.set_tier(&permit, effect.version, PlanTier::Agency, why()).await.unwrap();
    assert_eq!(done, effect, "what was shown is what was done");
    let now = page(&app, &viewer).await;
    assert_eq!((now.tier, now.can_manage), (PlanTier::Agency, false));
    let [edit] = &now.history[..] else { panic!("{:?}", now.history) };
    assert_eq!((edit.text.as_str(), edit.reason.as_str()), ("The plan is Agency instead of Free", why().as_str()));
    assert_eq!(edit.by, owner.name);
    assert_eq!(again(&app, &owner).await.plan.tier(), PlanTier::Agency, "it holds from the next request on");
}

#[tokio::test]
async fn an_edit_of_what_somebody_else_changed_meanwhile_is_refused_with_what_they_did() {
    let app = TestApp::new().await;
    let owner = app.organization(PlanTier::Pro).await;
    let admin = app.member(&owner, Role::Admin).await;
    let seen = page(&app, &admin).await.version;
    app.services.set_tier(&owner.permit().unwrap(), seen, PlanTier::Agency, why()).await.unwrap();
    let limit = (PlanTier::Pro, Limit::HistoryDays, Some(60));
    let late = app.services.set_limit(&admin.permit().unwrap(), seen, limit.0, limit.1, limit.2, why()).await;
    match late {
        Err(ServiceError::Stale { meanwhile }) => {
            assert_eq!(meanwhile, [format!("{}: The plan is Agency instead of Pro.", owner.name)]);
        }
        other => panic!("{other:?}"),
    }
    let late = app.services.set_tier(&admin.permit().unwrap(), seen, PlanTier::Free, why()).await;
    assert!(matches!(late, Err(ServiceError::Stale { .. })), "{late:?}");
    assert_eq!(page(&app, &owner).await.tier, PlanTier::Agency);
}

#[tokio::test]
async fn limits_move_within_their_bounds_and_not_beyond_by_service_or_database() {
    let app = TestApp::new().await;
    let owner = app.organization(PlanTier::Agency).await;
    let permit = owner.permit().unwrap();
    let set = async |limit, value| {
        let version = page(&app, &owner).await.version;
        app.services.set_limit(&permit, version, PlanTier::Agency, limit, value, why()).await
    };
    for (limit, value) in [
        (Limit::OverrideDays, Some(8)),
        (Limit::OverrideDays, None),
        (Limit::HistoryDays, Some(10)),
        (Limit::OpenIncidents, Some(0)),
        (Limit::DiffWorkflows, Some(4)),
    ] {
        let refused = set(limit, value).await;
        assert!(matches!(refused, Err(ServiceError::Invalid { field: "value", .. })), "{limit} {value:?}: {refused:?}");
        let forced = sqlx::query("INSERT INTO organization_limits VALUES ($1, 'AGENCY', $2, $3, 'x', $4, now())");
        let forced =
            forced.bind(owner.organization_id.0).bind(limit.as_str()).bind(value.map(|n| i32::try_from(n).unwrap()));
        let forced = forced.bind(owner.user_id.0).execute(app.database.pool()).await;
        assert!(forced.unwrap_err().to_string().contains("cannot be"), "{limit} {value:?}");
    }
    let effect = set(Limit::OverrideDays, Some(3)).await.unwrap();
    assert_eq!((effect.limits[0].from, effect.limits[0].to), (Some(7), Some(3)));
    assert_eq!(again(&app, &owner).await.plan.limit(Limit::OverrideDays), Some(3));
    let shown = page(&app, &owner).await;
    let row = shown.limits.iter().find(|row| row.limit == Limit::OverrideDays).unwrap();
    let cell = &row.cells[PlanTier::Agency as usize];
    assert_eq!((cell.value, cell.reason.as_deref()), (Some(3), Some(why().as_str())));
    assert_eq!(row.cells[PlanTier::Pro as usize].value, Some(30), "the other tiers keep theirs");
    assert_eq!(shown.history[0].text, "Longest override on the Agency plan: 3 days instead of 7 days");

    set(Limit::OverrideDays, Some(7)).await.unwrap();
    let row = page(&app, &owner).await;
    let cell =
        &row.limits.iter().find(|row| row.limit == Limit::OverrideDays).unwrap().cells[PlanTier::Agency as usize];
    assert_eq!((cell.value, &cell.reason), (Some(7), &None), "the standard value needs no reason");
    let other = app.organization(PlanTier::Agency).await;
    assert_eq!(again(&app, &other).await.plan, Arc::new(Plan::standard(PlanTier::Agency)), "it is nobody else's limit");
}

#[tokio::test]
async fn no_edit_of_the_plan_takes_the_sight_of_drift_away() {
    let app = TestApp::new().await;
    let owner = app.organization(PlanTier::Enterprise).await;
    let env = app.environment(&owner, "Production").await;
    let id = env.agreed(&workflow("Orders")).await;
    env.check().await;
    env.edit(&id, "Total", |node| node["disabled"] = json!(true));
    env.check().await;
    let effect =
        app.services.plan_effect(&owner.permit().unwrap(), PlanEdit::Tier { plan: PlanTier::Free }).await.unwrap();
    assert!(!effect.lost.iter().any(|change| change.capability.is_locked()));
    assert!(
        effect
            .consequences
            .iter()
            .any(|said| said.contains("Drift is detected and seen as before: 1 workflow differs")),
        "{:?}",
        effect.consequences
    );
    app.services.set_tier(&owner.permit().unwrap(), effect.version, PlanTier::Free, why()).await.unwrap();
    let owner = again(&app, &owner).await;
    let seen = app.services.environment(&owner.permit().unwrap(), env.id).await.unwrap();
    assert_eq!((seen.row.badge, seen.row.affected_workflows), (Badge::DriftDetected, 1));
    env.edit(&id, "Look up customer", |node| node["disabled"] = json!(true));
    env.check().await;
    assert_eq!(
        app.services.environment(&owner.permit().unwrap(), env.id).await.unwrap().row.badge,
        Badge::DriftDetected
    );
    let shown = page(&app, &owner).await;
    for row in shown.capabilities.iter().filter(|row| row.locked) {
        assert!(row.grants.iter().all(|grant| *grant == Grant::Full), "{row:?}");
    }
    assert_eq!(shown.capabilities.iter().filter(|row| row.locked).count(), 3);
}

#[tokio::test]
async fn anybody_asks_once_for_more_and_reads_the_answer_of_who_manages_the_plan() {
    let app = TestApp::new().await;
    let owner = app.organization(PlanTier::Free).await;
    let (viewer, other) = (app.member(&owner, Role::Viewer).await, app.member(&owner, Role::Viewer).await);
    let env = app.environment(&owner, "Production").await;
    let ask = || UpgradeAsk {
        capability: Some(Capability::Incidents),
        environment: Some(env.id),
        note: "Nights are long".to_owned(),
        ..UpgradeAsk::default()
    };
    let id = app.services.request_upgrade(&viewer.permit().unwrap(), ask()).await.unwrap();
    let twice = app.services.request_upgrade(&viewer.permit().unwrap(), ask()).await;
    assert!(matches!(twice, Err(ServiceError::Conflict(_))), "{twice:?}");
    assert!(page(&app, &other).await.requests.is_empty(), "whose it is not, and who does not answer, does not read it");

    let seen = page(&app, &owner).await;
    let [request] = &seen.requests[..] else { panic!("{:?}", seen.requests) };
    assert_eq!((request.plan, request.plan_then), (PlanTier::Pro, PlanTier::Free));
    assert_eq!((request.capability, request.environment.as_deref()), (Some(Capability::Incidents), Some("Production")));
    assert_eq!((request.by.as_str(), request.note.as_str()), (viewer.name.as_str(), "Nights are long"));

    let silent = app.services.answer_upgrade(&owner.permit().unwrap(), id, false, String::new()).await;
    assert!(matches!(silent, Err(ServiceError::Invalid { field: "words", .. })), "{silent:?}");
    app.services.answer_upgrade(&owner.permit().unwrap(), id, false, "Next quarter".to_owned()).await.unwrap();
    let offer = app.services.upgrade_offer(&viewer.permit().unwrap()).await.unwrap().unwrap();
    let answer = offer.requested.unwrap().answer.unwrap();
    assert_eq!(
        (answer.granted, answer.words.as_str(), answer.by.as_str()),
        (false, "Next quarter", owner.name.as_str())
    );
    let late = app.services.answer_upgrade(&owner.permit().unwrap(), id, true, String::new()).await;
    assert!(matches!(late, Err(ServiceError::Conflict(_))), "an answer stays the answer: {late:?}");
    assert_eq!(page(&app, &owner).await.tier, PlanTier::Free);

    let id = app.services.request_upgrade(&viewer.permit().unwrap(), ask()).await.unwrap();
    app.services.answer_upgrade(&owner.permit().unwrap(), id, true, String::new()).await.unwrap();
    let now = page(&app, &viewer).await;
    assert_eq!(now.tier, PlanTier::Pro);
    assert_eq!(now.history[0].reason, format!("{} asked for it", viewer.name));
    let told = sqlx::query_scalar::<_, i64>("SELECT count(*) FROM events WHERE kind LIKE 'upgrade.%'");
    assert_eq!(
        told.fetch_one(app.database.pool()).await.unwrap(),
        4,
        "asked and answered, twice: conversion is counted"
    );
}

#[tokio::test]
async fn a_request_is_for_more_and_about_ones_own() {
    let app = TestApp::new().await;
    let (owner, stranger) = (app.organization(PlanTier::Enterprise).await, app.organization(PlanTier::Free).await);
    let env = app.environment(&owner, "Production").await;
    let nothing = app.services.request_upgrade(&owner.permit().unwrap(), UpgradeAsk::default()).await;
    assert!(matches!(nothing, Err(ServiceError::Invalid { field: "plan", .. })), "{nothing:?}");
    assert_eq!(app.services.upgrade_offer(&owner.permit().unwrap()).await.unwrap(), None);
    let theirs = UpgradeAsk { environment: Some(env.id), ..UpgradeAsk::default() };
    let refused = app.services.request_upgrade(&stranger.permit().unwrap(), theirs).await;
    assert!(matches!(refused, Err(ServiceError::NotFound("environment"))), "{refused:?}");
    let id = app.services.request_upgrade(&stranger.permit().unwrap(), UpgradeAsk::default()).await.unwrap();
    let answered = app.services.answer_upgrade(&owner.permit().unwrap(), id, true, String::new()).await;
    assert!(matches!(answered, Err(ServiceError::NotFound(_))), "{answered:?}");
}
