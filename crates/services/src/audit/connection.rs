//! What the record says of a connection.

use drift_store::environments::Connection;
use serde_json::json;

/// A connection, as it was and as it is. Of its secrets it says which are new, and nothing else.
pub(crate) fn connection(before: Option<&Connection>, after: &Connection, version: i64) -> serde_json::Value {
    let settings = |c: &Connection| {
        json!({
            "name": c.name, "class": c.class, "n8n": c.n8n_base_url, "git_api": c.git_api_base, "ref": c.git_ref,
            "folder": c.git_folder, "repository": format!("{}/{}", c.git_owner, c.git_repository),
            "git_app": c.git_app, "interval_seconds": c.interval_seconds, "path_template": c.path_template,
        })
    };
    let mut data = settings(after);
    data["version"] = version.into();
    data["before"] = before.map(settings).unwrap_or_default();
    // What is sealed anew differs, even where the same was typed again.
    for (name, changed) in [
        ("n8n_api_key", before.map(|before| before.n8n_api_key != after.n8n_api_key)),
        ("git_secret", before.map(|before| before.git_secret != after.git_secret)),
    ] {
        match changed {
            None => data[name] = "set".into(),
            Some(true) => data[name] = "changed".into(),
            Some(false) => {}
        }
    }
    data
}
