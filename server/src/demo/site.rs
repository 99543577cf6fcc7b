//! One environment of the demo, with both of its sides in hand: to act as its people do, and to look.

use std::sync::Arc;

use anyhow::{Context, bail};
use drift_domain::check::{CheckOutcome, CheckTrigger};
use drift_domain::ids::EnvironmentId;
use drift_domain::views::EnvironmentDraft;
use drift_services::Services;
use drift_services::gate::{Caller, cap};
use drift_sim::github::{GithubSim, Repo};
use drift_sim::n8n::N8nSim;
use serde_json::Value;

use super::library;
use super::world::Environment;

/// How often the demo looks, in seconds: a person who acts on a stand-in should not have to wait.
const INTERVAL: u32 = 30;

/// A connected environment.
pub(super) struct Site {
    pub(super) plan: &'static Environment,
    pub(super) n8n: Arc<N8nSim>,
    pub(super) repository: Repo,
    pub(super) id: EnvironmentId,
    pub(super) owner: Caller,
    pub(super) services: Arc<Services>,
}

/// What a person enters to connect an environment to the stand-ins.
pub(super) fn draft(plan: &Environment, n8n: &N8nSim, api_key: &str, github: &GithubSim) -> EnvironmentDraft {
    EnvironmentDraft {
        name: plan.name.to_owned(),
        class: plan.class,
        n8n_base_url: n8n.url(),
        n8n_api_key: api_key.to_owned(),
        git_api_base: github.url(),
        repository: plan.repository.to_owned(),
        git_ref: "main".to_owned(),
        git_folder: plan.folder.to_owned(),
        git_token: github.token(),
        interval_seconds: INTERVAL.to_string(),
        ..EnvironmentDraft::default()
    }
}

/// The path of a workflow's file in the repository.
pub(super) fn path(folder: &str, slug: &str) -> String {
    if folder.is_empty() { format!("{slug}.json") } else { format!("{folder}/{slug}.json") }
}

impl Site {
    /// Looks, as the schedule does.
    ///
    /// # Errors
    /// It did not come out as expected: then the demo would show something else than it promises.
    pub(super) async fn check(&self, expected: CheckOutcome) -> anyhow::Result<()> {
        let outcome = self.services.run_check(self.id, CheckTrigger::Schedule, None).await?;
        if outcome != expected {
            bail!("{}: a check ended as {outcome}, not as {expected}", self.plan.key);
        }
        Ok(())
    }

    /// The id in n8n of the workflow of a file.
    fn live_id(&self, slug: &str) -> anyhow::Result<String> {
        let name = parsed(slug)?["name"].as_str().map(str::to_owned).context("a workflow of the demo has a name")?;
        let named = |id: &String| self.n8n.workflow(id).is_ok_and(|workflow| workflow["name"] == name.as_str());
        self.n8n.ids().into_iter().find(named).with_context(|| format!("{}: no workflow {name:?}", self.plan.key))
    }

    /// Somebody changes a workflow in n8n; where it is in service, the change runs.
    pub(super) fn edit(&self, slug: &str, change: impl FnOnce(&mut Value)) -> anyhow::Result<()> {
        let id = self.live_id(slug)?;
        self.n8n.edit(&id, change)?;
        if self.n8n.workflow(&id)?["active"] == true {
            self.n8n.publish(&id)?;
        }
        Ok(())
    }

    /// Somebody changes a workflow in n8n and leaves it at saving.
    pub(super) fn edit_without_publishing(&self, slug: &str, change: impl FnOnce(&mut Value)) -> anyhow::Result<()> {
        Ok(self.n8n.edit(&self.live_id(slug)?, change)?)
    }

    /// Somebody takes a workflow out of service.
    pub(super) fn deactivate(&self, slug: &str) -> anyhow::Result<()> {
        Ok(self.n8n.deactivate(&self.live_id(slug)?)?)
    }

    /// Somebody deletes a workflow in n8n.
    pub(super) fn delete(&self, slug: &str) -> anyhow::Result<()> {
        Ok(self.n8n.delete(&self.live_id(slug)?)?)
    }

    /// Somebody imports a workflow into n8n that Git does not know.
    pub(super) fn import(&self, slug: &str) -> anyhow::Result<()> {
        super::instance::import(self.n8n.editor(), &parsed(slug)?);
        Ok(())
    }

    /// Somebody changes a workflow's file in Git.
    pub(super) async fn commit(
        &self,
        author: &str,
        message: &str,
        slug: &str,
        change: impl FnOnce(&mut Value),
    ) -> anyhow::Result<()> {
        let path = path(self.plan.folder, slug);
        let file = self.repository.read("main", &path).await?.with_context(|| format!("no file {path}"))?;
        let mut workflow: Value = serde_json::from_slice(&file)?;
        change(&mut workflow);
        let bytes = serde_json::to_vec_pretty(&workflow)?;
        self.repository.commit("main", author, message, &[(&path, Some(&bytes))]).await?;
        Ok(())
    }

    /// Finishes the adoption review, as its owner.
    pub(super) async fn adopt(&self, note: &str) -> anyhow::Result<()> {
        let permit = self.owner.permit::<cap::Configure>()?;
        Ok(self.services.finish_adoption(&permit, self.id, note.to_owned()).await?)
    }
}

/// A file of the library, read.
pub(super) fn parsed(slug: &str) -> anyhow::Result<Value> {
    serde_json::from_str(library::get(slug)?.text).with_context(|| format!("{slug}.json"))
}

/// The node of this name.
///
/// # Panics
/// There is none: the library is fixed, and a test runs every scene.
#[expect(clippy::panic, reason = "the library is fixed, and a test runs every scene")]
pub(super) fn node<'w>(workflow: &'w mut Value, name: &str) -> &'w mut Value {
    let nodes = workflow["nodes"].as_array_mut().into_iter().flatten();
    nodes.into_iter().find(|node| node["name"] == name).unwrap_or_else(|| panic!("no node is called {name:?}"))
}

/// Replaces a part of a text somewhere in a workflow.
///
/// # Panics
/// The text is not there: the library is fixed, and a test runs every scene.
#[expect(clippy::panic, reason = "the library is fixed, and a test runs every scene")]
pub(super) fn replace(text: &mut Value, from: &str, to: &str) {
    match text.as_str().filter(|text| text.contains(from)) {
        Some(found) => *text = Value::String(found.replace(from, to)),
        None => panic!("{from:?} is not in {text}"),
    }
}
