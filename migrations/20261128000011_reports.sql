-- Compliance reports: files of what happened in a range of days or an incident, made in the background and kept for a time.

-- What is made every month, of the month before.
CREATE TABLE report_schedules (
    organization_id uuid NOT NULL REFERENCES organizations (id),
    id              uuid PRIMARY KEY,
    format          text NOT NULL CONSTRAINT report_schedules_format_is_known CHECK (format IN ('CSV', 'JSON', 'PDF')),
    -- NULL: of every environment.
    environment_id  uuid,
    made_by         uuid NOT NULL REFERENCES users (id),
    made_at         timestamptz NOT NULL,
    -- The first day of the month that is reported on next, once it is over.
    next_month      date NOT NULL CONSTRAINT report_schedules_month_is_one CHECK (extract(day FROM next_month) = 1),
    UNIQUE (organization_id, id),
    FOREIGN KEY (organization_id, environment_id) REFERENCES environments (organization_id, id) ON DELETE CASCADE
);
CREATE INDEX report_schedules_by_month ON report_schedules (next_month);

-- Who is mailed a link. Whoever leaves the organization is mailed no more.
CREATE TABLE report_recipients (
    organization_id uuid NOT NULL,
    schedule_id     uuid NOT NULL,
    user_id         uuid NOT NULL,
    PRIMARY KEY (schedule_id, user_id),
    FOREIGN KEY (organization_id, schedule_id) REFERENCES report_schedules (organization_id, id) ON DELETE CASCADE,
    FOREIGN KEY (organization_id, user_id) REFERENCES memberships (organization_id, user_id) ON DELETE CASCADE
);

CREATE TABLE reports (
    organization_id uuid NOT NULL REFERENCES organizations (id),
    id              uuid PRIMARY KEY,
    format          text NOT NULL CONSTRAINT reports_format_is_known CHECK (format IN ('CSV', 'JSON', 'PDF')),
    from_day        date,
    to_day          date,
    environment_id  uuid,
    incident_id     uuid,
    -- NULL: a schedule asked.
    requested_by    uuid REFERENCES users (id),
    requested_at    timestamptz NOT NULL,
    -- What of it is made every month, and the month's first day. A schedule that is removed leaves its reports.
    schedule_id     uuid,
    month           date,
    state           text NOT NULL CONSTRAINT reports_state_is_known
                    CHECK (state IN ('QUEUED', 'RUNNING', 'READY', 'FAILED', 'EXPIRED')),
    -- Who makes it: a new number for each beginning. What an overtaken one writes is refused by it.
    run             uuid,
    -- Until when its maker is taken to be at work.
    leased_until    timestamptz,
    attempts        integer NOT NULL DEFAULT 0,
    done            integer NOT NULL DEFAULT 0,
    total           integer,
    as_of           timestamptz,
    finished_at     timestamptz,
    expires_at      timestamptz,
    size            bigint,
    sha256          bytea CONSTRAINT reports_hash_is_whole CHECK (octet_length(sha256) = 32),
    error           text,
    UNIQUE (organization_id, id),
    FOREIGN KEY (organization_id, environment_id) REFERENCES environments (organization_id, id) ON DELETE CASCADE,
    FOREIGN KEY (organization_id, incident_id) REFERENCES drift_incidents (organization_id, id) ON DELETE CASCADE,
    FOREIGN KEY (organization_id, schedule_id) REFERENCES report_schedules (organization_id, id) ON DELETE SET NULL (schedule_id),
    -- However many replicas see that a month is over: a schedule has one report of it.
    CONSTRAINT reports_once_a_month UNIQUE (schedule_id, month),
    -- Days, of one environment or all; or one incident.
    CONSTRAINT reports_are_of_days_or_an_incident CHECK (
        (from_day IS NULL) = (to_day IS NULL) AND from_day <= to_day AND (from_day IS NULL) = (incident_id IS NOT NULL)
        AND (incident_id IS NULL OR environment_id IS NULL)),
    CONSTRAINT reports_somebody_asked CHECK (requested_by IS NOT NULL OR month IS NOT NULL),
    CONSTRAINT reports_are_as_they_say CHECK (
        CASE state
            WHEN 'QUEUED' THEN run IS NULL AND finished_at IS NULL AND error IS NULL
            WHEN 'RUNNING' THEN run IS NOT NULL AND leased_until IS NOT NULL AND finished_at IS NULL AND error IS NULL
            WHEN 'FAILED' THEN finished_at IS NOT NULL AND error IS NOT NULL AND size IS NULL
            ELSE finished_at IS NOT NULL AND num_nulls(as_of, expires_at, size, sha256) = 0 AND error IS NULL
        END)
);
CREATE INDEX reports_newest ON reports (organization_id, id DESC);
CREATE INDEX reports_under_way ON reports (requested_at) WHERE state IN ('QUEUED', 'RUNNING');
CREATE INDEX reports_by_expiry ON reports (expires_at) WHERE state = 'READY';

-- The file, in parts: nobody holds a whole one in memory to write or to send it.
CREATE TABLE report_chunks (
    organization_id uuid NOT NULL,
    report_id       uuid NOT NULL,
    number          integer NOT NULL CONSTRAINT report_chunks_are_counted CHECK (number >= 0),
    bytes           bytea NOT NULL CONSTRAINT report_chunks_are_small CHECK (octet_length(bytes) BETWEEN 1 AND 262144),
    PRIMARY KEY (report_id, number),
    FOREIGN KEY (organization_id, report_id) REFERENCES reports (organization_id, id) ON DELETE CASCADE
);
-- What is packed already gains nothing from being packed again.
ALTER TABLE report_chunks ALTER COLUMN bytes SET STORAGE EXTERNAL;

CALL protect_tenant('report_schedules');
CALL protect_tenant('report_recipients');
CALL protect_tenant('reports');
CALL protect_tenant('report_chunks');

INSERT INTO plan_capabilities (plan, capability, granted) VALUES
    ('FREE', 'REPORTS', 'NONE'),
    ('PRO', 'REPORTS', 'NONE'),
    ('AGENCY', 'REPORTS', 'LIMITED'),
    ('ENTERPRISE', 'REPORTS', 'FULL');
