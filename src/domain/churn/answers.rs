//! Which product updates answer what a customer asked for, and what people made of the suggestions.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use diesel::prelude::*;
use serde_json::json;

use crate::clock::Time;
use crate::db::{Conn, transaction};
use crate::domain::actor::{Actor, Scope};
use crate::domain::audit::{self, Entry};
use crate::domain::error::{Error, Result};
use crate::domain::facts::{self, ProductUpdate};
use crate::domain::ids::{ChurnEventId, FactId, sha256_hex};
use crate::domain::matching::{self, Index, Match, Synonyms, UpdateText};
use crate::domain::{settings, text, threads};

use super::{ChurnEvent, log, queries};

/// Most updates that are searched, newest first.
const MOST_UPDATES: i64 = 2000;

/// An update that answers what the customer asked for.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The fact.
    pub id: FactId,
    /// The update.
    pub update: ProductUpdate,
    /// How well and by which words.
    pub found: Match,
    /// What a person said of it, if one did.
    pub accepted: Option<bool>,
}

/// A suggestion that a person accepted or refused.
#[derive(Debug, Clone, Queryable, Insertable, AsChangeset)]
#[diesel(table_name = crate::db::schema::match_judgements, primary_key(churn_event_id, fact_id))]
pub struct Judgement {
    /// For which departure.
    pub churn_event_id: ChurnEventId,
    /// Which update.
    pub fact_id: FactId,
    /// The score it had.
    pub score: i32,
    /// Whether it answers.
    pub accepted: bool,
    /// Who said so.
    pub judged_by: String,
    /// When.
    pub judged_at: Time,
}

/// The updates and the index over them.
type Prepared = Arc<(Vec<(FactId, ProductUpdate)>, Index)>;
/// The prepared updates of a few databases; the key names facts and synonyms.
static INDEXES: Mutex<Vec<(String, Prepared)>> = Mutex::new(vec![]);
/// One process has one database, the tests have several.
const INDEXES_KEPT: usize = 4;

fn index(conn: &mut Conn) -> Result<Prepared> {
    let words = synonyms(conn)?;
    let revision = facts::revision(conn)?;
    let key = format!("{revision} {}", sha256_hex(words.as_bytes()));
    if let Some((_, found)) = INDEXES.lock().unwrap_or_else(PoisonError::into_inner).iter().find(|(known, _)| *known == key) {
        return Ok(Arc::clone(found));
    }
    let updates = facts::updates(conn, MOST_UPDATES)?;
    let texts: Vec<UpdateText> = updates.iter().map(|(id, update)| text_of(id, update)).collect();
    let groups = Synonyms::parse(&words).unwrap_or_default();
    let made = Arc::new((updates, Index::new(&texts, &groups)));
    let mut indexes = INDEXES.lock().unwrap_or_else(PoisonError::into_inner);
    if indexes.len() >= INDEXES_KEPT {
        indexes.remove(0);
    }
    if !revision.is_empty() {
        indexes.push((key, Arc::clone(&made)));
    }
    Ok(made)
}

/// The list of words that mean the same, one group a line.
pub fn synonyms(conn: &mut Conn) -> Result<String> {
    Ok(settings::get(conn, settings::SYNONYMS)?.unwrap_or_else(|| Synonyms::standard().to_owned()))
}

/// Writes the list. A list that cannot be read is refused with the line.
pub fn set_synonyms(conn: &mut Conn, actor: &Actor, words: &str, now: Time) -> Result<()> {
    actor.must_manage()?;
    let words = text::body("synonyms", words, 50_000)?;
    Synonyms::parse(&words).map_err(|problem| Error::invalid("field_invalid", "synonyms", problem))?;
    transaction(conn, |conn| {
        settings::set(conn, settings::SYNONYMS, &words)?;
        let entry = Entry {
            action: "synonyms.set",
            target_kind: "setting",
            target_id: settings::SYNONYMS,
            mailbox_id: None,
            detail: json!({"length": words.len()}),
        };
        audit::record(conn, actor, entry, now)
    })
}

/// The lowest score that counts, learnt from what people accepted and refused.
pub fn threshold(conn: &mut Conn) -> Result<i32> {
    Ok(matching::learn(&queries::judged(conn, 2000)?))
}

/// What the customer wrote, best first.
pub fn needs(conn: &mut Conn, event: &ChurnEvent) -> Result<Vec<String>> {
    let history = match &event.contact_id {
        Some(contact) => threads::history(conn, contact)?,
        None => vec![],
    };
    let own_key = event.customer_email.as_deref().unwrap_or_default().to_lowercase();
    let mut needs: Vec<String> = event.cancel_reason_text.iter().cloned().collect();
    needs.extend(event.reason_quotes.iter().filter(|quote| quote.source != "cancel code").map(|quote| quote.text.clone()));
    needs.extend(history.into_iter().rev().filter(|mail| mail.from_key == own_key).map(|mail| mail.text_body));
    needs.extend(event.notes.clone());
    Ok(needs)
}

/// The updates since departure that answer, best first. One that a person refused is left out;
/// one that a person accepted comes first whatever its score.
pub fn answers(conn: &mut Conn, event: &ChurnEvent, now: Time) -> Result<Vec<Answer>> {
    let threshold = threshold(conn)?;
    let mut all = suggestions(conn, event, threshold, now)?;
    all.retain(|answer| answer.accepted != Some(false));
    Ok(all)
}

/// The same with those that a person refused.
pub fn suggestions(conn: &mut Conn, event: &ChurnEvent, threshold: i32, now: Time) -> Result<Vec<Answer>> {
    let prepared = index(conn)?;
    let needs = needs(conn, event)?;
    let needs: Vec<&str> = needs.iter().map(String::as_str).collect();
    let judged = queries::judgements(conn, &event.id)?;
    // One that people accepted shows even where its score fell below the line since.
    let found = prepared.1.rank(&needs, Some(event.churned_at.date()), now.date(), 1);
    let mut answers: Vec<Answer> = found
        .into_iter()
        .filter_map(|found| {
            let accepted = judged.iter().find(|judgement| judgement.fact_id.as_str() == found.id).map(|judgement| judgement.accepted);
            let (id, update) = prepared.0.iter().find(|(id, _)| id.as_str() == found.id)?.clone();
            (found.score >= threshold || accepted == Some(true)).then_some(Answer { id, update, found, accepted })
        })
        .collect();
    answers.sort_by_key(|answer| answer.accepted != Some(true));
    Ok(answers)
}

fn text_of(id: &FactId, update: &ProductUpdate) -> UpdateText {
    UpdateText {
        id: id.as_str().to_owned(),
        title: update.title.clone(),
        summary: update.summary.clone(),
        features: update.features.clone(),
        keywords: update.keywords.clone(),
        shipped_on: update.shipped_on,
    }
}

/// Which of these departures an update answers, by the words that gave the reason alone: for a report over many.
pub(super) fn met(conn: &mut Conn, events: &[ChurnEvent], now: Time) -> Result<HashSet<ChurnEventId>> {
    let (prepared, threshold) = (index(conn)?, threshold(conn)?);
    let judged = queries::all_judgements(conn)?;
    let said = |event: &ChurnEvent, fact: &str| {
        judged.iter().find(|judgement| judgement.churn_event_id == event.id && judgement.fact_id.as_str() == fact).map(|judgement| judgement.accepted)
    };
    let mut met = HashSet::new();
    for event in events {
        let mut needs: Vec<&str> = event.cancel_reason_text.iter().map(String::as_str).collect();
        needs.extend(event.reason_quotes.iter().filter(|quote| quote.source != "cancel code").map(|quote| quote.text.as_str()));
        let found = prepared.1.rank(&needs, Some(event.churned_at.date()), now.date(), 1);
        let answered = |found: &matching::Match| said(event, &found.id).unwrap_or(found.score >= threshold);
        if found.iter().any(answered) {
            met.insert(event.id.clone());
        }
    }
    Ok(met)
}

/// Accepts or refuses a suggestion; the threshold learns from it.
pub fn judge(conn: &mut Conn, actor: &Actor, id: &ChurnEventId, fact: &FactId, accepted: bool, now: Time) -> Result<()> {
    actor.must_have(Scope::Oversight)?;
    transaction(conn, |conn| {
        let event = super::get_row(conn, id)?;
        let found = suggestions(conn, &event, 1, now)?.into_iter().find(|answer| answer.id == *fact).ok_or_else(|| Error::not_found("suggestion"))?;
        let row = Judgement {
            churn_event_id: id.clone(),
            fact_id: fact.clone(),
            score: found.found.score,
            accepted,
            judged_by: actor.name().to_owned(),
            judged_at: now,
        };
        queries::put_judgement(conn, &row)?;
        log(conn, actor, "churn.judge_match", id, json!({"update": found.update.title, "score": row.score, "accepted": accepted}), now)
    })
}
