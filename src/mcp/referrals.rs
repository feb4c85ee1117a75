//! Tools on signals and referrals.

use schemars::JsonSchema;
use serde::Deserialize;

use serde_json::json;

use super::answer::Answer;
use super::tool::{Answered, Call, Effect, Entry, Nothing, tool};
use crate::api::referrals::{self as rest, Eligible, New, NewOutcome, Query};
use crate::api::signals::{self, New as NewSignal, Query as SignalQuery};
use crate::domain::actor::Scope;

pub(super) fn tools() -> Vec<Entry> {
    vec![
        tool(
            "record_signal",
            "Record a signal",
            "Records that something happened to a contact, such as {\"email\": \"ana@example.com\", \"kind\": \"nps\", \"value\": 9, \"id\": \"nps-17\"}. \
             good in the answer says whether it speaks for asking them to recommend. The same id again changes nothing.",
            Effect::Adds,
            record_signal,
        ).only_with(Scope::Contacts).example(json!({"email": "ana@example.com", "kind": "onboarding_completed", "id": "onboarding-42"})),
        tool("list_signals", "List signals", "Lists the signals of a contact, newest first, as {signals, next_cursor}.", Effect::Reads, list_signals).only_with(Scope::Read).example(json!({"email": "ana@example.com"})),
        tool(
            "list_referral_candidates",
            "List who may be asked to recommend",
            "Lists contacts with a fresh good signal who may be asked to recommend now: not asked in the last 90 days, nor four times in all, and not \
             twice in a row without a click. Make each a link with create_referral, then send_email with the tag referral-program and the link.",
            Effect::Reads,
            candidates,
        ).only_with(Scope::Read).example(json!({"limit": 20})),
        tool(
            "create_referral",
            "Make a referral link",
            "Makes the contact's own link to target_url, or answers the one that is there. Put link into mail to this contact and nobody else. \
             target_url must be covered by an allowed link among the facts.",
            Effect::Settles,
            create,
        ).only_with_one_of(&[Scope::Draft, Scope::Admin]).example(json!({"email": "ana@example.com", "target_url": "https://www.example.com/signup"})),
        tool(
            "get_referral_program",
            "See the referral programme as a whole",
            "Counts messages that asked and wait, links, sharers, clicks and conversions with their value, over everybody.",
            Effect::Reads,
            program,
        )
        .only_with(Scope::Read)
        .example(json!({})),
        tool(
            "list_referrals",
            "List referral links",
            "Lists referral links with clicks and conversions, newest first, of everybody or of one contact.",
            Effect::Reads,
            list,
        ).only_with(Scope::Read).example(json!({"email": "ana@example.com"})),
        tool(
            "record_conversion",
            "Record a conversion",
            "Records that a referral brought a customer, once for each id and each customer's email. Tell the contact who recommended next: reward \
             notices do not count as asking.",
            Effect::Adds,
            convert,
        ).only_with(Scope::Draft).example(json!({"referral_id": "01a1fea8-79dd-75d0-8f1e-caa9bc30e1d6", "email": "ben@example.com", "id": "signup-42"})),
    ]
}

async fn program(call: Call, _: Nothing) -> Answered {
    Ok(Answer::new(rest::overall(call.actor, &call.state).await?))
}

async fn record_signal(call: Call, new: NewSignal) -> Answered {
    let (signal, new) = signals::add(call.actor, &call.state, new).await?;
    let answer = Answer::new(signal);
    Ok(if new { answer } else { answer.next("This signal was recorded already; nothing changed.") })
}

async fn list_signals(call: Call, query: SignalQuery) -> Answered {
    Ok(Answer::new(signals::of_contact(call.actor, &call.state, query).await?))
}

async fn candidates(call: Call, query: Eligible) -> Answered {
    Ok(Answer::new(rest::candidates(call.actor, &call.state, query).await?))
}

async fn create(call: Call, new: New) -> Answered {
    let (referral, new) = rest::add(call.actor, &call.state, new).await?;
    let answer = Answer::new(referral);
    Ok(if new { answer } else { answer.next("This contact has a link to this target already: it is the one in the answer.") })
}

async fn list(call: Call, query: Query) -> Answered {
    Ok(Answer::new(rest::all(call.actor, &call.state, query).await?))
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Convert {
    /// The referral, by id.
    referral_id: String,
    /// An id of yours: the same conversion sent twice is recorded once. Give it or email.
    id: Option<String>,
    /// The new customer's address, of which only a hash is kept. Give it or id.
    email: Option<String>,
    /// What it was worth, in minor units of the currency.
    value: Option<i64>,
    /// ISO 4217, such as EUR; together with value.
    currency: Option<String>,
}

async fn convert(call: Call, asked: Convert) -> Answered {
    let Convert { referral_id, id, email, value, currency } = asked;
    let (outcome, new) = rest::record(call.actor, &call.state, &referral_id, NewOutcome { id, email, value, currency }).await?;
    let answer = Answer::new(outcome);
    Ok(if new { answer } else { answer.next("This conversion was recorded already; nothing changed.") })
}
