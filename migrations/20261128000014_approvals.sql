-- Approvals: what a policy lets somebody do once others have agreed. Asked for, agreed to or not, and carried out once.

CREATE TABLE approval_requests (
    organization_id uuid NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    id              uuid PRIMARY KEY,
    environment_id  uuid NOT NULL,
    -- NULL: it is about a change of an environment without one.
    incident_id     uuid,
    -- What is to be done, whole, with the version that whoever asks saw.
    act             jsonb NOT NULL,
    -- The rules that ask, by their titles.
    rules           text[] NOT NULL,
    needed          integer NOT NULL CONSTRAINT approval_requests_needed_is_counted CHECK (needed BETWEEN 1 AND 5),
    -- The least role of those who approve.
    approvers       text NOT NULL CONSTRAINT approval_requests_approvers_are_known
                    CHECK (approvers IN ('OPERATOR', 'APPROVER', 'ADMIN', 'OWNER')),
    requested_by    uuid NOT NULL REFERENCES users (id),
    -- The role that it was asked with: a token's, where that is less than the member's.
    requested_as    text NOT NULL,
    requested_at    timestamptz NOT NULL,
    expires_at      timestamptz NOT NULL,
    state           text NOT NULL CONSTRAINT approval_requests_state_is_known
                    CHECK (state IN ('PENDING', 'APPROVED', 'DONE', 'FAILED', 'REJECTED', 'WITHDRAWN', 'EXPIRED')),
    ended_at        timestamptz,
    -- Who rejected or withdrew it.
    ended_by        uuid REFERENCES users (id),
    -- Why it was rejected, or could not be carried out.
    reason          text,
    UNIQUE (organization_id, id),
    UNIQUE (organization_id, id, requested_by),
    FOREIGN KEY (organization_id, environment_id) REFERENCES environments (organization_id, id) ON DELETE CASCADE,
    FOREIGN KEY (organization_id, incident_id) REFERENCES drift_incidents (organization_id, id) ON DELETE CASCADE,
    CONSTRAINT approval_requests_expire_later CHECK (expires_at > requested_at),
    CONSTRAINT approval_requests_end_once CHECK ((state IN ('PENDING', 'APPROVED')) = (ended_at IS NULL)),
    CONSTRAINT approval_requests_say_why CHECK ((state IN ('FAILED', 'REJECTED')) = (reason IS NOT NULL)),
    CONSTRAINT approval_requests_say_who CHECK ((state IN ('REJECTED', 'WITHDRAWN')) = (ended_by IS NOT NULL))
);
CREATE INDEX approval_requests_newest ON approval_requests (organization_id, requested_at DESC, id DESC);
CREATE INDEX approval_requests_under_way ON approval_requests (state, expires_at) WHERE state IN ('PENDING', 'APPROVED');
-- Asking twice for the same is asking once.
CREATE UNIQUE INDEX approval_requests_once ON approval_requests (organization_id, requested_by, md5(act::text))
    WHERE state IN ('PENDING', 'APPROVED');

-- What has ended stays as it ended: an approval is not played again.
CREATE FUNCTION keep_approval_requests() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.ended_at IS NOT NULL
        OR (NEW.act, NEW.needed, NEW.approvers, NEW.requested_by, NEW.requested_as, NEW.environment_id)
            IS DISTINCT FROM (OLD.act, OLD.needed, OLD.approvers, OLD.requested_by, OLD.requested_as, OLD.environment_id)
        OR (NEW.state = 'PENDING' AND OLD.state <> 'PENDING') OR (NEW.state = 'DONE' AND OLD.state <> 'APPROVED') THEN
        RAISE EXCEPTION 'request for approval %: it is % and stays as it is', OLD.id, OLD.state
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'approval_requests_are_kept';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER keep_approval_requests BEFORE UPDATE ON approval_requests
    FOR EACH ROW EXECUTE FUNCTION keep_approval_requests();

CREATE TABLE approvals (
    organization_id uuid NOT NULL,
    request_id      uuid NOT NULL,
    -- So that the database itself sees who asked.
    requested_by    uuid NOT NULL,
    user_id         uuid NOT NULL REFERENCES users (id),
    -- Whose voice it is: the person's own, or that of who is away and let the person approve.
    voice_of        uuid NOT NULL REFERENCES users (id),
    note            text,
    at              timestamptz NOT NULL,
    PRIMARY KEY (request_id, user_id),
    CONSTRAINT approvals_one_a_voice UNIQUE (request_id, voice_of),
    CONSTRAINT approvals_are_of_others CHECK (user_id <> requested_by AND voice_of <> requested_by),
    FOREIGN KEY (organization_id, request_id, requested_by)
        REFERENCES approval_requests (organization_id, id, requested_by) ON DELETE CASCADE
);

-- Who approves for whom, for a time.
CREATE TABLE approval_delegations (
    organization_id uuid NOT NULL,
    id              uuid PRIMARY KEY,
    from_user       uuid NOT NULL,
    to_user         uuid NOT NULL,
    begins_at       timestamptz NOT NULL,
    ends_at         timestamptz NOT NULL,
    UNIQUE (organization_id, id),
    FOREIGN KEY (organization_id, from_user) REFERENCES memberships (organization_id, user_id) ON DELETE CASCADE,
    FOREIGN KEY (organization_id, to_user) REFERENCES memberships (organization_id, user_id) ON DELETE CASCADE,
    CONSTRAINT approval_delegations_are_to_others CHECK (from_user <> to_user),
    CONSTRAINT approval_delegations_end_later CHECK (ends_at > begins_at)
);
CREATE UNIQUE INDEX approval_delegations_one_each ON approval_delegations (organization_id, from_user);

CALL protect_tenant('approval_requests');
CALL protect_tenant('approvals');
CALL protect_tenant('approval_delegations');
REVOKE DELETE ON approval_requests FROM workflowops_tenant;
REVOKE UPDATE, DELETE ON approvals FROM workflowops_tenant;

-- Only a policy asks for approvals, so they are part of whatever plan an incident keeps.
INSERT INTO plan_capabilities (plan, capability, granted) VALUES
    ('FREE', 'APPROVALS', 'FULL'),
    ('PRO', 'APPROVALS', 'FULL'),
    ('AGENCY', 'APPROVALS', 'FULL'),
    ('ENTERPRISE', 'APPROVALS', 'FULL');
