//! Churn events: the list, one customer leaving, the nine variants side by side.

use actix_session::Session;
use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;

use super::churn_query::Query;
use super::errors::PageError;
use super::form::Form;
use super::page::{Chrome, Person, flash, html, html_with, see_other};
use crate::app::State;
use crate::clock;
use crate::domain::churn::answers::{self, Answer};
use crate::domain::churn::intake::{NewChurnEvent, Taken, take};
use crate::domain::churn::rules::picks::{self, Pick};
use crate::domain::churn::runs::{self, ModelRun};
use crate::domain::churn::variants::{self as nine, Choice, Variant};
use crate::domain::churn::{self, ChurnEvent, EventType, Status};
use crate::domain::contacts::consents::opt_in::Ask;
use crate::domain::contacts::{self, Customer};
use crate::domain::drafting::WrittenBy;
use crate::domain::error::Result as DomainResult;
use crate::domain::ids::{ChurnEventId, VariantId};
use crate::domain::mailboxes::{self, Mailbox};
use crate::domain::messages::State as MessageState;
use crate::domain::messages::list::{self, ListRow};
use crate::domain::money::Money;
use crate::domain::reason::Reason;
use crate::domain::segments;
use crate::domain::threads::{self, InboundEmail};

#[derive(Template)]
#[template(path = "churn/index.html")]
struct IndexPage {
    chrome: Chrome,
    rows: Vec<ChurnEvent>,
    next: Option<String>,
    query: Query,
    /// What else must hold, in words.
    also: Vec<String>,
}

/// What they paid a month, in words.
pub(super) fn mrr(row: &ChurnEvent) -> String {
    row.mrr_minor.map(|minor| Money { minor, currency: row.currency.clone() }.to_string()).unwrap_or_default()
}

pub(super) async fn index(person: Person, state: web::Data<State>, query: web::Query<Query>) -> Result<HttpResponse, PageError> {
    let (query, now) = (query.into_inner(), clock::now());
    let actor = person.actor.clone();
    let asked = query.clone();
    let (rows, more, segment) = state
        .read(move |conn| {
            let segment = match asked.segment() {
                Some(id) => Some(segments::get(conn, &actor, &id, now)?.0),
                None => None,
            };
            let (rows, more) = churn::list(conn, &actor, &asked.filter(segment.as_ref(), now))?;
            Ok((rows, more, segment))
        })
        .await?;
    let next = rows.last().filter(|_| more).map(|last| query.older_than(last));
    let also = query.also(segment.as_ref().map(|segment| segment.name.as_str()));
    html(&IndexPage { chrome: person.visit.chrome("Churn", "churn"), rows, next, query, also })
}

#[derive(Template)]
#[template(path = "churn/show.html")]
struct ShowPage {
    chrome: Chrome,
    event: ChurnEvent,
    customer: Option<Customer>,
    thread: Vec<InboundEmail>,
    answers: Vec<Answer>,
    variants: Vec<Variant>,
    messages: Vec<ListRow>,
    /// What a rule of win-back made of it.
    pick: Option<Pick>,
}

impl ShowPage {
    fn mrr(&self) -> String {
        mrr(&self.event)
    }

    fn features(&self) -> Vec<String> {
        self.customer.as_ref().map_or_else(|| self.event.features.to_vec(), |customer| customer.features.to_vec())
    }
}

pub(super) async fn show(person: Person, state: web::Data<State>, id: web::Path<String>) -> Result<HttpResponse, PageError> {
    let (actor, id, now) = (person.actor.clone(), ChurnEventId::from(id.as_str()), clock::now());
    let visit = person.visit.clone();
    let (event, customer, thread, answers, variants, messages, pick) = state
        .read(move |conn| {
            let event = churn::get(conn, &actor, &id)?;
            let threshold = answers::threshold(conn)?;
            let answers = answers::suggestions(conn, &event, threshold, now)?;
            let variants = nine::list(conn, &actor, &id)?;
            let (customer, thread, messages) = match &event.contact_id {
                Some(contact) => {
                    let filter = list::Filter { contact: Some(contact.clone()), limit: 20, ..list::Filter::default() };
                    (contacts::customer(conn, contact)?, threads::of_contact(conn, &actor, contact)?, list::list(conn, &actor, &filter)?.0)
                }
                None => (None, vec![], vec![]),
            };
            let pick = picks::of_event(conn, &event.id)?;
            Ok((event, customer, thread, answers, variants, messages, pick))
        })
        .await?;
    let title = event.customer_name.clone().or_else(|| event.customer_email.clone()).unwrap_or_else(|| "A customer".to_owned());
    html(&ShowPage { chrome: visit.chrome(title, "churn"), event, customer, thread, answers, variants, messages, pick })
}

#[derive(Template)]
#[template(path = "churn/variants.html")]
struct VariantsPage {
    chrome: Chrome,
    event: ChurnEvent,
    variants: Vec<Variant>,
    mailboxes: Vec<Mailbox>,
    chosen_mailbox: String,
    runs: Vec<ModelRun>,
}

pub(super) async fn variants(person: Person, state: web::Data<State>, id: web::Path<String>) -> Result<HttpResponse, PageError> {
    let (actor, id) = (person.actor.clone(), ChurnEventId::from(id.as_str()));
    let visit = person.visit.clone();
    let (event, variants, mailboxes, set_up, runs) = state
        .read(move |conn| {
            let set_up = crate::domain::settings::get(conn, crate::domain::settings::WINBACK_MAILBOX)?;
            Ok((
                churn::get(conn, &actor, &id)?,
                nine::list(conn, &actor, &id)?,
                mailboxes::list(conn, &actor)?,
                set_up,
                runs::list(conn, &actor, &id)?,
            ))
        })
        .await?;
    let page =
        VariantsPage { chrome: visit.chrome("Nine variants", "churn"), event, variants, mailboxes, chosen_mailbox: set_up.unwrap_or_default(), runs };
    html(&page)
}

pub(super) async fn generate(person: Person, state: web::Data<State>, id: web::Path<String>, _form: Form) -> Result<HttpResponse, PageError> {
    let (actor, id) = (person.actor.clone(), ChurnEventId::from(id.as_str()));
    state.draft(&actor, &id).await?;
    Ok(see_other(&format!("/churn/{id}/variants")))
}

pub(super) async fn choose(
    person: Person,
    state: web::Data<State>,
    session: Session,
    path: web::Path<(String, String)>,
    form: Form,
) -> Result<HttpResponse, PageError> {
    let (event, variant) = path.into_inner();
    let (event, variant) = (ChurnEventId::from(event.as_str()), VariantId::from(variant.as_str()));
    let (actor, named, email_configured) = (person.actor.clone(), form.some("mailbox").map(str::to_owned), state.email_configured);
    let message = state
        .write(move |conn| {
            let choice = Choice { mailbox: named.as_deref(), email_configured, mode: None };
            nine::choose(conn, &actor, &event, &variant, choice, clock::now())
        })
        .await?;
    flash(
        &session,
        match message.row.state {
            MessageState::Pending => "Submitted. You chose it, so somebody else approves it.",
            _ => "Cleared by the mailbox's mode. It is on its way.",
        },
    );
    Ok(see_other(&format!("/messages/{}", message.row.id)))
}

pub(super) async fn correct_reason(
    person: Person,
    state: web::Data<State>,
    session: Session,
    id: web::Path<String>,
    form: Form,
) -> Result<HttpResponse, PageError> {
    let (actor, id) = (person.actor.clone(), ChurnEventId::from(id.as_str()));
    let (target, reason) = (id.clone(), form.word::<Reason>("reason")?);
    state.write(move |conn| churn::correct_reason(conn, &actor, &target, reason, clock::now())).await?;
    flash(&session, format!("The reason is now “{}”.", reason.label()));
    Ok(see_other(&format!("/churn/{id}")))
}

pub(super) async fn recovered(
    person: Person,
    state: web::Data<State>,
    session: Session,
    id: web::Path<String>,
    _form: Form,
) -> Result<HttpResponse, PageError> {
    let (actor, id) = (person.actor.clone(), ChurnEventId::from(id.as_str()));
    let target = id.clone();
    state.write(move |conn| churn::recover(conn, &actor, &target, clock::now())).await?;
    flash(&session, "Marked as recovered.");
    Ok(see_other(&format!("/churn/{id}")))
}

pub(super) async fn release(
    person: Person,
    state: web::Data<State>,
    session: Session,
    id: web::Path<String>,
    _form: Form,
) -> Result<HttpResponse, PageError> {
    let (actor, id) = (person.actor.clone(), ChurnEventId::from(id.as_str()));
    let target = id.clone();
    state.write(move |conn| picks::release(conn, &actor, &target, clock::now())).await?;
    flash(&session, "Taken out of the comparison. They can be written to.");
    Ok(see_other(&format!("/churn/{id}")))
}

#[derive(Template)]
#[template(path = "churn/new.html")]
struct NewPage {
    chrome: Chrome,
    new: NewChurnEvent,
    mailboxes: Vec<Mailbox>,
    problem: Option<String>,
}

impl NewPage {
    fn value<'a>(&'a self, given: &'a Option<String>) -> &'a str {
        given.as_deref().unwrap_or_default()
    }

    fn is_asking(&self, mailbox: &Mailbox) -> bool {
        self.new.confirm.as_ref().and_then(|ask| ask.mailbox.as_deref()) == Some(mailbox.id.as_str())
    }
}

async fn new_page(person: &Person, state: &State, new: NewChurnEvent, problem: Option<String>) -> Result<NewPage, PageError> {
    let actor = person.actor.clone();
    let mailboxes = state.read(move |conn| mailboxes::list(conn, &actor)).await?;
    Ok(NewPage { chrome: person.visit.chrome("A customer left", "churn"), new, mailboxes, problem })
}

pub(super) async fn new(person: Person, state: web::Data<State>) -> Result<HttpResponse, PageError> {
    html(&new_page(&person, &state, NewChurnEvent::default(), None).await?)
}

fn new_event(form: &Form) -> DomainResult<NewChurnEvent> {
    let text = |name: &str| form.some(name).map(str::to_owned);
    Ok(NewChurnEvent {
        customer_email: text("customer_email"),
        customer_name: text("customer_name"),
        company: text("company"),
        provider: Some("form".to_owned()),
        plan_name: text("plan_name"),
        mrr_minor: form.number("mrr_cents")?,
        currency: text("currency"),
        tenure_days: form.number("tenure_days")?,
        cancel_reason: text("cancel_reason"),
        cancel_reason_text: text("cancel_reason_text"),
        event_type: text("event_type"),
        features: form.list("features"),
        confirm: form.some("confirm").map(|mailbox| Ask {
            mailbox: Some(mailbox.to_owned()),
            source: "a form of the desk".to_owned(),
            ..Ask::default()
        }),
        ..NewChurnEvent::default()
    })
}

pub(super) async fn create(person: Person, state: web::Data<State>, form: Form) -> Result<HttpResponse, PageError> {
    let parsed = new_event(&form);
    let kept = parsed.clone().unwrap_or_default();
    let actor = person.actor.clone();
    let taken = match parsed {
        Ok(new) => state.write(move |conn| take(conn, &actor, &new, "form", clock::now())).await,
        Err(error) => Err(error),
    };
    match taken {
        Ok(Taken::New(event) | Taken::Known(event)) => Ok(see_other(&format!("/churn/{}", event.id))),
        Err(error) => html_with(StatusCode::UNPROCESSABLE_ENTITY, &new_page(&person, &state, kept, Some(error.for_people())).await?),
    }
}
