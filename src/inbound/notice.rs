//! Bounces that are written for people only: no fields, words in any order.

use std::sync::LazyLock;

use regex::{Regex, RegexSet};

use super::cause::{Cause, Said, code_in, judge, status_in};
use super::fields;
use super::mail::{Mail, line};
use super::{Action, Recipient};

/// Most lines that are read.
const MOST_LINES: usize = 400;
/// Most recipients that one notice can name.
const MOST_RECIPIENTS: usize = 100;

fn set(patterns: &[&str]) -> RegexSet {
    #[expect(clippy::unwrap_used, reason = "constant patterns, each compiled by the tests")]
    RegexSet::new(patterns.iter().map(|pattern| format!("(?i){pattern}"))).unwrap()
}

fn regex(pattern: &str) -> Regex {
    #[expect(clippy::unwrap_used, reason = "constant patterns, each compiled by the tests")]
    Regex::new(&format!("(?i){pattern}")).unwrap()
}

static MACHINE: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"^<?(mailer-?daemon|post-?master|po+stmaster|mail-?daemon|mail\.?-?delivery\.?-?(system|subsystem)|mdaemon|mmdf|bounces?|no-?reply|sysadmin|admin|info-?mailer|system|uucp|daemon|mailer|root|double-bounce|notification|mail-?admin\w*)[^@]*(@|$)",
    )
});

/// Subjects of notices.
static SUBJECT: LazyLock<RegexSet> = LazyLock::new(|| {
    set(&[
        r"delivery (status )?(notification|report|failure|failed|problem|error|status|has failed|unsuccessful)|deliver(y|ing) .{0,30}(fail|delay|problem|unsuccessful)",
        r"undeliver(ed|able)|non[- ]?deliver|not delivered|could not be delivered|unable to deliver|returned (mail|to sender|message)|return(ing|ed) (message|mail)|mail (delivery )?(failed|failure|error|status)|failure notice|mail system error|error (sending|in) your mail|bounce|rejected mail|message (could|not|blocked|delayed)|delayed|warning: (message|could not|still)|mail could not|host unknown|user unknown|smtp server: errors from|invalid recipient|postmaster notify",
        r"unzustellbar|nicht zugestellt|nicht zustellbar|zustellung|non recapitabile|mancat[ao] (consegna|recapito)|non remis|non distribu|échec|echec|retour[né]* (mail|de)|no se (pudo|puede|ha podido) entregar|no entregado|devuelto|não (entregue|pôde)|falha (na|de) entrega|onbestelbaar|niet (afgeleverd|bezorgd)|недоставлен|не доставлено|не может быть доставлен|сообщение не доставлено|ваше сообщение не|配信(不能|エラー)|送信エラー|退信|投递失败|无法(投递|传递)",
    ])
});

/// Sentences of notices.
static SENTENCE: LazyLock<RegexSet> = LazyLock::new(|| {
    set(&[
        r"(could|can|was|were|did|has|have|were|will) ?n[o'’]t (be |been )?(able to )?(deliver|reach|successfully deliver|sent|process|accept)\w*",
        r"(unable|failed|trouble|impossible|error\w*|attempt\w*|trying) .{0,30}(to deliver|delivering|sending your|delivery)|delivery (to|of|has|for|failed|attempt|notification|error|status)|(permanent|fatal|delivery|permanently) (fatal )?(error|failure|failed)|undeliver|mail delivery (failed|system|software)|failure reasons?",
        r"transcript of session|permanent (delivery|fatal) errors|has been (delayed|rejected|returned|blocked)|is delayed|delivery .{0,20}delayed|returned to (you|sender)|rejected (by|recipient)|was refused|does not exist|may not exist|no valid recipients|incorrectly constructed|no such user|user unknown|unknown user|not found",
        r"unzustellbar|nicht zugestellt|nicht (übermittelt|ausgeliefert)|non (è|e) stato possibile|n'a (pas )?pu|no (se )?ha podido|no se pudo|não (foi|pôde)|не может быть доставлено|не удалось|届け|送信できません|配信でき|見つか",
    ])
});

static DELAY: LazyLock<RegexSet> = LazyLock::new(|| {
    set(&[
        r"this is (only )?a warning|warning message only|(delivery|message|mail)\b.{0,60}\b(is|has been|was|being) delayed|delay(ed)?:? ?(notification|for)|\(delay\)|notification: (warning|delayed)",
        r"will (be|keep|continue|still) .{0,40}(retr|try)|do not need to re-?send|only a temporary failure report|not (yet )?been delivered (yet|to one)|still (be )?(being )?(retried|trying|in the queue)|delivery attempts will continue|message will be retried",
    ])
});

/// Subjects that leave no doubt.
static GIVEN_UP: LazyLock<Regex> = LazyLock::new(|| regex(r"\bfail(ed|ure)\b|returned mail|returning message to sender"));

/// Where the returned mail begins.
static END: LazyLock<RegexSet> = LazyLock::new(|| {
    set(&[
        r"^[-=*_ ]*(this is a copy|below (this line )?is (a copy|the)|original message|included (below )?is|enclosed is|the (header|following).{0,20} (of the|is a copy)|headers? of the|unsent message|returned message|returned mail|message headers? follow|original (message )?headers?|begin(ning)? of returned|copy of|your (original )?message follows|original message (follows|header))",
        r"^-{2,} ?(a copy|original|returned|unsent|message header|below|copy)|^-----original message",
        r"^(received|return-path|dkim-signature|x-google-smtp-source|delivered-to|arc-seal|authentication-results|x-originating-ip|mime-version|message-id): ?\S",
    ])
});

static ADDRESS: LazyLock<Regex> = LazyLock::new(|| regex(r#"[^\s<>()\[\]"',;:{}]+@[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?"#));
/// A line that is about one recipient: the address stands first, perhaps after a word or a bullet.
static ABOUT: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r#"^[\s*•>-]*(?:\d{3}[ -])?(?:(?:failed |final |original )?(?:recipient|recipients|to|address|user|rcpt|empf[aä]nger|destinataire|destinatario|could not be delivered to|smtp server \S+ rejected recipient)s?:? *)?["'<]*(?P<address>[^\s<>()\[\]"',;:{}]+@[a-z0-9][a-z0-9.-]*)"#,
    )
});

/// Whether a mail without fields is a notice that something came back.
pub fn is_notice(mail: &Mail) -> bool {
    if mail.header("x-failed-recipients").is_some() {
        return true;
    }
    let by_machine = by_machine(mail);
    let subject = SUBJECT.is_match(&mail.subject);
    let words: String = before_original(&mail.text).into_iter().take(60).collect::<Vec<_>>().join(" ");
    let says = SENTENCE.is_match(&words);
    // People and newsletters write about deliveries too: from them only what a server said counts.
    by_machine && (subject || says) || subject && says && !answers_somebody(mail) && mail.header("list-id").is_none() && shows_proof(mail, &words)
}

/// The null sender, the usual names, or a report.
pub fn by_machine(mail: &Mail) -> bool {
    let null = mail.header("return-path").is_some_and(|path| matches!(path, "<>" | "" | "<MAILER-DAEMON>"));
    null || mail.from.as_deref().is_none_or(|from| MACHINE.is_match(from)) || mail.media_type == "multipart/report"
}

/// What only a notice holds: the returned mail, a code, or a line about an address.
fn shows_proof(mail: &Mail, words: &str) -> bool {
    let about = || before_original(&mail.text).iter().any(|line| ABOUT.is_match(line));
    mail.original.is_some() || status_in(words).is_some() || code_in(words).is_some() || about()
}

/// People answer bounces too, and forward them.
fn answers_somebody(mail: &Mail) -> bool {
    let subject = mail.subject.to_lowercase();
    ["re:", "fw:", "fwd:", "aw:", "wg:", "tr:", "rv:", "sv:"].iter().any(|start| subject.starts_with(start))
}

/// The lines before the returned mail begins.
pub fn before_original(text: &str) -> Vec<&str> {
    let lines: Vec<&str> = text.lines().take(MOST_LINES).collect();
    // The first words of a notice can look like such a line.
    let first = lines.iter().position(|line| !line.trim().is_empty()).unwrap_or(0);
    let end = lines.iter().enumerate().position(|(at, line)| at > first && END.is_match(line)).unwrap_or(lines.len());
    lines[..end].to_vec()
}

/// Whether a notice says that it will be tried again.
pub fn is_delay(mail: &Mail) -> bool {
    let words = before_original(&mail.text).join(" ");
    DELAY.is_match(&mail.subject) || DELAY.is_match(&words) && !GIVEN_UP.is_match(&mail.subject)
}

/// The lines about each recipient, from the one that names them to the next.
fn stretches<'a>(lines: &[&'a str]) -> Vec<(String, Vec<&'a str>)> {
    let mut about: Vec<(String, Vec<&str>)> = vec![];
    for line in lines {
        let named = ABOUT.captures(line).and_then(|found| found.name("address")).map(|found| found.as_str().trim_end_matches('.').to_owned());
        match named {
            Some(address) if about.iter().all(|(known, _)| !known.eq_ignore_ascii_case(&address)) && about.len() < MOST_RECIPIENTS => {
                about.push((address, vec![line]))
            }
            _ => {
                if let Some((_, words)) = about.last_mut() {
                    words.push(line);
                }
            }
        }
    }
    about
}

/// What the words beside a report say of one recipient; all of them where they do not name one.
pub fn words_about(text: &str, address: Option<&str>) -> String {
    let lines = before_original(text);
    let mut all = stretches(&lines);
    let mine = all.iter().position(|(named, _)| address.is_some_and(|address| named.eq_ignore_ascii_case(address)));
    match mine.map(|at| all.swap_remove(at).1) {
        Some(mine) if mine.concat().trim().len() > address.map_or(0, str::len) + 4 => mine.join("\n"),
        _ => lines.join("\n"),
    }
}

/// What a notice says of each recipient.
pub fn recipients(mail: &Mail) -> Vec<Recipient> {
    let lines = before_original(&mail.text);
    let action = if is_delay(mail) { Action::Delayed } else { Action::Failed };
    let mut about = stretches(&lines);
    let whole = format!("{}\n{}", lines.join("\n"), mail.subject);
    if about.is_empty() {
        let named =
            mail.header("x-failed-recipients").map(|value| value.split(',').filter_map(fields::address).collect::<Vec<_>>()).unwrap_or_default();
        let named = if named.is_empty() { ADDRESS.find(&whole).map(|found| found.as_str().to_owned()).into_iter().collect() } else { named };
        let named = if named.is_empty() { vec![String::new()] } else { named };
        about = named.into_iter().take(MOST_RECIPIENTS).map(|address| (address, lines.clone())).collect();
    }
    about.into_iter().map(|(address, words)| recipient(address, &words.join("\n"), &whole, action)).collect()
}

fn recipient(address: String, words: &str, whole: &str, action: Action) -> Recipient {
    let status = status_in(words);
    let mut cause = judge(&Said { text: words, status: None, around: whole });
    let mut said = words;
    if matches!(cause, Cause::Unclear | Cause::System | Cause::Network | Cause::Policy) && status.is_none() && code_in(words).is_none() {
        let of_all = judge(&Said { text: whole, status: None, around: "" });
        if of_all != Cause::Unclear {
            (cause, said) = (of_all, if words.trim() == address { whole } else { words });
        }
    }
    Recipient { finally: None, status, action, hard: action == Action::Failed && cause.is_hard(), cause, said: line(said, 500), address }
}
