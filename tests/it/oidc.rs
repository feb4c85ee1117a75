//! Signing in with a provider: who is let in as whom, and what the provider has to prove. The provider here tells lies on demand;
//! tests/browser/provider.mjs meets a real one.

use std::collections::{BTreeMap, HashMap};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use actix_web::body::MessageBody;
use actix_web::dev::{Service, ServiceResponse};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use countersign::config;
use countersign::domain::accounts::identity::{self, Identity};
use countersign::domain::accounts::second_factor::required::{Required, set_required};
use countersign::domain::accounts::users::{self, NewUser};
use countersign::domain::actor::Role;
use countersign::domain::settings;
use countersign::oidc::{FactorRule, Provider, Settings};
use hmac::{Hmac, KeyInit as _, Mac as _};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio_rustls::rustls;
use url::Url;

use crate::keys::actions;
use crate::second_factor::{code, enrolled};
use crate::sign_in::row;
use crate::support::{Browser, Desk, OPERATOR, Page, count, log_of, sql};

const SECRET: &str = "the secret between desk and provider";

/// How an ID token is signed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Signed {
    Well,
    ByAnotherKey,
    WithOurSecret,
    NotAtAll,
}

/// What the provider says next.
struct Grant {
    claims: Value,
    challenge: String,
    signed: Signed,
    userinfo: Value,
}

struct Idp {
    issuer: String,
    key: EcdsaKeyPair,
    other: EcdsaKeyPair,
    grants: Mutex<HashMap<String, Grant>>,
}

fn key() -> EcdsaKeyPair {
    let random = SystemRandom::new();
    let made = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
    EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, made.as_ref(), &random).unwrap()
}

fn b64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

impl Idp {
    fn start() -> Arc<Idp> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        Idp::at(listener, issuer)
    }

    /// One that calls itself by this address.
    fn at(listener: TcpListener, issuer: String) -> Arc<Idp> {
        let idp = Arc::new(Idp { issuer, key: key(), other: key(), grants: Mutex::default() });
        let served = Arc::clone(&idp);
        let server = HttpServer::new(move || {
            App::new()
                .app_data(web::Data::from(Arc::clone(&served)))
                .route("/.well-known/openid-configuration", web::get().to(configuration))
                .route("/jwks", web::get().to(jwks))
                .route("/token", web::post().to(token))
                .route("/userinfo", web::get().to(userinfo))
        });
        actix_web::rt::spawn(server.workers(1).disable_signals().listen(listener).unwrap().run());
        idp
    }

    fn sign(&self, claims: &Value, signed: Signed) -> String {
        let algorithm = match signed {
            Signed::Well | Signed::ByAnotherKey => "ES256",
            Signed::WithOurSecret => "HS256",
            Signed::NotAtAll => "none",
        };
        let text = format!("{}.{}", b64(json!({"alg": algorithm, "kid": "k"}).to_string()), b64(claims.to_string()));
        let by = |key: &EcdsaKeyPair| key.sign(&SystemRandom::new(), text.as_bytes()).unwrap().as_ref().to_vec();
        let signature = match signed {
            Signed::Well => by(&self.key),
            Signed::ByAnotherKey => by(&self.other),
            Signed::WithOurSecret => {
                Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap().chain_update(text.as_bytes()).finalize().into_bytes().to_vec()
            }
            Signed::NotAtAll => vec![],
        };
        format!("{text}.{}", b64(signature))
    }
}

async fn configuration(idp: web::Data<Idp>) -> HttpResponse {
    let at = |path: &str| format!("{}{path}", idp.issuer);
    HttpResponse::Ok().json(json!({
        "issuer": idp.issuer, "authorization_endpoint": at("/auth"), "token_endpoint": at("/token"), "jwks_uri": at("/jwks"),
        "userinfo_endpoint": at("/userinfo"), "end_session_endpoint": at("/end"), "response_types_supported": ["code"],
        "subject_types_supported": ["public"], "id_token_signing_alg_values_supported": ["RS256", "ES256", "HS256", "none"],
    }))
}

async fn jwks(idp: web::Data<Idp>) -> HttpResponse {
    let point = &idp.key.public_key().as_ref()[1..];
    let jwk = json!({"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": "k", "x": b64(&point[..32]), "y": b64(&point[32..])});
    HttpResponse::Ok().json(json!({"keys": [jwk]}))
}

async fn token(idp: web::Data<Idp>, request: HttpRequest, form: web::Form<HashMap<String, String>>) -> HttpResponse {
    let basic = format!("Basic {}", STANDARD.encode(format!("desk:{}", SECRET.replace(' ', "+"))));
    let refused = |why: &str| HttpResponse::BadRequest().json(json!({"error": "invalid_grant", "error_description": why}));
    if request.headers().get("authorization").and_then(|value| value.to_str().ok()) != Some(basic.as_str()) {
        return refused("the client is another");
    }
    let Some(grant) = form.get("code").and_then(|code| idp.grants.lock().unwrap().remove(code)) else { return refused("no such code") };
    let proved = form.get("code_verifier").is_some_and(|verifier| b64(Sha256::digest(verifier.as_bytes())) == grant.challenge);
    if !proved || form.get("redirect_uri").map(String::as_str) != Some("https://desk.example.com/login/provider/callback") {
        return refused("the verifier or the address is another");
    }
    let access = b64(grant.userinfo.to_string());
    HttpResponse::Ok().json(json!({"access_token": access, "token_type": "Bearer", "id_token": idp.sign(&grant.claims, grant.signed)}))
}

async fn userinfo(request: HttpRequest) -> HttpResponse {
    let bearer = request.headers().get("authorization").unwrap().to_str().unwrap().trim_start_matches("Bearer ").to_owned();
    HttpResponse::Ok().content_type("application/json").body(URL_SAFE_NO_PAD.decode(bearer).unwrap())
}

fn settings_of(idp: &Idp) -> Settings {
    Settings {
        issuer: idp.issuer.clone(),
        client_id: "desk".into(),
        client_secret: Some(SECRET.to_owned().into()),
        name: "Example ID".into(),
        scopes: vec!["email".into()],
        role_claim: None,
        roles: BTreeMap::new(),
        factor: FactorRule::Here,
        acr: None,
        base_url: "https://desk.example.com".into(),
        ca: vec![],
    }
}

fn with_roles(idp: &Idp, claim: &str) -> Settings {
    let roles = BTreeMap::from([("desk-admins".to_owned(), Role::Admin), ("desk".to_owned(), Role::Reviewer)]);
    Settings { role_claim: Some(claim.into()), roles, ..settings_of(idp) }
}

fn set(desk: &mut Desk, chosen: Settings) {
    desk.write(|conn| settings::set(conn, settings::SIGN_IN_ISSUER, &chosen.issuer)).unwrap();
    desk.state.provider = Some(Arc::new(Provider::new(chosen).unwrap()));
}

/// What is in the address that somebody is sent to.
fn asked(page: &Page) -> HashMap<String, String> {
    assert_eq!(page.status, 303, "{}", page.body);
    Url::parse(page.location.as_deref().unwrap()).unwrap().query_pairs().into_owned().collect()
}

/// The claims that a provider makes about somebody, for this nonce.
fn claims(idp: &Idp, asked: &HashMap<String, String>, more: &Value) -> Value {
    let now = countersign::clock::now().seconds();
    let mut all = json!({"iss": idp.issuer, "aud": "desk", "sub": "s-1", "iat": now, "exp": now + 300, "nonce": asked["nonce"]});
    for (name, value) in more.as_object().unwrap() {
        all[name] = value.clone();
    }
    all
}

/// Sends somebody to the provider, which says this of them, and has them come back.
async fn come_back<S, B>(browser: &mut Browser<S>, idp: &Idp, more: Value, signed: Signed, userinfo: Value) -> Page
where
    S: Service<actix_http::Request, Response = ServiceResponse<B>, Error = actix_web::Error>,
    B: MessageBody,
{
    come_back_from(browser, "/login/provider?next=/account", idp, more, signed, userinfo).await
}

/// The same for whoever goes out from this page.
async fn come_back_from<S, B>(browser: &mut Browser<S>, from: &str, idp: &Idp, more: Value, signed: Signed, userinfo: Value) -> Page
where
    S: Service<actix_http::Request, Response = ServiceResponse<B>, Error = actix_web::Error>,
    B: MessageBody,
{
    let asked = asked(&browser.get(from).await);
    let grant = Grant { claims: claims(idp, &asked, &more), challenge: asked["code_challenge"].clone(), signed, userinfo };
    idp.grants.lock().unwrap().insert("the-code".into(), grant);
    browser.get(&format!("/login/provider/callback?code=the-code&state={}", asked["state"])).await
}

async fn sign_in<S, B>(browser: &mut Browser<S>, idp: &Idp, more: Value) -> Page
where
    S: Service<actix_http::Request, Response = ServiceResponse<B>, Error = actix_web::Error>,
    B: MessageBody,
{
    come_back(browser, idp, more, Signed::Well, json!({"sub": "s-1"})).await
}

fn rita() -> Value {
    json!({"email": "Rita@desk.example", "email_verified": true, "name": "Rita R."})
}

#[actix_web::test]
async fn the_page_offers_it_only_where_one_is_set() {
    let mut desk = Desk::new().await;
    let mut nobody = Browser::new(desk.app().await);
    assert!(!nobody.get("/login").await.body.contains("/login/provider"));
    for path in ["/login/provider", "/login/provider/callback", "/login/provider/end"] {
        assert_eq!(nobody.get(path).await.status, 404, "{path}");
    }
    drop(nobody);
    let idp = Idp::start();
    set(&mut desk, settings_of(&idp));
    let mut nobody = Browser::new(desk.app().await);
    let page = nobody.get("/login?next=/users%3Fa=b%26c").await.body;
    assert!(page.contains("Sign in with Example ID") && page.contains("href=\"/login/provider?next=%2Fusers%3Fa%3Db%26c\""), "{page}");
    let asked = asked(&nobody.get("/login/provider").await);
    assert_eq!((asked["response_type"].as_str(), asked["code_challenge_method"].as_str(), asked["scope"].as_str()), ("code", "S256", "openid email"));
    assert_eq!(asked["redirect_uri"], "https://desk.example.com/login/provider/callback");
    assert!(asked["state"].len() >= 43 && asked["nonce"].len() >= 43);
}

#[actix_web::test]
async fn a_verified_address_binds_an_account_once_and_then_the_subject_alone_counts() {
    let mut desk = Desk::new().await;
    let idp = Idp::start();
    set(&mut desk, settings_of(&idp));
    let mut here = Browser::new(desk.app().await);
    here.get("/login").await;
    let before = here.cookie.clone();
    let page = sign_in(&mut here, &idp, rita()).await;
    assert_eq!((page.status, page.location.as_deref()), (303, Some("/account")));
    assert_ne!(before, here.cookie, "a new id");
    let page = here.get("/account").await.body;
    assert!(page.contains(&format!("You sign in with {}", idp.issuer)) && page.contains("Change your password"), "{page}");
    // Without an address, or with that of somebody else, they stay who they are.
    for more in [json!({}), json!({"email": "ada@desk.example", "email_verified": true})] {
        let mut again = Browser::new(desk.app().await);
        assert_eq!(sign_in(&mut again, &idp, more).await.status, 303);
        assert!(again.get("/account").await.body.contains("Rita, reviewer"));
    }
    // Another subject with the same address is somebody else.
    let mut thief = Browser::new(desk.app().await);
    let page = sign_in(&mut thief, &idp, json!({"sub": "s-2", "email": "rita@desk.example", "email_verified": true})).await;
    assert!(page.status == 403 && page.body.contains("belongs to another sign-in"), "{} {}", page.status, page.body);
    assert_eq!(thief.get("/queue").await.status, 303);
    let done = actions(&desk, row(&desk, "Rita").id.as_str());
    assert_eq!(done.iter().filter(|action| *action == "user.link").count(), 1, "{done:?}");
    assert_eq!(done.iter().filter(|action| *action == "user.sign_in").count(), 3, "{done:?}");
    let lines = desk.read(|conn| log_of(conn, &OPERATOR, Some("unknown"), 10));
    let refused = lines.iter().find(|line| line.action == "user.sign_in_refused").unwrap();
    assert!(refused.detail.contains("identity_taken") && refused.detail.contains("s-2"), "{}", refused.detail);
}

#[actix_web::test]
async fn an_address_that_nobody_vouches_for_binds_nobody() {
    let mut desk = Desk::new().await;
    let idp = Idp::start();
    set(&mut desk, with_roles(&idp, "groups"));
    let unvouched = [
        json!({"email": "rita@desk.example", "groups": ["desk"]}),
        json!({"email": "rita@desk.example", "email_verified": false, "groups": ["desk"]}),
        json!({"email_verified": true, "groups": ["desk"]}),
        json!({"email": "no address", "email_verified": true, "groups": ["desk"]}),
    ];
    for more in unvouched {
        let mut here = Browser::new(desk.app().await);
        let page = sign_in(&mut here, &idp, more.clone()).await;
        assert!(page.status == 403 && page.body.contains("does not vouch for an address"), "{more}: {}", page.status);
    }
    assert_eq!(count(&desk, "SELECT COUNT(*) AS n FROM users WHERE subject IS NOT NULL"), 0);
    assert_eq!(count(&desk, "SELECT COUNT(*) AS n FROM users"), 4);
    // Amazon Cognito says it as text.
    let mut here = Browser::new(desk.app().await);
    assert_eq!(sign_in(&mut here, &idp, json!({"email": "rita@desk.example", "email_verified": "true"})).await.status, 303);
}

#[actix_web::test]
async fn whoever_is_not_known_is_refused_unless_the_claim_gives_a_role() {
    let mut desk = Desk::new().await;
    let idp = Idp::start();
    let eve = |groups: Value| json!({"email": "eve@elsewhere.example", "email_verified": true, "name": "Eve\u{7}", "groups": groups});
    set(&mut desk, settings_of(&idp));
    let mut here = Browser::new(desk.app().await);
    let page = sign_in(&mut here, &idp, eve(json!(["desk-admins"]))).await;
    assert!(page.status == 403 && page.body.contains("Ask an administrator of this desk to invite you"), "{}", page.status);
    drop(here);
    set(&mut desk, with_roles(&idp, "groups"));
    let mut here = Browser::new(desk.app().await);
    for groups in [json!([]), json!(["guests"]), json!("guests"), json!({"desk": true}), Value::Null] {
        let page = sign_in(&mut here, &idp, eve(groups.clone())).await;
        assert_eq!(page.status, 403, "{groups}");
    }
    assert_eq!(count(&desk, "SELECT COUNT(*) AS n FROM users"), 4);
    assert_eq!(sign_in(&mut here, &idp, eve(json!(["guests", "desk"]))).await.status, 303);
    let made = row(&desk, "Eve");
    assert_eq!((made.role, made.email.as_str(), made.role_given), (Role::Reviewer, "eve@elsewhere.example", true));
    let account = here.get("/account").await.body;
    assert!(account.contains("have no password here") && !account.contains("Change your password"), "{account}");
    assert_eq!(count(&desk, "SELECT COUNT(*) AS n FROM invitations WHERE used_at IS NULL"), 0);
    // The highest role counts; when the claim gives none any more, the way in is closed.
    let mut again = Browser::new(desk.app().await);
    assert_eq!(sign_in(&mut again, &idp, eve(json!(["desk", "desk-admins"]))).await.status, 303);
    assert_eq!(row(&desk, "Eve").role, Role::Admin);
    let mut without = Browser::new(desk.app().await);
    let page = sign_in(&mut without, &idp, eve(json!([]))).await;
    assert!(page.status == 403 && page.body.contains("gives you no role at this desk any more"), "{}", page.status);
    // Somebody who was invited here keeps the role they have here.
    let mut rita_there = Browser::new(desk.app().await);
    let more = json!({"sub": "s-3", "email": "rita@desk.example", "email_verified": true});
    let page = come_back(&mut rita_there, &idp, more, Signed::Well, json!({"sub": "s-3"})).await;
    assert_eq!((page.status, row(&desk, "Rita").role), (303, Role::Reviewer));
}

#[actix_web::test]
async fn what_the_id_token_leaves_out_is_asked_for_and_must_be_about_the_same_person() {
    let mut desk = Desk::new().await;
    let idp = Idp::start();
    set(&mut desk, with_roles(&idp, "/realm_access/roles"));
    let mut here = Browser::new(desk.app().await);
    let told = |sub: &str| json!({"sub": sub, "email": "eve@elsewhere.example", "email_verified": true, "realm_access": {"roles": ["desk"]}});
    let page = come_back(&mut here, &idp, json!({}), Signed::Well, told("s-2")).await;
    assert!(page.status == 502 && page.body.contains("cannot be verified"), "{}", page.status);
    assert_eq!(come_back(&mut here, &idp, json!({}), Signed::Well, told("s-1")).await.status, 303);
    assert_eq!(row(&desk, "eve").role, Role::Reviewer);
}

#[actix_web::test]
async fn what_does_not_hold_opens_nothing() {
    let mut desk = Desk::new().await;
    let idp = Idp::start();
    set(&mut desk, settings_of(&idp));
    let now = countersign::clock::now().seconds();
    let lies = [
        ("nonce", json!({"nonce": "another"}), Signed::Well),
        ("audience", json!({"aud": "another"}), Signed::Well),
        ("issuer", json!({"iss": "https://another.example"}), Signed::Well),
        ("expiry", json!({"exp": now - 60}), Signed::Well),
        ("access token", json!({"at_hash": b64([0; 16])}), Signed::Well),
        ("key", json!({}), Signed::ByAnotherKey),
        ("our secret", json!({}), Signed::WithOurSecret),
        ("no signature", json!({}), Signed::NotAtAll),
    ];
    for (what, lie, signed) in lies {
        let mut more = rita();
        for (name, value) in lie.as_object().unwrap() {
            more[name] = value.clone();
        }
        let mut here = Browser::new(desk.app().await);
        let page = come_back(&mut here, &idp, more, signed, json!({"sub": "s-1"})).await;
        assert!(page.status == 502 && page.body.contains("cannot be verified, so nothing was opened"), "{what}: {} {}", page.status, page.body);
        assert_eq!(here.get("/queue").await.status, 303, "{what}");
    }
    assert_eq!(count(&desk, "SELECT COUNT(*) AS n FROM users WHERE subject IS NOT NULL"), 0);
    let mut here = Browser::new(desk.app().await);
    assert_eq!(sign_in(&mut here, &idp, rita()).await.status, 303, "the truth");
}

#[actix_web::test]
async fn a_coming_back_belongs_to_one_going_out_of_this_browser() {
    let mut desk = Desk::new().await;
    let idp = Idp::start();
    set(&mut desk, settings_of(&idp));
    let (mut here, mut elsewhere) = (Browser::new(desk.app().await), Browser::new(desk.app().await));
    let out = asked(&here.get("/login/provider").await);
    elsewhere.get("/login/provider").await;
    let grant = || {
        let (claims, challenge) = (claims(&idp, &out, &rita()), out["code_challenge"].clone());
        let grant = Grant { claims, challenge, signed: Signed::Well, userinfo: json!({"sub": "s-1"}) };
        idp.grants.lock().unwrap().insert("the-code".into(), grant);
    };
    grant();
    let back = format!("/login/provider/callback?code=the-code&state={}", out["state"]);
    let page = elsewhere.get(&back).await;
    assert!(page.status == 403 && page.body.contains("began in another browser"), "{}", page.status);
    assert_eq!(Browser::new(desk.app().await).get(&back).await.status, 403, "nor one that never went out");
    let page = here.get(&format!("{back}&iss=https://another.example")).await;
    assert!(page.status == 403 && page.body.contains("Another provider"), "{}", page.status);
    assert_eq!(here.get(&back).await.status, 403, "used up, also by a wrong one");
    for (answer, words) in [
        ("error=access_denied", "did not let you in"),
        ("error=%3Cb%3Eserver_error", "answered \"&#60;b&#62;server_error\""),
        ("", "answered \"nothing\""),
    ] {
        let out = asked(&here.get("/login/provider").await);
        let page = here.get(&format!("/login/provider/callback?{answer}&state={}", out["state"])).await;
        assert!(page.status == 403 && page.body.replace("&#34;", "\"").contains(words), "{answer}: {} {}", page.status, page.body);
    }
    // What went out more than ten minutes ago is too old.
    let out = asked(&here.get("/login/provider").await);
    let since = countersign::clock::now().plus_seconds(-600).micros();
    let id = here.cookie.clone();
    age_errand(&desk, since);
    let page = here.get(&format!("/login/provider/callback?code=the-code&state={}", out["state"])).await;
    assert!(page.status == 403 && page.body.contains("longer than ten minutes"), "{} {id:?}", page.status);
}

/// Moves what waits for somebody to come back to another time.
fn age_errand(desk: &Desk, since: i64) {
    use diesel::RunQueryDsl;
    #[derive(diesel::QueryableByName)]
    struct Session {
        #[diesel(sql_type = diesel::sql_types::Text)]
        id: String,
        #[diesel(sql_type = diesel::sql_types::Text)]
        state: String,
    }
    let all: Vec<Session> =
        desk.read(|conn| Ok(countersign::on_either!(conn, inner => diesel::sql_query("SELECT id, state FROM sessions").load(inner))?));
    for session in all {
        let mut state: HashMap<String, String> = serde_json::from_str(&session.state).unwrap();
        let Some(errand) = state.get("errand") else { continue };
        let mut errand: Value = serde_json::from_str(errand).unwrap();
        errand["since"] = json!(since);
        state.insert("errand".into(), errand.to_string());
        let text = serde_json::to_string(&state).unwrap().replace('\'', "''");
        assert_eq!(sql(desk, &format!("UPDATE sessions SET state = '{text}' WHERE id = '{}'", session.id)), 1);
    }
}

#[actix_web::test]
async fn the_own_second_factor_is_asked_for_unless_the_settings_trust_the_provider() {
    let mut desk = Desk::new().await;
    let idp = Idp::start();
    let now = desk.now();
    let (secret, _) = enrolled(&desk, &desk.person("Rita"), now.plus_days(-1));
    let with = |more: Value| {
        let mut all = rita();
        for (name, value) in more.as_object().unwrap() {
            all[name] = value.clone();
        }
        all
    };
    // What the settings say, what the provider says, and whether that is enough.
    let cases = [
        (FactorRule::Here, json!({"amr": ["pwd", "mfa"]}), false),
        (FactorRule::Claimed, json!({}), false),
        (FactorRule::Claimed, json!({"amr": ["pwd", "otp"], "acr": "low"}), false),
        (FactorRule::Claimed, json!({"amr": ["pwd", "mfa"]}), true),
        (FactorRule::Claimed, json!({"acr": "high"}), true),
        (FactorRule::Provider, json!({}), true),
    ];
    for (factor, said, enough) in cases {
        set(&mut desk, Settings { factor, acr: Some("high".into()), ..settings_of(&idp) });
        let mut here = Browser::new(desk.app().await);
        let page = sign_in(&mut here, &idp, with(said.clone())).await;
        let wanted = if enough { "/account" } else { "/login/code" };
        assert_eq!((page.status, page.location.as_deref()), (303, Some(wanted)), "{factor:?} {said}");
        assert_eq!(here.get("/queue").await.status, if enough { 200 } else { 303 }, "{factor:?} {said}");
        if factor == FactorRule::Here {
            let done = here.post("/login/code", "/login/code", &[("code", &code(&secret, desk.now()))]).await;
            assert_eq!((done.status, done.location.as_deref()), (303, Some("/account")));
        }
    }
    // Who must have one and has none here: the provider's is enough where it counts, and only for the session it was given in.
    desk.write(|conn| set_required(conn, &OPERATOR, Required::Deciders, desk.now())).unwrap();
    let rob = |more: Value| {
        let mut all = json!({"sub": "s-9", "email": "rob@desk.example", "email_verified": true});
        for (name, value) in more.as_object().unwrap() {
            all[name] = value.clone();
        }
        all
    };
    for (factor, said, enough) in
        [(FactorRule::Here, json!({}), false), (FactorRule::Claimed, json!({"amr": ["mfa"]}), true), (FactorRule::Claimed, json!({}), false)]
    {
        set(&mut desk, Settings { factor, ..settings_of(&idp) });
        let mut here = Browser::new(desk.app().await);
        assert_eq!(come_back(&mut here, &idp, rob(said), Signed::Well, json!({"sub": "s-9"})).await.status, 303);
        let page = here.get("/queue").await;
        assert_eq!((page.status, page.location.as_deref()), if enough { (200, None) } else { (303, Some("/account/second-factor")) });
        // Whoever signs in with a password in the same browser brings nothing along.
        here.post_bare("/logout", &[]).await;
    }
    let mut by_password = Browser::new(desk.app().await);
    by_password.sign_in("rob").await;
    assert_eq!(by_password.get("/queue").await.location.as_deref(), Some("/account/second-factor"));
}

#[actix_web::test]
async fn a_disabled_account_stays_closed_whoever_vouches() {
    let mut desk = Desk::new().await;
    let idp = Idp::start();
    set(&mut desk, with_roles(&idp, "groups"));
    let (rita_row, mut more) = (row(&desk, "Rita"), rita());
    more["groups"] = json!(["desk-admins"]);
    desk.write(|conn| users::set_disabled(conn, &OPERATOR, &rita_row.id, true, desk.now())).unwrap();
    let mut here = Browser::new(desk.app().await);
    let page = sign_in(&mut here, &idp, more.clone()).await;
    assert!(page.status == 403 && page.body.contains("Your account at this desk is disabled"), "{}", page.status);
    assert!(row(&desk, "Rita").subject.is_none());
    desk.write(|conn| users::set_disabled(conn, &OPERATOR, &rita_row.id, false, desk.now())).unwrap();
    assert_eq!(sign_in(&mut here, &idp, more.clone()).await.status, 303);
    desk.write(|conn| users::set_disabled(conn, &OPERATOR, &rita_row.id, true, desk.now())).unwrap();
    assert_eq!(here.get("/queue").await.status, 303, "the session has ended");
    assert_eq!(sign_in(&mut here, &idp, more).await.status, 403, "and another is not opened");
}

#[actix_web::test]
async fn an_administrator_without_a_password_counts_as_one_while_their_provider_is_set() {
    let mut desk = Desk::new().await;
    let idp = Idp::start();
    set(&mut desk, with_roles(&idp, "groups"));
    let mut eve = Browser::new(desk.app().await);
    let more = |groups: Value| json!({"email": "eve@elsewhere.example", "email_verified": true, "name": "Eve", "groups": groups});
    sign_in(&mut eve, &idp, more(json!(["desk-admins"]))).await;
    let (ada, eve_row, now) = (row(&desk, "Ada"), row(&desk, "Eve"), desk.now());
    desk.write(|conn| users::set_disabled(conn, &OPERATOR, &ada.id, true, now)).unwrap();
    let refused = desk.write(|conn| users::set_disabled(conn, &OPERATOR, &eve_row.id, true, now)).unwrap_err();
    assert_eq!(refused.code, "last_admin");
    let refused = desk.write(|conn| identity::unlink(conn, &OPERATOR, &eve_row.id, now)).unwrap_err();
    assert_eq!(refused.code, "last_admin", "nor is the only way in of the last one taken away");
    // No claim takes the last administrator away either.
    let mut eve = Browser::new(desk.app().await);
    assert_eq!(sign_in(&mut eve, &idp, more(json!(["desk"]))).await.status, 303);
    assert_eq!(row(&desk, "Eve").role, Role::Admin);
    // Where no provider is set any more she cannot sign in, so she is no reason to let the other one go.
    desk.write(|conn| users::set_disabled(conn, &OPERATOR, &ada.id, false, now)).unwrap();
    desk.write(|conn| settings::clear(conn, settings::SIGN_IN_ISSUER)).unwrap();
    let refused = desk.write(|conn| users::set_disabled(conn, &OPERATOR, &ada.id, true, now)).unwrap_err();
    assert_eq!(refused.code, "last_admin");
}

#[actix_web::test]
async fn an_invited_person_comes_in_by_the_provider_and_their_link_is_used_up() {
    let mut desk = Desk::new().await;
    let idp = Idp::start();
    set(&mut desk, settings_of(&idp));
    let new = NewUser { email: "nia@desk.example".into(), name: "Nia".into(), role: Role::Manager, password: None, mailboxes: vec![] };
    let token = desk.write(|conn| users::add(conn, &OPERATOR, &new, desk.now())).unwrap().invitation.unwrap();
    let mut nia = Browser::new(desk.app().await);
    assert_eq!(nia.get(&format!("/invite/{token}")).await.status, 200);
    assert_eq!(sign_in(&mut nia, &idp, json!({"email": "nia@desk.example", "email_verified": true})).await.status, 303);
    assert_eq!(nia.get("/queue").await.status, 200);
    assert_eq!(nia.get(&format!("/invite/{token}")).await.status, 404);
    let mut ada = Browser::new(desk.app().await);
    ada.sign_in("ada").await;
    let page = ada.get("/users").await.body;
    assert!(page.contains(&format!("signs in with {}", idp.issuer)) && !page.contains("invited"), "{page}");
    let path = format!("/users/{}/unlink", row(&desk, "Nia").id);
    assert_eq!(ada.post("/users", &path, &[]).await.status, 303);
    assert_eq!(nia.get("/queue").await.status, 303, "her session has ended");
    assert!(row(&desk, "Nia").subject.is_none());
    assert_eq!(ada.post("/users", &path, &[]).await.status, 409);
}

#[actix_web::test]
async fn a_provider_that_does_not_answer_is_told_in_words_and_the_password_still_works() {
    let mut desk = Desk::new().await;
    let idp = Idp::start();
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    set(&mut desk, Settings { issuer: format!("http://{nobody}"), ..settings_of(&idp) });
    let mut here = Browser::new(desk.app().await);
    let page = here.get("/login/provider").await;
    assert!(page.status == 502 && page.body.contains("Example ID cannot be reached from here"), "{}", page.status);
    assert_eq!(here.sign_in("rita").await.status, 303);
    drop(here);
    // One that calls itself something else is not it.
    set(&mut desk, Settings { issuer: format!("{}/", idp.issuer), ..settings_of(&idp) });
    let page = Browser::new(desk.app().await).get("/login/provider").await;
    assert_eq!(page.status, 502);
}

#[actix_web::test]
async fn signing_out_ends_the_session_and_offers_to_sign_out_there() {
    let mut desk = Desk::new().await;
    let idp = Idp::start();
    set(&mut desk, settings_of(&idp));
    let mut here = Browser::new(desk.app().await);
    sign_in(&mut here, &idp, rita()).await;
    let kept = here.cookie.clone();
    let out = here.post("/account", "/logout", &[]).await;
    assert_eq!((out.status, out.location.as_deref()), (303, Some("/login?left=desk")));
    let page = here.get("/login?left=desk").await.body;
    assert!(page.contains("may still be signed in at Example ID") && page.contains("href=\"/login/provider/end\""), "{page}");
    let there = here.get("/login/provider/end").await.location.unwrap();
    let there = Url::parse(&there).unwrap();
    let asked: HashMap<String, String> = there.query_pairs().into_owned().collect();
    assert_eq!((there.path(), asked["client_id"].as_str()), ("/end", "desk"));
    assert_eq!(asked["post_logout_redirect_uri"], "https://desk.example.com/login");
    here.cookie = kept;
    assert_eq!(here.get("/queue").await.status, 303, "the old cookie is dead");
    let mut by_password = Browser::new(desk.app().await);
    by_password.sign_in("rob").await;
    assert_eq!(by_password.post("/account", "/logout", &[]).await.location.as_deref(), Some("/login"));
}

#[actix_web::test]
async fn two_who_come_for_the_first_time_at_once_are_one_person() {
    let desk = Desk::new().await;
    let identity = Identity {
        issuer: "https://id.example.com".into(),
        subject: "s-1".into(),
        email: Some("eve@elsewhere.example".into()),
        email_verified: true,
        name: None,
        role: Some(Role::Reviewer),
        factor_met: false,
    };
    let barrier = Arc::new(std::sync::Barrier::new(4));
    let tries: Vec<_> = (0..4)
        .map(|_| {
            let (db, identity, barrier, now) = (desk.state.db.clone(), identity.clone(), Arc::clone(&barrier), desk.now());
            std::thread::spawn(move || {
                barrier.wait();
                db.write(|conn| identity::enter(conn, &identity, "192.0.2.1", now)).map(|entered| entered.map(drop).map_err(|error| error.code))
            })
        })
        .collect();
    let ended: Vec<_> = tries.into_iter().map(|one| one.join().unwrap()).collect();
    assert!(ended.iter().any(|one| matches!(one, Ok(Ok(())))), "{ended:?}");
    assert_eq!(count(&desk, "SELECT COUNT(*) AS n FROM users WHERE subject = 's-1'"), 1);
    assert_eq!(count(&desk, "SELECT COUNT(*) AS n FROM users WHERE email = 'eve@elsewhere.example'"), 1);
}

async fn link<S, B>(browser: &mut Browser<S>, idp: &Idp, more: Value) -> Page
where
    S: Service<actix_http::Request, Response = ServiceResponse<B>, Error = actix_web::Error>,
    B: MessageBody,
{
    let subject = more.get("sub").cloned().unwrap_or(json!("s-1"));
    come_back_from(browser, "/account/provider", idp, more, Signed::Well, json!({"sub": subject})).await
}

#[actix_web::test]
async fn whoever_is_signed_in_links_their_account_whatever_the_address_there_and_unlinks_it() {
    let mut desk = Desk::new().await;
    let idp = Idp::start();
    set(&mut desk, settings_of(&idp));
    let (mut rita, mut other) = (Browser::new(desk.app().await), Browser::new(desk.app().await));
    rita.sign_in("rita").await;
    other.sign_in("rita").await;
    assert!(rita.get("/account").await.body.contains("href=\"/account/provider\""));
    let linked = link(&mut rita, &idp, json!({"email": "r@elsewhere.example"})).await;
    assert_eq!((linked.status, linked.location.as_deref()), (303, Some("/account#provider")), "{}", linked.body);
    let page = rita.get("/account").await.body;
    assert!(page.contains("Linked.") && page.contains(&format!("You sign in with {}", idp.issuer)) && page.contains("Unlink it"), "{page}");
    assert_eq!(other.get("/queue").await.status, 303, "the other session has ended");
    let mut there = Browser::new(desk.app().await);
    assert_eq!(sign_in(&mut there, &idp, json!({})).await.location.as_deref(), Some("/account"));
    assert!(there.get("/account").await.body.contains("Rita, reviewer"));

    let twice = link(&mut rita, &idp, json!({"sub": "s-2"})).await;
    assert!(twice.status == 409 && twice.body.contains("linked to a sign-in already"), "{}", twice.status);
    let mut max = Browser::new(desk.app().await);
    max.sign_in("max").await;
    let taken = link(&mut max, &idp, json!({})).await;
    assert!(taken.status == 409 && taken.body.contains("belongs to another account"), "{}", taken.status);
    assert!(max.get("/account").await.body.contains("Max"), "nobody was signed in as somebody else");

    let unlinked = rita.post("/account", "/account/provider/removal", &[]).await;
    assert_eq!((unlinked.status, unlinked.location.as_deref()), (303, Some("/account#provider")));
    assert!(rita.get("/account").await.body.contains("Unlinked.") && there.get("/queue").await.status == 303);
    assert_eq!(rita.post("/account", "/account/provider/removal", &[]).await.status, 409);
    let gone = sign_in(&mut there, &idp, json!({})).await;
    assert!(gone.status == 403 && gone.body.contains("Nobody here is known"), "{}", gone.status);
    let done = actions(&desk, row(&desk, "Rita").id.as_str());
    for action in ["user.link", "user.unlink"] {
        assert_eq!(done.iter().filter(|one| *one == action).count(), 1, "{action}: {done:?}");
    }
}

#[actix_web::test]
async fn nothing_is_linked_by_an_old_session_another_browser_or_a_lie_and_nobody_locks_themselves_out() {
    let mut desk = Desk::new().await;
    let idp = Idp::start();
    set(&mut desk, settings_of(&idp));
    let mut rita = Browser::new(desk.app().await);
    rita.sign_in("rita").await;
    let lie = come_back_from(&mut rita, "/account/provider", &idp, json!({}), Signed::ByAnotherKey, json!({"sub": "s-1"})).await;
    assert!(lie.status == 403 && lie.body.contains("cannot be verified") && lie.body.contains("Your account"), "{}", lie.status);
    let out = asked(&rita.get("/account/provider").await);
    let refused = rita.get(&format!("/login/provider/callback?error=access_denied&state={}", out["state"])).await;
    assert!(refused.status == 403 && refused.body.contains("did not let you in") && refused.body.contains("Your account"));

    let out = asked(&rita.get("/account/provider").await);
    let back = format!("/login/provider/callback?code=the-code&state={}", out["state"]);
    let grant = Grant {
        claims: claims(&idp, &out, &json!({})),
        challenge: out["code_challenge"].clone(),
        signed: Signed::Well,
        userinfo: json!({"sub": "s-1"}),
    };
    idp.grants.lock().unwrap().insert("the-code".into(), grant);
    let mut max = Browser::new(desk.app().await);
    max.sign_in("max").await;
    assert_eq!(max.get(&back).await.status, 403, "it began in another browser");
    users_signed_out(&desk, "rita");
    assert_eq!(rita.get(&back).await.status, 403, "she was signed out meanwhile");
    assert_eq!(count(&desk, "SELECT COUNT(*) AS n FROM users WHERE subject IS NOT NULL"), 0);

    rita.sign_in("rita").await;
    let (person, now) = (desk.person("Rita"), desk.now());
    let identity = Identity {
        issuer: idp.issuer.clone(),
        subject: "s-1".into(),
        email: None,
        email_verified: false,
        name: None,
        role: Some(Role::Admin),
        factor_met: true,
    };
    desk.write(|conn| identity::link(conn, &person, &identity, now)).unwrap();
    assert_eq!(row(&desk, "Rita").role, Role::Reviewer, "a claim counts at the next sign-in there, not here");
    let unlink = |since| desk.write(|conn| identity::unlink_own(conn, &person, since, now)).unwrap_err().code;
    assert_eq!(unlink(now.plus_seconds(-600)), "sign_in_stale");
    sql(&desk, "UPDATE users SET password_hash = NULL WHERE name = 'Rita'");
    assert_eq!(unlink(now), "password_missing");
}

/// Ends every session of a person.
fn users_signed_out(desk: &Desk, name: &str) {
    assert_eq!(sql(desk, &format!("UPDATE users SET sign_in_epoch = sign_in_epoch + 1 WHERE lower(name) = '{name}'")), 1);
}

/// A provider behind TLS, and the certificate that it shows.
async fn behind_tls() -> (Arc<Idp>, rustls::pki_types::CertificateDer<'static>) {
    let key = rcgen::KeyPair::generate().unwrap();
    let cert = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key.serialize_der().try_into().unwrap())
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let plain = TcpListener::bind("127.0.0.1:0").unwrap();
    let inner = plain.local_addr().unwrap();
    let idp = Idp::at(plain, format!("https://localhost:{}", listener.local_addr().unwrap().port()));
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let mut inner = tokio::net::TcpStream::connect(inner).await?;
                tokio::io::copy_bidirectional(&mut acceptor.accept(client).await?, &mut inner).await
            });
        }
    });
    (idp, cert.der().clone())
}

#[actix_web::test]
async fn a_provider_with_a_certificate_of_a_private_authority_is_trusted_where_its_file_is_named() {
    let mut desk = Desk::new().await;
    let (idp, root) = behind_tls().await;
    set(&mut desk, settings_of(&idp));
    let mut here = Browser::new(desk.app().await);
    let page = here.get("/login/provider").await;
    drop(here);
    assert!(page.status == 502 && page.body.contains("cannot be reached"), "an unknown authority is not trusted: {}", page.status);

    let (folder, base) = (tempfile::tempdir().unwrap(), "https://desk.example.com");
    let (pem, file) = (folder.path().join("ca.pem"), folder.path().join("countersign.toml"));
    std::fs::write(&pem, format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", STANDARD.encode(&root))).unwrap();
    let section = format!("[oidc]\nissuer = \"{}\"\nclient_id = \"desk\"\nca_file = \"{}\"\n", idp.issuer, pem.display());
    std::fs::write(&file, section).unwrap();
    let read = config::provider_alone(&file, base).unwrap().unwrap();
    set(&mut desk, Settings { ca: read.ca, ..settings_of(&idp) });
    let mut here = Browser::new(desk.app().await);
    assert_eq!(sign_in(&mut here, &idp, rita()).await.location.as_deref(), Some("/account"));
    assert!(here.get("/account").await.body.contains("Rita, reviewer"));
}
