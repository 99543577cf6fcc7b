-- The time of incidents: clocks that survive restarts and replicas, warnings that are told once, and extensions within bounds.

INSERT INTO plan_capabilities (plan, capability, granted) VALUES
    ('FREE', 'EXTEND', 'NONE'),
    ('PRO', 'EXTEND', 'NONE'),
    ('AGENCY', 'EXTEND', 'FULL'),
    ('ENTERPRISE', 'EXTEND', 'FULL');

ALTER TABLE plan_limits DROP CONSTRAINT plan_limits_name_is_known,
    ADD CONSTRAINT plan_limits_name_is_known CHECK (name IN (
        'OVERRIDE_DAYS', 'OPEN_INCIDENTS', 'DIFF_WORKFLOWS', 'HISTORY_DAYS', 'EXTENSION_HOURS', 'EXTENSIONS'));
INSERT INTO plan_limits (plan, name, standard, least, most) VALUES
    ('FREE', 'EXTENSION_HOURS', 0, 0, 0),
    ('PRO', 'EXTENSION_HOURS', 0, 0, 0),
    ('AGENCY', 'EXTENSION_HOURS', 24, 1, 72),
    ('ENTERPRISE', 'EXTENSION_HOURS', 72, 1, 168),
    ('FREE', 'EXTENSIONS', 0, 0, 0),
    ('PRO', 'EXTENSIONS', 0, 0, 0),
    ('AGENCY', 'EXTENSIONS', 2, 0, 5),
    ('ENTERPRISE', 'EXTENSIONS', 3, 0, 10);

-- Percent of a severity's time that incidents have, by the class of their environment.
ALTER TABLE organizations
    ADD COLUMN time_percent_development smallint NOT NULL DEFAULT 100
        CONSTRAINT organizations_time_in_development_is_bounded CHECK (time_percent_development BETWEEN 25 AND 400),
    ADD COLUMN time_percent_staging smallint NOT NULL DEFAULT 100
        CONSTRAINT organizations_time_in_staging_is_bounded CHECK (time_percent_staging BETWEEN 25 AND 400),
    ADD COLUMN time_percent_production smallint NOT NULL DEFAULT 100
        CONSTRAINT organizations_time_in_production_is_bounded CHECK (time_percent_production BETWEEN 25 AND 400);

ALTER TABLE drift_incidents
    ADD COLUMN ttl_percent smallint NOT NULL DEFAULT 100,
    -- When the span began that the warnings divide. Of incidents that closed before there were clocks: not known.
    ADD COLUMN ttl_from timestamptz,
    -- What the clock looks at next.
    ADD COLUMN alarm_at timestamptz,
    -- When the clock told that the time is over.
    ADD COLUMN expired_at timestamptz,
    ADD COLUMN extensions integer NOT NULL DEFAULT 0 CONSTRAINT drift_incidents_extensions_are_counted CHECK (extensions >= 0),
    -- The severity is as the clock raised it: what joins later may raise it further, as it may not where a person set it.
    ADD COLUMN severity_by_clock boolean NOT NULL DEFAULT false;

-- Incidents that are under way get their clock: what is over already is told at the first tick.
UPDATE drift_incidents SET ttl_from = acknowledged_at, alarm_at = acknowledged_at + (expires_at - acknowledged_at) / 2
WHERE status <> 'CLOSED' AND expires_at IS NOT NULL;

ALTER TABLE drift_incidents
    -- An open incident with a deadline has a clock, or the clock has told that it is over: none stops silently.
    ADD CONSTRAINT drift_incidents_clocks_run CHECK (status = 'CLOSED' OR (
        (expires_at IS NULL) = (ttl_from IS NULL)
        AND (expires_at IS NOT NULL) = ((alarm_at IS NULL) <> (expired_at IS NULL)))),
    ADD CONSTRAINT drift_incidents_expire_when_it_is_time CHECK (expired_at >= expires_at),
    ADD CONSTRAINT drift_incidents_the_clock_says_why CHECK (NOT severity_by_clock OR severity_reason IS NOT NULL);

-- The one query of the clock.
CREATE INDEX drift_incidents_alarms ON drift_incidents (alarm_at) WHERE alarm_at IS NOT NULL AND status <> 'CLOSED';

-- However many replicas tell, and however often: each point of a deadline is told once.
CREATE UNIQUE INDEX events_the_clock_tells_once ON events (incident_id, kind, (data ->> 'point'), (data ->> 'expires_at'))
    WHERE kind IN ('incident.expiring', 'incident.expired');
