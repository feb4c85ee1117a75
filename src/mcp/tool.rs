//! What a tool is: a name, words for the agent, a schema, and the call behind it.

use futures_util::future::{self, BoxFuture};
use rmcp::model::{JsonObject, Tool, ToolAnnotations};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::answer::Answer;
use crate::api::error::Problem;
use crate::api::{described, json};
use crate::app::State;
use crate::domain::actor::{Actor, Scope};

/// Who calls, and the desk they call.
pub(super) struct Call {
    pub actor: Actor,
    pub state: State,
}

/// What comes of a call.
pub(super) type Answered = Result<Answer, Problem>;

/// What a call does to the desk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// It looks.
    Reads,
    /// It adds something each time.
    Adds,
    /// It brings something to a state; doing it again changes nothing.
    Settles,
    /// It ends something for good.
    Ends,
}

/// A tool.
pub(super) struct Entry {
    tool: Tool,
    /// Keys without this scope do not see it.
    needs: Option<Scope>,
    run: Box<dyn Fn(Call, Value) -> BoxFuture<'static, Answered> + Send + Sync>,
}

/// A tool whose arguments are a `T`: the schema shown and the reader are made from the same type.
pub(super) fn tool<T, F>(name: &'static str, title: &str, about: &'static str, effect: Effect, run: fn(Call, T) -> F) -> Entry
where
    T: DeserializeOwned + JsonSchema + 'static,
    F: Future<Output = Answered> + Send + 'static,
{
    with_schema(name, title, about, effect, schema_of::<T>(), run)
}

/// The same with a schema written by hand.
pub(super) fn with_schema<T, F>(
    name: &'static str,
    title: &str,
    about: &'static str,
    effect: Effect,
    schema: JsonObject,
    run: fn(Call, T) -> F,
) -> Entry
where
    T: DeserializeOwned + 'static,
    F: Future<Output = Answered> + Send + 'static,
{
    let hints = ToolAnnotations::from_raw(
        Some(title.to_owned()),
        Some(effect == Effect::Reads),
        Some(effect == Effect::Ends),
        Some(matches!(effect, Effect::Reads | Effect::Settles)),
        Some(false),
    );
    Entry {
        tool: Tool::new(name, about, schema).with_title(title).with_annotations(hints),
        needs: None,
        run: Box::new(move |call, arguments| match json::read::<T>(&arguments) {
            Ok(input) => Box::pin(run(call, input)),
            Err(problem) => Box::pin(future::err(problem)),
        }),
    }
}

impl Entry {
    /// Hides it from keys without this scope.
    pub fn only_with(mut self, scope: Scope) -> Self {
        self.needs = Some(scope);
        self
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.tool.name
    }

    /// What a list of tools shows to this actor, if anything.
    pub fn shown_to(&self, actor: &Actor) -> Option<Tool> {
        self.needs.is_none_or(|scope| actor.must_have(scope).is_ok()).then(|| self.tool.clone())
    }

    /// Calls it. What is hidden from the caller is refused by the domain, with its own code.
    pub async fn call(&self, call: Call, arguments: JsonObject) -> Answered {
        (self.run)(call, Value::Object(arguments)).await
    }
}

fn schema_of<T: JsonSchema>() -> JsonObject {
    let mut schema = described::of_requests().into_root_schema_for::<T>();
    schema.remove("title");
    schema.remove("description");
    schema.as_object().cloned().unwrap_or_default()
}
