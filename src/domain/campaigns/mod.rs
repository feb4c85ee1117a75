//! Campaigns: what the messages with one label are for, how many there are in which state, and the switch
//! that keeps them from leaving.

pub mod counts;
mod outcomes;
pub mod overview;
mod queries;
pub mod rounds;
pub mod variants;

use std::collections::HashSet;

use diesel::prelude::*;
use serde_json::{Value, json};

use crate::clock::Time;
use crate::db::statement::hold;
use crate::db::types::Json;
use crate::db::{Conn, transaction};
use crate::domain::actor::{Actor, Scope};
use crate::domain::audit::{self, Entry};
use crate::domain::error::{Error, Result};
use crate::domain::ids::{CampaignId, MailboxId, MessageId, SegmentId, TopicId};
use crate::domain::mailboxes::{self, Mode};
use crate::domain::outbox::hold_dots;
use crate::domain::paging::Page;
use crate::domain::preferences::topics;
use crate::domain::trials::Measure;
use crate::domain::{messages, segments, text};
use crate::text_enum;

pub use counts::Numbers;
pub use outcomes::Outcome;
pub use variants::Variant;

text_enum!(
    /// What a campaign is for.
    pub enum Kind {
        /// Customers who left.
        Winback => "winback",
        /// Customers who have to move to something new.
        Migration => "migration",
        /// Customers who are asked to recommend.
        Referral => "referral",
        /// Steps over time.
        Drip => "drip",
        /// News for many.
        Announcement => "announcement",
        /// Questions to customers.
        Feedback => "feedback",
    }
);

impl Kind {
    /// A name for people.
    pub fn label(self) -> &'static str {
        match self {
            Kind::Winback => "Win-back",
            Kind::Migration => "Migration",
            Kind::Referral => "Referral",
            Kind::Drip => "Drip",
            Kind::Announcement => "Announcement",
            Kind::Feedback => "Feedback",
        }
    }

    /// The mode that its mailbox should have.
    pub fn recommended_mode(self) -> Mode {
        match self {
            Kind::Winback | Kind::Announcement | Kind::Feedback => Mode::GatedSend,
            Kind::Migration => Mode::GatedAll,
            Kind::Referral => Mode::Autonomous,
            Kind::Drip => Mode::Monitored,
        }
    }
}

/// What a message in the outbox waits for while its campaign is stopped.
pub(in crate::domain) const WAITS_FOR: &str = "its campaign, which is stopped";
/// How long such a message is left alone before it is looked at again, in seconds.
pub(in crate::domain) const LOOK_AGAIN_SECONDS: i64 = 3600;

/// A row of `campaigns`.
#[derive(Debug, Clone, Queryable, Insertable)]
#[diesel(table_name = crate::db::schema::campaigns)]
pub struct Campaign {
    /// Its id.
    pub id: CampaignId,
    /// The label that its messages carry. It never changes.
    pub name: String,
    /// What it is for.
    pub kind: Kind,
    /// What it should achieve.
    pub goal: Option<String>,
    /// Whom it is for.
    pub segment_id: Option<SegmentId>,
    /// Where it leaves from.
    pub mailbox_id: Option<MailboxId>,
    /// Since when nothing of it leaves.
    pub stopped_at: Option<Time>,
    /// Who stopped it, by name.
    pub stopped_by: Option<String>,
    /// Since when it is put away.
    pub archived_at: Option<Time>,
    /// Who made it, by name.
    pub created_by: String,
    /// When it was made.
    pub created_at: Time,
    /// When it last changed.
    pub updated_at: Time,
    /// The topic of its messages.
    pub topic_id: Option<TopicId>,
    /// Variants of its messages that are compared.
    pub variants: Json<Vec<Variant>>,
    /// By what they are measured.
    pub measure: Measure,
    /// Whether a winner gets more by itself.
    pub shifts: bool,
}

impl Campaign {
    /// What of it people change, as the audit log shows it.
    fn shown(&self) -> Value {
        json!({
            "goal": self.goal,
            "segment_id": self.segment_id,
            "mailbox_id": self.mailbox_id,
            "topic_id": self.topic_id,
            "archived": self.archived_at.is_some(),
        })
    }

    /// What of it is compared, as the audit log shows it.
    fn comparison(&self) -> Value {
        json!({"variants": *self.variants, "measure": self.measure, "shifts": self.shifts})
    }
}

/// The switch of a campaign that was turned, as the audit log shows it.
fn stopped(is: bool) -> Value {
    audit::changed(&json!({"stopped": !is}), &json!({"stopped": is}))
}

/// A campaign to be made.
#[derive(Debug, Clone)]
pub struct NewCampaign {
    /// The label.
    pub name: String,
    /// What it is for.
    pub kind: Kind,
    /// What it should achieve.
    pub goal: Option<String>,
    /// Whom it is for.
    pub segment_id: Option<SegmentId>,
    /// Where it leaves from, by address or id.
    pub mailbox: Option<String>,
    /// The topic of its messages, by name or id.
    pub topic: Option<String>,
}

/// What is to change; what is absent stays, and an empty text takes away.
#[derive(Debug, Clone, Default)]
pub struct Change {
    /// What it should achieve.
    pub goal: Option<String>,
    /// Whom it is for.
    pub segment_id: Option<String>,
    /// Where it leaves from, by address or id.
    pub mailbox: Option<String>,
    /// The topic of its messages, by name or id.
    pub topic: Option<String>,
    /// Whether it is put away.
    pub archived: Option<bool>,
}

/// Makes a campaign. Messages that carry its name already belong to it.
pub fn create(conn: &mut Conn, actor: &Actor, new: &NewCampaign, now: Time) -> Result<Campaign> {
    may_change(actor)?;
    let name = text::required_line("name", &new.name, 100)?;
    let goal = text::optional_body("goal", new.goal.as_deref(), 1000)?;
    transaction(conn, |conn| {
        if queries::by_name(conn, &name)?.is_some() {
            return Err(Error::conflict("name_taken", format!("There is a campaign named \"{}\" already. Take another name.", text::excerpt(&name))));
        }
        let row = Campaign {
            id: CampaignId::new(),
            name,
            kind: new.kind,
            goal,
            segment_id: new.segment_id.as_ref().map(|id| segments::named(conn, id)).transpose()?,
            mailbox_id: mailboxes::named(conn, actor, new.mailbox.as_deref())?,
            stopped_at: None,
            stopped_by: None,
            archived_at: None,
            created_by: actor.name().to_owned(),
            created_at: now,
            updated_at: now,
            topic_id: new.topic.as_deref().map(|named| topics::named(conn, named)).transpose()?.map(|topic| topic.id),
            variants: Json::new(vec![]),
            measure: Measure::Replies,
            shifts: false,
        };
        queries::insert(conn, &row)?;
        messages::queries::forget_approved(conn, &row.name)?;
        log(conn, actor, "campaign.add", &row, json!({"name": row.name, "kind": row.kind}), now)?;
        Ok(row)
    })
}

/// Changes a campaign.
pub fn change(conn: &mut Conn, actor: &Actor, id: &CampaignId, change: &Change, now: Time) -> Result<Campaign> {
    may_change(actor)?;
    transaction(conn, |conn| {
        let mut row = held(conn, actor, id)?;
        let (had, before) = (row.segment_id.clone(), row.shown());
        if let Some(goal) = &change.goal {
            row.goal = text::optional_body("goal", Some(goal), 1000)?;
        }
        if let Some(segment) = &change.segment_id {
            row.segment_id = (!segment.is_empty()).then(|| segments::named(conn, &SegmentId::from(segment.as_str()))).transpose()?;
        }
        if let Some(named) = &change.mailbox {
            row.mailbox_id = mailboxes::named(conn, actor, Some(named.as_str()).filter(|named| !named.is_empty()))?;
        }
        if let Some(named) = &change.topic {
            row.topic_id = (!named.is_empty()).then(|| topics::named(conn, named)).transpose()?.map(|topic| topic.id);
        }
        match change.archived {
            Some(true) => row.archived_at = row.archived_at.or(Some(now)),
            Some(false) => row.archived_at = None,
            None => {}
        }
        row.updated_at = now;
        queries::update(conn, &row)?;
        if row.segment_id != had {
            messages::queries::forget_approved(conn, &row.name)?;
        }
        log(conn, actor, "campaign.change", &row, audit::changed(&before, &row.shown()), now)?;
        Ok(row)
    })
}

/// What the campaign with this label is for, if there is one.
pub(in crate::domain) fn kind_of(conn: &mut Conn, name: &str) -> Result<Option<Kind>> {
    Ok(queries::by_name(conn, name)?.map(|row| row.kind))
}

/// The topic of the campaign with this label, if it has one.
pub(in crate::domain) fn topic_of(conn: &mut Conn, name: &str) -> Result<Option<TopicId>> {
    Ok(queries::by_name(conn, name)?.and_then(|row| row.topic_id))
}

/// Stops a campaign: nothing of it leaves until a person resumes it. Twice is as good as once.
pub fn stop(conn: &mut Conn, actor: &Actor, id: &CampaignId, now: Time) -> Result<Campaign> {
    may_change(actor)?;
    transaction(conn, |conn| {
        hold_dots(conn)?;
        let mut row = held(conn, actor, id)?;
        refuse_partly_reached(conn, actor, &row)?;
        if row.stopped_at.is_none() {
            (row.stopped_at, row.stopped_by, row.updated_at) = (Some(now), Some(actor.name().to_owned()), now);
            queries::update(conn, &row)?;
            log(conn, actor, "campaign.stop", &row, stopped(true), now)?;
        }
        Ok(row)
    })
}

/// Lets a stopped campaign go on. Only a person can.
pub fn resume(conn: &mut Conn, actor: &Actor, id: &CampaignId, now: Time) -> Result<Campaign> {
    if matches!(actor, Actor::Key { .. }) {
        return Err(Error::forbidden("person_required", "Only a person can resume a stopped campaign."));
    }
    actor.must_manage()?;
    transaction(conn, |conn| {
        let mut row = held(conn, actor, id)?;
        refuse_partly_reached(conn, actor, &row)?;
        if row.stopped_at.is_some() {
            (row.stopped_at, row.stopped_by, row.updated_at) = (None, None, now);
            queries::update(conn, &row)?;
            queries::release(conn, &row.name, now)?;
            log(conn, actor, "campaign.resume", &row, stopped(false), now)?;
        }
        Ok(row)
    })
}

/// The campaigns within reach, newest first; those that were put away only when asked for.
pub fn list(conn: &mut Conn, actor: &Actor, archived: bool, limit: usize, before: Option<&CampaignId>) -> Result<Page<Campaign>> {
    actor.must_have(Scope::Read)?;
    Ok(Page::cut(queries::list(conn, actor.mailboxes(), archived, limit, before)?, limit))
}

/// Whether a message may not leave because its campaign is stopped.
pub(in crate::domain) fn stops(conn: &mut Conn, id: &MessageId) -> Result<bool> {
    Ok(queries::stops(conn, id)?)
}

/// Of these labels, those of campaigns that are stopped.
pub(in crate::domain) fn stopped_among(conn: &mut Conn, labels: &HashSet<&str>) -> Result<HashSet<String>> {
    Ok(match labels.is_empty() {
        true => HashSet::new(),
        false => queries::stopped_among(conn, labels)?.into_iter().collect(),
    })
}

/// Lets a message of a stopped campaign wait without being looked at in each round.
pub(in crate::domain) fn put_aside(conn: &mut Conn, id: &MessageId, now: Time) -> Result<()> {
    Ok(queries::put_aside(conn, id, now.plus_seconds(LOOK_AGAIN_SECONDS), now)?)
}

fn reached(conn: &mut Conn, actor: &Actor, id: &CampaignId) -> Result<Campaign> {
    let within = |row: &Campaign| row.mailbox_id.as_ref().is_none_or(|mailbox| actor.reaches(mailbox));
    queries::by_id(conn, id)?.filter(within).ok_or_else(|| Error::not_found("campaign"))
}

/// The same to change it, kept from others until the transaction ends: a change must not undo a stop.
fn held(conn: &mut Conn, actor: &Actor, id: &CampaignId) -> Result<Campaign> {
    hold(conn, "campaigns", id.as_str())?;
    reached(conn, actor, id)
}

/// Whoever works in some mailboxes cannot stop what others send from theirs.
fn refuse_partly_reached(conn: &mut Conn, actor: &Actor, row: &Campaign) -> Result<()> {
    if queries::mailboxes_of(conn, &row.name)?.iter().all(|mailbox| actor.reaches(mailbox)) {
        return Ok(());
    }
    Err(Error::forbidden("mailbox_out_of_reach", "This campaign also sends from a mailbox out of your reach. Ask an administrator."))
}

fn may_change(actor: &Actor) -> Result<()> {
    actor.must_manage_or_have(Scope::Draft)
}

fn log(conn: &mut Conn, actor: &Actor, action: &'static str, row: &Campaign, detail: Value, now: Time) -> Result<()> {
    let entry = Entry { action, target_kind: "campaign", target_id: row.id.as_str(), mailbox_id: row.mailbox_id.as_ref(), detail };
    audit::record(conn, actor, entry, now)
}
