-- Metrics: figures of an organization's drift and of how it is dealt with, over a range of days.

INSERT INTO plan_capabilities (plan, capability, granted) VALUES
    ('FREE', 'METRICS', 'LIMITED'),
    ('PRO', 'METRICS', 'LIMITED'),
    ('AGENCY', 'METRICS', 'FULL'),
    ('ENTERPRISE', 'METRICS', 'FULL');

-- When the live side moved, by n8n's own clock: how long it took to be detected follows from it. NULL where it is not the
-- live side that moved, where n8n did not say, and for what was detected before this was asked.
ALTER TABLE changes ADD COLUMN live_moved_at timestamptz,
    ADD CONSTRAINT changes_move_before_they_are_seen CHECK (live_moved_at <= first_seen_at);

CREATE INDEX changes_by_sight ON changes (organization_id, first_seen_at);
CREATE INDEX drift_incidents_by_detection ON drift_incidents (organization_id, detected_at);

-- Whether two changes of one workflow have a field in common: the cause that is told to recur. A whole workflow (`*`, or what
-- was recorded without its fields) is each of its fields.
CREATE FUNCTION fields_recur(ours jsonb, theirs jsonb) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce(theirs -> 'fields' ? '*', true) OR coalesce(ours -> 'fields' ? '*', true)
        OR theirs -> 'fields' ?| ARRAY (SELECT jsonb_array_elements_text(ours -> 'fields'))
$$;
