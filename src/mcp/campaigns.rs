//! Tools on campaigns.

use schemars::JsonSchema;
use serde::Deserialize;

use serde_json::{Map, Value, json};

use super::answer::Answer;
use super::tool::{Answered, Call, Effect, Entry, tool};
use crate::api::campaigns::{self as rest, CampaignVariant, Compare, Draft, New, Query, VariantFor};
use crate::domain::actor::Scope;
use crate::domain::trials::Measure;

pub(super) fn tools() -> Vec<Entry> {
    vec![
        tool(
            "create_campaign",
            "Make a campaign",
            "Makes a campaign, such as {\"name\": \"spring win-back\", \"kind\": \"winback\", \"goal\": \"Bring back ten teams\"}. Then name it in \
             campaign when you send: its messages are counted together and can be stopped together. recommended_mode is the oversight mode that fits.",
            Effect::Adds,
            create,
        ).only_with(Scope::Draft).example(json!({"name": "Spring win-back", "kind": "winback", "mailbox": "winback@example.com"})),
        tool("list_campaigns", "List campaigns", "Lists the campaigns, newest first, as {campaigns, next_cursor}.", Effect::Reads, list).only_with(Scope::Read).example(json!({"limit": 20})),
        tool(
            "get_campaign",
            "Read a campaign",
            "Reads a campaign with numbers: how many of its messages are pending, approved, sent, bounced and so on now; drafted is all of them.",
            Effect::Reads,
            get,
        ).only_with(Scope::Read).example(json!({"campaign_id": "01a1fea8-79dd-75d0-8f1e-caa9bc30e1d6"})),
        tool(
            "set_campaign_variants",
            "Compare variants of a campaign",
            "Says which variants of its messages are compared and how many of a hundred recipients get each, such as [{\"name\": \"short\", \"share\": \
             50}, {\"name\": \"long\", \"share\": 50}]. get_campaign shows what came back of each and whether one is better.",
            Effect::Settles,
            compare,
        ).only_with(Scope::Draft).example(json!({"campaign_id": "01a1fea8-79dd-75d0-8f1e-caa9bc30e1d6", "variants": [{"name": "short", "share": 50}, {"name": "long", "share": 50}]})),
        tool(
            "assign_campaign_variant",
            "Ask which variant a contact gets",
            "Answers the variant of a campaign that this contact gets, the same each time. Write its words and add the tag in tag to the message.",
            Effect::Reads,
            assign,
        ).only_with(Scope::Read).example(json!({"campaign_id": "01a1fea8-79dd-75d0-8f1e-caa9bc30e1d6", "contact": "ana@example.com"})),
        tool(
            "draft_campaign",
            "Draft a template for everybody in the segment",
            "Drafts a template for everybody in the segment of a campaign, in the background and each once. The messages go through the oversight mode of \
             the mailbox. With holdout some of a hundred get nothing, to compare with. Ask get_campaign_drafts how far it is.",
            Effect::Adds,
            draft,
        )
        .only_with(Scope::Draft)
        .example(json!({"campaign_id": "01a1fea8-79dd-75d0-8f1e-caa9bc30e1d6", "template_id": "01a1fea8-79dd-75d0-8f1e-caa9bc30e1d7", "holdout": 10})),
        tool(
            "get_campaign_drafts",
            "See how far the drafts of a campaign are",
            "Answers how many contacts were looked at of how many, and how many were drafted, left out and held out, as {drafts}, newest first.",
            Effect::Reads,
            drafts,
        )
        .only_with(Scope::Read)
        .example(json!({"campaign_id": "01a1fea8-79dd-75d0-8f1e-caa9bc30e1d6"})),
        tool(
            "cancel_campaign_drafts",
            "Cancel what is being drafted for a campaign",
            "Ends what is being drafted for a campaign. What was drafted stays: stop the campaign to keep it from leaving.",
            Effect::Ends,
            cancel,
        )
        .only_with(Scope::Draft)
        .example(json!({"campaign_id": "01a1fea8-79dd-75d0-8f1e-caa9bc30e1d6"})),
        tool(
            "stop_campaign",
            "Stop a campaign",
            "Stops a campaign at once: nothing of it leaves. Use it when something in its messages is wrong. Only a person can resume it.",
            Effect::Settles,
            stop,
        ).only_with(Scope::Draft).example(json!({"campaign_id": "01a1fea8-79dd-75d0-8f1e-caa9bc30e1d6"})),
    ]
}

async fn create(call: Call, new: New) -> Answered {
    let campaign = rest::add(call.actor, &call.state, new).await?;
    let next = format!("Send with \"campaign\": \"{}\". The first message of a campaign is held for a person.", campaign.name);
    Ok(Answer::new(campaign).next(next))
}

async fn list(call: Call, query: Query) -> Answered {
    Ok(Answer::new(rest::all(call.actor, &call.state, query).await?))
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Which {
    /// The campaign, by id.
    campaign_id: String,
}

async fn get(call: Call, asked: Which) -> Answered {
    Ok(Answer::new(rest::one(call.actor, &call.state, &asked.campaign_id).await?))
}

async fn stop(call: Call, asked: Which) -> Answered {
    let campaign = rest::halt(call.actor, &call.state, &asked.campaign_id).await?;
    Ok(Answer::new(campaign).next("Nothing of it leaves now. Tell a person why you stopped it: only a person can resume it."))
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Variants {
    /// The campaign, by id.
    campaign_id: String,
    /// 2 to 5 variants whose shares are 100 together; an empty list ends the comparison.
    variants: Option<Vec<CampaignVariant>>,
    /// By what they are measured: replies or recoveries.
    measure: Option<Measure>,
    /// Whether a winner gets 80 of a hundred by itself.
    shifts: Option<bool>,
}

async fn compare(call: Call, asked: Variants) -> Answered {
    let Variants { campaign_id, variants, measure, shifts } = asked;
    let campaign = rest::set_variants(call.actor, &call.state, &campaign_id, Compare { variants, measure, shifts }).await?;
    Ok(Answer::new(campaign).next("Ask assign_campaign_variant for each contact, and add its tag to the message."))
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct For {
    /// The campaign, by id.
    campaign_id: String,
    /// The contact, by id or address.
    contact: String,
}

async fn assign(call: Call, asked: For) -> Answered {
    let found = rest::assign(call.actor, &call.state, &asked.campaign_id, VariantFor { contact: asked.contact }).await?;
    Ok(Answer::new(found))
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Begin {
    /// The campaign, by id. It needs a segment.
    campaign_id: String,
    /// The template, by id.
    template_id: String,
    /// The version; the newest approved, or the newest, without it.
    version: Option<i32>,
    /// What is filled in for everybody, by variable; what comes from the record is left out.
    #[serde(default)]
    values: Map<String, Value>,
    /// Where they leave from, by address or id; the campaign's mailbox without it.
    mailbox: Option<String>,
    /// Of a hundred contacts so many get nothing, to compare with: 0 to 50.
    holdout: Option<i32>,
}

async fn draft(call: Call, asked: Begin) -> Answered {
    let Begin { campaign_id, template_id, version, values, mailbox, holdout } = asked;
    let begun = rest::begin(call.actor, &call.state, &campaign_id, Draft { template_id, version, values, mailbox, holdout }).await?;
    Ok(Answer::new(begun).next("It goes on in the background. Ask get_campaign_drafts how far it is; do not begin it again."))
}

async fn drafts(call: Call, asked: Which) -> Answered {
    Ok(Answer::new(rest::how_far(call.actor, &call.state, &asked.campaign_id).await?))
}

async fn cancel(call: Call, asked: Which) -> Answered {
    Ok(Answer::new(rest::end_drafts(call.actor, &call.state, &asked.campaign_id).await?))
}
