DROP TABLE import_refused;
DROP TABLE import_files;
UPDATE imports SET state = 'failed' WHERE state = 'cancelled';
CREATE TABLE plain_imports (
    id TEXT PRIMARY KEY NOT NULL,
    kind TEXT NOT NULL,
    file_name TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('running', 'finished', 'failed')),
    total_rows BIGINT NOT NULL,
    imported_rows BIGINT NOT NULL,
    duplicate_rows BIGINT NOT NULL DEFAULT 0,
    refused_rows BIGINT NOT NULL,
    refused_csv TEXT NOT NULL,
    problem TEXT,
    created_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    finished_at BIGINT
);
INSERT INTO plain_imports (id, kind, file_name, state, total_rows, imported_rows, duplicate_rows, refused_rows, refused_csv, problem, created_by, created_at, finished_at) SELECT id, kind, file_name, state, total_rows, imported_rows, duplicate_rows, refused_rows, refused_csv, problem, created_by, created_at, finished_at FROM imports;
DROP TABLE imports;
ALTER TABLE plain_imports RENAME TO imports;
