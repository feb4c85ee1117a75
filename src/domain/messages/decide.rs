//! Decisions: who may decide, on which content, and what follows.

use serde_json::json;

use crate::clock::Time;
use crate::db::{Conn, transaction};
use crate::domain::actor::{Actor, Scope};
use crate::domain::contacts::ConsentBasis;
use crate::domain::controls::tripwire;
use crate::domain::controls::twice::{self, Turn};
use crate::domain::error::{Error, Result};
use crate::domain::ids::{BatchId, DecisionId, MessageId};
use crate::domain::mailboxes::{self, Mailbox, Mode};
use crate::domain::policy::consent::Allowed;
use crate::domain::vigilance::planting;
use crate::domain::{contacts, policy, settings, text};

use super::oversight::ClearedBy;
use super::submit::read_only;
use super::{DecisionKind, DecisionRow, Message, MessageRow, Origin, State, findings, ledger, lifecycle, log, queries, ruled, warrant};

/// A decision to be made.
#[derive(Debug, Clone)]
pub struct Decide<'a> {
    /// On which message.
    pub message: &'a MessageId,
    /// Approve, reject or request changes.
    pub kind: DecisionKind,
    /// Why; needed to reject and to request changes.
    pub reason: Option<&'a str>,
    /// The content the decider saw; without it, the version last shown to them.
    pub content_hash: Option<&'a str>,
    /// The findings about links and hidden text that the decider ticked off.
    pub ticked: &'a [String],
    /// The ground for mailing the recipient that a person records with the approval, and where it comes from.
    pub ground: Option<(ConsentBasis, &'a str)>,
    /// The batch it belongs to.
    pub batch: Option<&'a BatchId>,
    /// How long the page says it was visible, in milliseconds. It can only shorten what is
    /// measured here.
    pub dwell_ms: Option<i64>,
}

impl<'a> Decide<'a> {
    /// A decision without a reason, on what was shown last.
    pub fn on(message: &'a MessageId, kind: DecisionKind) -> Self {
        Decide { message, kind, reason: None, content_hash: None, ticked: &[], ground: None, batch: None, dwell_ms: None }
    }
}

/// Decides. The decision, the warrant and the outbox row are written together.
pub fn decide(conn: &mut Conn, actor: &Actor, decide: &Decide<'_>, now: Time) -> Result<Message> {
    actor.must_have(Scope::Oversight)?;
    let reason = text::optional_body("reason", decide.reason, 2000)?;
    if reason.is_none() && decide.kind != DecisionKind::Approve {
        return Err(Error::invalid("reason_missing", "reason", "Say why in \"reason\", so that the author can learn from it."));
    }
    transaction(conn, |conn| {
        let row = super::held_row(conn, actor, decide.message)?;
        if row.state != State::Pending {
            return Err(decided_already(conn, &row)?);
        }
        let mut ticked = vec![];
        let mailbox = mailboxes::get(conn, actor, &row.mailbox_id)?;
        refuse_wrong_decider(conn, actor, &row, &mailbox)?;
        refuse_unseen(conn, actor, &row, decide.content_hash)?;
        if decide.kind == DecisionKind::Approve {
            if mailbox.mode == Mode::ReadOnly {
                return Err(read_only(&mailbox));
            }
            refuse_open_claims(conn, &row, now)?;
            settle_ground(conn, actor, &row, decide.ground, now)?;
            ticked = findings::refuse_unticked(conn, &row, decide.ticked)?;
            if ruled::takes_two(conn, &row, now)? && twice::approve(conn, actor, (&row.id, row.version, &row.content_hash), now)? == Turn::First {
                return wait_for_second(conn, actor, &row, now);
            }
        }
        let to = match decide.kind {
            DecisionKind::Approve => State::Approved,
            DecisionKind::Reject => State::Rejected,
            DecisionKind::RequestChanges => State::ChangesRequested,
            DecisionKind::Withdraw | DecisionKind::Expire => {
                return Err(Error::bad_request("field_invalid", "decision must be one of approve, reject, request_changes."));
            }
        };
        let measured = Decide { dwell_ms: dwell(conn, actor, &row, decide.dwell_ms, now)?, ..decide.clone() };
        let decision = record(conn, actor, &row, &measured, reason.as_deref(), now)?;
        let (to, state_reason) = match row.planted {
            true => (State::Cancelled, Some(planting::decided(conn, &row, decide.kind, now)?)),
            false => (to, reason.clone()),
        };
        lifecycle::transition(conn, &row.id, State::Pending, to, state_reason.as_deref(), now)?;
        let mut detail = json!({"version": row.version, "content_hash": row.content_hash, "reason": reason});
        if let Some(batch) = decide.batch {
            detail["batch"] = json!(batch);
        }
        if !ticked.is_empty() {
            detail["ticked"] = json!(ticked);
        }
        if to == State::Approved {
            let not_before = warrant::issue(conn, &row, ClearedBy::Decision, Some(&decision), mailbox.undo_seconds, now)?;
            detail["not_before"] = json!(not_before);
        }
        if to == State::Rejected && row.origin != Origin::Person {
            tripwire::note(conn, actor, &row.mailbox_id, &row.id, now)?;
        }
        let action = match decide.kind {
            DecisionKind::Approve => "message.approve",
            DecisionKind::Reject => "message.reject",
            _ => "message.request_changes",
        };
        log(conn, actor, action, &row, detail, now)?;
        super::get(conn, actor, &row.id)
    })
}

/// The first of two people approved: the message waits on, and says so.
fn wait_for_second(conn: &mut Conn, actor: &Actor, row: &MessageRow, now: Time) -> Result<Message> {
    queries::set_held_because(conn, &row.id, &format!("{} approved it. Somebody else must approve it too.", actor.name()))?;
    log(conn, actor, "message.approve_first", row, twice::detail(row.version, &row.content_hash), now)?;
    super::get(conn, actor, &row.id)
}

/// Why commercial mail to this recipient rests on nothing, so that whoever approves it records a ground; none where it does.
pub fn missing_ground(conn: &mut Conn, row: &MessageRow, now: Time) -> Result<Option<&'static str>> {
    let class = policy::class_of(conn, &row.id)?;
    Ok(match policy::ground(conn, &row.contact_id, class, true, row.consent_basis.is_some(), now)? {
        Allowed::Yes => None,
        Allowed::Hold(why) | Allowed::No(why) => Some(why),
    })
}

/// A person records a ground with the approval where none is. A key cannot: what it approves waits until a person did.
fn settle_ground(conn: &mut Conn, actor: &Actor, row: &MessageRow, ground: Option<(ConsentBasis, &str)>, now: Time) -> Result<()> {
    let Some(why) = missing_ground(conn, row, now)? else { return Ok(()) };
    match (actor, ground) {
        (Actor::Key { .. }, _) => Ok(()),
        (_, Some((basis, source))) => {
            contacts::record_consent(conn, actor, &row.contact_id, basis, source, now)?;
            match missing_ground(conn, row, now)? {
                None => Ok(()),
                Some(why) => Err(ground_missing(why)),
            }
        }
        (_, None) => Err(ground_missing(why)),
    }
}

fn ground_missing(why: &str) -> Error {
    Error::conflict("ground_missing", why).with_hint("Record the ground with the approval, or reject the message.")
}

/// The longest time that counts as reading, in milliseconds.
const LONGEST_DWELL: i64 = 30 * 60 * 1000;

/// How long a person had this version before them: since it was first shown to them, or less
/// where the page says less. Keys do not read.
fn dwell(conn: &mut Conn, actor: &Actor, row: &MessageRow, claimed: Option<i64>, now: Time) -> Result<Option<i64>> {
    if !matches!(actor, Actor::User { .. }) {
        return Ok(None);
    }
    let opened = queries::opened_at(conn, &row.id, &super::viewer(actor), row.version)?;
    let since = opened.map(|opened| (now.micros() - opened.micros()).max(0) / 1000);
    let claimed = claimed.filter(|claimed| *claimed >= 0).unwrap_or(LONGEST_DWELL);
    Ok(since.map(|since| since.min(claimed).min(LONGEST_DWELL)))
}

pub(super) fn record(conn: &mut Conn, actor: &Actor, row: &MessageRow, decide: &Decide<'_>, reason: Option<&str>, now: Time) -> Result<DecisionId> {
    let decision = DecisionRow {
        id: DecisionId::new(),
        message_id: row.id.clone(),
        version: row.version,
        content_hash: row.content_hash.clone(),
        kind: decide.kind,
        actor_kind: actor.kind().to_owned(),
        actor_id: actor.id().to_owned(),
        actor_name: actor.name().to_owned(),
        reason: reason.map(str::to_owned),
        created_at: now,
        batch_id: decide.batch.cloned(),
        dwell_ms: decide.dwell_ms,
    };
    queries::insert_decision(conn, &decision)?;
    Ok(decision.id)
}

/// The error that says who was quicker.
fn decided_already(conn: &mut Conn, row: &MessageRow) -> Result<Error> {
    Ok(match queries::decisions(conn, &row.id)?.pop() {
        Some(last) => Error::already_decided(&last.actor_name, last.kind.past(), last.created_at),
        None => Error::conflict("state_conflict", format!("The message is {} and waits for no decision.", row.state)),
    })
}

/// Whoever may not decide this message may not waive its claims either.
pub(super) fn refuse_wrong_decider(conn: &mut Conn, actor: &Actor, row: &MessageRow, mailbox: &Mailbox) -> Result<()> {
    if mailbox.person_required && matches!(actor, Actor::Key { .. }) {
        return Err(Error::forbidden("person_required", "This mailbox takes decisions from signed-in people only."));
    }
    refuse_own_work(conn, actor, row)
}

/// Every hard claim rests on a fact that holds today, or somebody let it stand.
fn refuse_open_claims(conn: &mut Conn, row: &MessageRow, now: Time) -> Result<()> {
    match ledger::settle(conn, row, now)?.open {
        0 => Ok(()),
        1 => Err(open_claims("1 claim rests on no recorded fact. Edit it or waive it with a reason, then approve.")),
        open => Err(open_claims(format!("{open} claims rest on no recorded fact. Edit or waive each of them with a reason, then approve."))),
    }
}

fn open_claims(detail: impl Into<String>) -> Error {
    Error::conflict("claims_open", detail).with_hint("The claims of the message name each one and why.")
}

/// Four eyes: nobody decides what they wrote or edited last, in any mode.
fn refuse_own_work(conn: &mut Conn, actor: &Actor, row: &MessageRow) -> Result<()> {
    if row.is_by(actor) && settings::four_eyes(conn)? {
        return Err(Error::forbidden("four_eyes", "You wrote or edited this version, so someone else must approve it."));
    }
    Ok(())
}

/// A decision binds to what the decider saw.
fn refuse_unseen(conn: &mut Conn, actor: &Actor, row: &MessageRow, hash: Option<&str>) -> Result<()> {
    let seen = match hash {
        Some(hash) if hash.eq_ignore_ascii_case(&row.content_hash) => Some(row.version),
        Some(hash) => queries::version_with_hash(conn, &row.id, &hash.to_ascii_lowercase())?,
        None => queries::seen_version(conn, &row.id, &super::viewer(actor))?,
    };
    match seen {
        Some(version) if version == row.version => Ok(()),
        Some(version) => Err(Error::content_changed(row.id.clone(), version, row.version)),
        None if hash.is_some() => {
            let detail =
                "No version of this message has the content_hash you gave. Nothing was decided. Read the message again and give the hash it shows.";
            Err(Error::conflict("content_changed", detail))
        }
        None => Err(Error::conflict("not_read", "This message was never shown to you. Read it first, then decide.")),
    }
}
