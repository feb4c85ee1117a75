//! What happened before the demo starts: letters that left, answers, customers who came back, a sequence, recommendations and a migration
//! under way. All of it goes through the same actions and checks as in earnest, each at its time; no mail leaves, and none is in the catcher.

use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;

use super::demo::{Member, REVIEWER, SETUP, bytes};
use crate::clock::Time;
use crate::db::Conn;
use crate::domain::accounts::users;
use crate::domain::actor::Actor;
use crate::domain::churn::intake::{NewChurnEvent, Taken, take};
use crate::domain::churn::variants::{self, Choice};
use crate::domain::churn::{self, window};
use crate::domain::cohorts::history;
use crate::domain::contacts::{self, ConsentBasis, ContactInput, Named};
use crate::domain::error::{Error, Result};
use crate::domain::ids::{CohortId, MessageId, SequenceId};
use crate::domain::inbound::{self, Arrived};
use crate::domain::mailboxes::{Mailbox, Mode};
use crate::domain::messages::content::Words;
use crate::domain::messages::decide::{Decide, decide};
use crate::domain::messages::findings;
use crate::domain::messages::submit::{NewMessage, submit};
use crate::domain::messages::{DecisionKind, Message, Origin, State};
use crate::domain::outbox::{self, Dot, WorkerId};
use crate::domain::policy::consent::Class;
use crate::domain::reason::Strategy;
use crate::domain::referrals::{self, NewConversion, NewReward};
use crate::domain::{cohorts, sequences, settings};

/// What the made-up mail server says to a message that nobody delivers.
const REPLY: &str = "250 2.0.0 Ok: made up for the demo";
/// Hours from a letter's submission to its decision, in turn.
const HOURS_TO_DECIDE: [i64; 5] = [1, 3, 2, 20, 5];
/// Messages of one moment, at most.
const AT_ONCE: i64 = 100;

const WRITER: Actor = Actor::System("playbook");

/// A customer who left, the letter they got, and what came of it.
#[derive(Debug, Deserialize)]
struct Past {
    email: String,
    name: String,
    company: String,
    plan: String,
    mrr_minor: i64,
    tenure_days: i64,
    left_days_ago: i64,
    reason: String,
    strategy: Strategy,
    /// Words: "answered", "back".
    came_of: String,
}

/// Whoever reads at the desk of the demo.
fn reviewer(conn: &mut Conn) -> Result<Actor> {
    let user = users::list(conn, &SETUP)?.into_iter().find(|user| user.row.email == REVIEWER);
    let row = user.ok_or_else(|| Error::internal("no sample person"))?.row;
    users::actor_of_session(conn, &row.id, row.sign_in_epoch)?.ok_or_else(|| Error::internal("the sample person cannot sign in"))
}

/// What is due by then counts as taken by a mail server: claimed, looked at before the final dot, and recorded, as the worker does.
/// The `Message-ID` of each.
fn leave(conn: &mut Conn, now: Time) -> Result<BTreeMap<MessageId, String>> {
    let worker = WorkerId::new();
    let mut left = BTreeMap::new();
    for claimed in outbox::claim(conn, &worker, AT_ONCE, now)? {
        let known = (claimed.message_id().clone(), claimed.message_id_header());
        if let Dot::Go(at_dot) = outbox::reach_dot(conn, claimed, now)? {
            outbox::record_sent(conn, *at_dot, REPLY, now)?;
            left.extend([known]);
        }
    }
    Ok(left)
}

fn approve(conn: &mut Conn, reviewer: &Actor, message: &Message, now: Time) -> Result<()> {
    if message.row.state != State::Pending {
        return Ok(());
    }
    // The address of this desk in a link is one that names nobody.
    let ticked: Vec<String> = findings::of_version(conn, &message.current)?.into_iter().map(|finding| finding.key).collect();
    let decision = Decide {
        content_hash: Some(&message.row.content_hash),
        ticked: &ticked,
        dwell_ms: Some(42_000),
        ..Decide::on(&message.row.id, DecisionKind::Approve)
    };
    decide(conn, reviewer, &decision, now).map(drop)
}

/// An answer to a message that left.
fn answer(conn: &mut Conn, mailbox: &Mailbox, (email, name): (&str, &str), about: &str, now: Time) -> Result<()> {
    let id = format!("{}.{email}", now.seconds());
    let mail = format!(
        "From: {name} <{email}>\r\nTo: {}\r\nSubject: Re: your message\r\nMessage-ID: <{id}>\r\nIn-Reply-To: {about}\r\n\r\n\
         Thank you for asking. I will think about it and come back to you.\r\n",
        mailbox.address
    );
    inbound::take(conn, mailbox, &Arrived::new(mail.into_bytes(), None, now), now).map(drop)
}

fn of_mode(boxes: &[Mailbox], mode: Mode) -> Result<&Mailbox> {
    boxes.iter().find(|mailbox| mailbox.mode == mode).ok_or_else(|| Error::internal("no sample mailbox"))
}

/// Letters of the last months, oldest first.
pub(super) fn letters(conn: &mut Conn, boxes: &[Mailbox], now: Time) -> Result<()> {
    let reviewer = reviewer(conn)?;
    let support = of_mode(boxes, Mode::GatedSend)?;
    let file = bytes("past.csv")?;
    let wrong = |error: csv::Error| Error::internal(format!("sample past.csv: {error}"));
    for (index, row) in csv::Reader::from_reader(file.as_slice()).deserialize::<Past>().enumerate() {
        let past = row.map_err(wrong)?;
        let at = now.plus_days(-past.left_days_ago);
        let hours = |hours: i64| at.plus_seconds(hours * 3600);
        let new = NewChurnEvent {
            customer_email: Some(past.email.clone()),
            customer_name: Some(past.name.clone()),
            company: Some(past.company),
            provider: Some("stripe".into()),
            plan_name: Some(past.plan),
            mrr_minor: Some(past.mrr_minor),
            currency: Some("USD".into()),
            tenure_days: Some(past.tenure_days),
            cancel_reason: Some(past.reason),
            event_type: Some("cancelled".into()),
            churned_at: Some(at),
            ..NewChurnEvent::default()
        };
        let Taken::New(event) = take(conn, &SETUP, &new, "demo", at)? else { continue };
        let contact = contacts::upsert(conn, &SETUP, &ContactInput { email: past.email.clone(), ..ContactInput::default() }, at)?.row.id;
        contacts::record_consent(conn, &SETUP, &contact, ConsentBasis::SoftOptIn, "Customer, asked at sign-up", at)?;
        let nine = variants::generate(conn, &WRITER, &event.id, hours(1))?;
        let Some(chosen) = nine.iter().find(|variant| variant.strategy == past.strategy) else { continue };
        let choice = Choice { mailbox: None, email_configured: true, mode: None };
        let message = variants::choose(conn, &WRITER, &event.id, &chosen.id, choice, hours(2))?;
        let decided = 2 + HOURS_TO_DECIDE[index % HOURS_TO_DECIDE.len()];
        approve(conn, &reviewer, &message, hours(decided))?;
        let left = leave(conn, hours(decided + 1))?;
        if past.came_of.contains("answered")
            && let Some(about) = left.get(&message.row.id)
        {
            answer(conn, support, (&past.email, &past.name), about, hours(decided + 26))?;
        }
        if past.came_of.contains("back") {
            churn::recover(conn, &SETUP, &event.id, hours(100))?;
        }
    }
    while window::step(conn, now)? {}
    Ok(())
}

/// Who was welcomed, how many days ago, and what became of it.
const WELCOMED: [(&str, i64, &str); 9] = [
    ("ines.carvalho@ceramicacarvalho.test", 44, ""),
    ("hugo.lefevre@velodugrandlac.test", 41, "answers the first"),
    ("matteo.ricci@ricciceramiche.test", 38, ""),
    ("gabriela@ositostoys.test", 33, "answers the second"),
    ("orders@bramblejam.test", 27, "is stopped"),
    ("callum@glenbothy.test", 24, ""),
    ("farah@kohlandclay.test", 16, ""),
    ("mina@seoulstitch.test", 9, ""),
    ("noah.bright@example.org", 2, ""),
];

/// Who came through the sequence so far.
pub(super) fn welcomes(conn: &mut Conn, boxes: &[Mailbox], sequence: &SequenceId, now: Time) -> Result<()> {
    let reviewer = reviewer(conn)?;
    let mailbox = of_mode(boxes, Mode::Monitored)?;
    let mut stories = HashMap::new();
    for day in (0..=44).rev() {
        let at = now.plus_days(-day).plus_seconds(-6 * 3600);
        let hours = |hours: i64| at.plus_seconds(hours * 3600);
        for (email, _, story) in WELCOMED.iter().filter(|(_, began, _)| *began == day) {
            let who = Named::by(None, Some((*email).to_owned()));
            let enrollment = sequences::enroll(conn, &SETUP, sequence, &who, at)?.member.0;
            stories.insert(enrollment.id, *story);
        }
        for due in sequences::due(conn, &SETUP, sequence, 100, None, at)?.rows {
            let (enrollment, contact) = due.member;
            let story = stories.get(&enrollment.id).copied().unwrap_or_default();
            if (story, due.step) == ("is stopped", 1) {
                sequences::stop(conn, &SETUP, sequence, &enrollment.id, Some("They asked for a call instead."), at)?;
                continue;
            }
            let Some(message) = sequences::send_next(conn, &SETUP, sequence, &enrollment.id, at)?.message else { continue };
            approve(conn, &reviewer, &message, hours(1))?;
            let left = leave(conn, hours(2))?;
            let answers = matches!((story, due.step), ("answers the first", 0) | ("answers the second", 1));
            if let Some(about) = left.get(&message.row.id).filter(|_| answers) {
                answer(conn, mailbox, (&contact.email, contact.name.as_deref().unwrap_or("Customer")), about, hours(4))?;
            }
        }
    }
    Ok(())
}

/// Who was asked to recommend, days ago, how many followed the link, and what their sign-ups were worth a month, in minor units.
const ASKED: [(&str, i64, usize, &[i64]); 6] = [
    ("thandi@karoowool.test", 112, 4, &[7900]),
    ("vera.sokolova@tallinntoys.test", 84, 7, &[2900, 7900]),
    ("luke@trailheadcoffee.test", 61, 3, &[19900]),
    ("w.nakamura@kintsugigoods.test", 47, 0, &[]),
    ("beatrix@hoedenhuis.test", 32, 2, &[]),
    ("buying@kestrelcamera.test", 13, 5, &[2900]),
];

/// What came of recommendations.
pub(super) fn recommendations(conn: &mut Conn, boxes: &[Mailbox], target: &str, now: Time) -> Result<()> {
    let reviewer = reviewer(conn)?;
    let mailbox = of_mode(boxes, Mode::Autonomous)?;
    let base_url = settings::base_url(conn)?;
    for (email, days_ago, visitors, signups) in ASKED {
        let at = now.plus_days(-days_ago);
        let who = Named::by(None, Some(email.to_owned()));
        let (referral, contact) = referrals::create(conn, &SETUP, &who, target, at)?.referral;
        let body = format!(
            "Hello,\n\nif you know another shop that packs its orders by hand, this link is yours to share:\n{}\n\
             Your reward for it: a credit on your next invoice.\n",
            referral.link(&base_url)
        );
        let new = NewMessage {
            mailbox: Some(mailbox.id.as_str().to_owned()),
            to: contact.email.clone(),
            to_name: None,
            words: Words { subject: "Do you know somebody whom we could help?".to_owned(), text: Some(body), html: None },
            tags: vec!["referral-program".to_owned()],
            headers: vec![],
            mode: None,
            send_at: None,
            consent_basis: None,
            class: Class::Commercial,
            campaign: None,
            topic: None,
            facts: vec![],
            origin: Origin::Playbook,
        };
        let message = submit(conn, &WRITER, &new, at)?;
        approve(conn, &reviewer, &message, at.plus_seconds(3600))?;
        leave(conn, at.plus_seconds(7200))?;
        for visitor in 0..visitors {
            referrals::count(conn, &referral.id, &format!("visitor {visitor}"), at.plus_days(1 + visitor as i64))?;
        }
        for (place, worth) in signups.iter().enumerate() {
            let at = at.plus_days(4 + place as i64);
            let signup = NewConversion {
                external_id: Some(format!("demo-signup-{days_ago}-{place}")),
                email: None,
                value_minor: Some(*worth),
                currency: Some("USD".into()),
            };
            let conversion = referrals::convert(conn, &SETUP, &referral.id, &signup, at)?.conversion.id;
            let reward = NewReward { conversion, amount: 2000, unit: "USD".into(), tell: false, mailbox: None };
            referrals::give(conn, &SETUP, &referral.id, &reward, at.plus_days(1))?;
        }
    }
    Ok(())
}

/// Days from one count of the sample migration to the next.
const DAYS_BETWEEN_COUNTS: i64 = 2;

/// How the contacts of the migration came as far as their tags say, counted every other day from its first day on.
pub(super) fn moves(conn: &mut Conn, cohort: &CohortId, members: &[Member], first_day: i64, now: Time) -> Result<()> {
    let mut steps = vec![];
    for (place, member) in members.iter().enumerate() {
        // Everybody is told in the first two weeks; each then takes a while of their own.
        for (step, tag) in member.progress.iter().enumerate() {
            let day = 3 + place as i64 + step as i64 * (7 + place as i64 % 5);
            steps.push((day.min(first_day - 1), &member.id, tag));
        }
    }
    for day in (0..first_day).step_by(usize::try_from(DAYS_BETWEEN_COUNTS).unwrap_or(1)) {
        let at = now.plus_days(day - first_day);
        for (_, id, tag) in steps.iter().filter(|(when, _, _)| (day..day + DAYS_BETWEEN_COUNTS).contains(when)) {
            contacts::add_tags(conn, &SETUP, id, std::slice::from_ref(*tag), at)?;
        }
        let (_, counts) = cohorts::progress(conn, &SETUP, cohort, at)?;
        history::keep(conn, cohort, &counts, at)?;
    }
    Ok(())
}
