//! Further tools on customers who leave: numbers, corrections, updates that answer.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::Answer;
use super::tool::{Answered, Call, Effect, Entry, tool};
use crate::api::departures::{self as counted, DeparturesQuery};
use crate::api::programs;
use crate::api::recovery as rest;
use crate::api::reports::{self, Between, Days, MessagesQuery, Months, Page, Since};
use crate::domain::actor::Scope;
use crate::domain::ids::{ChurnEventId, VariantId};

pub(super) fn tools() -> Vec<Entry> {
    vec![
        tool(
            "get_churn_stats",
            "Count the churn events",
            "Counts churn events by status and reason, with the share that came back and the revenue lost and won back by currency. \
             Example: {\"since\": \"2026-04-30T12:00:00Z\"}.",
            Effect::Reads,
            stats,
        ).only_with(Scope::Read).example(json!({})),
        tool(
            "get_churn_reasons",
            "Why customers leave",
            "Reports why customers left in the last months, or from one day until another, beside the period before: count, share, revenue lost by currency, \
             month by month, with quotes, which are text from outside and come marked as untrusted. Example: {\"months\": 6}.",
            Effect::Reads,
            reasons,
        ).only_with(Scope::Read).example(json!({"months": 12})),
        tool(
            "get_departures",
            "Who left, by plan, tenure or segment",
            "Counts who left in a period and the one before by plan, tenure or segment: share, revenue lost by currency, and how many for which reason. \
             Example: {\"by\": \"tenure\", \"from\": \"2026-09-01\"}.",
            Effect::Reads,
            departures,
        ).only_with(Scope::Read).example(json!({"by": "plan"})),
        tool(
            "get_strategies",
            "Which strategy works for which reason",
            "Reports what came of the win-back letters of a period by reason and strategy: sent, answered, recovered, with a 95 % interval that is null below \
             20 letters. Say best and caution with any number you quote from it. Example: {\"from\": \"2026-09-01\"}.",
            Effect::Reads,
            strategies,
        ).only_with(Scope::Read).example(json!({"from": "2026-09-01"})),
        tool(
            "get_referral_return",
            "What comes of recommendations",
            "Counts asks, links, visitors, sign-ups with their value, and rewards, in a period and the one before. Example: {\"from\": \"2026-09-01\"}.",
            Effect::Reads,
            referral_return,
        ).only_with(Scope::Read).example(json!({"from": "2026-09-01"})),
        tool(
            "get_sequence_funnel",
            "How many come how far in a sequence",
            "Counts for each step of a sequence, of those who were enrolled in a period, how many came to it, got it and answered it, and why the others left. \
             Example: {\"sequence_id\": \"…\"}.",
            Effect::Reads,
            funnel,
        ).only_with(Scope::Read).example(json!({"sequence_id": "01a1fea8-79dd-75d0-8f1e-caa9bc30e1d6"})),
        tool(
            "get_cohort_history",
            "How far a migration is over time",
            "Counts how many contacts of a migration were how far at the end of each day, week or month of a period. Say pace_in_words with any number you quote. \
             Example: {\"cohort_id\": \"…\"}.",
            Effect::Reads,
            burn_down,
        ).only_with(Scope::Read).example(json!({"cohort_id": "01a1fea8-79dd-75d0-8f1e-caa9bc30e1d6"})),
        tool(
            "get_recovered_revenue",
            "Recovered revenue",
            "Reports who came back in a period and the one before, with monthly revenue by currency, and how customers who left fare with a letter and \
             without one. Say lift_in_words and caution with any number you quote from it. Example: {\"from\": \"2026-09-01\", \"until\": \"2026-11-21\"}.",
            Effect::Reads,
            recovered_revenue,
        ).only_with(Scope::Read).example(json!({"from": "2026-09-01"})),
        tool(
            "get_message_report",
            "What became of a period's messages",
            "Counts for each campaign or mailbox within reach, in a period and the one before, how many messages were handed in, held, edited, approved, \
             rejected, sent, delivered, bounced and complained about. Example: {\"by\": \"mailbox\", \"from\": \"2026-09-01\"}.",
            Effect::Reads,
            message_report,
        ).only_with(Scope::Read).example(json!({"by": "campaign"})),
        tool(
            "get_campaign_report",
            "What became of each campaign's messages",
            "Counts the messages of each campaign within reach by status, as {campaigns, next_cursor}.",
            Effect::Reads,
            campaigns,
        ).only_with(Scope::Read).example(json!({})),
        tool(
            "get_deliverability",
            "How mail arrives",
            "Counts for each mailbox within reach what left, came back and was complained about. Example: {\"days\": 30}.",
            Effect::Reads,
            deliverability,
        ).only_with(Scope::Read).example(json!({"days": 30})),
        tool(
            "edit_variant",
            "Edit a win-back draft",
            "Changes subject or body of a drafted variant that was not submitted yet. Example: {\"churn_event_id\": \"…\", \"variant_id\": \"…\", \
             \"body\": \"…\"}. Go on with send_variant.",
            Effect::Settles,
            edit,
        ).only_with(Scope::Draft).example(json!({"churn_event_id": "01a1fea8-79dd-75d0-8f1e-caa9bc30e1d6", "variant_id": "01a1fea8-79dd-75d0-8f1e-caa9bc30e1d6", "subject": "What changed since you left"})),
        tool(
            "mark_recovered",
            "Record that a customer came back",
            "Records that the customer of a churn event came back. Once; it cannot be taken back. Example: {\"churn_event_id\": \"…\"}.",
            Effect::Ends,
            recovered,
        ).only_with(Scope::Draft).example(json!({"churn_event_id": "01a1fea8-79dd-75d0-8f1e-caa9bc30e1d6"})),
        tool(
            "mark_clicked",
            "Record that a customer followed a link in a letter",
            "Records that the customer of a churn event followed a link in the latest letter, so that coming back afterwards counts as strong evidence \
             for it. Links in letters are not rewritten, so the page behind the link has to tell. Example: {\"churn_event_id\": \"…\"}.",
            Effect::Settles,
            clicked,
        ).only_with(Scope::Draft).example(json!({"churn_event_id": "01a1fea8-79dd-75d0-8f1e-caa9bc30e1d6"})),
        tool(
            "correct_churn_reason",
            "Correct the reason of a departure",
            "Corrects why a customer left, where the analysis was wrong. Example: {\"churn_event_id\": \"…\", \"reason\": \"missing_features\"}.",
            Effect::Settles,
            correct,
        ).only_with(Scope::Draft).example(json!({"churn_event_id": "01a1fea8-79dd-75d0-8f1e-caa9bc30e1d6", "reason": "missing_features"})),
        tool(
            "list_matches",
            "Updates that answer what a customer asked for",
            "Lists the product updates since departure that answer what the customer asked for, best first, with the words that matched.",
            Effect::Reads,
            matches,
        ).only_with(Scope::Read).example(json!({"churn_event_id": "01a1fea8-79dd-75d0-8f1e-caa9bc30e1d6"})),
        tool(
            "judge_match",
            "Say whether an update answers",
            "Accepts or refuses a suggested update for a churn event; later suggestions learn from it. Example: {\"churn_event_id\": \"…\", \
             \"fact_id\": \"…\", \"accepted\": false}. Needs the scope oversight.",
            Effect::Settles,
            judge,
        ).example(json!({"churn_event_id": "01a1fea8-79dd-75d0-8f1e-caa9bc30e1d6", "fact_id": "01a1fea8-79dd-75d0-8f1e-caa9bc30e1d6", "accepted": true}))
        .only_with(Scope::Oversight),
    ]
}

async fn stats(call: Call, since: Since) -> Answered {
    Ok(Answer::new(reports::counted(call.actor, &call.state, since).await?))
}

async fn reasons(call: Call, months: Months) -> Answered {
    let mut whole = json!(reports::why(call.actor, &call.state, months).await?);
    // The quotes stand in a list of their own, from where they are set apart.
    let mut quotes = vec![];
    for reason in whole["reasons"].as_array_mut().into_iter().flatten() {
        let name = reason["reason"].clone();
        let said = reason.as_object_mut().and_then(|reason| reason.remove("quotes")).unwrap_or_default();
        quotes.extend(said.as_array().into_iter().flatten().map(|quote| {
            json!({"id": quote["churn_event_id"], "churn_event_id": quote["churn_event_id"], "reason": name, "left_on": quote["left_on"], "text": quote["text"]})
        }));
    }
    whole["quotes"] = json!(quotes);
    Ok(Answer::new(whole).setting_apart("quotes", &["text"], Value::is_object))
}

async fn recovered_revenue(call: Call, between: Between) -> Answered {
    Ok(Answer::new(reports::came_back(call.actor, &call.state, between).await?))
}

async fn referral_return(call: Call, between: Between) -> Answered {
    Ok(Answer::new(programs::returned(call.actor, &call.state, between).await?))
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct OfSequence {
    /// The sequence.
    #[serde(alias = "id")]
    sequence_id: String,
    /// The first day of the enrollments, such as 2026-09-01; 90 days with the last without it.
    from: Option<String>,
    /// The last day; today without it.
    until: Option<String>,
}

async fn funnel(call: Call, asked: OfSequence) -> Answered {
    let between = Between { from: asked.from, until: asked.until };
    Ok(Answer::new(programs::came_far(call.actor, &call.state, &asked.sequence_id, between).await?))
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct OfCohort {
    /// The cohort of the migration.
    #[serde(alias = "id")]
    cohort_id: String,
    /// The first day, such as 2026-09-01; 90 days with the last without it.
    from: Option<String>,
    /// The last day; today without it.
    until: Option<String>,
}

async fn burn_down(call: Call, asked: OfCohort) -> Answered {
    let between = Between { from: asked.from, until: asked.until };
    Ok(Answer::new(programs::burnt_down(call.actor, &call.state, &asked.cohort_id, between).await?))
}

async fn departures(call: Call, query: DeparturesQuery) -> Answered {
    Ok(Answer::new(counted::left(call.actor, &call.state, query).await?))
}

async fn strategies(call: Call, between: Between) -> Answered {
    Ok(Answer::new(counted::worked(call.actor, &call.state, between).await?))
}

async fn message_report(call: Call, query: MessagesQuery) -> Answered {
    Ok(Answer::new(reports::went(call.actor, &call.state, query).await?))
}

async fn campaigns(call: Call, page: Page) -> Answered {
    Ok(Answer::new(reports::of_campaigns(call.actor, &call.state, page).await?))
}

async fn deliverability(call: Call, days: Days) -> Answered {
    Ok(Answer::new(reports::arrived(call.actor, &call.state, days).await?))
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct EditVariant {
    /// The churn event.
    #[serde(alias = "event_id")]
    churn_event_id: String,
    /// The variant.
    variant_id: String,
    /// The new subject.
    subject: Option<String>,
    /// The new text.
    body: Option<String>,
}

async fn edit(call: Call, asked: EditVariant) -> Answered {
    let (event, id) = (ChurnEventId::from(asked.churn_event_id.as_str()), VariantId::from(asked.variant_id.as_str()));
    Ok(Answer::new(rest::rewrite(call.actor, &call.state, event, id, asked.subject, asked.body).await?))
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Event {
    /// The churn event.
    #[serde(alias = "event_id", alias = "id")]
    churn_event_id: String,
}

/// What customers said, as opposed to what was recorded about them.
const THEIR_WORDS: &[&str] = &["cancel_reason_text", "reason_quotes"];

async fn clicked(call: Call, event: Event) -> Answered {
    let found = rest::followed(call.actor, &call.state, &event.churn_event_id).await?;
    Ok(Answer::new(found).setting_apart("", THEIR_WORDS, |event| event["cancel_reason_text"].is_string()))
}

async fn recovered(call: Call, event: Event) -> Answered {
    let found = rest::came_back(call.actor, &call.state, &event.churn_event_id).await?;
    Ok(Answer::new(found).setting_apart("", THEIR_WORDS, |event| event["cancel_reason_text"].is_string()))
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Correct {
    /// The churn event.
    #[serde(alias = "event_id")]
    churn_event_id: String,
    /// One of the eight reasons, such as too_expensive, or a code that stands for one.
    reason: String,
}

async fn correct(call: Call, asked: Correct) -> Answered {
    let found = rest::correct(call.actor, &call.state, &asked.churn_event_id, &asked.reason).await?;
    Ok(Answer::new(found).setting_apart("", THEIR_WORDS, |event| event["cancel_reason_text"].is_string()))
}

async fn matches(call: Call, event: Event) -> Answered {
    Ok(Answer::new(rest::answering(call.actor, &call.state, &event.churn_event_id).await?))
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Judge {
    /// The churn event.
    #[serde(alias = "event_id")]
    churn_event_id: String,
    /// The product update.
    fact_id: String,
    /// Whether it answers what they asked for.
    accepted: bool,
}

async fn judge(call: Call, asked: Judge) -> Answered {
    Ok(Answer::new(rest::rule(call.actor, &call.state, &asked.churn_event_id, &asked.fact_id, asked.accepted).await?))
}
