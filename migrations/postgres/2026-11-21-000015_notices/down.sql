DROP INDEX warrants_monitored_by_time;
DROP INDEX messages_pending_by_change;
DROP TABLE notice_mails;
DROP TABLE notices;
DROP TABLE notice_told;
DROP TABLE notice_times;
DROP TABLE notification_settings;
ALTER TABLE users DROP COLUMN notices;
ALTER TABLE users DROP COLUMN digest_hour;
