DROP VIEW counted_churn_parts;
CREATE VIEW counted_churn_parts AS
    SELECT 'plan' AS part, churned_at / 86400000000 AS day, coalesce(plan_name, '') AS value, reason, CASE status WHEN 'recovered' THEN 'back' WHEN 'lost' THEN 'lost' ELSE 'open' END AS outcome, currency, coalesce(mrr_minor, 0) AS minor FROM churn_events
    UNION ALL SELECT 'tenure' AS part, churned_at / 86400000000 AS day, CASE WHEN tenure_days IS NULL THEN '' WHEN tenure_days < 30 THEN '0-29' WHEN tenure_days < 90 THEN '30-89' WHEN tenure_days < 180 THEN '90-179' WHEN tenure_days < 365 THEN '180-364'
    WHEN tenure_days < 730 THEN '365-729' ELSE '730-' END AS value, reason, CASE status WHEN 'recovered' THEN 'back' WHEN 'lost' THEN 'lost' ELSE 'open' END AS outcome, currency, coalesce(mrr_minor, 0) AS minor FROM churn_events
    UNION ALL SELECT 'strategy' AS part, letter_at / 86400000000 AS day, letter_strategy AS value, reason, CASE status WHEN 'recovered' THEN 'back' WHEN 'lost' THEN 'lost' ELSE 'open' END AS outcome, currency, coalesce(mrr_minor, 0) AS minor FROM churn_events WHERE letter_at IS NOT NULL
    UNION ALL SELECT 'replied' AS part, letter_at / 86400000000 AS day, letter_strategy AS value, reason, CASE status WHEN 'recovered' THEN 'back' WHEN 'lost' THEN 'lost' ELSE 'open' END AS outcome, currency, coalesce(mrr_minor, 0) AS minor FROM churn_events WHERE letter_at IS NOT NULL AND replied_at IS NOT NULL;
DROP TRIGGER evidence_changes ON churn_events;
DROP FUNCTION count_evidence();
DROP TRIGGER picks_change ON winback_picks;
DROP FUNCTION count_picks();
DELETE FROM churn_part_moves WHERE part IN ('evidence', 'picked');
DELETE FROM churn_part_days WHERE part IN ('evidence', 'picked');
DELETE FROM churn_part_weeks WHERE part IN ('evidence', 'picked');
DELETE FROM churn_part_months WHERE part IN ('evidence', 'picked');
ALTER TABLE churn_part_days DROP CONSTRAINT churn_parts_known;
ALTER TABLE churn_part_days ADD CONSTRAINT churn_parts_known CHECK (part IN ('plan', 'tenure', 'strategy', 'replied'));
DROP INDEX churn_events_by_evidence;
ALTER TABLE variants DROP COLUMN clicked_at;
ALTER TABLE churn_events DROP COLUMN evidence;
DROP TABLE winback_picks;
DROP TABLE winback_rules;
