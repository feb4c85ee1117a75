//! Turning facts into words.

use jiff::civil::Date;

/// One line: runs of white space become a space, control and format characters go.
pub(super) fn line(text: &str) -> String {
    let hidden = |c: char| matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}');
    let shown: String = text.chars().filter(|c| !hidden(*c)).map(|c| if c.is_control() || c.is_whitespace() { ' ' } else { c }).collect();
    shown.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// A short piece of customer data, if it can stand in a sentence.
pub(super) fn plain(text: &str) -> Option<String> {
    let text = line(text);
    let fits = !text.is_empty() && text.chars().count() <= 60 && text.chars().any(char::is_alphanumeric);
    (fits && !text.contains(MARKUP) && !has_link(&text)).then_some(text)
}

const MARKUP: [char; 13] = ['<', '>', '{', '}', '[', ']', '|', '\\', '`', '"', '“', '”', '^'];

fn has_link(text: &str) -> bool {
    let lower = text.to_lowercase();
    // A point between letters is how a bare domain looks: "evil.test".
    let domain = lower.split_whitespace().any(|word| {
        word.trim_matches(|c: char| !c.is_alphanumeric())
            .split_once('.')
            .is_some_and(|(host, rest)| host.ends_with(char::is_alphanumeric) && rest.chars().take(2).filter(|c| c.is_alphabetic()).count() == 2)
    });
    domain || lower.contains("://") || lower.contains("www.") || lower.contains('@') || lower.contains("http")
}

const TITLES: &[&str] = &[
    "dr",
    "mr",
    "mrs",
    "ms",
    "miss",
    "mx",
    "prof",
    "professor",
    "sir",
    "dame",
    "rev",
    "herr",
    "frau",
    "dipl",
    "ing",
    "mme",
    "m",
    "mlle",
    "sr",
    "sra",
    "srta",
    "don",
    "doña",
];
const SUFFIXES: &[&str] = &["phd", "ph.d", "md", "jr", "sr", "esq", "mba", "msc", "bsc", "cpa", "ii", "iii", "iv"];
const FIRMS: &[&str] = &[
    "inc", "llc", "ltd", "limited", "gmbh", "ag", "corp", "co", "bv", "sarl", "sas", "srl", "plc", "oy", "ab", "kg", "ug", "pty", "team", "company",
];

/// The name to greet by, or none where guessing would be rude.
pub(super) fn first_name(name: Option<&str>) -> Option<String> {
    let name = line(name?);
    if name.contains(MARKUP) || name.contains('@') || name.contains('/') || name.chars().count() > 80 {
        return None;
    }
    // "Doe, John"
    let name = match name.split_once(',') {
        Some((_, first)) if !first.trim().is_empty() && ![TITLES, SUFFIXES, FIRMS].iter().any(|list| is_one_of(first.trim(), list)) => {
            first.trim().to_owned()
        }
        Some((first, _)) => first.trim().to_owned(),
        None => name,
    };
    if name.chars().any(|c| c.is_numeric()) || has_link(&name) && !name.contains(". ") {
        return None;
    }
    if name.chars().any(together) {
        return (name.chars().count() <= 20).then_some(name);
    }
    let all: Vec<&str> =
        name.split(' ').map(|word| word.trim_matches(|c: char| !c.is_alphabetic() && c != '.')).filter(|word| !word.is_empty()).collect();
    if all.last().is_some_and(|last| all.len() > 1 && is_one_of(last, FIRMS)) {
        return None;
    }
    let title = all.iter().position(|word| !is_one_of(word, TITLES) || all.len() == 1)?;
    let words = &all[title..];
    let shout = name.chars().all(|c| !c.is_lowercase());
    // A title and a family name: the title belongs to the greeting.
    if title > 0 && words.len() == 1 {
        let formal = all.get(title - 1).map(|word| capital(word))?;
        return words.first().map(|word| format!("{formal} {}", cased(word, shout)));
    }
    let initial = |word: &&&str| word.trim_end_matches('.').chars().count() > 1 && !word.trim_end_matches('.').contains('.');
    let given = if words.len() > 1 { &words[..words.len() - 1] } else { words };
    let first = given.iter().find(initial)?.trim_matches('.');
    (first.chars().count() <= 40 && first.chars().any(char::is_alphabetic)).then(|| cased(first, shout))
}

fn is_one_of(word: &str, list: &[&str]) -> bool {
    list.contains(&word.trim_end_matches('.').to_lowercase().as_str())
}

/// Chinese, Japanese and Korean names are used whole.
fn together(c: char) -> bool {
    matches!(c, '\u{1100}'..='\u{11ff}' | '\u{2e80}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

/// "JOHN" and "john" become "John"; "McKenna" and "JD" stay.
fn cased(word: &str, shout: bool) -> String {
    let letters = word.chars().count();
    let small = word.chars().all(|c| !c.is_uppercase());
    let large = word.chars().all(|c| !c.is_lowercase());
    if !(small || large && (letters > 2 || shout && letters > 1))
        || large && letters == 2 && !word.to_lowercase().contains(['a', 'e', 'i', 'o', 'u', 'y'])
    {
        return word.to_owned();
    }
    word.split('-').map(capital).collect::<Vec<_>>().join("-")
}

/// The first letter large, the others small.
fn capital(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars.as_str().to_lowercase().chars()).collect()).unwrap_or_default()
}

/// The text as the start of a sentence; "iCal" and "eSignature" keep their small letter.
pub(super) fn upper_first(text: &str) -> String {
    let mut chars = text.chars();
    match chars.next() {
        Some(first) if first.is_lowercase() && chars.clone().next().is_none_or(|c| !c.is_uppercase()) => first.to_uppercase().chain(chars).collect(),
        _ => text.to_owned(),
    }
}

/// "six months", "two years and a month", "12 days"; a month has 30.44 days.
pub(super) fn tenure(days: u32) -> Option<String> {
    if days < 45 {
        return match days {
            0 => None,
            1 => Some("a day".to_owned()),
            days => Some(format!("{} days", number(days))),
        };
    }
    let months = (f64::from(days) / 30.44).round() as u32;
    let part = |n: u32, unit: &str| match n {
        0 => None,
        1 => Some(format!("a {unit}")),
        n => Some(format!("{} {unit}s", number(n))),
    };
    match (part(months / 12, "year"), part(months % 12, "month")) {
        (Some(years), Some(months)) => Some(format!("{years} and {months}")),
        (years, months) => years.or(months),
    }
}

/// Small numbers in words.
pub(super) fn number(n: u32) -> String {
    const WORDS: [&str; 13] = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"];
    usize::try_from(n).ok().and_then(|n| WORDS.get(n)).map_or_else(|| n.to_string(), |word| (*word).to_owned())
}

/// "12 May", with the year where it is not this one.
pub(super) fn day(date: Date, today: Date) -> String {
    const MONTHS: [&str; 12] =
        ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];
    let month = usize::try_from(date.month() - 1).ok().and_then(|m| MONTHS.get(m)).copied().unwrap_or_default();
    if date.year() == today.year() { format!("{} {month}", date.day()) } else { format!("{} {month} {}", date.day(), date.year()) }
}

/// "a", "a and b", "a, b and c".
pub(super) fn list(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [start @ .., last] => format!("{} and {last}", start.join(", ")),
    }
}

/// Longer quotes are a page, not a reminder.
const LONGEST_QUOTE: usize = 18;
/// Words that do not belong in a letter, whoever wrote them.
const UNFIT: &[&str] = &[
    "fuck",
    "fucking",
    "fucked",
    "shit",
    "shitty",
    "bullshit",
    "crap",
    "crappy",
    "damn",
    "damned",
    "idiot",
    "idiots",
    "idiotic",
    "stupid",
    "moron",
    "morons",
    "scam",
    "scammers",
    "sucks",
    "suck",
    "sucked",
    "bitch",
    "bastard",
    "bastards",
    "asshole",
    "arse",
    "ass",
    "dick",
    "piss",
    "pissed",
    "hell",
    "garbage",
    "trash",
    "liar",
    "liars",
    "thieves",
    "fraud",
    "hate",
    "hated",
    "scheiße",
    "scheiss",
    "scheiß",
    "mist",
    "idioten",
    "merde",
    "connard",
    "nul",
    "mierda",
    "puta",
    "ignore",
    "disregard",
    "instruction",
    "instructions",
    "lawyer",
    "lawyers",
    "attorney",
    "sue",
    "lawsuit",
    "chargeback",
    "refund",
    "password",
];

/// Their words, if they can stand in a letter: three to eighteen words, clean, without links, markup,
/// percentages or long numbers. White space is the only thing that changes.
pub(super) fn quotable(text: &str) -> Option<String> {
    let text = line(text);
    let clean = text.trim_matches(|c: char| matches!(c, '"' | '“' | '”' | '„' | '«' | '»' | ' ')).trim_end_matches([',', ':', ';', '-', '–']);
    let words = clean.split(' ').count();
    let unfit = clean.split(|c: char| !c.is_alphanumeric()).any(|word| UNFIT.contains(&word.to_lowercase().as_str()));
    let digits = clean.split(|c: char| !c.is_ascii_digit()).any(|run| run.len() > 4);
    let shouted =
        clean.chars().filter(|c| c.is_alphabetic()).count() > 8 && !clean.chars().any(char::is_lowercase) && clean.chars().any(char::is_uppercase);
    let dull = clean.contains(MARKUP) || clean.contains(['%', '*', '#', '=', '~', '_']) || clean.contains("!!") || clean.contains("..");
    let fits = (3..=LONGEST_QUOTE).contains(&words) && clean.chars().count() <= 160;
    (fits && !unfit && !digits && !shouted && !dull && !has_link(clean)).then(|| clean.to_owned())
}

/// In quotation marks, with a full stop behind unless the words bring their own end.
pub(super) fn quoted(text: &str) -> String {
    let stop = if text.ends_with(['.', '!', '?', '…']) { "" } else { "." };
    format!("“{text}”{stop}")
}

/// The text as a sentence.
pub(super) fn sentence(text: &str) -> String {
    let text = upper_first(text);
    if text.ends_with(['.', '!', '?', '…']) { text } else { format!("{}.", text.trim_end_matches([',', ';', ':', ' '])) }
}

/// The first sentence of a summary, if it is short enough for a letter.
pub(super) fn summary(text: &str) -> Option<String> {
    let first = text.split_inclusive(". ").next().map(str::trim)?;
    (!first.is_empty() && first.split(' ').count() <= 24).then(|| sentence(first))
}

/// A number that stays the same for the same text (FNV-1a).
pub(super) fn seed(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
