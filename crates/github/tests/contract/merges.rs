//! Merging, and everything that stands in its way.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::routing::post;
use bytes::Bytes;
use drift_github::webhook::{self, News, Told};
use drift_github::{CheckState, MergeMethod, MergeOrder, Merging, Need, PullState, Refusal, SourceWriter};
use drift_sim::github::{Protection, Ruleset, sign};
use drift_sim::server::Server;
use http::{HeaderMap, StatusCode};

use crate::ground::{Ground, text, words};

pub async fn a_merge_keeps_both_sides(on: &Ground) {
    for method in [MergeMethod::Merge, MergeMethod::Squash, MergeMethod::Rebase] {
        let base = on.branch();
        on.write(&base, &[("a.json", "1"), ("b.json", "1")]).await;
        let pull = on.propose(&base, &[("a.json", text("promoted"))]).await;
        // The base goes on meanwhile.
        let later = on.write(&base, &[("b.json", "meanwhile")]).await;
        let order = MergeOrder { method, ..on.order(&pull) };
        let commit = on.merge(&order).await.unwrap().expect("the merge's commit");
        let texts = on.texts(&base).await;
        assert_eq!((texts["a.json"].as_str(), texts["b.json"].as_str()), ("promoted", "meanwhile"), "{method:?}");
        assert_eq!(on.client.branch(&base).await, Ok(Some(commit.clone())));
        assert_eq!(on.client.contains(&base, &later).await, Ok(true));
        // Asked again, as after an answer that was lost, it is the same merge.
        assert_eq!(on.merge(&order).await, Ok(Some(commit.clone())));
        let merged = on.client.pull(pull.number).await.unwrap();
        assert!(matches!(merged.state, PullState::Merged { commit: Some(by), .. } if by == commit));
        let found = on.client.open_pull(&on.proposal(&base, &pull.head, &pull.head_commit)).await.unwrap();
        assert_eq!(found.number, pull.number, "a merged pull request is not opened again");
        on.clear(&[&base, &pull.head]).await;
    }
}

pub async fn whether_it_merges_is_not_known_at_once(on: &Ground) {
    let base = on.branch();
    on.write(&base, &[("a.json", "1")]).await;
    let pull = on.propose(&base, &[("a.json", text("2"))]).await;
    let pull = on.worked_out(pull.number).await;
    assert_eq!((pull.mergeable, pull.mergeable_state.as_str()), (Some(true), "clean"));
    on.clear(&[&base, &pull.head]).await;
}

pub async fn a_head_that_moved_is_not_merged(on: &Ground) {
    let base = on.branch();
    on.write(&base, &[("a.json", "1")]).await;
    let pull = on.propose(&base, &[("a.json", text("2"))]).await;
    let pushed = on.write(&pull.head, &[("a.json", "3")]).await;
    let refusal = on.merge(&on.order(&pull)).await.unwrap_err();
    assert!(matches!(&refusal, Refusal::HeadMoved { found: Some(found), .. } if *found == pushed), "{refusal:?}");
    assert!(words(&refusal).contains(&pull.head_commit[..10]));
    assert_eq!(on.texts(&base).await["a.json"], "1");
    on.clear(&[&base, &pull.head]).await;
}

pub async fn a_conflict_is_told(on: &Ground) {
    let base = on.branch();
    on.write(&base, &[("a.json", "1\n")]).await;
    let pull = on.propose(&base, &[("a.json", text("theirs\n"))]).await;
    on.write(&base, &[("a.json", "ours\n")]).await;
    // At once, while GitHub may not know yet, and when it does.
    for _ in 0..2 {
        let refusal = on.merge(&on.order(&pull)).await.unwrap_err();
        assert!(matches!(refusal, Refusal::Conflict { .. }), "{refusal:?}");
        assert!(words(&refusal).contains(&format!("pull request {}", pull.number)));
        assert_eq!(on.worked_out(pull.number).await.mergeable, Some(false));
    }
    assert_eq!(on.texts(&base).await["a.json"], "ours\n");
    on.clear(&[&base, &pull.head]).await;
}

pub async fn a_declined_pull_request_is_not_merged(on: &Ground) {
    let base = on.branch();
    on.write(&base, &[("a.json", "1")]).await;
    let pull = on.propose(&base, &[("a.json", text("2"))]).await;
    on.client.close_pull(pull.number).await.unwrap();
    let refusal = on.merge(&on.order(&pull)).await.unwrap_err();
    assert!(matches!(refusal, Refusal::NotMergeable { .. }) && words(&refusal).contains("closed"), "{refusal:?}");
    on.clear(&[&base, &pull.head]).await;
}

/// The needs of a merge that was refused for rules.
fn needs(refusal: &Refusal) -> Vec<Need> {
    words(refusal);
    let Refusal::Protected { needs, .. } = refusal else { panic!("{refusal:?}") };
    needs.clone()
}

pub async fn reviews_and_checks_are_waited_for(on: &Ground) {
    let Some(world) = on.world("reviews_and_checks_are_waited_for") else { return };
    let demand = Protection { approvals: Some(1), checks: vec!["ci".into()], ..Protection::default() };
    for by_ruleset in [true, false] {
        let base = on.branch();
        on.write(&base, &[("a.json", "1")]).await;
        match by_ruleset {
            true => world.repo.set_rules(&base, Some(Ruleset { rules: demand.clone(), queue: false })).unwrap(),
            false => world.repo.protect(&base, Some(demand.clone())).unwrap(),
        }
        // The same commit would have the checks of the round before.
        let promoted = format!("by a ruleset: {by_ruleset}");
        let pull = on.propose(&base, &[("a.json", text(&promoted))]).await;
        let order = on.order(&pull);
        let standing = on.client.standing(pull.number).await.unwrap();
        assert_eq!((standing.rules.approvals, standing.rules.checks.as_slice()), (1, ["ci".to_owned()].as_slice()));
        assert_eq!(standing.needs(), [Need::Reviews, Need::Checks]);
        assert_eq!(standing.checks[0].state, CheckState::Expected);
        assert!(needs(&on.merge(&order).await.unwrap_err()).contains(&Need::Reviews));
        world.repo.request_changes(pull.number, "Bob").await.unwrap();
        world.repo.approve(pull.number, "Grace").await.unwrap();
        let standing = on.client.standing(pull.number).await.unwrap();
        assert_eq!(
            (standing.approved_by.len(), standing.changes_requested_by.as_slice()),
            (1, ["bob".to_owned()].as_slice())
        );
        assert!(standing.needs().contains(&Need::Reviews), "one who asks for changes stands against it");
        world.repo.approve(pull.number, "Bob").await.unwrap();
        assert_eq!(needs(&on.merge(&order).await.unwrap_err()), [Need::Checks]);
        world.repo.report_check(&pull.head_commit, "ci", None).await.unwrap();
        assert_eq!(needs(&on.merge(&order).await.unwrap_err()), [Need::Checks]);
        world.repo.report_check(&pull.head_commit, "ci", Some("failure")).await.unwrap();
        assert_eq!(on.client.standing(pull.number).await.unwrap().failed_checks(), ["ci"]);
        world.repo.report_check(&pull.head_commit, "ci", Some("success")).await.unwrap();
        assert_eq!(on.client.standing(pull.number).await.unwrap().needs(), []);
        assert!(on.merge(&order).await.is_ok());
        assert_eq!(on.texts(&base).await["a.json"], promoted);
    }
}

pub async fn the_merge_queue_is_gone_through(on: &Ground) {
    let Some(world) = on.world("the_merge_queue_is_gone_through") else { return };
    let base = on.branch();
    on.write(&base, &[("a.json", "1"), ("b.json", "1")]).await;
    let rules = Protection { checks: vec!["ci".into()], ..Protection::default() };
    world.repo.set_rules(&base, Some(Ruleset { rules, queue: true })).unwrap();
    for conclusion in ["failure", "success"] {
        let pull = on.propose(&base, &[(&format!("{conclusion}.json"), text("2"))]).await;
        world.repo.report_check(&pull.head_commit, "ci", Some("success")).await.unwrap();
        assert!(on.client.standing(pull.number).await.unwrap().rules.queue);
        let order = on.order(&pull);
        let mut merging = on.client.merge(&order).await.unwrap();
        while world.repo.merge_group(pull.number).unwrap().is_none() {
            merging = on.client.follow(&order, &merging).await.unwrap();
        }
        assert_eq!(on.client.follow(&order, &merging).await, Ok(Merging::Queued), "its checks are under way");
        // Asked for again, as after a crash, it is still the same place in the queue.
        assert_eq!(on.client.follow(&order, &Merging::Queued).await, Ok(Merging::Queued));
        let group = world.repo.merge_group(pull.number).unwrap().unwrap();
        world.repo.report_check(&group, "ci", Some(conclusion)).await.unwrap();
        match (conclusion, on.client.follow(&order, &Merging::Queued).await) {
            ("failure", Err(refusal)) => assert_eq!(needs(&refusal), [Need::Queue]),
            ("success", Ok(Merging::Merged { commit: Some(commit) })) => {
                assert_eq!(on.client.branch(&base).await, Ok(Some(commit)));
            }
            (_, other) => panic!("{conclusion}: {other:?}"),
        }
    }
    let texts = on.texts(&base).await;
    assert!(texts.contains_key("success.json") && !texts.contains_key("failure.json"), "{texts:?}");
}

/// What a receiver got: event, whether the signature is right, the payload's action, and what it tells.
type Inbox = Arc<Mutex<Vec<(String, bool, String, Told)>>>;

pub async fn webhooks_tell_signed_what_happened(on: &Ground) {
    let Some(world) = on.world("webhooks_tell_signed_what_happened") else { return };
    let inbox = Inbox::default();
    let put = inbox.clone();
    let receive = move |headers: HeaderMap, body: Bytes| async move {
        let header =
            |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
        let signed = header("x-hub-signature-256") == sign("s3cret", &body);
        let payload: serde_json::Value = serde_json::from_slice(&body).unwrap();
        let action = payload["action"].as_str().unwrap_or_default().to_owned();
        let told = webhook::read(&header("x-github-event"), &body).unwrap().unwrap();
        put.lock().unwrap().push((header("x-github-event"), signed, action, told));
        StatusCode::ACCEPTED
    };
    let server = Server::start(Router::new().route("/hook", post(receive))).await.unwrap();
    world.github.hook(&format!("{}/hook", server.url()), "s3cret").unwrap();
    let base = on.branch();
    on.write(&base, &[("a.json", "1")]).await;
    let pull = on.propose(&base, &[("a.json", text("2"))]).await;
    world.repo.report_check(&pull.head_commit, "ci", Some("success")).await.unwrap();
    world.repo.approve(pull.number, "Grace").await.unwrap();
    on.merge(&on.order(&pull)).await.unwrap();
    let got = inbox.lock().unwrap().clone();
    assert!(got.iter().all(|(_, signed, ..)| *signed), "{got:?}");
    let told: Vec<String> =
        got.iter().map(|(event, _, action, _)| format!("{event} {action}").trim().to_owned()).collect();
    let expected = [
        "push",
        "push",
        "pull_request opened",
        "check_run completed",
        "pull_request_review submitted",
        "push",
        "pull_request closed",
    ];
    assert_eq!(told, expected);
    assert!(got.iter().all(|(.., told)| told.repository == on.full_name && told.repository_id == world.repo.id()));
    let news: Vec<News> = got.into_iter().map(|(.., told)| told.news).collect();
    let about = News::Pull { number: pull.number, head: pull.head_commit.clone() };
    assert_eq!(news[2..5], [about.clone(), News::Checked { commit: pull.head_commit }, about.clone()]);
    let merged = on.client.branch(&base).await.unwrap();
    assert_eq!(news[5..], [News::Moved { reference: format!("refs/heads/{base}"), to: merged }, about]);
}
