DROP TRIGGER messages_stay_tests ON messages;
DROP FUNCTION messages_stay_tests();
DROP TRIGGER outbox_refuses_tests ON outbox;
DROP FUNCTION outbox_refuses_tests();
DROP INDEX audit_log_by_action;
DROP INDEX claim_waivers_by_time;
DROP INDEX decisions_by_time;
DROP TABLE planted_tests;
ALTER TABLE message_views DROP COLUMN opened_at;
