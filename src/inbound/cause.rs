//! Why a server did not take a mail, from its status code and its words.
//!
//! Hard means that the address will never accept mail: no such person, no such host, moved, refuses all mail.
//! A class of 5 alone is not hard: two out of three refusals for good are about the sender, the content or the day.

use std::sync::LazyLock;

use regex::{Regex, RegexSet};

/// Longest text that is looked at, in characters.
const LONGEST: usize = 4_000;

/// Why a mail was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// Nobody has this address.
    UserUnknown,
    /// There is no such host or domain.
    HostUnknown,
    /// Whoever had the address has moved.
    Moved,
    /// The host takes no mail at all.
    RefusesMail,
    /// The mailbox is full.
    Full,
    /// The account is switched off, perhaps for a time.
    Suspended,
    /// The mail is too big.
    TooBig,
    /// The sender did not prove who it is.
    Authentication,
    /// The sender's host, address or domain is not wanted.
    Blocked,
    /// The content looked like spam.
    Spam,
    /// The content looked dangerous.
    Virus,
    /// Too much at once.
    Rate,
    /// The server does not relay for this domain.
    Relay,
    /// A rule of the receiving side.
    Policy,
    /// The recipient or a filter turned it away.
    Filtered,
    /// No way to the host, or it did not answer in time.
    Network,
    /// Something is broken at the receiving side.
    System,
    /// The server gives no reason that is known here.
    Unclear,
}

impl Cause {
    /// Whether the address will never accept mail.
    pub fn is_hard(self) -> bool {
        matches!(self, Cause::UserUnknown | Cause::HostUnknown | Cause::Moved | Cause::RefusesMail)
    }

    /// The cause as a sentence.
    pub fn words(self) -> &'static str {
        match self {
            Cause::UserUnknown => "Nobody has this address.",
            Cause::HostUnknown => "There is no such mail domain.",
            Cause::Moved => "Whoever had this address has moved.",
            Cause::RefusesMail => "This domain takes no mail.",
            Cause::Full => "The mailbox is full.",
            Cause::Suspended => "The account is switched off, perhaps for a time.",
            Cause::TooBig => "The message is too big for this mailbox.",
            Cause::Authentication => "The receiving server could not verify the sender.",
            Cause::Blocked => "The receiving server does not take mail from this sender.",
            Cause::Spam => "The receiving server took the message for spam.",
            Cause::Virus => "The receiving server took the message for dangerous.",
            Cause::Rate => "Too much was sent at once.",
            Cause::Relay => "The server is not responsible for this domain.",
            Cause::Policy => "A rule of the receiving side forbids it.",
            Cause::Filtered => "The recipient or a filter turned it away.",
            Cause::Network => "The receiving server could not be reached in time.",
            Cause::System => "Something is broken at the receiving side.",
            Cause::Unclear => "The receiving side gave no reason that is known here.",
        }
    }
}

/// What the server said.
#[derive(Debug, Clone, Default)]
pub struct Said<'a> {
    /// Its words, on any number of lines.
    pub text: &'a str,
    /// The enhanced status code of the report, such as `5.1.1`.
    pub status: Option<&'a str>,
    /// What else the report says, where the command may be named that was answered.
    pub around: &'a str,
}

/// Words that speak of something else than the address, before any that speak of it.
static NOT_THE_ADDRESS: LazyLock<Vec<(Cause, RegexSet)>> = LazyLock::new(|| {
    vec![
        (
            Cause::Authentication,
            set(&[
                r"\b(dmarc|spf|dkim)\b",
                r"\bunauthenticated (e-?mail|sender|message)|sender (id|policy framework)|purported responsible",
                r"(message|sender|e-?mail) (is|was) not authenticated|authenticat\w+ (required|failed|failure|checks?)|must be authenticated",
                r"domain.{0,40}(does not|doesn't|not) pass",
            ]),
        ),
        (Cause::Virus, set(&[r"\bvirus|malware|infected|trojan|\bworm\b"])),
        (
            Cause::Spam,
            set(&[
                r"\bspam|\bjunk\b|\bube\b|unsolicited|bulk e-?mail|phish",
                r"(scored|classified|identified|detected) as",
                r"content.{0,30}(reject|refus|denied|not (accepted|acceptable|allowed))|(reject|refus)\w+.{0,30}\bcontent\b",
            ]),
        ),
        (
            Cause::Rate,
            set(&[
                r"too many (messages|mails|e-?mails|connections|recipients|errors|concurrent|sessions|simultaneous|invalid)",
                r"\bthrottl|rate limit|(sending|connection|message|receiving)[ -]rate|at a rate|too (fast|frequent|quickly)",
                r"(hourly|daily|relay|sending|sent|message) (quota|limit)|deferred due to|exceeded.{0,30}(connections|messages per|per (hour|day|minute))",
            ]),
        ),
        (
            Cause::Full,
            set(&[
                r"(mail ?box|mail ?folder|mail ?drop|in ?box|account|folder|storage|disk|mailstore|maildir).{0,60}\b(full|exceeded|exceeds|over ?quota|over its|over the|overdrawn)\b",
                r"\bquota\b|over ?quota|mbox full|full mail ?box|mailbox size|out of (disk |storage )?space",
                r"(insufficient|not enough|no) (disk |system |storage |mailbox )?(space|storage)|storage (limit|allocation)|exceed\w*.{0,40}(storage|space|capacity)",
                r"(user|recipient).{0,40}(is full|over the maximum|too much mail|too many (e-?mails|messages) (in|stored))",
                r"bo[iî]te.{0,40}pleine|postfach.{0,40}voll|buz[oó]n.{0,30}llen|casella.{0,30}piena|caixa.{0,30}cheia|переполнен",
            ]),
        ),
        (
            Cause::TooBig,
            set(&[
                r"(message|mail|attachment|data|size|header).{0,60}(too (large|big|long)|larger than|exceed\w*.{0,40}(size|limit|maximum|length|max))",
                r"size (limit|restriction)|maximum (allowed )?(message |mail )?size|sizelimit|exceeds.{0,20}size",
            ]),
        ),
        (
            Cause::Relay,
            set(&[
                r"\brelay(ing)?\b.{0,30}(denied|not|prohibited|refused|forbidden|disallow|reject)|(not|unable|cannot|can't|won't|refus\w+|deny|denies|no)\b.{0,20}\brelay",
                r"\brcpthosts\b|open relay|not (a |our )?local (domain|host)|(domain|host) (is )?not (served|hosted|handled|local)|we do not (serve|handle)",
            ]),
        ),
        (
            Cause::Blocked,
            set(&[
                r"black[- ]?list|block[- ]?list|deny[- ]?list|grey[- ]?list|\bgr[ae]ylist|\b(dns|r)bls?\b|spamhaus|spamcop|sorbs|barracuda|proofpoint|cloudmark|senderbase|senderscore",
                r"\breputation\b|\bbanned\b|\bblocked\b|\bblock (by|for|this|your)|suspicious|unusual rate",
                r"reverse dns|\bptr\b|\brdns\b|reverse (lookup|mapping|hostname)|\b(helo|ehlo)\b|mismatch|generic hostname|dynamic (ip|address|host)",
                r"(your|client|sending|sender'?s?|connecting|source|originating) (ip|host|server|network|mail ?server|mta|client|machine|domain|system|isp)\b",
                r"\b(ip|client)( address| host)?\b.{0,40}\b(reject\w*|denied|refus\w+|not (allowed|permitted|accepted)|listed)|(from|for) servers?(/devices)? ",
                r"\bsender\b|mail from|envelope[- ]from|from:? address|return[- ]path|originator|invalid (ip|domain name|domain for)|messages from \S*\d",
            ]),
        ),
        (
            Cause::Suspended,
            set(&[
                r"(user|account|mailbox|recipient|address|subscriber|domain|mail ?drop|customer|e-?mail).{0,60}\b(disabled|suspended|deactivated|inactive|locked|frozen|on hold|discontinued|terminated|not (currently )?active|temporar\w+|expired|not enabled|blocked)\b",
                r"(disabled|suspended|deactivated|inactive|locked|frozen|dormant)\b.{0,20}(user|account|mailbox|recipient|address|domain)|extended inactivity",
            ]),
        ),
        (
            Cause::Filtered,
            set(&[
                r"(not|isn't) (currently |presently )?accepting (any )?(mail|messages|e-?mails) (from|at this time)|refused? (by|due to) (the )?(recipient|user)|recipient('s)? (preferences?|rules?|filters?|policy)",
                r"user rules|refuses? to (receive|accept)|not wanted by|personal (filter|block)|restricted (sms|recipient)|only (accept|receiv)\w+.{0,30}from",
            ]),
        ),
    ]
});

/// What the owner of an address is called.
const OWNER: &str = r"(?:users?|recipients?|mail ?box(?:es)?|accounts?|address(?:es|ee)?|e-?mail(?: address| account)?|local[- ]?part|alias|person|customer|subscriber|maildrop|member|rcpt|rcptto|destination)";

/// Words that say that the address will never accept mail.
static THE_ADDRESS: LazyLock<Vec<(Cause, RegexSet)>> = LazyLock::new(|| {
    let user = [
        format!(r"\b(unknown|invalid|no such|non-?exist\w*|bad|undefined|unrecogni[sz]ed|unresolvable|nonexistent|not a (valid|known|local)|no valid|incorrect)\b[ /:]*(or \w+ )?((local|virtual|relay|destination|to|mail|envelope|smtp|final|the)[ -]){{0,2}}{OWNER}\b"),
        format!(r"\b{OWNER}\b(?:['’]s)?[^.]{{0,80}}\b(unknown|not found|notfound|not exist\w*|no existe|doesn['’]?t exist|not (been )?(known|recogni[sz]ed|valid|listed|local|present|registered|ok|found|defined)|no longer (exists?|valid|active|in use|accepts|used|on)|(couldn['’]t|could not|can['’]?t|cannot|can not|wasn['’]t|was not) be found|invalid|missing|incorrect)\b"),
        format!(r"\b{OWNER}\b[^.]{{0,60}}\bdoes not (currently )?exist\b|\b(can ?not|can't|could not|couldn't|unable to|failed to|cannot) (find|locate|resolve|look ?up|verify) (the |a |this |that |your )?([\w-]+ )?{OWNER}\b"),
        r"\bno (mailbox|account|user|one|person|recipient|address|addressee)\b.{0,30}\b(here|by that name|with that name|at this address|found|match)".into(),
        r"\b(doesn['’]t|does not) have an? .{0,80}account|there is no (one|user|such|account|mailbox)|who are you looking for".into(),
        r"\brecipient (address )?rejected:? *(user\b|access denied|undeliverable|unknown|invalid|no such|address (is )?not|not found|unverified|$|\(in reply|\. *(\(in reply|$))".into(),
        r"recip(ient)?notfound|usernotfound|unknownuser|user ?unknown|unknown ?user|not listed in .{0,40}(directory|address book)|not present in (the )?directory|badrcptto|validrcptto|not our customer".into(),
        r"requested action not taken: mailbox (unavailable|not found)|mailbox (unavailable|unreachable) *(\(|$|or access denied)|mailbox name not allowed".into(),
        r"\b(unrout(e)?able|undeliverable) (mail )?(address|recipient)|address (unknown|unavailable)|#5\.1\.0 address rejected|recipient verification failed".into(),
        r"utilisateur inconnu|(adresse|destinataire|compte|bo[iî]te).{0,40}(inconnue?|invalide|inexistante?|n['’]existe (pas|plus))|n['’]existe pas".into(),
        r"unbekannte[rn]? (empf|benutzer|adress)|(empf[aä]nger|benutzer|adresse|postfach|konto)\w*.{0,40}(unbekannt|existiert nicht|nicht gefunden|nicht vorhanden|ung[uü]ltig)".into(),
        r"no existe (dicha|ese|el|la|esta) |(usuario|destinatario|cuenta|buz[oó]n|direcci[oó]n).{0,30}(desconocid|no existe|inexistente|no encontrad|no (es )?v[aá]lid)".into(),
        r"(utente|destinatario|casella|indirizzo).{0,30}(sconosciut|inesistente|non (esiste|trovat|valid))|(usu[aá]rio|destinat[aá]rio|conta|endere[cç]o).{0,30}(desconhecid|n[aã]o (existe|encontrad)|inexistente|inv[aá]lid)".into(),
        r"(пользовател|получател|адрес|ящик)\S*.{0,40}(не найден|не существует|неизвест|недоступен)|нет такого|несуществующ".into(),
        r"(宛先|ユーザ|受信者|アドレス|メールボックス).{0,30}(見つかりません|存在しません|不明|ありません)|リストにありません|该用户不存在|用户不存在|收件人.{0,10}不存在|존재하지".into(),
    ];
    let user: Vec<&str> = user.iter().map(String::as_str).collect();
    vec![
        (
            Cause::Moved,
            set(&[
                r"\b(has|have) moved\b|mailbox has moved|no longer (on|at) (this )?(server|host|site|system)|(address|e-?mail).{0,20}(has )?changed to|has been replaced by|user not local; please try|moved to a new|left the (company|organi[sz]ation)|no longer (works?|employed)",
            ]),
        ),
        (
            Cause::RefusesMail,
            set(&[
                r"null ?mx|(host|domain|system|server|machine|site)\b.{0,60}\b(does not|doesn't|not|never|no) accept\w* .{0,20}(mail|messages)|no smtp service here|accepts no mail",
            ]),
        ),
        (
            Cause::HostUnknown,
            set(&[
                r"\bhost (name )?(is )?(unknown|not found|does not exist)|unknown (host|domain|mail ?host)|no such (host|domain)|nxdomain|name or service not known|domain (is )?not reachable",
                r"\b(domain|domain name|host or domain name)\b.{0,60}\b(not found|does not exist|doesn['’]t exist|is not reachable|must exist|could ?n[o'’]t be found|is unknown|is invalid|no longer exists)|recipient domain.{0,30}(not|must|invalid|unknown)",
                r"(couldn['’]t|could not|unable to|cannot|can['’]t) find (any|an|a) (host|domain|mail exchanger|exchanger|mx)|no (mx|mail exchanger|mail servers?)( record| hosts?)?.{0,20}(found|for|exist)|domain has no mx|unrout(e)?able (mail )?domain|all relevant mx records point to non-?exist",
            ]),
        ),
        (Cause::UserUnknown, set(&user)),
    ]
});

/// Words of a passing or local trouble, where nothing else was found.
static TROUBLE: LazyLock<Vec<(Cause, RegexSet)>> = LazyLock::new(|| {
    vec![
        (
            Cause::Policy,
            set(&[
                r"\bpolic(y|ies)\b|prohibit|administrative|not (authorized|authorised|permitted|allowed)|restrict|permission|security|access denied|forbidden|not a member|rejected",
            ]),
        ),
        (
            Cause::Network,
            set(&[
                r"timed? ?out|not respond|connection (refused|lost|dropped|reset|closed|died)|no route|network|unreachable|could not connect|did not (accept|respond)|socket error|not reachable|name (service|server)|\bdns\b|\bmx\b|too many hops|loop",
                r"expired|giving up|given up|too long|retry time|for the last \d+|could not be delivered (for|within)|delivery (time|attempts)|unable to deliver in|aborted after|deferred|not yet",
            ]),
        ),
        (
            Cause::System,
            set(&[
                r"system|config|internal|service|temporar|local error|i/o|resource|mailer|pipe|command|processing|exit|unix|server error|lmtp|software|bug|storage|protocol|sequence|syntax",
            ]),
        ),
    ]
});

/// A name server that could not be asked says nothing about the host.
static PASSING: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"try again later|, try again|temporar|timed? ?out|not respond|name ?server (failure|reply)|malformed or unexpected|server failure|transient|currently",
    )
});

/// It was tried until its time was over.
static EXPIRED: LazyLock<Regex> =
    LazyLock::new(|| regex(r"retry time|timed? ?out|message (has )?expired|delivery (time )?expired|in the queue too long"));

/// The user that is unknown may be the one who sends.
static SENDER: LazyLock<Regex> = LazyLock::new(|| regex(r"\bsender\b|mail from|envelope[- ]from|return[- ]path|originator|\bblocked\b|\bbanned\b"));

/// Words of a server that could not find out whether somebody has the address.
static UNPROVEN: LazyLock<Regex> =
    LazyLock::new(|| regex(r"verif|unavailable|temporar|gr[ae]ylist|try again|\blater\b|busy|timed? ?out|in progress|currently|lookup"));

/// The server refused when the recipient was named.
static AT_RECIPIENT: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"\brcpt[ _-]?to\b|rcpt command|like recipient|rejected recipient|recipient address rejected|>>> rcpt|mail\.local:|local delivery|unknown in (local recipient|relay recipient|virtual (alias|mailbox)) table|\(state 1[34]\)|(?m:^\s*(unknown|no such) user:? *<?[^\s<>@]+@)",
    )
});

/// No more than the name of the error.
static CURT: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"\b((user|recipient|mailbox) (is )?(unknown|not found)|(unknown|no such|invalid) (user|recipient|mailbox)( here)?)\b|user doesn['’]t have an? \S* ?account|other mail system problem",
    )
});

/// All recipients were refused, whatever command the answer came after.
static NOBODY_LEFT: LazyLock<Regex> = LazyLock::new(|| regex(r"no valid recipients|need rcpt|rcpt first|503 .{0,20}recipient"));

/// The server refused after it had the whole message: then the words about the user are those of a filter.
static AFTER_CONTENT: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"in reply to end of data|end of data command|after (end of data|i sent the message|sending data block|pipelined)|after (the )?(final )?dot|>>> data\s+(<<< (2|3).*\s+)*<<< [45]|after end of (message|data)|\[(data|eod|eom)\]|error sending data block",
    )
});

static RECIPIENT_NAMED: LazyLock<Regex> = LazyLock::new(|| regex(r"\brcpt to: *<?[^\s<>]+@"));
static SENDER_NAMED: LazyLock<Regex> = LazyLock::new(|| regex(r"(?m:^[\s>]*mail from: *<?[^\s<>]*@[^\s<>]*>?)"));
/// URLs name pages about spam also where there was none.
static URL: LazyLock<Regex> = LazyLock::new(|| regex(r"https?://\S+"));
/// Addresses say nothing, but their parts look like words: `no-such-user@example.com`.
static ADDRESS: LazyLock<Regex> = LazyLock::new(|| regex(r#"<?[^\s<>()\[\]"',;:]+@[a-z0-9.-]+>?"#));
/// The code before each further line of one answer.
static CONTINUED: LazyLock<Regex> = LazyLock::new(|| regex(r"\s+[245]\d\d-(?:[245]\.\d{1,3}\.\d{1,3} )?"));
static STATUS: LazyLock<Regex> = LazyLock::new(|| regex(r"(?:^|[^\d.])([245]\.\d{1,3}\.\d{1,3})(?:$|[^\d.]|\.(?:\D|$))"));
static CODE: LazyLock<Regex> = LazyLock::new(|| regex(r"(?:^|[\s:;(\[<'])([45]\d\d)(?:[\s:;-]|$)"));

fn regex(pattern: &str) -> Regex {
    #[expect(clippy::unwrap_used, reason = "constant patterns, each compiled by the tests")]
    Regex::new(&format!("(?i){pattern}")).unwrap()
}

fn set(patterns: &[&str]) -> RegexSet {
    #[expect(clippy::unwrap_used, reason = "constant patterns, each compiled by the tests")]
    RegexSet::new(patterns.iter().map(|pattern| format!("(?i){pattern}"))).unwrap()
}

/// The enhanced status code in an answer, `x.0.0` only if there is no better one.
pub fn status_in(text: &str) -> Option<String> {
    let all: Vec<&str> = STATUS.captures_iter(text).filter_map(|found| found.get(1)).map(|found| found.as_str()).collect();
    all.iter().find(|status| !status.ends_with(".0.0")).or(all.first()).map(|status| (*status).to_owned())
}

/// The reply code in an answer, such as 550.
pub fn code_in(text: &str) -> Option<u16> {
    CODE.captures(text)?.get(1)?.as_str().parse().ok()
}

/// One answer as it is compared: on one line, without URLs, addresses and repeated codes.
fn plain(text: &str) -> String {
    let text: String = text.chars().take(LONGEST).collect();
    // A transcript that goes on to the recipients names the sender only in passing.
    let text = if RECIPIENT_NAMED.is_match(&text) { SENDER_NAMED.replace_all(&text, " ").into_owned() } else { text };
    let text = URL.replace_all(&text, " ");
    let text = ADDRESS.replace_all(&text, " ");
    let text = CONTINUED.replace_all(&text, " ");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Why a mail was not taken.
pub fn judge(said: &Said) -> Cause {
    let text = plain(said.text);
    let status = match status_in(said.text) {
        Some(own) if !own.ends_with(".0.0") => Some(own),
        own => said.status.map(str::to_owned).or(own),
    };
    let status = status.as_deref().unwrap_or("");
    let passing = status.starts_with('4') || (status.is_empty() && code_in(said.text).is_some_and(|code| code < 500));
    let names_address = status.starts_with("5.1.") && !matches!(status, "5.1.0" | "5.1.7" | "5.1.8");
    if let Some(cause) = first(&NOT_THE_ADDRESS, &text) {
        // The words name the user as unknown, the code says so too, and only a product or a list is named beside it.
        if cause == Cause::Blocked && status == "5.1.1" && first(&THE_ADDRESS, &text) == Some(Cause::UserUnknown) && !SENDER.is_match(&text) {
            return Cause::UserUnknown;
        }
        // The address is gone where the code says so and the words only say "inactive".
        return if cause == Cause::Suspended && status == "5.1.1" && !PASSING.is_match(&text) { Cause::UserUnknown } else { cause };
    }
    if let Some(cause) = first(&THE_ADDRESS, &text) {
        let at = |regex: &Regex| regex.is_match(said.text) || regex.is_match(said.around);
        // Filters that look at the content say "unknown user" too, often in the place of "not wanted". So these
        // bare words count for good only with a code about the address, or where they answer RCPT.
        let by_filter = !names_address
            && !at(&NOBODY_LEFT)
            && (at(&AFTER_CONTENT) || !at(&AT_RECIPIENT) && first(&THE_ADDRESS, &CURT.replace_all(&text, " ")).is_none());
        // What a server could not find out, and itself calls passing, is no last word, also where it was given up in the end.
        let for_now = UNPROVEN.is_match(&text)
            && status_in(said.text).map_or_else(|| code_in(said.text).is_some_and(|code| code < 500), |own| own.starts_with('4'));
        return match cause {
            Cause::UserUnknown if for_now => Cause::Suspended,
            Cause::UserUnknown if by_filter => Cause::Filtered,
            // RFC 3463: x.2.1 is a mailbox that exists and is switched off, x.2.0 one in another state.
            _ if status.ends_with(".2.0") || status.ends_with(".2.1") && !at(&AT_RECIPIENT) => Cause::Suspended,
            Cause::HostUnknown | Cause::RefusesMail | Cause::Moved if passing || PASSING.is_match(&text) => Cause::Network,
            cause => cause,
        };
    }
    match by_status(status) {
        // Given up after a time: the code is the one of an earlier try, or of the relay's own choice.
        cause if cause.is_hard() && EXPIRED.is_match(&text) => Cause::Network,
        Cause::Unclear => first(&TROUBLE, &text).unwrap_or(Cause::Unclear),
        cause => cause,
    }
}

fn first(table: &[(Cause, RegexSet)], text: &str) -> Option<Cause> {
    table.iter().find(|(_, set)| set.is_match(text)).map(|(cause, _)| *cause)
}

/// What a status code says alone (RFC 3463, RFC 7505, and the register of codes).
fn by_status(status: &str) -> Cause {
    let Some((class, rest)) = status.split_once('.') else { return Cause::Unclear };
    match (class, rest) {
        ("5", "1.1" | "1.3" | "1.351") => Cause::UserUnknown,
        ("5", "1.2") => Cause::HostUnknown,
        ("5", "1.6") => Cause::Moved,
        ("5", "1.10") => Cause::RefusesMail,
        ("5", "3.2") => Cause::RefusesMail,
        (_, "2.1") => Cause::Suspended,
        (_, "2.2") => Cause::Full,
        (_, "2.3" | "3.4") => Cause::TooBig,
        (_, "1.7" | "1.8") => Cause::Blocked,
        (_, "4.7" | "4.1" | "4.2" | "4.3" | "4.4" | "4.6") => Cause::Network,
        (_, rest) if rest.starts_with("7.") => Cause::Policy,
        (_, rest) if rest.starts_with("6.") => Cause::Policy,
        (_, rest) if rest.starts_with("3.") || rest.starts_with("5.") && rest != "5.0" => Cause::System,
        _ => Cause::Unclear,
    }
}
