ALTER TABLE message_readers ADD COLUMN taken_from TEXT REFERENCES users (id);
CREATE UNIQUE INDEX message_readers_one_holder ON message_readers (message_id) WHERE taken_until IS NOT NULL;
CREATE TRIGGER message_comments_refuse_change BEFORE UPDATE OR DELETE OR TRUNCATE ON message_comments
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change('A comment cannot be changed.');
CREATE TRIGGER message_mentions_refuse_change BEFORE UPDATE OR DELETE OR TRUNCATE ON message_mentions
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change('A comment cannot be changed.');
