//! Tools on cohorts.

use schemars::JsonSchema;
use serde::Deserialize;

use serde_json::json;

use super::answer::Answer;
use super::tool::{Answered, Call, Effect, Entry, tool};
use crate::api::api_changes::{self, File, Files};
use crate::api::cohorts::{self as rest, New};
use crate::api::migrations::{self, Draft};
use crate::api::segments::Paging;
use crate::domain::actor::Scope;

pub(super) fn tools() -> Vec<Entry> {
    vec![
        tool(
            "create_cohort",
            "Make a cohort",
            "Makes a cohort: the contacts who have to move to another version by a day, such as {\"name\": \"API v1 sunset\", \"tags\": [\"api-v1\"], \
             \"deadline\": \"2026-04-30\", \"from_version\": \"v1\", \"to_version\": \"v2\"}. progress_tags in the answer are the tags that say how \
             far a contact is: set them with tag_email or add_contact.",
            Effect::Adds,
            create,
        ).only_with(Scope::Draft).example(json!({"name": "API v1", "tags": "api-v1", "deadline": "2027-04-30", "from_version": "v1", "to_version": "v2"})),
        tool("list_cohorts", "List cohorts", "Lists the cohorts, newest first, as {cohorts, next_cursor}, with the days left.", Effect::Reads, list).only_with(Scope::Read).example(json!({"limit": 20})),
        tool(
            "get_cohort_progress",
            "See how far a cohort is",
            "Counts the contacts of a cohort by how far they are: waiting, notified, acknowledged, started, complete; and the days left.",
            Effect::Reads,
            progress,
        ).only_with(Scope::Read).example(json!({"cohort_id": "01a1fea8-79dd-75d0-8f1e-caa9bc30e1d6"})),
        tool(
            "list_stragglers",
            "List who has not started",
            "Lists the contacts of a cohort who have not started, each with how far they are. Remind those with suppressed false.",
            Effect::Reads,
            stragglers,
        ).only_with(Scope::Read).example(json!({"cohort_id": "01a1fea8-79dd-75d0-8f1e-caa9bc30e1d6", "limit": 50})),
        tool(
            "get_cohort_board",
            "See a migration as a whole",
            "Answers how far the contacts of a cohort are, also by priority and integration; each phase with its day and its messages by state; and who \
             was told another day than the deadline.",
            Effect::Reads,
            board,
        )
        .only_with(Scope::Read)
        .example(json!({"cohort_id": "01a1fea8-79dd-75d0-8f1e-caa9bc30e1d6"})),
        tool(
            "draft_cohort",
            "Draft messages for a cohort",
            "Drafts a phase (announcement, preparation, window, final, completion), \"all\" phases still to come, or a reminder for those who have not \
             started. It goes on in the background. Each message is held for a person; whoever has a phase does not get it again.",
            Effect::Adds,
            draft,
        )
        .only_with(Scope::Draft)
        .example(json!({"cohort_id": "01a1fea8-79dd-75d0-8f1e-caa9bc30e1d6", "phase": "all", "mailbox": "support@example.com"})),
        tool(
            "compare_cohort_api",
            "Find what breaks between two OpenAPI files",
            "Compares the old and the new OpenAPI 3 description (JSON objects) and proposes what breaks as facts. A person accepts each before a draft can \
             rest on it. Larger files go to POST /v1/cohorts/{id}/api-changes or onto the page of the migration.",
            Effect::Adds,
            compare,
        )
        .only_with(Scope::Draft)
        .example(json!({"cohort_id": "01a1fea8-79dd-75d0-8f1e-caa9bc30e1d6", "old": {"openapi": "3.1.0", "paths": {}}, "new": {"openapi": "3.1.0", "paths": {}}})),
        tool(
            "get_cohort_api_changes",
            "See what breaks and whom it hits",
            "Answers the latest comparison of a cohort: what breaks, and the customers who were seen to use what changes, with counts.",
            Effect::Reads,
            changes,
        )
        .only_with(Scope::Read)
        .example(json!({"cohort_id": "01a1fea8-79dd-75d0-8f1e-caa9bc30e1d6"})),
    ]
}

async fn create(call: Call, new: New) -> Answered {
    Ok(Answer::new(rest::add(call.actor, &call.state, new).await?))
}

async fn list(call: Call, paging: Paging) -> Answered {
    Ok(Answer::new(rest::all(call.actor, &call.state, paging).await?))
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Which {
    /// The cohort, by id.
    cohort_id: String,
}

async fn progress(call: Call, asked: Which) -> Answered {
    Ok(Answer::new(rest::funnel(call.actor, &call.state, &asked.cohort_id).await?))
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Behind {
    /// The cohort, by id.
    cohort_id: String,
    /// At most so many, 1 to 100; 20 without it.
    limit: Option<usize>,
    /// next_cursor of the page before.
    cursor: Option<String>,
}

async fn stragglers(call: Call, asked: Behind) -> Answered {
    let paging = Paging { limit: asked.limit, cursor: asked.cursor };
    Ok(Answer::new(rest::behind(call.actor, &call.state, &asked.cohort_id, paging).await?))
}

async fn board(call: Call, asked: Which) -> Answered {
    Ok(Answer::new(migrations::look(call.actor, &call.state, &asked.cohort_id).await?))
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Begin {
    /// The cohort, by id.
    cohort_id: String,
    /// all, announcement, preparation, window, final, completion or reminder.
    phase: String,
    /// Where they leave from, by address or id. Needed only where the key reaches several.
    mailbox: Option<String>,
}

async fn draft(call: Call, asked: Begin) -> Answered {
    let draft = Draft { phase: asked.phase, mailbox: asked.mailbox };
    let started = migrations::begin(call.actor, &call.state, &asked.cohort_id, draft).await?;
    Ok(Answer::new(started).next("It goes on in the background. Look at get_cohort_board; a person decides each message."))
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct TwoFiles {
    /// The cohort, by id.
    cohort_id: String,
    /// The OpenAPI 3 description that callers use now.
    old: File,
    /// The one that they have to move to.
    new: File,
}

async fn compare(call: Call, asked: TwoFiles) -> Answered {
    let files = Files { old: asked.old, new: asked.new };
    let found = api_changes::look(call.actor, &call.state, &asked.cohort_id, files).await?;
    Ok(Answer::new(found).next("A person accepts the proposed facts. Then draft the phases with draft_cohort."))
}

async fn changes(call: Call, asked: Which) -> Answered {
    Ok(Answer::new(api_changes::newest(call.actor, &call.state, &asked.cohort_id).await?))
}
