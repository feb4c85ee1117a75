DROP TRIGGER outbox_keeps_mail_of_test_keys;
CREATE TRIGGER outbox_keeps_mail_of_test_keys BEFORE UPDATE ON outbox
WHEN NEW.state IN ('dot', 'sent', 'uncertain') AND (NEW.message_id <> OLD.message_id OR OLD.state <> 'dot')
    AND EXISTS (SELECT 1 FROM messages m WHERE m.id = NEW.message_id AND m.is_test)
BEGIN
    SELECT RAISE(ABORT, 'mail of a test key at the final dot');
END;
DROP TRIGGER outbox_keeps_tests_out;
CREATE TRIGGER outbox_keeps_tests_out BEFORE UPDATE ON outbox
WHEN (NEW.message_id <> OLD.message_id OR OLD.state NOT IN ('sending', 'dot'))
    AND EXISTS (SELECT 1 FROM messages m WHERE m.id = NEW.message_id AND m.planted)
BEGIN
    SELECT RAISE(ABORT, 'outbox row for a test of the desk');
END;
DROP INDEX messages_by_departure;
DROP INDEX messages_by_campaign;
DROP INDEX messages_by_assignee;
DROP INDEX messages_by_mailbox_expiry;
DROP INDEX messages_by_expiry;
CREATE INDEX messages_by_expiry ON messages (state, expires_at, id);
CREATE INDEX messages_by_mailbox_expiry ON messages (mailbox_id, state, expires_at, id);
CREATE INDEX messages_by_assignee ON messages (assignee_id, state, submitted_at, id);
CREATE INDEX messages_by_campaign ON messages (campaign, state, submitted_at, id, mailbox_id);
CREATE INDEX messages_by_departure ON messages (mailbox_id, sent_at, state);
DROP INDEX outbox_unfinished;
ALTER TABLE outbox DROP COLUMN unfinished;
