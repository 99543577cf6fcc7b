//! Nothing that was ever seen drifted is lost, hidden or waved through: whatever people, both sides and the night do, in
//! whatever order. Random sequences of everything that can happen, on a real Postgres and the stand-ins; after every step the
//! promises are looked at from outside.
//!
//! `WORKFLOWOPS_SEQUENCES=2000 cargo test -p drift-services --test never_lost` for a longer run than CI's.

mod acts;
mod promises;
mod world;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use tokio::task::JoinSet;

use acts::Act;
use world::World;

/// Sequences where nobody asks for more.
const SEQUENCES: u32 = 200;
/// The longest sequence.
const LONGEST: usize = 30;
/// Sequences that share a database: a new one for each would be most of the time.
const TOGETHER: usize = 40;
/// Sequences that go on at once, each in an organization with servers of its own.
const AT_ONCE: usize = 4;

/// A number that whoever runs the test may set.
#[expect(clippy::disallowed_methods, reason = "a test is asked to do more by its environment")]
fn asked<T: std::str::FromStr>(name: &str) -> Option<T> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[expect(clippy::print_stdout, reason = "what the sequences reached is what whoever runs them wants to know")]
async fn nothing_is_lost_hidden_or_waved_through() {
    let seed: u64 = asked("WORKFLOWOPS_SEED").unwrap_or(7);
    let sequences: u32 = asked("WORKFLOWOPS_SEQUENCES").unwrap_or(SEQUENCES);
    let waiting = Arc::new(Mutex::new(sequences_from(seed, sequences)));
    let mut lanes: JoinSet<_> = (0..AT_ONCE).map(|_| lane(Arc::clone(&waiting))).collect();
    let mut done = world::Tally::default();
    while let Some(lane) = lanes.join_next().await {
        match lane.expect("no act panics") {
            Ok(tally) => done.merge(&tally),
            Err((acts, broken)) => {
                lanes.shutdown().await;
                let (acts, broken) = shortest(acts, broken).await;
                panic!("{broken}\n\nafter {acts:#?}\n(WORKFLOWOPS_SEED={seed})");
            }
        }
    }
    println!("{sequences} sequences: {done}");
    assert!(
        done.drifted > 0 && done.closed > 0 && done.carried_out > 0,
        "the sequences reach what they are for: {done}"
    );
}

/// The sequences of a seed: the same ones in the same order, however many go on at once.
fn sequences_from(seed: u64, count: u32) -> VecDeque<Vec<Act>> {
    let mut bytes = [0_u8; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let config = Config { failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
    let all = proptest::collection::vec(Act::any(), 8..LONGEST);
    (0..count).map(|_| all.new_tree(&mut runner).expect("a sequence can be made").current()).collect()
}

/// Goes through sequences that wait, until there is none or one breaks a promise.
async fn lane(waiting: Arc<Mutex<VecDeque<Vec<Act>>>>) -> Result<world::Tally, (Vec<Act>, String)> {
    let next = || waiting.lock().expect("no lane panics").pop_front();
    let mut done = world::Tally::default();
    let mut first = next();
    while first.is_some() {
        let app = drift_testkit::TestApp::new().await;
        for _ in 0..TOGETHER {
            let Some(acts) = first.take().or_else(next) else { break };
            run(&app, &acts, &mut done).await.map_err(|broken| (acts, broken))?;
        }
        first = next();
    }
    Ok(done)
}

/// One sequence from an environment that agrees; tells what was broken, after which act.
async fn run(app: &drift_testkit::TestApp, acts: &[Act], tally: &mut world::Tally) -> Result<(), String> {
    let mut world = World::new(app).await;
    let mut promises = promises::Promises::default();
    // Every sequence begins where somebody leads an incident: by chance alone few would come as far.
    for act in [Act::EditInN8n { workflow: 0, value: 1 }, Act::Check, Act::Open, Act::Lead, Act::Lead] {
        world.act(&act).await;
        promises.hold(&world).await?;
    }
    for (at, act) in acts.iter().enumerate() {
        world.act(act).await;
        promises.hold(&world).await.map_err(|broken| format!("{broken} (act {at}: {act:?})"))?;
    }
    world.settle().await;
    promises.hold(&world).await.map_err(|broken| format!("{broken} (at the end)"))?;
    world.finish().await;
    promises.hold(&world).await.map_err(|broken| format!("{broken} (after it was brought to an end)"))?;
    tally.add(&world, &promises).await;
    Ok(())
}

/// Leaves acts out as long as it breaks all the same.
async fn shortest(mut acts: Vec<Act>, mut broken: String) -> (Vec<Act>, String) {
    let mut at = 0;
    while at < acts.len() {
        let mut fewer = acts.clone();
        fewer.remove(at);
        let app = drift_testkit::TestApp::new().await;
        match run(&app, &fewer, &mut world::Tally::default()).await {
            Err(still) => (acts, broken) = (fewer, still),
            Ok(()) => at += 1,
        }
    }
    (acts, broken)
}
