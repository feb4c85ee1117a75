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
    id BIGSERIAL PRIMARY KEY,
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
    id BIGSERIAL PRIMARY KEY,
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
CREATE FUNCTION count_churn_events_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO churn_day_moves (day, kind, reason, status, mailed, currency, number, minor)
        SELECT day, kind, reason, status, mailed, currency, sum(number), sum(minor) FROM (
            SELECT churned_at / 86400000000 AS day, 'left' AS kind, reason, status, window_ends_at IS NOT NULL AS mailed, currency, 1 AS number,
                coalesce(mrr_minor, 0) AS minor FROM new_rows
            UNION ALL
            SELECT coalesce(recovered_at, churned_at) / 86400000000, 'back', reason, status, window_ends_at IS NOT NULL, currency, 1,
                coalesce(mrr_minor, 0) FROM new_rows WHERE status = 'recovered'
        ) AS changed GROUP BY day, kind, reason, status, mailed, currency HAVING sum(number) <> 0 OR sum(minor) <> 0;
    RETURN NULL;
END
$$;
CREATE FUNCTION count_churn_events_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO churn_day_moves (day, kind, reason, status, mailed, currency, number, minor)
        SELECT day, kind, reason, status, mailed, currency, sum(number), sum(minor) FROM (
            SELECT churned_at / 86400000000 AS day, 'left' AS kind, reason, status, window_ends_at IS NOT NULL AS mailed, currency, 1 AS number,
                coalesce(mrr_minor, 0) AS minor FROM new_rows
            UNION ALL
            SELECT coalesce(recovered_at, churned_at) / 86400000000, 'back', reason, status, window_ends_at IS NOT NULL, currency, 1,
                coalesce(mrr_minor, 0) FROM new_rows WHERE status = 'recovered'
            UNION ALL
            SELECT churned_at / 86400000000 AS day, 'left' AS kind, reason, status, window_ends_at IS NOT NULL AS mailed, currency, -1 AS number,
                -coalesce(mrr_minor, 0) AS minor FROM old_rows
            UNION ALL
            SELECT coalesce(recovered_at, churned_at) / 86400000000, 'back', reason, status, window_ends_at IS NOT NULL, currency, -1,
                -coalesce(mrr_minor, 0) FROM old_rows WHERE status = 'recovered'
        ) AS changed GROUP BY day, kind, reason, status, mailed, currency HAVING sum(number) <> 0 OR sum(minor) <> 0;
    RETURN NULL;
END
$$;
CREATE FUNCTION count_churn_events_delete() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO churn_day_moves (day, kind, reason, status, mailed, currency, number, minor)
        SELECT day, kind, reason, status, mailed, currency, sum(number), sum(minor) FROM (
            SELECT churned_at / 86400000000 AS day, 'left' AS kind, reason, status, window_ends_at IS NOT NULL AS mailed, currency, -1 AS number,
                -coalesce(mrr_minor, 0) AS minor FROM old_rows
            UNION ALL
            SELECT coalesce(recovered_at, churned_at) / 86400000000, 'back', reason, status, window_ends_at IS NOT NULL, currency, -1,
                -coalesce(mrr_minor, 0) FROM old_rows WHERE status = 'recovered'
        ) AS changed GROUP BY day, kind, reason, status, mailed, currency HAVING sum(number) <> 0 OR sum(minor) <> 0;
    RETURN NULL;
END
$$;
CREATE FUNCTION count_messages_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO message_day_moves (day, mailbox_id, campaign, state, held, edited, number)
        SELECT day, mailbox_id, campaign, state, held, edited, sum(number) FROM (
            SELECT coalesce(sent_at, submitted_at, created_at) / 86400000000 AS day, mailbox_id, coalesce(campaign, '') AS campaign, state,
                expires_at IS NOT NULL AS held, editor_kind <> author_kind OR editor_id <> author_id AS edited, 1 AS number
                FROM new_rows WHERE state <> 'draft' AND NOT planted
        ) AS changed GROUP BY day, mailbox_id, campaign, state, held, edited HAVING sum(number) <> 0;
    RETURN NULL;
END
$$;
CREATE FUNCTION count_messages_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO message_day_moves (day, mailbox_id, campaign, state, held, edited, number)
        SELECT day, mailbox_id, campaign, state, held, edited, sum(number) FROM (
            SELECT coalesce(sent_at, submitted_at, created_at) / 86400000000 AS day, mailbox_id, coalesce(campaign, '') AS campaign, state,
                expires_at IS NOT NULL AS held, editor_kind <> author_kind OR editor_id <> author_id AS edited, 1 AS number
                FROM new_rows WHERE state <> 'draft' AND NOT planted
            UNION ALL
            SELECT coalesce(sent_at, submitted_at, created_at) / 86400000000 AS day, mailbox_id, coalesce(campaign, '') AS campaign, state,
                expires_at IS NOT NULL AS held, editor_kind <> author_kind OR editor_id <> author_id AS edited, -1 AS number
                FROM old_rows WHERE state <> 'draft' AND NOT planted
        ) AS changed GROUP BY day, mailbox_id, campaign, state, held, edited HAVING sum(number) <> 0;
    RETURN NULL;
END
$$;
CREATE FUNCTION count_messages_delete() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO message_day_moves (day, mailbox_id, campaign, state, held, edited, number)
        SELECT day, mailbox_id, campaign, state, held, edited, sum(number) FROM (
            SELECT coalesce(sent_at, submitted_at, created_at) / 86400000000 AS day, mailbox_id, coalesce(campaign, '') AS campaign, state,
                expires_at IS NOT NULL AS held, editor_kind <> author_kind OR editor_id <> author_id AS edited, -1 AS number
                FROM old_rows WHERE state <> 'draft' AND NOT planted
        ) AS changed GROUP BY day, mailbox_id, campaign, state, held, edited HAVING sum(number) <> 0;
    RETURN NULL;
END
$$;
CREATE TRIGGER churn_events_come AFTER INSERT ON churn_events REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION count_churn_events_insert();
CREATE TRIGGER churn_events_change AFTER UPDATE ON churn_events REFERENCING NEW TABLE AS new_rows OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION count_churn_events_update();
CREATE TRIGGER churn_events_go AFTER DELETE ON churn_events REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION count_churn_events_delete();
CREATE TRIGGER messages_come AFTER INSERT ON messages REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION count_messages_insert();
CREATE TRIGGER messages_change AFTER UPDATE ON messages REFERENCING NEW TABLE AS new_rows OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION count_messages_update();
CREATE TRIGGER messages_go AFTER DELETE ON messages REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION count_messages_delete();
