-- A message that left is noted in its outbox row at once; its own row, the attempt, the log and whoever listens follow a
-- moment later, for some hundred messages together. Until then this says that something is missing.
ALTER TABLE outbox ADD COLUMN unfinished BOOLEAN NOT NULL DEFAULT FALSE;
CREATE INDEX outbox_unfinished ON outbox (message_id) WHERE unfinished;
-- Each index that holds the state is written twice for each message that leaves; so none holds rows that it is not asked for.
DROP INDEX messages_by_expiry;
DROP INDEX messages_by_mailbox_expiry;
DROP INDEX messages_by_assignee;
DROP INDEX messages_by_campaign;
DROP INDEX messages_by_departure;
CREATE INDEX messages_by_expiry ON messages (state, expires_at, id) WHERE expires_at IS NOT NULL;
CREATE INDEX messages_by_mailbox_expiry ON messages (mailbox_id, state, expires_at, id) WHERE expires_at IS NOT NULL;
CREATE INDEX messages_by_assignee ON messages (assignee_id, state, submitted_at, id) WHERE assignee_id IS NOT NULL;
CREATE INDEX messages_by_campaign ON messages (campaign, state, submitted_at, id, mailbox_id) WHERE campaign IS NOT NULL;
CREATE INDEX messages_by_departure ON messages (mailbox_id, sent_at, state) WHERE sent_at IS NOT NULL;
-- What the two triggers look at cannot change, so they look where the state or the warrant does.
DROP TRIGGER outbox_keeps_tests_out;
CREATE TRIGGER outbox_keeps_tests_out BEFORE UPDATE OF message_id, warrant_id, state ON outbox
WHEN (NEW.message_id <> OLD.message_id OR OLD.state NOT IN ('sending', 'dot'))
    AND EXISTS (SELECT 1 FROM messages m WHERE m.id = NEW.message_id AND m.planted)
BEGIN
    SELECT RAISE(ABORT, 'outbox row for a test of the desk');
END;
DROP TRIGGER outbox_keeps_mail_of_test_keys;
CREATE TRIGGER outbox_keeps_mail_of_test_keys BEFORE UPDATE OF message_id, warrant_id, state ON outbox
WHEN NEW.state IN ('dot', 'sent', 'uncertain') AND (NEW.message_id <> OLD.message_id OR OLD.state <> 'dot')
    AND EXISTS (SELECT 1 FROM messages m WHERE m.id = NEW.message_id AND m.is_test)
BEGIN
    SELECT RAISE(ABORT, 'mail of a test key at the final dot');
END;
