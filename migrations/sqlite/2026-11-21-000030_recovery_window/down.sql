DROP INDEX churn_events_by_window;
ALTER TABLE churn_events DROP COLUMN window_ends_at;
