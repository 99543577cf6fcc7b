//! A listing is whole or it is not handed out: what happens when workflows come and go between two pages.

#[path = "common/mod.rs"]
mod common;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use common::{Still, settings, workflow};
use drift_domain::failure::FailureKind;
use drift_n8n::{Client, Listing, LiveEnvironment as _};
use drift_sim::faults::{Fault, Rule};
use drift_sim::n8n::{Editor, N8nSim};
use proptest::prelude::*;

async fn holding(count: usize) -> N8nSim {
    let sim = N8nSim::start(Still).await.unwrap();
    for number in 0..count {
        sim.create(&workflow(&number.to_string()));
    }
    sim
}

fn by_pages_of(page_size: u16, sim: &N8nSim) -> Client {
    let mut settings = settings(&sim.url(), &sim.api_key());
    settings.page_size = page_size;
    Client::new(settings).unwrap()
}

/// Does something just before the request of this number (from 0) is answered.
fn before(sim: &N8nSim, request: u32, act: impl Fn(&Editor) + Send + Sync + 'static) {
    let editor = sim.editor().clone();
    sim.faults().add(Rule::new(Fault::Meanwhile(Arc::new(move || act(&editor)))).skip(request).times(1));
}

fn ids(listing: &Listing) -> Vec<String> {
    listing.workflows.iter().map(|w| w.id.clone()).collect()
}

fn requests(sim: &N8nSim) -> usize {
    sim.faults().seen().len()
}

#[tokio::test]
async fn one_page_that_is_not_full_needs_one_request() {
    let sim = holding(3).await;
    let listing = by_pages_of(4, &sim).list().await.unwrap();
    assert_eq!((ids(&listing), listing.pages, listing.attempts), (sim.ids(), 1, 1));
    assert_eq!(requests(&sim), 1);
}

#[tokio::test]
async fn the_second_look_at_a_page_costs_no_bandwidth() {
    let sim = holding(7).await;
    let listing = by_pages_of(3, &sim).list().await.unwrap();
    assert_eq!((ids(&listing), listing.pages, listing.attempts), (sim.ids(), 3, 1));
    let statuses: Vec<u16> = sim.faults().seen().iter().map(|seen| seen.status).collect();
    assert_eq!(statuses, [200, 200, 200, 304, 304], "three pages, and the first two once more");
}

#[tokio::test]
async fn an_edit_while_the_pages_are_read_is_no_skew() {
    let sim = holding(7).await;
    before(&sim, 3, |editor| editor.edit(&editor.ids()[0], |w| w["name"] = "edited".into()).unwrap());
    let listing = by_pages_of(3, &sim).list().await.unwrap();
    assert_eq!((ids(&listing), listing.attempts), (sim.ids(), 1));
}

#[tokio::test]
async fn a_workflow_deleted_on_a_page_in_the_middle_is_noticed_though_the_first_page_is_the_same() {
    let sim = holding(9).await;
    // After pages 0 and 1 of 3 were read, one of page 1 goes, and the first of page 2 moves up to page 1, unseen.
    before(&sim, 2, |editor| editor.delete(&editor.ids()[4]).unwrap());
    let listing = by_pages_of(3, &sim).list().await.unwrap();
    assert_eq!((ids(&listing), listing.attempts), (sim.ids(), 2));
}

#[tokio::test]
async fn a_workflow_deleted_and_another_made_leave_the_counts_alike_and_are_noticed() {
    let sim = holding(9).await;
    before(&sim, 2, |editor| {
        editor.delete(&editor.ids()[0]).unwrap();
        editor.create(&workflow("another"));
    });
    let listing = by_pages_of(3, &sim).list().await.unwrap();
    assert_eq!((ids(&listing), listing.attempts), (sim.ids(), 2));
}

#[tokio::test]
async fn a_workflow_that_comes_and_goes_makes_another_be_seen_twice_and_is_noticed() {
    let sim = holding(4).await;
    let mut passing = workflow("passing");
    passing["id"] = "0".into();
    // It is there only while the second page is read, and pushes the last of the first page onto it.
    before(&sim, 1, move |editor| drop(editor.import(&passing)));
    before(&sim, 1, |editor| editor.delete("0").unwrap());
    let listing = by_pages_of(3, &sim).list().await.unwrap();
    assert_eq!((ids(&listing), listing.attempts), (sim.ids(), 2));
}

#[tokio::test]
async fn the_last_page_may_be_full_or_empty() {
    let sim = holding(6).await;
    assert_eq!(ids(&by_pages_of(3, &sim).list().await.unwrap()), sim.ids());
    // The first page says that there is more; before it is asked for, what was more is gone.
    let sim = holding(4).await;
    before(&sim, 1, |editor| editor.delete(&editor.ids()[3]).unwrap());
    let listing = by_pages_of(3, &sim).list().await.unwrap();
    assert_eq!((ids(&listing), listing.attempts), (sim.ids(), 1));
}

#[tokio::test]
async fn a_server_that_never_stands_still_gives_a_partial_listing_and_no_list() {
    let sim = holding(9).await;
    let editor = sim.editor().clone();
    let churn = Fault::Meanwhile(Arc::new(move || {
        editor.delete(&editor.ids()[1]).unwrap();
        editor.create(&workflow("new"));
    }));
    sim.faults().add(Rule::new(churn));
    let failure = by_pages_of(3, &sim).list().await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::PartialListing);
    assert!(failure.message.contains("could not be listed whole in 4 attempts"), "{failure}");
    assert!(failure.message.contains("127.0.0.1"), "{failure}");
}

#[derive(Clone, Debug)]
enum Op {
    Create,
    Delete(prop::sample::Index),
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![Just(Op::Create), any::<prop::sample::Index>().prop_map(Op::Delete)]
}

fn apply(editor: &Editor, op: &Op) {
    match op {
        Op::Create => drop(editor.create(&workflow("new"))),
        Op::Delete(index) => {
            let ids = editor.ids();
            if !ids.is_empty() {
                editor.delete(index.get::<String>(&ids)).unwrap();
            }
        }
    }
}

/// Lists while `ops[i]` happen before request `i`, and holds the result to every state that there was meanwhile.
async fn list_meanwhile(count: usize, page_size: u16, ops: Vec<Vec<Op>>) -> Result<u32, TestCaseError> {
    let sim = holding(count).await;
    let states = Arc::new(Mutex::new(BTreeSet::from([sim.ids()])));
    for (request, ops) in ops.into_iter().enumerate() {
        let states = states.clone();
        let act = move |editor: &Editor| {
            for op in &ops {
                apply(editor, op);
                states.lock().unwrap().insert(editor.ids());
            }
        };
        before(&sim, request as u32, act);
    }
    match by_pages_of(page_size, &sim).list().await {
        Ok(listing) => {
            prop_assert!(states.lock().unwrap().contains(&ids(&listing)), "{:?} never was", ids(&listing));
            Ok(listing.attempts)
        }
        Err(failure) => {
            prop_assert_eq!(failure.kind, FailureKind::PartialListing);
            Ok(0)
        }
    }
}

#[test]
fn any_interleaving_gives_a_listing_that_was_true_once_or_none() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (at_once, again, never) = (AtomicU32::new(0), AtomicU32::new(0), AtomicU32::new(0));
    let ops = prop::collection::vec(prop_oneof![2 => Just(vec![]), 3 => prop::collection::vec(op(), 1..4)], 0..24);
    let config = ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(count in 0_usize..12, page_size in 1_u16..5, ops in ops)| {
        let counter = match runtime.block_on(list_meanwhile(count, page_size, ops))? {
            0 => &never,
            1 => &at_once,
            _ => &again,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    });
    let counts = [at_once, again, never].map(AtomicU32::into_inner);
    assert!(counts.iter().all(|&count| count > 0), "each outcome must have been tried: {counts:?}");
}
