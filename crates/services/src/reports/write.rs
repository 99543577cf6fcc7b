//! Reading a report's content a part at a time, and writing it down.

use std::future::Future;

use chrono::{DateTime, Utc};
use drift_domain::ids::{EventId, OrganizationId};
use drift_domain::report::ReportFormat;
use drift_report::{About, Bytes, Order, SECTIONS, Section, WriteError, Writer};
use drift_store::approvals::{self, ApprovalRecord};
use drift_store::changes::{self, Which};
use drift_store::incidents::IncidentRecord;
use drift_store::reports::{self, CHUNK, Within};
use drift_store::{PgConnection, StoreError, artifacts, closings, policies};

use super::{chain, rows};
use crate::error::ServiceError;

/// Incidents that are read together.
const INCIDENTS: i64 = 50;
/// Events that are read together.
const EVENTS: i64 = 500;

/// What a report is of.
pub(super) struct Scope {
    pub organization: OrganizationId,
    pub within: Within,
    /// The moments that the audit log is proven between.
    pub proven: (DateTime<Utc>, DateTime<Utc>),
}

/// Where a report goes. False: nobody wants it any more.
pub(super) trait Sink: Send {
    fn part(&mut self, bytes: Vec<u8>) -> impl Future<Output = Result<bool, ServiceError>> + Send;
    fn progress(&mut self, done: u32, total: u32) -> impl Future<Output = Result<bool, ServiceError>> + Send;
}

/// Why a report was not written.
#[derive(Debug)]
pub(super) enum Broken {
    /// It was removed, or another run makes it.
    Unwanted,
    /// It cannot be written, however often it is tried.
    Unwritable(WriteError),
    /// Something did not answer.
    Failed(ServiceError),
}

impl From<WriteError> for Broken {
    fn from(error: WriteError) -> Self {
        Self::Unwritable(error)
    }
}

impl From<ServiceError> for Broken {
    fn from(error: ServiceError) -> Self {
        Self::Failed(error)
    }
}

impl From<StoreError> for Broken {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.into())
    }
}

/// A report on its way from the database to a sink.
struct Pen<'a, S> {
    db: &'a mut PgConnection,
    scope: &'a Scope,
    writer: Box<dyn Writer>,
    bytes: Bytes,
    sink: &'a mut S,
    done: u32,
    total: u32,
}

/// Writes a report of what `db` shows, which is one moment where it is a snapshot.
pub(super) async fn write(
    db: &mut PgConnection,
    scope: &Scope,
    about: &About,
    format: ReportFormat,
    sink: &mut impl Sink,
) -> Result<(), Broken> {
    let (writer, bytes) = drift_report::writer(format, about)?;
    let order = writer.order();
    let mut pen = Pen { db, scope, writer, bytes, sink, done: 0, total: 0 };
    let (_, incidents) = reports::incidents(pen.db, scope.organization, &scope.within, 0, 1).await?;
    pen.total = steps(u64::try_from(incidents).unwrap_or_default());
    pen.told().await?;
    match order {
        Order::BySection => pen.by_section().await?,
        Order::ByIncident => pen.by_incident().await?,
    }
    pen.end().await
}

/// Steps of a report of so many incidents.
fn steps(incidents: u64) -> u32 {
    let each = SECTIONS.iter().filter(|section| section.per_incident).count() as u64;
    let others = SECTIONS.len() as u64 - each;
    u32::try_from(incidents * each + others).unwrap_or(u32::MAX)
}

impl<S: Sink> Pen<'_, S> {
    async fn by_section(&mut self) -> Result<(), Broken> {
        for section in SECTIONS {
            self.writer.begin(section)?;
            if !section.per_incident {
                self.of_organization(section).await?;
                continue;
            }
            let mut after = 0;
            while let Some(page) = self.incidents(&mut after).await? {
                for incident in &page {
                    self.of_incident(section, incident).await?;
                }
            }
        }
        Ok(())
    }

    async fn by_incident(&mut self) -> Result<(), Broken> {
        let mut after = 0;
        while let Some(page) = self.incidents(&mut after).await? {
            for incident in &page {
                let environment = drift_domain::audit::mask_text(&incident.environment);
                self.writer.incident(&format!("INC-{} · {environment}", incident.number))?;
                for section in SECTIONS.iter().filter(|section| section.per_incident) {
                    self.writer.begin(section)?;
                    self.of_incident(section, incident).await?;
                }
            }
        }
        for section in SECTIONS.iter().filter(|section| !section.per_incident) {
            self.writer.begin(section)?;
            self.of_organization(section).await?;
        }
        Ok(())
    }

    /// The next incidents; `None` behind the last.
    async fn incidents(&mut self, after: &mut i64) -> Result<Option<Vec<IncidentRecord>>, Broken> {
        let scope = self.scope;
        let (page, _) = reports::incidents(self.db, scope.organization, &scope.within, *after, INCIDENTS).await?;
        *after = page.last().map_or(*after, |incident| incident.number);
        Ok((!page.is_empty()).then_some(page))
    }

    /// What a section says of an incident.
    async fn of_incident(&mut self, section: &'static Section, of: &IncidentRecord) -> Result<(), Broken> {
        let (organization, number) = (self.scope.organization, of.number);
        match section.key {
            "incidents" => self.writer.rows(&[rows::incident(of)])?,
            "timeline" => self.timeline(of).await?,
            "changes" => {
                let which = Which::OfIncident(of.id());
                let mut all = changes::list(self.db, organization, of.environment_id(), which, i64::MAX).await?;
                all.sort_by_key(|change| change.id);
                self.add(all.iter().map(|change| rows::change(number, change)))?;
            }
            "decisions" => {
                let all = reports::decisions(self.db, organization, of.id()).await?;
                self.add(all.iter().map(|decision| rows::decision(number, decision)))?;
            }
            "approvals" => {
                let which = approvals::Which::OfIncident(of.id());
                let all = approvals::list(self.db, organization, which, i64::MAX).await?;
                let ids: Vec<_> = all.iter().map(|request| request.id).collect();
                let voices = approvals::voices(self.db, organization, &ids).await?;
                let given = |request: &ApprovalRecord| voices.get(&request.id).map_or(&[][..], Vec::as_slice);
                self.add(all.iter().map(|request| rows::approval(number, request, given(request))))?;
            }
            "artifacts" => {
                let mut all = artifacts::of_incident(self.db, organization, of.id(), None).await?;
                all.sort_by_key(|artifact| artifact.id);
                self.add(all.iter().map(|artifact| rows::artifact(number, artifact)))?;
            }
            "receipts" => {
                let receipt = closings::receipt(self.db, organization, of.id()).await?;
                self.add(receipt.iter().map(|receipt| rows::receipt(number, receipt)))?;
            }
            key => return Err(unknown(key).into()),
        }
        self.step().await
    }

    async fn timeline(&mut self, of: &IncidentRecord) -> Result<(), Broken> {
        let mut after = EventId(0);
        loop {
            let page = reports::timeline(self.db, self.scope.organization, of.id(), after, EVENTS).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = last.id;
            self.add(page.iter().map(|event| rows::event(of.number, event)))?;
            self.flush().await?;
        }
    }

    /// What a section says of the organization.
    async fn of_organization(&mut self, section: &'static Section) -> Result<(), Broken> {
        match section.key {
            "policies" => {
                let all = policies::every_version(self.db, self.scope.organization).await?;
                self.add(all.iter().map(|(policy, version)| rows::policy(policy, version)))?;
            }
            "chain" => {
                let mut proof = chain::begin(self.db, self.scope.organization, self.scope.proven).await?;
                while proof.walk(self.db).await? {
                    self.told().await?;
                }
                self.writer.rows(&[proof.row()])?;
            }
            key => return Err(unknown(key).into()),
        }
        self.step().await
    }

    fn add(&mut self, rows: impl Iterator<Item = drift_report::Row>) -> Result<(), WriteError> {
        self.writer.rows(&rows.collect::<Vec<_>>())
    }

    async fn step(&mut self) -> Result<(), Broken> {
        self.flush().await?;
        self.done = self.done.saturating_add(1);
        self.told().await
    }

    async fn told(&mut self) -> Result<(), Broken> {
        wanted(self.sink.progress(self.done, self.total).await?)
    }

    async fn flush(&mut self) -> Result<(), Broken> {
        while let Some(part) = self.bytes.part(CHUNK) {
            wanted(self.sink.part(part).await?)?;
        }
        Ok(())
    }

    async fn end(self) -> Result<(), Broken> {
        let Self { writer, bytes, sink, .. } = self;
        // A long document takes a second or two, in which this thread has others to serve.
        let finished = tokio::task::spawn_blocking(move || writer.finish()).await;
        finished.map_err(ServiceError::unavailable)??;
        while let Some(part) = bytes.part(CHUNK) {
            wanted(sink.part(part).await?)?;
        }
        let rest = bytes.rest();
        if rest.is_empty() { Ok(()) } else { wanted(sink.part(rest).await?) }
    }
}

fn wanted(wanted: bool) -> Result<(), Broken> {
    if wanted { Ok(()) } else { Err(Broken::Unwanted) }
}

fn unknown(key: &str) -> WriteError {
    WriteError::Failed(format!("nothing fills the section “{key}”"))
}
