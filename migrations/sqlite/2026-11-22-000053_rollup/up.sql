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
) WITHOUT ROWID;
CREATE TABLE message_months (
    day BIGINT NOT NULL,
    mailbox_id TEXT NOT NULL,
    campaign TEXT NOT NULL,
    state TEXT NOT NULL,
    held BOOLEAN NOT NULL,
    edited BOOLEAN NOT NULL,
    number BIGINT NOT NULL,
    PRIMARY KEY (day, mailbox_id, campaign, state, held, edited)
) WITHOUT ROWID;
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
) WITHOUT ROWID;
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
) WITHOUT ROWID;
-- Changes that are not in the days yet. Only PostgreSQL writes them.
CREATE TABLE churn_part_moves (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
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
CREATE TRIGGER churn_days_come AFTER INSERT ON churn_days
BEGIN
    INSERT INTO churn_months (day, kind, reason, status, mailed, currency, number, minor)
        VALUES (CAST(strftime('%s', NEW.day * 86400, 'unixepoch', 'start of month') AS INTEGER) / 86400, NEW.kind, NEW.reason, NEW.status, NEW.mailed, NEW.currency, NEW.number, NEW.minor)
        ON CONFLICT (day, kind, reason, status, mailed, currency) DO UPDATE SET number = number + excluded.number, minor = minor + excluded.minor;
END;
CREATE TRIGGER churn_days_change AFTER UPDATE OF number, minor ON churn_days
BEGIN
    INSERT INTO churn_months (day, kind, reason, status, mailed, currency, number, minor)
        VALUES (CAST(strftime('%s', NEW.day * 86400, 'unixepoch', 'start of month') AS INTEGER) / 86400, NEW.kind, NEW.reason, NEW.status, NEW.mailed, NEW.currency, NEW.number - OLD.number, NEW.minor - OLD.minor)
        ON CONFLICT (day, kind, reason, status, mailed, currency) DO UPDATE SET number = number + excluded.number, minor = minor + excluded.minor;
END;
CREATE TRIGGER message_days_come AFTER INSERT ON message_days
BEGIN
    INSERT INTO message_months (day, mailbox_id, campaign, state, held, edited, number)
        VALUES (CAST(strftime('%s', NEW.day * 86400, 'unixepoch', 'start of month') AS INTEGER) / 86400, NEW.mailbox_id, NEW.campaign, NEW.state, NEW.held, NEW.edited, NEW.number)
        ON CONFLICT (day, mailbox_id, campaign, state, held, edited) DO UPDATE SET number = number + excluded.number;
END;
CREATE TRIGGER message_days_change AFTER UPDATE OF number ON message_days
BEGIN
    INSERT INTO message_months (day, mailbox_id, campaign, state, held, edited, number)
        VALUES (CAST(strftime('%s', NEW.day * 86400, 'unixepoch', 'start of month') AS INTEGER) / 86400, NEW.mailbox_id, NEW.campaign, NEW.state, NEW.held, NEW.edited, NEW.number - OLD.number)
        ON CONFLICT (day, mailbox_id, campaign, state, held, edited) DO UPDATE SET number = number + excluded.number;
END;
CREATE TRIGGER churn_part_days_come AFTER INSERT ON churn_part_days
BEGIN
    INSERT INTO churn_part_months (part, day, value, reason, outcome, currency, number, minor)
        VALUES (NEW.part, CAST(strftime('%s', NEW.day * 86400, 'unixepoch', 'start of month') AS INTEGER) / 86400, NEW.value, NEW.reason, NEW.outcome, NEW.currency, NEW.number, NEW.minor)
        ON CONFLICT (part, day, value, reason, outcome, currency) DO UPDATE SET number = number + excluded.number, minor = minor + excluded.minor;
END;
CREATE TRIGGER churn_part_days_change AFTER UPDATE OF number, minor ON churn_part_days
BEGIN
    INSERT INTO churn_part_months (part, day, value, reason, outcome, currency, number, minor)
        VALUES (NEW.part, CAST(strftime('%s', NEW.day * 86400, 'unixepoch', 'start of month') AS INTEGER) / 86400, NEW.value, NEW.reason, NEW.outcome, NEW.currency, NEW.number - OLD.number, NEW.minor - OLD.minor)
        ON CONFLICT (part, day, value, reason, outcome, currency) DO UPDATE SET number = number + excluded.number, minor = minor + excluded.minor;
END;
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
    SELECT CAST(strftime('%s', day * 86400, 'unixepoch', 'start of month') AS INTEGER) / 86400 AS month, kind, reason, status, mailed, currency, CAST(sum(number) AS BIGINT), CAST(sum(minor) AS BIGINT) FROM churn_days GROUP BY month, kind, reason, status, mailed, currency;
INSERT INTO message_months (day, mailbox_id, campaign, state, held, edited, number)
    SELECT CAST(strftime('%s', day * 86400, 'unixepoch', 'start of month') AS INTEGER) / 86400 AS month, mailbox_id, campaign, state, held, edited, CAST(sum(number) AS BIGINT) FROM message_days GROUP BY month, mailbox_id, campaign, state, held, edited;
CREATE TRIGGER churn_parts_come AFTER INSERT ON churn_events
BEGIN
    INSERT INTO churn_part_days (part, day, value, reason, outcome, currency, number, minor)
        SELECT part, day, value, NEW.reason, CASE NEW.status WHEN 'recovered' THEN 'back' WHEN 'lost' THEN 'lost' ELSE 'open' END, NEW.currency, 1, coalesce(NEW.mrr_minor, 0) FROM (
            SELECT 'plan' AS part, NEW.churned_at / 86400000000 AS day, coalesce(NEW.plan_name, '') AS value
            UNION ALL SELECT 'tenure', NEW.churned_at / 86400000000, CASE WHEN NEW.tenure_days IS NULL THEN '' WHEN NEW.tenure_days < 30 THEN '0-29' WHEN NEW.tenure_days < 90 THEN '30-89'
                WHEN NEW.tenure_days < 180 THEN '90-179' WHEN NEW.tenure_days < 365 THEN '180-364' WHEN NEW.tenure_days < 730 THEN '365-729' ELSE '730-' END
            UNION ALL SELECT 'strategy', NEW.letter_at / 86400000000, NEW.letter_strategy WHERE NEW.letter_at IS NOT NULL
            UNION ALL SELECT 'replied', NEW.letter_at / 86400000000, NEW.letter_strategy WHERE NEW.letter_at IS NOT NULL AND NEW.replied_at IS NOT NULL
        ) AS parts WHERE day IS NOT NULL
        ON CONFLICT (part, day, value, reason, outcome, currency) DO UPDATE SET number = number + excluded.number, minor = minor + excluded.minor;
END;
CREATE TRIGGER churn_parts_change AFTER UPDATE OF churned_at, plan_name, tenure_days, reason, status, currency, mrr_minor, letter_strategy, letter_at, replied_at ON churn_events
WHEN (NEW.churned_at, NEW.plan_name, NEW.tenure_days, NEW.reason, NEW.status, NEW.currency, NEW.mrr_minor, NEW.letter_strategy, NEW.letter_at, NEW.replied_at) IS NOT (OLD.churned_at, OLD.plan_name, OLD.tenure_days, OLD.reason, OLD.status, OLD.currency, OLD.mrr_minor, OLD.letter_strategy, OLD.letter_at, OLD.replied_at)
BEGIN
    INSERT INTO churn_part_days (part, day, value, reason, outcome, currency, number, minor)
        SELECT part, day, value, OLD.reason, CASE OLD.status WHEN 'recovered' THEN 'back' WHEN 'lost' THEN 'lost' ELSE 'open' END, OLD.currency, -1, -coalesce(OLD.mrr_minor, 0) FROM (
            SELECT 'plan' AS part, OLD.churned_at / 86400000000 AS day, coalesce(OLD.plan_name, '') AS value
            UNION ALL SELECT 'tenure', OLD.churned_at / 86400000000, CASE WHEN OLD.tenure_days IS NULL THEN '' WHEN OLD.tenure_days < 30 THEN '0-29' WHEN OLD.tenure_days < 90 THEN '30-89'
                WHEN OLD.tenure_days < 180 THEN '90-179' WHEN OLD.tenure_days < 365 THEN '180-364' WHEN OLD.tenure_days < 730 THEN '365-729' ELSE '730-' END
            UNION ALL SELECT 'strategy', OLD.letter_at / 86400000000, OLD.letter_strategy WHERE OLD.letter_at IS NOT NULL
            UNION ALL SELECT 'replied', OLD.letter_at / 86400000000, OLD.letter_strategy WHERE OLD.letter_at IS NOT NULL AND OLD.replied_at IS NOT NULL
        ) AS parts WHERE day IS NOT NULL
        ON CONFLICT (part, day, value, reason, outcome, currency) DO UPDATE SET number = number + excluded.number, minor = minor + excluded.minor;
    INSERT INTO churn_part_days (part, day, value, reason, outcome, currency, number, minor)
        SELECT part, day, value, NEW.reason, CASE NEW.status WHEN 'recovered' THEN 'back' WHEN 'lost' THEN 'lost' ELSE 'open' END, NEW.currency, 1, coalesce(NEW.mrr_minor, 0) FROM (
            SELECT 'plan' AS part, NEW.churned_at / 86400000000 AS day, coalesce(NEW.plan_name, '') AS value
            UNION ALL SELECT 'tenure', NEW.churned_at / 86400000000, CASE WHEN NEW.tenure_days IS NULL THEN '' WHEN NEW.tenure_days < 30 THEN '0-29' WHEN NEW.tenure_days < 90 THEN '30-89'
                WHEN NEW.tenure_days < 180 THEN '90-179' WHEN NEW.tenure_days < 365 THEN '180-364' WHEN NEW.tenure_days < 730 THEN '365-729' ELSE '730-' END
            UNION ALL SELECT 'strategy', NEW.letter_at / 86400000000, NEW.letter_strategy WHERE NEW.letter_at IS NOT NULL
            UNION ALL SELECT 'replied', NEW.letter_at / 86400000000, NEW.letter_strategy WHERE NEW.letter_at IS NOT NULL AND NEW.replied_at IS NOT NULL
        ) AS parts WHERE day IS NOT NULL
        ON CONFLICT (part, day, value, reason, outcome, currency) DO UPDATE SET number = number + excluded.number, minor = minor + excluded.minor;
END;
CREATE TRIGGER churn_parts_go AFTER DELETE ON churn_events
BEGIN
    INSERT INTO churn_part_days (part, day, value, reason, outcome, currency, number, minor)
        SELECT part, day, value, OLD.reason, CASE OLD.status WHEN 'recovered' THEN 'back' WHEN 'lost' THEN 'lost' ELSE 'open' END, OLD.currency, -1, -coalesce(OLD.mrr_minor, 0) FROM (
            SELECT 'plan' AS part, OLD.churned_at / 86400000000 AS day, coalesce(OLD.plan_name, '') AS value
            UNION ALL SELECT 'tenure', OLD.churned_at / 86400000000, CASE WHEN OLD.tenure_days IS NULL THEN '' WHEN OLD.tenure_days < 30 THEN '0-29' WHEN OLD.tenure_days < 90 THEN '30-89'
                WHEN OLD.tenure_days < 180 THEN '90-179' WHEN OLD.tenure_days < 365 THEN '180-364' WHEN OLD.tenure_days < 730 THEN '365-729' ELSE '730-' END
            UNION ALL SELECT 'strategy', OLD.letter_at / 86400000000, OLD.letter_strategy WHERE OLD.letter_at IS NOT NULL
            UNION ALL SELECT 'replied', OLD.letter_at / 86400000000, OLD.letter_strategy WHERE OLD.letter_at IS NOT NULL AND OLD.replied_at IS NOT NULL
        ) AS parts WHERE day IS NOT NULL
        ON CONFLICT (part, day, value, reason, outcome, currency) DO UPDATE SET number = number + excluded.number, minor = minor + excluded.minor;
END;
