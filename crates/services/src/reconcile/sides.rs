//! Both sides of an environment in hand, for whoever plans what to write to them.

use std::collections::HashMap;
use std::sync::Arc;

use drift_domain::failure::{Failure, FailureKind};
use drift_domain::fingerprint::Fingerprint;
use drift_engine::{Limits, Prints};
use drift_n8n::{Credential, LiveEnvironment, VersionFamily};
use drift_store::changes::ChangeRecord;
use drift_store::environments::EnvironmentRecord;
use drift_store::workflows::{self, WorkflowRecord};
use drift_store::{StoreError, contents};
use serde_json::Value;

use super::steps;
use crate::Services;
use crate::detection::{Listed, LookedAtGit, Repository};
use crate::error::{ServiceError, ServiceResult};

/// Both sides, as they are now.
pub(super) struct Sides {
    pub environment: EnvironmentRecord,
    pub n8n: Arc<dyn LiveEnvironment>,
    pub repository: Arc<Repository>,
    pub git: LookedAtGit,
    pub records: Vec<WorkflowRecord>,
    /// What nodes may refer to; `None` where this n8n does not say.
    pub credentials: Option<Vec<Credential>>,
    pub version: Option<VersionFamily>,
    /// n8n's ids of workflows by those that Git has for them, where they differ.
    pub live_ids: HashMap<String, String>,
    /// The other way round.
    pub git_ids: HashMap<String, String>,
}

/// One workflow, on both sides.
pub(super) struct Pair {
    /// As n8n answers it; archived ones, too.
    pub live: Option<Vec<u8>>,
    /// As Git has it: the file, or its part of one.
    pub desired: Option<Vec<u8>>,
}

impl Pair {
    /// Whether n8n has it in service or out of it, but not in the archive.
    pub(super) fn is_live(&self) -> bool {
        self.live.as_deref().and_then(steps::standing).is_some()
    }
}

impl Services {
    /// Looks at both sides. What a check found is not enough: the plan is made of what is there now.
    pub(super) async fn sides(&self, environment: EnvironmentRecord) -> ServiceResult<Sides> {
        let reach = self.connector.reach(environment.organization_id, &environment.connection).map_err(unreadable)?;
        let n8n = self.connector.live(&reach).map_err(unreadable)?;
        let repository = self.connector.repository(&reach).map_err(unreadable)?;
        let git = self.look_at_git(&environment, &repository).await?;
        let credentials = match n8n.credentials().await {
            Ok(credentials) => credentials,
            // A key that may not list them: n8n itself finds them by their names.
            Err(failure) if failure.kind == FailureKind::Forbidden => None,
            Err(failure) => return Err(unreadable(failure)),
        };
        let version = n8n.version().await.map_err(unreadable)?;
        let mut db = self.pool.acquire().await.map_err(StoreError::from)?;
        let records = workflows::list(&mut db, environment.organization_id, environment.id).await?;
        let (live_ids, git_ids) = ids(&records, &git);
        Ok(Sides { environment, n8n, repository, git, records, credentials, version, live_ids, git_ids })
    }

    /// A workflow, on both sides.
    pub(super) async fn pair(&self, sides: &Sides, change: &ChangeRecord) -> ServiceResult<Pair> {
        let live = match &change.live_id {
            Some(id) => sides.n8n.get(id).await.map_err(unreadable)?.map(|bytes| bytes.to_vec()),
            None => None,
        };
        let item = change.path.as_ref().and_then(|path| sides.git.side.items.iter().find(|i| &i.key.path == path));
        let desired = match item {
            Some(item) => Some(self.kept(sides.environment.organization_id, item.raw).await?),
            None => None,
        };
        Ok(Pair { live, desired })
    }

    /// A content that is kept.
    pub(super) async fn kept(
        &self,
        organization: drift_domain::ids::OrganizationId,
        hash: Fingerprint,
    ) -> ServiceResult<Vec<u8>> {
        let mut db = self.pool.acquire().await.map_err(StoreError::from)?;
        let bytes = contents::snapshot(&mut db, organization, hash).await?;
        bytes.ok_or_else(|| ServiceError::unavailable(format!("the content {hash} is not kept")))
    }
}

impl Sides {
    /// The file that a workflow's path names: the part before `#` where several are in one.
    pub(super) fn file(&self, path: &str) -> Option<&Listed> {
        let file = path.split('#').next().unwrap_or(path);
        self.git.files.iter().find(|listed| listed.path == file)
    }

    /// A file's bytes, as Git has them.
    pub(super) async fn bytes(&self, file: &Listed) -> ServiceResult<Vec<u8>> {
        let mut blobs =
            self.repository.github.blobs(std::slice::from_ref(&file.sha)).await.map_err(unreadable)?.into_iter();
        let (_, bytes) =
            blobs.next().ok_or_else(|| ServiceError::unavailable("a blob was asked for and not answered"))?;
        Ok(bytes.to_vec())
    }
}

/// Says why nothing can be planned: a side cannot be read.
pub(super) fn unreadable(failure: Failure) -> ServiceError {
    ServiceError::Conflict(format!("What would be written cannot be worked out now. {failure} Nothing was written."))
}

/// Which workflows have another id in Git than in n8n: Git was written by another instance, or the workflow was created
/// anew.
fn ids(records: &[WorkflowRecord], git: &LookedAtGit) -> (HashMap<String, String>, HashMap<String, String>) {
    let (mut live, mut desired) = (HashMap::new(), HashMap::new());
    for item in &git.side.items {
        let record = records.iter().find(|record| record.path.as_ref() == Some(&item.key.path));
        let Some((here, there)) = record.and_then(|r| r.live_id.clone()).zip(item.key.id.clone()) else { continue };
        if here != there {
            live.insert(there.clone(), here.clone());
            desired.insert(here, there);
        }
    }
    (live, desired)
}

/// Whether a side is as the change says, so that the person who decided saw this very content.
pub(super) fn as_seen(bytes: Option<&[u8]>, seen: Option<&Value>) -> bool {
    match (bytes, seen) {
        (None, None) => true,
        (Some(bytes), Some(seen)) => {
            let now = drift_engine::parse(bytes, &Limits::default()).map(|workflow| workflow.prints());
            let seen = serde_json::from_value::<Prints>(seen.clone());
            matches!((now, seen), (Ok(now), Ok(seen)) if now == seen)
        }
        _ => false,
    }
}
