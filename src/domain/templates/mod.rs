//! Templates: words with typed places, in versions that never change, each approved by somebody other than its writer. What is
//! made from one goes through the gate like every message; without an approval it is held wherever a mode would let it out.

mod approve;
mod fill;
pub(in crate::domain) mod language;
mod queries;
mod send;
mod used;
mod values;

use diesel::prelude::*;
use serde_json::{Map, Value, json};

use crate::clock::Time;
use crate::db::types::Json;
use crate::db::{Conn, transaction};
use crate::domain::actor::{Actor, Scope};
use crate::domain::audit::{self, Entry};
use crate::domain::error::{Error, Result};
use crate::domain::ids::{TemplateId, TemplateVersionId};
use crate::domain::messages::content::LONGEST_SUBJECT;
use crate::domain::paging::Page;
use crate::domain::text;

pub(in crate::domain) use approve::{WITHDRAWN, withdrawn_among};
pub use approve::{approve, take_back_step, withdraw};
pub use fill::{Rendered, render};
pub(in crate::domain) use fill::{chosen, named, refuse_lacking, words_for};
pub use send::{Send, send};
pub(in crate::domain) use send::{is_approved, note};
pub use used::{Used, used};
pub use values::{MOST_VARIABLES, SOURCES, Source, Type, Variable};

/// Longest text and longest HTML of a template, in characters.
pub const LONGEST_SOURCE: usize = 20_000;
/// Most versions of one template.
const MOST_VERSIONS: i32 = 1000;

/// A row of `templates`.
#[derive(Debug, Clone, Queryable, Insertable)]
#[diesel(table_name = crate::db::schema::templates)]
pub struct Template {
    /// Its id.
    pub id: TemplateId,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub about: Option<String>,
    /// Since when nothing is made from it.
    pub archived_at: Option<Time>,
    /// Who made it, by name.
    pub created_by: String,
    /// When it was made.
    pub created_at: Time,
    /// When it got its newest version or was put away.
    pub updated_at: Time,
}

/// A row of `template_versions`. Its words never change.
#[derive(Debug, Clone, Queryable, Insertable)]
#[diesel(table_name = crate::db::schema::template_versions)]
pub struct Version {
    /// Its id.
    pub id: TemplateVersionId,
    /// Of which template.
    pub template_id: TemplateId,
    /// Its number, counted from 1.
    pub version: i32,
    /// The subject.
    pub subject: String,
    /// The plain text.
    pub body: String,
    /// The HTML; made from the text without it.
    pub html: Option<String>,
    /// The places that are filled in.
    pub variables: Json<Vec<Variable>>,
    /// What its writer says of it.
    pub note: Option<String>,
    /// Who wrote it: user or key.
    pub author_kind: String,
    /// Who wrote it.
    pub author_id: String,
    /// Who wrote it, by name.
    pub author_name: String,
    /// When it was written.
    pub created_at: Time,
    /// When it was approved.
    pub approved_at: Option<Time>,
    /// Who approved it, by name.
    pub approved_by: Option<String>,
    /// When the approval was withdrawn.
    pub withdrawn_at: Option<Time>,
    /// Who withdrew it, by name.
    pub withdrawn_by: Option<String>,
    /// Up to which message what was made from it is taken back; empty at the start, nothing once all of it is.
    pub taken_back_to: Option<String>,
}

impl Version {
    /// Its approval, as the audit log shows it.
    fn approval(&self) -> Value {
        json!({"version": self.version, "approved": self.is_approved(), "approved_by": self.approved_by, "withdrawn_by": self.withdrawn_by})
    }

    /// Whether messages made from it may leave without a decision of their own, where the mode lets them.
    pub fn is_approved(&self) -> bool {
        self.approved_at.is_some() && self.withdrawn_at.is_none()
    }

    /// Whether it has a variable of this name.
    pub(in crate::domain) fn knows(&self, name: &str) -> bool {
        self.variables.iter().any(|variable| variable.name == name)
    }

    /// Those of the values that it has a variable for.
    pub(in crate::domain) fn known(&self, values: &Map<String, Value>) -> Map<String, Value> {
        values.iter().filter(|(name, _)| self.knows(name)).map(|(name, value)| (name.clone(), value.clone())).collect()
    }

    /// Whether somebody wrote it.
    pub fn is_by(&self, actor: &Actor) -> bool {
        actor.is(&self.author_kind, &self.author_id)
    }
}

/// The words of a version to be written down.
#[derive(Debug, Clone, Default)]
pub struct NewVersion {
    /// The subject.
    pub subject: String,
    /// The plain text.
    pub body: String,
    /// The HTML.
    pub html: Option<String>,
    /// The places that are filled in.
    pub variables: Vec<Variable>,
    /// What its writer says of it.
    pub note: Option<String>,
}

impl NewVersion {
    /// The same, where all of it is in the language.
    fn check(&self) -> Result<NewVersion> {
        values::check(&self.variables)?;
        let checked = NewVersion {
            subject: text::required_line("subject", &self.subject, LONGEST_SUBJECT)?,
            body: text::body("body", &self.body, LONGEST_SOURCE)?,
            html: text::optional_body("html", self.html.as_deref(), LONGEST_SOURCE)?,
            variables: self.variables.clone(),
            note: text::optional_line("note", self.note.as_deref(), 300)?,
        };
        if checked.body.trim().is_empty() {
            return Err(Error::invalid("field_invalid", "body", "body must be filled in; got nothing."));
        }
        language::check("subject", &checked.subject, &checked.variables)?;
        language::check("body", &checked.body, &checked.variables)?;
        if let Some(html) = &checked.html {
            language::check("html", html, &checked.variables)?;
        }
        Ok(checked)
    }
}

/// A template with its versions, the newest first.
#[derive(Debug, Clone)]
pub struct Whole {
    /// The template.
    pub row: Template,
    /// Its versions.
    pub versions: Vec<Version>,
}

impl Whole {
    /// The version with this number.
    pub fn version(&self, number: i32) -> Option<&Version> {
        self.versions.iter().find(|version| version.version == number)
    }

    /// The newest version that is approved.
    pub fn approved(&self) -> Option<&Version> {
        self.versions.iter().find(|version| version.is_approved())
    }

    /// The one that is used where nobody names one: the newest approved, or the newest.
    pub fn usual(&self) -> Option<&Version> {
        self.approved().or(self.versions.first())
    }
}

/// Makes a template with its first version.
pub fn create(conn: &mut Conn, actor: &Actor, name: &str, about: Option<&str>, first: &NewVersion, now: Time) -> Result<Whole> {
    may_change(actor)?;
    let name = text::required_line("name", name, 100)?;
    let about = text::optional_line("about", about, 300)?;
    let first = first.check()?;
    transaction(conn, |conn| {
        if queries::by_name(conn, &name)?.is_some() {
            return Err(Error::conflict("name_taken", format!("There is a template named \"{}\" already. Take another name.", text::excerpt(&name))));
        }
        let row =
            Template { id: TemplateId::new(), name, about, archived_at: None, created_by: actor.name().to_owned(), created_at: now, updated_at: now };
        queries::insert(conn, &row)?;
        let version = version_of(actor, &row.id, 1, first, now);
        queries::insert_version(conn, &version)?;
        log(conn, actor, "template.add", &row.id, json!({"name": row.name, "version": 1}), now)?;
        Ok(Whole { row, versions: vec![version] })
    })
}

/// Writes down another version. Those before stay as they are, and so does what was approved.
pub fn add_version(conn: &mut Conn, actor: &Actor, id: &TemplateId, new: &NewVersion, now: Time) -> Result<Version> {
    may_change(actor)?;
    let new = new.check()?;
    transaction(conn, |conn| {
        // Two who write at the same time take turns.
        let mut row = queries::held(conn, id)?.ok_or_else(|| Error::not_found("template"))?;
        refuse_archived(&row)?;
        let number = queries::highest(conn, id)? + 1;
        if number > MOST_VERSIONS {
            return Err(Error::conflict("template_full", format!("A template has at most {MOST_VERSIONS} versions. Make another template.")));
        }
        let version = version_of(actor, id, number, new, now);
        queries::insert_version(conn, &version)?;
        row.updated_at = now;
        queries::update(conn, &row)?;
        // The words of both are on record, and neither changes.
        let detail = audit::changed(&json!({"version": number - 1}), &json!({"version": number}));
        log(conn, actor, "template.version", id, detail, now)?;
        Ok(version)
    })
}

/// Puts a template away, or takes it out again. Nothing is made from one that is away.
pub fn set_archived(conn: &mut Conn, actor: &Actor, id: &TemplateId, archived: bool, now: Time) -> Result<Whole> {
    may_change(actor)?;
    transaction(conn, |conn| {
        let mut row = queries::held(conn, id)?.ok_or_else(|| Error::not_found("template"))?;
        if row.archived_at.is_some() != archived {
            (row.archived_at, row.updated_at) = (archived.then_some(now), now);
            queries::update(conn, &row)?;
            let detail = audit::changed(&json!({"archived": !archived}), &json!({"archived": archived}));
            log(conn, actor, if archived { "template.archive" } else { "template.restore" }, id, detail, now)?;
        }
        get(conn, actor, id)
    })
}

/// The templates, newest first, each with the version that is used.
pub fn list(conn: &mut Conn, actor: &Actor, archived: bool, limit: usize, before: Option<&TemplateId>) -> Result<Page<Whole>> {
    actor.must_have(Scope::Read)?;
    let page = Page::cut(queries::list(conn, archived, limit, before)?, limit);
    let mut rows = vec![];
    for row in page.rows {
        let versions = queries::versions(conn, &row.id)?;
        rows.push(Whole { row, versions });
    }
    Ok(Page { rows, more: page.more })
}

/// One template with its versions.
pub fn get(conn: &mut Conn, actor: &Actor, id: &TemplateId) -> Result<Whole> {
    actor.must_have(Scope::Read)?;
    let row = queries::by_id(conn, id)?.ok_or_else(|| Error::not_found("template"))?;
    let versions = queries::versions(conn, id)?;
    Ok(Whole { row, versions })
}

fn version_of(actor: &Actor, template: &TemplateId, number: i32, new: NewVersion, now: Time) -> Version {
    Version {
        id: TemplateVersionId::new(),
        template_id: template.clone(),
        version: number,
        subject: new.subject,
        body: new.body,
        html: new.html,
        variables: Json::new(new.variables),
        note: new.note,
        author_kind: actor.kind().to_owned(),
        author_id: actor.id().to_owned(),
        author_name: actor.name().to_owned(),
        created_at: now,
        approved_at: None,
        approved_by: None,
        withdrawn_at: None,
        withdrawn_by: None,
        taken_back_to: None,
    }
}

fn refuse_archived(row: &Template) -> Result<()> {
    match row.archived_at {
        Some(_) => Err(Error::conflict("template_archived", "This template was put away. Take it out again first.")),
        None => Ok(()),
    }
}

fn may_change(actor: &Actor) -> Result<()> {
    actor.must_manage_or_have(Scope::Draft)
}

fn log(conn: &mut Conn, actor: &Actor, action: &'static str, id: &TemplateId, detail: Value, now: Time) -> Result<()> {
    audit::record(conn, actor, Entry { action, target_kind: "template", target_id: id.as_str(), mailbox_id: None, detail }, now)
}
