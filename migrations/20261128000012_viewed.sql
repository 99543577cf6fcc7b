-- What somebody has viewed of an incident: each person's own, for a content. A change that moved on has other content, so the tick
-- does not hold for it any more.

-- The content of a change, as a hash: both sides, and what became of it. Not what a person decides about it.
CREATE FUNCTION change_content(change changes) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$
    SELECT sha256(coalesce(change.desired_snapshot, '\x'::bytea) || '\x2f'::bytea || coalesce(change.live_snapshot, '\x'::bytea)
        || '\x2f'::bytea || coalesce(change.vanished_cause, '')::bytea)
$$;

CREATE TABLE viewed_changes (
    organization_id uuid NOT NULL,
    user_id         uuid NOT NULL,
    change_id       uuid NOT NULL,
    -- What was viewed (`change_content`).
    content         bytea NOT NULL CONSTRAINT viewed_changes_content_is_a_hash CHECK (octet_length(content) = 32),
    viewed_at       timestamptz NOT NULL,
    PRIMARY KEY (organization_id, user_id, change_id),
    -- Who leaves takes it along, and it goes with its change: it proves nothing, and holds nothing back.
    FOREIGN KEY (organization_id, user_id) REFERENCES memberships (organization_id, user_id) ON DELETE CASCADE,
    FOREIGN KEY (organization_id, change_id) REFERENCES changes (organization_id, id) ON DELETE CASCADE
);
CREATE INDEX viewed_changes_by_change ON viewed_changes (organization_id, change_id);
CALL protect_tenant('viewed_changes');
