//! Whom rules picked, and what the lot decided for them: a letter, or none, so that those with one can be compared with those without.

use diesel::prelude::*;
use serde_json::json;

use crate::clock::Time;
use crate::db::{Conn, transaction};
use crate::domain::actor::{Actor, Scope};
use crate::domain::churn::{self, ChurnEvent};
use crate::domain::error::{Error, Result};
use crate::domain::ids::{ChurnEventId, ContactId, WinbackRuleId};
use crate::domain::money::Money;
use crate::domain::reports::Purse;
use crate::domain::trials;
use crate::domain::vigilance::numbers::{FEWEST, Share};
use crate::text_enum;

use super::{Rule, queries};

/// Departures that are closed in one transaction.
const AT_ONCE: i64 = 200;

text_enum!(
    /// What became of a departure that a rule picked.
    pub enum Arm {
        /// A letter was drafted.
        Letter => "letter",
        /// The lot held them out: they get no letter, to compare with.
        HeldOut => "held_out",
        /// No letter could be written.
        LeftOut => "left_out",
        /// They were held out, and somebody took them out of the comparison.
        Released => "released",
    }
);

impl Arm {
    /// What became of those it stands for.
    pub fn in_words(self) -> &'static str {
        match self {
            Arm::Letter => "a rule drafted a letter",
            Arm::HeldOut => "held out by lot",
            Arm::LeftOut => "no letter could be written",
            Arm::Released => "taken out of the comparison",
        }
    }
}

/// A departure that a rule picked.
#[derive(Debug, Clone, Queryable, Insertable)]
#[diesel(table_name = crate::db::schema::winback_picks)]
pub struct Pick {
    /// The departure.
    pub churn_event_id: ChurnEventId,
    /// The rule.
    pub rule_id: WinbackRuleId,
    /// What became of it.
    pub arm: Arm,
    /// Why no letter could be written, as a code.
    pub because: Option<String>,
    /// When it was picked.
    pub picked_at: Time,
    /// Who comes back until then counts in the comparison.
    pub compare_until: Time,
    /// The currency of what they paid.
    pub currency: String,
    /// What they paid a month, in minor units.
    pub mrr_minor: i64,
    /// When they came back.
    pub back_at: Option<Time>,
    /// When nothing more can come of it.
    pub closed_at: Option<Time>,
}

impl Pick {
    /// Whether the lot holds them out just now.
    pub fn is_held_out(&self) -> bool {
        self.arm == Arm::HeldOut && self.closed_at.is_none()
    }
}

/// Counted picks.
#[derive(Debug, Clone)]
pub(super) struct Drawn {
    pub(super) arm: Arm,
    pub(super) currency: String,
    pub(super) number: i64,
    pub(super) back: i64,
    pub(super) back_minor: i64,
}

/// One side of the comparison.
#[derive(Debug, Clone, Default)]
pub struct Side {
    /// How many came back in time, of all.
    pub back: Share,
    /// Their monthly revenue.
    pub revenue: Vec<Money>,
}

impl Side {
    /// From a currency each, how many were picked, how many of them came back in time, and with how much.
    pub(in crate::domain) fn of<'r>(rows: impl Iterator<Item = (&'r str, i64, i64, i64)>) -> Side {
        let (mut purse, mut back) = (Purse::default(), Share::default());
        let size = |number: i64| usize::try_from(number).unwrap_or(0);
        for (currency, number, came_back, minor) in rows {
            purse.add(currency, minor);
            back = Share { part: back.part + size(came_back), of: back.of + size(number) };
        }
        Side { back, revenue: purse.money() }
    }
}

/// Those for whom a letter was drafted beside those whom the lot held out.
#[derive(Debug, Clone, Default)]
pub struct Comparison {
    /// With a letter.
    pub letter: Side,
    /// Held out.
    pub held_out: Side,
}

impl Comparison {
    /// Whether anybody was held out.
    pub fn is_drawn(&self) -> bool {
        self.held_out.back.of > 0
    }

    /// The difference in percentage points with one decimal; none where a side is too small.
    pub fn lift_points(&self) -> Option<f64> {
        self.letter.back.points_over(self.held_out.back)
    }

    /// What the comparison says, in a sentence; small sides are said to be small.
    pub fn in_words(&self) -> String {
        let (with, without) = (self.letter.back, self.held_out.back);
        if without.of == 0 {
            return "Nobody was held out, so there is nothing to compare with. Set a share to hold out in a rule.".to_owned();
        }
        let (Some(low), Some(high), Some(points)) = (with.bounds(), without.bounds(), self.lift_points()) else {
            return format!(
                "Not enough data: {} were picked for a letter and {} were held out, and a rate needs {FEWEST} of each.",
                with.of, without.of
            );
        };
        let more = if points < 0.0 { "fewer" } else { "more" };
        let sure = if low.0 > high.1 || low.1 < high.0 { "which is more than chance explains" } else { "which chance alone may explain" };
        format!("{:.1} percentage points {more} came back with a letter than without one, {sure}. A lot decided who got none.", points.abs())
    }
}

fn side(rows: &[Drawn], arm: Arm) -> Side {
    Side::of(rows.iter().filter(|row| row.arm == arm).map(|row| (row.currency.as_str(), row.number, row.back, row.back_minor)))
}

/// How those fare whom a rule picked.
pub fn of_rule(conn: &mut Conn, actor: &Actor, id: &WinbackRuleId) -> Result<Comparison> {
    actor.must_have(Scope::Read)?;
    let rows = queries::drawn(conn, id)?;
    Ok(Comparison { letter: side(&rows, Arm::Letter), held_out: side(&rows, Arm::HeldOut) })
}

/// What a rule made of a departure.
pub fn of_event(conn: &mut Conn, id: &ChurnEventId) -> Result<Option<Pick>> {
    Ok(queries::pick(conn, id)?)
}

/// Whether the lot holds out this contact: the same people in each rule with this share, and in those with a larger one.
pub(super) fn draw(contact: &ContactId, holdout: i32) -> bool {
    holdout > 0 && trials::assign("win-back holdout", contact, &[holdout, 100 - holdout]) == 0
}

/// Notes whom a rule picked.
pub(super) fn keep(conn: &mut Conn, rule: &Rule, event: &ChurnEvent, arm: Arm, because: Option<&str>, now: Time) -> Result<()> {
    let pick = Pick {
        churn_event_id: event.id.clone(),
        rule_id: rule.id.clone(),
        arm,
        because: because.map(str::to_owned),
        picked_at: now,
        compare_until: churn::window::end(conn, now)?,
        currency: event.currency.clone(),
        mrr_minor: event.mrr_minor.unwrap_or(0),
        back_at: None,
        closed_at: None,
    };
    Ok(queries::insert_pick(conn, &pick)?)
}

/// Notes in the comparison that they came back.
pub(in crate::domain::churn) fn came_back(conn: &mut Conn, event: &ChurnEventId, at: Time) -> Result<()> {
    Ok(queries::set_back(conn, event, at)?)
}

/// Whether the lot holds this contact out of win-back letters just now.
pub(in crate::domain) fn is_held_out(conn: &mut Conn, contact: &ContactId) -> Result<bool> {
    Ok(queries::is_held_out(conn, contact)?)
}

/// The refusal of a win-back letter to somebody who is held out.
pub(in crate::domain) fn held_out() -> Error {
    let detail = "This customer was drawn by lot to get no win-back letter for now, so that the others can be compared with them.";
    Error::conflict("held_out", detail).with_hint("Leave them out. A person can take them out of the comparison on the page of their departure.")
}

/// Takes somebody who is held out of the comparison, so that they can be written to. Only a person can.
pub fn release(conn: &mut Conn, actor: &Actor, id: &ChurnEventId, now: Time) -> Result<()> {
    if matches!(actor, Actor::Key { .. }) {
        return Err(Error::forbidden("person_required", "Only a person can take somebody out of the comparison."));
    }
    actor.must_manage()?;
    transaction(conn, |conn| {
        churn::hold(conn, id)?;
        let pick = queries::pick(conn, id)?.filter(Pick::is_held_out);
        if pick.is_none() {
            return Err(Error::conflict("not_held_out", "This customer is not held out, or not any more."));
        }
        queries::set_arm(conn, id, Arm::Released, now)?;
        churn::log(conn, actor, "churn.release", id, json!({"from": Arm::HeldOut, "to": Arm::Released}), now)
    })
}

/// Ends some departures that were held out and whose customers did not come back in time; true while there may be more.
pub fn close_step(conn: &mut Conn, now: Time) -> Result<bool> {
    transaction(conn, |conn| {
        let over = queries::to_close(conn, now, AT_ONCE)?;
        for (id, status) in &over {
            churn::window::lose(conn, id, *status, now)?;
            queries::close(conn, id, now)?;
        }
        Ok(over.len() as i64 == AT_ONCE)
    })
}
