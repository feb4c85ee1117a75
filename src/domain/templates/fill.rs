//! A version filled in for somebody: values from their record, and those that were given.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::db::Conn;
use crate::domain::actor::{Actor, Scope};
use crate::domain::contacts::{self, ContactRow, Named};
use crate::domain::error::{Error, Result};
use crate::domain::ids::{TemplateId, TemplateVersionId};
use crate::domain::messages::content::{CheckedWords, Words};
use crate::domain::referrals;
use crate::domain::text;

use super::language::{Target, fill};
use super::values::{Source, Type, Variable, in_words};
use super::{Version, get, queries, refuse_archived};

/// A version as somebody would read it.
#[derive(Debug, Clone)]
pub struct Rendered {
    /// The version.
    pub version: Version,
    /// The words, filled in and checked.
    pub words: CheckedWords,
}

/// A version that a message is to be made from.
#[derive(Debug, Clone)]
pub(in crate::domain) struct Chosen {
    /// The name of its template.
    pub name: String,
    /// The version.
    pub version: Version,
}

/// The version with this number, or the one that is used where nobody names one.
pub(in crate::domain) fn chosen(conn: &mut Conn, actor: &Actor, id: &TemplateId, number: Option<i32>) -> Result<Chosen> {
    let whole = get(conn, actor, id)?;
    refuse_archived(&whole.row)?;
    let version = match number {
        Some(number) => whole.version(number),
        None => whole.usual(),
    };
    let version = version.cloned().ok_or_else(|| Error::not_found("version"))?;
    Ok(Chosen { name: whole.row.name, version })
}

/// A version as somebody would read it, or without anybody with the given values alone.
pub fn render(
    conn: &mut Conn,
    actor: &Actor,
    id: &TemplateId,
    number: Option<i32>,
    who: Option<&Named>,
    values: &Map<String, Value>,
) -> Result<Rendered> {
    actor.must_have(Scope::Read)?;
    let whole = get(conn, actor, id)?;
    let version = number.map_or_else(|| whole.usual(), |number| whole.version(number)).cloned().ok_or_else(|| Error::not_found("version"))?;
    let contact = who.map(|who| contacts::meant_among_known(conn, actor, who)).transpose()?;
    let words = words_for(conn, &version, contact.as_ref(), None, values)?.check()?;
    Ok(Rendered { version, words })
}

/// The words for this contact; for an address that is no contact yet, the address is all that is known.
pub(in crate::domain) fn words_for(
    conn: &mut Conn,
    version: &Version,
    contact: Option<&ContactRow>,
    address: Option<&str>,
    given: &Map<String, Value>,
) -> Result<Words> {
    let values = gathered(conn, version, contact, address, given)?;
    Ok(Words {
        subject: fill("subject", &version.subject, &values, Target::Text)?,
        text: Some(fill("body", &version.body, &values, Target::Text)?),
        html: version.html.as_deref().map(|html| fill("html", html, &values, Target::Html)).transpose()?,
    })
}

fn gathered(
    conn: &mut Conn,
    version: &Version,
    contact: Option<&ContactRow>,
    address: Option<&str>,
    given: &Map<String, Value>,
) -> Result<BTreeMap<String, String>> {
    refuse_unknown(&version.variables, given)?;
    let mut values = BTreeMap::new();
    for variable in version.variables.iter() {
        let value = match variable.recorded() {
            Some(source) => recorded(conn, &source, variable.kind, contact, address)?,
            None => given.get(&variable.name).filter(|value| !value.is_null() && value.as_str() != Some("")).cloned(),
        };
        match value {
            Some(value) => drop(values.insert(variable.name.clone(), in_words(variable, &value)?)),
            None if variable.optional => {}
            None => return Err(missing(variable)),
        }
    }
    Ok(values)
}

/// What comes from the record is not given: that is what was approved.
fn refuse_unknown(variables: &[Variable], given: &Map<String, Value>) -> Result<()> {
    let wrong = |name: &str, why: String| Error::invalid("field_invalid", &format!("values.{}", text::excerpt(name)), why);
    given.keys().try_for_each(|name| match variables.iter().find(|variable| variable.name == *name) {
        Some(Variable { source: None, .. }) => Ok(()),
        Some(Variable { source: Some(source), .. }) => Err(wrong(name, format!("{name} is taken from {source}. Leave it out of values."))),
        None => Err(wrong(name, format!("The template has no variable \"{}\". Leave it out of values.", text::excerpt(name)))),
    })
}

/// Refuses what is the same for everybody where it does not fill in what comes from nobody's record.
pub(in crate::domain) fn refuse_lacking(version: &Version, given: &Map<String, Value>) -> Result<()> {
    refuse_unknown(&version.variables, given)?;
    for variable in version.variables.iter().filter(|variable| variable.source.is_none()) {
        match given.get(&variable.name) {
            Some(value) => drop(in_words(variable, value)?),
            None if variable.optional => {}
            None => return Err(missing(variable)),
        }
    }
    Ok(())
}

fn missing(variable: &Variable) -> Error {
    let name = &variable.name;
    match &variable.source {
        Some(source) => Error::invalid(
            "template_value_missing",
            name,
            format!("The template needs {name}, and {source} is not on record for this contact. Add it to their record."),
        ),
        None => Error::invalid("template_value_missing", name, format!("The template needs {name}, a {}. Give it in values.", variable.kind)),
    }
}

fn recorded(conn: &mut Conn, source: &Source, kind: Type, contact: Option<&ContactRow>, address: Option<&str>) -> Result<Option<Value>> {
    if *source == Source::Email {
        return Ok(contact.map(|contact| contact.email.as_str()).or(address).map(|email| json!(email)));
    }
    let Some(contact) = contact else { return Ok(None) };
    Ok(match source {
        Source::Name => contact.name.clone().map(Value::String),
        Source::Email => None,
        Source::Plan => contacts::customer(conn, &contact.id)?.and_then(|customer| customer.plan_name).map(Value::String),
        Source::Mrr => {
            let customer = contacts::customer(conn, &contact.id)?;
            let paid = customer.and_then(|customer| customer.mrr_minor.zip(customer.currency));
            paid.map(|(minor, currency)| json!({"minor": minor, "currency": currency}))
        }
        Source::ReferralLink => referrals::links_of(conn, &contact.id)?.pop().map(Value::String),
        Source::Field(name) => contact.metadata.get(name).filter(|value| !value.is_null()).map(|value| of_field(kind, value)),
    })
}

/// A text variable also takes a number of a record.
fn of_field(kind: Type, value: &Value) -> Value {
    match value {
        Value::Number(number) if kind == Type::Text => Value::String(number.to_string()),
        other => other.clone(),
    }
}

/// A version by its id, with the name of its template.
pub(in crate::domain) fn named(conn: &mut Conn, id: &TemplateVersionId) -> Result<(Version, String)> {
    let version = queries::version_by_id(conn, id)?.ok_or_else(|| Error::not_found("version"))?;
    let name = queries::by_id(conn, &version.template_id)?.map(|row| row.name).unwrap_or_default();
    Ok((version, name))
}
