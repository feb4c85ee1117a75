DROP INDEX messages_by_state;
DROP INDEX messages_by_mailbox;
CREATE INDEX messages_by_time ON messages (submitted_at, id);
CREATE INDEX messages_of_mailbox ON messages (mailbox_id, submitted_at, id);
-- The last columns let a walk pass over what a filter leaves out without a look at the row.
CREATE INDEX messages_by_state ON messages (state, submitted_at, id, mailbox_id, assignee_id, origin);
CREATE INDEX messages_by_mailbox ON messages (mailbox_id, state, submitted_at, id, assignee_id, origin);
CREATE INDEX messages_by_expiry ON messages (state, expires_at, id);
CREATE INDEX messages_by_mailbox_expiry ON messages (mailbox_id, state, expires_at, id);
CREATE INDEX messages_by_assignee ON messages (assignee_id, state, submitted_at, id);
CREATE INDEX messages_by_campaign ON messages (campaign, state, submitted_at, id, mailbox_id);
CREATE INDEX messages_with_open_claims ON messages (state, submitted_at, id, mailbox_id) WHERE claims_open > 0;
CREATE TABLE mailbox_campaigns (
    name TEXT NOT NULL,
    mailbox_id TEXT NOT NULL REFERENCES mailboxes (id),
    PRIMARY KEY (name, mailbox_id)
);
INSERT INTO mailbox_campaigns (name, mailbox_id) SELECT DISTINCT campaign, mailbox_id FROM messages WHERE campaign IS NOT NULL;
CREATE TABLE saved_views (
    id TEXT PRIMARY KEY NOT NULL,
    owner_id TEXT NOT NULL REFERENCES users (id),
    name TEXT NOT NULL,
    query TEXT NOT NULL,
    shared BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (owner_id, name)
);
CREATE INDEX saved_views_shared ON saved_views (shared, name);
-- What is searched, as words in lower case: recipient, subject and body, parted by all that is no letter
-- or digit. The collation makes it the same whatever the locale of the database.
CREATE FUNCTION words_of_message(to_name TEXT, to_address TEXT, subject TEXT, text_body TEXT) RETURNS tsvector
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT to_tsvector('pg_catalog.simple', regexp_replace(
        lower(substr(coalesce(to_name, '') || ' ' || to_address || ' ' || subject || ' ' || text_body, 1, 100000) COLLATE "und-x-icu"),
        '[^[:alnum:]]+', ' ', 'g'))
$$;
CREATE INDEX message_versions_words ON message_versions USING gin (words_of_message(to_name, to_address, subject, text_body));
