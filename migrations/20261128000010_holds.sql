-- Retention with legal holds: what goes is said once, here, for whoever previews it and for whoever removes it; what is under a
-- hold is not deleted by any statement; an incident that goes leaves a row behind; and what went is on record.

INSERT INTO plan_capabilities (plan, capability, granted) VALUES
    ('FREE', 'RETENTION', 'FULL'),
    ('PRO', 'RETENTION', 'FULL'),
    ('AGENCY', 'RETENTION', 'FULL'),
    ('ENTERPRISE', 'RETENTION', 'FULL'),
    ('FREE', 'HOLDS', 'NONE'),
    ('PRO', 'HOLDS', 'NONE'),
    ('AGENCY', 'HOLDS', 'NONE'),
    ('ENTERPRISE', 'HOLDS', 'FULL');

CREATE TABLE holds (
    -- No cascade: an organization that was ever held is not deleted with its holds.
    organization_id uuid NOT NULL REFERENCES organizations (id),
    id              uuid PRIMARY KEY,
    -- NULL: all of the organization. No foreign key: a released hold outlives its incident. `keep_holds` looks that it is theirs.
    incident_id     uuid,
    -- The number to say, which outlives it, too.
    incident_number bigint,
    reason          text NOT NULL CONSTRAINT holds_reason_is_not_blank CHECK (btrim(reason) <> ''),
    placed_by       uuid NOT NULL REFERENCES users (id),
    placed_at       timestamptz NOT NULL,
    released_by     uuid REFERENCES users (id),
    released_at     timestamptz,
    release_reason  text,
    UNIQUE (organization_id, id),
    CONSTRAINT holds_name_their_incident CHECK ((incident_id IS NULL) = (incident_number IS NULL)),
    CONSTRAINT holds_are_released_on_the_record CHECK (
        num_nulls(released_by, released_at, release_reason) IN (0, 3) AND btrim(release_reason) <> ''
        AND released_at >= placed_at)
);
CREATE UNIQUE INDEX holds_one_at_a_time ON holds (organization_id, coalesce(incident_id, organization_id))
    WHERE released_at IS NULL;

-- A hold is placed on what is there, ends once, and stays as a row. Placing waits for a removal that is under way and the other
-- way round: both lock the organization's row, which is in nobody else's way for long.
CREATE FUNCTION keep_holds() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        PERFORM FROM organizations WHERE id = NEW.organization_id FOR UPDATE;
        IF NEW.incident_id IS NOT NULL AND NOT EXISTS (
            SELECT FROM drift_incidents WHERE organization_id = NEW.organization_id AND id = NEW.incident_id
                AND number = NEW.incident_number) THEN
            RAISE EXCEPTION 'hold %: there is no such incident', NEW.id
                USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'holds_are_on_what_is_there';
        END IF;
        RETURN NEW;
    END IF;
    IF TG_OP = 'UPDATE' AND OLD.released_at IS NULL AND NEW.released_at IS NOT NULL
        AND to_jsonb(NEW) - ARRAY['released_by', 'released_at', 'release_reason']
            = to_jsonb(OLD) - ARRAY['released_by', 'released_at', 'release_reason'] THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'holds are released, and stay on record'
        USING ERRCODE = 'restrict_violation', CONSTRAINT = 'holds_are_kept';
END $$;
CREATE TRIGGER keep_holds BEFORE INSERT OR UPDATE OR DELETE ON holds FOR EACH ROW EXECUTE FUNCTION keep_holds();
CREATE TRIGGER keep_holds_whole BEFORE TRUNCATE ON holds FOR EACH STATEMENT EXECUTE FUNCTION keep_holds();

-- Whether a hold is on all of an organization.
CREATE FUNCTION is_held(organization uuid) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM holds WHERE organization_id = organization AND incident_id IS NULL AND released_at IS NULL)
$$;
-- Whether a hold is on an incident, by itself.
CREATE FUNCTION incident_is_held(organization uuid, incident uuid) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM holds WHERE organization_id = organization AND incident_id = incident AND released_at IS NULL)
$$;
-- Whether a change is part of a held incident, or of what such a change carries as its history.
CREATE FUNCTION change_is_held(organization uuid, change uuid) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM holds WHERE organization_id = organization AND incident_id IS NOT NULL AND released_at IS NULL)
        AND EXISTS (
            WITH RECURSIVE onward AS (
                SELECT superseded_by, incident_id FROM changes WHERE organization_id = organization AND id = change
                UNION
                SELECT c.superseded_by, c.incident_id FROM changes c JOIN onward o ON c.id = o.superseded_by
                WHERE c.organization_id = organization)
            SELECT FROM onward o JOIN holds h ON h.incident_id = o.incident_id
            WHERE h.organization_id = organization AND h.released_at IS NULL)
$$;
-- Whether a check saw a change of a held incident first or last, or was asked for to close one.
CREATE FUNCTION check_is_held(organization uuid, environment uuid, looked uuid) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM holds WHERE organization_id = organization AND incident_id IS NOT NULL AND released_at IS NULL)
        AND (EXISTS (SELECT FROM incident_closings c JOIN holds h ON h.incident_id = c.incident_id AND h.released_at IS NULL
                     WHERE c.organization_id = organization AND c.environment_id = environment AND c.check_id = looked)
             OR EXISTS (SELECT FROM changes c WHERE c.organization_id = organization AND c.environment_id = environment
                        AND looked IN (c.first_check_id, c.last_check_id) AND change_is_held(organization, c.id)))
$$;

-- What is left of an incident that was removed: the log and whoever kept its receipt find what it was.
CREATE TABLE removed_incidents (
    organization_id uuid NOT NULL REFERENCES organizations (id),
    id              uuid PRIMARY KEY,
    number          bigint NOT NULL,
    environment_id  uuid NOT NULL,
    detected_at     timestamptz NOT NULL,
    closed_at       timestamptz NOT NULL,
    -- The digest of its closure receipt: a receipt that somebody kept can be held against it.
    receipt_digest  bytea NOT NULL CHECK (length(receipt_digest) = 32),
    removed_at      timestamptz NOT NULL,
    UNIQUE (organization_id, id),
    CONSTRAINT removed_incidents_number_is_unique UNIQUE (organization_id, number)
);
CREATE INDEX removed_incidents_newest ON removed_incidents (organization_id, removed_at DESC);

-- Days of history that an organization's plan keeps.
CREATE FUNCTION history_days(organization uuid) RETURNS integer LANGUAGE sql STABLE AS $$
    SELECT coalesce(own.value, l.standard) FROM organizations o
        JOIN plan_limits l ON l.plan = o.plan AND l.name = 'HISTORY_DAYS'
        LEFT JOIN organization_limits own ON own.organization_id = o.id AND own.plan = l.plan AND own.name = l.name
    WHERE o.id = organization
$$;

-- An incident may be removed when it is closed, longer ago than the plan keeps, and under no hold: the row that says so is what
-- lets it go, and is never altered. There is no other way.
CREATE FUNCTION keep_removed_incidents() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        RAISE EXCEPTION 'what is left of removed incidents is kept'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'removed_incidents_are_kept';
    END IF;
    IF NOT EXISTS (
        SELECT FROM drift_incidents i JOIN closure_receipts r ON r.organization_id = i.organization_id AND r.incident_id = i.id
        WHERE i.organization_id = NEW.organization_id AND i.id = NEW.id AND i.number = NEW.number
            AND i.environment_id = NEW.environment_id AND i.status = 'CLOSED' AND i.closed_at = NEW.closed_at
            AND r.digest = NEW.receipt_digest
            AND i.closed_at < NEW.removed_at - make_interval(days => history_days(NEW.organization_id)))
        OR is_held(NEW.organization_id) OR incident_is_held(NEW.organization_id, NEW.id) THEN
        RAISE EXCEPTION 'incident % is not to be removed: it is open, too young, or under a hold', NEW.id
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'removed_incidents_were_over';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER keep_removed_incidents BEFORE INSERT OR UPDATE OR DELETE ON removed_incidents
    FOR EACH ROW EXECUTE FUNCTION keep_removed_incidents();
CREATE TRIGGER keep_removed_incidents_whole BEFORE TRUNCATE ON removed_incidents
    FOR EACH STATEMENT EXECUTE FUNCTION keep_removed_incidents();

-- The three guards that never let anything of a closed incident go do so for one whose removal is on record, in that alone.
CREATE FUNCTION removal_is_on_record(organization uuid, incident uuid) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM removed_incidents WHERE organization_id = organization AND id = incident)
$$;
DROP TRIGGER keep_incidents ON drift_incidents;
CREATE TRIGGER keep_incidents BEFORE UPDATE ON drift_incidents FOR EACH ROW EXECUTE FUNCTION keep_incidents();
CREATE TRIGGER keep_incidents_from_deletion BEFORE DELETE ON drift_incidents FOR EACH ROW
    WHEN (NOT removal_is_on_record(OLD.organization_id, OLD.id)) EXECUTE FUNCTION keep_incidents();
DROP TRIGGER keep_receipts ON closure_receipts;
CREATE TRIGGER keep_receipts BEFORE UPDATE ON closure_receipts FOR EACH ROW EXECUTE FUNCTION keep_receipts();
CREATE TRIGGER keep_receipts_from_deletion BEFORE DELETE ON closure_receipts FOR EACH ROW
    WHEN (NOT removal_is_on_record(OLD.organization_id, OLD.incident_id)) EXECUTE FUNCTION keep_receipts();
DROP TRIGGER keep_reconciliations ON reconciliations;
CREATE TRIGGER keep_reconciliations BEFORE UPDATE ON reconciliations FOR EACH ROW EXECUTE FUNCTION keep_reconciliations();
CREATE TRIGGER keep_reconciliations_from_deletion BEFORE DELETE ON reconciliations FOR EACH ROW
    WHEN (OLD.state = 'PENDING' OR OLD.incident_id IS NULL OR NOT removal_is_on_record(OLD.organization_id, OLD.incident_id))
    EXECUTE FUNCTION keep_reconciliations();

-- What is under a hold is not deleted, by whatever statement.
CREATE FUNCTION refuse_held() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% holds what is under a legal hold: it is kept until the hold is released', TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation', CONSTRAINT = 'holds_hold';
END $$;
CREATE FUNCTION refuse_held_whole() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM holds WHERE released_at IS NULL) THEN
        RAISE EXCEPTION '% holds what is under a legal hold: it is kept until the hold is released', TG_TABLE_NAME
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'holds_hold';
    END IF;
    RETURN NULL;
END $$;
CREATE PROCEDURE protect_held(name regclass, held text) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE TRIGGER hold BEFORE DELETE ON %s FOR EACH ROW
        WHEN (is_held(OLD.organization_id) OR %s) EXECUTE FUNCTION refuse_held()', name, held);
    EXECUTE format('CREATE TRIGGER hold_whole BEFORE TRUNCATE ON %s FOR EACH STATEMENT
        EXECUTE FUNCTION refuse_held_whole()', name);
END $$;
CALL protect_held('environments', 'false');
CALL protect_held('workflows', 'false');
CALL protect_held('snapshots', 'false');
CALL protect_held('gate_requests', 'false');
CALL protect_held('checks', 'check_is_held(OLD.organization_id, OLD.environment_id, OLD.id)');
CALL protect_held('changes', 'change_is_held(OLD.organization_id, OLD.id)');
CALL protect_held('decisions', 'incident_is_held(OLD.organization_id, OLD.incident_id)
    OR change_is_held(OLD.organization_id, OLD.change_id)');
CALL protect_held('events', 'incident_is_held(OLD.organization_id, OLD.incident_id)
    OR change_is_held(OLD.organization_id, OLD.change_id)');
CALL protect_held('drift_incidents', 'incident_is_held(OLD.organization_id, OLD.id)');
CALL protect_held('incident_closings', 'incident_is_held(OLD.organization_id, OLD.incident_id)');
CALL protect_held('closure_receipts', 'incident_is_held(OLD.organization_id, OLD.incident_id)');
CALL protect_held('drift_reconciliation_artifacts', 'incident_is_held(OLD.organization_id, OLD.incident_id)
    OR change_is_held(OLD.organization_id, OLD.change_id)');
CALL protect_held('reconciliation_items', 'change_is_held(OLD.organization_id, OLD.change_id)');
CALL protect_held('reconciliation_steps', 'change_is_held(OLD.organization_id, OLD.change_id)');
CALL protect_held('reconciliations', 'incident_is_held(OLD.organization_id, OLD.incident_id)');
CALL protect_held('deployments', 'false');

-- What is older than is kept, of each kind: the one answer to what goes (`kept` is NULL) and what stays, and why. `at` is the
-- moment that its age is counted from.

-- Checks. The newest good one of an environment, and those that a change refers to, are kept.
CREATE FUNCTION old_checks(organization uuid, cut_off timestamptz)
    RETURNS TABLE (id uuid, at timestamptz, kept text) LANGUAGE sql STABLE AS $$
    SELECT c.id, c.started_at, CASE
        WHEN is_held(organization) OR check_is_held(organization, c.environment_id, c.id) THEN 'HELD'
        WHEN EXISTS (SELECT FROM changes WHERE environment_id = c.environment_id
                     AND (first_check_id = c.id OR last_check_id = c.id)) THEN 'REFERRED'
        WHEN NOT EXISTS (SELECT FROM checks newer WHERE newer.environment_id = c.environment_id AND newer.id > c.id
                         AND newer.outcome IN ('IN_SYNC', 'DRIFT')) THEN 'NEWEST'
        END
    FROM checks c WHERE c.organization_id = organization AND c.started_at < cut_off
$$;

-- Scheduled checks that began between two moments and found exactly what the one before them found, but for the first of each
-- unit of time. What found something else, what somebody asked for, and what a change refers to is not among them.
CREATE FUNCTION repeated_checks(organization uuid, since timestamptz, cut_off timestamptz, unit text)
    RETURNS TABLE (id uuid, at timestamptz, kept text) LANGUAGE sql STABLE AS $$
    SELECT c.id, c.started_at, CASE WHEN is_held(organization) OR check_is_held(organization, c.environment_id, c.id) THEN 'HELD' END
    FROM (
        SELECT id, environment_id, started_at, trigger,
            outcome = lag(outcome) OVER runs AND outcome <> 'RUNNING'
                AND git_commit IS NOT DISTINCT FROM lag(git_commit) OVER runs
                AND live_fingerprint IS NOT DISTINCT FROM lag(live_fingerprint) OVER runs
                AND desired_fingerprint IS NOT DISTINCT FROM lag(desired_fingerprint) OVER runs
                AND failure ->> 'kind' IS NOT DISTINCT FROM lag(failure ->> 'kind') OVER runs AS same,
            row_number() OVER (PARTITION BY environment_id, date_trunc(unit, started_at) ORDER BY id) AS place
        FROM checks WHERE organization_id = organization AND started_at >= since AND started_at < cut_off
        WINDOW runs AS (PARTITION BY environment_id ORDER BY id)) AS c
    WHERE same AND place > 1 AND trigger = 'SCHEDULE'
        AND NOT EXISTS (SELECT FROM changes WHERE environment_id = c.environment_id
                        AND (first_check_id = c.id OR last_check_id = c.id))
$$;

-- A change with those that it superseded, directly or through others.
CREATE FUNCTION change_with_history(organization uuid, root uuid) RETURNS TABLE (id uuid, incident_id uuid) LANGUAGE sql STABLE AS $$
    WITH RECURSIVE back AS (
        SELECT c.id, c.incident_id FROM changes c WHERE c.organization_id = organization AND c.id = root
        UNION
        SELECT c.id, c.incident_id FROM changes c JOIN back ON c.superseded_by = back.id WHERE c.organization_id = organization)
    SELECT id, incident_id FROM back
$$;

-- Changes, each with what it superseded. What belongs to an incident goes with that; what waits for a person never goes; what
-- was carried out is kept as long as that is.
CREATE FUNCTION old_changes(organization uuid, cut_off timestamptz)
    RETURNS TABLE (id uuid, at timestamptz, kept text) LANGUAGE sql STABLE AS $$
    SELECT c.id, greatest(c.last_seen_at, d.decided_at), CASE
        WHEN c.state <> 'DECIDED' THEN 'OPEN'
        WHEN is_held(organization) OR change_is_held(organization, c.id)
            OR EXISTS (SELECT FROM change_with_history(organization, c.id) h WHERE incident_is_held(organization, h.incident_id))
            THEN 'HELD'
        WHEN EXISTS (SELECT FROM change_with_history(organization, c.id) h WHERE h.incident_id IS NOT NULL) THEN 'INCIDENT'
        WHEN EXISTS (SELECT FROM change_with_history(organization, c.id) h WHERE
            EXISTS (SELECT FROM reconciliation_items WHERE change_id = h.id)
            OR EXISTS (SELECT FROM drift_reconciliation_artifacts WHERE change_id = h.id)) THEN 'REFERRED'
        END
    FROM changes c LEFT JOIN decisions d ON d.organization_id = c.organization_id AND d.id = c.decision_id
    WHERE c.organization_id = organization AND c.state <> 'SUPERSEDED' AND c.last_seen_at < cut_off
        AND (d.decided_at IS NULL OR d.decided_at < cut_off)
$$;

-- Incidents with everything that belongs to them. A restore of one of its changes is no part of an incident and keeps it as long
-- as it is kept itself.
CREATE FUNCTION old_incidents(organization uuid, cut_off timestamptz)
    RETURNS TABLE (id uuid, at timestamptz, kept text) LANGUAGE sql STABLE AS $$
    SELECT i.id, coalesce(i.closed_at, i.detected_at), CASE
        WHEN i.status <> 'CLOSED' THEN 'OPEN'
        WHEN is_held(organization) OR incident_is_held(organization, i.id) THEN 'HELD'
        WHEN EXISTS (
            SELECT FROM changes c CROSS JOIN LATERAL change_with_history(organization, c.id) h
            WHERE c.organization_id = organization AND c.incident_id = i.id
                AND (h.incident_id <> i.id OR EXISTS (
                    SELECT FROM reconciliation_items t JOIN reconciliations r ON r.id = t.reconciliation_id
                    WHERE t.change_id = h.id AND r.incident_id IS DISTINCT FROM i.id)
                OR EXISTS (SELECT FROM drift_reconciliation_artifacts a WHERE a.change_id = h.id
                           AND a.incident_id IS DISTINCT FROM i.id))) THEN 'REFERRED'
        END
    FROM drift_incidents i WHERE i.organization_id = organization AND coalesce(i.closed_at, i.detected_at) < cut_off
$$;

-- Events. What tells of a change or an incident is kept as long as that is.
CREATE FUNCTION old_events(organization uuid, cut_off timestamptz)
    RETURNS TABLE (id bigint, at timestamptz, kept text) LANGUAGE sql STABLE AS $$
    SELECT e.id, e.at, CASE
        WHEN is_held(organization) OR incident_is_held(organization, e.incident_id) OR change_is_held(organization, e.change_id)
            THEN 'HELD'
        WHEN e.incident_id IS NOT NULL THEN 'INCIDENT'
        WHEN EXISTS (SELECT FROM changes c WHERE c.organization_id = organization AND c.id = e.change_id) THEN 'REFERRED'
        END
    FROM events e WHERE e.organization_id = organization AND e.at < cut_off
$$;

-- Restores and deployments outside of incidents that ended, and plans that nobody said to carry out.
CREATE FUNCTION old_reconciliations(organization uuid, planned_before timestamptz, cut_off timestamptz)
    RETURNS TABLE (id uuid, at timestamptz, kept text) LANGUAGE sql STABLE AS $$
    SELECT r.id, coalesce(r.ended_at, r.planned_at), CASE
        WHEN is_held(organization) OR incident_is_held(organization, r.incident_id)
            OR EXISTS (SELECT FROM reconciliation_items t WHERE t.reconciliation_id = r.id
                       AND change_is_held(organization, t.change_id)) THEN 'HELD'
        WHEN EXISTS (SELECT FROM drift_reconciliation_artifacts a WHERE a.reconciliation_id = r.id) THEN 'REFERRED'
        END
    FROM reconciliations r WHERE r.organization_id = organization
        AND (r.state = 'PLANNED' AND r.planned_at < planned_before OR r.incident_id IS NULL AND r.ended_at < cut_off)
$$;

-- Contents that nothing refers to any more. The foreign keys know what refers to them; so does this.
CREATE FUNCTION unused_snapshots(organization uuid, cut_off timestamptz)
    RETURNS TABLE (id bytea, at timestamptz, kept text) LANGUAGE sql STABLE AS $$
    SELECT s.hash, s.created_at, CASE WHEN is_held(organization) THEN 'HELD' END
    FROM snapshots s WHERE s.organization_id = organization AND s.created_at < cut_off
        AND NOT EXISTS (SELECT FROM git_blobs WHERE organization_id = organization AND snapshot = s.hash)
        AND NOT EXISTS (SELECT FROM changes WHERE organization_id = organization AND live_snapshot = s.hash)
        AND NOT EXISTS (SELECT FROM changes WHERE organization_id = organization AND desired_snapshot = s.hash)
        AND NOT EXISTS (SELECT FROM workflows WHERE organization_id = organization AND baseline_snapshot = s.hash)
        AND NOT EXISTS (SELECT FROM reconciliation_steps WHERE organization_id = organization AND content = s.hash)
        AND NOT EXISTS (SELECT FROM reconciliation_steps WHERE organization_id = organization AND overwrites = s.hash)
$$;

CREATE OR REPLACE FUNCTION forget_snapshots(organization uuid, kept_since timestamptz, most bigint)
    RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    candidate bytea;
    gone bigint := 0;
BEGIN
    FOR candidate IN
        SELECT s.hash FROM snapshots s JOIN unused_snapshots(organization, kept_since) u ON u.id = s.hash
        WHERE s.organization_id = organization AND u.kept IS NULL
        ORDER BY s.created_at LIMIT most FOR UPDATE OF s SKIP LOCKED
    LOOP
        BEGIN
            DELETE FROM snapshots WHERE organization_id = organization AND hash = candidate;
            gone := gone + 1;
        EXCEPTION WHEN foreign_key_violation THEN NULL;
        END;
    END LOOP;
    RETURN gone;
END $$;

-- Removes a decided change with those that it superseded and their decisions. Answers whether it went: what another table refers
-- to, or somebody else has just removed, did not.
CREATE OR REPLACE FUNCTION forget_finished(organization uuid, root uuid) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE chain uuid[];
BEGIN
    PERFORM FROM organizations WHERE id = organization FOR KEY SHARE;
    PERFORM FROM changes WHERE organization_id = organization AND id = root AND state = 'DECIDED' FOR UPDATE;
    IF NOT FOUND OR is_held(organization) OR change_is_held(organization, root) THEN
        RETURN false;
    END IF;
    SELECT array_agg(id) INTO chain FROM change_with_history(organization, root);
    IF EXISTS (SELECT FROM changes WHERE organization_id = organization AND id = ANY (chain) AND incident_id IS NOT NULL) THEN
        RETURN false;
    END IF;
    WITH gone AS (DELETE FROM changes WHERE organization_id = organization AND id = ANY (chain))
    DELETE FROM decisions WHERE organization_id = organization AND change_id = ANY (chain);
    RETURN true;
EXCEPTION WHEN foreign_key_violation THEN
    RETURN false;
END $$;

-- Removes a closed incident with its changes, what they superseded, decisions, what carried them out, closings, receipt and
-- events, and leaves a row in `removed_incidents`. Answers whether it went.
CREATE FUNCTION forget_incident(organization uuid, incident uuid, now timestamptz) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    gone drift_incidents;
    chain uuid[];
BEGIN
    -- The order of whoever writes to an incident: its environment first.
    PERFORM FROM environments e JOIN drift_incidents i ON i.environment_id = e.id
        WHERE i.organization_id = organization AND i.id = incident FOR NO KEY UPDATE OF e;
    SELECT * INTO gone FROM drift_incidents WHERE organization_id = organization AND id = incident AND status = 'CLOSED' FOR UPDATE;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    PERFORM FROM organizations WHERE id = organization FOR KEY SHARE;
    IF is_held(organization) OR incident_is_held(organization, incident) THEN
        RETURN false;
    END IF;
    SELECT array_agg(DISTINCT h.id) INTO chain FROM changes c CROSS JOIN LATERAL change_with_history(organization, c.id) h
        WHERE c.organization_id = organization AND c.incident_id = incident;
    INSERT INTO removed_incidents (organization_id, id, number, environment_id, detected_at, closed_at, receipt_digest, removed_at)
        SELECT organization, incident, gone.number, gone.environment_id, gone.detected_at, gone.closed_at, digest, now
        FROM closure_receipts WHERE organization_id = organization AND incident_id = incident;
    DELETE FROM drift_reconciliation_artifacts WHERE organization_id = organization
        AND (incident_id = incident OR change_id = ANY (chain));
    DELETE FROM reconciliations WHERE organization_id = organization AND incident_id = incident;
    WITH gone AS (DELETE FROM changes WHERE organization_id = organization AND id = ANY (chain))
    DELETE FROM decisions WHERE organization_id = organization AND change_id = ANY (chain);
    DELETE FROM events WHERE organization_id = organization AND (incident_id = incident OR change_id = ANY (chain));
    DELETE FROM incident_closings WHERE organization_id = organization AND incident_id = incident;
    DELETE FROM closure_receipts WHERE organization_id = organization AND incident_id = incident;
    UPDATE environments SET last_drift_incident_id = NULL
        WHERE organization_id = organization AND id = gone.environment_id AND last_drift_incident_id = incident;
    DELETE FROM drift_incidents WHERE organization_id = organization AND id = incident;
    RETURN true;
EXCEPTION WHEN foreign_key_violation THEN
    RETURN false;
END $$;

-- What a tidying removed. One that removed nothing leaves no row.
CREATE TABLE retention_runs (
    organization_id uuid NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    id              uuid PRIMARY KEY,
    began_at        timestamptz NOT NULL,
    history_days    integer NOT NULL,
    -- The day whose entry in the audit log tells of it. NULL: none has yet.
    told_on         date,
    UNIQUE (organization_id, id)
);
CREATE INDEX retention_runs_newest ON retention_runs (organization_id, began_at DESC);
CREATE INDEX retention_runs_untold ON retention_runs (organization_id) WHERE told_on IS NULL;

-- Added to in the transaction of each batch, so that it says what went even of a tidying that was cut short.
CREATE TABLE retention_removals (
    organization_id uuid NOT NULL,
    run_id          uuid NOT NULL,
    kind            text NOT NULL CONSTRAINT retention_removals_kind_is_known CHECK (kind IN (
                        'CONTENTS', 'EVENTS', 'CHECKS', 'REPEATED_CHECKS', 'RECONCILIATIONS', 'CHANGES', 'INCIDENTS')),
    removed         bigint NOT NULL CHECK (removed > 0),
    -- What was older than this.
    cut_off         timestamptz NOT NULL,
    PRIMARY KEY (run_id, kind),
    FOREIGN KEY (organization_id, run_id) REFERENCES retention_runs (organization_id, id) ON DELETE CASCADE
);

CALL protect_tenant('holds');
CALL protect_tenant('removed_incidents');
CALL protect_tenant('retention_runs');
CALL protect_tenant('retention_removals');
REVOKE DELETE ON holds FROM workflowops_tenant;
REVOKE INSERT, UPDATE, DELETE ON removed_incidents, retention_runs, retention_removals FROM workflowops_tenant;
