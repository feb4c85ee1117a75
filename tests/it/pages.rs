//! Pages: who gets in, who may do what, and what a form needs.

use std::sync::{Arc, Barrier};

use countersign::db::Db;
use countersign::domain::accounts::users::{self, NewUser};
use countersign::domain::actor::Role;
use countersign::domain::messages::DecisionKind;
use countersign::domain::messages::content::Words;
use countersign::domain::messages::edit::edit;
use countersign::web::{Access, ROUTES};
use serde_json::json;

use crate::support::{Browser, Desk, OPERATOR, PASSWORD};

pub fn concrete(path: &str) -> String {
    path.replace("{id}", "00000000-0000-7000-8000-000000000000").replace("{vid}", "00000000-0000-7000-8000-000000000000").replace("{token}", "token")
}

#[actix_web::test]
async fn every_route_admits_whom_the_table_says() {
    let desk = Desk::new().await;
    for name in ["", "rita", "max", "ada"] {
        let mut browser = Browser::new(desk.app().await);
        if !name.is_empty() {
            assert_eq!(browser.sign_in(name).await.status, 303);
        }
        for route in ROUTES.iter().filter(|route| route.path != "/logout") {
            let page = match route.method {
                "get" => browser.get(&concrete(route.path)).await,
                _ => browser.post_bare(&concrete(route.path), &[]).await,
            };
            let to_sign_in = page.status == 303 && page.location.as_deref().is_some_and(|to| to.starts_with("/login"));
            let no_role = page.status == 403 && page.body.contains("Your role does not include this page");
            let admitted = match (route.access, name) {
                (Access::Public, _) => true,
                (_, "") => false,
                (Access::SignedIn, _) => true,
                (Access::Manager, name) => name != "rita",
                (Access::Admin, name) => name == "ada",
            };
            assert_eq!(!to_sign_in && !no_role, admitted, "{name:?} at {} {}: {}", route.method, route.path, page.status);
        }
    }
}

/// Whether a form is posted with files, and so read another way.
fn takes_files(path: &str) -> bool {
    path.ends_with("/import") || path == "/migrations/{id}/changes"
}

#[actix_web::test]
async fn every_form_needs_the_token_of_its_session() {
    let desk = Desk::new().await;
    let mut browser = Browser::new(desk.app().await);
    browser.sign_in("ada").await;
    // Imports post a file, so their forms are read another way; they are tried below.
    // What a link in a mail posts has no session: its token is the secret.
    // The page on which a mail is looked at changes nothing.
    let by_link = ["/u/{token}", "/preferences/{token}", "/confirm/{token}", "/verify"];
    let forms = ROUTES.iter().filter(|route| route.method == "post" && !by_link.contains(&route.path) && !takes_files(route.path));
    for route in forms {
        for fields in [&[][..], &[("csrf", "wrong")][..]] {
            let page = browser.post_bare(&concrete(route.path), fields).await;
            assert_eq!(page.status, 403, "{}", route.path);
            assert!(page.body.contains("This form is too old"), "{}", route.path);
        }
    }
    for path in ROUTES.iter().filter(|route| route.method == "post").map(|route| route.path).filter(|path| takes_files(path)) {
        let part = |name: &str, value: &str| format!("--x\r\nContent-Disposition: form-data; name=\"{name}\"{value}\r\n");
        let kind = if path.starts_with("/facts") { part("kind", "\r\n\r\noffer") } else { String::new() };
        let file = |name: &str| part(name, "; filename=\"a.csv\"\r\nContent-Type: text/csv\r\n\r\ncustomer_email,name,code");
        let files = if path.ends_with("/changes") { [file("old"), file("new")].concat() } else { file("file") };
        let body = format!("{}{kind}{files}--x--\r\n", part("csrf", "\r\n\r\nwrong"));
        let post = actix_web::test::TestRequest::post().uri(&concrete(path)).insert_header(("content-type", "multipart/form-data; boundary=x"));
        let page = browser.run(post.set_payload(body)).await;
        assert!(page.status == 403 && page.body.contains("This form is too old"), "{path}: {}", page.status);
    }
}

#[actix_web::test]
async fn every_key_has_a_button_that_does_the_same() {
    let desk = Desk::new().await;
    let wild = desk.pending("wild@example.com", json!({"text_body": "Hello,\n\nyou get 97% off.\n\nBye"})).await;
    let edited = desk.pending("edited@example.com", json!({})).await;
    let approved = desk.pending("approved@example.com", json!({})).await;
    desk.pending("last@example.com", json!({})).await;
    desk.decide("Rita", &approved, DecisionKind::Approve).unwrap();
    let (rob, words) = (desk.person("Rob"), Words { subject: "Another".into(), text: Some("Words".into()), html: None });
    desk.write(|conn| edit(conn, &rob, &edited.row.id, &words, None, desk.now())).unwrap();
    let mut rita = Browser::new(desk.app().await);
    rita.sign_in("rita").await;
    let queue = rita.get("/queue").await.body;
    let pages =
        [queue.clone(), rita.get(&format!("/messages/{}", wild.row.id)).await.body, rita.get(&format!("/messages/{}", edited.row.id)).await.body];
    let registry: Vec<&str> = queue.split("data-then=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert!(registry.len() > 20, "{registry:?}");
    // What Ctrl+Enter sends has a button in every form.
    for does in registry.iter().filter(|does| **does != "submit") {
        let button = format!("data-does=\"{does}\"");
        assert!(pages.iter().any(|page| page.contains(&button)), "no button does {does}");
    }
}

#[actix_web::test]
async fn an_error_stands_in_the_frame_of_who_visits() {
    let desk = Desk::new().await;
    let mut browser = Browser::new(desk.app().await);
    browser.sign_in("rita").await;
    for path in ["/messages/nothing", "/facts/nothing", "/churn/nothing", "/nowhere"] {
        let page = browser.get(path).await;
        assert!(page.status == 404 && page.body.contains("Sign out"), "{path}: {}", page.status);
    }
    let page = browser.post_bare("/messages/nothing/approval", &[]).await;
    assert!(page.status == 403 && page.body.contains("Sign out"), "a form without its token: {}", page.status);
}

#[actix_web::test]
async fn what_cannot_be_read_behind_the_question_mark_is_a_page_that_says_so() {
    let desk = Desk::new().await;
    let mut browser = Browser::new(desk.app().await);
    browser.sign_in("ada").await;
    for path in ["/audit?before=soon", "/messages?q=a&q=b", "/inbox?%FF=%FF&before=x&before=y"] {
        let page = browser.get(path).await;
        assert!(page.status == 422 || page.status == 200, "{path}: {}", page.status);
        assert!(page.body.contains("<main"), "{path}: {}", page.body);
    }
    let page = browser.get("/audit?before=soon").await;
    assert!(page.status == 422 && page.body.contains("after the question mark cannot be read"), "{}", page.body);
}

#[actix_web::test]
async fn signing_in_sets_a_cookie_that_ends_with_the_session() {
    let desk = Desk::new().await;
    let mut browser = Browser::new(desk.app().await);
    browser.get("/login").await;
    let before = browser.cookie.clone();
    let page = browser.sign_in("rita").await;
    let cookie = page.set_cookie.unwrap();
    for wanted in ["__Host-countersign=", "HttpOnly", "Secure", "SameSite=Lax", "Path=/"] {
        assert!(cookie.contains(wanted), "{wanted} in {cookie}");
    }
    assert_ne!(before, browser.cookie, "the id changes at sign-in");
    assert_eq!(browser.get("/queue").await.status, 200);
    let kept = browser.cookie.clone();
    browser.post("/queue", "/logout", &[]).await;
    browser.cookie = kept;
    assert_eq!(browser.get("/queue").await.status, 303, "the old cookie is dead");
}

#[actix_web::test]
async fn a_new_password_and_disabling_end_sessions() {
    let desk = Desk::new().await;
    let (mut here, mut there) = (Browser::new(desk.app().await), Browser::new(desk.app().await));
    here.sign_in("rita").await;
    there.sign_in("rita").await;
    let page = here.post("/account", "/account", &[("old_password", PASSWORD), ("password", "another long password")]).await;
    assert_eq!(page.status, 303);
    assert_eq!(there.get("/queue").await.status, 303, "the other session ended too");
    let mut rob = Browser::new(desk.app().await);
    rob.sign_in("rob").await;
    assert_eq!(rob.get("/queue").await.status, 200);
    let id = desk.read(|conn| users::list(conn, &OPERATOR)).into_iter().find(|u| u.row.name == "Rob").unwrap().row.id;
    desk.write(|conn| users::set_disabled(conn, &OPERATOR, &id, true, desk.now())).unwrap();
    assert_eq!(rob.get("/queue").await.status, 303);
}

#[actix_web::test]
async fn a_failed_sign_in_tells_nothing_and_is_throttled() {
    let desk = Desk::new().await;
    let mut browser = Browser::new(desk.app().await);
    let strip = |page: crate::support::Page, email: &str| {
        page.body.replace(email, "…").split("name=\"csrf\"").last().unwrap().split_once("<h1>").unwrap().1.to_owned()
    };
    let known = browser.post("/login", "/login", &[("email", "rita@desk.example"), ("password", "wrong password")]).await;
    let unknown = browser.post("/login", "/login", &[("email", "nina@desk.example"), ("password", "wrong password")]).await;
    assert_eq!((known.status, unknown.status), (403, 403));
    assert_eq!(strip(known, "rita@desk.example"), strip(unknown, "nina@desk.example"));
    for _ in 0..10 {
        browser.post("/login", "/login", &[("email", "rita@desk.example"), ("password", "wrong password")]).await;
    }
    let page = browser.sign_in("rita").await;
    assert_eq!(page.status, 403, "even the right password waits now");
    assert!(page.body.contains("too many attempts"));
}

#[actix_web::test]
async fn the_first_administrator_comes_by_a_link_that_works_once() {
    use countersign::db;
    let folder = tempfile::tempdir().unwrap();
    let db = Db::open(&format!("sqlite://{}", folder.path().join("new.db").display()), 2).unwrap();
    db::migrate::run(&db).unwrap();
    let now = countersign::clock::now();
    let token = db.write(|conn| users::first_admin_invitation(conn, now)).unwrap().unwrap();
    let accept = |token: &str| db.write(|conn| users::accept_invitation(conn, token, "me@desk.example", "Me", PASSWORD, now));
    accept(&token).unwrap();
    assert_eq!(accept(&token).unwrap_err().code, "not_found");
    assert!(db.write(|conn| users::first_admin_invitation(conn, now)).unwrap().is_none());
}

#[actix_web::test]
async fn the_last_administrator_stays() {
    let desk = Desk::new().await;
    let ada = desk.read(|conn| users::list(conn, &OPERATOR)).into_iter().find(|u| u.row.name == "Ada").unwrap().row.id;
    let refused = desk.write(|conn| users::set_disabled(conn, &OPERATOR, &ada, true, desk.now())).unwrap_err();
    assert_eq!(refused.code, "last_admin");
    let demote = |role: Role| desk.write(|conn| users::change(conn, &OPERATOR, &ada, role, &[], desk.now()));
    assert_eq!(demote(Role::Manager).unwrap_err().code, "last_admin");
    demote(Role::Admin).unwrap();
    // Who was only invited cannot sign in, so they do not count, and may go.
    let new = NewUser { email: "eve@desk.example".into(), name: "Eve".into(), role: Role::Admin, password: None, mailboxes: vec![] };
    let eve = desk.write(|conn| users::add(conn, &OPERATOR, &new, desk.now())).unwrap().id;
    assert_eq!(demote(Role::Reviewer).unwrap_err().code, "last_admin");
    desk.write(|conn| users::set_disabled(conn, &OPERATOR, &eve, true, desk.now())).unwrap();
}

#[actix_web::test]
async fn of_two_who_each_take_an_administrator_away_at_once_one_is_refused() {
    let desk = Desk::new().await;
    for round in 0..10 {
        let mut admins = vec![];
        for number in 0..2 {
            let (email, name) = (format!("admin{round}{number}@desk.example"), format!("Admin {number}"));
            let new = NewUser { email, name, role: Role::Admin, password: Some(PASSWORD.into()), mailboxes: vec![] };
            admins.push(desk.write(|conn| users::add(conn, &OPERATOR, &new, desk.now())).unwrap().id);
        }
        for user in desk.read(|conn| users::list(conn, &OPERATOR)) {
            if user.row.role == Role::Admin && !admins.contains(&user.row.id) {
                desk.write(|conn| users::change(conn, &OPERATOR, &user.row.id, Role::Reviewer, &[], desk.now())).unwrap();
            }
        }
        let (barrier, now) = (Arc::new(Barrier::new(2)), desk.now());
        let tries: Vec<_> = admins
            .into_iter()
            .enumerate()
            .map(|(number, id)| {
                // Each is a process of its own, so that no lock within one puts them in line.
                let (db, barrier) = (Db::open(desk.state.db.url(), 1).unwrap(), barrier.clone());
                std::thread::spawn(move || {
                    barrier.wait();
                    let done = db.write(|conn| match number {
                        0 => users::set_disabled(conn, &OPERATOR, &id, true, now),
                        _ => users::change(conn, &OPERATOR, &id, Role::Manager, &[], now),
                    });
                    done.map_err(|error| error.code)
                })
            })
            .collect();
        let mut results: Vec<_> = tries.into_iter().map(|one| one.join().unwrap()).collect();
        results.sort();
        assert_eq!(results, [Ok(()), Err("last_admin")], "round {round}");
    }
}

#[actix_web::test]
async fn a_page_that_is_not_there_says_so_and_carries_the_policy() {
    let desk = Desk::new().await;
    let mut browser = Browser::new(desk.app().await);
    let page = browser.get("/nowhere").await;
    assert_eq!(page.status, 404);
    assert!(page.body.contains("<h1>Nothing here</h1>"));
    browser.sign_in("rita").await;
    for path in ["/messages/00000000-0000-7000-8000-000000000000", "/churn/x", "/customers/x", "/mailboxes/x"] {
        assert_eq!(browser.get(path).await.status, 404, "{path}");
    }
}

#[actix_web::test]
async fn the_queue_is_filtered_by_words_in_any_case() {
    use countersign::domain::mailboxes::Mode;
    let desk = Desk::new().await;
    desk.send(Mode::GatedSend, "wanted@example.com", serde_json::json!({"subject": "Blue Whales"})).await;
    desk.send(Mode::GatedSend, "other@example.com", serde_json::json!({"subject": "Red pandas"})).await;
    let mut browser = Browser::new(desk.app().await);
    browser.sign_in("rita").await;
    for (query, wanted, other) in
        [("blue%20whales", true, false), ("WANTED", true, false), ("%25", false, false), ("nothing", false, false), ("", true, true)]
    {
        let body = browser.get(&format!("/queue?q={query}")).await.body;
        assert_eq!((body.contains("Blue Whales"), body.contains("Red pandas")), (wanted, other), "{query}");
    }
}

/// Answers of pages that are no page themselves: files, frames, redirects, streams, what programs read.
const NO_PAGE: [&str; 24] = [
    "/.well-known/countersign-keys.json",
    "/healthz",
    "/readyz",
    "/r/{token}",
    "/login/code",
    "/account/provider",
    "/login/provider",
    "/login/provider/callback",
    "/login/provider/end",
    "/login/passkey",
    "/events",
    "/",
    "/messages/{id}/preview",
    "/inbox/{id}/preview",
    "/inbox/{id}/raw",
    "/imports/{id}/refused.csv",
    "/reports/{id}/table.csv",
    "/customers/{id}/personal-data.json",
    "/customers/{id}/personal-data.csv",
    "/audit/heads/{day}",
    "/audit/export.csv",
    "/catcher",
    "/catcher/{id}/preview",
    "/catcher.json",
];

/// Whether a path is one of a pattern.
fn fits(pattern: &str, path: &str) -> bool {
    let (parts, of): (Vec<&str>, Vec<&str>) = (path.split('/').collect(), pattern.split('/').collect());
    parts.len() == of.len() && parts.iter().zip(&of).all(|(part, of)| of == part || of.starts_with('{'))
}

/// The pattern of a path: one without a place for an id first.
fn pattern_of(path: &str) -> Option<&'static str> {
    let gets = || ROUTES.iter().filter(|route| route.method == "get").map(|route| route.path);
    gets().find(|pattern| *pattern == path).or_else(|| gets().find(|pattern| fits(pattern, path)))
}

/// The sentence of a page: the paragraph that follows its heading.
fn help(page: &str) -> Option<&str> {
    let after = page.split("</h1>").nth(1)?.trim_start();
    let words = after.strip_prefix("<p").filter(|rest| rest.starts_with(['>', ' ']))?;
    let words = words.split_once('>')?.1.split("</p>").next()?;
    Some(words).filter(|words| words.split_whitespace().count() > 3 && words.contains('.'))
}

#[actix_web::test]
async fn every_page_has_help_in_one_sentence() {
    let desk = Desk::new().await;
    let now = desk.now();
    desk.write(|conn| countersign::cli::demo::fill_samples(conn, PASSWORD, now)).unwrap();
    let held = desk.pending("a@example.com", json!({"consent_basis": "contract"})).await;
    desk.decide("Rita", &held, DecisionKind::Approve).unwrap();
    desk.drain().await;
    let mut ada = Browser::new(desk.app().await);
    ada.sign_in("ada").await;
    let starts = ROUTES.iter().filter(|route| route.method == "get" && !route.path.contains('{')).map(|route| route.path.to_owned());
    let mut waiting: Vec<String> = starts.filter(|path| !NO_PAGE.contains(&path.as_str())).collect();
    let (mut met, mut without) = (std::collections::BTreeSet::new(), vec![]);
    while let Some(path) = waiting.pop() {
        let Some(pattern) = pattern_of(path.split(['?', '#']).next().unwrap()) else { continue };
        if NO_PAGE.contains(&pattern) || !met.insert(pattern) {
            continue;
        }
        // Who signed in has no page to sign in.
        let page = match pattern {
            "/login" | "/login/forgot" => Browser::new(desk.app().await).get(&path).await,
            _ => ada.get(&path).await,
        };
        if page.status == 303 {
            continue;
        }
        assert_eq!(page.status, 200, "{path}");
        if help(&page.body).is_none() {
            without.push(pattern);
        }
        waiting.extend(page.body.split(" href=\"/").skip(1).map(|rest| format!("/{}", rest.split('"').next().unwrap())));
    }
    assert_eq!(without, Vec::<&str>::new(), "pages without a sentence below their heading");
    assert!(met.len() > 60, "only {} kinds of pages were met: {met:?}", met.len());
}
