//! The words of a step, in the language of templates.

use std::collections::BTreeMap;

use crate::db::Conn;
use crate::domain::actor::Actor;
use crate::domain::contacts::ContactRow;
use crate::domain::error::{Error, Result};
use crate::domain::messages::content::LONGEST_SUBJECT;
use crate::domain::templates::language::{self, Target};
use crate::domain::templates::{Type, Variable};
use crate::domain::trials::MOST_VARIANTS;
use crate::domain::{templates, text};

use super::{FromTemplate, Step, Variant};

/// Longest body of a step, in characters.
const LONGEST_BODY: usize = 20_000;

/// Checks the steps; those of a template get the words of its version, which they are shown with.
pub(super) fn check_all(conn: &mut Conn, actor: &Actor, steps: &[Step]) -> Result<Vec<Step>> {
    let checked = |(at, step): (usize, &Step)| match &step.template {
        None => check(at, step),
        Some(from) => {
            let chosen = templates::chosen(conn, actor, &from.id, from.version)?;
            templates::refuse_lacking(&chosen.version, &from.values)?;
            let shown = Step { subject: SHOWN.to_owned(), body: SHOWN.to_owned(), ..step.clone() };
            let template = Some(FromTemplate { version: Some(chosen.version.version), ..from.clone() });
            Ok(Step { subject: chosen.version.subject, body: chosen.version.body, template, ..check(at, &shown)? })
        }
    };
    steps.iter().enumerate().map(checked).collect()
}

/// What stands for words that the check of a step need not look at, because their template was checked.
const SHOWN: &str = "-";

/// Checks a step; `at` is counted from 0.
fn check(at: usize, step: &Step) -> Result<Step> {
    let field = |name: &str| format!("steps[{at}].{name}");
    let (subject, body) = (field("subject"), field("body"));
    let checked = Step {
        subject: in_language(&subject, &text::required_line(&subject, &step.subject, LONGEST_SUBJECT)?)?,
        body: in_language(&body, &text::body(&body, &step.body, LONGEST_BODY)?)?,
        wait_days: step.wait_days,
        wait_business_days: step.wait_business_days,
        wait_business_hours: step.wait_business_hours,
        variants: step.variants.iter().enumerate().map(|(number, one)| variant(at, number, one)).collect::<Result<_>>()?,
        template: None,
    };
    if checked.body.trim().is_empty() {
        return Err(Error::invalid("field_invalid", &body, format!("{body} must be filled in; got nothing.")));
    }
    for (name, wait, most) in [
        ("wait_days", step.wait_days, 365),
        ("wait_business_days", step.wait_business_days, 260),
        ("wait_business_hours", step.wait_business_hours, 400),
    ] {
        if !(0..=most).contains(&wait) {
            let name = field(name);
            return Err(Error::invalid("field_invalid", &name, format!("{name} must be 0 to {most}; got {wait}.")));
        }
    }
    let shares: i32 = checked.variants.iter().map(|one| one.share).sum();
    if checked.variants.len() >= MOST_VARIANTS || shares > 99 {
        let name = field("variants");
        let detail =
            format!("{name} must be at most {}, and their shares together at most 99: the rest get the step's own words.", MOST_VARIANTS - 1);
        return Err(Error::invalid("field_invalid", &name, detail));
    }
    Ok(checked)
}

fn variant(at: usize, number: usize, one: &Variant) -> Result<Variant> {
    let field = |name: &str| format!("steps[{at}].variants[{number}].{name}");
    let (subject, body, share) = (field("subject"), field("body"), field("share"));
    let checked = Variant {
        subject: in_language(&subject, &text::required_line(&subject, &one.subject, LONGEST_SUBJECT)?)?,
        body: in_language(&body, &text::body(&body, &one.body, LONGEST_BODY)?)?,
        share: one.share,
    };
    if checked.body.trim().is_empty() {
        return Err(Error::invalid("field_invalid", &body, format!("{body} must be filled in; got nothing.")));
    }
    if !(1..=99).contains(&one.share) {
        return Err(Error::invalid("field_invalid", &share, format!("{share} must be 1 to 99; got {}.", one.share)));
    }
    Ok(checked)
}

/// What a step of its own words can be filled in with. Whoever has no name on record gets it only where the words ask for the name.
const PLACES: [&str; 2] = ["name", "email"];

/// The words in the language of templates. `{name}` and `{email}`, as sequences had them at first, are taken as the places they
/// stood for; any other `{word}` is refused, because it would be sent as it is.
fn in_language(field: &str, given: &str) -> Result<String> {
    let wrong = |detail: &str| Error::invalid("placeholder_unknown", field, format!("{detail} A step fills in {{{{ name }}}} and {{{{ email }}}}."));
    let mut words = String::with_capacity(given.len());
    let mut rest = given;
    while let Some(at) = rest.find('{') {
        let (before, behind) = rest.split_at(at);
        words.push_str(before);
        if let Some((_, close)) = [("{{", "}}"), ("{%", "%}")].into_iter().find(|(open, _)| behind.starts_with(open)) {
            let (tag, after) = behind.split_at(behind.find(close).map_or(behind.len(), |end| end + 2));
            words.push_str(tag);
            rest = after;
            continue;
        }
        let word = behind[1..].split_once('}').map(|(word, _)| word).filter(|word| is_word(word));
        match word {
            Some(place) if PLACES.contains(&place) => words.push_str(&format!("{{{{ {place} }}}}")),
            Some(other) => return Err(wrong(&format!("{field} holds \"{{{}}}\".", text::excerpt(other)))),
            None => words.push('{'),
        }
        rest = word.map_or(&behind[1..], |word| &behind[word.len() + 2..]);
    }
    words.push_str(rest);
    let variables = PLACES.map(|name| Variable { name: name.to_owned(), kind: Type::Text, optional: false, source: None });
    language::check(field, &words, &variables).map_err(|error| wrong(&error.detail))?;
    Ok(words)
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '.')
}

/// Subject and body for this contact. What was filled in is not looked at again.
pub(super) fn fill((subject, body): (&str, &str), contact: &ContactRow) -> Result<(String, String)> {
    let known = [("name", contact.name.clone()), ("email", Some(contact.email.clone()))];
    let values: BTreeMap<String, String> = known.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect();
    let filled = |field: &str, text: &str| {
        language::fill(field, text, &values, Target::Text).map_err(|error| match contact.name {
            Some(_) => error,
            None => Error::conflict(
                "name_missing",
                "The step greets by name, and this contact has none on record. Add the name to the contact first, or ask for it in the step: \
                 {% if name %}.",
            ),
        })
    };
    Ok((filled("subject", subject)?, filled("body", body)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(given: &str) -> Result<String> {
        in_language("body", given)
    }

    #[test]
    fn the_first_notation_becomes_that_of_templates() {
        for (given, kept) in [
            ("", ""),
            ("Hi {name}, {email}!", "Hi {{ name }}, {{ email }}!"),
            ("Hi {{ name }} of {{email}}", "Hi {{ name }} of {{email}}"),
            ("{%if name%}Hi {name}{%else%}Hi{%endif%}", "{%if name%}Hi {{ name }}{%else%}Hi{%endif%}"),
            ("é{name}{name}", "é{{ name }}{{ name }}"),
            ("{\"name\": {\"a\": 1}} } { name }", "{\"name\": {\"a\": 1}} } { name }"),
        ] {
            assert_eq!(taken(given).map_err(|error| error.detail).as_deref(), Ok(kept));
            assert_eq!(taken(kept).map_err(|error| error.detail).as_deref(), Ok(kept), "what is kept stays");
        }
        for wrong in ["{first_name}", "{{ first_name }}", "{{ name|upper }}", "{{ name", "{% if name %}", "{# a #}", "{{{name}}}", "a {contact.name}"]
        {
            assert_eq!(taken(wrong).map_err(|error| error.code), Err("placeholder_unknown"), "{wrong}");
        }
    }
}
