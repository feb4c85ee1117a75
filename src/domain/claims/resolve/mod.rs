//! Holding atoms against facts.

mod addresses;
mod fields;
mod names;
mod offers;
mod promises;

use std::cell::OnceCell;
use std::ops::Range;
use std::sync::Arc;

use jiff::civil::Date;

use super::atoms::{Atom, atoms};
use super::book::{Book, Entry, Held, Line, Standing};
use super::html::visible;
use super::names::quoted;
use super::sentences::{Sentence, sentences};
use super::values::Value;
use super::{Claim, Kind, Part, Verdict};
use crate::domain::facts::Body;
use crate::domain::ids::FactId;
use crate::domain::reason::Reason;

/// What a draft is held against.
#[derive(Debug, Clone)]
pub struct Ground {
    /// The facts of everybody.
    pub common: Arc<Book>,
    /// The facts about the recipient; none where no contact was named.
    pub own: Option<Arc<Book>>,
    /// Why the recipient left, where they did.
    pub reason: Option<Reason>,
    /// Offers whose budget is promised away.
    pub spent: Vec<FactId>,
    /// Addresses of the mailboxes.
    pub addresses: Vec<String>,
    /// The day of the check.
    pub today: Date,
    /// The day the words were first written: "12 days ago" may be counted from it or from today.
    pub written: Date,
}

impl Ground {
    fn says(&self, held: &Held, value: &Value) -> bool {
        held.is(value, self.written) || held.is(value, self.today)
    }

    /// Whether a fact is words of the recipient: they may be quoted, but they bind nobody else.
    pub fn is_their_words(&self, fact: &FactId) -> bool {
        let own = self.own.iter().flat_map(|own| &own.entries);
        own.chain(&self.common.entries).any(|entry| entry.rest.id == *fact && matches!(entry.body, Body::TicketQuote(_)))
    }
}

/// What one atom came to.
struct Finding {
    verdict: Verdict,
    fact: Option<super::Rest>,
    score: i32,
    reason: String,
}

impl Finding {
    fn on(verdict: Verdict, entry: &Entry, score: i32, reason: impl Into<String>) -> Finding {
        Finding { verdict, fact: Some(entry.rest.clone()), score, reason: reason.into() }
    }

    fn none(reason: impl Into<String>) -> Finding {
        Finding { verdict: Verdict::Unsupported, fact: None, score: 0, reason: reason.into() }
    }

    /// The verdict of a fact that agrees, as it stands today.
    fn agreeing(verdict: Verdict, entry: &Entry, score: i32) -> Finding {
        match &entry.standing {
            Standing::Current => Finding::on(verdict, entry, score, format!("{} ({}).", entry.rest.label, entry.rest.source)),
            Standing::Past(now) => Finding::on(Verdict::Stale, entry, score, format!("It was so once: {}. Now: {now}.", entry.rest.label)),
            Standing::Revoked(why) => Finding::on(Verdict::Stale, entry, score, format!("The fact was revoked ({why}): {}.", entry.rest.label)),
        }
    }
}

/// Checks the parts of a message: every atom with its verdict, in order.
pub fn check(parts: &[(Part, &str)], ground: &Ground) -> Vec<Claim> {
    let read: Vec<Reading> = parts.iter().map(|(part, source)| Reading::new(*part, source, ground)).collect();
    let offers = offers::in_play(&read, ground);
    read.iter().flat_map(|reading| Checker { ground, reading, offers: &offers }.claims()).collect()
}

/// A part as it is read.
struct Reading {
    part: Part,
    text: String,
    sentences: Vec<Sentence>,
    /// For each sentence, the lines of facts most like it: looked up where an atom asks.
    likes: Vec<OnceCell<Vec<Like>>>,
    atoms: Vec<Atom>,
    /// Names with their entries, of the recipient's book and of everybody's.
    mentions: Vec<Mention>,
    quotes: Vec<Range<usize>>,
    map: Option<super::Visible>,
    /// For each byte of the source, the scalar values before it.
    scalars: Vec<u32>,
}

fn scalars(source: &str) -> Vec<u32> {
    let mut before = 0;
    let mut scalars: Vec<u32> = vec![];
    for c in source.chars() {
        scalars.extend(std::iter::repeat_n(before, c.len_utf8()));
        before += 1;
    }
    scalars.push(before);
    scalars
}

/// A line of one of the two books: the entry and the line in it.
type Like = (Whose, (usize, usize));

/// Which of the two books.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whose {
    Own,
    Common,
}

/// A name that is on record, where it stands, and the entries that have it.
struct Mention {
    at: Range<usize>,
    own: Vec<usize>,
    common: Vec<usize>,
}

impl Reading {
    fn new(part: Part, source: &str, ground: &Ground) -> Reading {
        let map = (part == Part::Html).then(|| visible(source));
        let text = map.as_ref().map_or_else(|| source.to_owned(), |map| map.text.clone());
        let known = |code: &str| ground.common.has_code(code);
        let atoms = atoms(&text, known);
        let mut mentions: Vec<Mention> = vec![];
        for (at, entries) in ground.common.mentions(&text) {
            mentions.push(Mention { at, own: vec![], common: entries.to_vec() });
        }
        for (at, entries) in ground.own.iter().flat_map(|own| own.mentions(&text)) {
            match mentions.iter_mut().find(|mention| mention.at == at) {
                Some(mention) => mention.own = entries.to_vec(),
                None => mentions.push(Mention { at, own: entries.to_vec(), common: vec![] }),
            }
        }
        mentions.sort_by_key(|mention| mention.at.start);
        let sentences = sentences(&text);
        let likes = sentences.iter().map(|_| OnceCell::new()).collect();
        Reading { part, sentences, likes, quotes: quoted(&text), atoms, mentions, map, scalars: scalars(source), text }
    }

    fn sentence_of(&self, at: &Range<usize>) -> Option<&Sentence> {
        let after = self.sentences.partition_point(|sentence| sentence.at.start <= at.start);
        self.sentences[..after].last().filter(|sentence| at.start < sentence.at.end)
    }

    fn mentions_in(&self, at: &Range<usize>) -> impl Iterator<Item = &Mention> {
        let first = self.mentions.partition_point(|mention| mention.at.start < at.start);
        self.mentions[first..].iter().take_while(move |mention| mention.at.start < at.end).filter(move |mention| mention.at.end <= at.end)
    }

    /// The sentences of the paragraph, the own one first.
    fn paragraph_of<'a>(&'a self, sentence: &'a Sentence) -> impl Iterator<Item = &'a Sentence> {
        self.sentences.iter().filter(move |other| other.paragraph == sentence.paragraph && other.at != sentence.at)
    }
}

struct Checker<'a> {
    ground: &'a Ground,
    reading: &'a Reading,
    offers: &'a [usize],
}

impl Checker<'_> {
    fn claims(&self) -> Vec<Claim> {
        let mut claims: Vec<Claim> = vec![];
        let quotes = self.quotes(&mut claims);
        for atom in &self.reading.atoms {
            let inside = quotes.iter().find(|(at, _)| at.start <= atom.at.start && atom.at.end <= at.end);
            let found = match inside {
                Some((at, Some(entry))) if self.may_quote(at, atom, entry) => Some(Finding::agreeing(Verdict::Quoted, entry, 100)),
                _ => self.resolve(atom),
            };
            if let Some(found) = found {
                // What might be a manner of speaking is a claim where a fact speaks of it.
                let hard = atom.hard || found.verdict != Verdict::Unsupported;
                claims.push(self.claim(atom.at.clone(), atom.kind(), hard, found));
            }
        }
        self.names(&quotes, &mut claims);
        self.targets(&mut claims);
        claims.sort_by_key(|claim| claim.start);
        claims
    }

    fn claim(&self, at: Range<usize>, kind: Kind, hard: bool, found: Finding) -> Claim {
        let reading = self.reading;
        let sentence = reading.sentence_of(&at).map(|sentence| reading.text[sentence.at.clone()].to_owned()).unwrap_or_default();
        let place = reading.map.as_ref().map_or_else(|| at.clone(), |map| map.place(&at));
        self.claim_at(place, reading.text[at].to_owned(), sentence, kind, hard, found)
    }

    fn claim_at(&self, place: Range<usize>, words: String, sentence: String, kind: Kind, hard: bool, found: Finding) -> Claim {
        let start = self.reading.scalars[place.start] as usize;
        Claim {
            part: self.reading.part,
            start,
            end: self.reading.scalars[place.end] as usize,
            words,
            sentence,
            kind,
            hard,
            verdict: found.verdict,
            fact: found.fact,
            score: found.score,
            reason: found.reason,
        }
    }

    fn books(&self) -> impl Iterator<Item = &Book> {
        self.ground.own.as_deref().into_iter().chain(std::iter::once(&*self.ground.common))
    }

    /// The lines of facts most like a sentence.
    fn like(&self, sentence: &Sentence) -> impl Iterator<Item = (&Entry, &Line)> {
        let both = |whose| if whose == Whose::Own { self.ground.own.as_deref() } else { Some(&*self.ground.common) };
        let found = self.reading.likes[sentence.index].get_or_init(|| {
            let lines = |whose| both(whose).into_iter().flat_map(|book| book.lines_like(&sentence.stems)).map(move |at| (whose, at));
            lines(Whose::Own).chain(lines(Whose::Common)).collect()
        });
        found.iter().filter_map(move |(whose, at)| Some(both(*whose)?.line(*at)))
    }

    /// What an atom comes to; none where it turns out to be no claim.
    fn resolve(&self, atom: &Atom) -> Option<Finding> {
        let sentence = self.reading.sentence_of(&atom.at)?;
        match &atom.value {
            Value::Url(url) => return Some(self.url(url)),
            Value::Email(email) => return Some(self.email(email)),
            Value::Phone(_) => return Some(self.anywhere(&atom.value).unwrap_or_else(|| self.nothing(atom))),
            Value::Code(code) => return Some(self.code(code)),
            Value::Shipped => return self.shipped(atom, sentence),
            Value::Promise(word) => return Some(self.promise(atom, word, sentence)),
            _ => {}
        }
        if matches!(atom.kind(), Kind::Percent | Kind::Money)
            && offers::are_meant(sentence)
            && let Some(found) = self.offered(atom)
        {
            return Some(found);
        }
        let found = self.fields(atom, sentence);
        let contradicted = found.as_ref().is_some_and(|found| found.verdict == Verdict::Conflicting);
        let lines = if found.as_ref().is_some_and(|found| found.verdict.is_supported()) { None } else { self.lines(atom, sentence) };
        // Small numbers in words are manners of speaking unless a fact speaks of the same.
        if !atom.hard && found.is_none() && lines.is_none() {
            return None;
        }
        Some(match (found, lines) {
            // Words that say the same outweigh a field that only might be meant.
            (_, Some(lines)) if lines.verdict.is_supported() => lines,
            (Some(found), _) if !contradicted || found.score > 0 => found,
            (_, Some(lines)) => lines,
            (found, None) => found.unwrap_or_else(|| self.nothing(atom)),
        })
    }

    fn nothing(&self, atom: &Atom) -> Finding {
        let noun = match atom.kind() {
            Kind::Number => "number",
            Kind::Percent => "percentage",
            Kind::Money => "amount",
            Kind::Date => "day",
            Kind::Duration => "length of time",
            Kind::Version => "version",
            _ => "statement",
        };
        Finding::none(format!("No fact on record gives this {noun} for what the sentence is about."))
    }
}
