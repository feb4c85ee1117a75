//! How an answer to a survey sounds: a score where one is given, otherwise counted words. A model may be asked about the words
//! (`sounding.rs`), never about a score.

use std::collections::HashSet;
use std::sync::LazyLock;

use regex::Regex;

use crate::domain::matching::language::{self, Language};

/// How it sounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sentiment {
    /// Content: 9 or 10.
    Positive,
    /// Neither: 7 or 8, or nothing that says.
    Neutral,
    /// Discontent: 0 to 6.
    Negative,
}

/// Words of one language.
#[derive(Debug, Default)]
struct Words {
    good: HashSet<&'static str>,
    bad: HashSet<&'static str>,
    turns: HashSet<&'static str>,
}

/// The words of English, German, French and Spanish.
static WORDS: LazyLock<[Words; 4]> = LazyLock::new(|| {
    let mut all: [Words; 4] = Default::default();
    for line in include_str!("sentiment.txt").lines().filter(|line| !line.starts_with('#')) {
        let mut words = line.split_whitespace();
        let Some(at) = words.next().and_then(|code| LANGUAGES.iter().position(|(known, _)| *known == code)) else { continue };
        match words.next() {
            Some("good") => all[at].good.extend(words),
            Some("bad") => all[at].bad.extend(words),
            _ => all[at].turns.extend(words),
        }
    }
    all
});

const LANGUAGES: [(&str, Language); 4] = [("en", Language::English), ("de", Language::German), ("fr", Language::French), ("es", Language::Spanish)];

static SCORE: LazyLock<Regex> = LazyLock::new(|| {
    #[expect(clippy::unwrap_used, reason = "a constant pattern, compiled by the tests")]
    Regex::new(r"(?i)^\W*(?:(?:my |the )?(?:score|rating|nps|answer)\W{0,4}(?:is|would be)?\W*|i(?:'d| would)? (?:give|rate|say)(?: (?:it|you|this))?(?: an?)? *|an? |ich gebe (?:euch |ihnen |eine? )*|je (?:vous )?(?:donne|mets) (?:une? )?|(?:les? )?doy (?:un )?)?(10|[0-9])(?: ?(?:/|out of|von|sur|de) ?10\b| ?(?:points?|punkte)\b)?\s*(?:$|[.,;!)\-–—]|:(?:\D|$)|(?:because|as|for|weil|denn|parce|car|porque)\b)").unwrap()
});

/// What the score says, where an answer begins with one.
pub fn by_score(written: &str) -> Option<Sentiment> {
    let line = written.lines().find(|line| !line.trim().is_empty())?;
    Some(match SCORE.captures(line)?[1].parse::<u8>().ok()? {
        9.. => Sentiment::Positive,
        7 | 8 => Sentiment::Neutral,
        _ => Sentiment::Negative,
    })
}

/// How an answer sounds.
pub fn of(written: &str) -> Sentiment {
    if let Some(score) = by_score(written) {
        return score;
    }
    let lower = written.to_lowercase().replace('’', "'");
    let words: Vec<&str> = lower.split(|c: char| !c.is_alphanumeric() && c != '\'').filter(|word| !word.is_empty()).take(500).collect();
    let told = language::detect(written).and_then(|found| LANGUAGES.iter().position(|(_, language)| *language == found));
    // What is too short to tell its language is in the one that knows most of its words.
    let sum = match told {
        Some(at) => WORDS[at].count(&words).1,
        None => WORDS.iter().rev().map(|language| language.count(&words)).max_by_key(|(hits, _)| *hits).map_or(0, |(_, sum)| sum),
    };
    match sum {
        1.. => Sentiment::Positive,
        0 => Sentiment::Neutral,
        _ => Sentiment::Negative,
    }
}

impl Words {
    /// How many of these words are known, and their sum.
    fn count(&self, words: &[&str]) -> (usize, i32) {
        let (mut hits, mut sum) = (0, 0);
        for (at, word) in words.iter().enumerate() {
            // "l'export", "n'est": the word is what follows.
            let bare = word.rsplit_once('\'').map_or(*word, |(_, rest)| rest);
            let value = i32::from(self.good.contains(bare)) - i32::from(self.bad.contains(bare));
            let turned = words[at.saturating_sub(2)..at].iter().any(|before| self.turns.contains(before));
            hits += usize::from(value != 0);
            sum += if turned { -value } else { value };
        }
        (hits, sum)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_score_decides_and_otherwise_the_words_do() {
        for (written, expected) in [
            ("9", Sentiment::Positive),
            ("10/10, love it", Sentiment::Positive),
            ("9 because it saves us hours", Sentiment::Positive),
            ("3 weeks in and we love it, great tool!", Sentiment::Positive),
            ("5/5, excellent", Sentiment::Positive),
            ("I'd give it a 7", Sentiment::Neutral),
            ("3 out of 10. Great people though.", Sentiment::Negative),
            ("My score: 8", Sentiment::Neutral),
            ("We love the export, it is fast.", Sentiment::Positive),
            ("It is slow and the export is broken.", Sentiment::Negative),
            ("It is not good.", Sentiment::Negative),
            ("No problems so far.", Sentiment::Positive),
            ("We have used it since May.", Sentiment::Neutral),
            ("Wir sind sehr zufrieden, der Export ist schnell und einfach.", Sentiment::Positive),
            ("Sehr gut!", Sentiment::Positive),
            ("Der Support ist nicht gut und der Export ist langsam.", Sentiment::Negative),
            ("Keine Probleme mit dem Export.", Sentiment::Positive),
            ("Nous sommes très satisfaits, l'outil est rapide et utile.", Sentiment::Positive),
            ("Ce n'est pas fiable et l'export est trop lent.", Sentiment::Negative),
            ("Très déçu.", Sentiment::Negative),
            ("Estamos muy contentos, es fácil y rápido, lo recomiendo.", Sentiment::Positive),
            ("No funciona bien y el soporte es pésimo.", Sentiment::Negative),
            ("Nos encanta.", Sentiment::Positive),
            ("Wir benutzen es seit Mai für die Rechnungen.", Sentiment::Neutral),
            ("Nous l'utilisons depuis le mois de mai.", Sentiment::Neutral),
            ("Lo usamos desde mayo para las facturas.", Sentiment::Neutral),
            ("8 von 10", Sentiment::Neutral),
            ("Ich gebe euch eine 10", Sentiment::Positive),
        ] {
            assert_eq!(of(written), expected, "{written}");
        }
    }
}
