//! Changing and erasing a person.

use std::sync::Arc;

use countersign::dialer::{Allowed, Dialer};
use countersign::domain::actor::Scope;
use countersign::domain::contacts::ConsentBasis;
use countersign::domain::contacts::consents::{self, NewConsent};
use countersign::domain::ids::ContactId;
use countersign::domain::inbound::{self, Arrived};
use countersign::domain::keys::{self, NewKey};
use countersign::domain::mailboxes::Mode;
use countersign::domain::messages::{DecisionKind, Message, State};
use countersign::domain::outbox;
use countersign::domain::privacy::export;
use countersign::domain::privacy::requests::{self, Kind, Law, NewRequest};
use countersign::domain::sources::Provider;
use countersign::domain::sources::read;
use countersign::domain::sources::receive::{self, Sender};
use countersign::domain::threads::{self, Exchange};
use countersign::domain::views::{self, NewView};
use diesel::RunQueryDsl;
use serde_json::{Value, json};

use crate::support::{Desk, OPERATOR, ask, count};

fn sql(desk: &Desk, text: &str) -> Result<usize, String> {
    desk.state
        .db
        .write(|conn| countersign::on_either!(conn, inner => diesel::sql_query(text).execute(inner)))
        .map_err(|error: diesel::result::Error| error.to_string())
}

async fn contact(desk: &Desk, body: Value) -> Value {
    let (status, made) = desk.call(&desk.agent, "POST", "/v1/contacts", body).await;
    assert_eq!(status, 200, "{made}");
    made
}

#[actix_web::test]
async fn a_change_merges_and_null_removes() {
    let desk = Desk::new().await;
    let made = contact(&desk, json!({"email": "ann@example.com", "name": "Ann", "tags": ["a"], "metadata": {"plan": "pro", "seats": 4}})).await;
    let path = format!("/v1/contacts/{}", made["id"].as_str().unwrap());
    let change = json!({"tags": ["b"], "metadata": {"seats": null, "team": "ops"}, "time_zone": "Europe/Berlin"});
    let (status, changed) = desk.call(&desk.agent, "PATCH", &path, change).await;
    assert_eq!(status, 200, "{changed}");
    assert_eq!((&changed["tags"], &changed["metadata"]), (&json!(["a", "b"]), &json!({"plan": "pro", "team": "ops"})));
    assert_eq!((changed["name"].as_str(), changed["time_zone"].as_str()), (Some("Ann"), Some("Europe/Berlin")));
    let (_, cleared) = desk.call(&desk.agent, "PATCH", &path, json!({"name": null})).await;
    assert_eq!((&cleared["name"], cleared["time_zone"].as_str()), (&Value::Null, Some("Europe/Berlin")));
    assert_eq!(desk.call(&desk.agent, "PATCH", &path, json!({"email": "other@example.com"})).await.1["code"], "field_unknown");
    assert_eq!(desk.call(&desk.oversight, "PATCH", &path, json!({"name": "X"})).await.1["code"], "scope_missing");
    assert_eq!(desk.call(&desk.agent, "PATCH", "/v1/contacts/absent", json!({"name": "X"})).await.0, 404);
    // The tag that suppresses does so here too.
    desk.call(&desk.agent, "PATCH", &path, json!({"tags": ["unsubscribed"]})).await;
    assert_eq!(desk.call(&desk.agent, "GET", &path, json!(null)).await.1["suppressed"], true);
}

const EMAIL: &str = "zuleika.quibblethorpe@quagmire.example";
/// Words that stand in everything the person wrote or was written.
const NAME: &str = "Quibblethorpe";

/// A person with everything this product keeps of one. Gives the contact's id, a sent, a held and a scheduled message.
async fn everything(desk: &Desk) -> (String, [String; 3]) {
    let made = contact(desk, json!({"email": EMAIL, "name": format!("Zuleika {NAME}"), "tags": ["vip"], "metadata": {"note": NAME}})).await;
    let id = made["id"].as_str().unwrap().to_owned();
    let mailbox = desk.mailbox(Mode::GatedSend).id;
    desk.write(|conn| {
        let line = Exchange {
            from_customer: true,
            subject: format!("{NAME} asks"),
            text: format!("I am {NAME}. The export is slow."),
            at: desk.now().plus_days(-3),
            message_id: Some(format!("<{NAME}@quagmire.example>")),
        };
        threads::record_history(conn, &OPERATOR, &mailbox, &ContactId::from(id.as_str()), EMAIL, &[line], desk.now())
    })
    .unwrap();
    let event = json!({
        "customer_email": EMAIL, "customer_name": format!("Zuleika {NAME}"), "provider_customer_id": format!("cus_{NAME}"),
        "cancel_reason": "missing_features", "cancel_reason_text": format!("{NAME} needs an export"), "notes": NAME, "features": [NAME], "mrr_cents": 4900,
    });
    let (_, event) = desk.call(&desk.agent, "POST", "/api/v1/churn-events", event).await;
    let (status, _) = desk.call(&desk.agent, "POST", &format!("/api/v1/churn-events/{}/generate", event["id"].as_str().unwrap()), json!({})).await;
    assert_eq!(status, 200);
    let words = json!({"subject": format!("For {NAME}"), "text_body": format!("Dear {NAME}, how are you?"), "headers": {"X-For": NAME}});
    let sent = desk.pending(EMAIL, words.clone()).await;
    desk.decide("Rita", &sent, DecisionKind::Approve).unwrap();
    desk.drain().await;
    let asked = desk.pending(EMAIL, words.clone()).await;
    let rita = desk.person("Rita");
    desk.write(|conn| {
        use countersign::domain::messages::decide::{Decide, decide};
        let reason = format!("Say more about {NAME}");
        let one =
            Decide { reason: Some(&reason), content_hash: Some(&asked.row.content_hash), ..Decide::on(&asked.row.id, DecisionKind::RequestChanges) };
        decide(conn, &rita, &one, desk.now())?;
        countersign::domain::desk::comments::comment(conn, &rita, &asked.row.id, &format!("{NAME} is a friend"), desk.now())
    })
    .unwrap();
    came_in(desk, &id, &sent);
    traces(desk, &id).await;
    let mut later = words;
    later["send_at"] = json!(desk.now().plus_days(5).to_string());
    let scheduled = desk.pending(EMAIL, later).await;
    desk.decide("Rita", &scheduled, DecisionKind::Approve).unwrap();
    (id, [sent.row.id.to_string(), asked.row.id.to_string(), scheduled.row.id.to_string()])
}

/// What else is kept of somebody: counts, chances, links, steps, reports of a provider, kept answers, searches, grounds, requests.
async fn traces(desk: &Desk, id: &str) {
    let agent = async |path: &str, body: Value| {
        let (status, answer) = desk.call(&desk.agent, "POST", path, body).await;
        assert!(status < 300, "{path}: {status} {answer}");
        answer
    };
    agent("/v1/usage-events", json!({"events": [{"email": EMAIL, "name": format!("opened {NAME}")}]})).await;
    agent("/v1/signals", json!({"contact": id, "kind": "ticket_resolved", "value": "5"})).await;
    let admin = desk.key(&[Scope::Admin, Scope::Contacts, Scope::Read]);
    let link = json!({"contact": id, "target_url": format!("https://acme.example.com/{NAME}")});
    assert_eq!(desk.call(&admin, "POST", "/v1/referrals", link).await.0, 201);
    let (_, other) =
        desk.call(&admin, "POST", "/v1/referrals", json!({"email": "other@example.com", "target_url": "https://acme.example.com/x"})).await;
    agent(&format!("/v1/referrals/{}/conversions", other["id"].as_str().unwrap()), json!({"email": EMAIL})).await;
    let steps = json!([{"subject": "One", "body": "Hello {{ name }}, it is us.", "wait_days": 0}]);
    let sequence = agent("/v1/sequences", json!({"name": "Welcome", "mailbox": "gated-send@sender.example", "steps": steps})).await;
    agent(&format!("/v1/sequences/{}/enrollments", sequence["id"].as_str().unwrap()), json!({"contact": id})).await;
    agent(&format!("/v1/contacts/{id}/source"), json!({"source": format!("the list of {NAME}"), "elsewhere": true})).await;
    agent(&format!("/v1/contacts/{id}/opt-in"), json!({"mailbox": "gated-send@sender.example", "source": format!("a form of {NAME}")})).await;
    let (status, _) = desk.call(&desk.agent, "PATCH", &format!("/v1/contacts/{id}/preferences"), json!({"most_per_week": 1})).await;
    assert_eq!(status, 200);
    // Answers that a retry would get.
    let words = json!({"mailbox": "gated-send@sender.example", "to": EMAIL, "subject": format!("{NAME}, once"), "text_body": "Hello."});
    let once = ask(&desk.state, &desk.agent, "POST", "/v1/send", &[("idempotency-key", "once")], &words).await;
    assert_eq!(once.status, 202, "{}", once.body);
    let named = json!({"email": EMAIL, "metadata": {"note": NAME}});
    assert_eq!(ask(&desk.state, &desk.agent, "POST", "/v1/contacts", &[("idempotency-key", "again")], &named).await.status, 200);
    desk.call(&desk.agent, "DELETE", &format!("/v1/suppression/{EMAIL}"), json!(null)).await;
    let (contact, max) = (ContactId::from(id), desk.person("Max"));
    desk.write(|conn| {
        let now = desk.now();
        let sender = Sender { provider: Provider::Stripe, source: None };
        let customer = json!({"id": format!("cus_{NAME}"), "email": EMAIL.to_uppercase(), "name": NAME});
        let left = json!({"id": format!("sub_{NAME}"), "customer": format!("cus_{NAME}"), "currency": "eur", "metadata": {"email": EMAIL},
            "cancellation_details": {"comment": format!("{NAME} is done"), "feedback": "other"},
            "items": {"data": [{"quantity": 1, "price": {"unit_amount": 4900, "nickname": "Pro", "recurring": {"interval": "month"}}}]}});
        for (id, kind, object) in [("evt_1", "customer.created", customer), ("evt_2", "customer.subscription.deleted", left)] {
            let event = json!({"id": id, "type": kind, "created": now.seconds() - 60, "data": {"object": object}});
            receive::take(conn, &sender, &read::provider(Provider::Stripe, &event)?, now)?;
        }
        let consent = NewConsent { evidence: Some(NAME.into()), ..NewConsent::from_source(ConsentBasis::Consent, NAME) };
        consents::record(conn, &max, &contact, &consent, now)?;
        let request = NewRequest { kind: Kind::Erasure, law: Law::Gdpr, received_at: None, note: Some(format!("{NAME} wrote")) };
        requests::record(conn, &max, &contact, &request, now)?;
        let view = NewView { name: "Them".into(), query: format!("q={}", EMAIL.replace('@', "%40")), shared: false };
        views::save(conn, &max, &view, now)?;
        Ok(())
    })
    .unwrap();
}

/// What came in by mail: a reply that makes a lead, a bounce with the server's words, an absence.
fn came_in(desk: &Desk, id: &str, sent: &Message) {
    let about = format!("{}.{}@sender.example", sent.row.id, sent.row.version);
    let mailbox = desk.mailbox(Mode::GatedSend);
    let head = format!("From: Zuleika {NAME} <{EMAIL}>\r\nTo: gated-send@sender.example\r\nIn-Reply-To: <{about}>\r\n");
    let reply =
        format!("{head}Message-ID: <1@quagmire.example>\r\nSubject: Re: For {NAME}\r\n\r\nWhat is the pricing? {NAME} would like a demo.\r\n");
    let away = format!(
        "{head}Message-ID: <2@quagmire.example>\r\nAuto-Submitted: auto-replied\r\nSubject: Automatic reply: For {NAME}\r\n\r\n\
         {NAME} is out of the office until {}.\r\n",
        desk.now().plus_days(9).date()
    );
    let bounce = format!(
        "From: MAILER-DAEMON@relay.example\r\nTo: gated-send@sender.example\r\nSubject: Undelivered\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n\
         Reporting-MTA: dns; relay.example\r\n\r\nFinal-Recipient: rfc822; {EMAIL}\r\nAction: delayed\r\nStatus: 4.2.2\r\n\
         Diagnostic-Code: smtp; 452 4.2.2 <{EMAIL}> {NAME} is over quota\r\n\r\n--b\r\nContent-Type: text/rfc822-headers\r\n\r\n\
         Message-ID: <{about}>\r\nSubject: For {NAME}\r\n\r\n--b--\r\n"
    );
    for raw in [reply, away, bounce] {
        let arrived = Arrived::new(raw.into_bytes(), None, desk.now());
        desk.write(|conn| inbound::take(conn, &mailbox, &arrived, desk.now())).unwrap();
    }
    for (table, least) in [("leads WHERE signals <> '[]'", 1), ("delivery_reports WHERE reason <> ''", 1), ("inbound_raw WHERE raw <> ''", 3)] {
        assert_eq!(count(desk, &format!("SELECT COUNT(*) AS n FROM {table}")), least, "{table}");
    }
    assert_eq!(count(desk, &format!("SELECT COUNT(*) AS n FROM contacts WHERE id = '{id}' AND absent_until IS NOT NULL")), 1, "an absence");
}

#[actix_web::test]
async fn an_erasure_takes_the_words_everywhere_and_leaves_who_decided() {
    let mut desk = Desk::new().await;
    // Nobody listens there, so what is told stays in the table.
    desk.state.dialer = Arc::new(Dialer::new(vec![Allowed::parse("127.0.0.1:9").unwrap()]));
    let hook = json!({"url": "http://127.0.0.1:9/"});
    let admin = desk.key(&[Scope::Admin, Scope::Contacts, Scope::Read]);
    assert_eq!(desk.call(&admin, "POST", "/v1/webhooks", hook).await.0, 201);
    let (id, [sent, asked, scheduled]) = everything(&desk).await;
    let hash = desk.message(&sent).row.content_hash;
    let (status, erased) = desk.call(&desk.agent, "DELETE", &format!("/v1/contacts/{id}"), json!(null)).await;
    assert_eq!(status, 200, "{erased}");
    assert_eq!(
        (erased["messages"].as_i64(), erased["withdrawn"].as_i64(), erased["inbound_emails"].as_i64()),
        (Some(5), Some(4), Some(4)),
        "{erased}"
    );

    // What had not left never leaves, and who decided what stays without words.
    assert_eq!((desk.message(&asked).row.state, desk.message(&scheduled).row.state), (State::Withdrawn, State::Cancelled));
    desk.catcher.clear();
    desk.drain().await;
    assert!(desk.catcher.messages().is_empty());
    let kept = desk.message(&sent);
    assert_eq!((kept.row.state, kept.row.content_hash.as_str(), kept.decisions.len()), (State::Sent, hash.as_str(), 1));
    assert_eq!((kept.decisions[0].actor_name.as_str(), kept.decisions[0].content_hash.as_str()), ("Rita", hash.as_str()));
    assert!(desk.read(outbox::verify::verify).exceptions.is_empty(), "what left is still accounted for");
    let (_, log) = desk.call(&admin, "GET", &format!("/v1/audit-log?target_kind=contact&target={id}"), json!(null)).await;
    assert_eq!(log["entries"][0]["action"], "contact.erase");

    // Nobody finds them, and they cannot come back.
    for path in [format!("/v1/contacts/{id}"), format!("/v1/contacts/{id}/explain?mailbox=gated-send@sender.example")] {
        assert_eq!(desk.call(&desk.agent, "GET", &path, json!(null)).await.0, 404, "{path}");
    }
    assert_eq!(desk.call(&desk.agent, "DELETE", &format!("/v1/contacts/{id}"), json!(null)).await.0, 404);
    let (_, found) = desk.call(&desk.agent, "GET", &format!("/v1/contacts/search?query={NAME}"), json!(null)).await;
    assert_eq!(found["contacts"], json!([]));
    let (status, again) = desk.call(&desk.agent, "POST", "/v1/contacts", json!({"email": EMAIL.to_uppercase()})).await;
    assert_eq!((status, again["code"].as_str()), (409, Some("contact_erased")), "{again}");
    let (status, mailed) = desk.send(Mode::Autonomous, EMAIL, json!({"consent_basis": "consent"})).await;
    assert_eq!((status, mailed["code"].as_str()), (409, Some("recipient_suppressed")), "{mailed}");
    let (_, why) = desk.call(&desk.agent, "GET", &format!("/v1/explain?email={EMAIL}&mailbox=autonomous@sender.example"), json!(null)).await;
    assert_eq!(why["verdict"], "refuse");
    // A provider that reports them again gets no error, and nothing of them is kept.
    let again = json!({"customer_email": EMAIL, "customer_name": NAME, "cancel_reason_text": NAME, "mrr_cents": 100});
    let (status, event) = desk.call(&desk.agent, "POST", "/api/v1/churn-events", again).await;
    assert_eq!((status, event["customer_email"].is_null(), event["cancel_reason_text"].is_null()), (201, true, true), "{event}");
    assert_eq!(leftovers(&desk), Vec::<String>::new());
    // What is kept in another form holds nothing either.
    for kept in [
        "inbound_raw WHERE raw <> ''",
        "leads WHERE signals <> '[]'",
        "delivery_reports WHERE reason <> ''",
        "contacts WHERE absent_until IS NOT NULL",
    ] {
        assert_eq!(count(&desk, &format!("SELECT COUNT(*) AS n FROM {kept}")), 0, "{kept}");
    }
    assert_eq!(sql(&desk, "UPDATE webhook_events SET body = body WHERE event_type = 'contact.erased'").unwrap(), 1, "others are told once");
}

/// Every text of the database that still holds the name.
fn leftovers(desk: &Desk) -> Vec<String> {
    #[derive(diesel::QueryableByName)]
    struct Name {
        #[diesel(sql_type = diesel::sql_types::Text)]
        name: String,
    }
    #[derive(diesel::QueryableByName)]
    struct Count {
        #[diesel(sql_type = diesel::sql_types::BigInt)]
        n: i64,
    }
    let postgres = std::env::var_os("COUNTERSIGN_TEST_DATABASE_URL").is_some();
    let columns = match postgres {
        true => {
            "SELECT table_name || '.' || column_name AS name FROM information_schema.columns \
             WHERE table_schema = 'public' AND data_type IN ('text', 'character varying')"
        }
        false => {
            "SELECT m.name || '.' || c.name AS name FROM sqlite_master m JOIN pragma_table_info(m.name) c \
             WHERE m.type = 'table' AND m.name NOT GLOB '*_index*' AND upper(c.type) = 'TEXT'"
        }
    };
    let all: Vec<Name> = desk.state.db.read(|conn| countersign::on_either!(conn, inner => diesel::sql_query(columns).load(inner))).unwrap();
    assert!(all.len() > 150, "all columns are looked at");
    let mut found = vec![];
    for Name { name } in all {
        let (table, column) = name.split_once('.').unwrap();
        let count = format!("SELECT COUNT(*) AS n FROM {table} WHERE lower({column}) LIKE '%quibblethorpe%' OR lower({column}) LIKE '%quagmire%'");
        let rows: Vec<Count> =
            desk.state.db.read(|conn| countersign::on_either!(conn, inner => diesel::sql_query(count.as_str()).load(inner))).unwrap();
        if rows[0].n > 0 {
            found.push(name);
        }
    }
    found
}

/// L-15: the address is in no byte of the files.
#[actix_web::test]
async fn no_byte_of_the_files_holds_the_address_after_an_erasure() {
    let desk = Desk::new().await;
    let Some(path) = desk.state.db.url().strip_prefix("sqlite://").map(str::to_owned) else { return };
    let (id, _) = everything(&desk).await;
    let holds = || {
        let mut found = vec![];
        // Every file that stands beside the database, whatever it is called.
        let folder = std::path::Path::new(&path).parent().unwrap();
        for file in std::fs::read_dir(folder).unwrap().filter_map(|entry| entry.ok()).filter(|entry| entry.path().is_file()) {
            let bytes = std::fs::read(file.path()).unwrap_or_default().to_ascii_lowercase();
            let ending = file.file_name().to_string_lossy().into_owned();
            for word in [&b"quibblethorpe"[..], b"quagmire"] {
                if bytes.windows(word.len()).any(|window| window == word) {
                    found.push(format!("{}{ending}", String::from_utf8_lossy(word)));
                }
            }
        }
        found
    };
    assert!(!holds().is_empty());
    assert_eq!(desk.call(&desk.agent, "DELETE", &format!("/v1/contacts/{id}"), json!(null)).await.0, 200);
    assert_eq!(holds(), Vec::<String>::new());
}

#[actix_web::test]
async fn the_way_that_blanks_words_opens_for_nothing_else() {
    let desk = Desk::new().await;
    let (id, [sent, ..]) = everything(&desk).await;
    let blank = format!(
        "UPDATE message_versions SET to_address = '(erased)', to_name = NULL, subject = '(erased)', text_body = '', html_body = NULL, headers = '[]' WHERE message_id = '{sent}'"
    );
    assert!(sql(&desk, &blank).unwrap_err().contains("cannot be changed"), "the person was not erased");
    desk.call(&desk.agent, "DELETE", &format!("/v1/contacts/{id}"), json!(null)).await;
    for change in [
        format!("UPDATE message_versions SET text_body = 'Pay here' WHERE message_id = '{sent}'"),
        format!("UPDATE message_versions SET content_hash = 'x' WHERE message_id = '{sent}'"),
        format!("UPDATE decisions SET actor_name = 'Somebody' WHERE message_id = '{sent}'"),
        format!("UPDATE decisions SET kind = 'reject' WHERE message_id = '{sent}'"),
        format!("UPDATE decisions SET reason = 'x' WHERE message_id = '{sent}'"),
        format!("DELETE FROM decisions WHERE message_id = '{sent}'"),
        "UPDATE message_comments SET body = 'x'".to_owned(),
        "UPDATE fact_versions SET label = 'x'".to_owned(),
        format!("UPDATE warrants SET content_hash = 'x' WHERE message_id = '{sent}'"),
    ] {
        let refused = sql(&desk, &change).unwrap_err();
        assert!(refused.contains("cannot be changed"), "{change}: {refused}");
    }
    for change in [
        format!("UPDATE audit_log SET detail = 'x' WHERE target_id = '{sent}'"),
        format!("UPDATE audit_log SET actor_name = 'x' WHERE target_id = '{sent}'"),
    ] {
        assert!(sql(&desk, &change).unwrap_err().contains("append-only"), "{change}");
    }
}

#[actix_web::test]
async fn a_key_erases_only_whom_it_reaches_wholly() {
    let desk = Desk::new().await;
    let made = contact(&desk, json!({"email": "ann@example.com"})).await;
    let path = format!("/v1/contacts/{}", made["id"].as_str().unwrap());
    desk.send(Mode::GatedSend, "ann@example.com", json!({})).await;
    let key = |mailbox: Mode| {
        let new = NewKey { mailboxes: vec![desk.mailbox(mailbox).id], ..NewKey::named("k", &[Scope::Contacts]) };
        desk.write(|conn| keys::add(conn, &OPERATOR, &new, desk.now())).unwrap().1
    };
    let (status, answer) = desk.call(&key(Mode::Monitored), "DELETE", &path, json!(null)).await;
    assert_eq!((status, answer["code"].as_str()), (403, Some("reach_missing")));
    assert_eq!(desk.call(&desk.oversight, "DELETE", &path, json!(null)).await.1["code"], "scope_missing");
    assert_eq!(desk.call(&key(Mode::GatedSend), "DELETE", &path, json!(null)).await.0, 200);
}

/// What is told of somebody is found by walking the tables, so that the same walk shows what an erasure leaves.
#[actix_web::test]
async fn everything_about_one_person_is_handed_out_and_nothing_of_it_is_left_after_an_erasure() {
    let desk = Desk::new().await;
    let (id, [sent, ..]) = everything(&desk).await;
    let (contact, max) = (ContactId::from(id.as_str()), desk.person("Max"));
    let all = desk.write(|conn| export::everything(conn, &max, &contact, desk.now())).unwrap();
    for table in [
        "audit_log",
        "churn_events",
        "consents",
        "contact_sources",
        "contact_tags",
        "contacts",
        "data_requests",
        "decisions",
        "enrollments",
        "facts",
        "inbound_emails",
        "message_versions",
        "messages",
        "opt_ins",
        "preferences",
        "provider_customers",
        "referrals",
        "signals",
        "threads",
        "usage_days",
    ] {
        assert!(all.tables.get(table).is_some_and(|rows| !rows.as_array().unwrap().is_empty()), "{table} is missing: {:?}", all.tables.keys());
    }
    let json = all.to_json().to_string();
    assert!(json.contains(&sent) && json.contains(EMAIL) && json.contains("Dear Quibblethorpe, how are you?"));
    assert!(!json.contains("is a friend") && !json.contains("token_hash"), "what the desk's people say to each other, and secrets, are theirs");
    let csv = String::from_utf8(all.to_csv().unwrap()).unwrap();
    assert!(csv.starts_with("table,row,field,value\r\n") && csv.contains(EMAIL) && csv.lines().count() > 100);

    let mut limited = max.clone();
    if let countersign::domain::actor::Actor::User { mailboxes, .. } = &mut limited {
        *mailboxes = countersign::domain::actor::Mailboxes::These(vec![desk.mailbox(Mode::Monitored).id]);
    }
    let out_of_reach = desk.write(|conn| export::everything(conn, &limited, &contact, desk.now())).unwrap_err();
    assert_eq!(out_of_reach.code, "reach_missing");
    let rita = desk.person("Rita");
    assert_eq!(desk.write(|conn| export::everything(conn, &rita, &contact, desk.now())).unwrap_err().code, "role_missing");

    let open = desk.read(|conn| requests::of_contact(conn, &contact));
    assert!(open.iter().all(|request| request.done_at.is_none()));
    assert_eq!(desk.call(&desk.agent, "DELETE", &format!("/v1/contacts/{id}"), json!(null)).await.0, 200);
    assert!(desk.read(|conn| requests::of_contact(conn, &contact)).iter().all(|request| request.done_at.is_some() && request.note.is_none()));
    assert_eq!(desk.write(|conn| export::everything(conn, &max, &contact, desk.now())).unwrap_err().code, "not_found");
    let again = ask(
        &desk.state,
        &desk.agent,
        "POST",
        "/v1/send",
        &[("idempotency-key", "once")],
        &json!({"mailbox": "gated-send@sender.example",
        "to": EMAIL, "subject": format!("{NAME}, once"), "text_body": "Hello."}),
    )
    .await;
    assert_eq!((again.status, &again.body["code"]), (409, &json!("idempotency_answer_lost")), "a retry is told what was done: {}", again.body);
    assert_eq!(leftovers(&desk), Vec::<String>::new());
}
