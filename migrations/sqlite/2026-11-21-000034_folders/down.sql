DROP TABLE inbound_folders;
