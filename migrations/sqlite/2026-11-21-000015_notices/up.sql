ALTER TABLE users ADD COLUMN digest_hour INTEGER NOT NULL DEFAULT 8 CHECK (digest_hour BETWEEN 0 AND 23);
ALTER TABLE users ADD COLUMN notices BOOLEAN NOT NULL DEFAULT TRUE;
CREATE TABLE notification_settings (
    user_id TEXT NOT NULL REFERENCES users (id),
    mailbox_id TEXT NOT NULL REFERENCES mailboxes (id),
    notify TEXT NOT NULL CHECK (notify IN ('off', 'digest', 'immediate')),
    PRIMARY KEY (user_id, mailbox_id)
);
-- One row a person: whoever raises the revision writes the mail.
CREATE TABLE notice_times (
    user_id TEXT PRIMARY KEY NOT NULL REFERENCES users (id),
    told_at BIGINT,
    digest_at BIGINT NOT NULL,
    revision BIGINT NOT NULL DEFAULT 0
);
CREATE TABLE notice_told (
    user_id TEXT NOT NULL REFERENCES users (id),
    message_id TEXT NOT NULL REFERENCES messages (id),
    version INTEGER NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (user_id, message_id, version)
);
CREATE INDEX notice_told_by_time ON notice_told (at, user_id);
CREATE TABLE notices (
    id TEXT PRIMARY KEY NOT NULL,
    user_id TEXT NOT NULL REFERENCES users (id),
    kind TEXT NOT NULL CHECK (kind IN ('mentioned', 'assigned')),
    message_id TEXT NOT NULL REFERENCES messages (id),
    by_name TEXT NOT NULL,
    words TEXT,
    created_at BIGINT NOT NULL,
    done_at BIGINT
);
CREATE INDEX notices_by_time ON notices (created_at, user_id);
CREATE TABLE notice_mails (
    id TEXT PRIMARY KEY NOT NULL,
    user_id TEXT NOT NULL REFERENCES users (id),
    kind TEXT NOT NULL CHECK (kind IN ('now', 'digest')),
    mailbox_id TEXT NOT NULL REFERENCES mailboxes (id),
    mailboxes TEXT NOT NULL,
    subject TEXT NOT NULL,
    text_body TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('queued', 'sending', 'dot', 'sent', 'failed', 'uncertain')),
    not_before BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    claim_token TEXT,
    claimed_until BIGINT,
    last_reply TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX notice_mails_due ON notice_mails (state, not_before);
CREATE INDEX notice_mails_by_user ON notice_mails (user_id, created_at);
CREATE INDEX messages_pending_by_change ON messages (mailbox_id, updated_at) WHERE state = 'pending';
CREATE INDEX warrants_monitored_by_time ON warrants (issued_at) WHERE cleared_by = 'monitored';
