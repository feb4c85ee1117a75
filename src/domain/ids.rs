//! Identifiers and random secrets: the only place that draws randomness.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use crate::clock::Time;
use crate::text_id;

text_id!(
    /// A person who signs in.
    UserId
);
text_id!(
    /// A sending address with its oversight mode.
    MailboxId
);
text_id!(
    /// A key of an agent or system.
    ApiKeyId
);
text_id!(
    /// A person who may be mailed.
    ContactId
);
text_id!(
    /// A conversation.
    ThreadId
);
text_id!(
    /// An email that came in.
    InboundEmailId
);
text_id!(
    /// One customer leaving.
    ChurnEventId
);
text_id!(
    /// One of the nine drafts for a churn event.
    VariantId
);
text_id!(
    /// A rule that drafts letters to those who left.
    WinbackRuleId
);
text_id!(
    /// A rule that holds messages.
    HoldingRuleId
);
text_id!(
    /// A recipient on the allow-list of a mailbox.
    AllowedId
);
text_id!(
    /// A row that a claim can rest on.
    FactId
);
text_id!(
    /// One outbound email to one recipient.
    MessageId
);
text_id!(
    /// What somebody decided about one version of a message.
    DecisionId
);
text_id!(
    /// Decisions that were made together.
    BatchId
);
text_id!(
    /// What somebody said about a message.
    CommentId
);
text_id!(
    /// The permission to send one exact content.
    WarrantId
);
text_id!(
    /// A CSV import.
    ImportId
);
text_id!(
    /// A view of the queue that somebody keeps.
    ViewId
);
text_id!(
    /// Somebody who shows that they may buy.
    LeadId
);
text_id!(
    /// Where webhooks go.
    EndpointId
);
text_id!(
    /// One event to one endpoint.
    DeliveryId
);
text_id!(
    /// A call of a key.
    CallId
);
text_id!(
    /// A request that names an idempotency key.
    RequestId
);
text_id!(
    /// A saved query for contacts.
    SegmentId
);
text_id!(
    /// A campaign.
    CampaignId
);
text_id!(
    /// The contacts of a migration.
    CohortId
);
text_id!(
    /// Steps that are sent one after the other.
    SequenceId
);
text_id!(
    /// One contact on its way through a sequence.
    EnrollmentId
);
text_id!(
    /// Something good that happened to a contact.
    SignalId
);
text_id!(
    /// A link with which a contact recommends.
    ReferralId
);
text_id!(
    /// Where reports of people leaving come from.
    SourceId
);
text_id!(
    /// A rule of when somebody counts as inactive.
    InactivityRuleId
);
text_id!(
    /// What a mail is about, as recipients choose it.
    TopicId
);
text_id!(
    /// Words with places that are filled in.
    TemplateId
);
text_id!(
    /// One version of a template.
    TemplateVersionId
);
text_id!(
    /// Any row that needs no type of its own.
    RowId
);

/// A fresh UUID version 7 as text.
#[expect(clippy::disallowed_methods, reason = "this is the one place")]
pub fn fresh() -> String {
    uuid::Uuid::now_v7().to_string()
}

/// Ids that stand where ones made at those times would, for what is recorded later than it happened.
/// Asked in the order of the times, each is greater than the one before, equal times included.
#[derive(Default)]
pub struct Backdated(uuid::ContextV7);

impl Backdated {
    /// The next id.
    pub fn id(&self, at: Time) -> String {
        let micros = u64::try_from(at.micros()).unwrap_or(0);
        let nanos = u32::try_from(micros % 1_000_000 * 1_000).unwrap_or(0);
        uuid::Uuid::new_v7(uuid::Timestamp::from_unix(&self.0, micros / 1_000_000, nanos)).to_string()
    }
}

/// A secret of 256 random bits, in URL-safe text.
pub fn secret() -> String {
    URL_SAFE_NO_PAD.encode(random::<32>())
}

/// A code to be typed once: 80 random bits in letters and digits that look unlike each other, as "K7QX-…".
pub fn one_time_code() -> String {
    const LETTERS: &[u8; 32] = b"ABCDEFGHJKMNPQRSTVWXYZ0123456789";
    let letters = random::<16>().map(|byte| char::from(LETTERS[usize::from(byte & 31)]));
    letters.chunks(4).map(|four| four.iter().collect::<String>()).collect::<Vec<_>>().join("-")
}

/// A code of 72 random bits that can stand in a link, in URL-safe text.
pub fn code() -> String {
    URL_SAFE_NO_PAD.encode(random::<9>())
}

/// So many random bytes.
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0_u8; N];
    // Without randomness no secret may be made; stopping is the only safe answer.
    #[expect(clippy::expect_used, reason = "a machine without randomness cannot run this product")]
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    bytes
}

/// So many different numbers below `from`, each set as likely as any other, in ascending order.
pub fn draw(from: usize, count: usize) -> Vec<usize> {
    let mut all: Vec<usize> = (0..from).collect();
    for place in 0..count.min(from) {
        let other = place + below(from - place);
        all.swap(place, other);
    }
    all.truncate(count);
    all.sort_unstable();
    all
}

/// A random number below `end`, all alike: what would favour the small ones is thrown away.
fn below(end: usize) -> usize {
    let end = end.max(1) as u64;
    let fair = u64::MAX - u64::MAX % end;
    loop {
        let number = u64::from_le_bytes(random());
        if number < fair {
            return usize::try_from(number % end).unwrap_or_default();
        }
    }
}

/// SHA-256 as lower-case hexadecimal: how secrets are stored and contents are named.
pub fn sha256_hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(64);
    for byte in Sha256::digest(bytes) {
        text.push(char::from_digit(u32::from(byte >> 4), 16).unwrap_or('0'));
        text.push(char::from_digit(u32::from(byte & 15), 16).unwrap_or('0'));
    }
    text
}
