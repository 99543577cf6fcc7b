//! What this product relies on in n8n, as tests over a base URL and a key.
//!
//! They run on the stand-in, as 2.x and as 1.x, so that everything else may be tested on it. They run on a real server
//! too, when `N8N_URL` and `N8N_API_KEY` name one; use one that may be written to:
//! `N8N_URL=http://127.0.0.1:5678 N8N_API_KEY=… cargo test -p drift-n8n --test contract real::`. `scripts/n8n contract`
//! starts a real one of each version and does so. Stand-ins that are broken on purpose turn the suite red (`broken`).

#[path = "../common/mod.rs"]
mod common;

mod answers;
mod broken;
mod calls;
mod client;
mod credentials;
mod publishing;
mod reading;
mod tags;
mod writes;

use std::sync::Arc;

use calls::Target;
use drift_n8n::VersionFamily;
use drift_sim::n8n::{N8nSim, N8nVersion, Options};
use futures::future::BoxFuture;

async fn stand_in(version: N8nVersion) -> (N8nSim, Target) {
    let options = Options { version, ..Options::new(common::Still) };
    let sim = N8nSim::start_with(options).await.unwrap();
    sim.uninstall(publishing::UNKNOWN);
    let family = if version == N8nVersion::V1 { VersionFamily::V1 } else { VersionFamily::V2 };
    let target = Target::new(&sim.url(), &sim.api_key(), family);
    (sim, target)
}

/// One real server is shared by all tests: they take turns, since a listing does not stand still beside a test that writes.
static TURN: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

#[expect(clippy::disallowed_methods, reason = "which real server to test on is said outside, and only to this test")]
fn real() -> Option<(String, String)> {
    Some((std::env::var("N8N_URL").ok()?, std::env::var("N8N_API_KEY").ok()?))
}

/// A case of the contract, to be run on any server.
type Case = fn(Arc<Target>) -> BoxFuture<'static, ()>;

macro_rules! contracts {
    ($($module:ident :: $name:ident;)+) => {
        const CASES: &[(&str, Case)] =
            &[$((stringify!($name), |target| Box::pin(async move { $module::$name(&target).await }))),+];

        mod as_2x {
            $(#[tokio::test] async fn $name() {
                let (_sim, target) = super::stand_in(drift_sim::n8n::N8nVersion::V2).await;
                super::$module::$name(&target).await;
            })+
        }
        mod as_1x {
            $(#[tokio::test] async fn $name() {
                let (_sim, target) = super::stand_in(drift_sim::n8n::N8nVersion::V1).await;
                super::$module::$name(&target).await;
            })+
        }
        mod real {
            $(#[tokio::test] async fn $name() {
                let Some((url, key)) = super::real() else {
                    eprintln!("skipped: real::{} (N8N_URL and N8N_API_KEY name no server)", stringify!($name));
                    return;
                };
                let _turn = super::TURN.lock().await;
                let target = super::Arc::new(super::Target::find(&url, &key).await);
                let on = target.clone();
                let outcome = tokio::spawn(async move { super::$module::$name(&on).await }).await;
                // What a failed test made is in the way of the next ones.
                target.clean_up().await;
                outcome.unwrap();
            })+
        }
    };
}

contracts! {
    answers::a_key_is_wanted;
    answers::errors_are_json_with_a_message_except_for_broken_json;
    answers::an_unchanged_answer_is_304;
    answers::each_call_leaves_out_something_else;
    answers::a_missing_workflow_is_404;
    answers::bodies_are_refused_by_name;
    reading::the_list_goes_by_id_and_offset;
    reading::a_workflow_that_goes_hides_another;
    reading::the_limit_ends_at_250;
    reading::the_client_lists_every_workflow_byte_for_byte;
    reading::the_client_gets_one_and_tells_when_there_is_none;
    reading::the_client_sees_version_count_and_archive;
    writes::an_unchanged_put_moves_only_the_time;
    writes::name_nodes_and_tags_move_their_own_fields;
    writes::a_description_alone_changes_the_bytes_of_the_list;
    writes::settings_are_merged;
    writes::missing_node_ids_are_made;
    writes::publishing_needs_a_trigger_and_moves_no_time;
    writes::a_draft_is_kept_apart_from_what_runs;
    writes::a_published_workflow_is_not_deleted;
    writes::archived_workflows_are_listed_and_not_updated;
    writes::what_a_put_leaves_out_is_kept;
    writes::a_setting_is_unset_by_a_value_or_not_at_all;
    writes::settings_of_another_kind_are_refused;
    writes::what_is_too_long_is_refused;
    tags::tags_are_unique_and_must_exist;
    tags::a_name_that_is_not_taken_is_said_to_exist;
    tags::tags_come_in_pages;
    publishing::a_workflow_is_published_by_one_name_or_the_other;
    publishing::publishing_takes_effect_after_the_answer;
    publishing::a_schedule_that_cannot_be_read_is_refused_or_never_starts;
    publishing::a_webhook_is_for_one_workflow;
    publishing::an_unknown_node_is_saved_and_not_published;
    publishing::a_refused_put_of_a_published_workflow_is_saved;
    publishing::unpublishing_takes_effect_after_the_answer;
    publishing::the_archive_takes_out_of_service;
    credentials::an_id_wins_then_a_unique_name;
    credentials::a_bare_name_that_nobody_has_is_kept_once;
    credentials::without_the_key_id_any_credential_is_taken;
    credentials::a_disabled_node_keeps_what_was_sent;
    credentials::listing_is_offered_by_2x;
    client::it_writes_over_and_reads_back;
    client::it_writes_nothing_over_what_has_moved;
    client::it_names_what_n8n_ignores;
    client::it_says_what_a_refused_put_left;
    client::it_keeps_pinned_and_static_data;
    client::it_never_lets_n8n_choose_a_credential;
    client::it_finds_what_it_created;
    client::it_publishes_and_says_what_it_sees;
    client::it_tells_refusals_apart;
    client::it_makes_the_tags_that_are_missing;
    client::it_puts_away_and_brings_back;
    client::it_leaves_out_what_a_node_may_not_have;
    client::it_keeps_the_ids_that_a_file_does_not_have;
    client::real_workflows_come_back_as_they_were_sent;
}
