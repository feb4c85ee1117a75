//! What drafting for many has in common, for campaigns and for phases of migrations: a round that fails is set aside.

use diesel::QueryResult;

use super::error::{Error, Kind, Result};
use crate::clock::Time;

/// Seconds until a round that failed once is tried again; twice as many each time after that.
const FIRST_WAIT: i64 = 60;
/// Seconds that a round is set aside at most.
const LONGEST_WAIT: i64 = 3600;

/// How a round is set aside.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::domain) struct Aside {
    /// How many steps failed one after the other.
    pub(in crate::domain) failures: i32,
    /// Until when.
    pub(in crate::domain) until: Time,
    /// What was wrong.
    pub(in crate::domain) why: String,
}

impl Aside {
    fn after(error: &Error, failures: i32, now: Time) -> Self {
        let wait = (FIRST_WAIT << failures.clamp(0, 6)).min(LONGEST_WAIT);
        Aside { failures: failures.saturating_add(1), until: now.plus_seconds(wait), why: error.detail.clone() }
    }
}

/// Sets a round aside whose step failed, and says that there may be others. A database that is busy or full is so for every
/// round, and is no reason.
pub(in crate::domain) fn set_aside_failed(
    done: Result<()>,
    failures: i32,
    now: Time,
    set_aside: impl FnOnce(&Aside) -> QueryResult<()>,
) -> Result<bool> {
    match done {
        Ok(()) => {}
        Err(error) if matches!(error.kind, Kind::Busy | Kind::StorageFull) => return Err(error),
        Err(error) => set_aside(&Aside::after(&error, failures, now))?,
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_an_hour() {
        let now = Time::from_seconds(0);
        let waits: Vec<i64> = (0..8).map(|failures| Aside::after(&Error::not_found("thing"), failures, now).until.seconds()).collect();
        assert_eq!(waits, [60, 120, 240, 480, 960, 1920, 3600, 3600]);
    }

    #[test]
    fn a_busy_or_full_database_sets_nothing_aside() {
        let now = Time::from_seconds(0);
        for kind in [Kind::Busy, Kind::StorageFull] {
            let error = Error { kind, ..Error::not_found("thing") };
            assert!(set_aside_failed(Err(error), 0, now, |_| panic!("it is not the fault of the round")).is_err());
        }
        let mut seen = None;
        let set_aside = |aside: &Aside| {
            seen = Some(aside.failures);
            Ok(())
        };
        assert!(set_aside_failed(Err(Error::not_found("thing")), 2, now, set_aside).unwrap());
        assert_eq!(seen, Some(3));
    }
}
