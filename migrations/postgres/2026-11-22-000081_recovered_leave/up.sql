-- Whoever comes back leaves the sequence they are in.
ALTER TABLE enrollments DROP CONSTRAINT enrollments_stopped_why_check;
ALTER TABLE enrollments ADD CONSTRAINT enrollments_stopped_why_check CHECK (stopped_why IN ('answered', 'recovered', 'suppressed', 'tagged', 'not_sent', 'by_hand', 'erased'));
