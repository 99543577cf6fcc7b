//! Mail to people: what it says, and the job that sends it.
//!
//! A mail is asked for in the transaction of what it tells and sent by the worker: a slow mail server delays nobody, and a
//! mail that was not taken is tried again until what it says is of no use any more. What waits in the queue is sealed,
//! since its links sign people in.

use chrono::{DateTime, Utc};
use drift_domain::ids::OrganizationId;
use drift_domain::role::Role;
use drift_mail::{Mail, MailError};
use drift_store::mails::{self, MailJob};
use drift_store::secretbox::Purpose;
use drift_store::{PgConnection, StoreError, people, resets};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Services;
use crate::accounts::{RESET_LASTS, hash, random_token};
use crate::error::{ServiceError, ServiceResult};

/// Mails belong to the installation: an address is the same in every organization.
const INSTALLATION: OrganizationId = OrganizationId(Uuid::nil());

/// What is to be told to somebody.
#[derive(Clone, Serialize, Deserialize)]
#[serde(tag = "kind")]
pub(crate) enum Letter {
    /// Somebody is invited.
    Invitation {
        to: String,
        organization: String,
        role: Role,
        invited_by: String,
        link: String,
        expires_at: DateTime<Utc>,
    },
    /// Somebody asked for a new password for this address. Whether anybody has it is looked up when the mail is written,
    /// so that asking takes the same time either way.
    PasswordReset { to: String },
    /// A password was changed: whoever did not do it has to know.
    PasswordChanged { to: String },
    /// A monthly report is ready. The file stays where whoever reads it must sign in.
    Report { to: String, organization: String, name: String, link: String, expires_at: DateTime<Utc> },
}

impl Services {
    /// Whether this installation sends mail.
    #[must_use]
    pub fn sends_mail(&self) -> bool {
        self.doors.mailer.is_some()
    }

    /// Has a letter sent once `db`'s transaction commits. Nothing, where the installation sends no mail.
    pub(crate) async fn post(
        &self,
        db: &mut PgConnection,
        letter: &Letter,
        not_after: DateTime<Utc>,
    ) -> ServiceResult<()> {
        if !self.sends_mail() {
            return Ok(());
        }
        let text = SecretString::from(serde_json::to_string(letter).map_err(ServiceError::unavailable)?);
        let sealed = self.secrets.seal(INSTALLATION, Purpose::Mail, &text).map_err(ServiceError::unavailable)?;
        let job = MailJob { sealed: hex::encode(sealed), not_after };
        Ok(mails::enqueue(db, &job, Uuid::now_v7()).await?)
    }

    /// Sends what a job holds: for the worker, which calls it again when it fails.
    ///
    /// What can never be sent (sealed with another key, of no use any more, to an address that is none) is said in the log
    /// and done with.
    ///
    /// # Errors
    /// [`ServiceError::Unavailable`] when the mail server or the database did not answer.
    pub async fn deliver_mail(&self, job: &MailJob) -> ServiceResult<()> {
        let now = self.clock.now();
        let Some(mailer) = &self.doors.mailer else {
            tracing::error!("a mail is not sent: this installation was started without a mail server");
            return Ok(());
        };
        if now > job.not_after {
            tracing::error!("a mail could not be sent in time and is of no use any more");
            return Ok(());
        }
        let Some(letter) = self.open_letter(&job.sealed) else {
            tracing::error!("a mail cannot be read: it was sealed with another installation key");
            return Ok(());
        };
        let Some(mail) = self.write(letter).await? else { return Ok(()) };
        match mailer.send(&mail, now).await {
            Ok(()) => Ok(()),
            Err(error @ MailError::Unusable(_)) => {
                tracing::error!(error = %error, "a mail cannot be sent");
                Ok(())
            }
            Err(error) => Err(ServiceError::unavailable(error)),
        }
    }

    fn open_letter(&self, sealed: &str) -> Option<Letter> {
        let sealed = hex::decode(sealed).ok()?;
        let text = self.secrets.open(INSTALLATION, Purpose::Mail, &sealed).ok()?;
        serde_json::from_str(text.expose_secret()).ok()
    }

    /// A letter in words. `None` for one that nobody gets.
    async fn write(&self, letter: Letter) -> ServiceResult<Option<Mail>> {
        Ok(match letter {
            Letter::Invitation { to, organization, role, invited_by, link, expires_at } => Some(Mail {
                to,
                subject: format!("{invited_by} invites you to {organization} on WorkflowOps"),
                text: format!(
                    "{invited_by} invites you to join {organization} on WorkflowOps as {}.\n\n{link}\n\nThe link works \
                     until {}. If you do not know {invited_by}, leave it alone: nothing happens then.\n",
                    role_in_words(role),
                    until(expires_at),
                ),
            }),
            Letter::PasswordReset { to } => self.write_reset(to).await?,
            Letter::PasswordChanged { to } => Some(Mail {
                to,
                subject: "Your password for WorkflowOps was changed".to_owned(),
                text: format!(
                    "The password of your account was changed, and every other browser was signed out.\n\nIf it was not \
                     you, set another one now: {}\n",
                    self.public_link("/reset"),
                ),
            }),
            Letter::Report { to, organization, name, link, expires_at } => Some(Mail {
                to,
                subject: format!("The monthly report of {organization} is ready"),
                text: format!(
                    "The monthly compliance report of {organization} is ready: {name}.\n\n{link}\n\nSign in to take the file \
                     away, until {}. You get this mail because an administrator named you as a recipient.\n",
                    until(expires_at),
                ),
            }),
        })
    }

    /// Makes the link, too: one that was never mailed does not exist.
    async fn write_reset(&self, to: String) -> ServiceResult<Option<Mail>> {
        let now = self.clock.now();
        let mut db = self.pool.acquire().await.map_err(StoreError::from)?;
        let Some(user) = people::user_by_email(&mut db, &to).await? else { return Ok(None) };
        let token = random_token()?;
        let ends = now + RESET_LASTS;
        resets::put(&mut db, hash(token.expose_secret()), user.id, now, ends).await?;
        let link = self.public_link(&format!("/reset/{}", token.expose_secret()));
        Ok(Some(Mail {
            to,
            subject: "A new password for WorkflowOps".to_owned(),
            text: format!(
                "Somebody, probably you, asked for a new password for this address.\n\n{link}\n\nThe link works once, until \
                 {}. If it was not you, leave it alone: your password stays as it is.\n",
                until(ends),
            ),
        }))
    }
}

fn until(at: DateTime<Utc>) -> String {
    at.format("%-d %B %Y, %H:%M UTC").to_string()
}

fn role_in_words(role: Role) -> &'static str {
    match role {
        Role::Viewer => "a viewer",
        Role::Operator => "an operator",
        Role::Approver => "an approver",
        Role::Admin => "an administrator",
        Role::Owner => "an owner",
    }
}
