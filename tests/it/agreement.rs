//! Explain and forecast ask the functions that the worker asks. For each check: what both say of a person is what becomes of a message
//! to them that was cleared before. What they cannot know (the warrant, the words, the step) is tested in `src/domain/policy/tests.rs`.

use countersign::domain::contacts;
use countersign::domain::contacts::consents::{self, ConsentBasis};
use countersign::domain::contacts::suppressions::{self, Reason};
use countersign::domain::ids::ContactId;
use countersign::domain::mailboxes::{Mode, stops};
use countersign::domain::messages::{Message, State};
use countersign::domain::outbox::{self, WorkerId};
use countersign::domain::policy::rules::{GroundRule, Rules, set_rules};
use countersign::domain::preferences::{self, Change};
use countersign::domain::reputation::{self, Limits};
use serde_json::{Value, json};

use crate::support::{Desk, OPERATOR, address, sql};

const EMAIL: &str = "ann@example.com";

/// Rules of which none stops anything.
fn free() -> Rules {
    Rules { cap_messages: 0, quiet_from: 0, quiet_until: 0, ground: GroundRule::Recorded, ..Rules::default() }
}

fn rule(desk: &Desk, rules: Rules) {
    desk.write(|conn| set_rules(conn, &OPERATOR, &rules, desk.now())).unwrap();
}

fn limit(desk: &Desk, change: impl FnOnce(&mut Limits)) {
    let id = desk.mailbox(Mode::Autonomous).id;
    desk.write(|conn| {
        let mut limits = Limits::from(&reputation::pace(conn, &OPERATOR, &id)?);
        change(&mut limits);
        reputation::set_limits(conn, &OPERATOR, &id, &limits, desk.now())
    })
    .unwrap();
}

fn suppress(desk: &Desk, whom: &str) {
    desk.write(|conn| suppressions::suppress(conn, &OPERATOR, whom, None, desk.now())).unwrap();
}

fn withdraw(desk: &Desk, id: &ContactId) {
    let ground = desk.read(|conn| consents::ledger(conn, &OPERATOR, id)).remove(0);
    desk.write(|conn| consents::withdraw(conn, &OPERATOR, id, &ground.id, desk.now())).unwrap();
}

fn wish(desk: &Desk, id: &ContactId, change: Change) {
    desk.write(|conn| preferences::change(conn, &OPERATOR, id, &change, desk.now())).unwrap();
}

/// The quiet hours around now.
fn quiet(desk: &Desk) {
    let minute = u16::try_from(desk.now().seconds().rem_euclid(86_400) / 60).unwrap();
    let around = |by: u16| (minute + 1440 + by - 120) % 1440;
    rule(desk, Rules { quiet_from: around(0), quiet_until: around(240), quiet_zone: Some("Etc/UTC".into()), ..free() });
}

type Step = fn(&Desk, &ContactId);

/// The check, whether a message to the same person left before, what happens after another was cleared, and the verdict.
fn cases() -> Vec<(&'static str, bool, Step, &'static str)> {
    vec![
        ("stop_switch", false, |desk, _| desk.write(|conn| stops::stop(conn, &OPERATOR, None, "a test", desk.now())).unwrap(), "hold"),
        (
            "mailbox_stopped",
            false,
            |desk, _| {
                let id = desk.mailbox(Mode::Autonomous).id;
                desk.write(|conn| stops::stop(conn, &OPERATOR, Some(&id), "a test", desk.now())).unwrap();
            },
            "hold",
        ),
        ("suppression", false, |desk, _| suppress(desk, EMAIL), "refuse"),
        ("suppression", false, |desk, _| suppress(desk, "@example.com"), "refuse"),
        ("suppression", false, |desk, _| suppress(desk, "#vip"), "refuse"),
        (
            "suppression",
            false,
            |desk, _| desk.write(|conn| suppressions::add(conn, &OPERATOR, EMAIL, Reason::Complained, "fbl", None, desk.now())).unwrap(),
            "refuse",
        ),
        (
            "unsubscribed_tag",
            false,
            |desk, id| {
                sql(desk, &format!("INSERT INTO contact_tags (contact_id, tag) VALUES ('{id}', 'unsubscribed')"));
            },
            "refuse",
        ),
        ("consent_basis", false, withdraw, "hold"),
        (
            "consent_basis",
            false,
            |desk, id| {
                sql(desk, &format!("UPDATE contacts SET metadata = '{{\"country\":\"CA\"}}' WHERE id = '{id}'"));
                withdraw(desk, id);
                desk.write(|conn| contacts::record_consent(conn, &OPERATOR, id, ConsentBasis::SoftOptIn, "order", desk.now().plus_days(-800)))
                    .unwrap();
            },
            "refuse",
        ),
        ("topic", false, |desk, id| wish(desk, id, Change { paused_until: Some(Some(desk.now().plus_days(9))), ..Change::default() }), "defer"),
        ("frequency_cap", true, |desk, _| rule(desk, Rules { cap_messages: 1, ..free() }), "defer"),
        ("frequency_cap", true, |desk, id| wish(desk, id, Change { most_per_week: Some(Some(1)), ..Change::default() }), "defer"),
        ("quiet_hours", false, |desk, _| quiet(desk), "defer"),
        (
            "campaign_stop",
            false,
            |desk, id| {
                let until = desk.now().plus_days(3).micros();
                sql(desk, &format!("UPDATE contacts SET absent_until = {until} WHERE id = '{id}'"));
            },
            "defer",
        ),
        (
            "reputation",
            false,
            |desk, _| {
                limit(desk, |limits| limits.per_minute = 1_000);
                let id = desk.mailbox(Mode::Autonomous).id;
                sql(desk, &format!("UPDATE mailbox_pace SET health = 'paused' WHERE mailbox_id = '{id}'"));
            },
            "hold",
        ),
        ("warm_up", true, |desk, _| limit(desk, |limits| limits.warmup_first = 1), "defer"),
        ("throttle", true, |desk, _| limit(desk, |limits| limits.per_minute = 1), "defer"),
        ("domain_throttle", true, |desk, _| limit(desk, |limits| limits.per_domain_minute = 1), "defer"),
    ]
}

async fn cleared(desk: &Desk) -> Message {
    let (status, answer) = desk.send(Mode::Autonomous, EMAIL, json!({})).await;
    assert_eq!((status, answer["held"].as_bool()), (202, Some(false)), "{answer}");
    desk.message(answer["id"].as_str().unwrap())
}

#[actix_web::test]
async fn what_explain_and_forecast_say_is_what_the_worker_does() {
    for (place, (check, before, change, verdict)) in cases().into_iter().enumerate() {
        let case = format!("{place}: {check}");
        let desk = Desk::new().await;
        rule(&desk, free());
        let (_, made) = desk.call(&desk.agent, "POST", "/v1/contacts", json!({"email": EMAIL, "tags": ["vip"]})).await;
        let id = ContactId::from(made["id"].as_str().unwrap());
        desk.write(|conn| contacts::record_consent(conn, &OPERATOR, &id, ConsentBasis::Consent, "form", desk.now())).unwrap();
        // A limit counts what leaves while it holds.
        limit(&desk, |limits| limits.per_minute = 1_000);
        if before {
            cleared(&desk).await;
            desk.drain().await;
            assert_eq!(desk.catcher.messages().len(), 1, "{case}");
        }
        let message = cleared(&desk).await;
        change(&desk, &id);

        let path = format!("/v1/contacts/{id}/explain?mailbox={}", address(Mode::Autonomous));
        let (_, explained) = desk.call(&desk.agent, "GET", &path, Value::Null).await;
        let because = &explained["because"];
        assert_eq!((because["check"].as_str(), because["verdict"].as_str()), (Some(check), Some(verdict)), "{case}: {explained}");
        let asked = json!({"contacts": [id], "mailbox": address(Mode::Autonomous)});
        let (_, forecast) = desk.call(&desk.agent, "POST", "/v1/forecast", asked).await;
        let named = &forecast["contacts"][0];
        assert_eq!((named["check"].as_str(), &named["detail"]), (Some(check), &because["detail"]), "{case}: {forecast}");
        assert_eq!((forecast[verdict].as_i64(), forecast["pass"].as_i64()), (Some(1), Some(0)), "{case}: {forecast}");

        let claimed = desk.write(|conn| outbox::claim(conn, &WorkerId::new(), 500, desk.now())).unwrap();
        assert_eq!(claimed.len(), 0, "{case}: nothing leaves");
        let row = desk.message(message.row.id.as_str()).row;
        match verdict {
            "refuse" => assert_eq!((row.state, row.state_reason.as_deref()), (State::Skipped, because["detail"].as_str()), "{case}"),
            "defer" => {
                let waiting = desk.read(|conn| outbox::waiting(conn, &message.row.id)).unwrap();
                assert!(matches!(row.state, State::Queued | State::Approved), "{case}: {:?}", row.state);
                // A mailbox that has used up its minute or its day waits as a whole, its rows as they are.
                if !matches!(check, "warm_up" | "throttle") {
                    let until = because["next_eligible_at"].as_str().map(str::to_owned);
                    assert_eq!(Some(waiting.not_before.to_string()), until, "{case}");
                }
            }
            _ => {
                assert!(matches!(row.state, State::Queued | State::Approved | State::Pending), "{case}: {:?}", row.state);
                let told = row.held_because.or(row.state_reason);
                assert!(row.state != State::Pending || told.as_deref() == because["detail"].as_str(), "{case}: {told:?}");
            }
        }
    }
}
