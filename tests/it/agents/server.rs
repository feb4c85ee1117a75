//! The same calls made to the real server, by REST and by MCP: it must answer as the model does,
//! and its database and the bytes that left are looked through at the end.

use std::collections::HashMap;

use actix_http::Request;
use actix_web::body::MessageBody;
use actix_web::dev::{Service, ServiceResponse};
use actix_web::test;
use countersign::catcher::Caught;
use countersign::domain::accounts::users::{self, NewUser};
use countersign::domain::actor::{Actor, Role, Scope};
use countersign::domain::contacts::{self, ConsentBasis, ContactInput, suppressions};
use countersign::domain::email_address::EmailAddress;
use countersign::domain::error::{Error, Kind};
use countersign::domain::ids::{ContactId, MailboxId, MessageId};
use countersign::domain::keys::{self, NewKey};
use countersign::domain::mailboxes::{self, MailboxChange, Mode, NewMailbox};
use countersign::domain::messages::content::Words;
use countersign::domain::messages::decide::{Decide, decide};
use countersign::domain::messages::edit::edit;
use countersign::domain::messages::submit::{NewMessage, submit};
use countersign::domain::messages::{self, DecisionKind, Origin, State};
use countersign::domain::outbox::{self, WorkerId, verify::verify};
use countersign::domain::policy::consent::Class;
use serde_json::{Value, json};

use super::calls::{Call, Extra, Hash, Named, Target, Who, any_call, before_delivery};
use super::model::{CONTACTS, KEYS, Outcome, World};
use super::talk::{Answer, Talk};
use super::{Dice, how_many, seed, words};
use crate::support::{Desk, OPERATOR, address};

/// An id that nothing has.
pub const ABSENT: &str = "0198f2b0-dead-7000-8000-000000000000";
/// A word in every message of each mailbox, by which a leak is seen.
const MARKS: [&str; 5] = ["alder", "birch", "cedar", "dogwood", "hazel"];
/// Calls until there are new contacts.
const AGE: u64 = 400;

/// A key with these scopes, limited to the mailboxes of these modes.
pub fn key(desk: &Desk, scopes: &[Scope], modes: &[Mode]) -> (String, Actor) {
    desk.write(|conn| {
        let mailboxes = modes.iter().map(|mode| Ok(mailboxes::resolve(conn, &OPERATOR, Some(&address(*mode)))?.id));
        let mailboxes = mailboxes.collect::<countersign::domain::error::Result<Vec<MailboxId>>>()?;
        let new = NewKey { mailboxes, ..NewKey::named("agent", scopes) };
        let (_, secret) = keys::add(conn, &OPERATOR, &new, desk.now())?;
        let actor = keys::authenticate(conn, &secret, desk.now())?.unwrap().actor;
        Ok((secret, actor))
    })
    .unwrap()
}

struct Real<'a, S> {
    desk: &'a Desk,
    talk: Talk<S>,
    world: World,
    secrets: Vec<String>,
    messages: Vec<MessageId>,
    contacts: Vec<(ContactId, String)>,
    caught: Vec<Caught>,
    count: usize,
}

/// What the server said: the status word of a message, or the code of the refusal.
type Said = Result<Option<String>, String>;

fn said(answer: &Answer) -> Said {
    assert!(answer.status < 500, "{answer:?}");
    match answer.code() {
        Some(code) => Err(code.to_owned()),
        None => {
            assert!((200..300).contains(&answer.status), "{answer:?}");
            Ok(answer.json["status"].as_str().map(str::to_owned))
        }
    }
}

fn told<T>(result: Result<T, Error>) -> Said {
    result.map(|_| None).map_err(said_no)
}

fn said_no(error: Error) -> String {
    assert_ne!(error.kind, Kind::Internal, "{error}");
    error.code.to_owned()
}

impl<S, B> Real<'_, S>
where
    S: Service<Request, Response = ServiceResponse<B>, Error = actix_web::Error>,
    B: MessageBody,
{
    fn add_contacts(&mut self) {
        for _ in 0..CONTACTS {
            let email = format!("contact{}@bücher.example", self.contacts.len());
            let input = ContactInput { email: email.clone(), ..ContactInput::default() };
            let contact = self.desk.write(|conn| contacts::upsert(conn, &OPERATOR, &input, self.desk.now())).unwrap();
            self.contacts.push((contact.row.id, email));
        }
        self.world.suppressed.resize(self.contacts.len(), false);
    }

    /// The same address, written in other ways.
    fn spelled(&self, contact: usize, spelling: usize) -> String {
        let email = &self.contacts[contact].1;
        match spelling {
            0 => email.clone(),
            1 => email.to_uppercase(),
            2 => email.replace("bücher", "xn--bcher-kva"),
            _ => format!(" {} ", email.replace("bücher", "BU\u{308}CHER")),
        }
    }

    fn id(&self, target: Target) -> String {
        match target {
            Target::Known(at) => self.messages[at].to_string(),
            Target::Nowhere => ABSENT.to_owned(),
        }
    }

    /// The hash to be given, of the content as it is before the call.
    fn hash(&self, target: Target, hash: Hash) -> Option<String> {
        let at = match target {
            Target::Known(at) => &self.messages[at],
            Target::Nowhere => return (hash != Hash::None).then(|| "0".repeat(64)),
        };
        let row = self.desk.message(at.as_str()).row;
        match hash {
            Hash::None => None,
            Hash::Current => Some(row.content_hash),
            Hash::Before if row.version == 1 => Some(row.content_hash),
            Hash::Before => Some(self.desk.read(|conn| messages::version(conn, at, row.version - 1)).content_hash),
            Hash::Wrong => Some("0".repeat(64)),
        }
    }

    /// Text that nobody else has written, with the mark of the mailbox.
    fn text(&mut self, mailbox: Option<usize>) -> String {
        self.count += 1;
        format!("{} {}", words(self.count), mailbox.map_or("nowhere", |at| MARKS[at]))
    }

    /// Makes the call. `mailbox` is where the model says it takes place.
    async fn make(&mut self, call: &Call, mailbox: Option<usize>, by_mcp: bool, dice: &mut Dice) -> Said {
        match call {
            Call::Deliver => {
                self.desk.drain().await;
                self.caught.extend(self.desk.catcher.messages());
                self.desk.catcher.clear();
                Ok(None)
            }
            Call::Unsubscribe { message } => {
                let footer = self.desk.message(self.messages[*message].as_str()).current.footer.into_inner();
                let path = footer.unsubscribe_url.strip_prefix("https://desk.example.com").unwrap().to_owned();
                let answer = self.talk.send(test::TestRequest::post().uri(&path)).await;
                assert_eq!(answer.status, 200);
                Ok(None)
            }
            _ => match call.who().unwrap() {
                Who::Person(at) => self.by_person(call, &self.world.people[at].clone(), mailbox),
                Who::Key(at) if is_of_domain(call) => self.settings(call, &self.world.keys[at].clone()),
                Who::Key(at) => {
                    let secret = self.secrets[at].clone();
                    let answer = if by_mcp { self.by_mcp(call, &secret, mailbox).await } else { self.by_rest(call, &secret, mailbox, dice).await };
                    self.check_for_leaks(Who::Key(at), &answer, &format!("{call:?}"));
                    if matches!(call, Call::Pending { .. }) && answer.code().is_none() {
                        self.note_listed(Who::Key(at), &answer);
                    }
                    if let (Call::Send { .. }, Some(id)) = (call, answer.json["id"].as_str()) {
                        self.messages.push(MessageId::from(id));
                    }
                    said(&answer)
                }
            },
        }
    }

    async fn by_rest(&mut self, call: &Call, key: &str, mailbox: Option<usize>, dice: &mut Dice) -> Answer {
        let (method, path, body) = match call {
            Call::Send { mailbox: Some(Named::Known(at)), .. } if dice.percent(30) => {
                let mut body = self.letter(call, mailbox);
                body.as_object_mut().unwrap().remove("mailbox");
                ("POST", format!("/v1/mailboxes/{}/send", self.world.mailboxes[*at].id), body)
            }
            Call::Send { .. } => ("POST", "/v1/send".to_owned(), self.letter(call, mailbox)),
            Call::Edit { message, hash, .. } => {
                let text = self.text(mailbox);
                (
                    "PATCH",
                    format!("/v1/emails/{}", self.id(*message)),
                    json!({"subject": text, "body": text, "content_hash": self.hash(*message, *hash)}),
                )
            }
            Call::Cancel { message, .. } => ("POST", format!("/v1/emails/{}/cancel", self.id(*message)), Value::Null),
            Call::Decide { message, .. } => {
                let mut body = self.decision(call);
                if dice.percent(50) {
                    ("POST", "/v1/oversight/decide".to_owned(), body)
                } else {
                    body.as_object_mut().unwrap().remove("message_id");
                    ("POST", format!("/v1/emails/{}/decide", self.id(*message)), body)
                }
            }
            Call::Waive { message, .. } => ("POST", format!("/v1/emails/{}/claims/none/waiver", self.id(*message)), json!({"reason": "it is so"})),
            Call::Show { message, .. } => ("GET", format!("/v1/emails/{}", self.id(*message)), Value::Null),
            Call::Pending { .. } => ("GET", "/v1/oversight/pending?limit=100&sort=newest".to_owned(), Value::Null),
            Call::TagMessage { message, .. } => ("POST", format!("/v1/emails/{}/tags", self.id(*message)), json!({"tags": ["seen"]})),
            Call::TagContact { contact, unsubscribed, .. } => {
                ("POST", format!("/v1/contacts/{}/tags", self.contacts[*contact].0), tags(*unsubscribed))
            }
            Call::Untag { contact, unsubscribed, .. } => {
                let tag = if *unsubscribed { "unsubscribed" } else { "plain" };
                ("DELETE", format!("/v1/contacts/{}/tags/{tag}", self.contacts[*contact].0), Value::Null)
            }
            Call::PutContact { .. } | Call::LiftSuppression { .. } => ("POST", "/v1/contacts".to_owned(), self.contact(call)),
            _ => unreachable!("{call:?}"),
        };
        self.talk.rest(key, method, &path, &body).await
    }

    async fn by_mcp(&mut self, call: &Call, key: &str, mailbox: Option<usize>) -> Answer {
        let (tool, arguments) = match call {
            Call::Send { .. } => ("send_email", self.letter(call, mailbox)),
            Call::Edit { message, hash, .. } => {
                let text = self.text(mailbox);
                ("edit_email", json!({"message_id": self.id(*message), "subject": text, "body": text, "content_hash": self.hash(*message, *hash)}))
            }
            Call::Cancel { message, .. } => ("cancel_email", json!({"message_id": self.id(*message)})),
            Call::Decide { .. } => ("decide_email", self.decision(call)),
            Call::Show { message, .. } => ("read_email", json!({"message_id": self.id(*message)})),
            Call::Pending { .. } => ("list_pending", json!({"limit": 100, "sort": "newest"})),
            Call::TagMessage { message, .. } => ("tag_email", json!({"message_id": self.id(*message), "tags": ["seen"]})),
            Call::TagContact { contact, unsubscribed, .. } => {
                ("tag_email", json!({"contact_id": self.contacts[*contact].0, "tags": tags(*unsubscribed)["tags"]}))
            }
            Call::PutContact { .. } | Call::LiftSuppression { .. } => ("add_contact", self.contact(call)),
            _ => unreachable!("{call:?}"),
        };
        self.talk.mcp(key, tool, &arguments).await
    }

    fn letter(&mut self, call: &Call, at: Option<usize>) -> Value {
        let Call::Send { mailbox, to, spelling, mode, basis, campaign, extra, .. } = call else { unreachable!() };
        let text = self.text(at);
        let mut body = json!({"to": self.spelled(*to, *spelling), "subject": text, "body": text});
        match mailbox {
            Some(Named::Known(at)) => body["mailbox"] = json!(self.world.mailboxes[*at].id),
            Some(Named::Nowhere) => body["mailbox"] = json!(ABSENT),
            None => {}
        }
        if let Some(mode) = mode {
            body["oversight_mode"] = json!(mode);
        }
        if *basis {
            body["consent_basis"] = json!("consent");
        }
        if let Some(campaign) = campaign {
            body["campaign"] = json!(format!("campaign {campaign}"));
        }
        match extra {
            Extra::Nothing => {}
            Extra::Field(name) => body[*name] = json!("evil@evil.example"),
            Extra::Header(name) => body["headers"] = json!({*name: "evil@evil.example"}),
            Extra::HeaderBreak => body["headers"] = json!({"X-Fine": "a\r\nBcc: evil@evil.example"}),
            Extra::SubjectBreak => body["subject"] = json!("hello\r\nBcc: evil@evil.example"),
            Extra::ToBreak => body["to"] = json!("a@example.com\r\nBcc: evil@evil.example"),
            Extra::From => body["from"] = json!("evil@evil.example"),
            Extra::Allowed => body["headers"] = json!({"X-Fine": "reply-to evil@evil.example"}),
        }
        body
    }

    fn decision(&self, call: &Call) -> Value {
        let Call::Decide { message, kind, hash, reason, .. } = call else { unreachable!() };
        let mut body = json!({"message_id": self.id(*message), "decision": kind, "content_hash": self.hash(*message, *hash)});
        if *reason {
            body["reason"] = json!("because");
        }
        body
    }

    fn contact(&self, call: &Call) -> Value {
        match call {
            Call::PutContact { contact, unsubscribed, .. } => {
                let mut body = tags(*unsubscribed);
                body["email"] = json!(self.contacts[*contact].1);
                body["metadata"] = json!({"suppressed": false, "unsubscribed": false});
                body
            }
            Call::LiftSuppression { contact, .. } => json!({"email": self.contacts[*contact].1, "suppressed": false}),
            _ => unreachable!("{call:?}"),
        }
    }

    fn by_person(&mut self, call: &Call, actor: &Actor, mailbox: Option<usize>) -> Said {
        let (desk, now) = (self.desk, self.desk.now());
        let state = |result: Result<messages::Message, Error>| result.map(|message| Some(message.row.state.as_str().to_owned())).map_err(said_no);
        match call {
            Call::Send { mailbox: named, to, spelling, mode, basis, campaign, .. } => {
                let text = self.text(mailbox);
                let new = NewMessage {
                    mailbox: named.map(|named| match named {
                        Named::Known(at) => self.world.mailboxes[at].id.to_string(),
                        Named::Nowhere => ABSENT.to_owned(),
                    }),
                    to: self.spelled(*to, *spelling),
                    to_name: None,
                    words: Words { subject: text.clone(), text: Some(text), html: None },
                    tags: vec![],
                    headers: vec![],
                    mode: *mode,
                    send_at: None,
                    consent_basis: basis.then_some(ConsentBasis::Consent),
                    class: Class::Commercial,
                    campaign: campaign.map(|campaign| format!("campaign {campaign}")),
                    topic: None,
                    facts: vec![],
                    origin: Origin::Person,
                };
                let sent = desk.write(|conn| submit(conn, actor, &new, now));
                self.messages.extend(sent.iter().map(|message| message.row.id.clone()));
                state(sent)
            }
            Call::Edit { message, hash, .. } => {
                let text = self.text(mailbox);
                let (id, hash) = (MessageId::from(self.id(*message).as_str()), self.hash(*message, *hash));
                let words = Words { subject: text.clone(), text: Some(text), html: None };
                state(desk.write(|conn| edit(conn, actor, &id, &words, hash.as_deref(), now)))
            }
            Call::Cancel { message, .. } => {
                let id = MessageId::from(self.id(*message).as_str());
                state(desk.write(|conn| messages::cancel::cancel(conn, actor, &id, now)))
            }
            Call::Decide { message, kind, hash, reason, .. } => {
                let (id, hash) = (MessageId::from(self.id(*message).as_str()), self.hash(*message, *hash));
                let decision = Decide { reason: reason.then_some("because"), content_hash: hash.as_deref(), ..Decide::on(&id, *kind) };
                state(desk.write(|conn| decide(conn, actor, &decision, now)))
            }
            _ => self.settings(call, actor),
        }
    }

    /// What no call of REST or MCP does, asked of the domain.
    fn settings(&self, call: &Call, actor: &Actor) -> Said {
        let (desk, now) = (self.desk, self.desk.now());
        let mailbox = |at: &usize| self.world.mailboxes[*at].id.clone();
        match call {
            Call::SetMode { mailbox: at, mode, .. } => told(desk.write(|conn| mailboxes::set_mode(conn, actor, &mailbox(at), *mode, now))),
            Call::ChangeMailbox { mailbox: at, person_required, bulk, .. } => told(desk.write(|conn| {
                let before = mailboxes::get(conn, &OPERATOR, &mailbox(at))?;
                let change = MailboxChange { person_required: *person_required, bulk_in_gated_all: *bulk, ..MailboxChange::from(&before) };
                mailboxes::change(conn, actor, &before.id, &change, now)
            })),
            Call::SetStopped { mailbox: at, stopped, .. } => told(desk.write(|conn| match stopped {
                true => mailboxes::stops::stop(conn, actor, Some(&mailbox(at)), "odd", now),
                false => mailboxes::stops::resume(conn, actor, Some(&mailbox(at)), now),
            })),
            Call::MakeKey { .. } => {
                let new = NewKey::named("mine", &[Scope::Oversight]);
                told(desk.write(|conn| keys::add(conn, actor, &new, now)))
            }
            Call::MakeUser { .. } => {
                let new = NewUser { email: "me@evil.example".into(), name: "Me".into(), role: Role::Admin, password: None, mailboxes: vec![] };
                told(desk.write(|conn| users::add(conn, actor, &new, now)))
            }
            Call::MakeLooseMailbox { .. } => {
                let new = NewMailbox {
                    address: "me@evil.example".into(),
                    name: "Me".into(),
                    mode: Mode::Autonomous,
                    postal_address: "1 Main Street".into(),
                    undo_seconds: 0,
                };
                told(desk.write(|conn| mailboxes::add(conn, actor, &new, now)))
            }
            _ => unreachable!("{call:?}"),
        }
    }

    /// Notes what a list showed, and that it showed nothing else.
    fn note_listed(&mut self, who: Who, answer: &Answer) {
        for shown in answer.json["messages"].as_array().unwrap() {
            let id = MessageId::from(shown["id"].as_str().unwrap());
            let at = self.messages.iter().position(|known| *known == id).unwrap();
            assert!(self.world.reaches(who, self.world.messages[at].mailbox), "{who:?} was shown a message of another mailbox");
            assert_eq!(self.world.messages[at].state, State::Pending);
            self.world.saw(who, at);
        }
    }

    /// No answer may hold words or addresses of a mailbox out of reach.
    fn check_for_leaks(&self, who: Who, answer: &Answer, about: &str) {
        for (at, mark) in MARKS.iter().enumerate().filter(|(at, _)| !self.world.reaches(who, *at)) {
            assert!(!answer.text.contains(mark), "{who:?} read words of another mailbox by {about}: {}", answer.text);
            let address = address(Mode::ALL[at]);
            assert!(!answer.text.contains(&address), "{who:?} learnt of {address} by {about}: {}", answer.text);
        }
    }

    /// Looks at everything a key can list.
    async fn look_around(&mut self, at: usize) {
        let key = self.secrets[at].clone();
        for path in [
            "/v1/emails?mine=false&limit=100",
            "/v1/mailboxes",
            "/v1/contacts/search?limit=100",
            "/v1/facts",
            "/v1/webhooks",
            "/v1/reports/vigilance",
            "/v1/reports/demand",
            "/api/v1/churn-events",
        ] {
            let answer = self.talk.rest(&key, "GET", path, &Value::Null).await;
            assert!(answer.status < 500, "{path}: {answer:?}");
            self.check_for_leaks(Who::Key(at), &answer, path);
        }
        let answer = self.talk.mcp(&key, "list_emails", &json!({"mine": false, "limit": 100})).await;
        self.check_for_leaks(Who::Key(at), &answer, "list_emails");
    }

    /// The database and the bytes that left, against the model.
    fn check_end(&self) {
        let desk = self.desk;
        let report = desk.read(verify);
        assert!(report.exceptions.is_empty(), "{:?}", report.exceptions);
        assert_eq!(report.sent, report.warranted);
        let mut of_subject = HashMap::new();
        let mut sent = 0;
        for (at, id) in self.messages.iter().enumerate() {
            let (is, said) = (desk.message(id.as_str()), &self.world.messages[at]);
            assert_eq!((is.row.state, is.row.version), (said.state, said.version), "{id}");
            self.world.check_message(at);
            let subject = is.current.subject.clone();
            if is.row.state == State::Sent {
                sent += 1;
                let suppressed = desk.read(|conn| suppressions::of(conn, EmailAddress::parse("to", &is.current.to_address)?.key()));
                assert!(suppressed.is_none_or(|suppressed| suppressed.created_at >= is.row.sent_at.unwrap()), "{id} went to somebody suppressed");
                let approved = is.decisions.iter().rfind(|d| d.kind == DecisionKind::Approve && d.version == is.row.version);
                match approved {
                    Some(decision) => {
                        assert_eq!(decision.content_hash, is.row.content_hash);
                        let by = (&decision.actor_kind, &decision.actor_id);
                        assert!(by != (&is.row.author_kind, &is.row.author_id) && by != (&is.row.editor_kind, &is.row.editor_id), "{id}");
                    }
                    None => assert!(is.row.effective_mode >= Mode::GatedSend, "{id} left without a decision"),
                }
                assert!(of_subject.insert(subject, is).is_none());
            }
        }
        assert_eq!(report.sent, sent, "every message that left is one of the calls'");
        assert_eq!(self.caught.len() as u64, sent, "each left once");
        for caught in &self.caught {
            let message = of_subject.remove(&caught.subject).unwrap_or_else(|| panic!("nothing like this was sent: {}", caught.subject));
            check_bytes(caught, &message);
        }
        for (at, said) in self.world.mailboxes.iter().enumerate() {
            let is = desk.mailbox(Mode::ALL[at]);
            assert_eq!(
                (is.mode, is.person_required, is.bulk_in_gated_all, is.stopped_at.is_some()),
                (said.mode, said.person_required, said.bulk, said.stopped)
            );
        }
        for (at, (id, email)) in self.contacts.iter().enumerate() {
            let contact = desk.read(|conn| contacts::get(conn, &OPERATOR, id));
            assert_eq!(contact.suppressed.is_some(), self.world.suppressed[at], "{email}");
        }
        let (keys, users, boxes) =
            desk.read(|conn| Ok((keys::list(conn, &OPERATOR)?.len(), users::list(conn, &OPERATOR)?.len(), mailboxes::list(conn, &OPERATOR)?.len())));
        assert_eq!((keys, users, boxes), (KEYS.len() + 2, 4, 5), "no key made keys, people or mailboxes");
        println!("{} messages, {sent} sent, {} suppressed", self.messages.len(), self.world.suppressed.iter().filter(|is| **is).count());
    }
}

/// What left is from the mailbox, to the one recipient, and names no other address.
fn check_bytes(caught: &Caught, message: &messages::Message) {
    let raw = String::from_utf8_lossy(&caught.raw).replace("\r\n ", " ").replace("\r\n\t", " ");
    let head = raw.split("\r\n\r\n").next().unwrap().to_ascii_lowercase();
    let all = |name: &str| -> Vec<&str> { head.lines().filter_map(|line| line.strip_prefix(&format!("{name}:"))).collect() };
    assert_eq!(all("from").len(), 1, "{head}");
    assert!(all("from")[0].contains(&format!("<{}>", message.current.from_address)), "{head}");
    assert!(message.current.from_address.ends_with("@sender.example"));
    assert_eq!(all("to").len(), 1, "{head}");
    for name in ["reply-to", "sender", "bcc", "cc", "return-path", "resent-to", "errors-to", "disposition-notification-to"] {
        assert!(all(name).is_empty(), "{head}");
    }
    assert_eq!(caught.to.len(), 1);
    assert!(!caught.to[0].contains("evil") && !all("to")[0].contains("evil") && caught.from.ends_with("@sender.example"), "{caught:?}");
}

fn tags(unsubscribed: bool) -> Value {
    json!({"tags": if unsubscribed { ["plain", "unsubscribed"] } else { ["plain", "other"] }})
}

/// Calls that neither REST nor MCP offers.
fn is_of_domain(call: &Call) -> bool {
    use Call::{ChangeMailbox, MakeKey, MakeLooseMailbox, MakeUser, SetMode, SetStopped};
    matches!(call, SetMode { .. } | ChangeMailbox { .. } | SetStopped { .. } | MakeKey { .. } | MakeUser { .. } | MakeLooseMailbox { .. })
}

/// Whether there is a tool for this call.
fn has_tool(call: &Call) -> bool {
    !matches!(call, Call::Waive { .. } | Call::Untag { .. })
}

#[actix_web::test]
async fn the_server_answers_random_calls_as_the_model_does() {
    let (calls, mut dice) = (how_many(1_500), Dice::new(seed()));
    let desk = Desk::new().await;
    let made: Vec<(String, Actor)> = KEYS.iter().map(|(scopes, modes)| key(&desk, scopes, modes)).collect();
    let (secrets, keys) = made.into_iter().unzip();
    let people = ["Ada", "Max", "Rita", "Rob"].iter().map(|name| desk.person(name)).collect();
    let mailboxes = Mode::ALL.iter().map(|mode| (desk.mailbox(*mode).id, *mode)).collect();
    // What takes a mailbox back by itself has tests of its own.
    crate::support::sql(&desk, "UPDATE mailboxes SET tripwire = 0");
    let mut world = World::new(mailboxes, keys, people);
    world.suppressed.clear();
    let talk = Talk(desk.app().await);
    let mut real = Real { desk: &desk, talk, world, secrets, messages: vec![], contacts: vec![], caught: vec![], count: 0 };
    for step in 0..calls {
        if step % AGE == 0 {
            real.add_contacts();
        }
        let call = any_call(&mut dice, &real.world);
        let by_mcp = dice.percent(40) && has_tool(&call);
        let mut after = real.world.clone();
        let must = after.make(&call);
        after.check_step(&real.world, &call, &must);
        let mailbox = match (&call, call.message()) {
            (Call::Send { .. }, _) if matches!(must, Outcome::Done(_)) => after.messages.last().map(|message| message.mailbox),
            (_, Some(Target::Known(at))) => Some(after.messages[at].mailbox),
            _ => None,
        };
        // The hashes and the addresses of a call are those from before it.
        let is = real.make(&call, mailbox, by_mcp, &mut dice).await;
        let agrees = match (&must, &is) {
            (Outcome::Done(state), Ok(word)) => state.is_none_or(|state| word.as_deref().is_none_or(|word| word == state.as_str())),
            (Outcome::Refused(codes), Err(code)) => codes.contains(&code.as_str()),
            _ => false,
        };
        let about = call.who().map(|who| real.world.actor(who).clone());
        assert!(agrees, "call {step}, {} by {about:?}: {call:?}\nmust be {must:?}\nis {is:?}", if by_mcp { "MCP" } else { "REST" });
        for (at, message) in real.world.messages.iter().enumerate() {
            after.messages[at].seen.clone_from(&message.seen);
        }
        if let (Call::Show { who, message: Target::Known(at) }, Outcome::Done(_)) = (&call, &must) {
            after.saw(*who, *at);
        }
        real.world = after;
        if step % 40 == 0 {
            real.look_around(dice.below(KEYS.len())).await;
        }
    }
    while let Some(call) = before_delivery(&real.world) {
        real.world.make(&call);
        real.make(&call, None, false, &mut dice).await.unwrap();
    }
    real.world.make(&Call::Deliver);
    real.make(&Call::Deliver, None, false, &mut dice).await.unwrap();
    real.check_end();
}

#[actix_web::test]
async fn what_was_approved_stays_when_its_mailbox_becomes_read_only() {
    let desk = Desk::new().await;
    let (first, second) = (desk.pending("a@example.com", json!({})).await, desk.pending("b@example.com", json!({})).await);
    desk.decide("Rita", &first, DecisionKind::Approve).unwrap();
    let mailbox = desk.mailbox(Mode::GatedSend).id;
    let set = |mode| desk.write(|conn| mailboxes::set_mode(conn, &OPERATOR, &mailbox, mode, desk.now())).unwrap();
    let claim = || desk.write(|conn| outbox::claim(conn, &WorkerId::new(), 10, desk.now())).unwrap();
    set(Mode::ReadOnly);
    assert_eq!(desk.decide("Rita", &second, DecisionKind::Approve).unwrap_err().code, "mailbox_read_only");
    assert!(claim().is_empty());
    set(Mode::GatedSend);
    let mut claimed = claim();
    let claimed = claimed.pop().unwrap();
    // It becomes so while the message is being handed over.
    set(Mode::ReadOnly);
    assert!(matches!(desk.write(|conn| outbox::reach_dot(conn, claimed, desk.now())).unwrap(), outbox::Dot::Stop));
    assert_eq!(desk.message(first.row.id.as_str()).row.state, State::Queued);
    set(Mode::GatedSend);
    let later = desk.now().plus_seconds(60);
    assert_eq!(desk.write(|conn| outbox::claim(conn, &WorkerId::new(), 10, later)).unwrap().len(), 1, "it waits, and is not lost");
}
