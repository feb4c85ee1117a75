-- Segments by plan or reason alone find few among a million without looking at each.
CREATE INDEX customers_by_plan ON customers (lower(plan_name), contact_id);
CREATE INDEX churn_events_of_reason ON churn_events (reason, contact_id);
