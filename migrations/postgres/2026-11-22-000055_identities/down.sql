DROP INDEX users_by_subject;
ALTER TABLE users DROP COLUMN role_given;
ALTER TABLE users DROP COLUMN subject;
ALTER TABLE users DROP COLUMN issuer;
