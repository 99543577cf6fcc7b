//! Reading: references, folders, contents, history.

use drift_domain::failure::{Failure, FailureKind};
use drift_github::{Folder, Resolved, Skipped, SourceOfTruth, TreeFile};
use drift_sim::github::Change;

use crate::common::said;
use crate::ground::{Ground, write};

fn paths(files: &[TreeFile]) -> Vec<&str> {
    files.iter().map(|file| file.path.as_str()).collect()
}

fn commit(sha: &str) -> Result<Resolved, Failure> {
    Ok(Resolved::Commit { sha: sha.to_owned() })
}

pub async fn an_unchanged_reference_is_a_304(on: &Ground) {
    let branch = on.branch();
    let first = on.write(&branch, &[("a.json", "1")]).await;
    assert_eq!(on.client.resolve(&branch, None).await, commit(&first));
    assert_eq!(on.client.resolve(&branch, Some(&first)).await, Ok(Resolved::Unchanged));
    let second = on.write(&branch, &[("a.json", "2")]).await;
    assert_eq!(on.client.resolve(&branch, Some(&first)).await, commit(&second));
    assert_eq!(on.client.resolve(&branch, Some(&second)).await, Ok(Resolved::Unchanged));
    on.people.remove(&format!("heads/{branch}")).await;
}

pub async fn names_that_need_encoding(on: &Ground) {
    for name in ["feature/sub/x", "50%", "fix#12", "für-alle/日本", "a+b&c=d", "semi;colon,comma", "it's(1)", "x%2Fy"]
    {
        let branch = format!("{}-{name}", on.branch());
        let sha = on.write(&branch, &[("a.json", name)]).await;
        assert_eq!(on.client.resolve(&branch, None).await, commit(&sha), "{branch}");
        assert_eq!(on.client.resolve(&format!("refs/heads/{branch}"), Some(&sha)).await, Ok(Resolved::Unchanged));
        let last = on.client.last_commit(&branch, "a.json").await.unwrap().unwrap();
        assert_eq!(last.sha, sha, "{branch}");
        on.people.remove(&format!("heads/{branch}")).await;
    }
}

pub async fn tags_and_commits_are_references(on: &Ground) {
    let (branch, tag) = (on.branch(), format!("{}/v1.0#rc", on.branch()));
    let first = on.write(&branch, &[("a.json", "1")]).await;
    on.people.point(&format!("tags/{tag}"), &first).await;
    let second = on.write(&branch, &[("a.json", "2")]).await;
    assert_eq!(on.client.resolve(&tag, None).await, commit(&first));
    assert_eq!(on.client.resolve(&format!("refs/tags/{tag}"), None).await, commit(&first));
    assert_eq!(on.client.resolve(&first, None).await, commit(&first));
    assert_eq!(on.client.resolve(&first, Some(&second)).await, commit(&first));
    on.people.remove(&format!("tags/{tag}")).await;
    on.people.remove(&format!("heads/{branch}")).await;
}

pub async fn a_folder_is_listed_with_everything_below(on: &Ground) {
    let branch = on.branch();
    let changes = [
        ("n8n flows/prod #1/für/a.json", write("{}")),
        ("n8n flows/prod #1/b.JSON", write("[ ]")),
        ("n8n flows/prod #1/tags.json", write("{}")),
        ("n8n flows/prod #1/credential_stubs/x.json", write("{}")),
        ("n8n flows/prod #1/notes.md", write("x")),
        ("n8n flows/prod #1/link.json", Change::Symlink("b.JSON".into())),
        ("n8n flows/prod #1/other", Change::Submodule("1111111111111111111111111111111111111111".into())),
        ("n8n flows/prod #10/c.json", write("{}")),
        ("root.json", write("{}")),
    ];
    let sha = on.people.commit(&branch, "Ada Lovelace", "Add flows", &changes).await;
    let (tree, files, skipped) = on.tree(&sha, "n8n flows/prod #1").await;
    assert_eq!(paths(&files), ["n8n flows/prod #1/b.JSON", "n8n flows/prod #1/für/a.json"]);
    assert_eq!(files.iter().map(|file| file.size).collect::<Vec<_>>(), [3, 2]);
    assert_eq!(skipped, Skipped { other_files: 1, companions: 2, symlinks: 1, submodules: 1 });
    assert_eq!(on.tree(&sha, "/n8n flows//prod #1/").await.0, tree);
    let (_, files, _) = on.tree(&sha, "").await;
    assert_eq!(paths(&files).last(), Some(&"root.json"));
    assert_eq!(files.len(), 6);
    on.people.remove(&format!("heads/{branch}")).await;
}

pub async fn an_unchanged_folder_is_not_listed(on: &Ground) {
    let branch = on.branch();
    let first = on.write(&branch, &[("n8n/a.json", "1"), ("README.md", "1")]).await;
    let (folder, root) = (on.tree(&first, "n8n").await.0, on.tree(&first, "").await.0);
    let beside = on.write(&branch, &[("README.md", "2")]).await;
    assert_eq!(on.client.folder(&beside, "n8n", Some(&folder)).await, Ok(Folder::Unchanged));
    assert_eq!(on.client.folder(&first, "", Some(&root)).await, Ok(Folder::Unchanged));
    assert!(matches!(on.client.folder(&beside, "", Some(&root)).await, Ok(Folder::Tree { .. })));
    let inside = on.write(&branch, &[("n8n/a.json", "2")]).await;
    assert!(matches!(on.client.folder(&inside, "n8n", Some(&folder)).await, Ok(Folder::Tree { .. })));
    on.people.remove(&format!("heads/{branch}")).await;
}

pub async fn contents_come_back_byte_by_byte(on: &Ground) {
    let branch = on.branch();
    let large = "0123456789abcdef".repeat(80_000);
    let texts = ["{\"a\": 1}\r\n", "\u{feff}{}", "", "{\"ü\": \"日本\"}", large.as_str()];
    let names = ["a.json", "b.json", "c.json", "d.json", "e.json"];
    let files: Vec<_> = names.into_iter().zip(texts).collect();
    let sha = on.write(&branch, &files).await;
    let (_, listed, _) = on.tree(&sha, "").await;
    assert_eq!(paths(&listed), names);
    let mut shas: Vec<String> = listed.iter().map(|file| file.blob_sha.clone()).collect();
    shas.reverse();
    shas.push(shas[0].clone());
    let blobs = on.client.blobs(&shas).await.unwrap();
    let expected = texts.iter().rev().chain([&texts[4]]);
    assert_eq!(blobs.len(), 6);
    for (((sha, content), asked), text) in blobs.iter().zip(&shas).zip(expected) {
        assert_eq!((sha, content.as_ref()), (asked, text.as_bytes()));
    }
    assert_eq!(on.client.blobs(&[]).await, Ok(Vec::new()));
    on.people.remove(&format!("heads/{branch}")).await;
}

pub async fn the_last_commit_of_a_path(on: &Ground) {
    let branch = on.branch();
    let path = "n8n #1/für alle.json";
    on.write(&branch, &[(path, "1")]).await;
    let author = "Grace Höpper <grace@example.com>";
    let wanted = on.people.commit(&branch, author, "Fix the flow\n\nIt was wrong.", &[(path, write("2"))]).await;
    on.write(&branch, &[("other.json", "3")]).await;
    let last = on.client.last_commit(&branch, path).await.unwrap().unwrap();
    assert_eq!((last.sha.as_str(), last.author.as_str()), (wanted.as_str(), "Grace Höpper"));
    assert_eq!(last.message_subject, "Fix the flow");
    assert!(last.url.ends_with(&format!("/{}/commit/{wanted}", on.full_name)), "{}", last.url);
    assert_eq!(on.client.last_commit(&branch, "no such file.json").await, Ok(None));
    on.people.remove(&format!("heads/{branch}")).await;
}

pub async fn what_is_missing_is_named(on: &Ground) {
    let branch = on.branch();
    let sha = on
        .people
        .commit(&branch, "Ada", "Add", &[("n8n/a.json", write("{}")), ("link", Change::Symlink("n8n".into()))])
        .await;
    let (kind, message) = said(on.client.resolve("no/such#branch", None).await);
    assert_eq!(kind, FailureKind::NotFound);
    assert!(message.contains(&on.full_name) && message.contains("\"no/such#branch\""), "{message}");
    let (kind, message) = said(on.client.last_commit("no-such-branch", "n8n/a.json").await);
    assert_eq!(kind, FailureKind::NotFound);
    assert!(message.contains("no branch, tag or commit \"no-such-branch\""), "{message}");
    for (folder, why) in [
        ("n8n/prod", "\"n8n/prod\" does not exist"),
        ("N8N", "\"N8N\" does not exist"),
        ("n8n/a.json", "\"n8n/a.json\" is a file"),
        ("link/x", "\"link\" is a symbolic link"),
    ] {
        let (kind, message) = said(on.client.folder(&sha, folder, None).await);
        assert_eq!(kind, FailureKind::NotFound);
        assert!(message.contains(why) && message.contains(&sha[..10]), "{message}");
    }
    let nothing = "0123456789012345678901234567890123456789";
    let (kind, message) = said(on.client.folder(nothing, "", None).await);
    assert_eq!(kind, FailureKind::NotFound);
    assert!(message.contains("no longer has the commit 0123456789"), "{message}");
    let (kind, message) = said(on.client.blobs(&[nothing.to_owned()]).await);
    assert_eq!(kind, FailureKind::NotFound);
    assert!(message.contains(nothing), "{message}");
    on.people.remove(&format!("heads/{branch}")).await;
}

pub async fn a_probe_tells_what_is_there(on: &Ground) {
    let branch = on.branch();
    let sha = on.write(&branch, &[("n8n/a.json", "{}"), ("n8n/b.json", "{}"), ("n8n/README.md", "x")]).await;
    let probe = on.client.probe(&branch, "n8n").await.unwrap();
    assert_eq!(probe.repository.to_lowercase(), on.full_name.to_lowercase());
    assert_eq!((probe.commit, probe.json_files, probe.skipped.other_files), (sha, 2, 1));
    assert!(!probe.default_branch.is_empty() && probe.repository_id > 0);
    let (kind, message) = said(on.client.probe(&branch, "n8n/prod").await);
    assert_eq!(kind, FailureKind::NotFound);
    assert!(message.contains("no folder \"n8n/prod\""), "{message}");
    on.people.remove(&format!("heads/{branch}")).await;
}

pub async fn many_contents_come_back_byte_by_byte(on: &Ground) {
    let branch = on.branch();
    let mut changes: Vec<(String, Change)> = (0..60)
        .map(|number| {
            (format!("{number:02}.json"), write(&format!("{{\"number\": {number}, \"ü\": \"日本\\r\\n\"}}\r\n")))
        })
        .collect();
    changes.push(("marked.json".to_owned(), write("\u{feff}{}")));
    changes.push(("large.json".to_owned(), write(&"0123456789abcdef".repeat(40_000))));
    changes.push(("empty.json".to_owned(), write("")));
    let borrowed: Vec<(&str, Change)> = changes.iter().map(|(path, change)| (path.as_str(), change.clone())).collect();
    let sha = on.people.commit(&branch, "Ada", "Add many flows", &borrowed).await;
    let (_, files, _) = on.tree(&sha, "").await;
    let shas: Vec<String> = files.iter().map(|file| file.blob_sha.clone()).collect();
    for ((file, (_, content)), asked) in files.iter().zip(on.client.blobs(&shas).await.unwrap()).zip(&shas) {
        let (_, written) = changes.iter().find(|(path, _)| *path == file.path).unwrap();
        assert_eq!(written, &Change::Write(content.to_vec()), "{} {asked}", file.path);
    }
    on.people.remove(&format!("heads/{branch}")).await;
}
