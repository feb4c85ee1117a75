DROP TRIGGER message_versions_are_forgotten;
DROP TRIGGER message_versions_refuse_update;
CREATE TRIGGER message_versions_refuse_update BEFORE UPDATE ON message_versions
BEGIN
    SELECT RAISE(ABORT, 'A version of a message cannot be changed.');
END;
DROP TRIGGER decisions_refuse_update;
CREATE TRIGGER decisions_refuse_update BEFORE UPDATE ON decisions
BEGIN
    SELECT RAISE(ABORT, 'A decision cannot be changed.');
END;
DROP TRIGGER claim_waivers_refuse_update;
CREATE TRIGGER claim_waivers_refuse_update BEFORE UPDATE ON claim_waivers
BEGIN
    SELECT RAISE(ABORT, 'A waiver cannot be changed.');
END;
DROP TRIGGER promises_refuse_update;
CREATE TRIGGER promises_refuse_update BEFORE UPDATE ON promises
BEGIN
    SELECT RAISE(ABORT, 'A promise that was sent cannot be changed.');
END;
DROP TRIGGER fact_versions_refuse_update;
CREATE TRIGGER fact_versions_refuse_update BEFORE UPDATE ON fact_versions
BEGIN
    SELECT RAISE(ABORT, 'A version of a fact cannot be changed.');
END;
DROP TRIGGER message_comments_refuse_update;
CREATE TRIGGER message_comments_refuse_update BEFORE UPDATE ON message_comments
BEGIN
    SELECT RAISE(ABORT, 'A comment cannot be changed.');
END;
DROP TRIGGER audit_log_refuse_update;
CREATE TRIGGER audit_log_refuse_update BEFORE UPDATE ON audit_log
BEGIN
    SELECT RAISE(ABORT, 'The audit log is append-only.');
END;
DROP TABLE erased_addresses;
ALTER TABLE contacts DROP COLUMN erased_at;
DROP INDEX webhook_deliveries_of_subject;
DROP INDEX suppressions_by_time;
DROP INDEX messages_by_departure;
DROP INDEX churn_events_by_reason;
DROP INDEX churn_events_for_reports;
DROP TABLE mode_requests;
ALTER TABLE inbound_emails DROP COLUMN message_id_header;
