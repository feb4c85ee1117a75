//! Passkeys, with a device in software that tells lies on demand; tests/browser/passkeys.mjs has that of a browser.

use actix_web::body::MessageBody;
use actix_web::dev::{Service, ServiceResponse};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign::clock::Time;
use countersign::domain::accounts::passkeys::{self, FRESH};
use countersign::domain::accounts::second_factor::required::{Required, set_required};
use countersign::domain::accounts::second_factor::{self};
use countersign::domain::accounts::users;
use countersign::domain::actor::Actor;
use countersign::domain::keys;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::keys::actions;
use crate::second_factor::enrolled;
use crate::sign_in::row;
use crate::support::{Browser, Desk, OPERATOR, Page, count, sql};

const USER_PRESENT: u8 = 1;
const USER_VERIFIED: u8 = 4;
const HAS_KEY: u8 = 64;

/// What keeps a passkey, and how it answers.
struct Device {
    key: EcdsaKeyPair,
    id: [u8; 16],
    counter: u32,
    flags: u8,
    origin: String,
    host: String,
    challenge: Option<String>,
    kind: Option<&'static str>,
}

fn b64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

impl Device {
    fn new(id: u8) -> Device {
        let random = SystemRandom::new();
        let made = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).unwrap();
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, made.as_ref(), &random).unwrap();
        let (origin, host) = ("https://desk.example.com".to_owned(), "desk.example.com".to_owned());
        Device { key, id: [id; 16], counter: 0, flags: USER_PRESENT | USER_VERIFIED, origin, host, challenge: None, kind: None }
    }

    fn client_data(&self, kind: &str, options: &Value) -> String {
        let challenge = self.challenge.clone().unwrap_or_else(|| options["challenge"].as_str().unwrap().to_owned());
        json!({"type": self.kind.unwrap_or(kind), "challenge": challenge, "origin": self.origin, "crossOrigin": false}).to_string()
    }

    fn authenticator_data(&mut self, flags: u8) -> Vec<u8> {
        self.counter += 1;
        let mut data = Sha256::digest(self.host.as_bytes()).to_vec();
        data.push(flags);
        data.extend(self.counter.to_be_bytes());
        data
    }

    /// A new passkey (WebAuthn §6.5, attestation "none").
    fn make(&mut self, options: &Value) -> String {
        let client_data = self.client_data("webauthn.create", options);
        let mut data = self.authenticator_data(self.flags | HAS_KEY);
        data.extend([0; 16]);
        data.extend([0, 16]);
        data.extend(self.id);
        // The public key in COSE: EC2, ES256, P-256.
        let point = &self.key.public_key().as_ref()[1..];
        data.extend([0xA5, 1, 2, 3, 0x26, 0x20, 1, 0x21, 0x58, 32]);
        data.extend(&point[..32]);
        data.extend([0x22, 0x58, 32]);
        data.extend(&point[32..]);
        let mut object = vec![0xA3, 0x63];
        object.extend(b"fmt\x64none\x67attStmt\xA0\x68authData\x58");
        object.push(u8::try_from(data.len()).unwrap());
        object.extend(data);
        let response = json!({"attestationObject": b64(object), "clientDataJSON": b64(client_data), "transports": ["internal"]});
        json!({"id": b64(self.id), "rawId": b64(self.id), "type": "public-key", "response": response, "clientExtensionResults": {}}).to_string()
    }

    fn show(&mut self, options: &Value, user: &str) -> String {
        let client_data = self.client_data("webauthn.get", options);
        let data = self.authenticator_data(self.flags);
        let signed = [data.clone(), Sha256::digest(client_data.as_bytes()).to_vec()].concat();
        let signature = self.key.sign(&SystemRandom::new(), &signed).unwrap();
        let handle = b64(uuid::Uuid::parse_str(user).unwrap().as_bytes());
        let response =
            json!({"authenticatorData": b64(data), "clientDataJSON": b64(client_data), "signature": b64(signature.as_ref()), "userHandle": handle});
        json!({"id": b64(self.id), "rawId": b64(self.id), "type": "public-key", "response": response, "clientExtensionResults": {}}).to_string()
    }
}

/// What a page has the browser asked.
fn options(page: &Page) -> Value {
    let text = page.body.split("data-options=\"").nth(1).unwrap_or_else(|| panic!("{} {}", page.status, page.body)).split('"').next().unwrap();
    serde_json::from_str(&html_escape::decode_html_entities(text)).unwrap()
}

fn csrf(page: &Page) -> String {
    page.body.split("name=\"csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
}

async fn add<S, B>(browser: &mut Browser<S>, device: &mut Device, name: &str) -> Page
where
    S: Service<actix_http::Request, Response = ServiceResponse<B>, Error = actix_web::Error>,
    B: MessageBody,
{
    let page = browser.get("/account/passkeys/new").await;
    let made = device.make(&options(&page));
    browser.post_bare("/account/passkeys", &[("csrf", &csrf(&page)), ("name", name), ("credential", &made)]).await
}

async fn show<S, B>(browser: &mut Browser<S>, device: &mut Device, user: &str) -> Page
where
    S: Service<actix_http::Request, Response = ServiceResponse<B>, Error = actix_web::Error>,
    B: MessageBody,
{
    let page = browser.get("/login/passkey").await;
    let shown = device.show(&options(&page), user);
    browser.post_bare("/login/passkey", &[("csrf", &csrf(&page)), ("credential", &shown)]).await
}

#[actix_web::test]
async fn a_passkey_is_asked_for_after_the_password_and_signs_in() {
    let desk = Desk::new().await;
    let (mut rita, mut other) = (Browser::new(desk.app().await), Browser::new(desk.app().await));
    rita.sign_in("rita").await;
    other.sign_in("rita").await;
    let id = row(&desk, "Rita").id;
    let mut device = Device::new(1);
    let asked = options(&rita.get("/account/passkeys/new").await);
    assert_eq!(asked["rp"]["id"], "desk.example.com");
    assert_eq!(asked["authenticatorSelection"]["userVerification"], "required");
    let added = add(&mut rita, &mut device, "Laptop").await;
    assert_eq!((added.status, added.location.as_deref()), (303, Some("/account#passkeys")), "{}", added.body);
    assert!(rita.get("/account").await.body.contains("<b>Laptop</b>"));
    assert_eq!(other.get("/queue").await.status, 303, "the other session has ended");
    let again = options(&rita.get("/account/passkeys/new").await);
    assert_eq!(again["excludeCredentials"][0]["id"], b64(device.id), "it is not made twice on one device");

    let mut here = Browser::new(desk.app().await);
    assert_eq!(here.sign_in("rita").await.location.as_deref(), Some("/login/code"));
    assert_eq!(here.get("/login/code").await.location.as_deref(), Some("/login/passkey"), "she has no codes");
    assert_eq!(here.get("/queue").await.status, 303, "the password alone opens nothing");
    let before = here.cookie.clone();
    let done = show(&mut here, &mut device, id.as_str()).await;
    assert_eq!((done.status, done.location.as_deref()), (303, Some("/queue")), "{}", done.body);
    assert_ne!(before, here.cookie, "a new id");
    assert_eq!(here.get("/queue").await.status, 200);
    assert!(!here.get("/account").await.body.contains("<td data-label=\"Used last\">never"));
    let done = actions(&desk, id.as_str());
    assert_eq!(done.iter().filter(|action| *action == "user.add_passkey").count(), 1, "{done:?}");
}

#[actix_web::test]
async fn a_passkey_signs_in_without_a_password_where_there_is_one() {
    let desk = Desk::new().await;
    let mut rita = Browser::new(desk.app().await);
    rita.sign_in("rita").await;
    let id = row(&desk, "Rita").id;
    let mut device = Device::new(1);
    add(&mut rita, &mut device, "Laptop").await;
    let mut here = Browser::new(desk.app().await);
    assert!(here.get("/login?next=/account").await.body.contains("href=\"/login/passkey?next=%2Faccount\""));
    here.get("/login/passkey?next=/account").await;
    let done = show(&mut here, &mut device, id.as_str()).await;
    assert_eq!((done.status, done.location.as_deref()), (303, Some("/account")), "{}", done.body);
    assert!(here.get("/account").await.body.contains("Rita, reviewer"));
    // Somebody whom only a provider vouches for comes by the provider: it may have taken that back.
    sql(&desk, "UPDATE users SET password_hash = NULL, issuer = 'https://id.example.com', subject = 's-1' WHERE name = 'Rita'");
    let mut here = Browser::new(desk.app().await);
    let page = show(&mut here, &mut device, id.as_str()).await;
    assert!(page.status == 403 && page.body.contains("Sign in with your provider"), "{} {}", page.status, page.body);
    desk.write(|conn| users::set_disabled(conn, &OPERATOR, &id, true, desk.now())).unwrap();
    let page = show(&mut here, &mut device, id.as_str()).await;
    assert!(page.status == 403 && page.body.contains("not known here any more"), "{} {}", page.status, page.body);
}

#[actix_web::test]
async fn what_does_not_fit_the_question_opens_nothing() {
    let desk = Desk::new().await;
    let mut rita = Browser::new(desk.app().await);
    rita.sign_in("rita").await;
    let id = row(&desk, "Rita").id;
    let mut device = Device::new(1);
    add(&mut rita, &mut device, "Laptop").await;
    type Lie = fn(&mut Device);
    let lies: [(&str, Lie); 7] = [
        ("challenge", |device| device.challenge = Some(b64([7; 32]))),
        ("origin", |device| device.origin = "https://desk.example.org".into()),
        ("port", |device| device.origin = "https://desk.example.com:8443".into()),
        ("host", |device| device.host = "example.com".into()),
        ("kind", |device| device.kind = Some("webauthn.create")),
        ("not unlocked", |device| device.flags = USER_PRESENT),
        ("counter", |device| device.counter = 0),
    ];
    for (what, lie) in lies {
        let mut liar = Device { key: Device::new(1).key, ..Device::new(1) };
        std::mem::swap(&mut liar.key, &mut device.key);
        liar.counter = device.counter;
        lie(&mut liar);
        let mut here = Browser::new(desk.app().await);
        let page = show(&mut here, &mut liar, id.as_str()).await;
        assert!(page.status == 403 && page.body.contains("does not fit what was asked"), "{what}: {} {}", page.status, page.body);
        assert_eq!(here.get("/queue").await.status, 303, "{what}");
        std::mem::swap(&mut liar.key, &mut device.key);
    }
    let mut here = Browser::new(desk.app().await);
    let page = show(&mut here, &mut Device::new(1), id.as_str()).await;
    assert!(page.status == 403 && page.body.contains("does not fit what was asked"), "another key under the same name: {}", page.status);
    let page = show(&mut here, &mut Device::new(2), id.as_str()).await;
    assert!(page.status == 403 && page.body.contains("not known here any more"), "{}", page.status);
    let page = show(&mut here, &mut device, id.as_str()).await;
    assert_eq!(page.status, 303, "the truth: {}", page.body);
    let refused = count(&desk, "SELECT COUNT(*) AS n FROM audit_log WHERE action = 'user.sign_in_refused'");
    assert_eq!(refused, 9);
}

#[actix_web::test]
async fn an_answer_is_good_once_and_in_the_browser_that_was_asked() {
    let desk = Desk::new().await;
    let mut rita = Browser::new(desk.app().await);
    rita.sign_in("rita").await;
    let id = row(&desk, "Rita").id;
    let mut device = Device::new(1);
    add(&mut rita, &mut device, "Laptop").await;
    let (mut here, mut elsewhere) = (Browser::new(desk.app().await), Browser::new(desk.app().await));
    let page = here.get("/login/passkey").await;
    let shown = device.show(&options(&page), id.as_str());
    let there = elsewhere.get("/login/passkey").await;
    assert_eq!(elsewhere.post_bare("/login/passkey", &[("csrf", &csrf(&there)), ("credential", &shown)]).await.status, 403);
    assert_eq!(here.post_bare("/login/passkey", &[("csrf", &csrf(&page)), ("credential", "{}")]).await.status, 403);
    assert_eq!(here.post_bare("/login/passkey", &[("csrf", &csrf(&page)), ("credential", &shown)]).await.status, 403, "another question by now");
    let page = here.get("/login/passkey").await;
    let shown = device.show(&options(&page), id.as_str());
    assert_eq!(here.post_bare("/login/passkey", &[("csrf", &csrf(&page)), ("credential", &shown)]).await.status, 303);
    // The same for making one.
    let page = rita.get("/account/passkeys/new").await;
    let made = Device::new(3).make(&options(&page));
    let fields = [("csrf", csrf(&page)), ("name", "Phone".to_owned()), ("credential", made)];
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    assert_eq!(rita.post_bare("/account/passkeys", &fields).await.status, 303);
    let page = rita.get("/account").await;
    let again: Vec<(&str, &str)> = fields.iter().map(|(name, value)| if *name == "csrf" { (*name, "") } else { (*name, *value) }).collect();
    assert_eq!(rita.post_bare("/account/passkeys", &again).await.status, 403);
    let token = csrf(&page);
    let again: Vec<(&str, &str)> =
        fields.iter().map(|(name, value)| if *name == "csrf" { (*name, token.as_str()) } else { (*name, *value) }).collect();
    let page = rita.post_bare("/account/passkeys", &again).await;
    assert!(page.status == 403 && page.body.contains("was used already"), "{}", page.status);
    assert_eq!(count(&desk, "SELECT COUNT(*) AS n FROM passkeys"), 2);
}

#[actix_web::test]
async fn a_password_is_finished_by_a_passkey_of_the_same_person_alone() {
    let desk = Desk::new().await;
    let (mut rita, mut max) = (Browser::new(desk.app().await), Browser::new(desk.app().await));
    rita.sign_in("rita").await;
    max.sign_in("max").await;
    let (mut of_rita, mut of_max) = (Device::new(1), Device::new(2));
    add(&mut rita, &mut of_rita, "Laptop").await;
    add(&mut max, &mut of_max, "Laptop").await;
    let mut half = Browser::new(desk.app().await);
    half.sign_in("rita").await;
    let page = show(&mut half, &mut of_max, row(&desk, "Max").id.as_str()).await;
    assert_eq!(page.status, 403, "{}", page.body);
    assert_eq!(half.get("/queue").await.status, 303);
    assert_eq!(show(&mut half, &mut of_rita, row(&desk, "Rita").id.as_str()).await.status, 303);
    // Who has codes as well may give one of the two.
    let (_, recovery) = enrolled(&desk, &desk.person("Max"), desk.now());
    let mut both = Browser::new(desk.app().await);
    both.sign_in("max").await;
    assert!(both.get("/login/code").await.body.contains("href=\"/login/passkey\""));
    assert_eq!(both.post("/login/code", "/login/code", &[("code", &recovery[0])]).await.status, 303);
}

#[actix_web::test]
async fn it_counts_as_the_second_factor_that_is_required() {
    let desk = Desk::new().await;
    desk.write(|conn| set_required(conn, &OPERATOR, Required::Deciders, desk.now())).unwrap();
    let mut rita = Browser::new(desk.app().await);
    rita.sign_in("rita").await;
    let page = rita.get("/queue").await;
    assert_eq!(page.location.as_deref(), Some("/account/second-factor"));
    assert!(rita.get("/account/second-factor").await.body.contains("/account/passkeys/new"));
    assert_eq!(add(&mut rita, &mut Device::new(1), "Laptop").await.status, 303);
    assert_eq!(rita.get("/queue").await.status, 200);
    let mut ada = Browser::new(desk.app().await);
    ada.sign_in("ada").await;
    let passkey = desk.read(|conn| passkeys::own(conn, &desk.person("Rita"))).remove(0);
    let removal = format!("/account/passkeys/{}/removal", passkey.id);
    assert_eq!(ada.post("/account/second-factor", &removal, &[]).await.location.as_deref(), Some("/account/second-factor"));
    assert_eq!(rita.post("/account", &removal, &[]).await.status, 303);
    assert_eq!(rita.get("/queue").await.location.as_deref(), Some("/account/second-factor"));
    assert_eq!(actions(&desk, row(&desk, "Rita").id.as_str()).last().map(String::as_str), Some("user.remove_passkey"));
    // Lost with everything: whoever has the machine takes it off.
    add(&mut rita, &mut Device::new(1), "Laptop").await;
    desk.write(|conn| second_factor::reset(conn, &OPERATOR, "rita@desk.example", desk.now())).unwrap();
    assert_eq!(count(&desk, "SELECT COUNT(*) AS n FROM passkeys"), 0);
}

#[actix_web::test]
async fn an_old_session_changes_no_passkeys_and_nobody_those_of_others() {
    let desk = Desk::new().await;
    let mut rita = Browser::new(desk.app().await);
    rita.sign_in("rita").await;
    add(&mut rita, &mut Device::new(1), "Laptop").await;
    let (person, max) = (desk.person("Rita"), desk.person("Max"));
    let passkey = desk.read(|conn| passkeys::own(conn, &person)).remove(0);
    let (now, made) = (desk.now(), passkeys::Made { credential_id: "x".into(), credential: "{}".into() });
    let old = now.plus_seconds(-FRESH);
    assert_eq!(desk.write(|conn| passkeys::add(conn, &person, "Phone", &made, old, now)).unwrap_err().code, "sign_in_stale");
    assert_eq!(desk.write(|conn| passkeys::remove(conn, &person, &passkey.id, old, now)).unwrap_err().code, "sign_in_stale");
    assert_eq!(desk.write(|conn| passkeys::remove(conn, &max, &passkey.id, now, now)).unwrap_err().code, "not_found");
    let nameless = desk.write(|conn| passkeys::add(conn, &person, " ", &made, now, now)).unwrap_err();
    assert_eq!(nameless.code, "field_invalid");
    assert_eq!(count(&desk, "SELECT COUNT(*) AS n FROM passkeys"), 1);
}

#[actix_web::test]
async fn where_browsers_make_none_the_pages_offer_none() {
    let mut desk = Desk::new().await;
    for (base_url, possible) in [
        ("https://desk.example.com", true),
        ("http://localhost:8080", true),
        ("http://127.0.0.1:8080", false),
        ("http://desk.example.com", false),
        ("https://192.0.2.1", false),
    ] {
        desk.state.base_url = base_url.into();
        let mut rita = Browser::new(desk.app().await);
        assert_eq!(rita.get("/login").await.body.contains("/login/passkey"), possible, "{base_url}");
        rita.sign_in("rita").await;
        assert_eq!(rita.get("/account").await.body.contains("/account/passkeys/new"), possible, "{base_url}");
        assert_eq!(rita.get("/account/passkeys/new").await.status, if possible { 200 } else { 404 }, "{base_url}");
    }
}

#[actix_web::test]
async fn a_sign_in_with_a_passkey_is_the_second_factor_of_a_key_that_decides_for_ten_minutes() {
    let desk = Desk::new().await;
    let mut ada = Browser::new(desk.app().await);
    ada.sign_in("ada").await;
    let mut device = Device::new(1);
    assert_eq!(add(&mut ada, &mut device, "Laptop").await.status, 303);
    let fields = [("name", "decider"), ("scopes", "oversight_read"), ("scopes", "oversight"), ("calls_per_minute", "60")];
    let page = ada.get("/keys").await.body;
    assert!(page.contains("Yours is a passkey") && !page.contains("name=\"code\""), "{page}");
    let refused = ada.post("/keys", "/keys", &fields).await;
    assert!(refused.status == 422 && refused.body.contains("sign in with a passkey"), "a password opened this session: {}", refused.status);

    let id = row(&desk, "Ada").id;
    let mut here = Browser::new(desk.app().await);
    assert_eq!(show(&mut here, &mut device, id.as_str()).await.status, 303);
    assert!(here.get("/keys").await.body.contains("You signed in with a passkey just now"));
    let made = here.post("/keys", "/keys", &fields).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let key = desk.read(|conn| keys::list(conn, &OPERATOR)).into_iter().find(|key| key.row.name == "decider").unwrap().row.id;
    let (own, rotation) = (format!("/keys/{key}"), format!("/keys/{key}/rotation"));
    assert_eq!(here.post(&own, &rotation, &[]).await.status, 201);

    let (ada, rita, now) = (desk.person("Ada"), desk.person("Rita"), desk.now());
    let proof = |who: &Actor, at: Time| desk.read(|conn| second_factor::of_passkey(conn, who, at, now));
    assert!(proof(&ada, now.plus_seconds(1 - FRESH)).is_some() && proof(&ada, now.plus_seconds(-FRESH)).is_none());
    assert!(proof(&rita, now).is_none(), "she has none");
    sql(&desk, "DELETE FROM passkeys");
    assert_eq!(here.post(&own, &rotation, &[]).await.status, 422, "it is gone");
    here.sign_in("ada").await;
    assert!(here.get("/keys").await.body.contains("You have none yet"));
}
