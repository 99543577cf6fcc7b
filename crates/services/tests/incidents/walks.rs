use drift_domain::change::DecisionKind;
use drift_domain::incident::IncidentStatus;
use drift_domain::plan::PlanTier;
use drift_services::ServiceError;
use drift_testkit::TestApp;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::common::{Hand, drifted, hotfix};

/// What somebody, or the world, does.
#[derive(Clone, Copy, Debug)]
enum Move {
    Acknowledge,
    Stabilize,
    Decide(DecisionKind),
    TakeOver,
    Hotfix,
    Check,
    Reconcile,
    Close,
    ClosingCheck,
    LongPause,
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let one = prop_oneof![
        3 => Just(Move::Acknowledge),
        3 => Just(Move::Stabilize),
        4 => Just(Move::Decide(DecisionKind::Promote)),
        1 => Just(Move::Decide(DecisionKind::Revert)),
        1 => Just(Move::Decide(DecisionKind::Replace)),
        4 => Just(Move::TakeOver),
        1 => Just(Move::Hotfix),
        4 => Just(Move::Check),
        4 => Just(Move::Reconcile),
        3 => Just(Move::Close),
        3 => Just(Move::ClosingCheck),
        1 => Just(Move::LongPause),
    ];
    proptest::collection::vec(one, 10..30)
}

/// Takes one move. Whatever is refused is refused in words, never by a fault.
async fn take(hand: &Hand<'_>, live: &str, step: Move, turn: usize) {
    let answer: Result<(), ServiceError> = match step {
        Move::Acknowledge => hand.acknowledge().await.map(drop),
        Move::Stabilize => hand.stabilize().await.map(drop),
        Move::Decide(kind) => hand.decide(None, kind).await.map(drop),
        Move::TakeOver => {
            hand.env.deploy_to_git(live, "Take over").await;
            Ok(())
        }
        Move::Hotfix => {
            hotfix(hand.env, live, &format!("return {turn};"));
            Ok(())
        }
        Move::Check => {
            hand.env.check().await;
            Ok(())
        }
        Move::Reconcile => hand.reconcile().await.map(drop),
        Move::Close => hand.close().await,
        Move::ClosingCheck => {
            hand.env.closing_check().await;
            Ok(())
        }
        Move::LongPause => {
            hand.app.clock.advance(chrono::TimeDelta::minutes(20));
            Ok(())
        }
    };
    if let Err(error) = answer {
        assert!(!matches!(error, ServiceError::Unavailable(_)), "{step:?}: {error:?}");
    }
}

/// The path of an incident through its statuses is the one that the lifecycle has, whatever is done in whatever order: the
/// database's own constraints are behind each statement, and one that refuses would be a fault.
async fn walk(plan: PlanTier, steps: Vec<Move>) {
    let app = TestApp::new().await;
    let (env, live) = drifted(&app, plan).await;
    let hand = Hand { app: &app, env: &env, id: env.incident().await };
    let mut before = IncidentStatus::Detected;
    for (turn, step) in steps.into_iter().enumerate() {
        take(&hand, &live, step, turn).await;
        let page = hand.page().await;
        let now = page.row.status;
        let order: Vec<_> = page.steps.iter().map(|step| step.status).collect();
        let place = |status| order.iter().position(|s| *s == status).expect("a step of this lifecycle");
        let (from, to) = (place(before), place(now));
        let forward = to == from || to == from + 1;
        let regressed = before == IncidentStatus::Reconciled && to + 1 == from;
        assert!(forward || regressed, "{step:?} took it from {before} to {now}");
        for view in &page.steps {
            assert_eq!(view.at.is_some(), place(view.status) <= to, "{now} and {:?}", view);
        }
        assert_eq!(page.receipt.is_some(), now == IncidentStatus::Closed);
        assert!(now != IncidentStatus::Closed || page.row.open_changes == 0);
        before = now;
    }
}

#[test]
fn status_and_times_agree_whatever_is_done() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let config = Config { cases: 12, max_shrink_iters: 0, failure_persistence: None, ..Config::default() };
    let plans = prop_oneof![Just(PlanTier::Pro), Just(PlanTier::Agency)];
    let walked = TestRunner::new(config).run(&(plans, moves()), |(plan, steps)| {
        runtime.block_on(walk(plan, steps));
        Ok(())
    });
    walked.unwrap();
}
