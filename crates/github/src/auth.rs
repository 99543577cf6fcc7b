//! Tokens: one that a person entered, or an App installation's, fetched with its key and renewed in time.
//!
//! octocrab could do the second itself, but leaves the token out for hosts other than api.github.com on a next page,
//! fetches one token for each concurrent request, and reads the machine's clock.

use chrono::{DateTime, TimeDelta, Utc};
use drift_domain::failure::{Failure, FailureKind};
use http::HeaderValue;
use octocrab::jsonwebtoken::{self, Algorithm, EncodingKey};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use crate::failure::failed;
use crate::source::Credentials;

/// A token is not used in the last minutes of its hour, so that it does not expire on the way.
const MARGIN: TimeDelta = TimeDelta::minutes(3);

/// What goes into the `Authorization` header. Never printed: it holds secrets.
pub(crate) enum Auth {
    Token(HeaderValue),
    App(Box<App>),
}

pub(crate) struct App {
    pub(crate) app_id: String,
    pub(crate) installation_id: u64,
    key: EncodingKey,
    /// One lock for reading and fetching: whoever comes while a token is fetched waits for that one.
    pub(crate) minted: tokio::sync::Mutex<Option<Minted>>,
}

/// An installation token and the end of its life.
pub(crate) struct Minted {
    header: HeaderValue,
    expires_at: DateTime<Utc>,
}

impl Minted {
    /// The header, if the token lives long enough to be used.
    pub(crate) fn usable(&self, now: DateTime<Utc>) -> Option<HeaderValue> {
        (now + MARGIN < self.expires_at).then(|| self.header.clone())
    }
}

/// GitHub's answer to a request for an installation token, as far as it is used.
#[derive(Deserialize)]
pub(crate) struct AccessToken {
    token: SecretString,
    expires_at: DateTime<Utc>,
}

impl AccessToken {
    pub(crate) fn into_minted(self) -> Option<Minted> {
        Some(Minted { header: bearer(self.token.expose_secret())?, expires_at: self.expires_at })
    }
}

fn bearer(token: &str) -> Option<HeaderValue> {
    let mut header = HeaderValue::from_str(&format!("Bearer {token}")).ok()?;
    header.set_sensitive(true);
    Some(header)
}

impl Auth {
    pub(crate) fn new(credentials: &Credentials) -> Result<Self, Failure> {
        match credentials {
            Credentials::Token(token) => Self::token(token),
            Credentials::App { app_id, installation_id, private_key_pem } => {
                let app_id = app_id.trim().to_owned();
                let key = key(private_key_pem, &app_id)?;
                let minted = tokio::sync::Mutex::new(None);
                Ok(Self::App(Box::new(App { app_id, installation_id: *installation_id, key, minted })))
            }
        }
    }

    fn token(token: &SecretString) -> Result<Self, Failure> {
        let token = token.expose_secret().trim();
        let plain = !token.is_empty() && token.bytes().all(|b| b.is_ascii_graphic());
        let header = plain.then(|| bearer(token)).flatten();
        header.map(Self::Token).ok_or_else(|| {
            let message =
                "The GitHub token is empty or holds characters that no token has, such as a line break. Enter it again";
            failed(FailureKind::Unauthorized, message)
        })
    }
}

/// Reads the key, also where the line breaks of the PEM text were pasted as `\n`.
fn key(pem: &SecretString, app_id: &str) -> Result<EncodingKey, Failure> {
    let pem = pem.expose_secret().trim().replace("\\n", "\n");
    EncodingKey::from_rsa_pem(pem.as_bytes()).map_err(|_| {
        failed(
            FailureKind::Unauthorized,
            format!(
                "The private key of the GitHub App {app_id} is not an RSA key in PEM form. Paste the whole .pem file that \
                 GitHub gave when the key was made"
            ),
        )
    })
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    iat: i64,
    exp: i64,
}

impl App {
    /// The JWT that stands for the App itself. GitHub takes at most ten minutes of life; the minute in the past is
    /// GitHub's advice against clocks that differ.
    pub(crate) fn bearer(&self, now: DateTime<Utc>) -> Result<HeaderValue, Failure> {
        let iat = now.timestamp() - 60;
        let claims = Claims { iss: &self.app_id, iat, exp: iat + 9 * 60 };
        let jwt = jsonwebtoken::encode(&jsonwebtoken::Header::new(Algorithm::RS256), &claims, &self.key);
        jwt.ok().and_then(|jwt| bearer(&jwt)).ok_or_else(|| {
            failed(
                FailureKind::Unauthorized,
                format!("The private key of the GitHub App {} cannot sign. Make a new key and enter it", self.app_id),
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_that_cannot_be_sent_is_refused_and_not_repeated() {
        for wrong in ["", "  ", "ghp_secret\nX-Evil: 1", "ghp_sécret", "two words"] {
            let failure = Auth::new(&Credentials::Token(SecretString::from(wrong))).err().unwrap();
            assert_eq!(failure.kind, FailureKind::Unauthorized);
            assert!(!failure.message.contains("secret"), "{failure}");
        }
        assert!(matches!(Auth::new(&Credentials::Token(SecretString::from(" ghp_x\n"))), Ok(Auth::Token(_))));
    }

    #[test]
    fn a_key_that_is_none_is_refused_and_not_repeated() {
        let private_key_pem =
            SecretString::from("-----BEGIN RSA PRIVATE KEY-----\nsecret\n-----END RSA PRIVATE KEY-----");
        let app = Credentials::App { app_id: "12".into(), installation_id: 1, private_key_pem };
        let failure = Auth::new(&app).err().unwrap();
        assert!(failure.message.contains("App 12") && !failure.message.contains("secret"), "{failure}");
    }
}
