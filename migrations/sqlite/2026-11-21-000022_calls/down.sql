DROP INDEX audit_log_by_request;
ALTER TABLE audit_log DROP COLUMN request_id;
DROP TABLE api_calls;
DROP TABLE idempotency_keys;
