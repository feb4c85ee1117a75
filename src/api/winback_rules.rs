//! `/v1/winback-rules`: whom of those who left letters are drafted for.

use actix_web::{HttpResponse, web};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::error::Problem;
use super::json::Json;
use super::key::Key;
use super::operations::{Operation, delete, get, patch, post};
use super::policy::ForecastView;
use super::reports::{Amount, ComparisonView, amounts};
use crate::app::State;
use crate::clock::{self, Time};
use crate::domain::actor::{Actor, Scope};
use crate::domain::churn::rules::{self, Forecast, Rule, Terms, picks};
use crate::domain::ids::{ChurnEventId, MailboxId, SegmentId, WinbackRuleId};
use crate::domain::reason::{Reason, Strategy};

pub(super) fn operations() -> Vec<Operation> {
    vec![
        post("/v1/winback-rules", "create_winback_rule", "Make a win-back rule")
            .about(
                "A rule drafts a letter for each customer who left and fits it, who left first comes first. Each draft waits for a person, whatever the \
                 mode of the mailbox. A departure is picked once, whatever the rules, and not while something is under way to its customer. With \
                 `holdout` a lot keeps some without a letter, to compare with. It begins within a minute; ask for its forecast first.",
            )
            .needs(&[Scope::Draft])
            .body::<Given>()
            .answers::<RuleView>(201)
            .to(create),
        get("/v1/winback-rules", "list_winback_rules", "List the win-back rules").needs(&[Scope::Read]).answers::<RuleList>(200).to(list),
        get("/v1/winback-rules/{id}", "get_winback_rule", "Read a win-back rule")
            .about("With what became of those whom it picked.")
            .needs(&[Scope::Read])
            .answers::<Compared>(200)
            .to(show),
        patch("/v1/winback-rules/{id}", "change_winback_rule", "Change a win-back rule")
            .about("What is left out stays. Whom it picked before stays picked.")
            .needs(&[Scope::Draft])
            .body::<Given>()
            .answers::<RuleView>(200)
            .to(change),
        delete("/v1/winback-rules/{id}", "delete_winback_rule", "Delete a win-back rule")
            .about("What it drafted stays, and so does the comparison.")
            .needs(&[Scope::Draft])
            .answers_nothing(204)
            .to(remove),
        post("/v1/winback-rules/forecast", "forecast_winback_rule", "What a win-back rule would do now")
            .about("Of a rule that is not made yet. Nothing is drafted.")
            .needs(&[Scope::Draft])
            .body::<Given>()
            .answers::<WouldDo>(200)
            .to(forecast_new),
        post("/v1/winback-rules/{id}/forecast", "forecast_changed_winback_rule", "What a win-back rule would do now, with changes")
            .about("An empty body asks for the rule as it is. Nothing is drafted.")
            .needs(&[Scope::Draft])
            .body::<Given>()
            .answers::<WouldDo>(200)
            .to(forecast),
    ]
}

/// What a rule says.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[schemars(rename = "WinbackRuleTerms")]
#[serde(default, deny_unknown_fields)]
pub struct Given {
    /// A name that no other rule has, at most 100 characters.
    pub(crate) name: Option<String>,
    /// The mailbox the letters leave from, by address or id. Needed only where several are within reach.
    pub(crate) mailbox: Option<String>,
    /// Whether it drafts; true without it.
    pub(crate) enabled: Option<bool>,
    /// They left for one of these reasons; an empty list for any, which is so without it.
    pub(crate) reasons: Option<Vec<Reason>>,
    /// They paid at least so much a month, in minor units; 0 for any, which is so without it. Goes with currency.
    #[schemars(range(min = 0, max = 100_000_000_000_i64))]
    pub(crate) mrr_from: Option<i64>,
    /// The currency of mrr_from; ISO 4217, such as USD.
    pub(crate) currency: Option<String>,
    /// They left at least so many days ago, 0 to 3650; 3 without it.
    #[schemars(range(min = 0, max = 3650))]
    pub(crate) from_days: Option<i64>,
    /// They left at most so many days ago, from_days to 3650; 60 without it.
    #[schemars(range(min = 0, max = 3650))]
    pub(crate) to_days: Option<i64>,
    /// Only those whom something answers that shipped since they left; false without it.
    pub(crate) needs_update: Option<bool>,
    /// Only those in this segment; an empty text for everybody, which is so without it.
    pub(crate) segment_id: Option<String>,
    /// Also those who came in with an import; false without it.
    pub(crate) imported: Option<bool>,
    /// How to write to them: a strategy, or an empty text for the one their reason recommends, which is so without it.
    pub(crate) strategy: Option<String>,
    /// Of a hundred so many get no letter, to compare with, 0 to 50; 0 without it.
    #[schemars(range(min = 0, max = 50))]
    pub(crate) holdout: Option<i64>,
    /// Most drafts a day, 1 to 10,000; 50 without it.
    #[schemars(range(min = 1, max = 10_000))]
    pub(crate) daily: Option<i64>,
}

impl Given {
    fn terms(self) -> Result<Terms, Problem> {
        let said = |text: String| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let strategy = |text: String| said(text).map(|word| word.parse::<Strategy>().map_err(wrong_strategy)).transpose();
        Ok(Terms {
            name: self.name,
            mailbox: self.mailbox,
            enabled: self.enabled,
            reasons: self.reasons,
            mrr_from: self.mrr_from.map(|from| Some(from).filter(|from| *from != 0)),
            currency: self.currency,
            from_days: self.from_days,
            to_days: self.to_days,
            needs_update: self.needs_update,
            segment_id: self.segment_id.map(|id| said(id).map(|id| SegmentId::from(id.as_str()))),
            imported: self.imported,
            strategy: self.strategy.map(strategy).transpose()?,
            holdout: self.holdout,
            daily: self.daily,
        })
    }
}

fn wrong_strategy(expected: String) -> crate::domain::error::Error {
    crate::domain::error::Error::invalid("field_invalid", "strategy", format!("strategy must be {expected}, or empty."))
}

/// A win-back rule.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "WinbackRule")]
pub struct RuleView {
    /// Its id.
    pub id: WinbackRuleId,
    /// Its name.
    pub name: String,
    /// What it says, in words.
    pub in_words: String,
    /// Where the letters leave from.
    pub mailbox_id: MailboxId,
    /// Whether it drafts.
    pub enabled: bool,
    /// They left for one of these; for any reason when empty.
    pub reasons: Vec<Reason>,
    /// They paid at least so much a month, in minor units.
    pub mrr_from: Option<i64>,
    /// The currency of that.
    pub currency: Option<String>,
    /// They left at least so many days ago.
    pub from_days: i32,
    /// They left at most so many days ago.
    pub to_days: i32,
    /// Only those whom something answers that shipped since.
    pub needs_update: bool,
    /// Only those in this segment.
    pub segment_id: Option<SegmentId>,
    /// Also those who came in with an import.
    pub imported: bool,
    /// How to write to them; null for what their reason recommends.
    pub strategy: Option<Strategy>,
    /// Of a hundred so many get no letter.
    pub holdout: i32,
    /// Most drafts a day.
    pub daily: i32,
    /// Letters it drafted so far.
    pub drafted: i64,
    /// Customers the lot held out so far.
    pub held_out: i64,
    /// Customers no letter could be written to.
    pub left_out: i64,
    /// When it looks next.
    pub next_run_at: Time,
    /// What was wrong with the last run.
    pub trouble: Option<String>,
    /// Who made it.
    pub created_by: String,
    /// When it was made.
    pub created_at: Time,
    /// When it last changed.
    pub updated_at: Time,
}

impl From<Rule> for RuleView {
    fn from(row: Rule) -> Self {
        RuleView {
            in_words: row.in_words(),
            id: row.id,
            name: row.name,
            mailbox_id: row.mailbox_id,
            enabled: row.enabled,
            reasons: row.reasons.into_inner(),
            mrr_from: row.mrr_from,
            currency: row.currency,
            from_days: row.from_days,
            to_days: row.to_days,
            needs_update: row.needs_update,
            segment_id: row.segment_id,
            imported: row.imported,
            strategy: row.strategy,
            holdout: row.holdout,
            daily: row.daily,
            drafted: row.drafted,
            held_out: row.held_out,
            left_out: row.left_out,
            next_run_at: row.next_run_at,
            trouble: row.trouble,
            created_by: row.created_by,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// The rules.
#[derive(Debug, Serialize, JsonSchema)]
pub struct RuleList {
    /// Those within reach, by name; at most 50.
    pub rules: Vec<RuleView>,
}

/// A rule and how those fare whom it picked.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ComparedWinbackRule")]
pub struct Compared {
    /// The rule.
    #[serde(flatten)]
    pub rule: RuleView,
    /// Those with a letter beside those whom the lot held out.
    pub by_lot: ComparisonView,
}

/// What a rule would do now.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "WinbackForecast")]
pub struct WouldDo {
    /// How many departures fit, of the first 200 that were looked at.
    pub fit: usize,
    /// Whether there are more.
    pub more: bool,
    /// For so many a letter would be drafted, at most `daily` of them on one day.
    pub letters: usize,
    /// So many the lot would hold out.
    pub held_out: usize,
    /// So many get nothing now: something is under way to them, they may not be mailed, or no update answers them.
    pub passed_over: usize,
    /// The monthly revenue of those who would get a letter.
    pub revenue: Vec<Amount>,
    /// What the checks would say of the letters; null where there would be none.
    pub checks: Option<ForecastView>,
    /// At most ten of those who would get a letter.
    pub churn_event_ids: Vec<ChurnEventId>,
}

impl From<Forecast> for WouldDo {
    fn from(of: Forecast) -> Self {
        WouldDo {
            fit: of.fit,
            more: of.more,
            letters: of.letters,
            held_out: of.held_out,
            passed_over: of.passed_over,
            revenue: amounts(of.revenue),
            checks: of.checks.map(ForecastView::from),
            churn_event_ids: of.some.into_iter().map(|event| event.id).collect(),
        }
    }
}

pub async fn create(key: Key, state: web::Data<State>, body: Json<Given>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Created().json(add(key.0, &state, body.0).await?))
}

/// Makes a rule.
pub(crate) async fn add(actor: Actor, state: &State, given: Given) -> Result<RuleView, Problem> {
    let terms = given.terms()?;
    Ok(state.write(move |conn| rules::add(conn, &actor, &terms, clock::now())).await?.into())
}

pub async fn list(key: Key, state: web::Data<State>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(all(key.0, &state).await?))
}

/// The rules.
pub(crate) async fn all(actor: Actor, state: &State) -> Result<RuleList, Problem> {
    let rows = state.read(move |conn| rules::list(conn, &actor)).await?;
    Ok(RuleList { rules: rows.into_iter().map(RuleView::from).collect() })
}

pub async fn show(key: Key, state: web::Data<State>, id: web::Path<String>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(one(key.0, &state, &id).await?))
}

/// One rule.
pub(crate) async fn one(actor: Actor, state: &State, id: &str) -> Result<Compared, Problem> {
    let id = WinbackRuleId::from(id);
    let (row, by_lot) = state.read(move |conn| Ok((rules::get(conn, &actor, &id)?, picks::of_rule(conn, &actor, &id)?))).await?;
    Ok(Compared { rule: row.into(), by_lot: by_lot.into() })
}

pub async fn change(key: Key, state: web::Data<State>, id: web::Path<String>, body: Json<Given>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(rewrite(key.0, &state, &id, body.0).await?))
}

/// Changes a rule.
pub(crate) async fn rewrite(actor: Actor, state: &State, id: &str, given: Given) -> Result<RuleView, Problem> {
    let (id, terms) = (WinbackRuleId::from(id), given.terms()?);
    Ok(state.write(move |conn| rules::change(conn, &actor, &id, &terms, clock::now())).await?.into())
}

pub async fn remove(key: Key, state: web::Data<State>, id: web::Path<String>) -> Result<HttpResponse, Problem> {
    take_away(key.0, &state, &id).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Deletes a rule.
pub(crate) async fn take_away(actor: Actor, state: &State, id: &str) -> Result<(), Problem> {
    let id = WinbackRuleId::from(id);
    Ok(state.write(move |conn| rules::delete(conn, &actor, &id, clock::now())).await?)
}

pub async fn forecast_new(key: Key, state: web::Data<State>, body: Json<Given>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(would_do(key.0, &state, None, body.0).await?))
}

pub async fn forecast(key: Key, state: web::Data<State>, id: web::Path<String>, body: Json<Given>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(would_do(key.0, &state, Some(&id), body.0).await?))
}

/// What a rule would do now, with these changes to it; or a new one.
pub(crate) async fn would_do(actor: Actor, state: &State, id: Option<&str>, given: Given) -> Result<WouldDo, Problem> {
    let (id, terms) = (id.map(WinbackRuleId::from), given.terms()?);
    let found = state
        .read(move |conn| {
            let rule = id.map(|id| rules::get(conn, &actor, &id)).transpose()?;
            rules::forecast(conn, &actor, rule, &terms, clock::now())
        })
        .await?;
    Ok(found.into())
}
