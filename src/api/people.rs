//! `PATCH` and `DELETE /v1/contacts/{id}`: a contact is changed, or erased.

use actix_web::{HttpResponse, web};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use super::contacts::Contact;
use super::error::Problem;
use super::json::Json;
use super::key::Key;
use super::operations::{Operation, delete, patch};
use super::shapes::OneOrMany;
use crate::app::State;
use crate::clock;
use crate::domain::actor::{Actor, Scope};
use crate::domain::contacts::change::{self, ContactChange};
use crate::domain::ids::ContactId;

pub(super) fn operations() -> Vec<Operation> {
    vec![
        patch("/v1/contacts/{id}", "change_contact", "Change a contact")
            .about("Tags and metadata merge; a metadata key that is null is removed. The address stays: another address is another contact.")
            .needs(&[Scope::Contacts])
            .body::<Change>()
            .answers::<Contact>(200)
            .to(change),
        delete("/v1/contacts/{id}", "erase_contact", "Erase a contact")
            .about(
                "Address, names, metadata and the words of every email with this person are gone for good; messages that have not left are withdrawn. \
                 A keyed hash stays, so that the address is neither taken in nor mailed again. Who decided what and when stays, without words.",
            )
            .needs(&[Scope::Contacts])
            .answers::<ErasedView>(200)
            .to(erase),
    ]
}

/// What is to change; what is left out stays.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// The name; null takes it away.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Option<String>")]
    pub(crate) name: Option<Option<String>>,
    /// Tags to add; the ones already there stay. Take one away with DELETE /v1/contacts/{id}/tags/{tag}.
    pub(crate) tags: Option<OneOrMany>,
    /// Values to set; a key that is null is removed, keys that are not named stay.
    pub(crate) metadata: Option<Map<String, Value>>,
    /// IANA name of the contact's time zone, such as Europe/Berlin; null takes it away.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Option<String>")]
    pub(crate) time_zone: Option<Option<String>>,
}

/// Tells null from left out.
fn given<'de, D: Deserializer<'de>>(reader: D) -> Result<Option<Option<String>>, D::Error> {
    Option::<String>::deserialize(reader).map(Some)
}

pub async fn change(key: Key, state: web::Data<State>, id: web::Path<String>, body: Json<Change>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(alter(key.0, &state, &id, body.0).await?))
}

/// Changes a contact.
pub(crate) async fn alter(actor: Actor, state: &State, id: &str, body: Change) -> Result<Contact, Problem> {
    let change = ContactChange {
        name: body.name.map(Option::unwrap_or_default),
        tags: body.tags.map(OneOrMany::into_vec).unwrap_or_default(),
        metadata: body.metadata.unwrap_or_default(),
        time_zone: body.time_zone.map(Option::unwrap_or_default),
    };
    let id = ContactId::from(id);
    let contact = state.write(move |conn| change::change(conn, &actor, &id, &change, clock::now())).await?;
    Ok(Contact::of(&contact))
}

/// What an erasure took away.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ErasedView {
    /// The contact that was.
    pub id: String,
    /// Always true.
    pub erased: bool,
    /// Messages whose words are gone.
    pub messages: usize,
    /// Those of them that had not left and were withdrawn or stopped.
    pub withdrawn: usize,
    /// Emails from them whose words are gone.
    pub inbound_emails: usize,
    /// Departures whose words are gone.
    pub churn_events: usize,
}

pub async fn erase(key: Key, state: web::Data<State>, id: web::Path<String>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(forget(key.0, &state, &id).await?))
}

/// Erases a contact. There is no way back, and the address is refused from then on.
pub(crate) async fn forget(actor: Actor, state: &State, id: &str) -> Result<ErasedView, Problem> {
    let (contact, shown) = (ContactId::from(id), id.to_owned());
    let erased = state.erase(actor, contact).await?;
    Ok(ErasedView {
        id: shown,
        erased: true,
        messages: erased.messages,
        withdrawn: erased.withdrawn,
        inbound_emails: erased.inbound_emails,
        churn_events: erased.churn_events,
    })
}
