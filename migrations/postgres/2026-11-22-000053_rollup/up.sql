-- What reports are read from where they look far back: the days of each month added up, by triggers on the days and so in the
-- transaction of each change. The day of such a row is the first of its month.
CREATE TABLE churn_months (
    day BIGINT NOT NULL,
    kind TEXT NOT NULL,
    reason TEXT NOT NULL,
    status TEXT NOT NULL,
    mailed BOOLEAN NOT NULL,
    currency TEXT NOT NULL,
    number BIGINT NOT NULL,
    minor BIGINT NOT NULL,
    PRIMARY KEY (day, kind, reason, status, mailed, currency)
);
CREATE TABLE message_months (
    day BIGINT NOT NULL,
    mailbox_id TEXT NOT NULL,
    campaign TEXT NOT NULL,
    state TEXT NOT NULL,
    held BOOLEAN NOT NULL,
    edited BOOLEAN NOT NULL,
    number BIGINT NOT NULL,
    PRIMARY KEY (day, mailbox_id, campaign, state, held, edited)
);
-- The latest letter that left for somebody, and whether they answered one.
ALTER TABLE churn_events ADD COLUMN letter_strategy TEXT;
ALTER TABLE churn_events ADD COLUMN letter_at BIGINT;
ALTER TABLE churn_events ADD COLUMN replied_at BIGINT;
UPDATE churn_events SET
    letter_strategy = (SELECT v.strategy FROM variants v WHERE v.churn_event_id = churn_events.id AND v.sent_at IS NOT NULL ORDER BY v.sent_at DESC, v.id DESC LIMIT 1),
    letter_at = (SELECT max(v.sent_at) FROM variants v WHERE v.churn_event_id = churn_events.id)
    WHERE EXISTS (SELECT 1 FROM variants v WHERE v.churn_event_id = churn_events.id AND v.sent_at IS NOT NULL);
UPDATE churn_events SET
    replied_at = (SELECT min(i.received_at) FROM inbound_emails i WHERE i.contact_id = churn_events.contact_id AND i.kind = 'reply' AND i.received_at >= churn_events.letter_at)
    WHERE letter_at IS NOT NULL;
CREATE INDEX churn_events_by_plan ON churn_events (plan_name, churned_at);
-- Departures by one thing at a time: by plan and tenure on the day they left, by the strategy of the letter on the day it left;
-- "replied" are those of the latter who answered.
CREATE TABLE churn_part_days (
    part TEXT NOT NULL CHECK (part IN ('plan', 'tenure', 'strategy', 'replied')),
    day BIGINT NOT NULL,
    value TEXT NOT NULL,
    reason TEXT NOT NULL,
    outcome TEXT NOT NULL CHECK (outcome IN ('open', 'back', 'lost')),
    currency TEXT NOT NULL,
    number BIGINT NOT NULL,
    minor BIGINT NOT NULL,
    PRIMARY KEY (part, day, value, reason, outcome, currency)
);
CREATE TABLE churn_part_months (
    part TEXT NOT NULL,
    day BIGINT NOT NULL,
    value TEXT NOT NULL,
    reason TEXT NOT NULL,
    outcome TEXT NOT NULL,
    currency TEXT NOT NULL,
    number BIGINT NOT NULL,
    minor BIGINT NOT NULL,
    PRIMARY KEY (part, day, value, reason, outcome, currency)
);
-- Changes that are not in the days yet. Only PostgreSQL writes them.
CREATE TABLE churn_part_moves (
    id BIGSERIAL PRIMARY KEY,
    part TEXT NOT NULL,
    day BIGINT NOT NULL,
    value TEXT NOT NULL,
    reason TEXT NOT NULL,
    outcome TEXT NOT NULL,
    currency TEXT NOT NULL,
    number BIGINT NOT NULL,
    minor BIGINT NOT NULL
);
-- Who of a segment left. Who is in a segment changes without any change of a departure, so these are counted anew, not along.
CREATE TABLE segment_days (
    segment_id TEXT NOT NULL REFERENCES segments (id) ON DELETE CASCADE,
    day BIGINT NOT NULL,
    reason TEXT NOT NULL,
    outcome TEXT NOT NULL,
    currency TEXT NOT NULL,
    number BIGINT NOT NULL,
    minor BIGINT NOT NULL,
    PRIMARY KEY (segment_id, day, reason, outcome, currency)
);
CREATE TABLE segment_counts (
    segment_id TEXT PRIMARY KEY NOT NULL REFERENCES segments (id) ON DELETE CASCADE,
    counted_at BIGINT NOT NULL
);
CREATE FUNCTION add_churn_month() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO churn_months (day, kind, reason, status, mailed, currency, number, minor)
            VALUES (date_trunc('month', (DATE '1970-01-01' + CAST(NEW.day AS INTEGER))::timestamp)::date - DATE '1970-01-01', NEW.kind, NEW.reason, NEW.status, NEW.mailed, NEW.currency, NEW.number, NEW.minor)
            ON CONFLICT (day, kind, reason, status, mailed, currency) DO UPDATE SET number = churn_months.number + excluded.number, minor = churn_months.minor + excluded.minor;
    ELSE
        INSERT INTO churn_months (day, kind, reason, status, mailed, currency, number, minor)
            VALUES (date_trunc('month', (DATE '1970-01-01' + CAST(NEW.day AS INTEGER))::timestamp)::date - DATE '1970-01-01', NEW.kind, NEW.reason, NEW.status, NEW.mailed, NEW.currency, NEW.number - OLD.number, NEW.minor - OLD.minor)
            ON CONFLICT (day, kind, reason, status, mailed, currency) DO UPDATE SET number = churn_months.number + excluded.number, minor = churn_months.minor + excluded.minor;
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER churn_days_come AFTER INSERT OR UPDATE ON churn_days FOR EACH ROW EXECUTE FUNCTION add_churn_month();
CREATE FUNCTION add_message_month() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO message_months (day, mailbox_id, campaign, state, held, edited, number)
            VALUES (date_trunc('month', (DATE '1970-01-01' + CAST(NEW.day AS INTEGER))::timestamp)::date - DATE '1970-01-01', NEW.mailbox_id, NEW.campaign, NEW.state, NEW.held, NEW.edited, NEW.number)
            ON CONFLICT (day, mailbox_id, campaign, state, held, edited) DO UPDATE SET number = message_months.number + excluded.number;
    ELSE
        INSERT INTO message_months (day, mailbox_id, campaign, state, held, edited, number)
            VALUES (date_trunc('month', (DATE '1970-01-01' + CAST(NEW.day AS INTEGER))::timestamp)::date - DATE '1970-01-01', NEW.mailbox_id, NEW.campaign, NEW.state, NEW.held, NEW.edited, NEW.number - OLD.number)
            ON CONFLICT (day, mailbox_id, campaign, state, held, edited) DO UPDATE SET number = message_months.number + excluded.number;
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER message_days_come AFTER INSERT OR UPDATE ON message_days FOR EACH ROW EXECUTE FUNCTION add_message_month();
CREATE FUNCTION add_churn_part_month() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO churn_part_months (part, day, value, reason, outcome, currency, number, minor)
            VALUES (NEW.part, date_trunc('month', (DATE '1970-01-01' + CAST(NEW.day AS INTEGER))::timestamp)::date - DATE '1970-01-01', NEW.value, NEW.reason, NEW.outcome, NEW.currency, NEW.number, NEW.minor)
            ON CONFLICT (part, day, value, reason, outcome, currency) DO UPDATE SET number = churn_part_months.number + excluded.number, minor = churn_part_months.minor + excluded.minor;
    ELSE
        INSERT INTO churn_part_months (part, day, value, reason, outcome, currency, number, minor)
            VALUES (NEW.part, date_trunc('month', (DATE '1970-01-01' + CAST(NEW.day AS INTEGER))::timestamp)::date - DATE '1970-01-01', NEW.value, NEW.reason, NEW.outcome, NEW.currency, NEW.number - OLD.number, NEW.minor - OLD.minor)
            ON CONFLICT (part, day, value, reason, outcome, currency) DO UPDATE SET number = churn_part_months.number + excluded.number, minor = churn_part_months.minor + excluded.minor;
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER churn_part_days_come AFTER INSERT OR UPDATE ON churn_part_days FOR EACH ROW EXECUTE FUNCTION add_churn_part_month();
-- The same from the rows themselves: what a recount gives.
CREATE VIEW counted_churn_parts AS
    SELECT 'plan' AS part, churned_at / 86400000000 AS day, coalesce(plan_name, '') AS value, reason, CASE status WHEN 'recovered' THEN 'back' WHEN 'lost' THEN 'lost' ELSE 'open' END AS outcome, currency, coalesce(mrr_minor, 0) AS minor FROM churn_events
    UNION ALL SELECT 'tenure' AS part, churned_at / 86400000000 AS day, CASE WHEN tenure_days IS NULL THEN '' WHEN tenure_days < 30 THEN '0-29' WHEN tenure_days < 90 THEN '30-89' WHEN tenure_days < 180 THEN '90-179' WHEN tenure_days < 365 THEN '180-364'
    WHEN tenure_days < 730 THEN '365-729' ELSE '730-' END AS value, reason, CASE status WHEN 'recovered' THEN 'back' WHEN 'lost' THEN 'lost' ELSE 'open' END AS outcome, currency, coalesce(mrr_minor, 0) AS minor FROM churn_events
    UNION ALL SELECT 'strategy' AS part, letter_at / 86400000000 AS day, letter_strategy AS value, reason, CASE status WHEN 'recovered' THEN 'back' WHEN 'lost' THEN 'lost' ELSE 'open' END AS outcome, currency, coalesce(mrr_minor, 0) AS minor FROM churn_events WHERE letter_at IS NOT NULL
    UNION ALL SELECT 'replied' AS part, letter_at / 86400000000 AS day, letter_strategy AS value, reason, CASE status WHEN 'recovered' THEN 'back' WHEN 'lost' THEN 'lost' ELSE 'open' END AS outcome, currency, coalesce(mrr_minor, 0) AS minor FROM churn_events WHERE letter_at IS NOT NULL AND replied_at IS NOT NULL;
INSERT INTO churn_part_days (part, day, value, reason, outcome, currency, number, minor)
    SELECT part, day, value, reason, outcome, currency, count(*), CAST(sum(minor) AS BIGINT) FROM counted_churn_parts GROUP BY part, day, value, reason, outcome, currency;
INSERT INTO churn_months (day, kind, reason, status, mailed, currency, number, minor)
    SELECT date_trunc('month', (DATE '1970-01-01' + CAST(day AS INTEGER))::timestamp)::date - DATE '1970-01-01' AS month, kind, reason, status, mailed, currency, CAST(sum(number) AS BIGINT), CAST(sum(minor) AS BIGINT) FROM churn_days GROUP BY month, kind, reason, status, mailed, currency;
INSERT INTO message_months (day, mailbox_id, campaign, state, held, edited, number)
    SELECT date_trunc('month', (DATE '1970-01-01' + CAST(day AS INTEGER))::timestamp)::date - DATE '1970-01-01' AS month, mailbox_id, campaign, state, held, edited, CAST(sum(number) AS BIGINT) FROM message_days GROUP BY month, mailbox_id, campaign, state, held, edited;
CREATE FUNCTION count_churn_parts_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO churn_part_moves (part, day, value, reason, outcome, currency, number, minor)
        SELECT part, day, value, reason, outcome, currency, sum(number), sum(minor) FROM (
            SELECT p.part, p.day, p.value, r.reason, CASE r.status WHEN 'recovered' THEN 'back' WHEN 'lost' THEN 'lost' ELSE 'open' END AS outcome, r.currency, 1 AS number, coalesce(r.mrr_minor, 0) AS minor
                FROM new_rows r CROSS JOIN LATERAL (VALUES ('plan', r.churned_at / 86400000000, coalesce(r.plan_name, '')),
                    ('tenure', r.churned_at / 86400000000, CASE WHEN r.tenure_days IS NULL THEN '' WHEN r.tenure_days < 30 THEN '0-29'
                        WHEN r.tenure_days < 90 THEN '30-89' WHEN r.tenure_days < 180 THEN '90-179' WHEN r.tenure_days < 365 THEN '180-364'
                        WHEN r.tenure_days < 730 THEN '365-729' ELSE '730-' END),
                    ('strategy', r.letter_at / 86400000000, r.letter_strategy),
                    ('replied', CASE WHEN r.replied_at IS NOT NULL THEN r.letter_at / 86400000000 END, r.letter_strategy)
                ) AS p (part, day, value) WHERE p.day IS NOT NULL
        ) AS changed GROUP BY part, day, value, reason, outcome, currency HAVING sum(number) <> 0 OR sum(minor) <> 0;
    RETURN NULL;
END
$$;
CREATE FUNCTION count_churn_parts_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO churn_part_moves (part, day, value, reason, outcome, currency, number, minor)
        SELECT part, day, value, reason, outcome, currency, sum(number), sum(minor) FROM (
            SELECT p.part, p.day, p.value, r.reason, CASE r.status WHEN 'recovered' THEN 'back' WHEN 'lost' THEN 'lost' ELSE 'open' END AS outcome, r.currency, 1 AS number, coalesce(r.mrr_minor, 0) AS minor
                FROM new_rows r CROSS JOIN LATERAL (VALUES ('plan', r.churned_at / 86400000000, coalesce(r.plan_name, '')),
                    ('tenure', r.churned_at / 86400000000, CASE WHEN r.tenure_days IS NULL THEN '' WHEN r.tenure_days < 30 THEN '0-29'
                        WHEN r.tenure_days < 90 THEN '30-89' WHEN r.tenure_days < 180 THEN '90-179' WHEN r.tenure_days < 365 THEN '180-364'
                        WHEN r.tenure_days < 730 THEN '365-729' ELSE '730-' END),
                    ('strategy', r.letter_at / 86400000000, r.letter_strategy),
                    ('replied', CASE WHEN r.replied_at IS NOT NULL THEN r.letter_at / 86400000000 END, r.letter_strategy)
                ) AS p (part, day, value) WHERE p.day IS NOT NULL
            UNION ALL
            SELECT p.part, p.day, p.value, r.reason, CASE r.status WHEN 'recovered' THEN 'back' WHEN 'lost' THEN 'lost' ELSE 'open' END AS outcome, r.currency, -1 AS number, -coalesce(r.mrr_minor, 0) AS minor
                FROM old_rows r CROSS JOIN LATERAL (VALUES ('plan', r.churned_at / 86400000000, coalesce(r.plan_name, '')),
                    ('tenure', r.churned_at / 86400000000, CASE WHEN r.tenure_days IS NULL THEN '' WHEN r.tenure_days < 30 THEN '0-29'
                        WHEN r.tenure_days < 90 THEN '30-89' WHEN r.tenure_days < 180 THEN '90-179' WHEN r.tenure_days < 365 THEN '180-364'
                        WHEN r.tenure_days < 730 THEN '365-729' ELSE '730-' END),
                    ('strategy', r.letter_at / 86400000000, r.letter_strategy),
                    ('replied', CASE WHEN r.replied_at IS NOT NULL THEN r.letter_at / 86400000000 END, r.letter_strategy)
                ) AS p (part, day, value) WHERE p.day IS NOT NULL
        ) AS changed GROUP BY part, day, value, reason, outcome, currency HAVING sum(number) <> 0 OR sum(minor) <> 0;
    RETURN NULL;
END
$$;
CREATE FUNCTION count_churn_parts_delete() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO churn_part_moves (part, day, value, reason, outcome, currency, number, minor)
        SELECT part, day, value, reason, outcome, currency, sum(number), sum(minor) FROM (
            SELECT p.part, p.day, p.value, r.reason, CASE r.status WHEN 'recovered' THEN 'back' WHEN 'lost' THEN 'lost' ELSE 'open' END AS outcome, r.currency, -1 AS number, -coalesce(r.mrr_minor, 0) AS minor
                FROM old_rows r CROSS JOIN LATERAL (VALUES ('plan', r.churned_at / 86400000000, coalesce(r.plan_name, '')),
                    ('tenure', r.churned_at / 86400000000, CASE WHEN r.tenure_days IS NULL THEN '' WHEN r.tenure_days < 30 THEN '0-29'
                        WHEN r.tenure_days < 90 THEN '30-89' WHEN r.tenure_days < 180 THEN '90-179' WHEN r.tenure_days < 365 THEN '180-364'
                        WHEN r.tenure_days < 730 THEN '365-729' ELSE '730-' END),
                    ('strategy', r.letter_at / 86400000000, r.letter_strategy),
                    ('replied', CASE WHEN r.replied_at IS NOT NULL THEN r.letter_at / 86400000000 END, r.letter_strategy)
                ) AS p (part, day, value) WHERE p.day IS NOT NULL
        ) AS changed GROUP BY part, day, value, reason, outcome, currency HAVING sum(number) <> 0 OR sum(minor) <> 0;
    RETURN NULL;
END
$$;
CREATE TRIGGER churn_parts_come AFTER INSERT ON churn_events REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION count_churn_parts_insert();
CREATE TRIGGER churn_parts_change AFTER UPDATE ON churn_events REFERENCING NEW TABLE AS new_rows OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION count_churn_parts_update();
CREATE TRIGGER churn_parts_go AFTER DELETE ON churn_events REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION count_churn_parts_delete();
