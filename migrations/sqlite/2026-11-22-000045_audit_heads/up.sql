-- Each day the end of the chain over the log, signed. Whoever writes the log and the chain anew cannot make them fit a head
-- that somebody kept.
CREATE TABLE audit_heads (
    day TEXT PRIMARY KEY NOT NULL,
    position BIGINT NOT NULL,
    hash TEXT NOT NULL,
    signed_at BIGINT NOT NULL,
    key_id TEXT NOT NULL REFERENCES provenance_keys (id),
    signature TEXT NOT NULL
);
CREATE TRIGGER audit_heads_refuse_update BEFORE UPDATE ON audit_heads
BEGIN
    SELECT RAISE(ABORT, 'The signed heads of the audit log are append-only.');
END;
CREATE TRIGGER audit_heads_refuse_delete BEFORE DELETE ON audit_heads
BEGIN
    SELECT RAISE(ABORT, 'The signed heads of the audit log are append-only.');
END;
