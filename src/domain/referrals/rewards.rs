//! What somebody got for those they brought: recorded once for each, told with the totals. What a reward is worth is the
//! business of whoever runs the programme. And the one gentle reminder to somebody who was asked and did not share.

use std::collections::BTreeMap;

use diesel::prelude::*;
use serde_json::json;

use crate::clock::Time;
use crate::db::{Conn, transaction};
use crate::domain::actor::{Actor, Scope};
use crate::domain::audit::{self, Entry};
use crate::domain::contacts::{self, ContactRow};
use crate::domain::error::{Error, Result};
use crate::domain::ids::{ContactId, MessageId, ReferralId, RowId};
use crate::domain::mailboxes::{self, Mailbox};
use crate::domain::messages::content::Words;
use crate::domain::messages::submit::{NewMessage, Writer, submit, submit_words_of};
use crate::domain::messages::{Message, Origin};
use crate::domain::money::Money;
use crate::domain::policy::consent::Class;
use crate::domain::{settings, text};

use super::fatigue::REMINDER;
use super::{Referral, queries};

/// The tag of messages that tell of a reward. They do not count as asking.
pub const REWARD: &str = "referral-reward";
/// The unit of rewards that are time.
pub const MONTHS: &str = "months";
/// The most that one reward may be, in minor units or months.
const MOST: i64 = 100_000_000;

/// A row of `referral_rewards`.
#[derive(Debug, Clone, Queryable, Insertable)]
#[diesel(table_name = crate::db::schema::referral_rewards)]
pub struct Reward {
    /// Its id.
    pub id: RowId,
    /// Of which referral.
    pub referral_id: ReferralId,
    /// For which conversion.
    pub conversion_id: RowId,
    /// How much, in minor units of a currency or in months.
    pub amount: i64,
    /// ISO 4217, or `months`.
    pub unit: String,
    /// The message that tells of it.
    pub message_id: Option<MessageId>,
    /// Who recorded it, by name.
    pub recorded_by: String,
    /// When.
    pub created_at: Time,
}

/// A reward to be recorded.
#[derive(Debug, Clone)]
pub struct NewReward {
    /// For which conversion of the referral.
    pub conversion: RowId,
    /// How much, in minor units of a currency or in months.
    pub amount: i64,
    /// ISO 4217, or `months`.
    pub unit: String,
    /// Whether to write to whoever recommended.
    pub tell: bool,
    /// Where that leaves from, by address or id.
    pub mailbox: Option<String>,
}

/// What came of recording.
#[derive(Debug, Clone)]
pub struct Given {
    /// The reward.
    pub reward: Reward,
    /// Whether it was recorded now; otherwise it was there.
    pub new: bool,
    /// What whoever recommended has now.
    pub totals: Totals,
    /// The notice, where one was written now.
    pub message: Option<Message>,
}

/// What somebody brought and earned, over all their links.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Totals {
    /// Those who came by their links.
    pub conversions: i64,
    /// The rewards, by unit.
    pub earned: BTreeMap<String, i64>,
}

impl Totals {
    /// "$60.00 and 3 months", or nothing.
    pub fn in_words(&self) -> Option<String> {
        let all: Vec<String> = self.earned.iter().map(|(unit, amount)| in_words(*amount, unit)).collect();
        (!all.is_empty()).then(|| all.join(" and "))
    }
}

/// A reward as it is said.
pub fn in_words(amount: i64, unit: &str) -> String {
    match (unit, amount) {
        (MONTHS, 1) => "1 month".to_owned(),
        (MONTHS, _) => format!("{amount} months"),
        _ => Money { minor: amount, currency: unit.to_owned() }.to_string(),
    }
}

/// Records a reward, once for each conversion, and tells whoever recommended, in the same transaction.
pub fn give(conn: &mut Conn, actor: &Actor, id: &ReferralId, new: &NewReward, now: Time) -> Result<Given> {
    actor.must_manage_or_have(Scope::Draft)?;
    let unit = unit(&new.unit)?;
    if !(1..=MOST).contains(&new.amount) {
        return Err(Error::invalid("field_invalid", "amount", format!("amount must be 1 to {MOST}; got {}.", new.amount)));
    }
    transaction(conn, |conn| {
        let mailbox = new.tell.then(|| mailboxes::resolve(conn, actor, new.mailbox.as_deref())).transpose()?;
        queries::by_id(conn, id)?.ok_or_else(|| Error::not_found("referral"))?;
        // Two that reward the same conversion take turns.
        let row = queries::held(conn, id)?;
        queries::conversion_of(conn, id, &new.conversion)?.ok_or_else(|| Error::not_found("conversion"))?;
        let contact = contacts::row(conn, &row.contact_id)?;
        if let Some(reward) = queries::reward_for(conn, &new.conversion)? {
            let totals = totals(conn, &contact.id)?;
            return Ok(Given { reward, new: false, totals, message: None });
        }
        let mut reward = Reward {
            id: RowId::new(),
            referral_id: id.clone(),
            conversion_id: new.conversion.clone(),
            amount: new.amount,
            unit,
            message_id: None,
            recorded_by: actor.name().to_owned(),
            created_at: now,
        };
        queries::insert_reward(conn, &reward)?;
        let totals = totals(conn, &contact.id)?;
        let mut message = None;
        if let Some(mailbox) = &mailbox {
            let told = tell(conn, actor, &row, &contact, (&reward, &totals), mailbox, now)?;
            reward.message_id = Some(told.row.id.clone());
            queries::set_told(conn, &reward)?;
            message = Some(told);
        }
        let detail = json!({"conversion": reward.conversion_id, "amount": reward.amount, "unit": reward.unit, "message": reward.message_id});
        let entry = Entry { action: "referral.reward", target_kind: "referral", target_id: id.as_str(), mailbox_id: None, detail };
        audit::record(conn, actor, entry, now)?;
        Ok(Given { reward, new: true, totals, message })
    })
}

fn unit(given: &str) -> Result<String> {
    let given = given.trim();
    match given {
        MONTHS => Ok(given.to_owned()),
        _ if given.len() == 3 && given.bytes().all(|b| b.is_ascii_alphabetic()) => Ok(given.to_ascii_uppercase()),
        _ => Err(Error::invalid(
            "field_invalid",
            "unit",
            format!("unit must be months, or a currency of three letters such as EUR; got \"{}\".", text::excerpt(given)),
        )),
    }
}

/// What somebody brought and earned, over all their links.
pub(in crate::domain) fn totals(conn: &mut Conn, contact: &ContactId) -> Result<Totals> {
    let conversions = queries::of_contact(conn, contact)?.iter().map(|row| row.conversions).sum();
    Ok(Totals { conversions, earned: queries::earned(conn, contact)?.into_iter().collect() })
}

/// The reward recorded last for somebody.
pub(in crate::domain) fn latest(conn: &mut Conn, contact: &ContactId) -> Result<Option<Reward>> {
    Ok(queries::latest_reward(conn, contact)?)
}

/// What a link brought in rewards, the latest first, at most 100, and what its owner has in all.
pub fn of_referral(conn: &mut Conn, actor: &Actor, row: &Referral) -> Result<(Vec<Reward>, Totals)> {
    actor.must_have(Scope::Read)?;
    Ok((queries::rewards(conn, &row.id, 100)?, totals(conn, &row.contact_id)?))
}

fn tell(
    conn: &mut Conn,
    actor: &Actor,
    row: &Referral,
    contact: &ContactRow,
    (reward, totals): (&Reward, &Totals),
    mailbox: &Mailbox,
    now: Time,
) -> Result<Message> {
    let joined = if totals.conversions == 1 { "1 person".to_owned() } else { format!("{} people", totals.conversions) };
    let body = format!(
        "{}\n\nSomebody you told about us has signed up. Thank you!\n\nYour referral reward this time: {}.\n\
         Your referral rewards in all: {}.\nSign-ups by your referral link so far: {joined}.\n\n\
         Your link stays yours, whenever you want to share it again:\n{}\n",
        greeting(contact),
        in_words(reward.amount, &reward.unit),
        totals.in_words().unwrap_or_default(),
        row.link(&settings::base_url(conn)?),
    );
    let words = Words { subject: "Somebody signed up by your link".to_owned(), text: Some(body), html: None };
    // It carries the link and asks for nothing.
    let writer = Writer { tells_of_reward: true, ..Writer::new(actor.kind(), actor.id()) };
    submit_words_of(conn, actor, &writer, &letter(contact, words, REWARD, mailbox), now)
}

/// Reminds somebody of their link who was asked and did not share it. The checks say whether they may be: once after an ask.
pub fn remind(conn: &mut Conn, actor: &Actor, id: &ReferralId, reward: &str, mailbox: Option<&str>, now: Time) -> Result<Message> {
    actor.must_manage_or_have(Scope::Draft)?;
    let reward = text::required_line("reward", reward, 200)?;
    transaction(conn, |conn| {
        let mailbox = mailboxes::resolve(conn, actor, mailbox)?;
        let row = queries::by_id(conn, id)?.ok_or_else(|| Error::not_found("referral"))?;
        let contact = contacts::row(conn, &row.contact_id)?;
        let body = format!(
            "{}\n\nA while ago we asked whether you know somebody whom we could help. There is no hurry, and no further reminder comes.\n\n\
             Should you think of somebody, this link is yours to share:\n{}\nYour reward for it: {}\n",
            greeting(&contact),
            row.link(&settings::base_url(conn)?),
            reward.trim(),
        );
        let words = Words { subject: "Your link, should you think of somebody".to_owned(), text: Some(body), html: None };
        submit(conn, actor, &letter(&contact, words, REMINDER, &mailbox), now)
    })
}

fn greeting(contact: &ContactRow) -> String {
    contact.name.as_ref().map_or_else(|| "Hello,".to_owned(), |name| format!("Hi {name},"))
}

fn letter(contact: &ContactRow, words: Words, tag: &str, mailbox: &Mailbox) -> NewMessage {
    NewMessage {
        mailbox: Some(mailbox.id.as_str().to_owned()),
        to: contact.email.clone(),
        to_name: None,
        words,
        tags: vec![tag.to_owned()],
        headers: vec![],
        mode: None,
        send_at: None,
        consent_basis: None,
        class: Class::Commercial,
        campaign: None,
        topic: None,
        facts: vec![],
        origin: Origin::Playbook,
    }
}
