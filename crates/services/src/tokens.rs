//! API tokens: a person's own, for programs that act for them in one organization.
//!
//! A token is shown once and its hash is kept. It begins with [`PREFIX`], by which scanners find one that was published by
//! mistake. It may never do more than its person may at the moment of use, and never more than its own role.

use chrono::{DateTime, TimeDelta, Utc};
use drift_domain::ids::TokenId;
use drift_domain::plan::Plan;
use drift_domain::role::Role;
use drift_domain::views::TokenView;
use drift_store::tokens::{self, NewToken, OwnToken};
use drift_store::{StoreError, plans};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use uuid::Uuid;

use crate::Services;
use crate::accounts::{RANDOM_BYTES, SEEN_EVERY, fields, happened, hash, random_token};
use crate::error::{ServiceError, ServiceResult};
use crate::gate::{Caller, Permit, Via, cap};

/// What every API token begins with.
pub const PREFIX: &str = "wfo_";
/// The longest that a token lives.
pub const LONGEST: TimeDelta = TimeDelta::days(365);
/// Tokens that one person may have in one organization.
const MOST: usize = 50;
/// Characters of a token that are kept, to tell it from others.
const ENDING: usize = 4;

/// A token to be made.
#[derive(Clone, Debug)]
pub struct TokenRequest {
    /// What its person calls it.
    pub name: String,
    /// The most that it may do: at most the person's own role.
    pub role: Role,
    /// In how many days it ends: at least one, at most 365.
    pub days: u32,
}

/// A token that was just made. The secret is stored nowhere: it is shown now or never.
#[derive(Debug)]
pub struct MadeToken {
    /// What is kept of it.
    pub token: TokenView,
    /// The token itself.
    pub secret: SecretString,
}

impl Services {
    /// Whom an API token stands for. `None` for one that is unknown or has ended.
    ///
    /// # Errors
    /// [`ServiceError::Unavailable`] when the database does not answer.
    pub async fn authenticate_token(&self, token: &str) -> ServiceResult<Option<Caller>> {
        if token.len() != PREFIX.len() + 2 * RANDOM_BYTES || !token.starts_with(PREFIX) {
            return Ok(None);
        }
        let now = self.clock.now();
        let mut db = self.pool.acquire().await.map_err(StoreError::from)?;
        let Some(bearer) = tokens::bearer(&mut db, hash(token), now).await? else { return Ok(None) };
        if bearer.last_used_at.is_none_or(|last| now - last >= SEEN_EVERY) {
            tokens::touch(&mut db, bearer.organization_id, bearer.id, now).await?;
        }
        let plan = plans::effective(&mut db, bearer.organization_id).await?;
        let caller = Caller {
            user_id: bearer.user_id,
            name: bearer.name,
            email: bearer.email,
            organization_id: bearer.organization_id,
            organization_name: bearer.organization_name,
            plan: std::sync::Arc::new(plan.unwrap_or_else(|| Plan::standard(bearer.plan))),
            role: bearer.role.min(bearer.token_role),
            via: Via::Token(bearer.id),
        };
        crate::audit::asked_by(&caller);
        Ok(Some(caller))
    }

    /// Makes a token for the caller, in the organization that they look at. A token makes no other tokens: one that was
    /// stolen would outlive its end.
    ///
    /// # Errors
    /// [`ServiceError::Invalid`] when name, role or end cannot be used, [`ServiceError::Conflict`] when the person has too
    /// many, [`ServiceError::PolicyRefused`] for a caller that is a token itself.
    pub async fn create_token(&self, permit: &Permit<cap::Account>, new: TokenRequest) -> ServiceResult<MadeToken> {
        let caller = permit.caller();
        caller.session()?;
        let name = fields::name("name", "a name that says what the token is for", &new.name)?;
        if new.role > caller.role {
            let message = format!("A token may do at most what you may: {}.", caller.role);
            return Err(ServiceError::invalid("role", message));
        }
        let lives = TimeDelta::days(new.days.into());
        if new.days == 0 || lives > LONGEST {
            let message = format!("A token ends in 1 to {} days.", LONGEST.num_days());
            return Err(ServiceError::invalid("days", message));
        }
        let secret = SecretString::from(format!("{PREFIX}{}", random_token()?.expose_secret()));
        let text = secret.expose_secret();
        let now = self.clock.now();
        let new = NewToken {
            organization_id: permit.organization(),
            id: TokenId(Uuid::now_v7()),
            user_id: caller.user_id,
            name: &name,
            role: new.role,
            token_hash: hash(text),
            ending: &text[text.len() - ENDING..],
            expires_at: now + lives,
        };
        let mut tx = self.tenant(permit.organization()).await?;
        if tokens::of_person(&mut tx, permit.organization(), caller.user_id).await?.len() >= MOST {
            let message = format!("You have {MOST} tokens here already. Remove one that is not used any more first.");
            return Err(ServiceError::Conflict(message));
        }
        tokens::insert(&mut tx, &new, now).await?;
        let data = json!({ "token": new.id, "name": name, "role": new.role, "expires_at": new.expires_at });
        happened(&mut tx, caller, "token.created", data, now).await?;
        tx.commit().await.map_err(StoreError::from)?;
        let kept = OwnToken {
            id: new.id,
            name: name.clone(),
            role: new.role,
            ending: new.ending.to_owned(),
            created_at: now,
            expires_at: new.expires_at,
            last_used_at: None,
        };
        Ok(MadeToken { token: view(kept, now), secret })
    }

    /// The caller's tokens in the organization that they look at, the newest first.
    ///
    /// # Errors
    /// [`ServiceError::Unavailable`] when the database does not answer.
    pub async fn tokens(&self, permit: &Permit<cap::Account>) -> ServiceResult<Vec<TokenView>> {
        let now = self.clock.now();
        let mut tx = self.tenant(permit.organization()).await?;
        let tokens = tokens::of_person(&mut tx, permit.organization(), permit.caller().user_id).await?;
        Ok(tokens.into_iter().map(|token| view(token, now)).collect())
    }

    /// Ends one of the caller's tokens, at once.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] when the caller has no such token here.
    pub async fn revoke_token(&self, permit: &Permit<cap::Account>, id: TokenId) -> ServiceResult<()> {
        let caller = permit.caller();
        let mut tx = self.tenant(permit.organization()).await?;
        let name = tokens::delete(&mut tx, permit.organization(), caller.user_id, id).await?;
        let name = name.ok_or(ServiceError::NotFound("token"))?;
        happened(&mut tx, caller, "token.revoked", json!({ "token": id, "name": name }), self.clock.now()).await?;
        Ok(tx.commit().await.map_err(StoreError::from)?)
    }
}

fn view(token: OwnToken, now: DateTime<Utc>) -> TokenView {
    TokenView {
        id: token.id,
        name: token.name,
        role: token.role,
        ending: token.ending,
        created_at: token.created_at,
        expires_at: token.expires_at,
        last_used_at: token.last_used_at,
        expired: token.expires_at <= now,
    }
}
