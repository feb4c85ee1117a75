-- When each link was followed, so that the numbers of a report lead to exactly what they count. Who came is kept nowhere.
CREATE TABLE referral_visits (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    referral_id TEXT NOT NULL REFERENCES referrals (id) ON DELETE CASCADE,
    at BIGINT NOT NULL,
    is_first BOOLEAN NOT NULL
);
CREATE INDEX referral_visits_by_time ON referral_visits (at, id);
CREATE INDEX referral_visits_of_link ON referral_visits (referral_id);
-- Visitors of before count on the day of the latest, as the days did when they began.
INSERT INTO referral_visits (referral_id, at, is_first)
    WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < (SELECT coalesce(max(clicks), 0) FROM referrals))
    SELECT r.id, r.last_click_at, numbers.n = 1 FROM referrals r JOIN numbers ON numbers.n <= r.clicks WHERE r.last_click_at IS NOT NULL;
CREATE TRIGGER referrals_visited AFTER UPDATE OF clicks ON referrals
WHEN NEW.clicks > OLD.clicks AND NEW.last_click_at IS NOT NULL
BEGIN
    INSERT INTO referral_visits (referral_id, at, is_first) VALUES (NEW.id, NEW.last_click_at, OLD.clicks = 0);
END;
