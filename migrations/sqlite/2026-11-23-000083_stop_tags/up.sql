-- Which contact tags end a sequence for somebody, besides those that end every one: a JSON list.
ALTER TABLE sequences ADD COLUMN stop_tags TEXT NOT NULL DEFAULT '[]';
