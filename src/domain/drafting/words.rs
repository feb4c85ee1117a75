//! Turning facts into words.

use jiff::civil::Date;

/// The name to greet by, or none where guessing would be rude.
pub(super) fn first_name(name: Option<&str>) -> Option<String> {
    let clean: String = name?.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let titles = ["dr", "mr", "mrs", "ms", "prof", "herr", "frau", "mx", "sir"];
    let mut words = clean.split_whitespace().filter(|word| !titles.contains(&word.trim_end_matches('.').to_lowercase().as_str()));
    let first = words.next()?.trim_matches(|c: char| !c.is_alphanumeric());
    if first.is_empty() || first.contains('@') || first.chars().count() > 40 || !first.chars().any(char::is_alphabetic) {
        return None;
    }
    let all_upper = first.chars().count() > 2 && first.chars().all(|c| !c.is_lowercase());
    let all_lower = first.chars().all(|c| !c.is_uppercase());
    if !(all_upper || all_lower) {
        return Some(first.to_owned());
    }
    Some(first.split('-').map(capital).collect::<Vec<_>>().join("-"))
}

/// The first letter large, the others small.
pub(super) fn capital(word: &str) -> String {
    let mut chars = word.chars();
    match chars.next() {
        Some(first) => first.to_uppercase().chain(chars.as_str().to_lowercase().chars()).collect(),
        None => String::new(),
    }
}

/// "six months", "two years and a month", "12 days".
pub(super) fn tenure(days: i32) -> Option<String> {
    if days < 14 {
        return None;
    }
    let months = (f64::from(days) / 30.44).round() as i32;
    if months < 2 {
        return Some(format!("{days} days"));
    }
    let (years, rest) = (months / 12, months % 12);
    let years_text = match years {
        0 => None,
        1 => Some("a year".to_owned()),
        n => Some(format!("{} years", number(n))),
    };
    let rest_text = match rest {
        0 => None,
        1 => Some("a month".to_owned()),
        n => Some(format!("{} months", number(n))),
    };
    Some(match (years_text, rest_text) {
        (Some(years), Some(rest)) => format!("{years} and {rest}"),
        (Some(one), None) | (None, Some(one)) => one,
        (None, None) => return None,
    })
}

/// Small numbers in words.
pub(super) fn number(n: i32) -> String {
    const WORDS: [&str; 13] = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"];
    usize::try_from(n).ok().and_then(|n| WORDS.get(n)).map_or_else(|| n.to_string(), |word| (*word).to_owned())
}

/// "12 May", with the year where it is not this one.
pub(super) fn day(date: Date, today: Date) -> String {
    let pattern = if date.year() == today.year() { "%-d %B" } else { "%-d %B %Y" };
    date.strftime(pattern).to_string()
}

/// "a", "a and b", "a, b and c".
pub(super) fn list(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [start @ .., last] => format!("{} and {last}", start.join(", ")),
    }
}

/// Their words, if they can stand in a letter: short, clean, without links or markup.
pub(super) fn quotable(text: &str) -> Option<String> {
    let clean = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let clean = clean.trim_matches(|c: char| c == '"' || c == '“' || c == '”' || c == '\'').trim_end_matches(['.', ',', ':', ';']).to_owned();
    let words = clean.split(' ').count();
    let lower = clean.to_lowercase();
    let unfit = [
        "http",
        "www.",
        "@",
        "<",
        ">",
        "{",
        "}",
        "ignore",
        "instruction",
        "prompt",
        "fuck",
        "shit",
        "crap",
        "damn",
        "idiot",
        "stupid",
        "scam",
        "sucks",
        "%",
        "lawyer",
        "refund",
    ];
    let fits = (3..=18).contains(&words) && !clean.chars().any(char::is_control) && !unfit.iter().any(|word| lower.contains(word));
    fits.then_some(clean)
}

/// A summary as the second half of a sentence would need it: without a full stop.
pub(super) fn sentence(text: &str) -> String {
    let text = text.trim();
    if text.ends_with(['.', '!', '?']) { text.to_owned() } else { format!("{text}.") }
}

/// Picks one of several phrasings by what is fixed about the customer.
pub(super) fn pick<'a>(seed: u64, choices: &[&'a str]) -> &'a str {
    let index = usize::try_from(seed % (choices.len().max(1) as u64)).unwrap_or(0);
    choices.get(index).copied().unwrap_or_default()
}

/// A number that stays the same for the same customer (FNV-1a).
pub(super) fn seed(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
