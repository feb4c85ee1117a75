//! A letter in blocks, written out as text and as HTML with the same words.

use crate::domain::messages::markup::escape;
use crate::domain::reason::Strategy;

use super::{Draft, FactRef};

/// Words with the facts they rest on.
#[derive(Clone)]
pub(super) struct Said {
    pub(super) words: String,
    facts: Vec<FactRef>,
}

impl Said {
    pub(super) fn new(words: impl Into<String>) -> Self {
        Said { words: words.into(), facts: vec![] }
    }

    /// The same facts under other words, which must hold the same spans.
    pub(super) fn reworded(self, words: impl Into<String>) -> Self {
        Said { words: words.into(), ..self }
    }

    /// Notes a fact; `span` is the part of the words that rests on it.
    pub(super) fn on(mut self, kind: &str, id: Option<&str>, label: impl Into<String>, span: impl Into<String>) -> Self {
        self.facts.push(FactRef { kind: kind.to_owned(), id: id.map(str::to_owned), label: label.into(), span: span.into() });
        self
    }
}

/// A sentence that rests on nothing but manners.
pub(super) fn say(words: impl Into<String>) -> Option<Said> {
    Some(Said::new(words))
}

enum Block {
    Paragraph(String),
    List(Vec<String>),
    Link { label: String, url: String },
}

/// A letter being written.
pub(super) struct Letter {
    subject: String,
    blocks: Vec<Block>,
    facts: Vec<FactRef>,
}

impl Letter {
    pub(super) fn new(subject: Said) -> Self {
        Letter { subject: subject.words, blocks: vec![], facts: subject.facts }
    }

    fn note(&mut self, facts: Vec<FactRef>) {
        for fact in facts {
            if !self.facts.contains(&fact) {
                self.facts.push(fact);
            }
        }
    }

    /// A paragraph of the sentences that are there.
    pub(super) fn paragraph(&mut self, sentences: impl IntoIterator<Item = Option<Said>>) {
        let mut words: Vec<String> = vec![];
        for said in sentences.into_iter().flatten() {
            words.push(said.words);
            self.note(said.facts);
        }
        if !words.is_empty() {
            self.blocks.push(Block::Paragraph(words.join(" ")));
        }
    }

    pub(super) fn list(&mut self, items: Vec<Said>) {
        let mut words = vec![];
        for said in items {
            words.push(said.words);
            self.note(said.facts);
        }
        if !words.is_empty() {
            self.blocks.push(Block::List(words));
        }
    }

    pub(super) fn link(&mut self, label: Said, url: &str) {
        self.note(Said::new("").on("allowed_url", None, url, url).facts);
        self.note(label.facts);
        self.blocks.push(Block::Link { label: label.words, url: url.to_owned() });
    }

    pub(super) fn finish(self, strategy: Strategy) -> Draft {
        let text: Vec<String> = self.blocks.iter().map(as_text).collect();
        let html: Vec<String> = self.blocks.iter().map(as_html).collect();
        Draft {
            strategy,
            subject: self.subject,
            text: text.join("\n\n"),
            html: html.join("\n"),
            coupon_code: None,
            coupon_percent: None,
            offer_id: None,
            facts: self.facts,
        }
    }
}

fn as_text(block: &Block) -> String {
    match block {
        Block::Paragraph(words) => words.clone(),
        Block::List(items) => items.iter().map(|item| format!("- {item}")).collect::<Vec<_>>().join("\n"),
        Block::Link { label, url } => format!("{label}: {url}"),
    }
}

/// A solid colour with its own text colour reads the same on a light and on a dark page.
const BUTTON: &str = "background-color:#1f5fbf;color:#ffffff;border:1px solid #1f5fbf;border-radius:6px;padding:10px 18px;font-weight:600;text-decoration:none;line-height:2.6";

fn as_html(block: &Block) -> String {
    match block {
        Block::Paragraph(words) => format!("<p>{}</p>", escape(words).replace('\n', "<br>")),
        Block::List(items) => format!("<ul>{}</ul>", items.iter().map(|item| format!("<li>{}</li>", escape(item))).collect::<String>()),
        Block::Link { label, url } => format!("<p><a href=\"{}\" style=\"{BUTTON}\">{}</a></p>", escape(url), escape(label)),
    }
}
