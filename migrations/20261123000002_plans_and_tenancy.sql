-- Plans: what each tier grants, the limits and their bounds, and an organization's own limits. Tenancy, a second time: a
-- role that sees one organization's rows and cannot bypass it.

-- The one table of capabilities (seed, Tier Capabilities). A test holds it against the domain's.
CREATE TABLE plan_capabilities (
    plan       text NOT NULL CONSTRAINT plan_capabilities_plan_is_known CHECK (plan IN ('FREE', 'PRO', 'AGENCY', 'ENTERPRISE')),
    capability text NOT NULL,
    granted    text NOT NULL CONSTRAINT plan_capabilities_grant_is_known CHECK (granted IN ('NONE', 'LIMITED', 'FULL')),
    PRIMARY KEY (plan, capability),
    -- Guardrail 1 of the seed: detection and visibility cannot be disabled on any plan.
    CONSTRAINT plan_capabilities_drift_is_seen CHECK (
        capability NOT IN ('DETECTION', 'VISIBILITY', 'SUMMARY') OR granted = 'FULL')
);
INSERT INTO plan_capabilities (plan, capability, granted) VALUES
    ('FREE', 'DETECTION', 'FULL'),
    ('PRO', 'DETECTION', 'FULL'),
    ('AGENCY', 'DETECTION', 'FULL'),
    ('ENTERPRISE', 'DETECTION', 'FULL'),
    ('FREE', 'VISIBILITY', 'FULL'),
    ('PRO', 'VISIBILITY', 'FULL'),
    ('AGENCY', 'VISIBILITY', 'FULL'),
    ('ENTERPRISE', 'VISIBILITY', 'FULL'),
    ('FREE', 'SUMMARY', 'FULL'),
    ('PRO', 'SUMMARY', 'FULL'),
    ('AGENCY', 'SUMMARY', 'FULL'),
    ('ENTERPRISE', 'SUMMARY', 'FULL'),
    ('FREE', 'OVERRIDE', 'FULL'),
    ('PRO', 'OVERRIDE', 'FULL'),
    ('AGENCY', 'OVERRIDE', 'LIMITED'),
    ('ENTERPRISE', 'OVERRIDE', 'LIMITED'),
    ('FREE', 'DIFF', 'NONE'),
    ('PRO', 'DIFF', 'LIMITED'),
    ('AGENCY', 'DIFF', 'FULL'),
    ('ENTERPRISE', 'DIFF', 'FULL'),
    ('FREE', 'INCIDENTS', 'NONE'),
    ('PRO', 'INCIDENTS', 'LIMITED'),
    ('AGENCY', 'INCIDENTS', 'FULL'),
    ('ENTERPRISE', 'INCIDENTS', 'FULL'),
    ('FREE', 'MANAGE_INCIDENTS', 'NONE'),
    ('PRO', 'MANAGE_INCIDENTS', 'LIMITED'),
    ('AGENCY', 'MANAGE_INCIDENTS', 'FULL'),
    ('ENTERPRISE', 'MANAGE_INCIDENTS', 'FULL'),
    ('FREE', 'LIFECYCLE', 'NONE'),
    ('PRO', 'LIFECYCLE', 'LIMITED'),
    ('AGENCY', 'LIFECYCLE', 'FULL'),
    ('ENTERPRISE', 'LIFECYCLE', 'FULL'),
    ('FREE', 'OWNERSHIP', 'NONE'),
    ('PRO', 'OWNERSHIP', 'LIMITED'),
    ('AGENCY', 'OWNERSHIP', 'FULL'),
    ('ENTERPRISE', 'OWNERSHIP', 'FULL'),
    ('FREE', 'DECIDE', 'NONE'),
    ('PRO', 'DECIDE', 'LIMITED'),
    ('AGENCY', 'DECIDE', 'FULL'),
    ('ENTERPRISE', 'DECIDE', 'FULL'),
    ('FREE', 'STABILIZE', 'NONE'),
    ('PRO', 'STABILIZE', 'NONE'),
    ('AGENCY', 'STABILIZE', 'FULL'),
    ('ENTERPRISE', 'STABILIZE', 'FULL'),
    ('FREE', 'TICKET_LINK', 'NONE'),
    ('PRO', 'TICKET_LINK', 'NONE'),
    ('AGENCY', 'TICKET_LINK', 'FULL'),
    ('ENTERPRISE', 'TICKET_LINK', 'FULL'),
    ('FREE', 'ADJUST_SEVERITY', 'NONE'),
    ('PRO', 'ADJUST_SEVERITY', 'NONE'),
    ('AGENCY', 'ADJUST_SEVERITY', 'FULL'),
    ('ENTERPRISE', 'ADJUST_SEVERITY', 'FULL'),
    ('FREE', 'RECHECK', 'FULL'),
    ('PRO', 'RECHECK', 'FULL'),
    ('AGENCY', 'RECHECK', 'FULL'),
    ('ENTERPRISE', 'RECHECK', 'FULL'),
    ('FREE', 'CONFIRM_VANISHED', 'FULL'),
    ('PRO', 'CONFIRM_VANISHED', 'FULL'),
    ('AGENCY', 'CONFIRM_VANISHED', 'FULL'),
    ('ENTERPRISE', 'CONFIRM_VANISHED', 'FULL'),
    ('FREE', 'REQUEST_UPGRADE', 'FULL'),
    ('PRO', 'REQUEST_UPGRADE', 'FULL'),
    ('AGENCY', 'REQUEST_UPGRADE', 'FULL'),
    ('ENTERPRISE', 'REQUEST_UPGRADE', 'FULL'),
    ('FREE', 'ACCOUNT', 'FULL'),
    ('PRO', 'ACCOUNT', 'FULL'),
    ('AGENCY', 'ACCOUNT', 'FULL'),
    ('ENTERPRISE', 'ACCOUNT', 'FULL'),
    ('FREE', 'CONFIGURE', 'FULL'),
    ('PRO', 'CONFIGURE', 'FULL'),
    ('AGENCY', 'CONFIGURE', 'FULL'),
    ('ENTERPRISE', 'CONFIGURE', 'FULL'),
    ('FREE', 'MANAGE_PLAN', 'FULL'),
    ('PRO', 'MANAGE_PLAN', 'FULL'),
    ('AGENCY', 'MANAGE_PLAN', 'FULL'),
    ('ENTERPRISE', 'MANAGE_PLAN', 'FULL'),
    ('FREE', 'MEMBERS', 'FULL'),
    ('PRO', 'MEMBERS', 'FULL'),
    ('AGENCY', 'MEMBERS', 'FULL'),
    ('ENTERPRISE', 'MEMBERS', 'FULL');

CREATE FUNCTION keep_sight() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'TRUNCATE' OR (OLD.capability IN ('DETECTION', 'VISIBILITY', 'SUMMARY')
        AND (TG_OP = 'DELETE' OR NEW.capability <> OLD.capability OR NEW.plan <> OLD.plan)) THEN
        RAISE EXCEPTION 'drift is detected and seen on every plan'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'plan_capabilities_drift_is_seen';
    END IF;
    RETURN COALESCE(NEW, OLD);
END $$;
CREATE TRIGGER keep_sight BEFORE UPDATE OR DELETE ON plan_capabilities FOR EACH ROW EXECUTE FUNCTION keep_sight();
CREATE TRIGGER keep_sight_whole BEFORE TRUNCATE ON plan_capabilities FOR EACH STATEMENT EXECUTE FUNCTION keep_sight();

-- A limit's bounds and its value where nobody chose. NULL is "no limit".
CREATE TABLE plan_limits (
    plan     text NOT NULL CONSTRAINT plan_limits_plan_is_known CHECK (plan IN ('FREE', 'PRO', 'AGENCY', 'ENTERPRISE')),
    name     text NOT NULL CONSTRAINT plan_limits_name_is_known
             CHECK (name IN ('OVERRIDE_DAYS', 'OPEN_INCIDENTS', 'DIFF_WORKFLOWS', 'HISTORY_DAYS')),
    standard integer,
    least    integer NOT NULL CHECK (least >= 0),
    most     integer,
    PRIMARY KEY (plan, name),
    CONSTRAINT plan_limits_standard_is_within CHECK (
        (most IS NULL OR standard IS NOT NULL) AND (standard IS NULL OR (standard >= least AND standard <= COALESCE(most, standard))))
);
INSERT INTO plan_limits (plan, name, standard, least, most) VALUES
    ('FREE', 'OVERRIDE_DAYS', 30, 1, 30),
    ('PRO', 'OVERRIDE_DAYS', 30, 1, 30),
    ('AGENCY', 'OVERRIDE_DAYS', 7, 0, 7),
    ('ENTERPRISE', 'OVERRIDE_DAYS', 0, 0, 7),
    ('FREE', 'OPEN_INCIDENTS', 0, 0, 0),
    ('PRO', 'OPEN_INCIDENTS', 1, 1, 1),
    ('AGENCY', 'OPEN_INCIDENTS', NULL, 1, NULL),
    ('ENTERPRISE', 'OPEN_INCIDENTS', NULL, 1, NULL),
    ('FREE', 'DIFF_WORKFLOWS', 0, 0, 0),
    ('PRO', 'DIFF_WORKFLOWS', 5, 1, 5),
    ('AGENCY', 'DIFF_WORKFLOWS', NULL, 5, NULL),
    ('ENTERPRISE', 'DIFF_WORKFLOWS', NULL, 5, NULL),
    ('FREE', 'HISTORY_DAYS', 30, 7, 30),
    ('PRO', 'HISTORY_DAYS', 90, 30, 90),
    ('AGENCY', 'HISTORY_DAYS', 365, 90, 365),
    ('ENTERPRISE', 'HISTORY_DAYS', 2555, 365, 3650);

-- What an administrator set for their own organization. Who and why is in the events, too.
CREATE TABLE organization_limits (
    organization_id uuid NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    plan            text NOT NULL,
    name            text NOT NULL,
    value           integer,
    reason          text NOT NULL CONSTRAINT organization_limits_reason_is_not_blank CHECK (btrim(reason) <> ''),
    set_by          uuid NOT NULL REFERENCES users (id),
    set_at          timestamptz NOT NULL,
    PRIMARY KEY (organization_id, plan, name),
    FOREIGN KEY (plan, name) REFERENCES plan_limits (plan, name)
);
CREATE FUNCTION keep_bounds() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE bounds plan_limits;
BEGIN
    SELECT * INTO bounds FROM plan_limits WHERE plan = NEW.plan AND name = NEW.name;
    IF (NEW.value IS NULL AND bounds.most IS NOT NULL) OR NEW.value < bounds.least OR NEW.value > bounds.most THEN
        RAISE EXCEPTION 'limit % of plan % cannot be %', NEW.name, NEW.plan, COALESCE(NEW.value::text, 'unlimited')
            USING ERRCODE = 'check_violation', CONSTRAINT = 'organization_limits_are_within_bounds';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER keep_bounds BEFORE INSERT OR UPDATE ON organization_limits FOR EACH ROW EXECUTE FUNCTION keep_bounds();

-- Somebody asks for more: it feeds the seed's conversion metric, so it is kept whatever becomes of it.
CREATE TABLE upgrade_requests (
    organization_id uuid NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    id              uuid PRIMARY KEY,
    plan            text NOT NULL CONSTRAINT upgrade_requests_plan_is_known CHECK (plan IN ('PRO', 'AGENCY', 'ENTERPRISE')),
    plan_then       text NOT NULL CONSTRAINT upgrade_requests_plan_then_is_known CHECK (plan_then IN ('FREE', 'PRO', 'AGENCY', 'ENTERPRISE')),
    -- What the person was refused, and where, if that is why they ask.
    capability      text,
    environment_id  uuid,
    note            text NOT NULL DEFAULT '',
    requested_by    uuid NOT NULL REFERENCES users (id),
    requested_at    timestamptz NOT NULL,
    state           text NOT NULL DEFAULT 'OPEN' CONSTRAINT upgrade_requests_state_is_known CHECK (state IN ('OPEN', 'GRANTED', 'DECLINED')),
    answered_by     uuid REFERENCES users (id),
    answered_at     timestamptz,
    answer          text NOT NULL DEFAULT '',
    UNIQUE (organization_id, id),
    CONSTRAINT upgrade_requests_answer_is_whole CHECK (
        (state = 'OPEN') = (answered_by IS NULL) AND (state = 'OPEN') = (answered_at IS NULL))
);
CREATE UNIQUE INDEX upgrade_requests_one_open ON upgrade_requests (organization_id, requested_by) WHERE state = 'OPEN';

-- Overrides: a difference that a person accepts for a time. The change stays open and stays visible.
ALTER TABLE decisions
    ADD COLUMN expires_at timestamptz,
    ADD COLUMN ended_at timestamptz,
    ADD COLUMN ended_by uuid REFERENCES users (id),
    ADD FOREIGN KEY (organization_id, environment_id) REFERENCES environments (organization_id, id) ON DELETE CASCADE;
ALTER TABLE changes ADD COLUMN override_id uuid,
    ADD FOREIGN KEY (organization_id, override_id) REFERENCES decisions (organization_id, id);

-- Row-level security. A transaction that acts for a person becomes this role and names the organization; the role owns
-- nothing and bypasses nothing. The role belongs to the whole server, so another database may have made it already.
DO $$
BEGIN
    CREATE ROLE workflowops_tenant NOLOGIN NOSUPERUSER NOBYPASSRLS NOINHERIT;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
END $$;
DO $$
BEGIN
    EXECUTE format('GRANT workflowops_tenant TO %I', CURRENT_USER);
EXCEPTION WHEN OTHERS THEN
    -- Two databases being migrated at once, or a superuser, who needs no grant.
    NULL;
END $$;
GRANT USAGE ON SCHEMA public TO workflowops_tenant;
GRANT SELECT ON plan_capabilities, plan_limits TO workflowops_tenant;
-- People belong to no organization: their names stand beside what they did. What they sign in with is not for this role.
GRANT SELECT (id, email, name, created_at) ON users TO workflowops_tenant;

CREATE FUNCTION current_organization() RETURNS uuid LANGUAGE sql STABLE AS
    $$ SELECT NULLIF(current_setting('workflowops.organization', true), '')::uuid $$;

-- Every table with an organization_id goes through this; a test looks that none was forgotten.
CREATE PROCEDURE protect_tenant(name regclass) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', name);
    EXECUTE format('CREATE POLICY tenant ON %s TO workflowops_tenant USING (organization_id = current_organization())
        WITH CHECK (organization_id = current_organization())', name);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO workflowops_tenant', name);
END $$;
CALL protect_tenant('memberships');
CALL protect_tenant('sessions');
CALL protect_tenant('environments');
CALL protect_tenant('checks');
CALL protect_tenant('snapshots');
CALL protect_tenant('git_blobs');
CALL protect_tenant('git_trees');
CALL protect_tenant('readings');
CALL protect_tenant('workflows');
CALL protect_tenant('changes');
CALL protect_tenant('decisions');
CALL protect_tenant('ambiguities');
CALL protect_tenant('drift_incidents');
CALL protect_tenant('events');
CALL protect_tenant('webhook_deliveries');
CALL protect_tenant('organization_limits');
CALL protect_tenant('upgrade_requests');
ALTER TABLE organizations ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON organizations TO workflowops_tenant USING (id = current_organization()) WITH CHECK (id = current_organization());
GRANT SELECT, UPDATE ON organizations TO workflowops_tenant;

-- The queue belongs to the product, not to a tenant: a tenant's transaction asks for a job through this alone.
CREATE FUNCTION ask_for_job(identifier text, payload json, queue_name text, job_key text, priority integer)
    RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE job bigint;
BEGIN
    SELECT id INTO job FROM graphile_worker.add_job(identifier, payload => payload, queue_name => queue_name,
        job_key => job_key, priority => priority);
    RETURN job;
END $$;
REVOKE ALL ON FUNCTION ask_for_job FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ask_for_job TO workflowops_tenant;
