-- When the version that was last shown was shown first: the start of the time somebody had to read it.
ALTER TABLE message_views ADD COLUMN opened_at BIGINT;
CREATE TABLE planted_tests (
    message_id TEXT PRIMARY KEY NOT NULL REFERENCES messages (id),
    mailbox_id TEXT NOT NULL REFERENCES mailboxes (id),
    contact_id TEXT NOT NULL REFERENCES contacts (id),
    mistake TEXT NOT NULL CHECK (mistake IN ('wrong_greeting', 'placeholder', 'rude', 'model_talk', 'other_industry', 'wrong_sender')),
    words TEXT NOT NULL,
    outcome TEXT NOT NULL CHECK (outcome IN ('open', 'caught', 'missed', 'lapsed')),
    planted_at BIGINT NOT NULL,
    decided_at BIGINT
);
CREATE INDEX planted_tests_by_contact ON planted_tests (contact_id);
CREATE INDEX planted_tests_by_time ON planted_tests (decided_at);
CREATE INDEX decisions_by_time ON decisions (created_at, message_id);
CREATE INDEX claim_waivers_by_time ON claim_waivers (created_at, message_id);
CREATE INDEX audit_log_by_action ON audit_log (action, at);

-- Whatever the code does, a test of the desk never leaves.
CREATE TRIGGER outbox_refuses_tests BEFORE INSERT ON outbox
WHEN EXISTS (SELECT 1 FROM messages m WHERE m.id = NEW.message_id AND m.planted)
BEGIN
    SELECT RAISE(ABORT, 'outbox row for a test of the desk');
END;
CREATE TRIGGER outbox_keeps_tests_out BEFORE UPDATE ON outbox
WHEN EXISTS (SELECT 1 FROM messages m WHERE m.id = NEW.message_id AND m.planted)
BEGIN
    SELECT RAISE(ABORT, 'outbox row for a test of the desk');
END;
CREATE TRIGGER messages_stay_tests BEFORE UPDATE OF planted ON messages
WHEN NEW.planted <> OLD.planted
BEGIN
    SELECT RAISE(ABORT, 'A test of the desk stays one, and real mail stays real.');
END;
