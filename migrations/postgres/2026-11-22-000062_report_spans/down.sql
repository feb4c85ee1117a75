DROP TRIGGER message_days_come ON message_days;
DROP FUNCTION add_message_spans();
DROP TRIGGER churn_days_come ON churn_days;
DROP FUNCTION add_churn_spans();
DROP TRIGGER churn_part_days_come ON churn_part_days;
DROP FUNCTION add_churn_part_spans();
DROP TRIGGER segment_days_come ON segment_days;
DROP FUNCTION add_segment_spans();
DROP TABLE churn_weeks;
DROP TABLE churn_part_weeks;
DROP TABLE segment_weeks;
DROP TABLE segment_months;
DROP TABLE message_days;
DROP TABLE message_months;
DROP TABLE message_ways;
DROP INDEX segment_days_by_day;
CREATE TABLE message_days (
    day BIGINT NOT NULL,
    mailbox_id TEXT NOT NULL,
    campaign TEXT NOT NULL,
    state TEXT NOT NULL,
    held BOOLEAN NOT NULL,
    edited BOOLEAN NOT NULL,
    number BIGINT NOT NULL,
    PRIMARY KEY (day, mailbox_id, campaign, state, held, edited)
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
DELETE FROM message_day_moves;
INSERT INTO message_days (day, mailbox_id, campaign, state, held, edited, number)
    SELECT day, mailbox_id, campaign, state, held, edited, count(*) FROM counted_messages GROUP BY day, mailbox_id, campaign, state, held, edited;
INSERT INTO message_months (day, mailbox_id, campaign, state, held, edited, number)
    SELECT date_trunc('month', (DATE '1970-01-01' + CAST(day AS INTEGER))::timestamp)::date - DATE '1970-01-01' AS span, mailbox_id, campaign, state, held, edited, CAST(sum(number) AS BIGINT) FROM message_days GROUP BY span, mailbox_id, campaign, state, held, edited;
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
