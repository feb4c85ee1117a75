//! Cohorts: the contacts who have to move from one version to another by a day, and how far each is. Where somebody
//! stands is said by their tags, which agents and systems set.

pub mod board;
pub mod changes;
pub mod history;
pub mod plan;
mod queries;
pub mod rounds;

use diesel::prelude::*;
use jiff::civil::Date;
use serde_json::{Value, json};

use crate::clock::Time;
use crate::db::types::Json;
use crate::db::{Conn, transaction};
use crate::domain::actor::{Actor, Mailboxes, Scope};
use crate::domain::audit::{self, Entry};
use crate::domain::contacts::{self, Contact, ContactRow, Search};
use crate::domain::error::{Error, Result};
use crate::domain::ids::{CohortId, ContactId, FactId, SegmentId};
use crate::domain::paging::Page;
use crate::domain::{facts, segments, text, webhooks};
use crate::text_enum;

pub use plan::{Phase, Plan};
pub(in crate::domain) use rounds::{follow, used};

text_enum!(
    /// How far a contact is, in order.
    pub enum Progress {
        /// Nobody told them yet.
        Waiting => "waiting",
        /// They were told.
        Notified => "notified",
        /// They said that they know.
        Acknowledged => "acknowledged",
        /// They began.
        Started => "started",
        /// They are done.
        Complete => "complete",
    }
);

impl Progress {
    /// A name for people.
    pub fn label(self) -> &'static str {
        match self {
            Progress::Waiting => "Not told yet",
            Progress::Notified => "Notified",
            Progress::Acknowledged => "Acknowledged",
            Progress::Started => "Started",
            Progress::Complete => "Complete",
        }
    }

    /// The tag that says it, without the prefix of a cohort.
    pub fn tag(self) -> Option<&'static str> {
        match self {
            Progress::Waiting => None,
            Progress::Notified => Some("migration-notified"),
            Progress::Acknowledged => Some("migration-acknowledged"),
            Progress::Started => Some("migration-started"),
            Progress::Complete => Some("migration-complete"),
        }
    }
}

/// A row of `cohorts`.
#[derive(Debug, Clone, Queryable, Insertable)]
#[diesel(table_name = crate::db::schema::cohorts)]
pub struct Cohort {
    /// Its id.
    pub id: CohortId,
    /// Its name.
    pub name: String,
    /// Whose contacts they are; otherwise `tags` says.
    pub segment_id: Option<SegmentId>,
    /// Tags separated by commas; a leading minus excludes.
    pub tags: String,
    /// The last day, such as 2026-04-30.
    pub deadline: String,
    /// What they move from.
    pub from_version: String,
    /// What they move to.
    pub to_version: String,
    /// Where it is explained.
    pub guide_url: Option<String>,
    /// What stands before the tags of progress.
    pub tag_prefix: String,
    /// Who made it, by name.
    pub created_by: String,
    /// When it was made.
    pub created_at: Time,
    /// When it last changed.
    pub updated_at: Time,
    /// What is said to its contacts, and when.
    pub plan: Json<Plan>,
    /// The fact that its drafts rest on; none before the first draft.
    pub fact_id: Option<FactId>,
    /// A name that usage is counted by: whoever uses it has started.
    pub started_by_usage: Option<String>,
}

impl Cohort {
    /// The tag that says this of a contact of the cohort.
    pub fn tag(&self, progress: Progress) -> Option<String> {
        progress.tag().map(|tag| format!("{}{tag}", self.tag_prefix))
    }

    /// How far somebody with these tags is.
    pub fn standing(&self, tags: &[String]) -> Progress {
        let reached = |progress: &&Progress| self.tag(**progress).is_some_and(|tag| tags.contains(&tag));
        Progress::ALL.iter().rev().find(reached).copied().unwrap_or(Progress::Waiting)
    }

    /// Days until the deadline in UTC; negative after it.
    pub fn days_left(&self, now: Time) -> i64 {
        self.deadline.parse::<Date>().map_or(0, |deadline| Time::from_date(deadline).seconds_since(Time::from_date(now.date())) / 86_400)
    }
}

/// Somebody who has not started, and how far they are.
pub type Straggler = (Contact, Progress);

/// What a caller says of a cohort; what is absent stays as it is.
#[derive(Debug, Clone, Default)]
pub struct Input {
    /// Its name.
    pub name: Option<String>,
    /// Whose contacts they are; an empty text takes it away.
    pub segment_id: Option<String>,
    /// Tags separated by commas.
    pub tags: Option<String>,
    /// The last day.
    pub deadline: Option<String>,
    /// What they move from.
    pub from_version: Option<String>,
    /// What they move to.
    pub to_version: Option<String>,
    /// Where it is explained; an empty text takes it away.
    pub guide_url: Option<String>,
    /// What stands before the tags of progress.
    pub tag_prefix: Option<String>,
    /// A name that usage is counted by: whoever uses it has started; an empty text takes it away.
    pub started_by_usage: Option<String>,
    /// What is said to its contacts, and when.
    pub plan: Option<Plan>,
}

/// Makes a cohort.
pub fn create(conn: &mut Conn, actor: &Actor, input: &Input, now: Time) -> Result<Cohort> {
    may_change(actor)?;
    let empty = Cohort {
        id: CohortId::new(),
        name: String::new(),
        segment_id: None,
        tags: String::new(),
        deadline: String::new(),
        from_version: String::new(),
        to_version: String::new(),
        guide_url: None,
        tag_prefix: String::new(),
        created_by: actor.name().to_owned(),
        created_at: now,
        updated_at: now,
        plan: Json::new(Plan::default()),
        fact_id: None,
        started_by_usage: None,
    };
    transaction(conn, |conn| {
        let row = filled(conn, empty, input, now)?;
        queries::insert(conn, &row)?;
        note(conn, actor, "cohort.add", &row, shown(&row), now)?;
        Ok(row)
    })
}

/// Changes a cohort.
pub fn change(conn: &mut Conn, actor: &Actor, id: &CohortId, input: &Input, now: Time) -> Result<Cohort> {
    may_change(actor)?;
    transaction(conn, |conn| {
        let old = queries::held(conn, id)?.ok_or_else(|| Error::not_found("cohort"))?;
        let before = shown(&old);
        must_reach(conn, actor, id)?;
        let row = filled(conn, old, input, now)?;
        queries::update(conn, &row)?;
        rounds::keep_grounded(conn, actor, &row, now)?;
        note(conn, actor, "cohort.change", &row, audit::changed(&before, &shown(&row)), now)?;
        Ok(row)
    })
}

/// What is drafted in a mailbox is not for whoever does not reach it.
fn must_reach(conn: &mut Conn, actor: &Actor, id: &CohortId) -> Result<()> {
    let Mailboxes::These(within) = actor.mailboxes() else { return Ok(()) };
    if queries::rounds(conn, id)?.iter().all(|round| within.contains(&round.mailbox_id)) {
        return Ok(());
    }
    Err(Error::forbidden("reach_missing", "This migration is drafted in a mailbox that you do not reach. Ask whoever does."))
}

/// Removes a cohort. The tags of its contacts stay.
pub fn delete(conn: &mut Conn, actor: &Actor, id: &CohortId, now: Time) -> Result<()> {
    may_change(actor)?;
    transaction(conn, |conn| {
        let row = by_id(conn, id)?;
        must_reach(conn, actor, id)?;
        queries::delete_with_rounds(conn, id)?;
        history::forget(conn, id)?;
        note(conn, actor, "cohort.delete", &row, shown(&row), now)
    })
}

/// The cohorts, newest first.
pub fn list(conn: &mut Conn, actor: &Actor, limit: usize, before: Option<&CohortId>) -> Result<Page<Cohort>> {
    actor.must_have(Scope::Read)?;
    Ok(Page::cut(queries::list(conn, limit, before)?, limit))
}

/// One cohort.
pub fn get(conn: &mut Conn, actor: &Actor, id: &CohortId) -> Result<Cohort> {
    actor.must_have(Scope::Read)?;
    by_id(conn, id)
}

/// One cohort, and how many of its contacts are how far, in order.
pub fn progress(conn: &mut Conn, actor: &Actor, id: &CohortId, now: Time) -> Result<(Cohort, Vec<(Progress, i64)>)> {
    actor.must_have(Scope::Read)?;
    let row = by_id(conn, id)?;
    let members = members(conn, &row, 0, None, now)?;
    let mut counts = vec![];
    for (place, progress) in Progress::ALL.iter().enumerate() {
        let mut search = members.clone();
        search.tags.extend(row.tag(*progress));
        search.without_tags.extend(Progress::ALL[place + 1..].iter().filter_map(|further| row.tag(*further)));
        counts.push((*progress, contacts::count(conn, &search)?));
    }
    Ok((row, counts))
}

/// One cohort and its newest contact, to show what somebody would read.
pub fn sample(conn: &mut Conn, actor: &Actor, id: &CohortId, now: Time) -> Result<(Cohort, Option<Contact>)> {
    actor.must_have(Scope::Read)?;
    let row = by_id(conn, id)?;
    let search = members(conn, &row, 1, None, now)?;
    Ok((row, contacts::search(conn, actor, &search)?.0.pop()))
}

/// Contacts who have not started, newest first, each with how far they are, and the cursor of the next page.
pub fn stragglers(
    conn: &mut Conn,
    actor: &Actor,
    id: &CohortId,
    limit: usize,
    before: Option<ContactId>,
    now: Time,
) -> Result<(Cohort, Vec<Straggler>, Option<String>)> {
    actor.must_have(Scope::Read)?;
    let row = by_id(conn, id)?;
    let mut search = members(conn, &row, limit, before, now)?;
    search.without_tags.extend([Progress::Started, Progress::Complete].into_iter().filter_map(|progress| row.tag(progress)));
    let (found, cursor) = contacts::search(conn, actor, &search)?;
    let found = found.into_iter().map(|contact| (row.standing(&contact.tags), contact)).map(|(progress, contact)| (contact, progress)).collect();
    Ok((row, found, cursor))
}

/// Tells of a contact whose new or lost tags moved them in a cohort.
pub(in crate::domain) fn note_tags(conn: &mut Conn, contact: &ContactRow, added: &[String], removed: &[String], now: Time) -> Result<()> {
    let speaks = |tag: &String| Progress::ALL.iter().filter_map(|progress| progress.tag()).any(|known| tag.ends_with(known));
    if !added.iter().chain(removed).any(speaks) {
        return Ok(());
    }
    let tags = contacts::tags_of(conn, &contact.id)?;
    let before: Vec<String> = tags.iter().filter(|tag| !added.contains(tag)).chain(removed).cloned().collect();
    for cohort in queries::all(conn)? {
        let (from, to) = (cohort.standing(&before), cohort.standing(&tags));
        if from == to {
            continue;
        }
        let search = members(conn, &cohort, 1, None, now)?;
        if contacts::finds(conn, &search, contact)? {
            webhooks::migration_moved(conn, &cohort, contact, from, to, now)?;
        }
    }
    Ok(())
}

/// Whoever answers a message about their migration knows of it: the cohorts that told them say so from now on.
pub(in crate::domain) fn acknowledged(conn: &mut Conn, contact: &ContactRow, message_tags: &[String], now: Time) -> Result<()> {
    let tags = contacts::tags_of(conn, &contact.id)?;
    for cohort in queries::all(conn)? {
        let named =
            message_tags.iter().any(|tag| tag.contains("migration") || *tag == cohort.name || Some(tag) == cohort.tag(Progress::Notified).as_ref());
        if named
            && cohort.standing(&tags) == Progress::Notified
            && let Some(tag) = cohort.tag(Progress::Acknowledged)
        {
            contacts::add_tags_to(conn, &Actor::System("inbound mail"), contact, &[tag], now)?;
        }
    }
    Ok(())
}

fn members(conn: &mut Conn, row: &Cohort, limit: usize, before: Option<ContactId>, now: Time) -> Result<Search> {
    Ok(match &row.segment_id {
        Some(id) => segments::by_id(conn, id)?.search(limit, before, now),
        None => segments::search(&row.tags, "", false, limit, before),
    })
}

fn by_id(conn: &mut Conn, id: &CohortId) -> Result<Cohort> {
    queries::by_id(conn, id)?.ok_or_else(|| Error::not_found("cohort"))
}

/// The row with what was said of it, checked as a whole.
fn filled(conn: &mut Conn, old: Cohort, input: &Input, now: Time) -> Result<Cohort> {
    let line = |name: &str, given: &Option<String>, kept: &String| text::required_line(name, given.as_ref().unwrap_or(kept), 100);
    let segment_id = match input.segment_id.as_deref() {
        None => old.segment_id,
        Some("") => None,
        Some(id) => Some(segments::named(conn, &SegmentId::from(id))?),
    };
    let row = Cohort {
        name: line("name", &input.name, &old.name)?,
        tags: input.tags.as_deref().map_or(Ok(old.tags), segments::tag_list)?,
        deadline: facts::day("deadline", input.deadline.as_ref().unwrap_or(&old.deadline))?.to_string(),
        from_version: line("from_version", &input.from_version, &old.from_version)?,
        to_version: line("to_version", &input.to_version, &old.to_version)?,
        guide_url: match &input.guide_url {
            Some(given) => facts::web_address("guide_url", Some(given).filter(|given| !given.is_empty()).map(String::as_str))?,
            None => old.guide_url,
        },
        tag_prefix: match input.tag_prefix.as_deref() {
            None => old.tag_prefix,
            Some("") => String::new(),
            Some(prefix) => text::tag(text::line("tag_prefix", prefix, 50)?.as_str())?,
        },
        started_by_usage: match &input.started_by_usage {
            Some(given) => text::optional_line("started_by_usage", Some(given), 100)?,
            None => old.started_by_usage,
        },
        plan: input.plan.clone().map_or(Ok(old.plan), |plan| plan.check().map(Json::new))?,
        segment_id,
        updated_at: now,
        ..old
    };
    if row.segment_id.is_some() != row.tags.is_empty() {
        return Err(Error::invalid("field_invalid", "tags", "Say whose contacts they are: give tags or segment_id, one of the two."));
    }
    match queries::by_name(conn, &row.name)? {
        Some(other) if other.id != row.id => {
            Err(Error::conflict("name_taken", format!("There is a cohort named \"{}\" already. Take another name.", text::excerpt(&row.name))))
        }
        _ => Ok(row),
    }
}

fn may_change(actor: &Actor) -> Result<()> {
    actor.must_manage_or_have(Scope::Draft)
}

/// As the audit log shows it.
fn shown(row: &Cohort) -> Value {
    json!({
        "name": row.name,
        "segment_id": row.segment_id,
        "tags": row.tags,
        "deadline": row.deadline,
        "from_version": row.from_version,
        "to_version": row.to_version,
        "guide_url": row.guide_url,
        "tag_prefix": row.tag_prefix,
        "started_by_usage": row.started_by_usage,
        "plan": *row.plan,
    })
}

fn note(conn: &mut Conn, actor: &Actor, action: &'static str, row: &Cohort, detail: Value, now: Time) -> Result<()> {
    audit::record(conn, actor, Entry { action, target_kind: "cohort", target_id: row.id.as_str(), mailbox_id: None, detail }, now)
}
