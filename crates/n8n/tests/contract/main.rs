//! What this product relies on in n8n, as tests over a base URL and a key.
//!
//! They run on the stand-in, as 2.x and as 1.x, so that everything else may be tested on it. They run on a real server
//! too, when `N8N_URL` and `N8N_API_KEY` name one; use one that may be written to:
//! `N8N_URL=http://127.0.0.1:5678 N8N_API_KEY=… cargo test -p drift-n8n --test contract real`.

#[path = "../common/mod.rs"]
mod common;

mod answers;
mod calls;
mod reading;
mod writes;

use calls::Target;
use drift_n8n::VersionFamily;
use drift_sim::n8n::{N8nSim, N8nVersion, Options};

async fn stand_in(version: N8nVersion) -> (N8nSim, Target) {
    let options = Options { version, ..Options::new(common::Still) };
    let sim = N8nSim::start_with(options).await.unwrap();
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

macro_rules! contracts {
    ($($module:ident :: $name:ident;)+) => {
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
                let target = super::Target::find(&url, &key).await;
                super::$module::$name(&target).await;
                target.clean_up().await;
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
    writes::tags_are_unique_and_must_exist;
}
