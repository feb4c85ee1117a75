ALTER TABLE churn_events ADD COLUMN window_ends_at BIGINT;
UPDATE churn_events SET window_ends_at = updated_at + 2592000000000 WHERE status = 'email_sent';
CREATE INDEX churn_events_by_window ON churn_events (window_ends_at) WHERE status = 'email_sent';
