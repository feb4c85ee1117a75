DROP TRIGGER referral_visits_go;
DROP TRIGGER referral_visits_come;
DROP VIEW counted_programs;
CREATE VIEW counted_programs AS
    SELECT 'referral' AS kind, '' AS of, created_at / 86400000000 AS day, CAST(0 AS BIGINT) AS place, 'link' AS what, '' AS word, CAST(0 AS BIGINT) AS amount FROM referrals
    UNION ALL SELECT 'referral' AS kind, '' AS of, created_at / 86400000000 AS day, CAST(0 AS BIGINT) AS place, 'signup' AS what, coalesce(currency, '') AS word, CAST(coalesce(value_minor, 0) AS BIGINT) AS amount FROM referral_conversions
    UNION ALL SELECT 'referral' AS kind, '' AS of, created_at / 86400000000 AS day, CAST(0 AS BIGINT) AS place, 'reward' AS what, unit AS word, CAST(amount AS BIGINT) AS amount FROM referral_rewards
    UNION ALL SELECT 'sequence' AS kind, sequence_id AS of, created_at / 86400000000 AS day, CAST(position AS BIGINT) AS place, state AS what, coalesce(stopped_why, '') AS word, CAST(0 AS BIGINT) AS amount FROM enrollments
    UNION ALL SELECT 'step', e.sequence_id, e.created_at / 86400000000, CAST(s.step AS BIGINT), 'handed', '', CAST(0 AS BIGINT) FROM sequence_sends s JOIN enrollments e ON e.id = s.enrollment_id
    UNION ALL SELECT 'step', e.sequence_id, e.created_at / 86400000000, CAST(s.step AS BIGINT), 'sent', '', CAST(0 AS BIGINT) FROM sequence_sends s JOIN enrollments e ON e.id = s.enrollment_id WHERE s.sent_at IS NOT NULL
    UNION ALL SELECT 'step', e.sequence_id, e.created_at / 86400000000, CAST(s.step AS BIGINT), 'replied', '', CAST(0 AS BIGINT) FROM sequence_sends s JOIN enrollments e ON e.id = s.enrollment_id WHERE s.replied_at IS NOT NULL
    UNION ALL SELECT 'referral', '', m.sent_at / 86400000000, CAST(0 AS BIGINT), 'ask', '', CAST(0 AS BIGINT) FROM message_tags t JOIN messages m ON m.id = t.message_id WHERE t.tag = 'referral-program' AND m.sent_at IS NOT NULL AND NOT m.planted;
CREATE TRIGGER referrals_clicked AFTER UPDATE OF clicks ON referrals
WHEN NEW.clicks > OLD.clicks
BEGIN
    INSERT INTO program_days (kind, of, day, place, what, word, number, amount)
        SELECT 'referral', '', NEW.last_click_at / 86400000000, 0, 'click', '', NEW.clicks - OLD.clicks, 0 WHERE NEW.last_click_at IS NOT NULL
        ON CONFLICT (kind, of, day, place, what, word) DO UPDATE SET number = number + excluded.number, amount = amount + excluded.amount;
    INSERT INTO program_days (kind, of, day, place, what, word, number, amount)
        SELECT 'referral', '', NEW.last_click_at / 86400000000, 0, 'share', '', 1, 0 WHERE NEW.last_click_at IS NOT NULL AND OLD.clicks = 0
        ON CONFLICT (kind, of, day, place, what, word) DO UPDATE SET number = number + excluded.number, amount = amount + excluded.amount;
END;
