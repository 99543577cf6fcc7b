//! Writing: objects, branches, pull requests, statuses. Each step twice, as after a crash.

use drift_github::{
    BranchGone, BranchMade, CheckState, NewPull, NewStatus, PullState, Refusal, SourceWriter, StatusState, TreeChange,
    TreeContent,
};

use crate::ground::{Ground, text, words};

const NOTHING: &str = "0123456789012345678901234567890123456789";

pub async fn the_same_input_is_the_same_commit(on: &Ground) {
    let base = on.branch();
    let parent = on.write(&base, &[("n8n/a.json", "1"), ("n8n/b.json", "2"), ("README.md", "x")]).await;
    let changes =
        [("n8n/a.json", text("{\n\t\"ü\": 1\r\n}")), ("n8n/b.json", TreeContent::Removed), ("c.json", text(""))];
    let commit = on.commit_on(&parent, &changes).await.unwrap();
    assert_eq!(on.commit_on(&parent, &changes).await, Ok(commit.clone()));
    // A stored content makes the same tree as one that is sent along.
    let blob = on.client.create_blob("{\n\t\"ü\": 1\r\n}".as_bytes()).await.unwrap();
    let stored = [("n8n/a.json", TreeContent::Blob(blob)), changes[1].clone(), changes[2].clone()];
    assert_eq!(on.commit_on(&parent, &stored).await, Ok(commit.clone()));
    let branch = on.branch();
    on.client.create_branch(&branch, &commit).await.unwrap();
    let texts = on.texts(&branch).await;
    assert_eq!(
        texts.into_iter().collect::<Vec<_>>(),
        [("c.json".to_owned(), String::new()), ("n8n/a.json".to_owned(), "{\n\t\"ü\": 1\r\n}".to_owned()),]
    );
    on.clear(&[&base, &branch]).await;
}

pub async fn a_tree_that_changes_nothing_is_the_base(on: &Ground) {
    let base = on.branch();
    let tree = on.client.tree_of(&on.write(&base, &[("a.json", "1")]).await).await.unwrap();
    let same = TreeChange { path: "a.json".to_owned(), content: text("1") };
    assert_eq!(on.client.create_tree(&tree, &[same]).await, Ok(tree.clone()));
    assert_eq!(on.client.create_tree(&tree, &[]).await, Ok(tree));
    on.clear(&[&base]).await;
}

pub async fn a_branch_is_made_and_removed_once(on: &Ground) {
    let base = on.branch();
    let first = on.write(&base, &[("a.json", "1")]).await;
    let second = on.write(&base, &[("a.json", "2")]).await;
    for name in ["plain", "fix #12/50%".replace(' ', "").as_str(), "für/日本", "a+b&c=d"] {
        let branch = format!("{}/{name}", on.branch());
        assert_eq!(on.client.branch(&branch).await, Ok(None));
        assert_eq!(on.client.delete_branch(&branch, &first).await, Ok(BranchGone::AlreadyGone));
        assert_eq!(on.client.create_branch(&branch, &first).await, Ok(BranchMade::Created), "{branch}");
        assert_eq!(on.client.create_branch(&branch, &first).await, Ok(BranchMade::AlreadyThere), "{branch}");
        assert_eq!(on.client.branch(&branch).await, Ok(Some(first.clone())));
        for moved in [
            on.client.create_branch(&branch, &second).await.unwrap_err(),
            on.client.delete_branch(&branch, &second).await.unwrap_err(),
        ] {
            assert!(words(&moved).contains(&first[..10]), "{moved}");
            assert!(matches!(moved, Refusal::HeadMoved { found: Some(found), .. } if found == first));
        }
        assert_eq!(on.client.delete_branch(&branch, &first).await, Ok(BranchGone::Deleted));
        assert_eq!(on.client.delete_branch(&branch, &first).await, Ok(BranchGone::AlreadyGone));
    }
    on.clear(&[&base]).await;
}

pub async fn a_branch_moves_only_from_where_it_is_known_to_be(on: &Ground) {
    let (base, branch) = (on.branch(), on.branch());
    let first = on.write(&base, &[("a.json", "1")]).await;
    let second = on.write(&base, &[("a.json", "2")]).await;
    on.client.create_branch(&branch, &second).await.unwrap();
    // Backwards, as when a promotion is made anew on another base.
    assert_eq!(on.client.move_branch(&branch, &second, &first).await, Ok(()));
    assert_eq!(on.client.move_branch(&branch, &second, &first).await, Ok(()), "it is there already");
    let third = on.write(&base, &[("a.json", "3")]).await;
    let refusal = on.client.move_branch(&branch, &second, &third).await.unwrap_err();
    assert!(matches!(&refusal, Refusal::HeadMoved { found: Some(found), .. } if *found == first), "{refusal:?}");
    assert!(words(&refusal).contains(&branch));
    assert_eq!(on.client.branch(&branch).await, Ok(Some(first)));
    on.clear(&[&base, &branch]).await;
}

pub async fn a_pull_request_is_opened_once(on: &Ground) {
    let base = on.branch();
    on.write(&base, &[("a.json", "1")]).await;
    let pull = on.propose(&base, &[("a.json", text("2"))]).await;
    assert_eq!((&pull.state, &pull.base), (&PullState::Open, &base));
    let again = on.client.open_pull(&on.proposal(&base, &pull.head, &pull.head_commit)).await.unwrap();
    assert_eq!(
        (again.number, again.head_commit, again.node_id),
        (pull.number, pull.head_commit.clone(), pull.node_id.clone())
    );
    assert!(pull.url.ends_with(&format!("/{}/pull/{}", on.full_name, pull.number)), "{}", pull.url);
    // Somebody declines it: a repeated step does not open another one behind their back.
    assert_eq!(on.client.close_pull(pull.number).await.unwrap().state, PullState::Closed);
    assert_eq!(on.client.close_pull(pull.number).await.unwrap().state, PullState::Closed);
    let closed = on.client.open_pull(&on.proposal(&base, &pull.head, &pull.head_commit)).await.unwrap();
    assert_eq!((closed.number, closed.state), (pull.number, PullState::Closed));
    on.clear(&[&base, &pull.head]).await;
}

pub async fn nothing_to_merge_is_no_pull_request(on: &Ground) {
    let (base, branch) = (on.branch(), on.branch());
    let commit = on.write(&base, &[("a.json", "1")]).await;
    on.client.create_branch(&branch, &commit).await.unwrap();
    let refusal = on.client.open_pull(&on.proposal(&base, &branch, &commit)).await.unwrap_err();
    assert!(matches!(refusal, Refusal::NothingToMerge { .. }), "{refusal:?}");
    assert!(words(&refusal).contains(&branch));
    on.clear(&[&base, &branch]).await;
}

pub async fn commits_are_compared(on: &Ground) {
    let (base, branch) = (on.branch(), format!("{}/x#1", on.branch()));
    let first = on.write(&base, &[("a.json", "1")]).await;
    on.client.create_branch(&branch, &first).await.unwrap();
    let ahead = on.write(&base, &[("a.json", "2")]).await;
    let aside = on.write(&branch, &[("b.json", "3")]).await;
    let comparison = on.client.compare(&base, &branch).await.unwrap();
    assert_eq!((comparison.ahead_by, comparison.behind_by, comparison.merge_base), (1, 1, first.clone()));
    for (reference, commit, contained) in [
        (&base, &first, true),
        (&base, &ahead, true),
        (&base, &aside, false),
        (&branch, &aside, true),
        (&first, &ahead, false),
    ] {
        assert_eq!(on.client.contains(reference, commit).await, Ok(contained), "{reference} {commit}");
    }
    let refusal = on.client.contains(&base, NOTHING).await.unwrap_err();
    assert!(matches!(refusal, Refusal::NotFound { .. }), "{refusal:?}");
    on.clear(&[&base, &branch]).await;
}

pub async fn a_status_is_reported_and_replaced(on: &Ground) {
    let base = on.branch();
    on.write(&base, &[("a.json", "1")]).await;
    let pull = on.propose(&base, &[("a.json", text("2"))]).await;
    let mut status = NewStatus {
        context: "workflowops/drift".to_owned(),
        state: StatusState::Pending,
        description: "ü".repeat(200),
        target_url: Some("https://workflowops.example.com/incidents/12".to_owned()),
    };
    on.client.set_status(&pull.head_commit, &status).await.unwrap();
    let state = async || {
        let checks = on.client.standing(pull.number).await.unwrap().checks;
        let ours: Vec<_> = checks.into_iter().filter(|check| check.name == "workflowops/drift").collect();
        assert_eq!(ours.len(), 1);
        (ours[0].state, ours[0].required)
    };
    assert_eq!(state().await, (CheckState::Pending, false));
    for (reported, seen) in [(StatusState::Failure, CheckState::Failed), (StatusState::Success, CheckState::Passed)] {
        status.state = reported;
        on.client.set_status(&pull.head_commit, &status).await.unwrap();
        assert_eq!(state().await, (seen, false));
    }
    on.clear(&[&base, &pull.head]).await;
}

pub async fn what_cannot_be_written_is_refused(on: &Ground) {
    let (base, branch) = (on.branch(), on.branch());
    let commit = on.write(&base, &[("a.json", "1")]).await;
    let valid = |refusal: Refusal| {
        assert!(matches!(refusal, Refusal::Validation { .. }), "{refusal:?}");
        words(&refusal)
    };
    assert!(valid(on.client.create_branch(&branch, NOTHING).await.unwrap_err()).contains(&branch));
    valid(on.commit_on(&commit, &[("no such file.json", TreeContent::Removed)]).await.unwrap_err());
    let new = NewPull { base: on.branch(), ..on.proposal(&base, &base, &commit) };
    assert!(valid(on.client.open_pull(&new).await.unwrap_err()).contains(&new.base));
    let refusal = on.client.pull(999_999_999).await.unwrap_err();
    assert!(matches!(refusal, Refusal::NotFound { .. }) && words(&refusal).contains("999999999"), "{refusal:?}");
    assert!(matches!(on.client.branch("a..b").await, Err(Refusal::NotFound { .. })));
    on.clear(&[&base]).await;
}
