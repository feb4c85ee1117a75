//! Stretches of a text that are spoken for, so that no two claims stand on the same words.

use std::collections::BTreeMap;
use std::ops::Range;

/// Stretches by their start. One inside another is dropped, so the last that starts before a
/// place is the only one that can reach it.
#[derive(Debug, Default)]
pub(super) struct Taken(BTreeMap<usize, usize>);

impl Taken {
    /// Whether nothing of this stretch is spoken for.
    pub(super) fn is_free(&self, at: &Range<usize>) -> bool {
        self.overlapping(at).next().is_none()
    }

    /// The stretches that have something of this one, the last first.
    pub(super) fn overlapping(&self, at: &Range<usize>) -> impl Iterator<Item = Range<usize>> + use<'_> {
        let start = at.start;
        self.0.range(..at.end).rev().map(|(from, to)| *from..*to).take_while(move |other| other.end > start)
    }

    pub(super) fn take(&mut self, at: Range<usize>) {
        let inside: Vec<usize> =
            self.overlapping(&at).filter(|other| at.start <= other.start && other.end <= at.end).map(|other| other.start).collect();
        for start in inside {
            self.0.remove(&start);
        }
        self.0.insert(at.start, at.end);
    }
}

impl FromIterator<Range<usize>> for Taken {
    fn from_iter<I: IntoIterator<Item = Range<usize>>>(stretches: I) -> Taken {
        Taken(stretches.into_iter().map(|at| (at.start, at.end)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_spoken_for_once() {
        let mut taken: Taken = [3..5, 8..12].into_iter().collect();
        assert!(taken.is_free(&(5..8)) && taken.is_free(&(0..3)) && taken.is_free(&(12..20)));
        assert!(!taken.is_free(&(4..6)) && !taken.is_free(&(0..20)) && !taken.is_free(&(9..10)));
        assert_eq!(taken.overlapping(&(4..9)).collect::<Vec<_>>(), [8..12, 3..5]);
        taken.take(2..9);
        assert!(!taken.is_free(&(5..8)) && !taken.is_free(&(10..11)) && taken.is_free(&(0..2)));
    }
}
