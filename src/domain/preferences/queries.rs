//! SQL of preferences.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Integer, Nullable, Text};

use crate::clock::Time;
use crate::db::Conn;
use crate::db::schema::{mailbox_footers, preferences, topic_choices, topics};
use crate::db::statement::Statement;
use crate::domain::ids::{ContactId, MailboxId, TopicId};

use super::Topic;
use super::footers::FooterSettings;

/// Whose, at most so many a week, paused until.
type Limits = (ContactId, Option<i32>, Option<Time>);

pub(super) fn topics(conn: &mut Conn) -> QueryResult<Vec<Topic>> {
    topics::table.order(topics::name).load(conn)
}

pub(super) fn topic(conn: &mut Conn, id: &TopicId) -> QueryResult<Option<Topic>> {
    topics::table.find(id).first(conn).optional()
}

pub(super) fn insert_topic(conn: &mut Conn, row: &Topic) -> QueryResult<()> {
    diesel::insert_into(topics::table).values(row.clone()).execute(conn).map(drop)
}

pub(super) fn update_topic(conn: &mut Conn, row: &Topic) -> QueryResult<()> {
    diesel::update(topics::table.find(&row.id))
        .set((
            topics::name.eq(&row.name),
            topics::description.eq(&row.description),
            topics::wanted.eq(row.wanted),
            topics::archived_at.eq(row.archived_at),
            topics::updated_at.eq(row.updated_at),
        ))
        .execute(conn)
        .map(drop)
}

pub(super) fn choices(conn: &mut Conn, contacts: &[ContactId]) -> QueryResult<Vec<(ContactId, TopicId, bool)>> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Text)]
        contact_id: ContactId,
        #[diesel(sql_type = Text)]
        topic_id: TopicId,
        #[diesel(sql_type = Bool)]
        wanted: bool,
    }
    let mut statement = Statement::kept();
    statement.push("SELECT contact_id, topic_id, wanted FROM topic_choices WHERE contact_id").among(contacts.iter().map(ContactId::as_str));
    Ok(statement.load::<Row>(conn)?.into_iter().map(|row| (row.contact_id, row.topic_id, row.wanted)).collect())
}

pub(super) fn limits(conn: &mut Conn, contacts: &[ContactId]) -> QueryResult<Vec<Limits>> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Text)]
        contact_id: ContactId,
        #[diesel(sql_type = Nullable<Integer>)]
        most_per_week: Option<i32>,
        #[diesel(sql_type = Nullable<BigInt>)]
        paused_until: Option<Time>,
    }
    let mut statement = Statement::kept();
    statement.push("SELECT contact_id, most_per_week, paused_until FROM preferences WHERE contact_id");
    statement.among(contacts.iter().map(ContactId::as_str));
    Ok(statement.load::<Row>(conn)?.into_iter().map(|row| (row.contact_id, row.most_per_week, row.paused_until)).collect())
}

pub(super) fn put_choice(conn: &mut Conn, contact: &ContactId, topic: &TopicId, wanted: bool, by: &str, now: Time) -> QueryResult<()> {
    let values = (topic_choices::wanted.eq(wanted), topic_choices::chosen_by.eq(by), topic_choices::chosen_at.eq(now));
    if diesel::update(topic_choices::table.find((contact, topic))).set(values).execute(conn)? == 0 {
        diesel::insert_into(topic_choices::table)
            .values((topic_choices::contact_id.eq(contact), topic_choices::topic_id.eq(topic), values))
            .execute(conn)?;
    }
    Ok(())
}

pub(super) fn put_limits(conn: &mut Conn, contact: &ContactId, most: Option<i32>, until: Option<Time>, by: &str, now: Time) -> QueryResult<()> {
    let values =
        (preferences::most_per_week.eq(most), preferences::paused_until.eq(until), preferences::changed_by.eq(by), preferences::updated_at.eq(now));
    if diesel::update(preferences::table.find(contact)).set(values).execute(conn)? == 0 {
        diesel::insert_into(preferences::table).values((preferences::contact_id.eq(contact), values)).execute(conn)?;
    }
    Ok(())
}

pub(super) fn footer(conn: &mut Conn, mailbox: &MailboxId) -> QueryResult<Option<(Option<TopicId>, Option<String>)>> {
    mailbox_footers::table.find(mailbox).select((mailbox_footers::topic_id, mailbox_footers::undisclosed_because)).first(conn).optional()
}

pub(super) fn put_footer(conn: &mut Conn, mailbox: &MailboxId, settings: &FooterSettings, by: &str, now: Time) -> QueryResult<()> {
    let values = (
        mailbox_footers::topic_id.eq(settings.topic_id.clone()),
        mailbox_footers::undisclosed_because.eq(settings.undisclosed_because.clone()),
        mailbox_footers::changed_by.eq(by),
        mailbox_footers::updated_at.eq(now),
    );
    if diesel::update(mailbox_footers::table.find(mailbox)).set(values.clone()).execute(conn)? == 0 {
        diesel::insert_into(mailbox_footers::table).values((mailbox_footers::mailbox_id.eq(mailbox), values)).execute(conn)?;
    }
    Ok(())
}
