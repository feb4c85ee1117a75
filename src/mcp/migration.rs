//! The prompt that plans the mails of a migration.

use jiff::civil::Date;
use rmcp::model::ContentBlock;
use serde::Deserialize;
use serde_json::{Value, json};

use super::prompts::{from_outside, on_record};
use super::tool::Call;
use crate::api::contacts::{self, Query};
use crate::api::error::Problem;
use crate::api::mailboxes;
use crate::clock::{self, Time};
use crate::domain::error::Error;
use crate::domain::facts::{self, Filter, Kind, State};
use crate::domain::text::excerpt;

/// The mails of a migration: the name, how many days before the deadline, what it says.
const PHASES: [(&str, i64, &str); 5] = [
    ("announcement", 90, "what changes, why, until when, where to read more"),
    ("preparation", 60, "what to do, step by step; who has not started"),
    ("window", 30, "when the change takes place, what to look at that day"),
    ("final notice", 7, "the deadline, and what stops working"),
    ("completion", 0, "that it is done, only to those who did it; thanks"),
];

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Given {
    tags: String,
    deadline: String,
    breaking_changes: Option<String>,
}

pub(super) async fn prompt(call: Call, given: Given) -> Result<Vec<ContentBlock>, Problem> {
    let deadline: Date = given.deadline.trim().parse().map_err(|_| {
        Error::invalid("field_invalid", "deadline", format!("deadline must be a day such as 2027-04-30; got \"{}\".", excerpt(&given.deadline)))
    })?;
    let query = Query { tags: Some(given.tags.clone()), limit: Some(100), ..Query::default() };
    let found = contacts::find(call.actor.clone(), &call.state, query).await?;
    let mailboxes = mailboxes::all(call.actor.clone(), &call.state).await?;
    let actor = call.actor;
    let filter = Filter { kind: Some(Kind::MigrationChange), state: Some(State::Current), limit: 100, ..Filter::default() };
    let (changes, _) = call.state.read(move |conn| facts::list(conn, &actor, &filter)).await?;
    let changes: Vec<Value> = changes.iter().map(|fact| json!({"fact_id": fact.id, "change": *fact.body})).collect();
    let facts = json!({
        "tags": given.tags,
        "deadline": deadline,
        "phases": phases(deadline, clock::now().date()),
        "recipients": {
            "found": found.contacts.len(),
            "more_than_that": found.next_cursor.is_some(),
            "of_these_not_to_be_mailed": found.contacts.iter().filter(|contact| contact.suppressed).count(),
        },
        "migration_changes_on_record": changes,
        "mailboxes": mailboxes.mailboxes,
    });
    let mut blocks = vec![ContentBlock::text(INSTRUCTIONS), on_record("The plan so far", &facts)];
    if let Some(changes) = given.breaking_changes {
        blocks.push(from_outside("the breaking changes as they were typed in", &changes));
    }
    Ok(blocks)
}

/// The days of the phases, and which of them have passed.
fn phases(deadline: Date, today: Date) -> Vec<Value> {
    PHASES
        .iter()
        .map(|(phase, before, says)| {
            let on = Time::from_date(deadline).plus_days(-before).date();
            json!({"phase": phase, "days_before": before, "on": on, "has_passed": on < today, "says": says})
        })
        .collect()
}

const INSTRUCTIONS: &str = "Plan the mails of this migration and submit the first of them.\n\n\
    1. List the recipients with search_contacts and the tags below, page by page. Leave out whoever has suppressed true. \
    A tag with a leading minus leaves those out who are done.\n\
    2. Every deadline, endpoint, header, field and change must be a fact of kind migration_change. Compare what was typed in with what is on record; \
    propose what is missing with propose_fact and wait until a person accepts it. The phases then cannot contradict each other.\n\
    3. Write one text for each phase that has not passed: announcement, preparation, window, final notice, completion, on the days below. \
    A phase that has passed is left out, or said in the next one. Hold each text with check_claims.\n\
    4. Submit each phase with send_email: a mailbox in mode gated_all or gated_send, at most 100 recipients a call, send_at the day of the phase, \
    campaign the name of the migration, tags [\"migration-notified\"] for the announcement. All phases can be submitted up front for review together.\n\
    5. Held messages wait for a person: do not send them again. list_emails with the campaign shows where each is; with changes_requested, what to mend with edit_email.\n\
    6. Read answers with check_inbox. Mark progress on contacts with tag_email: migration-started, migration-complete. Take back with cancel_email what is \
    scheduled for somebody who is done.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phases_are_counted_back_from_the_deadline() {
        let found = phases("2027-04-30".parse().unwrap(), "2027-03-02".parse().unwrap());
        let days: Vec<(&str, bool)> = found.iter().map(|phase| (phase["on"].as_str().unwrap(), phase["has_passed"].as_bool().unwrap())).collect();
        assert_eq!(days, [("2027-01-30", true), ("2027-03-01", true), ("2027-03-31", false), ("2027-04-23", false), ("2027-04-30", false)]);
    }
}
