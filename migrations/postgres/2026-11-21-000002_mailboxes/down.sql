DROP TABLE api_key_mailboxes;
DROP TABLE api_keys;
DROP TABLE mailbox_members;
DROP TABLE mailboxes;
