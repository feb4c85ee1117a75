DROP TRIGGER referrals_visited ON referrals;
DROP FUNCTION note_referral_visit();
DROP TABLE referral_visits;
