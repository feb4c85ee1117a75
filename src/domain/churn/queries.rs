//! SQL of churn events and their variants.

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Text};

use crate::clock::Time;
use crate::db::Conn;
use crate::db::functions::containing;
use crate::db::schema::{churn_events, match_judgements, model_runs, update_rounds, variants};
use crate::db::statement::Statement;
use crate::db::types::Json;
use crate::domain::actor::Actor;
use crate::domain::contacts::{self, Search};
use crate::domain::ids::{ChurnEventId, ContactId, FactId, MessageId, VariantId, WinbackRuleId};
use crate::domain::messages::State;
use crate::domain::reason::{Reason, ReasonQuote, Strategy};

use super::answers::Judgement;
use super::evidence::Evidence;
use super::rules::picks::Arm;
use super::runs::ModelRun;
use super::shipping::Round;
use super::tenure::Tenure;
use super::variants::Variant;
use super::{ChurnEvent, EventType, Status};

/// Which churn events.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// With this status.
    pub status: Option<Status>,
    /// With this reason.
    pub reason: Option<Reason>,
    /// With these words in name, address or plan.
    pub words: Option<String>,
    /// Who left at or after this time.
    pub since: Option<Time>,
    /// Who left before this time.
    pub end: Option<Time>,
    /// What else must hold.
    pub only: Only,
    /// At most so many.
    pub limit: usize,
    /// Skip so many, for the offset pages of the recovery API.
    pub offset: i64,
    /// Continue after this departure and id.
    pub before: Option<(Time, ChurnEventId)>,
}

/// What else must hold of a departure.
#[derive(Debug, Clone, Default)]
pub struct Only {
    /// With this plan; empty where none is on record.
    pub plan: Option<String>,
    /// With so many days of tenure, or nothing on record.
    pub tenure: Option<Tenure>,
    /// Of the contacts of this segment.
    pub segment: Option<Search>,
    /// With a letter that left, or without one.
    pub mailed: Option<bool>,
    /// Whose latest letter had this strategy.
    pub strategy: Option<Strategy>,
    /// Whose latest letter left from this time on and before that.
    pub letter: Option<(Time, Time)>,
    /// Who answered a letter.
    pub replied: bool,
    /// Who came back from this time on and before that.
    pub back: Option<(Time, Time)>,
    /// Who is neither back nor lost.
    pub open: bool,
    /// Who is not back.
    pub gone: bool,
    /// Who came back with this evidence.
    pub evidence: Option<Evidence>,
    /// Whom a rule picked from this time on and before that, and what became of them.
    pub picked: Option<(Arm, Time, Time)>,
    /// Whom this rule picked.
    pub rule: Option<WinbackRuleId>,
}

pub(super) fn by_id(conn: &mut Conn, id: &ChurnEventId) -> QueryResult<Option<ChurnEvent>> {
    churn_events::table.find(id).first(conn).optional()
}

pub(super) fn insert(conn: &mut Conn, row: &ChurnEvent) -> QueryResult<()> {
    diesel::insert_into(churn_events::table).values(row.clone()).execute(conn).map(drop)
}

pub(super) fn of_contact(conn: &mut Conn, contact: &ContactId) -> QueryResult<Vec<ChurnEvent>> {
    churn_events::table
        .filter(churn_events::contact_id.eq(contact.as_str()))
        .order((churn_events::churned_at.desc(), churn_events::id.desc()))
        .limit(50)
        .load(conn)
}

pub(super) fn same_subscription(conn: &mut Conn, provider: &str, subscription: &str, since: Time) -> QueryResult<Option<ChurnEvent>> {
    churn_events::table
        .filter(churn_events::provider_subscription_id.eq(subscription))
        .filter(churn_events::provider.eq(provider))
        .filter(churn_events::created_at.gt(since))
        .order(churn_events::created_at)
        .first(conn)
        .optional()
}

/// The latest open departure since then of a contact, or of a provider's customer.
pub(super) fn open_of_customer(conn: &mut Conn, contact: Option<&ContactId>, customer: Option<&str>, since: Time) -> QueryResult<Option<ChurnEvent>> {
    let open = || {
        churn_events::table
            .filter(churn_events::created_at.gt(since))
            .filter(churn_events::status.ne_all([Status::Recovered, Status::Lost]))
            .filter(churn_events::event_type.ne(EventType::PaymentFailed))
            .order(churn_events::created_at.desc())
            .into_boxed()
    };
    let mut ways = vec![];
    if let Some(contact) = contact {
        ways.push(open().filter(churn_events::contact_id.eq(contact.as_str().to_owned())));
    }
    if let Some(customer) = customer {
        ways.push(open().filter(churn_events::provider_customer_id.eq(customer.to_owned())));
    }
    for way in ways {
        if let Some(found) = way.first(conn).optional()? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// Departures for inactivity that are open and lie before that activity.
pub(super) fn inactive_before(conn: &mut Conn, contact: &ContactId, at: Time) -> QueryResult<Vec<ChurnEvent>> {
    churn_events::table
        .filter(churn_events::contact_id.eq(contact.as_str()))
        .filter(churn_events::event_type.eq(EventType::Inactive))
        .filter(churn_events::churned_at.lt(at))
        .filter(churn_events::status.ne_all([Status::Recovered, Status::Lost]))
        .load(conn)
}

pub(super) fn set_words(conn: &mut Conn, row: &ChurnEvent, now: Time) -> QueryResult<()> {
    diesel::update(churn_events::table.find(&row.id))
        .set((
            churn_events::cancel_reason.eq(row.cancel_reason.clone()),
            churn_events::cancel_reason_text.eq(row.cancel_reason_text.clone()),
            churn_events::reason.eq(row.reason),
            churn_events::reason_confidence.eq(row.reason_confidence),
            churn_events::reason_quotes.eq(row.reason_quotes.clone()),
            churn_events::updated_at.eq(now),
        ))
        .execute(conn)
        .map(drop)
}

#[derive(QueryableByName)]
struct Picked {
    #[diesel(sql_type = diesel::sql_types::Text)]
    id: ChurnEventId,
}

/// Ids first, by one statement; then their rows.
pub(super) fn list(conn: &mut Conn, filter: &Filter) -> QueryResult<Vec<ChurnEvent>> {
    let mut ask = Statement::default();
    ask.push("SELECT e.id AS id FROM churn_events e WHERE 1 = 1");
    conditions(&mut ask, conn, filter);
    ask.push(" ORDER BY e.churned_at DESC, e.id DESC LIMIT ").number(i64::try_from(filter.limit).unwrap_or(100) + 1);
    ask.push(" OFFSET ").number(filter.offset);
    let ids: Vec<ChurnEventId> = ask.load::<Picked>(conn)?.into_iter().map(|row| row.id).collect();
    let mut rows: Vec<ChurnEvent> = churn_events::table.filter(churn_events::id.eq_any(ids)).load(conn)?;
    rows.sort_by(|a, b| (b.churned_at, &b.id).cmp(&(a.churned_at, &a.id)));
    Ok(rows)
}

fn conditions(ask: &mut Statement, conn: &Conn, filter: &Filter) {
    if let Some(status) = filter.status {
        ask.push(" AND e.status = ").text(status.as_str());
    }
    if let Some(reason) = filter.reason {
        ask.push(" AND e.reason = ").text(reason.as_str());
    }
    if let Some(since) = filter.since {
        ask.push(" AND e.churned_at >= ").number(since.micros());
    }
    if let Some(end) = filter.end {
        ask.push(" AND e.churned_at < ").number(end.micros());
    }
    if let Some((at, id)) = &filter.before {
        ask.push(" AND (e.churned_at, e.id) < (").number(at.micros()).push(", ").text(id.as_str()).push(")");
    }
    if let Some(words) = &filter.words {
        let pattern = containing(words);
        for (position, column) in ["customer_email", "customer_name", "plan_name"].into_iter().enumerate() {
            ask.push(if position == 0 { " AND (" } else { " OR " });
            ask.push(format!("lower(e.{column}) LIKE ")).text(&pattern).push(" ESCAPE '\\'");
        }
        ask.push(")");
    }
    only(ask, conn, &filter.only);
}

fn only(ask: &mut Statement, conn: &Conn, only: &Only) {
    if let Some(plan) = &only.plan {
        match plan.as_str() {
            "" => ask.push(" AND coalesce(e.plan_name, '') = ''"),
            plan => ask.push(" AND e.plan_name = ").text(plan),
        };
    }
    match only.tenure {
        Some(Tenure::Unknown) => drop(ask.push(" AND e.tenure_days IS NULL")),
        Some(tenure) => {
            let (from, to) = tenure.days();
            ask.push(" AND e.tenure_days >= ").number(from).push(" AND e.tenure_days <= ").number(to);
        }
        None => {}
    }
    if let Some(segment) = &only.segment {
        ask.push(" AND ");
        contacts::push_found(ask, conn, "e.contact_id", segment);
    }
    match only.mailed {
        Some(true) => drop(ask.push(" AND e.window_ends_at IS NOT NULL")),
        Some(false) => drop(ask.push(" AND e.window_ends_at IS NULL")),
        None => {}
    }
    if let Some(strategy) = only.strategy {
        ask.push(" AND e.letter_strategy = ").text(strategy.as_str());
    }
    if only.replied {
        ask.push(" AND e.replied_at IS NOT NULL");
    }
    if only.gone {
        ask.push(" AND e.status <> 'recovered'");
    }
    if only.open {
        ask.push(" AND e.status NOT IN ('recovered', 'lost')");
    }
    if let Some(evidence) = only.evidence {
        ask.push(" AND e.evidence = ").text(evidence.as_str());
    }
    if let Some((arm, from, end)) = only.picked {
        ask.push(" AND e.id IN (SELECT p.churn_event_id FROM winback_picks p WHERE p.arm = ").text(arm.as_str());
        ask.push(" AND p.picked_at >= ").number(from.micros()).push(" AND p.picked_at < ").number(end.micros()).push(")");
    }
    if let Some(rule) = &only.rule {
        ask.push(" AND e.id IN (SELECT p.churn_event_id FROM winback_picks p WHERE p.rule_id = ").text(rule.as_str()).push(")");
    }
    let mut between = |column: &str, times: Option<(Time, Time)>| {
        if let Some((from, end)) = times {
            ask.push(format!(" AND {column} >= ")).number(from.micros()).push(format!(" AND {column} < ")).number(end.micros());
        }
    };
    between("e.letter_at", only.letter);
    between("coalesce(e.recovered_at, e.churned_at)", only.back);
    if let Some((_, end)) = only.back {
        // Nobody comes back before they left.
        ask.push(" AND e.status = 'recovered' AND e.churned_at < ").number(end.micros());
    }
}

pub(super) fn set_status(conn: &mut Conn, id: &ChurnEventId, from: Status, to: Status, now: Time) -> QueryResult<bool> {
    let changed = diesel::update(churn_events::table.find(id).filter(churn_events::status.eq(from)))
        .set((churn_events::status.eq(to), churn_events::updated_at.eq(now)))
        .execute(conn)?;
    Ok(changed == 1)
}

/// The letter that left, and until when it may bring them back.
pub(super) fn set_letter(conn: &mut Conn, id: &ChurnEventId, strategy: Strategy, now: Time, end: Time) -> QueryResult<()> {
    diesel::update(churn_events::table.find(id))
        .set((churn_events::window_ends_at.eq(end), churn_events::letter_strategy.eq(strategy), churn_events::letter_at.eq(now)))
        .execute(conn)
        .map(drop)
}

/// The first answer counts.
pub(super) fn set_replied(conn: &mut Conn, id: &ChurnEventId, now: Time) -> QueryResult<()> {
    diesel::update(churn_events::table.find(id).filter(churn_events::replied_at.is_null()))
        .set(churn_events::replied_at.eq(now))
        .execute(conn)
        .map(drop)
}

/// Those who were written to and whose window is over, the oldest first.
pub(super) fn window_over(conn: &mut Conn, now: Time, limit: i64) -> QueryResult<Vec<ChurnEventId>> {
    churn_events::table
        .filter(sql::<Bool>("churn_events.status = 'email_sent'"))
        .filter(churn_events::window_ends_at.le(now))
        .order(churn_events::window_ends_at)
        .limit(limit)
        .select(churn_events::id)
        .load(conn)
}

pub(super) fn set_recovered(conn: &mut Conn, id: &ChurnEventId, at: Time, evidence: Evidence) -> QueryResult<()> {
    diesel::update(churn_events::table.find(id)).set((churn_events::recovered_at.eq(at), churn_events::evidence.eq(evidence))).execute(conn).map(drop)
}

pub(super) fn hold(conn: &mut Conn, id: &ChurnEventId) -> QueryResult<()> {
    diesel::update(churn_events::table.find(id)).set(churn_events::updated_at.eq(churn_events::updated_at)).execute(conn).map(drop)
}

/// When somebody first followed a link in a letter about this departure.
pub(super) fn first_click(conn: &mut Conn, id: &ChurnEventId) -> QueryResult<Option<Time>> {
    variants::table
        .filter(variants::churn_event_id.eq(id))
        .filter(variants::clicked_at.is_not_null())
        .order(variants::clicked_at)
        .select(variants::clicked_at.assume_not_null())
        .first(conn)
        .optional()
}

/// Notes that they followed a link in the latest letter that left; false where none did. The first time counts.
pub(super) fn set_clicked(conn: &mut Conn, id: &ChurnEventId, at: Time) -> QueryResult<bool> {
    let latest: Option<VariantId> = variants::table
        .filter(variants::churn_event_id.eq(id))
        .filter(variants::sent_at.is_not_null())
        .order(variants::sent_at.desc())
        .select(variants::id)
        .first(conn)
        .optional()?;
    let Some(latest) = latest else { return Ok(false) };
    diesel::update(variants::table.find(latest).filter(variants::clicked_at.is_null())).set(variants::clicked_at.eq(at)).execute(conn)?;
    Ok(true)
}

pub(super) fn set_reason(conn: &mut Conn, id: &ChurnEventId, reason: Reason, by: &str, now: Time) -> QueryResult<()> {
    diesel::update(churn_events::table.find(id))
        .set((
            churn_events::reason.eq(reason),
            churn_events::reason_confidence.eq(100),
            churn_events::reason_corrected_by.eq(by),
            churn_events::updated_at.eq(now),
        ))
        .execute(conn)
        .map(drop)
}

pub(super) fn set_heard_reason(
    conn: &mut Conn,
    id: &ChurnEventId,
    reason: Reason,
    confidence: i32,
    quotes: &Json<Vec<ReasonQuote>>,
    now: Time,
) -> QueryResult<()> {
    diesel::update(churn_events::table.find(id))
        .set((
            churn_events::reason.eq(reason),
            churn_events::reason_confidence.eq(confidence),
            churn_events::reason_quotes.eq(quotes),
            churn_events::updated_at.eq(now),
        ))
        .execute(conn)
        .map(drop)
}

pub(super) fn insert_variant(conn: &mut Conn, row: &Variant) -> QueryResult<()> {
    diesel::insert_into(variants::table).values(row.clone()).execute(conn).map(drop)
}

pub(super) fn insert_model_run(conn: &mut Conn, row: &ModelRun) -> QueryResult<()> {
    diesel::insert_into(model_runs::table).values(row.clone()).execute(conn).map(drop)
}

pub(super) fn model_runs(conn: &mut Conn, event: &ChurnEventId) -> QueryResult<Vec<ModelRun>> {
    model_runs::table.filter(model_runs::churn_event_id.eq(event)).order(model_runs::created_at).load(conn)
}

pub(super) fn variants(conn: &mut Conn, event: &ChurnEventId) -> QueryResult<Vec<Variant>> {
    variants::table.filter(variants::churn_event_id.eq(event)).order(variants::position).load(conn)
}

pub(super) fn variant(conn: &mut Conn, event: &ChurnEventId, id: &VariantId) -> QueryResult<Option<Variant>> {
    variants::table.find(id).filter(variants::churn_event_id.eq(event)).first(conn).optional()
}

pub(super) fn variant_of_message(conn: &mut Conn, message: &MessageId) -> QueryResult<Option<Variant>> {
    variants::table.filter(variants::message_id.eq(message.as_str())).first(conn).optional()
}

pub(super) fn set_variant_message(conn: &mut Conn, id: &VariantId, message: &MessageId) -> QueryResult<()> {
    diesel::update(variants::table.find(id)).set(variants::message_id.eq(message.as_str())).execute(conn).map(drop)
}

pub(super) fn set_variant_words(conn: &mut Conn, row: &Variant, actor: &Actor) -> QueryResult<bool> {
    let changed = diesel::update(variants::table.find(&row.id).filter(variants::sent_at.is_null()))
        .set((
            variants::subject.eq(&row.subject),
            variants::text_body.eq(&row.text_body),
            variants::html_body.eq(&row.html_body),
            variants::edited_kind.eq(actor.kind()),
            variants::edited_id.eq(actor.id()),
        ))
        .execute(conn)?;
    Ok(changed == 1)
}

pub(super) fn set_variant_sent(conn: &mut Conn, id: &VariantId, now: Time) -> QueryResult<()> {
    diesel::update(variants::table.find(id).filter(variants::sent_at.is_null())).set(variants::sent_at.eq(now)).execute(conn).map(drop)
}

pub(super) fn judged(conn: &mut Conn, limit: i64) -> QueryResult<Vec<(i32, bool)>> {
    match_judgements::table
        .order(match_judgements::judged_at.desc())
        .limit(limit)
        .select((match_judgements::score, match_judgements::accepted))
        .load(conn)
}

pub(super) fn judgements(conn: &mut Conn, event: &ChurnEventId) -> QueryResult<Vec<Judgement>> {
    match_judgements::table.filter(match_judgements::churn_event_id.eq(event)).load(conn)
}

pub(super) fn put_judgement(conn: &mut Conn, row: &Judgement) -> QueryResult<()> {
    let known = match_judgements::table.find((&row.churn_event_id, &row.fact_id));
    if diesel::update(known).set(row.clone()).execute(conn)? == 0 {
        diesel::insert_into(match_judgements::table).values(row.clone()).execute(conn)?;
    }
    Ok(())
}

pub(super) fn round(conn: &mut Conn, fact: &FactId) -> QueryResult<Option<Round>> {
    update_rounds::table.find(fact).first(conn).optional()
}

pub(super) fn insert_round(conn: &mut Conn, row: &Round) -> QueryResult<()> {
    diesel::insert_into(update_rounds::table).values(row.clone()).execute(conn).map(drop)
}

pub(super) fn due_round(conn: &mut Conn, today: &str) -> QueryResult<Option<Round>> {
    update_rounds::table
        .filter(update_rounds::finished_at.is_null())
        .filter(update_rounds::due_on.le(today))
        .order(update_rounds::created_at)
        .first(conn)
        .optional()
}

pub(super) fn update_round(conn: &mut Conn, row: &Round) -> QueryResult<()> {
    diesel::update(update_rounds::table.find(&row.fact_id))
        .set((
            update_rounds::last_event.eq(&row.last_event),
            update_rounds::asked.eq(row.asked),
            update_rounds::drafted.eq(row.drafted),
            update_rounds::finished_at.eq(row.finished_at),
        ))
        .execute(conn)
        .map(drop)
}

/// Departures of people who can be written to and have not come back, in the order of intake.
pub(super) fn departures_after(conn: &mut Conn, last: &str, limit: i64) -> QueryResult<Vec<ChurnEvent>> {
    churn_events::table
        .filter(churn_events::id.gt(last))
        .filter(churn_events::contact_id.is_not_null())
        .filter(churn_events::customer_email.is_not_null())
        .filter(churn_events::status.ne_all([Status::Recovered, Status::Lost]))
        .order(churn_events::id)
        .limit(limit)
        .load(conn)
}

pub(super) fn all_judgements(conn: &mut Conn) -> QueryResult<Vec<Judgement>> {
    match_judgements::table.order(match_judgements::judged_at.desc()).limit(5000).load(conn)
}

/// Whether a letter that a rule drafted to this contact waits or is on its way.
pub(super) fn rule_letter_is_open(conn: &mut Conn, contact: &ContactId) -> QueryResult<bool> {
    #[derive(QueryableByName)]
    struct Found {
        #[diesel(sql_type = Text)]
        _id: String,
    }
    let mut ask = Statement::kept();
    ask.push("SELECT v.id AS _id FROM churn_events e JOIN winback_picks p ON p.churn_event_id = e.id JOIN variants v ON v.churn_event_id = e.id ");
    ask.push("JOIN messages m ON m.id = v.message_id WHERE p.arm = 'letter' AND v.sent_at IS NULL AND e.contact_id = ").text(contact.as_str());
    ask.push(" AND m.state NOT IN ").texts(State::NEVER_LEFT.iter().map(|state| state.as_str())).push(" LIMIT 1");
    Ok(!ask.load::<Found>(conn)?.is_empty())
}
