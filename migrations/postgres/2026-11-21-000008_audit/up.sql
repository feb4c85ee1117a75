CREATE TABLE audit_log (
    seq BIGSERIAL PRIMARY KEY,
    at BIGINT NOT NULL,
    actor_kind TEXT NOT NULL,
    actor_id TEXT NOT NULL,
    actor_name TEXT NOT NULL,
    action TEXT NOT NULL,
    target_kind TEXT NOT NULL,
    target_id TEXT NOT NULL,
    mailbox_id TEXT,
    detail TEXT NOT NULL
);
CREATE INDEX audit_log_by_target ON audit_log (target_kind, target_id, seq);
