//! The playbook drafter: nine letters from recorded facts alone.
//!
//! A sentence whose fact is missing is left out, so no letter is ever blank or wrong
//! in a place; the same facts give the same bytes.

mod facts;
mod letter;
mod playbook;
mod words;

pub use facts::{Company, CustomerFacts, FactSheet, OfferFact, PlanFact, QuoteFact, StoryFact, UpdateFact};
pub use playbook::{draft_all, recommended};

use serde::{Deserialize, Serialize};

use crate::domain::reason::Strategy;

/// One of the nine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// Its strategy.
    pub strategy: Strategy,
    /// The subject.
    pub subject: String,
    /// The plain text.
    pub text: String,
    /// The same words as HTML.
    pub html: String,
    /// The coupon it promises.
    pub coupon_code: Option<String>,
    /// The percent it promises.
    pub coupon_percent: Option<i32>,
    /// The offer both come from.
    pub offer_id: Option<String>,
    /// The facts it rests on.
    pub facts: Vec<FactRef>,
}

/// A fact that a letter rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FactRef {
    /// What kind of fact.
    pub kind: String,
    /// Its id, where it is a row.
    pub id: Option<String>,
    /// The fact in words.
    pub label: String,
}

#[cfg(test)]
mod tests;
