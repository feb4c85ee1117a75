//! The checkable atoms of a text: numbers, money, dates, links, codes and the words that promise.
//!
//! Extraction is deterministic and knows no facts. Names are found in `names`, because
//! they need the list of what there is.

use std::ops::Range;
use std::sync::LazyLock;

use jiff::civil::Weekday;
use regex::{Captures, Regex};

use super::Kind;
use super::numbers::{NUMBER, NUMBER_WORD, number, word_number};
use super::taken::Taken;
use super::values::{Day, Money, NearDay, Span, Unit, Value};

/// An atom with its place in bytes.
#[derive(Debug, Clone, PartialEq)]
pub struct Atom {
    /// Where it stands, in bytes.
    pub at: Range<usize>,
    /// What it says.
    pub value: Value,
    /// Whether a wrong one is a wrong promise.
    pub hard: bool,
}

impl Atom {
    /// Its kind.
    pub fn kind(&self) -> Kind {
        self.value.kind()
    }
}

#[expect(clippy::expect_used, reason = "the patterns are constants and a test compiles them all")]
pub(super) fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a constant pattern")
}

const MONTH: &str = "January|February|March|April|May|June|July|August|September|October|November|December|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept|Sep|Oct|Nov|Dec|\
    Januar|Februar|März|Mai|Juni|Juli|Oktober|Dezember|\
    janvier|février|mars|avril|mai|juin|juillet|août|septembre|octobre|novembre|décembre|\
    enero|febrero|marzo|abril|mayo|junio|julio|agosto|septiembre|octubre|noviembre|diciembre";

/// The month by its name in English, German, French or Spanish.
fn month(name: &str) -> Option<i8> {
    const STARTS: &[(&str, i8)] = &[
        ("jan", 1),
        ("ene", 1),
        ("feb", 2),
        ("fév", 2),
        ("mar", 3),
        ("mär", 3),
        ("apr", 4),
        ("avr", 4),
        ("abr", 4),
        ("may", 5),
        ("mai", 5),
        ("jun", 6),
        ("juin", 6),
        ("jul", 7),
        ("juil", 7),
        ("aug", 8),
        ("aoû", 8),
        ("ago", 8),
        ("sep", 9),
        ("oct", 10),
        ("okt", 10),
        ("nov", 11),
        ("dec", 12),
        ("dez", 12),
        ("déc", 12),
        ("dic", 12),
    ];
    let name = name.to_lowercase();
    STARTS.iter().find(|(start, _)| name.starts_with(start)).map(|(_, month)| *month)
}

const UNIT: &str = "seconds?|minutes?|mins?|hours?|days?|weeks?|months?|quarters?|years?|\
    Sekunden?|Minuten?|Stunden?|Tage?n?|Wochen?|Monate?n?|Jahre?n?|\
    jours?|semaines?|mois|ans?|années?|heures?|días?|semanas?|mes(?:es)?|años?|horas?";

fn unit(word: &str) -> Option<Unit> {
    let word = word.to_lowercase();
    const STARTS: &[(&str, Unit)] = &[
        ("sec", Unit::Seconds),
        ("sek", Unit::Seconds),
        ("min", Unit::Minutes),
        ("hou", Unit::Hours),
        ("stu", Unit::Hours),
        ("heu", Unit::Hours),
        ("hor", Unit::Hours),
        ("day", Unit::Days),
        ("tag", Unit::Days),
        ("jou", Unit::Days),
        ("día", Unit::Days),
        ("wee", Unit::Weeks),
        ("woc", Unit::Weeks),
        ("sem", Unit::Weeks),
        ("mon", Unit::Months),
        ("moi", Unit::Months),
        ("mes", Unit::Months),
        ("qua", Unit::Quarters),
        ("yea", Unit::Years),
        ("jah", Unit::Years),
        ("an", Unit::Years),
        ("añ", Unit::Years),
    ];
    STARTS.iter().find(|(start, _)| word.starts_with(start)).map(|(_, unit)| *unit)
}

const CURRENCY: &str = "US\\$|CA\\$|AU\\$|A\\$|C\\$|NZ\\$|\\$|€|£|¥|USD|EUR|GBP|CHF|JPY|CAD|AUD|NZD|SEK|NOK|DKK|PLN|CZK|INR|BRL|MXN|SGD|HKD|ZAR";
const CURRENCY_AFTER: &str =
    "€|£|¥|\\$|USD|EUR|GBP|CHF|JPY|CAD|AUD|NZD|SEK|NOK|DKK|PLN|CZK|INR|BRL|MXN|SGD|HKD|ZAR|(?i:dollars?|euros?|pounds?|francs?|cents?)\\b";

static URL: LazyLock<Regex> =
    LazyLock::new(|| pattern(r#"(?i)\bhttps?://[^\s<>"“”]+|\bwww\.[^\s<>"“”]+|\b(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}(?:/[^\s<>"“”]*)"#));
static EMAIL: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?i)\b[a-z0-9._%+'-]+@(?:[a-z0-9-]+\.)+[a-z]{2,}\b"));
static DOMAIN: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"(?i)\b(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+(?:com|org|net|io|ai|app|dev|co|de|fr|es|uk|eu|test|example|info|biz|me|us)\b")
});
static VERSION: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?i)\bv\.?\s?(\d+(?:\.\d+)*)\b|\b(?:version|release)\s+v?(\d+(?:\.\d+)*)\b|\b(\d+\.\d+\.\d+(?:\.\d+)*)\b"));
static PERCENT: LazyLock<Regex> = LazyLock::new(|| {
    pattern(&format!(
        r"(?i)({NUMBER}|\b(?:{NUMBER_WORD}))\s?-?(?:%|percent\b|per\s?cent\b|pct\b|prozent\b|por ciento\b|pour cent\b)|\bhalf(?:\s+(?:off|(?:the\s+)?price))"
    ))
});
static MONEY: LazyLock<Regex> =
    LazyLock::new(|| pattern(&format!(r"({CURRENCY})\s?({NUMBER})\s?(k\b|K\b|M\b|million\b)?|({NUMBER})\s?(k|K|M|million)?\s?({CURRENCY_AFTER})")));
static ISO_DAY: LazyLock<Regex> = LazyLock::new(|| pattern(r"\b(\d{4})-(\d{2})-(\d{2})\b"));
static DAY_MONTH: LazyLock<Regex> = LazyLock::new(|| {
    pattern(&format!(r"\b(\d{{1,2}})(?:st|nd|rd|th|\.|º|er)?\s+(?:of\s+|de\s+)?((?i:{MONTH}))\b\.?(?:,?\s+(?:de\s+)?(\d{{4}})\b)?"))
});
static MONTH_DAY: LazyLock<Regex> = LazyLock::new(|| pattern(&format!(r"\b({MONTH})\.?\s+(\d{{1,2}})(?:st|nd|rd|th)?\b(?:,?\s+(\d{{4}})\b)?")));
static MONTH_YEAR: LazyLock<Regex> = LazyLock::new(|| pattern(&format!(r"\b({MONTH})\.?,?\s+(\d{{4}})\b")));
static MONTH_ALONE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(&format!(
        r"\b(?i:in|since|until|till|by|from|during|early|late|mid|mid-|last|this|next|of|im|seit|bis|en|depuis|desde|hasta)\s+({MONTH})\b"
    ))
});
static NUMERIC_DAY: LazyLock<Regex> = LazyLock::new(|| pattern(r"\b(\d{1,2})([/.])(\d{1,2})[/.](\d{4}|\d{2})\b"));
static SPAN: LazyLock<Regex> = LazyLock::new(|| {
    pattern(&format!(
        r"(?i)(?:\b(?:(an?|first|one|another|half an?)\s+)|({NUMBER}|\b(?:{NUMBER_WORD}))(?:\s|\u{{a0}}|-)?(?:business\s|working\s|full\s|more\s)?)({UNIT})\b(?:(?:\s+and|,)?\s+(an?|one|{NUMBER}|{NUMBER_WORD})\s+({UNIT})\b)?"
    ))
});
static NEAR_DAY: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)(?:\b(by|until|till|before|ends?|ending|expires?|expiring|closes?|closing)\s+(?:on\s+|this\s+|next\s+|coming\s+)?)?\b(yesterday|tomorrow|tonight|(?:last|this|next)\s+(?:week|month)|(?:mon|tues|wednes|thurs|fri|satur|sun)day)\b",
    )
});
static PHONE: LazyLock<Regex> = LazyLock::new(|| pattern(r"\+\d[\d ().\u{a0}/-]{6,18}\d\b|\b0\d{1,4}[ /-]\d[\d /-]{4,12}\d\b"));
static CODE: LazyLock<Regex> = LazyLock::new(|| pattern(r"\b[A-Za-z0-9]+(?:[_-][A-Za-z0-9]+)*\b"));
static PLAIN: LazyLock<Regex> =
    LazyLock::new(|| pattern(&format!(r"(?i)({NUMBER})(?:\s?(k|m|thousand|million|billion|mio|tausend)\b)?(st|nd|rd|th)?|\b(?:{NUMBER_WORD})\b")));
static CLOCK: LazyLock<Regex> = LazyLock::new(|| pattern(r"\b\d{1,2}:\d{2}(?::\d{2})?\b"));
static PROMISE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)\b(?:for free|free of charge|free|at no cost|no cost|guarantee[ds]?|guaranteed|unlimited|always|never|forever|lifetime|no limits?|without limits?|money[- ]back|risk[- ]free|refund(?:s|ed|able)?|24/7|certified|compliant|lowest|cheapest|fastest|no credit card|cancel any\s?time|on (?:us|the house)|no strings|no obligation|no fees?|kostenlos|gratis|garantiert|unbegrenzt|niemals|gratuit(?:ement|e)?|garanti(?:e|s|es)?|illimité(?:e|s|es)?|garantizad[oa]s?|ilimitad[oa]s?)\b",
    )
});
static SHIPPED: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)\b(?:we|we’ve|we've|i|i've|i’ve|our team|the team|it|that|this)\s+(?:have\s+|has\s+|had\s+|was\s+|were\s+|is\s+|been\s+|just\s+|now\s+|also\s+|recently\s+|finally\s+|since\s+|already\s+)*(shipped|fixed|added|removed|launched|released|built|introduced|rolled out|rebuilt|repaired|solved|resolved|rewrote|improved)\b|\b(?:has|have|is|are|was|were)\s+(?:now\s+|just\s+|been\s+|finally\s+|also\s+)*(fixed|shipped|launched|released|live|available|solved|resolved)\b|\b(?:is|are)\s+(?:now\s+|finally\s+)?(here)\b|\b(launched|released|rolled out|went live)\b|\b(shipped)\s+(?:yesterday|today|last|this|on|in)\b|\b(?:now|newly)\s+(supports?|includes?|integrates?)\b|\b(?:integrates|works|connects|syncs)\s+(with)\b|\bhas been (part of)\b|^\s*(shipped|fixed|added|new|launched|released)\b\s*:",
    )
});

/// The atoms of a text, in order and without overlap. `known_code` says whether a word is a coupon code on record.
pub fn atoms(text: &str, known_code: impl Fn(&str) -> bool) -> Vec<Atom> {
    let mut found = Found { text, atoms: vec![], taken: Taken::default() };
    for at in URL.find_iter(text) {
        let url = trim_link(at.as_str());
        found.put(at.start()..at.start() + url.len(), Value::Url(url.to_owned()), true);
    }
    found.all(&EMAIL, |m, at| Some((Value::Email(m.get(0)?.as_str().to_lowercase()), at)));
    found.all(&DOMAIN, |m, at| Some((Value::Url(m.get(0)?.as_str().to_owned()), at)));
    found.all(&ISO_DAY, |m, at| Some((Value::Day(Day::new(Some(int(m, 1)?), int(m, 2)?, Some(int(m, 3)?))?), at)));
    found.all(&NUMERIC_DAY, |m, at| {
        let (a, b, year) = (int::<i8>(m, 1)?, int::<i8>(m, 3)?, int::<i16>(m, 4)?);
        let year = if year < 100 { year + 2000 } else { year };
        // With slashes either order is in use; with points the day comes first.
        let day = Day::new(Some(year), b, Some(a));
        let swapped = if m.get(2)?.as_str() == "/" { Day::new(Some(year), a, Some(b)) } else { None };
        let either = match (day, swapped) {
            (Some(day), Some(other)) => Day { or_month: other.month, or_day: other.day, ..day },
            (day, other) => day.or(other)?,
        };
        Some((Value::Day(either), at))
    });
    found.all(&DAY_MONTH, |m, at| Some((Value::Day(Day::new(int(m, 3), month(m.get(2)?.as_str())?, Some(int(m, 1)?))?), at)));
    found.all(&MONTH_DAY, |m, at| Some((Value::Day(Day::new(int(m, 3), month(m.get(1)?.as_str())?, Some(int(m, 2)?))?), at)));
    found.all(&MONTH_YEAR, |m, at| Some((Value::Day(Day::new(int(m, 2), month(m.get(1)?.as_str())?, None)?), at)));
    for m in MONTH_ALONE.captures_iter(text) {
        if let Some(day) = m.get(1).and_then(|name| Some((name.range(), Day::new(None, month(name.as_str())?, None)?))) {
            found.put(day.0, Value::Day(day.1), true);
        }
    }
    found.all(&PHONE, |m, at| Some((Value::Phone(m.get(0)?.as_str().chars().filter(char::is_ascii_digit).collect()), at)));
    found.near_days();
    found.all(&CLOCK, |m, at| Some((Value::Clock(m.get(0)?.as_str().to_owned()), at)));
    found.all(&PERCENT, |m, at| {
        let value = match m.get(1) {
            Some(given) => word_number(given.as_str()).or_else(|| number(given.as_str(), false))?,
            None => 50_000,
        };
        Some((Value::Percent(value), at))
    });
    found.all(&MONEY, |m, at| {
        let (given, symbol, scale) = match m.get(2) {
            Some(given) => (given, m.get(1)?, m.get(3)),
            None => (m.get(4)?, m.get(6)?, m.get(5)),
        };
        let amount = number(given.as_str(), true)?;
        Some((Value::Money(Money::read(amount, symbol.as_str(), scale.map(|s| s.as_str()))?), at))
    });
    found.all(&VERSION, |m, at| Some((Value::Version(m.get(1).or_else(|| m.get(2)).or_else(|| m.get(3))?.as_str().to_owned()), at)));
    found.spans();
    found.codes(&known_code);
    found.plain_numbers();
    found.promises();
    let mut atoms = found.atoms;
    atoms.sort_by_key(|atom| atom.at.start);
    atoms
}

fn near_day(words: &str) -> Option<NearDay> {
    let (which, unit) = words.split_once(char::is_whitespace).unwrap_or(("", words));
    let offset = match which {
        "last" => -1,
        "next" => 1,
        _ => 0,
    };
    Some(match unit.trim() {
        "yesterday" => NearDay::Days(-1),
        "tonight" => NearDay::Days(0),
        "tomorrow" => NearDay::Days(1),
        "week" => NearDay::Week(offset),
        "month" => NearDay::Month(i32::try_from(offset).ok()?),
        "monday" => NearDay::Weekday(Weekday::Monday),
        "tuesday" => NearDay::Weekday(Weekday::Tuesday),
        "wednesday" => NearDay::Weekday(Weekday::Wednesday),
        "thursday" => NearDay::Weekday(Weekday::Thursday),
        "friday" => NearDay::Weekday(Weekday::Friday),
        "saturday" => NearDay::Weekday(Weekday::Saturday),
        "sunday" => NearDay::Weekday(Weekday::Sunday),
        _ => return None,
    })
}

fn int<T: std::str::FromStr>(m: &Captures<'_>, group: usize) -> Option<T> {
    m.get(group)?.as_str().parse().ok()
}

/// A link without the punctuation of the sentence it ends.
fn trim_link(url: &str) -> &str {
    let mut url = url.trim_end_matches(['.', ',', ';', ':', '!', '?', '\'', '’', '…']);
    if url.ends_with(')') && !url.contains('(') {
        url = url.trim_end_matches(')');
    }
    url.trim_end_matches(['.', ',', ';', ':'])
}

struct Found<'a> {
    text: &'a str,
    atoms: Vec<Atom>,
    taken: Taken,
}

impl Found<'_> {
    fn is_free(&self, at: &Range<usize>) -> bool {
        self.taken.is_free(at)
    }

    fn put(&mut self, at: Range<usize>, value: Value, hard: bool) {
        if self.is_free(&at) && !at.is_empty() {
            self.taken.take(at.clone());
            self.atoms.push(Atom { at, value, hard });
        }
    }

    fn all(&mut self, pattern: &Regex, read: impl Fn(&Captures<'_>, Range<usize>) -> Option<(Value, Range<usize>)>) {
        for m in pattern.captures_iter(self.text) {
            let Some(whole) = m.get(0) else { continue };
            // A number that goes on to the left is another number.
            if whole.as_str().starts_with(|c: char| c.is_ascii_digit()) && self.before(whole.start()).ends_with(|c: char| c.is_alphanumeric()) {
                continue;
            }
            let trimmed = whole.start() + (whole.as_str().len() - whole.as_str().trim_start().len());
            let at = trimmed..trimmed + whole.as_str().trim().trim_end_matches(['.', ',']).len();
            if let Some((value, at)) = read(&m, at) {
                self.put(at, value, true);
            }
        }
    }

    fn before(&self, at: usize) -> &str {
        &self.text[..at]
    }

    /// The word that ends before this place, in lower case.
    fn word_before(&self, at: usize) -> String {
        let text = self.before(at).trim_end();
        let start =
            text.rfind(|c: char| !c.is_alphanumeric() && c != '\'' && c != '’').map_or(0, |i| i + text[i..].chars().next().map_or(1, char::len_utf8));
        text[start..].to_lowercase()
    }

    fn word_after(&self, at: usize) -> String {
        self.text[at..].trim_start().split(|c: char| !c.is_alphanumeric() && c != '\'' && c != '’').next().unwrap_or_default().to_lowercase()
    }

    fn near_days(&mut self) {
        for m in NEAR_DAY.captures_iter(self.text) {
            let Some(word) = m.get(2) else { continue };
            if let Some(near) = near_day(&word.as_str().to_lowercase()) {
                // "By Friday" sets a term; "on Friday" alone may be small talk.
                self.put(word.range(), Value::Near(near), m.get(1).is_some());
            }
        }
    }

    fn spans(&mut self) {
        for m in SPAN.captures_iter(self.text) {
            let (Some(whole), Some(unit_word)) = (m.get(0), m.get(3)) else { continue };
            let Some(mut unit) = unit(unit_word.as_str()) else { continue };
            let mut milli = match (m.get(1), m.get(2)) {
                (Some(article), _) => {
                    let article = article.as_str().to_lowercase();
                    // "a year and two months" is a length wherever it stands.
                    if m.get(4).is_none() && !self.is_length(&article, whole.start(), unit_word.end()) {
                        continue;
                    }
                    if article.starts_with("half") { 500 } else { 1000 }
                }
                (None, Some(given)) => match word_number(given.as_str()).or_else(|| number(given.as_str(), false)) {
                    Some(milli) => milli,
                    None => continue,
                },
                (None, None) => continue,
            };
            let mut end = unit_word.end();
            if let (Some(more), Some(smaller)) = (m.get(4), m.get(5).and_then(|word| self::unit(word.as_str())))
                && let Some(per) = unit.count_of(smaller)
            {
                let extra = word_number(more.as_str()).or_else(|| number(more.as_str(), false)).unwrap_or(1000);
                milli = milli * per + extra;
                unit = smaller;
                end = whole.end();
            }
            self.put(whole.start()..end, Value::Span(Span { milli, unit }), true);
        }
    }

    /// "a month" is a length after "for" and a rate after "$79".
    fn is_length(&self, article: &str, start: usize, end: usize) -> bool {
        const BEFORE: &[&str] = &[
            "for", "in", "within", "after", "of", "by", "over", "than", "to", "nearly", "almost", "about", "another", "been", "free", "your", "the",
            "next", "last", "past", "and", "entire", "whole", "get", "spent", "took",
        ];
        const AFTER: &[&str] = &["ago", "later", "before", "after", "free", "with", "since", "off", "earlier"];
        let (before, after) = (self.word_before(start), self.word_after(end));
        if self.before(start).trim_end().ends_with(|c: char| c.is_ascii_digit() || "€$£¥".contains(c)) {
            return false;
        }
        match article {
            "first" => true,
            "one" | "another" => true,
            _ => BEFORE.contains(&before.as_str()) || AFTER.contains(&after.as_str()) || before.is_empty(),
        }
    }

    fn codes(&mut self, known: &impl Fn(&str) -> bool) {
        let found: Vec<(Range<usize>, String)> = CODE.find_iter(self.text).map(|m| (m.range(), m.as_str().to_owned())).collect();
        for (at, word) in found {
            if word.len() < 3 || word.len() > 40 || !self.is_free(&at) {
                continue;
            }
            let (digits, letters) = (word.chars().filter(char::is_ascii_digit).count(), word.chars().filter(char::is_ascii_alphabetic).count());
            let large = letters > 0 && !word.chars().any(|c| c.is_ascii_lowercase());
            let named = matches!(
                self.word_before(at.start).trim_matches('"'),
                "code" | "coupon" | "voucher" | "promo" | "gutscheincode" | "código" | "codice"
            );
            let fits = known(&word.to_uppercase()) && (large || digits > 0 || named)
                || named && (large || digits > 0 && letters > 0)
                || large && digits > 0 && letters >= 4 && word.len() >= 6;
            if fits {
                self.put(at, Value::Code(word.to_uppercase()), true);
            }
        }
    }

    fn plain_numbers(&mut self) {
        for m in PLAIN.captures_iter(self.text) {
            let Some(whole) = m.get(0) else { continue };
            let before = self.before(whole.start());
            if before.ends_with(|c: char| c.is_alphanumeric() || c == '_') {
                continue;
            }
            let Some(given) = m.get(1) else {
                // Small numbers in words are mostly manners of speaking: shown, not blocking.
                if let Some(milli) = word_number(whole.as_str()).filter(|milli| *milli != 1000) {
                    let at = whole.range();
                    self.put(at, Value::Number(milli), milli > 12_000);
                }
                continue;
            };
            let line_start = before.rsplit('\n').next().unwrap_or_default().trim().is_empty();
            let after = &self.text[given.end()..];
            if line_start && (after.starts_with(". ") || after.starts_with(") ")) || before.ends_with("24/") || after.starts_with("/7") {
                continue;
            }
            let Some(milli) = number(given.as_str(), true) else { continue };
            let milli = match m.get(2).map(|scale| scale.as_str().to_lowercase()) {
                Some(scale) => milli.saturating_mul(if matches!(scale.as_str(), "k" | "thousand" | "tausend") {
                    1000
                } else if scale == "billion" {
                    1_000_000_000
                } else {
                    1_000_000
                }),
                None => milli,
            };
            let end = m.get(2).map_or(given.end(), |scale| scale.end());
            self.put(given.start()..end, Value::Number(milli), m.get(3).is_none());
        }
    }

    fn promises(&mut self) {
        for m in PROMISE.find_iter(self.text) {
            let word = m.as_str().to_lowercase();
            let (before, after) = (self.word_before(m.start()), self.word_after(m.end()));
            let manners = match word.as_str() {
                "free" => {
                    matches!(before.as_str(), "feel" | "hands" | "toll" | "duty" | "you're" | "you’re")
                        || matches!(before.as_str(), "are" | "be" | "were") && after == "to"
                        || matches!(after.as_str(), "from" | "up")
                }
                "always" | "never" => {
                    matches!(before.as_str(), "you" | "they" | "you've" | "you’ve" | "who" | "customers" | "as")
                        || matches!(after.as_str(), "mind" | "welcome")
                }
                _ => false,
            };
            if !manners {
                self.put(m.range(), Value::Promise(word), true);
            }
        }
        for m in SHIPPED.captures_iter(self.text) {
            if let Some(verb) = m.iter().skip(1).flatten().next() {
                self.put(verb.range(), Value::Shipped, true);
            }
        }
    }
}
