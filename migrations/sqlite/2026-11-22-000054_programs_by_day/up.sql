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
) WITHOUT ROWID;
-- Changes that are not in the days yet. Only PostgreSQL writes them.
CREATE TABLE program_day_moves (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
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
CREATE TRIGGER referrals_come AFTER INSERT ON referrals
BEGIN
    INSERT INTO program_days (kind, of, day, place, what, word, number, amount)
        SELECT 'referral', '', NEW.created_at / 86400000000, 0, 'link', '', 1, 0 WHERE 1 = 1
        ON CONFLICT (kind, of, day, place, what, word) DO UPDATE SET number = number + excluded.number, amount = amount + excluded.amount;
END;
CREATE TRIGGER referrals_change AFTER UPDATE OF created_at ON referrals
WHEN (NEW.created_at, 1) IS NOT (OLD.created_at, 1)
BEGIN
    INSERT INTO program_days (kind, of, day, place, what, word, number, amount)
        SELECT 'referral', '', OLD.created_at / 86400000000, 0, 'link', '', -1, 0 WHERE 1 = 1
        ON CONFLICT (kind, of, day, place, what, word) DO UPDATE SET number = number + excluded.number, amount = amount + excluded.amount;
    INSERT INTO program_days (kind, of, day, place, what, word, number, amount)
        SELECT 'referral', '', NEW.created_at / 86400000000, 0, 'link', '', 1, 0 WHERE 1 = 1
        ON CONFLICT (kind, of, day, place, what, word) DO UPDATE SET number = number + excluded.number, amount = amount + excluded.amount;
END;
CREATE TRIGGER referrals_go AFTER DELETE ON referrals
BEGIN
    INSERT INTO program_days (kind, of, day, place, what, word, number, amount)
        SELECT 'referral', '', OLD.created_at / 86400000000, 0, 'link', '', -1, 0 WHERE 1 = 1
        ON CONFLICT (kind, of, day, place, what, word) DO UPDATE SET number = number + excluded.number, amount = amount + excluded.amount;
END;
CREATE TRIGGER referral_conversions_come AFTER INSERT ON referral_conversions
BEGIN
    INSERT INTO program_days (kind, of, day, place, what, word, number, amount)
        SELECT 'referral', '', NEW.created_at / 86400000000, 0, 'signup', coalesce(NEW.currency, ''), 1, coalesce(NEW.value_minor, 0) WHERE 1 = 1
        ON CONFLICT (kind, of, day, place, what, word) DO UPDATE SET number = number + excluded.number, amount = amount + excluded.amount;
END;
CREATE TRIGGER referral_conversions_change AFTER UPDATE OF created_at, currency, value_minor ON referral_conversions
WHEN (NEW.created_at, NEW.currency, NEW.value_minor) IS NOT (OLD.created_at, OLD.currency, OLD.value_minor)
BEGIN
    INSERT INTO program_days (kind, of, day, place, what, word, number, amount)
        SELECT 'referral', '', OLD.created_at / 86400000000, 0, 'signup', coalesce(OLD.currency, ''), -1, -coalesce(OLD.value_minor, 0) WHERE 1 = 1
        ON CONFLICT (kind, of, day, place, what, word) DO UPDATE SET number = number + excluded.number, amount = amount + excluded.amount;
    INSERT INTO program_days (kind, of, day, place, what, word, number, amount)
        SELECT 'referral', '', NEW.created_at / 86400000000, 0, 'signup', coalesce(NEW.currency, ''), 1, coalesce(NEW.value_minor, 0) WHERE 1 = 1
        ON CONFLICT (kind, of, day, place, what, word) DO UPDATE SET number = number + excluded.number, amount = amount + excluded.amount;
END;
CREATE TRIGGER referral_conversions_go AFTER DELETE ON referral_conversions
BEGIN
    INSERT INTO program_days (kind, of, day, place, what, word, number, amount)
        SELECT 'referral', '', OLD.created_at / 86400000000, 0, 'signup', coalesce(OLD.currency, ''), -1, -coalesce(OLD.value_minor, 0) WHERE 1 = 1
        ON CONFLICT (kind, of, day, place, what, word) DO UPDATE SET number = number + excluded.number, amount = amount + excluded.amount;
END;
CREATE TRIGGER referral_rewards_come AFTER INSERT ON referral_rewards
BEGIN
    INSERT INTO program_days (kind, of, day, place, what, word, number, amount)
        SELECT 'referral', '', NEW.created_at / 86400000000, 0, 'reward', NEW.unit, 1, NEW.amount WHERE 1 = 1
        ON CONFLICT (kind, of, day, place, what, word) DO UPDATE SET number = number + excluded.number, amount = amount + excluded.amount;
END;
CREATE TRIGGER referral_rewards_change AFTER UPDATE OF created_at, unit, amount ON referral_rewards
WHEN (NEW.created_at, NEW.unit, NEW.amount) IS NOT (OLD.created_at, OLD.unit, OLD.amount)
BEGIN
    INSERT INTO program_days (kind, of, day, place, what, word, number, amount)
        SELECT 'referral', '', OLD.created_at / 86400000000, 0, 'reward', OLD.unit, -1, -OLD.amount WHERE 1 = 1
        ON CONFLICT (kind, of, day, place, what, word) DO UPDATE SET number = number + excluded.number, amount = amount + excluded.amount;
    INSERT INTO program_days (kind, of, day, place, what, word, number, amount)
        SELECT 'referral', '', NEW.created_at / 86400000000, 0, 'reward', NEW.unit, 1, NEW.amount WHERE 1 = 1
        ON CONFLICT (kind, of, day, place, what, word) DO UPDATE SET number = number + excluded.number, amount = amount + excluded.amount;
END;
CREATE TRIGGER referral_rewards_go AFTER DELETE ON referral_rewards
BEGIN
    INSERT INTO program_days (kind, of, day, place, what, word, number, amount)
        SELECT 'referral', '', OLD.created_at / 86400000000, 0, 'reward', OLD.unit, -1, -OLD.amount WHERE 1 = 1
        ON CONFLICT (kind, of, day, place, what, word) DO UPDATE SET number = number + excluded.number, amount = amount + excluded.amount;
END;
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
CREATE TRIGGER sequence_sends_come AFTER INSERT ON sequence_sends
BEGIN
    INSERT INTO program_days (kind, of, day, place, what, word, number, amount)
        SELECT 'step', e.sequence_id, e.created_at / 86400000000, NEW.step, w.what, '', 1, 0 FROM enrollments e
            JOIN (SELECT 'handed' AS what UNION ALL SELECT 'sent' WHERE NEW.sent_at IS NOT NULL UNION ALL SELECT 'replied' WHERE NEW.replied_at IS NOT NULL) w
        WHERE e.id = NEW.enrollment_id
        ON CONFLICT (kind, of, day, place, what, word) DO UPDATE SET number = number + excluded.number, amount = amount + excluded.amount;
END;
CREATE TRIGGER sequence_sends_change AFTER UPDATE OF step, sent_at, replied_at ON sequence_sends
BEGIN
    INSERT INTO program_days (kind, of, day, place, what, word, number, amount)
        SELECT 'step', e.sequence_id, e.created_at / 86400000000, OLD.step, w.what, '', -1, 0 FROM enrollments e
            JOIN (SELECT 'handed' AS what UNION ALL SELECT 'sent' WHERE OLD.sent_at IS NOT NULL UNION ALL SELECT 'replied' WHERE OLD.replied_at IS NOT NULL) w
        WHERE e.id = OLD.enrollment_id
        ON CONFLICT (kind, of, day, place, what, word) DO UPDATE SET number = number + excluded.number, amount = amount + excluded.amount;
    INSERT INTO program_days (kind, of, day, place, what, word, number, amount)
        SELECT 'step', e.sequence_id, e.created_at / 86400000000, NEW.step, w.what, '', 1, 0 FROM enrollments e
            JOIN (SELECT 'handed' AS what UNION ALL SELECT 'sent' WHERE NEW.sent_at IS NOT NULL UNION ALL SELECT 'replied' WHERE NEW.replied_at IS NOT NULL) w
        WHERE e.id = NEW.enrollment_id
        ON CONFLICT (kind, of, day, place, what, word) DO UPDATE SET number = number + excluded.number, amount = amount + excluded.amount;
END;
CREATE TRIGGER sequence_sends_go AFTER DELETE ON sequence_sends
BEGIN
    INSERT INTO program_days (kind, of, day, place, what, word, number, amount)
        SELECT 'step', e.sequence_id, e.created_at / 86400000000, OLD.step, w.what, '', -1, 0 FROM enrollments e
            JOIN (SELECT 'handed' AS what UNION ALL SELECT 'sent' WHERE OLD.sent_at IS NOT NULL UNION ALL SELECT 'replied' WHERE OLD.replied_at IS NOT NULL) w
        WHERE e.id = OLD.enrollment_id
        ON CONFLICT (kind, of, day, place, what, word) DO UPDATE SET number = number + excluded.number, amount = amount + excluded.amount;
END;
CREATE TRIGGER messages_ask AFTER UPDATE OF sent_at ON messages
WHEN NEW.sent_at IS NOT OLD.sent_at AND NOT NEW.planted
BEGIN
    INSERT INTO program_days (kind, of, day, place, what, word, number, amount)
        SELECT 'referral', '', NEW.sent_at / 86400000000, 0, 'ask', '', 1, 0 FROM message_tags t
        WHERE NEW.sent_at IS NOT NULL AND t.message_id = NEW.id AND t.tag = 'referral-program'
        ON CONFLICT (kind, of, day, place, what, word) DO UPDATE SET number = number + excluded.number, amount = amount + excluded.amount;
    INSERT INTO program_days (kind, of, day, place, what, word, number, amount)
        SELECT 'referral', '', OLD.sent_at / 86400000000, 0, 'ask', '', -1, 0 FROM message_tags t
        WHERE OLD.sent_at IS NOT NULL AND t.message_id = OLD.id AND t.tag = 'referral-program'
        ON CONFLICT (kind, of, day, place, what, word) DO UPDATE SET number = number + excluded.number, amount = amount + excluded.amount;
END;
-- Whether somebody wants the weekly report; by their role where they did not say. The latest week that they were told of.
CREATE TABLE weekly_choices (
    user_id TEXT PRIMARY KEY NOT NULL REFERENCES users (id),
    wanted BOOLEAN NOT NULL
);
ALTER TABLE notice_times ADD COLUMN weekly_at BIGINT;
