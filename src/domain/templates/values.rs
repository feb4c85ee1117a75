//! The typed places of a template: what each takes, where it comes from, and how it stands in words.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::domain::error::{Error, Result};
use crate::domain::money::Money;
use crate::domain::text;
use crate::text_enum;

use super::language;

/// Most variables of one template.
pub const MOST_VARIABLES: usize = 30;
/// Longest value, in characters.
const LONGEST_VALUE: usize = 500;

text_enum!(
    /// What a variable takes.
    pub enum Type {
        /// One line of text.
        Text => "text",
        /// A number, such as 12 or 12.5.
        Number => "number",
        /// An amount with its currency.
        Money => "money",
        /// A day.
        Date => "date",
        /// A web address that starts with https://.
        Url => "url",
    }
);

/// Where a value is taken from, for each recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// Their name.
    Name,
    /// Their address.
    Email,
    /// The name of their plan.
    Plan,
    /// What they pay a month.
    Mrr,
    /// Their link to recommend with, the newest of them.
    ReferralLink,
    /// A field of their record.
    Field(String),
}

/// A source as it is written, with what it is.
pub const SOURCES: [(&str, &str); 6] = [
    ("contact.name", "their name"),
    ("contact.email", "their address"),
    ("customer.plan", "the name of their plan"),
    ("customer.mrr", "what they pay a month"),
    ("referral.link", "their link to recommend with"),
    ("field.NAME", "the field NAME of their record"),
];

impl Source {
    /// Reads a source as it is written.
    pub fn parse(word: &str) -> Option<Source> {
        Some(match word {
            "contact.name" => Source::Name,
            "contact.email" => Source::Email,
            "customer.plan" => Source::Plan,
            "customer.mrr" => Source::Mrr,
            "referral.link" => Source::ReferralLink,
            other => Source::Field(other.strip_prefix("field.").filter(|name| !name.trim().is_empty() && name.len() <= 60)?.to_owned()),
        })
    }

    /// What it gives; a field of a record can be of any type.
    fn gives(&self) -> Option<Type> {
        match self {
            Source::Name | Source::Email | Source::Plan => Some(Type::Text),
            Source::Mrr => Some(Type::Money),
            Source::ReferralLink => Some(Type::Url),
            Source::Field(_) => None,
        }
    }
}

/// A typed place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Variable {
    /// Its name: lower-case letters, digits and underscores.
    pub name: String,
    /// What it takes.
    #[serde(rename = "type")]
    pub kind: Type,
    /// Whether it may be missing; then it stands only where it is asked for.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub optional: bool,
    /// Where it comes from, as a source is written; otherwise whoever writes the message gives it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

impl Variable {
    /// The source, read.
    pub fn recorded(&self) -> Option<Source> {
        self.source.as_deref().and_then(Source::parse)
    }

    /// The variable as a line: its name, its type, whether it may be missing, its source.
    pub fn in_line(&self) -> String {
        let mut line = format!("{} {}", self.name, self.kind);
        if self.optional {
            line.push_str(" optional");
        }
        if let Some(source) = &self.source {
            line.push_str(" from ");
            line.push_str(source);
        }
        line
    }

    /// Reads such a line.
    pub fn of_line(line: &str) -> Result<Variable> {
        let wrong = || {
            let detail = "must be lines of a name and a type, such as \"deadline date\", \"plan text optional\" or \"name text from contact.name\"";
            Error::invalid("field_invalid", "variables", format!("variables {detail}; got \"{}\".", text::excerpt(line)))
        };
        let words: Vec<&str> = line.split_whitespace().collect();
        let (name, kind, rest) = match words.as_slice() {
            [name, kind, rest @ ..] => ((*name).to_owned(), kind.parse().map_err(|_| wrong())?, rest),
            _ => return Err(wrong()),
        };
        let (optional, rest) = match rest {
            ["optional", rest @ ..] => (true, rest),
            rest => (false, rest),
        };
        let source = match rest {
            [] => None,
            ["from", source] => Some((*source).to_owned()),
            _ => return Err(wrong()),
        };
        Ok(Variable { name, kind, optional, source })
    }
}

/// Refuses variables that cannot be told apart or filled in.
pub(super) fn check(variables: &[Variable]) -> Result<()> {
    let wrong = |detail: String| Error::invalid("field_invalid", "variables", detail);
    if variables.len() > MOST_VARIABLES {
        return Err(wrong(format!("variables must be at most {MOST_VARIABLES}; got {}.", variables.len())));
    }
    for (place, variable) in variables.iter().enumerate() {
        let name = text::excerpt(&variable.name);
        if !language::is_name(&variable.name) {
            return Err(wrong(format!("A variable must be named with small letters, digits and underscores, at most 40; got \"{name}\".")));
        }
        if variables[..place].iter().any(|other| other.name == variable.name) {
            return Err(wrong(format!("There are two variables named {name}. Give each a name of its own.")));
        }
        let Some(source) = &variable.source else { continue };
        let all: Vec<&str> = SOURCES.iter().map(|(word, _)| *word).collect();
        let parsed = Source::parse(source)
            .ok_or_else(|| wrong(format!("The source of {name} must be one of {}; got \"{}\".", all.join(", "), text::excerpt(source))))?;
        if let Some(gives) = parsed.gives().filter(|gives| *gives != variable.kind) {
            return Err(wrong(format!("{name} must be of the type {gives}: that is what {source} gives.")));
        }
    }
    Ok(())
}

/// A value as it stands in words.
pub(super) fn in_words(variable: &Variable, value: &Value) -> Result<String> {
    let field = format!("values.{}", variable.name);
    let wrong =
        |expected: &str| Error::invalid("field_invalid", &field, format!("{field} must be {expected}; got {}.", text::excerpt(&value.to_string())));
    match variable.kind {
        Type::Text => {
            let given = value.as_str().ok_or_else(|| wrong("a text"))?;
            text::required_line(&field, given, LONGEST_VALUE)
        }
        Type::Number => number(value).ok_or_else(|| wrong("a number, such as 12 or 12.5")),
        Type::Money => money(value).map(|money| money.to_string()).ok_or_else(|| wrong("an amount, such as \"79.00 EUR\"")),
        Type::Date => {
            let day: Date = value.as_str().and_then(|day| day.trim().parse().ok()).ok_or_else(|| wrong("a day, such as 2026-04-30"))?;
            Ok(day.strftime("%-d %B %Y").to_string())
        }
        Type::Url => value.as_str().and_then(address).ok_or_else(|| wrong("a web address that starts with https:// and names nobody")),
    }
}

fn number(value: &Value) -> Option<String> {
    let text = match value {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.trim().to_owned(),
        _ => return None,
    };
    let (whole, rest) = text.strip_prefix('-').unwrap_or(&text).split_once('.').unwrap_or((text.strip_prefix('-').unwrap_or(&text), "0"));
    let digits = |part: &str, most: usize| (1..=most).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
    (digits(whole, 15) && digits(rest, 6)).then_some(text)
}

/// "79.00 EUR", or minor units with a currency.
fn money(value: &Value) -> Option<Money> {
    let currency = |word: &str| (word.len() == 3 && word.bytes().all(|byte| byte.is_ascii_alphabetic())).then(|| word.to_ascii_uppercase());
    match value {
        Value::String(text) => {
            let (amount, word) = text.trim().split_once(char::is_whitespace)?;
            Money::parse(amount, &currency(word.trim())?)
        }
        Value::Object(map) if map.len() == 2 => {
            Some(Money { minor: map.get("minor")?.as_i64()?, currency: currency(map.get("currency")?.as_str()?)? })
        }
        _ => None,
    }
}

fn address(given: &str) -> Option<String> {
    let url = url::Url::parse(given.trim()).ok()?;
    let fits = url.scheme() == "https" && url.has_host() && url.username().is_empty() && url.password().is_none();
    Some(url.to_string()).filter(|text| fits && text.len() <= LONGEST_VALUE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn said(kind: Type, value: &Value) -> Option<String> {
        in_words(&Variable { name: "v".into(), kind, optional: false, source: None }, value).ok()
    }

    #[test]
    fn values_are_of_their_type() {
        let fine = |kind, value: Value, words: &str| assert_eq!(said(kind, &value).as_deref(), Some(words), "{value}");
        fine(Type::Text, json!("  Ann "), "Ann");
        fine(Type::Number, json!(12), "12");
        fine(Type::Number, json!("-12.50"), "-12.50");
        fine(Type::Money, json!("79.00 eur"), "€79");
        fine(Type::Money, json!({"minor": 7950, "currency": "USD"}), "$79.50");
        fine(Type::Date, json!("2026-04-03"), "3 April 2026");
        fine(Type::Url, json!("https://example.com/a?b=c"), "https://example.com/a?b=c");
        for (kind, value) in [
            (Type::Text, json!(1)),
            (Type::Text, json!("")),
            (Type::Text, json!("a\nBcc: b")),
            (Type::Text, json!("a\u{0}")),
            (Type::Text, json!("x".repeat(501))),
            (Type::Number, json!("1e5")),
            (Type::Number, json!("NaN")),
            (Type::Number, json!("1,000")),
            (Type::Number, json!("")),
            (Type::Number, json!("--1")),
            (Type::Money, json!("79")),
            (Type::Money, json!(79)),
            (Type::Money, json!("79 EURO")),
            (Type::Money, json!({"minor": 1, "currency": "USD", "x": 1})),
            (Type::Date, json!("30.4.2026")),
            (Type::Date, json!("2026-02-30")),
            (Type::Url, json!("javascript:alert(1)")),
            (Type::Url, json!("http://example.com")),
            (Type::Url, json!("https://a:b@example.com")),
            (Type::Url, json!("https://")),
        ] {
            assert_eq!(said(kind, &value), None, "{kind} {value}");
        }
    }

    #[test]
    fn a_line_is_a_variable_and_back() {
        for line in ["deadline date", "plan text optional", "name text from contact.name", "seats number optional from field.seats"] {
            let variable = Variable::of_line(line).unwrap();
            assert_eq!((variable.in_line().as_str(), check(&[variable]).is_ok()), (line, true));
        }
        for wrong in ["", "name", "name word", "name text from", "name text maybe", "name text from contact.name and more"] {
            assert!(Variable::of_line(wrong).is_err(), "{wrong}");
        }
        for wrong in ["Name text", "if text", "a-b text", "x text from contact.secret", "x number from contact.name", "x text from field."] {
            assert!(check(&[Variable::of_line(wrong).unwrap()]).is_err(), "{wrong}");
        }
        let twice = Variable::of_line("a text").unwrap();
        assert!(check(&[twice.clone(), twice]).is_err());
    }
}
