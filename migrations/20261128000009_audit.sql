-- The audit log: who did what, from where. Entries and their seals are only ever added.

CREATE TABLE audit_entries (
    organization_id uuid NOT NULL REFERENCES organizations (id),
    id              uuid PRIMARY KEY,
    at              timestamptz NOT NULL,
    actor_kind      text NOT NULL CONSTRAINT audit_entries_actor_is_known CHECK (actor_kind IN ('USER', 'TOKEN', 'SYSTEM', 'UNKNOWN')),
    -- No foreign keys: an entry says what was, and outlives what it speaks of.
    actor_id        uuid,
    actor_name      text NOT NULL,
    token_id        uuid,
    via             text NOT NULL CONSTRAINT audit_entries_via_is_known CHECK (via IN ('SCREEN', 'API', 'CLI', 'JOB')),
    address         text,
    user_agent      text,
    action          text NOT NULL,
    target_kind     text NOT NULL,
    target_id       text,
    target_name     text,
    environment_id  uuid,
    reason          text,
    before          jsonb,
    after           jsonb,
    -- SHA-256 of the entry's canonical form; docs/audit.md says of which.
    entry_hash      bytea NOT NULL CONSTRAINT audit_entries_hash_is_whole CHECK (octet_length(entry_hash) = 32),
    UNIQUE (organization_id, id),
    CONSTRAINT audit_entries_actor_is_whole CHECK (
        (actor_kind IN ('USER', 'TOKEN')) = (actor_id IS NOT NULL) AND (actor_kind = 'TOKEN') = (token_id IS NOT NULL))
);
CREATE INDEX audit_entries_newest ON audit_entries (organization_id, at DESC, id DESC);
CREATE INDEX audit_entries_by_environment ON audit_entries (organization_id, environment_id, at DESC, id DESC);
CREATE INDEX audit_entries_by_actor ON audit_entries (organization_id, actor_id, at DESC, id DESC);
CREATE INDEX audit_entries_by_action ON audit_entries (organization_id, action, at DESC, id DESC);

-- The chain: each seal's hash is made of the one before. A seal keeps its entry's hash, whatever becomes of the entry.
CREATE TABLE audit_seals (
    organization_id uuid NOT NULL REFERENCES organizations (id),
    sequence        bigint NOT NULL CONSTRAINT audit_seals_are_counted CHECK (sequence > 0),
    entry_id        uuid NOT NULL,
    entry_hash      bytea NOT NULL CHECK (octet_length(entry_hash) = 32),
    previous_hash   bytea NOT NULL CHECK (octet_length(previous_hash) = 32),
    hash            bytea NOT NULL CHECK (octet_length(hash) = 32),
    PRIMARY KEY (organization_id, sequence),
    CONSTRAINT audit_seals_one_an_entry UNIQUE (organization_id, entry_id)
);

-- What waits for its seal: a work list, made by a trigger so that no writer forgets it. Verifying does not trust it.
CREATE TABLE audit_unsealed (
    organization_id uuid NOT NULL REFERENCES organizations (id),
    entry_id        uuid NOT NULL,
    at              timestamptz NOT NULL,
    PRIMARY KEY (organization_id, entry_id),
    FOREIGN KEY (organization_id, entry_id) REFERENCES audit_entries (organization_id, id)
);
CREATE FUNCTION await_seal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO audit_unsealed (organization_id, entry_id, at) VALUES (NEW.organization_id, NEW.id, NEW.at);
    RETURN NULL;
END $$;
CREATE TRIGGER await_seal AFTER INSERT ON audit_entries FOR EACH ROW EXECUTE FUNCTION await_seal();

-- Sign-ins that failed, until it was looked up whose they are: that takes longer for an address that somebody has, which whoever
-- tries must not see. It belongs to no organization yet.
CREATE TABLE audit_failed_sign_ins (
    id         uuid PRIMARY KEY,
    email      text NOT NULL,
    via        text NOT NULL,
    address    text,
    user_agent text,
    at         timestamptz NOT NULL
);

CREATE FUNCTION keep_audit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit log is only ever added to' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'audit_is_kept';
END $$;
CREATE TRIGGER keep_audit BEFORE UPDATE OR DELETE ON audit_entries FOR EACH ROW EXECUTE FUNCTION keep_audit();
CREATE TRIGGER keep_audit_whole BEFORE TRUNCATE ON audit_entries FOR EACH STATEMENT EXECUTE FUNCTION keep_audit();
CREATE TRIGGER keep_audit BEFORE UPDATE OR DELETE ON audit_seals FOR EACH ROW EXECUTE FUNCTION keep_audit();
CREATE TRIGGER keep_audit_whole BEFORE TRUNCATE ON audit_seals FOR EACH STATEMENT EXECUTE FUNCTION keep_audit();

CALL protect_tenant('audit_entries');
CALL protect_tenant('audit_seals');
CALL protect_tenant('audit_unsealed');
REVOKE UPDATE, DELETE ON audit_entries, audit_seals FROM workflowops_tenant;
REVOKE UPDATE ON audit_unsealed FROM workflowops_tenant;

INSERT INTO plan_capabilities (plan, capability, granted) VALUES
    ('FREE', 'AUDIT', 'NONE'),
    ('PRO', 'AUDIT', 'NONE'),
    ('AGENCY', 'AUDIT', 'LIMITED'),
    ('ENTERPRISE', 'AUDIT', 'FULL');
