//! The demo: sample data, everything on this machine, nothing leaves it.

use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use rust_embed_for_web::{EmbedableFile, RustEmbed};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use tokio::sync::Notify;

use super::{Failed, demo_past, demo_programs, serve};
use crate::api::limits::Limits;
use crate::app::State;
use crate::beside;
use crate::call_log::CallLog;
use crate::catcher::Catcher;
use crate::clock::{self, Time};
use crate::config;
use crate::db::{self, Conn, Db};
use crate::dialer::Dialer;
use crate::doctor::Setup;
use crate::domain::accounts::users::{self, NewUser};
use crate::domain::actor::{Actor, Role, Scope};
use crate::domain::churn::intake::{NewChurnEvent, Taken, take};
use crate::domain::churn::variants::{self, Choice};
use crate::domain::contacts::{self, ConsentBasis, ContactInput, UsageFigure, suppressions};
use crate::domain::drafting::Playbook;
use crate::domain::error::{Error, Result};
use crate::domain::facts::{self, Body, CompanyFact, CustomerStory, Offer, PlanPrice, ProductUpdate};
use crate::domain::ids::{ContactId, MailboxId};
use crate::domain::keys::{self, NewKey};
use crate::domain::mailboxes::{self, Mode, NewMailbox};
use crate::domain::money::Money;
use crate::domain::policy::rules::{self, Rules};
use crate::domain::preferences::topics;
use crate::domain::reason::Reason;
use crate::domain::settings;
use crate::domain::threads::{self, Exchange};
use crate::email::Transport;
use crate::email::dkim::KeyRing;
use crate::feed::Feed;
use crate::senders::Senders;
use crate::worker::Relays;

/// How long the demo's undo window is, in seconds: long enough to see, short enough to wait for.
const UNDO_SECONDS: i32 = 5;
/// Drafts that wait in the queue when the demo starts.
const QUEUED: usize = 14;

pub(super) const SETUP: Actor = Actor::System("demo");

#[derive(RustEmbed)]
#[folder = "samples/demo/"]
struct Samples;

#[derive(Deserialize)]
struct SampleMailbox {
    address: String,
    name: String,
    mode: Mode,
    postal_address: String,
}

#[derive(Deserialize)]
struct SampleMail {
    days_before_leaving: i64,
    from: String,
    subject: String,
    body: String,
}

#[derive(Deserialize)]
struct SampleCustomer {
    email: String,
    name: Option<String>,
    company: Option<String>,
    plan: Option<String>,
    mrr_minor: Option<i64>,
    currency: Option<String>,
    tenure_days: Option<i64>,
    time_zone: Option<String>,
    tags: Vec<String>,
    features_used: Vec<String>,
    usage: Vec<UsageFigure>,
    last_active_days_before_leaving: Option<i64>,
    left_days_ago: i64,
    cancel_reason: Option<String>,
    cancel_reason_text: Option<String>,
    event_type: String,
    provider: String,
    thread: Vec<SampleMail>,
}

#[derive(Deserialize)]
struct SampleContact {
    email: String,
    name: Option<String>,
    tags: Vec<String>,
    metadata: Map<String, Value>,
    time_zone: Option<String>,
}

#[derive(Deserialize)]
struct SampleUpdate {
    title: String,
    summary: String,
    features: Vec<String>,
    keywords: Vec<String>,
    shipped_days_ago: i64,
    url: Option<String>,
}

#[derive(Deserialize)]
struct SampleOffer {
    name: String,
    code: String,
    percent: u8,
    months: Option<u8>,
    expires_in_days: Option<i64>,
    eligible_reasons: Vec<Reason>,
}

#[derive(Deserialize)]
struct SamplePlan {
    name: String,
    price_minor: i64,
    #[serde(default)]
    currency: Option<String>,
    features: Vec<String>,
}

#[derive(Deserialize)]
struct SampleStory {
    who: String,
    quote: String,
    outcome: Option<String>,
    plan: Option<String>,
    reason: Option<Reason>,
}

#[derive(Deserialize)]
struct SampleFacts {
    company: Map<String, Value>,
    stories: Vec<SampleStory>,
}

/// A sample file as it is.
pub(super) fn bytes(name: &str) -> Result<Vec<u8>> {
    let file = Samples::get(name).ok_or_else(|| Error::internal(format!("sample {name} is missing")))?;
    Ok(file.data().to_vec())
}

fn sample<T: DeserializeOwned>(name: &str) -> Result<T> {
    serde_json::from_slice(&bytes(name)?).map_err(|error| Error::internal(format!("sample {name}: {error}")))
}

/// A contact with the tags that say how far a migration is, in their order; they do not have them yet.
pub(super) struct Member {
    pub(super) id: ContactId,
    pub(super) progress: Vec<String>,
}

/// Customers of the sample contacts for so many days.
const KNOWN_DAYS: i64 = 120;

pub(super) const REVIEWER: &str = "reviewer@harbourline.test";

/// Made-up people with their passwords, which are printed on start.
const PEOPLE: [(&str, &str, Role); 3] = [
    ("admin@harbourline.test", "Ada Admin", Role::Admin),
    ("manager@harbourline.test", "Max Manager", Role::Manager),
    (REVIEWER, "Rita Reviewer", Role::Reviewer),
];

/// What the demo printed of itself.
struct Filled {
    mailboxes: Vec<Value>,
    keys: Value,
}

pub(super) fn run(listen: &str, as_json: bool, file: &Path) -> std::result::Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let db = Db::open(&format!("sqlite://{}", folder.path().join("demo.db").display()), 8)?;
    db::migrate::run(&db)?;
    let db = beside::unlock(db, folder.path(), None)?;
    actix_web::rt::System::new().block_on(async move {
        let listener = std::net::TcpListener::bind(listen)?;
        let base_url = address(listen, listener.local_addr()?);
        let catcher = Arc::new(Catcher::start("127.0.0.1:0").await?);
        let transport = Transport::parse(&format!("smtp://{}", catcher.addr())).map_err(|error| Failed::Other(error.to_string()))?;
        serve::note_settings(&db, &base_url, true)?;
        let provider = serve::provider(&db, config::provider_alone(file, &base_url)?)?;
        // Every run has its own password: the demo may listen where others reach it.
        let password = users_password();
        let filled = db.write(|conn| fill(conn, &password, clock::now()))?;
        let cookie_key = serve::cookie_key(&db)?;
        let state = State {
            db: db.clone(),
            base_url: base_url.clone(),
            email_configured: true,
            stripe_secret: None,
            drafter: Arc::new(Playbook),
            sounding: None,
            dialer: Arc::new(Dialer::new(config::allowed(&config::webhooks(file)?)?)),
            wake: Arc::new(Notify::new()),
            feed: Feed::default(),
            limits: Arc::new(Limits::generous()),
            calls: CallLog::start(db.clone())?,
            senders: Arc::new(Senders { keys: KeyRing::new(Some(folder.path().join("dkim"))), ..Senders::default() }),
            setup: Arc::new(Setup { relays: vec![(None, transport.clone())], directory: Some(folder.path().to_owned()), ..Setup::default() }),
            provider,
            catcher: Some(catcher),
        };
        announce(&base_url, &password, &filled, as_json)?;
        let ended = serve::run(state, cookie_key, listener, Some((Relays::from(transport), vec![]))).await;
        drop(folder);
        ended
    })
}

/// Where people reach it: by the name that it was told to listen at, if that was one.
fn address(listen: &str, bound: SocketAddr) -> String {
    match listen.rsplit_once(':').filter(|(host, _)| host.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') && !host.is_empty()) {
        Some((name, _)) => format!("http://{name}:{}", bound.port()),
        None => format!("http://{bound}"),
    }
}

fn users_password() -> String {
    crate::domain::ids::secret().chars().filter(char::is_ascii_alphanumeric).take(12).collect()
}

fn announce(base_url: &str, password: &str, filled: &Filled, as_json: bool) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    if as_json {
        let people: Vec<Value> = PEOPLE.iter().map(|(email, _, role)| json!({"email": email, "password": password, "role": role})).collect();
        let line = json!({"url": base_url, "users": people, "keys": filled.keys, "mailboxes": filled.mailboxes, "catcher": format!("{base_url}/catcher.json")});
        writeln!(out, "{line}")?;
    } else {
        writeln!(out, "\nCountersign demo, with made-up data in a temporary folder. Nothing leaves this machine.\n")?;
        writeln!(out, "  Open      {base_url}/queue")?;
        for (email, _, role) in PEOPLE {
            writeln!(out, "  Sign in   {email}  password {password}  ({role})")?;
        }
        writeln!(out, "  Mail      {base_url}/catcher")?;
        for (name, key) in [("Agent key    ", "agent"), ("Oversight key", "oversight")] {
            writeln!(out, "  {name} {}", filled.keys[key].as_str().unwrap_or_default())?;
        }
        writeln!(out, "\nStop with Ctrl-C.")?;
    }
    out.flush()
}

/// Fills a database with the sample data, as the demo does; the people get this password.
pub fn fill_samples(conn: &mut Conn, password: &str, now: Time) -> Result<()> {
    fill(conn, password, now).map(drop)
}

fn fill(conn: &mut Conn, password: &str, now: Time) -> Result<Filled> {
    let boxes = fill_mailboxes(conn, now)?;
    let ids: Vec<MailboxId> = boxes.iter().map(|mailbox| mailbox.id.clone()).collect();
    for (email, name, role) in PEOPLE {
        let new = NewUser { email: email.to_owned(), name: name.to_owned(), role, password: Some(password.to_owned()), mailboxes: ids.clone() };
        users::add(conn, &SETUP, &new, now)?;
    }
    let mut key = |name: &str, scopes: &[Scope]| keys::add(conn, &SETUP, &NewKey::named(name, scopes), now).map(|(_, secret)| secret);
    let agent = key("demo agent", &[Scope::Read, Scope::Draft, Scope::Contacts])?;
    let oversight = key("demo oversight", &[Scope::Read, Scope::OversightRead, Scope::Oversight])?;
    let reader = key("demo reader", &[Scope::Read])?;
    // Whoever tries it at night wants to see mail arrive.
    rules::set_rules(conn, &SETUP, &Rules { quiet_from: 0, quiet_until: 0, ..Rules::default() }, now)?;
    fill_facts(conn, now)?;
    let support = boxes.iter().find(|mailbox| mailbox.mode == Mode::GatedSend).or(boxes.first()).map(|mailbox| mailbox.id.clone());
    let support = support.ok_or_else(|| Error::internal("no sample mailbox"))?;
    settings::set(conn, settings::WINBACK_MAILBOX, support.as_str())?;
    let members = fill_contacts(conn, now.plus_days(-KNOWN_DAYS))?;
    demo_past::letters(conn, &boxes, now)?;
    fill_customers(conn, &support, now)?;
    demo_programs::fill(conn, &boxes, &members, now)?;
    let mailboxes = boxes.iter().map(|mailbox| json!({"id": mailbox.id, "address": mailbox.address, "mode": mailbox.mode})).collect();
    Ok(Filled { mailboxes, keys: json!({"agent": agent, "oversight": oversight, "reader": reader}) })
}

fn fill_mailboxes(conn: &mut Conn, now: Time) -> Result<Vec<mailboxes::Mailbox>> {
    for mailbox in sample::<Vec<SampleMailbox>>("mailboxes.json")? {
        let new = NewMailbox {
            address: mailbox.address,
            name: mailbox.name,
            mode: mailbox.mode,
            postal_address: mailbox.postal_address,
            undo_seconds: UNDO_SECONDS,
        };
        mailboxes::add(conn, &SETUP, &new, now)?;
    }
    fill_topics(conn, now)?;
    mailboxes::list(conn, &SETUP)
}

fn fill_topics(conn: &mut Conn, now: Time) -> Result<()> {
    for (name, description) in [("Product news", "What is new, once or twice a month"), ("Offers", "Prices and discounts, when there are some")] {
        let input = topics::Input { name: name.into(), description: description.into(), wanted: true, archived: false };
        topics::create(conn, &SETUP, &input, now)?;
    }
    Ok(())
}

fn fill_facts(conn: &mut Conn, now: Time) -> Result<()> {
    let day = |days: i64| now.plus_days(days).date();
    let add = |conn: &mut Conn, body: Body| facts::add(conn, &SETUP, body, Some("sample data"), now);
    for update in sample::<Vec<SampleUpdate>>("updates.json")? {
        let new = ProductUpdate {
            title: update.title,
            summary: update.summary,
            features: update.features,
            keywords: update.keywords,
            shipped_on: day(-update.shipped_days_ago),
            url: update.url,
        };
        add(conn, Body::ProductUpdate(new))?;
    }
    for offer in sample::<Vec<SampleOffer>>("offers.json")? {
        let new = Offer {
            name: offer.name,
            code: offer.code,
            percent: Some(offer.percent),
            months: offer.months,
            expires_on: offer.expires_in_days.map(day),
            eligible_reasons: offer.eligible_reasons,
            ..Offer::default()
        };
        add(conn, Body::Offer(new))?;
    }
    for plan in sample::<Vec<SamplePlan>>("plans.json")? {
        let price = Money { minor: plan.price_minor, currency: plan.currency.unwrap_or_else(|| "USD".to_owned()) };
        add(conn, Body::PlanPrice(PlanPrice { name: plan.name, price, features: plan.features }))?;
    }
    let facts: SampleFacts = sample("facts.json")?;
    for (name, value) in &facts.company {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        add(conn, Body::CompanyFact(CompanyFact { name: name.clone(), value }))?;
    }
    for story in facts.stories {
        let row = CustomerStory { who: story.who, quote: story.quote, outcome: story.outcome, plan: story.plan, reason: story.reason };
        add(conn, Body::CustomerStory(row))?;
    }
    Ok(())
}

/// The contacts, and those of them who have to migrate. How far they are follows, day by day.
fn fill_contacts(conn: &mut Conn, now: Time) -> Result<Vec<Member>> {
    let mut members = vec![];
    for contact in sample::<Vec<SampleContact>>("contacts.json")? {
        let (progress, tags): (Vec<String>, Vec<String>) = contact.tags.into_iter().partition(|tag| tag.starts_with("migration-"));
        let input = ContactInput { email: contact.email, name: contact.name, tags, metadata: contact.metadata, time_zone: contact.time_zone };
        let added = contacts::upsert(conn, &SETUP, &input, now)?;
        contacts::record_consent(conn, &SETUP, &added.row.id, ConsentBasis::SoftOptIn, "Customer, asked at sign-up", now)?;
        if !progress.is_empty() {
            members.push(Member { id: added.row.id, progress });
        }
    }
    Ok(members)
}

fn fill_customers(conn: &mut Conn, support: &MailboxId, now: Time) -> Result<()> {
    let agent = Actor::System("playbook");
    let mut queued = 0;
    // Every hour one of them is submitted, so that the queue has ages to show.
    let mut customers = sample::<Vec<SampleCustomer>>("customers.json")?;
    // The file groups them by reason; a queue never does.
    customers.sort_by_key(|customer| crate::domain::ids::sha256_hex(customer.email.as_bytes()));
    for (index, customer) in customers.into_iter().enumerate() {
        let left = now.plus_days(-customer.left_days_ago);
        let contact = record_thread(conn, support, &customer, left, now)?;
        let new = new_event(customer, left);
        let Taken::New(event) = take(conn, &SETUP, &new, "demo", now)? else { continue };
        if index % 9 != 8 {
            contacts::record_consent(conn, &SETUP, &contact, ConsentBasis::SoftOptIn, "Customer, asked at sign-up", now)?;
        }
        if index % 3 == 2 {
            continue;
        }
        let at = now.plus_seconds(-3600 * (QUEUED as i64 - queued as i64).max(0));
        let nine = variants::generate(conn, &agent, &event.id, at)?;
        let suppressed = match &event.customer_email {
            Some(email) => suppressions::of(conn, &email.to_lowercase())?.is_some(),
            None => true,
        };
        if let Some(best) = nine.iter().find(|variant| variant.recommended).filter(|_| !suppressed && queued < QUEUED) {
            let choice = Choice { mailbox: None, email_configured: true, mode: None };
            variants::choose(conn, &agent, &event.id, &best.id, choice, at)?;
            queued += 1;
        }
    }
    Ok(())
}

/// The customer's contact and what was said between them and support before they left.
fn record_thread(conn: &mut Conn, support: &MailboxId, customer: &SampleCustomer, left: Time, now: Time) -> Result<ContactId> {
    let input = ContactInput { email: customer.email.clone(), name: customer.name.clone(), ..ContactInput::default() };
    let contact = contacts::upsert(conn, &SETUP, &input, now)?.row.id;
    let history: Vec<Exchange> = customer
        .thread
        .iter()
        .enumerate()
        .map(|(n, mail)| Exchange {
            message_id: Some(format!("{n}.{}.{}", left.seconds(), customer.email)).filter(|_| mail.from == "customer"),
            from_customer: mail.from == "customer",
            subject: mail.subject.clone(),
            text: mail.body.clone(),
            at: left.plus_days(-mail.days_before_leaving),
        })
        .collect();
    if !history.is_empty() {
        threads::record_history(conn, &SETUP, support, &contact, &customer.email, &history, now)?;
    }
    Ok(contact)
}

fn new_event(customer: SampleCustomer, left: Time) -> NewChurnEvent {
    NewChurnEvent {
        customer_email: Some(customer.email),
        customer_name: customer.name,
        company: customer.company,
        provider: Some(customer.provider),
        plan_name: customer.plan,
        mrr_minor: customer.mrr_minor.filter(|minor| *minor > 0),
        currency: customer.currency,
        tenure_days: customer.tenure_days,
        cancel_reason: customer.cancel_reason,
        cancel_reason_text: customer.cancel_reason_text,
        event_type: Some(customer.event_type),
        last_active_at: customer.last_active_days_before_leaving.map(|days| left.plus_days(-days)),
        churned_at: Some(left),
        features: customer.features_used,
        usage: customer.usage,
        time_zone: customer.time_zone,
        tags: customer.tags,
        ..NewChurnEvent::default()
    }
}
