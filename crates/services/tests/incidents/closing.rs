use drift_domain::check::CheckOutcome;
use drift_domain::environment::{Badge, DriftStatus};
use drift_domain::incident::{ClosingState, IncidentStatus};
use drift_domain::plan::PlanTier;
use drift_domain::views::ClosingView;
use drift_services::incidents::receipt::{Portable, ReceiptError, verify};
use drift_sim::faults::{Fault, Rule};
use drift_testkit::{TestApp, TestEnvironment};
use serde_json::json;

use crate::common::{Hand, conflict, drifted, hotfix, refused_by_database};

async fn closing(app: &TestApp, env: &TestEnvironment<'_>, hand: &Hand<'_>) -> ClosingView {
    app.services.closing(&env.incident_permit(hand.id).await, hand.id).await.unwrap().expect("somebody asked")
}

#[tokio::test]
async fn an_incident_closes_by_a_check_of_its_own_and_leaves_its_proof() {
    let app = TestApp::new().await;
    let (env, live) = drifted(&app, PlanTier::Agency).await;
    let hand = Hand { app: &app, env: &env, id: env.incident().await };
    hand.to_reconciled(&live).await;
    hand.close().await.unwrap();
    assert_eq!(closing(&app, &env, &hand).await.state, ClosingState::Checking);
    env.check().await;
    assert_eq!(hand.status().await, IncidentStatus::Reconciled, "a check that the schedule began closes nothing");
    assert_eq!(env.closing_check().await, CheckOutcome::InSync);

    let page = hand.page().await;
    assert_eq!(page.row.status, IncidentStatus::Closed);
    assert_eq!(closing(&app, &env, &hand).await.state, ClosingState::Closed);
    assert_eq!(env.page().await.row.status, DriftStatus::InSync);
    assert_eq!(page.timeline.last().unwrap().by.as_ref().unwrap().id, env.caller.user_id);

    let receipt = page.receipt.unwrap();
    let document = &receipt.document;
    assert_eq!(document["check"]["differing"], 0);
    assert_eq!(document["check"]["commit"], json!(receipt.git_commit));
    assert_eq!(document["incident"]["number"], 1);
    let [change] = document["changes"].as_array().unwrap().as_slice() else { panic!("{document:#}") };
    assert_eq!(
        (&change["decision"]["type"], &change["artifacts"][0]["status"]),
        (&json!("PROMOTE"), &json!("SUCCESS"))
    );
    assert!(receipt.checked.0 <= receipt.checked.1);

    let portable: Portable = serde_json::from_value(serde_json::to_value(&receipt).unwrap()).unwrap();
    verify(&portable, Some(&receipt.public_key)).unwrap();
    let written: Portable = serde_json::from_str(&serde_json::to_string_pretty(&portable).unwrap()).unwrap();
    verify(&written, None).unwrap();
    let mut altered = portable.clone();
    altered.document["changes"][0]["decision"]["reason"] = json!("Somebody else's idea");
    assert!(matches!(verify(&altered, None), Err(ReceiptError::Altered { .. })));
    let forged = Portable { signature: "00".repeat(64), ..portable.clone() };
    assert!(matches!(verify(&forged, None), Err(ReceiptError::Signature)));
    assert!(matches!(verify(&portable, Some(&"ab".repeat(32))), Err(ReceiptError::OtherKey { .. })));
}

#[tokio::test]
async fn closed_is_final_and_the_receipt_is_kept() {
    let app = TestApp::new().await;
    let (env, live) = drifted(&app, PlanTier::Pro).await;
    let hand = Hand { app: &app, env: &env, id: env.incident().await };
    hand.to_reconciled(&live).await;
    let early = "UPDATE drift_incidents SET status = 'CLOSED', closed_at = reconciled_at";
    assert_eq!(refused_by_database(&app, early).await, "drift_incidents_close_by_proof");
    hand.close().await.unwrap();
    env.closing_check().await;
    for (statement, constraint) in [
        ("UPDATE drift_incidents SET status = 'RECONCILED', closed_at = NULL", "drift_incidents_closed_is_final"),
        ("UPDATE drift_incidents SET reason = 'Another'", "drift_incidents_closed_is_final"),
        ("DELETE FROM drift_incidents", "drift_incidents_are_kept"),
        ("UPDATE closure_receipts SET document = '{}'", "closure_receipts_are_kept"),
        ("DELETE FROM closure_receipts", "closure_receipts_are_kept"),
        ("TRUNCATE closure_receipts", "closure_receipts_are_kept"),
        (
            "UPDATE drift_reconciliation_artifacts SET status = 'PENDING', finished_at = NULL, verified_by = NULL",
            "drift_reconciliation_artifacts_keep_their_outcome",
        ),
    ] {
        assert_eq!(refused_by_database(&app, statement).await, constraint, "{statement}");
    }
    // The same workflow drifting again is a new incident.
    hotfix(&env, &live, "return 'again';");
    env.check().await;
    let next = env.incident().await;
    assert_ne!(next, hand.id);
    assert_eq!(hand.status().await, IncidentStatus::Closed);
    // What was learned afterwards may still be written down.
    let permit = env.incident_permit(hand.id).await;
    app.services.comment(&permit, hand.id, "It was the cache".to_owned()).await.unwrap();
}

#[tokio::test]
async fn with_one_difference_left_a_closing_is_refused_and_says_which() {
    let app = TestApp::new().await;
    let (env, live) = drifted(&app, PlanTier::Agency).await;
    let hand = Hand { app: &app, env: &env, id: env.incident().await };
    hand.to_reconciled(&live).await;
    hand.close().await.unwrap();
    hotfix(&env, &live, "return 'one more';");
    assert_eq!(env.closing_check().await, CheckOutcome::Drift);
    let refused = closing(&app, &env, &hand).await;
    assert_eq!(refused.state, ClosingState::Refused);
    let words = refused.refused.unwrap();
    assert!(words.contains("still differ") && words.contains("“Orders”"), "{words}");
    let page = hand.page().await;
    assert_eq!(page.row.status, IncidentStatus::Stabilized, "the new drift took it back");
    assert!(page.receipt.is_none());
    assert_eq!(env.page().await.row.badge, Badge::IncidentActive);
    assert!(page.timeline.last().unwrap().text.contains("refused"));
}

#[tokio::test]
async fn with_a_decision_missing_a_closing_is_refused_and_says_whose() {
    let app = TestApp::new().await;
    let (env, live) = drifted(&app, PlanTier::Pro).await;
    let hand = Hand { app: &app, env: &env, id: env.incident().await };
    hand.acknowledge().await.unwrap();
    let words = conflict(hand.close().await);
    assert!(words.contains("“Orders” still differs, and no path is chosen"), "{words}");

    hand.promote_by_hand(&live).await;
    hand.reconcile().await.unwrap();
    hand.close().await.unwrap();
    // Drift comes and goes before the closing's check, and nobody says what became of it.
    hotfix(&env, &live, "return 'a moment';");
    env.check().await;
    env.deploy_to_git(&live, "And it is gone").await;
    assert_eq!(env.closing_check().await, CheckOutcome::InSync);
    let refused = closing(&app, &env, &hand).await;
    let words = refused.refused.unwrap();
    assert!(words.contains("Not everything is decided") && words.contains("nobody has confirmed"), "{words}");
    assert_eq!(hand.status().await, IncidentStatus::Acknowledged);
}

#[tokio::test]
async fn with_n8n_or_git_unreachable_a_closing_is_refused_and_nothing_changes() {
    let app = TestApp::new().await;
    let (env, live) = drifted(&app, PlanTier::Agency).await;
    let hand = Hand { app: &app, env: &env, id: env.incident().await };
    hand.to_reconciled(&live).await;
    for (side, name) in [(true, "n8n"), (false, "Git")] {
        env.check().await;
        hand.close().await.unwrap();
        if side {
            env.n8n.faults().add(Rule::new(Fault::status(503)));
        } else {
            env.github.faults().add(Rule::new(Fault::status(503)));
        }
        assert_eq!(env.closing_check().await, CheckOutcome::Failed);
        let refused = closing(&app, &env, &hand).await;
        assert_eq!(refused.state, ClosingState::Refused);
        let words = refused.refused.unwrap();
        assert!(words.starts_with(&format!("{name} could not be read")), "{words}");
        assert_eq!(hand.status().await, IncidentStatus::Reconciled, "nothing changed");
        env.n8n.faults().clear();
        env.github.faults().clear();
    }
    hand.close().await.unwrap();
    env.closing_check().await;
    assert_eq!(hand.status().await, IncidentStatus::Closed, "once both answer again, it closes");
}

#[tokio::test]
async fn a_closing_whose_check_was_lost_can_be_asked_for_again() {
    let app = TestApp::new().await;
    let (env, live) = drifted(&app, PlanTier::Pro).await;
    let hand = Hand { app: &app, env: &env, id: env.incident().await };
    hand.to_reconciled(&live).await;
    hand.close().await.unwrap();
    let words = conflict(hand.close().await);
    assert!(words.contains("A OWNER asked"), "{words}");
    app.clock.advance(chrono::TimeDelta::minutes(20));
    hand.close().await.unwrap();
    assert!(hand.page().await.timeline.iter().any(|entry| entry.text.contains("was lost")));
    env.closing_check().await;
    assert_eq!(hand.status().await, IncidentStatus::Closed);
}
