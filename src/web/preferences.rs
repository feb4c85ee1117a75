//! The preference centre without sign-in, and the pages on which people make topics and note what somebody wants.

use actix_session::Session;
use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;

use super::errors::PageError;
use super::form::Form;
use super::mailboxes;
use super::page::{Chrome, Person, Visitor, flash, html, html_with, see_other};
use crate::app::State;
use crate::clock;
use crate::domain::error::Kind;
use crate::domain::ids::{ContactId, MailboxId, TopicId};
use crate::domain::preferences::centre::{self, Centre, Wish};
use crate::domain::preferences::footers::{self, Choice, FooterSettings};
use crate::domain::preferences::topics::{self, Input, Topic};
use crate::domain::preferences::{self, Change, MOST_PER_WEEK};

#[derive(Template)]
#[template(path = "public/preferences.html")]
struct CentrePage {
    chrome: Chrome,
    token: String,
    centre: Option<Centre>,
    /// What was done, for whoever did it.
    done: Option<&'static str>,
}

impl CentrePage {
    /// Until when nothing comes.
    fn paused(&self) -> Option<String> {
        let until = self.centre.as_ref()?.preferences.paused(self.chrome.visit.now)?;
        Some(until.date().to_string())
    }

    fn is_wanted(&self, topic: &Topic) -> bool {
        self.centre.as_ref().is_some_and(|centre| !centre.preferences.refuses(Some(&topic.id)))
    }

    fn is_most(&self, most: &i32) -> bool {
        self.centre.as_ref().is_some_and(|centre| centre.preferences.most_per_week == Some(*most))
    }
}

/// Shows the choices. Looking changes nothing: mail scanners fetch every link (RFC 8058 §1).
pub(super) async fn centre(visitor: Visitor, state: web::Data<State>, token: web::Path<String>) -> Result<HttpResponse, PageError> {
    let token = token.into_inner();
    let looked_up = token.clone();
    let centre = state.read(move |conn| centre::look(conn, &looked_up)).await?;
    html_with(StatusCode::OK, &CentrePage { chrome: visitor.0.chrome("Choose what you get", ""), token, centre, done: None })
}

/// Does what the recipient chose. The token alone says who it is: no sign-in, no cookie.
pub(super) async fn choose(
    visitor: Visitor,
    state: web::Data<State>,
    token: web::Path<String>,
    fields: web::Form<Vec<(String, String)>>,
) -> Result<HttpResponse, PageError> {
    let token = token.into_inner();
    let all = |name: &str| fields.iter().filter(|(field, _)| field == name).map(|(_, value)| value.as_str()).collect::<Vec<_>>();
    let (wish, done) = match all("action").first().copied() {
        Some("stop") => (Wish::Stop, "We will not write to you again."),
        Some("pause") => (Wish::Pause, "We pause for 30 days."),
        Some("return") => (Wish::Return, "You are back on the list."),
        Some("resume") => (Wish::Resume, "The pause is over."),
        _ => {
            let wanted = all("topic");
            let topics = all("shown").into_iter().map(|id| (TopicId::from(id), wanted.contains(&id))).collect();
            let most_per_week = all("most_per_week").first().and_then(|most| most.parse().ok()).filter(|most| (1..=MOST_PER_WEEK).contains(most));
            (Wish::Choose { topics, most_per_week }, "Saved.")
        }
    };
    let used = token.clone();
    let returns = wish == Wish::Return;
    let centre = state.write(move |conn| centre::wish(conn, &used, &wish, clock::now())).await?;
    // Whoever cannot come back by themselves is not told that they are back.
    let done = centre.as_ref().filter(|centre| !(returns && centre.left)).map(|_| done);
    html_with(StatusCode::OK, &CentrePage { chrome: visitor.0.chrome("Choose what you get", ""), token, centre, done })
}

#[derive(Template)]
#[template(path = "topics/index.html")]
struct TopicsPage {
    chrome: Chrome,
    rows: Vec<Topic>,
    problem: Option<String>,
}

async fn topics_page(person: &Person, state: &State, problem: Option<String>) -> Result<TopicsPage, PageError> {
    let actor = person.actor.clone();
    let rows = state.read(move |conn| topics::list(conn, &actor)).await?;
    Ok(TopicsPage { chrome: person.visit.chrome("Topics", "topics"), rows, problem })
}

pub(super) async fn index(person: Person, state: web::Data<State>) -> Result<HttpResponse, PageError> {
    html(&topics_page(&person, &state, None).await?)
}

fn input(form: &Form) -> Input {
    Input {
        name: form.get("name").to_owned(),
        description: form.get("description").to_owned(),
        wanted: form.some("wanted").is_some(),
        archived: form.some("archived").is_some(),
    }
}

pub(super) async fn create(person: Person, state: web::Data<State>, session: Session, form: Form) -> Result<HttpResponse, PageError> {
    let (actor, input) = (person.actor.clone(), input(&form));
    match state.write(move |conn| topics::create(conn, &actor, &input, clock::now())).await {
        Ok(_) => {
            flash(&session, "Added. Recipients find it in the preference centre now.");
            Ok(see_other("/topics"))
        }
        Err(error) => html_with(crate::api::status(error.kind), &topics_page(&person, &state, Some(error.for_people())).await?),
    }
}

pub(super) async fn change(
    person: Person,
    state: web::Data<State>,
    session: Session,
    id: web::Path<String>,
    form: Form,
) -> Result<HttpResponse, PageError> {
    let (actor, input, id) = (person.actor.clone(), input(&form), TopicId::from(id.as_str()));
    match state.write(move |conn| topics::change(conn, &actor, &id, &input, clock::now())).await {
        Ok(_) => {
            flash(&session, "Saved.");
            Ok(see_other("/topics"))
        }
        Err(error) => html_with(crate::api::status(error.kind), &topics_page(&person, &state, Some(error.for_people())).await?),
    }
}

/// What a person notes for somebody who wrote or called.
pub(super) async fn note(
    person: Person,
    state: web::Data<State>,
    session: Session,
    id: web::Path<String>,
    form: Form,
) -> Result<HttpResponse, PageError> {
    let (actor, id) = (person.actor.clone(), ContactId::from(id.as_str()));
    let wanted = form.all("topic");
    let topics = form.all("shown").into_iter().map(|topic| (TopicId::from(topic), wanted.contains(&topic))).collect();
    let most = form.number("most_per_week")?.map(|most| i32::try_from(most).unwrap_or(-1));
    let pause = match form.get("pause") {
        "start" => Some(Some(clock::now().plus_days(preferences::PAUSE_DAYS))),
        "end" => Some(None),
        _ => None,
    };
    let (target, change) = (id.clone(), Change { topics, most_per_week: Some(most), paused_until: pause });
    state.write(move |conn| preferences::change(conn, &actor, &target, &change, clock::now())).await?;
    flash(&session, "Noted.");
    Ok(see_other(&format!("/customers/{id}")))
}

/// What the footer of a mailbox's mail says.
pub(super) async fn set_footer(
    person: Person,
    state: web::Data<State>,
    session: Session,
    id: web::Path<String>,
    form: Form,
) -> Result<HttpResponse, PageError> {
    let (actor, id) = (person.actor.clone(), MailboxId::from(id.as_str()));
    let choice = Choice { topic: form.get("topic").to_owned(), disclosed: form.some("disclosed").is_some(), reason: form.get("reason").to_owned() };
    let target = id.clone();
    let (topic, disclosed, reason) = (choice.topic.clone(), choice.disclosed, choice.reason.clone());
    match state.write(move |conn| footers::set(conn, &actor, &target, &choice, clock::now())).await {
        Ok(_) => {
            flash(&session, "Saved. It holds for messages written from now on.");
            Ok(see_other(&format!("/mailboxes/{id}")))
        }
        Err(error) if error.kind == Kind::Invalid => {
            let typed = FooterSettings {
                topic_id: Some(TopicId::from(topic)).filter(|id| !id.as_str().is_empty()),
                undisclosed_because: (!disclosed).then_some(reason),
            };
            mailboxes::footer_again(&person, &state, id, typed, error).await
        }
        Err(error) => Err(error.into()),
    }
}
