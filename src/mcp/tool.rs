//! What a tool is: a name, words for the agent, a schema, and the call behind it.

use std::sync::Arc;

use futures_util::future::{self, BoxFuture};
use rmcp::model::{JsonObject, Tool, ToolAnnotations};
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::answer::Answer;
use crate::api::error::Problem;
use crate::api::turn::FIELD;
use crate::api::{described, json};
use crate::app::State;
use crate::domain::actor::{Actor, Scope};
use crate::domain::error::Error;
use crate::domain::idempotency::LONGEST;

/// What the argument for idempotency says of itself.
const ONCE: &str = "A word of your own for this one call, such as a UUID. If you call again with the same word and the same arguments, \
    because no answer came, nothing is done twice: you get the first answer.";

// Not a doc comment: that would be told to agents as the description of the schema.
// The arguments of a tool that takes none.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

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
    effect: Effect,
    /// Keys without one of these scopes do not see it; all see it where there are none.
    needs: Vec<Scope>,
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
    mut schema: JsonObject,
    run: fn(Call, T) -> F,
) -> Entry
where
    T: DeserializeOwned + 'static,
    F: Future<Output = Answered> + Send + 'static,
{
    if effect != Effect::Reads
        && let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut)
    {
        properties.insert(FIELD.to_owned(), json!({"type": "string", "minLength": 1, "maxLength": LONGEST, "description": ONCE}));
    }
    let hints = ToolAnnotations::from_raw(
        Some(title.to_owned()),
        Some(effect == Effect::Reads),
        Some(effect == Effect::Ends),
        Some(matches!(effect, Effect::Reads | Effect::Settles)),
        Some(false),
    );
    Entry {
        tool: Tool::new(name, about, schema).with_title(title).with_annotations(hints),
        effect,
        needs: vec![],
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
    pub fn only_with(self, scope: Scope) -> Self {
        self.only_with_one_of(&[scope])
    }

    /// Hides it from keys that have none of these scopes, and refuses their calls.
    pub fn only_with_one_of(mut self, scopes: &[Scope]) -> Self {
        self.needs = scopes.to_vec();
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

    /// Whether its reader takes these arguments.
    #[cfg(test)]
    pub fn reads(&self, arguments: &Value) -> Result<(), String> {
        (self.read)(arguments).map_err(|problem| problem.to_string())
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.tool.name
    }

    /// The scope it needs, where it needs one.
    pub fn scope(&self) -> Option<Scope> {
        self.needs.first().copied()
    }

    /// Takes the idempotency key out of the arguments of a tool that changes something.
    pub fn take_idempotency_key(&self, arguments: &mut JsonObject) -> Option<String> {
        if self.effect == Effect::Reads {
            return None;
        }
        match arguments.remove(FIELD)? {
            Value::Null => None,
            Value::String(name) => Some(name),
            // What is no text is refused as no key is.
            _ => Some(String::new()),
        }
    }

    /// What a list of tools shows to this actor, if anything.
    pub fn shown_to(&self, actor: &Actor) -> Option<Tool> {
        self.admit(actor).is_ok().then(|| self.tool.clone())
    }

    /// Refuses a key that has none of the scopes.
    fn admit(&self, actor: &Actor) -> Result<(), Error> {
        actor.must_have_one_of(&self.needs)
    }

    /// Calls it. What is hidden from the caller is refused as REST refuses it, whatever the arguments are.
    pub async fn call(&self, call: Call, arguments: JsonObject) -> Answered {
        self.admit(&call.actor)?;
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
    // Some clients refuse an object that does not list its fields, also where it has none.
    if schema.get("properties").is_none() {
        schema.insert("properties".to_owned(), Value::Object(JsonObject::new()));
    }
    schema.as_object().cloned().unwrap_or_default()
}
