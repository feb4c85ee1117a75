//! Where a contact comes from. Somebody whose data did not come from themselves reads in the first message where it did
//! (Regulation (EU) 2016/679, article 14(3)(b)).

use diesel::prelude::*;
use serde_json::json;

use crate::clock::Time;
use crate::db::{Conn, transaction};
use crate::domain::actor::{Actor, Scope};
use crate::domain::audit::{self, Entry};
use crate::domain::contacts::{self, ConsentBasis};
use crate::domain::error::{Error, Result};
use crate::domain::ids::{ContactId, ImportId};
use crate::domain::text;

use super::queries;

/// A row of `contact_sources`.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Insertable)]
#[diesel(table_name = crate::db::schema::contact_sources)]
pub struct Provenance {
    /// Whose.
    pub contact_id: ContactId,
    /// Where the data comes from, as the first message names it.
    pub source: String,
    /// Whether it came from somebody else than the person.
    pub elsewhere: bool,
    /// The import, where it came with one.
    pub import_id: Option<ImportId>,
    /// The name of its file, as it was given.
    pub file_name: Option<String>,
    /// The ground that was named for the whole of it.
    pub basis: Option<ConsentBasis>,
    /// When it was obtained.
    pub obtained_at: Time,
    /// Who recorded it, by name.
    pub recorded_by: String,
    /// When it was recorded.
    pub recorded_at: Time,
}

/// What a caller says of where a contact comes from.
#[derive(Debug, Clone)]
pub struct Input {
    /// Where the data comes from, in words that its person will read.
    pub source: String,
    /// Whether it came from somebody else than the person.
    pub elsewhere: bool,
    /// The ground that is named.
    pub basis: Option<ConsentBasis>,
    /// When it was obtained; now without it.
    pub obtained_at: Option<Time>,
}

/// Records where a contact comes from. What is on record stays for a key, so that no key can hide a source.
pub fn record(conn: &mut Conn, actor: &Actor, id: &ContactId, input: &Input, now: Time) -> Result<Provenance> {
    actor.must_have(Scope::Contacts)?;
    let row = Provenance {
        contact_id: id.clone(),
        source: text::required_line("source", &input.source, 200)?,
        elsewhere: input.elsewhere,
        import_id: None,
        file_name: None,
        basis: input.basis,
        obtained_at: input.obtained_at.unwrap_or(now),
        recorded_by: actor.name().to_owned(),
        recorded_at: now,
    };
    if row.obtained_at > now {
        return Err(Error::invalid("field_invalid", "obtained_at", "obtained_at must not lie in the future."));
    }
    transaction(conn, |conn| {
        contacts::get(conn, &Actor::System("provenance"), id)?;
        match queries::provenance(conn, id)? {
            Some(known) if (&known.source, known.elsewhere) == (&row.source, row.elsewhere) => return Ok(known),
            Some(_) if matches!(actor, Actor::Key { .. }) => {
                let detail = "Where this contact comes from is on record already. Only a person can change it.";
                return Err(Error::forbidden("person_required", detail));
            }
            Some(_) => actor.must_manage()?,
            None => {}
        }
        keep(conn, actor, &row, now)?;
        Ok(row)
    })
}

/// Notes the import that a contact came with, where nothing is on record.
pub(in crate::domain) fn note_import(conn: &mut Conn, actor: &Actor, id: &ContactId, import: &ImportId, file_name: &str, now: Time) -> Result<()> {
    if queries::provenance(conn, id)?.is_some() {
        return Ok(());
    }
    let row = Provenance {
        contact_id: id.clone(),
        source: "our customer records".to_owned(),
        elsewhere: false,
        import_id: Some(import.clone()),
        file_name: Some(file_name.to_owned()),
        basis: None,
        obtained_at: now,
        recorded_by: actor.name().to_owned(),
        recorded_at: now,
    };
    keep(conn, actor, &row, now)
}

fn keep(conn: &mut Conn, actor: &Actor, row: &Provenance, now: Time) -> Result<()> {
    queries::put_provenance(conn, row)?;
    let detail = json!({"source": row.source, "elsewhere": row.elsewhere, "import_id": row.import_id, "file_name": row.file_name});
    let target_id = row.contact_id.as_str();
    audit::record(conn, actor, Entry { action: "contact.source", target_kind: "contact", target_id, mailbox_id: None, detail }, now)
}

/// Where a contact comes from, where that is on record.
pub fn of(conn: &mut Conn, id: &ContactId) -> Result<Option<Provenance>> {
    Ok(queries::provenance(conn, id)?)
}

/// What a message to this contact must say of its source: all of them, until one was sent.
pub(in crate::domain) fn to_name(conn: &mut Conn, id: &ContactId) -> Result<Option<String>> {
    let Some(row) = queries::provenance(conn, id)?.filter(|row| row.elsewhere) else { return Ok(None) };
    if queries::was_mailed(conn, id)? {
        return Ok(None);
    }
    Ok(Some(format!("We have your address from {}.", row.source.trim_end_matches('.'))))
}
