//! Templates: the closed language, versions that never change, approval by another person, and what the gate makes of it.

use countersign::domain::actor::{Actor, Mailboxes, Scope};
use countersign::domain::contacts::{self, ContactInput, Customer};
use countersign::domain::ids::{ApiKeyId, ContactId, TemplateId};
use countersign::domain::mailboxes::Mode;
use countersign::domain::messages::DecisionKind;
use countersign::domain::settings;
use countersign::domain::templates;
use serde_json::{Value, json};

use crate::support::{Browser, Desk, OPERATOR, address, count, sql};

const ANA: &str = "ana@example.com";

/// A template of an agent; its id.
pub async fn template(desk: &Desk, more: Value) -> String {
    let mut body = json!({"name": "Welcome", "subject": "Welcome, {{ name }}", "body": "Hi {{ name }},\n\nit is good to have you here.\n",
        "variables": [{"name": "name", "type": "text", "source": "contact.name"}]});
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    let (status, made) = desk.call(&desk.agent, "POST", "/v1/templates", body).await;
    assert_eq!(status, 201, "{made}");
    made["id"].as_str().unwrap().to_owned()
}

/// Approves a version as this person.
pub fn approve(desk: &Desk, who: &str, id: &str, version: i32) -> Result<(), String> {
    let actor = desk.person(who);
    let done = desk.write(|conn| templates::approve(conn, &actor, &TemplateId::from(id), version, desk.now()));
    done.map(drop).map_err(|error| error.code.to_owned())
}

/// A contact with a name and a record; its id.
pub fn known(desk: &Desk, email: &str, metadata: Value) -> ContactId {
    desk.write(|conn| {
        let input = ContactInput {
            email: email.into(),
            name: Some("Ana Lima".into()),
            metadata: metadata.as_object().unwrap().clone(),
            ..ContactInput::default()
        };
        Ok(contacts::upsert(conn, &OPERATOR, &input, desk.now())?.row.id)
    })
    .unwrap()
}

async fn send(desk: &Desk, id: &str, mode: Mode, more: Value) -> (u16, Value) {
    let mut body = json!({"mailbox": address(mode), "to": ANA, "consent_basis": "consent"});
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    desk.call(&desk.agent, "POST", &format!("/v1/templates/{id}/send"), body).await
}

#[actix_web::test]
async fn an_approved_version_leaves_where_the_mode_lets_it_and_no_other_does() {
    let desk = Desk::new().await;
    known(&desk, ANA, json!({}));
    let id = template(&desk, json!({})).await;
    for mode in [Mode::Autonomous, Mode::Monitored] {
        let (status, held) = send(&desk, &id, mode, json!({})).await;
        assert_eq!((status, &held["held"], &held["reason"]), (202, &json!(true), &json!("Nobody approved this version of its template.")), "{held}");
    }
    approve(&desk, "Max", &id, 1).unwrap();
    let (_, sent) = send(&desk, &id, Mode::Autonomous, json!({})).await;
    assert_eq!((&sent["held"], &sent["status"]), (&json!(false), &json!("queued")), "{sent}");
    let message = desk.message(sent["id"].as_str().unwrap());
    assert_eq!(message.current.subject, "Welcome, Ana Lima");
    assert_eq!(message.current.text_body, "Hi Ana Lima,\n\nit is good to have you here.\n");
    // An approval loosens no mode, and the first message of a campaign waits as ever.
    for (mode, more) in [(Mode::GatedAll, json!({})), (Mode::GatedSend, json!({})), (Mode::Autonomous, json!({"campaign": "new"}))] {
        assert_eq!(send(&desk, &id, mode, more).await.1["held"], true, "{mode}");
    }
    // Another version is not approved with it, and stands back until it is.
    let words =
        json!({"subject": "Hello {{ name }}", "body": "Hi {{ name }}.", "variables": [{"name": "name", "type": "text", "source": "contact.name"}]});
    let (status, second) = desk.call(&desk.agent, "POST", &format!("/v1/templates/{id}/versions"), words).await;
    assert_eq!((status, &second["version"], &second["approved"]), (201, &json!(2), &json!(false)));
    assert_eq!(send(&desk, &id, Mode::Autonomous, json!({"version": 2})).await.1["held"], true);
    let (_, usual) = send(&desk, &id, Mode::Autonomous, json!({})).await;
    assert_eq!(desk.message(usual["id"].as_str().unwrap()).current.subject, "Welcome, Ana Lima");
    let whole = desk.call(&desk.agent, "GET", &format!("/v1/templates/{id}"), json!(null)).await.1;
    assert_eq!((&whole["approved_version"], &whole["usual_version"], &whole["versions"][0]["version"]), (&json!(1), &json!(1), &json!(2)));
    // A withdrawn approval holds what comes after it.
    let actor = desk.person("Ada");
    desk.write(|conn| templates::withdraw(conn, &actor, &TemplateId::from(id.as_str()), 1, desk.now())).unwrap();
    assert_eq!(send(&desk, &id, Mode::Autonomous, json!({"version": 1})).await.1["held"], true);
}

#[actix_web::test]
async fn what_a_withdrawn_approval_let_go_is_taken_back_some_at_a_time_and_none_leaves_meanwhile() {
    let desk = Desk::new().await;
    let id = template(&desk, json!({})).await;
    approve(&desk, "Max", &id, 1).unwrap();
    let target = TemplateId::from(id.as_str());
    let many = async |name: &str, messages: i32, more: Value| {
        for number in 0..messages {
            let to = format!("{name}{number}@example.com");
            known(&desk, &to, json!({}));
            let mut with = more.clone();
            with["to"] = json!(to);
            let (status, sent) = send(&desk, &id, Mode::Autonomous, with).await;
            assert_eq!((status, &sent["held"]), (202, &json!(false)), "{sent}");
        }
    };
    let states = |state: &str| count(&desk, &format!("SELECT count(*) AS n FROM messages WHERE state = '{state}'"));
    let ada = desk.person("Ada");
    let withdraw = || desk.write(|conn| templates::withdraw(conn, &ada, &target, 1, desk.now())).unwrap();
    let step = || desk.write(|conn| templates::take_back_step(conn, desk.now())).unwrap();
    // What is due meanwhile is stopped at its dot, and waits for a person as what was taken back does.
    many("due", 60, json!({})).await;
    assert_eq!((withdraw(), states("pending"), states("queued")), (60, 50, 10));
    let shown = desk.call(&desk.agent, "GET", &format!("/v1/templates/{id}"), json!(null)).await.1;
    assert_eq!(shown["versions"][0]["taking_back"], true, "{shown}");
    desk.drain().await;
    assert_eq!((desk.catcher.messages().len(), states("pending"), states("queued")), (0, 60, 0));
    while step() {}
    // Each step is a transaction of its own: whoever comes later goes on where the one before was.
    approve(&desk, "Max", &id, 1).unwrap();
    many("later", 60, json!({"send_at": desk.now().plus_days(30).to_string()})).await;
    assert_eq!((withdraw(), states("pending")), (60, 60), "those from before are looked at first");
    assert_eq!((step(), states("pending")), (true, 100));
    assert_eq!((step(), states("pending"), step()), (true, 120, false));
    let shown = desk.call(&desk.agent, "GET", &format!("/v1/templates/{id}"), json!(null)).await.1;
    assert_eq!(shown["versions"][0]["taking_back"], false);
    let voided = "SELECT count(*) AS n FROM (SELECT target_id FROM audit_log WHERE action = 'message.void' GROUP BY target_id HAVING count(*) = 1) v";
    assert_eq!(count(&desk, voided), 120, "each once");
    // Whoever approves it again meanwhile lets the rest go.
    approve(&desk, "Max", &id, 1).unwrap();
    many("again", 2, json!({})).await;
    withdraw();
    approve(&desk, "Max", &id, 1).unwrap();
    assert!(!step());
    desk.drain().await;
    assert_eq!(desk.catcher.messages().len(), 2);
}

#[actix_web::test]
async fn withdrawing_an_approval_holds_what_has_not_left() {
    let desk = Desk::new().await;
    known(&desk, ANA, json!({}));
    let id = template(&desk, json!({})).await;
    let other = template(&desk, json!({"name": "Other"})).await;
    approve(&desk, "Max", &id, 1).unwrap();
    approve(&desk, "Max", &other, 1).unwrap();
    let sent = |answer: (u16, Value)| answer.1["id"].as_str().unwrap().to_owned();
    let gone = sent(send(&desk, &id, Mode::Autonomous, json!({})).await);
    desk.drain().await;
    let by_itself = sent(send(&desk, &id, Mode::Autonomous, json!({})).await);
    let read = sent(send(&desk, &id, Mode::GatedAll, json!({})).await);
    desk.decide("Rita", &desk.message(&read), DecisionKind::Approve).unwrap();
    let of_other = sent(send(&desk, &other, Mode::Autonomous, json!({})).await);
    let mut max = Browser::new(desk.app().await);
    max.sign_in("max").await;
    let page = format!("/templates/{id}");
    assert_eq!(max.post(&page, &format!("{page}/versions/1/withdrawal"), &[]).await.status, 303);
    let shown = max.get(&page).await.body;
    assert!(shown.contains("waits in the queue again"), "{shown}");
    let state = |id: &str| desk.message(id).row.state.as_str();
    assert_eq!([&gone, &by_itself, &read, &of_other].map(|id| state(id)), ["sent", "pending", "pending", "queued"]);
    assert_eq!(desk.message(&by_itself).row.held_because.as_deref(), Some("The approval of its template was withdrawn."));
    let noted = "SELECT count(*) AS n FROM audit_log WHERE action = 'message.void'";
    assert_eq!(count(&desk, noted), 2);
    let before = desk.catcher.messages().len();
    desk.drain().await;
    assert_eq!(desk.catcher.messages().len(), before + 1, "only the one of the other template leaves");
    // Whoever reads one may let it go.
    desk.decide("Rita", &desk.message(&by_itself), DecisionKind::Approve).unwrap();
    desk.drain().await;
    assert_eq!(state(&by_itself), "sent");
}

#[actix_web::test]
async fn nobody_approves_what_they_wrote_and_no_key_approves_anything() {
    let desk = Desk::new().await;
    let max = desk.person("Max");
    let first = templates::NewVersion { subject: "Hello".into(), body: "Hello there.".into(), ..templates::NewVersion::default() };
    let whole = desk.write(|conn| templates::create(conn, &max, "News", None, &first, desk.now())).unwrap();
    let id = whole.row.id.as_str();
    assert_eq!(approve(&desk, "Max", id, 1), Err("four_eyes".into()));
    assert_eq!(approve(&desk, "Rita", id, 1), Err("role_missing".into()), "reviewers decide messages");
    let scopes = vec![Scope::Admin, Scope::Read];
    let key = Actor::Key { id: ApiKeyId::new(), name: "key".into(), scopes, mailboxes: Mailboxes::All, is_test: false };
    let by_key = desk.write(|conn| templates::approve(conn, &key, &whole.row.id, 1, desk.now()));
    assert_eq!(by_key.map_err(|error| error.code).err(), Some("person_required"));
    assert_eq!(approve(&desk, "Ada", id, 9), Err("not_found".into()));
    assert_eq!(approve(&desk, "Ada", id, 1), Ok(()));
    assert_eq!(approve(&desk, "Ada", id, 1), Ok(()), "twice is as good as once");
    assert_eq!(count(&desk, "SELECT count(*) AS n FROM audit_log WHERE action = 'template.approve'"), 1);
    // One who is alone may, where the installation says so.
    desk.write(|conn| settings::set(conn, settings::FOUR_EYES, "off")).unwrap();
    let second = desk.write(|conn| templates::add_version(conn, &max, &whole.row.id, &first, desk.now())).unwrap();
    assert_eq!(approve(&desk, "Max", id, second.version), Ok(()));
}

#[actix_web::test]
async fn whoever_wrote_a_version_decides_no_message_made_from_it() {
    let desk = Desk::new().await;
    known(&desk, ANA, json!({}));
    let max = desk.person("Max");
    let first = templates::NewVersion { subject: "Hello".into(), body: "Hello there.".into(), ..templates::NewVersion::default() };
    let whole = desk.write(|conn| templates::create(conn, &max, "News", None, &first, desk.now())).unwrap();
    let (_, held) = send(&desk, whole.row.id.as_str(), Mode::GatedSend, json!({})).await;
    let message = desk.message(held["id"].as_str().unwrap());
    assert_eq!(desk.decide("Max", &message, DecisionKind::Approve).map_err(|error| error.code).err(), Some("four_eyes"));
    assert!(desk.decide("Rita", &message, DecisionKind::Approve).is_ok());
}

#[actix_web::test]
async fn a_version_never_changes() {
    let desk = Desk::new().await;
    let id = template(&desk, json!({})).await;
    approve(&desk, "Max", &id, 1).unwrap();
    for change in [
        "UPDATE template_versions SET body = 'other'",
        "UPDATE template_versions SET subject = 'other'",
        "UPDATE template_versions SET html = '<p>other</p>'",
        "UPDATE template_versions SET variables = '[]'",
        "UPDATE template_versions SET version = 7",
        "UPDATE template_versions SET author_id = 'other'",
        "DELETE FROM template_versions",
    ] {
        assert!(crate::programs::sql(&desk, change).is_err_and(|why| why.contains("cannot be changed")), "{change}");
    }
}

#[actix_web::test]
async fn values_are_typed_come_from_the_record_and_are_data() {
    let desk = Desk::new().await;
    let contact = known(&desk, ANA, json!({"seats": 12, "note": "{{ 7*7 }} <b>&"}));
    desk.write(|conn| {
        let customer = Customer {
            contact_id: contact.clone(),
            company: None,
            plan_name: Some("Team".into()),
            mrr_minor: Some(7900),
            currency: Some("EUR".into()),
            tenure_days: None,
            features: countersign::db::types::Json::new(vec![]),
            usage: countersign::db::types::Json::new(vec![]),
            last_active_at: None,
            updated_at: desk.now(),
        };
        contacts::put_customer(conn, &customer)
    })
    .unwrap();
    let variables = json!([
        {"name": "plan", "type": "text", "optional": true, "source": "customer.plan"},
        {"name": "paid", "type": "money", "source": "customer.mrr"},
        {"name": "seats", "type": "number", "source": "field.seats"},
        {"name": "note", "type": "text", "source": "field.note"},
        {"name": "mail", "type": "text", "source": "contact.email"},
        {"name": "day", "type": "date"},
        {"name": "guide", "type": "url", "optional": true}
    ]);
    let body = "{% if plan %}\nPlan {{ plan }}, {{ paid }}, {{ seats }} seats.\n{% endif %}\n{{ note }} {{ mail }} {{ day }}{% if guide %} {{ guide }}{% else %} -{% endif %}\n";
    let html = "<p title=\"{{ note }}\">{{ note }} {{ day }}</p>";
    let id = template(&desk, json!({"name": "Record", "subject": "About {{ day }}", "body": body, "html": html, "variables": variables})).await;
    let render = async |contact: Value, values: Value| {
        let body = json!({"contact": contact, "values": values});
        desk.call(&desk.agent, "POST", &format!("/v1/templates/{id}/render"), body).await
    };
    let (status, read) = render(json!(ANA), json!({"day": "2027-04-03"})).await;
    assert_eq!(status, 200, "{read}");
    assert_eq!(read["subject"], "About 3 April 2027");
    assert_eq!(read["text"], "Plan Team, €79, 12 seats.\n{{ 7*7 }} <b>& ana@example.com 3 April 2027 -\n");
    let html = read["html"].as_str().unwrap();
    assert!(!html.contains("<b>") && html.contains("&lt;b&gt;&amp;") && html.contains("{{ 7*7 }}"), "{html}");
    let (_, read) = render(json!(ANA), json!({"day": "2027-04-03", "guide": "https://example.com/x?a=1&b=2"})).await;
    assert!(read["text"].as_str().unwrap().ends_with("https://example.com/x?a=1&b=2\n"));
    // Nothing was sent or kept by looking.
    assert_eq!(count(&desk, "SELECT count(*) AS n FROM messages"), 0);
    for (values, code) in [
        (json!({}), "template_value_missing"),
        (json!({"day": "3.4.2027"}), "field_invalid"),
        (json!({"day": "2027-04-03", "guide": "javascript:alert(1)"}), "field_invalid"),
        (json!({"day": "2027-04-03", "guide": "http://example.com"}), "field_invalid"),
        (json!({"day": "2027-04-03", "plan": "Enterprise"}), "field_invalid"),
        (json!({"day": "2027-04-03", "other": "x"}), "field_invalid"),
        (json!({"day": "2027-04-03\nBcc: evil@example.com"}), "field_invalid"),
    ] {
        let (status, answer) = render(json!(ANA), values.clone()).await;
        assert_eq!((status, answer["code"].as_str()), (422, Some(code)), "{values}: {answer}");
    }
    known(&desk, "bare@example.com", json!({}));
    let (status, answer) = render(json!("bare@example.com"), json!({"day": "2027-04-03"})).await;
    assert_eq!((status, &answer["code"], &answer["field"]), (422, &json!("template_value_missing"), &json!("paid")), "{answer}");
}

#[actix_web::test]
async fn a_value_becomes_no_header_and_its_claims_are_checked() {
    let desk = Desk::new().await;
    known(&desk, ANA, json!({}));
    let id = template(
        &desk,
        json!({"name": "Offer", "subject": "For you: {{ what }}", "body": "You get {{ what }}.", "variables": [{"name": "what", "type": "text"}]}),
    )
    .await;
    approve(&desk, "Max", &id, 1).unwrap();
    for line_break in ["a\r\nBcc: evil@example.com", "a\nb", "a\u{0}b"] {
        let (status, answer) = send(&desk, &id, Mode::Autonomous, json!({"values": {"what": line_break}})).await;
        assert_eq!(status, 422, "{answer}");
    }
    let (_, fine) = send(&desk, &id, Mode::Autonomous, json!({"values": {"what": "a warm welcome"}})).await;
    assert_eq!(fine["held"], false, "{fine}");
    let (_, held) = send(&desk, &id, Mode::Autonomous, json!({"values": {"what": "90 % off for ever"}})).await;
    assert_eq!((&held["held"], &held["reason"]), (&json!(true), &json!("A claim in it rests on no recorded fact.")), "{held}");
}

#[actix_web::test]
async fn what_is_not_in_the_language_is_refused_with_its_line() {
    let desk = Desk::new().await;
    let make = async |field: &str, source: &str| {
        let mut body = json!({"name": "Wrong", "subject": "s", "body": "b", "variables": [{"name": "name", "type": "text"}]});
        body[field] = json!(source);
        desk.call(&desk.agent, "POST", "/v1/templates", body).await
    };
    for source in ["{{ 7*7 }}", "{{ env }}", "{% include 'x' %}", "{{ name|safe }}", "{% for x in name %}{% endfor %}", "{{ name"] {
        for field in ["subject", "body", "html"] {
            let (status, answer) = make(field, source).await;
            assert_eq!((status, &answer["code"], &answer["field"]), (422, &json!("template_invalid"), &json!(field)), "{source}: {answer}");
        }
    }
    let (_, answer) = make("body", "one\ntwo {{ nam }}").await;
    assert!(answer["detail"].as_str().unwrap().starts_with("body, line 2: there is no variable \"nam\""), "{answer}");
    let (status, answer) = make("body", &"x".repeat(20_001)).await;
    assert_eq!((status, &answer["code"]), (422, &json!("field_invalid")));
    assert_eq!(count(&desk, "SELECT count(*) AS n FROM templates"), 0);
}

#[actix_web::test]
async fn a_step_of_a_sequence_is_made_from_the_version_it_names() {
    let desk = Desk::new().await;
    known(&desk, ANA, json!({}));
    let id = template(&desk, json!({})).await;
    let step = json!({"template": {"id": id}, "wait_days": 0});
    let new =
        json!({"name": "Onboarding", "mailbox": address(Mode::Autonomous), "steps": [step, {"subject": "Two", "body": "Second.", "wait_days": 1}]});
    let (status, made) = desk.call(&desk.agent, "POST", "/v1/sequences", new).await;
    assert_eq!(status, 201, "{made}");
    assert_eq!((&made["steps"][0]["template"]["version"], &made["steps"][0]["subject"]), (&json!(1), &json!("Welcome, {{ name }}")));
    // The step stays with its version when the template gets another one.
    let words = json!({"subject": "Other", "body": "Other."});
    desk.call(&desk.agent, "POST", &format!("/v1/templates/{id}/versions"), words).await;
    approve(&desk, "Max", &id, 2).unwrap();
    let path = format!("/v1/sequences/{}", made["id"].as_str().unwrap());
    let (_, shown) = desk.call(&desk.agent, "GET", &format!("{path}/preview?contact={ANA}"), json!(null)).await;
    assert_eq!(shown["steps"][0]["subject"], "Welcome, Ana Lima", "{shown}");
    let (_, enrolled) = desk.call(&desk.agent, "POST", &format!("{path}/enrollments"), json!({"email": ANA})).await;
    let next = format!("{path}/enrollments/{}/send-next", enrolled["id"].as_str().unwrap());
    let (_, sent) = desk.call(&desk.agent, "POST", &next, json!({})).await;
    assert_eq!(sent["message"]["reason"], "Nobody approved this version of its template.", "{sent}");
    let mut max = Browser::new(desk.app().await);
    max.sign_in("max").await;
    let page = max.get(&path["/v1".len()..]).await.body;
    assert!(page.contains(&format!("<a href=\"/templates/{id}?version=1\">From a template, version 1</a>")), "{page}");
    // Where people came how far, the step has the words of its version for a name.
    let funnel = format!("/v1/reports/sequences/{}", made["id"].as_str().unwrap());
    let (_, report) = desk.call(&desk.key(&[Scope::Admin, Scope::Read]), "GET", &funnel, json!(null)).await;
    assert_eq!((&report["steps"][0]["subject"], &report["steps"][1]["subject"]), (&json!("Welcome, {{ name }}"), &json!("Two")), "{report}");
    let page = max.get(&format!("/reports/sequences?of={}", made["id"].as_str().unwrap())).await.body;
    assert!(page.contains("1. Welcome, ") && page.contains("2. Two"), "{page}");
    let used = desk.read(|conn| templates::used(conn, &OPERATOR, &TemplateId::from(id.as_str())));
    assert_eq!((used.of_version(1), used.of_version(2), used.sequences.len()), (1, 0, 1));
    // A template that needs a value for each message cannot be a step without it.
    let lacking =
        template(&desk, json!({"name": "Lacking", "subject": "s", "body": "{{ day }}", "variables": [{"name": "day", "type": "date"}]})).await;
    let new = |values: Value| json!({"name": format!("Days {values}"), "mailbox": address(Mode::Autonomous), "steps": [{"template": {"id": lacking, "values": values}, "wait_days": 0}]});
    let (status, answer) = desk.call(&desk.agent, "POST", "/v1/sequences", new(json!({}))).await;
    assert_eq!((status, &answer["code"]), (422, &json!("template_value_missing")), "{answer}");
    assert_eq!(desk.call(&desk.agent, "POST", "/v1/sequences", new(json!({"day": "2027-04-30"}))).await.0, 201);
}

#[actix_web::test]
async fn the_pages_write_compare_preview_and_approve() {
    let desk = Desk::new().await;
    known(&desk, ANA, json!({}));
    let mut max = Browser::new(desk.app().await);
    max.sign_in("max").await;
    let wrong = [("name", "News"), ("subject", "Hello {{ nam }}"), ("body", "Hi"), ("variables", "name text from contact.name")];
    let page = max.post("/templates/new", "/templates", &wrong).await;
    assert_eq!(page.status, 422);
    assert!(page.body.contains("Subject, line 1: there is no variable") && page.body.contains("Hello {{ nam }}"), "{}", page.body);
    let fields = [
        ("name", "News"),
        ("subject", "Hello {{ name }}"),
        ("body", "Hi {{ name }} on {{ day }}."),
        ("variables", "name text from contact.name\nday date"),
    ];
    let made = max.post("/templates/new", "/templates", &fields).await;
    let path = made.location.unwrap();
    let page = max.get(&path).await.body;
    assert!(page.contains("You wrote this version, so someone else must approve it.") && !page.contains("Approve version 1"));
    let refused = max.post(&path, &format!("{path}/versions/1/approval"), &[]).await;
    assert_eq!(refused.status, 403);
    let mut ada = Browser::new(desk.app().await);
    ada.sign_in("ada").await;
    let approved = ada.post(&path, &format!("{path}/versions/1/approval"), &[]).await;
    assert_eq!(approved.status, 303);
    assert!(ada.get(&path).await.body.contains("Approved by Ada"));
    let second = [("subject", "Hello {{ name }}"), ("body", "Dear {{ name }} on {{ day }}."), ("variables", "name text from contact.name\nday date")];
    let added = max.post(&format!("{path}/edit"), &format!("{path}/versions"), &second).await;
    let page = ada.get(added.location.as_deref().unwrap()).await.body;
    assert!(page.contains("What is different since version 1") && page.contains("<del>Hi</del>") && page.contains("<ins>Dear</ins>"), "{page}");
    let shown = ada.get(&format!("{path}?version=2&contact={ANA}&v-day=2027-04-03")).await.body;
    assert!(shown.contains("Dear Ana Lima on 3 April 2027."), "{shown}");
    let lacking = ada.get(&format!("{path}?version=2&contact={ANA}")).await.body;
    assert!(lacking.contains("The template needs day, a date."), "{lacking}");
    let away = ada.post(&path, &format!("{path}/archive"), &[("archived", "yes")]).await;
    assert_eq!(away.status, 303);
    let id = path.rsplit('/').next().unwrap();
    assert_eq!(send(&desk, id, Mode::Autonomous, json!({"values": {"day": "2027-04-03"}})).await.1["code"], "template_archived");
    // Reviewers have no such page.
    let mut rita = Browser::new(desk.app().await);
    rita.sign_in("rita").await;
    assert_eq!(rita.get("/templates").await.status, 403);
    assert_eq!(sql(&desk, "UPDATE templates SET about = 'x'"), 1);
}
