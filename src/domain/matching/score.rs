//! Scoring what a customer wrote against the updates.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ops::Range;

use jiff::civil::Date;

use super::language::{Kind, Language, Token, detect, split_compounds, tokens};
use super::{Index, Match};

/// Weight of a title, feature or keyword that the customer wrote, against a lone word at its best.
const NAMED: f64 = 1.0;
/// Weight of a group of synonyms.
const SYNONYM: f64 = 1.8;
/// What an everyday word is worth against a telling one.
pub(super) const EVERYDAY: f64 = 0.3;
/// What an everyday word is worth if an update names it as a keyword: somebody chose it.
const CHOSEN: f64 = 0.75;
/// What a named phrase is worth in another order or with a word between.
const LOOSE: f64 = 0.5;
/// How much more a lone word says if it is all that the customer said, and less so up to five words.
const ALONE: f64 = 0.8;
/// The evidence that scores 50.
const HALF: f64 = 1.5;
/// What all lone words together can add at most; a long letter shares many words with anything.
const LONE: f64 = 3.0;

/// The evidence for one update.
#[derive(Debug, Default)]
struct Evidence {
    /// From phrases and synonyms.
    joined: f64,
    /// From lone words.
    lone: f64,
    /// Lone words that tell something and stand outside the summary.
    telling: usize,
    /// How much more they say because the customer said little else.
    alone: f64,
    words: Vec<String>,
    via: Vec<String>,
}

impl Evidence {
    fn score(&self) -> i32 {
        // A phrase needs no such help, and with it a longer need would score less than a short one.
        let lone = self.lone * if self.joined > 0.0 { 1.0 } else { self.alone.max(1.0) };
        let sum = self.joined + LONE * lone / (LONE + lone);
        ((100.0 * sum / (sum + HALF)).round() as i32).clamp(1, 100)
    }
}

impl Index {
    /// Ranks the updates that shipped after `left_on` and not later than `today`.
    pub fn rank(&self, needs: &[&str], left_on: Option<Date>, today: Date, threshold: i32) -> Vec<Match> {
        let usual = detect(&needs.join("\n")).unwrap_or_default();
        let mut found: BTreeMap<usize, Evidence> = BTreeMap::new();
        let mut seen = Seen::default();
        for (place, need) in needs.iter().enumerate() {
            let trust = 1.0 / (1.0 + 0.25 * place as f64);
            self.read_need(need, detect(need).unwrap_or(usual), trust, &mut seen, &mut found);
        }
        let mut matches: Vec<Match> = found
            .into_iter()
            .filter(|(update, evidence)| self.is_news(*update, left_on, today) && (evidence.joined > 0.0 || evidence.telling > 0))
            .map(|(update, evidence)| Match {
                id: self.updates[update].id.clone(),
                score: evidence.score(),
                words: tidy(evidence.words),
                via: evidence.via,
            })
            .filter(|found| found.score >= threshold)
            .collect();
        matches.sort_by(|a, b| b.score.cmp(&a.score).then_with(|| a.id.cmp(&b.id)));
        matches
    }

    fn read_need(&self, need: &str, language: Language, trust: f64, seen: &mut Seen, found: &mut BTreeMap<usize, Evidence>) {
        let view = self.view(language);
        let mut words = tokens(need, language);
        if language == Language::German {
            words = split_compounds(need, words, |stem| view.stems.contains_key(stem) || view.synonyms.phrases.knows(stem));
        }
        for (number, hit) in view.named.find(&words) {
            if !seen.named.insert(view.named.content(number).to_vec()) {
                continue;
            }
            let content = view.named.content(number);
            let rarity = content.iter().filter_map(|stem| view.stems.get(stem)).map(|postings| postings.rarity).sum::<f64>() / content.len() as f64;
            let worth = match (content.len(), hit.tight, view.named.kind(number)) {
                (1, _, Kind::Plain) => rarity,
                (1, ..) => rarity * CHOSEN,
                // As it is spelled, a phrase is rare whatever its words are.
                (_, true, _) => 1.0,
                (_, false, _) => rarity * LOOSE,
            };
            for update in &view.named_by[number] {
                let evidence = found.entry(*update).or_default();
                evidence.joined += trust * NAMED * worth;
                evidence.words.push(quote(need, &hit.span));
            }
        }
        self.join_synonyms(need, &words, language, trust, seen, found);
        let telling = words.iter().filter(|word| word.kind == Kind::Plain).count().max(1);
        let alone = 1.0 + ALONE * (1.0 - (telling - 1) as f64 / 4.0).max(0.0);
        for word in words.iter().filter(|word| word.is_content()) {
            let Some(postings) = view.stems.get(&word.stem) else { continue };
            if !seen.stems.insert(word.stem.clone()) {
                continue;
            }
            for posting in &postings.list {
                let evidence = found.entry(posting.update).or_default();
                let plain = word.kind == Kind::Plain;
                evidence.lone += trust * postings.rarity * posting.weight * if plain { 1.0 } else { EVERYDAY };
                evidence.alone = evidence.alone.max(if plain { alone } else { 1.0 });
                evidence.telling += usize::from(plain && !posting.aside);
                evidence.words.push(quote(need, &word.span));
            }
        }
    }

    fn join_synonyms(&self, need: &str, words: &[Token], language: Language, trust: f64, seen: &mut Seen, found: &mut BTreeMap<usize, Evidence>) {
        let view = &self.view(language).synonyms;
        for (number, hit) in view.phrases.find(words) {
            let lone = view.phrases.content(number).len() == 1;
            for (group, at) in &view.places[number] {
                for posting in &self.groups[*group].list {
                    // The same lone word on both sides is counted as a word.
                    let same = posting.phrases.contains(at);
                    if same && lone || !seen.groups.insert((*group, posting.update)) {
                        continue;
                    }
                    let everyday = view.phrases.kind(number) == Kind::Everyday;
                    let evidence = found.entry(posting.update).or_default();
                    evidence.joined += trust * SYNONYM * self.groups[*group].rarity * posting.weight * if everyday { EVERYDAY } else { 1.0 };
                    evidence.words.push(quote(need, &hit.span));
                    let phrases = &self.synonyms.groups()[*group];
                    if let Some(theirs) = posting.phrases.first().filter(|_| !same) {
                        evidence.via.push(format!("{} = {}", phrases[*at], phrases[*theirs]));
                    }
                }
            }
        }
    }
}

/// What has been counted: a word said twice is not said better.
#[derive(Debug, Default)]
struct Seen {
    stems: HashSet<String>,
    named: HashSet<Vec<String>>,
    groups: HashSet<(usize, usize)>,
}

/// The words as the customer wrote them, on one line.
fn quote(text: &str, span: &Range<usize>) -> String {
    text[span.clone()].split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Each word once, and none that a longer quote shows already.
fn tidy(words: Vec<String>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let words: Vec<String> = words.into_iter().filter(|word| seen.insert(format!(" {} ", word.to_lowercase()))).collect();
    let shown = |word: &str| seen.iter().any(|other| other.len() > word.len() + 2 && other.contains(&format!(" {word} ")));
    words.into_iter().filter(|word| !shown(&word.to_lowercase())).collect()
}
