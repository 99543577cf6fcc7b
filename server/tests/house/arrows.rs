//! Rules 1 and 2: which package may know which.

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::Value;

use crate::tree::{files, hold, root};

/// The packages of the project that each package may use. Arrows point down; what is missing here is forbidden.
const MAY_USE: &[(&str, &[&str])] = &[
    ("drift-domain", &[]),
    ("drift-engine", &["drift-domain"]),
    ("drift-outbound", &["drift-domain"]),
    ("drift-n8n", &["drift-domain", "drift-outbound"]),
    ("drift-github", &["drift-domain"]),
    ("drift-mail", &[]),
    ("drift-notify", &["drift-domain", "drift-outbound"]),
    ("drift-oidc", &["drift-domain", "drift-outbound"]),
    ("drift-policy", &["drift-domain"]),
    ("drift-report", &["drift-domain"]),
    ("drift-store", &["drift-domain"]),
    ("drift-postgres", &[]),
    ("drift-sim", &["drift-domain"]),
    (
        "drift-services",
        &[
            "drift-domain",
            "drift-engine",
            "drift-n8n",
            "drift-github",
            "drift-mail",
            "drift-notify",
            "drift-oidc",
            "drift-policy",
            "drift-report",
            "drift-store",
        ],
    ),
    // The worker reads from the queue what the store's job port put there.
    ("drift-worker", &["drift-domain", "drift-services", "drift-store"]),
    ("drift-api", &["drift-domain", "drift-services"]),
    ("app", &["drift-domain", "drift-services"]),
    ("frontend", &["app"]),
    // Brings a database to the schema before the statements of the store can be compiled: for development.
    ("drift-schema", &[]),
    (
        "drift-testkit",
        &[
            "drift-domain",
            "drift-engine",
            "drift-github",
            "drift-mail",
            "drift-n8n",
            "drift-postgres",
            "drift-services",
            "drift-sim",
            "drift-store",
        ],
    ),
    // Measures the others; nothing uses it.
    ("drift-fleet", &["drift-domain", "drift-postgres", "drift-services", "drift-sim", "drift-store", "drift-testkit"]),
    (
        "server",
        &[
            "app",
            "drift-api",
            "drift-domain",
            "drift-engine",
            "drift-mail",
            "drift-oidc",
            "drift-postgres",
            "drift-services",
            "drift-sim",
            "drift-store",
            "drift-worker",
        ],
    ),
];

/// Packages from elsewhere that only these of ours may use directly.
const KEPT_TO: &[(&str, &[&str])] = &[
    ("sqlx", &["drift-store", "drift-schema", "drift-testkit", "drift-fleet"]),
    // The stand-in for GitHub delivers webhooks; what measures pages asks for them; `workflowops gate` asks a server.
    (
        "reqwest",
        &[
            "drift-outbound",
            "drift-n8n",
            "drift-github",
            "drift-notify",
            "drift-oidc",
            "drift-sim",
            "drift-fleet",
            "server",
        ],
    ),
    ("lettre", &["drift-mail"]),
    ("openidconnect", &["drift-oidc"]),
    ("octocrab", &["drift-github"]),
    ("graphile_worker", &["drift-store", "drift-schema", "drift-worker"]),
    ("cedar-policy", &["drift-policy"]),
];

/// What pure packages do not know: anything that waits, connects or stores.
const IMPURE: &[&str] =
    &["tokio", "sqlx", "reqwest", "axum", "hyper", "octocrab", "tower", "tower-http", "futures", "rand"];
const PURE: &[&str] = &["drift-domain", "drift-engine", "drift-policy"];

/// The direct dependencies of each package of the project, those of its tests left out.
fn packages() -> BTreeMap<String, Vec<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline", "--locked"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo metadata is JSON");
    let packages = metadata["packages"].as_array().expect("packages").iter();
    packages
        .map(|package| {
            let uses = package["dependencies"].as_array().expect("dependencies").iter();
            let uses = uses.filter(|dependency| dependency["kind"] != "dev");
            (text(&package["name"]), uses.map(|dependency| text(&dependency["name"])).collect())
        })
        .collect()
}

fn text(value: &Value) -> String {
    value.as_str().expect("text").to_owned()
}

#[test]
fn arrows_point_down() {
    let packages = packages();
    let mut complaints = Vec::new();
    for (name, uses) in &packages {
        let Some((_, may)) = MAY_USE.iter().find(|(package, _)| package == name) else {
            complaints.push(format!("{name} is new: say in server/tests/house/arrows.rs what it may use"));
            continue;
        };
        let ours = uses.iter().filter(|used| packages.contains_key(*used));
        complaints.extend(ours.filter(|used| !may.contains(&used.as_str())).map(|used| format!("{name} uses {used}")));
    }
    hold("Arrows point down only (rule 1).", &complaints);
}

#[test]
fn pure_packages_wait_for_nothing_and_reach_nothing() {
    let packages = packages();
    let complaints: Vec<_> = PURE
        .iter()
        .flat_map(|name| packages[*name].iter().map(move |used| (name, used)))
        .filter(|(_, used)| IMPURE.contains(&used.as_str()))
        .map(|(name, used)| format!("{name} uses {used}"))
        .collect();
    hold("domain and engine are pure (rule 2).", &complaints);
}

#[test]
fn each_adapter_keeps_its_protocol_to_itself() {
    let packages = packages();
    let mut complaints = Vec::new();
    for (outside, may) in KEPT_TO {
        let users = packages.iter().filter(|(_, uses)| uses.iter().any(|used| used == outside));
        let users = users.filter(|(name, _)| !may.contains(&name.as_str()));
        complaints.extend(users.map(|(name, _)| format!("{name} uses {outside}; only {} may", may.join(" and "))));
    }
    hold("Only store speaks SQL, only the adapters call out (rule 2).", &complaints);
}

#[test]
fn only_the_store_writes_sql() {
    let complaints: Vec<_> = files("")
        .iter()
        .filter(|file| {
            let speaks = ["crates/store/", "crates/testkit/", "crates/fleet/"];
            file.is(&[".rs"]) && !speaks.iter().any(|folder| file.path.starts_with(folder))
        })
        .filter(|file| !file.path.contains("/tests/"))
        .flat_map(|file| file.code().map(move |(number, line)| (file, number, line)))
        .filter(|(_, _, line)| {
            line.contains("sqlx::query") || line.contains("query_as(") || line.contains("query_scalar(")
        })
        .map(|(file, number, line)| format!("{}:{number}: {}", file.path, line.trim()))
        .collect();
    hold("Only store writes SQL (rule 2).", &complaints);
}

#[test]
fn only_the_server_reads_the_environment() {
    // What a test is told by cargo, and programs for development.
    let excepted = |path: &str| path.starts_with("server/") || path.contains("/bin/") || path.contains("/tests/");
    let complaints: Vec<_> = files("")
        .iter()
        .filter(|file| file.is(&[".rs"]) && !excepted(&file.path) && !file.path.starts_with("crates/testkit/"))
        .flat_map(|file| file.code().map(move |(number, line)| (file, number, line)))
        .filter(|(_, _, line)| ["env::var", "env::vars", "option_env!"].iter().any(|read| line.contains(read)))
        .map(|(file, number, line)| format!("{}:{number}: {}", file.path, line.trim()))
        .collect();
    hold("Only server reads the environment; values are passed in (rule 2).", &complaints);
}
