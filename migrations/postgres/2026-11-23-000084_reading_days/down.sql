DROP TRIGGER planted_tests_counted ON planted_tests;
DROP FUNCTION count_desk_test();
DROP TRIGGER claim_waivers_counted ON claim_waivers;
DROP FUNCTION count_desk_waiver();
DROP VIEW counted_desk;
DELETE FROM desk_days WHERE what IN ('reading', 'by_machine', 'agreed', 'waiver', 'caught', 'missed', 'lapsed');
DELETE FROM desk_months WHERE what IN ('reading', 'by_machine', 'agreed', 'waiver', 'caught', 'missed', 'lapsed');
DELETE FROM desk_day_moves WHERE what IN ('reading', 'by_machine', 'agreed', 'waiver', 'caught', 'missed', 'lapsed');
CREATE OR REPLACE FUNCTION note_desk_decision() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO desk_decisions (decision_id, message_id, mailbox_id, kind, wait_ms, edited, created_at)
        SELECT NEW.id, NEW.message_id, m.mailbox_id, NEW.kind,
        CASE WHEN NOT EXISTS (SELECT 1 FROM decisions o WHERE o.message_id = NEW.message_id AND o.kind IN ('approve', 'reject', 'request_changes') AND o.id <> NEW.id) THEN greatest(NEW.created_at - m.submitted_at, 0) / 1000 END,
        CASE WHEN NEW.kind = 'approve' AND NOT EXISTS (SELECT 1 FROM decisions o WHERE o.message_id = NEW.message_id AND o.kind = 'approve' AND o.id <> NEW.id) THEN EXISTS (
            SELECT 1 FROM message_versions v JOIN message_versions earlier ON earlier.message_id = v.message_id AND earlier.version = v.version - 1
            WHERE v.message_id = NEW.message_id AND v.version <= NEW.version AND v.editor_kind = 'user' AND v.content_hash <> earlier.content_hash) END,
        NEW.created_at
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
        ) AS c WHERE 1 = 1;
    RETURN NULL;
END
$$;
DROP TABLE read_bounds;
ALTER TABLE desk_decisions DROP COLUMN changed;
ALTER TABLE desk_decisions DROP COLUMN by_machine;
ALTER TABLE desk_decisions DROP COLUMN read_ms;
CREATE VIEW counted_desk AS
    SELECT d.created_at / 86400000000 AS day, coalesce(c.mailbox_id, m.mailbox_id) AS mailbox_id, 'decision' AS what, CAST(0 AS BIGINT) AS up_to FROM decisions d
        JOIN messages m ON m.id = d.message_id LEFT JOIN desk_decisions c ON c.decision_id = d.id WHERE d.kind IN ('approve', 'reject', 'request_changes') AND NOT m.planted
    UNION ALL SELECT created_at / 86400000000 AS day, mailbox_id, 'approved', CAST(0 AS BIGINT) FROM desk_decisions WHERE edited IS NOT NULL
    UNION ALL SELECT created_at / 86400000000 AS day, mailbox_id, 'edited', CAST(0 AS BIGINT) FROM desk_decisions WHERE edited
    UNION ALL SELECT created_at / 86400000000 AS day, mailbox_id, 'wait', (SELECT min(b.up_to) FROM wait_bounds b WHERE b.up_to * 1000 >= wait_ms) FROM desk_decisions WHERE wait_ms IS NOT NULL
    UNION ALL SELECT at / 86400000000, mailbox_id, 'stopped', CAST(0 AS BIGINT) FROM audit_log WHERE action = 'message.cancel' AND mailbox_id IS NOT NULL;
