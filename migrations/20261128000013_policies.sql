-- Policies: what an organization allows whom, beyond plan and role. Each edit is a version, and versions are only ever added.

CREATE TABLE policies (
    organization_id uuid NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    id              uuid PRIMARY KEY,
    name            text NOT NULL CONSTRAINT policies_name_is_a_name
                    CHECK (btrim(name) = name AND char_length(name) BETWEEN 1 AND 100),
    -- The newest version, which is the one that holds.
    version         integer NOT NULL CONSTRAINT policies_version_is_counted CHECK (version > 0),
    -- Since when it can be assigned no more. Its versions stay.
    retired_at      timestamptz,
    UNIQUE (organization_id, id)
);
CREATE UNIQUE INDEX policies_name_is_free ON policies (organization_id, lower(name)) WHERE retired_at IS NULL;

CREATE TABLE policy_versions (
    organization_id uuid NOT NULL,
    policy_id       uuid NOT NULL,
    version         integer NOT NULL CHECK (version > 0),
    -- What is asked: the text.
    text            text NOT NULL CONSTRAINT policy_versions_text_is_bounded CHECK (octet_length(text) <= 20000),
    -- The form that the text was made of; NULL where somebody wrote it.
    rules           jsonb,
    created_by      uuid NOT NULL REFERENCES users (id),
    created_at      timestamptz NOT NULL,
    PRIMARY KEY (organization_id, policy_id, version),
    FOREIGN KEY (organization_id, policy_id) REFERENCES policies (organization_id, id) ON DELETE CASCADE
);
ALTER TABLE policies ADD CONSTRAINT policies_version_is_there FOREIGN KEY (organization_id, id, version)
    REFERENCES policy_versions (organization_id, policy_id, version) DEFERRABLE INITIALLY DEFERRED;
CREATE FUNCTION keep_policy_versions() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'versions of a policy are only ever added'
        USING ERRCODE = 'restrict_violation', CONSTRAINT = 'policy_versions_are_kept';
END $$;
CREATE TRIGGER keep_policy_versions BEFORE UPDATE OR DELETE ON policy_versions
    FOR EACH ROW EXECUTE FUNCTION keep_policy_versions();

-- Which policy holds where: an environment's own before that of its class.
CREATE TABLE policy_assignments (
    organization_id uuid NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    class           text CONSTRAINT policy_assignments_class_is_known
                    CHECK (class IN ('DEVELOPMENT', 'STAGING', 'PRODUCTION')),
    environment_id  uuid,
    policy_id       uuid NOT NULL,
    FOREIGN KEY (organization_id, policy_id) REFERENCES policies (organization_id, id) ON DELETE CASCADE,
    FOREIGN KEY (organization_id, environment_id) REFERENCES environments (organization_id, id) ON DELETE CASCADE,
    CONSTRAINT policy_assignments_are_to_one CHECK (num_nonnulls(class, environment_id) = 1)
);
CREATE UNIQUE INDEX policy_assignments_one_a_class ON policy_assignments (organization_id, class);
CREATE UNIQUE INDEX policy_assignments_one_an_environment ON policy_assignments (organization_id, environment_id);

CALL protect_tenant('policies');
CALL protect_tenant('policy_versions');
CALL protect_tenant('policy_assignments');
REVOKE DELETE ON policies FROM workflowops_tenant;
REVOKE UPDATE, DELETE ON policy_versions FROM workflowops_tenant;

INSERT INTO plan_capabilities (plan, capability, granted) VALUES
    ('FREE', 'POLICIES', 'NONE'),
    ('PRO', 'POLICIES', 'NONE'),
    ('AGENCY', 'POLICIES', 'NONE'),
    ('ENTERPRISE', 'POLICIES', 'FULL');
