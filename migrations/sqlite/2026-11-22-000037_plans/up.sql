ALTER TABLE cohorts ADD COLUMN plan TEXT NOT NULL DEFAULT '{}';
ALTER TABLE cohorts ADD COLUMN fact_id TEXT REFERENCES facts (id);
ALTER TABLE cohorts ADD COLUMN started_by_usage TEXT;
-- Drafting one phase for a whole cohort: last_contact is how far it is.
CREATE TABLE cohort_rounds (
    id TEXT PRIMARY KEY NOT NULL,
    cohort_id TEXT NOT NULL REFERENCES cohorts (id),
    phase TEXT NOT NULL CHECK (phase IN ('announcement', 'preparation', 'window', 'final', 'completion', 'reminder')),
    slot TEXT NOT NULL,
    mailbox_id TEXT NOT NULL REFERENCES mailboxes (id),
    author_kind TEXT NOT NULL,
    author_id TEXT NOT NULL,
    author_name TEXT NOT NULL,
    last_contact TEXT NOT NULL,
    drafted INTEGER NOT NULL,
    left_out INTEGER NOT NULL,
    because TEXT,
    finished_at BIGINT,
    cancelled_at BIGINT,
    created_at BIGINT NOT NULL
);
CREATE INDEX cohort_rounds_of_cohort ON cohort_rounds (cohort_id, id);
CREATE INDEX cohort_rounds_open ON cohort_rounds (id) WHERE finished_at IS NULL AND cancelled_at IS NULL;
-- The messages of phases, with the deadline that each names. Nobody gets one of a slot twice.
CREATE TABLE cohort_messages (
    message_id TEXT PRIMARY KEY NOT NULL REFERENCES messages (id),
    cohort_id TEXT NOT NULL REFERENCES cohorts (id),
    slot TEXT NOT NULL,
    phase TEXT NOT NULL CHECK (phase IN ('announcement', 'preparation', 'window', 'final', 'completion', 'reminder')),
    contact_id TEXT NOT NULL REFERENCES contacts (id),
    deadline TEXT NOT NULL,
    UNIQUE (cohort_id, slot, contact_id)
);
CREATE INDEX cohort_messages_of_contact ON cohort_messages (cohort_id, contact_id);
CREATE INDEX cohorts_by_usage ON cohorts (started_by_usage) WHERE started_by_usage IS NOT NULL;
-- numbers says which step is which while steps come and go; empty means 0, 1, 2 and so on. An automatic sequence hands in
-- what is due by itself.
ALTER TABLE sequences ADD COLUMN numbers TEXT NOT NULL DEFAULT '[]';
ALTER TABLE sequences ADD COLUMN paused_at BIGINT;
ALTER TABLE sequences ADD COLUMN paused_by TEXT;
ALTER TABLE sequences ADD COLUMN automatic BOOLEAN NOT NULL DEFAULT FALSE;
-- What the tags of a contact count, brought to the steps as they are now.
ALTER TABLE enrollments ADD COLUMN shift INTEGER NOT NULL DEFAULT 0;
CREATE INDEX enrollments_waiting ON enrollments (ready_at) WHERE state = 'active' AND ready_at IS NOT NULL;
