//! The seed's phase 3 as a test: drift is dealt with in one place, and the document that says where it lives is true.

use crate::tree::{files, hold, root};

/// Paths that `docs/where-drift-lives.md` names in code marks: from the root, with a slash, without spaces.
fn named_paths(text: &str) -> Vec<&str> {
    let marked = text.split('`').skip(1).step_by(2);
    let is_path = |word: &&str| {
        word.contains('/') && !word.contains([' ', '(', '{', '<', '*', '…', ':']) && !word.starts_with(['/', 'h', '.'])
    };
    marked.filter(is_path).map(|word| word.trim_end_matches('/')).collect()
}

#[test]
fn where_drift_lives_is_true() {
    let path = "docs/where-drift-lives.md";
    let text = std::fs::read_to_string(root().join(path)).expect("docs/where-drift-lives.md");
    let named = named_paths(&text);
    assert!(named.len() >= 10, "{path} names only {} paths", named.len());
    let complaints: Vec<_> =
        named.iter().filter(|named| !root().join(named).exists()).map(|named| format!("{path}: `{named}`")).collect();
    hold("Every path that the document names is there.", &complaints);
}

/// Where drift may be opened and acted on: the workspace's pages and those of its incidents, and the handlers of their
/// forms.
const WORKSPACE: [&str; 6] = [
    "app/src/pages/drift/",
    "app/src/pages/incidents/",
    "app/src/ssr/forms/drift.rs",
    "app/src/ssr/forms/incidents.rs",
    "app/src/ssr/forms/overrides.rs",
    "app/src/ssr/forms/reconciliations.rs",
];

/// What opens drift or acts on it: views that only the workspace draws, its components, and actions that only it offers.
const DEEP: [&str; 54] = [
    "DiffView",
    "DiffEntry",
    "DiffLine",
    "GraphView",
    "GraphNode",
    "GraphEdge",
    "drift::graph",
    "DiffOrRefusal",
    "ChangePage",
    "ChangeRow",
    "AmbiguityView",
    "AdoptionView",
    "VanishedView",
    "IgnoredView",
    "IncidentPage",
    "IncidentChange",
    "ChangeInIncident",
    "ArtifactView",
    "ReceiptView",
    "ClosingView",
    "OverrideView",
    "ReconciliationPage",
    "ReconciliationRow",
    "DeploymentList",
    "drift::diff",
    "drift::plans",
    "drift::ambiguities",
    "words::path(",
    "words::decision(",
    ".recheck(",
    ".confirm_vanished(",
    ".finish_adoption(",
    ".workspace(",
    ".incident_change(",
    ".incident_part(",
    ".change_in_incident(",
    ".create_incident(",
    ".acknowledge(",
    ".stabilize(",
    ".reconcile(",
    ".request_close(",
    "ProposedAct::",
    ".assign(",
    ".set_ticket(",
    ".set_severity(",
    ".plan_reconciliation(",
    ".plan_restore(",
    ".plan_deployment(",
    ".extend(&permit",
    ".carry_out(",
    ".try_again(",
    ".cancel_reconciliation(",
    ".override_change(",
    ".end_override(",
];

#[test]
fn drift_is_opened_and_acted_on_in_the_workspace_alone() {
    let mut complaints = Vec::new();
    for file in screens() {
        for (number, line) in file.code() {
            complaints.extend(
                DEEP.iter()
                    .filter(|deep| line.contains(*deep))
                    .map(|deep| format!("{}:{number}: {deep} belongs into the drift workspace", file.path)),
            );
        }
    }
    hold("Drift is dealt with in one place (seed, phase 3).", &complaints);
}

#[test]
fn what_is_watched_for_is_there_to_be_found() {
    let inside: Vec<_> = files("app/src")
        .into_iter()
        .filter(|file| WORKSPACE.iter().any(|workspace| file.path.starts_with(workspace)))
        .collect();
    // Without these the test above would watch for words that nobody says any more.
    let used = |word: &str| inside.iter().any(|file| file.code().any(|(_, line)| line.contains(word)));
    for word in
        ["DiffView", "IncidentPage", "ArtifactView", ".create_incident(", "ProposedAct::", ".recheck(", ".carry_out("]
    {
        assert!(used(word), "{word} is not found in the workspace: has it another name now?");
    }
    for place in WORKSPACE {
        assert!(inside.iter().any(|file| file.path.starts_with(place)), "{place} is not there");
    }
}

/// The screens that give out addresses, or none.
fn linking_to(address: &str) -> Vec<String> {
    screens()
        .iter()
        // The addresses themselves are given out here.
        .filter(|file| file.path != "app/src/ssr/mod.rs")
        .flat_map(|file| file.code().map(move |(number, line)| (file, number, line)))
        .filter(|(_, _, line)| line.contains(address))
        .map(|(file, _, _)| file.path.clone())
        .collect()
}

#[test]
fn one_way_leads_into_the_workspace() {
    let links = linking_to("/drift");
    assert_eq!(links, ["app/src/components/banner.rs"], "only the banner, with View Drift, links to the workspace");
    let mut links = linking_to("/incidents");
    links.dedup();
    // What speaks of single incidents leads to them: an entry of the log, a request for approval, what a draft of a policy would
    // have refused, what a search finds.
    let may = [
        "app/src/components/layout.rs",
        "app/src/pages/approvals/request.rs",
        "app/src/pages/audit/mod.rs",
        "app/src/pages/policies/trial.rs",
        "app/src/pages/search.rs",
        "app/src/ssr/forms/approvals.rs",
    ];
    assert_eq!(links, may, "only the bar at the top, and what speaks of single incidents, link to them");
}

/// The files of the screens outside the workspace, tests and their samples left out.
fn screens() -> Vec<crate::tree::File> {
    let is_elsewhere = |path: &str| !WORKSPACE.iter().any(|workspace| path.starts_with(workspace));
    let is_test = |path: &str| {
        path.ends_with("/tests.rs")
            || path.ends_with("/samples.rs")
            || path.contains("/tests/")
            || path.contains("/samples/")
    };
    files("app/src").into_iter().filter(|file| is_elsewhere(&file.path) && !is_test(&file.path)).collect()
}
