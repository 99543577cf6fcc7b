-- Plans are edited by people who saw the same page; overrides end as they say; requests for more are answered once.

-- Moves with every edit of the plan, so that an edit of what somebody else has changed meanwhile is told from one that is not.
ALTER TABLE organizations ADD COLUMN plan_version bigint NOT NULL DEFAULT 0;

-- An override has an end, set when it is made, and may be ended before. A vanished change is accepted for good: no end.
ALTER TABLE decisions
    ADD CONSTRAINT decisions_only_overrides_end CHECK (kind = 'OVERRIDE' OR (expires_at IS NULL AND ended_at IS NULL)),
    ADD CONSTRAINT decisions_end_after_they_begin CHECK (expires_at > decided_at AND ended_at >= decided_at),
    ADD CONSTRAINT decisions_only_what_lasts_is_ended CHECK (ended_at IS NULL OR expires_at IS NOT NULL),
    ADD CONSTRAINT decisions_are_ended_by_somebody CHECK ((ended_at IS NULL) = (ended_by IS NULL));
CREATE INDEX changes_overridden ON changes (environment_id) WHERE override_id IS NOT NULL AND state = 'OPEN';

-- What a change was overridden by is a decision about that change, and an override.
CREATE FUNCTION keep_overrides() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.override_id IS NOT NULL AND NOT EXISTS (
        SELECT FROM decisions WHERE organization_id = NEW.organization_id AND id = NEW.override_id
            AND change_id = NEW.id AND kind = 'OVERRIDE' AND expires_at IS NOT NULL
    ) THEN
        RAISE EXCEPTION 'change % is not what decision % overrides', NEW.id, NEW.override_id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'changes_are_overridden_by_their_own';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER keep_overrides BEFORE INSERT OR UPDATE OF override_id ON changes
    FOR EACH ROW EXECUTE FUNCTION keep_overrides();

-- A request feeds the seed's conversion metric: it is not taken back, and an answer stays the answer.
CREATE FUNCTION keep_upgrade_requests() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND NOT EXISTS (SELECT FROM organizations WHERE id = OLD.organization_id) THEN
        RETURN OLD;
    END IF;
    IF TG_OP = 'UPDATE' AND (OLD.state = 'OPEN' OR (
        -- The environment that it came from is gone.
        NEW.environment_id IS NULL AND to_jsonb(NEW) - 'environment_id' = to_jsonb(OLD) - 'environment_id')
    ) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'upgrade request % is kept as it is', OLD.id
        USING ERRCODE = 'restrict_violation', CONSTRAINT = 'upgrade_requests_are_kept';
END $$;
CREATE TRIGGER keep_upgrade_requests BEFORE UPDATE OR DELETE ON upgrade_requests
    FOR EACH ROW EXECUTE FUNCTION keep_upgrade_requests();
CREATE INDEX upgrade_requests_newest ON upgrade_requests (organization_id, requested_at DESC);
ALTER TABLE upgrade_requests
    ADD FOREIGN KEY (organization_id, environment_id) REFERENCES environments (organization_id, id) ON DELETE SET NULL (environment_id);

-- Who changed what of the plan, when.
CREATE INDEX events_of_plans ON events (organization_id, id DESC) WHERE kind LIKE 'plan.%';
