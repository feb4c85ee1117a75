-- The review desk by day, so that no decision is read for a report. What a decision is counted as is noted when it is made, so
-- that no later change of its message changes what was counted. wait_ms is from submission to the first decision on a message, and none on later ones;
-- edited says of the first approval of a message whether a person had changed its words. Unannounced tests are not among them.
CREATE TABLE desk_decisions (
    decision_id TEXT PRIMARY KEY NOT NULL REFERENCES decisions (id),
    message_id TEXT NOT NULL REFERENCES messages (id),
    mailbox_id TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('approve', 'reject', 'request_changes')),
    wait_ms BIGINT,
    edited BOOLEAN,
    created_at BIGINT NOT NULL
);
INSERT INTO desk_decisions (decision_id, message_id, mailbox_id, kind, wait_ms, edited, created_at)
    SELECT d.id, d.message_id, m.mailbox_id, d.kind,
        CASE WHEN NOT EXISTS (SELECT 1 FROM decisions o WHERE o.message_id = d.message_id AND o.kind IN ('approve', 'reject', 'request_changes') AND (o.created_at < d.created_at OR (o.created_at = d.created_at AND o.id < d.id))) THEN max(d.created_at - m.submitted_at, 0) / 1000 END,
        CASE WHEN d.kind = 'approve' AND NOT EXISTS (SELECT 1 FROM decisions o WHERE o.message_id = d.message_id AND o.kind = 'approve' AND (o.created_at < d.created_at OR (o.created_at = d.created_at AND o.id < d.id))) THEN EXISTS (
            SELECT 1 FROM message_versions v JOIN message_versions earlier ON earlier.message_id = v.message_id AND earlier.version = v.version - 1
            WHERE v.message_id = d.message_id AND v.version <= d.version AND v.editor_kind = 'user' AND v.content_hash <> earlier.content_hash) END,
        d.created_at
    FROM decisions d JOIN messages m ON m.id = d.message_id WHERE d.kind IN ('approve', 'reject', 'request_changes') AND NOT m.planted;
CREATE INDEX desk_decisions_of_message ON desk_decisions (message_id, created_at);
CREATE INDEX desk_decisions_by_kind ON desk_decisions (mailbox_id, kind, created_at);
-- Waits are counted by the shortest of these that they did not pass, in seconds.
CREATE TABLE wait_bounds (
    up_to BIGINT PRIMARY KEY NOT NULL
);
INSERT INTO wait_bounds (up_to) VALUES (5), (10), (15), (20), (30), (45), (60), (90), (120), (180), (240), (300), (420), (600), (900), (1200), (1800), (2700), (3600), (5400), (7200), (10800), (14400), (21600), (28800), (43200), (64800), (86400), (129600), (172800), (259200), (345600), (432000), (604800), (1209600), (2592000), (31536000), (315360000000);
-- what is decision, approved, edited, stopped or wait; up_to is 0 but for waits.
CREATE TABLE desk_days (
    day BIGINT NOT NULL,
    mailbox_id TEXT NOT NULL,
    what TEXT NOT NULL,
    up_to BIGINT NOT NULL,
    number BIGINT NOT NULL,
    PRIMARY KEY (day, mailbox_id, what, up_to)
) WITHOUT ROWID;
CREATE TABLE desk_months (
    day BIGINT NOT NULL,
    mailbox_id TEXT NOT NULL,
    what TEXT NOT NULL,
    up_to BIGINT NOT NULL,
    number BIGINT NOT NULL,
    PRIMARY KEY (day, mailbox_id, what, up_to)
) WITHOUT ROWID;
-- Changes that are not in the days yet. Only PostgreSQL writes them.
CREATE TABLE desk_day_moves (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    day BIGINT NOT NULL,
    mailbox_id TEXT NOT NULL,
    what TEXT NOT NULL,
    up_to BIGINT NOT NULL,
    number BIGINT NOT NULL
);
-- The same from the rows themselves: what a recount gives.
CREATE VIEW counted_desk AS
    SELECT d.created_at / 86400000000 AS day, coalesce(c.mailbox_id, m.mailbox_id) AS mailbox_id, 'decision' AS what, CAST(0 AS BIGINT) AS up_to FROM decisions d
        JOIN messages m ON m.id = d.message_id LEFT JOIN desk_decisions c ON c.decision_id = d.id WHERE d.kind IN ('approve', 'reject', 'request_changes') AND NOT m.planted
    UNION ALL SELECT created_at / 86400000000 AS day, mailbox_id, 'approved', CAST(0 AS BIGINT) FROM desk_decisions WHERE edited IS NOT NULL
    UNION ALL SELECT created_at / 86400000000 AS day, mailbox_id, 'edited', CAST(0 AS BIGINT) FROM desk_decisions WHERE edited
    UNION ALL SELECT created_at / 86400000000 AS day, mailbox_id, 'wait', (SELECT min(b.up_to) FROM wait_bounds b WHERE b.up_to * 1000 >= wait_ms) FROM desk_decisions WHERE wait_ms IS NOT NULL
    UNION ALL SELECT at / 86400000000, mailbox_id, 'stopped', CAST(0 AS BIGINT) FROM audit_log WHERE action = 'message.cancel' AND mailbox_id IS NOT NULL;
INSERT INTO desk_days (day, mailbox_id, what, up_to, number)
    SELECT day, mailbox_id, what, up_to, count(*) FROM counted_desk GROUP BY day, mailbox_id, what, up_to;
INSERT INTO desk_months (day, mailbox_id, what, up_to, number)
    SELECT CAST(strftime('%s', day * 86400, 'unixepoch', 'start of month') AS INTEGER) / 86400 AS span, mailbox_id, what, up_to, CAST(sum(number) AS BIGINT) FROM desk_days GROUP BY span, mailbox_id, what, up_to;
CREATE TRIGGER desk_days_come AFTER INSERT ON desk_days
BEGIN
    INSERT INTO desk_months (day, mailbox_id, what, up_to, number)
        VALUES (CAST(strftime('%s', NEW.day * 86400, 'unixepoch', 'start of month') AS INTEGER) / 86400, NEW.mailbox_id, NEW.what, NEW.up_to, NEW.number)
        ON CONFLICT (day, mailbox_id, what, up_to) DO UPDATE SET number = number + excluded.number;
END;
CREATE TRIGGER desk_days_change AFTER UPDATE OF number ON desk_days
BEGIN
    UPDATE desk_months SET number = number + NEW.number - OLD.number
        WHERE day = CAST(strftime('%s', NEW.day * 86400, 'unixepoch', 'start of month') AS INTEGER) / 86400 AND mailbox_id = NEW.mailbox_id AND what = NEW.what AND up_to = NEW.up_to;
END;
CREATE TRIGGER decisions_counted AFTER INSERT ON decisions
WHEN NEW.kind IN ('approve', 'reject', 'request_changes')
BEGIN
    INSERT INTO desk_decisions (decision_id, message_id, mailbox_id, kind, wait_ms, edited, created_at)
        SELECT NEW.id, NEW.message_id, m.mailbox_id, NEW.kind,
        CASE WHEN NOT EXISTS (SELECT 1 FROM decisions o WHERE o.message_id = NEW.message_id AND o.kind IN ('approve', 'reject', 'request_changes') AND o.id <> NEW.id) THEN max(NEW.created_at - m.submitted_at, 0) / 1000 END,
        CASE WHEN NEW.kind = 'approve' AND NOT EXISTS (SELECT 1 FROM decisions o WHERE o.message_id = NEW.message_id AND o.kind = 'approve' AND o.id <> NEW.id) THEN EXISTS (
            SELECT 1 FROM message_versions v JOIN message_versions earlier ON earlier.message_id = v.message_id AND earlier.version = v.version - 1
            WHERE v.message_id = NEW.message_id AND v.version <= NEW.version AND v.editor_kind = 'user' AND v.content_hash <> earlier.content_hash) END,
        NEW.created_at
        FROM messages m WHERE m.id = NEW.message_id AND NOT m.planted;
END;
CREATE TRIGGER desk_decisions_come AFTER INSERT ON desk_decisions
BEGIN
    INSERT INTO desk_days (day, mailbox_id, what, up_to, number)
        SELECT NEW.created_at / 86400000000, NEW.mailbox_id, c.what, c.up_to, 1 FROM (
            SELECT 'decision' AS what, CAST(0 AS BIGINT) AS up_to
            UNION ALL SELECT 'approved', 0 WHERE NEW.edited IS NOT NULL
            UNION ALL SELECT 'edited', 0 WHERE NEW.edited
            UNION ALL SELECT 'wait', (SELECT min(b.up_to) FROM wait_bounds b WHERE b.up_to * 1000 >= NEW.wait_ms) WHERE NEW.wait_ms IS NOT NULL
        ) AS c WHERE 1 = 1
        ON CONFLICT (day, mailbox_id, what, up_to) DO UPDATE SET number = number + excluded.number;
END;
CREATE TRIGGER audit_log_stopped AFTER INSERT ON audit_log
WHEN NEW.action = 'message.cancel' AND NEW.mailbox_id IS NOT NULL
BEGIN
    INSERT INTO desk_days (day, mailbox_id, what, up_to, number)
        SELECT NEW.at / 86400000000, NEW.mailbox_id, 'stopped', 0, 1 WHERE 1 = 1
        ON CONFLICT (day, mailbox_id, what, up_to) DO UPDATE SET number = number + excluded.number;
END;
