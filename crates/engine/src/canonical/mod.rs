//! The declarative form of an n8n workflow: what is compared, what is not, and why (rules version 1).
//!
//! Drift is a difference in what people declare: what a workflow is, not what it did or where it is kept. n8n's JSON mixes
//! the two, and its editor and its upgrades rewrite much that means nothing. These rules bring both sides into one form.
//! What they leave out is counted by [`Rule`](crate::Rule) and can be looked at. Each rule was observed on n8n 2.41.1 and
//! 1.123.81, or in public workflows and their git histories.
//!
//! The marks: **kept** is compared as it is. **both** is compared where both sides have it. **default** is compared after
//! filling in what n8n takes where it is missing. **cosmetic** is shown and is no drift. **dropped** is counted only.
//! **mapped** belongs to one instance and is replaced by a stable name first ([`Workflow::with_ids`](crate::Workflow::with_ids)).
//!
//! # The workflow
//! | field | | why |
//! |---|---|---|
//! | `name` | both | a person's word; a canvas copied to the clipboard has none |
//! | `active` | both, default false | published or active: whether it runs. Source control and packages do not carry it, and a body for the API cannot. Between two files of which neither came from an instance, leaving it out means inactive |
//! | `isArchived`, `description`, `nodeGroups` | both, default false, `""`, none | as for `active`; n8n's list leaves the description out, and 1.x has no groups |
//! | `tags` | both, by name, in any order | ids and times of tags belong to the instance |
//! | `nodes`, `connections` | kept | see below. Of a published workflow with an unpublished draft the published version is taken, since it is what runs |
//! | `settings` | kept | see below |
//! | `id` | identity | finds the counterpart; never compared |
//! | `staticData`, `pinData`, `triggerCount` | dropped, runtime | polling state, test data, a count; all move by themselves |
//! | `createdAt`, `updatedAt`, `versionId`, `versionCounter`, `activeVersionId`, `activeVersion`, `meta`, `sourceWorkflowId`, `shared`, `owner`, `parentFolder`, `parentFolderId`, `homeProject`, `sharedWithProjects`, `scopes`, `usedCredentials`, `versionMetadata`, `tagIds`, publish history | dropped, server | bookkeeping. `versionId` stays the same in 27 % of real changes and moves in 15 % of saves that change nothing |
//! | anything else | dropped, unknown | an upgrade of n8n must not light up a fleet; it shows under *ignored* until a version of these rules classifies it |
//!
//! # Settings
//! | field | | why |
//! |---|---|---|
//! | `executionOrder` | default `v0` | absent means the old order to n8n; `v1` is a change, and the editor makes it |
//! | `timezone`, `errorWorkflow`, `saveDataErrorExecution`, `saveDataSuccessExecution`, `saveManualExecutions`, `saveExecutionProgress` | default `DEFAULT` | n8n writes the default so, since its API cannot unset a setting. An explicit `true` differs: the instance's default may be another |
//! | `executionTimeout` | default -1 | none |
//! | `callerPolicy`, `availableInMCP`, `timeSavedMode` | default `workflowsFromSameOwner`, false, `fixed` | 1.x and upgrades write them in by themselves |
//! | `timeSavedPerExecution`, `customTelemetryTags` | kept | |
//! | `callerIds` | kept, a set; mapped | a comma-separated list whose order means nothing |
//! | `errorWorkflow` | mapped | the id of a workflow of this instance |
//! | `binaryMode`, `credentialResolverId` | dropped, server | the editor writes them in; the API ignores them without a word |
//! | null, `""`, `[]`, `{}` | dropped, empty | n8n reads them as nothing |
//! | anything else | both | new keys come with upgrades; where both sides have one, a difference is somebody's change |
//!
//! # Nodes
//! Nodes are a set: their order in the file means nothing. A sticky note is cosmetic as a whole.
//! | field | | why |
//! |---|---|---|
//! | `name` | kept | connections and expressions use it |
//! | `id` | dropped, regenerated | made anew on copying, importing and by tools; it helps the diff to recognise a node and never enters a fingerprint |
//! | `type` | kept | |
//! | `typeVersion` | default 1 | |
//! | `parameters` | kept | see below |
//! | `credentials` | kept, by type and name | ids belong to an instance; the same name under another id is twice as common as the reverse. The id counts where there is no name. Old exports hold the bare name |
//! | `disabled`, `continueOnFail`, `retryOnFail`, `alwaysOutputData`, `executeOnce` | default false | the editor drops what is false |
//! | `onError` | default `stopWorkflow` | |
//! | `maxTries`, `waitBetweenTries` | default 3, 1000 | |
//! | `notes` | default `""` | |
//! | `webhookId`, `extendsCredential` | both | n8n makes a webhook id where it is missing; a changed one changes an address |
//! | `position`, `notesInFlow`, `color` | cosmetic | the editor snaps positions to its grid on the first small edit |
//! | anything else | dropped, unknown | |
//!
//! # Parameters
//! | field | | why |
//! |---|---|---|
//! | null, `{}` and objects of nothing else | dropped, empty | the editor adds `options: {}` and drops it again. Elements of lists keep their place: `[{}]` is a list of one |
//! | numbers | one spelling | n8n's numbers are doubles: `1.0` is `1` |
//! | `cachedResultName`, `cachedResultUrl` in a resource locator (`__rl`) | both | the editor remembers them; many files lack them. Where both have one and it differs, somebody chose anew |
//! | `id` of an assignment or a condition | both; any UUID equals any other | the editor makes UUIDs anew; other ids were written by somebody |
//! | `schema` of mapped columns | kept | n8n converts values by it when it runs |
//! | `workflowId` of nodes that call a workflow, and the end of its `cachedResultUrl` | mapped | the id of a workflow of this instance |
//! | anything else | kept | a node's own defaults are known to its type alone: `field` left out and `field` at its default differ here |
//!
//! # Connections
//! A set of edges from a node's output to a node's input, each with the kind of port, both indices and both names. Empty
//! and null slots, and ports without edges, are nothing. The order of edges within one port is **dropped**: under
//! `executionOrder` v1 n8n runs branches by their place on the canvas, whatever the order in the file. A move that changes
//! their order is shown as cosmetic like every other.

pub(crate) mod connections;
pub(crate) mod groups;
pub(crate) mod node;
pub(crate) mod references;
pub(crate) mod settings;
pub(crate) mod value;
