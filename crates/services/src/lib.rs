//! What is allowed and what happens: one gate, one transaction.
//!
//! Screens, REST and subcommands reach data through [`Services`] alone. A method that does something for a person takes a
//! [`gate::Permit`]; background work takes none and is called by the worker only.

use std::sync::Arc;

use drift_domain::clock::Clock;
use drift_domain::ids::{EnvironmentId, OrganizationId};
use drift_domain::views::LiveEvent;
use drift_mail::Mailer;
use drift_store::secretbox::SecretBox;
use drift_store::{PgConnection, PgPool, StoreError, Transaction};
use tokio::sync::broadcast;
use url::Url;

pub mod accounts;
pub mod approvals;
pub mod audit;
mod changes;
mod connector;
pub mod detection;
mod drift;
mod enforcement;
mod environments;
pub mod error;
mod find;
pub mod gate;
mod gates;
mod idempotency;
pub mod incidents;
mod live;
pub mod mail;
pub mod metrics;
pub mod notify;
pub mod oidc;
mod overrides;
pub mod path_template;
mod plans;
pub mod policies;
pub mod reconcile;
mod reports;
mod retention;
mod tokens;
mod upgrades;
mod views;
mod webhooks;

pub use connector::Pauses;
pub use drift::CHECKS_LISTED;
pub use environments::WebhookSettings;
pub use error::{ServiceError, ServiceResult};
pub use oidc::IdentityProvider;
pub use reports::{ReportFile, Reporter, WriteNow, Written};
pub use retention::Keeper;
pub use webhooks::{DeliveryOutcome, GithubDelivery};

/// Events that a slow reader may fall behind by before it is told to look again.
const LIVE_EVENTS_KEPT: usize = 1024;

/// Everything that the product does, for whoever may ask for it.
pub struct Services {
    pub(crate) pool: PgPool,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) secrets: Arc<SecretBox>,
    pub(crate) connector: connector::Connector,
    pub(crate) courier: notify::Courier,
    pub(crate) live: broadcast::Sender<LiveEvent>,
    pub(crate) doors: Doors,
}

/// What the services are made of.
pub struct Parts {
    /// The database, migrated.
    pub pool: PgPool,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Seals secrets with the installation's key.
    pub secrets: SecretBox,
    /// Whether n8n and GitHub may be on private networks and this machine.
    pub allow_private_networks: bool,
    /// How long requests to n8n and GitHub wait for each other. Not at all for a stand-in.
    pub pauses: Pauses,
    /// How people reach the installation, and how it reaches them.
    pub doors: Doors,
}

/// How people reach the installation, and how it reaches them.
#[derive(Clone, Debug)]
pub struct Doors {
    /// The address that people open: what links in mails and the addresses of webhooks begin with. Never taken from a
    /// request, whose headers anybody can choose.
    pub public_url: Url,
    /// Sends mail; `None` where the installation sends none.
    pub mailer: Option<Arc<dyn Mailer>>,
    /// Identity providers that people may sign in through.
    pub providers: Vec<Arc<IdentityProvider>>,
}

impl std::fmt::Debug for Services {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Services").finish_non_exhaustive()
    }
}

impl Services {
    /// The services over a migrated database.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let secrets = Arc::new(parts.secrets);
        let connector = connector::Connector::new(
            Arc::clone(&secrets),
            Arc::clone(&parts.clock),
            parts.allow_private_networks,
            parts.pauses,
        );
        Self {
            pool: parts.pool,
            clock: parts.clock,
            secrets,
            connector,
            courier: notify::Courier::new(parts.allow_private_networks),
            live: broadcast::Sender::new(LIVE_EVENTS_KEPT),
            doors: parts.doors,
        }
    }

    /// The same services by another clock, for a story that began before it is told. What they announce is heard as usual.
    #[must_use]
    pub fn as_of(&self, clock: Arc<dyn Clock>) -> Self {
        Self {
            pool: self.pool.clone(),
            connector: self.connector.as_of(Arc::clone(&clock)),
            clock,
            secrets: Arc::clone(&self.secrets),
            courier: notify::Courier::new(self.connector.allows_private()),
            live: self.live.clone(),
            doors: self.doors.clone(),
        }
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// [`ServiceError::Unavailable`] when it does not.
    pub async fn ready(&self) -> ServiceResult<()> {
        Ok(drift_store::pool::ping(&self.pool).await?)
    }

    /// The address that people open, with `path` behind it.
    #[must_use]
    pub fn public_link(&self, path: &str) -> String {
        format!("{}{path}", self.doors.public_url.as_str().trim_end_matches('/'))
    }

    /// A transaction for one organization: the database shows and takes its rows alone.
    pub(crate) async fn tenant(&self, organization: OrganizationId) -> ServiceResult<Transaction> {
        Ok(drift_store::tenant::begin(&self.pool, organization).await?)
    }

    /// Announces that something happened in an environment, once `db`'s transaction commits.
    pub(crate) async fn announce(
        &self,
        db: &mut PgConnection,
        organization_id: OrganizationId,
        environment_id: EnvironmentId,
        kind: &str,
    ) -> Result<(), StoreError> {
        let event = LiveEvent { organization_id, environment_id, kind: kind.to_owned() };
        drift_store::live::announce(db, &event).await
    }
}

impl From<StoreError> for ServiceError {
    fn from(error: StoreError) -> Self {
        Self::unavailable(error)
    }
}
