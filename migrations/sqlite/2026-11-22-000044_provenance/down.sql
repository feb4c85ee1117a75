DROP TABLE provenance_keys;
