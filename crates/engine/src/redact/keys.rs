//! Names that say that their value is a secret.

/// Members that hold the name of a name-value pair.
pub(super) const NAMES: [&str; 6] = ["name", "key", "fieldName", "parameterName", "headerName", "header"];
/// Members that hold the value of a name-value pair.
pub(super) const VALUES: [&str; 6] = ["value", "values", "stringValue", "fieldValue", "headerValue", "text"];

/// What a secret's name contains, in lower case, without punctuation.
const PARTS: [&str; 20] = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "apikey",
    "accesskey",
    "privatekey",
    "signingkey",
    "encryptionkey",
    "sharedkey",
    "masterkey",
    "servicerolekey",
    "authkey",
    "authorization",
    "bearer",
    "connectionstring",
    "sessioncookie",
    // Azure: Ocp-Apim-Subscription-Key, x-functions-key, AccountKey of a connection.
    "subscriptionkey",
    "functionskey",
    "accountkey",
];
/// What a secret's name may end with.
const ENDS: [&str; 6] = ["token", "pwd", "pass", "cookie", "jwt", "credentials"];
/// Ends that make it a name of something about a secret, not a secret: `tokenUrl`, `secretName`, `passwordField`.
const ABOUT: [&str; 18] = [
    "url",
    "uri",
    "type",
    "name",
    "path",
    "endpoint",
    "length",
    "limit",
    "count",
    "mode",
    "field",
    "column",
    "expiry",
    "expiresin",
    "ttl",
    "version",
    "format",
    "method",
];

/// Whether a value under this name is a secret.
pub(super) fn is_secret(name: &str) -> bool {
    // A name is short; a prompt in a `name` is not looked through. None of the words above is shorter than three letters.
    if !(3..=80).contains(&name.len()) {
        return false;
    }
    if !name.is_ascii() {
        let name: String = name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
        return says_secret(name.as_bytes());
    }
    let mut letters = [0; 80];
    let mut length = 0;
    for byte in name.bytes().filter(u8::is_ascii_alphanumeric) {
        letters[length] = byte.to_ascii_lowercase();
        length += 1;
    }
    says_secret(&letters[..length])
}

/// The same of a name in small letters without punctuation.
fn says_secret(name: &[u8]) -> bool {
    let ends = |words: &[&str]| words.iter().any(|end| name.ends_with(end.as_bytes()));
    // `credentials` of a node are names of credentials, which a person must see.
    if name == b"credentials" || ends(&ABOUT) || ends(&["pagetoken"]) {
        return false;
    }
    // Headers that services make up: `X-Api-…`, and a shared secret in `X-…-Signature`. A `signature` alone ends a mail.
    let header = name.starts_with(b"xapi") || (name.starts_with(b"x") && ends(&["signature"]));
    header || ends(&ENDS) || (0..name.len()).any(|at| PARTS.iter().any(|part| name[at..].starts_with(part.as_bytes())))
}
