//! The screens of WorkflowOps.
