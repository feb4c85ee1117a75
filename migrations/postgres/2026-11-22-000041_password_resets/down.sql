ALTER TABLE notice_mails DROP COLUMN account;
DROP TABLE password_resets;
