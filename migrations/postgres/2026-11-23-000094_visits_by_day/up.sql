-- Each visit of a link counts on its own day, in the report as in the rows behind its numbers, and goes with its link.
-- Visitors of before stood on the day of the latest. The log has each of them, so those of a link that it has whole get their own day.
DELETE FROM referral_visits WHERE referral_id IN (
    SELECT r.id FROM referrals r
    JOIN (SELECT target_id, count(*) AS clicks FROM audit_log WHERE action = 'referral.click' AND target_kind = 'referral' GROUP BY target_id) AS logged
        ON logged.target_id = r.id AND logged.clicks = r.clicks);
INSERT INTO referral_visits (referral_id, at, is_first)
    SELECT l.target_id, l.at, row_number() OVER (PARTITION BY l.target_id ORDER BY l.at, l.seq) = 1
    FROM audit_log l JOIN referrals r ON r.id = l.target_id
    WHERE l.action = 'referral.click' AND l.target_kind = 'referral' AND NOT EXISTS (SELECT 1 FROM referral_visits v WHERE v.referral_id = l.target_id)
    ORDER BY l.at, l.seq;
CREATE OR REPLACE FUNCTION count_referrals_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO program_day_moves (kind, of, day, place, what, word, number, amount)
        SELECT kind, of, day, place, what, word, sum(number), sum(amount) FROM (
            SELECT 'referral' AS kind, '' AS of, r.created_at / 86400000000 AS day, CAST(0 AS BIGINT) AS place, 'link' AS what, '' AS word, 1 AS number, CAST(0 AS BIGINT) AS amount FROM new_rows r
            UNION ALL SELECT 'referral' AS kind, '' AS of, r.created_at / 86400000000 AS day, CAST(0 AS BIGINT) AS place, 'link' AS what, '' AS word, -1 AS number, CAST(0 AS BIGINT) AS amount FROM old_rows r
        ) AS changed GROUP BY kind, of, day, place, what, word HAVING sum(number) <> 0 OR sum(amount) <> 0;
    RETURN NULL;
END
$$;
DROP VIEW counted_programs;
CREATE VIEW counted_programs AS
    SELECT 'referral' AS kind, '' AS of, created_at / 86400000000 AS day, CAST(0 AS BIGINT) AS place, 'link' AS what, '' AS word, CAST(0 AS BIGINT) AS amount FROM referrals
    UNION ALL SELECT 'referral' AS kind, '' AS of, created_at / 86400000000 AS day, CAST(0 AS BIGINT) AS place, 'signup' AS what, coalesce(currency, '') AS word, CAST(coalesce(value_minor, 0) AS BIGINT) AS amount FROM referral_conversions
    UNION ALL SELECT 'referral' AS kind, '' AS of, created_at / 86400000000 AS day, CAST(0 AS BIGINT) AS place, 'reward' AS what, unit AS word, CAST(amount AS BIGINT) AS amount FROM referral_rewards
    UNION ALL SELECT 'sequence' AS kind, sequence_id AS of, created_at / 86400000000 AS day, CAST(position AS BIGINT) AS place, state AS what, coalesce(stopped_why, '') AS word, CAST(0 AS BIGINT) AS amount FROM enrollments
    UNION ALL SELECT 'step', e.sequence_id, e.created_at / 86400000000, CAST(s.step AS BIGINT), 'handed', '', CAST(0 AS BIGINT) FROM sequence_sends s JOIN enrollments e ON e.id = s.enrollment_id
    UNION ALL SELECT 'step', e.sequence_id, e.created_at / 86400000000, CAST(s.step AS BIGINT), 'sent', '', CAST(0 AS BIGINT) FROM sequence_sends s JOIN enrollments e ON e.id = s.enrollment_id WHERE s.sent_at IS NOT NULL
    UNION ALL SELECT 'step', e.sequence_id, e.created_at / 86400000000, CAST(s.step AS BIGINT), 'replied', '', CAST(0 AS BIGINT) FROM sequence_sends s JOIN enrollments e ON e.id = s.enrollment_id WHERE s.replied_at IS NOT NULL
    UNION ALL SELECT 'referral', '', m.sent_at / 86400000000, CAST(0 AS BIGINT), 'ask', '', CAST(0 AS BIGINT) FROM message_tags t JOIN messages m ON m.id = t.message_id WHERE t.tag = 'referral-program' AND m.sent_at IS NOT NULL AND NOT m.planted
    UNION ALL SELECT 'referral', '', at / 86400000000, CAST(0 AS BIGINT), 'click', '', CAST(0 AS BIGINT) FROM referral_visits
    UNION ALL SELECT 'referral', '', at / 86400000000, CAST(0 AS BIGINT), 'share', '', CAST(0 AS BIGINT) FROM referral_visits WHERE is_first;
DELETE FROM program_days WHERE kind = 'referral' AND what IN ('click', 'share');
DELETE FROM program_day_moves WHERE kind = 'referral' AND what IN ('click', 'share');
INSERT INTO program_days (kind, of, day, place, what, word, number, amount)
    SELECT kind, of, day, place, what, word, count(*), 0 FROM counted_programs WHERE what IN ('click', 'share') GROUP BY kind, of, day, place, what, word;
CREATE FUNCTION count_referral_visits_come() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO program_day_moves (kind, of, day, place, what, word, number, amount)
        SELECT 'referral', '', r.at / 86400000000, 0, w.what, '', count(*), 0
            FROM new_rows r CROSS JOIN LATERAL (VALUES ('click', TRUE), ('share', r.is_first)) AS w (what, holds) WHERE w.holds
            GROUP BY r.at / 86400000000, w.what;
    RETURN NULL;
END
$$;
CREATE TRIGGER referral_visits_come AFTER INSERT ON referral_visits REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION count_referral_visits_come();
CREATE FUNCTION count_referral_visits_go() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO program_day_moves (kind, of, day, place, what, word, number, amount)
        SELECT 'referral', '', r.at / 86400000000, 0, w.what, '', -count(*), 0
            FROM old_rows r CROSS JOIN LATERAL (VALUES ('click', TRUE), ('share', r.is_first)) AS w (what, holds) WHERE w.holds
            GROUP BY r.at / 86400000000, w.what;
    RETURN NULL;
END
$$;
CREATE TRIGGER referral_visits_go AFTER DELETE ON referral_visits REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION count_referral_visits_go();
