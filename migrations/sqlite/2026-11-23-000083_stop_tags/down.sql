ALTER TABLE sequences DROP COLUMN stop_tags;
