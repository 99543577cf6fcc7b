-- Organizations, people, sessions. Every row that belongs to a tenant carries organization_id, and references between such
-- rows include it, so that no row can point into another organization.

CREATE TABLE organizations (
    id          uuid PRIMARY KEY,
    name        text NOT NULL CONSTRAINT organizations_name_is_not_blank CHECK (btrim(name) <> ''),
    plan        text NOT NULL CONSTRAINT organizations_plan_is_known CHECK (plan IN ('FREE', 'PRO', 'AGENCY', 'ENTERPRISE')),
    -- Encrypted with the installation's key; verifies GitHub's deliveries for this organization.
    webhook_secret bytea NOT NULL,
    created_at  timestamptz NOT NULL
);

CREATE TABLE users (
    id            uuid PRIMARY KEY,
    email         text NOT NULL CONSTRAINT users_email_is_lower_case CHECK (email = lower(email) AND email LIKE '%_@_%'),
    name          text NOT NULL,
    password_hash text NOT NULL,
    created_at    timestamptz NOT NULL,
    CONSTRAINT users_email_is_unique UNIQUE (email)
);

CREATE TABLE memberships (
    organization_id uuid NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    user_id         uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    role            text NOT NULL CONSTRAINT memberships_role_is_known
                    CHECK (role IN ('VIEWER', 'OPERATOR', 'APPROVER', 'ADMIN', 'OWNER')),
    created_at      timestamptz NOT NULL,
    PRIMARY KEY (organization_id, user_id)
);
CREATE INDEX memberships_by_user ON memberships (user_id);

CREATE TABLE sessions (
    id              uuid PRIMARY KEY,
    -- BLAKE3 of the cookie's token: whoever reads this table cannot sign in with it.
    token_hash      bytea NOT NULL CONSTRAINT sessions_token_is_unique UNIQUE,
    user_id         uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- The organization that the person looks at. A membership that ends takes the session's sight with it.
    organization_id uuid NOT NULL,
    user_agent      text NOT NULL DEFAULT '',
    -- What the next page tells the person, once: the answer to a form that was posted without scripts.
    notice          jsonb,
    created_at      timestamptz NOT NULL,
    last_seen_at    timestamptz NOT NULL,
    expires_at      timestamptz NOT NULL,
    FOREIGN KEY (organization_id, user_id) REFERENCES memberships (organization_id, user_id) ON DELETE CASCADE
);
CREATE INDEX sessions_by_user ON sessions (user_id);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

-- Failed sign-ins by subject (an e-mail address or a network address, hashed), counted in windows.
CREATE TABLE sign_in_failures (
    subject      bytea NOT NULL,
    window_start timestamptz NOT NULL,
    failures     integer NOT NULL,
    PRIMARY KEY (subject, window_start)
);
