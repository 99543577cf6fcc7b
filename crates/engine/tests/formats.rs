//! Every format that n8n writes is read, and says no more than it carries.

use drift_engine::{Limits, Problem, Rule, Workflow, diff, parse, parse_file};
use serde_json::{Value, json};

fn read(value: &Value) -> Workflow {
    parse(value.to_string().as_bytes(), &Limits::default()).unwrap_or_else(|e| panic!("{e}"))
}

fn nodes() -> Value {
    json!([
        {"id": "11111111-1111-4111-8111-111111111111", "name": "Start", "type": "n8n-nodes-base.manualTrigger",
         "typeVersion": 1, "position": [0, 0], "parameters": {}},
        {"id": "22222222-2222-4222-8222-222222222222", "name": "Work", "type": "n8n-nodes-base.code",
         "typeVersion": 2, "position": [200, 0], "parameters": {"jsCode": "return [];"}},
    ])
}

fn connections() -> Value {
    json!({"Start": {"main": [[{"node": "Work", "type": "main", "index": 0}]]}})
}

/// As the public API gives it.
fn api() -> Value {
    json!({
        "id": "abc", "name": "One", "description": "what it does", "active": true, "isArchived": false,
        "createdAt": "2026-01-01T00:00:00.000Z", "updatedAt": "2026-01-02T00:00:00.000Z", "versionId": "v1",
        "activeVersionId": "v1", "versionCounter": 3, "triggerCount": 1, "sourceWorkflowId": null, "meta": null,
        "nodes": nodes(), "connections": connections(), "nodeGroups": [], "settings": {"executionOrder": "v1"},
        "staticData": null, "pinData": {}, "tags": [{"id": "t", "name": "prod"}], "shared": [{"role": "workflow:owner"}],
        "activeVersion": {"versionId": "v1", "nodes": nodes(), "connections": connections()},
    })
}

/// As enterprise source control writes it: neither active nor tags.
fn source_control() -> Value {
    json!({
        "id": "abc", "name": "One", "description": "what it does", "nodes": nodes(), "connections": connections(),
        "settings": {"executionOrder": "v1"}, "triggerCount": 1, "versionId": "v0",
        "owner": {"type": "personal", "personalEmail": "a@example.invalid"}, "parentFolderId": null, "isArchived": false,
        "nodeGroups": [],
    })
}

/// As a package writes it.
fn package() -> Value {
    json!({
        "id": "abc", "name": "One", "nodes": nodes(), "connections": connections(), "settings": {"executionOrder": "v1"},
        "parentFolderId": null, "isArchived": false, "tagIds": ["t"],
    })
}

#[test]
fn a_field_that_a_format_does_not_carry_is_unknown() {
    let api = read(&api());
    for other in [source_control(), package()] {
        let other = read(&other);
        let diff = diff(&api, &other);
        assert!(diff.equal, "{diff}");
        assert!(diff.ignored.iter().any(|i| i.rule == Rule::NotCarried), "{:?}", diff.ignored);
        assert!(api.prints().agree(&other.prints()) && other.prints().agree(&api.prints()));
        assert_eq!((other.active(), other.tags()), (None, None));
    }
    let listed = read(&self::api()).without_description();
    assert!(diff(&listed, &api).equal && listed.prints().agree(&api.prints()));
}

#[test]
fn a_body_of_the_api_says_nothing_of_what_it_cannot_carry() {
    let body =
        json!({"name": "One", "nodes": nodes(), "connections": connections(), "settings": {"executionOrder": "v1"}});
    assert!(diff(&read(&api()), &read(&body)).equal);
}

#[test]
fn between_hand_kept_files_leaving_active_out_means_inactive() {
    let body = json!({"name": "One", "nodes": nodes(), "connections": connections()});
    let mut active = body.clone();
    active["active"] = json!(true);
    assert!(!diff(&read(&active), &read(&body)).equal);
    assert!(!read(&active).prints().agree(&read(&body).prints()));
    active["active"] = json!(false);
    assert!(diff(&read(&active), &read(&body)).equal);
}

#[test]
fn live_means_what_runs_and_a_draft_is_said() {
    let mut drafted = api();
    drafted["versionId"] = json!("v2");
    drafted["nodes"][1]["parameters"]["jsCode"] = json!("return [1];");
    let live = read(&drafted);
    assert!(diff(&live, &read(&api())).equal, "the published version is what runs");
    assert_eq!(live.draft().map(|d| d.differs), Some(Some(true)));
    // The same version saved again: a draft that differs in nothing.
    drafted["nodes"] = nodes();
    assert_eq!(read(&drafted).draft().map(|d| d.differs), Some(Some(false)));
    assert_eq!(read(&api()).draft(), None);
    // Where the two versions are one, the nodes are what runs.
    let mut edited = api();
    edited["nodes"][1]["parameters"]["jsCode"] = json!("return [2];");
    assert!(!diff(&read(&edited), &read(&api())).equal);
    // Not published: the nodes are all there is.
    drafted["active"] = json!(false);
    drafted["activeVersionId"] = Value::Null;
    drafted["nodes"][1]["parameters"]["jsCode"] = json!("return [3];");
    assert!(read(&drafted).draft().is_none());
    assert!(!diff(&read(&drafted), &read(&api())).equal);
}

#[test]
fn one_broken_workflow_does_not_take_the_others_with_it() {
    let deep = format!("{}1{}", "[".repeat(200), "]".repeat(200));
    let text = format!(
        r#"[{}, {{"name": "Broken", "id": "b1", "nodes": 5, "connections": {{}}}}, {{"name": "Deep", "nodes": [], "x": {deep}}}, {}]"#,
        api(),
        package()
    );
    let all = parse_file(text.as_bytes(), &Limits::default()).unwrap();
    assert_eq!(all.len(), 4);
    assert!(all[0].is_ok() && all[3].is_ok());
    let broken = all[1].as_ref().unwrap_err();
    assert_eq!(broken.to_string(), r#"workflow "Broken": not an n8n workflow: nodes is a number, not a list"#);
    assert_eq!(broken.id.as_deref(), Some("b1"));
    let deep = all[2].as_ref().unwrap_err();
    assert!(matches!(deep.problem, Problem::TooDeep { depth: 201, limit: 128 }), "{deep}");
    assert_eq!(deep.which, "workflow 3 of the file");
}

#[test]
fn pages_lists_and_wrapped_answers_are_read() {
    let page = json!({"data": [api(), package()], "nextCursor": null});
    assert_eq!(parse_file(page.to_string().as_bytes(), &Limits::default()).unwrap().len(), 2);
    let wrapped = json!({"data": api()});
    assert_eq!(read(&wrapped).id(), Some("abc"));
    assert_eq!(parse_file(wrapped.to_string().as_bytes(), &Limits::default()).unwrap().len(), 1);
    assert_eq!(read(&json!([api()])).name(), "One");
    let marked = [b"\xef\xbb\xbf".as_slice(), api().to_string().as_bytes()].concat();
    assert!(parse(&marked, &Limits::default()).is_ok());
    assert_eq!(parse_file(b"[]", &Limits::default()).unwrap().len(), 0);
}

#[test]
fn what_is_no_workflow_is_refused_with_the_reason() {
    let refused = |text: &str| {
        parse_file(text.as_bytes(), &Limits::default())
            .map_or_else(|e| e.to_string(), |all| all.into_iter().map(|w| w.unwrap_err().to_string()).collect())
    };
    assert_eq!(
        refused(r#"{"tags": [], "mappings": []}"#),
        "the file holds no workflows: not an n8n workflow: it has no list of nodes; its keys are [mappings, tags]"
    );
    assert_eq!(
        refused("{\n  \"nodes\": [,]\n}"),
        "the file holds no workflows: not JSON at line 2, column 13: expected value"
    );
    assert!(refused("n8n is starting up. Please wait").contains("not JSON at line 1, column 2"));
    assert!(refused("").contains("not JSON"));
    assert!(refused("7").contains("a number where an object with nodes was expected"));
    assert!(
        refused(r#"{"name": "x", "nodes": [1]}"#)
            .contains(r#"workflow "x": not an n8n workflow: nodes[0] is a number"#)
    );
}

#[test]
fn limits_hold_to_the_last_one() {
    let limits = Limits { max_bytes: 1_000, max_nodes: 3, max_depth: 10 };
    let with = |n: usize, depth: usize, pad: usize| {
        let node =
            format!("{{\"name\":\"{}\",\"parameters\":{}1{}}}", "x".repeat(pad), "[".repeat(depth), "]".repeat(depth));
        format!("{{\"nodes\":[{}]}}", vec![node; n].join(","))
    };
    let problem = |text: &str| parse(text.as_bytes(), &limits).map(|_| ()).map_err(|e| e.problem);
    assert_eq!(problem(&with(3, 7, 0)), Ok(()));
    assert_eq!(problem(&with(4, 1, 0)), Err(Problem::TooManyNodes { nodes: 4, limit: 3 }));
    assert_eq!(problem(&with(1, 8, 0)), Err(Problem::TooDeep { depth: 11, limit: 10 }));
    assert!(matches!(problem(&with(1, 1, 2_000)), Err(Problem::TooLarge { limit: 1_000, .. })));
    // The deepest that is allowed by default, and one more.
    let nested = |depth: usize| format!("{{\"nodes\":[],\"x\":{}{}}}", "[".repeat(depth - 1), "]".repeat(depth - 1));
    let default = Limits::default();
    for depth in [2, 127, 128] {
        let workflow = parse(nested(depth).as_bytes(), &default).unwrap_or_else(|e| panic!("{depth}: {e}"));
        assert!(diff(&workflow, &workflow).equal);
    }
    assert_eq!(
        parse(nested(129).as_bytes(), &default).unwrap_err().problem,
        Problem::TooDeep { depth: 129, limit: 128 }
    );
    // Deep enough to overflow a stack, were it followed.
    let hostile = format!("{{\"nodes\":{}", "[".repeat(5_000_000));
    assert!(matches!(parse(hostile.as_bytes(), &default).unwrap_err().problem, Problem::TooDeep { .. }));
    assert!(parse_file(hostile.as_bytes(), &default).is_err());
}

#[test]
fn depth_within_a_workflow_is_followed_everywhere() {
    let deep = format!("{}\"x\"{}", "{\"a\":".repeat(120), "}".repeat(120));
    let text = |v: &str| {
        format!(
            r#"{{"nodes":[{{"name":"N","type":"t","parameters":{}}}],"settings":{{"s":{deep}}},"connections":{{}}}}"#,
            deep.replace("\"x\"", v)
        )
    };
    let [one, two] = ["\"x\"", "\"y\""].map(|v| parse(text(v).as_bytes(), &Limits::default()).unwrap());
    let diff = diff(&one, &two);
    assert_eq!(diff.drift().count(), 1);
    assert_eq!(diff.changes[0].path.len(), 121);
}

#[test]
fn half_a_surrogate_pair_is_read_as_text() {
    let text = r#"{"name":"x","nodes":[{"name":"N","type":"t","parameters":{"text":"cut \ud83d"}}],"connections":{}}"#;
    let one = parse(text.as_bytes(), &Limits::default()).unwrap();
    let other = parse(text.replace("cut", "put").as_bytes(), &Limits::default()).unwrap();
    assert!(diff(&one, &one.clone()).equal && !diff(&one, &other).equal);
}

#[test]
fn ids_of_other_workflows_are_found_and_mapped() {
    let workflow = |sub: &str, error: &str, callers: &str| {
        read(&json!({
            "id": "x", "name": "Caller", "connections": {},
            "settings": {"errorWorkflow": error, "callerPolicy": "workflowsFromAList", "callerIds": callers},
            "nodes": [
                {"name": "Sub", "type": "n8n-nodes-base.executeWorkflow", "parameters":
                    {"workflowId": {"__rl": true, "mode": "list", "value": sub, "cachedResultName": "Sub of this instance",
                        "cachedResultUrl": format!("/workflow/{sub}")}}},
                {"name": "Tool", "type": "@n8n/n8n-nodes-langchain.toolWorkflow", "parameters": {"workflowId": sub}},
                {"name": "Computed", "type": "n8n-nodes-base.executeWorkflow", "parameters": {"workflowId": "={{ $json.id }}"}},
            ],
        }))
    };
    let (live, desired) = (workflow("L1", "L2", "L3, L1"), workflow("D1", "D2", "D1,D3"));
    assert_eq!(live.references(), ["L1", "L2", "L3"]);
    assert!(!diff(&live, &desired).equal);
    let map = |id: &str| Some(format!("workflow {}", &id[1..])).filter(|_| !id.starts_with('X'));
    let (live, desired) = (live.with_ids(&map), desired.with_ids(&map));
    assert!(live.prints().agree(&desired.prints()), "{}", diff(&live, &desired));
    // Another sub-workflow is still another one.
    assert!(!diff(&live, &workflow("D9", "D2", "D1,D3").with_ids(&map)).equal);
}

/// Answers of real n8n servers, where they are at hand: one workflow as the API, the command line and a package give it.
#[test]
fn what_a_real_server_gives_in_its_formats_is_one_workflow() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/facts/n8n-answers");
    if !folder.is_dir() {
        eprintln!("skipped: what_a_real_server_gives_in_its_formats_is_one_workflow (no ../shared/facts/n8n-answers)");
        return;
    }
    let answer = |path: &str| -> Workflow {
        let value: Value = serde_json::from_slice(&std::fs::read(folder.join(path)).unwrap()).unwrap();
        let body = value.get("response").unwrap_or(&value);
        let body = body.get("data").and_then(|d| d.get(0)).unwrap_or(body);
        read(body)
    };
    let same = |a: &str, b: &str| {
        let (a, b) = (answer(a), answer(b));
        let diff = diff(&a, &b);
        assert!(diff.equal && a.prints().agree(&b.prints()), "{diff}");
    };
    same("2.41.1/list-1.json", "2.41.1/get-rich.json");
    same("2.41.1/cli/separate-compact.json", "2.41.1/cli/backup-pretty.json");
    same("2.41.1/cli/separate-compact.json", "2.41.1/n8np/workflows/rich-one-v2-KTJRm5VUVVVOnPEu/workflow.json");
    same("1.123.81/list-1.json", "1.123.81/get-rich.json");
    // The two versions make the same of the same file, but for what they fill in.
    same("1.123.81/get-rich.json", "2.41.1/get-rich.json");
    let drafted = answer("2.41.1/get-active-with-draft.json");
    assert_eq!(drafted.draft().map(|d| d.differs), Some(Some(true)));
    let code = drafted.canonical_json();
    let code = String::from_utf8_lossy(&code);
    assert!(code.contains("json:{a:2}") && !code.contains("json:{a:3}"), "the published version is the content");
}
