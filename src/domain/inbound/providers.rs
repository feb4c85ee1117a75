//! Providers that report on what they took from us: whose word it is, and what follows. The secrets are entered by an
//! administrator; none is ever shown.

use serde_json::json;

use crate::clock::Time;
use crate::db::seal;
use crate::db::{Conn, transaction};
use crate::domain::actor::Actor;
use crate::domain::audit::{self, Entry};
use crate::domain::email_address::EmailAddress;
use crate::domain::error::{Error, Result};
use crate::domain::ids::MessageId;
use crate::domain::settings;
use crate::domain::sources::signatures::{self, Refused};
use crate::domain::text;
use crate::inbound::provider::{Told, What};
use crate::inbound::sns::{self, Envelope};
use crate::text_enum;

use super::{matching, queries, reports};

/// The setting that keeps the certificate of SNS with the address it came from.
const SNS_CERTIFICATE: &str = "sns_certificate";

text_enum!(
    /// A provider that reports.
    pub enum Reporter {
        /// SendGrid: an ECDSA signature.
        Sendgrid => "sendgrid",
        /// Postmark: credentials in the address of the webhook.
        Postmark => "postmark",
        /// Mailgun: an HMAC over time and token.
        Mailgun => "mailgun",
        /// Amazon SES through SNS: signed with a certificate of SNS.
        Ses => "ses",
    }
);

impl Reporter {
    /// A name for people.
    pub fn label(self) -> &'static str {
        match self {
            Reporter::Sendgrid => "SendGrid",
            Reporter::Postmark => "Postmark",
            Reporter::Mailgun => "Mailgun",
            Reporter::Ses => "Amazon SES",
        }
    }

    /// What is entered.
    pub fn asks_for(self) -> &'static str {
        match self {
            Reporter::Sendgrid => "Verification key of the event webhook",
            Reporter::Postmark => "Password of the user countersign in the address of the webhook",
            Reporter::Mailgun => "HTTP webhook signing key",
            Reporter::Ses => "ARN of the SNS topic that it reports to",
        }
    }

    fn setting(self) -> &'static str {
        match self {
            Reporter::Sendgrid => "reports_sendgrid",
            Reporter::Postmark => "reports_postmark",
            Reporter::Mailgun => "reports_mailgun",
            Reporter::Ses => "reports_ses",
        }
    }
}

/// What a signature can stand in; an empty text where there is none.
#[derive(Debug, Clone, Default)]
pub struct Signed {
    /// Authorization.
    pub authorization: String,
    /// X-Twilio-Email-Event-Webhook-Signature.
    pub signature: String,
    /// X-Twilio-Email-Event-Webhook-Timestamp.
    pub timestamp: String,
    /// Of Amazon SNS: the certificate, as PEM, that came from where the envelope may say.
    pub certificate: String,
}

/// The providers with whether their reports are taken.
pub fn list(conn: &mut Conn, actor: &Actor) -> Result<Vec<(Reporter, bool)>> {
    must_administer(actor)?;
    let mut all = vec![];
    for reporter in Reporter::ALL {
        all.push((*reporter, settings::get(conn, reporter.setting())?.is_some()));
    }
    Ok(all)
}

/// Enters the secret of a provider, or takes it away where none is given; then its reports are refused.
pub fn set_secret(conn: &mut Conn, actor: &Actor, reporter: Reporter, secret: &str, now: Time) -> Result<()> {
    must_administer(actor)?;
    let secret = text::line("secret", secret, 500)?;
    if reporter == Reporter::Ses && !secret.is_empty() && sns::region(&secret).is_none() {
        return Err(Error::invalid(
            "field_invalid",
            "secret",
            "The topic must be named by its ARN, such as arn:aws:sns:eu-west-1:123456789012:bounces. Copy it from the page of SNS.",
        ));
    }
    if !secret.is_empty() && secret.len() < 16 {
        return Err(Error::invalid(
            "field_invalid",
            "secret",
            "secret must have at least 16 characters. Copy it from the provider's page for webhooks.",
        ));
    }
    transaction(conn, |conn| {
        match secret.is_empty() {
            true => settings::clear(conn, reporter.setting())?,
            false => settings::set(conn, reporter.setting(), &seal::seal(&place(reporter), &secret)?)?,
        }
        let detail = json!({"provider": reporter, "taken": !secret.is_empty()});
        audit::record(
            conn,
            actor,
            Entry { action: "settings.reports", target_kind: "settings", target_id: reporter.as_str(), mailbox_id: None, detail },
            now,
        )
    })
}

/// The secret of a provider, for whoever verifies its word.
pub fn secret(conn: &mut Conn, reporter: Reporter) -> Result<Option<String>> {
    let Some(kept) = settings::get(conn, reporter.setting())? else { return Ok(None) };
    Ok(Some(seal::open(&place(reporter), &kept)?))
}

/// Where the secret of a provider lies: it can be opened for no other.
fn place(reporter: Reporter) -> String {
    format!("settings/{}", reporter.setting())
}

/// Seals the secrets that an older version left open. How many that were.
pub(in crate::domain) fn seal_open(conn: &mut Conn) -> Result<usize> {
    let mut sealed = 0;
    for reporter in Reporter::ALL {
        if let Some(open) = settings::get(conn, reporter.setting())?.filter(|kept| !seal::is_sealed(kept)) {
            settings::set(conn, reporter.setting(), &seal::seal(&place(*reporter), &open)?)?;
            sealed += 1;
        }
    }
    Ok(sealed)
}

/// Whether there is any.
pub(in crate::domain) fn is_any(conn: &mut Conn) -> Result<bool> {
    for reporter in Reporter::ALL {
        if settings::get(conn, reporter.setting())?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Takes away the secrets that nobody can open any more: what those providers report is refused until they are entered again. How many that were.
pub(in crate::domain) fn give_up(conn: &mut Conn) -> Result<usize> {
    let mut lost = 0;
    for reporter in Reporter::ALL {
        if settings::get(conn, reporter.setting())?.is_some_and(|kept| seal::open(&place(*reporter), &kept).is_err()) {
            settings::clear(conn, reporter.setting())?;
            lost += 1;
        }
    }
    Ok(lost)
}

/// Whether a body is the provider's word. One algorithm each, whatever the request says.
pub fn verify(reporter: Reporter, secret: Option<&str>, signed: &Signed, body: &[u8], now: Time) -> std::result::Result<(), Refused> {
    let secret = secret.filter(|secret| !secret.is_empty()).ok_or(Refused::Signature)?;
    match reporter {
        Reporter::Postmark => signatures::chargebee(secret, &signed.authorization),
        Reporter::Sendgrid => signatures::sendgrid(secret, &signed.signature, &signed.timestamp, body, now),
        Reporter::Mailgun => signatures::mailgun(secret, body, now),
        Reporter::Ses => amazon(secret, &signed.certificate, body, now),
    }
}

/// An envelope of the topic that was entered, signed with a certificate of SNS, and not an old one.
fn amazon(topic: &str, certificate: &str, body: &[u8], now: Time) -> std::result::Result<(), Refused> {
    let envelope = Envelope::of_topic(topic, body).ok_or(Refused::Signature)?;
    if envelope.certificate_url().is_none() || !envelope.is_signed_with(certificate, now.seconds()) {
        return Err(Refused::Signature);
    }
    let age = now.seconds() - envelope.seconds().ok_or(Refused::Signature)?;
    if age.saturating_abs() > sns::TOLERANCE_SECONDS { Err(Refused::Stale(age)) } else { Ok(()) }
}

/// The certificate that was fetched from this address before.
pub fn certificate(conn: &mut Conn, url: &str) -> Result<Option<String>> {
    let kept = settings::get(conn, SNS_CERTIFICATE)?;
    Ok(kept.and_then(|kept| kept.split_once('\n').filter(|(of, _)| *of == url).map(|(_, pem)| pem.to_owned())))
}

/// Keeps a certificate that proved right, in the place of the one before.
pub fn keep_certificate(conn: &mut Conn, url: &str, pem: &str) -> Result<()> {
    settings::set(conn, SNS_CERTIFICATE, &format!("{url}\n{pem}"))
}

/// Notes that a topic was told to deliver here.
pub fn confirmed(conn: &mut Conn, topic: &str, now: Time) -> Result<()> {
    let entry = Entry {
        action: "settings.reports_confirmed",
        target_kind: "settings",
        target_id: Reporter::Ses.as_str(),
        mailbox_id: None,
        detail: json!({"topic": topic}),
    };
    audit::record(conn, &super::MAIL, entry, now)
}

/// Takes in what a provider tells. In any order and with any repetitions it comes to the same.
pub fn take(conn: &mut Conn, reporter: Reporter, told: &[Told], now: Time) -> Result<usize> {
    transaction(conn, |conn| {
        let mut matched = 0;
        for one in told {
            let Some(found) = found(conn, one)? else { continue };
            matched += 1;
            match &one.what {
                What::Report(recipient) => reports::of_recipients(conn, &found, std::slice::from_ref(recipient), &one.id, reporter.as_str(), now)?,
                What::Complaint(feedback) => reports::of_complaint(conn, &found, feedback, &one.id, reporter.as_str(), now)?,
            }
        }
        Ok(matched)
    })
}

/// The message: by its Message-ID, otherwise the last one that left to this address. The word is signed.
fn found(conn: &mut Conn, told: &Told) -> Result<Option<matching::Found>> {
    if let Some(found) = matching::by_message_ids(conn, &told.about)? {
        return Ok(Some(found));
    }
    let Ok(address) = EmailAddress::parse("recipient", &told.address) else { return Ok(None) };
    let last: Option<MessageId> = queries::last_sent_to(conn, address.key())?;
    match last {
        Some(id) => matching::of_any_mailbox(conn, &id),
        None => Ok(None),
    }
}

fn must_administer(actor: &Actor) -> Result<()> {
    if matches!(actor, Actor::Key { .. }) {
        return Err(Error::forbidden("person_required", "Only a signed-in administrator can look after providers that report."));
    }
    actor.must_be_admin()
}
