//! What people set for themselves: their zone, single keys, and what they are mailed.

use jiff::tz::TimeZone;
use serde_json::json;

use crate::clock::Time;
use crate::db::{Conn, transaction};
use crate::domain::actor::Actor;
use crate::domain::audit::{self, Entry};
use crate::domain::error::{Error, Result};
use crate::domain::ids::{MailboxId, UserId};
use crate::domain::mailboxes::{self, Mailbox, Notify};
use crate::domain::{notices, text};

use super::{UserRow, queries};

/// The zone of who chose none.
pub const UTC: &str = "UTC";

/// How pages are shown to a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// The zone in which times are shown, an IANA name.
    pub time_zone: String,
    /// Whether single keys do something (WCAG 2.1.4).
    pub shortcuts: bool,
}

impl Profile {
    pub(super) fn of(user: &UserRow) -> Self {
        Profile { time_zone: user.time_zone.clone().unwrap_or_else(|| UTC.to_owned()), shortcuts: user.shortcuts }
    }
}

/// How pages are shown to this person.
pub fn profile(conn: &mut Conn, id: &UserId) -> Result<Profile> {
    queries::by_id(conn, id)?.map(|user| Profile::of(&user)).ok_or_else(|| Error::not_found("user"))
}

/// The zones to choose from: UTC, then places by name.
pub fn zones() -> Vec<String> {
    let known = jiff::tz::db().available().map(|name| name.as_str().to_owned());
    let mut zones: Vec<String> = known.filter(|name| name.contains('/') && !name.starts_with("Etc/") && !name.starts_with("SystemV/")).collect();
    zones.sort();
    zones.dedup();
    zones.insert(0, UTC.to_owned());
    zones
}

/// One mailbox within reach, with what the person chose for it.
#[derive(Debug, Clone)]
pub struct MailboxSetting {
    /// The mailbox, with what it says itself.
    pub mailbox: Mailbox,
    /// The person's own choice; none is as the mailbox says.
    pub own: Option<Notify>,
}

/// All settings of a person.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How pages are shown.
    pub profile: Profile,
    /// Whether they are mailed notices at all.
    pub notices: bool,
    /// The hour of their daily mail in their zone, 0 to 23.
    pub digest_hour: i32,
    /// Whether they get the weekly report.
    pub weekly: bool,
    /// The mailboxes within reach, by address.
    pub mailboxes: Vec<MailboxSetting>,
    /// Whether they have a password here.
    pub has_password: bool,
    /// The provider that they sign in with.
    pub issuer: Option<String>,
}

/// The settings of who asks.
pub fn own(conn: &mut Conn, actor: &Actor) -> Result<Settings> {
    let user = queries::by_id(conn, person(actor)?)?.ok_or_else(|| Error::not_found("user"))?;
    let chosen = queries::notification_settings(conn, &user.id)?;
    let choice = |mailbox: &Mailbox| chosen.iter().find(|(id, _)| *id == mailbox.id).map(|(_, notify)| *notify);
    let mailboxes = mailboxes::list(conn, actor)?;
    let mailboxes = mailboxes.into_iter().map(|mailbox| MailboxSetting { own: choice(&mailbox), mailbox }).collect();
    let weekly = queries::weekly_choice(conn, &user.id)?.unwrap_or(notices::weekly_by_role(user.role));
    let (profile, has_password) = (Profile::of(&user), user.password_hash.is_some());
    Ok(Settings { profile, notices: user.notices, digest_hour: user.digest_hour, weekly, mailboxes, has_password, issuer: user.issuer })
}

/// Sets the zone in which times are shown, and whether single keys do something.
pub fn set_profile(conn: &mut Conn, actor: &Actor, new: &Profile, now: Time) -> Result<()> {
    let id = person(actor)?;
    let given = text::line("time_zone", &new.time_zone, 64)?;
    let known = TimeZone::get(&given).ok().and_then(|zone| zone.iana_name().map(str::to_owned));
    let Some(name) = known else {
        let detail = format!("time_zone must be a zone such as Europe/Berlin; got \"{}\". Choose one of the list.", text::excerpt(&given));
        return Err(Error::invalid("field_invalid", "time_zone", detail));
    };
    transaction(conn, |conn| {
        let user = queries::by_id(conn, id)?.ok_or_else(|| Error::not_found("user"))?;
        let shown = |profile: &Profile| json!({"time_zone": profile.time_zone, "shortcuts": profile.shortcuts});
        let detail = audit::changed(&shown(&Profile::of(&user)), &json!({"time_zone": name, "shortcuts": new.shortcuts}));
        queries::set_profile(conn, id, Some(name.as_str()).filter(|name| *name != UTC), new.shortcuts)?;
        notices::hour_changed(conn, id, now)?;
        log(conn, actor, "user.set_profile", id, detail, now)
    })
}

/// What a person wants to be mailed.
#[derive(Debug, Clone)]
pub struct NoticeChoice {
    /// Whether they are mailed notices at all.
    pub notices: bool,
    /// The hour of their daily mail in their zone, 0 to 23.
    pub digest_hour: i64,
    /// Whether they want the weekly report; none leaves it as it is.
    pub weekly: Option<bool>,
    /// The choice for each of these mailboxes; none is as the mailbox says. Others stay as they are.
    pub mailboxes: Vec<(MailboxId, Option<Notify>)>,
}

/// Sets what the person is mailed.
pub fn set_notices(conn: &mut Conn, actor: &Actor, choice: &NoticeChoice, now: Time) -> Result<()> {
    let id = person(actor)?;
    let hour = i32::try_from(choice.digest_hour)
        .ok()
        .filter(|hour| (0..=23).contains(hour))
        .ok_or_else(|| Error::invalid("field_invalid", "digest_hour", format!("digest_hour must be 0 to 23; got {}.", choice.digest_hour)))?;
    transaction(conn, |conn| {
        queries::set_notices(conn, id, choice.notices, hour)?;
        if let Some(wanted) = choice.weekly {
            queries::set_weekly_choice(conn, id, wanted)?;
        }
        for (mailbox, notify) in &choice.mailboxes {
            mailboxes::get(conn, actor, mailbox)?;
            queries::set_notification(conn, id, mailbox, *notify)?;
        }
        notices::hour_changed(conn, id, now)?;
        let mailboxes: Vec<_> = choice.mailboxes.iter().map(|(id, notify)| json!({"mailbox": id, "notify": notify})).collect();
        log(
            conn,
            actor,
            "user.set_notices",
            id,
            json!({"notices": choice.notices, "digest_hour": hour, "weekly": choice.weekly, "mailboxes": mailboxes}),
            now,
        )
    })
}

fn person(actor: &Actor) -> Result<&UserId> {
    match actor {
        Actor::User { id, .. } => Ok(id),
        _ => Err(Error::forbidden("person_required", "Only a signed-in person has settings.")),
    }
}

fn log(conn: &mut Conn, actor: &Actor, action: &'static str, id: &UserId, detail: serde_json::Value, now: Time) -> Result<()> {
    audit::record(conn, actor, Entry { action, target_kind: "user", target_id: id.as_str(), mailbox_id: None, detail }, now)
}
