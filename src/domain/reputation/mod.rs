//! How a mailbox is received, and how fast it therefore may send: throttles, the warm-up, rates of bounces and
//! complaints, volume spikes. `plan` decides and is pure; `sends` counts; `watch` pauses and tells; `page` shows.

pub mod page;
pub mod plan;
pub(in crate::domain) mod queries;
pub mod sends;
pub mod watch;

use diesel::prelude::*;
use serde_json::json;

use crate::clock::Time;
use crate::db::{Conn, transaction};
use crate::domain::actor::Actor;
use crate::domain::audit::{self, Entry};
use crate::domain::error::{Error, Result};
use crate::domain::ids::MailboxId;
use crate::domain::mailboxes;

pub use plan::{Health, Tally};

/// The pace of a mailbox, and how it stands.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Insertable, AsChangeset)]
#[diesel(table_name = crate::db::schema::mailbox_pace, treat_none_as_null = true)]
pub struct Pace {
    /// The mailbox.
    pub mailbox_id: MailboxId,
    /// Messages a minute, at most; 0 is no limit.
    pub per_minute: i32,
    /// Messages a minute to one domain, at most; 0 is no limit.
    pub per_domain_minute: i32,
    /// Messages of the first sending day of a warm-up; 0 is no warm-up.
    pub warmup_first: i32,
    /// Growth of a sending day over the one before, in percent.
    pub warmup_percent: i32,
    /// The number a day from which there is no limit any more.
    pub warmup_target: i32,
    /// Sending days count from here.
    pub warmup_since: Option<Time>,
    /// Bounces above which the mailbox pauses, in millionths.
    pub bounce_limit: i32,
    /// Complaints above which the mailbox pauses, in millionths.
    pub complaint_limit: i32,
    /// A day above so many percent of the median of fourteen pauses the mailbox; 0 never.
    pub spike_percent: i32,
    /// How it stands.
    pub health: Health,
    /// Why, in a sentence.
    pub health_because: Option<String>,
    /// Since when.
    pub health_since: Option<Time>,
    /// Rates and the median count from here.
    pub armed_at: Time,
    /// All of the mailbox waits until then.
    pub waits_until: Time,
    /// For what.
    pub waits_for: Option<String>,
}

impl Pace {
    /// Of a mailbox where nothing was set.
    pub fn usual(mailbox: MailboxId) -> Pace {
        Pace {
            mailbox_id: mailbox,
            per_minute: 0,
            per_domain_minute: 0,
            warmup_first: 0,
            warmup_percent: 50,
            warmup_target: 10_000,
            warmup_since: None,
            bounce_limit: 20_000,
            complaint_limit: 1_000,
            spike_percent: 200,
            health: Health::Good,
            health_because: None,
            health_since: None,
            armed_at: Time::default(),
            waits_until: Time::default(),
            waits_for: None,
        }
    }

    /// Messages a minute as things stand; 0 is no limit.
    pub fn minute_limit(&self) -> i64 {
        match (self.health, i64::from(self.per_minute)) {
            (Health::Slowed, 0) => plan::SLOW_PER_MINUTE,
            (Health::Slowed, set) => set.min(plan::SLOW_PER_MINUTE),
            (_, set) => set,
        }
    }

    /// Whether something about it has to be counted before a message leaves.
    pub(in crate::domain) fn is_limited(&self) -> bool {
        self.minute_limit() > 0 || self.per_domain_minute > 0 || self.warmup_first > 0
    }

    fn limits(&self) -> Limits {
        Limits {
            per_minute: self.per_minute,
            per_domain_minute: self.per_domain_minute,
            warmup_first: self.warmup_first,
            warmup_percent: self.warmup_percent,
            warmup_target: self.warmup_target,
            bounce_limit: self.bounce_limit,
            complaint_limit: self.complaint_limit,
            spike_percent: self.spike_percent,
        }
    }
}

/// What can be set of a pace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Limits {
    /// Messages a minute: 0 to 100000, 0 is no limit.
    pub per_minute: i32,
    /// Messages a minute to one domain: 0 to 100000, 0 is no limit.
    pub per_domain_minute: i32,
    /// Messages of the first day of a warm-up: 0 to 100000, 0 is no warm-up.
    pub warmup_first: i32,
    /// Growth a sending day in percent: 1 to 200.
    pub warmup_percent: i32,
    /// The number a day that ends the warm-up: 1 to 1000000.
    pub warmup_target: i32,
    /// Bounces that pause, in millionths: 1000 to 100000.
    pub bounce_limit: i32,
    /// Complaints that pause, in millionths: 100 to 10000.
    pub complaint_limit: i32,
    /// Percent of the median that pause: 0 never, otherwise 150 to 1000.
    pub spike_percent: i32,
}

impl From<&Pace> for Limits {
    fn from(pace: &Pace) -> Self {
        pace.limits()
    }
}

impl Limits {
    fn check(&self) -> Result<()> {
        let within = |field: &str, value: i32, least: i32, most: i32| match (least..=most).contains(&value) {
            true => Ok(()),
            false => Err(Error::invalid("field_invalid", field, format!("{field} must be {least} to {most}; got {value}."))),
        };
        within("per_minute", self.per_minute, 0, 100_000)?;
        within("per_domain_minute", self.per_domain_minute, 0, 100_000)?;
        within("warmup_first", self.warmup_first, 0, 100_000)?;
        within("warmup_percent", self.warmup_percent, 1, 200)?;
        within("warmup_target", self.warmup_target, 1, 1_000_000)?;
        within("bounce_limit", self.bounce_limit, 1_000, 100_000)?;
        within("complaint_limit", self.complaint_limit, 100, 10_000)?;
        if self.spike_percent != 0 {
            within("spike_percent", self.spike_percent, 150, 1_000)?;
        }
        Ok(())
    }

    /// Whether these let more leave than the others.
    fn are_looser_than(&self, before: &Limits) -> bool {
        let more = |after: i32, before: i32| before != 0 && (after == 0 || after > before);
        more(self.per_minute, before.per_minute)
            || more(self.per_domain_minute, before.per_domain_minute)
            || more(self.warmup_first, before.warmup_first)
            || before.warmup_first != 0 && (self.warmup_percent > before.warmup_percent || self.warmup_target < before.warmup_target)
            || self.bounce_limit > before.bounce_limit
            || self.complaint_limit > before.complaint_limit
            || more(self.spike_percent, before.spike_percent)
    }
}

/// The pace of a mailbox within reach.
pub fn pace(conn: &mut Conn, actor: &Actor, id: &MailboxId) -> Result<Pace> {
    let mailbox = mailboxes::get(conn, actor, id)?;
    Ok(queries::pace(conn, &mailbox.id)?.unwrap_or_else(|| Pace::usual(mailbox.id)))
}

/// Sets the limits of a mailbox. A key can only tighten them. A warm-up that begins counts its days from now.
pub fn set_limits(conn: &mut Conn, actor: &Actor, id: &MailboxId, limits: &Limits, now: Time) -> Result<Pace> {
    actor.must_be_admin()?;
    limits.check()?;
    transaction(conn, |conn| {
        let before = pace(conn, actor, id)?;
        if matches!(actor, Actor::Key { .. }) && limits.are_looser_than(&before.limits()) {
            let text = "A key can only tighten these limits: fewer messages a minute or a day, lower rates. Ask a person.";
            return Err(Error::forbidden("mode_loosening", text));
        }
        let begins = limits.warmup_first > 0 && (before.warmup_first == 0 || before.warmup_since.is_none());
        let after = Pace {
            per_minute: limits.per_minute,
            per_domain_minute: limits.per_domain_minute,
            warmup_first: limits.warmup_first,
            warmup_percent: limits.warmup_percent,
            warmup_target: limits.warmup_target,
            warmup_since: match limits.warmup_first {
                0 => None,
                _ if begins => Some(now),
                _ => before.warmup_since,
            },
            bounce_limit: limits.bounce_limit,
            complaint_limit: limits.complaint_limit,
            spike_percent: limits.spike_percent,
            // What waits is looked at anew under the new limits.
            waits_until: Time::default(),
            waits_for: None,
            ..before.clone()
        };
        queries::put_pace(conn, &after)?;
        let detail = json!({"before": before.limits(), "after": limits});
        audit::record(
            conn,
            actor,
            Entry { action: "mailbox.pace", target_kind: "mailbox", target_id: id.as_str(), mailbox_id: Some(id), detail },
            now,
        )?;
        Ok(after)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tighter_limits_are_told_from_looser() {
        let usual = Pace::usual(MailboxId::new()).limits();
        let set = Limits { per_minute: 60, per_domain_minute: 10, warmup_first: 50, ..usual };
        assert!(!set.are_looser_than(&usual) && usual.are_looser_than(&set));
        for looser in [
            Limits { per_minute: 61, ..set },
            Limits { per_domain_minute: 0, ..set },
            Limits { warmup_first: 51, ..set },
            Limits { warmup_percent: 51, ..set },
            Limits { warmup_target: 9_999, ..set },
            Limits { bounce_limit: 20_001, ..set },
            Limits { complaint_limit: 1_001, ..set },
            Limits { spike_percent: 0, ..set },
        ] {
            assert!(looser.are_looser_than(&set) && !set.are_looser_than(&looser), "{looser:?}");
        }
    }

    #[test]
    fn a_slowed_mailbox_has_a_limit_of_its_own() {
        let slowed = Pace { health: Health::Slowed, ..Pace::usual(MailboxId::new()) };
        assert_eq!(slowed.minute_limit(), plan::SLOW_PER_MINUTE);
        assert_eq!(Pace { per_minute: 10, ..slowed.clone() }.minute_limit(), 10);
        assert_eq!(Pace { per_minute: 100, ..slowed }.minute_limit(), plan::SLOW_PER_MINUTE);
    }
}
