-- The Message-ID that came with an email, so that an answer can name it.
ALTER TABLE inbound_emails ADD COLUMN message_id_header TEXT;

-- A step up the ladder of modes that somebody asked for. The code is kept as a hash and works once.
CREATE TABLE mode_requests (
    id TEXT PRIMARY KEY NOT NULL,
    mailbox_id TEXT NOT NULL REFERENCES mailboxes (id),
    from_mode TEXT NOT NULL CHECK (from_mode IN ('read_only', 'gated_all', 'gated_send', 'monitored', 'autonomous')),
    target_mode TEXT NOT NULL CHECK (target_mode IN ('read_only', 'gated_all', 'gated_send', 'monitored', 'autonomous')),
    reason TEXT,
    asker_kind TEXT NOT NULL,
    asker_id TEXT NOT NULL,
    asker_name TEXT NOT NULL,
    code_hash TEXT NOT NULL,
    wrong_codes INTEGER NOT NULL DEFAULT 0,
    state TEXT NOT NULL CHECK (state IN ('open', 'done', 'refused', 'replaced')),
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    ended_at BIGINT,
    ended_by TEXT
);
CREATE INDEX mode_requests_by_mailbox ON mode_requests (mailbox_id, created_at);
CREATE UNIQUE INDEX mode_requests_one_open ON mode_requests (mailbox_id) WHERE state = 'open';

-- Reports and exports.
CREATE INDEX churn_events_for_reports ON churn_events (churned_at, reason, currency, status, mrr_minor);
CREATE INDEX churn_events_by_reason ON churn_events (reason, churned_at);
CREATE INDEX messages_by_departure ON messages (mailbox_id, sent_at, state);
CREATE INDEX suppressions_by_time ON suppressions (created_at, email_key);
CREATE INDEX webhook_deliveries_of_subject ON webhook_deliveries (subject);

-- Erasure: the person is gone, the hash refuses a re-import, and who decided what stays without words.
ALTER TABLE contacts ADD COLUMN erased_at BIGINT;
CREATE TABLE erased_addresses (
    address_hash TEXT PRIMARY KEY NOT NULL,
    contact_id TEXT NOT NULL REFERENCES contacts (id),
    erased_at BIGINT NOT NULL
);

-- What is written once can be changed in one way alone: its words are blanked when the person they were about is
-- erased. Everything that says who did what, when, and to which content stays.
DROP TRIGGER message_versions_refuse_update;
CREATE TRIGGER message_versions_refuse_update BEFORE UPDATE ON message_versions
WHEN NOT (NEW.to_address = '(erased)' AND NEW.to_name IS NULL AND NEW.subject = '(erased)' AND NEW.text_body = '' AND NEW.html_body IS NULL AND NEW.headers = '[]'
    AND NEW.message_id IS OLD.message_id AND NEW.version IS OLD.version AND NEW.content_hash IS OLD.content_hash AND NEW.from_address IS OLD.from_address AND NEW.footer IS OLD.footer AND NEW.from_name IS OLD.from_name AND NEW.editor_kind IS OLD.editor_kind AND NEW.editor_id IS OLD.editor_id AND NEW.editor_name IS OLD.editor_name AND NEW.created_at IS OLD.created_at
    AND EXISTS (SELECT 1 FROM messages m JOIN contacts c ON c.id = m.contact_id WHERE m.id = OLD.message_id AND c.erased_at IS NOT NULL))
BEGIN
    SELECT RAISE(ABORT, 'A version of a message cannot be changed.');
END;
DROP TRIGGER decisions_refuse_update;
CREATE TRIGGER decisions_refuse_update BEFORE UPDATE ON decisions
WHEN NOT (NEW.reason IS NULL
    AND NEW.id IS OLD.id AND NEW.message_id IS OLD.message_id AND NEW.version IS OLD.version AND NEW.content_hash IS OLD.content_hash AND NEW.kind IS OLD.kind AND NEW.actor_kind IS OLD.actor_kind AND NEW.actor_id IS OLD.actor_id AND NEW.actor_name IS OLD.actor_name AND NEW.created_at IS OLD.created_at AND NEW.batch_id IS OLD.batch_id AND NEW.dwell_ms IS OLD.dwell_ms
    AND EXISTS (SELECT 1 FROM messages m JOIN contacts c ON c.id = m.contact_id WHERE m.id = OLD.message_id AND c.erased_at IS NOT NULL))
BEGIN
    SELECT RAISE(ABORT, 'A decision cannot be changed.');
END;
DROP TRIGGER claim_waivers_refuse_update;
CREATE TRIGGER claim_waivers_refuse_update BEFORE UPDATE ON claim_waivers
WHEN NOT (NEW.words = '' AND NEW.reason = ''
    AND NEW.message_id IS OLD.message_id AND NEW.claim_key IS OLD.claim_key AND NEW.actor_kind IS OLD.actor_kind AND NEW.actor_id IS OLD.actor_id AND NEW.actor_name IS OLD.actor_name AND NEW.created_at IS OLD.created_at
    AND EXISTS (SELECT 1 FROM messages m JOIN contacts c ON c.id = m.contact_id WHERE m.id = OLD.message_id AND c.erased_at IS NOT NULL))
BEGIN
    SELECT RAISE(ABORT, 'A waiver cannot be changed.');
END;
DROP TRIGGER promises_refuse_update;
CREATE TRIGGER promises_refuse_update BEFORE UPDATE ON promises
WHEN NOT (NEW.words = '' AND NEW.sentence = ''
    AND NEW.message_id IS OLD.message_id AND NEW.position IS OLD.position AND NEW.contact_id IS OLD.contact_id AND NEW.fact_id IS OLD.fact_id AND NEW.fact_version IS OLD.fact_version AND NEW.value_minor IS OLD.value_minor AND NEW.currency IS OLD.currency AND NEW.made_at IS OLD.made_at
    AND EXISTS (SELECT 1 FROM contacts c WHERE c.id = OLD.contact_id AND c.erased_at IS NOT NULL))
BEGIN
    SELECT RAISE(ABORT, 'A promise that was sent cannot be changed.');
END;
DROP TRIGGER fact_versions_refuse_update;
CREATE TRIGGER fact_versions_refuse_update BEFORE UPDATE ON fact_versions
WHEN NOT (NEW.label = '' AND NEW.source = '' AND NEW.body IN ('{"kind":"contact_field","field":"erased","value":{"text":""}}', '{"kind":"usage_figure","label":"","value":0}', '{"kind":"ticket_quote","text":"","said_on":null}')
    AND NEW.fact_id IS OLD.fact_id AND NEW.version IS OLD.version AND NEW.content_hash IS OLD.content_hash AND NEW.recorded_by IS OLD.recorded_by AND NEW.recorded_at IS OLD.recorded_at
    AND EXISTS (SELECT 1 FROM facts f JOIN contacts c ON c.id = f.contact_id WHERE f.id = OLD.fact_id AND c.erased_at IS NOT NULL))
BEGIN
    SELECT RAISE(ABORT, 'A version of a fact cannot be changed.');
END;
DROP TRIGGER message_comments_refuse_update;
CREATE TRIGGER message_comments_refuse_update BEFORE UPDATE ON message_comments
WHEN NOT (NEW.body = ''
    AND NEW.id IS OLD.id AND NEW.message_id IS OLD.message_id AND NEW.author_id IS OLD.author_id AND NEW.author_name IS OLD.author_name AND NEW.created_at IS OLD.created_at
    AND EXISTS (SELECT 1 FROM messages m JOIN contacts c ON c.id = m.contact_id WHERE m.id = OLD.message_id AND c.erased_at IS NOT NULL))
BEGIN
    SELECT RAISE(ABORT, 'A comment cannot be changed.');
END;
DROP TRIGGER audit_log_refuse_update;
CREATE TRIGGER audit_log_refuse_update BEFORE UPDATE ON audit_log
WHEN NOT (NEW.detail = '{"erased":true}'
    AND NEW.seq IS OLD.seq AND NEW.at IS OLD.at AND NEW.actor_kind IS OLD.actor_kind AND NEW.actor_id IS OLD.actor_id AND NEW.actor_name IS OLD.actor_name AND NEW.action IS OLD.action AND NEW.target_kind IS OLD.target_kind AND NEW.target_id IS OLD.target_id AND NEW.mailbox_id IS OLD.mailbox_id
    AND EXISTS (SELECT 1 FROM contacts c WHERE c.erased_at IS NOT NULL AND (OLD.target_kind = 'contact' AND c.id = OLD.target_id OR OLD.target_kind = 'message' AND c.id = (SELECT m.contact_id FROM messages m WHERE m.id = OLD.target_id) OR OLD.target_kind = 'fact' AND c.id = (SELECT f.contact_id FROM facts f WHERE f.id = OLD.target_id) OR OLD.target_kind = 'churn_event' AND c.id = (SELECT e.contact_id FROM churn_events e WHERE e.id = OLD.target_id))))
BEGIN
    SELECT RAISE(ABORT, 'The audit log is append-only.');
END;

-- Without it, what is taken out of the search stays in its files until they are merged.
INSERT INTO message_index (message_index, rank) VALUES ('secure-delete', 1);
-- Words that are blanked are taken out of the search as well; only those of the latest version are in it.
CREATE TRIGGER message_versions_are_forgotten AFTER UPDATE ON message_versions
WHEN OLD.version = (SELECT max(version) FROM message_versions WHERE message_id = OLD.message_id)
BEGIN
    INSERT INTO message_index (message_index, rowid, words)
        SELECT 'delete', number, substr(coalesce(OLD.to_name, '') || ' ' || OLD.to_address || ' ' || OLD.subject || ' ' || OLD.text_body, 1, 100000)
        FROM message_numbers WHERE message_id = OLD.message_id;
    INSERT INTO message_index (rowid, words)
        SELECT number, substr(coalesce(NEW.to_name, '') || ' ' || NEW.to_address || ' ' || NEW.subject || ' ' || NEW.text_body, 1, 100000)
        FROM message_numbers WHERE message_id = NEW.message_id;
END;
