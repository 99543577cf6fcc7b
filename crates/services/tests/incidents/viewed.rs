//! What somebody has viewed: each person's own, for what they saw, and gone when that moves.

use drift_domain::plan::PlanTier;
use drift_domain::role::Role;
use drift_domain::views::{IncidentPage, Ticks};
use drift_services::gate::Caller;
use drift_services::{ServiceError, ServiceResult};
use drift_testkit::{TestApp, TestEnvironment};

use crate::common::{Hand, agreeing, hotfix};

/// The code that both sides agreed on (`drift_testkit::app::workflow`).
const AGREED: &str =
    "let total = 0;\nfor (const item of items) {\n  total += item.json.price;\n}\nreturn [{ json: { total } }];";

async fn read(hand: &Hand<'_>, caller: &Caller) -> IncidentPage {
    let permit = hand.app.services.incident_permit(caller, hand.id).await.unwrap();
    hand.app.services.incident(&permit, hand.id).await.unwrap()
}

/// Ticks the change of a workflow, or takes the tick off, with the content that this page shows.
async fn set(
    hand: &Hand<'_>,
    caller: &Caller,
    page: &IncidentPage,
    workflow: &str,
    viewed: bool,
) -> ServiceResult<Ticks> {
    let permit = hand.app.services.incident_permit(caller, hand.id).await.unwrap();
    let change = page.changes.iter().find(|change| change.row.workflow == workflow).unwrap();
    let content = viewed.then_some(change.content.as_str());
    hand.app.services.set_viewed(&permit, hand.id, change.row.id, content).await
}

fn ticked(page: &IncidentPage) -> Vec<&str> {
    let ticked = page.changes.iter().filter(|change| change.viewed);
    ticked.map(|change| change.row.workflow.as_str()).collect()
}

async fn two_drifted<'a>(app: &'a TestApp) -> (TestEnvironment<'a>, Vec<String>) {
    let (env, ids) = agreeing(app, PlanTier::Agency, &["Orders", "Refunds"]).await;
    ids.iter().for_each(|id| hotfix(&env, id, "return [];"));
    env.check().await;
    (env, ids)
}

#[tokio::test]
async fn a_tick_is_ones_own_and_for_what_one_saw() {
    let app = TestApp::new().await;
    let (env, ids) = two_drifted(&app).await;
    let hand = Hand { app: &app, env: &env, id: env.incident().await };
    let (owner, viewer) = (env.caller.clone(), app.member(&env.caller, Role::Viewer).await);
    let page = read(&hand, &viewer).await;
    assert_eq!((page.listed.viewed, ticked(&page)), (0, vec![]));

    // Ticked twice is ticked once; whoever may read may tick.
    for _ in 0..2 {
        assert_eq!(set(&hand, &viewer, &page, "Orders", true).await.unwrap(), Ticks { viewed: 1, of: 2 });
    }
    let version = read(&hand, &viewer).await.version;
    assert_eq!(version, page.version, "it is no act on the incident: nobody's form becomes stale over it");
    assert_eq!(ticked(&read(&hand, &viewer).await), ["Orders"]);
    assert_eq!(ticked(&read(&hand, &owner).await), [] as [&str; 0], "each has their own");

    // What moves on is another content: the tick is off, and ticking what was seen before is refused.
    hotfix(&env, &ids[0], "return [1];");
    env.check().await;
    let moved = read(&hand, &viewer).await;
    assert_eq!((moved.listed.viewed, ticked(&moved)), (0, vec![]));
    let refused = set(&hand, &viewer, &page, "Orders", true).await.unwrap_err();
    assert!(matches!(&refused, ServiceError::Conflict(why) if why.contains("moved on")), "{refused:?}");

    // The rest stays, and comes off when it is taken off.
    assert_eq!(set(&hand, &viewer, &moved, "Refunds", true).await.unwrap().viewed, 1);
    assert_eq!(set(&hand, &viewer, &moved, "Orders", true).await.unwrap().viewed, 2);
    env.check().await;
    assert_eq!(read(&hand, &viewer).await.listed.viewed, 2, "a check that finds the same moves nothing");
    assert_eq!(set(&hand, &viewer, &moved, "Refunds", false).await.unwrap(), Ticks { viewed: 1, of: 2 });
}

#[tokio::test]
async fn a_change_that_vanished_is_another_thing_to_look_at() {
    let app = TestApp::new().await;
    let (env, ids) = two_drifted(&app).await;
    let hand = Hand { app: &app, env: &env, id: env.incident().await };
    let page = read(&hand, &env.caller).await;
    set(&hand, &env.caller, &page, "Orders", true).await.unwrap();
    set(&hand, &env.caller, &page, "Refunds", true).await.unwrap();
    hotfix(&env, &ids[0], AGREED);
    env.check().await;
    let after = read(&hand, &env.caller).await;
    assert!(after.changes.iter().any(|change| change.row.vanished.is_some()));
    assert_eq!(ticked(&after), ["Refunds"]);
}

#[tokio::test]
async fn what_is_no_content_or_of_another_incident_is_refused() {
    let app = TestApp::new().await;
    let (env, _) = two_drifted(&app).await;
    let hand = Hand { app: &app, env: &env, id: env.incident().await };
    let page = read(&hand, &env.caller).await;
    let permit = env.incident_permit(hand.id).await;
    let change = page.changes[0].row.id;
    let refused = app.services.set_viewed(&permit, hand.id, change, Some("x")).await.unwrap_err();
    assert!(matches!(refused, ServiceError::Invalid { .. }), "{refused:?}");

    let (other, _) = two_drifted(&app).await;
    let there = other.incident().await;
    let permit = other.incident_permit(there).await;
    let refused = app.services.set_viewed(&permit, there, change, None).await.unwrap_err();
    assert!(matches!(refused, ServiceError::NotFound("change")), "{refused:?}");
}
