CREATE TABLE templates (
    id TEXT PRIMARY KEY NOT NULL,
    name TEXT NOT NULL UNIQUE,
    about TEXT,
    archived_at BIGINT,
    created_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
-- The words of a version never change: an approval is of exactly these.
CREATE TABLE template_versions (
    id TEXT PRIMARY KEY NOT NULL,
    template_id TEXT NOT NULL REFERENCES templates (id),
    version INTEGER NOT NULL CHECK (version > 0),
    subject TEXT NOT NULL,
    body TEXT NOT NULL,
    html TEXT,
    variables TEXT NOT NULL,
    note TEXT,
    author_kind TEXT NOT NULL,
    author_id TEXT NOT NULL,
    author_name TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    approved_at BIGINT,
    approved_by TEXT,
    withdrawn_at BIGINT,
    withdrawn_by TEXT,
    UNIQUE (template_id, version)
);
-- Which version the words of a message were made from.
CREATE TABLE template_messages (
    message_id TEXT PRIMARY KEY NOT NULL REFERENCES messages (id),
    template_version_id TEXT NOT NULL REFERENCES template_versions (id)
);
CREATE INDEX template_messages_of_version ON template_messages (template_version_id);
CREATE TRIGGER template_versions_keep_their_words
BEFORE UPDATE OF id, template_id, version, subject, body, html, variables, note, author_kind, author_id, author_name, created_at ON template_versions
BEGIN
    SELECT RAISE(ABORT, 'A version of a template cannot be changed.');
END;
CREATE TRIGGER template_versions_stay BEFORE DELETE ON template_versions
BEGIN
    SELECT RAISE(ABORT, 'A version of a template cannot be changed.');
END;
