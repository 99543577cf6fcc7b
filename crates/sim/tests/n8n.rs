//! The stand-in for n8n as tests and the demo drive it. What its API answers is held in the contract of `drift-n8n`.

use chrono::{DateTime, Utc};
use drift_domain::clock::Clock;
use drift_sim::faults::{Fault, Rule, Seen};
use drift_sim::n8n::{Mode, N8nSim, N8nVersion, Options};
use serde_json::{Value, json};

struct Still;

impl Clock for Still {
    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp(1_790_000_000, 0).unwrap_or_default()
    }
}

fn file() -> Value {
    json!({
        "id": "fromGit000000001",
        "name": "From Git",
        "active": true,
        "tags": [{ "name": "billing" }, "night"],
        "nodes": [
            { "id": "a", "name": "Schedule", "type": "n8n-nodes-base.scheduleTrigger", "typeVersion": 1.2, "position": [0, 0], "parameters": {} },
            { "id": "b", "name": "Set", "type": "n8n-nodes-base.set", "typeVersion": 3.0, "position": [221, 7],
              "parameters": {}, "disabled": false, "notes": "", "credentials": {} },
        ],
        "connections": {},
        "settings": {},
    })
}

fn moved(before: &Value, after: &Value) -> Vec<String> {
    let keys = before.as_object().unwrap().keys();
    keys.filter(|key| before[*key] != after[*key]).cloned().collect()
}

#[tokio::test]
async fn an_import_keeps_id_tags_and_service_and_a_new_workflow_gets_an_id() {
    let sim = N8nSim::start(Still).await.unwrap();
    assert_eq!(sim.import(&file()), "fromGit000000001");
    let held = sim.workflow("fromGit000000001").unwrap();
    assert_eq!((&held["active"], &held["activeVersionId"]), (&json!(true), &held["versionId"]));
    let names: Vec<&Value> = held["tags"].as_array().unwrap().iter().map(|tag| &tag["name"]).collect();
    assert_eq!(names, ["billing", "night"]);
    assert_eq!(held["nodes"][1]["typeVersion"].to_string(), "3", "numbers are doubles");
    let made = sim.create(&file());
    assert_eq!(made.len(), 16);
    assert_ne!(made, "fromGit000000001");
}

#[tokio::test]
async fn the_same_seed_and_clock_give_the_same_server() {
    let held = async |seed: &str| {
        let sim = N8nSim::start_with(Options { seed: seed.into(), ..Options::new(Still) }).await.unwrap();
        let id = sim.create(&file());
        (sim.api_key(), sim.workflow(&id).unwrap())
    };
    assert_eq!(held("a").await, held("a").await);
    assert_ne!(held("a").await.0, held("b").await.0);
}

#[tokio::test]
async fn what_the_person_does_moves_what_n8n_moves() {
    let sim = N8nSim::start(Still).await.unwrap();
    let id = sim.import(&file());
    let mut last = sim.workflow(&id).unwrap();
    let mut step = |sim: &N8nSim| {
        let now = sim.workflow(&id).unwrap();
        let mut moved = moved(&last, &now);
        moved.sort();
        last = now;
        moved
    };
    sim.execute(&id).unwrap();
    assert!(step(&sim).is_empty());
    sim.trigger_keeps(&id, "Schedule", json!({ "recurrenceRules": [7] })).unwrap();
    assert_eq!(step(&sim), ["staticData"]);
    sim.move_node(&id, "Set", [480, 16]).unwrap();
    assert_eq!(step(&sim), ["nodes", "updatedAt", "versionCounter", "versionId"], "a draft: what is published runs on");
    sim.publish(&id).unwrap();
    assert_eq!(step(&sim), ["activeVersion", "activeVersionId"]);
    sim.set_tags(&id, &["billing"]).unwrap();
    assert_eq!(step(&sim), ["tags"]);
    sim.edit(&id, |workflow| workflow["description"] = "Bills at night".into()).unwrap();
    assert_eq!(step(&sim), ["description", "updatedAt", "versionCounter"]);
    sim.deactivate(&id).unwrap();
    assert_eq!(step(&sim), ["active", "activeVersion", "activeVersionId"]);
    sim.archive(&id).unwrap();
    assert_eq!(step(&sim), ["isArchived", "updatedAt", "versionId"]);
    assert_eq!(sim.edit(&id, |_| ()).unwrap_err().status, 400, "archived");
    sim.unarchive(&id).unwrap();
    sim.delete(&id).unwrap();
    assert_eq!(sim.workflow(&id).unwrap_err().status, 404);
}

#[tokio::test]
async fn the_editor_tidies_what_it_saves() {
    let sim = N8nSim::start(Still).await.unwrap();
    let id = sim.import(&file());
    sim.edit_in_editor(&id, |workflow| workflow["nodes"][1]["parameters"] = json!({ "mode": "raw" })).unwrap();
    let held = sim.workflow(&id).unwrap();
    let node = &held["nodes"][1];
    assert_eq!((&node["position"], &node["parameters"]), (&json!([224, 0]), &json!({ "mode": "raw" })));
    assert!(["disabled", "notes", "credentials"].iter().all(|key| node.get(key).is_none()), "{node}");
    assert_eq!(held["settings"], json!({ "executionOrder": "v1", "binaryMode": "separate" }));
    assert_eq!(held["pinData"], json!({}));
}

#[tokio::test]
async fn on_1x_what_is_saved_runs() {
    let sim = N8nSim::start_with(Options { version: N8nVersion::V1, ..Options::new(Still) }).await.unwrap();
    let id = sim.import(&file());
    sim.change_node(&id, "Set", |node| node["parameters"] = json!({ "mode": "raw" })).unwrap();
    let held = sim.workflow(&id).unwrap();
    assert_eq!(held["activeVersion"]["nodes"], held["nodes"]);
    assert_eq!(sim.change_node(&id, "Nobody", |_| ()).unwrap_err().status, 404);
}

#[tokio::test]
async fn it_stops_and_starts_on_its_port_and_keeps_what_it_held() {
    let sim = N8nSim::start(Still).await.unwrap();
    let id = sim.import(&file());
    let (url, http) = (sim.url(), reqwest::Client::builder().no_proxy().build().unwrap());
    let get =
        async || http.get(format!("{url}/api/v1/workflows/{id}")).header("X-N8N-API-KEY", sim.api_key()).send().await;
    assert_eq!(get().await.unwrap().status(), 200);
    sim.stop().await;
    assert!(!sim.is_running());
    assert!(get().await.is_err());
    sim.restart().await.unwrap();
    assert_eq!(sim.url(), url);
    assert_eq!(get().await.unwrap().status(), 200);
}

#[tokio::test]
async fn faults_strike_before_or_after_the_work_and_are_written_down() {
    let sim = N8nSim::start(Still).await.unwrap();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let body = json!({ "name": "w", "nodes": [], "connections": {}, "settings": {} });
    let post = async || {
        let request = http.post(format!("{}/api/v1/workflows", sim.url())).header("X-N8N-API-KEY", sim.api_key());
        request.json(&body).send().await
    };
    let on = |fault| Rule::new(fault).on("POST", "/api/v1/workflows").times(1);
    sim.faults().add(on(Fault::status(503)));
    assert_eq!(post().await.unwrap().status(), 503);
    assert_eq!(sim.ids().len(), 0, "before");
    sim.faults().add(on(Fault::status_after(503)));
    assert_eq!(post().await.unwrap().status(), 503);
    assert_eq!(sim.ids().len(), 1, "after");
    sim.faults().add(on(Fault::Reset));
    assert!(post().await.is_err());
    assert_eq!(sim.ids().len(), 1, "before");
    sim.faults().add(on(Fault::ResetAfter));
    assert!(post().await.is_err());
    assert_eq!(sim.ids().len(), 2, "after");
    sim.faults().add(on(Fault::CutBody(10)));
    let cut = post().await.unwrap();
    assert_eq!(cut.status(), 200);
    assert!(cut.bytes().await.is_err());
    assert_eq!(post().await.unwrap().status(), 200);
    let seen: Vec<u16> = sim.faults().seen().into_iter().map(|Seen { status, .. }| status).collect();
    assert_eq!(seen, [503, 503, 0, 0, 200, 200]);
}

async fn status_of(sim: &N8nSim, method: reqwest::Method, path: &str, body: Option<Value>) -> (u16, String) {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut request =
        http.request(method, format!("{}/api/v1{path}", sim.url())).header("X-N8N-API-KEY", sim.api_key());
    if let Some(body) = body {
        request = request.json(&body);
    }
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

#[tokio::test]
async fn it_starts_request_by_request() {
    let sim = N8nSim::start(Still).await.unwrap();
    sim.set_mode(Mode::Starting { text: 2, no_routes: 1 });
    let mut answers = Vec::new();
    for _ in 0..4 {
        answers.push(status_of(&sim, reqwest::Method::GET, "/workflows", None).await);
    }
    let statuses: Vec<u16> = answers.iter().map(|(status, _)| *status).collect();
    assert_eq!(statuses, [200, 200, 404, 200]);
    assert!(answers[1].1.contains("starting up") && answers[2].1.contains("Cannot GET"), "{answers:?}");
    assert!(answers[3].1.starts_with('{'));
}

#[tokio::test]
async fn while_it_shuts_down_1x_knows_no_key() {
    for (version, expected) in [(N8nVersion::V1, 401), (N8nVersion::V2, 200)] {
        let sim = N8nSim::start_with(Options { version, ..Options::new(Still) }).await.unwrap();
        sim.set_mode(Mode::ShuttingDown);
        assert_eq!(status_of(&sim, reqwest::Method::GET, "/workflows", None).await.0, expected);
    }
}

#[tokio::test]
async fn what_is_unpublished_is_deleted_only_later() {
    let sim = N8nSim::start(Still).await.unwrap();
    sim.set_publish_lag(2);
    let id = sim.import(&file());
    let off = format!("/workflows/{id}/unpublish");
    assert_eq!(status_of(&sim, reqwest::Method::POST, &off, None).await.0, 200);
    let path = format!("/workflows/{id}");
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(status_of(&sim, reqwest::Method::DELETE, &path, None).await.0);
    }
    // The answer that it was unpublished is the first of the two requests that pass meanwhile.
    assert_eq!(statuses, [409, 200, 404]);
}

#[tokio::test]
async fn two_that_want_one_webhook_at_once_both_get_a_yes() {
    let sim = N8nSim::start(Still).await.unwrap();
    sim.set_publish_lag(10);
    let hook = json!({
        "name": "hook", "connections": {}, "settings": {},
        "nodes": [{ "name": "Hook", "type": "n8n-nodes-base.webhook", "typeVersion": 2, "position": [0, 0],
                    "parameters": { "path": "same" } }],
    });
    let ids = [sim.create(&hook), sim.create(&hook), sim.create(&hook)];
    let mut statuses = Vec::new();
    for id in &ids[..2] {
        statuses.push(status_of(&sim, reqwest::Method::POST, &format!("/workflows/{id}/publish"), None).await.0);
    }
    assert_eq!(statuses, [200, 200], "observed: conflicts are seen only once a webhook is live");
    sim.publish(&ids[0]).unwrap();
    assert_eq!(sim.publish(&ids[2]).unwrap_err().status, 409);
}

#[tokio::test]
async fn a_credential_is_made_by_the_person_too() {
    let sim = N8nSim::start(Still).await.unwrap();
    let id = sim.add_credential("Mail", "smtp");
    let mut workflow = file();
    workflow["nodes"][1]["credentials"] = json!({ "smtp": { "id": "of another instance", "name": "Mail" } });
    let made = sim.create(&workflow);
    assert_eq!(sim.workflow(&made).unwrap()["nodes"][1]["credentials"]["smtp"]["id"], *id);
}
