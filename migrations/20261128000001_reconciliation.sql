-- Reconciliation: decisions that the product carries out, planned before they are, step by step on record.

INSERT INTO plan_capabilities (plan, capability, granted) VALUES
    ('FREE', 'EXECUTE', 'NONE'),
    ('PRO', 'EXECUTE', 'NONE'),
    ('AGENCY', 'EXECUTE', 'FULL'),
    ('ENTERPRISE', 'EXECUTE', 'FULL');

ALTER TABLE environments
    -- Where the files of new workflows go below the folder: {slug}, {name}, {id}. NULL: as the other files are named.
    ADD COLUMN path_template text CONSTRAINT environments_path_template_names_a_file
        CHECK (path_template ~ '\.json$' AND path_template ~ '\{(slug|name|id)\}' AND path_template !~ '(^/|\.\.|//)');

CREATE TABLE reconciliations (
    organization_id uuid NOT NULL,
    environment_id  uuid NOT NULL,
    id              uuid PRIMARY KEY,
    incident_id     uuid,
    purpose         text NOT NULL CONSTRAINT reconciliations_purpose_is_known CHECK (purpose IN ('DECISIONS', 'RESTORE')),
    state           text NOT NULL CONSTRAINT reconciliations_state_is_known
                    CHECK (state IN ('PLANNED', 'PENDING', 'DONE', 'FAILED', 'CANCELLED')),
    -- What its person was shown. The steps hold what is carried out.
    plan            jsonb NOT NULL,
    -- Why it cannot be carried out as planned.
    has_problems    boolean NOT NULL,
    planned_by      uuid NOT NULL REFERENCES users (id),
    planned_at      timestamptz NOT NULL,
    begun_by        uuid REFERENCES users (id),
    begun_at        timestamptz,
    ended_at        timestamptz,
    -- Moves each time that somebody takes it on. Whoever was taken for dead and was not holds an older one, and records nothing.
    turn            bigint NOT NULL DEFAULT 0,
    -- How often it was put off in a row because a side did not answer.
    put_off         integer NOT NULL DEFAULT 0,
    -- n8n holds a part of what is being written: until it ends, checks leave its changes as they are.
    writing         boolean NOT NULL DEFAULT false,
    waits_for       text,
    error           text,
    UNIQUE (organization_id, id),
    FOREIGN KEY (organization_id, environment_id) REFERENCES environments (organization_id, id),
    FOREIGN KEY (organization_id, environment_id, incident_id)
        REFERENCES drift_incidents (organization_id, environment_id, id),
    CONSTRAINT reconciliations_decisions_belong_to_an_incident CHECK (purpose <> 'DECISIONS' OR incident_id IS NOT NULL),
    CONSTRAINT reconciliations_begin_without_problems CHECK (NOT has_problems OR state = 'PLANNED'),
    CONSTRAINT reconciliations_end_as_they_say CHECK (
        (begun_at IS NULL) = (begun_by IS NULL)
        AND CASE state
            WHEN 'PLANNED' THEN begun_at IS NULL AND ended_at IS NULL
            WHEN 'PENDING' THEN begun_at IS NOT NULL AND ended_at IS NULL
            ELSE begun_at IS NOT NULL AND ended_at IS NOT NULL
        END
        AND (state = 'FAILED') = (error IS NOT NULL)
        AND (state = 'PENDING' OR (NOT writing AND waits_for IS NULL)))
);
CREATE INDEX reconciliations_by_incident ON reconciliations (incident_id, id DESC) WHERE incident_id IS NOT NULL;
CREATE INDEX reconciliations_by_environment ON reconciliations (environment_id, id DESC);
CREATE INDEX reconciliations_pending ON reconciliations (environment_id) WHERE state = 'PENDING';
CREATE INDEX reconciliations_planned ON reconciliations (organization_id, planned_at) WHERE state = 'PLANNED';

-- The changes that a reconciliation is about.
CREATE TABLE reconciliation_items (
    organization_id   uuid NOT NULL,
    reconciliation_id uuid NOT NULL,
    change_id         uuid NOT NULL,
    -- The decision that is carried out; none for a restore.
    decision_id       uuid,
    PRIMARY KEY (reconciliation_id, change_id),
    FOREIGN KEY (organization_id, reconciliation_id) REFERENCES reconciliations (organization_id, id) ON DELETE CASCADE,
    FOREIGN KEY (organization_id, change_id) REFERENCES changes (organization_id, id),
    FOREIGN KEY (organization_id, decision_id) REFERENCES decisions (organization_id, id)
);
CREATE INDEX reconciliation_items_by_change ON reconciliation_items (change_id);

CREATE TABLE reconciliation_steps (
    organization_id   uuid NOT NULL,
    reconciliation_id uuid NOT NULL,
    position          integer NOT NULL,
    kind              text NOT NULL CONSTRAINT reconciliation_steps_kind_is_known CHECK (kind IN (
                          'GIT_BLOB', 'GIT_COMMIT', 'GIT_PULL', 'GIT_MERGE', 'GIT_TIDY', 'GIT_CONTAINS', 'N8N_UNARCHIVE',
                          'N8N_CREATE', 'N8N_WRITE', 'N8N_TAGS', 'N8N_PUBLISH', 'N8N_RETIRE', 'N8N_VERIFY')),
    -- The change that it is about; none where it is about all.
    change_id         uuid,
    state             text NOT NULL DEFAULT 'WAITING' CONSTRAINT reconciliation_steps_state_is_known
                      CHECK (state IN ('WAITING', 'BEGUN', 'DONE', 'FAILED')),
    -- What to do, as planned.
    request           jsonb NOT NULL,
    -- What is written, and what it is written over: kept as long as the step is.
    content           bytea,
    overwrites        bytea,
    -- What was learnt while doing it, so that whoever goes on does the same.
    result            jsonb,
    error             text,
    begun_at          timestamptz,
    ended_at          timestamptz,
    PRIMARY KEY (reconciliation_id, position),
    FOREIGN KEY (organization_id, reconciliation_id) REFERENCES reconciliations (organization_id, id) ON DELETE CASCADE,
    FOREIGN KEY (organization_id, change_id) REFERENCES changes (organization_id, id),
    FOREIGN KEY (organization_id, content) REFERENCES snapshots (organization_id, hash),
    FOREIGN KEY (organization_id, overwrites) REFERENCES snapshots (organization_id, hash),
    CONSTRAINT reconciliation_steps_end_as_they_say CHECK (
        (state = 'WAITING') = (begun_at IS NULL) AND (state IN ('DONE', 'FAILED')) = (ended_at IS NOT NULL)
        AND (state = 'FAILED') = (error IS NOT NULL)),
    -- Before anything is written over, it is kept (product, Changes are never lost).
    CONSTRAINT reconciliation_steps_keep_what_they_overwrite CHECK (kind NOT IN ('N8N_WRITE', 'N8N_RETIRE') OR overwrites IS NOT NULL)
);
CREATE INDEX reconciliation_steps_contents ON reconciliation_steps (organization_id, content) WHERE content IS NOT NULL;
CREATE INDEX reconciliation_steps_overwrites ON reconciliation_steps (organization_id, overwrites) WHERE overwrites IS NOT NULL;

ALTER TABLE drift_reconciliation_artifacts
    ADD COLUMN reconciliation_id uuid,
    ADD FOREIGN KEY (organization_id, reconciliation_id) REFERENCES reconciliations (organization_id, id),
    ADD CONSTRAINT drift_reconciliation_artifacts_are_carried_out_by_somebody CHECK (by_hand OR reconciliation_id IS NOT NULL);

-- What is planned is what is carried out; what is begun is kept; what wrote is not taken back.
CREATE FUNCTION keep_reconciliations() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        IF OLD.state = 'PENDING' OR OLD.incident_id IS NOT NULL AND OLD.state <> 'PLANNED' THEN
            RAISE EXCEPTION 'reconciliation % is kept', OLD.id
                USING ERRCODE = 'restrict_violation', CONSTRAINT = 'reconciliations_are_kept';
        END IF;
        RETURN OLD;
    END IF;
    IF NEW.plan <> OLD.plan THEN
        RAISE EXCEPTION 'reconciliation % keeps its plan', OLD.id
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'reconciliations_keep_their_plan';
    END IF;
    IF NEW.state <> OLD.state AND (OLD.state, NEW.state) NOT IN (
        ('PLANNED', 'PENDING'), ('PENDING', 'DONE'), ('PENDING', 'FAILED'), ('PENDING', 'CANCELLED'),
        -- Tried again: it goes on where it was.
        ('FAILED', 'PENDING')) THEN
        RAISE EXCEPTION 'reconciliation % cannot go from % to %', OLD.id, OLD.state, NEW.state
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'reconciliations_go_one_way';
    END IF;
    IF NEW.state = 'CANCELLED' AND OLD.state <> 'CANCELLED' AND EXISTS (
        SELECT FROM reconciliation_steps WHERE reconciliation_id = NEW.id AND state <> 'WAITING'
            AND kind NOT IN ('GIT_CONTAINS', 'N8N_VERIFY')) THEN
        RAISE EXCEPTION 'reconciliation % has begun to write', OLD.id
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'reconciliations_are_cancelled_before_they_write';
    END IF;
    IF NEW.state = 'DONE' AND OLD.state <> 'DONE' AND EXISTS (
        SELECT FROM reconciliation_steps WHERE reconciliation_id = NEW.id AND state <> 'DONE') THEN
        RAISE EXCEPTION 'reconciliation % has steps to take', OLD.id
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'reconciliations_are_done_when_every_step_is';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER keep_reconciliations BEFORE UPDATE OR DELETE ON reconciliations
    FOR EACH ROW EXECUTE FUNCTION keep_reconciliations();

CREATE FUNCTION keep_reconciliation_steps() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.kind, NEW.change_id, NEW.request, NEW.content, NEW.overwrites)
        IS DISTINCT FROM (OLD.kind, OLD.change_id, OLD.request, OLD.content, OLD.overwrites) THEN
        RAISE EXCEPTION 'step % of reconciliation % is as planned', OLD.position, OLD.reconciliation_id
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'reconciliation_steps_stay_as_planned';
    END IF;
    IF OLD.state = 'DONE' AND NEW.state <> 'DONE' THEN
        RAISE EXCEPTION 'step % of reconciliation % is taken', OLD.position, OLD.reconciliation_id
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'reconciliation_steps_taken_stay_taken';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER keep_reconciliation_steps BEFORE UPDATE ON reconciliation_steps
    FOR EACH ROW EXECUTE FUNCTION keep_reconciliation_steps();

-- Why a check is run.
ALTER TABLE checks DROP CONSTRAINT checks_trigger_is_known,
    ADD CONSTRAINT checks_trigger_is_known CHECK (trigger IN (
        'SCHEDULE', 'RECHECK', 'GIT_PUSH', 'CONNECTED', 'CLOSING', 'RECONCILED'));

CALL protect_tenant('reconciliations');
CALL protect_tenant('reconciliation_items');
CALL protect_tenant('reconciliation_steps');
