DROP TABLE import_refused;
DROP TABLE import_files;
UPDATE imports SET state = 'failed' WHERE state = 'cancelled';
ALTER TABLE imports DROP COLUMN lease_until;
ALTER TABLE imports DROP CONSTRAINT imports_state_check;
ALTER TABLE imports ADD CONSTRAINT imports_state_check CHECK (state IN ('running', 'finished', 'failed'));
