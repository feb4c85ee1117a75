//! The updates, prepared once for many needs.

use std::collections::HashMap;
use std::sync::OnceLock;

use jiff::civil::Date;

use super::language::{Kind, Language, Reader, detect};
use super::phrases::Phrases;
use super::score::EVERYDAY;
use super::{Synonyms, UpdateText};

/// Saturation of repeated words, BM25's usual.
const K1: f64 = 1.2;
/// How much a long text dilutes its words.
const B: f64 = 0.6;
/// Updates that the index pretends to hold besides its own, so that the first few do not make every word rare.
const BACKGROUND: f64 = 5.0;

/// Weight and usual length of title, features, keywords and summary. The lengths are fixed and
/// not averages, so that an update scores the same whatever else the changelog holds.
const FIELDS: [(f64, f64); 4] = [(2.0, 4.0), (2.0, 3.0), (2.5, 5.0), (0.7, 20.0)];
/// The place of the summary in [`FIELDS`].
const SUMMARY: usize = 3;

/// The updates and synonyms, prepared once for many needs.
#[derive(Debug)]
pub struct Index {
    pub(super) updates: Vec<UpdateText>,
    pub(super) synonyms: Synonyms,
    /// The updates that speak of each group of synonyms, each under its own language.
    pub(super) groups: Vec<Postings>,
    views: [OnceLock<View>; 4],
}

/// The updates that hold a word.
#[derive(Debug, Default)]
pub(super) struct Postings {
    /// 0 to 1, the rarer the higher.
    pub rarity: f64,
    /// The updates in order.
    pub list: Vec<Posting>,
}

/// A word in an update.
#[derive(Debug)]
pub(super) struct Posting {
    /// The place of the update.
    pub update: usize,
    /// 0 to 1, BM25's saturated frequency over the fields.
    pub weight: f64,
    /// Whether only the summary holds it.
    pub aside: bool,
    /// For a group of synonyms: the phrases that the update uses, by their place in the group.
    pub phrases: Vec<usize>,
}

/// The updates as a need in one language reads them.
#[derive(Debug)]
pub(super) struct View {
    /// By stem.
    pub stems: HashMap<String, Postings>,
    /// Titles, features and keywords.
    pub named: Phrases,
    /// The updates that name each of them.
    pub named_by: Vec<Vec<usize>>,
    /// The synonyms.
    pub synonyms: SynonymView,
}

/// The synonyms under one stemmer.
#[derive(Debug)]
pub(super) struct SynonymView {
    /// Their phrases.
    pub phrases: Phrases,
    /// By phrase: the groups, and the place of the phrase in each.
    pub places: Vec<Vec<(usize, usize)>>,
}

impl Index {
    /// Prepares the updates; a language is read when the first need in it comes.
    pub fn new(updates: &[UpdateText], synonyms: &Synonyms) -> Self {
        let index = Self { updates: updates.to_vec(), synonyms: synonyms.clone(), groups: vec![], views: Default::default() };
        let groups = index.find_groups();
        Self { groups, ..index }
    }

    pub(super) fn view(&self, language: Language) -> &View {
        self.views[language as usize].get_or_init(|| self.read(language))
    }

    fn read(&self, language: Language) -> View {
        let mut reader = Reader::new(language);
        let mut counts: HashMap<String, Vec<Posting>> = HashMap::new();
        let mut view = View { stems: HashMap::new(), named: Phrases::default(), named_by: vec![], synonyms: self.read_synonyms(&mut reader) };
        for (place, update) in self.updates.iter().enumerate() {
            for (field, texts) in fields(update).iter().enumerate() {
                let words: Vec<_> = texts.iter().flat_map(|text| reader.tokens(text)).filter(|token| token.is_content()).collect();
                let share = share(field, words.len());
                for token in words {
                    let list = counts.entry(token.stem).or_default();
                    posting(list, place).add(field, share);
                }
                for text in texts.iter().filter(|_| field != SUMMARY) {
                    let Some(number) = view.named.add(text, &mut reader) else { continue };
                    view.named_by.resize_with(view.named_by.len().max(number + 1), Vec::new);
                    if view.named_by[number].last() != Some(&place) {
                        view.named_by[number].push(place);
                    }
                }
            }
        }
        view.stems = counts.into_iter().map(|(stem, list)| (stem, self.finish(list))).collect();
        view
    }

    fn read_synonyms(&self, reader: &mut Reader) -> SynonymView {
        let mut view = SynonymView { phrases: Phrases::default(), places: vec![] };
        for (group, phrases) in self.synonyms.groups().iter().enumerate() {
            for (at, phrase) in phrases.iter().enumerate() {
                let Some(number) = view.phrases.add(phrase, reader) else { continue };
                view.places.resize_with(view.places.len().max(number + 1), Vec::new);
                view.places[number].push((group, at));
            }
        }
        view
    }

    /// Groups join languages: a German need finds an English update if the list holds both words.
    fn find_groups(&self) -> Vec<Postings> {
        let mut readers: [Option<(Reader, SynonymView)>; 4] = Default::default();
        let mut counts: Vec<Vec<Posting>> = self.synonyms.groups().iter().map(|_| vec![]).collect();
        for (place, update) in self.updates.iter().enumerate() {
            let fields = fields(update);
            let language = detect(&fields.iter().flatten().copied().collect::<Vec<_>>().join(" ")).unwrap_or_default();
            let (reader, view) = readers[language as usize].get_or_insert_with(|| {
                let mut reader = Reader::new(language);
                let view = self.read_synonyms(&mut reader);
                (reader, view)
            });
            for (field, texts) in fields.iter().enumerate() {
                for text in texts {
                    for number in view.phrases.find(&reader.tokens(text)).into_keys() {
                        let everyday = if view.phrases.kind(number) == Kind::Everyday { EVERYDAY } else { 1.0 };
                        // A phrase says as much in the summary as half a title does; a word there may be an aside.
                        let aside = if field == SUMMARY && view.phrases.content(number).len() > 1 { 2.0 } else { 1.0 };
                        let share = share(field, 0) * everyday * aside;
                        for (group, at) in &view.places[number] {
                            let posting = posting(&mut counts[*group], place);
                            posting.add(field, share);
                            posting.phrases.push(*at);
                        }
                    }
                }
            }
        }
        counts.into_iter().map(|list| self.finish(list)).collect()
    }

    fn finish(&self, mut list: Vec<Posting>) -> Postings {
        let idf = |holding: f64| {
            let all = self.updates.len() as f64 + BACKGROUND;
            (1.0 + (all - holding + 0.5) / (holding + 0.5)).ln()
        };
        // A share of the highest idf possible: comparable whether the changelog has ten updates or a thousand.
        let rarity = idf(list.len() as f64) / idf(1.0);
        for posting in &mut list {
            posting.weight /= K1 + posting.weight;
        }
        Postings { rarity, list }
    }

    /// Whether a customer who left that day can be told of the update.
    pub(super) fn is_news(&self, place: usize, left_on: Option<Date>, today: Date) -> bool {
        let shipped = self.updates[place].shipped_on;
        shipped <= today && left_on.is_none_or(|left| shipped > left)
    }
}

impl Posting {
    fn add(&mut self, field: usize, share: f64) {
        self.weight += share;
        self.aside &= field == SUMMARY;
    }
}

/// The entry of the update, which is the last one if there is one.
fn posting(list: &mut Vec<Posting>, update: usize) -> &mut Posting {
    let at = list.last().filter(|last| last.update == update).map_or(list.len(), |_| list.len() - 1);
    if at == list.len() {
        list.push(Posting { update, weight: 0.0, aside: true, phrases: vec![] });
    }
    &mut list[at]
}

/// What one word in a field of that length adds.
fn share(field: usize, length: usize) -> f64 {
    let (weight, usual) = FIELDS[field];
    // A short field is no better than a usual one.
    weight / (1.0 - B + B * (length as f64 / usual).max(1.0))
}

/// Title, features, keywords and summary.
fn fields(update: &UpdateText) -> [Vec<&str>; 4] {
    [
        vec![update.title.as_str()],
        update.features.iter().map(String::as_str).collect(),
        update.keywords.iter().map(String::as_str).collect(),
        vec![update.summary.as_str()],
    ]
}
