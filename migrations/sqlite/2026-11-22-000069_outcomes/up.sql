-- Departures of a day with one reason are one row with a number and a sum for each outcome, so that a report reads them once instead of
-- a row for each. Changes that PostgreSQL has not folded yet stay a row for each status.
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
DROP TABLE churn_weeks;
DROP TABLE churn_months;
ALTER TABLE churn_days RENAME TO narrow_churn_days;
CREATE TABLE churn_days (
    day BIGINT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('left', 'back')),
    reason TEXT NOT NULL,
    mailed BOOLEAN NOT NULL,
    currency TEXT NOT NULL,
    new_number BIGINT NOT NULL,
    processing_number BIGINT NOT NULL,
    variants_generated_number BIGINT NOT NULL,
    email_sent_number BIGINT NOT NULL,
    back_number BIGINT NOT NULL,
    lost_number BIGINT NOT NULL,
    open_minor BIGINT NOT NULL,
    back_minor BIGINT NOT NULL,
    lost_minor BIGINT NOT NULL,
    PRIMARY KEY (day, kind, reason, mailed, currency)
) WITHOUT ROWID;
CREATE TABLE churn_weeks (
    day BIGINT NOT NULL,
    kind TEXT NOT NULL,
    reason TEXT NOT NULL,
    mailed BOOLEAN NOT NULL,
    currency TEXT NOT NULL,
    new_number BIGINT NOT NULL,
    processing_number BIGINT NOT NULL,
    variants_generated_number BIGINT NOT NULL,
    email_sent_number BIGINT NOT NULL,
    back_number BIGINT NOT NULL,
    lost_number BIGINT NOT NULL,
    open_minor BIGINT NOT NULL,
    back_minor BIGINT NOT NULL,
    lost_minor BIGINT NOT NULL,
    PRIMARY KEY (day, kind, reason, mailed, currency)
) WITHOUT ROWID;
CREATE TABLE churn_months (
    day BIGINT NOT NULL,
    kind TEXT NOT NULL,
    reason TEXT NOT NULL,
    mailed BOOLEAN NOT NULL,
    currency TEXT NOT NULL,
    new_number BIGINT NOT NULL,
    processing_number BIGINT NOT NULL,
    variants_generated_number BIGINT NOT NULL,
    email_sent_number BIGINT NOT NULL,
    back_number BIGINT NOT NULL,
    lost_number BIGINT NOT NULL,
    open_minor BIGINT NOT NULL,
    back_minor BIGINT NOT NULL,
    lost_minor BIGINT NOT NULL,
    PRIMARY KEY (day, kind, reason, mailed, currency)
) WITHOUT ROWID;
INSERT INTO churn_days (day, kind, reason, mailed, currency, new_number, processing_number, variants_generated_number, email_sent_number, back_number, lost_number, open_minor, back_minor, lost_minor)
    SELECT day, kind, reason, mailed, currency,
        CAST(sum(CASE WHEN status = 'new' THEN number ELSE 0 END) AS BIGINT),
        CAST(sum(CASE WHEN status = 'processing' THEN number ELSE 0 END) AS BIGINT),
        CAST(sum(CASE WHEN status = 'variants_generated' THEN number ELSE 0 END) AS BIGINT),
        CAST(sum(CASE WHEN status = 'email_sent' THEN number ELSE 0 END) AS BIGINT),
        CAST(sum(CASE WHEN status = 'recovered' THEN number ELSE 0 END) AS BIGINT),
        CAST(sum(CASE WHEN status = 'lost' THEN number ELSE 0 END) AS BIGINT),
        CAST(sum(CASE WHEN status IN ('recovered', 'lost') THEN 0 ELSE minor END) AS BIGINT),
        CAST(sum(CASE WHEN status = 'recovered' THEN minor ELSE 0 END) AS BIGINT),
        CAST(sum(CASE WHEN status = 'lost' THEN minor ELSE 0 END) AS BIGINT)
    FROM narrow_churn_days GROUP BY day, kind, reason, mailed, currency;
DROP TABLE narrow_churn_days;
INSERT INTO churn_weeks (day, kind, reason, mailed, currency, new_number, processing_number, variants_generated_number, email_sent_number, back_number, lost_number, open_minor, back_minor, lost_minor)
    SELECT day - (day + 3) % 7 AS span, kind, reason, mailed, currency, CAST(sum(new_number) AS BIGINT), CAST(sum(processing_number) AS BIGINT), CAST(sum(variants_generated_number) AS BIGINT), CAST(sum(email_sent_number) AS BIGINT), CAST(sum(back_number) AS BIGINT), CAST(sum(lost_number) AS BIGINT), CAST(sum(open_minor) AS BIGINT), CAST(sum(back_minor) AS BIGINT), CAST(sum(lost_minor) AS BIGINT) FROM churn_days GROUP BY span, kind, reason, mailed, currency;
INSERT INTO churn_months (day, kind, reason, mailed, currency, new_number, processing_number, variants_generated_number, email_sent_number, back_number, lost_number, open_minor, back_minor, lost_minor)
    SELECT CAST(strftime('%s', day * 86400, 'unixepoch', 'start of month') AS INTEGER) / 86400 AS span, kind, reason, mailed, currency, CAST(sum(new_number) AS BIGINT), CAST(sum(processing_number) AS BIGINT), CAST(sum(variants_generated_number) AS BIGINT), CAST(sum(email_sent_number) AS BIGINT), CAST(sum(back_number) AS BIGINT), CAST(sum(lost_number) AS BIGINT), CAST(sum(open_minor) AS BIGINT), CAST(sum(back_minor) AS BIGINT), CAST(sum(lost_minor) AS BIGINT) FROM churn_days GROUP BY span, kind, reason, mailed, currency;
DROP TABLE churn_part_weeks;
DROP TABLE churn_part_months;
ALTER TABLE churn_part_days RENAME TO narrow_churn_part_days;
CREATE TABLE churn_part_days (
    part TEXT NOT NULL CHECK (part IN ('plan', 'tenure', 'strategy', 'replied')),
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
CREATE TABLE churn_part_weeks (
    part TEXT NOT NULL,
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
CREATE TABLE churn_part_months (
    part TEXT NOT NULL,
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
INSERT INTO churn_part_days (part, day, value, reason, currency, open_number, back_number, lost_number, open_minor, back_minor, lost_minor)
    SELECT part, day, value, reason, currency,
        CAST(sum(CASE WHEN outcome = 'open' THEN number ELSE 0 END) AS BIGINT),
        CAST(sum(CASE WHEN outcome = 'back' THEN number ELSE 0 END) AS BIGINT),
        CAST(sum(CASE WHEN outcome = 'lost' THEN number ELSE 0 END) AS BIGINT),
        CAST(sum(CASE WHEN outcome IN ('back', 'lost') THEN 0 ELSE minor END) AS BIGINT),
        CAST(sum(CASE WHEN outcome = 'back' THEN minor ELSE 0 END) AS BIGINT),
        CAST(sum(CASE WHEN outcome = 'lost' THEN minor ELSE 0 END) AS BIGINT)
    FROM narrow_churn_part_days GROUP BY part, day, value, reason, currency;
DROP TABLE narrow_churn_part_days;
INSERT INTO churn_part_weeks (part, day, value, reason, currency, open_number, back_number, lost_number, open_minor, back_minor, lost_minor)
    SELECT part, day - (day + 3) % 7 AS span, value, reason, currency, CAST(sum(open_number) AS BIGINT), CAST(sum(back_number) AS BIGINT), CAST(sum(lost_number) AS BIGINT), CAST(sum(open_minor) AS BIGINT), CAST(sum(back_minor) AS BIGINT), CAST(sum(lost_minor) AS BIGINT) FROM churn_part_days GROUP BY part, span, value, reason, currency;
INSERT INTO churn_part_months (part, day, value, reason, currency, open_number, back_number, lost_number, open_minor, back_minor, lost_minor)
    SELECT part, CAST(strftime('%s', day * 86400, 'unixepoch', 'start of month') AS INTEGER) / 86400 AS span, value, reason, currency, CAST(sum(open_number) AS BIGINT), CAST(sum(back_number) AS BIGINT), CAST(sum(lost_number) AS BIGINT), CAST(sum(open_minor) AS BIGINT), CAST(sum(back_minor) AS BIGINT), CAST(sum(lost_minor) AS BIGINT) FROM churn_part_days GROUP BY part, span, value, reason, currency;
DROP TABLE segment_weeks;
DROP TABLE segment_months;
ALTER TABLE segment_days RENAME TO narrow_segment_days;
CREATE TABLE segment_days (
    segment_id TEXT NOT NULL REFERENCES segments (id) ON DELETE CASCADE,
    day BIGINT NOT NULL,
    reason TEXT NOT NULL,
    currency TEXT NOT NULL,
    open_number BIGINT NOT NULL,
    back_number BIGINT NOT NULL,
    lost_number BIGINT NOT NULL,
    open_minor BIGINT NOT NULL,
    back_minor BIGINT NOT NULL,
    lost_minor BIGINT NOT NULL,
    PRIMARY KEY (segment_id, day, reason, currency)
);
CREATE TABLE segment_weeks (
    day BIGINT NOT NULL,
    segment_id TEXT NOT NULL REFERENCES segments (id) ON DELETE CASCADE,
    reason TEXT NOT NULL,
    currency TEXT NOT NULL,
    open_number BIGINT NOT NULL,
    back_number BIGINT NOT NULL,
    lost_number BIGINT NOT NULL,
    open_minor BIGINT NOT NULL,
    back_minor BIGINT NOT NULL,
    lost_minor BIGINT NOT NULL,
    PRIMARY KEY (day, segment_id, reason, currency)
);
CREATE TABLE segment_months (
    day BIGINT NOT NULL,
    segment_id TEXT NOT NULL REFERENCES segments (id) ON DELETE CASCADE,
    reason TEXT NOT NULL,
    currency TEXT NOT NULL,
    open_number BIGINT NOT NULL,
    back_number BIGINT NOT NULL,
    lost_number BIGINT NOT NULL,
    open_minor BIGINT NOT NULL,
    back_minor BIGINT NOT NULL,
    lost_minor BIGINT NOT NULL,
    PRIMARY KEY (day, segment_id, reason, currency)
);
INSERT INTO segment_days (segment_id, day, reason, currency, open_number, back_number, lost_number, open_minor, back_minor, lost_minor)
    SELECT segment_id, day, reason, currency,
        CAST(sum(CASE WHEN outcome = 'open' THEN number ELSE 0 END) AS BIGINT),
        CAST(sum(CASE WHEN outcome = 'back' THEN number ELSE 0 END) AS BIGINT),
        CAST(sum(CASE WHEN outcome = 'lost' THEN number ELSE 0 END) AS BIGINT),
        CAST(sum(CASE WHEN outcome IN ('back', 'lost') THEN 0 ELSE minor END) AS BIGINT),
        CAST(sum(CASE WHEN outcome = 'back' THEN minor ELSE 0 END) AS BIGINT),
        CAST(sum(CASE WHEN outcome = 'lost' THEN minor ELSE 0 END) AS BIGINT)
    FROM narrow_segment_days GROUP BY segment_id, day, reason, currency;
DROP TABLE narrow_segment_days;
INSERT INTO segment_weeks (day, segment_id, reason, currency, open_number, back_number, lost_number, open_minor, back_minor, lost_minor)
    SELECT day - (day + 3) % 7 AS span, segment_id, reason, currency, CAST(sum(open_number) AS BIGINT), CAST(sum(back_number) AS BIGINT), CAST(sum(lost_number) AS BIGINT), CAST(sum(open_minor) AS BIGINT), CAST(sum(back_minor) AS BIGINT), CAST(sum(lost_minor) AS BIGINT) FROM segment_days GROUP BY span, segment_id, reason, currency;
INSERT INTO segment_months (day, segment_id, reason, currency, open_number, back_number, lost_number, open_minor, back_minor, lost_minor)
    SELECT CAST(strftime('%s', day * 86400, 'unixepoch', 'start of month') AS INTEGER) / 86400 AS span, segment_id, reason, currency, CAST(sum(open_number) AS BIGINT), CAST(sum(back_number) AS BIGINT), CAST(sum(lost_number) AS BIGINT), CAST(sum(open_minor) AS BIGINT), CAST(sum(back_minor) AS BIGINT), CAST(sum(lost_minor) AS BIGINT) FROM segment_days GROUP BY span, segment_id, reason, currency;
CREATE INDEX segment_days_by_day ON segment_days (day);
CREATE TRIGGER churn_days_come AFTER INSERT ON churn_days
BEGIN
    INSERT INTO churn_weeks (day, kind, reason, mailed, currency, new_number, processing_number, variants_generated_number, email_sent_number, back_number, lost_number, open_minor, back_minor, lost_minor)
        VALUES (NEW.day - (NEW.day + 3) % 7, NEW.kind, NEW.reason, NEW.mailed, NEW.currency, NEW.new_number, NEW.processing_number, NEW.variants_generated_number, NEW.email_sent_number, NEW.back_number, NEW.lost_number, NEW.open_minor, NEW.back_minor, NEW.lost_minor)
        ON CONFLICT (day, kind, reason, mailed, currency) DO UPDATE SET new_number = new_number + excluded.new_number, processing_number = processing_number + excluded.processing_number, variants_generated_number = variants_generated_number + excluded.variants_generated_number, email_sent_number = email_sent_number + excluded.email_sent_number, back_number = back_number + excluded.back_number, lost_number = lost_number + excluded.lost_number, open_minor = open_minor + excluded.open_minor, back_minor = back_minor + excluded.back_minor, lost_minor = lost_minor + excluded.lost_minor;
    INSERT INTO churn_months (day, kind, reason, mailed, currency, new_number, processing_number, variants_generated_number, email_sent_number, back_number, lost_number, open_minor, back_minor, lost_minor)
        VALUES (CAST(strftime('%s', NEW.day * 86400, 'unixepoch', 'start of month') AS INTEGER) / 86400, NEW.kind, NEW.reason, NEW.mailed, NEW.currency, NEW.new_number, NEW.processing_number, NEW.variants_generated_number, NEW.email_sent_number, NEW.back_number, NEW.lost_number, NEW.open_minor, NEW.back_minor, NEW.lost_minor)
        ON CONFLICT (day, kind, reason, mailed, currency) DO UPDATE SET new_number = new_number + excluded.new_number, processing_number = processing_number + excluded.processing_number, variants_generated_number = variants_generated_number + excluded.variants_generated_number, email_sent_number = email_sent_number + excluded.email_sent_number, back_number = back_number + excluded.back_number, lost_number = lost_number + excluded.lost_number, open_minor = open_minor + excluded.open_minor, back_minor = back_minor + excluded.back_minor, lost_minor = lost_minor + excluded.lost_minor;
END;
CREATE TRIGGER churn_days_change AFTER UPDATE OF new_number, processing_number, variants_generated_number, email_sent_number, back_number, lost_number, open_minor, back_minor, lost_minor ON churn_days
BEGIN
    UPDATE churn_weeks SET new_number = new_number + NEW.new_number - OLD.new_number, processing_number = processing_number + NEW.processing_number - OLD.processing_number, variants_generated_number = variants_generated_number + NEW.variants_generated_number - OLD.variants_generated_number, email_sent_number = email_sent_number + NEW.email_sent_number - OLD.email_sent_number, back_number = back_number + NEW.back_number - OLD.back_number, lost_number = lost_number + NEW.lost_number - OLD.lost_number, open_minor = open_minor + NEW.open_minor - OLD.open_minor, back_minor = back_minor + NEW.back_minor - OLD.back_minor, lost_minor = lost_minor + NEW.lost_minor - OLD.lost_minor
        WHERE day = NEW.day - (NEW.day + 3) % 7 AND kind = NEW.kind AND reason = NEW.reason AND mailed = NEW.mailed AND currency = NEW.currency;
    UPDATE churn_months SET new_number = new_number + NEW.new_number - OLD.new_number, processing_number = processing_number + NEW.processing_number - OLD.processing_number, variants_generated_number = variants_generated_number + NEW.variants_generated_number - OLD.variants_generated_number, email_sent_number = email_sent_number + NEW.email_sent_number - OLD.email_sent_number, back_number = back_number + NEW.back_number - OLD.back_number, lost_number = lost_number + NEW.lost_number - OLD.lost_number, open_minor = open_minor + NEW.open_minor - OLD.open_minor, back_minor = back_minor + NEW.back_minor - OLD.back_minor, lost_minor = lost_minor + NEW.lost_minor - OLD.lost_minor
        WHERE day = CAST(strftime('%s', NEW.day * 86400, 'unixepoch', 'start of month') AS INTEGER) / 86400 AND kind = NEW.kind AND reason = NEW.reason AND mailed = NEW.mailed AND currency = NEW.currency;
END;
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
CREATE TRIGGER segment_days_come AFTER INSERT ON segment_days
BEGIN
    INSERT INTO segment_weeks (day, segment_id, reason, currency, open_number, back_number, lost_number, open_minor, back_minor, lost_minor)
        VALUES (NEW.day - (NEW.day + 3) % 7, NEW.segment_id, NEW.reason, NEW.currency, NEW.open_number, NEW.back_number, NEW.lost_number, NEW.open_minor, NEW.back_minor, NEW.lost_minor)
        ON CONFLICT (day, segment_id, reason, currency) DO UPDATE SET open_number = open_number + excluded.open_number, back_number = back_number + excluded.back_number, lost_number = lost_number + excluded.lost_number, open_minor = open_minor + excluded.open_minor, back_minor = back_minor + excluded.back_minor, lost_minor = lost_minor + excluded.lost_minor;
    INSERT INTO segment_months (day, segment_id, reason, currency, open_number, back_number, lost_number, open_minor, back_minor, lost_minor)
        VALUES (CAST(strftime('%s', NEW.day * 86400, 'unixepoch', 'start of month') AS INTEGER) / 86400, NEW.segment_id, NEW.reason, NEW.currency, NEW.open_number, NEW.back_number, NEW.lost_number, NEW.open_minor, NEW.back_minor, NEW.lost_minor)
        ON CONFLICT (day, segment_id, reason, currency) DO UPDATE SET open_number = open_number + excluded.open_number, back_number = back_number + excluded.back_number, lost_number = lost_number + excluded.lost_number, open_minor = open_minor + excluded.open_minor, back_minor = back_minor + excluded.back_minor, lost_minor = lost_minor + excluded.lost_minor;
END;
CREATE TRIGGER segment_days_change AFTER UPDATE OF open_number, back_number, lost_number, open_minor, back_minor, lost_minor ON segment_days
BEGIN
    UPDATE segment_weeks SET open_number = open_number + NEW.open_number - OLD.open_number, back_number = back_number + NEW.back_number - OLD.back_number, lost_number = lost_number + NEW.lost_number - OLD.lost_number, open_minor = open_minor + NEW.open_minor - OLD.open_minor, back_minor = back_minor + NEW.back_minor - OLD.back_minor, lost_minor = lost_minor + NEW.lost_minor - OLD.lost_minor
        WHERE day = NEW.day - (NEW.day + 3) % 7 AND segment_id = NEW.segment_id AND reason = NEW.reason AND currency = NEW.currency;
    UPDATE segment_months SET open_number = open_number + NEW.open_number - OLD.open_number, back_number = back_number + NEW.back_number - OLD.back_number, lost_number = lost_number + NEW.lost_number - OLD.lost_number, open_minor = open_minor + NEW.open_minor - OLD.open_minor, back_minor = back_minor + NEW.back_minor - OLD.back_minor, lost_minor = lost_minor + NEW.lost_minor - OLD.lost_minor
        WHERE day = CAST(strftime('%s', NEW.day * 86400, 'unixepoch', 'start of month') AS INTEGER) / 86400 AND segment_id = NEW.segment_id AND reason = NEW.reason AND currency = NEW.currency;
END;
CREATE TRIGGER segment_days_go AFTER DELETE ON segment_days
BEGIN
    INSERT INTO segment_weeks (day, segment_id, reason, currency, open_number, back_number, lost_number, open_minor, back_minor, lost_minor)
        VALUES (OLD.day - (OLD.day + 3) % 7, OLD.segment_id, OLD.reason, OLD.currency, -OLD.open_number, -OLD.back_number, -OLD.lost_number, -OLD.open_minor, -OLD.back_minor, -OLD.lost_minor)
        ON CONFLICT (day, segment_id, reason, currency) DO UPDATE SET open_number = open_number + excluded.open_number, back_number = back_number + excluded.back_number, lost_number = lost_number + excluded.lost_number, open_minor = open_minor + excluded.open_minor, back_minor = back_minor + excluded.back_minor, lost_minor = lost_minor + excluded.lost_minor;
    INSERT INTO segment_months (day, segment_id, reason, currency, open_number, back_number, lost_number, open_minor, back_minor, lost_minor)
        VALUES (CAST(strftime('%s', OLD.day * 86400, 'unixepoch', 'start of month') AS INTEGER) / 86400, OLD.segment_id, OLD.reason, OLD.currency, -OLD.open_number, -OLD.back_number, -OLD.lost_number, -OLD.open_minor, -OLD.back_minor, -OLD.lost_minor)
        ON CONFLICT (day, segment_id, reason, currency) DO UPDATE SET open_number = open_number + excluded.open_number, back_number = back_number + excluded.back_number, lost_number = lost_number + excluded.lost_number, open_minor = open_minor + excluded.open_minor, back_minor = back_minor + excluded.back_minor, lost_minor = lost_minor + excluded.lost_minor;
END;
CREATE TRIGGER churn_events_come AFTER INSERT ON churn_events
BEGIN
    INSERT INTO churn_days (day, kind, reason, mailed, currency, new_number, processing_number, variants_generated_number, email_sent_number, back_number, lost_number, open_minor, back_minor, lost_minor)
        SELECT k.day, k.kind, NEW.reason, NEW.window_ends_at IS NOT NULL, NEW.currency,
            (NEW.status = 'new'), (NEW.status = 'processing'), (NEW.status = 'variants_generated'), (NEW.status = 'email_sent'), (NEW.status = 'recovered'), (NEW.status = 'lost'),
            (NEW.status NOT IN ('recovered', 'lost')) * coalesce(NEW.mrr_minor, 0), (NEW.status = 'recovered') * coalesce(NEW.mrr_minor, 0), (NEW.status = 'lost') * coalesce(NEW.mrr_minor, 0)
        FROM (SELECT NEW.churned_at / 86400000000 AS day, 'left' AS kind
            UNION ALL SELECT coalesce(NEW.recovered_at, NEW.churned_at) / 86400000000, 'back' WHERE NEW.status = 'recovered') AS k WHERE 1 = 1
        ON CONFLICT (day, kind, reason, mailed, currency) DO UPDATE SET new_number = new_number + excluded.new_number, processing_number = processing_number + excluded.processing_number, variants_generated_number = variants_generated_number + excluded.variants_generated_number, email_sent_number = email_sent_number + excluded.email_sent_number, back_number = back_number + excluded.back_number, lost_number = lost_number + excluded.lost_number, open_minor = open_minor + excluded.open_minor, back_minor = back_minor + excluded.back_minor, lost_minor = lost_minor + excluded.lost_minor;
END;
CREATE TRIGGER churn_events_change AFTER UPDATE OF churned_at, recovered_at, reason, status, window_ends_at, currency, mrr_minor ON churn_events
WHEN (NEW.churned_at, NEW.recovered_at, NEW.reason, NEW.status, NEW.window_ends_at, NEW.currency, NEW.mrr_minor) IS NOT (OLD.churned_at, OLD.recovered_at, OLD.reason, OLD.status, OLD.window_ends_at, OLD.currency, OLD.mrr_minor)
BEGIN
    INSERT INTO churn_days (day, kind, reason, mailed, currency, new_number, processing_number, variants_generated_number, email_sent_number, back_number, lost_number, open_minor, back_minor, lost_minor)
        SELECT k.day, k.kind, OLD.reason, OLD.window_ends_at IS NOT NULL, OLD.currency,
            -(OLD.status = 'new'), -(OLD.status = 'processing'), -(OLD.status = 'variants_generated'), -(OLD.status = 'email_sent'), -(OLD.status = 'recovered'), -(OLD.status = 'lost'),
            -(OLD.status NOT IN ('recovered', 'lost')) * coalesce(OLD.mrr_minor, 0), -(OLD.status = 'recovered') * coalesce(OLD.mrr_minor, 0), -(OLD.status = 'lost') * coalesce(OLD.mrr_minor, 0)
        FROM (SELECT OLD.churned_at / 86400000000 AS day, 'left' AS kind
            UNION ALL SELECT coalesce(OLD.recovered_at, OLD.churned_at) / 86400000000, 'back' WHERE OLD.status = 'recovered') AS k WHERE 1 = 1
        ON CONFLICT (day, kind, reason, mailed, currency) DO UPDATE SET new_number = new_number + excluded.new_number, processing_number = processing_number + excluded.processing_number, variants_generated_number = variants_generated_number + excluded.variants_generated_number, email_sent_number = email_sent_number + excluded.email_sent_number, back_number = back_number + excluded.back_number, lost_number = lost_number + excluded.lost_number, open_minor = open_minor + excluded.open_minor, back_minor = back_minor + excluded.back_minor, lost_minor = lost_minor + excluded.lost_minor;
    INSERT INTO churn_days (day, kind, reason, mailed, currency, new_number, processing_number, variants_generated_number, email_sent_number, back_number, lost_number, open_minor, back_minor, lost_minor)
        SELECT k.day, k.kind, NEW.reason, NEW.window_ends_at IS NOT NULL, NEW.currency,
            (NEW.status = 'new'), (NEW.status = 'processing'), (NEW.status = 'variants_generated'), (NEW.status = 'email_sent'), (NEW.status = 'recovered'), (NEW.status = 'lost'),
            (NEW.status NOT IN ('recovered', 'lost')) * coalesce(NEW.mrr_minor, 0), (NEW.status = 'recovered') * coalesce(NEW.mrr_minor, 0), (NEW.status = 'lost') * coalesce(NEW.mrr_minor, 0)
        FROM (SELECT NEW.churned_at / 86400000000 AS day, 'left' AS kind
            UNION ALL SELECT coalesce(NEW.recovered_at, NEW.churned_at) / 86400000000, 'back' WHERE NEW.status = 'recovered') AS k WHERE 1 = 1
        ON CONFLICT (day, kind, reason, mailed, currency) DO UPDATE SET new_number = new_number + excluded.new_number, processing_number = processing_number + excluded.processing_number, variants_generated_number = variants_generated_number + excluded.variants_generated_number, email_sent_number = email_sent_number + excluded.email_sent_number, back_number = back_number + excluded.back_number, lost_number = lost_number + excluded.lost_number, open_minor = open_minor + excluded.open_minor, back_minor = back_minor + excluded.back_minor, lost_minor = lost_minor + excluded.lost_minor;
END;
CREATE TRIGGER churn_events_go AFTER DELETE ON churn_events
BEGIN
    INSERT INTO churn_days (day, kind, reason, mailed, currency, new_number, processing_number, variants_generated_number, email_sent_number, back_number, lost_number, open_minor, back_minor, lost_minor)
        SELECT k.day, k.kind, OLD.reason, OLD.window_ends_at IS NOT NULL, OLD.currency,
            -(OLD.status = 'new'), -(OLD.status = 'processing'), -(OLD.status = 'variants_generated'), -(OLD.status = 'email_sent'), -(OLD.status = 'recovered'), -(OLD.status = 'lost'),
            -(OLD.status NOT IN ('recovered', 'lost')) * coalesce(OLD.mrr_minor, 0), -(OLD.status = 'recovered') * coalesce(OLD.mrr_minor, 0), -(OLD.status = 'lost') * coalesce(OLD.mrr_minor, 0)
        FROM (SELECT OLD.churned_at / 86400000000 AS day, 'left' AS kind
            UNION ALL SELECT coalesce(OLD.recovered_at, OLD.churned_at) / 86400000000, 'back' WHERE OLD.status = 'recovered') AS k WHERE 1 = 1
        ON CONFLICT (day, kind, reason, mailed, currency) DO UPDATE SET new_number = new_number + excluded.new_number, processing_number = processing_number + excluded.processing_number, variants_generated_number = variants_generated_number + excluded.variants_generated_number, email_sent_number = email_sent_number + excluded.email_sent_number, back_number = back_number + excluded.back_number, lost_number = lost_number + excluded.lost_number, open_minor = open_minor + excluded.open_minor, back_minor = back_minor + excluded.back_minor, lost_minor = lost_minor + excluded.lost_minor;
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
