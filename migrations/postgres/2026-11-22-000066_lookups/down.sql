DROP INDEX message_prompts_by_prompt;
DROP INDEX churn_events_of_reason;
DROP INDEX customers_by_plan;
