//! People who may be mailed: tags, facts about their subscription, and what forbids mailing them.

pub(in crate::domain) mod absence;
pub mod change;
pub mod conditions;
pub mod consents;
pub mod erase;
pub mod groups;
pub(in crate::domain) mod import;
pub mod journal;
pub(in crate::domain) mod made_up;
mod queries;
pub mod suppressions;

use std::collections::BTreeMap;

use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::clock::Time;
use crate::db::statement::{Statement, hold};
use crate::db::types::Json;
use crate::db::{Conn, transaction};
use crate::domain::actor::{Actor, Scope};
use crate::domain::audit::{self, Entry};
use crate::domain::email_address::EmailAddress;
use crate::domain::error::{Error, Result};
use crate::domain::ids::ContactId;
use crate::domain::{cohorts, facts, sequences, text, words};

use groups::Groups;

pub use consents::{Consent, ConsentBasis, has_consent, record_consent};
pub use queries::Search;

/// The contact tag that suppresses, and the one that ends a drip.
pub const UNSUBSCRIBED: &str = "unsubscribed";

/// Words of a search beyond these are not looked for.
const MOST_WORDS: usize = 50;

/// A row of `contacts`.
#[derive(Debug, Clone, Queryable, Insertable)]
#[diesel(table_name = crate::db::schema::contacts)]
pub struct ContactRow {
    /// Its id.
    pub id: ContactId,
    /// The address as given.
    pub email: String,
    /// The address as compared.
    pub email_key: String,
    /// The name.
    pub name: Option<String>,
    /// Whatever the caller keeps with them.
    pub metadata: Json<Map<String, Value>>,
    /// IANA name of their time zone.
    pub time_zone: Option<String>,
    /// When they were added.
    pub created_at: Time,
    /// When they were last changed.
    pub updated_at: Time,
    /// When they were erased. What is left then says nothing about anybody.
    pub erased_at: Option<Time>,
    /// Until when an automatic answer said that they are away.
    pub absent_until: Option<Time>,
}

/// A contact with what belongs to it.
#[derive(Debug, Clone)]
pub struct Contact {
    /// The row.
    pub row: ContactRow,
    /// The tags, sorted.
    pub tags: Vec<String>,
    /// The recorded grounds that hold.
    pub consents: Vec<Consent>,
    /// Why they must not be mailed, if so.
    pub suppressed: Option<suppressions::Suppression>,
}

/// What a caller says of a contact; absent fields stay as they are.
#[derive(Debug, Clone, Default)]
pub struct ContactInput {
    /// The address.
    pub email: String,
    /// The name.
    pub name: Option<String>,
    /// Tags to add; tags merge and never replace.
    pub tags: Vec<String>,
    /// Keys to set.
    pub metadata: Map<String, Value>,
    /// IANA name of their zone.
    pub time_zone: Option<String>,
}

/// Adds a contact or completes the one with this address.
pub fn upsert(conn: &mut Conn, actor: &Actor, input: &ContactInput, now: Time) -> Result<Contact> {
    actor.must_have(Scope::Contacts)?;
    let row = upsert_row(conn, actor, input, now)?;
    full(conn, row)
}

/// The same for callers that need only the row, such as intake and submission.
pub(in crate::domain) fn upsert_row(conn: &mut Conn, actor: &Actor, input: &ContactInput, now: Time) -> Result<ContactRow> {
    let email = EmailAddress::parse("email", &input.email)?;
    let name = text::optional_line("name", input.name.as_deref(), 200)?;
    let time_zone = text::optional_line("time_zone", input.time_zone.as_deref(), 64)?;
    check_metadata(&input.metadata)?;
    transaction(conn, |conn| {
        let completed = |row: &ContactRow| ContactRow {
            name: name.clone().or_else(|| row.name.clone()),
            time_zone: time_zone.clone().or_else(|| row.time_zone.clone()),
            metadata: Json::new(row.metadata.iter().chain(&input.metadata).map(|(key, value)| (key.clone(), value.clone())).collect()),
            ..row.clone()
        };
        let differs =
            |one: &ContactRow, other: &ContactRow| (&one.name, &one.time_zone, &*one.metadata) != (&other.name, &other.time_zone, &*other.metadata);
        let mut found = queries::by_email(conn, email.key())?;
        if let Some(row) = found.as_ref().filter(|row| differs(row, &completed(row))) {
            // What others wrote meanwhile stays, and an erasure is not undone.
            hold(conn, "contacts", row.id.as_str())?;
            found = queries::by_email(conn, email.key())?;
        }
        let row = match found {
            Some(was) => {
                let mut row = completed(&was);
                if differs(&row, &was) {
                    row.updated_at = now;
                    queries::update(conn, &row)?;
                    log(conn, actor, "contact.change", &row.id, json!({}), now)?;
                    facts::refresh(conn, &row.id, now)?;
                }
                row
            }
            None => {
                let row = ContactRow {
                    id: ContactId::new(),
                    email: email.as_str().to_owned(),
                    email_key: email.key().to_owned(),
                    name,
                    metadata: Json::new(input.metadata.clone()),
                    time_zone,
                    created_at: now,
                    updated_at: now,
                    erased_at: None,
                    absent_until: None,
                };
                erase::refuse(conn, email.key())?;
                queries::insert(conn, &row)?;
                log(conn, actor, "contact.add", &row.id, json!({}), now)?;
                journal::adopt(conn, &row)?;
                row
            }
        };
        add_tags_to(conn, actor, &row, &input.tags, now)?;
        Ok(row)
    })
}

fn check_metadata(metadata: &Map<String, Value>) -> Result<()> {
    let size = serde_json::to_string(metadata).map_or(0, |text| text.len());
    if size > 16 * 1024 {
        return Err(Error::invalid("field_invalid", "metadata", format!("metadata must be at most 16384 bytes; got {size}.")));
    }
    check_value("metadata", &Value::Object(metadata.clone()))
}

/// Refuses control characters anywhere inside a JSON value.
fn check_value(field: &str, value: &Value) -> Result<()> {
    match value {
        Value::String(text) => text::body(field, text, 16 * 1024).map(drop),
        Value::Array(items) => items.iter().try_for_each(|item| check_value(field, item)),
        Value::Object(map) => map.iter().try_for_each(|(key, item)| {
            text::line(field, key, 200)?;
            check_value(field, item)
        }),
        _ => Ok(()),
    }
}

/// Adds tags to a contact. The tag `unsubscribed` suppresses.
pub fn add_tags(conn: &mut Conn, actor: &Actor, id: &ContactId, tags: &[String], now: Time) -> Result<Contact> {
    actor.must_have(Scope::Contacts)?;
    transaction(conn, |conn| {
        let row = present(conn, id)?;
        add_tags_to(conn, actor, &row, tags, now)?;
        full(conn, row)
    })
}

pub(in crate::domain) fn add_tags_to(conn: &mut Conn, actor: &Actor, row: &ContactRow, tags: &[String], now: Time) -> Result<()> {
    if tags.len() > 100 {
        return Err(Error::invalid("field_invalid", "tags", format!("tags must be at most 100; got {}.", tags.len())));
    }
    let mut added = vec![];
    for tag in tags {
        let tag = text::tag(tag)?;
        if queries::add_tag(conn, &row.id, &tag)? {
            added.push(tag);
        }
    }
    if added.iter().any(|tag| tag == UNSUBSCRIBED) {
        suppressions::add(conn, actor, &row.email_key, suppressions::Reason::Unsubscribed, "contact tag", None, now)?;
    }
    if !added.is_empty() {
        log(conn, actor, "contact.tag", &row.id, json!({"tags": added}), now)?;
        cohorts::note_tags(conn, row, &added, &[], now)?;
        sequences::note_tags(conn, row, &added, now)?;
    }
    Ok(())
}

/// Takes a tag away. `unsubscribed` stays: only the recipient can undo an unsubscribe.
pub fn remove_tag(conn: &mut Conn, actor: &Actor, id: &ContactId, tag: &str, now: Time) -> Result<Contact> {
    actor.must_have(Scope::Contacts)?;
    if tag == UNSUBSCRIBED {
        return Err(Error::forbidden(
            "suppression_kept",
            "The tag \"unsubscribed\" cannot be taken away. Only the recipient can undo an unsubscribe.",
        ));
    }
    transaction(conn, |conn| {
        let row = present(conn, id)?;
        if queries::remove_tag(conn, &row.id, tag)? {
            log(conn, actor, "contact.untag", &row.id, json!({"tag": tag}), now)?;
            cohorts::note_tags(conn, &row, &[], &[tag.to_owned()], now)?;
        }
        full(conn, row)
    })
}

/// One contact.
pub fn get(conn: &mut Conn, actor: &Actor, id: &ContactId) -> Result<Contact> {
    actor.must_have(Scope::Read)?;
    if !actor.meets_tests() && queries::is_made_up(conn, id)? {
        return Err(Error::not_found("contact"));
    }
    let row = present(conn, id)?;
    full(conn, row)
}

/// A contact that was not erased.
fn present(conn: &mut Conn, id: &ContactId) -> Result<ContactRow> {
    queries::by_id(conn, id)?.filter(|row| row.erased_at.is_none()).ok_or_else(|| Error::not_found("contact"))
}

/// Those of many contacts that are there, by id or by the compared form of their address, in the order of their ids.
pub fn find_many(conn: &mut Conn, actor: &Actor, ids: &[ContactId], email_keys: &[String]) -> Result<Vec<Contact>> {
    actor.must_have(Scope::Read)?;
    let rows = queries::find_many(conn, ids, email_keys)?;
    complete(conn, rows)
}

/// The contact with this address.
pub fn by_address(conn: &mut Conn, actor: &Actor, address: &EmailAddress) -> Result<Option<ContactRow>> {
    actor.must_have(Scope::Read)?;
    Ok(queries::by_email(conn, address.key())?)
}

/// The contact with this address, as compared.
pub(in crate::domain) fn by_key(conn: &mut Conn, email_key: &str) -> Result<Option<ContactRow>> {
    Ok(queries::by_email(conn, email_key)?)
}

/// Whether the contact has the tag that suppresses.
pub(in crate::domain) fn has_left(conn: &mut Conn, id: &ContactId) -> Result<bool> {
    Ok(queries::has_tag(conn, id, UNSUBSCRIBED)?)
}

/// The real contact with this id, or with this address in its compared form. Nobody who is made up is one.
pub(in crate::domain) fn real(conn: &mut Conn, id_or_key: std::result::Result<&str, &str>) -> Result<Option<ContactId>> {
    let row = match id_or_key {
        Ok(id) => queries::by_id(conn, &ContactId::from(id))?,
        Err(key) => queries::by_email(conn, key)?,
    };
    match row {
        Some(row) if !queries::is_made_up(conn, &row.id)? => Ok(Some(row.id)),
        _ => Ok(None),
    }
}

/// How people call a contact: by address, or as what is left of an erased one.
pub fn name_of(conn: &mut Conn, id: &ContactId) -> Result<String> {
    let row = row(conn, id)?;
    Ok(if row.erased_at.is_some() { "somebody who was erased".to_owned() } else { row.email })
}

/// The row of a contact that another row refers to.
pub(in crate::domain) fn row(conn: &mut Conn, id: &ContactId) -> Result<ContactRow> {
    queries::by_id(conn, id)?.ok_or_else(|| Error::not_found("contact"))
}

/// The same, held until the transaction ends: two that write down what follows from it take turns.
pub(in crate::domain) fn held_row(conn: &mut Conn, id: &ContactId) -> Result<ContactRow> {
    queries::hold(conn, id)?;
    row(conn, id)
}

/// The search with its words as the index has them. None where there are only signs: they are in no index, so nothing is found by them.
fn parted(search: &Search) -> Option<Search> {
    let mut parted = words::of(&search.words.join(" "));
    if parted.is_empty() && !search.words.is_empty() {
        return None;
    }
    parted.truncate(MOST_WORDS);
    Some(Search { words: parted, ..search.clone() })
}

/// Finds contacts, newest first, with one more page marked by the returned cursor.
pub fn search(conn: &mut Conn, actor: &Actor, search: &Search) -> Result<(Vec<Contact>, Option<String>)> {
    let found = look(conn, actor, search, None)?;
    Ok((found.contacts, found.cursor))
}

/// What a look at some contacts found.
#[derive(Debug)]
pub struct Found {
    /// Contacts, newest first.
    pub contacts: Vec<Contact>,
    /// Where the next page starts; none on the last.
    pub cursor: Option<String>,
    /// Whether it looked at as many as it may before the page was full.
    pub is_cut_short: bool,
}

/// So many are looked at for a page that somebody waits for.
pub const MOST_LOOKED_AT: usize = 10_000;

/// The same, looking at no more than about `most`: where nearly everybody with one tag has another that is not wanted, a page may hold
/// fewer than its limit, or nobody, and the cursor goes on behind the last it looked at.
pub fn look(conn: &mut Conn, actor: &Actor, search: &Search, most: Option<usize>) -> Result<Found> {
    actor.must_have(Scope::Read)?;
    let Some(search) = parted(search) else { return Ok(Found { contacts: vec![], cursor: None, is_cut_short: false }) };
    let (mut rows, stopped) = queries::search(conn, &search, most)?;
    let is_full = rows.len() > search.limit;
    rows.truncate(search.limit);
    let last = if is_full { rows.last().map(|row| row.id.clone()) } else { stopped.clone() };
    let cursor = last.map(|id| id.as_str().to_owned());
    Ok(Found { contacts: complete(conn, rows)?, cursor, is_cut_short: stopped.is_some() })
}

/// How many a search finds, whatever its limit and its place.
pub(in crate::domain) fn count(conn: &mut Conn, search: &Search) -> Result<i64> {
    match parted(search) {
        Some(search) => Ok(queries::count(conn, &Search { before: None, ..search })?),
        None => Ok(0),
    }
}

/// The same where many need not be counted: how many up to `most`, and whether there are more.
pub(in crate::domain) fn count_up_to(conn: &mut Conn, search: &Search, most: usize) -> Result<(usize, bool)> {
    let Some(search) = parted(search) else { return Ok((0, false)) };
    let found = queries::count_up_to(conn, &Search { before: None, ..search }, most + 1)?;
    Ok((found.min(most), found > most))
}

/// Adds the condition that this column names somebody whom a search finds, whatever its limit and its place.
pub(in crate::domain) fn push_found(ask: &mut Statement, conn: &Conn, column: &str, search: &Search) {
    match parted(search) {
        Some(search) => {
            let all = queries::all_ids(conn, &Search { before: None, ..search });
            ask.push(format!("{column} IN (")).append(all).push(")");
        }
        None => drop(ask.push("1 = 0")),
    }
}

/// Whether a search finds this contact.
pub(in crate::domain) fn finds(conn: &mut Conn, search: &Search, row: &ContactRow) -> Result<bool> {
    if search.email_key.as_ref().is_some_and(|key| *key != row.email_key) {
        return Ok(false);
    }
    let Some(search) = parted(search) else { return Ok(false) };
    let alone = Search { email_key: Some(row.email_key.clone()), before: None, limit: 1, ..search };
    Ok(!queries::search(conn, &alone, None)?.0.is_empty())
}

/// The contact that a caller means, by id or by address.
#[derive(Debug, Clone, Default)]
pub struct Named {
    /// By id, or by address where it holds an @.
    pub contact: Option<String>,
    /// By address.
    pub email: Option<String>,
}

impl Named {
    /// By either, as callers give it.
    pub fn by(contact: Option<String>, email: Option<String>) -> Self {
        Named { contact, email }
    }
}

/// The contact that is meant. An address that is not known yet becomes a contact.
pub(in crate::domain) fn meant(conn: &mut Conn, actor: &Actor, named: &Named, now: Time) -> Result<ContactRow> {
    match one_of(named)? {
        Meant::Id(id) => known(conn, actor, &id),
        Meant::Address(email) => upsert_row(conn, actor, &ContactInput { email, ..ContactInput::default() }, now),
    }
}

/// The same for looking: nobody is added.
pub(in crate::domain) fn meant_among_known(conn: &mut Conn, actor: &Actor, named: &Named) -> Result<ContactRow> {
    match one_of(named)? {
        Meant::Id(id) => known(conn, actor, &id),
        Meant::Address(email) => {
            let email = EmailAddress::parse("email", &email)?;
            let row = queries::by_email(conn, email.key())?.ok_or_else(|| Error::not_found("contact"))?;
            known(conn, actor, &row.id)
        }
    }
}

enum Meant {
    Id(ContactId),
    Address(String),
}

fn one_of(named: &Named) -> Result<Meant> {
    match (named.contact.as_deref().map(str::trim), named.email.as_deref().map(str::trim)) {
        (Some(contact), None) if contact.contains('@') => Ok(Meant::Address(contact.to_owned())),
        (Some(contact), None) => Ok(Meant::Id(ContactId::from(contact))),
        (None, Some(email)) => Ok(Meant::Address(email.to_owned())),
        _ => Err(Error::invalid("field_invalid", "contact", "Give contact (an id) or email, one of the two.")),
    }
}

fn known(conn: &mut Conn, actor: &Actor, id: &ContactId) -> Result<ContactRow> {
    if !actor.meets_tests() && queries::is_made_up(conn, id)? {
        return Err(Error::not_found("contact"));
    }
    row(conn, id)
}

/// A page of contacts with what belongs to each.
pub(in crate::domain) fn of_ids(conn: &mut Conn, ids: &[ContactId]) -> Result<Vec<Contact>> {
    let rows = queries::by_ids(conn, ids)?;
    complete(conn, rows)
}

/// Tags that begin with this, in their order, at most `limit`.
pub(in crate::domain) fn tags_with(conn: &mut Conn, prefix: &str, limit: usize) -> Result<Vec<String>> {
    Ok(queries::tags_with(conn, prefix, limit)?)
}

/// The tags of a contact, sorted.
pub(in crate::domain) fn tags_of(conn: &mut Conn, id: &ContactId) -> Result<Vec<String>> {
    Ok(queries::tags_of(conn, std::slice::from_ref(id))?.into_iter().map(|(_, tag)| tag).collect())
}

/// The tags of a comma-separated list: those wanted, and those that a leading minus excludes.
pub fn split_tags(list: &str) -> (Vec<String>, Vec<String>) {
    let (without, with): (Vec<&str>, Vec<&str>) = list.split(',').map(str::trim).filter(|tag| !tag.is_empty()).partition(|tag| tag.starts_with('-'));
    let with = with.into_iter().map(str::to_owned).collect();
    (with, without.into_iter().map(|tag| tag.trim_start_matches('-').to_owned()).collect())
}

fn full(conn: &mut Conn, row: ContactRow) -> Result<Contact> {
    complete(conn, vec![row])?.pop().ok_or_else(|| Error::not_found("contact"))
}

/// Tags, consents and suppressions of many contacts in three queries.
fn complete(conn: &mut Conn, rows: Vec<ContactRow>) -> Result<Vec<Contact>> {
    if rows.is_empty() {
        return Ok(vec![]);
    }
    let ids: Vec<ContactId> = rows.iter().map(|row| row.id.clone()).collect();
    let mut tags: BTreeMap<ContactId, Vec<String>> = BTreeMap::new();
    for (id, tag) in queries::tags_of(conn, &ids)? {
        tags.entry(id).or_default().push(tag);
    }
    let mut consents: BTreeMap<ContactId, Vec<Consent>> = BTreeMap::new();
    for consent in consents::in_force(conn, &ids)? {
        consents.entry(consent.contact_id.clone()).or_default().push(consent);
    }
    let keys: Vec<String> = rows.iter().map(|row| row.email_key.clone()).collect();
    let mut suppressed = suppressions::of_many(conn, &keys)?;
    let groups = Groups::load(conn)?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let tags = tags.remove(&row.id).unwrap_or_default();
            let by_group = || groups.hold(&row.email_key, tags.iter().map(String::as_str)).cloned();
            Contact {
                consents: consents.remove(&row.id).unwrap_or_default(),
                suppressed: suppressed.remove(&row.email_key).or_else(by_group),
                tags,
                row,
            }
        })
        .collect())
}

/// A figure of use, such as 48210 "orders synced".
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageFigure {
    /// What was counted.
    pub label: String,
    /// How many.
    pub value: i64,
}

/// Facts about a contact's subscription.
#[derive(Debug, Clone, Queryable, Insertable, AsChangeset)]
#[diesel(table_name = crate::db::schema::customers, primary_key(contact_id))]
pub struct Customer {
    /// Whose.
    pub contact_id: ContactId,
    /// Where they work.
    pub company: Option<String>,
    /// Their plan.
    pub plan_name: Option<String>,
    /// Monthly recurring revenue in minor units.
    pub mrr_minor: Option<i64>,
    /// ISO 4217.
    pub currency: Option<String>,
    /// How long they were a customer, in days.
    pub tenure_days: Option<i32>,
    /// Features they used.
    pub features: Json<Vec<String>>,
    /// Figures of use.
    pub usage: Json<Vec<UsageFigure>>,
    /// When they were last active.
    pub last_active_at: Option<Time>,
    /// When this row was written.
    pub updated_at: Time,
}

/// Writes the facts about a contact's subscription.
pub fn put_customer(conn: &mut Conn, customer: &Customer) -> Result<()> {
    Ok(queries::put_customer(conn, customer)?)
}

/// The facts about a contact's subscription, where there are any.
pub fn customer(conn: &mut Conn, id: &ContactId) -> Result<Option<Customer>> {
    Ok(queries::customer(conn, id)?)
}

/// Notes that somebody was active; what is older than what is known changes nothing.
pub(in crate::domain) fn was_active(conn: &mut Conn, id: &ContactId, at: Time, now: Time) -> Result<()> {
    let known = queries::customer(conn, id)?;
    if known.as_ref().is_some_and(|known| known.last_active_at >= Some(at)) {
        return Ok(());
    }
    let mut customer = known.unwrap_or_else(|| Customer {
        contact_id: id.clone(),
        company: None,
        plan_name: None,
        mrr_minor: None,
        currency: None,
        tenure_days: None,
        features: Json::new(vec![]),
        usage: Json::new(vec![]),
        last_active_at: None,
        updated_at: now,
    });
    (customer.last_active_at, customer.updated_at) = (Some(at), now);
    queries::put_customer(conn, &customer)?;
    facts::refresh(conn, id, now)
}

fn log(conn: &mut Conn, actor: &Actor, action: &'static str, id: &ContactId, detail: Value, now: Time) -> Result<()> {
    audit::record(conn, actor, Entry { action, target_kind: "contact", target_id: id.as_str(), mailbox_id: None, detail }, now)
}
