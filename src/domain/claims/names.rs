//! Names in a draft: whom it greets, what it lists, and what is nearly the name of something.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use super::atoms::pattern;
use super::sentences::{Sentence, words};

static GREETING: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?im)^\s*(?:hi|hello|hey|dear|good (?:morning|afternoon|evening)|hallo|guten tag|liebe[rs]?|sehr geehrte[r]?(?: (?:frau|herr))?|bonjour|cher|chère|hola|estimad[oa]|ciao)\s+((?:(?:Dr|Mr|Mrs|Ms|Prof)\.\s+)?[^,.!?\n:–—]{1,60}?)(?:\s*[,!.:\n–—]|\s+-\s)",
    )
});
static VOCATIVE_END: LazyLock<Regex> = LazyLock::new(|| pattern(r",\s+(\p{Lu}[\p{L}'’-]+)\s*[?!.]*\s*$"));
static VOCATIVE_START: LazyLock<Regex> = LazyLock::new(|| pattern(r"^\s*(\p{Lu}[\p{L}'’-]+(?:\s\p{Lu}[\p{L}'’-]+)?),\s"));
static LISTING: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)(?:what you used before|the features you used|features you used|you (?:have )?used|you've used|you relied on|you worked with|new since you left|we(?:'ve|’ve| have)? (?:also )?(?:just )?(?:shipped|added|launched|released)|it includes|includes|comes with)(?:\s+(?:are|were|is))?:?\s+([^.:;!?\n]+)",
    )
});

/// Openings that look like a name before a comma and are none.
const OPENINGS: &[&str] = &[
    "today",
    "yesterday",
    "tomorrow",
    "however",
    "also",
    "yes",
    "no",
    "so",
    "still",
    "finally",
    "meanwhile",
    "otherwise",
    "first",
    "second",
    "third",
    "then",
    "now",
    "well",
    "please",
    "thanks",
    "hi",
    "hello",
    "hey",
    "again",
    "instead",
    "therefore",
    "recently",
    "lately",
    "actually",
    "unfortunately",
    "sorry",
    "until",
    "since",
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
    "there",
    "everyone",
    "team",
    "all",
    "friend",
    "friends",
    "folks",
    "welcome",
    "perhaps",
    "maybe",
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
    "best",
    "regards",
    "cheers",
    "sincerely",
    "customer",
];

fn is_opening(word: &str) -> bool {
    let lower = word.to_lowercase();
    lower.split_whitespace().all(|word| OPENINGS.contains(&word))
}

/// The stretches where somebody is addressed by name.
pub(super) fn addressed(text: &str, is_subject: bool) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = vec![];
    if let Some(name) = GREETING.captures(text).and_then(|m| m.get(1)) {
        found.push(name.range());
    }
    if is_subject {
        let ends = [&VOCATIVE_START, &VOCATIVE_END].into_iter().filter_map(|pattern| pattern.captures(text).and_then(|m| m.get(1)));
        found.extend(ends.map(|name| name.range()));
    }
    found.retain(|at| !is_opening(&text[at.clone()]) && text[at.clone()].starts_with(char::is_uppercase) && !text[at.clone()].contains("{{"));
    found
}

/// What sort of list a feature stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Listing {
    /// What the customer used.
    Used,
    /// What was shipped.
    Shipped,
    /// What a plan includes.
    Included,
}

/// The items of the lists in a text: "What you used before: a, b and c." Names that hold
/// an "and" themselves are kept whole.
pub(super) fn listed(text: &str, names: &[Range<usize>]) -> Vec<(Range<usize>, Listing)> {
    let mut found = vec![];
    for m in LISTING.captures_iter(text) {
        let (Some(whole), Some(items)) = (m.get(0), m.get(1)) else { continue };
        let lead = whole.as_str().to_lowercase();
        let listing = if lead.contains("used") || lead.contains("relied") || lead.contains("worked") {
            Listing::Used
        } else if lead.contains("include") || lead.contains("comes") {
            Listing::Included
        } else {
            Listing::Shipped
        };
        let mut at = items.start();
        for (cut, separator) in cuts(items.as_str()) {
            let end = items.start() + cut;
            if names.iter().any(|name| name.start < end && end < name.end) {
                continue;
            }
            push_item(text, at..end, listing, &mut found);
            at = end + separator;
        }
        push_item(text, at..items.end(), listing, &mut found);
    }
    found
}

/// Where a list is cut: the place and the length of the separator.
fn cuts(items: &str) -> Vec<(usize, usize)> {
    static CUT: LazyLock<Regex> = LazyLock::new(|| pattern(r",\s+(?:and\s+)?|\s+and\s+|\s+which\s+|\s+-\s+"));
    CUT.find_iter(items).map(|m| (m.start(), m.len())).collect()
}

fn push_item(text: &str, at: Range<usize>, listing: Listing, found: &mut Vec<(Range<usize>, Listing)>) {
    let item = &text[at.clone()];
    let bullet = |c: char| c.is_whitespace() || matches!(c, '-' | '•' | '*' | '–');
    let lead = item.len() - item.trim_start_matches(bullet).len();
    let item = item.trim_matches(bullet);
    // "The Zapier connection" is listed as Zapier connection.
    const LEADS: &[&str] = &[
        "the ",
        "a ",
        "an ",
        "our ",
        "new ",
        "brand-new ",
        "few ",
        "couple of ",
        "several ",
        "some ",
        "both ",
        "including ",
        "der ",
        "die ",
        "das ",
        "le ",
        "la ",
        "el ",
    ];
    let (mut lead, mut item) = (lead, item);
    while let Some(word) = LEADS.iter().find(|word| item.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word))) {
        lead += word.len();
        item = &item[word.len()..];
    }
    // "A few things" names nothing.
    const GENERIC: &[&str] = &["things", "thing", "improvements", "updates", "changes", "features", "fixes", "items", "more", "lot", "lots"];
    if item.split_whitespace().last().is_some_and(|word| GENERIC.contains(&word.to_lowercase().as_str())) {
        return;
    }
    // An item of a list is a short name without a verb of its own.
    const SENTENCE: &[&str] = &[
        "you",
        "we",
        "it",
        "that",
        "this",
        "is",
        "are",
        "was",
        "to",
        "for",
        "by",
        "with",
        "on",
        "in",
        "because",
        "when",
        "more",
        "so",
        "them",
        "everything",
        "only",
        "here",
        "most",
        "least",
        "your",
        "our",
    ];
    let count = item.split_whitespace().count();
    if (1..=4).contains(&count) && !item.split_whitespace().any(|word| SENTENCE.contains(&word.to_lowercase().as_str())) {
        found.push((at.start + lead..at.start + lead + item.len(), listing));
    }
}

/// Words with a capital letter inside a sentence: names, most likely. Sentences in title
/// case and in German say nothing by their capitals.
pub(super) fn capitalised(text: &str, sentence: &Sentence) -> Vec<Range<usize>> {
    let words: Vec<(usize, &str)> = words(&text[sentence.at.clone()]).map(|(at, word)| (sentence.at.start + at, word)).collect();
    let is_capital = |word: &str| word.starts_with(char::is_uppercase);
    let large = words.iter().filter(|(_, word)| is_capital(word)).count();
    let german = words
        .iter()
        .filter(|(_, word)| matches!(*word, "der" | "die" | "das" | "und" | "ist" | "Sie" | "wir" | "nicht" | "ein" | "eine" | "mit" | "für"))
        .count();
    if words.len() < 3 || large * 2 > words.len() || german > 1 {
        return vec![];
    }
    let known: HashSet<&str> = HashSet::from([
        "I",
        "I'm",
        "I’m",
        "I'd",
        "I’d",
        "I'll",
        "I’ll",
        "I've",
        "I’ve",
        "Monday",
        "Tuesday",
        "Wednesday",
        "Thursday",
        "Friday",
        "Saturday",
        "Sunday",
        "English",
        "German",
        "French",
        "Spanish",
        "Mr",
        "Mrs",
        "Ms",
        "Dr",
        "PS",
        "P.S",
        "FAQ",
        "OK",
        "UTC",
        "CET",
        "PDF",
        "CSV",
        "API",
        "URL",
        "HTML",
        "JSON",
        "Re",
        "Best",
    ]);
    let mut found: Vec<Range<usize>> = vec![];
    for (index, (at, word)) in words.iter().enumerate() {
        let before = text[..*at].trim_end();
        let starts = index == 0 || before.ends_with([':', '“', '"', '–', '—', '-', '(', '•', '*', '/', '.', '!', '?']);
        if starts || !is_capital(word) || known.contains(word) || word.chars().count() < 2 {
            continue;
        }
        match found.last_mut() {
            Some(last) if text[last.end..*at].trim().is_empty() => last.end = at + word.len(),
            _ => found.push(*at..at + word.len()),
        }
    }
    found
}

/// Passages in quotation marks of three words or more.
pub(super) fn quoted(text: &str) -> Vec<Range<usize>> {
    static QUOTE: LazyLock<Regex> = LazyLock::new(|| pattern(r#"“([^”“]{8,600})”|„([^“”„]{8,600})[“”]|«([^«»]{8,600})»|"([^"\n]{8,600})""#));
    QUOTE
        .captures_iter(text)
        .filter_map(|m| m.iter().skip(1).flatten().next().map(|inside| inside.range()))
        .filter(|at| text[at.clone()].split_whitespace().count() > 2)
        .collect()
}

/// Whether two words are one letter, or for long words two letters, apart, and not just forms of one word.
pub(super) fn nearly(a: &str, b: &str) -> bool {
    if a == b {
        return false;
    }
    let longest = a.chars().count().max(b.chars().count());
    let most = if longest >= 8 { 2 } else { 1 };
    longest >= 4 && strsim::osa_distance(a, b) <= most
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_addressed_is_found() {
        let in_body = |text: &str| addressed(text, false).into_iter().map(|at| text[at].to_owned()).collect::<Vec<_>>();
        assert_eq!(in_body("Hi Nathan,\n\nHello"), ["Nathan"]);
        assert_eq!(in_body("Hi Nathan - a quick one."), ["Nathan"]);
        assert_eq!(in_body("Hi Nathan — a quick one."), ["Nathan"]);
        assert_eq!(in_body("Dear Dr. Meier,"), ["Dr. Meier"]);
        assert_eq!(in_body("Dear Anna Meier:\n"), ["Anna Meier"]);
        assert!(in_body("Hi there,\n").is_empty() && in_body("Hello everyone!").is_empty());
        let in_subject = |text: &str| addressed(text, true).into_iter().map(|at| text[at].to_owned()).collect::<Vec<_>>();
        assert_eq!(in_subject("Nathan, 20% off"), ["Nathan"]);
        assert_eq!(in_subject("What went wrong, Nathan?"), ["Nathan"]);
        assert!(in_subject("Today, 20% off").is_empty());
    }

    #[test]
    fn items_of_lists_are_found() {
        let items = |text: &str| listed(text, &[]).into_iter().map(|(at, listing)| (text[at].to_owned(), listing)).collect::<Vec<_>>();
        assert_eq!(
            items("What you used before: order sync, rate shopping and carrier accounts. New since you left: Xero integration."),
            [
                ("order sync".to_owned(), Listing::Used),
                ("rate shopping".to_owned(), Listing::Used),
                ("carrier accounts".to_owned(), Listing::Used),
                ("Xero integration".to_owned(), Listing::Shipped),
            ]
        );
        assert_eq!(items("It includes order sync and rate shopping, which you used.").len(), 2);
        assert!(items("You used it for a while because you had to.").is_empty());
    }

    #[test]
    fn words_that_are_nearly_the_same() {
        assert!(nearly("webhoks", "webhooks") && nearly("xara", "xera") && nearly("integratiom", "integration"));
        assert!(!nearly("csv", "css") && !nearly("order", "older than"));
    }
}
