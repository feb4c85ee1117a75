//! The mistakes that tests of the desk carry, and the made-up people they are addressed to. Pure.

use crate::domain::messages::content::Words;
use crate::domain::messages::markup::escape;
use crate::text_enum;

text_enum!(
    /// What is wrong with a test. Each can be seen by reading; the claim ledger looks for none of them.
    pub enum Mistake {
        /// It starts with another person's name.
        WrongGreeting => "wrong_greeting",
        /// A field of a template was never filled in.
        Placeholder => "placeholder",
        /// A sentence insults the reader.
        Rude => "rude",
        /// A language model speaks of itself.
        ModelTalk => "model_talk",
        /// A paragraph is about another customer's business.
        OtherIndustry => "other_industry",
        /// It is signed by somebody who does not work here.
        WrongSender => "wrong_sender",
    }
);

impl Mistake {
    /// The mistake as half a sentence.
    pub fn in_words(self) -> &'static str {
        match self {
            Mistake::WrongGreeting => "it addresses somebody else",
            Mistake::Placeholder => "a placeholder was never filled in",
            Mistake::Rude => "a sentence in it is rude",
            Mistake::ModelTalk => "a language model speaks of itself in it",
            Mistake::OtherIndustry => "a paragraph belongs to another customer's line of business",
            Mistake::WrongSender => "it is signed in somebody else's name",
        }
    }
}

const FIRST: &[&str] = &[
    "Amelia", "Anton", "Beatriz", "Carla", "Daniel", "Elena", "Emil", "Farida", "Felix", "Grace", "Hugo", "Ines", "Jonas", "Katrin", "Leo", "Marta",
    "Nadia", "Oscar", "Paula", "Rafael", "Sofia", "Tomas", "Vera", "Yusuf",
];
const LAST: &[&str] = &[
    "Albrecht",
    "Bergman",
    "Castellan",
    "Dufour",
    "Eklund",
    "Ferreira",
    "Goddard",
    "Hartley",
    "Iversen",
    "Janssen",
    "Kowalski",
    "Lindqvist",
    "Moreau",
    "Novak",
    "Okafor",
    "Petersen",
    "Quinn",
    "Rossi",
    "Sandoval",
    "Tanaka",
    "Ullman",
    "Virtanen",
    "Whitfield",
    "Zimmer",
];
const COMPANIES: &[&str] = &[
    "Alder & Finch",
    "Brightwater",
    "Cobalt Trading",
    "Dunmore Supply",
    "Eastgate",
    "Fernhill",
    "Greystone",
    "Hollins",
    "Ivybridge",
    "Juniper Row",
    "Kestrel House",
    "Quillstone",
];
const RUDE: &[&str] = &[
    "Honestly, it takes a special kind of person to overlook something this obvious.",
    "We would rather not explain this to you yet again, so please read slowly.",
    "Most people understand this on the first reading, but we will make an exception in your case.",
];
const MODEL_TALK: &[&str] = &[
    "As an AI language model, I do not have personal experience with your account.",
    "I am a large language model and cannot look into the circumstances of your company.",
    "Certainly! Here is a friendlier version of the message:",
];
const OTHER_INDUSTRY: &[&str] = &[
    "The cold store for your seafood passed its inspection, and the harbour knows when the trawlers land.",
    "The bottling line in your vineyard stays quiet until the harvest, so the cellar crew can take the casks apart.",
    "The second anaesthetist has confirmed for your clinic, and the operating theatre is prepared.",
];

/// Somebody who does not exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The given name.
    pub first: &'static str,
    /// The family name.
    pub last: &'static str,
    /// Where they would work.
    pub company: &'static str,
}

impl Person {
    /// The person that belongs to a number.
    pub fn of(number: u64) -> Person {
        let mut rest = number;
        Person { first: pick(FIRST, &mut rest), last: pick(LAST, &mut rest), company: pick(COMPANIES, &mut rest) }
    }

    /// The whole name.
    pub fn name(&self) -> String {
        format!("{} {}", self.first, self.last)
    }

    /// An address at which nobody can be reached: example.com is reserved (RFC 2606).
    pub fn address(&self) -> String {
        let slug: String = self.company.chars().filter(char::is_ascii_alphabetic).collect();
        format!("{}.{}@{slug}.example.com", self.first, self.last).to_lowercase()
    }
}

fn pick(from: &'static [&'static str], rest: &mut u64) -> &'static str {
    let count = from.len() as u64;
    let at = usize::try_from(*rest % count).unwrap_or(0);
    *rest /= count;
    from[at]
}

/// What a copy replaces: how the real recipient is called.
#[derive(Debug, Clone, Copy, Default)]
pub struct Recipient<'a> {
    /// The name on record.
    pub name: Option<&'a str>,
    /// The company on record.
    pub company: Option<&'a str>,
    /// The address.
    pub email: &'a str,
}

/// The words of a real message, addressed to a made-up person.
pub fn addressed_to(words: &Words, from: Recipient<'_>, to: &Person) -> Words {
    let (name, address) = (to.name(), to.address());
    let mut pairs: Vec<(&str, &str)> = vec![(from.email, &address)];
    if let Some(company) = from.company {
        pairs.push((company, to.company));
    }
    if let Some(full) = from.name {
        pairs.push((full, &name));
        if let Some((first, rest)) = full.split_once(' ') {
            pairs.extend([(first, to.first), (rest, to.last)]);
        } else {
            pairs.push((full, to.first));
        }
    }
    let mut words = words.clone();
    for (old, new) in pairs {
        words.subject = replaced(&words.subject, old, new);
        words.text = words.text.map(|text| replaced(&text, old, new));
        words.html = words.html.map(|html| replaced(&html, &escape(old), &escape(new)));
    }
    words
}

/// Replaces a name wherever it stands as a whole word.
fn replaced(text: &str, old: &str, new: &str) -> String {
    let mut done = String::with_capacity(text.len());
    let mut from = 0;
    for (at, _) in text.match_indices(old).filter(|_| !old.is_empty()) {
        let inside = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
        let end = at + old.len();
        if at < from || inside(text[..at].chars().next_back()) || inside(text[end..].chars().next()) {
            continue;
        }
        done.push_str(&text[from..at]);
        done.push_str(new);
        from = end;
    }
    done.push_str(&text[from..]);
    done
}

/// The words with one mistake in them, and the mistake as it stands there.
pub fn with(mistake: Mistake, words: &Words, to: &Person, number: u64) -> (Words, String) {
    let mut rest = number;
    let other = || (1..).map(|step| Person::of(number.wrapping_add(step))).find(|other| other.first != to.first && other.company != to.company);
    match mistake {
        Mistake::WrongGreeting => {
            let wrong = format!("{},", other().map_or("Daniel", |other| other.first));
            (opening(words, &wrong), wrong)
        }
        Mistake::Placeholder => (opening(words, "Hi {{first_name}},"), "{{first_name}}".to_owned()),
        Mistake::Rude => added(words, pick(RUDE, &mut rest)),
        Mistake::ModelTalk => added(words, pick(MODEL_TALK, &mut rest)),
        Mistake::OtherIndustry => added(words, pick(OTHER_INDUSTRY, &mut rest)),
        Mistake::WrongSender => {
            let wrong = other().map_or_else(|| "Daniel Quinn".to_owned(), |other| format!("{}, {}", other.name(), other.company));
            (signed(words, &wrong), wrong)
        }
    }
}

/// Whether the mistake still stands in the words.
pub fn stands_in(wrong: &str, text: &str, html: Option<&str>) -> bool {
    let flat = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let wrong = flat(wrong);
    flat(text).contains(&wrong) || html.is_some_and(|html| flat(html).contains(&*escape(&wrong)))
}

/// The line that greets, where there is one.
fn greeting(text: &str) -> Option<&str> {
    let line = text.lines().map(str::trim).find(|line| !line.is_empty())?;
    let lower = line.to_lowercase();
    let greets = ["hi ", "hello ", "hey ", "dear "].iter().any(|word| lower.starts_with(word));
    (greets && line.ends_with(',') && line.len() <= 80).then_some(line)
}

fn opening(words: &Words, line: &str) -> Words {
    let text = words.text.as_deref().unwrap_or_default();
    match greeting(text) {
        Some(old) => swapped(words, old, line),
        None => Words {
            subject: words.subject.clone(),
            text: Some(format!("{line}\n\n{text}")),
            html: words.html.as_ref().map(|html| format!("<p>{}</p>\n{html}", escape(line))),
        },
    }
}

fn signed(words: &Words, name: &str) -> Words {
    const CLOSINGS: &[&str] = &["best", "kind", "warm", "regards", "cheers", "thanks", "thank you", "sincerely", "yours", "all the best"];
    let text = words.text.as_deref().unwrap_or_default().trim_end();
    let last = text.rsplit("\n\n").next().unwrap_or_default();
    let closes = CLOSINGS.iter().any(|word| last.to_lowercase().starts_with(word));
    match last.lines().last().filter(|line| closes && *line != last && line.len() <= 60) {
        // Only the very last occurrence is the signature, so the text is cut there by hand.
        Some(line) => Words {
            subject: words.subject.clone(),
            text: Some(format!("{}{name}", &text[..text.len() - line.len()])),
            html: words.html.as_ref().and_then(|html| {
                let old = escape(line);
                html.rfind(&*old).map(|at| format!("{}{}{}", &html[..at], escape(name), &html[at + old.len()..]))
            }),
        },
        None => Words {
            subject: words.subject.clone(),
            text: Some(format!("{text}\n\nBest wishes,\n{name}")),
            html: words.html.as_ref().map(|html| format!("{}\n<p>Best wishes,<br>{}</p>", html.trim_end(), escape(name))),
        },
    }
}

/// The same stretch replaced in both parts; HTML that does not hold it is made anew from the text.
fn swapped(words: &Words, old: &str, new: &str) -> Words {
    let escaped = escape(old);
    Words {
        subject: words.subject.clone(),
        text: words.text.as_ref().map(|text| text.replacen(old, new, 1)),
        html: words.html.as_ref().filter(|html| html.contains(&*escaped)).map(|html| html.replacen(&*escaped, &escape(new), 1)),
    }
}

/// A paragraph after the second one, or at the end of shorter mail.
fn added(words: &Words, sentence: &str) -> (Words, String) {
    let text = words.text.as_deref().unwrap_or_default().trim_end();
    let mut blocks: Vec<&str> = text.split("\n\n").collect();
    let at = blocks.len().min(2);
    blocks.insert(at, sentence);
    let html = words.html.as_ref().and_then(|html| {
        let (cut, _) = html.match_indices("</p>").nth(at - 1)?;
        let cut = cut + "</p>".len();
        Some(format!("{}\n<p>{}</p>{}", &html[..cut], escape(sentence), &html[cut..]))
    });
    (Words { subject: words.subject.clone(), text: Some(blocks.join("\n\n")), html }, sentence.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::messages::markup::from_text;

    fn words(text: &str) -> Words {
        Words { subject: "Sam, a word".into(), text: Some(text.into()), html: Some(from_text(text)) }
    }

    const LETTER: &str = "Hi Sam,\n\nSame as ever, Acme & Sons is missed. Write to sam.field@example.com.\n\nBest,\nMaya";

    #[test]
    fn a_copy_names_nobody_real() {
        let to = Person { first: "Vera", last: "Novak", company: "Alder & Finch" };
        let from = Recipient { name: Some("Sam Field"), company: Some("Acme & Sons"), email: "sam.field@example.com" };
        let copy = addressed_to(&words(LETTER), from, &to);
        let text = copy.text.unwrap();
        assert_eq!(text, "Hi Vera,\n\nSame as ever, Alder & Finch is missed. Write to vera.novak@alderfinch.example.com.\n\nBest,\nMaya");
        assert_eq!(copy.subject, "Vera, a word");
        assert_eq!(copy.html.unwrap(), from_text(&text));
    }

    #[test]
    fn each_mistake_stands_in_both_parts_until_it_is_taken_out() {
        let to = Person { first: "Sam", last: "Field", company: "Hollins" };
        for text in [LETTER, "Hello there."] {
            for mistake in Mistake::ALL {
                for number in 0..50 {
                    let (with, wrong) = with(*mistake, &words(text), &to, number);
                    let (made, html) = (with.text.unwrap(), with.html.unwrap());
                    assert!(stands_in(&wrong, &made, None) && stands_in(&wrong, "", Some(&html)), "{mistake} {number}: {made}\n{html}");
                    assert_eq!(html.trim(), from_text(&made).trim(), "{mistake} {number}");
                    assert!(!stands_in(&wrong, text, Some(&from_text(text))), "{mistake} {number}: {wrong}");
                }
            }
        }
    }

    #[test]
    fn there_are_many_people_and_none_of_them_can_be_reached() {
        let all: std::collections::HashSet<String> = (0..6912).map(|number| Person::of(number).address()).collect();
        assert_eq!(all.len(), 6912);
        assert!(all.iter().all(|address| address.ends_with(".example.com") && address.is_ascii()));
    }
}
