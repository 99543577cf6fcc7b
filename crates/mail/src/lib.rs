//! Sending mail: the trait [`Mailer`], over SMTP ([`Smtp`]) or into a folder ([`Folder`], for demos and tests).
//!
//! Whoever calls this is a background job: a mail server may take its time, and a mail that was not taken is tried again.

use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message};
use lettre::{Address, AsyncFileTransport, AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use secrecy::{ExposeSecret, SecretString};
use url::{Host, Url};

/// How long a mail server may be silent.
const PATIENCE: Duration = Duration::from_secs(20);

/// A mail in plain text.
#[derive(Clone)]
pub struct Mail {
    /// Who gets it.
    pub to: String,
    /// The subject, on one line.
    pub subject: String,
    /// The text. It may hold links that sign somebody in, so it is never printed.
    pub text: String,
}

impl std::fmt::Debug for Mail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mail").field("subject", &self.subject).finish_non_exhaustive()
    }
}

/// Why a mail was not sent.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// It cannot be written as a mail: an address that no mail server knows what to do with.
    #[error("the mail cannot be written: {0}")]
    Unusable(String),
    /// The mail server refused it or did not answer.
    #[error("the mail server did not take the mail")]
    Smtp(#[source] lettre::transport::smtp::Error),
    /// The folder could not be written to.
    #[error("the mail could not be written into the folder")]
    Folder(#[source] lettre::transport::file::Error),
}

/// A setting that mail cannot be sent with. The message repeats no password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadSetting(String);

/// Sends mail.
#[async_trait]
pub trait Mailer: Send + Sync + std::fmt::Debug {
    /// Sends a mail, dated `at`.
    ///
    /// # Errors
    /// [`MailError`]: it may be tried again later.
    async fn send(&self, mail: &Mail, at: DateTime<Utc>) -> Result<(), MailError>;
}

/// Who mails are from: `workflowops@example.com`, or `WorkflowOps <workflowops@example.com>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sender(Mailbox);

impl std::str::FromStr for Sender {
    type Err = BadSetting;

    fn from_str(text: &str) -> Result<Self, BadSetting> {
        text.trim().parse().map(Self).map_err(|error| {
            BadSetting(format!("{error}; write it as drift@example.com or WorkflowOps <drift@example.com>"))
        })
    }
}

/// Where a mail server is, and how it is spoken to: `smtps://user:password@host:465`, or
/// `smtp://user:password@host:587?tls=required` for STARTTLS.
#[derive(Clone)]
pub struct SmtpUrl(SecretString);

impl std::fmt::Debug for SmtpUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SmtpUrl([REDACTED])")
    }
}

impl std::str::FromStr for SmtpUrl {
    type Err = BadSetting;

    fn from_str(text: &str) -> Result<Self, BadSetting> {
        let form = "write it as smtps://user:password@host or smtp://user:password@host:587?tls=required";
        let bad = |what: &str| BadSetting(format!("{what}; {form}"));
        let url = Url::parse(text.trim()).map_err(|error| bad(&error.to_string()))?;
        let tls = match url.scheme() {
            "smtps" => true,
            "smtp" => url.query_pairs().any(|(name, value)| name == "tls" && value == "required"),
            _ => return Err(bad("the scheme is neither smtp nor smtps")),
        };
        let host = url.host().ok_or_else(|| bad("it names no host"))?;
        let secret = !url.username().is_empty() || url.password().is_some();
        if secret && !tls && !is_here(&host) {
            return Err(bad("the password would cross the network in clear"));
        }
        AsyncSmtpTransport::<Tokio1Executor>::from_url(text.trim()).map_err(|_| bad("it cannot be used"))?;
        Ok(Self(text.trim().into()))
    }
}

fn is_here(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => *name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback()),
        Host::Ipv4(ip) => ip.is_loopback(),
        Host::Ipv6(ip) => ip.is_loopback(),
    }
}

/// Sends over SMTP.
pub struct Smtp {
    from: Sender,
    transport: AsyncSmtpTransport<Tokio1Executor>,
}

impl std::fmt::Debug for Smtp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Smtp").field("from", &self.from).finish_non_exhaustive()
    }
}

impl Smtp {
    /// Speaks to a mail server, one connection a mail.
    ///
    /// # Errors
    /// [`BadSetting`] for an address that cannot be used.
    pub fn new(url: &SmtpUrl, from: Sender) -> Result<Self, BadSetting> {
        let builder = AsyncSmtpTransport::<Tokio1Executor>::from_url(url.0.expose_secret())
            .map_err(|_| BadSetting("the address of the mail server cannot be used".to_owned()))?;
        Ok(Self { from, transport: builder.timeout(Some(PATIENCE)).build() })
    }
}

#[async_trait]
impl Mailer for Smtp {
    async fn send(&self, mail: &Mail, at: DateTime<Utc>) -> Result<(), MailError> {
        let message = message(&self.from, mail, at)?;
        self.transport.send(message).await.map(drop).map_err(MailError::Smtp)
    }
}

/// Writes each mail into a folder, as an `.eml` file.
#[derive(Debug)]
pub struct Folder {
    from: Sender,
    folder: PathBuf,
}

impl Folder {
    /// Writes into `folder`, which is there.
    #[must_use]
    pub fn new(folder: PathBuf, from: Sender) -> Self {
        Self { from, folder }
    }
}

#[async_trait]
impl Mailer for Folder {
    async fn send(&self, mail: &Mail, at: DateTime<Utc>) -> Result<(), MailError> {
        let message = message(&self.from, mail, at)?;
        let transport = AsyncFileTransport::<Tokio1Executor>::new(&self.folder);
        transport.send(message).await.map(drop).map_err(MailError::Folder)
    }
}

fn message(from: &Sender, mail: &Mail, at: DateTime<Utc>) -> Result<Message, MailError> {
    let unusable = |error: &dyn std::error::Error| MailError::Unusable(error.to_string());
    let to: Address = mail.to.parse().map_err(|error| unusable(&error))?;
    let automatic = HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".to_owned());
    Message::builder()
        .from(from.0.clone())
        .to(Mailbox::new(None, to))
        .subject(&mail.subject)
        .date(at.into())
        .message_id(None)
        // So that nobody's notice of absence answers.
        .raw_header(automatic)
        .header(ContentType::TEXT_PLAIN)
        .body(mail.text.clone())
        .map_err(|error| unusable(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_mail_server_is_refused_and_its_password_is_not_repeated() {
        for (url, named) in [
            ("mail.example.com", "write it as"),
            ("http://mail.example.com", "neither smtp nor smtps"),
            ("smtp://ada:hunter2@mail.example.com", "in clear"),
            ("smtp://ada:hunter2@mail.example.com?tls=opportunistic", "in clear"),
            ("smtp://mail.example.com?tls=perhaps", "cannot be used"),
        ] {
            let said = url.parse::<SmtpUrl>().unwrap_err().to_string();
            assert!(said.contains(named) && !said.contains("hunter2"), "{url}: {said}");
        }
        for url in [
            "smtps://ada:hunter2@mail.example.com",
            "smtp://ada:hunter2@mail.example.com:587?tls=required",
            "smtp://ada:hunter2@127.0.0.1:2525",
            "smtp://mail.internal",
        ] {
            let url: SmtpUrl = url.parse().unwrap();
            Smtp::new(&url, "drift@example.com".parse().unwrap()).unwrap();
            assert!(!format!("{url:?}").contains("hunter2"));
        }
        assert!("drift".parse::<Sender>().unwrap_err().to_string().contains("drift@example.com"));
    }

    #[tokio::test]
    async fn a_mail_is_written_whole_and_nobody_adds_a_header() {
        let folder = tempfile::tempdir().unwrap();
        let mailer = Folder::new(folder.path().to_owned(), "WorkflowOps <drift@example.com>".parse().unwrap());
        let at = DateTime::from_timestamp(1_793_610_000, 0).unwrap();
        let mail = Mail {
            to: "ada@example.com".to_owned(),
            subject: "Join Küche\r\nBcc: eve@example.com".to_owned(),
            text: "Open https://drift.example.com/invitations/abc".to_owned(),
        };
        mailer.send(&mail, at).await.unwrap();
        let file = std::fs::read_dir(folder.path()).unwrap().next().unwrap().unwrap().path();
        let text = std::fs::read_to_string(file).unwrap();
        for line in ["To: ada@example.com", "Auto-Submitted: auto-generated", "Date: Mon, 02 Nov 2026 09:00:00"] {
            assert!(text.contains(line), "{line} is missing in {text}");
        }
        assert!(text.contains("https://drift.example.com/invitations/abc"), "{text}");
        assert!(!text.lines().any(|line| line.starts_with("Bcc")), "{text}");

        let nobody = Mail { to: "not an address".to_owned(), ..mail };
        assert!(matches!(mailer.send(&nobody, at).await, Err(MailError::Unusable(_))));
    }
}
