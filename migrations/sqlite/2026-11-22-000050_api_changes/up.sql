-- What breaks between two OpenAPI files, as it was found for a migration; the latest one holds.
CREATE TABLE cohort_comparisons (
    id TEXT PRIMARY KEY NOT NULL,
    cohort_id TEXT NOT NULL REFERENCES cohorts (id),
    old_title TEXT NOT NULL,
    new_title TEXT NOT NULL,
    changes TEXT NOT NULL,
    more BOOLEAN NOT NULL,
    proposed INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX cohort_comparisons_of_cohort ON cohort_comparisons (cohort_id, id);
