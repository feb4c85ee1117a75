-- Imports can be cancelled, and say until when a process is at them; nothing where nobody goes on with one.
ALTER TABLE imports DROP CONSTRAINT imports_state_check;
ALTER TABLE imports ADD CONSTRAINT imports_state_check CHECK (state IN ('running', 'finished', 'cancelled', 'failed'));
ALTER TABLE imports ADD COLUMN lease_until BIGINT;
-- Those that a restart cut off before were never ended.
UPDATE imports SET state = 'failed', problem = 'The program was stopped while it ran. Send the file again: rows that are here already are passed over.' WHERE state = 'running';
-- The file of an import that runs, so that it goes on after a restart; it goes when the import ends.
CREATE TABLE import_files (
    import_id TEXT PRIMARY KEY NOT NULL REFERENCES imports (id),
    content TEXT NOT NULL,
    everybody BOOLEAN NOT NULL,
    mailbox TEXT,
    user_id TEXT NOT NULL
);
-- The refused rows of an import that runs, each as a line of CSV; the header is line 0.
CREATE TABLE import_refused (
    import_id TEXT NOT NULL REFERENCES imports (id),
    line BIGINT NOT NULL,
    row_csv TEXT NOT NULL,
    PRIMARY KEY (import_id, line)
);
