//! Mails that came back, each written for its test.

use jiff::civil::{Date, date};
use proptest::prelude::*;

use super::*;

const TODAY: Date = date(2026, 3, 2);

fn sorted(raw: &str) -> Sorted {
    sort(&read(raw.replace('\n', "\r\n").as_bytes()).unwrap(), TODAY)
}

/// A report as a relay writes it, of one recipient.
fn report(action: &str, status: &str, answer: &str, words: &str) -> String {
    format!(
        "Return-Path: <>\nFrom: MAILER-DAEMON@relay.example.com (Mail Delivery System)\nTo: desk@sender.example\nSubject: Undelivered Mail Returned to Sender\n\
         Auto-Submitted: auto-replied\nMIME-Version: 1.0\nContent-Type: multipart/report; report-type=delivery-status; boundary=\"b\"\n\n\
         --b\nContent-Type: text/plain\n\nI could not deliver your message.\n\n<ana@example.com>: {words}\n\n\
         --b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; relay.example.com\nOriginal-Envelope-Id: token-1\n\n\
         Final-Recipient: rfc822; ana@example.com\nAction: {action}\nStatus: {status}\nDiagnostic-Code: smtp; {answer}\n\n\
         --b\nContent-Type: message/rfc822\n\nMessage-ID: <one@sender.example>\nFrom: desk@sender.example\nTo: ana@example.com\nSubject: Hello\n\nHello\n\n--b--\n"
    )
}

#[test]
fn a_report_names_recipient_status_reason_and_the_mail_it_is_about() {
    let found = sorted(&report("failed", "5.1.1", "550 5.1.1 <ana@example.com>: Recipient address rejected: User unknown", ""));
    assert_eq!(found.kind, Kind::Bounce);
    assert_eq!((found.about.first().map(String::as_str), found.envelope_id.as_deref()), (Some("one@sender.example"), Some("token-1")));
    let [one] = found.recipients.as_slice() else { panic!("{:?}", found.recipients) };
    assert_eq!((one.address.as_str(), one.status.as_deref(), one.hard, one.cause), ("ana@example.com", Some("5.1.1"), true, Cause::UserUnknown));
    assert!(one.reason().starts_with("Nobody has this address. The server said: 550 5.1.1"), "{}", one.reason());
}

#[test]
fn the_code_of_the_answer_counts_before_the_one_the_relay_chose() {
    let hard = |status: &str, answer: &str, words: &str| sorted(&report("failed", status, answer, words)).recipients[0].hard;
    assert!(!hard("5.1.1", "550 5.7.1 RCP-P2", "message refused"));
    assert!(!hard("5.1.1", "delivery retry timeout exceeded", ""), "given up after a time, whatever the code");
    assert!(hard("5.1.1", "550 5.1.1 RCP-P1", "message refused"));
}

#[test]
fn hard_means_that_the_address_will_never_accept_mail() {
    for (status, answer, cause) in [
        ("5.1.1", "550 5.1.1 user unknown", Cause::UserUnknown),
        ("5.0.0", "550 5.1.1 No such user here", Cause::UserUnknown),
        ("5.1.10", "550 5.1.10 Recipient not found by SMTP address lookup", Cause::UserUnknown),
        ("5.4.1", "550 5.4.1 Recipient address rejected: Access denied", Cause::UserUnknown),
        ("5.1.2", "550 5.1.2 Host unknown", Cause::HostUnknown),
        ("5.4.4", "Host or domain name not found. Name service error for name=nowhere.example type=A: Host not found", Cause::HostUnknown),
        ("5.1.6", "551 5.1.6 The mailbox has moved", Cause::Moved),
        ("5.1.10", "556 5.1.10 Domain has a null MX", Cause::RefusesMail),
    ] {
        let found = sorted(&report("failed", status, answer, ""));
        assert_eq!((found.recipients[0].cause, found.recipients[0].hard), (cause, true), "{answer}");
    }
}

#[test]
fn a_refusal_for_good_of_something_else_is_not_hard() {
    for (status, answer, cause) in [
        ("5.2.2", "552 5.2.2 Mailbox full", Cause::Full),
        ("5.7.1", "550 5.7.1 Message looks like spam", Cause::Spam),
        ("5.7.1", "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org", Cause::Spam),
        ("5.7.26", "550 5.7.26 This message does not pass DMARC checks", Cause::Authentication),
        ("5.3.4", "552 5.3.4 Message size exceeds fixed limit", Cause::TooBig),
        ("5.7.1", "550 5.7.1 Relaying denied", Cause::Relay),
        ("5.2.1", "550 5.2.1 The user you are trying to contact is receiving mail at a rate that prevents it", Cause::Rate),
        ("5.2.1", "550 5.2.1 The account is disabled", Cause::Suspended),
        ("5.1.8", "553 5.1.8 Domain of sender address does not exist", Cause::Blocked),
        ("5.4.7", "Delivery time expired: connection timed out", Cause::Network),
    ] {
        let found = sorted(&report("failed", status, answer, ""));
        assert!(!found.recipients[0].hard, "{answer}");
        // Which of two soft causes is named first does not matter to anybody.
        if cause != Cause::Spam {
            assert_eq!(found.recipients[0].cause, cause, "{answer}");
        }
    }
}

#[test]
fn bare_words_of_a_filter_do_not_condemn_an_address() {
    let after_content = sorted(&report("failed", "5.0.0", "550 User unknown", "host mx said: 550 User unknown (in reply to end of DATA command)"));
    assert!(!after_content.recipients[0].hard);
    let at_recipient = sorted(&report("failed", "5.0.0", "550 User unknown", "host mx said: 550 User unknown (in reply to RCPT TO command)"));
    assert!(at_recipient.recipients[0].hard);
}

#[test]
fn a_delay_is_no_bounce_and_a_delivery_is_neither() {
    let delayed = sorted(&report("delayed", "4.1.1", "450 4.1.1 user unknown", ""));
    assert_eq!((delayed.kind, delayed.recipients[0].hard), (Kind::Delayed, false));
    assert_eq!(sorted(&report("delivered", "2.0.0", "250 ok", "")).kind, Kind::Other);
}

#[test]
fn notices_without_fields_are_read_as_well() {
    let qmail = "Return-Path: <>\nFrom: MAILER-DAEMON@relay.example.com\nTo: desk@sender.example\nSubject: failure notice\n\n\
        Hi. This is the mail program at relay.example.com.\nI wasn't able to deliver your message to the following addresses.\n\n\
        <ana@example.com>:\n192.0.2.1 does not like recipient.\nRemote host said: 550 5.1.1 unknown user\n\n\
        <ben@example.com>:\nRemote host said: 452 4.2.2 Mailbox full\n\n--- Below this line is a copy of the message.\n\n\
        Return-Path: <desk@sender.example>\nMessage-ID: <two@sender.example>\nSubject: Hi\n";
    let found = sorted(qmail);
    assert_eq!((found.kind, found.about.first().map(String::as_str)), (Kind::Bounce, Some("two@sender.example")));
    let told: Vec<_> = found.recipients.iter().map(|one| (one.address.as_str(), one.hard)).collect();
    assert_eq!(told, [("ana@example.com", true), ("ben@example.com", false)]);
}

#[test]
fn complaints_are_told_from_other_feedback() {
    let arf = |kind: &str| {
        format!(
            "From: fbl@provider.example\nTo: abuse@sender.example\nSubject: Report\nMIME-Version: 1.0\nContent-Type: multipart/report; report-type=feedback-report; boundary=b\n\n\
             --b\nContent-Type: text/plain\n\nA report.\n--b\nContent-Type: message/feedback-report\n\nFeedback-Type: {kind}\nUser-Agent: x/1\nVersion: 1\nOriginal-Rcpt-To: <ana@example.com>\n\n\
             --b\nContent-Type: message/rfc822\n\nMessage-ID: <three@sender.example>\nSubject: Hi\n\nHi\n--b--\n"
        )
    };
    for (kind, expected, suppresses) in [
        ("abuse", Kind::Complaint, true),
        ("opt-out", Kind::Complaint, true),
        ("fraud", Kind::Complaint, false),
        ("auth-failure", Kind::Other, false),
        ("not-spam", Kind::Other, false),
    ] {
        let found = sorted(&arf(kind));
        let feedback = found.feedback.unwrap();
        assert_eq!((found.kind, feedback.suppresses(), feedback.recipient.as_deref()), (expected, suppresses, Some("ana@example.com")), "{kind}");
        assert_eq!(found.about, ["three@sender.example"]);
    }
}

#[test]
fn automatic_answers_wishes_and_replies_are_told_apart() {
    let mail = |headers: &str, subject: &str, text: &str| {
        format!("From: Ana <ana@example.com>\nTo: desk@sender.example\nSubject: {subject}\n{headers}\n{text}\n")
    };
    for (headers, subject, text, kind) in [
        ("Auto-Submitted: auto-replied\n", "Hello", "I am out of the office until March 9, 2026.", Kind::AutoReply),
        ("", "Automatic reply: Hello", "I am away.", Kind::AutoReply),
        ("", "Abwesenheitsnotiz: Hallo", "Ich bin im Urlaub.", Kind::AutoReply),
        ("", "Re: Hello", "Please stop writing to me.", Kind::Unsubscribe),
        ("", "unsubscribe", "", Kind::Unsubscribe),
        ("", "Re: Hello", "I would like to hear more.\n\n> Please stop writing to me.", Kind::Reply),
        ("List-Id: <list.example.com>\n", "News", "Please remove me from this list.", Kind::Other),
        ("Auto-Submitted: auto-generated\n", "Your ticket", "A ticket was opened.", Kind::Other),
        ("Auto-Submitted: no\n", "Re: Hello", "Yes.", Kind::Reply),
    ] {
        assert_eq!(sorted(&mail(headers, subject, text)).kind, kind, "{subject}: {text}");
    }
    let away = sorted(&mail("Auto-Submitted: auto-replied\n", "Hello", "I am out of the office until March 9, 2026."));
    assert_eq!(away.auto, Some(AutoReply { absent: true, back: Some(date(2026, 3, 10)) }));
}

#[test]
fn mail_beyond_the_limits_is_refused_with_the_reason() {
    let lines = |n: usize| "X: y\r\n".repeat(n);
    assert_eq!(read(format!("{}\r\n", lines(mail::MOST_HEADERS + 1)).as_bytes()).unwrap_err(), Unreadable::Header);
    assert_eq!(read(format!("X: {}\r\n\r\n", "y".repeat(mail::LONGEST_HEADER)).as_bytes()).unwrap_err(), Unreadable::Header);
    let parts = "--b\r\nContent-Type: text/plain\r\n\r\nx\r\n".repeat(mail::MOST_PARTS + 1);
    assert_eq!(read(format!("Content-Type: multipart/mixed; boundary=b\r\n\r\n{parts}--b--\r\n").as_bytes()).unwrap_err(), Unreadable::Parts);
    let deep = "Content-Type: message/rfc822\r\n\r\n".repeat(mail::DEEPEST + 2);
    assert_eq!(read(format!("From: a@example.com\r\n{deep}From: b@example.com\r\n\r\nx").as_bytes()).unwrap_err(), Unreadable::Depth);
    assert_eq!(read("Content-Type: message/rfc822\r\n\r\n".repeat(200_000).as_bytes()).unwrap_err(), Unreadable::Parts);
    assert_eq!(read(b"").unwrap_err(), Unreadable::NoHeader);
    assert_eq!(read(&vec![b'a'; mail::LONGEST + 1]).unwrap_err(), Unreadable::TooLong);
    assert!(read(format!("{}\r\nx", lines(mail::MOST_HEADERS - 1)).as_bytes()).is_ok());
}

#[test]
fn attachments_are_listed_and_their_names_are_one_line() {
    let raw = "From: ana@example.com\nSubject: Files\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n\nSee there.\n\
        --b\nContent-Type: application/pdf\nContent-Disposition: attachment; filename=\"../../etc/x\tq.pdf\"\nContent-Transfer-Encoding: base64\n\nAAAA\n--b--\n";
    let mail = read(raw.as_bytes()).unwrap();
    assert_eq!(mail.attachments.len(), 1);
    assert!(!mail.attachments[0].name.contains('\t'), "{:?}", mail.attachments);
    assert_eq!((mail.attachments[0].kind.as_str(), mail.attachments[0].size), ("application/pdf", 3));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_make_it_panic(raw in proptest::collection::vec(any::<u8>(), 0..2_000)) {
        if let Ok(mail) = read(&raw) {
            sort(&mail, TODAY);
        }
    }

    /// Mails that were cut, doubled and mixed up: what fuzzers find first.
    #[test]
    fn no_change_of_a_report_makes_it_panic(changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0u8..4, any::<u8>()), 1..12)) {
        let mut raw = report("failed", "5.1.1", "550 5.1.1 user unknown", "says 550").into_bytes();
        for (from, to, what, byte) in changes {
            if raw.is_empty() {
                break;
            }
            let (a, b) = (from.index(raw.len()), to.index(raw.len()));
            let (a, b) = (a.min(b), a.max(b));
            match what {
                0 => raw[a] = byte,
                1 => drop(raw.drain(a..b)),
                2 => {
                    let piece = raw[a..b].to_vec();
                    raw.splice(a..a, piece);
                }
                _ => raw.insert(a, byte),
            }
        }
        if let Ok(mail) = read(&raw) {
            sort(&mail, TODAY);
        }
    }

    #[test]
    fn no_words_make_it_panic(text in "\\PC{0,400}", subject in "\\PC{0,80}") {
        let mail = Mail { text: text.clone(), subject, from: Some("MAILER-DAEMON@example.com".into()), ..Mail::default() };
        sort(&mail, TODAY);
        away::back(&text, TODAY);
        quoted::stretches(&text);
        wish::words_to_leave(&text);
    }
}
