//! SQL of templates.

use diesel::dsl::max;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Integer, Text};

use crate::db::Conn;
use crate::db::schema::{messages, sequences, template_messages, template_versions, templates};
use crate::db::statement::Statement;
use crate::domain::actor::Mailboxes;
use crate::domain::ids::{CampaignId, MailboxId, MessageId, SequenceId, TemplateId, TemplateVersionId};
use crate::domain::messages::State;
use crate::domain::paging::one_more;

use super::{Template, Version};

pub(super) fn by_id(conn: &mut Conn, id: &TemplateId) -> QueryResult<Option<Template>> {
    templates::table.find(id).first(conn).optional()
}

pub(super) fn by_name(conn: &mut Conn, name: &str) -> QueryResult<Option<TemplateId>> {
    templates::table.filter(templates::name.eq(name)).select(templates::id).first(conn).optional()
}

/// One template, held until the transaction ends.
pub(super) fn held(conn: &mut Conn, id: &TemplateId) -> QueryResult<Option<Template>> {
    diesel::update(templates::table.find(id)).set(templates::updated_at.eq(templates::updated_at)).execute(conn)?;
    by_id(conn, id)
}

pub(super) fn list(conn: &mut Conn, archived: bool, limit: usize, before: Option<&TemplateId>) -> QueryResult<Vec<Template>> {
    let mut query = templates::table.order(templates::id.desc()).limit(one_more(limit)).into_boxed();
    query = if archived { query.filter(templates::archived_at.is_not_null()) } else { query.filter(templates::archived_at.is_null()) };
    if let Some(before) = before {
        query = query.filter(templates::id.lt(before.clone()));
    }
    query.load(conn)
}

pub(super) fn insert(conn: &mut Conn, row: &Template) -> QueryResult<()> {
    diesel::insert_into(templates::table).values(row.clone()).execute(conn).map(drop)
}

pub(super) fn update(conn: &mut Conn, row: &Template) -> QueryResult<()> {
    diesel::update(templates::table.find(&row.id))
        .set((templates::archived_at.eq(row.archived_at), templates::updated_at.eq(row.updated_at)))
        .execute(conn)
        .map(drop)
}

pub(super) fn insert_version(conn: &mut Conn, version: &Version) -> QueryResult<()> {
    diesel::insert_into(template_versions::table).values(version.clone()).execute(conn).map(drop)
}

/// The versions, the newest first.
pub(super) fn versions(conn: &mut Conn, id: &TemplateId) -> QueryResult<Vec<Version>> {
    template_versions::table.filter(template_versions::template_id.eq(id)).order(template_versions::version.desc()).load(conn)
}

pub(super) fn version(conn: &mut Conn, id: &TemplateId, number: i32) -> QueryResult<Option<Version>> {
    template_versions::table.filter(template_versions::template_id.eq(id)).filter(template_versions::version.eq(number)).first(conn).optional()
}

pub(super) fn version_by_id(conn: &mut Conn, id: &TemplateVersionId) -> QueryResult<Option<Version>> {
    template_versions::table.find(id).first(conn).optional()
}

pub(super) fn highest(conn: &mut Conn, id: &TemplateId) -> QueryResult<i32> {
    let highest: Option<i32> =
        template_versions::table.filter(template_versions::template_id.eq(id)).select(max(template_versions::version)).first(conn)?;
    Ok(highest.unwrap_or(0))
}

pub(super) fn update_approval(conn: &mut Conn, version: &Version) -> QueryResult<()> {
    diesel::update(template_versions::table.find(&version.id))
        .set((
            template_versions::approved_at.eq(version.approved_at),
            template_versions::approved_by.eq(version.approved_by.clone()),
            template_versions::withdrawn_at.eq(version.withdrawn_at),
            template_versions::withdrawn_by.eq(version.withdrawn_by.clone()),
            template_versions::taken_back_to.eq(version.taken_back_to.clone()),
        ))
        .execute(conn)
        .map(drop)
}

pub(super) fn insert_message(conn: &mut Conn, message: &MessageId, version: &TemplateVersionId) -> QueryResult<()> {
    diesel::insert_into(template_messages::table)
        .values((template_messages::message_id.eq(message), template_messages::template_version_id.eq(version)))
        .execute(conn)
        .map(drop)
}

#[derive(QueryableByName)]
struct Counted {
    #[diesel(sql_type = Integer)]
    version: i32,
    #[diesel(sql_type = Text)]
    state: State,
    #[diesel(sql_type = BigInt)]
    n: i64,
}

/// Messages made from each version, by state.
pub(super) fn messages_of(conn: &mut Conn, id: &TemplateId, reach: &Mailboxes) -> QueryResult<Vec<(i32, State, i64)>> {
    let mut ask = Statement::default();
    ask.push("SELECT v.version AS version, m.state AS state, count(*) AS n FROM template_versions v ");
    ask.push("JOIN template_messages t ON t.template_version_id = v.id JOIN messages m ON m.id = t.message_id ");
    ask.push("WHERE m.planted = FALSE AND v.template_id = ").text(id.as_str());
    if let Mailboxes::These(ids) = reach {
        if ids.is_empty() {
            return Ok(vec![]);
        }
        ask.push(" AND m.mailbox_id IN ").texts(ids.iter().map(MailboxId::as_str));
    }
    ask.push(" GROUP BY v.version, m.state");
    Ok(ask.load::<Counted>(conn)?.into_iter().map(|row| (row.version, row.state, row.n)).collect())
}

/// How many messages made from a version were let go and have not left.
pub(super) fn cleared_messages_of(conn: &mut Conn, version: &TemplateVersionId) -> QueryResult<i64> {
    template_messages::table
        .inner_join(messages::table.on(messages::id.eq(template_messages::message_id)))
        .filter(template_messages::template_version_id.eq(version))
        .filter(messages::state.eq_any([State::Approved, State::Queued]))
        .count()
        .get_result(conn)
}

/// Messages made from a version, in order, behind this one.
pub(super) fn messages_behind(conn: &mut Conn, version: &TemplateVersionId, last: &str, most: i64) -> QueryResult<Vec<MessageId>> {
    template_messages::table
        .filter(template_messages::template_version_id.eq(version))
        .filter(template_messages::message_id.gt(MessageId::from(last)))
        .order(template_messages::message_id)
        .limit(most)
        .select(template_messages::message_id)
        .load(conn)
}

/// Of these messages, those whose warrant rests on an approval of their version that was withdrawn: issued before that, or by a
/// mode, which lets out what is approved.
pub(super) fn withdrawn_among<'m>(conn: &mut Conn, ids: impl Iterator<Item = &'m MessageId>) -> QueryResult<Vec<MessageId>> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Text)]
        message_id: MessageId,
    }
    let mut ask = Statement::kept();
    ask.push("SELECT t.message_id AS message_id FROM template_messages t JOIN template_versions v ON v.id = t.template_version_id ");
    ask.push("JOIN outbox o ON o.message_id = t.message_id JOIN warrants w ON w.id = o.warrant_id ");
    ask.push("WHERE v.withdrawn_at IS NOT NULL AND (w.issued_at <= v.withdrawn_at OR w.cleared_by IN ('allow_list', 'monitored', 'autonomous')) ");
    ask.push("AND t.message_id").among(ids.map(MessageId::as_str));
    Ok(ask.load::<Row>(conn)?.into_iter().map(|row| row.message_id).collect())
}

/// A version of which messages are to be taken back.
pub(super) fn next_to_take_back(conn: &mut Conn) -> QueryResult<Option<TemplateVersionId>> {
    template_versions::table
        .filter(template_versions::taken_back_to.is_not_null())
        .order(template_versions::id)
        .select(template_versions::id)
        .first(conn)
        .optional()
}

/// One version, held until the transaction ends.
pub(super) fn held_version(conn: &mut Conn, id: &TemplateVersionId) -> QueryResult<Option<Version>> {
    diesel::update(template_versions::table.find(id)).set(template_versions::taken_back_to.eq(template_versions::taken_back_to)).execute(conn)?;
    version_by_id(conn, id)
}

/// Sequences whose steps name a template.
pub(super) fn sequences_with(conn: &mut Conn, id: &TemplateId, reach: &Mailboxes) -> QueryResult<Vec<(SequenceId, String)>> {
    let mut query = sequences::table
        .filter(sequences::archived_at.is_null())
        .filter(sequences::steps.like(format!("%\"{}\"%", id.as_str().replace(['%', '_'], ""))))
        .order(sequences::id.desc())
        .limit(100)
        .select((sequences::id, sequences::name))
        .into_boxed();
    if let Mailboxes::These(ids) = reach {
        query = query.filter(sequences::mailbox_id.eq_any(ids.clone()));
    }
    query.load(conn)
}

#[derive(QueryableByName)]
struct NamedCampaign {
    #[diesel(sql_type = Text)]
    id: CampaignId,
    #[diesel(sql_type = Text)]
    name: String,
}

/// Campaigns that a template was drafted for, the newest first.
pub(super) fn campaigns_with(conn: &mut Conn, id: &TemplateId, reach: &Mailboxes) -> QueryResult<Vec<(CampaignId, String)>> {
    let mut ask = Statement::default();
    ask.push("SELECT DISTINCT c.id AS id, c.name AS name FROM template_versions v JOIN campaign_rounds r ON r.template_version_id = v.id ");
    ask.push("JOIN campaigns c ON c.id = r.campaign_id WHERE v.template_id = ").text(id.as_str());
    if let Mailboxes::These(ids) = reach {
        if ids.is_empty() {
            return Ok(vec![]);
        }
        ask.push(" AND r.mailbox_id IN ").texts(ids.iter().map(MailboxId::as_str));
    }
    ask.push(" ORDER BY c.id DESC LIMIT 100");
    Ok(ask.load::<NamedCampaign>(conn)?.into_iter().map(|row| (row.id, row.name)).collect())
}
