//! What the demo remembers from one start to the next, beside its database and its repositories.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Raised when the world changes: a folder of an older one is made anew.
const VERSION: u32 = 1;

/// The file that also marks a folder as the demo's: nothing is removed from a folder without it.
const FILE: &str = "demo.json";

/// The file that a running demo holds locked.
const LOCK: &str = "lock";

/// What is remembered.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct State {
    version: u32,
    /// The schema that the database was made with.
    #[serde(default)]
    schema: String,
    /// Everything was seeded. A folder where that was cut short is made anew.
    pub(super) complete: bool,
    /// How often the demo was started: part of what the stand-ins make ids from, so that none is made twice.
    pub(super) starts: u64,
    pub(super) github: Github,
    /// n8n, by the environment's key.
    pub(super) n8n: BTreeMap<String, Instance>,
}

/// The stand-in for GitHub; its repositories are in a folder of their own.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Github {
    pub(super) port: u16,
    pub(super) token: String,
}

/// One stand-in for n8n.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Instance {
    pub(super) port: u16,
    /// The key that it accepts.
    pub(super) api_key: String,
    /// The key that the environment was connected with; another one when somebody renewed it.
    pub(super) connected_key: String,
    /// Whether it answers.
    pub(super) running: bool,
    pub(super) workflows: Vec<Kept>,
}

/// A workflow of a stand-in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Kept {
    /// What is published, or all there is.
    pub(super) content: Value,
    /// What is saved and not published, if that is something else: nodes, connections, groups.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) draft: Option<Value>,
}

/// Keeps other demos off a folder for as long as it lives; the system forgets it with the process.
#[derive(Debug)]
pub(super) struct Claim(#[expect(dead_code, reason = "the file is what holds the lock")] std::fs::File);

impl Claim {
    /// Claims the folder.
    ///
    /// # Errors
    /// Another demo runs on it.
    pub(super) fn new(folder: &Path) -> anyhow::Result<Self> {
        let path = folder.join(LOCK);
        let lock = std::fs::File::create(&path).with_context(|| format!("{} cannot be written", path.display()))?;
        if lock.try_lock().is_err() {
            anyhow::bail!(
                "another demo runs on {}. Stop it first, or name another folder with --data-dir",
                folder.display()
            );
        }
        Ok(Self(lock))
    }
}

impl State {
    /// What `folder` remembers; a new world where it holds none, one of an older schema, or one that was cut short. What is
    /// left of that is removed. Somebody must have claimed the folder.
    ///
    /// # Errors
    /// The folder holds files that are not the demo's, or cannot be used.
    pub(super) fn open(folder: &Path, fresh: bool) -> anyhow::Result<Self> {
        let file = folder.join(FILE);
        let schema = drift_store::pool::schema_version();
        let known: Option<Self> = match std::fs::read(&file) {
            Ok(bytes) => serde_json::from_slice(&bytes).ok(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let mut found = std::fs::read_dir(folder)?.flatten();
                if let Some(stranger) = found.find(|found| found.file_name() != LOCK) {
                    anyhow::bail!(
                        "{} is not the demo's: it holds {}. Name an empty folder with --data-dir",
                        folder.display(),
                        stranger.file_name().to_string_lossy()
                    );
                }
                None
            }
            Err(error) => return Err(error).with_context(|| format!("{} cannot be read", file.display())),
        };
        let is_whole = |state: &Self| state.complete && state.version == VERSION && state.schema == schema;
        if let Some(mut state) = known.filter(|state| is_whole(state) && !fresh) {
            state.starts += 1;
            return Ok(state);
        }
        let state = Self { version: VERSION, schema, starts: 1, ..Self::default() };
        state.save(folder)?;
        clear(folder)?;
        Ok(state)
    }

    /// Writes it down, whole or not at all.
    pub(super) fn save(&self, folder: &Path) -> anyhow::Result<()> {
        let mut draft = tempfile::Builder::new().prefix(".demo").tempfile_in(folder)?;
        draft.write_all(&serde_json::to_vec_pretty(self)?)?;
        draft.persist(folder.join(FILE))?;
        Ok(())
    }

    /// The folder of the stand-in for GitHub.
    pub(super) fn repositories(folder: &Path) -> PathBuf {
        folder.join("github")
    }
}

/// Removes what an earlier world left, the mark excepted.
fn clear(folder: &Path) -> anyhow::Result<()> {
    for made in ["postgres", "github", "secret.key"] {
        let path = folder.join(made);
        let removed = if path.is_dir() { std::fs::remove_dir_all(&path) } else { std::fs::remove_file(&path) };
        match removed {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("{} cannot be removed", path.display()));
            }
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_world_is_found_again_and_one_that_was_cut_short_is_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        let mut state = State::open(folder.path(), false).unwrap();
        assert_eq!((state.complete, state.starts), (false, 1));
        state.github.port = 7;
        std::fs::create_dir(folder.path().join("github")).unwrap();
        state.save(folder.path()).unwrap();
        assert_eq!(State::open(folder.path(), false).unwrap().github.port, 0, "it was cut short");
        assert!(!folder.path().join("github").exists());

        state.complete = true;
        state.save(folder.path()).unwrap();
        let again = State::open(folder.path(), false).unwrap();
        assert_eq!((again.complete, again.starts, again.github.port), (true, 2, 7));
        state.schema = "an older one".to_owned();
        state.save(folder.path()).unwrap();
        assert!(!State::open(folder.path(), false).unwrap().complete, "its database has another schema");
        state.schema = drift_store::pool::schema_version();
        state.save(folder.path()).unwrap();
        assert!(!State::open(folder.path(), true).unwrap().complete, "somebody asked for a fresh one");
    }

    #[test]
    fn two_demos_do_not_share_a_folder() {
        let folder = tempfile::tempdir().unwrap();
        let first = Claim::new(folder.path()).unwrap();
        let said = Claim::new(folder.path()).unwrap_err().to_string();
        assert!(said.contains("another demo runs on"), "{said}");
        drop(first);
        Claim::new(folder.path()).unwrap();
        State::open(folder.path(), false).unwrap();
    }

    #[test]
    fn nothing_is_removed_from_somebody_elses_folder() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("postgres")).unwrap();
        let said = State::open(folder.path(), true).unwrap_err().to_string();
        assert!(said.contains("is not the demo's: it holds postgres"), "{said}");
        assert!(folder.path().join("postgres").exists());
    }
}
