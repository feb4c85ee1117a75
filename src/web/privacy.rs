//! What is kept about one person, the register of requests, and how long things are kept.

use actix_session::Session;
use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, web};
use askama::Template;

use super::errors::PageError;
use super::form::Form;
use super::page::{Chrome, Person, Visitor, flash, html, html_with, see_other};
use crate::app::State;
use crate::clock::{self, Time};
use crate::domain::contacts::consents::opt_in::{self, Ask, Asked, OptIn};
use crate::domain::contacts::consents::{self, Consent, Jurisdiction};
use crate::domain::contacts::{self, Contact};
use crate::domain::error::{Error, Kind as Refusal, Result as DomainResult};
use crate::domain::ids::{ContactId, RowId};
use crate::domain::mailboxes::{self, Mailbox};
use crate::domain::privacy::export::{self, Everything};
use crate::domain::privacy::provenance::{self, Input, Provenance};
use crate::domain::privacy::requests::{self, Kind, Law, NewRequest, Request, Step};
use crate::domain::privacy::retention::{self, Periods};

/// Requests shown of each sort.
const SHOWN: i64 = 200;

#[derive(Template)]
#[template(path = "privacy/contact.html")]
struct ContactPage {
    chrome: Chrome,
    contact: Contact,
    ledger: Vec<Consent>,
    opt_ins: Vec<OptIn>,
    source: Option<Provenance>,
    requests: Vec<Request>,
    mailboxes: Vec<Mailbox>,
    problem: Option<String>,
}

impl ContactPage {
    fn is_late(&self, request: &Request) -> bool {
        request.is_late(self.chrome.visit.now)
    }
}

async fn contact_page(person: &Person, state: &State, id: ContactId, problem: Option<String>) -> Result<ContactPage, PageError> {
    let actor = person.actor.clone();
    let page = state
        .read(move |conn| {
            let contact = contacts::get(conn, &actor, &id)?;
            let ledger = consents::ledger(conn, &actor, &id)?;
            let opt_ins = opt_in::of_contact(conn, &actor, &id)?;
            Ok((contact, ledger, opt_ins, provenance::of(conn, &id)?, requests::of_contact(conn, &id)?, mailboxes::list(conn, &actor)?))
        })
        .await?;
    let (contact, ledger, opt_ins, source, requests, mailboxes) = page;
    let chrome = person.visit.chrome(format!("Data of {}", contact.row.email), "customers");
    Ok(ContactPage { chrome, contact, ledger, opt_ins, source, requests, mailboxes, problem })
}

pub(super) async fn contact(person: Person, state: web::Data<State>, id: web::Path<String>) -> Result<HttpResponse, PageError> {
    html(&contact_page(&person, &state, ContactId::from(id.as_str()), None).await?)
}

/// Back to the page, with what went wrong where something did.
async fn back<T>(
    person: &Person,
    state: &State,
    session: &Session,
    id: ContactId,
    done: DomainResult<T>,
    told: &str,
) -> Result<HttpResponse, PageError> {
    match done {
        Ok(_) => {
            flash(session, told);
            Ok(see_other(&format!("/customers/{id}/privacy")))
        }
        Err(error) => html_with(crate::api::status(error.kind), &contact_page(person, state, id, Some(error.for_people())).await?),
    }
}

pub(super) async fn ask(
    person: Person,
    state: web::Data<State>,
    session: Session,
    id: web::Path<String>,
    form: Form,
) -> Result<HttpResponse, PageError> {
    let (actor, id) = (person.actor.clone(), ContactId::from(id.as_str()));
    let jurisdiction = form.some("jurisdiction").map(|_| form.word::<Jurisdiction>("jurisdiction")).transpose()?;
    let ask = Ask {
        mailbox: form.some("mailbox").map(str::to_owned),
        source: form.get("source").to_owned(),
        purpose: form.get("purpose").to_owned(),
        wording: form.some("wording").map(str::to_owned),
        jurisdiction,
    };
    let target = id.clone();
    let done = state.write(move |conn| opt_in::ask(conn, &actor, &target, &ask, clock::now())).await;
    back(&person, &state, &session, id, done, "Submitted. When the message has left they can confirm for 30 days.").await
}

pub(super) async fn withdraw(
    person: Person,
    state: web::Data<State>,
    session: Session,
    path: web::Path<(String, String)>,
    _form: Form,
) -> Result<HttpResponse, PageError> {
    let (id, consent) = path.into_inner();
    let (actor, id, consent) = (person.actor.clone(), ContactId::from(id), RowId::from(consent));
    let target = id.clone();
    let done = state.write(move |conn| consents::withdraw(conn, &actor, &target, &consent, clock::now())).await;
    back(&person, &state, &session, id, done, "Withdrawn.").await
}

pub(super) async fn set_source(
    person: Person,
    state: web::Data<State>,
    session: Session,
    id: web::Path<String>,
    form: Form,
) -> Result<HttpResponse, PageError> {
    let (actor, id) = (person.actor.clone(), ContactId::from(id.as_str()));
    let input = Input { source: form.get("source").to_owned(), elsewhere: form.some("elsewhere").is_some(), basis: None, obtained_at: None };
    let target = id.clone();
    let done = state.write(move |conn| provenance::record(conn, &actor, &target, &input, clock::now())).await;
    back(&person, &state, &session, id, done, "Recorded.").await
}

pub(super) async fn request(
    person: Person,
    state: web::Data<State>,
    session: Session,
    id: web::Path<String>,
    form: Form,
) -> Result<HttpResponse, PageError> {
    let (actor, id) = (person.actor.clone(), ContactId::from(id.as_str()));
    let received_at = match form.some("received_on") {
        Some(day) => {
            let wrong = |_| Error::invalid("field_invalid", "received_on", "received_on must be a day such as 2026-04-30.");
            Some(day.trim().parse().map(Time::from_date).map_err(wrong)?)
        }
        None => None,
    };
    let new = NewRequest { kind: form.word("kind")?, law: form.word("law")?, received_at, note: form.some("note").map(str::to_owned) };
    let target = id.clone();
    let done = state.write(move |conn| requests::record(conn, &actor, &target, &new, clock::now())).await;
    back(&person, &state, &session, id, done, "Recorded.").await
}

/// Erases for good. The address is typed, because there is no way back.
pub(super) async fn erase(
    person: Person,
    state: web::Data<State>,
    session: Session,
    id: web::Path<String>,
    form: Form,
) -> Result<HttpResponse, PageError> {
    let (actor, id) = (person.actor.clone(), ContactId::from(id.as_str()));
    let page = contact_page(&person, &state, id.clone(), None).await?;
    if !form.get("email").trim().eq_ignore_ascii_case(&page.contact.row.email) {
        let problem = Some("Type the address of this person to erase them. There is no way back.".to_owned());
        return html_with(StatusCode::UNPROCESSABLE_ENTITY, &ContactPage { problem, ..page });
    }
    match state.erase(actor, id.clone()).await {
        Ok(_) => {
            flash(&session, "Erased. Their address is refused from now on.");
            Ok(see_other("/customers"))
        }
        Err(error) => html_with(crate::api::status(error.kind), &contact_page(&person, &state, id, Some(error.for_people())).await?),
    }
}

async fn everything(person: Person, state: &State, id: &str) -> Result<Everything, PageError> {
    let id = ContactId::from(id);
    Ok(state.write(move |conn| export::everything(conn, &person.actor, &id, clock::now())).await?)
}

fn download(kind: &'static str, name: &'static str, body: Vec<u8>) -> HttpResponse {
    let mut answer = HttpResponse::Ok();
    answer.content_type(kind).insert_header((header::CACHE_CONTROL, "no-store"));
    answer.insert_header((header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\""))).body(body)
}

pub(super) async fn as_json(person: Person, state: web::Data<State>, id: web::Path<String>) -> Result<HttpResponse, PageError> {
    let all = everything(person, &state, &id).await?;
    let body = serde_json::to_vec_pretty(&all.to_json()).map_err(Error::internal)?;
    Ok(download("application/json", "personal-data.json", body))
}

pub(super) async fn as_csv(person: Person, state: web::Data<State>, id: web::Path<String>) -> Result<HttpResponse, PageError> {
    let all = everything(person, &state, &id).await?;
    Ok(download("text/csv; charset=utf-8", "personal-data.csv", all.to_csv()?))
}

#[derive(Template)]
#[template(path = "privacy/index.html")]
struct IndexPage {
    chrome: Chrome,
    rows: Vec<(Request, String)>,
    periods: Periods,
    calls_are_configured: bool,
    /// The field that could not be taken, and why.
    wrong: Option<(String, String)>,
    problem: Option<String>,
}

impl IndexPage {
    /// What is wrong with this field.
    fn wrong_with(&self, field: &str) -> Option<&str> {
        self.wrong.as_ref().filter(|(wrong, _)| wrong == field).map(|(_, text)| text.as_str())
    }

    fn is_late(&self, request: &Request) -> bool {
        request.is_late(self.chrome.visit.now)
    }
}

async fn index_page(person: &Person, state: &State, problem: Option<String>) -> Result<IndexPage, PageError> {
    let actor = person.actor.clone();
    let (rows, periods, calls_are_configured) = state
        .read(move |conn| {
            let rows = requests::list(conn, &actor, SHOWN)?;
            let mut named = vec![];
            for row in rows {
                let contact = contacts::name_of(conn, &row.contact_id)?;
                named.push((row, contact));
            }
            Ok((named, retention::periods(conn)?, retention::calls_are_configured(conn)?))
        })
        .await?;
    Ok(IndexPage { chrome: person.visit.chrome("Privacy", "privacy"), rows, periods, calls_are_configured, wrong: None, problem })
}

pub(super) async fn index(person: Person, state: web::Data<State>) -> Result<HttpResponse, PageError> {
    html(&index_page(&person, &state, None).await?)
}

pub(super) async fn advance(
    person: Person,
    state: web::Data<State>,
    session: Session,
    id: web::Path<String>,
    form: Form,
) -> Result<HttpResponse, PageError> {
    let step = match form.get("step") {
        "acknowledge" => Step::Acknowledge,
        "extend" => Step::Extend(form.get("reason").to_owned()),
        _ => Step::Done,
    };
    let (actor, id) = (person.actor.clone(), RowId::from(id.as_str()));
    match state.write(move |conn| requests::advance(conn, &actor, &id, &step, clock::now())).await {
        Ok(_) => {
            flash(&session, "Noted.");
            Ok(see_other("/privacy"))
        }
        Err(error) => html_with(crate::api::status(error.kind), &index_page(&person, &state, Some(error.for_people())).await?),
    }
}

pub(super) async fn set_retention(person: Person, state: web::Data<State>, session: Session, form: Form) -> Result<HttpResponse, PageError> {
    let days = |name: &str| form.number(name).map(|days| days.unwrap_or(0));
    let before = state.read(retention::periods).await?;
    let periods = Periods {
        drafts: days("drafts")?,
        contacts: days("contacts")?,
        raw_mail: days("raw_mail")?,
        reports: days("reports")?,
        calls: form.number("calls")?.unwrap_or(before.calls),
    };
    let actor = person.actor.clone();
    match state.write(move |conn| retention::set(conn, &actor, &periods, clock::now())).await {
        Ok(()) => {
            flash(&session, "Saved. What is older goes with the next round of the worker.");
            Ok(see_other("/privacy"))
        }
        Err(ref error @ Error { kind: Refusal::Invalid, field: Some(ref field), .. }) => {
            let wrong = Some((field.clone(), error.for_people()));
            let page = IndexPage { periods, wrong, ..index_page(&person, &state, None).await? };
            html_with(crate::api::status(Refusal::Invalid), &page)
        }
        Err(error) => html_with(crate::api::status(error.kind), &index_page(&person, &state, Some(error.for_people())).await?),
    }
}

#[derive(Template)]
#[template(path = "public/confirm.html")]
struct ConfirmPage {
    chrome: Chrome,
    token: String,
    asked: Option<Asked>,
}

/// Shows a button. Looking confirms nothing: mail scanners fetch every link.
pub(super) async fn confirm_page(visitor: Visitor, state: web::Data<State>, token: web::Path<String>) -> Result<HttpResponse, PageError> {
    let token = token.into_inner();
    let looked_up = token.clone();
    let asked = state.read(move |conn| opt_in::look(conn, &looked_up, clock::now())).await?;
    html(&ConfirmPage { chrome: visitor.0.chrome("Confirm", ""), token, asked })
}

pub(super) async fn confirm(visitor: Visitor, state: web::Data<State>, token: web::Path<String>) -> Result<HttpResponse, PageError> {
    let token = token.into_inner();
    let used = token.clone();
    let asked = state.write(move |conn| opt_in::confirm(conn, &used, clock::now())).await?;
    html(&ConfirmPage { chrome: visitor.0.chrome("Confirm", ""), token, asked })
}
