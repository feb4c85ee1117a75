//! What holds for the whole workspace: how often one person is mailed, when not, and on which ground.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::clock::Time;
use crate::db::{Conn, transaction};
use crate::domain::actor::Actor;
use crate::domain::audit::{self, Entry};
use crate::domain::error::{Error, Result};
use crate::domain::settings;
use crate::text_enum;

use super::quiet::DAY_MINUTES;

text_enum!(
    /// What commercial mail needs where the country of the recipient does not say.
    pub enum GroundRule {
        /// A ground on record.
        Recorded => "recorded",
        /// A person's approval is enough: law that asks for a way out and not for consent.
        Reviewed => "reviewed",
    }
);

impl GroundRule {
    /// A name for people.
    pub fn label(self) -> &'static str {
        match self {
            GroundRule::Recorded => "A ground on record",
            GroundRule::Reviewed => "A person's approval",
        }
    }
}

/// The rules of the workspace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rules {
    /// Commercial messages to one person within the window, over all mailboxes and campaigns: 1 to 100, 0 for no cap.
    pub cap_messages: u32,
    /// The window in days that rolls: 1 to 90.
    pub cap_days: u32,
    /// Of one topic within the same window: 1 to 100, 0 for no cap of its own.
    pub cap_per_topic: u32,
    /// Quiet hours begin, in minutes after midnight on the recipient's clock: 0 to 1439.
    pub quiet_from: u16,
    /// And end. Where both are equal there are none.
    pub quiet_until: u16,
    /// The zone of people whose zone is not known; without one they have no quiet hours.
    pub quiet_zone: Option<String>,
    /// What commercial mail needs where the country of the recipient does not say.
    pub ground: GroundRule,
    /// After so many months without a new one, a consent of somebody in the EU is looked at again: 1 to 120.
    pub lapse_months: u32,
}

impl Default for Rules {
    fn default() -> Self {
        Rules {
            cap_messages: 2,
            cap_days: 7,
            cap_per_topic: 0,
            quiet_from: 21 * 60,
            quiet_until: 8 * 60,
            quiet_zone: None,
            ground: GroundRule::Recorded,
            lapse_months: 24,
        }
    }
}

impl Rules {
    fn check(&self) -> Result<()> {
        let within = |field: &str, value: u32, least: u32, most: u32| match (least..=most).contains(&value) {
            true => Ok(()),
            false => Err(Error::invalid("field_invalid", field, format!("{field} must be {least} to {most}; got {value}."))),
        };
        within("cap_messages", self.cap_messages, 0, 100)?;
        within("cap_days", self.cap_days, 1, 90)?;
        within("cap_per_topic", self.cap_per_topic, 0, 100)?;
        within("lapse_months", self.lapse_months, 1, 120)?;
        within("quiet_from", self.quiet_from.into(), 0, u32::from(DAY_MINUTES) - 1)?;
        within("quiet_until", self.quiet_until.into(), 0, u32::from(DAY_MINUTES) - 1)?;
        match &self.quiet_zone {
            Some(zone) if jiff::tz::TimeZone::get(zone).is_err() => {
                let detail = format!("quiet_zone must be a name such as Europe/Vienna; got \"{}\".", crate::domain::text::excerpt(zone));
                Err(Error::invalid("field_invalid", "quiet_zone", detail))
            }
            _ => Ok(()),
        }
    }

    /// Whether these let something through that the others do not.
    fn are_looser_than(&self, before: &Rules) -> bool {
        let more = |after: u32, before: u32| before != 0 && (after == 0 || after > before);
        let quiet = |rules: &Rules, minute: u16| match rules.quiet_from <= rules.quiet_until {
            true => (rules.quiet_from..rules.quiet_until).contains(&minute),
            false => minute >= rules.quiet_from || minute < rules.quiet_until,
        };
        more(self.cap_messages, before.cap_messages)
            || more(self.cap_per_topic, before.cap_per_topic)
            || self.cap_days < before.cap_days
            || self.lapse_months > before.lapse_months
            || (before.ground == GroundRule::Recorded && self.ground == GroundRule::Reviewed)
            || (before.quiet_zone.is_some() && self.quiet_zone != before.quiet_zone)
            || (0..DAY_MINUTES).any(|minute| quiet(before, minute) && !quiet(self, minute))
    }
}

/// The rules as they are.
pub fn rules(conn: &mut Conn) -> Result<Rules> {
    match settings::get(conn, settings::SENDING_RULES)? {
        Some(text) => serde_json::from_str(&text).map_err(Error::internal),
        None => Ok(Rules::default()),
    }
}

/// Changes the rules. A key can only tighten them.
pub fn set_rules(conn: &mut Conn, actor: &Actor, after: &Rules, now: Time) -> Result<Rules> {
    actor.must_be_admin()?;
    after.check()?;
    transaction(conn, |conn| {
        let before = rules(conn)?;
        if matches!(actor, Actor::Key { .. }) && after.are_looser_than(&before) {
            let text = "A key can only tighten these rules: lower caps over longer windows, longer quiet hours, a ground on record. Ask a person.";
            return Err(Error::forbidden("mode_loosening", text));
        }
        settings::set(conn, settings::SENDING_RULES, &serde_json::to_string(after).map_err(Error::internal)?)?;
        let detail = json!({"before": before, "after": after});
        audit::record(conn, actor, Entry { action: "rules.change", target_kind: "installation", target_id: "all", mailbox_id: None, detail }, now)?;
        Ok(after.clone())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tighter_is_told_from_looser() {
        let usual = Rules::default();
        let tighter = [
            Rules { cap_messages: 1, ..usual.clone() },
            Rules { cap_days: 14, ..usual.clone() },
            Rules { cap_per_topic: 1, ..usual.clone() },
            Rules { quiet_from: 20 * 60, ..usual.clone() },
            Rules { quiet_until: 9 * 60, ..usual.clone() },
            Rules { quiet_zone: Some("UTC".into()), ..usual.clone() },
            Rules { lapse_months: 12, ..usual.clone() },
        ];
        for rules in tighter {
            assert!(!rules.are_looser_than(&usual) && usual.are_looser_than(&rules), "{rules:?}");
        }
        for rules in [
            Rules { cap_messages: 0, ..usual.clone() },
            Rules { ground: GroundRule::Reviewed, ..usual.clone() },
            Rules { quiet_from: 0, quiet_until: 0, ..usual.clone() },
        ] {
            assert!(rules.are_looser_than(&usual), "{rules:?}");
        }
        assert!(!usual.are_looser_than(&usual));
    }
}
