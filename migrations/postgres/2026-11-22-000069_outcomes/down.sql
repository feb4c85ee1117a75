DROP TRIGGER churn_days_come ON churn_days;
DROP FUNCTION add_churn_spans();
DROP TRIGGER churn_part_days_come ON churn_part_days;
DROP FUNCTION add_churn_part_spans();
DROP TRIGGER segment_days_come ON segment_days;
DROP FUNCTION add_segment_spans();
DROP INDEX segment_days_by_day;
ALTER TABLE segment_days RENAME TO wide_segment_days;
ALTER INDEX segment_days_pkey RENAME TO wide_segment_days_pkey;
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
);
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
);
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
);
CREATE TABLE segment_weeks (
    day BIGINT NOT NULL,
    segment_id TEXT NOT NULL REFERENCES segments (id) ON DELETE CASCADE,
    reason TEXT NOT NULL,
    outcome TEXT NOT NULL,
    currency TEXT NOT NULL,
    number BIGINT NOT NULL,
    minor BIGINT NOT NULL,
    PRIMARY KEY (day, segment_id, reason, outcome, currency)
);
CREATE TABLE segment_months (
    day BIGINT NOT NULL,
    segment_id TEXT NOT NULL REFERENCES segments (id) ON DELETE CASCADE,
    reason TEXT NOT NULL,
    outcome TEXT NOT NULL,
    currency TEXT NOT NULL,
    number BIGINT NOT NULL,
    minor BIGINT NOT NULL,
    PRIMARY KEY (day, segment_id, reason, outcome, currency)
);
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
    SELECT date_trunc('month', (DATE '1970-01-01' + CAST(day AS INTEGER))::timestamp)::date - DATE '1970-01-01' AS span, kind, reason, status, mailed, currency, CAST(sum(number) AS BIGINT), CAST(sum(minor) AS BIGINT) FROM churn_days GROUP BY span, kind, reason, status, mailed, currency;
INSERT INTO churn_part_weeks (part, day, value, reason, outcome, currency, number, minor)
    SELECT part, day - (day + 3) % 7 AS span, value, reason, outcome, currency, CAST(sum(number) AS BIGINT), CAST(sum(minor) AS BIGINT) FROM churn_part_days GROUP BY part, span, value, reason, outcome, currency;
INSERT INTO churn_part_months (part, day, value, reason, outcome, currency, number, minor)
    SELECT part, date_trunc('month', (DATE '1970-01-01' + CAST(day AS INTEGER))::timestamp)::date - DATE '1970-01-01' AS span, value, reason, outcome, currency, CAST(sum(number) AS BIGINT), CAST(sum(minor) AS BIGINT) FROM churn_part_days GROUP BY part, span, value, reason, outcome, currency;
INSERT INTO segment_weeks (day, segment_id, reason, outcome, currency, number, minor)
    SELECT day - (day + 3) % 7 AS span, segment_id, reason, outcome, currency, CAST(sum(number) AS BIGINT), CAST(sum(minor) AS BIGINT) FROM segment_days GROUP BY span, segment_id, reason, outcome, currency;
INSERT INTO segment_months (day, segment_id, reason, outcome, currency, number, minor)
    SELECT date_trunc('month', (DATE '1970-01-01' + CAST(day AS INTEGER))::timestamp)::date - DATE '1970-01-01' AS span, segment_id, reason, outcome, currency, CAST(sum(number) AS BIGINT), CAST(sum(minor) AS BIGINT) FROM segment_days GROUP BY span, segment_id, reason, outcome, currency;
CREATE FUNCTION add_churn_spans() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO churn_weeks (day, kind, reason, status, mailed, currency, number, minor)
            VALUES (NEW.day - (NEW.day + 3) % 7, NEW.kind, NEW.reason, NEW.status, NEW.mailed, NEW.currency, NEW.number, NEW.minor)
            ON CONFLICT (day, kind, reason, status, mailed, currency) DO UPDATE SET number = churn_weeks.number + excluded.number, minor = churn_weeks.minor + excluded.minor;
        INSERT INTO churn_months (day, kind, reason, status, mailed, currency, number, minor)
            VALUES (date_trunc('month', (DATE '1970-01-01' + CAST(NEW.day AS INTEGER))::timestamp)::date - DATE '1970-01-01', NEW.kind, NEW.reason, NEW.status, NEW.mailed, NEW.currency, NEW.number, NEW.minor)
            ON CONFLICT (day, kind, reason, status, mailed, currency) DO UPDATE SET number = churn_months.number + excluded.number, minor = churn_months.minor + excluded.minor;
    ELSE
        INSERT INTO churn_weeks (day, kind, reason, status, mailed, currency, number, minor)
            VALUES (NEW.day - (NEW.day + 3) % 7, NEW.kind, NEW.reason, NEW.status, NEW.mailed, NEW.currency, NEW.number - OLD.number, NEW.minor - OLD.minor)
            ON CONFLICT (day, kind, reason, status, mailed, currency) DO UPDATE SET number = churn_weeks.number + excluded.number, minor = churn_weeks.minor + excluded.minor;
        INSERT INTO churn_months (day, kind, reason, status, mailed, currency, number, minor)
            VALUES (date_trunc('month', (DATE '1970-01-01' + CAST(NEW.day AS INTEGER))::timestamp)::date - DATE '1970-01-01', NEW.kind, NEW.reason, NEW.status, NEW.mailed, NEW.currency, NEW.number - OLD.number, NEW.minor - OLD.minor)
            ON CONFLICT (day, kind, reason, status, mailed, currency) DO UPDATE SET number = churn_months.number + excluded.number, minor = churn_months.minor + excluded.minor;
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER churn_days_come AFTER INSERT OR UPDATE ON churn_days FOR EACH ROW EXECUTE FUNCTION add_churn_spans();
CREATE FUNCTION add_churn_part_spans() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO churn_part_weeks (part, day, value, reason, outcome, currency, number, minor)
            VALUES (NEW.part, NEW.day - (NEW.day + 3) % 7, NEW.value, NEW.reason, NEW.outcome, NEW.currency, NEW.number, NEW.minor)
            ON CONFLICT (part, day, value, reason, outcome, currency) DO UPDATE SET number = churn_part_weeks.number + excluded.number, minor = churn_part_weeks.minor + excluded.minor;
        INSERT INTO churn_part_months (part, day, value, reason, outcome, currency, number, minor)
            VALUES (NEW.part, date_trunc('month', (DATE '1970-01-01' + CAST(NEW.day AS INTEGER))::timestamp)::date - DATE '1970-01-01', NEW.value, NEW.reason, NEW.outcome, NEW.currency, NEW.number, NEW.minor)
            ON CONFLICT (part, day, value, reason, outcome, currency) DO UPDATE SET number = churn_part_months.number + excluded.number, minor = churn_part_months.minor + excluded.minor;
    ELSE
        INSERT INTO churn_part_weeks (part, day, value, reason, outcome, currency, number, minor)
            VALUES (NEW.part, NEW.day - (NEW.day + 3) % 7, NEW.value, NEW.reason, NEW.outcome, NEW.currency, NEW.number - OLD.number, NEW.minor - OLD.minor)
            ON CONFLICT (part, day, value, reason, outcome, currency) DO UPDATE SET number = churn_part_weeks.number + excluded.number, minor = churn_part_weeks.minor + excluded.minor;
        INSERT INTO churn_part_months (part, day, value, reason, outcome, currency, number, minor)
            VALUES (NEW.part, date_trunc('month', (DATE '1970-01-01' + CAST(NEW.day AS INTEGER))::timestamp)::date - DATE '1970-01-01', NEW.value, NEW.reason, NEW.outcome, NEW.currency, NEW.number - OLD.number, NEW.minor - OLD.minor)
            ON CONFLICT (part, day, value, reason, outcome, currency) DO UPDATE SET number = churn_part_months.number + excluded.number, minor = churn_part_months.minor + excluded.minor;
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER churn_part_days_come AFTER INSERT OR UPDATE ON churn_part_days FOR EACH ROW EXECUTE FUNCTION add_churn_part_spans();
CREATE FUNCTION add_segment_spans() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO segment_weeks (day, segment_id, reason, outcome, currency, number, minor)
            VALUES (NEW.day - (NEW.day + 3) % 7, NEW.segment_id, NEW.reason, NEW.outcome, NEW.currency, NEW.number, NEW.minor)
            ON CONFLICT (day, segment_id, reason, outcome, currency) DO UPDATE SET number = segment_weeks.number + excluded.number, minor = segment_weeks.minor + excluded.minor;
        INSERT INTO segment_months (day, segment_id, reason, outcome, currency, number, minor)
            VALUES (date_trunc('month', (DATE '1970-01-01' + CAST(NEW.day AS INTEGER))::timestamp)::date - DATE '1970-01-01', NEW.segment_id, NEW.reason, NEW.outcome, NEW.currency, NEW.number, NEW.minor)
            ON CONFLICT (day, segment_id, reason, outcome, currency) DO UPDATE SET number = segment_months.number + excluded.number, minor = segment_months.minor + excluded.minor;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO segment_weeks (day, segment_id, reason, outcome, currency, number, minor)
            VALUES (OLD.day - (OLD.day + 3) % 7, OLD.segment_id, OLD.reason, OLD.outcome, OLD.currency, -OLD.number, -OLD.minor)
            ON CONFLICT (day, segment_id, reason, outcome, currency) DO UPDATE SET number = segment_weeks.number + excluded.number, minor = segment_weeks.minor + excluded.minor;
        INSERT INTO segment_months (day, segment_id, reason, outcome, currency, number, minor)
            VALUES (date_trunc('month', (DATE '1970-01-01' + CAST(OLD.day AS INTEGER))::timestamp)::date - DATE '1970-01-01', OLD.segment_id, OLD.reason, OLD.outcome, OLD.currency, -OLD.number, -OLD.minor)
            ON CONFLICT (day, segment_id, reason, outcome, currency) DO UPDATE SET number = segment_months.number + excluded.number, minor = segment_months.minor + excluded.minor;
    ELSE
        INSERT INTO segment_weeks (day, segment_id, reason, outcome, currency, number, minor)
            VALUES (NEW.day - (NEW.day + 3) % 7, NEW.segment_id, NEW.reason, NEW.outcome, NEW.currency, NEW.number - OLD.number, NEW.minor - OLD.minor)
            ON CONFLICT (day, segment_id, reason, outcome, currency) DO UPDATE SET number = segment_weeks.number + excluded.number, minor = segment_weeks.minor + excluded.minor;
        INSERT INTO segment_months (day, segment_id, reason, outcome, currency, number, minor)
            VALUES (date_trunc('month', (DATE '1970-01-01' + CAST(NEW.day AS INTEGER))::timestamp)::date - DATE '1970-01-01', NEW.segment_id, NEW.reason, NEW.outcome, NEW.currency, NEW.number - OLD.number, NEW.minor - OLD.minor)
            ON CONFLICT (day, segment_id, reason, outcome, currency) DO UPDATE SET number = segment_months.number + excluded.number, minor = segment_months.minor + excluded.minor;
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER segment_days_come AFTER INSERT OR UPDATE OR DELETE ON segment_days FOR EACH ROW EXECUTE FUNCTION add_segment_spans();
