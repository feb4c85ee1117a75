//! Reading a model's letters, and holding each against the record.

use std::collections::BTreeSet;

use serde::Deserialize;

use crate::domain::claims::{self, Claim, Ground, Kind, Part};
use crate::domain::reason::Strategy;
use crate::domain::text::excerpt;

use super::super::html::{self, Said};
use super::super::words::line;
use super::super::{Brief, Draft, FactSheet};
use super::prompt::{Known, known};

/// Longest subject taken, in characters.
pub(super) const LONGEST_SUBJECT: usize = 120;
/// Longest text taken, in characters. Nine of them fit into one answer.
pub(super) const LONGEST_TEXT: usize = 2_000;
/// Most problems told on the page.
const MOST_TOLD: usize = 3;

/// A model's answer.
#[derive(Debug, Deserialize)]
pub(super) struct Answered {
    pub letters: Vec<Letter>,
}

/// A letter as the model wrote it.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Letter {
    pub strategy: String,
    pub subject: String,
    pub text: String,
    #[serde(default)]
    pub facts: Vec<String>,
}

/// What is wrong with a letter.
#[derive(Debug, Clone)]
pub(super) enum Problem {
    /// It claims what is not on record.
    Unsupported(Claim),
    /// It promises what only the customer's own words speak of.
    TheirWords(Claim),
    /// It uses another coupon than the one on the sheet.
    OtherCoupon(String),
    /// It cites a fact that is not there.
    UnknownFact(String),
    /// It left a place to be filled in.
    Placeholder(String),
    /// It has no subject or no text.
    Empty,
    /// It is too long.
    TooLong,
    /// It was not written.
    Missing,
}

impl Problem {
    /// In words that help to mend it.
    pub(super) fn for_the_model(&self) -> String {
        match self {
            Problem::Unsupported(claim) => format!("Unsupported claim \"{}\" in \"{}\": {}", claim.words, claim.sentence, claim.reason),
            Problem::TheirWords(claim) => {
                format!(
                    "Unsupported claim \"{}\" in \"{}\": Only the customer's own words say so; they promise nothing.",
                    claim.words, claim.sentence
                )
            }
            Problem::OtherCoupon(code) => format!("The coupon \"{code}\" is not the one of the fact `offer`."),
            Problem::UnknownFact(id) => format!("No fact has the id \"{}\".", excerpt(id)),
            Problem::Placeholder(words) => format!("\"{words}\" is a placeholder."),
            Problem::Empty => "The subject or the text is empty.".to_owned(),
            Problem::TooLong => format!("The subject is longer than {LONGEST_SUBJECT} characters or the text longer than {LONGEST_TEXT}."),
            Problem::Missing => "The letter is missing.".to_owned(),
        }
    }

    /// As half a sentence for the page.
    fn for_people(&self) -> String {
        match self {
            Problem::Unsupported(claim) | Problem::TheirWords(claim) => format!("{} (“{}”)", unsupported(claim), claim.words),
            Problem::OtherCoupon(code) => format!("the model used another coupon than the one open to this customer (“{code}”)"),
            Problem::UnknownFact(id) => format!("the model cited a fact that is not on the fact sheet (“{}”)", excerpt(id)),
            Problem::Placeholder(words) => format!("the model left a place to be filled in (“{words}”)"),
            Problem::Empty => "the model left the subject or the text empty".to_owned(),
            Problem::TooLong => "the model wrote too much".to_owned(),
            Problem::Missing => "the model wrote no letter for this strategy".to_owned(),
        }
    }
}

fn unsupported(claim: &Claim) -> &'static str {
    let sentence = claim.sentence.to_lowercase();
    let of_an_offer = || ["off", "discount", "coupon", "save", "cheaper", "code"].iter().any(|word| sentence.contains(word));
    match claim.kind {
        Kind::Code => "the model promised a discount that is not on record",
        Kind::Percent | Kind::Money if of_an_offer() => "the model promised a discount that is not on record",
        Kind::Url | Kind::Email => "the model gave an address that is not on record",
        Kind::Promise => "the model made a promise that is not on record",
        Kind::Quote => "the model quoted words that are not on record",
        _ => "the model claimed something that is not on record",
    }
}

/// What was wrong, as half a sentence for the page.
pub(super) fn note(problems: &[Problem]) -> String {
    let mut told: Vec<String> = vec![];
    for words in problems.iter().map(Problem::for_people) {
        if !told.contains(&words) {
            told.push(words);
        }
    }
    let more = told.len().saturating_sub(MOST_TOLD);
    told.truncate(MOST_TOLD);
    let more = if more > 0 { format!("; {more} more") } else { String::new() };
    format!("{}{more}", told.join("; "))
}

/// A whole sentence as half a one: "The model refused." becomes "the model refused".
pub(super) fn inside_a_sentence(sentence: &str) -> String {
    let mut chars = sentence.trim_end_matches('.').chars();
    chars.next().map(|first| first.to_lowercase().chain(chars).collect()).unwrap_or_default()
}

/// What letters are held against.
pub(super) struct Judge<'a> {
    pub sheet: FactSheet,
    pub known: Vec<Known>,
    ground: Option<&'a Ground>,
}

impl<'a> Judge<'a> {
    pub(super) fn new(brief: &'a Brief) -> Self {
        let sheet = brief.sheet.cleaned();
        Judge { known: known(&sheet), sheet, ground: brief.ground.as_ref() }
    }

    /// The letter as a draft, or all that is wrong with it.
    pub(super) fn judge(&self, strategy: Strategy, letter: &Letter) -> Result<Draft, Vec<Problem>> {
        let subject = line(&letter.subject);
        let paragraphs = paragraphs(&letter.text);
        if subject.is_empty() || paragraphs.is_empty() {
            return Err(vec![Problem::Empty]);
        }
        if subject.chars().count() > LONGEST_SUBJECT || letter.text.chars().count() > LONGEST_TEXT {
            return Err(vec![Problem::TooLong]);
        }
        let cited: BTreeSet<&str> = letter.facts.iter().map(|id| id.trim()).collect();
        let mut problems: Vec<Problem> =
            cited.iter().filter(|id| self.known.iter().all(|fact| fact.id != **id)).map(|id| Problem::UnknownFact((*id).to_owned())).collect();
        let mut draft = self.draft(strategy, &subject, &paragraphs, &cited);
        problems.extend(self.placeholder(&draft).map(Problem::Placeholder));
        problems.extend(self.claims(&draft));
        let words = format!("{}\n{}", draft.subject, draft.text).to_lowercase();
        if let Some(offer) = self.sheet.offer.as_ref().filter(|offer| words.contains(&offer.code.to_lowercase())) {
            draft.coupon_code = Some(offer.code.clone());
            draft.coupon_percent = Some(offer.percent);
            draft.offer_id = Some(offer.id.clone());
        }
        if problems.is_empty() { Ok(draft) } else { Err(problems) }
    }

    fn draft(&self, strategy: Strategy, subject: &str, paragraphs: &[Vec<String>], cited: &BTreeSet<&str>) -> Draft {
        let whole = format!("{subject}\n{}", paragraphs.concat().join("\n"));
        let mut head = Said::new(subject);
        for fact in self.known.iter().filter(|fact| cited.contains(fact.id.as_str())) {
            let span = fact.spans.iter().find(|span| whole.contains(*span)).cloned().unwrap_or_default();
            head = head.on(fact.kind, fact.row.as_deref(), fact.says.clone(), span);
        }
        let mut letter = html::Letter::new(head);
        for lines in paragraphs {
            let items: Vec<Said> = lines.iter().filter_map(|line| line.strip_prefix("- ")).map(Said::new).collect();
            let link = if let [only] = lines.as_slice() { self.link(only) } else { None };
            if let Some((label, url)) = link {
                letter.link(Said::new(label), url);
            } else if items.len() == lines.len() {
                letter.list(items);
            } else {
                letter.paragraph([Some(Said::new(lines.join("\n")))]);
            }
        }
        letter.finish(strategy)
    }

    /// "Pick up where you left off: https://…" with an address on the sheet becomes a button.
    fn link<'l>(&self, line: &'l str) -> Option<(&'l str, &'l str)> {
        let (label, url) = line.rsplit_once(": ")?;
        let on_sheet = self.known.iter().any(|fact| fact.spans.iter().any(|span| span == url));
        (url.contains("://") && on_sheet && !label.contains("://")).then_some((label, url))
    }

    /// Words in brackets that no fact has: "[First name]".
    fn placeholder(&self, draft: &Draft) -> Option<String> {
        [&draft.subject, &draft.text].into_iter().find_map(|text| {
            [('[', ']'), ('{', '}')].into_iter().find_map(|(open, close)| {
                let from = text.find(open)?;
                let to = from + text[from..].find(close)? + 1;
                let words = &text[from..to];
                let on_record = self.known.iter().any(|fact| fact.says.contains(words));
                (!on_record).then(|| excerpt(words))
            })
        })
    }

    fn claims(&self, draft: &Draft) -> Vec<Problem> {
        let Some(ground) = self.ground else { return vec![] };
        let parts = [(Part::Subject, draft.subject.as_str()), (Part::Text, draft.text.as_str()), (Part::Html, draft.html.as_str())];
        let mut seen = BTreeSet::new();
        let mut problems = vec![];
        for claim in claims::check(&parts, ground) {
            if !seen.insert(claim.key()) {
                continue;
            }
            let binds = matches!(claim.kind, Kind::Url | Kind::Email | Kind::Code | Kind::Percent | Kind::Money | Kind::Promise);
            let other_coupon =
                claim.kind == Kind::Code && self.sheet.offer.as_ref().is_none_or(|offer| !offer.code.eq_ignore_ascii_case(&claim.words));
            if claim.is_open() {
                problems.push(Problem::Unsupported(claim));
            } else if binds && claim.fact.as_ref().is_some_and(|fact| ground.is_their_words(&fact.id)) {
                // Whoever can write to support could otherwise write their own discount into the record.
                problems.push(Problem::TheirWords(claim));
            } else if other_coupon {
                problems.push(Problem::OtherCoupon(claim.words));
            }
        }
        problems
    }
}

/// Paragraphs of clean lines.
fn paragraphs(text: &str) -> Vec<Vec<String>> {
    let mut all = vec![vec![]];
    for raw in text.lines() {
        match (line(raw), all.last_mut()) {
            (words, Some(last)) if !words.is_empty() => last.push(words),
            (_, Some(last)) if !last.is_empty() => all.push(vec![]),
            _ => {}
        }
    }
    all.retain(|lines: &Vec<String>| !lines.is_empty());
    all
}
