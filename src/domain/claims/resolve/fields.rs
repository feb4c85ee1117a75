//! Numbers, money, dates and lengths: what typed fields and free text of facts say of them.

use std::ops::Range;
use std::sync::LazyLock;

use super::super::atoms::Atom;
use super::super::book::{About, Book, Entry, Held, Standing};
use super::super::sentences::{Sentence, Stems};
use super::super::values::{Span, Unit, Value};
use super::super::{Kind, Verdict};
use super::offers::{are_meant, obstacle};
use super::{Checker, Finding};
use crate::domain::facts::Body;

static TERMS: LazyLock<Stems> = LazyLock::new(|| {
    Stems::of(&[
        "expires", "expire", "valid", "until", "ends", "code", "first", "redeem", "use", "gültig", "bis", "hasta", "válido", "valable", "jusqu'au",
    ])
});
static PRICE: LazyLock<Stems> = LazyLock::new(|| Stems::of(&["plan", "price", "cost", "month"]));
/// Words of a sentence about what somebody paid.
const PAID: &[&str] = &["was", "were", "paid", "pay", "paying", "had"];
static STAY: LazyLock<Stems> =
    LazyLock::new(|| Stems::of(&["thank", "thanks", "customer", "stay", "stayed", "together", "loyal", "member", "subscriber", "spent"]));

impl Checker<'_> {
    /// What the typed fields of facts say of an atom.
    pub(super) fn fields(&self, atom: &Atom, sentence: &Sentence) -> Option<Finding> {
        let mut against: Option<Finding> = None;
        let mut past: Option<Finding> = None;
        let mut consider = |entry: &Entry, held: &Held, weight: i32| -> Option<Finding> {
            if held.kind() != atom.kind() {
                return None;
            }
            let fits = self.ground.says(held, &atom.value) || self.about(atom, held, sentence);
            let trouble = obstacle(self.ground, entry);
            match (fits, &entry.standing, trouble) {
                (true, Standing::Current, None) => return Some(Finding::agreeing(Verdict::Exact, entry, 100)),
                (true, _, Some((verdict, why))) => past = Some(Finding::on(verdict, entry, weight, why)),
                (true, ..) => past = Some(Finding::agreeing(Verdict::Exact, entry, weight)),
                (false, Standing::Current, None) if against.as_ref().is_none_or(|found| found.score < weight) => {
                    against = Some(Finding::on(
                        Verdict::Conflicting,
                        entry,
                        weight,
                        format!("The fact says otherwise: {} ({}).", entry.rest.label, entry.rest.source),
                    ));
                }
                _ => {}
            }
            None
        };
        let (named, by_sentence) = self.named_near(sentence, atom.kind());
        let ago = ["ago", "since", "been"].iter().any(|word| self.reading.text[sentence.at.clone()].to_lowercase().contains(word));
        let named = if atom.kind() == Kind::Duration && !(ago && by_sentence) { vec![] } else { named };
        // "Could we talk on Tuesday?" beside the name of an update says nothing of its day.
        let named = if matches!(atom.value, Value::Near(_)) && !by_sentence { vec![] } else { named };
        let settled = atom.kind() == Kind::Money && by_sentence;
        // "Prices start at $29" is right of the plan that costs so, whichever they had.
        let says = |list: &[&str]| sentence.words.iter().any(|word| list.contains(&self.reading.text[word.at.clone()].to_lowercase().as_str()));
        let theirs = says(&["your"]) || says(PAID);
        if atom.kind() == Kind::Money && !by_sentence && !theirs && sentence.stems.shares(&PRICE) {
            let plans = self.ground.common.plans.iter().map(|at| &self.ground.common.entries[*at]);
            let costs = |entry: &&Entry| {
                entry.standing == Standing::Current && entry.compiled.fields.iter().any(|field| self.ground.says(&field.held, &atom.value))
            };
            if let Some(entry) = plans.into_iter().find(costs) {
                return Some(Finding::agreeing(Verdict::Exact, entry, 90));
            }
        }
        for (book, at) in &named {
            let entry = &book.entries[*at];
            for field in entry.compiled.fields.iter().filter(|field| matches!(field.about, About::Mentioned)) {
                if let Some(found) = consider(entry, &field.held, 90) {
                    return Some(found);
                }
            }
        }
        // "The Starter plan is $79": what another plan or bill costs is no excuse.
        if settled {
            // What they paid may differ from what their plan costs today.
            let paid = sentence.words.iter().any(|word| PAID.contains(&self.reading.text[word.at.clone()].to_lowercase().as_str()));
            if paid
                && let Some((_, entry)) =
                    self.own_field("mrr").filter(|(_, entry)| entry.compiled.fields.iter().any(|field| self.ground.says(&field.held, &atom.value)))
            {
                return Some(Finding::agreeing(Verdict::Exact, entry, 90));
            }
            return past.or(against);
        }
        let promise = is_promise(atom.kind(), sentence);
        let near = Self::near(atom, sentence);
        for book in self.books() {
            for at in book.fields_about(&sentence.stems).into_iter().chain(book.stays.iter().copied()) {
                let (entry, field) = book.field(at);
                if promise && is_hearsay(&entry.body) {
                    continue;
                }
                let speaks = match &field.about {
                    About::Words(stems) => stems.shares(&sentence.stems),
                    About::Near(stems) => stems.shared(&near) * 2 >= stems.len().max(1),
                    About::Stay => is_long(&atom.value) && self.speaks_of_stay(atom, sentence),
                    About::Mentioned | About::Offer => false,
                };
                if speaks && let Some(found) = consider(entry, &field.held, 60) {
                    return Some(found);
                }
            }
        }
        if self.offer_terms(atom, sentence) {
            for at in self.offers {
                let entry = &self.ground.common.entries[*at];
                for field in entry.compiled.fields.iter().filter(|field| matches!(field.about, About::Offer)) {
                    if let Some(found) = consider(entry, &field.held, 70) {
                        return Some(found);
                    }
                }
            }
        }
        past.or(against)
    }

    /// Whether a date or length stands where the terms of an offer would.
    fn offer_terms(&self, atom: &Atom, sentence: &Sentence) -> bool {
        if !matches!(atom.kind(), Kind::Date | Kind::Duration) {
            return false;
        }
        let has_offer = self.reading.atoms.iter().any(|atom| matches!(atom.kind(), Kind::Code | Kind::Percent));
        are_meant(sentence) || has_offer && sentence.words.iter().any(|word| TERMS.has(word.stem))
    }

    /// Entries that the sentence names, else the paragraph; and whether it was the sentence.
    fn named_near(&self, sentence: &Sentence, kind: Kind) -> (Vec<(&Book, usize)>, bool) {
        let wanted = |body: &Body| match kind {
            Kind::Money => matches!(body, Body::PlanPrice(_)),
            Kind::Date | Kind::Duration => matches!(body, Body::ProductUpdate(_)),
            _ => false,
        };
        let common = &*self.ground.common;
        let of = |at: &Range<usize>| -> Vec<(&Book, usize)> {
            let mut found: Vec<(&Book, usize)> = vec![];
            for mention in self.reading.mentions_in(at) {
                let name = &self.reading.text[mention.at.clone()];
                for entry in mention.common.iter().filter(|entry| wanted(&common.entries[**entry].body)) {
                    // A plan is named by its name, not by what it includes.
                    let by_name = match &common.entries[*entry].body {
                        Body::PlanPrice(plan) => plan.name.eq_ignore_ascii_case(name),
                        _ => true,
                    };
                    if by_name {
                        found.push((common, *entry));
                    }
                }
            }
            found
        };
        let named = of(&sentence.at);
        if !named.is_empty() {
            return (named, true);
        }
        let mut found: Vec<(&Book, usize)> = self.reading.paragraph_of(sentence).flat_map(|other| of(&other.at)).collect();
        if found.is_empty() && kind == Kind::Money && sentence.stems.shares(&PRICE) {
            let own_plan = self.own_field("plan");
            found = own_plan
                .map(|(name, _)| {
                    common.entries_named(&name).into_iter().filter(|at| wanted(&common.entries[*at].body)).map(|at| (common, at)).collect()
                })
                .unwrap_or_default();
        }
        (found, false)
    }

    /// A field of the recipient's record, in words.
    pub(super) fn own_field(&self, name: &str) -> Option<(String, &Entry)> {
        self.ground.own.as_deref()?.entries.iter().find_map(|entry| match &entry.body {
            Body::ContactField(field) if field.field == name && entry.standing == Standing::Current => Some((field.value.to_string(), entry)),
            _ => None,
        })
    }

    /// "eight months with us", "you were with us for a year", "thank you for the two years".
    fn speaks_of_stay(&self, atom: &Atom, sentence: &Sentence) -> bool {
        let text = &self.reading.text;
        let before = text[sentence.at.start..atom.at.start.max(sentence.at.start)].to_lowercase();
        text[atom.at.end..].trim_start().starts_with("with ")
            || before.trim_end().ends_with("for") && before.contains("with ")
            || sentence.stems.shares(&STAY)
    }

    /// The stems within a few words of an atom.
    fn near(atom: &Atom, sentence: &Sentence) -> Stems {
        let before = sentence.words.iter().rev().filter(|word| word.at.end <= atom.at.start).take(4);
        let after = sentence.words.iter().filter(|word| word.at.start >= atom.at.end).take(5);
        before.chain(after).map(|word| word.stem).collect()
    }

    /// "over 48,000" for 48,210, "over a year" for 403 days: rounded ones that say so, within a tenth and within a unit.
    fn about(&self, atom: &Atom, held: &Held, sentence: &Sentence) -> bool {
        let (real, said, room) = match (held, &atom.value) {
            (Held::Number(real), Value::Number(said)) => (*real, *said, real / 10),
            (Held::Days(days), Value::Span(span)) if is_long(&atom.value) => {
                (days * 1000, span.milli_days(), Span { milli: 1000, unit: span.unit }.milli_days())
            }
            _ => return false,
        };
        let before: Vec<String> = sentence
            .words
            .iter()
            .rev()
            .filter(|word| word.at.end <= atom.at.start)
            .take(2)
            .map(|word| self.reading.text[word.at.clone()].to_lowercase())
            .collect();
        let last = |back: usize| before.get(back - 1).map_or("", String::as_str);
        let (over, under, around) = (
            matches!(last(1), "over" | "above") || last(1) == "than" && last(2) == "more",
            matches!(last(1), "almost" | "nearly"),
            matches!(last(1), "about" | "around" | "roughly" | "some" | "approximately"),
        );
        let gap = real - said;
        (over && (0..=room).contains(&gap)) || (under && (-room..=0).contains(&gap)) || (around && gap.abs() <= room / 2)
    }

    /// What the free text of facts says of an atom.
    pub(super) fn lines(&self, atom: &Atom, sentence: &Sentence) -> Option<Finding> {
        let mut best: Option<Finding> = None;
        for book in self.books() {
            for at in book.lines_with(&atom.value) {
                let (entry, line) = book.line(*at);
                if line.hearsay && is_promise(atom.kind(), sentence) || !line.atoms.iter().any(|other| other.value.same(&atom.value)) {
                    continue;
                }
                let score = overlap(&sentence.stems, &line.stems);
                if score >= 50
                    && best.as_ref().is_none_or(|best| (best.verdict == Verdict::Stale, best.score) < (entry.standing == Standing::Current, score))
                {
                    best = Some(Finding::agreeing(Verdict::Quoted, entry, score));
                }
            }
        }
        if best.is_some() {
            return best;
        }
        let against = self.like(sentence).find(|(entry, line)| {
            entry.standing == Standing::Current
                && line.atoms.iter().any(|other| other.kind() == atom.kind())
                && overlap(&sentence.stems, &line.stems) >= 60
        });
        against.map(|(entry, line)| {
            let reason = format!("The fact says otherwise: {} ({}).", entry.rest.label, entry.rest.source);
            Finding::on(Verdict::Conflicting, entry, overlap(&sentence.stems, &line.stems), reason)
        })
    }
}

/// Whether an atom says what somebody gets or may rely on.
pub(super) fn is_promise(kind: Kind, sentence: &Sentence) -> bool {
    match kind {
        Kind::Promise | Kind::Code | Kind::Url | Kind::Email => true,
        Kind::Percent | Kind::Money | Kind::Date | Kind::Duration => are_meant(sentence),
        _ => false,
    }
}

/// Nobody stays for hours.
fn is_long(value: &Value) -> bool {
    !matches!(value, Value::Span(span) if matches!(span.unit, Unit::Seconds | Unit::Minutes | Unit::Hours))
}

/// Whether whoever may write contacts could have said so.
fn is_hearsay(body: &Body) -> bool {
    matches!(body, Body::ContactField(field) if field.field.starts_with("metadata."))
}

/// How much of the shorter of two texts both have in common, 0 to 100; one shared word is chance.
pub(super) fn overlap(sentence: &Stems, line: &Stems) -> i32 {
    let shared = sentence.shared(line);
    let shorter = sentence.len().min(line.len());
    if shared < 2.min(line.len()) || shorter == 0 || shared == 0 {
        return 0;
    }
    i32::try_from(shared * 100 / shorter.max(2.min(line.len()))).unwrap_or(0).min(100)
}
