//! An organization with many environments, one of them with many open changes, and somebody who is signed in.

use anyhow::{Result, ensure};
use drift_domain::clock::Clock;
use drift_domain::ids::EnvironmentId;
use drift_domain::plan::PlanTier;
use drift_domain::views::EnvironmentDraft;
use drift_services::accounts::SetUp;
use drift_services::gate::Caller;
use drift_testkit::app::{FOLDER, path, workflow};
use drift_testkit::{TestApp, TestClock, TestEnvironment};
use secrecy::ExposeSecret;
use serde_json::json;

use crate::clock::SystemClock;

pub(super) struct Setting {
    app: TestApp,
    /// The session's token.
    pub(super) token: String,
    /// The environment with the changes.
    pub(super) workspace: EnvironmentId,
}

impl Setting {
    pub(super) async fn make(environments: usize, changes: usize) -> Result<Self> {
        let app = TestApp::with(TestClock::at(SystemClock.now()), |_| {}).await;
        let owner = SetUp {
            organization: "Acme".to_owned(),
            name: "Ada Lovelace".to_owned(),
            email: "ada@example.com".to_owned(),
            password: "correct horse battery staple".into(),
            user_agent: "fleet".to_owned(),
        };
        let signed_in = app.services.set_up(owner).await?;
        let caller = app.moved_to(&signed_in.caller, PlanTier::Enterprise).await;
        let workspace = with_changes(&app, &caller, changes).await?;
        for number in 1..environments {
            let draft = EnvironmentDraft {
                name: format!("Environment {number:04}"),
                n8n_base_url: format!("http://127.0.0.1:9/{number}"),
                n8n_api_key: "unused".to_owned(),
                repository: "acme/workflows".to_owned(),
                git_token: "unused".to_owned(),
                ..EnvironmentDraft::default()
            };
            app.services.connect_environment(&caller.permit()?, draft).await?;
        }
        rest(&app).await?;
        Ok(Self { app, token: signed_in.token.expose_secret().to_owned(), workspace })
    }

    pub(super) fn database(&self) -> &str {
        self.app.database.url()
    }

    pub(super) fn key(&self) -> String {
        self.app.secret_key()
    }
}

/// An environment in which every workflow was edited since both sides agreed.
async fn with_changes(app: &TestApp, caller: &Caller, changes: usize) -> Result<EnvironmentId> {
    let env: TestEnvironment<'_> = app.environment(caller, "Workspace").await;
    let ids: Vec<String> = (0..changes).map(|number| env.n8n.create(&workflow(&format!("Flow {number:03}")))).collect();
    let exported: Vec<(String, Vec<u8>)> = ids
        .iter()
        .map(|id| Ok((path(id), serde_json::to_vec_pretty(&env.n8n.workflow(id)?)?)))
        .collect::<Result<_>>()?;
    let files: Vec<_> = exported.iter().map(|(path, bytes)| (path.as_str(), Some(bytes.as_slice()))).collect();
    ensure!(files.iter().all(|(path, _)| path.starts_with(FOLDER)), "workflows lie in the folder that is read");
    env.repo.commit("main", "Ada Lovelace", "Export", &files).await?;
    env.check().await;
    for id in &ids {
        env.edit(id, "Total", |node| node["parameters"]["jsCode"] = json!("return [];"));
    }
    env.check().await;
    let page = env.page().await;
    ensure!(page.row.affected_workflows as usize == changes, "{} changes", page.row.affected_workflows);
    Ok(env.id)
}

/// Nothing is checked while pages are measured: every environment was looked at just now, and is being looked at.
async fn rest(app: &TestApp) -> Result<()> {
    sqlx::query("DELETE FROM graphile_worker._private_jobs").execute(app.database.pool()).await?;
    sqlx::query("UPDATE environments SET queued_at = now() + interval '1 day', last_checked_at = now(), failure = NULL, failing_since = NULL")
        .execute(app.database.pool())
        .await?;
    sqlx::query("ANALYZE").execute(app.database.pool()).await?;
    Ok(())
}
