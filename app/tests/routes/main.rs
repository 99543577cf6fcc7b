//! Every address that takes a form, with the capability that its gate asks for. One that is not listed here fails a test, and
//! each one that is gets walked: without a session, as a stranger, and by every role on every plan. The API reference is read beside it.

#[path = "../browser/mod.rs"]
mod browser;

mod golden;
mod reference;
mod table;
mod walk;
mod world;
