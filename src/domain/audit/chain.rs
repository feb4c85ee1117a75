//! The chain over the log: a hash for each entry, over it and over the hash before, so that an entry that was altered, dropped,
//! put in or moved shows at its position. Whoever can write the database can write the chain anew as well: the last hash,
//! noted elsewhere, shows that.

use serde::Serialize;

use crate::db::Conn;
use crate::db::seal::Marked;
use crate::domain::error::Result;
use crate::domain::ids::sha256_hex;

use super::{Line, marks, queries};

/// Entries that are chained in one transaction.
const AT_ONCE: i64 = 2000;
/// Entries that are not chained yet and are looked at nevertheless.
const MOST_OPEN: i64 = 20_000;
/// Entries that are looked at together.
const PAGE: i64 = 2000;
/// What the detail of an entry about somebody who was erased says.
const BLANK: &str = r#"{"erased":true}"#;
/// The hash before the first entry.
const START: &str = "countersign";

/// The end of the chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Head {
    /// How many entries are chained.
    pub position: i64,
    /// The last hash; empty where nothing is chained.
    pub hash: String,
}

/// The hash of fields, each with its length in front, so that no two entries read alike.
pub(super) fn hash_of_fields<'f>(fields: impl IntoIterator<Item = &'f str>) -> String {
    let mut framed = vec![];
    for field in fields {
        framed.extend(u64::try_from(field.len()).unwrap_or(u64::MAX).to_be_bytes());
        framed.extend(field.as_bytes());
    }
    sha256_hex(&framed)
}

/// A field that may be missing: what is missing and what is empty differ.
pub(super) fn or_none(field: Option<&str>) -> String {
    field.map_or_else(|| "-".to_owned(), |field| format!("+{field}"))
}

/// The hash of an entry and of the hash before it.
fn link(before: &str, position: i64, line: &Line, words_hash: &str) -> String {
    let (position, seq, at) = (position.to_string(), line.seq.to_string(), line.at.micros().to_string());
    let (mailbox, request) = (or_none(line.mailbox_id.as_deref()), or_none(line.request_id.as_deref()));
    let fields: [&str; 13] = [
        before,
        &position,
        &seq,
        &at,
        &line.actor_kind,
        &line.actor_id,
        &line.actor_name,
        &line.action,
        &line.target_kind,
        &line.target_id,
        &mailbox,
        &request,
        words_hash,
    ];
    // Entries from before these were kept have the hash that they had.
    let since = match (&line.network, &line.mark) {
        (None, None) => vec![],
        (network, mark) => vec![or_none(network.as_deref()), or_none(mark.as_deref())],
    };
    hash_of_fields(fields.into_iter().chain(since.iter().map(String::as_str)))
}

/// The end of the chain.
pub fn head(conn: &mut Conn) -> Result<Head> {
    Ok(queries::head(conn)?.map_or_else(|| Head { position: 0, hash: String::new() }, |(position, hash)| Head { position, hash }))
}

/// Chains some entries; whether there may be more. Only one process does at a time.
pub fn extend(conn: &mut Conn) -> Result<bool> {
    crate::db::transaction(conn, |conn| {
        if !queries::hold_chain(conn)? {
            return Ok(false);
        }
        let head = head(conn)?;
        let latest = queries::latest_chained(conn)?;
        let lines = queries::unchained(conn, latest, AT_ONCE)?;
        let mut before = if head.position == 0 { START.to_owned() } else { head.hash };
        let mut rows = vec![];
        for (offset, line) in (1..).zip(&lines) {
            let (position, words_hash) = (head.position + offset, sha256_hex(line.detail.as_bytes()));
            before = link(&before, position, line, &words_hash);
            rows.push((position, line.seq, words_hash, before.clone()));
        }
        queries::insert_links(conn, &rows)?;
        Ok(i64::try_from(rows.len()) == Ok(AT_ONCE))
    })
}

/// What is wrong with the log, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Break {
    /// The position in the chain; none for an entry that is not in it.
    pub position: Option<i64>,
    /// The number of the entry, where there is one.
    pub seq: Option<i64>,
    /// What is wrong, in a sentence.
    pub problem: String,
}

/// What a walk along the chain found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Walk {
    /// How many entries are chained.
    pub chained: i64,
    /// The last hash: noted elsewhere, it shows later whether the chain was written anew.
    pub head: String,
    /// How many entries are not chained yet.
    pub open: i64,
    /// What is wrong.
    pub breaks: Vec<Break>,
}

/// Whether the chain holds this hash, which somebody noted elsewhere.
pub fn holds(conn: &mut Conn, hash: &str) -> Result<bool> {
    Ok(queries::has_hash(conn, hash)?)
}

/// Walks along the whole chain.
pub fn walk(conn: &mut Conn) -> Result<Walk> {
    let mut walk = Walk::default();
    let mut marked = false;
    let mut before = START.to_owned();
    loop {
        let page = queries::links_after(conn, walk.chained, PAGE)?;
        let Some(last) = page.last().map(|(position, ..)| *position) else { break };
        let lines = queries::lines(conn, page.iter().map(|(_, seq, ..)| *seq).collect())?;
        for (position, seq, words_hash, hash) in &page {
            let expected = walk.chained + 1;
            walk.chained = *position;
            if *position != expected {
                let missing = if *position == expected + 1 {
                    format!("Position {expected} was")
                } else {
                    format!("Positions {expected} to {} were", position - 1)
                };
                let problem = format!("{missing} dropped from the chain, so the entry at position {position} cannot be checked.");
                walk.breaks.push(Break { position: Some(expected), seq: None, problem });
                before.clone_from(hash);
                continue;
            }
            if let Some(problem) = wrong(conn, &before, *position, lines.get(seq), words_hash, hash)? {
                walk.breaks.push(Break { position: Some(*position), seq: Some(*seq), problem });
            } else if let Some(line) = lines.get(seq)
                && is_foreign(conn, line, &mut marked)?
            {
                let problem = format!("The entry at position {position} was not written by this desk: it does not bear its mark.");
                walk.breaks.push(Break { position: Some(*position), seq: Some(*seq), problem });
            }
            // What follows is held against what is on record here, so that one break is named once.
            before.clone_from(hash);
        }
        walk.chained = last;
    }
    if walk.chained > 0 {
        walk.head = before;
    }
    let latest = queries::latest_chained(conn)?;
    for seq in queries::put_in(conn, latest)? {
        walk.breaks.push(Break { position: None, seq: Some(seq), problem: format!("Entry {seq} was put in later: the chain goes past it.") });
    }
    if let Some((from, until)) = queries::dropped_end(conn)? {
        let which = if from == until { format!("Entry {until}, the last one, was") } else { format!("The last entries, {from} to {until}, were") };
        walk.breaks.push(Break { position: None, seq: Some(from), problem: format!("{which} dropped.") });
    }
    for line in queries::unchained(conn, latest, MOST_OPEN)? {
        if is_foreign(conn, &line, &mut marked)? {
            let (seq, position) = (line.seq, walk.chained);
            let problem = format!("Entry {seq}, behind position {position} of the chain, was not written by this desk: it does not bear its mark.");
            walk.breaks.push(Break { position: None, seq: Some(seq), problem });
        }
    }
    walk.open = queries::count_unchained(conn, latest)?;
    Ok(walk)
}

/// Whether somebody else wrote an entry. Those from before marks were made bear none; `marked` is set by the first that does.
fn is_foreign(conn: &mut Conn, line: &Line, marked: &mut bool) -> Result<bool> {
    match marks::whose(line) {
        (Marked::Ours, as_written) => {
            *marked = true;
            Ok(!(as_written || line.detail == BLANK && queries::is_of_erased(conn, line)?))
        }
        (Marked::Unknown, _) => Ok(*marked),
        (Marked::Forged, _) => Ok(true),
    }
}

fn wrong(conn: &mut Conn, before: &str, position: i64, line: Option<&Line>, words_hash: &str, hash: &str) -> Result<Option<String>> {
    let Some(line) = line else { return Ok(Some(format!("The entry at position {position} was dropped."))) };
    if link(before, position, line, words_hash) != hash {
        return Ok(Some(format!("The entry at position {position} was altered, or moved from another place.")));
    }
    let as_written = sha256_hex(line.detail.as_bytes()) == words_hash;
    if as_written || (line.detail == BLANK && queries::is_of_erased(conn, line)?) {
        return Ok(None);
    }
    Ok(Some(format!("The detail of the entry at position {position} was altered.")))
}
