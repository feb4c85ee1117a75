//! The rules of the workspace for commercial mail, and every check between one person and a message.

use actix_session::Session;
use actix_web::{HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use super::errors::PageError;
use super::form::Form;
use super::page::{Chrome, Person, flash, html, html_with, see_other};
use crate::app::State;
use crate::clock;
use crate::domain::contacts::suppressions::{self, Suppression};
use crate::domain::contacts::{self, Contact, groups};
use crate::domain::error::{Error, Result as DomainResult};
use crate::domain::ids::ContactId;
use crate::domain::mailboxes::{self, Mailbox};
use crate::domain::policy::rules::{self, GroundRule, Rules};
use crate::domain::policy::{self, Explanation, Question, Verdict, quiet};
use crate::domain::sequences::holidays;

#[derive(Template)]
#[template(path = "rules/show.html")]
struct RulesPage {
    chrome: Chrome,
    rules: Rules,
    groups: Vec<Suppression>,
    problem: Option<String>,
    group_problem: Option<String>,
    /// The days as they stand in the form, a line each.
    holidays: String,
    holiday_problem: Option<String>,
}

impl RulesPage {
    fn time(&self, minutes: &u16) -> String {
        quiet::clock(*minutes)
    }
}

pub(super) async fn show(person: Person, state: web::Data<State>) -> Result<HttpResponse, PageError> {
    html(&page(&person, &state).await?)
}

async fn page(person: &Person, state: &State) -> Result<RulesPage, PageError> {
    let actor = person.actor.clone();
    let (rules, groups, holidays) =
        state.read(move |conn| Ok((rules::rules(conn)?, groups::list(conn, &actor)?, holidays::list(conn, &actor)?))).await?;
    let holidays = holidays.iter().map(|holiday| holiday.in_line() + "\n").collect();
    let chrome = person.visit.chrome("Rules of sending", "rules");
    Ok(RulesPage { chrome, rules, groups, problem: None, group_problem: None, holidays, holiday_problem: None })
}

/// Says which days are no business days.
pub(super) async fn set_holidays(person: Person, state: web::Data<State>, session: Session, form: Form) -> Result<HttpResponse, PageError> {
    let actor = person.actor.clone();
    let done = match holidays::of_lines(form.get("holidays")) {
        Ok(list) => state.write(move |conn| holidays::set(conn, &actor, &list, clock::now())).await,
        Err(error) => Err(error),
    };
    match done {
        Ok(list) => {
            flash(&session, format!("Saved: {} days. They hold for those who wait as well.", list.len()));
            Ok(see_other("/rules#holidays"))
        }
        Err(error) => {
            let page =
                RulesPage { holidays: form.get("holidays").to_owned(), holiday_problem: Some(error.for_people()), ..page(&person, &state).await? };
            html_with(crate::api::status(error.kind), &page)
        }
    }
}

/// Suppresses a domain or a tag.
pub(super) async fn suppress(person: Person, state: web::Data<State>, session: Session, form: Form) -> Result<HttpResponse, PageError> {
    let (actor, whom) = (person.actor.clone(), form.get("whom").to_owned());
    let done = match groups::is_group(&whom) {
        true => state.write(move |conn| suppressions::suppress(conn, &actor, &whom, None, clock::now())).await.map(drop),
        false => {
            Err(Error::invalid("field_invalid", "whom", "Write @ and a domain, or # and a tag. For one person, record an objection on their page."))
        }
    };
    answered(&person, &state, &session, done, "Nobody of them is mailed any more.").await
}

/// Lets a domain or a tag be mailed again.
pub(super) async fn lift(person: Person, state: web::Data<State>, session: Session, form: Form) -> Result<HttpResponse, PageError> {
    let (actor, whom) = (person.actor.clone(), form.get("whom").to_owned());
    let done = state.write(move |conn| groups::lift(conn, &actor, &whom, clock::now())).await;
    answered(&person, &state, &session, done, "They can be mailed again, but for those who left.").await
}

async fn answered(person: &Person, state: &State, session: &Session, done: DomainResult<()>, said: &str) -> Result<HttpResponse, PageError> {
    match done {
        Ok(()) => {
            flash(session, said);
            Ok(see_other("/rules"))
        }
        Err(error) => {
            let page = RulesPage { group_problem: Some(error.for_people()), ..page(person, state).await? };
            html_with(crate::api::status(error.kind), &page)
        }
    }
}

pub(super) async fn change(person: Person, state: web::Data<State>, session: Session, form: Form) -> Result<HttpResponse, PageError> {
    let number = |name: &str| Ok::<u32, PageError>(form.number(name)?.and_then(|n| u32::try_from(n).ok()).unwrap_or(u32::MAX));
    let given = Rules {
        cap_messages: number("cap_messages")?,
        cap_days: number("cap_days")?,
        cap_per_topic: number("cap_per_topic")?,
        quiet_from: quiet::minutes(form.get("quiet_from")).unwrap_or(u16::MAX),
        quiet_until: quiet::minutes(form.get("quiet_until")).unwrap_or(u16::MAX),
        quiet_zone: form.some("quiet_zone").map(|zone| zone.trim().to_owned()),
        ground: form.word::<GroundRule>("ground")?,
        lapse_months: number("lapse_months")?,
    };
    let (actor, after) = (person.actor.clone(), given.clone());
    match state.write(move |conn| rules::set_rules(conn, &actor, &after, clock::now())).await {
        Ok(_) => {
            flash(&session, "Saved.");
            Ok(see_other("/rules"))
        }
        Err(error) => {
            let page = RulesPage { rules: given, problem: Some(error.for_people()), ..page(&person, &state).await? };
            html_with(crate::api::status(error.kind), &page)
        }
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    mailbox: Option<String>,
    class: Option<String>,
}

#[derive(Template)]
#[template(path = "customers/checks.html")]
struct ChecksPage {
    chrome: Chrome,
    contact: Contact,
    mailboxes: Vec<Mailbox>,
    class: String,
    found: Option<Explanation>,
}

impl ChecksPage {
    fn said(&self, verdict: &Verdict) -> &'static str {
        match verdict {
            Verdict::Pass => "Yes",
            Verdict::Defer => "Later",
            Verdict::Hold => "Waits",
            Verdict::Refuse => "No",
        }
    }

    fn name(&self, check: &str) -> String {
        let spaced = check.replace('_', " ");
        spaced[..1].to_uppercase() + &spaced[1..]
    }
}

pub(super) async fn explain(
    person: Person,
    state: web::Data<State>,
    id: web::Path<String>,
    asked: web::Query<Asked>,
) -> Result<HttpResponse, PageError> {
    let (actor, id, asked) = (person.actor.clone(), ContactId::from(id.as_str()), asked.into_inner());
    let class = asked.class.filter(|class| class == "transactional").unwrap_or_default();
    let of_class = Some(class.clone()).filter(|class| !class.is_empty());
    let (contact, mailboxes, found) = state
        .read(move |conn| {
            let contact = contacts::get(conn, &actor, &id)?;
            let mailboxes = mailboxes::list(conn, &actor)?;
            let mailbox = asked.mailbox.filter(|named| mailboxes.iter().any(|mailbox| mailbox.id.as_str() == named));
            let mailbox = mailbox.or_else(|| mailboxes.first().map(|mailbox| mailbox.id.to_string()));
            let question = Question { who: id.to_string(), mailbox: mailbox.clone(), class: of_class, campaign: None };
            let found = mailbox.map(|_| policy::explain(conn, &actor, &question, clock::now())).transpose()?;
            Ok((contact, mailboxes, found))
        })
        .await?;
    let name = contact.row.name.clone().unwrap_or_else(|| contact.row.email.clone());
    html(&ChecksPage { chrome: person.visit.chrome(format!("Can {name} be mailed?"), "customers"), contact, mailboxes, class, found })
}
