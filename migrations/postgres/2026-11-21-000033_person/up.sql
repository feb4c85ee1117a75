-- Rows that stand for everybody at a domain or with a tag. There are few, and each look at somebody asks for all of them.
ALTER TABLE suppressions ADD COLUMN is_group BOOLEAN NOT NULL DEFAULT FALSE;
CREATE INDEX suppressions_of_groups ON suppressions (email_key) WHERE is_group;

-- Mail that is still kept as it came, for the look at what is kept too long.
CREATE INDEX inbound_raw_kept ON inbound_raw (inbound_email_id) WHERE raw <> '';
CREATE INDEX delivery_reports_kept ON delivery_reports (created_at) WHERE reason <> '';
