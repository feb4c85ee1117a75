-- Who stopped sending, when and why: of one mailbox (its id), of all ("all"), or since the database was put back ("restored").
CREATE TABLE stops (
    scope TEXT PRIMARY KEY NOT NULL,
    at BIGINT NOT NULL,
    actor_kind TEXT NOT NULL,
    actor_id TEXT NOT NULL,
    actor_name TEXT NOT NULL,
    reason TEXT NOT NULL
);
-- One row for each time that a worker had a message in hand.
CREATE TABLE delivery_attempts (
    message_id TEXT NOT NULL REFERENCES messages (id),
    started_at BIGINT NOT NULL,
    ended_at BIGINT NOT NULL,
    relay TEXT,
    stage TEXT CHECK (stage IN ('connect', 'greeting', 'tls', 'auth', 'mail', 'rcpt', 'data', 'dot')),
    outcome TEXT NOT NULL CHECK (outcome IN ('sent', 'deferred', 'failed', 'uncertain', 'held', 'lost')),
    code INTEGER,
    reply TEXT,
    PRIMARY KEY (message_id, started_at)
) WITHOUT ROWID;
-- How what was uncertain was settled, and what said so.
CREATE TABLE settlements (
    id TEXT PRIMARY KEY NOT NULL,
    message_id TEXT NOT NULL REFERENCES messages (id),
    at BIGINT NOT NULL,
    evidence TEXT NOT NULL CHECK (evidence IN ('late_reply', 'bounce', 'complaint', 'report', 'reply', 'unsubscribe', 'click', 'relay_log', 'person')),
    verdict TEXT NOT NULL CHECK (verdict IN ('was_sent', 'send_again', 'do_not_send')),
    actor_kind TEXT NOT NULL,
    actor_name TEXT NOT NULL,
    note TEXT
);
CREATE INDEX settlements_by_message ON settlements (message_id, id);
-- Suppressions that the journal beside the database knows and that belong to no contact here yet, as keyed hashes.
CREATE TABLE journaled_addresses (
    address_hash TEXT PRIMARY KEY NOT NULL,
    reason TEXT NOT NULL,
    at BIGINT NOT NULL
);
-- The server that a message was handed to, noted before its final dot.
ALTER TABLE outbox ADD COLUMN relay TEXT;
