//! Rules that hold messages whatever the mode of their mailbox says, for one person to approve or for two.

use diesel::prelude::*;
use serde_json::json;

use crate::clock::Time;
use crate::db::types::Json;
use crate::db::{Conn, transaction};
use crate::domain::actor::{Actor, Mailboxes, Scope};
use crate::domain::audit::{self, Entry};
use crate::domain::campaigns::{self, Kind};
use crate::domain::claims::Amount;
use crate::domain::contacts::{self, ContactRow};
use crate::domain::error::{Error, Result};
use crate::domain::ids::{ContactId, HoldingRuleId, MailboxId, SegmentId};
use crate::domain::mailboxes::{self, ladder};
use crate::domain::money::{Money, is_currency};
use crate::domain::{segments, text};

use super::queries;

/// Most rules there can be.
const MOST: usize = 50;
/// Most tags of a rule.
const MOST_TAGS: usize = 20;
/// The largest limit, in minor units.
const LARGEST: i64 = 100_000_000_000;

/// A rule. What it names must all hold; of several kinds or tags one is enough.
#[derive(Debug, Clone, Queryable, Insertable)]
#[diesel(table_name = crate::db::schema::holding_rules)]
pub struct Rule {
    /// Its id.
    pub id: HoldingRuleId,
    /// Its name.
    pub name: String,
    /// The mailbox it is for; without one, for all.
    pub mailbox_id: Option<MailboxId>,
    /// Kinds of campaign; any when empty.
    pub kinds: Json<Vec<Kind>>,
    /// Tags of the message or of its recipient; any when empty.
    pub tags: Json<Vec<String>>,
    /// The recipient is in this segment.
    pub segment_id: Option<SegmentId>,
    /// An amount of money in the message is larger than this, in minor units.
    pub amount_over: Option<i64>,
    /// The recipient pays more than this a month, in minor units.
    pub revenue_over: Option<i64>,
    /// The currency of both; ISO 4217.
    pub currency: Option<String>,
    /// How many people must approve: 1 or 2.
    pub approvers: i32,
    /// Who made it.
    pub created_by: String,
    /// When it was made.
    pub created_at: Time,
    /// Who asked to end it, while another administrator has to agree.
    pub ending_by_id: Option<String>,
    /// The same, by name.
    pub ending_by: Option<String>,
    /// Why.
    pub ending_because: Option<String>,
    /// Who ended it, by name.
    pub ended_by: Option<String>,
    /// When.
    pub ended_at: Option<Time>,
}

impl Rule {
    /// "Win-back or migration, tagged vip, an amount over $500": what it holds.
    pub fn in_words(&self, segment: Option<&str>) -> String {
        let mut parts = vec![];
        if !self.kinds.is_empty() {
            parts.push(self.kinds.iter().map(|kind| kind.label().to_lowercase()).collect::<Vec<_>>().join(" or "));
        }
        if !self.tags.is_empty() {
            parts.push(format!("tagged {}", self.tags.join(" or ")));
        }
        parts.extend(segment.map(|name| format!("to the segment “{name}”")));
        parts.extend(self.limit(self.amount_over).map(|limit| format!("an amount over {limit}")));
        parts.extend(self.limit(self.revenue_over).map(|limit| format!("to somebody who pays over {limit} a month")));
        parts.join(", ")
    }

    /// Whether two people must approve.
    pub fn takes_two(&self) -> bool {
        self.approvers > 1
    }

    /// Why a message is held that it is for.
    pub fn reason(&self) -> String {
        match self.takes_two() {
            true => format!("The rule “{}” holds it for two people.", self.name),
            false => format!("The rule “{}” holds it.", self.name),
        }
    }

    /// Whether this actor asked to end it, so that somebody else has to agree.
    pub fn is_ending_by(&self, actor: &Actor) -> bool {
        self.ending_by_id.as_deref() == Some(actor.id())
    }

    fn limit(&self, minor: Option<i64>) -> Option<Money> {
        Some(Money { minor: minor?, currency: self.currency.clone()? })
    }
}

/// What a rule is to say.
#[derive(Debug, Clone, Default)]
pub struct Terms {
    /// Its name.
    pub name: String,
    /// The mailbox by address or id; all without one.
    pub mailbox: Option<String>,
    /// Kinds of campaign.
    pub kinds: Vec<Kind>,
    /// Tags.
    pub tags: Vec<String>,
    /// The segment.
    pub segment_id: Option<SegmentId>,
    /// The largest amount that passes, in minor units.
    pub amount_over: Option<i64>,
    /// The largest monthly revenue that passes, in minor units.
    pub revenue_over: Option<i64>,
    /// The currency of both.
    pub currency: Option<String>,
    /// How many people must approve; one without it.
    pub approvers: Option<i64>,
}

/// Makes a rule, for what is handed in, edited or decided from now on. A key can make one too: it only tightens.
pub fn create(conn: &mut Conn, actor: &Actor, terms: &Terms, now: Time) -> Result<Rule> {
    transaction(conn, |conn| {
        let row = resolved(conn, actor, terms, now)?;
        if queries::rules(conn)?.len() >= MOST {
            return Err(Error::conflict("too_many_rules", format!("There are {MOST} rules already. End one that is no longer needed.")));
        }
        queries::insert_rule(conn, &row)?;
        log(conn, actor, "holding_rule.add", &row, None, now)?;
        Ok(row)
    })
}

/// The rule with these terms, where this actor can make it.
pub(super) fn resolved(conn: &mut Conn, actor: &Actor, terms: &Terms, now: Time) -> Result<Rule> {
    actor.must_be_admin()?;
    let row = checked(actor, terms, now)?;
    let mailbox_id = mailboxes::named(conn, actor, terms.mailbox.as_deref())?;
    if mailbox_id.is_none() && *actor.mailboxes() != Mailboxes::All {
        return Err(Error::forbidden("reach_missing", "This key reaches some mailboxes only, so its rules must name one of them in mailbox."));
    }
    let segment_id = terms.segment_id.as_ref().map(|id| segments::named(conn, id)).transpose()?;
    Ok(Rule { mailbox_id, segment_id, ..row })
}

fn checked(actor: &Actor, terms: &Terms, now: Time) -> Result<Rule> {
    let wrong = |field: &str, detail: String| Err(Error::invalid("field_invalid", field, detail));
    let mut kinds = terms.kinds.clone();
    kinds.sort_unstable();
    kinds.dedup();
    let mut tags = terms.tags.iter().map(|tag| text::tag(tag)).collect::<Result<Vec<String>>>()?;
    tags.sort_unstable();
    tags.dedup();
    if tags.len() > MOST_TAGS {
        return wrong("tags", format!("tags must be at most {MOST_TAGS}; got {}.", tags.len()));
    }
    for (field, limit) in [("amount_over", terms.amount_over), ("revenue_over", terms.revenue_over)] {
        if let Some(limit) = limit.filter(|limit| !(0..=LARGEST).contains(limit)) {
            return wrong(field, format!("{field} must be 0 to {LARGEST}, in minor units such as cents; got {limit}."));
        }
    }
    let limited = terms.amount_over.is_some() || terms.revenue_over.is_some();
    let currency = terms.currency.as_deref().map(|currency| currency.trim().to_uppercase()).filter(|currency| limited && !currency.is_empty());
    let is_code = currency.as_deref().is_some_and(is_currency);
    if limited && !is_code {
        return wrong("currency", "currency must be three letters such as USD where a limit is given.".to_owned());
    }
    if kinds.is_empty() && tags.is_empty() && terms.segment_id.is_none() && !limited {
        let detail =
            "A rule must say what it holds: give kinds, tags, segment_id, amount_over or revenue_over. To hold everything, use the mode gated_all.";
        return Err(Error::invalid("field_invalid", "kinds", detail));
    }
    let approvers = match terms.approvers.unwrap_or(1) {
        1 => 1,
        2 => 2,
        other => return wrong("approvers", format!("approvers must be 1 or 2; got {other}.")),
    };
    Ok(Rule {
        id: HoldingRuleId::new(),
        name: text::required_line("name", &terms.name, 100)?,
        mailbox_id: None,
        kinds: Json::new(kinds),
        tags: Json::new(tags),
        segment_id: None,
        amount_over: terms.amount_over,
        revenue_over: terms.revenue_over,
        currency,
        approvers,
        created_by: actor.name().to_owned(),
        created_at: now,
        ending_by_id: None,
        ending_by: None,
        ending_because: None,
        ended_by: None,
        ended_at: None,
    })
}

/// What came of asking to end something that tightens, or to begin something that loosens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loosened {
    /// It is done.
    Done,
    /// Another administrator has to agree on the page.
    Waits,
}

/// Ends a rule. Where there is another administrator, one asks with a reason and another agrees. What it holds stays held.
pub fn end(conn: &mut Conn, actor: &Actor, id: &HoldingRuleId, reason: Option<&str>, now: Time) -> Result<Loosened> {
    only_people(actor)?;
    let reason = text::optional_body("reason", reason, 500)?;
    transaction(conn, |conn| {
        let row = in_force(conn, actor, id)?;
        if row.ending_by_id.is_some() && !row.is_ending_by(actor) {
            queries::end_rule(conn, id, actor.name(), now)?;
            log(conn, actor, "holding_rule.end", &row, row.ending_because.as_deref(), now)?;
            return Ok(Loosened::Done);
        }
        if row.is_ending_by(actor) {
            return Err(Error::forbidden("second_admin_required", "You asked to end this rule, so another administrator must agree."));
        }
        let why = || Error::invalid("field_invalid", "reason", "reason must be filled in: say why what it holds may leave from now on.");
        let reason = reason.ok_or_else(why)?;
        if ladder::needs_second(conn, actor, now)? {
            queries::ask_to_end(conn, id, actor, &reason)?;
            log(conn, actor, "holding_rule.ask_to_end", &row, Some(&reason), now)?;
            return Ok(Loosened::Waits);
        }
        queries::end_rule(conn, id, actor.name(), now)?;
        log(conn, actor, "holding_rule.end", &row, Some(&reason), now)?;
        Ok(Loosened::Done)
    })
}

/// Keeps a rule that somebody asked to end.
pub fn keep(conn: &mut Conn, actor: &Actor, id: &HoldingRuleId, now: Time) -> Result<()> {
    only_people(actor)?;
    transaction(conn, |conn| {
        let row = in_force(conn, actor, id)?;
        queries::keep_rule(conn, id)?;
        log(conn, actor, "holding_rule.keep", &row, None, now)
    })
}

pub(super) fn only_people(actor: &Actor) -> Result<()> {
    mailboxes::only_for_people(actor)?;
    actor.must_be_admin()
}

fn in_force(conn: &mut Conn, actor: &Actor, id: &HoldingRuleId) -> Result<Rule> {
    let found = queries::rule(conn, id)?.filter(|row| row.ended_at.is_none() && is_reached(actor, row));
    found.ok_or_else(|| Error::not_found("rule"))
}

/// A rule for all mailboxes is no secret.
fn is_reached(actor: &Actor, row: &Rule) -> bool {
    row.mailbox_id.as_ref().is_none_or(|mailbox| actor.reaches(mailbox))
}

/// The rules in force that hold something within reach, the oldest first, each with what it holds in words.
pub fn list(conn: &mut Conn, actor: &Actor) -> Result<Vec<(Rule, String)>> {
    actor.must_have(Scope::Read)?;
    let rows: Vec<Rule> = queries::rules(conn)?.into_iter().filter(|row| is_reached(actor, row)).collect();
    let ids: Vec<SegmentId> = rows.iter().filter_map(|row| row.segment_id.clone()).collect();
    let named = segments::of_ids(conn, &ids)?;
    let words = |row: &Rule| {
        let segment = named.iter().find(|segment| row.segment_id.as_ref() == Some(&segment.id));
        row.in_words(segment.map(|segment| segment.name.as_str()))
    };
    Ok(rows.into_iter().map(|row| (row.clone(), words(&row))).collect())
}

/// What a rule holds, in words.
pub fn in_words(conn: &mut Conn, row: &Rule) -> Result<String> {
    let named = segments::of_ids(conn, &row.segment_id.clone().into_iter().collect::<Vec<_>>())?;
    Ok(row.in_words(named.first().map(|segment| segment.name.as_str())))
}

/// Whether there are rules for a mailbox.
pub(in crate::domain) fn are_there(conn: &mut Conn, mailbox: &MailboxId) -> Result<bool> {
    Ok(queries::has_rules(conn, mailbox)?)
}

/// Whether a rule in force rests on a segment.
pub(in crate::domain) fn rests_on(conn: &mut Conn, segment: &SegmentId) -> Result<bool> {
    Ok(queries::rests_on(conn, segment)?)
}

/// A message as a rule looks at it.
#[derive(Debug, Clone, Copy)]
pub(in crate::domain) struct Case<'a> {
    /// Where it leaves from.
    pub mailbox: &'a MailboxId,
    /// Whom it goes to.
    pub contact: &'a ContactRow,
    /// Its campaign.
    pub campaign: Option<&'a str>,
    /// Its tags.
    pub tags: &'a [String],
    /// The amounts of money in it.
    pub amounts: &'a [Amount],
}

/// The rule that holds a message, if one does: one that takes two people before one that takes one.
pub(in crate::domain) fn of_case(conn: &mut Conn, case: Case<'_>, now: Time) -> Result<Option<Rule>> {
    let mut rules = queries::rules(conn)?;
    rules.retain(|rule| rule.mailbox_id.as_ref().is_none_or(|mailbox| mailbox == case.mailbox));
    if rules.is_empty() {
        return Ok(None);
    }
    rules.sort_by_key(|rule| std::cmp::Reverse(rule.approvers));
    let known = Known::of(conn, case)?;
    for rule in rules {
        if known.fits(conn, &rule, now)? {
            return Ok(Some(rule));
        }
    }
    Ok(None)
}

/// What somebody pays a month, in minor units, and in which currency.
type Revenue = (i64, Option<String>);

/// What a contact pays a month, where that is on record.
pub(super) fn revenue(conn: &mut Conn, contact: &ContactId) -> Result<Option<Revenue>> {
    Ok(contacts::customer(conn, contact)?.and_then(|customer| Some((customer.mrr_minor?, customer.currency))))
}

/// What is known of a message and its recipient.
pub(super) struct Known<'a> {
    pub(super) case: Case<'a>,
    kinds: Vec<Kind>,
    tags: Vec<String>,
    pub(super) revenue: Option<Revenue>,
}

impl<'a> Known<'a> {
    fn of(conn: &mut Conn, case: Case<'a>) -> Result<Self> {
        let kind = case.campaign.map(|label| campaigns::kind_of(conn, label)).transpose()?.flatten();
        let tags = contacts::tags_of(conn, &case.contact.id)?;
        Ok(Known { revenue: revenue(conn, &case.contact.id)?, ..Known::at_hand(case, kind, &tags) })
    }

    /// The same of what its campaign is for and the tags of its recipient, without what they pay.
    pub(super) fn at_hand(case: Case<'a>, kind: Option<Kind>, tags_of_contact: &[String]) -> Self {
        let words = case.tags.iter().map(String::as_str).chain(case.campaign);
        let kinds = kind.into_iter().chain(words.filter_map(kind_of_word)).collect();
        Known { case, kinds, tags: [case.tags, tags_of_contact].concat(), revenue: None }
    }

    fn fits(&self, conn: &mut Conn, rule: &Rule, now: Time) -> Result<bool> {
        Ok(self.is_of(rule) && self.exceeds(rule) && self.is_in_segment(conn, rule, now)?)
    }

    /// Whether it is of a kind and has a tag that the rule is for.
    pub(super) fn is_of(&self, rule: &Rule) -> bool {
        let kind = rule.kinds.is_empty() || rule.kinds.iter().any(|kind| self.kinds.contains(kind));
        kind && (rule.tags.is_empty() || rule.tags.iter().any(|tag| self.tags.contains(tag)))
    }

    /// Whether it passes the limits of the rule.
    pub(super) fn exceeds(&self, rule: &Rule) -> bool {
        let amount = rule.limit(rule.amount_over).is_none_or(|limit| self.case.amounts.iter().any(|amount| amount.may_exceed(&limit)));
        amount && rule.revenue_over.is_none_or(|limit| self.pays_over(limit, rule.currency.as_deref()))
    }

    /// Whether its recipient is in the segment of the rule, as it is now.
    pub(super) fn is_in_segment(&self, conn: &mut Conn, rule: &Rule, now: Time) -> Result<bool> {
        let Some(segment) = &rule.segment_id else { return Ok(true) };
        let search = segments::by_id(conn, segment)?.search(1, None, now);
        contacts::finds(conn, &search, self.case.contact)
    }

    /// Revenue in another currency cannot be compared, so it counts as more.
    fn pays_over(&self, limit: i64, currency: Option<&str>) -> bool {
        self.revenue.as_ref().is_some_and(|(minor, paid_in)| *minor > limit || *minor > 0 && paid_in.as_deref() != currency)
    }
}

/// What a message is for, by a tag that programs write on it or by its label.
fn kind_of_word(word: &str) -> Option<Kind> {
    match word {
        "win_back" | "win-back" | "winback" => Some(Kind::Winback),
        "product_announcement" | "announcement" => Some(Kind::Announcement),
        "nps_request" | "feedback_request" | "feedback" | "nps" => Some(Kind::Feedback),
        "drip" | "drip_complete" => Some(Kind::Drip),
        "migration" => Some(Kind::Migration),
        "referral" => Some(Kind::Referral),
        word if word.starts_with("drip_step_") => Some(Kind::Drip),
        word if word.contains("migration-") => Some(Kind::Migration),
        word if word.starts_with("referral-") => Some(Kind::Referral),
        _ => None,
    }
}

fn log(conn: &mut Conn, actor: &Actor, action: &'static str, row: &Rule, reason: Option<&str>, now: Time) -> Result<()> {
    let detail = json!({
        "name": row.name, "kinds": *row.kinds, "tags": *row.tags, "segment_id": row.segment_id, "amount_over": row.amount_over,
        "revenue_over": row.revenue_over, "currency": row.currency, "approvers": row.approvers, "reason": reason,
    });
    let entry = Entry { action, target_kind: "holding_rule", target_id: row.id.as_str(), mailbox_id: row.mailbox_id.as_ref(), detail };
    audit::record(conn, actor, entry, now)
}
