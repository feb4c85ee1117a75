//! What a tool is: a name, words for the agent, a schema, and the call behind it.

use std::sync::Arc;

use futures_util::future::{self, BoxFuture};
use rmcp::model::{JsonObject, Tool, ToolAnnotations};
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};
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
    /// Keys without this scope do not see it and cannot call it.
    needs: Option<Scope>,
    run: Box<dyn Fn(Call, Value) -> BoxFuture<'static, Answered> + Send + Sync>,
    #[cfg(test)]
    read: fn(&Value) -> Result<(), Problem>,
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
        #[cfg(test)]
        read: |arguments| json::read::<T>(arguments).map(drop),
        run: Box::new(move |call, arguments| match json::read::<T>(&arguments) {
            Ok(input) => Box::pin(run(call, input)),
            Err(problem) => Box::pin(future::err(problem)),
        }),
    }
}

impl Entry {
    /// Hides it from keys without this scope, and refuses their calls.
    pub fn only_with(mut self, scope: Scope) -> Self {
        self.needs = Some(scope);
        self
    }

    /// Shows arguments that it takes, in its schema.
    pub fn example(mut self, arguments: Value) -> Self {
        let mut schema = (*self.tool.input_schema).clone();
        if let Value::Array(examples) = schema.entry("examples").or_insert_with(|| Value::Array(vec![])) {
            examples.push(arguments);
        }
        self.tool.input_schema = Arc::new(schema);
        self
    }

    /// Says what an answer holds: a `T`, whole.
    pub fn answers<T: JsonSchema>(mut self) -> Self {
        let generator = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true).for_serialize().into_generator();
        self.tool.output_schema = Some(Arc::new(bare(generator.into_root_schema_for::<T>())));
        self
    }

    /// The scope it needs.
    #[cfg(test)]
    pub fn needs(&self) -> Option<Scope> {
        self.needs
    }

    /// Whether its reader takes these arguments.
    #[cfg(test)]
    pub fn reads(&self, arguments: &Value) -> Result<(), String> {
        (self.read)(arguments).map_err(|problem| problem.to_string())
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.tool.name
    }

    /// What a list of tools shows to this actor, if anything.
    pub fn shown_to(&self, actor: &Actor) -> Option<Tool> {
        self.needs.is_none_or(|scope| actor.must_have(scope).is_ok()).then(|| self.tool.clone())
    }

    /// Calls it. What is hidden from the caller is refused as REST refuses it, whatever the arguments are.
    pub async fn call(&self, call: Call, arguments: JsonObject) -> Answered {
        if let Some(scope) = self.needs {
            call.actor.must_have(scope)?;
        }
        (self.run)(call, Value::Object(arguments)).await
    }
}

fn schema_of<T: JsonSchema>() -> JsonObject {
    bare(described::of_requests().into_root_schema_for::<T>())
}

/// A schema without the name of the type, which says nothing to a caller.
fn bare(mut schema: Schema) -> JsonObject {
    schema.remove("title");
    schema.remove("description");
    schema.as_object().cloned().unwrap_or_default()
}
