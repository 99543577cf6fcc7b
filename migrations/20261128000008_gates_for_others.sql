-- The gate for deployments of others, at GitHub: an App's deployment protection rule, which asks before a job begins, and a
-- commit status for whoever signs in with a token.

-- Which GitHub environment's deployments go to an environment. Several may name one: then each has to allow.
CREATE TABLE github_gates (
    organization_id    uuid NOT NULL,
    environment_id     uuid PRIMARY KEY,
    github_environment text NOT NULL CONSTRAINT github_gates_environment_is_a_name
                       CHECK (btrim(github_environment) <> '' AND char_length(github_environment) <= 255),
    version            bigint NOT NULL DEFAULT 1,
    -- When somebody looked last for runs whose question was lost, and for a status that is not what the gate says.
    looked_at          timestamptz,
    -- What went wrong at the newest look.
    last_error         text,
    -- The commit status that was reported last.
    status_commit      text,
    status_state       text CONSTRAINT github_gates_state_is_known CHECK (status_state IN ('SUCCESS', 'FAILURE')),
    status_description text,
    status_at          timestamptz,
    UNIQUE (organization_id, environment_id),
    FOREIGN KEY (organization_id, environment_id) REFERENCES environments (organization_id, id) ON DELETE CASCADE,
    CONSTRAINT github_gates_status_is_whole CHECK (num_nulls(status_commit, status_state, status_description, status_at) IN (0, 4))
);
CREATE INDEX github_gates_by_look ON github_gates (looked_at NULLS FIRST);

-- A run at GitHub that waits until it is said whether it may deploy.
CREATE TABLE gate_requests (
    organization_id    uuid NOT NULL,
    id                 uuid PRIMARY KEY,
    -- The environment whose connection answers.
    environment_id     uuid NOT NULL,
    github_environment text NOT NULL,
    run_id             bigint NOT NULL CONSTRAINT gate_requests_run_is_a_number CHECK (run_id > 0),
    -- GitHub's number of the deployment, which a delivery names. NULL: found by looking.
    deployment_id      bigint,
    git_commit         text,
    received_at        timestamptz NOT NULL,
    state              text NOT NULL CONSTRAINT gate_requests_state_is_known
                       CHECK (state IN ('PENDING', 'APPROVED', 'REJECTED', 'FAILED')),
    -- What was sent last, written down before it is: whoever goes on after a crash knows it.
    said               text CONSTRAINT gate_requests_said_is_known CHECK (said IN ('APPROVED', 'REJECTED')),
    comment            text,
    attempts           integer NOT NULL DEFAULT 0,
    last_error         text,
    answered_at        timestamptz,
    UNIQUE (organization_id, id),
    FOREIGN KEY (organization_id, environment_id) REFERENCES environments (organization_id, id) ON DELETE CASCADE,
    CONSTRAINT gate_requests_end_as_they_say CHECK (
        (state = 'PENDING') = (answered_at IS NULL) AND (state NOT IN ('APPROVED', 'REJECTED') OR comment IS NOT NULL)
        AND (state NOT IN ('APPROVED', 'REJECTED') OR said = state)
        AND (state <> 'FAILED' OR last_error IS NOT NULL))
);
-- However often GitHub asks, and whoever finds it meanwhile: a run is answered once.
CREATE UNIQUE INDEX gate_requests_one_pending ON gate_requests (environment_id, run_id, lower(github_environment)) WHERE state = 'PENDING';
CREATE UNIQUE INDEX gate_requests_once_a_deployment ON gate_requests (environment_id, run_id, deployment_id);
CREATE INDEX gate_requests_newest ON gate_requests (organization_id, id DESC);

CALL protect_tenant('github_gates');
CALL protect_tenant('gate_requests');
