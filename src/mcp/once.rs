//! A call of a tool from end to end: once where it names an idempotency key, and with a row in the log.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use actix_web::ResponseError;
use rmcp::ErrorData;
use rmcp::model::{CallToolResult, JsonObject, MetaObject};
use serde_json::{Value, json};
use tracing::Instrument;

use super::answer::{Answer, refusal};
use super::tool::{Answered, Call, Entry};
use crate::api::door::{Noted, as_target, ended, new_call, place};
use crate::api::error::Problem;
use crate::api::turn::{self, Met};
use crate::app::State;
use crate::clock;
use crate::domain::actor::Actor;
use crate::domain::calls::{self, Current, Surface};
use crate::domain::idempotency::Answer as Kept;
use crate::domain::ids::ApiKeyId;

/// Arguments that name the thing a tool is about, the most telling first.
const TARGETS: [&str; 8] = ["message_id", "email_id", "contact_id", "churn_event_id", "fact_id", "thread_id", "mailbox_id", "id"];

/// Who calls, from where, under which id.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    /// The key.
    pub actor: Actor,
    /// The id of the call.
    pub request_id: String,
    /// The address it came from.
    pub peer: Option<String>,
    /// Whether a tool was called, which leaves its own row in the log.
    pub called: Arc<AtomicBool>,
}

/// What comes of a call, for the caller and for the log.
struct Told {
    result: CallToolResult,
    status: u16,
    noted: Noted,
}

impl Told {
    fn of(answered: Answered) -> Self {
        match answered {
            Ok(answer) => Told { result: Answer::into_result(answer), status: 200, noted: Noted::default() },
            Err(problem) => Self::refused(&problem),
        }
    }

    fn refused(problem: &Problem) -> Self {
        let noted = Noted { code: Some(problem.code().to_owned()), replayed: false };
        Told { result: refusal(problem), status: problem.status_code().as_u16(), noted }
    }

    fn again(kept: &Kept) -> Result<Self, serde_json::Error> {
        let mut result: CallToolResult = serde_json::from_str(&kept.body)?;
        let code = result.structured_content.as_ref().filter(|_| kept.status >= 400).and_then(|body| body["code"].as_str()).map(str::to_owned);
        result.meta.get_or_insert_with(MetaObject::new).0.insert("countersign/replayed".to_owned(), json!(true));
        Ok(Told { result, status: kept.status, noted: Noted { code, replayed: true } })
    }
}

/// Calls a tool in a task of its own: a caller who hangs up does not keep the answer from being kept.
pub(super) async fn answer(caller: Caller, state: State, tool: &'static Entry, arguments: JsonObject) -> Result<CallToolResult, ErrorData> {
    caller.called.store(true, Ordering::Relaxed);
    let current = Current::new(caller.request_id.clone()).from(caller.peer.clone());
    let working = calls::during(current, logged(caller, state, tool, arguments));
    tokio::spawn(working.in_current_span())
        .await
        .map_err(|_| ErrorData::internal_error("Something went wrong here. Look at the state before you try again.", None))
}

async fn logged(caller: Caller, state: State, tool: &'static Entry, arguments: JsonObject) -> CallToolResult {
    let since = clock::uptime();
    let mut call = new_call(Surface::Mcp, "tools/call", tool.name(), caller.peer);
    call.key_id = Some(ApiKeyId::from(caller.actor.id()));
    call.scope = tool.scope();
    call.target_id = TARGETS.iter().find_map(|name| arguments.get(*name)?.as_str()).and_then(as_target);
    let place = match place(&state).await {
        Ok(place) => place,
        Err(problem) => return refusal(&problem),
    };
    let told = once(caller.actor, &state, tool, arguments).await;
    place.fill(ended(call, since, told.status, told.noted));
    told.result
}

async fn once(actor: Actor, state: &State, tool: &'static Entry, mut arguments: JsonObject) -> Told {
    let name = tool.take_idempotency_key(&mut arguments);
    let call = Call { actor: actor.clone(), state: state.clone() };
    let Some(name) = name else { return Told::of(tool.call(call, arguments).await) };
    let same = turn::in_order(Value::Object(arguments.clone())).to_string();
    match turn::begin(state, &actor, name, &[b"MCP", tool.name().as_bytes(), same.as_bytes()]).await {
        Ok(Met::Run(turn, current)) => {
            let told = turn::run(state, &turn, current.clone(), async { Told::of(tool.call(call, arguments).await) }).await;
            let body = json!(told.result).to_string();
            let target = turn::target_of(&current, told.status);
            turn::settle(state, turn, Kept { status: told.status, content_type: "application/json".to_owned(), body, target }).await;
            told
        }
        Ok(Met::Answered(kept)) => Told::again(&kept).unwrap_or_else(|error| Told::refused(&crate::domain::error::Error::internal(error).into())),
        Err(problem) => Told::refused(&problem),
    }
}
