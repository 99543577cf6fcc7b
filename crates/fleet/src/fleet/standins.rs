//! The fleet's n8ns and its GitHub, and how they change.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use drift_domain::views::EnvironmentDraft;
use drift_sim::github::{GithubSim, Options, Repo};
use drift_sim::n8n::{self, N8nSim};
use serde_json::json;
use tokio::time::{MissedTickBehavior, interval};

use super::Settings;
use crate::clock::SystemClock;
use crate::seed::{EDITED, workflow};

/// The folder of every repository that holds the workflows.
const FOLDER: &str = "workflows";
/// Slices of a minute: in each, a sixtieth of what changes in a minute is changed.
const SLICES: usize = 60;

/// An n8n for each environment, and a repository for each organization.
pub(crate) struct StandIns {
    n8ns: Vec<N8nSim>,
    github: GithubSim,
    repositories: Vec<Repo>,
    per_organization: usize,
    edits: AtomicU64,
    next: AtomicUsize,
}

/// What the stand-ins were asked.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Calls {
    pub(crate) n8n: usize,
    pub(crate) github: usize,
    /// Of these, how many GitHub answered 304: they do not count against its limit.
    pub(crate) github_unchanged: usize,
}

impl StandIns {
    pub(super) async fn start(settings: &Settings) -> Result<Self> {
        let github = GithubSim::start_with(Arc::new(SystemClock), Options::default()).await?;
        let files: Vec<_> = (0..settings.workflows).map(|number| workflow(number, settings.bytes)).collect();
        let mut n8ns = Vec::with_capacity(settings.environments);
        for number in 0..settings.environments {
            let options = n8n::Options { seed: format!("fleet {number}"), ..n8n::Options::new(SystemClock) };
            let n8n = N8nSim::start_with(options).await.context("a port for an n8n")?;
            for file in &files {
                n8n.import(file);
            }
            n8ns.push(n8n);
        }
        let mut repositories = Vec::new();
        for first in n8ns.chunks(settings.per_organization).map(|theirs| &theirs[0]) {
            let repository = github.create(&format!("acme/flows-{}", repositories.len())).await?;
            let exported = first.ids().into_iter().map(|id| {
                let bytes = serde_json::to_vec_pretty(&first.workflow(&id)?)?;
                Ok((format!("{FOLDER}/{id}.json"), bytes))
            });
            let exported: Vec<(String, Vec<u8>)> = exported.collect::<Result<_>>()?;
            let files: Vec<_> = exported.iter().map(|(path, bytes)| (path.as_str(), Some(bytes.as_slice()))).collect();
            repository.commit("main", "Ada Lovelace", "Export every workflow", &files).await?;
            repositories.push(repository);
        }
        let (edits, next) = (AtomicU64::new(0), AtomicUsize::new(0));
        Ok(Self { n8ns, github, repositories, per_organization: settings.per_organization, edits, next })
    }

    /// How each environment is connected.
    pub(crate) fn drafts(&self) -> Vec<EnvironmentDraft> {
        let draft = |(number, n8n): (usize, &N8nSim)| EnvironmentDraft {
            name: format!("Environment {number:04}"),
            n8n_base_url: n8n.url(),
            n8n_api_key: n8n.api_key(),
            git_api_base: self.github.url(),
            repository: format!("acme/flows-{}", number / self.per_organization),
            git_folder: FOLDER.to_owned(),
            git_token: self.github.token(),
            ..EnvironmentDraft::default()
        };
        self.n8ns.iter().enumerate().map(draft).collect()
    }

    /// Forgets what was asked so far.
    pub(crate) fn forget(&self) {
        self.github.forget_requests();
        self.n8ns.iter().for_each(|n8n| n8n.faults().forget());
    }

    pub(crate) fn calls(&self) -> Calls {
        Calls {
            n8n: self.n8ns.iter().map(|n8n| n8n.faults().seen().len()).sum(),
            github: self.github.requests().len(),
            github_unchanged: self.github.not_modified(),
        }
    }

    /// Edits of workflows so far.
    pub(crate) fn edits(&self) -> u64 {
        self.edits.load(Ordering::Relaxed)
    }

    /// Somebody edits a workflow of an environment in n8n and publishes it: the first ones, over and over, so that their
    /// changes drift further.
    fn edit(&self, environment: usize, workflow: usize) -> Result<()> {
        let n8n = &self.n8ns[environment];
        let id = n8n.ids().into_iter().nth(workflow).context("a workflow")?;
        let number = self.edits.fetch_add(1, Ordering::Relaxed);
        let code = format!("return [{{ json: {{ edit: {number} }} }}];");
        n8n.change_node(&id, EDITED, |node| node["parameters"]["jsCode"] = json!(code))?;
        n8n.publish(&id)?;
        Ok(())
    }

    /// A sixtieth of what changes in a minute.
    async fn change(&self, edits_per_environment: f64) -> Result<()> {
        let slice = self.next.fetch_add(1, Ordering::Relaxed);
        for environment in (slice % SLICES..self.n8ns.len()).step_by(SLICES) {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a handful")]
            for workflow in 0..edits_per_environment.round() as usize {
                self.edit(environment, workflow)?;
            }
        }
        // Somebody pushes to each repository once a minute, beside the workflows.
        for repository in self.repositories.iter().skip(slice % SLICES).step_by(SLICES) {
            let text = format!("Read {slice} times.");
            repository.commit("main", "Ada Lovelace", "Note", &[("README.md", Some(text.as_bytes()))]).await?;
        }
        Ok(())
    }
}

/// Lets the fleet change until this process ends.
pub(super) async fn keep_changing(stand_ins: Arc<StandIns>, settings: Settings) {
    #[expect(clippy::cast_precision_loss, reason = "hundreds")]
    let edits = settings.workflows as f64 * settings.changing / 100.0;
    let mut ticks = interval(Duration::from_secs(60) / u32::try_from(SLICES).unwrap_or(60));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    loop {
        ticks.tick().await;
        if let Err(error) = stand_ins.change(edits).await {
            eprintln!("fleet: the stand-ins could not be changed: {error:#}");
        }
    }
}
