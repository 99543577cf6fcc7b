//! Plain calls to a server under contract.

use std::sync::Mutex;
use std::time::Duration;

use drift_n8n::{Client, LiveEnvironment as _, VersionFamily};
use reqwest::header::HeaderMap;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::common;

/// A type of credential that both versions know without anything installed.
pub const CREDENTIAL: &str = "httpHeaderAuth";

/// A server under contract.
pub struct Target {
    pub url: String,
    pub key: String,
    pub version: VersionFamily,
    http: reqwest::Client,
    /// How long is waited between two looks: nothing passes in a stand-in but requests.
    pause: Duration,
    made: Mutex<Vec<String>>,
    /// Paths of tags and credentials to take away.
    beside: Mutex<Vec<String>>,
}

/// What it answered.
pub struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

impl Reply {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|e| panic!("{e} in {}", self.text))
    }

    pub fn message(&self) -> String {
        self.json()["message"].as_str().unwrap_or_else(|| panic!("no message in {}", self.text)).to_owned()
    }

    #[track_caller]
    pub fn ok(&self) -> Value {
        assert_eq!(self.status, StatusCode::OK, "{}", self.text);
        self.json()
    }
}

impl Target {
    pub fn new(url: &str, key: &str, version: VersionFamily) -> Self {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let (made, beside) = Default::default();
        let pause = Duration::from_millis(1);
        Self { url: url.to_owned(), key: key.to_owned(), version, http, pause, made, beside }
    }

    /// A real server: asks it for its version.
    pub async fn find(url: &str, key: &str) -> Self {
        let probe = common::client(url, key).probe().await.unwrap();
        let pause = Duration::from_millis(100);
        Self { pause, ..Self::new(url, key, probe.version.expect("the version can be told")) }
    }

    pub fn is_1x(&self) -> bool {
        self.version == VersionFamily::V1
    }

    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.http.request(method, format!("{}/api/v1{path}", self.url))
    }

    pub async fn send(&self, request: reqwest::RequestBuilder) -> Reply {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Reply { status, headers, text: response.text().await.unwrap() }
    }

    pub async fn get(&self, path: &str) -> Reply {
        self.send(self.request(Method::GET, path).header("X-N8N-API-KEY", &self.key)).await
    }

    pub async fn call(&self, method: Method, path: &str, body: Value) -> Reply {
        self.send(self.request(method, path).header("X-N8N-API-KEY", &self.key).json(&body)).await
    }

    pub async fn put(&self, id: &str, body: Value) -> Reply {
        self.call(Method::PUT, &format!("/workflows/{id}"), body).await
    }

    /// POST without a body to `/workflows/ID/ACTION`.
    pub async fn act(&self, id: &str, action: &str) -> Reply {
        let path = format!("/workflows/{id}/{action}");
        self.send(self.request(Method::POST, &path).header("X-N8N-API-KEY", &self.key)).await
    }

    pub async fn create(&self, body: &Value) -> Value {
        let made = self.call(Method::POST, "/workflows", body.clone()).await.ok();
        self.note(&id(&made));
        made
    }

    /// Remembers a workflow that something else made, to take it away.
    pub fn note(&self, id: &str) {
        self.made.lock().unwrap().push(id.to_owned());
    }

    /// The workflows that this test made.
    pub fn made(&self) -> Vec<String> {
        self.made.lock().unwrap().clone()
    }

    /// Makes a credential of this name, and says its id.
    pub async fn credential(&self, name: &str) -> String {
        let body = json!({ "name": name, "type": CREDENTIAL, "data": { "name": "X", "value": "secret" } });
        let made = id(&self.call(Method::POST, "/credentials", body).await.ok());
        self.beside.lock().unwrap().push(format!("/credentials/{made}"));
        made
    }

    /// Takes these tags away in the end.
    pub async fn note_tags(&self, names: &[String]) {
        let all = self.get("/tags?limit=250").await.ok();
        let found = all["data"].as_array().unwrap().iter().filter(|tag| names.iter().any(|name| tag["name"] == **name));
        self.beside.lock().unwrap().extend(found.map(|tag| format!("/tags/{}", id(tag))));
    }

    /// The client of the product, on this server.
    pub fn client(&self) -> Client {
        let mut settings = common::settings(&self.url, &self.key);
        settings.backoff = self.pause;
        Client::new(settings).unwrap()
    }

    /// Makes a workflow, and waits until its triggers have started.
    pub async fn running(&self, body: &Value) -> String {
        let made = id(&self.create(body).await);
        self.act(&made, "activate").await.ok();
        self.until(&made, "its triggers start", |w| w["triggerCount"] != 0).await;
        made
    }

    /// Asks for a workflow until this is so, for ten seconds at most on a real server.
    pub async fn until(&self, id: &str, what: &str, is: impl Fn(&Value) -> bool) -> Value {
        for _ in 0..100 {
            let workflow = self.workflow(id).await;
            if is(&workflow) {
                return workflow;
            }
            tokio::time::sleep(self.pause).await;
        }
        panic!("{what}: it was looked at a hundred times")
    }

    pub async fn workflow(&self, id: &str) -> Value {
        self.get(&format!("/workflows/{id}")).await.ok()
    }

    /// This workflow as the list shows it.
    pub async fn listed(&self, id: &str) -> Value {
        let page = self.get("/workflows?limit=250").await.ok();
        let found = page["data"].as_array().unwrap().iter().find(|w| w["id"] == id).cloned();
        found.unwrap_or_else(|| panic!("{id} is not listed"))
    }

    /// Deletes a workflow that is out of service. On 2.x unpublishing goes on for a moment after it was answered (for 14
    /// seconds where the schedule could not be read), and until then n8n refuses (409, "still being unpublished") or
    /// stumbles (500): so it is asked again, for half a minute at most on a real server.
    pub async fn delete(&self, id: &str) -> Reply {
        let path = format!("/workflows/{id}");
        for _ in 0..300 {
            let reply = self.call(Method::DELETE, &path, Value::Null).await;
            if !matches!(reply.status, 409 | 500) {
                return reply;
            }
            tokio::time::sleep(self.pause).await;
        }
        self.call(Method::DELETE, &path, Value::Null).await
    }

    /// Takes away what the test made.
    pub async fn clean_up(&self) {
        let made = std::mem::take(&mut *self.made.lock().unwrap());
        for id in made {
            self.act(&id, "deactivate").await;
            let reply = self.delete(&id).await;
            assert!(matches!(reply.status, 200 | 404), "{id} was left behind: {} {}", reply.status, reply.text);
        }
        let beside = std::mem::take(&mut *self.beside.lock().unwrap());
        for path in beside {
            let reply = self.call(Method::DELETE, &path, Value::Null).await;
            assert!(matches!(reply.status, 200 | 404), "{path} was left behind: {} {}", reply.status, reply.text);
        }
    }
}

pub fn id(workflow: &Value) -> String {
    workflow["id"].as_str().unwrap().to_owned()
}

/// The keys whose values differ.
pub fn moved(before: &Value, after: &Value) -> Vec<String> {
    let (before, after) = (before.as_object().unwrap(), after.as_object().unwrap());
    let mut keys: Vec<String> =
        before.keys().chain(after.keys()).filter(|k| before.get(*k) != after.get(*k)).cloned().collect();
    keys.sort();
    keys.dedup();
    keys
}
