//! One's own account: what one is mailed, the time zone, single keys, the password, the second factor.

use actix_session::Session;
use actix_web::{HttpResponse, web};
use askama::Template;

use super::errors::PageError;
use super::form::Form;
use super::page::{Chrome, Person, flash, html, html_with, see_other};
use super::second_factor::go_on;
use crate::app::State;
use crate::clock;
use crate::domain::accounts::passkeys::{self, PasskeyRow};
use crate::domain::accounts::second_factor::{self as factor, Factor, RECOVERY_CODES};
use crate::domain::accounts::sessions::{self, Open};
use crate::domain::accounts::settings::{self, MailboxSetting, NoticeChoice, Profile, Settings};
use crate::domain::accounts::users;
use crate::domain::actor::Actor;
use crate::domain::error::{Error, Kind, Result as DomainResult};
use crate::domain::mailboxes::Notify;
use crate::domain::notices::mails::{self, NoticeMail};

/// The form that a problem belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Notices,
    Profile,
    Password,
    SecondFactor,
    Passkeys,
    Provider,
}

#[derive(Template)]
#[template(path = "public/account.html")]
struct AccountPage {
    chrome: Chrome,
    settings: Settings,
    zones: Vec<String>,
    last: Option<NoticeMail>,
    email_configured: bool,
    factor: Factor,
    passkeys: Vec<PasskeyRow>,
    passkeys_possible: bool,
    sessions: Vec<Open>,
    /// What the sign-in provider is called, where one is set.
    provider: Option<String>,
    /// The one at hand.
    this: String,
    problem: Option<(Part, String)>,
}

impl AccountPage {
    fn is_own(&self, row: &MailboxSetting, notify: &Notify) -> bool {
        row.own == Some(*notify)
    }

    fn problem_of(&self, part: Part) -> Option<&str> {
        self.problem.as_ref().filter(|(at, _)| *at == part).map(|(_, text)| text.as_str())
    }
}

async fn account_page(person: &Person, state: &State, problem: Option<(Part, String)>) -> Result<AccountPage, PageError> {
    let actor = person.actor.clone();
    let (settings, last, factor, passkeys, sessions) = state
        .read(move |conn| {
            let last = match &actor {
                Actor::User { id, .. } => mails::latest(conn, id)?,
                _ => None,
            };
            let now = clock::now();
            let (factor, passkeys) = (factor::own(conn, &actor, now)?, passkeys::own(conn, &actor)?);
            Ok((settings::own(conn, &actor)?, last, factor, passkeys, sessions::own(conn, &actor, now)?))
        })
        .await?;
    let mut zones = settings::zones();
    if !zones.contains(&settings.profile.time_zone) {
        zones.push(settings.profile.time_zone.clone());
    }
    let (email_configured, passkeys_possible) = (state.email_configured, super::passkeys::possible(state));
    let provider = state.provider.as_ref().map(|provider| provider.name().to_owned());
    let (chrome, this) = (person.visit.chrome("Your account", ""), person.visit.session.clone().unwrap_or_default());
    Ok(AccountPage { chrome, settings, zones, last, email_configured, factor, passkeys, passkeys_possible, sessions, provider, this, problem })
}

pub(super) async fn refused(person: &Person, state: &State, part: Part, error: Error) -> Result<HttpResponse, PageError> {
    match error.kind {
        Kind::Invalid | Kind::Forbidden | Kind::Conflict => {
            html_with(crate::api::status(error.kind), &account_page(person, state, Some((part, error.for_people()))).await?)
        }
        _ => Err(error.into()),
    }
}

pub(super) async fn page(person: Person, state: web::Data<State>) -> Result<HttpResponse, PageError> {
    html(&account_page(&person, &state, None).await?)
}

pub(super) async fn set_profile(person: Person, state: web::Data<State>, session: Session, form: Form) -> Result<HttpResponse, PageError> {
    let (actor, new) = (person.actor.clone(), Profile { time_zone: form.get("time_zone").to_owned(), shortcuts: form.some("shortcuts").is_some() });
    match state.quiet_write(move |conn| settings::set_profile(conn, &actor, &new, clock::now())).await {
        Ok(()) => {
            flash(&session, "Saved.");
            Ok(see_other("/account"))
        }
        Err(error) => refused(&person, &state, Part::Profile, error).await,
    }
}

pub(super) async fn set_notices(person: Person, state: web::Data<State>, session: Session, form: Form) -> Result<HttpResponse, PageError> {
    let actor = person.actor.clone();
    let saved = state.quiet_write(move |conn| {
        let choice = chosen(&form, &settings::own(conn, &actor)?)?;
        settings::set_notices(conn, &actor, &choice, clock::now())
    });
    match saved.await {
        Ok(()) => {
            flash(&session, "Saved.");
            Ok(see_other("/account"))
        }
        Err(error) => refused(&person, &state, Part::Notices, error).await,
    }
}

/// A mailbox that the form does not name stays as it is: it was not within reach when the page was made.
fn chosen(form: &Form, settings: &Settings) -> DomainResult<NoticeChoice> {
    let mut mailboxes = vec![];
    for row in &settings.mailboxes {
        let field = format!("notify-{}", row.mailbox.id);
        match form.get(&field) {
            "" => {}
            "mailbox" => mailboxes.push((row.mailbox.id.clone(), None)),
            _ => mailboxes.push((row.mailbox.id.clone(), Some(form.word::<Notify>(&field)?))),
        }
    }
    Ok(NoticeChoice {
        notices: form.some("notices").is_some(),
        digest_hour: form.number("digest_hour")?.unwrap_or(-1),
        weekly: Some(form.some("weekly").is_some()),
        mailboxes,
    })
}

pub(super) async fn change_password(person: Person, state: web::Data<State>, session: Session, form: Form) -> Result<HttpResponse, PageError> {
    let (actor, old, new) = (person.actor.clone(), form.get("old_password").to_owned(), form.get("password").to_owned());
    match state.write(move |conn| users::change_password(conn, &actor, &old, &new, clock::now())).await {
        Ok(()) => {
            session.purge();
            Ok(see_other("/login"))
        }
        Err(error) => refused(&person, &state, Part::Password, error).await,
    }
}

pub(super) async fn end_session(
    person: Person,
    state: web::Data<State>,
    session: Session,
    handle: web::Path<String>,
    _form: Form,
) -> Result<HttpResponse, PageError> {
    let actor = person.actor.clone();
    state.write(move |conn| sessions::end(conn, &actor, &handle, clock::now())).await?;
    flash(&session, "That session has ended.");
    Ok(see_other("/account#sessions"))
}

pub(super) async fn end_other_sessions(person: Person, state: web::Data<State>, session: Session, _form: Form) -> Result<HttpResponse, PageError> {
    let actor = person.actor.clone();
    let epoch = state.write(move |conn| sessions::end_others(conn, &actor, clock::now())).await?;
    go_on(&session, epoch)?;
    flash(&session, "Your other sessions have ended.");
    Ok(see_other("/account#sessions"))
}
