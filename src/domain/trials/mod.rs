//! Comparing variants of a message: who gets which, what came back of each, and when the numbers say that one is better.
//! Pure, but for `queries`.

pub(in crate::domain) mod queries;

use sha2::{Digest, Sha256};

use crate::domain::ids::ContactId;
use crate::domain::vigilance::numbers::Share;
use crate::text_enum;

/// Before each variant left this often, nothing is said about which is better.
pub const FEWEST_EACH: usize = 50;
/// The share in percent that a winner gets by rule; the rest is divided among the others, so that they go on being measured.
pub const WINNERS_SHARE: i32 = 80;
/// Most variants of one message.
pub const MOST_VARIANTS: usize = 5;

text_enum!(
    /// What a variant is measured by.
    pub enum Measure {
        /// Recipients who wrote back.
        Replies => "replies",
        /// Customers who came back.
        Recoveries => "recoveries",
    }
);

/// The name of a variant by its place: a, b, c.
pub fn letter(place: usize) -> char {
    char::from(b'a' + u8::try_from(place.min(25)).unwrap_or(25))
}

/// Which variant a contact gets: always the same one, as long as the shares stay. `of` names what is compared, so that
/// whoever gets the first variant here is not in the first group everywhere. Shares are percents.
pub fn assign(of: &str, contact: &ContactId, shares: &[i32]) -> usize {
    let hash = Sha256::digest(format!("{of}\n{contact}").as_bytes());
    let drawn = hash.iter().take(4).fold(0_u32, |all, byte| all << 8 | u32::from(*byte)) % 10_000;
    let mut up_to = 0;
    for (place, share) in shares.iter().enumerate() {
        up_to += u32::try_from(*share).unwrap_or(0) * 100;
        if drawn < up_to {
            return place;
        }
    }
    0
}

/// A variant and what came back of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Arm {
    /// Its name.
    pub name: String,
    /// Of a hundred recipients so many get it; nothing where whoever writes the messages chooses.
    pub share: Option<i32>,
    /// Messages that left.
    pub sent: usize,
    /// Those whose recipient wrote back.
    pub replied: usize,
    /// Those whose recipient came back as a customer.
    pub recovered: usize,
}

impl Arm {
    /// How many of those that left did what is measured.
    pub fn rate(&self, by: Measure) -> Share {
        let part = match by {
            Measure::Replies => self.replied,
            Measure::Recoveries => self.recovered,
        };
        Share { part: part.min(self.sent), of: self.sent }
    }
}

/// What the numbers say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Too few left to say.
    TooFew {
        /// So many more must leave until each variant has enough.
        missing: usize,
    },
    /// The intervals overlap.
    Open,
    /// The lowest value of its interval is above the highest of every other.
    Winner(usize),
}

/// Which variant is better, if any: its whole interval lies above those of all others, and each left often enough.
pub fn verdict(arms: &[Arm], by: Measure) -> Verdict {
    let missing: usize = arms.iter().map(|arm| FEWEST_EACH.saturating_sub(arm.sent)).sum();
    if missing > 0 || arms.len() < 2 {
        return Verdict::TooFew { missing };
    }
    let bounds: Vec<(f64, f64)> = arms.iter().filter_map(|arm| arm.rate(by).bounds()).collect();
    let beats_all = |place: usize| bounds.iter().enumerate().all(|(other, bound)| other == place || bounds[place].0 > bound.1);
    (0..bounds.len()).find(|place| beats_all(*place)).map_or(Verdict::Open, Verdict::Winner)
}

/// The verdict in a sentence.
pub fn in_words(arms: &[Arm], by: Measure) -> String {
    match verdict(arms, by) {
        Verdict::TooFew { missing } => {
            format!("Not enough data yet: each variant must have left {FEWEST_EACH} times, and {missing} of these are missing.")
        }
        Verdict::Open => format!("Not enough data to tell them apart: by {by}, their 95 % intervals overlap."),
        Verdict::Winner(place) => {
            format!("Variant {} is better: by {by}, its whole 95 % interval lies above those of the others.", arms[place].name)
        }
    }
}

/// The shares that follow a winner: most for it, the rest for the others, so that they go on being measured.
pub fn shifted(count: usize, winner: usize) -> Vec<i32> {
    let others = i32::try_from(count.saturating_sub(1)).unwrap_or(1).max(1);
    let each = (100 - WINNERS_SHARE) / others;
    let mut shares = vec![each; count];
    if let Some(share) = shares.get_mut(winner) {
        *share = 100 - each * others;
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arm(name: &str, sent: usize, replied: usize) -> Arm {
        Arm { name: name.into(), sent, replied, ..Arm::default() }
    }

    #[test]
    fn everybody_gets_the_same_variant_each_time_and_the_groups_are_as_large_as_their_shares() {
        let people: Vec<ContactId> = (0..20_000).map(|n| ContactId::from(format!("contact-{n}").as_str())).collect();
        let shares = [50, 30, 20];
        let mut counts = [0_usize; 3];
        for contact in &people {
            let place = assign("a", contact, &shares);
            assert_eq!(place, assign("a", contact, &shares));
            counts[place] += 1;
        }
        for (count, share) in counts.iter().zip(shares) {
            let wanted = people.len() * usize::try_from(share).unwrap() / 100;
            assert!(count.abs_diff(wanted) < 300, "{counts:?}");
        }
        let both = people.iter().filter(|contact| assign("a", contact, &shares) == 0 && assign("b", contact, &shares) == 0).count();
        assert!(both.abs_diff(5_000) < 300, "two comparisons do not divide people alike: {both}");
        assert!(people.iter().all(|contact| assign("a", contact, &[100, 0]) == 0));
    }

    #[test]
    fn a_winner_is_named_only_where_the_intervals_say_so() {
        assert_eq!(verdict(&[arm("a", 49, 0), arm("b", 1000, 900)], Measure::Replies), Verdict::TooFew { missing: 1 });
        assert_eq!(verdict(&[arm("a", 100, 10), arm("b", 100, 20)], Measure::Replies), Verdict::Open, "10 % and 20 % of a hundred overlap");
        assert_eq!(verdict(&[arm("a", 1000, 100), arm("b", 1000, 200)], Measure::Replies), Verdict::Winner(1));
        assert_eq!(verdict(&[arm("a", 1000, 100), arm("b", 1000, 200)], Measure::Recoveries), Verdict::Open);
        let three = [arm("a", 1000, 100), arm("b", 1000, 200), arm("c", 1000, 190)];
        assert_eq!(verdict(&three, Measure::Replies), Verdict::Open, "it must be better than all");
        assert!(in_words(&three, Measure::Replies).contains("Not enough data"));
        assert_eq!(verdict(&[arm("a", 500, 1)], Measure::Replies), Verdict::TooFew { missing: 0 });
    }

    #[test]
    fn the_shares_after_a_winner_are_a_hundred() {
        for count in 2..=MOST_VARIANTS {
            for winner in 0..count {
                let shares = shifted(count, winner);
                assert_eq!(shares.iter().sum::<i32>(), 100);
                assert!(shares.iter().all(|share| *share > 0) && shares[winner] >= WINNERS_SHARE);
            }
        }
    }
}
