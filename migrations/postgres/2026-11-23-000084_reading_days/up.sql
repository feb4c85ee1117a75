-- How closely is read, by day as well. read_ms is the reading time of a decision, by_machine whether no person wrote the message, and changed whether a
-- person had changed its words up to the version that was decided.
ALTER TABLE desk_decisions ADD COLUMN read_ms BIGINT;
ALTER TABLE desk_decisions ADD COLUMN by_machine BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE desk_decisions ADD COLUMN changed BOOLEAN NOT NULL DEFAULT FALSE;
UPDATE desk_decisions SET
    read_ms = (SELECT d.dwell_ms FROM decisions d WHERE d.id = decision_id),
    by_machine = coalesce((SELECT m.origin <> 'person' FROM messages m WHERE m.id = desk_decisions.message_id), FALSE),
    changed = EXISTS (
            SELECT 1 FROM message_versions v JOIN message_versions earlier ON earlier.message_id = v.message_id AND earlier.version = v.version - 1
            WHERE v.message_id = desk_decisions.message_id AND v.version <= (SELECT d.version FROM decisions d WHERE d.id = decision_id) AND v.editor_kind = 'user' AND v.content_hash <> earlier.content_hash);
-- Reading times are counted by the shortest of these that they did not pass, in milliseconds. Each limit of the picture has one right below it.
CREATE TABLE read_bounds (
    up_to BIGINT PRIMARY KEY NOT NULL
);
INSERT INTO read_bounds (up_to) VALUES (500), (1000), (1500), (2000), (2500), (2999), (3500), (4000), (5000), (6000), (8000), (9999), (10000), (12000), (15000), (20000), (25000), (29999), (30000), (40000), (50000), (59999), (60000), (90000), (120000), (180000), (240000), (299999), (300000), (450000), (600000), (900000), (1200000), (1500000), (1800000);
CREATE OR REPLACE VIEW counted_desk AS
    SELECT d.created_at / 86400000000 AS day, coalesce(c.mailbox_id, m.mailbox_id) AS mailbox_id, 'decision' AS what, CAST(0 AS BIGINT) AS up_to FROM decisions d
        JOIN messages m ON m.id = d.message_id LEFT JOIN desk_decisions c ON c.decision_id = d.id WHERE d.kind IN ('approve', 'reject', 'request_changes') AND NOT m.planted
    UNION ALL SELECT created_at / 86400000000 AS day, mailbox_id, 'approved', CAST(0 AS BIGINT) FROM desk_decisions WHERE edited IS NOT NULL
    UNION ALL SELECT created_at / 86400000000 AS day, mailbox_id, 'edited', CAST(0 AS BIGINT) FROM desk_decisions WHERE edited
    UNION ALL SELECT created_at / 86400000000 AS day, mailbox_id, 'wait', (SELECT min(b.up_to) FROM wait_bounds b WHERE b.up_to * 1000 >= wait_ms) FROM desk_decisions WHERE wait_ms IS NOT NULL
    UNION ALL SELECT at / 86400000000, mailbox_id, 'stopped', CAST(0 AS BIGINT) FROM audit_log WHERE action = 'message.cancel' AND mailbox_id IS NOT NULL
    UNION ALL SELECT created_at / 86400000000, mailbox_id, 'reading', (SELECT min(b.up_to) FROM read_bounds b WHERE b.up_to >= read_ms) FROM desk_decisions WHERE read_ms IS NOT NULL
    UNION ALL SELECT created_at / 86400000000, mailbox_id, 'by_machine', CAST(0 AS BIGINT) FROM desk_decisions WHERE by_machine
    UNION ALL SELECT created_at / 86400000000, mailbox_id, 'agreed', CAST(0 AS BIGINT) FROM desk_decisions WHERE by_machine AND kind = 'approve' AND NOT changed
    UNION ALL SELECT w.created_at / 86400000000, m.mailbox_id, 'waiver', CAST(0 AS BIGINT) FROM claim_waivers w JOIN messages m ON m.id = w.message_id WHERE NOT m.planted
    UNION ALL SELECT decided_at / 86400000000, mailbox_id, outcome, CAST(0 AS BIGINT) FROM planted_tests WHERE decided_at IS NOT NULL AND outcome <> 'open';
INSERT INTO desk_days (day, mailbox_id, what, up_to, number)
    SELECT day, mailbox_id, what, up_to, count(*) FROM counted_desk
    WHERE what IN ('reading', 'by_machine', 'agreed', 'waiver', 'caught', 'missed', 'lapsed') GROUP BY day, mailbox_id, what, up_to;
CREATE OR REPLACE FUNCTION note_desk_decision() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO desk_decisions (decision_id, message_id, mailbox_id, kind, wait_ms, edited, created_at, read_ms, by_machine, changed)
        SELECT NEW.id, NEW.message_id, m.mailbox_id, NEW.kind,
        CASE WHEN NOT EXISTS (SELECT 1 FROM decisions o WHERE o.message_id = NEW.message_id AND o.kind IN ('approve', 'reject', 'request_changes') AND o.id <> NEW.id) THEN greatest(NEW.created_at - m.submitted_at, 0) / 1000 END,
        CASE WHEN NEW.kind = 'approve' AND NOT EXISTS (SELECT 1 FROM decisions o WHERE o.message_id = NEW.message_id AND o.kind = 'approve' AND o.id <> NEW.id) THEN EXISTS (
            SELECT 1 FROM message_versions v JOIN message_versions earlier ON earlier.message_id = v.message_id AND earlier.version = v.version - 1
            WHERE v.message_id = NEW.message_id AND v.version <= NEW.version AND v.editor_kind = 'user' AND v.content_hash <> earlier.content_hash) END,
        NEW.created_at,
        NEW.dwell_ms, m.origin <> 'person', EXISTS (
            SELECT 1 FROM message_versions v JOIN message_versions earlier ON earlier.message_id = v.message_id AND earlier.version = v.version - 1
            WHERE v.message_id = NEW.message_id AND v.version <= NEW.version AND v.editor_kind = 'user' AND v.content_hash <> earlier.content_hash)
        FROM messages m WHERE m.id = NEW.message_id AND NOT m.planted;
    RETURN NULL;
END
$$;
CREATE OR REPLACE FUNCTION count_desk_decision() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO desk_day_moves (day, mailbox_id, what, up_to, number)
        SELECT NEW.created_at / 86400000000, NEW.mailbox_id, c.what, c.up_to, 1 FROM (
            SELECT 'decision' AS what, CAST(0 AS BIGINT) AS up_to
            UNION ALL SELECT 'approved', 0 WHERE NEW.edited IS NOT NULL
            UNION ALL SELECT 'edited', 0 WHERE NEW.edited
            UNION ALL SELECT 'wait', (SELECT min(b.up_to) FROM wait_bounds b WHERE b.up_to * 1000 >= NEW.wait_ms) WHERE NEW.wait_ms IS NOT NULL
            UNION ALL SELECT 'reading', (SELECT min(b.up_to) FROM read_bounds b WHERE b.up_to >= NEW.read_ms) WHERE NEW.read_ms IS NOT NULL
            UNION ALL SELECT 'by_machine', 0 WHERE NEW.by_machine
            UNION ALL SELECT 'agreed', 0 WHERE NEW.by_machine AND NEW.kind = 'approve' AND NOT NEW.changed
        ) AS c WHERE 1 = 1;
    RETURN NULL;
END
$$;
CREATE OR REPLACE FUNCTION count_desk_waiver() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO desk_day_moves (day, mailbox_id, what, up_to, number)
        SELECT NEW.created_at / 86400000000, m.mailbox_id, 'waiver', 0, 1 FROM messages m WHERE m.id = NEW.message_id AND NOT m.planted;
    RETURN NULL;
END
$$;
CREATE TRIGGER claim_waivers_counted AFTER INSERT ON claim_waivers FOR EACH ROW EXECUTE FUNCTION count_desk_waiver();
CREATE OR REPLACE FUNCTION count_desk_test() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO desk_day_moves (day, mailbox_id, what, up_to, number)
        SELECT OLD.decided_at / 86400000000, OLD.mailbox_id, OLD.outcome, 0, -1 WHERE OLD.decided_at IS NOT NULL AND OLD.outcome <> 'open';
    INSERT INTO desk_day_moves (day, mailbox_id, what, up_to, number)
        SELECT NEW.decided_at / 86400000000, NEW.mailbox_id, NEW.outcome, 0, 1 WHERE NEW.decided_at IS NOT NULL AND NEW.outcome <> 'open';
    RETURN NULL;
END
$$;
CREATE TRIGGER planted_tests_counted AFTER UPDATE OF outcome, decided_at ON planted_tests FOR EACH ROW EXECUTE FUNCTION count_desk_test();
