//! workflowops
fn main() {}
