//! What messages of one template have in common: the words and links without names, figures and dates.

use url::Url;

use super::{Content, inspect};
use crate::domain::claims::{self, Claim, Kind, Part};
use crate::domain::ids::sha256_hex;

/// Placeholders are characters of a private area; those of the message itself are made another.
const PRIVATE: std::ops::RangeInclusive<char> = '\u{F0000}'..='\u{F00FF}';
const NAME: char = '\u{F0000}';

/// The placeholder of a claim, or none where its words stay. What is promised, what is quoted and where
/// it leads is wording; and a claim that neither blocks nor rests on a fact could say anything.
fn placeholder(claim: &Claim) -> Option<char> {
    if !(claim.hard || claim.verdict.is_supported()) {
        return None;
    }
    match claim.kind {
        Kind::Name => Some(NAME),
        Kind::Number => Some('\u{F0001}'),
        Kind::Percent => Some('\u{F0002}'),
        Kind::Money => Some('\u{F0003}'),
        Kind::Date => Some('\u{F0004}'),
        Kind::Duration => Some('\u{F0005}'),
        Kind::Version => Some('\u{F0006}'),
        Kind::Code => Some('\u{F0007}'),
        Kind::Promise | Kind::Quote | Kind::Url | Kind::Email => None,
    }
}

/// SHA-256 of the skeleton: the same for two messages that differ in nothing but the recipient's name,
/// address and company, and in the words of their claims.
pub(super) fn of(content: &Content, company: Option<&str>, claims: &[Claim]) -> String {
    sha256_hex(skeleton(content, company, claims).as_bytes())
}

fn skeleton(content: &Content, company: Option<&str>, claims: &[Claim]) -> String {
    let own = own_words(content, company);
    let of = |part: Part| claims.iter().filter(move |claim| claim.part == part);
    let mut parts = vec![
        plain(&with_placeholders(content.subject.chars().enumerate(), of(Part::Subject)), &own),
        plain(&with_placeholders(content.text_body.chars().enumerate(), of(Part::Text)), &own),
    ];
    if let Some(html) = &content.html_body {
        let seen = claims::visible(html);
        let at_char = chars_at(html);
        let chars = seen.text.char_indices().map(|(at, c)| (at_char[seen.place(&(at..at + c.len_utf8())).start], c));
        parts.push(plain(&with_placeholders(chars, of(Part::Html)), &own));
        parts.extend(seen.links.iter().map(|(_, link)| plain(&link_structure(link), &own)));
        parts.extend(inspect::asides(html).iter().map(|aside| plain(aside, &own)));
    }
    parts.join("\n\0\n")
}

/// For each byte of a text, the number of the character it belongs to.
fn chars_at(text: &str) -> Vec<usize> {
    let mut all: Vec<usize> = text.chars().enumerate().flat_map(|(n, c)| std::iter::repeat_n(n, c.len_utf8())).collect();
    all.push(all.last().map_or(0, |last| last + 1));
    all
}

/// The text with a placeholder for each claim; the characters come with their places in the source.
fn with_placeholders<'a>(chars: impl Iterator<Item = (usize, char)>, claims: impl Iterator<Item = &'a Claim>) -> String {
    let mut spans: Vec<(usize, usize, char)> = claims.filter_map(|claim| Some((claim.start, claim.end, placeholder(claim)?))).collect();
    spans.sort_by_key(|(start, end, _)| (*start, std::cmp::Reverse(*end)));
    let mut spans = spans.into_iter().peekable();
    let mut text = String::new();
    let mut inside = None;
    for (at, c) in chars {
        while let Some((start, end, mark)) = spans.next_if(|(start, ..)| *start <= at) {
            if at < end && inside.is_none_or(|inside| start >= inside) {
                text.push(mark);
                inside = Some(end);
            }
        }
        if inside.is_none_or(|inside| at >= inside) {
            text.push(if PRIVATE.contains(&c) { '\u{FFFD}' } else { c });
        }
    }
    text
}

/// The recipient's own words, the longest first.
fn own_words(content: &Content, company: Option<&str>) -> Vec<String> {
    let name = content.to_name.as_deref().unwrap_or_default();
    let mut own: Vec<String> = [name, company.unwrap_or_default(), &content.to_address]
        .into_iter()
        .chain(name.split_whitespace())
        .map(|word| word.trim().to_owned())
        .filter(|word| word.chars().count() > 1)
        .collect();
    own.sort_by_key(|word| std::cmp::Reverse(word.len()));
    own
}

/// Without the recipient's own words, with links as structure, each white space one space.
fn plain(text: &str, own: &[String]) -> String {
    let mut text = text.to_owned();
    for word in own {
        text = without(&text, word);
    }
    let words: Vec<String> = text.split_whitespace().map(|word| if word.contains("://") { link_structure(word) } else { word.to_owned() }).collect();
    let mut text = words.join(" ");
    // A list of three names is like a list of two.
    for between in [" ", ", ", " and ", ", and ", " & "] {
        let (twice, once) = (format!("{NAME}{between}{NAME}"), NAME.to_string());
        while text.contains(&twice) {
            text = text.replace(&twice, &once);
        }
    }
    text
}

/// The text with a placeholder for this word wherever it stands alone.
fn without(text: &str, word: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(word) {
        let (before, after) = (&rest[..at], &rest[at + word.len()..]);
        let joined = if before.is_empty() { kept.ends_with(char::is_alphanumeric) } else { before.ends_with(char::is_alphanumeric) };
        kept.push_str(before);
        if !joined && !after.starts_with(char::is_alphanumeric) {
            kept.push(NAME);
        } else {
            kept.push_str(word);
        }
        rest = after;
    }
    kept.push_str(rest);
    kept
}

/// Host, path and the names of parameters: what follows an equals sign often names the recipient.
fn link_structure(link: &str) -> String {
    let start = link.find("http").unwrap_or(0);
    match Url::parse(link[start..].trim_end_matches(['.', ',', ';', ')', '>', '!', '?'])) {
        Ok(url) if url.has_host() => {
            let names: Vec<String> = url.query_pairs().map(|(name, _)| name.into_owned()).collect();
            format!("{}{}://{}@{:?}{}?{}", &link[..start], url.scheme(), url.username(), url.host_str(), url.path(), names.join("&"))
        }
        _ => link.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::claims::Verdict;
    use crate::domain::messages::Footer;

    fn letter(name: &str, company: &str, text: &str, html: &str, claims: &[(&str, Kind)]) -> String {
        let content = Content {
            from_address: "care@acme.example".into(),
            from_name: "Acme".into(),
            to_address: format!("{}@customer.example", name.to_lowercase()),
            to_name: Some(name.into()),
            subject: format!("{name}, a word from us"),
            text_body: text.into(),
            html_body: Some(html.into()),
            headers: vec![],
            footer: Footer::default(),
        };
        let mut found = vec![];
        for (part, source) in [(Part::Text, text), (Part::Html, html)] {
            for (words, kind) in claims {
                let Some(at) = source.find(words) else { continue };
                let start = source[..at].chars().count();
                found.push(Claim {
                    part,
                    start,
                    end: start + words.chars().count(),
                    words: (*words).to_owned(),
                    sentence: String::new(),
                    kind: *kind,
                    hard: *kind != Kind::Quote,
                    verdict: Verdict::Exact,
                    fact: None,
                    score: 100,
                    reason: String::new(),
                });
            }
        }
        of(&content, Some(company), &found)
    }

    fn ana(text: &str) -> String {
        let claims = [
            ("30%", Kind::Percent),
            ("BACK30", Kind::Code),
            ("free", Kind::Promise),
            ("unlimited", Kind::Promise),
            ("“slow”", Kind::Quote),
            ("“fast”", Kind::Quote),
        ];
        letter("Ana", "Rúa Ltd", text, "<p>Hi</p>", &claims)
    }

    #[test]
    fn names_and_figures_make_no_difference() {
        let bo = letter("Bo", "Øst", "Dear Bo of Øst,\n20% with NEW.", "<p>Hi</p>", &[("20%", Kind::Percent), ("NEW", Kind::Code)]);
        assert_eq!(ana("Dear Ana of Rúa Ltd,\n30% with  BACK30."), bo);
        let html = |name: &str, day: &str| letter(name, "", "", &format!("<p>Hi <b>{name}</b> &amp; all, until {day}.</p>"), &[(day, Kind::Date)]);
        assert_eq!(html("Zoë", "1 May"), html("Bo", "31 December 2026"));
    }

    #[test]
    fn any_other_wording_makes_one() {
        let usual = ana("Dear Ana, 30% with BACK30. It is free. You said “slow”.");
        for other in [
            "Dear Ana, 30% with BACK30. It is not free. You said “slow”.",
            "Dear Ana, 30% with BACK30. It is unlimited. You said “slow”.",
            "Dear Ana, 30% with BACK30. It is free. You said “fast”.",
            "Dear Ana, 30% off with BACK30. It is free. You said “slow”.",
            "Dear Anabel, 30% with BACK30. It is free. You said “slow”.",
            "Dear Ana, \u{F0002} with BACK30. It is free. You said “slow”.",
            "Dear Ana, 30% with 30%. It is free. You said “slow”.",
        ] {
            assert_ne!(ana(other), usual, "{other}");
        }
    }

    #[test]
    fn where_a_link_leads_makes_one_and_who_follows_it_does_not() {
        let link = |to: &str| letter("Ana", "", &format!("See {to}."), &format!("<a href=\"{to}\">here</a>"), &[]);
        let usual = link("https://acme.example/go?u=1");
        assert_eq!(usual, link("https://acme.example/go?u=2"));
        for other in ["https://evil.test/go?u=1", "https://acme.example/other?u=1", "https://acme.example/go?v=1", "http://acme.example/go?u=1"] {
            assert_ne!(link(other), usual, "{other}");
        }
        let alt = |alt: &str| letter("Ana", "", "", &format!("<img alt=\"{alt}\" src=\"https://acme.example/a.png\">"), &[]);
        assert_ne!(alt("Logo"), alt("Send money"));
        assert_eq!(letter("Ana", "", "", "<img alt=\"For Ana\">", &[]), letter("Bo", "", "", "<img alt=\"For Bo\">", &[]));
    }
}
