CREATE TABLE batches (
    id TEXT PRIMARY KEY NOT NULL,
    user_id TEXT NOT NULL REFERENCES users (id),
    mailbox_id TEXT NOT NULL REFERENCES mailboxes (id),
    likeness TEXT NOT NULL,
    campaign TEXT,
    created_at BIGINT NOT NULL,
    decided_at BIGINT,
    undone_at BIGINT
);
CREATE TABLE batch_items (
    batch_id TEXT NOT NULL REFERENCES batches (id),
    message_id TEXT NOT NULL REFERENCES messages (id),
    version INTEGER NOT NULL,
    content_hash TEXT NOT NULL,
    sampled BOOLEAN NOT NULL,
    outcome TEXT NOT NULL CHECK (outcome IN ('waiting', 'approved', 'failed', 'undone', 'kept')),
    problem TEXT,
    PRIMARY KEY (batch_id, message_id)
);
CREATE INDEX batch_items_by_message ON batch_items (message_id);
