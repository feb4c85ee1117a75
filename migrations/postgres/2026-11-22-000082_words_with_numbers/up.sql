-- An address such as adler123@… made a word of its own for everybody of that name, and whoever looked for adler went through them all.
-- A word that begins with letters and holds a digit is kept as its letters, and whole behind a mark for whoever looks for more of it.
CREATE OR REPLACE FUNCTION words_of_contact(contact TEXT) RETURNS tsvector
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT array_to_tsvector(coalesce(array_agg(DISTINCT left(kept, 500)), '{}'))
    FROM contacts c
        CROSS JOIN LATERAL regexp_split_to_table(
            lower((coalesce(c.name, '') || ' ' || c.email_key || ' ' || coalesce(
                (SELECT string_agg(t.tag, ' ') FROM contact_tags t WHERE t.contact_id = c.id), '')) COLLATE "und-x-icu"),
            '[^[:alnum:]]+') AS word
        CROSS JOIN LATERAL unnest(CASE WHEN word ~ '^[^0-9]+[0-9]' THEN ARRAY[substring(word FROM '^[^0-9]+'), '#' || word] ELSE ARRAY[word] END) AS kept
    WHERE c.id = contact AND word <> ''
$$;
DROP INDEX contact_words_words;
UPDATE contact_words SET words = words_of_contact(contact_id);
CREATE INDEX contact_words_words ON contact_words USING gin (words);
