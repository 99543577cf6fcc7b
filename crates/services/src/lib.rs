//! What is allowed and what happens: one gate, one transaction.
