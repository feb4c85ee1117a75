//! SQL of looking back.

use diesel::QueryResult;
use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Nullable, Text};

use crate::clock::Time;
use crate::db::Conn;
use crate::db::statement::Statement;
use crate::domain::ids::{MailboxId, MessageId};
use crate::domain::mailboxes::Mode;
use crate::domain::reports::period::Period;

use super::Caught;

/// What people did with a held message.
const DONE: &str = "CASE WHEN m.state = 'rejected' THEN 'rejected' \
     WHEN m.state IN ('pending', 'changes_requested', 'withdrawn', 'expired') THEN \
         CASE WHEN EXISTS (SELECT 1 FROM decisions d WHERE d.message_id = m.id AND d.kind = 'request_changes') THEN 'sent_back' ELSE 'undecided' END \
     WHEN m.editor_kind <> m.author_kind OR m.editor_id <> m.author_id THEN 'edited' \
     WHEN EXISTS (SELECT 1 FROM decisions d WHERE d.message_id = m.id AND d.kind = 'request_changes') THEN 'sent_back' ELSE 'as_written' END";

/// The messages that were held for these reasons and no claim in them rests on nothing.
fn push_held(sql: &mut Statement, id: &MailboxId, reasons: &[&str], mode: Mode, period: Period) {
    sql.push(" FROM messages m WHERE m.mailbox_id = ").text(id.as_str());
    sql.push(" AND m.submitted_at >= ").number(period.start().micros()).push(" AND m.submitted_at < ").number(period.end().micros());
    sql.push(" AND m.expires_at IS NOT NULL AND NOT m.planted AND m.claims_open = 0 AND m.claims_waived = 0 AND m.held_because IN ");
    sql.texts(reasons.iter().copied());
    sql.push(" AND NOT EXISTS (SELECT 1 FROM campaigns c WHERE c.name = m.campaign AND c.kind = 'announcement')");
    if mode == Mode::GatedSend {
        sql.push(" AND m.origin = 'person'");
    }
}

#[derive(Debug, QueryableByName)]
pub(super) struct Sum {
    #[diesel(sql_type = Text)]
    pub(super) done: String,
    #[diesel(sql_type = BigInt)]
    pub(super) number: i64,
}

pub(super) fn sums(conn: &mut Conn, id: &MailboxId, reasons: &[&str], mode: Mode, period: Period) -> QueryResult<Vec<Sum>> {
    let mut sql = Statement::default();
    sql.push("SELECT done, COUNT(*) AS number FROM (SELECT ").push(DONE).push(" AS done");
    push_held(&mut sql, id, reasons, mode, period);
    sql.push(") AS held GROUP BY done");
    sql.load(conn)
}

/// The latest that people did not let out as they were.
pub(super) fn caught(conn: &mut Conn, id: &MailboxId, reasons: &[&str], mode: Mode, period: Period, limit: i64) -> QueryResult<Vec<Caught>> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Text)]
        id: MessageId,
        #[diesel(sql_type = Text)]
        subject: String,
        #[diesel(sql_type = Text)]
        done: String,
        #[diesel(sql_type = Nullable<Text>)]
        reason: Option<String>,
        #[diesel(sql_type = BigInt)]
        submitted_at: Time,
    }
    let mut sql = Statement::default();
    sql.push("SELECT held.id AS id, v.subject AS subject, held.done AS done, held.submitted_at AS submitted_at, ");
    sql.push(
        "(SELECT d.reason FROM decisions d WHERE d.message_id = held.id AND d.kind = 'reject' ORDER BY d.created_at DESC LIMIT 1) AS reason FROM (",
    );
    sql.push("SELECT m.id AS id, m.version AS version, m.submitted_at AS submitted_at, ").push(DONE).push(" AS done");
    push_held(&mut sql, id, reasons, mode, period);
    sql.push(") AS held JOIN message_versions v ON v.message_id = held.id AND v.version = held.version ");
    sql.push("WHERE held.done IN ('edited', 'rejected', 'sent_back') ORDER BY held.submitted_at DESC, held.id DESC LIMIT ").number(limit);
    let word = |done: &str| match done {
        "edited" => "edited",
        "rejected" => "rejected",
        _ => "sent back",
    };
    let rows: Vec<Row> = sql.load(conn)?;
    Ok(rows
        .into_iter()
        .map(|row| Caught { id: row.id, subject: row.subject, done: word(&row.done), reason: row.reason, submitted_at: row.submitted_at })
        .collect())
}

#[derive(Debug, QueryableByName)]
pub(super) struct ByRecipient {
    /// The entries of the allow-list that hold of the recipient, with commas between them.
    #[diesel(sql_type = Text)]
    pub(super) entries: String,
    #[diesel(sql_type = Text)]
    pub(super) done: String,
    #[diesel(sql_type = BigInt)]
    pub(super) number: i64,
}

/// What was held that goes to recipients on the allow-list.
pub(super) fn by_recipient(conn: &mut Conn, id: &MailboxId, reasons: &[&str], period: Period) -> QueryResult<Vec<ByRecipient>> {
    let (domain, joined) = match conn {
        Conn::Sqlite(_) => ("substr(c.email_key, instr(c.email_key, '@'))", "group_concat(a.id, ',')"),
        Conn::Postgres(_) => ("substr(c.email_key, strpos(c.email_key, '@'))", "string_agg(a.id, ',' ORDER BY a.id)"),
    };
    let mut sql = Statement::default();
    sql.push(format!("SELECT entries, done, COUNT(*) AS number FROM (SELECT held.id AS id, held.done AS done, {joined} AS entries FROM ("));
    sql.push("SELECT m.id AS id, m.contact_id AS contact_id, ").push(DONE).push(" AS done");
    push_held(&mut sql, id, reasons, Mode::Monitored, period);
    sql.push(") AS held JOIN contacts c ON c.id = held.contact_id JOIN allow_list a ON a.mailbox_id = ").text(id.as_str());
    sql.push(format!(" AND a.ended_at IS NULL AND a.pattern IN (c.email_key, '*' || {domain}) GROUP BY held.id, held.done) AS listed "));
    sql.push("GROUP BY entries, done");
    sql.load(conn)
}
