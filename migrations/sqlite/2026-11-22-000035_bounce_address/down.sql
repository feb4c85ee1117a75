ALTER TABLE mailboxes DROP COLUMN bounce_address;
