//! A private Postgres, run as a child process.
