//! Signing after the Standard Webhooks specification (version 1.0.0, symmetric): `v1,` and the base64 of an HMAC-SHA256 over
//! `id.timestamp.body`. The arithmetic is the specification's own crate; what it leaves open is checked here.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};
use standardwebhooks::Webhook;

/// What every signing secret begins with.
pub const PREFIX: &str = "whsec_";
/// Bytes that a key has at least and at most, as the specification says.
const KEY_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// A secret that nothing can be signed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a signing secret is {PREFIX} and the base64 of 24 to 64 random bytes")]
pub struct BadSecret;

/// The secret in its written form, made of random bytes.
#[must_use]
pub fn secret_of(key: &[u8]) -> SecretString {
    format!("{PREFIX}{}", STANDARD.encode(key)).into()
}

/// Holds a secret that a person brought against the specification.
///
/// # Errors
/// [`BadSecret`]
pub fn check(secret: &SecretString) -> Result<(), BadSecret> {
    let encoded = secret.expose_secret().strip_prefix(PREFIX).ok_or(BadSecret)?;
    let key = STANDARD.decode(encoded).map_err(|_| BadSecret)?;
    if KEY_BYTES.contains(&key.len()) { Ok(()) } else { Err(BadSecret) }
}

/// The value of `webhook-signature`.
///
/// # Errors
/// [`BadSecret`] for a secret that is none, or a body that is no text.
pub fn sign(secret: &SecretString, id: &str, timestamp: i64, body: &[u8]) -> Result<String, BadSecret> {
    check(secret)?;
    let signer = Webhook::new(secret.expose_secret()).map_err(|_| BadSecret)?;
    signer.sign(id, timestamp, body).map_err(|_| BadSecret)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_specifications_own_vector_is_signed_as_it_says() {
        // https://github.com/standard-webhooks/standard-webhooks, the vector that its libraries are tested with.
        let secret = SecretString::from("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let signature = sign(&secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);
        assert_eq!(signature.unwrap(), "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn a_change_of_anything_that_is_signed_changes_the_signature() {
        let secret = secret_of(&[7; 32]);
        let of = |id, at, body: &[u8]| sign(&secret, id, at, body).unwrap();
        let signed = of("msg_1", 1, b"{}");
        assert_eq!(signed, of("msg_1", 1, b"{}"));
        for other in [of("msg_2", 1, b"{}"), of("msg_1", 2, b"{}"), of("msg_1", 1, b"[]")] {
            assert_ne!(signed, other);
        }
        assert_ne!(signed, sign(&secret_of(&[8; 32]), "msg_1", 1, b"{}").unwrap());
    }

    #[test]
    fn what_is_no_secret_signs_nothing() {
        for text in ["", "hunter2", "whsec_", "whsec_!!!", "whsec_c2hvcnQ="] {
            assert_eq!(check(&text.into()), Err(BadSecret), "{text}");
        }
        assert!(check(&secret_of(&[0; 24])).is_ok() && check(&secret_of(&[0; 65])).is_err());
    }
}
