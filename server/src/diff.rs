//! `workflowops diff`: two workflow files compared as the product compares them, without a server.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use drift_engine::{Limits, Workflow, parse_file};

/// Compare what runs (LIVE) with what is declared (DESIRED).
///
/// Takes answers of n8n's public API, files of `n8n export:workflow`, source-control and package files. A file with
/// several workflows is compared by the id, or else the name, that both files have in common.
///
/// Exit status: 0 equal, 1 different, 2 could not compare (the reason is on stderr).
#[derive(Args, Debug)]
pub struct DiffArgs {
    /// The file with what runs.
    live: PathBuf,
    /// The file with what is declared.
    desired: PathBuf,
    /// The file with the last content that both had in common; each change then says which side moved.
    #[arg(long, value_name = "FILE")]
    base: Option<PathBuf>,
    /// How to print the result.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// For a person.
    Text,
    /// The documented, stable JSON.
    Json,
}

/// Runs the comparison and prints it.
pub fn run(args: &DiffArgs) -> ExitCode {
    let outcome = compare(args).and_then(|(text, equal)| {
        let written = std::io::stdout().lock().write_all(text.as_bytes());
        match written {
            // A reader that has seen enough (`| head`) is no failure.
            Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => Err(format!("cannot write the result: {e}")),
            _ => Ok(equal),
        }
    });
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(reason) => {
            let _ = writeln!(std::io::stderr().lock(), "workflowops diff: {reason}");
            ExitCode::from(2)
        }
    }
}

fn compare(args: &DiffArgs) -> Result<(String, bool), String> {
    let live = read(&args.live)?;
    let desired = read(&args.desired)?;
    let (live, desired) = choose(&args.live, live, &args.desired, desired)?;
    let mut diff = drift_engine::diff(&live, &desired);
    if let Some(path) = &args.base {
        let base = read(path)?;
        let base = counterpart(&desired, base)
            .ok_or_else(|| format!("{} has no workflow with the id or name of {:?}", path.display(), desired.name()))?;
        diff = diff.with_origins(&live, &desired, &base);
    }
    let text = match args.format {
        Format::Text => diff.to_string(),
        Format::Json => {
            let json = serde_json::to_string_pretty(&diff).map_err(|e| format!("cannot write the result: {e}"))?;
            json + "\n"
        }
    };
    Ok((text, diff.equal))
}

/// Every workflow of a file. One that cannot be read makes the file unreadable: what it would have shown is not known.
fn read(path: &Path) -> Result<Vec<Workflow>, String> {
    let bytes = std::fs::read(path).map_err(|e| format!("cannot read {}: {e}", path.display()))?;
    let workflows = parse_file(&bytes, &Limits::default()).map_err(|e| format!("{}: {e}", path.display()))?;
    let workflows: Vec<_> =
        workflows.into_iter().collect::<Result<_, _>>().map_err(|e| format!("{}: {e}", path.display()))?;
    if workflows.is_empty() {
        return Err(format!("{} holds no workflow", path.display()));
    }
    Ok(workflows)
}

/// The one workflow of each side to compare.
fn choose(
    live_path: &Path,
    live: Vec<Workflow>,
    desired_path: &Path,
    desired: Vec<Workflow>,
) -> Result<(Workflow, Workflow), String> {
    let several = |path: &Path, n: usize| {
        format!("{} holds {n} workflows, and the other file does not say which one is meant", path.display())
    };
    let (live_count, desired_count) = (live.len(), desired.len());
    if live_count > 1 && desired_count > 1 {
        return Err(format!(
            "{} and {} hold several workflows each; give one of them with a single workflow",
            live_path.display(),
            desired_path.display()
        ));
    }
    if desired_count == 1 {
        let desired = desired.into_iter().next().ok_or("no workflow")?;
        let live = counterpart(&desired, live).ok_or_else(|| several(live_path, live_count))?;
        Ok((live, desired))
    } else {
        let live = live.into_iter().next().ok_or("no workflow")?;
        let desired = counterpart(&live, desired).ok_or_else(|| several(desired_path, desired_count))?;
        Ok((live, desired))
    }
}

/// The workflow of a file that is the same as `one`: the only one there, else the one with its id, else the only one
/// with its name.
fn counterpart(one: &Workflow, mut of: Vec<Workflow>) -> Option<Workflow> {
    if of.len() == 1 {
        return of.pop();
    }
    if let Some(i) = of.iter().position(|w| one.id().is_some() && w.id() == one.id()) {
        return Some(of.swap_remove(i));
    }
    let named: Vec<_> = (0..of.len()).filter(|i| of[*i].name() == one.name()).collect();
    match named.as_slice() {
        [i] => Some(of.swap_remove(*i)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = r#"{"id":"a","name":"One","nodes":[],"connections":{}}"#;
    const OTHER: &str = r#"{"id":"b","name":"Two","nodes":[],"connections":{},"active":true}"#;

    /// Compares files of these contents.
    fn compared(live: &str, desired: &str, base: Option<&str>) -> Result<(serde_json::Value, bool), String> {
        let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).map(|()| path).map_err(|e| e.to_string())
        };
        let args = DiffArgs {
            live: file("live.json", live)?,
            desired: file("desired.json", desired)?,
            base: base.map(|text| file("base.json", text)).transpose()?,
            format: Format::Json,
        };
        let (text, equal) = compare(&args)?;
        Ok((serde_json::from_str(&text).map_err(|e| e.to_string())?, equal))
    }

    #[test]
    fn the_one_of_several_with_the_same_id_is_compared() {
        let (json, equal) = compared(&format!("[{OTHER},{ONE}]"), ONE, None).unwrap();
        assert!(equal);
        assert_eq!(json["workflow"]["live"], serde_json::json!({"id": "a", "name": "One"}));
        let page = format!(r#"{{"data":[{OTHER},{ONE}],"nextCursor":null}}"#);
        assert!(compared(ONE, &page, None).unwrap().1);
    }

    #[test]
    fn a_base_gives_origins() {
        let moved = ONE.replace("One", "Renamed");
        let (json, equal) = compared(&moved, ONE, Some(ONE)).unwrap();
        assert!(!equal);
        assert_eq!(json["changes"][0]["origin"], "HOTFIX");
        assert_eq!(json["changes"][0]["path"], serde_json::json!(["name"]));
    }

    #[test]
    fn what_cannot_be_compared_is_said_by_file() {
        let broken = compared("{", ONE, None).unwrap_err();
        assert!(broken.contains("live.json") && broken.contains("not JSON at line 1"), "{broken}");
        let several = compared(&format!("[{ONE},{OTHER}]"), r#"{"name":"Third","nodes":[]}"#, None).unwrap_err();
        assert!(several.contains("live.json holds 2 workflows"), "{several}");
        let both = compared(&format!("[{ONE},{OTHER}]"), &format!("[{ONE},{OTHER}]"), None).unwrap_err();
        assert!(both.contains("several workflows each"), "{both}");
        assert!(compared("[]", ONE, None).unwrap_err().contains("holds no workflow"));
        let tags = compared(ONE, r#"{"tags":[]}"#, None).unwrap_err();
        assert!(tags.contains("desired.json") && tags.contains("no list of nodes"), "{tags}");
        let one_bad = compared(&format!(r#"[{ONE},{{"name":"Bad","nodes":1}}]"#), ONE, None).unwrap_err();
        assert!(one_bad.contains(r#"workflow "Bad""#), "{one_bad}");
    }

    #[test]
    fn a_missing_file_is_named() {
        let args = DiffArgs {
            live: "/nowhere/live.json".into(),
            desired: "/nowhere/desired.json".into(),
            base: None,
            format: Format::Text,
        };
        assert!(compare(&args).unwrap_err().starts_with("cannot read /nowhere/live.json"));
    }
}
