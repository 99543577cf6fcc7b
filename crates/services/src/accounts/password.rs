//! Passwords: what is accepted, and Argon2id.

use std::sync::{Arc, LazyLock};

use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use rand::TryRngCore;
use rand::rngs::OsRng;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Semaphore;

use crate::error::{ServiceError, ServiceResult};

/// The shortest password, in characters (NIST SP 800-63B asks for 8 at least; length is what helps).
const SHORTEST: usize = 12;
/// The longest, in bytes: hashing takes no more from anybody.
const LONGEST: usize = 1024;

/// Each takes 19 MB and some 30 ms of a core. A flood of sign-ins waits here and not in the memory of the machine.
static HASHING: LazyLock<Arc<Semaphore>> = LazyLock::new(|| Arc::new(Semaphore::new(4)));

/// What is compared with when there is no such person, so that it takes as long: a hash that no password has, because its
/// salt and its output were drawn apart.
static NOBODYS: LazyLock<String> = LazyLock::new(|| {
    let output = argon2::password_hash::Output::new(&[0x5a; 32]);
    let params = params();
    format!(
        "$argon2id$v=19$m={},t={},p={}$bm9ib2R5IGhhcyB0aGlz${}",
        params.m_cost(),
        params.t_cost(),
        params.p_cost(),
        output.map(|output| output.to_string()).unwrap_or_default(),
    )
});

/// OWASP's first recommendation for Argon2id: 19 MiB, two passes, one lane.
fn params() -> Params {
    Params::new(19 * 1024, 2, 1, None).unwrap_or_default()
}

fn argon2() -> Argon2<'static> {
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params())
}

/// Checks a new password.
pub(crate) fn check(field: &'static str, password: &SecretString, email: &str) -> ServiceResult<()> {
    let text = password.expose_secret();
    let message = if text.chars().count() < SHORTEST {
        format!("A password has at least {SHORTEST} characters. A few words in a row are good.")
    } else if text.len() > LONGEST {
        format!("A password has at most {LONGEST} bytes.")
    } else if text.trim().to_lowercase() == email {
        "The password must not be the e-mail address.".to_owned()
    } else if text.chars().all(|c| text.starts_with(c)) {
        "The password must not be one character over and over.".to_owned()
    } else {
        return Ok(());
    };
    Err(ServiceError::invalid(field, message))
}

/// Hashes a new password, off the threads that answer requests.
pub(crate) async fn hash(password: SecretString) -> ServiceResult<String> {
    let mut salt = [0; 16];
    OsRng.try_fill_bytes(&mut salt).map_err(ServiceError::unavailable)?;
    off_thread(move || {
        let salt = SaltString::encode_b64(&salt).map_err(|error| error.to_string())?;
        let hash = argon2().hash_password(password.expose_secret().as_bytes(), &salt);
        hash.map(|hash| hash.to_string()).map_err(|error| error.to_string())
    })
    .await?
    .map_err(ServiceError::unavailable)
}

/// Whether a password is the one of a hash. `None` (there is no such person) takes as long and is never true.
pub(crate) async fn verify(password: SecretString, hash: Option<String>) -> ServiceResult<bool> {
    off_thread(move || {
        let text = password.expose_secret();
        let (known, hash) = match &hash {
            // One that is too long was never accepted.
            Some(hash) if text.len() <= LONGEST => (true, hash.as_str()),
            _ => (false, NOBODYS.as_str()),
        };
        let text = &text.as_bytes()[..text.len().min(LONGEST)];
        let same = PasswordHash::new(hash).is_ok_and(|hash| argon2().verify_password(text, &hash).is_ok());
        known && same
    })
    .await
}

/// Whether a hash was made with other parameters than those of today, so that the password is hashed again when its person
/// next signs in.
pub(crate) fn is_outdated(hash: &str) -> bool {
    let Ok(hash) = PasswordHash::new(hash) else { return true };
    let (ours, found) = (params(), Params::try_from(&hash).unwrap_or_default());
    let same = (found.m_cost(), found.t_cost(), found.p_cost()) == (ours.m_cost(), ours.t_cost(), ours.p_cost());
    !same || hash.algorithm != Algorithm::Argon2id.ident() || hash.version != Some(Version::V0x13.into())
}

async fn off_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> ServiceResult<T> {
    let turn = Arc::clone(&HASHING).acquire_owned().await.map_err(ServiceError::unavailable)?;
    tokio::task::spawn_blocking(move || {
        // Held to the end, even when whoever asked has gone away.
        let _turn = turn;
        work()
    })
    .await
    .map_err(ServiceError::unavailable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_hash_knows_its_password_and_no_other() {
        let hash = hash("correct horse battery".into()).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(verify("correct horse battery".into(), Some(hash.clone())).await.unwrap());
        assert!(!verify("correct horse batterz".into(), Some(hash.clone())).await.unwrap());
        assert!(!verify("correct horse battery".into(), None).await.unwrap());
        assert!(!verify("correct horse battery".into(), Some("damaged".to_owned())).await.unwrap());
        assert_ne!(super::hash("correct horse battery".into()).await.unwrap(), hash, "salted");
    }

    #[test]
    fn looking_for_nobody_takes_the_same_work() {
        let nobodys = PasswordHash::new(&NOBODYS).unwrap();
        assert_eq!(nobodys.algorithm.as_str(), "argon2id");
        let (found, ours) = (Params::try_from(&nobodys).unwrap(), params());
        assert_eq!(
            (found.m_cost(), found.t_cost(), found.p_cost(), nobodys.hash.unwrap().len()),
            (ours.m_cost(), ours.t_cost(), ours.p_cost(), 32)
        );
    }

    #[tokio::test]
    async fn a_hash_of_older_parameters_is_told_from_one_of_today() {
        assert!(!is_outdated(&hash("correct horse battery".into()).await.unwrap()));
        let salt = SaltString::encode_b64(b"an older salt...").unwrap();
        let older = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(8 * 1024, 1, 1, None).unwrap());
        let older = older.hash_password(b"correct horse battery", &salt).unwrap().to_string();
        assert!(is_outdated(&older));
        assert!(verify("correct horse battery".into(), Some(older)).await.unwrap(), "and it still opens");
        assert!(is_outdated("damaged"));
    }

    #[test]
    fn weak_passwords_are_refused_with_the_reason() {
        let refused = |text: &str| check("password", &text.into(), "ada@example.com").unwrap_err().to_string();
        assert!(refused("elevenchars").contains("at least 12"));
        assert!(refused("Ada@Example.com").contains("e-mail"));
        assert!(refused(&"a".repeat(20)).contains("over and over"));
        assert!(refused(&"ab".repeat(600)).contains("at most"));
        check("password", &"zwölf Zeichen".into(), "ada@example.com").unwrap();
        check("password", &"correct horse".into(), "ada@example.com").unwrap();
    }
}
