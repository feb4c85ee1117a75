//! The words in which the families of mail servers say no, and mutated mails.

use jiff::civil::date;

use super::cause::{Said, judge};
use super::*;

#[test]
fn the_answers_of_the_families_of_servers_are_told_apart() {
    let mut wrong = vec![];
    for line in include_str!("families.txt").lines().filter(|line| !line.starts_with('#')) {
        let parts: Vec<&str> = line.splitn(4, '|').collect();
        let [expected, status, after, text] = parts[..] else { panic!("{line}") };
        let around = match after {
            "R" => "in reply to RCPT TO command",
            "D" => "in reply to end of DATA command",
            _ => "",
        };
        let cause = judge(&Said { text, status: Some(status).filter(|status| !status.is_empty()), around });
        if cause.is_hard() != (expected == "hard") {
            wrong.push(format!("{cause:?}: {line}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The mails of `notices.txt`, each with the kind that it is and whether it is hard.
fn notices() -> Vec<(String, bool, String)> {
    let text = include_str!("notices.txt").split_once('\n').unwrap().1;
    let each = text.split("\n===\n").filter(|notice| !notice.is_empty()).map(|notice| {
        let (head, words) = notice.split_once('\n').unwrap();
        let parts: Vec<&str> = head.split('|').collect();
        let [kind, hard, path, from, subject, more @ ..] = &parts[..] else { panic!("{head}") };
        let path = if *path == "null" { "Return-Path: <>\n" } else { "" };
        let more: String = more.iter().map(|line| format!("{line}\n")).collect();
        let returned = if *kind == "bounce" { "\n\nReceived: from desk.sender.example\nMessage-ID: <one@sender.example>\nTo: ana@example.com\n\nHello\n" } else { "\n" };
        let raw = format!("{path}From: {from}\nTo: desk@sender.example\nSubject: {subject}\n{more}MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\n{words}{returned}");
        ((*kind).to_owned(), *hard == "hard", raw.replace('\n', "\r\n"))
    });
    each.collect()
}

#[test]
fn notices_that_are_written_for_people_are_told_apart() {
    let (mut wrong, all) = (vec![], notices());
    assert!(all.len() > 50, "{}", all.len());
    for (kind, hard, raw) in &all {
        let found = sort(&read(raw.as_bytes()).unwrap(), date(2026, 3, 2));
        if found.kind.as_str() != kind || found.recipients.iter().any(|one| one.hard) != *hard {
            wrong.push(format!("{:?} {:?}: {raw}", found.kind, found.recipients));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Mails that are cut, turned over and put together in this test.
fn seeds() -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> = include_str!("families.txt")
        .lines()
        .skip(1)
        .step_by(7)
        .map(|line| {
            let answer = line.rsplit('|').next().unwrap_or_default();
            format!(
                "Return-Path: <>\r\nFrom: MAILER-DAEMON@relay.example\r\nTo: desk@sender.example\r\nSubject: =?utf-8?B?VW56dXN0ZWxsYmFy?=\r\nMIME-Version: 1.0\r\n\
                 Content-Type: multipart/report; report-type=delivery-status; boundary=\"b\"\r\n\r\n--b\r\nContent-Type: text/plain; charset=iso-2022-jp\r\n\
                 Content-Transfer-Encoding: quoted-printable\r\n\r\nNot delivered: =1B$B=\r\n{answer}\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n\
                 Reporting-MTA: dns; relay.example\r\n\r\nFinal-Recipient: rfc822; ana@example.com\r\nAction: failed\r\nStatus: 5.1.1\r\nDiagnostic-Code: smtp; {answer}\r\n\r\n\
                 --b\r\nContent-Type: message/rfc822\r\n\r\nMessage-ID: <one@sender.example>\r\nSubject: Hello\r\n\r\nHello\r\n--b--\r\n"
            )
            .into_bytes()
        })
        .collect();
    for text in [
        "From: ana@example.com\r\nSubject: Automatic reply\r\nAuto-Submitted: auto-replied\r\n\r\nIch bin vom 1. bis 31.12. nicht da, back on 02/03/2027, jusqu'au 15 mars.\r\n",
        "From: fbl@provider.example\r\nMIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=feedback-report; boundary=b\r\n\r\n--b\r\nContent-Type: message/feedback-report\r\n\r\nFeedback-Type: abuse\r\nOriginal-Rcpt-To: <ana@example.com>\r\n\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nMessage-ID: <x@sender.example>\r\n\r\n--b--\r\n",
        "From: a@example.com\r\nContent-Type: text/html; charset=\"utf-7\"\r\nContent-Transfer-Encoding: base64\r\n\r\nPGI+UGxlYXNlIHN0b3Agd3JpdGluZyB0byBtZTwvYj4=\r\n",
        "Subject: AWS Notification Message\r\n\r\n{\"notificationType\":\"Bounce\",\"bounce\":{\"bounceType\":\"Permanent\",\"bouncedRecipients\":[{\"emailAddress\":\"ana@example.com\",\"diagnosticCode\":\"smtp; 550 5.1.1\"}]}}\r\n",
    ] {
        all.push(text.as_bytes().to_vec());
    }
    all.extend(notices().into_iter().map(|(_, _, raw)| raw.into_bytes()));
    if let Ok(folder) = std::env::var("COUNTERSIGN_FUZZ_SAMPLES") {
        let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file());
        all.extend(files.map(|path| std::fs::read(path).unwrap()));
    }
    all
}

/// A generator that gives the same numbers for the same seed.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(most.max(1)).unwrap()).unwrap()
    }
}

/// Pieces that readers of mail stumble over.
const PIECES: [&[u8]; 16] = [
    b"\r\n\r\n",
    b"\r\n--b--\r\n",
    b"\r\n--b\r\n",
    b"=?utf-8?Q?=FF=FE?=",
    b"=?utf-16?B?2AA=?=",
    b"\xff\xfe\x00",
    b"Content-Type: multipart/mixed; boundary=b\r\n",
    b"Content-Type: message/rfc822\r\n\r\n",
    b"Diagnostic-Code: smtp; ",
    b"Final-Recipient: rfc822;",
    b"99/99/9999 31.2. 2026-02-30 ",
    b"550 5.1.1 ",
    b"{\"notificationType\":",
    b"<@@>,;\"",
    b"\xe2\x80\xae\xf0\x9f\x98\x80",
    b"((((((((((",
];

fn mutated(seeds: &[Vec<u8>], numbers: &mut Numbers) -> Vec<u8> {
    let mut mail = seeds[numbers.below(seeds.len())].clone();
    for _ in 0..=numbers.below(8) {
        let at = numbers.below(mail.len() + 1);
        match numbers.below(6) {
            0 => mail.truncate(at),
            1 if at < mail.len() => mail[at] = u8::try_from(numbers.below(256)).unwrap(),
            2 => drop(mail.splice(at..at, PIECES[numbers.below(PIECES.len())].iter().copied())),
            3 => drop(mail.drain(at..(at + numbers.below(200)).min(mail.len()))),
            4 => {
                let again = mail[at..(at + numbers.below(400)).min(mail.len())].to_vec();
                drop(mail.splice(at..at, again));
            }
            _ => {
                let other = &seeds[numbers.below(seeds.len())];
                mail.truncate(at);
                mail.extend_from_slice(&other[numbers.below(other.len())..]);
            }
        }
    }
    mail.truncate(200_000);
    mail
}

/// COUNTERSIGN_FUZZ_CASES and COUNTERSIGN_FUZZ_SEED make it longer and other; `scripts/fuzz` does.
#[test]
fn no_mutated_mail_makes_the_reader_or_the_sorter_panic() {
    let given = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let (cases, seed) = (given("COUNTERSIGN_FUZZ_CASES").unwrap_or(2_000), given("COUNTERSIGN_FUZZ_SEED").unwrap_or(1));
    let (seeds, mut numbers) = (seeds(), Numbers(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1));
    let mut sorted = 0_u64;
    for case in 0..cases {
        let raw = mutated(&seeds, &mut numbers);
        let told = std::panic::catch_unwind(|| {
            read(&raw).ok().map(|mail| {
                let told = sort(&mail, date(2026, 3, 2));
                let told_more = (provider::sendgrid(&raw).is_ok(), provider::postmark(&raw).is_ok(), provider::mailgun(&raw).is_ok());
                (told.recipients.iter().map(|one| one.reason().len()).max(), told_more, quoted::written(&mail.text).len())
            })
        });
        match told {
            Ok(told) => sorted += u64::from(told.is_some()),
            Err(_) => panic!("case {case} of seed {seed} panics: {}", String::from_utf8_lossy(&raw)),
        }
    }
    assert!(sorted > cases / 2, "{sorted} of {cases} could be read");
}
