-- Up to which message what was made from a version was looked at since its approval was withdrawn; empty at the start, null where nothing is to be
-- taken back.
ALTER TABLE template_versions ADD COLUMN taken_back_to TEXT;
CREATE INDEX template_versions_taking_back ON template_versions (id) WHERE taken_back_to IS NOT NULL;
DROP INDEX template_messages_of_version;
CREATE INDEX template_messages_of_version ON template_messages (template_version_id, message_id);
-- Segments by revenue, inactivity or days since somebody left alone find few among a million without looking at each.
CREATE INDEX customers_by_mrr ON customers (mrr_minor, contact_id);
CREATE INDEX customers_by_activity ON customers (last_active_at, contact_id);
CREATE INDEX churn_events_by_day ON churn_events (churned_at, contact_id);
