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

-- The primary key serves what this index did; the age is what retention asks for.
ALTER TABLE checks DROP CONSTRAINT checks_organization_id_id_key;
CREATE INDEX checks_by_age ON checks (organization_id, started_at);
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

-- Removes a decided change that is older than the plan keeps, with those that it superseded and their decisions. What
-- belongs to an incident stays with it, and so does whatever another table refers to. Answers whether it went.
CREATE FUNCTION forget_finished(organization uuid, root uuid) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE chain uuid[];
BEGIN
    WITH RECURSIVE back AS (
        SELECT id FROM changes WHERE organization_id = organization AND id = root AND state = 'DECIDED'
        UNION ALL
        SELECT c.id FROM changes c JOIN back ON c.superseded_by = back.id WHERE c.organization_id = organization
    ) SELECT array_agg(id) INTO chain FROM back;
    IF chain IS NULL OR EXISTS (SELECT FROM changes c WHERE c.organization_id = organization AND c.id = ANY (chain)
                                AND to_jsonb(c) ->> 'incident_id' IS NOT NULL) THEN
        RETURN false;
    END IF;
    WITH gone AS (DELETE FROM changes WHERE organization_id = organization AND id = ANY (chain))
    DELETE FROM decisions WHERE organization_id = organization AND change_id = ANY (chain);
    RETURN true;
EXCEPTION WHEN foreign_key_violation THEN
    RETURN false;
END $$;

-- Removes contents that nothing refers to. Those that a table refers to which is not named here stay, too: its foreign key
-- says so. Answers how many went.
CREATE FUNCTION forget_snapshots(organization uuid, kept_since timestamptz, most bigint)
    RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    candidate bytea;
    gone bigint := 0;
BEGIN
    FOR candidate IN
        SELECT hash FROM snapshots s WHERE organization_id = organization AND created_at < kept_since
            AND NOT EXISTS (SELECT FROM git_blobs WHERE organization_id = organization AND snapshot = s.hash)
            AND NOT EXISTS (SELECT FROM changes WHERE organization_id = organization AND live_snapshot = s.hash)
            AND NOT EXISTS (SELECT FROM changes WHERE organization_id = organization AND desired_snapshot = s.hash)
            AND NOT EXISTS (SELECT FROM workflows WHERE organization_id = organization AND baseline_snapshot = s.hash)
        ORDER BY created_at LIMIT most FOR UPDATE SKIP LOCKED
    LOOP
        BEGIN
            DELETE FROM snapshots WHERE organization_id = organization AND hash = candidate;
            gone := gone + 1;
        EXCEPTION WHEN foreign_key_violation THEN NULL;
        END;
    END LOOP;
    RETURN gone;
END $$;
