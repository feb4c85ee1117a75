//! Campaigns: what each is for, its numbers, its stop switch, and whom others reach as well.

use actix_session::Session;
use actix_web::{HttpResponse, web};
use askama::Template;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::errors::PageError;
use super::form::Form;
use super::page::{Chrome, Person, html, settled};
use super::trials::{self, Shown};
use crate::app::State;
use crate::clock;
use crate::db::Conn;
use crate::domain::actor::Actor;
use crate::domain::campaigns::overview::{self, Overview, Summary, Totals};
use crate::domain::campaigns::rounds::{self, MOST_HELD_OUT, Named, NewRound};
use crate::domain::campaigns::variants::{Comparison, Variant};
use crate::domain::campaigns::{self, Change, Kind, NewCampaign};
use crate::domain::error::{Error, Result as DomainResult};
use crate::domain::ids::{CampaignId, SegmentId, TemplateId};
use crate::domain::mailboxes::{self, Mailbox};
use crate::domain::messages::State as MessageState;
use crate::domain::policy::{self, Forecast, Group, Verdict};
use crate::domain::preferences::topics::{self, Topic};
use crate::domain::segments::{self, Segment};
use crate::domain::templates::{self, Whole};
use crate::domain::text;
use crate::domain::trials::{MOST_VARIANTS, Measure};

/// Campaigns on one page.
const PAGE: usize = 30;
/// Templates that can be chosen in a form.
const TEMPLATES: usize = 200;
/// Segments that can be chosen in a form.
const SEGMENTS: usize = 200;

#[derive(Debug, Default, Deserialize)]
pub(super) struct Query {
    before: Option<String>,
    archived: Option<String>,
}

#[derive(Template)]
#[template(path = "campaigns/index.html")]
struct IndexPage {
    chrome: Chrome,
    tab: &'static str,
    rows: Vec<Summary>,
    next: Option<CampaignId>,
    archived: bool,
    alone: Vec<(String, Totals)>,
}

pub(super) async fn index(person: Person, state: web::Data<State>, query: web::Query<Query>) -> Result<HttpResponse, PageError> {
    let (actor, archived) = (person.actor.clone(), query.archived.is_some());
    let before = query.before.as_deref().map(CampaignId::from);
    let (page, alone) = state
        .read(move |conn| {
            let page = overview::summaries(conn, &actor, archived, PAGE, before.as_ref())?;
            let alone = if archived || before.is_some() { vec![] } else { overview::labels_alone(conn, &actor)? };
            Ok((page, alone))
        })
        .await?;
    let next = page.rows.last().filter(|_| page.more).map(|row| row.campaign.id.clone());
    html(&IndexPage { chrome: person.visit.chrome("Campaigns", "campaigns"), tab: "campaigns", rows: page.rows, next, archived, alone })
}

/// What the form of a campaign holds, and what can be chosen in it.
struct Fields {
    name: String,
    kind: Option<Kind>,
    goal: String,
    segment: String,
    mailbox: String,
    topic: String,
    segments: Vec<Segment>,
    mailboxes: Vec<Mailbox>,
    topics: Vec<Topic>,
}

impl Fields {
    fn is_kind(&self, kind: &Kind) -> bool {
        self.kind == Some(*kind)
    }
}

/// What can be chosen; nothing is chosen yet.
fn choices(conn: &mut Conn, actor: &Actor) -> DomainResult<Fields> {
    let mut topics = topics::list(conn, actor)?;
    topics.retain(|topic| topic.archived_at.is_none());
    Ok(Fields {
        name: String::new(),
        kind: None,
        goal: String::new(),
        segment: String::new(),
        mailbox: String::new(),
        topic: String::new(),
        segments: segments::list(conn, actor, SEGMENTS, None)?.rows,
        mailboxes: mailboxes::list(conn, actor)?,
        topics,
    })
}

/// What was posted, with the choices.
fn posted(choices: Fields, form: &Form) -> Fields {
    let text = |name: &str| form.get(name).to_owned();
    Fields {
        name: text("name"),
        kind: form.get("kind").parse().ok(),
        goal: text("goal"),
        segment: text("segment"),
        mailbox: text("mailbox"),
        topic: text("topic"),
        ..choices
    }
}

#[derive(Template)]
#[template(path = "campaigns/new.html")]
struct NewPage {
    chrome: Chrome,
    fields: Fields,
    problem: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    name: Option<String>,
    segment: Option<String>,
}

pub(super) async fn new(person: Person, state: web::Data<State>, query: web::Query<Asked>) -> Result<HttpResponse, PageError> {
    let actor = person.actor.clone();
    let choices = state.read(move |conn| choices(conn, &actor)).await?;
    let Asked { name, segment } = query.into_inner();
    let fields = Fields { name: name.unwrap_or_default(), segment: segment.unwrap_or_default(), ..choices };
    html(&NewPage { chrome: person.visit.chrome("New campaign", "campaigns"), fields, problem: None })
}

pub(super) async fn create(person: Person, state: web::Data<State>, session: Session, form: Form) -> Result<HttpResponse, PageError> {
    let text = |name: &str| form.some(name).map(str::to_owned);
    let actor = person.actor.clone();
    let made = match form.word::<Kind>("kind") {
        Ok(kind) => {
            let (name, segment_id) = (form.get("name").to_owned(), form.some("segment").map(SegmentId::from));
            let new = NewCampaign { name, kind, goal: text("goal"), segment_id, mailbox: text("mailbox"), topic: text("topic") };
            state.write(move |conn| campaigns::create(conn, &actor, &new, clock::now())).await
        }
        Err(error) => Err(error),
    };
    let done = made.map(|row| (format!("Made. Messages with the campaign \"{}\" belong to it.", row.name), format!("/campaigns/{}", row.id)));
    let again = async |problem| {
        let actor = person.actor.clone();
        let fields = posted(state.read(move |conn| choices(conn, &actor)).await?, &form);
        Ok(NewPage { chrome: person.visit.chrome("New campaign", "campaigns"), fields, problem: Some(problem) })
    };
    settled(&session, done, again).await
}

#[derive(Template)]
#[template(path = "campaigns/show.html")]
struct ShowPage {
    chrome: Chrome,
    found: Overview,
    fields: Fields,
    problem: Option<String>,
    /// The variants as they stand in the form, with room for more.
    variants: Vec<VariantField>,
    comparison: Option<Shown>,
    /// What was drafted for its segment, and how far it is.
    rounds: Vec<Named>,
    /// What can be drafted.
    templates: Vec<Whole>,
    holdout: String,
}

impl ShowPage {
    fn under_way(&self) -> bool {
        self.rounds.iter().any(|named| named.round.goes_on())
    }

    /// Rows of variants that are open: those that say something, and two for a beginning.
    fn open_rows(&self) -> usize {
        self.variants.iter().filter(|one| !one.name.is_empty() || !one.share.is_empty()).count().max(2)
    }

    /// Whether the rows from this one on, counted from 1, are folded away.
    fn begins_more(&self, row: &usize) -> bool {
        *row == self.open_rows() + 1
    }

    fn has_more(&self) -> bool {
        self.variants.len() > self.open_rows()
    }

    /// The states in which there are messages, with how many.
    fn states(&self) -> Vec<(&MessageState, i64)> {
        self.found.totals.numbers.iter().filter(|(_, number)| **number != 0).map(|(state, number)| (state, *number)).collect()
    }

    fn mailbox(&self) -> Option<&Mailbox> {
        self.fields.mailboxes.iter().find(|mailbox| self.found.campaign.mailbox_id.as_ref() == Some(&mailbox.id))
    }

    fn topic(&self) -> Option<&Topic> {
        self.fields.topics.iter().find(|topic| self.found.campaign.topic_id.as_ref() == Some(&topic.id))
    }

    /// Whether its mailbox has another mode than is advised for its kind.
    fn other_mode(&self) -> bool {
        self.mailbox().is_some_and(|mailbox| mailbox.mode != self.found.campaign.kind.recommended_mode())
    }
}

async fn shown(person: &Person, state: &State, id: CampaignId, given: Option<(&Form, String)>) -> Result<ShowPage, PageError> {
    let actor = person.actor.clone();
    let (found, choices, rounds, templates) = state
        .read(move |conn| {
            let found = overview::overview(conn, &actor, &id, clock::now())?;
            let templates = templates::list(conn, &actor, false, TEMPLATES, None)?.rows;
            Ok((found, choices(conn, &actor)?, rounds::rounds(conn, &actor, &id)?, templates))
        })
        .await?;
    let row = &found.campaign;
    let holdout = given.as_ref().map(|(form, _)| form.get("holdout").to_owned()).unwrap_or_default();
    let given_variants = given.as_ref().map(|(form, _)| posted_variants(form)).filter(|given| !given.is_empty());
    let (form, problem) = given.map_or((None, None), |(form, problem)| (Some(form), Some(problem)));
    // The forms of a comparison and of drafts do not hold the other fields.
    let fields = match form.filter(|form| form.some("measure").is_none() && form.some("template").is_none()) {
        Some(form) => posted(choices, form),
        None => {
            let word = |id: Option<&str>| id.unwrap_or_default().to_owned();
            Fields {
                goal: row.goal.clone().unwrap_or_default(),
                segment: word(row.segment_id.as_ref().map(SegmentId::as_str)),
                mailbox: word(row.mailbox_id.as_ref().map(|id| id.as_str())),
                topic: word(row.topic_id.as_ref().map(|id| id.as_str())),
                ..choices
            }
        }
    };
    let mut variants = given_variants.unwrap_or_else(|| row.variants.iter().map(VariantField::from).collect());
    variants.resize(MOST_VARIANTS.max(variants.len()), VariantField::default());
    let comparison = (!found.arms.is_empty()).then(|| trials::shown("Variants side by side".to_owned(), &found.arms, row.measure));
    Ok(ShowPage {
        chrome: person.visit.chrome(row.name.clone(), "campaigns"),
        fields,
        problem,
        variants,
        comparison,
        rounds,
        templates,
        holdout,
        found,
    })
}

pub(super) async fn show(person: Person, state: web::Data<State>, id: web::Path<String>) -> Result<HttpResponse, PageError> {
    html(&shown(&person, &state, CampaignId::from(id.as_str()), None).await?)
}

/// Does something to a campaign and answers with its page: what was done, or what is wrong.
async fn settle(
    person: Person,
    state: &State,
    session: &Session,
    id: &str,
    form: &Form,
    work: impl FnOnce(&mut Conn, &Actor, &CampaignId) -> DomainResult<&'static str> + Send + 'static,
) -> Result<HttpResponse, PageError> {
    let (actor, id) = (person.actor.clone(), CampaignId::from(id));
    let target = id.clone();
    let done = state.write(move |conn| work(conn, &actor, &target)).await.map(|told| (told, format!("/campaigns/{id}")));
    settled(session, done, async |problem| shown(&person, state, id, Some((form, problem))).await).await
}

pub(super) async fn change(
    person: Person,
    state: web::Data<State>,
    session: Session,
    id: web::Path<String>,
    form: Form,
) -> Result<HttpResponse, PageError> {
    let text = |name: &str| Some(form.get(name).to_owned());
    let change = Change { goal: text("goal"), segment_id: text("segment"), mailbox: text("mailbox"), topic: text("topic"), archived: None };
    let work = move |conn: &mut Conn, actor: &Actor, id: &CampaignId| {
        campaigns::change(conn, actor, id, &change, clock::now())?;
        Ok("Saved.")
    };
    settle(person, &state, &session, &id, &form, work).await
}

/// A variant as it was written in the form.
#[derive(Debug, Clone, Default)]
struct VariantField {
    name: String,
    share: String,
    template: String,
}

impl From<&Variant> for VariantField {
    fn from(one: &Variant) -> Self {
        let template = one.template_id.as_ref().map(ToString::to_string).unwrap_or_default();
        VariantField { name: one.name.clone(), share: one.share.to_string(), template }
    }
}

impl VariantField {
    fn variant(&self) -> DomainResult<Variant> {
        let wrong = || {
            let got = text::excerpt(&self.share);
            Error::invalid(
                "field_invalid",
                "variants",
                format!("The share of {} must be a number from 1 to 99; got \"{got}\".", text::excerpt(&self.name)),
            )
        };
        let share = self.share.trim().trim_end_matches('%').parse().map_err(|_| wrong())?;
        let template_id = Some(self.template.as_str()).filter(|id| !id.is_empty()).map(TemplateId::from);
        Ok(Variant { name: self.name.trim().to_owned(), share, template_id })
    }
}

/// The rows of the form that say something.
fn posted_variants(form: &Form) -> Vec<VariantField> {
    let (names, shares, templates) = (form.all("variant_name"), form.all("variant_share"), form.all("variant_template"));
    let word = |list: &[&str], row: usize| list.get(row).copied().unwrap_or_default().to_owned();
    let field = |row| VariantField { name: word(&names, row), share: word(&shares, row), template: word(&templates, row) };
    (0..names.len()).map(field).filter(|one| !one.name.trim().is_empty() || !one.share.trim().is_empty()).collect()
}

pub(super) async fn compare(
    person: Person,
    state: web::Data<State>,
    session: Session,
    id: web::Path<String>,
    form: Form,
) -> Result<HttpResponse, PageError> {
    let wanted = posted_variants(&form).iter().map(VariantField::variant).collect::<DomainResult<Vec<_>>>().and_then(|variants| {
        Ok(Comparison { variants: Some(variants), measure: Some(form.word("measure")?), shifts: Some(form.some("shifts").is_some()) })
    });
    let work = move |conn: &mut Conn, actor: &Actor, id: &CampaignId| {
        campaigns::variants::compare(conn, actor, id, &wanted?, clock::now())?;
        Ok("Saved. What is drafted for everybody follows it.")
    };
    settle(person, &state, &session, &id, &form, work).await
}

/// Lines of a variable and what it is for everybody, such as "deadline 2026-04-30".
fn values(form: &Form) -> Map<String, Value> {
    let line =
        |line: &str| line.trim().split_once([' ', '=', ':']).map(|(name, value)| (name.trim().to_owned(), Value::String(value.trim().to_owned())));
    form.get("values").lines().filter_map(line).collect()
}

pub(super) async fn draft(
    person: Person,
    state: web::Data<State>,
    session: Session,
    id: web::Path<String>,
    form: Form,
) -> Result<HttpResponse, PageError> {
    let holdout = form.number("holdout").map(|share| share.and_then(|share| i32::try_from(share).ok()).unwrap_or(0));
    let template = TemplateId::from(form.get("template"));
    let (values, mailbox) = (values(&form), form.some("mailbox").map(str::to_owned));
    let work = move |conn: &mut Conn, actor: &Actor, id: &CampaignId| {
        let new = NewRound { template, version: None, values, mailbox, holdout: holdout? };
        rounds::start(conn, actor, id, &new, clock::now())?;
        Ok("Drafting. It goes on in the background, also after a restart.")
    };
    settle(person, &state, &session, &id, &form, work).await
}

pub(super) async fn cancel_drafts(
    person: Person,
    state: web::Data<State>,
    session: Session,
    id: web::Path<String>,
    form: Form,
) -> Result<HttpResponse, PageError> {
    let work = |conn: &mut Conn, actor: &Actor, id: &CampaignId| {
        rounds::cancel(conn, actor, id, clock::now())?;
        Ok("Cancelled. What was drafted stays.")
    };
    settle(person, &state, &session, &id, &form, work).await
}

pub(super) async fn archive(
    person: Person,
    state: web::Data<State>,
    session: Session,
    id: web::Path<String>,
    form: Form,
) -> Result<HttpResponse, PageError> {
    let away = form.get("archived") == "yes";
    let work = move |conn: &mut Conn, actor: &Actor, id: &CampaignId| {
        campaigns::change(conn, actor, id, &Change { archived: Some(away), ..Change::default() }, clock::now())?;
        Ok(if away { "Put away. Its messages go on; stop it to hold them." } else { "Taken out again." })
    };
    settle(person, &state, &session, &id, &form, work).await
}

pub(super) async fn stop(
    person: Person,
    state: web::Data<State>,
    session: Session,
    id: web::Path<String>,
    form: Form,
) -> Result<HttpResponse, PageError> {
    let work = |conn: &mut Conn, actor: &Actor, id: &CampaignId| {
        campaigns::stop(conn, actor, id, clock::now())?;
        Ok("Stopped. Nothing of it leaves until somebody resumes it.")
    };
    settle(person, &state, &session, &id, &form, work).await
}

pub(super) async fn resume(
    person: Person,
    state: web::Data<State>,
    session: Session,
    id: web::Path<String>,
    form: Form,
) -> Result<HttpResponse, PageError> {
    let work = |conn: &mut Conn, actor: &Actor, id: &CampaignId| {
        campaigns::resume(conn, actor, id, clock::now())?;
        Ok("Resumed. What was approved goes out again.")
    };
    settle(person, &state, &session, &id, &form, work).await
}

#[derive(Template)]
#[template(path = "campaigns/forecast.html")]
struct ForecastPage {
    chrome: Chrome,
    campaign: campaigns::Campaign,
    segment: Segment,
    found: Forecast,
}

impl ForecastPage {
    fn verdict(&self, verdict: &Verdict) -> &'static str {
        match verdict {
            Verdict::Refuse => "Would be skipped",
            Verdict::Defer => "Would leave later",
            _ => "Would wait",
        }
    }
}

/// Who of its segment would be skipped now, and why.
pub(super) async fn forecast(person: Person, state: web::Data<State>, id: web::Path<String>) -> Result<HttpResponse, PageError> {
    let (actor, id) = (person.actor.clone(), CampaignId::from(id.as_str()));
    let (campaign, segment, found) = state
        .read(move |conn| {
            let now = clock::now();
            let found = overview::overview(conn, &actor, &id, now)?;
            let (segment, _) = found.segment.ok_or_else(|| Error::conflict("segment_missing", "This campaign has no segment. Choose one first."))?;
            let class = match found.campaign.kind {
                Kind::Winback => "win_back",
                kind => kind.as_str(),
            };
            let group = Group {
                segment_id: Some(segment.id.clone()),
                mailbox: found.campaign.mailbox_id.as_ref().map(ToString::to_string),
                class: Some(class.to_owned()),
                campaign: Some(found.campaign.name.clone()),
                ..Group::default()
            };
            let forecast = policy::forecast(conn, &actor, &group, now)?;
            Ok((found.campaign, segment, forecast))
        })
        .await?;
    html(&ForecastPage { chrome: person.visit.chrome(format!("{}: forecast", campaign.name), "campaigns"), campaign, segment, found })
}
