//! Variants side by side, as pages show them.

use super::chart::{Picture, Spans};
use crate::domain::trials::{self, Arm, Measure};

/// A comparison as it is shown.
#[derive(Debug)]
pub(super) struct Shown {
    /// What is compared.
    pub title: String,
    /// The variants.
    pub rows: Vec<Row>,
    /// Which is better, or that nobody can say.
    pub verdict: String,
    /// Whether there is an interval to draw.
    pub is_drawn: bool,
    /// The intervals, for a desk and for a phone.
    pub pictures: [Picture; 2],
    /// The same for those who do not see the picture.
    pub label: String,
}

/// One variant.
#[derive(Debug)]
pub(super) struct Row {
    /// Its name.
    pub name: String,
    /// "50 %", or who chooses.
    pub share: String,
    /// Messages that left.
    pub sent: usize,
    /// Those that were answered.
    pub replied: usize,
    /// Those whose customer came back.
    pub recovered: usize,
    /// The rate and its interval.
    pub rate: String,
}

/// Of these variants.
pub(super) fn shown(title: String, arms: &[Arm], by: Measure) -> Shown {
    let rate = |arm: &Arm| {
        let share = arm.rate(by);
        match share.interval() {
            Some((low, high)) => format!("{} % ({low} to {high} %)", share.percent().unwrap_or_default()),
            None => "not enough data".to_owned(),
        }
    };
    let row = |arm: &Arm| Row {
        name: arm.name.clone(),
        share: arm.share.map_or_else(|| "as its writer chooses".to_owned(), |share| format!("{share} %")),
        sent: arm.sent,
        replied: arm.replied,
        recovered: arm.recovered,
        rate: rate(arm),
    };
    let span = |arm: &Arm| {
        let share = arm.rate(by);
        let hundred = |value: f64| value * 100.0;
        let middle = share.part as f64 * 100.0 / (share.of.max(1)) as f64;
        (arm.name.clone(), share.bounds().map(|(low, high)| (hundred(low), middle, hundred(high))), rate(arm))
    };
    let spans = Spans { rows: arms.iter().map(span).collect() };
    let label = arms.iter().map(|arm| format!("{}: {}", arm.name, rate(arm))).collect::<Vec<_>>().join("; ");
    let is_drawn = spans.rows.iter().any(|row| row.1.is_some());
    Shown {
        title,
        rows: arms.iter().map(row).collect(),
        verdict: trials::in_words(arms, by),
        is_drawn,
        pictures: [spans.wide(), spans.narrow()],
        label,
    }
}
