//! The playbook drafter: nine letters from recorded facts alone.
//!
//! A sentence whose fact is missing is left out, so no letter is ever blank or wrong
//! in a place; the same facts give the same bytes.

mod facts;
mod html;
mod playbook;
#[cfg(test)]
mod tests;
mod words;

use serde::{Deserialize, Serialize};

use crate::domain::reason::Strategy;

pub use facts::{CompanyFacts, CustomerFacts, CustomerQuote, FactSheet, OfferFact, PlanFact, StoryFact, UpdateFact};
pub use playbook::{draft_all, recommended};

/// One of the nine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draft {
    /// Its strategy.
    pub strategy: Strategy,
    /// The subject.
    pub subject: String,
    /// The plain text.
    pub text: String,
    /// The same words as an HTML fragment, without a footer.
    pub html: String,
    /// The code it promises.
    pub coupon_code: Option<String>,
    /// The percent it promises.
    pub coupon_percent: Option<u8>,
    /// The offer both come from.
    pub offer_id: Option<String>,
    /// The facts it rests on.
    pub facts: Vec<FactRef>,
}

/// A fact that a letter rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FactRef {
    /// What kind: `contact`, `reason`, `quote`, `update`, `offer`, `plan_price`, `story`, `company` or `allowed_url`.
    pub kind: String,
    /// Its id, where it is a row.
    pub id: Option<String>,
    /// The fact in words.
    pub label: String,
    /// The words in the subject or the text that rest on it.
    pub span: String,
}
