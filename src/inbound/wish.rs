//! Whether somebody asks to get no more mail, in their own words.

use std::sync::LazyLock;

use regex::{Regex, RegexSet};

use super::mail::Mail;
use super::quoted;

fn regex(pattern: &str) -> Regex {
    #[expect(clippy::unwrap_used, reason = "constant patterns, each compiled by the tests")]
    Regex::new(&format!("(?i){pattern}")).unwrap()
}

/// One word, alone.
static ALONE: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"^(please |bitte )?(unsubscribe( me)?|stop|remove( me)?|opt[- ]?out|abmelden|abbestellen|austragen|d[eé]sabonner|d[eé]sinscription|d[eé]sinscrire|baja|cancelar( suscripci[oó]n)?|darme de baja|stopp)[\s.!]*(please|bitte|thanks|thank you|danke|merci|gracias)?[\s.!]*$",
    )
});

/// A sentence that asks for it.
static ASKED: LazyLock<RegexSet> = LazyLock::new(|| {
    let patterns = [
        r"\b(un-?subscribe|remove|delete|drop) (me|us|my (e-?mail|address|name)|this (e-?mail|address))\b",
        r"\btake (me|us|my (e-?mail|address|name)|this address) off\b|\bopt (me|us) out\b|\bi (want|wish|would like|['’]d like) to (unsubscribe|opt[- ]?out|be removed|be taken off)",
        r"\b(stop|quit|cease) (writing|e-?mailing|mailing|sending|contacting|messaging|spamming|bothering|with (the|these|your) (e-?mails|mails|messages))\b",
        r"\b(do not|don['’]?t|never) (e-?mail|mail|write|contact|message|bother|spam)( to)? (me|us)\b|\b(do not|don['’]?t|never) send (me|us) (any|more|another|further|these|e-?mails?|mails?)",
        r"\bno (more|further) (e-?mails?|mails?|messages)( please)?[\s.!]*$|\bi (do not|don['’]?t|no longer) (want|wish)( to (get|receive|hear)| any| more| these| your)\b.{0,40}\b(e-?mails?|mails?|messages|newsletters?|from you)",
        r"\bleave me alone\b",
        r"\b(bitte )?(tragen|tragt|nehmen|nehmt|streichen|löschen) sie? ?(mich|uns|meine (e-?mail|adresse))|\b(melden|meldet) sie mich (bitte )?ab\b|\bich (möchte|will) mich (hiermit )?(abmelden|austragen)",
        r"\b(bitte )?(schreiben|schicken|senden|kontaktieren) sie (mir|mich|uns) (bitte )?(nicht (mehr|weiter)|keine)|\bkeine (weiteren? )?(e-?mails?|mails?|nachrichten|werbung)( mehr)?( bitte| an mich| senden| schicken|[\s.!]*$)|\bhören sie (bitte )?auf,? mir",
        r"\b(d[eé]sabonnez|d[eé]sinscrivez|retirez|supprimez|enlevez)[- ](moi|nous|mon adresse)|\bje (souhaite|veux|voudrais|d[eé]sire) (me d[eé]sabonner|me d[eé]sinscrire|[eê]tre retir)|\bne (m['’]|me )(é|e)criv\w+ plus|\bne (m['’]envoyez|me contactez|nous contactez) plus|\b(arr[eê]tez|cessez) de (m['’]|me |nous )|\bje ne (veux|souhaite) plus recevoir",
        r"\b(denme|dame|deme|d[eé]nme|darme) de baja|\b(b[oó]rr(a|e|en)me|elim[ií]n(a|e|en)me|qu[ií]t(a|e|en)me) de|\b(deje|deja|dejen)n? de (escribirme|enviarme|mandarme|contactarme|escribir|enviar)|\bno me (escriba|env[ií]e|mande|contacte)n?s? m[aá]s|\bno (quiero|deseo) (recibir|m[aá]s correos)",
    ];
    #[expect(clippy::unwrap_used, reason = "constant patterns, each compiled by the tests")]
    RegexSet::new(patterns.map(|pattern| format!("(?i){pattern}"))).unwrap()
});

/// The same words in a question, in a report of somebody else's wish, or denied.
static NOT_MEANT: LazyLock<RegexSet> = LazyLock::new(|| {
    let patterns = [
        r"\b(how|where|when|why|what|who|which|can|could|if|whether|wie|wo|wann|warum|comment|pourquoi|c[oó]mo|cu[aá]ndo)\b[^.!]{0,80}\b(our|my|their|customers?|users?|they|we|kunden|nutzer|clients?|clientes?)\b[^.!]*",
        r"\b(do not|don['’]?t|did not|didn['’]?t|never|please do not|please don['’]?t|not want to|no need to) (stop|un-?subscribe|remove|opt|take)",
    ];
    #[expect(clippy::unwrap_used, reason = "constant patterns, each compiled by the tests")]
    RegexSet::new(patterns.map(|pattern| format!("(?i){pattern}"))).unwrap()
});

/// The word that stands before the token in the subject of a mail to the address of List-Unsubscribe.
pub const LEAVE: &str = "unsubscribe";
/// Length of such a token.
const TOKEN: usize = 43;

/// The token that the subject names, where it is nothing but that.
pub fn token(subject: &str) -> Option<&str> {
    let (word, token) = subject.trim().split_once(' ')?;
    let is_one = token.len() == TOKEN && token.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    (word.eq_ignore_ascii_case(LEAVE) && is_one).then_some(token)
}

/// The sentence in which somebody asks to get no more mail.
pub fn to_leave(mail: &Mail) -> Option<String> {
    if ALONE.is_match(mail.subject.trim()) {
        return Some(mail.subject.clone());
    }
    words_to_leave(&quoted::written(&mail.text))
}

/// The same in plain words.
pub fn words_to_leave(written: &str) -> Option<String> {
    // What somebody asks for stands at the start, not in the small print of a signature.
    let written: String = written.chars().take(2_000).collect();
    let first = written.lines().find(|line| !line.trim().is_empty()).unwrap_or("").trim();
    if ALONE.is_match(first) {
        return Some(first.to_owned());
    }
    written
        .split(['.', '!', '\n'])
        .map(str::trim)
        .find(|sentence| ASKED.is_match(sentence) && !NOT_MEANT.is_match(sentence) && !sentence.ends_with('?'))
        .map(|sentence| sentence.chars().take(300).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wish_to_leave_is_heard_in_four_languages() {
        for asked in [
            "unsubscribe",
            "Please stop writing to me.",
            "STOP",
            "Hi,\n\nplease remove me from your list. Thanks, Ana",
            "I don't want to receive these emails anymore",
            "do not contact me again",
            "Take me off this list!",
            "Bitte keine weiteren E-Mails mehr.",
            "Bitte schreiben Sie mir nicht mehr.",
            "Tragen Sie mich bitte aus.",
            "Ich möchte mich abmelden",
            "Ne m'écrivez plus.",
            "Je ne veux plus recevoir vos messages",
            "Désabonnez-moi s'il vous plaît",
            "No me escriban más",
            "Por favor, dejen de enviarme correos",
            "Quiero darme de baja".replace("Quiero darme", "Denme").as_str(),
        ] {
            assert!(words_to_leave(asked).is_some(), "{asked}");
        }
    }

    #[test]
    fn a_token_is_read_from_a_subject_that_is_nothing_else() {
        let one = "aB3-_".repeat(8) + "xyz";
        for subject in [format!("unsubscribe {one}"), format!(" Unsubscribe {one} ")] {
            assert_eq!(token(&subject), Some(one.as_str()), "{subject}");
        }
        for subject in
            [format!("Re: unsubscribe {one}"), format!("unsubscribe {one}x"), format!("unsubscribe {}", &one[1..]), "unsubscribe".to_owned()]
        {
            assert_eq!(token(&subject), None, "{subject}");
        }
    }

    #[test]
    fn other_words_about_leaving_are_no_wish() {
        for other in [
            "We stopped using it because the export was slow.",
            "How do I remove users from our workspace?",
            "Why did my customers unsubscribe us?",
            "Please don't stop writing to me, I like the letters.",
            "Can I stop sending reports to my team?",
            "I will not be back before Monday.",
            "The unsubscribe link in your docs is broken.",
            "Thanks, please call me.",
        ] {
            assert_eq!(words_to_leave(other), None, "{other}");
        }
    }
}
