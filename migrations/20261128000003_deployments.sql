-- Deployments: runs of the reconciliation machinery that apply a ref to an environment, and what may be in their way.

INSERT INTO plan_capabilities (plan, capability, granted) VALUES
    ('FREE', 'DEPLOY', 'NONE'),
    ('PRO', 'DEPLOY', 'NONE'),
    ('AGENCY', 'DEPLOY', 'FULL'),
    ('ENTERPRISE', 'DEPLOY', 'FULL');

ALTER TABLE organizations
    -- Expired incidents block no deployments. For plans that decide by policy; elsewhere it has no effect.
    ADD COLUMN deployments_unblocked boolean NOT NULL DEFAULT false;

ALTER TABLE reconciliations DROP CONSTRAINT reconciliations_purpose_is_known,
    ADD CONSTRAINT reconciliations_purpose_is_known CHECK (purpose IN ('DECISIONS', 'RESTORE', 'DEPLOYMENT'));

-- What makes a reconciliation a deployment.
CREATE TABLE deployments (
    organization_id uuid NOT NULL,
    environment_id  uuid NOT NULL,
    -- The reconciliation that it is.
    id              uuid PRIMARY KEY,
    kind            text NOT NULL CONSTRAINT deployments_kind_is_known CHECK (kind IN ('STANDARD', 'RECOVERY', 'EMERGENCY')),
    git_ref         text NOT NULL,
    git_commit      text NOT NULL,
    reason          text NOT NULL,
    -- What it writes over that people did in n8n, as its person was shown.
    forecast        jsonb NOT NULL,
    UNIQUE (organization_id, id),
    FOREIGN KEY (organization_id, id) REFERENCES reconciliations (organization_id, id) ON DELETE CASCADE,
    FOREIGN KEY (organization_id, environment_id) REFERENCES environments (organization_id, id),
    -- What goes past the gate without being asked says why.
    CONSTRAINT deployments_past_the_gate_have_a_reason CHECK (kind = 'STANDARD' OR btrim(reason) <> '')
);
CREATE INDEX deployments_by_environment ON deployments (environment_id, id DESC);

CREATE FUNCTION keep_deployments() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'deployment % is as it was planned', OLD.id
        USING ERRCODE = 'restrict_violation', CONSTRAINT = 'deployments_stay_as_planned';
END $$;
CREATE TRIGGER keep_deployments BEFORE UPDATE ON deployments FOR EACH ROW EXECUTE FUNCTION keep_deployments();

CALL protect_tenant('deployments');
