//! SQL of the numbers of campaigns.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use crate::db::Conn;
use crate::db::schema::{campaign_counts, campaign_moves};
use crate::db::statement::Statement;
use crate::domain::actor::Mailboxes;
use crate::domain::ids::RowId;
use crate::on_either;

use super::{Miscount, Move, Place};

#[derive(Debug, QueryableByName)]
pub(super) struct Sum {
    #[diesel(sql_type = Text)]
    pub(super) campaign: String,
    #[diesel(sql_type = Text)]
    pub(super) state: String,
    #[diesel(sql_type = BigInt)]
    pub(super) total: i64,
}

pub(super) fn insert_move(conn: &mut Conn, row: Move) -> QueryResult<()> {
    diesel::insert_into(campaign_moves::table).values(row).execute(conn).map(drop)
}

pub(super) fn insert_moves(conn: &mut Conn, rows: Vec<Move>) -> QueryResult<()> {
    on_either!(conn, inner => diesel::insert_into(campaign_moves::table).values(rows).execute(inner)).map(drop)
}

/// Totals and open moves of these labels, in one statement, so that both are of one moment.
pub(super) fn sums(conn: &mut Conn, labels: &[&str], reach: &Mailboxes) -> QueryResult<Vec<Sum>> {
    if labels.is_empty() || matches!(reach, Mailboxes::These(ids) if ids.is_empty()) {
        return Ok(vec![]);
    }
    let mut statement = Statement::default();
    statement.push("SELECT campaign, state, CAST(sum(n) AS BIGINT) AS total FROM (");
    for (place, part) in [
        "SELECT campaign, state, total AS n FROM campaign_counts WHERE campaign IN ",
        "SELECT campaign, to_state AS state, 1 AS n FROM campaign_moves WHERE campaign IN ",
        "SELECT campaign, from_state AS state, -1 AS n FROM campaign_moves WHERE from_state IS NOT NULL AND campaign IN ",
    ]
    .into_iter()
    .enumerate()
    {
        statement.push(if place > 0 { " UNION ALL " } else { "" }).push(part).texts(labels.iter().copied());
        if let Mailboxes::These(ids) = reach {
            statement.push(" AND mailbox_id IN ").texts(ids.iter().map(|id| id.as_str()));
        }
    }
    statement.push(") AS counted GROUP BY campaign, state");
    statement.load(conn)
}

/// Some moves, skipping those that another process folds right now.
pub(super) fn some_moves(conn: &mut Conn, limit: i64) -> QueryResult<Vec<Move>> {
    let query = campaign_moves::table.order(campaign_moves::id).limit(limit);
    match conn {
        Conn::Sqlite(inner) => query.load(inner),
        Conn::Postgres(inner) => query.for_update().skip_locked().load(inner),
    }
}

pub(super) fn delete_moves(conn: &mut Conn, ids: Vec<RowId>) -> QueryResult<()> {
    diesel::delete(campaign_moves::table.filter(campaign_moves::id.eq_any(ids))).execute(conn).map(drop)
}

pub(super) fn add(conn: &mut Conn, place: &Place, by: i64) -> QueryResult<()> {
    let (campaign, mailbox, state) = place;
    let changed = diesel::update(campaign_counts::table.find((campaign, mailbox, *state)))
        .set(campaign_counts::total.eq(campaign_counts::total + by))
        .execute(conn)?;
    if changed == 1 {
        return Ok(());
    }
    diesel::insert_into(campaign_counts::table)
        .values((
            campaign_counts::campaign.eq(campaign),
            campaign_counts::mailbox_id.eq(mailbox),
            campaign_counts::state.eq(*state),
            campaign_counts::total.eq(by),
        ))
        .execute(conn)
        .map(drop)
}

pub(super) fn differences(conn: &mut Conn) -> QueryResult<Vec<Miscount>> {
    let mut statement = Statement::default();
    statement.push(
        "SELECT campaign, mailbox_id, state, CAST(sum(n) AS BIGINT) AS too_many FROM ( \
         SELECT campaign, mailbox_id, state, total AS n FROM campaign_counts \
         UNION ALL SELECT campaign, mailbox_id, to_state, 1 FROM campaign_moves \
         UNION ALL SELECT campaign, mailbox_id, from_state, -1 FROM campaign_moves WHERE from_state IS NOT NULL \
         UNION ALL SELECT campaign, mailbox_id, state, -count(*) FROM messages \
         WHERE campaign IS NOT NULL AND planted = FALSE AND state <> 'draft' GROUP BY campaign, mailbox_id, state \
         ) AS counted GROUP BY campaign, mailbox_id, state HAVING sum(n) <> 0 ORDER BY campaign, mailbox_id, state",
    );
    statement.load(conn)
}
