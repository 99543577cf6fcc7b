//! Detection: what a person does in the editor is seen, and nothing else is.

use drift_domain::change::{ChangeType, Origin, VanishedCause};
use drift_domain::check::CheckOutcome;
use drift_domain::environment::Badge;
use drift_testkit::app::workflow;
use serde_json::json;

use crate::bench::Bench;
use crate::person::Person;

#[tokio::test]
async fn an_edit_a_drag_a_description_and_the_way_back() {
    let Some((n8n, _alone)) = Person::named("an_edit_a_drag_a_description_and_the_way_back").await else { return };
    let bench = Bench::new(&n8n).await;
    let mut new = workflow("Drift on a real n8n");
    new["nodes"][1].as_object_mut().unwrap().remove("credentials");
    let id = n8n.create(&new).await;
    bench.commit(&id, &n8n.get(&id).await).await;
    bench.check().await;
    assert!(bench.change(&id).await.is_none(), "what n8n answers agrees with itself");

    n8n.edit(&id, |w| w["nodes"][1]["position"] = json!([900, 900])).await;
    bench.check().await;
    assert!(bench.change(&id).await.is_none(), "a drag is no drift");

    n8n.edit(&id, |w| w["nodes"][1]["parameters"]["url"] = json!("https://crm.example.com/v2")).await;
    assert_eq!(bench.check().await, CheckOutcome::Drift);
    assert_eq!(bench.badge().await, Badge::DriftDetected);
    let change = bench.change(&id).await.expect("the edit is seen");
    assert_eq!((change.change_type, change.origin), (ChangeType::Modified, Origin::Hotfix));
    let diff = bench.diff(&change).await;
    let [entry] = diff.entries.as_slice() else { panic!("exactly the edit: {:#?}", diff.entries) };
    assert_eq!(
        (entry.node.as_deref(), entry.path.as_slice()),
        (Some("Look up customer"), ["parameters", "url"].map(String::from).as_slice())
    );
    assert_eq!(entry.live.as_deref(), Some("https://crm.example.com/v2"));

    bench.commit(&id, &n8n.get(&id).await).await;
    bench.check().await;
    let vanished = bench.change(&id).await.and_then(|c| c.vanished).expect("it waits for a person");
    assert_eq!(vanished.cause, VanishedCause::GitCaughtUp);

    // Version 1's API takes no description.
    if n8n.get(&id).await.get("nodeGroups").is_some() {
        n8n.edit(&id, |w| w["description"] = json!("Who to call at night")).await;
        bench.check().await;
        // The edit that vanished waits for a person still: this is another change.
        let there = bench.changes().await.into_iter().find(|c| c.live_id.as_ref() == Some(&id) && c.vanished.is_none());
        let change = there.expect("a description is content");
        assert_eq!(bench.diff(&change).await.entries[0].path, ["description"]);
    }
    n8n.delete(&id).await;
}
