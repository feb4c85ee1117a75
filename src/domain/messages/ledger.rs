//! The claims of a message: kept with each version, counted for the queue, settled one by one.

use std::collections::{BTreeSet, HashMap};

use diesel::prelude::*;
use jiff::civil::Date;
use serde_json::json;

use crate::clock::Time;
use crate::db::{Conn, transaction};
use crate::domain::actor::{Actor, Scope};
use crate::domain::claims::{self, Claim, Ground, Kind, Part, Verdict};
use crate::domain::error::{Error, Result};
use crate::domain::facts;
use crate::domain::ids::{ContactId, FactId, MessageId};
use crate::domain::{contacts, mailboxes, settings, text};

use super::content::Words;
use super::{Content, Message, MessageRow, State, decide, likeness, log, queries};

/// Most claims of one message, those of all parts together.
const MOST_CLAIMS: usize = 2_000;

/// A claim as kept with a version of a message.
#[derive(Debug, Clone, Queryable, Insertable)]
#[diesel(table_name = crate::db::schema::claims)]
pub struct ClaimRow {
    /// The message.
    pub message_id: MessageId,
    /// The version.
    pub version: i32,
    /// Its place among the claims, from 0.
    pub position: i32,
    /// In which part.
    pub part: Part,
    /// Where it starts, in Unicode scalar values.
    pub start_at: i32,
    /// Where it ends.
    pub end_at: i32,
    /// Its words.
    pub words: String,
    /// Its sentence.
    pub sentence: String,
    /// What makes it the same claim in another part or version.
    pub claim_key: String,
    /// What kind of atom.
    pub kind: Kind,
    /// Whether a wrong one is a wrong promise.
    pub hard: bool,
    /// What it rests on.
    pub verdict: Verdict,
    /// The fact for or against it.
    pub fact_id: Option<FactId>,
    /// The version of the fact.
    pub fact_version: Option<i32>,
    /// How well the words fit.
    pub score: i32,
    /// The verdict in a sentence.
    pub reason: String,
}

/// Why a claim may stand although no fact says so.
#[derive(Debug, Clone, Queryable, Insertable)]
#[diesel(table_name = crate::db::schema::claim_waivers)]
pub struct Waiver {
    /// The message.
    pub message_id: MessageId,
    /// The claim.
    pub claim_key: String,
    /// Its words.
    pub words: String,
    /// Why it may stand.
    pub reason: String,
    /// Who said so: user or key.
    pub actor_kind: String,
    /// Who said so.
    pub actor_id: String,
    /// Who said so, by name.
    pub actor_name: String,
    /// When.
    pub created_at: Time,
}

/// A claim with what the page and the API show beside it; the same claim in several
/// parts appears once.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The claim where it stands first.
    pub claim: ClaimRow,
    /// The places of the same claim in all parts.
    pub places: Vec<(Part, i32, i32)>,
    /// The fact's words and source.
    pub fact: Option<(String, String)>,
    /// The day that version of the fact was recorded.
    pub fact_day: Option<Date>,
    /// Who let it stand, and why.
    pub waiver: Option<Waiver>,
}

impl Entry {
    /// Whether it keeps the message from leaving.
    pub fn is_open(&self) -> bool {
        self.claim.hard && !self.claim.verdict.is_supported() && self.waiver.is_none()
    }

    /// "waived" or the verdict: the class of its card and its underline.
    pub fn standing(&self) -> &'static str {
        if self.waiver.is_some() { "waived" } else { self.claim.verdict.as_str() }
    }
}

/// How many claims a message has, each counted once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Those a fact supports.
    pub supported: i32,
    /// Those that keep it from leaving.
    pub open: i32,
    /// Those a person let stand.
    pub waived: i32,
}

/// The claims of a content, found now. Lengths since a day are measured from `written`.
pub(super) fn find(conn: &mut Conn, contact: &ContactId, content: &Content, written: Time, now: Time) -> Result<Vec<Claim>> {
    let ground = Ground { written: written.date(), ..claims::ground_for(conn, contact, now)? };
    let mut found = claims::check(&parts(content), &ground);
    // Where a question about consent leads is this desk's own page, which does nothing without its reader.
    let own = format!("{}/confirm/", settings::base_url(conn)?);
    found.retain(|claim| claim.kind != Kind::Url || !claim.words.starts_with(&own));
    if found.len() > MOST_CLAIMS {
        let count = found.len();
        let detail = format!("The message makes {count} claims; nobody can review more than {MOST_CLAIMS}. Shorten it, or split it.");
        return Err(Error::invalid("claims_too_many", "text_body", detail));
    }
    Ok(found)
}

fn parts(content: &Content) -> Vec<(Part, &str)> {
    let mut parts = vec![(Part::Subject, content.subject.as_str()), (Part::Text, content.text_body.as_str())];
    parts.extend(content.html_body.as_deref().map(|html| (Part::Html, html)));
    parts
}

/// Keeps the claims of the current version and counts them, and notes what the message is like.
pub(super) fn keep(conn: &mut Conn, row: &MessageRow, found: &[Claim]) -> Result<Counts> {
    let content = Content::from(&super::version(conn, &row.id, row.version)?);
    let likeness = likeness_of(conn, &row.contact_id, &content, found)?;
    queries::set_likeness(conn, &row.id, &likeness)?;
    queries::delete_claims(conn, &row.id, row.version)?;
    keep_first(conn, row, found)?;
    recount(conn, row)
}

/// What a message with these claims is like.
pub(super) fn likeness_of(conn: &mut Conn, contact: &ContactId, content: &Content, found: &[Claim]) -> Result<String> {
    let company = contacts::customer(conn, contact)?.and_then(|customer| customer.company);
    Ok(likeness::of(content, company.as_deref(), found))
}

/// Keeps the claims of a version that has none yet. They are counted with [`count_first`] as the message is written.
pub(super) fn keep_first(conn: &mut Conn, row: &MessageRow, found: &[Claim]) -> Result<()> {
    Ok(queries::insert_claims(conn, &rows_of(row, found))?)
}

/// The counts of claims that nobody let stand yet.
pub(super) fn count_first(row: &MessageRow, found: &[Claim]) -> Counts {
    count(&group(rows_of(row, found), &[]))
}

fn rows_of(row: &MessageRow, found: &[Claim]) -> Vec<ClaimRow> {
    (0..)
        .zip(found)
        .map(|(position, claim)| ClaimRow {
            message_id: row.id.clone(),
            version: row.version,
            position,
            part: claim.part,
            start_at: i32::try_from(claim.start).unwrap_or(i32::MAX),
            end_at: i32::try_from(claim.end).unwrap_or(i32::MAX),
            words: claim.words.clone(),
            sentence: claim.sentence.clone(),
            claim_key: claim.key(),
            kind: claim.kind,
            hard: claim.hard,
            verdict: claim.verdict,
            fact_id: claim.fact.as_ref().map(|fact| fact.id.clone()),
            fact_version: claim.fact.as_ref().map(|fact| fact.version),
            score: claim.score,
            reason: claim.reason.clone(),
        })
        .collect()
}

fn recount(conn: &mut Conn, row: &MessageRow) -> Result<Counts> {
    let counts = count(&grouped(conn, row)?);
    queries::set_claim_counts(conn, &row.id, counts)?;
    Ok(counts)
}

fn count(entries: &[Entry]) -> Counts {
    let mut counts = Counts::default();
    for entry in entries {
        if entry.waiver.is_some() {
            counts.waived += 1;
        } else if entry.is_open() {
            counts.open += 1;
        } else if entry.claim.verdict.is_supported() {
            counts.supported += 1;
        }
    }
    counts
}

/// Finds and keeps the claims of the current version anew.
pub(super) fn settle(conn: &mut Conn, row: &MessageRow, now: Time) -> Result<Counts> {
    let version = super::version(conn, &row.id, row.version)?;
    let written = super::version(conn, &row.id, 1)?.created_at;
    let found = find(conn, &row.contact_id, &Content::from(&version), written, now)?;
    keep(conn, row, &found)
}

/// The message with its open claims looked at again, where it waits and has some: a fact that came since may carry them.
pub fn look_again(conn: &mut Conn, message: Message, now: Time) -> Result<Message> {
    if message.row.claims_open == 0 || !matches!(message.row.state, State::Pending | State::ChangesRequested) {
        return Ok(message);
    }
    transaction(conn, |conn| settle(conn, &message.row, now))?;
    super::get(conn, &Actor::System("claims"), &message.row.id)
}

/// The claims of the current version, those that keep it from leaving first.
pub fn of_message(conn: &mut Conn, actor: &Actor, id: &MessageId) -> Result<Vec<Entry>> {
    let row = super::row(conn, actor, id)?;
    let mut entries = entries(conn, &row)?;
    let withheld = facts::withheld(conn, actor, &row.contact_id)?;
    for entry in &mut entries {
        if let (Some(id), Some((label, _))) = (&entry.claim.fact_id, &mut entry.fact)
            && withheld.contains(id)
        {
            facts::WITHHELD.clone_into(label);
        }
    }
    Ok(entries)
}

/// The same of many messages that were fetched already, in a few statements.
pub fn of_messages(conn: &mut Conn, ids: &[MessageId]) -> Result<HashMap<MessageId, Vec<Entry>>> {
    let mut waivers: HashMap<MessageId, Vec<Waiver>> = HashMap::new();
    for waiver in queries::waivers_on(conn, ids)? {
        waivers.entry(waiver.message_id.clone()).or_default().push(waiver);
    }
    let claims = queries::claims_on(conn, ids)?;
    let facts: BTreeSet<FactId> = claims.iter().filter_map(|claim| claim.fact_id.clone()).collect();
    let versions = facts::versions_of(conn, &facts.into_iter().collect::<Vec<_>>())?;
    let mut by_message: HashMap<MessageId, Vec<ClaimRow>> = HashMap::new();
    for claim in claims {
        by_message.entry(claim.message_id.clone()).or_default().push(claim);
    }
    let entries = |(id, claims): (MessageId, Vec<ClaimRow>)| {
        let waivers = waivers.get(&id).map(Vec::as_slice).unwrap_or_default();
        let entries = with_facts(group(claims, waivers), &versions);
        (id, entries)
    };
    Ok(by_message.into_iter().map(entries).collect())
}

fn entries(conn: &mut Conn, row: &MessageRow) -> Result<Vec<Entry>> {
    let entries = grouped(conn, row)?;
    let ids: Vec<FactId> = entries.iter().filter_map(|entry| entry.claim.fact_id.clone()).collect();
    Ok(with_facts(entries, &facts::versions_of(conn, &ids)?))
}

/// The entries with the facts they rest on, those that keep the message from leaving first.
fn with_facts(mut entries: Vec<Entry>, versions: &HashMap<(FactId, i32), facts::Version>) -> Vec<Entry> {
    for entry in &mut entries {
        let of = entry.claim.fact_id.clone().zip(entry.claim.fact_version);
        let version = of.and_then(|of| versions.get(&of));
        entry.fact = version.map(|version| (version.label.clone(), version.source.clone()));
        entry.fact_day = version.map(|version| version.recorded_at.date());
    }
    entries.sort_by_key(|entry| (!entry.is_open(), entry.claim.verdict.is_supported()));
    entries
}

/// The claims with their waivers, the same claim once: all that counting needs.
fn grouped(conn: &mut Conn, row: &MessageRow) -> Result<Vec<Entry>> {
    let waivers = queries::waivers(conn, &row.id)?;
    Ok(group(queries::claims(conn, &row.id, row.version)?, &waivers))
}

fn group(claims: Vec<ClaimRow>, waivers: &[Waiver]) -> Vec<Entry> {
    let mut entries: Vec<Entry> = vec![];
    for claim in claims {
        let place = (claim.part, claim.start_at, claim.end_at);
        // The worse of two verdicts on one claim is the one to show.
        match entries.iter_mut().find(|entry| is_same(&entry.claim, &claim)) {
            Some(entry) => {
                entry.places.push(place);
                if claim.verdict > entry.claim.verdict {
                    entry.claim = claim;
                }
            }
            None => {
                let waiver = waivers.iter().find(|waiver| waiver.claim_key == claim.claim_key).cloned();
                entries.push(Entry { claim, places: vec![place], fact: None, fact_day: None, waiver });
            }
        }
    }
    entries
}

/// Whether two claims are one to a reader: the same key, or the same words that rest on the same fact.
fn is_same(a: &ClaimRow, b: &ClaimRow) -> bool {
    let carried = |claim: &ClaimRow| claim.verdict.is_supported() && claim.fact_id.is_some();
    a.claim_key == b.claim_key || carried(a) && carried(b) && a.fact_id == b.fact_id && a.kind == b.kind && a.words.eq_ignore_ascii_case(&b.words)
}

/// Claims of words that are being typed, by the same rules: nothing is stored of the message.
/// HTML that was left alone follows the text and is not looked at.
pub fn preview(conn: &mut Conn, actor: &Actor, id: &MessageId, words: &Words, now: Time) -> Result<Vec<Claim>> {
    let row = super::row(conn, actor, id)?;
    let version = super::version(conn, id, row.version)?;
    let first = super::version(conn, id, 1)?;
    let html = words.html.as_deref().filter(|html| version.html_body.as_deref() != Some(html));
    let ground = Ground { written: first.created_at.date(), ..claims::ground_for(conn, &row.contact_id, now)? };
    let text = words.text.as_deref().unwrap_or_default();
    let mut parts = vec![(Part::Subject, words.subject.as_str()), (Part::Text, text)];
    parts.extend(html.map(|html| (Part::Html, html)));
    Ok(claims::check(&parts, &ground))
}

/// Lets one open claim stand, with a reason: for whoever may decide the message.
pub fn waive(conn: &mut Conn, actor: &Actor, id: &MessageId, key: &str, reason: &str, now: Time) -> Result<Message> {
    actor.must_have(Scope::Oversight)?;
    let reason = text::required_line("reason", reason, 500)?;
    transaction(conn, |conn| {
        let row = super::row(conn, actor, id)?;
        if !matches!(row.state, State::Pending | State::ChangesRequested) {
            return Err(Error::conflict("state_conflict", format!("The message is {}; its claims can no longer be waived.", row.state)));
        }
        let mailbox = mailboxes::get(conn, actor, &row.mailbox_id)?;
        decide::refuse_wrong_decider(conn, actor, &row, &mailbox)?;
        let entry = entries(conn, &row)?.into_iter().find(|entry| entry.claim.claim_key == key).ok_or_else(|| Error::not_found("claim"))?;
        if !entry.is_open() {
            return Err(Error::conflict("claim_settled", "This claim does not keep the message from leaving. Reload to see how it stands."));
        }
        let waiver = Waiver {
            message_id: id.clone(),
            claim_key: key.to_owned(),
            words: entry.claim.words.clone(),
            reason: reason.clone(),
            actor_kind: actor.kind().to_owned(),
            actor_id: actor.id().to_owned(),
            actor_name: actor.name().to_owned(),
            created_at: now,
        };
        queries::insert_waiver(conn, &waiver)?;
        recount(conn, &row)?;
        log(conn, actor, "message.waive_claim", &row, json!({"words": entry.claim.words, "reason": reason, "verdict": entry.claim.verdict}), now)?;
        super::get(conn, actor, id)
    })
}

/// What [`lost_ground`] says of many versions, in one statement and one more for each offer under them.
pub(in crate::domain) fn lost_grounds(conn: &mut Conn, of: &[(MessageId, i32)], today: Date) -> Result<HashMap<MessageId, String>> {
    let mut lost = HashMap::new();
    if of.is_empty() {
        return Ok(lost);
    }
    let mut spent: HashMap<FactId, bool> = HashMap::new();
    for fact in queries::shaky_facts(conn, of, &today.to_string())? {
        if fact.is_lost {
            lost.insert(fact.message_id, format!("A fact it rests on no longer holds: {}", fact.label));
            continue;
        }
        if !fact.is_offer || lost.contains_key(&fact.message_id) {
            continue;
        }
        let is_spent = match spent.get(&fact.fact_id) {
            Some(is_spent) => *is_spent,
            None => facts::is_spent(conn, &fact.fact_id)?,
        };
        spent.insert(fact.fact_id, is_spent);
        if is_spent {
            lost.insert(fact.message_id, format!("The budget of an offer it rests on is promised away: {}", fact.label));
        }
    }
    Ok(lost)
}

/// Why the facts that a version rests on no longer carry it: changed, revoked, or an offer
/// that is over or whose budget is promised away.
pub(in crate::domain) fn lost_ground(conn: &mut Conn, id: &MessageId, version: i32, today: Date) -> Result<Option<String>> {
    if let Some(label) = queries::lost_facts(conn, id, version, &today.to_string())?.into_iter().next() {
        return Ok(Some(format!("A fact it rests on no longer holds: {label}")));
    }
    for (offer, label) in queries::offers_under(conn, id, version)? {
        if facts::is_spent(conn, &offer)? {
            return Ok(Some(format!("The budget of an offer it rests on is promised away: {label}")));
        }
    }
    Ok(None)
}
