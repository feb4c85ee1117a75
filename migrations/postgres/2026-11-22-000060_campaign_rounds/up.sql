-- Drafting a template for everybody in the segment of a campaign: last_contact is how far it is. total is how many they were when
-- it began; held_out are those who get nothing, so that there is somebody to compare with.
CREATE TABLE campaign_rounds (
    id TEXT PRIMARY KEY NOT NULL,
    campaign_id TEXT NOT NULL REFERENCES campaigns (id),
    template_version_id TEXT NOT NULL REFERENCES template_versions (id),
    filled TEXT NOT NULL,
    mailbox_id TEXT NOT NULL REFERENCES mailboxes (id),
    holdout INTEGER NOT NULL CHECK (holdout BETWEEN 0 AND 50),
    author_kind TEXT NOT NULL,
    author_id TEXT NOT NULL,
    author_name TEXT NOT NULL,
    total INTEGER NOT NULL,
    last_contact TEXT NOT NULL,
    drafted INTEGER NOT NULL,
    left_out INTEGER NOT NULL,
    held_out INTEGER NOT NULL,
    passed_over INTEGER NOT NULL,
    because TEXT,
    finished_at BIGINT,
    cancelled_at BIGINT,
    created_at BIGINT NOT NULL
);
CREATE INDEX campaign_rounds_of_campaign ON campaign_rounds (campaign_id, id);
CREATE INDEX campaign_rounds_open ON campaign_rounds (id) WHERE finished_at IS NULL AND cancelled_at IS NULL;
-- Who got a template in a campaign, once, or was held out of it.
CREATE TABLE campaign_contacts (
    campaign_id TEXT NOT NULL REFERENCES campaigns (id),
    template_id TEXT NOT NULL REFERENCES templates (id),
    contact_id TEXT NOT NULL REFERENCES contacts (id),
    message_id TEXT REFERENCES messages (id),
    PRIMARY KEY (campaign_id, template_id, contact_id)
);
ALTER TABLE cohort_rounds ADD COLUMN total INTEGER NOT NULL DEFAULT 0;
ALTER TABLE cohort_rounds ADD COLUMN passed_over INTEGER NOT NULL DEFAULT 0;
