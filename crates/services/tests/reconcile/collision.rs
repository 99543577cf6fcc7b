use std::collections::HashMap;

use drift_domain::change::{DecisionKind, Origin};
use drift_domain::views::MergeSide;
use drift_services::reconcile::Picks;
use drift_testkit::TestApp;
use drift_testkit::app::path;
use serde_json::json;

use crate::common::{Hand, agreeing, code, done, file, hotfix};

#[tokio::test]
async fn two_sides_that_touched_different_nodes_are_merged_and_both_get_it() {
    let app = TestApp::new().await;
    let (env, ids) = agreeing(&app, &["Orders"]).await;
    hotfix(&env, &ids[0], "return [];");
    let mut other = file(&env, &path(&ids[0])).await.unwrap();
    other["nodes"][1]["parameters"]["url"] = json!("https://crm.example.com/v2/customers");
    env.commit(&path(&ids[0]), &other, "The new CRM").await;
    env.check().await;
    let hand = Hand::open(&app, &env).await;
    let change = hand.change("Orders").await;
    assert_eq!(change.row.origin, Origin::Collision);
    hand.decide(change.row.id, DecisionKind::Promote).await;
    done(&hand.carry_out().await);
    for side in [file(&env, &path(&ids[0])).await.unwrap(), env.n8n.workflow(&ids[0]).unwrap()] {
        assert_eq!(code(&side), "return [];");
        let url = side["nodes"].as_array().unwrap().iter().find(|node| node["name"] == "Look up customer").unwrap();
        assert_eq!(url["parameters"]["url"], "https://crm.example.com/v2/customers");
    }
    hand.close().await;
}

#[tokio::test]
async fn where_both_touched_the_same_node_a_person_picks() {
    let app = TestApp::new().await;
    for side in [MergeSide::Live, MergeSide::Desired] {
        let (env, ids) = agreeing(&app, &["Orders"]).await;
        hotfix(&env, &ids[0], "return ['n8n'];");
        let mut other = file(&env, &path(&ids[0])).await.unwrap();
        other["nodes"][2]["parameters"]["jsCode"] = json!("return ['Git'];");
        other["settings"]["timezone"] = json!("Europe/Berlin");
        env.commit(&path(&ids[0]), &other, "Another idea").await;
        env.check().await;
        let hand = Hand::open(&app, &env).await;
        let change = hand.change("Orders").await.row.id;
        hand.decide(change, DecisionKind::Promote).await;
        let open = hand.plan().await;
        let page = hand.reconciliation(open).await;
        let [conflict] = page.items[0].conflicts.as_slice() else { panic!("{:#?}", page.items[0].conflicts) };
        assert!(conflict.title.contains("Total"), "{}", conflict.title);
        assert!(hand.begin(open).await.is_err(), "nobody has picked");

        let picks = Picks::from([(conflict.key.clone(), side)]);
        let id = hand.plan_with(HashMap::from([(change, picks.clone())])).await;
        assert_eq!(hand.reconciliation(id).await.items[0].picks, picks, "a plan keeps what was picked");
        let anew = hand.reconciliation(hand.plan().await).await;
        assert_eq!(anew.items[0].picks, picks, "what was picked before is offered again");
        assert_eq!(anew.items[0].conflicts.len(), 1, "and not taken");
        hand.begin(id).await.unwrap();
        done(&hand.to_its_end(id).await);
        let expected = if side == MergeSide::Live { "return ['n8n'];" } else { "return ['Git'];" };
        assert_eq!(code(&file(&env, &path(&ids[0])).await.unwrap()), expected);
        let live = env.n8n.workflow(&ids[0]).unwrap();
        assert_eq!((code(&live), live["settings"]["timezone"].as_str()), (expected, Some("Europe/Berlin")));
        hand.close().await;
    }
}
