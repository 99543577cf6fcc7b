//! Every refusal of a write is told apart, says what to do, and leaves nothing half-done behind.

mod common;
mod promotion;

use std::time::Duration;

use chrono::TimeDelta;
use common::World;
use drift_domain::failure::FailureKind;
use drift_github::{
    BranchMade, Limit, Merging, NewStatus, PullState, Refusal, Settings, SourceWriter, StatusState, Timeouts,
};
use drift_sim::faults::{Answer, Fault, Rule};
use drift_sim::github::{Grant, Protection, Ruleset};
use promotion::{BRANCH, Promotion, told};

#[tokio::test]
async fn a_token_without_a_permission() {
    let on = Promotion::begin().await;
    let all = Grant::default();
    let (commit, pull) = on.proposed().await;
    let status =
        NewStatus { context: "x".into(), state: StatusState::Success, description: String::new(), target_url: None };
    let client = |grant: Grant| on.world.client_with_token(&on.world.github.grant(&grant).unwrap());
    let reader = client(Grant { push: false, ..all.clone() });
    for refusal in [
        reader.create_blob(b"x").await.unwrap_err(),
        reader.create_branch("other", &commit).await.unwrap_err(),
        reader.delete_branch(BRANCH, &commit).await.unwrap_err(),
        reader.merge(&on.order(&pull)).await.unwrap_err(),
        reader.move_branch(BRANCH, &commit, &on.base).await.unwrap_err(),
    ] {
        assert!(matches!(refusal, Refusal::Permission { .. }), "{refusal:?}");
        assert!(told(&refusal).contains("\"Contents: write\""), "{refusal}");
    }
    let refusal = client(Grant { pulls: false, ..all.clone() }).close_pull(pull.number).await.unwrap_err();
    assert!(matches!(refusal, Refusal::Permission { .. }) && told(&refusal).contains("\"Pull requests: write\""));
    let refusal = client(Grant { statuses: false, ..all }).set_status(&commit, &status).await.unwrap_err();
    assert!(matches!(refusal, Refusal::Permission { .. }) && told(&refusal).contains("\"Commit statuses: write\""));
    assert_eq!(on.world.repo.resolve(BRANCH).await.unwrap(), Some(commit));
}

#[tokio::test]
async fn rules_that_may_not_be_read_are_named() {
    let on = Promotion::begin().await;
    on.world
        .repo
        .protect("main", Some(Protection { approvals: Some(2), checks: vec!["ci".into()], ..Protection::default() }))
        .unwrap();
    let (_, pull) = on.proposed().await;
    let whole = on.client.standing(pull.number).await.unwrap();
    assert_eq!((whole.rules.approvals, whole.rules.unreadable.len()), (2, 0));
    let grant = Grant { administration: false, checks: false, ..Grant::default() };
    let client = on.world.client_with_token(&on.world.github.grant(&grant).unwrap());
    let part = client.standing(pull.number).await.unwrap();
    // The required checks are shown to everybody who reads the branch; who must approve is not.
    assert_eq!((part.rules.approvals, part.rules.checks.as_slice()), (0, ["ci".to_owned()].as_slice()));
    let unreadable = part.rules.unreadable.join("; ");
    assert!(unreadable.contains("Administration: read") && unreadable.contains("Checks: read"), "{unreadable}");
}

#[tokio::test]
async fn an_archived_repository() {
    let on = Promotion::begin().await;
    let (commit, pull) = on.proposed().await;
    on.world.repo.archive(true).unwrap();
    for refusal in [
        on.client.create_blob(b"x").await.unwrap_err(),
        on.client.create_branch("other", &commit).await.unwrap_err(),
        on.client.merge(&on.order(&pull)).await.unwrap_err(),
    ] {
        assert!(matches!(refusal, Refusal::Archived { .. }) && told(&refusal).contains("Unarchive it"), "{refusal:?}");
    }
}

#[tokio::test]
async fn limits_are_waited_out() {
    let on = Promotion::begin().await;
    on.world.github.set_secondary_limit(Some(30));
    let refusal = on.client.create_blob(b"x").await.unwrap_err();
    assert!(matches!(refusal, Refusal::RateLimited { limit: Limit::Secondary, retry_after: 30, .. }), "{refusal:?}");
    assert!(refusal.is_passing() && told(&refusal).contains("secondary limit"));
    on.world.github.set_secondary_limit(None);
    on.world.github.forget_requests();
    assert!(matches!(on.client.create_blob(b"x").await, Err(Refusal::RateLimited { .. })));
    assert!(on.world.asked().is_empty(), "GitHub bans those who go on asking");
    on.world.clock.turn(TimeDelta::seconds(31));
    assert!(on.client.create_blob(b"x").await.is_ok());
    on.world.github.exhaust(&on.world.github.token());
    let refusal = on.client.create_blob(b"x").await.unwrap_err();
    assert!(matches!(refusal, Refusal::RateLimited { limit: Limit::Primary, .. }), "{refusal:?}");
    assert!(refusal.retry_after().is_some_and(|wait| wait > 3_000), "{refusal:?}");
}

#[tokio::test]
async fn graphqls_own_way_of_saying_so() {
    let on = Promotion::begin().await;
    let (commit, _) = on.proposed().await;
    let body = r#"{"errors":[{"type":"RATE_LIMITED","message":"API rate limit exceeded for user ID 1."}]}"#;
    let limited = Answer::text(200, "application/json; charset=utf-8", body).with("retry-after", "7");
    on.world.github.faults().add(Rule::new(Fault::Answer(limited)).path("/graphql"));
    let refusal = on.client.move_branch(BRANCH, &commit, &on.base).await.unwrap_err();
    assert!(matches!(refusal, Refusal::RateLimited { retry_after: 7, .. }), "{refusal:?}");
}

#[tokio::test]
async fn a_step_of_which_nothing_is_known_is_found_done() {
    let lost = || [Fault::ResetAfter, Fault::status_after(502), Fault::status_after(500)];
    for fault in lost() {
        let on = Promotion::begin().await;
        let commit = on.committed().await;
        on.strike(&fault, "POST", "/repos/acme/flows/git/refs");
        on.unclear(on.client.create_branch(BRANCH, &commit).await);
        assert_eq!(on.client.create_branch(BRANCH, &commit).await, Ok(BranchMade::AlreadyThere));
        on.strike(&fault, "POST", "/repos/acme/flows/pulls");
        on.unclear(on.client.open_pull(&on.proposal(&commit)).await);
        let pull = on.client.open_pull(&on.proposal(&commit)).await.unwrap();
        assert_eq!(on.world.repo.pulls().unwrap(), [(pull.number, true)], "one pull request");
        on.strike(&fault, "PUT", "/repos/acme/flows/pulls/*/merge-async");
        on.unclear(on.client.merge(&on.order(&pull)).await);
        let merged = on.merged(&pull).await;
        assert_eq!(on.world.repo.resolve("main").await.unwrap(), Some(merged.clone()));
        on.strike(&fault, "DELETE", "/repos/acme/flows/git/refs/*");
        on.unclear(on.client.delete_branch(BRANCH, &commit).await);
        assert!(on.client.delete_branch(BRANCH, &commit).await.is_ok());
        assert_eq!(on.client.contains("main", &commit).await, Ok(true));
    }
}

#[tokio::test]
async fn a_synchronous_merge_whose_answer_was_lost() {
    for fault in [Fault::ResetAfter, Fault::status_after(502), Fault::Reset, Fault::status(503)] {
        let on = Promotion::on_enterprise().await;
        let (_, pull) = on.proposed().await;
        on.strike(&fault, "PUT", "*/pulls/*/merge");
        on.unclear(on.client.merge(&on.order(&pull)).await);
        let commit = on.merged(&pull).await;
        assert_eq!(on.world.repo.resolve("main").await.unwrap(), Some(commit));
        let puts = on.world.asked().iter().filter(|(_, target)| target.ends_with("/merge-async")).count();
        assert_eq!(puts, 1, "an Enterprise Server is asked for merge-async once");
    }
}

#[tokio::test]
async fn a_write_is_sent_once() {
    let on = Promotion::begin().await;
    for fault in [Fault::status(502), Fault::Reset, Fault::status(503)] {
        on.world.github.faults().clear();
        on.world.github.faults().add(Rule::new(fault).on("POST", "/repos/acme/flows/git/blobs"));
        on.world.github.forget_requests();
        on.unclear(on.client.create_blob(b"x").await);
        assert_eq!(on.world.asked().len(), 1, "{:?}", on.world.asked());
    }
}

#[tokio::test]
async fn an_answer_that_does_not_come() {
    let world = World::with_a_file().await;
    let timeouts = Timeouts { request: Duration::from_millis(50), ..common::quick() };
    let client = world.client_of(&Settings { timeouts, ..world.settings() });
    world.github.faults().add(Rule::new(Fault::Latency(Duration::from_secs(3_600))).on("POST", "*/git/blobs"));
    let refusal = client.create_blob(b"x").await.unwrap_err();
    assert!(matches!(refusal, Refusal::Unclear { .. }) && told(&refusal).contains("within 0.05 s"), "{refusal:?}");
}

#[tokio::test]
async fn a_token_that_is_not_accepted() {
    let world = World::with_a_file().await;
    let refusal = world.client_with_token("ghp_nobody").create_blob(b"x").await.unwrap_err();
    assert!(matches!(&refusal, Refusal::Failed(failure) if failure.kind == FailureKind::Unauthorized), "{refusal:?}");
    assert!(!refusal.is_passing());
}

#[tokio::test]
async fn a_renamed_repository_is_not_written_to_under_its_old_name() {
    let on = Promotion::begin().await;
    let commit = on.committed().await;
    on.world.repo.rename("acme/workflows").unwrap();
    let refusal = on.client.create_branch(BRANCH, &commit).await.unwrap_err();
    assert!(matches!(refusal, Refusal::NotFound { .. }), "{refusal:?}");
    assert!(told(&refusal).contains("is now called acme/workflows"), "{refusal}");
    assert_eq!(on.world.repo.resolve(BRANCH).await.unwrap(), None);
}

#[tokio::test]
async fn a_draft_is_not_merged() {
    let on = Promotion::begin().await;
    let (_, pull) = on.proposed().await;
    on.world.repo.set_draft(pull.number, true).unwrap();
    let refusal = on.client.merge(&on.order(&pull)).await.unwrap_err();
    assert!(matches!(refusal, Refusal::NotMergeable { .. }) && told(&refusal).contains("draft"), "{refusal:?}");
}

#[tokio::test]
async fn a_base_that_moves_while_it_is_merged() {
    let on = Promotion::on_enterprise().await;
    let (_, pull) = on.proposed().await;
    let moved = Answer::json(405, "Base branch was modified. Review and try the merge again.");
    on.strike(&Fault::Answer(moved), "PUT", "*/merge");
    let refusal = on.client.merge(&on.order(&pull)).await.unwrap_err();
    assert!(matches!(refusal, Refusal::BaseMoved { .. }) && refusal.is_passing(), "{refusal:?}");
    told(&refusal);
    on.merged(&pull).await;
}

#[tokio::test]
async fn a_head_that_moves_between_the_look_and_the_merge() {
    for on in [Promotion::begin().await, Promotion::on_enterprise().await] {
        let (_, pull) = on.proposed().await;
        let repo = on.world.repo.clone();
        let push = move || {
            let repo = repo.clone();
            let push =
                async move { repo.commit(BRANCH, "Eve", "Slip in", &[("evil.json", Some(b"{}"))]).await.unwrap() };
            // A fault acts at once; pushing takes a runtime, which this thread is busy with.
            let push = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(push);
            std::thread::spawn(push).join().unwrap();
        };
        on.strike(&Fault::Meanwhile(std::sync::Arc::new(push)), "PUT", "*/pulls/1/merge*");
        let refusal = loop {
            // An Enterprise Server is asked for merge-async first, and for the merge itself with the second request.
            match on.client.merge(&on.order(&pull)).await {
                Err(refusal) => break refusal,
                Ok(merging) => assert!(matches!(merging, Merging::Pending { .. }), "{merging:?}"),
            }
        };
        assert!(matches!(refusal, Refusal::HeadMoved { found: Some(_), .. }), "{refusal:?}");
        assert!(told(&refusal).contains(BRANCH));
        assert_eq!(on.client.pull(pull.number).await.unwrap().state, PullState::Open);
    }
}

#[tokio::test]
async fn a_merge_that_runs_already_is_followed() {
    let on = Promotion::begin().await;
    on.world.github.set_lag(5);
    let (_, pull) = on.proposed().await;
    let first = on.client.merge(&on.order(&pull)).await.unwrap();
    // Another process, after a crash: GitHub answers 409 with the number of the merge that runs.
    let second = on.world.client().merge(&on.order(&pull)).await.unwrap();
    assert!(
        matches!(&second, Merging::Pending { uuid } if !uuid.is_empty()) && first == second,
        "{first:?} {second:?}"
    );
    assert!(on.world.asked().iter().any(|(status, target)| *status == 409 && target.ends_with("/merge-async")));
    on.merged(&pull).await;
}

#[tokio::test]
async fn a_merge_that_github_forgot() {
    let on = Promotion::begin().await;
    on.world.github.set_lag(50);
    let (_, pull) = on.proposed().await;
    let merging = on.client.merge(&on.order(&pull)).await.unwrap();
    on.world.clock.turn(TimeDelta::hours(25));
    let refusal = on.client.follow(&on.order(&pull), &merging).await.unwrap_err();
    assert!(matches!(refusal, Refusal::NotMergeable { .. }) && told(&refusal).contains("Merge it anew"), "{refusal:?}");
}

#[tokio::test]
async fn something_else_answers() {
    let on = Promotion::begin().await;
    on.world.github.faults().add(Rule::new(Fault::html()).on("POST", "*"));
    let refusal = on.client.create_blob(b"x").await.unwrap_err();
    assert!(matches!(&refusal, Refusal::Failed(failure) if failure.kind == FailureKind::BrokenAnswer), "{refusal:?}");
    told(&refusal);
}

#[tokio::test]
async fn a_protected_branch_takes_no_direct_write() {
    let on = Promotion::begin().await;
    on.world.repo.protect("main", Some(Protection { approvals: Some(1), ..Protection::default() })).unwrap();
    let commit = on.committed().await;
    let refusal = on.client.move_branch("main", &on.base, &commit).await.unwrap_err();
    assert!(matches!(refusal, Refusal::Protected { .. }) && told(&refusal).contains("rule"), "{refusal:?}");
}

#[tokio::test]
async fn a_conflict_that_github_has_yet_to_find_out() {
    for on in [Promotion::begin().await, Promotion::on_enterprise().await] {
        let (_, pull) = on.proposed().await;
        on.world.repo.commit("main", "Bob", "Meanwhile", &[("n8n/invoice.json", Some(b"[]"))]).await.unwrap();
        on.world.github.set_lag(3);
        let mut step = on.client.merge(&on.order(&pull)).await;
        while let Ok(merging) = &step {
            step = on.client.follow(&on.order(&pull), merging).await;
        }
        let refusal = step.unwrap_err();
        assert!(matches!(refusal, Refusal::Conflict { .. }) && told(&refusal).contains("\"main\""), "{refusal:?}");
    }
}

#[tokio::test]
async fn a_queue_that_cannot_be_asked_is_not_an_empty_one() {
    let on = Promotion::begin().await;
    on.world.repo.set_rules("main", Some(Ruleset { queue: true, ..Ruleset::default() })).unwrap();
    let (_, pull) = on.proposed().await;
    on.world.github.set_lag(9);
    on.client.merge(&on.order(&pull)).await.unwrap();
    let error = r#"{"data":null,"errors":[{"type":"INTERNAL","message":"Something went wrong"}]}"#;
    let broken = Answer::text(200, "application/json; charset=utf-8", error);
    on.strike(&Fault::Answer(broken), "POST", "/graphql");
    let refusal = on.client.follow(&on.order(&pull), &Merging::Queued).await.unwrap_err();
    assert!(refusal.is_passing() && told(&refusal).contains("Something went wrong"), "{refusal:?}");
}

#[tokio::test]
async fn two_who_merge_at_once_both_learn_of_the_one_merge() {
    let on = Promotion::on_enterprise().await;
    let (_, pull) = on.proposed().await;
    let order = on.order(&pull);
    let (first, second) = tokio::join!(on.client.merge(&order), on.client.merge(&order));
    let commit = |merging: Result<Merging, Refusal>| match merging.unwrap() {
        Merging::Merged { commit } => commit.unwrap(),
        other => panic!("{other:?}"),
    };
    assert_eq!(commit(first), commit(second));
}
