-- Whoever comes back leaves the sequence they are in. SQLite changes no check, so the column is made anew; what reads it is made anew with it.
ALTER TABLE enrollments RENAME COLUMN stopped_why TO was_why;
ALTER TABLE enrollments ADD COLUMN stopped_why TEXT CHECK (stopped_why IN ('answered', 'recovered', 'suppressed', 'tagged', 'not_sent', 'by_hand', 'erased'));
UPDATE enrollments SET stopped_why = was_why WHERE was_why IS NOT NULL;
DROP TRIGGER enrollments_come;
DROP TRIGGER enrollments_change;
DROP TRIGGER enrollments_go;
DROP VIEW counted_programs;
ALTER TABLE enrollments DROP COLUMN was_why;
CREATE VIEW counted_programs AS
    SELECT 'referral' AS kind, '' AS of, created_at / 86400000000 AS day, CAST(0 AS BIGINT) AS place, 'link' AS what, '' AS word, CAST(0 AS BIGINT) AS amount FROM referrals
    UNION ALL SELECT 'referral' AS kind, '' AS of, created_at / 86400000000 AS day, CAST(0 AS BIGINT) AS place, 'signup' AS what, coalesce(currency, '') AS word, CAST(coalesce(value_minor, 0) AS BIGINT) AS amount FROM referral_conversions
    UNION ALL SELECT 'referral' AS kind, '' AS of, created_at / 86400000000 AS day, CAST(0 AS BIGINT) AS place, 'reward' AS what, unit AS word, CAST(amount AS BIGINT) AS amount FROM referral_rewards
    UNION ALL SELECT 'sequence' AS kind, sequence_id AS of, created_at / 86400000000 AS day, CAST(position AS BIGINT) AS place, state AS what, coalesce(stopped_why, '') AS word, CAST(0 AS BIGINT) AS amount FROM enrollments
    UNION ALL SELECT 'step', e.sequence_id, e.created_at / 86400000000, CAST(s.step AS BIGINT), 'handed', '', CAST(0 AS BIGINT) FROM sequence_sends s JOIN enrollments e ON e.id = s.enrollment_id
    UNION ALL SELECT 'step', e.sequence_id, e.created_at / 86400000000, CAST(s.step AS BIGINT), 'sent', '', CAST(0 AS BIGINT) FROM sequence_sends s JOIN enrollments e ON e.id = s.enrollment_id WHERE s.sent_at IS NOT NULL
    UNION ALL SELECT 'step', e.sequence_id, e.created_at / 86400000000, CAST(s.step AS BIGINT), 'replied', '', CAST(0 AS BIGINT) FROM sequence_sends s JOIN enrollments e ON e.id = s.enrollment_id WHERE s.replied_at IS NOT NULL
    UNION ALL SELECT 'referral', '', m.sent_at / 86400000000, CAST(0 AS BIGINT), 'ask', '', CAST(0 AS BIGINT) FROM message_tags t JOIN messages m ON m.id = t.message_id WHERE t.tag = 'referral-program' AND m.sent_at IS NOT NULL AND NOT m.planted;
CREATE TRIGGER enrollments_come AFTER INSERT ON enrollments
BEGIN
    INSERT INTO program_days (kind, of, day, place, what, word, number, amount)
        SELECT 'sequence', NEW.sequence_id, NEW.created_at / 86400000000, NEW.position, NEW.state, coalesce(NEW.stopped_why, ''), 1, 0 WHERE 1 = 1
        ON CONFLICT (kind, of, day, place, what, word) DO UPDATE SET number = number + excluded.number, amount = amount + excluded.amount;
END;
CREATE TRIGGER enrollments_change AFTER UPDATE OF sequence_id, created_at, position, state, stopped_why ON enrollments
WHEN (NEW.sequence_id, NEW.created_at, NEW.position, NEW.state, NEW.stopped_why) IS NOT (OLD.sequence_id, OLD.created_at, OLD.position, OLD.state, OLD.stopped_why)
BEGIN
    INSERT INTO program_days (kind, of, day, place, what, word, number, amount)
        SELECT 'sequence', OLD.sequence_id, OLD.created_at / 86400000000, OLD.position, OLD.state, coalesce(OLD.stopped_why, ''), -1, 0 WHERE 1 = 1
        ON CONFLICT (kind, of, day, place, what, word) DO UPDATE SET number = number + excluded.number, amount = amount + excluded.amount;
    INSERT INTO program_days (kind, of, day, place, what, word, number, amount)
        SELECT 'sequence', NEW.sequence_id, NEW.created_at / 86400000000, NEW.position, NEW.state, coalesce(NEW.stopped_why, ''), 1, 0 WHERE 1 = 1
        ON CONFLICT (kind, of, day, place, what, word) DO UPDATE SET number = number + excluded.number, amount = amount + excluded.amount;
END;
CREATE TRIGGER enrollments_go AFTER DELETE ON enrollments
BEGIN
    INSERT INTO program_days (kind, of, day, place, what, word, number, amount)
        SELECT 'sequence', OLD.sequence_id, OLD.created_at / 86400000000, OLD.position, OLD.state, coalesce(OLD.stopped_why, ''), -1, 0 WHERE 1 = 1
        ON CONFLICT (kind, of, day, place, what, word) DO UPDATE SET number = number + excluded.number, amount = amount + excluded.amount;
END;
