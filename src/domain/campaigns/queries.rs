//! SQL of campaigns.

use std::collections::HashSet;

use diesel::dsl::{exists, sql};
use diesel::prelude::*;
use diesel::sql_types::Bool;

use crate::clock::Time;
use crate::db::Conn;
use crate::db::schema::{campaign_contacts, campaign_rounds, campaigns, mailbox_campaigns, messages, outbox};
use crate::domain::actor::Mailboxes;
use crate::domain::ids::{CampaignId, ContactId, MailboxId, MessageId, RowId, TemplateId};
use crate::domain::paging::one_more;
use crate::domain::rounds::Aside;

use super::rounds::Round;
use super::{Campaign, WAITS_FOR};

pub(super) fn by_id(conn: &mut Conn, id: &CampaignId) -> QueryResult<Option<Campaign>> {
    campaigns::table.find(id).first(conn).optional()
}

pub(super) fn by_name(conn: &mut Conn, name: &str) -> QueryResult<Option<Campaign>> {
    campaigns::table.filter(campaigns::name.eq(name)).first(conn).optional()
}

pub(super) fn list(conn: &mut Conn, reach: &Mailboxes, archived: bool, limit: usize, before: Option<&CampaignId>) -> QueryResult<Vec<Campaign>> {
    let mut query = campaigns::table.order(campaigns::id.desc()).limit(one_more(limit)).into_boxed();
    query = if archived { query.filter(campaigns::archived_at.is_not_null()) } else { query.filter(campaigns::archived_at.is_null()) };
    if let Mailboxes::These(ids) = reach {
        query = query.filter(campaigns::mailbox_id.is_null().or(campaigns::mailbox_id.assume_not_null().eq_any(ids.clone())));
    }
    if let Some(before) = before {
        query = query.filter(campaigns::id.lt(before.clone()));
    }
    query.load(conn)
}

/// Of these labels, those that campaigns have.
pub(super) fn names_among(conn: &mut Conn, labels: &[String]) -> QueryResult<HashSet<String>> {
    Ok(campaigns::table.filter(campaigns::name.eq_any(labels.to_vec())).select(campaigns::name).load::<String>(conn)?.into_iter().collect())
}

/// The newest campaigns for a segment that are neither stopped nor put away, but for one.
pub(super) fn under_way_with_segment(conn: &mut Conn, reach: &Mailboxes, but: Option<&CampaignId>, limit: usize) -> QueryResult<Vec<Campaign>> {
    let mut query = campaigns::table
        .filter(campaigns::archived_at.is_null())
        .filter(campaigns::stopped_at.is_null())
        .filter(campaigns::segment_id.is_not_null())
        .order(campaigns::id.desc())
        .limit(i64::try_from(limit).unwrap_or(20))
        .into_boxed();
    if let Some(but) = but {
        query = query.filter(campaigns::id.ne(but.clone()));
    }
    if let Mailboxes::These(ids) = reach {
        query = query.filter(campaigns::mailbox_id.is_null().or(campaigns::mailbox_id.assume_not_null().eq_any(ids.clone())));
    }
    query.load(conn)
}

pub(super) fn insert(conn: &mut Conn, row: &Campaign) -> QueryResult<()> {
    diesel::insert_into(campaigns::table).values(row.clone()).execute(conn).map(drop)
}

pub(super) fn update(conn: &mut Conn, row: &Campaign) -> QueryResult<()> {
    diesel::update(campaigns::table.find(&row.id))
        .set((
            campaigns::goal.eq(row.goal.clone()),
            campaigns::segment_id.eq(row.segment_id.clone()),
            campaigns::mailbox_id.eq(row.mailbox_id.clone()),
            campaigns::stopped_at.eq(row.stopped_at),
            campaigns::stopped_by.eq(row.stopped_by.clone()),
            campaigns::archived_at.eq(row.archived_at),
            campaigns::updated_at.eq(row.updated_at),
            campaigns::topic_id.eq(row.topic_id.clone()),
        ))
        .execute(conn)
        .map(drop)
}

/// Whether a message belongs to a campaign that is stopped.
pub(super) fn stops(conn: &mut Conn, id: &MessageId) -> QueryResult<bool> {
    let stopped = messages::table
        .inner_join(campaigns::table.on(campaigns::name.nullable().eq(messages::campaign)))
        .filter(messages::id.eq(id))
        .filter(campaigns::stopped_at.is_not_null());
    diesel::select(exists(stopped)).get_result(conn)
}

pub(super) fn stopped_among(conn: &mut Conn, labels: &HashSet<&str>) -> QueryResult<Vec<String>> {
    let labels: Vec<String> = labels.iter().map(|label| (*label).to_owned()).collect();
    campaigns::table.filter(campaigns::stopped_at.is_not_null()).filter(campaigns::name.eq_any(labels)).select(campaigns::name).load(conn)
}

/// The mailboxes in which there are messages with this label.
pub(super) fn mailboxes_of(conn: &mut Conn, label: &str) -> QueryResult<Vec<MailboxId>> {
    mailbox_campaigns::table.filter(mailbox_campaigns::name.eq(label)).select(mailbox_campaigns::mailbox_id).load(conn)
}

pub(super) fn put_aside(conn: &mut Conn, id: &MessageId, until: Time, now: Time) -> QueryResult<()> {
    diesel::update(outbox::table.find(id).filter(outbox::state.eq("queued")))
        .set((outbox::not_before.eq(until), outbox::waits_for.eq(WAITS_FOR), outbox::updated_at.eq(now)))
        .execute(conn)
        .map(drop)
}

/// Makes what was put aside due again.
pub(super) fn release(conn: &mut Conn, label: &str, now: Time) -> QueryResult<()> {
    let of_campaign =
        messages::table.filter(messages::campaign.eq(label)).filter(messages::state.eq_any(["queued", "approved"])).select(messages::id);
    diesel::update(
        outbox::table
            .filter(sql::<Bool>("outbox.state = 'queued'"))
            .filter(outbox::waits_for.eq(WAITS_FOR))
            .filter(outbox::message_id.eq_any(of_campaign)),
    )
    .set((outbox::not_before.eq(now), outbox::waits_for.eq(None::<String>), outbox::updated_at.eq(now)))
    .execute(conn)
    .map(drop)
}

/// Keeps what is compared, and nothing else: somebody may stop the campaign meanwhile.
pub(super) fn update_comparison(conn: &mut Conn, row: &Campaign) -> QueryResult<()> {
    diesel::update(campaigns::table.find(&row.id))
        .set((
            campaigns::variants.eq(row.variants.clone()),
            campaigns::measure.eq(row.measure),
            campaigns::shifts.eq(row.shifts),
            campaigns::updated_at.eq(row.updated_at),
        ))
        .execute(conn)
        .map(drop)
}

/// Campaigns in which winners get more by themselves.
pub(super) fn that_shift(conn: &mut Conn) -> QueryResult<Vec<CampaignId>> {
    campaigns::table.filter(campaigns::shifts).filter(campaigns::archived_at.is_null()).order(campaigns::id).select(campaigns::id).load(conn)
}

/// Keeps a campaign from others who would change it until the transaction ends.
pub(super) fn hold(conn: &mut Conn, id: &CampaignId) -> QueryResult<()> {
    diesel::update(campaigns::table.find(id)).set(campaigns::updated_at.eq(campaigns::updated_at)).execute(conn).map(drop)
}

pub(super) fn insert_round(conn: &mut Conn, round: &Round) -> QueryResult<()> {
    diesel::insert_into(campaign_rounds::table).values(round.clone()).execute(conn).map(drop)
}

pub(super) fn rounds(conn: &mut Conn, id: &CampaignId, limit: i64) -> QueryResult<Vec<Round>> {
    campaign_rounds::table.filter(campaign_rounds::campaign_id.eq(id)).order(campaign_rounds::id.desc()).limit(limit).load(conn)
}

/// The oldest round with something left to do that is not set aside, and how often it failed.
pub(super) fn next_round(conn: &mut Conn, now: Time) -> QueryResult<Option<(RowId, i32)>> {
    campaign_rounds::table
        .filter(campaign_rounds::finished_at.is_null())
        .filter(campaign_rounds::cancelled_at.is_null())
        .filter(campaign_rounds::retry_at.is_null().or(campaign_rounds::retry_at.assume_not_null().le(now)))
        .order(campaign_rounds::id)
        .select((campaign_rounds::id, campaign_rounds::failures))
        .first(conn)
        .optional()
}

/// One round, held until the transaction ends.
pub(super) fn held_round(conn: &mut Conn, id: &RowId) -> QueryResult<Option<Round>> {
    diesel::update(campaign_rounds::table.find(id)).set(campaign_rounds::total.eq(campaign_rounds::total)).execute(conn)?;
    campaign_rounds::table.find(id).first(conn).optional()
}

pub(super) fn update_round(conn: &mut Conn, round: &Round) -> QueryResult<()> {
    diesel::update(campaign_rounds::table.find(&round.id))
        .set((
            campaign_rounds::last_contact.eq(round.last_contact.clone()),
            campaign_rounds::drafted.eq(round.drafted),
            campaign_rounds::left_out.eq(round.left_out),
            campaign_rounds::held_out.eq(round.held_out),
            campaign_rounds::passed_over.eq(round.passed_over),
            campaign_rounds::because.eq(round.because.clone()),
            campaign_rounds::finished_at.eq(round.finished_at),
            campaign_rounds::failures.eq(0),
            campaign_rounds::retry_at.eq(None::<Time>),
            campaign_rounds::trouble.eq(None::<String>),
        ))
        .execute(conn)
        .map(drop)
}

pub(super) fn set_round_aside(conn: &mut Conn, id: &RowId, aside: &Aside) -> QueryResult<()> {
    diesel::update(campaign_rounds::table.find(id))
        .set((campaign_rounds::failures.eq(aside.failures), campaign_rounds::retry_at.eq(aside.until), campaign_rounds::trouble.eq(&aside.why)))
        .execute(conn)
        .map(drop)
}

pub(super) fn cancel_rounds(conn: &mut Conn, id: &CampaignId, now: Time) -> QueryResult<usize> {
    diesel::update(
        campaign_rounds::table
            .filter(campaign_rounds::campaign_id.eq(id))
            .filter(campaign_rounds::finished_at.is_null())
            .filter(campaign_rounds::cancelled_at.is_null()),
    )
    .set(campaign_rounds::cancelled_at.eq(now))
    .execute(conn)
}

/// Those of these contacts who have a template in a campaign already, or were held out of it.
pub(super) fn had(conn: &mut Conn, campaign: &CampaignId, template: &TemplateId, of: &[ContactId]) -> QueryResult<HashSet<ContactId>> {
    let found: Vec<ContactId> = campaign_contacts::table
        .filter(campaign_contacts::campaign_id.eq(campaign))
        .filter(campaign_contacts::template_id.eq(template))
        .filter(campaign_contacts::contact_id.eq_any(of.to_vec()))
        .select(campaign_contacts::contact_id)
        .load(conn)?;
    Ok(found.into_iter().collect())
}

pub(super) fn insert_contact(
    conn: &mut Conn,
    campaign: &CampaignId,
    template: &TemplateId,
    contact: &ContactId,
    message: Option<&MessageId>,
) -> QueryResult<()> {
    diesel::insert_into(campaign_contacts::table)
        .values((
            campaign_contacts::campaign_id.eq(campaign),
            campaign_contacts::template_id.eq(template),
            campaign_contacts::contact_id.eq(contact),
            campaign_contacts::message_id.eq(message.cloned()),
        ))
        .execute(conn)
        .map(drop)
}
