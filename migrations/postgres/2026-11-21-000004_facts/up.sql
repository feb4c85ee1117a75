CREATE TABLE facts (
    id TEXT PRIMARY KEY NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('product_update', 'offer', 'plan_price', 'contact_field', 'usage_figure', 'ticket_quote', 'migration_change', 'allowed_url', 'company_fact', 'customer_story')),
    fact_key TEXT NOT NULL,
    contact_id TEXT REFERENCES contacts (id),
    version INTEGER NOT NULL,
    content_hash TEXT NOT NULL,
    label TEXT NOT NULL,
    body TEXT NOT NULL,
    source TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('proposed', 'current', 'revoked')),
    state_reason TEXT,
    day TEXT,
    recorded_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    UNIQUE (kind, fact_key)
);
CREATE INDEX facts_by_contact ON facts (contact_id, kind, state);
CREATE INDEX facts_by_day ON facts (kind, day, id);
CREATE TABLE fact_versions (
    fact_id TEXT NOT NULL REFERENCES facts (id),
    version INTEGER NOT NULL,
    content_hash TEXT NOT NULL,
    label TEXT NOT NULL,
    body TEXT NOT NULL,
    source TEXT NOT NULL,
    recorded_by TEXT NOT NULL,
    recorded_at BIGINT NOT NULL,
    PRIMARY KEY (fact_id, version)
);
CREATE TABLE fact_book (
    id INTEGER PRIMARY KEY NOT NULL CHECK (id = 1),
    revision TEXT NOT NULL
);
INSERT INTO fact_book (id, revision) VALUES (1, '');
