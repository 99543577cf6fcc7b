//! Requests that a program may send again without doing twice what it asks (`Idempotency-Key`).

use std::future::Future;

use chrono::TimeDelta;
use drift_domain::ids::OrganizationId;
use drift_store::StoreError;
use drift_store::idempotency::{self, Known};
use drift_store::secretbox::Purpose;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::Services;
use crate::error::{ServiceError, ServiceResult};
use crate::gate::Caller;

/// A request that was not answered after this was lost with its process.
const LOST: TimeDelta = TimeDelta::minutes(2);
/// How long answers are remembered.
pub(crate) const REMEMBERED: TimeDelta = TimeDelta::hours(24);
/// The longest key that is taken, in bytes.
const KEY_LENGTH: usize = 255;

/// How an answer is remembered.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kept {
    /// As it is.
    Plain,
    /// Sealed, for it holds a secret.
    Sealed,
}

impl Services {
    /// Does what a request asks for, unless the same request of the same person under the same key was answered within the
    /// last day: then answers that. What was refused may be tried again under the same key.
    ///
    /// # Errors
    /// Those of `work`; [`ServiceError::Invalid`] for a key that was used for another request; [`ServiceError::Conflict`]
    /// while the first is being worked on.
    pub async fn once<T: Serialize + DeserializeOwned>(
        &self,
        caller: &Caller,
        key: Option<&str>,
        request: &[u8],
        work: impl Future<Output = ServiceResult<T>>,
    ) -> ServiceResult<T> {
        self.once_as(caller, key, request, Kept::Plain, work).await
    }

    /// The same for what is answered with a secret: the answer is remembered sealed with the installation's key.
    ///
    /// # Errors
    /// As [`Services::once`].
    pub async fn once_in_secret<T: Serialize + DeserializeOwned>(
        &self,
        caller: &Caller,
        key: Option<&str>,
        request: &[u8],
        work: impl Future<Output = ServiceResult<T>>,
    ) -> ServiceResult<T> {
        self.once_as(caller, key, request, Kept::Sealed, work).await
    }

    async fn once_as<T: Serialize + DeserializeOwned>(
        &self,
        caller: &Caller,
        key: Option<&str>,
        request: &[u8],
        kept: Kept,
        work: impl Future<Output = ServiceResult<T>>,
    ) -> ServiceResult<T> {
        let Some(key) = key else { return work.await };
        if key.is_empty() || key.len() > KEY_LENGTH {
            let message = format!("The key is 1 to {KEY_LENGTH} bytes; a UUID is a good one.");
            return Err(ServiceError::invalid("Idempotency-Key", message));
        }
        let who = (caller.organization_id, caller.user_id);
        let hash = *blake3::hash(request).as_bytes();
        let now = self.clock.now();
        let mut tx = self.tenant(who.0).await?;
        let known = idempotency::claim(&mut tx, who, key, &hash, now - LOST, now).await?;
        tx.commit().await.map_err(StoreError::from)?;
        match known {
            Known::Claimed => {}
            Known::Used { request, .. } if request != hash => {
                let message = "This key was used for another request. Take a new key for a new request.";
                return Err(ServiceError::invalid("Idempotency-Key", message));
            }
            Known::Used { answer: Some(answer), .. } => {
                return self.remembered(who.0, kept, answer);
            }
            Known::Used { answer: None, .. } => {
                let message = "A request with this key is being worked on. Ask again in a moment.";
                return Err(ServiceError::Conflict(message.to_owned()));
            }
        }
        let answer = work.await;
        let mut tx = self.tenant(who.0).await?;
        match &answer {
            Ok(done) => {
                let done = self.to_remember(who.0, kept, done)?;
                idempotency::answer(&mut tx, who, key, &done).await?;
            }
            Err(_) => idempotency::give_back(&mut tx, who, key).await?,
        }
        tx.commit().await.map_err(StoreError::from)?;
        answer
    }

    fn to_remember(&self, organization: OrganizationId, kept: Kept, answer: &impl Serialize) -> ServiceResult<Value> {
        let answer = serde_json::to_value(answer).map_err(ServiceError::unavailable)?;
        if kept == Kept::Plain {
            return Ok(answer);
        }
        let text = SecretString::from(answer.to_string());
        let sealed = self.secrets.seal(organization, Purpose::Answer, &text).map_err(ServiceError::unavailable)?;
        Ok(Value::String(hex::encode(sealed)))
    }

    fn remembered<T: DeserializeOwned>(
        &self,
        organization: OrganizationId,
        kept: Kept,
        answer: Value,
    ) -> ServiceResult<T> {
        if kept == Kept::Plain {
            return serde_json::from_value(answer).map_err(ServiceError::unavailable);
        }
        let sealed = hex::decode(answer.as_str().unwrap_or_default()).map_err(ServiceError::unavailable)?;
        let text = self.secrets.open(organization, Purpose::Answer, &sealed).map_err(ServiceError::unavailable)?;
        serde_json::from_str(text.expose_secret()).map_err(ServiceError::unavailable)
    }
}
