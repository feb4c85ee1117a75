-- Enrolling everybody of a segment in a sequence: last_contact is how far it is, total how many they were when it began. The segment
-- is no foreign key: it can be deleted once the round has ended, and its name stays to be read.
CREATE TABLE enrollment_rounds (
    id TEXT PRIMARY KEY NOT NULL,
    sequence_id TEXT NOT NULL REFERENCES sequences (id),
    segment_id TEXT NOT NULL,
    segment TEXT NOT NULL,
    author_name TEXT NOT NULL,
    total INTEGER NOT NULL,
    last_contact TEXT NOT NULL,
    enrolled INTEGER NOT NULL,
    left_out INTEGER NOT NULL,
    passed_over INTEGER NOT NULL,
    because TEXT,
    finished_at BIGINT,
    cancelled_at BIGINT,
    created_at BIGINT NOT NULL,
    failures INTEGER NOT NULL,
    retry_at BIGINT,
    trouble TEXT
);
CREATE INDEX enrollment_rounds_of_sequence ON enrollment_rounds (sequence_id, id);
-- One at a time, whoever begins it.
CREATE UNIQUE INDEX enrollment_rounds_open ON enrollment_rounds (sequence_id) WHERE finished_at IS NULL AND cancelled_at IS NULL;
-- The segment that somebody was enrolled with: the first message to each goes by a person.
ALTER TABLE enrollments ADD COLUMN segment_id TEXT;
