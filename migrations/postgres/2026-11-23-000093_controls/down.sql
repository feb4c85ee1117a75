-- What left by the allow-list keeps its warrant, so the check of that column stays as wide as it is.
DROP TRIGGER outbox_needs_two ON outbox;
DROP FUNCTION outbox_needs_two;
CREATE OR REPLACE FUNCTION outbox_needs_warrant() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.message_id = OLD.message_id AND NEW.warrant_id = OLD.warrant_id
       AND NEW.mailbox_id = OLD.mailbox_id THEN
        RETURN NEW;
    END IF;
    IF (TG_OP = 'UPDATE' AND (NEW.message_id <> OLD.message_id OR NEW.mailbox_id <> OLD.mailbox_id))
       OR NOT EXISTS (
        SELECT 1 FROM warrants w
        JOIN messages m ON m.id = w.message_id
        JOIN mailboxes b ON b.id = m.mailbox_id
        LEFT JOIN decisions d ON d.id = w.decision_id
        WHERE w.id = NEW.warrant_id AND w.message_id = NEW.message_id AND b.id = NEW.mailbox_id
          AND w.version = m.version AND w.content_hash = m.content_hash
          AND (w.decision_id IS NULL OR (d.kind = 'approve' AND d.message_id = w.message_id
               AND d.version = w.version AND d.content_hash = w.content_hash))
          AND (CASE WHEN m.effective_mode = 'read_only' OR b.mode = 'read_only' THEN 'read_only'
                    WHEN m.effective_mode = 'gated_all' OR b.mode = 'gated_all' THEN 'gated_all'
                    WHEN m.effective_mode = 'gated_send' OR b.mode = 'gated_send' THEN 'gated_send'
                    WHEN m.effective_mode = 'monitored' OR b.mode = 'monitored' THEN 'monitored'
                    ELSE 'autonomous' END, w.cleared_by) IN (
               ('gated_all', 'decision'),
               ('gated_send', 'decision'), ('gated_send', 'composed_by_person'),
               ('monitored', 'decision'), ('monitored', 'composed_by_person'), ('monitored', 'monitored'),
               ('autonomous', 'decision'), ('autonomous', 'composed_by_person'), ('autonomous', 'autonomous'))
    ) THEN
        RAISE EXCEPTION 'outbox row without a valid warrant';
    END IF;
    RETURN NEW;
END $$;
DROP TABLE tripped;
DROP TABLE first_approvals;
DROP TABLE two_approvers;
DROP TABLE allow_list;
DROP TABLE holding_rules;
ALTER TABLE mailboxes DROP COLUMN mode_since;
ALTER TABLE mailboxes DROP COLUMN tripwire;
