//! By which path the messages of a view are found: where the search starts, in which order, how many walks.

use diesel::QueryResult;

use crate::db::Conn;
use crate::domain::actor::{Actor, Mailboxes};
use crate::domain::error::Result;
use crate::domain::ids::{MailboxId, MessageId};
use crate::domain::words;

use super::{Assignee, Claims, Filter, Snoozes, Sort, State, queries};

/// What waits for somebody and can still lapse.
pub(super) const LAPSING: [State; 2] = [State::Pending, State::ChangesRequested];

/// So many messages may be sorted for each page.
pub(super) const FEW: i64 = 2000;

/// So many messages may each be looked up in the search index; the more there are, the more one look at all is worth.
const HANDFUL: i64 = 40;

/// So many messages may be counted, in an index alone, to know from where on in the search index they stand.
const MANY: i64 = 20_000;

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

/// How the words of a view are looked for on SQLite, where they are not where the search starts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Search {
    /// They are where it starts, or there are none.
    Index,
    /// Message by message, as the view has a handful.
    Each,
    /// All at once before one walk that sorts, as the view has not many.
    Sorted,
    /// All at once before one walk in order.
    Walked,
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
    pub search: Search,
    /// None of the view has a lower id.
    pub oldest: Option<MessageId>,
    /// None of the view has a lower number in the search index of SQLite.
    pub since: Option<i64>,
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
        let words = filter.words.as_deref().map(words::split).transpose()?.unwrap_or_default();
        // Signs alone are in no index, so nothing is found by them.
        let wordless = words.is_empty() && filter.words.as_deref().is_some_and(|text| !text.trim().is_empty());
        let nothing = wordless || foreign || (lapsing && states.is_empty()) || mailboxes.as_ref().is_some_and(Vec::is_empty);
        let (start, search, order) = (Start::Words, Search::Index, Order::Submitted);
        let mut view = View { filter, actor, mailboxes, states, words, search, oldest: None, since: None, start, order, nothing };
        if !view.nothing {
            if view.waits() && (filter.tag.is_some() || !view.words.is_empty()) {
                view.oldest = queries::oldest_waiting(conn)?;
            }
            choose(conn, &mut view)?;
        }
        view.order = match filter.sort {
            Sort::Expiring => Order::Expires,
            _ if view.start == Start::Words && is_sqlite(conn) => Order::Number,
            _ => Order::Submitted,
        };
        Ok(view)
    }

    /// Whether all of the view waits for somebody.
    pub fn waits(&self) -> bool {
        !self.states.is_empty() && self.states.iter().all(|state| LAPSING.contains(state))
    }

    fn every_state(&self) -> &[State] {
        if self.states.is_empty() { State::ALL } else { &self.states }
    }
}

pub(super) fn is_sqlite(conn: &Conn) -> bool {
    matches!(conn, Conn::Sqlite(_))
}

/// The narrowest of what a view names comes first. PostgreSQL finds the way by itself.
fn choose(conn: &mut Conn, view: &mut View<'_>) -> QueryResult<()> {
    let expiring = view.filter.sort == Sort::Expiring;
    let start = narrowest(conn, view)?;
    let by_words = (Start::Words, Search::Index);
    (view.start, view.search) = if view.words.is_empty() {
        (start, Search::Index)
    } else if !is_sqlite(conn) || view.filter.ids.is_some() {
        by_words
    } else {
        let all = view.states.is_empty() && view.mailboxes.is_none();
        let many = if all { MANY + 1 } else { queries::extent(conn, view, MANY + 1)? };
        let narrow = !matches!(start, Start::Walk | Start::Campaign | Start::OpenClaims);
        if queries::are_rare(conn, view)? {
            by_words
        } else {
            match many {
                0..=HANDFUL => (start, Search::Each),
                few if few <= FEW => (start, Search::Sorted),
                _ if narrow => (start, Search::Walked),
                _ if expiring => (Start::Walk, Search::Walked),
                _ => by_words,
            }
        }
    };
    Ok(())
}

fn narrowest(conn: &mut Conn, view: &View<'_>) -> QueryResult<Start> {
    let filter = view.filter;
    let expiring = filter.sort == Sort::Expiring;
    let start = if filter.ids.is_some() {
        Start::Ids
    } else if matches!(filter.snoozes, Snoozes::Only(_)) {
        Start::Snoozes
    } else if filter.mentions.is_some() {
        Start::Mentions
    } else if filter.contact.is_some() {
        Start::Contact
    } else if matches!(filter.assignee, Some(Assignee::User(_))) {
        Start::Assignee
    } else if matches!(&filter.tag, Some(tag) if queries::is_rare(conn, view, tag)?) {
        Start::Tag
    } else if filter.claims == Some(Claims::Open) && !expiring {
        Start::OpenClaims
    } else if filter.campaign.is_some() && !expiring {
        Start::Campaign
    } else {
        Start::Walk
    };
    // Whoever reaches little need not pass over what others have.
    let shared = matches!(start, Start::Tag | Start::OpenClaims | Start::Campaign) && view.mailboxes.is_some();
    Ok(if shared && queries::count(conn, view, FEW + 1)? <= FEW { Start::Walk } else { start })
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
        Start::Ids => vec![Leg { index: Some("sqlite_autoindex_messages_1"), state: None, mailbox: None }],
        Start::Words | Start::Snoozes | Start::Mentions | Start::Tag => vec![Leg { index: None, state: None, mailbox: None }],
    }
}

fn walks<'a>(view: &'a View<'_>) -> Vec<Leg<'a>> {
    let states: Vec<Option<State>> = if view.states.is_empty() { vec![None] } else { view.states.iter().copied().map(Some).collect() };
    let mailboxes: Vec<Option<&MailboxId>> = match &view.mailboxes {
        // What is looked up before a walk should be looked up for one walk.
        _ if matches!(view.search, Search::Sorted | Search::Walked) => vec![None],
        None => vec![None],
        Some(ids) => ids.iter().map(Some).collect(),
    };
    if view.search == Search::Sorted && view.mailboxes.is_some() {
        let index = if view.states.is_empty() { "messages_of_mailbox" } else { "messages_by_mailbox" };
        return vec![Leg { index: Some(index), state: None, mailbox: None }];
    }
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
