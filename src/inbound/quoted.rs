//! What somebody wrote, apart from what they quoted.

use std::sync::LazyLock;

use regex::RegexSet;

/// Lines after which only the quoted mail follows.
static BEGINS: LazyLock<RegexSet> = LazyLock::new(|| {
    #[expect(clippy::unwrap_used, reason = "constant patterns, each compiled by the tests")]
    RegexSet::new([
        r"(?i)^\s*-{2,} ?(original (message|appointment)|forwarded message|ursprüngliche nachricht|weitergeleitete nachricht|message (d'origine|original|transféré)|mensaje (original|reenviado)|mensagem original|messaggio originale) ?-{2,}",
        r"(?i)^(on|am|le|el|em|il|op) .{4,120}\b(wrote|schrieb|a écrit|escribi[oó]|escreveu|ha scritto|schreef)\b.{0,80}:\s*$",
        r"(?i)^.{0,80}<[^<>\s]+@[^<>\s]+> ?(wrote|schrieb|a écrit|escribi[oó]|escreveu|ha scritto) ?:\s*$",
        r"^_{10,}\s*$",
        r"(?i)^begin forwarded message:|^anfang der weitergeleiteten",
    ])
    .unwrap()
});

/// A stretch of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stretch {
    /// Whether it is quoted.
    pub quoted: bool,
    /// Its words.
    pub text: String,
}

/// The text in stretches, written or quoted, in order. Nothing is left out.
pub fn stretches(text: &str) -> Vec<Stretch> {
    let lines: Vec<&str> = text.lines().collect();
    let mut all: Vec<Stretch> = vec![];
    let mut rest = false;
    for (at, line) in lines.iter().enumerate() {
        let announced = begins(&lines, at);
        rest |= announced && lines[at + 1..].iter().any(|line| !line.trim().is_empty());
        let quoted =
            rest || announced || line.trim_start().starts_with('>') || (line.trim().is_empty() && all.last().is_some_and(|last| last.quoted));
        match all.last_mut() {
            Some(last) if last.quoted == quoted => {
                last.text.push('\n');
                last.text.push_str(line);
            }
            _ => all.push(Stretch { quoted, text: (*line).to_owned() }),
        }
    }
    all
}

fn begins(lines: &[&str], at: usize) -> bool {
    if BEGINS.is_match(lines[at]) {
        return true;
    }
    // The line that announces a quotation is often broken in two.
    if let Some(next) = lines.get(at + 1)
        && BEGINS.is_match(&format!("{} {}", lines[at].trim_end(), next.trim_start()))
        && !lines[at].trim().is_empty()
    {
        return true;
    }
    // Outlook: a block of header lines.
    let starts = |line: &str, words: &[&str]| {
        words.iter().any(|word| line.trim_start_matches(['*', ' ']).replace('\u{a0}', " ").to_lowercase().starts_with(word))
    };
    starts(lines[at], &["from:", "von:", "de :", "de:", "da:"])
        && lines
            .iter()
            .skip(at + 1)
            .take(4)
            .any(|line| starts(line, &["sent:", "gesendet:", "envoyé", "enviado", "date:", "datum:", "fecha:", "inviato"]))
}

/// Only what was written.
pub fn written(text: &str) -> String {
    stretches(text).into_iter().filter(|stretch| !stretch.quoted).map(|stretch| stretch.text).collect::<Vec<_>>().join("\n").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_stands_apart_from_what_was_quoted() {
        for (given, own) in [
            ("Yes please.\n\nOn Mon, 3 Mar 2026 at 10:00, Desk <d@example.com> wrote:\n> Would you like a demo?", "Yes please."),
            ("Yes please.\n\nOn Mon, 3 Mar 2026 at 10:00, A Desk with a long name\n<d@example.com> wrote:\n> Demo?", "Yes please."),
            ("Ja.\n\nAm 03.03.2026 um 10:00 schrieb Desk <d@example.com>:\n> Demo?\n", "Ja."),
            ("Oui\n\nLe 3 mars 2026 à 10:00, Desk <d@example.com> a écrit :\n> Démo ?", "Oui"),
            ("Ok\n\n-----Original Message-----\nFrom: Desk\nSent: Monday\n\nDemo?", "Ok"),
            ("Ok\n\nFrom: Desk <d@example.com>\nSent: Monday\nTo: Ana\nSubject: x\n\nDemo?", "Ok"),
            ("Oui\n\nDe\u{a0}: Desk <d@example.com>\nEnvoyé\u{a0}: mardi\nÀ\u{a0}: Ana\nObjet\u{a0}: x\n\nDémo ?", "Oui"),
            ("> Would you?\nI would.\n> And now?\nNow too.", "I would.\nNow too."),
            ("Nothing quoted here.", "Nothing quoted here."),
        ] {
            assert_eq!(written(given), own, "{given}");
        }
    }

    #[test]
    fn nothing_is_left_out() {
        let text = "a\n> b\nc\n\nOn 1 May 2026, D <d@example.com> wrote:\n> e";
        assert_eq!(stretches(text).into_iter().map(|one| one.text).collect::<Vec<_>>().join("\n"), text);
    }
}
