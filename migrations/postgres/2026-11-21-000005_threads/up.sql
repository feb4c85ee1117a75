CREATE TABLE threads (
    id TEXT PRIMARY KEY NOT NULL,
    mailbox_id TEXT NOT NULL REFERENCES mailboxes (id),
    contact_id TEXT REFERENCES contacts (id),
    subject TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX threads_by_contact ON threads (contact_id);
CREATE TABLE inbound_emails (
    id TEXT PRIMARY KEY NOT NULL,
    mailbox_id TEXT NOT NULL REFERENCES mailboxes (id),
    thread_id TEXT NOT NULL REFERENCES threads (id),
    contact_id TEXT REFERENCES contacts (id),
    from_address TEXT NOT NULL,
    from_key TEXT NOT NULL,
    to_address TEXT NOT NULL,
    subject TEXT NOT NULL,
    text_body TEXT NOT NULL,
    received_at BIGINT NOT NULL,
    read_at BIGINT,
    released_at BIGINT
);
CREATE INDEX inbound_emails_by_mailbox ON inbound_emails (mailbox_id, received_at, id);
CREATE INDEX inbound_emails_by_sender ON inbound_emails (from_key, received_at);
CREATE INDEX inbound_emails_by_thread ON inbound_emails (thread_id, received_at);
CREATE TABLE inbound_email_tags (
    inbound_email_id TEXT NOT NULL REFERENCES inbound_emails (id),
    tag TEXT NOT NULL,
    PRIMARY KEY (inbound_email_id, tag)
);
