//! A desk of its own for every test: database, people, keys, mailboxes, mail catcher.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use actix_web::body::MessageBody;
use actix_web::cookie::Key;
use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::header;
use actix_web::{App, test};
use countersign::api::limits::Limits;
use countersign::app::{self, State};
use countersign::call_log::CallLog;
use countersign::catcher::{Behaviour, Catcher};
use countersign::clock::{self, Time};
use countersign::db::{self, Conn, Db};
use countersign::dialer::Dialer;
use countersign::domain::accounts::users::{self, NewUser};
use countersign::domain::actor::{Actor, Role, Scope};
use countersign::domain::audit;
use countersign::domain::drafting::Playbook;
use countersign::domain::error::Result;
use countersign::domain::ids::{MailboxId, MessageId};
use countersign::domain::keys::{self, NewKey};
use countersign::domain::mailboxes::{self, Mailbox, Mode, NewMailbox};
use countersign::domain::messages::decide::{Decide, decide};
use countersign::domain::messages::{self, DecisionKind, Message};
use countersign::domain::settings;
use countersign::email::Transport;
use countersign::email::dkim::KeyRing;
use countersign::feed::Feed;
use countersign::senders::Senders;
use countersign::web::{CookieKey, upload_limits};
use countersign::worker;
use serde_json::{Value, json};

pub const OPERATOR: Actor = Actor::System("test");
pub const PASSWORD: &str = "a long enough password";

static COUNT: AtomicU32 = AtomicU32::new(0);

/// Everything one test needs.
pub struct Desk {
    pub state: State,
    pub catcher: Arc<Catcher>,
    pub agent: String,
    pub oversight: String,
    /// Another mail server than the catcher.
    pub relay: Option<std::net::SocketAddr>,
    _database: Option<OnServer>,
    _folder: tempfile::TempDir,
}

/// A database that PostgreSQL drops with the desk it belongs to: hundreds of them would fill the disk.
struct OnServer {
    server: String,
    name: String,
}

impl Drop for OnServer {
    fn drop(&mut self) {
        let _ = on_server(&self.server, &format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name));
    }
}

fn on_server(server: &str, statement: &str) -> diesel::QueryResult<usize> {
    use diesel::{Connection, RunQueryDsl};
    let mut conn = diesel::PgConnection::establish(server).unwrap();
    diesel::sql_query(statement).execute(&mut conn)
}

fn new_on_server(server: String, suffix: &str, template: &str) -> (String, OnServer) {
    let name = format!("test_{}_{suffix}", std::process::id());
    on_server(&server, &format!("CREATE DATABASE {name} {template}")).unwrap();
    let (base, _) = server.rsplit_once('/').unwrap();
    (format!("{base}/{name}"), OnServer { server, name })
}

/// The desk that every test starts from, made once: migrations and password hashes take longer than most tests.
struct Template {
    kept: Kept,
    agent: String,
    oversight: String,
}

enum Kept {
    Sqlite { bytes: Vec<u8>, permissions: std::fs::Permissions },
    Postgres { server: String, name: String },
}

fn template() -> &'static Template {
    static TEMPLATE: std::sync::OnceLock<Template> = std::sync::OnceLock::new();
    TEMPLATE.get_or_init(|| match std::env::var("COUNTERSIGN_TEST_DATABASE_URL") {
        Err(_) => {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("template.db");
            let (agent, oversight) = furnish(&Db::open(&format!("sqlite://{}", path.display()), 1).unwrap());
            let permissions = std::fs::metadata(&path).unwrap().permissions();
            Template { kept: Kept::Sqlite { bytes: std::fs::read(path).unwrap(), permissions }, agent, oversight }
        }
        Ok(server) => {
            let (url, made) = new_on_server(server, "template", "");
            let (agent, oversight) = furnish(&Db::open(&url, 1).unwrap());
            let (server, name) = (made.server.clone(), made.name.clone());
            std::mem::forget(made);
            // A database is copied only while nobody is connected to it.
            on_server(&server, &format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")).unwrap();
            Template { kept: Kept::Postgres { server, name }, agent, oversight }
        }
    })
}

/// Migrates and fills; keys of an agent and of a person's program.
fn furnish(db: &Db) -> (String, String) {
    db::migrate::run(db).unwrap();
    db.write(|conn| {
        settings::set(conn, settings::BASE_URL, "https://desk.example.com")?;
        // Where it is served over https, people would have to set one up first; those of the second factor do.
        settings::set(conn, settings::SECOND_FACTOR_REQUIRED, "nobody")?;
        // Caps and grounds would stop most tests, which are about something else; those of the checks set their own.
        settings::set(conn, settings::SENDING_RULES, r#"{"cap_messages":0,"ground":"reviewed"}"#)?;
        for mode in Mode::ALL {
            let new = NewMailbox {
                address: format!("{}@sender.example", mode.as_str().replace('_', "-")),
                name: "Sender".into(),
                mode: *mode,
                postal_address: "1 Main Street, Springfield".into(),
                undo_seconds: 0,
            };
            mailboxes::add(conn, &OPERATOR, &new, clock::now())?;
        }
        let all: Vec<MailboxId> = mailboxes::list(conn, &OPERATOR)?.into_iter().map(|m| m.id).collect();
        for (role, name) in [(Role::Admin, "Ada"), (Role::Manager, "Max"), (Role::Reviewer, "Rita"), (Role::Reviewer, "Rob")] {
            let new = NewUser {
                email: format!("{}@desk.example", name.to_lowercase()),
                name: name.into(),
                role,
                password: Some(PASSWORD.into()),
                mailboxes: all.clone(),
            };
            users::add(conn, &OPERATOR, &new, clock::now())?;
        }
        // A test that goes past a Monday morning would get mail that it does not count; the test of that mail takes this back.
        let nobody = "INSERT INTO weekly_choices (user_id, wanted) SELECT id, FALSE FROM users";
        countersign::on_either!(conn, inner => diesel::RunQueryDsl::execute(diesel::sql_query(nobody), inner))?;
        let mut key = |scopes: &[Scope]| {
            let new = NewKey::named("key", scopes);
            keys::add(conn, &OPERATOR, &new, clock::now()).map(|(_, secret)| secret)
        };
        Ok::<_, countersign::domain::error::Error>((
            key(&[Scope::Read, Scope::Draft, Scope::Contacts])?,
            key(&[Scope::Read, Scope::OversightRead, Scope::Oversight])?,
        ))
    })
    .unwrap()
}

fn database(folder: &tempfile::TempDir) -> (Db, Option<OnServer>) {
    match &template().kept {
        Kept::Sqlite { bytes, permissions } => {
            let path = folder.path().join("test.db");
            std::fs::write(&path, bytes).unwrap();
            std::fs::set_permissions(&path, permissions.clone()).unwrap();
            (Db::open(&format!("sqlite://{}", path.display()), 4).unwrap(), None)
        }
        Kept::Postgres { server, name } => {
            let count = COUNT.fetch_add(1, Ordering::SeqCst).to_string();
            let (url, made) = new_on_server(server.clone(), &count, &format!("TEMPLATE {name}"));
            (Db::open(&url, 4).unwrap(), Some(made))
        }
    }
}

impl Desk {
    pub async fn new() -> Desk {
        Self::with(Behaviour::new()).await
    }

    pub async fn with(behaviour: Behaviour) -> Desk {
        let folder = tempfile::tempdir().unwrap();
        let (db, database) = database(&folder);
        let Template { agent, oversight, .. } = template();
        let catcher = Arc::new(Catcher::start_with("127.0.0.1:0", behaviour).await.unwrap());
        let calls = CallLog::start(db.clone()).unwrap();
        let state = State {
            db,
            base_url: "https://desk.example.com".into(),
            email_configured: true,
            stripe_secret: Some(Arc::new("whsec_test".to_owned().into())),
            drafter: Arc::new(Playbook),
            sounding: None,
            dialer: Arc::new(Dialer::new(vec![])),
            wake: Arc::new(tokio::sync::Notify::new()),
            feed: Feed::default(),
            limits: Arc::new(Limits::generous()),
            calls,
            senders: Arc::new(Senders { keys: KeyRing::new(Some(folder.path().join("dkim"))), ..Senders::default() }),
            setup: Arc::default(),
            provider: None,
            catcher: None,
        };
        Desk { state, catcher, agent: agent.clone(), oversight: oversight.clone(), relay: None, _database: database, _folder: folder }
    }

    /// The app as it is served.
    pub async fn app(&self) -> impl Service<actix_http::Request, Response = ServiceResponse<impl MessageBody>, Error = actix_web::Error> {
        app_of(&self.state).await
    }

    /// Another process on the same database: its own pool, its own memory.
    pub fn restarted(&self) -> State {
        let db = Db::open(self.state.db.url(), 4).unwrap();
        let (calls, wake) = (CallLog::start(db.clone()).unwrap(), Arc::new(tokio::sync::Notify::new()));
        State { db, calls, wake, limits: Arc::new(Limits::generous()), ..self.state.clone() }
    }

    pub fn write<T>(&self, work: impl FnOnce(&mut Conn) -> Result<T>) -> Result<T> {
        self.state.db.write(work)
    }

    pub fn read<T>(&self, work: impl FnOnce(&mut Conn) -> Result<T>) -> T {
        self.state.db.read(work).unwrap()
    }

    pub fn transport(&self) -> Transport {
        Transport::parse(&format!("smtp://{}", self.relay.unwrap_or_else(|| self.catcher.addr()))).unwrap()
    }

    /// Sends until nothing is left that can be sent now.
    pub async fn drain(&self) {
        worker::drain(self.state.clone(), self.transport()).await.unwrap();
    }

    /// A key for all mailboxes.
    pub fn key(&self, scopes: &[Scope]) -> String {
        self.write(|conn| keys::add(conn, &OPERATOR, &NewKey::named("key", scopes), clock::now())).unwrap().1
    }

    /// A call with a key: status and JSON.
    pub async fn call(&self, key: &str, method: &str, path: &str, body: Value) -> (u16, Value) {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.raw(key, method, path, body).await
    }

    pub async fn raw(&self, key: &str, method: &str, path: &str, body: impl Into<actix_web::web::Bytes>) -> (u16, Value) {
        let app = self.app().await;
        let request = test::TestRequest::default()
            .method(method.parse().unwrap())
            .uri(path)
            .insert_header((header::AUTHORIZATION, format!("Bearer {key}")))
            .insert_header((header::CONTENT_TYPE, "application/json"))
            .set_payload(body)
            .to_request();
        let response = test::call_service(&app, request).await;
        let status = response.status().as_u16();
        let bytes = test::read_body(response).await;
        (status, without_request_id(serde_json::from_slice(&bytes).unwrap_or(Value::Null)))
    }

    /// Submits a message from the mailbox of this mode; status and answer.
    pub async fn send(&self, mode: Mode, to: &str, more: Value) -> (u16, Value) {
        let mut body = json!({"mailbox": address(mode), "to": to, "subject": "A subject", "text_body": "Hello there."});
        for (name, value) in more.as_object().into_iter().flatten() {
            body[name] = value.clone();
        }
        self.call(&self.agent, "POST", "/v1/send", body).await
    }

    /// The actor of a person, by name.
    pub fn person(&self, name: &str) -> Actor {
        self.read(|conn| {
            let user = users::list(conn, &OPERATOR)?.into_iter().find(|user| user.row.name == name).unwrap();
            Ok(users::actor_of_session(conn, &user.row.id, user.row.sign_in_epoch)?.unwrap())
        })
    }

    /// A message of an agent that waits for a decision.
    pub async fn pending(&self, to: &str, more: Value) -> Message {
        let (status, answer) = self.send(Mode::GatedSend, to, more).await;
        assert_eq!(status, 202, "{answer}");
        self.message(answer["id"].as_str().unwrap())
    }

    pub fn message(&self, id: &str) -> Message {
        self.read(|conn| messages::get(conn, &OPERATOR, &MessageId::from(id)))
    }

    /// A decision by a person, by name, on what the message says.
    pub fn decide(&self, who: &str, message: &Message, kind: DecisionKind) -> Result<Message> {
        let actor = self.person(who);
        let decision = Decide { reason: Some("because"), content_hash: Some(&message.row.content_hash), ..Decide::on(&message.row.id, kind) };
        self.write(|conn| decide(conn, &actor, &decision, self.now()))
    }

    pub fn mailbox(&self, mode: Mode) -> Mailbox {
        self.read(|conn| mailboxes::resolve(conn, &OPERATOR, Some(&address(mode))))
    }

    pub fn now(&self) -> Time {
        clock::now()
    }
}

/// An answer as it would be for any call that means the same.
pub fn without_request_id(mut answer: Value) -> Value {
    if let Some(fields) = answer.as_object_mut().filter(|fields| fields.contains_key("code")) {
        fields.remove("request_id");
    }
    answer
}

pub fn address(mode: Mode) -> String {
    format!("{}@sender.example", mode.as_str().replace('_', "-"))
}

/// The app as it is served, on this state.
pub async fn app_of(state: &State) -> impl Service<actix_http::Request, Response = ServiceResponse<impl MessageBody>, Error = actix_web::Error> {
    let key = CookieKey(Key::from(&[7; 64]));
    test::init_service(App::new().app_data(upload_limits()).configure(app::configure(state.clone(), key))).await
}

/// An answer with its headers.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: header::HeaderMap,
    pub body: Value,
}

impl Reply {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    pub fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }
}

/// A call with a key and headers, at this state.
pub async fn ask(state: &State, key: &str, method: &str, path: &str, headers: &[(&str, &str)], body: &Value) -> Reply {
    let app = app_of(state).await;
    let mut request = test::TestRequest::default()
        .method(method.parse().unwrap())
        .uri(path)
        .peer_addr("203.0.113.7:4000".parse().unwrap())
        .insert_header((header::CONTENT_TYPE, "application/json"));
    if !key.is_empty() {
        request = request.insert_header((header::AUTHORIZATION, format!("Bearer {key}")));
    }
    for (name, value) in headers {
        request = request.append_header((*name, *value));
    }
    if !body.is_null() {
        request = request.set_payload(body.to_string());
    }
    let response = test::call_service(&app, request.to_request()).await;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let bytes = test::read_body(response).await;
    Reply { status, headers, body: serde_json::from_slice(&bytes).unwrap_or(Value::Null) }
}

/// Runs a statement.
pub fn sql(desk: &Desk, text: &str) -> usize {
    use diesel::RunQueryDsl;
    desk.write(|conn| Ok(countersign::on_either!(conn, inner => diesel::sql_query(text).execute(inner))?)).unwrap()
}

/// The number that a statement gives as n.
pub fn count(desk: &Desk, text: &str) -> i64 {
    use diesel::RunQueryDsl;
    #[derive(diesel::QueryableByName)]
    struct Found {
        #[diesel(sql_type = diesel::sql_types::BigInt)]
        n: i64,
    }
    let found: Found = desk.read(|conn| Ok(countersign::on_either!(conn, inner => diesel::sql_query(text).get_result(inner))?));
    found.n
}

/// A browser with a session, as far as the server can tell.
pub struct Browser<S> {
    pub app: S,
    pub cookie: Option<String>,
}

pub struct Page {
    pub status: u16,
    pub body: String,
    pub location: Option<String>,
    pub set_cookie: Option<String>,
    /// The content security policy.
    pub policy: Option<String>,
}

impl<S, B> Browser<S>
where
    S: Service<actix_http::Request, Response = ServiceResponse<B>, Error = actix_web::Error>,
    B: MessageBody,
{
    pub fn new(app: S) -> Self {
        Browser { app, cookie: None }
    }

    pub async fn run(&mut self, mut request: test::TestRequest) -> Page {
        if let Some(cookie) = &self.cookie {
            request = request.insert_header((header::COOKIE, cookie.clone()));
        }
        let response = test::call_service(&self.app, request.to_request()).await;
        let text = |name: header::HeaderName| response.headers().get(name).and_then(|v| v.to_str().ok()).map(str::to_owned);
        let policy = text(header::CONTENT_SECURITY_POLICY);
        let (status, location, set_cookie) = (response.status().as_u16(), text(header::LOCATION), text(header::SET_COOKIE));
        if let Some(cookie) = &set_cookie {
            self.cookie = cookie.split(';').next().map(str::to_owned);
        }
        let body = String::from_utf8_lossy(&test::read_body(response).await).into_owned();
        Page { status, body, location, set_cookie, policy }
    }

    pub async fn get(&mut self, path: &str) -> Page {
        self.run(test::TestRequest::get().uri(path)).await
    }

    /// Posts a form with the token of the session, which the page at `from` carries.
    pub async fn post(&mut self, from: &str, path: &str, fields: &[(&str, &str)]) -> Page {
        let page = self.get(from).await;
        let token = page.body.split("name=\"csrf\" value=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_default().to_owned();
        let mut all = vec![("csrf", token.as_str())];
        all.extend_from_slice(fields);
        self.post_bare(path, &all).await
    }

    pub async fn post_bare(&mut self, path: &str, fields: &[(&str, &str)]) -> Page {
        self.run(test::TestRequest::post().uri(path).set_form(fields)).await
    }

    pub async fn sign_in(&mut self, name: &str) -> Page {
        let email = format!("{name}@desk.example");
        self.post("/login", "/login", &[("email", &email), ("password", PASSWORD)]).await
    }

    /// The same for somebody with a second factor.
    pub async fn sign_in_with(&mut self, name: &str, code: &str) -> Page {
        self.sign_in(name).await;
        self.post("/login/code", "/login/code", &[("code", code)]).await
    }
}

/// The text that a statement gives as body.
pub fn text(desk: &Desk, query: &str) -> String {
    texts(desk, query).remove(0)
}

/// The texts that a statement gives as body.
pub fn texts(desk: &Desk, query: &str) -> Vec<String> {
    use diesel::RunQueryDsl;
    #[derive(diesel::QueryableByName)]
    struct Found {
        #[diesel(sql_type = diesel::sql_types::Text)]
        body: String,
    }
    let found: Vec<Found> = desk.read(|conn| Ok(countersign::on_either!(conn, inner => diesel::sql_query(query).load(inner))?));
    found.into_iter().map(|row| row.body).collect()
}

/// The newest lines of the log, about this thing where one is named.
pub fn log_of(conn: &mut Conn, actor: &Actor, target: Option<&str>, limit: i64) -> Result<Vec<audit::Line>> {
    audit::filtered(conn, actor, &audit::Filter { target: target.map(str::to_owned), limit, ..audit::Filter::default() })
}
