//! The mark on each entry: made with a key outside of the database when it is written, so that one which somebody else put into the
//! database, also at its end, shows.

use crate::db::seal::{self, Marked};
use crate::domain::ids::sha256_hex;

use super::Line;
use super::chain::{hash_of_fields, or_none};

/// What a mark is on: all that is known when an entry is written.
pub(super) struct Written<'w> {
    pub(super) at: i64,
    pub(super) actor: [&'w str; 3],
    pub(super) what: [&'w str; 3],
    pub(super) mailbox: Option<&'w str>,
    pub(super) request: Option<&'w str>,
    pub(super) network: Option<&'w str>,
}

impl<'w> Written<'w> {
    fn of(line: &'w Line) -> Written<'w> {
        Written {
            at: line.at.micros(),
            actor: [&line.actor_kind, &line.actor_id, &line.actor_name],
            what: [&line.action, &line.target_kind, &line.target_id],
            mailbox: line.mailbox_id.as_deref(),
            request: line.request_id.as_deref(),
            network: line.network.as_deref(),
        }
    }

    fn digest(&self, words_hash: &str) -> String {
        let at = self.at.to_string();
        let (mailbox, request, network) = (or_none(self.mailbox), or_none(self.request), or_none(self.network));
        let last = [mailbox.as_str(), &request, &network, words_hash];
        hash_of_fields([at.as_str()].into_iter().chain(self.actor).chain(self.what).chain(last))
    }

    /// The mark, with the hash of the detail in front: what was erased later is not there any more. None without a key.
    pub(super) fn mark(&self, detail: &str) -> Option<String> {
        let words_hash = sha256_hex(detail.as_bytes());
        Some(format!("{words_hash}:{}", seal::mark(&self.digest(&words_hash))?))
    }
}

/// Whose mark an entry bears, and whether its detail is the one that was marked.
pub(super) fn whose(line: &Line) -> (Marked, bool) {
    let Some((words_hash, mark)) = line.mark.as_deref().and_then(|mark| mark.split_once(':')) else { return (Marked::Unknown, true) };
    (seal::whose(mark, &Written::of(line).digest(words_hash)), sha256_hex(line.detail.as_bytes()) == words_hash)
}
