-- Who somebody is to the sign-in provider, once they came from there: its name for them, which it never gives to anybody else.
ALTER TABLE users ADD COLUMN issuer TEXT;
ALTER TABLE users ADD COLUMN subject TEXT;
-- Whether they are here only because the provider gives them a role.
ALTER TABLE users ADD COLUMN role_given BOOLEAN NOT NULL DEFAULT FALSE;
CREATE UNIQUE INDEX users_by_subject ON users (issuer, subject);
