//! Names and quotes.

use std::collections::HashSet;
use std::ops::Range;

use super::super::atoms::Atom;
use super::super::book::{Book, Entry, Name, Standing, plain};
use super::super::names::{Listing, addressed, capitalised, listed, nearly};
use super::super::sentences::{Sentence, carries_meaning, stems, words};
use super::super::taken::Taken;
use super::super::{Claim, Kind, Part, Verdict};
use super::fields::is_promise;
use super::{Checker, Finding, Mention};
use crate::domain::facts::{Body, FieldValue};

impl Checker<'_> {
    /// Passages in quotation marks, with the fact in which they stand word for word.
    pub(super) fn quotes(&self, claims: &mut Vec<Claim>) -> Vec<(Range<usize>, Option<&Entry>)> {
        let mut found = vec![];
        for at in &self.reading.quotes {
            let quote = plain(&self.reading.text[at.clone()]);
            let entry = self.books().find_map(|book| book.quoting(&quote).map(|at| &book.entries[at]));
            let words = quote.split(' ').count();
            let hard = words > 5 || words > 2 && self.are_somebodys(at);
            if let Some(entry) = entry {
                claims.push(self.claim(at.clone(), Kind::Quote, hard, Finding::agreeing(Verdict::Quoted, entry, 100)));
            } else if hard {
                claims.push(self.claim(at.clone(), Kind::Quote, hard, Finding::none("Nobody on record said these words.")));
            }
            found.push((at.clone(), entry));
        }
        found
    }

    /// What a customer wrote stands in quotation marks as their words; a promise among
    /// them is ours unless the sentence says whose words they are. A link or a code works
    /// wherever it stands, so quoting never supports one.
    pub(super) fn may_quote(&self, at: &Range<usize>, atom: &Atom, entry: &Entry) -> bool {
        let theirs = matches!(entry.body, Body::TicketQuote(_) | Body::ContactField(_));
        let promises = self.reading.sentence_of(&atom.at).is_some_and(|sentence| is_promise(atom.kind(), sentence));
        let works = matches!(atom.kind(), Kind::Url | Kind::Email | Kind::Code);
        !theirs || !works && (!promises || self.are_somebodys(at))
    }

    /// "You wrote: …" gives even a short quote to somebody.
    fn are_somebodys(&self, at: &Range<usize>) -> bool {
        const SAID: &[&str] = &["wrote", "said", "told", "asked", "mentioned", "words", "put", "says", "writes"];
        let before = &self.reading.text[..at.start];
        // The word before is near; the line may be long.
        let near = before.char_indices().rev().nth(60).map_or(0, |(at, _)| at);
        let line = before[near..].rsplit('\n').next().unwrap_or_default();
        words(line).map(|(_, word)| word).last().is_some_and(|word| SAID.contains(&word.to_lowercase().as_str()))
    }

    pub(super) fn names(&self, quotes: &[(Range<usize>, Option<&Entry>)], claims: &mut Vec<Claim>) {
        let text = &self.reading.text;
        let mut taken: Taken = self.reading.atoms.iter().map(|atom| atom.at.clone()).collect();
        for at in addressed(text, self.reading.part == Part::Subject) {
            let of_others = self.reading.mentions.iter().any(|mention| mention.at == at && mention.own.is_empty());
            if !of_others && let Some(found) = self.addressee(&text[at.clone()]) {
                taken.take(at.clone());
                claims.push(self.claim(at, Kind::Name, true, found));
            }
        }
        let whole: Vec<Range<usize>> = self.reading.mentions.iter().map(|mention| mention.at.clone()).collect();
        let lists = listed(text, &whole);
        for (at, listing) in &lists {
            if taken.is_free(at)
                && let Some(found) = self.item(at, *listing)
            {
                taken.take(at.clone());
                claims.push(self.claim(at.clone(), Kind::Name, true, found));
            }
        }
        let mut seen: HashSet<String> = HashSet::new();
        for mention in &self.reading.mentions {
            let name = text[mention.at.clone()].to_lowercase();
            if taken.is_free(&mention.at) {
                taken.take(mention.at.clone());
                let found = self.mention(mention);
                if !found.verdict.is_supported() || seen.insert(name) {
                    claims.push(self.claim(mention.at.clone(), Kind::Name, true, found));
                }
            }
        }
        for sentence in &self.reading.sentences {
            self.near_names(sentence, &mut taken, claims);
            for at in capitalised(text, sentence) {
                let inside = sentence.words.iter().filter(|word| at.start <= word.at.start && word.at.end <= at.end);
                let known = inside.into_iter().all(|word| self.books().any(|book| book.knows(word.stem)));
                let quoted = quotes.iter().any(|(quote, entry)| entry.is_some() && quote.start <= at.start && at.end <= quote.end);
                if taken.is_free(&at) && !known && !quoted && !self.reading.quotes.iter().any(|quote| quote.start <= at.start && at.end <= quote.end)
                {
                    taken.take(at.clone());
                    claims.push(self.claim(at, Kind::Name, false, Finding::none("No fact on record has this name.")));
                }
            }
        }
    }

    /// The name in the greeting: that of the recipient.
    fn addressee(&self, name: &str) -> Option<Finding> {
        const TITLES: &[&str] = &["dr", "mr", "mrs", "ms", "prof", "professor", "herr", "frau", "sir", "madam"];
        let Some(own) = &self.ground.own else { return None };
        let real = own
            .entries
            .iter()
            .find(|entry| matches!(&entry.body, Body::ContactField(field) if field.field == "name") && entry.standing == Standing::Current);
        let Some(entry) = real else { return Some(Finding::none("No name of the recipient is on record.")) };
        let Body::ContactField(field) = &entry.body else { return None };
        let full = field.value.to_string().to_lowercase();
        let known: HashSet<String> = full.split(|c: char| !c.is_alphanumeric()).map(str::to_owned).collect();
        let given = words(name).map(|(_, word)| word.to_lowercase()).filter(|word| !TITLES.contains(&word.as_str()));
        let fits = given.flat_map(|word| word.split(['\'', '’', '-']).map(str::to_owned).collect::<Vec<_>>()).all(|word| known.contains(&word));
        Some(if fits {
            Finding::agreeing(Verdict::Exact, entry, 100)
        } else {
            Finding::on(Verdict::Conflicting, entry, 0, format!("The recipient has another name: {}.", entry.rest.label))
        })
    }

    /// An item of a list of features.
    fn item(&self, at: &Range<usize>, listing: Listing) -> Option<Finding> {
        let text = &self.reading.text[at.clone()];
        let mention = self
            .reading
            .mentions
            .iter()
            .find(|mention| mention.at.start <= at.start && at.end <= mention.at.end + 4 && mention.at.start >= at.start.saturating_sub(4));
        let common = &self.ground.common;
        match listing {
            Listing::Used => {
                let own = self.ground.own.as_deref()?;
                let used = own.entries.iter().find(|entry| {
                    matches!(&entry.body, Body::ContactField(field) if field.field == "features_used" || field.field == "metadata.features")
                        && entry.standing == Standing::Current
                })?;
                let Body::ContactField(field) = &used.body else { return None };
                let FieldValue::List(items) = &field.value else { return None };
                let wanted = plain(text);
                let wanted_stems = stems(text);
                Some(if items.iter().any(|item| plain(item) == wanted || stems(item) == wanted_stems) {
                    Finding::agreeing(Verdict::Exact, used, 100)
                } else {
                    Finding::on(Verdict::Conflicting, used, 0, format!("What they used is on record: {}.", used.rest.label))
                })
            }
            Listing::Shipped => match mention
                .and_then(|mention| mention.common.iter().map(|at| &common.entries[*at]).find(|entry| matches!(entry.body, Body::ProductUpdate(_))))
            {
                Some(_) => None,
                None => Some(Finding::none("No product update on record has this name.")),
            },
            Listing::Included => match mention {
                Some(mention) => self.included(mention),
                None => Some(Finding::none("No fact on record has a feature of this name.")),
            },
        }
    }

    /// A feature that a plan is said to include.
    fn included(&self, mention: &Mention) -> Option<Finding> {
        let common = &self.ground.common;
        let sentence = self.reading.sentence_of(&mention.at)?;
        let before = self.reading.sentences.iter().filter(|other| other.paragraph == sentence.paragraph && other.at.start <= sentence.at.start);
        let plans: Vec<&Entry> = before
            .flat_map(|other| self.reading.mentions_in(&other.at))
            .flat_map(|named| named.common.iter().map(move |at| (named, &common.entries[*at])))
            .filter(
                |(named, entry)| matches!(&entry.body, Body::PlanPrice(plan) if plan.name.eq_ignore_ascii_case(&self.reading.text[named.at.clone()])),
            )
            .map(|(_, entry)| entry)
            .collect();
        let plan = plans.into_iter().rfind(|entry| entry.standing == Standing::Current)?;
        let has = mention.common.iter().any(|at| common.entries[*at].rest.id == plan.rest.id);
        Some(if has {
            Finding::agreeing(Verdict::Exact, plan, 100)
        } else {
            Finding::on(Verdict::Conflicting, plan, 0, format!("The plan does not include it: {}.", plan.rest.label))
        })
    }

    /// A name that is on record, and whether the sentence may say it of this recipient.
    fn mention(&self, mention: &Mention) -> Finding {
        let (text, common) = (&self.reading.text, &self.ground.common);
        let own = self.ground.own.as_deref();
        let name = &text[mention.at.clone()];
        let sentence = self.reading.sentence_of(&mention.at);
        let is_plan =
            mention.common.iter().any(|at| matches!(&common.entries[*at].body, Body::PlanPrice(plan) if plan.name.eq_ignore_ascii_case(name)));
        let says_theirs = sentence.is_some_and(|sentence| {
            let tenure = self
                .reading
                .atoms
                .iter()
                .any(|atom| atom.kind() == Kind::Duration && sentence.at.start <= atom.at.start && atom.at.end <= sentence.at.end);
            let before = text[sentence.at.start..mention.at.start].to_lowercase();
            before.ends_with("on the ") && tenure
                || before.ends_with("your ")
                || before.contains("you were on ")
                || before.contains("you had the ")
                || ["your time on ", "your plan was ", "your plan is ", "your plan: ", "subscribed to ", "your subscription to ", "you chose "]
                    .iter()
                    .any(|lead| before.contains(lead))
        });
        if is_plan
            && says_theirs
            && mention.own.is_empty()
            && let Some((_, entry)) = self.own_field("plan")
        {
            return Finding::on(Verdict::Conflicting, entry, 0, format!("They were on another plan: {}.", entry.rest.label));
        }
        let mine = mention.own.iter().filter_map(|at| own.map(|book| &book.entries[*at]));
        let all = mention.common.iter().map(|at| &common.entries[*at]);
        let mut entries: Vec<&Entry> = mine.chain(all).collect();
        entries.sort_by_key(|entry| entry.standing != Standing::Current);
        match entries.first() {
            Some(entry) => Finding::agreeing(Verdict::Exact, entry, 100),
            None => Finding::none("No fact on record has this name."),
        }
    }

    /// Words that are nearly a name on record: a slip, or something that does not exist.
    fn near_names(&self, sentence: &Sentence, taken: &mut Taken, claims: &mut Vec<Claim>) {
        for index in 0..sentence.words.len() {
            if self.reading.text[sentence.words[index].at.clone()].chars().count() < 4 {
                continue;
            }
            for book in self.books() {
                let found = book.names_with(sentence.words[index].stem).find_map(|(name, place)| {
                    let span = self.slip(book, sentence, index.checked_sub(place)?, name)?;
                    // A shorter name of several words inside does not make the longer one right.
                    let shorter = |other: &Range<usize>| span.start <= other.start && other.end <= span.end && other.len() < span.len();
                    let several = |other: &Range<usize>| words(&self.reading.text[other.clone()]).nth(1).is_some();
                    let clashes = taken.overlapping(&span).any(|other| !(shorter(&other) && several(&other)));
                    (!clashes).then_some((span, &book.entries[name.entry]))
                });
                if let Some((span, entry)) = found {
                    let found =
                        Finding::on(Verdict::Conflicting, entry, 0, format!("Nothing on record has this name. There is {}.", entry.rest.label));
                    taken.take(span.clone());
                    claims.push(self.claim(span, Kind::Name, true, found));
                }
            }
        }
        let text = &self.reading.text;
        for (index, word) in sentence.words.iter().enumerate() {
            let free = taken.is_free(&word.at);
            let written = &text[word.at.clone()];
            if !free || !written.starts_with(char::is_uppercase) || written.chars().count() < 4 || self.books().any(|book| book.knows(word.stem)) {
                continue;
            }
            let near = self.books().find_map(|book| book.nearly_named(&written.to_lowercase()));
            // "Good" at the start of a sentence is not a slip for "Wood".
            let same_start = |entry: &Entry| words(&entry.rest.label).any(|(_, other)| other.chars().next() == written.chars().next());
            if let Some(entry) = near.filter(|entry| index > 0 || same_start(entry)) {
                let found = Finding::on(Verdict::Conflicting, entry, 0, format!("This is nearly, but not quite: {}.", entry.rest.label));
                taken.take(word.at.clone());
                claims.push(self.claim(word.at.clone(), Kind::Name, true, found));
            }
        }
    }

    /// The stretch from this word on, if it is a name but for one word.
    fn slip(&self, book: &Book, sentence: &Sentence, from: usize, name: &Name) -> Option<Range<usize>> {
        let text = &self.reading.text;
        let window = sentence.words.get(from..from + name.parts.len())?;
        let mut differing = window.iter().zip(&name.parts).filter(|(word, (_, stem))| word.stem != *stem);
        let (word, (part, _)) = differing.next()?;
        if differing.next().is_some() {
            return None;
        }
        let span = window.first()?.at.start..window.last()?.at.end;
        let written = &text[word.at.clone()];
        let other = || written.starts_with(char::is_uppercase) && part.chars().count() > 3 && !book.knows(word.stem) && !is_everyday(written);
        let slips = carries_meaning(written)
            && !text[span.clone()].contains([',', '.', ':', ';', '\n'])
            && (nearly(&written.to_lowercase(), part) || other());
        slips.then_some(span)
    }
}

/// A capital at the start of a sentence says nothing for an everyday word.
fn is_everyday(word: &str) -> bool {
    const EVERYDAY: &[&str] = &[
        "every", "each", "any", "new", "try", "use", "see", "get", "one", "all", "why", "their", "his", "her", "since", "old", "same", "only",
        "also", "now", "he", "she",
    ];
    !carries_meaning(word) || EVERYDAY.contains(&word.to_lowercase().as_str())
}
