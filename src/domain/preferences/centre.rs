//! The preference centre: what a recipient sees and chooses with the link in a message they received. The link is the
//! message's own, 256 random bits kept as a hash, so that it cannot be forged and is good for as long as the message is kept.

use crate::clock::Time;
use crate::db::{Conn, transaction};
use crate::domain::actor::Actor;
use crate::domain::contacts::{self, suppressions};
use crate::domain::error::Result;
use crate::domain::ids::{ContactId, TopicId};

use super::{Change, PAUSE_DAYS, Preferences, Topic, queries};

/// What the page shows. It names nobody: whoever has the link may have it from somebody else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Centre {
    /// The topics there are.
    pub topics: Vec<Topic>,
    /// What was chosen.
    pub preferences: Preferences,
    /// Whether they left for good.
    pub left: bool,
    /// Whether they can undo that themselves: they left, and nothing else speaks against mail to them.
    pub may_return: bool,
}

/// What a recipient does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    /// These topics with yes or no, and at most so many messages a week.
    Choose {
        /// The topics that the page showed.
        topics: Vec<(TopicId, bool)>,
        /// At most so many a week; none for no limit of theirs.
        most_per_week: Option<i32>,
    },
    /// Nothing for 30 days.
    Pause,
    /// The pause ends.
    Resume,
    /// Nothing ever again.
    Stop,
    /// They want mail again.
    Return,
}

/// What a recipient chose so far; none where the link is not one of ours. Looking changes nothing (RFC 8058 §1).
pub fn look(conn: &mut Conn, token: &str) -> Result<Option<Centre>> {
    match holder(conn, token)? {
        Some(contact) => shown(conn, &contact).map(Some),
        None => Ok(None),
    }
}

/// Does what a recipient wishes; none where the link is not one of ours.
pub fn wish(conn: &mut Conn, token: &str, wish: &Wish, now: Time) -> Result<Option<Centre>> {
    transaction(conn, |conn| {
        let Some(contact) = holder(conn, token)? else { return Ok(None) };
        let recipient = Actor::System("recipient");
        let change = match wish {
            Wish::Stop => {
                suppressions::unsubscribe(conn, token, "preferences", now)?;
                return shown(conn, &contact).map(Some);
            }
            Wish::Return => {
                suppressions::resubscribe(conn, token, now)?;
                return shown(conn, &contact).map(Some);
            }
            Wish::Choose { topics, most_per_week } => {
                let known = queries::topics(conn)?;
                let topics = topics.iter().filter(|(id, _)| known.iter().any(|topic| topic.id == *id)).cloned().collect();
                Change { topics, most_per_week: Some(*most_per_week), paused_until: None }
            }
            Wish::Pause => Change { paused_until: Some(Some(now.plus_days(PAUSE_DAYS))), ..Change::default() },
            Wish::Resume => Change { paused_until: Some(None), ..Change::default() },
        };
        super::write(conn, &recipient, &contact, &change, now)?;
        suppressions::link_was_used(conn, token, now)?;
        shown(conn, &contact).map(Some)
    })
}

fn holder(conn: &mut Conn, token: &str) -> Result<Option<ContactId>> {
    let Some(contact) = suppressions::holder_of_link(conn, token)? else { return Ok(None) };
    Ok(Some(contacts::row(conn, &contact)?).filter(|row| row.erased_at.is_none()).map(|row| row.id))
}

fn shown(conn: &mut Conn, contact: &ContactId) -> Result<Centre> {
    let row = contacts::row(conn, contact)?;
    let topics = queries::topics(conn)?.into_iter().filter(|topic| topic.archived_at.is_none()).collect();
    let left = suppressions::of(conn, &row.email_key)?.is_some();
    Ok(Centre { topics, preferences: super::of(conn, contact)?, left, may_return: suppressions::may_return(conn, &row.email_key)? })
}
