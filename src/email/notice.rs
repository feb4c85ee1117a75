//! A notice of the desk to one of its people, from its row to the final dot.
//!
//! The bytes are made in here from a [`ClaimedNotice`], and only a [`NoticeDot`] of the same
//! notice finishes them: there is no way in for the words of a message.

use super::connection::{Accepted, Connection, Ready};
use super::outcome::{Failure, FailureKind, Stage};
use super::{EmailAddress, Mail, RenderError, render};
use crate::domain::ids::RowId;
use crate::domain::notices::{ClaimedNotice, NoticeDot};

/// The display name of the sender.
const SENDER: &str = "Countersign";

/// A notice whose content the relay holds, all but the final dot. Dropped, it closes the
/// connection without the dot, and nothing was sent.
#[must_use = "dropping it closes the connection"]
pub struct ReadyNotice<'a> {
    id: RowId,
    ready: Ready<'a>,
}

/// Hands a notice to the relay, up to but without the final dot.
pub async fn offer_notice<'a>(connection: &'a mut Connection, claimed: &ClaimedNotice) -> Result<ReadyNotice<'a>, Failure> {
    let refused = |error: RenderError| Failure::ours(Stage::Mail, FailureKind::Permanent, error.to_string());
    let mail = mail(claimed).map_err(refused)?;
    let bytes = render(&mail).map_err(refused)?;
    // The envelope carries the mailbox and not the null path: many relays that send for the
    // mailbox refuse mail without a sender.
    let offered = connection.offer(Some(&mail.from_address), &mail.to_address, mail.needs_smtputf8(), bytes.len()).await?;
    Ok(ReadyNotice { id: claimed.id().clone(), ready: offered.body(&bytes).await? })
}

fn mail(claimed: &ClaimedNotice) -> Result<Mail, RenderError> {
    let from = EmailAddress::parse(claimed.from_address())?;
    let to = EmailAddress::parse(claimed.to_address())?;
    let id = format!("<{}>", claimed.message_id_header());
    let mut mail = Mail::new(id, claimed.made_at().seconds(), from, to, claimed.subject(), claimed.text());
    mail.from_name = SENDER.to_owned();
    mail.auto_submitted = true;
    Ok(mail)
}

impl ReadyNotice<'_> {
    /// Sends the final dot and waits for the reply, with the permission for this very notice.
    pub async fn dot(self, permission: &NoticeDot) -> Result<Accepted, Failure> {
        if *permission.id() != self.id {
            return Err(Failure::ours(Stage::Data, FailureKind::Permanent, "The permission is for another notice."));
        }
        self.ready.write_dot().await
    }
}
