ALTER TABLE messages ADD COLUMN assignee_id TEXT REFERENCES users (id);
ALTER TABLE messages ADD COLUMN likeness TEXT NOT NULL DEFAULT '';
ALTER TABLE messages ADD COLUMN planted BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE decisions ADD COLUMN batch_id TEXT;
ALTER TABLE decisions ADD COLUMN dwell_ms BIGINT;
CREATE INDEX decisions_by_actor ON decisions (actor_id, created_at);
ALTER TABLE mailboxes ADD COLUMN bulk_in_gated_all BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE mailboxes ADD COLUMN notify TEXT NOT NULL DEFAULT 'off' CHECK (notify IN ('off', 'digest', 'immediate'));
ALTER TABLE mailboxes ADD COLUMN planted_percent INTEGER NOT NULL DEFAULT 0;
ALTER TABLE users ADD COLUMN time_zone TEXT;
ALTER TABLE users ADD COLUMN shortcuts BOOLEAN NOT NULL DEFAULT TRUE;
CREATE TABLE message_snoozes (
    user_id TEXT NOT NULL REFERENCES users (id),
    message_id TEXT NOT NULL REFERENCES messages (id),
    until BIGINT NOT NULL,
    PRIMARY KEY (user_id, message_id)
);
CREATE TABLE message_readers (
    message_id TEXT NOT NULL REFERENCES messages (id),
    user_id TEXT NOT NULL REFERENCES users (id),
    user_name TEXT NOT NULL,
    seen_at BIGINT NOT NULL,
    taken_until BIGINT,
    PRIMARY KEY (message_id, user_id)
);
CREATE INDEX message_readers_by_time ON message_readers (seen_at);
CREATE TABLE message_comments (
    id TEXT PRIMARY KEY NOT NULL,
    message_id TEXT NOT NULL REFERENCES messages (id),
    author_id TEXT NOT NULL REFERENCES users (id),
    author_name TEXT NOT NULL,
    body TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX message_comments_by_message ON message_comments (message_id, created_at);
CREATE TABLE message_mentions (
    comment_id TEXT NOT NULL REFERENCES message_comments (id),
    user_id TEXT NOT NULL REFERENCES users (id),
    message_id TEXT NOT NULL REFERENCES messages (id),
    PRIMARY KEY (comment_id, user_id)
);
CREATE INDEX message_mentions_by_user ON message_mentions (user_id, message_id);
