//! The checks at transmit, in order and pure: what is known goes in, a verdict each comes out.

use serde_json::json;

use crate::clock::{Time, zone};
use crate::domain::ids::MessageId;
use crate::domain::referrals::fatigue::{History, Prompt};
use crate::domain::reputation::{Health, Pace, plan};

use super::consent::{self, Allowed, Class, Held};
use super::rules::Rules;
use super::{Check, Standing, Verdict, of_standing, quiet};

/// One message that a person got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Past {
    /// When.
    pub at: Time,
    /// Whether it was commercial.
    pub commercial: bool,
    /// Its topic.
    pub topic: Option<String>,
    /// Its campaign.
    pub campaign: Option<String>,
    /// Its step in the campaign.
    pub step: Option<String>,
}

/// What a person chose in the preference centre.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wishes {
    /// Topics they do not want.
    pub topics_off: Vec<String>,
    /// So many commercial messages in seven days at most.
    pub most_per_week: Option<u32>,
    /// Nothing commercial until then.
    pub paused_until: Option<Time>,
}

/// What is known of a person.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Person {
    /// Their country and what is on record that mail to them could rest on.
    pub held: Held,
    /// Their zone, an IANA name.
    pub time_zone: Option<String>,
    /// What they chose.
    pub wishes: Wishes,
    /// What they got, oldest first: of the windows that caps look at, and every step of a campaign.
    pub past: Vec<Past>,
    /// Until when they are away.
    pub absent_until: Option<Time>,
    /// When they last wrote.
    pub wrote_at: Option<Time>,
    /// Their tags that say that a migration was started or is complete.
    pub migrated: Vec<String>,
    /// How they were asked to recommend; looked up only where a message does.
    pub prompted: History,
}

/// Whether the permission to send fits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Permission {
    /// Nobody asked yet: a message that is not written, or the worker looks at it elsewhere.
    #[default]
    NotAsked,
    /// There is a warrant for exactly this content.
    Fits,
    /// There is none that holds.
    Missing,
    /// It is for other content.
    OtherContent,
}

/// What is known of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// What it is for.
    pub class: Class,
    /// Its topic.
    pub topic: Option<String>,
    /// Its campaign.
    pub campaign: Option<String>,
    /// Its step in the campaign.
    pub step: Option<String>,
    /// Its tags about a migration.
    pub migrations: Vec<String>,
    /// The domain of the recipient.
    pub domain: String,
    /// Somebody decided it.
    pub reviewed: bool,
    /// Whoever wrote it named a ground.
    pub names_ground: bool,
    /// When it was handed in.
    pub submitted_at: Time,
    /// It wins back somebody who came back already.
    pub recovered: bool,
    /// The warrant.
    pub permission: Permission,
    /// Why what it says no longer holds.
    pub lost_ground: Option<String>,
    /// Whether it asks somebody to recommend or reminds them, and its id where it is written.
    pub prompt: Option<(Prompt, Option<MessageId>)>,
}

impl Outgoing {
    /// A commercial message to somebody at this domain, that is not written yet.
    pub fn commercial(domain: &str, now: Time) -> Outgoing {
        Outgoing {
            class: Class::Commercial,
            topic: None,
            campaign: None,
            step: None,
            migrations: vec![],
            domain: domain.to_owned(),
            reviewed: true,
            names_ground: false,
            submitted_at: now,
            recovered: false,
            permission: Permission::NotAsked,
            lost_ground: None,
            prompt: None,
        }
    }

    fn is_commercial(&self) -> bool {
        self.class == Class::Commercial
    }
}

/// What a mailbox sent, as far as its limits look at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stream {
    /// Its limits and how it stands.
    pub pace: Pace,
    /// Today, in UTC.
    pub today: i64,
    /// Days with mail since the warm-up began, today left out.
    pub warm_days: i64,
    /// Domain and time of what left within the last minute, oldest first.
    pub turns: Vec<(String, Time)>,
}

impl Stream {
    fn last_minute(&self, domain: Option<&str>, now: Time) -> Vec<Time> {
        let fits = |of: &str, at: Time| at.plus_seconds(60) > now && domain.is_none_or(|domain| of == domain);
        self.turns.iter().filter(|(of, at)| fits(of, *at)).map(|(_, at)| *at).collect()
    }
}

/// Everything that the checks look at.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// Switches, suppression and erasure.
    pub standing: &'a Standing,
    /// The person.
    pub person: &'a Person,
    /// The message.
    pub message: &'a Outgoing,
    /// The mailbox.
    pub stream: &'a Stream,
    /// The rules of the workspace.
    pub rules: &'a Rules,
}

/// Every check, in the order in which they weigh.
pub fn evaluate(case: Known<'_>, now: Time) -> Vec<Check> {
    let mut checks = of_standing(case.standing);
    let at = checks.iter().position(|check| check.check == "suppression").unwrap_or(checks.len());
    checks.splice(at..at, [warrant(case.message), content_hash(case.message)]);
    checks.extend([
        ground(case, now),
        topic(case, now),
        frequency(case, now),
        referral_cap(case, now),
        quiet_hours(case, now),
        campaign_stop(case, now),
        facts_current(case.message),
        reputation(case.stream),
        warm_up(case.stream, now),
        throttle(case.stream, now),
        domain_throttle(case.stream, &case.message.domain, now),
        already_sent(case),
    ]);
    checks
}

fn pass(check: &'static str, detail: impl Into<String>) -> Check {
    Check::new(check, Verdict::Pass, detail, json!(null))
}

fn defer(check: &'static str, detail: impl Into<String>, until: Time) -> Check {
    Check { next_eligible_at: Some(until), ..Check::new(check, Verdict::Defer, detail, json!(null)) }
}

fn with(check: Check, data: serde_json::Value) -> Check {
    Check { data, ..check }
}

fn warrant(message: &Outgoing) -> Check {
    match message.permission {
        Permission::NotAsked => pass("warrant", "It gets a warrant when it is cleared."),
        Permission::Missing => Check::new("warrant", Verdict::Refuse, "It carries no valid warrant.", json!(null)),
        Permission::Fits | Permission::OtherContent => pass("warrant", "It carries a warrant."),
    }
}

fn content_hash(message: &Outgoing) -> Check {
    match message.permission {
        Permission::OtherContent => Check::new("content_hash", Verdict::Refuse, "Its warrant does not fit its content or has expired.", json!(null)),
        _ => pass("content_hash", "Nothing says that its words are others than those that were cleared."),
    }
}

fn ground(case: Known<'_>, now: Time) -> Check {
    let Known { person, message, rules, .. } = case;
    let named = message.names_ground && person.held.grounds.is_empty() && !person.held.asked;
    let allowed = match named {
        true => Allowed::Yes,
        false => consent::look(message.class, &person.held, message.reviewed, rules, now),
    };
    let Held { country, grounds, .. } = &person.held;
    let shown: Vec<_> = grounds.iter().map(|ground| json!({"basis": ground.basis, "since": ground.at})).collect();
    let data = json!({"class": message.class, "country": country, "recorded": !grounds.is_empty(), "grounds": shown});
    let check = match allowed {
        Allowed::Yes => pass("consent_basis", "A ground for mailing this person is on record, or none is needed."),
        Allowed::Hold(why) => Check::new("consent_basis", Verdict::Hold, why, json!(null)),
        Allowed::No(why) => Check::new("consent_basis", Verdict::Refuse, why, json!(null)),
    };
    with(check, data)
}

fn topic(case: Known<'_>, now: Time) -> Check {
    let (wishes, message) = (&case.person.wishes, case.message);
    let data = json!({"topic": message.topic, "topics_off": wishes.topics_off, "paused_until": wishes.paused_until});
    let off = message.topic.as_ref().filter(|topic| wishes.topics_off.contains(topic));
    let check = match (off, wishes.paused_until) {
        _ if !message.is_commercial() => pass("topic", "What they chose is about commercial mail."),
        (Some(_), _) => Check::new("topic", Verdict::Refuse, "They switched this topic off.", json!(null)),
        (None, Some(until)) if until > now => defer("topic", format!("They paused mail until {}.", until.for_people()), until),
        _ => pass("topic", "They did not switch it off."),
    };
    with(check, data)
}

/// When a person has room for one more, where `most` fit into the last `days`.
fn room(times: &[Time], most: usize, days: u32, now: Time) -> Option<Time> {
    let window = i64::from(days) * 86_400;
    let within: Vec<Time> = times.iter().copied().filter(|at| at.plus_seconds(window) > now).collect();
    if most == 0 || within.len() < most {
        return None;
    }
    Some(within[within.len() - most].plus_seconds(window))
}

fn frequency(case: Known<'_>, now: Time) -> Check {
    let Known { person, message, rules, .. } = case;
    let commercial: Vec<&Past> = person.past.iter().filter(|past| past.commercial).collect();
    let all: Vec<Time> = commercial.iter().map(|past| past.at).collect();
    let of_topic: Vec<Time> = commercial.iter().filter(|past| message.topic.is_some() && past.topic == message.topic).map(|past| past.at).collect();
    let recent = all.iter().filter(|at| at.plus_days(i64::from(rules.cap_days)) > now).count();
    let data = json!({"sent_in_window": recent, "most": rules.cap_messages, "days": rules.cap_days, "most_per_topic": rules.cap_per_topic,
        "their_most_per_week": person.wishes.most_per_week});
    let caps = [
        (
            room(&all, rules.cap_messages as usize, rules.cap_days, now),
            format!("They got {recent} messages in {} days, over all campaigns; {} is the most.", rules.cap_days, rules.cap_messages),
        ),
        (
            room(&of_topic, rules.cap_per_topic as usize, rules.cap_days, now),
            format!("They got as many messages of this topic in {} days as one person may get: {}.", rules.cap_days, rules.cap_per_topic),
        ),
        (
            person.wishes.most_per_week.and_then(|most| room(&all, most as usize, 7, now)),
            format!("They chose {} messages a week at most.", person.wishes.most_per_week.unwrap_or_default()),
        ),
    ];
    let check = match caps.into_iter().filter_map(|(until, why)| until.map(|until| (until, why))).max_by_key(|(until, _)| *until) {
        _ if !message.is_commercial() => pass("frequency_cap", "Caps are for commercial mail."),
        Some((until, why)) => defer("frequency_cap", why, until),
        None => pass("frequency_cap", "There is room for one more."),
    };
    with(check, data)
}

/// Not only whoever looks for people to ask: nothing that asks leaves past it, whatever it is called otherwise.
fn referral_cap(case: Known<'_>, now: Time) -> Check {
    let history = &case.person.prompted;
    let data = json!({"asked": history.asked(), "last_asked_at": history.asked_at(), "answered_at": history.answered});
    let check = match &case.message.prompt {
        None => return pass("referral_cap", "It asks nobody to recommend."),
        Some((prompt, message)) => match history.against(*prompt, message.as_ref(), now) {
            Some(no) => Check { next_eligible_at: no.until, ..Check::new("referral_cap", Verdict::Refuse, no.why, json!(null)) },
            None => pass("referral_cap", "They may be asked to recommend."),
        },
    };
    with(check, data)
}

fn quiet_hours(case: Known<'_>, now: Time) -> Check {
    let Known { person, message, rules, .. } = case;
    let name = person.time_zone.as_ref().or(rules.quiet_zone.as_ref());
    let hours = format!("{} to {}", quiet::clock(rules.quiet_from), quiet::clock(rules.quiet_until));
    let data = json!({"zone": name, "hours": hours, "local": name.map(|name| now.local(&zone(Some(name))).to_string())});
    let check = match name.map(|name| quiet::until(now, &zone(Some(name)), rules.quiet_from, rules.quiet_until)) {
        _ if !message.is_commercial() => pass("quiet_hours", "Quiet hours are for commercial mail."),
        Some(Some(until)) => defer("quiet_hours", format!("It is quiet where they are: {hours} on their clock."), until),
        Some(None) => pass("quiet_hours", "It is not quiet where they are."),
        None => pass("quiet_hours", "Their zone is not known, so nothing says that it is quiet there."),
    };
    with(check, data)
}

/// Why a message with this tag about a migration is over for somebody who is so far. Whoever is done is thanked, and who has
/// started is not reminded.
fn migrated(tag: &str, progress: &[String]) -> Option<&'static str> {
    let (prefix, about) = tag.rsplit_once("migration-")?;
    let is = |reached: &str| progress.iter().any(|tag| *tag == format!("{prefix}migration-{reached}"));
    match about {
        "completion" => None,
        _ if is("complete") => Some("They have completed what it is about."),
        "reminder" if is("started") => Some("They have started what it reminds them of."),
        _ => None,
    }
}

fn campaign_stop(case: Known<'_>, now: Time) -> Check {
    let Known { person, message, .. } = case;
    let in_program = message.campaign.is_some() || message.step.is_some() || !message.migrations.is_empty();
    let wrote = person.wrote_at.filter(|at| in_program && *at > message.submitted_at);
    let migrated = message.migrations.iter().find_map(|tag| migrated(tag, &person.migrated));
    let data =
        json!({"wrote_at": person.wrote_at, "recovered": message.recovered, "completed": migrated.is_some(), "absent_until": person.absent_until});
    let refuse = |why: String| Check::new("campaign_stop", Verdict::Refuse, why, json!(null));
    let check = match (person.absent_until, wrote) {
        _ if !message.is_commercial() => pass("campaign_stop", "It belongs to no campaign."),
        _ if message.recovered => refuse("The customer came back; nothing more is sent to win them back.".to_owned()),
        (_, Some(at)) => refuse(format!("They wrote on {}, after this was handed in; the campaign stops for them.", at.for_people())),
        _ if migrated.is_some() => refuse(migrated.unwrap_or_default().to_owned()),
        (Some(until), _) if until > now => {
            defer("campaign_stop", format!("An automatic answer says that they are away until {}.", until.for_people()), until)
        }
        _ => pass("campaign_stop", "Nothing stops the campaign for them."),
    };
    with(check, data)
}

fn facts_current(message: &Outgoing) -> Check {
    match &message.lost_ground {
        Some(why) => Check::new("facts_current", Verdict::Hold, why.clone(), json!(null)),
        None => pass("facts_current", "Nothing that it says has changed."),
    }
}

fn reputation(stream: &Stream) -> Check {
    let pace = &stream.pace;
    let data = json!({"health": pace.health, "because": pace.health_because, "since": pace.health_since});
    let check = match pace.health {
        Health::Paused => {
            let why = pace.health_because.as_deref().unwrap_or("Too much came back.");
            Check::new("reputation", Verdict::Hold, format!("The mailbox paused itself; it waits until a person resumes it. {why}"), json!(null))
        }
        _ => pass("reputation", "The mailbox has not paused itself."),
    };
    with(check, data)
}

fn warm_up(stream: &Stream, now: Time) -> Check {
    let pace = &stream.pace;
    let allowed = plan::allowance(pace.warmup_first, pace.warmup_percent, pace.warmup_target, stream.warm_days + 1);
    let data = json!({"sending_day": stream.warm_days + 1, "allowed_today": allowed, "sent_today": stream.today});
    let check = match allowed {
        Some(allowed) if stream.today >= allowed => {
            defer("warm_up", format!("The mailbox warms up: {allowed} messages on its sending day {}.", stream.warm_days + 1), plan::next_day(now))
        }
        Some(_) => pass("warm_up", "There is room in today's part of the warm-up."),
        None => pass("warm_up", "The mailbox does not warm up."),
    };
    with(check, data)
}

fn throttle(stream: &Stream, now: Time) -> Check {
    let (limit, times) = (stream.pace.minute_limit(), stream.last_minute(None, now));
    let data = json!({"per_minute": limit, "last_minute": times.len()});
    let check = match next_turn(limit, &times, now) {
        Some(until) => defer("throttle", format!("At most {limit} messages a minute leave this mailbox."), until),
        None => pass("throttle", "The mailbox is not too fast."),
    };
    with(check, data)
}

fn domain_throttle(stream: &Stream, domain: &str, now: Time) -> Check {
    let (limit, times) = (i64::from(stream.pace.per_domain_minute), stream.last_minute(Some(domain), now));
    let data = json!({"domain": domain, "per_minute": limit, "last_minute": times.len()});
    let check = match next_turn(limit, &times, now) {
        Some(until) => defer("domain_throttle", format!("At most {limit} messages a minute go from this mailbox to {domain}."), until),
        None => pass("domain_throttle", "Not too many go to this domain."),
    };
    with(check, data)
}

/// When there is a turn, by the oldest of those that fill the last minute.
fn next_turn(limit: i64, times: &[Time], now: Time) -> Option<Time> {
    let most = usize::try_from(limit).unwrap_or(0);
    let oldest = times.len().checked_sub(most.max(1)).map(|first| times[first]);
    plan::throttled(limit, i64::try_from(times.len()).unwrap_or(i64::MAX), oldest, now)
}

fn already_sent(case: Known<'_>) -> Check {
    let Known { person, message, .. } = case;
    let before =
        message.step.as_ref().and_then(|step| person.past.iter().find(|past| past.step.as_ref() == Some(step) && past.campaign == message.campaign));
    match before {
        Some(past) => {
            let why = format!("This step of the campaign went to them on {}.", past.at.for_people());
            Check::new("already_sent", Verdict::Refuse, why, json!({"sent_at": past.at}))
        }
        None => pass("already_sent", "They did not get this step before."),
    }
}
