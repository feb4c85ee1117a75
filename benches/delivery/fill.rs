//! Approved messages, made fast: the rows that submission and approval write, with every trigger on.

use countersign::clock::{self, Time};
use countersign::db::statement::Statement;
use countersign::db::{self, Conn, Db};
use countersign::domain::accounts::users::{self, NewUser};
use countersign::domain::actor::Scope;
use countersign::domain::actor::{Actor, Role};
use countersign::domain::ids::{ContactId, DecisionId, MailboxId, MessageId, ThreadId, WarrantId};
use countersign::domain::keys::{self, NewKey};
use countersign::domain::mailboxes::{self, Mailbox, MailboxChange, Mode, NewMailbox, OnUncertain};
use countersign::domain::messages::{Content, Footer};
use countersign::domain::settings;

const OPERATOR: Actor = Actor::System("bench");
/// Messages of one transaction.
const AT_ONCE: usize = 1000;
/// Octets of a body: with headers and footer about 2 KiB, as in the yardstick.
const BODY: usize = 1100;

/// A database at this version with one mailbox for each name.
pub fn open(url: &str, names: &[&str], choice: OnUncertain) -> (Db, Vec<Mailbox>) {
    let db = Db::open(url, 4).unwrap();
    db::migrate::run(&db).unwrap();
    let mailboxes = db
        .write(|conn| {
            settings::set(conn, settings::BASE_URL, "https://desk.example.com")?;
            let mut made = vec![];
            for name in names {
                let new = NewMailbox {
                    address: format!("{name}@sender.example"),
                    name: "Sender".into(),
                    mode: Mode::GatedSend,
                    postal_address: "1 Main Street, Springfield".into(),
                    undo_seconds: 0,
                };
                let id = mailboxes::add(conn, &OPERATOR, &new, clock::now())?;
                let before = mailboxes::get(conn, &OPERATOR, &id)?;
                let change = MailboxChange { on_uncertain: choice, ..MailboxChange::from(&before) };
                mailboxes::change(conn, &OPERATOR, &id, &change, clock::now())?;
                made.push(mailboxes::get(conn, &OPERATOR, &id)?);
            }
            Ok::<_, countersign::domain::error::Error>(made)
        })
        .unwrap();
    (db, mailboxes)
}

/// Two keys: one that drafts, one that decides.
pub fn keys(db: &Db) -> (String, String) {
    db.write(|conn| {
        let new = NewUser { email: "ada@desk.example".into(), name: "Ada".into(), role: Role::Admin, password: None, mailboxes: vec![] };
        users::add(conn, &OPERATOR, &new, clock::now())?;
        let mut key = |scopes: &[Scope]| {
            let new = NewKey { calls_per_minute: keys::MOST_CALLS_PER_MINUTE, ..NewKey::named("bench", scopes) };
            keys::add(conn, &OPERATOR, &new, clock::now()).map(|(_, secret)| secret)
        };
        Ok::<_, countersign::domain::error::Error>((key(&[Scope::Read, Scope::Draft])?, key(&[Scope::Read, Scope::Oversight])?))
    })
    .unwrap()
}

/// Adds approved messages of one mailbox, due now.
pub fn approved(db: &Db, mailbox: &Mailbox, from: usize, count: usize) {
    let numbers: Vec<usize> = (from..from + count).collect();
    for some in numbers.chunks(AT_ONCE) {
        let made: Vec<Made> = some.iter().map(|n| Made::new(*n, mailbox)).collect();
        let now = clock::now();
        db.write(|conn| insert(conn, &mailbox.id, &made, now)).unwrap();
    }
    // Or the disk would still be busy with it when it is drained.
    rustix::fs::sync();
}

struct Made {
    message: MessageId,
    contact: ContactId,
    thread: ThreadId,
    decision: DecisionId,
    warrant: WarrantId,
    token: String,
    hash: String,
    content: Content,
    footer: String,
}

impl Made {
    fn new(n: usize, mailbox: &Mailbox) -> Made {
        let message = MessageId::new();
        let body: String = format!("Hello {n},\n\nwe changed what you asked for. ")
            .chars()
            .chain("It is there now, and it works. ".chars().cycle())
            .take(BODY)
            .collect();
        let token = countersign::domain::ids::sha256_hex(message.as_str().as_bytes());
        let content = Content {
            from_address: mailbox.address.clone(),
            from_name: mailbox.name.clone(),
            to_address: format!("person{n}@example.com"),
            to_name: Some(format!("Person {n}")),
            subject: format!("What you asked for, number {n}"),
            text_body: body,
            html_body: None,
            headers: vec![],
            footer: Footer {
                why: "You get this because you were a customer.".into(),
                sender: "Sender".into(),
                postal_address: mailbox.postal_address.clone(),
                unsubscribe_url: format!("https://desk.example.com/u/{token}"),
                ..Footer::default()
            },
        };
        let footer = serde_json::to_string(&content.footer).unwrap();
        Made {
            message,
            contact: ContactId::new(),
            thread: ThreadId::new(),
            decision: DecisionId::new(),
            warrant: WarrantId::new(),
            token,
            hash: content.hash(),
            content,
            footer,
        }
    }
}

fn run(conn: &mut Conn, before: &str, columns: &'static [&'static str], rows: Vec<Vec<&str>>) -> diesel::QueryResult<()> {
    let mut statement = Statement::kept();
    statement.push(before).push(" FROM ").rows(columns, &rows).push(" AS r");
    statement.run(conn).map(drop)
}

fn insert(conn: &mut Conn, mailbox: &MailboxId, made: &[Made], now: Time) -> diesel::QueryResult<()> {
    let at = now.micros();
    let ends = now.plus_days(30).micros();
    run(
        conn,
        &format!(
            "INSERT INTO contacts (id, email, email_key, name, metadata, created_at, updated_at) SELECT id, email, email, name, '{{}}', {at}, {at}"
        ),
        &["id", "email", "name"],
        made.iter().map(|m| vec![m.contact.as_str(), &m.content.to_address, m.content.to_name.as_deref().unwrap_or_default()]).collect(),
    )?;
    run(
        conn,
        &format!("INSERT INTO threads (id, mailbox_id, contact_id, subject, created_at) SELECT id, '{mailbox}', contact, subject, {at}"),
        &["id", "contact", "subject"],
        made.iter().map(|m| vec![m.thread.as_str(), m.contact.as_str(), &m.content.subject]).collect(),
    )?;
    run(
        conn,
        &format!(
            "INSERT INTO messages (id, mailbox_id, contact_id, thread_id, state, effective_mode, origin, author_kind, author_id, editor_kind, \
             editor_id, is_test, consent_basis, version, content_hash, submitted_at, created_at, updated_at) SELECT id, '{mailbox}', contact, thread, \
             'approved', 'gated_send', 'agent', 'key', 'bench', 'key', 'bench', FALSE, 'consent', 1, hash, {at}, {at}, {at}"
        ),
        &["id", "contact", "thread", "hash"],
        made.iter().map(|m| vec![m.message.as_str(), m.contact.as_str(), m.thread.as_str(), &m.hash]).collect(),
    )?;
    run(
        conn,
        &format!(
            "INSERT INTO message_versions (message_id, version, content_hash, from_address, from_name, to_address, to_name, subject, text_body, \
             headers, footer, editor_kind, editor_id, editor_name, created_at) SELECT id, 1, hash, sender, name, recipient, recipient_name, subject, \
             body, '[]', footer, 'key', 'bench', 'bench', {at}"
        ),
        &["id", "hash", "sender", "name", "recipient", "recipient_name", "subject", "body", "footer"],
        made.iter()
            .map(|m| {
                let c = &m.content;
                let to_name = c.to_name.as_deref().unwrap_or_default();
                vec![m.message.as_str(), &m.hash, &c.from_address, &c.from_name, &c.to_address, to_name, &c.subject, &c.text_body, &m.footer]
            })
            .collect(),
    )?;
    run(
        conn,
        &format!("INSERT INTO unsubscribe_links (token_hash, message_id, contact_id, created_at) SELECT token, id, contact, {at}"),
        &["token", "id", "contact"],
        made.iter().map(|m| vec![m.token.as_str(), m.message.as_str(), m.contact.as_str()]).collect(),
    )?;
    run(
        conn,
        &format!(
            "INSERT INTO decisions (id, message_id, version, content_hash, kind, actor_kind, actor_id, actor_name, created_at) \
             SELECT id, message, 1, hash, 'approve', 'user', 'bench', 'Ada', {at}"
        ),
        &["id", "message", "hash"],
        made.iter().map(|m| vec![m.decision.as_str(), m.message.as_str(), &m.hash]).collect(),
    )?;
    run(
        conn,
        &format!(
            "INSERT INTO warrants (id, message_id, version, content_hash, decision_id, cleared_by, policy_version, issued_at, expires_at) \
             SELECT id, message, 1, hash, decision, 'decision', 1, {at}, {ends}"
        ),
        &["id", "message", "hash", "decision"],
        made.iter().map(|m| vec![m.warrant.as_str(), m.message.as_str(), &m.hash, m.decision.as_str()]).collect(),
    )?;
    run(
        conn,
        &format!(
            "INSERT INTO outbox (message_id, warrant_id, mailbox_id, state, not_before, attempts, updated_at) \
             SELECT message, warrant, '{mailbox}', 'queued', {at}, 0, {at}"
        ),
        &["message", "warrant"],
        made.iter().map(|m| vec![m.message.as_str(), m.warrant.as_str()]).collect(),
    )
}
