//! Cut short anywhere, it goes on: nothing is written twice, nothing is lost, and what was taken for dead records nothing.

use drift_domain::change::DecisionKind;
use drift_domain::reconciliation::ReconciliationState;
use drift_services::reconcile::Next;
use drift_sim::faults::{Fault, Gate, Rule};
use drift_testkit::TestApp;
use drift_testkit::app::path;

use crate::common::{Hand, agreeing, code, done, failed, file, hotfix};

/// Both ways in one: one workflow is promoted, one is reverted, one that is missing is created.
async fn begun<'a>(
    app: &'a TestApp,
    env: &'a drift_testkit::TestEnvironment<'a>,
    ids: &[String],
) -> (Hand<'a>, drift_domain::ids::ReconciliationId) {
    hotfix(env, &ids[0], "return ['promoted'];");
    hotfix(env, &ids[1], "return ['reverted'];");
    env.n8n.delete(&ids[2]).unwrap();
    env.check().await;
    let hand = Hand::open(app, env).await;
    for (name, kind) in [("A", DecisionKind::Promote), ("B", DecisionKind::Revert), ("C", DecisionKind::Revert)] {
        hand.decide(hand.change(name).await.row.id, kind).await;
    }
    let id = hand.plan().await;
    hand.begin(id).await.unwrap();
    (hand, id)
}

async fn ended_well(hand: &Hand<'_>, ids: &[String]) {
    let env = hand.env;
    assert_eq!(code(&file(env, &path(&ids[0])).await.unwrap()), "return ['promoted'];");
    assert!(code(&env.n8n.workflow(&ids[1]).unwrap()).starts_with("let total"));
    let named = |name: &str| env.n8n.ids().iter().filter(|id| env.n8n.workflow(id).unwrap()["name"] == name).count();
    assert_eq!(named("C"), 1, "created once");
    assert_eq!(env.repo.pulls().unwrap(), [(1, false)], "one proposal, merged");
    hand.close().await;
}

/// Turns until a request has come to the gate; then the process is gone that waits for its answer.
async fn until_it_hangs(hand: &Hand<'_>, id: drift_domain::ids::ReconciliationId, gate: &Gate) {
    for _ in 0..20 {
        tokio::select! {
            next = hand.turn(id) => assert!(matches!(next, Next::Again { .. }), "the request was never made"),
            () = gate.arrived(1) => return,
        }
        hand.app.clock.advance(chrono::TimeDelta::seconds(60));
    }
    panic!("the request was never made");
}

/// The requests that write, in n8n and in GitHub.
const WRITES: [(&str, &str); 10] = [
    ("POST", "*/git/blobs"),
    ("POST", "*/git/trees"),
    ("POST", "*/git/commits"),
    ("POST", "*/git/refs"),
    ("POST", "*/pulls"),
    ("PUT", "*/pulls/*/merge*"),
    ("DELETE", "*/git/refs/*"),
    ("PUT", "/api/v1/workflows/*"),
    ("POST", "/api/v1/workflows"),
    ("POST", "/api/v1/workflows/*/publish"),
];

#[tokio::test]
async fn killed_while_any_write_is_on_its_way_it_goes_on() {
    let app = TestApp::new().await;
    for (method, at) in WRITES {
        for after in [false, true] {
            let (env, ids) = agreeing(&app, &["A", "B", "C"]).await;
            let (hand, id) = begun(&app, &env, &ids).await;
            // The answer never comes: the process dies waiting for it, once the request arrived.
            let gate = Gate::new();
            let fault = if after { Fault::HeldAfter(gate.clone()) } else { Fault::Held(gate.clone()) };
            let rule = Rule::new(fault).on(method, at).times(1);
            env.github.faults().add(rule.clone());
            env.n8n.faults().add(rule);
            until_it_hangs(&hand, id, &gate).await;
            env.github.faults().clear();
            env.n8n.faults().clear();
            gate.open();
            done(&hand.to_its_end(id).await);
            ended_well(&hand, &ids).await;
        }
    }
}

#[tokio::test]
async fn struck_by_what_passes_it_ends_well_by_itself() {
    let app = TestApp::new().await;
    for fault in [
        Fault::Reset,
        Fault::ResetAfter,
        Fault::status(500),
        Fault::status_after(500),
        Fault::too_many_requests(2),
        Fault::CutBody(2),
    ] {
        for (method, at) in WRITES {
            let (env, ids) = agreeing(&app, &["A", "B", "C"]).await;
            let (hand, id) = begun(&app, &env, &ids).await;
            let rule = Rule::new(fault.clone()).on(method, at).times(1);
            env.github.faults().add(rule.clone());
            env.n8n.faults().add(rule);
            done(&hand.to_its_end(id).await);
            ended_well(&hand, &ids).await;
        }
    }
}

#[tokio::test]
async fn refused_it_fails_with_a_reason_and_a_retry_ends_well() {
    let app = TestApp::new().await;
    for status in [401, 403, 404, 409, 422] {
        for (method, at) in WRITES {
            let (env, ids) = agreeing(&app, &["A", "B", "C"]).await;
            let (hand, id) = begun(&app, &env, &ids).await;
            let rule = Rule::new(Fault::status(status)).on(method, at);
            env.github.faults().add(rule.clone());
            env.n8n.faults().add(rule);
            let page = hand.to_its_end(id).await;
            env.github.faults().clear();
            env.n8n.faults().clear();
            if page.row.state == ReconciliationState::Failed {
                let why = failed(&page);
                assert!(why.len() > 20, "{status} {method} {at}: {why}");
                hand.try_again(id).await.unwrap();
                done(&hand.to_its_end(id).await);
            }
            ended_well(&hand, &ids).await;
        }
    }
}

#[tokio::test]
async fn a_check_in_the_middle_of_a_write_sees_no_drift_of_its_own() {
    let app = TestApp::new().await;
    let (env, ids) = agreeing(&app, &["A", "B", "C"]).await;
    let (hand, id) = begun(&app, &env, &ids).await;
    let gate = Gate::new();
    let rule = Rule::new(Fault::Held(gate.clone())).on("POST", "/api/v1/workflows/*/publish").times(1);
    env.n8n.faults().add(rule);
    until_it_hangs(&hand, id, &gate).await;
    env.n8n.faults().clear();
    gate.open();
    let before: Vec<_> = hand.page().await.changes.into_iter().map(|c| (c.row.id, c.row.state)).collect();
    env.check().await;
    let after: Vec<_> = hand.page().await.changes.into_iter().map(|c| (c.row.id, c.row.state)).collect();
    assert_eq!(after, before, "n8n holds half of what is being written");
    done(&hand.to_its_end(id).await);
    ended_well(&hand, &ids).await;
}

#[tokio::test]
async fn n8n_down_is_waited_for_and_then_said() {
    let app = TestApp::new().await;
    let (env, ids) = agreeing(&app, &["A", "B", "C"]).await;
    let (hand, id) = begun(&app, &env, &ids).await;
    env.n8n.stop().await;
    assert!(matches!(hand.turn(id).await, Next::Again { .. }));
    let waits = hand.reconciliation(id).await.row.waits_for.unwrap();
    assert!(waits.contains("n8n"), "{waits}");
    let why = failed(&hand.to_its_end(id).await);
    assert!(why.contains("It was tried"), "{why}");
    env.n8n.restart().await.unwrap();
    hand.try_again(id).await.unwrap();
    done(&hand.to_its_end(id).await);
    ended_well(&hand, &ids).await;
}
