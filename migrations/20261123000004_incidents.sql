-- Drift incidents: their lifecycle, what was decided in them and what came of it, how they close, and the proof that is
-- kept. Nothing has opened an incident before this.

ALTER TABLE organizations
    -- Counts the incidents, so that each has a number to say.
    ADD COLUMN incidents_opened bigint NOT NULL DEFAULT 0,
    -- Classes of environments whose new drift opens an incident by itself. NULL: production, where the plan has deadlines.
    ADD COLUMN automatic_incidents text[] CONSTRAINT organizations_automatic_incidents_are_classes
        CHECK (automatic_incidents <@ ARRAY['DEVELOPMENT', 'STAGING', 'PRODUCTION']),
    -- Tickets by key, such as OPS-{n}, and the address that such a key leads to, with {n} in it as well.
    ADD COLUMN ticket_pattern text,
    ADD COLUMN ticket_address text,
    ADD CONSTRAINT organizations_ticket_pattern_is_whole CHECK ((ticket_pattern IS NULL) = (ticket_address IS NULL)),
    ADD CONSTRAINT organizations_ticket_address_is_web CHECK (ticket_address ~ '^https?://');

ALTER TABLE drift_incidents
    ADD COLUMN number bigint NOT NULL,
    -- Moves with everything that happens to the incident: an action names the one that its person saw.
    ADD COLUMN version bigint NOT NULL DEFAULT 1,
    ADD COLUMN lifecycle text NOT NULL CONSTRAINT drift_incidents_lifecycle_is_known CHECK (lifecycle IN ('BASIC', 'FULL')),
    -- What follows from the changes, and what holds: the same, unless a person adjusted it and said why.
    ADD COLUMN computed_severity text NOT NULL CONSTRAINT drift_incidents_computed_severity_is_known
        CHECK (computed_severity IN ('LOW', 'MEDIUM', 'HIGH', 'CRITICAL')),
    ADD COLUMN severity text NOT NULL CONSTRAINT drift_incidents_severity_is_known
        CHECK (severity IN ('LOW', 'MEDIUM', 'HIGH', 'CRITICAL')),
    ADD COLUMN severity_reason text,
    ADD CONSTRAINT drift_incidents_severity_has_its_reason CHECK (severity_reason IS NOT NULL OR severity = computed_severity),
    ADD COLUMN owner_user_id uuid REFERENCES users (id),
    ADD COLUMN reason text,
    ADD COLUMN ticket_ref text CONSTRAINT drift_incidents_ticket_runs_nothing
        CHECK (ticket_ref ~ '^https?://' OR ticket_ref !~* '^[a-z][a-z0-9+.-]*:'),
    ADD COLUMN expires_at timestamptz,
    -- NULL: opened by policy.
    ADD COLUMN created_by uuid REFERENCES users (id),
    ADD CONSTRAINT drift_incidents_number_is_unique UNIQUE (organization_id, number),
    DROP CONSTRAINT drift_incidents_status_has_its_times,
    -- Forward only, one step at a time; the basic lifecycle skips STABILIZED. What regresses loses reconciled_at.
    ADD CONSTRAINT drift_incidents_status_has_its_times CHECK (
        CASE status
            WHEN 'DETECTED' THEN acknowledged_at IS NULL AND stabilized_at IS NULL AND reconciled_at IS NULL AND closed_at IS NULL
            WHEN 'ACKNOWLEDGED' THEN acknowledged_at IS NOT NULL AND stabilized_at IS NULL AND reconciled_at IS NULL AND closed_at IS NULL
            WHEN 'STABILIZED' THEN lifecycle = 'FULL' AND acknowledged_at IS NOT NULL AND stabilized_at IS NOT NULL
                AND reconciled_at IS NULL AND closed_at IS NULL
            WHEN 'RECONCILED' THEN acknowledged_at IS NOT NULL AND (stabilized_at IS NOT NULL) = (lifecycle = 'FULL')
                AND reconciled_at IS NOT NULL AND closed_at IS NULL
            ELSE acknowledged_at IS NOT NULL AND (stabilized_at IS NOT NULL) = (lifecycle = 'FULL')
                AND reconciled_at IS NOT NULL AND closed_at IS NOT NULL
        END),
    ADD CONSTRAINT drift_incidents_times_are_in_order CHECK (
        acknowledged_at >= detected_at AND stabilized_at >= acknowledged_at
        AND reconciled_at >= COALESCE(stabilized_at, acknowledged_at) AND closed_at >= reconciled_at),
    ADD CONSTRAINT drift_incidents_acknowledged_with_reason CHECK (acknowledged_at IS NULL OR btrim(reason) <> ''),
    -- What refers to an incident names its environment, too: no change, closing or receipt is of another one's incident.
    ADD CONSTRAINT drift_incidents_of_their_environment UNIQUE (organization_id, environment_id, id);
CREATE INDEX drift_incidents_by_environment ON drift_incidents (environment_id, number DESC);

ALTER TABLE environments
    ADD FOREIGN KEY (organization_id, id, last_drift_incident_id)
        REFERENCES drift_incidents (organization_id, environment_id, id);

ALTER TABLE changes
    -- The incident that was open while it was.
    ADD COLUMN incident_id uuid,
    -- The path that was chosen for it and is not carried out yet.
    ADD COLUMN chosen_decision_id uuid,
    ADD FOREIGN KEY (organization_id, environment_id, incident_id)
        REFERENCES drift_incidents (organization_id, environment_id, id),
    ADD FOREIGN KEY (organization_id, chosen_decision_id) REFERENCES decisions (organization_id, id);
CREATE INDEX changes_by_incident ON changes (incident_id) WHERE incident_id IS NOT NULL;

ALTER TABLE decisions
    -- For REPLACE: the commit, or what else takes the place of both.
    ADD COLUMN replacement text,
    ADD COLUMN incident_id uuid,
    ADD FOREIGN KEY (organization_id, environment_id, incident_id)
        REFERENCES drift_incidents (organization_id, environment_id, id);

-- The execution of a decision and its outcome.
CREATE TABLE drift_reconciliation_artifacts (
    organization_id uuid NOT NULL,
    id              uuid PRIMARY KEY,
    incident_id     uuid,
    change_id       uuid NOT NULL,
    decision_id     uuid NOT NULL,
    type            text NOT NULL CONSTRAINT drift_reconciliation_artifacts_type_is_known
                    CHECK (type IN ('PROMOTE', 'REVERT', 'REPLACE')),
    status          text NOT NULL CONSTRAINT drift_reconciliation_artifacts_status_is_known
                    CHECK (status IN ('PENDING', 'SUCCESS', 'FAILED')),
    -- People carry it out, and a check verifies it.
    by_hand         boolean NOT NULL,
    -- The check that saw it carried out.
    verified_by     uuid,
    started_at      timestamptz NOT NULL,
    finished_at     timestamptz,
    external_ref    jsonb,
    error_message   text,
    created_at      timestamptz NOT NULL,
    UNIQUE (organization_id, id),
    FOREIGN KEY (organization_id, incident_id) REFERENCES drift_incidents (organization_id, id),
    FOREIGN KEY (organization_id, change_id) REFERENCES changes (organization_id, id),
    FOREIGN KEY (organization_id, decision_id) REFERENCES decisions (organization_id, id),
    CONSTRAINT drift_reconciliation_artifacts_end_as_they_say CHECK (
        (status = 'PENDING') = (finished_at IS NULL) AND (status = 'FAILED') = (error_message IS NOT NULL)
        AND (NOT by_hand OR status <> 'SUCCESS' OR verified_by IS NOT NULL))
);
CREATE UNIQUE INDEX drift_reconciliation_artifacts_one_pending ON drift_reconciliation_artifacts (change_id) WHERE status = 'PENDING';
CREATE INDEX drift_reconciliation_artifacts_by_change ON drift_reconciliation_artifacts (change_id);
CREATE INDEX drift_reconciliation_artifacts_by_incident ON drift_reconciliation_artifacts (incident_id) WHERE incident_id IS NOT NULL;

CREATE FUNCTION keep_artifacts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.status <> 'PENDING' AND (TG_OP = 'DELETE' OR NEW.status <> OLD.status) THEN
        RAISE EXCEPTION 'artifact % has its outcome', OLD.id
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'drift_reconciliation_artifacts_keep_their_outcome';
    END IF;
    RETURN COALESCE(NEW, OLD);
END $$;
CREATE TRIGGER keep_artifacts BEFORE UPDATE ON drift_reconciliation_artifacts FOR EACH ROW EXECUTE FUNCTION keep_artifacts();

-- A closing that somebody asked for: a check of its own decides it.
ALTER TABLE checks DROP CONSTRAINT checks_trigger_is_known,
    ADD CONSTRAINT checks_trigger_is_known CHECK (trigger IN ('SCHEDULE', 'RECHECK', 'GIT_PUSH', 'CONNECTED', 'CLOSING'));
CREATE TABLE incident_closings (
    organization_id uuid NOT NULL,
    environment_id  uuid NOT NULL,
    incident_id     uuid NOT NULL,
    id              uuid PRIMARY KEY,
    requested_by    uuid NOT NULL REFERENCES users (id),
    requested_at    timestamptz NOT NULL,
    -- The check that decided it. Not a reference: checks are forgotten after a time, closings are not.
    check_id        uuid,
    state           text NOT NULL CONSTRAINT incident_closings_state_is_known CHECK (state IN ('CHECKING', 'CLOSED', 'REFUSED')),
    refusal         text,
    ended_at        timestamptz,
    UNIQUE (organization_id, id),
    FOREIGN KEY (organization_id, environment_id, incident_id)
        REFERENCES drift_incidents (organization_id, environment_id, id),
    CONSTRAINT incident_closings_end_as_they_say CHECK (
        (state = 'CHECKING') = (ended_at IS NULL) AND (state = 'REFUSED') = (refusal IS NOT NULL)
        AND (state <> 'CLOSED' OR check_id IS NOT NULL))
);
CREATE UNIQUE INDEX incident_closings_one_at_a_time ON incident_closings (incident_id) WHERE state = 'CHECKING';
CREATE INDEX incident_closings_newest ON incident_closings (incident_id, id DESC);

-- The proof that is kept when an incident closes. There is no closed incident without one.
CREATE TABLE closure_receipts (
    organization_id uuid NOT NULL,
    environment_id  uuid NOT NULL,
    incident_id     uuid NOT NULL CONSTRAINT closure_receipts_one_an_incident UNIQUE,
    check_id        uuid NOT NULL,
    document        jsonb NOT NULL,
    -- BLAKE3 of the document as canonical JSON (RFC 8785).
    digest          bytea NOT NULL CHECK (length(digest) = 32),
    -- Ed25519 over the digest, and the public half of the key that the installation signs with.
    signature       bytea NOT NULL CHECK (length(signature) = 64),
    public_key      bytea NOT NULL CHECK (length(public_key) = 32),
    created_at      timestamptz NOT NULL,
    PRIMARY KEY (organization_id, incident_id),
    FOREIGN KEY (organization_id, environment_id, incident_id)
        REFERENCES drift_incidents (organization_id, environment_id, id)
);
CREATE FUNCTION keep_receipts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'closure receipts are kept as they were written'
        USING ERRCODE = 'restrict_violation', CONSTRAINT = 'closure_receipts_are_kept';
END $$;
CREATE TRIGGER keep_receipts BEFORE UPDATE OR DELETE ON closure_receipts FOR EACH ROW EXECUTE FUNCTION keep_receipts();
CREATE TRIGGER keep_receipts_whole BEFORE TRUNCATE ON closure_receipts FOR EACH STATEMENT EXECUTE FUNCTION keep_receipts();

-- Closed is final, and an incident closes only over its receipt and over changes that are over. It keeps the plan, the
-- number and the environment that it was opened with.
CREATE FUNCTION keep_incidents() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'incident % is kept', OLD.id
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'drift_incidents_are_kept';
    END IF;
    IF OLD.status = 'CLOSED' AND (to_jsonb(NEW) - 'version' - 'updated_at') <> (to_jsonb(OLD) - 'version' - 'updated_at') THEN
        RAISE EXCEPTION 'incident % is closed: later drift is a new incident', OLD.id
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'drift_incidents_closed_is_final';
    END IF;
    IF (NEW.environment_id, NEW.number, NEW.plan_snapshot, NEW.lifecycle, NEW.detected_at)
        IS DISTINCT FROM (OLD.environment_id, OLD.number, OLD.plan_snapshot, OLD.lifecycle, OLD.detected_at) THEN
        RAISE EXCEPTION 'incident % keeps what it was opened with', OLD.id
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'drift_incidents_keep_what_they_began_with';
    END IF;
    IF NEW.status <> OLD.status AND (OLD.status, NEW.status) NOT IN (
        ('DETECTED', 'ACKNOWLEDGED'), ('ACKNOWLEDGED', 'STABILIZED'), ('ACKNOWLEDGED', 'RECONCILED'),
        ('STABILIZED', 'RECONCILED'), ('RECONCILED', 'CLOSED'),
        -- New drift before closing, and nothing else, leads back.
        ('RECONCILED', 'STABILIZED'), ('RECONCILED', 'ACKNOWLEDGED')) THEN
        RAISE EXCEPTION 'incident % cannot go from % to %', OLD.id, OLD.status, NEW.status
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'drift_incidents_go_one_step';
    END IF;
    IF NEW.status = 'CLOSED' AND OLD.status <> 'CLOSED' AND (
        NOT EXISTS (SELECT FROM closure_receipts WHERE incident_id = NEW.id)
        OR EXISTS (SELECT FROM changes WHERE environment_id = NEW.environment_id AND state IN ('OPEN', 'VANISHED'))) THEN
        RAISE EXCEPTION 'incident % closes over its receipt, when every change is over', OLD.id
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'drift_incidents_close_by_proof';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER keep_incidents BEFORE UPDATE OR DELETE ON drift_incidents FOR EACH ROW EXECUTE FUNCTION keep_incidents();

-- A change that leaves its incident would be a difference that nobody answers for.
CREATE FUNCTION keep_incident_of_changes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.incident_id IS NOT NULL AND NEW.incident_id IS DISTINCT FROM OLD.incident_id THEN
        RAISE EXCEPTION 'change % belongs to its incident', OLD.id
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'changes_stay_in_their_incident';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER keep_incident_of_changes BEFORE UPDATE OF incident_id ON changes
    FOR EACH ROW EXECUTE FUNCTION keep_incident_of_changes();

-- The timeline: what happened to an incident, and which version of it that made.
ALTER TABLE events
    ADD COLUMN incident_id uuid,
    ADD COLUMN incident_version bigint,
    ADD CONSTRAINT events_of_incidents_have_versions CHECK ((incident_id IS NULL) = (incident_version IS NULL));
CREATE INDEX events_by_incident ON events (incident_id, id DESC) WHERE incident_id IS NOT NULL;

-- What was answered to a request that a program may send again (Idempotency-Key).
CREATE TABLE idempotency_keys (
    organization_id uuid NOT NULL,
    user_id         uuid NOT NULL,
    key             text NOT NULL CONSTRAINT idempotency_keys_are_short CHECK (length(key) BETWEEN 1 AND 255),
    -- BLAKE3 of what was asked: the same key for something else is a mistake.
    request         bytea NOT NULL CHECK (length(request) = 32),
    -- NULL while it is being worked on.
    answer          jsonb,
    created_at      timestamptz NOT NULL,
    PRIMARY KEY (organization_id, user_id, key),
    FOREIGN KEY (organization_id, user_id) REFERENCES memberships (organization_id, user_id) ON DELETE CASCADE
);
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (organization_id, created_at);

CALL protect_tenant('drift_reconciliation_artifacts');
CALL protect_tenant('incident_closings');
CALL protect_tenant('closure_receipts');
CALL protect_tenant('idempotency_keys');
