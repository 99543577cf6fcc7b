-- Environments, checks, workflows, changes, decisions, incidents. What the types of the domain crate promise, the
-- constraints here promise again.

CREATE TABLE environments (
    organization_id uuid NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    id              uuid PRIMARY KEY,
    name            text NOT NULL CONSTRAINT environments_name_is_not_blank CHECK (btrim(name) <> ''),
    class           text NOT NULL CONSTRAINT environments_class_is_known
                    CHECK (class IN ('DEVELOPMENT', 'STAGING', 'PRODUCTION')),

    -- The live side. Secrets are encrypted with the installation's key and never leave in clear.
    n8n_base_url    text NOT NULL,
    n8n_api_key     bytea NOT NULL,

    -- The desired side.
    git_api_base    text NOT NULL,
    git_owner       text NOT NULL,
    git_repository  text NOT NULL,
    git_ref         text NOT NULL,
    git_folder      text NOT NULL,
    git_app_id      bigint,
    git_installation_id bigint,
    -- A personal access token, or the App's private key where git_app_id is set.
    git_secret      bytea NOT NULL,
    CONSTRAINT environments_app_is_whole CHECK ((git_app_id IS NULL) = (git_installation_id IS NULL)),

    -- Detection has no off switch: the interval has a ceiling, and there is no column that pauses it.
    interval_seconds integer NOT NULL CONSTRAINT environments_interval_is_bounded CHECK (interval_seconds BETWEEN 15 AND 3600),
    next_check_at   timestamptz NOT NULL,

    -- Written only by recording a check, a decision or an incident; a function of the open changes and incident.
    drift_status    text NOT NULL DEFAULT 'IN_SYNC' CONSTRAINT environments_drift_status_is_known
                    CHECK (drift_status IN ('IN_SYNC', 'DRIFT_DETECTED', 'DRIFT_INCIDENT_ACTIVE')),
    open_changes    integer NOT NULL DEFAULT 0 CHECK (open_changes >= 0),
    last_drift_detected_at timestamptz,
    last_drift_incident_id uuid,
    CONSTRAINT environments_in_sync_means_no_change CHECK (drift_status <> 'IN_SYNC' OR open_changes = 0),

    -- Freshness. last_checked_at moves with good checks only; failure is that of the newest check.
    last_checked_at timestamptz,
    failure         jsonb,
    failing_since   timestamptz,
    failures_in_a_row integer NOT NULL DEFAULT 0,
    CONSTRAINT environments_failure_has_a_start CHECK ((failure IS NULL) = (failing_since IS NULL)),

    -- What the newest good check read from Git, to make the next look conditional.
    git_commit      text,
    git_tree        text,

    adopted_at      timestamptz,
    adopted_by      uuid REFERENCES users (id),
    -- Moves with everything that a person does to the environment, so that a check that looked before does not record after.
    revision        bigint NOT NULL DEFAULT 0,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    UNIQUE (organization_id, id)
);
CREATE UNIQUE INDEX environments_name_is_unique ON environments (organization_id, lower(name));
CREATE INDEX environments_due ON environments (next_check_at);
CREATE INDEX environments_by_repository ON environments (organization_id, lower(git_owner), lower(git_repository));

CREATE TABLE checks (
    organization_id uuid NOT NULL,
    environment_id  uuid NOT NULL,
    id              uuid PRIMARY KEY,
    trigger         text NOT NULL CONSTRAINT checks_trigger_is_known
                    CHECK (trigger IN ('SCHEDULE', 'RECHECK', 'GIT_PUSH', 'CONNECTED')),
    requested_by    uuid REFERENCES users (id),
    outcome         text NOT NULL CONSTRAINT checks_outcome_is_known
                    CHECK (outcome IN ('RUNNING', 'IN_SYNC', 'DRIFT', 'FAILED')),
    started_at      timestamptz NOT NULL,
    finished_at     timestamptz,
    rules_version   integer NOT NULL,
    git_commit      text,
    git_tree        text,
    live_workflows  integer,
    desired_workflows integer,
    -- Workflows whose bytes were new and had to be read; an unchanged environment has none.
    parsed_workflows integer,
    differing       integer,
    live_fingerprint bytea,
    desired_fingerprint bytea,
    -- What was ignored, by rule: status never depends on something that a person cannot see.
    ignored         jsonb NOT NULL DEFAULT '[]',
    failure         jsonb,
    UNIQUE (organization_id, id),
    FOREIGN KEY (organization_id, environment_id) REFERENCES environments (organization_id, id) ON DELETE CASCADE,
    CONSTRAINT checks_end_as_they_say CHECK (
        CASE outcome
            WHEN 'RUNNING' THEN finished_at IS NULL AND failure IS NULL
            WHEN 'FAILED'  THEN finished_at IS NOT NULL AND failure IS NOT NULL
            ELSE finished_at IS NOT NULL AND failure IS NULL AND git_commit IS NOT NULL
                 AND live_fingerprint IS NOT NULL AND desired_fingerprint IS NOT NULL AND differing IS NOT NULL
        END),
    CONSTRAINT checks_in_sync_means_no_difference CHECK (outcome <> 'IN_SYNC' OR differing = 0),
    CONSTRAINT checks_drift_means_a_difference CHECK (outcome <> 'DRIFT' OR differing > 0)
);
CREATE INDEX checks_newest ON checks (environment_id, id DESC);

-- Contents by hash, compressed with zstd: both sides of changes, and the blobs of Git. Per organization, so that nobody
-- learns by its absence or presence what another tenant has.
CREATE TABLE snapshots (
    organization_id uuid NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    -- BLAKE3 of the bytes as they were received.
    hash            bytea NOT NULL CHECK (length(hash) = 32),
    content         bytea NOT NULL,
    size            integer NOT NULL,
    created_at      timestamptz NOT NULL,
    PRIMARY KEY (organization_id, hash)
);

-- A file of Git by its blob SHA. An export of several workflows in one file is one row a workflow.
CREATE TABLE git_blobs (
    organization_id uuid NOT NULL,
    sha             text NOT NULL,
    position        integer NOT NULL,
    snapshot        bytea NOT NULL,
    PRIMARY KEY (organization_id, sha, position),
    FOREIGN KEY (organization_id, snapshot) REFERENCES snapshots (organization_id, hash)
);

-- The workflow files below a folder by the SHA of the folder's tree: [{"path", "blob_sha", "size"}].
CREATE TABLE git_trees (
    organization_id uuid NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    sha             text NOT NULL,
    files           jsonb NOT NULL,
    seen_on         date NOT NULL,
    PRIMARY KEY (organization_id, sha)
);

-- What reading these bytes under these rules gave, so that bytes seen before are not parsed again.
CREATE TABLE readings (
    organization_id uuid NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    -- BLAKE3 of the bytes: a list item of n8n, or a file.
    raw             bytea NOT NULL CHECK (length(raw) = 32),
    rules_version   integer NOT NULL,
    reading         jsonb NOT NULL,
    seen_on         date NOT NULL,
    PRIMARY KEY (organization_id, raw, rules_version)
);

-- One row a workflow that either side has or had: the link between the two sides, and the baseline.
CREATE TABLE workflows (
    organization_id uuid NOT NULL,
    environment_id  uuid NOT NULL,
    id              uuid PRIMARY KEY,
    name            text NOT NULL,
    live_id         text,
    path            text,
    linked_by_person uuid REFERENCES users (id),
    -- The last canonical content on which both sides agreed. NULL prints with agreed_at set: both agreed on its absence.
    baseline        jsonb,
    baseline_snapshot bytea,
    baseline_commit text,
    agreed_at       timestamptz,
    created_at      timestamptz NOT NULL,
    UNIQUE (organization_id, id),
    CONSTRAINT workflows_live_id_is_unique UNIQUE (environment_id, live_id),
    CONSTRAINT workflows_path_is_unique UNIQUE (environment_id, path),
    FOREIGN KEY (organization_id, environment_id) REFERENCES environments (organization_id, id) ON DELETE CASCADE,
    FOREIGN KEY (organization_id, baseline_snapshot) REFERENCES snapshots (organization_id, hash)
);

CREATE TABLE changes (
    organization_id uuid NOT NULL,
    environment_id  uuid NOT NULL,
    id              uuid PRIMARY KEY,
    workflow_id     uuid NOT NULL,
    change_type     text NOT NULL CONSTRAINT changes_type_is_known CHECK (change_type IN ('ADDED', 'REMOVED', 'MODIFIED')),
    origin          text NOT NULL CONSTRAINT changes_origin_is_known
                    CHECK (origin IN ('HOTFIX', 'UNDEPLOYED', 'COLLISION', 'UNKNOWN')),
    state           text NOT NULL CONSTRAINT changes_state_is_known
                    CHECK (state IN ('OPEN', 'VANISHED', 'SUPERSEDED', 'DECIDED')),
    severity        text NOT NULL CONSTRAINT changes_severity_is_known
                    CHECK (severity IN ('LOW', 'MEDIUM', 'HIGH', 'CRITICAL')),
    -- One line for a list: what differs.
    summary         text NOT NULL,
    -- Facts of the diff that severity follows from and that a list can filter by.
    facts           jsonb NOT NULL,
    live_snapshot    bytea,
    desired_snapshot bytea,
    live_prints      jsonb,
    desired_prints   jsonb,
    git_commit      text NOT NULL,
    -- The live side has an edit that is saved and not published.
    unpublished_draft boolean NOT NULL DEFAULT false,
    -- Seen by the environment's first check: part of the adoption review.
    adoption        boolean NOT NULL,
    first_check_id  uuid NOT NULL,
    last_check_id   uuid NOT NULL,
    first_seen_at   timestamptz NOT NULL,
    last_seen_at    timestamptz NOT NULL,
    vanished_at     timestamptz,
    vanished_cause  text CONSTRAINT changes_cause_is_known
                    CHECK (vanished_cause IN ('GIT_CAUGHT_UP', 'LIVE_WENT_BACK', 'OVERWRITTEN', 'GONE', 'REPOINTED')),
    -- What shows the cause: commit, author, time, where Git tells.
    vanished_evidence jsonb,
    superseded_by   uuid,
    decision_id     uuid,
    UNIQUE (organization_id, id),
    FOREIGN KEY (organization_id, environment_id) REFERENCES environments (organization_id, id) ON DELETE CASCADE,
    FOREIGN KEY (organization_id, workflow_id) REFERENCES workflows (organization_id, id),
    FOREIGN KEY (organization_id, live_snapshot) REFERENCES snapshots (organization_id, hash),
    FOREIGN KEY (organization_id, desired_snapshot) REFERENCES snapshots (organization_id, hash),
    -- Both sides are kept before a change is shown.
    CONSTRAINT changes_hold_their_sides CHECK (
        (live_snapshot IS NOT NULL) = (change_type IN ('ADDED', 'MODIFIED'))
        AND (desired_snapshot IS NOT NULL) = (change_type IN ('REMOVED', 'MODIFIED'))
        AND (live_snapshot IS NULL) = (live_prints IS NULL)
        AND (desired_snapshot IS NULL) = (desired_prints IS NULL)),
    -- The orphan rule: a change is over only when a newer one carries it or a decision names what becomes of it.
    CONSTRAINT changes_end_on_the_record CHECK (
        (state = 'DECIDED') = (decision_id IS NOT NULL)
        AND (state = 'SUPERSEDED') = (superseded_by IS NOT NULL)
        AND (state <> 'VANISHED' OR (vanished_at IS NOT NULL AND vanished_cause IS NOT NULL)))
);
-- A vanished change waits for a person whatever happens to its workflow afterwards, so it does not count here.
CREATE UNIQUE INDEX changes_one_open_per_workflow ON changes (workflow_id) WHERE state = 'OPEN';
CREATE INDEX changes_open ON changes (environment_id) WHERE state IN ('OPEN', 'VANISHED');
CREATE INDEX changes_history ON changes (workflow_id, first_seen_at DESC);

CREATE TABLE decisions (
    organization_id uuid NOT NULL,
    environment_id  uuid NOT NULL,
    id              uuid PRIMARY KEY,
    change_id       uuid NOT NULL,
    kind            text NOT NULL CONSTRAINT decisions_kind_is_known
                    CHECK (kind IN ('PROMOTE', 'REVERT', 'REPLACE', 'OVERRIDE')),
    reason          text NOT NULL CONSTRAINT decisions_reason_is_not_blank CHECK (btrim(reason) <> ''),
    decided_by      uuid NOT NULL REFERENCES users (id),
    decided_at      timestamptz NOT NULL,
    UNIQUE (organization_id, id),
    FOREIGN KEY (organization_id, change_id) REFERENCES changes (organization_id, id)
);
ALTER TABLE changes ADD FOREIGN KEY (organization_id, decision_id) REFERENCES decisions (organization_id, id),
    ADD FOREIGN KEY (organization_id, superseded_by) REFERENCES changes (organization_id, id) DEFERRABLE INITIALLY DEFERRED;

-- An open change cannot be deleted, and one that is over cannot be opened again, by anybody: guardrail 5 of the seed.
CREATE FUNCTION keep_changes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        IF OLD.state IN ('OPEN', 'VANISHED') AND EXISTS (SELECT FROM environments WHERE id = OLD.environment_id) THEN
            RAISE EXCEPTION 'change % is open: it ends by a decision or by being superseded', OLD.id
                USING ERRCODE = 'restrict_violation', CONSTRAINT = 'changes_are_never_lost';
        END IF;
        RETURN OLD;
    END IF;
    IF OLD.state IN ('SUPERSEDED', 'DECIDED') AND NEW.state <> OLD.state THEN
        RAISE EXCEPTION 'change % is over: a later difference is a new change', OLD.id
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'changes_are_never_lost';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER keep_changes BEFORE DELETE OR UPDATE OF state ON changes FOR EACH ROW EXECUTE FUNCTION keep_changes();

-- Workflows that could belong together and that nobody may guess about; written anew by each good check.
CREATE TABLE ambiguities (
    organization_id uuid NOT NULL,
    environment_id  uuid NOT NULL,
    name            text NOT NULL,
    live_ids        text[] NOT NULL,
    paths           text[] NOT NULL,
    check_id        uuid NOT NULL,
    PRIMARY KEY (environment_id, name),
    FOREIGN KEY (organization_id, environment_id) REFERENCES environments (organization_id, id) ON DELETE CASCADE
);

CREATE TABLE drift_incidents (
    organization_id uuid NOT NULL,
    environment_id  uuid NOT NULL,
    id              uuid PRIMARY KEY,
    status          text NOT NULL CONSTRAINT drift_incidents_status_is_known
                    CHECK (status IN ('DETECTED', 'ACKNOWLEDGED', 'STABILIZED', 'RECONCILED', 'CLOSED')),
    detected_at     timestamptz NOT NULL,
    acknowledged_at timestamptz,
    stabilized_at   timestamptz,
    reconciled_at   timestamptz,
    closed_at       timestamptz,
    plan_snapshot   jsonb NOT NULL,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    UNIQUE (organization_id, id),
    FOREIGN KEY (organization_id, environment_id) REFERENCES environments (organization_id, id),
    CONSTRAINT drift_incidents_status_has_its_times CHECK (
        (status = 'CLOSED') = (closed_at IS NOT NULL)
        AND (status = 'DETECTED' OR acknowledged_at IS NOT NULL)
        AND (status NOT IN ('RECONCILED', 'CLOSED') OR reconciled_at IS NOT NULL))
);
CREATE UNIQUE INDEX drift_incidents_one_open ON drift_incidents (environment_id) WHERE status <> 'CLOSED';

-- Who did what, when and why. Rows are only ever added.
CREATE TABLE events (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    organization_id uuid NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    environment_id  uuid,
    change_id       uuid,
    kind            text NOT NULL,
    actor           uuid REFERENCES users (id),
    at              timestamptz NOT NULL,
    data            jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX events_by_environment ON events (environment_id, id DESC);
CREATE FUNCTION keep_events() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'events are only ever added' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'events_are_kept';
END $$;
CREATE TRIGGER keep_events BEFORE UPDATE ON events FOR EACH ROW EXECUTE FUNCTION keep_events();

CREATE TABLE webhook_deliveries (
    organization_id uuid NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    delivery        text NOT NULL,
    received_at     timestamptz NOT NULL,
    PRIMARY KEY (organization_id, delivery)
);
