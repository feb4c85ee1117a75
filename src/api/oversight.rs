//! `/v1/oversight`: what waits for a decision, and deciding.

use actix_web::{HttpResponse, web};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::error::{Problem, ProblemBody};
use super::input::{agreed, id_cursor, one_mailbox, time_of};
use super::json::{Json, Params, rows};
use super::key::Key;
use super::operations::{Operation, get, post};
use super::shapes::{CheckedMessage, Message};
use crate::app::State;
use crate::clock;
use crate::db::Conn;
use crate::domain::actor::{Actor, Scope};
use crate::domain::error::{Error, Result as DomainResult};
use crate::domain::ids::MessageId;
use crate::domain::mailboxes;
use crate::domain::messages::decide::{Decide, decide as decide_message};
use crate::domain::messages::findings::Inspector;
use crate::domain::messages::list::{Filter, Sort, list};
use crate::domain::messages::{self, DecisionKind, State as MessageState, ledger};

pub(super) fn operations() -> Vec<Operation> {
    vec![
        get("/v1/oversight/pending", "list_pending", "List what waits for a decision")
            .about("Oldest first, with full words, claims and content_hash. A decision without a hash binds to what was shown here.")
            .needs(&[Scope::OversightRead])
            .query::<Query>()
            .answers::<PendingPage>(200)
            .to(pending),
        post("/v1/oversight/decide", "decide", "Decide a message")
            .about("Approve, reject or request changes. Approve and it leaves. Nobody decides what they wrote themselves.")
            .needs(&[Scope::Oversight])
            .body::<Decision>()
            .answers::<Message>(200)
            .to(decide),
        post("/v1/oversight/decide-batch", "decide_batch", "Decide several messages")
            .about("Each is decided alone, with the checks of a single decision; what fails leaves the others alone.")
            .needs(&[Scope::Oversight])
            .body::<Vec<OneOfMany>>()
            .answers::<Results>(200)
            .to(decide_batch),
        post("/v1/emails/{id}/decide", "decide_email", "Decide this message")
            .needs(&[Scope::Oversight])
            .body::<Decision>()
            .answers::<Message>(200)
            .to(decide_one),
    ]
}

/// A message that waits.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct PendingMessage {
    /// The message.
    #[serde(flatten)]
    pub message: CheckedMessage,
    /// How long it has waited, in seconds.
    pub age_seconds: Option<i64>,
}

/// A page of what waits.
#[derive(Debug, Serialize, JsonSchema)]
pub struct PendingPage {
    /// The messages.
    pub messages: Vec<PendingMessage>,
    /// The same.
    pub pending: Vec<PendingMessage>,
    /// The same.
    pub emails: Vec<PendingMessage>,
    /// Where the next page starts; null on the last.
    pub next_cursor: Option<MessageId>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Query {
    /// Only of this mailbox, by address or id.
    pub(crate) mailbox: Option<String>,
    /// Only of this mailbox, by id.
    pub(crate) mailbox_id: Option<String>,
    /// Only with this tag.
    pub(crate) tag: Option<String>,
    /// Only of this campaign.
    pub(crate) campaign: Option<String>,
    /// Only those submitted before this time, such as 2026-04-30T12:00:00Z.
    pub(crate) older_than: Option<String>,
    /// Only with words that begin like these in recipient, subject or body; at most 10 words.
    pub(crate) q: Option<String>,
    /// oldest, newest, or expiring for what lapses first; oldest without it.
    pub(crate) sort: Option<Sort>,
    /// At most so many, 1 to 100; 20 without it.
    #[schemars(range(min = 1, max = 100))]
    pub(crate) limit: Option<usize>,
    /// next_cursor of the page before.
    pub(crate) cursor: Option<String>,
}

pub async fn pending(key: Key, state: web::Data<State>, query: Params<Query>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(waiting(key.0, &state, query.0).await?))
}

/// What waits for a decision, noted as shown to whoever asks.
pub(crate) async fn waiting(actor: Actor, state: &State, query: Query) -> Result<PendingPage, Problem> {
    actor.must_have(Scope::OversightRead)?;
    let older_than = time_of("older_than", query.older_than.as_deref())?;
    let limit = rows(query.limit, 20)?;
    let (base_url, viewer) = (state.base_url.clone(), actor.clone());
    let (all, next_cursor, shown) = state
        .read(move |conn| {
            let mailbox = one_mailbox(conn, &actor, [("mailbox", query.mailbox), ("mailbox_id", query.mailbox_id)])?;
            let mailbox = mailboxes::named(conn, &actor, mailbox.as_deref())?;
            let filter = Filter {
                states: vec![MessageState::Pending],
                mailbox,
                campaign: query.campaign,
                tag: query.tag,
                older_than,
                words: query.q,
                sort: query.sort.unwrap_or(Sort::Oldest),
                after: id_cursor(query.cursor.as_deref())?,
                limit,
                ..Filter::default()
            };
            let now = clock::now();
            let (rows, more) = list(conn, &actor, &filter)?;
            let cursor = rows.last().filter(|_| more).map(|row| row.id.clone());
            let ids: Vec<MessageId> = rows.iter().map(|row| row.id.clone()).collect();
            let mut claims = ledger::of_messages(conn, &ids)?;
            let mut found = messages::many(conn, &actor, &ids)?;
            // Decided between two of the statements.
            found.retain(|message| message.row.state == MessageState::Pending);
            let inspector = Inspector::new(conn)?;
            let all: Vec<PendingMessage> = found
                .iter()
                .map(|message| {
                    let claims = claims.remove(&message.row.id).unwrap_or_default();
                    PendingMessage {
                        message: CheckedMessage::of(message, &claims, &inspector.look(&message.current), &base_url),
                        age_seconds: message.row.submitted_at.map(|at| now.seconds_since(at)),
                    }
                })
                .collect();
            let shown = found.iter().map(|message| (message.row.id.clone(), message.row.version)).collect();
            Ok((all, cursor, messages::to_be_noted(conn, &actor, shown)?))
        })
        .await?;
    if !shown.is_empty() {
        state.quiet_write(move |conn| messages::note_shown(conn, &viewer, &shown, clock::now())).await?;
    }
    Ok(PendingPage { messages: all.clone(), pending: all.clone(), emails: all, next_cursor })
}

/// What whoever reads a message may say of it; the other decisions are its author's and the clock's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
enum Choice {
    Approve,
    Reject,
    RequestChanges,
}

impl Choice {
    fn kind(self) -> DecisionKind {
        match self {
            Choice::Approve => DecisionKind::Approve,
            Choice::Reject => DecisionKind::Reject,
            Choice::RequestChanges => DecisionKind::RequestChanges,
        }
    }
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Decision {
    /// The message.
    message_id: Option<String>,
    /// The message; the same as message_id.
    email_id: Option<String>,
    /// approve, reject or request_changes.
    decision: Option<Choice>,
    /// The same as decision.
    action: Option<Choice>,
    /// Why; needed to reject and to request changes.
    reason: Option<String>,
    /// The content that was read. Without it the decision binds to the version last shown to this key.
    content_hash: Option<String>,
    /// The keys of the findings that were looked at; each that needs a tick must be named to approve.
    #[serde(default)]
    ticked: Vec<String>,
}

pub async fn decide(key: Key, state: web::Data<State>, body: Json<Decision>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(settle(key.0, &state, body.0).await?))
}

/// Decides the message that the body names.
pub(crate) async fn settle(actor: Actor, state: &State, body: Decision) -> Result<Message, Problem> {
    let id = agreed([("message_id", body.message_id.clone()), ("email_id", body.email_id.clone())])?;
    let id = id.ok_or_else(|| Error::invalid("field_invalid", "message_id", "message_id must be given; got nothing."))?;
    run(actor, state, MessageId::from(id.as_str()), body).await
}

pub async fn decide_one(key: Key, state: web::Data<State>, id: web::Path<String>, body: Json<Decision>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(run(key.0, &state, MessageId::from(id.as_str()), body.0).await?))
}

/// Most decisions of one call.
const MOST_DECISIONS: usize = 500;

/// One decision of several.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OneOfMany {
    /// The message.
    #[serde(alias = "message_id", alias = "email_id")]
    id: String,
    /// The content that was read.
    content_hash: String,
    /// approve, reject or request_changes; approve without it.
    #[serde(alias = "action")]
    decision: Option<Choice>,
    /// Why; needed to reject and to request changes.
    reason: Option<String>,
    /// The keys of the findings that were looked at.
    #[serde(default)]
    ticked: Vec<String>,
}

/// What came of one decision of several.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum OneResult {
    /// It was decided.
    Decided {
        /// true.
        ok: bool,
        /// The message.
        #[serde(flatten)]
        message: Box<Message>,
    },
    /// It was not.
    Refused {
        /// false.
        ok: bool,
        /// The message that was named.
        id: String,
        /// What speaks against it.
        #[serde(flatten)]
        problem: Box<ProblemBody>,
    },
}

/// One result for each decision, in their order.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Results {
    /// The results.
    pub results: Vec<OneResult>,
}

/// Several decisions in one call, each with the checks of a single one; what fails leaves the others alone.
pub async fn decide_batch(key: Key, state: web::Data<State>, body: Json<Vec<OneOfMany>>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(settle_all(key.0, &state, body.0).await?))
}

/// Decides each of several messages on its own.
pub(crate) async fn settle_all(actor: Actor, state: &State, all: Vec<OneOfMany>) -> Result<Results, Problem> {
    actor.must_have(Scope::Oversight)?;
    if all.is_empty() || all.len() > MOST_DECISIONS {
        let detail = format!("The body must be a list of 1 to {MOST_DECISIONS} decisions; got {}.", all.len());
        return Err(Error::invalid("field_invalid", "id", detail).into());
    }
    let base_url = state.base_url.clone();
    let results = state
        .write(move |conn| {
            let one = |one: &OneOfMany, conn: &mut Conn| {
                let id = MessageId::from(one.id.as_str());
                let decision = Decide {
                    reason: one.reason.as_deref(),
                    content_hash: Some(&one.content_hash),
                    ticked: &one.ticked,
                    ..Decide::on(&id, one.decision.unwrap_or(Choice::Approve).kind())
                };
                match decide_message(conn, &actor, &decision, clock::now()) {
                    Ok(message) => Ok(OneResult::Decided { ok: true, message: Box::new(Message::of(&message, &base_url)) }),
                    // A fault of this server ends them all; what speaks against one message is its own.
                    Err(error) if error.kind.is_ours() => Err(error),
                    Err(error) => Ok(OneResult::Refused { ok: false, id: one.id.clone(), problem: Box::new(Problem::from(error).body()) }),
                }
            };
            all.iter().map(|each| one(each, conn)).collect::<DomainResult<Vec<_>>>()
        })
        .await?;
    Ok(Results { results })
}

async fn run(actor: Actor, state: &State, id: MessageId, body: Decision) -> Result<Message, Problem> {
    crate::domain::calls::names(id.as_str());
    let kind = agreed([("decision", body.decision), ("action", body.action)])?.map(Choice::kind);
    let kind =
        kind.ok_or_else(|| Error::invalid("field_invalid", "decision", "decision must be one of approve, reject, request_changes; got nothing."))?;
    let decider = actor.clone();
    let decided = state
        .write(move |conn| {
            let decision =
                Decide { reason: body.reason.as_deref(), content_hash: body.content_hash.as_deref(), ticked: &body.ticked, ..Decide::on(&id, kind) };
            decide_message(conn, &decider, &decision, clock::now())
        })
        .await;
    match decided {
        Ok(message) => Ok(Message::of(&message, &state.base_url)),
        Err(error) => Err(super::messages::with_diff(state, actor, error).await),
    }
}
