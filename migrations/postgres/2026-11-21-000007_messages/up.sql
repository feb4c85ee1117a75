CREATE TABLE messages (
    id TEXT PRIMARY KEY NOT NULL,
    mailbox_id TEXT NOT NULL REFERENCES mailboxes (id),
    contact_id TEXT NOT NULL REFERENCES contacts (id),
    thread_id TEXT NOT NULL REFERENCES threads (id),
    campaign TEXT,
    state TEXT NOT NULL CHECK (state IN ('draft', 'pending', 'changes_requested', 'approved', 'queued', 'sending', 'sent', 'delivered', 'bounced', 'complained', 'rejected', 'withdrawn', 'expired', 'skipped', 'failed', 'cancelled', 'uncertain')),
    state_reason TEXT,
    held_because TEXT,
    effective_mode TEXT NOT NULL,
    origin TEXT NOT NULL CHECK (origin IN ('person', 'agent', 'playbook', 'model')),
    author_kind TEXT NOT NULL,
    author_id TEXT NOT NULL,
    editor_kind TEXT NOT NULL,
    editor_id TEXT NOT NULL,
    is_test BOOLEAN NOT NULL,
    consent_basis TEXT,
    version INTEGER NOT NULL,
    content_hash TEXT NOT NULL,
    send_at BIGINT,
    submitted_at BIGINT,
    expires_at BIGINT,
    sent_at BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX messages_by_state ON messages (state, submitted_at, id);
CREATE INDEX messages_by_mailbox ON messages (mailbox_id, state, submitted_at, id);
CREATE INDEX messages_by_contact ON messages (contact_id, created_at);
CREATE INDEX messages_by_thread ON messages (thread_id, created_at);
CREATE TABLE message_versions (
    message_id TEXT NOT NULL REFERENCES messages (id),
    version INTEGER NOT NULL,
    content_hash TEXT NOT NULL,
    from_address TEXT NOT NULL,
    from_name TEXT NOT NULL,
    to_address TEXT NOT NULL,
    to_name TEXT,
    subject TEXT NOT NULL,
    text_body TEXT NOT NULL,
    html_body TEXT,
    headers TEXT NOT NULL,
    footer TEXT NOT NULL,
    editor_kind TEXT NOT NULL,
    editor_id TEXT NOT NULL,
    editor_name TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (message_id, version)
);
CREATE TABLE message_tags (
    message_id TEXT NOT NULL REFERENCES messages (id),
    tag TEXT NOT NULL,
    PRIMARY KEY (message_id, tag)
);
CREATE INDEX message_tags_by_tag ON message_tags (tag, message_id);
CREATE TABLE message_views (
    message_id TEXT NOT NULL REFERENCES messages (id),
    viewer TEXT NOT NULL,
    version INTEGER NOT NULL,
    seen_at BIGINT NOT NULL,
    PRIMARY KEY (message_id, viewer)
);
CREATE TABLE variants (
    id TEXT PRIMARY KEY NOT NULL,
    churn_event_id TEXT NOT NULL REFERENCES churn_events (id),
    strategy TEXT NOT NULL,
    position INTEGER NOT NULL,
    subject TEXT NOT NULL,
    text_body TEXT NOT NULL,
    html_body TEXT NOT NULL,
    coupon_code TEXT,
    coupon_percent INTEGER,
    offer_id TEXT REFERENCES facts (id),
    recommended BOOLEAN NOT NULL,
    facts TEXT NOT NULL DEFAULT '[]',
    edited_kind TEXT,
    edited_id TEXT,
    message_id TEXT REFERENCES messages (id),
    sent_at BIGINT,
    created_at BIGINT NOT NULL,
    UNIQUE (churn_event_id, strategy)
);
CREATE INDEX variants_by_message ON variants (message_id);
CREATE TABLE decisions (
    id TEXT PRIMARY KEY NOT NULL,
    message_id TEXT NOT NULL,
    version INTEGER NOT NULL,
    content_hash TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('approve', 'reject', 'request_changes', 'withdraw', 'expire')),
    actor_kind TEXT NOT NULL,
    actor_id TEXT NOT NULL,
    actor_name TEXT NOT NULL,
    reason TEXT,
    created_at BIGINT NOT NULL,
    FOREIGN KEY (message_id, version) REFERENCES message_versions (message_id, version)
);
CREATE UNIQUE INDEX decisions_once ON decisions (message_id, version)
    WHERE kind IN ('approve', 'reject', 'request_changes');
CREATE INDEX decisions_by_message ON decisions (message_id, created_at);
CREATE TABLE warrants (
    id TEXT PRIMARY KEY NOT NULL,
    message_id TEXT NOT NULL,
    version INTEGER NOT NULL,
    content_hash TEXT NOT NULL,
    decision_id TEXT REFERENCES decisions (id),
    cleared_by TEXT NOT NULL CHECK (cleared_by IN ('decision', 'composed_by_person', 'monitored', 'autonomous')),
    policy_version INTEGER NOT NULL,
    issued_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    UNIQUE (message_id, version),
    FOREIGN KEY (message_id, version) REFERENCES message_versions (message_id, version),
    CHECK ((cleared_by = 'decision') = (decision_id IS NOT NULL))
);
CREATE TABLE outbox (
    message_id TEXT PRIMARY KEY NOT NULL REFERENCES messages (id),
    warrant_id TEXT NOT NULL REFERENCES warrants (id),
    mailbox_id TEXT NOT NULL REFERENCES mailboxes (id),
    state TEXT NOT NULL CHECK (state IN ('queued', 'sending', 'dot', 'sent', 'skipped', 'failed', 'cancelled', 'uncertain')),
    not_before BIGINT NOT NULL,
    waits_for TEXT,
    attempts INTEGER NOT NULL,
    claim_token TEXT,
    claimed_until BIGINT,
    last_reply TEXT,
    updated_at BIGINT NOT NULL
);
CREATE INDEX outbox_due ON outbox (state, not_before, message_id);
CREATE INDEX outbox_by_warrant ON outbox (warrant_id);
CREATE TABLE unsubscribe_links (
    token_hash TEXT PRIMARY KEY NOT NULL,
    message_id TEXT NOT NULL REFERENCES messages (id),
    contact_id TEXT NOT NULL REFERENCES contacts (id),
    created_at BIGINT NOT NULL
);
