-- Notifications: channels, what each person wants by mail, what is to be told (the outbox), and the log of what was sent.

INSERT INTO plan_capabilities (plan, capability, granted)
SELECT plan, 'NOTIFICATIONS', 'FULL' FROM unnest(ARRAY['FREE', 'PRO', 'AGENCY', 'ENTERPRISE']) AS plan;

-- What was told last of an environment, so that each turn is told once, whoever sees it.
ALTER TABLE environments
    ADD COLUMN told_drifting boolean NOT NULL DEFAULT false,
    ADD COLUMN told_unverified boolean NOT NULL DEFAULT false;
-- How things are at the upgrade is no news.
UPDATE environments SET told_drifting = open_changes > 0, told_unverified = failure IS NOT NULL;

CREATE TABLE notification_channels (
    organization_id   uuid NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    id                uuid PRIMARY KEY,
    kind              text NOT NULL CONSTRAINT notification_channels_kind_is_known
                      CHECK (kind IN ('EMAIL', 'SLACK', 'TEAMS', 'WEBHOOK', 'PAGERDUTY')),
    name              text NOT NULL CONSTRAINT notification_channels_name_is_not_blank CHECK (btrim(name) <> ''),
    -- Where it leads, sealed: whoever knows a webhook's address may post there.
    address           bytea NOT NULL,
    -- What it is signed with, or PagerDuty's routing key; sealed.
    secret            bytea,
    -- As much of the address as is no secret.
    target            text NOT NULL,
    events            text[] NOT NULL,
    state             text NOT NULL DEFAULT 'ON' CONSTRAINT notification_channels_state_is_known CHECK (state IN ('ON', 'OFF', 'GONE')),
    created_by        uuid REFERENCES users (id) ON DELETE SET NULL,
    created_at        timestamptz NOT NULL,
    last_delivered_at timestamptz,
    -- Why the newest message was not taken.
    trouble           text,
    -- Its deliveries stay in the log after it.
    removed_at        timestamptz,
    UNIQUE (organization_id, id),
    CONSTRAINT notification_channels_are_signed_as_they_must CHECK (kind NOT IN ('WEBHOOK', 'PAGERDUTY') OR secret IS NOT NULL)
);
CREATE UNIQUE INDEX notification_channels_names ON notification_channels (organization_id, lower(name)) WHERE removed_at IS NULL;

-- The kinds of events that a person wants by mail. Nobody is mailed what they did not ask for.
CREATE TABLE notification_preferences (
    organization_id uuid NOT NULL,
    user_id         uuid NOT NULL,
    kind            text NOT NULL,
    PRIMARY KEY (organization_id, user_id, kind),
    FOREIGN KEY (organization_id, user_id) REFERENCES memberships (organization_id, user_id) ON DELETE CASCADE
);

-- The outbox: written in the transaction of the event that it tells of.
CREATE TABLE notices (
    organization_id uuid NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    id              uuid PRIMARY KEY,
    -- The event of the record; none for a test of a channel.
    event_id        bigint CONSTRAINT notices_one_an_event UNIQUE,
    kind            text NOT NULL,
    event           text NOT NULL,
    environment_id  uuid,
    incident_id     uuid,
    actor           uuid,
    data            jsonb NOT NULL,
    at              timestamptz NOT NULL,
    -- When it was handed to every channel and person that wants it.
    spread_at       timestamptz,
    UNIQUE (organization_id, id),
    FOREIGN KEY (organization_id, environment_id) REFERENCES environments (organization_id, id) ON DELETE CASCADE
);
CREATE INDEX notices_to_spread ON notices (organization_id, at) WHERE spread_at IS NULL;

-- A message to one receiver: a channel, or a person by mail. What happens in a burst joins one that was not begun yet.
CREATE TABLE notification_deliveries (
    organization_id uuid NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    id              uuid PRIMARY KEY,
    channel_id      uuid,
    user_id         uuid,
    -- What it is about: events of one topic share a message within the window.
    topic           text NOT NULL,
    is_test         boolean NOT NULL DEFAULT false,
    state           text NOT NULL DEFAULT 'PENDING' CONSTRAINT notification_deliveries_state_is_known
                    CHECK (state IN ('PENDING', 'RETRYING', 'DELIVERED', 'GIVEN_UP')),
    -- What is sent, the same each time: made when it is first tried.
    message         jsonb,
    events          integer NOT NULL DEFAULT 0,
    -- Tries since it was made or asked for again.
    tries           integer NOT NULL DEFAULT 0,
    due_at          timestamptz NOT NULL,
    -- Until when whoever sends it is waited for.
    claimed_until   timestamptz,
    reason          text,
    created_at      timestamptz NOT NULL,
    ended_at        timestamptz,
    UNIQUE (organization_id, id),
    FOREIGN KEY (organization_id, channel_id) REFERENCES notification_channels (organization_id, id) ON DELETE CASCADE,
    FOREIGN KEY (organization_id, user_id) REFERENCES memberships (organization_id, user_id) ON DELETE CASCADE,
    CONSTRAINT notification_deliveries_have_one_receiver CHECK ((channel_id IS NULL) <> (user_id IS NULL)),
    CONSTRAINT notification_deliveries_end_as_they_say CHECK ((state IN ('DELIVERED', 'GIVEN_UP')) = (ended_at IS NOT NULL)),
    CONSTRAINT notification_deliveries_are_given_up_for_a_reason CHECK (state <> 'GIVEN_UP' OR reason IS NOT NULL)
);
CREATE INDEX notification_deliveries_log ON notification_deliveries (organization_id, created_at DESC);
CREATE INDEX notification_deliveries_burst ON notification_deliveries (coalesce(channel_id, user_id), created_at DESC);
CREATE INDEX notification_deliveries_waiting ON notification_deliveries (due_at) WHERE ended_at IS NULL;

-- Which event went to which receiver: once, whatever is replayed.
CREATE TABLE notification_delivery_notices (
    organization_id uuid NOT NULL,
    delivery_id     uuid NOT NULL,
    notice_id       uuid NOT NULL,
    receiver        uuid NOT NULL,
    CONSTRAINT notifications_one_message_an_event_and_receiver PRIMARY KEY (notice_id, receiver),
    FOREIGN KEY (organization_id, delivery_id) REFERENCES notification_deliveries (organization_id, id) ON DELETE CASCADE,
    FOREIGN KEY (organization_id, notice_id) REFERENCES notices (organization_id, id) ON DELETE CASCADE
);
CREATE INDEX notification_delivery_notices_of ON notification_delivery_notices (delivery_id);

-- Every try of every delivery.
CREATE TABLE notification_attempts (
    organization_id uuid NOT NULL,
    delivery_id     uuid NOT NULL,
    number          integer NOT NULL,
    begun_at        timestamptz NOT NULL,
    ended_at        timestamptz,
    status          integer,
    -- In words; none while nobody knows.
    outcome         text,
    PRIMARY KEY (delivery_id, number),
    FOREIGN KEY (organization_id, delivery_id) REFERENCES notification_deliveries (organization_id, id) ON DELETE CASCADE
);

CALL protect_tenant('notification_channels');
CALL protect_tenant('notification_preferences');
CALL protect_tenant('notices');
CALL protect_tenant('notification_deliveries');
CALL protect_tenant('notification_delivery_notices');
CALL protect_tenant('notification_attempts');

-- Asks for a message to be sent in so many seconds. Mails share the queue of all mail: one at a time.
CREATE FUNCTION ask_for_delivery(identifier text, delivery uuid, seconds double precision)
    RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE job bigint;
BEGIN
    SELECT id INTO job FROM graphile_worker.add_job(identifier, payload => json_build_object('delivery_id', delivery),
        queue_name => CASE WHEN identifier = 'mail_notice' THEN 'mail' END, job_key => 'deliver:' || delivery,
        run_at => now() + make_interval(secs => seconds), priority => -5);
    RETURN job;
END $$;
REVOKE ALL ON FUNCTION ask_for_delivery FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ask_for_delivery TO workflowops_tenant;
