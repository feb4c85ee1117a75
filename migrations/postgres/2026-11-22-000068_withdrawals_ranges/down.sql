DROP INDEX churn_events_by_day;
DROP INDEX customers_by_activity;
DROP INDEX customers_by_mrr;
DROP INDEX template_messages_of_version;
CREATE INDEX template_messages_of_version ON template_messages (template_version_id);
DROP INDEX template_versions_taking_back;
ALTER TABLE template_versions DROP COLUMN taken_back_to;
