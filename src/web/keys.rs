//! API keys: made, changed and ended here; their secrets are shown once.

use actix_session::Session;
use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;

use super::errors::PageError;
use super::form::Form;
use super::page::{Chrome, Person, Visit, flash, html, html_with, see_other};
use super::passkeys::shown_at;
use super::second_factor::prove;
use crate::app::State;
use crate::clock::{self, Time};
use crate::db::Conn;
use crate::domain::accounts::passkeys;
use crate::domain::accounts::second_factor::{self, Factor, Proof};
use crate::domain::actor::{Actor, Scope};
use crate::domain::error::{Error, Kind, Result as DomainResult};
use crate::domain::ids::{ApiKeyId, MailboxId};
use crate::domain::keys::{self, CALLS_PER_MINUTE, Change, Key, KeyRow, KeyState, MOST_CALLS_PER_MINUTE, NewKey, ROTATION_HOURS};
use crate::domain::mailboxes::{self, Mailbox};

/// A key as pages show it.
struct Line {
    row: KeyRow,
    mailboxes: String,
    state: KeyState,
    old_secret_until: Option<Time>,
}

impl Line {
    fn of(key: &Key, mailboxes: &[Mailbox], now: Time) -> Line {
        let named = mailboxes.iter().filter(|mailbox| key.mailboxes.contains(&mailbox.id)).map(|mailbox| mailbox.address.as_str());
        let named = if key.mailboxes.is_empty() { "all mailboxes".to_owned() } else { named.collect::<Vec<_>>().join(", ") };
        Line { row: key.row.clone(), mailboxes: named, state: key.row.state(now), old_secret_until: key.row.old_secret_until(now) }
    }
}

/// What the form of a key shows.
struct Fields {
    name: String,
    scopes: Vec<Scope>,
    chosen: Vec<MailboxId>,
    is_test: bool,
    expires_at: String,
    calls_per_minute: String,
}

impl Fields {
    fn empty() -> Fields {
        let calls_per_minute = CALLS_PER_MINUTE.to_string();
        Fields { name: String::new(), scopes: vec![], chosen: vec![], is_test: false, expires_at: String::new(), calls_per_minute }
    }

    fn of_key(key: &Key, visit: &Visit) -> Fields {
        Fields {
            name: key.row.name.clone(),
            scopes: key.row.scopes(),
            chosen: key.mailboxes.clone(),
            is_test: key.row.is_test,
            expires_at: key.row.expires_at.map(|at| at.for_field(&visit.zone())).unwrap_or_default(),
            calls_per_minute: key.row.calls_per_minute.to_string(),
        }
    }

    fn of_form(form: &Form) -> Fields {
        Fields {
            name: form.get("name").to_owned(),
            scopes: form.all("scopes").into_iter().filter_map(|word| word.parse().ok()).collect(),
            chosen: form.all("mailboxes").into_iter().map(MailboxId::from).collect(),
            is_test: form.some("is_test").is_some(),
            expires_at: form.get("expires_at").to_owned(),
            calls_per_minute: form.get("calls_per_minute").to_owned(),
        }
    }

    /// The end on a clock in the person's zone.
    fn end(&self, visit: &Visit) -> DomainResult<Option<Time>> {
        if self.expires_at.trim().is_empty() {
            return Ok(None);
        }
        let end = Time::parse_local(&self.expires_at, visit.zone_name());
        let words = "The end must be a day and a time such as 2027-01-31T18:00. Leave it empty for no end.";
        end.map(Some).ok_or_else(|| Error::invalid("field_invalid", "expires_at", words))
    }

    fn pace(&self) -> DomainResult<i32> {
        let words = || format!("Calls per minute must be a whole number from 1 to {MOST_CALLS_PER_MINUTE}.");
        self.calls_per_minute.trim().parse().map_err(|_| Error::invalid("field_invalid", "calls_per_minute", words()))
    }
}

#[derive(Template)]
#[template(path = "keys/index.html")]
struct IndexPage {
    chrome: Chrome,
    lines: Vec<Line>,
    mailboxes: Vec<Mailbox>,
    fields: Fields,
    way: Way,
    secret: Option<String>,
    problem: Option<String>,
}

/// How somebody proves that they are there when a key may decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// They did, by signing in with a passkey just now.
    Passkey,
    /// With the code of their app.
    Code,
    /// By signing in with a passkey again.
    PasskeyAgain,
    /// They have nothing to do it with.
    Missing,
}

impl Way {
    fn of(conn: &mut Conn, actor: &Actor, shown: Option<Time>, now: Time) -> DomainResult<Way> {
        if proof_of_passkey(conn, actor, shown, now)?.is_some() {
            return Ok(Way::Passkey);
        }
        if matches!(second_factor::own(conn, actor, now)?, Factor::On { .. }) {
            return Ok(Way::Code);
        }
        Ok(if passkeys::own(conn, actor)?.is_empty() { Way::Missing } else { Way::PasskeyAgain })
    }
}

fn proof_of_passkey(conn: &mut Conn, actor: &Actor, shown: Option<Time>, now: Time) -> DomainResult<Option<Proof>> {
    shown.map_or(Ok(None), |shown| second_factor::of_passkey(conn, actor, shown, now))
}

async fn index_page(person: &Person, state: &State, session: &Session, fields: Option<Fields>) -> Result<IndexPage, PageError> {
    let (actor, shown, now) = (person.actor.clone(), shown_at(session), clock::now());
    let (rows, mailboxes, way) =
        state.read(move |conn| Ok((keys::list(conn, &actor)?, mailboxes::list(conn, &actor)?, Way::of(conn, &actor, shown, now)?))).await?;
    let lines = rows.iter().map(|key| Line::of(key, &mailboxes, now)).collect();
    let fields = fields.unwrap_or_else(Fields::empty);
    Ok(IndexPage { chrome: person.visit.chrome("Keys", "keys"), lines, mailboxes, fields, way, secret: None, problem: None })
}

pub(super) async fn index(person: Person, state: web::Data<State>, session: Session) -> Result<HttpResponse, PageError> {
    html(&index_page(&person, &state, &session, None).await?)
}

pub(super) async fn create(person: Person, state: web::Data<State>, session: Session, form: Form) -> Result<HttpResponse, PageError> {
    let fields = Fields::of_form(&form);
    match make(&person, &state, &session, &fields, &form).await {
        Ok(secret) => html_with(StatusCode::CREATED, &IndexPage { secret: Some(secret), ..index_page(&person, &state, &session, None).await? }),
        Err(error) => {
            let page = index_page(&person, &state, &session, Some(fields)).await?;
            html_with(crate::api::status(error.kind), &IndexPage { problem: Some(error.for_people()), ..page })
        }
    }
}

async fn make(person: &Person, state: &State, session: &Session, fields: &Fields, form: &Form) -> DomainResult<String> {
    let new = NewKey {
        name: fields.name.clone(),
        scopes: fields.scopes.clone(),
        mailboxes: fields.chosen.clone(),
        is_test: fields.is_test,
        expires_at: fields.end(&person.visit)?,
        calls_per_minute: fields.pace()?,
        proof: None,
    };
    let actor = person.actor.clone();
    let made = proven(person, state, session, form, move |conn, proof| {
        let new = NewKey { proof: proof.cloned(), ..new.clone() };
        keys::add(conn, &actor, &new, clock::now())
    });
    made.await.map(|(_, secret)| secret)
}

/// Does it, and asks for the second factor only where that is what is missing, so that no code is used up in vain.
async fn proven<T: Send + 'static>(
    person: &Person,
    state: &State,
    session: &Session,
    form: &Form,
    act: impl Fn(&mut Conn, Option<&Proof>) -> DomainResult<T> + Clone + Send + 'static,
) -> DomainResult<T> {
    let unproven = act.clone();
    let refusal = match state.write(move |conn| unproven(conn, None)).await {
        Err(error) if error.code == keys::SECOND_FACTOR_NEEDED => error,
        done => return done,
    };
    let (actor, shown) = (person.actor.clone(), shown_at(session));
    let proof = match (state.read(move |conn| proof_of_passkey(conn, &actor, shown, clock::now())).await?, form.some("code")) {
        (Some(proof), _) => proof,
        (None, Some(code)) => prove(person, state, code).await?,
        (None, None) => return Err(refusal),
    };
    state.write(move |conn| act(conn, Some(&proof))).await
}

#[derive(Template)]
#[template(path = "keys/show.html")]
struct ShowPage {
    chrome: Chrome,
    line: Line,
    mailboxes: Vec<Mailbox>,
    fields: Fields,
    way: Way,
    secret: Option<String>,
    problem: Option<String>,
}

async fn show_page(person: &Person, state: &State, session: &Session, id: &ApiKeyId, fields: Option<Fields>) -> Result<ShowPage, PageError> {
    let (actor, id, shown, now) = (person.actor.clone(), id.clone(), shown_at(session), clock::now());
    let (key, mailboxes, way) =
        state.read(move |conn| Ok((keys::get(conn, &actor, &id)?, mailboxes::list(conn, &actor)?, Way::of(conn, &actor, shown, now)?))).await?;
    let (line, fields) = (Line::of(&key, &mailboxes, now), fields.unwrap_or_else(|| Fields::of_key(&key, &person.visit)));
    Ok(ShowPage { chrome: person.visit.chrome(key.row.name, "keys"), line, mailboxes, fields, way, secret: None, problem: None })
}

/// What cannot be taken is said on the key's page; what is not there, on a page of its own.
async fn refused(
    person: &Person,
    state: &State,
    session: &Session,
    id: &ApiKeyId,
    fields: Option<Fields>,
    error: Error,
) -> Result<HttpResponse, PageError> {
    if error.kind == Kind::NotFound {
        return Err(error.into());
    }
    let page = show_page(person, state, session, id, fields).await?;
    html_with(crate::api::status(error.kind), &ShowPage { problem: Some(error.for_people()), ..page })
}

pub(super) async fn show(person: Person, state: web::Data<State>, session: Session, id: web::Path<String>) -> Result<HttpResponse, PageError> {
    html(&show_page(&person, &state, &session, &ApiKeyId::from(id.as_str()), None).await?)
}

pub(super) async fn change(
    person: Person,
    state: web::Data<State>,
    session: Session,
    id: web::Path<String>,
    form: Form,
) -> Result<HttpResponse, PageError> {
    let (id, fields) = (ApiKeyId::from(id.as_str()), Fields::of_form(&form));
    match save(&person, &state, &session, &id, &fields, &form).await {
        Ok(_) => {
            flash(&session, "Saved. It counts from the next call on.");
            Ok(see_other(&format!("/keys/{id}")))
        }
        Err(error) => refused(&person, &state, &session, &id, Some(fields), error).await,
    }
}

async fn save(person: &Person, state: &State, session: &Session, id: &ApiKeyId, fields: &Fields, form: &Form) -> DomainResult<Key> {
    let (actor, wanted) = (person.actor.clone(), id.clone());
    let before = state.read(move |conn| keys::get(conn, &actor, &wanted)).await?;
    // The field knows minutes only; an end that nobody touched stays as it is, also one that has come.
    let same_end = fields.expires_at == Fields::of_key(&before, &person.visit).expires_at;
    let change = Change {
        name: Some(fields.name.clone()),
        scopes: Some(fields.scopes.clone()),
        mailboxes: Some(fields.chosen.clone()),
        expires_at: if same_end { None } else { Some(fields.end(&person.visit)?) },
        calls_per_minute: Some(fields.pace()?),
    };
    let (actor, id) = (person.actor.clone(), id.clone());
    proven(person, state, session, form, move |conn, proof| keys::change(conn, &actor, &id, &change, proof, clock::now())).await
}

pub(super) async fn rotate(
    person: Person,
    state: web::Data<State>,
    session: Session,
    id: web::Path<String>,
    form: Form,
) -> Result<HttpResponse, PageError> {
    let id = ApiKeyId::from(id.as_str());
    let (actor, wanted) = (person.actor.clone(), id.clone());
    match proven(&person, &state, &session, &form, move |conn, proof| keys::rotate(conn, &actor, &wanted, proof, clock::now())).await {
        Ok(secret) => html_with(StatusCode::CREATED, &ShowPage { secret: Some(secret), ..show_page(&person, &state, &session, &id, None).await? }),
        Err(error) => refused(&person, &state, &session, &id, None, error).await,
    }
}

pub(super) async fn revoke(
    person: Person,
    state: web::Data<State>,
    session: Session,
    id: web::Path<String>,
    _form: Form,
) -> Result<HttpResponse, PageError> {
    let (actor, id) = (person.actor.clone(), ApiKeyId::from(id.as_str()));
    state.write(move |conn| keys::revoke(conn, &actor, &id, clock::now())).await?;
    flash(&session, "Revoked. It is refused from now on.");
    Ok(see_other("/keys"))
}
