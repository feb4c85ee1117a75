-- Until when an automatic answer said that they are away.
ALTER TABLE contacts ADD COLUMN absent_until BIGINT;
-- Messages that are not commercial, by who says so; without a row a message is commercial.
CREATE TABLE message_classes (
    message_id TEXT PRIMARY KEY NOT NULL REFERENCES messages (id),
    class TEXT NOT NULL CHECK (class IN ('transactional', 'relationship'))
);
-- How fast a mailbox may send, and how it is received. A mailbox without a row has the usual values.
CREATE TABLE mailbox_pace (
    mailbox_id TEXT PRIMARY KEY NOT NULL REFERENCES mailboxes (id),
    -- Messages a minute, and to one domain; 0 is no limit.
    per_minute INTEGER NOT NULL,
    per_domain_minute INTEGER NOT NULL,
    -- Messages of the first sending day, growth in percent a sending day, and where the ramp ends; 0 is no warm-up.
    warmup_first INTEGER NOT NULL,
    warmup_percent INTEGER NOT NULL,
    warmup_target INTEGER NOT NULL,
    warmup_since BIGINT,
    -- In millionths of what was sent.
    bounce_limit INTEGER NOT NULL,
    complaint_limit INTEGER NOT NULL,
    -- In percent of the median of fourteen days.
    spike_percent INTEGER NOT NULL,
    health TEXT NOT NULL CHECK (health IN ('good', 'warned', 'slowed', 'paused')),
    health_because TEXT,
    health_since BIGINT,
    -- Rates count from here: when a person resumed.
    armed_at BIGINT NOT NULL,
    -- The whole mailbox waits until then, for this.
    waits_until BIGINT NOT NULL,
    waits_for TEXT
);
-- One row for each message that is being handed over or was, narrow: caps, throttles and rates count here.
CREATE TABLE sends (
    message_id TEXT PRIMARY KEY NOT NULL REFERENCES messages (id),
    mailbox_id TEXT NOT NULL,
    contact_id TEXT NOT NULL,
    domain TEXT NOT NULL,
    commercial BOOLEAN NOT NULL,
    topic TEXT,
    campaign TEXT,
    step TEXT,
    outcome TEXT CHECK (outcome IN ('bounced', 'complained')),
    at BIGINT NOT NULL
);
CREATE INDEX sends_by_contact ON sends (contact_id, at);
CREATE INDEX sends_by_mailbox ON sends (mailbox_id, at);
-- The same by mailbox and day in UTC, counted in the transaction of each change.
CREATE TABLE mailbox_days (
    mailbox_id TEXT NOT NULL,
    day TEXT NOT NULL,
    sent BIGINT NOT NULL,
    bounced BIGINT NOT NULL,
    complained BIGINT NOT NULL,
    PRIMARY KEY (mailbox_id, day)
);
-- When the next message from a mailbox to a domain has its turn, where more wait than a minute takes.
CREATE TABLE domain_slots (
    mailbox_id TEXT NOT NULL,
    domain TEXT NOT NULL,
    next_at BIGINT NOT NULL,
    PRIMARY KEY (mailbox_id, domain)
);
-- The last look at what DNS says of a domain that mail leaves from; findings is JSON, in words.
CREATE TABLE sender_domains (
    domain TEXT PRIMARY KEY NOT NULL,
    checked_at BIGINT NOT NULL,
    aligned BOOLEAN NOT NULL,
    findings TEXT NOT NULL
);
