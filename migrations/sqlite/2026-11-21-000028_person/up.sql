CREATE TABLE topics (
    id TEXT PRIMARY KEY NOT NULL,
    name TEXT NOT NULL UNIQUE,
    description TEXT NOT NULL,
    wanted BOOLEAN NOT NULL,
    archived_at BIGINT,
    created_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE TABLE topic_choices (
    contact_id TEXT NOT NULL REFERENCES contacts (id),
    topic_id TEXT NOT NULL REFERENCES topics (id),
    wanted BOOLEAN NOT NULL,
    chosen_by TEXT NOT NULL,
    chosen_at BIGINT NOT NULL,
    PRIMARY KEY (contact_id, topic_id)
);
CREATE TABLE preferences (
    contact_id TEXT PRIMARY KEY NOT NULL REFERENCES contacts (id),
    most_per_week INTEGER CHECK (most_per_week BETWEEN 1 AND 7),
    paused_until BIGINT,
    changed_by TEXT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE TABLE mailbox_footers (
    mailbox_id TEXT PRIMARY KEY NOT NULL REFERENCES mailboxes (id),
    topic_id TEXT REFERENCES topics (id),
    undisclosed_because TEXT,
    changed_by TEXT NOT NULL,
    updated_at BIGINT NOT NULL
);
ALTER TABLE campaigns ADD COLUMN topic_id TEXT REFERENCES topics (id);
ALTER TABLE messages ADD COLUMN topic_id TEXT REFERENCES topics (id);
-- What a ground for mailing rests on, and when it ended. A withdrawal is a fact of its own: nothing is deleted.
ALTER TABLE consents ADD COLUMN purpose TEXT NOT NULL DEFAULT 'commercial mail';
ALTER TABLE consents ADD COLUMN wording TEXT;
ALTER TABLE consents ADD COLUMN evidence TEXT;
ALTER TABLE consents ADD COLUMN jurisdiction TEXT CHECK (jurisdiction IN ('eu', 'uk', 'ch', 'us', 'us_ca', 'ca', 'other'));
ALTER TABLE consents ADD COLUMN given_at BIGINT;
ALTER TABLE consents ADD COLUMN withdrawn_at BIGINT;
ALTER TABLE consents ADD COLUMN withdrawn_by TEXT;
-- Somebody was asked to confirm; the link in the message does.
CREATE TABLE opt_ins (
    token_hash TEXT PRIMARY KEY NOT NULL,
    contact_id TEXT NOT NULL REFERENCES contacts (id),
    message_id TEXT NOT NULL REFERENCES messages (id),
    purpose TEXT NOT NULL,
    source TEXT NOT NULL,
    wording TEXT,
    jurisdiction TEXT,
    asked_by TEXT NOT NULL,
    asked_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    confirmed_at BIGINT
);
CREATE INDEX opt_ins_by_contact ON opt_ins (contact_id);
-- Where a contact comes from. The first message to somebody whose data is from elsewhere names the source.
CREATE TABLE contact_sources (
    contact_id TEXT PRIMARY KEY NOT NULL REFERENCES contacts (id),
    source TEXT NOT NULL,
    elsewhere BOOLEAN NOT NULL,
    import_id TEXT,
    file_name TEXT,
    basis TEXT,
    obtained_at BIGINT NOT NULL,
    recorded_by TEXT NOT NULL,
    recorded_at BIGINT NOT NULL
);
-- What people ask for about their own data, with the day by which it must be done.
CREATE TABLE data_requests (
    id TEXT PRIMARY KEY NOT NULL,
    contact_id TEXT NOT NULL REFERENCES contacts (id),
    kind TEXT NOT NULL CHECK (kind IN ('access', 'erasure', 'objection', 'correction')),
    law TEXT NOT NULL CHECK (law IN ('gdpr', 'ccpa', 'other')),
    received_at BIGINT NOT NULL,
    acknowledge_by BIGINT,
    acknowledged_at BIGINT,
    due_at BIGINT NOT NULL,
    extended_because TEXT,
    done_at BIGINT,
    done_by TEXT,
    note TEXT,
    recorded_by TEXT NOT NULL
);
CREATE INDEX data_requests_open ON data_requests (due_at) WHERE done_at IS NULL;
CREATE INDEX data_requests_by_contact ON data_requests (contact_id, id);
