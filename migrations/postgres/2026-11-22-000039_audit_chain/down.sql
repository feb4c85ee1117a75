DROP INDEX audit_log_by_actor;
DROP TABLE audit_chain;
