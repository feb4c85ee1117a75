DROP TRIGGER message_mentions_refuse_change ON message_mentions;
DROP TRIGGER message_comments_refuse_change ON message_comments;
DROP INDEX message_readers_one_holder;
ALTER TABLE message_readers DROP COLUMN taken_from;
