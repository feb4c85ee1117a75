//! Everything about one person, for them (Regulation (EU) 2016/679, articles 15 and 20). The tables are taken from the
//! database itself, so that one that is added later is in the export without anybody thinking of it.

mod queries;

use serde_json::{Map, Value, json};

use crate::clock::Time;
use crate::db::{Conn, transaction};
use crate::domain::actor::{Actor, Mailboxes};
use crate::domain::audit::{self, Entry};
use crate::domain::contacts::{self, erase};
use crate::domain::error::{Error, Result};
use crate::domain::exports;
use crate::domain::ids::ContactId;

/// What is about the desk's own people, or a secret of the desk.
const LEFT_OUT: &[&str] = &[
    "message_comments",
    "message_mentions",
    "message_readers",
    "message_snoozes",
    "message_views",
    "planted_tests",
    "notices",
    "notice_told",
    "batch_items",
    "unsubscribe_links",
];
/// Columns that are secrets, or words of the desk's people about each other.
const SECRET: &[&str] = &["token_hash", "claim_token", "secret", "secret_hash", "email_hash", "address_hash"];

/// Everything about one person: tables by name, each a list of rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Everything {
    /// Who.
    pub contact_id: ContactId,
    /// When it was put together.
    pub at: Time,
    /// The rows, by table.
    pub tables: Map<String, Value>,
}

impl Everything {
    /// As one JSON document.
    pub fn to_json(&self) -> Value {
        json!({
            "contact_id": self.contact_id,
            "exported_at": self.at,
            "about": "Everything that is kept about one person. Times in columns are microseconds since 1970 in UTC.",
            "tables": self.tables,
        })
    }

    /// The same as lines of table, row, field and value. What a spreadsheet would run gets an apostrophe in front.
    pub fn to_csv(&self) -> Result<Vec<u8>> {
        let header = ["table", "row", "field", "value"].map(str::to_owned).to_vec();
        let mut lines = vec![header];
        for (table, rows) in &self.tables {
            for (number, row) in rows.as_array().into_iter().flatten().enumerate() {
                for (field, value) in row.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null()) {
                    let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                    lines.push(vec![table.clone(), (number + 1).to_string(), field.clone(), value]);
                }
            }
        }
        exports::lines(lines.iter().map(Vec::as_slice), false)
    }
}

/// Puts together everything about one person. For people alone, who reach all mailboxes with mail to them; it is written down that
/// they did.
pub fn everything(conn: &mut Conn, actor: &Actor, id: &ContactId, now: Time) -> Result<Everything> {
    actor.must_manage()?;
    if matches!(actor, Actor::Key { .. }) {
        return Err(Error::forbidden("person_required", "Everything about one person is handed to people alone. Ask a manager."));
    }
    transaction(conn, |conn| {
        let contact = contacts::get(conn, actor, id)?;
        if let Mailboxes::These(reached) = actor.mailboxes()
            && erase::mailboxes_of(conn, id)?.iter().any(|mailbox| !reached.contains(mailbox))
        {
            let text = "There is mail with this person in mailboxes that are out of reach. Ask somebody who reaches all of them.";
            return Err(Error::forbidden("reach_missing", text));
        }
        let tables = collect(conn, id, &contact.row.email_key)?;
        let entry = Entry {
            action: "contact.export",
            target_kind: "contact",
            target_id: id.as_str(),
            mailbox_id: None,
            detail: json!({"tables": tables.keys().collect::<Vec<_>>()}),
        };
        audit::record(conn, actor, entry, now)?;
        Ok(Everything { contact_id: id.clone(), at: now, tables })
    })
}

fn collect(conn: &mut Conn, id: &ContactId, email_key: &str) -> Result<Map<String, Value>> {
    let catalogue = queries::catalogue(conn)?;
    let mut tables = Map::new();
    let contact = vec![id.to_string()];
    let ids_of = |conn: &mut Conn, table: &str| queries::ids_of(conn, table, &contact);
    // By which column a row is found to be about the person, and the values that it then has.
    let keys = [
        ("contact_id", contact.clone()),
        ("message_id", ids_of(conn, "messages")?),
        ("thread_id", ids_of(conn, "threads")?),
        ("churn_event_id", ids_of(conn, "churn_events")?),
        ("fact_id", ids_of(conn, "facts")?),
        ("enrollment_id", ids_of(conn, "enrollments")?),
        ("referral_id", ids_of(conn, "referrals")?),
        ("email_key", vec![email_key.to_owned()]),
        ("email", vec![email_key.to_owned()]),
        ("from_key", vec![email_key.to_owned()]),
        ("customer_email", vec![email_key.to_owned()]),
    ];
    for (table, columns) in catalogue {
        if LEFT_OUT.contains(&table.as_str()) {
            continue;
        }
        let shown: Vec<&str> = columns.iter().map(String::as_str).filter(|column| !SECRET.contains(column)).collect();
        let mut rows: Vec<Value> = vec![];
        let by: Vec<(&str, &[String])> = match table.as_str() {
            "contacts" => vec![("id", &contact)],
            // What was done with them; what was done with each message stands with it.
            "audit_log" => vec![("target_id", &contact)],
            // A row of the desk's people has an address too.
            "users" | "mailboxes" | "invitations" => vec![],
            _ => keys.iter().filter(|(column, _)| columns.iter().any(|has| has == column)).map(|(column, ids)| (*column, ids.as_slice())).collect(),
        };
        for (column, ids) in by {
            for row in queries::rows(conn, &table, &shown, column, ids)? {
                let row: Value = serde_json::from_str(&row).map_err(Error::internal)?;
                if !rows.contains(&row) {
                    rows.push(row);
                }
            }
        }
        if !rows.is_empty() {
            tables.insert(table, Value::Array(rows));
        }
    }
    Ok(tables)
}
