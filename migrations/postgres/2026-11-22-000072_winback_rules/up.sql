CREATE TABLE winback_rules (
    id TEXT PRIMARY KEY NOT NULL,
    name TEXT NOT NULL UNIQUE,
    mailbox_id TEXT NOT NULL REFERENCES mailboxes (id),
    enabled BOOLEAN NOT NULL,
    reasons TEXT NOT NULL,
    mrr_from BIGINT,
    currency TEXT,
    from_days INTEGER NOT NULL CHECK (from_days >= 0),
    to_days INTEGER NOT NULL CHECK (to_days >= from_days),
    needs_update BOOLEAN NOT NULL,
    segment_id TEXT REFERENCES segments (id),
    imported BOOLEAN NOT NULL,
    strategy TEXT,
    holdout INTEGER NOT NULL CHECK (holdout BETWEEN 0 AND 50),
    daily INTEGER NOT NULL CHECK (daily > 0),
    last_event TEXT NOT NULL,
    last_left_at BIGINT NOT NULL,
    next_run_at BIGINT NOT NULL,
    drafted BIGINT NOT NULL,
    held_out BIGINT NOT NULL,
    left_out BIGINT NOT NULL,
    day TEXT NOT NULL,
    drafted_on_day INTEGER NOT NULL,
    failures INTEGER NOT NULL,
    trouble TEXT,
    created_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
-- Whom a rule picked, once for each departure whatever the rule, and into which group the lot put them.
CREATE TABLE winback_picks (
    churn_event_id TEXT PRIMARY KEY NOT NULL REFERENCES churn_events (id),
    rule_id TEXT NOT NULL,
    arm TEXT NOT NULL CHECK (arm IN ('letter', 'held_out', 'left_out', 'released')),
    because TEXT,
    picked_at BIGINT NOT NULL,
    compare_until BIGINT NOT NULL,
    currency TEXT NOT NULL,
    mrr_minor BIGINT NOT NULL,
    back_at BIGINT,
    closed_at BIGINT
);
CREATE INDEX winback_picks_by_time ON winback_picks (picked_at, arm, back_at, compare_until, currency, mrr_minor);
CREATE INDEX winback_picks_of_rule ON winback_picks (rule_id, arm, picked_at, back_at, compare_until, currency, mrr_minor);
CREATE INDEX winback_picks_to_close ON winback_picks (compare_until) WHERE arm = 'held_out' AND closed_at IS NULL;
ALTER TABLE churn_events ADD COLUMN evidence TEXT CHECK (evidence IN ('strong', 'weak', 'organic'));
ALTER TABLE variants ADD COLUMN clicked_at BIGINT;
UPDATE churn_events SET evidence = CASE
    WHEN letter_at IS NULL OR letter_at > recovered_at THEN 'organic'
    WHEN replied_at <= recovered_at THEN 'strong'
    WHEN recovered_at - letter_at <= 1209600000000 THEN 'weak'
    ELSE 'organic' END
WHERE status = 'recovered' AND recovered_at IS NOT NULL;
CREATE INDEX churn_events_by_evidence ON churn_events (recovered_at, evidence, currency, mrr_minor) WHERE evidence IS NOT NULL;
