//! Tools on sequences.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::answer::Answer;
use super::tool::{Answered, Call, Effect, Entry, Nothing, tool};
use crate::api::segments::Paging;
use crate::api::sequences::{self as rest, New, Query, WhichSegment, Who};
use crate::domain::actor::Scope;
use crate::domain::sequences::State;

pub(super) fn tools() -> Vec<Entry> {
    vec![
        tool(
            "create_sequence",
            "Make a sequence",
            "Makes a sequence of steps that are sent one after the other, such as {\"name\": \"Welcome\", \"steps\": [{\"subject\": \"Welcome, {{ name }}\", \
             \"body\": \"Hi {{ name }}, …\"}, {\"subject\": \"Your first guide\", \"body\": \"…\", \"wait_days\": 3}]}. Only {{ name }} and {{ email }} are \
             filled in. Where automatic is true, each step is handed in by itself when it is due. Enroll contacts with enroll_contact next.",
            Effect::Adds,
            create,
        ).only_with(Scope::Draft).example(json!({"name": "Welcome", "mailbox": "hello@example.com", "steps": [{"subject": "Welcome, {{ name }}", "body": "Hi {{ name }}, good to have you.", "wait_days": 0}, {"subject": "Your first guide", "body": "Hi {{ name }}, here is how others began.", "wait_days": 3}]})),
        tool(
            "list_sequences",
            "List sequences",
            "Lists the sequences with their steps, newest first, as {sequences, next_cursor}.",
            Effect::Reads,
            list,
        ).only_with(Scope::Read).example(json!({"limit": 20})),
        tool(
            "get_sequence",
            "Read a sequence",
            "Reads a sequence with its steps, and how many enrollments are active, complete and stopped.",
            Effect::Reads,
            get,
        ).only_with(Scope::Read).example(json!({"sequence_id": "01a1fea8-79dd-75d0-8f1e-caa9bc30e1d6"})),
        tool(
            "preview_sequence",
            "Read a sequence as a contact would",
            "Fills in all steps of a sequence for one contact, each with the day after the enrollment on which it comes at the earliest. Nothing is sent.",
            Effect::Reads,
            preview,
        )
        .only_with(Scope::Read)
        .example(json!({"sequence_id": "01a1fea8-79dd-75d0-8f1e-caa9bc30e1d6", "contact": "ana@example.com"})),
        tool(
            "enroll_contact",
            "Enroll a contact",
            "Enrolls a contact in a sequence. Doing it again changes nothing. A contact is in one sequence at a time; its tags drip_step_* count the \
             steps it has received.",
            Effect::Settles,
            enroll,
        ).only_with(Scope::Draft).example(json!({"sequence_id": "01a1fea8-79dd-75d0-8f1e-caa9bc30e1d6", "email": "ana@example.com"})),
        tool(
            "enroll_segment",
            "Enroll everybody of a segment",
            "Enrolls everybody who is in a segment now, in the background and each as if enrolled alone. Look with forecast_enrollment first who would be \
             left out. Nobody is enrolled twice, so call it again when others joined the segment. Ask list_segment_enrollments how far it is.",
            Effect::Adds,
            enroll_segment,
        ).only_with(Scope::Draft).example(json!({"sequence_id": "01a1fea8-79dd-75d0-8f1e-caa9bc30e1d6", "segment_id": "01a1fea8-79dd-75d0-8f1e-caa9bc30e1d7"})),
        tool(
            "list_segment_enrollments",
            "See how far the enrollment of segments is",
            "Answers how many contacts were looked at of how many, and how many were enrolled, passed over and left out, as {rounds}, newest first.",
            Effect::Reads,
            segment_enrollments,
        ).only_with(Scope::Read).example(json!({"sequence_id": "01a1fea8-79dd-75d0-8f1e-caa9bc30e1d6"})),
        tool(
            "cancel_segment_enrollment",
            "Cancel the enrollment of a segment",
            "Ends the enrollment of a segment that is under way. Who was enrolled stays: stop_enrollment ends that for one contact.",
            Effect::Ends,
            cancel_segment_enrollment,
        ).only_with(Scope::Draft).example(json!({"sequence_id": "01a1fea8-79dd-75d0-8f1e-caa9bc30e1d6"})),
        tool(
            "forecast_enrollment",
            "Forecast the enrollment of a segment",
            "Answers who of a segment would be enrolled and who would not, and why, among its newest 1,000. Nothing is changed.",
            Effect::Reads,
            forecast_enrollment,
        ).only_with(Scope::Read).example(json!({"sequence_id": "01a1fea8-79dd-75d0-8f1e-caa9bc30e1d6", "segment_id": "01a1fea8-79dd-75d0-8f1e-caa9bc30e1d7"})),
        tool(
            "list_due_steps",
            "List due steps",
            "Lists whose next step is due, with the filled-in subject and body. Hand each in with send_next_step; where obstacle is given, that \
             would end the enrollment or be refused.",
            Effect::Reads,
            due,
        ).only_with(Scope::Read).example(json!({"sequence_id": "01a1fea8-79dd-75d0-8f1e-caa9bc30e1d6"})),
        tool(
            "send_next_step",
            "Hand in the next step",
            "Hands in the next step of an enrollment to the oversight mode of the mailbox. A step is handed in once, also when several agents call at \
             the same time. Do not send the step with send_email as well. step_not_due says when to call again.",
            Effect::Adds,
            send,
        ).only_with(Scope::Draft).example(json!({"sequence_id": "01a1fea8-79dd-75d0-8f1e-caa9bc30e1d6", "enrollment_id": "01a1fea8-79dd-75d0-8f1e-caa9bc30e1d6"})),
        tool(
            "stop_enrollment",
            "Stop an enrollment",
            "Ends an enrollment: no further step is sent. What was handed in is not taken back; use cancel_email for that.",
            Effect::Ends,
            stop,
        ).only_with(Scope::Draft).example(json!({"sequence_id": "01a1fea8-79dd-75d0-8f1e-caa9bc30e1d6", "enrollment_id": "01a1fea8-79dd-75d0-8f1e-caa9bc30e1d6", "reason": "They asked us to wait."})),
        tool(
            "list_holidays",
            "List the days that are no business days",
            "Lists the days that waits of sequences in business days and hours leave out, like weekends, as {holidays}. A person changes them.",
            Effect::Reads,
            holidays,
        )
        .only_with(Scope::Read)
        .example(json!({})),
    ]
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct For {
    /// The sequence, by id.
    sequence_id: String,
    /// The contact, by id or address.
    contact: String,
}

async fn preview(call: Call, asked: For) -> Answered {
    Ok(Answer::new(rest::look(call.actor, &call.state, &asked.sequence_id, rest::PreviewFor { contact: asked.contact }).await?))
}

async fn create(call: Call, new: New) -> Answered {
    Ok(Answer::new(rest::add(call.actor, &call.state, new).await?))
}

async fn list(call: Call, query: Query) -> Answered {
    Ok(Answer::new(rest::all(call.actor, &call.state, query).await?))
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Which {
    /// The sequence, by id.
    sequence_id: String,
}

async fn get(call: Call, asked: Which) -> Answered {
    Ok(Answer::new(rest::one(call.actor, &call.state, &asked.sequence_id).await?))
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Enroll {
    /// The sequence, by id.
    sequence_id: String,
    /// The contact's id. Or give email.
    contact: Option<String>,
    /// The contact's address; one that is not known becomes a contact. Or give contact.
    email: Option<String>,
}

async fn enroll(call: Call, asked: Enroll) -> Answered {
    let who = Who { contact: asked.contact, email: asked.email };
    let (enrollment, new) = rest::join(call.actor, &call.state, &asked.sequence_id, who).await?;
    let answer = Answer::new(enrollment);
    Ok(if new { answer } else { answer.next("This contact was enrolled already; nothing changed.") })
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Segment {
    /// The sequence, by id.
    sequence_id: String,
    /// The segment, by id.
    segment_id: String,
}

async fn enroll_segment(call: Call, asked: Segment) -> Answered {
    let which = WhichSegment { segment_id: asked.segment_id };
    let begun = rest::join_all(call.actor, &call.state, &asked.sequence_id, which).await?;
    Ok(Answer::new(begun).next("It goes on in the background. Ask list_segment_enrollments how far it is; do not begin it again."))
}

async fn segment_enrollments(call: Call, asked: Which) -> Answered {
    Ok(Answer::new(rest::how_far(call.actor, &call.state, &asked.sequence_id).await?))
}

async fn cancel_segment_enrollment(call: Call, asked: Which) -> Answered {
    Ok(Answer::new(rest::end_all(call.actor, &call.state, &asked.sequence_id).await?))
}

async fn forecast_enrollment(call: Call, asked: Segment) -> Answered {
    let which = WhichSegment { segment_id: asked.segment_id };
    Ok(Answer::new(rest::foresee(call.actor, &call.state, &asked.sequence_id, which).await?))
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Due {
    /// The sequence, by id.
    sequence_id: String,
    /// At most so many, 1 to 100; 20 without it.
    limit: Option<usize>,
    /// next_cursor of the page before.
    cursor: Option<String>,
}

async fn due(call: Call, asked: Due) -> Answered {
    let paging = Paging { limit: asked.limit, cursor: asked.cursor };
    Ok(Answer::new(rest::ready(call.actor, &call.state, &asked.sequence_id, paging).await?))
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Send {
    /// The sequence, by id.
    sequence_id: String,
    /// The enrollment, by id.
    enrollment_id: String,
}

async fn send(call: Call, asked: Send) -> Answered {
    let sent = rest::step(call.actor, &call.state, &asked.sequence_id, &asked.enrollment_id).await?;
    let next = match (&sent.message, sent.enrollment.state) {
        (Some(message), _) if message.held => {
            format!("Held for review; do not send it again. Poll read_email with message_id {} to see the outcome.", message.id)
        }
        (Some(_), _) => "Handed in; it leaves after the checks. Do not send it again.".to_owned(),
        (None, State::Complete) => "No step is left: the enrollment is complete. Nothing was sent.".to_owned(),
        (None, _) => "The enrollment has ended; stopped_because says why. Nothing was sent. Do not mail this step in another way.".to_owned(),
    };
    Ok(Answer::new(json!(sent)).next(next))
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Stop {
    /// The sequence, by id.
    sequence_id: String,
    /// The enrollment, by id.
    enrollment_id: String,
    /// Why, in one line.
    reason: Option<String>,
}

async fn stop(call: Call, asked: Stop) -> Answered {
    Ok(Answer::new(rest::leave(call.actor, &call.state, &asked.sequence_id, &asked.enrollment_id, asked.reason).await?))
}

async fn holidays(call: Call, _: Nothing) -> Answered {
    Ok(Answer::new(rest::all_holidays(call.actor, &call.state).await?))
}
