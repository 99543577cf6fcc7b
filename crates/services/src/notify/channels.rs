//! The channels of an organization. What they are reached and signed with goes in, and never comes out again.

use drift_domain::ids::{ChannelId, OrganizationId};
use drift_domain::notification::{ChannelKind, ChannelState, NoticeKind};
use drift_domain::views::ChannelView;
use drift_notify::signature;
use drift_store::StoreError;
use drift_store::notifications::channels::{self, ChannelRecord};
use drift_store::secretbox::Purpose;
use rand::TryRngCore;
use rand::rngs::OsRng;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use url::Url;
use uuid::Uuid;

use super::{ChannelDraft, MadeChannel};
use crate::Services;
use crate::accounts::{fields, happened};
use crate::error::{ServiceError, ServiceResult};
use crate::gate::{Permit, cap};

/// Channels that one organization may have.
const MOST: usize = 50;
/// Characters of a routing key that are shown, to tell it from others.
const ENDING: usize = 4;

impl Services {
    /// The organization's channels, by name.
    ///
    /// # Errors
    /// [`ServiceError::Unavailable`] when the database does not answer.
    pub async fn notification_channels(&self, permit: &Permit<cap::Notifications>) -> ServiceResult<Vec<ChannelView>> {
        let mut db = self.tenant(permit.organization()).await?;
        let channels = channels::list(&mut db, permit.organization()).await?;
        Ok(channels.into_iter().map(view).collect())
    }

    /// Makes a channel. A webhook without a signing secret gets one, which is answered this once.
    ///
    /// # Errors
    /// [`ServiceError::Invalid`] when a field cannot be used, [`ServiceError::Conflict`] when the organization has too many.
    pub async fn add_channel(
        &self,
        permit: &Permit<cap::Notifications>,
        draft: ChannelDraft,
    ) -> ServiceResult<MadeChannel> {
        let (organization, now) = (permit.organization(), self.clock.now());
        let name = fields::name("name", "a name that says who reads it", &draft.name)?;
        let events = some(draft.events)?;
        let address = match draft.address {
            Some(address) => address,
            None if draft.kind == ChannelKind::PagerDuty => drift_notify::PAGERDUTY.into(),
            None => return Err(ServiceError::invalid("address", "Say where the channel leads.")),
        };
        let place = self.place(draft.kind, &address)?;
        let (secret, made) = match (draft.kind, draft.secret) {
            (kind, Some(secret)) => (read_secret(kind, secret)?, None),
            (ChannelKind::Webhook, None) => {
                let secret = new_secret()?;
                (Some(secret.clone()), Some(secret))
            }
            (ChannelKind::PagerDuty, None) => {
                return Err(ServiceError::invalid("secret", "PagerDuty needs the routing key of an integration."));
            }
            (_, None) => (None, None),
        };
        let mut tx = self.tenant(organization).await?;
        if channels::list(&mut tx, organization).await?.len() >= MOST {
            let message = format!("There are {MOST} channels already. Remove one that nobody reads any more first.");
            return Err(ServiceError::Conflict(message));
        }
        let record = ChannelRecord {
            id: ChannelId(Uuid::now_v7()),
            kind: draft.kind,
            name,
            address: self.sealed(organization, Purpose::ChannelAddress, &address)?,
            target: target(draft.kind, &place, secret.as_ref()),
            secret: secret.map(|secret| self.sealed(organization, Purpose::ChannelSecret, &secret)).transpose()?,
            events,
            state: ChannelState::On,
            created_at: now,
            last_delivered_at: None,
            trouble: None,
        };
        channels::insert(&mut tx, organization, &record, permit.caller().user_id).await.map_err(taken)?;
        happened(&mut tx, permit.caller(), "channel.created", told(&record), now).await?;
        tx.commit().await.map_err(StoreError::from)?;
        Ok(MadeChannel { channel: view(record), secret: made })
    }

    /// Changes a channel. Where address or secret are left out, what is stored stays; a routing key does not follow to another
    /// address.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`], or [`ServiceError::Invalid`] when a field cannot be used.
    pub async fn update_channel(
        &self,
        permit: &Permit<cap::Notifications>,
        id: ChannelId,
        draft: ChannelDraft,
    ) -> ServiceResult<ChannelView> {
        let organization = permit.organization();
        let mut tx = self.tenant(organization).await?;
        let found = channels::lock(&mut tx, organization, id).await?;
        let mut record = found.ok_or(ServiceError::NotFound("channel"))?;
        let mut change = json!({ "before": told(&record) });
        if draft.address.is_some() {
            change["address"] = "changed".into();
        }
        if draft.secret.is_some() {
            change["secret"] = "changed".into();
        }
        record.name = fields::name("name", "a name that says who reads it", &draft.name)?;
        record.events = some(draft.events)?;
        if record.kind == ChannelKind::PagerDuty && draft.address.is_some() && draft.secret.is_none() {
            let message = "Enter the routing key again: it is not sent to another address by itself.";
            return Err(ServiceError::invalid("secret", message));
        }
        let secret = draft.secret.map(|secret| read_secret(record.kind, secret)).transpose()?.flatten();
        let address = match draft.address {
            Some(address) => address,
            None => self.secrets.open(organization, Purpose::ChannelAddress, &record.address).map_err(|_| {
                ServiceError::invalid("address", "The stored address cannot be read any more. Enter it again.")
            })?,
        };
        let place = self.place(record.kind, &address)?;
        record.address = self.sealed(organization, Purpose::ChannelAddress, &address)?;
        if secret.is_some() || record.kind != ChannelKind::PagerDuty {
            record.target = target(record.kind, &place, secret.as_ref());
        }
        if let Some(secret) = secret {
            record.secret = Some(self.sealed(organization, Purpose::ChannelSecret, &secret)?);
        }
        channels::update(&mut tx, organization, &record).await.map_err(taken)?;
        happened(&mut tx, permit.caller(), "channel.updated", with(told(&record), change), self.clock.now()).await?;
        tx.commit().await.map_err(StoreError::from)?;
        Ok(view(record))
    }

    /// Switches a channel on or off. What waits for one that is off is given up.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] for a channel that is not the organization's.
    pub async fn switch_channel(
        &self,
        permit: &Permit<cap::Notifications>,
        id: ChannelId,
        on: bool,
    ) -> ServiceResult<()> {
        let organization = permit.organization();
        let mut tx = self.tenant(organization).await?;
        let found = channels::lock(&mut tx, organization, id).await?;
        let mut record = found.ok_or(ServiceError::NotFound("channel"))?;
        let before = record.state;
        record.state = if on { ChannelState::On } else { ChannelState::Off };
        record.trouble = record.trouble.filter(|_| !on);
        channels::update(&mut tx, organization, &record).await?;
        let data = json!({ "channel": id, "name": record.name, "state": record.state, "before": before });
        happened(&mut tx, permit.caller(), "channel.switched", data, self.clock.now()).await?;
        Ok(tx.commit().await.map_err(StoreError::from)?)
    }

    /// Removes a channel, with what it is reached and signed with. Its deliveries stay in the log.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] for a channel that is not the organization's.
    pub async fn remove_channel(&self, permit: &Permit<cap::Notifications>, id: ChannelId) -> ServiceResult<()> {
        let (organization, now) = (permit.organization(), self.clock.now());
        let mut tx = self.tenant(organization).await?;
        let found = channels::lock(&mut tx, organization, id).await?;
        let record = found.ok_or(ServiceError::NotFound("channel"))?;
        channels::remove(&mut tx, organization, id, now).await?;
        happened(&mut tx, permit.caller(), "channel.removed", told(&record), now).await?;
        Ok(tx.commit().await.map_err(StoreError::from)?)
    }

    /// Reads an address: where it leads, as far as that is no secret.
    fn place(&self, kind: ChannelKind, address: &SecretString) -> ServiceResult<String> {
        let text = address.expose_secret().trim();
        if kind == ChannelKind::Email {
            if !self.sends_mail() {
                let message = "This installation sends no mail. Whoever runs it has to set a mail server first.";
                return Err(ServiceError::invalid("address", message));
            }
            // Somebody may have pasted a webhook's address here, so it is not repeated.
            return fields::email("address", text).map_err(|_| {
                ServiceError::invalid("address", "This is no mail address. One looks like name@example.com.")
            });
        }
        let url = drift_notify::read_url(text, self.connector.allows_private())
            .map_err(|error| ServiceError::invalid("address", format!("The address was not accepted: {error}.")))?;
        Ok(host(&url))
    }

    fn sealed(&self, organization: OrganizationId, purpose: Purpose, text: &SecretString) -> ServiceResult<Vec<u8>> {
        let text = SecretString::from(text.expose_secret().trim());
        self.secrets.seal(organization, purpose, &text).map_err(ServiceError::unavailable)
    }
}

fn host(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// What is shown of an address.
fn target(kind: ChannelKind, place: &str, secret: Option<&SecretString>) -> String {
    match secret.filter(|_| kind == ChannelKind::PagerDuty) {
        Some(key) => {
            let key = key.expose_secret();
            format!("{place}, key …{}", &key[key.len().saturating_sub(ENDING)..])
        }
        None => place.to_owned(),
    }
}

/// Holds a secret against what its channel signs or signs in with. Other kinds take none.
fn read_secret(kind: ChannelKind, secret: SecretString) -> ServiceResult<Option<SecretString>> {
    let secret = SecretString::from(secret.expose_secret().trim());
    match kind {
        ChannelKind::Webhook => match signature::check(&secret) {
            Ok(()) => Ok(Some(secret)),
            Err(error) => Err(ServiceError::invalid("secret", format!("This cannot be signed with: {error}."))),
        },
        ChannelKind::PagerDuty => {
            let key = secret.expose_secret();
            if key.len() == 32 && key.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
                Ok(Some(secret))
            } else {
                Err(ServiceError::invalid(
                    "secret",
                    "A routing key is 32 letters and digits, from the integration's page.",
                ))
            }
        }
        ChannelKind::Email | ChannelKind::Slack | ChannelKind::Teams => Ok(None),
    }
}

fn new_secret() -> ServiceResult<SecretString> {
    let mut key = [0; 32];
    OsRng.try_fill_bytes(&mut key).map_err(ServiceError::unavailable)?;
    Ok(signature::secret_of(&key))
}

/// A channel tells of something.
fn some(mut events: Vec<NoticeKind>) -> ServiceResult<Vec<NoticeKind>> {
    events.sort_unstable();
    events.dedup();
    if events.is_empty() {
        return Err(ServiceError::invalid("events", "Choose at least one kind of event."));
    }
    Ok(events)
}

/// What the record says of a channel: nothing that is secret.
fn told(record: &ChannelRecord) -> serde_json::Value {
    json!({ "channel": record.id, "kind": record.kind, "name": record.name, "target": record.target, "events": record.events })
}

/// The same with further particulars.
fn with(mut data: serde_json::Value, further: serde_json::Value) -> serde_json::Value {
    if let (Some(data), serde_json::Value::Object(further)) = (data.as_object_mut(), further) {
        data.extend(further);
    }
    data
}

fn taken(error: StoreError) -> ServiceError {
    match error.constraint() {
        Some("notification_channels_names") => {
            ServiceError::invalid("name", "There is a channel of this name already. Choose another one.")
        }
        _ => error.into(),
    }
}

fn view(record: ChannelRecord) -> ChannelView {
    ChannelView {
        id: record.id,
        kind: record.kind,
        name: record.name,
        target: record.target,
        state: record.state,
        events: record.events,
        created_at: record.created_at,
        last_delivered_at: record.last_delivered_at,
        trouble: record.trouble,
    }
}
