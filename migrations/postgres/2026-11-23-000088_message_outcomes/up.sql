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
);
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
CREATE OR REPLACE VIEW counted_messages AS
    SELECT coalesce(sent_at, submitted_at, created_at) / 86400000000 AS day, mailbox_id, coalesce(campaign, '') AS campaign, state,
        expires_at IS NOT NULL AS held, editor_kind <> author_kind OR editor_id <> author_id AS edited FROM messages
    WHERE state <> 'draft' AND NOT planted
    UNION ALL SELECT day, mailbox_id, campaign, what, FALSE, FALSE FROM message_outcomes;
CREATE OR REPLACE FUNCTION add_message_spans() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO message_months (day, mailbox_id, campaign, drafted, held, edited, approved, rejected, waiting, on_the_way, sent, delivered, bounced, complained, ended, failed, expired, replied, recovered)
            VALUES (date_trunc('month', (DATE '1970-01-01' + CAST(NEW.day AS INTEGER))::timestamp)::date - DATE '1970-01-01', NEW.mailbox_id, NEW.campaign, NEW.drafted, NEW.held, NEW.edited, NEW.approved, NEW.rejected, NEW.waiting, NEW.on_the_way, NEW.sent, NEW.delivered, NEW.bounced, NEW.complained, NEW.ended, NEW.failed, NEW.expired, NEW.replied, NEW.recovered)
            ON CONFLICT (day, mailbox_id, campaign) DO UPDATE SET drafted = message_months.drafted + excluded.drafted, held = message_months.held + excluded.held, edited = message_months.edited + excluded.edited, approved = message_months.approved + excluded.approved, rejected = message_months.rejected + excluded.rejected, waiting = message_months.waiting + excluded.waiting, on_the_way = message_months.on_the_way + excluded.on_the_way, sent = message_months.sent + excluded.sent, delivered = message_months.delivered + excluded.delivered, bounced = message_months.bounced + excluded.bounced, complained = message_months.complained + excluded.complained, ended = message_months.ended + excluded.ended, failed = message_months.failed + excluded.failed, expired = message_months.expired + excluded.expired, replied = message_months.replied + excluded.replied, recovered = message_months.recovered + excluded.recovered;
    ELSE
        INSERT INTO message_months (day, mailbox_id, campaign, drafted, held, edited, approved, rejected, waiting, on_the_way, sent, delivered, bounced, complained, ended, failed, expired, replied, recovered)
            VALUES (date_trunc('month', (DATE '1970-01-01' + CAST(NEW.day AS INTEGER))::timestamp)::date - DATE '1970-01-01', NEW.mailbox_id, NEW.campaign, NEW.drafted - OLD.drafted, NEW.held - OLD.held, NEW.edited - OLD.edited, NEW.approved - OLD.approved, NEW.rejected - OLD.rejected, NEW.waiting - OLD.waiting, NEW.on_the_way - OLD.on_the_way, NEW.sent - OLD.sent, NEW.delivered - OLD.delivered, NEW.bounced - OLD.bounced, NEW.complained - OLD.complained, NEW.ended - OLD.ended, NEW.failed - OLD.failed, NEW.expired - OLD.expired, NEW.replied - OLD.replied, NEW.recovered - OLD.recovered)
            ON CONFLICT (day, mailbox_id, campaign) DO UPDATE SET drafted = message_months.drafted + excluded.drafted, held = message_months.held + excluded.held, edited = message_months.edited + excluded.edited, approved = message_months.approved + excluded.approved, rejected = message_months.rejected + excluded.rejected, waiting = message_months.waiting + excluded.waiting, on_the_way = message_months.on_the_way + excluded.on_the_way, sent = message_months.sent + excluded.sent, delivered = message_months.delivered + excluded.delivered, bounced = message_months.bounced + excluded.bounced, complained = message_months.complained + excluded.complained, ended = message_months.ended + excluded.ended, failed = message_months.failed + excluded.failed, expired = message_months.expired + excluded.expired, replied = message_months.replied + excluded.replied, recovered = message_months.recovered + excluded.recovered;
    END IF;
    RETURN NULL;
END
$$;
CREATE FUNCTION count_message_outcome() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO message_day_moves (day, mailbox_id, campaign, state, held, edited, number)
            VALUES (NEW.day, NEW.mailbox_id, NEW.campaign, NEW.what, FALSE, FALSE, 1);
    ELSE
        INSERT INTO message_day_moves (day, mailbox_id, campaign, state, held, edited, number)
            VALUES (OLD.day, OLD.mailbox_id, OLD.campaign, OLD.what, FALSE, FALSE, -1);
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER message_outcomes_counted AFTER INSERT OR DELETE ON message_outcomes FOR EACH ROW EXECUTE FUNCTION count_message_outcome();
CREATE FUNCTION note_answer() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO message_outcomes (message_id, what, day, mailbox_id, campaign)
        SELECT m.id, 'replied', m.sent_at / 86400000000, m.mailbox_id, coalesce(m.campaign, '') FROM messages m
        WHERE m.thread_id = NEW.thread_id AND m.contact_id = NEW.contact_id AND m.sent_at <= NEW.received_at AND NOT m.planted
        ORDER BY m.sent_at DESC, m.id DESC LIMIT 1
        ON CONFLICT (message_id, what) DO NOTHING;
    RETURN NULL;
END
$$;
CREATE TRIGGER inbound_emails_answer AFTER INSERT ON inbound_emails FOR EACH ROW WHEN (NEW.kind = 'reply') EXECUTE FUNCTION note_answer();
CREATE FUNCTION note_return() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM message_outcomes WHERE what = 'recovered'
        AND message_id IN (SELECT v.message_id FROM variants v WHERE v.churn_event_id = NEW.id AND v.message_id IS NOT NULL);
    INSERT INTO message_outcomes (message_id, what, day, mailbox_id, campaign)
        SELECT DISTINCT m.id, 'recovered', m.sent_at / 86400000000, m.mailbox_id, coalesce(m.campaign, '') FROM variants v JOIN messages m ON m.id = v.message_id
        WHERE v.churn_event_id = NEW.id AND NEW.status = 'recovered' AND m.sent_at <= NEW.recovered_at AND NOT m.planted
        ON CONFLICT (message_id, what) DO NOTHING;
    RETURN NULL;
END
$$;
CREATE TRIGGER churn_events_return AFTER UPDATE OF status, recovered_at ON churn_events
    FOR EACH ROW WHEN (NEW.status = 'recovered' OR OLD.status = 'recovered') EXECUTE FUNCTION note_return();
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
