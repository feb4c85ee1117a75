//! A history becomes episodes: each from the first sign of leaving to the sign that it is over. Pure.

use crate::clock::Time;

use super::{Details, SignalKind, SignalRow};

/// A cancellation and a failed payment need different letters, so each has episodes of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Aspect {
    Leaving,
    Payment,
}

impl SignalKind {
    fn opens(self) -> Option<Aspect> {
        match self {
            SignalKind::Leaving => Some(Aspect::Leaving),
            SignalKind::PaymentFailed => Some(Aspect::Payment),
            SignalKind::Stays | SignalKind::Paid | SignalKind::Returned => None,
        }
    }

    fn closes(self, aspect: Aspect) -> bool {
        match self {
            SignalKind::Stays => aspect == Aspect::Leaving,
            SignalKind::Paid => aspect == Aspect::Payment,
            SignalKind::Returned => true,
            SignalKind::Leaving | SignalKind::PaymentFailed => false,
        }
    }
}

/// One time that somebody left.
#[derive(Debug, Default)]
pub(super) struct Episode<'a> {
    /// The signs of leaving, the first one first.
    pub signals: Vec<&'a SignalRow>,
    /// When it was over, and by which signal; by a person's word without one.
    pub closed: Option<(Time, Option<&'a SignalRow>)>,
}

impl Episode<'_> {
    /// What all of its signals say together.
    pub fn details(&self) -> Details {
        together(self.signals.iter().copied())
    }

    /// When they left.
    pub fn left_at(&self) -> Time {
        let first = self.signals.first();
        first.map_or_else(Time::default, |first| first.details.left_at.map_or(first.occurred_at, Time::from_micros))
    }
}

/// What these signals say together; `signals` in the order of their times.
pub(super) fn together<'a>(signals: impl Iterator<Item = &'a SignalRow>) -> Details {
    let mut all = Details::default();
    for signal in signals {
        all.complete_with(&signal.details);
    }
    all
}

/// The episodes of one aspect, in order. `by_hand` are the times at which a person said that
/// the customer came back. At the same instant, a sign of leaving comes before its end.
pub(super) fn episodes<'a>(signals: &'a [SignalRow], aspect: Aspect, by_hand: &[Time]) -> Vec<Episode<'a>> {
    let mut marks: Vec<(Time, bool, Option<&'a SignalRow>)> = by_hand.iter().map(|at| (*at, true, None)).collect();
    for signal in signals {
        if signal.kind.opens() == Some(aspect) {
            marks.push((signal.occurred_at, false, Some(signal)));
        } else if signal.kind.closes(aspect) {
            marks.push((signal.occurred_at, true, Some(signal)));
        }
    }
    marks.sort_by_key(|(at, closes, signal)| (*at, *closes, signal.map(|signal| signal.event_id.as_str())));
    let mut all = vec![];
    let mut open: Option<Episode<'a>> = None;
    for (at, closes, signal) in marks {
        match signal {
            Some(signal) if !closes => open.get_or_insert_default().signals.push(signal),
            _ => {
                if let Some(mut episode) = open.take() {
                    episode.closed = Some((at, signal));
                    all.push(episode);
                }
            }
        }
    }
    all.extend(open);
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::types::Json;

    fn row(id: &str, kind: SignalKind, second: i64, details: Details) -> SignalRow {
        SignalRow {
            scope: "stripe".into(),
            event_id: id.into(),
            subject: "sub".into(),
            customer_id: None,
            kind,
            occurred_at: Time::from_seconds(second),
            details: Json::new(details),
            source: "stripe".into(),
            churn_event_id: None,
            received_at: Time::default(),
        }
    }

    #[test]
    fn a_cancellation_that_was_taken_back_and_repeated_is_two() {
        use SignalKind::{Leaving, Stays};
        let all = [("a", Leaving, 1), ("b", Leaving, 2), ("c", Stays, 3), ("d", Stays, 4), ("e", Leaving, 5)];
        let all: Vec<SignalRow> = all.into_iter().map(|(id, kind, at)| row(id, kind, at, Details::default())).collect();
        let found = episodes(&all, Aspect::Leaving, &[]);
        let shape: Vec<_> = found.iter().map(|e| (e.signals.len(), e.closed.map(|(at, _)| at.seconds()))).collect();
        assert_eq!(shape, [(2, Some(3)), (1, None)]);
        assert!(episodes(&all, Aspect::Payment, &[]).is_empty());
    }

    #[test]
    fn at_the_same_instant_the_end_comes_last_and_later_words_complete() {
        let said = |reason: Option<&str>, plan: Option<&str>| Details {
            cancel_reason: reason.map(str::to_owned),
            plan_name: plan.map(str::to_owned),
            ..Details::default()
        };
        let all = [
            row("z", SignalKind::Returned, 7, Details::default()),
            row("b", SignalKind::PaymentFailed, 7, said(Some("late"), None)),
            row("a", SignalKind::PaymentFailed, 6, said(Some("early"), Some("Pro"))),
        ];
        let found = episodes(&all, Aspect::Payment, &[]);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].closed.map(|(at, _)| at.seconds()), Some(7));
        assert_eq!(found[0].details(), said(Some("late"), Some("Pro")));
        assert_eq!(found[0].left_at().seconds(), 6);
    }
}
