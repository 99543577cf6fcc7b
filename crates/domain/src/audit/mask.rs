//! What must not stand in the log is hidden by the name that it stands under and by what it looks like.

use serde_json::{Map, Value};

/// What stands where a secret was.
pub const HIDDEN: &str = "[hidden]";
/// Characters of one text that are kept.
const LONGEST: usize = 4000;
/// The largest whole number that every reader of JSON reads alike (RFC 8785, 3.2.2.3).
const EXACT: u64 = 1 << 53;

/// Parts of names that secrets stand under.
const NAMES: &[&str] = &[
    "password",
    "passwd",
    "secret",
    "api_key",
    "apikey",
    "private_key",
    "privatekey",
    "authorization",
    "credential",
    "routing_key",
    "access_key",
    "token",
    "cookie",
];

/// How secrets begin that are known by their looks: tokens of GitHub, GitLab, Slack, OpenAI and this product, keys in PEM, AWS
/// keys, JSON web tokens, and addresses that are secrets themselves.
const SHAPES: &[&str] = &[
    "ghp_",
    "gho_",
    "ghu_",
    "ghs_",
    "ghr_",
    "github_pat_",
    "glpat-",
    "xoxb-",
    "xoxp-",
    "xoxa-",
    "xapp-",
    "sk-",
    "wfo_",
    "whsec_",
    "-----BEGIN",
    "AKIA",
    "ASIA",
    "eyJ",
    "hooks.slack.com/",
    "webhook.office.com/",
    "n8n_api_",
];
/// Letters that must follow for a shape to be one: a word of prose that begins alike is none.
const FOLLOW: usize = 6;

/// The same without secrets. Texts are cut, and numbers that not every reader reads alike become texts: what is hashed must
/// read the same wherever it is read.
#[must_use]
pub fn mask(value: &Value) -> Value {
    match value {
        Value::Object(members) => Value::Object(members.iter().map(member).collect::<Map<_, _>>()),
        Value::Array(items) => Value::Array(items.iter().map(mask).collect()),
        Value::String(text) => Value::String(mask_text(text)),
        Value::Number(number)
            if number.as_u64().or(number.as_i64().map(i64::unsigned_abs)).is_some_and(|n| n > EXACT) =>
        {
            Value::String(number.to_string())
        }
        other => other.clone(),
    }
}

fn member((name, value): (&String, &Value)) -> (String, Value) {
    let lower = name.to_lowercase();
    let named = NAMES.iter().any(|part| lower.contains(part));
    // An identifier says which secret it was and not the secret.
    let harmless = match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => true,
        Value::String(text) => uuid::Uuid::parse_str(text).is_ok() || ["set", "changed", "removed"].contains(&&**text),
        _ => false,
    };
    let name = name.replace('\0', "\u{fffd}");
    if named && !harmless { (name, Value::String(HIDDEN.to_owned())) } else { (name, mask(value)) }
}

/// The same for one text.
#[must_use]
pub fn mask_text(text: &str) -> String {
    // Postgres keeps no NUL in JSON.
    let mut kept: String = text.chars().take(LONGEST).map(|c| if c == '\0' { '\u{fffd}' } else { c }).collect();
    if text.chars().nth(LONGEST).is_some() {
        kept.push('…');
    }
    if kept.contains("-----BEGIN") {
        return HIDDEN.to_owned();
    }
    let hidden = kept.split_inclusive(char::is_whitespace).map(|word| {
        let (body, space) = word.split_at(word.trim_end().len());
        if is_secret(body) { format!("{HIDDEN}{space}") } else { word.to_owned() }
    });
    hidden.collect()
}

fn is_secret(word: &str) -> bool {
    let shaped = SHAPES.iter().any(|shape| {
        word.match_indices(shape).any(|(at, _)| {
            let begins = word[..at].chars().next_back().is_none_or(|c| !c.is_alphanumeric());
            begins
                && word[at + shape.len()..].chars().take_while(|c| c.is_alphanumeric() || "_-/".contains(*c)).count()
                    >= FOLLOW
        })
    });
    // User and password in an address.
    let signed_in = word.split_once("://").is_some_and(|(_, rest)| {
        rest.split('/').next().and_then(|host| host.rsplit_once('@')).is_some_and(|(user, _)| user.contains(':'))
    });
    shaped || signed_in
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn secrets_are_hidden_by_name_and_by_shape() {
        let id = "0190a000-0000-7000-8000-000000000001";
        let value = json!({
            "n8n_api_key": "abc", "gitToken": "x", "nested": [{ "Password": "hunter2" }], "token": id,
            "note": "use ghp_abcdefghij please", "url": "https://u:p@example.com/x", "hook": "https://hooks.slack.com/services/T/B/x",
            "pem": "-----BEGIN RSA PRIVATE KEY-----\nMII", "api_key": "changed", "sessions_ended": 3, "secret_set": true,
            "skill": "task-force sk-", "name": "Orders",
        });
        assert_eq!(
            mask(&value),
            json!({
                "n8n_api_key": HIDDEN, "gitToken": HIDDEN, "nested": [{ "Password": HIDDEN }], "token": id,
                "note": "use [hidden] please", "url": HIDDEN, "hook": HIDDEN, "pem": HIDDEN, "api_key": "changed",
                "sessions_ended": 3, "secret_set": true, "skill": "task-force sk-", "name": "Orders",
            })
        );
    }

    #[test]
    fn what_is_kept_reads_the_same_everywhere() {
        let long = "é".repeat(LONGEST + 1);
        let kept = mask(&json!({ "n": u64::MAX, "i": i64::MIN, "small": 7, "nul": "a\0b", "long": long }));
        assert_eq!(
            (&kept["n"], &kept["i"], &kept["small"]),
            (&json!("18446744073709551615"), &json!("-9223372036854775808"), &json!(7))
        );
        assert_eq!(kept["nul"], "a\u{fffd}b");
        assert_eq!(kept["long"].as_str().unwrap().chars().count(), LONGEST + 1);
    }
}
