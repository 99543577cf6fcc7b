//! What stands in a report, and that it is what was asked for.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use drift_domain::approval::ProposedAct;
use drift_domain::plan::PlanTier;
use drift_domain::policy::{ApprovalRules, PolicyRules, PolicyTemplate};
use drift_domain::report::ReportFormat;
use drift_domain::role::Role;
use drift_domain::views::{PolicyTarget, Proposed, ReportAsk};
use drift_services::policies::PolicyContent;
use drift_services::{Reporter, ServiceError, WriteNow};
use drift_testkit::TestApp;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::common::{ask, close, drifted, go_to, made, numbers, owner, unzip};

const SECRET: &str = "ghp_0123456789abcdefghij";

/// Three incidents: the first closes on 10 November, the second begins on the 12th and the third on the 20th.
#[tokio::test]
async fn a_report_of_days_has_the_incidents_that_were_there_on_them_and_no_others() {
    let app = TestApp::new().await;
    let org = owner(&app, PlanTier::Enterprise).await;
    let (first, live) = drifted(&app, &org, "Production").await;
    let one = first.incident().await;
    go_to(&app, "2026-11-10T09:00:00Z");
    close(&app, &first, one, &live, "done").await;
    go_to(&app, "2026-11-12T09:00:00Z");
    let (second, _) = drifted(&app, &org, "Staging").await;
    second.incident().await;
    go_to(&app, "2026-11-20T09:00:00Z");
    let (third, _) = drifted(&app, &org, "Development").await;
    let three = third.incident().await;
    go_to(&app, "2026-11-30T09:00:00Z");

    let within = async |from: &str, to: &str| numbers(&made(&app, &org, &ask(ReportFormat::Csv, from, to)).await.1);
    assert_eq!(within("2026-11-01", "2026-11-30").await, [1, 2, 3]);
    assert_eq!(within("2026-11-10", "2026-11-11").await, [1], "it closed on the first of these days");
    assert_eq!(within("2026-11-11", "2026-11-12").await, [2], "it began on the last of these days");
    assert_eq!(within("2026-11-13", "2026-11-19").await, [2], "it was open all the time");
    assert_eq!(within("2026-11-01", "2026-11-01").await, [0; 0]);

    let of_one = ReportAsk { environment: Some(second.id), ..ask(ReportFormat::Csv, "2026-11-01", "2026-11-30") };
    assert_eq!(numbers(&made(&app, &org, &of_one).await.1), [2]);
    let of_incident =
        ReportAsk { format: ReportFormat::Csv, from: None, to: None, environment: None, incident: Some(three) };
    let (report, bytes) = made(&app, &org, &of_incident).await;
    assert_eq!(numbers(&bytes), [3]);
    assert_eq!(report.file_name, "workflowops-INC-3.zip");
}

#[tokio::test]
async fn a_closed_incident_is_reported_with_all_that_proves_it() {
    let app = TestApp::new().await;
    let org = owner(&app, PlanTier::Enterprise).await;
    let (env, live) = drifted(&app, &org, "Production").await;
    let id = env.incident().await;
    close(&app, &env, id, &live, &format!("the key was {SECRET} by mistake")).await;
    let page = env.incident_page(id).await;

    let (report, bytes) = made(&app, &org, &ask(ReportFormat::Csv, "2026-11-01", "2026-11-02")).await;
    let files = unzip(&bytes);
    let counts: BTreeMap<_, _> = files.iter().map(|(name, rows)| (name.as_str(), rows.len())).collect();
    assert_eq!(counts["incidents.csv"], 1);
    assert_eq!(counts["timeline.csv"], page.timeline.len());
    assert_eq!((counts["changes.csv"], counts["decisions.csv"]), (1, 1));
    assert_eq!((counts["artifacts.csv"], counts["receipts.csv"], counts["chain.csv"]), (1, 1, 1));
    let incident = &files["incidents.csv"][0];
    assert_eq!((incident["status"].as_str(), incident["environment"].as_str()), ("CLOSED", "Production"));
    assert_eq!(files["receipts.csv"][0]["digest"], page.receipt.unwrap().digest);
    assert_eq!(files["artifacts.csv"][0]["state"], "SUCCESS");
    assert_eq!(files["decisions.csv"][0]["ended"], "true");
    assert_eq!(files["receipts.csv"][0]["hidden"], "true", "the reason stands in the document, too");
    let chain = &files["chain.csv"][0];
    assert_eq!((chain["sound"].as_str(), chain["first_sequence"].as_str()), ("true", "1"));
    assert!(chain["entries"].parse::<i64>().unwrap() > 5, "{chain:?}");

    // The file is the one that the report says it is; nothing in it is the secret.
    assert_eq!(report.sha256.unwrap(), hex::encode(Sha256::digest(&bytes)));
    assert_eq!(report.size, Some(bytes.len() as i64));
    assert_eq!(report.total, Some(report.done));
    let text = format!("{files:?}");
    assert!(text.contains("[hidden]") && !text.contains(SECRET), "{text}");

    let (_, json) = made(&app, &org, &ask(ReportFormat::Json, "2026-11-01", "2026-11-02")).await;
    let document: Value = serde_json::from_slice(&json).unwrap();
    assert_eq!(document["sections"]["timeline"].as_array().unwrap().len(), page.timeline.len());
    assert_eq!(document["report"]["organization"], org.organization_name);
    assert!(!String::from_utf8(json).unwrap().contains(SECRET));

    let (report, pdf) = made(&app, &org, &ask(ReportFormat::Pdf, "2026-11-01", "2026-11-02")).await;
    assert!(pdf.starts_with(b"%PDF-") && report.file_name.ends_with(".pdf"));
    assert_eq!(report.sha256.unwrap(), hex::encode(Sha256::digest(&pdf)));
}

#[tokio::test]
async fn a_log_that_was_tampered_with_is_reported_as_not_sound() {
    let app = TestApp::new().await;
    let org = owner(&app, PlanTier::Enterprise).await;
    let (env, _) = drifted(&app, &org, "Production").await;
    env.incident().await;
    app.services.archive().seal().await.unwrap();
    let mut tx = app.database.pool().begin().await.unwrap();
    sqlx::raw_sql("SET LOCAL session_replication_role = replica; UPDATE audit_entries SET actor_name = 'Nobody'")
        .execute(&mut *tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let (_, bytes) = made(&app, &org, &ask(ReportFormat::Csv, "2026-11-02", "2026-11-02")).await;
    let chain = unzip(&bytes)["chain.csv"][0].clone();
    assert_eq!(chain["sound"], "false");
    assert!(chain["fault"].contains("altered"), "{chain:?}");
}

#[tokio::test]
async fn approvals_and_every_version_of_a_policy_stand_in_it() {
    let app = TestApp::new().await;
    let owner = owner(&app, PlanTier::Enterprise).await;
    let (env, _) = drifted(&app, &owner, "Production").await;
    let incident = env.incident().await;
    let permit = owner.permit().unwrap();
    let one = ApprovalRules { acknowledge: 1, ..ApprovalRules::NONE };
    let rules = PolicyRules { approvals: one, ..PolicyTemplate::RelaxedDevelopment.rules() };
    let id = app.services.create_policy(&permit, "Two pairs of eyes", PolicyContent::Form(rules)).await.unwrap();
    let longer = PolicyRules { extension_hours: 24, ..rules };
    app.services.edit_policy(&permit, id, 1, "Two pairs of eyes", PolicyContent::Form(longer)).await.unwrap();
    app.services.assign_policy(&permit, PolicyTarget::Environment(env.id), Some(id)).await.unwrap();
    let (operator, approver) = (app.member(&owner, Role::Operator).await, app.member(&owner, Role::Approver).await);
    let version = env.incident_page(incident).await.version;
    let act = ProposedAct::Acknowledge { incident, version, reason: "On it".to_owned(), owner: None };
    let Proposed::Asked { id } = app.services.propose(&operator, act).await.unwrap() else {
        panic!("nobody was asked")
    };
    app.services.approve(&approver.permit().unwrap(), id, None).await.unwrap();

    let of_incident =
        ReportAsk { format: ReportFormat::Csv, from: None, to: None, environment: None, incident: Some(incident) };
    let (_, file) = made(&app, &owner, &of_incident).await;
    let sections = unzip(&file);
    let approvals = &sections["approvals.csv"];
    assert_eq!(approvals.len(), 1, "{approvals:?}");
    let said = |column: &str| approvals[0][column].as_str();
    assert_eq!((said("action"), said("state"), said("approved_by")), ("ACKNOWLEDGE", "DONE", approver.name.as_str()));
    let versions: Vec<_> = sections["policies.csv"].iter().map(|row| row["version"].as_str()).collect();
    assert_eq!(versions, ["1", "2"]);
    assert!(sections["policies.csv"][1]["text"].contains("An extension gives 24 hours at most"));
}

#[tokio::test]
async fn agency_has_csv_of_the_last_ninety_days() {
    let app = TestApp::new().await;
    let org = owner(&app, PlanTier::Agency).await;
    let (env, live) = drifted(&app, &org, "Production").await;
    let id = env.incident().await;
    close(&app, &env, id, &live, "done").await;
    let of_incident =
        ReportAsk { format: ReportFormat::Csv, from: None, to: None, environment: None, incident: Some(id) };
    let refused = async |asked: &ReportAsk| match crate::common::request(&app, &org, asked).await {
        Err(ServiceError::PlanLimit { needs: PlanTier::Enterprise, message, .. }) => message,
        other => panic!("{other:?}"),
    };
    assert!(refused(&ask(ReportFormat::Json, "2026-11-01", "2026-11-02")).await.contains("Enterprise"));
    // 5 August is the ninetieth day.
    assert!(refused(&ask(ReportFormat::Csv, "2026-08-04", "2026-11-02")).await.contains("2026-08-05"));
    assert_eq!(numbers(&made(&app, &org, &ask(ReportFormat::Csv, "2026-08-05", "2026-11-02")).await.1), [1]);
    app.clock.advance(TimeDelta::days(89));
    assert_eq!(numbers(&made(&app, &org, &of_incident).await.1), [1]);
    app.clock.advance(TimeDelta::days(1));
    refused(&of_incident).await;
    let page = app.services.reports_page(&org.permit().unwrap(), None).await.unwrap();
    assert_eq!((page.formats, page.first_day), (vec![ReportFormat::Csv], "2026-11-03".parse().ok()));
    assert_eq!(page.reports.len(), 2);
}

#[tokio::test]
async fn whoever_runs_the_installation_writes_a_report_at_once() {
    let app = TestApp::new().await;
    let org = owner(&app, PlanTier::Pro).await;
    let (env, _) = drifted(&app, &org, "Production").await;
    env.incident().await;
    let reporter = Reporter::new(app.database.pool().clone(), std::sync::Arc::new(app.clock.clone()));
    let what = WriteNow {
        organization: org.organization_id,
        format: ReportFormat::Csv,
        days: None,
        environment: None,
        incident: Some(1),
    };
    let (mut bytes, mut steps) = (Vec::new(), Vec::new());
    let written = reporter.write(what, &mut bytes, &mut |done, total| steps.push((done, total))).await.unwrap();
    assert_eq!(numbers(&bytes), [1]);
    assert_eq!((written.size, written.sha256), (bytes.len() as u64, hex::encode(Sha256::digest(&bytes))));
    let (done, total) = *steps.last().unwrap();
    assert_eq!((done, steps[0]), (total, (0, total)));
    let absent = WriteNow { incident: Some(2), ..what };
    let answer = reporter.write(absent, &mut Vec::new(), &mut |_, _| {}).await;
    assert!(matches!(answer, Err(ServiceError::NotFound("incident"))), "{answer:?}");
    let taken: i64 = sqlx::query_scalar("SELECT count(*) FROM audit_entries WHERE action = 'EXPORTED'")
        .fetch_one(app.database.pool())
        .await
        .unwrap();
    assert_eq!(taken, 1);
}
