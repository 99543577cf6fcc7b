//! How people reach the installation and how it reaches them: its public address, mail, and identity providers.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use drift_domain::clock::Clock;
use drift_mail::{Folder, Mailer, Sender, Smtp, SmtpUrl};
use drift_services::{Doors, IdentityProvider};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::config::Refused;

/// What stands in the addresses of the one provider that the flags describe. A provider has them on record as the address
/// that people come back to, so it stays the same.
const PROVIDER_KEY: &str = "oidc";

/// How mail is sent.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct MailSettings {
    /// The mail server: smtps://user:password@host:465, or smtp://user:password@host:587?tls=required for STARTTLS.
    /// Default: no mail is sent; invitations are handed on by their link, and passwords cannot be reset.
    #[arg(
        long,
        env = "WORKFLOWOPS_SMTP_URL",
        value_name = "URL",
        hide_env_values = true,
        conflicts_with = "mail_folder",
        requires = "mail_from"
    )]
    pub(crate) smtp_url: Option<SecretString>,

    /// Who mails are from: drift@example.com, or WorkflowOps <drift@example.com>.
    #[arg(long, env = "WORKFLOWOPS_MAIL_FROM", value_name = "ADDRESS")]
    pub(crate) mail_from: Option<Sender>,

    /// A folder that mails are written into, as files, in place of a mail server: for trying things out.
    #[arg(long, env = "WORKFLOWOPS_MAIL_FOLDER", value_name = "FOLDER", requires = "mail_from")]
    pub(crate) mail_folder: Option<PathBuf>,
}

/// An identity provider.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct ProviderSettings {
    /// An OpenID Connect provider that people may sign in through, as the provider spells its issuer. It has to know
    /// <public URL>/sign-in/oidc/callback as the address that people come back to.
    #[arg(long, env = "WORKFLOWOPS_OIDC_ISSUER", value_name = "URL", requires = "oidc_client_id")]
    pub(crate) oidc_issuer: Option<Url>,

    /// What that provider calls this installation.
    #[arg(long, env = "WORKFLOWOPS_OIDC_CLIENT_ID", value_name = "ID", requires = "oidc_issuer")]
    pub(crate) oidc_client_id: Option<String>,

    /// What that provider knows this installation by. Left out for a public client.
    #[arg(
        long,
        env = "WORKFLOWOPS_OIDC_CLIENT_SECRET",
        value_name = "SECRET",
        hide_env_values = true,
        conflicts_with = "oidc_client_secret_file",
        requires = "oidc_issuer"
    )]
    pub(crate) oidc_client_secret: Option<SecretString>,

    /// A file with that secret.
    #[arg(long, env = "WORKFLOWOPS_OIDC_CLIENT_SECRET_FILE", value_name = "FILE", requires = "oidc_issuer")]
    pub(crate) oidc_client_secret_file: Option<PathBuf>,

    /// What stands on the button: Sign in with <label>.
    #[arg(long, env = "WORKFLOWOPS_OIDC_LABEL", value_name = "LABEL", default_value = "single sign-on")]
    pub(crate) oidc_label: String,
}

/// Opens the doors.
///
/// # Errors
/// A setting that cannot be used, by name.
pub(crate) fn open(
    public_url: Url,
    mail: &MailSettings,
    provider: &ProviderSettings,
    allow_private: bool,
    clock: Arc<dyn Clock>,
) -> Result<Doors, Refused> {
    let providers = provider.open(allow_private, clock)?.into_iter().map(Arc::new).collect();
    Ok(Doors { public_url, mailer: mail.open()?, providers })
}

impl MailSettings {
    /// Settings that send mail into a folder: for the demo.
    pub(crate) fn into_folder(folder: PathBuf) -> Self {
        let mail_from = "WorkflowOps demo <drift@workflowops.example>".parse().ok();
        Self { mail_folder: Some(folder), mail_from, ..Self::default() }
    }

    fn open(&self) -> Result<Option<Arc<dyn Mailer>>, Refused> {
        let Some(from) = self.mail_from.clone() else { return Ok(None) };
        match (&self.smtp_url, &self.mail_folder) {
            (Some(url), _) => {
                // Read here and not by clap, which would repeat the password of an address that it refuses.
                let smtp = url.expose_secret().parse().and_then(|url: SmtpUrl| Smtp::new(&url, from));
                Ok(Some(Arc::new(smtp.map_err(|bad| Refused::new("--smtp-url", bad.to_string()))?)))
            }
            (None, Some(folder)) => Ok(Some(Arc::new(Folder::new(writable(folder)?, from)))),
            (None, None) => {
                Err(Refused::new("--mail-from", "nothing says how mail is sent; give --smtp-url or --mail-folder"))
            }
        }
    }
}

impl ProviderSettings {
    fn open(&self, allow_private: bool, clock: Arc<dyn Clock>) -> Result<Option<IdentityProvider>, Refused> {
        let (Some(issuer), Some(client_id)) = (self.oidc_issuer.clone(), self.oidc_client_id.clone()) else {
            return Ok(None);
        };
        let client_secret = match &self.oidc_client_secret_file {
            Some(file) => Some(read_secret(file)?),
            None => self.oidc_client_secret.clone(),
        };
        let settings = drift_oidc::Settings { issuer, client_id, client_secret, allow_private };
        IdentityProvider::new(PROVIDER_KEY, &self.oidc_label, settings, clock)
            .map(Some)
            .map_err(|why| Refused::new("--oidc-issuer", why))
    }
}

fn read_secret(file: &Path) -> Result<SecretString, Refused> {
    let text = std::fs::read_to_string(file).map_err(|error| {
        Refused::new("--oidc-client-secret-file", format!("{} cannot be read: {error}", file.display()))
    })?;
    Ok(text.trim().into())
}

/// The folder, made where it is missing.
fn writable(folder: &Path) -> Result<PathBuf, Refused> {
    let refused = |error: std::io::Error| {
        Refused::new("--mail-folder", format!("{} cannot be written to: {error}", folder.display()))
    };
    std::fs::create_dir_all(folder).map_err(refused)?;
    tempfile::tempfile_in(folder).map_err(refused)?;
    std::path::absolute(folder).map_err(refused)
}

/// The address that people open where none is configured: this machine's.
pub(crate) fn own_url(address: SocketAddr) -> Url {
    let ip = if address.ip().is_unspecified() { Ipv4Addr::LOCALHOST.into() } else { address.ip() };
    let url = format!("http://{}", SocketAddr::new(ip, address.port()));
    Url::parse(&url).unwrap_or_else(|_| unreachable!("an address is the host of a URL"))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::{Cli, Command};
    use crate::clock::SystemClock;

    /// What is said about settings that parse and cannot be used.
    fn opened(args: &[&str]) -> Result<Doors, String> {
        let cli = Cli::try_parse_from([&["workflowops", "serve"], args].concat()).map_err(|error| error.to_string())?;
        let Command::Serve(settings) = cli.command else { unreachable!("serve was asked for") };
        let url = own_url("0.0.0.0:3000".parse().unwrap());
        open(url, &settings.mail, &settings.provider, false, Arc::new(SystemClock))
            .map_err(|refused| refused.to_string())
    }

    #[test]
    fn a_wrong_door_is_refused_by_name_and_its_secret_is_not_repeated() {
        let from = ["--mail-from", "drift@example.com"];
        for (args, named) in [
            (&["--smtp-url", "smtp://mail.example.com"][..], "--mail-from <ADDRESS>"),
            (&from, "--mail-from: nothing says how"),
            (&["--mail-from", "drift"], "--mail-from <ADDRESS>"),
            (&["--smtp-url", "http://ada:hunter2@x", from[0], from[1]], "--smtp-url: "),
            (&["--smtp-url", "smtp://ada:hunter2@mail.example.com", from[0], from[1]], "in clear"),
            (&["--mail-folder", "/dev/null/mail", from[0], from[1]], "--mail-folder: "),
            (&["--oidc-issuer", "https://id.example.com"], "--oidc-client-id <ID>"),
            (&["--oidc-client-id", "x"], "--oidc-issuer <URL>"),
            (
                &["--oidc-issuer", "http://127.0.0.1:9", "--oidc-client-id", "x"],
                "--oidc-issuer: 127.0.0.1 is a loopback",
            ),
        ] {
            let said = opened(args).unwrap_err();
            assert!(said.contains(named), "{args:?}: {said}");
            assert!(!said.contains("hunter2"), "{said}");
        }
    }

    #[test]
    fn the_doors_of_real_settings_open() {
        let folder = tempfile::tempdir().unwrap();
        let mails = folder.path().join("mails");
        let doors = opened(&[
            "--mail-folder",
            mails.to_str().unwrap(),
            "--mail-from",
            "WorkflowOps <drift@example.com>",
            "--oidc-issuer",
            "https://id.example.com",
            "--oidc-client-id",
            "workflowops",
            "--oidc-label",
            "Example ID",
        ])
        .unwrap();
        assert!(doors.mailer.is_some() && mails.is_dir());
        assert_eq!((doors.providers[0].key(), doors.providers[0].label()), ("oidc", "Example ID"));
        assert_eq!(doors.public_url.as_str(), "http://127.0.0.1:3000/");
        assert!(opened(&[]).unwrap().mailer.is_none());
    }
}
