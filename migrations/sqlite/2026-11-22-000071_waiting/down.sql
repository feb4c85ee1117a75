DROP INDEX messages_waiting;
