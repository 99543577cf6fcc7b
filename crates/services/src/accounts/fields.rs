//! What people type into forms about themselves, brought into the form that is stored.

use crate::error::{ServiceError, ServiceResult};

/// The longest e-mail address that mail servers carry (RFC 5321, 4.5.3.1.3).
const LONGEST_EMAIL: usize = 254;
/// The longest part before the @ (RFC 5321, 4.5.3.1.1).
const LONGEST_LOCAL: usize = 64;
const LONGEST_NAME: usize = 120;

/// An e-mail address in the form that is stored and looked up: without white space around it, in lower case.
pub(crate) fn canonical_email(text: &str) -> String {
    text.trim().to_lowercase()
}

/// Checks a new e-mail address. Only whether it could be one: whether it is, the first mail shows.
pub(crate) fn email(field: &'static str, text: &str) -> ServiceResult<String> {
    let email = canonical_email(text);
    if could_be_email(&email) {
        return Ok(email);
    }
    let message = if email.is_empty() {
        "Enter an e-mail address.".to_owned()
    } else {
        format!("“{}” is not an e-mail address. One looks like name@example.com.", shown(&email))
    };
    Err(ServiceError::invalid(field, message))
}

fn could_be_email(email: &str) -> bool {
    let Some((local, domain)) = email.split_once('@') else { return false };
    let plain = |c: char| !c.is_whitespace() && !c.is_control() && !"@<>()[]\\,;:\"".contains(c);
    let label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|c| c.is_alphanumeric() || c == '-')
    };
    email.len() <= LONGEST_EMAIL
        && !local.is_empty()
        && local.len() <= LONGEST_LOCAL
        && local.chars().all(plain)
        && domain.split('.').all(label)
}

/// Checks the name of a person or an organization.
pub(crate) fn name(field: &'static str, what: &str, text: &str) -> ServiceResult<String> {
    let name = text.trim();
    if name.is_empty() {
        return Err(ServiceError::invalid(field, format!("Enter {what}.")));
    }
    if name.chars().count() > LONGEST_NAME || name.chars().any(char::is_control) {
        let message = format!("A name has at most {LONGEST_NAME} characters, on one line.");
        return Err(ServiceError::invalid(field, message));
    }
    Ok(name.to_owned())
}

/// As much of what was typed as a message can hold.
fn shown(text: &str) -> String {
    if text.chars().count() <= 60 { text.to_owned() } else { text.chars().take(60).chain(['…']).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_brought_into_one_form() {
        for (typed, stored) in [
            ("  Ada.Lovelace+n8n@Example.COM ", "ada.lovelace+n8n@example.com"),
            ("o'brien@mail.example.co.uk", "o'brien@mail.example.co.uk"),
            ("root@localhost", "root@localhost"),
            ("käthe@müller.example", "käthe@müller.example"),
        ] {
            assert_eq!(email("email", typed).unwrap(), stored);
        }
    }

    #[test]
    fn what_cannot_be_an_address_is_refused() {
        let long = format!("{}@example.com", "a".repeat(65));
        let longer = format!("a@{}.example", "b".repeat(250));
        for typed in [
            "",
            " ",
            "ada",
            "@example.com",
            "ada@",
            "ada@example..com",
            "ada@-example.com",
            "a b@example.com",
            "ada@exam ple.com",
            "ada@one@two.example",
            "<ada@example.com>",
            "ada@example.com\nBcc: x@example.com",
            &long,
            &longer,
        ] {
            let error = email("email", typed).unwrap_err();
            assert!(matches!(error, ServiceError::Invalid { field: "email", .. }), "{typed:?}: {error}");
            assert!(error.to_string().chars().count() < 150, "{error}");
        }
    }

    #[test]
    fn a_name_is_one_short_line() {
        assert_eq!(name("name", "your name", " Ada Lovelace ").unwrap(), "Ada Lovelace");
        for typed in ["", "  ", "two\nlines", &"n".repeat(121)] {
            assert!(name("name", "your name", typed).is_err(), "{typed:?}");
        }
    }
}
