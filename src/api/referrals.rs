//! `/v1/referrals`.

use actix_web::{HttpResponse, web};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::contacts::Contact;
use super::error::Problem;
use super::input::id_cursor;
use super::json::{Json, Params, rows};
use super::key::Key;
use super::operations::{Operation, get, post};
use super::shapes::Submitted;
use super::signals::Shape as SignalShape;
use crate::app::State;
use crate::clock::{self, Time};
use crate::domain::actor::{Actor, Scope};
use crate::domain::contacts::Named;
use crate::domain::ids::{ContactId, MessageId, ReferralId, RowId};
use crate::domain::referrals::{self, Candidate, NewConversion, Owned, Wanted};

pub(super) fn operations() -> Vec<Operation> {
    vec![
        post("/v1/referrals", "create_referral", "Make a referral link")
            .about(
                "A link of the contact's own that leads to `target_url` and counts who follows it. There is one for each contact and target; asking \
                 again answers 200 with it. The target must be covered by an allowed link among the facts; a key with `admin` may name any https \
                 address. In mail to this contact the link counts as on record.",
            )
            .needs(&[Scope::Draft, Scope::Admin])
            .body::<New>()
            .answers::<Shape>(200)
            .answers::<Shape>(201)
            .to(create),
        get("/v1/referrals", "list_referrals", "List the referral links")
            .about("The newest first, of everybody or of one contact.")
            .needs(&[Scope::Read])
            .query::<Query>()
            .answers::<ReferralPage>(200)
            .to(list),
        get("/v1/referrals/eligible", "list_referral_candidates", "List who may be asked to recommend")
            .about(
                "Contacts with a good signal of the last days who may be mailed, were not asked in the last 90 days nor four times in all, and did not \
                 leave two asks in a row without a click. An ask is a message with the tag `referral-program` that left; whoever has one under way is \
                 not listed.",
            )
            .needs(&[Scope::Read])
            .query::<Eligible>()
            .answers::<CandidatePage>(200)
            .to(eligible),
        get("/v1/referrals/program", "get_referral_program", "See the referral programme as a whole")
            .about("From the messages that ask (tag `referral-program`, of the mailboxes that the key reaches) to what came of the links.")
            .needs(&[Scope::Read])
            .answers::<Program>(200)
            .to(program),
        get("/v1/referrals/{id}", "get_referral", "Read a referral link")
            .about("With what came of it, the latest first, at most 100.")
            .needs(&[Scope::Read])
            .answers::<Whole>(200)
            .to(show),
        post("/v1/referrals/{id}/conversions", "record_conversion", "Record what came of a referral")
            .about(
                "A sign-up or purchase. It counts once for each id and for each new customer; the same again answers 200 with the first. Nobody can \
                 recommend to themselves.",
            )
            .needs(&[Scope::Draft])
            .body::<NewOutcome>()
            .answers::<Outcome>(200)
            .answers::<Outcome>(201)
            .to(convert),
        post("/v1/referrals/{id}/rewards", "give_referral_reward", "Record a reward and tell of it")
            .about(
                "What whoever recommended gets for one conversion, in months or in minor units of a currency. Each conversion is rewarded once; the same \
                 again answers 200 with the first and tells nobody. A notice is handed in to the oversight mode of the mailbox, with how many signed up \
                 by their links, this reward, and the rewards in all; it carries the tag `referral-reward` and is no ask.",
            )
            .needs(&[Scope::Draft])
            .body::<NewReward>()
            .answers::<Rewarded>(200)
            .answers::<Rewarded>(201)
            .to(reward),
        post("/v1/referrals/{id}/reminder", "remind_referrer", "Remind somebody of their link")
            .about(
                "A gentle reminder with the tag `referral-reminder` to somebody who was asked and whose link nobody followed since: once after an ask, a \
                 week after it at the earliest, and not to somebody who left two asks in a row without a click. 409 `referral_cooldown` or \
                 `referral_limit` otherwise.",
            )
            .needs(&[Scope::Draft])
            .body::<Reminder>()
            .answers::<Submitted>(202)
            .to(reminder),
    ]
}

/// The referral programme as a whole.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ReferralProgram")]
pub struct Program {
    /// Messages that ask and left.
    pub asked: i64,
    /// Messages that ask and wait for a person.
    pub held: i64,
    /// Contacts with a link of their own.
    pub links: i64,
    /// Those whose link somebody followed.
    pub sharers: i64,
    /// Visitors, each counted once a day.
    pub clicks: i64,
    /// What came of them.
    pub conversions: i64,
    /// What those are worth, by currency.
    pub value: Vec<Worth>,
}

/// An amount of money.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ReferralWorth")]
pub struct Worth {
    /// In minor units.
    pub minor: i64,
    /// ISO 4217.
    pub currency: String,
}

pub async fn program(key: Key, state: web::Data<State>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(overall(key.0, &state).await?))
}

/// The referral programme as a whole.
pub(crate) async fn overall(actor: Actor, state: &State) -> Result<Program, Problem> {
    let found = state.read(move |conn| referrals::program::program(conn, &actor)).await?;
    Ok(Program {
        asked: found.asked(),
        held: found.held(),
        links: found.links,
        sharers: found.sharers,
        clicks: found.clicks,
        conversions: found.conversions,
        value: found.value.into_iter().map(|money| Worth { minor: money.minor, currency: money.currency }).collect(),
    })
}

/// A referral link.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Referral")]
pub struct Shape {
    /// Its id.
    pub id: ReferralId,
    /// Who recommends.
    pub contact_id: ContactId,
    /// Their address.
    pub email: String,
    /// The end of the link.
    pub code: String,
    /// The link to give away.
    pub link: String,
    /// Where it leads.
    pub target_url: String,
    /// Visitors, each counted once a day.
    pub clicks: i64,
    /// What came of them.
    pub conversions: i64,
    /// The latest visitor.
    pub last_click_at: Option<Time>,
    /// The latest conversion.
    pub last_conversion_at: Option<Time>,
    /// Who made it.
    pub created_by: String,
    /// When it was made.
    pub created_at: Time,
}

impl Shape {
    /// From the referral.
    pub fn of((row, contact): Owned, base_url: &str) -> Self {
        Shape {
            link: row.link(base_url),
            id: row.id,
            contact_id: row.contact_id,
            email: contact.email,
            code: row.code,
            target_url: row.target_url,
            clicks: row.clicks,
            conversions: row.conversions,
            last_click_at: row.last_click_at,
            last_conversion_at: row.last_conversion_at,
            created_by: row.created_by,
            created_at: row.created_at,
        }
    }
}

/// A page of referral links.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ReferralPage {
    /// The links, newest first.
    pub referrals: Vec<Shape>,
    /// Where the next page starts; null on the last.
    pub next_cursor: Option<ReferralId>,
}

/// What came of a referral.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Conversion {
    /// Its own id.
    pub conversion_id: RowId,
    /// The id that was given with it.
    pub id: Option<String>,
    /// The new customer, where they are a contact.
    pub contact_id: Option<ContactId>,
    /// What it was worth, in minor units of the currency.
    pub value: Option<i64>,
    /// ISO 4217.
    pub currency: Option<String>,
    /// Who recorded it.
    pub recorded_by: String,
    /// When.
    pub created_at: Time,
}

impl From<referrals::Conversion> for Conversion {
    fn from(row: referrals::Conversion) -> Self {
        Conversion {
            conversion_id: row.id,
            id: row.external_id,
            contact_id: row.contact_id,
            value: row.value_minor,
            currency: row.currency,
            recorded_by: row.recorded_by,
            created_at: row.created_at,
        }
    }
}

/// A referral link with what came of it.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "WholeReferral")]
pub struct Whole {
    /// The link.
    #[serde(flatten)]
    pub referral: Shape,
    /// What came of it, the latest first, at most 100.
    pub latest_conversions: Vec<Conversion>,
    /// What was given for it, the latest first, at most 100.
    pub latest_rewards: Vec<RewardShape>,
    /// What whoever recommends brought and earned, over all their links.
    pub totals: Totals,
}

/// What somebody brought and earned, over all their links.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ReferralTotals")]
pub struct Totals {
    /// Those who came by their links.
    pub conversions: i64,
    /// The rewards, by unit: months, or minor units of a currency.
    pub earned: std::collections::BTreeMap<String, i64>,
}

impl From<referrals::Totals> for Totals {
    fn from(totals: referrals::Totals) -> Self {
        Totals { conversions: totals.conversions, earned: totals.earned }
    }
}

/// A reward.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ReferralReward")]
pub struct RewardShape {
    /// Its id.
    pub id: RowId,
    /// For which conversion.
    pub conversion_id: RowId,
    /// How much, in minor units of the currency or in months.
    pub amount: i64,
    /// ISO 4217, or `months`.
    pub unit: String,
    /// The message that tells of it.
    pub message_id: Option<MessageId>,
    /// Who recorded it.
    pub recorded_by: String,
    /// When.
    pub created_at: Time,
}

impl From<referrals::Reward> for RewardShape {
    fn from(row: referrals::Reward) -> Self {
        RewardShape {
            id: row.id,
            conversion_id: row.conversion_id,
            amount: row.amount,
            unit: row.unit,
            message_id: row.message_id,
            recorded_by: row.recorded_by,
            created_at: row.created_at,
        }
    }
}

/// A reward with what whoever recommended has now.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "GivenReferralReward")]
pub struct Rewarded {
    /// The reward.
    pub reward: RewardShape,
    /// What they brought and earned in all.
    pub totals: Totals,
    /// The notice, where one was handed in now.
    pub message: Option<Submitted>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NewReferralReward")]
pub struct NewReward {
    /// For which conversion, by its conversion_id.
    pub(crate) conversion_id: String,
    /// How much, in minor units of the currency or in months.
    #[schemars(range(min = 1))]
    pub(crate) amount: i64,
    /// ISO 4217, such as EUR; or months.
    pub(crate) unit: String,
    /// Whether to write to whoever recommended; true without it.
    pub(crate) tell: Option<bool>,
    /// Where the notice leaves from, by address or id; not needed where only one mailbox is within reach.
    pub(crate) mailbox: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ReferralReminder")]
pub struct Reminder {
    /// What they receive for a sign-up, in one line: it stands right below the link.
    pub(crate) reward: String,
    /// Where it leaves from, by address or id; not needed where only one mailbox is within reach.
    pub(crate) mailbox: Option<String>,
}

/// A conversion and the link it came from.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "RecordedConversion")]
pub struct Outcome {
    /// The conversion.
    pub conversion: Conversion,
    /// The link as it is now.
    pub referral: Shape,
}

/// Somebody who may be asked to recommend.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ReferralCandidate")]
pub struct CandidateShape {
    /// Who.
    pub contact: Contact,
    /// Their latest good signal.
    pub signal: SignalShape,
    /// How often they were asked.
    pub asked: usize,
    /// When they were asked last.
    pub asked_at: Option<Time>,
}

impl From<Candidate> for CandidateShape {
    fn from(candidate: Candidate) -> Self {
        CandidateShape {
            contact: Contact::of(&candidate.contact),
            signal: SignalShape::of(candidate.signal, candidate.contact.row.email),
            asked: candidate.asked,
            asked_at: candidate.asked_at,
        }
    }
}

/// A page of those who may be asked.
#[derive(Debug, Serialize, JsonSchema)]
pub struct CandidatePage {
    /// Who may be asked.
    pub candidates: Vec<CandidateShape>,
    /// Where the next page starts; null on the last. A page may be short and yet not the last.
    pub next_cursor: Option<ContactId>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct New {
    /// The contact's id. Or give email.
    pub(crate) contact: Option<String>,
    /// The contact's address; one that is not known becomes a contact. Or give contact.
    pub(crate) email: Option<String>,
    /// Where the link leads: an https address that an allowed link among the facts covers.
    pub(crate) target_url: String,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Query {
    /// Only of this contact, by id.
    pub(crate) contact: Option<String>,
    /// Only of the contact with this address.
    pub(crate) email: Option<String>,
    /// At most so many, 1 to 100; 20 without it.
    #[schemars(range(min = 1, max = 100))]
    pub(crate) limit: Option<usize>,
    /// next_cursor of the page before.
    pub(crate) cursor: Option<String>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Eligible {
    /// Only with signals of these kinds, separated by commas; without it the five named ones.
    pub(crate) kinds: Option<String>,
    /// How fresh a signal must be, in days, 1 to 90; 30 without it.
    #[schemars(range(min = 1, max = 90))]
    pub(crate) days: Option<i64>,
    /// At most so many, 1 to 100; 20 without it.
    #[schemars(range(min = 1, max = 100))]
    pub(crate) limit: Option<usize>,
    /// next_cursor of the page before.
    pub(crate) cursor: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewOutcome {
    /// An id of yours: the same conversion sent twice is recorded once. Give it or email.
    pub(crate) id: Option<String>,
    /// The new customer's address, of which only a hash is kept. Give it or id.
    pub(crate) email: Option<String>,
    /// What it was worth, in minor units of the currency.
    pub(crate) value: Option<i64>,
    /// ISO 4217, such as EUR; together with value.
    pub(crate) currency: Option<String>,
}

pub async fn create(key: Key, state: web::Data<State>, body: Json<New>) -> Result<HttpResponse, Problem> {
    let (referral, new) = add(key.0, &state, body.0).await?;
    let mut answer = if new { HttpResponse::Created() } else { HttpResponse::Ok() };
    Ok(answer.json(referral))
}

/// The link of a contact to a target; whether it is new.
pub(crate) async fn add(actor: Actor, state: &State, new: New) -> Result<(Shape, bool), Problem> {
    let (who, target) = (Named::by(new.contact, new.email), new.target_url);
    let made = state.quiet_write(move |conn| referrals::create(conn, &actor, &who, &target, clock::now())).await?;
    Ok((Shape::of(made.referral, &state.base_url), made.new))
}

pub async fn list(key: Key, state: web::Data<State>, query: Params<Query>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(all(key.0, &state, query.0).await?))
}

/// The links.
pub(crate) async fn all(actor: Actor, state: &State, query: Query) -> Result<ReferralPage, Problem> {
    let who = (query.contact.is_some() || query.email.is_some()).then(|| Named::by(query.contact, query.email));
    let (limit, before) = (rows(query.limit, 20)?, id_cursor(query.cursor.as_deref())?);
    let page = state.read(move |conn| referrals::list(conn, &actor, who.as_ref(), limit, before.as_ref())).await?;
    let next_cursor = page.rows.last().filter(|_| page.more).map(|(row, _)| row.id.clone());
    Ok(ReferralPage { referrals: page.rows.into_iter().map(|row| Shape::of(row, &state.base_url)).collect(), next_cursor })
}

pub async fn eligible(key: Key, state: web::Data<State>, query: Params<Eligible>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(candidates(key.0, &state, query.0).await?))
}

/// Who may be asked to recommend.
pub(crate) async fn candidates(actor: Actor, state: &State, query: Eligible) -> Result<CandidatePage, Problem> {
    let wanted = Wanted {
        kinds: query.kinds.as_deref().unwrap_or_default().split(',').map(str::trim).filter(|kind| !kind.is_empty()).map(str::to_owned).collect(),
        days: query.days.unwrap_or(30),
        limit: rows(query.limit, 20)?,
        before: id_cursor(query.cursor.as_deref())?,
    };
    let (found, next_cursor) = state.read(move |conn| referrals::eligible(conn, &actor, &wanted, clock::now())).await?;
    Ok(CandidatePage { candidates: found.into_iter().map(CandidateShape::from).collect(), next_cursor })
}

pub async fn show(key: Key, state: web::Data<State>, id: web::Path<String>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(one(key.0, &state, &id).await?))
}

/// One referral with what came of it.
pub(crate) async fn one(actor: Actor, state: &State, id: &str) -> Result<Whole, Problem> {
    let id = ReferralId::from(id);
    let ((row, conversions), (rewards, totals)) = state
        .read(move |conn| {
            let found = referrals::get(conn, &actor, &id)?;
            let rewards = referrals::rewards::of_referral(conn, &actor, &found.0.0)?;
            Ok((found, rewards))
        })
        .await?;
    let latest_conversions = conversions.into_iter().map(Conversion::from).collect();
    let latest_rewards = rewards.into_iter().map(RewardShape::from).collect();
    Ok(Whole { referral: Shape::of(row, &state.base_url), latest_conversions, latest_rewards, totals: totals.into() })
}

pub async fn convert(key: Key, state: web::Data<State>, id: web::Path<String>, body: Json<NewOutcome>) -> Result<HttpResponse, Problem> {
    let (outcome, new) = record(key.0, &state, &id, body.0).await?;
    let mut answer = if new { HttpResponse::Created() } else { HttpResponse::Ok() };
    Ok(answer.json(outcome))
}

/// Records what came of a referral; whether it is new.
pub(crate) async fn record(actor: Actor, state: &State, id: &str, new: NewOutcome) -> Result<(Outcome, bool), Problem> {
    let id = ReferralId::from(id);
    let new = NewConversion { external_id: new.id, email: new.email, value_minor: new.value, currency: new.currency };
    let converted = state.write(move |conn| referrals::convert(conn, &actor, &id, &new, clock::now())).await?;
    let outcome = Outcome { conversion: converted.conversion.into(), referral: Shape::of(converted.referral, &state.base_url) };
    Ok((outcome, converted.new))
}

pub async fn reward(key: Key, state: web::Data<State>, id: web::Path<String>, body: Json<NewReward>) -> Result<HttpResponse, Problem> {
    let (rewarded, new) = give(key.0, &state, &id, body.0).await?;
    let mut answer = if new { HttpResponse::Created() } else { HttpResponse::Ok() };
    Ok(answer.json(rewarded))
}

/// Records a reward; whether it is new.
pub(crate) async fn give(actor: Actor, state: &State, id: &str, new: NewReward) -> Result<(Rewarded, bool), Problem> {
    let id = ReferralId::from(id);
    let new = referrals::NewReward {
        conversion: RowId::from(new.conversion_id.as_str()),
        amount: new.amount,
        unit: new.unit,
        tell: new.tell.unwrap_or(true),
        mailbox: new.mailbox,
    };
    let given = state.write(move |conn| referrals::give(conn, &actor, &id, &new, clock::now())).await?;
    let message = given.message.map(|message| Submitted::of(&message, &state.base_url));
    Ok((Rewarded { reward: given.reward.into(), totals: given.totals.into(), message }, given.new))
}

pub async fn reminder(key: Key, state: web::Data<State>, id: web::Path<String>, body: Json<Reminder>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Accepted().json(remind(key.0, &state, &id, body.0).await?))
}

/// Reminds somebody of their link.
pub(crate) async fn remind(actor: Actor, state: &State, id: &str, asked: Reminder) -> Result<Submitted, Problem> {
    let id = ReferralId::from(id);
    let message = state.write(move |conn| referrals::remind(conn, &actor, &id, &asked.reward, asked.mailbox.as_deref(), clock::now())).await?;
    Ok(Submitted::of(&message, &state.base_url))
}
