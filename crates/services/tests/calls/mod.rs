//! Every method of the services that stands behind the gate, as a call that can be made: for tests that make all of them.

mod world;

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;

use drift_domain::change::DecisionKind;
use drift_domain::deployment::DeploymentKind;
use drift_domain::failure::Side;
use drift_domain::metrics::Figure;
use drift_domain::notification::NoticeKind;
use drift_domain::plan::{Capability, Limit, PlanTier};
use drift_domain::policy::PolicyTemplate;
use drift_domain::reconciliation::Target;
use drift_domain::report::ReportFormat;
use drift_domain::severity::Severity;
use drift_domain::views::{
    ChangeFilter, IncidentFilter, Part, PlanEdit, PolicyTarget, ReportAsk, ReportScheduleAsk, UpgradeAsk,
};
use drift_services::ServiceResult;
use drift_services::audit::Looked;
use drift_services::gate::Caller;
use drift_services::incidents::{Choice, IncidentSettings};
use drift_services::metrics::Asked;
use drift_services::policies::PolicyContent;
use drift_services::reconcile::NewDeployment;
pub use world::World;
use world::channel_draft;
pub type Call = for<'w> fn(&'w World<'_>, &'w Caller) -> Pin<Box<dyn Future<Output = ServiceResult<()>> + 'w>>;

macro_rules! calls {
    ($($method:ident asks $capability:ident: |$world:ident, $caller:ident| $call:expr;)+) => {
        /// The methods: name, capability, and a call that does something harmless with it.
        pub const CALLS: &[(&str, Capability, Call)] = &[$((
            stringify!($method),
            Capability::$capability,
            |$world, $caller| Box::pin(async move { $call.map(drop) }),
        ),)+];
    };
}

calls! {
    environments asks Visibility: |w, c| w.services().environments(&c.permit()?, None, None).await;
    environment asks Visibility: |w, c| w.services().environment(&w.permit(c).await?, w.env.id).await;
    workspace asks Summary: |w, c| {
        w.services().workspace(&w.permit(c).await?, w.env.id, ChangeFilter::default()).await
    };
    changes asks Summary: |w, c| {
        w.services().changes(&w.permit(c).await?, w.env.id, ChangeFilter::default()).await
    };
    change asks Summary: |w, c| w.services().change(&w.permit(c).await?, w.env.id, w.change).await;
    checks asks Summary: |w, c| w.services().checks(&w.permit(c).await?, w.env.id, None).await;
    open_incident asks Summary: |w, c| w.services().open_incident(&w.permit(c).await?, w.env.id).await;
    find asks Visibility: |w, c| w.services().find(&c.permit()?, "prod").await;
    incidents asks Incidents: |w, c| w.services().incidents(&c.permit()?, IncidentFilter::default(), None).await;
    incident asks Incidents: |w, c| w.services().incident(&w.incident_permit(c).await?, w.incident()).await;
    incident_change asks Incidents: |w, c| {
        w.services().incident_change(&w.incident_permit(c).await?, w.incident(), w.change).await
    };
    incident_part asks Incidents: |w, c| {
        w.services().incident_part(&w.incident_permit(c).await?, w.incident(), &Part::default()).await
    };
    change_in_incident asks Incidents: |w, c| {
        w.services().change_in_incident(&w.incident_permit(c).await?, w.incident(), w.change).await
    };
    set_viewed asks Incidents: |w, c| {
        let permit = w.incident_permit(c).await?;
        let page = w.services().incident(&permit, w.incident()).await?;
        let content = page.changes.first().map(|change| change.content.clone());
        w.services().set_viewed(&permit, w.incident(), w.change, content.as_deref()).await
    };
    incident_timeline asks Incidents: |w, c| {
        w.services().incident_timeline(&w.incident_permit(c).await?, w.incident(), None).await
    };
    closing asks Incidents: |w, c| w.services().closing(&w.incident_permit(c).await?, w.incident()).await;
    create_incident asks ManageIncidents: |w, c| {
        w.services().create_incident(&w.permit(c).await?, w.env.id, None).await
    };
    comment asks ManageIncidents: |w, c| {
        w.services().comment(&w.incident_permit(c).await?, w.incident(), "seen".to_owned()).await
    };
    acknowledge asks Lifecycle: |w, c| {
        let why = "on it".to_owned();
        w.services().acknowledge(&w.incident_permit(c).await?, w.incident(), w.seen().await, why, None).await
    };
    stabilize asks Stabilize: |w, c| {
        w.services().stabilize(&w.incident_permit(c).await?, w.incident(), w.seen().await, "calm".to_owned()).await
    };
    decide asks Decide: |w, c| {
        let (kind, reason) = (DecisionKind::Promote, "it is right".to_owned());
        let choice = Choice { changes: None, kind, reason, replacement: None };
        w.services().decide(&w.incident_permit(c).await?, w.incident(), w.seen().await, choice).await
    };
    reconciliation asks Incidents: |w, c| {
        w.services().reconciliation(&w.reconciliation_permit(c).await?, w.reconciliation).await
    };
    plan_reconciliation asks Execute: |w, c| {
        let permit = w.incident_permit(c).await?;
        w.services().plan_reconciliation(&permit, w.incident(), w.seen().await, None, HashMap::new()).await
    };
    plan_restore asks Execute: |w, c| {
        w.services().plan_restore(&w.change_permit(c).await?, w.change, Side::Live, Target::Git).await
    };
    carry_out asks Execute: |w, c| {
        w.services().carry_out(&w.reconciliation_permit(c).await?, w.reconciliation, None).await
    };
    try_again asks Execute: |w, c| {
        w.services().try_again(&w.reconciliation_permit(c).await?, w.reconciliation, None).await
    };
    cancel_reconciliation asks Execute: |w, c| {
        w.services().cancel_reconciliation(&w.reconciliation_permit(c).await?, w.reconciliation, None).await
    };
    reconcile asks Lifecycle: |w, c| {
        w.services().reconcile(&w.incident_permit(c).await?, w.incident(), w.seen().await).await
    };
    request_close asks Lifecycle: |w, c| {
        w.services().request_close(&w.incident_permit(c).await?, w.incident(), w.seen().await).await
    };
    assign asks Ownership: |w, c| {
        let owner = w.env.caller.user_id;
        w.services().assign(&w.incident_permit(c).await?, w.incident(), w.seen().await, owner).await
    };
    set_ticket asks TicketLink: |w, c| {
        let ticket = format!("https://tickets.example.com/{}/{}", c.role, c.organization_id);
        w.services().set_ticket(&w.incident_permit(c).await?, w.incident(), w.seen().await, ticket).await
    };
    set_severity asks AdjustSeverity: |w, c| {
        let severity = Severity::ALL[c.role as usize % Severity::ALL.len()];
        let why = "weighed".to_owned();
        w.services().set_severity(&w.incident_permit(c).await?, w.incident(), w.seen().await, severity, why).await
    };
    extend asks Extend: |w, c| {
        w.services().extend(&w.incident_permit(c).await?, w.incident(), w.seen().await, 1, "slow".to_owned()).await
    };
    approvals asks Approvals: |w, c| w.services().approvals(&c.permit()?).await;
    approval asks Approvals: |w, c| w.services().approval(&c.permit()?, w.wanted().await).await;
    approvals_of_incident asks Incidents: |w, c| {
        w.services().approvals_of_incident(&w.incident_permit(c).await?, w.incident()).await
    };
    approve asks Approvals: |w, c| w.services().approve(&c.permit()?, w.wanted().await, None).await;
    reject_approval asks Approvals: |w, c| {
        w.services().reject_approval(&c.permit()?, w.wanted().await, "not so".to_owned()).await
    };
    withdraw_approval asks Approvals: |w, c| {
        w.services().withdraw_approval(&c.permit()?, w.wanted_by(c).await).await
    };
    delegate_approvals asks Approvals: |w, c| {
        w.services().delegate_approvals(&c.permit()?, w.env.caller.user_id, 1).await
    };
    end_delegation asks Approvals: |w, c| w.services().end_delegation(&c.permit()?).await;
    overview asks Policies: |w, c| w.services().overview(&c.permit()?).await;
    policies asks Policies: |w, c| w.services().policies(&c.permit()?).await;
    policy asks Policies: |w, c| w.services().policy(&c.permit()?, w.policy).await;
    create_policy asks Policies: |w, c| {
        let name = format!("Another {}", uuid::Uuid::now_v7());
        w.services().create_policy(&c.permit()?, &name, PolicyContent::Form(PolicyTemplate::Standard.rules())).await
    };
    edit_policy asks Policies: |w, c| {
        let permit = c.permit()?;
        let seen = w.services().policy(&permit, w.policy).await?.versions[0].version;
        let content = PolicyContent::Form(PolicyTemplate::RelaxedDevelopment.rules());
        w.services().edit_policy(&permit, w.policy, seen, "Kept", content).await
    };
    assign_policy asks Policies: |w, c| {
        w.services().assign_policy(&c.permit()?, PolicyTarget::Environment(w.env.id), None).await
    };
    simulate_policy asks Policies: |w, c| {
        let content = PolicyContent::Form(PolicyTemplate::StrictProduction.rules());
        w.services().simulate_policy(&c.permit()?, content, 30).await
    };
    retire_policy asks Policies: |w, c| w.services().retire_policy(&c.permit()?, w.policy).await;
    incident_settings asks Configure: |w, c| w.services().incident_settings(&c.permit()?).await;
    set_incident_settings asks Configure: |w, c| {
        w.services().set_incident_settings(&c.permit()?, IncidentSettings::default()).await
    };
    override_change asks Override: |w, c| {
        let reason = "known".to_owned();
        w.services().override_change(&w.permit(c).await?, w.env.id, w.change, reason, 1).await
    };
    end_override asks Override: |w, c| w.services().end_override(&w.permit(c).await?, w.env.id, w.change).await;
    recheck asks Recheck: |w, c| w.services().recheck(&w.permit(c).await?, w.env.id).await;
    confirm_vanished asks ConfirmVanished: |w, c| {
        let (kind, reason) = (DecisionKind::Replace, "seen".to_owned());
        w.services().confirm_vanished(&w.permit(c).await?, w.env.id, w.change, kind, reason).await
    };
    deployment_gate asks Visibility: |w, c| w.services().deployment_gate(&w.permit(c).await?, w.env.id, None).await;
    deployments asks Summary: |w, c| w.services().deployments(&w.permit(c).await?, w.env.id).await;
    plan_deployment asks Deploy: |w, c| {
        let (kind, reason) = (DeploymentKind::Standard, String::new());
        let new = NewDeployment { kind, reason, changes: None, commit: None };
        w.services().plan_deployment(&w.permit(c).await?, w.env.id, new).await
    };
    environment_draft asks Configure: |w, c| w.services().environment_draft(&w.permit(c).await?, w.env.id).await;
    test_connection asks Configure: |w, c| {
        w.services().test_connection(&w.permit(c).await?, Some(w.env.id), w.env.draft.clone()).await
    };
    connect_environment asks Configure: |w, c| {
        w.services().connect_environment(&c.permit()?, w.draft(&format!("Of {}", c.role))).await
    };
    update_environment asks Configure: |w, c| {
        w.services().update_environment(&w.permit(c).await?, w.env.id, w.draft("Production")).await
    };
    webhook_settings asks Configure: |w, c| w.services().webhook_settings(&c.permit()?).await;
    link asks Configure: |w, c| w.services().link(&w.permit(c).await?, w.env.id, "1", "workflows/x.json").await;
    finish_adoption asks Configure: |w, c| {
        w.services().finish_adoption(&w.permit(c).await?, w.env.id, String::new()).await
    };
    upgrade_offer asks RequestUpgrade: |w, c| w.services().upgrade_offer(&c.permit()?).await;
    request_upgrade asks RequestUpgrade: |w, c| {
        w.services().request_upgrade(&c.permit()?, UpgradeAsk::default()).await
    };
    upgrade_requests asks RequestUpgrade: |w, c| w.services().upgrade_requests(&c.permit()?, None).await;
    plan asks RequestUpgrade: |w, c| w.services().plan(&c.permit()?).await;
    plan_effect asks ManagePlan: |w, c| {
        let plan = if c.plan.tier() == PlanTier::Pro { PlanTier::Agency } else { PlanTier::Pro };
        w.services().plan_effect(&c.permit()?, PlanEdit::Tier { plan }).await
    };
    set_tier asks ManagePlan: |w, c| {
        let (from, to) = (c.plan.tier(), if c.plan.tier() == PlanTier::Pro { PlanTier::Agency } else { PlanTier::Pro });
        let why = || "tried".to_owned();
        w.services().set_tier(&c.permit()?, w.plan_version().await, to, why()).await?;
        w.services().set_tier(&c.permit()?, w.plan_version().await, from, why()).await
    };
    set_limit asks ManagePlan: |w, c| {
        let (plan, limit) = (c.plan.tier(), Limit::HistoryDays);
        let bounds = limit.bounds(plan);
        let (less, why) = (Some(bounds.least), || "tried".to_owned());
        w.services().set_limit(&c.permit()?, w.plan_version().await, plan, limit, less, why()).await?;
        w.services().set_limit(&c.permit()?, w.plan_version().await, plan, limit, bounds.standard, why()).await
    };
    notification_preferences asks Account: |w, c| w.services().notification_preferences(&c.permit()?).await;
    set_notification_preferences asks Account: |w, c| {
        w.services().set_notification_preferences(&c.permit()?, &[NoticeKind::IncidentExpired]).await
    };
    github_gate asks Visibility: |w, c| w.services().github_gate(&w.permit(c).await?, w.env.id, None).await;
    set_github_gate asks Configure: |w, c| {
        let seen = w.services().github_gate(&w.permit(c).await?, w.env.id, None).await?.version;
        w.services().set_github_gate(&w.permit(c).await?, w.env.id, "production", seen).await
    };
    metrics asks Metrics: |w, c| {
        w.services().metrics(&c.permit()?, Asked { environment: Some(w.env.id), ..Asked::default() }).await
    };
    metrics_exported asks Metrics: |w, c| {
        let permit = c.permit()?;
        let page = w.services().metrics(&permit, Asked { environment: Some(w.env.id), ..Asked::default() }).await?;
        w.services().metrics_exported(&permit, Figure::Drift, &page).await
    };
    audit_log asks Audit: |w, c| w.services().audit_log(&c.permit()?, Looked::default(), None).await;
    export_audit_rows asks Audit: |w, c| w.services().export_audit_rows(&c.permit()?, Looked::default()).await;
    export_audit asks Audit: |w, c| w.services().export_audit(&c.permit()?, 0).await;
    reports_page asks Reports: |w, c| w.services().reports_page(&c.permit()?, None).await;
    reports asks Reports: |w, c| w.services().reports(&c.permit()?, None, 1).await;
    report asks Reports: |w, c| {
        let id = w.report().await;
        w.services().report(&w.report_permit(c, id).await?, id).await
    };
    download_report asks Reports: |w, c| {
        let id = w.report().await;
        w.services().download_report(&w.report_permit(c, id).await?, id).await
    };
    remove_report asks Reports: |w, c| {
        let id = w.report().await;
        w.services().remove_report(&w.report_permit(c, id).await?, id).await
    };
    request_report asks Reports: |w, c| {
        let today = Some(w.services().now().date_naive());
        let (format, environment) = (ReportFormat::Csv, Some(w.env.id));
        let ask = ReportAsk { format, from: today, to: today, environment, incident: None };
        w.services().request_report(&w.report_ask_permit(c).await?, &ask).await
    };
    report_schedules asks Reports: |w, c| w.services().report_schedules(&c.permit()?).await;
    schedule_report asks Reports: |w, c| {
        let (format, environment) = (ReportFormat::Csv, Some(w.env.id));
        let ask = ReportScheduleAsk { format, environment, recipients: vec![c.user_id] };
        w.services().schedule_report(&w.report_ask_permit(c).await?, &ask).await
    };
    unschedule_report asks Reports: |w, c| {
        let id = w.report_schedule().await;
        let permit = match w.looks_first {
            true => w.services().report_schedule_permit(c, id).await?,
            false => c.permit()?,
        };
        w.services().unschedule_report(&permit, id).await
    };
    retention_preview asks Retention: |w, c| w.services().retention_preview(&c.permit()?).await;
    retention_record asks Retention: |w, c| w.services().retention_record(&c.permit()?).await;
    holds asks Retention: |w, c| w.services().holds(&c.permit()?).await;
    holds_of_incident asks Incidents: |w, c| {
        w.services().holds_of_incident(&w.incident_permit(c).await?, w.incident()).await
    };
    removed_incident asks Visibility: |w, c| {
        // Nothing was removed here: of what is there, nothing is left behind.
        match w.services().removed_incident(&w.permit(c).await?, w.incident()).await {
            Err(drift_services::ServiceError::NotFound("incident")) => Ok(()),
            other => other.map(drop),
        }
    };
    place_hold asks Holds: |w, c| {
        w.services().place_hold(&w.hold_permit(c).await?, w.incident, "kept".to_owned()).await
    };
    release_hold asks Retention: |w, c| {
        w.services().release_hold(&c.permit()?, w.hold().await, "over".to_owned()).await
    };
    notification_channels asks Notifications: |w, c| w.services().notification_channels(&c.permit()?).await;
    notification_deliveries asks Notifications: |w, c| {
        w.services().notification_deliveries(&c.permit()?, Some(w.channel)).await
    };
    add_channel asks Notifications: |w, c| w.services().add_channel(&c.permit()?, channel_draft(c.role.as_str())).await;
    update_channel asks Notifications: |w, c| {
        w.services().update_channel(&c.permit()?, w.channel, channel_draft("Renamed")).await
    };
    switch_channel asks Notifications: |w, c| w.services().switch_channel(&c.permit()?, w.channel, true).await;
    test_channel asks Notifications: |w, c| w.services().test_channel(&c.permit()?, w.channel).await;
    redeliver asks Notifications: |w, c| w.services().redeliver(&c.permit()?, w.delivery).await;
    remove_channel asks Notifications: |w, c| {
        let made = w.services().add_channel(&c.permit()?, channel_draft("For a moment")).await?;
        w.services().remove_channel(&c.permit()?, made.channel.id).await
    };
    answer_upgrade asks ManagePlan: |w, c| {
        w.services().answer_upgrade(&c.permit()?, w.request().await, false, "not now".to_owned()).await
    };
}
