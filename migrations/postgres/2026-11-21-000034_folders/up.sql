-- How far the folder of a mailbox was read over IMAP.
CREATE TABLE inbound_folders (
    mailbox_id TEXT PRIMARY KEY NOT NULL REFERENCES mailboxes (id),
    uid_validity BIGINT NOT NULL,
    last_uid BIGINT NOT NULL,
    looked_at BIGINT NOT NULL,
    problem TEXT
);
