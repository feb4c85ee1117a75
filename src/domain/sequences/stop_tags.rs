//! Contact tags that end one sequence for somebody, chosen by whoever keeps it: they bought, they began, they are in talks.

use crate::clock::Time;
use crate::db::types::Json;
use crate::db::{Conn, transaction};
use crate::domain::actor::Actor;
use crate::domain::audit;
use crate::domain::contacts::ContactRow;
use crate::domain::error::{Error, Result};
use crate::domain::ids::SequenceId;
use crate::domain::{messages, text};

use super::{CAMPAIGN_TAG, COMPLETE, SEQUENCE, STEP, Sequence, Why, current, end_early, log, may_change, noted, queries, reached};

/// Most tags that end one sequence.
const MOST: usize = 20;

impl Sequence {
    /// Which of these tags ends it, if one does.
    pub(super) fn stop_tag<'a>(&self, tags: &'a [String]) -> Option<&'a String> {
        tags.iter().find(|tag| self.stop_tags.contains(tag))
    }
}

/// Tags that may end a sequence, each once, in order.
pub(super) fn checked(given: &[String]) -> Result<Vec<String>> {
    let invalid = |detail: String| Err(Error::invalid("field_invalid", "stop_tags", detail));
    if given.len() > MOST {
        return invalid(format!("stop_tags must be at most {MOST}; got {}.", given.len()));
    }
    let mut tags = vec![];
    for tag in given {
        let tag = text::tag_of("stop_tags", tag)?;
        if tag.starts_with(STEP) || [COMPLETE, CAMPAIGN_TAG].contains(&tag.as_str()) {
            return invalid(format!("stop_tags must not be a tag that the sequence itself gives; got \"{tag}\". Take another."));
        }
        tags.push(tag);
    }
    tags.sort_unstable();
    tags.dedup();
    Ok(tags)
}

/// Says which tags end it. Whoever has one already leaves when their next step is due.
pub fn set_stop_tags(conn: &mut Conn, actor: &Actor, id: &SequenceId, tags: &[String], now: Time) -> Result<Sequence> {
    may_change(actor)?;
    let tags = checked(tags)?;
    transaction(conn, |conn| {
        reached(conn, actor, id)?;
        let mut row = queries::held(conn, id)?.ok_or_else(|| Error::not_found("sequence"))?;
        if *row.stop_tags != tags {
            let before = noted::switches(&row);
            (row.stop_tags, row.updated_at) = (Json::new(tags), now);
            queries::update_switches(conn, &row)?;
            let detail = audit::changed(&before, &noted::switches(&row));
            log(conn, actor, "sequence.stop_tags", &row, row.id.as_str(), detail, now)?;
        }
        Ok(row)
    })
}

/// Ends what somebody is in who got a tag that ends it, and takes back what has not left of each sequence that the tag ends: a
/// last step ended its enrollment when it was handed in.
pub(in crate::domain) fn note_tags(conn: &mut Conn, contact: &ContactRow, added: &[String], now: Time) -> Result<()> {
    if let Some((sequence, mut row)) = current(conn, &contact.id)?
        && let Some(tag) = sequence.stop_tag(added)
    {
        end_early(conn, &sequence, &mut row, Why::Tagged, &format!("The contact has the tag {tag}."), now)?;
    }
    let mut waiting = vec![];
    for (sequence, message) in queries::steps_not_left(conn, &contact.id)? {
        if queries::by_id(conn, &sequence)?.is_some_and(|sequence| sequence.stop_tag(added).is_some()) {
            waiting.push(message);
        }
    }
    messages::cancel::stop_all(conn, &SEQUENCE, &waiting, now).map(drop)
}
