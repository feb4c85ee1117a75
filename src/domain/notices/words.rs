//! What stands in a notice. Pure.
//!
//! Subjects of messages, names and comments were written by others, some of them by agents: in
//! a notice they are one short line each, never a header, and nothing in them becomes a link.

use std::fmt::Write as _;

use jiff::tz::TimeZone;

use crate::clock::Time;
use crate::domain::ids::MessageId;
use crate::domain::mailboxes::Mailbox;
use crate::domain::mailboxes::ladder::ModeRequest;
use crate::domain::reports::weekly::Week;
use crate::email::address::is_invisible;

use super::Kind;

/// Most characters of a subject or a name in a notice.
const LINE_MAX: usize = 80;
/// Most characters of a comment in a notice.
const COMMENT_MAX: usize = 200;

/// Somebody's words on one line in quotation marks.
fn quoted(text: &str) -> String {
    match line(text, LINE_MAX) {
        empty if empty.is_empty() => "(no subject)".to_owned(),
        line => format!("\"{line}\""),
    }
}

/// One line of at most so many characters, without control or invisible characters, and with
/// what a mail program would make a link of written as people write it who want none:
/// `https[:]//evil[.]example`.
fn line(text: &str, longest: usize) -> String {
    let visible: String = text.chars().filter(|c| !is_invisible(*c)).map(|c| if c.is_control() { ' ' } else { c }).collect();
    let flat = visible.split_whitespace().collect::<Vec<_>>().join(" ");
    let short: String = match flat.chars().count() > longest {
        true => flat.chars().take(longest - 1).chain(['…']).collect(),
        false => flat,
    };
    let mut out = String::with_capacity(short.len() + 8);
    let mut chars = short.chars().peekable();
    let mut before = ' ';
    while let Some(c) = chars.next() {
        let next = chars.peek().copied().unwrap_or(' ');
        match c {
            '.' | '。' | '．' | '｡' if before.is_alphanumeric() && next.is_alphabetic() => out.push_str("[.]"),
            ':' if next == '/' => out.push_str("[:]"),
            other => out.push(other),
        }
        before = c;
    }
    out
}

/// "21 Nov 2026, 09:03 CET".
fn when(at: Time, zone: &TimeZone) -> String {
    at.in_zone(zone)
}

fn counted(count: i64, one: &str, many: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {many}") }
}

fn waiting_subject(count: i64) -> String {
    counted(count, "message waits for you", "messages wait for you")
}

/// One message in a list.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) message: MessageId,
    pub(super) subject: String,
    /// The address of its mailbox.
    pub(super) mailbox: String,
    /// Until when it can be decided or stopped.
    pub(super) until: Option<Time>,
}

/// One message that somebody is told of in particular.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) kind: Kind,
    pub(super) by: String,
    pub(super) words: Option<String>,
    pub(super) item: Item,
}

/// What is new for one person.
#[derive(Debug, Default)]
pub(super) struct News {
    pub(super) told: Vec<Told>,
    /// New messages to decide; `waiting` are the first of them.
    pub(super) waiting_count: i64,
    pub(super) waiting: Vec<Item>,
    /// Messages that left, or are about to, without a decision; `left` are the first of them.
    pub(super) left_count: i64,
    pub(super) left: Vec<Item>,
}

/// What waits in one mailbox.
#[derive(Debug)]
pub(super) struct Waits {
    pub(super) mailbox: String,
    pub(super) count: i64,
    pub(super) oldest: Option<Time>,
    /// How many lapse within a day.
    pub(super) expiring: i64,
}

/// Whom a notice is for and where links lead.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    pub(super) name: &'a str,
    pub(super) zone: &'a TimeZone,
    pub(super) base_url: &'a str,
}

/// Subject and text of the mail with the code of a step up.
pub(super) fn code(mailbox: &Mailbox, request: &ModeRequest, code: &str, reader: &Reader<'_>) -> (String, String) {
    let mut text = format!(
        "Hello {},\n\n{} asks that {} gets the mode \"{}\". It is \"{}\" now.\n",
        line(reader.name, LINE_MAX),
        quoted(&request.asker_name),
        mailbox.address,
        request.target_mode.label(),
        request.from_mode.label(),
    );
    let _ = writeln!(text, "In \"{}\": {}", request.target_mode.label(), request.target_mode.meaning());
    if let Some(reason) = &request.reason {
        let _ = writeln!(text, "Why, in their words: \"{}\"", line(reason, COMMENT_MAX));
    }
    let _ = writeln!(
        text,
        "\nIf you agree, enter this code on the page of the mailbox. It works once, until {}.\n",
        when(request.expires_at, reader.zone)
    );
    let _ = writeln!(text, "    {code}\n\n{}/mailboxes/{}\n", reader.base_url, mailbox.id);
    text.push_str("If you do not agree, refuse it there. Nobody who cannot sign in as an administrator can use the code.\n");
    ("A code to loosen the oversight of a mailbox".to_owned(), text)
}

/// Subject and text of the mail with the link for a new password.
pub(super) fn reset(token: &str, until: Time, reader: &Reader<'_>) -> (String, String) {
    let text = format!(
        "Hello {},\n\nsomebody, probably you, asked for a new password for Countersign. Set it here, once, until {}:\n\n    {}/reset/{token}\n\n\
         All your sessions end then. If you have a second factor, its code is asked for as before.\n\n\
         If it was not you, do nothing: your password stays as it is.\n",
        line(reader.name, LINE_MAX),
        when(until, reader.zone),
        reader.base_url,
    );
    ("A new password for Countersign".to_owned(), text)
}

/// Subject and text of the mail about a mailbox that paused itself.
pub(super) fn paused(mailbox: &Mailbox, why: &str, reader: &Reader<'_>) -> (String, String) {
    let mut text =
        format!("Hello {},\n\n{} has paused itself. Nothing leaves it until a person resumes it.\n\n", line(reader.name, LINE_MAX), mailbox.address);
    let _ = writeln!(text, "Why: {why}\n\nWhat waits, the numbers and what to do:\n{}/mailboxes/{}/delivery", reader.base_url, mailbox.id);
    (format!("{} has paused itself", line(&mailbox.address, LINE_MAX)), text)
}

/// Subject and text of the mail about a mailbox that stepped down by itself.
pub(super) fn stepped_down(mailbox: &Mailbox, why: &str, reader: &Reader<'_>) -> (String, String) {
    let mut text = format!(
        "Hello {},\n\n{} has stepped down to “{}” by itself: what machines write waits for a person from now on.\n\n",
        line(reader.name, LINE_MAX),
        mailbox.address,
        mailbox.mode.label()
    );
    let _ = writeln!(text, "Why: {why}\n\nAn administrator can ask for a looser mode again:\n{}/mailboxes/{}", reader.base_url, mailbox.id);
    (format!("{} has stepped down to “{}”", line(&mailbox.address, LINE_MAX), mailbox.mode.label()), text)
}

/// Subject and text of what is new; none when nothing is.
pub(super) fn news(news: &News, reader: &Reader<'_>) -> Option<(String, String)> {
    let of = |kind: Kind| i64::try_from(news.told.iter().filter(|told| told.kind == kind).count()).unwrap_or(i64::MAX);
    let (mentioned, assigned) = (of(Kind::Mentioned), of(Kind::Assigned));
    let parts = [
        (mentioned, if mentioned == 1 { "You were mentioned".to_owned() } else { format!("You were mentioned {mentioned} times") }),
        (assigned, counted(assigned, "message was handed to you", "messages were handed to you")),
        (news.waiting_count, waiting_subject(news.waiting_count)),
        (news.left_count, counted(news.left_count, "message leaves without a decision", "messages leave without a decision")),
    ];
    let parts: Vec<String> = parts.into_iter().filter(|(count, _)| *count > 0).map(|(_, words)| words).collect();
    if parts.is_empty() {
        return None;
    }
    let mut text = greeting(reader);
    for told in &news.told {
        let by = line(&told.by, LINE_MAX);
        let _ = match told.kind {
            Kind::Mentioned => writeln!(text, "{by} mentioned you in a comment:"),
            Kind::Assigned => writeln!(text, "{by} asks you to decide:"),
        };
        push_item(&mut text, &told.item, reader, "");
        if let Some(words) = &told.words {
            let _ = writeln!(text, "  {by} wrote: {}", line(words, COMMENT_MAX));
        }
        text.push('\n');
    }
    if news.waiting_count > 0 {
        let _ = writeln!(text, "New, waiting for a decision ({}):", news.waiting_count);
        push_items(&mut text, &news.waiting, news.waiting_count, reader, "decide until");
    }
    if news.left_count > 0 {
        let _ = writeln!(text, "Leaving without a decision, as their mailbox says ({}). Open one to stop it:", news.left_count);
        push_items(&mut text, &news.left, news.left_count, reader, "can be stopped until");
    }
    Some((parts.join("; "), closed(text, reader)))
}

/// Subject and text of the daily mail.
pub(super) fn digest(waits: &[Waits], first: &[Item], reader: &Reader<'_>) -> (String, String) {
    let count = waits.iter().map(|waits| waits.count).sum();
    let mut text = greeting(reader);
    for waits in waits {
        let _ = write!(text, "{}: {}", waits.mailbox, counted(waits.count, "message waits", "messages wait"));
        if let Some(oldest) = waits.oldest {
            let _ = write!(text, ", the oldest since {}", when(oldest, reader.zone));
        }
        let _ = match waits.expiring {
            0 => writeln!(text, "."),
            n => writeln!(text, ". {} within 24 hours.", counted(n, "expires", "expire")),
        };
    }
    text.push_str("\nFirst to decide:\n");
    push_items(&mut text, first, count, reader, "decide until");
    (waiting_subject(count), closed(text, reader))
}

/// Subject and text of the report on a week.
pub(super) fn week(week: &Week, reader: &Reader<'_>) -> (String, String) {
    let mut text = greeting(reader);
    let _ = writeln!(text, "The week of {}, UTC, beside the week before it.\n", week.period.in_words());
    for line in &week.lines {
        let _ = writeln!(text, "{}: {}", line.name, line.words);
        let _ = writeln!(text, "  {}{}", reader.base_url, line.page);
    }
    text.push('\n');
    (format!("Your week at the desk, {}", week.period.in_words()), closed(text, reader))
}

fn greeting(reader: &Reader<'_>) -> String {
    format!("Hello {},\n\n", line(reader.name, LINE_MAX))
}

fn push_items(text: &mut String, items: &[Item], count: i64, reader: &Reader<'_>, until: &str) {
    for item in items {
        push_item(text, item, reader, until);
    }
    let more = count - i64::try_from(items.len()).unwrap_or(count);
    if more > 0 {
        let _ = writeln!(text, "- and {more} more");
    }
    text.push('\n');
}

fn push_item(text: &mut String, item: &Item, reader: &Reader<'_>, until: &str) {
    let _ = write!(text, "- {} in {}", quoted(&item.subject), item.mailbox);
    if let Some(at) = item.until.filter(|_| !until.is_empty()) {
        let _ = write!(text, ", {until} {}", when(at, reader.zone));
    }
    let _ = writeln!(text, "\n  {}/messages/{}", reader.base_url, item.message);
}

fn closed(mut text: String, reader: &Reader<'_>) -> String {
    let _ = write!(
        text,
        "-- \nOpening a link decides nothing: sign in, read, and decide on the page.\nChoose what you are mailed: {}/account\n",
        reader.base_url
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_others_become_one_short_line_without_links() {
        assert_eq!(line("Hi\r\nBcc: x@evil.example\u{0}\u{7f}", 80), "Hi Bcc: x@evil[.]example");
        assert_eq!(line("see https://evil.example/a.b?c=1", 80), "see https[:]//evil[.]example/a[.]b?c=1");
        assert_eq!(line("a\u{202e}b\u{200b}c\u{2028}d\u{85}e", 80), "abcd e");
        assert_eq!(line("evil。example", 80), "evil[.]example");
        assert_eq!(line("Version 2.0 is out. Try it", 80), "Version 2.0 is out. Try it");
        assert_eq!(line(&"é".repeat(100), 80), format!("{}…", "é".repeat(79)));
        assert_eq!(quoted(" \r\n "), "(no subject)");
    }
}
