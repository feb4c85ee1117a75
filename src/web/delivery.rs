//! How a mailbox sends and is received.

use actix_session::Session;
use actix_web::{HttpResponse, web};
use askama::Template;

use super::errors::PageError;
use super::form::Form;
use super::page::{Chrome, Person, flash, html, html_with, see_other};
use crate::app::State;
use crate::clock::{self, Time};
use crate::domain::error::Result;
use crate::domain::ids::MailboxId;
use crate::domain::mailboxes;
use crate::domain::reputation::page::{self, Delivery};
use crate::domain::reputation::{self, Health, Limits, plan};
use crate::domain::senders::{self, Look, Standing};
use crate::email::dkim::SigningKey;

/// The size of the pictures, in units of their view boxes.
const WIDTH: i64 = 640;
const HEIGHT: i64 = 160;

/// A day of the ramp as it is drawn.
struct Point {
    day: usize,
    allowed: i64,
    x: i64,
    y: i64,
    today: bool,
}

/// A day as it is drawn.
struct Bar {
    day: String,
    sent: i64,
    returned: i64,
    x: i64,
    y: i64,
    height: i64,
}

#[derive(Template)]
#[template(path = "mailboxes/delivery.html")]
struct DeliveryPage {
    chrome: Chrome,
    found: Delivery,
    limits: Limits,
    problem: Option<String>,
    key_problem: Option<String>,
    domain: String,
    look: Option<Look>,
    keys: Vec<KeyShown>,
    keeps_keys: bool,
    now: Time,
}

/// A key with the record to publish.
struct KeyShown {
    selector: String,
    algorithm: &'static str,
    name: String,
    record: String,
}

impl DeliveryPage {
    /// The ramp, until the day on which there is no limit any more.
    fn curve(&self) -> Vec<Point> {
        let most = self.found.curve.last().copied().unwrap_or(1).max(1);
        let last = i64::try_from(self.found.curve.len()).unwrap_or(1).max(2) - 1;
        let place = |(at, allowed): (usize, &i64)| {
            let at64 = i64::try_from(at).unwrap_or(0);
            let today = at64 + 1 == self.found.warmup_day;
            Point { day: at + 1, allowed: *allowed, x: 30 + at64 * (WIDTH - 60) / last, y: HEIGHT - 20 - allowed * (HEIGHT - 40) / most, today }
        };
        self.found.curve.iter().enumerate().map(place).collect()
    }

    /// The corners of its line.
    fn line(&self) -> String {
        self.curve().iter().map(|point| format!("{},{}", point.x, point.y)).collect::<Vec<_>>().join(" ")
    }

    fn bars(&self) -> Vec<Bar> {
        let most = self.found.days.iter().map(|(_, tally)| tally.sent).max().unwrap_or(0).max(1);
        let step = WIDTH / i64::try_from(self.found.days.len()).unwrap_or(1).max(1);
        let place = |(at, (day, tally)): (usize, &(jiff::civil::Date, reputation::Tally))| {
            let height = (tally.sent.max(0) * (HEIGHT - 20) + most - 1) / most;
            Bar {
                day: day.to_string(),
                sent: tally.sent,
                returned: tally.bounced + tally.complained,
                x: i64::try_from(at).unwrap_or(0) * step,
                y: HEIGHT - height,
                height,
            }
        };
        self.found.days.iter().enumerate().map(place).collect()
    }

    fn is_empty(&self) -> bool {
        self.found.days.iter().all(|(_, tally)| tally.sent == 0)
    }

    fn percent(&self, millionths: i64) -> String {
        plan::percent(millionths)
    }

    fn limit(&self, millionths: &i32) -> String {
        plan::percent(i64::from(*millionths))
    }

    /// A rate as the field for it has it, in percent.
    fn field(&self, millionths: &i32) -> String {
        plan::percent(i64::from(*millionths)).trim_end_matches(" %").to_owned()
    }

    /// What the numbers of the window mean.
    fn samples(&self) -> Option<String> {
        let left = plan::MIN_SAMPLES - self.found.window.sent;
        (left > 0).then(|| format!("too few to judge, rates count from {} on", plan::MIN_SAMPLES))
    }

    /// How it stands, in a sentence.
    fn health(&self) -> String {
        match (&self.found.pace.health_because, self.found.pace.health) {
            (Some(because), _) => because.clone(),
            (None, Health::Good) => "Few messages come back, and few are complained about.".to_owned(),
            (None, health) => health.label().to_owned(),
        }
    }

    fn waits_until(&self) -> Option<Time> {
        Some(self.found.pace.waits_until).filter(|at| *at > self.now)
    }
}

async fn page_of(person: &Person, state: &State, id: MailboxId, problem: Option<String>) -> Result<DeliveryPage> {
    let (actor, now) = (person.actor.clone(), clock::now());
    let (found, look) = state.read(move |conn| Ok((page::delivery(conn, &actor, &id, now)?, senders::look_of(conn, &actor, &id)?))).await?;
    let domain = senders::domain_of(&found.mailbox.address_key).to_owned();
    let shown = |key: &SigningKey| KeyShown {
        selector: key.selector().to_owned(),
        algorithm: key.algorithm(),
        name: key.record_name(),
        record: key.record(),
    };
    Ok(DeliveryPage {
        chrome: person.visit.chrome(format!("Delivery of {}", found.mailbox.address), "mailboxes"),
        limits: Limits::from(&found.pace),
        keys: state.senders.keys.of(&domain).iter().map(shown).collect(),
        keeps_keys: state.senders.keys.is_configured(),
        key_problem: None,
        found,
        look,
        domain,
        problem,
        now,
    })
}

pub(super) async fn show(person: Person, state: web::Data<State>, id: web::Path<String>) -> std::result::Result<HttpResponse, PageError> {
    html(&page_of(&person, &state, MailboxId::from(id.as_str()), None).await?)
}

/// "2.15" percent as millionths; what is no number is refused by its range.
fn millionths(form: &Form, name: &str) -> i32 {
    let given = form.get(name).trim().replace(',', ".");
    let value = given.parse::<f64>().unwrap_or(-1.0) * 10_000.0;
    if (0.0..1_000_000.0).contains(&value) { value.round() as i32 } else { -1 }
}

pub(super) async fn set_limits(
    person: Person,
    state: web::Data<State>,
    session: Session,
    id: web::Path<String>,
    form: Form,
) -> std::result::Result<HttpResponse, PageError> {
    let number = |name: &str| Ok::<i32, PageError>(form.number(name)?.and_then(|n| i32::try_from(n).ok()).unwrap_or(-1));
    let limits = Limits {
        per_minute: number("per_minute")?,
        per_domain_minute: number("per_domain_minute")?,
        warmup_first: number("warmup_first")?,
        warmup_percent: number("warmup_percent")?,
        warmup_target: number("warmup_target")?,
        bounce_limit: millionths(&form, "bounce_limit"),
        complaint_limit: millionths(&form, "complaint_limit"),
        spike_percent: number("spike_percent")?,
    };
    let (actor, id) = (person.actor.clone(), MailboxId::from(id.as_str()));
    let target = id.clone();
    match state.write(move |conn| reputation::set_limits(conn, &actor, &target, &limits, clock::now())).await {
        Ok(_) => {
            flash(&session, "Saved.");
            Ok(see_other(&format!("/mailboxes/{id}/delivery")))
        }
        Err(error) => {
            let mut page = page_of(&person, &state, id, Some(error.for_people())).await?;
            page.limits = limits;
            html_with(crate::api::status(error.kind), &page)
        }
    }
}

/// Asks DNS about the domain of a mailbox.
pub(super) async fn look(
    person: Person,
    state: web::Data<State>,
    session: Session,
    id: web::Path<String>,
    _form: Form,
) -> std::result::Result<HttpResponse, PageError> {
    let id = MailboxId::from(id.as_str());
    crate::senders::look_at(&state, &person.actor, &id).await?;
    flash(&session, "Looked at DNS.");
    Ok(see_other(&format!("/mailboxes/{id}/delivery")))
}

/// Makes a key to sign with, or takes one in.
pub(super) async fn add_key(
    person: Person,
    state: web::Data<State>,
    session: Session,
    id: web::Path<String>,
    form: Form,
) -> std::result::Result<HttpResponse, PageError> {
    let id = MailboxId::from(id.as_str());
    let (actor, target) = (person.actor.clone(), id.clone());
    let mailbox = state.read(move |conn| mailboxes::get(conn, &actor, &target)).await?;
    let (domain, selector) = (senders::domain_of(&mailbox.address_key).to_owned(), form.get("selector").trim().to_ascii_lowercase());
    let done = match form.some("pem") {
        Some(pem) => state.senders.keys.import(&domain, &selector, pem),
        None => state.senders.keys.make(&domain, &selector),
    };
    if let Err(error) = done {
        let mut page = page_of(&person, &state, id, None).await?;
        page.key_problem = Some(error.to_string());
        return html_with(actix_web::http::StatusCode::UNPROCESSABLE_ENTITY, &page);
    }
    let actor = person.actor.clone();
    state.write(move |conn| senders::note_key(conn, &actor, &mailbox.id, &domain, &selector, clock::now())).await?;
    flash(&session, "The key is here. Publish its record, then look at DNS.");
    Ok(see_other(&format!("/mailboxes/{id}/delivery")))
}
