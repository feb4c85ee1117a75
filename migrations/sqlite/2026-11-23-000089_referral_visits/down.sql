DROP TRIGGER referrals_visited;
DROP TABLE referral_visits;
