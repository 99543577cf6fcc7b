//! What a person does in n8n, through its API.

use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::{Mutex, MutexGuard};

/// A real n8n is one for all tests: they take turns, as each wants to know what is in it.
static ALONE: Mutex<()> = Mutex::const_new(());

/// How often a workflow is asked away before that is given up: n8n answers some hundred times a second.
const REMOVALS: usize = 5000;

/// Somebody with a key.
pub struct Person {
    http: reqwest::Client,
    pub url: String,
    pub key: String,
}

impl Person {
    /// Somebody at the n8n that the environment names, alone there. Without one, says that the test is skipped.
    #[expect(clippy::disallowed_methods, reason = "a person names the server to test against")]
    pub async fn named(test: &str) -> Option<(Self, MutexGuard<'static, ()>)> {
        let (Ok(url), Ok(key)) = (std::env::var("N8N_URL"), std::env::var("N8N_API_KEY")) else {
            eprintln!("skipped: {test} (N8N_URL and N8N_API_KEY name no server)");
            return None;
        };
        let alone = ALONE.lock().await;
        Some((Self { http: reqwest::Client::new(), url, key }, alone))
    }

    async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> (reqwest::StatusCode, Value) {
        let request = self.http.request(method, format!("{}/api/v1{path}", self.url));
        let request = request.header("X-N8N-API-KEY", &self.key);
        let request = match body {
            Some(body) => request.header("content-type", "application/json").body(body.to_string()),
            None => request,
        };
        let answer = request.send().await.expect("n8n answers");
        let (status, text) = (answer.status(), answer.text().await.expect("a body"));
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Value {
        let (status, answer) = self.ask(method, path, body).await;
        assert!(status.is_success(), "{path}: {status} {answer}");
        answer
    }

    /// Creates a workflow and answers its id.
    pub async fn create(&self, workflow: &Value) -> String {
        self.made("/workflows", workflow).await
    }

    async fn made(&self, path: &str, body: &Value) -> String {
        let made = self.call(Method::POST, path, Some(body)).await;
        made["id"].as_str().expect("an id").to_owned()
    }

    pub async fn get(&self, id: &str) -> Value {
        self.call(Method::GET, &format!("/workflows/{id}"), None).await
    }

    /// Every workflow that is not in the archive.
    pub async fn all(&self) -> Vec<Value> {
        let page = self.call(Method::GET, "/workflows?limit=250", None).await;
        let all = page["data"].as_array().cloned().unwrap_or_default();
        all.into_iter().filter(|workflow| workflow["isArchived"] != true).collect()
    }

    /// Edits a workflow as the editor does; what is in service is published anew.
    pub async fn edit(&self, id: &str, change: impl FnOnce(&mut Value)) {
        let whole = self.get(id).await;
        let mut body = json!({
            "name": whole["name"], "nodes": whole["nodes"], "connections": whole["connections"],
            "settings": { "executionOrder": "v1" }
        });
        change(&mut body);
        self.call(Method::PUT, &format!("/workflows/{id}"), Some(&body)).await;
    }

    /// Puts a workflow into service; 1.x has another word for it.
    pub async fn publish(&self, id: &str) {
        if !self.ask(Method::POST, &format!("/workflows/{id}/publish"), None).await.0.is_success() {
            self.call(Method::POST, &format!("/workflows/{id}/activate"), None).await;
        }
    }

    /// Takes it out of service.
    pub async fn unpublish(&self, id: &str) {
        if !self.ask(Method::POST, &format!("/workflows/{id}/unpublish"), None).await.0.is_success() {
            self.call(Method::POST, &format!("/workflows/{id}/deactivate"), None).await;
        }
    }

    /// Sets a workflow's tags, by name.
    pub async fn tag(&self, id: &str, names: &[&str]) {
        let known = self.call(Method::GET, "/tags?limit=250", None).await;
        let mut tags = Vec::new();
        for name in names {
            let there = known["data"].as_array().and_then(|all| all.iter().find(|tag| tag["name"] == *name).cloned());
            let tag = match there {
                Some(tag) => tag["id"].as_str().expect("an id").to_owned(),
                None => self.made("/tags", &json!({ "name": name })).await,
            };
            tags.push(json!({ "id": tag }));
        }
        self.call(Method::PUT, &format!("/workflows/{id}/tags"), Some(&json!(tags))).await;
    }

    /// A credential that a node of an HTTP request can use; answers its id.
    pub async fn credential(&self, name: &str) -> String {
        let data = json!({ "name": "X-Key", "value": "only for tests" });
        self.made("/credentials", &json!({ "name": name, "type": "httpHeaderAuth", "data": data })).await
    }

    /// Deletes a workflow; where it was just taken out of service n8n says for a moment that it cannot be yet.
    pub async fn remove(&self, id: &str) {
        for _ in 0..REMOVALS {
            if self.ask(Method::DELETE, &format!("/workflows/{id}"), None).await.0.is_success() {
                return;
            }
        }
        panic!("n8n does not delete {id}");
    }

    /// Tidies a workflow away, whatever state it is in.
    pub async fn delete(&self, id: &str) {
        let _ = self.ask(Method::POST, &format!("/workflows/{id}/deactivate"), None).await;
        let _ = self.ask(Method::DELETE, &format!("/workflows/{id}"), None).await;
    }

    pub async fn delete_credential(&self, id: &str) {
        let _ = self.ask(Method::DELETE, &format!("/credentials/{id}"), None).await;
    }
}
