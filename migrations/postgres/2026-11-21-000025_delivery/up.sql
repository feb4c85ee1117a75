-- What becomes of a message whose relay fell silent after the final dot.
ALTER TABLE mailboxes ADD COLUMN on_uncertain TEXT NOT NULL DEFAULT 'ask' CHECK (on_uncertain IN ('ask', 'resend', 'relay_key'));
-- The two triggers look where a row comes from a state in which they have not looked: what they look at cannot change.
DROP TRIGGER outbox_refuses_tests ON outbox;
CREATE TRIGGER outbox_refuses_tests BEFORE INSERT ON outbox FOR EACH ROW EXECUTE FUNCTION outbox_refuses_tests();
CREATE TRIGGER outbox_keeps_tests_out BEFORE UPDATE ON outbox
    FOR EACH ROW WHEN (NEW.message_id <> OLD.message_id OR OLD.state NOT IN ('sending', 'dot')) EXECUTE FUNCTION outbox_refuses_tests();
DROP TRIGGER outbox_keeps_mail_of_test_keys ON outbox;
CREATE TRIGGER outbox_starts_no_mail_of_test_keys BEFORE INSERT ON outbox
    FOR EACH ROW WHEN (NEW.state IN ('dot', 'sent', 'uncertain')) EXECUTE FUNCTION outbox_keeps_mail_of_test_keys();
CREATE TRIGGER outbox_keeps_mail_of_test_keys BEFORE UPDATE ON outbox
    FOR EACH ROW WHEN (NEW.state IN ('dot', 'sent', 'uncertain') AND (NEW.message_id <> OLD.message_id OR OLD.state <> 'dot'))
    EXECUTE FUNCTION outbox_keeps_mail_of_test_keys();
-- Only what waits and only what is under way: a row that is settled is in neither, however many there are.
DROP INDEX outbox_due;
CREATE INDEX outbox_due ON outbox (mailbox_id, not_before, message_id) WHERE state = 'queued';
CREATE INDEX outbox_held ON outbox (message_id) WHERE state IN ('sending', 'dot');
-- Workers in other processes hear that there may be something to send.
CREATE FUNCTION outbox_rings() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('countersign_outbox', '');
    RETURN NULL;
END $$;
CREATE TRIGGER outbox_rings AFTER INSERT OR UPDATE OF warrant_id ON outbox FOR EACH STATEMENT EXECUTE FUNCTION outbox_rings();
