//! The client's own writes: what it sends, what it makes of the answer, and what it reads back.

use drift_n8n::{Departure, Draft, How, Left, LiveEnvironment as _, Marker, Reason, Retired, WriteError, Written};
use serde_json::{Value, json};

use crate::calls::{CREDENTIAL, Target, id};
use crate::common::{hook, using, workflow};
use crate::publishing::UNKNOWN;

/// Nobody asks whether it has moved.
fn whatever(_: &[u8]) -> bool {
    true
}

fn draft(workflow: &Value) -> Draft {
    Draft::of(workflow).unwrap()
}

fn now(written: &Written) -> Value {
    serde_json::from_slice(&written.after).unwrap()
}

fn departure(at: &str, how: How) -> Departure {
    Departure { at: at.to_owned(), how }
}

#[track_caller]
fn refused(error: WriteError, reason: Reason, left: Left) -> String {
    let WriteError::Refused(refused) = error else { panic!("{error}") };
    assert_eq!((refused.reason, refused.left), (reason, left), "{refused}");
    refused.words.unwrap_or_default()
}

pub async fn it_writes_over_and_reads_back(target: &Target) {
    let made = id(&target.create(&workflow("before")).await);
    let mut file = workflow("after");
    file["nodes"][1]["parameters"]["jsCode"] = "return [1.0]".into();
    file["nodes"][1]["parameters"]["number"] = json!(3.0);
    file["settings"] = json!({ "executionOrder": "v1", "executionTimeout": 60, "timezone": "Europe/Berlin" });
    // What a file has and the API refuses or keeps to itself is no part of a draft.
    file["id"] = "another".into();
    file["active"] = true.into();
    file["staticData"] = json!({ "never": "sent" });
    let written = target.client().put(&made, &draft(&file), &whatever).await.unwrap();
    assert_eq!((written.id.as_str(), written.departures.as_slice()), (made.as_str(), [].as_slice()));
    assert_eq!(now(&written), target.workflow(&made).await, "what is read back is what is there");
    let there = now(&written);
    assert_eq!(
        (&there["name"], &there["active"], &there["staticData"]),
        (&json!("after"), &json!(false), &Value::Null)
    );
    assert_eq!(there["nodes"][1]["parameters"], json!({ "jsCode": "return [1.0]", "number": 3 }));

    // Left out, the settings that can be unset are gone.
    let written = target.client().put(&made, &draft(&workflow("after")), &whatever).await.unwrap();
    assert_eq!(written.departures, []);
    let settings = &now(&written)["settings"];
    assert!(settings.get("timezone").is_none() && settings.get("executionTimeout").is_none(), "{settings}");
    let compared = target.client().compare(&made, &draft(&workflow("after"))).await.unwrap().unwrap();
    assert_eq!(compared.departures, []);
    let compared = target.client().compare(&made, &draft(&file)).await.unwrap().unwrap();
    assert!(compared.departures.contains(&departure("/settings/timezone", How::Dropped)), "{:?}", compared.departures);
    assert!(target.client().compare("nope", &draft(&file)).await.unwrap().is_none());
}

pub async fn it_writes_nothing_over_what_has_moved(target: &Target) {
    let made = id(&target.create(&workflow("before")).await);
    let before = target.workflow(&made).await;
    let still = |seen: &[u8]| serde_json::from_slice::<Value>(seen).unwrap()["name"] == "decided about";
    let error = target.client().put(&made, &draft(&workflow("after")), &still).await.unwrap_err();
    assert!(matches!(error, WriteError::Moved) && !error.may_have_written(), "{error}");
    assert_eq!(target.workflow(&made).await, before);
}

pub async fn it_names_what_n8n_ignores(target: &Target) {
    let made = id(&target.create(&workflow("ignores")).await);
    let mut live = workflow("ignores");
    live["settings"] = json!({ "saveManualExecutions": true, "timeSavedPerExecution": 5 });
    target.put(&made, live).await.ok();
    let mut file = workflow("ignores");
    file["settings"]["binaryMode"] = "separate".into();
    file["description"] = "what it is for".into();
    file["nodeGroups"] = json!([]);
    let draft = draft(&file).with_pin_data(json!({ "Code": [{ "json": { "a": 1 } }] }));
    let written = target.client().put(&made, &draft, &whatever).await.unwrap();
    let mut expected = vec![
        departure("/settings/binaryMode", How::Dropped),
        departure("/settings/saveManualExecutions", How::Kept),
        departure("/settings/timeSavedPerExecution", How::Kept),
    ];
    if target.is_1x() {
        expected.push(departure("/description", How::Changed));
        expected.push(departure("/pinData", How::Changed));
    }
    assert_eq!(sorted(written.departures), sorted(expected));
}

fn sorted(mut departures: Vec<Departure>) -> Vec<Departure> {
    departures.sort_by(|a, b| a.at.cmp(&b.at));
    departures
}

pub async fn it_says_what_a_refused_put_left(target: &Target) {
    let saved = if target.is_1x() { Left::SavedAndStopped } else { Left::SavedNotPublished };
    let running = target.running(&workflow("running")).await;
    let mut no_trigger = workflow("no trigger");
    no_trigger["nodes"].as_array_mut().unwrap().remove(0);
    no_trigger["connections"] = json!({});
    let error = target.client().put(&running, &draft(&no_trigger), &whatever).await.unwrap_err();
    assert!(error.may_have_written() && error.to_string().contains("It is saved"), "{error}");
    let words = refused(error, Reason::Invalid, saved);
    assert!(words.contains("trigger"), "{words}");
    let compared = target.client().compare(&running, &draft(&no_trigger)).await.unwrap().unwrap();
    assert_eq!(compared.departures, [], "it is saved indeed");

    // What the API refuses before it saves leaves nothing behind.
    let running = target.running(&workflow("running")).await;
    let before = target.workflow(&running).await;
    let mut bad = workflow("bad");
    bad["nodes"][0]["notes"] = json!({});
    let error = target.client().put(&running, &draft(&bad), &whatever).await.unwrap_err();
    assert!(!error.may_have_written());
    refused(error, Reason::Invalid, Left::Untouched);
    assert_eq!(target.workflow(&running).await["nodes"], before["nodes"]);

    // And of a workflow out of service everything is saved.
    let idle = id(&target.create(&workflow("idle")).await);
    assert_eq!(target.client().put(&idle, &draft(&no_trigger), &whatever).await.unwrap().departures, []);
}

pub async fn it_keeps_pinned_and_static_data(target: &Target) {
    let mut body = workflow("kept");
    body["staticData"] = json!({ "mine": 1 });
    if !target.is_1x() {
        body["pinData"] = json!({ "Code": [{ "json": { "a": 1 } }] });
    }
    let made = target.create(&body).await;
    let mut file = workflow("kept");
    file["staticData"] = Value::Null;
    file["pinData"] = json!({});
    file["nodes"][1]["parameters"]["jsCode"] = "return [2]".into();
    let written = target.client().put(&id(&made), &draft(&file), &whatever).await.unwrap();
    let there = now(&written);
    assert_eq!((&there["staticData"], &there["pinData"]), (&made["staticData"], &made["pinData"]));
    assert_eq!(there["nodes"][1]["parameters"]["jsCode"], "return [2]");
}

pub async fn it_never_lets_n8n_choose_a_credential(target: &Target) {
    let name = id(&target.create(&workflow("for its id")).await);
    let mine = target.credential(&name).await;
    let made = id(&target.create(&workflow("uses")).await);
    let place = format!("/nodes/2/credentials/{CREDENTIAL}");
    let put = async |given: Value| {
        let written = target.client().put(&made, &draft(&using(CREDENTIAL, &given)), &whatever).await.unwrap();
        (now(&written).pointer(&place).cloned().unwrap(), written.departures)
    };
    let found = (json!({ "id": mine, "name": name }), vec![departure(&place, How::CredentialFound)]);
    assert_eq!(put(json!({ "name": name })).await, found);
    assert_eq!(put(json!({ "id": "of another instance", "name": name })).await, found);
    assert_eq!(put(json!({ "id": mine, "name": name })).await, (found.0, vec![]));
    let missing = (json!({ "id": "", "name": "nobody's" }), vec![departure(&place, How::CredentialMissing)]);
    assert_eq!(put(json!({ "name": "nobody's" })).await, missing);
    assert_eq!(put(json!({ "id": null, "name": "nobody's" })).await, missing);
}

pub async fn it_finds_what_it_created(target: &Target) {
    let marker = Marker(format!("step of {}", id(&target.create(&workflow("for its id")).await)));
    let client = target.client();
    assert_eq!(client.find_created(&marker).await.unwrap(), Vec::<String>::new());
    let mut file = workflow("created");
    file["description"] = "what it is for".into();
    let written = client.create(&draft(&file), &marker).await.unwrap();
    target.note(&written.id);
    assert_eq!(written.departures, [departure("/description", How::Changed)], "creating takes none");
    assert_eq!((&now(&written)["name"], &now(&written)["active"]), (&json!("created"), &json!(false)));
    assert_eq!(client.find_created(&marker).await.unwrap(), std::slice::from_ref(&written.id));
    // It is still known after it was written over, published and run.
    let written = client.put(&written.id, &draft(&file), &whatever).await.unwrap();
    let expected = if target.is_1x() { vec![departure("/description", How::Changed)] } else { vec![] };
    assert_eq!(written.departures, expected);
    client.set_active(&written.id, true).await.unwrap();
    target.until(&written.id, "the schedule keeps its state", |w| !w["staticData"]["node:Schedule"].is_null()).await;
    assert_eq!(client.find_created(&marker).await.unwrap(), std::slice::from_ref(&written.id));
    // Somebody created again while the first request was on its way.
    let again = client.create(&draft(&file), &marker).await.unwrap();
    target.note(&again.id);
    let mut both = vec![written.id, again.id];
    both.sort();
    assert_eq!(client.find_created(&marker).await.unwrap(), both);
}

pub async fn it_publishes_and_says_what_it_sees(target: &Target) {
    let made = id(&target.create(&workflow("published")).await);
    let client = target.client();
    for _ in 0..2 {
        let seen = client.set_active(&made, true).await.unwrap();
        assert!(seen.active && seen.current && seen.triggers == 1, "{seen:?}");
    }
    if !target.is_1x() {
        let mut body = workflow("published");
        body["nodes"][1]["parameters"]["jsCode"] = "return [1]".into();
        let path = format!("/workflows/{made}?publishIfActive=false");
        target.call(reqwest::Method::PUT, &path, body).await.ok();
        assert!(client.set_active(&made, true).await.unwrap().current, "a waiting draft is published");
    }
    for _ in 0..2 {
        let seen = client.set_active(&made, false).await.unwrap();
        assert!(!seen.active && !seen.current, "{seen:?}");
    }
    let mut unknown = workflow("unknown");
    unknown["nodes"][1]["type"] = UNKNOWN.into();
    let unknown = id(&target.create(&unknown).await);
    let words = refused(client.set_active(&unknown, true).await.unwrap_err(), Reason::Invalid, Left::Untouched);
    assert_eq!(words, format!("Unrecognized node type: {UNKNOWN}"));
}

pub async fn it_tells_refusals_apart(target: &Target) {
    let client = target.client();
    let file = draft(&workflow("refused"));
    for id in ["nope", "", ".."] {
        refused(client.put(id, &file, &whatever).await.unwrap_err(), Reason::NotFound, Left::Untouched);
        refused(client.set_active(id, true).await.unwrap_err(), Reason::NotFound, Left::Untouched);
        refused(client.retire(id).await.unwrap_err(), Reason::NotFound, Left::Untouched);
        refused(client.set_tags(id, &[]).await.unwrap_err(), Reason::NotFound, Left::Untouched);
    }
    let path = id(&target.create(&workflow("for its id")).await);
    target.running(&hook("has it", &path)).await;
    let second = id(&target.create(&hook("wants it", &path)).await);
    let reason = if target.is_1x() { Reason::Invalid } else { Reason::Conflict };
    refused(client.set_active(&second, true).await.unwrap_err(), reason, Left::Untouched);
    let mut bad = workflow("bad");
    bad["nodes"][0]["notes"] = json!({});
    let words =
        refused(client.put(&second, &draft(&bad), &whatever).await.unwrap_err(), Reason::Invalid, Left::Untouched);
    assert!(words.starts_with("request/body/nodes/0/notes "), "n8n's own words: {words}");
    let mut large = workflow("large");
    large["nodes"][1]["parameters"]["jsCode"] = "x".repeat(17 * 1024 * 1024).into();
    refused(client.put(&second, &draft(&large), &whatever).await.unwrap_err(), Reason::Invalid, Left::Untouched);
    if target.is_1x() {
        refused(client.unarchive(&second).await.unwrap_err(), Reason::Unsupported, Left::Untouched);
    } else {
        client.retire(&second).await.unwrap();
        refused(client.put(&second, &file, &whatever).await.unwrap_err(), Reason::Archived, Left::Untouched);
        refused(client.set_active(&second, true).await.unwrap_err(), Reason::Archived, Left::Untouched);
    }
}

pub async fn it_makes_the_tags_that_are_missing(target: &Target) {
    let made = id(&target.create(&workflow("tagged")).await);
    let client = target.client();
    let names = [format!("{made}b"), format!("{made}a"), format!("{made}b")];
    let set = client.set_tags(&made, &names).await.unwrap();
    target.note_tags(&names).await;
    assert_eq!(set, [names[1].clone(), names[0].clone()]);
    assert_eq!(client.set_tags(&made, &names[..1]).await.unwrap(), names[..1], "there now, and taken as they are");
    let long = client.set_tags(&made, &["x".repeat(25)]).await.unwrap_err();
    assert!(long.to_string().contains("24 characters"), "{long}");
    refused(long, Reason::Invalid, Left::Untouched);
    assert_eq!(target.listed(&made).await["tags"][0]["name"], *names[0], "and they stay");
    assert_eq!(client.set_tags(&made, &[]).await.unwrap(), Vec::<String>::new());
}

pub async fn it_puts_away_and_brings_back(target: &Target) {
    let made = target.running(&workflow("put away")).await;
    let client = target.client();
    let expected = if target.is_1x() { Retired::Deactivated } else { Retired::Archived };
    for _ in 0..2 {
        assert_eq!(client.retire(&made).await.unwrap(), expected);
        let now = target.workflow(&made).await;
        assert_eq!((&now["active"], &now["isArchived"]), (&json!(false), &json!(!target.is_1x())));
    }
    if target.is_1x() {
        return;
    }
    for _ in 0..2 {
        client.unarchive(&made).await.unwrap();
        assert_eq!(target.workflow(&made).await["isArchived"], false);
    }
}

pub async fn it_leaves_out_what_a_node_may_not_have(target: &Target) {
    let made = id(&target.create(&workflow("keys")).await);
    let mut file = workflow("keys");
    file["nodes"][1]["color"] = 7.into();
    file["nodes"][1]["parameters"]["jsCode"] = "return [1]".into();
    let expected = [departure("/nodes/1/color", How::Dropped)];
    let written = target.client().put(&made, &draft(&file), &whatever).await.unwrap();
    assert_eq!(written.departures, expected);
    assert_eq!(now(&written)["nodes"][1]["parameters"]["jsCode"], "return [1]");
    let created = target.client().create(&draft(&file), &Marker(format!("keys of {made}"))).await.unwrap();
    target.note(&created.id);
    assert_eq!(created.departures, expected);
}

/// n8n makes webhook ids anew where a file has none, on every write: the addresses of forms and chats would change.
pub async fn it_keeps_the_ids_that_a_file_does_not_have(target: &Target) {
    let made = id(&target.create(&hook("ids", "an-id-of-its-own")).await);
    let before = target.workflow(&made).await;
    let mut file = hook("ids", "an-id-of-its-own");
    for node in file["nodes"].as_array_mut().unwrap() {
        node.as_object_mut().unwrap().remove("id");
        node.as_object_mut().unwrap().remove("webhookId");
    }
    file["nodes"][1]["parameters"]["jsCode"] = "return [1]".into();
    let written = target.client().put(&made, &draft(&file), &whatever).await.unwrap();
    assert_eq!(written.departures, []);
    let ids = |workflow: &Value| {
        let nodes = workflow["nodes"].as_array().unwrap().iter();
        nodes.map(|node| (node["id"].clone(), node["webhookId"].clone())).collect::<Vec<_>>()
    };
    assert_eq!(ids(&now(&written)), ids(&before));
}

/// Real workflows, written as a revert would write them, come back as they were sent.
pub async fn real_workflows_come_back_as_they_were_sent(target: &Target) {
    let (mut count, mut all) = (0, Vec::new());
    for (path, mut file) in real_workflows() {
        // What is copied to the clipboard has no name.
        file["name"] = format!("{} {path}", file["name"].as_str().unwrap_or_default())
            .chars()
            .take(128)
            .collect::<String>()
            .into();
        let written = match target.client().create(&draft(&file), &Marker(path.clone())).await {
            Ok(written) => written,
            // Some break n8n's own rules (two nodes of one name): n8n says so, and nothing is there.
            Err(error) => {
                refused(error, Reason::Invalid, Left::Untouched);
                continue;
            }
        };
        target.note(&written.id);
        let written = target.client().put(&written.id, &draft(&file), &whatever).await.unwrap();
        let ours = |d: &&Departure| {
            let is_setting = d.at.starts_with("/settings/") && d.how == How::Dropped;
            let is_node_key = d.at.split('/').count() == 4 && d.at.starts_with("/nodes/") && d.how == How::Dropped;
            let is_credential = matches!(d.how, How::CredentialFound | How::CredentialMissing);
            let is_for_2x = target.is_1x() && matches!(d.at.as_str(), "/description" | "/nodeGroups");
            !(is_setting || is_node_key || is_credential || is_for_2x)
        };
        all.extend(written.departures.iter().filter(ours).map(|unexpected| format!("{path}: {unexpected}")));
        count += 1;
    }
    assert_eq!(all, Vec::<String>::new());
    assert!(count >= 15, "{count} workflows");
}

/// The project's own fixtures, and those of a folder that `N8N_WORKFLOWS` names.
#[expect(clippy::disallowed_methods, reason = "where more workflows are is said outside, and only to this test")]
fn real_workflows() -> Vec<(String, Value)> {
    let ours = concat!(env!("CARGO_MANIFEST_DIR"), "/../engine/fixtures").to_owned();
    let folders = [Some(ours), std::env::var("N8N_WORKFLOWS").ok()];
    let files = folders.into_iter().flatten().flat_map(|folder| std::fs::read_dir(folder).unwrap());
    let mut paths: Vec<_> =
        files.map(|file| file.unwrap().path()).filter(|path| path.extension() == Some("json".as_ref())).collect();
    paths.sort();
    let read = |path: std::path::PathBuf| {
        let file: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).ok()?;
        let is_workflow = file["nodes"].is_array() && file["connections"].is_object();
        is_workflow.then(|| (path.file_name().unwrap().to_string_lossy().into_owned(), file))
    };
    paths.into_iter().filter_map(read).collect()
}
