//! The URL of a list.

use serde::Deserialize;

use crate::clock::Time;
use crate::domain::actor::Actor;
use crate::domain::error::Result;
use crate::domain::ids::{MailboxId, MessageId};
use crate::domain::messages::State;
use crate::domain::messages::list::Filter;

#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct ListQuery {
    pub(super) mailbox: Option<String>,
    pub(super) campaign: Option<String>,
    pub(super) q: Option<String>,
    pub(super) state: Option<String>,
    pub(super) after: Option<String>,
}

impl ListQuery {
    pub(super) fn filter(&self, _actor: &Actor, _now: Time, queue: bool) -> Result<Filter> {
        let given = |value: &Option<String>| value.clone().filter(|text| !text.trim().is_empty());
        Ok(Filter {
            states: if queue { vec![State::Pending] } else { vec![] },
            oldest_first: queue,
            mailbox: given(&self.mailbox).map(|id| MailboxId::from(id.as_str())),
            campaign: given(&self.campaign),
            words: given(&self.q),
            after: given(&self.after).map(|id| MessageId::from(id.as_str())),
            limit: 50,
            ..Filter::default()
        })
    }

    pub(super) fn to_query(&self) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in
            [("mailbox", &self.mailbox), ("campaign", &self.campaign), ("q", &self.q), ("state", &self.state), ("after", &self.after)]
        {
            if let Some(value) = value.as_ref().filter(|value| !value.is_empty()) {
                query.append_pair(name, value);
            }
        }
        query.finish()
    }

    pub(super) fn with(&self, name: &str, value: &str) -> Self {
        let mut other = self.clone();
        if name == "after" {
            other.after = Some(value.to_owned());
        }
        other
    }

    pub(super) fn is_filtered(&self) -> bool {
        [&self.mailbox, &self.campaign, &self.q, &self.state].iter().any(|value| value.as_ref().is_some_and(|v| !v.is_empty()))
    }
}
