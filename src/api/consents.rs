//! `/v1/contacts/{id}/consents`, asking for one, and where a contact comes from.

use actix_web::{HttpResponse, web};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::error::Problem;
use super::input::{time_of, word_of};
use super::json::Json;
use super::key::Key;
use super::operations::{Operation, get, post};
use super::shapes::Submitted;
use crate::app::State;
use crate::clock::{self, Time};
use crate::domain::actor::{Actor, Scope};
use crate::domain::contacts::consents::opt_in::{self, Ask, OptIn};
use crate::domain::contacts::consents::{self, Consent, Jurisdiction};
use crate::domain::contacts::{self, ConsentBasis};
use crate::domain::ids::{ContactId, ImportId, MessageId, RowId};
use crate::domain::privacy::provenance::{self, Input, Provenance};

pub(super) fn operations() -> Vec<Operation> {
    vec![
        get("/v1/contacts/{id}/consents", "list_consents", "List the grounds for mailing a contact")
            .about("The whole ledger, the latest first, with what was withdrawn and what the contact was asked to confirm. People record grounds on the desk.")
            .needs(&[Scope::Read])
            .answers::<Ledger>(200)
            .to(list),
        post("/v1/contacts/{id}/consents/{consent}/withdraw", "withdraw_consent", "Note that a ground was withdrawn")
            .about("There is no way back: another ground must be recorded.")
            .needs(&[Scope::Contacts])
            .answers::<Ledger>(200)
            .to(withdraw),
        post("/v1/contacts/{id}/opt-in", "ask_consent", "Ask a contact to confirm")
            .about(
                "Submits one message with a link, to the oversight mode of its mailbox. The ground is recorded when the contact confirms there, \
                 within 30 days.",
            )
            .needs(&[Scope::Draft, Scope::Contacts])
            .body::<NewAsk>()
            .answers::<Submitted>(202)
            .to(ask),
        get("/v1/contacts/{id}/source", "get_source", "Read where a contact comes from")
            .needs(&[Scope::Read])
            .answers::<Source>(200)
            .to(source),
        post("/v1/contacts/{id}/source", "put_source", "Record where a contact comes from")
            .about(
                "The first message to somebody whose data came from elsewhere names the source. What is on record stays: only a person can \
                 change it.",
            )
            .needs(&[Scope::Contacts])
            .body::<NewSource>()
            .answers::<Source>(200)
            .to(put_source),
    ]
}

/// A ground for mailing somebody, with what it rests on.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "LedgerEntry")]
pub struct Line {
    /// Its id.
    pub id: RowId,
    /// The ground.
    pub basis: ConsentBasis,
    /// What it is for.
    pub purpose: String,
    /// Where it comes from.
    pub source: String,
    /// The version of the words that were agreed to.
    pub wording: Option<String>,
    /// What proves it.
    pub evidence: Option<String>,
    /// Under whose law: eu, uk, ch, us, us_ca, ca or other.
    #[schemars(with = "Option<String>")]
    pub jurisdiction: Option<Jurisdiction>,
    /// When it was given, where that was before it was recorded.
    pub given_at: Option<Time>,
    /// Who recorded it.
    pub recorded_by: String,
    /// When.
    pub recorded_at: Time,
    /// When it ended.
    pub withdrawn_at: Option<Time>,
    /// Who said so.
    pub withdrawn_by: Option<String>,
}

/// What a contact was asked to confirm.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "OptIn")]
pub struct Asked {
    /// What for.
    pub purpose: String,
    /// The message that asks.
    pub message_id: MessageId,
    /// When.
    pub asked_at: Time,
    /// Until when they can confirm.
    pub expires_at: Time,
    /// When they did.
    pub confirmed_at: Option<Time>,
}

/// The ledger of a contact.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ConsentLedger")]
pub struct Ledger {
    /// Whose.
    pub contact_id: ContactId,
    /// The grounds, the latest first.
    pub consents: Vec<Line>,
    /// What they were asked to confirm, the latest first.
    pub asked: Vec<Asked>,
}

impl Ledger {
    fn of(contact_id: ContactId, consents: Vec<Consent>, asked: Vec<OptIn>) -> Self {
        let line = |row: Consent| Line {
            id: row.id,
            basis: row.basis,
            purpose: row.purpose,
            source: row.source,
            wording: row.wording,
            evidence: row.evidence,
            jurisdiction: row.jurisdiction,
            given_at: row.given_at,
            recorded_by: row.recorded_by,
            recorded_at: row.recorded_at,
            withdrawn_at: row.withdrawn_at,
            withdrawn_by: row.withdrawn_by,
        };
        let asked = asked.into_iter().map(|row| Asked {
            purpose: row.purpose,
            message_id: row.message_id,
            asked_at: row.asked_at,
            expires_at: row.expires_at,
            confirmed_at: row.confirmed_at,
        });
        Ledger { contact_id, consents: consents.into_iter().map(line).collect(), asked: asked.collect() }
    }
}

/// What a contact is to be asked.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewAsk {
    /// The mailbox to send from, by address or id. Needed only where the key reaches several.
    pub(crate) mailbox: Option<String>,
    /// Where they gave their address, in words.
    pub(crate) source: String,
    /// What for, such as "our newsletter"; mail in general without it. They read it.
    pub(crate) purpose: Option<String>,
    /// The version of the words they were shown.
    pub(crate) wording: Option<String>,
    /// Under whose law: eu, uk, ch, us, us_ca, ca or other.
    pub(crate) jurisdiction: Option<String>,
}

/// A contact of whom nobody knows yet whether they want mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "PendingConsent")]
pub enum Pending {
    /// They are asked once to confirm.
    Pending,
}

impl Pending {
    /// How they are asked.
    pub(crate) fn ask(self, mailbox: Option<String>, source: Option<String>) -> Ask {
        let source = source.unwrap_or_else(|| "an import".to_owned());
        Ask { mailbox, source, ..Ask::default() }
    }
}

/// Where a contact comes from.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ContactSource")]
pub struct Source {
    /// Whose.
    pub contact_id: ContactId,
    /// The source in words; null where none is on record.
    pub source: Option<String>,
    /// Whether it came from somebody else than the person.
    pub elsewhere: bool,
    /// The import, where it came with one.
    #[schemars(with = "Option<String>")]
    pub import_id: Option<ImportId>,
    /// The name of its file.
    pub file_name: Option<String>,
    /// The ground that was named for it.
    pub basis: Option<ConsentBasis>,
    /// When it was obtained.
    pub obtained_at: Option<Time>,
    /// Who recorded it.
    pub recorded_by: Option<String>,
}

impl Source {
    fn of(contact_id: ContactId, row: Option<Provenance>) -> Self {
        Source {
            contact_id,
            source: row.as_ref().map(|row| row.source.clone()),
            elsewhere: row.as_ref().is_some_and(|row| row.elsewhere),
            import_id: row.as_ref().and_then(|row| row.import_id.clone()),
            file_name: row.as_ref().and_then(|row| row.file_name.clone()),
            basis: row.as_ref().and_then(|row| row.basis),
            obtained_at: row.as_ref().map(|row| row.obtained_at),
            recorded_by: row.map(|row| row.recorded_by),
        }
    }
}

/// What is said of where a contact comes from.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSource {
    /// The source, in words that the person will read, at most 200 characters.
    pub(crate) source: String,
    /// true where it came from somebody else than the person.
    pub(crate) elsewhere: bool,
    /// The ground that is named: consent, soft_opt_in, contract or legitimate_interest.
    pub(crate) basis: Option<String>,
    /// When it was obtained, such as 2026-04-30T12:00:00Z; now without it.
    pub(crate) obtained_at: Option<String>,
}

pub async fn list(key: Key, state: web::Data<State>, id: web::Path<String>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(ledger(key.0, &state, &id).await?))
}

/// The ledger of a contact.
pub(crate) async fn ledger(actor: Actor, state: &State, id: &str) -> Result<Ledger, Problem> {
    let id = ContactId::from(id);
    let found = state
        .read(move |conn| {
            let consents = consents::ledger(conn, &actor, &id)?;
            Ok(Ledger::of(id.clone(), consents, opt_in::of_contact(conn, &actor, &id)?))
        })
        .await?;
    Ok(found)
}

pub async fn withdraw(key: Key, state: web::Data<State>, path: web::Path<(String, String)>) -> Result<HttpResponse, Problem> {
    let (id, consent) = path.into_inner();
    Ok(HttpResponse::Ok().json(end(key.0, &state, &id, &consent).await?))
}

/// Ends a ground.
pub(crate) async fn end(actor: Actor, state: &State, id: &str, consent: &str) -> Result<Ledger, Problem> {
    let (id, consent) = (ContactId::from(id), RowId::from(consent));
    let found = state
        .write(move |conn| {
            consents::withdraw(conn, &actor, &id, &consent, clock::now())?;
            // A key that may change a contact is told what became of its change.
            let system = Actor::System("api");
            let left = consents::ledger(conn, &system, &id)?;
            Ok(Ledger::of(id.clone(), left, opt_in::of_contact(conn, &system, &id)?))
        })
        .await?;
    Ok(found)
}

pub async fn ask(key: Key, state: web::Data<State>, id: web::Path<String>, body: Json<NewAsk>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Accepted().json(ask_for(key.0, &state, &id, body.0).await?))
}

/// Asks a contact to confirm.
pub(crate) async fn ask_for(actor: Actor, state: &State, id: &str, new: NewAsk) -> Result<Submitted, Problem> {
    let ask = Ask {
        mailbox: new.mailbox,
        source: new.source,
        purpose: new.purpose.unwrap_or_default(),
        wording: new.wording,
        jurisdiction: word_of("jurisdiction", new.jurisdiction.as_deref())?,
    };
    let id = ContactId::from(id);
    let message = state.write(move |conn| opt_in::ask(conn, &actor, &id, &ask, clock::now())).await?;
    Ok(Submitted::of(&message, &state.base_url))
}

pub async fn source(key: Key, state: web::Data<State>, id: web::Path<String>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(source_of(key.0, &state, &id).await?))
}

/// Where a contact comes from.
pub(crate) async fn source_of(actor: Actor, state: &State, id: &str) -> Result<Source, Problem> {
    let id = ContactId::from(id);
    let found = state
        .read(move |conn| {
            contacts::get(conn, &actor, &id)?;
            Ok(Source::of(id.clone(), provenance::of(conn, &id)?))
        })
        .await?;
    Ok(found)
}

pub async fn put_source(key: Key, state: web::Data<State>, id: web::Path<String>, body: Json<NewSource>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(record_source(key.0, &state, &id, body.0).await?))
}

/// Records where a contact comes from.
pub(crate) async fn record_source(actor: Actor, state: &State, id: &str, new: NewSource) -> Result<Source, Problem> {
    let input = Input {
        source: new.source,
        elsewhere: new.elsewhere,
        basis: word_of("basis", new.basis.as_deref())?,
        obtained_at: time_of("obtained_at", new.obtained_at.as_deref())?,
    };
    let id = ContactId::from(id);
    let target = id.clone();
    let row = state.write(move |conn| provenance::record(conn, &actor, &target, &input, clock::now())).await?;
    Ok(Source::of(id, Some(row)))
}
