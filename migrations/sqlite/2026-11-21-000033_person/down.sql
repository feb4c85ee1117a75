DROP INDEX delivery_reports_kept;
DROP INDEX inbound_raw_kept;
DROP INDEX suppressions_of_groups;
ALTER TABLE suppressions DROP COLUMN is_group;
