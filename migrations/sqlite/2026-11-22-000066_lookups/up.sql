-- Segments by plan or reason alone find few among a million without looking at each.
CREATE INDEX customers_by_plan ON customers (lower(plan_name), contact_id);
CREATE INDEX churn_events_of_reason ON churn_events (reason, contact_id);
-- Asks for a recommendation are listed whatever their tags are.
CREATE INDEX message_prompts_by_prompt ON message_prompts (prompt, message_id);
