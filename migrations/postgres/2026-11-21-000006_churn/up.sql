CREATE TABLE churn_events (
    id TEXT PRIMARY KEY NOT NULL,
    contact_id TEXT REFERENCES contacts (id),
    customer_email TEXT,
    customer_name TEXT,
    provider TEXT NOT NULL,
    provider_customer_id TEXT,
    provider_subscription_id TEXT,
    plan_name TEXT,
    mrr_minor BIGINT,
    currency TEXT NOT NULL,
    tenure_days INTEGER,
    cancel_reason TEXT,
    cancel_reason_text TEXT,
    event_type TEXT NOT NULL CHECK (event_type IN ('cancelled', 'expired', 'inactive', 'payment_failed')),
    last_active_at BIGINT,
    notes TEXT,
    features TEXT NOT NULL DEFAULT '[]',
    status TEXT NOT NULL CHECK (status IN ('new', 'processing', 'variants_generated', 'email_sent', 'recovered', 'lost')),
    reason TEXT NOT NULL,
    reason_confidence INTEGER NOT NULL,
    reason_quotes TEXT NOT NULL DEFAULT '[]',
    reason_corrected_by TEXT,
    source TEXT NOT NULL,
    churned_at BIGINT NOT NULL,
    recovered_at BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX churn_events_by_time ON churn_events (churned_at, id);
CREATE INDEX churn_events_by_contact ON churn_events (contact_id, churned_at);
CREATE INDEX churn_events_by_subscription ON churn_events (provider_subscription_id, created_at);
CREATE TABLE provider_events (
    provider TEXT NOT NULL,
    event_id TEXT NOT NULL,
    received_at BIGINT NOT NULL,
    PRIMARY KEY (provider, event_id)
);
CREATE TABLE imports (
    id TEXT PRIMARY KEY NOT NULL,
    kind TEXT NOT NULL,
    file_name TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('running', 'finished', 'failed')),
    total_rows BIGINT NOT NULL,
    imported_rows BIGINT NOT NULL,
    duplicate_rows BIGINT NOT NULL DEFAULT 0,
    refused_rows BIGINT NOT NULL,
    refused_csv TEXT NOT NULL,
    problem TEXT,
    created_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    finished_at BIGINT
);
