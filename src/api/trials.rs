//! How variants that are compared look in answers.

use schemars::JsonSchema;
use serde::Serialize;

use crate::domain::trials::{self, Arm, Measure, Verdict};

/// Variants side by side.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Comparison")]
pub struct Shape {
    /// Which step of a sequence, counted from 1; null for a campaign.
    pub step: Option<usize>,
    /// By what they are measured: replies or recoveries.
    pub measure: Measure,
    /// The variants.
    pub variants: Vec<ArmShape>,
    /// The variant whose whole interval lies above those of the others, once each left 50 times; null while there is none.
    pub winner: Option<String>,
    /// The same in a sentence, also where there is not enough data.
    pub verdict: String,
}

/// A variant and what came back of it.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ComparedVariant")]
pub struct ArmShape {
    /// Its name.
    pub name: String,
    /// Of a hundred recipients so many get it; null where whoever writes the messages chooses.
    pub share: Option<i32>,
    /// Messages that left.
    pub sent: usize,
    /// Those whose recipient wrote back.
    pub replied: usize,
    /// Those whose recipient came back as a customer within 30 days.
    pub recovered: usize,
    /// How many of a hundred did what is measured; null where fewer than 20 left.
    pub percent: Option<usize>,
    /// Where the true share lies with 95 % certainty (Wilson), in percent; null where fewer than 20 left.
    pub interval_95: Option<[usize; 2]>,
}

impl Shape {
    /// Of these variants.
    pub fn of(step: Option<usize>, measure: Measure, arms: &[Arm]) -> Self {
        let shape = |arm: &Arm| {
            let rate = arm.rate(measure);
            ArmShape {
                name: arm.name.clone(),
                share: arm.share,
                sent: arm.sent,
                replied: arm.replied,
                recovered: arm.recovered,
                percent: rate.percent(),
                interval_95: rate.interval().map(|(low, high)| [low, high]),
            }
        };
        let winner = match trials::verdict(arms, measure) {
            Verdict::Winner(place) => arms.get(place).map(|arm| arm.name.clone()),
            _ => None,
        };
        Shape { step, measure, variants: arms.iter().map(shape).collect(), winner, verdict: trials::in_words(arms, measure) }
    }
}
