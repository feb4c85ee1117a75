//! `/v1/contacts`.

use actix_web::{HttpResponse, web};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::consents::Pending;
use super::error::Problem;
use super::input::id_cursor;
use super::json::{Json, Params, rows};
use super::key::Key;
use super::operations::{Operation, delete, get, post};
use super::shapes::{OneOrMany, Tags};
use crate::app::State;
use crate::clock::{self, Time};
use crate::domain::actor::{Actor, Scope};
use crate::domain::contacts::consents::opt_in;
use crate::domain::contacts::{self, ConsentBasis, ContactInput, Search};
use crate::domain::email_address::EmailAddress;
use crate::domain::error::Error;
use crate::domain::ids::{ContactId, RowId};
use crate::domain::mailboxes;

pub(super) fn operations() -> Vec<Operation> {
    vec![
        get("/v1/contacts/search", "search_contacts", "Find contacts")
            .about("All conditions together, the newest contact first.")
            .needs(&[Scope::Read])
            .query::<Query>()
            .answers::<ContactPage>(200)
            .to(search),
        post("/v1/contacts", "put_contact", "Add or complete a contact")
            .about(
                "There is one contact for an address. Tags and metadata merge and never replace. The tag unsubscribed stops all mail to the contact.",
            )
            .needs(&[Scope::Contacts])
            .body::<Upsert>()
            .answers::<Contact>(200)
            .to(upsert),
        get("/v1/contacts/{id}", "get_contact", "Read a contact").needs(&[Scope::Read]).answers::<Contact>(200).to(show),
        post("/v1/contacts/{id}/tags", "add_contact_tags", "Tag a contact")
            .needs(&[Scope::Contacts])
            .body::<Tags>()
            .answers::<Contact>(200)
            .to(add_tags),
        delete("/v1/contacts/{id}/tags/{tag}", "remove_contact_tag", "Take a tag off a contact")
            .about("The tag unsubscribed stays: only the recipient can undo an unsubscribe.")
            .needs(&[Scope::Contacts])
            .answers::<Contact>(200)
            .to(remove_tag),
    ]
}

/// A recorded ground for mailing somebody.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Consent {
    /// Its id.
    pub id: RowId,
    /// The ground.
    pub basis: ConsentBasis,
    /// Where it comes from.
    pub source: String,
    /// Who recorded it.
    pub recorded_by: String,
    /// When.
    pub recorded_at: Time,
}

/// A contact.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Contact {
    /// Its id.
    pub id: ContactId,
    /// The address.
    pub email: String,
    /// The name.
    pub name: Option<String>,
    /// The tags, sorted.
    pub tags: Vec<String>,
    /// What was kept with it.
    pub metadata: Map<String, Value>,
    /// IANA name of the time zone.
    pub time_zone: Option<String>,
    /// Until when an automatic answer says that they are away: campaigns wait, and it is no opt-out.
    pub absent_until: Option<Time>,
    /// When it was added.
    pub created_at: Time,
    /// Whether it must not be mailed.
    pub suppressed: bool,
    /// The recorded grounds for mailing it.
    pub consents: Vec<Consent>,
}

impl Contact {
    /// From the contact.
    pub fn of(contact: &contacts::Contact) -> Self {
        let consents = contact.consents.iter().map(|consent| Consent {
            id: consent.id.clone(),
            basis: consent.basis,
            source: consent.source.clone(),
            recorded_by: consent.recorded_by.clone(),
            recorded_at: consent.recorded_at,
        });
        Contact {
            id: contact.row.id.clone(),
            email: contact.row.email.clone(),
            name: contact.row.name.clone(),
            tags: contact.tags.clone(),
            metadata: (*contact.row.metadata).clone(),
            time_zone: contact.row.time_zone.clone(),
            absent_until: contact.row.absent_until,
            created_at: contact.row.created_at,
            suppressed: contact.suppressed.is_some(),
            consents: consents.collect(),
        }
    }
}

/// A page of contacts.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ContactPage {
    /// The contacts.
    pub contacts: Vec<Contact>,
    /// The same.
    pub results: Vec<Contact>,
    /// Where the next page starts; null on the last.
    pub next_cursor: Option<String>,
    /// Where the search stopped before the page was full: what to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Query {
    /// This address exactly.
    pub(crate) email: Option<String>,
    /// Words that must all occur in name, address or tags: each finds all that begin with it.
    pub(crate) query: Option<String>,
    /// A mailbox, by address or id; it must be within reach. Contacts belong to all mailboxes.
    pub(crate) mailbox: Option<String>,
    /// Tags separated by commas, all of them; a leading minus excludes.
    pub(crate) tags: Option<String>,
    /// At most so many, 1 to 100; 20 without it.
    #[schemars(range(min = 1, max = 100))]
    pub(crate) limit: Option<usize>,
    /// next_cursor of the page before.
    pub(crate) cursor: Option<String>,
}

pub async fn search(key: Key, state: web::Data<State>, query: Params<Query>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(find(key.0, &state, query.0).await?))
}

/// Finds contacts.
pub(crate) async fn find(actor: Actor, state: &State, query: Query) -> Result<ContactPage, Problem> {
    let (tags, without_tags) = query.tags.as_deref().map(contacts::split_tags).unwrap_or_default();
    let email_key = query.email.as_deref().map(|email| EmailAddress::parse("email", email)).transpose()?;
    let search = Search {
        email_key: email_key.map(|email| email.key().to_owned()),
        words: query.query.unwrap_or_default().split_whitespace().take(10).map(str::to_owned).collect(),
        tags,
        without_tags,
        customers_only: false,
        limit: rows(query.limit, 20)?,
        before: id_cursor(query.cursor.as_deref())?,
        conditions: vec![],
    };
    let found = state
        .read(move |conn| {
            if let Some(named) = &query.mailbox {
                mailboxes::resolve(conn, &actor, Some(named))?;
            }
            contacts::look(conn, &actor, &search, Some(contacts::MOST_LOOKED_AT))
        })
        .await?;
    let all = || found.contacts.iter().map(Contact::of).collect();
    let hint = || {
        let looked = contacts::MOST_LOOKED_AT;
        format!("{looked} contacts were looked at before the page was full. There may be more: go on with next_cursor until it is null.")
    };
    Ok(ContactPage { contacts: all(), results: all(), next_cursor: found.cursor, hint: found.is_cut_short.then(hint) })
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Upsert {
    /// The address. A contact with this address is completed; there is never a second one.
    pub(crate) email: String,
    /// The name.
    pub(crate) name: Option<String>,
    /// Tags to add; the ones already there stay.
    pub(crate) tags: Option<OneOrMany>,
    /// Values to keep with the contact; keys that are not named stay as they are.
    pub(crate) metadata: Option<Map<String, Value>>,
    /// IANA name of the contact's time zone, such as Europe/Berlin.
    pub(crate) time_zone: Option<String>,
    /// pending: the contact gets no ground and is asked once to confirm that they want mail, by a message through the mode of its mailbox.
    /// Nothing else that is commercial goes to them before they did. Needs draft as well.
    pub(crate) consent: Option<Pending>,
    /// The mailbox that asks, by address or id. Needed only where the key reaches several.
    pub(crate) mailbox: Option<String>,
    /// Where they gave their address, in words; "an import" without it.
    pub(crate) source: Option<String>,
}

pub async fn upsert(key: Key, state: web::Data<State>, body: Json<Upsert>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(put(key.0, &state, body.0).await?))
}

/// Adds a contact or completes the one with this address.
pub(crate) async fn put(actor: Actor, state: &State, body: Upsert) -> Result<Contact, Problem> {
    let input = ContactInput {
        email: body.email,
        name: body.name,
        tags: body.tags.map(OneOrMany::into_vec).unwrap_or_default(),
        metadata: body.metadata.unwrap_or_default(),
        time_zone: body.time_zone,
    };
    let ask = body.consent.map(|pending| pending.ask(body.mailbox, body.source));
    let contact = state
        .write(move |conn| {
            let (contact, now) = (contacts::upsert(conn, &actor, &input, clock::now())?, clock::now());
            if let Some(ask) = &ask {
                opt_in::ask_once(conn, &actor, &contact.row.id, ask, now)?;
            }
            Ok(contact)
        })
        .await?;
    Ok(Contact::of(&contact))
}

pub async fn show(key: Key, state: web::Data<State>, id: web::Path<String>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(one(key.0, &state, &id).await?))
}

/// One contact.
pub(crate) async fn one(actor: Actor, state: &State, id: &str) -> Result<Contact, Problem> {
    let id = ContactId::from(id);
    let contact = state.read(move |conn| contacts::get(conn, &actor, &id)).await?;
    Ok(Contact::of(&contact))
}

pub async fn add_tags(key: Key, state: web::Data<State>, id: web::Path<String>, body: Json<Tags>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(tag(key.0, &state, &id, body.0.tags).await?))
}

/// Adds tags to a contact.
pub(crate) async fn tag(actor: Actor, state: &State, id: &str, tags: OneOrMany) -> Result<Contact, Problem> {
    let (id, tags) = (ContactId::from(id), tags.into_vec());
    let contact = state.write(move |conn| contacts::add_tags(conn, &actor, &id, &tags, clock::now())).await?;
    Ok(Contact::of(&contact))
}

pub async fn remove_tag(key: Key, state: web::Data<State>, path: web::Path<(String, String)>) -> Result<HttpResponse, Problem> {
    let (id, tag) = path.into_inner();
    Ok(HttpResponse::Ok().json(untag(key.0, &state, &id, vec![tag]).await?))
}

/// Takes tags off a contact.
pub(crate) async fn untag(actor: Actor, state: &State, id: &str, tags: Vec<String>) -> Result<Contact, Problem> {
    let id = ContactId::from(id);
    let contact = state
        .write(move |conn| {
            let mut left = None;
            for tag in &tags {
                left = Some(contacts::remove_tag(conn, &actor, &id, tag, clock::now())?);
            }
            left.ok_or_else(|| Error::invalid("field_invalid", "tags", "tags must name at least one tag; got none."))
        })
        .await?;
    Ok(Contact::of(&contact))
}
