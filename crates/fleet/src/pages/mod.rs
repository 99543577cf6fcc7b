//! `fleet pages`: the list of a thousand environments and a workspace of five hundred changes under load, beside a bare
//! handler with the same queries.

pub(crate) mod bare;
mod load;
mod setting;

use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use clap::Args;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::machine;
use crate::replica::Replica;
use crate::statistics::percentile;
use load::{Load, Took};
use setting::Setting;

/// How much is there, and how much is asked.
#[derive(Clone, Debug, Args)]
pub(crate) struct Settings {
    /// Environments of the organization.
    #[arg(long, env = "ENVIRONMENTS", default_value_t = 1000)]
    environments: usize,

    /// Open changes of one of them.
    #[arg(long, env = "CHANGES", default_value_t = 500)]
    changes: usize,

    /// Requests a second.
    #[arg(long, env = "RATE", default_value_t = 200)]
    rate: u32,

    /// Requests of each kind in a round.
    #[arg(long, env = "REQUESTS", default_value_t = 600)]
    requests: u32,

    /// Rounds: in each, the page and the bare handler are asked in turn.
    #[arg(long, env = "ROUNDS", default_value_t = 3)]
    rounds: u32,

    /// What is asked for as compressed: `identity`, or `br` as browsers do.
    #[arg(long, env = "ENCODING", default_value = "identity")]
    encoding: String,

    /// The binary `workflowops`. Default: beside this one.
    #[arg(long, env = "WORKFLOWOPS_BIN")]
    binary: Option<PathBuf>,
}

/// The goal: a page takes at most twice what its queries take.
const GOAL: f64 = 2.0;

/// Measures, prints, and answers whether the pages are within the goal.
pub(crate) async fn run(settings: Settings) -> Result<bool> {
    println!("{}", machine::describe());
    let setting = Setting::make(settings.environments, settings.changes).await?;
    let this = std::env::current_exe()?;
    let binary = settings.binary.clone().unwrap_or_else(|| this.with_file_name("workflowops"));
    let folder = tempfile::Builder::new().prefix("workflowops-pages-").tempdir()?;
    let served = Replica::start(&binary, "serve", setting.database(), &setting.key(), folder.path()).await?;
    let pages = served.address.clone().context("`workflowops serve` listens")?;
    let (_bare, bare) = start_bare(&this, &setting).await?;

    println!("\n{} requests a second of each kind, in turns; milliseconds from when a request was due", settings.rate);
    println!("                                                  page             bare handler       ratio      bytes");
    println!("                                              p50      p95         p50      p95    p50   p95      page");
    let workspace = format!("/environments/{}/drift", setting.workspace);
    let mut held = true;
    for (name, path) in [
        (format!("list of {} environments", settings.environments), "/".to_owned()),
        (format!("workspace of {} changes", settings.changes), workspace),
    ] {
        let ask = |base: &str| Load::new(&format!("{base}{path}"), &setting.token, &settings);
        let (page, handler) = (ask(&pages)?, ask(&bare)?);
        page.warm_up().await?;
        handler.warm_up().await?;
        let (mut of_page, mut of_handler) = (Took::default(), Took::default());
        for _ in 0..settings.rounds {
            of_page.add(page.run().await?);
            of_handler.add(handler.run().await?);
        }
        held &= line(&name, of_page, of_handler);
    }
    println!("load {}; {}", machine::load(), if held { "within the goal of 2" } else { "BEYOND the goal of 2" });
    Ok(held)
}

fn line(name: &str, mut page: Took, mut bare: Took) -> bool {
    let ms = |took: &mut Took| [0.5, 0.95].map(|share| percentile(&mut took.seconds, share) * 1e3);
    let (p, b) = (ms(&mut page), ms(&mut bare));
    let ratio = [p[0] / b[0], p[1] / b[1]];
    println!(
        "  {name:<36} {:>8.1} {:>8.1}    {:>8.1} {:>8.1}  {:>5.2} {:>5.2} {:>9}",
        p[0], p[1], b[0], b[1], ratio[0], ratio[1], page.bytes
    );
    let failed = page.failed + bare.failed;
    if failed > 0 {
        println!("    {} requests of the page and {} of the handler were refused: overrun", page.failed, bare.failed);
    }
    failed == 0 && ratio.iter().all(|ratio| *ratio <= GOAL)
}

/// The bare handler, in a process of its own, and its address.
async fn start_bare(this: &std::path::Path, setting: &Setting) -> Result<(Child, String)> {
    let mut child = Command::new(this)
        .args(["bare", "--database-url", setting.database(), "--secret-key", &setting.key()])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let mut line = String::new();
    BufReader::new(child.stdout.take().context("its output")?).read_line(&mut line).await?;
    ensure!(line.starts_with("http"), "the bare handler did not start: {line}");
    Ok((child, line.trim().to_owned()))
}
