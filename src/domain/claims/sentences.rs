//! A text as paragraphs, sentences and stems.

use std::ops::Range;

use rust_stemmers::{Algorithm, Stemmer};
use unicode_segmentation::UnicodeSegmentation;

/// A stem by its hash: texts are compared by the million.
pub(super) type Stem = u64;

/// Stems in ascending order, each once: short lists that are compared often.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Stems(Vec<Stem>);

impl Stems {
    pub(super) fn of(words: &[&str]) -> Stems {
        words.iter().map(|word| stem(word)).collect()
    }

    pub(super) fn has(&self, stem: Stem) -> bool {
        self.0.binary_search(&stem).is_ok()
    }

    pub(super) fn shares(&self, other: &Stems) -> bool {
        other.iter().any(|stem| self.has(*stem))
    }

    /// How many stems both have.
    pub(super) fn shared(&self, other: &Stems) -> usize {
        let (small, large) = if self.0.len() < other.0.len() { (self, other) } else { (other, self) };
        small.iter().filter(|stem| large.has(**stem)).count()
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn iter(&self) -> std::slice::Iter<'_, Stem> {
        self.0.iter()
    }
}

impl FromIterator<Stem> for Stems {
    fn from_iter<I: IntoIterator<Item = Stem>>(stems: I) -> Stems {
        let mut stems: Vec<Stem> = stems.into_iter().collect();
        stems.sort_unstable();
        stems.dedup();
        Stems(stems)
    }
}

/// A word with its place and stem.
#[derive(Debug, Clone)]
pub(super) struct Word {
    /// Where it stands, in bytes.
    pub(super) at: Range<usize>,
    /// Its stem.
    pub(super) stem: Stem,
}

/// A sentence with its place.
#[derive(Debug, Clone)]
pub(super) struct Sentence {
    /// Its place among the sentences of the text, from 0.
    pub(super) index: usize,
    /// Where it stands, in bytes.
    pub(super) at: Range<usize>,
    /// The paragraph it belongs to, from 0.
    pub(super) paragraph: usize,
    /// All its words.
    pub(super) words: Vec<Word>,
    /// The stems of the words that carry meaning.
    pub(super) stems: Stems,
}

impl Sentence {
    fn new(text: &str, index: usize, at: Range<usize>, paragraph: usize) -> Sentence {
        let mut all = vec![];
        let mut telling = vec![];
        for (start, word) in words(&text[at.clone()]) {
            let start = at.start + start;
            let stem = stem(word);
            all.push(Word { at: start..start + word.len(), stem });
            if carries_meaning(word) {
                telling.push(if bare(word).len() == word.len() { stem } else { self::stem(bare(word)) });
            }
        }
        Sentence { index, at, paragraph, words: all, stems: telling.into_iter().collect() }
    }
}

/// Words that say nothing about what a sentence is about.
const EMPTY: &[&str] = &[
    "a", "an", "and", "are", "as", "at", "be", "been", "but", "by", "can", "do", "does", "for", "from", "had", "has", "have", "here", "how", "i",
    "if", "in", "is", "it", "its", "it's", "just", "may", "me", "more", "my", "no", "not", "of", "on", "or", "our", "so", "some", "that", "the",
    "their", "them", "then", "there", "these", "they", "this", "those", "to", "too", "up", "us", "was", "we", "we'll", "we've", "were", "what",
    "when", "which", "who", "will", "with", "would", "you", "your", "der", "die", "das", "und", "ist", "ein", "eine", "le", "la", "les", "el", "los",
    "de", "du", "des", "et", "y", "en", "un", "une",
];

thread_local! {
    static STEMMER: Stemmer = Stemmer::create(Algorithm::English);
}

/// The stem of one word.
pub(super) fn stem(word: &str) -> Stem {
    let lower = word.to_lowercase();
    hash(&STEMMER.with(|stemmer| stemmer.stem(&lower).into_owned()))
}

/// FNV-1a.
fn hash(text: &str) -> Stem {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// The words of a text with their places: letters and digits, with apostrophes inside.
pub(super) fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut rest = 0;
    std::iter::from_fn(move || {
        loop {
            let start = rest + text[rest..].find(char::is_alphanumeric)?;
            let end = text[start..].find(|c: char| !c.is_alphanumeric() && c != '\'' && c != '’').map_or(text.len(), |end| start + end);
            rest = end;
            let word = text[start..end].trim_end_matches(['\'', '’']);
            if !word.is_empty() {
                return Some((start, word));
            }
        }
    })
}

/// A word without a possessive ending.
fn bare(word: &str) -> &str {
    word.strip_suffix("'s").or_else(|| word.strip_suffix("’s")).unwrap_or(word)
}

/// Numbers are atoms and say nothing about what a sentence is about.
pub(super) fn carries_meaning(word: &str) -> bool {
    let word = bare(word);
    word.chars().any(char::is_alphabetic) && !EMPTY.iter().any(|empty| same(empty, word))
}

/// Whether two words are the same but for case and the form of an apostrophe.
fn same(a: &str, b: &str) -> bool {
    a.eq_ignore_ascii_case(b) || b.contains('’') && a.eq_ignore_ascii_case(&b.replace('’', "'"))
}

/// The stems of the words that carry meaning.
pub(super) fn stems(text: &str) -> Stems {
    words(text).map(|(_, word)| word).filter(|word| carries_meaning(word)).map(|word| stem(bare(word))).collect()
}

/// The sentences of a text (UAX #29); a line of its own is a sentence, an empty line ends a paragraph.
pub(super) fn sentences(text: &str) -> Vec<Sentence> {
    let mut found = vec![];
    let mut paragraph = 0;
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        if line.trim().is_empty() {
            paragraph += 1;
        } else {
            for (offset, sentence) in line.split_sentence_bound_indices() {
                let lead = sentence.len() - sentence.trim_start().len();
                let at = start + offset + lead..start + offset + sentence.trim_end().len().max(lead);
                // Words without a full stop are taken in pieces: what is far away says nothing.
                for at in pieces(text, at) {
                    found.push(Sentence::new(text, found.len(), at, paragraph));
                }
            }
        }
        start += line.len();
    }
    found
}

/// The longest sentence, in bytes.
const LONGEST: usize = 1_500;

/// A stretch cut between words where it is longer than a sentence can be.
fn pieces(text: &str, at: Range<usize>) -> Vec<Range<usize>> {
    let mut found = vec![];
    let mut start = at.start;
    while at.end - start > LONGEST {
        let room = text.floor_char_boundary(start + LONGEST);
        let cut = text[start..room].rfind(char::is_whitespace).filter(|cut| *cut > 0).map_or(room, |cut| start + cut);
        found.push(start..cut);
        start = cut + text[cut..at.end].len() - text[cut..at.end].trim_start().len();
    }
    if start < at.end {
        found.push(start..at.end);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_know_place_and_paragraph() {
        let text = "Hi Ana,\n\nIt costs $4.50 a month. Is that fine?\n- one\n- two\n\nBye";
        let found = sentences(text);
        let words: Vec<(&str, usize)> = found.iter().map(|s| (&text[s.at.clone()], s.paragraph)).collect();
        assert_eq!(words, [("Hi Ana,", 0), ("It costs $4.50 a month.", 1), ("Is that fine?", 1), ("- one", 1), ("- two", 1), ("Bye", 2)]);
        assert!(found[1].stems.has(stem("costs")) && !found[1].stems.has(stem("it")));
    }
}
