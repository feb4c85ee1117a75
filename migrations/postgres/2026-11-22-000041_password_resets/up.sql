CREATE TABLE password_resets (
    token_hash TEXT PRIMARY KEY NOT NULL,
    user_id TEXT NOT NULL REFERENCES users (id),
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT
);
CREATE INDEX password_resets_by_user ON password_resets (user_id, created_at);
-- About the reader's own account: it goes out whatever else they want to be mailed.
ALTER TABLE notice_mails ADD COLUMN account BOOLEAN NOT NULL DEFAULT FALSE;
