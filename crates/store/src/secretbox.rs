//! Secrets at rest: API keys, tokens and webhook secrets are sealed with the installation's key before they are stored.
//!
//! ```text
//! 1 byte    version of this layout: 1
//! 4 bytes   which key sealed it (the beginning of a hash of the key)
//! 24 bytes  nonce, random
//! rest      XChaCha20-Poly1305: the secret and its tag
//! ```
//!
//! The organization and the purpose are authenticated with it. A sealed value that is copied to another organization's
//! row, or to another column, does not open.

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use drift_domain::ids::OrganizationId;
use rand::TryRngCore;
use rand::rngs::OsRng;
use secrecy::{ExposeSecret, SecretSlice, SecretString};

/// The layout that is written.
const VERSION: u8 = 1;
const KEY_ID: usize = 4;
const NONCE: usize = 24;
const HEADER: usize = 1 + KEY_ID + NONCE;

/// What a secret is for: one per column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// `environments.n8n_api_key`
    N8nApiKey,
    /// `environments.git_secret`
    GitSecret,
    /// `organizations.webhook_secret`
    WebhookSecret,
    /// `notification_channels.address`
    ChannelAddress,
    /// `notification_channels.secret`
    ChannelSecret,
    /// The payload of a job that sends mail. It belongs to the installation: the organization is the nil UUID.
    Mail,
    /// `idempotency_keys.answer`, where what was answered holds a secret.
    Answer,
}

impl Purpose {
    /// Never changed: what is sealed holds it.
    const fn as_str(self) -> &'static str {
        match self {
            Self::N8nApiKey => "environments.n8n_api_key",
            Self::GitSecret => "environments.git_secret",
            Self::WebhookSecret => "organizations.webhook_secret",
            Self::ChannelAddress => "notification_channels.address",
            Self::ChannelSecret => "notification_channels.secret",
            Self::Mail => "jobs.mail",
            Self::Answer => "idempotency_keys.answer",
        }
    }
}

/// Why a sealed value did not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// Sealed with a key that this installation was not started with.
    #[error("the secret was sealed with another installation key")]
    OtherKey,
    /// Cut off, altered, from another row or column, or of an unknown layout.
    #[error("the sealed secret is damaged, or belongs to another organization or column")]
    Damaged,
    /// The operating system gave no random bytes.
    #[error("the operating system gave no random bytes")]
    NoRandomness,
}

/// An installation's key: 32 bytes that no other installation has. Whoever has it and the database reads every secret.
#[derive(Clone)]
pub struct InstallationKey(SecretSlice<u8>);

impl InstallationKey {
    /// A new key.
    ///
    /// # Errors
    /// [`SecretError::NoRandomness`]
    pub fn generate() -> Result<Self, SecretError> {
        Ok(Self(random::<32>()?.to_vec().into()))
    }

    /// Reads 64 hexadecimal digits; white space around them does not matter. `None` for anything else.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text.trim(), &mut bytes).ok()?;
        Some(Self(bytes.to_vec().into()))
    }

    /// The key as 64 hexadecimal digits, to be kept in a file that nobody else can read.
    #[must_use]
    pub fn to_hex(&self) -> SecretString {
        hex::encode(self.0.expose_secret()).into()
    }

    /// A key for one use, derived so that the uses cannot be played against each other.
    fn derive(&self, context: &str) -> [u8; 32] {
        blake3::derive_key(context, self.0.expose_secret())
    }
}

impl std::fmt::Debug for InstallationKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("InstallationKey([REDACTED])")
    }
}

/// Seals and opens secrets. It seals with one key and opens with any that it was given, so that a key can be replaced
/// while what was sealed with the old one still opens.
pub struct SecretBox {
    current: Key,
    older: Vec<Key>,
    subjects: [u8; 32],
    receipts: [u8; 32],
}

struct Key {
    id: [u8; KEY_ID],
    cipher: XChaCha20Poly1305,
}

impl Key {
    fn new(key: &InstallationKey) -> Self {
        let [a, b, c, d, ..] = key.derive("workflowops 2026 key id");
        let cipher = XChaCha20Poly1305::new(&key.derive("workflowops 2026 secrets at rest").into());
        Self { id: [a, b, c, d], cipher }
    }
}

impl std::fmt::Debug for SecretBox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SecretBox").field("older_keys", &self.older.len()).finish_non_exhaustive()
    }
}

impl SecretBox {
    /// Seals and opens with `key`.
    #[must_use]
    pub fn new(key: &InstallationKey) -> Self {
        Self {
            current: Key::new(key),
            older: Vec::new(),
            subjects: key.derive("workflowops 2026 sign-in subjects"),
            receipts: key.derive("workflowops 2026 closure receipts"),
        }
    }

    /// Also opens what was sealed with `key`.
    #[must_use]
    pub fn with_older(mut self, key: &InstallationKey) -> Self {
        self.older.push(Key::new(key));
        self
    }

    /// Seals `secret` for one organization and purpose. Two seals of one secret differ.
    ///
    /// # Errors
    /// [`SecretError::NoRandomness`]
    pub fn seal(
        &self,
        organization: OrganizationId,
        purpose: Purpose,
        secret: &SecretString,
    ) -> Result<Vec<u8>, SecretError> {
        let nonce = random::<NONCE>()?;
        let mut sealed = Vec::with_capacity(HEADER + secret.expose_secret().len() + 16);
        sealed.push(VERSION);
        sealed.extend_from_slice(&self.current.id);
        sealed.extend_from_slice(&nonce);
        let aad = associated(&sealed[..=KEY_ID], organization, purpose);
        let payload = Payload { msg: secret.expose_secret().as_bytes(), aad: &aad };
        // Fails only for messages of 256 GB.
        let text = self.current.cipher.encrypt(&XNonce::from(nonce), payload).map_err(|_| SecretError::Damaged)?;
        sealed.extend_from_slice(&text);
        Ok(sealed)
    }

    /// Opens what [`SecretBox::seal`] made for the same organization and purpose.
    ///
    /// # Errors
    /// [`SecretError::OtherKey`] or [`SecretError::Damaged`]
    pub fn open(
        &self,
        organization: OrganizationId,
        purpose: Purpose,
        sealed: &[u8],
    ) -> Result<SecretString, SecretError> {
        let (header, text) = sealed.split_at_checked(HEADER).ok_or(SecretError::Damaged)?;
        if header[0] != VERSION {
            return Err(SecretError::Damaged);
        }
        let key = self.key(&header[1..=KEY_ID]).ok_or(SecretError::OtherKey)?;
        let nonce = <[u8; NONCE]>::try_from(&header[1 + KEY_ID..]).map_err(|_| SecretError::Damaged)?;
        let aad = associated(&header[..=KEY_ID], organization, purpose);
        let payload = Payload { msg: text, aad: &aad };
        let secret = key.cipher.decrypt(&XNonce::from(nonce), payload).map_err(|_| SecretError::Damaged)?;
        String::from_utf8(secret).map(Into::into).map_err(|_| SecretError::Damaged)
    }

    /// Whether a value was sealed with the current key and so survives the removal of the older ones.
    #[must_use]
    pub fn is_current(&self, sealed: &[u8]) -> bool {
        sealed.first() == Some(&VERSION) && sealed.get(1..=KEY_ID) == Some(self.current.id.as_slice())
    }

    /// A name for somebody who tries to sign in, that the database alone does not turn back into an address.
    #[must_use]
    pub fn subject(&self, kind: &str, value: &str) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new_keyed(&self.subjects);
        hasher.update(kind.as_bytes()).update(&[0]).update(value.as_bytes());
        *hasher.finalize().as_bytes()
    }

    /// The seed of the key that the installation signs closure receipts with. Whoever has it signs in the installation's name.
    #[must_use]
    pub const fn receipt_seed(&self) -> &[u8; 32] {
        &self.receipts
    }

    fn key(&self, id: &[u8]) -> Option<&Key> {
        std::iter::once(&self.current).chain(&self.older).find(|key| key.id == id)
    }
}

/// Everything about a sealed value that must not be changed under it.
fn associated(header: &[u8], organization: OrganizationId, purpose: Purpose) -> Vec<u8> {
    [header, organization.0.as_bytes(), purpose.as_str().as_bytes()].concat()
}

/// Random bytes of the operating system. Not a parameter: a nonce that a test could choose could repeat.
fn random<const N: usize>() -> Result<[u8; N], SecretError> {
    let mut bytes = [0; N];
    OsRng.try_fill_bytes(&mut bytes).map_err(|_| SecretError::NoRandomness)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const HERE: OrganizationId = OrganizationId(Uuid::from_u128(1));
    const THERE: OrganizationId = OrganizationId(Uuid::from_u128(2));

    fn key(byte: u8) -> InstallationKey {
        InstallationKey::from_hex(&hex::encode([byte; 32])).unwrap()
    }

    fn open(secrets: &SecretBox, sealed: &[u8]) -> Result<String, SecretError> {
        secrets.open(HERE, Purpose::GitSecret, sealed).map(|secret| secret.expose_secret().to_owned())
    }

    #[test]
    fn a_secret_opens_for_its_own_row_and_column_only() {
        let secrets = SecretBox::new(&key(1));
        let sealed = secrets.seal(HERE, Purpose::GitSecret, &"ghp_long".into()).unwrap();
        assert_eq!(open(&secrets, &sealed).unwrap(), "ghp_long");
        assert!(!sealed.windows(4).any(|window| window == b"ghp_"));
        assert_eq!(secrets.open(THERE, Purpose::GitSecret, &sealed).unwrap_err(), SecretError::Damaged);
        assert_eq!(secrets.open(HERE, Purpose::N8nApiKey, &sealed).unwrap_err(), SecretError::Damaged);
        assert_ne!(secrets.seal(HERE, Purpose::GitSecret, &"ghp_long".into()).unwrap(), sealed);
    }

    #[test]
    fn no_byte_may_be_changed_or_missing() {
        let secrets = SecretBox::new(&key(1));
        let sealed = secrets.seal(HERE, Purpose::GitSecret, &"s".into()).unwrap();
        for at in 0..sealed.len() {
            let mut altered = sealed.clone();
            altered[at] ^= 1;
            assert!(open(&secrets, &altered).is_err(), "byte {at}");
            assert!(open(&secrets, &sealed[..at]).is_err(), "cut at {at}");
        }
    }

    #[test]
    fn a_key_can_be_replaced() {
        let sealed = SecretBox::new(&key(1)).seal(HERE, Purpose::GitSecret, &"s".into()).unwrap();
        let new = SecretBox::new(&key(2));
        assert_eq!(open(&new, &sealed).unwrap_err(), SecretError::OtherKey);
        let both = new.with_older(&key(1));
        assert_eq!(open(&both, &sealed).unwrap(), "s");
        assert!(!both.is_current(&sealed));
        let again = both.seal(HERE, Purpose::GitSecret, &"s".into()).unwrap();
        assert!(both.is_current(&again));
        assert_eq!(open(&SecretBox::new(&key(2)), &again).unwrap(), "s");
    }

    #[test]
    fn what_is_sealed_once_opens_for_good() {
        // Sealed by the first version of this file. If this fails, every stored secret of every installation is lost.
        let first = "01acc99e7c34fcf90d0ee78519ee2ef1cc5236b6e5beed7c61b9bc261aa0064\
                     49c84f951a8630750b10c410d6edabf2524b8426df86228ff334970448333598598";
        let sealed = hex::decode(first).unwrap();
        assert_eq!(open(&SecretBox::new(&key(7)), &sealed).unwrap(), "kept since version 1");
    }

    #[test]
    fn nothing_of_a_key_is_printed() {
        let key = key(0xab);
        let printed = format!("{key:?} {:?} {:?}", SecretBox::new(&key), key.to_hex());
        assert!(!printed.contains("abab") && !printed.contains("171"), "{printed}");
    }

    #[test]
    fn a_key_is_64_digits() {
        assert!(InstallationKey::from_hex(&format!("{}\n", "0f".repeat(32))).is_some());
        for wrong in ["", "0f", &"0g".repeat(32), &"0f".repeat(33)] {
            assert!(InstallationKey::from_hex(wrong).is_none(), "{wrong}");
        }
        let made = InstallationKey::generate().unwrap();
        assert!(InstallationKey::from_hex(made.to_hex().expose_secret()).is_some());
    }
}
