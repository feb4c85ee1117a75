//! Notices on their way: claimed, noted before the final dot, and what came of it.

pub(super) mod queries;

use crate::clock::Time;
use crate::db::{Conn, transaction};
use crate::domain::error::{Error, Result};
use crate::domain::ids::{RowId, UserId};
use crate::domain::mailboxes::stops;
use crate::domain::outbox::{self, Failure, LEASE_SECONDS, WorkerId};

use super::{MAIL_DAYS, people};

/// A notice to a person of this desk, claimed by one worker. It is made only by [`claim`], from
/// a row of `notice_mails` and the address in `users`.
#[derive(Debug)]
pub struct ClaimedNotice {
    id: RowId,
    user_id: UserId,
    to_address: String,
    from_address: String,
    subject: String,
    text: String,
    made_at: Time,
    expires_at: Time,
    attempts: i32,
    worker: WorkerId,
}

impl ClaimedNotice {
    /// Its id.
    pub fn id(&self) -> &RowId {
        &self.id
    }

    /// The address of the person.
    pub fn to_address(&self) -> &str {
        &self.to_address
    }

    /// The address of the mailbox it is about.
    pub fn from_address(&self) -> &str {
        &self.from_address
    }

    /// One of our own sentences.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The plain text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// When it was written: its Date header.
    pub fn made_at(&self) -> Time {
        self.made_at
    }

    /// Header Message-ID, the same on every attempt.
    pub fn message_id_header(&self) -> String {
        let domain = self.from_address.rsplit('@').next().unwrap_or("localhost");
        format!("{}.notice@{domain}", self.id)
    }
}

/// Permission to write the final dot of one notice, given by [`permit_dot`] alone. No message can
/// leave with it: see [`crate::email::ReadyNotice`].
#[derive(Debug)]
pub struct NoticeDot {
    claimed: ClaimedNotice,
}

impl NoticeDot {
    /// The notice it is for.
    pub fn id(&self) -> &RowId {
        &self.claimed.id
    }
}

/// Claims one notice that is due. Those to people who may not see any more what is in them end here.
pub fn claim(conn: &mut Conn, worker: &WorkerId, now: Time) -> Result<Option<ClaimedNotice>> {
    transaction(conn, |conn| {
        // Whoever is to look at a database that was put back has to be able to sign in; what lay in it may have left already.
        let account_since = stops::unconfirmed_since(conn)?;
        while let Some(id) = queries::next_mail(conn, account_since, now)? {
            if !queries::set_claim(conn, &id, worker.as_str(), now.plus_seconds(LEASE_SECONDS), now)? {
                continue;
            }
            let row = queries::mail(conn, &id)?;
            let Some(to_address) = reader(conn, &row)? else {
                queries::set_state(conn, &id, "sending", "failed", "They no longer get notices of this mailbox.", now)?;
                continue;
            };
            return Ok(Some(ClaimedNotice {
                id,
                user_id: row.user_id,
                to_address,
                from_address: queries::address(conn, &row.mailbox_id)?,
                subject: row.subject,
                text: row.text_body,
                made_at: row.created_at,
                expires_at: row.expires_at,
                attempts: row.attempts,
                worker: worker.clone(),
            }));
        }
        Ok(None)
    })
}

/// The address of whoever may still read it: about a mailbox, who reaches it and wants notices; about their account, who can sign in.
fn reader(conn: &mut Conn, row: &queries::MailRow) -> Result<Option<String>> {
    if row.account {
        return Ok(people::account(conn, &row.user_id)?.map(|account| account.email));
    }
    let person = people::load(conn, Some(&row.user_id))?.pop();
    Ok(person.filter(|person| row.mailboxes.iter().all(|mailbox| person.reach(mailbox).is_some())).map(|person| person.email))
}

/// Keeps a worker's claims alive.
pub fn renew(conn: &mut Conn, worker: &WorkerId, now: Time) -> Result<()> {
    Ok(queries::renew(conn, worker.as_str(), now.plus_seconds(LEASE_SECONDS))?)
}

/// The last look, in the statement that notes that the dot is about to be written: still this
/// worker's, not too old, and to the address of somebody who may sign in and wants notices.
pub fn permit_dot(conn: &mut Conn, claimed: ClaimedNotice, now: Time) -> Result<Option<NoticeDot>> {
    transaction(conn, |conn| {
        if queries::set_dot(conn, &claimed, now)? {
            return Ok(Some(NoticeDot { claimed }));
        }
        if queries::holds_claim(conn, &claimed)? {
            queries::set_state(conn, &claimed.id, "sending", "failed", "They no longer get notices at this address.", now)?;
        }
        Ok(None)
    })
}

/// Records the server's 250.
pub fn record_sent(conn: &mut Conn, dot: NoticeDot, reply: &str, now: Time) -> Result<()> {
    let id = dot.claimed.id;
    // After a lapsed lease the row may be uncertain by now; the 250 settles it.
    if queries::set_state(conn, &id, "dot", "sent", reply, now)? || queries::set_state(conn, &id, "uncertain", "sent", reply, now)? {
        return Ok(());
    }
    Err(Error::internal(format!("notice {id} was accepted but is not at the dot")))
}

/// Records a failure before the final dot.
pub fn record_failure(conn: &mut Conn, claimed: ClaimedNotice, failure: &Failure, now: Time) -> Result<()> {
    record(conn, &claimed, "sending", failure, now)
}

/// Records a failure at the final dot.
pub fn record_failure_at_dot(conn: &mut Conn, dot: NoticeDot, failure: &Failure, now: Time) -> Result<()> {
    record(conn, &dot.claimed, "dot", failure, now)
}

fn record(conn: &mut Conn, claimed: &ClaimedNotice, from: &'static str, failure: &Failure, now: Time) -> Result<()> {
    transaction(conn, |conn| {
        if !queries::holds_claim(conn, claimed)? {
            return Ok(());
        }
        let id = &claimed.id;
        match failure {
            Failure::Permanent(text) => queries::set_state(conn, id, from, "failed", text, now)?,
            Failure::Unknown(text) => queries::set_state(conn, id, from, "uncertain", text, now)?,
            Failure::Transient(text) => {
                let wait = outbox::backoff(claimed.attempts).and_then(|wait| i64::try_from(wait.as_secs()).ok());
                match wait.map(|wait| now.plus_seconds(wait)).filter(|at| *at < claimed.expires_at) {
                    Some(at) => queries::put_back(conn, id, from, at, claimed.attempts + 1, text, now)?,
                    None => queries::set_state(conn, id, from, "failed", &format!("Given up: {text}"), now)?,
                }
            }
        };
        Ok(())
    })
}

/// Ends what was given up and forgets what is old.
pub(super) fn tidy(conn: &mut Conn, now: Time) -> Result<()> {
    recover(conn, now)?;
    queries::expire(conn, now)?;
    Ok(queries::forget(conn, now.plus_days(-MAIL_DAYS))?)
}

/// Claims whose worker fell silent: before the dot they wait again; at the dot nobody knows, and
/// the mail is not sent a second time.
fn recover(conn: &mut Conn, now: Time) -> Result<()> {
    for (id, state, attempts) in queries::lapsed(conn, now)? {
        match state.as_str() {
            "dot" => queries::set_state(conn, &id, "dot", "uncertain", "The server stopped while it was handed over; it may have arrived.", now)?,
            _ => queries::put_back(conn, &id, "sending", now, attempts, "Its worker stopped.", now)?,
        };
    }
    Ok(())
}

/// A mail as its row tells it, for the page of its reader.
#[derive(Debug, Clone, PartialEq, Eq, diesel::Queryable)]
pub struct NoticeMail {
    /// Its subject.
    pub subject: String,
    /// Where it stands: queued, sending, dot, sent, failed or uncertain.
    pub state: String,
    /// What the mail server said last.
    pub last_reply: Option<String>,
    /// When it was written.
    pub created_at: Time,
}

impl NoticeMail {
    /// What became of it, in words.
    pub fn outcome(&self) -> &'static str {
        match self.state.as_str() {
            "sent" => "sent",
            "failed" => "not sent",
            "uncertain" => "handed over without an answer; it may have arrived",
            _ => "on its way",
        }
    }
}

/// The latest mail to this person.
pub fn latest(conn: &mut Conn, user: &UserId) -> Result<Option<NoticeMail>> {
    Ok(queries::latest(conn, user)?)
}
