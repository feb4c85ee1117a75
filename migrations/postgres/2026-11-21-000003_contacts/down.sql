DROP TABLE customers;
DROP TABLE suppressions;
DROP TABLE consents;
DROP TABLE contact_tags;
DROP TABLE contacts;
