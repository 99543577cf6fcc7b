//! Signing in through an identity provider: OpenID Connect, the authorization code flow with PKCE.
//!
//! `openidconnect` speaks the protocol and verifies what comes back (signature, issuer, audience, expiry, nonce). What it
//! is told here: which addresses may be called (`http`), what time it is, and which random values belong to a browser.
//! What an identity is allowed to do is no matter of this crate.

mod http;

use std::sync::Arc;

use drift_domain::address;
use drift_domain::clock::Clock;
use openidconnect::core::{
    CoreAuthenticationFlow, CoreClient, CoreClientAuthMethod, CoreIdTokenClaims, CoreProviderMetadata,
    CoreTokenResponse, CoreUserInfoClaims,
};
use openidconnect::{
    AuthType, AuthorizationCode, ClaimsVerificationError, ClientId, ClientSecret, CsrfToken, DiscoveryError,
    EndpointMaybeSet, EndpointNotSet, EndpointSet, IssuerUrl, LocalizedClaim, Nonce, OAuth2TokenResponse,
    PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, RequestTokenError, Scope, SignatureVerificationError,
    TokenResponse,
};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Mutex;
use url::Url;

use self::http::{CallError, Http};

/// How long a provider's own description is believed, in seconds.
const DESCRIPTION_SECONDS: i64 = 600;

type Client =
    CoreClient<EndpointSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointMaybeSet, EndpointMaybeSet>;

/// A provider, and who this installation is to it.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The issuer, as the provider itself spells it.
    pub issuer: Url,
    /// What the provider calls this installation.
    pub client_id: String,
    /// What the provider knows this installation by. `None` for a public client, which PKCE alone protects.
    pub client_secret: Option<SecretString>,
    /// Whether the provider may be on a private network or this machine.
    pub allow_private: bool,
}

/// The random values of one sign-in. All three belong to one browser.
#[derive(Clone)]
pub struct Secrets {
    /// Comes back with the browser.
    pub state: String,
    /// Comes back within the identity token.
    pub nonce: String,
    /// PKCE: 43 to 128 characters, without which the code is worth nothing.
    pub verifier: SecretString,
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secrets([REDACTED])")
    }
}

/// Whom the provider says that it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The provider.
    pub issuer: String,
    /// Who, in the provider's own way of naming; stays the same whatever the person's address is.
    pub subject: String,
    /// The person's address, if the provider tells it.
    pub email: Option<String>,
    /// Whether the provider has verified that the address is the person's own.
    pub email_verified: bool,
    /// The person's name, if the provider tells it.
    pub name: Option<String>,
}

/// Why a sign-in did not come about. The message is for a person; it holds no secret.
#[derive(Debug, thiserror::Error)]
pub enum OidcError {
    /// The provider cannot be called, or its description cannot be used.
    #[error("the identity provider {host} cannot be used just now: {why}")]
    Provider {
        /// Its host.
        host: String,
        /// What happened.
        why: String,
    },
    /// The provider did not accept the code: it was used before, is too old, or belongs to another browser.
    #[error("the identity provider {host} did not accept this sign-in ({why}). Begin again")]
    Code {
        /// Its host.
        host: String,
        /// What the provider said.
        why: String,
    },
    /// What the provider sent is not to be believed.
    #[error("what the identity provider {host} sent cannot be believed ({why}). Begin again")]
    Token {
        /// Its host.
        host: String,
        /// What is wrong with it.
        why: String,
    },
}

/// A provider that people sign in through.
pub struct Provider {
    settings: Settings,
    host: String,
    http: Http,
    clock: Arc<dyn Clock>,
    /// The provider's description of itself, and when it was read.
    description: Mutex<Option<(i64, CoreProviderMetadata)>>,
}

impl std::fmt::Debug for Provider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Provider").field("issuer", &self.settings.issuer.as_str()).finish_non_exhaustive()
    }
}

impl Provider {
    /// A provider; it is not called yet.
    ///
    /// # Errors
    /// Why its address cannot be called, in words.
    pub fn new(settings: Settings, clock: Arc<dyn Clock>) -> Result<Self, String> {
        address::check_url(&settings.issuer, settings.allow_private).map_err(|bad| bad.to_string())?;
        let host = settings.issuer.host_str().unwrap_or_default().to_owned();
        let http = Http::new(settings.allow_private).map_err(|error| error.to_string())?;
        Ok(Self { settings, host, http, clock, description: Mutex::default() })
    }

    /// The issuer, as the provider spells it.
    #[must_use]
    pub fn issuer(&self) -> &str {
        self.settings.issuer.as_str()
    }

    /// Where a browser is sent to sign in. It comes back to `redirect`.
    ///
    /// # Errors
    /// [`OidcError::Provider`]
    pub async fn begin(&self, redirect: &Url, secrets: &Secrets) -> Result<Url, OidcError> {
        let client = self.client(redirect, false).await?;
        let verifier = PkceCodeVerifier::new(secrets.verifier.expose_secret().to_owned());
        let (state, nonce) = (CsrfToken::new(secrets.state.clone()), Nonce::new(secrets.nonce.clone()));
        let (url, ..) = client
            .authorize_url(CoreAuthenticationFlow::AuthorizationCode, move || state, move || nonce)
            .add_scope(Scope::new("email".to_owned()))
            .add_scope(Scope::new("profile".to_owned()))
            .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier))
            .url();
        Ok(url)
    }

    /// Whose the code is that a browser came back with.
    ///
    /// # Errors
    /// [`OidcError::Code`] when the provider refuses it, [`OidcError::Token`] when what it sends cannot be believed,
    /// [`OidcError::Provider`] when it does not answer.
    pub async fn finish(&self, redirect: &Url, code: String, secrets: &Secrets) -> Result<Identity, OidcError> {
        let client = self.client(redirect, false).await?;
        let verifier = PkceCodeVerifier::new(secrets.verifier.expose_secret().to_owned());
        let request = client.exchange_code(AuthorizationCode::new(code)).map_err(|error| self.unusable(error))?;
        let answer = request.set_pkce_verifier(verifier).request_async(&self.http).await;
        let answer = answer.map_err(|error| self.code_error(error))?;
        let nonce = Nonce::new(secrets.nonce.clone());
        let claims = match self.claims(&client, &answer, &nonce) {
            Err(ClaimsVerificationError::SignatureVerification(SignatureVerificationError::NoMatchingKey)) => {
                // The provider has new keys since its description was read.
                let client = self.client(redirect, true).await?;
                self.claims(&client, &answer, &nonce)
            }
            claims => claims,
        };
        let claims = claims.map_err(|error| self.token_error(error))?;
        let mut identity = Identity {
            issuer: claims.issuer().as_str().to_owned(),
            subject: claims.subject().as_str().to_owned(),
            email: claims.email().map(|email| email.as_str().to_owned()),
            email_verified: claims.email_verified().unwrap_or(false),
            name: first(claims.name()),
        };
        if identity.email.is_none() {
            self.ask_for_more(&client, &answer, &claims, &mut identity).await?;
        }
        Ok(identity)
    }

    fn claims(
        &self,
        client: &Client,
        answer: &CoreTokenResponse,
        nonce: &Nonce,
    ) -> Result<CoreIdTokenClaims, ClaimsVerificationError> {
        let token = answer.id_token().ok_or_else(|| ClaimsVerificationError::Other("no identity token".to_owned()))?;
        let clock = Arc::clone(&self.clock);
        let verifier = client.id_token_verifier().set_time_fn(move || clock.now());
        token.claims(&verifier, nonce).cloned()
    }

    /// Many providers tell the address only at an address of its own.
    async fn ask_for_more(
        &self,
        client: &Client,
        answer: &CoreTokenResponse,
        claims: &CoreIdTokenClaims,
        identity: &mut Identity,
    ) -> Result<(), OidcError> {
        let Ok(request) = client.user_info(answer.access_token().clone(), Some(claims.subject().clone())) else {
            return Ok(());
        };
        let more: CoreUserInfoClaims =
            request.request_async(&self.http).await.map_err(|error| self.unusable(chain(&error)))?;
        identity.email = more.email().map(|email| email.as_str().to_owned());
        identity.email_verified = more.email_verified().unwrap_or(false);
        identity.name = identity.name.take().or_else(|| first(more.name()));
        Ok(())
    }

    /// A client made of the provider's description, which is read again when it is old or `anew`.
    async fn client(&self, redirect: &Url, anew: bool) -> Result<Client, OidcError> {
        let now = self.clock.now().timestamp();
        let mut kept = self.description.lock().await;
        let description = match &*kept {
            Some((read, description)) if !anew && (0..DESCRIPTION_SECONDS).contains(&(now - read)) => {
                description.clone()
            }
            _ => {
                let description = self.describe().await?;
                *kept = Some((now, description.clone()));
                description
            }
        };
        drop(kept);
        let secret = self.settings.client_secret.as_ref();
        let secret = secret.map(|secret| ClientSecret::new(secret.expose_secret().to_owned()));
        let methods = description.token_endpoint_auth_methods_supported();
        let in_body = methods.is_some_and(|methods| {
            methods.contains(&CoreClientAuthMethod::ClientSecretPost)
                && !methods.contains(&CoreClientAuthMethod::ClientSecretBasic)
        });
        let client =
            CoreClient::from_provider_metadata(description, ClientId::new(self.settings.client_id.clone()), secret)
                .set_redirect_uri(RedirectUrl::from_url(redirect.clone()));
        Ok(if in_body { client.set_auth_type(AuthType::RequestBody) } else { client })
    }

    /// Reads the provider's description. Issuers with and without a slash at their end are different ones, and a URL
    /// cannot be without: where the one does not say that it is itself, the other is asked.
    async fn describe(&self) -> Result<CoreProviderMetadata, OidcError> {
        let issuer = self.settings.issuer.as_str();
        let spelled = [issuer.trim_end_matches('/').to_owned(), issuer.to_owned()];
        let mut last = None;
        for spelling in spelled {
            let url = IssuerUrl::new(spelling).map_err(|error| self.unusable(error))?;
            match CoreProviderMetadata::discover_async(url, &self.http).await {
                Ok(description) => return Ok(description),
                Err(error @ DiscoveryError::Validation(_)) => last = Some(chain(&error)),
                Err(error) => return Err(self.unusable(chain(&error))),
            }
        }
        Err(self.unusable(last.unwrap_or_default()))
    }

    fn unusable(&self, why: impl std::fmt::Display) -> OidcError {
        OidcError::Provider { host: self.host.clone(), why: why.to_string() }
    }

    fn code_error<T>(&self, error: RequestTokenError<CallError, T>) -> OidcError
    where
        T: openidconnect::ErrorResponse + std::fmt::Display + 'static,
    {
        match error {
            RequestTokenError::ServerResponse(said) => {
                OidcError::Code { host: self.host.clone(), why: said.to_string() }
            }
            other => self.unusable(chain(&other)),
        }
    }

    fn token_error(&self, error: ClaimsVerificationError) -> OidcError {
        // What was expected is not said: it may be a secret.
        let why = match &error {
            ClaimsVerificationError::InvalidNonce(_) => "it belongs to another sign-in".to_owned(),
            ClaimsVerificationError::Expired(_) => "it has expired".to_owned(),
            _ => chain(&error),
        };
        OidcError::Token { host: self.host.clone(), why }
    }
}

/// A claim in whatever language it is told in.
fn first<T: Clone + std::ops::Deref<Target = String>>(claim: Option<&LocalizedClaim<T>>) -> Option<String> {
    let claim = claim?;
    claim.get(None).or_else(|| claim.iter().next().map(|(_, value)| value)).map(|value| value.to_string())
}

/// An error and its causes on one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(deeper) = cause {
        text = format!("{text}: {deeper}");
        cause = deeper.source();
    }
    text
}
