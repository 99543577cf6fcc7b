//! Metrics, held against histories that are computed by hand: each figure at the edges of a day, a deadline and a range.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use drift_domain::change::DecisionKind;
use drift_domain::clock::Clock;
use drift_domain::metrics::TimeKind;
use drift_domain::plan::{Capability, PlanTier};
use drift_domain::role::Role;
use drift_domain::views::{MetricsPage, MetricsStep, UpgradeAsk};
use drift_services::ServiceError;
use drift_services::gate::Caller;
use drift_services::metrics::Asked;
use drift_testkit::TestApp;

use crate::common::{Hand, agreeing, drifted, hotfix};

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn turn(app: &TestApp, to: &str) {
    assert!(at(to) >= app.clock.now(), "a clock is not turned back");
    app.clock.advance(at(to) - app.clock.now());
}

async fn between(app: &TestApp, caller: &Caller, from: &str, to: &str) -> MetricsPage {
    let asked = Asked { from: Some(day(from)), to: Some(day(to)), environment: None };
    app.services.metrics(&caller.permit().unwrap(), asked).await.unwrap()
}

fn series<T>(page: &MetricsPage, of: impl Fn(&MetricsStep) -> T) -> Vec<T> {
    page.steps.iter().map(of).collect()
}

/// Two hotfixes of one field, two incidents: the first closed in time, the second repeats it and is not.
#[tokio::test]
async fn a_history_of_two_incidents_is_told_as_it_was() {
    let app = TestApp::new().await;
    let (env, ids) = agreeing(&app, PlanTier::Agency, &["Orders"]).await;
    // The edit is at :01, the check a minute later.
    turn(&app, "2026-11-03T10:00:00Z");
    hotfix(&env, &ids[0], "return [];");
    env.check().await;
    let first = Hand { app: &app, env: &env, id: env.incident().await };
    turn(&app, "2026-11-03T12:01:01Z");
    first.to_reconciled(&ids[0]).await;
    turn(&app, "2026-11-04T09:00:01Z");
    first.close().await.unwrap();
    env.closing_check().await;

    turn(&app, "2026-11-05T10:00:00Z");
    hotfix(&env, &ids[0], "return [1];");
    turn(&app, "2026-11-05T10:04:01Z");
    env.check().await;
    let second = Hand { app: &app, env: &env, id: env.incident().await };
    turn(&app, "2026-11-05T16:05:01Z");
    second.acknowledge().await.unwrap();
    turn(&app, "2026-11-06T16:05:00Z");
    assert_eq!(second.page().await.row.expires_at, Some(at("2026-11-06T16:05:01Z")), "a HIGH one has 24 h");

    let before = between(&app, &env.caller, "2026-11-03", "2026-11-07").await;
    assert_eq!(before.range.last_day(), day("2026-11-06"), "what is to come is left out");
    let told = before.incidents.as_ref().unwrap();
    assert_eq!((told.deadlines.kept, told.deadlines.missed, told.now.expired), (1, 0, 0), "a second before");
    turn(&app, "2026-11-06T16:05:01Z");
    let page = between(&app, &env.caller, "2026-11-03", "2026-11-06").await;
    let told = page.incidents.as_ref().unwrap();
    assert_eq!(
        (told.deadlines.kept, told.deadlines.missed, told.deadlines.kept_percent),
        (1, 0, Some(100.0)),
        "half-open"
    );
    assert_eq!((told.now.active, told.now.expired), (1, 1));
    app.clock.advance(TimeDelta::seconds(1));
    let page = between(&app, &env.caller, "2026-11-03", "2026-11-06").await;
    let told = page.incidents.as_ref().unwrap();
    assert_eq!((told.deadlines.kept, told.deadlines.missed, told.deadlines.kept_percent), (1, 1, Some(50.0)));

    let time = |kind| *page.times.iter().find(|time| time.kind == kind).unwrap();
    let seconds = |kind| (time(kind).count, time(kind).median_seconds, time(kind).p90_seconds);
    assert_eq!(seconds(TimeKind::Detect), (2, Some(60), Some(300)), "by nearest rank, of 60 s and 300 s");
    assert_eq!(seconds(TimeKind::Acknowledge), (2, Some(2 * 3600), Some(6 * 3600)));
    let closed = first.page().await.row;
    let took = (closed.closed_at.unwrap() - closed.detected_at).num_seconds();
    assert_eq!(seconds(TimeKind::Resolve), (1, Some(took), Some(took)));

    assert_eq!(series(&page, |step| step.hotfix), [1, 0, 1, 0]);
    assert_eq!(series(&page, |step| (step.opened, step.repeated)), [(1, 0), (0, 0), (1, 1), (0, 0)]);
    assert_eq!(series(&page, |step| (step.kept, step.missed)), [(0, 0), (1, 0), (0, 0), (0, 1)]);
    let [cause] = told.causes.as_slice() else { panic!("{:?}", told.causes) };
    assert_eq!((cause.environment.as_str(), cause.workflow.as_str(), cause.incidents), ("Production", "Orders", 1));
    let owner = &told.now.by_owner[0];
    assert_eq!((owner.of.as_deref(), owner.active, owner.expired), (Some(env.caller.name.as_str()), 1, 1));
    assert_eq!(told.now.by_age.iter().map(|load| load.active).collect::<Vec<_>>(), [0, 1, 0, 0]);

    let later = between(&app, &env.caller, "2026-11-04", "2026-11-04").await;
    assert_eq!(series(&later, |step| (step.hotfix, step.kept)), [(0, 1)], "of a range, what is in it");
}

#[tokio::test]
async fn more_time_takes_a_miss_back_and_is_told() {
    let app = TestApp::new().await;
    let (env, live) = drifted(&app, PlanTier::Agency).await;
    let hand = Hand { app: &app, env: &env, id: env.incident().await };
    hand.acknowledge().await.unwrap();
    app.clock.advance(TimeDelta::hours(25));
    let today = || app.clock.now().date_naive().to_string();
    let deadlines = async || between(&app, &env.caller, "2026-11-01", &today()).await.incidents.unwrap().deadlines;
    assert_eq!((deadlines().await.kept, deadlines().await.missed), (0, 1));
    let permit = env.incident_permit(hand.id).await;
    app.services.extend(&permit, hand.id, hand.version().await, 24, "The vendor answers".to_owned()).await.unwrap();
    assert_eq!((deadlines().await.kept, deadlines().await.missed), (0, 0), "it is under way again");
    hand.stabilize().await.unwrap();
    hand.promote_by_hand(&live).await;
    hand.reconcile().await.unwrap();
    hand.close().await.unwrap();
    env.closing_check().await;
    app.clock.advance(TimeDelta::seconds(1));
    let now = deadlines().await;
    assert_eq!((now.kept, now.kept_extended, now.missed), (1, 1, 0));
}

#[tokio::test]
async fn drift_is_not_taken_on_until_somebody_takes_a_stand() {
    let app = TestApp::new().await;
    let (env, ids) = agreeing(&app, PlanTier::Agency, &["Orders", "Bills", "Stock"]).await;
    turn(&app, "2026-11-03T10:00:00Z");
    for id in &ids {
        hotfix(&env, id, "return [];");
    }
    env.check().await;
    // One drifts further: the newer change carries it on, so that it counts once.
    turn(&app, "2026-11-04T10:00:00Z");
    hotfix(&env, &ids[0], "return [2];");
    env.check().await;
    turn(&app, "2026-11-05T10:00:00Z");
    let bills = env.changes().await.into_iter().find(|change| change.workflow == "Bills").unwrap();
    app.services.override_change(&env.permit(), env.id, bills.id, "Until Monday".to_owned(), 2).await.unwrap();
    turn(&app, "2026-11-06T10:00:00Z");
    let hand = Hand { app: &app, env: &env, id: env.incident().await };
    turn(&app, "2026-11-08T00:00:00Z");
    hand.acknowledge().await.unwrap();
    turn(&app, "2026-11-08T12:00:00Z");
    let page = between(&app, &env.caller, "2026-11-03", "2026-11-08").await;
    assert_eq!(series(&page, |step| step.hotfix), [3, 1, 0, 0, 0, 0]);
    assert_eq!(series(&page, |step| step.not_taken_on), [3, 3, 2, 2, 2, 0], "midnight belongs to the day that begins");
    let later = between(&app, &env.caller, "2026-11-07", "2026-11-08").await;
    assert_eq!(series(&later, |step| step.not_taken_on), [2, 0], "a range knows what was before it");
}

#[tokio::test]
async fn override_debt_grows_by_age_weight_and_fields_until_the_override_ends() {
    let app = TestApp::new().await;
    let (env, ids) = agreeing(&app, PlanTier::Pro, &["Orders"]).await;
    turn(&app, "2026-11-03T00:00:00Z");
    hotfix(&env, &ids[0], "return [];");
    env.check().await;
    turn(&app, "2026-11-04T00:00:00Z");
    let change = env.change().await;
    assert_eq!(change.severity.as_str(), "HIGH");
    app.services.override_change(&env.permit(), env.id, change.id, "Known".to_owned(), 3).await.unwrap();
    turn(&app, "2026-11-08T12:00:00Z");
    let page = between(&app, &env.caller, "2026-11-03", "2026-11-08").await;
    // One field, weight 4; it lapses on the 7th at midnight, and nothing is left of it then.
    assert_eq!(
        series(&page, |step| (step.overridden, step.override_debt)),
        [(1, 0.0), (1, 4.0), (1, 8.0), (0, 0.0), (0, 0.0), (0, 0.0)]
    );
}

#[tokio::test]
async fn requests_for_more_are_told_with_what_became_of_them() {
    let app = TestApp::new().await;
    let owner = app.organization(PlanTier::Free).await;
    let operator = app.member(&owner, Role::Operator).await;
    let ask = || UpgradeAsk { plan: Some(PlanTier::Pro), capability: Some(Capability::Diff), ..UpgradeAsk::default() };
    let granted = app.services.request_upgrade(&operator.permit().unwrap(), ask()).await.unwrap();
    app.services.request_upgrade(&owner.permit().unwrap(), ask()).await.unwrap();
    app.services.answer_upgrade(&owner.permit().unwrap(), granted, true, String::new()).await.unwrap();
    app.clock.advance(TimeDelta::seconds(1));
    let owner = app.moved_to(&owner, PlanTier::Pro).await;
    let page = app.services.metrics(&owner.permit().unwrap(), Asked::default()).await.unwrap();
    let [one] = page.upgrades.as_slice() else { panic!("{:?}", page.upgrades) };
    assert_eq!((one.from, one.to, one.capability), (PlanTier::Free, PlanTier::Pro, Some(Capability::Diff)));
    assert_eq!((one.asked, one.granted, one.declined, page.conversion_percent()), (2, 1, 0, Some(50.0)));
}

#[tokio::test]
async fn nobody_sees_figures_of_another_organization_and_free_has_none_of_incidents() {
    let app = TestApp::new().await;
    let (env, _) = drifted(&app, PlanTier::Agency).await;
    env.incident().await;
    let stranger = app.organization(PlanTier::Free).await;
    let permit = stranger.permit().unwrap();
    let theirs = Asked { environment: Some(env.id), ..Asked::default() };
    let refused = app.services.metrics(&permit, theirs).await.unwrap_err();
    assert!(matches!(refused, ServiceError::NotFound("environment")), "{refused:?}");
    let page = app.services.metrics(&permit, Asked::default()).await.unwrap();
    assert_eq!((page.sum(|step| step.hotfix + step.unknown), page.environments.len()), (0, 0));
    assert!(page.incidents.is_none());
    assert_eq!(page.times.iter().map(|time| time.kind).collect::<Vec<_>>(), [TimeKind::Detect]);
    let ours =
        app.services.metrics(&env.permit(), Asked { environment: Some(env.id), ..Asked::default() }).await.unwrap();
    assert_eq!(ours.incidents.unwrap().now.active, 1);
    let reversed = Asked { from: Some(day("2026-11-02")), to: Some(day("2026-11-01")), environment: None };
    let refused = app.services.metrics(&env.permit(), reversed).await.unwrap_err();
    assert!(matches!(refused, ServiceError::Invalid { field: "from", .. }), "{refused:?}");
}

#[tokio::test]
async fn what_git_moved_is_no_time_to_detect_of_what_n8n_did() {
    let app = TestApp::new().await;
    let (env, live) = drifted(&app, PlanTier::Agency).await;
    let mut theirs = env.n8n.workflow(&live).unwrap();
    theirs["nodes"][0]["parameters"]["path"] = "elsewhere".into();
    app.clock.advance(TimeDelta::hours(5));
    env.commit(&drift_testkit::app::path(&live), &theirs, "Move the hook").await;
    env.check().await;
    let page = app.services.metrics(&env.permit(), Asked::default()).await.unwrap();
    let detect = page.times[0];
    assert_eq!(
        (detect.kind, detect.count, detect.p90_seconds),
        (TimeKind::Detect, 1, Some(60)),
        "the first sight alone"
    );
    let hand = Hand { app: &app, env: &env, id: env.incident().await };
    hand.acknowledge().await.unwrap();
    hand.decide(None, DecisionKind::Revert).await.unwrap();
    assert_eq!(app.services.metrics(&env.permit(), Asked::default()).await.unwrap().times[0], detect);
}
