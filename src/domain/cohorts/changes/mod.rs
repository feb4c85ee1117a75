//! What breaks for the contacts of a migration: found between two OpenAPI files, proposed as facts that a person reviews
//! before anything rests on them, and held against what customers were seen to use.

pub mod compare;
pub mod file;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use diesel::prelude::*;
use serde_json::{Value, json};

use crate::clock::Time;
use crate::db::types::Json;
use crate::db::{Conn, transaction};
use crate::domain::actor::{Actor, Scope};
use crate::domain::contacts::{self, ContactRow};
use crate::domain::error::{Error, Result};
use crate::domain::facts::{self, Body, MigrationChange};
use crate::domain::ids::{CohortId, ContactId, RowId};
use crate::domain::usage;

use super::{by_id, may_change, note, queries};
use compare::{Change, Compared, is_of};

/// How far back usage is looked at, in days.
pub const DAYS: i64 = 90;
/// Customers that are named.
pub const MOST_NAMED: usize = 200;
/// Names of usage that are looked at.
const MOST_NAMES: i64 = 5000;

/// A row of `cohort_comparisons`.
#[derive(Debug, Clone, Queryable, Insertable)]
#[diesel(table_name = crate::db::schema::cohort_comparisons)]
pub struct Comparison {
    /// Its id.
    pub id: RowId,
    /// Of which cohort.
    pub cohort_id: CohortId,
    /// The title and version of the old file.
    pub old_title: String,
    /// The title and version of the new file.
    pub new_title: String,
    /// What breaks.
    pub changes: Json<Vec<Change>>,
    /// Whether there is more than was kept.
    pub more: bool,
    /// How many facts were proposed; the others were there.
    pub proposed: i32,
    /// Who compared, by name.
    pub created_by: String,
    /// When.
    pub created_at: Time,
}

/// A customer whom changes hit.
#[derive(Debug, Clone)]
pub struct Hit {
    /// Who.
    pub contact: ContactRow,
    /// How often they used what changes, by operation.
    pub operations: BTreeMap<String, i64>,
}

impl Hit {
    /// How often in all.
    pub fn events(&self) -> i64 {
        self.operations.values().sum()
    }
}

/// Whom changes hit.
#[derive(Debug, Clone, Default)]
pub struct Hits {
    /// The customers who use most first, at most [`MOST_NAMED`].
    pub customers: Vec<Hit>,
    /// How many customers there are in all.
    pub total: usize,
    /// How many customers use each operation that changes.
    pub by_operation: BTreeMap<String, usize>,
}

/// Compares two OpenAPI files for a migration and proposes what breaks as facts.
pub fn look(conn: &mut Conn, actor: &Actor, id: &CohortId, old: &Value, new: &Value, now: Time) -> Result<Comparison> {
    may_change(actor)?;
    file::check("old", old)?;
    file::check("new", new)?;
    let Compared { changes, more } = compare::compare(old, new);
    transaction(conn, |conn| {
        let cohort = queries::held(conn, id)?.ok_or_else(|| Error::not_found("cohort"))?;
        let (old_title, new_title) = (title(old), title(new));
        let source = cut(&format!("{old_title} against {new_title}"), 300);
        let mut proposed = 0;
        for change in &changes {
            let body = Body::MigrationChange(MigrationChange {
                title: cut(&change.title(), 200),
                endpoint: Some(cut(&change.operation, 300)),
                field: change.place.as_deref().map(|place| cut(place, 300)),
                old: change.old.as_deref().map(|old| cut(old, 300)),
                new: change.new.as_deref().map(|new| cut(new, 300)),
                deadline: cohort.deadline.parse().ok(),
                url: cohort.guide_url.clone(),
                ..MigrationChange::default()
            });
            proposed += i32::from(facts::propose(conn, actor, body, &source, now)?);
        }
        let row = Comparison {
            id: RowId::new(),
            cohort_id: id.clone(),
            old_title,
            new_title,
            changes: Json::new(changes),
            more,
            proposed,
            created_by: actor.name().to_owned(),
            created_at: now,
        };
        queries::insert_comparison(conn, &row)?;
        note(conn, actor, "cohort.compare", &cohort, json!({"changes": row.changes.len(), "proposed": proposed}), now)?;
        Ok(row)
    })
}

/// "Shop API 1.4", from what a file says of itself.
fn title(file: &Value) -> String {
    let word = |field: &str| file["info"][field].as_str().unwrap_or_default().trim().to_owned();
    let said = format!("{} {}", word("title"), word("version"));
    match said.trim() {
        "" => "a file without a title".to_owned(),
        said => cut(said, 120),
    }
}

/// One line of at most so many characters, without what cannot be shown.
fn cut(given: &str, most: usize) -> String {
    let plain: String = given.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if plain.chars().count() > most { format!("{}…", plain.chars().take(most - 1).collect::<String>()) } else { plain }
}

/// The latest comparison of a migration, and whom its changes hit.
pub fn latest(conn: &mut Conn, actor: &Actor, id: &CohortId, now: Time) -> Result<Option<(Comparison, Hits)>> {
    actor.must_have(Scope::Read)?;
    by_id(conn, id)?;
    let Some(row) = queries::latest_comparison(conn, id)? else { return Ok(None) };
    let hits = hits(conn, &row.changes, now)?;
    Ok(Some((row, hits)))
}

/// Who was seen to use what changes. That an operation is only deprecated hits nobody yet, but its users should know.
fn hits(conn: &mut Conn, changes: &[Change], now: Time) -> Result<Hits> {
    let operations: BTreeSet<&str> = changes.iter().map(|change| change.operation.as_str()).collect();
    let since = now.plus_days(-DAYS).date().to_string();
    let mut of_name: HashMap<String, &str> = HashMap::new();
    for name in usage::names_of_calls(conn, &since, MOST_NAMES)? {
        if let Some(operation) = operations.iter().find(|operation| is_of(&name, operation)) {
            of_name.insert(name, operation);
        }
    }
    let mut by_contact: HashMap<ContactId, BTreeMap<String, i64>> = HashMap::new();
    for (contact, name, events) in usage::users_of(conn, &of_name.keys().cloned().collect::<Vec<_>>(), &since)? {
        let Some(operation) = of_name.get(&name) else { continue };
        *by_contact.entry(contact).or_default().entry((*operation).to_owned()).or_default() += events;
    }
    let mut found = Hits { total: by_contact.len(), ..Hits::default() };
    for used in by_contact.values() {
        for operation in used.keys() {
            *found.by_operation.entry(operation.clone()).or_default() += 1;
        }
    }
    let mut ranked: Vec<(ContactId, BTreeMap<String, i64>)> = by_contact.into_iter().collect();
    ranked.sort_by_key(|(id, used)| (std::cmp::Reverse(used.values().sum::<i64>()), id.clone()));
    ranked.truncate(MOST_NAMED);
    for (id, operations) in ranked {
        found.customers.push(Hit { contact: contacts::row(conn, &id)?, operations });
    }
    Ok(found)
}

impl Comparison {
    /// The changes by operation, in their order.
    pub fn by_operation(&self) -> Vec<(&str, Vec<&Change>)> {
        let mut all: Vec<(&str, Vec<&Change>)> = vec![];
        for change in self.changes.iter() {
            match all.iter_mut().find(|(operation, _)| *operation == change.operation) {
                Some((_, changes)) => changes.push(change),
                None => all.push((&change.operation, vec![change])),
            }
        }
        all
    }
}
