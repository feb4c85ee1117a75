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
DROP TRIGGER message_versions_refuse_change ON message_versions;
CREATE TRIGGER message_versions_refuse_change BEFORE DELETE OR TRUNCATE ON message_versions
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change('A version of a message cannot be changed.');
CREATE FUNCTION message_versions_only_erased() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.to_address = '(erased)' AND NEW.to_name IS NULL AND NEW.subject = '(erased)' AND NEW.text_body = '' AND NEW.html_body IS NULL AND NEW.headers = '[]'
        AND NEW.message_id IS NOT DISTINCT FROM OLD.message_id AND NEW.version IS NOT DISTINCT FROM OLD.version AND NEW.content_hash IS NOT DISTINCT FROM OLD.content_hash AND NEW.from_address IS NOT DISTINCT FROM OLD.from_address AND NEW.footer IS NOT DISTINCT FROM OLD.footer AND NEW.from_name IS NOT DISTINCT FROM OLD.from_name AND NEW.editor_kind IS NOT DISTINCT FROM OLD.editor_kind AND NEW.editor_id IS NOT DISTINCT FROM OLD.editor_id AND NEW.editor_name IS NOT DISTINCT FROM OLD.editor_name AND NEW.created_at IS NOT DISTINCT FROM OLD.created_at
        AND EXISTS (SELECT 1 FROM messages m JOIN contacts c ON c.id = m.contact_id WHERE m.id = OLD.message_id AND c.erased_at IS NOT NULL) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'A version of a message cannot be changed.';
END $$;
CREATE TRIGGER message_versions_refuse_update BEFORE UPDATE ON message_versions
    FOR EACH ROW EXECUTE FUNCTION message_versions_only_erased();
DROP TRIGGER decisions_refuse_change ON decisions;
CREATE TRIGGER decisions_refuse_change BEFORE DELETE OR TRUNCATE ON decisions
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change('A decision cannot be changed.');
CREATE FUNCTION decisions_only_erased() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.reason IS NULL
        AND NEW.id IS NOT DISTINCT FROM OLD.id AND NEW.message_id IS NOT DISTINCT FROM OLD.message_id AND NEW.version IS NOT DISTINCT FROM OLD.version AND NEW.content_hash IS NOT DISTINCT FROM OLD.content_hash AND NEW.kind IS NOT DISTINCT FROM OLD.kind AND NEW.actor_kind IS NOT DISTINCT FROM OLD.actor_kind AND NEW.actor_id IS NOT DISTINCT FROM OLD.actor_id AND NEW.actor_name IS NOT DISTINCT FROM OLD.actor_name AND NEW.created_at IS NOT DISTINCT FROM OLD.created_at AND NEW.batch_id IS NOT DISTINCT FROM OLD.batch_id AND NEW.dwell_ms IS NOT DISTINCT FROM OLD.dwell_ms
        AND EXISTS (SELECT 1 FROM messages m JOIN contacts c ON c.id = m.contact_id WHERE m.id = OLD.message_id AND c.erased_at IS NOT NULL) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'A decision cannot be changed.';
END $$;
CREATE TRIGGER decisions_refuse_update BEFORE UPDATE ON decisions
    FOR EACH ROW EXECUTE FUNCTION decisions_only_erased();
DROP TRIGGER claim_waivers_refuse_change ON claim_waivers;
CREATE TRIGGER claim_waivers_refuse_change BEFORE DELETE OR TRUNCATE ON claim_waivers
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change('A waiver cannot be changed.');
CREATE FUNCTION claim_waivers_only_erased() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.words = '' AND NEW.reason = ''
        AND NEW.message_id IS NOT DISTINCT FROM OLD.message_id AND NEW.claim_key IS NOT DISTINCT FROM OLD.claim_key AND NEW.actor_kind IS NOT DISTINCT FROM OLD.actor_kind AND NEW.actor_id IS NOT DISTINCT FROM OLD.actor_id AND NEW.actor_name IS NOT DISTINCT FROM OLD.actor_name AND NEW.created_at IS NOT DISTINCT FROM OLD.created_at
        AND EXISTS (SELECT 1 FROM messages m JOIN contacts c ON c.id = m.contact_id WHERE m.id = OLD.message_id AND c.erased_at IS NOT NULL) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'A waiver cannot be changed.';
END $$;
CREATE TRIGGER claim_waivers_refuse_update BEFORE UPDATE ON claim_waivers
    FOR EACH ROW EXECUTE FUNCTION claim_waivers_only_erased();
DROP TRIGGER promises_refuse_change ON promises;
CREATE TRIGGER promises_refuse_change BEFORE DELETE OR TRUNCATE ON promises
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change('A promise that was sent cannot be changed.');
CREATE FUNCTION promises_only_erased() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.words = '' AND NEW.sentence = ''
        AND NEW.message_id IS NOT DISTINCT FROM OLD.message_id AND NEW.position IS NOT DISTINCT FROM OLD.position AND NEW.contact_id IS NOT DISTINCT FROM OLD.contact_id AND NEW.fact_id IS NOT DISTINCT FROM OLD.fact_id AND NEW.fact_version IS NOT DISTINCT FROM OLD.fact_version AND NEW.value_minor IS NOT DISTINCT FROM OLD.value_minor AND NEW.currency IS NOT DISTINCT FROM OLD.currency AND NEW.made_at IS NOT DISTINCT FROM OLD.made_at
        AND EXISTS (SELECT 1 FROM contacts c WHERE c.id = OLD.contact_id AND c.erased_at IS NOT NULL) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'A promise that was sent cannot be changed.';
END $$;
CREATE TRIGGER promises_refuse_update BEFORE UPDATE ON promises
    FOR EACH ROW EXECUTE FUNCTION promises_only_erased();
DROP TRIGGER fact_versions_refuse_change ON fact_versions;
CREATE TRIGGER fact_versions_refuse_change BEFORE DELETE OR TRUNCATE ON fact_versions
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change('A version of a fact cannot be changed.');
CREATE FUNCTION fact_versions_only_erased() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.label = '' AND NEW.source = '' AND NEW.body IN ('{"kind":"contact_field","field":"erased","value":{"text":""}}', '{"kind":"usage_figure","label":"","value":0}', '{"kind":"ticket_quote","text":"","said_on":null}')
        AND NEW.fact_id IS NOT DISTINCT FROM OLD.fact_id AND NEW.version IS NOT DISTINCT FROM OLD.version AND NEW.content_hash IS NOT DISTINCT FROM OLD.content_hash AND NEW.recorded_by IS NOT DISTINCT FROM OLD.recorded_by AND NEW.recorded_at IS NOT DISTINCT FROM OLD.recorded_at
        AND EXISTS (SELECT 1 FROM facts f JOIN contacts c ON c.id = f.contact_id WHERE f.id = OLD.fact_id AND c.erased_at IS NOT NULL) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'A version of a fact cannot be changed.';
END $$;
CREATE TRIGGER fact_versions_refuse_update BEFORE UPDATE ON fact_versions
    FOR EACH ROW EXECUTE FUNCTION fact_versions_only_erased();
DROP TRIGGER message_comments_refuse_change ON message_comments;
CREATE TRIGGER message_comments_refuse_change BEFORE DELETE OR TRUNCATE ON message_comments
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change('A comment cannot be changed.');
CREATE FUNCTION message_comments_only_erased() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.body = ''
        AND NEW.id IS NOT DISTINCT FROM OLD.id AND NEW.message_id IS NOT DISTINCT FROM OLD.message_id AND NEW.author_id IS NOT DISTINCT FROM OLD.author_id AND NEW.author_name IS NOT DISTINCT FROM OLD.author_name AND NEW.created_at IS NOT DISTINCT FROM OLD.created_at
        AND EXISTS (SELECT 1 FROM messages m JOIN contacts c ON c.id = m.contact_id WHERE m.id = OLD.message_id AND c.erased_at IS NOT NULL) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'A comment cannot be changed.';
END $$;
CREATE TRIGGER message_comments_refuse_update BEFORE UPDATE ON message_comments
    FOR EACH ROW EXECUTE FUNCTION message_comments_only_erased();
DROP TRIGGER audit_log_refuse_change ON audit_log;
CREATE TRIGGER audit_log_refuse_change BEFORE DELETE OR TRUNCATE ON audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change('The audit log is append-only.');
CREATE FUNCTION audit_log_only_erased() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.detail = '{"erased":true}'
        AND NEW.seq IS NOT DISTINCT FROM OLD.seq AND NEW.at IS NOT DISTINCT FROM OLD.at AND NEW.actor_kind IS NOT DISTINCT FROM OLD.actor_kind AND NEW.actor_id IS NOT DISTINCT FROM OLD.actor_id AND NEW.actor_name IS NOT DISTINCT FROM OLD.actor_name AND NEW.action IS NOT DISTINCT FROM OLD.action AND NEW.target_kind IS NOT DISTINCT FROM OLD.target_kind AND NEW.target_id IS NOT DISTINCT FROM OLD.target_id AND NEW.mailbox_id IS NOT DISTINCT FROM OLD.mailbox_id
        AND EXISTS (SELECT 1 FROM contacts c WHERE c.erased_at IS NOT NULL AND (OLD.target_kind = 'contact' AND c.id = OLD.target_id OR OLD.target_kind = 'message' AND c.id = (SELECT m.contact_id FROM messages m WHERE m.id = OLD.target_id) OR OLD.target_kind = 'fact' AND c.id = (SELECT f.contact_id FROM facts f WHERE f.id = OLD.target_id) OR OLD.target_kind = 'churn_event' AND c.id = (SELECT e.contact_id FROM churn_events e WHERE e.id = OLD.target_id))) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'The audit log is append-only.';
END $$;
CREATE TRIGGER audit_log_refuse_update BEFORE UPDATE ON audit_log
    FOR EACH ROW EXECUTE FUNCTION audit_log_only_erased();
