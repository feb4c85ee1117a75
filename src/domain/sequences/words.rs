//! The words of a step, and the two places in them that are filled in.

use crate::db::Conn;
use crate::domain::actor::Actor;
use crate::domain::contacts::ContactRow;
use crate::domain::error::{Error, Result};
use crate::domain::messages::content::LONGEST_SUBJECT;
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
        subject: text::required_line(&subject, &step.subject, LONGEST_SUBJECT)?,
        body: text::body(&body, &step.body, LONGEST_BODY)?,
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
    refuse_unknown(&subject, &checked.subject)?;
    refuse_unknown(&body, &checked.body)?;
    Ok(checked)
}

fn variant(at: usize, number: usize, one: &Variant) -> Result<Variant> {
    let field = |name: &str| format!("steps[{at}].variants[{number}].{name}");
    let (subject, body, share) = (field("subject"), field("body"), field("share"));
    let checked = Variant {
        subject: text::required_line(&subject, &one.subject, LONGEST_SUBJECT)?,
        body: text::body(&body, &one.body, LONGEST_BODY)?,
        share: one.share,
    };
    if checked.body.trim().is_empty() {
        return Err(Error::invalid("field_invalid", &body, format!("{body} must be filled in; got nothing.")));
    }
    if !(1..=99).contains(&one.share) {
        return Err(Error::invalid("field_invalid", &share, format!("{share} must be 1 to 99; got {}.", one.share)));
    }
    refuse_unknown(&subject, &checked.subject)?;
    refuse_unknown(&body, &checked.body)?;
    Ok(checked)
}

fn refuse_unknown(name: &str, text: &str) -> Result<()> {
    parts(text).try_for_each(|part| match part {
        Part::Unknown(word) => Err(Error::invalid(
            "placeholder_unknown",
            name,
            format!("{name} holds \"{}\". Only {{name}} and {{email}} are filled in; write no other braces.", text::excerpt(word)),
        )),
        _ => Ok(()),
    })
}

/// Subject and body for this contact. What was filled in is not looked at again.
pub(super) fn fill((subject, body): (&str, &str), contact: &ContactRow) -> Result<(String, String)> {
    let filled = |text: &str| -> Result<String> {
        parts(text)
            .map(|part| match part {
                Part::Text(text) | Part::Unknown(text) => Ok(text.to_owned()),
                Part::Email => Ok(contact.email.clone()),
                Part::Name => contact.name.clone().ok_or_else(|| {
                    Error::conflict(
                        "name_missing",
                        "The step greets by name, and this contact has none on record. Add the name to the contact first.",
                    )
                }),
            })
            .collect()
    };
    Ok((filled(subject)?, filled(body)?))
}

#[derive(Debug, PartialEq, Eq)]
enum Part<'t> {
    Text(&'t str),
    Name,
    Email,
    Unknown(&'t str),
}

fn parts(text: &str) -> impl Iterator<Item = Part<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let at = rest.find(['{', '}']);
        let (part, behind) = match at {
            _ if rest.is_empty() => return None,
            None => (Part::Text(rest), ""),
            Some(at) if at > 0 => (Part::Text(&rest[..at]), &rest[at..]),
            Some(_) => match (rest.strip_prefix("{name}"), rest.strip_prefix("{email}")) {
                (Some(behind), _) => (Part::Name, behind),
                (_, Some(behind)) => (Part::Email, behind),
                _ => {
                    let end = rest.find('}').map_or(rest.len(), |end| end + 1);
                    (Part::Unknown(&rest[..end]), &rest[end..])
                }
            },
        };
        rest = behind;
        Some(part)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_places_are_filled_and_other_braces_are_told() {
        let all = |text| parts(text).collect::<Vec<_>>();
        assert_eq!(all("Hi {name}, {email}!"), [Part::Text("Hi "), Part::Name, Part::Text(", "), Part::Email, Part::Text("!")]);
        assert_eq!(all("{{name}}"), [Part::Unknown("{{name}"), Part::Unknown("}")]);
        assert_eq!(all("é{first_name}"), [Part::Text("é"), Part::Unknown("{first_name}")]);
        assert_eq!(all("{open"), [Part::Unknown("{open")]);
        assert_eq!(all(""), []);
    }
}
