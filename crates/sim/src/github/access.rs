//! Who may ask, for what, and how often.

use std::collections::{BTreeMap, BTreeSet};

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;

use super::Error;
use super::answers::Refusal;

/// What a token may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The repositories it sees, as `owner/name`; `None` for all.
    pub repositories: Option<Vec<String>>,
    /// It may read their contents. Without that it sees that they exist.
    pub contents: bool,
    /// It may push.
    pub push: bool,
    /// It may make and change pull requests (merging one is a push).
    pub pulls: bool,
    /// It may report commit statuses.
    pub statuses: bool,
    /// It may read check runs, which fine-grained tokens may not.
    pub checks: bool,
    /// It may read the classic protection of branches.
    pub administration: bool,
    /// It stops working after this long.
    pub expires_in: Option<TimeDelta>,
}

impl Default for Grant {
    fn default() -> Self {
        Self {
            repositories: None,
            contents: true,
            push: true,
            pulls: true,
            statuses: true,
            checks: true,
            administration: true,
            expires_in: None,
        }
    }
}

impl Grant {
    /// A token that reads these repositories and sees no other.
    #[must_use]
    pub fn read(repositories: &[&str]) -> Self {
        let repositories = Some(repositories.iter().map(|name| (*name).to_owned()).collect());
        Self { repositories, push: false, pulls: false, statuses: false, administration: false, ..Self::default() }
    }
}

/// A GitHub App with one installation, as its owner knows it.
#[derive(Clone)]
pub struct AppKeys {
    /// The App's number.
    pub app_id: u64,
    /// The installation's number.
    pub installation_id: u64,
    /// The App's private key.
    pub private_key_pem: String,
}

/// Whoever a request comes from.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    /// The token, also where it is none that is known; empty without one.
    pub(crate) token: String,
    /// Ids of the repositories it sees; `None` for all.
    repositories: Option<BTreeSet<u64>>,
    pub(crate) contents: bool,
    pub(crate) push: bool,
    pub(crate) pulls: bool,
    pub(crate) statuses: bool,
    pub(crate) checks: bool,
    pub(crate) administration: bool,
    /// Speaks for an App's installation.
    pub(crate) installation: bool,
}

impl Caller {
    pub(crate) fn sees(&self, repository: u64) -> bool {
        self.repositories.as_ref().is_none_or(|ids| ids.contains(&repository))
    }
}

struct Known {
    caller: Caller,
    expires_at: Option<DateTime<Utc>>,
    installation: Option<u64>,
}

struct App {
    public_key: Vec<u8>,
    installation_id: u64,
    repositories: Option<BTreeSet<u64>>,
    suspended: bool,
}

/// One caller's requests in the hour that runs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spent {
    pub(crate) used: u64,
    pub(crate) reset: i64,
}

pub(crate) struct Access {
    tokens: BTreeMap<String, Known>,
    apps: BTreeMap<u64, App>,
    spent: BTreeMap<String, Spent>,
    pub(crate) hourly_limit: u64,
    pub(crate) secondary: Option<u64>,
    issued: u64,
}

impl Default for Access {
    fn default() -> Self {
        let (tokens, apps, spent) = Default::default();
        // GitHub's limit for a person's tokens.
        Self { tokens, apps, spent, hourly_limit: 5_000, secondary: None, issued: 0 }
    }
}

#[derive(Deserialize)]
struct Claims {
    iss: serde_json::Value,
    iat: i64,
    exp: i64,
}

impl Access {
    pub(crate) fn add_token(&mut self, token: String, grant: &Grant, ids: Option<BTreeSet<u64>>, now: DateTime<Utc>) {
        let caller = Caller {
            token: token.clone(),
            repositories: ids,
            contents: grant.contents,
            push: grant.push,
            pulls: grant.pulls,
            statuses: grant.statuses,
            checks: grant.checks,
            administration: grant.administration,
            installation: false,
        };
        let expires_at = grant.expires_in.map(|life| now + life);
        self.tokens.insert(token, Known { caller, expires_at, installation: None });
    }

    /// A token that nobody had before.
    pub(crate) fn new_token(&mut self, prefix: &str, now: DateTime<Utc>) -> String {
        self.issued += 1;
        format!("{prefix}_standin{:016x}{:08x}", now.timestamp_micros(), self.issued)
    }

    pub(crate) fn revoke(&mut self, token: &str) {
        self.tokens.remove(token);
    }

    pub(crate) fn add_app(&mut self, repositories: Option<BTreeSet<u64>>) -> Result<AppKeys, Error> {
        let key = KeyPair::generate(KeySize::Rsa2048).map_err(|_| Error::Key)?;
        let der = AsDer::<Pkcs8V1Der<'_>>::as_der(&key).map_err(|_| Error::Key)?;
        let number = self.apps.len() as u64 + 1;
        let (app_id, installation_id) = (100_000 + number, 50_000_000 + number);
        let public_key = key.public_key().as_ref().to_vec();
        self.apps.insert(app_id, App { public_key, installation_id, repositories, suspended: false });
        Ok(AppKeys { app_id, installation_id, private_key_pem: pem(der.as_ref()) })
    }

    pub(crate) fn suspend(&mut self, installation: u64, suspended: bool) {
        for app in self.apps.values_mut().filter(|app| app.installation_id == installation) {
            app.suspended = suspended;
        }
        self.revoke_installation(installation);
    }

    pub(crate) fn revoke_installation(&mut self, installation: u64) {
        self.tokens.retain(|_, known| known.installation != Some(installation));
    }

    /// Who a token stands for, or GitHub's refusal.
    pub(crate) fn caller(&self, authorization: Option<&str>, now: DateTime<Utc>) -> Result<Caller, Refusal> {
        let Some(authorization) = authorization else {
            // Without a token everybody sees what is public, and there is nothing public here.
            let repositories = Some(BTreeSet::new());
            return Ok(Caller {
                token: String::new(),
                repositories,
                contents: false,
                push: false,
                pulls: false,
                statuses: false,
                checks: false,
                administration: false,
                installation: false,
            });
        };
        let token = authorization.split_once(' ').map_or("", |(_, token)| token.trim());
        let known = self.tokens.get(token).filter(|known| known.expires_at.is_none_or(|end| now < end));
        known.map(|known| known.caller.clone()).ok_or_else(Refusal::bad_credentials)
    }

    /// Exchanges an App's JWT for an installation token that lives an hour.
    pub(crate) fn installation_token(
        &mut self,
        installation: u64,
        authorization: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<(String, DateTime<Utc>), Refusal> {
        let jwt = authorization.and_then(|value| value.split_once(' ')).map_or("", |(_, jwt)| jwt.trim());
        let (app_id, claims) =
            self.read_jwt(jwt).ok_or_else(|| Refusal::unauthorized("A JSON web token could not be decoded"))?;
        if claims.exp <= now.timestamp() {
            let message = "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires";
            return Err(Refusal::unauthorized(message));
        }
        if claims.exp > now.timestamp() + 600 {
            return Err(Refusal::unauthorized("'Expiration time' claim ('exp') is too far in the future"));
        }
        if claims.iat > now.timestamp() {
            let message =
                "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued";
            return Err(Refusal::unauthorized(message));
        }
        let app =
            self.apps.get(&app_id).filter(|app| app.installation_id == installation).ok_or_else(Refusal::not_found)?;
        if app.suspended {
            return Err(Refusal::new(403, "This installation has been suspended"));
        }
        let repositories = app.repositories.clone();
        let (token, expires_at) = (self.new_token("ghs", now), now + TimeDelta::hours(1));
        let caller = Caller {
            token: token.clone(),
            repositories,
            contents: true,
            push: true,
            pulls: true,
            statuses: true,
            checks: true,
            // An App that promotes has no business with the administration of repositories.
            administration: false,
            installation: true,
        };
        let known = Known { caller, expires_at: Some(expires_at), installation: Some(installation) };
        self.tokens.insert(token.clone(), known);
        Ok((token, expires_at))
    }

    /// The App whose key signed the token, with what it claims.
    fn read_jwt(&self, jwt: &str) -> Option<(u64, Claims)> {
        let (signed, signature) = jwt.rsplit_once('.')?;
        let (_, claims) = signed.split_once('.')?;
        let claims: Claims = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()?;
        let app_id = claims.iss.as_u64().or_else(|| claims.iss.as_str()?.parse().ok())?;
        let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &self.apps.get(&app_id)?.public_key);
        key.verify(signed.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).ok()?).ok()?;
        Some((app_id, claims))
    }

    /// The hour that runs for a caller.
    pub(crate) fn spent(&mut self, token: &str, now: DateTime<Utc>) -> Spent {
        let fresh = Spent { used: 0, reset: now.timestamp() + 3_600 };
        let spent = self.spent.entry(token.to_owned()).or_insert(fresh);
        if now.timestamp() >= spent.reset {
            *spent = fresh;
        }
        *spent
    }

    pub(crate) fn count(&mut self, token: &str, now: DateTime<Utc>) {
        self.spent(token, now);
        if let Some(spent) = self.spent.get_mut(token) {
            spent.used += 1;
        }
    }

    /// As if the caller had used up its hour.
    pub(crate) fn exhaust(&mut self, token: &str, now: DateTime<Utc>) {
        self.spent(token, now);
        let limit = self.hourly_limit;
        if let Some(spent) = self.spent.get_mut(token) {
            spent.used = limit;
        }
    }
}

/// The name under which a token's requests to GraphQL are counted.
pub(crate) fn graphql(token: &str) -> String {
    format!("{token} graphql")
}

fn pem(der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<&str> = (0..text.len()).step_by(64).map(|i| &text[i..text.len().min(i + 64)]).collect();
    format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
    use serde_json::{Value, json};

    fn jwt(keys: &AppKeys, claims: &Value) -> String {
        let body: String = keys.private_key_pem.lines().filter(|line| !line.starts_with("---")).collect();
        let key = RsaKeyPair::from_pkcs8(&STANDARD.decode(body).unwrap()).unwrap();
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&json!({ "alg": "RS256", "typ": "JWT" })), part(claims));
        let mut signature = vec![0; key.public_modulus_len()];
        key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature).unwrap();
        format!("Bearer {signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    #[test]
    fn an_app_proves_itself_by_a_token_that_is_signed_and_fresh() {
        let mut access = Access::default();
        let keys = access.add_app(None).unwrap();
        let now: DateTime<Utc> = "2026-11-02T09:30:00Z".parse().unwrap();
        let mut ask = |claims: Value, installation: u64| {
            let answer = access.installation_token(installation, Some(&jwt(&keys, &claims)), now);
            answer.map(|(_, expires_at)| expires_at).map_err(|refusal| format!("{refusal:?}"))
        };
        let claims = |from: i64, to: i64| {
            let at = |seconds: i64| now.timestamp() + seconds;
            json!({ "iss": keys.app_id.to_string(), "iat": at(from), "exp": at(to) })
        };
        let id = keys.installation_id;
        assert_eq!(ask(claims(-60, 480), id), Ok(now + TimeDelta::hours(1)));
        assert!(ask(claims(-600, 0), id).unwrap_err().contains("future time at which the assertion expires"));
        assert!(ask(claims(-60, 601), id).unwrap_err().contains("too far in the future"));
        assert!(ask(claims(60, 480), id).unwrap_err().contains("'Issued at'"));
        assert!(ask(claims(-60, 480), id + 1).unwrap_err().contains("404"));
        let mut stranger = claims(-60, 480);
        stranger["iss"] = json!("7");
        assert!(ask(stranger, id).unwrap_err().contains("could not be decoded"));
    }
}
