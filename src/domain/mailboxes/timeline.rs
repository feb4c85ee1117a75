//! What became of the oversight of a mailbox, from the audit log.

use serde_json::Value;

use crate::clock::Time;
use crate::db::Conn;
use crate::domain::actor::Actor;
use crate::domain::audit::{self, Filter, Line};
use crate::domain::error::Result;
use crate::domain::ids::MailboxId;

use super::Mode;

/// Entries of the log that are looked through.
const LOOKED_AT: i64 = 200;

/// A turn of the oversight.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    /// When.
    pub at: Time,
    /// Who.
    pub by: String,
    /// What, in words.
    pub what: String,
    /// Why, where somebody said so.
    pub reason: Option<String>,
}

/// The latest turns of a mailbox within reach, newest first, at most so many.
pub fn latest(conn: &mut Conn, actor: &Actor, id: &MailboxId, limit: usize) -> Result<Vec<Turn>> {
    super::get(conn, actor, id)?;
    let filter = Filter { target: Some(id.to_string()), target_kind: Some("mailbox".to_owned()), limit: LOOKED_AT, ..Filter::default() };
    Ok(audit::filtered(conn, actor, &filter)?.into_iter().filter_map(turn).take(limit).collect())
}

fn turn(line: Line) -> Option<Turn> {
    let detail: Value = serde_json::from_str(&line.detail).unwrap_or_default();
    let word = |name: &str| detail[name].as_str();
    let mode = |name: &str| word(name).and_then(|word| word.parse::<Mode>().ok()).map_or("", Mode::label);
    let asked_by = word("asked_by").map(|name| format!(", which {name} asked for")).unwrap_or_default();
    let what = match line.action.as_str() {
        "mailbox.set_mode" => format!("From “{}” to “{}”{asked_by}", mode("from"), mode("to")),
        "mailbox.request_mode" => format!("Asked for “{}”", mode("to")),
        "mailbox.refuse_mode" => format!("Refused “{}”{asked_by}", mode("to")),
        "mailbox.wrong_code" => format!("Entered a wrong code; tries left: {}", detail["left"]),
        "allow_list.ask" => format!("Asked for {} on the allow-list", recipient(&detail)),
        "allow_list.add" => format!("Put {} on the allow-list", recipient(&detail)),
        "allow_list.remove" => format!("Took {} off the allow-list", recipient(&detail)),
        "sending.stop" => "Stopped sending".to_owned(),
        "sending.resume" => "Resumed sending".to_owned(),
        _ => return None,
    };
    Some(Turn { at: line.at, by: line.actor_name, what, reason: word("reason").map(str::to_owned) })
}

/// The log names domains alone: an address is the person's, who may be erased.
fn recipient(detail: &Value) -> &str {
    detail["domain"].as_str().unwrap_or("an address")
}
