//! One table for each check: what is known, and what it says.

use super::checks::{Known, Outgoing, Past, Permission, Person, Stream, Wishes, evaluate};
use super::consent::{Class, Ground, Held};
use super::rules::Rules;
use super::{Check, Outcome, Standing, Verdict, outcome};
use crate::clock::Time;
use crate::domain::contacts::ConsentBasis;
use crate::domain::contacts::suppressions::{Reason, Suppression};
use crate::domain::ids::{MailboxId, MessageId};
use crate::domain::referrals::fatigue::{Prompt, Prompted};
use crate::domain::reputation::{Health, Pace};

/// All that the checks look at, with nothing that speaks against the message.
struct World {
    standing: Standing,
    person: Person,
    message: Outgoing,
    stream: Stream,
    rules: Rules,
}

fn now() -> Time {
    at("2026-11-21T12:00:00Z")
}

fn at(text: &str) -> Time {
    Time::parse(text).unwrap()
}

fn fine() -> World {
    World {
        standing: Standing::default(),
        person: Person {
            held: Held { grounds: vec![Ground { basis: ConsentBasis::Consent, at: at("2026-01-01") }], ..Held::default() },
            ..Person::default()
        },
        message: Outgoing { permission: Permission::Fits, ..Outgoing::commercial("example.com", now().plus_seconds(-3600)) },
        stream: Stream { pace: Pace::usual(MailboxId::new()), today: 0, warm_days: 0, turns: vec![] },
        rules: Rules::default(),
    }
}

fn said(world: &World) -> Vec<Check> {
    evaluate(Known { standing: &world.standing, person: &world.person, message: &world.message, stream: &world.stream, rules: &world.rules }, now())
}

/// Holds a change of the world against what this check then says, and sees that no other check minds it.
fn says(check: &str, change: impl FnOnce(&mut World), verdict: Verdict, next: Option<&str>) {
    let mut world = fine();
    change(&mut world);
    let checks = said(&world);
    let found = checks.iter().find(|found| found.check == check).unwrap_or_else(|| panic!("{check}"));
    assert_eq!((found.verdict, found.next_eligible_at), (verdict, next.map(at)), "{found:?}");
    for other in checks.iter().filter(|other| other.check != check) {
        assert_eq!(other.verdict, Verdict::Pass, "{other:?}");
    }
    assert_eq!(outcome(&checks) == Outcome::Send, verdict == Verdict::Pass);
}

fn past(hours_ago: i64) -> Past {
    Past { at: now().plus_seconds(-hours_ago * 3600), commercial: true, topic: None, campaign: None, step: None }
}

use Verdict::{Defer, Hold, Pass, Refuse};

#[test]
fn with_nothing_against_it_a_message_leaves_and_the_checks_come_in_their_order() {
    let checks = said(&fine());
    assert_eq!(outcome(&checks), Outcome::Send);
    let names: Vec<&str> = checks.iter().map(|check| check.check).collect();
    assert_eq!(
        names,
        [
            "stop_switch",
            "mailbox_stopped",
            "live_key",
            "warrant",
            "content_hash",
            "suppression",
            "unsubscribed_tag",
            "erased",
            "consent_basis",
            "topic",
            "frequency_cap",
            "referral_cap",
            "quiet_hours",
            "campaign_stop",
            "facts_current",
            "reputation",
            "warm_up",
            "throttle",
            "domain_throttle",
            "already_sent"
        ]
    );
}

#[test]
fn stop_switch() {
    says("stop_switch", |w| w.standing.all_stopped = true, Hold, None);
    says("mailbox_stopped", |w| w.standing.mailbox_stopped = Some(now()), Hold, None);
}

#[test]
fn a_test_key() {
    says("live_key", |w| w.standing.is_test = true, Refuse, None);
}

#[test]
fn warrant() {
    says("warrant", |w| w.message.permission = Permission::Missing, Refuse, None);
    says("warrant", |w| w.message.permission = Permission::NotAsked, Pass, None);
}

#[test]
fn content_hash() {
    says("content_hash", |w| w.message.permission = Permission::OtherContent, Refuse, None);
}

#[test]
fn suppression() {
    for (key, reason, is_group) in [
        ("a@example.com", Reason::Bounced, false),
        ("a@example.com", Reason::Unsubscribed, false),
        ("@example.com", Reason::ByHand, true),
        ("#partners", Reason::ByHand, true),
    ] {
        let row = Suppression { email_key: key.into(), reason, source: "dsn".into(), message_id: None, created_at: now(), is_group };
        let named = if is_group { key.trim_start_matches(['@', '#']) } else { "This recipient" };
        assert!(row.refusal().detail.contains(named), "{}", row.refusal().detail);
        says("suppression", |w| w.standing.suppressed = Some(row), Refuse, None);
    }
    says("unsubscribed_tag", |w| w.standing.unsubscribed = true, Refuse, None);
}

#[test]
fn erased() {
    says("erased", |w| w.standing.erased_at = Some(now()), Refuse, None);
}

#[test]
fn consent_basis() {
    says("consent_basis", |w| w.person.held.grounds.clear(), Hold, None);
    says("consent_basis", |w| (w.person.held.grounds.clear(), w.message.class = Class::Transactional).1, Pass, None);
    says("consent_basis", |w| (w.person.held.grounds.clear(), w.message.names_ground = true).1, Pass, None);
    says("consent_basis", |w| (w.person.held.grounds.clear(), w.person.held.country = Some("US".into())).1, Pass, None);
    says("consent_basis", |w| (w.person.held.grounds[0].basis = ConsentBasis::Contract, w.person.held.country = Some("CA".into())).1, Pass, None);
    let asked = |w: &mut World| {
        w.person.held = Held { country: Some("US".into()), asked: true, ..Held::default() };
        w.message.names_ground = true;
    };
    says("consent_basis", asked, Hold, None);
    says("consent_basis", |w| (asked(w), w.message.class = Class::Transactional).1, Pass, None);
    says("consent_basis", |w| w.person.held.asked = true, Pass, None);
    says(
        "consent_basis",
        |w| {
            w.person.held.grounds[0] = Ground { basis: ConsentBasis::SoftOptIn, at: at("2024-11-19") };
            w.person.held.country = Some("CA".into());
        },
        Refuse,
        None,
    );
}

#[test]
fn topic() {
    let off = |w: &mut World| {
        w.person.wishes = Wishes { topics_off: vec!["news".into()], ..Wishes::default() };
        w.message.topic = Some("news".into());
    };
    says("topic", off, Refuse, None);
    says("topic", |w| (off(w), w.message.topic = Some("security".into())).1, Pass, None);
    says("topic", |w| (off(w), w.message.class = Class::Transactional).1, Pass, None);
    says("topic", |w| w.person.wishes.paused_until = Some(at("2026-12-01")), Defer, Some("2026-12-01"));
    says("topic", |w| w.person.wishes.paused_until = Some(at("2026-11-01")), Pass, None);
}

#[test]
fn frequency_cap() {
    says("frequency_cap", |w| w.person.past = vec![past(24)], Pass, None);
    says("frequency_cap", |w| w.person.past = vec![past(100), past(24)], Defer, Some("2026-11-24T08:00:00Z"));
    says("frequency_cap", |w| w.person.past = vec![past(169), past(24)], Pass, None);
    says("frequency_cap", |w| w.person.past = vec![past(168), past(24)], Pass, None);
    says("frequency_cap", |w| w.person.past = vec![past(120), past(100), past(24)], Defer, Some("2026-11-24T08:00:00Z"));
    says("frequency_cap", |w| w.person.past = vec![Past { commercial: false, ..past(2) }, past(24)], Pass, None);
    says("frequency_cap", |w| (w.person.past = vec![past(2), past(1)], w.message.class = Class::Transactional).1, Pass, None);
    says("frequency_cap", |w| (w.person.past = vec![past(2), past(1)], w.rules.cap_messages = 0).1, Pass, None);
    says("frequency_cap", |w| (w.person.past = vec![past(24)], w.person.wishes.most_per_week = Some(1)).1, Defer, Some("2026-11-27T12:00:00Z"));
    let of_topic = |w: &mut World| {
        w.person.past = vec![Past { topic: Some("news".into()), ..past(24) }];
        w.rules.cap_per_topic = 1;
        w.message.topic = Some("news".into());
    };
    says("frequency_cap", of_topic, Defer, Some("2026-11-27T12:00:00Z"));
    says("frequency_cap", |w| (of_topic(w), w.message.topic = Some("offers".into())).1, Pass, None);
}

#[test]
fn quiet_hours() {
    says("quiet_hours", |w| w.person.time_zone = Some("Europe/Vienna".into()), Pass, None);
    says("quiet_hours", |w| w.person.time_zone = Some("Pacific/Auckland".into()), Defer, Some("2026-11-21T19:00:00Z"));
    says("quiet_hours", |w| w.rules.quiet_zone = Some("Pacific/Auckland".into()), Defer, Some("2026-11-21T19:00:00Z"));
    says("quiet_hours", |w| (w.person.time_zone = Some("Pacific/Auckland".into()), w.message.class = Class::Relationship).1, Pass, None);
    says("quiet_hours", |w| (w.person.time_zone = Some("Pacific/Auckland".into()), w.rules.quiet_until = w.rules.quiet_from).1, Pass, None);
}

#[test]
fn campaign_stop() {
    let wrote = |w: &mut World| {
        w.person.wrote_at = Some(now().plus_seconds(-60));
        w.message.campaign = Some("spring".into());
    };
    says("campaign_stop", wrote, Refuse, None);
    says("campaign_stop", |w| (wrote(w), w.message.campaign = None).1, Pass, None);
    says("campaign_stop", |w| (wrote(w), w.person.wrote_at = Some(now().plus_seconds(-7200))).1, Pass, None);
    says("campaign_stop", |w| w.message.recovered = true, Refuse, None);
    says("campaign_stop", |w| w.person.absent_until = Some(at("2026-12-01")), Defer, Some("2026-12-01"));
    says("campaign_stop", |w| w.person.absent_until = Some(at("2026-11-01")), Pass, None);
    let about = |w: &mut World, progress: &str, message: &str| {
        w.person.migrated = vec![progress.into()];
        w.message.migrations = vec![message.into()];
    };
    for (progress, message, verdict) in [
        ("api-migration-complete", "api-migration-preparation", Refuse),
        ("api-migration-complete", "crm-migration-preparation", Pass),
        ("migration-complete", "api-migration-preparation", Pass),
        ("api-migration-complete", "api-migration-completion", Pass),
        ("api-migration-complete", "api-migration-reminder", Refuse),
        ("api-migration-started", "api-migration-reminder", Refuse),
        ("api-migration-started", "api-migration-final", Pass),
        ("crm-migration-started", "api-migration-reminder", Pass),
        ("db-migration-migration-started", "db-migration-migration-reminder", Refuse),
    ] {
        says("campaign_stop", |w| about(w, progress, message), verdict, None);
    }
}

#[test]
fn facts_current() {
    says("facts_current", |w| w.message.lost_ground = Some("The offer has ended.".into()), Hold, None);
}

#[test]
fn reputation() {
    says("reputation", |w| w.stream.pace.health = Health::Paused, Hold, None);
    says("reputation", |w| w.stream.pace.health = Health::Slowed, Pass, None);
}

#[test]
fn warm_up() {
    let ramp = |w: &mut World, days: i64, today: i64| {
        w.stream.pace.warmup_first = 50;
        (w.stream.warm_days, w.stream.today) = (days, today);
    };
    says("warm_up", |w| ramp(w, 0, 49), Pass, None);
    says("warm_up", |w| ramp(w, 0, 50), Defer, Some("2026-11-22T00:00:00Z"));
    says("warm_up", |w| ramp(w, 1, 74), Pass, None);
    says("warm_up", |w| ramp(w, 1, 75), Defer, Some("2026-11-22T00:00:00Z"));
    says("warm_up", |w| ramp(w, 300, 1_000_000), Pass, None);
}

#[test]
fn throttle() {
    let sent = |n: i64| (0..n).map(|n| ("example.com".to_owned(), now().plus_seconds(n - 30))).collect::<Vec<_>>();
    says("throttle", |w| (w.stream.pace.per_minute = 3, w.stream.turns = sent(2)).1, Pass, None);
    says("throttle", |w| (w.stream.pace.per_minute = 3, w.stream.turns = sent(3)).1, Defer, Some("2026-11-21T12:00:30Z"));
    says("throttle", |w| (w.stream.pace.health = Health::Slowed, w.stream.turns = sent(30)).1, Defer, Some("2026-11-21T12:00:30Z"));
    says("domain_throttle", |w| (w.stream.pace.per_domain_minute = 2, w.stream.turns = sent(2)).1, Defer, Some("2026-11-21T12:00:30Z"));
    says(
        "domain_throttle",
        |w| (w.stream.pace.per_domain_minute = 2, w.stream.turns = sent(2), w.message.domain = "other.test".into()).2,
        Pass,
        None,
    );
}

#[test]
fn already_sent() {
    let step = |w: &mut World| {
        w.message.campaign = Some("campaign_drip".into());
        w.message.step = Some("drip_step_1".into());
        w.person.past = vec![Past { campaign: Some("campaign_drip".into()), step: Some("drip_step_1".into()), ..past(24) }];
    };
    says("already_sent", step, Refuse, None);
    says("already_sent", |w| (step(w), w.message.step = Some("drip_step_2".into())).1, Pass, None);
    says("already_sent", |w| (step(w), w.message.campaign = Some("campaign_other".into())).1, Pass, None);
}

#[test]
fn what_speaks_against_it_weighs_before_what_delays_it() {
    let mut world = fine();
    world.person.past = vec![past(100), past(24)];
    world.person.time_zone = Some("Pacific/Auckland".into());
    let Outcome::Defer { until, because } = outcome(&said(&world)) else { panic!() };
    assert_eq!((until, because.check), (at("2026-11-24T08:00:00Z"), "frequency_cap"), "the longest of the delays");
    world.standing.all_stopped = true;
    assert!(matches!(outcome(&said(&world)), Outcome::Hold(because) if because.check == "stop_switch"));
    world.standing.unsubscribed = true;
    assert!(matches!(outcome(&said(&world)), Outcome::Skip(because) if because.check == "unsubscribed_tag"));
}

#[test]
fn asks_to_recommend_are_counted_whatever_they_are_called() {
    let ask = |days: &'static [i64]| {
        move |w: &mut World| {
            w.message.prompt = Some((Prompt::Ask, Some(MessageId::new())));
            let got = |days: &i64| Prompted { message_id: MessageId::new(), prompt: Prompt::Ask, at: now().plus_days(-days), left: true };
            w.person.prompted.prompts = days.iter().map(got).collect();
            w.person.prompted.answered = Some(now());
        }
    };
    says("referral_cap", ask(&[]), Pass, None);
    says("referral_cap", ask(&[90]), Pass, None);
    says("referral_cap", ask(&[60]), Refuse, Some("2026-12-21T12:00:00Z"));
    says("referral_cap", ask(&[100, 200, 300]), Pass, None);
    says("referral_cap", ask(&[100, 200, 300, 400]), Refuse, None);
    says("referral_cap", |w| (ask(&[100, 200])(w), w.person.prompted.answered = None).1, Refuse, None);
    says("referral_cap", |w| (ask(&[1])(w), w.message.prompt = None).1, Pass, None);
    says("referral_cap", |w| (ask(&[1])(w), w.message.class = Class::Transactional).1, Refuse, Some("2027-02-18T12:00:00Z"));
}
