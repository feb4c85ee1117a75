//! `/v1/mailboxes/{id}` and the ladder: a key looks, tightens and asks; it never loosens.

use actix_web::{HttpResponse, web};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::error::Problem;
use super::input::agreed;
use super::json::Json;
use super::key::Key;
use super::mailboxes::Mailbox;
use super::operations::{Operation, get, patch, post};
use crate::app::State;
use crate::clock;
use crate::domain::actor::{Actor, Scope};
use crate::domain::ids::MailboxId;
use crate::domain::mailboxes::ladder::{self, Asked};
use crate::domain::mailboxes::{self, MailboxChange, Mode, NewMailbox, Notify, OnUncertain};

/// The undo window of a mailbox that names none, in seconds.
const USUAL_UNDO: i32 = 15;

pub(super) fn operations() -> Vec<Operation> {
    vec![
        post("/v1/mailboxes", "create_mailbox", "Add a mailbox")
            .about("As read_only, gated_all or gated_send; only for a key that reaches all mailboxes.")
            .needs(&[Scope::Admin])
            .body::<Create>()
            .answers::<Mailbox>(201)
            .to(create),
        get("/v1/mailboxes/{id}", "get_mailbox", "Read a mailbox").about("By id or address.").needs(&[Scope::Read]).answers::<Mailbox>(200).to(show),
        patch("/v1/mailboxes/{id}", "change_mailbox", "Change a mailbox")
            .about("A key can only tighten: a looser mode and other settings that let more through answer 403 mode_loosening.")
            .needs(&[Scope::Admin])
            .body::<Change>()
            .answers::<Mailbox>(200)
            .to(change),
        post("/v1/mailboxes/{id}/upgrade-request", "request_upgrade", "Ask for a looser mode")
            .about("Administrators get a one-time code by mail (24 hours) and see who asks and why. Nothing changes before one of them enters it.")
            .needs(&[Scope::Draft, Scope::Admin])
            .body::<Upgrade>()
            .answers::<UpgradeRequest>(202)
            .to(request_upgrade),
        post("/v1/mailboxes/{id}/upgrade", "finish_upgrade", "Finish an upgrade with its code")
            .about("For people, on the page of the mailbox. A key gets 403 person_required, with any code.")
            .needs(&[Scope::Draft, Scope::Admin])
            .body::<Code>()
            .answers::<Mailbox>(200)
            .to(upgrade),
    ]
}

pub async fn show(key: Key, state: web::Data<State>, id: web::Path<String>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(one(key.0, &state, id.into_inner()).await?))
}

/// One mailbox, by id or address.
pub(crate) async fn one(actor: Actor, state: &State, id: String) -> Result<Mailbox, Problem> {
    actor.must_have(Scope::Read)?;
    let found = state.read(move |conn| mailboxes::resolve(conn, &actor, Some(&id))).await?;
    Ok(Mailbox::of(&found))
}

/// A mailbox to be added.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Create {
    /// The address mail leaves from.
    address: String,
    /// The name recipients see.
    name: String,
    /// The sender's postal address.
    postal_address: String,
    /// read_only, gated_all or gated_send; gated_send without it. A looser mode needs an upgrade request.
    mode: Option<Mode>,
    /// The same as mode.
    oversight_mode: Option<Mode>,
    /// How long an approved message can still be stopped, 0 to 600 seconds; 15 without it.
    undo_seconds: Option<i32>,
}

pub async fn create(key: Key, state: web::Data<State>, body: Json<Create>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Created().json(add(key.0, &state, body.0).await?))
}

/// Adds a mailbox.
pub(crate) async fn add(actor: Actor, state: &State, body: Create) -> Result<Mailbox, Problem> {
    let new = NewMailbox {
        address: body.address,
        name: body.name,
        mode: agreed([("mode", body.mode), ("oversight_mode", body.oversight_mode)])?.unwrap_or(Mode::GatedSend),
        postal_address: body.postal_address,
        undo_seconds: body.undo_seconds.unwrap_or(USUAL_UNDO),
    };
    let added = state
        .write(move |conn| {
            let id = mailboxes::add(conn, &actor, &new, clock::now())?;
            mailboxes::get(conn, &actor, &id)
        })
        .await?;
    Ok(Mailbox::of(&added))
}

/// What is to change; what is left out stays. A key can only tighten.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// A stricter mode; a looser one answers 403 mode_loosening.
    pub(crate) mode: Option<Mode>,
    /// The same as mode.
    pub(crate) oversight_mode: Option<Mode>,
    /// The name recipients see. It stands in the header From, so no key can change it.
    pub(crate) name: Option<String>,
    /// The sender's postal address.
    pub(crate) postal_address: Option<String>,
    /// How long an approved message can still be stopped, in seconds; a key can only make it longer.
    pub(crate) undo_seconds: Option<i32>,
    /// Whether decisions by keys are refused here; a key can only switch it on.
    pub(crate) person_required: Option<bool>,
    /// Whether alike messages may be approved together in gated_all; a key can only switch it off.
    pub(crate) bulk_in_gated_all: Option<bool>,
    /// How its reviewers learn of new messages: off, digest or immediate.
    pub(crate) notify: Option<Notify>,
    /// What becomes of a message whose relay fell silent after the final dot: ask, relay_key or resend. A key can only
    /// choose an earlier one.
    pub(crate) on_uncertain: Option<OnUncertain>,
    /// Where reports of its mail go. It is the sender on the envelope, so no key can change it.
    pub(crate) bounce_address: Option<String>,
    /// So many messages of machines that people stop or reject within 7 days take the mailbox back to gated_send, 1 to 1000; 0 for never. A
    /// key can only make it smaller, and not switch it off.
    #[schemars(range(min = 0, max = 1000))]
    pub(crate) tripwire: Option<i32>,
}

pub async fn change(key: Key, state: web::Data<State>, id: web::Path<String>, body: Json<Change>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(alter(key.0, &state, id.into_inner(), body.0).await?))
}

/// Changes a mailbox: all of it or nothing.
pub(crate) async fn alter(actor: Actor, state: &State, id: String, body: Change) -> Result<Mailbox, Problem> {
    actor.must_have(Scope::Admin)?;
    let changed = state
        .write(move |conn| {
            let now = clock::now();
            let mailbox = mailboxes::resolve(conn, &actor, Some(&id))?;
            let before = MailboxChange::from(&mailbox);
            let after = MailboxChange {
                name: body.name.clone().unwrap_or_else(|| before.name.clone()),
                postal_address: body.postal_address.clone().unwrap_or_else(|| before.postal_address.clone()),
                undo_seconds: body.undo_seconds.unwrap_or(before.undo_seconds),
                person_required: body.person_required.unwrap_or(before.person_required),
                bulk_in_gated_all: body.bulk_in_gated_all.unwrap_or(before.bulk_in_gated_all),
                notify: body.notify.unwrap_or(before.notify),
                planted_percent: before.planted_percent,
                on_uncertain: body.on_uncertain.unwrap_or(before.on_uncertain),
                tripwire: body.tripwire.unwrap_or(before.tripwire),
                bounce_address: body.bounce_address.clone().or_else(|| before.bounce_address.clone()),
            };
            if after != before {
                mailboxes::change(conn, &actor, &mailbox.id, &after, now)?;
            }
            if let Some(mode) = agreed([("mode", body.mode), ("oversight_mode", body.oversight_mode)])?.filter(|mode| *mode != mailbox.mode) {
                mailboxes::set_mode(conn, &actor, &mailbox.id, mode, now)?;
            }
            mailboxes::get(conn, &actor, &mailbox.id)
        })
        .await?;
    Ok(Mailbox::of(&changed))
}

/// A step up that is asked for.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Upgrade {
    /// The looser mode: gated_all, gated_send, monitored or autonomous.
    pub(crate) target_mode: Mode,
    /// Why, for the administrator who decides; at most 1000 characters.
    pub(crate) reason: Option<String>,
}

/// A step up that waits for a person.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct UpgradeRequest {
    /// Its id.
    pub id: String,
    /// The mailbox.
    pub mailbox_id: String,
    /// Its mode now.
    pub mode: &'static str,
    /// The mode that was asked for.
    pub target_mode: &'static str,
    /// Why.
    pub reason: Option<String>,
    /// open: it waits for the code.
    pub status: &'static str,
    /// How many administrators were mailed the code.
    pub code_sent_to: usize,
    /// Until when the code works.
    pub expires_at: String,
    /// Where an administrator enters the code.
    pub review_url: String,
    /// What happens now.
    pub next: &'static str,
}

pub async fn request_upgrade(key: Key, state: web::Data<State>, id: web::Path<String>, body: Json<Upgrade>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Accepted().json(ask(key.0, &state, id.into_inner(), body.0).await?))
}

/// Asks for a looser mode. Nothing changes before a person enters the code.
pub(crate) async fn ask(actor: Actor, state: &State, id: String, body: Upgrade) -> Result<UpgradeRequest, Problem> {
    let Asked { request, told } = state
        .write(move |conn| {
            let mailbox = mailboxes::resolve(conn, &actor, Some(&id))?;
            ladder::request(conn, &actor, &mailbox.id, body.target_mode, body.reason.as_deref(), clock::now())
        })
        .await?;
    Ok(UpgradeRequest {
        id: request.id.to_string(),
        mailbox_id: request.mailbox_id.to_string(),
        mode: request.from_mode.as_str(),
        target_mode: request.target_mode.as_str(),
        reason: request.reason,
        status: request.state.as_str(),
        code_sent_to: told,
        expires_at: request.expires_at.to_string(),
        review_url: format!("{}/mailboxes/{}", state.base_url, request.mailbox_id),
        next: if told > 0 {
            "An administrator got a code by mail and enters it on the page of the mailbox. Nothing has changed yet. Do not ask again."
        } else {
            "No administrator can be mailed, so nobody got the code. Tell one of them; they can change the mode on the page of the mailbox."
        },
    })
}

/// The code of a step up.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Code {
    /// The code that an administrator got.
    code: String,
}

/// Finishes a step up: for keys always 403 person_required, because the code is for a person at the page.
pub async fn upgrade(key: Key, state: web::Data<State>, id: web::Path<String>, body: Json<Code>) -> Result<HttpResponse, Problem> {
    let (id, code) = (MailboxId::from(id.as_str()), body.0.code);
    let finished = state.write(move |conn| ladder::finish(conn, &key.0, &id, &code, clock::now())).await?;
    let mailbox = finished.into_result()?;
    Ok(HttpResponse::Ok().json(Mailbox::of(&mailbox)))
}
