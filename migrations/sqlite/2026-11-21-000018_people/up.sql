ALTER TABLE message_readers ADD COLUMN taken_from TEXT REFERENCES users (id);
CREATE UNIQUE INDEX message_readers_one_holder ON message_readers (message_id) WHERE taken_until IS NOT NULL;
CREATE TRIGGER message_comments_refuse_update BEFORE UPDATE ON message_comments
BEGIN
    SELECT RAISE(ABORT, 'A comment cannot be changed.');
END;
CREATE TRIGGER message_comments_refuse_delete BEFORE DELETE ON message_comments
BEGIN
    SELECT RAISE(ABORT, 'A comment cannot be changed.');
END;
CREATE TRIGGER message_mentions_refuse_update BEFORE UPDATE ON message_mentions
BEGIN
    SELECT RAISE(ABORT, 'A comment cannot be changed.');
END;
CREATE TRIGGER message_mentions_refuse_delete BEFORE DELETE ON message_mentions
BEGIN
    SELECT RAISE(ABORT, 'A comment cannot be changed.');
END;
