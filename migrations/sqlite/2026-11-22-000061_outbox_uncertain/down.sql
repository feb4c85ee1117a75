DROP INDEX outbox_uncertain;
