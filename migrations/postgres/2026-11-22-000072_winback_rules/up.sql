CREATE TABLE winback_rules (
    id TEXT PRIMARY KEY NOT NULL,
    name TEXT NOT NULL UNIQUE,
    mailbox_id TEXT NOT NULL REFERENCES mailboxes (id),
    enabled BOOLEAN NOT NULL,
    reasons TEXT NOT NULL,
    mrr_from BIGINT,
    currency TEXT,
    from_days INTEGER NOT NULL CHECK (from_days >= 0),
    to_days INTEGER NOT NULL CHECK (to_days >= from_days),
    needs_update BOOLEAN NOT NULL,
    segment_id TEXT REFERENCES segments (id),
    imported BOOLEAN NOT NULL,
    strategy TEXT,
    holdout INTEGER NOT NULL CHECK (holdout BETWEEN 0 AND 50),
    daily INTEGER NOT NULL CHECK (daily > 0),
    last_event TEXT NOT NULL,
    last_left_at BIGINT NOT NULL,
    next_run_at BIGINT NOT NULL,
    drafted BIGINT NOT NULL,
    held_out BIGINT NOT NULL,
    left_out BIGINT NOT NULL,
    day TEXT NOT NULL,
    drafted_on_day INTEGER NOT NULL,
    failures INTEGER NOT NULL,
    trouble TEXT,
    created_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
-- Whom a rule picked, once for each departure whatever the rule, and into which group the lot put them.
CREATE TABLE winback_picks (
    churn_event_id TEXT PRIMARY KEY NOT NULL REFERENCES churn_events (id),
    rule_id TEXT NOT NULL,
    arm TEXT NOT NULL CHECK (arm IN ('letter', 'held_out', 'left_out', 'released')),
    because TEXT,
    picked_at BIGINT NOT NULL,
    compare_until BIGINT NOT NULL,
    currency TEXT NOT NULL,
    mrr_minor BIGINT NOT NULL,
    back_at BIGINT,
    closed_at BIGINT
);
CREATE INDEX winback_picks_by_time ON winback_picks (picked_at, arm);
CREATE INDEX winback_picks_of_rule ON winback_picks (rule_id, arm, picked_at, back_at, compare_until, currency, mrr_minor);
CREATE INDEX winback_picks_to_close ON winback_picks (compare_until) WHERE arm = 'held_out' AND closed_at IS NULL;
ALTER TABLE churn_events ADD COLUMN evidence TEXT CHECK (evidence IN ('strong', 'weak', 'organic'));
ALTER TABLE variants ADD COLUMN clicked_at BIGINT;
UPDATE churn_events SET evidence = CASE
    WHEN letter_at IS NULL OR letter_at > recovered_at THEN 'organic'
    WHEN replied_at <= recovered_at THEN 'strong'
    WHEN recovered_at - letter_at <= 1209600000000 THEN 'weak'
    ELSE 'organic' END
WHERE status = 'recovered' AND recovered_at IS NOT NULL;
CREATE INDEX churn_events_by_evidence ON churn_events (evidence, churned_at) WHERE evidence IS NOT NULL;
-- Counted by day as the other parts are: who came back, on that day, by the evidence for a letter; whom rules picked, on that day, by what became of it.
-- What PostgreSQL called it depends on what was there when it was made.
DO $$
DECLARE name TEXT;
BEGIN
    SELECT conname INTO name FROM pg_constraint
        WHERE conrelid = 'churn_part_days'::regclass AND contype = 'c' AND pg_get_constraintdef(oid) LIKE '%tenure%';
    EXECUTE format('ALTER TABLE churn_part_days DROP CONSTRAINT %I', name);
END
$$;
ALTER TABLE churn_part_days ADD CONSTRAINT churn_parts_known CHECK (part IN ('plan', 'tenure', 'strategy', 'replied', 'evidence', 'picked'));
INSERT INTO churn_part_days (part, day, value, reason, currency, open_number, back_number, lost_number, open_minor, back_minor, lost_minor)
    SELECT 'evidence', recovered_at / 86400000000 AS day, evidence, '', currency, 0, count(*), 0, 0, CAST(sum(coalesce(mrr_minor, 0)) AS BIGINT), 0 FROM churn_events WHERE evidence IS NOT NULL GROUP BY day, evidence, currency;
CREATE FUNCTION count_evidence() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        IF OLD.evidence IS NOT NULL THEN
            INSERT INTO churn_part_moves (part, day, value, reason, outcome, currency, number, minor)
                VALUES ('evidence', OLD.recovered_at / 86400000000, OLD.evidence, '', 'back', OLD.currency, -1, -coalesce(OLD.mrr_minor, 0));
        END IF;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        IF NEW.evidence IS NOT NULL THEN
            INSERT INTO churn_part_moves (part, day, value, reason, outcome, currency, number, minor)
                VALUES ('evidence', NEW.recovered_at / 86400000000, NEW.evidence, '', 'back', NEW.currency, 1, coalesce(NEW.mrr_minor, 0));
        END IF;
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER evidence_changes AFTER INSERT OR DELETE OR UPDATE OF recovered_at, evidence, currency, mrr_minor ON churn_events FOR EACH ROW EXECUTE FUNCTION count_evidence();
CREATE FUNCTION count_picks() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        IF OLD.arm IN ('letter', 'held_out') THEN
            INSERT INTO churn_part_moves (part, day, value, reason, outcome, currency, number, minor)
                VALUES ('picked', OLD.picked_at / 86400000000, OLD.arm, '', CASE WHEN OLD.back_at IS NOT NULL AND OLD.back_at <= OLD.compare_until THEN 'back' WHEN OLD.closed_at IS NOT NULL THEN 'lost' ELSE 'open' END, OLD.currency, -1, -OLD.mrr_minor);
        END IF;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        IF NEW.arm IN ('letter', 'held_out') THEN
            INSERT INTO churn_part_moves (part, day, value, reason, outcome, currency, number, minor)
                VALUES ('picked', NEW.picked_at / 86400000000, NEW.arm, '', CASE WHEN NEW.back_at IS NOT NULL AND NEW.back_at <= NEW.compare_until THEN 'back' WHEN NEW.closed_at IS NOT NULL THEN 'lost' ELSE 'open' END, NEW.currency, 1, NEW.mrr_minor);
        END IF;
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER picks_change AFTER INSERT OR DELETE OR UPDATE ON winback_picks FOR EACH ROW EXECUTE FUNCTION count_picks();
DROP VIEW counted_churn_parts;
CREATE VIEW counted_churn_parts AS
    SELECT 'plan' AS part, churned_at / 86400000000 AS day, coalesce(plan_name, '') AS value, reason, CASE status WHEN 'recovered' THEN 'back' WHEN 'lost' THEN 'lost' ELSE 'open' END AS outcome, currency, coalesce(mrr_minor, 0) AS minor FROM churn_events
    UNION ALL SELECT 'tenure' AS part, churned_at / 86400000000 AS day, CASE WHEN tenure_days IS NULL THEN '' WHEN tenure_days < 30 THEN '0-29' WHEN tenure_days < 90 THEN '30-89' WHEN tenure_days < 180 THEN '90-179' WHEN tenure_days < 365 THEN '180-364'
    WHEN tenure_days < 730 THEN '365-729' ELSE '730-' END AS value, reason, CASE status WHEN 'recovered' THEN 'back' WHEN 'lost' THEN 'lost' ELSE 'open' END AS outcome, currency, coalesce(mrr_minor, 0) AS minor FROM churn_events
    UNION ALL SELECT 'strategy' AS part, letter_at / 86400000000 AS day, letter_strategy AS value, reason, CASE status WHEN 'recovered' THEN 'back' WHEN 'lost' THEN 'lost' ELSE 'open' END AS outcome, currency, coalesce(mrr_minor, 0) AS minor FROM churn_events WHERE letter_at IS NOT NULL
    UNION ALL SELECT 'replied' AS part, letter_at / 86400000000 AS day, letter_strategy AS value, reason, CASE status WHEN 'recovered' THEN 'back' WHEN 'lost' THEN 'lost' ELSE 'open' END AS outcome, currency, coalesce(mrr_minor, 0) AS minor FROM churn_events WHERE letter_at IS NOT NULL AND replied_at IS NOT NULL
    UNION ALL SELECT 'evidence', recovered_at / 86400000000, evidence, '', 'back', currency, coalesce(mrr_minor, 0) FROM churn_events WHERE evidence IS NOT NULL
    UNION ALL SELECT 'picked', picked_at / 86400000000, arm, '', CASE WHEN back_at IS NOT NULL AND back_at <= compare_until THEN 'back' WHEN closed_at IS NOT NULL THEN 'lost' ELSE 'open' END, currency, mrr_minor FROM winback_picks WHERE arm IN ('letter', 'held_out');
