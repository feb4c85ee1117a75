//! Writing facts: enter, accept, change, revoke. Every change is a version, an audit
//! row, and a new look at whatever rests on the fact.

use serde_json::json;

use crate::clock::Time;
use crate::db::statement::hold;
use crate::db::types::Json;
use crate::db::{Conn, transaction};
use crate::domain::actor::{Actor, Scope};
use crate::domain::audit::{self, Entry};
use crate::domain::error::{Error, Result};
use crate::domain::ids::{ContactId, FactId, RowId};
use crate::domain::{churn, messages, text};

use super::{Body, Fact, Kind, State, Version, day_text, queries};

/// Enters a fact. What a person, the command line or a key with `admin` enters holds at
/// once; what another key enters is a proposal, or an agent could found its own claims.
/// A fact of the same key that was revoked comes back as a new version.
pub fn add(conn: &mut Conn, actor: &Actor, body: Body, source: Option<&str>, now: Time) -> Result<Fact> {
    let state = may_enter(actor)?;
    if !Kind::ENTERED.contains(&body.kind()) {
        return Err(Error::invalid(
            "field_invalid",
            "kind",
            format!("kind must be one that is entered by hand; {} comes from the contact.", body.kind()),
        ));
    }
    let body = body.check()?;
    let source = text::optional_line("source", source, 300)?.unwrap_or_else(|| format!("entered by {}", actor.name()));
    transaction(conn, |conn| match queries::by_key(conn, body.kind(), &body.key())? {
        Some(known) if known.state == State::Revoked && state == State::Current => write(conn, actor, known, body, &source, now),
        Some(known) => Err(exists(&known)),
        None => insert(conn, actor, None, body, &source, state, now),
    })
}

/// Enters a fact as a proposal, whoever found it: nothing rests on it before somebody accepts it. One of the same key that
/// is there already stays as it is; whether it was entered.
pub(in crate::domain) fn propose(conn: &mut Conn, actor: &Actor, body: Body, source: &str, now: Time) -> Result<bool> {
    may_enter(actor)?;
    let body = body.check()?;
    transaction(conn, |conn| match queries::by_key(conn, body.kind(), &body.key())? {
        Some(_) => Ok(false),
        None => insert(conn, actor, None, body, source, State::Proposed, now).map(|_| true),
    })
}

fn exists(known: &Fact) -> Error {
    let (code, what) = match known.kind {
        Kind::Offer => ("offer_exists", "an offer with this code"),
        Kind::ProductUpdate => ("fact_exists", "a product update with this title"),
        _ => ("fact_exists", "this fact"),
    };
    Error::conflict(code, format!("There is {what} already. Change that one, or choose another name.")).with_hint(format!("Its id is {}.", known.id))
}

/// Facts carry promises: keys may only propose them.
fn may_enter(actor: &Actor) -> Result<State> {
    if actor.must_manage().is_ok() {
        return Ok(State::Current);
    }
    actor.must_manage_or_have(Scope::Draft)?;
    Ok(State::Proposed)
}

fn must_settle(actor: &Actor) -> Result<()> {
    if matches!(actor, Actor::Key { .. }) && !actor.is_admin() {
        return Err(Error::forbidden("person_required", "Only a person can change, accept or revoke a fact. Propose a new one instead."));
    }
    actor.must_manage()
}

/// Makes a proposal hold.
pub fn accept(conn: &mut Conn, actor: &Actor, id: &FactId, now: Time) -> Result<Fact> {
    must_settle(actor)?;
    transaction(conn, |conn| {
        hold(conn, "facts", id.as_str())?;
        let fact = super::get(conn, actor, id)?;
        if fact.state != State::Proposed {
            return Err(Error::conflict("state_conflict", format!("The fact is {} and waits for nobody.", fact.state)));
        }
        queries::set_state(conn, id, State::Current, None, now)?;
        turn_page(conn)?;
        log(conn, actor, "fact.accept", &fact, json!({}), now)?;
        in_force(conn, &fact, now)?;
        super::get(conn, actor, id)
    })
}

/// Writes a new version of a fact. What rests on the old one is looked at again.
pub fn change(conn: &mut Conn, actor: &Actor, id: &FactId, body: Body, source: Option<&str>, now: Time) -> Result<Fact> {
    must_settle(actor)?;
    let source = text::optional_line("source", source, 300)?;
    transaction(conn, |conn| {
        hold(conn, "facts", id.as_str())?;
        let fact = super::get(conn, actor, id)?;
        if fact.kind != body.kind() || !Kind::ENTERED.contains(&fact.kind) {
            return Err(Error::invalid("field_invalid", "kind", format!("This fact is of kind {} and stays so.", fact.kind)));
        }
        let body = body.check()?;
        if let Some(other) = queries::by_key(conn, body.kind(), &body.key())?.filter(|other| other.id != fact.id) {
            return Err(exists(&other));
        }
        let source = source.unwrap_or_else(|| format!("entered by {}", actor.name()));
        write(conn, actor, fact, body, &source, now)
    })
}

/// Revokes a fact: no claim rests on it from now on.
pub fn revoke(conn: &mut Conn, actor: &Actor, id: &FactId, reason: &str, now: Time) -> Result<Fact> {
    must_settle(actor)?;
    let reason = text::required_line("reason", reason, 300)?;
    transaction(conn, |conn| {
        hold(conn, "facts", id.as_str())?;
        let fact = super::get(conn, actor, id)?;
        if fact.state == State::Revoked {
            return Err(Error::conflict("state_conflict", "The fact is revoked already."));
        }
        queries::set_state(conn, id, State::Revoked, Some(&reason), now)?;
        turn_page(conn)?;
        log(conn, actor, "fact.revoke", &fact, json!({"reason": reason}), now)?;
        messages::recall::fact_changed(conn, actor, id, &format!("A fact it rests on was revoked: {}", fact.label), now)?;
        super::get(conn, actor, id)
    })
}

pub(super) fn insert(conn: &mut Conn, actor: &Actor, contact: Option<&ContactId>, body: Body, source: &str, state: State, now: Time) -> Result<Fact> {
    let fact = Fact {
        id: FactId::new(),
        kind: body.kind(),
        fact_key: key(contact, &body),
        contact_id: contact.cloned(),
        version: 1,
        content_hash: body.hash(),
        label: body.label(),
        day: day_text(body.day()),
        body: Json::new(body),
        source: source.to_owned(),
        state,
        state_reason: None,
        recorded_by: actor.name().to_owned(),
        created_at: now,
        updated_at: now,
    };
    queries::insert(conn, &fact)?;
    queries::insert_version(conn, &version_of(&fact))?;
    if state == State::Current {
        in_force(conn, &fact, now)?;
    }
    // What is taken from a contact's record is logged where that record changes.
    if contact.is_none() {
        turn_page(conn)?;
        let action = if state == State::Proposed { "fact.propose" } else { "fact.add" };
        log(conn, actor, action, &fact, json!({"kind": fact.kind, "label": fact.label, "content_hash": fact.content_hash}), now)?;
    }
    Ok(fact)
}

/// A new version, unless nothing changed.
pub(super) fn write(conn: &mut Conn, actor: &Actor, mut fact: Fact, body: Body, source: &str, now: Time) -> Result<Fact> {
    let hash = body.hash();
    if hash == fact.content_hash && fact.state == State::Current {
        return Ok(fact);
    }
    let before = std::mem::replace(&mut fact.label, body.label());
    fact.version += 1;
    fact.fact_key = key(fact.contact_id.as_ref(), &body);
    fact.content_hash = hash;
    fact.day = day_text(body.day());
    fact.body = Json::new(body);
    source.clone_into(&mut fact.source);
    fact.state = State::Current;
    fact.state_reason = None;
    actor.name().clone_into(&mut fact.recorded_by);
    fact.updated_at = now;
    queries::update(conn, &fact)?;
    queries::insert_version(conn, &version_of(&fact))?;
    if fact.contact_id.is_none() {
        turn_page(conn)?;
    }
    log(conn, actor, "fact.change", &fact, json!({"before": before, "after": fact.label, "version": fact.version}), now)?;
    messages::recall::fact_changed(conn, actor, &fact.id, &format!("A fact it rests on changed: {before} is now {}", fact.label), now)?;
    Ok(fact)
}

/// A product update that comes into force has customers to be told.
fn in_force(conn: &mut Conn, fact: &Fact, now: Time) -> Result<()> {
    match &*fact.body {
        Body::ProductUpdate(update) => churn::shipping::shipped(conn, &fact.id, update, now),
        _ => Ok(()),
    }
}

pub(super) fn key(contact: Option<&ContactId>, body: &Body) -> String {
    match contact {
        Some(contact) => format!("{contact}:{}", body.key()),
        None => body.key(),
    }
}

fn version_of(fact: &Fact) -> Version {
    Version {
        fact_id: fact.id.clone(),
        version: fact.version,
        content_hash: fact.content_hash.clone(),
        label: fact.label.clone(),
        body: fact.body.clone(),
        source: fact.source.clone(),
        recorded_by: fact.recorded_by.clone(),
        recorded_at: fact.updated_at,
    }
}

/// A fresh token, so that a change that is rolled back never looks like one that holds.
fn turn_page(conn: &mut Conn) -> Result<()> {
    Ok(queries::set_revision(conn, RowId::new().as_str())?)
}

fn log(conn: &mut Conn, actor: &Actor, action: &'static str, fact: &Fact, detail: serde_json::Value, now: Time) -> Result<()> {
    audit::record(conn, actor, Entry { action, target_kind: "fact", target_id: fact.id.as_str(), mailbox_id: None, detail }, now)
}
