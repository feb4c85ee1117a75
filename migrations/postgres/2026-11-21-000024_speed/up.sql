-- What is searched, as words in lower case: name, address and tags, parted by all that is no letter or digit.
-- The collation makes it the same whatever the locale of the database.
CREATE FUNCTION words_of_contact(contact TEXT) RETURNS tsvector
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT to_tsvector('pg_catalog.simple', regexp_replace(
        lower((coalesce(c.name, '') || ' ' || c.email_key || ' ' || coalesce(
            (SELECT string_agg(t.tag, ' ') FROM contact_tags t WHERE t.contact_id = c.id), '')) COLLATE "und-x-icu"),
        '[^[:alnum:]]+', ' ', 'g'))
    FROM contacts c WHERE c.id = contact
$$;
CREATE TABLE contact_words (
    contact_id TEXT PRIMARY KEY NOT NULL REFERENCES contacts (id) ON DELETE CASCADE,
    words tsvector NOT NULL
);
INSERT INTO contact_words (contact_id, words) SELECT id, words_of_contact(id) FROM contacts WHERE erased_at IS NULL;
CREATE INDEX contact_words_words ON contact_words USING gin (words);
-- Who was erased is not found. The row is held before the words are read, so that of two who add a tag the second sees the first one's.
CREATE FUNCTION contacts_are_found() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    contact TEXT;
BEGIN
    IF TG_TABLE_NAME = 'contacts' THEN
        contact := NEW.id;
        IF NEW.erased_at IS NOT NULL THEN
            DELETE FROM contact_words WHERE contact_id = contact;
            RETURN NULL;
        END IF;
        INSERT INTO contact_words (contact_id, words) VALUES (contact, ''::tsvector) ON CONFLICT DO NOTHING;
    ELSIF TG_OP = 'DELETE' THEN
        contact := OLD.contact_id;
    ELSE
        contact := NEW.contact_id;
    END IF;
    PERFORM 1 FROM contact_words WHERE contact_id = contact FOR UPDATE;
    UPDATE contact_words SET words = words_of_contact(contact) WHERE contact_id = contact;
    RETURN NULL;
END $$;
CREATE TRIGGER contacts_are_found AFTER INSERT OR UPDATE OF name, email_key, erased_at ON contacts
    FOR EACH ROW EXECUTE FUNCTION contacts_are_found();
CREATE TRIGGER contact_tags_are_found AFTER INSERT OR DELETE ON contact_tags
    FOR EACH ROW EXECUTE FUNCTION contacts_are_found();

-- By which campaigns and tags something was approved in a mailbox.
CREATE TABLE approved_campaigns (
    name TEXT NOT NULL,
    mailbox_id TEXT NOT NULL REFERENCES mailboxes (id),
    PRIMARY KEY (name, mailbox_id)
);
INSERT INTO approved_campaigns (name, mailbox_id)
    SELECT m.campaign, m.mailbox_id FROM decisions d JOIN messages m ON m.id = d.message_id
        WHERE d.kind = 'approve' AND NOT m.planted AND m.campaign IS NOT NULL
    UNION SELECT t.tag, m.mailbox_id FROM decisions d JOIN messages m ON m.id = d.message_id JOIN message_tags t ON t.message_id = m.id
        WHERE d.kind = 'approve' AND NOT m.planted;
-- The history of a contact is read for each draft to them.
CREATE INDEX inbound_emails_by_contact ON inbound_emails (contact_id, received_at, id);

-- The words of what waits for somebody, apart from those of all that ever left: a search through it passes over nothing else.
CREATE TABLE waiting_words (
    message_id TEXT PRIMARY KEY NOT NULL REFERENCES messages (id) ON DELETE CASCADE,
    words tsvector NOT NULL
);
CREATE INDEX waiting_words_words ON waiting_words USING gin (words);
CREATE FUNCTION messages_wait() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    message TEXT;
BEGIN
    IF TG_TABLE_NAME = 'messages' THEN
        message := NEW.id;
    ELSE
        message := NEW.message_id;
    END IF;
    INSERT INTO waiting_words (message_id, words)
        SELECT m.id, words_of_message(v.to_name, v.to_address, v.subject, v.text_body) FROM messages m
        JOIN message_versions v ON v.message_id = m.id AND v.version = m.version
        WHERE m.id = message AND m.state IN ('pending', 'changes_requested')
        ON CONFLICT (message_id) DO UPDATE SET words = EXCLUDED.words;
    IF NOT FOUND THEN
        DELETE FROM waiting_words WHERE message_id = message;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER messages_wait AFTER UPDATE OF state, version ON messages FOR EACH ROW
    WHEN (OLD.state IN ('pending', 'changes_requested') OR NEW.state IN ('pending', 'changes_requested')) EXECUTE FUNCTION messages_wait();
CREATE TRIGGER message_versions_wait AFTER INSERT OR UPDATE ON message_versions FOR EACH ROW EXECUTE FUNCTION messages_wait();
INSERT INTO waiting_words (message_id, words)
    SELECT m.id, words_of_message(v.to_name, v.to_address, v.subject, v.text_body) FROM messages m
    JOIN message_versions v ON v.message_id = m.id AND v.version = m.version WHERE m.state IN ('pending', 'changes_requested');
