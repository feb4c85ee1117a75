//! Points at which a test kills the process: between any two statements, between any two words to the relay. In a
//! release build there are none.

/// Reads which points are armed from the variable `FAILPOINTS`, as the crate `fail` has it. They stay armed while the
/// value lives.
#[cfg(debug_assertions)]
pub fn arm() -> fail::FailScenario<'static> {
    fail::FailScenario::setup()
}

/// Ends the process here, without a word, where a test says so.
#[cfg(debug_assertions)]
pub fn reach(point: &'static str) {
    fail::fail_point!(point, |_| std::process::abort());
}

/// Nothing in a release build.
#[cfg(not(debug_assertions))]
pub fn arm() {}

/// Nothing in a release build.
#[cfg(not(debug_assertions))]
#[inline(always)]
pub fn reach(_: &'static str) {}
