//! What a look costs, and that a listing is whole.

mod common;

use std::fmt::Write as _;

use common::{World, said};
use drift_domain::failure::FailureKind;
use drift_github::{Folder, Resolved, Settings, SourceOfTruth, TreeFile};
use drift_sim::faults::{Answer, Fault, Rule};

async fn commit(client: &impl SourceOfTruth) -> String {
    match client.resolve("main", None).await.unwrap() {
        Resolved::Commit { sha } => sha,
        Resolved::Unchanged => panic!("unchanged at a first look"),
    }
}

async fn files(client: &impl SourceOfTruth, commit: &str, folder: &str) -> (String, Vec<TreeFile>) {
    match client.folder(commit, folder, None).await.unwrap() {
        Folder::Tree { sha, files, .. } => (sha, files),
        Folder::Unchanged => panic!("unchanged at a first look"),
    }
}

#[tokio::test]
async fn an_unchanged_repository_costs_one_304_that_does_not_count() {
    let world = World::with_a_file().await;
    let sha = commit(&world.client()).await;
    let before = world.github.spent(&world.github.token()).0;
    world.github.forget_requests();
    for _ in 0..3 {
        // A client of its own each time: nothing is remembered but the SHA.
        assert_eq!(world.client().resolve("main", Some(&sha)).await, Ok(Resolved::Unchanged));
    }
    assert_eq!(world.asked(), vec![(304, "/repos/acme/flows/commits/main".to_owned()); 3]);
    assert_eq!(world.github.not_modified(), 3);
    assert_eq!(world.github.spent(&world.github.token()).0, before);
}

#[tokio::test]
async fn a_change_elsewhere_costs_three_requests() {
    let world = World::with_a_file().await;
    let client = world.client();
    let first = commit(&client).await;
    let (tree, _) = files(&client, &first, "n8n").await;
    world.repo.commit("main", "Ada", "Say more", &[("README.md", Some(b"# more\n"))]).await.unwrap();
    world.github.forget_requests();
    let Resolved::Commit { sha } = client.resolve("main", Some(&first)).await.unwrap() else { panic!("unchanged") };
    assert_eq!(client.folder(&sha, "n8n", Some(&tree)).await, Ok(Folder::Unchanged));
    // The reference, the commit, and the root's tree, one level deep.
    assert_eq!(world.asked().len(), 3, "{:?}", world.asked());
    assert!(!world.asked().iter().any(|(_, target)| target.contains("recursive")));
}

#[tokio::test]
async fn a_refusal_with_an_etag_is_not_remembered() {
    let world = World::with_a_file().await;
    let client = world.client();
    let hidden = Answer::json(404, "Not Found").with("etag", "\"abc\"");
    world.github.faults().add(Rule::new(Fault::Answer(hidden)).path("/repos/acme/flows/commits/main").times(1));
    assert_eq!(said(client.resolve("main", None).await).0, FailureKind::NotFound);
    assert!(matches!(client.resolve("main", None).await, Ok(Resolved::Commit { .. })));
    assert_eq!(world.github.not_modified(), 0);
}

#[tokio::test]
async fn an_enterprise_server_below_a_path() {
    let world = World::with_a_file().await;
    for base in [world.github.enterprise_url(), format!("{}/", world.github.enterprise_url())] {
        let client = world.client_of(&Settings { api_base: base.parse().unwrap(), ..world.settings() });
        let sha = commit(&client).await;
        let (_, listed) = files(&client, &sha, "n8n").await;
        assert_eq!(client.blobs(&[listed[0].blob_sha.clone()]).await.unwrap()[0].1.as_ref(), b"{}");
        assert!(client.last_commit("main", &listed[0].path).await.unwrap().is_some());
        assert_eq!(client.probe("main", "n8n").await.unwrap().json_files, 1);
    }
    assert!(world.asked().iter().all(|(_, target)| target.starts_with("/api/v3/repos/")), "{:?}", world.asked());
}

/// Three levels of folders with 27 workflows, and some at every level.
async fn fill(world: &World) {
    let mut paths = Vec::new();
    for path in ["a", "b", "c"] {
        paths.push(format!("n8n/{path}.json"));
        for below in ["d", "e", "f"] {
            paths.push(format!("n8n/{path}/{below}.json"));
            paths.extend(["g", "h"].map(|deep| format!("n8n/{path}/{below}/{deep}.json")));
        }
    }
    let changes: Vec<(&str, Option<&[u8]>)> = paths.iter().map(|path| (path.as_str(), Some(path.as_bytes()))).collect();
    world.repo.commit("main", "Ada", "Add many flows", &changes).await.unwrap();
}

#[tokio::test]
async fn a_listing_that_is_cut_short_is_walked() {
    let world = World::new().await;
    fill(&world).await;
    let client = world.client();
    let sha = commit(&client).await;
    let whole = files(&client, &sha, "n8n").await;
    assert_eq!(whole.1.len(), 30);
    for limit in [29, 12, 6] {
        world.github.truncate_trees_at(limit);
        assert_eq!(files(&client, &sha, "n8n").await, whole, "cut at {limit}");
        assert_eq!(files(&client, &sha, "").await.1, whole.1, "cut at {limit}");
    }
}

#[tokio::test]
async fn a_listing_that_cannot_be_completed_is_a_failure() {
    let world = World::new().await;
    fill(&world).await;
    let client = world.client();
    let sha = commit(&client).await;
    // A folder of "n8n" alone has six entries.
    world.github.truncate_trees_at(5);
    let (kind, message) = said(client.folder(&sha, "n8n", None).await);
    assert_eq!(kind, FailureKind::PartialListing);
    assert!(message.contains("\"n8n\"") && message.contains("acme/flows"), "{message}");
    // On the way to a folder, one that is listed is found, and one that may be cut off is not taken for missing.
    assert!(client.folder(&sha, "n8n/a", None).await.is_err());
    world.github.truncate_trees_at(1);
    assert_eq!(said(client.folder(&sha, "n8n/c", None).await).0, FailureKind::PartialListing);
}

#[tokio::test]
async fn many_contents_come_back_in_order() {
    let world = World::new().await;
    let texts: Vec<String> = (0..60).map(|i| format!("{{\"number\": {i}}}")).collect();
    let paths: Vec<String> = (0..60).map(|i| format!("{i:02}.json")).collect();
    let changes: Vec<(&str, Option<&[u8]>)> =
        paths.iter().zip(&texts).map(|(path, text)| (path.as_str(), Some(text.as_bytes()))).collect();
    world.repo.commit("main", "Ada", "Add many flows", &changes).await.unwrap();
    let client = world.client();
    let (_, listed) = files(&client, &commit(&client).await, "").await;
    let shas: Vec<String> = listed.into_iter().map(|file| file.blob_sha).collect();
    let mut read = String::new();
    for (_, content) in client.blobs(&shas).await.unwrap() {
        writeln!(read, "{}", std::str::from_utf8(&content).unwrap()).unwrap();
    }
    assert_eq!(read.lines().collect::<Vec<_>>(), texts);
}

/// A repository with so many workflows; their contents' SHAs.
async fn many(world: &World, files: usize) -> Vec<String> {
    let texts: Vec<String> = (0..files).map(|i| format!("{{\"number\": {i}, \"name\": \"ü\"}}")).collect();
    let paths: Vec<String> = (0..files).map(|i| format!("{i:04}.json")).collect();
    let changes: Vec<(&str, Option<&[u8]>)> =
        paths.iter().zip(&texts).map(|(path, text)| (path.as_str(), Some(text.as_bytes()))).collect();
    world.repo.commit("main", "Ada", "Add many flows", &changes).await.unwrap();
    let client = world.client();
    let (_, listed) = files_of(&client).await;
    world.github.forget_requests();
    listed
}

async fn files_of(client: &impl SourceOfTruth) -> (String, Vec<String>) {
    let (tree, listed) = files(client, &commit(client).await, "").await;
    (tree, listed.into_iter().map(|file| file.blob_sha).collect())
}

#[tokio::test]
async fn a_first_look_at_many_files_costs_few_requests() {
    let world = World::new().await;
    let shas = many(&world, 300).await;
    let read = world.client().blobs(&shas).await.unwrap();
    assert_eq!(read.len(), 300);
    assert_eq!(world.asked(), vec![(200, "/graphql".to_owned()); 6], "fifty at a time");
    // One by one they are the same.
    world.github.faults().add(Rule::new(Fault::status(404)).path("/graphql"));
    assert_eq!(world.client().blobs(&shas).await.unwrap(), read);
    assert!(world.asked().len() > 300);
}

#[tokio::test]
async fn graphqls_own_limit_does_not_hold_back_single_reads() {
    let world = World::new().await;
    let shas = many(&world, 20).await;
    let client = world.client();
    world.github.exhaust_graphql(&world.github.token());
    assert_eq!(client.blobs(&shas).await.unwrap().len(), 20);
    assert!(matches!(client.resolve("main", None).await, Ok(Resolved::Commit { .. })));
    // The other way round it is told, and GitHub is left alone.
    world.github.exhaust(&world.github.token());
    assert_eq!(said(client.blobs(&shas).await).0, FailureKind::RateLimited);
}

#[tokio::test]
async fn what_graphql_cannot_give_is_read_by_itself() {
    let world = World::new().await;
    let mut shas = many(&world, 20).await;
    let large = vec![b'x'; 600_000];
    let odd: [(&str, Option<&[u8]>); 2] = [("binary.json", Some(&[0xff, 0, 1])), ("large.json", Some(&large))];
    world.repo.commit("main", "Ada", "Add what is no text", &odd).await.unwrap();
    let client = world.client();
    shas = files_of(&client).await.1.into_iter().chain(shas).collect();
    world.github.forget_requests();
    let read = client.blobs(&shas).await.unwrap();
    assert_eq!(read.iter().map(|(sha, _)| sha).collect::<Vec<_>>(), shas.iter().collect::<Vec<_>>());
    assert!(read.iter().any(|(_, content)| content.as_ref() == [0xff, 0, 1]));
    assert!(read.iter().any(|(_, content)| content.len() == 600_000));
    let single = world.asked().iter().filter(|(_, target)| target.contains("/git/blobs/")).count();
    assert_eq!(single, 2, "{:?}", world.asked());
    // A question that fails on GitHub's side costs the requests that it would have saved, and nothing else.
    world.github.faults().add(Rule::new(Fault::status(502)).path("/graphql").times(1));
    assert_eq!(client.blobs(&shas).await.unwrap(), read);
}
