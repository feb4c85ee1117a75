//! `countersign verify`: walks a database and counts what left, and with what warrant.

use serde::Serialize;

use crate::db::Conn;
use crate::domain::audit::chain::{self, Walk};
use crate::domain::campaigns::counts::{self, Miscount};
use crate::domain::controls::twice;
use crate::domain::error::Result;
use crate::domain::ids::MessageId;
use crate::domain::messages::{self, Content, DecisionKind};
use crate::domain::reports::days;
use crate::domain::reputation::sends;

use super::queries;

/// What the walk found.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// Messages that left, or may have.
    pub sent: u64,
    /// Those with a warrant for exactly their content and, where it was needed, an approval of it.
    pub warranted: u64,
    /// The others: id and what is wrong.
    pub exceptions: Vec<(MessageId, String)>,
    /// Numbers of campaigns that a recount does not confirm.
    pub miscounts: Vec<Miscount>,
    /// Numbers of mailboxes, by which they are slowed and paused, that a recount does not confirm.
    pub sends: Vec<sends::Miscount>,
    /// Numbers of reports that a recount does not confirm.
    pub reports: Vec<days::Miscount>,
    /// The chain over the audit log, and where it is broken.
    pub audit: Walk,
}

/// Walks all messages that left.
pub fn verify(conn: &mut Conn) -> Result<Report> {
    let mut report = Report {
        miscounts: counts::recount(conn)?,
        sends: sends::recount(conn)?,
        reports: days::recount(conn)?,
        audit: chain::walk(conn)?,
        ..Report::default()
    };
    let mut after: Option<MessageId> = None;
    loop {
        let page = queries::sent_after(conn, after.as_ref(), 500)?;
        let Some(last) = page.last() else { return Ok(report) };
        after = Some(last.id.clone());
        for row in page {
            report.sent += 1;
            match problem(conn, &row)? {
                Some(problem) => report.exceptions.push((row.id, problem)),
                None => report.warranted += 1,
            }
        }
    }
}

fn problem(conn: &mut Conn, row: &queries::SentRow) -> Result<Option<String>> {
    let say = |text: &str| Ok(Some(text.to_owned()));
    if row.planted {
        return say("It is a test of the desk, which must never leave.");
    }
    if row.is_test {
        return say("It was made with a test key, whose mail must never leave.");
    }
    let Some((version, hash, cleared_by, decision_id)) = &row.warrant else { return say("It has no warrant.") };
    if *version != row.version || *hash != row.content_hash {
        return say("Its warrant is for another version.");
    }
    let words = messages::version(conn, &row.id, row.version)?;
    // Of a person who was erased the words are gone; the warrant and the approval still name one hash.
    if Content::from(&words).hash() != *hash && !messages::is_erased(conn, &row.id)? {
        return say("Its stored content does not have the hash that the warrant names.");
    }
    if cleared_by == "decision" {
        let decisions = messages::queries::decisions(conn, &row.id)?;
        let fits = decisions.iter().any(|decision| {
            Some(decision.id.as_str()) == decision_id.as_deref() && decision.kind == DecisionKind::Approve && decision.content_hash == *hash
        });
        if !fits {
            return say("Its warrant names no approval of this content.");
        }
        if !twice::holds(conn, &row.id, row.version, &decisions)? {
            return say("It takes the approval of two people and has that of one.");
        }
    }
    Ok(None)
}
