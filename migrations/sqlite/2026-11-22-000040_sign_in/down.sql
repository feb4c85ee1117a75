ALTER TABLE sessions DROP COLUMN device;
ALTER TABLE sessions DROP COLUMN network;
ALTER TABLE sessions DROP COLUMN seen_at;
ALTER TABLE sessions DROP COLUMN started_at;
ALTER TABLE sessions DROP COLUMN handle;
