//! SQL of referrals.

use diesel::dsl::exists;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};

use crate::clock::Time;
use crate::db::Conn;
use crate::db::schema::{contacts, message_prompts, referral_conversions, referral_rewards, referral_salts, referral_visitors, referrals};
use crate::db::statement::Statement;
use crate::domain::actor::Mailboxes;
use crate::domain::ids::{ContactId, MessageId, ReferralId, RowId};
use crate::domain::messages::State;
use crate::domain::paging::one_more;
use crate::on_either;

use super::fatigue::Prompt;
use super::{Conversion, Owned, Referral, Reward};

pub(super) fn by_id(conn: &mut Conn, id: &ReferralId) -> QueryResult<Option<Referral>> {
    referrals::table.find(id).first(conn).optional()
}

pub(super) fn by_code(conn: &mut Conn, code: &str) -> QueryResult<Option<Referral>> {
    referrals::table.filter(referrals::code.eq(code)).first(conn).optional()
}

/// One referral, held until the transaction ends.
pub(super) fn held(conn: &mut Conn, id: &ReferralId) -> QueryResult<Referral> {
    diesel::update(referrals::table.find(id)).set(referrals::clicks.eq(referrals::clicks)).execute(conn)?;
    referrals::table.find(id).first(conn)
}

pub(super) fn of_contact(conn: &mut Conn, contact: &ContactId) -> QueryResult<Vec<Referral>> {
    referrals::table.filter(referrals::contact_id.eq(contact)).order(referrals::id).limit(100).load(conn)
}

pub(super) fn of_contact_to(conn: &mut Conn, contact: &ContactId, target: &str) -> QueryResult<Option<Referral>> {
    referrals::table.filter(referrals::contact_id.eq(contact)).filter(referrals::target_url.eq(target)).first(conn).optional()
}

pub(super) fn list(conn: &mut Conn, contact: Option<&ContactId>, limit: usize, before: Option<&ReferralId>) -> QueryResult<Vec<Owned>> {
    let mut query = referrals::table
        .inner_join(contacts::table.on(contacts::id.eq(referrals::contact_id)))
        .order(referrals::id.desc())
        .limit(one_more(limit))
        .select((referrals::all_columns, contacts::all_columns))
        .into_boxed();
    if let Some(contact) = contact {
        query = query.filter(referrals::contact_id.eq(contact.clone()));
    }
    if let Some(before) = before {
        query = query.filter(referrals::id.lt(before.clone()));
    }
    query.load(conn)
}

pub(super) fn insert(conn: &mut Conn, row: &Referral) -> QueryResult<()> {
    diesel::insert_into(referrals::table).values(row.clone()).execute(conn).map(drop)
}

pub(super) fn salt(conn: &mut Conn, day: &str) -> QueryResult<Option<String>> {
    referral_salts::table.find(day).select(referral_salts::salt).first(conn).optional()
}

pub(super) fn insert_salt(conn: &mut Conn, day: &str, salt: &str) -> QueryResult<()> {
    on_either!(conn, inner => diesel::insert_into(referral_salts::table)
        .values((referral_salts::day.eq(day), referral_salts::salt.eq(salt)))
        .on_conflict_do_nothing()
        .execute(inner)
        .map(drop))
}

pub(super) fn forget_before(conn: &mut Conn, day: &str) -> QueryResult<()> {
    diesel::delete(referral_visitors::table.filter(referral_visitors::day.lt(day))).execute(conn)?;
    diesel::delete(referral_salts::table.filter(referral_salts::day.lt(day))).execute(conn).map(drop)
}

pub(super) fn was_here(conn: &mut Conn, id: &ReferralId, visitor: &str) -> QueryResult<bool> {
    diesel::select(exists(referral_visitors::table.find((id, visitor)))).get_result(conn)
}

pub(super) fn visitors(conn: &mut Conn, id: &ReferralId) -> QueryResult<i64> {
    referral_visitors::table.filter(referral_visitors::referral_id.eq(id)).count().get_result(conn)
}

pub(super) fn insert_visitor(conn: &mut Conn, id: &ReferralId, visitor: &str, day: &str) -> QueryResult<()> {
    diesel::insert_into(referral_visitors::table)
        .values((referral_visitors::referral_id.eq(id), referral_visitors::visitor.eq(visitor), referral_visitors::day.eq(day)))
        .execute(conn)
        .map(drop)
}

pub(super) fn count_click(conn: &mut Conn, id: &ReferralId, now: Time) -> QueryResult<()> {
    diesel::update(referrals::table.find(id))
        .set((referrals::clicks.eq(referrals::clicks + 1), referrals::last_click_at.eq(now)))
        .execute(conn)
        .map(drop)
}

pub(super) fn count_conversion(conn: &mut Conn, id: &ReferralId, now: Time) -> QueryResult<()> {
    diesel::update(referrals::table.find(id))
        .set((referrals::conversions.eq(referrals::conversions + 1), referrals::last_conversion_at.eq(now)))
        .execute(conn)
        .map(drop)
}

pub(super) fn conversions(conn: &mut Conn, id: &ReferralId, limit: i64) -> QueryResult<Vec<Conversion>> {
    referral_conversions::table.filter(referral_conversions::referral_id.eq(id)).order(referral_conversions::id.desc()).limit(limit).load(conn)
}

pub(super) fn conversion_by_external_id(conn: &mut Conn, id: &str) -> QueryResult<Option<Conversion>> {
    referral_conversions::table.filter(referral_conversions::external_id.eq(id)).first(conn).optional()
}

pub(super) fn conversion_by_email(conn: &mut Conn, id: &ReferralId, hash: &str) -> QueryResult<Option<Conversion>> {
    referral_conversions::table
        .filter(referral_conversions::referral_id.eq(id))
        .filter(referral_conversions::email_hash.eq(hash))
        .first(conn)
        .optional()
}

pub(super) fn insert_conversion(conn: &mut Conn, row: &Conversion) -> QueryResult<()> {
    diesel::insert_into(referral_conversions::table).values(row.clone()).execute(conn).map(drop)
}

#[derive(QueryableByName)]
struct Asks {
    #[diesel(sql_type = Text)]
    state: State,
    #[diesel(sql_type = BigInt)]
    n: i64,
}

/// Messages that ask, by state, of the mailboxes within reach.
pub(super) fn asks_by_state(conn: &mut Conn, reach: &Mailboxes) -> QueryResult<Vec<(State, i64)>> {
    let mut ask = Statement::default();
    ask.push(
        "SELECT m.state AS state, count(*) AS n FROM message_prompts p JOIN messages m ON m.id = p.message_id \
         WHERE m.planted = FALSE AND p.prompt = 'ask'",
    );
    if let Mailboxes::These(ids) = reach {
        if ids.is_empty() {
            return Ok(vec![]);
        }
        ask.push(" AND m.mailbox_id IN ").texts(ids.iter().map(|id| id.as_str()));
    }
    ask.push(" GROUP BY m.state");
    Ok(ask.load::<Asks>(conn)?.into_iter().map(|row| (row.state, row.n)).collect())
}

/// All links together.
#[derive(QueryableByName)]
pub(super) struct Totals {
    #[diesel(sql_type = BigInt)]
    pub(super) links: i64,
    #[diesel(sql_type = BigInt)]
    pub(super) sharers: i64,
    #[diesel(sql_type = BigInt)]
    pub(super) clicks: i64,
    #[diesel(sql_type = BigInt)]
    pub(super) conversions: i64,
}

pub(super) fn totals(conn: &mut Conn) -> QueryResult<Totals> {
    let mut ask = Statement::default();
    ask.push("SELECT count(DISTINCT contact_id) AS links, count(DISTINCT CASE WHEN clicks > 0 THEN contact_id END) AS sharers, ");
    ask.push("CAST(coalesce(sum(clicks), 0) AS BIGINT) AS clicks, CAST(coalesce(sum(conversions), 0) AS BIGINT) AS conversions FROM referrals");
    ask.load(conn)?.pop().ok_or(diesel::result::Error::NotFound)
}

#[derive(QueryableByName)]
struct Worth {
    #[diesel(sql_type = Text)]
    currency: String,
    #[diesel(sql_type = BigInt)]
    minor: i64,
}

/// What all conversions are worth, by currency.
pub(super) fn value(conn: &mut Conn) -> QueryResult<Vec<(String, i64)>> {
    let mut ask = Statement::default();
    ask.push("SELECT currency, CAST(sum(value_minor) AS BIGINT) AS minor FROM referral_conversions ");
    ask.push("WHERE currency IS NOT NULL AND value_minor IS NOT NULL GROUP BY currency ORDER BY currency");
    Ok(ask.load::<Worth>(conn)?.into_iter().map(|row| (row.currency, row.minor)).collect())
}

/// Whose link it is, its latest click, its latest conversion.
type Answered = (ContactId, Option<Time>, Option<Time>);

/// A message that asks or reminds.
#[derive(QueryableByName)]
pub(super) struct Prompted {
    #[diesel(sql_type = Text)]
    pub(super) contact_id: ContactId,
    #[diesel(sql_type = Text)]
    pub(super) message_id: MessageId,
    #[diesel(sql_type = Text)]
    pub(super) prompt: Prompt,
    #[diesel(sql_type = Text)]
    pub(super) state: State,
    #[diesel(sql_type = Nullable<BigInt>)]
    pub(super) sent_at: Option<Time>,
    #[diesel(sql_type = BigInt)]
    pub(super) created_at: Time,
    /// Since when it has its turn at the worker.
    #[diesel(sql_type = Nullable<BigInt>)]
    pub(super) leaving_at: Option<Time>,
}

/// Messages to these contacts that ask or remind.
pub(super) fn prompts(conn: &mut Conn, ids: &[ContactId]) -> QueryResult<Vec<Prompted>> {
    let mut ask = Statement::kept();
    ask.push("SELECT m.contact_id, m.id AS message_id, p.prompt, m.state, m.sent_at, m.created_at, s.at AS leaving_at FROM messages m ");
    ask.push("JOIN message_prompts p ON p.message_id = m.id LEFT JOIN sends s ON s.message_id = m.id WHERE m.contact_id");
    ask.among(ids.iter().map(ContactId::as_str));
    ask.push(" AND m.planted = FALSE AND m.is_test = FALSE");
    ask.load(conn)
}

#[derive(QueryableByName)]
struct OfMessage {
    #[diesel(sql_type = Text)]
    id: MessageId,
    #[diesel(sql_type = Text)]
    prompt: Prompt,
}

/// What these messages want, of those that want something.
pub(super) fn prompts_of(conn: &mut Conn, ids: &[MessageId]) -> QueryResult<Vec<(MessageId, Prompt)>> {
    let mut ask = Statement::kept();
    ask.push("SELECT message_id AS id, prompt FROM message_prompts WHERE message_id").among(ids.iter().map(MessageId::as_str));
    Ok(ask.load::<OfMessage>(conn)?.into_iter().map(|row| (row.id, row.prompt)).collect())
}

pub(super) fn tells_of_reward(conn: &mut Conn, id: &MessageId) -> QueryResult<bool> {
    diesel::select(exists(referral_rewards::table.filter(referral_rewards::message_id.eq(id.as_str())))).get_result(conn)
}

pub(super) fn set_prompt(conn: &mut Conn, id: &MessageId, prompt: Option<Prompt>) -> QueryResult<()> {
    diesel::delete(message_prompts::table.find(id)).execute(conn)?;
    let Some(prompt) = prompt else { return Ok(()) };
    diesel::insert_into(message_prompts::table)
        .values((message_prompts::message_id.eq(id), message_prompts::prompt.eq(prompt)))
        .execute(conn)
        .map(drop)
}

/// The latest click and conversion of each link of these contacts.
pub(super) fn answers(conn: &mut Conn, ids: &[ContactId]) -> QueryResult<Vec<Answered>> {
    referrals::table
        .filter(referrals::contact_id.eq_any(ids.to_vec()))
        .select((referrals::contact_id, referrals::last_click_at, referrals::last_conversion_at))
        .load(conn)
}

/// A conversion, if it came of this referral.
pub(super) fn conversion_of(conn: &mut Conn, referral: &ReferralId, id: &RowId) -> QueryResult<Option<Conversion>> {
    referral_conversions::table.find(id).filter(referral_conversions::referral_id.eq(referral)).first(conn).optional()
}

pub(super) fn reward_for(conn: &mut Conn, conversion: &RowId) -> QueryResult<Option<Reward>> {
    referral_rewards::table.filter(referral_rewards::conversion_id.eq(conversion)).first(conn).optional()
}

pub(super) fn insert_reward(conn: &mut Conn, row: &Reward) -> QueryResult<()> {
    diesel::insert_into(referral_rewards::table).values(row.clone()).execute(conn).map(drop)
}

pub(super) fn set_told(conn: &mut Conn, row: &Reward) -> QueryResult<()> {
    diesel::update(referral_rewards::table.find(&row.id)).set(referral_rewards::message_id.eq(row.message_id.clone())).execute(conn).map(drop)
}

pub(super) fn rewards(conn: &mut Conn, referral: &ReferralId, limit: i64) -> QueryResult<Vec<Reward>> {
    referral_rewards::table.filter(referral_rewards::referral_id.eq(referral)).order(referral_rewards::id.desc()).limit(limit).load(conn)
}

pub(super) fn latest_reward(conn: &mut Conn, contact: &ContactId) -> QueryResult<Option<Reward>> {
    referral_rewards::table
        .inner_join(referrals::table.on(referrals::id.eq(referral_rewards::referral_id)))
        .filter(referrals::contact_id.eq(contact))
        .order(referral_rewards::id.desc())
        .select(referral_rewards::all_columns)
        .first(conn)
        .optional()
}

/// The rewards of a contact, by unit.
pub(super) fn earned(conn: &mut Conn, contact: &ContactId) -> QueryResult<Vec<(String, i64)>> {
    let mut ask = Statement::default();
    ask.push("SELECT w.unit AS currency, CAST(sum(w.amount) AS BIGINT) AS minor FROM referral_rewards w ");
    ask.push("JOIN referrals r ON r.id = w.referral_id WHERE r.contact_id = ").text(contact.as_str()).push(" GROUP BY w.unit ORDER BY w.unit");
    Ok(ask.load::<Worth>(conn)?.into_iter().map(|row| (row.currency, row.minor)).collect())
}
