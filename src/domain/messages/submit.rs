//! Submission: from words to a message that is refused, held or on its way.

use serde_json::json;

use crate::clock::Time;
use crate::db::types::Json;
use crate::db::{Conn, transaction};
use crate::domain::actor::{Actor, Scope};
use crate::domain::campaigns;
use crate::domain::churn::{self, rules::picks};
use crate::domain::claims;
use crate::domain::contacts::{self, ConsentBasis, ContactInput, ContactRow, suppressions};
use crate::domain::controls::holding::{self, Case, Rule};
use crate::domain::controls::{allowed, twice};
use crate::domain::email_address::EmailAddress;
use crate::domain::error::{Error, Result};
use crate::domain::ids::{FactId, MessageId, TemplateVersionId, ThreadId, secret};
use crate::domain::mailboxes::{self, Mailbox, Mode};
use crate::domain::policy::consent::{Allowed, Class};
use crate::domain::preferences::{Topic, footers, topics};
use crate::domain::privacy::provenance;
use crate::domain::referrals::fatigue::Prompt;
use crate::domain::referrals::prompts::{self, Signs};
use crate::domain::vigilance::planting;
use crate::domain::{facts, inbound, policy, settings, templates, text, threads};

use super::content::{Content, Footer, Words, check_headers};
use super::oversight::{BY_REQUEST, BY_RULE, EVERY_MESSAGE, Facts, NO_GROUND, Verdict, gate};
use super::{Message, MessageRow, Origin, State, VersionRow, expiry, lawful, ledger, list, log, promises, queries, schedule, tags, warrant};

/// A message to be submitted.
#[derive(Debug, Clone)]
pub struct NewMessage {
    /// The mailbox by address or id; none where only one is within reach.
    pub mailbox: Option<String>,
    /// The recipient.
    pub to: String,
    /// The recipient's name, where it is not on record.
    pub to_name: Option<String>,
    /// The words.
    pub words: Words,
    /// Tags of the message.
    pub tags: Vec<String>,
    /// `List-*` and `X-*` headers.
    pub headers: Vec<(String, String)>,
    /// A mode stricter than the mailbox's.
    pub mode: Option<Mode>,
    /// Not to leave before.
    pub send_at: Option<Time>,
    /// The ground the sender names.
    pub consent_basis: Option<ConsentBasis>,
    /// What it is for.
    pub class: Class,
    /// The campaign it belongs to.
    pub campaign: Option<String>,
    /// The topic by name or id; without one that of its campaign or mailbox.
    pub topic: Option<String>,
    /// Facts the sender says it rests on; each must hold. The claims are checked against all.
    pub facts: Vec<FactId>,
    /// Who put the words together.
    pub origin: Origin,
}

/// The conversation that a message goes on with. Only [`super::reply`] makes one.
#[derive(Debug, Clone)]
pub(super) struct GoesOn {
    /// The conversation.
    pub thread: ThreadId,
    /// `In-Reply-To` and `References`.
    pub headers: Vec<(String, String)>,
}

/// Who put the words together, where somebody else hands them in: they decide it as little as whoever does.
#[derive(Debug, Clone, Copy)]
pub(in crate::domain) struct Writer<'a> {
    /// user, key or system.
    pub kind: &'a str,
    /// The id that goes with the kind.
    pub id: &'a str,
    /// The version of a template that the words were made from.
    pub template: Option<&'a TemplateVersionId>,
    /// Whether it tells of a reward: then the link in it asks for nothing.
    pub tells_of_reward: bool,
    /// What else it is part of, whose first message a person sees as well.
    pub part_of: Option<&'a str>,
}

impl<'a> Writer<'a> {
    /// Words that were made from no template.
    pub fn new(kind: &'a str, id: &'a str) -> Self {
        Writer { kind, id, template: None, tells_of_reward: false, part_of: None }
    }
}

/// Submits a message to its mailbox's mode.
pub fn submit(conn: &mut Conn, actor: &Actor, new: &NewMessage, now: Time) -> Result<Message> {
    submit_into(conn, actor, &Writer::new(actor.kind(), actor.id()), new, None, now)
}

/// The same with words that somebody wrote earlier, such as a step of a sequence.
pub(in crate::domain) fn submit_words_of(conn: &mut Conn, actor: &Actor, writer: &Writer<'_>, new: &NewMessage, now: Time) -> Result<Message> {
    submit_into(conn, actor, writer, new, None, now)
}

/// The same, into a conversation that is there.
pub(super) fn submit_into(conn: &mut Conn, actor: &Actor, writer: &Writer<'_>, new: &NewMessage, into: Option<GoesOn>, now: Time) -> Result<Message> {
    actor.must_have(Scope::Draft)?;
    let to = EmailAddress::parse("to", &new.to)?;
    let words = new.words.check()?;
    let (thread, mut headers) = into.map_or((None, vec![]), |into| (Some(into.thread), into.headers));
    headers.extend(check_headers(&new.headers)?);
    let campaign = text::optional_line("campaign", new.campaign.as_deref(), 100)?;
    let send_at = schedule::check(new.send_at, now)?;
    let class = if thread.is_some() { Class::Relationship } else { new.class };
    transaction(conn, |conn| {
        let mailbox = mailboxes::resolve(conn, actor, new.mailbox.as_deref())?;
        let mode = effective_mode(&mailbox, new.mode)?;
        let known = contacts::by_key(conn, to.key())?;
        refuse_winback(conn, known.as_ref(), class, campaign.as_deref(), &new.tags)?;
        policy::refuse(&policy::Standing::of(conn, to.key(), known.as_ref())?)?;
        facts::refuse_groundless(conn, actor, &new.facts)?;
        let input = ContactInput { email: new.to.clone(), name: new.to_name.clone(), ..ContactInput::default() };
        let contact = contacts::upsert_row(conn, actor, &input, now)?;
        if mode == Mode::ReadOnly {
            return Err(read_only(&mailbox));
        }
        let topic = topics::of_message(conn, &mailbox.id, campaign.as_deref(), new.topic.as_deref())?;
        let content = Content {
            from_address: mailbox.address.clone(),
            from_name: mailbox.name.clone(),
            to_address: to.as_str().to_owned(),
            to_name: contact.name.clone(),
            subject: words.subject,
            text_body: words.text,
            html_body: Some(words.html),
            headers,
            footer: footer(conn, &mailbox, &contact, new.origin, topic.as_ref(), now)?,
        };
        let signs = Signs { tags: &new.tags, campaign: campaign.as_deref(), content: &content, answers: thread.is_some() };
        let prompt = if writer.tells_of_reward { None } else { prompts::of(conn, &signs)? };
        lawful::refuse(conn, &contact.id, thread.is_some(), prompt.is_some(), class, &content)?;
        policy::refuse_prompt(conn, &contact.id, prompt, now)?;
        facts::note_tagged_departure(conn, actor, &contact.id, &new.tags, now)?;
        let claims = ledger::find(conn, &contact.id, &content, now, now)?;
        let otherwise = promises::contradiction(conn, &contact.id, &promises::offers_of(&claims), now)?;
        let by_person = new.origin == Origin::Person;
        let ground = policy::ground(conn, &contact.id, class, by_person, new.consent_basis.is_some(), now)?;
        if let Allowed::No(why) = ground {
            return Err(Error::conflict("consent_lapsed", why));
        }
        let unapproved_template = match writer.template {
            Some(version) => !templates::is_approved(conn, version)?,
            None => false,
        };
        let amounts: Vec<claims::Amount> = claims.iter().filter_map(|claim| claims::amount_of(claim.kind, &claim.words)).collect();
        let case = Case { mailbox: &mailbox.id, contact: &contact, campaign: campaign.as_deref(), tags: &new.tags, amounts: &amounts };
        let rule = holding::of_case(conn, case, now)?;
        let verdict = gate(Facts {
            mode,
            origin: new.origin,
            first_of_campaign: is_first(conn, &mailbox, campaign.as_deref(), &new.tags)?
                || begins(conn, &mailbox, writer)?
                || is_first_ask(conn, &mailbox, prompt)?,
            announcement: new.tags.iter().any(|tag| tag == "product_announcement"),
            transactional: class == Class::Transactional,
            has_basis: ground == Allowed::Yes,
            open_claims: claims.iter().any(claims::Claim::is_open),
            promised_otherwise: otherwise.is_some(),
            unapproved_template,
            held_by_rule: rule.is_some(),
            allowed: mailbox.mode == mode && allowed::is_among(&allowed::patterns(conn, &mailbox)?, &contact.email_key),
        });
        if verdict == Verdict::Refused {
            return Err(read_only(&mailbox));
        }
        let id = MessageId::new();
        let promised_otherwise = otherwise.is_some();
        let held = match verdict {
            // What was promised before is what the reviewer has to see, whatever the mode.
            Verdict::Held(BY_RULE) => rule.as_ref().map(Rule::reason),
            Verdict::Held(EVERY_MESSAGE) if mode < mailbox.mode => Some(BY_REQUEST.to_owned()),
            Verdict::Held(reason) => Some(match (otherwise, ground) {
                (Some(otherwise), _) => otherwise,
                (None, Allowed::Hold(why)) if reason == NO_GROUND => why.to_owned(),
                (None, _) => reason.to_owned(),
            }),
            _ => None,
        };
        let mut row = MessageRow {
            id: id.clone(),
            mailbox_id: mailbox.id.clone(),
            contact_id: contact.id.clone(),
            thread_id: match thread {
                Some(thread) => thread,
                None => threads::open(conn, &mailbox.id, &contact.id, &content.subject, now)?,
            },
            campaign,
            state: State::Draft,
            state_reason: None,
            held_because: held.clone(),
            effective_mode: mode,
            origin: new.origin,
            author_kind: actor.kind().to_owned(),
            author_id: actor.id().to_owned(),
            editor_kind: writer.kind.to_owned(),
            editor_id: writer.id.to_owned(),
            is_test: matches!(actor, Actor::Key { is_test: true, .. }),
            consent_basis: new.consent_basis.map(|basis| basis.as_str().to_owned()),
            version: 1,
            content_hash: content.hash(),
            send_at,
            submitted_at: Some(now),
            expires_at: None,
            sent_at: None,
            created_at: now,
            updated_at: now,
            claims_supported: 0,
            claims_open: 0,
            claims_waived: 0,
            assignee_id: None,
            likeness: ledger::likeness_of(conn, &contact.id, &content, &claims)?,
            planted: false,
            topic_id: topic.map(|topic| topic.id),
        };
        let counts = ledger::count_first(&row, &claims);
        (row.claims_supported, row.claims_open, row.claims_waived) = (counts.supported, counts.open, counts.waived);
        queries::insert(conn, &row)?;
        queries::insert_version(conn, &version_row(&row, &content, actor, now))?;
        policy::keep_class(conn, &row.id, class)?;
        prompts::keep(conn, &row.id, prompt)?;
        if let Some(version) = writer.template {
            templates::note(conn, &row.id, version)?;
        }
        ledger::keep_first(conn, &row, &claims)?;
        if let Some(rule) = &rule {
            twice::ask(conn, &row.id, rule)?;
        }
        suppressions::keep_link(conn, &token_of(&content.footer), &row.id, &contact.id, now)?;
        tags::attach(conn, actor, &row, &contact, &new.tags, now)?;
        if let Some(campaign) = &row.campaign {
            list::queries::note_campaign(conn, &row.mailbox_id, campaign)?;
        }
        match verdict {
            Verdict::Cleared(by) => {
                let undo = if mode == Mode::Autonomous { 0 } else { mailbox.undo_seconds };
                super::lifecycle::transition(conn, &row.id, State::Draft, State::Queued, None, now)?;
                warrant::issue(conn, &row, by, None, undo, now)?;
                log(conn, actor, "message.submit", &row, json!({"cleared_by": by, "content_hash": row.content_hash}), now)?;
            }
            _ => {
                super::lifecycle::transition(conn, &row.id, State::Draft, State::Pending, held.as_deref(), now)?;
                expiry::restart(conn, &row, now)?;
                log(conn, actor, "message.submit", &row, json!({"held_because": held, "content_hash": row.content_hash}), now)?;
                // A copy has neither the open claims nor the earlier promise that the original is held for.
                if !promised_otherwise && !claims.iter().any(claims::Claim::is_open) {
                    planting::join(conn, actor, &mailbox, &row, &content, &new.tags, now)?;
                }
            }
        }
        super::get(conn, actor, &row.id)
    })
}

/// Refuses to win back somebody whom the lot holds out or to whom a letter by a rule is under way, by whatever way the message comes in.
fn refuse_winback(conn: &mut Conn, contact: Option<&ContactRow>, class: Class, campaign: Option<&str>, tags: &[String]) -> Result<()> {
    let Some(contact) = contact.filter(|_| class == Class::Commercial) else { return Ok(()) };
    let wins_back = match campaign {
        _ if tags.iter().any(|tag| tag == "win_back") => true,
        Some("win-back") => true,
        Some(label) => campaigns::kind_of(conn, label)? == Some(campaigns::Kind::Winback),
        None => false,
    };
    if !wins_back {
        return Ok(());
    }
    if picks::is_held_out(conn, &contact.id)? {
        return Err(picks::held_out());
    }
    churn::variants::refuse_beside_rule(conn, &contact.id)
}

fn effective_mode(mailbox: &Mailbox, asked: Option<Mode>) -> Result<Mode> {
    match asked {
        Some(asked) if asked > mailbox.mode => Err(Error::invalid(
            "mode_loosening",
            "oversight_mode",
            format!("oversight_mode may only tighten: this mailbox is {} and {asked} is looser. Leave it out.", mailbox.mode),
        )),
        asked => Ok(asked.unwrap_or(mailbox.mode).stricter(mailbox.mode)),
    }
}

pub(super) fn read_only(mailbox: &Mailbox) -> Error {
    Error::forbidden("mailbox_read_only", format!("{} is read_only: nothing leaves it. Nothing was stored.", mailbox.address))
        .with_hint("Use another mailbox, or ask an administrator to set this one to gated_send.")
}

/// The first message of a campaign is held in the looser modes until one of its kind was approved.
pub(in crate::domain) fn is_first(conn: &mut Conn, mailbox: &Mailbox, campaign: Option<&str>, tags: &[String]) -> Result<bool> {
    let campaigns: Vec<&str> = campaign.into_iter().chain(tags.iter().map(String::as_str).filter(|tag| tags::is_campaign(tag))).collect();
    for name in campaigns {
        if !queries::campaign_has_approval(conn, &mailbox.id, name)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The first ask to recommend is held like the first message of a campaign, whatever label it has or lacks.
pub(in crate::domain) fn is_first_ask(conn: &mut Conn, mailbox: &Mailbox, prompt: Option<Prompt>) -> Result<bool> {
    Ok(prompt == Some(Prompt::Ask) && !queries::campaign_has_approval(conn, &mailbox.id, queries::ASKS_NAME)?)
}

/// Whether nothing of what it is part of was approved yet: a label that others use says nothing about it.
fn begins(conn: &mut Conn, mailbox: &Mailbox, writer: &Writer<'_>) -> Result<bool> {
    match writer.part_of {
        Some(name) => Ok(!queries::campaign_has_approval(conn, &mailbox.id, name)?),
        None => Ok(false),
    }
}

pub(super) fn footer(conn: &mut Conn, mailbox: &Mailbox, contact: &ContactRow, origin: Origin, topic: Option<&Topic>, now: Time) -> Result<Footer> {
    lawful::refuse_without_sender(mailbox)?;
    let company = facts::company(conn)?.remove("company").unwrap_or_else(|| mailbox.name.clone());
    let why = if contacts::customer(conn, &contact.id)?.is_some() {
        format!("You receive this because you are or were a customer of {company}.")
    } else {
        format!("You receive this because {company} has you as a contact.")
    };
    let (base_url, token) = (settings::base_url(conn)?, secret());
    Ok(Footer {
        why,
        sender: mailbox.name.clone(),
        postal_address: mailbox.postal_address.clone(),
        unsubscribe_url: format!("{base_url}/u/{token}"),
        unsubscribe_mailto: inbound::ways::to_leave(conn, mailbox, &token, now)?,
        preferences_url: Some(format!("{base_url}/preferences/{token}")),
        topic: topic.map(|topic| topic.name.clone()),
        source: provenance::to_name(conn, &contact.id)?,
        disclosure: footers::of(conn, &mailbox.id)?.disclosure(origin),
    })
}

/// The token at the end of the unsubscribe address.
pub(super) fn token_of(footer: &Footer) -> String {
    footer.unsubscribe_url.rsplit('/').next().unwrap_or_default().to_owned()
}

pub(super) fn version_row(row: &MessageRow, content: &Content, actor: &Actor, now: Time) -> VersionRow {
    VersionRow {
        message_id: row.id.clone(),
        version: row.version,
        content_hash: row.content_hash.clone(),
        from_address: content.from_address.clone(),
        from_name: content.from_name.clone(),
        to_address: content.to_address.clone(),
        to_name: content.to_name.clone(),
        subject: content.subject.clone(),
        text_body: content.text_body.clone(),
        html_body: content.html_body.clone(),
        headers: Json::new(content.headers.clone()),
        footer: Json::new(content.footer.clone()),
        editor_kind: actor.kind().to_owned(),
        editor_id: actor.id().to_owned(),
        editor_name: actor.name().to_owned(),
        created_at: now,
    }
}
