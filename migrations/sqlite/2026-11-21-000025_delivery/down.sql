DROP INDEX outbox_held;
DROP INDEX outbox_due;
CREATE INDEX outbox_due ON outbox (state, not_before, message_id);
DROP TRIGGER outbox_keeps_mail_of_test_keys;
CREATE TRIGGER outbox_keeps_mail_of_test_keys BEFORE UPDATE ON outbox
WHEN NEW.state IN ('dot', 'sent', 'uncertain') AND EXISTS (SELECT 1 FROM messages m WHERE m.id = NEW.message_id AND m.is_test)
BEGIN
    SELECT RAISE(ABORT, 'mail of a test key at the final dot');
END;
DROP TRIGGER outbox_keeps_tests_out;
CREATE TRIGGER outbox_keeps_tests_out BEFORE UPDATE ON outbox
WHEN EXISTS (SELECT 1 FROM messages m WHERE m.id = NEW.message_id AND m.planted)
BEGIN
    SELECT RAISE(ABORT, 'outbox row for a test of the desk');
END;
ALTER TABLE mailboxes DROP COLUMN on_uncertain;
