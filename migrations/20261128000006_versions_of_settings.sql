-- What two people can edit at once has a version, which moves with every edit: an edit of what somebody else has changed
-- meanwhile is told from one that is not.

ALTER TABLE environments ADD COLUMN connection_version bigint NOT NULL DEFAULT 1;
ALTER TABLE organizations ADD COLUMN incident_settings_version bigint NOT NULL DEFAULT 1;
