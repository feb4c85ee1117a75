-- What reports are read from, in fewer rows: messages of a day, mailbox and campaign are one row with a number for each way they
-- went, and departures are added up by weeks too, which begin on Mondays. A year of days would otherwise be read for two sums.
-- Which way a message in a state went.
CREATE TABLE message_ways (
    state TEXT PRIMARY KEY NOT NULL,
    approved BIGINT NOT NULL,
    rejected BIGINT NOT NULL,
    waiting BIGINT NOT NULL,
    on_the_way BIGINT NOT NULL,
    sent BIGINT NOT NULL,
    delivered BIGINT NOT NULL,
    bounced BIGINT NOT NULL,
    complained BIGINT NOT NULL,
    ended BIGINT NOT NULL,
    failed BIGINT NOT NULL,
    expired BIGINT NOT NULL
) WITHOUT ROWID;
INSERT INTO message_ways (state, approved, rejected, waiting, on_the_way, sent, delivered, bounced, complained, ended, failed, expired) VALUES
    ('pending', 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0),
    ('changes_requested', 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0),
    ('approved', 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0),
    ('queued', 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0),
    ('sending', 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0),
    ('uncertain', 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0),
    ('rejected', 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0),
    ('withdrawn', 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0),
    ('expired', 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1),
    ('skipped', 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0),
    ('failed', 1, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0),
    ('cancelled', 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0),
    ('sent', 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0),
    ('delivered', 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0),
    ('bounced', 1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0),
    ('complained', 1, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0);
DROP TRIGGER messages_come;
DROP TRIGGER messages_change;
DROP TRIGGER messages_go;
DROP TRIGGER message_days_come;
DROP TRIGGER message_days_change;
DROP TRIGGER churn_days_come;
DROP TRIGGER churn_days_change;
DROP TRIGGER churn_part_days_come;
DROP TRIGGER churn_part_days_change;
ALTER TABLE message_days RENAME TO narrow_message_days;
DROP TABLE message_months;
CREATE TABLE message_days (
    day BIGINT NOT NULL,
    mailbox_id TEXT NOT NULL,
    campaign TEXT NOT NULL,
    drafted BIGINT NOT NULL,
    held BIGINT NOT NULL,
    edited BIGINT NOT NULL,
    approved BIGINT NOT NULL,
    rejected BIGINT NOT NULL,
    waiting BIGINT NOT NULL,
    on_the_way BIGINT NOT NULL,
    sent BIGINT NOT NULL,
    delivered BIGINT NOT NULL,
    bounced BIGINT NOT NULL,
    complained BIGINT NOT NULL,
    ended BIGINT NOT NULL,
    failed BIGINT NOT NULL,
    expired BIGINT NOT NULL,
    PRIMARY KEY (day, mailbox_id, campaign)
) WITHOUT ROWID;
CREATE TABLE message_months (
    day BIGINT NOT NULL,
    mailbox_id TEXT NOT NULL,
    campaign TEXT NOT NULL,
    drafted BIGINT NOT NULL,
    held BIGINT NOT NULL,
    edited BIGINT NOT NULL,
    approved BIGINT NOT NULL,
    rejected BIGINT NOT NULL,
    waiting BIGINT NOT NULL,
    on_the_way BIGINT NOT NULL,
    sent BIGINT NOT NULL,
    delivered BIGINT NOT NULL,
    bounced BIGINT NOT NULL,
    complained BIGINT NOT NULL,
    ended BIGINT NOT NULL,
    failed BIGINT NOT NULL,
    expired BIGINT NOT NULL,
    PRIMARY KEY (day, mailbox_id, campaign)
) WITHOUT ROWID;
INSERT INTO message_days (day, mailbox_id, campaign, drafted, held, edited, approved, rejected, waiting, on_the_way, sent, delivered, bounced, complained, ended, failed, expired)
    SELECT n.day, n.mailbox_id, n.campaign, CAST(sum(n.number) AS BIGINT), CAST(sum(CASE WHEN n.held THEN n.number ELSE 0 END) AS BIGINT), CAST(sum(CASE WHEN n.edited THEN n.number ELSE 0 END) AS BIGINT), CAST(sum(CASE WHEN n.held THEN n.number * w.approved ELSE 0 END) AS BIGINT), CAST(sum(n.number * w.rejected) AS BIGINT), CAST(sum(n.number * w.waiting) AS BIGINT), CAST(sum(n.number * w.on_the_way) AS BIGINT), CAST(sum(n.number * w.sent) AS BIGINT), CAST(sum(n.number * w.delivered) AS BIGINT), CAST(sum(n.number * w.bounced) AS BIGINT), CAST(sum(n.number * w.complained) AS BIGINT), CAST(sum(n.number * w.ended) AS BIGINT), CAST(sum(n.number * w.failed) AS BIGINT), CAST(sum(n.number * w.expired) AS BIGINT)
    FROM narrow_message_days n JOIN message_ways w ON w.state = n.state GROUP BY n.day, n.mailbox_id, n.campaign;
DROP TABLE narrow_message_days;
INSERT INTO message_months (day, mailbox_id, campaign, drafted, held, edited, approved, rejected, waiting, on_the_way, sent, delivered, bounced, complained, ended, failed, expired)
    SELECT CAST(strftime('%s', day * 86400, 'unixepoch', 'start of month') AS INTEGER) / 86400 AS span, mailbox_id, campaign, CAST(sum(drafted) AS BIGINT), CAST(sum(held) AS BIGINT), CAST(sum(edited) AS BIGINT), CAST(sum(approved) AS BIGINT), CAST(sum(rejected) AS BIGINT), CAST(sum(waiting) AS BIGINT), CAST(sum(on_the_way) AS BIGINT), CAST(sum(sent) AS BIGINT), CAST(sum(delivered) AS BIGINT), CAST(sum(bounced) AS BIGINT), CAST(sum(complained) AS BIGINT), CAST(sum(ended) AS BIGINT), CAST(sum(failed) AS BIGINT), CAST(sum(expired) AS BIGINT) FROM message_days GROUP BY span, mailbox_id, campaign;
CREATE TABLE churn_weeks (
    day BIGINT NOT NULL,
    kind TEXT NOT NULL,
    reason TEXT NOT NULL,
    status TEXT NOT NULL,
    mailed BOOLEAN NOT NULL,
    currency TEXT NOT NULL,
    number BIGINT NOT NULL,
    minor BIGINT NOT NULL,
    PRIMARY KEY (day, kind, reason, status, mailed, currency)
) WITHOUT ROWID;
INSERT INTO churn_weeks (day, kind, reason, status, mailed, currency, number, minor)
    SELECT day - (day + 3) % 7 AS span, kind, reason, status, mailed, currency, CAST(sum(number) AS BIGINT), CAST(sum(minor) AS BIGINT) FROM churn_days GROUP BY span, kind, reason, status, mailed, currency;
CREATE TABLE churn_part_weeks (
    part TEXT NOT NULL,
    day BIGINT NOT NULL,
    value TEXT NOT NULL,
    reason TEXT NOT NULL,
    outcome TEXT NOT NULL,
    currency TEXT NOT NULL,
    number BIGINT NOT NULL,
    minor BIGINT NOT NULL,
    PRIMARY KEY (part, day, value, reason, outcome, currency)
) WITHOUT ROWID;
INSERT INTO churn_part_weeks (part, day, value, reason, outcome, currency, number, minor)
    SELECT part, day - (day + 3) % 7 AS span, value, reason, outcome, currency, CAST(sum(number) AS BIGINT), CAST(sum(minor) AS BIGINT) FROM churn_part_days GROUP BY part, span, value, reason, outcome, currency;
CREATE TABLE segment_weeks (
    day BIGINT NOT NULL,
    segment_id TEXT NOT NULL REFERENCES segments (id) ON DELETE CASCADE,
    reason TEXT NOT NULL,
    outcome TEXT NOT NULL,
    currency TEXT NOT NULL,
    number BIGINT NOT NULL,
    minor BIGINT NOT NULL,
    PRIMARY KEY (day, segment_id, reason, outcome, currency)
) WITHOUT ROWID;
INSERT INTO segment_weeks (day, segment_id, reason, outcome, currency, number, minor)
    SELECT day - (day + 3) % 7 AS span, segment_id, reason, outcome, currency, CAST(sum(number) AS BIGINT), CAST(sum(minor) AS BIGINT) FROM segment_days GROUP BY span, segment_id, reason, outcome, currency;
CREATE TABLE segment_months (
    day BIGINT NOT NULL,
    segment_id TEXT NOT NULL REFERENCES segments (id) ON DELETE CASCADE,
    reason TEXT NOT NULL,
    outcome TEXT NOT NULL,
    currency TEXT NOT NULL,
    number BIGINT NOT NULL,
    minor BIGINT NOT NULL,
    PRIMARY KEY (day, segment_id, reason, outcome, currency)
) WITHOUT ROWID;
INSERT INTO segment_months (day, segment_id, reason, outcome, currency, number, minor)
    SELECT CAST(strftime('%s', day * 86400, 'unixepoch', 'start of month') AS INTEGER) / 86400 AS span, segment_id, reason, outcome, currency, CAST(sum(number) AS BIGINT), CAST(sum(minor) AS BIGINT) FROM segment_days GROUP BY span, segment_id, reason, outcome, currency;
CREATE INDEX segment_days_by_day ON segment_days (day);
CREATE TRIGGER messages_come AFTER INSERT ON messages
WHEN NEW.state <> 'draft'
BEGIN
    INSERT INTO message_days (day, mailbox_id, campaign, drafted, held, edited, approved, rejected, waiting, on_the_way, sent, delivered, bounced, complained, ended, failed, expired)
        SELECT coalesce(NEW.sent_at, NEW.submitted_at, NEW.created_at) / 86400000000, NEW.mailbox_id, coalesce(NEW.campaign, ''), 1, (NEW.expires_at IS NOT NULL), (NEW.editor_kind <> NEW.author_kind OR NEW.editor_id <> NEW.author_id), (NEW.expires_at IS NOT NULL) * w.approved, w.rejected, w.waiting, w.on_the_way, w.sent, w.delivered, w.bounced, w.complained, w.ended, w.failed, w.expired
        FROM message_ways w WHERE w.state = NEW.state AND NOT NEW.planted
        ON CONFLICT (day, mailbox_id, campaign) DO UPDATE SET drafted = drafted + excluded.drafted, held = held + excluded.held, edited = edited + excluded.edited, approved = approved + excluded.approved, rejected = rejected + excluded.rejected, waiting = waiting + excluded.waiting, on_the_way = on_the_way + excluded.on_the_way, sent = sent + excluded.sent, delivered = delivered + excluded.delivered, bounced = bounced + excluded.bounced, complained = complained + excluded.complained, ended = ended + excluded.ended, failed = failed + excluded.failed, expired = expired + excluded.expired;
END;
CREATE TRIGGER messages_change AFTER UPDATE OF state, sent_at, submitted_at, mailbox_id, campaign, expires_at, author_kind, author_id, editor_kind, editor_id ON messages
WHEN (NEW.state, NEW.sent_at, NEW.submitted_at, NEW.mailbox_id, NEW.campaign, NEW.expires_at, NEW.author_kind, NEW.author_id, NEW.editor_kind, NEW.editor_id) IS NOT (OLD.state, OLD.sent_at, OLD.submitted_at, OLD.mailbox_id, OLD.campaign, OLD.expires_at, OLD.author_kind, OLD.author_id, OLD.editor_kind, OLD.editor_id)
    AND OLD.state <> 'draft' AND NEW.state <> 'draft' AND (coalesce(NEW.sent_at, NEW.submitted_at, NEW.created_at) / 86400000000, NEW.mailbox_id, NEW.campaign) IS (coalesce(OLD.sent_at, OLD.submitted_at, OLD.created_at) / 86400000000, OLD.mailbox_id, OLD.campaign)
BEGIN
    UPDATE message_days SET held = held + (NEW.expires_at IS NOT NULL) - (OLD.expires_at IS NOT NULL), edited = edited + (NEW.editor_kind <> NEW.author_kind OR NEW.editor_id <> NEW.author_id) - (OLD.editor_kind <> OLD.author_kind OR OLD.editor_id <> OLD.author_id), approved = message_days.approved + (NEW.expires_at IS NOT NULL) * n.approved - (OLD.expires_at IS NOT NULL) * o.approved, rejected = message_days.rejected + n.rejected - o.rejected, waiting = message_days.waiting + n.waiting - o.waiting, on_the_way = message_days.on_the_way + n.on_the_way - o.on_the_way, sent = message_days.sent + n.sent - o.sent, delivered = message_days.delivered + n.delivered - o.delivered, bounced = message_days.bounced + n.bounced - o.bounced, complained = message_days.complained + n.complained - o.complained, ended = message_days.ended + n.ended - o.ended, failed = message_days.failed + n.failed - o.failed, expired = message_days.expired + n.expired - o.expired
        FROM message_ways n, message_ways o
        WHERE n.state = NEW.state AND o.state = OLD.state AND NOT NEW.planted AND message_days.day = coalesce(NEW.sent_at, NEW.submitted_at, NEW.created_at) / 86400000000
            AND message_days.mailbox_id = NEW.mailbox_id AND message_days.campaign = coalesce(NEW.campaign, '');
END;
-- On another day, in another mailbox or campaign, or no draft any more.
CREATE TRIGGER messages_move AFTER UPDATE OF state, sent_at, submitted_at, mailbox_id, campaign, expires_at, author_kind, author_id, editor_kind, editor_id ON messages
WHEN (NEW.state, NEW.sent_at, NEW.submitted_at, NEW.mailbox_id, NEW.campaign, NEW.expires_at, NEW.author_kind, NEW.author_id, NEW.editor_kind, NEW.editor_id) IS NOT (OLD.state, OLD.sent_at, OLD.submitted_at, OLD.mailbox_id, OLD.campaign, OLD.expires_at, OLD.author_kind, OLD.author_id, OLD.editor_kind, OLD.editor_id)
    AND NOT (OLD.state <> 'draft' AND NEW.state <> 'draft' AND (coalesce(NEW.sent_at, NEW.submitted_at, NEW.created_at) / 86400000000, NEW.mailbox_id, NEW.campaign) IS (coalesce(OLD.sent_at, OLD.submitted_at, OLD.created_at) / 86400000000, OLD.mailbox_id, OLD.campaign))
BEGIN
    INSERT INTO message_days (day, mailbox_id, campaign, drafted, held, edited, approved, rejected, waiting, on_the_way, sent, delivered, bounced, complained, ended, failed, expired)
        SELECT coalesce(OLD.sent_at, OLD.submitted_at, OLD.created_at) / 86400000000, OLD.mailbox_id, coalesce(OLD.campaign, ''), -1, -(OLD.expires_at IS NOT NULL), -(OLD.editor_kind <> OLD.author_kind OR OLD.editor_id <> OLD.author_id), -(OLD.expires_at IS NOT NULL) * w.approved, -w.rejected, -w.waiting, -w.on_the_way, -w.sent, -w.delivered, -w.bounced, -w.complained, -w.ended, -w.failed, -w.expired
        FROM message_ways w WHERE w.state = OLD.state AND NOT OLD.planted
        ON CONFLICT (day, mailbox_id, campaign) DO UPDATE SET drafted = drafted + excluded.drafted, held = held + excluded.held, edited = edited + excluded.edited, approved = approved + excluded.approved, rejected = rejected + excluded.rejected, waiting = waiting + excluded.waiting, on_the_way = on_the_way + excluded.on_the_way, sent = sent + excluded.sent, delivered = delivered + excluded.delivered, bounced = bounced + excluded.bounced, complained = complained + excluded.complained, ended = ended + excluded.ended, failed = failed + excluded.failed, expired = expired + excluded.expired;
    INSERT INTO message_days (day, mailbox_id, campaign, drafted, held, edited, approved, rejected, waiting, on_the_way, sent, delivered, bounced, complained, ended, failed, expired)
        SELECT coalesce(NEW.sent_at, NEW.submitted_at, NEW.created_at) / 86400000000, NEW.mailbox_id, coalesce(NEW.campaign, ''), 1, (NEW.expires_at IS NOT NULL), (NEW.editor_kind <> NEW.author_kind OR NEW.editor_id <> NEW.author_id), (NEW.expires_at IS NOT NULL) * w.approved, w.rejected, w.waiting, w.on_the_way, w.sent, w.delivered, w.bounced, w.complained, w.ended, w.failed, w.expired
        FROM message_ways w WHERE w.state = NEW.state AND NOT NEW.planted
        ON CONFLICT (day, mailbox_id, campaign) DO UPDATE SET drafted = drafted + excluded.drafted, held = held + excluded.held, edited = edited + excluded.edited, approved = approved + excluded.approved, rejected = rejected + excluded.rejected, waiting = waiting + excluded.waiting, on_the_way = on_the_way + excluded.on_the_way, sent = sent + excluded.sent, delivered = delivered + excluded.delivered, bounced = bounced + excluded.bounced, complained = complained + excluded.complained, ended = ended + excluded.ended, failed = failed + excluded.failed, expired = expired + excluded.expired;
END;
CREATE TRIGGER messages_go AFTER DELETE ON messages
WHEN OLD.state <> 'draft'
BEGIN
    INSERT INTO message_days (day, mailbox_id, campaign, drafted, held, edited, approved, rejected, waiting, on_the_way, sent, delivered, bounced, complained, ended, failed, expired)
        SELECT coalesce(OLD.sent_at, OLD.submitted_at, OLD.created_at) / 86400000000, OLD.mailbox_id, coalesce(OLD.campaign, ''), -1, -(OLD.expires_at IS NOT NULL), -(OLD.editor_kind <> OLD.author_kind OR OLD.editor_id <> OLD.author_id), -(OLD.expires_at IS NOT NULL) * w.approved, -w.rejected, -w.waiting, -w.on_the_way, -w.sent, -w.delivered, -w.bounced, -w.complained, -w.ended, -w.failed, -w.expired
        FROM message_ways w WHERE w.state = OLD.state AND NOT OLD.planted
        ON CONFLICT (day, mailbox_id, campaign) DO UPDATE SET drafted = drafted + excluded.drafted, held = held + excluded.held, edited = edited + excluded.edited, approved = approved + excluded.approved, rejected = rejected + excluded.rejected, waiting = waiting + excluded.waiting, on_the_way = on_the_way + excluded.on_the_way, sent = sent + excluded.sent, delivered = delivered + excluded.delivered, bounced = bounced + excluded.bounced, complained = complained + excluded.complained, ended = ended + excluded.ended, failed = failed + excluded.failed, expired = expired + excluded.expired;
END;
CREATE TRIGGER message_days_come AFTER INSERT ON message_days
BEGIN
    INSERT INTO message_months (day, mailbox_id, campaign, drafted, held, edited, approved, rejected, waiting, on_the_way, sent, delivered, bounced, complained, ended, failed, expired)
        VALUES (CAST(strftime('%s', NEW.day * 86400, 'unixepoch', 'start of month') AS INTEGER) / 86400, NEW.mailbox_id, NEW.campaign, NEW.drafted, NEW.held, NEW.edited, NEW.approved, NEW.rejected, NEW.waiting, NEW.on_the_way, NEW.sent, NEW.delivered, NEW.bounced, NEW.complained, NEW.ended, NEW.failed, NEW.expired)
        ON CONFLICT (day, mailbox_id, campaign) DO UPDATE SET drafted = drafted + excluded.drafted, held = held + excluded.held, edited = edited + excluded.edited, approved = approved + excluded.approved, rejected = rejected + excluded.rejected, waiting = waiting + excluded.waiting, on_the_way = on_the_way + excluded.on_the_way, sent = sent + excluded.sent, delivered = delivered + excluded.delivered, bounced = bounced + excluded.bounced, complained = complained + excluded.complained, ended = ended + excluded.ended, failed = failed + excluded.failed, expired = expired + excluded.expired;
END;
CREATE TRIGGER message_days_change AFTER UPDATE OF drafted, held, edited, approved, rejected, waiting, on_the_way, sent, delivered, bounced, complained, ended, failed, expired ON message_days
BEGIN
    UPDATE message_months SET drafted = drafted + NEW.drafted - OLD.drafted, held = held + NEW.held - OLD.held, edited = edited + NEW.edited - OLD.edited, approved = approved + NEW.approved - OLD.approved, rejected = rejected + NEW.rejected - OLD.rejected, waiting = waiting + NEW.waiting - OLD.waiting, on_the_way = on_the_way + NEW.on_the_way - OLD.on_the_way, sent = sent + NEW.sent - OLD.sent, delivered = delivered + NEW.delivered - OLD.delivered, bounced = bounced + NEW.bounced - OLD.bounced, complained = complained + NEW.complained - OLD.complained, ended = ended + NEW.ended - OLD.ended, failed = failed + NEW.failed - OLD.failed, expired = expired + NEW.expired - OLD.expired
        WHERE day = CAST(strftime('%s', NEW.day * 86400, 'unixepoch', 'start of month') AS INTEGER) / 86400 AND mailbox_id = NEW.mailbox_id AND campaign = NEW.campaign;
END;
CREATE TRIGGER churn_days_come AFTER INSERT ON churn_days
BEGIN
    INSERT INTO churn_weeks (day, kind, reason, status, mailed, currency, number, minor)
        VALUES (NEW.day - (NEW.day + 3) % 7, NEW.kind, NEW.reason, NEW.status, NEW.mailed, NEW.currency, NEW.number, NEW.minor)
        ON CONFLICT (day, kind, reason, status, mailed, currency) DO UPDATE SET number = number + excluded.number, minor = minor + excluded.minor;
    INSERT INTO churn_months (day, kind, reason, status, mailed, currency, number, minor)
        VALUES (CAST(strftime('%s', NEW.day * 86400, 'unixepoch', 'start of month') AS INTEGER) / 86400, NEW.kind, NEW.reason, NEW.status, NEW.mailed, NEW.currency, NEW.number, NEW.minor)
        ON CONFLICT (day, kind, reason, status, mailed, currency) DO UPDATE SET number = number + excluded.number, minor = minor + excluded.minor;
END;
CREATE TRIGGER churn_days_change AFTER UPDATE OF number, minor ON churn_days
BEGIN
    UPDATE churn_weeks SET number = number + NEW.number - OLD.number, minor = minor + NEW.minor - OLD.minor
        WHERE day = NEW.day - (NEW.day + 3) % 7 AND kind = NEW.kind AND reason = NEW.reason AND status = NEW.status AND mailed = NEW.mailed AND currency = NEW.currency;
    UPDATE churn_months SET number = number + NEW.number - OLD.number, minor = minor + NEW.minor - OLD.minor
        WHERE day = CAST(strftime('%s', NEW.day * 86400, 'unixepoch', 'start of month') AS INTEGER) / 86400 AND kind = NEW.kind AND reason = NEW.reason AND status = NEW.status AND mailed = NEW.mailed AND currency = NEW.currency;
END;
CREATE TRIGGER churn_part_days_come AFTER INSERT ON churn_part_days
BEGIN
    INSERT INTO churn_part_weeks (part, day, value, reason, outcome, currency, number, minor)
        VALUES (NEW.part, NEW.day - (NEW.day + 3) % 7, NEW.value, NEW.reason, NEW.outcome, NEW.currency, NEW.number, NEW.minor)
        ON CONFLICT (part, day, value, reason, outcome, currency) DO UPDATE SET number = number + excluded.number, minor = minor + excluded.minor;
    INSERT INTO churn_part_months (part, day, value, reason, outcome, currency, number, minor)
        VALUES (NEW.part, CAST(strftime('%s', NEW.day * 86400, 'unixepoch', 'start of month') AS INTEGER) / 86400, NEW.value, NEW.reason, NEW.outcome, NEW.currency, NEW.number, NEW.minor)
        ON CONFLICT (part, day, value, reason, outcome, currency) DO UPDATE SET number = number + excluded.number, minor = minor + excluded.minor;
END;
CREATE TRIGGER churn_part_days_change AFTER UPDATE OF number, minor ON churn_part_days
BEGIN
    UPDATE churn_part_weeks SET number = number + NEW.number - OLD.number, minor = minor + NEW.minor - OLD.minor
        WHERE part = NEW.part AND day = NEW.day - (NEW.day + 3) % 7 AND value = NEW.value AND reason = NEW.reason AND outcome = NEW.outcome AND currency = NEW.currency;
    UPDATE churn_part_months SET number = number + NEW.number - OLD.number, minor = minor + NEW.minor - OLD.minor
        WHERE part = NEW.part AND day = CAST(strftime('%s', NEW.day * 86400, 'unixepoch', 'start of month') AS INTEGER) / 86400 AND value = NEW.value AND reason = NEW.reason AND outcome = NEW.outcome AND currency = NEW.currency;
END;
CREATE TRIGGER segment_days_come AFTER INSERT ON segment_days
BEGIN
    INSERT INTO segment_weeks (day, segment_id, reason, outcome, currency, number, minor)
        VALUES (NEW.day - (NEW.day + 3) % 7, NEW.segment_id, NEW.reason, NEW.outcome, NEW.currency, NEW.number, NEW.minor)
        ON CONFLICT (day, segment_id, reason, outcome, currency) DO UPDATE SET number = number + excluded.number, minor = minor + excluded.minor;
    INSERT INTO segment_months (day, segment_id, reason, outcome, currency, number, minor)
        VALUES (CAST(strftime('%s', NEW.day * 86400, 'unixepoch', 'start of month') AS INTEGER) / 86400, NEW.segment_id, NEW.reason, NEW.outcome, NEW.currency, NEW.number, NEW.minor)
        ON CONFLICT (day, segment_id, reason, outcome, currency) DO UPDATE SET number = number + excluded.number, minor = minor + excluded.minor;
END;
CREATE TRIGGER segment_days_change AFTER UPDATE OF number, minor ON segment_days
BEGIN
    UPDATE segment_weeks SET number = number + NEW.number - OLD.number, minor = minor + NEW.minor - OLD.minor
        WHERE day = NEW.day - (NEW.day + 3) % 7 AND segment_id = NEW.segment_id AND reason = NEW.reason AND outcome = NEW.outcome AND currency = NEW.currency;
    UPDATE segment_months SET number = number + NEW.number - OLD.number, minor = minor + NEW.minor - OLD.minor
        WHERE day = CAST(strftime('%s', NEW.day * 86400, 'unixepoch', 'start of month') AS INTEGER) / 86400 AND segment_id = NEW.segment_id AND reason = NEW.reason AND outcome = NEW.outcome AND currency = NEW.currency;
END;
CREATE TRIGGER segment_days_go AFTER DELETE ON segment_days
BEGIN
    INSERT INTO segment_weeks (day, segment_id, reason, outcome, currency, number, minor)
        VALUES (OLD.day - (OLD.day + 3) % 7, OLD.segment_id, OLD.reason, OLD.outcome, OLD.currency, -OLD.number, -OLD.minor)
        ON CONFLICT (day, segment_id, reason, outcome, currency) DO UPDATE SET number = number + excluded.number, minor = minor + excluded.minor;
    INSERT INTO segment_months (day, segment_id, reason, outcome, currency, number, minor)
        VALUES (CAST(strftime('%s', OLD.day * 86400, 'unixepoch', 'start of month') AS INTEGER) / 86400, OLD.segment_id, OLD.reason, OLD.outcome, OLD.currency, -OLD.number, -OLD.minor)
        ON CONFLICT (day, segment_id, reason, outcome, currency) DO UPDATE SET number = number + excluded.number, minor = minor + excluded.minor;
END;
