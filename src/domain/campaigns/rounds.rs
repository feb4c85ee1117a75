//! Drafting a template for everybody in the segment of a campaign: some contacts at a time, each once, through the gate like every
//! message. What was begun goes on after a restart and can be cancelled.

use std::collections::HashMap;

use diesel::prelude::*;
use serde_json::{Map, Value, json};

use crate::clock::Time;
use crate::db::types::Json;
use crate::db::{Conn, transaction};
use crate::domain::actor::{Actor, Scope};
use crate::domain::contacts::{self, Contact};
use crate::domain::error::{Error, Result};
use crate::domain::ids::{CampaignId, ContactId, MailboxId, MessageId, RowId, TemplateId, TemplateVersionId};
use crate::domain::inbound::ASKS_FOR_FEEDBACK;
use crate::domain::mailboxes::{self, Mode};
use crate::domain::messages::Origin;
use crate::domain::messages::submit::{NewMessage, Writer, submit_words_of};
use crate::domain::policy::consent::Class;
use crate::domain::templates::{self, Version};
use crate::domain::{rounds, segments, trials};

use super::{Campaign, Kind, log, may_change, queries, reached, variants};

/// Contacts that one step looks at, in one transaction: few, because others write meanwhile.
const STEP: usize = 20;
/// Largest share in percent that is held out.
pub const MOST_HELD_OUT: i32 = 50;
/// Contacts that are counted before it begins, at most.
const COUNTED: usize = 1_000_000;

/// How far the drafts of one template are.
#[derive(Debug, Clone, Queryable, Insertable)]
#[diesel(table_name = crate::db::schema::campaign_rounds)]
pub struct Round {
    /// Its id.
    pub id: RowId,
    /// The campaign.
    pub campaign_id: CampaignId,
    /// What the messages are made from.
    pub template_version_id: TemplateVersionId,
    /// What is filled in for everybody, by variable.
    pub filled: Json<Map<String, Value>>,
    /// Where the messages leave from.
    pub mailbox_id: MailboxId,
    /// Of a hundred so many get nothing, to compare with.
    pub holdout: i32,
    /// Who asked for them: user or key.
    pub author_kind: String,
    /// Who asked for them.
    pub author_id: String,
    /// Who asked for them, by name.
    pub author_name: String,
    /// How many contacts there were when it began.
    pub total: i32,
    /// The contact looked at last; empty at the start.
    pub last_contact: String,
    /// How many were drafted.
    pub drafted: i32,
    /// How many were left out.
    pub left_out: i32,
    /// How many get nothing, to compare with.
    pub held_out: i32,
    /// How many had it already.
    pub passed_over: i32,
    /// Why the last of those left out was left out.
    pub because: Option<String>,
    /// When all were looked at.
    pub finished_at: Option<Time>,
    /// When somebody cancelled it. What was drafted stays.
    pub cancelled_at: Option<Time>,
    /// When it was asked for.
    pub created_at: Time,
    /// How many steps failed one after the other.
    pub failures: i32,
    /// Until when it is set aside, because a step failed.
    pub retry_at: Option<Time>,
    /// What was wrong with that step.
    pub trouble: Option<String>,
}

impl Round {
    /// Whether there is more to do.
    pub fn goes_on(&self) -> bool {
        self.finished_at.is_none() && self.cancelled_at.is_none()
    }

    fn is_due(&self, now: Time) -> bool {
        self.goes_on() && self.retry_at.is_none_or(|at| at <= now)
    }

    /// How many contacts were looked at.
    pub fn done(&self) -> i32 {
        self.drafted + self.left_out + self.held_out + self.passed_over
    }
}

/// A round with the name of its template and the number of the version.
#[derive(Debug, Clone)]
pub struct Named {
    /// The round.
    pub round: Round,
    /// The template.
    pub template_id: TemplateId,
    /// Its name.
    pub template: String,
    /// The version.
    pub version: i32,
}

/// What to draft.
#[derive(Debug, Clone)]
pub struct NewRound {
    /// The template.
    pub template: TemplateId,
    /// The version; the newest approved, or the newest, without it.
    pub version: Option<i32>,
    /// What is filled in for everybody, by variable.
    pub values: Map<String, Value>,
    /// Where the messages leave from, by address or id; the campaign's mailbox without it.
    pub mailbox: Option<String>,
    /// Of a hundred so many get nothing, 0 to [`MOST_HELD_OUT`].
    pub holdout: i32,
}

/// Begins to draft for everybody in the segment. Whoever has the template in this campaign does not get it again.
pub fn start(conn: &mut Conn, actor: &Actor, id: &CampaignId, new: &NewRound, now: Time) -> Result<Named> {
    may_change(actor)?;
    if !(0..=MOST_HELD_OUT).contains(&new.holdout) {
        return Err(Error::invalid("field_invalid", "holdout", format!("holdout must be 0 to {MOST_HELD_OUT} percent; got {}.", new.holdout)));
    }
    transaction(conn, |conn| {
        // Two who begin at the same time take turns.
        queries::hold(conn, id)?;
        let campaign = reached(conn, actor, id)?;
        if campaign.archived_at.is_some() {
            return Err(Error::conflict("campaign_archived", "This campaign was put away. Take it out again first."));
        }
        if queries::rounds(conn, id, 50)?.iter().any(Round::goes_on) {
            return Err(Error::conflict("round_under_way", "This campaign is being drafted already. Wait until it is done, or cancel it."));
        }
        let named = new.mailbox.clone().or_else(|| campaign.mailbox_id.as_ref().map(ToString::to_string));
        let mailbox = mailboxes::resolve(conn, actor, named.as_deref())?;
        if mailbox.mode == Mode::ReadOnly {
            return Err(Error::forbidden("mailbox_read_only", "Nothing is sent from this mailbox. Choose another one."));
        }
        let chosen = templates::chosen(conn, actor, &new.template, new.version)?;
        refuse_lacking(&chosen.version, &versions_of_variants(conn, &campaign)?, &new.values)?;
        let missing = || Error::conflict("segment_missing", "This campaign has no segment. Choose one first.");
        let segment = segments::by_id(conn, campaign.segment_id.as_ref().ok_or_else(missing)?)?;
        let (total, _) = contacts::count_up_to(conn, &segment.search(0, None, now), COUNTED)?;
        let round = Round {
            id: RowId::new(),
            campaign_id: id.clone(),
            template_version_id: chosen.version.id.clone(),
            filled: Json::new(new.values.clone()),
            mailbox_id: mailbox.id,
            holdout: new.holdout,
            author_kind: actor.kind().to_owned(),
            author_id: actor.id().to_owned(),
            author_name: actor.name().to_owned(),
            total: i32::try_from(total).unwrap_or(i32::MAX),
            last_contact: String::new(),
            drafted: 0,
            left_out: 0,
            held_out: 0,
            passed_over: 0,
            because: None,
            finished_at: None,
            cancelled_at: None,
            created_at: now,
            failures: 0,
            retry_at: None,
            trouble: None,
        };
        queries::insert_round(conn, &round)?;
        let detail = json!({"template": chosen.name, "version": chosen.version.version, "contacts": total, "holdout": new.holdout});
        log(conn, actor, "campaign.draft", &campaign, detail, now)?;
        Ok(Named { round, template_id: chosen.version.template_id, template: chosen.name, version: chosen.version.version })
    })
}

/// Ends what is being drafted for a campaign. What was drafted stays.
pub fn cancel(conn: &mut Conn, actor: &Actor, id: &CampaignId, now: Time) -> Result<usize> {
    may_change(actor)?;
    transaction(conn, |conn| {
        let campaign = reached(conn, actor, id)?;
        let cancelled = queries::cancel_rounds(conn, id, now)?;
        if cancelled > 0 {
            log(conn, actor, "campaign.cancel_drafts", &campaign, json!({"rounds": cancelled}), now)?;
        }
        Ok(cancelled)
    })
}

/// What was drafted for a campaign and how far it is, newest first, at most 50.
pub fn rounds(conn: &mut Conn, actor: &Actor, id: &CampaignId) -> Result<Vec<Named>> {
    actor.must_have(Scope::Read)?;
    reached(conn, actor, id)?;
    let mut versions: HashMap<TemplateVersionId, (TemplateId, String, i32)> = HashMap::new();
    let mut all = vec![];
    for round in queries::rounds(conn, id, 50)? {
        if !versions.contains_key(&round.template_version_id) {
            let (version, name) = templates::named(conn, &round.template_version_id)?;
            versions.insert(round.template_version_id.clone(), (version.template_id, name, version.version));
        }
        if let Some((template_id, template, version)) = versions.get(&round.template_version_id).cloned() {
            all.push(Named { round, template_id, template, version });
        }
    }
    Ok(all)
}

/// Drafts for some more contacts and says whether there is more to do. Where a step fails it is taken back whole, and its
/// round is set aside, so that those behind it go on.
pub fn step(conn: &mut Conn, now: Time) -> Result<bool> {
    let Some((id, failures)) = queries::next_round(conn, now)? else { return Ok(false) };
    let done = step_of(conn, &id, now);
    rounds::set_aside_failed(done, failures, now, |aside| queries::set_round_aside(conn, &id, aside))
}

fn step_of(conn: &mut Conn, id: &RowId, now: Time) -> Result<()> {
    transaction(conn, |conn| {
        // Two processes take turns; the second finds how far the first came.
        let Some(mut round) = queries::held_round(conn, id)?.filter(|round| round.is_due(now)) else { return Ok(()) };
        let campaign = queries::by_id(conn, &round.campaign_id)?.ok_or_else(|| Error::not_found("campaign"))?;
        let Some(segment) = campaign.segment_id.as_ref() else {
            (round.finished_at, round.because) = (Some(now), Some("The campaign has no segment any more.".to_owned()));
            return Ok(queries::update_round(conn, &round)?);
        };
        let (version, _) = templates::named(conn, &round.template_version_id)?;
        let versions = versions_of_variants(conn, &campaign)?;
        let before = Some(round.last_contact.as_str()).filter(|last| !last.is_empty()).map(ContactId::from);
        let search = segments::by_id(conn, segment)?.search(STEP, before, now);
        let (found, more) = contacts::search(conn, &Actor::System("campaign"), &search)?;
        let ids: Vec<ContactId> = found.iter().map(|contact| contact.row.id.clone()).collect();
        let had = queries::had(conn, &campaign.id, &version.template_id, &ids)?;
        for contact in &found {
            contact.row.id.as_str().clone_into(&mut round.last_contact);
            if had.contains(&contact.row.id) {
                round.passed_over += 1;
                continue;
            }
            if round.holdout > 0 && is_held_out(&campaign.id, &contact.row.id, round.holdout) {
                queries::insert_contact(conn, &campaign.id, &version.template_id, &contact.row.id, None)?;
                round.held_out += 1;
                continue;
            }
            // Refused for one contact, such as one who left, is no reason to stop.
            let variant = variants::place_of(&campaign, &contact.row.id);
            let words = variant.and_then(|place| versions.get(place)?.as_ref()).unwrap_or(&version);
            let tag = variant.and_then(|place| campaign.variants.get(place)).map(|one| format!("{}{}", variants::TAG, one.name));
            let drafted: Result<()> = transaction(conn, |conn| {
                let message = draft(conn, &campaign, &round, words, tag, contact, now)?;
                Ok(queries::insert_contact(conn, &campaign.id, &version.template_id, &contact.row.id, Some(&message))?)
            });
            match drafted {
                Ok(()) => round.drafted += 1,
                Err(error) if !error.kind.is_ours() => {
                    round.left_out += 1;
                    round.because = Some(error.detail.clone());
                }
                Err(error) => return Err(error),
            }
        }
        if more.is_none() {
            round.finished_at = Some(now);
        }
        Ok(queries::update_round(conn, &round)?)
    })
}

/// Whether somebody gets nothing of a campaign, to compare with: the same people in each of its rounds.
fn is_held_out(campaign: &CampaignId, contact: &ContactId, holdout: i32) -> bool {
    trials::assign(&format!("holdout {campaign}"), contact, &[holdout, 100 - holdout]) == 0
}

/// What those of each variant get instead of the template that is drafted, in the order of the variants.
fn versions_of_variants(conn: &mut Conn, campaign: &Campaign) -> Result<Vec<Option<Version>>> {
    let mut chosen = |id| templates::chosen(conn, &Actor::System("campaign"), id, None);
    campaign.variants.iter().map(|one| Ok(one.template_id.as_ref().map(&mut chosen).transpose()?.map(|chosen| chosen.version))).collect()
}

/// Every template must have what it needs, and every value must be for one of them.
fn refuse_lacking(version: &Version, others: &[Option<Version>], values: &Map<String, Value>) -> Result<()> {
    let others: Vec<&Version> = others.iter().flatten().collect();
    let for_others = |name: &str| !version.knows(name) && others.iter().any(|other| other.knows(name));
    let own = values.iter().filter(|(name, _)| !for_others(name)).map(|(name, value)| (name.clone(), value.clone())).collect();
    templates::refuse_lacking(version, &own)?;
    others.iter().try_for_each(|other| templates::refuse_lacking(other, &other.known(values)))
}

fn draft(
    conn: &mut Conn,
    campaign: &Campaign,
    round: &Round,
    version: &Version,
    variant: Option<String>,
    contact: &Contact,
    now: Time,
) -> Result<MessageId> {
    let words = templates::words_for(conn, version, Some(&contact.row), None, &version.known(&round.filled))?;
    let new = NewMessage {
        mailbox: Some(round.mailbox_id.as_str().to_owned()),
        to: contact.row.email.clone(),
        to_name: None,
        words,
        // Replies to what carries the tag of feedback are scored.
        tags: variant.into_iter().chain((campaign.kind == Kind::Feedback).then(|| ASKS_FOR_FEEDBACK.to_owned())).collect(),
        headers: vec![],
        mode: None,
        send_at: None,
        consent_basis: None,
        class: Class::Commercial,
        campaign: Some(campaign.name.clone()),
        topic: None,
        facts: vec![],
        origin: if version.author_kind == "key" { Origin::Agent } else { Origin::Playbook },
    };
    // Before somebody approved the version, whoever wrote it is the one who must not decide.
    let writer = match version.is_approved() {
        true => Writer::new(&round.author_kind, &round.author_id),
        false => Writer::new(&version.author_kind, &version.author_id),
    };
    let writer = Writer { template: Some(&version.id), ..writer };
    Ok(submit_words_of(conn, &Actor::System("campaign"), &writer, &new, now)?.row.id)
}
