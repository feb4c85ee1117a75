//! By which path the messages of a view are found: where the search starts, in which order, how many walks.

use diesel::QueryResult;

use crate::db::Conn;
use crate::domain::actor::{Actor, Mailboxes};
use crate::domain::error::Result;
use crate::domain::ids::MailboxId;

use super::{Assignee, Claims, Filter, Snoozes, Sort, State, queries, words};

/// What can still lapse.
const LAPSING: [State; 2] = [State::Pending, State::ChangesRequested];

/// Where the search for the messages of a view starts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Start {
    Words,
    Ids,
    Snoozes,
    Mentions,
    Contact,
    Assignee,
    Tag,
    OpenClaims,
    Campaign,
    /// With the mailboxes and states.
    Walk,
}

/// By what a view is sorted, before the id.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Submitted,
    Expires,
    /// The place in the search index of SQLite, which is the order in which messages came.
    Number,
}

/// A filter as one actor may see it.
pub(super) struct View<'a> {
    pub filter: &'a Filter,
    pub actor: &'a Actor,
    /// None is all of them.
    pub mailboxes: Option<Vec<MailboxId>>,
    /// Empty is all of them.
    pub states: Vec<State>,
    pub words: Vec<String>,
    pub start: Start,
    pub order: Order,
    /// Whether reach and filter leave nothing.
    pub nothing: bool,
}

impl<'a> View<'a> {
    pub fn of(conn: &mut Conn, actor: &'a Actor, filter: &'a Filter) -> Result<View<'a>> {
        let reach = match actor.mailboxes() {
            Mailboxes::All => None,
            Mailboxes::These(ids) => Some(ids.clone()),
        };
        let mailboxes = match (&filter.mailbox, reach) {
            (Some(mailbox), None) => Some(vec![mailbox.clone()]),
            (Some(mailbox), Some(reach)) => Some(reach.into_iter().filter(|id| id == mailbox).collect()),
            (None, reach) => reach,
        };
        let lapsing = filter.sort == Sort::Expiring || filter.expires_before.is_some();
        let states: Vec<State> = match (filter.states.is_empty(), lapsing) {
            (true, true) => LAPSING.to_vec(),
            (false, true) => filter.states.iter().copied().filter(|state| LAPSING.contains(state)).collect(),
            (_, false) => filter.states.clone(),
        };
        let foreign = matches!(filter.snoozes, Snoozes::Only(_)) && !matches!(actor, Actor::User { .. });
        let nothing = foreign || (lapsing && states.is_empty()) || mailboxes.as_ref().is_some_and(Vec::is_empty);
        let words = filter.words.as_deref().map(words::split).transpose()?.unwrap_or_default();
        let start = start(conn, filter, &words)?;
        let order = match filter.sort {
            Sort::Expiring => Order::Expires,
            _ if start == Start::Words && is_sqlite(conn) => Order::Number,
            _ => Order::Submitted,
        };
        Ok(View { filter, actor, mailboxes, states, words, start, order, nothing })
    }

    fn every_state(&self) -> &[State] {
        if self.states.is_empty() { State::ALL } else { &self.states }
    }
}

pub(super) fn is_sqlite(conn: &Conn) -> bool {
    matches!(conn, Conn::Sqlite(_))
}

/// The narrowest of what a filter names comes first. PostgreSQL finds the way by itself.
fn start(conn: &mut Conn, filter: &Filter, words: &[String]) -> QueryResult<Start> {
    let expiring = filter.sort == Sort::Expiring;
    Ok(if !words.is_empty() && (filter.ids.is_some() || !expiring || !is_sqlite(conn) || queries::are_rare(conn, words)?) {
        Start::Words
    } else if filter.ids.is_some() {
        Start::Ids
    } else if matches!(filter.snoozes, Snoozes::Only(_)) {
        Start::Snoozes
    } else if filter.mentions.is_some() {
        Start::Mentions
    } else if filter.contact.is_some() {
        Start::Contact
    } else if matches!(filter.assignee, Some(Assignee::User(_))) {
        Start::Assignee
    } else if matches!(&filter.tag, Some(tag) if queries::is_rare(conn, tag)?) {
        Start::Tag
    } else if filter.claims == Some(Claims::Open) && !expiring {
        Start::OpenClaims
    } else if filter.campaign.is_some() && !expiring {
        Start::Campaign
    } else {
        Start::Walk
    })
}

/// One walk through the messages; a view is as many as it has mailboxes and states.
pub(super) struct Leg<'a> {
    /// The index to walk along, where the walk is along one.
    pub index: Option<&'static str>,
    pub state: Option<State>,
    pub mailbox: Option<&'a MailboxId>,
}

pub(super) fn legs<'a>(view: &'a View<'_>) -> Vec<Leg<'a>> {
    let by_state = |index| view.every_state().iter().map(|state| Leg { index: Some(index), state: Some(*state), mailbox: None }).collect();
    match view.start {
        Start::Walk => walks(view),
        Start::Assignee => by_state("messages_by_assignee"),
        Start::OpenClaims => by_state("messages_with_open_claims"),
        Start::Campaign => by_state("messages_by_campaign"),
        Start::Contact => vec![Leg { index: Some("messages_by_contact"), state: None, mailbox: None }],
        Start::Words | Start::Ids | Start::Snoozes | Start::Mentions | Start::Tag => vec![Leg { index: None, state: None, mailbox: None }],
    }
}

fn walks<'a>(view: &'a View<'_>) -> Vec<Leg<'a>> {
    let states: Vec<Option<State>> = if view.states.is_empty() { vec![None] } else { view.states.iter().copied().map(Some).collect() };
    let mailboxes: Vec<Option<&MailboxId>> = match &view.mailboxes {
        None => vec![None],
        Some(ids) => ids.iter().map(Some).collect(),
    };
    let mut legs = vec![];
    for state in &states {
        for mailbox in &mailboxes {
            let index = match (state, mailbox, view.order) {
                (Some(_), Some(_), Order::Expires) => "messages_by_mailbox_expiry",
                (Some(_), None, Order::Expires) => "messages_by_expiry",
                (Some(_), Some(_), _) => "messages_by_mailbox",
                (Some(_), None, _) => "messages_by_state",
                (None, Some(_), _) => "messages_of_mailbox",
                (None, None, _) => "messages_by_time",
            };
            legs.push(Leg { index: Some(index), state: *state, mailbox: *mailbox });
        }
    }
    legs
}
