//! Every step of a promotion, struck by every fault before and after it was carried out: repeating what was begun always
//! ends with one pull request, one merge and no branch left over.

mod common;
mod promotion;

use chrono::TimeDelta;
use drift_github::{
    BranchMade, Identity, MergeMethod, MergeOrder, Merging, NewCommit, NewPull, PullState, Refusal, SourceWriter,
    TreeChange, TreeContent,
};
use drift_sim::faults::{Answer, Fault};
use promotion::{Promotion, told};

/// The requests that a promotion writes with.
const STEPS: [(&str, &str); 7] = [
    ("POST", "*/git/blobs"),
    ("POST", "*/git/trees"),
    ("POST", "*/git/commits"),
    ("POST", "*/git/refs"),
    ("POST", "*/pulls"),
    ("PUT", "*/pulls/*/merge*"),
    ("DELETE", "*/git/refs/*"),
];

/// What can become of a request, and whether it is carried out all the same.
fn faults() -> Vec<(&'static str, Fault)> {
    let html = Answer::text(502, "text/html", "<h1>Bad gateway</h1>");
    let mut faults = vec![
        ("reset before", Fault::Reset),
        ("reset after", Fault::ResetAfter),
        ("cut body", Fault::CutBody(3)),
        ("429", Fault::too_many_requests(1)),
        ("502 of a proxy", Fault::Answer(html.clone())),
        ("502 of a proxy, after", Fault::AnswerAfter(html)),
        ("500 after", Fault::status_after(500)),
    ];
    let refused = [("401", 401), ("403", 403), ("404", 404), ("409", 409), ("422", 422), ("500", 500)];
    faults.extend(refused.map(|(name, status)| (name, Fault::status(status))));
    faults
}

/// One try from the beginning, as after a crash: each step finds what was done before.
async fn promote(on: &Promotion, name: &str, base: &str) -> Result<String, Refusal> {
    let (client, branch) = (&on.client, format!("workflowops/{name}"));
    let identity = || Identity {
        name: "Ada".to_owned(),
        email: "ada@example.com".to_owned(),
        date: "2026-11-02T09:30:00Z".parse().unwrap(),
    };
    let blob = client.create_blob(name.as_bytes()).await?;
    let change = TreeChange { path: format!("n8n/{name}.json"), content: TreeContent::Blob(blob) };
    let tree = client.create_tree(&client.tree_of(base).await?, &[change]).await?;
    let (message, parent) = (format!("Promote {name}"), base.to_owned());
    let commit =
        client.create_commit(&NewCommit { message, tree, parent, author: identity(), committer: identity() }).await?;
    // Once it is merged, the branch may be gone already: then nothing is made anew.
    let new = NewPull {
        head: branch.clone(),
        head_commit: commit.clone(),
        base: "main".to_owned(),
        title: format!("Promote {name}"),
        body: String::new(),
    };
    if !client.contains("main", &commit).await? {
        let made = client.create_branch(&branch, &commit).await?;
        assert!(matches!(made, BranchMade::Created | BranchMade::AlreadyThere));
        let pull = client.open_pull(&new).await?;
        let (number, head) = (pull.number, pull.head_commit.clone());
        let order = MergeOrder { number, head, method: MergeMethod::Merge, title: None, message: None };
        let mut merging = client.merge(&order).await?;
        while !matches!(merging, Merging::Merged { .. }) {
            merging = client.follow(&order, &merging).await?;
        }
    }
    client.delete_branch(&branch, &commit).await?;
    Ok(commit)
}

/// Tries until it is done, waiting where GitHub asks for it. Tells how many tries were refused.
async fn promote_in_the_end(on: &Promotion, name: &str, base: &str) -> (String, usize) {
    for refused in 0..5 {
        match promote(on, name, base).await {
            Ok(commit) => return (commit, refused),
            Err(refusal) => {
                told(&refusal);
                on.world.clock.turn(TimeDelta::seconds(90));
            }
        }
    }
    panic!("{name} is not promoted");
}

async fn run(on: &Promotion, steps: &[(&str, &str)]) {
    for (number, (method, path)) in steps.iter().enumerate() {
        // What is stored under the name of its content is the same story at every step.
        let some = if path.contains("/git/blobs") || !path.contains("/git/") || path.contains("refs") { 1 } else { 4 };
        for (at, (what, fault)) in faults().iter().enumerate().step_by(some) {
            let name = format!("flow-{number}-{at}");
            let base = on.world.repo.resolve("main").await.unwrap().unwrap();
            let before = on.world.repo.pulls().unwrap().len();
            on.strike(fault, method, path);
            let (commit, refused) = promote_in_the_end(on, &name, &base).await;
            let case = format!("{what} at {method} {path}");
            // A 404 says that there is no merging in the background: the same try merges at once. A 204 has no body to cut.
            let elsewise = *what == "404" && path.ends_with("merge*") || *what == "cut body" && *method == "DELETE";
            assert_eq!(refused, usize::from(!elsewise), "{case}: it was refused once and then done");
            let pulls = on.world.repo.pulls().unwrap();
            assert_eq!(pulls.len(), before + 1, "{case}: one pull request");
            let (number, _) = pulls[before];
            let pull = on.client.pull(number).await.unwrap();
            let PullState::Merged { commit: Some(merge), .. } = pull.state else { panic!("{case}: {pull:?}") };
            assert_eq!(on.world.repo.resolve("main").await.unwrap(), Some(merge.clone()), "{case}: one merge");
            assert_eq!(on.client.compare(&base, "main").await.unwrap().ahead_by, 2, "{case}: the commit and its merge");
            let file = on.world.repo.read("main", &format!("n8n/{name}.json")).await.unwrap();
            assert_eq!(file.as_deref(), Some(name.as_bytes()), "{case}");
            assert_eq!(on.world.repo.resolve(&format!("workflowops/{name}")).await.unwrap(), None, "{case}");
            assert_eq!(pull.head_commit, commit, "{case}: the same commit at every try");
        }
    }
}

#[tokio::test]
async fn on_github() {
    let on = Promotion::begin().await;
    on.world.github.set_lag(0);
    run(&on, &STEPS).await;
}

#[tokio::test]
async fn on_an_enterprise_server() {
    let on = Promotion::on_enterprise().await;
    on.world.github.set_lag(0);
    // It is asked once for what it does not have; from then on there is one way to merge.
    let (_, pull) = on.proposed().await;
    on.merged(&pull).await;
    run(&on, &[("PUT", "*/pulls/*/merge"), ("POST", "*/pulls")]).await;
}
