//! Tools on signals and referrals.

use schemars::JsonSchema;
use serde::Deserialize;

use serde_json::json;

use super::answer::Answer;
use super::tool::{Answered, Call, Effect, Entry, Nothing, tool};
use crate::api::referrals::{self as rest, Eligible, New, NewOutcome, NewReward, Query, Reminder};
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
            "Records that a referral brought a customer, once for each id and each customer's email. Tell whoever recommended next, with \
             give_referral_reward: reward notices do not count as asking.",
            Effect::Adds,
            convert,
        ).only_with(Scope::Draft).example(json!({"referral_id": "01a1fea8-79dd-75d0-8f1e-caa9bc30e1d6", "email": "ben@example.com", "id": "signup-42"})),
        tool(
            "give_referral_reward",
            "Record a reward and tell of it",
            "Records what whoever recommended gets for one conversion, such as {\"amount\": 1, \"unit\": \"months\"} or {\"amount\": 2000, \"unit\": \
             \"EUR\"}, and hands in a notice with the totals to the oversight mode of the mailbox. Once for each conversion.",
            Effect::Settles,
            reward,
        ).only_with(Scope::Draft).example(json!({"referral_id": "01a1fea8-79dd-75d0-8f1e-caa9bc30e1d6", "conversion_id": "01a1fea8-79dd-75d0-8f1e-caa9bc30e1d7", "amount": 1, "unit": "months", "mailbox": "hello@example.com"})),
        tool(
            "remind_referrer",
            "Remind somebody of their link",
            "Hands in a gentle reminder to somebody who was asked and did not share: once after an ask, a week after it at the earliest. Say in reward \
             what they receive.",
            Effect::Adds,
            remind,
        ).only_with(Scope::Draft).example(json!({"referral_id": "01a1fea8-79dd-75d0-8f1e-caa9bc30e1d6", "reward": "a month of your plan for each sign-up", "mailbox": "hello@example.com"})),
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

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Give {
    /// The referral, by id.
    referral_id: String,
    /// For which conversion, by its conversion_id.
    conversion_id: String,
    /// How much, in minor units of the currency or in months.
    amount: i64,
    /// ISO 4217, such as EUR; or months.
    unit: String,
    /// Whether to write to whoever recommended; true without it.
    tell: Option<bool>,
    /// Where the notice leaves from, by address or id; not needed where only one mailbox is within reach.
    mailbox: Option<String>,
}

async fn reward(call: Call, asked: Give) -> Answered {
    let Give { referral_id, conversion_id, amount, unit, tell, mailbox } = asked;
    let (given, new) = rest::give(call.actor, &call.state, &referral_id, NewReward { conversion_id, amount, unit, tell, mailbox }).await?;
    let answer = Answer::new(given);
    Ok(if new { answer } else { answer.next("This conversion was rewarded already; nothing changed and nobody was told again.") })
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Remind {
    /// The referral, by id.
    referral_id: String,
    /// What they receive for a sign-up, in one line: it stands right below the link.
    reward: String,
    /// Where it leaves from, by address or id; not needed where only one mailbox is within reach.
    mailbox: Option<String>,
}

async fn remind(call: Call, asked: Remind) -> Answered {
    let Remind { referral_id, reward, mailbox } = asked;
    Ok(Answer::new(rest::remind(call.actor, &call.state, &referral_id, Reminder { reward, mailbox }).await?))
}
