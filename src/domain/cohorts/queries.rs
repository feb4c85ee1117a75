//! SQL of cohorts.

use std::collections::HashSet;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};

use crate::clock::Time;
use crate::db::Conn;
use crate::db::schema::{cohort_comparisons, cohort_messages, cohort_rounds, cohorts, messages};
use crate::db::statement::Statement;
use crate::domain::ids::{CohortId, ContactId, FactId, MessageId, RowId};
use crate::domain::messages::State;
use crate::domain::paging::one_more;
use crate::domain::rounds::Aside;

use super::board::Told;
use super::changes::Comparison;
use super::rounds::Round;
use super::{Cohort, Phase};

pub(super) fn by_id(conn: &mut Conn, id: &CohortId) -> QueryResult<Option<Cohort>> {
    cohorts::table.find(id).first(conn).optional()
}

pub(super) fn by_name(conn: &mut Conn, name: &str) -> QueryResult<Option<Cohort>> {
    cohorts::table.filter(cohorts::name.eq(name)).first(conn).optional()
}

/// Every cohort there is: a tag may move somebody in several.
pub(super) fn all(conn: &mut Conn) -> QueryResult<Vec<Cohort>> {
    cohorts::table.order(cohorts::id).load(conn)
}

pub(super) fn list(conn: &mut Conn, limit: usize, before: Option<&CohortId>) -> QueryResult<Vec<Cohort>> {
    let mut query = cohorts::table.order(cohorts::id.desc()).limit(one_more(limit)).into_boxed();
    if let Some(before) = before {
        query = query.filter(cohorts::id.lt(before.clone()));
    }
    query.load(conn)
}

pub(super) fn insert(conn: &mut Conn, row: &Cohort) -> QueryResult<()> {
    diesel::insert_into(cohorts::table).values(row.clone()).execute(conn).map(drop)
}

pub(super) fn update(conn: &mut Conn, row: &Cohort) -> QueryResult<()> {
    diesel::update(cohorts::table.find(&row.id))
        .set((
            cohorts::name.eq(row.name.clone()),
            cohorts::segment_id.eq(row.segment_id.clone()),
            cohorts::tags.eq(row.tags.clone()),
            cohorts::deadline.eq(row.deadline.clone()),
            cohorts::from_version.eq(row.from_version.clone()),
            cohorts::to_version.eq(row.to_version.clone()),
            cohorts::guide_url.eq(row.guide_url.clone()),
            cohorts::tag_prefix.eq(row.tag_prefix.clone()),
            cohorts::updated_at.eq(row.updated_at),
            cohorts::plan.eq(row.plan.clone()),
            cohorts::started_by_usage.eq(row.started_by_usage.clone()),
        ))
        .execute(conn)
        .map(drop)
}

/// One cohort, held until the transaction ends.
pub(super) fn held(conn: &mut Conn, id: &CohortId) -> QueryResult<Option<Cohort>> {
    diesel::update(cohorts::table.find(id)).set(cohorts::updated_at.eq(cohorts::updated_at)).execute(conn)?;
    by_id(conn, id)
}

pub(super) fn set_fact(conn: &mut Conn, id: &CohortId, fact: &FactId) -> QueryResult<()> {
    diesel::update(cohorts::table.find(id)).set(cohorts::fact_id.eq(fact.as_str())).execute(conn).map(drop)
}

/// Cohorts in which using one of these shows that somebody started.
pub(super) fn started_by(conn: &mut Conn, names: &[&str]) -> QueryResult<Vec<Cohort>> {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    cohorts::table.filter(cohorts::started_by_usage.assume_not_null().eq_any(names)).order(cohorts::id).load(conn)
}

pub(super) fn insert_round(conn: &mut Conn, round: &Round) -> QueryResult<()> {
    diesel::insert_into(cohort_rounds::table).values(round.clone()).execute(conn).map(drop)
}

pub(super) fn update_round(conn: &mut Conn, round: &Round) -> QueryResult<()> {
    diesel::update(cohort_rounds::table.find(&round.id))
        .set((
            cohort_rounds::last_contact.eq(round.last_contact.clone()),
            cohort_rounds::drafted.eq(round.drafted),
            cohort_rounds::left_out.eq(round.left_out),
            cohort_rounds::passed_over.eq(round.passed_over),
            cohort_rounds::because.eq(round.because.clone()),
            cohort_rounds::finished_at.eq(round.finished_at),
            cohort_rounds::failures.eq(0),
            cohort_rounds::retry_at.eq(None::<Time>),
            cohort_rounds::trouble.eq(None::<String>),
        ))
        .execute(conn)
        .map(drop)
}

pub(super) fn round(conn: &mut Conn, id: &RowId) -> QueryResult<Option<Round>> {
    cohort_rounds::table.find(id).first(conn).optional()
}

/// The oldest round with something left to do that is not set aside, its cohort, and how often it failed.
pub(super) fn next_round(conn: &mut Conn, now: Time) -> QueryResult<Option<(RowId, CohortId, i32)>> {
    cohort_rounds::table
        .filter(cohort_rounds::finished_at.is_null())
        .filter(cohort_rounds::cancelled_at.is_null())
        .filter(cohort_rounds::retry_at.is_null().or(cohort_rounds::retry_at.assume_not_null().le(now)))
        .order(cohort_rounds::id)
        .select((cohort_rounds::id, cohort_rounds::cohort_id, cohort_rounds::failures))
        .first(conn)
        .optional()
}

pub(super) fn rounds(conn: &mut Conn, cohort: &CohortId) -> QueryResult<Vec<Round>> {
    cohort_rounds::table.filter(cohort_rounds::cohort_id.eq(cohort)).order(cohort_rounds::id.desc()).limit(50).load(conn)
}

pub(super) fn set_round_aside(conn: &mut Conn, id: &RowId, aside: &Aside) -> QueryResult<()> {
    diesel::update(cohort_rounds::table.find(id))
        .set((cohort_rounds::failures.eq(aside.failures), cohort_rounds::retry_at.eq(aside.until), cohort_rounds::trouble.eq(&aside.why)))
        .execute(conn)
        .map(drop)
}

pub(super) fn cancel_rounds(conn: &mut Conn, cohort: &CohortId, now: Time) -> QueryResult<usize> {
    diesel::update(
        cohort_rounds::table
            .filter(cohort_rounds::cohort_id.eq(cohort))
            .filter(cohort_rounds::finished_at.is_null())
            .filter(cohort_rounds::cancelled_at.is_null()),
    )
    .set(cohort_rounds::cancelled_at.eq(now))
    .execute(conn)
}

/// Those of these contacts who have a message of this kind already.
pub(super) fn have(conn: &mut Conn, cohort: &CohortId, slot: &str, of: &[ContactId]) -> QueryResult<HashSet<ContactId>> {
    let found: Vec<ContactId> = cohort_messages::table
        .filter(cohort_messages::cohort_id.eq(cohort))
        .filter(cohort_messages::slot.eq(slot))
        .filter(cohort_messages::contact_id.eq_any(of.to_vec()))
        .select(cohort_messages::contact_id)
        .load(conn)?;
    Ok(found.into_iter().collect())
}

/// Whether a reminder that names this deadline was drafted since then and not taken back.
pub(super) fn reminded_since(conn: &mut Conn, cohort: &Cohort, since: Time) -> QueryResult<bool> {
    let reminded = cohort_messages::table
        .inner_join(messages::table.on(messages::id.eq(cohort_messages::message_id)))
        .filter(cohort_messages::cohort_id.eq(&cohort.id))
        .filter(cohort_messages::phase.eq(Phase::Reminder))
        .filter(cohort_messages::deadline.eq(&cohort.deadline))
        .filter(messages::created_at.gt(since))
        .filter(messages::state.ne_all(State::NEVER_LEFT));
    diesel::select(diesel::dsl::exists(reminded)).get_result(conn)
}

pub(super) fn insert_message(conn: &mut Conn, message: &MessageId, cohort: &Cohort, round: &Round, contact: &ContactId) -> QueryResult<()> {
    diesel::insert_into(cohort_messages::table)
        .values((
            cohort_messages::message_id.eq(message),
            cohort_messages::cohort_id.eq(&cohort.id),
            cohort_messages::slot.eq(&round.slot),
            cohort_messages::phase.eq(round.phase),
            cohort_messages::contact_id.eq(contact),
            cohort_messages::deadline.eq(&cohort.deadline),
        ))
        .execute(conn)
        .map(drop)
}

pub(super) fn forget_message(conn: &mut Conn, message: &MessageId) -> QueryResult<()> {
    diesel::delete(cohort_messages::table.find(message)).execute(conn).map(drop)
}

/// The cohort that a message is about, and to whom it went.
pub(super) fn of_message(conn: &mut Conn, message: &MessageId) -> QueryResult<Option<(Cohort, ContactId)>> {
    cohort_messages::table
        .inner_join(cohorts::table.on(cohorts::id.eq(cohort_messages::cohort_id)))
        .filter(cohort_messages::message_id.eq(message))
        .select((cohorts::all_columns, cohort_messages::contact_id))
        .first(conn)
        .optional()
}

#[derive(QueryableByName)]
struct PhaseRow {
    #[diesel(sql_type = Text)]
    phase: Phase,
    #[diesel(sql_type = Text)]
    state: State,
    #[diesel(sql_type = BigInt)]
    n: i64,
}

/// How many messages of each phase are in each state.
pub(super) fn messages_by_phase(conn: &mut Conn, cohort: &CohortId) -> QueryResult<Vec<(Phase, State, i64)>> {
    let mut ask = Statement::default();
    ask.push("SELECT c.phase AS phase, m.state AS state, count(*) AS n FROM cohort_messages c JOIN messages m ON m.id = c.message_id ");
    ask.push("WHERE c.cohort_id = ").text(cohort.as_str()).push(" GROUP BY c.phase, m.state");
    Ok(ask.load::<PhaseRow>(conn)?.into_iter().map(|row| (row.phase, row.state, row.n)).collect())
}

/// Messages that have not left and name another day than the deadline. Thanks to those who are done name none.
pub(super) fn waiting_with_other_deadline(conn: &mut Conn, cohort: &Cohort) -> QueryResult<Vec<MessageId>> {
    cohort_messages::table
        .inner_join(messages::table.on(messages::id.eq(cohort_messages::message_id)))
        .filter(cohort_messages::cohort_id.eq(&cohort.id))
        .filter(cohort_messages::deadline.ne(&cohort.deadline))
        .filter(cohort_messages::phase.ne(Phase::Completion))
        .filter(messages::state.eq_any([State::Pending, State::ChangesRequested, State::Approved, State::Queued]))
        .select(messages::id)
        .load(conn)
}

#[derive(QueryableByName)]
struct ToldRow {
    #[diesel(sql_type = Text)]
    contact_id: ContactId,
    #[diesel(sql_type = Text)]
    email: String,
    #[diesel(sql_type = Nullable<Text>)]
    name: Option<String>,
    #[diesel(sql_type = Text)]
    deadline: String,
    #[diesel(sql_type = Nullable<BigInt>)]
    sent_at: Option<Time>,
    #[diesel(sql_type = BigInt)]
    in_all: i64,
}

/// Who was told another day by the latest message to them that left, and how many they are.
pub(super) fn told_otherwise(conn: &mut Conn, cohort: &Cohort, limit: usize) -> QueryResult<(Vec<Told>, i64)> {
    let mut ask = Statement::default();
    ask.push(
        "SELECT p.id AS contact_id, p.email AS email, p.name AS name, c.deadline AS deadline, m.sent_at AS sent_at, count(*) OVER () AS in_all ",
    );
    ask.push("FROM cohort_messages c JOIN messages m ON m.id = c.message_id JOIN contacts p ON p.id = c.contact_id ");
    ask.push("WHERE m.sent_at IS NOT NULL AND c.phase <> 'completion' AND p.erased_at IS NULL AND c.cohort_id = ").text(cohort.id.as_str());
    ask.push(" AND c.deadline <> ").text(&cohort.deadline);
    ask.push(" AND NOT EXISTS (SELECT 1 FROM cohort_messages l JOIN messages n ON n.id = l.message_id WHERE l.cohort_id = c.cohort_id ");
    ask.push("AND l.contact_id = c.contact_id AND l.phase <> 'completion' AND n.sent_at IS NOT NULL AND (n.sent_at > m.sent_at OR ");
    ask.push("(n.sent_at = m.sent_at AND n.id > m.id))) ");
    ask.push(format!("ORDER BY m.sent_at DESC, m.id DESC LIMIT {limit}"));
    let rows = ask.load::<ToldRow>(conn)?;
    let in_all = rows.first().map_or(0, |row| row.in_all);
    let told = |row: ToldRow| Told { contact_id: row.contact_id, email: row.email, name: row.name, deadline: row.deadline, sent_at: row.sent_at };
    Ok((rows.into_iter().map(told).collect(), in_all))
}

/// Takes away what belongs to a cohort. Its messages stay.
pub(super) fn delete_with_rounds(conn: &mut Conn, id: &CohortId) -> QueryResult<()> {
    diesel::delete(cohort_messages::table.filter(cohort_messages::cohort_id.eq(id))).execute(conn)?;
    diesel::delete(cohort_rounds::table.filter(cohort_rounds::cohort_id.eq(id))).execute(conn)?;
    diesel::delete(cohort_comparisons::table.filter(cohort_comparisons::cohort_id.eq(id))).execute(conn)?;
    diesel::delete(cohorts::table.find(id)).execute(conn).map(drop)
}

pub(super) fn insert_comparison(conn: &mut Conn, row: &Comparison) -> QueryResult<()> {
    diesel::insert_into(cohort_comparisons::table).values(row.clone()).execute(conn).map(drop)
}

pub(super) fn latest_comparison(conn: &mut Conn, id: &CohortId) -> QueryResult<Option<Comparison>> {
    cohort_comparisons::table.filter(cohort_comparisons::cohort_id.eq(id)).order(cohort_comparisons::id.desc()).first(conn).optional()
}
