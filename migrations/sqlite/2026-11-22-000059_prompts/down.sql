DROP TABLE message_prompts;
