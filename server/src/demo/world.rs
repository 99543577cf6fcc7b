//! Who is in the demo: organizations on every plan, their people, and the environments that they watch.

use drift_domain::environment::EnvironmentClass::{self, Development, Production, Staging};
use drift_domain::plan::PlanTier;
use drift_domain::role::Role;
use drift_sim::n8n::N8nVersion::{self, V1, V2};

use super::scenes::Scene;

/// What everybody signs in with. The demo listens on this machine alone.
pub(super) const PASSWORD: &str = "look-at-the-drift";

/// A tenant.
pub(super) struct Organization {
    pub(super) name: &'static str,
    pub(super) plan: PlanTier,
    pub(super) people: &'static [Person],
}

/// A member of an organization. One address may be a member of several.
pub(super) struct Person {
    pub(super) name: &'static str,
    pub(super) email: &'static str,
    pub(super) role: Role,
}

const fn person(name: &'static str, email: &'static str, role: Role) -> Person {
    Person { name, email, role }
}

/// Every organization; the first member of each is its owner and connects its environments.
pub(super) const ORGANIZATIONS: &[Organization] = &[
    Organization {
        name: "Northlight Automation",
        plan: PlanTier::Agency,
        people: &[
            person("Mara Lindqvist", "owner@northlight.example", Role::Owner),
            person("Ben Okafor", "operator@northlight.example", Role::Operator),
            person("Vera Sommer", "viewer@northlight.example", Role::Viewer),
            person("Ruth Adler", "auditor@northlight.example", Role::Viewer),
        ],
    },
    Organization {
        name: "Meridian Bank",
        plan: PlanTier::Enterprise,
        people: &[
            person("Ines Duarte", "owner@meridian.example", Role::Owner),
            person("Ada Nowak", "approver@meridian.example", Role::Approver),
            person("Tom Reuter", "operator@meridian.example", Role::Operator),
            person("Ruth Adler", "auditor@northlight.example", Role::Viewer),
        ],
    },
    Organization {
        name: "Kettle & Pine",
        plan: PlanTier::Pro,
        people: &[
            person("Noor Haddad", "owner@kettle.example", Role::Owner),
            person("Joe Field", "viewer@kettle.example", Role::Viewer),
        ],
    },
    Organization {
        name: "Rivermill Foods",
        plan: PlanTier::Pro,
        people: &[
            person("Lena Brandt", "owner@rivermill.example", Role::Owner),
            person("Sam Porter", "operator@rivermill.example", Role::Operator),
        ],
    },
    Organization {
        name: "Solo Studio",
        plan: PlanTier::Free,
        people: &[
            person("Kim Solo", "owner@solo.example", Role::Owner),
            person("Nia Park", "operator@solo.example", Role::Operator),
        ],
    },
];

/// One environment, and what happens in it.
pub(super) struct Environment {
    /// What files of the demo call it.
    pub(super) key: &'static str,
    /// The organization's name.
    pub(super) organization: &'static str,
    pub(super) name: &'static str,
    pub(super) class: EnvironmentClass,
    pub(super) version: N8nVersion,
    /// `owner/name`.
    pub(super) repository: &'static str,
    pub(super) folder: &'static str,
    /// Names of files of the library.
    pub(super) workflows: &'static [&'static str],
    pub(super) scene: Scene,
}

const LEADS: &[&str] = &[
    "lead-enrichment",
    "scrape-start",
    "outbound-enroller",
    "outbound-sender",
    "invoice-extractor",
    "email-classifier",
];
const HOTEL: &[&str] = &[
    "token-issuer",
    "normalize",
    "token-check",
    "hotel-mcp-server",
    "build-query",
    "error-handler",
    "crud",
    "crud-v2",
];
const RESEARCH: &[&str] =
    &["reddit-researcher", "reasoning-expert", "chat-with-files", "slack-summary", "asana-agent", "google-doc"];
const BANK: &[&str] = &["wazuh-analyzer", "intercom-teams", "zendesk-insights", "error-handler", "normalize"];
const SHOP: &[&str] = &[
    "slack-message",
    "slack-summary",
    "google-doc",
    "asana-agent",
    "asana-task",
    "email-classifier",
    "invoice-extractor",
    "drive-to-vector-store",
];
const SMALL: &[&str] = &["slack-message", "slack-summary", "asana-agent", "google-doc"];

/// Every environment, in the order in which they are made.
pub(super) const ENVIRONMENTS: &[Environment] = &[
    Environment {
        key: "northlight-production",
        organization: "Northlight Automation",
        name: "Northlight Production",
        class: Production,
        version: V2,
        repository: "northlight/automation",
        folder: "production/workflows",
        workflows: LEADS,
        scene: Scene::Hotfixes,
    },
    Environment {
        key: "northlight-staging",
        organization: "Northlight Automation",
        name: "Northlight Staging",
        class: Staging,
        version: V2,
        repository: "northlight/automation",
        folder: "staging/workflows",
        workflows: LEADS,
        scene: Scene::Closed,
    },
    Environment {
        key: "harbor-production",
        organization: "Northlight Automation",
        name: "Harbor Hotel",
        class: Production,
        version: V1,
        repository: "northlight/harbor-hotel",
        folder: "workflows",
        workflows: HOTEL,
        scene: Scene::Undeployed,
    },
    Environment {
        key: "harbor-staging",
        organization: "Northlight Automation",
        name: "Harbor Hotel Staging",
        class: Staging,
        version: V1,
        repository: "northlight/harbor-hotel",
        folder: "staging",
        workflows: HOTEL,
        scene: Scene::Down,
    },
    Environment {
        key: "bright-production",
        organization: "Northlight Automation",
        name: "Bright Labs",
        class: Production,
        version: V2,
        repository: "northlight/bright-labs",
        folder: "workflows",
        workflows: RESEARCH,
        scene: Scene::Collision,
    },
    Environment {
        key: "bright-development",
        organization: "Northlight Automation",
        name: "Bright Labs Sandbox",
        class: Development,
        version: V2,
        repository: "northlight/bright-labs-sandbox",
        folder: "",
        workflows: &["reasoning-expert", "chat-with-files", "financial-recording", "financial-recording-v2"],
        scene: Scene::Adoption,
    },
    Environment {
        key: "cedar-production",
        organization: "Northlight Automation",
        name: "Cedar Foods",
        class: Production,
        version: V2,
        repository: "northlight/cedar-foods",
        folder: "workflows",
        workflows: SMALL,
        scene: Scene::Hotfix,
    },
    Environment {
        key: "lumen-production",
        organization: "Northlight Automation",
        name: "Lumen Dental",
        class: Production,
        version: V2,
        repository: "northlight/lumen-dental",
        folder: "workflows",
        workflows: SMALL,
        scene: Scene::Night,
    },
    Environment {
        key: "meridian-production",
        organization: "Meridian Bank",
        name: "Operations",
        class: Production,
        version: V2,
        repository: "meridian/operations",
        folder: "workflows",
        workflows: BANK,
        scene: Scene::InSync,
    },
    Environment {
        key: "meridian-staging",
        organization: "Meridian Bank",
        name: "Operations Rehearsal",
        class: Staging,
        version: V2,
        repository: "meridian/operations",
        folder: "workflows",
        workflows: BANK,
        scene: Scene::WrongKey,
    },
    Environment {
        key: "meridian-payments",
        organization: "Meridian Bank",
        name: "Payments",
        class: Production,
        version: V2,
        repository: "meridian/payments",
        folder: "workflows",
        workflows: SMALL,
        scene: Scene::Reconciled,
    },
    Environment {
        key: "meridian-cards",
        organization: "Meridian Bank",
        name: "Cards",
        class: Production,
        version: V2,
        repository: "meridian/cards",
        folder: "workflows",
        workflows: SMALL,
        scene: Scene::Expired,
    },
    Environment {
        key: "kettle-production",
        organization: "Kettle & Pine",
        name: "Shop",
        class: Production,
        version: V2,
        repository: "kettle-and-pine/shop",
        folder: "n8n",
        workflows: SHOP,
        scene: Scene::Many,
    },
    Environment {
        key: "kettle-staging",
        organization: "Kettle & Pine",
        name: "Shop Staging",
        class: Staging,
        version: V2,
        repository: "kettle-and-pine/shop",
        folder: "n8n-staging",
        workflows: SHOP,
        scene: Scene::InSync,
    },
    Environment {
        key: "rivermill-production",
        organization: "Rivermill Foods",
        name: "Mill",
        class: Production,
        version: V2,
        repository: "rivermill/mill",
        folder: "n8n",
        workflows: SMALL,
        scene: Scene::Hotfix,
    },
    Environment {
        key: "solo-production",
        organization: "Solo Studio",
        name: "Studio",
        class: Production,
        version: V1,
        repository: "kim/studio",
        folder: "",
        workflows: SMALL,
        scene: Scene::Vanished,
    },
];
