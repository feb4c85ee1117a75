DROP TRIGGER outbox_rings ON outbox;
DROP FUNCTION outbox_rings();
DROP INDEX outbox_held;
DROP INDEX outbox_due;
CREATE INDEX outbox_due ON outbox (state, not_before, message_id);
DROP TRIGGER outbox_keeps_mail_of_test_keys ON outbox;
DROP TRIGGER outbox_starts_no_mail_of_test_keys ON outbox;
CREATE TRIGGER outbox_keeps_mail_of_test_keys BEFORE INSERT OR UPDATE ON outbox
    FOR EACH ROW WHEN (NEW.state IN ('dot', 'sent', 'uncertain')) EXECUTE FUNCTION outbox_keeps_mail_of_test_keys();
DROP TRIGGER outbox_keeps_tests_out ON outbox;
DROP TRIGGER outbox_refuses_tests ON outbox;
CREATE TRIGGER outbox_refuses_tests BEFORE INSERT OR UPDATE ON outbox
    FOR EACH ROW EXECUTE FUNCTION outbox_refuses_tests();
ALTER TABLE mailboxes DROP COLUMN on_uncertain;
