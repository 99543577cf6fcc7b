//! The stand-ins for n8n: started, remembered, started again as they were.

use std::sync::Arc;

use anyhow::Context;
use drift_sim::n8n::{Editor, N8nSim, N8nVersion, Options};
use serde_json::{Value, json};

use super::state::{Instance, Kept};
use crate::clock::SystemClock;

/// What versions of n8n keep per version of a workflow.
const VERSIONED: [&str; 3] = ["nodes", "connections", "nodeGroups"];

/// Starts a stand-in as it was remembered, or a new one. On its old port where that is free: the environment knows it.
pub(super) async fn start(
    key: &str,
    version: N8nVersion,
    starts: u64,
    known: Option<&Instance>,
) -> anyhow::Result<Arc<N8nSim>> {
    let options = |port| Options {
        version,
        seed: format!("{key}/{starts}"),
        api_key: known.map(|known| known.api_key.clone()),
        port,
        ..Options::new(SystemClock)
    };
    let port = known.map_or(0, |known| known.port);
    let n8n = match N8nSim::start_with(options(port)).await {
        Ok(n8n) => n8n,
        Err(error) if port != 0 && error.kind() == std::io::ErrorKind::AddrInUse => {
            tracing::warn!(port, key, "the port of an n8n stand-in is taken; it gets another one");
            N8nSim::start_with(options(0)).await?
        }
        Err(error) => return Err(error).context("an n8n stand-in cannot listen on this machine"),
    };
    if let Some(known) = known {
        for workflow in &known.workflows {
            restore(n8n.editor(), workflow)?;
        }
        if !known.running {
            n8n.stop().await;
        }
    }
    Ok(Arc::new(n8n))
}

/// The stand-in as it is, to be remembered.
pub(super) fn remember(n8n: &N8nSim, connected_key: &str) -> anyhow::Result<Instance> {
    let port = n8n.url().rsplit(':').next().and_then(|port| port.parse().ok()).context("a stand-in has a port")?;
    let workflows = n8n.ids().iter().map(|id| Ok(keep(n8n.workflow(id)?))).collect::<anyhow::Result<_>>()?;
    Ok(Instance {
        port,
        api_key: n8n.api_key(),
        connected_key: connected_key.to_owned(),
        running: n8n.is_running(),
        workflows,
    })
}

/// A workflow as its owner sees it, taken apart into what runs and what is only saved.
fn keep(mut workflow: Value) -> Kept {
    let published = workflow["activeVersion"].take();
    let mut draft = None;
    if published.is_object() {
        let saved: Value = VERSIONED.iter().map(|part| ((*part).to_owned(), workflow[*part].take())).collect();
        for part in VERSIONED {
            workflow[part] = published[part].clone();
        }
        draft = VERSIONED.iter().any(|part| saved[*part] != workflow[*part]).then_some(saved);
    }
    Kept { content: workflow, draft }
}

fn restore(editor: &Editor, kept: &Kept) -> anyhow::Result<()> {
    let id = editor.import(&kept.content);
    if let Some(draft) = &kept.draft {
        editor.edit(&id, |workflow| {
            for part in VERSIONED {
                workflow[part] = draft[part].clone();
            }
        })?;
    }
    Ok(())
}

/// Puts a file of Git into n8n, as somebody who imports and publishes it does. A file without an id gets one.
pub(super) fn import(editor: &Editor, file: &Value) -> String {
    let mut workflow = file.clone();
    if workflow.get("active").is_none_or(Value::is_null) {
        workflow["active"] = json!(true);
    }
    if workflow.get("id").is_some_and(Value::is_string) { editor.import(&workflow) } else { editor.create(&workflow) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::library;

    fn editable(n8n: &N8nSim, id: &str) -> Value {
        let mut workflow = n8n.workflow(id).unwrap();
        for moves in [
            "updatedAt",
            "createdAt",
            "versionId",
            "versionCounter",
            "activeVersionId",
            "activeVersion",
            "shared",
            "tags",
        ] {
            workflow[moves] = Value::Null;
        }
        workflow
    }

    #[tokio::test]
    async fn a_stand_in_is_found_again_as_it_was_with_what_is_saved_and_not_published() {
        let n8n = start("one", N8nVersion::V2, 1, None).await.unwrap();
        for workflow in library::ALL {
            import(n8n.editor(), &serde_json::from_str(workflow.text).unwrap());
        }
        let id = n8n.ids().into_iter().find(|id| n8n.workflow(id).unwrap()["active"] == json!(true)).unwrap();
        n8n.edit(&id, |workflow| workflow["nodes"][0]["notes"] = json!("not published yet")).unwrap();
        let remembered = remember(&n8n, "key").unwrap();
        let before: Vec<Value> = n8n.ids().iter().map(|id| editable(&n8n, id)).collect();
        let running = n8n.workflow(&id).unwrap()["activeVersion"]["nodes"].clone();
        n8n.stop().await;
        drop(n8n);

        let again = start("one", N8nVersion::V2, 2, Some(&remembered)).await.unwrap();
        assert_eq!(again.ids().iter().map(|id| editable(&again, id)).collect::<Vec<_>>(), before);
        assert_eq!(again.workflow(&id).unwrap()["activeVersion"]["nodes"], running);
        assert_eq!(again.api_key(), remembered.api_key);
        let once_more = remember(&again, "key").unwrap();
        assert_eq!(once_more.port, remembered.port);
    }
}
