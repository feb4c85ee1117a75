//! The claim ledger: every checkable atom of a draft, and the recorded fact it rests on.
//!
//! No model takes part. A text is cut into sentences; its atoms (numbers, money, dates,
//! links, codes, names, promises) are found; each is held against the facts that its
//! sentence is about. The same text and the same facts give the same verdicts.

mod atoms;
mod book;
mod html;
mod ledger;
pub mod links;
mod names;
mod numbers;
mod resolve;
mod sentences;
mod taken;
#[cfg(test)]
mod tests;
mod values;

use serde::Serialize;

use crate::domain::ids::FactId;
use crate::text_enum;

pub use book::{Book, Standing};
pub use html::{Visible, visible};
pub use ledger::{TextToCheck, check_text, ground_for, ground_of};
pub use resolve::{Ground, check};
pub use values::Money as Amount;

text_enum!(
    /// What kind of atom a claim is.
    pub enum Kind {
        /// A number or a time of day.
        Number => "number",
        /// A percentage.
        Percent => "percent",
        /// An amount of money.
        Money => "money",
        /// A day.
        Date => "date",
        /// A length of time.
        Duration => "duration",
        /// A version.
        Version => "version",
        /// A link.
        Url => "url",
        /// An email address.
        Email => "email",
        /// A coupon code.
        Code => "code",
        /// A person, company, product, plan or feature.
        Name => "name",
        /// A word that promises: free, guaranteed, shipped.
        Promise => "promise",
        /// Words in quotation marks.
        Quote => "quote",
    }
);

text_enum!(
    /// What a claim rests on.
    pub enum Verdict {
        /// A field of a fact says the same.
        Exact => "exact",
        /// The words of a fact say the same.
        Quoted => "quoted",
        /// An older version said so, or a fact that was revoked or is over.
        Stale => "stale",
        /// A fact says otherwise.
        Conflicting => "conflicting",
        /// No fact says so.
        Unsupported => "unsupported",
    }
);

impl Verdict {
    /// Whether a fact says so today.
    pub fn is_supported(self) -> bool {
        matches!(self, Verdict::Exact | Verdict::Quoted)
    }

    /// The word on a page.
    pub fn label(self) -> &'static str {
        match self {
            Verdict::Exact => "Exact",
            Verdict::Quoted => "Quoted",
            Verdict::Stale => "Stale",
            Verdict::Conflicting => "Conflicting",
            Verdict::Unsupported => "Unsupported",
        }
    }
}

text_enum!(
    /// The part of a message.
    pub enum Part {
        /// The subject.
        Subject => "subject",
        /// The plain text.
        Text => "text",
        /// The HTML.
        Html => "html",
    }
);

/// A fact that speaks for or against a claim.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rest {
    /// The fact.
    pub id: FactId,
    /// The version that was compared.
    pub version: i32,
    /// The fact in words.
    pub label: String,
    /// Where it comes from.
    pub source: String,
}

/// A checkable atom with its verdict.
#[derive(Debug, Clone, PartialEq)]
pub struct Claim {
    /// In which part.
    pub part: Part,
    /// Where it starts in the source of the part, in Unicode scalar values.
    pub start: usize,
    /// Where it ends.
    pub end: usize,
    /// Its words.
    pub words: String,
    /// The sentence it stands in.
    pub sentence: String,
    /// What kind of atom.
    pub kind: Kind,
    /// Whether a wrong one is a wrong promise. Only these block.
    pub hard: bool,
    /// What it rests on.
    pub verdict: Verdict,
    /// The fact that says so, or that says otherwise.
    pub fact: Option<Rest>,
    /// How well the words fit, 0 to 100.
    pub score: i32,
    /// The verdict in a sentence.
    pub reason: String,
}

/// The amount of money that the words of a claim say, if they say one.
pub fn amount_of(kind: Kind, words: &str) -> Option<Amount> {
    let said = Some(words).filter(|_| kind == Kind::Money)?;
    atoms::atoms(said, |_| false).into_iter().find_map(|atom| match atom.value {
        values::Value::Money(amount) => Some(amount),
        _ => None,
    })
}

impl Claim {
    /// Whether it must be edited or waived before the message can leave.
    pub fn is_open(&self) -> bool {
        self.hard && !self.verdict.is_supported()
    }

    /// The same claim in another part or a later version has the same key: its kind,
    /// its words, and the sentence without links and punctuation.
    pub fn key(&self) -> String {
        let bare = |text: &str| {
            text.split_whitespace()
                .filter(|word| !word.contains("://"))
                .map(|word| word.chars().filter(|c| c.is_alphanumeric() || "%$€£¥.,-".contains(*c)).collect::<String>())
                .map(|word| word.trim_matches(['.', ',', '-']).to_lowercase())
                .filter(|word| !word.is_empty())
                .collect::<Vec<_>>()
                .join(" ")
        };
        crate::domain::ids::sha256_hex(format!("{}\n{}\n{}", self.kind, self.words.to_lowercase(), bare(&self.sentence)).as_bytes())
    }
}
