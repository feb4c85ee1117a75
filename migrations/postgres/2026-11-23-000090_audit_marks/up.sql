-- From where an entry was made, and the mark of this desk on it: made with a key outside of the database, so that whoever writes the
-- database alone cannot add one. Entries from before have neither, and their hashes stay what they are.
ALTER TABLE audit_log ADD COLUMN network TEXT;
ALTER TABLE audit_log ADD COLUMN mark TEXT;
