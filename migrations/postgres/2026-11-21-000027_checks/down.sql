DROP TABLE sender_domains;
DROP TABLE domain_slots;
DROP TABLE mailbox_days;
DROP TABLE sends;
DROP TABLE mailbox_pace;
DROP TABLE message_classes;
ALTER TABLE contacts DROP COLUMN absent_until;
