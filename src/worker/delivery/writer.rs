//! One thread that writes down what all connections have to write down. While it commits, the next steps gather; so the
//! more there is to do, the more of it one commit holds. A second thread writes what follows for what left, in large sets.

use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::oneshot;

use crate::clock;
use crate::db::{Db, OnDisk, Touched};
use crate::domain::error::{Error, Result};
use crate::domain::outbox::{self, AtDot, Claimed, Marked, Step, Taken};
use crate::worker::meters;

/// Most steps of one commit.
const MOST: usize = 1024;
/// How long outcomes wait for a dot that is about to come, in milliseconds. Nobody waits for them.
const OUTCOMES_WAIT_MILLIS: u64 = 5;
/// How long what follows waits for more of it, in milliseconds. Pages show a message as sent so much later.
const FINISH_WAIT_MILLIS: u64 = 50;

/// Comes when an outcome is committed.
pub(super) type Written = oneshot::Receiver<Result<Option<Box<AtDot>>>>;

struct Asked {
    step: Step,
    answer: Option<oneshot::Sender<Result<Option<Box<AtDot>>>>>,
}

/// The way to that thread.
#[derive(Clone)]
pub(in crate::worker) struct Writer {
    sender: Sender<Asked>,
}

impl Writer {
    /// Starts the threads. They end when every way to them is gone and all was written.
    pub(in crate::worker) fn start(db: Db) -> std::io::Result<(Writer, Vec<JoinHandle<()>>)> {
        let (sender, receiver) = mpsc::channel();
        let (left, leaving) = mpsc::channel();
        let finishing = db.clone();
        let named = |name: &str| std::thread::Builder::new().name(name.to_owned());
        let writer = named("outbox writer").spawn(move || {
            while let Some(steps) = gather(&receiver) {
                write(&db, steps, &receiver, &left);
            }
        })?;
        let finisher = named("outbox finisher").spawn(move || {
            while let Some(taken) = gather_taken(&leaving) {
                finish(&finishing, &taken);
            }
        })?;
        Ok((Writer { sender }, vec![writer, finisher]))
    }

    /// Asks for the final dot, and waits until the answer is committed. `None`: it must not go.
    pub(super) async fn dot(&self, claimed: Box<Claimed>) -> Result<Option<Box<AtDot>>> {
        let (answer, answered) = oneshot::channel();
        self.sender.send(Asked { step: Step::Dot(claimed), answer: Some(answer) }).map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?
    }

    /// Has an outcome written down now; the answer comes when it is committed, or cannot be.
    pub(super) fn written(&self, step: Step) -> Written {
        let (answer, answered) = oneshot::channel();
        let id = step.message_id().clone();
        if self.sender.send(Asked { step, answer: Some(answer) }).is_err() {
            tracing::error!(message = %id, "an outcome could not be recorded: the writer ended");
        }
        answered
    }

    /// Has an outcome written down, before the next dot of whoever calls.
    pub(super) fn record(&self, step: Step) {
        let id = step.message_id().clone();
        if self.sender.send(Asked { step, answer: None }).is_err() {
            tracing::error!(message = %id, "an outcome could not be recorded: the writer ended");
        }
    }
}

fn gone() -> Error {
    Error::internal("the writer of the outbox ended")
}

/// What waits by now: at least one step, or the end.
fn gather(receiver: &Receiver<Asked>) -> Option<Vec<Asked>> {
    let mut steps = vec![receiver.recv().ok()?];
    let mut somebody_waits = steps[0].answer.is_some();
    while steps.len() < MOST {
        let next = match somebody_waits {
            true => receiver.try_recv().map_err(|_| RecvTimeoutError::Timeout),
            false => receiver.recv_timeout(Duration::from_millis(OUTCOMES_WAIT_MILLIS)),
        };
        match next {
            Ok(asked) => {
                somebody_waits |= asked.answer.is_some();
                steps.push(asked);
            }
            Err(_) => break,
        }
    }
    Some(steps)
}

/// What left and waits for what follows: as much as is written at once, or what came within a moment.
fn gather_taken(leaving: &Receiver<Taken>) -> Option<Vec<Taken>> {
    let mut taken = vec![leaving.recv().ok()?];
    let until = clock::uptime() + Duration::from_millis(FINISH_WAIT_MILLIS);
    while taken.len() < outbox::AT_ONCE {
        match leaving.recv_timeout(until.saturating_sub(clock::uptime())) {
            Ok(one) => taken.push(one),
            Err(_) => break,
        }
    }
    Some(taken)
}

/// Writes what follows for all together. If that fails, for each alone.
fn finish(db: &Db, taken: &[Taken]) {
    // Nothing that others rest on: what has consequences was brought in line with its outcome.
    let Err(error) = db.write_stamped(OnDisk::Now, |conn, _| outbox::finish(conn, taken, clock::now()).map(|()| ((), Touched::OwnRows))) else {
        return;
    };
    tracing::warn!(%error, messages = taken.len(), "what follows for a group of messages that left could not be recorded; each is tried alone");
    for one in taken {
        if let Err(error) = db.write(|conn| outbox::finish(conn, std::slice::from_ref(one), clock::now())) {
            // Its outbox row says so, and the next chore looks for these.
            tracing::error!(%error, "what follows for a message that left could not be recorded; it is tried again");
        }
    }
}

/// Writes down all together, with what came until nobody else wrote. If that fails, each alone, so that one bad row holds up
/// nobody else's.
fn write(db: &Db, mut asked: Vec<Asked>, receiver: &Receiver<Asked>, left: &Sender<Taken>) {
    let gathered = &mut asked;
    let recorded = record_those(db, move || {
        gathered.extend(receiver.try_iter().take(MOST.saturating_sub(gathered.len())));
        gathered.iter().map(|asked| &asked.step).collect()
    });
    let hand_over = |step: &Step| Taken::of(step).into_iter().for_each(|taken| drop(left.send(taken)));
    match recorded {
        Ok(marked) => asked.into_iter().for_each(|one| {
            hand_over(&one.step);
            answer(one, Ok(&marked));
        }),
        Err(error) if asked.len() == 1 => asked.into_iter().for_each(|one| answer(one, Err(error.clone()))),
        Err(error) => {
            tracing::warn!(%error, steps = asked.len(), "a group of steps could not be recorded; each is tried alone");
            for one in asked {
                match record(db, &[&one.step]) {
                    Ok(marked) => {
                        hand_over(&one.step);
                        answer(one, Ok(&marked));
                    }
                    Err(error) => answer(one, Err(error)),
                }
            }
        }
    }
}

/// Writes the steps down in one transaction, and names a message that may go in the mark beside the database: after the
/// commit, before its dot.
pub(super) fn record(db: &Db, steps: &[&Step]) -> Result<Marked> {
    record_those(db, || steps.to_vec())
}

/// The same of steps that are asked for when nobody else writes.
fn record_those<'s>(db: &Db, those: impl FnOnce() -> Vec<&'s Step>) -> Result<Marked> {
    let mut steps = vec![];
    let ((marked, now), _) = db.write_stamped(OnDisk::Now, |conn, stamp| {
        steps = those();
        let now = clock::now();
        outbox::record_stamped(conn, &steps, stamp, now).map(|(marked, touched)| ((marked, now), touched))
    })?;
    meters::grouped(steps.len());
    let last = steps.iter().rev().map(|step| step.message_id()).find(|id| marked.may_go(id));
    if let (Some(id), Some(mark)) = (last, db.mark())
        && let Err(error) = mark.note_dot(id.as_str(), now.micros())
    {
        // Nobody would find out that an older copy was put back; so nothing goes.
        tracing::error!(%error, "the file beside the database cannot be written; nothing is sent");
        return Ok(Marked::none());
    }
    Ok(marked)
}

fn answer(asked: Asked, marked: std::result::Result<&Marked, Error>) {
    let id = asked.step.message_id().clone();
    let result = match marked {
        Ok(marked) => Ok(marked.permit(asked.step)),
        Err(error) => {
            // What could not be recorded is settled by the lease: before the dot it goes back
            // into the queue, at the dot it becomes uncertain.
            tracing::error!(%error, message = %id, "a step could not be recorded");
            Err(error)
        }
    };
    if let Some(waiting) = asked.answer {
        // A lane that was stopped no longer waits; its claim runs out.
        let _ = waiting.send(result);
    }
}
