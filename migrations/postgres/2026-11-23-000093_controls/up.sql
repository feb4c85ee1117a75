-- Rules that hold messages whatever the mode of their mailbox says. Without a mailbox a rule is for all.
CREATE TABLE holding_rules (
    id TEXT PRIMARY KEY NOT NULL,
    name TEXT NOT NULL,
    mailbox_id TEXT REFERENCES mailboxes (id),
    kinds TEXT NOT NULL,
    tags TEXT NOT NULL,
    segment_id TEXT,
    amount_over BIGINT,
    revenue_over BIGINT,
    currency TEXT,
    approvers INTEGER NOT NULL CHECK (approvers IN (1, 2)),
    created_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    ending_by_id TEXT,
    ending_by TEXT,
    ending_because TEXT,
    ended_by TEXT,
    ended_at BIGINT
);
CREATE INDEX holding_rules_in_force ON holding_rules (created_at, id) WHERE ended_at IS NULL;

-- Recipients whose mail leaves a mailbox that holds what agents write. One that waits for a second administrator is not confirmed yet.
CREATE TABLE allow_list (
    id TEXT PRIMARY KEY NOT NULL,
    mailbox_id TEXT NOT NULL REFERENCES mailboxes (id),
    pattern TEXT NOT NULL,
    reason TEXT NOT NULL,
    asked_by_id TEXT NOT NULL,
    asked_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    confirmed_by TEXT,
    confirmed_at BIGINT,
    ended_by TEXT,
    ended_at BIGINT
);
CREATE UNIQUE INDEX allow_list_once ON allow_list (mailbox_id, pattern) WHERE ended_at IS NULL;

-- Messages that leave with the approval of two people only, and what the first of them approved.
CREATE TABLE two_approvers (
    message_id TEXT PRIMARY KEY NOT NULL REFERENCES messages (id),
    rule_id TEXT NOT NULL REFERENCES holding_rules (id)
);
CREATE TABLE first_approvals (
    message_id TEXT NOT NULL,
    version INTEGER NOT NULL,
    content_hash TEXT NOT NULL,
    user_id TEXT NOT NULL REFERENCES users (id),
    user_name TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (message_id, version),
    FOREIGN KEY (message_id, version) REFERENCES message_versions (message_id, version)
);

-- Messages of machines that people stopped or rejected where the mode would let such mail out unreviewed.
CREATE TABLE tripped (
    message_id TEXT PRIMARY KEY NOT NULL REFERENCES messages (id),
    mailbox_id TEXT NOT NULL REFERENCES mailboxes (id),
    at BIGINT NOT NULL
);
CREATE INDEX tripped_by_time ON tripped (mailbox_id, at);
-- So many of them within a week take the mailbox back to the mode that holds what machines write; 0 switches that off.
ALTER TABLE mailboxes ADD COLUMN tripwire INTEGER NOT NULL DEFAULT 3;
-- Since when the mode holds: a tripwire counts from then.
ALTER TABLE mailboxes ADD COLUMN mode_since BIGINT NOT NULL DEFAULT 0;

ALTER TABLE warrants DROP CONSTRAINT warrants_cleared_by_check;
ALTER TABLE warrants ADD CONSTRAINT warrants_cleared_by_check
    CHECK (cleared_by IN ('decision', 'composed_by_person', 'allow_list', 'monitored', 'autonomous')) NOT VALID;

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
          AND ((CASE WHEN m.effective_mode = 'read_only' OR b.mode = 'read_only' THEN 'read_only'
                    WHEN m.effective_mode = 'gated_all' OR b.mode = 'gated_all' THEN 'gated_all'
                    WHEN m.effective_mode = 'gated_send' OR b.mode = 'gated_send' THEN 'gated_send'
                    WHEN m.effective_mode = 'monitored' OR b.mode = 'monitored' THEN 'monitored'
                    ELSE 'autonomous' END, w.cleared_by) IN (
               ('gated_all', 'decision'),
               ('gated_send', 'decision'), ('gated_send', 'composed_by_person'),
               ('monitored', 'decision'), ('monitored', 'composed_by_person'), ('monitored', 'monitored'),
               ('autonomous', 'decision'), ('autonomous', 'composed_by_person'), ('autonomous', 'autonomous'))
               OR w.cleared_by = 'allow_list' AND b.mode = 'gated_send' AND m.effective_mode IN ('gated_send', 'monitored', 'autonomous')
               AND EXISTS (SELECT 1 FROM allow_list a JOIN contacts c ON c.id = m.contact_id
                   WHERE a.mailbox_id = b.id AND a.confirmed_at IS NOT NULL AND a.ended_at IS NULL
                     AND a.pattern IN (c.email_key, '*' || substr(c.email_key, strpos(c.email_key, '@')))))
    ) THEN
        RAISE EXCEPTION 'outbox row without a valid warrant';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION outbox_needs_two() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (TG_OP = 'INSERT' OR NEW.warrant_id <> OLD.warrant_id)
       AND EXISTS (SELECT 1 FROM two_approvers t WHERE t.message_id = NEW.message_id) AND NOT EXISTS (
        SELECT 1 FROM warrants w
        JOIN decisions d ON d.id = w.decision_id
        JOIN first_approvals f ON f.message_id = w.message_id AND f.version = w.version AND f.content_hash = w.content_hash
        WHERE w.id = NEW.warrant_id AND d.actor_kind = 'user' AND d.actor_id <> f.user_id
    ) THEN
        RAISE EXCEPTION 'outbox row without the approval of two people';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER outbox_needs_two BEFORE INSERT OR UPDATE OF warrant_id ON outbox
    FOR EACH ROW EXECUTE FUNCTION outbox_needs_two();
CREATE TRIGGER two_approvers_refuse_change BEFORE UPDATE OR DELETE OR TRUNCATE ON two_approvers
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change('An approval cannot be changed.');
CREATE TRIGGER first_approvals_refuse_change BEFORE UPDATE OR DELETE OR TRUNCATE ON first_approvals
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change('An approval cannot be changed.');

-- Asks to recommend have a name of their own among what was approved.
INSERT INTO approved_campaigns (name, mailbox_id)
SELECT DISTINCT 'asks to recommend', m.mailbox_id FROM messages m JOIN message_prompts p ON p.message_id = m.id
WHERE p.prompt = 'ask' AND NOT m.planted AND EXISTS (SELECT 1 FROM decisions d WHERE d.message_id = m.id AND d.kind = 'approve')
ON CONFLICT DO NOTHING;
