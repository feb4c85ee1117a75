-- Which words somebody got, as a hash: what came back is counted for words, not for places that change.
ALTER TABLE sequence_sends ADD COLUMN variant TEXT NOT NULL DEFAULT '';
-- By what variants are measured, and whether a winner gets more by itself.
ALTER TABLE sequences ADD COLUMN measure TEXT NOT NULL DEFAULT 'replies' CHECK (measure IN ('replies', 'recoveries'));
ALTER TABLE sequences ADD COLUMN shifts BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE campaigns ADD COLUMN variants TEXT NOT NULL DEFAULT '[]';
ALTER TABLE campaigns ADD COLUMN measure TEXT NOT NULL DEFAULT 'replies' CHECK (measure IN ('replies', 'recoveries'));
ALTER TABLE campaigns ADD COLUMN shifts BOOLEAN NOT NULL DEFAULT FALSE;
