//! A whole application for tests: a database per test, a clock to turn, stand-ins wired.
