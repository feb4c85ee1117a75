DROP TRIGGER message_versions_refuse_update ON message_versions;
DROP FUNCTION message_versions_only_erased();
DROP TRIGGER message_versions_refuse_change ON message_versions;
CREATE TRIGGER message_versions_refuse_change BEFORE UPDATE OR DELETE OR TRUNCATE ON message_versions
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change('A version of a message cannot be changed.');
DROP TRIGGER decisions_refuse_update ON decisions;
DROP FUNCTION decisions_only_erased();
DROP TRIGGER decisions_refuse_change ON decisions;
CREATE TRIGGER decisions_refuse_change BEFORE UPDATE OR DELETE OR TRUNCATE ON decisions
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change('A decision cannot be changed.');
DROP TRIGGER claim_waivers_refuse_update ON claim_waivers;
DROP FUNCTION claim_waivers_only_erased();
DROP TRIGGER claim_waivers_refuse_change ON claim_waivers;
CREATE TRIGGER claim_waivers_refuse_change BEFORE UPDATE OR DELETE OR TRUNCATE ON claim_waivers
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change('A waiver cannot be changed.');
DROP TRIGGER promises_refuse_update ON promises;
DROP FUNCTION promises_only_erased();
DROP TRIGGER promises_refuse_change ON promises;
CREATE TRIGGER promises_refuse_change BEFORE UPDATE OR DELETE OR TRUNCATE ON promises
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change('A promise that was sent cannot be changed.');
DROP TRIGGER fact_versions_refuse_update ON fact_versions;
DROP FUNCTION fact_versions_only_erased();
DROP TRIGGER fact_versions_refuse_change ON fact_versions;
CREATE TRIGGER fact_versions_refuse_change BEFORE UPDATE OR DELETE OR TRUNCATE ON fact_versions
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change('A version of a fact cannot be changed.');
DROP TRIGGER message_comments_refuse_update ON message_comments;
DROP FUNCTION message_comments_only_erased();
DROP TRIGGER message_comments_refuse_change ON message_comments;
CREATE TRIGGER message_comments_refuse_change BEFORE UPDATE OR DELETE OR TRUNCATE ON message_comments
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change('A comment cannot be changed.');
DROP TRIGGER audit_log_refuse_update ON audit_log;
DROP FUNCTION audit_log_only_erased();
DROP TRIGGER audit_log_refuse_change ON audit_log;
CREATE TRIGGER audit_log_refuse_change BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change('The audit log is append-only.');
DROP TABLE erased_addresses;
ALTER TABLE contacts DROP COLUMN erased_at;
DROP INDEX webhook_deliveries_of_subject;
DROP INDEX suppressions_by_time;
DROP INDEX messages_by_departure;
DROP INDEX churn_events_by_reason;
DROP INDEX churn_events_for_reports;
DROP TABLE mode_requests;
ALTER TABLE inbound_emails DROP COLUMN message_id_header;
