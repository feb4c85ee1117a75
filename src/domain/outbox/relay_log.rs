//! What the log of a mail server proves. Pure.
//!
//! A server that took a message names it in a line of its queue: Postfix under a queue id that an earlier line ties to
//! the Message-ID, Exim with `<=` and `id=`. Postfix writes the Message-ID itself while the content is still coming in,
//! so that line alone proves nothing. One that refused it for good after the final dot says so under the same queue id;
//! had that answer come through, the message would not be uncertain, so it is about the last attempt.

use std::collections::{HashMap, HashSet};

use crate::domain::ids::MessageId;

/// A message of which a log shows what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shown {
    /// The header Message-ID, without brackets.
    pub(super) header: String,
    /// The line that proves it.
    pub(super) line: String,
    /// The server took it; otherwise it refused it for good.
    pub(super) taken: bool,
}

impl Shown {
    /// The message, where the header is one of ours.
    pub(super) fn message_id(&self) -> Option<MessageId> {
        let (local, _) = self.header.split_once('@')?;
        let (id, version) = local.split_once('.')?;
        version.parse::<i32>().ok()?;
        Some(MessageId::from(id))
    }
}

/// What these lines show, each message once. One that was taken was taken, whatever else is said of it.
pub(super) fn shown(log: &str) -> Vec<Shown> {
    let mut by_queue_id: HashMap<&str, &str> = HashMap::new();
    let mut taken: HashSet<&str> = HashSet::new();
    let mut refused: HashMap<&str, &str> = HashMap::new();
    let mut found: Vec<Shown> = vec![];
    for line in log.lines() {
        let queued = || line.split(": ").find_map(|word| by_queue_id.get(word.trim()).copied());
        let header = match line.split_once("message-id=<") {
            Some((before, rest)) => {
                if let (Some(queue_id), Some(header)) = (queue_id(before), rest.split('>').next()) {
                    by_queue_id.insert(queue_id, header);
                }
                None
            }
            None if line.contains(" <= ") => line.split(" id=").nth(1).and_then(|rest| rest.split_whitespace().next()),
            None if is_proof(line) => queued(),
            None if is_refusal(line) => {
                queued().map(|header| refused.insert(header, line));
                None
            }
            None => None,
        };
        if let Some(header) = header.filter(|header| taken.insert(header)) {
            found.push(Shown { header: header.to_owned(), line: line.trim().to_owned(), taken: true });
        }
    }
    let refused = refused.into_iter().filter(|(header, _)| !taken.contains(header));
    found.extend(refused.map(|(header, line)| Shown { header: header.to_owned(), line: line.trim().to_owned(), taken: false }));
    found
}

/// The word before the last colon: `postfix/cleanup[12]: 4BXYZ: ` → `4BXYZ`.
fn queue_id(before: &str) -> Option<&str> {
    before.trim().trim_end_matches(':').rsplit(": ").next().map(str::trim).filter(|word| !word.is_empty())
}

fn is_proof(line: &str) -> bool {
    ["(queue active)", "status=sent", "status=deferred", "status=bounced", "status=expired"].iter().any(|proof| line.contains(proof))
}

/// Postfix refused the whole message for good.
fn is_refusal(line: &str) -> bool {
    line.contains("milter-reject: END-OF-MESSAGE") && line.contains(": 5.")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "01a1fea8-79dd-75d0-8f1e-caa9bc30e1d6";

    #[test]
    fn a_queue_line_of_postfix_proves_it_and_the_line_of_cleanup_does_not() {
        let cleanup = format!("Nov 21 10:00:00 mx postfix/cleanup[99]: 4BXYZ12: message-id=<{ID}.1@sender.example>");
        let queued = "Nov 21 10:00:00 mx postfix/qmgr[7]: 4BXYZ12: from=<team@sender.example>, size=900, nrcpt=1 (queue active)";
        let other = queued.replace("4BXYZ12", "4BOTHER");
        assert_eq!(shown(&cleanup), []);
        assert_eq!(shown(queued), []);
        assert_eq!(shown(&format!("{cleanup}\n{other}")), []);
        let found = shown(&format!("{cleanup}\n{queued}\n{queued}"));
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].message_id(), found[0].line.as_str()), (Some(MessageId::from(ID)), queued));
        let delivered = "Nov 21 10:00:01 mx postfix/smtp[8]: 4BXYZ12: to=<a@example.com>, relay=r, delay=1, status=sent (250 ok)";
        assert_eq!(shown(&format!("{cleanup}\n{delivered}")).len(), 1);
    }

    #[test]
    fn a_refusal_for_good_after_the_dot_proves_the_opposite_and_a_passing_one_proves_nothing() {
        let cleanup = format!("Nov 21 10:00:00 mx postfix/cleanup[99]: 4BXYZ12: message-id=<{ID}.1@sender.example>");
        let refusal =
            "Nov 21 10:00:00 mx postfix/cleanup[99]: 4BXYZ12: milter-reject: END-OF-MESSAGE from desk[192.0.2.1]: 5.7.1 Spam; from=<a@b> to=<c@d>";
        let found = shown(&format!("{cleanup}\n{refusal}"));
        assert_eq!((found.len(), found[0].taken, found[0].message_id()), (1, false, Some(MessageId::from(ID))));
        assert_eq!(shown(&format!("{cleanup}\n{}", refusal.replace("5.7.1", "4.7.1"))), []);
        let again = format!(
            "{cleanup}\n{refusal}\n{}",
            format!("{cleanup}\nNov 21 10:09:00 mx postfix/qmgr[7]: 4CXYZ12: (queue active)").replace("4BXYZ12", "4CXYZ12")
        );
        assert_eq!(shown(&again).iter().map(|one| one.taken).collect::<Vec<_>>(), [true]);
    }

    #[test]
    fn an_arrival_of_exim_proves_it_and_a_rejection_does_not() {
        let line = format!("2026-11-21 10:00:00 1xYz-0001-2B <= team@sender.example H=desk P=esmtp S=900 id={ID}.1@sender.example");
        assert_eq!(shown(&line)[0].message_id(), Some(MessageId::from(ID)));
        assert_eq!(shown(&line.replace("<=", "rejected")), []);
    }

    #[test]
    fn what_is_no_message_of_ours_is_none() {
        for header in ["x@y", "a.b@c", "@", ".1@x"] {
            let found = Shown { header: header.to_owned(), line: String::new(), taken: true }.message_id();
            assert!(found.is_none_or(|id| id.as_str().is_empty()), "{header}");
        }
    }
}
