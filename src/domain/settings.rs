//! A few values that every process on one database must agree on.

use std::collections::HashMap;

use diesel::prelude::*;
use diesel::sql_types::Text;

use crate::db::Conn;
use crate::db::schema::settings;
use crate::db::statement::Statement;
use crate::domain::error::Result;
use crate::on_either;

/// The address under which people reach this installation, without a slash at the end.
pub const BASE_URL: &str = "base_url";
/// "off" where one person may decide their own messages.
pub const FOUR_EYES: &str = "four_eyes";
/// Set while all sending is stopped, to the time since when.
pub const SENDING_STOPPED: &str = "sending_stopped";
/// The name of this database, which the file beside it holds too.
pub const EPOCH: &str = "epoch";
/// The keys of the journals of suppressions that were met here, the one in use first.
pub const JOURNAL_KEYS: &str = "journal_keys";
/// The key of the hashes that stay of erased addresses.
pub const ERASURE_KEY: &str = "erasure_key";
/// Set while the files may still hold somebody who was erased.
pub const ERASURE_UNSWEPT: &str = "erasure_unswept";
/// What proves that an address for reports was made here.
pub const REPORT_KEY: &str = "report_key";
/// What session cookies are signed with.
pub const COOKIE_KEY: &str = "cookie_key";
/// The name of the key that secrets in this database are sealed with.
pub const SEALED_WITH: &str = "sealed_with";
/// The key of the pseudonyms of those who approve.
pub const PSEUDONYM_KEY: &str = "pseudonym_key";
/// When a worker was last heard of, in microseconds since 1970.
pub const WORKER_BEAT: &str = "worker_beat";
/// Who must have a second factor.
pub const SECOND_FACTOR_REQUIRED: &str = "second_factor_required";
/// The sign-in provider that is set, by its address.
pub const SIGN_IN_ISSUER: &str = "sign_in_issuer";
/// The mailbox win-back messages go out from.
pub const WINBACK_MAILBOX: &str = "winback_mailbox";

/// Days that are no business days, as JSON.
pub const HOLIDAYS: &str = "holidays";
/// How often and when people are mailed, as JSON.
pub const SENDING_RULES: &str = "sending_rules";

/// For how many days the log of calls is kept, as administrators set it.
pub const CALLS_KEPT_DAYS: &str = "calls_kept_days";
/// The same as the configuration says, which then counts; none where it says nothing.
pub const CALLS_KEPT_CONFIGURED: &str = "calls_kept_configured";

/// Words that show that somebody may buy, one a line.
pub const LEAD_SIGNALS: &str = "lead_signals";

/// Days for which drafts are kept that nobody chose; 0 for ever.
pub const DRAFTS_KEPT_DAYS: &str = "drafts_kept_days";
/// Days for which contacts are kept of whom nothing was heard; 0 for ever.
pub const CONTACTS_KEPT_DAYS: &str = "contacts_kept_days";
/// Days for which mail is kept as it came; 0 or absent for ever.
pub const RAW_MAIL_KEPT_DAYS: &str = "raw_mail_kept_days";
/// Days for which the words of reports are kept; 0 or absent for ever.
pub const REPORTS_KEPT_DAYS: &str = "reports_kept_days";
/// When it is looked again for what is kept too long, in microseconds since 1970.
pub const RETENTION_NEXT_LOOK: &str = "retention_next_look";

/// For how many days after the last letter a departure may still end as recovered.
pub const RECOVERY_WINDOW_DAYS: &str = "recovery_window_days";

/// Words that mean the same, one group a line.
pub const SYNONYMS: &str = "synonyms";

/// Reads a value.
pub fn get(conn: &mut Conn, name: &str) -> Result<Option<String>> {
    Ok(settings::table.find(name).select(settings::value).first(conn).optional()?)
}

/// Reads several values at once; those that are not set are not there.
pub(in crate::domain) fn these(conn: &mut Conn, names: &[&'static str]) -> Result<HashMap<String, String>> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Text)]
        name: String,
        #[diesel(sql_type = Text)]
        value: String,
    }
    let mut statement = Statement::kept();
    statement.push("SELECT name, value FROM settings WHERE name").among(names.iter().copied());
    Ok(statement.load::<Row>(conn)?.into_iter().map(|row| (row.name, row.value)).collect())
}

/// Writes a value.
pub fn set(conn: &mut Conn, name: &str, value: &str) -> Result<()> {
    on_either!(conn, inner => diesel::insert_into(settings::table)
        .values((settings::name.eq(name), settings::value.eq(value)))
        .on_conflict(settings::name)
        .do_update()
        .set(settings::value.eq(value))
        .execute(inner))?;
    Ok(())
}

/// Removes a value.
pub fn clear(conn: &mut Conn, name: &str) -> Result<()> {
    diesel::delete(settings::table.find(name)).execute(conn)?;
    Ok(())
}

/// The base URL for links in mail.
pub fn base_url(conn: &mut Conn) -> Result<String> {
    Ok(get(conn, BASE_URL)?.unwrap_or_else(|| "http://127.0.0.1:8080".to_owned()))
}

/// Whether nobody decides what they wrote.
pub fn four_eyes(conn: &mut Conn) -> Result<bool> {
    Ok(get(conn, FOUR_EYES)?.as_deref() != Some("off"))
}
