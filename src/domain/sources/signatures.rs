//! Whose word it is: each provider's signature, with one algorithm each, compared in constant time. Pure.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::clock::Time;
use crate::domain::webhooks::signature::sign;

/// Oldest signature taken, in seconds (Stripe's own libraries and Standard Webhooks use the same).
pub const TOLERANCE_SECONDS: i64 = 300;
/// The user name that Chargebee is given together with the secret.
pub const CHARGEBEE_USER: &str = "countersign";

/// Why a webhook is refused. Neither says more than that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// Missing, malformed or wrong.
    Signature,
    /// Right, and so many seconds away from this server's clock.
    Stale(i64),
}

/// The headers a signature can stand in; an empty text where there is none.
#[derive(Debug, Clone, Default)]
pub struct Headers {
    /// Stripe-Signature, Paddle-Signature or webhook-signature.
    pub signature: String,
    /// webhook-id.
    pub id: String,
    /// webhook-timestamp.
    pub timestamp: String,
    /// Authorization.
    pub authorization: String,
}

type Verdict = Result<(), Refused>;

/// `Stripe-Signature`: HMAC-SHA256 over "timestamp.body".
pub fn stripe(secret: &str, header: &str, body: &[u8], now: Time) -> Verdict {
    timed(secret, header, (',', "t", "v1", "."), body, now)
}

/// `Paddle-Signature`: HMAC-SHA256 over "timestamp:body".
pub fn paddle(secret: &str, header: &str, body: &[u8], now: Time) -> Verdict {
    timed(secret, header, (';', "ts", "h1", ":"), body, now)
}

/// A header of parts: one time, and one or more signatures while a secret is changed over.
fn timed(secret: &str, header: &str, (between, time, scheme, joint): (char, &str, &str, &str), body: &[u8], now: Time) -> Verdict {
    let mut timestamp = None;
    let mut candidates = vec![];
    for part in header.split(between) {
        match part.trim().split_once('=') {
            Some((name, value)) if name == time => timestamp = value.parse::<i64>().ok(),
            Some((name, value)) if name == scheme => candidates.push(value),
            _ => {}
        }
    }
    let timestamp = timestamp.ok_or(Refused::Signature)?;
    let expected = hex(secret, &[timestamp.to_string().as_bytes(), joint.as_bytes(), body])?;
    fresh(candidates.iter().any(|given| same(given, &expected)), timestamp, now)
}

/// `webhook-signature` of Standard Webhooks.
pub fn standard(secret: &str, headers: &Headers, body: &[u8], now: Time) -> Verdict {
    let timestamp: i64 = headers.timestamp.parse().map_err(|_| Refused::Signature)?;
    let body = std::str::from_utf8(body).map_err(|_| Refused::Signature)?;
    let expected = sign(&[secret.to_owned()], &headers.id, timestamp, body);
    if secret.is_empty() || headers.id.is_empty() || expected.is_empty() {
        return Err(Refused::Signature);
    }
    fresh(headers.signature.split(' ').any(|given| same(given, &expected)), timestamp, now)
}

/// The credentials that Chargebee sends with each event, in place of a signature.
pub fn chargebee(secret: &str, authorization: &str) -> Verdict {
    let given = authorization.strip_prefix("Basic ").and_then(|text| STANDARD.decode(text.trim()).ok()).ok_or(Refused::Signature)?;
    let wanted = format!("{CHARGEBEE_USER}:{secret}");
    let fits = bool::from(Sha256::digest(&given).as_slice().ct_eq(Sha256::digest(wanted.as_bytes()).as_slice()));
    if fits && !secret.is_empty() { Ok(()) } else { Err(Refused::Signature) }
}

/// What the customer's own server signs for a cancel page: who leaves, and when it said so.
pub fn customer(secret: &str, signature: &str, signed_at: i64, id: &str, email: &str) -> Verdict {
    let expected = hex(secret, &[format!("{signed_at}\n{id}\n{email}").as_bytes()])?;
    if same(signature, &expected) { Ok(()) } else { Err(Refused::Signature) }
}

/// SendGrid's ECDSA over time and body, with the key of its page for webhooks: P-256, whatever the request says.
pub fn sendgrid(key: &str, signature: &str, timestamp: &str, body: &[u8], now: Time) -> Verdict {
    let decoded = |text: &str| STANDARD.decode(text.trim()).map_err(|_| Refused::Signature);
    let (key, signature) = (decoded(key)?, decoded(signature)?);
    // A SubjectPublicKeyInfo of P-256 ends with the point: 65 bytes, uncompressed.
    let point = key.len().checked_sub(65).and_then(|at| key.get(at..)).filter(|point| point[0] == 4).ok_or(Refused::Signature)?;
    let signed = [timestamp.as_bytes(), body].concat();
    let key = ring::signature::UnparsedPublicKey::new(&ring::signature::ECDSA_P256_SHA256_ASN1, point);
    fresh(key.verify(&signed, &signature).is_ok(), timestamp.parse().map_err(|_| Refused::Signature)?, now)
}

/// What Mailgun puts into the body: HMAC-SHA256 over time and token.
pub fn mailgun(secret: &str, body: &[u8], now: Time) -> Verdict {
    #[derive(serde::Deserialize)]
    struct Envelope {
        signature: Signature,
    }
    #[derive(serde::Deserialize)]
    struct Signature {
        timestamp: String,
        token: String,
        signature: String,
    }
    let Envelope { signature } = serde_json::from_slice(body).map_err(|_| Refused::Signature)?;
    let expected = hex(secret, &[signature.timestamp.as_bytes(), signature.token.as_bytes()])?;
    fresh(same(&signature.signature, &expected), signature.timestamp.parse().map_err(|_| Refused::Signature)?, now)
}

fn hex(secret: &str, parts: &[&[u8]]) -> Result<String, Refused> {
    if secret.is_empty() {
        return Err(Refused::Signature);
    }
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).map_err(|_| Refused::Signature)?;
    for part in parts {
        mac.update(part);
    }
    Ok(mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect())
}

fn same(given: &str, expected: &str) -> bool {
    bool::from(given.as_bytes().ct_eq(expected.as_bytes()))
}

fn fresh(fits: bool, timestamp: i64, now: Time) -> Verdict {
    let age = now.seconds().saturating_sub(timestamp);
    match (fits, age.saturating_abs() > TOLERANCE_SECONDS) {
        (false, _) => Err(Refused::Signature),
        (true, true) => Err(Refused::Stale(age)),
        (true, false) => Ok(()),
    }
}
