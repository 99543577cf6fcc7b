//! What happens in each environment before somebody looks at it. Everything that the demo shows came about like this: a
//! person acted on one side, and a check saw it.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use drift_domain::change::DecisionKind::{Promote, Revert};
use drift_domain::check::CheckOutcome::{Drift, Failed, InSync};
use drift_domain::clock::Clock;
use drift_domain::environment::EnvironmentClass;
use drift_domain::ids::IncidentId;
use drift_services::Services;
use serde_json::{Value, json};

use super::site::{Site, node, replace};

/// What an environment shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scene {
    /// Both sides agree. Somebody dragged a node and an execution left data behind: neither is drift.
    InSync,
    /// Fixes of a bad night in production, one of them saved and not published, and a workflow that nobody committed.
    Hotfixes,
    /// Git moved on and nobody deployed; a hotfix reached Git by itself and waits for somebody to say so.
    Undeployed,
    /// n8n does not answer. What was seen before it went away stays.
    Down,
    /// Both sides changed the same workflow, differently.
    Collision,
    /// Newly connected: the adoption review is open, and two pairs of workflows share one name.
    Adoption,
    /// Somebody renewed n8n's API key.
    WrongKey,
    /// More changes than the plan shows diffs of.
    Many,
    /// A hotfix that was taken back before anybody decided about it, beside one that was not.
    Vanished,
    /// One small hotfix, to be dealt with.
    Hotfix,
    /// Four small hotfixes of one night: enough to promote one, revert one, replace one and lose one.
    Night,
    /// A hotfix that was decided and carried out: its incident waits to be closed.
    Reconciled,
    /// In sync again after an incident that is closed, with its receipt.
    Closed,
    /// An incident whose time is over, and a deployment that went through before it was.
    Expired,
}

/// The time some time ago.
struct Ago(Arc<Services>, TimeDelta);

impl Clock for Ago {
    fn now(&self) -> DateTime<Utc> {
        self.0.now() - self.1
    }
}

impl Scene {
    /// The services at the time at which it was acted out: a day and more ago, where that is over by now.
    pub(super) fn services(self, now: &Arc<Services>) -> Arc<Services> {
        if self == Self::Expired {
            Arc::new(now.as_of(Arc::new(Ago(now.clone(), TimeDelta::hours(30)))))
        } else {
            now.clone()
        }
    }

    /// Looks at what was acted out in the past as it is now: a look of back then says nothing any more.
    pub(super) async fn come_to_now(self, site: Site) -> anyhow::Result<()> {
        if self == Self::Expired { site.check(Drift).await } else { Ok(()) }
    }

    /// Acts it out on a newly connected environment.
    pub(super) async fn play(self, site: &Site) -> anyhow::Result<()> {
        if self == Self::Adoption {
            return adoption(site).await;
        }
        site.check(InSync).await?;
        site.adopt("Both sides agreed when the environment was connected.").await?;
        match self {
            Self::InSync => in_sync(site).await,
            Self::Hotfixes => hotfixes(site).await,
            Self::Undeployed => undeployed(site).await,
            Self::Down => down(site).await,
            Self::Collision => collision(site).await,
            Self::WrongKey => wrong_key(site).await,
            Self::Many => many(site).await,
            Self::Vanished => vanished(site).await,
            Self::Hotfix => hotfix(site).await,
            Self::Night => night(site).await,
            Self::Reconciled => reconciled(site).await,
            Self::Closed => closed(site).await,
            Self::Expired => expired(site).await,
            Self::Adoption => Ok(()),
        }
    }
}

async fn in_sync(site: &Site) -> anyhow::Result<()> {
    site.edit(site.plan.workflows[0], |workflow| workflow["nodes"][0]["position"] = json!([1040, -320]))?;
    site.edit(site.plan.workflows[1], |workflow| workflow["pinData"] = json!({ "Test": [{ "json": { "id": 1 } }] }))?;
    site.check(InSync).await
}

async fn hotfixes(site: &Site) -> anyhow::Result<()> {
    // The monthly budget ran out at night: whoever was on call raised it and let lower scores through.
    site.edit("lead-enrichment", |workflow| {
        let gate = &mut node(workflow, "Reveal gate")["parameters"]["jsCode"];
        replace(
            gate,
            "const minScore = Number(b0.min_score || 60);",
            "// HOTFIX: campaign starts at 6, see #4711\nconst minScore = 45;",
        );
        let config = &mut node(workflow, "Config")["parameters"]["assignments"]["assignments"];
        config[0]["value"] = json!(200);
    })?;
    site.check(Drift).await?;
    site.edit("invoice-extractor", |workflow| {
        let alert = node(workflow, "Unsupported File Alert");
        alert["credentials"] =
            json!({ "slackOAuth2Api": { "id": "n1gh7Sh1f7", "name": "Slack account (night shift)" } });
    })?;
    site.edit("outbound-sender", |workflow| {
        node(workflow, "scheduleTrigger")["parameters"]["rule"]["interval"][0]["minutesInterval"] = json!(60);
    })?;
    site.deactivate("scrape-start")?;
    site.import("slack-message")?;
    site.check(Drift).await?;
    site.edit_without_publishing("lead-enrichment", |workflow| {
        let gate = &mut node(workflow, "Reveal gate")["parameters"]["jsCode"];
        replace(gate, "const minScore = 45;", "const minScore = 50;");
    })?;
    site.check(Drift).await
}

async fn undeployed(site: &Site) -> anyhow::Result<()> {
    // The night before: the alert went to a channel that nobody read. It was put right in n8n first, and in Git later.
    let louder = |workflow: &mut Value| {
        let alert = node(workflow, "Alerta (Webhook/HTTP)");
        alert["parameters"]["bodyParameters"]["parameters"][2]["value"] = json!("urgent");
        alert["retryOnFail"] = json!(true);
    };
    site.edit("error-handler", louder)?;
    site.check(Drift).await?;
    site.commit(
        "Ben Okafor <operator@northlight.example>",
        "Error handler: alert as urgent, and try again",
        "error-handler",
        louder,
    )
    .await?;
    // The sides agree again; the change waits for a person all the same.
    site.check(InSync).await?;
    // Today: merged and not deployed.
    site.commit("Ana Ruiz <ana@northlight.example>", "CRUD: answer the new booking page", "crud-v2", |workflow| {
        let webhook = node(workflow, "WebhookCRUD");
        webhook["parameters"]["options"]["allowedOrigins"] =
            json!("https://harbor.example,https://booking.harbor.example");
    })
    .await?;
    site.commit("Ana Ruiz <ana@northlight.example>", "Normalize: say which version it is", "normalize", |workflow| {
        workflow["description"] = json!("Brings rows of every model into one form. Version 2.1.");
        workflow["settings"]["executionTimeout"] = json!(120);
    })
    .await?;
    site.check(Drift).await?;
    // The policy opened an incident when the alert drifted; the hotel's people took it from there.
    site.acknowledge("Alerts reached nobody last night. The fix is in n8n; Git has it by now.").await?;
    site.stabilize("Alerts arrive again since 02:10. The two deployments can wait for the morning.").await
}

async fn down(site: &Site) -> anyhow::Result<()> {
    site.edit("token-check", |workflow| {
        node(workflow, "Verify Token")["parameters"]["options"] = json!({ "timeout": 3000 });
    })?;
    site.check(Drift).await?;
    site.n8n.stop().await;
    site.check(Failed).await
}

async fn collision(site: &Site) -> anyhow::Result<()> {
    site.edit("reddit-researcher", |workflow| {
        node(workflow, "Reddit")["parameters"]["limit"] = json!(50);
    })?;
    site.commit(
        "Ana Ruiz <ana@northlight.example>",
        "Researcher: read more, and only what is new",
        "reddit-researcher",
        |workflow| {
            let reddit = node(workflow, "Reddit");
            reddit["parameters"]["limit"] = json!(25);
            reddit["parameters"]["additionalFields"]["sort"] = json!("new");
        },
    )
    .await?;
    site.edit("slack-summary", |workflow| {
        let chain = &mut node(workflow, "Basic LLM Chain")["parameters"]["text"];
        replace(
            chain,
            "outputting just the summary and nothing else - no preabmle or explanation.",
            "in three bullet points, in English, and nothing else.",
        );
    })?;
    site.commit("Ana Ruiz <ana@northlight.example>", "Asana: nobody uses it", "asana-agent", |workflow| {
        workflow["active"] = json!(false);
    })
    .await?;
    site.check(Drift).await?;
    site.acknowledge("The summaries were unreadable for the client, and the researcher hit its limit.").await?;
    site.choose("Summarize Slack", Promote, "The client likes the three bullet points.").await?;
    site.comment("@Ben Okafor can you ask Bright Labs which limit they need? Both sides changed it.").await
}

/// The environment was connected with its two sides apart; see `seed`.
async fn adoption(site: &Site) -> anyhow::Result<()> {
    site.check(Drift).await
}

async fn wrong_key(site: &Site) -> anyhow::Result<()> {
    site.n8n.set_api_key("n8n_api_renewed_by_the_bank");
    site.check(Failed).await
}

async fn many(site: &Site) -> anyhow::Result<()> {
    let cheaper = |workflow: &mut Value| {
        node(workflow, "OpenAI Chat Model")["parameters"]["model"] = json!("gpt-4.1-nano");
    };
    site.edit("slack-summary", cheaper)?;
    site.edit("asana-agent", cheaper)?;
    site.edit("slack-message", |workflow| {
        node(workflow, "Slack")["parameters"]["text"] = json!("=Shop: {{ $json.body.message }}");
    })?;
    site.edit("google-doc", |workflow| {
        node(workflow, "Google Drive")["parameters"]["folderId"]["value"] = json!("1moved0toTheNewDrive");
    })?;
    site.check(Drift).await?;
    site.edit("email-classifier", |workflow| {
        node(workflow, "Email Urgent Alert")["disabled"] = json!(true);
    })?;
    site.edit("invoice-extractor", |workflow| {
        let alert = node(workflow, "Pipeline Error Alert");
        alert["credentials"] = json!({ "slackOAuth2Api": { "id": "k3ttl3", "name": "Slack account (shop)" } });
        alert["name"] = json!("Pipeline error to #shop");
        let connections =
            workflow["connections"].to_string().replace("\"Pipeline Error Alert\"", "\"Pipeline error to #shop\"");
        workflow["connections"] = serde_json::from_str(&connections).unwrap_or_default();
    })?;
    site.delete("asana-task")?;
    site.check(Drift).await?;
    site.open_incident("Seven workflows of the shop differ after the weekend.").await?;
    site.acknowledge("Going through them one by one, the credential first.").await?;
    site.choose("Invoice", Promote, "The shop's own Slack account is the right one.").await
}

async fn vanished(site: &Site) -> anyhow::Result<()> {
    let before = super::site::parsed("slack-message")?;
    site.edit("slack-message", |workflow| {
        node(workflow, "Slack")["parameters"]["text"] = json!("=[test] {{ $json.body.message }}");
    })?;
    site.edit("asana-agent", |workflow| {
        let agent = &mut node(workflow, "AI Agent")["parameters"]["options"]["systemMessage"];
        replace(agent, "a helpful assistant", "a terse assistant");
    })?;
    site.check(Drift).await?;
    site.edit("slack-message", |workflow| workflow["nodes"] = before["nodes"].clone())?;
    site.check(Drift).await
}

/// Somebody marks every message as urgent.
fn urgent(workflow: &mut Value) {
    node(workflow, "Slack")["parameters"]["text"] = json!("=URGENT: {{ $json.body.message }}");
}

async fn hotfix(site: &Site) -> anyhow::Result<()> {
    site.edit("slack-message", urgent)?;
    site.check(Drift).await
}

async fn night(site: &Site) -> anyhow::Result<()> {
    site.edit("slack-message", urgent)?;
    site.edit("slack-summary", |workflow| {
        node(workflow, "Slack")["parameters"]["limit"] = json!(200);
    })?;
    site.edit("google-doc", |workflow| {
        node(workflow, "Google Drive")["parameters"]["name"] = json!("=Night of {{ $now.toISODate() }}");
    })?;
    site.edit("asana-agent", |workflow| {
        let agent = &mut node(workflow, "AI Agent")["parameters"]["options"]["systemMessage"];
        replace(agent, "a helpful assistant", "a terse assistant");
    })?;
    site.check(Drift).await
}

async fn reconciled(site: &Site) -> anyhow::Result<()> {
    taken_back(site, "slack-message", urgent).await.map(drop)
}

async fn closed(site: &Site) -> anyhow::Result<()> {
    let paused = |workflow: &mut Value| node(workflow, "Email Urgent Alert")["disabled"] = json!(true);
    let incident = taken_back(site, "email-classifier", paused).await?;
    site.close(incident).await?;
    in_sync(site).await
}

async fn expired(site: &Site) -> anyhow::Result<()> {
    site.edit("slack-message", urgent)?;
    site.edit("slack-summary", |workflow| {
        node(workflow, "Slack")["parameters"]["limit"] = json!(500);
    })?;
    site.check(Drift).await?;
    // The policy opened the incident. One of the two was put right by deploying; the other one was left.
    site.acknowledge("Two edits in the cards' notices. The summary goes back at once.").await?;
    site.deploy("Summarize Slack", "The summary reads too much since the edit.").await?;
    site.comment("The other one waits for the cards team.").await
}

/// A hotfix of one night, whose incident is led up to its closing.
async fn taken_back(site: &Site, slug: &str, hotfix: impl FnOnce(&mut Value)) -> anyhow::Result<IncidentId> {
    let before = super::site::parsed(slug)?;
    site.edit(slug, hotfix)?;
    site.check(Drift).await?;
    if site.plan.class != EnvironmentClass::Production {
        // No policy opens one here.
        site.open_incident("Somebody tried something here and left it.").await?;
    }
    site.acknowledge("Changed by hand while the queue was down.").await?;
    site.stabilize("The queue is back.").await?;
    site.choose("", Revert, "It was for one night.").await?;
    site.edit(slug, |workflow| workflow["nodes"] = before["nodes"].clone())?;
    site.check(InSync).await?;
    site.reconcile().await
}
