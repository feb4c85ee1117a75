ALTER TABLE enrollments DROP COLUMN segment_id;
DROP TABLE enrollment_rounds;
