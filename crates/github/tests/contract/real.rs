//! A repository on GitHub itself, written to through its git database. No test of this project's own runs reaches it.

use async_trait::async_trait;
use drift_github::{Credentials, Settings};
use drift_sim::github::Change;
use reqwest::{Client, Method, StatusCode};
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::ground::People;

/// The settings and the writer for the repository that the environment names.
pub fn from_environment() -> Option<(Settings, Box<dyn People>)> {
    let token = variable("WORKFLOWOPS_TEST_GITHUB_TOKEN")?;
    let full_name = variable("WORKFLOWOPS_TEST_GITHUB_REPOSITORY")?;
    let (owner, name) = full_name.split_once('/').expect("WORKFLOWOPS_TEST_GITHUB_REPOSITORY is owner/name");
    let credentials = Credentials::Token(SecretString::from(token.clone()));
    let settings = Settings::new("https://api.github.com".parse().unwrap(), owner, name, credentials);
    let base = format!("https://api.github.com/repos/{full_name}/git");
    Some((settings, Box::new(Writer { client: Client::new(), base, token })))
}

#[expect(clippy::disallowed_methods, reason = "the one test that a person points at a repository of theirs")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

struct Writer {
    client: Client,
    base: String,
    token: String,
}

impl Writer {
    async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> (StatusCode, Value) {
        let mut request = self
            .client
            .request(method, format!("{}/{path}", self.base))
            .bearer_auth(&self.token)
            .header("accept", "application/vnd.github+json")
            .header("user-agent", "WorkflowOps-contract");
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.unwrap();
        let status = response.status();
        let text = response.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::Null))
    }

    async fn make(&self, path: &str, body: Value) -> Value {
        let (status, answer) = self.ask(Method::POST, path, Some(body)).await;
        assert_eq!(status, StatusCode::CREATED, "{path}: {answer}");
        answer
    }
}

fn encode(reference: &str) -> String {
    percent_encoding::utf8_percent_encode(reference, percent_encoding::NON_ALPHANUMERIC).to_string()
}

fn sha(value: &Value) -> String {
    value.as_str().expect("a SHA").to_owned()
}

#[async_trait]
impl People for Writer {
    async fn commit(&self, branch: &str, author: &str, message: &str, changes: &[(&str, Change)]) -> String {
        let (status, head) = self.ask(Method::GET, &format!("ref/heads%2F{}", encode(branch)), None).await;
        let parent = status.is_success().then(|| sha(&head["object"]["sha"]));
        let entry = |(path, change): &(&str, Change)| match change {
            Change::Write(content) => {
                let text = std::str::from_utf8(content).expect("the checks write text");
                json!({ "path": path, "mode": "100644", "type": "blob", "content": text })
            }
            Change::Symlink(target) => json!({ "path": path, "mode": "120000", "type": "blob", "content": target }),
            Change::Submodule(sha) => json!({ "path": path, "mode": "160000", "type": "commit", "sha": sha }),
            Change::Remove => json!({ "path": path, "mode": "100644", "type": "blob", "sha": null }),
        };
        let mut tree = json!({ "tree": changes.iter().map(entry).collect::<Vec<_>>() });
        if let Some(parent) = &parent {
            tree["base_tree"] = json!(parent);
        }
        let tree = sha(&self.make("trees", tree).await["sha"]);
        let (name, email) = match author.split_once(" <") {
            Some((name, email)) => (name, email.trim_end_matches('>')),
            None => (author, "somebody@example.com"),
        };
        let parents: Vec<_> = parent.iter().collect();
        let author = json!({ "name": name, "email": email });
        let commit = json!({ "message": message, "tree": tree, "parents": parents, "author": author });
        let commit = sha(&self.make("commits", commit).await["sha"]);
        if parent.is_some() {
            let path = format!("refs/heads%2F{}", encode(branch));
            let (status, answer) = self.ask(Method::PATCH, &path, Some(json!({ "sha": commit }))).await;
            assert_eq!(status, StatusCode::OK, "{answer}");
        } else {
            self.point(&format!("heads/{branch}"), &commit).await;
        }
        commit
    }

    async fn point(&self, reference: &str, at: &str) {
        self.make("refs", json!({ "ref": format!("refs/{reference}"), "sha": at })).await;
    }

    async fn remove(&self, reference: &str) {
        let (status, answer) = self.ask(Method::DELETE, &format!("refs/{}", encode(reference)), None).await;
        assert_eq!(status, StatusCode::NO_CONTENT, "{answer}");
    }
}
