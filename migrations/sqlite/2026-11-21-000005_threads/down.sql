DROP TABLE inbound_email_tags;
DROP TABLE inbound_emails;
DROP TABLE threads;
