ALTER TABLE imports DROP COLUMN lease_until;
DROP TABLE import_refused;
DROP TABLE import_files;
