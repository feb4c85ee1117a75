DROP TRIGGER decisions_refuse_change ON decisions;
DROP TRIGGER warrants_refuse_change ON warrants;
DROP TRIGGER audit_log_refuse_change ON audit_log;
DROP TRIGGER message_versions_refuse_change ON message_versions;
DROP TRIGGER outbox_needs_warrant ON outbox;
DROP FUNCTION IF EXISTS outbox_needs_warrant CASCADE;
DROP FUNCTION IF EXISTS refuse_change CASCADE;
