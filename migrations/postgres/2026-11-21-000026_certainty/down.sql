ALTER TABLE outbox DROP COLUMN relay;
DROP TABLE journaled_addresses;
DROP TABLE settlements;
DROP TABLE delivery_attempts;
DROP TABLE stops;
