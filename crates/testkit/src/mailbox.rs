//! A mail server that keeps what it was sent, for tests to read.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use drift_mail::{Mail, MailError, Mailer};

/// Keeps every mail. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Mailbox(Arc<Mutex<Vec<Mail>>>);

impl Mailbox {
    /// Takes the mails that were sent since the last time.
    #[must_use]
    pub fn take(&self) -> Vec<Mail> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[async_trait]
impl Mailer for Mailbox {
    async fn send(&self, mail: &Mail, _: DateTime<Utc>) -> Result<(), MailError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(mail.clone());
        Ok(())
    }
}

/// The first link in a mail.
///
/// # Panics
/// When there is none.
#[must_use]
pub fn link_in(mail: &Mail) -> String {
    let word = mail.text.split_whitespace().find(|word| word.starts_with("http"));
    word.unwrap_or_else(|| panic!("no link in {mail:?}")).to_owned()
}
