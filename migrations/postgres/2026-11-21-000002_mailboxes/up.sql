CREATE TABLE mailboxes (
    id TEXT PRIMARY KEY NOT NULL,
    address TEXT NOT NULL,
    address_key TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    mode TEXT NOT NULL CHECK (mode IN ('read_only', 'gated_all', 'gated_send', 'monitored', 'autonomous')),
    postal_address TEXT NOT NULL,
    undo_seconds INTEGER NOT NULL DEFAULT 15,
    person_required BOOLEAN NOT NULL DEFAULT FALSE,
    stopped_at BIGINT,
    created_at BIGINT NOT NULL
);
CREATE TABLE mailbox_members (
    mailbox_id TEXT NOT NULL REFERENCES mailboxes (id),
    user_id TEXT NOT NULL REFERENCES users (id),
    PRIMARY KEY (mailbox_id, user_id)
);
CREATE TABLE api_keys (
    id TEXT PRIMARY KEY NOT NULL,
    name TEXT NOT NULL,
    prefix TEXT NOT NULL,
    secret_hash TEXT NOT NULL UNIQUE,
    scopes TEXT NOT NULL,
    is_test BOOLEAN NOT NULL,
    created_by TEXT REFERENCES users (id),
    created_at BIGINT NOT NULL,
    last_used_at BIGINT,
    revoked_at BIGINT
);
CREATE TABLE api_key_mailboxes (
    api_key_id TEXT NOT NULL REFERENCES api_keys (id),
    mailbox_id TEXT NOT NULL REFERENCES mailboxes (id),
    PRIMARY KEY (api_key_id, mailbox_id)
);
