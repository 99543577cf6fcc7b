//! What people do about drift in the demo: incidents, taken as far as a scene shows them.

use anyhow::Context;
use drift_domain::change::DecisionKind;
use drift_domain::check::{CheckOutcome, CheckTrigger};
use drift_domain::deployment::DeploymentKind;
use drift_domain::ids::IncidentId;
use drift_domain::views::{IncidentFilter, IncidentPage};
use drift_services::incidents::Choice;
use drift_services::reconcile::{NewDeployment, Next};

use super::site::Site;

impl Site {
    /// The environment's open incident, as its owner sees it.
    async fn incident(&self) -> anyhow::Result<IncidentPage> {
        let filter = IncidentFilter { environment: Some(self.id), ..IncidentFilter::default() };
        let permit = self.services.incidents_permit(&self.owner).await?;
        let list = self.services.incidents(&permit, filter, None).await?;
        let row = list.incidents.first().with_context(|| format!("{}: no incident is open", self.plan.key))?;
        Ok(self.services.incident(&permit, row.id).await?)
    }

    /// Somebody opens an incident, where no policy did.
    pub(super) async fn open_incident(&self, reason: &str) -> anyhow::Result<()> {
        let permit = self.services.environment_permit(&self.owner, self.id).await?;
        self.services.create_incident(&permit, self.id, Some(reason.to_owned())).await?;
        Ok(())
    }

    /// Somebody takes it on.
    pub(super) async fn acknowledge(&self, reason: &str) -> anyhow::Result<()> {
        let page = self.incident().await?;
        let permit = self.services.incident_permit(&self.owner, page.row.id).await?;
        self.services.acknowledge(&permit, page.row.id, page.version, reason.to_owned(), None).await?;
        Ok(())
    }

    /// Somebody says that production is stable.
    pub(super) async fn stabilize(&self, note: &str) -> anyhow::Result<()> {
        let page = self.incident().await?;
        let permit = self.services.incident_permit(&self.owner, page.row.id).await?;
        self.services.stabilize(&permit, page.row.id, page.version, note.to_owned()).await?;
        Ok(())
    }

    /// Somebody says something.
    pub(super) async fn comment(&self, text: &str) -> anyhow::Result<()> {
        let id = self.incident().await?.row.id;
        let permit = self.services.incident_permit(&self.owner, id).await?;
        self.services.comment(&permit, id, text.to_owned()).await?;
        Ok(())
    }

    /// Somebody chooses a path for the changes whose workflow's name contains `workflow`.
    pub(super) async fn choose(&self, workflow: &str, kind: DecisionKind, reason: &str) -> anyhow::Result<()> {
        let page = self.incident().await?;
        let named = page.changes.iter().filter(|change| change.row.workflow.contains(workflow));
        let changes: Vec<_> = named.filter(|change| change.row.state.is_open()).map(|change| change.row.id).collect();
        let choice = Choice { changes: Some(changes), kind, reason: reason.to_owned(), replacement: None };
        let permit = self.services.incident_permit(&self.owner, page.row.id).await?;
        self.services.decide(&permit, page.row.id, page.version, choice).await?;
        Ok(())
    }

    /// Somebody deploys what Git declares over the changes whose workflow's name contains `workflow`, and a check sees it.
    pub(super) async fn deploy(&self, workflow: &str, reason: &str) -> anyhow::Result<()> {
        let page = self.incident().await?;
        let named = page.changes.iter().filter(|change| change.row.workflow.contains(workflow));
        let changes: Vec<_> = named.map(|change| change.row.id).collect();
        let permit = self.services.environment_permit(&self.owner, self.id).await?;
        let (kind, reason) = (DeploymentKind::Standard, reason.to_owned());
        let new = NewDeployment { kind, reason, changes: Some(changes), commit: None };
        let id = self.services.plan_deployment(&permit, self.id, new).await?;
        let permit = self.services.reconciliation_permit(&self.owner, id).await?;
        self.services.carry_out(&permit, id, None).await?;
        let next = self.services.run_reconciliation(id).await?;
        anyhow::ensure!(next == Next::Ended, "{}: the deployment of {workflow} does not end", self.plan.key);
        self.check(CheckOutcome::Drift).await
    }

    /// Somebody states that everything is carried out.
    pub(super) async fn reconcile(&self) -> anyhow::Result<IncidentId> {
        let page = self.incident().await?;
        let permit = self.services.incident_permit(&self.owner, page.row.id).await?;
        self.services.reconcile(&permit, page.row.id, page.version).await?;
        Ok(page.row.id)
    }

    /// Somebody closes it, and the closing's own check proves it.
    pub(super) async fn close(&self, id: IncidentId) -> anyhow::Result<()> {
        let version = self.incident().await?.version;
        let permit = self.services.incident_permit(&self.owner, id).await?;
        self.services.request_close(&permit, id, version).await?;
        let outcome = self.services.run_check(self.id, CheckTrigger::Closing, None).await?;
        anyhow::ensure!(outcome == CheckOutcome::InSync, "{}: the closing's check ended as {outcome}", self.plan.key);
        Ok(())
    }
}
