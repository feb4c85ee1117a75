CREATE TABLE winback_rules (
    id TEXT PRIMARY KEY NOT NULL,
    name TEXT NOT NULL UNIQUE,
    mailbox_id TEXT NOT NULL REFERENCES mailboxes (id),
    enabled BOOLEAN NOT NULL,
    reasons TEXT NOT NULL,
    mrr_from BIGINT,
    currency TEXT,
    from_days INTEGER NOT NULL CHECK (from_days >= 0),
    to_days INTEGER NOT NULL CHECK (to_days >= from_days),
    needs_update BOOLEAN NOT NULL,
    segment_id TEXT REFERENCES segments (id),
    imported BOOLEAN NOT NULL,
    strategy TEXT,
    holdout INTEGER NOT NULL CHECK (holdout BETWEEN 0 AND 50),
    daily INTEGER NOT NULL CHECK (daily > 0),
    last_event TEXT NOT NULL,
    last_left_at BIGINT NOT NULL,
    next_run_at BIGINT NOT NULL,
    drafted BIGINT NOT NULL,
    held_out BIGINT NOT NULL,
    left_out BIGINT NOT NULL,
    day TEXT NOT NULL,
    drafted_on_day INTEGER NOT NULL,
    failures INTEGER NOT NULL,
    trouble TEXT,
    created_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
-- Whom a rule picked, once for each departure whatever the rule, and into which group the lot put them.
CREATE TABLE winback_picks (
    churn_event_id TEXT PRIMARY KEY NOT NULL REFERENCES churn_events (id),
    rule_id TEXT NOT NULL,
    arm TEXT NOT NULL CHECK (arm IN ('letter', 'held_out', 'left_out', 'released')),
    because TEXT,
    picked_at BIGINT NOT NULL,
    compare_until BIGINT NOT NULL,
    currency TEXT NOT NULL,
    mrr_minor BIGINT NOT NULL,
    back_at BIGINT,
    closed_at BIGINT
);
CREATE INDEX winback_picks_by_time ON winback_picks (picked_at, arm);
CREATE INDEX winback_picks_of_rule ON winback_picks (rule_id, arm, picked_at, back_at, compare_until, currency, mrr_minor);
CREATE INDEX winback_picks_to_close ON winback_picks (compare_until) WHERE arm = 'held_out' AND closed_at IS NULL;
ALTER TABLE churn_events ADD COLUMN evidence TEXT CHECK (evidence IN ('strong', 'weak', 'organic'));
ALTER TABLE variants ADD COLUMN clicked_at BIGINT;
UPDATE churn_events SET evidence = CASE
    WHEN letter_at IS NULL OR letter_at > recovered_at THEN 'organic'
    WHEN replied_at <= recovered_at THEN 'strong'
    WHEN recovered_at - letter_at <= 1209600000000 THEN 'weak'
    ELSE 'organic' END
WHERE status = 'recovered' AND recovered_at IS NOT NULL;
CREATE INDEX churn_events_by_evidence ON churn_events (evidence, churned_at) WHERE evidence IS NOT NULL;
-- Counted by day as the other parts are: who came back, on that day, by the evidence for a letter; whom rules picked, on that day, by what became of it.
DROP TRIGGER churn_parts_come;
DROP TRIGGER churn_parts_change;
DROP TRIGGER churn_parts_go;
DROP TRIGGER churn_part_days_come;
DROP TRIGGER churn_part_days_change;
ALTER TABLE churn_part_days RENAME TO narrow_churn_part_days;
CREATE TABLE churn_part_days (
    part TEXT NOT NULL CHECK (part IN ('plan', 'tenure', 'strategy', 'replied', 'evidence', 'picked')),
    day BIGINT NOT NULL,
    value TEXT NOT NULL,
    reason TEXT NOT NULL,
    currency TEXT NOT NULL,
    open_number BIGINT NOT NULL,
    back_number BIGINT NOT NULL,
    lost_number BIGINT NOT NULL,
    open_minor BIGINT NOT NULL,
    back_minor BIGINT NOT NULL,
    lost_minor BIGINT NOT NULL,
    PRIMARY KEY (part, day, value, reason, currency)
) WITHOUT ROWID;
INSERT INTO churn_part_days (part, day, value, reason, currency, open_number, back_number, lost_number, open_minor, back_minor, lost_minor) SELECT part, day, value, reason, currency, open_number, back_number, lost_number, open_minor, back_minor, lost_minor FROM narrow_churn_part_days;
DROP TABLE narrow_churn_part_days;
CREATE TRIGGER churn_part_days_come AFTER INSERT ON churn_part_days
BEGIN
    INSERT INTO churn_part_weeks (part, day, value, reason, currency, open_number, back_number, lost_number, open_minor, back_minor, lost_minor)
        VALUES (NEW.part, NEW.day - (NEW.day + 3) % 7, NEW.value, NEW.reason, NEW.currency, NEW.open_number, NEW.back_number, NEW.lost_number, NEW.open_minor, NEW.back_minor, NEW.lost_minor)
        ON CONFLICT (part, day, value, reason, currency) DO UPDATE SET open_number = open_number + excluded.open_number, back_number = back_number + excluded.back_number, lost_number = lost_number + excluded.lost_number, open_minor = open_minor + excluded.open_minor, back_minor = back_minor + excluded.back_minor, lost_minor = lost_minor + excluded.lost_minor;
    INSERT INTO churn_part_months (part, day, value, reason, currency, open_number, back_number, lost_number, open_minor, back_minor, lost_minor)
        VALUES (NEW.part, CAST(strftime('%s', NEW.day * 86400, 'unixepoch', 'start of month') AS INTEGER) / 86400, NEW.value, NEW.reason, NEW.currency, NEW.open_number, NEW.back_number, NEW.lost_number, NEW.open_minor, NEW.back_minor, NEW.lost_minor)
        ON CONFLICT (part, day, value, reason, currency) DO UPDATE SET open_number = open_number + excluded.open_number, back_number = back_number + excluded.back_number, lost_number = lost_number + excluded.lost_number, open_minor = open_minor + excluded.open_minor, back_minor = back_minor + excluded.back_minor, lost_minor = lost_minor + excluded.lost_minor;
END;
CREATE TRIGGER churn_part_days_change AFTER UPDATE OF open_number, back_number, lost_number, open_minor, back_minor, lost_minor ON churn_part_days
BEGIN
    UPDATE churn_part_weeks SET open_number = open_number + NEW.open_number - OLD.open_number, back_number = back_number + NEW.back_number - OLD.back_number, lost_number = lost_number + NEW.lost_number - OLD.lost_number, open_minor = open_minor + NEW.open_minor - OLD.open_minor, back_minor = back_minor + NEW.back_minor - OLD.back_minor, lost_minor = lost_minor + NEW.lost_minor - OLD.lost_minor
        WHERE part = NEW.part AND day = NEW.day - (NEW.day + 3) % 7 AND value = NEW.value AND reason = NEW.reason AND currency = NEW.currency;
    UPDATE churn_part_months SET open_number = open_number + NEW.open_number - OLD.open_number, back_number = back_number + NEW.back_number - OLD.back_number, lost_number = lost_number + NEW.lost_number - OLD.lost_number, open_minor = open_minor + NEW.open_minor - OLD.open_minor, back_minor = back_minor + NEW.back_minor - OLD.back_minor, lost_minor = lost_minor + NEW.lost_minor - OLD.lost_minor
        WHERE part = NEW.part AND day = CAST(strftime('%s', NEW.day * 86400, 'unixepoch', 'start of month') AS INTEGER) / 86400 AND value = NEW.value AND reason = NEW.reason AND currency = NEW.currency;
END;
CREATE TRIGGER churn_parts_come AFTER INSERT ON churn_events
BEGIN
    INSERT INTO churn_part_days (part, day, value, reason, currency, open_number, back_number, lost_number, open_minor, back_minor, lost_minor)
        SELECT part, day, value, NEW.reason, NEW.currency,
            (NEW.status NOT IN ('recovered', 'lost')), (NEW.status = 'recovered'), (NEW.status = 'lost'),
            (NEW.status NOT IN ('recovered', 'lost')) * coalesce(NEW.mrr_minor, 0), (NEW.status = 'recovered') * coalesce(NEW.mrr_minor, 0), (NEW.status = 'lost') * coalesce(NEW.mrr_minor, 0)
        FROM (
            SELECT 'plan' AS part, NEW.churned_at / 86400000000 AS day, coalesce(NEW.plan_name, '') AS value
            UNION ALL SELECT 'tenure', NEW.churned_at / 86400000000, CASE WHEN NEW.tenure_days IS NULL THEN '' WHEN NEW.tenure_days < 30 THEN '0-29' WHEN NEW.tenure_days < 90 THEN '30-89'
                WHEN NEW.tenure_days < 180 THEN '90-179' WHEN NEW.tenure_days < 365 THEN '180-364' WHEN NEW.tenure_days < 730 THEN '365-729' ELSE '730-' END
            UNION ALL SELECT 'strategy', NEW.letter_at / 86400000000, NEW.letter_strategy WHERE NEW.letter_at IS NOT NULL
            UNION ALL SELECT 'replied', NEW.letter_at / 86400000000, NEW.letter_strategy WHERE NEW.letter_at IS NOT NULL AND NEW.replied_at IS NOT NULL
        ) AS parts WHERE day IS NOT NULL
        ON CONFLICT (part, day, value, reason, currency) DO UPDATE SET open_number = open_number + excluded.open_number, back_number = back_number + excluded.back_number, lost_number = lost_number + excluded.lost_number, open_minor = open_minor + excluded.open_minor, back_minor = back_minor + excluded.back_minor, lost_minor = lost_minor + excluded.lost_minor;
END;
CREATE TRIGGER churn_parts_change AFTER UPDATE OF churned_at, plan_name, tenure_days, reason, status, currency, mrr_minor, letter_strategy, letter_at, replied_at ON churn_events
WHEN (NEW.churned_at, NEW.plan_name, NEW.tenure_days, NEW.reason, NEW.status, NEW.currency, NEW.mrr_minor, NEW.letter_strategy, NEW.letter_at, NEW.replied_at) IS NOT (OLD.churned_at, OLD.plan_name, OLD.tenure_days, OLD.reason, OLD.status, OLD.currency, OLD.mrr_minor, OLD.letter_strategy, OLD.letter_at, OLD.replied_at)
BEGIN
    INSERT INTO churn_part_days (part, day, value, reason, currency, open_number, back_number, lost_number, open_minor, back_minor, lost_minor)
        SELECT part, day, value, OLD.reason, OLD.currency,
            -(OLD.status NOT IN ('recovered', 'lost')), -(OLD.status = 'recovered'), -(OLD.status = 'lost'),
            -(OLD.status NOT IN ('recovered', 'lost')) * coalesce(OLD.mrr_minor, 0), -(OLD.status = 'recovered') * coalesce(OLD.mrr_minor, 0), -(OLD.status = 'lost') * coalesce(OLD.mrr_minor, 0)
        FROM (
            SELECT 'plan' AS part, OLD.churned_at / 86400000000 AS day, coalesce(OLD.plan_name, '') AS value
            UNION ALL SELECT 'tenure', OLD.churned_at / 86400000000, CASE WHEN OLD.tenure_days IS NULL THEN '' WHEN OLD.tenure_days < 30 THEN '0-29' WHEN OLD.tenure_days < 90 THEN '30-89'
                WHEN OLD.tenure_days < 180 THEN '90-179' WHEN OLD.tenure_days < 365 THEN '180-364' WHEN OLD.tenure_days < 730 THEN '365-729' ELSE '730-' END
            UNION ALL SELECT 'strategy', OLD.letter_at / 86400000000, OLD.letter_strategy WHERE OLD.letter_at IS NOT NULL
            UNION ALL SELECT 'replied', OLD.letter_at / 86400000000, OLD.letter_strategy WHERE OLD.letter_at IS NOT NULL AND OLD.replied_at IS NOT NULL
        ) AS parts WHERE day IS NOT NULL
        ON CONFLICT (part, day, value, reason, currency) DO UPDATE SET open_number = open_number + excluded.open_number, back_number = back_number + excluded.back_number, lost_number = lost_number + excluded.lost_number, open_minor = open_minor + excluded.open_minor, back_minor = back_minor + excluded.back_minor, lost_minor = lost_minor + excluded.lost_minor;
    INSERT INTO churn_part_days (part, day, value, reason, currency, open_number, back_number, lost_number, open_minor, back_minor, lost_minor)
        SELECT part, day, value, NEW.reason, NEW.currency,
            (NEW.status NOT IN ('recovered', 'lost')), (NEW.status = 'recovered'), (NEW.status = 'lost'),
            (NEW.status NOT IN ('recovered', 'lost')) * coalesce(NEW.mrr_minor, 0), (NEW.status = 'recovered') * coalesce(NEW.mrr_minor, 0), (NEW.status = 'lost') * coalesce(NEW.mrr_minor, 0)
        FROM (
            SELECT 'plan' AS part, NEW.churned_at / 86400000000 AS day, coalesce(NEW.plan_name, '') AS value
            UNION ALL SELECT 'tenure', NEW.churned_at / 86400000000, CASE WHEN NEW.tenure_days IS NULL THEN '' WHEN NEW.tenure_days < 30 THEN '0-29' WHEN NEW.tenure_days < 90 THEN '30-89'
                WHEN NEW.tenure_days < 180 THEN '90-179' WHEN NEW.tenure_days < 365 THEN '180-364' WHEN NEW.tenure_days < 730 THEN '365-729' ELSE '730-' END
            UNION ALL SELECT 'strategy', NEW.letter_at / 86400000000, NEW.letter_strategy WHERE NEW.letter_at IS NOT NULL
            UNION ALL SELECT 'replied', NEW.letter_at / 86400000000, NEW.letter_strategy WHERE NEW.letter_at IS NOT NULL AND NEW.replied_at IS NOT NULL
        ) AS parts WHERE day IS NOT NULL
        ON CONFLICT (part, day, value, reason, currency) DO UPDATE SET open_number = open_number + excluded.open_number, back_number = back_number + excluded.back_number, lost_number = lost_number + excluded.lost_number, open_minor = open_minor + excluded.open_minor, back_minor = back_minor + excluded.back_minor, lost_minor = lost_minor + excluded.lost_minor;
END;
CREATE TRIGGER churn_parts_go AFTER DELETE ON churn_events
BEGIN
    INSERT INTO churn_part_days (part, day, value, reason, currency, open_number, back_number, lost_number, open_minor, back_minor, lost_minor)
        SELECT part, day, value, OLD.reason, OLD.currency,
            -(OLD.status NOT IN ('recovered', 'lost')), -(OLD.status = 'recovered'), -(OLD.status = 'lost'),
            -(OLD.status NOT IN ('recovered', 'lost')) * coalesce(OLD.mrr_minor, 0), -(OLD.status = 'recovered') * coalesce(OLD.mrr_minor, 0), -(OLD.status = 'lost') * coalesce(OLD.mrr_minor, 0)
        FROM (
            SELECT 'plan' AS part, OLD.churned_at / 86400000000 AS day, coalesce(OLD.plan_name, '') AS value
            UNION ALL SELECT 'tenure', OLD.churned_at / 86400000000, CASE WHEN OLD.tenure_days IS NULL THEN '' WHEN OLD.tenure_days < 30 THEN '0-29' WHEN OLD.tenure_days < 90 THEN '30-89'
                WHEN OLD.tenure_days < 180 THEN '90-179' WHEN OLD.tenure_days < 365 THEN '180-364' WHEN OLD.tenure_days < 730 THEN '365-729' ELSE '730-' END
            UNION ALL SELECT 'strategy', OLD.letter_at / 86400000000, OLD.letter_strategy WHERE OLD.letter_at IS NOT NULL
            UNION ALL SELECT 'replied', OLD.letter_at / 86400000000, OLD.letter_strategy WHERE OLD.letter_at IS NOT NULL AND OLD.replied_at IS NOT NULL
        ) AS parts WHERE day IS NOT NULL
        ON CONFLICT (part, day, value, reason, currency) DO UPDATE SET open_number = open_number + excluded.open_number, back_number = back_number + excluded.back_number, lost_number = lost_number + excluded.lost_number, open_minor = open_minor + excluded.open_minor, back_minor = back_minor + excluded.back_minor, lost_minor = lost_minor + excluded.lost_minor;
END;
INSERT INTO churn_part_days (part, day, value, reason, currency, open_number, back_number, lost_number, open_minor, back_minor, lost_minor)
    SELECT 'evidence', recovered_at / 86400000000 AS day, evidence, '', currency, 0, count(*), 0, 0, sum(coalesce(mrr_minor, 0)), 0 FROM churn_events WHERE evidence IS NOT NULL GROUP BY day, evidence, currency;
CREATE TRIGGER evidence_comes AFTER INSERT ON churn_events
BEGIN
    INSERT INTO churn_part_days (part, day, value, reason, currency, open_number, back_number, lost_number, open_minor, back_minor, lost_minor)
        SELECT 'evidence', NEW.recovered_at / 86400000000, NEW.evidence, '', NEW.currency, 0, 1, 0, 0, coalesce(NEW.mrr_minor, 0), 0 WHERE NEW.evidence IS NOT NULL
        ON CONFLICT (part, day, value, reason, currency) DO UPDATE SET open_number = open_number + excluded.open_number, back_number = back_number + excluded.back_number, lost_number = lost_number + excluded.lost_number, open_minor = open_minor + excluded.open_minor, back_minor = back_minor + excluded.back_minor, lost_minor = lost_minor + excluded.lost_minor;
END;
CREATE TRIGGER evidence_changes AFTER UPDATE OF recovered_at, evidence, currency, mrr_minor ON churn_events
WHEN (NEW.recovered_at, NEW.evidence, NEW.currency, NEW.mrr_minor) IS NOT (OLD.recovered_at, OLD.evidence, OLD.currency, OLD.mrr_minor)
BEGIN
    INSERT INTO churn_part_days (part, day, value, reason, currency, open_number, back_number, lost_number, open_minor, back_minor, lost_minor)
        SELECT 'evidence', OLD.recovered_at / 86400000000, OLD.evidence, '', OLD.currency, 0, -1, 0, 0, -coalesce(OLD.mrr_minor, 0), 0 WHERE OLD.evidence IS NOT NULL
        ON CONFLICT (part, day, value, reason, currency) DO UPDATE SET open_number = open_number + excluded.open_number, back_number = back_number + excluded.back_number, lost_number = lost_number + excluded.lost_number, open_minor = open_minor + excluded.open_minor, back_minor = back_minor + excluded.back_minor, lost_minor = lost_minor + excluded.lost_minor;
    INSERT INTO churn_part_days (part, day, value, reason, currency, open_number, back_number, lost_number, open_minor, back_minor, lost_minor)
        SELECT 'evidence', NEW.recovered_at / 86400000000, NEW.evidence, '', NEW.currency, 0, 1, 0, 0, coalesce(NEW.mrr_minor, 0), 0 WHERE NEW.evidence IS NOT NULL
        ON CONFLICT (part, day, value, reason, currency) DO UPDATE SET open_number = open_number + excluded.open_number, back_number = back_number + excluded.back_number, lost_number = lost_number + excluded.lost_number, open_minor = open_minor + excluded.open_minor, back_minor = back_minor + excluded.back_minor, lost_minor = lost_minor + excluded.lost_minor;
END;
CREATE TRIGGER evidence_goes AFTER DELETE ON churn_events
BEGIN
    INSERT INTO churn_part_days (part, day, value, reason, currency, open_number, back_number, lost_number, open_minor, back_minor, lost_minor)
        SELECT 'evidence', OLD.recovered_at / 86400000000, OLD.evidence, '', OLD.currency, 0, -1, 0, 0, -coalesce(OLD.mrr_minor, 0), 0 WHERE OLD.evidence IS NOT NULL
        ON CONFLICT (part, day, value, reason, currency) DO UPDATE SET open_number = open_number + excluded.open_number, back_number = back_number + excluded.back_number, lost_number = lost_number + excluded.lost_number, open_minor = open_minor + excluded.open_minor, back_minor = back_minor + excluded.back_minor, lost_minor = lost_minor + excluded.lost_minor;
END;
CREATE TRIGGER picks_come AFTER INSERT ON winback_picks
BEGIN
    INSERT INTO churn_part_days (part, day, value, reason, currency, open_number, back_number, lost_number, open_minor, back_minor, lost_minor)
        SELECT 'picked', NEW.picked_at / 86400000000, NEW.arm, '', NEW.currency, (NEW.closed_at IS NULL AND NOT (NEW.back_at IS NOT NULL AND NEW.back_at <= NEW.compare_until)), (NEW.back_at IS NOT NULL AND NEW.back_at <= NEW.compare_until), (NEW.closed_at IS NOT NULL AND NOT (NEW.back_at IS NOT NULL AND NEW.back_at <= NEW.compare_until)), (NEW.closed_at IS NULL AND NOT (NEW.back_at IS NOT NULL AND NEW.back_at <= NEW.compare_until)) * NEW.mrr_minor, (NEW.back_at IS NOT NULL AND NEW.back_at <= NEW.compare_until) * NEW.mrr_minor, (NEW.closed_at IS NOT NULL AND NOT (NEW.back_at IS NOT NULL AND NEW.back_at <= NEW.compare_until)) * NEW.mrr_minor WHERE NEW.arm IN ('letter', 'held_out')
        ON CONFLICT (part, day, value, reason, currency) DO UPDATE SET open_number = open_number + excluded.open_number, back_number = back_number + excluded.back_number, lost_number = lost_number + excluded.lost_number, open_minor = open_minor + excluded.open_minor, back_minor = back_minor + excluded.back_minor, lost_minor = lost_minor + excluded.lost_minor;
END;
CREATE TRIGGER picks_change AFTER UPDATE ON winback_picks
BEGIN
    INSERT INTO churn_part_days (part, day, value, reason, currency, open_number, back_number, lost_number, open_minor, back_minor, lost_minor)
        SELECT 'picked', OLD.picked_at / 86400000000, OLD.arm, '', OLD.currency, -(OLD.closed_at IS NULL AND NOT (OLD.back_at IS NOT NULL AND OLD.back_at <= OLD.compare_until)), -(OLD.back_at IS NOT NULL AND OLD.back_at <= OLD.compare_until), -(OLD.closed_at IS NOT NULL AND NOT (OLD.back_at IS NOT NULL AND OLD.back_at <= OLD.compare_until)), -(OLD.closed_at IS NULL AND NOT (OLD.back_at IS NOT NULL AND OLD.back_at <= OLD.compare_until)) * OLD.mrr_minor, -(OLD.back_at IS NOT NULL AND OLD.back_at <= OLD.compare_until) * OLD.mrr_minor, -(OLD.closed_at IS NOT NULL AND NOT (OLD.back_at IS NOT NULL AND OLD.back_at <= OLD.compare_until)) * OLD.mrr_minor WHERE OLD.arm IN ('letter', 'held_out')
        ON CONFLICT (part, day, value, reason, currency) DO UPDATE SET open_number = open_number + excluded.open_number, back_number = back_number + excluded.back_number, lost_number = lost_number + excluded.lost_number, open_minor = open_minor + excluded.open_minor, back_minor = back_minor + excluded.back_minor, lost_minor = lost_minor + excluded.lost_minor;
    INSERT INTO churn_part_days (part, day, value, reason, currency, open_number, back_number, lost_number, open_minor, back_minor, lost_minor)
        SELECT 'picked', NEW.picked_at / 86400000000, NEW.arm, '', NEW.currency, (NEW.closed_at IS NULL AND NOT (NEW.back_at IS NOT NULL AND NEW.back_at <= NEW.compare_until)), (NEW.back_at IS NOT NULL AND NEW.back_at <= NEW.compare_until), (NEW.closed_at IS NOT NULL AND NOT (NEW.back_at IS NOT NULL AND NEW.back_at <= NEW.compare_until)), (NEW.closed_at IS NULL AND NOT (NEW.back_at IS NOT NULL AND NEW.back_at <= NEW.compare_until)) * NEW.mrr_minor, (NEW.back_at IS NOT NULL AND NEW.back_at <= NEW.compare_until) * NEW.mrr_minor, (NEW.closed_at IS NOT NULL AND NOT (NEW.back_at IS NOT NULL AND NEW.back_at <= NEW.compare_until)) * NEW.mrr_minor WHERE NEW.arm IN ('letter', 'held_out')
        ON CONFLICT (part, day, value, reason, currency) DO UPDATE SET open_number = open_number + excluded.open_number, back_number = back_number + excluded.back_number, lost_number = lost_number + excluded.lost_number, open_minor = open_minor + excluded.open_minor, back_minor = back_minor + excluded.back_minor, lost_minor = lost_minor + excluded.lost_minor;
END;
CREATE TRIGGER picks_go AFTER DELETE ON winback_picks
BEGIN
    INSERT INTO churn_part_days (part, day, value, reason, currency, open_number, back_number, lost_number, open_minor, back_minor, lost_minor)
        SELECT 'picked', OLD.picked_at / 86400000000, OLD.arm, '', OLD.currency, -(OLD.closed_at IS NULL AND NOT (OLD.back_at IS NOT NULL AND OLD.back_at <= OLD.compare_until)), -(OLD.back_at IS NOT NULL AND OLD.back_at <= OLD.compare_until), -(OLD.closed_at IS NOT NULL AND NOT (OLD.back_at IS NOT NULL AND OLD.back_at <= OLD.compare_until)), -(OLD.closed_at IS NULL AND NOT (OLD.back_at IS NOT NULL AND OLD.back_at <= OLD.compare_until)) * OLD.mrr_minor, -(OLD.back_at IS NOT NULL AND OLD.back_at <= OLD.compare_until) * OLD.mrr_minor, -(OLD.closed_at IS NOT NULL AND NOT (OLD.back_at IS NOT NULL AND OLD.back_at <= OLD.compare_until)) * OLD.mrr_minor WHERE OLD.arm IN ('letter', 'held_out')
        ON CONFLICT (part, day, value, reason, currency) DO UPDATE SET open_number = open_number + excluded.open_number, back_number = back_number + excluded.back_number, lost_number = lost_number + excluded.lost_number, open_minor = open_minor + excluded.open_minor, back_minor = back_minor + excluded.back_minor, lost_minor = lost_minor + excluded.lost_minor;
END;
DROP VIEW counted_churn_parts;
CREATE VIEW counted_churn_parts AS
    SELECT 'plan' AS part, churned_at / 86400000000 AS day, coalesce(plan_name, '') AS value, reason, CASE status WHEN 'recovered' THEN 'back' WHEN 'lost' THEN 'lost' ELSE 'open' END AS outcome, currency, coalesce(mrr_minor, 0) AS minor FROM churn_events
    UNION ALL SELECT 'tenure' AS part, churned_at / 86400000000 AS day, CASE WHEN tenure_days IS NULL THEN '' WHEN tenure_days < 30 THEN '0-29' WHEN tenure_days < 90 THEN '30-89' WHEN tenure_days < 180 THEN '90-179' WHEN tenure_days < 365 THEN '180-364'
    WHEN tenure_days < 730 THEN '365-729' ELSE '730-' END AS value, reason, CASE status WHEN 'recovered' THEN 'back' WHEN 'lost' THEN 'lost' ELSE 'open' END AS outcome, currency, coalesce(mrr_minor, 0) AS minor FROM churn_events
    UNION ALL SELECT 'strategy' AS part, letter_at / 86400000000 AS day, letter_strategy AS value, reason, CASE status WHEN 'recovered' THEN 'back' WHEN 'lost' THEN 'lost' ELSE 'open' END AS outcome, currency, coalesce(mrr_minor, 0) AS minor FROM churn_events WHERE letter_at IS NOT NULL
    UNION ALL SELECT 'replied' AS part, letter_at / 86400000000 AS day, letter_strategy AS value, reason, CASE status WHEN 'recovered' THEN 'back' WHEN 'lost' THEN 'lost' ELSE 'open' END AS outcome, currency, coalesce(mrr_minor, 0) AS minor FROM churn_events WHERE letter_at IS NOT NULL AND replied_at IS NOT NULL
    UNION ALL SELECT 'evidence', recovered_at / 86400000000, evidence, '', 'back', currency, coalesce(mrr_minor, 0) FROM churn_events WHERE evidence IS NOT NULL
    UNION ALL SELECT 'picked', picked_at / 86400000000, arm, '', CASE WHEN back_at IS NOT NULL AND back_at <= compare_until THEN 'back' WHEN closed_at IS NOT NULL THEN 'lost' ELSE 'open' END, currency, mrr_minor FROM winback_picks WHERE arm IN ('letter', 'held_out');
