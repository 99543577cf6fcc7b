//! Incidents of many changes: read in parts, of which each change is on one.

use std::collections::{HashMap, HashSet};

use drift_domain::change::{ChangeState, DecisionKind};
use drift_domain::ids::ChangeId;
use drift_domain::plan::PlanTier;
use drift_domain::views::{ChangeFilter, IncidentPage, Part};
use drift_services::ServiceError;
use drift_testkit::TestApp;
use drift_testkit::app::workflow;

use crate::common::Hand;

const MANY: u32 = 500;

/// Every page from the first one on.
async fn walk(hand: &Hand<'_>, limit: Option<u32>) -> Vec<IncidentPage> {
    let permit = hand.env.incident_permit(hand.id).await;
    let mut pages: Vec<IncidentPage> = Vec::new();
    loop {
        let part = Part { after: pages.last().and_then(|page| page.listed.next.clone()), limit };
        let page = hand.app.services.incident_part(&permit, hand.id, &part).await.unwrap();
        let is_last = page.listed.next.is_none();
        pages.push(page);
        if is_last {
            return pages;
        }
    }
}

fn ids(pages: &[IncidentPage]) -> Vec<ChangeId> {
    pages.iter().flat_map(|page| &page.changes).map(|change| change.row.id).collect()
}

#[tokio::test]
async fn five_hundred_changes_are_read_in_parts_and_each_is_on_one_of_them() {
    let app = TestApp::new().await;
    let owner = app.organization(PlanTier::Agency).await;
    let env = app.environment(&owner, "Production").await;
    (0..MANY).for_each(|n| drop(env.n8n.create(&workflow(&format!("Workflow {n}")))));
    env.check().await;
    let hand = Hand { app: &app, env: &env, id: env.incident().await };

    for (limit, most) in [(None, ChangeFilter::PAGE), (Some(1_000), ChangeFilter::LARGEST_PAGE), (Some(7), 7)] {
        let pages = walk(&hand, limit).await;
        let mut earlier = 0;
        for page in &pages {
            assert!(!page.changes.is_empty() && page.changes.len() <= most as usize, "{}", page.changes.len());
            assert_eq!((page.listed.all, page.listed.earlier), (MANY, earlier));
            assert_eq!((page.row.changes, page.listed.waiting), (MANY, MANY), "counts are of all, not of the page");
            earlier += page.changes.len() as u32;
        }
        let seen = ids(&pages);
        assert_eq!((seen.len(), seen.iter().collect::<HashSet<_>>().len()), (MANY as usize, MANY as usize));
    }

    // The order of the pages is the order of the neighbours.
    let seen = ids(&walk(&hand, None).await);
    let permit = env.incident_permit(hand.id).await;
    for at in [0, 49, 50, 499] {
        let here = app.services.change_in_incident(&permit, hand.id, seen[at]).await.unwrap();
        assert_eq!(here.place, Some((at as u32 + 1, MANY)));
        assert_eq!(here.previous, at.checked_sub(1).map(|before| seen[before]));
        assert_eq!(here.next, seen.get(at + 1).copied());
    }

    // A decision about all of them is about those on other pages, too.
    hand.decide(Some(vec![seen[3]]), DecisionKind::Replace).await.unwrap();
    assert_eq!(hand.page().await.listed.waiting, MANY - 1);
    hand.decide(None, DecisionKind::Promote).await.unwrap();
    let pages = walk(&hand, None).await;
    assert_eq!(pages[0].listed.waiting, 0);
    assert_eq!(pages[0].to_carry_out.len(), MANY as usize);
    let promoted = |page: &IncidentPage| {
        page.changes.iter().filter(|change| change.artifacts[0].kind == DecisionKind::Promote).count()
    };
    assert_eq!(pages.iter().map(promoted).sum::<usize>(), MANY as usize - 1);
}

#[tokio::test]
async fn what_goes_on_between_two_pages_hides_nothing() {
    let app = TestApp::new().await;
    let owner = app.organization(PlanTier::Agency).await;
    let env = app.environment(&owner, "Production").await;
    let names: Vec<String> = (0..9).map(|n| format!("Workflow {n}")).collect();
    let live: HashMap<_, _> = names.iter().map(|name| (name, env.n8n.create(&workflow(name)))).collect();
    env.check().await;
    let hand = Hand { app: &app, env: &env, id: env.incident().await };
    let permit = env.incident_permit(hand.id).await;
    let part = async |after: Option<String>| {
        app.services.incident_part(&permit, hand.id, &Part { after, limit: Some(4) }).await.unwrap()
    };
    let first = part(None).await;
    assert_eq!(first.listed.fit_all, [DecisionKind::Promote, DecisionKind::Revert, DecisionKind::Replace]);

    // The last one of the page, which the next begins behind, is decided, verified and over.
    let last = first.changes.last().unwrap().row.clone();
    hand.decide(Some(vec![last.id]), DecisionKind::Promote).await.unwrap();
    env.deploy_to_git(&live[&last.workflow], "Take it over").await;
    env.check().await;
    let (mut seen, mut after) = (Vec::new(), first.listed.next.clone());
    while after.is_some() {
        let page = part(after).await;
        seen.extend(page.changes.iter().map(|change| (change.row.id, change.row.state)));
        after = page.listed.next;
    }
    let open: Vec<_> = seen.iter().filter(|(_, state)| *state == ChangeState::Open).collect();
    assert_eq!(open.len(), 5, "all that the first page had not");
    assert_eq!(seen.last(), Some(&(last.id, ChangeState::Decided)), "what is over moves to the end");

    for nonsense in ["x", "0.HIGH", "9", "0.NONE.1.2"] {
        let asked = Part { after: Some(nonsense.to_owned()), limit: None };
        let refused = app.services.incident_part(&permit, hand.id, &asked).await.unwrap_err();
        assert!(matches!(refused, ServiceError::Invalid { field: "after", .. }), "{nonsense}: {refused:?}");
    }
}
