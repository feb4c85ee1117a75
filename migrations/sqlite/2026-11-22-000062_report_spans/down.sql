DROP TRIGGER messages_come;
DROP TRIGGER messages_change;
DROP TRIGGER messages_move;
DROP TRIGGER messages_go;
DROP TRIGGER message_days_come;
DROP TRIGGER message_days_change;
DROP TRIGGER churn_days_come;
DROP TRIGGER churn_days_change;
DROP TRIGGER churn_part_days_come;
DROP TRIGGER churn_part_days_change;
DROP TRIGGER segment_days_come;
DROP TRIGGER segment_days_change;
DROP TRIGGER segment_days_go;
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
) WITHOUT ROWID;
INSERT INTO message_days (day, mailbox_id, campaign, state, held, edited, number)
    SELECT day, mailbox_id, campaign, state, held, edited, count(*) FROM counted_messages GROUP BY day, mailbox_id, campaign, state, held, edited;
INSERT INTO message_months (day, mailbox_id, campaign, state, held, edited, number)
    SELECT CAST(strftime('%s', day * 86400, 'unixepoch', 'start of month') AS INTEGER) / 86400 AS span, mailbox_id, campaign, state, held, edited, CAST(sum(number) AS BIGINT) FROM message_days GROUP BY span, mailbox_id, campaign, state, held, edited;
CREATE TRIGGER messages_come AFTER INSERT ON messages
WHEN NEW.state <> 'draft'
BEGIN
    INSERT INTO message_days (day, mailbox_id, campaign, state, held, edited, number)
        SELECT coalesce(NEW.sent_at, NEW.submitted_at, NEW.created_at) / 86400000000, NEW.mailbox_id, coalesce(NEW.campaign, ''), NEW.state,
            NEW.expires_at IS NOT NULL, NEW.editor_kind <> NEW.author_kind OR NEW.editor_id <> NEW.author_id, 1
        WHERE NEW.state <> 'draft' AND NOT NEW.planted
        ON CONFLICT (day, mailbox_id, campaign, state, held, edited) DO UPDATE SET number = number + excluded.number;
END;
CREATE TRIGGER messages_change AFTER UPDATE OF state, sent_at, submitted_at, mailbox_id, campaign, expires_at, author_kind, author_id, editor_kind, editor_id ON messages
WHEN (NEW.state, NEW.sent_at, NEW.submitted_at, NEW.mailbox_id, NEW.campaign, NEW.expires_at, NEW.author_kind, NEW.author_id, NEW.editor_kind, NEW.editor_id) IS NOT (OLD.state, OLD.sent_at, OLD.submitted_at, OLD.mailbox_id, OLD.campaign, OLD.expires_at, OLD.author_kind, OLD.author_id, OLD.editor_kind, OLD.editor_id)
BEGIN
    INSERT INTO message_days (day, mailbox_id, campaign, state, held, edited, number)
        SELECT coalesce(OLD.sent_at, OLD.submitted_at, OLD.created_at) / 86400000000, OLD.mailbox_id, coalesce(OLD.campaign, ''), OLD.state,
            OLD.expires_at IS NOT NULL, OLD.editor_kind <> OLD.author_kind OR OLD.editor_id <> OLD.author_id, -1
        WHERE OLD.state <> 'draft' AND NOT OLD.planted
        ON CONFLICT (day, mailbox_id, campaign, state, held, edited) DO UPDATE SET number = number + excluded.number;
    INSERT INTO message_days (day, mailbox_id, campaign, state, held, edited, number)
        SELECT coalesce(NEW.sent_at, NEW.submitted_at, NEW.created_at) / 86400000000, NEW.mailbox_id, coalesce(NEW.campaign, ''), NEW.state,
            NEW.expires_at IS NOT NULL, NEW.editor_kind <> NEW.author_kind OR NEW.editor_id <> NEW.author_id, 1
        WHERE NEW.state <> 'draft' AND NOT NEW.planted
        ON CONFLICT (day, mailbox_id, campaign, state, held, edited) DO UPDATE SET number = number + excluded.number;
END;
CREATE TRIGGER messages_go AFTER DELETE ON messages
WHEN OLD.state <> 'draft'
BEGIN
    INSERT INTO message_days (day, mailbox_id, campaign, state, held, edited, number)
        SELECT coalesce(OLD.sent_at, OLD.submitted_at, OLD.created_at) / 86400000000, OLD.mailbox_id, coalesce(OLD.campaign, ''), OLD.state,
            OLD.expires_at IS NOT NULL, OLD.editor_kind <> OLD.author_kind OR OLD.editor_id <> OLD.author_id, -1
        WHERE OLD.state <> 'draft' AND NOT OLD.planted
        ON CONFLICT (day, mailbox_id, campaign, state, held, edited) DO UPDATE SET number = number + excluded.number;
END;
CREATE TRIGGER churn_days_come AFTER INSERT ON churn_days
BEGIN
    INSERT INTO churn_months (day, kind, reason, status, mailed, currency, number, minor)
        VALUES (CAST(strftime('%s', NEW.day * 86400, 'unixepoch', 'start of month') AS INTEGER) / 86400, NEW.kind, NEW.reason, NEW.status, NEW.mailed, NEW.currency, NEW.number, NEW.minor)
        ON CONFLICT (day, kind, reason, status, mailed, currency) DO UPDATE SET number = number + excluded.number, minor = minor + excluded.minor;
END;
CREATE TRIGGER churn_days_change AFTER UPDATE OF number, minor ON churn_days
BEGIN
    UPDATE churn_months SET number = number + NEW.number - OLD.number, minor = minor + NEW.minor - OLD.minor
        WHERE day = CAST(strftime('%s', NEW.day * 86400, 'unixepoch', 'start of month') AS INTEGER) / 86400 AND kind = NEW.kind AND reason = NEW.reason AND status = NEW.status AND mailed = NEW.mailed AND currency = NEW.currency;
END;
CREATE TRIGGER message_days_come AFTER INSERT ON message_days
BEGIN
    INSERT INTO message_months (day, mailbox_id, campaign, state, held, edited, number)
        VALUES (CAST(strftime('%s', NEW.day * 86400, 'unixepoch', 'start of month') AS INTEGER) / 86400, NEW.mailbox_id, NEW.campaign, NEW.state, NEW.held, NEW.edited, NEW.number)
        ON CONFLICT (day, mailbox_id, campaign, state, held, edited) DO UPDATE SET number = number + excluded.number;
END;
CREATE TRIGGER message_days_change AFTER UPDATE OF number ON message_days
BEGIN
    UPDATE message_months SET number = number + NEW.number - OLD.number
        WHERE day = CAST(strftime('%s', NEW.day * 86400, 'unixepoch', 'start of month') AS INTEGER) / 86400 AND mailbox_id = NEW.mailbox_id AND campaign = NEW.campaign AND state = NEW.state AND held = NEW.held AND edited = NEW.edited;
END;
CREATE TRIGGER churn_part_days_come AFTER INSERT ON churn_part_days
BEGIN
    INSERT INTO churn_part_months (part, day, value, reason, outcome, currency, number, minor)
        VALUES (NEW.part, CAST(strftime('%s', NEW.day * 86400, 'unixepoch', 'start of month') AS INTEGER) / 86400, NEW.value, NEW.reason, NEW.outcome, NEW.currency, NEW.number, NEW.minor)
        ON CONFLICT (part, day, value, reason, outcome, currency) DO UPDATE SET number = number + excluded.number, minor = minor + excluded.minor;
END;
CREATE TRIGGER churn_part_days_change AFTER UPDATE OF number, minor ON churn_part_days
BEGIN
    UPDATE churn_part_months SET number = number + NEW.number - OLD.number, minor = minor + NEW.minor - OLD.minor
        WHERE part = NEW.part AND day = CAST(strftime('%s', NEW.day * 86400, 'unixepoch', 'start of month') AS INTEGER) / 86400 AND value = NEW.value AND reason = NEW.reason AND outcome = NEW.outcome AND currency = NEW.currency;
END;
