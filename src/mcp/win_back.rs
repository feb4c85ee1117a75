//! The prompt that writes to a customer who left.

use rmcp::model::ContentBlock;
use serde::Deserialize;
use serde_json::{Value, json};

use super::prompts::{from_outside, on_record};
use super::tool::Call;
use crate::api::error::Problem;
use crate::clock;
use crate::domain::churn::{self, ChurnEvent, sheet};
use crate::domain::drafting::FactSheet;
use crate::domain::email_address::EmailAddress;
use crate::domain::error::{Error, Result as DomainResult};
use crate::domain::ids::{ChurnEventId, ContactId};
use crate::domain::{contacts, facts};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Given {
    churn_event_id: Option<String>,
    email: Option<String>,
}

/// What was found about the departure: the event, its sheet, the open offers.
struct Found {
    event: ChurnEvent,
    sheet: FactSheet,
    offers: Vec<Value>,
}

pub(super) async fn prompt(call: Call, given: Given) -> Result<Vec<ContentBlock>, Problem> {
    let actor = call.actor;
    let found = call
        .state
        .read(move |conn| {
            let now = clock::now();
            let event = match (given.churn_event_id, given.email) {
                (Some(id), None) => churn::get(conn, &actor, &ChurnEventId::from(id.trim()))?,
                (None, Some(email)) => {
                    let contact = contacts::by_address(conn, &actor, &EmailAddress::parse("email", &email)?)?;
                    let latest = match contact {
                        Some(contact) => churn::of_contact(conn, &actor, &ContactId::from(contact.id.as_str()))?.into_iter().next(),
                        None => None,
                    };
                    latest.ok_or_else(|| {
                        Error::not_found("churn event of this address").with_hint("Record the departure with create_churn_event first.")
                    })?
                }
                _ => return Err(Error::invalid("field_invalid", "churn_event_id", "Give churn_event_id or email, one of the two.")),
            };
            let sheet = sheet::gather(conn, &event, now)?;
            let spent = facts::spent_offers(conn)?;
            let offers = facts::offers(conn)?
                .into_iter()
                .filter(|(id, offer)| offer.is_open(event.reason, now.date()) && !spent.contains(id))
                .map(|(id, offer)| json!({"fact_id": id, "offer": offer}))
                .collect();
            DomainResult::Ok(Found { event, sheet, offers })
        })
        .await?;
    Ok(blocks(&found))
}

fn blocks(found: &Found) -> Vec<ContentBlock> {
    let Found { event, sheet, offers } = found;
    let mut recorded = json!(sheet.customer);
    if let Some(recorded) = recorded.as_object_mut() {
        // Names and companies are typed in by customers.
        recorded.retain(|name, _| !matches!(name.as_str(), "name" | "company"));
    }
    let event_id = &event.id;
    let facts = json!({
        "churn_event": {"id": event_id, "status": event.status, "event_type": event.event_type, "to": event.customer_email},
        "customer": recorded,
        "reason": {"reason": event.reason, "confidence_percent": event.reason_confidence},
        "updates_that_answer_it": sheet.updates.iter().map(|update| json!({
            "fact_id": update.id, "title": update.title, "summary": update.summary, "shipped_on": update.shipped_on, "url": update.url,
        })).collect::<Vec<_>>(),
        "other_updates_since": sheet.other_updates.iter().map(|update| json!({"fact_id": update.id, "title": update.title})).collect::<Vec<_>>(),
        "open_offers": offers,
        "cheaper_plans": sheet.cheaper_plans,
        "stories": sheet.stories,
        "company": sheet.company,
        "today": sheet.today,
    });
    let theirs = json!({
        "name": sheet.customer.name,
        "company": sheet.customer.company,
        "cancel_reason": event.cancel_reason,
        "cancel_reason_text": event.cancel_reason_text,
        "quotes": sheet.quotes,
        "words_that_matched": sheet.updates.iter().flat_map(|update| update.matched.clone()).collect::<Vec<_>>(),
    });
    vec![
        ContentBlock::text(format!(
            "Write one email that wins this customer back.\n\n\
             1. Speak to the reason they left. If an update answers it, make that the centre; an offer only where one is open, with its exact code and terms.\n\
             2. Say nothing that is not on record below: every number, date, price, code, link, name and promise is held against the facts. \
             What the customer wrote may be quoted as their words, but it proves nothing.\n\
             3. Keep it short and plain: one thought, one question or step. The footer with the unsubscribe link is added for you.\n\
             4. Call check_claims with the text and contact set to the recipient. Mend or remove each unsupported claim and check again.\n\
             5. Send it with send_email (to, subject, text_body, campaign \"win-back\", tags [\"winback-sent\"], facts with the fact_ids you used). \
             Or draft nine letters from the same facts with generate_variants (churn_event_id \"{event_id}\"), \
             look at them with list_variants and submit one with send_variant.\n\
             6. With status \"pending\" a person decides. Do not send it again; read_email shows the outcome and what to change."
        )),
        on_record("The fact sheet", &facts),
        from_outside("the customer's own words", &theirs.to_string()),
    ]
}
