CREATE TABLE churn_sources (
    id TEXT PRIMARY KEY NOT NULL,
    provider TEXT NOT NULL CHECK (provider IN ('stripe', 'paddle', 'chargebee', 'generic', 'cancel_flow')),
    name TEXT NOT NULL,
    secret TEXT NOT NULL,
    origins TEXT NOT NULL DEFAULT '[]',
    enabled BOOLEAN NOT NULL,
    last_event_at BIGINT,
    last_error TEXT,
    last_error_at BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
-- What administrators look at; old lines are deleted.
CREATE TABLE intake_events (
    id TEXT PRIMARY KEY NOT NULL,
    source_id TEXT,
    provider TEXT NOT NULL,
    event_id TEXT,
    event_type TEXT NOT NULL,
    outcome TEXT NOT NULL CHECK (outcome IN ('taken', 'ignored', 'refused')),
    note TEXT,
    churn_event_id TEXT,
    occurred_at BIGINT,
    received_at BIGINT NOT NULL
);
CREATE INDEX intake_events_by_source ON intake_events (source_id, id);
CREATE INDEX intake_events_by_time ON intake_events (received_at);
-- What providers said of a subscription. What holds is worked out from all of it, in the order of occurred_at.
CREATE TABLE churn_signals (
    scope TEXT NOT NULL,
    event_id TEXT NOT NULL,
    subject TEXT NOT NULL,
    customer_id TEXT,
    kind TEXT NOT NULL CHECK (kind IN ('leaving', 'stays', 'payment_failed', 'paid', 'returned')),
    occurred_at BIGINT NOT NULL,
    details TEXT NOT NULL,
    source TEXT NOT NULL,
    churn_event_id TEXT REFERENCES churn_events (id),
    received_at BIGINT NOT NULL,
    PRIMARY KEY (scope, event_id)
);
CREATE INDEX churn_signals_by_subject ON churn_signals (scope, subject, occurred_at);
CREATE INDEX churn_signals_by_customer ON churn_signals (scope, customer_id);
CREATE INDEX churn_signals_by_event ON churn_signals (churn_event_id);
CREATE INDEX churn_signals_by_time ON churn_signals (received_at);
-- Held while one of its signals is taken, so that two take turns.
CREATE TABLE churn_subjects (
    scope TEXT NOT NULL,
    subject TEXT NOT NULL,
    revision BIGINT NOT NULL,
    PRIMARY KEY (scope, subject)
);
-- Providers name a customer by id in most events; who that is comes in others.
CREATE TABLE provider_customers (
    scope TEXT NOT NULL,
    customer_id TEXT NOT NULL,
    email TEXT,
    name TEXT,
    observed_at BIGINT NOT NULL,
    PRIMARY KEY (scope, customer_id)
);
CREATE INDEX churn_events_by_customer ON churn_events (provider_customer_id, created_at);
CREATE INDEX provider_events_by_time ON provider_events (received_at);
CREATE TABLE usage_days (
    contact_id TEXT NOT NULL REFERENCES contacts (id),
    day TEXT NOT NULL,
    name TEXT NOT NULL,
    events BIGINT NOT NULL,
    total BIGINT NOT NULL,
    PRIMARY KEY (contact_id, day, name)
);
CREATE INDEX usage_days_by_name ON usage_days (name, day);
CREATE TABLE usage_taken (
    event_id TEXT PRIMARY KEY NOT NULL,
    taken_at BIGINT NOT NULL
);
CREATE INDEX usage_taken_by_time ON usage_taken (taken_at);
CREATE TABLE inactivity_rules (
    id TEXT PRIMARY KEY NOT NULL,
    days INTEGER NOT NULL CHECK (days BETWEEN 3 AND 730),
    plans TEXT NOT NULL,
    tags TEXT NOT NULL,
    enabled BOOLEAN NOT NULL,
    last_contact TEXT NOT NULL,
    next_run_at BIGINT NOT NULL,
    found BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
-- The last activity after which a contact counted as inactive: one event for each period.
CREATE TABLE inactivity_periods (
    contact_id TEXT PRIMARY KEY NOT NULL REFERENCES contacts (id),
    last_active_at BIGINT NOT NULL
);
