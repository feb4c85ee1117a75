-- What came in, beyond its words: what it was taken for, its HTML as it came, what came along.
ALTER TABLE inbound_emails ADD COLUMN kind TEXT NOT NULL DEFAULT 'reply' CHECK (kind IN ('bounce', 'delayed', 'complaint', 'auto_reply', 'reply', 'unsubscribe', 'other', 'unreadable'));
ALTER TABLE inbound_emails ADD COLUMN from_name TEXT;
ALTER TABLE inbound_emails ADD COLUMN html_body TEXT;
ALTER TABLE inbound_emails ADD COLUMN attachments TEXT NOT NULL DEFAULT '[]';
ALTER TABLE inbound_emails ADD COLUMN note TEXT;
CREATE INDEX inbound_emails_by_message_id ON inbound_emails (message_id_header);

-- The mail as it came, in base64, and that it was taken.
CREATE TABLE inbound_raw (
    mailbox_id TEXT NOT NULL REFERENCES mailboxes (id),
    digest TEXT NOT NULL,
    inbound_email_id TEXT NOT NULL REFERENCES inbound_emails (id),
    raw TEXT NOT NULL,
    PRIMARY KEY (mailbox_id, digest)
);
CREATE INDEX inbound_raw_by_email ON inbound_raw (inbound_email_id);

-- How mail gets in. The token is kept as a hash.
CREATE TABLE inbound_ways (
    mailbox_id TEXT PRIMARY KEY NOT NULL REFERENCES mailboxes (id),
    token_hash TEXT NOT NULL UNIQUE,
    created_at BIGINT NOT NULL
);

-- What was reported of a message: each report once.
CREATE TABLE delivery_reports (
    id TEXT PRIMARY KEY NOT NULL,
    message_id TEXT NOT NULL REFERENCES messages (id),
    source TEXT NOT NULL,
    event_key TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL CHECK (kind IN ('bounce', 'delayed', 'complaint', 'delivered')),
    hard BOOLEAN NOT NULL,
    status TEXT,
    reason TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX delivery_reports_by_message ON delivery_reports (message_id, created_at);

-- Whoever shows that they may buy.
CREATE TABLE leads (
    id TEXT PRIMARY KEY NOT NULL,
    mailbox_id TEXT NOT NULL REFERENCES mailboxes (id),
    thread_id TEXT NOT NULL REFERENCES threads (id),
    inbound_email_id TEXT NOT NULL UNIQUE REFERENCES inbound_emails (id),
    contact_id TEXT REFERENCES contacts (id),
    signals TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
