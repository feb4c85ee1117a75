-- What somebody got for a sign-up that they brought: each is rewarded once. unit is a currency (ISO 4217) or months.
CREATE TABLE referral_rewards (
    id TEXT PRIMARY KEY NOT NULL,
    referral_id TEXT NOT NULL REFERENCES referrals (id),
    conversion_id TEXT NOT NULL UNIQUE REFERENCES referral_conversions (id),
    amount BIGINT NOT NULL CHECK (amount > 0),
    unit TEXT NOT NULL,
    message_id TEXT REFERENCES messages (id),
    recorded_by TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX referral_rewards_of_referral ON referral_rewards (referral_id);
CREATE INDEX referral_rewards_told ON referral_rewards (message_id) WHERE message_id IS NOT NULL;
