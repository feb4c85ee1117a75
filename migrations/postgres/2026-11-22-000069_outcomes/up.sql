-- Departures of a day with one reason are one row with a number and a sum for each outcome, so that a report reads them once instead of
-- a row for each. Changes that PostgreSQL has not folded yet stay a row for each status.
DROP TRIGGER churn_days_come ON churn_days;
DROP FUNCTION add_churn_spans();
DROP TRIGGER churn_part_days_come ON churn_part_days;
DROP FUNCTION add_churn_part_spans();
DROP TRIGGER segment_days_come ON segment_days;
DROP FUNCTION add_segment_spans();
DROP INDEX segment_days_by_day;
DROP TABLE churn_weeks;
DROP TABLE churn_months;
ALTER TABLE churn_days RENAME TO narrow_churn_days;
ALTER INDEX churn_days_pkey RENAME TO narrow_churn_days_pkey;
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
);
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
);
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
);
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
    SELECT date_trunc('month', (DATE '1970-01-01' + CAST(day AS INTEGER))::timestamp)::date - DATE '1970-01-01' AS span, kind, reason, mailed, currency, CAST(sum(new_number) AS BIGINT), CAST(sum(processing_number) AS BIGINT), CAST(sum(variants_generated_number) AS BIGINT), CAST(sum(email_sent_number) AS BIGINT), CAST(sum(back_number) AS BIGINT), CAST(sum(lost_number) AS BIGINT), CAST(sum(open_minor) AS BIGINT), CAST(sum(back_minor) AS BIGINT), CAST(sum(lost_minor) AS BIGINT) FROM churn_days GROUP BY span, kind, reason, mailed, currency;
DROP TABLE churn_part_weeks;
DROP TABLE churn_part_months;
ALTER TABLE churn_part_days RENAME TO narrow_churn_part_days;
ALTER INDEX churn_part_days_pkey RENAME TO narrow_churn_part_days_pkey;
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
);
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
);
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
);
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
    SELECT part, date_trunc('month', (DATE '1970-01-01' + CAST(day AS INTEGER))::timestamp)::date - DATE '1970-01-01' AS span, value, reason, currency, CAST(sum(open_number) AS BIGINT), CAST(sum(back_number) AS BIGINT), CAST(sum(lost_number) AS BIGINT), CAST(sum(open_minor) AS BIGINT), CAST(sum(back_minor) AS BIGINT), CAST(sum(lost_minor) AS BIGINT) FROM churn_part_days GROUP BY part, span, value, reason, currency;
DROP TABLE segment_weeks;
DROP TABLE segment_months;
ALTER TABLE segment_days RENAME TO narrow_segment_days;
ALTER INDEX segment_days_pkey RENAME TO narrow_segment_days_pkey;
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
    SELECT date_trunc('month', (DATE '1970-01-01' + CAST(day AS INTEGER))::timestamp)::date - DATE '1970-01-01' AS span, segment_id, reason, currency, CAST(sum(open_number) AS BIGINT), CAST(sum(back_number) AS BIGINT), CAST(sum(lost_number) AS BIGINT), CAST(sum(open_minor) AS BIGINT), CAST(sum(back_minor) AS BIGINT), CAST(sum(lost_minor) AS BIGINT) FROM segment_days GROUP BY span, segment_id, reason, currency;
CREATE INDEX segment_days_by_day ON segment_days (day);
CREATE FUNCTION add_churn_spans() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO churn_weeks (day, kind, reason, mailed, currency, new_number, processing_number, variants_generated_number, email_sent_number, back_number, lost_number, open_minor, back_minor, lost_minor)
            VALUES (NEW.day - (NEW.day + 3) % 7, NEW.kind, NEW.reason, NEW.mailed, NEW.currency, NEW.new_number, NEW.processing_number, NEW.variants_generated_number, NEW.email_sent_number, NEW.back_number, NEW.lost_number, NEW.open_minor, NEW.back_minor, NEW.lost_minor)
            ON CONFLICT (day, kind, reason, mailed, currency) DO UPDATE SET new_number = churn_weeks.new_number + excluded.new_number, processing_number = churn_weeks.processing_number + excluded.processing_number, variants_generated_number = churn_weeks.variants_generated_number + excluded.variants_generated_number, email_sent_number = churn_weeks.email_sent_number + excluded.email_sent_number, back_number = churn_weeks.back_number + excluded.back_number, lost_number = churn_weeks.lost_number + excluded.lost_number, open_minor = churn_weeks.open_minor + excluded.open_minor, back_minor = churn_weeks.back_minor + excluded.back_minor, lost_minor = churn_weeks.lost_minor + excluded.lost_minor;
        INSERT INTO churn_months (day, kind, reason, mailed, currency, new_number, processing_number, variants_generated_number, email_sent_number, back_number, lost_number, open_minor, back_minor, lost_minor)
            VALUES (date_trunc('month', (DATE '1970-01-01' + CAST(NEW.day AS INTEGER))::timestamp)::date - DATE '1970-01-01', NEW.kind, NEW.reason, NEW.mailed, NEW.currency, NEW.new_number, NEW.processing_number, NEW.variants_generated_number, NEW.email_sent_number, NEW.back_number, NEW.lost_number, NEW.open_minor, NEW.back_minor, NEW.lost_minor)
            ON CONFLICT (day, kind, reason, mailed, currency) DO UPDATE SET new_number = churn_months.new_number + excluded.new_number, processing_number = churn_months.processing_number + excluded.processing_number, variants_generated_number = churn_months.variants_generated_number + excluded.variants_generated_number, email_sent_number = churn_months.email_sent_number + excluded.email_sent_number, back_number = churn_months.back_number + excluded.back_number, lost_number = churn_months.lost_number + excluded.lost_number, open_minor = churn_months.open_minor + excluded.open_minor, back_minor = churn_months.back_minor + excluded.back_minor, lost_minor = churn_months.lost_minor + excluded.lost_minor;
    ELSE
        INSERT INTO churn_weeks (day, kind, reason, mailed, currency, new_number, processing_number, variants_generated_number, email_sent_number, back_number, lost_number, open_minor, back_minor, lost_minor)
            VALUES (NEW.day - (NEW.day + 3) % 7, NEW.kind, NEW.reason, NEW.mailed, NEW.currency, NEW.new_number - OLD.new_number, NEW.processing_number - OLD.processing_number, NEW.variants_generated_number - OLD.variants_generated_number, NEW.email_sent_number - OLD.email_sent_number, NEW.back_number - OLD.back_number, NEW.lost_number - OLD.lost_number, NEW.open_minor - OLD.open_minor, NEW.back_minor - OLD.back_minor, NEW.lost_minor - OLD.lost_minor)
            ON CONFLICT (day, kind, reason, mailed, currency) DO UPDATE SET new_number = churn_weeks.new_number + excluded.new_number, processing_number = churn_weeks.processing_number + excluded.processing_number, variants_generated_number = churn_weeks.variants_generated_number + excluded.variants_generated_number, email_sent_number = churn_weeks.email_sent_number + excluded.email_sent_number, back_number = churn_weeks.back_number + excluded.back_number, lost_number = churn_weeks.lost_number + excluded.lost_number, open_minor = churn_weeks.open_minor + excluded.open_minor, back_minor = churn_weeks.back_minor + excluded.back_minor, lost_minor = churn_weeks.lost_minor + excluded.lost_minor;
        INSERT INTO churn_months (day, kind, reason, mailed, currency, new_number, processing_number, variants_generated_number, email_sent_number, back_number, lost_number, open_minor, back_minor, lost_minor)
            VALUES (date_trunc('month', (DATE '1970-01-01' + CAST(NEW.day AS INTEGER))::timestamp)::date - DATE '1970-01-01', NEW.kind, NEW.reason, NEW.mailed, NEW.currency, NEW.new_number - OLD.new_number, NEW.processing_number - OLD.processing_number, NEW.variants_generated_number - OLD.variants_generated_number, NEW.email_sent_number - OLD.email_sent_number, NEW.back_number - OLD.back_number, NEW.lost_number - OLD.lost_number, NEW.open_minor - OLD.open_minor, NEW.back_minor - OLD.back_minor, NEW.lost_minor - OLD.lost_minor)
            ON CONFLICT (day, kind, reason, mailed, currency) DO UPDATE SET new_number = churn_months.new_number + excluded.new_number, processing_number = churn_months.processing_number + excluded.processing_number, variants_generated_number = churn_months.variants_generated_number + excluded.variants_generated_number, email_sent_number = churn_months.email_sent_number + excluded.email_sent_number, back_number = churn_months.back_number + excluded.back_number, lost_number = churn_months.lost_number + excluded.lost_number, open_minor = churn_months.open_minor + excluded.open_minor, back_minor = churn_months.back_minor + excluded.back_minor, lost_minor = churn_months.lost_minor + excluded.lost_minor;
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER churn_days_come AFTER INSERT OR UPDATE ON churn_days FOR EACH ROW EXECUTE FUNCTION add_churn_spans();
CREATE FUNCTION add_churn_part_spans() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO churn_part_weeks (part, day, value, reason, currency, open_number, back_number, lost_number, open_minor, back_minor, lost_minor)
            VALUES (NEW.part, NEW.day - (NEW.day + 3) % 7, NEW.value, NEW.reason, NEW.currency, NEW.open_number, NEW.back_number, NEW.lost_number, NEW.open_minor, NEW.back_minor, NEW.lost_minor)
            ON CONFLICT (part, day, value, reason, currency) DO UPDATE SET open_number = churn_part_weeks.open_number + excluded.open_number, back_number = churn_part_weeks.back_number + excluded.back_number, lost_number = churn_part_weeks.lost_number + excluded.lost_number, open_minor = churn_part_weeks.open_minor + excluded.open_minor, back_minor = churn_part_weeks.back_minor + excluded.back_minor, lost_minor = churn_part_weeks.lost_minor + excluded.lost_minor;
        INSERT INTO churn_part_months (part, day, value, reason, currency, open_number, back_number, lost_number, open_minor, back_minor, lost_minor)
            VALUES (NEW.part, date_trunc('month', (DATE '1970-01-01' + CAST(NEW.day AS INTEGER))::timestamp)::date - DATE '1970-01-01', NEW.value, NEW.reason, NEW.currency, NEW.open_number, NEW.back_number, NEW.lost_number, NEW.open_minor, NEW.back_minor, NEW.lost_minor)
            ON CONFLICT (part, day, value, reason, currency) DO UPDATE SET open_number = churn_part_months.open_number + excluded.open_number, back_number = churn_part_months.back_number + excluded.back_number, lost_number = churn_part_months.lost_number + excluded.lost_number, open_minor = churn_part_months.open_minor + excluded.open_minor, back_minor = churn_part_months.back_minor + excluded.back_minor, lost_minor = churn_part_months.lost_minor + excluded.lost_minor;
    ELSE
        INSERT INTO churn_part_weeks (part, day, value, reason, currency, open_number, back_number, lost_number, open_minor, back_minor, lost_minor)
            VALUES (NEW.part, NEW.day - (NEW.day + 3) % 7, NEW.value, NEW.reason, NEW.currency, NEW.open_number - OLD.open_number, NEW.back_number - OLD.back_number, NEW.lost_number - OLD.lost_number, NEW.open_minor - OLD.open_minor, NEW.back_minor - OLD.back_minor, NEW.lost_minor - OLD.lost_minor)
            ON CONFLICT (part, day, value, reason, currency) DO UPDATE SET open_number = churn_part_weeks.open_number + excluded.open_number, back_number = churn_part_weeks.back_number + excluded.back_number, lost_number = churn_part_weeks.lost_number + excluded.lost_number, open_minor = churn_part_weeks.open_minor + excluded.open_minor, back_minor = churn_part_weeks.back_minor + excluded.back_minor, lost_minor = churn_part_weeks.lost_minor + excluded.lost_minor;
        INSERT INTO churn_part_months (part, day, value, reason, currency, open_number, back_number, lost_number, open_minor, back_minor, lost_minor)
            VALUES (NEW.part, date_trunc('month', (DATE '1970-01-01' + CAST(NEW.day AS INTEGER))::timestamp)::date - DATE '1970-01-01', NEW.value, NEW.reason, NEW.currency, NEW.open_number - OLD.open_number, NEW.back_number - OLD.back_number, NEW.lost_number - OLD.lost_number, NEW.open_minor - OLD.open_minor, NEW.back_minor - OLD.back_minor, NEW.lost_minor - OLD.lost_minor)
            ON CONFLICT (part, day, value, reason, currency) DO UPDATE SET open_number = churn_part_months.open_number + excluded.open_number, back_number = churn_part_months.back_number + excluded.back_number, lost_number = churn_part_months.lost_number + excluded.lost_number, open_minor = churn_part_months.open_minor + excluded.open_minor, back_minor = churn_part_months.back_minor + excluded.back_minor, lost_minor = churn_part_months.lost_minor + excluded.lost_minor;
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER churn_part_days_come AFTER INSERT OR UPDATE ON churn_part_days FOR EACH ROW EXECUTE FUNCTION add_churn_part_spans();
CREATE FUNCTION add_segment_spans() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO segment_weeks (day, segment_id, reason, currency, open_number, back_number, lost_number, open_minor, back_minor, lost_minor)
            VALUES (NEW.day - (NEW.day + 3) % 7, NEW.segment_id, NEW.reason, NEW.currency, NEW.open_number, NEW.back_number, NEW.lost_number, NEW.open_minor, NEW.back_minor, NEW.lost_minor)
            ON CONFLICT (day, segment_id, reason, currency) DO UPDATE SET open_number = segment_weeks.open_number + excluded.open_number, back_number = segment_weeks.back_number + excluded.back_number, lost_number = segment_weeks.lost_number + excluded.lost_number, open_minor = segment_weeks.open_minor + excluded.open_minor, back_minor = segment_weeks.back_minor + excluded.back_minor, lost_minor = segment_weeks.lost_minor + excluded.lost_minor;
        INSERT INTO segment_months (day, segment_id, reason, currency, open_number, back_number, lost_number, open_minor, back_minor, lost_minor)
            VALUES (date_trunc('month', (DATE '1970-01-01' + CAST(NEW.day AS INTEGER))::timestamp)::date - DATE '1970-01-01', NEW.segment_id, NEW.reason, NEW.currency, NEW.open_number, NEW.back_number, NEW.lost_number, NEW.open_minor, NEW.back_minor, NEW.lost_minor)
            ON CONFLICT (day, segment_id, reason, currency) DO UPDATE SET open_number = segment_months.open_number + excluded.open_number, back_number = segment_months.back_number + excluded.back_number, lost_number = segment_months.lost_number + excluded.lost_number, open_minor = segment_months.open_minor + excluded.open_minor, back_minor = segment_months.back_minor + excluded.back_minor, lost_minor = segment_months.lost_minor + excluded.lost_minor;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO segment_weeks (day, segment_id, reason, currency, open_number, back_number, lost_number, open_minor, back_minor, lost_minor)
            VALUES (OLD.day - (OLD.day + 3) % 7, OLD.segment_id, OLD.reason, OLD.currency, -OLD.open_number, -OLD.back_number, -OLD.lost_number, -OLD.open_minor, -OLD.back_minor, -OLD.lost_minor)
            ON CONFLICT (day, segment_id, reason, currency) DO UPDATE SET open_number = segment_weeks.open_number + excluded.open_number, back_number = segment_weeks.back_number + excluded.back_number, lost_number = segment_weeks.lost_number + excluded.lost_number, open_minor = segment_weeks.open_minor + excluded.open_minor, back_minor = segment_weeks.back_minor + excluded.back_minor, lost_minor = segment_weeks.lost_minor + excluded.lost_minor;
        INSERT INTO segment_months (day, segment_id, reason, currency, open_number, back_number, lost_number, open_minor, back_minor, lost_minor)
            VALUES (date_trunc('month', (DATE '1970-01-01' + CAST(OLD.day AS INTEGER))::timestamp)::date - DATE '1970-01-01', OLD.segment_id, OLD.reason, OLD.currency, -OLD.open_number, -OLD.back_number, -OLD.lost_number, -OLD.open_minor, -OLD.back_minor, -OLD.lost_minor)
            ON CONFLICT (day, segment_id, reason, currency) DO UPDATE SET open_number = segment_months.open_number + excluded.open_number, back_number = segment_months.back_number + excluded.back_number, lost_number = segment_months.lost_number + excluded.lost_number, open_minor = segment_months.open_minor + excluded.open_minor, back_minor = segment_months.back_minor + excluded.back_minor, lost_minor = segment_months.lost_minor + excluded.lost_minor;
    ELSE
        INSERT INTO segment_weeks (day, segment_id, reason, currency, open_number, back_number, lost_number, open_minor, back_minor, lost_minor)
            VALUES (NEW.day - (NEW.day + 3) % 7, NEW.segment_id, NEW.reason, NEW.currency, NEW.open_number - OLD.open_number, NEW.back_number - OLD.back_number, NEW.lost_number - OLD.lost_number, NEW.open_minor - OLD.open_minor, NEW.back_minor - OLD.back_minor, NEW.lost_minor - OLD.lost_minor)
            ON CONFLICT (day, segment_id, reason, currency) DO UPDATE SET open_number = segment_weeks.open_number + excluded.open_number, back_number = segment_weeks.back_number + excluded.back_number, lost_number = segment_weeks.lost_number + excluded.lost_number, open_minor = segment_weeks.open_minor + excluded.open_minor, back_minor = segment_weeks.back_minor + excluded.back_minor, lost_minor = segment_weeks.lost_minor + excluded.lost_minor;
        INSERT INTO segment_months (day, segment_id, reason, currency, open_number, back_number, lost_number, open_minor, back_minor, lost_minor)
            VALUES (date_trunc('month', (DATE '1970-01-01' + CAST(NEW.day AS INTEGER))::timestamp)::date - DATE '1970-01-01', NEW.segment_id, NEW.reason, NEW.currency, NEW.open_number - OLD.open_number, NEW.back_number - OLD.back_number, NEW.lost_number - OLD.lost_number, NEW.open_minor - OLD.open_minor, NEW.back_minor - OLD.back_minor, NEW.lost_minor - OLD.lost_minor)
            ON CONFLICT (day, segment_id, reason, currency) DO UPDATE SET open_number = segment_months.open_number + excluded.open_number, back_number = segment_months.back_number + excluded.back_number, lost_number = segment_months.lost_number + excluded.lost_number, open_minor = segment_months.open_minor + excluded.open_minor, back_minor = segment_months.back_minor + excluded.back_minor, lost_minor = segment_months.lost_minor + excluded.lost_minor;
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER segment_days_come AFTER INSERT OR UPDATE OR DELETE ON segment_days FOR EACH ROW EXECUTE FUNCTION add_segment_spans();
