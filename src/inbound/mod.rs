//! What came back: bytes become what happened. Pure; consequences are drawn in `domain::inbound`.

pub mod away;
pub mod cause;
mod cited;
pub mod complaint;
#[cfg(test)]
mod families;
mod fields;
pub mod mail;
mod notice;
pub mod provider;
pub mod quoted;
mod report;
pub mod ses;
pub mod sns;
#[cfg(test)]
mod tests;
pub mod wish;

use jiff::civil::Date;

pub use away::AutoReply;
pub use cause::Cause;
pub use complaint::Feedback;
pub use mail::{Mail, Unreadable, read};

/// What kind of mail came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Something was not delivered.
    Bounce,
    /// Something is not delivered yet.
    Delayed,
    /// Somebody complained.
    Complaint,
    /// A machine answered for somebody.
    AutoReply,
    /// A person wrote.
    Reply,
    /// A person wants no more mail.
    Unsubscribe,
    /// Anything else: reports of delivery, lists, notifications.
    Other,
}

impl Kind {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Bounce => "bounce",
            Kind::Delayed => "delayed",
            Kind::Complaint => "complaint",
            Kind::AutoReply => "auto_reply",
            Kind::Reply => "reply",
            Kind::Unsubscribe => "unsubscribe",
            Kind::Other => "other",
        }
    }
}

/// What a report says was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Given up.
    Failed,
    /// To be tried again.
    Delayed,
    /// Done.
    Delivered,
}

/// What a report says of one recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipient {
    /// The address as it was written to; empty where the report does not name it.
    pub address: String,
    /// The address it ended at, where that is named.
    pub finally: Option<String>,
    /// The enhanced status code.
    pub status: Option<String>,
    /// What was done.
    pub action: Action,
    /// Whether the address will never accept mail.
    pub hard: bool,
    /// Why.
    pub cause: Cause,
    /// The words of the report, one line of at most 500 characters.
    pub said: String,
}

impl Recipient {
    /// The reason in words: ours, then the server's.
    pub fn reason(&self) -> String {
        if self.said.is_empty() { self.cause.words().to_owned() } else { format!("{} The server said: {}", self.cause.words(), self.said) }
    }
}

/// What a mail means.
#[derive(Debug, Clone)]
pub struct Sorted {
    /// Its kind.
    pub kind: Kind,
    /// Of a report: what it says of whom.
    pub recipients: Vec<Recipient>,
    /// Of a complaint or another feedback report.
    pub feedback: Option<Feedback>,
    /// Of an automatic answer.
    pub auto: Option<AutoReply>,
    /// The words in which a person asks to get no more.
    pub wish: Option<String>,
    /// The token of a message that the recipient leaves by, where the subject is nothing else.
    pub token: Option<String>,
    /// Ids of the mail that a report is about, or that is answered, the surest first.
    pub about: Vec<String>,
    /// The envelope id of the mail that a report is about.
    pub envelope_id: Option<String>,
}

/// What stands for the words of whoever left with the address of List-Unsubscribe.
const LEFT_BY_MAIL: &str = "unsubscribe";

/// What a mail means, on this day.
pub fn sort(mail: &Mail, today: Date) -> Sorted {
    let mut sorted =
        Sorted { kind: Kind::Other, recipients: vec![], feedback: None, auto: None, wish: None, token: None, about: about(mail), envelope_id: None };
    if let Some(feedback) = complaint::of(mail) {
        sorted.kind = if feedback.is_complaint() { Kind::Complaint } else { Kind::Other };
        sorted.envelope_id = feedback.envelope_id.clone();
        sorted.feedback = Some(feedback);
        return sorted;
    }
    if let Some(told) = mail.text.contains("otificationType").then(|| ses::find(&mail.text)).flatten() {
        return by_ses(sorted, &told);
    }
    let groups = report::groups(mail);
    if !groups.is_empty() {
        sorted.envelope_id = groups.iter().find_map(|group| group.get("original-envelope-id")).map(str::to_owned);
        sorted.recipients = report::recipients(&groups, &mail.text);
        if !sorted.recipients.is_empty() {
            sorted.kind = of_recipients(&sorted.recipients);
            return sorted;
        }
    }
    if notice::is_notice(mail) {
        sorted.recipients = notice::recipients(mail);
        sorted.kind = of_recipients(&sorted.recipients);
        return sorted;
    }
    // Mail programs send it for their users, some of them marked as written by a machine.
    if let Some(token) = wish::token(&mail.subject) {
        (sorted.kind, sorted.token) = (Kind::Unsubscribe, Some(token.to_owned()));
        sorted.wish = Some(LEFT_BY_MAIL.to_owned());
        return sorted;
    }
    sorted.auto = away::of(mail, today);
    sorted.kind = if sorted.auto.is_some() {
        Kind::AutoReply
    } else if by_machine(mail) {
        Kind::Other
    } else {
        sorted.wish = wish::to_leave(mail);
        if sorted.wish.is_some() { Kind::Unsubscribe } else { Kind::Reply }
    };
    sorted
}

fn of_recipients(all: &[Recipient]) -> Kind {
    let any = |action| all.iter().any(|one| one.action == action);
    match () {
        () if any(Action::Failed) => Kind::Bounce,
        () if any(Action::Delayed) => Kind::Delayed,
        () => Kind::Other,
    }
}

fn by_ses(mut sorted: Sorted, told: &ses::Notification) -> Sorted {
    sorted.about = told
        .mail
        .iter()
        .filter_map(|mail| mail.common_headers.as_ref()?.message_id.as_deref())
        .map(|id| id.trim_matches(['<', '>', ' ']).to_owned())
        .collect();
    if let Some(bounce) = &told.bounce {
        sorted.recipients = ses::recipients(bounce);
        sorted.kind = Kind::Bounce;
    } else if let Some(complaint) = &told.complaint {
        let feedback = Feedback {
            kind: complaint.complaint_feedback_type.as_deref().unwrap_or("abuse").to_ascii_lowercase(),
            recipient: complaint.complained_recipients.first().map(|one| one.email_address.clone()),
            envelope_id: None,
        };
        sorted.kind = if feedback.is_complaint() { Kind::Complaint } else { Kind::Other };
        sorted.feedback = Some(feedback);
    }
    sorted
}

/// Mail of lists and machines, which no person wrote to us.
fn by_machine(mail: &Mail) -> bool {
    let submitted = mail.header("auto-submitted").is_some_and(|value| !value.trim().to_ascii_lowercase().starts_with("no"));
    let bulk = mail.header("precedence").is_some_and(|value| matches!(value.trim().to_ascii_lowercase().as_str(), "bulk" | "list" | "junk"));
    let null = mail.header("return-path").is_some_and(|path| path == "<>");
    let receipt = mail.reports.iter().any(|(kind, _)| kind == "message/disposition-notification");
    submitted || bulk || null || receipt || mail.header("list-id").is_some() || mail.from.is_none()
}

/// Message-IDs that a mail is about: of the mail it returns, then of those it answers.
fn about(mail: &Mail) -> Vec<String> {
    let mut ids: Vec<String> = mail.original.as_deref().map(message_ids).unwrap_or_default();
    if mail.media_type != "text/html" && ids.is_empty() && (notice::by_machine(mail) || mail.original.is_some()) {
        ids = message_ids(&mail.text);
    }
    ids.extend(mail.in_reply_to.iter().cloned());
    ids.extend(mail.references.iter().rev().cloned());
    let mut seen = std::collections::HashSet::new();
    ids.retain(|id| seen.insert(id.clone()));
    ids.truncate(50);
    ids
}

/// The values of lines `Message-ID:` in a text.
fn message_ids(text: &str) -> Vec<String> {
    let value = |line: &str| {
        let (name, value) = line.trim_start_matches(['>', ' ']).split_once(':')?;
        let id = value.trim().trim_matches(['<', '>']);
        (name.trim().eq_ignore_ascii_case("message-id") && id.contains('@') && !id.contains(char::is_whitespace) && id.len() <= 250)
            .then(|| id.to_owned())
    };
    text.lines().filter_map(value).take(5).collect()
}
