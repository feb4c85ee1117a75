//! `/v1/campaigns`.

use actix_web::{HttpResponse, web};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::error::Problem;
use super::input::id_cursor;
use super::json::{Json, Params, rows};
use super::key::Key;
use super::operations::{Operation, get, patch, post, put};
use super::trials::Shape as Comparison;
use crate::app::State;
use crate::clock::{self, Time};
use crate::domain::actor::{Actor, Scope};
use crate::domain::campaigns::rounds::{self, NewRound};
use crate::domain::campaigns::{self, Campaign, Change, Kind, NewCampaign, Numbers, overview};
use crate::domain::contacts::Named;
use crate::domain::ids::{CampaignId, MailboxId, RowId, SegmentId, TemplateId, TopicId};
use crate::domain::mailboxes::Mode;
use crate::domain::messages;
use crate::domain::trials::Measure;

pub(super) fn operations() -> Vec<Operation> {
    vec![
        post("/v1/campaigns", "create_campaign", "Make a campaign")
            .about(
                "Its name is the label that messages carry in `campaign`; messages with this label belong to it, also earlier ones. \
                 The answer recommends an oversight mode for the mailbox.",
            )
            .needs(&[Scope::Draft])
            .body::<New>()
            .answers::<Shape>(201)
            .to(create),
        get("/v1/campaigns", "list_campaigns", "List the campaigns").needs(&[Scope::Read]).query::<Query>().answers::<CampaignPage>(200).to(list),
        get("/v1/campaigns/{id}", "get_campaign", "Read a campaign")
            .about(
                "With the number of its messages in each state, of the mailboxes that the key reaches; what came back; and which other campaigns \
                 reach some of the same contacts.",
            )
            .needs(&[Scope::Read])
            .answers::<Counted>(200)
            .to(show),
        patch("/v1/campaigns/{id}", "change_campaign", "Change a campaign")
            .about("What is left out stays; the name cannot change.")
            .needs(&[Scope::Draft])
            .body::<Patch>()
            .answers::<Shape>(200)
            .to(change),
        put("/v1/campaigns/{id}/variants", "set_campaign_variants", "Compare variants of a campaign")
            .about(
                "The names and shares of variants, 2 to 5 with 100 together, or none to end it; what is left out stays. Messages of a variant carry the \
                 tag `variant_` and its name; what came back of each is in `comparison` of the campaign. With `shifts` a winner gets 80 of a hundred \
                 by itself.",
            )
            .needs(&[Scope::Draft])
            .body::<Compare>()
            .answers::<Shape>(200)
            .to(compare),
        get("/v1/campaigns/{id}/variant", "assign_campaign_variant", "Ask which variant a contact gets")
            .about("The same one each time, as long as the shares stay. Tag the message with `tag`.")
            .needs(&[Scope::Read])
            .query::<VariantFor>()
            .answers::<Assigned>(200)
            .to(assigned),
        post("/v1/campaigns/{id}/drafts", "draft_campaign", "Draft a template for everybody in the segment")
            .about(
                "Some contacts at a time in the background; it goes on after a restart. Each message goes through the oversight mode of the \
                 mailbox, and whoever has the template in this campaign does not get it again. With `holdout` some get nothing, to compare with.",
            )
            .needs(&[Scope::Draft])
            .body::<Draft>()
            .answers::<CampaignDrafts>(202)
            .to(draft),
        get("/v1/campaigns/{id}/drafts", "list_campaign_drafts", "See how far the drafts of a campaign are")
            .needs(&[Scope::Read])
            .answers::<CampaignDraftsList>(200)
            .to(drafts),
        post("/v1/campaigns/{id}/drafts/cancel", "cancel_campaign_drafts", "Cancel what is being drafted for a campaign")
            .about("What was drafted stays.")
            .needs(&[Scope::Draft])
            .answers::<CampaignDraftsList>(200)
            .to(cancel_drafts),
        post("/v1/campaigns/{id}/stop", "stop_campaign", "Stop a campaign")
            .about("Nothing with its label leaves until a person resumes it. What is held can still be decided; it waits.")
            .needs(&[Scope::Draft])
            .answers::<Shape>(200)
            .to(stop),
        post("/v1/campaigns/{id}/resume", "resume_campaign", "Let a stopped campaign go on")
            .about("For people only: a key is refused with `person_required`.")
            .needs(&[Scope::Draft])
            .answers::<Shape>(200)
            .to(resume),
    ]
}

/// A campaign.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Campaign")]
pub struct Shape {
    /// Its id.
    pub id: CampaignId,
    /// The label that its messages carry.
    pub name: String,
    /// What it is for.
    pub kind: Kind,
    /// What it should achieve.
    pub goal: Option<String>,
    /// Whom it is for.
    pub segment_id: Option<SegmentId>,
    /// Where it leaves from.
    pub mailbox_id: Option<MailboxId>,
    /// The oversight mode that is recommended for campaigns of this kind.
    pub recommended_mode: Mode,
    /// Whether nothing of it leaves now.
    pub stopped: bool,
    /// Since when.
    pub stopped_at: Option<Time>,
    /// Who stopped it.
    pub stopped_by: Option<String>,
    /// Whether it was put away.
    pub archived: bool,
    /// Who made it.
    pub created_by: String,
    /// When it was made.
    pub created_at: Time,
    /// When it last changed.
    pub updated_at: Time,
    /// The topic of its messages.
    pub topic_id: Option<TopicId>,
    /// Variants of its messages that are compared.
    pub variants: Vec<CampaignVariant>,
    /// By what they are measured: replies or recoveries.
    pub measure: Measure,
    /// Whether a winner gets 80 of a hundred by itself.
    pub shifts: bool,
}

/// What to draft for everybody in the segment of a campaign.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "DraftCampaign")]
pub struct Draft {
    /// The template, by id.
    pub(crate) template_id: String,
    /// The version; the newest approved, or the newest, without it.
    pub(crate) version: Option<i32>,
    /// What is filled in for everybody, by variable; what comes from the record is left out.
    #[serde(default)]
    pub(crate) values: Map<String, Value>,
    /// Where they leave from, by address or id; the campaign's mailbox without it.
    pub(crate) mailbox: Option<String>,
    /// Of a hundred contacts so many get nothing, to compare with: 0 to 50, 0 without it.
    #[schemars(range(min = 0, max = 50))]
    pub(crate) holdout: Option<i32>,
}

/// How far the drafts of one template are.
#[derive(Debug, Serialize, JsonSchema)]
pub struct CampaignDrafts {
    /// Its id.
    pub id: RowId,
    /// The template.
    pub template_id: TemplateId,
    /// Its name.
    pub template: String,
    /// The version.
    pub version: i32,
    /// How many contacts there were when it began.
    pub total: i32,
    /// How many were looked at.
    pub done: i32,
    /// How many were drafted so far.
    pub drafted: i32,
    /// How many were left out, such as those who must not be mailed.
    pub left_out: i32,
    /// How many get nothing, to compare with.
    pub held_out: i32,
    /// How many had it already.
    pub passed_over: i32,
    /// Why the last of those left out was left out.
    pub because: Option<String>,
    /// Why it is set aside for a while: what was wrong with its last step.
    pub trouble: Option<String>,
    /// When it is tried again, where it is set aside.
    pub retry_at: Option<Time>,
    /// Who asked for them.
    pub created_by: String,
    /// When it was asked for.
    pub created_at: Time,
    /// When all contacts were looked at.
    pub finished_at: Option<Time>,
    /// When somebody cancelled it.
    pub cancelled_at: Option<Time>,
}

impl From<rounds::Named> for CampaignDrafts {
    fn from(named: rounds::Named) -> Self {
        let rounds::Named { round, template_id, template, version } = named;
        CampaignDrafts {
            total: round.total,
            done: round.done(),
            id: round.id,
            template_id,
            template,
            version,
            drafted: round.drafted,
            left_out: round.left_out,
            held_out: round.held_out,
            passed_over: round.passed_over,
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

/// What was drafted and how far it is.
#[derive(Debug, Serialize, JsonSchema)]
pub struct CampaignDraftsList {
    /// The newest first, at most 50.
    pub drafts: Vec<CampaignDrafts>,
}

/// A variant that some recipients should get.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CampaignVariant {
    /// Its name; its messages carry the tag `variant_` and this.
    pub(crate) name: String,
    /// Of a hundred recipients so many get it.
    #[schemars(range(min = 1, max = 99))]
    pub(crate) share: i32,
    /// The template that is drafted for them, by id; the one that is drafted for everybody without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) template_id: Option<TemplateId>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "CompareCampaign")]
pub struct Compare {
    /// 2 to 5 variants whose shares are 100 together; an empty list ends the comparison.
    pub(crate) variants: Option<Vec<CampaignVariant>>,
    /// By what they are measured: replies or recoveries.
    pub(crate) measure: Option<Measure>,
    /// Whether a winner gets 80 of a hundred by itself.
    pub(crate) shifts: Option<bool>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VariantFor {
    /// The contact, by id or address.
    pub(crate) contact: String,
}

/// The variant of a contact.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "AssignedVariant")]
pub struct Assigned {
    /// Its name.
    pub name: String,
    /// The tag that the message is to carry.
    pub tag: String,
}

impl From<Campaign> for Shape {
    fn from(row: Campaign) -> Self {
        Shape {
            id: row.id,
            name: row.name,
            kind: row.kind,
            goal: row.goal,
            segment_id: row.segment_id,
            mailbox_id: row.mailbox_id,
            recommended_mode: row.kind.recommended_mode(),
            stopped: row.stopped_at.is_some(),
            stopped_at: row.stopped_at,
            stopped_by: row.stopped_by,
            archived: row.archived_at.is_some(),
            created_by: row.created_by,
            created_at: row.created_at,
            updated_at: row.updated_at,
            topic_id: row.topic_id,
            variants: row
                .variants
                .iter()
                .map(|one| CampaignVariant { name: one.name.clone(), share: one.share, template_id: one.template_id.clone() })
                .collect(),
            measure: row.measure,
            shifts: row.shifts,
        }
    }
}

macro_rules! in_states {
    ($($field:ident $state:ident $about:literal;)+) => {
        /// How many messages are in which state now.
        #[derive(Debug, Default, Serialize, JsonSchema)]
        #[schemars(rename = "CampaignNumbers")]
        pub struct InStates {
            /// All that were handed in.
            pub drafted: i64,
            $(#[doc = $about] pub $field: i64,)+
        }

        impl From<&Numbers> for InStates {
            fn from(numbers: &Numbers) -> Self {
                InStates {
                    drafted: numbers.values().sum(),
                    $($field: numbers.get(&messages::State::$state).copied().unwrap_or(0),)+
                }
            }
        }
    };
}

in_states! {
    pending Pending "Held for a decision.";
    changes_requested ChangesRequested "Back with their author.";
    approved Approved "Approved and not claimed yet.";
    queued Queued "Cleared to leave.";
    sending Sending "With the mail server.";
    sent Sent "Taken by the mail server; nothing was heard since.";
    delivered Delivered "Reported as delivered.";
    bounced Bounced "Came back.";
    complained Complained "The recipient complained.";
    rejected Rejected "A person said no.";
    withdrawn Withdrawn "Taken back by the author.";
    expired Expired "Not decided in time.";
    skipped Skipped "A check spoke against them.";
    failed Failed "Refused by the mail server for good.";
    cancelled Cancelled "Stopped after approval.";
    uncertain Uncertain "Nobody knows whether they arrived.";
}

/// A campaign with its numbers.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "CountedCampaign")]
pub struct Counted {
    /// The campaign.
    #[serde(flatten)]
    pub campaign: Shape,
    /// Its messages by state.
    pub numbers: InStates,
    /// Conversations in which the recipient wrote after a message left.
    pub replied: i64,
    /// Departures whose customer came back after a message left.
    pub recovered: i64,
    /// What those pay a month.
    pub recovered_value: Vec<Amount>,
    /// Campaigns under way that reach some of the same contacts. Caps hold across all of them.
    pub overlaps: Vec<Overlapping>,
    /// What came back of each variant; null where no message has the tag of one.
    pub comparison: Option<Comparison>,
}

/// An amount of money.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "CampaignValue")]
pub struct Amount {
    /// In minor units.
    pub minor: i64,
    /// ISO 4217.
    pub currency: String,
}

/// Another campaign that reaches some of the same contacts.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "CampaignOverlap")]
pub struct Overlapping {
    /// The other campaign.
    pub campaign_id: CampaignId,
    /// Its label.
    pub name: String,
    /// How many contacts are in both, counted up to 1,000.
    pub contacts: usize,
    /// Whether there are more than were counted.
    pub more: bool,
}

impl From<overview::Overlap> for Overlapping {
    fn from(overlap: overview::Overlap) -> Self {
        Overlapping { campaign_id: overlap.campaign.id, name: overlap.campaign.name, contacts: overlap.contacts.count, more: overlap.contacts.more }
    }
}

/// A page of campaigns.
#[derive(Debug, Serialize, JsonSchema)]
pub struct CampaignPage {
    /// The campaigns, newest first.
    pub campaigns: Vec<Shape>,
    /// Where the next page starts; null on the last.
    pub next_cursor: Option<CampaignId>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct New {
    /// The label of its messages, at most 100 characters; it cannot change.
    pub(crate) name: String,
    /// winback, migration, referral, drip, announcement or feedback.
    pub(crate) kind: Kind,
    /// What it should achieve, in words.
    pub(crate) goal: Option<String>,
    /// The segment it is for.
    pub(crate) segment_id: Option<SegmentId>,
    /// Where it leaves from, by address or id.
    pub(crate) mailbox: Option<String>,
    /// The topic of its messages, by name or id. Recipients choose by topic.
    pub(crate) topic: Option<String>,
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
    /// What it should achieve; empty for nothing.
    goal: Option<String>,
    /// The segment it is for; empty for none.
    segment_id: Option<String>,
    /// Where it leaves from, by address or id; empty for no mailbox.
    mailbox: Option<String>,
    /// The topic of its messages, by name or id; empty for none.
    topic: Option<String>,
    /// Whether it is put away. Its messages go on.
    archived: Option<bool>,
}

pub async fn create(key: Key, state: web::Data<State>, body: Json<New>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Created().json(add(key.0, &state, body.0).await?))
}

/// Makes a campaign.
pub(crate) async fn add(actor: Actor, state: &State, new: New) -> Result<Shape, Problem> {
    let New { name, kind, goal, segment_id, mailbox, topic } = new;
    let new = NewCampaign { name, kind, goal, segment_id, mailbox, topic };
    Ok(state.quiet_write(move |conn| campaigns::create(conn, &actor, &new, clock::now())).await?.into())
}

pub async fn list(key: Key, state: web::Data<State>, query: Params<Query>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(all(key.0, &state, query.0).await?))
}

/// The campaigns.
pub(crate) async fn all(actor: Actor, state: &State, query: Query) -> Result<CampaignPage, Problem> {
    let (limit, before) = (rows(query.limit, 20)?, id_cursor(query.cursor.as_deref())?);
    let archived = query.archived.unwrap_or_default();
    let page = state.read(move |conn| campaigns::list(conn, &actor, archived, limit, before.as_ref())).await?;
    let next_cursor = page.rows.last().filter(|_| page.more).map(|row| row.id.clone());
    Ok(CampaignPage { campaigns: page.rows.into_iter().map(Shape::from).collect(), next_cursor })
}

pub async fn show(key: Key, state: web::Data<State>, id: web::Path<String>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(one(key.0, &state, &id).await?))
}

/// One campaign with its numbers.
pub(crate) async fn one(actor: Actor, state: &State, id: &str) -> Result<Counted, Problem> {
    let id = CampaignId::from(id);
    let found = state.read(move |conn| overview::overview(conn, &actor, &id, clock::now())).await?;
    let outcome = found.totals.outcome;
    let comparison = (!found.arms.is_empty()).then(|| Comparison::of(None, found.campaign.measure, &found.arms));
    Ok(Counted {
        campaign: found.campaign.into(),
        numbers: InStates::from(&found.totals.numbers),
        replied: outcome.replied,
        recovered: outcome.recovered,
        recovered_value: outcome.value.into_iter().map(|money| Amount { minor: money.minor, currency: money.currency }).collect(),
        overlaps: found.overlaps.into_iter().map(Overlapping::from).collect(),
        comparison,
    })
}

pub async fn change(key: Key, state: web::Data<State>, id: web::Path<String>, body: Json<Patch>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(alter(key.0, &state, &id, body.0).await?))
}

/// Changes a campaign.
pub(crate) async fn alter(actor: Actor, state: &State, id: &str, patch: Patch) -> Result<Shape, Problem> {
    let (id, Patch { goal, segment_id, mailbox, topic, archived }) = (CampaignId::from(id), patch);
    let change = Change { goal, segment_id, mailbox, topic, archived };
    Ok(state.quiet_write(move |conn| campaigns::change(conn, &actor, &id, &change, clock::now())).await?.into())
}

pub async fn stop(key: Key, state: web::Data<State>, id: web::Path<String>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(halt(key.0, &state, &id).await?))
}

/// Stops a campaign.
pub(crate) async fn halt(actor: Actor, state: &State, id: &str) -> Result<Shape, Problem> {
    let id = CampaignId::from(id);
    Ok(state.quiet_write(move |conn| campaigns::stop(conn, &actor, &id, clock::now())).await?.into())
}

pub async fn resume(key: Key, state: web::Data<State>, id: web::Path<String>) -> Result<HttpResponse, Problem> {
    let id = CampaignId::from(id.as_str());
    let row = state.write(move |conn| campaigns::resume(conn, &key.0, &id, clock::now())).await?;
    Ok(HttpResponse::Ok().json(Shape::from(row)))
}

pub async fn compare(key: Key, state: web::Data<State>, id: web::Path<String>, body: Json<Compare>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(set_variants(key.0, &state, &id, body.0).await?))
}

/// Says which variants are compared.
pub(crate) async fn set_variants(actor: Actor, state: &State, id: &str, wanted: Compare) -> Result<Shape, Problem> {
    let id = CampaignId::from(id);
    let variant = |one: CampaignVariant| campaigns::Variant { name: one.name, share: one.share, template_id: one.template_id };
    let variants = wanted.variants.map(|all| all.into_iter().map(variant).collect());
    let wanted = campaigns::variants::Comparison { variants, measure: wanted.measure, shifts: wanted.shifts };
    Ok(state.quiet_write(move |conn| campaigns::variants::compare(conn, &actor, &id, &wanted, clock::now())).await?.into())
}

pub async fn assigned(key: Key, state: web::Data<State>, id: web::Path<String>, query: Params<VariantFor>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(assign(key.0, &state, &id, query.0).await?))
}

/// Which variant a contact gets.
pub(crate) async fn assign(actor: Actor, state: &State, id: &str, asked: VariantFor) -> Result<Assigned, Problem> {
    let (id, who) = (CampaignId::from(id), Named::by(Some(asked.contact), None));
    let found = state.read(move |conn| campaigns::variants::assigned(conn, &actor, &id, &who)).await?;
    Ok(Assigned { tag: format!("{}{}", campaigns::variants::TAG, found.name), name: found.name })
}

pub async fn draft(key: Key, state: web::Data<State>, id: web::Path<String>, body: Json<Draft>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Accepted().json(begin(key.0, &state, &id, body.0).await?))
}

/// Begins to draft for everybody in the segment of a campaign.
pub(crate) async fn begin(actor: Actor, state: &State, id: &str, draft: Draft) -> Result<CampaignDrafts, Problem> {
    let Draft { template_id, version, values, mailbox, holdout } = draft;
    let id = CampaignId::from(id);
    let new = NewRound { template: TemplateId::from(template_id.as_str()), version, values, mailbox, holdout: holdout.unwrap_or(0) };
    Ok(state.quiet_write(move |conn| rounds::start(conn, &actor, &id, &new, clock::now())).await?.into())
}

pub async fn drafts(key: Key, state: web::Data<State>, id: web::Path<String>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(how_far(key.0, &state, &id).await?))
}

/// How far the drafts of a campaign are.
pub(crate) async fn how_far(actor: Actor, state: &State, id: &str) -> Result<CampaignDraftsList, Problem> {
    let id = CampaignId::from(id);
    let found = state.read(move |conn| rounds::rounds(conn, &actor, &id)).await?;
    Ok(CampaignDraftsList { drafts: found.into_iter().map(CampaignDrafts::from).collect() })
}

pub async fn cancel_drafts(key: Key, state: web::Data<State>, id: web::Path<String>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(end_drafts(key.0, &state, &id).await?))
}

/// Ends what is being drafted for a campaign.
pub(crate) async fn end_drafts(actor: Actor, state: &State, id: &str) -> Result<CampaignDraftsList, Problem> {
    let id = CampaignId::from(id);
    let found = state
        .quiet_write(move |conn| {
            rounds::cancel(conn, &actor, &id, clock::now())?;
            rounds::rounds(conn, &actor, &id)
        })
        .await?;
    Ok(CampaignDraftsList { drafts: found.into_iter().map(CampaignDrafts::from).collect() })
}
