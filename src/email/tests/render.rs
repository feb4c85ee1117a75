use mail_parser::MessageParser;
use proptest::prelude::*;

use super::{address, header, mail};
use crate::email::footer::{Footer, compose_html, compose_text, footer_html};
use crate::email::render::{RenderError, render};
use crate::email::wire::{self, WireError};

#[test]
fn a_full_mail_has_each_header_once_and_text_before_html() {
    let mut mail = mail("Ihre Rückkehr 🎉", "Grüße\n.\nEnde");
    mail.from_name = "Countersign, Büro".into();
    mail.to_name = Some("Bo \"B\" O'Neil".into());
    mail.reply_to = Some(address("replies@example.com"));
    mail.html = Some("<p>Grüße</p>\r\n".into());
    mail.list_unsubscribe_url = Some(format!("https://example.com/u/{}", "t".repeat(120)));
    mail.list_unsubscribe_mailto = Some("mailto:stop@example.com?subject=unsubscribe".into());
    mail.headers = vec![("X-Campaign-ID".into(), "winback".into()), ("List-Id".into(), "<news.example.com>".into())];
    mail.in_reply_to = Some("<m0@example.com>".into());
    mail.references = (0..40).map(|n| format!("<{n}@example.com>")).collect();
    mail.auto_submitted = true;
    let bytes = render(&mail).unwrap();
    for name in [
        "From",
        "To",
        "Subject",
        "Date",
        "Message-ID",
        "MIME-Version",
        "Content-Type",
        "Reply-To",
        "List-Unsubscribe",
        "List-Unsubscribe-Post",
        "X-Campaign-ID",
        "List-Id",
        "In-Reply-To",
        "References",
        "Auto-Submitted",
    ] {
        assert_eq!(header(&bytes, name).len(), 1, "{name}");
    }
    assert!(header(&bytes, "Bcc").is_empty() && header(&bytes, "Sender").is_empty());
    let url = mail.list_unsubscribe_url.as_deref().unwrap();
    assert_eq!(header(&bytes, "List-Unsubscribe"), [format!("<{url}>, <mailto:stop@example.com?subject=unsubscribe>")]);
    assert_eq!(header(&bytes, "List-Unsubscribe-Post"), ["List-Unsubscribe=One-Click"]);
    assert_eq!(header(&bytes, "Date"), ["Wed, 18 Nov 2026 11:06:40 +0000"]);
    assert_eq!(header(&bytes, "Message-ID"), ["<m1@example.com>"]);
    let references = &header(&bytes, "References")[0];
    assert!(references.starts_with("<0@example.com> <21@example.com>") && references.ends_with(" <39@example.com>"));

    let parsed = MessageParser::default().parse(&bytes).unwrap();
    assert_eq!(parsed.subject(), Some("Ihre Rückkehr 🎉"));
    let from = parsed.from().unwrap().first().unwrap();
    assert_eq!((from.name(), from.address()), (Some("Countersign, Büro"), Some("desk@example.com")));
    let to = parsed.to().unwrap().first().unwrap();
    assert_eq!((to.name(), to.address()), (Some("Bo \"B\" O'Neil"), Some("bo@example.org")));
    assert_eq!(parsed.body_text(0).unwrap().trim_end(), "Grüße\r\n.\r\nEnde");
    assert_eq!(parsed.body_html(0).unwrap().trim_end(), "<p>Grüße</p>");
    let text = String::from_utf8(bytes.clone()).unwrap();
    assert!(text.find("text/plain").unwrap() < text.find("text/html").unwrap());
    assert!(text.contains("multipart/alternative"));
    assert_eq!(render(&mail).unwrap(), bytes, "the same mail gives the same bytes");
}

#[test]
fn a_text_mail_is_one_part_without_unsubscribe_headers() {
    let bytes = render(&mail("Hello", "Hi")).unwrap();
    assert_eq!(header(&bytes, "Content-Type"), ["text/plain; charset=utf-8"]);
    assert!(header(&bytes, "List-Unsubscribe").is_empty());
    assert!(header(&bytes, "List-Unsubscribe-Post").is_empty());
    assert_eq!(header(&bytes, "From"), ["desk@example.com"]);
    let mut only_mailto = mail("Hello", "Hi");
    only_mailto.list_unsubscribe_mailto = Some("mailto:stop@example.com".into());
    let bytes = render(&only_mailto).unwrap();
    assert!(header(&bytes, "List-Unsubscribe-Post").is_empty(), "one-click needs https");
}

#[test]
fn no_field_can_add_a_header() {
    // limits.md V-11: each break, in each field that becomes a header.
    for bad in ["a\r\nBcc: x@example.com", "a\nb", "a\rb", "a\u{85}b", "a\u{2028}b", "a\r\n b", "\r\n\r\nbody"] {
        let set: [fn(&mut crate::email::Mail, String); 11] = [
            |m, s| m.subject = s,
            |m, s| m.from_name = s,
            |m, s| m.to_name = Some(s),
            |m, s| m.message_id_header = format!("<{s}@example.com>"),
            |m, s| m.in_reply_to = Some(format!("<{s}@example.com>")),
            |m, s| m.references = vec![format!("<{s}@example.com>")],
            |m, s| m.list_unsubscribe_url = Some(format!("https://example.com/{s}")),
            |m, s| m.list_unsubscribe_mailto = Some(format!("mailto:{s}@example.com")),
            |m, s| m.headers = vec![("X-A".into(), s)],
            |m, s| m.headers = vec![(format!("X-{s}"), "v".into())],
            |m, s| m.headers = vec![("List-Id".into(), s)],
        ];
        for (index, set) in set.iter().enumerate() {
            let mut mail = mail("Hello", "Hi");
            set(&mut mail, bad.to_owned());
            let error = render(&mail).unwrap_err();
            assert_eq!(error.code(), "header_line_break", "field {index}: {bad:?}: {error}");
        }
    }
    let mut nul = mail("a\0b", "Hi");
    assert_eq!(render(&nul).unwrap_err().to_string(), "subject holds the control character U+0000 at position 2.");
    nul.subject = "ab\r\nc".into();
    assert_eq!(render(&nul).unwrap_err().to_string(), "subject must be one line. A line break at position 3 could add a hidden header.");
}

#[test]
fn only_list_and_x_headers_of_others_are_taken_and_only_once() {
    for name in [
        "From",
        "BCC",
        "Sender",
        "Reply-To",
        "DKIM-Signature",
        "List-Unsubscribe",
        "list-unsubscribe-POST",
        "Received",
        "X-",
        "List-",
        "X-A:",
        "X-A B",
        "X-é",
        "",
        "Auto-Submitted",
        "Content-Type",
        "XX-A",
    ] {
        let mut mail = mail("Hello", "Hi");
        mail.headers = vec![(name.into(), "v".into())];
        assert_eq!(render(&mail).unwrap_err().code(), "header_reserved", "{name:?}");
    }
    let mut twice = mail("Hello", "Hi");
    twice.headers = vec![("X-A".into(), "1".into()), ("x-a".into(), "2".into())];
    assert!(matches!(render(&twice), Err(RenderError::HeaderTwice { .. })));
}

#[test]
fn links_and_dates_out_of_range_are_refused_and_never_panic() {
    for url in
        ["http://example.com/u", "javascript:alert(1)", "https://example.com/a b", "https://e.com/>,<mailto:x", "https://é.example/", "ftp://x"]
    {
        let mut mail = mail("Hello", "Hi");
        mail.list_unsubscribe_url = Some(url.into());
        assert!(render(&mail).is_err(), "{url}");
    }
    let mut local = mail("Hello", "Hi");
    local.list_unsubscribe_url = Some("http://127.0.0.1:8080/u/1".into());
    assert!(render(&local).is_ok(), "a trial on this machine has no certificate");
    for date in [-1, i64::MIN, 253_402_300_800, i64::MAX] {
        let mut mail = mail("Hello", "Hi");
        mail.date = date;
        assert!(render(&mail).is_err());
    }
    for id in ["m1@example.com", "<m1>", "<@b>", "<a@>", "<a b@c>", "<a@b@c>", "<a>@b>", "<é@b>"] {
        let mut mail = mail("Hello", "Hi");
        mail.message_id_header = id.into();
        assert!(render(&mail).is_err(), "{id}");
    }
    let mut control = mail("Hello", "a\u{1b}[2J");
    assert_eq!(render(&control).unwrap_err().code(), "text_control_char");
    control.text = "Hi".into();
    control.html = Some("<p>\0</p>".into());
    assert_eq!(render(&control).unwrap_err().code(), "text_control_char");
}

#[test]
fn long_lines_and_every_line_end_become_wire_safe() {
    let text = format!("{}\na\rb\r\nc\n\r\nd\r\r\n.\n..\nFrom x", "x".repeat(10_000));
    let mut long = mail(&"w".repeat(1000), &text);
    long.html = Some(format!("<p>{}</p>", "é".repeat(10_000)));
    let bytes = render(&long).unwrap();
    wire::check(&bytes, false).unwrap();
    let parsed = MessageParser::default().parse(&bytes).unwrap();
    assert_eq!(parsed.subject().unwrap(), "w".repeat(1000));
    let expected = format!("{}\r\na\r\nb\r\nc\r\n\r\nd\r\n\r\n.\r\n..\r\nFrom x", "x".repeat(10_000));
    assert_eq!(parsed.body_text(0).unwrap().trim_end(), expected);
}

#[test]
fn a_body_cannot_hold_its_own_boundary() {
    let mut one = mail("Hello", "Hi");
    one.html = Some("<p>Hi</p>".into());
    let boundary = |bytes: &[u8]| header(bytes, "Content-Type")[0].split('"').nth(1).unwrap().to_owned();
    let first = boundary(&render(&one).unwrap());
    one.text = format!("--{first}--\nHi");
    let bytes = render(&one).unwrap();
    assert_ne!(boundary(&bytes), first);
    assert_eq!(MessageParser::default().parse(&bytes).unwrap().html_body_count(), 1);
}

#[test]
fn wire_rules_refuse_what_smuggles() {
    assert_eq!(wire::check(b"a\nb\r\n", false), Err(WireError::BareLf(1)));
    assert_eq!(wire::check(b"x\r\na\rb\r\n", false), Err(WireError::BareCr(2)));
    assert_eq!(wire::check(b"a\r", false), Err(WireError::BareCr(1)));
    assert_eq!(wire::check(b"a\r\r\n", false), Err(WireError::BareCr(1)));
    assert_eq!(wire::check(b"\0", false), Err(WireError::Nul(1)));
    assert_eq!(wire::check("é".as_bytes(), false), Err(WireError::EightBit(1)));
    assert_eq!(wire::check("é".as_bytes(), true), Ok(()));
    assert_eq!(wire::check(&[b'a'; 999], false), Err(WireError::LongLine(1)));
    assert_eq!(wire::check(&[b'a'; 998], false), Ok(()));
    assert_eq!(wire::check(b"", false), Err(WireError::Empty));
    assert_eq!(wire::stuff(b".\r\n..\r\na.\r\n.x", false).unwrap(), b"..\r\n...\r\na.\r\n..x\r\n");
}

#[test]
fn footers_are_escaped_and_say_who_and_how_to_stop() {
    let footer = Footer {
        why: "You get this\nbecause <you> asked.".into(),
        company: Some("A & B \"GmbH\"".into()),
        postal_address: "Weg 1\n\n10115 Berlin".into(),
        unsubscribe_url: "https://example.com/u?a=1&b=\"2\"".into(),
        ..Footer::default()
    };
    assert_eq!(
        compose_text("Hello\n\n", &footer),
        "Hello\n\n---\nYou get this because <you> asked.\nA & B \"GmbH\", Weg 1, 10115 Berlin\n\
         Unsubscribe: https://example.com/u?a=1&b=\"2\"\n"
    );
    let html = compose_html("<p>Hello</p>", &footer, "a<b>");
    for part in [
        "<!DOCTYPE html>\n<html lang=\"en\"",
        "<meta charset=\"utf-8\">",
        "color-scheme",
        "<title>a&lt;b&gt;</title>",
        "<p>Hello</p>",
        "because &lt;you&gt; asked.",
        "A &amp; B &quot;GmbH&quot;<br>Weg 1<br>10115 Berlin",
        "href=\"https://example.com/u?a=1&amp;b=&quot;2&quot;\"",
    ] {
        assert!(html.contains(part), "{part}\n{html}");
    }
    assert!(!html.contains("<table"));
    let script = Footer { unsubscribe_url: "javascript:alert(1)".into(), ..footer };
    assert!(!footer_html(&script).contains("href"));
}

proptest! {
    #[test]
    fn any_subject_reads_back_as_given(subject in "([ -~éß日🎉]{0,12}(=\\?| |  )?){0,12}", value in "[!-~é][ -~é]{0,80}") {
        let mut mail = mail(&subject, "Hi");
        mail.headers = vec![("X-Test".into(), value.clone())];
        let bytes = render(&mail).unwrap();
        let parsed = MessageParser::default().parse(&bytes).unwrap();
        prop_assert_eq!(parsed.subject().unwrap_or_default(), &subject);
        prop_assert_eq!(parsed.to().unwrap().first().unwrap().address(), Some("bo@example.org"));
        prop_assert_eq!(parsed.headers().len(), 9);
        for line in bytes.split(|b| *b == b'\n') {
            prop_assert!(line.len() <= 99, "{}", String::from_utf8_lossy(line));
        }
    }

    #[test]
    fn any_text_leaves_wire_safe_and_reads_back(text in "[a-z.é\r\n]{0,300}", name in "[ -~é]{0,40}") {
        let mut mail = mail("s", &text);
        let named = !name.contains("=?");
        if named { mail.from_name = name.clone(); }
        let bytes = render(&mail).unwrap();
        prop_assert!(wire::stuff(&bytes, false).is_ok());
        let parsed = MessageParser::default().parse(&bytes).unwrap();
        let expected = crate::email::headers::crlf(&text);
        let read = parsed.body_text(0).unwrap_or_default().into_owned();
        prop_assert_eq!(read.trim_end(), expected.trim_end());
        prop_assert_eq!(parsed.from().unwrap().first().unwrap().address(), Some("desk@example.com"));
        let shown = parsed.from().unwrap().first().unwrap().name().unwrap_or_default().to_owned();
        let squeeze = |s: &str| s.split_whitespace().collect::<Vec<_>>().join(" ");
        if named { prop_assert_eq!(squeeze(&shown), squeeze(&name)); }
    }
}
