//! Facts: the versioned, content-hashed rows that a claim can rest on.
//!
//! Some are entered by people (product updates, offers, plan prices, links, migration
//! changes, facts about the company, stories); some are taken from a contact's record
//! and mail the moment a draft to them is checked. A version is never changed; what a
//! message rests on can always be shown as it was.

mod body;
mod contact;
pub mod fields;
pub(in crate::domain) mod import;
mod queries;
mod record;

use std::collections::HashMap;

use diesel::prelude::*;
use jiff::civil::Date;

use crate::clock::Time;
use crate::db::Conn;
use crate::db::types::Json;
use crate::domain::actor::{Actor, Scope};
use crate::domain::claims::links;
use crate::domain::error::{Error, Result};
use crate::domain::ids::{ContactId, FactId};
use crate::domain::text;
use crate::text_enum;

pub(in crate::domain) use body::web_address;
pub use body::{
    AllowedUrl, BLANK_BODIES, Body, CompanyFact, ContactField, CustomerStory, FieldValue, Kind, MigrationChange, Offer, PlanPrice, ProductUpdate,
    TicketQuote, day,
};
pub(in crate::domain) use contact::refresh;
pub use contact::{WITHHELD, note_tagged_departure, observe, withheld};
pub(in crate::domain) use record::propose;
pub use record::{accept, add, change, revoke};

text_enum!(
    /// Whether claims may rest on it.
    pub enum State {
        /// An agent entered it; a person has to accept it first.
        Proposed => "proposed",
        /// They may.
        Current => "current",
        /// It no longer holds.
        Revoked => "revoked",
    }
);

/// A fact as it is now.
#[derive(Debug, Clone, Queryable, Insertable)]
#[diesel(table_name = crate::db::schema::facts)]
pub struct Fact {
    /// Its id, the same for all versions.
    pub id: FactId,
    /// Its kind.
    pub kind: Kind,
    /// What makes it the same fact as one entered before.
    pub fact_key: String,
    /// Whose, where it is about one contact.
    pub contact_id: Option<ContactId>,
    /// The current version, from 1.
    pub version: i32,
    /// SHA-256 of the body.
    pub content_hash: String,
    /// The fact in words.
    pub label: String,
    /// What it says.
    pub body: Json<Body>,
    /// Where it comes from, in words.
    pub source: String,
    /// Whether claims may rest on it.
    pub state: State,
    /// Why it was revoked.
    pub state_reason: Option<String>,
    /// The day it is ordered by, as YYYY-MM-DD.
    pub day: Option<String>,
    /// Who wrote this version.
    pub recorded_by: String,
    /// When it was first entered.
    pub created_at: Time,
    /// When it last changed.
    pub updated_at: Time,
}

/// One version of a fact, never changed.
#[derive(Debug, Clone, Queryable, Insertable)]
#[diesel(table_name = crate::db::schema::fact_versions)]
pub struct Version {
    /// Of which fact.
    pub fact_id: FactId,
    /// The version, from 1.
    pub version: i32,
    /// SHA-256 of the body.
    pub content_hash: String,
    /// The fact in words.
    pub label: String,
    /// What it said.
    pub body: Json<Body>,
    /// Where it came from.
    pub source: String,
    /// Who wrote it.
    pub recorded_by: String,
    /// When.
    pub recorded_at: Time,
}

/// Which facts.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Of this kind.
    pub kind: Option<Kind>,
    /// In this state.
    pub state: Option<State>,
    /// About this contact; without it, those about nobody in particular.
    pub contact: Option<ContactId>,
    /// With these words.
    pub words: Option<String>,
    /// Continue after this one.
    pub after: Option<FactId>,
    /// At most so many.
    pub limit: usize,
}

/// A page of facts, newest first, and whether there are more.
pub fn list(conn: &mut Conn, actor: &Actor, filter: &Filter) -> Result<(Vec<Fact>, bool)> {
    actor.must_have(Scope::Read)?;
    let withheld = match &filter.contact {
        Some(contact) => contact::withheld(conn, actor, contact)?,
        None => vec![],
    };
    let mut rows = queries::list(conn, filter, withheld)?;
    let more = rows.len() > filter.limit;
    rows.truncate(filter.limit);
    Ok((rows, more))
}

/// One fact.
pub fn get(conn: &mut Conn, actor: &Actor, id: &FactId) -> Result<Fact> {
    actor.must_have(Scope::Read)?;
    known(conn, actor, id)?.ok_or_else(|| Error::not_found("fact"))
}

/// A fact, unless it is withheld from this actor.
fn known(conn: &mut Conn, actor: &Actor, id: &FactId) -> Result<Option<Fact>> {
    let Some(fact) = queries::by_id(conn, id)? else { return Ok(None) };
    let withheld = match &fact.contact_id {
        Some(contact) => contact::withheld(conn, actor, contact)?,
        None => vec![],
    };
    Ok((!withheld.contains(&fact.id)).then_some(fact))
}

/// All versions of a fact, newest first.
pub fn versions(conn: &mut Conn, actor: &Actor, id: &FactId) -> Result<Vec<Version>> {
    get(conn, actor, id)?;
    Ok(queries::versions(conn, id)?)
}

/// How many wait for a person to accept them.
pub fn count_proposed(conn: &mut Conn) -> Result<i64> {
    Ok(queries::count_proposed(conn)?)
}

/// A token that is another one after every change of the common facts.
pub fn revision(conn: &mut Conn) -> Result<String> {
    Ok(queries::revision(conn)?)
}

/// Every fact that is not about one contact, with the versions that are past.
pub fn common(conn: &mut Conn) -> Result<(Vec<Fact>, Vec<Version>)> {
    Ok((queries::common(conn)?, queries::common_past(conn)?))
}

/// The versions about this contact that are past.
pub fn past_of_contact(conn: &mut Conn, contact: &ContactId) -> Result<Vec<Version>> {
    Ok(queries::past_of_contact(conn, contact)?)
}

/// The product updates, newest first.
pub fn updates(conn: &mut Conn, limit: i64) -> Result<Vec<(FactId, ProductUpdate)>> {
    let rows = queries::of_kind(conn, Kind::ProductUpdate, State::Current, limit)?;
    Ok(rows
        .into_iter()
        .filter_map(|row| if let Body::ProductUpdate(update) = row.body.into_inner() { Some((row.id, update)) } else { None })
        .collect())
}

/// The offers that were not withdrawn, whether they are open or over.
pub fn offers(conn: &mut Conn) -> Result<Vec<(FactId, Offer)>> {
    let rows = queries::of_kind(conn, Kind::Offer, State::Current, 500)?;
    Ok(rows.into_iter().filter_map(|row| if let Body::Offer(offer) = row.body.into_inner() { Some((row.id, offer)) } else { None }).collect())
}

/// The plans, cheapest first.
pub fn plans(conn: &mut Conn) -> Result<Vec<(FactId, PlanPrice)>> {
    let rows = queries::of_kind(conn, Kind::PlanPrice, State::Current, 100)?;
    let mut plans: Vec<_> =
        rows.into_iter().filter_map(|row| if let Body::PlanPrice(plan) = row.body.into_inner() { Some((row.id, plan)) } else { None }).collect();
    plans.sort_by_key(|(_, plan)| plan.price.minor);
    Ok(plans)
}

/// The stories.
pub fn stories(conn: &mut Conn) -> Result<Vec<(FactId, CustomerStory)>> {
    let mut rows = queries::of_kind(conn, Kind::CustomerStory, State::Current, 200)?;
    rows.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(rows.into_iter().filter_map(|row| if let Body::CustomerStory(story) = row.body.into_inner() { Some((row.id, story)) } else { None }).collect())
}

/// Facts about the company by name.
pub fn company(conn: &mut Conn) -> Result<HashMap<String, String>> {
    let rows = queries::of_kind(conn, Kind::CompanyFact, State::Current, 500)?;
    Ok(rows
        .into_iter()
        .filter_map(|row| if let Body::CompanyFact(fact) = row.body.into_inner() { Some((fact.name, fact.value)) } else { None })
        .collect())
}

/// The hosts that recipients know: of the links that may stand in mail, and those the company names as its own.
pub fn trusted_hosts(conn: &mut Conn) -> Result<Vec<String>> {
    let allowed = queries::of_kind(conn, Kind::AllowedUrl, State::Current, 500)?;
    let links = allowed.into_iter().filter_map(|row| if let Body::AllowedUrl(link) = row.body.into_inner() { Some(link.url) } else { None });
    let own = company(conn)?.into_values().filter(|value| !value.contains(char::is_whitespace) && value.contains('.'));
    let host = |address: String| {
        let bare = address.split_once("://").map_or(address.as_str(), |(_, rest)| rest);
        let host = bare.split(['/', '?', '#', ':']).next().unwrap_or_default();
        host.rsplit_once('@').map_or(host, |(_, host)| host).to_lowercase()
    };
    Ok(links.chain(own).map(host).filter(|host| host.contains('.')).collect())
}

/// Whether an allowed link covers this address: the same one, or one that is below it where it ends with a star.
pub(in crate::domain) fn allows_link(conn: &mut Conn, url: &str) -> Result<bool> {
    let wanted = links::normal(url);
    let covers = |allowed: &str| match allowed.strip_suffix('*') {
        None => links::normal(allowed) == wanted,
        Some(above) => wanted.strip_prefix(&links::normal(above)).is_some_and(|below| below.is_empty() || below.starts_with(['/', '?', '#'])),
    };
    let allowed = queries::of_kind(conn, Kind::AllowedUrl, State::Current, 500)?;
    Ok(allowed.into_iter().any(|row| matches!(&*row.body, Body::AllowedUrl(link) if covers(&link.url))))
}

/// The offers whose budget is promised away.
pub fn spent_offers(conn: &mut Conn) -> Result<Vec<FactId>> {
    let mut spent = vec![];
    for (id, offer) in offers(conn)? {
        if is_promised_away(conn, &id, &offer)? {
            spent.push(id);
        }
    }
    Ok(spent)
}

fn is_promised_away(conn: &mut Conn, id: &FactId, offer: &Offer) -> Result<bool> {
    match &offer.budget {
        Some(budget) => Ok(queries::promised(conn, id, &budget.currency)? >= budget.minor),
        None => Ok(false),
    }
}

/// Whether the budget of this offer is promised away.
pub(in crate::domain) fn is_spent(conn: &mut Conn, id: &FactId) -> Result<bool> {
    match body_of(conn, id)? {
        Some(Body::Offer(offer)) => is_promised_away(conn, id, &offer),
        _ => Ok(false),
    }
}

/// Refuses ids of facts that do not exist or do not hold.
pub(in crate::domain) fn refuse_groundless(conn: &mut Conn, actor: &Actor, ids: &[FactId]) -> Result<()> {
    for id in ids {
        let state = known(conn, actor, id)?.map(|fact| fact.state);
        if state != Some(State::Current) {
            let is = state.map_or("not on record".to_owned(), |state| state.to_string());
            let id = text::excerpt(id.as_str());
            return Err(Error::invalid("field_invalid", "facts", format!("facts must name facts that hold; {id} is {is}.")));
        }
    }
    Ok(())
}

/// The versions of facts, by fact and version.
pub fn versions_of(conn: &mut Conn, ids: &[FactId]) -> Result<HashMap<(FactId, i32), Version>> {
    let rows = queries::versions_of(conn, ids)?;
    Ok(rows.into_iter().map(|row| ((row.fact_id.clone(), row.version), row)).collect())
}

/// What a fact says now, without asking who wants to know.
pub(in crate::domain) fn body_of(conn: &mut Conn, id: &FactId) -> Result<Option<Body>> {
    Ok(queries::by_id(conn, id)?.map(|fact| fact.body.into_inner()))
}

/// The day a body is ordered by, as text.
fn day_text(day: Option<Date>) -> Option<String> {
    day.map(|day| day.to_string())
}
