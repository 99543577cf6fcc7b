//! Stand-ins for n8n and GitHub, with faults on request.
//!
//! Each runs inside the process, on a port of 127.0.0.1 that the system chooses, and answers as the real server was seen
//! to. The demo shows the product on them, and tests drive them: as the person who edits a workflow, and as the network
//! that fails.
//!
//! | module | |
//! |---|---|
//! | [`n8n`] | n8n's public API v1, versions 1.x and 2.x |
//! | [`github`] | GitHub's REST API and the GraphQL in use, over real git repositories, with webhooks, held against GitHub's own description |
//! | [`faults`] | what goes wrong, for which request, how often |
//! | [`server`] | a listener that can be stopped and started again on its port |

pub mod faults;
pub mod github;
pub mod n8n;
pub mod server;
