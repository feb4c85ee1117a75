//! The one table of REST calls: routes, scopes and the description of the API are made from it.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use actix_web::dev::Handler;
use actix_web::http::{Method, header};
use actix_web::web::{self, ServiceConfig};
use actix_web::{FromRequest, HttpRequest, HttpResponse, Resource, Responder, Route};
use schemars::{JsonSchema, Schema, SchemaGenerator};

use super::error::refuse;
use super::{
    api_changes, audit, backtest, boxes, calls, campaigns, cancel_flow, claims, cohorts, consents, contacts, controls, conversations, delivery,
    departures, exports, facts, hooks, inbound, keys, mailboxes, messages, migrations, oversight, overview, people, policy, preferences, programs,
    progress, recovery, reference, referrals, reports, segments, sending, sequences, signals, suppression, templates, usage, vigilance, webhooks,
    winback_rules,
};
use crate::domain::actor::{Actor, Scope};
use crate::domain::error::Error;

/// Makes the schema of one type.
pub(super) type Described = fn(&mut SchemaGenerator) -> Schema;

/// Who may call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// A key with one of these scopes.
    Scopes(&'static [Scope]),
    /// Any key; what it sees depends on its scopes.
    AnyKey,
    /// No key: a provider's signature is looked at instead.
    Signed,
    /// Everybody.
    Public,
}

/// What one status answers.
pub(super) struct Answered {
    pub status: u16,
    pub media: &'static str,
    pub schema: Option<Described>,
}

/// A call.
pub struct Operation {
    /// The method.
    pub method: Method,
    /// The path pattern, with the prefix.
    pub path: &'static str,
    /// A name for programs.
    pub id: &'static str,
    /// A name for people.
    pub title: &'static str,
    /// What it does.
    pub about: &'static str,
    /// Who may call.
    pub access: Access,
    /// The noun it belongs to.
    pub group: &'static str,
    pub(super) query: Option<Described>,
    pub(super) body: Option<Described>,
    pub(super) answers: Vec<Answered>,
    route: Box<dyn Fn() -> Route + Send + Sync>,
}

fn operation(method: Method, path: &'static str, id: &'static str, title: &'static str) -> Operation {
    Operation {
        method,
        path,
        id,
        title,
        about: "",
        access: Access::AnyKey,
        group: "",
        query: None,
        body: None,
        answers: vec![],
        route: Box::new(Route::new),
    }
}

/// A call that looks.
pub(super) fn get(path: &'static str, id: &'static str, title: &'static str) -> Operation {
    operation(Method::GET, path, id, title)
}

/// A call that adds or does something.
pub(super) fn post(path: &'static str, id: &'static str, title: &'static str) -> Operation {
    operation(Method::POST, path, id, title)
}

/// A call that changes something.
pub(super) fn patch(path: &'static str, id: &'static str, title: &'static str) -> Operation {
    operation(Method::PATCH, path, id, title)
}

/// A call that sets something as it is to be.
pub(super) fn put(path: &'static str, id: &'static str, title: &'static str) -> Operation {
    operation(Method::PUT, path, id, title)
}

/// A call that removes something.
pub(super) fn delete(path: &'static str, id: &'static str, title: &'static str) -> Operation {
    operation(Method::DELETE, path, id, title)
}

/// What a browser asks before a call from another site.
pub(super) fn options(path: &'static str, id: &'static str, title: &'static str) -> Operation {
    operation(Method::OPTIONS, path, id, title)
}

impl Operation {
    /// Whether it reads JSON.
    pub fn takes_a_body(&self) -> bool {
        self.body.is_some()
    }

    /// What it does, in sentences.
    pub(super) fn about(mut self, about: &'static str) -> Self {
        self.about = about;
        self
    }

    /// Only keys with one of these scopes.
    pub(super) fn needs(mut self, scopes: &'static [Scope]) -> Self {
        self.access = Access::Scopes(scopes);
        self
    }

    /// Who may call, where it is not a matter of one scope.
    pub(super) fn open_to(mut self, access: Access) -> Self {
        self.access = access;
        self
    }

    /// What may stand behind the question mark.
    pub(super) fn query<T: JsonSchema>(mut self) -> Self {
        self.query = Some(SchemaGenerator::root_schema_of::<T>);
        self
    }

    /// What the body holds.
    pub(super) fn body<T: JsonSchema>(mut self) -> Self {
        self.body = Some(SchemaGenerator::root_schema_of::<T>);
        self
    }

    /// A body whose schema is written by hand.
    pub(super) fn body_as(mut self, schema: Described) -> Self {
        self.body = Some(schema);
        self
    }

    /// What it answers with this status.
    pub(super) fn answers<T: JsonSchema>(mut self, status: u16) -> Self {
        self.answers.push(Answered { status, media: "application/json", schema: Some(SchemaGenerator::subschema_for::<T>) });
        self
    }

    /// A status without a body.
    pub(super) fn answers_nothing(mut self, status: u16) -> Self {
        self.answers.push(Answered { status, media: "", schema: None });
        self
    }

    /// Something else than JSON.
    pub fn answers_as(mut self, status: u16, media: &'static str) -> Self {
        self.answers.push(Answered { status, media, schema: None });
        self
    }

    /// The function that answers.
    pub(super) fn to<F, Args>(mut self, handler: F) -> Self
    where
        F: Handler<Args> + Send + Sync,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        let method = self.method.clone();
        self.route = Box::new(move || web::method(method.clone()).to(handler.clone()));
        self
    }

    /// Whether the path names something, such as `{id}`.
    pub fn is_about_one(&self) -> bool {
        self.path.contains('{')
    }

    /// The names in the path.
    pub fn parameters(&self) -> impl Iterator<Item = &'static str> {
        self.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
    }
}

/// A schema without the name of the type, which says nothing to a caller.
trait Root {
    fn root_schema_of<T: JsonSchema>(&mut self) -> Schema;
}

impl Root for SchemaGenerator {
    fn root_schema_of<T: JsonSchema>(&mut self) -> Schema {
        let mut schema = self.root_schema_for::<T>();
        for word in ["$schema", "title", "description"] {
            schema.remove(word);
        }
        schema
    }
}

static OPERATIONS: LazyLock<Vec<Operation>> = LazyLock::new(|| {
    let groups = [
        ("Contacts", contacts::operations()),
        ("Contacts", people::operations()),
        ("Contacts", policy::operations()),
        ("Suppression", suppression::operations()),
        ("Usage", usage::operations()),
        ("Mail", messages::operations()),
        ("Mail", progress::operations()),
        ("Mail", conversations::operations()),
        ("Mailboxes", mailboxes::operations()),
        ("Mailboxes", boxes::operations()),
        ("Mailboxes", backtest::operations()),
        ("Sending", sending::operations()),
        ("Mailboxes", delivery::operations()),
        ("Oversight", oversight::operations()),
        ("Oversight", controls::operations()),
        ("Oversight", audit::operations()),
        ("Preferences", preferences::operations()),
        ("Consents", consents::operations()),
        ("Segments", segments::operations()),
        ("Campaigns", campaigns::operations()),
        ("Cohorts", cohorts::operations().into_iter().chain(migrations::operations()).chain(api_changes::operations()).collect()),
        ("Sequences", sequences::operations()),
        ("Templates", templates::operations()),
        ("Signals", signals::operations()),
        ("Referrals", referrals::operations()),
        ("Claims", claims::operations()),
        ("Facts", facts::operations()),
        ("Keys", keys::operations()),
        ("Reports", vigilance::operations()),
        ("Reports", overview::operations()),
        ("Log of calls", calls::operations()),
        ("Reports", reports::operations()),
        ("Reports", departures::operations()),
        ("Reports", programs::operations()),
        ("Exports", exports::operations()),
        ("Churn and recovery", recovery::operations()),
        ("Churn and recovery", winback_rules::operations()),
        ("Webhooks out", webhooks::operations()),
        ("Webhooks in", hooks::operations()),
        ("Mail in", inbound::operations()),
        ("Cancel page", cancel_flow::operations()),
        ("Description", reference::operations()),
    ];
    groups.into_iter().flat_map(|(group, operations)| operations.into_iter().map(move |operation| Operation { group, ..operation })).collect()
});

impl Access {
    /// Refuses a key that lacks every scope of the call.
    pub(crate) fn admit(self, actor: &Actor) -> Result<(), Error> {
        match self {
            Access::Scopes(scopes) => actor.must_have_one_of(scopes),
            _ => Ok(()),
        }
    }
}

/// Every call there is.
pub fn all() -> &'static [Operation] {
    &OPERATIONS
}

/// The call that a request with this method and path pattern makes.
pub fn find(method: &Method, pattern: &str) -> Option<&'static Operation> {
    all().iter().find(|operation| operation.method == *method && operation.path == pattern)
}

/// Registers the calls below a prefix; it is taken off the paths.
pub(super) fn register(prefix: &'static str, config: &mut ServiceConfig) {
    // In this order a literal name comes before `{id}` in its place.
    let mut paths: BTreeMap<&str, Vec<&'static Operation>> = BTreeMap::new();
    for operation in all() {
        if let Some(path) = operation.path.strip_prefix(prefix) {
            paths.entry(path).or_default().push(operation);
        }
    }
    for (path, operations) in paths {
        let methods: Vec<&str> = operations.iter().map(|operation| operation.method.as_str()).collect();
        let allowed = methods.join(", ");
        let mut resource = Resource::new(path);
        for operation in operations {
            resource = resource.route((operation.route)());
        }
        config.service(resource.default_service(web::to(move |request: HttpRequest| {
            let allowed = allowed.clone();
            async move { no_such_method(&request, &allowed) }
        })));
    }
}

fn no_such_method(request: &HttpRequest, allowed: &str) -> HttpResponse {
    let error = Error::bad_request("method_not_allowed", format!("This call is made with {allowed}."));
    let mut answer = refuse(request, super::error::Problem::with_status(error, actix_web::http::StatusCode::METHOD_NOT_ALLOWED)).error_response();
    if let Ok(allowed) = header::HeaderValue::from_str(allowed) {
        answer.headers_mut().insert(header::ALLOW, allowed);
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_call_is_described_once() {
        let (mut ids, mut calls) = (BTreeSet::new(), BTreeSet::new());
        for operation in all() {
            assert!(ids.insert(operation.id), "{} is there twice", operation.id);
            assert!(calls.insert((operation.method.as_str(), operation.path)), "{} {} is there twice", operation.method, operation.path);
            assert!(!operation.title.is_empty() && !operation.group.is_empty());
            assert!(operation.answers.iter().any(|answer| answer.status < 300), "{} answers nothing good", operation.id);
            assert!(operation.path.starts_with("/v1/") || operation.path.starts_with("/api/v1/"), "{}", operation.path);
        }
    }
}
