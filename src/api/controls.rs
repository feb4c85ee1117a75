//! `/v1/holding-rules` and the allow-list of a mailbox: a key looks and tightens; people loosen, on their pages.

use actix_web::{HttpResponse, web};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::error::Problem;
use super::json::Json;
use super::key::Key;
use super::operations::{Operation, delete, get, post};
use crate::app::State;
use crate::clock::{self, Time};
use crate::domain::actor::{Actor, Scope};
use crate::domain::campaigns::Kind;
use crate::domain::controls::allowed::{self, Allowed, Covered};
use crate::domain::controls::holding::{self, Rule, Terms};
use crate::domain::controls::lookback;
use crate::domain::ids::{AllowedId, HoldingRuleId, MailboxId, SegmentId};
use crate::domain::mailboxes;

pub(super) fn operations() -> Vec<Operation> {
    vec![
        get("/v1/holding-rules", "list_holding_rules", "List the rules that hold messages")
            .about("What they hold waits for a person, or for two, whatever the mode of the mailbox says.")
            .needs(&[Scope::Read])
            .answers::<RuleList>(200)
            .to(list),
        post("/v1/holding-rules", "create_holding_rule", "Make a rule that holds messages")
            .about(
                "What it names must all hold; of several kinds or tags one is enough. It counts for what is handed in, edited or decided from now on. A \
                 key can make a rule, because a rule only tightens; administrators end one on the page Oversight.",
            )
            .needs(&[Scope::Admin])
            .body::<Given>()
            .answers::<RuleView>(201)
            .to(create),
        post("/v1/holding-rules/backtest", "backtest_holding_rule", "What a rule would have held")
            .about(
                "How many of the messages handed in over the last 30 days a rule with these terms would have held, and how many of them went without a \
                 person's review. Looks at the latest 2,000, and at tags, segments and revenue of recipients as they are now. Nothing changes by it.",
            )
            .needs(&[Scope::Admin])
            .body::<Given>()
            .answers::<LookBackView>(200)
            .to(backtest),
        get("/v1/mailboxes/{id}/allow-list", "list_allowed_recipients", "List the recipients whose mail is not held")
            .about(
                "In gated_send, mail to them leaves after the checks although a machine wrote it. What else holds a message holds it still: a first \
                 message of a campaign, an open claim, a rule. By id or address of the mailbox, with what the list covers of the last 90 days. \
                 Administrators add recipients on the page of the mailbox.",
            )
            .needs(&[Scope::OversightRead])
            .answers::<AllowList>(200)
            .to(allow_list),
        delete("/v1/allow-list/{id}", "remove_allowed_recipient", "Take a recipient off the allow-list")
            .about("At once. What waits to leave by the list goes back to the queue of reviewers.")
            .needs(&[Scope::Admin])
            .answers_nothing(204)
            .to(remove),
    ]
}

/// A rule that is to be made.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[schemars(rename = "HoldingRuleTerms")]
#[serde(default, deny_unknown_fields)]
pub struct Given {
    /// Its name, at most 100 characters.
    pub(crate) name: String,
    /// The mailbox it is for, by address or id; all without it.
    pub(crate) mailbox: Option<String>,
    /// Kinds of campaign: winback, migration, referral, drip, announcement or feedback.
    pub(crate) kinds: Vec<Kind>,
    /// Tags of the message or of its recipient, at most 20.
    pub(crate) tags: Vec<String>,
    /// The recipient is in this segment.
    pub(crate) segment_id: Option<String>,
    /// An amount of money in the message is larger than this, in minor units. One in another currency counts as larger. Goes with currency.
    #[schemars(range(min = 0, max = 100_000_000_000_i64))]
    pub(crate) amount_over: Option<i64>,
    /// The recipient pays more than this a month, in minor units. What is paid in another currency counts as more. Goes with currency.
    #[schemars(range(min = 0, max = 100_000_000_000_i64))]
    pub(crate) revenue_over: Option<i64>,
    /// The currency of both; ISO 4217, such as USD.
    pub(crate) currency: Option<String>,
    /// How many people must approve: 1, or 2 for two different people, neither of whom wrote it; 1 without it.
    #[schemars(range(min = 1, max = 2))]
    pub(crate) approvers: Option<i64>,
}

/// A rule that holds messages.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "HoldingRule")]
pub struct RuleView {
    /// Its id.
    pub id: HoldingRuleId,
    /// Its name.
    pub name: String,
    /// What it holds, in words.
    pub in_words: String,
    /// The mailbox it is for; null for all.
    pub mailbox_id: Option<MailboxId>,
    /// Kinds of campaign; any when empty.
    pub kinds: Vec<Kind>,
    /// Tags of the message or of its recipient; any when empty.
    pub tags: Vec<String>,
    /// The recipient is in this segment.
    pub segment_id: Option<SegmentId>,
    /// An amount in the message is larger than this, in minor units.
    pub amount_over: Option<i64>,
    /// The recipient pays more than this a month, in minor units.
    pub revenue_over: Option<i64>,
    /// The currency of both.
    pub currency: Option<String>,
    /// How many people must approve.
    pub approvers: i32,
    /// Who made it.
    pub created_by: String,
    /// When it was made.
    pub created_at: Time,
    /// Who asked to end it, while another administrator has to agree.
    pub ending_by: Option<String>,
}

impl RuleView {
    fn of(row: Rule, in_words: String) -> Self {
        RuleView {
            in_words,
            id: row.id,
            name: row.name,
            mailbox_id: row.mailbox_id,
            kinds: row.kinds.into_inner(),
            tags: row.tags.into_inner(),
            segment_id: row.segment_id,
            amount_over: row.amount_over,
            revenue_over: row.revenue_over,
            currency: row.currency,
            approvers: row.approvers,
            created_by: row.created_by,
            created_at: row.created_at,
            ending_by: row.ending_by,
        }
    }
}

/// The rules in force within reach.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "HoldingRuleList")]
pub struct RuleList {
    /// The oldest first.
    pub rules: Vec<RuleView>,
}

pub async fn list(key: Key, state: web::Data<State>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(rules(key.0, &state).await?))
}

/// The rules within reach.
pub(crate) async fn rules(actor: Actor, state: &State) -> Result<RuleList, Problem> {
    let rows = state.read(move |conn| holding::list(conn, &actor)).await?;
    Ok(RuleList { rules: rows.into_iter().map(|(row, in_words)| RuleView::of(row, in_words)).collect() })
}

pub async fn create(key: Key, state: web::Data<State>, body: Json<Given>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Created().json(add(key.0, &state, body.0).await?))
}

impl From<Given> for Terms {
    fn from(given: Given) -> Self {
        Terms {
            name: given.name,
            mailbox: given.mailbox,
            kinds: given.kinds,
            tags: given.tags,
            segment_id: given.segment_id.as_deref().map(SegmentId::from),
            amount_over: given.amount_over,
            revenue_over: given.revenue_over,
            currency: given.currency,
            approvers: given.approvers,
        }
    }
}

/// What a rule would have held.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "HoldingRuleBacktest")]
pub struct LookBackView {
    /// What the rule holds, in words.
    pub in_words: String,
    /// The last so many days.
    pub days: i64,
    /// Messages that were looked at.
    pub looked_at: usize,
    /// Whether there were more, earlier in these days.
    pub more: bool,
    /// Those that it would have held.
    pub held: usize,
    /// Those of them that went without a person's review.
    pub unreviewed: usize,
    /// The same in a sentence.
    pub told: String,
}

pub async fn backtest(key: Key, state: web::Data<State>, body: Json<Given>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(look_back(key.0, &state, body.0).await?))
}

/// What a rule would have held.
pub(crate) async fn look_back(actor: Actor, state: &State, given: Given) -> Result<LookBackView, Problem> {
    actor.must_have(Scope::Admin)?;
    let terms = Terms::from(given);
    let found = state.read(move |conn| lookback::look_back(conn, &actor, &terms, clock::now())).await?;
    Ok(LookBackView {
        told: found.in_words(),
        in_words: found.rule,
        days: lookback::DAYS,
        looked_at: found.looked_at,
        more: found.more,
        held: found.held,
        unreviewed: found.unreviewed,
    })
}

/// Makes a rule.
pub(crate) async fn add(actor: Actor, state: &State, given: Given) -> Result<RuleView, Problem> {
    actor.must_have(Scope::Admin)?;
    let terms = Terms::from(given);
    let made = state
        .write(move |conn| {
            let row = holding::create(conn, &actor, &terms, clock::now())?;
            let in_words = holding::in_words(conn, &row)?;
            Ok((row, in_words))
        })
        .await?;
    Ok(RuleView::of(made.0, made.1))
}

/// A recipient on the allow-list of a mailbox.
#[derive(Debug, Serialize, JsonSchema)]
pub struct AllowedRecipient {
    /// The id of the entry.
    pub id: AllowedId,
    /// An address, or *@ and a domain.
    pub recipient: String,
    /// Why nobody need look.
    pub reason: String,
    /// Who asked for it.
    pub asked_by: String,
    /// When.
    pub created_at: Time,
    /// Whether it holds; not while another administrator has to agree.
    pub in_force: bool,
    /// Messages of machines to them that were held in the last 90 days.
    pub held: i64,
    /// Those that people changed, rejected or sent back.
    pub changed: i64,
}

/// The allow-list of a mailbox, and what it covers.
#[derive(Debug, Serialize, JsonSchema)]
pub struct AllowList {
    /// The recipients, the oldest entry first.
    pub recipients: Vec<AllowedRecipient>,
    /// What the list covers of the last 90 days, in words.
    pub coverage: String,
    /// Messages of machines that the mailbox held in the last 90 days because of who wrote them.
    pub held: i64,
    /// Those of them that go to recipients on the list.
    pub covered: i64,
}

impl AllowList {
    fn of(rows: Vec<Allowed>, covered: &Covered) -> Self {
        let view = |row: Allowed| {
            let coverage = covered.of(&row.id);
            AllowedRecipient {
                in_force: row.holds(),
                id: row.id,
                recipient: row.pattern,
                reason: row.reason,
                asked_by: row.asked_by,
                created_at: row.created_at,
                held: coverage.held,
                changed: coverage.changed,
            }
        };
        AllowList {
            recipients: rows.into_iter().map(view).collect(),
            coverage: covered.in_words(),
            held: covered.all,
            covered: covered.together.held,
        }
    }
}

pub async fn allow_list(key: Key, state: web::Data<State>, id: web::Path<String>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(recipients(key.0, &state, id.into_inner()).await?))
}

/// The allow-list of a mailbox.
pub(crate) async fn recipients(actor: Actor, state: &State, mailbox: String) -> Result<AllowList, Problem> {
    actor.must_have(Scope::OversightRead)?;
    let (rows, covered) = state
        .read(move |conn| {
            let mailbox = mailboxes::resolve(conn, &actor, Some(&mailbox))?;
            Ok((allowed::list(conn, &actor, &mailbox.id)?, allowed::coverage(conn, &actor, &mailbox.id, clock::now())?))
        })
        .await?;
    Ok(AllowList::of(rows, &covered))
}

pub async fn remove(key: Key, state: web::Data<State>, id: web::Path<String>) -> Result<HttpResponse, Problem> {
    take_off(key.0, &state, id.into_inner()).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Takes a recipient off the list of its mailbox.
pub(crate) async fn take_off(actor: Actor, state: &State, id: String) -> Result<(), Problem> {
    actor.must_have(Scope::Admin)?;
    Ok(state.write(move |conn| allowed::remove(conn, &actor, &AllowedId::from(id.as_str()), clock::now())).await?)
}
