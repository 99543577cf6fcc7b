//! The whole story of an incident: one hotfix is promoted, one reverted, one replaced, one vanishes and is put back, one
//! workflow was deleted and is created anew, one that Git never had is archived; closed by proof.

use drift_domain::change::{ChangeState, DecisionKind, VanishedCause};
use drift_domain::check::CheckOutcome;
use drift_domain::environment::Badge;
use drift_domain::incident::{ArtifactState, IncidentStatus};
use drift_services::incidents::receipt::{Portable, verify};
use drift_testkit::app::workflow;
use serde_json::{Value, json};

use crate::bench::{Bench, Hand};
use crate::person::Person;

const NAMES: [&str; 5] = ["Promoted", "Reverted", "Replaced", "Vanished", "Deleted"];
const CREDENTIAL: &str = "CRM of the story";

/// A workflow of the story: tagged, in service, with a credential and with something that only n8n keeps.
async fn made(n8n: &Person, name: &str, credential: &str) -> String {
    let mut new = workflow(name);
    new["nodes"][1]["credentials"]["httpHeaderAuth"] = json!({ "id": credential, "name": CREDENTIAL });
    // An address is one workflow's alone, and an earlier run that was cut off may have left its own.
    new["nodes"][0]["parameters"]["path"] = json!(format!("{name}-{credential}"));
    new["nodes"][0]["webhookId"] = json!(format!("{name}-{credential}"));
    new["staticData"] = json!({ "global": { "cursor": name } });
    let id = n8n.create(&new).await;
    n8n.tag(&id, &["of the story"]).await;
    n8n.publish(&id).await;
    id
}

fn node<'a>(workflow: &'a mut Value, name: &str) -> &'a mut Value {
    let nodes = workflow["nodes"].as_array_mut().expect("nodes");
    nodes.iter_mut().find(|node| node["name"] == name).expect("the node is there")
}

/// What a night's hand writes into the code node.
async fn hotfix(n8n: &Person, id: &str, code: &str) {
    n8n.edit(id, |workflow| node(workflow, "Total")["parameters"]["jsCode"] = json!(code)).await;
}

fn code(workflow: &Value) -> String {
    node(&mut workflow.clone(), "Total")["parameters"]["jsCode"].as_str().expect("code").to_owned()
}

#[tokio::test]
async fn promoted_reverted_replaced_restored_created_archived_and_closed_by_proof() {
    let test = "promoted_reverted_replaced_restored_created_archived_and_closed_by_proof";
    let Some((n8n, _alone)) = Person::named(test).await else { return };
    let bench = Bench::new(&n8n).await;
    // Whatever is in this n8n besides is declared, and so is no drift.
    let others = n8n.all().await;
    for other in &others {
        let id = other["id"].as_str().expect("an id");
        bench.commit(id, &n8n.get(id).await).await;
    }
    let credential = n8n.credential(CREDENTIAL).await;
    let mut ids = Vec::new();
    for name in NAMES {
        let id = made(&n8n, name, &credential).await;
        bench.commit(&id, &n8n.get(&id).await).await;
        ids.push(id);
    }
    let [promoted, reverted, replaced, vanished, deleted] = ids.as_slice() else { panic!("five workflows") };
    assert_eq!(bench.check().await, CheckOutcome::InSync, "{:#?}", bench.changes().await);
    let original = code(&bench.file(vanished).await);

    // The night.
    hotfix(&n8n, promoted, "return ['promoted'];").await;
    hotfix(&n8n, reverted, "return ['reverted'];").await;
    n8n.unpublish(reverted).await;
    n8n.tag(reverted, &[]).await;
    hotfix(&n8n, replaced, "return ['replaced'];").await;
    hotfix(&n8n, vanished, "return ['vanished'];").await;
    n8n.unpublish(deleted).await;
    n8n.remove(deleted).await;
    let is_2x = n8n.get(promoted).await.get("nodeGroups").is_some();
    let extra = if is_2x { Some(n8n.create(&bare("Extra")).await) } else { None };
    assert_eq!(bench.check().await, CheckOutcome::Drift);
    let hand = Hand::open(&bench).await;
    assert_eq!(bench.badge().await, Badge::IncidentActive);
    assert_eq!(hand.page().await.changes.len(), if is_2x { 6 } else { 5 });

    // One hotfix vanishes, is offered what happened, and is put back out of what was kept.
    hotfix(&n8n, vanished, &original).await;
    bench.check().await;
    let change = hand.change("Vanished").await;
    assert_eq!(change.row.state, ChangeState::Vanished);
    assert_eq!(change.row.vanished.expect("what happened").cause, VanishedCause::LiveWentBack);
    hand.put_back(change.row.id).await;
    assert_eq!(code(&n8n.get(vanished).await), "return ['vanished'];");
    bench.check().await;
    assert_eq!(hand.change("Vanished").await.row.id, change.row.id, "the same change is back");

    // Everything else is decided, and carried out as it was shown.
    let mut fixed = bench.file(replaced).await;
    node(&mut fixed, "Total")["parameters"]["jsCode"] = json!("return items.slice(0, 1);");
    let commit = bench.commit(replaced, &fixed).await;
    bench.check().await;
    hand.decide("Promoted", DecisionKind::Promote, None).await;
    hand.decide("Vanished", DecisionKind::Promote, None).await;
    hand.decide("Reverted", DecisionKind::Revert, None).await;
    hand.decide("Deleted", DecisionKind::Revert, None).await;
    hand.decide("Replaced", DecisionKind::Replace, Some(commit)).await;
    if extra.is_some() {
        hand.decide("Extra", DecisionKind::Revert, None).await;
    }
    hand.carry_out().await;
    hotfix(&n8n, replaced, "return items.slice(0, 1);").await;

    // Both sides hold what was decided, and what is n8n's alone.
    assert_eq!(code(&bench.file(promoted).await), "return ['promoted'];");
    assert_eq!(code(&bench.file(vanished).await), "return ['vanished'];");
    let back = n8n.get(reverted).await;
    assert_eq!(code(&back), original);
    assert_eq!(back["active"], true, "in service again");
    assert_eq!(back["tags"][0]["name"], "of the story");
    assert_eq!(back["staticData"]["global"]["cursor"], "Reverted", "what only n8n has is kept");
    assert_eq!(node(&mut back.clone(), "Look up customer")["credentials"]["httpHeaderAuth"]["id"], json!(credential));
    let is_new = |workflow: &Value| others.iter().all(|other| other["id"] != workflow["id"]);
    let mut anew = n8n.all().await;
    anew.retain(|workflow| workflow["name"] == "Deleted" && is_new(workflow));
    let [anew] = anew.as_slice() else { panic!("created once: {anew:#?}") };
    assert_eq!(anew["active"], true);
    if let Some(extra) = &extra {
        assert_eq!(n8n.get(extra).await["isArchived"], true, "put away, not deleted");
    }

    let closed = hand.close().await;
    assert_eq!(closed.row.status, IncidentStatus::Closed, "{:?}", closed.closing);
    // What was superseded on the way is carried by what came after it.
    let ended: Vec<_> = closed.changes.iter().filter(|change| change.row.state == ChangeState::Decided).collect();
    assert_eq!(ended.len(), if is_2x { 6 } else { 5 }, "{:#?}", closed.changes);
    for change in ended {
        let newest = change.artifacts.first().expect("each was carried out");
        assert_eq!(newest.state, ArtifactState::Success, "{}: {:?}", change.row.workflow, newest.error);
    }
    let receipt = closed.receipt.expect("a receipt");
    let (document, digest) = (receipt.document, receipt.digest);
    let portable = Portable { document, digest, signature: receipt.signature, public_key: receipt.public_key };
    verify(&portable, None).expect("it verifies by itself");
    assert_eq!(bench.badge().await, Badge::InSync);

    let anew = anew["id"].as_str().expect("an id").to_owned();
    for id in ids.iter().chain(extra.as_ref()).chain([&anew]) {
        n8n.delete(id).await;
    }
    n8n.delete_credential(&credential).await;
}

/// A workflow without a credential.
fn bare(name: &str) -> Value {
    let mut new = workflow(name);
    new["nodes"][1].as_object_mut().expect("a node").remove("credentials");
    new
}
