-- What came back of each message that left: an answer, a customer. A reply answers the latest message of its conversation that had left,
-- and a customer who came back came back by each letter about that departure that had left. Counted with the ways that messages
-- went, on the day the message left.
CREATE TABLE message_outcomes (
    message_id TEXT NOT NULL REFERENCES messages (id) ON DELETE CASCADE,
    what TEXT NOT NULL CHECK (what IN ('replied', 'recovered')),
    day BIGINT NOT NULL,
    mailbox_id TEXT NOT NULL,
    campaign TEXT NOT NULL,
    PRIMARY KEY (message_id, what)
) WITHOUT ROWID;
CREATE INDEX message_outcomes_by_day ON message_outcomes (what, day, campaign);
ALTER TABLE message_ways ADD COLUMN drafted BIGINT NOT NULL DEFAULT 1;
ALTER TABLE message_ways ADD COLUMN replied BIGINT NOT NULL DEFAULT 0;
ALTER TABLE message_ways ADD COLUMN recovered BIGINT NOT NULL DEFAULT 0;
INSERT INTO message_ways (state, approved, rejected, waiting, on_the_way, sent, delivered, bounced, complained, ended, failed, expired, drafted, replied, recovered) VALUES
    ('replied', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0),
    ('recovered', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1);
ALTER TABLE message_days ADD COLUMN replied BIGINT NOT NULL DEFAULT 0;
ALTER TABLE message_days ADD COLUMN recovered BIGINT NOT NULL DEFAULT 0;
ALTER TABLE message_months ADD COLUMN replied BIGINT NOT NULL DEFAULT 0;
ALTER TABLE message_months ADD COLUMN recovered BIGINT NOT NULL DEFAULT 0;
DROP VIEW counted_messages;
CREATE VIEW counted_messages AS
    SELECT coalesce(sent_at, submitted_at, created_at) / 86400000000 AS day, mailbox_id, coalesce(campaign, '') AS campaign, state,
        expires_at IS NOT NULL AS held, editor_kind <> author_kind OR editor_id <> author_id AS edited FROM messages
    WHERE state <> 'draft' AND NOT planted
    UNION ALL SELECT day, mailbox_id, campaign, what, FALSE, FALSE FROM message_outcomes;
DROP TRIGGER message_days_come;
DROP TRIGGER message_days_change;
CREATE TRIGGER message_days_come AFTER INSERT ON message_days
BEGIN
    INSERT INTO message_months (day, mailbox_id, campaign, drafted, held, edited, approved, rejected, waiting, on_the_way, sent, delivered, bounced, complained, ended, failed, expired, replied, recovered)
        VALUES (CAST(strftime('%s', NEW.day * 86400, 'unixepoch', 'start of month') AS INTEGER) / 86400, NEW.mailbox_id, NEW.campaign, NEW.drafted, NEW.held, NEW.edited, NEW.approved, NEW.rejected, NEW.waiting, NEW.on_the_way, NEW.sent, NEW.delivered, NEW.bounced, NEW.complained, NEW.ended, NEW.failed, NEW.expired, NEW.replied, NEW.recovered)
        ON CONFLICT (day, mailbox_id, campaign) DO UPDATE SET drafted = drafted + excluded.drafted, held = held + excluded.held, edited = edited + excluded.edited, approved = approved + excluded.approved, rejected = rejected + excluded.rejected, waiting = waiting + excluded.waiting, on_the_way = on_the_way + excluded.on_the_way, sent = sent + excluded.sent, delivered = delivered + excluded.delivered, bounced = bounced + excluded.bounced, complained = complained + excluded.complained, ended = ended + excluded.ended, failed = failed + excluded.failed, expired = expired + excluded.expired, replied = replied + excluded.replied, recovered = recovered + excluded.recovered;
END;
CREATE TRIGGER message_days_change AFTER UPDATE OF drafted, held, edited, approved, rejected, waiting, on_the_way, sent, delivered, bounced, complained, ended, failed, expired, replied, recovered ON message_days
BEGIN
    UPDATE message_months SET drafted = drafted + NEW.drafted - OLD.drafted, held = held + NEW.held - OLD.held, edited = edited + NEW.edited - OLD.edited, approved = approved + NEW.approved - OLD.approved, rejected = rejected + NEW.rejected - OLD.rejected, waiting = waiting + NEW.waiting - OLD.waiting, on_the_way = on_the_way + NEW.on_the_way - OLD.on_the_way, sent = sent + NEW.sent - OLD.sent, delivered = delivered + NEW.delivered - OLD.delivered, bounced = bounced + NEW.bounced - OLD.bounced, complained = complained + NEW.complained - OLD.complained, ended = ended + NEW.ended - OLD.ended, failed = failed + NEW.failed - OLD.failed, expired = expired + NEW.expired - OLD.expired, replied = replied + NEW.replied - OLD.replied, recovered = recovered + NEW.recovered - OLD.recovered
        WHERE day = CAST(strftime('%s', NEW.day * 86400, 'unixepoch', 'start of month') AS INTEGER) / 86400 AND mailbox_id = NEW.mailbox_id AND campaign = NEW.campaign;
END;
CREATE TRIGGER message_outcomes_come AFTER INSERT ON message_outcomes
BEGIN
    INSERT INTO message_days (day, mailbox_id, campaign, drafted, held, edited, approved, rejected, waiting, on_the_way, sent, delivered, bounced, complained, ended, failed, expired, replied, recovered)
        VALUES (NEW.day, NEW.mailbox_id, NEW.campaign, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, (NEW.what = 'replied'), (NEW.what = 'recovered'))
        ON CONFLICT (day, mailbox_id, campaign) DO UPDATE SET replied = replied + excluded.replied, recovered = recovered + excluded.recovered;
END;
CREATE TRIGGER message_outcomes_go AFTER DELETE ON message_outcomes
BEGIN
    INSERT INTO message_days (day, mailbox_id, campaign, drafted, held, edited, approved, rejected, waiting, on_the_way, sent, delivered, bounced, complained, ended, failed, expired, replied, recovered)
        VALUES (OLD.day, OLD.mailbox_id, OLD.campaign, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, -(OLD.what = 'replied'), -(OLD.what = 'recovered'))
        ON CONFLICT (day, mailbox_id, campaign) DO UPDATE SET replied = replied + excluded.replied, recovered = recovered + excluded.recovered;
END;
CREATE TRIGGER inbound_emails_answer AFTER INSERT ON inbound_emails
WHEN NEW.kind = 'reply'
BEGIN
    INSERT INTO message_outcomes (message_id, what, day, mailbox_id, campaign)
        SELECT m.id, 'replied', m.sent_at / 86400000000, m.mailbox_id, coalesce(m.campaign, '') FROM messages m
        WHERE m.thread_id = NEW.thread_id AND m.contact_id = NEW.contact_id AND m.sent_at <= NEW.received_at AND NOT m.planted
        ORDER BY m.sent_at DESC, m.id DESC LIMIT 1
        ON CONFLICT (message_id, what) DO NOTHING;
END;
CREATE TRIGGER churn_events_return AFTER UPDATE OF status, recovered_at ON churn_events
WHEN NEW.status = 'recovered' OR OLD.status = 'recovered'
BEGIN
    DELETE FROM message_outcomes WHERE what = 'recovered'
        AND message_id IN (SELECT v.message_id FROM variants v WHERE v.churn_event_id = NEW.id AND v.message_id IS NOT NULL);
    INSERT INTO message_outcomes (message_id, what, day, mailbox_id, campaign)
        SELECT DISTINCT m.id, 'recovered', m.sent_at / 86400000000, m.mailbox_id, coalesce(m.campaign, '') FROM variants v JOIN messages m ON m.id = v.message_id
        WHERE v.churn_event_id = NEW.id AND NEW.status = 'recovered' AND m.sent_at <= NEW.recovered_at AND NOT m.planted
        ON CONFLICT (message_id, what) DO NOTHING;
END;
-- What came back before.
INSERT INTO message_outcomes (message_id, what, day, mailbox_id, campaign)
    SELECT DISTINCT m.id, 'replied', m.sent_at / 86400000000, m.mailbox_id, coalesce(m.campaign, '') FROM inbound_emails i JOIN messages m ON m.id = (
        SELECT x.id FROM messages x WHERE x.thread_id = i.thread_id AND x.contact_id = i.contact_id AND x.sent_at <= i.received_at AND NOT x.planted
        ORDER BY x.sent_at DESC, x.id DESC LIMIT 1)
    WHERE i.kind = 'reply';
INSERT INTO message_outcomes (message_id, what, day, mailbox_id, campaign)
    SELECT DISTINCT m.id, 'recovered', m.sent_at / 86400000000, m.mailbox_id, coalesce(m.campaign, '')
    FROM churn_events e JOIN variants v ON v.churn_event_id = e.id JOIN messages m ON m.id = v.message_id
    WHERE e.status = 'recovered' AND m.sent_at <= e.recovered_at AND NOT m.planted;
