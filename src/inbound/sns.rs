//! What Amazon SNS delivers: an envelope signed with a certificate that is named in it. Pure; whoever fetches the certificate
//! fetches it only from [`Envelope::certificate_url`].

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use serde::Deserialize;
use url::Url;
use x509_parser::prelude::{FromDer, X509Certificate, parse_x509_pem};

/// Oldest envelope taken, in seconds. SNS tries again for less than this, and does not sign anew.
pub const TOLERANCE_SECONDS: i64 = 3600;

/// An envelope.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Envelope {
    /// Notification, SubscriptionConfirmation or UnsubscribeConfirmation.
    #[serde(rename = "Type")]
    pub kind: String,
    /// SNS's id of it.
    pub message_id: String,
    /// The topic.
    pub topic_arn: String,
    /// Its subject, where there is one.
    pub subject: Option<String>,
    /// What it holds.
    pub message: String,
    /// When it was made, such as 2026-04-30T12:00:00.000Z.
    pub timestamp: String,
    /// 1 (SHA-1) or 2 (SHA-256).
    pub signature_version: String,
    /// In base64.
    pub signature: String,
    /// Where the certificate is.
    #[serde(rename = "SigningCertURL")]
    pub signing_cert_url: String,
    /// Of a SubscriptionConfirmation: what to call.
    #[serde(rename = "SubscribeURL")]
    pub subscribe_url: Option<String>,
    /// Of a SubscriptionConfirmation.
    pub token: Option<String>,
}

/// The region in the ARN of a topic.
pub fn region(topic: &str) -> Option<&str> {
    let parts: Vec<&str> = topic.split(':').collect();
    let ["arn", "aws" | "aws-us-gov", "sns", region, account, name] = parts[..] else { return None };
    let plain = |text: &str, also: &[u8]| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || also.contains(&b));
    let fits = plain(region, b"-") && account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit()) && plain(name, b"-_.");
    fits.then_some(region)
}

/// An address, if it is one of SNS in the region of this topic.
fn pinned(topic: &str, url: &str) -> Option<Url> {
    let host = format!("sns.{}.amazonaws.com", region(topic)?);
    let url = Url::parse(url).ok()?;
    let bare = url.username().is_empty() && url.password().is_none() && url.port().is_none() && url.fragment().is_none();
    (url.scheme() == "https" && url.host_str() == Some(&host) && bare).then_some(url)
}

impl Envelope {
    /// Reads an envelope of this topic; of any other there is none.
    pub fn of_topic(topic: &str, body: &[u8]) -> Option<Envelope> {
        let envelope: Envelope = serde_json::from_slice(body).ok()?;
        (region(topic).is_some() && envelope.topic_arn == topic).then_some(envelope)
    }

    /// Where its certificate may be fetched: from SNS in the region of its topic and from nowhere else.
    pub fn certificate_url(&self) -> Option<String> {
        let url = pinned(&self.topic_arn, &self.signing_cert_url)?;
        (url.path().ends_with(".pem") && url.query().is_none()).then(|| url.into())
    }

    /// What to call so that SNS begins to deliver.
    pub fn confirmation_url(&self) -> Option<String> {
        if self.kind != "SubscriptionConfirmation" {
            return None;
        }
        pinned(&self.topic_arn, self.subscribe_url.as_deref()?).map(String::from)
    }

    /// Its time, in seconds since the epoch.
    pub fn seconds(&self) -> Option<i64> {
        Some(self.timestamp.parse::<jiff::Timestamp>().ok()?.as_second())
    }

    /// The words that are signed.
    pub fn signed_words(&self) -> Option<String> {
        let (message, id, time) = (Some(self.message.as_str()), Some(self.message_id.as_str()), Some(self.timestamp.as_str()));
        let (topic, kind) = (Some(self.topic_arn.as_str()), Some(self.kind.as_str()));
        let lines = match self.kind.as_str() {
            "Notification" => [
                ("Message", message),
                ("MessageId", id),
                ("Subject", self.subject.as_deref()),
                ("Timestamp", time),
                ("TopicArn", topic),
                ("Type", kind),
            ]
            .to_vec(),
            "SubscriptionConfirmation" | "UnsubscribeConfirmation" => [
                ("Message", message),
                ("MessageId", id),
                ("SubscribeURL", Some(self.subscribe_url.as_deref()?)),
                ("Timestamp", time),
                ("Token", Some(self.token.as_deref()?)),
                ("TopicArn", topic),
                ("Type", kind),
            ]
            .to_vec(),
            _ => return None,
        };
        Some(lines.into_iter().filter_map(|(name, value)| Some(format!("{name}\n{}\n", value?))).collect())
    }

    /// Whether it is signed with this certificate, which must be one of SNS and valid at this time.
    pub fn is_signed_with(&self, pem: &str, now: i64) -> bool {
        self.check(pem, now).is_some()
    }

    fn check(&self, pem: &str, now: i64) -> Option<()> {
        let (_, pem) = parse_x509_pem(pem.as_bytes()).ok()?;
        let (_, certificate) = X509Certificate::from_der(&pem.contents).ok()?;
        let validity = certificate.validity();
        let valid = (validity.not_before.timestamp()..=validity.not_after.timestamp()).contains(&now);
        let named = certificate.subject().iter_common_name().filter_map(|name| name.as_str().ok()).any(|name| {
            name.strip_prefix("sns.")
                .and_then(|rest| rest.strip_suffix("amazonaws.com"))
                .is_some_and(|region| region.is_empty() || region.ends_with('.'))
        });
        if !valid || !named {
            return None;
        }
        let algorithm = match self.signature_version.as_str() {
            "1" => &RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY,
            "2" => &RSA_PKCS1_2048_8192_SHA256,
            _ => return None,
        };
        let key = UnparsedPublicKey::new(algorithm, &certificate.public_key().subject_public_key.data);
        key.verify(self.signed_words()?.as_bytes(), &STANDARD.decode(&self.signature).ok()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOPIC: &str = "arn:aws:sns:eu-west-1:123456789012:bounces";

    #[test]
    fn only_sns_in_the_region_of_the_topic_is_asked_for_a_certificate() {
        let at = |url: &str| {
            let body = serde_json::json!({"Type": "Notification", "MessageId": "1", "TopicArn": TOPIC, "Message": "m", "Timestamp": "t",
                "SignatureVersion": "2", "Signature": "s", "SigningCertURL": url});
            Envelope::of_topic(TOPIC, body.to_string().as_bytes()).unwrap().certificate_url()
        };
        let right = "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-7ff5318490ec183fbaddaa2a969abfda.pem";
        assert_eq!(at(right).as_deref(), Some(right));
        for wrong in [
            "http://sns.eu-west-1.amazonaws.com/a.pem",
            "https://sns.us-east-1.amazonaws.com/a.pem",
            "https://sns.eu-west-1.amazonaws.com.evil.example/a.pem",
            "https://evil.example/sns.eu-west-1.amazonaws.com/a.pem",
            "https://sns.eu-west-1.amazonaws.com@evil.example/a.pem",
            "https://user:pw@sns.eu-west-1.amazonaws.com/a.pem",
            "https://sns.eu-west-1.amazonaws.com:8443/a.pem",
            "https://sns.eu-west-1.amazonaws.com/a.pem?x=1",
            "https://sns.eu-west-1.amazonaws.com/a.txt",
            "https://s3.eu-west-1.amazonaws.com/sns/a.pem",
            "https://sns.eu-west-1.amazonaws.com%2eevil.example/a.pem",
        ] {
            assert_eq!(at(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_topic_is_named_by_a_whole_arn() {
        assert_eq!(region(TOPIC), Some("eu-west-1"));
        for wrong in [
            "",
            "arn:aws:sqs:eu-west-1:123456789012:x",
            "arn:aws:sns:evil.example/:123456789012:x",
            "arn:aws:sns:eu-west-1:12:x",
            "arn:aws:sns:eu-west-1:123456789012:x/y",
        ] {
            assert_eq!(region(wrong), None, "{wrong}");
        }
        assert!(Envelope::of_topic("", b"{}").is_none());
    }

    /// Signed by openssl with the key of `tests/it/pem/rsa2048.pem`.
    const SHA1: &str = "MCz2UAJ7+r3hGPyItiehdFp0+lPO2CztGTdm9mvCRhzj5khiUNBpH9SCyA3yUEnb2KXYPGpcsc5xiTWaG0E6juOQ61gQG76cgkUuStFZnQZOEO1VwANHv6yiaVs0tqSC4xzghhCo7HoXL9UTMNAWwhPGR7dnKs3kTbUgZTqEIo0gEe7TLRWEOlC29yQFTehjndYGAxFvEH6xZzBsngxl3BhHSqPMd2E74T6hk4ZIoXqY9vOxPVAs3w+qskUsuAJ1P3g25nPQf2+aIWLczs8scQhVoAYI8rGNs2MPlw+mGtBo8MRzVKUI0+DGeC1pzV62+UXxCpxBvf3Mc6BeoqVxFA==";
    const SHA256: &str = "Kg1SXVJ1xNJpzaCoCxvTlAbkfYx24m2zdSKXWopR1ueWrjlUCULH14Y1bIDuTCK0nidmT6oIuEYk8uFP2JgEInLObUtyPPbLT+uUbxNAuk0LJzchp0cy/nfTklRVjdqhstSC4x/COlvAOwnP848LiOc9qXUGf9RNcoijx9OfSVZ1wmXcNSI6nRrwBgJdJVUuN+oXGyUoBzzFh3/9FuiPi6fDKqrFmuyliDLjNrmSXwbMhJdLA1ovR7FWWDH8ZXjPEVa1LLubAOqPOE8rwqh+VYxmXIabAEw1inMCKZP92neBMPrnkSXNcNYPciIYaGxY9KIkqAsB1L6m9kBtD6Sevw==";

    #[test]
    fn both_versions_of_the_signature_are_verified_over_each_word() {
        let pem = include_str!("../../tests/it/pem/sns.pem");
        let other = include_str!("../../tests/it/pem/rsa2048.pem");
        let now = "2026-11-22T12:00:00Z".parse::<jiff::Timestamp>().unwrap().as_second();
        let right = |version: &str, signature: &str| Envelope {
            kind: "Notification".into(),
            message_id: "m-1".into(),
            topic_arn: TOPIC.into(),
            subject: None,
            message: "Hello".into(),
            timestamp: "2026-11-21T12:00:00.000Z".into(),
            signature_version: version.into(),
            signature: signature.into(),
            signing_cert_url: String::new(),
            subscribe_url: None,
            token: None,
        };
        for (version, signature, fits) in
            [("1", SHA1, true), ("2", SHA256, true), ("1", SHA256, false), ("2", SHA1, false), ("3", SHA256, false), ("2", "", false)]
        {
            assert_eq!(right(version, signature).is_signed_with(pem, now), fits, "{version}");
        }
        let one = right("2", SHA256);
        for wrong in [
            Envelope { message: "Hello!".into(), ..one.clone() },
            Envelope { message_id: "m-2".into(), ..one.clone() },
            Envelope { timestamp: "2026-11-21T12:00:01.000Z".into(), ..one.clone() },
            Envelope { subject: Some("A subject".into()), ..one.clone() },
            Envelope { kind: "SubscriptionConfirmation".into(), ..one.clone() },
            Envelope { topic_arn: "arn:aws:sns:eu-west-1:123456789012:others".into(), ..one.clone() },
        ] {
            assert!(!wrong.is_signed_with(pem, now), "{wrong:?}");
        }
        assert!(!one.is_signed_with(other, now) && !one.is_signed_with("", now), "no certificate");
        assert!(!one.is_signed_with(pem, now - 400 * 86_400), "not valid yet");
    }
}
