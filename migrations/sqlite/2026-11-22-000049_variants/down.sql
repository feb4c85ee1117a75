ALTER TABLE campaigns DROP COLUMN shifts;
ALTER TABLE campaigns DROP COLUMN measure;
ALTER TABLE campaigns DROP COLUMN variants;
ALTER TABLE sequences DROP COLUMN shifts;
ALTER TABLE sequences DROP COLUMN measure;
ALTER TABLE sequence_sends DROP COLUMN variant;
