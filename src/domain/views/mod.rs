//! Views of the queue that people keep: a name for a filter.

mod queries;

use diesel::prelude::*;
use serde_json::json;

use crate::clock::Time;
use crate::db::{Conn, transaction};
use crate::domain::actor::Actor;
use crate::domain::audit::{self, Entry};
use crate::domain::error::{Error, Result};
use crate::domain::ids::{UserId, ViewId};
use crate::domain::text;

/// How many views one person keeps.
pub const MOST: i64 = 50;

/// Longest name, in characters.
pub const LONGEST_NAME: usize = 60;

/// Longest filter, in bytes.
const LONGEST_QUERY: usize = 2000;

/// A view, as one person sees it.
#[derive(Debug, Clone)]
pub struct View {
    /// Its id.
    pub id: ViewId,
    /// Who keeps it.
    pub owner_id: UserId,
    /// Who keeps it, by name.
    pub owner_name: String,
    /// Its name.
    pub name: String,
    /// The filter, as the query of the queue's address.
    pub query: String,
    /// Whether everybody sees it.
    pub shared: bool,
    /// Whether whoever looks keeps it.
    pub mine: bool,
    /// Whether whoever looks may delete it.
    pub deletable: bool,
}

#[derive(Debug, Clone, Queryable, Insertable)]
#[diesel(table_name = crate::db::schema::saved_views)]
struct ViewRow {
    id: ViewId,
    owner_id: UserId,
    name: String,
    query: String,
    shared: bool,
    created_at: Time,
}

/// A view to be kept.
#[derive(Debug, Clone)]
pub struct NewView {
    /// Its name, at most [`LONGEST_NAME`] characters.
    pub name: String,
    /// The filter, as the query of the queue's address.
    pub query: String,
    /// Whether everybody sees it.
    pub shared: bool,
}

/// The actor's views by name, then those that others share.
pub fn list(conn: &mut Conn, actor: &Actor) -> Result<Vec<View>> {
    let me = person(actor)?;
    Ok(queries::seen_by(conn, me)?.into_iter().map(|(row, owner)| seen(actor, me, row, owner)).collect())
}

/// Keeps a view.
pub fn save(conn: &mut Conn, actor: &Actor, new: &NewView, now: Time) -> Result<ViewId> {
    let me = person(actor)?;
    let name = text::required_line("name", &new.name, LONGEST_NAME)?;
    let query = checked(&new.query)?;
    transaction(conn, |conn| {
        if queries::count_of(conn, me)? >= MOST {
            return Err(Error::conflict("views_full", format!("You keep {MOST} views already. Delete one that you no longer need.")));
        }
        refuse_second(conn, me, &name, None)?;
        let row = ViewRow { id: ViewId::new(), owner_id: me.clone(), name, query, shared: new.shared, created_at: now };
        queries::insert(conn, &row)?;
        record(conn, actor, "view.save", &row, now)?;
        Ok(row.id)
    })
}

/// Gives one of the actor's views another name, and shares it or no longer.
pub fn change(conn: &mut Conn, actor: &Actor, id: &ViewId, name: &str, shared: bool, now: Time) -> Result<()> {
    let me = person(actor)?;
    let name = text::required_line("name", name, LONGEST_NAME)?;
    transaction(conn, |conn| {
        let mut row = reached(conn, me, id)?;
        if row.owner_id != *me {
            return Err(Error::forbidden("not_yours", "Only who keeps this view may change it. Save one of your own."));
        }
        refuse_second(conn, me, &name, Some(id))?;
        queries::update(conn, id, &name, shared)?;
        (row.name, row.shared) = (name, shared);
        record(conn, actor, "view.change", &row, now)
    })
}

/// Deletes one of the actor's views; an administrator also one that somebody shares.
pub fn delete(conn: &mut Conn, actor: &Actor, id: &ViewId, now: Time) -> Result<()> {
    let me = person(actor)?;
    transaction(conn, |conn| {
        let row = reached(conn, me, id)?;
        if row.owner_id != *me && !actor.is_admin() {
            return Err(Error::forbidden("not_yours", "Only who keeps this view, or an administrator, may delete it."));
        }
        queries::delete(conn, id)?;
        record(conn, actor, "view.delete", &row, now)
    })
}

fn seen(actor: &Actor, me: &UserId, row: ViewRow, owner_name: String) -> View {
    let mine = row.owner_id == *me;
    View {
        deletable: mine || actor.is_admin(),
        mine,
        owner_name,
        id: row.id,
        owner_id: row.owner_id,
        name: row.name,
        query: row.query,
        shared: row.shared,
    }
}

fn person(actor: &Actor) -> Result<&UserId> {
    match actor {
        Actor::User { id, .. } => Ok(id),
        _ => Err(Error::forbidden("person_required", "Views belong to people. Sign in to keep one.")),
    }
}

/// A view of somebody else that is not shared is not there.
fn reached(conn: &mut Conn, me: &UserId, id: &ViewId) -> Result<ViewRow> {
    queries::by_id(conn, id)?.filter(|row| row.owner_id == *me || row.shared).ok_or_else(|| Error::not_found("view"))
}

fn refuse_second(conn: &mut Conn, me: &UserId, name: &str, except: Option<&ViewId>) -> Result<()> {
    match queries::named(conn, me, name)? {
        Some(other) if Some(&other) != except => {
            Err(Error::invalid("name_taken", "name", format!("You keep a view named \"{}\" already. Choose another name.", text::excerpt(name))))
        }
        _ => Ok(()),
    }
}

/// What the surface made of the filter: a query and nothing else, so that it can stand in a link.
fn checked(query: &str) -> Result<String> {
    let fits = query.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"=&%+-_.*~".contains(&byte));
    if query.len() > LONGEST_QUERY || !fits {
        return Err(Error::invalid(
            "field_invalid",
            "query",
            format!("This filter cannot be kept: it is longer than {LONGEST_QUERY} bytes or no filter."),
        ));
    }
    Ok(query.to_owned())
}

fn record(conn: &mut Conn, actor: &Actor, action: &'static str, row: &ViewRow, now: Time) -> Result<()> {
    // What was searched for may be somebody, and the log outlives an erasure.
    let detail = json!({"name": row.name, "shared": row.shared});
    audit::record(conn, actor, Entry { action, target_kind: "view", target_id: row.id.as_str(), mailbox_id: None, detail }, now)
}
