-- What reports are read from, in fewer rows: messages of a day, mailbox and campaign are one row with a number for each way they
-- went, and departures are added up by weeks too, which begin on Mondays. A year of days would otherwise be read for two sums.
-- Which way a message in a state went.
CREATE TABLE message_ways (
    state TEXT PRIMARY KEY NOT NULL,
    approved BIGINT NOT NULL,
    rejected BIGINT NOT NULL,
    waiting BIGINT NOT NULL,
    on_the_way BIGINT NOT NULL,
    sent BIGINT NOT NULL,
    delivered BIGINT NOT NULL,
    bounced BIGINT NOT NULL,
    complained BIGINT NOT NULL,
    ended BIGINT NOT NULL,
    failed BIGINT NOT NULL,
    expired BIGINT NOT NULL
);
INSERT INTO message_ways (state, approved, rejected, waiting, on_the_way, sent, delivered, bounced, complained, ended, failed, expired) VALUES
    ('pending', 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0),
    ('changes_requested', 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0),
    ('approved', 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0),
    ('queued', 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0),
    ('sending', 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0),
    ('uncertain', 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0),
    ('rejected', 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0),
    ('withdrawn', 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0),
    ('expired', 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1),
    ('skipped', 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0),
    ('failed', 1, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0),
    ('cancelled', 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0),
    ('sent', 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0),
    ('delivered', 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0),
    ('bounced', 1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0),
    ('complained', 1, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0);
DROP TRIGGER message_days_come ON message_days;
DROP FUNCTION add_message_month();
DROP TRIGGER churn_days_come ON churn_days;
DROP FUNCTION add_churn_month();
DROP TRIGGER churn_part_days_come ON churn_part_days;
DROP FUNCTION add_churn_part_month();
ALTER TABLE message_days RENAME TO narrow_message_days;
DROP TABLE message_months;
ALTER INDEX message_days_pkey RENAME TO narrow_message_days_pkey;
CREATE TABLE message_days (
    day BIGINT NOT NULL,
    mailbox_id TEXT NOT NULL,
    campaign TEXT NOT NULL,
    drafted BIGINT NOT NULL,
    held BIGINT NOT NULL,
    edited BIGINT NOT NULL,
    approved BIGINT NOT NULL,
    rejected BIGINT NOT NULL,
    waiting BIGINT NOT NULL,
    on_the_way BIGINT NOT NULL,
    sent BIGINT NOT NULL,
    delivered BIGINT NOT NULL,
    bounced BIGINT NOT NULL,
    complained BIGINT NOT NULL,
    ended BIGINT NOT NULL,
    failed BIGINT NOT NULL,
    expired BIGINT NOT NULL,
    PRIMARY KEY (day, mailbox_id, campaign)
);
CREATE TABLE message_months (
    day BIGINT NOT NULL,
    mailbox_id TEXT NOT NULL,
    campaign TEXT NOT NULL,
    drafted BIGINT NOT NULL,
    held BIGINT NOT NULL,
    edited BIGINT NOT NULL,
    approved BIGINT NOT NULL,
    rejected BIGINT NOT NULL,
    waiting BIGINT NOT NULL,
    on_the_way BIGINT NOT NULL,
    sent BIGINT NOT NULL,
    delivered BIGINT NOT NULL,
    bounced BIGINT NOT NULL,
    complained BIGINT NOT NULL,
    ended BIGINT NOT NULL,
    failed BIGINT NOT NULL,
    expired BIGINT NOT NULL,
    PRIMARY KEY (day, mailbox_id, campaign)
);
INSERT INTO message_days (day, mailbox_id, campaign, drafted, held, edited, approved, rejected, waiting, on_the_way, sent, delivered, bounced, complained, ended, failed, expired)
    SELECT n.day, n.mailbox_id, n.campaign, CAST(sum(n.number) AS BIGINT), CAST(sum(CASE WHEN n.held THEN n.number ELSE 0 END) AS BIGINT), CAST(sum(CASE WHEN n.edited THEN n.number ELSE 0 END) AS BIGINT), CAST(sum(CASE WHEN n.held THEN n.number * w.approved ELSE 0 END) AS BIGINT), CAST(sum(n.number * w.rejected) AS BIGINT), CAST(sum(n.number * w.waiting) AS BIGINT), CAST(sum(n.number * w.on_the_way) AS BIGINT), CAST(sum(n.number * w.sent) AS BIGINT), CAST(sum(n.number * w.delivered) AS BIGINT), CAST(sum(n.number * w.bounced) AS BIGINT), CAST(sum(n.number * w.complained) AS BIGINT), CAST(sum(n.number * w.ended) AS BIGINT), CAST(sum(n.number * w.failed) AS BIGINT), CAST(sum(n.number * w.expired) AS BIGINT)
    FROM narrow_message_days n JOIN message_ways w ON w.state = n.state GROUP BY n.day, n.mailbox_id, n.campaign;
DROP TABLE narrow_message_days;
INSERT INTO message_months (day, mailbox_id, campaign, drafted, held, edited, approved, rejected, waiting, on_the_way, sent, delivered, bounced, complained, ended, failed, expired)
    SELECT date_trunc('month', (DATE '1970-01-01' + CAST(day AS INTEGER))::timestamp)::date - DATE '1970-01-01' AS span, mailbox_id, campaign, CAST(sum(drafted) AS BIGINT), CAST(sum(held) AS BIGINT), CAST(sum(edited) AS BIGINT), CAST(sum(approved) AS BIGINT), CAST(sum(rejected) AS BIGINT), CAST(sum(waiting) AS BIGINT), CAST(sum(on_the_way) AS BIGINT), CAST(sum(sent) AS BIGINT), CAST(sum(delivered) AS BIGINT), CAST(sum(bounced) AS BIGINT), CAST(sum(complained) AS BIGINT), CAST(sum(ended) AS BIGINT), CAST(sum(failed) AS BIGINT), CAST(sum(expired) AS BIGINT) FROM message_days GROUP BY span, mailbox_id, campaign;
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
INSERT INTO churn_weeks (day, kind, reason, status, mailed, currency, number, minor)
    SELECT day - (day + 3) % 7 AS span, kind, reason, status, mailed, currency, CAST(sum(number) AS BIGINT), CAST(sum(minor) AS BIGINT) FROM churn_days GROUP BY span, kind, reason, status, mailed, currency;
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
INSERT INTO churn_part_weeks (part, day, value, reason, outcome, currency, number, minor)
    SELECT part, day - (day + 3) % 7 AS span, value, reason, outcome, currency, CAST(sum(number) AS BIGINT), CAST(sum(minor) AS BIGINT) FROM churn_part_days GROUP BY part, span, value, reason, outcome, currency;
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
INSERT INTO segment_weeks (day, segment_id, reason, outcome, currency, number, minor)
    SELECT day - (day + 3) % 7 AS span, segment_id, reason, outcome, currency, CAST(sum(number) AS BIGINT), CAST(sum(minor) AS BIGINT) FROM segment_days GROUP BY span, segment_id, reason, outcome, currency;
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
INSERT INTO segment_months (day, segment_id, reason, outcome, currency, number, minor)
    SELECT date_trunc('month', (DATE '1970-01-01' + CAST(day AS INTEGER))::timestamp)::date - DATE '1970-01-01' AS span, segment_id, reason, outcome, currency, CAST(sum(number) AS BIGINT), CAST(sum(minor) AS BIGINT) FROM segment_days GROUP BY span, segment_id, reason, outcome, currency;
CREATE INDEX segment_days_by_day ON segment_days (day);
CREATE FUNCTION add_message_spans() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO message_months (day, mailbox_id, campaign, drafted, held, edited, approved, rejected, waiting, on_the_way, sent, delivered, bounced, complained, ended, failed, expired)
            VALUES (date_trunc('month', (DATE '1970-01-01' + CAST(NEW.day AS INTEGER))::timestamp)::date - DATE '1970-01-01', NEW.mailbox_id, NEW.campaign, NEW.drafted, NEW.held, NEW.edited, NEW.approved, NEW.rejected, NEW.waiting, NEW.on_the_way, NEW.sent, NEW.delivered, NEW.bounced, NEW.complained, NEW.ended, NEW.failed, NEW.expired)
            ON CONFLICT (day, mailbox_id, campaign) DO UPDATE SET drafted = message_months.drafted + excluded.drafted, held = message_months.held + excluded.held, edited = message_months.edited + excluded.edited, approved = message_months.approved + excluded.approved, rejected = message_months.rejected + excluded.rejected, waiting = message_months.waiting + excluded.waiting, on_the_way = message_months.on_the_way + excluded.on_the_way, sent = message_months.sent + excluded.sent, delivered = message_months.delivered + excluded.delivered, bounced = message_months.bounced + excluded.bounced, complained = message_months.complained + excluded.complained, ended = message_months.ended + excluded.ended, failed = message_months.failed + excluded.failed, expired = message_months.expired + excluded.expired;
    ELSE
        INSERT INTO message_months (day, mailbox_id, campaign, drafted, held, edited, approved, rejected, waiting, on_the_way, sent, delivered, bounced, complained, ended, failed, expired)
            VALUES (date_trunc('month', (DATE '1970-01-01' + CAST(NEW.day AS INTEGER))::timestamp)::date - DATE '1970-01-01', NEW.mailbox_id, NEW.campaign, NEW.drafted - OLD.drafted, NEW.held - OLD.held, NEW.edited - OLD.edited, NEW.approved - OLD.approved, NEW.rejected - OLD.rejected, NEW.waiting - OLD.waiting, NEW.on_the_way - OLD.on_the_way, NEW.sent - OLD.sent, NEW.delivered - OLD.delivered, NEW.bounced - OLD.bounced, NEW.complained - OLD.complained, NEW.ended - OLD.ended, NEW.failed - OLD.failed, NEW.expired - OLD.expired)
            ON CONFLICT (day, mailbox_id, campaign) DO UPDATE SET drafted = message_months.drafted + excluded.drafted, held = message_months.held + excluded.held, edited = message_months.edited + excluded.edited, approved = message_months.approved + excluded.approved, rejected = message_months.rejected + excluded.rejected, waiting = message_months.waiting + excluded.waiting, on_the_way = message_months.on_the_way + excluded.on_the_way, sent = message_months.sent + excluded.sent, delivered = message_months.delivered + excluded.delivered, bounced = message_months.bounced + excluded.bounced, complained = message_months.complained + excluded.complained, ended = message_months.ended + excluded.ended, failed = message_months.failed + excluded.failed, expired = message_months.expired + excluded.expired;
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER message_days_come AFTER INSERT OR UPDATE ON message_days FOR EACH ROW EXECUTE FUNCTION add_message_spans();
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
