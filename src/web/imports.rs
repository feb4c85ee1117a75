//! CSV import of churn events, of contacts and of facts with progress, and the refused rows for download.

use actix_multipart::MultipartError;
use actix_multipart::form::bytes::Bytes as Upload;
use actix_multipart::form::text::Text;
use actix_multipart::form::{MultipartForm, MultipartFormConfig};
use actix_session::Session;
use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

use super::errors::PageError;
use super::form::{Form, verify};
use super::page::{Chrome, Person, flash, html, html_with, see_other};
use crate::app::State;
use crate::clock;
use crate::domain::error::Error;
use crate::domain::ids::ImportId;
use crate::domain::imports::{self, CHURN_COLUMNS, Confirm, Import, LARGEST, Of, Parsed};
use crate::domain::mailboxes::{self, Mailbox};

#[derive(Template)]
#[template(path = "imports/new.html")]
struct NewPage {
    chrome: Chrome,
    contacts: bool,
    columns: String,
    mailboxes: Vec<Mailbox>,
    problem: Option<String>,
}

async fn page(of: Of, person: &Person, state: &State, problem: Option<String>) -> Result<NewPage, PageError> {
    let actor = person.actor.clone();
    let mailboxes = state.read(move |conn| mailboxes::list(conn, &actor)).await?;
    let chrome = match of {
        Of::Churn => person.visit.chrome("Import churn events", "churn"),
        Of::Contacts | Of::Facts(_) => person.visit.chrome("Import contacts", "customers"),
    };
    Ok(NewPage { chrome, contacts: of == Of::Contacts, columns: CHURN_COLUMNS.join(", "), mailboxes, problem })
}

pub(super) async fn new_churn(person: Person, state: web::Data<State>) -> Result<HttpResponse, PageError> {
    html(&page(Of::Churn, &person, &state, None).await?)
}

pub(super) async fn new_contacts(person: Person, state: web::Data<State>) -> Result<HttpResponse, PageError> {
    html(&page(Of::Contacts, &person, &state, None).await?)
}

/// The posted file.
#[derive(Debug, MultipartForm)]
pub(super) struct Posted {
    csrf: Text<String>,
    confirm: Option<Text<String>>,
    mailbox: Option<Text<String>>,
    #[multipart(limit = "50MiB")]
    file: Upload,
}

/// Limits of the upload; the file's own limit is on its field.
pub fn limits() -> MultipartFormConfig {
    MultipartFormConfig::default().total_limit(LARGEST + 64 * 1024).memory_limit(LARGEST + 64 * 1024).error_handler(|error, _| {
        tracing::info!(%error, "an upload was refused");
        let error = match error {
            MultipartError::Payload(_) => Error::too_large("file", LARGEST),
            _ => Error::bad_request("upload_incomplete", "The form holds no readable file. Choose a CSV file and send it again."),
        };
        PageError::from(error).into()
    })
}

pub(super) async fn create_churn(
    request: HttpRequest,
    person: Person,
    state: web::Data<State>,
    posted: MultipartForm<Posted>,
) -> Result<HttpResponse, PageError> {
    create(Of::Churn, &request, &person, &state, posted).await
}

pub(super) async fn create_contacts(
    request: HttpRequest,
    person: Person,
    state: web::Data<State>,
    posted: MultipartForm<Posted>,
) -> Result<HttpResponse, PageError> {
    create(Of::Contacts, &request, &person, &state, posted).await
}

async fn create(of: Of, request: &HttpRequest, person: &Person, state: &State, posted: MultipartForm<Posted>) -> Result<HttpResponse, PageError> {
    verify(request, &posted.csrf)?;
    let Posted { file, confirm, mailbox, .. } = posted.into_inner();
    let confirm = Confirm { everybody: confirm.is_some(), mailbox: mailbox.map(|named| named.0) };
    let name = file.file_name.unwrap_or_else(|| "upload.csv".to_owned());
    let parsed = web::block(move || imports::read(of, file.data.into())).await.map_err(Error::internal)?;
    let parsed = match parsed {
        Ok(parsed) => parsed.confirming(confirm),
        Err(error) => return html_with(StatusCode::UNPROCESSABLE_ENTITY, &page(of, person, state, Some(error.for_people())).await?),
    };
    begin(person, state, name, parsed).await
}

/// Starts an import and answers with the page that shows how far it is.
pub(super) async fn begin(person: &Person, state: &State, name: String, parsed: Parsed) -> Result<HttpResponse, PageError> {
    let actor = person.actor.clone();
    let (started, parsed) = state.write(move |conn| Ok((imports::start(conn, &actor, &name, &parsed, clock::now())?, parsed))).await?;
    let id = started.id.clone();
    // Goes on after this answer; the page asks how far it is.
    state.go_on_importing(person.actor.clone(), started, parsed);
    Ok(see_other(&format!("/imports/{id}")))
}

#[derive(Template)]
#[template(path = "imports/progress.html")]
struct ProgressPage {
    chrome: Chrome,
    place: Place,
    import: Import,
    done: i64,
    refused: Vec<Vec<String>>,
    more_refused: bool,
}

/// Where what was imported is seen.
struct Place {
    name: &'static str,
    path: String,
    /// The page of the form.
    form: String,
    see: &'static str,
}

impl Place {
    fn of(of: Of) -> Place {
        let (name, path, see) = match of {
            Of::Churn => ("Churn", "/churn", "See who left"),
            Of::Contacts => ("Customers", "/customers", "See the customers"),
            Of::Facts(kind) => {
                let path = format!("/facts?kind={kind}");
                return Place { name: "Facts", form: path.clone(), path, see: "See the facts" };
            }
        };
        Place { name, path: path.to_owned(), form: format!("{path}/import"), see }
    }
}

/// Refused rows shown on the page; all of them are in the download.
const SHOWN: usize = 20;

pub(super) async fn show(person: Person, state: web::Data<State>, id: web::Path<String>) -> Result<HttpResponse, PageError> {
    let (actor, id) = (person.actor.clone(), ImportId::from(id.as_str()));
    let import = state.read(move |conn| imports::get(conn, &actor, &id)).await?;
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(import.refused_csv.as_bytes());
    let refused: Vec<Vec<String>> =
        reader.records().filter_map(Result::ok).take(SHOWN).map(|r| r.iter().take(4).map(str::to_owned).collect()).collect();
    let done = import.done();
    let more_refused = import.refused_rows > SHOWN as i64;
    let of = Of::from_word(&import.kind);
    let section = match of {
        Of::Churn => "churn",
        Of::Contacts => "customers",
        Of::Facts(_) => "facts",
    };
    html(&ProgressPage { chrome: person.visit.chrome("Import", section), place: Place::of(of), import, done, refused, more_refused })
}

pub(super) async fn cancel(
    person: Person,
    state: web::Data<State>,
    session: Session,
    id: web::Path<String>,
    _form: Form,
) -> Result<HttpResponse, PageError> {
    let (actor, id) = (person.actor.clone(), ImportId::from(id.as_str()));
    let import = state.write(move |conn| imports::cancel(conn, &actor, &id, clock::now())).await?;
    flash(&session, format!("Cancelled after {} of {} rows. What was imported stays.", import.done(), import.total_rows));
    Ok(see_other(&format!("/imports/{}", import.id)))
}

pub(super) async fn refused(person: Person, state: web::Data<State>, id: web::Path<String>) -> Result<HttpResponse, PageError> {
    let id = ImportId::from(id.as_str());
    let import = state.read(move |conn| imports::get(conn, &person.actor, &id)).await?;
    Ok(HttpResponse::Ok()
        .content_type("text/csv; charset=utf-8")
        .insert_header((header::CONTENT_DISPOSITION, "attachment; filename=\"refused.csv\""))
        .body(import.refused_csv))
}
