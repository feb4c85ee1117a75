//! What every mail says of where it comes from, and what can be proved of it.

use countersign::catcher::Caught;
use countersign::clock;
use countersign::domain::audit::{chain, heads};
use countersign::domain::mailboxes::Mode;
use countersign::domain::messages::DecisionKind;
use countersign::domain::provenance::header::{Problem, verify};
use countersign::domain::provenance::keys::{self, PublicKey};
use countersign::provenance::{Compared, digest, in_words, judge};
use serde_json::{Value, json};

use crate::backups::countersign;
use crate::support::{Browser, Desk, app_of, count, sql};

async fn left(desk: &Desk, to: &str, more: Value) -> Vec<u8> {
    let message = desk.pending(to, more).await;
    desk.decide("Rita", &message, DecisionKind::Approve).unwrap();
    desk.drain().await;
    raw(desk, to)
}

fn raw(desk: &Desk, to: &str) -> Vec<u8> {
    desk.catcher.messages().into_iter().find(|mail| mail.to == [to]).unwrap().raw
}

fn public(desk: &Desk) -> Vec<PublicKey> {
    desk.read(keys::published).keys
}

fn said(desk: &Desk, mail: &[u8]) -> String {
    in_words(&judge(mail, &public(desk))).join(" ")
}

fn changed(mail: &[u8], from: &str, to: &str) -> Vec<u8> {
    let text = String::from_utf8(mail.to_vec()).unwrap();
    assert!(text.contains(from), "{from} is not in\n{text}");
    text.replacen(from, to, 1).into_bytes()
}

/// The header alone, as it stands in the mail.
fn header_of(mail: &[u8]) -> String {
    let text = String::from_utf8(mail.to_vec()).unwrap();
    let from = text.find("Countersign-Provenance:").unwrap();
    let mut header = String::new();
    for (at, line) in text[from..].split_inclusive("\r\n").enumerate() {
        if at > 0 && !line.starts_with(['\t', ' ']) {
            break;
        }
        header.push_str(line);
    }
    header
}

#[actix_web::test]
async fn a_mail_that_a_person_approved_says_so_and_names_nobody() {
    let desk = Desk::new().await;
    let mail = left(&desk, "ann@example.com", json!({"subject": "Grüße an Sie", "html_body": "<p>Hello <b>there</b>.</p>"})).await;
    let verdict = judge(&mail, &public(&desk));
    assert!(verdict.is_whole(), "{verdict:?}");
    let words = said(&desk, &mail);
    assert!(words.contains("This mail is genuine") && words.contains("an AI agent, wrote it"), "{words}");
    assert!(words.contains("A person, a reviewer, approved exactly this mail before it left."), "{words}");
    let verified = verdict.says.unwrap();
    let issued = count(&desk, "SELECT issued_at AS n FROM warrants");
    assert_eq!(verified.at.seconds(), issued / 1_000_000, "not the time of the attempt: each has the same bytes");
    let statement = verified.statement;
    assert_eq!((statement.mode.as_str(), statement.cleared.as_str(), statement.policy), ("gated_send", "decision", 1));
    assert!(statement.decision.is_some() && statement.was_approved_by_a_person());
    let header = header_of(&mail);
    for hidden in ["Rita", "rita", "@", "ann", desk.person("Rita").id()] {
        assert!(!header.contains(hidden), "{hidden} stands in {header}");
    }
    assert!(header.lines().all(|line| line.len() <= 120), "{header}");
    let other = left(&desk, "ben@example.com", json!({})).await;
    let approver = |mail: &[u8]| judge(mail, &public(&desk)).says.unwrap().statement.approver.unwrap();
    assert_eq!((approver(&mail), statement.approver), (approver(&other), Some(approver(&mail))), "the same person is always the same");
}

#[actix_web::test]
async fn each_way_of_leaving_is_told_apart() {
    let desk = Desk::new().await;
    desk.send(Mode::Monitored, "watched@example.com", json!({"consent_basis": "consent"})).await;
    desk.send(Mode::Autonomous, "alone@example.com", json!({"consent_basis": "consent"})).await;
    let message = desk.pending("by-key@example.com", json!({})).await;
    let (status, answer) = desk
        .call(
            &desk.oversight,
            "POST",
            "/v1/oversight/decide",
            json!({"message_id": message.row.id, "action": "approve", "content_hash": message.row.content_hash}),
        )
        .await;
    assert!(status < 300, "{answer}");
    desk.drain().await;
    let words = |to: &str| said(&desk, &raw(&desk, to));
    assert!(words("watched@example.com").contains("No person approved it before it left; people watch"), "{}", words("watched@example.com"));
    assert!(words("alone@example.com").ends_with("No person approved it before it left."));
    assert!(words("by-key@example.com").contains("A program with a key of its own approved it"), "{}", words("by-key@example.com"));
}

#[actix_web::test]
async fn what_was_changed_is_found_out_and_what_relays_do_is_not_held_against_it() {
    let desk = Desk::new().await;
    let words = "Hello there, Ann. It is the same as ever, and it is a line that goes on and on, for longer than a line of a mail should, and then a little further.\n\nÄ = ü";
    let mail = left(&desk, "ann@example.com", json!({"subject": "A subject", "text_body": words})).await;
    let keys = public(&desk);
    let look = |mail: &[u8]| judge(mail, &keys);
    assert!(look(&mail).is_whole());
    let header = header_of(&mail);

    // What relays do: other line ends, folding elsewhere, a header in front, another order, white space at line ends.
    let text = String::from_utf8(mail.clone()).unwrap();
    let folded = text.replace("origin=", "\r\n  origin=").replace("; mode", ";\r\n mode");
    for (case, harmless) in [
        ("line ends", text.replace("\r\n", "\n")),
        ("folding", folded),
        ("a header in front", format!("Received: from a by b;\r\n\tSun, 22 Nov 2026 04:00:00 +0000\r\n{text}")),
        ("another order", format!("{}{header}X-Spam: no\r\n{}", "", text.replace(&header, ""))),
        ("pasted with space before", format!("\n\n  {}", text)),
        ("one line", text.replace(&header, &format!("{}\r\n", header.replace("\r\n", "").replace('\t', "")))),
    ] {
        assert!(look(harmless.as_bytes()).is_whole(), "{case}: {:?}", look(harmless.as_bytes()));
    }

    for (case, from, to, headers, body) in [
        ("subject", "Subject: A subject", "Subject: Another subject", Compared::Changed, Compared::Same),
        ("sender", "From: ", "From: The Bank ", Compared::Changed, Compared::Same),
        ("recipient", "To: ann@", "To: ben@", Compared::Changed, Compared::Same),
        ("a second sender", "From: ", "From: evil@example.com\r\nFrom: ", Compared::Changed, Compared::Same),
    ] {
        let verdict = look(&changed(&mail, from, to));
        assert!(verdict.says.is_ok(), "{case}");
        assert_eq!((verdict.headers, verdict.body), (headers, body), "{case}");
        assert!(
            in_words(&verdict)[0].starts_with("This mail is not the one that was signed") && in_words(&verdict).len() == 1,
            "{case}: nothing else is said"
        );
    }
    let at = text.find("\r\n\r\n").unwrap();
    let (head, rest) = text.split_at(at + 4);
    let inside = rest.replacen("Hello there", "Hello there. Pay at http://evil.example", 1);
    assert_ne!(inside, rest);
    for (case, body) in [("inside", inside), ("before", format!("Look: {rest}")), ("taken", rest[rest.len() / 2..].to_owned())] {
        assert_eq!(look(format!("{head}{body}").as_bytes()).body, Compared::Changed, "{case}");
    }

    // What a list adds below is told apart, and said.
    let verdict = look(format!("{text}\r\nClick here: http://evil.example").as_bytes());
    assert_eq!((verdict.headers, verdict.body, verdict.is_whole()), (Compared::Same, Compared::Added, false));
    let words = in_words(&verdict).join(" ");
    assert!(words.contains("something that nobody signed") && words.contains("Click here: http://evil.example"), "{words}");

    for (case, from, to) in [
        ("mode", "mode=gated_send", "mode=autonomous"),
        ("origin", "origin=agent", "origin=person"),
        ("role", "role=reviewer", "role=admin"),
        ("policy", "policy=1", "policy=2"),
        ("signature", "b=", "b=AAAA"),
        ("something more", "v=2;", "v=2; x=y;"),
    ] {
        let altered = header.replacen(from, to, 1);
        assert_ne!(altered, header, "{case}");
        let verdict = look(text.replace(&header, &altered).as_bytes());
        assert!(matches!(verdict.says, Err(Problem::Signature | Problem::Unreadable)), "{case}: {verdict:?}");
    }
    assert_eq!(look(text.replace(&header, "").as_bytes()).says, Err(Problem::Missing));
    assert_eq!(look(format!("{header}{text}").as_bytes()).says, Err(Problem::Several));
    assert_eq!(judge(&mail, &[]).says, Err(Problem::ForeignKey));
    let other = Desk::new().await;
    left(&other, "x@example.com", json!({})).await;
    assert_eq!(judge(&mail, &public(&other)).says, Err(Problem::ForeignKey));
    let mut disguised = public(&other);
    disguised[0].kid = keys[0].kid.clone();
    assert_eq!(judge(&mail, &disguised).says, Err(Problem::Signature), "another key under the same name");

    // The header alone, and the headers alone.
    for alone in [header.clone(), header.split_once(": ").unwrap().1.to_owned()] {
        let verdict = look(alone.as_bytes());
        assert!(verdict.says.is_ok() && verdict.body == Compared::NotGiven && verdict.headers == Compared::NotGiven, "{verdict:?}");
        assert!(in_words(&verdict)[0].contains("only this header was pasted"));
    }
    let verdict = look(head.as_bytes());
    assert_eq!((verdict.headers, verdict.body), (Compared::Same, Compared::NotGiven));
}

#[actix_web::test]
async fn every_signature_is_read_back_whatever_it_holds() {
    let desk = Desk::new().await;
    let mail = left(&desk, "ann@example.com", json!({})).await;
    // Some signatures end with "b==", and all kinds of words are hashed alike before and after.
    for n in 0..200 {
        let words = format!("Line {}\n\n.\n..\n\tü = {}\nfrom the end  \n\n\n", "x".repeat(n), "ä".repeat(n));
        let more = json!({"subject": format!("Subject {} =?x?= ü  two", "y".repeat(n % 90)), "text_body": words});
        let message = desk.pending(&format!("p{n}@example.com"), more).await;
        desk.decide("Rita", &message, DecisionKind::Approve).unwrap();
    }
    desk.drain().await;
    let keys = public(&desk);
    let all = desk.catcher.messages();
    assert_eq!(all.len(), 201);
    for Caught { raw, .. } in all {
        let verdict = judge(&raw, &keys);
        assert!(verdict.is_whole(), "{verdict:?}\n{}", String::from_utf8_lossy(&raw));
    }
    for junk in ["", "v=1;", "v=1;b=", "Countersign-Provenance: v=1; k=x; b=!", "Countersign-Provenance:", &"v=1;".repeat(5000)] {
        assert!(judge(junk.as_bytes(), &keys).says.is_err(), "{junk}");
    }
    assert!(verify(&"v=1; a=b;".repeat(3), &keys).is_err());
    assert!(digest(&mail).is_ok());
}

#[actix_web::test]
async fn a_new_key_follows_another_and_a_withdrawn_one_proves_nothing() {
    let desk = Desk::new().await;
    let first = left(&desk, "one@example.com", json!({})).await;
    let (ada, max) = (desk.person("Ada"), desk.person("Max"));
    assert!(desk.write(|conn| keys::rotate(conn, &max, clock::now())).is_err());
    desk.write(|conn| keys::rotate(conn, &ada, clock::now())).unwrap();
    let second = left(&desk, "two@example.com", json!({})).await;
    let key = |mail: &[u8]| judge(mail, &public(&desk)).says.unwrap().key;
    assert_ne!(key(&first), key(&second));
    let gone = key(&first);
    desk.write(|conn| keys::withdraw(conn, &ada, &gone, clock::now())).unwrap();
    assert_eq!(judge(&first, &public(&desk)).says, Err(Problem::Withdrawn));
    assert!(judge(&second, &public(&desk)).is_whole());
    let current = key(&second);
    desk.write(|conn| keys::withdraw(conn, &ada, &current, clock::now())).unwrap();
    let third = left(&desk, "three@example.com", json!({})).await;
    assert!(judge(&third, &public(&desk)).is_whole(), "a new one follows");
    let all = desk.read(|conn| keys::list(conn, &ada));
    assert_eq!(all.iter().filter(|key| key.private_key.is_some()).count(), 1, "only the one in use has its private half");
    assert!(!format!("{all:?}").contains("private"));
}

#[actix_web::test]
async fn anybody_reads_on_a_page_who_wrote_a_mail_and_learns_nothing_about_anybody() {
    let desk = Desk::new().await;
    let mail = String::from_utf8(left(&desk, "ann@example.com", json!({})).await).unwrap();
    let mut visitor = Browser::new(desk.app().await);
    let page = visitor.get("/verify").await;
    assert!(page.status == 200 && page.body.contains("name=\"mail\"") && !page.body.contains("csrf"));
    let page = visitor.post_bare("/verify", &[("mail", &mail)]).await;
    assert!(
        page.status == 200 && page.body.contains("This mail is genuine") && page.body.contains("A person, a reviewer, approved exactly this mail"),
        "{}",
        page.body
    );
    assert!(!page.body.contains("ann@") && !page.body.contains("Rita"), "{}", page.body);
    let page = visitor.post_bare("/verify", &[("mail", &mail.replace("Hello there", "<script>alert(1)</script>"))]).await;
    assert!(
        page.body.contains("This mail is not the one that was signed")
            && !page.body.contains("<script>alert")
            && !page.body.contains("approved exactly")
    );
    // Somebody who never got anything, and somebody who did: the same answer.
    let asked = async |visitor: &mut Browser<_>, to: &str| {
        visitor.post_bare("/verify", &[("mail", &format!("From: a@b.example\r\nTo: {to}\r\n\r\nHello"))]).await.body
    };
    let (known, unknown) = (asked(&mut visitor, "ann@example.com").await, asked(&mut visitor, "nobody@example.com").await);
    assert_eq!(known, unknown);
    assert_eq!(visitor.post_bare("/verify", &[("mail", " ")]).await.status, 422);
    let long = visitor.post_bare("/verify", &[("mail", &"x".repeat(1024 * 1024 + 1))]).await;
    assert_eq!(long.status, 413);
    let keys = visitor.get("/.well-known/countersign-keys.json").await;
    let keys: Value = serde_json::from_str(&keys.body).unwrap();
    assert_eq!((&keys["keys"][0]["kty"], &keys["keys"][0]["crv"]), (&json!("OKP"), &json!("Ed25519")));
    assert!(keys["keys"][0].get("d").is_none() && keys["keys"].as_array().unwrap().len() == 1);
}

#[actix_web::test]
async fn the_page_is_throttled() {
    let desk = Desk::new().await;
    let state = countersign::app::State { limits: std::sync::Arc::new(countersign::api::limits::Limits::new()), ..desk.state.clone() };
    let mut visitor = Browser::new(app_of(&state).await);
    let mut last = 0;
    for _ in 0..100 {
        last = visitor.post_bare("/verify", &[("mail", "x")]).await.status;
        if last == 429 {
            break;
        }
    }
    assert_eq!(last, 429);
}

#[actix_web::test]
async fn the_command_tells_it_with_the_keys_of_the_database_or_of_a_file() {
    let desk = Desk::new().await;
    let mail = left(&desk, "ann@example.com", json!({})).await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("mail.eml"), &mail).unwrap();
    std::fs::write(folder.path().join("altered.eml"), changed(&mail, "Hello there", "Goodbye")).unwrap();
    let keys = desk.read(keys::published);
    std::fs::write(folder.path().join("keys.json"), serde_json::to_string(&keys).unwrap()).unwrap();
    let url = desk.state.db.url();
    let (code, said) = countersign(url, folder.path(), &["verify-eml", "mail.eml"]);
    assert!(code == 0 && said.contains("This mail is genuine") && said.contains("by the desk at https://desk.example.com"), "{said}");
    let (code, said) = countersign("sqlite://none/at/all.db", folder.path(), &["verify-eml", "mail.eml", "--keys", "keys.json"]);
    assert!(code == 0 && said.contains("approved exactly this mail"), "{said}");
    let (code, said) = countersign(url, folder.path(), &["verify-eml", "altered.eml"]);
    assert!(code == 1 && said.contains("its words were changed"), "{said}");
    let (code, said) = countersign(url, folder.path(), &["verify-eml", "mail.eml", "--keys", "mail.eml"]);
    assert!(code == 1 && said.contains("holds no keys"), "{said}");
}

fn chained(desk: &Desk) {
    while desk.write(chain::extend).unwrap() {}
}

#[actix_web::test]
async fn a_head_is_signed_each_day_and_finds_a_log_that_was_written_anew() {
    let desk = Desk::new().await;
    left(&desk, "ann@example.com", json!({})).await;
    desk.write(|conn| keys::ensure(conn, clock::now())).unwrap();
    chained(&desk);
    let today = desk.now();
    desk.write(|conn| heads::sign_daily(conn, today)).unwrap();
    desk.write(|conn| heads::sign_daily(conn, today)).unwrap();
    let ada = desk.person("Ada");
    let all = desk.read(|conn| heads::list(conn, &ada, 100));
    assert_eq!(all.len(), 1, "one a day");
    desk.pending("ben@example.com", json!({})).await;
    chained(&desk);
    desk.write(|conn| heads::sign_daily(conn, today.plus_days(1))).unwrap();
    let all = desk.read(|conn| heads::list(conn, &ada, 100));
    assert_eq!(all.len(), 2);
    assert!(all[0].position > all[1].position);
    assert_eq!(desk.read(heads::check_all), vec![]);
    // An administrator keeps one.
    let mut browser = Browser::new(desk.app().await);
    browser.sign_in("ada").await;
    let page = browser.get("/audit/heads").await.body;
    assert!(page.contains(&all[0].day) && page.contains(&all[0].key_id), "{page}");
    let kept = browser.get(&format!("/audit/heads/{}", all[1].day)).await.body;
    let mut max = Browser::new(desk.app().await);
    max.sign_in("max").await;
    assert_eq!((max.get("/audit/heads").await.status, max.get(&format!("/audit/heads/{}", all[1].day)).await.status), (403, 403));
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("head.json"), &kept).unwrap();
    let check = || countersign(desk.state.db.url(), folder.path(), &["verify", "--kept-head", "head.json"]);
    let (code, said) = check();
    assert_eq!(code, 0, "{said}");
    // Somebody rewrites an entry, the chain, and the heads on record with a key of their own.
    let refused = desk
        .write(|conn| Ok(countersign::on_either!(conn, inner => diesel::RunQueryDsl::execute(diesel::sql_query("DELETE FROM audit_heads"), inner))?));
    assert!(refused.is_err(), "heads are append-only");
    let off = if desk.state.db.is_a_file() {
        vec!["DROP TRIGGER audit_log_refuse_update", "DROP TRIGGER audit_chain_refuse_delete", "DROP TRIGGER audit_heads_refuse_delete"]
    } else {
        vec![
            "ALTER TABLE audit_log DISABLE TRIGGER ALL",
            "ALTER TABLE audit_chain DISABLE TRIGGER ALL",
            "ALTER TABLE audit_heads DISABLE TRIGGER ALL",
        ]
    };
    for statement in off {
        sql(&desk, statement);
    }
    sql(&desk, "UPDATE audit_log SET actor_name = 'Somebody' WHERE seq = (SELECT min(seq) + 2 FROM audit_log)");
    sql(&desk, "DELETE FROM audit_chain");
    chained(&desk);
    let walk = desk.read(chain::walk);
    assert_eq!(walk.breaks, vec![], "alone it looks whole");
    assert_eq!(desk.read(heads::check_all).len(), 2, "and the heads on record do not fit it");
    sql(&desk, "DELETE FROM audit_heads");
    assert_eq!(desk.read(heads::check_all), vec![]);
    let (code, said) = check();
    assert!(code == 1 && said.contains("the log was written anew since then"), "{said}");
    // A head that was made up.
    std::fs::write(folder.path().join("head.json"), kept.replace("\"position\":", "\"position\":1")).unwrap();
    let (code, said) = check();
    assert!(code == 1 && said.contains("does not hold"), "{said}");
}

#[actix_web::test]
async fn a_mail_of_a_mebibyte_is_read_however_a_form_writes_it_and_no_longer_one() {
    let desk = Desk::new().await;
    let mut visitor = Browser::new(desk.app().await);
    // Each byte of it takes three in the form.
    let mail = format!("Subject: s\r\n\r\n{}", "=".repeat(1024 * 1024 - 14));
    assert_eq!(mail.len(), 1024 * 1024);
    let page = visitor.post_bare("/verify", &[("mail", &mail)]).await;
    assert!(page.status == 200 && !page.body.contains("larger than 1 MiB"), "{}: {}", page.status, page.body);
    for long in ["=".repeat(1024 * 1024 + 1), "=".repeat(2 * 1024 * 1024)] {
        let page = visitor.post_bare("/verify", &[("mail", &long)]).await;
        assert!(page.status == 413 && page.body.contains("The mail is larger than 1 MiB. Paste only its headers."), "{}", page.status);
    }
}
