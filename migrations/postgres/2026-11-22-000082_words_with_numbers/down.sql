CREATE OR REPLACE FUNCTION words_of_contact(contact TEXT) RETURNS tsvector
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT to_tsvector('pg_catalog.simple', regexp_replace(
        lower((coalesce(c.name, '') || ' ' || c.email_key || ' ' || coalesce(
            (SELECT string_agg(t.tag, ' ') FROM contact_tags t WHERE t.contact_id = c.id), '')) COLLATE "und-x-icu"),
        '[^[:alnum:]]+', ' ', 'g'))
    FROM contacts c WHERE c.id = contact
$$;
UPDATE contact_words SET words = words_of_contact(contact_id);
