//! Reconciliations as a browser without scripts uses them: look, carry out, cancel, put back; and what comes too late.

mod browser;

use axum::http::StatusCode;
use browser::Browser;
use chrono::TimeDelta;
use drift_domain::ids::ReconciliationId;
use drift_domain::plan::PlanTier;
use drift_domain::role::Role;
use drift_services::reconcile::Next;
use drift_testkit::app::{path, workflow};
use drift_testkit::{TestApp, TestEnvironment};
use serde_json::json;

/// An owner at a browser, an environment with a hotfix of one workflow, and the address of its incident.
async fn hotfix(app: &TestApp) -> (Browser, TestEnvironment<'_>, String, String) {
    let owner = Browser::of_new(app, PlanTier::Agency, Role::Owner).await;
    let env = app.environment(owner.caller(), "Production").await;
    let id = env.agreed(&workflow("Orders")).await;
    env.check().await;
    env.edit(&id, "Total", |node| node["parameters"]["jsCode"] = json!("return ['n8n'];"));
    env.check().await;
    let incident = format!("/incidents/{}", env.incident().await);
    (owner, env, id, incident)
}

/// The version that the first form of a page carries.
fn version(html: &str) -> String {
    let rest = html.split("name=\"version\" value=\"").nth(1).expect("a form with the version");
    rest.split('"').next().unwrap().to_owned()
}

/// Takes the incident on and chooses to promote.
async fn decided(owner: &mut Browser, incident: &str, change: &str) {
    for (form, fields) in [
        ("acknowledge", vec![("reason", "on it")]),
        ("stabilize", vec![("note", "calm")]),
        ("decisions", vec![("change", change), ("kind", "PROMOTE"), ("reason", "it is right")]),
    ] {
        let seen = version(&owner.get(incident).await.html);
        let fields: Vec<_> = fields.into_iter().chain([("version", seen.as_str())]).collect();
        owner.post(&format!("{incident}/{form}"), &fields).await;
    }
}

/// The worker's turns, to the end.
async fn to_its_end(app: &TestApp, address: &str) {
    let id: ReconciliationId = address.rsplit('/').next().unwrap().parse().unwrap();
    for _ in 0..40 {
        match app.services.run_reconciliation(id).await.unwrap() {
            Next::Ended => return,
            Next::Again { seconds } => {
                app.clock.advance(TimeDelta::seconds(i64::try_from(seconds).unwrap().max(1)));
            }
        }
    }
    panic!("it goes on without end");
}

#[tokio::test]
async fn a_path_is_looked_at_and_carried_out_by_forms_alone() {
    let app = TestApp::new().await;
    let (mut owner, env, _, incident) = hotfix(&app).await;
    let change = env.change().await.id.to_string();
    let early = owner.get(&incident).await.html;
    assert!(early.contains("no path waits for it") && !early.contains("Show what would be written"));
    decided(&mut owner, &incident, &change).await;
    let ready = owner.get(&incident).await.html;
    assert!(ready.contains("1 path is ready") && ready.contains("Have it carried out"));

    let form = format!("{incident}/reconciliations");
    let late = owner.post(&form, &[("version", "1")]).await;
    assert_eq!(late.location, incident);
    assert!(owner.get(&incident).await.html.contains("changed since you looked at it"));
    let plan = owner.post(&form, &[("version", &version(&ready))]).await.location;
    assert!(plan.starts_with(&format!("{form}/")), "{plan}");
    let planned = owner.get(&plan).await.html;
    for part in ["data-reconciliation=\"PLANNED\"", "Nothing is written yet", "data-write=\"GIT\"", "Git afterwards"] {
        assert!(planned.contains(part), "{part}");
    }

    let mut viewer = Browser::of(&app, owner.caller().organization_id, Role::Viewer).await;
    let seen = viewer.get(&plan).await;
    assert_eq!(seen.status, StatusCode::OK);
    assert!(!seen.html.contains("method=\"post\" action=\"/incidents"), "a viewer is offered nothing");
    let seen = version(&planned);
    assert_eq!(viewer.post(&format!("{plan}/carry-out"), &[("version", &seen)]).await.status, StatusCode::FORBIDDEN);
    let mut stranger = Browser::of_new(&app, PlanTier::Agency, Role::Owner).await;
    assert_eq!(stranger.get(&plan).await.status, StatusCode::NOT_FOUND);
    let id = plan.rsplit('/').next().unwrap();
    let elsewhere = format!("/incidents/00000000-0000-7000-8000-000000000000/reconciliations/{id}");
    assert_eq!(owner.get(&elsewhere).await.status, StatusCode::NOT_FOUND, "only below its own incident");

    let begun = owner.post(&format!("{plan}/carry-out"), &[("version", &seen)]).await;
    assert_eq!(begun.location, plan);
    let pending = owner.get(&plan).await.html;
    assert!(pending.contains("data-reconciliation=\"PENDING\"") && pending.contains(&format!("{plan}/cancel")));
    to_its_end(&app, &plan).await;
    let done = owner.get(&plan).await.html;
    assert!(done.contains("data-reconciliation=\"DONE\"") && !done.to_lowercase().contains("pull request"));
    let now = version(&owner.get(&incident).await.html);
    owner.post(&format!("{plan}/carry-out"), &[("version", &now)]).await;
    assert!(owner.get(&plan).await.html.contains("data-said=\"bad\""), "once is enough");
    let told = owner.get(&incident).await.html;
    assert!(told.contains("WorkflowOps carried it out.") && told.contains(&format!("href=\"{plan}\"")));
}

#[tokio::test]
async fn a_collision_is_picked_and_what_was_picked_survives_a_side_that_cannot_be_read() {
    let app = TestApp::new().await;
    let (mut owner, env, id, incident) = hotfix(&app).await;
    let mut file: serde_json::Value =
        serde_json::from_slice(&env.repo.read("main", &path(&id)).await.unwrap().unwrap()).unwrap();
    file["nodes"][2]["parameters"]["jsCode"] = json!("return ['Git'];");
    env.commit(&path(&id), &file, "Another idea").await;
    env.check().await;
    let change = env.change().await.id.to_string();
    decided(&mut owner, &incident, &change).await;
    let form = format!("{incident}/reconciliations");
    let seen = version(&owner.get(&incident).await.html);
    let plan = owner.post(&form, &[("version", &seen)]).await.location;
    let open = owner.get(&plan).await.html;
    assert!(open.contains("data-form=\"picks\"") && !open.contains("Carry it out</button>"));
    let name = open.split("name=\"pick-").nth(1).and_then(|rest| rest.split('"').next()).expect("a pick");
    let name = format!("pick-{name}").replace("&quot;", "\"").replace("&amp;", "&").replace("&#x27;", "'");

    env.n8n.stop().await;
    let picks = [("version", seen.as_str()), ("change", change.as_str()), (name.as_str(), "desired")];
    let back = owner.post(&form, &picks).await;
    assert_eq!(back.location, plan, "back to where it was picked");
    let kept = owner.get(&plan).await.html;
    assert!(kept.contains("cannot be worked out now") && kept.matches(" checked").count() == 1, "and it is kept");
}

#[tokio::test]
async fn a_side_is_put_back_from_the_change() {
    let app = TestApp::new().await;
    let (mut owner, env, id, incident) = hotfix(&app).await;
    let change = env.change().await.id;
    let on_incident = format!("{incident}/changes/{change}");
    let html = owner.get(&on_incident).await.html;
    assert!(html.contains(&format!("action=\"{on_incident}/restore\"")));
    let in_workspace = format!("/environments/{}/drift/changes/{change}", env.id);
    assert!(owner.get(&in_workspace).await.html.contains(&format!("action=\"{in_workspace}/restore\"")));
    let plan = owner.post(&format!("{in_workspace}/restore"), &[("side", "DESIRED"), ("target", "N8N")]).await.location;
    assert!(plan.starts_with(&format!("{incident}/reconciliations/")), "it is part of the open incident: {plan}");
    let planned = owner.get(&plan).await.html;
    assert!(planned.contains("It decides nothing about the change.") && planned.contains("n8n afterwards"));
    owner.post(&format!("{plan}/carry-out"), &[("version", &version(&planned))]).await;
    to_its_end(&app, &plan).await;
    assert!(owner.get(&plan).await.html.contains("data-reconciliation=\"DONE\""));
    let live = env.n8n.workflow(&id).unwrap();
    assert!(live["nodes"].to_string().contains("let total = 0;"), "Git's side runs again");

    let nonsense = owner.post(&format!("{on_incident}/restore"), &[("side", "BOTH"), ("target", "N8N")]).await;
    assert_eq!(nonsense.location, on_incident);
    let pro = app.moved_to(owner.caller(), PlanTier::Pro).await;
    assert!(!pro.may(drift_domain::plan::Capability::Execute));
    let html = owner.get(&in_workspace).await.html;
    assert!(!html.contains("/restore\""), "what the plan does not have is not offered");
}
