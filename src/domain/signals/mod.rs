//! Signals: what happened to a contact that speaks for asking them to recommend.

pub(in crate::domain) mod queries;

use diesel::prelude::*;
use serde_json::json;

use crate::clock::Time;
use crate::db::{Conn, transaction};
use crate::domain::actor::{Actor, Scope};
use crate::domain::audit::{self, Entry};
use crate::domain::contacts::{self, ContactRow, Named};
use crate::domain::error::{Error, Result};
use crate::domain::ids::{ContactId, SignalId};
use crate::domain::paging::Page;
use crate::domain::text;

/// The kinds that count without being named: whoever has one of them may be asked.
pub const USUAL: [&str; 5] = ["onboarding_completed", "ticket_resolved", "milestone", "nps", "feature_adopted"];

/// The lowest answer of 0 to 10 that counts as good.
const GOOD_NPS: f64 = 9.0;
/// The lowest rating of 1 to 5 that counts as good.
const GOOD_RATING: f64 = 4.0;

/// A row of `signals`.
#[derive(Debug, Clone, Queryable, Insertable)]
#[diesel(table_name = crate::db::schema::signals)]
pub struct Signal {
    /// Its id.
    pub id: SignalId,
    /// Whose.
    pub contact_id: ContactId,
    /// What happened: one of [`USUAL`] or a name of the caller's.
    pub kind: String,
    /// A figure or word that goes with it.
    pub value: Option<String>,
    /// Whether it speaks for asking.
    pub happy: bool,
    /// The id that the caller gave.
    pub external_id: Option<String>,
    /// When it happened.
    pub happened_at: Time,
    /// Who recorded it, by name.
    pub recorded_by: String,
    /// When it was recorded.
    pub created_at: Time,
}

/// A signal to be recorded.
#[derive(Debug, Clone)]
pub struct NewSignal {
    /// Whose.
    pub who: Named,
    /// What happened.
    pub kind: String,
    /// A figure or word that goes with it.
    pub value: Option<String>,
    /// When it happened; now without it.
    pub at: Option<Time>,
    /// An id; a second signal with it is the first one.
    pub external_id: Option<String>,
}

/// What came of recording.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// The signal.
    pub signal: Signal,
    /// Whose.
    pub contact: ContactRow,
    /// Whether it was recorded now; otherwise it was there.
    pub new: bool,
}

/// Records a signal, once for each id.
pub fn record(conn: &mut Conn, actor: &Actor, new: &NewSignal, now: Time) -> Result<Recorded> {
    actor.must_have(Scope::Contacts)?;
    let kind = kind(&new.kind)?;
    let value = text::optional_line("value", new.value.as_deref(), 200)?;
    let external_id = text::optional_line("id", new.external_id.as_deref(), 200)?;
    let happened_at = new.at.unwrap_or(now);
    if happened_at > now.plus_seconds(300) {
        return Err(Error::invalid("field_invalid", "at", format!("at must not be in the future; got {happened_at}.")));
    }
    transaction(conn, |conn| {
        if let Some(known) = external_id.as_deref().map(|id| queries::by_external_id(conn, id)).transpose()?.flatten() {
            let contact = contacts::row(conn, &known.contact_id)?;
            return Ok(Recorded { signal: known, contact, new: false });
        }
        let contact = contacts::meant(conn, actor, &new.who, now)?;
        let happy = is_happy(&kind, value.as_deref());
        let signal = Signal {
            id: SignalId::new(),
            contact_id: contact.id.clone(),
            kind,
            value,
            happy,
            external_id,
            happened_at,
            recorded_by: actor.name().to_owned(),
            created_at: now,
        };
        queries::insert(conn, &signal)?;
        let detail = json!({"contact": contact.id, "kind": signal.kind, "value": signal.value});
        audit::record(
            conn,
            actor,
            Entry { action: "signal.add", target_kind: "signal", target_id: signal.id.as_str(), mailbox_id: None, detail },
            now,
        )?;
        Ok(Recorded { signal, contact, new: true })
    })
}

/// The signals of a contact, newest first.
pub fn list(conn: &mut Conn, actor: &Actor, who: &Named, limit: usize, before: Option<&SignalId>) -> Result<(ContactRow, Page<Signal>)> {
    actor.must_have(Scope::Read)?;
    let contact = contacts::meant_among_known(conn, actor, who)?;
    let rows = queries::of_contact(conn, &contact.id, limit, before)?;
    Ok((contact, Page::cut(rows, limit)))
}

/// A kind in one form.
pub(in crate::domain) fn kind(given: &str) -> Result<String> {
    let kind = text::required_line("kind", given, 60)?;
    if kind.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-.".contains(&b)) {
        return Ok(kind);
    }
    let got = text::excerpt(&kind);
    Err(Error::invalid("field_invalid", "kind", format!("kind must be small letters, digits, \"_\", \"-\" and \".\"; got \"{got}\".")))
}

fn is_happy(kind: &str, value: Option<&str>) -> bool {
    let number = value.and_then(|value| value.parse::<f64>().ok());
    match kind {
        "nps" => number.is_some_and(|answer| answer >= GOOD_NPS),
        "ticket_resolved" => value.is_none() || number.is_some_and(|rating| rating >= GOOD_RATING),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_good_answer_speaks_for_asking() {
        assert!(is_happy("nps", Some("9")) && !is_happy("nps", Some("8")) && !is_happy("nps", None));
        assert!(is_happy("ticket_resolved", None) && is_happy("ticket_resolved", Some("4.5")) && !is_happy("ticket_resolved", Some("2")));
        assert!(!is_happy("ticket_resolved", Some("bad")) && is_happy("milestone", Some("10000")) && is_happy("renewed", None));
        assert!(!is_happy("nps", Some("NaN")));
    }
}
