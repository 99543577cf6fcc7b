//! Environments: the list, the page, and connecting them.

use drift_domain::check::CheckTrigger;
use drift_domain::environment::{Badge, Freshness, INTERVAL_SECONDS};
use drift_domain::failure::{Failure, Side};
use drift_domain::ids::{EnvironmentId, OrganizationId, UserId};
use drift_domain::plan::Capability;
use drift_domain::views::{
    ConnectionReport, EnvironmentDraft, EnvironmentList, EnvironmentPage, GitCredentials, SideReport,
};
use drift_store::environments::{Connection, EnvironmentRecord};
use drift_store::events::NewEvent;
use drift_store::jobs::CheckJob;
use drift_store::secretbox::Purpose;
use drift_store::{PgConnection, StoreError, checks, environments, events, jobs, overrides};
use secrecy::SecretString;
use url::Url;

use crate::drift::environment;
use crate::error::{ServiceError, ServiceResult};
use crate::gate::{Permit, cap};
use crate::{Services, path_template, views};

/// Environments on a page of the list, unless the caller asks for fewer.
const PAGE: u32 = 100;
/// The longest name that is taken, in characters.
const NAME_LENGTH: usize = 80;
const NAME_TAKEN: &str = "Another environment of this organization has this name already.";

/// What GitHub is told so that a push is noticed at once. For administrators only.
#[derive(Clone, Debug)]
pub struct WebhookSettings {
    /// Where deliveries go, below the installation's public address.
    pub path: String,
    /// What deliveries are signed with.
    pub secret: SecretString,
}

impl Services {
    /// A page of the organization's environments by name, each with its badge and nothing deeper.
    ///
    /// # Errors
    /// [`ServiceError::Invalid`] when `after` is not what an earlier page answered as `next`.
    pub async fn environments(
        &self,
        permit: &Permit<cap::Visibility>,
        after: Option<&str>,
        limit: Option<u32>,
    ) -> ServiceResult<EnvironmentList> {
        let limit = limit.unwrap_or(PAGE).clamp(1, PAGE);
        let after = after.filter(|text| !text.is_empty()).map(read_cursor).transpose()?;
        let now = self.clock.now();
        let mut db = self.tenant(permit.organization()).await?;
        let organization = permit.organization();
        let start = after.as_ref().map(|(name, id)| (name.as_str(), *id));
        let mut records = environments::list(&mut db, organization, start, i64::from(limit) + 1).await?;
        let more = records.len() > limit as usize;
        records.truncate(limit as usize);
        let facts = environments::badge_facts(&mut db, organization).await?;
        let overridden = overrides::counts(&mut db, organization, None, now).await?;
        let row = |record: &EnvironmentRecord| {
            views::environment_row(record, overridden.get(&record.id).copied().unwrap_or_default(), now)
        };
        let badges = facts.iter().map(|f| {
            let interval = chrono::TimeDelta::seconds(i64::from(f.interval_seconds));
            let failure = f.failing.then(String::new);
            Freshness::judge(f.last_checked_at, failure, interval, now).badge(f.drift_status)
        });
        let badges: Vec<Badge> = badges.collect();
        let of = |badge: Badge| u32::try_from(badges.iter().filter(|b| **b == badge).count()).unwrap_or(u32::MAX);
        Ok(EnvironmentList {
            next: records.last().filter(|_| more).map(cursor),
            environments: records.iter().map(row).collect(),
            by_badge: Badge::ALL.iter().map(|badge| (*badge, of(*badge))).collect(),
            can_configure: permit.caller().may(Capability::Configure),
            now,
        })
    }

    /// One environment.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] when the caller's organization has no such environment.
    pub async fn environment(
        &self,
        permit: &Permit<cap::Visibility>,
        id: EnvironmentId,
    ) -> ServiceResult<EnvironmentPage> {
        let (mut db, now) = (self.tenant(permit.organization()).await?, self.clock.now());
        let record = environment(&mut db, permit, id).await?;
        let newest = checks::newest_good(&mut db, permit.organization(), id).await?;
        let checking = checks::is_running(&mut db, permit.organization(), id).await?;
        let overridden = overrides::counts(&mut db, permit.organization(), Some(id), now).await?;
        let overridden = overridden.get(&id).copied().unwrap_or_default();
        Ok(views::environment_page(&record, overridden, newest.as_ref(), checking, permit.caller(), now))
    }

    /// An environment's connection as its form shows it. Secrets never come back.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] when the caller's organization has no such environment.
    pub async fn environment_draft(
        &self,
        permit: &Permit<cap::Configure>,
        id: EnvironmentId,
    ) -> ServiceResult<EnvironmentDraft> {
        let mut db = self.tenant(permit.organization()).await?;
        let c = environment(&mut db, permit, id).await?.connection;
        let version = environments::connection_version(&mut db, permit.organization(), id, false).await?;
        Ok(EnvironmentDraft {
            version,
            name: c.name,
            class: c.class,
            n8n_base_url: c.n8n_base_url,
            git_api_base: c.git_api_base,
            repository: format!("{}/{}", c.git_owner, c.git_repository),
            git_ref: c.git_ref,
            git_folder: c.git_folder,
            path_template: c.path_template.unwrap_or_default(),
            git_credentials: if c.git_app.is_some() { GitCredentials::App } else { GitCredentials::Token },
            git_app_id: c.git_app.map(|app| app.0.to_string()).unwrap_or_default(),
            git_installation_id: c.git_app.map(|app| app.1.to_string()).unwrap_or_default(),
            interval_seconds: c.interval_seconds.to_string(),
            ..EnvironmentDraft::default()
        })
    }

    /// Looks once at each side of a draft and says exactly what is wrong. Stores nothing.
    ///
    /// # Errors
    /// [`ServiceError::Invalid`] for a field that cannot be used, before anything is called.
    pub async fn test_connection(
        &self,
        permit: &Permit<cap::Configure>,
        existing: Option<EnvironmentId>,
        draft: EnvironmentDraft,
    ) -> ServiceResult<ConnectionReport> {
        let connection = self.read_draft(permit, existing, &draft).await?;
        let reach = match self.connector.reach(permit.organization(), &connection) {
            Ok(reach) => reach,
            Err(failure) => return Ok(both_fail(&failure)),
        };
        let live = async {
            let probe = self.connector.live(&reach)?.probe().await?;
            let mut lines = vec![match probe.version {
                Some(version) => format!("{version} answered and accepted the key."),
                None => "n8n answered and accepted the key.".to_owned(),
            }];
            lines.push(match (probe.workflows, probe.archived) {
                (1, 0) => "It has 1 workflow.".to_owned(),
                (all, 0) => format!("It has {all} workflows."),
                (all, archived) => format!("It has {all} workflows, {archived} of them archived."),
            });
            Ok(lines)
        };
        let desired = async {
            let probe = self.connector.desired(&reach)?.probe(&connection.git_ref, &connection.git_folder).await?;
            let short: String = probe.commit.chars().take(10).collect();
            let place =
                if connection.git_folder.is_empty() { "the root".to_owned() } else { connection.git_folder.clone() };
            let template = connection.path_template.as_deref().unwrap_or_default();
            let files = if probe.json_files == 1 { "1 file".to_owned() } else { format!("{} files", probe.json_files) };
            let mut lines = vec![
                format!("{} is reachable; {} is at commit {short}.", probe.repository, connection.git_ref),
                format!("{files} below {place} may be workflows."),
            ];
            lines.extend(path_template::example(&connection.git_folder, template));
            Ok(lines)
        };
        let (live, desired): (Result<_, Failure>, Result<_, Failure>) = futures::join!(live, desired);
        let report = |side| match side {
            Ok(lines) => SideReport::Works(lines),
            Err(failure) => SideReport::Fails(failure),
        };
        Ok(ConnectionReport { live: report(live), desired: report(desired) })
    }

    /// Connects an environment and asks for its first check.
    ///
    /// # Errors
    /// [`ServiceError::Invalid`] for a field that cannot be used; nothing is stored then.
    pub async fn connect_environment(
        &self,
        permit: &Permit<cap::Configure>,
        draft: EnvironmentDraft,
    ) -> ServiceResult<EnvironmentId> {
        let connection = self.read_draft(permit, None, &draft).await?;
        let id = EnvironmentId(uuid::Uuid::now_v7());
        let mut tx = self.tenant(permit.organization()).await?;
        let organization = permit.organization();
        environments::insert(&mut tx, organization, id, &connection, self.clock.now()).await.map_err(name_taken)?;
        self.configured(&mut tx, permit, id, ("environment.connected", 1), (None, &connection)).await?;
        tx.commit().await.map_err(StoreError::from)?;
        Ok(id)
    }

    /// Changes an environment's connection and asks for a check. Secrets that the draft leaves empty stay. Answers the
    /// connection's version since then.
    ///
    /// # Errors
    /// [`ServiceError::Invalid`] for a field that cannot be used, [`ServiceError::Stale`] when the draft names a version and
    /// somebody has changed the connection since; nothing is changed then.
    pub async fn update_environment(
        &self,
        permit: &Permit<cap::Configure>,
        id: EnvironmentId,
        draft: EnvironmentDraft,
    ) -> ServiceResult<i64> {
        const EDITED: &str = "environment.updated";
        let connection = self.read_draft(permit, Some(id), &draft).await?;
        let mut tx = self.tenant(permit.organization()).await?;
        let organization = permit.organization();
        let version = environments::connection_version(&mut tx, organization, id, true).await?;
        let version = version.ok_or(ServiceError::NotFound("environment"))?;
        if let Some(seen) = draft.version.filter(|seen| *seen != version) {
            let editors = events::editors_since(&mut tx, organization, Some(id), EDITED, seen).await?;
            let meanwhile = editors.iter().map(|name| format!("{name} changed the connection.")).collect();
            return Err(ServiceError::Stale { meanwhile });
        }
        let before = environment(&mut tx, permit, id).await?.connection;
        environments::update_connection(&mut tx, organization, id, &connection, self.clock.now())
            .await
            .map_err(name_taken)?;
        self.configured(&mut tx, permit, id, (EDITED, version + 1), (Some(&before), &connection)).await?;
        tx.commit().await.map_err(StoreError::from)?;
        Ok(version + 1)
    }

    /// Asks for a check now. Answers at once; the page hears when it is done.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] when the caller's organization has no such environment.
    pub async fn recheck(&self, permit: &Permit<cap::Recheck>, id: EnvironmentId) -> ServiceResult<()> {
        let mut tx = self.tenant(permit.organization()).await?;
        environment(&mut tx, permit, id).await?;
        self.ask_for_check(&mut tx, id, CheckTrigger::Recheck, Some(permit.caller().user_id)).await?;
        self.announce(&mut tx, permit.organization(), id, "check.requested").await?;
        tx.commit().await.map_err(StoreError::from)?;
        Ok(())
    }

    pub(crate) async fn ask_for_check(
        &self,
        db: &mut PgConnection,
        environment_id: EnvironmentId,
        trigger: CheckTrigger,
        requested_by: Option<UserId>,
    ) -> ServiceResult<()> {
        Ok(jobs::enqueue_check(db, &CheckJob { environment_id, trigger, requested_by }).await?)
    }

    async fn configured(
        &self,
        db: &mut PgConnection,
        permit: &Permit<cap::Configure>,
        id: EnvironmentId,
        (kind, version): (&str, i64),
        (before, after): (Option<&Connection>, &Connection),
    ) -> ServiceResult<()> {
        let event = NewEvent {
            organization_id: permit.organization(),
            environment_id: Some(id),
            change_id: None,
            kind,
            actor: Some(permit.caller().user_id),
            data: crate::audit::connection(before, after, version),
        };
        events::append(db, &event, self.clock.now()).await?;
        self.ask_for_check(db, id, CheckTrigger::Connected, Some(permit.caller().user_id)).await?;
        self.announce(db, permit.organization(), id, "environment.updated").await?;
        Ok(())
    }

    /// Reads a draft: every field checked, secrets sealed, empty ones taken from what is stored.
    async fn read_draft(
        &self,
        permit: &Permit<cap::Configure>,
        existing: Option<EnvironmentId>,
        draft: &EnvironmentDraft,
    ) -> ServiceResult<Connection> {
        let stored = match existing {
            None => None,
            Some(id) => {
                let mut db = self.tenant(permit.organization()).await?;
                Some(environment(&mut db, permit, id).await?.connection)
            }
        };
        let organization = permit.organization();
        let (git_owner, git_repository) = read_repository(&draft.repository)?;
        let n8n_base_url = read_url("n8n_base_url", &draft.n8n_base_url, self.connector.allows_private())?;
        let git_api_base = read_url("git_api_base", &draft.git_api_base, self.connector.allows_private())?;
        let stored_key = stored.as_ref().map(|s| (s.n8n_api_key.clone(), same_origin(&s.n8n_base_url, &n8n_base_url)));
        let stored_git = stored.as_ref().map(|s| {
            let kind = s.git_app.is_some() == (draft.git_credentials == GitCredentials::App);
            (s.git_secret.clone(), kind && same_origin(&s.git_api_base, &git_api_base))
        });
        let (git_app, git_secret, git_field) = match draft.git_credentials {
            GitCredentials::Token => (None, &draft.git_token, "git_token"),
            GitCredentials::App => {
                let number = |field, text: &str| {
                    text.trim().parse::<i64>().ok().filter(|n| *n > 0).ok_or_else(|| {
                        ServiceError::invalid(field, "Enter the number that GitHub shows on the App's page.")
                    })
                };
                let app = number("git_app_id", &draft.git_app_id)?;
                let installation = number("git_installation_id", &draft.git_installation_id)?;
                (Some((app, installation)), &draft.git_private_key, "git_private_key")
            }
        };
        Ok(Connection {
            name: read_name(&draft.name)?,
            class: draft.class,
            n8n_api_key: self.seal(organization, Purpose::N8nApiKey, "n8n_api_key", &draft.n8n_api_key, stored_key)?,
            git_secret: self.seal(organization, Purpose::GitSecret, git_field, git_secret, stored_git)?,
            n8n_base_url,
            git_api_base,
            git_owner,
            git_repository,
            git_ref: read_line("git_ref", &draft.git_ref, "Enter a branch, tag or commit, for example main.")?,
            git_folder: read_folder(&draft.git_folder)?,
            path_template: path_template::read(&draft.path_template)?,
            git_app,
            interval_seconds: read_interval(&draft.interval_seconds)?,
        })
    }

    /// Seals a secret that was typed; takes the stored one where none was. A stored secret does not follow to another
    /// server: whoever changes the address has to know the secret, too.
    fn seal(
        &self,
        organization: OrganizationId,
        purpose: Purpose,
        field: &'static str,
        typed: &str,
        stored: Option<(Vec<u8>, bool)>,
    ) -> ServiceResult<Vec<u8>> {
        let typed = typed.trim();
        match (typed.is_empty(), stored) {
            (false, _) => {
                self.secrets.seal(organization, purpose, &SecretString::from(typed)).map_err(ServiceError::unavailable)
            }
            (true, Some((sealed, true))) => Ok(sealed),
            (true, Some((_, false))) => Err(ServiceError::invalid(
                field,
                "The address or the way to sign in is another one now. Enter the secret for it.",
            )),
            (true, None) => Err(ServiceError::invalid(field, "This is needed to read the environment.")),
        }
    }

    /// Where GitHub sends pushes to, and what it signs them with.
    ///
    /// # Errors
    /// [`ServiceError::Unavailable`] when the stored secret cannot be read with this installation's key.
    pub async fn webhook_settings(&self, permit: &Permit<cap::Configure>) -> ServiceResult<WebhookSettings> {
        let organization = permit.organization();
        let secret = self.webhook_secret(organization).await?.ok_or(ServiceError::NotFound("organization"))?;
        Ok(WebhookSettings { path: format!("/webhooks/github/{organization}"), secret })
    }

    pub(crate) async fn webhook_secret(&self, organization: OrganizationId) -> ServiceResult<Option<SecretString>> {
        let mut db = self.tenant(organization).await?;
        let found = drift_store::people::organization(&mut db, organization).await?;
        found
            .map(|found| self.secrets.open(organization, Purpose::WebhookSecret, &found.webhook_secret))
            .transpose()
            .map_err(ServiceError::unavailable)
    }
}

fn both_fail(failure: &Failure) -> ConnectionReport {
    let of = |side| SideReport::Fails(Failure { side, ..failure.clone() });
    ConnectionReport { live: of(Side::Live), desired: of(Side::Desired) }
}

fn name_taken(error: StoreError) -> ServiceError {
    match error.constraint() {
        Some("environments_name_is_unique") => ServiceError::invalid("name", NAME_TAKEN),
        _ => error.into(),
    }
}

fn cursor(record: &EnvironmentRecord) -> String {
    format!("{}:{}", record.id, record.connection.name.to_lowercase())
}

fn read_cursor(text: &str) -> ServiceResult<(String, EnvironmentId)> {
    text.split_once(':')
        .and_then(|(id, name)| Some((name.to_owned(), id.parse().ok()?)))
        .ok_or_else(|| ServiceError::invalid("after", "Pass what the page before answered as `next`."))
}

fn read_line(field: &'static str, text: &str, hint: &str) -> ServiceResult<String> {
    let text = text.trim();
    if text.is_empty() || text.len() > 1024 || text.chars().any(char::is_control) {
        return Err(ServiceError::invalid(field, hint));
    }
    Ok(text.to_owned())
}

fn read_name(text: &str) -> ServiceResult<String> {
    let name = read_line("name", text, "Enter a name, for example Production EU.")?;
    if name.chars().count() > NAME_LENGTH {
        return Err(ServiceError::invalid("name", format!("A name has at most {NAME_LENGTH} characters.")));
    }
    Ok(name)
}

/// An address that a server may have and that this installation calls. What a name stands for is looked at with each call.
fn read_url(field: &'static str, text: &str, allow_private: bool) -> ServiceResult<String> {
    let hint = "Enter an address that starts with https:// (or http://), without user name, query or fragment.";
    let text = read_line(field, text, hint)?;
    let url = Url::parse(&text).map_err(|_| ServiceError::invalid(field, hint))?;
    let plain =
        url.username().is_empty() && url.password().is_none() && url.query().is_none() && url.fragment().is_none();
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() || !plain {
        return Err(ServiceError::invalid(field, hint));
    }
    let refused = |why| ServiceError::invalid(field, format!("{why}."));
    let url = drift_domain::address::base_url(&text, allow_private).map_err(refused)?;
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

fn same_origin(a: &str, b: &str) -> bool {
    matches!((Url::parse(a), Url::parse(b)), (Ok(a), Ok(b)) if a.origin() == b.origin())
}

fn read_repository(text: &str) -> ServiceResult<(String, String)> {
    let text = text.trim().trim_end_matches(".git").trim_matches('/');
    let name_only = |part: &str| {
        !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
    };
    match text.split_once('/') {
        Some((owner, name)) if name_only(owner) && name_only(name) => Ok((owner.to_owned(), name.to_owned())),
        _ => {
            Err(ServiceError::invalid("repository", "Write the repository as owner/name, for example acme/workflows."))
        }
    }
}

fn read_folder(text: &str) -> ServiceResult<String> {
    let folder = text.trim().trim_matches('/');
    let strange = folder.chars().any(char::is_control) || folder.len() > 1024;
    if strange || folder.split('/').any(|part| matches!(part, "." | "..")) {
        return Err(ServiceError::invalid("git_folder", "Enter a folder of the repository, or nothing for its root."));
    }
    Ok(folder.to_owned())
}

fn read_interval(text: &str) -> ServiceResult<i32> {
    text.trim().parse().ok().filter(|n| INTERVAL_SECONDS.contains(n)).ok_or_else(|| {
        let (least, most) = (INTERVAL_SECONDS.start(), INTERVAL_SECONDS.end());
        let message =
            format!("Enter {least} to {most} seconds. Detection is always on; there is no value that stops it.");
        ServiceError::invalid("interval_seconds", message)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_used_is_refused_by_field() {
        let field = |result: ServiceResult<String>| match result {
            Err(ServiceError::Invalid { field, .. }) => Some(field),
            _ => None,
        };
        for bad in ["", "n8n.example.com", "ftp://n8n.example.com", "https://user:pw@n8n.example.com", "https://a/?k=1"]
        {
            assert_eq!(field(read_url("n8n_base_url", bad, false)), Some("n8n_base_url"), "{bad}");
        }
        assert_eq!(read_url("n8n_base_url", " https://n8n.example.com/ ", false).unwrap(), "https://n8n.example.com");
        for bad in ["", "acme", "acme/", "acme/a/b", "acme/wörk"] {
            assert!(read_repository(bad).is_err(), "{bad}");
        }
        assert_eq!(read_folder("/prod/workflows/").unwrap(), "prod/workflows");
        assert!(read_folder("prod/../secret").is_err());
    }

    #[test]
    fn no_interval_switches_detection_off() {
        for bad in ["0", "-1", "14", "3601", "off", "", "999999999999"] {
            assert!(read_interval(bad).is_err(), "{bad}");
        }
        assert_eq!(read_interval("15").unwrap(), 15);
    }

    #[test]
    fn a_cursor_survives_names_with_colons() {
        let id = EnvironmentId(uuid::Uuid::nil());
        assert_eq!(read_cursor(&format!("{id}:a:b")).unwrap(), ("a:b".to_owned(), id));
        assert!(read_cursor("nonsense").is_err());
    }
}
