//! How long things are kept. Nothing about a person is taken away before somebody sets a period. Logs, kept answers and what came in
//! have periods of their own.

use serde_json::{Value, json};

use crate::clock::Time;
use crate::db::{Conn, transaction};
use crate::domain::actor::Actor;
use crate::domain::audit::{self, Entry};
use crate::domain::contacts::erase;
use crate::domain::error::{Error, Result};
use crate::domain::{calls, settings};

use super::queries;

/// Contacts erased in one step, each in its own transaction.
const CONTACTS_AT_ONCE: i64 = 20;
/// Drafts, mails and reports taken away in one step, of each.
const ROWS_AT_ONCE: i64 = 500;
/// Time between two looks, in seconds.
const LOOK_AGAIN_SECONDS: i64 = 3600;
/// The longest period, in days.
pub const LONGEST: i64 = 3650;

/// The periods, in days; 0 keeps for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Periods {
    /// Drafts that nobody chose: 0, or 30 to 3650.
    pub drafts: i64,
    /// Contacts of whom nothing was heard and to whom nothing was sent: 0, or 180 to 3650.
    pub contacts: i64,
    /// Mail as it came, beside the words that pages show: 0, or 30 to 3650.
    pub raw_mail: i64,
    /// The servers' words in reports of delivery: 0, or 30 to 3650.
    pub reports: i64,
    /// The log of calls: 1 to 3650. Not set here where the configuration says it.
    pub calls: i64,
}

impl Default for Periods {
    fn default() -> Self {
        Periods { drafts: 0, contacts: 0, raw_mail: 0, reports: 0, calls: calls::KEPT_DAYS }
    }
}

impl Periods {
    fn shown(&self) -> Value {
        json!({"drafts": self.drafts, "contacts": self.contacts, "raw_mail": self.raw_mail, "reports": self.reports, "calls": self.calls})
    }

    /// Whether nothing about a person is taken away, ever.
    fn is_for_ever(&self) -> bool {
        [self.drafts, self.contacts, self.raw_mail, self.reports] == [0; 4]
    }
}

/// Whether the configuration says for how long the log of calls is kept.
pub fn calls_are_configured(conn: &mut Conn) -> Result<bool> {
    Ok(settings::get(conn, settings::CALLS_KEPT_CONFIGURED)?.is_some())
}

/// The periods as they are set.
pub fn periods(conn: &mut Conn) -> Result<Periods> {
    let mut days = |name: &str| -> Result<i64> { Ok(settings::get(conn, name)?.and_then(|days| days.parse().ok()).unwrap_or(0)) };
    Ok(Periods {
        drafts: days(settings::DRAFTS_KEPT_DAYS)?,
        contacts: days(settings::CONTACTS_KEPT_DAYS)?,
        raw_mail: days(settings::RAW_MAIL_KEPT_DAYS)?,
        reports: days(settings::REPORTS_KEPT_DAYS)?,
        calls: calls::kept_days(conn)?,
    })
}

/// Sets the periods. Only an administrator does, in person: what is gone does not come back.
pub fn set(conn: &mut Conn, actor: &Actor, new: &Periods, now: Time) -> Result<()> {
    actor.must_be_admin_in_person()?;
    for (field, days, least) in
        [("drafts", new.drafts, 30), ("contacts", new.contacts, 180), ("raw_mail", new.raw_mail, 30), ("reports", new.reports, 30)]
    {
        if days != 0 && !(least..=LONGEST).contains(&days) {
            let detail = format!("{field} must be 0, or {least} to {LONGEST} days; got {days}.");
            return Err(Error::invalid("field_invalid", field, detail));
        }
    }
    if !(1..=LONGEST).contains(&new.calls) {
        return Err(Error::invalid("field_invalid", "calls", format!("calls must be 1 to {LONGEST} days; got {}.", new.calls)));
    }
    transaction(conn, |conn| {
        let before = periods(conn)?;
        if new.calls != before.calls && calls_are_configured(conn)? {
            let detail = "calls is set as calls.kept_days in the configuration. Take it out there to set it here.";
            return Err(Error::invalid("field_configured", "calls", detail));
        }
        if !calls_are_configured(conn)? {
            settings::set(conn, settings::CALLS_KEPT_DAYS, &new.calls.to_string())?;
        }
        settings::set(conn, settings::DRAFTS_KEPT_DAYS, &new.drafts.to_string())?;
        settings::set(conn, settings::CONTACTS_KEPT_DAYS, &new.contacts.to_string())?;
        settings::set(conn, settings::RAW_MAIL_KEPT_DAYS, &new.raw_mail.to_string())?;
        settings::set(conn, settings::REPORTS_KEPT_DAYS, &new.reports.to_string())?;
        settings::clear(conn, settings::RETENTION_NEXT_LOOK)?;
        let detail = json!({"before": before.shown(), "after": new.shown()});
        audit::record(conn, actor, Entry { action: "retention.set", target_kind: "settings", target_id: "retention", mailbox_id: None, detail }, now)
    })
}

/// What one step took away.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Step {
    /// Drafts.
    pub drafts: usize,
    /// Contacts.
    pub contacts: usize,
    /// Mails as they came.
    pub raw_mail: usize,
    /// Words of servers.
    pub reports: usize,
    /// Addresses to look for in the files.
    pub words: Vec<String>,
}

impl Step {
    /// Whether there may be more.
    pub fn goes_on(&self) -> bool {
        self.contacts as i64 == CONTACTS_AT_ONCE || [self.drafts, self.raw_mail, self.reports].contains(&(ROWS_AT_ONCE as usize))
    }
}

/// Takes away some of what is kept too long, and writes down how much. When nothing is left it looks again an hour later,
/// because looking reads every contact.
pub fn step(conn: &mut Conn, now: Time) -> Result<Step> {
    let (periods, actor) = (periods(conn)?, Actor::System("retention"));
    let next = settings::get(conn, settings::RETENTION_NEXT_LOOK)?.and_then(|at| at.parse().ok()).map(Time::from_micros);
    if periods.is_for_ever() || next.is_some_and(|next| next > now) {
        return Ok(Step::default());
    }
    transaction(conn, |conn| {
        let mut done = Step::default();
        if periods.drafts > 0 {
            done.drafts = queries::delete_old_variants(conn, now.plus_days(-periods.drafts), ROWS_AT_ONCE)?;
        }
        if periods.contacts > 0 {
            for id in queries::quiet_contacts(conn, now.plus_days(-periods.contacts), CONTACTS_AT_ONCE)? {
                done.words.extend(erase::erase(conn, &actor, &id, now)?.words);
                done.contacts += 1;
            }
        }
        // That a mail was taken, and what a report led to, is kept; a second copy of either changes nothing.
        if periods.raw_mail > 0 {
            done.raw_mail = queries::blank_raw_mail(conn, now.plus_days(-periods.raw_mail), ROWS_AT_ONCE)?;
        }
        if periods.reports > 0 {
            done.reports = queries::blank_reports(conn, now.plus_days(-periods.reports), ROWS_AT_ONCE)?;
        }
        if done.drafts + done.contacts + done.raw_mail + done.reports > 0 {
            let detail = json!({"drafts": done.drafts, "contacts": done.contacts, "raw_mail": done.raw_mail, "reports": done.reports});
            let entry = Entry { action: "retention.clean", target_kind: "settings", target_id: "retention", mailbox_id: None, detail };
            audit::record(conn, &actor, entry, now)?;
        }
        if !done.goes_on() {
            settings::set(conn, settings::RETENTION_NEXT_LOOK, &now.plus_seconds(LOOK_AGAIN_SECONDS).micros().to_string())?;
        }
        Ok(done)
    })
}
