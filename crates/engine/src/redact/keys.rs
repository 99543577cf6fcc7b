//! Names that say that their value is a secret.

/// Members that hold the name of a name-value pair.
pub(super) const NAMES: [&str; 6] = ["name", "key", "fieldName", "parameterName", "headerName", "header"];
/// Members that hold the value of a name-value pair.
pub(super) const VALUES: [&str; 6] = ["value", "values", "stringValue", "fieldValue", "headerValue", "text"];

/// What a secret's name contains, in lower case, without punctuation.
const PARTS: [&str; 18] = [
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
    "xapi",
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
    // A name is short; a prompt in a `name` is not looked through.
    if name.len() > 80 {
        return false;
    }
    let name: String = name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    // `credentials` of a node are names of credentials, which a person must see.
    if name == "credentials" || ABOUT.iter().any(|end| name.ends_with(end)) || name.ends_with("pagetoken") {
        return false;
    }
    PARTS.iter().any(|part| name.contains(part)) || ENDS.iter().any(|end| name.ends_with(end))
}
