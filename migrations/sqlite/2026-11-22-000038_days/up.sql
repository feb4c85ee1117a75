-- What reports are read from: departures and messages counted by day, by the triggers below and so in the transaction of
-- each change. A day is a number, days since 1970 in UTC.
-- kind is "left" by the day they left, or "back" by the day they came back. A letter left for those that are mailed.
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
-- By the day they left, or, as long as they have not, the day they were handed in. A label is empty where there is none.
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
-- Changes that are not in the days yet. Only PostgreSQL writes them, so that nobody waits for another's row.
CREATE TABLE churn_day_moves (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    day BIGINT NOT NULL,
    kind TEXT NOT NULL,
    reason TEXT NOT NULL,
    status TEXT NOT NULL,
    mailed BOOLEAN NOT NULL,
    currency TEXT NOT NULL,
    number BIGINT NOT NULL,
    minor BIGINT NOT NULL
);
CREATE TABLE message_day_moves (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    day BIGINT NOT NULL,
    mailbox_id TEXT NOT NULL,
    campaign TEXT NOT NULL,
    state TEXT NOT NULL,
    held BOOLEAN NOT NULL,
    edited BOOLEAN NOT NULL,
    number BIGINT NOT NULL
);
-- The same from the rows themselves: what a recount gives.
CREATE VIEW counted_departures AS
    SELECT churned_at / 86400000000 AS day, 'left' AS kind, reason, status, window_ends_at IS NOT NULL AS mailed, currency,
        coalesce(mrr_minor, 0) AS minor FROM churn_events
    UNION ALL
    SELECT coalesce(recovered_at, churned_at) / 86400000000, 'back', reason, status, window_ends_at IS NOT NULL, currency,
        coalesce(mrr_minor, 0) FROM churn_events WHERE status = 'recovered';
CREATE VIEW counted_messages AS
    SELECT coalesce(sent_at, submitted_at, created_at) / 86400000000 AS day, mailbox_id, coalesce(campaign, '') AS campaign, state,
        expires_at IS NOT NULL AS held, editor_kind <> author_kind OR editor_id <> author_id AS edited FROM messages
    WHERE state <> 'draft' AND NOT planted;
INSERT INTO churn_days (day, kind, reason, status, mailed, currency, number, minor)
    SELECT day, kind, reason, status, mailed, currency, count(*), sum(minor) FROM counted_departures
    GROUP BY day, kind, reason, status, mailed, currency;
INSERT INTO message_days (day, mailbox_id, campaign, state, held, edited, number)
    SELECT day, mailbox_id, campaign, state, held, edited, count(*) FROM counted_messages
    GROUP BY day, mailbox_id, campaign, state, held, edited;
-- The latest words about a reason.
CREATE INDEX churn_events_with_words ON churn_events (reason, churned_at) WHERE cancel_reason_text IS NOT NULL;
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
