ALTER TABLE cohort_rounds DROP COLUMN trouble;
ALTER TABLE cohort_rounds DROP COLUMN retry_at;
ALTER TABLE cohort_rounds DROP COLUMN failures;
ALTER TABLE campaign_rounds DROP COLUMN trouble;
ALTER TABLE campaign_rounds DROP COLUMN retry_at;
ALTER TABLE campaign_rounds DROP COLUMN failures;
