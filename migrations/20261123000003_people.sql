-- People: invitations, API tokens, sign-in through identity providers, password resets. Nothing here signs anybody in by
-- being read: of every secret that a person holds, the hash is kept.

-- Who signs in through an identity provider alone has no password.
ALTER TABLE users ALTER COLUMN password_hash DROP NOT NULL;

-- When it was shown that the address is the person's own. Not by an invitation's link, which whoever invites sees, too:
-- otherwise they could take an address before its person comes, and be joined by that person's identity provider.
ALTER TABLE users ADD COLUMN email_verified_at timestamptz;
-- So far people were made by whoever runs the installation.
UPDATE users SET email_verified_at = created_at;

CREATE TABLE invitations (
    organization_id uuid NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    id              uuid PRIMARY KEY,
    email           text NOT NULL CONSTRAINT invitations_email_is_lower_case CHECK (email = lower(email) AND email LIKE '%_@_%'),
    role            text NOT NULL CONSTRAINT invitations_role_is_known
                    CHECK (role IN ('VIEWER', 'OPERATOR', 'APPROVER', 'ADMIN', 'OWNER')),
    -- BLAKE3 of the link's token. Sending again makes another one, so an older link ends.
    token_hash      bytea NOT NULL CONSTRAINT invitations_token_is_unique UNIQUE,
    -- The same of the link that was mailed and shown to nobody: who has it reads that address's mail.
    mailed_token_hash bytea CONSTRAINT invitations_mailed_token_is_unique UNIQUE,
    invited_by      uuid REFERENCES users (id) ON DELETE SET NULL,
    created_at      timestamptz NOT NULL,
    sent_at         timestamptz NOT NULL,
    expires_at      timestamptz NOT NULL,
    accepted_at     timestamptz,
    accepted_by     uuid REFERENCES users (id) ON DELETE SET NULL,
    revoked_at      timestamptz,
    UNIQUE (organization_id, id),
    CONSTRAINT invitations_end_once CHECK (accepted_at IS NULL OR revoked_at IS NULL)
);
-- One address waits for one answer.
CREATE UNIQUE INDEX invitations_one_open ON invitations (organization_id, email)
    WHERE accepted_at IS NULL AND revoked_at IS NULL;
CREATE INDEX invitations_by_email ON invitations (email) WHERE accepted_at IS NULL AND revoked_at IS NULL;

CREATE TABLE api_tokens (
    organization_id uuid NOT NULL,
    id              uuid PRIMARY KEY,
    user_id         uuid NOT NULL,
    name            text NOT NULL CONSTRAINT api_tokens_name_is_not_blank CHECK (btrim(name) <> ''),
    -- The most that the token may do; its person's own role bounds it again whenever it is used.
    role            text NOT NULL CONSTRAINT api_tokens_role_is_known
                    CHECK (role IN ('VIEWER', 'OPERATOR', 'APPROVER', 'ADMIN', 'OWNER')),
    token_hash      bytea NOT NULL CONSTRAINT api_tokens_token_is_unique UNIQUE,
    -- The last characters, by which its person tells tokens apart.
    ending          text NOT NULL,
    created_at      timestamptz NOT NULL,
    expires_at      timestamptz NOT NULL,
    last_used_at    timestamptz,
    UNIQUE (organization_id, id),
    CONSTRAINT api_tokens_live_a_year_at_most CHECK (expires_at <= created_at + interval '366 days'),
    -- A membership that ends takes its tokens with it.
    FOREIGN KEY (organization_id, user_id) REFERENCES memberships (organization_id, user_id) ON DELETE CASCADE
);
CREATE INDEX api_tokens_by_person ON api_tokens (organization_id, user_id);

-- Who an identity provider's subject is here.
CREATE TABLE identities (
    issuer       text NOT NULL,
    subject      text NOT NULL,
    user_id      uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- The address that the provider had verified when the two were linked.
    email        text NOT NULL,
    created_at   timestamptz NOT NULL,
    last_used_at timestamptz NOT NULL,
    PRIMARY KEY (issuer, subject)
);
CREATE INDEX identities_by_user ON identities (user_id);

-- Sign-ins that are on their way to an identity provider and back. State, nonce and verifier are made from the browser's
-- cookie, of which only the hash is here: a row lets nobody finish somebody else's sign-in.
CREATE TABLE oidc_attempts (
    cookie_hash bytea PRIMARY KEY,
    provider    text NOT NULL,
    next        text NOT NULL,
    -- The invitation that is accepted on the way back, by the hash of its link's token.
    invitation  bytea,
    expires_at  timestamptz NOT NULL
);

CREATE TABLE password_resets (
    token_hash bytea PRIMARY KEY,
    user_id    uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    -- One link a person: the newest.
    CONSTRAINT password_resets_one_a_person UNIQUE (user_id)
);

-- An organization that has an owner keeps one, whoever asks: two owners who leave at once are one too many.
CREATE FUNCTION keep_an_owner() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.role <> 'OWNER' OR (TG_OP = 'UPDATE' AND NEW.role = 'OWNER') THEN
        RETURN NULL;
    END IF;
    -- Waits for whoever changes this organization's members just now; gone with the organization, there is nothing to keep.
    PERFORM FROM organizations WHERE id = OLD.organization_id FOR UPDATE;
    IF FOUND AND NOT EXISTS (
        SELECT FROM memberships WHERE organization_id = OLD.organization_id AND role = 'OWNER'
    ) THEN
        RAISE EXCEPTION 'organization % must keep an owner', OLD.organization_id
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'organizations_keep_an_owner';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER keep_an_owner AFTER DELETE OR UPDATE OF role ON memberships
    FOR EACH ROW EXECUTE FUNCTION keep_an_owner();

CALL protect_tenant('invitations');
CALL protect_tenant('api_tokens');

-- The queue belongs to the product: a tenant's transaction asks for a mail through this alone. Mails go out one at a time.
CREATE FUNCTION ask_for_mail(payload json, job_key text)
    RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE job bigint;
BEGIN
    SELECT id INTO job FROM graphile_worker.add_job('mail', payload => payload, queue_name => 'mail',
        job_key => job_key, priority => -5);
    RETURN job;
END $$;
REVOKE ALL ON FUNCTION ask_for_mail FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ask_for_mail TO workflowops_tenant;
