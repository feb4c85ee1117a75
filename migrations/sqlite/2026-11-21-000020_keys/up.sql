ALTER TABLE api_keys ADD COLUMN expires_at BIGINT;
ALTER TABLE api_keys ADD COLUMN calls_per_minute INTEGER NOT NULL DEFAULT 600 CHECK (calls_per_minute BETWEEN 1 AND 60000);
ALTER TABLE api_keys ADD COLUMN last_used_from TEXT;
ALTER TABLE api_keys ADD COLUMN previous_secret_hash TEXT;
ALTER TABLE api_keys ADD COLUMN previous_until BIGINT;
CREATE UNIQUE INDEX api_keys_by_previous_secret ON api_keys (previous_secret_hash);

CREATE TABLE second_factors (
    user_id TEXT PRIMARY KEY NOT NULL REFERENCES users (id),
    secret TEXT NOT NULL,
    started_at BIGINT NOT NULL,
    confirmed_at BIGINT,
    last_step BIGINT NOT NULL DEFAULT 0,
    wrong_tries INTEGER NOT NULL DEFAULT 0,
    tried_at BIGINT NOT NULL DEFAULT 0
);
CREATE TABLE recovery_codes (
    user_id TEXT NOT NULL REFERENCES users (id),
    code_hash TEXT NOT NULL,
    used_at BIGINT,
    PRIMARY KEY (user_id, code_hash)
);

-- Whatever the code does, what a test key wrote gets as far as the outbox and no further.
CREATE TRIGGER outbox_starts_no_mail_of_test_keys BEFORE INSERT ON outbox
WHEN NEW.state IN ('dot', 'sent', 'uncertain') AND EXISTS (SELECT 1 FROM messages m WHERE m.id = NEW.message_id AND m.is_test)
BEGIN
    SELECT RAISE(ABORT, 'mail of a test key at the final dot');
END;
CREATE TRIGGER outbox_keeps_mail_of_test_keys BEFORE UPDATE ON outbox
WHEN NEW.state IN ('dot', 'sent', 'uncertain') AND EXISTS (SELECT 1 FROM messages m WHERE m.id = NEW.message_id AND m.is_test)
BEGIN
    SELECT RAISE(ABORT, 'mail of a test key at the final dot');
END;
CREATE TRIGGER messages_stay_of_test_keys BEFORE UPDATE OF is_test ON messages
WHEN NEW.is_test <> OLD.is_test
BEGIN
    SELECT RAISE(ABORT, 'What a test key wrote stays a test, and other mail stays real.');
END;
CREATE TRIGGER api_keys_stay_test_keys BEFORE UPDATE OF is_test ON api_keys
WHEN NEW.is_test <> OLD.is_test
BEGIN
    SELECT RAISE(ABORT, 'A test key stays one, and another never becomes one.');
END;
