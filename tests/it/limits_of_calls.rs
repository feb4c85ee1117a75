//! How many calls a key may make, by a clock that stands still until it is moved.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use countersign::api::limits::{Limits, STRANGERS_PER_MINUTE};
use countersign::app::State;
use serde_json::{Value, json};

use crate::support::{Desk, Reply, ask};

/// Calls a minute in these tests.
const PER_MINUTE: u32 = 600;

/// Seconds, moved by hand.
#[derive(Clone, Default)]
struct Hand(Arc<AtomicU64>);

impl Hand {
    fn limits(&self) -> Limits {
        let at = self.clone();
        Limits::by_clock(move || Duration::from_secs(at.0.load(Ordering::SeqCst)))
    }

    fn pass(&self, seconds: u64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }
}

async fn limited() -> (Desk, State, Hand) {
    let (desk, hand) = (Desk::new().await, Hand::default());
    let state = State { limits: Arc::new(hand.limits()), ..desk.state.clone() };
    (desk, state, hand)
}

async fn look(state: &State, key: &str) -> Reply {
    ask(state, key, "GET", "/v1/mailboxes", &[], &Value::Null).await
}

fn number(reply: &Reply, name: &str) -> u32 {
    let value = reply.header(&format!("RateLimit-{name}")).unwrap_or_else(|| panic!("no RateLimit-{name}: {reply:?}"));
    assert_eq!(Some(value), reply.header(&format!("X-RateLimit-{name}")));
    value.parse().unwrap()
}

#[actix_web::test]
async fn a_key_is_told_what_is_left_and_when_it_may_go_on() {
    let (desk, state, hand) = limited().await;
    let burst = PER_MINUTE / 6;
    for left in (0..burst).rev() {
        let reply = look(&state, &desk.agent).await;
        assert_eq!(reply.status, 200);
        let told = (number(&reply, "Limit"), number(&reply, "Remaining"), number(&reply, "Reset"));
        assert_eq!(told, (PER_MINUTE, left, (burst - left).div_ceil(PER_MINUTE / 60)));
    }
    let refused = look(&state, &desk.agent).await;
    assert_eq!((refused.status, refused.code(), refused.header("Retry-After")), (429, "rate_limited", Some("1")));
    assert_eq!((number(&refused, "Remaining"), number(&refused, "Reset")), (0, 10));
    assert_eq!(look(&state, &desk.oversight).await.status, 200, "each key has its own");
    hand.pass(1);
    for _ in 0..PER_MINUTE / 60 {
        assert_eq!(look(&state, &desk.agent).await.status, 200);
    }
    assert_eq!(look(&state, &desk.agent).await.status, 429);
}

#[actix_web::test]
async fn a_call_too_many_does_nothing_and_keeps_no_answer() {
    let (desk, state, hand) = limited().await;
    let body = json!({"email": "a@example.com"});
    let create = async || ask(&state, &desk.agent, "POST", "/v1/contacts", &[("Idempotency-Key", "one")], &body).await;
    while look(&state, &desk.agent).await.status == 200 {}
    assert_eq!(create().await.status, 429);
    assert_eq!(desk.call(&desk.agent, "GET", "/v1/contacts/search", Value::Null).await.1["contacts"], json!([]));
    hand.pass(60);
    let done = create().await;
    assert_eq!((done.status < 300, done.header("Idempotent-Replayed")), (true, None), "{done:?}");
}

#[actix_web::test]
async fn tools_count_as_calls() {
    let (desk, state, _) = limited().await;
    let list = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}});
    let headers = [("Accept", "application/json, text/event-stream"), ("Host", "localhost")];
    let call = async || ask(&state, &desk.agent, "POST", "/mcp", &headers, &list).await;
    let first = call().await;
    assert_eq!((first.status, number(&first, "Remaining")), (200, PER_MINUTE / 6 - 1), "{first:?}");
    while look(&state, &desk.agent).await.status == 200 {}
    let refused = call().await;
    assert_eq!((refused.status, refused.code(), refused.header("Retry-After")), (429, "rate_limited", Some("1")));
}

#[actix_web::test]
async fn calls_without_a_known_key_are_limited_by_address_and_others_from_there_go_on() {
    let (desk, state, hand) = limited().await;
    for _ in 0..STRANGERS_PER_MINUTE {
        assert_eq!(look(&state, "cs_live_wrong").await.status, 401);
    }
    let refused = look(&state, "").await;
    assert_eq!((refused.status, refused.header("Retry-After")), (429, Some("1")));
    assert_eq!(look(&state, &desk.agent).await.status, 200);
    hand.pass(1);
    assert_eq!(look(&state, "cs_live_wrong").await.status, 401);
}

#[test]
fn callers_long_gone_take_no_memory() {
    let hand = Hand::default();
    let limits = hand.limits();
    for number in 0..50_000_u32 {
        if number % 100 == 0 {
            hand.pass(60);
        }
        limits.count_stranger(Some(IpAddr::V4(Ipv4Addr::from_bits(number))));
        limits.count(&number.to_string(), 60 + number % 3);
    }
    assert!(limits.kept() < 5_000, "{}", limits.kept());
}

#[test]
fn one_neighbourhood_of_ipv6_is_one_caller() {
    let limits = Hand::default().limits();
    let near = |number: u32| Some(IpAddr::V6(Ipv6Addr::from_bits((0x2001_0db8_u128 << 96) + u128::from(number))));
    assert!((0..STRANGERS_PER_MINUTE).all(|number| limits.count_stranger(near(number)).is_none()));
    assert!(limits.count_stranger(near(1000)).is_some());
    assert!(limits.count_stranger(Some(IpAddr::V6(Ipv6Addr::LOCALHOST))).is_none());
}
