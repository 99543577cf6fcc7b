-- Scheduling of checks: one at a time and environment without a queue for each, fair shares, back-off, and retention that
-- can find what nothing refers to.

ALTER TABLE environments
    -- When the schedule asked for the check that has not ended yet. A check that was lost does not hold its environment
    -- back for long: after some minutes this counts for nothing.
    ADD COLUMN queued_at timestamptz,
    -- Whom the checks of one host are counted by.
    ADD COLUMN n8n_host text NOT NULL
        GENERATED ALWAYS AS (lower(split_part(split_part(n8n_base_url, '://', 2), '/', 1))) STORED;
-- Rows are small and written several times a minute: room on their page keeps the indexes out of it.
ALTER TABLE environments SET (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);

ALTER TABLE checks
    -- When the schedule had it due. NULL: somebody asked for it.
    ADD COLUMN due_at timestamptz,
    -- The job that runs it. While that job is held by a worker, no other check of the environment begins.
    ADD COLUMN job_id bigint;
ALTER TABLE checks SET (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_insert_scale_factor = 0.05);
CREATE INDEX checks_running ON checks (environment_id) WHERE outcome = 'RUNNING';

-- One row a check is written with each id once: the primary key serves what this did.
CREATE INDEX changes_by_environment ON changes (environment_id, first_seen_at DESC);

-- What refers to a snapshot, for retention and for the foreign keys themselves.
CREATE INDEX changes_live_snapshot ON changes (organization_id, live_snapshot) WHERE live_snapshot IS NOT NULL;
CREATE INDEX changes_desired_snapshot ON changes (organization_id, desired_snapshot) WHERE desired_snapshot IS NOT NULL;
CREATE INDEX changes_superseded_by ON changes (organization_id, superseded_by) WHERE superseded_by IS NOT NULL;
CREATE INDEX decisions_change ON decisions (organization_id, change_id);
CREATE INDEX workflows_baseline_snapshot ON workflows (organization_id, baseline_snapshot)
    WHERE baseline_snapshot IS NOT NULL;
CREATE INDEX git_blobs_snapshot ON git_blobs (organization_id, snapshot);
CREATE INDEX snapshots_by_age ON snapshots (organization_id, created_at);
CREATE INDEX readings_by_age ON readings (organization_id, seen_on);
CREATE INDEX events_by_change ON events (change_id) WHERE change_id IS NOT NULL;
CREATE INDEX events_by_age ON events (organization_id, at);
