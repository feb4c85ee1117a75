-- What the answer kept for an idempotency key was about, so that the log of calls names it when the answer is told again.
ALTER TABLE idempotency_keys ADD COLUMN target TEXT;
