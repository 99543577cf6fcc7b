//! Replicas: the binary `workflowops`, as an operator runs it.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// A process of `workflowops`, killed when this is dropped.
pub(crate) struct Replica {
    child: Child,
    /// Where it listens, if it does.
    pub(crate) address: Option<String>,
    log: PathBuf,
}

impl Replica {
    /// Starts `workflowops serve` or `workflowops worker` on a database, and waits until it works.
    pub(crate) async fn start(
        binary: &Path,
        subcommand: &str,
        database: &str,
        key: &str,
        folder: &Path,
    ) -> Result<Self> {
        let log = folder.join(format!("{subcommand}.log"));
        let mut command = Command::new(binary);
        command.args([subcommand, "--database-url", database, "--secret-key", key, "--allow-private-networks"]);
        command.args(["--log", "warn", "--data-dir"]).arg(folder);
        if subcommand == "serve" {
            let site = folder.join("site");
            std::fs::create_dir_all(&site)?;
            command.args(["--listen", "127.0.0.1:0", "--site-root"]).arg(site);
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(File::create(&log)?).kill_on_drop(true);
        let mut child = command.spawn().with_context(|| format!("{} cannot be started", binary.display()))?;
        let stdout = child.stdout.take().context("its output")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line).await?;
        let said = || std::fs::read_to_string(&log).unwrap_or_default();
        ensure!(line.starts_with("WorkflowOps "), "workflowops {subcommand} did not start: {line}{}", said());
        let address = line.trim().strip_prefix("WorkflowOps listens on ").map(str::to_owned);
        Ok(Self { child, address, log })
    }

    pub(crate) fn pid(&self) -> Result<u32> {
        self.child.id().context("a replica has ended by itself")
    }

    /// `kill -9`: nothing is said to anybody.
    pub(crate) async fn kill(&mut self) -> Result<()> {
        Ok(self.child.kill().await?)
    }

    /// How many warnings and errors it wrote, and the first of them.
    pub(crate) fn complaints(&self) -> (usize, Option<String>) {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        (text.lines().count(), text.lines().next().map(str::to_owned))
    }
}
