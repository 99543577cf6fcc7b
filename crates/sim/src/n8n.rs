//! n8n stand-in (comes next).
