//! GitHub's deliveries: a push to a watched ref brings a check forward, a run that waits at the gate is answered.

use bytes::Bytes;
use drift_domain::check::CheckTrigger;
use drift_domain::ids::OrganizationId;
use drift_store::{StoreError, deliveries, environments, jobs, reconciliations};
use hmac::{Hmac, Mac};
use secrecy::ExposeSecret;
use serde::Deserialize;
use sha2::Sha256;

use crate::Services;
use crate::error::{ServiceError, ServiceResult};

/// A delivery as it came in.
#[derive(Clone, Debug)]
pub struct GithubDelivery {
    /// `X-GitHub-Delivery`: a redelivery keeps it.
    pub id: String,
    /// `X-GitHub-Event`.
    pub event: String,
    /// `X-Hub-Signature-256`.
    pub signature: String,
    /// The raw bytes: what the signature is over.
    pub body: Bytes,
}

/// What became of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryOutcome {
    /// This many environments are checked because of it.
    Checking(u32),
    /// This many promotions and replacements look again because of it.
    Reconciling(u32),
    /// A run asks whether it may deploy, and is answered.
    Answering,
    /// It had been taken before.
    Duplicate,
    /// It is about nothing that is watched.
    Ignored,
}

#[derive(Deserialize)]
struct Push {
    #[serde(rename = "ref")]
    reference: String,
    after: String,
    repository: Repository,
}

#[derive(Deserialize)]
struct Repository {
    full_name: String,
}

/// Events after which a promotion may go on: reviews, checks, statuses, the merge queue, the pull request itself.
const MOVES_A_MERGE: [&str; 6] =
    ["pull_request", "pull_request_review", "check_run", "check_suite", "status", "merge_group"];

impl Services {
    /// Takes a delivery: checks its signature over the raw bytes, drops what was taken before, and asks for the checks.
    ///
    /// The delivery is remembered in the transaction that asks for the checks, so one that failed is not dropped when
    /// GitHub sends it again.
    ///
    /// # Errors
    /// [`ServiceError::Unauthenticated`] when the signature is not this organization's, or there is no such organization:
    /// the two are not told apart.
    pub async fn github_delivery(
        &self,
        organization: OrganizationId,
        delivery: GithubDelivery,
    ) -> ServiceResult<DeliveryOutcome> {
        let secret = self.webhook_secret(organization).await?;
        let known = secret.as_ref().map_or(b"".as_slice(), |secret| secret.expose_secret().as_bytes());
        if !signed(known, &delivery.signature, &delivery.body) || secret.is_none() {
            return Err(ServiceError::Unauthenticated);
        }
        if MOVES_A_MERGE.contains(&delivery.event.as_str()) {
            return self.something_moved(organization, &delivery).await;
        }
        if crate::gates::asks(&delivery.event) {
            return self.gate_asked(organization, &delivery).await;
        }
        if delivery.event != "push" {
            return Ok(DeliveryOutcome::Ignored);
        }
        let push: Push = serde_json::from_slice(&delivery.body)
            .map_err(|error| ServiceError::invalid("body", format!("This is not a push event: {error}.")))?;
        let Some((owner, name)) = push.repository.full_name.split_once('/') else {
            return Ok(DeliveryOutcome::Ignored);
        };
        let mut tx = self.tenant(organization).await?;
        if !deliveries::remember(&mut tx, organization, &delivery.id, self.clock.now()).await? {
            return Ok(DeliveryOutcome::Duplicate);
        }
        let mut checking = 0;
        for (environment, watched) in environments::by_repository(&mut tx, organization, owner, name).await? {
            if concerns(&push, &watched) {
                self.ask_for_check(&mut tx, environment, CheckTrigger::GitPush, None).await?;
                checking += 1;
            }
        }
        // A replacement may have come with it.
        for waiting in reconciliations::pending_in_repository(&mut tx, organization, owner, name).await? {
            jobs::enqueue_reconciliation(&mut tx, waiting).await?;
        }
        tx.commit().await.map_err(StoreError::from)?;
        Ok(if checking == 0 { DeliveryOutcome::Ignored } else { DeliveryOutcome::Checking(checking) })
    }

    /// A review, a check or a merge: whatever waits in that repository looks again. What the delivery says is not believed
    /// further than that; GitHub is asked.
    async fn something_moved(
        &self,
        organization: OrganizationId,
        delivery: &GithubDelivery,
    ) -> ServiceResult<DeliveryOutcome> {
        #[derive(Deserialize)]
        struct Moved {
            repository: Repository,
        }
        let moved: Moved = serde_json::from_slice(&delivery.body)
            .map_err(|error| ServiceError::invalid("body", format!("This is no event of a repository: {error}.")))?;
        let Some((owner, name)) = moved.repository.full_name.split_once('/') else {
            return Ok(DeliveryOutcome::Ignored);
        };
        let mut tx = self.tenant(organization).await?;
        if !deliveries::remember(&mut tx, organization, &delivery.id, self.clock.now()).await? {
            return Ok(DeliveryOutcome::Duplicate);
        }
        let waiting = reconciliations::pending_in_repository(&mut tx, organization, owner, name).await?;
        for id in &waiting {
            jobs::enqueue_reconciliation(&mut tx, *id).await?;
        }
        tx.commit().await.map_err(StoreError::from)?;
        let waiting = u32::try_from(waiting.len()).unwrap_or(u32::MAX);
        Ok(if waiting == 0 { DeliveryOutcome::Ignored } else { DeliveryOutcome::Reconciling(waiting) })
    }
}

/// Whether a push moved the ref that is watched. A branch and a tag of one name are both meant: which one GitHub resolves
/// is its own to say.
fn concerns(push: &Push, watched: &str) -> bool {
    let short = push.reference.strip_prefix("refs/heads/").or_else(|| push.reference.strip_prefix("refs/tags/"));
    short == Some(watched) || push.reference == watched || push.after == watched
}

/// Whether `signature` (`sha256=` and 64 hexadecimal digits) is this secret's over these bytes, in constant time.
fn signed(secret: &[u8], signature: &str, body: &[u8]) -> bool {
    let Some(claimed) = signature.strip_prefix("sha256=").and_then(|hex| hex::decode(hex).ok()) else { return false };
    // HMAC takes keys of every length, so this does not fail.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret) else { return false };
    mac.update(body);
    mac.verify_slice(&claimed).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_of_githubs_own_example_is_accepted_and_no_other() {
        // https://docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries
        let signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
        assert!(signed(b"It's a Secret to Everybody", signature, b"Hello, World!"));
        assert!(!signed(b"It's a Secret to Everybody", signature, b"Hello, World?"));
        assert!(!signed(b"another", signature, b"Hello, World!"));
        for broken in ["", "sha256=", "sha256=zz", "757107ea0eb2509f"] {
            assert!(!signed(b"It's a Secret to Everybody", broken, b"Hello, World!"), "{broken}");
        }
    }

    #[test]
    fn a_push_concerns_the_ref_that_is_watched() {
        let push = |reference: &str| Push {
            reference: reference.to_owned(),
            after: "0123456789abcdef0123456789abcdef01234567".to_owned(),
            repository: Repository { full_name: "acme/workflows".to_owned() },
        };
        assert!(concerns(&push("refs/heads/main"), "main"));
        assert!(concerns(&push("refs/heads/release/1"), "release/1"));
        assert!(concerns(&push("refs/tags/v1"), "v1"));
        assert!(!concerns(&push("refs/heads/main2"), "main"));
    }
}
