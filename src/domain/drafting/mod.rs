//! Drafting nine letters from recorded facts alone.
//!
//! The playbook always can: a sentence whose fact is missing is left out, so no letter is
//! ever blank or wrong in a place; the same facts give the same bytes. A model may write in
//! its place; each of its letters is held against the record, and the playbook steps in
//! where one fails.

mod facts;
mod html;
mod model;
mod playbook;
#[cfg(test)]
mod tests;
mod words;

use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};

use crate::domain::claims::Ground;
use crate::domain::reason::Strategy;
use crate::text_enum;

pub use facts::{CompanyFacts, CustomerFacts, CustomerQuote, FactSheet, OfferFact, PlanFact, StoryFact, UpdateFact};
pub use model::{Asked, Heard, ModelDrafter, Outcome, PROMPT_VERSION, Run};
pub use playbook::{draft_all, recommended};

text_enum!(
    /// Who wrote a letter.
    pub enum WrittenBy {
        /// The playbook.
        Playbook => "playbook",
        /// A model.
        Model => "model",
    }
);

/// What a drafter works from. It holds no database: a model may take a minute, and no transaction waits for one.
#[derive(Debug, Clone)]
pub struct Brief {
    /// The facts.
    pub sheet: FactSheet,
    /// What the letters are held against, for a drafter that asks for it.
    pub ground: Option<Ground>,
}

/// Somebody who writes the nine.
pub trait Drafter: Send + Sync {
    /// Whether its letters must be held against the record.
    fn needs_ground(&self) -> bool;

    /// Writes the nine, in the order of [`Strategy::ALL`]. It always does: what fails is written by the playbook.
    fn draft<'a>(&'a self, brief: &'a Brief) -> BoxFuture<'a, Drafted>;
}

/// The nine, and how they came about.
#[derive(Debug, Clone)]
pub struct Drafted {
    /// The letters.
    pub letters: Vec<Written>,
    /// What a model was asked and said, where one was.
    pub run: Option<Run>,
}

/// A letter with its author.
#[derive(Debug, Clone)]
pub struct Written {
    /// The letter.
    pub draft: Draft,
    /// Its author.
    pub by: WrittenBy,
    /// Why the playbook stepped in, as half a sentence.
    pub note: Option<String>,
}

/// The drafter that is always there.
#[derive(Debug, Clone, Copy)]
pub struct Playbook;

impl Playbook {
    /// The nine, at once.
    pub fn write(sheet: &FactSheet) -> Drafted {
        let letters = draft_all(sheet).into_iter().map(|draft| Written { draft, by: WrittenBy::Playbook, note: None }).collect();
        Drafted { letters, run: None }
    }
}

impl Drafter for Playbook {
    fn needs_ground(&self) -> bool {
        false
    }

    fn draft<'a>(&'a self, brief: &'a Brief) -> BoxFuture<'a, Drafted> {
        Box::pin(std::future::ready(Playbook::write(&brief.sheet)))
    }
}

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
