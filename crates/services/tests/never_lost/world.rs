//! Everything that can happen to an environment, one act at a time.

use std::collections::HashMap;
use std::fmt;

use chrono::TimeDelta;
use drift_domain::change::{ChangeState, DecisionKind};
use drift_domain::check::{CheckOutcome, CheckTrigger};
use drift_domain::failure::Side;
use drift_domain::ids::{ChangeId, IncidentId, ReconciliationId};
use drift_domain::incident::IncidentStatus;
use drift_domain::plan::PlanTier;
use drift_domain::reconciliation::{ReconciliationState, Target};
use drift_domain::views::{ChangeRow, IncidentFilter, IncidentPage, MergeSide};
use drift_services::gate::Caller;
use drift_services::incidents::Choice;
use drift_services::reconcile::{Next, Picks};
use drift_sim::faults::{Fault, Gate, Rule};
use drift_testkit::app::{path, workflow};
use drift_testkit::{TestApp, TestEnvironment};
use serde_json::{Value, json};

use crate::acts::{Act, How, Strike};
use crate::promises::Promises;

/// Workflows of an environment.
pub const WORKFLOWS: usize = 3;
/// Turns after which something that should have ended is left for the next act.
pub const TURNS: usize = 30;

/// An environment, and who acts on it.
pub struct World<'a> {
    pub app: &'a TestApp,
    pub env: TestEnvironment<'a>,
    pub caller: Caller,
    /// n8n's ids, by the number of the workflow; none while it is deleted.
    live: Vec<Option<String>>,
    paths: Vec<String>,
    reconciliations: Vec<ReconciliationId>,
    n8n_down: bool,
    github_down: bool,
    /// Whether the newest act was a check that read both sides.
    pub looked: bool,
}

impl<'a> World<'a> {
    pub async fn new(app: &'a TestApp) -> Self {
        let caller = app.organization(PlanTier::Agency).await;
        let env = app.environment(&caller, "Production").await;
        env.n8n.add_credential("CRM", "httpHeaderAuth");
        let (mut live, mut paths) = (Vec::new(), Vec::new());
        for n in 0..WORKFLOWS {
            let id = env.agreed(&workflow(&format!("W{n}"))).await;
            paths.push(path(&id));
            live.push(Some(id));
        }
        env.check().await;
        Self {
            app,
            env,
            caller,
            live,
            paths,
            reconciliations: Vec::new(),
            n8n_down: false,
            github_down: false,
            looked: false,
        }
    }

    /// What is refused is refused, and nothing has happened: the promises are looked at all the same.
    pub async fn act(&mut self, act: &Act) {
        self.looked = false;
        self.env.later();
        match act {
            Act::EditInN8n { workflow, value } => self.edit_in_n8n(*workflow, *value),
            Act::EditInGit { workflow, value } => self.edit_in_git(*workflow, *value).await,
            Act::Deploy { workflow } => self.deploy(*workflow).await,
            Act::Commit { workflow } => self.commit(*workflow).await,
            Act::DeleteOrImport { workflow } => self.delete_or_import(*workflow).await,
            Act::Check => self.looked = self.env.check().await != CheckOutcome::Failed,
            Act::Open => drop(self.app.services.create_incident(&self.env.permit(), self.env.id, None).await),
            Act::Lead => self.lead().await,
            Act::Decide { change, kind } => self.decide(*change, *kind).await,
            Act::Confirm { change } => self.confirm(*change).await,
            Act::Override { change, days } => {
                if let (Some(change), Ok(permit)) = (self.pick(*change, |_| true).await, self.caller.permit()) {
                    let why = "Known, for a while".to_owned();
                    let _ = self.app.services.override_change(&permit, self.env.id, change.id, why, *days).await;
                }
            }
            Act::CarryOut { strike, turns } => self.carry_out(strike.as_ref(), *turns).await,
            Act::GoOn { turns } => self.go_on(*turns).await,
            Act::Cancel => {
                for id in self.pending().await {
                    if let Ok(permit) = self.app.services.reconciliation_permit(&self.caller, id).await {
                        let _ = self.app.services.cancel_reconciliation(&permit, id, None).await;
                    }
                }
            }
            Act::TryAgain => {
                if let Some(id) = self.reconciliations.last().copied()
                    && let Ok(permit) = self.app.services.reconciliation_permit(&self.caller, id).await
                {
                    let _ = self.app.services.try_again(&permit, id, None).await;
                }
            }
            Act::Restore { change, live, git } => self.restore(*change, *live, *git).await,
            Act::Close => self.close().await,
            Act::Plan(tier) => self.caller = self.app.moved_to(&self.caller, *tier).await,
            Act::Tidy { days } => {
                self.app.clock.advance(TimeDelta::days(*days));
                self.app.services.tidy().await.expect("the database answers");
            }
            Act::N8nDownOrUp => self.n8n_down_or_up().await,
            Act::GithubDownOrUp => self.github_down_or_up(),
        }
    }

    /// Both sides are back, everything that is under way comes to its end, and a check looks.
    pub async fn settle(&mut self) {
        if self.n8n_down {
            self.n8n_down_or_up().await;
        }
        if self.github_down {
            self.github_down_or_up();
        }
        self.env.n8n.faults().clear();
        self.env.github.faults().clear();
        self.go_on(TURNS).await;
        self.looked = self.env.check().await != CheckOutcome::Failed;
    }

    /// Somebody brings the incident to its end, if it can be: everything is decided, carried out, and closed by proof.
    pub async fn finish(&mut self) {
        for _ in 0..3 {
            let Some(page) = self.incident().await else { return };
            for (at, change) in page.changes.iter().filter(|change| change.row.state.is_open()).enumerate() {
                match change.row.state {
                    ChangeState::Vanished => self.confirm(at).await,
                    _ => self.decide(at, DecisionKind::Promote).await,
                }
            }
            for at in 0..WORKFLOWS {
                self.confirm(at).await;
            }
            self.carry_out(None, TURNS).await;
            self.looked = self.env.check().await != CheckOutcome::Failed;
            for _ in 0..3 {
                self.lead().await;
            }
            self.close().await;
        }
    }

    fn edit_in_n8n(&self, workflow: usize, value: u8) {
        if let Some(id) = &self.live[workflow]
            && self.env.n8n.workflow(id).is_ok_and(|w| w["isArchived"] != true)
        {
            self.env.edit(id, "Total", |node| node["parameters"]["jsCode"] = json!(format!("return {value};")));
        }
    }

    async fn file(&self, workflow: usize) -> Option<Value> {
        let bytes = self.env.repo.read("main", &self.paths[workflow]).await.expect("the repository answers")?;
        serde_json::from_slice(&bytes).ok()
    }

    async fn edit_in_git(&self, workflow: usize, value: u8) {
        let Some(mut file) = self.file(workflow).await else { return };
        // Half of the edits meet the node that is edited in n8n, half another one.
        if value.is_multiple_of(2) {
            file["nodes"][2]["parameters"]["jsCode"] = json!(format!("return {value};"));
        } else {
            file["nodes"][1]["parameters"]["url"] = json!(format!("https://crm.example.com/{value}"));
        }
        self.env.commit(&self.paths[workflow], &file, "Somebody's edit").await;
    }

    async fn deploy(&mut self, workflow: usize) {
        let Some(file) = self.file(workflow).await else { return };
        if let Some(id) = &self.live[workflow] {
            let _ = self.env.n8n.edit(id, |live| live["nodes"] = file["nodes"].clone());
            let _ = self.env.n8n.publish(id);
        }
    }

    async fn commit(&self, workflow: usize) {
        if let Some(live) = self.live[workflow].as_ref().and_then(|id| self.env.n8n.workflow(id).ok()) {
            self.env.commit(&self.paths[workflow], &live, "What runs").await;
        }
    }

    async fn delete_or_import(&mut self, workflow: usize) {
        match self.live[workflow].take() {
            Some(id) => {
                let _ = self.env.n8n.deactivate(&id);
                let _ = self.env.n8n.delete(&id);
            }
            None => {
                if let Some(file) = self.file(workflow).await {
                    let id = self.env.n8n.create(&file);
                    let _ = self.env.n8n.publish(&id);
                    self.live[workflow] = Some(id);
                }
            }
        }
    }

    pub async fn incident(&self) -> Option<IncidentPage> {
        let permit = self.app.services.incidents_permit(&self.caller).await.ok()?;
        let filter = IncidentFilter { environment: Some(self.env.id), ..IncidentFilter::default() };
        let row = self.app.services.incidents(&permit, filter, None).await.ok()?.incidents.into_iter().next()?;
        let permit = self.app.services.incident_permit(&self.caller, row.id).await.ok()?;
        self.app.services.incident(&permit, row.id).await.ok()
    }

    async fn pick(&self, at: usize, of: impl Fn(&ChangeRow) -> bool) -> Option<ChangeRow> {
        let open: Vec<ChangeRow> = self.env.changes().await.into_iter().filter(of).collect();
        let count = open.len();
        open.into_iter().nth(at % count.max(1))
    }

    async fn lead(&self) {
        let Some(page) = self.incident().await else { return };
        let (services, id, version) = (&self.app.services, page.row.id, page.version);
        match page.row.status {
            IncidentStatus::Detected => {
                let permit = services.incident_permit(&self.caller, id).await.expect("an operator");
                let _ = services.acknowledge(&permit, id, version, "On it".to_owned(), None).await;
            }
            IncidentStatus::Acknowledged => {
                if let Ok(permit) = services.incident_permit(&self.caller, id).await {
                    let _ = services.stabilize(&permit, id, version, String::new()).await;
                }
            }
            IncidentStatus::Stabilized => {
                let permit = services.incident_permit(&self.caller, id).await.expect("an operator");
                let _ = services.reconcile(&permit, id, version).await;
            }
            IncidentStatus::Reconciled | IncidentStatus::Closed => {}
        }
    }

    async fn decide(&self, change: usize, kind: DecisionKind) {
        let Some(page) = self.incident().await else { return };
        let open: Vec<ChangeId> = page.changes.iter().filter(|c| c.row.state.is_open()).map(|c| c.row.id).collect();
        let Some(change) = open.get(change % open.len().max(1)).copied() else { return };
        let head = self.env.repo.resolve("main").await.expect("the repository answers");
        let replacement = (kind == DecisionKind::Replace).then_some(head).flatten();
        let choice = Choice { changes: Some(vec![change]), kind, reason: "It is right".to_owned(), replacement };
        if let Ok(permit) = self.app.services.incident_permit(&self.caller, page.row.id).await {
            let _ = self.app.services.decide(&permit, page.row.id, page.version, choice).await;
        }
    }

    async fn confirm(&self, change: usize) {
        let Some(row) = self.pick(change, |row| row.state == ChangeState::Vanished).await else { return };
        let Some(vanished) = row.vanished else { return };
        let why = "That is what happened".to_owned();
        let permit = self.env.permit();
        if self
            .app
            .services
            .confirm_vanished(&permit, self.env.id, row.id, vanished.fitting, why.clone())
            .await
            .is_err()
            && let Some(page) = self.incident().await
            && let Ok(permit) = self.app.services.incident_permit(&self.caller, page.row.id).await
        {
            let choice = Choice { changes: Some(vec![row.id]), kind: vanished.fitting, reason: why, replacement: None };
            let _ = self.app.services.decide(&permit, page.row.id, page.version, choice).await;
        }
    }

    async fn pending(&self) -> Vec<ReconciliationId> {
        let mut pending = Vec::new();
        for id in &self.reconciliations {
            if self.state(*id).await == Some(ReconciliationState::Pending) {
                pending.push(*id);
            }
        }
        pending
    }

    async fn state(&self, id: ReconciliationId) -> Option<ReconciliationState> {
        let word: Option<String> = sqlx::query_scalar("SELECT state FROM reconciliations WHERE id = $1")
            .bind(id.0)
            .fetch_optional(self.app.database.pool())
            .await
            .expect("the database answers");
        word.map(|word| word.parse().expect("a known word"))
    }

    /// Plans, picks a side for whatever is in conflict, and says to carry it out.
    async fn carry_out(&mut self, strike: Option<&Strike>, turns: usize) {
        let Some(page) = self.incident().await else { return };
        let services = &self.app.services;
        let Ok(permit) = services.incident_permit(&self.caller, page.row.id).await else { return };
        let plan = |picks| services.plan_reconciliation(&permit, page.row.id, page.version, None, picks);
        let Ok(mut id) = plan(HashMap::new()).await else { return };
        let reading = services.incident_permit(&self.caller, page.row.id).await.expect("who executes reads");
        let shown = services.reconciliation(&reading, id).await.expect("it was planned just now");
        let picks: HashMap<ChangeId, Picks> = shown
            .items
            .iter()
            .filter(|item| !item.conflicts.is_empty())
            .map(|item| (item.change, item.conflicts.iter().map(|c| (c.key.clone(), MergeSide::Live)).collect()))
            .collect();
        if !picks.is_empty() {
            let Ok(again) = plan(picks).await else { return };
            id = again;
        }
        if services.carry_out(&permit, id, Some(page.version)).await.is_ok() {
            self.reconciliations.push(id);
            self.struck(id, strike).await;
            self.go_on(turns).await;
        }
    }

    /// One turn with a fault in its way, at which the process may die.
    async fn struck(&self, id: ReconciliationId, strike: Option<&Strike>) {
        let Some(Strike { at, how }) = strike else { return };
        let gate = Gate::new();
        let fault = match how {
            How::DieBefore => Fault::Held(gate.clone()),
            How::DieAfter => Fault::HeldAfter(gate.clone()),
            How::Reset => Fault::Reset,
            How::ResetAfter => Fault::ResetAfter,
            How::Status(429) => Fault::too_many_requests(1),
            How::Status(status) => Fault::status(*status),
            How::StatusAfter(status) => Fault::status_after(*status),
            How::Cut => Fault::CutBody(3),
            How::Slow => Fault::SlowBody { piece: 64, pause: std::time::Duration::ZERO },
        };
        for method in ["POST", "PUT", "DELETE"] {
            let rule = Rule::new(fault.clone()).on(method, "*").skip(*at).times(1);
            self.env.n8n.faults().add(rule.clone());
            self.env.github.faults().add(rule);
        }
        tokio::select! {
            went = self.app.services.run_reconciliation(id) => drop(went.expect("the database answers")),
            () = gate.arrived(1) => {}
        }
        gate.open();
        self.env.n8n.faults().clear();
        self.env.github.faults().clear();
        if self.github_down {
            self.env.github.faults().add(Rule::new(Fault::status(502)));
        }
    }

    async fn go_on(&self, turns: usize) {
        for id in self.pending().await {
            for _ in 0..turns {
                match self.app.services.run_reconciliation(id).await.expect("the database answers") {
                    Next::Ended => break,
                    Next::Again { seconds } => {
                        let seconds = i64::try_from(seconds).expect("a pause").max(1);
                        self.app.clock.advance(TimeDelta::seconds(seconds));
                    }
                }
            }
        }
    }

    async fn restore(&mut self, change: usize, live: bool, git: bool) {
        let all: Vec<uuid::Uuid> = sqlx::query_scalar("SELECT id FROM changes WHERE environment_id = $1 ORDER BY id")
            .bind(self.env.id.0)
            .fetch_all(self.app.database.pool())
            .await
            .expect("the database answers");
        let Some(change) = all.get(change % all.len().max(1)) else { return };
        let Ok(permit) = self.caller.permit() else { return };
        let side = if live { Side::Live } else { Side::Desired };
        let target = if git { Target::Git } else { Target::N8n };
        let services = &self.app.services;
        let Ok(id) = services.plan_restore(&permit, ChangeId(*change), side, target).await else { return };
        if services.carry_out(&permit, id, None).await.is_ok() {
            self.reconciliations.push(id);
            self.go_on(TURNS).await;
        }
    }

    async fn close(&mut self) {
        let Some(page) = self.incident().await else { return };
        let Ok(permit) = self.app.services.incident_permit(&self.caller, page.row.id).await else { return };
        if self.app.services.request_close(&permit, page.row.id, page.version).await.is_ok() {
            self.app.clock.advance(TimeDelta::minutes(1));
            let by = Some(self.caller.user_id);
            let ended = self.app.services.run_check(self.env.id, CheckTrigger::Closing, by).await;
            self.looked = ended.expect("a check is recorded") != CheckOutcome::Failed;
        }
    }

    async fn n8n_down_or_up(&mut self) {
        if self.n8n_down {
            self.env.n8n.restart().await.expect("n8n comes back");
        } else {
            self.env.n8n.stop().await;
        }
        self.n8n_down = !self.n8n_down;
    }

    fn github_down_or_up(&mut self) {
        if self.github_down {
            self.env.github.faults().clear();
        } else {
            self.env.github.faults().add(Rule::new(Fault::status(502)));
        }
        self.github_down = !self.github_down;
    }

    /// Names of the workflows that differ between the two sides just now, as anybody sees who looks at both.
    pub async fn differing(&self) -> Vec<String> {
        let mut sides: HashMap<String, (Option<drift_engine::Prints>, Option<drift_engine::Prints>)> = HashMap::new();
        let read = |bytes: &[u8]| drift_engine::parse(bytes, &drift_engine::Limits::default()).expect("a workflow");
        for id in self.env.n8n.ids() {
            let live = self.env.n8n.workflow(&id).expect("it is listed");
            if live["isArchived"] != true {
                let live = read(live.to_string().as_bytes());
                sides.entry(live.name().to_owned()).or_default().0 = Some(live.prints());
            }
        }
        for path in self.env.repo.files("main").await.expect("the repository answers") {
            if path.ends_with(".json") {
                let bytes = self.env.repo.read("main", &path).await.expect("it is listed").expect("it is listed");
                let file = read(&bytes);
                if file.archived() != Some(true) {
                    sides.entry(file.name().to_owned()).or_default().1 = Some(file.prints());
                }
            }
        }
        let mut names: Vec<String> = sides
            .into_iter()
            .filter(|(_, (live, git))| match (live, git) {
                (Some(live), Some(git)) => !live.agree(git),
                _ => true,
            })
            .map(|(name, _)| name)
            .collect();
        names.sort_unstable();
        names
    }

    pub async fn closed(&self) -> Vec<IncidentId> {
        let ids: Vec<uuid::Uuid> =
            sqlx::query_scalar("SELECT id FROM drift_incidents WHERE environment_id = $1 AND status = 'CLOSED'")
                .bind(self.env.id.0)
                .fetch_all(self.app.database.pool())
                .await
                .expect("the database answers");
        ids.into_iter().map(IncidentId).collect()
    }
}

/// What the sequences reached, so that a run which reaches nothing does not pass.
#[derive(Debug, Default)]
pub struct Tally {
    pub drifted: usize,
    pub closed: usize,
    pub carried_out: usize,
    pub failed: usize,
}

impl Tally {
    pub async fn add(&mut self, world: &World<'_>, promises: &Promises) {
        self.drifted += promises.seen();
        self.closed += world.closed().await.len();
        for id in &world.reconciliations {
            match world.state(*id).await {
                Some(ReconciliationState::Done) => self.carried_out += 1,
                Some(ReconciliationState::Failed) => self.failed += 1,
                _ => {}
            }
        }
    }
}

impl Tally {
    /// What others reached, too.
    pub fn merge(&mut self, other: &Self) {
        self.drifted += other.drifted;
        self.closed += other.closed;
        self.carried_out += other.carried_out;
        self.failed += other.failed;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { drifted, closed, carried_out, failed } = self;
        write!(f, "{drifted} changes, {closed} incidents closed, {carried_out} reconciliations done, {failed} failed")
    }
}
