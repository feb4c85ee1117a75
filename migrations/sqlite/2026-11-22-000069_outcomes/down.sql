DROP TRIGGER churn_events_come;
DROP TRIGGER churn_events_change;
DROP TRIGGER churn_events_go;
DROP TRIGGER churn_parts_come;
DROP TRIGGER churn_parts_change;
DROP TRIGGER churn_parts_go;
DROP TRIGGER churn_days_come;
DROP TRIGGER churn_days_change;
DROP TRIGGER churn_part_days_come;
DROP TRIGGER churn_part_days_change;
DROP TRIGGER segment_days_come;
DROP TRIGGER segment_days_change;
DROP TRIGGER segment_days_go;
DROP INDEX segment_days_by_day;
ALTER TABLE segment_days RENAME TO wide_segment_days;
DROP TABLE churn_days;
DROP TABLE churn_weeks;
DROP TABLE churn_months;
DROP TABLE churn_part_days;
DROP TABLE churn_part_weeks;
DROP TABLE churn_part_months;
DROP TABLE segment_weeks;
DROP TABLE segment_months;
CREATE TABLE churn_days (
    day BIGINT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('left', 'back')),
    reason TEXT NOT NULL,
    status TEXT NOT NULL,
    mailed BOOLEAN NOT NULL,
    currency TEXT NOT NULL,
    number BIGINT NOT NULL,
    minor BIGINT NOT NULL,
    PRIMARY KEY (day, kind, reason, status, mailed, currency)
);
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
CREATE TABLE churn_weeks (
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
CREATE TABLE churn_part_weeks (
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
CREATE TABLE segment_weeks (
    day BIGINT NOT NULL,
    segment_id TEXT NOT NULL REFERENCES segments (id) ON DELETE CASCADE,
    reason TEXT NOT NULL,
    outcome TEXT NOT NULL,
    currency TEXT NOT NULL,
    number BIGINT NOT NULL,
    minor BIGINT NOT NULL,
    PRIMARY KEY (day, segment_id, reason, outcome, currency)
) WITHOUT ROWID;
CREATE TABLE segment_months (
    day BIGINT NOT NULL,
    segment_id TEXT NOT NULL REFERENCES segments (id) ON DELETE CASCADE,
    reason TEXT NOT NULL,
    outcome TEXT NOT NULL,
    currency TEXT NOT NULL,
    number BIGINT NOT NULL,
    minor BIGINT NOT NULL,
    PRIMARY KEY (day, segment_id, reason, outcome, currency)
) WITHOUT ROWID;
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
-- Counted from the rows, so what was not folded yet is in it.
DELETE FROM churn_day_moves;
DELETE FROM churn_part_moves;
INSERT INTO churn_days (day, kind, reason, status, mailed, currency, number, minor)
    SELECT day, kind, reason, status, mailed, currency, count(*), CAST(sum(minor) AS BIGINT) FROM counted_departures GROUP BY day, kind, reason, status, mailed, currency;
INSERT INTO churn_part_days (part, day, value, reason, outcome, currency, number, minor)
    SELECT part, day, value, reason, outcome, currency, count(*), CAST(sum(minor) AS BIGINT) FROM counted_churn_parts GROUP BY part, day, value, reason, outcome, currency;
INSERT INTO segment_days (segment_id, day, reason, outcome, currency, number, minor)
    SELECT segment_id, day, reason, 'open', currency, open_number, open_minor FROM wide_segment_days WHERE open_number <> 0;
INSERT INTO segment_days (segment_id, day, reason, outcome, currency, number, minor)
    SELECT segment_id, day, reason, 'back', currency, back_number, back_minor FROM wide_segment_days WHERE back_number <> 0;
INSERT INTO segment_days (segment_id, day, reason, outcome, currency, number, minor)
    SELECT segment_id, day, reason, 'lost', currency, lost_number, lost_minor FROM wide_segment_days WHERE lost_number <> 0;
DROP TABLE wide_segment_days;
CREATE INDEX segment_days_by_day ON segment_days (day);
INSERT INTO churn_weeks (day, kind, reason, status, mailed, currency, number, minor)
    SELECT day - (day + 3) % 7 AS span, kind, reason, status, mailed, currency, CAST(sum(number) AS BIGINT), CAST(sum(minor) AS BIGINT) FROM churn_days GROUP BY span, kind, reason, status, mailed, currency;
INSERT INTO churn_months (day, kind, reason, status, mailed, currency, number, minor)
    SELECT CAST(strftime('%s', day * 86400, 'unixepoch', 'start of month') AS INTEGER) / 86400 AS span, kind, reason, status, mailed, currency, CAST(sum(number) AS BIGINT), CAST(sum(minor) AS BIGINT) FROM churn_days GROUP BY span, kind, reason, status, mailed, currency;
INSERT INTO churn_part_weeks (part, day, value, reason, outcome, currency, number, minor)
    SELECT part, day - (day + 3) % 7 AS span, value, reason, outcome, currency, CAST(sum(number) AS BIGINT), CAST(sum(minor) AS BIGINT) FROM churn_part_days GROUP BY part, span, value, reason, outcome, currency;
INSERT INTO churn_part_months (part, day, value, reason, outcome, currency, number, minor)
    SELECT part, CAST(strftime('%s', day * 86400, 'unixepoch', 'start of month') AS INTEGER) / 86400 AS span, value, reason, outcome, currency, CAST(sum(number) AS BIGINT), CAST(sum(minor) AS BIGINT) FROM churn_part_days GROUP BY part, span, value, reason, outcome, currency;
INSERT INTO segment_weeks (day, segment_id, reason, outcome, currency, number, minor)
    SELECT day - (day + 3) % 7 AS span, segment_id, reason, outcome, currency, CAST(sum(number) AS BIGINT), CAST(sum(minor) AS BIGINT) FROM segment_days GROUP BY span, segment_id, reason, outcome, currency;
INSERT INTO segment_months (day, segment_id, reason, outcome, currency, number, minor)
    SELECT CAST(strftime('%s', day * 86400, 'unixepoch', 'start of month') AS INTEGER) / 86400 AS span, segment_id, reason, outcome, currency, CAST(sum(number) AS BIGINT), CAST(sum(minor) AS BIGINT) FROM segment_days GROUP BY span, segment_id, reason, outcome, currency;
CREATE TRIGGER churn_days_come AFTER INSERT ON churn_days
BEGIN
    INSERT INTO churn_weeks (day, kind, reason, status, mailed, currency, number, minor)
        VALUES (NEW.day - (NEW.day + 3) % 7, NEW.kind, NEW.reason, NEW.status, NEW.mailed, NEW.currency, NEW.number, NEW.minor)
        ON CONFLICT (day, kind, reason, status, mailed, currency) DO UPDATE SET number = number + excluded.number, minor = minor + excluded.minor;
    INSERT INTO churn_months (day, kind, reason, status, mailed, currency, number, minor)
        VALUES (CAST(strftime('%s', NEW.day * 86400, 'unixepoch', 'start of month') AS INTEGER) / 86400, NEW.kind, NEW.reason, NEW.status, NEW.mailed, NEW.currency, NEW.number, NEW.minor)
        ON CONFLICT (day, kind, reason, status, mailed, currency) DO UPDATE SET number = number + excluded.number, minor = minor + excluded.minor;
END;
CREATE TRIGGER churn_days_change AFTER UPDATE OF number, minor ON churn_days
BEGIN
    UPDATE churn_weeks SET number = number + NEW.number - OLD.number, minor = minor + NEW.minor - OLD.minor
        WHERE day = NEW.day - (NEW.day + 3) % 7 AND kind = NEW.kind AND reason = NEW.reason AND status = NEW.status AND mailed = NEW.mailed AND currency = NEW.currency;
    UPDATE churn_months SET number = number + NEW.number - OLD.number, minor = minor + NEW.minor - OLD.minor
        WHERE day = CAST(strftime('%s', NEW.day * 86400, 'unixepoch', 'start of month') AS INTEGER) / 86400 AND kind = NEW.kind AND reason = NEW.reason AND status = NEW.status AND mailed = NEW.mailed AND currency = NEW.currency;
END;
CREATE TRIGGER churn_part_days_come AFTER INSERT ON churn_part_days
BEGIN
    INSERT INTO churn_part_weeks (part, day, value, reason, outcome, currency, number, minor)
        VALUES (NEW.part, NEW.day - (NEW.day + 3) % 7, NEW.value, NEW.reason, NEW.outcome, NEW.currency, NEW.number, NEW.minor)
        ON CONFLICT (part, day, value, reason, outcome, currency) DO UPDATE SET number = number + excluded.number, minor = minor + excluded.minor;
    INSERT INTO churn_part_months (part, day, value, reason, outcome, currency, number, minor)
        VALUES (NEW.part, CAST(strftime('%s', NEW.day * 86400, 'unixepoch', 'start of month') AS INTEGER) / 86400, NEW.value, NEW.reason, NEW.outcome, NEW.currency, NEW.number, NEW.minor)
        ON CONFLICT (part, day, value, reason, outcome, currency) DO UPDATE SET number = number + excluded.number, minor = minor + excluded.minor;
END;
CREATE TRIGGER churn_part_days_change AFTER UPDATE OF number, minor ON churn_part_days
BEGIN
    UPDATE churn_part_weeks SET number = number + NEW.number - OLD.number, minor = minor + NEW.minor - OLD.minor
        WHERE part = NEW.part AND day = NEW.day - (NEW.day + 3) % 7 AND value = NEW.value AND reason = NEW.reason AND outcome = NEW.outcome AND currency = NEW.currency;
    UPDATE churn_part_months SET number = number + NEW.number - OLD.number, minor = minor + NEW.minor - OLD.minor
        WHERE part = NEW.part AND day = CAST(strftime('%s', NEW.day * 86400, 'unixepoch', 'start of month') AS INTEGER) / 86400 AND value = NEW.value AND reason = NEW.reason AND outcome = NEW.outcome AND currency = NEW.currency;
END;
CREATE TRIGGER segment_days_come AFTER INSERT ON segment_days
BEGIN
    INSERT INTO segment_weeks (day, segment_id, reason, outcome, currency, number, minor)
        VALUES (NEW.day - (NEW.day + 3) % 7, NEW.segment_id, NEW.reason, NEW.outcome, NEW.currency, NEW.number, NEW.minor)
        ON CONFLICT (day, segment_id, reason, outcome, currency) DO UPDATE SET number = number + excluded.number, minor = minor + excluded.minor;
    INSERT INTO segment_months (day, segment_id, reason, outcome, currency, number, minor)
        VALUES (CAST(strftime('%s', NEW.day * 86400, 'unixepoch', 'start of month') AS INTEGER) / 86400, NEW.segment_id, NEW.reason, NEW.outcome, NEW.currency, NEW.number, NEW.minor)
        ON CONFLICT (day, segment_id, reason, outcome, currency) DO UPDATE SET number = number + excluded.number, minor = minor + excluded.minor;
END;
CREATE TRIGGER segment_days_change AFTER UPDATE OF number, minor ON segment_days
BEGIN
    UPDATE segment_weeks SET number = number + NEW.number - OLD.number, minor = minor + NEW.minor - OLD.minor
        WHERE day = NEW.day - (NEW.day + 3) % 7 AND segment_id = NEW.segment_id AND reason = NEW.reason AND outcome = NEW.outcome AND currency = NEW.currency;
    UPDATE segment_months SET number = number + NEW.number - OLD.number, minor = minor + NEW.minor - OLD.minor
        WHERE day = CAST(strftime('%s', NEW.day * 86400, 'unixepoch', 'start of month') AS INTEGER) / 86400 AND segment_id = NEW.segment_id AND reason = NEW.reason AND outcome = NEW.outcome AND currency = NEW.currency;
END;
CREATE TRIGGER segment_days_go AFTER DELETE ON segment_days
BEGIN
    INSERT INTO segment_weeks (day, segment_id, reason, outcome, currency, number, minor)
        VALUES (OLD.day - (OLD.day + 3) % 7, OLD.segment_id, OLD.reason, OLD.outcome, OLD.currency, -OLD.number, -OLD.minor)
        ON CONFLICT (day, segment_id, reason, outcome, currency) DO UPDATE SET number = number + excluded.number, minor = minor + excluded.minor;
    INSERT INTO segment_months (day, segment_id, reason, outcome, currency, number, minor)
        VALUES (CAST(strftime('%s', OLD.day * 86400, 'unixepoch', 'start of month') AS INTEGER) / 86400, OLD.segment_id, OLD.reason, OLD.outcome, OLD.currency, -OLD.number, -OLD.minor)
        ON CONFLICT (day, segment_id, reason, outcome, currency) DO UPDATE SET number = number + excluded.number, minor = minor + excluded.minor;
END;
CREATE TRIGGER churn_events_come AFTER INSERT ON churn_events
BEGIN
    INSERT INTO churn_days (day, kind, reason, status, mailed, currency, number, minor)
        VALUES (NEW.churned_at / 86400000000, 'left', NEW.reason, NEW.status, NEW.window_ends_at IS NOT NULL, NEW.currency, 1, coalesce(NEW.mrr_minor, 0))
        ON CONFLICT (day, kind, reason, status, mailed, currency) DO UPDATE SET number = number + excluded.number, minor = minor + excluded.minor;
    INSERT INTO churn_days (day, kind, reason, status, mailed, currency, number, minor)
        SELECT coalesce(NEW.recovered_at, NEW.churned_at) / 86400000000, 'back', NEW.reason, NEW.status, NEW.window_ends_at IS NOT NULL, NEW.currency, 1, coalesce(NEW.mrr_minor, 0)
        WHERE NEW.status = 'recovered'
        ON CONFLICT (day, kind, reason, status, mailed, currency) DO UPDATE SET number = number + excluded.number, minor = minor + excluded.minor;
END;
CREATE TRIGGER churn_events_change AFTER UPDATE OF churned_at, recovered_at, reason, status, window_ends_at, currency, mrr_minor ON churn_events
WHEN (NEW.churned_at, NEW.recovered_at, NEW.reason, NEW.status, NEW.window_ends_at, NEW.currency, NEW.mrr_minor) IS NOT (OLD.churned_at, OLD.recovered_at, OLD.reason, OLD.status, OLD.window_ends_at, OLD.currency, OLD.mrr_minor)
BEGIN
    INSERT INTO churn_days (day, kind, reason, status, mailed, currency, number, minor)
        VALUES (OLD.churned_at / 86400000000, 'left', OLD.reason, OLD.status, OLD.window_ends_at IS NOT NULL, OLD.currency, -1, -coalesce(OLD.mrr_minor, 0))
        ON CONFLICT (day, kind, reason, status, mailed, currency) DO UPDATE SET number = number + excluded.number, minor = minor + excluded.minor;
    INSERT INTO churn_days (day, kind, reason, status, mailed, currency, number, minor)
        SELECT coalesce(OLD.recovered_at, OLD.churned_at) / 86400000000, 'back', OLD.reason, OLD.status, OLD.window_ends_at IS NOT NULL, OLD.currency, -1, -coalesce(OLD.mrr_minor, 0)
        WHERE OLD.status = 'recovered'
        ON CONFLICT (day, kind, reason, status, mailed, currency) DO UPDATE SET number = number + excluded.number, minor = minor + excluded.minor;
    INSERT INTO churn_days (day, kind, reason, status, mailed, currency, number, minor)
        VALUES (NEW.churned_at / 86400000000, 'left', NEW.reason, NEW.status, NEW.window_ends_at IS NOT NULL, NEW.currency, 1, coalesce(NEW.mrr_minor, 0))
        ON CONFLICT (day, kind, reason, status, mailed, currency) DO UPDATE SET number = number + excluded.number, minor = minor + excluded.minor;
    INSERT INTO churn_days (day, kind, reason, status, mailed, currency, number, minor)
        SELECT coalesce(NEW.recovered_at, NEW.churned_at) / 86400000000, 'back', NEW.reason, NEW.status, NEW.window_ends_at IS NOT NULL, NEW.currency, 1, coalesce(NEW.mrr_minor, 0)
        WHERE NEW.status = 'recovered'
        ON CONFLICT (day, kind, reason, status, mailed, currency) DO UPDATE SET number = number + excluded.number, minor = minor + excluded.minor;
END;
CREATE TRIGGER churn_events_go AFTER DELETE ON churn_events
BEGIN
    INSERT INTO churn_days (day, kind, reason, status, mailed, currency, number, minor)
        VALUES (OLD.churned_at / 86400000000, 'left', OLD.reason, OLD.status, OLD.window_ends_at IS NOT NULL, OLD.currency, -1, -coalesce(OLD.mrr_minor, 0))
        ON CONFLICT (day, kind, reason, status, mailed, currency) DO UPDATE SET number = number + excluded.number, minor = minor + excluded.minor;
    INSERT INTO churn_days (day, kind, reason, status, mailed, currency, number, minor)
        SELECT coalesce(OLD.recovered_at, OLD.churned_at) / 86400000000, 'back', OLD.reason, OLD.status, OLD.window_ends_at IS NOT NULL, OLD.currency, -1, -coalesce(OLD.mrr_minor, 0)
        WHERE OLD.status = 'recovered'
        ON CONFLICT (day, kind, reason, status, mailed, currency) DO UPDATE SET number = number + excluded.number, minor = minor + excluded.minor;
END;
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
