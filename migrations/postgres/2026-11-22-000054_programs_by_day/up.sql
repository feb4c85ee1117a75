-- Numbers of programmes by day, counted by the triggers below: referrals by what happened, sequences by where those who were enrolled
-- on a day stand and what became of the steps that they got. A worker notes once an hour how far a migration is ("cohort").
CREATE TABLE program_days (
    kind TEXT NOT NULL CHECK (kind IN ('referral', 'sequence', 'step', 'cohort')),
    of TEXT NOT NULL,
    day BIGINT NOT NULL,
    place BIGINT NOT NULL,
    what TEXT NOT NULL,
    word TEXT NOT NULL,
    number BIGINT NOT NULL,
    amount BIGINT NOT NULL,
    PRIMARY KEY (kind, of, day, place, what, word)
);
-- Changes that are not in the days yet. Only PostgreSQL writes them.
CREATE TABLE program_day_moves (
    id BIGSERIAL PRIMARY KEY,
    kind TEXT NOT NULL,
    of TEXT NOT NULL,
    day BIGINT NOT NULL,
    place BIGINT NOT NULL,
    what TEXT NOT NULL,
    word TEXT NOT NULL,
    number BIGINT NOT NULL,
    amount BIGINT NOT NULL
);
-- When a step left, and when it was answered first.
ALTER TABLE sequence_sends ADD COLUMN sent_at BIGINT;
ALTER TABLE sequence_sends ADD COLUMN replied_at BIGINT;
UPDATE sequence_sends SET sent_at = (SELECT m.sent_at FROM messages m WHERE m.id = sequence_sends.message_id);
UPDATE sequence_sends SET replied_at = (SELECT min(i.received_at) FROM messages m JOIN inbound_emails i ON i.thread_id = m.thread_id AND i.kind = 'reply'
    WHERE m.id = sequence_sends.message_id AND i.received_at >= sequence_sends.sent_at) WHERE sent_at IS NOT NULL;
-- In one word, why somebody left a sequence.
ALTER TABLE enrollments ADD COLUMN stopped_why TEXT CHECK (stopped_why IN ('answered', 'suppressed', 'tagged', 'not_sent', 'by_hand', 'erased'));
UPDATE enrollments SET stopped_why = CASE
        WHEN stopped_because = 'They answered.' THEN 'answered'
        WHEN stopped_because LIKE '% did not leave: %' THEN 'not_sent'
        WHEN stopped_because LIKE 'The contact has the tag %' THEN 'tagged'
        WHEN stopped_because = 'the contact was erased' THEN 'erased'
        WHEN stopped_because LIKE 'Stopped by %' THEN 'by_hand'
        ELSE 'suppressed' END
    WHERE state = 'stopped';
-- The same from the rows themselves: what a recount gives. Clicks are not among them: which day they came on is kept nowhere else.
CREATE VIEW counted_programs AS
    SELECT 'referral' AS kind, '' AS of, created_at / 86400000000 AS day, CAST(0 AS BIGINT) AS place, 'link' AS what, '' AS word, CAST(0 AS BIGINT) AS amount FROM referrals
    UNION ALL SELECT 'referral' AS kind, '' AS of, created_at / 86400000000 AS day, CAST(0 AS BIGINT) AS place, 'signup' AS what, coalesce(currency, '') AS word, CAST(coalesce(value_minor, 0) AS BIGINT) AS amount FROM referral_conversions
    UNION ALL SELECT 'referral' AS kind, '' AS of, created_at / 86400000000 AS day, CAST(0 AS BIGINT) AS place, 'reward' AS what, unit AS word, CAST(amount AS BIGINT) AS amount FROM referral_rewards
    UNION ALL SELECT 'sequence' AS kind, sequence_id AS of, created_at / 86400000000 AS day, CAST(position AS BIGINT) AS place, state AS what, coalesce(stopped_why, '') AS word, CAST(0 AS BIGINT) AS amount FROM enrollments
    UNION ALL SELECT 'step', e.sequence_id, e.created_at / 86400000000, CAST(s.step AS BIGINT), 'handed', '', CAST(0 AS BIGINT) FROM sequence_sends s JOIN enrollments e ON e.id = s.enrollment_id
    UNION ALL SELECT 'step', e.sequence_id, e.created_at / 86400000000, CAST(s.step AS BIGINT), 'sent', '', CAST(0 AS BIGINT) FROM sequence_sends s JOIN enrollments e ON e.id = s.enrollment_id WHERE s.sent_at IS NOT NULL
    UNION ALL SELECT 'step', e.sequence_id, e.created_at / 86400000000, CAST(s.step AS BIGINT), 'replied', '', CAST(0 AS BIGINT) FROM sequence_sends s JOIN enrollments e ON e.id = s.enrollment_id WHERE s.replied_at IS NOT NULL
    UNION ALL SELECT 'referral', '', m.sent_at / 86400000000, CAST(0 AS BIGINT), 'ask', '', CAST(0 AS BIGINT) FROM message_tags t JOIN messages m ON m.id = t.message_id WHERE t.tag = 'referral-program' AND m.sent_at IS NOT NULL AND NOT m.planted;
INSERT INTO program_days (kind, of, day, place, what, word, number, amount)
    SELECT kind, of, day, place, what, word, count(*), CAST(sum(amount) AS BIGINT) FROM counted_programs GROUP BY kind, of, day, place, what, word;
-- What was clicked before counts on the day of the latest click.
INSERT INTO program_days (kind, of, day, place, what, word, number, amount)
    SELECT 'referral', '', last_click_at / 86400000000, 0, 'click', '', CAST(sum(clicks) AS BIGINT), 0 FROM referrals
    WHERE clicks > 0 AND last_click_at IS NOT NULL GROUP BY last_click_at / 86400000000;
INSERT INTO program_days (kind, of, day, place, what, word, number, amount)
    SELECT 'referral', '', last_click_at / 86400000000, 0, 'share', '', count(*), 0 FROM referrals
    WHERE clicks > 0 AND last_click_at IS NOT NULL GROUP BY last_click_at / 86400000000;
CREATE FUNCTION count_referrals_come() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO program_day_moves (kind, of, day, place, what, word, number, amount)
        SELECT kind, of, day, place, what, word, sum(number), sum(amount) FROM (
            SELECT 'referral' AS kind, '' AS of, r.created_at / 86400000000 AS day, CAST(0 AS BIGINT) AS place, 'link' AS what, '' AS word, 1 AS number, CAST(0 AS BIGINT) AS amount FROM new_rows r
        ) AS changed GROUP BY kind, of, day, place, what, word HAVING sum(number) <> 0 OR sum(amount) <> 0;
    RETURN NULL;
END
$$;
CREATE TRIGGER referrals_come AFTER INSERT ON referrals REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION count_referrals_come();
CREATE FUNCTION count_referrals_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO program_day_moves (kind, of, day, place, what, word, number, amount)
        SELECT kind, of, day, place, what, word, sum(number), sum(amount) FROM (
            SELECT 'referral' AS kind, '' AS of, r.created_at / 86400000000 AS day, CAST(0 AS BIGINT) AS place, 'link' AS what, '' AS word, 1 AS number, CAST(0 AS BIGINT) AS amount FROM new_rows r
            UNION ALL SELECT 'referral' AS kind, '' AS of, r.created_at / 86400000000 AS day, CAST(0 AS BIGINT) AS place, 'link' AS what, '' AS word, -1 AS number, CAST(0 AS BIGINT) AS amount FROM old_rows r
            UNION ALL SELECT 'referral', '', n.last_click_at / 86400000000, CAST(0 AS BIGINT), 'click', '', n.clicks - o.clicks, CAST(0 AS BIGINT) FROM new_rows n JOIN old_rows o ON o.id = n.id WHERE n.clicks > o.clicks AND n.last_click_at IS NOT NULL
            UNION ALL SELECT 'referral', '', n.last_click_at / 86400000000, CAST(0 AS BIGINT), 'share', '', 1, CAST(0 AS BIGINT) FROM new_rows n JOIN old_rows o ON o.id = n.id WHERE n.clicks > o.clicks AND o.clicks = 0 AND n.last_click_at IS NOT NULL
        ) AS changed GROUP BY kind, of, day, place, what, word HAVING sum(number) <> 0 OR sum(amount) <> 0;
    RETURN NULL;
END
$$;
CREATE TRIGGER referrals_change AFTER UPDATE ON referrals REFERENCING NEW TABLE AS new_rows OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION count_referrals_change();
CREATE FUNCTION count_referrals_go() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO program_day_moves (kind, of, day, place, what, word, number, amount)
        SELECT kind, of, day, place, what, word, sum(number), sum(amount) FROM (
            SELECT 'referral' AS kind, '' AS of, r.created_at / 86400000000 AS day, CAST(0 AS BIGINT) AS place, 'link' AS what, '' AS word, -1 AS number, CAST(0 AS BIGINT) AS amount FROM old_rows r
        ) AS changed GROUP BY kind, of, day, place, what, word HAVING sum(number) <> 0 OR sum(amount) <> 0;
    RETURN NULL;
END
$$;
CREATE TRIGGER referrals_go AFTER DELETE ON referrals REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION count_referrals_go();
CREATE FUNCTION count_referral_conversions_come() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO program_day_moves (kind, of, day, place, what, word, number, amount)
        SELECT kind, of, day, place, what, word, sum(number), sum(amount) FROM (
            SELECT 'referral' AS kind, '' AS of, r.created_at / 86400000000 AS day, CAST(0 AS BIGINT) AS place, 'signup' AS what, coalesce(r.currency, '') AS word, 1 AS number, CAST(coalesce(r.value_minor, 0) AS BIGINT) AS amount FROM new_rows r
        ) AS changed GROUP BY kind, of, day, place, what, word HAVING sum(number) <> 0 OR sum(amount) <> 0;
    RETURN NULL;
END
$$;
CREATE TRIGGER referral_conversions_come AFTER INSERT ON referral_conversions REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION count_referral_conversions_come();
CREATE FUNCTION count_referral_conversions_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO program_day_moves (kind, of, day, place, what, word, number, amount)
        SELECT kind, of, day, place, what, word, sum(number), sum(amount) FROM (
            SELECT 'referral' AS kind, '' AS of, r.created_at / 86400000000 AS day, CAST(0 AS BIGINT) AS place, 'signup' AS what, coalesce(r.currency, '') AS word, 1 AS number, CAST(coalesce(r.value_minor, 0) AS BIGINT) AS amount FROM new_rows r
            UNION ALL SELECT 'referral' AS kind, '' AS of, r.created_at / 86400000000 AS day, CAST(0 AS BIGINT) AS place, 'signup' AS what, coalesce(r.currency, '') AS word, -1 AS number, CAST(-coalesce(r.value_minor, 0) AS BIGINT) AS amount FROM old_rows r
        ) AS changed GROUP BY kind, of, day, place, what, word HAVING sum(number) <> 0 OR sum(amount) <> 0;
    RETURN NULL;
END
$$;
CREATE TRIGGER referral_conversions_change AFTER UPDATE ON referral_conversions REFERENCING NEW TABLE AS new_rows OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION count_referral_conversions_change();
CREATE FUNCTION count_referral_conversions_go() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO program_day_moves (kind, of, day, place, what, word, number, amount)
        SELECT kind, of, day, place, what, word, sum(number), sum(amount) FROM (
            SELECT 'referral' AS kind, '' AS of, r.created_at / 86400000000 AS day, CAST(0 AS BIGINT) AS place, 'signup' AS what, coalesce(r.currency, '') AS word, -1 AS number, CAST(-coalesce(r.value_minor, 0) AS BIGINT) AS amount FROM old_rows r
        ) AS changed GROUP BY kind, of, day, place, what, word HAVING sum(number) <> 0 OR sum(amount) <> 0;
    RETURN NULL;
END
$$;
CREATE TRIGGER referral_conversions_go AFTER DELETE ON referral_conversions REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION count_referral_conversions_go();
CREATE FUNCTION count_referral_rewards_come() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO program_day_moves (kind, of, day, place, what, word, number, amount)
        SELECT kind, of, day, place, what, word, sum(number), sum(amount) FROM (
            SELECT 'referral' AS kind, '' AS of, r.created_at / 86400000000 AS day, CAST(0 AS BIGINT) AS place, 'reward' AS what, r.unit AS word, 1 AS number, CAST(r.amount AS BIGINT) AS amount FROM new_rows r
        ) AS changed GROUP BY kind, of, day, place, what, word HAVING sum(number) <> 0 OR sum(amount) <> 0;
    RETURN NULL;
END
$$;
CREATE TRIGGER referral_rewards_come AFTER INSERT ON referral_rewards REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION count_referral_rewards_come();
CREATE FUNCTION count_referral_rewards_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO program_day_moves (kind, of, day, place, what, word, number, amount)
        SELECT kind, of, day, place, what, word, sum(number), sum(amount) FROM (
            SELECT 'referral' AS kind, '' AS of, r.created_at / 86400000000 AS day, CAST(0 AS BIGINT) AS place, 'reward' AS what, r.unit AS word, 1 AS number, CAST(r.amount AS BIGINT) AS amount FROM new_rows r
            UNION ALL SELECT 'referral' AS kind, '' AS of, r.created_at / 86400000000 AS day, CAST(0 AS BIGINT) AS place, 'reward' AS what, r.unit AS word, -1 AS number, CAST(-r.amount AS BIGINT) AS amount FROM old_rows r
        ) AS changed GROUP BY kind, of, day, place, what, word HAVING sum(number) <> 0 OR sum(amount) <> 0;
    RETURN NULL;
END
$$;
CREATE TRIGGER referral_rewards_change AFTER UPDATE ON referral_rewards REFERENCING NEW TABLE AS new_rows OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION count_referral_rewards_change();
CREATE FUNCTION count_referral_rewards_go() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO program_day_moves (kind, of, day, place, what, word, number, amount)
        SELECT kind, of, day, place, what, word, sum(number), sum(amount) FROM (
            SELECT 'referral' AS kind, '' AS of, r.created_at / 86400000000 AS day, CAST(0 AS BIGINT) AS place, 'reward' AS what, r.unit AS word, -1 AS number, CAST(-r.amount AS BIGINT) AS amount FROM old_rows r
        ) AS changed GROUP BY kind, of, day, place, what, word HAVING sum(number) <> 0 OR sum(amount) <> 0;
    RETURN NULL;
END
$$;
CREATE TRIGGER referral_rewards_go AFTER DELETE ON referral_rewards REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION count_referral_rewards_go();
CREATE FUNCTION count_enrollments_come() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO program_day_moves (kind, of, day, place, what, word, number, amount)
        SELECT kind, of, day, place, what, word, sum(number), sum(amount) FROM (
            SELECT 'sequence' AS kind, r.sequence_id AS of, r.created_at / 86400000000 AS day, CAST(r.position AS BIGINT) AS place, r.state AS what, coalesce(r.stopped_why, '') AS word, 1 AS number, CAST(0 AS BIGINT) AS amount FROM new_rows r
        ) AS changed GROUP BY kind, of, day, place, what, word HAVING sum(number) <> 0 OR sum(amount) <> 0;
    RETURN NULL;
END
$$;
CREATE TRIGGER enrollments_come AFTER INSERT ON enrollments REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION count_enrollments_come();
CREATE FUNCTION count_enrollments_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO program_day_moves (kind, of, day, place, what, word, number, amount)
        SELECT kind, of, day, place, what, word, sum(number), sum(amount) FROM (
            SELECT 'sequence' AS kind, r.sequence_id AS of, r.created_at / 86400000000 AS day, CAST(r.position AS BIGINT) AS place, r.state AS what, coalesce(r.stopped_why, '') AS word, 1 AS number, CAST(0 AS BIGINT) AS amount FROM new_rows r
            UNION ALL SELECT 'sequence' AS kind, r.sequence_id AS of, r.created_at / 86400000000 AS day, CAST(r.position AS BIGINT) AS place, r.state AS what, coalesce(r.stopped_why, '') AS word, -1 AS number, CAST(0 AS BIGINT) AS amount FROM old_rows r
        ) AS changed GROUP BY kind, of, day, place, what, word HAVING sum(number) <> 0 OR sum(amount) <> 0;
    RETURN NULL;
END
$$;
CREATE TRIGGER enrollments_change AFTER UPDATE ON enrollments REFERENCING NEW TABLE AS new_rows OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION count_enrollments_change();
CREATE FUNCTION count_enrollments_go() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO program_day_moves (kind, of, day, place, what, word, number, amount)
        SELECT kind, of, day, place, what, word, sum(number), sum(amount) FROM (
            SELECT 'sequence' AS kind, r.sequence_id AS of, r.created_at / 86400000000 AS day, CAST(r.position AS BIGINT) AS place, r.state AS what, coalesce(r.stopped_why, '') AS word, -1 AS number, CAST(0 AS BIGINT) AS amount FROM old_rows r
        ) AS changed GROUP BY kind, of, day, place, what, word HAVING sum(number) <> 0 OR sum(amount) <> 0;
    RETURN NULL;
END
$$;
CREATE TRIGGER enrollments_go AFTER DELETE ON enrollments REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION count_enrollments_go();
CREATE FUNCTION count_sequence_sends_come() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO program_day_moves (kind, of, day, place, what, word, number, amount)
        SELECT kind, of, day, place, what, word, sum(number), sum(amount) FROM (
            SELECT 'step' AS kind, e.sequence_id AS of, e.created_at / 86400000000 AS day, CAST(r.step AS BIGINT) AS place, w.what AS what, '' AS word, 1 AS number, CAST(0 AS BIGINT) AS amount
                FROM new_rows r JOIN enrollments e ON e.id = r.enrollment_id
                CROSS JOIN LATERAL (VALUES ('handed', TRUE), ('sent', r.sent_at IS NOT NULL), ('replied', r.replied_at IS NOT NULL)) AS w (what, holds) WHERE w.holds
        ) AS changed GROUP BY kind, of, day, place, what, word HAVING sum(number) <> 0 OR sum(amount) <> 0;
    RETURN NULL;
END
$$;
CREATE TRIGGER sequence_sends_come AFTER INSERT ON sequence_sends REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION count_sequence_sends_come();
CREATE FUNCTION count_sequence_sends_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO program_day_moves (kind, of, day, place, what, word, number, amount)
        SELECT kind, of, day, place, what, word, sum(number), sum(amount) FROM (
            SELECT 'step' AS kind, e.sequence_id AS of, e.created_at / 86400000000 AS day, CAST(r.step AS BIGINT) AS place, w.what AS what, '' AS word, 1 AS number, CAST(0 AS BIGINT) AS amount
                FROM new_rows r JOIN enrollments e ON e.id = r.enrollment_id
                CROSS JOIN LATERAL (VALUES ('handed', TRUE), ('sent', r.sent_at IS NOT NULL), ('replied', r.replied_at IS NOT NULL)) AS w (what, holds) WHERE w.holds
            UNION ALL SELECT 'step' AS kind, e.sequence_id AS of, e.created_at / 86400000000 AS day, CAST(r.step AS BIGINT) AS place, w.what AS what, '' AS word, -1 AS number, CAST(0 AS BIGINT) AS amount
                FROM old_rows r JOIN enrollments e ON e.id = r.enrollment_id
                CROSS JOIN LATERAL (VALUES ('handed', TRUE), ('sent', r.sent_at IS NOT NULL), ('replied', r.replied_at IS NOT NULL)) AS w (what, holds) WHERE w.holds
        ) AS changed GROUP BY kind, of, day, place, what, word HAVING sum(number) <> 0 OR sum(amount) <> 0;
    RETURN NULL;
END
$$;
CREATE TRIGGER sequence_sends_change AFTER UPDATE ON sequence_sends REFERENCING NEW TABLE AS new_rows OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION count_sequence_sends_change();
CREATE FUNCTION count_sequence_sends_go() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO program_day_moves (kind, of, day, place, what, word, number, amount)
        SELECT kind, of, day, place, what, word, sum(number), sum(amount) FROM (
            SELECT 'step' AS kind, e.sequence_id AS of, e.created_at / 86400000000 AS day, CAST(r.step AS BIGINT) AS place, w.what AS what, '' AS word, -1 AS number, CAST(0 AS BIGINT) AS amount
                FROM old_rows r JOIN enrollments e ON e.id = r.enrollment_id
                CROSS JOIN LATERAL (VALUES ('handed', TRUE), ('sent', r.sent_at IS NOT NULL), ('replied', r.replied_at IS NOT NULL)) AS w (what, holds) WHERE w.holds
        ) AS changed GROUP BY kind, of, day, place, what, word HAVING sum(number) <> 0 OR sum(amount) <> 0;
    RETURN NULL;
END
$$;
CREATE TRIGGER sequence_sends_go AFTER DELETE ON sequence_sends REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION count_sequence_sends_go();
CREATE FUNCTION count_referral_asks() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO program_day_moves (kind, of, day, place, what, word, number, amount)
        SELECT kind, of, day, place, what, word, sum(number), sum(amount) FROM (
            SELECT 'referral' AS kind, '' AS of, n.sent_at / 86400000000 AS day, CAST(0 AS BIGINT) AS place, 'ask' AS what, '' AS word, 1 AS number, CAST(0 AS BIGINT) AS amount
                FROM new_rows n JOIN old_rows o ON o.id = n.id JOIN message_tags t ON t.message_id = n.id AND t.tag = 'referral-program'
                WHERE n.sent_at IS NOT NULL AND n.sent_at IS DISTINCT FROM o.sent_at AND NOT n.planted
            UNION ALL SELECT 'referral' AS kind, '' AS of, n.sent_at / 86400000000 AS day, CAST(0 AS BIGINT) AS place, 'ask' AS what, '' AS word, -1 AS number, CAST(0 AS BIGINT) AS amount
                FROM old_rows n JOIN new_rows o ON o.id = n.id JOIN message_tags t ON t.message_id = n.id AND t.tag = 'referral-program'
                WHERE n.sent_at IS NOT NULL AND n.sent_at IS DISTINCT FROM o.sent_at AND NOT n.planted
        ) AS changed GROUP BY kind, of, day, place, what, word HAVING sum(number) <> 0 OR sum(amount) <> 0;
    RETURN NULL;
END
$$;
CREATE TRIGGER messages_ask AFTER UPDATE ON messages REFERENCING NEW TABLE AS new_rows OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION count_referral_asks();
-- Whether somebody wants the weekly report; by their role where they did not say. The latest week that they were told of.
CREATE TABLE weekly_choices (
    user_id TEXT PRIMARY KEY NOT NULL REFERENCES users (id),
    wanted BOOLEAN NOT NULL
);
ALTER TABLE notice_times ADD COLUMN weekly_at BIGINT;
