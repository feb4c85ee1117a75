-- Up to which message what was made from a version was looked at since its approval was withdrawn; empty at the start, null where nothing is to be
-- taken back.
ALTER TABLE template_versions ADD COLUMN taken_back_to TEXT;
CREATE INDEX template_versions_taking_back ON template_versions (id) WHERE taken_back_to IS NOT NULL;
DROP INDEX template_messages_of_version;
CREATE INDEX template_messages_of_version ON template_messages (template_version_id, message_id);
