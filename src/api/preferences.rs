//! `/v1/topics` and `/v1/contacts/{id}/preferences`.

use actix_web::{HttpResponse, web};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::error::Problem;
use super::input::time_of;
use super::json::Json;
use super::key::Key;
use super::operations::{Operation, get, patch};
use super::shapes::OneOrMany;
use crate::app::State;
use crate::clock::{self, Time};
use crate::db::Conn;
use crate::domain::actor::{Actor, Scope};
use crate::domain::error::{Error, Result as DomainResult};
use crate::domain::ids::{ContactId, TopicId};
use crate::domain::preferences::{self, Change, Preferences, Topic, topics};

pub(super) fn operations() -> Vec<Operation> {
    vec![
        get("/v1/topics", "list_topics", "List the topics")
            .about("What mail is about, in words that recipients choose by. People make topics on the desk.")
            .needs(&[Scope::Read])
            .answers::<Topics>(200)
            .to(list),
        get("/v1/contacts/{id}/preferences", "get_preferences", "Read what a contact chose").needs(&[Scope::Read]).answers::<Shape>(200).to(show),
        patch("/v1/contacts/{id}/preferences", "change_preferences", "Note that a contact wants less")
            .about(
                "Switches topics off, lowers the limit or lengthens a pause. The other way is for the recipient, with the link in every \
                 message, or for a person.",
            )
            .needs(&[Scope::Contacts])
            .body::<Less>()
            .answers::<Shape>(200)
            .to(change),
    ]
}

/// A topic.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Topic")]
pub struct TopicShape {
    /// Its id.
    pub id: TopicId,
    /// Its name, as recipients read it.
    pub name: String,
    /// What comes under it.
    pub description: String,
    /// Whether contacts who said nothing get it.
    pub wanted: bool,
    /// Whether it was put away: no new message can have it.
    pub archived: bool,
}

impl From<&Topic> for TopicShape {
    fn from(row: &Topic) -> Self {
        TopicShape {
            id: row.id.clone(),
            name: row.name.clone(),
            description: row.description.clone(),
            wanted: row.wanted,
            archived: row.archived_at.is_some(),
        }
    }
}

/// The topics.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Topics {
    /// By name, those that were put away last.
    pub topics: Vec<TopicShape>,
}

/// A topic and whether a contact wants it.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "TopicChoice")]
pub struct Choice {
    /// The topic.
    pub id: TopicId,
    /// Its name.
    pub name: String,
    /// Whether the contact gets it.
    pub wanted: bool,
}

/// What a contact chose.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Preferences")]
pub struct Shape {
    /// Whose.
    pub contact_id: ContactId,
    /// Every topic that was not put away.
    pub topics: Vec<Choice>,
    /// The most messages in any seven days, 1 to 7; null without a limit of theirs.
    pub most_per_week: Option<i32>,
    /// Nothing is sent before this time.
    pub paused_until: Option<Time>,
}

impl Shape {
    fn of(contact_id: ContactId, all: &[Topic], preferences: &Preferences) -> Self {
        let topics = all.iter().filter(|topic| topic.archived_at.is_none()).map(|topic| Choice {
            id: topic.id.clone(),
            name: topic.name.clone(),
            wanted: !preferences.refuses(Some(&topic.id)),
        });
        Shape { contact_id, topics: topics.collect(), most_per_week: preferences.most_per_week, paused_until: preferences.paused_until }
    }
}

/// What is wanted less; what is left out stays.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Less {
    /// Topics to switch off, by name or id.
    pub(crate) topics_off: Option<OneOrMany>,
    /// The most messages in any seven days, 1 to 7, no more than now.
    pub(crate) most_per_week: Option<i32>,
    /// Nothing before this time, such as 2026-04-30T12:00:00Z; at most 366 days ahead and no earlier than now.
    pub(crate) paused_until: Option<String>,
}

pub async fn list(key: Key, state: web::Data<State>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(all(key.0, &state).await?))
}

/// The topics.
pub(crate) async fn all(actor: Actor, state: &State) -> Result<Topics, Problem> {
    let rows = state.read(move |conn| topics::list(conn, &actor)).await?;
    Ok(Topics { topics: rows.iter().map(TopicShape::from).collect() })
}

pub async fn show(key: Key, state: web::Data<State>, id: web::Path<String>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(of_contact(key.0, &state, &id).await?))
}

/// What a contact chose.
pub(crate) async fn of_contact(actor: Actor, state: &State, id: &str) -> Result<Shape, Problem> {
    let id = ContactId::from(id);
    Ok(state.read(move |conn| look(conn, &actor, id)).await?)
}

fn look(conn: &mut Conn, actor: &Actor, id: ContactId) -> DomainResult<Shape> {
    let preferences = preferences::get(conn, actor, &id)?;
    Ok(Shape::of(id, &topics::list(conn, actor)?, &preferences))
}

pub async fn change(key: Key, state: web::Data<State>, id: web::Path<String>, body: Json<Less>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(lessen(key.0, &state, &id, body.0).await?))
}

/// Notes that a contact wants less.
pub(crate) async fn lessen(actor: Actor, state: &State, id: &str, less: Less) -> Result<Shape, Problem> {
    let until = time_of("paused_until", less.paused_until.as_deref())?;
    let (id, named) = (ContactId::from(id), less.topics_off.map(OneOrMany::into_vec).unwrap_or_default());
    let shape = state
        .write(move |conn| {
            let known = topics::list(conn, &Actor::System("api"))?;
            let unknown = |name: &String| {
                Error::invalid(
                    "field_invalid",
                    "topics_off",
                    format!("topics_off must name topics; there is none named \"{}\".", crate::domain::text::excerpt(name)),
                )
            };
            let find = |name: &String| {
                let found = known.iter().find(|topic| topic.id.as_str() == name || topic.name.eq_ignore_ascii_case(name.trim()));
                found.map(|topic| (topic.id.clone(), false)).ok_or_else(|| unknown(name))
            };
            let topics = named.iter().map(find).collect::<DomainResult<_>>()?;
            let change = Change { topics, most_per_week: less.most_per_week.map(Some), paused_until: until.map(Some) };
            let preferences = preferences::change(conn, &actor, &id, &change, clock::now())?;
            Ok(Shape::of(id, &known, &preferences))
        })
        .await?;
    Ok(shape)
}
