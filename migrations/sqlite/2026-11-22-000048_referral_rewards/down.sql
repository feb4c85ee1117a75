DROP TABLE referral_rewards;
