DROP INDEX churn_events_by_evidence;
ALTER TABLE variants DROP COLUMN clicked_at;
ALTER TABLE churn_events DROP COLUMN evidence;
DROP TABLE winback_picks;
DROP TABLE winback_rules;
