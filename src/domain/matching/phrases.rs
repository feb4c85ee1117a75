//! Finding phrases in a text.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use super::language::{Kind, Reader, Token};

/// Phrases by the stems in them.
#[derive(Debug, Default)]
pub struct Phrases {
    list: Vec<Phrase>,
    by_stem: HashMap<String, Vec<usize>>,
}

#[derive(Debug)]
struct Phrase {
    /// Every word.
    all: Vec<String>,
    /// The words that say something.
    content: Vec<String>,
    kind: Kind,
}

/// A phrase found.
#[derive(Debug, Clone)]
pub struct Found {
    /// Where it stands in the text.
    pub span: Range<usize>,
    /// Whether its words follow one another, and not in another order or with a word between.
    pub tight: bool,
}

impl Phrases {
    /// Adds a phrase and gives its number; the same stems give the same number.
    pub fn add(&mut self, text: &str, reader: &mut Reader) -> Option<usize> {
        let tokens = reader.tokens(text);
        let all: Vec<String> = tokens.iter().map(|token| token.stem.clone()).collect();
        let content: Vec<String> = tokens.iter().filter(|token| token.is_content()).map(|token| token.stem.clone()).collect();
        let first = content.first()?;
        if let Some(known) = self.by_stem.get(first).and_then(|list| list.iter().find(|at| self.list[**at].all == all)) {
            return Some(*known);
        }
        let number = self.list.len();
        for stem in &content {
            self.by_stem.entry(stem.clone()).or_default().push(number);
        }
        let kind = if tokens.iter().any(|token| token.kind == Kind::Plain) || content.len() > 1 { Kind::Plain } else { Kind::Everyday };
        self.list.push(Phrase { all, content, kind });
        Some(number)
    }

    /// The stems of the phrase that say something.
    pub fn content(&self, number: usize) -> &[String] {
        &self.list[number].content
    }

    /// What the phrase can say.
    pub fn kind(&self, number: usize) -> Kind {
        self.list[number].kind
    }

    /// Whether a phrase holds the stem.
    pub fn knows(&self, stem: &str) -> bool {
        self.by_stem.contains_key(stem)
    }

    /// The phrases of a text by number, each where it stands first; as it is spelled before any looser way.
    pub fn find(&self, tokens: &[Token]) -> BTreeMap<usize, Found> {
        let content: Vec<usize> = (0..tokens.len()).filter(|at| tokens[*at].is_content()).collect();
        let mut found: BTreeMap<usize, Found> = BTreeMap::new();
        for (place, at) in content.iter().enumerate() {
            for number in self.by_stem.get(&tokens[*at].stem).into_iter().flatten() {
                let known = found.get(number).map(|known| known.tight);
                if known == Some(true) {
                    continue;
                }
                let phrase = &self.list[*number];
                let hit = match phrase.content.len() {
                    1 => exact(phrase, tokens, *at),
                    _ => near(phrase, tokens, &content[place..]),
                };
                if let Some(hit) = hit.filter(|hit| hit.tight || known.is_none()) {
                    found.insert(*number, hit);
                }
            }
        }
        found
    }
}

/// One telling word with its small words, as in "log in": only just so, as "log" says another thing.
fn exact(phrase: &Phrase, tokens: &[Token], at: usize) -> Option<Found> {
    let place = phrase.all.iter().position(|stem| *stem == tokens[at].stem)?;
    let start = at.checked_sub(place)?;
    let window = tokens.get(start..start + phrase.all.len())?;
    let fits = window.iter().zip(&phrase.all).all(|(token, stem)| token.stem == *stem && token.sentence == window[0].sentence);
    fits.then(|| Found { span: window[0].span.start..window[window.len() - 1].span.end, tight: true })
}

/// Several telling words in any order with at most one other between them: "export of orders as CSV" says "CSV export".
fn near(phrase: &Phrase, tokens: &[Token], content: &[usize]) -> Option<Found> {
    let first = &tokens[*content.first()?];
    let window: Vec<&Token> =
        content.iter().take(phrase.content.len() + 1).map(|at| &tokens[*at]).filter(|token| token.sentence == first.sentence).collect();
    let mut missing: Vec<&String> = phrase.content.iter().collect();
    let mut end = first.span.end;
    for token in &window {
        if let Some(place) = missing.iter().position(|stem| **stem == token.stem) {
            missing.swap_remove(place);
            end = end.max(token.span.end);
        }
    }
    let tight = window.iter().zip(&phrase.content).all(|(token, stem)| token.stem == *stem);
    missing.is_empty().then_some(Found { span: first.span.start..end, tight })
}
