DROP TABLE template_messages;
DROP TABLE template_versions;
DROP TABLE templates;
