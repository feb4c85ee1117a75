-- One row for each request that names an idempotency key: running while it is leased, answered afterwards.
-- effect_at is written in the transaction of the change itself.
CREATE TABLE idempotency_keys (
    id TEXT PRIMARY KEY NOT NULL,
    api_key_id TEXT NOT NULL,
    name TEXT NOT NULL,
    request_hash TEXT NOT NULL,
    request_id TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    lease TEXT NOT NULL,
    lease_until BIGINT NOT NULL,
    effect_at BIGINT,
    answered_at BIGINT,
    status INTEGER,
    content_type TEXT,
    body TEXT,
    UNIQUE (api_key_id, name)
);
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);
CREATE TABLE api_calls (
    id TEXT PRIMARY KEY NOT NULL,
    at BIGINT NOT NULL,
    key_id TEXT,
    key_prefix TEXT,
    surface TEXT NOT NULL CHECK (surface IN ('rest', 'mcp')),
    method TEXT NOT NULL,
    operation TEXT NOT NULL,
    scope TEXT,
    target_id TEXT,
    outcome TEXT NOT NULL CHECK (outcome IN ('done', 'refused', 'failed')),
    status INTEGER NOT NULL,
    code TEXT,
    replayed BOOLEAN NOT NULL,
    micros BIGINT NOT NULL,
    peer TEXT,
    request_id TEXT NOT NULL
);
CREATE INDEX api_calls_by_age ON api_calls (at);
CREATE INDEX api_calls_by_key ON api_calls (key_id, id);
CREATE INDEX api_calls_by_outcome ON api_calls (outcome, id);
CREATE INDEX api_calls_by_key_and_outcome ON api_calls (key_id, outcome, id);
-- The call that made the change, where one did.
ALTER TABLE audit_log ADD COLUMN request_id TEXT;
CREATE INDEX audit_log_by_request ON audit_log (request_id) WHERE request_id IS NOT NULL;
