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
-- The number is the place of a message in the search index. It is a column of its own, since the numbers
-- that SQLite gives rows by itself may change with VACUUM.
CREATE TABLE message_numbers (
    number INTEGER PRIMARY KEY,
    message_id TEXT NOT NULL UNIQUE REFERENCES messages (id)
);
-- What is searched: recipient, subject and body of the current version.
CREATE VIEW message_words AS
    SELECT n.number AS number, substr(coalesce(v.to_name, '') || ' ' || v.to_address || ' ' || v.subject || ' ' || v.text_body, 1, 100000) AS words
    FROM message_numbers n
    JOIN messages m ON m.id = n.message_id
    JOIN message_versions v ON v.message_id = m.id AND v.version = m.version;
CREATE VIRTUAL TABLE message_index USING fts5 (
    words, content = 'message_words', content_rowid = 'number', prefix = '1 2 3 4 5 6 7 8 9 10 11 12', detail = none, columnsize = 0,
    tokenize = "unicode61 remove_diacritics 0 categories 'L* Nd'"
);
-- Words are taken out of the index by naming them once more; versions never change.
CREATE TRIGGER message_versions_are_found AFTER INSERT ON message_versions
BEGIN
    INSERT INTO message_numbers (message_id)
        SELECT NEW.message_id WHERE NOT EXISTS (SELECT 1 FROM message_numbers WHERE message_id = NEW.message_id);
    INSERT INTO message_index (message_index, rowid, words)
        SELECT 'delete', n.number, substr(coalesce(v.to_name, '') || ' ' || v.to_address || ' ' || v.subject || ' ' || v.text_body, 1, 100000)
        FROM message_numbers n JOIN message_versions v ON v.message_id = n.message_id
        WHERE n.message_id = NEW.message_id
          AND v.version = (SELECT max(version) FROM message_versions WHERE message_id = NEW.message_id AND version < NEW.version);
    INSERT INTO message_index (rowid, words)
        SELECT number, substr(coalesce(NEW.to_name, '') || ' ' || NEW.to_address || ' ' || NEW.subject || ' ' || NEW.text_body, 1, 100000)
        FROM message_numbers WHERE message_id = NEW.message_id;
END;
INSERT INTO message_numbers (message_id) SELECT id FROM messages ORDER BY id;
-- Pieces are merged by a thread of their own, in small steps; whoever writes merges only what that thread left behind far too long.
INSERT INTO message_index (message_index, rank) VALUES ('automerge', 0), ('crisismerge', 64);
INSERT INTO message_index (message_index) VALUES ('rebuild');
