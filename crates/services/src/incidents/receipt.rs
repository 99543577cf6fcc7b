//! The closure receipt: what proves, a year later, that an incident closed rightly.
//!
//! It is a JSON document. Its digest is BLAKE3 of its canonical form (RFC 8785), so that a copy that was stored, indented or
//! sent around still verifies; the installation signs the digest with Ed25519. [`verify`] needs nothing but the receipt.

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use chrono::{DateTime, SecondsFormat, Utc};
use drift_store::changes::Which;
use drift_store::closings::ClosingRecord;
use drift_store::incidents::IncidentRecord;
use drift_store::{PgConnection, StoreError, artifacts, changes};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::joining::Seen;

/// The version of the document's form.
const FORM: u32 = 1;

/// What a receipt is made of.
pub(super) struct Facts<'a> {
    pub seen: &'a Seen<'a>,
    pub incident: &'a IncidentRecord,
    pub closing: &'a ClosingRecord,
    pub begun_at: DateTime<Utc>,
}

fn instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// Writes down what is proven: the check, both sides, and what was decided for every change and came of it.
pub(super) async fn document(db: &mut PgConnection, facts: &Facts<'_>) -> Result<Value, StoreError> {
    let Facts { seen, incident, closing, begun_at } = *facts;
    let environment = seen.environment;
    let organization = environment.organization_id;
    let of_incident = Which::OfIncident(incident.id());
    let all = changes::list(db, organization, environment.id, of_incident, i64::MAX).await?;
    let artifacts = artifacts::of_incident(db, organization, incident.id(), None).await?;
    let endings = artifacts::endings(db, organization, incident.id()).await?;
    let person = |(id, name): &(drift_domain::ids::UserId, String)| json!({ "id": id, "name": name });
    let mut listed: Vec<_> = all.iter().collect();
    listed.sort_by_key(|change| change.id);
    let listed: Vec<Value> = listed
        .iter()
        .map(|change| {
            let tries: Vec<Value> = artifacts
                .iter()
                .rev()
                .filter(|artifact| artifact.change == change.id)
                .map(|artifact| {
                    json!({
                        "id": artifact.id, "decision": artifact.decision, "type": artifact.kind, "reason": artifact.reason,
                        "replacement": artifact.replacement, "decided_by": person(&artifact.by),
                        "status": artifact.state, "by_hand": artifact.by_hand,
                        "verified_by_check": artifact.verified_by, "started_at": instant(artifact.started_at),
                        "finished_at": artifact.finished_at.map(instant), "error": artifact.error,
                    })
                })
                .collect();
            let ended = endings.iter().find(|ending| ending.change == change.id).map(|ending| {
                json!({
                    "id": ending.decision, "type": ending.kind, "reason": ending.reason, "by": person(&ending.by),
                    "at": instant(ending.at),
                })
            });
            json!({
                "id": change.id, "workflow": change.workflow, "workflow_id": change.live_id, "path": change.path,
                "type": change.change_type, "origin": change.origin, "severity": change.severity, "state": change.state,
                "first_seen_at": instant(change.first_seen_at),
                "live_snapshot": change.live_snapshot.map(|hash| hash.to_string()),
                "desired_snapshot": change.desired_snapshot.map(|hash| hash.to_string()),
                "decision": ended, "artifacts": tries,
            })
        })
        .collect();
    let times = incident.times();
    let found = seen.found;
    Ok(json!({
        "receipt": FORM,
        "organization": organization,
        "environment": {
            "id": environment.id, "name": environment.connection.name, "class": environment.connection.class,
            "n8n": environment.connection.n8n_base_url,
        },
        "incident": {
            "id": incident.id(), "number": incident.number, "plan": incident.plan.tier(),
            "lifecycle": incident.plan.lifecycle(), "severity": incident.severity, "reason": incident.reason,
            "owner": incident.owner.as_ref().map(person), "ticket": incident.ticket,
            "detected_at": instant(times.detected_at), "acknowledged_at": times.acknowledged_at.map(instant),
            "stabilized_at": times.stabilized_at.map(instant), "reconciled_at": times.reconciled_at.map(instant),
            "closed_at": instant(seen.now), "closed_by": person(&closing.by),
        },
        "check": {
            "id": seen.check, "asked_at": instant(closing.at), "begun_at": instant(begun_at), "ended_at": instant(seen.now),
            "repository": format!("{}/{}", environment.connection.git_owner, environment.connection.git_repository),
            "ref": environment.connection.git_ref, "folder": environment.connection.git_folder,
            "commit": found.commit, "tree": found.tree, "rules_version": crate::detection::rules_version(),
            "live_workflows": found.live_workflows, "desired_workflows": found.desired_workflows,
            "differing": found.differing, "live_fingerprint": found.live_fingerprint.to_string(),
            "desired_fingerprint": found.desired_fingerprint.to_string(),
        },
        "changes": listed,
    }))
}

/// A digest and who vouches for it.
pub(super) struct Signed {
    pub digest: [u8; 32],
    pub signature: [u8; 64],
    pub public_key: [u8; 32],
}

/// Why a receipt could not be signed or does not verify.
#[derive(Debug, thiserror::Error)]
pub enum ReceiptError {
    /// The document has no canonical form.
    #[error("the document cannot be written in canonical form: {0}")]
    Form(#[from] serde_json::Error),
    /// The key cannot be used.
    #[error("the installation's key cannot be used for signing")]
    Key,
    /// It is not a receipt.
    #[error("{0} is not what it must be: hexadecimal digits of the right length")]
    Field(&'static str),
    /// The document is not the one that the digest is of.
    #[error("the document was altered: its digest is {actual}, and the receipt says {stated}")]
    Altered {
        /// The digest of the document as it is.
        actual: String,
        /// The digest that the receipt states.
        stated: String,
    },
    /// The key did not sign this digest.
    #[error("the signature is not one of this digest by this key")]
    Signature,
    /// Somebody else's key signed it.
    #[error("the receipt is signed by the key {actual}, and not by the one that is trusted")]
    OtherKey {
        /// The key that signed it.
        actual: String,
    },
}

fn digest(document: &Value) -> Result<[u8; 32], ReceiptError> {
    Ok(*blake3::hash(&serde_json_canonicalizer::to_vec(document)?).as_bytes())
}

pub(super) fn sign(document: &Value, seed: &[u8; 32]) -> Result<Signed, ReceiptError> {
    let digest = digest(document)?;
    let key = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| ReceiptError::Key)?;
    let signature = key.sign(&digest).as_ref().try_into().map_err(|_| ReceiptError::Key)?;
    let public_key = key.public_key().as_ref().try_into().map_err(|_| ReceiptError::Key)?;
    Ok(Signed { digest, signature, public_key })
}

/// A receipt as it is handed out, whole enough to be verified anywhere. Further fields do not matter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Portable {
    /// What is proven.
    pub document: Value,
    /// BLAKE3 of the document in canonical form (RFC 8785), in hex.
    pub digest: String,
    /// Ed25519 over the 32 bytes of the digest, in hex.
    pub signature: String,
    /// The public key that verifies it, in hex.
    pub public_key: String,
}

/// Verifies a receipt by itself: that its document is the one that was signed. With `trusted`, the installation's public key
/// in hex, also that this installation signed it.
///
/// # Errors
/// [`ReceiptError`], which says what does not fit.
pub fn verify(receipt: &Portable, trusted: Option<&str>) -> Result<(), ReceiptError> {
    let bytes = |text: &str, field| hex::decode(text.trim()).map_err(|_| ReceiptError::Field(field));
    let actual = digest(&receipt.document)?;
    if bytes(&receipt.digest, "digest")? != actual {
        let stated = receipt.digest.clone();
        return Err(ReceiptError::Altered { actual: hex::encode(actual), stated });
    }
    let key = bytes(&receipt.public_key, "public_key")?;
    let signature = bytes(&receipt.signature, "signature")?;
    UnparsedPublicKey::new(&ED25519, &key).verify(&actual, &signature).map_err(|_| ReceiptError::Signature)?;
    match trusted {
        Some(trusted) if bytes(trusted, "the trusted key")? != key => {
            Err(ReceiptError::OtherKey { actual: hex::encode(key) })
        }
        _ => Ok(()),
    }
}
