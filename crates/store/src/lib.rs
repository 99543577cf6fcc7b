//! Every SQL statement of WorkflowOps.
