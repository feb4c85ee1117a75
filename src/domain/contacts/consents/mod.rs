//! The ledger of grounds for mailing somebody: what it rests on, who says so, and when it ended. Nothing in it is changed but
//! by a withdrawal, and nothing is deleted but by an erasure.

pub mod opt_in;
mod queries;

use diesel::prelude::*;
use serde::Serialize;
use serde_json::json;

use crate::clock::Time;
use crate::db::{Conn, transaction};
use crate::domain::actor::{Actor, Scope};
use crate::domain::error::{Error, Result};
use crate::domain::ids::{ContactId, RowId};
use crate::domain::text;
use crate::text_enum;

use super::{log, present};

text_enum!(
    /// On what ground a person may be mailed.
    pub enum ConsentBasis {
        /// They said yes.
        Consent => "consent",
        /// A customer, mailed about similar products, with an opt-out in each mail.
        SoftOptIn => "soft_opt_in",
        /// Needed to fulfil a contract.
        Contract => "contract",
        /// A balanced interest of the sender.
        LegitimateInterest => "legitimate_interest",
    }
);

text_enum!(
    /// Under whose law somebody lives, where it is known.
    pub enum Jurisdiction {
        /// The European Union and the European Economic Area.
        Eu => "eu",
        /// The United Kingdom.
        Uk => "uk",
        /// Switzerland.
        Ch => "ch",
        /// The United States, but for California.
        Us => "us",
        /// California.
        UsCa => "us_ca",
        /// Canada.
        Ca => "ca",
        /// Elsewhere.
        Other => "other",
    }
);

/// What a ground is for where nobody says.
pub const PURPOSE: &str = "commercial mail";

/// A row of the ledger.
#[derive(Debug, Clone, Queryable, Insertable, Serialize)]
#[diesel(table_name = crate::db::schema::consents)]
pub struct Consent {
    /// Its id.
    pub id: RowId,
    /// Whose.
    #[serde(skip)]
    pub contact_id: ContactId,
    /// The ground.
    pub basis: ConsentBasis,
    /// Where it comes from, in words.
    pub source: String,
    /// Who recorded it.
    pub recorded_by: String,
    /// When.
    pub recorded_at: Time,
    /// What it is for.
    pub purpose: String,
    /// The version of the words that were agreed to.
    pub wording: Option<String>,
    /// What proves it, such as the id of a form or of a message.
    pub evidence: Option<String>,
    /// Under whose law.
    pub jurisdiction: Option<Jurisdiction>,
    /// When it was given, where that was before it was recorded.
    pub given_at: Option<Time>,
    /// When it ended.
    pub withdrawn_at: Option<Time>,
    /// Who said so.
    pub withdrawn_by: Option<String>,
}

/// A ground to be recorded.
#[derive(Debug, Clone)]
pub struct NewConsent {
    /// The ground.
    pub basis: ConsentBasis,
    /// Where it comes from, in words.
    pub source: String,
    /// What it is for; [`PURPOSE`] where it is empty.
    pub purpose: String,
    /// The version of the words that were agreed to.
    pub wording: Option<String>,
    /// What proves it.
    pub evidence: Option<String>,
    /// Under whose law.
    pub jurisdiction: Option<Jurisdiction>,
    /// When it was given, where that was earlier.
    pub given_at: Option<Time>,
}

impl NewConsent {
    /// A ground with nothing but where it comes from.
    pub fn from_source(basis: ConsentBasis, source: &str) -> Self {
        NewConsent { basis, source: source.to_owned(), purpose: String::new(), wording: None, evidence: None, jurisdiction: None, given_at: None }
    }
}

/// Records a ground for mailing somebody, with nothing but where it comes from.
pub fn record_consent(conn: &mut Conn, actor: &Actor, id: &ContactId, basis: ConsentBasis, source: &str, now: Time) -> Result<()> {
    record(conn, actor, id, &NewConsent::from_source(basis, source), now).map(drop)
}

/// Records a ground for mailing somebody. No key does: who vouches for it must be somebody.
pub fn record(conn: &mut Conn, actor: &Actor, id: &ContactId, new: &NewConsent, now: Time) -> Result<Consent> {
    if matches!(actor, Actor::Key { .. }) {
        return Err(Error::forbidden("person_required", "Only a person can record a consent."));
    }
    if new.given_at.is_some_and(|at| at > now) {
        return Err(Error::invalid("field_invalid", "given_at", "given_at must not lie in the future."));
    }
    let purpose = text::line("purpose", &new.purpose, 100)?;
    let consent = Consent {
        id: RowId::new(),
        contact_id: id.clone(),
        basis: new.basis,
        source: text::required_line("source", &new.source, 300)?,
        recorded_by: actor.name().to_owned(),
        recorded_at: now,
        purpose: if purpose.is_empty() { PURPOSE.to_owned() } else { purpose },
        wording: text::optional_line("wording", new.wording.as_deref(), 100)?,
        evidence: text::optional_line("evidence", new.evidence.as_deref(), 300)?,
        jurisdiction: new.jurisdiction,
        given_at: new.given_at,
        withdrawn_at: None,
        withdrawn_by: None,
    };
    // Article 6(1)(f) of Regulation (EU) 2016/679 asks for a balance of interests, and 5(2) that it can be shown.
    if consent.basis == ConsentBasis::LegitimateInterest && consent.evidence.is_none() && consent.jurisdiction.is_some_and(Jurisdiction::balances) {
        let detail = "A legitimate interest needs the note on how it was balanced. Name it as evidence.";
        return Err(Error::invalid("field_invalid", "evidence", detail));
    }
    transaction(conn, |conn| {
        present(conn, id)?;
        queries::insert(conn, &consent)?;
        let detail = json!({"basis": consent.basis, "source": consent.source, "purpose": consent.purpose, "wording": consent.wording});
        log(conn, actor, "contact.consent", id, detail, now)?;
        Ok(consent)
    })
}

const EUROPEAN_UNION: &[&str] = &[
    "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "EL", "ES", "FI", "FR", "GR", "HR", "HU", "IE", "IS", "IT", "LI", "LT", "LU", "LV", "MT", "NL",
    "NO", "PL", "PT", "RO", "SE", "SI", "SK",
];

impl Jurisdiction {
    /// Of a country by its two letters (ISO 3166-1), as a contact's metadata has it under `country`. None where it is not known.
    pub fn of(country: Option<&str>) -> Option<Jurisdiction> {
        match country.map(|country| country.trim().to_ascii_uppercase()).as_deref() {
            None | Some("") => None,
            Some("CA") => Some(Jurisdiction::Ca),
            Some("US") => Some(Jurisdiction::Us),
            Some("GB" | "UK") => Some(Jurisdiction::Uk),
            Some("CH") => Some(Jurisdiction::Ch),
            Some(country) if EUROPEAN_UNION.contains(&country) => Some(Jurisdiction::Eu),
            Some(_) => Some(Jurisdiction::Other),
        }
    }

    fn balances(self) -> bool {
        matches!(self, Jurisdiction::Eu | Jurisdiction::Uk | Jurisdiction::Ch)
    }

    /// A name for people.
    pub fn label(self) -> &'static str {
        match self {
            Jurisdiction::Eu => "European Union",
            Jurisdiction::Uk => "United Kingdom",
            Jurisdiction::Ch => "Switzerland",
            Jurisdiction::Us => "United States",
            Jurisdiction::UsCa => "California",
            Jurisdiction::Ca => "Canada",
            Jurisdiction::Other => "Elsewhere",
        }
    }
}

/// Ends one ground. Whoever may change a contact may: it only makes mail less likely.
pub fn withdraw(conn: &mut Conn, actor: &Actor, id: &ContactId, consent: &RowId, now: Time) -> Result<()> {
    actor.must_manage_or_have(Scope::Contacts)?;
    transaction(conn, |conn| {
        present(conn, id)?;
        if !queries::withdraw(conn, id, Some(consent), actor.name(), now)? {
            return Err(Error::not_found("consent"));
        }
        log(conn, actor, "contact.withdraw", id, json!({"consent": consent}), now)
    })
}

/// Ends what somebody agreed to, when they leave or object: consents, and interests that are balanced against theirs. What a contract
/// asks for stays, because mail about it is not commercial.
pub(in crate::domain) fn withdraw_all(conn: &mut Conn, actor: &Actor, id: &ContactId, now: Time) -> Result<()> {
    if queries::withdraw(conn, id, None, actor.name(), now)? {
        log(conn, actor, "contact.withdraw", id, json!({"consent": "all"}), now)?;
    }
    Ok(())
}

/// The whole ledger of a contact, the latest first, with what was withdrawn.
pub fn ledger(conn: &mut Conn, actor: &Actor, id: &ContactId) -> Result<Vec<Consent>> {
    super::get(conn, actor, id)?;
    Ok(queries::of_contacts(conn, std::slice::from_ref(id))?)
}

/// The grounds of many contacts that hold now.
pub(super) fn in_force(conn: &mut Conn, ids: &[ContactId]) -> Result<Vec<Consent>> {
    let mut all = queries::of_contacts(conn, ids)?;
    all.retain(|consent| consent.withdrawn_at.is_none());
    Ok(all)
}

/// Whether a ground for mailing this person holds.
pub fn has_consent(conn: &mut Conn, id: &ContactId) -> Result<bool> {
    Ok(!in_force(conn, std::slice::from_ref(id))?.is_empty())
}

/// Gives a made-up contact the grounds of the real one.
pub(super) fn copy(conn: &mut Conn, from: &ContactId, to: &ContactId) -> Result<()> {
    for consent in in_force(conn, std::slice::from_ref(from))? {
        queries::insert(conn, &Consent { id: RowId::new(), contact_id: to.clone(), ..consent })?;
    }
    Ok(())
}
