//! `/v1/templates`.

use actix_web::{HttpResponse, web};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::error::Problem;
use super::input::{id_cursor, time_of};
use super::json::{Json, Params, rows};
use super::key::Key;
use super::operations::{Operation, get, patch, post};
use super::shapes::{OneOrMany, Submitted};
use crate::app::State;
use crate::clock::{self, Time};
use crate::domain::actor::{Actor, Scope};
use crate::domain::contacts::{ConsentBasis, Named};
use crate::domain::ids::TemplateId;
use crate::domain::mailboxes::Mode;
use crate::domain::templates::{self, NewVersion, Type, Whole};

pub(super) fn operations() -> Vec<Operation> {
    vec![
        post("/v1/templates", "create_template", "Make a template")
            .about(
                "Words with typed places. `{{ name }}` is filled in; `{% if name %}`, `{% if not name %}`, `{% else %}` and `{% endif %}` ask \
                 whether an optional one is there. Nothing else stands between braces. A person approves a version before what is made from it \
                 leaves without a decision.",
            )
            .needs(&[Scope::Draft])
            .body::<New>()
            .answers::<Shape>(201)
            .to(create),
        get("/v1/templates", "list_templates", "List the templates").needs(&[Scope::Read]).query::<Query>().answers::<TemplatePage>(200).to(list),
        get("/v1/templates/{id}", "get_template", "Read a template")
            .about("With its versions, the newest first.")
            .needs(&[Scope::Read])
            .answers::<Shape>(200)
            .to(show),
        patch("/v1/templates/{id}", "change_template", "Put a template away, or take it out again")
            .about("Words never change: write another version. Nothing is made from a template that is away.")
            .needs(&[Scope::Draft])
            .body::<Patch>()
            .answers::<Shape>(200)
            .to(change),
        post("/v1/templates/{id}/versions", "add_template_version", "Write another version of a template")
            .about("Those before stay as they are. A person approves the new one.")
            .needs(&[Scope::Draft])
            .body::<Words>()
            .answers::<VersionShape>(201)
            .to(add_version),
        post("/v1/templates/{id}/render", "render_template", "Read a template as a contact would")
            .about("Nothing is sent and nothing is kept.")
            .needs(&[Scope::Read])
            .body::<Render>()
            .answers::<Rendered>(200)
            .to(render),
        post("/v1/templates/{id}/send", "send_template", "Submit a message made from a template")
            .about(
                "Goes through the oversight mode of the mailbox like any message. Where the mode would let it out, it is held as long as nobody \
                 approved the version.",
            )
            .needs(&[Scope::Draft])
            .body::<Send>()
            .answers::<Submitted>(202)
            .to(send),
    ]
}

/// A typed place of a template.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "TemplateVariable")]
pub struct Variable {
    /// Its name: small letters, digits and underscores.
    pub name: String,
    /// What it takes: text, number, money, date or url.
    #[serde(rename = "type")]
    pub kind: Type,
    /// Whether it may be missing; then it stands only between {% if name %} and {% endif %}.
    #[serde(default)]
    pub optional: bool,
    /// Where it is taken from for each recipient: contact.name, contact.email, customer.plan, customer.mrr, referral.link or field.NAME.
    /// Without one, whoever makes the message gives it.
    pub source: Option<String>,
}

impl From<templates::Variable> for Variable {
    fn from(one: templates::Variable) -> Self {
        Variable { name: one.name, kind: one.kind, optional: one.optional, source: one.source }
    }
}

impl From<Variable> for templates::Variable {
    fn from(one: Variable) -> Self {
        templates::Variable { name: one.name, kind: one.kind, optional: one.optional, source: one.source }
    }
}

/// One version of a template.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "TemplateVersion")]
pub struct VersionShape {
    /// Its number, counted from 1.
    pub version: i32,
    /// The subject.
    pub subject: String,
    /// The plain text.
    pub body: String,
    /// The HTML; made from the text where it is null.
    pub html: Option<String>,
    /// The places that are filled in.
    pub variables: Vec<Variable>,
    /// What its writer says of it.
    pub note: Option<String>,
    /// Who wrote it.
    pub created_by: String,
    /// When it was written.
    pub created_at: Time,
    /// Whether what is made from it may leave where the mode lets it.
    pub approved: bool,
    /// When it was approved.
    pub approved_at: Option<Time>,
    /// Who approved it.
    pub approved_by: Option<String>,
    /// When the approval was withdrawn.
    pub withdrawn_at: Option<Time>,
    /// Whether what was made from it and has not left is being taken back. None of it leaves meanwhile.
    pub taking_back: bool,
}

impl From<templates::Version> for VersionShape {
    fn from(row: templates::Version) -> Self {
        VersionShape {
            approved: row.is_approved(),
            version: row.version,
            subject: row.subject,
            body: row.body,
            html: row.html,
            variables: row.variables.into_inner().into_iter().map(Variable::from).collect(),
            note: row.note,
            created_by: row.author_name,
            created_at: row.created_at,
            approved_at: row.approved_at,
            approved_by: row.approved_by,
            withdrawn_at: row.withdrawn_at,
            taking_back: row.taken_back_to.is_some(),
        }
    }
}

/// A template with its versions.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Template")]
pub struct Shape {
    /// Its id.
    pub id: TemplateId,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub about: Option<String>,
    /// Whether it was put away.
    pub archived: bool,
    /// The newest version that is approved; null while there is none.
    pub approved_version: Option<i32>,
    /// The version that is used where nobody names one.
    pub usual_version: Option<i32>,
    /// Its versions, the newest first.
    pub versions: Vec<VersionShape>,
    /// Who made it.
    pub created_by: String,
    /// When it was made.
    pub created_at: Time,
    /// When it got its newest version or was put away.
    pub updated_at: Time,
}

impl From<Whole> for Shape {
    fn from(whole: Whole) -> Self {
        let number = |version: Option<&templates::Version>| version.map(|version| version.version);
        let (approved_version, usual_version) = (number(whole.approved()), number(whole.usual()));
        let Whole { row, versions } = whole;
        Shape {
            id: row.id,
            name: row.name,
            about: row.about,
            archived: row.archived_at.is_some(),
            approved_version,
            usual_version,
            versions: versions.into_iter().map(VersionShape::from).collect(),
            created_by: row.created_by,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// A page of templates.
#[derive(Debug, Serialize, JsonSchema)]
pub struct TemplatePage {
    /// The templates, newest first.
    pub templates: Vec<Shape>,
    /// Where the next page starts; null on the last.
    pub next_cursor: Option<TemplateId>,
}

/// A template as somebody would read it.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "RenderedTemplate")]
pub struct Rendered {
    /// The version.
    pub version: i32,
    /// Whether it is approved.
    pub approved: bool,
    /// The subject, filled in.
    pub subject: String,
    /// The text, filled in.
    pub text: String,
    /// The HTML, filled in and cleaned.
    pub html: String,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NewTemplate")]
pub struct New {
    /// A name that no other template has, at most 100 characters.
    pub(crate) name: String,
    /// What it is for, in a line.
    pub(crate) about: Option<String>,
    /// The subject, one line.
    pub(crate) subject: String,
    /// The plain text, at most 20,000 characters.
    pub(crate) body: String,
    /// The HTML, at most 20,000 characters; values are escaped in it. Made from the text without it.
    pub(crate) html: Option<String>,
    /// The places that are filled in, at most 30.
    #[serde(default)]
    pub(crate) variables: Vec<Variable>,
    /// What there is to say of this version, in a line.
    pub(crate) note: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NewTemplateVersion")]
pub struct Words {
    /// The subject, one line.
    pub(crate) subject: String,
    /// The plain text, at most 20,000 characters.
    pub(crate) body: String,
    /// The HTML, at most 20,000 characters; values are escaped in it. Made from the text without it.
    pub(crate) html: Option<String>,
    /// The places that are filled in, at most 30.
    #[serde(default)]
    pub(crate) variables: Vec<Variable>,
    /// What there is to say of this version, in a line.
    pub(crate) note: Option<String>,
}

impl From<Words> for NewVersion {
    fn from(words: Words) -> Self {
        let Words { subject, body, html, variables, note } = words;
        NewVersion { subject, body, html, variables: variables.into_iter().map(templates::Variable::from).collect(), note }
    }
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "TemplateQuery")]
pub struct Query {
    /// true lists those that were put away, and no others.
    pub(crate) archived: Option<bool>,
    /// At most so many, 1 to 100; 20 without it.
    #[schemars(range(min = 1, max = 100))]
    pub(crate) limit: Option<usize>,
    /// next_cursor of the page before.
    pub(crate) cursor: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ChangeTemplate")]
pub struct Patch {
    /// Whether it is put away.
    archived: bool,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "RenderTemplate")]
pub struct Render {
    /// The contact, by id or address; without one only what is given is filled in.
    pub(crate) contact: Option<String>,
    /// The version; the newest approved, or the newest, without it.
    pub(crate) version: Option<i32>,
    /// What is filled in, by variable; what comes from the record is left out. Money is written as "79.00 EUR", a date as 2026-04-30.
    #[serde(default)]
    pub(crate) values: Map<String, Value>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "SendTemplate")]
pub struct Send {
    /// The mailbox to send from, by address or id. Needed only where the key reaches several.
    pub(crate) mailbox: Option<String>,
    /// The recipient.
    pub(crate) to: String,
    /// The version; the newest approved, or the newest, without it.
    pub(crate) version: Option<i32>,
    /// What is filled in, by variable; what comes from the record is left out. Money is written as "79.00 EUR", a date as 2026-04-30.
    #[serde(default)]
    pub(crate) values: Map<String, Value>,
    /// Tags of the message.
    pub(crate) tags: Option<OneOrMany>,
    /// The campaign it belongs to.
    pub(crate) campaign: Option<String>,
    /// The topic by name or id; without one that of its campaign or mailbox.
    pub(crate) topic: Option<String>,
    /// Not to leave before this time, such as 2026-04-30T12:00:00Z.
    pub(crate) send_at: Option<String>,
    /// A mode stricter than the mailbox's.
    #[schemars(with = "Option<String>")]
    pub(crate) oversight_mode: Option<Mode>,
    /// The ground for mailing this person.
    #[schemars(with = "Option<String>")]
    pub(crate) consent_basis: Option<ConsentBasis>,
}

pub async fn create(key: Key, state: web::Data<State>, body: Json<New>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Created().json(add(key.0, &state, body.0).await?))
}

/// Makes a template.
pub(crate) async fn add(actor: Actor, state: &State, new: New) -> Result<Shape, Problem> {
    let New { name, about, subject, body, html, variables, note } = new;
    let first = NewVersion::from(Words { subject, body, html, variables, note });
    Ok(state.quiet_write(move |conn| templates::create(conn, &actor, &name, about.as_deref(), &first, clock::now())).await?.into())
}

pub async fn list(key: Key, state: web::Data<State>, query: Params<Query>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(all(key.0, &state, query.0).await?))
}

/// The templates.
pub(crate) async fn all(actor: Actor, state: &State, query: Query) -> Result<TemplatePage, Problem> {
    let (limit, before) = (rows(query.limit, 20)?, id_cursor(query.cursor.as_deref())?);
    let archived = query.archived.unwrap_or_default();
    let page = state.read(move |conn| templates::list(conn, &actor, archived, limit, before.as_ref())).await?;
    let next_cursor = page.rows.last().filter(|_| page.more).map(|whole| whole.row.id.clone());
    Ok(TemplatePage { templates: page.rows.into_iter().map(Shape::from).collect(), next_cursor })
}

pub async fn show(key: Key, state: web::Data<State>, id: web::Path<String>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(one(key.0, &state, &id).await?))
}

/// One template.
pub(crate) async fn one(actor: Actor, state: &State, id: &str) -> Result<Shape, Problem> {
    let id = TemplateId::from(id);
    Ok(state.read(move |conn| templates::get(conn, &actor, &id)).await?.into())
}

pub async fn change(key: Key, state: web::Data<State>, id: web::Path<String>, body: Json<Patch>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(put_away(key.0, &state, &id, body.0).await?))
}

/// Puts a template away, or takes it out again.
pub(crate) async fn put_away(actor: Actor, state: &State, id: &str, Patch { archived }: Patch) -> Result<Shape, Problem> {
    let id = TemplateId::from(id);
    Ok(state.quiet_write(move |conn| templates::set_archived(conn, &actor, &id, archived, clock::now())).await?.into())
}

pub async fn add_version(key: Key, state: web::Data<State>, id: web::Path<String>, body: Json<Words>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Created().json(write(key.0, &state, &id, body.0).await?))
}

/// Writes another version.
pub(crate) async fn write(actor: Actor, state: &State, id: &str, words: Words) -> Result<VersionShape, Problem> {
    let (id, new) = (TemplateId::from(id), NewVersion::from(words));
    Ok(state.quiet_write(move |conn| templates::add_version(conn, &actor, &id, &new, clock::now())).await?.into())
}

pub async fn render(key: Key, state: web::Data<State>, id: web::Path<String>, body: Json<Render>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(filled(key.0, &state, &id, body.0).await?))
}

/// A template as somebody would read it.
pub(crate) async fn filled(actor: Actor, state: &State, id: &str, asked: Render) -> Result<Rendered, Problem> {
    let id = TemplateId::from(id);
    let who = asked.contact.map(|contact| Named::by(Some(contact), None));
    let found = state.read(move |conn| templates::render(conn, &actor, &id, asked.version, who.as_ref(), &asked.values)).await?;
    let approved = found.version.is_approved();
    let words = found.words;
    Ok(Rendered { version: found.version.version, approved, subject: words.subject, text: words.text, html: words.html })
}

pub async fn send(key: Key, state: web::Data<State>, id: web::Path<String>, body: Json<Send>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Accepted().json(submit(key.0, &state, &id, body.0).await?))
}

/// Submits a message made from a template.
pub(crate) async fn submit(actor: Actor, state: &State, id: &str, send: Send) -> Result<Submitted, Problem> {
    let new = templates::Send {
        template: TemplateId::from(id),
        version: send.version,
        values: send.values,
        mailbox: send.mailbox,
        to: send.to,
        tags: send.tags.map(OneOrMany::into_vec).unwrap_or_default(),
        campaign: send.campaign,
        topic: send.topic,
        send_at: time_of("send_at", send.send_at.as_deref())?,
        mode: send.oversight_mode,
        consent_basis: send.consent_basis,
    };
    let message = state.write(move |conn| templates::send(conn, &actor, &new, clock::now())).await?;
    Ok(Submitted::of(&message, &state.base_url))
}
