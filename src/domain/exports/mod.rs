//! Tables as CSV, page by page, so that an export of any size needs the memory of one page.

mod queries;

use crate::db::Conn;
use crate::domain::actor::{Actor, Mailboxes, Scope};
use crate::domain::contacts::{self, Search};
use crate::domain::error::{Error, Result};
use crate::domain::ids::ContactId;
use crate::domain::text;
use crate::text_enum;

/// Rows of one page.
const PAGE: usize = 500;

text_enum!(
    /// What can be exported.
    pub enum Table {
        /// Contacts with tags and consents.
        Contacts => "contacts",
        /// Departures.
        ChurnEvents => "churn-events",
        /// Messages and what was decided.
        Messages => "messages",
        /// Addresses that must not be mailed.
        Suppression => "suppression",
    }
);

/// A page of rows, and where the next one begins.
#[derive(Debug, Clone, Default)]
pub struct Page {
    /// The rows, in the columns of the table.
    pub rows: Vec<Vec<String>>,
    /// Where the next page begins; none after the last.
    pub next: Option<String>,
}

impl Table {
    /// The names of its columns.
    pub fn columns(self) -> &'static [&'static str] {
        match self {
            Table::Contacts => &["id", "email", "name", "tags", "metadata", "time_zone", "created_at", "suppressed", "consents"],
            Table::ChurnEvents => &[
                "id",
                "customer_email",
                "customer_name",
                "provider",
                "provider_subscription_id",
                "plan_name",
                "mrr_minor",
                "currency",
                "tenure_days",
                "event_type",
                "reason",
                "cancel_reason_text",
                "status",
                "churned_at",
                "recovered_at",
            ],
            Table::Messages => &[
                "id",
                "mailbox_id",
                "from",
                "to",
                "subject",
                "status",
                "reason",
                "campaign",
                "origin",
                "version",
                "content_hash",
                "decision",
                "decided_by",
                "decided_at",
                "submitted_at",
                "sent_at",
            ],
            Table::Suppression => &["email", "reason", "source", "created_at"],
        }
    }

    /// Refuses who may not export it.
    pub fn must_be_allowed(self, actor: &Actor) -> Result<()> {
        actor.must_have(if self == Table::Messages { Scope::OversightRead } else { Scope::Read })
    }
}

/// One page of a table, of what the actor may see.
pub fn page(conn: &mut Conn, actor: &Actor, table: Table, after: Option<&str>) -> Result<Page> {
    table.must_be_allowed(actor)?;
    match table {
        Table::Contacts => {
            let search = Search { limit: PAGE, before: after.map(ContactId::from), ..Search::default() };
            let (found, next) = contacts::search(conn, actor, &search)?;
            // Who must not be mailed is handed to nobody who could (15 USC 7704(a)(4)(A)(iv)).
            let rows = found.iter().filter(|contact| contact.suppressed.is_none()).map(contact).collect();
            Ok(Page { rows, next })
        }
        Table::ChurnEvents => Ok(paged(queries::churn_events(conn, after, PAGE)?)),
        Table::Messages => {
            let reach = match actor.mailboxes() {
                Mailboxes::All => None,
                Mailboxes::These(ids) => Some(ids.as_slice()),
            };
            Ok(paged(queries::messages(conn, reach, after, PAGE)?))
        }
        Table::Suppression => Ok(paged(queries::suppressions(conn, after, PAGE)?)),
    }
}

/// A full page may have one after it, which begins behind the first field of its last row.
fn paged(rows: Vec<Vec<String>>) -> Page {
    let next = if rows.len() == PAGE { rows.last().and_then(|row| row.first().cloned()) } else { None };
    Page { rows, next }
}

fn contact(contact: &contacts::Contact) -> Vec<String> {
    let row = &contact.row;
    vec![
        row.id.to_string(),
        row.email.clone(),
        row.name.clone().unwrap_or_default(),
        contact.tags.join(","),
        serde_json::to_string(&*row.metadata).unwrap_or_default(),
        row.time_zone.clone().unwrap_or_default(),
        row.created_at.to_string(),
        contact.suppressed.is_some().to_string(),
        contact.consents.iter().map(|consent| consent.basis.as_str()).collect::<Vec<_>>().join(","),
    ]
}

/// The lines of some rows. Without `raw`, what a spreadsheet would take for a formula gets an apostrophe in front.
pub fn lines<'r>(rows: impl IntoIterator<Item = &'r [String]>, raw: bool) -> Result<Vec<u8>> {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(vec![]);
    for row in rows {
        let fields = row.iter().map(|field| if raw { field.clone() } else { text::neutral_cell(field) });
        writer.write_record(fields).map_err(Error::internal)?;
    }
    writer.into_inner().map_err(|error| Error::internal(error.error()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_formula_gets_an_apostrophe_and_an_amount_none() {
        let row = ["=1".to_owned(), "a,b".to_owned()];
        assert_eq!(lines([&row[..]], false).unwrap(), b"'=1,\"a,b\"\r\n");
        assert_eq!(lines([&["-1250".to_owned()][..]], false).unwrap(), b"-1250\r\n");
        assert_eq!(lines([&row[..]], true).unwrap(), b"=1,\"a,b\"\r\n");
    }
}
