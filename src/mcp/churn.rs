//! Tools on customers who leave, and on winning them back.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::Answer;
use super::mail::submitted;
use super::mailboxes::meant;
use super::tool::{Answered, Call, Effect, Entry, tool};
use crate::api::recovery::{self as rest, Create, Departure, Page, SubmittedVariant, Variants};
use crate::domain::actor::Scope;
use crate::domain::churn::Status;
use crate::domain::ids::{ChurnEventId, VariantId};
use crate::domain::reason::Reason;

pub(super) fn tools() -> Vec<Entry> {
    vec![
        tool(
            "create_churn_event",
            "Report somebody leaving",
            "Records that a customer left. A second report of the same subscription within 24 hours gives the first event back. Go on with generate_variants.",
            Effect::Settles,
            create,
        )
        .only_with(Scope::Draft)
        .answers::<Departure>()
        .example(json!({"customer_email": "ana@example.com", "customer_name": "Ana", "plan_name": "Team", "mrr_cents": 4900, "currency": "usd", "cancel_reason": "too_expensive", "cancel_reason_text": "It got too expensive for a team of three."})),
        tool(
            "get_churn_event",
            "Read a churn event",
            "Reads one churn event with the reason that was found and how sure it is. Their own words come marked as untrusted.",
            Effect::Reads,
            get,
        )
        .only_with(Scope::Read)
        .answers::<Departure>()
        .example(json!({"churn_event_id": "0198f3a2-7c1e-7d40-9b8a-3f2c5d6e7f80"})),
        tool(
            "list_churn_events",
            "List churn events",
            "Lists churn events, the latest departure first, as {churn_events, has_more}. Customers' own words come marked as untrusted.",
            Effect::Reads,
            list,
        )
        .only_with(Scope::Read)
        .example(json!({"status": "new", "reason": "too_expensive", "limit": 20})),
        tool(
            "generate_variants",
            "Draft win-back emails",
            "Drafts nine win-back emails for a churn event from recorded facts, one for each strategy, and marks the recommended ones. \
             Works once, while the event is new or processing. Nothing is sent.",
            Effect::Adds,
            generate,
        )
        .only_with(Scope::Draft)
        .answers::<Variants>()
        .example(json!({"churn_event_id": "0198f3a2-7c1e-7d40-9b8a-3f2c5d6e7f80"})),
        tool(
            "list_variants",
            "List drafted win-back emails",
            "Lists the variants drafted for a churn event, as {variants}.",
            Effect::Reads,
            variants,
        )
        .only_with(Scope::Read)
        .answers::<Variants>()
        .example(json!({"churn_event_id": "0198f3a2-7c1e-7d40-9b8a-3f2c5d6e7f80"})),
        tool(
            "send_variant",
            "Submit a win-back email",
            "Submits one variant to the oversight mode of its mailbox. With status \"pending\" it is held for review: do not retry; \
             poll read_email with its message_id. The event becomes email_sent only when the mail has left.",
            Effect::Adds,
            send,
        )
        .only_with(Scope::Draft)
        .answers::<SubmittedVariant>()
        .example(json!({"churn_event_id": "0198f3a2-7c1e-7d40-9b8a-3f2c5d6e7f80", "variant_id": "0198f3a2-7c1e-7d40-9b8a-3f2c5d6e7f81"})),
    ]
}

/// What customers said, as opposed to what was recorded about them.
const THEIR_WORDS: &[&str] = &["cancel_reason_text", "reason_quotes"];

fn has_words(event: &Value) -> bool {
    event["cancel_reason_text"].is_string()
}

async fn create(call: Call, create: Create) -> Answered {
    let (event, new) = rest::report(call.actor, &call.state, create).await?;
    let next = if new { "Recorded. Go on with generate_variants." } else { "This departure was on record already; this is that event." };
    Ok(Answer::new(event).next(next).setting_apart("", THEIR_WORDS, has_words))
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Event {
    /// The id of the churn event.
    #[serde(alias = "id", alias = "event_id")]
    churn_event_id: String,
}

async fn get(call: Call, event: Event) -> Answered {
    let found = rest::one(call.actor, &call.state, &event.churn_event_id).await?;
    Ok(Answer::new(found).setting_apart("", THEIR_WORDS, has_words))
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct List {
    /// Only in this state: new, processing, variants_generated, email_sent, recovered or lost.
    #[schemars(with = "Option<String>")]
    status: Option<Status>,
    /// Only with this reason, such as too_expensive or missing_features.
    #[schemars(with = "Option<String>")]
    reason: Option<Reason>,
    /// At most so many, 1 to 100; 20 without it.
    limit: Option<usize>,
    /// Leave out so many.
    offset: Option<i64>,
}

async fn list(call: Call, list: List) -> Answered {
    let page = Page { status: list.status, reason: list.reason, limit: list.limit, offset: list.offset };
    let mut found = json!(rest::find(call.actor, &call.state, page).await?);
    // The older name of the same list would repeat the words that are set apart.
    if let Some(found) = found.as_object_mut() {
        found.remove("data");
    }
    Ok(Answer::new(found).setting_apart("churn_events", THEIR_WORDS, has_words))
}

async fn generate(call: Call, event: Event) -> Answered {
    let drafted = rest::draft(call.actor, &call.state, &event.churn_event_id).await?;
    Ok(Answer::new(drafted).next("Drafted; nothing was sent. Choose one and submit it with send_variant."))
}

async fn variants(call: Call, event: Event) -> Answered {
    Ok(Answer::new(rest::drafts(call.actor, &call.state, &event.churn_event_id).await?))
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SendVariant {
    /// The id of the churn event.
    #[serde(alias = "event_id")]
    churn_event_id: String,
    /// The variant to submit.
    variant_id: String,
    /// The mailbox to send from, by address or id; the one set up for win-back without it.
    mailbox: Option<String>,
    /// The mailbox to send from, by id.
    mailbox_id: Option<String>,
}

async fn send(call: Call, send: SendVariant) -> Answered {
    let (event, variant) = (ChurnEventId::from(send.churn_event_id.as_str()), VariantId::from(send.variant_id.as_str()));
    let mailbox = meant(&call, send.mailbox, send.mailbox_id).await?;
    Ok(submitted(json!(rest::choose(call.actor, &call.state, event, variant, mailbox).await?)))
}
