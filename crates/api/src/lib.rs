//! REST v1, problem+json, incoming webhooks, server-sent events.
