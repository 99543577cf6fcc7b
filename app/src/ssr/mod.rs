//! The server's half: routes, who asks, and how pages become responses.

pub(crate) mod render;
