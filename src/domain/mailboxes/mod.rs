//! Sending addresses with their oversight mode.

pub mod backtest;
pub mod bounces;
pub mod ladder;
mod queries;
pub mod stops;
pub mod timeline;

use diesel::prelude::*;
use serde_json::json;

use crate::clock::Time;
use crate::db::{Conn, transaction};
use crate::domain::actor::{Actor, Mailboxes};
use crate::domain::audit::{self, Entry};
use crate::domain::email_address::EmailAddress;
use crate::domain::error::{Error, Result};
use crate::domain::ids::MailboxId;
use crate::domain::outbox::hold_dots;
use crate::domain::{controls, notices, text, webhooks};
use crate::text_enum;

text_enum!(
    /// How much a person sees before a message leaves, from strictest to loosest.
    pub enum Mode {
        /// Nothing leaves.
        ReadOnly => "read_only",
        /// Every message is held.
        GatedAll => "gated_all",
        /// What agents and drafters write is held.
        GatedSend => "gated_send",
        /// Leaves after the checks, in full view.
        Monitored => "monitored",
        /// Leaves after the checks.
        Autonomous => "autonomous",
    }
);

text_enum!(
    /// How a person learns that messages wait.
    pub enum Notify {
        /// By looking.
        Off => "off",
        /// By one mail a day.
        Digest => "digest",
        /// By a mail within a minute.
        Immediate => "immediate",
    }
);

impl Notify {
    /// A name for people.
    pub fn label(self) -> &'static str {
        match self {
            Notify::Off => "Off",
            Notify::Digest => "Digest, once a day",
            Notify::Immediate => "Immediate",
        }
    }
}

text_enum!(
    /// What becomes of a message whose relay fell silent after the final dot, from strictest to loosest.
    pub enum OnUncertain {
        /// It stays uncertain until there is evidence or a person settles it. Never a second copy.
        Ask => "ask",
        /// It is sent again with a key by which the relay drops repeats.
        RelayKey => "relay_key",
        /// It is sent again; the recipient may get it twice.
        Resend => "resend",
    }
);

impl OnUncertain {
    /// A name for people.
    pub fn label(self) -> &'static str {
        match self {
            OnUncertain::Ask => "Ask a person",
            OnUncertain::RelayKey => "Send again with a key",
            OnUncertain::Resend => "Send again",
        }
    }

    /// What it means, in plain words.
    pub fn meaning(self) -> &'static str {
        match self {
            OnUncertain::Ask => "It stays uncertain until there is evidence, or a person settles it. Nobody gets it twice.",
            OnUncertain::RelayKey => "It is sent again with the same key. Choose this only for a relay that drops repeats of a key.",
            OnUncertain::Resend => "It is sent again, once. The recipient may get it twice.",
        }
    }
}

impl Mode {
    /// A name for people.
    pub fn label(self) -> &'static str {
        match self {
            Mode::ReadOnly => "Read only",
            Mode::GatedAll => "Gated: everything",
            Mode::GatedSend => "Gated: agents",
            Mode::Monitored => "Monitored",
            Mode::Autonomous => "Autonomous",
        }
    }

    /// What it means, in plain words.
    pub fn meaning(self) -> &'static str {
        match self {
            Mode::ReadOnly => "Nothing leaves this mailbox. People and keys may read what comes in.",
            Mode::GatedAll => "Every message waits for a person, also those that people write.",
            Mode::GatedSend => "What agents and drafters write waits for a person. What a person composes here leaves after the checks.",
            Mode::Monitored => {
                "Messages leave after the checks and can be stopped inside the undo window. First messages of a campaign and announcements wait for a person."
            }
            Mode::Autonomous => "Messages leave after the checks. First messages of a campaign and announcements wait for a person.",
        }
    }

    /// The stricter of two.
    #[must_use]
    pub fn stricter(self, other: Mode) -> Mode {
        self.min(other)
    }
}

/// A mailbox.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Insertable, Selectable)]
#[diesel(table_name = crate::db::schema::mailboxes)]
pub struct Mailbox {
    /// Its id.
    pub id: MailboxId,
    /// The address mail leaves from.
    pub address: String,
    /// The address as compared.
    pub address_key: String,
    /// The name recipients see.
    pub name: String,
    /// Its oversight mode.
    pub mode: Mode,
    /// The sender's postal address, which every commercial mail must carry.
    pub postal_address: String,
    /// How long an approved message can still be stopped, in seconds (0 to 600).
    pub undo_seconds: i32,
    /// Decisions by keys are refused here.
    pub person_required: bool,
    /// Since when sending is stopped here.
    pub stopped_at: Option<Time>,
    /// When it was added.
    pub created_at: Time,
    /// Whether alike messages may be approved together although every message is held here.
    pub bulk_in_gated_all: bool,
    /// How its reviewers learn of new messages, unless they chose otherwise.
    pub notify: Notify,
    /// How many of a hundred held messages are joined by a planted test.
    pub planted_percent: i32,
    /// What becomes of a message whose relay fell silent after the final dot.
    pub on_uncertain: OnUncertain,
    /// Where reports of its mail go, each to an address of its message there; without it, to the mailbox.
    pub bounce_address: Option<String>,
    /// So many messages of machines that people stop or reject within a week take it back to the mode that holds them; 0 for never.
    pub tripwire: i32,
    /// Since when its mode holds.
    pub mode_since: Time,
}

/// The largest tripwire.
pub const LARGEST_TRIPWIRE: i32 = 1000;
/// The tripwire of a new mailbox.
const USUAL_TRIPWIRE: i32 = 3;

/// A mailbox to be added.
#[derive(Debug, Clone)]
pub struct NewMailbox {
    /// Its address.
    pub address: String,
    /// The name recipients see.
    pub name: String,
    /// Its mode.
    pub mode: Mode,
    /// The sender's postal address.
    pub postal_address: String,
    /// The undo window in seconds.
    pub undo_seconds: i32,
}

/// The longest undo window, in seconds.
pub const LONGEST_UNDO: i32 = 600;

/// Adds a mailbox. A key can add only one that holds what agents write, and only where it reaches all.
pub fn add(conn: &mut Conn, actor: &Actor, new: &NewMailbox, now: Time) -> Result<MailboxId> {
    actor.must_be_admin()?;
    if matches!(actor, Actor::Key { .. }) && new.mode > Mode::GatedSend {
        let text = "A key can add a mailbox only as read_only, gated_all or gated_send. Ask for a looser mode with an upgrade request.";
        return Err(Error::forbidden("mode_loosening", text));
    }
    if *actor.mailboxes() != Mailboxes::All {
        return Err(Error::forbidden("reach_missing", "This key reaches some mailboxes only and cannot add one. Ask an administrator."));
    }
    let address = EmailAddress::parse("address", &new.address)?;
    let row = Mailbox {
        id: MailboxId::new(),
        address: address.as_str().to_owned(),
        address_key: address.key().to_owned(),
        name: text::required_line("name", &new.name, 100)?,
        mode: new.mode,
        postal_address: postal_address(&new.postal_address)?,
        undo_seconds: undo_seconds(new.undo_seconds)?,
        person_required: false,
        stopped_at: None,
        created_at: now,
        bulk_in_gated_all: false,
        notify: Notify::Off,
        planted_percent: 0,
        on_uncertain: OnUncertain::Ask,
        bounce_address: None,
        tripwire: USUAL_TRIPWIRE,
        mode_since: now,
    };
    if row.mode > Mode::GatedSend {
        only_for_people(actor)?;
    }
    transaction(conn, |conn| {
        if queries::by_key(conn, &row.address_key)?.is_some() {
            return Err(Error::conflict("mailbox_exists", "There is a mailbox with this address already. Change that one instead."));
        }
        queries::insert(conn, &row)?;
        log(conn, actor, "mailbox.add", &row.id, json!({"address": row.address, "mode": row.mode}), now)?;
        Ok(row.id.clone())
    })
}

fn postal_address(given: &str) -> Result<String> {
    let one_line = text::body("postal_address", given, 300)?.split_whitespace().collect::<Vec<_>>().join(" ");
    if one_line.is_empty() {
        return Err(Error::invalid(
            "commercial_footer_missing",
            "postal_address",
            "A commercial message needs a postal address. Give the one where the sender can be reached by letter.",
        ));
    }
    Ok(one_line)
}

fn undo_seconds(given: i32) -> Result<i32> {
    if (0..=LONGEST_UNDO).contains(&given) {
        return Ok(given);
    }
    Err(Error::invalid("field_invalid", "undo_seconds", format!("undo_seconds must be 0 to {LONGEST_UNDO}; got {given}.")))
}

/// What an administrator changes on the mailbox page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailboxChange {
    /// The name recipients see.
    pub name: String,
    /// The sender's postal address.
    pub postal_address: String,
    /// The undo window in seconds.
    pub undo_seconds: i32,
    /// Whether only people decide here.
    pub person_required: bool,
    /// How its reviewers learn of new messages, unless they chose otherwise.
    pub notify: Notify,
    /// How many of a hundred held messages are joined by a planted test, 0 to 10.
    pub planted_percent: i32,
    /// Whether alike messages may be approved together although every message is held here.
    pub bulk_in_gated_all: bool,
    /// What becomes of a message whose relay fell silent after the final dot.
    pub on_uncertain: OnUncertain,
    /// Where reports of its mail go; empty or none for the mailbox itself.
    pub bounce_address: Option<String>,
    /// So many messages that people stop or reject within a week take it back to a stricter mode; 0 for never, at most 1000.
    pub tripwire: i32,
}

/// The most messages of a hundred that a planted test may join.
pub const MOST_PLANTED: i32 = 10;

impl From<&Mailbox> for MailboxChange {
    /// The change that leaves all as it is.
    fn from(mailbox: &Mailbox) -> Self {
        MailboxChange {
            name: mailbox.name.clone(),
            postal_address: mailbox.postal_address.clone(),
            undo_seconds: mailbox.undo_seconds,
            person_required: mailbox.person_required,
            notify: mailbox.notify,
            planted_percent: mailbox.planted_percent,
            bulk_in_gated_all: mailbox.bulk_in_gated_all,
            on_uncertain: mailbox.on_uncertain,
            bounce_address: mailbox.bounce_address.clone(),
            tripwire: mailbox.tripwire,
        }
    }
}

impl MailboxChange {
    /// As the audit log shows it.
    fn shown(&self) -> serde_json::Value {
        json!({
            "name": self.name,
            "postal_address": self.postal_address,
            "undo_seconds": self.undo_seconds,
            "person_required": self.person_required,
            "notify": self.notify,
            "planted_percent": self.planted_percent,
            "bulk_in_gated_all": self.bulk_in_gated_all,
            "on_uncertain": self.on_uncertain,
            "bounce_address": self.bounce_address,
            "tripwire": self.tripwire,
        })
    }
}

/// Changes the settings of a mailbox.
pub fn change(conn: &mut Conn, actor: &Actor, id: &MailboxId, change: &MailboxChange, now: Time) -> Result<()> {
    actor.must_be_admin()?;
    let name = text::required_line("name", &change.name, 100)?;
    let postal = postal_address(&change.postal_address)?;
    undo_seconds(change.undo_seconds)?;
    let planted = change.planted_percent;
    if !(0..=MOST_PLANTED).contains(&planted) {
        let detail = format!("planted_percent must be 0 to {MOST_PLANTED}; got {planted}.");
        return Err(Error::invalid("field_invalid", "planted_percent", detail));
    }
    if !(0..=LARGEST_TRIPWIRE).contains(&change.tripwire) {
        let detail = format!("tripwire must be 0 to {LARGEST_TRIPWIRE}; got {}.", change.tripwire);
        return Err(Error::invalid("field_invalid", "tripwire", detail));
    }
    let change = &MailboxChange { bounce_address: bounces::parse(change.bounce_address.as_deref())?, ..change.clone() };
    transaction(conn, |conn| {
        let before = get(conn, actor, id)?;
        refuse_loosening(actor, &before, change)?;
        if change.bounce_address.is_some() {
            bounces::ensure_key(conn)?;
        }
        queries::update(conn, id, &name, &postal, change)?;
        let after = MailboxChange { name, postal_address: postal, ..change.clone() };
        let detail = audit::changed(&MailboxChange::from(&before).shown(), &after.shown());
        log(conn, actor, "mailbox.change", id, detail, now)
    })
}

/// A key changes nothing that lets more through, and neither the name in the header From nor the sender on the envelope.
fn refuse_loosening(actor: &Actor, before: &Mailbox, change: &MailboxChange) -> Result<()> {
    if !matches!(actor, Actor::Key { .. }) {
        return Ok(());
    }
    let looser = !change.person_required && before.person_required
        || change.bulk_in_gated_all && !before.bulk_in_gated_all
        || change.undo_seconds < before.undo_seconds
        || change.planted_percent < before.planted_percent
        || change.on_uncertain > before.on_uncertain
        || slack(change.tripwire) > slack(before.tripwire);
    if looser {
        let text = "A key can only tighten: not switch off person_required, not switch on bulk_in_gated_all, not shorten undo_seconds, not have uncertain messages sent again, not loosen the tripwire. Ask a person.";
        return Err(Error::forbidden("mode_loosening", text));
    }
    if change.name != before.name {
        return Err(Error::forbidden("person_required", "The name stands in the header From, which no key can set. Ask an administrator."));
    }
    if change.bounce_address != before.bounce_address {
        return Err(Error::forbidden(
            "person_required",
            "The bounce address is the sender on the envelope, which no key can set. Ask an administrator.",
        ));
    }
    Ok(())
}

/// How much a tripwire lets pass.
fn slack(tripwire: i32) -> i32 {
    if tripwire == 0 { i32::MAX } else { tripwire }
}

/// Sets the oversight mode. Keys may only tighten it.
pub fn set_mode(conn: &mut Conn, actor: &Actor, id: &MailboxId, mode: Mode, now: Time) -> Result<()> {
    set_mode_because(conn, actor, id, mode, None, now)
}

fn set_mode_because(conn: &mut Conn, actor: &Actor, id: &MailboxId, mode: Mode, reason: Option<&str>, now: Time) -> Result<()> {
    actor.must_be_admin()?;
    transaction(conn, |conn| {
        hold_dots(conn)?;
        let mailbox = get(conn, actor, id)?;
        if mode > mailbox.mode && matches!(actor, Actor::Key { .. }) {
            return Err(Error::forbidden(
                "mode_loosening",
                "A key can only tighten the oversight mode. Ask for a looser one with an upgrade request; a person finishes it.",
            ));
        }
        queries::set_mode(conn, id, mode, now)?;
        if mode != mailbox.mode {
            webhooks::mode_changed(conn, actor, &mailbox, mode, now)?;
        }
        log(conn, actor, "mailbox.set_mode", id, json!({"from": mailbox.mode, "to": mode, "reason": reason}), now)?;
        let unread = match mode {
            Mode::GatedAll => &["monitored", "autonomous", "allow_list", "composed_by_person"][..],
            Mode::GatedSend => &["monitored", "autonomous"],
            // Nothing leaves a mailbox that is read only; the looser modes would let the same out.
            Mode::ReadOnly | Mode::Monitored | Mode::Autonomous => &[],
        };
        controls::take_back(conn, actor, id, unread, &format!("Its mailbox was set to “{}” before it left.", mode.label()), now)
    })
}

/// A mailbox that goes back to a stricter mode by itself, and whoever is responsible for it is told.
pub(in crate::domain) fn step_down(conn: &mut Conn, actor: &Actor, id: &MailboxId, mode: Mode, why: &str, now: Time) -> Result<()> {
    set_mode_because(conn, actor, id, mode, Some(why), now)?;
    let mailbox = get(conn, actor, id)?;
    notices::tell_stepped_down(conn, &mailbox, why, now).map(drop)
}

/// Whatever lets more leave, or with fewer looks, is for people.
pub(in crate::domain) fn only_for_people(actor: &Actor) -> Result<()> {
    match actor {
        Actor::Key { .. } => Err(Error::forbidden("mode_loosening", "A key can only tighten the oversight. Ask an administrator to loosen it.")),
        _ => Ok(()),
    }
}

/// The mailboxes this actor reaches, by address.
pub fn list(conn: &mut Conn, actor: &Actor) -> Result<Vec<Mailbox>> {
    Ok(match actor.mailboxes() {
        Mailboxes::All => queries::all(conn)?,
        Mailboxes::These(ids) => queries::these(conn, ids)?,
    })
}

/// The addresses of all mailboxes.
pub(in crate::domain) fn addresses(conn: &mut Conn) -> Result<Vec<String>> {
    Ok(queries::all(conn)?.into_iter().map(|mailbox| mailbox.address).collect())
}

/// One mailbox, by id. One that the actor does not reach is not there.
pub fn get(conn: &mut Conn, actor: &Actor, id: &MailboxId) -> Result<Mailbox> {
    queries::by_id(conn, id)?.filter(|mailbox| actor.reaches(&mailbox.id)).ok_or_else(|| Error::not_found("mailbox"))
}

/// Finds the mailbox a caller means: an id, an address, or none where only one is within reach.
pub fn resolve(conn: &mut Conn, actor: &Actor, named: Option<&str>) -> Result<Mailbox> {
    let Some(named) = named.map(str::trim).filter(|named| !named.is_empty()) else {
        let mut all = list(conn, actor)?;
        return match (all.len(), all.pop()) {
            (1, Some(only)) => Ok(only),
            (0, _) => Err(Error::not_found("mailbox").with_hint("Ask an administrator to add one or to let this key use one.")),
            (n, _) => Err(Error::invalid(
                "mailbox_missing",
                "mailbox",
                format!("mailbox must be named because {n} are within reach: give its address or its id in \"mailbox\"."),
            )),
        };
    };
    let found = if named.contains('@') {
        // What is no address is the address of no mailbox.
        match EmailAddress::parse("mailbox", bare_address(named)) {
            Ok(address) => queries::by_key(conn, address.key())?,
            Err(_) => None,
        }
    } else {
        queries::by_id(conn, &MailboxId::from(named))?
    };
    found.filter(|mailbox| actor.reaches(&mailbox.id)).ok_or_else(|| Error::not_found("mailbox"))
}

/// The id of the mailbox that a caller narrows a question to, if one is named.
pub fn named(conn: &mut Conn, actor: &Actor, named: Option<&str>) -> Result<Option<MailboxId>> {
    named.map(|named| resolve(conn, actor, Some(named)).map(|mailbox| mailbox.id)).transpose()
}

/// The address in `Name <address>`.
fn bare_address(text: &str) -> &str {
    match (text.rfind('<'), text.rfind('>')) {
        (Some(start), Some(end)) if start < end => &text[start + 1..end],
        _ => text,
    }
}

pub(super) fn log(conn: &mut Conn, actor: &Actor, action: &'static str, id: &MailboxId, detail: serde_json::Value, now: Time) -> Result<()> {
    audit::record(conn, actor, Entry { action, target_kind: "mailbox", target_id: id.as_str(), mailbox_id: Some(id), detail }, now)
}
