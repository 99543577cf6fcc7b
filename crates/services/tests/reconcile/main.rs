//! Decisions carried out by the product, on a real Postgres and the stand-ins: what is planned is what is written, and
//! nothing else; what moved meanwhile, what is refused and what is cut short ends as it should.

mod cancel;
mod collision;
mod common;
mod promote;
mod replace;
mod restore;
mod resume;
mod revert;
