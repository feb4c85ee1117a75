//! Rules that hold messages: the list, and the form of a new one.

use actix_session::Session;
use actix_web::{HttpResponse, web};
use askama::Template;

use super::errors::PageError;
use super::form::Form;
use super::page::{Chrome, Person, flash, html, html_with, see_other, settled};
use crate::app::State;
use crate::clock;
use crate::domain::actor::Actor;
use crate::domain::campaigns;
use crate::domain::controls::holding::{self, Loosened, Rule, Terms};
use crate::domain::controls::lookback::{self, LookBack};
use crate::domain::error::{Error, Kind, Result as DomainResult};
use crate::domain::ids::{HoldingRuleId, MailboxId, SegmentId};
use crate::domain::mailboxes::{self, Mailbox};
use crate::domain::money::Money;
use crate::domain::segments::{self, Segment};

/// Segments that can be chosen.
const SEGMENTS: usize = 200;
const HERE: &str = "/oversight";

/// What the form holds, as it was written.
#[derive(Debug, Default)]
struct Fields {
    name: String,
    mailbox: String,
    kinds: Vec<campaigns::Kind>,
    tags: String,
    segment_id: String,
    amount_over: String,
    revenue_over: String,
    currency: String,
    two: bool,
}

impl Fields {
    fn of_form(form: &Form) -> Fields {
        let text = |name: &str| form.get(name).trim().to_owned();
        Fields {
            name: text("name"),
            mailbox: text("mailbox"),
            kinds: form.all("kinds").into_iter().filter_map(|word| word.parse().ok()).collect(),
            tags: text("tags"),
            segment_id: text("segment_id"),
            amount_over: text("amount_over"),
            revenue_over: text("revenue_over"),
            currency: text("currency"),
            two: form.get("approvers") == "2",
        }
    }

    fn terms(&self) -> DomainResult<Terms> {
        let given = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        let limit = |field: &str, text: &str| match text {
            "" => Ok(None),
            text => Money::parse(text, &self.currency.to_uppercase())
                .map(|money| Some(money.minor))
                .ok_or_else(|| Error::invalid("field_invalid", field, format!("{field} must be an amount, such as 500 or 79.50."))),
        };
        Ok(Terms {
            name: self.name.clone(),
            mailbox: given(&self.mailbox),
            kinds: self.kinds.clone(),
            tags: self.tags.split(',').map(str::trim).filter(|tag| !tag.is_empty()).map(str::to_owned).collect(),
            segment_id: given(&self.segment_id).map(|id| SegmentId::from(id.as_str())),
            amount_over: limit("amount_over", &self.amount_over)?,
            revenue_over: limit("revenue_over", &self.revenue_over)?,
            currency: given(&self.currency),
            approvers: Some(if self.two { 2 } else { 1 }),
        })
    }

    fn has(&self, kind: &campaigns::Kind) -> bool {
        self.kinds.contains(kind)
    }
}

#[derive(Template)]
#[template(path = "oversight/index.html")]
struct IndexPage {
    chrome: Chrome,
    rows: Vec<(Rule, String)>,
    mailboxes: Vec<Mailbox>,
    segments: Vec<Segment>,
    fields: Fields,
    problem: Option<String>,
    /// What the rule of the form would have held, where somebody asked.
    looked_back: Option<LookBack>,
    actor: Actor,
}

impl IndexPage {
    fn place(&self, rule: &Rule) -> &str {
        let named = |id: &MailboxId| self.mailboxes.iter().find(|mailbox| mailbox.id == *id).map_or("", |mailbox| mailbox.address.as_str());
        rule.mailbox_id.as_ref().map_or("All mailboxes", named)
    }
}

async fn page(person: &Person, state: &State, fields: Fields, problem: Option<String>) -> Result<IndexPage, PageError> {
    let actor = person.actor.clone();
    let (rows, mailboxes, segments) = state
        .read(move |conn| Ok((holding::list(conn, &actor)?, mailboxes::list(conn, &actor)?, segments::list(conn, &actor, SEGMENTS, None)?.rows)))
        .await?;
    Ok(IndexPage {
        chrome: person.visit.chrome("Oversight", "oversight"),
        rows,
        mailboxes,
        segments,
        fields,
        problem,
        looked_back: None,
        actor: person.actor.clone(),
    })
}

pub(super) async fn index(person: Person, state: web::Data<State>) -> Result<HttpResponse, PageError> {
    let fields = Fields { currency: "USD".to_owned(), ..Fields::default() };
    html(&page(&person, &state, fields, None).await?)
}

pub(super) async fn create(person: Person, state: web::Data<State>, session: Session, form: Form) -> Result<HttpResponse, PageError> {
    let fields = Fields::of_form(&form);
    let actor = person.actor.clone();
    let made = match fields.terms() {
        Ok(terms) => state.write(move |conn| holding::create(conn, &actor, &terms, clock::now())).await,
        Err(error) => Err(error),
    };
    let done = made.map(|row| (format!("“{}” holds what it names from now on.", row.name), HERE.to_owned()));
    settled(&session, done, async |problem| page(&person, &state, fields, Some(problem)).await).await
}

/// What the rule would have held, above the form as it was filled in.
pub(super) async fn backtest(person: Person, state: web::Data<State>, form: Form) -> Result<HttpResponse, PageError> {
    let fields = Fields::of_form(&form);
    let actor = person.actor.clone();
    let looked = match fields.terms() {
        Ok(terms) => state.read(move |conn| lookback::look_back(conn, &actor, &terms, clock::now())).await,
        Err(error) => Err(error),
    };
    match looked {
        Ok(found) => html(&IndexPage { looked_back: Some(found), ..page(&person, &state, fields, None).await? }),
        Err(error) if error.kind == Kind::Invalid => {
            html_with(crate::api::status(error.kind), &page(&person, &state, fields, Some(error.for_people())).await?)
        }
        Err(error) => Err(error.into()),
    }
}

pub(super) async fn end(
    person: Person,
    state: web::Data<State>,
    session: Session,
    id: web::Path<String>,
    form: Form,
) -> Result<HttpResponse, PageError> {
    let (actor, id, reason) = (person.actor.clone(), HoldingRuleId::from(id.as_str()), form.some("reason").map(str::to_owned));
    let ended = state.write(move |conn| holding::end(conn, &actor, &id, reason.as_deref(), clock::now())).await;
    let done = ended.map(|what| {
        let told = match what {
            Loosened::Done => "Ended. What it holds stays held.",
            Loosened::Waits => "The rule holds until another administrator agrees to end it, on this page.",
        };
        (told, HERE.to_owned())
    });
    settled(&session, done, async |problem| page(&person, &state, Fields::default(), Some(problem)).await).await
}

pub(super) async fn keep(
    person: Person,
    state: web::Data<State>,
    session: Session,
    id: web::Path<String>,
    _form: Form,
) -> Result<HttpResponse, PageError> {
    let (actor, id) = (person.actor.clone(), HoldingRuleId::from(id.as_str()));
    state.write(move |conn| holding::keep(conn, &actor, &id, clock::now())).await?;
    flash(&session, "The rule stays.");
    Ok(see_other(HERE))
}
