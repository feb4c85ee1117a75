-- Where the reports of a mailbox go instead of its own address, each message with a sender of its own there.
ALTER TABLE mailboxes ADD COLUMN bounce_address TEXT;
