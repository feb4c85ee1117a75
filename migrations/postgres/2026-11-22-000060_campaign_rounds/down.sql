ALTER TABLE cohort_rounds DROP COLUMN passed_over;
ALTER TABLE cohort_rounds DROP COLUMN total;
DROP TABLE campaign_contacts;
DROP TABLE campaign_rounds;
