DROP TRIGGER churn_events_return;
DROP TRIGGER inbound_emails_answer;
DROP TRIGGER message_days_come;
DROP TRIGGER message_days_change;
DROP VIEW counted_messages;
DROP TABLE message_outcomes;
CREATE VIEW counted_messages AS
    SELECT coalesce(sent_at, submitted_at, created_at) / 86400000000 AS day, mailbox_id, coalesce(campaign, '') AS campaign, state,
        expires_at IS NOT NULL AS held, editor_kind <> author_kind OR editor_id <> author_id AS edited FROM messages
    WHERE state <> 'draft' AND NOT planted;
ALTER TABLE message_days DROP COLUMN replied;
ALTER TABLE message_days DROP COLUMN recovered;
ALTER TABLE message_months DROP COLUMN replied;
ALTER TABLE message_months DROP COLUMN recovered;
DELETE FROM message_ways WHERE state IN ('replied', 'recovered');
ALTER TABLE message_ways DROP COLUMN drafted;
ALTER TABLE message_ways DROP COLUMN replied;
ALTER TABLE message_ways DROP COLUMN recovered;
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
