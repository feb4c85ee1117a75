CREATE TABLE segments (
    id TEXT PRIMARY KEY NOT NULL,
    name TEXT NOT NULL UNIQUE,
    tags TEXT NOT NULL,
    words TEXT NOT NULL,
    customers_only BOOLEAN NOT NULL,
    created_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE TABLE campaigns (
    id TEXT PRIMARY KEY NOT NULL,
    name TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL CHECK (kind IN ('winback', 'migration', 'referral', 'drip', 'announcement', 'feedback')),
    goal TEXT,
    segment_id TEXT REFERENCES segments (id),
    mailbox_id TEXT REFERENCES mailboxes (id),
    stopped_at BIGINT,
    stopped_by TEXT,
    archived_at BIGINT,
    created_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX campaigns_by_segment ON campaigns (segment_id);
-- How many messages of a label are in each state: the totals, and the moves that are not in them yet.
-- Moves are only added, so that messages of one campaign never wait for each other.
CREATE TABLE campaign_counts (
    campaign TEXT NOT NULL,
    mailbox_id TEXT NOT NULL REFERENCES mailboxes (id),
    state TEXT NOT NULL,
    total BIGINT NOT NULL,
    PRIMARY KEY (campaign, mailbox_id, state)
);
CREATE TABLE campaign_moves (
    id TEXT PRIMARY KEY NOT NULL,
    campaign TEXT NOT NULL,
    mailbox_id TEXT NOT NULL REFERENCES mailboxes (id),
    from_state TEXT,
    to_state TEXT NOT NULL
);
CREATE INDEX campaign_moves_by_campaign ON campaign_moves (campaign, mailbox_id);
INSERT INTO campaign_counts (campaign, mailbox_id, state, total)
    SELECT campaign, mailbox_id, state, count(*) FROM messages
    WHERE campaign IS NOT NULL AND planted = FALSE AND state <> 'draft' GROUP BY campaign, mailbox_id, state;
CREATE TABLE cohorts (
    id TEXT PRIMARY KEY NOT NULL,
    name TEXT NOT NULL UNIQUE,
    segment_id TEXT REFERENCES segments (id),
    tags TEXT NOT NULL,
    deadline TEXT NOT NULL,
    from_version TEXT NOT NULL,
    to_version TEXT NOT NULL,
    guide_url TEXT,
    tag_prefix TEXT NOT NULL,
    created_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX cohorts_by_segment ON cohorts (segment_id);
CREATE TABLE sequences (
    id TEXT PRIMARY KEY NOT NULL,
    name TEXT NOT NULL UNIQUE,
    mailbox_id TEXT NOT NULL REFERENCES mailboxes (id),
    campaign TEXT NOT NULL,
    steps TEXT NOT NULL,
    author_kind TEXT NOT NULL,
    author_id TEXT NOT NULL,
    author_name TEXT NOT NULL,
    archived_at BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
-- position is the next step, counted from 0. ready_at is when it is due; nothing while the step before has not left.
CREATE TABLE enrollments (
    id TEXT PRIMARY KEY NOT NULL,
    sequence_id TEXT NOT NULL REFERENCES sequences (id),
    contact_id TEXT NOT NULL REFERENCES contacts (id),
    state TEXT NOT NULL CHECK (state IN ('active', 'complete', 'stopped')),
    position INTEGER NOT NULL,
    ready_at BIGINT,
    stopped_because TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
-- The tags that say where somebody stands are one set for each contact, so there is one sequence at a time.
CREATE UNIQUE INDEX enrollments_one_at_a_time ON enrollments (contact_id) WHERE state = 'active';
CREATE INDEX enrollments_of_sequence ON enrollments (sequence_id, id);
CREATE INDEX enrollments_due ON enrollments (sequence_id, state, id, ready_at);
CREATE TABLE sequence_sends (
    enrollment_id TEXT NOT NULL REFERENCES enrollments (id),
    step INTEGER NOT NULL,
    message_id TEXT NOT NULL UNIQUE REFERENCES messages (id),
    PRIMARY KEY (enrollment_id, step)
);
CREATE TABLE signals (
    id TEXT PRIMARY KEY NOT NULL,
    contact_id TEXT NOT NULL REFERENCES contacts (id),
    kind TEXT NOT NULL,
    value TEXT,
    happy BOOLEAN NOT NULL,
    external_id TEXT UNIQUE,
    happened_at BIGINT NOT NULL,
    recorded_by TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX signals_by_contact ON signals (contact_id, id);
CREATE INDEX signals_by_time ON signals (happy, happened_at, contact_id);
CREATE TABLE referrals (
    id TEXT PRIMARY KEY NOT NULL,
    contact_id TEXT NOT NULL REFERENCES contacts (id),
    code TEXT NOT NULL UNIQUE,
    target_url TEXT NOT NULL,
    by_admin BOOLEAN NOT NULL,
    clicks BIGINT NOT NULL,
    conversions BIGINT NOT NULL,
    last_click_at BIGINT,
    last_conversion_at BIGINT,
    created_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (contact_id, target_url)
);
-- Who clicked today, as a hash with a salt that is thrown away with the day.
CREATE TABLE referral_salts (
    day TEXT PRIMARY KEY NOT NULL,
    salt TEXT NOT NULL
);
CREATE TABLE referral_visitors (
    referral_id TEXT NOT NULL REFERENCES referrals (id),
    visitor TEXT NOT NULL,
    day TEXT NOT NULL,
    PRIMARY KEY (referral_id, visitor)
);
CREATE INDEX referral_visitors_by_day ON referral_visitors (day);
CREATE TABLE referral_conversions (
    id TEXT PRIMARY KEY NOT NULL,
    referral_id TEXT NOT NULL REFERENCES referrals (id),
    external_id TEXT UNIQUE,
    email_hash TEXT,
    contact_id TEXT REFERENCES contacts (id),
    value_minor BIGINT,
    currency TEXT,
    recorded_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (referral_id, email_hash)
);
