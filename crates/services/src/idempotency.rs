//! Requests that a program may send again without doing twice what it asks (`Idempotency-Key`).

use std::future::Future;

use chrono::TimeDelta;
use drift_store::StoreError;
use drift_store::idempotency::{self, Known};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Services;
use crate::error::{ServiceError, ServiceResult};
use crate::gate::Caller;

/// A request that was not answered after this was lost with its process.
const LOST: TimeDelta = TimeDelta::minutes(2);
/// How long answers are remembered.
pub(crate) const REMEMBERED: TimeDelta = TimeDelta::hours(24);
/// The longest key that is taken, in bytes.
const KEY_LENGTH: usize = 255;

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
                return serde_json::from_value(answer).map_err(ServiceError::unavailable);
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
                let done = serde_json::to_value(done).map_err(ServiceError::unavailable)?;
                idempotency::answer(&mut tx, who, key, &done).await?;
            }
            Err(_) => idempotency::give_back(&mut tx, who, key).await?,
        }
        tx.commit().await.map_err(StoreError::from)?;
        answer
    }
}
