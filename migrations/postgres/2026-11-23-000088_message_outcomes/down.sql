DROP TRIGGER churn_events_return ON churn_events;
DROP FUNCTION note_return();
DROP TRIGGER inbound_emails_answer ON inbound_emails;
DROP FUNCTION note_answer();
CREATE OR REPLACE VIEW counted_messages AS
    SELECT coalesce(sent_at, submitted_at, created_at) / 86400000000 AS day, mailbox_id, coalesce(campaign, '') AS campaign, state,
        expires_at IS NOT NULL AS held, editor_kind <> author_kind OR editor_id <> author_id AS edited FROM messages
    WHERE state <> 'draft' AND NOT planted;
DROP TABLE message_outcomes;
DROP FUNCTION count_message_outcome();
DELETE FROM message_day_moves WHERE state IN ('replied', 'recovered');
CREATE OR REPLACE FUNCTION add_message_spans() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO message_months (day, mailbox_id, campaign, drafted, held, edited, approved, rejected, waiting, on_the_way, sent, delivered, bounced, complained, ended, failed, expired)
            VALUES (date_trunc('month', (DATE '1970-01-01' + CAST(NEW.day AS INTEGER))::timestamp)::date - DATE '1970-01-01', NEW.mailbox_id, NEW.campaign, NEW.drafted, NEW.held, NEW.edited, NEW.approved, NEW.rejected, NEW.waiting, NEW.on_the_way, NEW.sent, NEW.delivered, NEW.bounced, NEW.complained, NEW.ended, NEW.failed, NEW.expired)
            ON CONFLICT (day, mailbox_id, campaign) DO UPDATE SET drafted = message_months.drafted + excluded.drafted, held = message_months.held + excluded.held, edited = message_months.edited + excluded.edited, approved = message_months.approved + excluded.approved, rejected = message_months.rejected + excluded.rejected, waiting = message_months.waiting + excluded.waiting, on_the_way = message_months.on_the_way + excluded.on_the_way, sent = message_months.sent + excluded.sent, delivered = message_months.delivered + excluded.delivered, bounced = message_months.bounced + excluded.bounced, complained = message_months.complained + excluded.complained, ended = message_months.ended + excluded.ended, failed = message_months.failed + excluded.failed, expired = message_months.expired + excluded.expired;
    ELSE
        INSERT INTO message_months (day, mailbox_id, campaign, drafted, held, edited, approved, rejected, waiting, on_the_way, sent, delivered, bounced, complained, ended, failed, expired)
            VALUES (date_trunc('month', (DATE '1970-01-01' + CAST(NEW.day AS INTEGER))::timestamp)::date - DATE '1970-01-01', NEW.mailbox_id, NEW.campaign, NEW.drafted - OLD.drafted, NEW.held - OLD.held, NEW.edited - OLD.edited, NEW.approved - OLD.approved, NEW.rejected - OLD.rejected, NEW.waiting - OLD.waiting, NEW.on_the_way - OLD.on_the_way, NEW.sent - OLD.sent, NEW.delivered - OLD.delivered, NEW.bounced - OLD.bounced, NEW.complained - OLD.complained, NEW.ended - OLD.ended, NEW.failed - OLD.failed, NEW.expired - OLD.expired)
            ON CONFLICT (day, mailbox_id, campaign) DO UPDATE SET drafted = message_months.drafted + excluded.drafted, held = message_months.held + excluded.held, edited = message_months.edited + excluded.edited, approved = message_months.approved + excluded.approved, rejected = message_months.rejected + excluded.rejected, waiting = message_months.waiting + excluded.waiting, on_the_way = message_months.on_the_way + excluded.on_the_way, sent = message_months.sent + excluded.sent, delivered = message_months.delivered + excluded.delivered, bounced = message_months.bounced + excluded.bounced, complained = message_months.complained + excluded.complained, ended = message_months.ended + excluded.ended, failed = message_months.failed + excluded.failed, expired = message_months.expired + excluded.expired;
    END IF;
    RETURN NULL;
END
$$;
ALTER TABLE message_days DROP COLUMN replied;
ALTER TABLE message_days DROP COLUMN recovered;
ALTER TABLE message_months DROP COLUMN replied;
ALTER TABLE message_months DROP COLUMN recovered;
DELETE FROM message_ways WHERE state IN ('replied', 'recovered');
ALTER TABLE message_ways DROP COLUMN drafted;
ALTER TABLE message_ways DROP COLUMN replied;
ALTER TABLE message_ways DROP COLUMN recovered;
