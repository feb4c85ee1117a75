//! Words that promise, and what is said to have shipped.

use std::ops::Range;

use super::super::Verdict;
use super::super::atoms::Atom;
use super::super::book::{Entry, Standing};
use super::super::sentences::{Sentence, stems, words};
use super::fields::overlap;
use super::offers::obstacle;
use super::{Checker, Finding};
use crate::domain::facts::Body;

impl Checker<'_> {
    /// "We shipped X": X must be a product update that is not in the future.
    pub(super) fn shipped(&self, atom: &Atom, sentence: &Sentence) -> Option<Finding> {
        const PEOPLE: &[&str] = &[
            "i",
            "we",
            "you",
            "they",
            "he",
            "she",
            "who",
            "team",
            "somebody",
            "someone",
            "support",
            "what",
            "which",
            "that",
            "it",
            "everything",
            "nothing",
            "data",
            "yours",
            "one",
            "reason",
            "moment",
        ];
        let text = &self.reading.text;
        let before = text[sentence.at.start..atom.at.start.max(sentence.at.start)].to_lowercase();
        let by_us = words(&before).any(|(_, word)| is_us(word));
        let verb = text[atom.at.clone()].to_lowercase();
        let state = matches!(verb.as_str(), "here" | "live" | "available" | "with" | "part of");
        let subject = words(&before)
            .map(|(_, word)| word)
            .filter(|word| {
                !matches!(
                    *word,
                    "is" | "are"
                        | "was"
                        | "has"
                        | "have"
                        | "been"
                        | "now"
                        | "just"
                        | "finally"
                        | "also"
                        | "were"
                        | "integrates"
                        | "works"
                        | "connects"
                        | "syncs"
                )
            })
            .last()
            .map(str::to_owned);
        // "We are here for you."
        let next = words(&text[atom.at.end..sentence.at.end.max(atom.at.end)]).next().map_or(String::new(), |(_, word)| word.to_lowercase());
        if verb == "here" && matches!(next.as_str(), "for" | "to" | "if" | "when" | "whenever" | "with" | "because") {
            return None;
        }
        if state && subject.is_none_or(|subject| PEOPLE.contains(&subject.as_str())) {
            return None;
        }
        let common = &*self.ground.common;
        let updates = |at: &Range<usize>| -> Vec<&Entry> {
            let entries = self.reading.mentions_in(at).flat_map(|mention| &mention.common).map(|entry| &common.entries[*entry]);
            entries.filter(|entry| matches!(entry.body, Body::ProductUpdate(_))).collect()
        };
        // "We fixed everything" says nothing of the update whose name stands before it.
        const BACK: &[&str] = &["it", "this", "that", "them", "these", "both", "in", "on", "last", "for", "since", ""];
        let object = words(&text[atom.at.end..sentence.at.end.max(atom.at.end)]).next().map_or("", |(_, word)| word);
        let mut named = updates(&sentence.at);
        if by_us && !BACK.contains(&object.to_lowercase().as_str()) {
            named = updates(&(atom.at.end..sentence.at.end));
        }
        if named.is_empty() && text[sentence.at.clone()].trim_end().ends_with(':') {
            named = self
                .reading
                .sentences
                .iter()
                .filter(|other| other.at.start > sentence.at.start && other.paragraph <= sentence.paragraph + 1)
                .flat_map(|other| updates(&other.at))
                .collect();
        }
        if named.is_empty() && matches!(words(&before).next().map(|(_, word)| word), Some("it" | "that" | "this" | "and" | "so")) {
            named =
                self.reading.paragraph_of(sentence).filter(|other| other.at.end <= sentence.at.start).flat_map(|other| updates(&other.at)).collect();
        }
        let shipped = |entry: &&&Entry| matches!(&entry.body, Body::ProductUpdate(update) if update.shipped_on <= self.ground.today);
        let current = named.iter().filter(|entry| entry.standing == Standing::Current).find(shipped);
        if let Some(entry) = current.or_else(|| named.iter().find(shipped)) {
            return Some(Finding::agreeing(Verdict::Exact, entry, 100));
        }
        if let Some(entry) = named.first() {
            return Some(Finding::on(Verdict::Conflicting, entry, 100, format!("It has not shipped yet: {}.", entry.rest.label)));
        }
        let like =
            self.like(sentence).filter(|(entry, _)| matches!(&entry.body, Body::ProductUpdate(update) if update.shipped_on <= self.ground.today));
        let clause = stems(&text[start_of_clause(text, sentence, atom)..sentence.at.end]);
        let best = like.map(|(entry, line)| (overlap(&clause, &line.stems), entry)).max_by_key(|(score, _)| *score);
        match best {
            Some((score, entry)) if score >= 60 => Some(Finding::agreeing(Verdict::Quoted, entry, score)),
            _ if by_us || state || !matches!(verb.as_str(), "solved" | "resolved" | "fixed") => {
                Some(Finding::none("No product update on record says that this was shipped."))
            }
            _ => Some(Finding::none("No product update on record says so.")),
        }
    }

    /// A word that promises: the words of a fact must promise the same.
    pub(super) fn promise(&self, atom: &Atom, word: &str, sentence: &Sentence) -> Finding {
        if let Some(found) = self.lines(atom, sentence).filter(|found| found.verdict.is_supported() || found.verdict == Verdict::Stale) {
            return found;
        }
        // The name of an update may hold the word: "Free viewer seats".
        let named = self.reading.mentions.iter().find(|mention| mention.at.start <= atom.at.start && atom.at.end <= mention.at.end);
        let entry = named.and_then(|mention| {
            let own = mention.own.first().and_then(|at| self.ground.own.as_deref().map(|book| &book.entries[*at]));
            own.or_else(|| mention.common.first().map(|at| &self.ground.common.entries[*at]))
        });
        if let Some(entry) = entry {
            return Finding::agreeing(Verdict::Quoted, entry, 100);
        }
        let whole =
            |entry: &&Entry| matches!(&entry.body, Body::Offer(offer) if offer.percent == Some(100)) && obstacle(self.ground, entry).is_none();
        if word.contains("free")
            && let Some(entry) = self.offers.iter().map(|at| &self.ground.common.entries[*at]).find(whole)
        {
            return Finding::agreeing(Verdict::Exact, entry, 100);
        }
        Finding::none(format!("No fact on record promises “{word}” here."))
    }
}

fn is_us(word: &str) -> bool {
    matches!(word.to_lowercase().as_str(), "we" | "i" | "team" | "we've" | "we’ve" | "i've" | "i’ve")
}

/// Where "we fixed …" begins in a sentence that may be two without a full stop between.
fn start_of_clause(text: &str, sentence: &Sentence, atom: &Atom) -> usize {
    let mut before = sentence.words.iter().filter(|word| word.at.end <= atom.at.start);
    before.rfind(|word| is_us(&text[word.at.clone()])).map_or(sentence.at.start, |word| word.at.start)
}
