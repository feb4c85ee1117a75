//! How the domain's own types look in JSON, for the description of the API.

use std::borrow::Cow;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::clock::Time;
use crate::domain::actor::Scope;
use crate::domain::calls;
use crate::domain::churn::{EventType as DepartureType, Status};
use crate::domain::contacts::ConsentBasis;
use crate::domain::contacts::conditions::Churn;
use crate::domain::drafting::WrittenBy;
use crate::domain::facts;
use crate::domain::ids::{
    AllowedId, ApiKeyId, CallId, CampaignId, ChurnEventId, CohortId, ContactId, DeliveryId, EndpointId, EnrollmentId, FactId, HoldingRuleId,
    InboundEmailId, MailboxId, MessageId, ReferralId, RowId, SegmentId, SequenceId, SignalId, TemplateId, ThreadId, TopicId, VariantId,
    WinbackRuleId,
};
use crate::domain::mailboxes::{Mode, Notify, OnUncertain};
use crate::domain::messages::{self, DecisionKind, inspect};
use crate::domain::outbox;
use crate::domain::reason::{Reason, Strategy};
use crate::domain::webhooks::{self, deliveries};
use crate::domain::{campaigns, claims, cohorts, sequences, templates, trials};

macro_rules! ids {
    ($($id:ty),+ $(,)?) => {$(
        impl JsonSchema for $id {
            fn inline_schema() -> bool {
                true
            }
            fn schema_name() -> Cow<'static, str> {
                stringify!($id).into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({"type": "string"})
            }
        }
    )+};
}

macro_rules! words {
    ($($word:ty),+ $(,)?) => {$(
        impl JsonSchema for $word {
            fn inline_schema() -> bool {
                true
            }
            fn schema_name() -> Cow<'static, str> {
                stringify!($word).into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                let words: Vec<&str> = <$word>::ALL.iter().map(|word| word.as_str()).collect();
                json_schema!({"type": "string", "enum": words})
            }
        }
    )+};
}

ids!(
    ApiKeyId,
    CallId,
    CampaignId,
    ChurnEventId,
    CohortId,
    ContactId,
    DeliveryId,
    EndpointId,
    EnrollmentId,
    FactId,
    InboundEmailId,
    MailboxId,
    MessageId,
    ReferralId,
    RowId,
    SegmentId,
    TopicId,
    SequenceId,
    SignalId,
    TemplateId,
    ThreadId,
    VariantId,
    WinbackRuleId,
    HoldingRuleId,
    AllowedId
);

words!(
    ConsentBasis,
    DecisionKind,
    DepartureType,
    Mode,
    outbox::attempts::Outcome,
    outbox::uncertain::Evidence,
    outbox::uncertain::Verdict,
    Notify,
    OnUncertain,
    super::mailboxes::Direction,
    super::progress::WaitFor,
    Reason,
    Scope,
    Status,
    Strategy,
    WrittenBy,
    calls::Outcome,
    calls::Surface,
    claims::Kind,
    claims::Part,
    claims::Verdict,
    crate::domain::churn::Evidence,
    crate::domain::churn::demand::Order,
    deliveries::State,
    facts::Kind,
    facts::State,
    inspect::Kind,
    inspect::Place,
    messages::State,
    messages::list::Sort,
    campaigns::Kind,
    cohorts::Phase,
    cohorts::changes::compare::What,
    trials::Measure,
    templates::Type,
    cohorts::Progress,
    Churn,
    sequences::State,
    webhooks::EventType,
);

impl JsonSchema for Time {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Time".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "format": "date-time"})
    }
}

/// Makes the schemas of what callers send; each stands whole where it is used, because some
/// clients do not follow references.
pub(crate) fn of_requests() -> SchemaGenerator {
    SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true).into_generator()
}

/// Makes the schemas of what is answered, each once under its name.
pub(super) fn of_answers() -> SchemaGenerator {
    SchemaSettings::draft2020_12().with(|settings| settings.definitions_path = "/components/schemas".into()).for_serialize().into_generator()
}
