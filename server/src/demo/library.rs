//! The real workflows that the demo's people run. Their authors and licences are in `server/demo/SOURCES.md`.

/// A workflow file, as its author published it.
#[derive(Debug)]
pub(super) struct Workflow {
    /// The file's name in Git, without `.json`.
    pub(super) slug: &'static str,
    /// The file.
    pub(super) text: &'static str,
}

macro_rules! library {
    ($($slug:literal,)+) => {
        /// Every file.
        pub(super) const ALL: &[Workflow] =
            &[$(Workflow { slug: $slug, text: include_str!(concat!("../../demo/workflows/", $slug, ".json")) },)+];
    };
}

library! {
    "asana-agent",
    "asana-task",
    "build-query",
    "chat-with-files",
    "crud",
    "crud-v2",
    "drive-to-vector-store",
    "email-classifier",
    "error-handler",
    "financial-recording",
    "financial-recording-v2",
    "google-doc",
    "hotel-mcp-server",
    "intercom-teams",
    "invoice-extractor",
    "lead-enrichment",
    "normalize",
    "outbound-enroller",
    "outbound-sender",
    "reasoning-expert",
    "reddit-researcher",
    "scrape-start",
    "slack-message",
    "slack-summary",
    "token-check",
    "token-issuer",
    "wazuh-analyzer",
    "zendesk-insights",
}

/// The file of this name.
pub(super) fn get(slug: &str) -> anyhow::Result<&'static Workflow> {
    ALL.iter()
        .find(|workflow| workflow.slug == slug)
        .ok_or_else(|| anyhow::anyhow!("the demo has no workflow {slug:?}"))
}
