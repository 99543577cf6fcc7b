//! Roles of members in an organization.

use crate::words::words;

words! {
    /// What a member may do; each role may do what the ones before it may (product, Roles).
    pub enum Role {
        /// Reads.
        Viewer = "VIEWER",
        /// Acknowledges, decides, rechecks, deploys.
        Operator = "OPERATOR",
        /// Also approves.
        Approver = "APPROVER",
        /// Also configures environments, policies, plan and members.
        Admin = "ADMIN",
        /// Also removes the organization.
        Owner = "OWNER",
    }
}
