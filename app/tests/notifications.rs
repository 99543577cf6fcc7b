//! The pages and forms of notifications, as a browser without scripts uses them.

mod browser;

use axum::http::StatusCode;
use browser::Browser;
use drift_domain::plan::PlanTier;
use drift_domain::role::Role;
use drift_testkit::{Receiver, TestApp};

const ADDRESS: &str = "/settings/notifications";

fn keep(file: &str, html: &str) {
    let folder = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../target/preview"));
    std::fs::create_dir_all(folder).unwrap();
    std::fs::write(folder.join(format!("{file}.html")), html).unwrap();
}

/// What stands between two texts.
fn between<'h>(html: &'h str, from: &str, to: &str) -> &'h str {
    html.split(from).nth(1).unwrap_or_else(|| panic!("{from}")).split(to).next().unwrap()
}

#[tokio::test]
async fn a_channel_is_made_tried_changed_and_removed() {
    let app = TestApp::new().await;
    let receiver = Receiver::start().await;
    let mut owner = Browser::of_new(&app, PlanTier::Free, Role::Owner).await;
    assert!(owner.get(ADDRESS).await.html.contains("Nobody is told anything yet"));
    let fields = |address| {
        [("channel_kind", "WEBHOOK"), ("name", "Night <shift>"), ("address", address), ("events", "DRIFT_DETECTED")]
    };
    let refused = owner.post(&format!("{ADDRESS}/channels"), &fields("http://169.254.169.254/topsecret")).await;
    assert_eq!(refused.location, ADDRESS);
    let again = owner.get(ADDRESS).await.html;
    assert!(again.contains("link-local") && again.contains("Night &lt;shift&gt;") && !again.contains("topsecret"));

    let made = owner.post(&format!("{ADDRESS}/channels"), &fields(receiver.url())).await;
    assert_eq!(made.status, StatusCode::OK);
    let secret = between(&made.html, "class=\"wrap-anywhere flex-1 secret-once\">", "<").to_owned();
    assert!(secret.starts_with("whsec_"), "{secret}");
    let page = owner.get(ADDRESS).await.html;
    keep("notifications", &page);
    assert!(page.contains("Drift detected") && !page.contains(&secret) && !page.contains("topsecret"));
    let id = between(&page, "/settings/notifications/channels/", "/test").to_owned();

    let tried = owner.post(&format!("{ADDRESS}/channels/{id}/test"), &[]).await;
    assert_eq!(tried.location, format!("{ADDRESS}/log"));
    let log = owner.get(&tried.location).await.html;
    assert!(log.contains("data-state=\"PENDING\"") && log.contains("A test of the channel."));
    let delivery = between(&log, "data-delivery=\"", "\"").to_owned();
    app.services.deliver_notice(delivery.parse().unwrap()).await.unwrap();
    let log = owner.get(&tried.location).await.html;
    keep("notifications-log", &log);
    assert!(log.contains("data-state=\"DELIVERED\"") && log.contains("1 try") && !log.contains("topsecret"));
    let again = owner.post(&format!("{ADDRESS}/deliveries/{delivery}/redeliver"), &[]).await;
    assert_eq!(again.location, tried.location);
    app.services.deliver_notice(delivery.parse().unwrap()).await.unwrap();
    assert_eq!(receiver.heard().len(), 2);

    let of = format!("{ADDRESS}/channels/{id}");
    let form = owner.get(&of).await.html;
    assert!(form.contains("Stored, and not shown") && !form.contains("topsecret"));
    let renamed =
        [("channel_kind", "WEBHOOK"), ("name", "Day shift"), ("events", "DRIFT_GONE"), ("events", "DRIFT_DETECTED")];
    assert_eq!(owner.post(&of, &renamed).await.location, ADDRESS);
    owner.post(&format!("{of}/switch"), &[("on", "false")]).await;
    let page = owner.get(ADDRESS).await.html;
    assert!(page.contains("Day shift") && page.contains("Drift detected, Drift gone") && page.contains("Switch on"));
    assert!(owner.get(&format!("{of}/remove")).await.html.contains("Remove Day shift?"));
    owner.post(&format!("{of}/remove"), &[]).await;
    assert!(owner.get(ADDRESS).await.html.contains("Nobody is told anything yet"));
    assert_eq!(owner.get(&of).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn everybody_chooses_their_own_mail_and_sees_no_channel_that_they_may_not_manage() {
    let app = TestApp::new().await;
    let owner = Browser::of_new(&app, PlanTier::Free, Role::Owner).await;
    let mut viewer = Browser::of(&app, owner.caller().organization_id, Role::Viewer).await;
    let page = viewer.get(ADDRESS).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(!page.html.contains("Channels of the organization") && !page.html.contains("checked"));
    viewer.post(&format!("{ADDRESS}/preferences"), &[("events", "INCIDENT_EXPIRED"), ("events", "NONSENSE")]).await;
    let page = viewer.get(ADDRESS).await.html;
    assert_eq!(page.matches(" checked").count(), 1);
    assert_eq!(viewer.get(&format!("{ADDRESS}/log")).await.status, StatusCode::FORBIDDEN);
}
