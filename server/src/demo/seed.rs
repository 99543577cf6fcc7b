//! The first start: everything that the demo shows is brought about by acting it out.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Context;
use drift_services::Services;
use drift_services::gate::{Caller, cap};
use drift_sim::github::{GithubSim, Repo};
use drift_sim::n8n::N8nSim;
use serde_json::Value;
use tokio::task::JoinSet;

use super::scenes::Scene;
use super::site::{Site, draft, parsed, path};
use super::world::{ENVIRONMENTS, Environment};
use super::{instance, library};

/// The stand-ins for n8n, by the environment's key.
pub(super) type Instances = BTreeMap<&'static str, Arc<N8nSim>>;

/// A file's path and content.
type File = (String, Vec<u8>);

/// Puts the workflows into both sides, before anybody connects them.
pub(super) async fn fill(github: &GithubSim, instances: &Instances) -> anyhow::Result<()> {
    for plan in ENVIRONMENTS {
        let repository = match github.repo(plan.repository) {
            Some(repository) => repository,
            None => github.create(plan.repository).await?,
        };
        let (files, live) = contents(plan)?;
        commit(&repository, plan, &files).await?;
        let n8n = instances.get(plan.key).context("every environment has a stand-in")?;
        for workflow in live {
            instance::import(n8n.editor(), &workflow);
        }
    }
    Ok(())
}

async fn commit(repository: &Repo, plan: &Environment, files: &[File]) -> anyhow::Result<()> {
    let known = repository.resolve("main").await?;
    let known = if known.is_some() { repository.files("main").await? } else { Vec::new() };
    let new: Vec<_> = files.iter().filter(|(path, _)| !known.contains(path)).collect();
    let changes: Vec<_> = new.iter().map(|(path, bytes)| (path.as_str(), Some(bytes.as_slice()))).collect();
    if !changes.is_empty() {
        let message = format!("{}: take the workflows into Git", plan.name);
        repository.commit("main", "Ana Ruiz <ana@northlight.example>", &message, &changes).await?;
    }
    Ok(())
}

/// What Git declares, and what runs. The same, except in an environment that is still to be adopted.
fn contents(plan: &Environment) -> anyhow::Result<(Vec<File>, Vec<Value>)> {
    let mut files = Vec::new();
    let mut live = Vec::new();
    for slug in plan.workflows {
        let mut workflow = parsed(slug)?;
        if plan.scene == Scene::Adoption {
            // Exported by hand, long ago, without ids: names are all there is to go by.
            if let Some(fields) = workflow.as_object_mut() {
                fields.remove("id");
            }
            files.push((path(plan.folder, slug), serde_json::to_vec_pretty(&workflow)?));
            live.push(workflow);
        } else {
            // Templates do not say whether they are in service; whoever takes one into Git does.
            let is_told = workflow.get("active").is_some();
            if !is_told {
                workflow["active"] = true.into();
            }
            let told = serde_json::to_vec_pretty(&workflow)?;
            let bytes = if is_told { library::get(slug)?.text.as_bytes().to_vec() } else { told };
            files.push((path(plan.folder, slug), bytes));
            live.push(workflow);
        }
    }
    if plan.scene == Scene::Adoption {
        unlike(&mut files, &mut live)?;
    }
    Ok((files, live))
}

/// What years without Git look like: one workflow went on living, one was only ever in n8n, one only ever in Git.
fn unlike(files: &mut Vec<File>, live: &mut Vec<Value>) -> anyhow::Result<()> {
    live[0]["nodes"][0]["disabled"] = true.into();
    live.push(parsed("slack-summary")?);
    files.push(("google-doc.json".to_owned(), library::get("google-doc")?.text.as_bytes().to_vec()));
    Ok(())
}

/// Connects every environment as its organization's owner, and acts out its scene. `done` is called for each.
pub(super) async fn play(
    services: &Arc<Services>,
    github: &GithubSim,
    instances: &Instances,
    owners: &BTreeMap<&'static str, Caller>,
    mut done: impl FnMut(&Environment),
) -> anyhow::Result<()> {
    let mut playing = JoinSet::new();
    for plan in ENVIRONMENTS {
        let owner = owners.get(plan.organization).context("every organization has an owner")?.clone();
        let n8n = instances.get(plan.key).context("every environment has a stand-in")?.clone();
        let repository = github.repo(plan.repository).context("every environment has a repository")?;
        let draft = draft(plan, &n8n, &n8n.api_key(), github);
        let now = services.clone();
        let services = plan.scene.services(services);
        let id = services.connect_environment(&owner.permit::<cap::Configure>()?, draft).await?;
        let site = Site { plan, n8n, repository, id, owner, services };
        playing.spawn(async move {
            let played = plan.scene.play(&site).await;
            let played = match played {
                Ok(()) => plan.scene.come_to_now(Site { services: now, ..site }).await,
                failed => failed,
            };
            played.map(|()| plan).with_context(|| format!("the scene of {} went wrong", plan.key))
        });
    }
    while let Some(played) = playing.join_next().await {
        done(played.context("a scene panicked")??);
    }
    Ok(())
}
