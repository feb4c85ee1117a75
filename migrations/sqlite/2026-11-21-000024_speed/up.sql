-- The number is the place of a contact in the search index. It is a column of its own, since the numbers
-- that SQLite gives rows by itself may change with VACUUM.
CREATE TABLE contact_numbers (
    number INTEGER PRIMARY KEY,
    contact_id TEXT NOT NULL UNIQUE REFERENCES contacts (id)
);
-- What is searched: name, address and tags as words, and each tag whole as one word that begins with "=",
-- which no other word does. The bare "=" is in all of them, for what only leaves tags out. Who was erased is not found.
CREATE VIEW contact_words AS
    SELECT n.number AS number, n.contact_id AS contact_id,
        replace(coalesce(c.name, '') || ' ' || c.email_key, '=', ' ') || ' = ' || coalesce(
            (SELECT group_concat(replace(t.tag, '=', ' ') || ' =' || hex(t.tag), ' ') FROM contact_tags t WHERE t.contact_id = c.id), '') AS words
    FROM contact_numbers n
    JOIN contacts c ON c.id = n.contact_id AND c.erased_at IS NULL;
CREATE VIRTUAL TABLE contact_index USING fts5 (
    words, content = 'contact_words', content_rowid = 'number', prefix = '1 2 3 4 5 6 7 8 9 10 11 12', detail = none, columnsize = 0,
    tokenize = "unicode61 remove_diacritics 0 categories 'L* Nd' tokenchars '='"
);
-- Without it, what is taken out of the search stays in its files until they are merged.
INSERT INTO contact_index (contact_index, rank) VALUES ('secure-delete', 1);
INSERT INTO contact_index (contact_index, rank) VALUES ('automerge', 0), ('crisismerge', 64);
INSERT INTO contact_numbers (contact_id) SELECT id FROM contacts ORDER BY id;
INSERT INTO contact_index (contact_index) VALUES ('rebuild');
-- Words are taken out of the index by naming them once more, so before each change.
CREATE TRIGGER contacts_are_found AFTER INSERT ON contacts
BEGIN
    INSERT INTO contact_numbers (contact_id) VALUES (NEW.id);
    INSERT INTO contact_index (rowid, words) SELECT number, words FROM contact_words WHERE contact_id = NEW.id;
END;
CREATE TRIGGER contacts_are_found_no_more BEFORE UPDATE OF name, email_key, erased_at ON contacts
WHEN NEW.name IS NOT OLD.name OR NEW.email_key <> OLD.email_key OR NEW.erased_at IS NOT OLD.erased_at
BEGIN
    INSERT INTO contact_index (contact_index, rowid, words) SELECT 'delete', number, words FROM contact_words WHERE contact_id = OLD.id;
END;
CREATE TRIGGER contacts_are_found_anew AFTER UPDATE OF name, email_key, erased_at ON contacts
WHEN NEW.name IS NOT OLD.name OR NEW.email_key <> OLD.email_key OR NEW.erased_at IS NOT OLD.erased_at
BEGIN
    INSERT INTO contact_index (rowid, words) SELECT number, words FROM contact_words WHERE contact_id = NEW.id;
END;
-- A tag that comes adds its words; taking out all and putting them back would look for each in every piece of the index.
CREATE TRIGGER contact_tags_are_found AFTER INSERT ON contact_tags
BEGIN
    INSERT INTO contact_index (rowid, words)
        SELECT n.number, replace(NEW.tag, '=', ' ') || ' =' || hex(NEW.tag)
        FROM contact_numbers n JOIN contacts c ON c.id = n.contact_id AND c.erased_at IS NULL WHERE n.contact_id = NEW.contact_id;
END;
CREATE TRIGGER contact_tags_go BEFORE DELETE ON contact_tags
BEGIN
    INSERT INTO contact_index (contact_index, rowid, words) SELECT 'delete', number, words FROM contact_words WHERE contact_id = OLD.contact_id;
END;
CREATE TRIGGER contact_tags_are_found_no_more AFTER DELETE ON contact_tags
BEGIN
    INSERT INTO contact_index (rowid, words) SELECT number, words FROM contact_words WHERE contact_id = OLD.contact_id;
END;

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
