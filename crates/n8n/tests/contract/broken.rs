//! Stand-ins that are broken on purpose: the suite goes red on each, in the cases that are there to notice it. A suite that
//! passes on these would pass on a stand-in that flatters, and everything tested on it would prove nothing.

use std::sync::Arc;

use drift_sim::n8n::{Flaw, N8nVersion};

use crate::CASES;

/// Whether a case fails on a stand-in with this flaw, or on a sound one.
async fn is_red(name: &str, version: N8nVersion, flaw: Option<Flaw>) -> bool {
    let (_, case) = CASES.iter().find(|(case, _)| *case == name).unwrap_or_else(|| panic!("no case is called {name}"));
    let (sim, target) = crate::stand_in(version).await;
    sim.set_flaw(flaw);
    // A failed assertion ends its task, and nothing else.
    tokio::spawn(case(Arc::new(target))).await.is_err()
}

/// Each of these cases notices the flaw, and is green without it. `on_2x` are those that 1.x has nothing to show for.
async fn goes_red(flaw: Flaw, in_all: &[&str], on_2x: &[&str]) {
    for version in [N8nVersion::V2, N8nVersion::V1] {
        let more = if version == N8nVersion::V2 { on_2x } else { &[] };
        for case in in_all.iter().chain(more) {
            assert!(is_red(case, version, Some(flaw)).await, "{case} does not notice {flaw:?} on {version:?}");
            assert!(!is_red(case, version, None).await, "{case} is red on a sound stand-in, {version:?}");
        }
    }
}

#[tokio::test]
async fn a_list_that_skips_a_page_turns_it_red() {
    let cases = ["the_list_goes_by_id_and_offset", "the_client_lists_every_workflow_byte_for_byte"];
    goes_red(Flaw::ListSkipsAPage, &cases, &[]).await;
}

#[tokio::test]
async fn a_put_that_is_not_stored_turns_it_red() {
    let cases = ["name_nodes_and_tags_move_their_own_fields", "it_writes_over_and_reads_back"];
    goes_red(Flaw::PutIsForgotten, &cases, &["a_description_alone_changes_the_bytes_of_the_list"]).await;
}

#[tokio::test]
async fn a_time_that_never_moves_turns_it_red() {
    let cases = ["an_unchanged_put_moves_only_the_time", "a_refused_put_of_a_published_workflow_is_saved"];
    goes_red(Flaw::TimeStandsStill, &cases, &["archived_workflows_are_listed_and_not_updated"]).await;
}

#[tokio::test]
async fn publishing_without_effect_turns_it_red() {
    let cases = ["publishing_takes_effect_after_the_answer", "it_publishes_and_says_what_it_sees"];
    goes_red(Flaw::PublishHasNoEffect, &cases, &["a_draft_is_kept_apart_from_what_runs"]).await;
}

#[tokio::test]
async fn stand_ins_that_flatter_turn_it_red() {
    goes_red(Flaw::SettingsAreReplaced, &["settings_are_merged", "it_names_what_n8n_ignores"], &[]).await;
    goes_red(Flaw::CredentialsAreKept, &["without_the_key_id_any_credential_is_taken"], &[]).await;
    let cases = ["a_refused_put_of_a_published_workflow_is_saved", "it_says_what_a_refused_put_left"];
    goes_red(Flaw::RefusalsChangeNothing, &cases, &[]).await;
}
