CREATE INDEX outbox_uncertain ON outbox (not_before, message_id) WHERE state = 'uncertain';
