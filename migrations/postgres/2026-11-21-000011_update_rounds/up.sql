-- A product update that ships goes once through the customers who left, oldest report first.
CREATE TABLE update_rounds (
    fact_id TEXT PRIMARY KEY NOT NULL REFERENCES facts (id),
    due_on TEXT NOT NULL,
    last_event TEXT NOT NULL DEFAULT '',
    asked INTEGER NOT NULL DEFAULT 0,
    drafted INTEGER NOT NULL DEFAULT 0,
    finished_at BIGINT,
    created_at BIGINT NOT NULL
);
CREATE INDEX update_rounds_due ON update_rounds (finished_at, due_on);
