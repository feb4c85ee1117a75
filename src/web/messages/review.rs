//! The review page: the list, the message as it will arrive, the evidence, the decision bar.

use actix_web::http::header;
use actix_web::{HttpResponse, web};
use askama::Template;
use jiff::tz::TimeZone;
use serde::Deserialize;

use super::page_of;
use crate::app::State;
use crate::clock::{self, Time};
use crate::domain::churn::variants::{self, Variant};
use crate::domain::churn::{self, ChurnEvent};
use crate::domain::claims::Part;
use crate::domain::contacts::{self, ConsentBasis, Contact, Customer};
use crate::domain::controls::twice::FirstApproval;
use crate::domain::error::Result as DomainResult;
use crate::domain::ids::MessageId;
use crate::domain::mailboxes::{self, Mailbox};
use crate::domain::messages::content::Words;
use crate::domain::messages::decide;
use crate::domain::messages::findings;
use crate::domain::messages::inspect::{self, Finding};
use crate::domain::messages::ledger::{self, Entry};
use crate::domain::messages::list::{self, ListRow};
use crate::domain::messages::{self, Content, Message, State as MessageState, VersionRow, ruled};
use crate::domain::outbox::attempts::{Attempt, Outcome};
use crate::domain::outbox::uncertain::{self, Evidence as Settled, History};
use crate::domain::outbox::{self, Obstacle, Waiting};
use crate::domain::threads::{self, InboundEmail};
use crate::email;
use crate::web::claims::{Marked, marked, underlined};
use crate::web::desk::{self, Around};
use crate::web::diff::Changes;
use crate::web::errors::PageError;
use crate::web::list_query::ListQuery;
use crate::web::page::{Chrome, Person, html};
use crate::web::preview;

/// Rows in the list beside an open message.
const LIST_ROWS: usize = 40;

struct Evidence {
    contact: Contact,
    customer: Option<Customer>,
    event: Option<ChurnEvent>,
    answers: Vec<churn::answers::Answer>,
    thread: Vec<InboundEmail>,
    variant: Option<Variant>,
}

/// The words in the form of an edit, and what is wrong with them.
pub(super) struct Editing {
    pub(super) words: Words,
    pub(super) problem: Option<String>,
}

/// The list that was left for this message.
struct Beside {
    rows: Vec<ListRow>,
    query: ListQuery,
    previous: Option<MessageId>,
    next: Option<MessageId>,
}

#[derive(Template)]
#[template(path = "messages/show.html")]
pub(super) struct ReviewPage {
    chrome: Chrome,
    message: Message,
    mailbox: Mailbox,
    evidence: Evidence,
    claims: Vec<Entry>,
    around: Around,
    findings: Vec<Finding>,
    remote: Option<String>,
    subject: Vec<Marked>,
    text: Vec<Marked>,
    waiting: Option<Waiting>,
    /// What keeps it, besides the time that was chosen.
    waits: Option<Obstacle>,
    history: History,
    source: String,
    changes: Vec<Changes>,
    own: bool,
    /// Why a ground for mailing has to be recorded with the approval.
    ground_missing: Option<&'static str>,
    view: View,
    beside: Beside,
    editing: Option<Editing>,
    /// What the first person approved, of a message that takes two.
    approvals: Option<Option<FirstApproval>>,
    /// Whether that was whoever looks.
    approved_first: bool,
    now: Time,
}

impl ReviewPage {
    fn is_pending(&self) -> bool {
        self.message.row.state == MessageState::Pending
    }

    fn is_uncertain(&self) -> bool {
        self.message.row.state == MessageState::Uncertain
    }

    /// What to look for in the log of the mail server.
    fn message_id(&self) -> String {
        self.message.message_id_header()
    }

    /// What the server had agreed to before it came to this.
    fn accepted(&self, attempt: &Attempt) -> Option<&'static str> {
        let reached = attempt.stage.as_deref()?;
        match (attempt.outcome, reached) {
            (Outcome::Sent, _) => None,
            (_, "dot") => Some("MAIL, RCPT and DATA were accepted, and all of the content was handed over."),
            (_, "data") => Some("MAIL and RCPT were accepted."),
            (_, "rcpt") => Some("MAIL was accepted."),
            _ => None,
        }
    }

    /// How long an attempt took.
    fn took(&self, attempt: &Attempt) -> String {
        let millis = (attempt.ended_at.micros() - attempt.started_at.micros()).max(0) / 1000;
        if millis < 10_000 { format!("{millis} ms") } else { format!("{} s", millis / 1000) }
    }

    fn can_edit(&self) -> bool {
        self.message.row.state.successors().contains(&MessageState::Pending)
    }

    fn can_stop(&self) -> bool {
        matches!(self.message.row.state, MessageState::Approved | MessageState::Queued)
    }

    /// Who may decide the message may let a claim stand.
    fn can_waive(&self) -> bool {
        !self.own && matches!(self.message.row.state, MessageState::Pending | MessageState::ChangesRequested)
    }

    fn claim_icon(&self, entry: &Entry) -> &'static str {
        match entry.standing() {
            "exact" | "quoted" => "check",
            "waived" => "skip",
            "stale" => "clock",
            "conflicting" => "alert",
            _ => "x-circle",
        }
    }

    /// Whether who looks is the one to tick findings off.
    fn can_tick(&self) -> bool {
        self.is_pending() && !self.own && self.editing.is_none()
    }

    /// What has to be ticked before it can be approved.
    fn to_tick(&self) -> Option<String> {
        match self.findings.iter().filter(|finding| finding.needs_tick()).count() {
            0 => None,
            1 => Some("Tick the finding above once you have looked at it.".to_owned()),
            count => Some(format!("Tick the {count} findings above once you have looked at them.")),
        }
    }

    /// Why it cannot be approved as it is.
    fn open_claims(&self) -> Option<String> {
        match self.message.row.claims_open {
            0 => None,
            1 => Some("1 claim is open: edit it, or waive it with a reason.".to_owned()),
            open => Some(format!("{open} claims are open: edit them, or waive each with a reason.")),
        }
    }

    /// The zone of who gets it.
    fn zone(&self) -> Option<&str> {
        self.evidence.contact.row.time_zone.as_deref()
    }

    /// A clock in that zone, or in UTC where it is not known.
    fn clock(&self) -> TimeZone {
        clock::zone(self.zone())
    }

    /// "21 Nov 2026, 09:00 CET" on that clock.
    fn told(&self, at: &Time) -> String {
        at.in_zone(&self.clock())
    }

    /// The same as a field for a time has it.
    fn field(&self, at: &Time) -> String {
        at.for_field(&self.clock())
    }

    /// The zone of who reviews, where it is another one.
    fn own_zone(&self) -> Option<&str> {
        self.chrome.visit.time_zone.as_deref().filter(|own| *own != self.zone().unwrap_or("UTC"))
    }

    /// The time it is scheduled for.
    fn scheduled(&self) -> Option<Time> {
        self.message.row.send_at.filter(|at| *at > self.now)
    }

    /// When it would leave if it were approved now, on the clock of who gets it.
    fn leaves(&self) -> String {
        match &self.approvals {
            Some(None) => return "It takes two people: somebody else must approve it after you.".to_owned(),
            Some(Some(first)) if self.approved_first => {
                return format!("You approved it at {}. Somebody else must approve it too.", self.told(&first.created_at));
            }
            _ => {}
        }
        let undo = i64::from(self.mailbox.undo_seconds);
        let at = self.told(&self.scheduled().unwrap_or(self.now).max(self.now.plus_seconds(undo)));
        let whose = if self.zone().is_some() { "for them" } else { "their time zone is not known" };
        match self.scheduled() {
            Some(_) => format!("Leaves at {at} ({whose})."),
            None if undo > 0 => format!("Leaves after {undo} s in which you can undo it: {at} ({whose})."),
            None => format!("Leaves at once: {at} ({whose})."),
        }
    }

    /// What the button does, in its words.
    fn approve_label(&self) -> String {
        match self.scheduled() {
            _ if matches!(self.approvals, Some(None)) => "Approve, as the first of two".to_owned(),
            Some(at) => format!("Approve for {}", self.told(&at)),
            None => "Approve and send".to_owned(),
        }
    }

    /// The list, for forms and links.
    fn list(&self) -> String {
        self.beside.query.to_query()
    }

    /// The same page, seen another way.
    fn seen_as(&self, name: &str, value: &str) -> String {
        let page = page_of(&self.message.row.id, &self.beside.query);
        match (value, page.contains('?')) {
            ("", _) => page,
            (_, true) => format!("{page}&{name}={value}"),
            (_, false) => format!("{page}?{name}={value}"),
        }
    }

    fn link(&self, id: &MessageId) -> String {
        page_of(id, &self.beside.query)
    }

    fn is_here(&self, row: &ListRow) -> bool {
        row.id == self.message.row.id
    }
}

/// How the message is shown.
#[derive(Debug, Clone, Default, Deserialize)]
pub(in crate::web) struct View {
    /// HTML, "text", "source" or "changes".
    #[serde(default)]
    view: String,
    /// "on" where somebody asked for remote images.
    #[serde(default)]
    images: String,
}

pub(in crate::web) async fn show(
    person: Person,
    state: web::Data<State>,
    id: web::Path<String>,
    view: web::Query<View>,
    list: web::Query<ListQuery>,
) -> Result<HttpResponse, PageError> {
    html(&review(&person, &state, MessageId::from(id.as_str()), view.into_inner(), list.into_inner()).await?)
}

/// The words can be edited in place, with the evidence beside them.
pub(in crate::web) async fn edit(
    person: Person,
    state: web::Data<State>,
    id: web::Path<String>,
    list: web::Query<ListQuery>,
) -> Result<HttpResponse, PageError> {
    let mut page = review(&person, &state, MessageId::from(id.as_str()), View::default(), list.into_inner()).await?;
    let now = &page.message.current;
    let words = Words { subject: now.subject.clone(), text: Some(now.text_body.clone()), html: now.html_body.clone() };
    page.editing = Some(Editing { words, problem: None });
    html(&page)
}

/// The form of an edit as it was given, with what is wrong with it.
pub(super) async fn edited_badly(
    person: &Person,
    state: &State,
    id: MessageId,
    list: ListQuery,
    words: Words,
    problem: String,
) -> DomainResult<ReviewPage> {
    let mut page = review(person, state, id, View::default(), list).await?;
    page.editing = Some(Editing { words, problem: Some(problem) });
    Ok(page)
}

async fn review(person: &Person, state: &State, id: MessageId, view: View, query: ListQuery) -> DomainResult<ReviewPage> {
    let (actor, now, shown) = (person.actor.clone(), clock::now(), query.clone());
    let zone = person.visit.zone();
    let (message, earlier, mailbox, evidence, claims, findings, (waiting, waits, history), around, beside, (ground_missing, approvals)) = state
        .quiet_write(move |conn| {
            let message = messages::get(conn, &actor, &id)?;
            let message = ledger::look_again(conn, message, now)?;
            let seen = messages::seen(conn, &actor, &id)?;
            messages::note_shown(conn, &actor, &[(id.clone(), message.row.version)], now)?;
            let earlier = earlier(conn, &message, seen)?;
            let mailbox = mailboxes::get(conn, &actor, &message.row.mailbox_id)?;
            let claims = ledger::of_message(conn, &actor, &id)?;
            let waiting = (outbox::waiting(conn, &id)?, outbox::waits(conn, &message.row, now)?, uncertain::history(conn, &actor, &id)?);
            let filter = shown.filter(&actor, now, true)?;
            let (previous, next) = list::neighbours(conn, &actor, &filter, &id)?;
            let rows = list::around(conn, &actor, &filter, &id, LIST_ROWS)?;
            let findings = findings::of_version(conn, &message.current)?;
            let mut around = desk::people(conn, &actor, &message, &zone, now)?;
            around.back = page_of(&id, &shown);
            around.after = next.as_ref().map_or_else(|| "/queue".to_owned(), |next| page_of(next, &shown));
            let beside = Beside { rows, query: shown, previous, next };
            let evidence = evidence(conn, &actor, &message, now)?;
            let ground_missing = decide::missing_ground(conn, &message.row, now)?;
            let approvals = ruled::approvals(conn, &message.row, now)?;
            Ok((message, earlier, mailbox, evidence, claims, findings, waiting, around, beside, (ground_missing, approvals)))
        })
        .await?;
    let content = Content::from(&message.current);
    Ok(ReviewPage {
        chrome: person.visit.chrome(message.current.subject.clone(), "queue"),
        changes: earlier.into_iter().map(|(title, before)| Changes::since(title, &before, &message.current)).collect(),
        own: message.row.is_by(&person.actor) && !person.visit.four_eyes_off,
        source: email::source(&content, message.row.id.as_str(), message.current.created_at),
        subject: marked(&message.current.subject, &claims, Part::Subject),
        text: marked(&message.current.text_body, &claims, Part::Text),
        claims,
        around,
        findings,
        remote: preview::offer(&inspect::remote_images(message.current.html_body.as_deref().unwrap_or_default())),
        ground_missing,
        message,
        mailbox,
        evidence,
        waiting,
        waits,
        history,
        view,
        beside,
        editing: None,
        approved_first: matches!(&approvals, Some(Some(first)) if first.user_id.as_str() == person.actor.id()),
        approvals,
        now,
    })
}

/// The versions to compare with: what was reviewed last, and the original.
fn earlier(conn: &mut crate::db::Conn, message: &Message, seen: Option<i32>) -> DomainResult<Vec<(String, VersionRow)>> {
    let current = message.row.version;
    let decided = message.decisions.iter().rev().find(|decision| decision.version < current);
    let mut versions: Vec<(String, i32)> = vec![];
    if let Some(seen) = seen.filter(|seen| *seen < current) {
        versions.push((format!("Since you last saw it (version {seen})"), seen));
    }
    if let Some(decision) = decided {
        versions.push((format!("Since {} {} version {}", decision.actor_name, decision.kind.past(), decision.version), decision.version));
    }
    if current > 1 {
        versions.push(("Since the original".to_owned(), 1));
    }
    let mut told: Vec<i32> = vec![];
    let mut all = vec![];
    for (title, version) in versions {
        let before = messages::version(conn, &message.row.id, version)?;
        if !told.contains(&version) && before.content_hash != message.row.content_hash {
            told.push(version);
            all.push((title, before));
        }
    }
    Ok(all)
}

fn evidence(conn: &mut crate::db::Conn, actor: &crate::domain::actor::Actor, message: &Message, now: Time) -> DomainResult<Evidence> {
    let contact = contacts::get(conn, actor, &message.row.contact_id)?;
    let variant = variants::of_message(conn, &message.row.id)?;
    let event = match &variant {
        Some(variant) => Some(churn::get(conn, actor, &variant.churn_event_id)?),
        None => churn::of_contact(conn, actor, &message.row.contact_id)?.into_iter().next(),
    };
    let answers = match &event {
        Some(event) => churn::answers::answers(conn, event, now)?,
        None => vec![],
    };
    Ok(Evidence {
        customer: contacts::customer(conn, &contact.row.id)?,
        thread: threads::of_contact(conn, actor, &contact.row.id)?,
        contact,
        event,
        answers,
        variant,
    })
}

/// The HTML part as it will arrive, in a frame that may do nothing.
pub(in crate::web) async fn frame(
    person: Person,
    state: web::Data<State>,
    id: web::Path<String>,
    view: web::Query<View>,
) -> Result<HttpResponse, PageError> {
    let id = MessageId::from(id.as_str());
    let (message, claims) =
        state.read(move |conn| Ok((messages::get(conn, &person.actor, &id)?, ledger::of_message(conn, &person.actor, &id)?))).await?;
    let mut content = Content::from(&message.current);
    content.html_body = content.html_body.map(|html| underlined(&html, &claims));
    Ok(framed(email::page(&content), view.images == "on"))
}

/// Mail is shown without scripts, forms or anything fetched from elsewhere; images only when somebody asks.
pub(in crate::web) fn framed(html: String, with_images: bool) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .insert_header((header::CONTENT_SECURITY_POLICY, preview::policy(with_images)))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .body(html)
}
