//! Automatic answers (RFC 3834), and until when somebody is away, in four languages.

use std::sync::LazyLock;

use jiff::ToSpan;
use jiff::civil::{Date, Weekday};
use regex::{Captures, Regex, RegexSet};

use super::mail::Mail;
use super::quoted;

/// Days somebody counts as away who does not say until when.
pub const UNTOLD_DAYS: i64 = 7;
/// No absence is held longer, in days.
const LONGEST_DAYS: i64 = 366;

/// An automatic answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AutoReply {
    /// Whether it says that somebody is away.
    pub absent: bool,
    /// The day they are back, where it says so.
    pub back: Option<Date>,
}

fn regex(pattern: &str) -> Regex {
    #[expect(clippy::unwrap_used, reason = "constant patterns, each compiled by the tests")]
    Regex::new(&format!("(?i){pattern}")).unwrap()
}

fn set(patterns: &[&str]) -> RegexSet {
    #[expect(clippy::unwrap_used, reason = "constant patterns, each compiled by the tests")]
    RegexSet::new(patterns.iter().map(|pattern| format!("(?i){pattern}"))).unwrap()
}

static SUBJECT: LazyLock<RegexSet> = LazyLock::new(|| {
    set(&[
        r"^\W*(auto(mated|matic|matische|mática|matique)?[- ]?(reply|response|answer|respuesta|réponse|antwort)|auto:|autoreply|autoresponder|vacation|away|abwesen|out[- ]of[- ](the[- ])?office|ooo\b|on (vacation|leave|holiday))",
        r"\b(out of (the )?office|automatic reply|auto[- ]?reply|autoreply|abwesenheits|automatische antwort|réponse automatique|absence du bureau|message d'absence|respuesta autom[aá]tica|fuera de (la )?oficina|ausente|risposta automatica|resposta autom[aá]tica)\b",
    ])
});

static ABSENT: LazyLock<RegexSet> = LazyLock::new(|| {
    set(&[
        r"out of (the |my )?office|\bon (annual |parental |maternity |paternity |sick |medical |a )?(leave|vacation|holidays?|sabbatical)\b|\b(i am|i['’]m|i will be|currently) (away|travell?ing|out|on the road|absent|unavailable)|\b(back|return\w*) (in|to|on) |limited access to|away from (my|the) (office|desk|e-?mail)",
        r"\babwesen|nicht (im (büro|haus|hause)|erreichbar)|\bim urlaub|außer haus|elternzeit|wieder (da|erreichbar|zurück|im büro)",
        r"\babsent|en (congé|vacances|déplacement)|absence|de retour|hors du bureau",
        r"fuera de (la )?oficina|\bausente|de vacaciones|de vuelta|no estar[eé]|regres",
    ])
});

const MONTHS: &str = "jan(?:uary|uar|vier|\\.)?|j[aä]nner|enero|ene\\.?|feb(?:ruary|ruar|rero|\\.)?|f[ée]vr(?:ier|\\.)?|mar(?:ch|s|zo|\\.)?|m[äa]rz|apr(?:il|\\.)?|avr(?:il|\\.)?|abr(?:il|\\.)?|may|mai|mayo|jun(?:e|i|io|\\.)?|juin|jul(?:y|i|io|\\.)?|juil(?:let|\\.)?|aug(?:ust|\\.)?|ao[uû]t|ago(?:sto|\\.)?|sept?(?:ember|embre|iembre|\\.)?|setiembre|oct(?:ober|obre|ubre|\\.)?|okt(?:ober|\\.)?|nov(?:ember|embre|iembre|\\.)?|dec(?:ember|\\.)?|dez(?:ember|\\.)?|d[ée]c(?:embre|\\.)?|dic(?:iembre|\\.)?";

/// Words after which the day stands on which somebody is back.
const BACK: &str = r"back(?: at work| in(?: the)? office| at my desk)?|return(?:ing|s)?(?: to (?:the|my) office| to work)?|resume|available(?: again)?|as of|wieder(?: erreichbar| da| zurück| im büro| für (?:sie|dich) da)?|ab(?: dem)?|zurück|de retour|retour(?:ne)?|à partir|reviens|rentre|de vuelta|regres\w+|vuelv\w+|volver\w*|disponible|a partir|reincorpor\w+";
/// Words after which the last day stands on which somebody is away.
const UNTIL: &str = r"until|till|through|thru|up to|to|bis(?: einschlie(?:ß|ss)lich| zum| inkl\w*\.?)?|jusqu['’]?(?:au|à)?|au|inclus|hasta|al";

static DATES: LazyLock<Vec<(Regex, Form)>> = LazyLock::new(|| {
    let month = format!(r"(?P<m>{MONTHS})");
    let forms = [
        (r"(?P<y>20\d\d)-(?P<n>\d{1,2})-(?P<d>\d{1,2})".to_owned(), Form::Numbers),
        (r"(?P<d>\d{1,2})\. ?(?P<n>\d{1,2})\.(?: ?(?P<y>\d{4}|\d{2}))?".to_owned(), Form::Numbers),
        (r"(?P<a>\d{1,2})/(?P<b>\d{1,2})(?:/(?P<y>\d{4}|\d{2}))?".to_owned(), Form::Either),
        (r"(?P<a>\d{1,2})-(?P<b>\d{1,2})-(?P<y>\d{4})".to_owned(), Form::Either),
        (format!(r"(?P<d>\d{{1,2}})(?:st|nd|rd|th|er|\.)?(?: (?:of|de))? {month}\b(?:,? (?:de |del )?(?P<y>20\d\d))?"), Form::Words),
        (format!(r"{month} (?:\d{{1,2}}(?:st|nd|rd|th)? ?(?:-|–|to|until) ?)?(?P<d>\d{{1,2}})(?:st|nd|rd|th)?\b(?:,? (?P<y>20\d\d))?"), Form::Words),
    ];
    // Weekdays in front of a date say nothing more.
    let between = r"(?: ?(?:on|the|office|am|le|el|du|del|zum|in|from|dem|den|,|:))*(?: ?(?:mon|tues|wednes|thurs|fri|satur|sun)day,?| ?\w+tag,?| ?mittwoch,?| ?\w+di,?| ?dimanche,?| ?(?:lunes|martes|miércoles|jueves|viernes|sábado|domingo),?)?(?: ?(?:on|the|am|le|el|dem|den|,))* ?";
    let told = format!(r"\b(?:(?P<back>{BACK})|(?P<until>{UNTIL})){between}");
    forms.into_iter().map(|(pattern, form)| (regex(&format!(r"(?:{told})?\b{pattern}")), form)).collect()
});

static WEEKDAY: LazyLock<Regex> = LazyLock::new(|| {
    regex(&format!(
        r"\b(?:(?P<back>{BACK})|(?P<until>{UNTIL})) ?(?:on|am|le|el|kommenden|next|nächsten|prochain|próximo| )*(?P<w>monday|tuesday|wednesday|thursday|friday|saturday|sunday|montag|dienstag|mittwoch|donnerstag|freitag|samstag|sonntag|lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche|lunes|martes|miércoles|jueves|viernes|sábado|domingo)"
    ))
});

#[derive(Debug, Clone, Copy)]
enum Form {
    /// Day, month and year as numbers, in an order that is known.
    Numbers,
    /// Two numbers, either of which may be the month.
    Either,
    /// The month as a word.
    Words,
}

/// The automatic answer that a mail is, on this day.
pub fn of(mail: &Mail, today: Date) -> Option<AutoReply> {
    let submitted = mail.header("auto-submitted").map(|value| value.split(';').next().unwrap_or("").trim().to_ascii_lowercase());
    let by_header = submitted.as_deref().is_some_and(|value| value != "no" && !value.is_empty())
        || ["x-autoreply", "x-autorespond", "x-autoresponder", "x-vacation", "x-ms-exchange-inbox-rules-loop", "x-auto-response"]
            .iter()
            .any(|name| mail.header(name).is_some())
        || mail.header("precedence").is_some_and(|value| matches!(value.trim().to_ascii_lowercase().as_str(), "auto_reply" | "auto-reply"));
    let by_subject = SUBJECT.is_match(&mail.subject);
    if !by_header && !by_subject {
        return None;
    }
    let words = quoted::written(&mail.text);
    let absent = by_subject && !words.to_lowercase().contains("ticket") || ABSENT.is_match(&words) || ABSENT.is_match(&mail.subject);
    // Notifications are generated and answer nobody.
    if !absent && submitted.as_deref().is_some_and(|value| value == "auto-generated" || value == "auto-notified") {
        return None;
    }
    let back = absent.then(|| back(&format!("{}\n{words}", mail.subject), today)).flatten();
    Some(AutoReply { absent, back })
}

/// The day somebody is back, read from their words.
pub fn back(words: &str, today: Date) -> Option<Date> {
    let text: String = words.chars().take(4_000).collect();
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let last = today.checked_add(LONGEST_DAYS.days()).ok()?;
    let fits = |day: &Date| *day > today && *day <= last;
    let (mut told, mut others) = (vec![], vec![]);
    for (regex, form) in DATES.iter() {
        for found in regex.captures_iter(&text) {
            let Some(day) = date_of(&found, *form, today) else { continue };
            if found.name("until").is_some() {
                told.extend(day.tomorrow().ok());
            } else if found.name("back").is_some() {
                told.push(day);
            } else {
                others.extend(day.tomorrow().ok());
            }
        }
    }
    for found in WEEKDAY.captures_iter(&text) {
        if let Some(day) = found.name("w").and_then(|word| weekday(word.as_str())).and_then(|day| today.nth_weekday(1, day).ok()) {
            if found.name("until").is_some() { told.extend(day.tomorrow().ok()) } else { told.push(day) }
        }
    }
    told.into_iter().filter(fits).max().or_else(|| others.into_iter().filter(fits).max())
}

fn date_of(found: &Captures, form: Form, today: Date) -> Option<Date> {
    let number = |name: &str| found.name(name).and_then(|text| text.as_str().parse::<i16>().ok());
    let year = number("y").map(|year| if year < 100 { 2000 + year } else { year });
    match form {
        Form::Numbers => dated(year, number("n")?, number("d")?, today),
        Form::Words => dated(year, month(found.name("m")?.as_str())?, number("d")?, today),
        Form::Either => {
            let (a, b) = (number("a")?, number("b")?);
            // Which of two small numbers is the month depends on the country: the later day holds longer and harms nobody.
            [dated(year, a, b, today), dated(year, b, a, today)].into_iter().flatten().filter(|day| *day > today).max()
        }
    }
}

/// A day of this year, or of the next where it has passed and no year is named.
fn dated(year: Option<i16>, month: i16, day: i16, today: Date) -> Option<Date> {
    let (month, day) = (i8::try_from(month).ok()?, i8::try_from(day).ok()?);
    if let Some(year) = year {
        return Date::new(year, month, day).ok();
    }
    let this = Date::new(today.year(), month, day).ok();
    // What has just passed is a day in the past, not one in a year.
    match this {
        Some(this) if this >= today.checked_sub(30.days()).ok()? => Some(this),
        _ => Date::new(today.year() + 1, month, day).ok(),
    }
}

fn month(word: &str) -> Option<i16> {
    let word = word.to_lowercase();
    let starts = |begins: &[&str]| begins.iter().any(|begin| word.starts_with(begin));
    Some(match () {
        () if starts(&["jan", "jän", "jänner", "ene"]) => 1,
        () if starts(&["feb", "fév", "fev"]) => 2,
        () if starts(&["mar", "mär"]) => 3,
        () if starts(&["apr", "avr", "abr"]) => 4,
        () if starts(&["may", "mai"]) => 5,
        () if starts(&["jun", "juin"]) => 6,
        () if starts(&["jul", "juil"]) => 7,
        () if starts(&["aug", "aoû", "aou", "ago"]) => 8,
        () if starts(&["sep", "set"]) => 9,
        () if starts(&["oct", "okt"]) => 10,
        () if starts(&["nov"]) => 11,
        () if starts(&["dec", "dez", "déc", "dic"]) => 12,
        () => return None,
    })
}

fn weekday(word: &str) -> Option<Weekday> {
    Some(match word.to_lowercase().as_str() {
        "monday" | "montag" | "lundi" | "lunes" => Weekday::Monday,
        "tuesday" | "dienstag" | "mardi" | "martes" => Weekday::Tuesday,
        "wednesday" | "mittwoch" | "mercredi" | "miércoles" => Weekday::Wednesday,
        "thursday" | "donnerstag" | "jeudi" | "jueves" => Weekday::Thursday,
        "friday" | "freitag" | "vendredi" | "viernes" => Weekday::Friday,
        "saturday" | "samstag" | "samedi" | "sábado" => Weekday::Saturday,
        "sunday" | "sonntag" | "dimanche" | "domingo" => Weekday::Sunday,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn the_day_somebody_is_back_is_read_in_four_languages() {
        // A Monday.
        let today = date(2026, 3, 2);
        for (words, day) in [
            ("I am out of the office until March 9, 2026.", date(2026, 3, 10)),
            ("I will be back on 16 March.", date(2026, 3, 16)),
            ("I'm away from March 1st to March 13th and will reply then.", date(2026, 3, 14)),
            ("I will be traveling for work on March 10-21.", date(2026, 3, 22)),
            ("I return on Monday.", date(2026, 3, 9)),
            ("Back in the office on 2026-04-01.", date(2026, 4, 1)),
            ("Returning 03/30/2026", date(2026, 3, 30)),
            ("Ich bin bis zum 13.03.2026 nicht im Büro.", date(2026, 3, 14)),
            ("Ich bin vom 1. März bis 20. März im Urlaub.", date(2026, 3, 21)),
            ("Ab dem 23.3. bin ich wieder erreichbar.", date(2026, 3, 23)),
            ("Ich bin am Mittwoch, den 11. März 2026 wieder da. Wieder im Büro am 11. März 2026.", date(2026, 3, 11)),
            ("Je suis absent jusqu'au 15 mars 2026.", date(2026, 3, 16)),
            ("Je serai de retour le lundi 16 mars.", date(2026, 3, 16)),
            ("En congés du 2 mars au 20 mars inclus.", date(2026, 3, 21)),
            ("Estaré fuera de la oficina hasta el 12 de marzo de 2026.", date(2026, 3, 13)),
            ("Estaré de vuelta el 17 de marzo.", date(2026, 3, 17)),
            ("Estoy de vacaciones del 1 al 15 de marzo.", date(2026, 3, 16)),
            ("Away until 5 January.", date(2027, 1, 6)),
        ] {
            assert_eq!(back(words, today), Some(day), "{words}");
        }
        for words in ["I am away.", "I was out until February 27, 2026.", "Our office opened in 1999."] {
            assert_eq!(back(words, today), None, "{words}");
        }
    }
}
