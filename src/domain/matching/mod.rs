//! Which product updates answer what a customer asked for.

mod index;
pub(in crate::domain) mod language;
mod learn;
mod phrases;
mod score;
mod synonyms;
#[cfg(test)]
mod tests;
mod words;

use std::collections::BTreeSet;

use jiff::civil::Date;

pub use index::Index;
pub use learn::learn;
pub use synonyms::Synonyms;

/// The lowest score that counts as an answer until people's judgements say otherwise.
pub const DEFAULT_THRESHOLD: i32 = 35;

/// An update as the ranking reads it.
#[derive(Debug, Clone)]
pub struct UpdateText {
    /// Its id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// What it does.
    pub summary: String,
    /// The features.
    pub features: Vec<String>,
    /// Words that customers use for it.
    pub keywords: Vec<String>,
    /// The day it shipped.
    pub shipped_on: Date,
}

/// An update that answers.
#[derive(Debug, Clone, PartialEq)]
pub struct Match {
    /// The update.
    pub id: String,
    /// How well, 1 to 100.
    pub score: i32,
    /// The words it matched, as the customer wrote them.
    pub words: Vec<String>,
    /// The synonyms that joined the two, for example "zapier = workflow automation".
    pub via: Vec<String>,
}

/// Ranks the updates that shipped after `left_on` and not later than `today` by how well they
/// answer what the customer wrote; earlier texts weigh more. See [`Index`] for many needs.
pub fn rank(needs: &[&str], left_on: Option<Date>, today: Date, updates: &[UpdateText], synonyms: &Synonyms, threshold: i32) -> Vec<Match> {
    Index::new(updates, synonyms).rank(needs, left_on, today, threshold)
}

/// Stems of a text, for grouping needs that say the same thing.
pub fn stems(text: &str) -> BTreeSet<String> {
    let tokens = language::tokens(text, language::detect(text).unwrap_or_default());
    tokens.into_iter().filter(|token| token.is_content()).map(|token| token.stem).collect()
}
