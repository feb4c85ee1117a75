//! Links and email addresses.

use super::super::book::{Book, Entry, Standing};
use super::super::values::Value;
use super::super::{Claim, Kind, Verdict, links};
use super::{Checker, Finding};

impl Checker<'_> {
    /// Where links and pictures of an HTML part lead to.
    pub(super) fn targets(&self, claims: &mut Vec<Claim>) {
        for (place, link) in self.reading.map.iter().flat_map(|map| &map.links) {
            let found = match link.strip_prefix("mailto:") {
                Some(address) => self.email(address.split('?').next().unwrap_or_default()),
                None => self.url(link),
            };
            let kind = if link.starts_with("mailto:") { Kind::Email } else { Kind::Url };
            claims.push(self.claim_at(place.clone(), link.clone(), link.clone(), kind, true, found));
        }
    }

    pub(super) fn url(&self, url: &str) -> Finding {
        let normal = links::normal(url);
        for book in self.books() {
            let mut entries: Vec<&Entry> = book.link(&normal).into_iter().map(|at| &book.entries[at]).collect();
            entries.sort_by_key(|entry| entry.standing != Standing::Current);
            if let Some(entry) = entries.first() {
                return Finding::agreeing(Verdict::Exact, entry, 100);
            }
        }
        let host = links::host(&normal);
        match self.books().find_map(|book| book.host(host).map(|at| &book.entries[at])) {
            Some(entry) => {
                Finding::on(Verdict::Conflicting, entry, 0, format!("This address is not on record. On the same host there is {}.", entry.rest.label))
            }
            None => Finding::none("This link is neither allowed nor part of a fact."),
        }
    }

    pub(super) fn email(&self, email: &str) -> Finding {
        if self.ground.addresses.iter().any(|own| own.eq_ignore_ascii_case(email)) {
            return Finding { verdict: Verdict::Exact, fact: None, score: 100, reason: "An address of this installation's mailboxes.".to_owned() };
        }
        let address = email.to_lowercase();
        let value = Value::Email(address.clone());
        for book in self.books() {
            if let Some(entry) = book.email(&address) {
                return Finding::agreeing(Verdict::Exact, entry, 100);
            }
        }
        self.anywhere(&value).unwrap_or_else(|| Finding::none("This address is not on record."))
    }

    /// What is right wherever a fact names it, whatever the sentence is about: an email address, a telephone number.
    pub(super) fn anywhere(&self, value: &Value) -> Option<Finding> {
        let line = |book: &'_ Book| book.lines_with(value).iter().find(|at| !book.line(**at).1.hearsay).copied();
        self.books().find_map(|book| line(book).map(|at| Finding::agreeing(Verdict::Quoted, book.line(at).0, 100)))
    }
}
