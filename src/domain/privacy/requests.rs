//! The register of requests, each with the day by which it must be done.

use diesel::prelude::*;
use serde_json::json;

use crate::clock::Time;
use crate::db::statement::hold;
use crate::db::{Conn, transaction};
use crate::domain::actor::Actor;
use crate::domain::audit::{self, Entry};
use crate::domain::contacts::{self, suppressions};
use crate::domain::error::{Error, Result};
use crate::domain::ids::{ContactId, RowId};
use crate::domain::text;
use crate::text_enum;

use super::queries;

text_enum!(
    /// What is asked for.
    pub enum Kind {
        /// A copy of everything.
        Access => "access",
        /// That it is erased.
        Erasure => "erasure",
        /// That no commercial mail comes any more.
        Objection => "objection",
        /// That it is put right.
        Correction => "correction",
    }
);

text_enum!(
    /// Whose clock runs.
    pub enum Law {
        /// Regulation (EU) 2016/679, article 12(3): one month, two more with reasons.
        Gdpr => "gdpr",
        /// 11 CCR 7021: told within ten business days, done within 45 days, 45 more with notice.
        Ccpa => "ccpa",
        /// The shorter of the two.
        Other => "other",
    }
);

impl Kind {
    /// A name for people.
    pub fn label(self) -> &'static str {
        match self {
            Kind::Access => "Copy of their data",
            Kind::Erasure => "Erasure",
            Kind::Objection => "No more commercial mail",
            Kind::Correction => "Correction",
        }
    }
}

impl Law {
    /// A name for people.
    pub fn label(self) -> &'static str {
        match self {
            Law::Gdpr => "GDPR, one month",
            Law::Ccpa => "California, 45 days",
            Law::Other => "Other, one month",
        }
    }
}

/// Business days in which somebody in California is told that the request came in (11 CCR 7021(a)).
pub const TOLD_WITHIN: usize = 10;
/// Calendar days for a request from California, and how many more with notice (11 CCR 7021(b)).
pub const CALIFORNIAN_DAYS: i64 = 45;

/// A row of `data_requests`.
#[derive(Debug, Clone, Queryable, Insertable)]
#[diesel(table_name = crate::db::schema::data_requests)]
pub struct Request {
    /// Its id.
    pub id: RowId,
    /// Whose data it is about.
    pub contact_id: ContactId,
    /// What is asked for.
    pub kind: Kind,
    /// Whose clock runs.
    pub law: Law,
    /// When it came in.
    pub received_at: Time,
    /// By when they must be told that it came in.
    pub acknowledge_by: Option<Time>,
    /// When they were told.
    pub acknowledged_at: Option<Time>,
    /// By when it must be done.
    pub due_at: Time,
    /// Why it takes longer.
    pub extended_because: Option<String>,
    /// When it was done.
    pub done_at: Option<Time>,
    /// Who did it, by name.
    pub done_by: Option<String>,
    /// What they wrote, in short.
    pub note: Option<String>,
    /// Who recorded it, by name.
    pub recorded_by: String,
}

impl Request {
    /// Whether it is late.
    pub fn is_late(&self, now: Time) -> bool {
        self.done_at.is_none() && (self.due_at < now || self.acknowledged_at.is_none() && self.acknowledge_by.is_some_and(|by| by < now))
    }
}

/// A request to be recorded.
#[derive(Debug, Clone)]
pub struct NewRequest {
    /// What is asked for.
    pub kind: Kind,
    /// Whose clock runs.
    pub law: Law,
    /// When it came in; not in the future.
    pub received_at: Option<Time>,
    /// What they wrote, in short.
    pub note: Option<String>,
}

/// By when they must be told, and by when it must be done.
pub fn clock(law: Law, received: Time) -> (Option<Time>, Time) {
    match law {
        Law::Gdpr | Law::Other => (None, months_later(received, 1)),
        Law::Ccpa => (Some(business_days_later(received, TOLD_WITHIN)), received.plus_days(CALIFORNIAN_DAYS)),
    }
}

fn months_later(from: Time, months: i64) -> Time {
    let day = from.date().saturating_add(jiff::Span::new().months(months));
    Time::from_date(day).plus_seconds(from.seconds().rem_euclid(86_400))
}

/// Saturdays and Sundays are none; holidays are counted as if they were, which is never too late.
fn business_days_later(from: Time, days: usize) -> Time {
    let (mut at, mut left) = (from, days);
    while left > 0 {
        at = at.plus_days(1);
        if !matches!(at.date().weekday(), jiff::civil::Weekday::Saturday | jiff::civil::Weekday::Sunday) {
            left -= 1;
        }
    }
    at
}

/// Records a request. An objection takes effect with it: nobody weighs it (Regulation (EU) 2016/679, article 21(3)).
pub fn record(conn: &mut Conn, actor: &Actor, contact: &ContactId, new: &NewRequest, now: Time) -> Result<Request> {
    for_people(actor)?;
    let received_at = new.received_at.unwrap_or(now);
    if received_at > now {
        return Err(Error::invalid("field_invalid", "received_at", "received_at must not lie in the future."));
    }
    let (acknowledge_by, due_at) = clock(new.law, received_at);
    transaction(conn, |conn| {
        let person = contacts::get(conn, actor, contact)?;
        let mut row = Request {
            id: RowId::new(),
            contact_id: contact.clone(),
            kind: new.kind,
            law: new.law,
            received_at,
            acknowledge_by,
            acknowledged_at: None,
            due_at,
            extended_because: None,
            done_at: None,
            done_by: None,
            note: text::optional_line("note", new.note.as_deref(), 500)?,
            recorded_by: actor.name().to_owned(),
        };
        if row.kind == Kind::Objection {
            suppressions::object(conn, actor, &person.row.email_key, now)?;
            (row.done_at, row.done_by) = (Some(now), Some(actor.name().to_owned()));
        }
        queries::insert_request(conn, &row)?;
        log(conn, actor, "request.record", &row, now)?;
        Ok(row)
    })
}

/// What somebody does with a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// They were told that it came in.
    Acknowledge,
    /// It takes longer, and they were told why. Once.
    Extend(String),
    /// It is done.
    Done,
}

/// Goes on with a request.
pub fn advance(conn: &mut Conn, actor: &Actor, id: &RowId, step: &Step, now: Time) -> Result<Request> {
    for_people(actor)?;
    transaction(conn, |conn| {
        hold(conn, "data_requests", id.as_str())?;
        let mut row = queries::request(conn, id)?.ok_or_else(|| Error::not_found("request"))?;
        if row.done_at.is_some() {
            return Err(Error::conflict("already_decided", "This request is done. Record another one where there is one."));
        }
        match step {
            Step::Acknowledge => row.acknowledged_at = row.acknowledged_at.or(Some(now)),
            Step::Extend(_) if row.extended_because.is_some() => {
                return Err(Error::conflict("already_decided", "This request was given more time once. There is no second time."));
            }
            Step::Extend(reason) => {
                row.extended_because = Some(text::required_line("reason", reason, 300)?);
                row.due_at = match row.law {
                    Law::Ccpa => row.due_at.plus_days(CALIFORNIAN_DAYS),
                    Law::Gdpr | Law::Other => months_later(row.due_at, 2),
                };
            }
            Step::Done => (row.done_at, row.done_by) = (Some(now), Some(actor.name().to_owned())),
        }
        queries::update_request(conn, &row)?;
        log(conn, actor, "request.change", &row, now)?;
        Ok(row)
    })
}

/// Ends the open requests of somebody for their erasure, since it was done.
pub(in crate::domain) fn erased(conn: &mut Conn, actor: &Actor, contact: &ContactId, now: Time) -> Result<()> {
    for mut row in queries::requests_of(conn, contact)?.into_iter().filter(|row| row.done_at.is_none()) {
        (row.done_at, row.done_by) = (Some(now), Some(actor.name().to_owned()));
        queries::update_request(conn, &row)?;
    }
    Ok(())
}

/// The open requests, the most urgent first, and after them those that were done last.
pub fn list(conn: &mut Conn, actor: &Actor, limit: i64) -> Result<Vec<Request>> {
    for_people(actor)?;
    let mut all = queries::open_requests(conn, limit)?;
    all.extend(queries::done_requests(conn, limit)?);
    Ok(all)
}

/// The requests of one contact, the latest first.
pub fn of_contact(conn: &mut Conn, contact: &ContactId) -> Result<Vec<Request>> {
    Ok(queries::requests_of(conn, contact)?)
}

fn for_people(actor: &Actor) -> Result<()> {
    actor.must_manage()?;
    match actor {
        Actor::Key { .. } => Err(Error::forbidden("person_required", "Requests about somebody's data are for people. Ask a manager.")),
        _ => Ok(()),
    }
}

fn log(conn: &mut Conn, actor: &Actor, action: &'static str, row: &Request, now: Time) -> Result<()> {
    let detail = json!({"request": row.id, "kind": row.kind, "law": row.law, "due_at": row.due_at, "done": row.done_at.is_some()});
    audit::record(conn, actor, Entry { action, target_kind: "contact", target_id: row.contact_id.as_str(), mailbox_id: None, detail }, now)
}

#[cfg(test)]
mod tests {
    use super::{Law, clock};
    use crate::clock::Time;

    #[test]
    fn the_clocks_are_those_of_the_law() {
        for (law, received, told, done) in [
            (Law::Gdpr, "2026-01-31T10:00:00Z", None, "2026-02-28T10:00:00Z"),
            (Law::Gdpr, "2026-11-21T23:59:59Z", None, "2026-12-21T23:59:59Z"),
            // Ten business days over two weekends; 45 days over a change of the year.
            (Law::Ccpa, "2026-11-20T10:00:00Z", Some("2026-12-04T10:00:00Z"), "2027-01-04T10:00:00Z"),
            (Law::Other, "2028-02-29T00:00:00Z", None, "2028-03-29T00:00:00Z"),
        ] {
            let time = |text: &str| Time::parse(text).unwrap();
            assert_eq!(clock(law, time(received)), (told.map(time), time(done)), "{law} {received}");
        }
    }
}
