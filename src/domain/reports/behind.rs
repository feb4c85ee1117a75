//! The rows behind the numbers of programmes.

use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Nullable, Text};

use crate::clock::Time;
use crate::db::Conn;
use crate::db::statement::Statement;
use crate::domain::actor::{Actor, Scope};
use crate::domain::error::{Error, Result};
use crate::domain::ids::SequenceId;
use crate::domain::paging::{Page, one_more};
use crate::domain::sequences;
use crate::text_enum;

use super::period::Period;

text_enum!(
    /// Which number of a programme.
    pub enum Number {
        /// Links that were made.
        Links => "links",
        /// Links that were followed for the first time.
        Followed => "followed",
        /// Visits to links, one for each visitor and day.
        Visitors => "visitors",
        /// Sign-ups that came of links.
        SignUps => "signups",
        /// Rewards that were given.
        Rewards => "rewards",
        /// Those who came as far as a step.
        Entered => "entered",
        /// Those who wait for it now.
        Waiting => "waiting",
        /// Those who got it.
        Sent => "sent",
        /// Those who answered it.
        Answered => "answered",
        /// Answers to any step.
        Answers => "answers",
        /// Those who left before it.
        Left => "left",
        /// Those who got all of a sequence.
        Complete => "complete",
    }
);

impl Number {
    /// Whether it is of recommendations; the others are of a sequence.
    pub fn is_of_referrals(self) -> bool {
        matches!(self, Number::Links | Number::Followed | Number::Visitors | Number::SignUps | Number::Rewards)
    }

    /// A name for people.
    pub fn label(self) -> &'static str {
        match self {
            Number::Links => "New links",
            Number::Followed => "Links followed for the first time",
            Number::Visitors => "Visitors",
            Number::SignUps => "Sign-ups",
            Number::Rewards => "Rewards",
            Number::Entered => "Came this far",
            Number::Waiting => "Wait for it now",
            Number::Sent => "Got it",
            Number::Answered => "Answered it",
            Number::Answers => "Answers to a step",
            Number::Left => "Left before it",
            Number::Complete => "Got all of it",
        }
    }
}

/// What is asked.
#[derive(Debug, Clone)]
pub struct Ask {
    /// The number.
    pub number: Number,
    /// Of which sequence; none for recommendations.
    pub sequence: Option<SequenceId>,
    /// At which of its steps, from 0.
    pub place: usize,
    /// The days: on which it happened, or on which somebody was enrolled.
    pub period: Period,
    /// Behind this row.
    pub after: Option<String>,
    /// At most so many.
    pub limit: usize,
}

/// A row behind a number.
#[derive(Debug, Clone, QueryableByName)]
pub struct Row {
    #[diesel(sql_type = Text)]
    id: String,
    /// The address of the contact it is about.
    #[diesel(sql_type = Text)]
    pub who: String,
    #[diesel(sql_type = BigInt)]
    at: i64,
    /// How much, where it is worth something.
    #[diesel(sql_type = Nullable<BigInt>)]
    pub amount: Option<i64>,
    /// Of what: a currency or "months". For who left a sequence, why.
    #[diesel(sql_type = Nullable<Text>)]
    pub unit: Option<String>,
    /// Its page.
    #[diesel(sql_type = Text)]
    pub page: String,
}

impl Row {
    /// When it happened, or when they were enrolled.
    pub fn at(&self) -> Time {
        Time::from_micros(self.at)
    }

    /// What the page behind this row begins with.
    pub fn cursor(&self) -> String {
        format!("{}.{}", self.at, self.id)
    }
}

const OF_LINK: &str = "FROM referrals r JOIN contacts c ON c.id = r.contact_id";
const OF_ENROLLMENT: &str = "FROM enrollments e JOIN contacts c ON c.id = e.contact_id";

/// The rows behind a number, newest first.
pub fn rows(conn: &mut Conn, actor: &Actor, ask: &Ask) -> Result<Page<Row>> {
    actor.must_have(Scope::Read)?;
    let mut sql = Statement::default();
    sql.push("SELECT id, who, at, amount, unit, page FROM (");
    match &ask.sequence {
        None => push_referrals(&mut sql, ask.number)?,
        Some(id) => {
            let (sequence, _) = sequences::get(conn, actor, id)?;
            push_sequence(&mut sql, ask, id, &sequence.numbers())?;
        }
    }
    sql.push(") AS found WHERE at >= ").number(ask.period.start().micros()).push(" AND at < ").number(ask.period.end().micros());
    if let Some(after) = &ask.after {
        let wrong = || Error::invalid("field_invalid", "after", "after must be the cursor of a row.");
        let (at, id) = after.split_once('.').ok_or_else(wrong)?;
        sql.push(" AND (at, id) < (").number(at.parse().map_err(|_| wrong())?).push(", ").text(id).push(")");
    }
    sql.push(" ORDER BY at DESC, id DESC LIMIT ").number(one_more(ask.limit));
    Ok(Page::cut(sql.load(conn)?, ask.limit))
}

fn push_referrals(sql: &mut Statement, number: Number) -> Result<()> {
    let none = "CAST(NULL AS BIGINT) AS amount, CAST(NULL AS TEXT) AS unit";
    let page = "'/referrals/' || r.id AS page";
    sql.push(match number {
        Number::Links => format!("SELECT r.id, c.email AS who, r.created_at AS at, {none}, {page} {OF_LINK}"),
        Number::Followed | Number::Visitors => {
            let only = if number == Number::Followed { " WHERE v.is_first" } else { "" };
            format!(
                "SELECT CAST(v.id AS TEXT) AS id, c.email AS who, v.at AS at, {none}, {page} {OF_LINK} JOIN referral_visits v ON v.referral_id = r.id{only}"
            )
        }
        Number::SignUps => format!(
            "SELECT x.id, c.email AS who, x.created_at AS at, x.value_minor AS amount, x.currency AS unit, {page} {OF_LINK} \
             JOIN referral_conversions x ON x.referral_id = r.id"
        ),
        Number::Rewards => format!(
            "SELECT x.id, c.email AS who, x.created_at AS at, x.amount AS amount, x.unit AS unit, {page} {OF_LINK} \
             JOIN referral_rewards x ON x.referral_id = r.id"
        ),
        _ => return Err(Error::not_found("number")),
    });
    Ok(())
}

fn push_sequence(sql: &mut Statement, ask: &Ask, id: &SequenceId, steps: &[i32]) -> Result<()> {
    let place = i64::try_from(ask.place).unwrap_or(i64::MAX);
    let sent = matches!(ask.number, Number::Sent | Number::Answered | Number::Answers);
    let row = if ask.number == Number::Answers { "s.message_id" } else { "e.id" };
    let page = if sent { "'/messages/' || s.message_id" } else { "'/customers/' || c.id" };
    sql.push(format!(
        "SELECT {row} AS id, c.email AS who, e.created_at AS at, CAST(NULL AS BIGINT) AS amount, e.stopped_why AS unit, {page} AS page {OF_ENROLLMENT}"
    ));
    if sent {
        let wanted = if ask.number == Number::Answers { steps } else { steps.get(ask.place).map_or(&[][..], std::slice::from_ref) };
        let wanted: Vec<String> = wanted.iter().chain([&-1]).map(i32::to_string).collect();
        sql.push(format!(" JOIN sequence_sends s ON s.enrollment_id = e.id AND s.step IN ({})", wanted.join(", ")));
    }
    sql.push(" WHERE e.sequence_id = ").text(id.as_str());
    match ask.number {
        Number::Entered => sql.push(" AND e.position >= ").number(place),
        Number::Waiting => sql.push(" AND e.state = 'active' AND e.position = ").number(place),
        Number::Left => sql.push(" AND e.state = 'stopped' AND e.position = ").number(place),
        Number::Sent => sql.push(" AND s.sent_at IS NOT NULL"),
        Number::Answered | Number::Answers => sql.push(" AND s.replied_at IS NOT NULL"),
        Number::Complete => sql.push(" AND e.state = 'complete'"),
        _ => return Err(Error::not_found("number")),
    };
    Ok(())
}
