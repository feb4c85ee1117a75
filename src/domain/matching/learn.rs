//! The threshold that fits what people accepted.

use super::DEFAULT_THRESHOLD;

/// The default speaks as this many judgements, half on either side of it.
const PRIOR: i32 = 10;
/// How far apart those judgements stand.
const STEP: i32 = 4;

/// The threshold that errs least on what people accepted and refused: (score, accepted).
pub fn learn(judged: &[(i32, bool)]) -> i32 {
    let prior = (0..PRIOR / 2).flat_map(|at| [(DEFAULT_THRESHOLD + at * STEP, true), (DEFAULT_THRESHOLD - 1 - at * STEP, false)]);
    let all: Vec<(i32, bool)> = prior.chain(judged.iter().copied()).collect();
    let errors = |threshold: i32| all.iter().filter(|(score, accepted)| (*score >= threshold) != *accepted).count();
    // Of equals the one nearest the default, so that nothing moves without a reason.
    (15..=80).min_by_key(|threshold| (errors(*threshold), (threshold - DEFAULT_THRESHOLD).abs())).unwrap_or(DEFAULT_THRESHOLD)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_judgements_move_it_little() {
        assert_eq!(learn(&[]), DEFAULT_THRESHOLD);
        assert_eq!(learn(&[(DEFAULT_THRESHOLD + 20, false)]), DEFAULT_THRESHOLD);
        assert_eq!(learn(&[(100, true), (1, false)]), DEFAULT_THRESHOLD);
        assert!((learn(&[(DEFAULT_THRESHOLD + 3, false), (DEFAULT_THRESHOLD + 3, false)]) - DEFAULT_THRESHOLD).abs() <= 4);
    }

    #[test]
    fn many_judgements_decide() {
        let refused: Vec<(i32, bool)> = (0..20).map(|at| (40 + at % 10, false)).chain((0..20).map(|at| (60 + at, true))).collect();
        assert!((50..=60).contains(&learn(&refused)), "{}", learn(&refused));
        let accepted: Vec<(i32, bool)> = (0..20).map(|_| (25, true)).collect();
        assert!(learn(&accepted) <= 25);
    }

    #[test]
    fn it_stays_in_bounds() {
        assert!((15..=80).contains(&learn(&vec![(100, false); 500])));
        assert!((15..=80).contains(&learn(&vec![(1, true); 500])));
        assert!((15..=80).contains(&learn(&[(i32::MAX, false), (i32::MIN, true)])));
    }
}
