//! The real workflows that are measured and tested with.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Where the archives lie that are not part of the repository: beside it.
const SHARED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data");
/// Where the workflows are that come with the crate.
const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures");

/// What is measured on: files as they were found, each one workflow.
pub struct Corpus {
    /// Where it is from, to be printed.
    pub source: String,
    /// The files' bytes.
    pub workflows: Vec<Vec<u8>>,
    /// Before and after, of changes that people made; or that the tests' mutations made where those are absent.
    pub pairs: Vec<[Vec<u8>; 2]>,
}

impl Corpus {
    /// The archives beside the repository, else the crate's own fixtures; says which by name.
    pub fn load() -> Self {
        let folders: Option<Vec<_>> =
            ["workflows-open", "workflows-firstparty", "pairs-open"].iter().map(|name| unpacked(name)).collect();
        let Some(folders) = folders else {
            eprintln!(
                "skipped: the archives of real workflows (no ../shared/data, zstd or tar); the fixtures stand in"
            );
            let workflows = fixtures();
            let pairs = workflows.iter().map(|desired| [edited(desired), desired.clone()]).collect();
            return Self { source: "the crate's fixtures".to_owned(), workflows, pairs };
        };
        let mut workflows = Vec::new();
        for path in folders[..2].iter().flat_map(|folder| json_files(folder)) {
            let bytes = read(&path);
            if drift_engine::parse(&bytes, &drift_engine::Limits::default()).is_ok() {
                workflows.push(bytes);
            }
        }
        let mut cases: Vec<_> = entries(&folders[2]).into_iter().filter(|path| path.is_dir()).collect();
        cases.sort();
        let pairs =
            cases.iter().map(|case| [read(&case.join("after.json")), read(&case.join("before.json"))]).collect();
        Self { source: "public workflows and pairs from their git histories".to_owned(), workflows, pairs }
    }
}

/// The workflows that come with the crate.
pub fn fixtures() -> Vec<Vec<u8>> {
    json_files(Path::new(FIXTURES)).iter().map(|path| read(path)).collect()
}

/// The folder of an archive, unpacked once below the build's own folder.
fn unpacked(name: &str) -> Option<PathBuf> {
    let archive = Path::new(SHARED).join(format!("{name}.tar.zst"));
    let to = Path::new(env!("CARGO_TARGET_TMPDIR")).join("corpus");
    let folder = to.join(name);
    if archive.is_file() && !folder.is_dir() {
        std::fs::create_dir_all(&to).ok()?;
        let unpacked = Command::new("tar").arg("--zstd").arg("-xf").arg(&archive).arg("-C").arg(&to).status().ok()?;
        if !unpacked.success() {
            return None;
        }
    }
    folder.is_dir().then_some(folder)
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(folder).map(|dir| dir.filter_map(|e| Some(e.ok()?.path())).collect()).unwrap_or_default()
}

fn json_files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> =
        entries(folder).into_iter().filter(|p| p.extension().is_some_and(|e| e == "json")).collect();
    files.sort();
    files
}

fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap_or_else(|e| panic!("{} cannot be read: {e}", path.display()))
}

/// A workflow with one field of its first node changed, written without spaces, as n8n's API writes.
fn edited(bytes: &[u8]) -> Vec<u8> {
    let mut value: serde_json::Value = serde_json::from_slice(bytes).expect("a fixture");
    value["nodes"][0]["parameters"]["changed"] = true.into();
    value.to_string().into_bytes()
}
