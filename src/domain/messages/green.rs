//! Whether a message may be approved together with others: every check says yes.

use crate::clock::Time;
use crate::db::Conn;
use crate::domain::actor::Actor;
use crate::domain::contacts::{self, suppressions};
use crate::domain::error::Result;
use crate::domain::ids::FactId;
use crate::domain::mailboxes::{Mailbox, Mode};

use super::findings::Inspector;
use super::inspect::Finding;
use super::oversight::is_modes_own;
use super::{MessageRow, State, decide, promises, queries, ruled};

/// Why a message must be decided on its own, in a sentence; none where all checks are green.
pub(in crate::domain) fn trouble(
    conn: &mut Conn,
    actor: &Actor,
    row: &MessageRow,
    mailbox: &Mailbox,
    inspector: &Inspector,
    now: Time,
) -> Result<Option<String>> {
    let said = |text: &str| Ok(Some(text.to_owned()));
    if row.state != State::Pending {
        return Ok(Some(format!("It is {} and waits for no decision.", row.state.label().to_lowercase())));
    }
    if let Err(refusal) = decide::refuse_wrong_decider(conn, actor, row, mailbox) {
        return Ok(Some(refusal.detail));
    }
    match row.effective_mode.stricter(mailbox.mode) {
        Mode::ReadOnly => return said("Its mailbox is read only: nothing leaves it."),
        Mode::GatedAll if !mailbox.bulk_in_gated_all => {
            return said(
                "Its mailbox holds every message for a decision of its own. An administrator can allow bulk approval on the page of the mailbox.",
            );
        }
        _ => {}
    }
    if ruled::takes_two(conn, row, now)? {
        return said("It takes the approval of two people, one by one.");
    }
    if row.claims_open > 0 {
        return said("A claim in it rests on no recorded fact.");
    }
    let version = super::version(conn, &row.id, row.version)?;
    if let Some(finding) = inspector.look(&version).into_iter().find(Finding::needs_tick) {
        return Ok(Some(format!("It has a finding that must be looked at: {}.", finding.kind.label().to_lowercase())));
    }
    let contact = contacts::row(conn, &row.contact_id)?;
    if let Some(suppression) = suppressions::of(conn, &contact.email_key)? {
        return Ok(Some(suppression.refusal().detail));
    }
    if let Some(why) = decide::missing_ground(conn, row, now)? {
        return said(why);
    }
    let offers: Vec<FactId> = queries::offers_under(conn, &row.id, row.version)?.into_iter().map(|(id, _)| id).collect();
    if let Some(otherwise) = promises::contradiction(conn, &row.contact_id, &offers, now)? {
        return Ok(Some(otherwise));
    }
    Ok(row.held_because.clone().filter(|why| !is_modes_own(why)))
}
