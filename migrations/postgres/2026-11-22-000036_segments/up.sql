-- What is asked of the contacts of a segment besides tags and words, as JSON.
ALTER TABLE segments ADD COLUMN conditions TEXT NOT NULL DEFAULT '{}';
