//! Tools that change what campaigns, migrations and sequences are, and look at who is in them.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::answer::Answer;
use super::tool::{Answered, Call, Effect, Entry, tool};
use crate::api::{campaigns, cohorts, migrations, referrals, segments, sequences, templates};
use crate::domain::actor::Scope;
use crate::domain::sequences::State;

pub(super) fn tools() -> Vec<Entry> {
    let id = "01a1fea8-79dd-75d0-8f1e-caa9bc30e1d6";
    vec![
        tool(
            "change_segment",
            "Change a segment",
            "Changes a segment; what the changes leave out stays. It is looked up anew by everything that uses it. One that a holding rule rests on is \
             for administrators.",
            Effect::Settles,
            change_segment,
        )
        .only_with(Scope::Draft)
        .example(json!({"segment_id": id, "changes": {"tags": "api-v1,-migration-complete"}})),
        tool(
            "change_campaign",
            "Change a campaign",
            "Changes goal, segment, mailbox or topic of a campaign, or puts it away with archived; what the changes leave out stays.",
            Effect::Settles,
            change_campaign,
        )
        .only_with(Scope::Draft)
        .example(json!({"campaign_id": id, "changes": {"goal": "Bring back who left for the price."}})),
        tool(
            "change_cohort",
            "Change a cohort",
            "Changes a cohort; what the changes leave out stays. What its drafts rest on, such as the deadline, is for people once there are drafts.",
            Effect::Settles,
            change_cohort,
        )
        .only_with(Scope::Draft)
        .example(json!({"cohort_id": id, "changes": {"deadline": "2027-06-30"}})),
        tool("delete_cohort", "Remove a cohort", "Removes a cohort. The tags of its contacts stay, and so does what was drafted.", Effect::Ends, delete_cohort)
            .only_with(Scope::Draft)
            .example(json!({"cohort_id": id})),
        tool(
            "list_cohort_drafts",
            "See how far the drafts of a cohort are",
            "Lists what was asked for with draft_cohort, newest first, as {drafts}: how far each is, and why it is set aside if it is.",
            Effect::Reads,
            cohort_drafts,
        )
        .only_with(Scope::Read)
        .example(json!({"cohort_id": id})),
        tool(
            "cancel_cohort_drafts",
            "Cancel what is being drafted for a cohort",
            "Ends the drafting of a cohort that is under way. What was drafted stays in the queue.",
            Effect::Ends,
            cancel_cohort_drafts,
        )
        .only_with(Scope::Draft)
        .example(json!({"cohort_id": id})),
        tool(
            "change_sequence",
            "Change a sequence",
            "Changes steps, stop tags, comparison or standing of a sequence; what the changes leave out stays. Give all steps, each that was there with \
             was, and the revision you read. Nobody gets a step twice or misses one. paused true is at once; only a person lets it go on.",
            Effect::Settles,
            change_sequence,
        )
        .only_with(Scope::Draft)
        .example(json!({"sequence_id": id, "changes": {"paused": true}})),
        tool(
            "list_enrollments",
            "List who is in a sequence",
            "Lists who is or was in a sequence, newest first, each with the step they are at and why they left, as {enrollments, next_cursor}.",
            Effect::Reads,
            enrollments,
        )
        .only_with(Scope::Read)
        .example(json!({"sequence_id": id, "state": "active", "limit": 50})),
        tool(
            "change_template",
            "Put a template away",
            "Puts a template away, or takes it out again with {\"archived\": false}. Nothing is made from one that is put away.",
            Effect::Settles,
            change_template,
        )
        .only_with(Scope::Draft)
        .example(json!({"template_id": id, "changes": {"archived": true}})),
        tool(
            "get_referral",
            "Read a referral",
            "Reads a referral: its link, its clicks, what came of it and what was given for it, with totals.",
            Effect::Reads,
            referral,
        )
        .only_with(Scope::Read)
        .example(json!({"referral_id": id})),
    ]
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SegmentChange {
    /// The segment.
    segment_id: String,
    /// What is to change.
    changes: segments::Patch,
}

async fn change_segment(call: Call, asked: SegmentChange) -> Answered {
    Ok(Answer::new(segments::alter(call.actor, &call.state, &asked.segment_id, asked.changes).await?))
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct CampaignChange {
    /// The campaign.
    campaign_id: String,
    /// What is to change.
    changes: campaigns::Patch,
}

async fn change_campaign(call: Call, asked: CampaignChange) -> Answered {
    Ok(Answer::new(campaigns::alter(call.actor, &call.state, &asked.campaign_id, asked.changes).await?))
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct CohortChange {
    /// The cohort.
    cohort_id: String,
    /// What is to change.
    changes: cohorts::Patch,
}

async fn change_cohort(call: Call, asked: CohortChange) -> Answered {
    Ok(Answer::new(cohorts::alter(call.actor, &call.state, &asked.cohort_id, asked.changes).await?))
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct OfCohort {
    /// The cohort.
    cohort_id: String,
}

async fn delete_cohort(call: Call, of: OfCohort) -> Answered {
    cohorts::take_away(call.actor, &call.state, &of.cohort_id).await?;
    Ok(Answer::new(json!({"cohort_id": of.cohort_id, "deleted": true})))
}

async fn cohort_drafts(call: Call, of: OfCohort) -> Answered {
    Ok(Answer::new(migrations::how_far(call.actor, &call.state, &of.cohort_id).await?))
}

async fn cancel_cohort_drafts(call: Call, of: OfCohort) -> Answered {
    Ok(Answer::new(migrations::end_drafts(call.actor, &call.state, &of.cohort_id).await?))
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SequenceChange {
    /// The sequence.
    sequence_id: String,
    /// What is to change.
    changes: sequences::Patch,
}

async fn change_sequence(call: Call, asked: SequenceChange) -> Answered {
    Ok(Answer::new(sequences::alter(call.actor, &call.state, &asked.sequence_id, asked.changes).await?))
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct OfSequence {
    /// The sequence.
    sequence_id: String,
    /// Only those in this state: active, complete or stopped.
    state: Option<State>,
    /// At most so many, 1 to 100; 20 without it.
    limit: Option<usize>,
    /// next_cursor of the page before.
    cursor: Option<String>,
}

async fn enrollments(call: Call, of: OfSequence) -> Answered {
    let query = sequences::Members { state: of.state, limit: of.limit, cursor: of.cursor };
    Ok(Answer::new(sequences::members(call.actor, &call.state, &of.sequence_id, query).await?))
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct TemplateChange {
    /// The template.
    template_id: String,
    /// What is to change.
    changes: templates::Patch,
}

async fn change_template(call: Call, asked: TemplateChange) -> Answered {
    Ok(Answer::new(templates::put_away(call.actor, &call.state, &asked.template_id, asked.changes).await?))
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct OfReferral {
    /// The referral.
    referral_id: String,
}

async fn referral(call: Call, of: OfReferral) -> Answered {
    Ok(Answer::new(referrals::one(call.actor, &call.state, &of.referral_id).await?))
}
