//! The checks of the worker: for all messages that are due together, in the transaction that claims them. Whoever may
//! leave has its place counted before the next is looked at, so that no cap and no limit is passed by one.

use std::collections::{BTreeMap, HashMap};

use crate::clock::Time;
use crate::db::Conn;
use crate::domain::error::Result;
use crate::domain::ids::{MailboxId, MessageId};
use crate::domain::referrals::fatigue::Prompted;
use crate::domain::reputation::sends::{self, Send};
use crate::domain::reputation::{queries as counted, watch};

use super::checks::{Known, Past, evaluate};
use super::known::{self, Due, Flow, queries};
use super::{Case, Outcome, Standing, Verdict, of_standing, outcome, rules};

/// What a message waits for, for people: "Waits for …".
pub fn what_for(check: &str) -> &'static str {
    match check {
        "quiet_hours" => "the end of the recipient's quiet hours",
        "frequency_cap" => "room under the frequency cap of the recipient",
        "campaign_stop" => "the recipient, who is away",
        "topic" => "the end of the pause that the recipient chose",
        "warm_up" => "the next day of the warm-up",
        "throttle" => "its turn: the mailbox sends so many messages a minute",
        "domain_throttle" => "its turn: so many messages a minute go to this domain",
        _ => "its time",
    }
}

/// What the checks say of messages that are due; nothing is written down yet.
#[derive(Debug)]
pub(in crate::domain) struct Looked {
    found: Vec<(MessageId, Outcome)>,
    leaving: Vec<Send>,
    held: Vec<Case>,
    later: Vec<Delay>,
    flows: BTreeMap<MailboxId, Flow>,
    asks: bool,
}

/// One that is put off.
#[derive(Debug)]
struct Delay {
    id: MessageId,
    mailbox_id: MailboxId,
    domain: String,
    until: Time,
    check: &'static str,
    per_domain_minute: i64,
}

impl Looked {
    /// Whether all may simply leave: nothing is put off or refused, none asks for a recommendation, whose limits look at what
    /// became of others, and no mailbox has a limit or would be paused.
    pub(in crate::domain) fn is_plain(&self) -> bool {
        let all_leave = self.leaving.len() == self.found.len() && !self.asks;
        all_leave
            && self.flows.values().all(|flow| !flow.stream.pace.is_limited() && !watch::would_pause(&flow.stream.pace, flow.stream.today, &flow.days))
    }
}

/// Looks at these messages, which are due, and counts those that may leave. The others are put off where the outcome says
/// so; what is to be skipped or held is for the caller. The switches and suppressions are looked at there as well.
pub(in crate::domain) fn take_turns(conn: &mut Conn, ids: &[MessageId], now: Time) -> Result<Vec<(MessageId, Outcome)>> {
    let looked = look(conn, ids, true, now)?;
    settle(conn, looked, now)
}

/// The look alone. With `hold` nobody else counts until the transaction ends.
pub(in crate::domain) fn look(conn: &mut Conn, ids: &[MessageId], hold: bool, now: Time) -> Result<Looked> {
    let rules = rules::rules(conn)?;
    let due = known::messages(conn, ids, now)?;
    let contacts = known::unique(due.iter().map(|due| due.contact_id.clone()));
    if hold {
        queries::hold_people(conn, &contacts)?;
    }
    let mut people = known::people(conn, &contacts, &rules, now)?;
    let asked = known::unique(due.iter().filter(|due| due.outgoing.prompt.is_some()).map(|due| due.contact_id.clone()));
    known::prompted(conn, &mut people, &asked)?;
    let mailboxes = known::unique(due.iter().map(|due| due.mailbox_id.clone()));
    let mut flows = known::flows(conn, &mailboxes, hold, now)?;
    let standing = Standing::default();
    let (mut found, mut leaving, mut held, mut later) = (vec![], vec![], vec![], vec![]);
    for one in due {
        let (Some(flow), person) = (flows.get_mut(&one.mailbox_id), people.entry(one.contact_id.clone()).or_default()) else { continue };
        let checks = evaluate(Known { standing: &standing, person, message: &one.outgoing, stream: &flow.stream, rules: &rules }, now);
        let said = outcome(&checks);
        match &said {
            Outcome::Send => {
                flow.stream.today += 1;
                if flow.stream.pace.is_limited() {
                    flow.stream.turns.push((one.outgoing.domain.clone(), now));
                }
                let of = &one.outgoing;
                let commercial = of.class == super::consent::Class::Commercial;
                person.past.push(Past { at: now, commercial, topic: of.topic.clone(), campaign: of.campaign.clone(), step: of.step.clone() });
                if let Some((prompt, Some(message_id))) = of.prompt.clone() {
                    person.prompted.prompts.push(Prompted { message_id, prompt, at: now, left: true });
                }
                leaving.push(row(&one, commercial, now));
            }
            Outcome::Defer { until, because } => later.push(Delay {
                id: one.id.clone(),
                mailbox_id: one.mailbox_id.clone(),
                domain: one.outgoing.domain.clone(),
                until: *until,
                check: because.check,
                per_domain_minute: i64::from(flow.stream.pace.per_domain_minute),
            }),
            Outcome::Hold(_) => {
                held.push(Case { message_id: one.id.clone(), mailbox_id: one.mailbox_id, contact_id: one.contact_id, is_test: false })
            }
            Outcome::Skip(_) => {}
        }
        found.push((one.id, said));
    }
    Ok(Looked { found, leaving, held, later, flows, asks: !asked.is_empty() })
}

/// Counts those that leave and puts off those that wait.
pub(in crate::domain) fn settle(conn: &mut Conn, looked: Looked, now: Time) -> Result<Vec<(MessageId, Outcome)>> {
    let Looked { mut found, leaving, held, later, flows, .. } = looked;
    sends::reserve(conn, leaving, now)?;
    let mut rows = Later::default();
    for one in later {
        rows.note(conn, one)?;
    }
    rows.put_off(conn, now)?;
    for flow in flows.values() {
        watch::look_at_volume(conn, &flow.stream.pace, flow.stream.today, &flow.days, now)?;
    }
    refuse_first(conn, &mut found, &held)?;
    Ok(found)
}

/// What would wait for somebody is not put before them where the person must not be mailed at all: a refusal weighs more.
fn refuse_first(conn: &mut Conn, found: &mut [(MessageId, Outcome)], held: &[Case]) -> Result<()> {
    let standings = Standing::of_many(conn, &held.iter().collect::<Vec<_>>())?;
    for (id, said) in found {
        let checks = standings.get(id).map(of_standing).unwrap_or_default();
        if let Some(refusal) = checks.into_iter().find(|check| check.verdict == Verdict::Refuse) {
            *said = Outcome::Skip(refusal);
        }
    }
    Ok(())
}

/// What the checks would say of one message if a worker came to it now. Nothing is counted. The switches, the suppression
/// and what it rests on are looked at elsewhere.
pub(in crate::domain) fn foresee(conn: &mut Conn, id: &MessageId, now: Time) -> Result<Outcome> {
    let rules = rules::rules(conn)?;
    let Some(mut one) = known::messages(conn, std::slice::from_ref(id), now)?.pop() else { return Ok(Outcome::Send) };
    // Before the decision there is no warrant that says so, and the question is what follows it.
    one.outgoing.reviewed = true;
    let mut people = known::people(conn, std::slice::from_ref(&one.contact_id), &rules, now)?;
    if one.outgoing.prompt.is_some() {
        known::prompted(conn, &mut people, std::slice::from_ref(&one.contact_id))?;
    }
    let person = people.remove(&one.contact_id).unwrap_or_default();
    let Some(flow) = known::flows(conn, std::slice::from_ref(&one.mailbox_id), false, now)?.remove(&one.mailbox_id) else { return Ok(Outcome::Send) };
    let standing = Standing::default();
    Ok(outcome(&evaluate(Known { standing: &standing, person: &person, message: &one.outgoing, stream: &flow.stream, rules: &rules }, now)))
}

fn row(one: &Due, commercial: bool, now: Time) -> Send {
    let of = &one.outgoing;
    Send {
        message_id: one.id.clone(),
        mailbox_id: one.mailbox_id.clone(),
        contact_id: one.contact_id.clone(),
        domain: of.domain.clone(),
        commercial,
        topic: of.topic.clone(),
        campaign: of.campaign.clone(),
        step: of.step.clone(),
        outcome: None,
        at: now,
    }
}

/// What is put off, gathered so that one statement serves all with the same time and reason.
#[derive(Default)]
struct Later {
    rows: BTreeMap<(Time, &'static str), Vec<MessageId>>,
    mailboxes: HashMap<MailboxId, (Time, &'static str)>,
}

impl Later {
    fn note(&mut self, conn: &mut Conn, one: Delay) -> Result<()> {
        let Delay { id, mailbox_id, domain, until, check, per_domain_minute } = one;
        let until = match check {
            // The whole mailbox waits, so that the rest is not looked at before.
            "throttle" | "warm_up" => {
                self.mailboxes.insert(mailbox_id, (until, what_for(check)));
                until
            }
            // Each has a time of its own, so that a long queue is not looked at every minute.
            "domain_throttle" => counted::take_slot(conn, &mailbox_id, &domain, until, 60_000_000 / per_domain_minute.max(1))?,
            _ => until,
        };
        self.rows.entry((until, what_for(check))).or_default().push(id);
        Ok(())
    }

    fn put_off(self, conn: &mut Conn, now: Time) -> Result<()> {
        for ((until, what_for), ids) in self.rows {
            queries::put_off(conn, ids, until, what_for, now)?;
        }
        for (mailbox, (until, what_for)) in self.mailboxes {
            counted::set_wait(conn, &mailbox, until, what_for)?;
        }
        Ok(())
    }
}
