//! What the numbers lead to: warn, slow down, pause and tell people. Resuming takes a person and begins anew.

use serde_json::json;

use crate::clock::Time;
use crate::db::{Conn, transaction};
use crate::domain::actor::Actor;
use crate::domain::audit::{self, Entry};
use crate::domain::controls::tripwire;
use crate::domain::error::Result;
use crate::domain::ids::MailboxId;
use crate::domain::{mailboxes, notices};

use super::plan::{self, Health};
use super::{Pace, queries};

/// Who pauses, in the log and on pages.
pub const WATCH: Actor = Actor::System("reputation");

/// Looks at the rates of a mailbox. Call it in the transaction of what changed them.
pub(in crate::domain) fn look(conn: &mut Conn, id: &MailboxId, now: Time) -> Result<()> {
    let pace = queries::pace(conn, id)?.unwrap_or_else(|| Pace::usual(id.clone()));
    if pace.health == Health::Paused {
        return Ok(());
    }
    let tally = queries::window(conn, id, pace.armed_at, now)?;
    let (health, because) = plan::judge(tally, pace.bounce_limit.into(), pace.complaint_limit.into());
    set_health(conn, pace, health, because, now)
}

/// Pauses a mailbox whose day is a spike.
pub(in crate::domain) fn look_at_volume(conn: &mut Conn, pace: &Pace, today: i64, days: &[i64], now: Time) -> Result<bool> {
    match plan::spike(today, days, i64::from(pace.spike_percent)) {
        Some(why) if pace.health != Health::Paused => {
            set_health(conn, pace.clone(), Health::Paused, Some(why), now)?;
            Ok(true)
        }
        _ => Ok(false),
    }
}

/// Whether [`look_at_volume`] would pause a mailbox with these numbers.
pub(in crate::domain) fn would_pause(pace: &Pace, today: i64, days: &[i64]) -> bool {
    plan::spike(today, days, i64::from(pace.spike_percent)).is_some()
}

/// Pauses a mailbox for a reason outside of its numbers. One that is paused stays as it is.
pub(in crate::domain) fn pause(conn: &mut Conn, id: &MailboxId, why: &str, now: Time) -> Result<()> {
    let pace = queries::pace(conn, id)?.unwrap_or_else(|| Pace::usual(id.clone()));
    set_health(conn, pace, Health::Paused, Some(why.to_owned()), now)
}

fn set_health(conn: &mut Conn, pace: Pace, health: Health, because: Option<String>, now: Time) -> Result<()> {
    if health == pace.health {
        return Ok(());
    }
    let id = pace.mailbox_id.clone();
    let detail = json!({"from": pace.health, "to": health, "because": because});
    let after = Pace { health, health_because: because.clone(), health_since: Some(now), ..pace };
    queries::put_pace(conn, &after)?;
    let entry = Entry { action: "mailbox.health", target_kind: "mailbox", target_id: id.as_str(), mailbox_id: Some(&id), detail };
    audit::record(conn, &WATCH, entry, now)?;
    if health == Health::Paused {
        mailboxes::stops::stop(conn, &WATCH, Some(&id), because.as_deref().unwrap_or("Its numbers went over their limits."), now)?;
        let mailbox = mailboxes::get(conn, &WATCH, &id)?;
        tripwire::paused(conn, &mailbox, because.as_deref().unwrap_or_default(), now)?;
        notices::tell_paused(conn, &mailbox, because.as_deref().unwrap_or_default(), now)?;
    }
    Ok(())
}

/// A person resumed the mailbox: rates and the median count from now.
pub(in crate::domain) fn rearm(conn: &mut Conn, id: &MailboxId, now: Time) -> Result<()> {
    let Some(pace) = queries::pace(conn, id)? else { return Ok(()) };
    let after = Pace { health: Health::Good, health_because: None, health_since: Some(now), armed_at: now, ..pace };
    Ok(queries::put_pace(conn, &after)?)
}

/// Looks again at mailboxes that were warned or slowed down: time passes also where nothing comes back.
pub fn sweep(conn: &mut Conn, now: Time) -> Result<()> {
    transaction(conn, |conn| {
        for pace in queries::uneasy(conn)? {
            look(conn, &pace.mailbox_id, now)?;
        }
        Ok(())
    })
}
