-- What a message asks of its recipient for the referral programme: a fact of the message, whatever its tags are.
CREATE TABLE message_prompts (
    message_id TEXT PRIMARY KEY NOT NULL REFERENCES messages (id),
    prompt TEXT NOT NULL CHECK (prompt IN ('ask', 'reminder'))
);
INSERT INTO message_prompts (message_id, prompt)
    SELECT message_id, min(CASE tag WHEN 'referral-program' THEN 'ask' ELSE 'reminder' END)
    FROM message_tags WHERE tag IN ('referral-program', 'referral-reminder') GROUP BY message_id;
