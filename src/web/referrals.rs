//! The referral programme: who was asked, what came of it, and the rules that keep it from being a nuisance.

use actix_session::Session;
use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use super::errors::PageError;
use super::form::Form;
use super::page::{Chrome, Person, flash, html, html_with, see_other, settled};
use crate::app::State;
use crate::clock::{self, Time};
use crate::domain::contacts::Named;
use crate::domain::error::{Error, Kind as ErrorKind, Result as DomainResult};
use crate::domain::ids::{ReferralId, RowId};
use crate::domain::mailboxes::{self, Mailbox, Mode};
use crate::domain::messages::State as MessageState;
use crate::domain::money::Money;
use crate::domain::referrals::fatigue::REMIND_AFTER_DAYS;
use crate::domain::referrals::program::{self, Program};
use crate::domain::referrals::rewards::{self, NewReward, Reward, Totals};
use crate::domain::referrals::{self, COOLDOWN_DAYS, Candidate, Conversion, MOST_ASKS, MOST_IGNORED, Owned, Referral, Wanted};
use crate::domain::text;

/// Links on one page.
const PAGE: usize = 30;
/// People who may be asked that are shown.
const CANDIDATES: usize = 8;
/// How fresh a signal must be to be shown, in days.
const FRESH_DAYS: i64 = 30;

#[derive(Debug, Default, Deserialize)]
pub(super) struct Query {
    before: Option<String>,
}

#[derive(Template)]
#[template(path = "referrals/index.html")]
struct IndexPage {
    chrome: Chrome,
    tab: &'static str,
    program: Program,
    rows: Vec<Owned>,
    next: Option<ReferralId>,
    candidates: Vec<Candidate>,
    base_url: String,
    contact: String,
    target: String,
    problem: Option<String>,
}

impl IndexPage {
    /// The latest conversion, or the latest visitor.
    fn latest(&self, row: &Referral) -> Option<Time> {
        row.last_conversion_at.or(row.last_click_at)
    }

    fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.program.asks.is_empty()
    }
}

async fn page(person: &Person, state: &State, before: Option<ReferralId>, given: Option<(&Form, String)>) -> DomainResult<IndexPage> {
    let actor = person.actor.clone();
    let (program, page, candidates) = state
        .read(move |conn| {
            let wanted = Wanted { days: FRESH_DAYS, limit: CANDIDATES, ..Wanted::default() };
            let candidates = referrals::eligible(conn, &actor, &wanted, clock::now())?.0;
            Ok((program::program(conn, &actor)?, referrals::list(conn, &actor, None, PAGE, before.as_ref())?, candidates))
        })
        .await?;
    let next = page.rows.last().filter(|_| page.more).map(|(row, _)| row.id.clone());
    let text = |name: &str| given.as_ref().map(|(form, _)| form.get(name).to_owned()).unwrap_or_default();
    Ok(IndexPage {
        chrome: person.visit.chrome("Referrals", "campaigns"),
        tab: "referrals",
        program,
        rows: page.rows,
        next,
        candidates,
        base_url: state.base_url.clone(),
        contact: text("contact"),
        target: text("target"),
        problem: given.map(|(_, problem)| problem),
    })
}

pub(super) async fn index(person: Person, state: web::Data<State>, query: web::Query<Query>) -> Result<HttpResponse, PageError> {
    let before = query.before.as_deref().map(ReferralId::from);
    html(&page(&person, &state, before, None).await?)
}

pub(super) async fn create(person: Person, state: web::Data<State>, session: Session, form: Form) -> Result<HttpResponse, PageError> {
    let (actor, target) = (person.actor.clone(), form.get("target").trim().to_owned());
    let who = Named::by(Some(form.get("contact").trim().to_owned()), None);
    match state.write(move |conn| referrals::create(conn, &actor, &who, &target, clock::now())).await {
        Ok(made) => {
            let (row, _) = made.referral;
            flash(&session, if made.new { "Made. The link counts who follows it." } else { "This contact has a link to it already." });
            Ok(see_other(&format!("/referrals/{}", row.id)))
        }
        Err(error) if matches!(error.kind, ErrorKind::Invalid | ErrorKind::Conflict | ErrorKind::NotFound) => {
            let problem = words(&error);
            html_with(StatusCode::UNPROCESSABLE_ENTITY, &page(&person, &state, None, Some((&form, problem))).await?)
        }
        Err(error) => Err(error.into()),
    }
}

fn words(error: &Error) -> String {
    match &error.hint {
        Some(hint) => format!("{} {hint}", error.for_people()),
        None => error.for_people(),
    }
}

#[derive(Template)]
#[template(path = "referrals/show.html")]
struct ShowPage {
    chrome: Chrome,
    owned: Owned,
    conversions: Vec<Conversion>,
    rewards: Vec<Reward>,
    totals: Totals,
    mailboxes: Vec<Mailbox>,
    link: String,
    words: String,
    problem: Option<String>,
}

impl ShowPage {
    fn worth(&self, one: &Conversion) -> String {
        match (one.value_minor, &one.currency) {
            (Some(minor), Some(currency)) => Money { minor, currency: currency.clone() }.to_string(),
            _ => "no value given".to_owned(),
        }
    }

    fn reward_for(&self, one: &Conversion) -> Option<&Reward> {
        self.rewards.iter().find(|reward| reward.conversion_id == one.id)
    }

    fn said(&self, reward: &Reward) -> String {
        rewards::in_words(reward.amount, &reward.unit)
    }
}

async fn shown(person: &Person, state: &State, id: ReferralId, given: Option<(&Form, String)>) -> DomainResult<ShowPage> {
    let actor = person.actor.clone();
    let ((owned, conversions), (rewards, totals), mailboxes) = state
        .read(move |conn| {
            let found = referrals::get(conn, &actor, &id)?;
            let rewards = rewards::of_referral(conn, &actor, &found.0.0)?;
            let mut mailboxes = mailboxes::list(conn, &actor)?;
            mailboxes.retain(|mailbox| mailbox.mode != Mode::ReadOnly);
            Ok((found, rewards, mailboxes))
        })
        .await?;
    let link = owned.0.link(&state.base_url);
    let title = owned.1.name.clone().unwrap_or_else(|| owned.1.email.clone());
    let words = given.as_ref().map(|(form, _)| form.get("reward").to_owned()).unwrap_or_default();
    let chrome = person.visit.chrome(format!("Referrals of {title}"), "campaigns");
    Ok(ShowPage { chrome, owned, conversions, rewards, totals, mailboxes, link, words, problem: given.map(|(_, problem)| problem) })
}

pub(super) async fn show(person: Person, state: web::Data<State>, id: web::Path<String>) -> Result<HttpResponse, PageError> {
    html(&shown(&person, &state, ReferralId::from(id.as_str()), None).await?)
}

pub(super) async fn reward(
    person: Person,
    state: web::Data<State>,
    session: Session,
    id: web::Path<String>,
    form: Form,
) -> Result<HttpResponse, PageError> {
    let id = ReferralId::from(id.as_str());
    let (actor, target) = (person.actor.clone(), id.clone());
    let new = amount(&form).map(|amount| NewReward {
        conversion: RowId::from(form.get("conversion")),
        amount,
        unit: form.get("unit").to_owned(),
        tell: form.some("mailbox").is_some(),
        mailbox: form.some("mailbox").map(str::to_owned),
    });
    let done = state.write(move |conn| referrals::give(conn, &actor, &target, &new?, clock::now())).await;
    let told = done.map(|given| {
        let told = match (given.new, &given.message) {
            (false, _) => "This sign-up was rewarded already.",
            (true, Some(message)) if message.row.state == MessageState::Pending => "Recorded. The notice waits in the queue for a decision.",
            (true, Some(_)) => "Recorded. The notice leaves after the checks.",
            (true, None) => "Recorded. Nobody was told.",
        };
        (told, format!("/referrals/{id}"))
    });
    let target = id.clone();
    settled(&session, told, async |problem| Ok(shown(&person, &state, target, Some((&form, problem))).await?)).await
}

/// Whole units as people write them, in minor units; months as they are.
fn amount(form: &Form) -> DomainResult<i64> {
    let (given, unit) = (form.get("amount").trim(), form.get("unit").trim().to_ascii_uppercase());
    let parsed = if unit == rewards::MONTHS.to_ascii_uppercase() { given.parse().ok() } else { Money::parse(given, &unit).map(|money| money.minor) };
    parsed.ok_or_else(|| {
        Error::invalid("field_invalid", "amount", format!("amount must be a number such as 1 or 20.00; got \"{}\".", text::excerpt(given)))
    })
}

pub(super) async fn remind(
    person: Person,
    state: web::Data<State>,
    session: Session,
    id: web::Path<String>,
    form: Form,
) -> Result<HttpResponse, PageError> {
    let id = ReferralId::from(id.as_str());
    let (actor, target, reward, mailbox) = (person.actor.clone(), id.clone(), form.get("reward").to_owned(), form.some("mailbox").map(str::to_owned));
    let done = state.write(move |conn| referrals::remind(conn, &actor, &target, &reward, mailbox.as_deref(), clock::now())).await;
    let done = done.map(|message| {
        let waits = message.row.state == MessageState::Pending;
        let told = if waits { "The reminder waits in the queue for a decision." } else { "The reminder leaves after the checks." };
        (told, format!("/referrals/{id}"))
    });
    let target = id.clone();
    settled(&session, done, async |problem| Ok(shown(&person, &state, target, Some((&form, problem))).await?)).await
}
