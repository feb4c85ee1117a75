//! `/v1/sequences`.

use actix_web::{HttpResponse, web};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::campaigns::Overlapping;
use super::error::Problem;
use super::input::id_cursor;
use super::json::{Json, Params, rows};
use super::key::Key;
use super::operations::{Operation, get, patch, post, put};
use super::segments::Paging;
use super::shapes::Submitted;
use super::trials::Shape as Comparison;
use crate::app::State;
use crate::clock::{self, Time};
use crate::db::transaction;
use crate::domain::actor::{Actor, Scope};
use crate::domain::contacts::Named;
use crate::domain::ids::{ContactId, EnrollmentId, MailboxId, MessageId, RowId, SegmentId, SequenceId, TemplateId};
use crate::domain::messages::State as MessageState;
use crate::domain::sequences::rounds::{self, Forecast, Round};
use crate::domain::sequences::{self, Due, Edited, Member, NewSequence, Sequence, State as Standing};
use crate::domain::trials::Measure;

pub(super) fn operations() -> Vec<Operation> {
    vec![
        post("/v1/sequences", "create_sequence", "Make a sequence")
            .about(
                "Steps that are sent to a contact one after the other. Words are in the language of templates, with `{{ name }}` and `{{ email }}`. Where \
                 it is automatic, each step is handed in by itself when it is due; otherwise by send-next.",
            )
            .needs(&[Scope::Draft])
            .body::<New>()
            .answers::<Shape>(201)
            .to(create),
        get("/v1/sequences", "list_sequences", "List the sequences").needs(&[Scope::Read]).query::<Query>().answers::<SequencePage>(200).to(list),
        get("/v1/sequences/{id}", "get_sequence", "Read a sequence")
            .about("With the number of enrollments in each state, and where everybody stands.")
            .needs(&[Scope::Read])
            .answers::<Counted>(200)
            .to(show),
        patch("/v1/sequences/{id}", "change_sequence", "Change a sequence, pause it or put it away")
            .about(
                "What is left out stays. Steps can change while people are in it: who received one does not get it again, and nobody misses one that \
                 stays. Nothing of a paused one is handed in until a person lets it go on; nobody is enrolled in one that is put away either.",
            )
            .needs(&[Scope::Draft])
            .body::<Patch>()
            .answers::<Shape>(200)
            .to(change),
        get("/v1/sequences/{id}/preview", "preview_sequence", "Read a sequence as a contact would")
            .needs(&[Scope::Read])
            .query::<PreviewFor>()
            .answers::<Preview>(200)
            .to(preview),
        post("/v1/sequences/{id}/enrollments", "enroll_contact", "Enroll a contact")
            .about(
                "A contact is in one sequence at a time and begins at the step that its tags `drip_step_*` count to. Enrolling twice answers 200 with \
                 the enrollment that is there.",
            )
            .needs(&[Scope::Draft])
            .body::<Who>()
            .answers::<Enrollment>(200)
            .answers::<Enrollment>(201)
            .to(enroll),
        get("/v1/sequences/{id}/enrollments", "list_enrollments", "List the enrollments")
            .about("The newest first.")
            .needs(&[Scope::Read])
            .query::<Members>()
            .answers::<EnrollmentPage>(200)
            .to(enrollments),
        post("/v1/sequences/{id}/segments", "enroll_segment", "Enroll everybody of a segment")
            .about(
                "Some contacts at a time in the background, each as if enrolled alone; it goes on after a restart. Whoever joins the segment later is \
                 enrolled when this is called again, and nobody is enrolled twice.",
            )
            .needs(&[Scope::Draft])
            .body::<WhichSegment>()
            .answers::<EnrollmentRound>(202)
            .to(enroll_segment),
        get("/v1/sequences/{id}/segments", "list_segment_enrollments", "See how far the enrollment of segments is")
            .needs(&[Scope::Read])
            .answers::<EnrollmentRounds>(200)
            .to(segment_enrollments),
        post("/v1/sequences/{id}/segments/cancel", "cancel_segment_enrollment", "Cancel the enrollment of a segment")
            .about("Who was enrolled stays.")
            .needs(&[Scope::Draft])
            .answers::<EnrollmentRounds>(200)
            .to(cancel_segment_enrollment),
        get("/v1/sequences/{id}/segments/forecast", "forecast_enrollment", "Forecast the enrollment of a segment")
            .about("Who would be enrolled and who would not, and why, among the newest 1,000 of the segment. Nothing is changed.")
            .needs(&[Scope::Read])
            .query::<WhichSegment>()
            .answers::<EnrollmentForecast>(200)
            .to(forecast_enrollment),
        post("/v1/sequences/{id}/enrollments/{eid}/stop", "stop_enrollment", "Stop an enrollment")
            .about("What was handed in is not taken back.")
            .needs(&[Scope::Draft])
            .body::<Stop>()
            .answers::<Enrollment>(200)
            .to(stop),
        post("/v1/sequences/{id}/enrollments/{eid}/send-next", "send_next_step", "Hand in the next step")
            .about(
                "The step goes through the oversight mode of the mailbox like any message, once however often this is called. 409 `step_not_due` says \
                 when to ask again. Where the contact unsubscribed, answered or has a tag that ends it, the answer is 200, nothing is handed in and \
                 the enrollment has ended.",
            )
            .needs(&[Scope::Draft])
            .answers::<Sent>(200)
            .answers::<Sent>(202)
            .to(send_next),
        get("/v1/sequences/{id}/due", "list_due_steps", "List whose next step is due")
            .about("By the order of enrollment, each with the filled-in words.")
            .needs(&[Scope::Read])
            .query::<Paging>()
            .answers::<DuePage>(200)
            .to(due),
        get("/v1/holidays", "list_holidays", "List the days that are no business days")
            .about("Waits of sequences in business days and hours leave them out like weekends.")
            .needs(&[Scope::Read])
            .answers::<Holidays>(200)
            .to(holidays_of),
        put("/v1/holidays", "set_holidays", "Say which days are no business days")
            .about("The whole list, at most 1,000 days. It holds for those who wait as well.")
            .needs(&[Scope::Admin])
            .body::<NewHolidays>()
            .answers::<Holidays>(200)
            .to(set_holidays),
    ]
}

/// A day that is no business day.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Holiday {
    /// The day, such as 2026-12-25.
    pub day: String,
    /// What it is called.
    #[serde(default)]
    pub name: String,
}

/// The days that are no business days, by day.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Holidays {
    /// The days.
    pub holidays: Vec<Holiday>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewHolidays {
    /// All of them; an empty list takes all away.
    pub(crate) holidays: Vec<Holiday>,
}

impl From<Vec<sequences::holidays::Holiday>> for Holidays {
    fn from(list: Vec<sequences::holidays::Holiday>) -> Self {
        Holidays { holidays: list.into_iter().map(|one| Holiday { day: one.day.to_string(), name: one.name }).collect() }
    }
}

pub async fn holidays_of(key: Key, state: web::Data<State>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(all_holidays(key.0, &state).await?))
}

/// The days that are no business days.
pub(crate) async fn all_holidays(actor: Actor, state: &State) -> Result<Holidays, Problem> {
    Ok(state.read(move |conn| sequences::holidays::list(conn, &actor)).await?.into())
}

pub async fn set_holidays(key: Key, state: web::Data<State>, body: Json<NewHolidays>) -> Result<HttpResponse, Problem> {
    let lines: String = body.0.holidays.iter().map(|one| format!("{} {}\n", one.day.replace('\n', " "), one.name.replace('\n', " "))).collect();
    let list = state.quiet_write(move |conn| sequences::holidays::set(conn, &key.0, &sequences::holidays::of_lines(&lines)?, clock::now())).await?;
    Ok(HttpResponse::Ok().json(Holidays::from(list)))
}

/// One message of a sequence.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "SequenceStep")]
pub struct Step {
    /// The subject; {{ name }} and {{ email }} are filled in. With a template it is that of its version.
    #[serde(default)]
    pub subject: String,
    /// The plain text, at most 20,000 characters; {{ name }} and {{ email }} are filled in. With a template it is that of its version.
    #[serde(default)]
    pub body: String,
    /// Days to wait after the step before has left, or after the enrollment; 0 to 365, 0 without it.
    #[serde(default)]
    pub wait_days: i64,
    /// Business days to wait after those, Monday to Friday on the recipient's clock, at the same time of the day; 0 to 260.
    #[serde(default)]
    pub wait_business_days: i64,
    /// Business hours to wait after those, 9:00 to 17:00 from Monday to Friday on the recipient's clock; 0 to 400.
    #[serde(default)]
    pub wait_business_hours: i64,
    /// Other words that some recipients get instead, at most 4; a contact always gets the same.
    #[serde(default)]
    pub variants: Vec<StepVariant>,
    /// Instead of words of its own: a version of a template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<StepTemplate>,
}

/// A version of a template that a step is made from.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "SequenceStepTemplate")]
pub struct StepTemplate {
    /// The template, by id.
    pub id: TemplateId,
    /// The version; the newest approved, or the newest, without it. It stays when the template gets another one.
    pub version: Option<i32>,
    /// What is filled in for everybody, by variable; what comes from the record is left out.
    #[serde(default)]
    pub values: Map<String, Value>,
}

impl From<sequences::FromTemplate> for StepTemplate {
    fn from(from: sequences::FromTemplate) -> Self {
        StepTemplate { id: from.id, version: from.version, values: from.values }
    }
}

impl From<StepTemplate> for sequences::FromTemplate {
    fn from(from: StepTemplate) -> Self {
        sequences::FromTemplate { id: from.id, version: from.version, values: from.values }
    }
}

/// Other words of a step.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "SequenceStepVariant")]
pub struct StepVariant {
    /// The subject; {{ name }} and {{ email }} are filled in.
    pub subject: String,
    /// The plain text; {{ name }} and {{ email }} are filled in.
    pub body: String,
    /// Of a hundred recipients so many get these words; the rest get the step's own.
    #[schemars(range(min = 1, max = 99))]
    pub share: i32,
}

impl From<sequences::Variant> for StepVariant {
    fn from(one: sequences::Variant) -> Self {
        StepVariant { subject: one.subject, body: one.body, share: one.share }
    }
}

impl From<StepVariant> for sequences::Variant {
    fn from(one: StepVariant) -> Self {
        sequences::Variant { subject: one.subject, body: one.body, share: one.share }
    }
}

impl From<&sequences::Step> for Step {
    fn from(step: &sequences::Step) -> Self {
        Step {
            subject: step.subject.clone(),
            body: step.body.clone(),
            wait_days: step.wait_days,
            wait_business_days: step.wait_business_days,
            wait_business_hours: step.wait_business_hours,
            variants: step.variants.iter().cloned().map(StepVariant::from).collect(),
            template: step.template.clone().map(StepTemplate::from),
        }
    }
}

impl From<Step> for sequences::Step {
    fn from(step: Step) -> Self {
        sequences::Step {
            subject: step.subject,
            body: step.body,
            wait_days: step.wait_days,
            wait_business_days: step.wait_business_days,
            wait_business_hours: step.wait_business_hours,
            variants: step.variants.into_iter().map(sequences::Variant::from).collect(),
            template: step.template.map(sequences::FromTemplate::from),
        }
    }
}

/// A sequence.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Sequence")]
pub struct Shape {
    /// Its id.
    pub id: SequenceId,
    /// Its name.
    pub name: String,
    /// Where it leaves from.
    pub mailbox_id: MailboxId,
    /// The label of its messages.
    pub campaign: String,
    /// The steps, in order.
    pub steps: Vec<Step>,
    /// Whether it was put away.
    pub archived: bool,
    /// Whether nothing of it is handed in until a person lets it go on.
    pub paused: bool,
    /// Whether each step is handed in by itself when it is due.
    pub automatic: bool,
    /// By what variants of its steps are measured: replies or recoveries.
    pub measure: Measure,
    /// Whether a winner gets 80 of a hundred by itself.
    pub shifts: bool,
    /// Contact tags that end it for somebody, besides unsubscribed and drip_complete.
    pub stop_tags: Vec<String>,
    /// Who wrote it; they decide none of its messages.
    pub created_by: String,
    /// When it was made.
    pub created_at: Time,
    /// When it last changed.
    pub updated_at: Time,
    /// Another number after each change; given with changed steps, nobody's change is undone unseen.
    pub revision: i64,
}

impl From<Sequence> for Shape {
    fn from(row: Sequence) -> Self {
        let (steps, revision) = (row.steps.iter().map(Step::from), row.revision());
        Shape {
            revision,
            steps: steps.collect(),
            id: row.id,
            name: row.name,
            mailbox_id: row.mailbox_id,
            campaign: row.campaign,
            archived: row.archived_at.is_some(),
            paused: row.paused_at.is_some(),
            automatic: row.automatic,
            measure: row.measure,
            shifts: row.shifts,
            stop_tags: row.stop_tags.to_vec(),
            created_by: row.author_name,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// A sequence and how many are in it.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "CountedSequence")]
pub struct Counted {
    /// The sequence.
    #[serde(flatten)]
    pub sequence: Shape,
    /// Enrollments that go on.
    pub active: i64,
    /// Enrollments of which every step was handed in.
    pub complete: i64,
    /// Enrollments that ended earlier.
    pub stopped: i64,
    /// Where everybody stands, step by step.
    pub positions: Vec<Position>,
    /// The steps that have variants, with what came back of each.
    pub comparisons: Vec<Comparison>,
}

/// How many wait for a step, and what became of its messages.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "SequencePosition")]
pub struct Position {
    /// Those whose next step it is.
    pub waiting: i64,
    /// Messages of it that were handed in.
    pub handed_in: i64,
    /// Messages of it that left.
    pub sent: i64,
}

/// A page of sequences.
#[derive(Debug, Serialize, JsonSchema)]
pub struct SequencePage {
    /// The sequences, newest first.
    pub sequences: Vec<Shape>,
    /// Where the next page starts; null on the last.
    pub next_cursor: Option<SequenceId>,
}

/// A step that was handed in and has not left.
#[derive(Debug, Serialize, JsonSchema)]
pub struct StepBefore {
    /// The message.
    pub message_id: MessageId,
    /// Its status, such as pending.
    pub status: MessageState,
}

/// One contact in a sequence.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Enrollment {
    /// Its id.
    pub id: EnrollmentId,
    /// In what.
    pub sequence_id: SequenceId,
    /// Who.
    pub contact_id: ContactId,
    /// Their address.
    pub email: String,
    /// Their name.
    pub name: Option<String>,
    /// Whether it goes on.
    pub state: Standing,
    /// Steps that were handed in.
    pub steps_done: i32,
    /// When the next step is due; null while the one before has not left, and after the end.
    pub due_at: Option<Time>,
    /// What ended it.
    pub stopped_because: Option<String>,
    /// When it began.
    pub created_at: Time,
    /// When it last changed.
    pub updated_at: Time,
}

impl From<Member> for Enrollment {
    fn from((row, contact): Member) -> Self {
        Enrollment {
            id: row.id,
            sequence_id: row.sequence_id,
            contact_id: row.contact_id,
            email: contact.email,
            name: contact.name,
            state: row.state,
            steps_done: row.position,
            due_at: row.ready_at,
            stopped_because: row.stopped_because,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// An enrollment, and what its next step waits for.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ListedEnrollment {
    /// The enrollment.
    #[serde(flatten)]
    pub enrollment: Enrollment,
    /// The step before, while it has not left; read the message to see why.
    pub waits_for: Option<StepBefore>,
}

/// A page of enrollments.
#[derive(Debug, Serialize, JsonSchema)]
pub struct EnrollmentPage {
    /// The enrollments, newest first.
    pub enrollments: Vec<ListedEnrollment>,
    /// Where the next page starts; null on the last.
    pub next_cursor: Option<EnrollmentId>,
}

/// Somebody whose next step is due.
#[derive(Debug, Serialize, JsonSchema)]
pub struct DueStep {
    /// The enrollment.
    pub enrollment_id: EnrollmentId,
    /// Who.
    pub contact_id: ContactId,
    /// Their address.
    pub email: String,
    /// Their name.
    pub name: Option<String>,
    /// Which step, counted from 1.
    pub step: usize,
    /// Since when it is due.
    pub due_at: Option<Time>,
    /// Its subject, filled in; null where that cannot be done.
    pub subject: Option<String>,
    /// Its text, filled in; null where that cannot be done.
    pub body: Option<String>,
    /// Why send-next would hand in nothing; null where nothing speaks against it.
    pub obstacle: Option<String>,
}

impl From<Due> for DueStep {
    fn from(due: Due) -> Self {
        let (row, contact) = due.member;
        DueStep {
            enrollment_id: row.id,
            contact_id: row.contact_id,
            email: contact.email,
            name: contact.name,
            step: due.step + 1,
            due_at: row.ready_at,
            subject: due.subject,
            body: due.body,
            obstacle: due.obstacle,
        }
    }
}

/// A page of those whose next step is due.
#[derive(Debug, Serialize, JsonSchema)]
pub struct DuePage {
    /// Whose next step is due.
    pub due: Vec<DueStep>,
    /// Where the next page starts; null on the last.
    pub next_cursor: Option<EnrollmentId>,
}

/// What came of asking for the next step.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "SentStep")]
pub struct Sent {
    /// The message that was handed in; null where the enrollment has ended instead.
    pub message: Option<Submitted>,
    /// The enrollment as it is now.
    pub enrollment: Enrollment,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct New {
    /// A name that no other sequence has, at most 100 characters.
    pub(crate) name: String,
    /// Where it leaves from, by address or id; needed where several are within reach.
    pub(crate) mailbox: Option<String>,
    /// The label of its messages; the name without it.
    pub(crate) campaign: Option<String>,
    /// The steps in order, 1 to 50.
    pub(crate) steps: Vec<Step>,
    /// Whether each step is handed in by itself when it is due; false without it.
    pub(crate) automatic: Option<bool>,
    /// Contact tags that end it for somebody, at most 20: whoever gets one leaves at once, and a step that waits is taken back.
    #[serde(default)]
    pub(crate) stop_tags: Vec<String>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Query {
    /// true lists those that were put away, and no others.
    pub(crate) archived: Option<bool>,
    /// At most so many, 1 to 100; 20 without it.
    #[schemars(range(min = 1, max = 100))]
    pub(crate) limit: Option<usize>,
    /// next_cursor of the page before.
    pub(crate) cursor: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Patch {
    /// Whether it is put away.
    archived: Option<bool>,
    /// Whether it is paused. Only a person can let it go on.
    paused: Option<bool>,
    /// Whether each step is handed in by itself when it is due.
    automatic: Option<bool>,
    /// The steps as they are to be, 1 to 50.
    steps: Option<Vec<ChangedStep>>,
    /// The revision whose steps you read: 409 `sequence_changed` where somebody changed the sequence since then.
    revision: Option<i64>,
    /// By what variants of its steps are measured: replies or recoveries.
    measure: Option<Measure>,
    /// Whether a winner gets 80 of a hundred by itself.
    shifts: Option<bool>,
    /// Contact tags that end it for somebody, all of them, at most 20. Whoever has one already leaves when their next step is due.
    stop_tags: Option<Vec<String>>,
}

/// A step of a changed sequence.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangedStep {
    /// Which step it was, counted from 1; left out for a new one. Those that stay keep their order.
    was: Option<usize>,
    /// The subject; {{ name }} and {{ email }} are filled in. With a template it is that of its version.
    #[serde(default)]
    subject: String,
    /// The plain text; {{ name }} and {{ email }} are filled in. With a template it is that of its version.
    #[serde(default)]
    body: String,
    /// Days to wait after the step before has left, or after the enrollment; 0 to 365, 0 without it.
    #[serde(default)]
    wait_days: i64,
    /// Business days to wait after those, Monday to Friday on the recipient's clock; 0 to 260.
    #[serde(default)]
    wait_business_days: i64,
    /// Business hours to wait after those, 9:00 to 17:00 on the recipient's clock; 0 to 400.
    #[serde(default)]
    wait_business_hours: i64,
    /// Other words that some recipients get instead, at most 4. What came back is counted for words: those that stay keep it.
    #[serde(default)]
    variants: Vec<StepVariant>,
    /// Instead of words of its own: a version of a template.
    #[serde(default)]
    template: Option<StepTemplate>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PreviewFor {
    /// The contact, by id or address.
    pub(crate) contact: String,
}

/// A sequence as a contact would read it.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "SequencePreview")]
pub struct Preview {
    /// Who.
    pub email: String,
    /// The steps in order.
    pub steps: Vec<PreviewStep>,
}

/// A step as a contact would read it.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "SequencePreviewStep")]
pub struct PreviewStep {
    /// Days after the enrollment on which it comes at the earliest.
    pub day: i64,
    /// When that is, if they are enrolled now: waits in business time are counted on their clock.
    pub at: Time,
    /// Its subject, filled in; null where that cannot be done.
    pub subject: Option<String>,
    /// Its text, filled in.
    pub body: String,
    /// Why it cannot be filled in.
    pub obstacle: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Who {
    /// The contact's id. Or give email.
    pub(crate) contact: Option<String>,
    /// The contact's address; one that is not known becomes a contact. Or give contact.
    pub(crate) email: Option<String>,
}

/// Whom to enroll.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "EnrollSegment")]
pub struct WhichSegment {
    /// The segment, by id.
    pub(crate) segment_id: String,
}

/// How far the enrollment of one segment is.
#[derive(Debug, Serialize, JsonSchema)]
pub struct EnrollmentRound {
    /// Its id.
    pub id: RowId,
    /// The segment.
    pub segment_id: SegmentId,
    /// The segment's name when it began.
    pub segment: String,
    /// How many contacts there were when it began.
    pub total: i32,
    /// How many were looked at.
    pub done: i32,
    /// How many were enrolled.
    pub enrolled: i32,
    /// How many were in it already.
    pub passed_over: i32,
    /// How many could not be enrolled.
    pub left_out: i32,
    /// Why the last of those left out was left out.
    pub because: Option<String>,
    /// Why it is set aside, where it is.
    pub trouble: Option<String>,
    /// When it is tried again, where it is set aside.
    pub retry_at: Option<Time>,
    /// Who asked for it.
    pub created_by: String,
    /// When it was asked for.
    pub created_at: Time,
    /// When all contacts were looked at.
    pub finished_at: Option<Time>,
    /// When somebody cancelled it.
    pub cancelled_at: Option<Time>,
}

impl From<Round> for EnrollmentRound {
    fn from(round: Round) -> Self {
        EnrollmentRound {
            done: round.done(),
            id: round.id,
            segment_id: round.segment_id,
            segment: round.segment,
            total: round.total,
            enrolled: round.enrolled,
            passed_over: round.passed_over,
            left_out: round.left_out,
            because: round.because,
            trouble: round.trouble,
            retry_at: round.retry_at,
            created_by: round.author_name,
            created_at: round.created_at,
            finished_at: round.finished_at,
            cancelled_at: round.cancelled_at,
        }
    }
}

/// Which segments were enrolled and how far each is.
#[derive(Debug, Serialize, JsonSchema)]
pub struct EnrollmentRounds {
    /// The newest first, at most 20.
    pub rounds: Vec<EnrollmentRound>,
}

/// What enrolling a segment would come to.
#[derive(Debug, Serialize, JsonSchema)]
pub struct EnrollmentForecast {
    /// How many contacts were looked at, at most 1,000.
    pub total: usize,
    /// So many would be enrolled.
    pub enrolled: usize,
    /// So many are in it already.
    pub passed_over: usize,
    /// So many would be left out.
    pub left_out: usize,
    /// Why, the most frequent first.
    pub reasons: Vec<EnrollmentReason>,
    /// Some of those left out, at most 100.
    pub left_out_contacts: Vec<NotEnrolled>,
    /// The segment is larger: only the newest were looked at.
    pub more: bool,
    /// Campaigns under way that reach some of the same contacts.
    pub overlaps: Vec<Overlapping>,
}

/// How many would be left out for one reason.
#[derive(Debug, Serialize, JsonSchema)]
pub struct EnrollmentReason {
    /// The code of the error that enrolling one of them answers.
    pub code: String,
    /// So many.
    pub count: usize,
}

/// Somebody who would not be enrolled.
#[derive(Debug, Serialize, JsonSchema)]
pub struct NotEnrolled {
    /// Who.
    pub contact_id: ContactId,
    /// Their address.
    pub email: String,
    /// The code of the error that enrolling them answers.
    pub code: String,
    /// The same in a sentence.
    pub detail: String,
}

impl From<Forecast> for EnrollmentForecast {
    fn from(found: Forecast) -> Self {
        let named = found.named.into_iter();
        EnrollmentForecast {
            total: found.total,
            enrolled: found.enrolled,
            passed_over: found.passed_over,
            left_out: found.left_out,
            reasons: found.reasons.into_iter().map(|(code, count)| EnrollmentReason { code: code.to_owned(), count }).collect(),
            left_out_contacts: named
                .map(|one| NotEnrolled { contact_id: one.contact_id, email: one.email, code: one.code.to_owned(), detail: one.detail })
                .collect(),
            more: found.more,
            overlaps: found.overlaps.into_iter().map(Overlapping::from).collect(),
        }
    }
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Members {
    /// Only in this state: active, complete or stopped.
    pub(crate) state: Option<Standing>,
    /// At most so many, 1 to 100; 20 without it.
    #[schemars(range(min = 1, max = 100))]
    pub(crate) limit: Option<usize>,
    /// next_cursor of the page before.
    pub(crate) cursor: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Stop {
    /// Why, in one line.
    pub(crate) reason: Option<String>,
}

pub async fn create(key: Key, state: web::Data<State>, body: Json<New>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Created().json(add(key.0, &state, body.0).await?))
}

/// Makes a sequence.
pub(crate) async fn add(actor: Actor, state: &State, new: New) -> Result<Shape, Problem> {
    let steps = new.steps.into_iter().map(sequences::Step::from).collect();
    let New { name, mailbox, campaign, automatic, stop_tags, .. } = new;
    let new = NewSequence { name, mailbox, campaign, steps, automatic: automatic.unwrap_or_default(), stop_tags };
    Ok(state.quiet_write(move |conn| sequences::create(conn, &actor, &new, clock::now())).await?.into())
}

pub async fn list(key: Key, state: web::Data<State>, query: Params<Query>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(all(key.0, &state, query.0).await?))
}

/// The sequences.
pub(crate) async fn all(actor: Actor, state: &State, query: Query) -> Result<SequencePage, Problem> {
    let (limit, before) = (rows(query.limit, 20)?, id_cursor(query.cursor.as_deref())?);
    let archived = query.archived.unwrap_or_default();
    let page = state.read(move |conn| sequences::list(conn, &actor, archived, limit, before.as_ref())).await?;
    let next_cursor = page.rows.last().filter(|_| page.more).map(|row| row.id.clone());
    Ok(SequencePage { sequences: page.rows.into_iter().map(Shape::from).collect(), next_cursor })
}

pub async fn show(key: Key, state: web::Data<State>, id: web::Path<String>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(one(key.0, &state, &id).await?))
}

/// One sequence and how many are in it.
pub(crate) async fn one(actor: Actor, state: &State, id: &str) -> Result<Counted, Problem> {
    let id = SequenceId::from(id);
    let ((row, counts), positions, (measure, trials)) = state
        .read(move |conn| Ok((sequences::get(conn, &actor, &id)?, sequences::positions(conn, &actor, &id)?, sequences::trials(conn, &actor, &id)?)))
        .await?;
    let comparisons = trials.into_iter().map(|trial| Comparison::of(Some(trial.step + 1), measure, &trial.arms)).collect();
    let positions = positions.into_iter().map(|at| Position { waiting: at.waiting, handed_in: at.handed_in, sent: at.sent }).collect();
    let of = |wanted: Standing| counts.iter().find(|(standing, _)| *standing == wanted).map_or(0, |(_, count)| *count);
    let (active, complete, stopped) = (of(Standing::Active), of(Standing::Complete), of(Standing::Stopped));
    Ok(Counted { sequence: row.into(), active, complete, stopped, positions, comparisons })
}

pub async fn change(key: Key, state: web::Data<State>, id: web::Path<String>, body: Json<Patch>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(alter(key.0, &state, &id, body.0).await?))
}

/// Changes a sequence: all that is given, or nothing.
pub(crate) async fn alter(actor: Actor, state: &State, id: &str, patch: Patch) -> Result<Shape, Problem> {
    let id = SequenceId::from(id);
    let Patch { archived, paused, automatic, steps, revision, measure, shifts, stop_tags } = patch;
    let edited = |step: ChangedStep| {
        let ChangedStep { was, subject, body, wait_days, wait_business_days, wait_business_hours, variants, template } = step;
        // No step is the one before the first.
        let was = was.map(|was| was.checked_sub(1).unwrap_or(usize::MAX));
        let step = Step { subject, body, wait_days, wait_business_days, wait_business_hours, variants, template };
        Edited { was, step: step.into() }
    };
    let steps: Option<Vec<Edited>> = steps.map(|steps| steps.into_iter().map(edited).collect());
    let row = state
        .write(move |conn| {
            transaction(conn, |conn| {
                let (actor, now) = (&actor, clock::now());
                if let Some(steps) = &steps {
                    sequences::edit(conn, actor, &id, steps, revision, now)?;
                }
                if measure.is_some() || shifts.is_some() {
                    sequences::set_comparison(conn, actor, &id, measure, shifts, now)?;
                }
                if let Some(automatic) = automatic {
                    sequences::set_automatic(conn, actor, &id, automatic, now)?;
                }
                if let Some(tags) = &stop_tags {
                    sequences::set_stop_tags(conn, actor, &id, tags, now)?;
                }
                if let Some(paused) = paused {
                    sequences::set_paused(conn, actor, &id, paused, now)?;
                }
                if let Some(archived) = archived {
                    sequences::set_archived(conn, actor, &id, archived, now)?;
                }
                Ok(sequences::get(conn, actor, &id)?.0)
            })
        })
        .await?;
    Ok(row.into())
}

pub async fn preview(key: Key, state: web::Data<State>, id: web::Path<String>, query: Params<PreviewFor>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(look(key.0, &state, &id, query.0).await?))
}

/// A sequence as a contact would read it.
pub(crate) async fn look(actor: Actor, state: &State, id: &str, asked: PreviewFor) -> Result<Preview, Problem> {
    let (id, who) = (SequenceId::from(id), Named::by(Some(asked.contact), None));
    let (_, contact, shown) = state.read(move |conn| sequences::preview(conn, &actor, &id, &who, clock::now())).await?;
    let step = |shown: sequences::Shown| PreviewStep {
        day: shown.day,
        at: shown.at,
        body: shown.body,
        obstacle: shown.subject.as_ref().err().cloned(),
        subject: shown.subject.ok(),
    };
    Ok(Preview { email: contact.email, steps: shown.into_iter().map(step).collect() })
}

pub async fn enroll_segment(key: Key, state: web::Data<State>, id: web::Path<String>, body: Json<WhichSegment>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Accepted().json(join_all(key.0, &state, &id, body.0).await?))
}

/// Begins to enroll everybody of a segment.
pub(crate) async fn join_all(actor: Actor, state: &State, id: &str, which: WhichSegment) -> Result<EnrollmentRound, Problem> {
    let (id, segment) = (SequenceId::from(id), SegmentId::from(which.segment_id.as_str()));
    Ok(state.quiet_write(move |conn| rounds::start(conn, &actor, &id, &segment, clock::now())).await?.into())
}

pub async fn segment_enrollments(key: Key, state: web::Data<State>, id: web::Path<String>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(how_far(key.0, &state, &id).await?))
}

/// How far the enrollment of segments is.
pub(crate) async fn how_far(actor: Actor, state: &State, id: &str) -> Result<EnrollmentRounds, Problem> {
    let id = SequenceId::from(id);
    let found = state.read(move |conn| rounds::rounds(conn, &actor, &id)).await?;
    Ok(EnrollmentRounds { rounds: found.into_iter().map(EnrollmentRound::from).collect() })
}

pub async fn cancel_segment_enrollment(key: Key, state: web::Data<State>, id: web::Path<String>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(end_all(key.0, &state, &id).await?))
}

/// Ends the enrollment of a segment.
pub(crate) async fn end_all(actor: Actor, state: &State, id: &str) -> Result<EnrollmentRounds, Problem> {
    let target = SequenceId::from(id);
    let found = state
        .quiet_write(move |conn| {
            rounds::cancel(conn, &actor, &target, clock::now())?;
            rounds::rounds(conn, &actor, &target)
        })
        .await?;
    Ok(EnrollmentRounds { rounds: found.into_iter().map(EnrollmentRound::from).collect() })
}

pub async fn forecast_enrollment(
    key: Key,
    state: web::Data<State>,
    id: web::Path<String>,
    query: Params<WhichSegment>,
) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(foresee(key.0, &state, &id, query.0).await?))
}

/// Who of a segment would be enrolled.
pub(crate) async fn foresee(actor: Actor, state: &State, id: &str, which: WhichSegment) -> Result<EnrollmentForecast, Problem> {
    let (id, segment) = (SequenceId::from(id), SegmentId::from(which.segment_id.as_str()));
    Ok(state.read(move |conn| rounds::forecast(conn, &actor, &id, &segment, clock::now())).await?.1.into())
}

pub async fn enroll(key: Key, state: web::Data<State>, id: web::Path<String>, body: Json<Who>) -> Result<HttpResponse, Problem> {
    let (enrollment, new) = join(key.0, &state, &id, body.0).await?;
    let mut answer = if new { HttpResponse::Created() } else { HttpResponse::Ok() };
    Ok(answer.json(enrollment))
}

/// Enrolls a contact; whether it is new.
pub(crate) async fn join(actor: Actor, state: &State, id: &str, who: Who) -> Result<(Enrollment, bool), Problem> {
    let (id, who) = (SequenceId::from(id), Named::by(who.contact, who.email));
    let enrolled = state.quiet_write(move |conn| sequences::enroll(conn, &actor, &id, &who, clock::now())).await?;
    Ok((enrolled.member.into(), enrolled.new))
}

pub async fn enrollments(key: Key, state: web::Data<State>, id: web::Path<String>, query: Params<Members>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(members(key.0, &state, &id, query.0).await?))
}

/// Who is or was in a sequence.
pub(crate) async fn members(actor: Actor, state: &State, id: &str, query: Members) -> Result<EnrollmentPage, Problem> {
    let id = SequenceId::from(id);
    let (limit, before, standing) = (rows(query.limit, 20)?, id_cursor(query.cursor.as_deref())?, query.state);
    let (page, mut waited_for) = state
        .read(move |conn| {
            let page = sequences::enrollments(conn, &actor, &id, standing, limit, before.as_ref())?;
            let waited_for = sequences::waited_for(conn, &actor, &page.rows)?;
            Ok((page, waited_for))
        })
        .await?;
    let next_cursor = page.rows.last().filter(|_| page.more).map(|(row, _)| row.id.clone());
    let mut listed = |member: Member| {
        let waits_for = waited_for.remove(&member.0.id).map(|(message_id, status)| StepBefore { message_id, status });
        ListedEnrollment { enrollment: member.into(), waits_for }
    };
    Ok(EnrollmentPage { enrollments: page.rows.into_iter().map(&mut listed).collect(), next_cursor })
}

pub async fn stop(key: Key, state: web::Data<State>, path: web::Path<(String, String)>, body: Json<Stop>) -> Result<HttpResponse, Problem> {
    let (id, enrollment) = path.into_inner();
    Ok(HttpResponse::Ok().json(leave(key.0, &state, &id, &enrollment, body.0.reason).await?))
}

/// Ends an enrollment.
pub(crate) async fn leave(actor: Actor, state: &State, id: &str, enrollment: &str, reason: Option<String>) -> Result<Enrollment, Problem> {
    let (id, enrollment) = (SequenceId::from(id), EnrollmentId::from(enrollment));
    let member = state.quiet_write(move |conn| sequences::stop(conn, &actor, &id, &enrollment, reason.as_deref(), clock::now())).await?;
    Ok(member.into())
}

pub async fn send_next(key: Key, state: web::Data<State>, path: web::Path<(String, String)>) -> Result<HttpResponse, Problem> {
    let (id, enrollment) = path.into_inner();
    let sent = step(key.0, &state, &id, &enrollment).await?;
    let mut answer = if sent.message.is_some() { HttpResponse::Accepted() } else { HttpResponse::Ok() };
    Ok(answer.json(sent))
}

/// Hands in the next step.
pub(crate) async fn step(actor: Actor, state: &State, id: &str, enrollment: &str) -> Result<Sent, Problem> {
    let (id, enrollment) = (SequenceId::from(id), EnrollmentId::from(enrollment));
    let sent = state.write(move |conn| sequences::send_next(conn, &actor, &id, &enrollment, clock::now())).await?;
    Ok(Sent { message: sent.message.map(|message| Submitted::of(&message, &state.base_url)), enrollment: sent.member.into() })
}

pub async fn due(key: Key, state: web::Data<State>, id: web::Path<String>, query: Params<Paging>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(ready(key.0, &state, &id, query.0).await?))
}

/// Whose next step is due.
pub(crate) async fn ready(actor: Actor, state: &State, id: &str, query: Paging) -> Result<DuePage, Problem> {
    let id = SequenceId::from(id);
    let (limit, after) = (rows(query.limit, 20)?, id_cursor(query.cursor.as_deref())?);
    let page = state.read(move |conn| sequences::due(conn, &actor, &id, limit, after.as_ref(), clock::now())).await?;
    let next_cursor = page.rows.last().filter(|_| page.more).map(|due| due.member.0.id.clone());
    Ok(DuePage { due: page.rows.into_iter().map(DueStep::from).collect(), next_cursor })
}
