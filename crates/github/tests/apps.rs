//! A GitHub App in place of a person's token.

mod common;
mod promotion;

use chrono::TimeDelta;
use common::{World, said};
use drift_domain::failure::FailureKind;
use drift_github::{Credentials, DeploymentGates, Refusal, Settings, SourceOfTruth, SourceWriter};
use drift_sim::faults::{Fault, Rule};
use drift_sim::github::{AppKeys, Protection};
use futures::future::join_all;
use promotion::Promotion;
use secrecy::SecretString;

fn credentials(keys: &AppKeys) -> Credentials {
    Credentials::App {
        app_id: keys.app_id.to_string(),
        installation_id: keys.installation_id,
        private_key_pem: SecretString::from(keys.private_key_pem.clone()),
    }
}

/// How many installation tokens were asked for.
fn tokens(world: &World) -> usize {
    world.asked().iter().filter(|(_, target)| target.ends_with("/access_tokens")).count()
}

#[tokio::test]
async fn one_token_serves_every_request_of_its_hour() {
    let world = World::with_a_file().await;
    let keys = world.github.install_app(Some(&["acme/flows"])).unwrap();
    let client = world.client_of(&world.settings_with(credentials(&keys)));
    let all = join_all((0..10).map(|_| client.resolve("main", None))).await;
    assert!(all.iter().all(Result::is_ok), "{all:?}");
    assert_eq!(tokens(&world), 1, "ten requests at once wait for the same token");
    world.clock.turn(TimeDelta::minutes(56));
    assert!(client.resolve("main", None).await.is_ok());
    assert_eq!(tokens(&world), 1);
    world.clock.turn(TimeDelta::minutes(2));
    assert!(client.resolve("main", None).await.is_ok());
    assert_eq!(tokens(&world), 2, "renewed before it expires");
    assert!(!world.asked().iter().any(|(status, _)| *status == 401));
}

#[tokio::test]
async fn a_token_that_ended_early_is_renewed_once() {
    let world = World::with_a_file().await;
    let keys = world.github.install_app(None).unwrap();
    let client = world.client_of(&world.settings_with(credentials(&keys)));
    assert!(client.resolve("main", None).await.is_ok());
    world.github.revoke_installation_tokens(keys.installation_id);
    assert!(client.resolve("main", None).await.is_ok());
    assert_eq!(tokens(&world), 2);
    world.github.faults().add(Rule::new(Fault::status(401)).path("/repos/acme/flows/commits/main"));
    let (kind, message) = said(client.resolve("main", None).await);
    assert_eq!(kind, FailureKind::Unauthorized);
    assert!(message.contains("installation"), "{message}");
    assert_eq!(tokens(&world), 3, "once, and not for ever");
}

#[tokio::test]
async fn an_app_on_an_enterprise_server() {
    let world = World::with_a_file().await;
    let keys = world.github.install_app(Some(&["acme/flows"])).unwrap();
    let base = world.github.enterprise_url().parse().unwrap();
    let client = world.client_of(&Settings { api_base: base, ..world.settings_with(credentials(&keys)) });
    let probe = client.probe("main", "n8n").await.unwrap();
    assert_eq!((probe.json_files, probe.can_push), (1, None));
    assert!(!world.asked().iter().any(|(status, _)| *status == 401), "every request carried the token");
}

#[tokio::test]
async fn what_is_wrong_with_an_app_is_told_apart() {
    let world = World::with_a_file().await;
    world.github.create("acme/other").await.unwrap();
    let keys = world.github.install_app(Some(&["acme/flows"])).unwrap();
    let other = world.github.install_app(Some(&["acme/other"])).unwrap();
    let ask = async |keys: AppKeys| {
        said(world.client_of(&world.settings_with(credentials(&keys))).resolve("main", None).await)
    };
    let (kind, message) = ask(AppKeys { private_key_pem: other.private_key_pem.clone(), ..keys.clone() }).await;
    assert_eq!(kind, FailureKind::Unauthorized);
    assert!(message.contains(&format!("App {}", keys.app_id)) && message.contains("could not be decoded"), "{message}");
    let (kind, message) = ask(AppKeys { installation_id: 7, ..keys.clone() }).await;
    assert_eq!(kind, FailureKind::NotFound);
    assert!(message.contains("no installation 7"), "{message}");
    let (kind, message) = ask(other).await;
    assert_eq!(kind, FailureKind::NotFound);
    assert!(message.contains("installation was not given access"), "{message}");
    world.github.suspend(keys.installation_id, true);
    let (kind, message) = ask(keys.clone()).await;
    assert_eq!(kind, FailureKind::Forbidden);
    assert!(message.contains("suspended"), "{message}");
    world.github.suspend(keys.installation_id, false);
    assert!(world.client_of(&world.settings_with(credentials(&keys))).resolve("main", None).await.is_ok());
}

#[tokio::test]
async fn asking_for_a_token_is_not_repeated() {
    let world = World::with_a_file().await;
    let keys = world.github.install_app(None).unwrap();
    world.github.faults().add(Rule::new(Fault::status(502)).path("*/access_tokens"));
    let client = world.client_of(&world.settings_with(credentials(&keys)));
    assert_eq!(said(client.resolve("main", None).await).0, FailureKind::ServerError);
    assert_eq!(world.asked().len(), 1);
}

#[tokio::test]
async fn an_app_promotes_and_keeps_its_token_through_pages() {
    let on = Promotion::on_enterprise().await;
    let keys = on.world.github.install_app(Some(&["acme/flows"])).unwrap();
    let base = on.world.github.enterprise_url().parse().unwrap();
    let settings = Settings { api_base: base, ..on.world.settings_with(credentials(&keys)) };
    let on = Promotion { client: on.world.client_of(&settings), ..on };
    on.world.repo.protect("main", Some(Protection { approvals: Some(101), ..Protection::default() })).unwrap();
    let (_, pull) = on.proposed().await;
    for reviewer in 0..101 {
        on.world.repo.approve(pull.number, &format!("Reviewer {reviewer}")).await.unwrap();
    }
    let standing = on.client.standing(pull.number).await.unwrap();
    assert_eq!(standing.approved_by.len(), 101, "the second page was read, with the token");
    assert!(standing.rules.unreadable.iter().any(|gap| gap.contains("Administration: read")), "{standing:?}");
    on.merged(&pull).await;
    // In the middle of it the token's hour ends.
    on.world.clock.turn(TimeDelta::minutes(90));
    assert!(on.client.create_blob(b"x").await.is_ok());
    on.world.github.revoke_installation_tokens(keys.installation_id);
    assert!(
        on.client.create_blob(b"x").await.is_ok(),
        "refused once, which carries nothing out, and sent with a new one"
    );
}

#[tokio::test]
async fn a_run_that_waits_at_the_rule_is_found_and_answered_once() {
    let world = World::with_a_file().await;
    let keys = world.github.install_app(Some(&["acme/flows"])).unwrap();
    let client = world.client_of(&world.settings_with(credentials(&keys)));
    assert_eq!(client.waiting_runs().await, Ok(Vec::new()));
    let run = world.repo.ask_gate("production", "main").await.unwrap();
    let [waiting] = client.waiting_runs().await.unwrap().try_into().unwrap();
    assert_eq!((waiting.id, waiting.commit.len()), (run, 40));
    assert_eq!(client.waits_at(run).await, Ok(vec!["production".to_owned()]));
    let elsewhere = client.answer_gate(run, "staging", true, "").await.unwrap_err();
    assert!(matches!(elsewhere, Refusal::NotFound { .. }), "{elsewhere:?}");
    client.answer_gate(run, "Production", false, &"ü".repeat(2_000)).await.unwrap();
    let answers = world.repo.gate_answers(run).unwrap();
    assert_eq!((answers.len(), answers[0].state.as_str(), answers[0].comment.chars().count()), (1, "rejected", 1_024));
    assert_eq!(client.waits_at(run).await, Ok(Vec::new()));
    assert!(client.answer_gate(run, "production", true, "").await.is_err(), "it was answered");
    assert!(matches!(client.waits_at(1).await, Err(Refusal::NotFound { .. })));
    let person = world.client();
    let refused = person.answer_gate(run, "production", true, "").await.unwrap_err();
    assert!(
        matches!(refused, Refusal::Permission { .. }) && refused.to_string().contains("Deployments: write"),
        "{refused}"
    );
}
