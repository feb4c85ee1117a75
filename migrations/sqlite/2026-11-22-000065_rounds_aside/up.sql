-- A round whose step failed is set aside until retry_at, so that those behind it go on; trouble is what was wrong.
ALTER TABLE campaign_rounds ADD COLUMN failures INTEGER NOT NULL DEFAULT 0;
ALTER TABLE campaign_rounds ADD COLUMN retry_at BIGINT;
ALTER TABLE campaign_rounds ADD COLUMN trouble TEXT;
ALTER TABLE cohort_rounds ADD COLUMN failures INTEGER NOT NULL DEFAULT 0;
ALTER TABLE cohort_rounds ADD COLUMN retry_at BIGINT;
ALTER TABLE cohort_rounds ADD COLUMN trouble TEXT;
