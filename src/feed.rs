//! What open pages are told while it happens. One task reads the audit log and the table of
//! readers while anybody listens, and everyone who listens gets what is within their reach.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, broadcast};
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep, sleep_until};

use crate::app::State;
use crate::clock::{self, Time};
use crate::db::Conn;
use crate::domain::actor::Actor;
use crate::domain::audit::{self, Line, Position};
use crate::domain::desk::presence;
use crate::domain::error::Result;
use crate::domain::ids::{MailboxId, MessageId, UserId};
use crate::domain::messages::{self, list};

/// The most streams of one person; the oldest ends when one more begins.
pub const MOST_STREAMS: usize = 8;
/// How long a stream lives. Whoever reconnects is looked at again: still signed in, role, mailboxes.
const LIFE: Duration = Duration::from_secs(5 * 60);
/// Time between two beats that keep proxies from closing a silent stream.
const BEAT: Duration = Duration::from_secs(15);
/// Time between two looks when nothing rings.
const LOOK: Duration = Duration::from_secs(1);
/// Shortest time between two looks, and between two counts to one page.
const PAUSE: Duration = Duration::from_millis(50);
const COUNT: Duration = Duration::from_secs(1);
/// Rounds that a slow reader may be behind before it is dropped.
const BEHIND: usize = 128;

/// The handle that every surface shares.
#[derive(Clone)]
pub struct Feed(Arc<Shared>);

struct Shared {
    rounds: broadcast::Sender<Arc<Round>>,
    open: Mutex<Open>,
    /// One starts the reading task, the others wait: nobody may look before it reads.
    starting: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Open {
    streams: VecDeque<(u64, UserId, Arc<Notify>)>,
    opened: u64,
    reader: Option<AbortHandle>,
    closed: bool,
}

/// A message changed.
#[derive(Debug, Clone)]
pub struct Change {
    /// Which.
    pub id: MessageId,
    /// Its state now.
    pub state: messages::State,
    /// Its version now.
    pub version: i32,
    /// Who changed it, by name.
    pub by: String,
    /// What was done, as the audit log names it.
    pub action: String,
    /// Whether this brought it into the queue.
    pub pending: bool,
    mailbox: MailboxId,
}

/// Who is at a message, as one person sees it.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Seen {
    /// The names of the others who have it open.
    pub here: Vec<String>,
    /// Who took it, by name.
    pub taken_by: Option<String>,
    /// Whether that is the person who is told.
    pub yours: bool,
}

/// What one page is told.
#[derive(Debug, Clone)]
pub enum Update {
    /// The stream begins; everything known before is void.
    Hello(i64),
    /// A message changed.
    Change(Change),
    /// Who is at messages, where that changed.
    Presence(BTreeMap<MessageId, Seen>),
    /// How many wait.
    Count(i64),
    /// Nothing happened for a while.
    Beat,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Reading {
    mailbox: MailboxId,
    here: Vec<(UserId, String)>,
    taken: Option<(UserId, String)>,
}

type Readings = BTreeMap<MessageId, Reading>;
type Pending = BTreeMap<MailboxId, i64>;

#[derive(Debug, Clone, Default)]
struct Round {
    changes: Vec<Change>,
    readings: Arc<Readings>,
    pending: Arc<Pending>,
    /// People whose role, mailboxes or password changed.
    ended: Vec<UserId>,
}

impl Default for Feed {
    fn default() -> Self {
        Feed(Arc::new(Shared { rounds: broadcast::Sender::new(BEHIND), open: Mutex::default(), starting: tokio::sync::Mutex::default() }))
    }
}

impl Feed {
    /// Listens for a signed-in person.
    pub async fn listen(&self, state: &State, actor: &Actor) -> Result<Listener> {
        let mut listener = self.enter(actor);
        self.start(state).await?;
        let (pending, readings) = state.read(|conn| Ok((list::pending_by_mailbox(conn)?, readings(conn, clock::now())?))).await?;
        listener.begin(&pending, &readings);
        Ok(listener)
    }

    /// Ends all streams, so that the server can stop.
    pub fn close(&self) {
        let mut open = self.0.open();
        open.closed = true;
        for (_, _, end) in &open.streams {
            end.notify_one();
        }
    }

    /// How many streams are open.
    pub fn streams(&self) -> usize {
        self.0.open().streams.len()
    }

    /// Whether the reading task runs.
    pub fn is_reading(&self) -> bool {
        self.0.open().reader.as_ref().is_some_and(|reader| !reader.is_finished())
    }

    fn enter(&self, actor: &Actor) -> Listener {
        let user = UserId::from(actor.id());
        let end = Arc::new(Notify::new());
        let mut open = self.0.open();
        let own: Vec<Arc<Notify>> = open.streams.iter().filter(|(_, who, _)| *who == user).map(|(_, _, end)| end.clone()).collect();
        for oldest in own.iter().take((own.len() + 1).saturating_sub(MOST_STREAMS)) {
            oldest.notify_one();
        }
        if open.closed {
            end.notify_one();
        }
        open.opened += 1;
        let number = open.opened;
        open.streams.push_back((number, user.clone(), end.clone()));
        let now = Instant::now();
        Listener {
            shared: self.0.clone(),
            number,
            user,
            actor: actor.clone(),
            rounds: self.0.rounds.subscribe(),
            end,
            ends_at: now + LIFE,
            beat_at: now + BEAT,
            counted_at: now,
            count_sent: 0,
            count: 0,
            seen: BTreeMap::new(),
            ready: VecDeque::new(),
        }
    }

    async fn start(&self, state: &State) -> Result<()> {
        let _turn = self.0.starting.lock().await;
        if self.is_reading() {
            return Ok(());
        }
        let position = state.read(|conn| audit::end(conn, clock::now())).await?;
        let reader = actix_web::rt::spawn(read_on(state.clone(), self.0.clone(), position));
        self.0.open().reader = Some(reader.abort_handle());
        Ok(())
    }
}

impl Shared {
    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nobody listens: the reading task is to end, and the next listener starts another.
    fn is_quiet(&self) -> bool {
        let mut open = self.open();
        if open.streams.is_empty() {
            open.reader = None;
        }
        open.streams.is_empty()
    }
}

/// Reads on while anybody listens. No connection is held between two looks.
async fn read_on(state: State, shared: Arc<Shared>, mut position: Position) {
    // The first round is told whatever it holds: who began to listen may know of more.
    let mut before: Option<Round> = None;
    while !shared.is_quiet() {
        // Who rings from here on is heard, also while the database is asked.
        let ring = state.wake.notified();
        tokio::pin!(ring);
        ring.as_mut().enable();
        let (mut read, mut known) = (position.clone(), before.clone().unwrap_or_default());
        let looked = state
            .read(move |conn| {
                let full = known.look(conn, &mut read, clock::now())?;
                Ok((read, known, full))
            })
            .await;
        let full = match looked {
            Ok((read, round, full)) => {
                position = read;
                if before.as_ref().is_none_or(|before| round.tells_more_than(before)) {
                    // Without a receiver there is nobody to tell.
                    let _ = shared.rounds.send(Arc::new(round.clone()));
                }
                before = Some(round);
                full
            }
            Err(error) => {
                tracing::error!(%error, "live pages could not be told; it is tried again");
                false
            }
        };
        sleep(PAUSE).await;
        if !full {
            tokio::select! {
                () = &mut ring => {}
                () = sleep(LOOK) => {}
            }
        }
    }
}

impl Round {
    /// Looks at what happened since; `true` when there is more to read at once.
    fn look(&mut self, conn: &mut Conn, position: &mut Position, now: Time) -> Result<bool> {
        let lines = audit::since(conn, position, now)?;
        self.ended = lines.iter().filter(|line| ends_streams(line)).map(|line| UserId::from(line.target_id.as_str())).collect();
        self.changes = changes(conn, &lines)?;
        if !self.changes.is_empty() {
            self.pending = Arc::new(list::pending_by_mailbox(conn)?);
        }
        self.readings = Arc::new(readings(conn, now)?);
        Ok(i64::try_from(lines.len()).unwrap_or(0) >= audit::MOST_NEW)
    }

    fn tells_more_than(&self, before: &Round) -> bool {
        !self.changes.is_empty() || !self.ended.is_empty() || self.readings != before.readings
    }
}

/// What a person may see is looked at when a stream begins, so it begins anew when that changes.
fn ends_streams(line: &Line) -> bool {
    matches!(
        line.action.as_str(),
        "user.change" | "user.disable" | "user.change_password" | "user.reset_password" | "user.end_session" | "user.end_sessions"
    )
}

fn changes(conn: &mut Conn, lines: &[Line]) -> Result<Vec<Change>> {
    let lines: Vec<&Line> = lines.iter().filter(|line| line.target_kind == "message").collect();
    let ids: Vec<MessageId> = lines.iter().map(|line| MessageId::from(line.target_id.as_str())).collect();
    let standing = if ids.is_empty() { BTreeMap::new() } else { list::standing(conn, &ids)? };
    let change = |(line, id): (&Line, MessageId)| {
        let (mailbox, state, version) = standing.get(&id).cloned()?;
        Some(Change {
            pending: state == messages::State::Pending && matches!(line.action.as_str(), "message.submit" | "message.edit" | "message.void"),
            mailbox,
            by: line.actor_name.clone(),
            action: line.action.clone(),
            id,
            state,
            version,
        })
    };
    Ok(lines.into_iter().zip(ids).filter_map(change).collect())
}

fn readings(conn: &mut Conn, now: Time) -> Result<Readings> {
    let reading = |(mailbox, around): (MailboxId, presence::Around)| Reading {
        mailbox,
        here: around.here,
        taken: around.taken.map(|taken| (taken.by, taken.name)),
    };
    Ok(presence::live(conn, now)?.into_iter().map(|(id, at)| (id, reading(at))).collect())
}

/// One stream to one page.
pub struct Listener {
    shared: Arc<Shared>,
    number: u64,
    user: UserId,
    actor: Actor,
    rounds: broadcast::Receiver<Arc<Round>>,
    end: Arc<Notify>,
    ends_at: Instant,
    beat_at: Instant,
    counted_at: Instant,
    count_sent: i64,
    count: i64,
    seen: BTreeMap<MessageId, Seen>,
    ready: VecDeque<Update>,
}

impl Listener {
    /// What comes next; none when the stream ends.
    pub async fn next(&mut self) -> Option<Update> {
        loop {
            if let Some(update) = self.ready.pop_front() {
                return Some(update);
            }
            let recount = self.count != self.count_sent;
            tokio::select! {
                biased;
                () = self.end.notified() => return None,
                () = sleep_until(self.ends_at) => return None,
                () = sleep_until(self.counted_at + COUNT), if recount => {
                    (self.counted_at, self.count_sent) = (Instant::now(), self.count);
                    return Some(Update::Count(self.count));
                }
                round = self.rounds.recv() => match round {
                    Ok(round) if !round.ended.contains(&self.user) => self.hear(&round),
                    // A reader who is too far behind begins anew, as one whose rights changed.
                    Ok(_) | Err(_) => return None,
                },
                () = sleep_until(self.beat_at) => {
                    self.beat_at += BEAT;
                    return Some(Update::Beat);
                }
            }
        }
    }

    fn begin(&mut self, pending: &Pending, readings: &Readings) {
        self.count = self.within_reach(pending);
        self.count_sent = self.count;
        self.ready.push_back(Update::Hello(self.count));
        self.look_around(readings);
    }

    fn hear(&mut self, round: &Round) {
        let changes = round.changes.iter().filter(|change| self.actor.reaches(&change.mailbox)).cloned().map(Update::Change);
        self.ready.extend(changes);
        if !round.changes.is_empty() {
            self.count = self.within_reach(&round.pending);
        }
        self.look_around(&round.readings);
    }

    fn within_reach(&self, pending: &Pending) -> i64 {
        pending.iter().filter(|(mailbox, _)| self.actor.reaches(mailbox)).map(|(_, count)| count).sum()
    }

    fn look_around(&mut self, readings: &Readings) {
        let mut seen: BTreeMap<MessageId, Seen> = BTreeMap::new();
        for (id, reading) in readings.iter().filter(|(_, reading)| self.actor.reaches(&reading.mailbox)) {
            let now = Seen {
                here: reading.here.iter().filter(|(who, _)| *who != self.user).map(|(_, name)| name.clone()).collect(),
                taken_by: reading.taken.as_ref().map(|(_, name)| name.clone()),
                yours: reading.taken.as_ref().is_some_and(|(who, _)| *who == self.user),
            };
            if now != Seen::default() {
                seen.insert(id.clone(), now);
            }
        }
        let mut changed: BTreeMap<MessageId, Seen> =
            seen.iter().filter(|(id, now)| self.seen.get(id) != Some(now)).map(|(id, now)| (id.clone(), now.clone())).collect();
        changed.extend(self.seen.keys().filter(|id| !seen.contains_key(id)).map(|id| (id.clone(), Seen::default())));
        self.seen = seen;
        if !changed.is_empty() {
            self.ready.push_back(Update::Presence(changed));
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.shared.open().streams.retain(|(number, _, _)| *number != self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::actor::{Mailboxes, Role};

    fn listener(feed: &Feed) -> Listener {
        let actor = Actor::User { id: "u".into(), name: "Rita".into(), role: Role::Admin, mailboxes: Mailboxes::All };
        let mut listener = feed.enter(&actor);
        listener.begin(&Pending::new(), &Readings::new());
        listener
    }

    fn tell(feed: &Feed, pending: i64) {
        let change = Change {
            id: "m".into(),
            state: messages::State::Pending,
            version: 1,
            by: "Rob".into(),
            action: "message.submit".into(),
            pending: true,
            mailbox: "b".into(),
        };
        let round = Round { changes: vec![change], pending: Arc::new([("b".into(), pending)].into()), ..Round::default() };
        assert!(feed.0.rounds.send(Arc::new(round)).is_ok());
    }

    #[actix_web::test]
    async fn a_reader_who_is_too_slow_is_dropped_and_holds_up_nobody() {
        let feed = Feed::default();
        let (mut slow, mut quick) = (listener(&feed), listener(&feed));
        assert!(matches!(quick.next().await, Some(Update::Hello(0))));
        for number in 0..=BEHIND as i64 {
            tell(&feed, number);
            while !matches!(quick.next().await.expect("the stream goes on"), Update::Change(_)) {}
        }
        assert!(matches!(slow.next().await, Some(Update::Hello(0))));
        assert!(slow.next().await.is_none());
        drop(slow);
        assert_eq!(feed.streams(), 1);
    }

    #[actix_web::test]
    async fn between_two_counts_is_a_second() {
        let feed = Feed::default();
        let mut listener = listener(&feed);
        let mut before = Instant::now();
        for number in 1..=2 {
            tell(&feed, number - 1);
            tell(&feed, number);
            loop {
                match listener.next().await {
                    Some(Update::Count(count)) => break assert_eq!(count, number),
                    Some(_) => {}
                    None => panic!("the stream goes on"),
                }
            }
            // The first second began when the listener did, a moment earlier.
            assert!(number == 1 || before.elapsed() >= COUNT);
            before = Instant::now();
        }
    }
}
