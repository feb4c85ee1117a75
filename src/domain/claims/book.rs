//! Facts prepared for comparing: fields with what they are about, lines of free text,
//! names, links and codes, each reachable without looking at all the others.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use aho_corasick::{AhoCorasick, AhoCorasickBuilder, MatchKind};
use jiff::civil::Date;

use super::atoms::{Atom, atoms};
use super::names::nearly;
use super::sentences::{Stem, Stems, sentences, stem, stems, words};
use super::values::{Span, Value};
use super::{Kind, Rest, links};
use crate::domain::facts::{Body, Fact, FieldValue, State, Version};
use crate::domain::ids::FactId;
use crate::domain::money::Money;

/// Whether a claim may rest on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It holds.
    Current,
    /// An older version; the fact says this now.
    Past(String),
    /// It was revoked, for this reason.
    Revoked(String),
}

/// What a field holds.
#[derive(Debug, Clone)]
pub(super) enum Held {
    Number(i64),
    Percent(i64),
    Money(Money),
    Date(Date),
    /// A length in days, compared with the tolerance of the unit.
    Days(i64),
    Span(Span),
    /// The days between this date and today, either way.
    Since(Date),
    Email(String),
}

impl Held {
    pub(super) fn kind(&self) -> Kind {
        match self {
            Held::Number(_) => Kind::Number,
            Held::Percent(_) => Kind::Percent,
            Held::Money(_) => Kind::Money,
            Held::Date(_) => Kind::Date,
            Held::Days(_) | Held::Span(_) | Held::Since(_) => Kind::Duration,
            Held::Email(_) => Kind::Email,
        }
    }

    pub(super) fn is(&self, value: &Value, today: Date) -> bool {
        match (self, value) {
            (Held::Number(a), Value::Number(b)) | (Held::Percent(a), Value::Percent(b)) => a == b,
            (Held::Money(a), Value::Money(b)) => b.is(a),
            (Held::Date(a), Value::Day(b)) => b.is(*a, today),
            (Held::Date(a), Value::Near(b)) => b.is(*a, today),
            (Held::Days(a), Value::Span(b)) => b.is_days(*a),
            (Held::Span(a), Value::Span(b)) => a.is(*b),
            (Held::Since(a), Value::Span(b)) => b.is_days(super::values::days_between(*a, today).abs()),
            (Held::Email(a), Value::Email(b)) => a.eq_ignore_ascii_case(b),
            _ => false,
        }
    }
}

/// When a field speaks to a sentence.
#[derive(Debug, Clone)]
pub(super) enum About {
    /// When one of these words stands in it.
    Words(Stems),
    /// The same, close to the atom.
    Near(Stems),
    /// When the fact is mentioned by a name.
    Mentioned,
    /// When it is about an offer.
    Offer,
    /// When it says how long somebody stayed.
    Stay,
}

#[derive(Debug, Clone)]
pub(super) struct Field {
    pub(super) held: Held,
    pub(super) about: About,
}

/// A sentence of a fact's free text.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub(super) stems: Stems,
    pub(super) atoms: Vec<Atom>,
    /// Whether the customer or a sender said it: it speaks for what is so with them, never for what is promised to them.
    pub(super) hearsay: bool,
}

/// What is worked out once for a version of a fact.
#[derive(Debug)]
pub(super) struct Compiled {
    pub(super) fields: Vec<Field>,
    pub(super) lines: Vec<Line>,
    names: Vec<String>,
    links: Vec<String>,
    vocabulary: HashSet<Stem>,
    /// The free text in one form, for finding quotes.
    pub(super) plain: String,
}

/// A version of a fact in the book.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) rest: Rest,
    pub(super) body: Body,
    pub(super) standing: Standing,
    pub(super) compiled: Arc<Compiled>,
}

/// A name of several words.
#[derive(Debug)]
pub(super) struct Name {
    pub(super) parts: Vec<(String, Stem)>,
    pub(super) entry: usize,
}

/// A word of a name that a single word can be nearly: of the recipient, the company and the plans.
#[derive(Debug)]
struct Single {
    word: String,
    letters: Letters,
    entry: usize,
}

/// The facts of everybody, or of one contact.
#[derive(Debug, Default)]
pub struct Book {
    pub(super) entries: Vec<Entry>,
    matcher: Option<AhoCorasick>,
    named: Vec<Vec<usize>>,
    by_word: HashMap<Stem, Vec<(usize, usize)>>,
    lines_by_atom: HashMap<String, Vec<(usize, usize)>>,
    lines_by_stem: HashMap<Stem, Vec<(usize, usize)>>,
    codes: HashMap<String, Vec<usize>>,
    links: HashMap<String, Vec<usize>>,
    /// Links that allow all below them, by host.
    prefixes: HashMap<String, Vec<(String, usize)>>,
    hosts: HashMap<String, usize>,
    emails: HashMap<String, usize>,
    names: Vec<Name>,
    /// Names by each of their words and its place, for finding those that are nearly right.
    by_part: HashMap<Stem, Vec<(usize, usize)>>,
    singles: Vec<Single>,
    vocabulary: HashSet<Stem>,
    pub(super) offers: Vec<usize>,
    pub(super) plans: Vec<usize>,
    /// The fields that say how long somebody stayed.
    pub(super) stays: Vec<(usize, usize)>,
}

/// The plain form in which quotes are compared: letters and digits in lower case, one space between.
pub(super) fn plain(text: &str) -> String {
    words(text).map(|(_, word)| word.to_lowercase().replace('’', "'")).collect::<Vec<_>>().join(" ")
}

impl Book {
    /// Prepares facts and past versions. What an earlier book worked out is taken over.
    pub fn new(facts: Vec<Fact>, past: Vec<Version>, earlier: Option<&Book>) -> Book {
        let known: HashMap<(&FactId, i32), &Arc<Compiled>> =
            earlier.iter().flat_map(|book| &book.entries).map(|entry| ((&entry.rest.id, entry.rest.version), &entry.compiled)).collect();
        let labels: HashMap<FactId, String> = facts.iter().map(|fact| (fact.id.clone(), fact.label.clone())).collect();
        let mut book = Book::default();
        for fact in facts {
            let standing = match fact.state {
                State::Current => Standing::Current,
                _ => Standing::Revoked(fact.state_reason.unwrap_or_default()),
            };
            let rest = Rest { id: fact.id, version: fact.version, label: fact.label, source: fact.source };
            book.enter(rest, fact.body.into_inner(), standing, &known);
        }
        for version in past {
            let now = labels.get(&version.fact_id).cloned().unwrap_or_default();
            let rest = Rest { id: version.fact_id, version: version.version, label: version.label, source: version.source };
            book.enter(rest, version.body.into_inner(), Standing::Past(now), &known);
        }
        book.index_names();
        book
    }

    fn enter(&mut self, rest: Rest, body: Body, standing: Standing, known: &HashMap<(&FactId, i32), &Arc<Compiled>>) {
        let compiled = known.get(&(&rest.id, rest.version)).map_or_else(|| Arc::new(compile(&body)), |found| Arc::clone(found));
        let entry = self.entries.len();
        for (at, field) in compiled.fields.iter().enumerate() {
            if let About::Words(stems) | About::Near(stems) = &field.about {
                for stem in stems.iter() {
                    self.by_word.entry(*stem).or_default().push((entry, at));
                }
            }
            if matches!(field.about, About::Stay) {
                self.stays.push((entry, at));
            }
        }
        for (at, line) in compiled.lines.iter().enumerate() {
            for atom in &line.atoms {
                self.lines_by_atom.entry(atom_key(&atom.value)).or_default().push((entry, at));
            }
            for stem in line.stems.iter() {
                self.lines_by_stem.entry(*stem).or_default().push((entry, at));
            }
        }
        for link in &compiled.links {
            match link.strip_suffix('*') {
                Some(prefix) => {
                    let prefix = links::normal(prefix);
                    self.prefixes.entry(links::host(&prefix).to_owned()).or_default().push((prefix, entry));
                }
                None => self.links.entry(links::normal(link)).or_default().push(entry),
            }
            self.hosts.entry(links::host(&links::normal(link.trim_end_matches('*'))).to_owned()).or_insert(entry);
        }
        if let Body::Offer(offer) = &body {
            self.codes.entry(offer.code.to_uppercase()).or_default().push(entry);
            self.offers.push(entry);
        }
        if matches!(body, Body::PlanPrice(_)) {
            self.plans.push(entry);
        }
        for field in &compiled.fields {
            if let Held::Email(email) = &field.held {
                self.emails.entry(email.to_lowercase()).or_insert(entry);
            }
        }
        if standing == Standing::Current {
            let single = |word: &str| Single { letters: Letters::of(word), word: word.to_owned(), entry };
            self.singles.extend(words(&short_name(&body)).map(|(_, word)| single(&word.to_lowercase())));
        }
        self.vocabulary.extend(&compiled.vocabulary);
        self.entries.push(Entry { rest, body, standing, compiled });
    }

    fn index_names(&mut self) {
        let mut at: HashMap<String, usize> = HashMap::new();
        let mut patterns: Vec<String> = vec![];
        for (entry, row) in self.entries.iter().enumerate() {
            for name in &row.compiled.names {
                let singular = name.strip_suffix('s').filter(|_| !name.ends_with("ss") && name.chars().count() > 4).map(str::to_owned);
                for form in std::iter::once(name.clone()).chain(singular) {
                    let index = *at.entry(form.to_lowercase()).or_insert_with(|| {
                        patterns.push(form);
                        self.named.push(vec![]);
                        patterns.len() - 1
                    });
                    if !self.named[index].contains(&entry) {
                        self.named[index].push(entry);
                    }
                }
            }
        }
        for (name, index) in at {
            let parts: Vec<(String, Stem)> = words(&name).map(|(_, part)| (part.to_owned(), stem(part))).collect();
            let Some(entry) = self.named[index].first().copied().filter(|_| parts.len() > 1) else { continue };
            for (place, (_, stem)) in parts.iter().enumerate() {
                let list = self.by_part.entry(*stem).or_default();
                // A word that is part of everything identifies nothing.
                if list.len() < 50 {
                    list.push((self.names.len(), place));
                }
            }
            self.names.push(Name { parts, entry });
        }
        self.matcher = AhoCorasickBuilder::new().match_kind(MatchKind::LeftmostLongest).ascii_case_insensitive(true).build(&patterns).ok();
    }

    /// The names in a text, with the entries that have them.
    pub(super) fn mentions(&self, text: &str) -> Vec<(std::ops::Range<usize>, &[usize])> {
        let Some(matcher) = &self.matcher else { return vec![] };
        let boundary = |at: usize, before: bool| {
            let c = if before { text[..at].chars().next_back() } else { text[at..].chars().next() };
            !c.is_some_and(char::is_alphanumeric)
        };
        matcher
            .find_iter(text)
            .filter_map(|found| {
                let mut end = found.end();
                // "webhook" is "webhooks" as well.
                if text[end..].starts_with('s') && boundary(end + 1, false) {
                    end += 1;
                }
                (boundary(found.start(), true) && boundary(end, false))
                    .then(|| (found.start()..end, self.named[found.pattern().as_usize()].as_slice()))
            })
            .collect()
    }

    /// The fields that any of these words speak to, each once.
    pub(super) fn fields_about(&self, stems: &Stems) -> Vec<(usize, usize)> {
        let mut found: Vec<(usize, usize)> = stems.iter().filter_map(|stem| self.by_word.get(stem)).flatten().copied().collect();
        found.sort_unstable();
        found.dedup();
        found
    }

    pub(super) fn field(&self, at: (usize, usize)) -> (&Entry, &Field) {
        let entry = &self.entries[at.0];
        (entry, &entry.compiled.fields[at.1])
    }

    pub(super) fn line(&self, at: (usize, usize)) -> (&Entry, &Line) {
        let entry = &self.entries[at.0];
        (entry, &entry.compiled.lines[at.1])
    }

    /// The lines with an atom that says the same.
    pub(super) fn lines_with(&self, value: &Value) -> &[(usize, usize)] {
        self.lines_by_atom.get(&atom_key(value)).map_or(&[], Vec::as_slice)
    }

    /// The lines that share most words with a sentence, best first. Words that stand in
    /// more than a few hundred lines tell nothing and are passed over.
    pub(super) fn lines_like(&self, sentence: &Stems) -> Vec<(usize, usize)> {
        let mut lists: Vec<&Vec<(usize, usize)>> = sentence.iter().filter_map(|stem| self.lines_by_stem.get(stem)).collect();
        lists.sort_by_key(|list| list.len());
        let mut room = 600_usize;
        let told = lists.into_iter().take_while(|list| {
            room = room.saturating_sub(list.len());
            room > 0
        });
        let mut lines: Vec<(usize, usize)> = told.flatten().copied().collect();
        lines.sort_unstable();
        let mut shared: Vec<((usize, usize), usize)> =
            lines.chunk_by(|a, b| a == b).filter(|same| same.len() > 1).map(|same| (same[0], same.len())).collect();
        shared.sort_unstable_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
        shared.truncate(20);
        shared.into_iter().map(|(at, _)| at).collect()
    }

    pub(super) fn offers_with(&self, code: &str) -> &[usize] {
        self.codes.get(code).map_or(&[], Vec::as_slice)
    }

    /// Whether a word is a coupon code on record.
    pub(super) fn has_code(&self, code: &str) -> bool {
        self.codes.contains_key(code)
    }

    /// The codes on record, for finding those that are nearly right.
    pub(super) fn codes(&self) -> impl Iterator<Item = (&String, &Vec<usize>)> {
        self.codes.iter()
    }

    pub(super) fn link(&self, normal: &str) -> Vec<usize> {
        let exact = self.links.get(normal).cloned().unwrap_or_default();
        let ends = |rest: &str, prefix: &str| rest.is_empty() || prefix.ends_with('/') || rest.starts_with(['/', '?', '#']);
        let below = self.prefixes.get(links::host(normal)).into_iter().flatten();
        let below = below.filter(|(prefix, _)| normal.strip_prefix(prefix.as_str()).is_some_and(|rest| ends(rest, prefix)));
        exact.into_iter().chain(below.map(|(_, entry)| *entry)).collect()
    }

    /// The fact that has this email address.
    pub(super) fn email(&self, address: &str) -> Option<&Entry> {
        self.emails.get(address).map(|at| &self.entries[*at])
    }

    /// A fact with a link to this host.
    pub(super) fn host(&self, host: &str) -> Option<usize> {
        self.hosts.get(host).copied()
    }

    /// Names of several words that have this word, with its place in each.
    pub(super) fn names_with(&self, stem: Stem) -> impl Iterator<Item = (&Name, usize)> {
        self.by_part.get(&stem).into_iter().flatten().map(|(name, place)| (&self.names[*name], *place))
    }

    /// The fact with a name that this word, in lower case, is nearly.
    pub(super) fn nearly_named(&self, word: &str) -> Option<&Entry> {
        let letters = Letters::of(word);
        let near = self.singles.iter().find(|single| letters.may_be(single.letters) && nearly(word, &single.word));
        near.map(|single| &self.entries[single.entry])
    }

    /// The entries of a name.
    pub(super) fn entries_named(&self, name: &str) -> Vec<usize> {
        self.mentions(name).into_iter().next().map(|(_, entries)| entries.to_vec()).unwrap_or_default()
    }

    /// Whether any fact uses this word.
    pub(super) fn knows(&self, stem: Stem) -> bool {
        self.vocabulary.contains(&stem)
    }

    /// The entries in whose text these quoted words stand.
    pub(super) fn quoting(&self, quote: &str) -> Option<usize> {
        let padded = format!(" {quote} ");
        let rare = words(quote).map(|(_, word)| stem(word)).filter_map(|stem| self.lines_by_stem.get(&stem)).min_by_key(|lines| lines.len())?;
        let mut entries: Vec<usize> = rare.iter().map(|(entry, _)| *entry).collect();
        entries.sort_unstable();
        entries.dedup();
        entries.into_iter().find(|entry| format!(" {} ", self.entries[*entry].compiled.plain).contains(&padded))
    }
}

/// A text that is equal for atoms that say the same.
fn atom_key(value: &Value) -> String {
    match value {
        Value::Number(n) => format!("n{n}"),
        Value::Percent(n) => format!("p{n}"),
        Value::Money(money) => format!("m{}", money.milli),
        Value::Day(day) => format!("d{}-{:?}", day.month, day.day),
        Value::Span(span) => format!(
            "s{}",
            [1000, 3000, 12_000]
                .iter()
                .zip(["Months", "Quarters", "Years"])
                .find(|(_, unit)| format!("{:?}", span.unit) == *unit)
                .map_or_else(|| format!("{}{:?}", span.milli, span.unit), |(times, _)| format!("{}Months", span.milli * times / 1000))
        ),
        Value::Clock(text) => format!("t{text}"),
        Value::Near(near) => format!("r{near:?}"),
        Value::Phone(digits) => format!("f{digits}"),
        Value::Version(text) => format!("v{text}"),
        Value::Url(url) => format!("u{}", links::normal(url)),
        Value::Email(email) => format!("e{email}"),
        Value::Code(code) => format!("c{code}"),
        Value::Promise(word) => format!("w{}", word.trim_end_matches('d').trim_end_matches('s')),
        Value::Shipped => "shipped".to_owned(),
    }
}

fn any(held: Held, words: &[&str]) -> Field {
    Field { held, about: About::Words(Stems::of(words)) }
}

const LEFT: &[&str] = &[
    "left",
    "leave",
    "leaving",
    "since",
    "ago",
    "cancelled",
    "canceled",
    "ended",
    "end",
    "gone",
    "away",
    "subscription",
    "been",
    "miss",
    "over",
    "closed",
];

/// Works out what a fact can be compared by.
fn compile(body: &Body) -> Compiled {
    let mut made = Compiled { fields: vec![], lines: vec![], names: vec![], links: vec![], vocabulary: HashSet::new(), plain: String::new() };
    match body {
        Body::ProductUpdate(update) => {
            made.name(&update.title);
            update.features.iter().for_each(|feature| made.name(feature));
            made.fields.push(Field { held: Held::Date(update.shipped_on), about: About::Mentioned });
            made.fields.push(Field { held: Held::Since(update.shipped_on), about: About::Mentioned });
            made.text(&format!("{}.\n{}", update.title, update.summary));
            made.text(&update.features.join(". "));
            made.links.extend(update.url.clone());
        }
        Body::Offer(offer) => {
            let field = |held| Field { held, about: About::Offer };
            made.fields.extend(offer.percent.map(|percent| field(Held::Percent(i64::from(percent) * 1000))));
            made.fields.extend([&offer.amount, &offer.cap].into_iter().flatten().cloned().map(|money| field(Held::Money(money))));
            made.fields.extend(offer.months.map(|months| field(Held::Span(Span::months(months.into())))));
            made.fields.extend(offer.expires_on.map(|day| field(Held::Date(day))));
            made.fields.extend(offer.expires_on.map(|day| field(Held::Since(day))));
            made.vocabulary.extend(stems(&offer.name).iter());
        }
        Body::PlanPrice(plan) => {
            made.name(&plan.name);
            plan.features.iter().for_each(|feature| made.name(feature));
            made.fields.push(Field { held: Held::Money(plan.price.clone()), about: About::Mentioned });
            made.text(&plan.features.join(". "));
        }
        Body::ContactField(field) => contact_field(&mut made, &field.field, &field.value),
        Body::UsageFigure(figure) => {
            made.fields.push(Field { held: Held::Number(figure.value.saturating_mul(1000)), about: About::Near(stems(&figure.label)) });
            made.vocabulary.extend(stems(&figure.label).iter());
        }
        Body::TicketQuote(quote) => {
            made.hearsay(&quote.text);
            let said = &["wrote", "said", "mail", "email", "told", "mentioned", "asked", "message", "put", "words"];
            made.fields.extend(quote.said_on.map(|day| any(Held::Date(day), said)));
        }
        Body::MigrationChange(change) => {
            for name in [&change.endpoint, &change.header, &change.field, &change.old, &change.new].into_iter().flatten() {
                made.name(name);
            }
            let about = &[
                "deadline",
                "until",
                "by",
                "end",
                "ends",
                "sunset",
                "migrate",
                "migration",
                "stop",
                "stops",
                "switch",
                "removed",
                "off",
                "before",
                "upgrade",
                "deprecated",
            ];
            made.fields.extend(change.deadline.map(|day| any(Held::Date(day), about)));
            made.fields.extend(change.deadline.map(|day| any(Held::Since(day), about)));
            let whole: Vec<&str> = [
                Some(&change.title),
                change.endpoint.as_ref(),
                change.header.as_ref(),
                change.field.as_ref(),
                change.old.as_ref(),
                change.new.as_ref(),
            ]
            .into_iter()
            .flatten()
            .map(String::as_str)
            .collect();
            made.text(&whole.join(" "));
            made.links.extend(change.url.clone());
        }
        Body::AllowedUrl(link) => made.links.push(link.url.clone()),
        Body::CompanyFact(fact) => company_fact(&mut made, &fact.name, &fact.value),
        Body::CustomerStory(story) => {
            made.text(&format!("{}.\n{}\n{}", story.who, story.quote, story.outcome.as_deref().unwrap_or_default()));
        }
    }
    made
}

impl Compiled {
    fn name(&mut self, name: &str) {
        let name = name.trim();
        if name.chars().count() > 2 && name.chars().count() <= 80 {
            self.names.push(name.to_owned());
            self.vocabulary.extend(words(name).map(|(_, word)| stem(word)));
        }
    }

    fn text(&mut self, text: &str) {
        self.lines_of(text, false);
    }

    fn hearsay(&mut self, text: &str) {
        self.lines_of(text, true);
    }

    fn lines_of(&mut self, text: &str, hearsay: bool) {
        for sentence in sentences(text) {
            let words_of = &text[sentence.at.clone()];
            self.lines.push(Line { stems: sentence.stems, atoms: atoms(words_of, |_| false), hearsay });
        }
        self.vocabulary.extend(words(text).map(|(_, word)| stem(word)));
        let plain = plain(text);
        self.plain = if self.plain.is_empty() { plain } else { format!("{} {plain}", self.plain) };
    }
}

fn contact_field(made: &mut Compiled, field: &str, value: &FieldValue) {
    match (field, value) {
        ("name" | "company", FieldValue::Text(text)) => {
            made.name(text);
            made.vocabulary.extend(words(text).map(|(_, word)| stem(word)));
        }
        ("email", FieldValue::Text(text)) => made.fields.push(any(Held::Email(text.clone()), &[])),
        ("plan", FieldValue::Text(text)) => made.name(text),
        ("reason", _) => {}
        ("referral_link", FieldValue::List(links)) => made.links.extend(links.iter().cloned()),
        ("features_used", FieldValue::List(items)) => items.iter().for_each(|item| made.name(item)),
        ("mrr", FieldValue::Money(money)) => made.fields.push(any(Held::Money(money.clone()), &["paid", "pay", "paying", "billed", "charged"])),
        ("tenure", FieldValue::Days(days)) => {
            made.fields.push(Field { held: Held::Days(*days), about: About::Stay });
        }
        ("left_on" | "tagged_left_on", FieldValue::Day(day)) => {
            made.fields.push(any(Held::Date(*day), LEFT));
            made.fields.push(any(Held::Since(*day), LEFT));
        }
        ("last_active", FieldValue::Day(day)) => {
            let about = &["last", "active", "logged", "signed", "seen", "used", "login"];
            made.fields.push(any(Held::Date(*day), about));
            made.fields.push(any(Held::Since(*day), about));
        }
        (field, value) => {
            let key = field.trim_start_matches("metadata.");
            let about: Vec<&str> = key.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
            match value {
                FieldValue::Number(number) => made.number(key, *number, &about),
                FieldValue::Days(days) => made.fields.push(any(Held::Days(*days), &about)),
                FieldValue::Day(day) => {
                    made.fields.push(any(Held::Date(*day), &about));
                    made.fields.push(any(Held::Since(*day), &about));
                }
                FieldValue::Money(money) => made.fields.push(any(Held::Money(money.clone()), &about)),
                // Whoever may write contacts could allow a link otherwise.
                FieldValue::Text(text) if text.contains("://") => {}
                FieldValue::Text(text) => {
                    made.name(text);
                    made.hearsay(&format!("{}: {text}", about.join(" ")));
                }
                FieldValue::List(items) => {
                    items.iter().for_each(|item| made.name(item));
                    made.hearsay(&format!("{}: {}", about.join(" "), items.join(", ")));
                }
            }
        }
    }
}

impl Compiled {
    /// A bare number; the end of its name says what it counts.
    fn number(&mut self, name: &str, number: i64, about: &[&str]) {
        let length = |unit| Held::Span(Span { milli: number.saturating_mul(1000), unit });
        let held = match name.rsplit(['_', '-', ' ']).next().unwrap_or_default() {
            "days" => length(super::values::Unit::Days),
            "weeks" => length(super::values::Unit::Weeks),
            "months" => length(super::values::Unit::Months),
            "years" => length(super::values::Unit::Years),
            "percent" | "pct" => Held::Percent(number.saturating_mul(1000)),
            _ => Held::Number(number.saturating_mul(1000)),
        };
        const UNITS: &[&str] = &["days", "weeks", "months", "years", "percent", "pct", "per", "of", "the", "in"];
        let about: Vec<&str> = about.iter().copied().filter(|word| !UNITS.contains(word)).collect();
        self.fields.push(any(held, &about));
    }
}

fn company_fact(made: &mut Compiled, name: &str, value: &str) {
    let about: Vec<&str> = name.split('_').filter(|word| !word.is_empty()).collect();
    if value.contains("://") {
        made.links.push(value.to_owned());
        return;
    }
    if let Ok(number) = value.trim().replace(',', "").parse::<i64>() {
        made.number(name, number, &about);
        return;
    }
    if value.contains('@') && !value.contains(' ') {
        made.fields.push(any(Held::Email(value.to_owned()), &[]));
        return;
    }
    if value.split_whitespace().count() <= 4 && value.starts_with(char::is_uppercase) {
        made.name(value);
    }
    made.text(&format!("{}: {value}", about.join(" ")));
    made.text(value);
}

/// A name of which one word alone can be mistyped; empty for other facts.
fn short_name(body: &Body) -> String {
    match body {
        Body::ContactField(field) if matches!(field.field.as_str(), "name" | "company" | "plan") => field.value.to_string(),
        Body::CompanyFact(fact) if fact.value.split_whitespace().count() <= 4 && fact.value.starts_with(char::is_uppercase) => fact.value.clone(),
        Body::PlanPrice(plan) => plan.name.clone(),
        _ => String::new(),
    }
}

/// Which letters a word has, for passing over words that cannot be nearly the same.
#[derive(Debug, Clone, Copy)]
struct Letters(u32);

impl Letters {
    fn of(word: &str) -> Letters {
        Letters(word.chars().fold(0, |letters, c| letters | 1 << (u32::from(c) % 32)))
    }

    /// Two changed letters differ in four at most.
    fn may_be(self, other: Letters) -> bool {
        (self.0 ^ other.0).count_ones() <= 4
    }
}
