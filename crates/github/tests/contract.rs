//! What the client relies on, checked against the stand-in on every run, and against GitHub itself where
//! `WORKFLOWOPS_TEST_GITHUB_TOKEN` and `WORKFLOWOPS_TEST_GITHUB_REPOSITORY` (`owner/name`, not empty, to be written to)
//! are set. A check that holds on one and not on the other shows where the stand-in is wrong.

mod checks;
mod common;
mod real;

use checks::Ground;
use common::World;

/// Runs one check on the stand-in.
macro_rules! on_the_stand_in {
    ($($check:ident),+ $(,)?) => {
        $(#[tokio::test]
        async fn $check() {
            let world = World::new().await;
            // GitHub's own repositories are not empty: a first commit on main.
            world.repo.commit("main", "Ada Lovelace", "Begin", &[("README.md", Some(b"# flows\n"))]).await.unwrap();
            checks::$check(&Ground::new(world.settings(), world.clock.clone(), Box::new(world.repo.clone()))).await;
        })+

        /// Every check in turn: one repository, one set of limits.
        #[tokio::test]
        async fn on_github_itself() {
            let Some((settings, people)) = real::from_environment() else {
                eprintln!("skipped: on_github_itself (set WORKFLOWOPS_TEST_GITHUB_TOKEN and WORKFLOWOPS_TEST_GITHUB_REPOSITORY)");
                return;
            };
            let ground = Ground::new(settings, common::TestClock::new(), people);
            $(checks::$check(&ground).await;)+
        }
    };
}

on_the_stand_in!(
    an_unchanged_reference_is_a_304,
    names_that_need_encoding,
    tags_and_commits_are_references,
    a_folder_is_listed_with_everything_below,
    an_unchanged_folder_is_not_listed,
    contents_come_back_byte_by_byte,
    the_last_commit_of_a_path,
    what_is_missing_is_named,
    a_probe_tells_what_is_there,
);
