UPDATE enrollments SET stopped_why = 'by_hand' WHERE stopped_why = 'recovered';
ALTER TABLE enrollments DROP CONSTRAINT enrollments_stopped_why_check;
ALTER TABLE enrollments ADD CONSTRAINT enrollments_stopped_why_check CHECK (stopped_why IN ('answered', 'suppressed', 'tagged', 'not_sent', 'by_hand', 'erased'));
