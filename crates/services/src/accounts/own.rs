//! A person's own account: the browsers that they are signed in with, and their password.

use std::net::IpAddr;

use chrono::TimeDelta;
use drift_domain::ids::SessionId;
use drift_domain::views::{AccountView, SessionView};
use drift_store::{StoreError, people, resets, sessions};
use secrecy::SecretString;
use serde_json::json;

use super::sign_in::{Limit, network, subject};
use super::{IDLE, fields, happened, happened_to, hash, password};
use crate::Services;
use crate::error::{ServiceError, ServiceResult};
use crate::gate::{Permit, Via, cap};
use crate::mail::Letter;

/// How long the link of a password reset works.
pub const RESET_LASTS: TimeDelta = TimeDelta::hours(1);
/// How long the news of a changed password is worth telling.
const NEWS_LASTS: TimeDelta = TimeDelta::days(3);
/// Resets that may be asked for within a quarter of an hour, for one address and from one network address.
const RESETS_BY_EMAIL: Limit = Limit { kind: "reset of", most: 3 };
const RESETS_BY_ADDRESS: Limit = Limit { kind: "reset from", most: 20 };
/// Wrong old passwords within a quarter of an hour, of one person.
const OLD_PASSWORDS: Limit = Limit { kind: "old password of", most: 5 };

impl Services {
    /// The caller's account, as they see it in the organization that they look at.
    ///
    /// # Errors
    /// [`ServiceError::Unavailable`] when the database does not answer.
    pub async fn account(&self, permit: &Permit<cap::Account>) -> ServiceResult<AccountView> {
        let caller = permit.caller();
        let sessions = self.sessions(permit).await?;
        let tokens = self.tokens(permit).await?;
        let mut db = self.pool.acquire().await.map_err(StoreError::from)?;
        let user = people::user(&mut db, caller.user_id).await?.ok_or(ServiceError::Unauthenticated)?;
        Ok(AccountView {
            name: user.name,
            email: user.email,
            has_password: user.password_hash.is_some(),
            sessions,
            tokens,
            token_roles: super::roster::may_give(caller.role),
            now: self.clock.now(),
        })
    }

    /// The browsers that the caller is signed in with, wherever they look, the one used last first.
    ///
    /// # Errors
    /// [`ServiceError::Unavailable`] when the database does not answer.
    pub async fn sessions(&self, permit: &Permit<cap::Account>) -> ServiceResult<Vec<SessionView>> {
        let (caller, now) = (permit.caller(), self.clock.now());
        let mut db = self.pool.acquire().await.map_err(StoreError::from)?;
        let sessions = sessions::of_person(&mut db, caller.user_id, now, now - IDLE).await?;
        let view = |session: sessions::OwnSession| SessionView {
            current: caller.via == Via::Session(session.id),
            id: session.id,
            user_agent: session.user_agent,
            organization: session.organization_name,
            created_at: session.created_at,
            last_seen_at: session.last_seen_at,
            expires_at: session.expires_at,
        };
        Ok(sessions.into_iter().map(view).collect())
    }

    /// Ends one of the caller's sessions.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] when it is not the caller's, or has ended.
    pub async fn end_session(&self, permit: &Permit<cap::Account>, id: SessionId) -> ServiceResult<()> {
        let caller = permit.caller();
        let mut tx = self.pool.begin().await.map_err(StoreError::from)?;
        if !sessions::delete_of_person(&mut tx, caller.user_id, id).await? {
            return Err(ServiceError::NotFound("session"));
        }
        happened(&mut tx, caller, "session.ended", json!({ "session": id }), self.clock.now()).await?;
        Ok(tx.commit().await.map_err(StoreError::from)?)
    }

    /// Signs the caller out everywhere, here too. Answers how many sessions ended.
    ///
    /// # Errors
    /// [`ServiceError::Unavailable`] when the database does not answer.
    pub async fn end_all_sessions(&self, permit: &Permit<cap::Account>) -> ServiceResult<u64> {
        let caller = permit.caller();
        let mut tx = self.pool.begin().await.map_err(StoreError::from)?;
        let ended = sessions::delete_all_of_person(&mut tx, caller.user_id, None).await?;
        happened(&mut tx, caller, "session.all_ended", json!({ "ended": ended }), self.clock.now()).await?;
        tx.commit().await.map_err(StoreError::from)?;
        Ok(ended)
    }

    /// Changes the caller's password and ends every other session of theirs. Who signs in through an identity provider
    /// alone has no old one: for them a reset by mail sets the first.
    ///
    /// # Errors
    /// [`ServiceError::Invalid`] when the old one is wrong or the new one cannot be used, [`ServiceError::RateLimited`] after
    /// too many wrong ones, [`ServiceError::PolicyRefused`] for an API token.
    pub async fn change_password(
        &self,
        permit: &Permit<cap::Account>,
        old: SecretString,
        new: SecretString,
    ) -> ServiceResult<()> {
        let caller = permit.caller();
        let session = caller.session()?;
        password::check("new_password", &new, &caller.email)?;
        let by_person = subject(&self.secrets, &OLD_PASSWORDS, &caller.user_id.to_string());
        let attempt = self.count_attempt(&[&by_person]).await?;
        let mut db = self.pool.acquire().await.map_err(StoreError::from)?;
        let user = people::user(&mut db, caller.user_id).await?.ok_or(ServiceError::Unauthenticated)?;
        drop(db);
        if !password::verify(old, user.password_hash.clone()).await? {
            return Err(ServiceError::invalid("password", "This is not your password."));
        }
        let hashed = password::hash(new).await?;
        let now = self.clock.now();
        let mut tx = self.pool.begin().await.map_err(StoreError::from)?;
        if !people::replace_password(&mut tx, user.id, user.password_hash.as_deref(), &hashed).await? {
            let message = "The password was changed elsewhere meanwhile. Sign in again.";
            return Err(ServiceError::Conflict(message.to_owned()));
        }
        attempt.succeeded(&mut tx, &[&by_person]).await?;
        resets::forget_of(&mut tx, user.id).await?;
        let ended = sessions::delete_all_of_person(&mut tx, user.id, Some(session)).await?;
        happened(&mut tx, caller, "password.changed", json!({ "sessions_ended": ended }), now).await?;
        self.post(&mut tx, &Letter::PasswordChanged { to: user.email }, now + NEWS_LASTS).await?;
        Ok(tx.commit().await.map_err(StoreError::from)?)
    }

    /// Has a link for a new password mailed, if somebody has this address. The answer and the work for it are the same
    /// either way: who has it is looked up when the mail is written.
    ///
    /// # Errors
    /// [`ServiceError::Invalid`] for what is no address, [`ServiceError::RateLimited`] after too many, and
    /// [`ServiceError::Conflict`] where the installation sends no mail.
    pub async fn ask_for_reset(&self, email: &str, address: Option<IpAddr>) -> ServiceResult<()> {
        if !self.sends_mail() {
            return Err(ServiceError::Conflict(
                "This installation sends no mail, so it cannot send a link. Ask whoever runs it.".to_owned(),
            ));
        }
        let email = fields::email("email", email)?;
        let by_email = subject(&self.secrets, &RESETS_BY_EMAIL, &email);
        let by_address = address.map(|address| subject(&self.secrets, &RESETS_BY_ADDRESS, &network(address)));
        let subjects: Vec<_> = by_address.iter().chain([&by_email]).collect();
        self.count_attempt(&subjects).await?;
        let not_after = self.clock.now() + RESET_LASTS;
        let mut tx = self.pool.begin().await.map_err(StoreError::from)?;
        self.post(&mut tx, &Letter::PasswordReset { to: email }, not_after).await?;
        Ok(tx.commit().await.map_err(StoreError::from)?)
    }

    /// Whether a reset's link works now: for the page that asks for the new password.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] when it does not, or not any more.
    pub async fn reset_works(&self, token: &str) -> ServiceResult<()> {
        let mut db = self.pool.acquire().await.map_err(StoreError::from)?;
        let whose = resets::whose(&mut db, hash(token), self.clock.now()).await?;
        whose.map(drop).ok_or(ServiceError::NotFound("link"))
    }

    /// Sets a new password by a reset's link, once, and ends every session of the person. It also shows that the address is
    /// the person's own. Answers with the address, to sign in with.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] for a link that does not work, [`ServiceError::Invalid`] when the password cannot be used.
    pub async fn reset_password(&self, token: &str, new: SecretString) -> ServiceResult<String> {
        let token = hash(token);
        let now = self.clock.now();
        let mut db = self.pool.acquire().await.map_err(StoreError::from)?;
        let Some(user) = resets::whose(&mut db, token, now).await? else { return Err(ServiceError::NotFound("link")) };
        let user = people::user(&mut db, user).await?.ok_or(ServiceError::NotFound("link"))?;
        drop(db);
        password::check("new_password", &new, &user.email)?;
        let hashed = password::hash(new).await?;
        let mut tx = self.pool.begin().await.map_err(StoreError::from)?;
        if resets::take(&mut tx, token, now).await? != Some(user.id)
            || !people::replace_password(&mut tx, user.id, user.password_hash.as_deref(), &hashed).await?
        {
            return Err(ServiceError::NotFound("link"));
        }
        people::verify_email(&mut tx, user.id, now).await?;
        let ended = sessions::delete_all_of_person(&mut tx, user.id, None).await?;
        // The person acts in no organization here: each of theirs is told.
        for place in people::memberships(&mut tx, user.id).await? {
            let data = json!({ "sessions_ended": ended });
            happened_to(&mut tx, place.organization_id, Some(user.id), "password.reset", data, now).await?;
        }
        self.post(&mut tx, &Letter::PasswordChanged { to: user.email.clone() }, now + NEWS_LASTS).await?;
        tx.commit().await.map_err(StoreError::from)?;
        Ok(user.email)
    }
}
