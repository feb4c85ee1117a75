//! What the rules that hold messages say of one that is there.

use crate::clock::Time;
use crate::db::Conn;
use crate::domain::claims;
use crate::domain::contacts;
use crate::domain::controls::holding::{self, Case, Rule};
use crate::domain::controls::twice::{self, FirstApproval};
use crate::domain::error::Result;

use super::{MessageRow, State, queries};

/// The rule that holds a message as it is now, if one does. Where it asks for two people, that is noted.
pub(super) fn look(conn: &mut Conn, row: &MessageRow, now: Time) -> Result<Option<Rule>> {
    if row.planted || !holding::are_there(conn, &row.mailbox_id)? {
        return Ok(None);
    }
    let contact = contacts::row(conn, &row.contact_id)?;
    let tags: Vec<String> = queries::tags_of(conn, std::slice::from_ref(&row.id))?.into_iter().map(|(_, tag)| tag).collect();
    let claims = queries::claims(conn, &row.id, row.version)?;
    let amounts: Vec<claims::Amount> = claims.iter().filter_map(|claim| claims::amount_of(claim.kind, &claim.words)).collect();
    let case = Case { mailbox: &row.mailbox_id, contact: &contact, campaign: row.campaign.as_deref(), tags: &tags, amounts: &amounts };
    let rule = holding::of_case(conn, case, now)?;
    if let Some(rule) = &rule {
        twice::ask(conn, &row.id, rule)?;
    }
    Ok(rule)
}

/// Of a message that takes two people, what the first of them approved; nothing where one person is enough.
pub fn approvals(conn: &mut Conn, row: &MessageRow, now: Time) -> Result<Option<Option<FirstApproval>>> {
    if row.state != State::Pending || !takes_two(conn, row, now)? {
        return Ok(None);
    }
    Ok(Some(twice::first(conn, &row.id, row.version)?))
}

/// Whether two people must approve a message, by a rule of now or of before.
pub(super) fn takes_two(conn: &mut Conn, row: &MessageRow, now: Time) -> Result<bool> {
    if row.planted {
        return Ok(false);
    }
    look(conn, row, now)?;
    twice::is_asked(conn, &row.id)
}
