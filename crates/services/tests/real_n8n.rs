//! Detection against a real n8n, where one is named; its workflows are made and removed by the test:
//! `N8N_URL=http://127.0.0.1:5678 N8N_API_KEY=… cargo test -p drift-services --test real_n8n`.

use std::sync::Arc;

use chrono::TimeDelta;
use drift_domain::change::{ChangeType, Origin, VanishedCause};
use drift_domain::check::{CheckOutcome, CheckTrigger};
use drift_domain::environment::Badge;
use drift_domain::plan::PlanTier;
use drift_domain::views::{ChangeFilter, ChangeRow, DiffOrRefusal, DiffView, EnvironmentDraft};
use drift_services::gate::Caller;
use drift_sim::github::{GithubSim, Repo};
use drift_testkit::TestApp;
use drift_testkit::app::workflow;
use serde_json::{Value, json};

/// A real n8n: its address and a key.
#[expect(clippy::disallowed_methods, reason = "a person names the server to test against")]
fn named() -> Option<(String, String)> {
    Some((std::env::var("N8N_URL").ok()?, std::env::var("N8N_API_KEY").ok()?))
}

/// What a person does in n8n, through its API.
struct Person {
    http: reqwest::Client,
    url: String,
    key: String,
}

impl Person {
    async fn call(&self, method: reqwest::Method, path: &str, body: Option<&Value>) -> Value {
        let request = self.http.request(method, format!("{}/api/v1/workflows{path}", self.url));
        let request = request.header("X-N8N-API-KEY", &self.key);
        let request = match body {
            Some(body) => request.header("content-type", "application/json").body(body.to_string()),
            None => request,
        };
        let answer = request.send().await.expect("n8n answers");
        let (status, text) = (answer.status(), answer.text().await.expect("a body"));
        assert!(status.is_success(), "{path}: {status} {text}");
        serde_json::from_str(&text).unwrap_or(Value::Null)
    }

    async fn create(&self, workflow: &Value) -> String {
        let made = self.call(reqwest::Method::POST, "", Some(workflow)).await;
        made["id"].as_str().expect("an id").to_owned()
    }

    async fn get(&self, id: &str) -> Value {
        self.call(reqwest::Method::GET, &format!("/{id}"), None).await
    }

    async fn edit(&self, id: &str, change: impl FnOnce(&mut Value)) {
        let whole = self.get(id).await;
        let mut body = json!({
            "name": whole["name"], "nodes": whole["nodes"], "connections": whole["connections"],
            "settings": { "executionOrder": "v1" }
        });
        change(&mut body);
        self.call(reqwest::Method::PUT, &format!("/{id}"), Some(&body)).await;
    }

    async fn delete(&self, id: &str) {
        let _ = self.call(reqwest::Method::DELETE, &format!("/{id}"), None).await;
    }
}

struct Bench {
    app: TestApp,
    owner: Caller,
    environment: drift_domain::ids::EnvironmentId,
    repo: Repo,
    _github: GithubSim,
}

impl Bench {
    async fn new(n8n: &Person) -> Self {
        let app = TestApp::new().await;
        let owner = app.organization(PlanTier::Agency).await;
        let github = GithubSim::start(Arc::new(app.clock.clone())).await.expect("a port for GitHub");
        let repo = github.create("acme/workflows").await.expect("a repository");
        repo.commit("main", "Ada", "Begin", &[("workflows/.gitkeep", Some(b""))]).await.expect("a commit");
        let draft = EnvironmentDraft {
            name: "Real".to_owned(),
            n8n_base_url: n8n.url.clone(),
            n8n_api_key: n8n.key.clone(),
            git_api_base: github.url(),
            repository: "acme/workflows".to_owned(),
            git_folder: "workflows".to_owned(),
            git_token: github.token(),
            ..EnvironmentDraft::default()
        };
        let environment = app.services.connect_environment(&owner.permit().unwrap(), draft).await.expect("connects");
        Self { app, owner, environment, repo, _github: github }
    }

    async fn commit(&self, id: &str, file: &Value) {
        self.app.clock.advance(TimeDelta::seconds(1));
        let (path, bytes) = (format!("workflows/{id}.json"), serde_json::to_vec_pretty(file).unwrap());
        self.repo.commit("main", "Ada", "Take over", &[(&path, Some(&bytes))]).await.expect("a commit");
    }

    async fn check(&self) -> CheckOutcome {
        self.app.clock.advance(TimeDelta::minutes(1));
        self.app.services.run_check(self.environment, CheckTrigger::Schedule, None).await.expect("a check")
    }

    async fn badge(&self) -> Badge {
        let page = self.app.services.environment(&self.owner.permit().unwrap(), self.environment).await;
        page.expect("the page").row.badge
    }

    /// The open change of one workflow, if it has one.
    async fn change(&self, live_id: &str) -> Option<ChangeRow> {
        let permit = self.owner.permit().unwrap();
        let workspace = self.app.services.workspace(&permit, self.environment, ChangeFilter::default()).await.unwrap();
        workspace.changes.into_iter().find(|c| c.live_id.as_deref() == Some(live_id))
    }

    async fn diff(&self, change: &ChangeRow) -> DiffView {
        let permit = self.owner.permit().unwrap();
        match self.app.services.change(&permit, self.environment, change.id).await.unwrap().diff {
            DiffOrRefusal::Diff(diff) => diff,
            DiffOrRefusal::Refused { message, .. } => panic!("{message}"),
        }
    }
}

#[tokio::test]
async fn an_edit_a_drag_a_description_and_the_way_back() {
    let Some((url, key)) = named() else {
        eprintln!("skipped: an_edit_a_drag_a_description_and_the_way_back (N8N_URL names no server)");
        return;
    };
    let n8n = Person { http: reqwest::Client::new(), url, key };
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
        let change = bench.change(&id).await.filter(|c| c.vanished.is_none()).expect("a description is content");
        assert_eq!(bench.diff(&change).await.entries[0].path, ["description"]);
    }
    n8n.delete(&id).await;
}
