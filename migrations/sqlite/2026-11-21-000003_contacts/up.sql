CREATE TABLE contacts (
    id TEXT PRIMARY KEY NOT NULL,
    email TEXT NOT NULL,
    email_key TEXT NOT NULL UNIQUE,
    name TEXT,
    metadata TEXT NOT NULL DEFAULT '{}',
    time_zone TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE TABLE contact_tags (
    contact_id TEXT NOT NULL REFERENCES contacts (id),
    tag TEXT NOT NULL,
    PRIMARY KEY (contact_id, tag)
);
CREATE INDEX contact_tags_by_tag ON contact_tags (tag, contact_id);
CREATE TABLE consents (
    id TEXT PRIMARY KEY NOT NULL,
    contact_id TEXT NOT NULL REFERENCES contacts (id),
    basis TEXT NOT NULL CHECK (basis IN ('consent', 'soft_opt_in', 'contract', 'legitimate_interest')),
    source TEXT NOT NULL,
    recorded_by TEXT NOT NULL,
    recorded_at BIGINT NOT NULL
);
CREATE INDEX consents_by_contact ON consents (contact_id);
CREATE TABLE suppressions (
    email_key TEXT PRIMARY KEY NOT NULL,
    reason TEXT NOT NULL CHECK (reason IN ('unsubscribed', 'complained', 'bounced', 'by_hand')),
    source TEXT NOT NULL,
    message_id TEXT,
    created_at BIGINT NOT NULL
);
CREATE TABLE customers (
    contact_id TEXT PRIMARY KEY NOT NULL REFERENCES contacts (id),
    company TEXT,
    plan_name TEXT,
    mrr_minor BIGINT,
    currency TEXT,
    tenure_days INTEGER,
    features TEXT NOT NULL DEFAULT '[]',
    usage TEXT NOT NULL DEFAULT '[]',
    last_active_at BIGINT,
    updated_at BIGINT NOT NULL
);
