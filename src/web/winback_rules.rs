//! Rules of win-back: the list, and one rule with what it would do while it is written.

use actix_session::Session;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

use super::errors::PageError;
use super::form::Form;
use super::page::{Chrome, Person, flash, html, see_other, settled, wants_part};
use crate::app::State;
use crate::clock;
use crate::domain::churn::ChurnEvent;
use crate::domain::churn::rules::picks::{self, Comparison};
use crate::domain::churn::rules::{self, Forecast, LOOKED_AT, MOST_DAILY, MOST_DAYS, MOST_HELD_OUT, Rule, Terms};
use crate::domain::churn::window;
use crate::domain::error::{Error, Kind as ErrorKind, Result as DomainResult};
use crate::domain::ids::{SegmentId, WinbackRuleId};
use crate::domain::mailboxes::{self, Mailbox, Mode};
use crate::domain::money::Money;
use crate::domain::policy::Verdict;
use crate::domain::reason::{Reason, Strategy};
use crate::domain::segments::{self, Segment};
use crate::domain::settings;

/// Segments that can be chosen.
const SEGMENTS: usize = 200;

#[derive(Template)]
#[template(path = "churn/rules.html")]
struct IndexPage {
    chrome: Chrome,
    rows: Vec<Rule>,
    window_days: i64,
}

pub(super) async fn index(person: Person, state: web::Data<State>) -> Result<HttpResponse, PageError> {
    let actor = person.actor.clone();
    let (rows, window_days) = state.read(move |conn| Ok((rules::list(conn, &actor)?, window::days(conn)?))).await?;
    html(&IndexPage { chrome: person.visit.chrome("Win-back rules", "churn"), rows, window_days })
}

/// What the form holds, as it was written.
#[derive(Debug, Default)]
struct Fields {
    id: String,
    name: String,
    mailbox: String,
    reasons: Vec<Reason>,
    mrr_from: String,
    currency: String,
    from_days: String,
    to_days: String,
    needs_update: bool,
    segment_id: String,
    imported: bool,
    strategy: Option<Strategy>,
    holdout: String,
    daily: String,
}

impl Fields {
    /// A rule as it is proposed: its drafts are few enough to be read, and one in ten is held out, so that its use can be told.
    fn proposed(mailbox: Option<String>) -> Fields {
        Fields {
            mailbox: mailbox.unwrap_or_default(),
            from_days: "3".to_owned(),
            to_days: "60".to_owned(),
            holdout: "10".to_owned(),
            daily: "50".to_owned(),
            currency: "USD".to_owned(),
            ..Fields::default()
        }
    }

    fn of_form(form: &Form) -> Fields {
        let text = |name: &str| form.get(name).trim().to_owned();
        Fields {
            id: text("id"),
            name: text("name"),
            mailbox: text("mailbox"),
            reasons: form.all("reasons").into_iter().filter_map(|word| word.parse().ok()).collect(),
            mrr_from: text("mrr_from"),
            currency: text("currency"),
            from_days: text("from_days"),
            to_days: text("to_days"),
            needs_update: form.some("needs_update").is_some(),
            segment_id: text("segment_id"),
            imported: form.some("imported").is_some(),
            strategy: form.get("strategy").parse().ok(),
            holdout: text("holdout"),
            daily: text("daily"),
        }
    }

    fn of_rule(row: &Rule) -> Fields {
        Fields {
            id: row.id.to_string(),
            name: row.name.clone(),
            mailbox: row.mailbox_id.to_string(),
            reasons: row.reasons.to_vec(),
            mrr_from: row.least().map(|least| least.plain()).unwrap_or_default(),
            currency: row.currency.clone().unwrap_or_else(|| "USD".to_owned()),
            from_days: row.from_days.to_string(),
            to_days: row.to_days.to_string(),
            needs_update: row.needs_update,
            segment_id: row.segment_id.as_ref().map(ToString::to_string).unwrap_or_default(),
            imported: row.imported,
            strategy: row.strategy,
            holdout: row.holdout.to_string(),
            daily: row.daily.to_string(),
        }
    }

    fn terms(&self) -> DomainResult<Terms> {
        let wrong = |field: &str, like: &str| Error::invalid("field_invalid", field, format!("{field} must be a number, such as {like}."));
        let number = |field: &str, given: &str, like: &str| given.parse::<i64>().map(Some).map_err(|_| wrong(field, like));
        let mrr_from = match self.mrr_from.as_str() {
            "" => None,
            given => Some(Money::parse(given, &self.currency.to_uppercase()).ok_or_else(|| wrong("mrr_from", "79.50"))?.minor),
        };
        Ok(Terms {
            name: Some(self.name.clone()),
            mailbox: Some(self.mailbox.clone()),
            enabled: None,
            reasons: Some(self.reasons.clone()),
            mrr_from: Some(mrr_from),
            currency: Some(self.currency.clone()),
            from_days: number("from_days", &self.from_days, "3")?,
            to_days: number("to_days", &self.to_days, "60")?,
            needs_update: Some(self.needs_update),
            segment_id: Some(Some(self.segment_id.as_str()).filter(|id| !id.is_empty()).map(SegmentId::from)),
            imported: Some(self.imported),
            strategy: Some(self.strategy),
            holdout: number("holdout", &self.holdout, "10")?,
            daily: number("daily", &self.daily, "50")?,
        })
    }

    fn is_new(&self) -> bool {
        self.id.is_empty()
    }

    fn has(&self, reason: &Reason) -> bool {
        self.reasons.contains(reason)
    }

    fn writes(&self, strategy: &Strategy) -> bool {
        self.strategy.as_ref() == Some(strategy)
    }
}

/// What the rule would do, or what is wrong with it.
enum Would {
    Do(Box<Forecast>),
    Wrong(String),
}

impl Would {
    /// The checks that would keep letters back, each with how many.
    fn checks(forecast: &Forecast) -> Vec<(String, &'static str, usize)> {
        let verdict = |verdict: Verdict| match verdict {
            Verdict::Refuse => "would be skipped",
            Verdict::Defer => "would leave later",
            _ => "would wait",
        };
        // That a person decides is said above.
        let reasons = forecast.checks.iter().flat_map(|checks| &checks.reasons).filter(|reason| reason.check != "mode");
        reasons.map(|reason| (super::spaced(reason.check), verdict(reason.verdict), reason.count)).collect()
    }

    fn name(event: &ChurnEvent) -> &str {
        event.customer_name.as_deref().or(event.customer_email.as_deref()).unwrap_or("A customer")
    }

    fn money(all: &[Money]) -> String {
        all.iter().map(ToString::to_string).collect::<Vec<_>>().join(" + ")
    }
}

#[derive(Template)]
#[template(path = "churn/rule.html")]
struct FormPage {
    chrome: Chrome,
    fields: Fields,
    mailboxes: Vec<Mailbox>,
    segments: Vec<Segment>,
    would: Would,
    /// The rule and how those fare whom it picked, where it is there already.
    stands: Option<(Rule, Comparison)>,
    problem: Option<String>,
}

impl FormPage {
    fn rate(side: &picks::Side) -> String {
        side.back.in_words("customer", "customers")
    }
}

#[derive(Template)]
#[template(path = "churn/_would.html")]
struct Fragment {
    would: Would,
}

async fn would(person: &Person, state: &State, fields: &Fields) -> Result<Would, PageError> {
    let terms = match fields.terms() {
        // A name is not needed to look.
        Ok(terms) => Terms { name: None, ..terms },
        Err(error) => return Ok(Would::Wrong(error.for_people())),
    };
    let (actor, id) = (person.actor.clone(), Some(fields.id.as_str()).filter(|id| !id.is_empty()).map(WinbackRuleId::from));
    let found = state.read(move |conn| {
        let rule = id.map(|id| rules::get(conn, &actor, &id)).transpose()?;
        rules::forecast(conn, &actor, rule, &terms, clock::now())
    });
    match found.await {
        Ok(forecast) => Ok(Would::Do(Box::new(forecast))),
        Err(error) if matches!(error.kind, ErrorKind::Invalid | ErrorKind::Forbidden) => Ok(Would::Wrong(error.for_people())),
        Err(error) => Err(error.into()),
    }
}

async fn form_page(person: &Person, state: &State, fields: Fields, problem: Option<String>) -> Result<FormPage, PageError> {
    let would = would(person, state, &fields).await?;
    let (actor, id) = (person.actor.clone(), WinbackRuleId::from(fields.id.as_str()));
    let is_new = fields.is_new();
    let (mailboxes, segments, stands) = state
        .read(move |conn| {
            let mailboxes = mailboxes::list(conn, &actor)?.into_iter().filter(|mailbox| mailbox.mode != Mode::ReadOnly).collect();
            let segments = segments::list(conn, &actor, SEGMENTS, None)?.rows;
            let stands = if is_new { None } else { Some((rules::get(conn, &actor, &id)?, picks::of_rule(conn, &actor, &id)?)) };
            Ok((mailboxes, segments, stands))
        })
        .await?;
    let title = stands.as_ref().map_or_else(|| "New win-back rule".to_owned(), |(rule, _)| rule.name.clone());
    Ok(FormPage { chrome: person.visit.chrome(title, "churn"), fields, mailboxes, segments, would, stands, problem })
}

pub(super) async fn new(person: Person, state: web::Data<State>) -> Result<HttpResponse, PageError> {
    let actor = person.actor.clone();
    let mailbox = state
        .read(move |conn| {
            let within_reach = mailboxes::list(conn, &actor)?;
            let set_up = settings::get(conn, settings::WINBACK_MAILBOX)?;
            let usual = within_reach.iter().find(|mailbox| Some(mailbox.id.as_str()) == set_up.as_deref());
            Ok(usual.or_else(|| within_reach.iter().find(|mailbox| mailbox.mode != Mode::ReadOnly)).map(|mailbox| mailbox.id.to_string()))
        })
        .await?;
    html(&form_page(&person, &state, Fields::proposed(mailbox), None).await?)
}

pub(super) async fn show(person: Person, state: web::Data<State>, id: web::Path<String>) -> Result<HttpResponse, PageError> {
    let (actor, id) = (person.actor.clone(), WinbackRuleId::from(id.as_str()));
    let rule = state.read(move |conn| rules::get(conn, &actor, &id)).await?;
    html(&form_page(&person, &state, Fields::of_rule(&rule), None).await?)
}

/// What the form would do: a part of the page for the script, the whole page without one.
pub(super) async fn preview(request: HttpRequest, person: Person, state: web::Data<State>, form: Form) -> Result<HttpResponse, PageError> {
    let fields = Fields::of_form(&form);
    if wants_part(&request) {
        return html(&Fragment { would: would(&person, &state, &fields).await? });
    }
    html(&form_page(&person, &state, fields, None).await?)
}

async fn keep(person: Person, state: &State, session: &Session, id: Option<WinbackRuleId>, form: &Form) -> Result<HttpResponse, PageError> {
    let fields = Fields { id: id.as_ref().map(ToString::to_string).unwrap_or_default(), ..Fields::of_form(form) };
    let actor = person.actor.clone();
    let kept = match fields.terms() {
        Ok(terms) => {
            let work = move |conn: &mut crate::db::Conn| match &id {
                Some(id) => rules::change(conn, &actor, id, &terms, clock::now()),
                None => rules::add(conn, &actor, &terms, clock::now()),
            };
            state.write(work).await
        }
        Err(error) => Err(error),
    };
    let done = kept.map(|row| (format!("Saved: {}. It looks within a minute, and then every hour.", row.name), format!("/churn/rules/{}", row.id)));
    settled(session, done, async |problem| form_page(&person, state, fields, Some(problem)).await).await
}

pub(super) async fn create(person: Person, state: web::Data<State>, session: Session, form: Form) -> Result<HttpResponse, PageError> {
    keep(person, &state, &session, None, &form).await
}

pub(super) async fn change(
    person: Person,
    state: web::Data<State>,
    session: Session,
    id: web::Path<String>,
    form: Form,
) -> Result<HttpResponse, PageError> {
    keep(person, &state, &session, Some(WinbackRuleId::from(id.as_str())), &form).await
}

/// Lets a rule rest, or go on.
pub(super) async fn switch(
    person: Person,
    state: web::Data<State>,
    session: Session,
    id: web::Path<String>,
    form: Form,
) -> Result<HttpResponse, PageError> {
    let (actor, id) = (person.actor.clone(), WinbackRuleId::from(id.as_str()));
    let terms = Terms { enabled: Some(form.get("enabled") == "yes"), ..Terms::default() };
    let row = state.write(move |conn| rules::change(conn, &actor, &id, &terms, clock::now())).await?;
    flash(&session, if row.enabled { "It drafts again, within a minute." } else { "It rests. What it drafted waits as before." });
    Ok(see_other(&format!("/churn/rules/{}", row.id)))
}

pub(super) async fn delete(
    person: Person,
    state: web::Data<State>,
    session: Session,
    id: web::Path<String>,
    _form: Form,
) -> Result<HttpResponse, PageError> {
    let (actor, id) = (person.actor.clone(), WinbackRuleId::from(id.as_str()));
    state.write(move |conn| rules::delete(conn, &actor, &id, clock::now())).await?;
    flash(&session, "Deleted. What it drafted stays, and so does the comparison.");
    Ok(see_other("/churn/rules"))
}
