//! A three-way merge of one workflow for a screen: what comes from where, and what a person has to pick.

use serde::{Deserialize, Serialize};

use crate::words::words;

words! {
    /// A side of a merge, as a person picks it.
    pub enum MergeSide {
        /// What runs in n8n.
        Live = "live",
        /// What Git declares.
        Desired = "desired",
        /// The last content on which the two agreed.
        Base = "base",
    }
}

words! {
    /// Where a part of a merged workflow comes from.
    pub enum MergeSource {
        /// From n8n.
        Live = "live",
        /// From Git.
        Desired = "desired",
        /// Both sides made the same of it.
        Both = "both",
        /// As it was when the two last agreed, since a person picked that.
        Base = "base",
        /// Nobody knows yet: a person has to pick.
        Open = "open",
        /// Left out, since a node that it needs is not in the result.
        Lost = "lost",
    }
}

impl From<MergeSide> for MergeSource {
    fn from(side: MergeSide) -> Self {
        match side {
            MergeSide::Live => Self::Live,
            MergeSide::Desired => Self::Desired,
            MergeSide::Base => Self::Base,
        }
    }
}

/// Something that at least one side changed, and where the merged workflow has it from. Texts are redacted already.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MergePart {
    /// What it is, as for a conflict of it. Where both sides added to one port, each has a part of this key.
    pub key: String,
    /// What it is and what was done to it, for a person.
    pub title: String,
    /// Where it comes from.
    pub source: MergeSource,
    /// Whether a person picked the side.
    pub chosen: bool,
}

/// Something that both sides changed differently. Texts are redacted already, all of one merge together: equal labels
/// stand for equal secrets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MergeConflict {
    /// Names it in a choice. The same for the same contents of the sides.
    pub key: String,
    /// What it is, for a person.
    pub title: String,
    /// Why a person has to pick, in a sentence.
    pub why: String,
    /// The sides that can be picked. Without [`MergeSide::Base`] where nothing is known of the last common content.
    pub sides: Vec<MergeSide>,
    /// What n8n has, as lines of indented JSON; `None` where it has nothing of it.
    pub live: Option<Vec<String>>,
    /// What Git has.
    pub desired: Option<Vec<String>>,
    /// What both had; `None` also where that is not known.
    pub base: Option<Vec<String>>,
    /// Whether a secret was taken out of the lines.
    pub redacted: bool,
}
