//! Offers: which one a message is about, and whether this recipient may have it.

use std::sync::LazyLock;

use super::super::atoms::Atom;
use super::super::book::{About, Entry, Standing};
use super::super::names::nearly;
use super::super::sentences::{Sentence, Stems};
use super::super::values::Value;
use super::super::{Kind, Verdict};
use super::{Checker, Finding, Ground, Reading};
use crate::domain::facts::Body;

static WORDS: LazyLock<Stems> = LazyLock::new(|| {
    Stems::of(&[
        "off",
        "discount",
        "coupon",
        "code",
        "voucher",
        "promo",
        "promotion",
        "save",
        "saving",
        "rebate",
        "deal",
        "offer",
        "redeem",
        "cheaper",
        "reduced",
        "rabatt",
        "gutschein",
        "descuento",
        "código",
        "oferta",
        "angebot",
        "gutscheincode",
        "offre",
        "remise",
        "réduction",
    ])
});

/// Whether a sentence speaks of an offer.
pub(super) fn are_meant(sentence: &Sentence) -> bool {
    sentence.stems.shares(&WORDS)
}

/// The offers a message is about: those of its codes, else those its percents and amounts fit, else all.
pub(super) fn in_play(read: &[Reading], ground: &Ground) -> Vec<usize> {
    let book = &ground.common;
    let codes: Vec<&String> = read
        .iter()
        .flat_map(|reading| &reading.atoms)
        .filter_map(|atom| if let Value::Code(code) = &atom.value { Some(code) } else { None })
        .collect();
    let mut named: Vec<usize> = codes.iter().flat_map(|code| book.offers_with(code)).copied().collect();
    if named.is_empty() {
        for reading in read {
            for atom in reading.atoms.iter().filter(|atom| matches!(atom.kind(), Kind::Percent | Kind::Money)) {
                if reading.sentence_of(&atom.at).is_some_and(are_meant) {
                    let fits = |entry: &&usize| book.entries[**entry].compiled.fields.iter().any(|field| ground.says(&field.held, &atom.value));
                    named.extend(book.offers.iter().filter(fits).filter(|entry| obstacle(ground, &book.entries[**entry]).is_none()));
                }
            }
        }
    }
    if named.is_empty() { book.offers.clone() } else { named }
}

/// Why an offer cannot be promised to this recipient today.
pub(super) fn obstacle(ground: &Ground, entry: &Entry) -> Option<(Verdict, String)> {
    let Body::Offer(offer) = &entry.body else { return None };
    match &entry.standing {
        Standing::Past(now) => return Some((Verdict::Stale, format!("The offer said so once. Now: {now}."))),
        Standing::Revoked(why) => return Some((Verdict::Stale, format!("The offer {} was withdrawn: {why}.", offer.code))),
        Standing::Current => {}
    }
    if let Some(day) = offer.expires_on.filter(|day| *day < ground.today) {
        return Some((Verdict::Stale, format!("The offer {} ended on {day}.", offer.code)));
    }
    if ground.spent.contains(&entry.rest.id) {
        return Some((Verdict::Stale, format!("The budget of the offer {} is promised away.", offer.code)));
    }
    if offer.eligible_reasons.is_empty() || ground.own.is_none() {
        return None;
    }
    let reasons = offer.eligible_reasons.iter().map(|reason| reason.label()).collect::<Vec<_>>().join(", ");
    match ground.reason {
        Some(reason) if offer.is_for(reason) => None,
        Some(reason) => Some((
            Verdict::Conflicting,
            format!("The offer {} is for customers who left for: {reasons}. This one left for: {}.", offer.code, reason.label()),
        )),
        None => Some((
            Verdict::Conflicting,
            format!("The offer {} is for customers who left for: {reasons}. No departure of this one is on record.", offer.code),
        )),
    }
}

impl Checker<'_> {
    /// A percentage or amount off: that of one active offer this recipient may have.
    pub(super) fn offered(&self, atom: &Atom) -> Option<Finding> {
        let book = &self.ground.common;
        let fits =
            |entry: &Entry| entry.compiled.fields.iter().any(|field| field.held.kind() == atom.kind() && self.ground.says(&field.held, &atom.value));
        let in_play: Vec<&Entry> = self.offers.iter().map(|at| &book.entries[*at]).collect();
        let mut refused = None;
        for entry in in_play.iter().filter(|entry| fits(entry)) {
            match obstacle(self.ground, entry) {
                None => return Some(Finding::agreeing(Verdict::Exact, entry, 100)),
                Some((verdict, why)) => refused = Some(Finding::on(verdict, entry, 100, why)),
            }
        }
        if refused.is_some() {
            return refused;
        }
        let other = book.offers.iter().map(|at| &book.entries[*at]).find(|entry| fits(entry) && obstacle(self.ground, entry).is_none());
        let named = in_play.iter().find(|entry| {
            obstacle(self.ground, entry).is_none()
                && entry.compiled.fields.iter().any(|field| field.held.kind() == atom.kind() && matches!(field.about, About::Offer))
        });
        match (named, other) {
            (Some(entry), Some(other)) => Some(Finding::on(
                Verdict::Conflicting,
                entry,
                100,
                format!("The message is about {}; this belongs to {}.", entry.rest.label, other.rest.label),
            )),
            (Some(entry), None) => Some(Finding::on(Verdict::Conflicting, entry, 100, format!("The offer says otherwise: {}.", entry.rest.label))),
            _ => None,
        }
    }

    pub(super) fn code(&self, code: &str) -> Finding {
        let book = &self.ground.common;
        let mut refused = None;
        for entry in book.offers_with(code).iter().map(|at| &book.entries[*at]) {
            match obstacle(self.ground, entry) {
                None => return self.stacked(entry).unwrap_or_else(|| Finding::agreeing(Verdict::Exact, entry, 100)),
                Some((verdict, why)) => refused = Some(Finding::on(verdict, entry, 100, why)),
            }
        }
        if let Some(refused) = refused {
            return refused;
        }
        let near = book.codes().filter(|(known, _)| nearly(known, code)).filter_map(|(_, entries)| entries.first()).min();
        match near.map(|at| &book.entries[*at]) {
            Some(entry) => Finding::on(Verdict::Conflicting, entry, 0, format!("No offer has this code. There is {}.", entry.rest.label)),
            None => Finding::none("No offer has this code."),
        }
    }

    /// A second offer in one message, where one of them may not stand beside another.
    fn stacked(&self, entry: &Entry) -> Option<Finding> {
        let Body::Offer(offer) = &entry.body else { return None };
        let others = self
            .offers
            .iter()
            .map(|at| &self.ground.common.entries[*at])
            .filter(|other| other.rest.id != entry.rest.id && other.standing == Standing::Current);
        let named = self.reading.atoms.iter().filter(|atom| matches!(&atom.value, Value::Code(code) if *code != offer.code)).count() > 0;
        let other = others.into_iter().find(|other| named && matches!(&other.body, Body::Offer(other) if !(other.stackable && offer.stackable)))?;
        Some(Finding::on(Verdict::Conflicting, other, 100, format!("{} and {} may not stand in one message.", entry.rest.label, other.rest.label)))
    }
}
