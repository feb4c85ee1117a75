ALTER TABLE audit_log DROP COLUMN mark;
ALTER TABLE audit_log DROP COLUMN network;
