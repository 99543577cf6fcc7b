//! Signing in through an identity provider.
//!
//! A sign-in belongs to one browser: state, nonce and verifier are made from a random cookie, of which the hash alone is
//! stored, for ten minutes and once. What comes back is verified by `drift_oidc`; what it is worth is decided here:
//!
//! | the provider says | then |
//! |---|---|
//! | a subject that was linked | that person signs in |
//! | an address that it has verified, of somebody here whose address was shown to be theirs | linked, and signed in |
//! | the same, of somebody whose address was not | refused, unless they are signed in in this browser: whoever made the account need not be who owns the address |
//! | a verified address that an invitation's link was opened for | an account, linked, a member |
//! | anything else | refused, with the reason; nobody gets an account unasked |

use std::net::IpAddr;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use drift_domain::clock::Clock;
use drift_domain::ids::UserId;
pub use drift_oidc::Settings as ProviderSettings;
use drift_oidc::{Identity, OidcError, Provider, Secrets};
use drift_store::identities::{self, Attempt};
use drift_store::people::{self, Membership, User};
use drift_store::{PgConnection, StoreError, sessions};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use url::Url;

use crate::Services;
use crate::accounts::members::Checked;
use crate::accounts::sign_in::{Limit, first_place, network, nowhere, subject};
use crate::accounts::{SignedIn, fields, happened_to, hash, invitations, random_token};
use crate::error::{ServiceError, ServiceResult};
use crate::gate::{Caller, Via};

/// How long a browser may take to the provider and back.
pub const ATTEMPT_LASTS: TimeDelta = TimeDelta::minutes(10);
/// Sign-ins that one network address may begin within a quarter of an hour.
const BEGUN: Limit = Limit { kind: "oidc from", most: 200 };

/// A provider that people may sign in through.
#[derive(Debug)]
pub struct IdentityProvider {
    key: String,
    label: String,
    provider: Provider,
}

impl IdentityProvider {
    /// A provider, by the `key` that stands in addresses and the `label` that stands on its button.
    ///
    /// # Errors
    /// Why it cannot be called, in words.
    pub fn new(key: &str, label: &str, settings: ProviderSettings, clock: Arc<dyn Clock>) -> Result<Self, String> {
        Ok(Self { key: key.to_owned(), label: label.to_owned(), provider: Provider::new(settings, clock)? })
    }

    /// What stands in addresses.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// What stands on its button.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.label
    }
}

/// A browser that goes to a provider.
#[derive(Debug)]
pub struct Departure {
    /// Where it goes.
    pub url: Url,
    /// What it brings back, in a cookie.
    pub cookie: SecretString,
    /// When it has to be back.
    pub expires_at: DateTime<Utc>,
}

/// A browser that comes back from a provider.
#[derive(Debug, Default)]
pub struct Arrival {
    /// The provider's key, from the address.
    pub provider: String,
    /// The cookie that it left with.
    pub cookie: Option<SecretString>,
    /// `state`
    pub state: String,
    /// `code`
    pub code: Option<String>,
    /// `error`, in place of a code.
    pub error: Option<String>,
    /// `iss`: who sent it back, where the provider says so (RFC 9207).
    pub issuer: Option<String>,
    /// Who is signed in in this browser.
    pub caller: Option<Caller>,
    /// What the browser calls itself.
    pub user_agent: String,
}

impl Services {
    /// The providers that people may sign in through.
    #[must_use]
    pub fn providers(&self) -> &[Arc<IdentityProvider>] {
        &self.doors.providers
    }

    fn provider(&self, key: &str) -> ServiceResult<&IdentityProvider> {
        let found = self.doors.providers.iter().find(|provider| provider.key == key);
        found.map(Arc::as_ref).ok_or(ServiceError::NotFound("identity provider"))
    }

    fn redirect(&self, provider: &IdentityProvider) -> ServiceResult<Url> {
        let link = self.public_link(&format!("/sign-in/{}/callback", provider.key));
        link.parse().map_err(ServiceError::unavailable)
    }

    /// Sends a browser to a provider. `next` is where it goes afterwards; `invitation` the token of a link that it opened.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] for an unknown provider, [`ServiceError::Conflict`] when it cannot be reached,
    /// [`ServiceError::RateLimited`].
    pub async fn begin_oidc(
        &self,
        key: &str,
        next: &str,
        invitation: Option<&str>,
        address: Option<IpAddr>,
    ) -> ServiceResult<Departure> {
        let provider = self.provider(key)?;
        if let Some(address) = address {
            self.count_attempt(&[&subject(&self.secrets, &BEGUN, &network(address))]).await?;
        }
        let cookie = random_token()?;
        let url = provider.provider.begin(&self.redirect(provider)?, &secrets(&cookie)).await.map_err(refused)?;
        let expires_at = self.clock.now() + ATTEMPT_LASTS;
        let attempt = Attempt {
            provider: key.to_owned(),
            next: next.to_owned(),
            invitation: invitation.map(|token| hash(token).to_vec()),
        };
        let mut db = self.pool.acquire().await.map_err(StoreError::from)?;
        identities::begin(&mut db, hash(cookie.expose_secret()), &attempt, expires_at).await?;
        Ok(Departure { url, cookie, expires_at })
    }

    /// Signs in whoever a browser comes back as, and says where it wanted to go.
    ///
    /// # Errors
    /// [`ServiceError::Conflict`] when the sign-in is not this browser's, has ended, was finished before, or is not accepted
    /// or believed; [`ServiceError::PolicyRefused`] when it is, and the person may not come in by it.
    pub async fn finish_oidc(&self, arrival: Arrival) -> ServiceResult<(SignedIn, String)> {
        let provider = self.provider(&arrival.provider)?;
        let cookie = arrival.cookie.as_ref().ok_or_else(not_this_browsers)?;
        let secrets = secrets(cookie);
        // Compared as hashes: how long that takes tells nothing.
        if blake3::hash(secrets.state.as_bytes()) != blake3::hash(arrival.state.as_bytes()) {
            return Err(not_this_browsers());
        }
        let mut db = self.pool.acquire().await.map_err(StoreError::from)?;
        let attempt = identities::finish(&mut db, hash(cookie.expose_secret()), self.clock.now()).await?;
        drop(db);
        let attempt = attempt.filter(|attempt| attempt.provider == provider.key).ok_or_else(|| {
            ServiceError::Conflict("This sign-in took too long or was finished before. Begin again.".to_owned())
        })?;
        if let Some(error) = &arrival.error {
            let error: String = error.chars().filter(|c| c.is_ascii_graphic()).take(60).collect();
            return Err(ServiceError::Conflict(format!(
                "{} ended the sign-in ({error}). Begin again.",
                provider.label
            )));
        }
        let trimmed = |issuer: &str| issuer.trim_end_matches('/').to_owned();
        if arrival.issuer.as_ref().is_some_and(|issuer| trimmed(issuer) != trimmed(provider.provider.issuer())) {
            return Err(not_this_browsers());
        }
        let code = arrival.code.ok_or_else(not_this_browsers)?;
        let identity = provider.provider.finish(&self.redirect(provider)?, code, &secrets).await.map_err(refused)?;
        let signed_in = self.admit(provider, &identity, &attempt, arrival.caller.as_ref(), &arrival.user_agent).await?;
        Ok((signed_in, attempt.next))
    }

    /// Signs an identity in as somebody, or refuses it.
    async fn admit(
        &self,
        provider: &IdentityProvider,
        identity: &Identity,
        attempt: &Attempt,
        caller: Option<&Caller>,
        user_agent: &str,
    ) -> ServiceResult<SignedIn> {
        let now = self.clock.now();
        let mut tx = self.pool.begin().await.map_err(StoreError::from)?;
        let known = identities::known(&mut tx, &identity.issuer, &identity.subject, now).await?;
        let user = match known {
            Some(id) => people::user(&mut tx, id).await?.ok_or(ServiceError::Unauthenticated)?,
            None => {
                self.link_identity(&mut tx, provider, identity, attempt, caller.map(|caller| caller.user_id)).await?
            }
        };
        let place = match self.invited_to(&mut tx, attempt, &user).await? {
            Some(place) => place,
            None => first_place(&mut tx, user.id).await?.ok_or_else(nowhere)?,
        };
        if known.is_none() {
            let data = json!({ "user": user.id, "provider": provider.label, "issuer": identity.issuer });
            for place in people::memberships(&mut tx, user.id).await? {
                happened_to(&mut tx, place.organization_id, Some(user.id), "identity.linked", data.clone(), now)
                    .await?;
            }
        }
        if let Some(Via::Session(old)) = caller.map(|caller| caller.via) {
            sessions::delete(&mut tx, old).await?;
        }
        let signed_in = self.begin_session(&mut tx, &user, place, user_agent).await?;
        tx.commit().await.map_err(StoreError::from)?;
        Ok(signed_in)
    }

    /// The person whom an identity that was not seen before belongs to.
    async fn link_identity(
        &self,
        db: &mut PgConnection,
        provider: &IdentityProvider,
        identity: &Identity,
        attempt: &Attempt,
        signed_in: Option<UserId>,
    ) -> ServiceResult<User> {
        let refuse = |message: String| Err(ServiceError::policy("identity-by-verified-address", message));
        let label = &provider.label;
        let Some(email) = identity.email.as_deref().map(fields::canonical_email) else {
            return refuse(format!("{label} did not tell your e-mail address, by which people are known here."));
        };
        if !identity.email_verified {
            return refuse(format!(
                "{label} has not verified that {email} is your address. Have it verified there first."
            ));
        }
        let now = self.clock.now();
        let user = match people::user_by_email(db, &email).await? {
            Some(user) if user.email_verified_at.is_some() || signed_in == Some(user.id) => {
                people::verify_email(db, user.id, now).await?;
                user
            }
            Some(_) => {
                return refuse(format!(
                    "There is an account for {email}, but it was never shown that the address is its person's. Sign in with \
                     its password and come back here from your account, or set a new password by mail first."
                ));
            }
            None => {
                let invited = match &attempt.invitation {
                    Some(token) => invitations::invitation(db, token, now).await.ok(),
                    None => None,
                };
                if invited.is_none_or(|(invitation, _)| invitation.email != email) {
                    return refuse(format!(
                        "Nobody here has the address {email}. Ask an administrator to invite it, and open the invitation's link."
                    ));
                }
                Checked::by_provider(identity.name.as_deref(), &email)?.insert(db, now).await?
            }
        };
        identities::link(db, &identity.issuer, &identity.subject, user.id, &email, now).await?;
        Ok(user)
    }

    /// Takes the invitation whose link the browser came from, if it is this person's.
    async fn invited_to(
        &self,
        db: &mut PgConnection,
        attempt: &Attempt,
        user: &User,
    ) -> ServiceResult<Option<Membership>> {
        let Some(token) = &attempt.invitation else { return Ok(None) };
        let now = self.clock.now();
        let (invitation, _) = invitations::invitation(db, token, now).await?;
        if invitation.email != user.email {
            return Err(ServiceError::Conflict(format!(
                "The invitation is for {}, and you came as {}. Come as the invited one, or ask for another invitation.",
                invitation.email, user.email
            )));
        }
        self.take(db, &invitation, user, now).await.map(Some)
    }
}

/// State, nonce and verifier of the browser with this cookie.
fn secrets(cookie: &SecretString) -> Secrets {
    let derive = |context: &str| hex::encode(blake3::derive_key(context, cookie.expose_secret().as_bytes()));
    Secrets {
        state: derive("workflowops 2026 oidc state"),
        nonce: derive("workflowops 2026 oidc nonce"),
        verifier: derive("workflowops 2026 oidc verifier").into(),
    }
}

fn not_this_browsers() -> ServiceError {
    ServiceError::Conflict("This sign-in was not begun in this browser, or too long ago. Begin again.".to_owned())
}

/// The provider's refusal, as a sentence.
fn refused(error: OidcError) -> ServiceError {
    if let OidcError::Provider { .. } = &error {
        tracing::warn!(error = %error, "an identity provider cannot be used");
    }
    let text = error.to_string();
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    ServiceError::Conflict(format!("{first}{}.", letters.as_str()))
}
