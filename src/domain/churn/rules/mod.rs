//! Rules of win-back: whom of those who left a letter is drafted for, without anybody asking for each. A rule drafts; a person decides
//! whether it leaves, whatever the mode of the mailbox.

mod draft;
mod forecast;
pub mod picks;
mod queries;

use diesel::prelude::*;
use serde_json::{Value, json};

use crate::clock::Time;
use crate::db::types::Json;
use crate::db::{Conn, transaction};
use crate::domain::actor::{Actor, Scope};
use crate::domain::audit::{self, Entry};
use crate::domain::error::{Error, Result};
use crate::domain::ids::{MailboxId, SegmentId, WinbackRuleId};
use crate::domain::mailboxes::{self, Mailbox, Mode};
use crate::domain::money::{Money, is_currency};
use crate::domain::reason::{Reason, Strategy};
use crate::domain::{segments, text};

pub use draft::step;
pub use forecast::{Forecast, LOOKED_AT, forecast};

/// Most rules there can be.
const MOST: usize = 50;
/// Longest time since somebody left, in days.
pub const MOST_DAYS: i64 = 3650;
/// Largest share in percent that is held out.
pub const MOST_HELD_OUT: i64 = 50;
/// Most drafts a day.
pub const MOST_DAILY: i64 = 10_000;

/// A rule.
#[derive(Debug, Clone, Queryable, Insertable, AsChangeset)]
#[diesel(table_name = crate::db::schema::winback_rules, treat_none_as_null = true)]
pub struct Rule {
    /// Its id.
    pub id: WinbackRuleId,
    /// A name that no other rule has.
    pub name: String,
    /// Where the letters leave from.
    pub mailbox_id: MailboxId,
    /// Whether it drafts.
    pub enabled: bool,
    /// They left for one of these reasons; for any when empty.
    pub reasons: Json<Vec<Reason>>,
    /// They paid at least so much a month, in minor units of the currency.
    pub mrr_from: Option<i64>,
    /// The currency of that; ISO 4217.
    pub currency: Option<String>,
    /// They left at least so many days ago.
    pub from_days: i32,
    /// They left at most so many days ago.
    pub to_days: i32,
    /// Something shipped since that answers what they asked for.
    pub needs_update: bool,
    /// They are in this segment.
    pub segment_id: Option<SegmentId>,
    /// Whether those count who came in with an import.
    pub imported: bool,
    /// How to write to them; as their reason recommends without one.
    pub strategy: Option<Strategy>,
    /// Of a hundred so many get no letter, to compare with.
    pub holdout: i32,
    /// Most drafts a day.
    pub daily: i32,
    /// The departure it looked at last in this run; empty between runs.
    pub last_event: String,
    /// When that customer left.
    pub last_left_at: Time,
    /// When it looks next.
    pub next_run_at: Time,
    /// Letters it drafted so far.
    pub drafted: i64,
    /// Customers the lot held out so far.
    pub held_out: i64,
    /// Customers no letter could be written to.
    pub left_out: i64,
    /// The day it drafted last, as YYYY-MM-DD in UTC.
    pub day: String,
    /// Letters it drafted on that day.
    pub drafted_on_day: i32,
    /// How many steps failed one after the other.
    pub failures: i32,
    /// What was wrong with the last of them.
    pub trouble: Option<String>,
    /// Who made it.
    pub created_by: String,
    /// When it was made.
    pub created_at: Time,
    /// When it last changed.
    pub updated_at: Time,
}

impl Rule {
    /// "Left for price or support, paid EUR 99.00 or more, 3 to 60 days ago".
    pub fn in_words(&self) -> String {
        let mut parts = vec![];
        if self.reasons.is_empty() {
            parts.push("Left for any reason".to_owned());
        } else {
            let names: Vec<String> = self.reasons.iter().map(|reason| reason.label().to_lowercase()).collect();
            parts.push(format!("Left for {}", names.join(" or ")));
        }
        if let Some(least) = self.least() {
            parts.push(format!("paid {least} a month or more"));
        }
        parts.push(format!("{} to {} days ago", self.from_days, self.to_days));
        if self.needs_update {
            parts.push("something shipped since that answers them".to_owned());
        }
        parts.join(", ")
    }

    /// What they paid a month at least.
    pub fn least(&self) -> Option<Money> {
        Some(Money { minor: self.mrr_from?, currency: self.currency.clone()? })
    }
}

/// What a rule says; what is left out of a change stays.
#[derive(Debug, Clone, Default)]
pub struct Terms {
    /// Its name.
    pub name: Option<String>,
    /// The mailbox by address or id.
    pub mailbox: Option<String>,
    /// Whether it drafts.
    pub enabled: Option<bool>,
    /// The reasons; empty for any.
    pub reasons: Option<Vec<Reason>>,
    /// The least they paid a month, in minor units; inner nothing for any.
    pub mrr_from: Option<Option<i64>>,
    /// The currency of that.
    pub currency: Option<String>,
    /// At least so many days ago.
    pub from_days: Option<i64>,
    /// At most so many days ago.
    pub to_days: Option<i64>,
    /// Whether an update must answer them.
    pub needs_update: Option<bool>,
    /// The segment; inner nothing for everybody.
    pub segment_id: Option<Option<SegmentId>>,
    /// Whether imported departures count.
    pub imported: Option<bool>,
    /// The strategy; inner nothing for the recommended one.
    pub strategy: Option<Option<Strategy>>,
    /// Of a hundred so many get no letter.
    pub holdout: Option<i64>,
    /// Most drafts a day.
    pub daily: Option<i64>,
}

/// A rule as it stands before anything is said: off the books, three to sixty days, fifty drafts a day.
fn blank(actor: &Actor, now: Time) -> Rule {
    Rule {
        id: WinbackRuleId::new(),
        name: String::new(),
        mailbox_id: MailboxId::from(""),
        enabled: true,
        reasons: Json::new(vec![]),
        mrr_from: None,
        currency: None,
        from_days: 3,
        to_days: 60,
        needs_update: false,
        segment_id: None,
        imported: false,
        strategy: None,
        holdout: 0,
        daily: 50,
        last_event: String::new(),
        last_left_at: Time::from_seconds(0),
        next_run_at: now,
        drafted: 0,
        held_out: 0,
        left_out: 0,
        day: String::new(),
        drafted_on_day: 0,
        failures: 0,
        trouble: None,
        created_by: actor.name().to_owned(),
        created_at: now,
        updated_at: now,
    }
}

impl Terms {
    fn put(&self, conn: &mut Conn, actor: &Actor, mut row: Rule, now: Time) -> Result<Rule> {
        if let Some(name) = &self.name {
            row.name = text::required_line("name", name, 100)?;
        }
        if self.mailbox.is_some() || row.mailbox_id.as_str().is_empty() {
            row.mailbox_id = open_mailbox(conn, actor, self.mailbox.as_deref())?.id;
        }
        if let Some(reasons) = &self.reasons {
            let mut reasons = reasons.clone();
            reasons.sort_unstable();
            reasons.dedup();
            row.reasons = Json::new(reasons);
        }
        if let Some(from) = self.mrr_from {
            row.mrr_from = from;
        }
        if let Some(currency) = &self.currency {
            row.currency = Some(currency.trim().to_uppercase()).filter(|currency| !currency.is_empty());
        }
        check_revenue(&mut row)?;
        for (field, given, kept) in [("from_days", self.from_days, &mut row.from_days), ("to_days", self.to_days, &mut row.to_days)] {
            if let Some(given) = given {
                *kept = within(field, given, 0, MOST_DAYS)?;
            }
        }
        if row.to_days < row.from_days {
            let detail = format!("to_days must be at least from_days, which is {}; got {}.", row.from_days, row.to_days);
            return Err(Error::invalid("field_invalid", "to_days", detail));
        }
        if let Some(segment) = &self.segment_id {
            row.segment_id = segment.as_ref().map(|id| segments::named(conn, id)).transpose()?;
        }
        if let Some(holdout) = self.holdout {
            row.holdout = within("holdout", holdout, 0, MOST_HELD_OUT)?;
        }
        if let Some(daily) = self.daily {
            row.daily = within("daily", daily, 1, MOST_DAILY)?;
        }
        row.strategy = self.strategy.unwrap_or(row.strategy);
        row.needs_update = self.needs_update.unwrap_or(row.needs_update);
        row.imported = self.imported.unwrap_or(row.imported);
        row.enabled = self.enabled.unwrap_or(row.enabled);
        // It looks at everybody anew.
        (row.last_event, row.last_left_at) = (String::new(), Time::from_seconds(0));
        (row.failures, row.trouble, row.next_run_at, row.updated_at) = (0, None, now, now);
        Ok(row)
    }
}

fn within(field: &str, given: i64, least: i64, most: i64) -> Result<i32> {
    let found = i32::try_from(given).ok().filter(|_| (least..=most).contains(&given));
    found.ok_or_else(|| Error::invalid("field_invalid", field, format!("{field} must be {least} to {most}; got {given}.")))
}

fn check_revenue(row: &mut Rule) -> Result<()> {
    let Some(from) = row.mrr_from else {
        row.currency = None;
        return Ok(());
    };
    if !(0..=100_000_000_000).contains(&from) {
        return Err(Error::invalid("field_invalid", "mrr_from", format!("mrr_from must be 0 to 100000000000; got {from}.")));
    }
    match &row.currency {
        Some(currency) if is_currency(currency) => Ok(()),
        _ => Err(Error::invalid("field_invalid", "currency", "currency must be three letters such as USD where mrr_from is given.")),
    }
}

/// A mailbox that something can leave from.
fn open_mailbox(conn: &mut Conn, actor: &Actor, named: Option<&str>) -> Result<Mailbox> {
    let mailbox = mailboxes::resolve(conn, actor, named)?;
    if mailbox.mode == Mode::ReadOnly {
        return Err(Error::forbidden("mailbox_read_only", "Nothing is sent from this mailbox. Choose another one."));
    }
    Ok(mailbox)
}

/// Makes a rule. It begins within a minute.
pub fn add(conn: &mut Conn, actor: &Actor, terms: &Terms, now: Time) -> Result<Rule> {
    may_change(actor)?;
    transaction(conn, |conn| {
        if queries::all(conn)?.len() >= MOST {
            return Err(Error::conflict("too_many_rules", format!("There are {MOST} rules already. Delete one that is no longer needed.")));
        }
        let named = Terms { name: Some(terms.name.clone().unwrap_or_default()), ..terms.clone() };
        let row = named.put(conn, actor, blank(actor, now), now)?;
        refuse_taken(conn, &row)?;
        queries::insert(conn, &row)?;
        log(conn, actor, "winback_rule.add", &row, now)?;
        Ok(row)
    })
}

/// Changes a rule. Whom it picked before stays picked.
pub fn change(conn: &mut Conn, actor: &Actor, id: &WinbackRuleId, terms: &Terms, now: Time) -> Result<Rule> {
    may_change(actor)?;
    transaction(conn, |conn| {
        // The numbers of the rule are those that a step under way has written.
        queries::hold(conn, id)?;
        let before = reached(conn, actor, id)?;
        let was = terms_of(&before);
        let row = terms.put(conn, actor, before, now)?;
        refuse_taken(conn, &row)?;
        queries::update(conn, &row)?;
        log_with(conn, actor, "winback_rule.change", &row, audit::changed(&was, &terms_of(&row)), now)?;
        Ok(row)
    })
}

/// Deletes a rule. What it drafted stays, and so does the comparison.
pub fn delete(conn: &mut Conn, actor: &Actor, id: &WinbackRuleId, now: Time) -> Result<()> {
    may_change(actor)?;
    transaction(conn, |conn| {
        let row = reached(conn, actor, id)?;
        queries::delete(conn, id)?;
        log(conn, actor, "winback_rule.delete", &row, now)
    })
}

/// The rules within reach, by name.
pub fn list(conn: &mut Conn, actor: &Actor) -> Result<Vec<Rule>> {
    actor.must_have(Scope::Read)?;
    Ok(queries::all(conn)?.into_iter().filter(|row| actor.reaches(&row.mailbox_id)).collect())
}

/// One rule.
pub fn get(conn: &mut Conn, actor: &Actor, id: &WinbackRuleId) -> Result<Rule> {
    actor.must_have(Scope::Read)?;
    reached(conn, actor, id)
}

fn reached(conn: &mut Conn, actor: &Actor, id: &WinbackRuleId) -> Result<Rule> {
    queries::by_id(conn, id)?.filter(|row| actor.reaches(&row.mailbox_id)).ok_or_else(|| Error::not_found("rule"))
}

fn may_change(actor: &Actor) -> Result<()> {
    actor.must_manage_or_have(Scope::Draft)
}

fn refuse_taken(conn: &mut Conn, row: &Rule) -> Result<()> {
    if queries::all(conn)?.iter().any(|other| other.name == row.name && other.id != row.id) {
        let detail = format!("There is a rule named \"{}\" already. Take another name.", text::excerpt(&row.name));
        return Err(Error::conflict("name_taken", detail));
    }
    Ok(())
}

fn terms_of(row: &Rule) -> Value {
    json!({
        "name": row.name, "enabled": row.enabled, "reasons": *row.reasons, "mrr_from": row.mrr_from, "currency": row.currency,
        "from_days": row.from_days, "to_days": row.to_days, "needs_update": row.needs_update, "segment_id": row.segment_id,
        "imported": row.imported, "strategy": row.strategy, "holdout": row.holdout, "daily": row.daily,
    })
}

fn log(conn: &mut Conn, actor: &Actor, action: &'static str, row: &Rule, now: Time) -> Result<()> {
    log_with(conn, actor, action, row, terms_of(row), now)
}

fn log_with(conn: &mut Conn, actor: &Actor, action: &'static str, row: &Rule, detail: Value, now: Time) -> Result<()> {
    let entry = Entry { action, target_kind: "winback_rule", target_id: row.id.as_str(), mailbox_id: Some(&row.mailbox_id), detail };
    audit::record(conn, actor, entry, now)
}
