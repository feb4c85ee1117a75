//! Saved views: the tabs above the queue, and what they post.

use actix_session::Session;
use actix_web::{HttpResponse, web};

use super::errors::PageError;
use super::form::Form;
use super::list_query::ListQuery;
use super::page::{Person, flash, see_other};
use crate::app::State;
use crate::clock;
use crate::db::Conn;
use crate::domain::actor::Actor;
use crate::domain::error::Result as DomainResult;
use crate::domain::ids::ViewId;
use crate::domain::views::{self, NewView, View};

/// The views that are always there: name and query.
const BUILT_IN: [(&str, &str); 5] =
    [("Everything", ""), ("For me", "assignee=me"), ("Mentions", "mentions=me"), ("Snoozed", "snoozed=only"), ("Expiring", "expiring=24")];

/// A tab above the queue.
pub struct Tab {
    /// What it says.
    pub name: String,
    /// The query of its address; may be empty.
    pub query: String,
    /// Whether this is what is looked at.
    pub current: bool,
    /// Of a view that somebody else shares: their name.
    pub by: Option<String>,
}

/// What `views/_tabs.html` needs, as `tabs`.
pub struct Tabs {
    /// The tabs, the built-in ones first.
    pub tabs: Vec<Tab>,
    /// The saved views that the visitor may change or delete.
    pub kept: Vec<View>,
    /// The filter that would be saved; none where a tab shows it already.
    pub query: Option<String>,
    /// The filter that is looked at, to come back to.
    pub looked_at: String,
}

/// The tabs for whoever looks at the queue with this query.
pub fn tabs(conn: &mut Conn, actor: &Actor, query: &ListQuery) -> DomainResult<Tabs> {
    let looked_at = query.first_page().to_query();
    let built_in = BUILT_IN.iter().map(|(name, query)| Tab { name: (*name).to_owned(), query: (*query).to_owned(), current: false, by: None });
    let saved = views::list(conn, actor)?;
    let mut tabs: Vec<Tab> = built_in
        .chain(saved.iter().map(|view| Tab {
            name: view.name.clone(),
            query: view.query.clone(),
            current: false,
            by: Some(view.owner_name.clone()).filter(|_| !view.mine),
        }))
        .collect();
    let current = tabs.iter_mut().find(|tab| tab.query == looked_at);
    let known = current.is_some();
    if let Some(tab) = current {
        tab.current = true;
    }
    let kept = saved.into_iter().filter(|view| view.deletable).collect();
    Ok(Tabs { tabs, kept, query: Some(looked_at.clone()).filter(|_| !known), looked_at })
}

fn queue(query: &str) -> HttpResponse {
    if query.is_empty() { see_other("/queue") } else { see_other(&format!("/queue?{query}")) }
}

pub(super) async fn create(person: Person, state: web::Data<State>, session: Session, form: Form) -> Result<HttpResponse, PageError> {
    let actor = person.actor;
    let now = clock::now();
    let query = ListQuery::parse(form.get("query")).first_page();
    query.filter(&actor, now, true)?;
    let new = NewView { name: form.get("name").to_owned(), query: query.to_query(), shared: form.some("shared").is_some() };
    let name = new.name.trim().to_owned();
    state.write(move |conn| views::save(conn, &actor, &new, now)).await?;
    flash(&session, format!("Saved the view \"{name}\"."));
    Ok(queue(&query.to_query()))
}

pub(super) async fn change(
    person: Person,
    state: web::Data<State>,
    session: Session,
    id: web::Path<String>,
    form: Form,
) -> Result<HttpResponse, PageError> {
    let (actor, id) = (person.actor, ViewId::from(id.as_str()));
    let (name, shared) = (form.get("name").to_owned(), form.some("shared").is_some());
    state.write(move |conn| views::change(conn, &actor, &id, &name, shared, clock::now())).await?;
    flash(&session, "Changed the view.");
    Ok(queue(&ListQuery::parse(form.get("query")).first_page().to_query()))
}

pub(super) async fn delete(
    person: Person,
    state: web::Data<State>,
    session: Session,
    id: web::Path<String>,
    form: Form,
) -> Result<HttpResponse, PageError> {
    let (actor, id) = (person.actor, ViewId::from(id.as_str()));
    state.write(move |conn| views::delete(conn, &actor, &id, clock::now())).await?;
    flash(&session, "Deleted the view. The messages in it are untouched.");
    Ok(queue(&ListQuery::parse(form.get("query")).first_page().to_query()))
}
