//! What a message must say and must not.

use countersign::domain::mailboxes::Mode;
use countersign::domain::preferences::footers::{self, Choice};
use serde_json::json;

use super::{approve_and_send, known, last, refused};
use crate::support::{Desk, sql};

/// 15 USC 7704(a)(5): sender, postal address and a visible way out, in both parts.
#[actix_web::test]
async fn l_01_who_sends_and_how_to_stop_stand_in_both_parts() {
    let desk = Desk::new().await;
    known(&desk, "ana@example.com").await;
    let message = desk.pending("ana@example.com", json!({})).await;
    assert_eq!(approve_and_send(&desk, &message).await, 1);
    let mail = last(&desk);
    let (text, html) = mail.split_once("Content-Type: text/html").unwrap();
    for part in [text, html] {
        for word in ["1 Main Street, Springfield", "Sender", "nsubscribe", "https://desk.example.com/u/"] {
            assert!(part.contains(word), "{word} is missing in {part}");
        }
    }
    sql(&desk, "UPDATE mailboxes SET postal_address = ''");
    assert_eq!(refused(&desk, "ana@example.com", json!({})).await, "commercial_footer_missing");
}

/// 15 USC 7704(a)(1)-(2): From is the mailbox, and a subject does not pretend to answer.
#[actix_web::test]
async fn l_05_from_and_subject_are_true() {
    let desk = Desk::new().await;
    let message = desk.pending("ana@example.com", json!({"subject": "Refunds: how they work"})).await;
    assert_eq!(message.current.from_address, "gated-send@sender.example");
    assert_eq!(refused(&desk, "ana@example.com", json!({"subject": "Re: your order"})).await, "subject_misleading");
    assert_eq!(refused(&desk, "ana@example.com", json!({"headers": {"Reply-To": "other@evil.example"}})).await, "header_reserved");
    assert_eq!(refused(&desk, "ana@example.com", json!({"headers": {"From": "other@evil.example"}})).await, "header_reserved");
    // A new version is looked at in the same way.
    let path = format!("/v1/emails/{}", message.row.id);
    let (status, edited) = desk.call(&desk.agent, "PATCH", &path, json!({"subject": "Fwd: your order"})).await;
    assert_eq!((status, edited["code"].as_str()), (422, Some("subject_misleading")));
}

/// 16 CFR 255.5: what the sender receives stands near the link, in both parts.
#[actix_web::test]
async fn l_09_a_referral_tells_the_reward_near_the_link() {
    let desk = Desk::new().await;
    let link = "https://desk.example.com/r/abc123";
    let tags = json!(["referral-program"]);
    let told = format!("Tell a friend. You both get a month free: {link}");
    let (status, passed) = desk.send(Mode::GatedSend, "ana@example.com", json!({"tags": tags, "text_body": told})).await;
    assert_eq!(status, 202, "{passed}");
    let silent = format!("Tell a friend: {link}");
    assert_eq!(refused(&desk, "ana@example.com", json!({"tags": tags, "text_body": silent})).await, "referral_disclosure_missing");
    let html = format!("<p>Tell a friend: {link}</p>");
    let half = json!({"tags": tags, "text_body": told, "html_body": html});
    assert_eq!(refused(&desk, "ana@example.com", half).await, "referral_disclosure_missing", "in one part only");
}

/// Regulation (EU) 2016/679, article 14(3)(b).
#[actix_web::test]
async fn l_13_the_first_message_to_data_from_elsewhere_names_the_source() {
    let desk = Desk::new().await;
    let id = known(&desk, "ana@example.com").await;
    let path = format!("/v1/contacts/{id}/source");
    desk.call(&desk.agent, "POST", &path, json!({"source": "the list of the Spring Fair", "elsewhere": true})).await;
    let message = desk.pending("ana@example.com", json!({})).await;
    assert_eq!(approve_and_send(&desk, &message).await, 1);
    assert_eq!(last(&desk).matches("We have your address from the list of the Spring Fair.").count(), 2);
    let hidden = desk.call(&desk.agent, "POST", &path, json!({"source": "themselves", "elsewhere": false})).await;
    assert_eq!(hidden.0, 403, "no key can leave the source out afterwards");
}

/// Directive 2002/58/EC, article 13(4): no hidden sender, a valid address to stop.
#[actix_web::test]
async fn l_20_no_sender_is_hidden() {
    let desk = Desk::new().await;
    known(&desk, "ana@example.com").await;
    let message = desk.pending("ana@example.com", json!({})).await;
    assert_eq!(approve_and_send(&desk, &message).await, 1);
    let mail = last(&desk);
    assert!(mail.contains("From: Sender <gated-send@sender.example>") && mail.contains("List-Unsubscribe: <https://"), "{mail}");
    for header in ["Sender", "Reply-To", "Return-Path", "List-Unsubscribe:"] {
        assert_eq!(refused(&desk, "ana@example.com", json!({"headers": {header: "x@evil.example"}})).await, "header_reserved", "{header}");
    }
    sql(&desk, "UPDATE mailboxes SET name = ' '");
    assert_eq!(refused(&desk, "ana@example.com", json!({})).await, "commercial_footer_missing", "nobody sends it");
}

/// RFC 5321 and 5322: lines of at most 998 octets, CRLF alone, one From, Date and Message-ID, short enough addresses.
#[actix_web::test]
async fn l_31_mail_is_well_formed() {
    let desk = Desk::new().await;
    known(&desk, "ana@example.com").await;
    let text = format!("Hello,\r{}\nthen\rwith other ends", "la ".repeat(1000));
    let message = desk.pending("ana@example.com", json!({"text_body": text})).await;
    assert_eq!(approve_and_send(&desk, &message).await, 1);
    let raw = desk.catcher.messages().last().unwrap().raw.clone();
    assert!(raw.split(|byte| *byte == b'\n').all(|line| line.len() <= 999 && (line.is_empty() || line.ends_with(b"\r"))), "lines end with CRLF");
    let headers = last(&desk).split("\r\n\r\n").next().unwrap().to_owned();
    for header in ["From:", "Date:", "Message-ID:", "To:", "Subject:"] {
        assert_eq!(headers.lines().filter(|line| line.starts_with(header)).count(), 1, "{header}");
    }
    for address in [format!("{}@example.com", "a".repeat(65)), format!("a@{}.com", "b".repeat(64)), format!("a@{}com", "bcd.".repeat(70))] {
        let code = refused(&desk, &address, json!({})).await;
        assert!(["address_invalid", "domain_invalid"].contains(&code.as_str()), "{address}: {code}");
    }
}

/// Regulation (EU) 2024/1689, article 50: on by default, off for a mailbox with a reason.
#[actix_web::test]
async fn l_35_mail_tells_that_a_machine_wrote_it() {
    let desk = Desk::new().await;
    known(&desk, "ana@example.com").await;
    let message = desk.pending("ana@example.com", json!({"headers": {"X-AI-Generated": "no"}})).await;
    assert_eq!(approve_and_send(&desk, &message).await, 1);
    let mail = last(&desk);
    assert_eq!((mail.matches("X-AI-Generated: yes").count(), mail.matches(footers::DISCLOSURE).count()), (1, 2), "{mail}");
    let (ada, mailbox) = (desk.person("Ada"), desk.mailbox(Mode::GatedSend).id);
    let silent = Choice { topic: String::new(), disclosed: false, reason: String::new() };
    assert_eq!(desk.write(|conn| footers::set(conn, &ada, &mailbox, &silent, desk.now())).unwrap_err().field.as_deref(), Some("reason"));
}
