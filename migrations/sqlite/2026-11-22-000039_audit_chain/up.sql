-- Each entry of the log with a hash over it and over the hash before: whoever alters, drops, adds or moves one breaks the chain
-- there. Entries are chained a moment after they were written, in the order in which they were found, so that nobody who
-- writes waits for another. words_hash stands for the detail, which becomes blank when somebody is erased.
CREATE TABLE audit_chain (
    position BIGINT PRIMARY KEY NOT NULL,
    seq BIGINT NOT NULL UNIQUE,
    words_hash TEXT NOT NULL,
    hash TEXT NOT NULL
);
CREATE TRIGGER audit_chain_refuse_update BEFORE UPDATE ON audit_chain
BEGIN
    SELECT RAISE(ABORT, 'The chain of the audit log is append-only.');
END;
CREATE TRIGGER audit_chain_refuse_delete BEFORE DELETE ON audit_chain
BEGIN
    SELECT RAISE(ABORT, 'The chain of the audit log is append-only.');
END;
-- Who looks for one person in a long log.
CREATE INDEX audit_log_by_actor ON audit_log (actor_id, seq);
