DROP TABLE imports;
DROP TABLE provider_events;
DROP TABLE churn_events;
