//! People of imports and forms of whom nobody knows whether they want mail: asked once, and nothing else before they confirm.

use countersign::clock;
use countersign::domain::actor::Scope;
use countersign::domain::contacts::{self, ConsentBasis};
use countersign::domain::ids::ContactId;
use countersign::domain::imports::{self, Confirm, Import, Of};
use countersign::domain::mailboxes::Mode;
use countersign::domain::messages::{DecisionKind, State};
use serde_json::{Value, json};

use crate::support::{Browser, Desk, OPERATOR, address, count};

/// The messages that ask this address to confirm.
fn asked(desk: &Desk, email: &str) -> i64 {
    let of = format!("SELECT COUNT(*) AS n FROM opt_ins o JOIN contacts c ON c.id = o.contact_id WHERE c.email_key = '{email}'");
    count(desk, &of)
}

#[actix_web::test]
async fn who_is_pending_is_asked_once_and_gets_nothing_else_before_they_confirm() {
    let desk = Desk::new().await;
    let body = json!({"email": "ana@example.com", "metadata": {"country": "US"}, "consent": "pending", "source": "the fair",
        "mailbox": address(Mode::GatedSend)});
    let (status, made) = desk.call(&desk.agent, "POST", "/v1/contacts", body.clone()).await;
    assert_eq!((status, &made["consents"]), (200, &json!([])), "no ground: {made}");
    assert_eq!(desk.call(&desk.agent, "POST", "/v1/contacts", body).await.0, 200);
    assert_eq!(asked(&desk, "ana@example.com"), 1, "once");
    let id = ContactId::from(made["id"].as_str().unwrap());
    let (_, list) = desk.call(&desk.oversight, "GET", "/v1/oversight/pending", Value::Null).await;
    let letter = desk.message(list["emails"].as_array().or(list["pending"].as_array()).unwrap()[0]["id"].as_str().unwrap());
    assert!(letter.current.text_body.contains("/confirm/"), "{}", letter.current.text_body);

    // A named ground, an open mailbox and the place they live in do not help.
    let (_, held) = desk.send(Mode::Autonomous, "ana@example.com", json!({"consent_basis": "consent"})).await;
    assert_eq!(held["held"], true, "{held}");
    assert!(held["reason"].as_str().unwrap().contains("asked to confirm"), "{held}");
    let other = desk.message(held["id"].as_str().unwrap());
    assert_eq!(desk.decide("Rita", &other, DecisionKind::Approve).unwrap_err().code, "ground_missing");
    desk.decide("Rita", &letter, DecisionKind::Approve).unwrap();
    desk.drain().await;
    assert_eq!(desk.catcher.messages().len(), 1, "the message that asks, and nothing else");
    let (_, explained) =
        desk.call(&desk.agent, "GET", &format!("/v1/contacts/{id}/explain?mailbox={}", address(Mode::Autonomous)), Value::Null).await;
    assert_eq!(explained["because"]["check"], "consent_basis", "{explained}");

    let token = letter.current.text_body.split("/confirm/").nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
    Browser::new(desk.app().await).post_bare(&format!("/confirm/{token}"), &[]).await;
    assert!(desk.decide("Rita", &desk.message(other.row.id.as_str()), DecisionKind::Approve).is_ok());
    desk.drain().await;
    assert_eq!((desk.catcher.messages().len(), desk.message(other.row.id.as_str()).row.state), (2, State::Sent));
}

#[actix_web::test]
async fn nobody_is_asked_who_left_or_agreed_and_a_key_needs_to_be_able_to_write() {
    let desk = Desk::new().await;
    let add = async |key: &str, email: &str| {
        desk.call(key, "POST", "/v1/contacts", json!({"email": email, "consent": "pending", "mailbox": address(Mode::GatedSend)})).await
    };
    let (_, made) = desk.call(&desk.agent, "POST", "/v1/contacts", json!({"email": "yes@example.com"})).await;
    let id = ContactId::from(made["id"].as_str().unwrap());
    desk.write(|conn| contacts::record_consent(conn, &OPERATOR, &id, ConsentBasis::Consent, "form", desk.now())).unwrap();
    desk.call(&desk.agent, "POST", "/v1/suppression", json!({"email": "left@example.com"})).await;
    for email in ["yes@example.com", "left@example.com"] {
        assert_eq!(add(&desk.agent, email).await.0, 200, "{email}");
        assert_eq!(asked(&desk, email), 0, "{email}");
    }
    let narrow = desk.key(&[Scope::Contacts, Scope::Read]);
    assert_eq!(add(&narrow, "new@example.com").await.1["code"], "scope_missing");
    assert_eq!(
        desk.call(&desk.agent, "GET", "/v1/contacts/search?email=new@example.com", Value::Null).await.1["contacts"],
        json!([]),
        "nothing of it"
    );
    let wrong = json!({"email": "x@example.com", "consent": "consent"});
    assert_eq!(desk.call(&desk.agent, "POST", "/v1/contacts", wrong).await.0, 422, "a key records no ground");
}

fn imported(desk: &Desk, file: &str, confirm: Confirm) -> Import {
    let parsed = imports::read(Of::Churn, file.as_bytes().to_vec()).unwrap().confirming(confirm);
    let max = desk.person("Max");
    let started = desk.write(|conn| imports::start(conn, &max, "left.csv", &parsed, desk.now())).unwrap();
    imports::run(&desk.state.db, &max, started, &parsed, clock::now, |_| {}).unwrap()
}

#[actix_web::test]
async fn an_import_says_so_for_a_row_or_for_everybody_and_a_row_that_cannot_be_asked_is_told() {
    let desk = Desk::new().await;
    let file = "customer_email,consent\na@example.com,pending\nb@example.com,\nc@example.com,yes\n";
    let from = |mode| Some(address(mode));
    let done = imported(&desk, file, Confirm { everybody: false, mailbox: from(Mode::GatedSend) });
    assert_eq!((done.imported_rows, done.refused_rows), (2, 1), "{}", done.refused_csv);
    assert!(done.refused_csv.contains("consent must be pending or empty"), "{}", done.refused_csv);
    assert_eq!((asked(&desk, "a@example.com"), asked(&desk, "b@example.com"), asked(&desk, "c@example.com")), (1, 0, 0));
    let source = count(&desk, "SELECT COUNT(*) AS n FROM opt_ins WHERE source = 'the file left.csv'");
    assert_eq!(source, 1);

    let all = "customer_email\nd@example.com\ne@example.com\n";
    imported(&desk, all, Confirm { everybody: true, mailbox: from(Mode::GatedSend) });
    assert_eq!((asked(&desk, "d@example.com"), asked(&desk, "e@example.com")), (1, 1));
    let closed = imported(&desk, "customer_email\nf@example.com\n", Confirm { everybody: true, mailbox: from(Mode::ReadOnly) });
    assert_eq!((closed.state.as_str(), closed.refused_rows), ("finished", 1));
    assert!(closed.refused_csv.contains("read_only"), "{}", closed.refused_csv);
    let (status, event) = desk
        .call(
            &desk.agent,
            "POST",
            "/api/v1/churn-events",
            json!({"customer_email": "g@example.com", "consent": "pending", "mailbox": address(Mode::GatedSend)}),
        )
        .await;
    assert_eq!((status, asked(&desk, "g@example.com")), (201, 1), "{event}");
    desk.drain().await;
    assert!(desk.catcher.messages().is_empty(), "each waits for a person first");

    // On the pages.
    let mut max = Browser::new(desk.app().await);
    max.sign_in("max").await;
    let page = max.get("/churn/import").await.body;
    assert!(page.contains("name=\"confirm\"") && page.contains("Mailbox that asks"), "{page}");
    let id = desk.mailbox(Mode::GatedSend).id;
    let fields = [("customer_email", "h@example.com"), ("event_type", "cancelled"), ("confirm", id.as_str())];
    assert_eq!(max.post("/churn/new", "/churn", &fields).await.status, 303);
    assert_eq!(asked(&desk, "h@example.com"), 1);
}
