//! A letter in blocks, written out as text and as HTML with the same words.

use crate::domain::messages::markup::escape;

use super::{Draft, FactRef};
use crate::domain::reason::Strategy;

enum Block {
    Paragraph(String),
    List(Vec<String>),
    Link { label: String, url: String },
}

/// A letter being written.
pub(super) struct Letter {
    strategy: Strategy,
    subject: String,
    blocks: Vec<Block>,
    facts: Vec<FactRef>,
    coupon: Option<(String, i32, String)>,
}

impl Letter {
    pub(super) fn new(strategy: Strategy, subject: impl Into<String>) -> Self {
        Letter { strategy, subject: subject.into(), blocks: vec![], facts: vec![], coupon: None }
    }

    /// A paragraph of the sentences that are there.
    pub(super) fn say<S: Into<Option<String>>>(&mut self, sentences: impl IntoIterator<Item = S>) -> &mut Self {
        let text: Vec<String> = sentences.into_iter().filter_map(Into::into).filter(|s| !s.is_empty()).collect();
        if !text.is_empty() {
            self.blocks.push(Block::Paragraph(text.join(" ")));
        }
        self
    }

    pub(super) fn list(&mut self, items: Vec<String>) -> &mut Self {
        if !items.is_empty() {
            self.blocks.push(Block::List(items));
        }
        self
    }

    pub(super) fn link(&mut self, label: &str, url: &str) -> &mut Self {
        self.blocks.push(Block::Link { label: label.to_owned(), url: url.to_owned() });
        self
    }

    pub(super) fn fact(&mut self, kind: &str, id: Option<&str>, label: impl Into<String>) -> &mut Self {
        let fact = FactRef { kind: kind.to_owned(), id: id.map(str::to_owned), label: label.into() };
        if !self.facts.contains(&fact) {
            self.facts.push(fact);
        }
        self
    }

    pub(super) fn coupon(&mut self, code: &str, percent: i32, offer: &str) -> &mut Self {
        self.coupon = Some((code.to_owned(), percent, offer.to_owned()));
        self
    }

    pub(super) fn finish(self) -> Draft {
        let mut text: Vec<String> = vec![];
        let mut html = String::new();
        for block in &self.blocks {
            match block {
                Block::Paragraph(words) => {
                    text.push(words.clone());
                    html.push_str(&format!("<p>{}</p>\n", escape(words).replace('\n', "<br>")));
                }
                Block::List(items) => {
                    text.push(items.iter().map(|item| format!("- {item}")).collect::<Vec<_>>().join("\n"));
                    let items: String = items.iter().map(|item| format!("<li>{}</li>", escape(item))).collect();
                    html.push_str(&format!("<ul>{items}</ul>\n"));
                }
                Block::Link { label, url } => {
                    text.push(format!("{label}: {url}"));
                    html.push_str(&format!(
                        "<p><a href=\"{}\" style=\"font-weight:bold;text-decoration:underline\">{}</a></p>\n",
                        escape(url),
                        escape(label)
                    ));
                }
            }
        }
        let (coupon_code, coupon_percent, offer_id) = match self.coupon {
            Some((code, percent, offer)) => (Some(code), Some(percent), Some(offer)),
            None => (None, None, None),
        };
        Draft {
            strategy: self.strategy,
            subject: self.subject,
            text: text.join("\n\n"),
            html,
            coupon_code,
            coupon_percent,
            offer_id,
            facts: self.facts,
        }
    }
}
