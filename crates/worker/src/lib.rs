//! Schedules and job handlers.
