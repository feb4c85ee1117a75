-- Imports can be cancelled, and say until when a process is at them; nothing where nobody goes on with one.
CREATE TABLE kept_imports (
    id TEXT PRIMARY KEY NOT NULL,
    kind TEXT NOT NULL,
    file_name TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('running', 'finished', 'cancelled', 'failed')),
    total_rows BIGINT NOT NULL,
    imported_rows BIGINT NOT NULL,
    duplicate_rows BIGINT NOT NULL DEFAULT 0,
    refused_rows BIGINT NOT NULL,
    refused_csv TEXT NOT NULL,
    problem TEXT,
    created_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    finished_at BIGINT,
    lease_until BIGINT
);
INSERT INTO kept_imports (id, kind, file_name, state, total_rows, imported_rows, duplicate_rows, refused_rows, refused_csv, problem, created_by, created_at, finished_at) SELECT id, kind, file_name, state, total_rows, imported_rows, duplicate_rows, refused_rows, refused_csv, problem, created_by, created_at, finished_at FROM imports;
DROP TABLE imports;
ALTER TABLE kept_imports RENAME TO imports;
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
