//! What the client relies on, checked against the stand-in on every run, as github.com and as an Enterprise Server, and
//! against GitHub itself where `WORKFLOWOPS_TEST_GITHUB_TOKEN` and `WORKFLOWOPS_TEST_GITHUB_REPOSITORY` (`owner/name`, not
//! empty, to be written to) are set; `docs/github.md` says which permissions that takes. A check that holds on one and not
//! on the other shows where the stand-in is wrong.

#[path = "../common/mod.rs"]
mod common;
mod ground;
mod merges;
mod reads;
mod real;
mod writes;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use common::World;
use drift_sim::github::Flaw;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use ground::Ground;

/// A stand-in whose repository is not empty, as GitHub's own are not.
async fn world() -> Arc<World> {
    let world = World::new().await;
    world.repo.commit("main", "Ada Lovelace", "Begin", &[("README.md", Some(b"# flows\n"))]).await.unwrap();
    Arc::new(world)
}

/// A check by its name.
type Check = (&'static str, for<'a> fn(&'a Ground) -> BoxFuture<'a, ()>);

/// Every check as a test on the stand-in, and all of them as a list.
macro_rules! checks {
    ($($of:ident::$check:ident),+ $(,)?) => {
        $(#[tokio::test]
        async fn $check() {
            for enterprise in [false, true] {
                $of::$check(&Ground::stand_in(world().await, enterprise)).await;
            }
        })+

        const ALL: &[Check] = &[$((stringify!($check), |on| Box::pin($of::$check(on)))),+];
    };
}

checks!(
    reads::an_unchanged_reference_is_a_304,
    reads::names_that_need_encoding,
    reads::tags_and_commits_are_references,
    reads::a_folder_is_listed_with_everything_below,
    reads::an_unchanged_folder_is_not_listed,
    reads::contents_come_back_byte_by_byte,
    reads::many_contents_come_back_byte_by_byte,
    reads::the_last_commit_of_a_path,
    reads::what_is_missing_is_named,
    reads::a_probe_tells_what_is_there,
    writes::the_same_input_is_the_same_commit,
    writes::a_tree_that_changes_nothing_is_the_base,
    writes::a_branch_is_made_and_removed_once,
    writes::a_branch_moves_only_from_where_it_is_known_to_be,
    writes::a_pull_request_is_opened_once,
    writes::nothing_to_merge_is_no_pull_request,
    writes::commits_are_compared,
    writes::a_status_is_reported_and_replaced,
    writes::what_cannot_be_written_is_refused,
    merges::a_merge_keeps_both_sides,
    merges::whether_it_merges_is_not_known_at_once,
    merges::a_head_that_moved_is_not_merged,
    merges::a_conflict_is_told,
    merges::a_declined_pull_request_is_not_merged,
    merges::reviews_and_checks_are_waited_for,
    merges::the_merge_queue_is_gone_through,
    merges::webhooks_tell_signed_what_happened,
);

/// Every check in turn: one repository, one set of limits.
#[tokio::test]
async fn on_github_itself() {
    let Some((settings, people)) = real::from_environment() else {
        eprintln!(
            "skipped: on_github_itself (set WORKFLOWOPS_TEST_GITHUB_TOKEN and WORKFLOWOPS_TEST_GITHUB_REPOSITORY)"
        );
        return;
    };
    let ground = Ground::real(&settings, people);
    for (name, check) in ALL {
        eprintln!("on GitHub itself: {name}");
        check(&ground).await;
    }
}

/// Runs these checks, which hold on the stand-in as it is, on one that is wrong in this way: each must fail.
async fn turns_red(flaw: Flaw, wanted: &[&str]) {
    for wanted in wanted {
        let (name, check) = ALL.iter().find(|(name, _)| name == wanted).expect("a check of that name");
        let world = world().await;
        world.github.break_on_purpose(flaw);
        let on = Ground::stand_in(world, false);
        assert!(AssertUnwindSafe(check(&on)).catch_unwind().await.is_err(), "{name} does not notice {flaw:?}");
    }
}

#[tokio::test]
async fn a_merge_that_loses_updates_turns_the_suite_red() {
    turns_red(Flaw::MergeDropsBase, &["a_merge_keeps_both_sides", "a_conflict_is_told"]).await;
}

#[tokio::test]
async fn an_etag_that_never_changes_turns_the_suite_red() {
    turns_red(Flaw::FrozenEtag, &["an_unchanged_reference_is_a_304"]).await;
}

#[tokio::test]
async fn a_listing_that_skips_turns_the_suite_red() {
    turns_red(Flaw::TreeSkipsEntries, &["a_folder_is_listed_with_everything_below"]).await;
}

#[tokio::test]
async fn a_wrong_405_turns_the_suite_red() {
    turns_red(Flaw::Wrong405, &["reviews_and_checks_are_waited_for"]).await;
}

#[tokio::test]
async fn webhooks_without_a_signature_turn_the_suite_red() {
    turns_red(Flaw::UnsignedWebhook, &["webhooks_tell_signed_what_happened"]).await;
}
