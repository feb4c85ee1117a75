-- What becomes of a message whose relay fell silent after the final dot.
ALTER TABLE mailboxes ADD COLUMN on_uncertain TEXT NOT NULL DEFAULT 'ask' CHECK (on_uncertain IN ('ask', 'resend', 'relay_key'));
-- The two triggers look where a row comes from a state in which they have not looked: what they look at cannot change.
DROP TRIGGER outbox_keeps_tests_out;
CREATE TRIGGER outbox_keeps_tests_out BEFORE UPDATE ON outbox
WHEN (NEW.message_id <> OLD.message_id OR OLD.state NOT IN ('sending', 'dot'))
    AND EXISTS (SELECT 1 FROM messages m WHERE m.id = NEW.message_id AND m.planted)
BEGIN
    SELECT RAISE(ABORT, 'outbox row for a test of the desk');
END;
DROP TRIGGER outbox_keeps_mail_of_test_keys;
CREATE TRIGGER outbox_keeps_mail_of_test_keys BEFORE UPDATE ON outbox
WHEN NEW.state IN ('dot', 'sent', 'uncertain') AND (NEW.message_id <> OLD.message_id OR OLD.state <> 'dot')
    AND EXISTS (SELECT 1 FROM messages m WHERE m.id = NEW.message_id AND m.is_test)
BEGIN
    SELECT RAISE(ABORT, 'mail of a test key at the final dot');
END;
-- Only what waits and only what is under way: a row that is settled is in neither, however many there are.
DROP INDEX outbox_due;
CREATE INDEX outbox_due ON outbox (mailbox_id, not_before, message_id) WHERE state = 'queued';
CREATE INDEX outbox_held ON outbox (message_id) WHERE state IN ('sending', 'dot');
